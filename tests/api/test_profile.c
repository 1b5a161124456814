/* tests/api/test_profile.c — alpy_profile_measure() and alpy_profile_show(): statuses, stopping, where the file lies. */
#include <stdlib.h>
#include <unistd.h>

#include "check.h"

typedef struct Told {
    int  n, stop_at;
    double last;
    bool ascending;
} Told;

static int progress(void *user, double done, const char *what)
{
    Told *t = user;
    t->ascending = (t->n == 0 || t->ascending) && done >= t->last && done <= 1 && what && *what;
    t->last = done;
    return ++t->n == t->stop_at;
}

static size_t shown;

static int count(void *user, const char *text, size_t size)
{
    (void)text;
    shown += size;
    return user && shown > 100;
}

int main(void)
{
    char folder[] = "/tmp/alpy-profile-XXXXXX", path[200], error[300] = "old";
    Told told = { .stop_at = 4 };
    if (!mkdtemp(folder))
        return 1;
    snprintf(path, sizeof path, "%s/p.json", folder);
    setenv("ALPY_PROFILE", path, 1);

    CHECK_STATUS(alpy_profile_measure(NULL, true, NULL, NULL, NULL, 0), ALPY_USAGE);
    CHECK_STATUS(alpy_profile_show(NULL, ALPY_PROFILE_TABLE, NULL, NULL, error, sizeof error), ALPY_USAGE);
    CHECK_STATUS(alpy_profile_show(NULL, (alpy_profile_format)7, count, NULL, error, sizeof error), ALPY_USAGE);
    CHECK_STATUS(alpy_profile_show(NULL, ALPY_PROFILE_JSON, count, NULL, NULL, 0), ALPY_USAGE);

    CHECK_STATUS(alpy_profile_measure(NULL, true, progress, &told, error, sizeof error), ALPY_INTERRUPTED);
    CHECK(told.n == 4 && told.ascending && access(path, F_OK) != 0);
    CHECK_STATUS(alpy_profile_show(NULL, ALPY_PROFILE_TABLE, count, NULL, error, sizeof error), ALPY_OK);
    CHECK(shown > 1000 && !error[0]);
    CHECK_STATUS(alpy_profile_show(path, ALPY_PROFILE_TABLE, count, NULL, error, sizeof error), ALPY_ERROR);
    CHECK(error[0]);

    told = (Told){ .stop_at = -1 };
    CHECK_STATUS(alpy_profile_measure(NULL, true, progress, &told, error, sizeof error), ALPY_OK);
    CHECK(told.n > 8 && told.ascending && told.last == 1 && access(path, R_OK) == 0);
    for (int format = ALPY_PROFILE_TABLE; format <= ALPY_PROFILE_JSON; format++) {
        shown = 0;
        CHECK_STATUS(alpy_profile_show(path, (alpy_profile_format)format, count, NULL, error, sizeof error), ALPY_OK);
        CHECK(shown > 1000 && !error[0]);
        shown = 0;
        CHECK_STATUS(alpy_profile_show(NULL, (alpy_profile_format)format, count, &told, error, sizeof error), ALPY_OK);
        CHECK(shown > 100 && shown < 400);
    }
    unlink(path);
    CHECK(rmdir(folder) == 0);
    return report();
}
