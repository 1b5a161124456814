/* tests/unit/test_system.c — what is asked of the system: where threads begin, and which pages arrays are in. */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dsl/mem.h"
#include "profile/thread.h"
#include "tests/unit/counted.h"

/* ---- threads ------------------------------------------------------------------------------------------------------------------- */

/* pthread_create() as the library calls it (--wrap): what it is given is looked at. */
static cpu_set_t begins_on;
static int n_created, n_refused;

int __real_pthread_create(pthread_t *id, const pthread_attr_t *attr, void *(*start)(void *), void *user);
int __wrap_pthread_create(pthread_t *id, const pthread_attr_t *attr, void *(*start)(void *), void *user);

int __wrap_pthread_create(pthread_t *id, const pthread_attr_t *attr, void *(*start)(void *), void *user)
{
    n_created++;
    pthread_attr_getaffinity_np(attr, sizeof begins_on, &begins_on);
    if (n_refused > 0) {
        n_refused--;
        return 11;              /* EAGAIN */
    }
    return __real_pthread_create(id, attr, start, user);
}

typedef struct Seen {
    cpu_set_t may_run_on;
    sigset_t  blocked;
} Seen;

static void *look(void *user)
{
    Seen *s = user;
    pthread_getaffinity_np(pthread_self(), sizeof s->may_run_on, &s->may_run_on);
    pthread_sigmask(SIG_SETMASK, NULL, &s->blocked);
    return s;
}

static void test_thread(void)
{
    cpu_set_t all;
    pthread_t id;
    Seen seen = { 0 };
    void *result = NULL;
    pthread_getaffinity_np(pthread_self(), sizeof all, &all);
    CHECK(thread_start(&id, look, &seen, 0) && pthread_join(id, &result) == 0 && result == &seen, "does not run");
    CHECK(CPU_EQUAL(&seen.may_run_on, &all), "it may run on %d of %d", CPU_COUNT(&seen.may_run_on), CPU_COUNT(&all));
    CHECK(sigismember(&seen.blocked, SIGINT) == 1 && sigismember(&seen.blocked, SIGUSR1) == 1, "signals come to it");
    sigset_t own;
    pthread_sigmask(SIG_SETMASK, NULL, &own);
    CHECK(sigismember(&own, SIGINT) == 0, "signals are still blocked here");
    if (CPU_COUNT(&all) > 1) {
        cpu_set_t both;
        CPU_AND(&both, &begins_on, &all);
        CHECK(CPU_EQUAL(&both, &begins_on) && CPU_COUNT(&begins_on) == CPU_COUNT(&all) - 1, "it may begin on %d of %d", CPU_COUNT(&begins_on), CPU_COUNT(&all));
    }
    /* Pinned to one: it begins there. */
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET((size_t)sched_getcpu(), &one);
    pthread_setaffinity_np(pthread_self(), sizeof one, &one);
    memset(&seen, 0, sizeof seen);
    CHECK(thread_start(&id, look, &seen, 1 << 20) && pthread_join(id, NULL) == 0 && CPU_EQUAL(&seen.may_run_on, &one), "pinned: on %d", CPU_COUNT(&seen.may_run_on));
    pthread_setaffinity_np(pthread_self(), sizeof all, &all);
    /* Another CPU cannot be had, or no thread at all. */
    n_created = 0;
    n_refused = 1;
    bool is_started = thread_start(&id, look, &seen, 0);
    CHECK(is_started == (CPU_COUNT(&all) > 1) && n_created == 1 + is_started, "refused once: %d, %d created", is_started, n_created);
    if (is_started) {
        pthread_join(id, NULL);
        CHECK(CPU_EQUAL(&seen.may_run_on, &all) && CPU_EQUAL(&begins_on, &all), "after a refusal");
    }
    n_refused = 2;
    CHECK(!thread_start(&id, look, &seen, 0), "refused twice");
    n_refused = 0;
}

/* ---- pages --------------------------------------------------------------------------------------------------------------------- */

/* The line of /proc/self/smaps that begins with `field`, of the mapping that holds p. */
static bool field_of(const void *p, const char *field, char *out, size_t size)
{
    FILE *f = fopen("/proc/self/smaps", "r");
    char line[512];
    bool is_there = false, found = false;
    while (f && !found && fgets(line, sizeof line, f)) {
        unsigned long from, to;
        char rest;
        if (sscanf(line, "%lx-%lx%c", &from, &to, &rest) == 3)
            is_there = from <= (unsigned long)p && (unsigned long)p < to;
        else if (is_there && strncmp(line, field, strlen(field)) == 0)
            found = snprintf(out, size, "%s", line) > 0;
    }
    if (f)
        fclose(f);
    return found;
}

static bool is_large(const void *p)
{
    char flags[512];
    return field_of(p, "VmFlags:", flags, sizeof flags) && strstr(flags, " hg");
}

static void test_pages(void)
{
    enum { LARGE = 16 << 20, SMALL = 1 << 20 };
    Mem m;
    mem_init(&m, NULL, NULL);
    char *p = mem_zalloc(&m, LARGE), *q = mem_alloc(&m, LARGE), *r = mem_zalloc(&m, SMALL);
    CHECK(p && q && r, "no memory");
    if (access("/sys/kernel/mm/transparent_hugepage/enabled", R_OK) == 0) {
        CHECK(is_large(p + LARGE / 2) && is_large(q + LARGE / 2), "not in large pages");
        CHECK(!is_large(r + SMALL / 2), "small blocks are in large pages");
    }
    mem_free(&m, p, LARGE);
    mem_free(&m, q, LARGE);
    mem_free(&m, r, SMALL);
    CHECK(m.bytes_used == 0, "%zu bytes", m.bytes_used);
}

static size_t resident(const char *p, size_t size, size_t page)
{
    unsigned char there[64] = { 0 };
    size_t n = 0;
    mincore((void *)p, size, there);
    for (size_t k = 0; k < size / page; k++)
        n += there[k] & 1;
    return n;
}

static void test_touch(void)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), size = 64 * page;
    char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(p != MAP_FAILED, "no memory");
    madvise(p, size, MADV_NOHUGEPAGE);
    CHECK(resident(p, size, page) == 0, "fresh pages are there");
    p[page] = 'x';
    mem_touch(p, page);
    CHECK(resident(p, size, page) == 1, "a single page is not worth it");
    if (madvise(p, page, MADV_POPULATE_WRITE) == 0) {           /* Linux 5.14 */
        mem_touch(p + 1, size - 1);
        CHECK(resident(p, size, page) == 64 && p[page] == 'x', "%zu of 64 pages are there", resident(p, size, page));
    }
    munmap(p, size);
}

int main(void)
{
    test_thread();
    test_pages();
    test_touch();
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}
