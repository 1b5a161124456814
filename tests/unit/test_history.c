/* tests/unit/test_history.c — what was measured, kept from run to run (jit/plan/history.h): the table, the file, and what becomes of damaged ones. */
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "jit/plan/history.h"
#include "jit/plan/kernel_cache.h"
#include "tests/unit/counted.h"

static Mem mem;
static char folder[200], path[240];

static History *begin(void)
{
    return history_new(&mem, true);
}

static void teach(History *h, uint64_t key, double ratio)
{
    correction_add(history_get(h, key), 1, ratio);
    history_changed(h);
}

static double ratio_of(History *h, uint64_t key)
{
    Correction c = history_peek(h, key);
    return c.n ? exp(c.log_ratio) : 0;
}

static bool about(double a, double b)
{
    return fabs(a - b) < 1e-4 * b;
}

static off_t file_size(void)
{
    struct stat st;
    return stat(path, &st) ? -1 : st.st_size;
}

static void test_keeping(void)
{
    History *h = begin();
    CHECK(ratio_of(h, 5) == 0, "empty");
    history_free(h);
    CHECK(file_size() < 0, "nothing learnt, nothing written");
    h = begin();
    Correction *c = history_get(h, 5);
    CHECK(c->n == 0 && history_is(c, 5) && !history_is(c, 6), "a new one");
    teach(h, 5, 3);
    teach(h, 6, 0.5);
    CHECK(history_get(h, 5) == c, "the same place");
    history_free(h);
    CHECK(file_size() == 24 + 2 * 24, "%ld bytes", (long)file_size());
    h = begin();
    CHECK(about(ratio_of(h, 5), 3) && about(ratio_of(h, 6), 0.5) && ratio_of(h, 7) == 0, "read again: %g %g", ratio_of(h, 5), ratio_of(h, 6));
    history_free(h);
    h = history_new(&mem, false);
    CHECK(ratio_of(h, 5) == 0, "not from disk");
    teach(h, 5, 7);
    history_free(h);
    /* Two at once: each adds what it learnt. */
    History *a = begin(), *b = begin();
    ratio_of(a, 5);
    ratio_of(b, 5);
    teach(a, 8, 4);
    teach(b, 9, 5);
    history_free(a);
    history_free(b);
    h = begin();
    CHECK(about(ratio_of(h, 5), 3) && about(ratio_of(h, 8), 4) && about(ratio_of(h, 9), 5), "two at once: %g %g", ratio_of(h, 8), ratio_of(h, 9));
    history_free(h);
}

/* The file stays small, and what was used last stays in it. */
static void test_bound(void)
{
    for (uint64_t run = 0; run < 6; run++) {
        History *h = begin();
        for (uint64_t k = 1; k <= 1000; k++)
            teach(h, 1000000 * (run + 1) + k, 2);
        teach(h, 5, 3);
        history_free(h);
    }
    CHECK(file_size() <= 24 + 24 * HISTORY_ENTRIES, "%ld bytes", (long)file_size());
    History *h = begin();
    uint32_t n_first = 0, n_last = 0;
    for (uint64_t k = 1; k <= 1000; k++) {
        n_first += ratio_of(h, 1000000 + k) != 0;
        n_last += ratio_of(h, 6000000 + k) != 0;
    }
    CHECK(ratio_of(h, 5) != 0 && n_last > 950 && n_first < 100, "%u of the first run, %u of the last", n_first, n_last);
    history_free(h);
    struct timespec from, to;
    double least = 1e9;
    for (int i = 0; i < 20; i++) {
        h = begin();
        clock_gettime(CLOCK_MONOTONIC, &from);
        ratio_of(h, 5);
        clock_gettime(CLOCK_MONOTONIC, &to);
        double ns = (double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec);
        least = ns < least ? ns : least;
        history_free(h);
    }
    printf("reading %ld bytes: %.0f us\n", (long)file_size(), least / 1e3);
}

static void damage(off_t at, unsigned char bits)
{
    unsigned char x;
    int fd = open(path, O_RDWR);
    if (fd < 0 || pread(fd, &x, 1, at) != 1 || (x ^= bits, pwrite(fd, &x, 1, at)) != 1)
        CHECK(false, "the file cannot be damaged");
    if (fd >= 0)
        close(fd);
}

static void write_one(void)
{
    unlink(path);
    History *h = begin();
    teach(h, 5, 3);
    history_free(h);
}

/* Whatever is wrong with the file: it is as if it were empty, and the next one is good. */
static void test_damage(void)
{
    int n_wrong = 0;
    write_one();
    for (off_t at = 0; at < file_size(); at++) {
        write_one();
        damage(at, 0x10);
        History *h = begin();
        double r = ratio_of(h, 5);
        bool is_run = at >= 20 && at < 24;      /* the number of the run: any will do */
        n_wrong += is_run ? !about(r, 3) : r != 0;
        teach(h, 6, 2);
        history_free(h);
        h = begin();
        n_wrong += !about(ratio_of(h, 6), 2);
        history_free(h);
    }
    CHECK(n_wrong == 0, "flipped bits: %d wrong", n_wrong);
    for (off_t size = 0; size < 48; size++) {
        write_one();
        if (truncate(path, size))
            n_wrong++;
        History *h = begin();
        n_wrong += ratio_of(h, 5) != 0;
        history_free(h);
    }
    CHECK(n_wrong == 0, "cut off: %d wrong", n_wrong);
    unlink(path);
    if (mkdir(path, 0700) == 0) {
        History *h = begin();
        teach(h, 5, 3);
        CHECK(about(ratio_of(h, 5), 3), "a folder in its place");
        history_free(h);
        rmdir(path);
    }
    if (symlink("/etc/passwd", path) == 0) {
        History *h = begin();
        CHECK(ratio_of(h, 5) == 0, "a link in its place");
        history_free(h);
        unlink(path);
    }
    write_one();
    if (chmod(folder, 0755) == 0) {
        History *h = begin();
        CHECK(ratio_of(h, 5) == 0, "a folder that others can read");
        history_free(h);
        chmod(folder, 0700);
    }
    CHECK(cache_clear() == 0 && file_size() < 0, "cleared");
}

static void test_no_memory(void)
{
    write_one();
    for (uint64_t n = 1; n < 6; n++) {
        mem.fail_at = mem.n_alloc + n;
        History *h = begin();
        if (h) {
            ratio_of(h, 5);
            teach(h, 6, 2);
        }
        history_free(h);
        mem.fail_at = 0;
    }
    History *h = begin();
    double r = ratio_of(h, 5);
    CHECK(r == 0 || about(r, 3), "no memory: %g", r);
    history_free(h);
}

int main(void)
{
    mem_init(&mem, NULL, NULL);
    const char *tmp = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/alpy-history-XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(folder) || setenv("ALPY_CACHE_DIR", folder, 1))
        return 2;
    snprintf(path, sizeof path, "%s/" CACHE_HISTORY, folder);
    test_keeping();
    test_bound();
    test_damage();
    test_no_memory();
    unlink(path);
    rmdir(folder);
    CHECK(mem.bytes_used == 0, "%zu bytes are left", mem.bytes_used);
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}
