/* interp/api_profile.c — alpy.h: what this machine can do, measured and shown.  As api.c, it sees every layer. */
#include <alpy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "interp/measure_loops.h"
#include "jit/cpu/measure.h"
#include "jit/gpu/measure.h"

/* ---- measuring -------------------------------------------------------------------------------------------------------------------- */

/* Of the whole time, in which GPUs take part if there are any. */
#define SHARE_MEMORY    0.35
#define SHARE_THREADS   0.05
#define SHARE_LOOPS     0.3
#define LIMIT_NS        7e9
#define QUICK           0.15    /* of the usual time for each figure */

typedef struct Told {
    int (*progress)(void *user, double done, const char *what);
    void *user;
} Told;

static bool tell(void *user, double done, const char *what)
{
    const Told *t = user;
    return t->progress(t->user, done, what) != 0;
}

/* GPUs of one model are measured once. */
static bool copy_of_equal(Machine *m, GpuMachine *g)
{
    for (uint32_t i = 0; i < m->n_gpus; i++)
        if (strcmp(m->gpu[i].name, g->name) == 0 && m->gpu[i].n_sm == g->n_sm) {
            char uuid[sizeof g->uuid];
            memcpy(uuid, g->uuid, sizeof uuid);
            *g = m->gpu[i];
            memcpy(g->uuid, uuid, sizeof uuid);
            return true;
        }
    return false;
}

/* What the driver tells, nothing derived: what is not measured is to stay open in the file. */
static void only_told(GpuMachine *g)
{
    GpuMachine t = { .major = g->major, .minor = g->minor, .n_sm = g->n_sm, .threads_per_sm = g->threads_per_sm, .clock_ghz = g->clock_ghz,
                     .memory_clock_ghz = g->memory_clock_ghz, .bus_bits = g->bus_bits, .memory_bytes = g->memory_bytes, .l2_bytes = g->l2_bytes,
                     .shared_bytes = g->shared_bytes };
    memcpy(t.name, g->name, sizeof t.name);
    memcpy(t.uuid, g->uuid, sizeof t.uuid);
    *g = t;
}

static void measure_gpus(Measure *me, double share, Machine *m)
{
    const char *why;
    if (!gpu_is_likely() || !measure_step(me, 0.1 * share, "GPU: opening"))
        return;
    for (int ordinal = 0; ordinal < MACHINE_GPUS && !me->is_stopped; ordinal++) {
        GpuDevice *d = gpu_device(ordinal, &why);
        if (!d)
            return;
        GpuMachine g = { 0 };
        gpu_machine(d, &g);
        only_told(&g);
        if (!copy_of_equal(m, &g) && gpu_measure(me, 0.5 * share, d, &g))
            measure_gpu_loops(me, 0.4 * share, ordinal, &g);
        m->gpu[m->n_gpus++] = g;
    }
}

static void set_date(Machine *m)
{
    time_t now = time(NULL);
    struct tm t;
    if (gmtime_r(&now, &t))
        strftime(m->date, sizeof m->date, "%Y-%m-%dT%H:%M:%SZ", &t);
}

alpy_status alpy_profile_measure(const char *path, bool quick, int (*progress)(void *user, double done, const char *what), void *user,
                                 char *error, size_t size)
{
    Told told = { progress, user };
    Measure me = { .scale = quick ? QUICK : 1, .limit_ns = LIMIT_NS, .progress = progress ? tell : NULL, .user = &told };
    if (!error || !size)
        return ALPY_USAGE;
    *error = 0;
    Machine *m = calloc(1, sizeof *m);
    if (!m)
        return ALPY_NOMEM;
    machine_probe_host(&m->host);
    m->host.n_steps = machine_thread_steps(m->host.n_cores, m->host.threads);
    measure_memory(&me, SHARE_MEMORY, &m->host);
    cpu_measure(&me, SHARE_THREADS, &m->host);
    measure_loops(&me, SHARE_LOOPS, &m->host);
    measure_gpus(&me, 1 - SHARE_MEMORY - SHARE_THREADS - SHARE_LOOPS, m);
    me.step = 1;
    bool is_done = measure_step(&me, 0, "done");
    set_date(m);
    m->is_measured = true;
    bool is_kept = is_done && machine_save(m, path, error, size);
    free(m);
    return !is_done ? ALPY_INTERRUPTED : is_kept ? ALPY_OK : ALPY_ERROR;
}

/* ---- showing ------------------------------------------------------------------------------------------------------------------------ */

typedef struct Sink {
    int (*fn)(void *user, const char *text, size_t size);
    void *user;
    bool  is_full;
} Sink;

static void emit(void *user, const char *s, size_t n)
{
    Sink *k = user;
    if (!k->is_full)
        k->is_full = k->fn(k->user, s, n) != 0;
}

alpy_status alpy_profile_show(const char *path, alpy_profile_format format, int (*fn)(void *user, const char *text, size_t size), void *user,
                              char *error, size_t size)
{
    Sink sink = { fn, user, false };
    if (!fn || !error || !size || (unsigned)format > ALPY_PROFILE_JSON)
        return ALPY_USAGE;
    *error = 0;
    Machine *m = calloc(1, sizeof *m);
    if (!m)
        return ALPY_NOMEM;
    bool ok = true;
    if (path)
        ok = machine_read_file(m, path, error, size);
    else
        machine_load_as_is(m, error, size);
    if (ok && format == ALPY_PROFILE_TABLE)
        machine_show(m, emit, &sink);
    else if (ok)
        machine_write(m, emit, &sink);
    free(m);
    return ok ? ALPY_OK : ALPY_ERROR;
}
