/* tests/api/test_progress.c — alpy_config.progress_fn: told about nests that take longer than a second, and only about those. */
#include "check.h"

#include <stdbool.h>

typedef struct Watch {
    int    n_told, n_ended;
    int    stop_after;              /* calls; then the program is interrupted */
    bool   is_wrong, is_open;
    double last_seconds, last_fraction;    /* fraction: -1 at first */
    char   file[32], device[16];
    int    line;
} Watch;

static void watch(void *user, const alpy_progress *p)
{
    Watch *w = user;
    if (!p) {
        w->is_wrong |= !w->is_open;
        w->is_open = false;
        w->n_ended++;
        return;
    }
    w->is_wrong |= p->seconds < 1 || p->seconds < w->last_seconds || p->fraction > 1 || (p->fraction >= 0) != (p->seconds_left >= 0) ||
                   p->fraction < w->last_fraction - 0.02;
    w->is_open = true;
    w->n_told++;
    w->last_seconds = p->seconds;
    w->last_fraction = p->fraction;
    w->line = p->line;
    snprintf(w->file, sizeof w->file, "%s", p->file);
    snprintf(w->device, sizeof w->device, "%s", p->device);
}

static int poll(void *user)
{
    const Watch *w = user;
    return w->n_told >= w->stop_after;
}

static alpy_status run(alpy_device device, Watch *w, const char *text)
{
    alpy_config config;
    alpy_vm *vm = NULL;
    alpy_config_init(&config);
    config.device = device;
    config.user = w;
    config.poll_fn = poll;
    config.progress_fn = watch;
    config.no_disk_cache = true;
    if (!CHECK_STATUS(alpy_open(&vm, &config), ALPY_OK))
        return ALPY_USAGE;
    alpy_status status = alpy_eval(vm, text, "long.alp");
    CHECK_STATUS(alpy_close(vm), ALPY_OK);
    return status;
}

static const char endless[] =
    "import numpy as np\nn = 1000000\na = np.ones(n)\n"
    "for k in range(100000000):\n    for i in range(n):\n        a[i] = a[i] * 0.5 + 1.0\n";
static const char endless_parallel[] =
    "import numpy as np\nn = 100000\na = np.ones(n)\n"
    "for i in range(n):\n    x = a[i]\n    for k in range(10000000):\n        x = x * 0.5 + 1.0\n    a[i] = x\n";
static const char short_one[] =
    "import numpy as np\nn = 1000\na = np.ones(n)\nfor i in range(n):\n    a[i] = a[i] * 0.5 + 1.0\n";

int main(void)
{
    static const alpy_device devices[] = { ALPY_DEVICE_REFERENCE, ALPY_DEVICE_CPU, ALPY_DEVICE_AUTO };
    char about[1600];
    alpy_about(about, sizeof about);
    size_t n = strncmp(about, "CPU: none", 9) == 0 ? 1 : sizeof devices / sizeof devices[0];        /* without a compiler the interpreter runs the others */
    for (size_t i = 0; i < n; i++) {
        Watch w = { .stop_after = 4, .last_fraction = -1 };
        CHECK_STATUS(run(devices[i], &w, i == 1 ? endless_parallel : endless), ALPY_INTERRUPTED);
        if (!CHECK(w.n_told == 4 && w.n_ended == 1 && !w.is_wrong && !w.is_open && w.line == 4 && strcmp(w.file, "long.alp") == 0))
            fprintf(stderr, "device %zu: told %d times, ended %d, %s line %d on %s, %g s, %g\n", i, w.n_told, w.n_ended, w.file, w.line, w.device,
                    w.last_seconds, w.last_fraction);
        Watch brief = { .stop_after = 1, .last_fraction = -1 };
        CHECK_STATUS(run(devices[i], &brief, short_one), ALPY_OK);
        CHECK(brief.n_told == 0 && brief.n_ended == 0);
    }
    return report();
}
