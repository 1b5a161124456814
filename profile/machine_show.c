/* profile/machine_show.c — a Machine as tables for people.  "~": not measured, but derived from what is known. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "profile/machine.h"

typedef struct Printer {
    void (*emit)(void *user, const char *s, size_t n);
    void  *user;
} Printer;

PRINTF_LIKE(2, 3) static void print(const Printer *p, const char *format, ...)
{
    char text[400];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n > 0)
        p->emit(p->user, text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
}

/* ---- quantities ------------------------------------------------------------------------------------------------------------------- */

/* Three digits that matter, with a unit: "~1.23 ms".  Units grow by 1000. */
static const char *quantity(char out[32], double measured, double value, const char *const units[], int n)
{
    int k = 0;
    for (; k < n - 1 && value >= 999.5; k++)
        value /= 1000;
    snprintf(out, 32, "%s%.*f %s", measured > 0 ? "" : "~", value >= 99.95 ? 0 : value >= 9.995 ? 1 : value >= 0.9995 || k ? 2 : 3, value, units[k]);
    return out;
}

static const char *time_text(char out[32], double measured, double ns)
{
    static const char *const units[] = { "ns", "us", "ms", "s" };
    return quantity(out, measured, ns, units, (int)COUNT_OF(units));
}

static const char *rate_text(char out[32], double measured, double bytes_per_ns)
{
    static const char *const units[] = { "GB/s", "TB/s", "PB/s" };
    return quantity(out, measured, bytes_per_ns, units, (int)COUNT_OF(units));
}

static const char *ops_text(char out[32], double measured, double ops_per_ns)
{
    static const char *const units[] = { "Gop/s", "Top/s", "Pop/s" };
    return quantity(out, measured, ops_per_ns, units, (int)COUNT_OF(units));
}

static const char *size_text(char out[32], uint64_t bytes)
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB" };
    double x = (double)bytes;
    size_t k = 0;
    for (; k + 1 < COUNT_OF(units) && x >= 1024; k++)
        x /= 1024;
    snprintf(out, 32, "%.*f %s", x == (double)(uint64_t)x ? 0 : 1, x, units[k]);
    return out;
}

/* ---- the host ---------------------------------------------------------------------------------------------------------------------- */

static const char *const class_text[OPC_COUNT] = {              /* ORDER OpClass */
    "64-bit integer + - *", "64-bit integer // %", "float32 + - *", "float32 / sqrt", "float32 functions",
    "float64 + - *", "float64 / sqrt", "float64 functions",
};

static void show_memory(const Printer *p, const HostMachine *m, const HostMachine *h, const MachineLimits *limits)
{
    static const char *const level_text[MACHINE_LEVELS] = { "first cache", "second cache", "last cache", "memory" };
    char a[32], b[32];
    print(p, "\n%-24s %10s %7s %10s  read by", "caches and memory", "size", "shared", "latency");
    for (uint32_t s = 0; s < h->n_steps; s++)
        print(p, s ? " %11u" : " %4u thread", h->threads[s]);
    for (int k = 0; k < MACHINE_LEVELS; k++) {
        const MemoryLevel *l = &m->level[k], *c = &h->level[k];
        print(p, "\n  %-22s %10s %7u %10s        ", level_text[k], size_text(a, c->bytes), c->shared_by, time_text(b, l->latency_ns, c->latency_ns));
        for (uint32_t s = 0; s < h->n_steps; s++)
            print(p, " %11s", rate_text(a, l->bytes_per_ns[s], c->bytes_per_ns[s]));
    }
    print(p, "\n  most from the first cache, two vectors per cycle: %s a core\n", rate_text(a, 1, limits->cache_bytes_per_ns));
}

static void show_arithmetic(const Printer *p, const HostMachine *m, const HostMachine *h, const MachineLimits *limits)
{
    char a[32], b[32], c[32];
    print(p, "\n%-24s %12s %12s %12s %12s\n", "compiled, per operation", "one lane", "vectors", "chain", "limit");
    for (int k = 0; k < OPC_COUNT; k++) {
        print(p, "  %-22s %12s %12s %12s", class_text[k], time_text(a, m->scalar_ns[k], h->scalar_ns[k]), time_text(b, m->vector_ns[k], h->vector_ns[k]),
              time_text(c, m->chain_ns[k], h->chain_ns[k]));
        print(p, " %12s\n", limits->vector_ns[k] > 0 ? time_text(a, 1, limits->vector_ns[k]) : "");
    }
}

/* Rows of a table of times; rows without a name end it. */
typedef struct Time { const char *name; double measured, value; } Time;

static void show_times(const Printer *p, const char *title, const Time *t)
{
    char a[32];
    print(p, "\n%s\n", title);
    for (; t->name; t++)
        print(p, "  %-34s %12s\n", t->name, time_text(a, t->measured, t->value));
}

static void show_host(const Printer *p, const HostMachine *m, const HostMachine *h, const MachineLimits *limits)
{
    static const char *const kind_text[INK_COUNT] = {           /* ORDER InterpKind */
        "iteration of a for loop", "x = i + j", "x = y + z", "if y > z", "x = a[i]", "x = A[i, j]", "a[i] = x", "x = math.sqrt(y)", "x = f(y)",
    };
    char a[32];
    print(p, "processor  %s, %u of %u cores, %s, %s%.2f GHz\n", h->cpu[0] ? h->cpu : "unknown", h->n_cores, h->n_hardware, h->simd,
          m->clock_ghz > 0 ? "" : "~", h->clock_ghz);
    show_memory(p, m, h, limits);
    show_arithmetic(p, m, h, limits);
    print(p, "\nforking and joining threads\n");
    for (uint32_t s = 1; s < h->n_steps; s++)
        print(p, "  %-34u %12s\n", h->threads[s], time_text(a, m->fork_ns[s], h->fork_ns[s]));
    Time interpreted[INK_COUNT + 1] = { { NULL } };
    size_t n = 0;
    for (int k = 0; k < INK_COUNT; k++)
        if (m->interp_kind_ns[k] > 0)
            interpreted[n++] = (Time){ kind_text[k], m->interp_kind_ns[k], m->interp_kind_ns[k] };
    if (n)
        show_times(p, "interpreter, per statement", interpreted);
    show_times(p, "loops", (Time[]){
        { "interpreter, per operation", m->interp_ns_per_op, h->interp_ns_per_op },
        { "executor of plans, per operation", m->executor_ns_per_op, h->executor_ns_per_op },
        { "looking at a loop", m->consider_ns, h->consider_ns },
        { "entering a kernel", m->enter_ns, h->enter_ns },
        { "compiling a kernel", m->compile_ns, h->compile_ns },
        { "... per node of the nest", m->compile_ns_per_node, h->compile_ns_per_node },
        { "... the first in a process, beyond", m->compile_first_ns, h->compile_first_ns },
        { "loading a kernel from disk", m->load_ns, h->load_ns },
        { NULL } });
}

/* ---- a GPU --------------------------------------------------------------------------------------------------------------------------- */

static void show_copies(const Printer *p, const GpuMachine *m, const GpuMachine *g)
{
    char a[32], b[32], c[32], d[32];
    print(p, "\n  %-32s %12s %12s\n", "copies", "to it", "from it");
    print(p, "    %-30s %12s %12s\n", "a few bytes", time_text(a, m->up_ns, g->up_ns), time_text(b, m->down_ns, g->down_ns));
    for (int k = 0; k < MACHINE_SIZES; k++)
        if (m->up_size_ns[k] > 0 && m->down_size_ns[k] > 0) {
            double bytes = (double)(4096ull << 3 * k);
            print(p, "    %-30s %12s %12s\n", size_text(c, 4096ull << 3 * k), rate_text(a, 1, bytes / m->up_size_ns[k]),
                  rate_text(d, 1, bytes / m->down_size_ns[k]));
        }
    print(p, "    %-30s %12s %12s\n", "large, beyond the first bytes", rate_text(a, m->up_bytes_per_ns, g->up_bytes_per_ns),
          rate_text(b, m->down_bytes_per_ns, g->down_bytes_per_ns));
}

static void show_gpu(const Printer *p, const GpuMachine *m, const GpuMachine *g, const double *limit, double limit_bytes)
{
    char a[32], b[32], c[32];
    print(p, "\nGPU  %s (%s), compute capability %u.%u, %u multiprocessors of %u threads, %.2f GHz\n", g->name[0] ? g->name : "unknown", g->uuid,
          g->major, g->minor, g->n_sm, g->threads_per_sm, g->clock_ghz);
    print(p, "     memory %s, second cache %s, %s of shared memory a block\n", size_text(a, g->memory_bytes), size_text(b, g->l2_bytes),
          size_text(c, g->shared_bytes));
    show_copies(p, m, g);
    print(p, "\n  %-32s %12s", "memory", "");
    print(p, " %12s\n", limit_bytes > 0 ? "limit" : "");
    print(p, "    %-30s %12s", "contiguous", rate_text(a, m->bytes_per_ns, g->bytes_per_ns));
    print(p, " %12s\n", limit_bytes > 0 ? rate_text(b, 1, limit_bytes) : "");
    print(p, "    %-30s %12s\n", "second cache", rate_text(a, m->l2_bytes_per_ns, g->l2_bytes_per_ns));
    print(p, "    %-30s %12s\n", "8 bytes here and there", rate_text(a, m->strided_bytes_per_ns, g->strided_bytes_per_ns));
    print(p, "    %-30s %12s\n", "latency", time_text(a, m->latency_ns, g->latency_ns));
    print(p, "    %-30s %12s\n", "atomic addition, one address", time_text(a, m->atomic_ns, g->atomic_ns));
    print(p, "    %-30s %s%.0f\n", "threads that keep it busy", m->busy_threads > 0 ? "" : "~", g->busy_threads);
    print(p, "\n  %-32s %12s %12s %12s\n", "operations", "all", "chain", "limit");
    for (int k = 0; k < OPC_COUNT; k++) {
        print(p, "    %-30s %12s %12s", class_text[k], ops_text(a, m->ops_per_ns[k], g->ops_per_ns[k]), time_text(b, m->chain_ns[k], g->chain_ns[k]));
        print(p, " %12s\n", limit[k] > 0 ? ops_text(a, 1, limit[k]) : "");
    }
    show_times(p, "  nests", (Time[]){
        { "launch, of many", m->launch_ns, g->launch_ns }, { "launch, waited for", m->round_trip_ns, g->round_trip_ns },
        { "compiling a kernel", m->compile_ns, g->compile_ns }, { "... per node of the nest", m->compile_ns_per_node, g->compile_ns_per_node },
        { "... the first in a process, beyond", m->compile_first_ns, g->compile_first_ns }, { "loading a kernel", m->load_ns, g->load_ns },
        { NULL } });
}

void machine_show(const Machine *m, void (*emit)(void *user, const char *s, size_t n), void *user)
{
    Printer p = { emit, user };
    Machine full = *m;
    MachineLimits limits;
    machine_complete(&full);
    machine_limits(&full, &limits);
    if (m->is_measured)
        print(&p, "measured   %s\n", m->date);
    else
        print(&p, "measured   never: numbers are derived from what the machine says of itself; `alpy profile` measures them\n");
    show_host(&p, &m->host, &full.host, &limits);
    for (uint32_t i = 0; i < m->n_gpus; i++)
        show_gpu(&p, &m->gpu[i], &full.gpu[i], limits.gpu_ops_per_ns[i], limits.gpu_bytes_per_ns[i]);
    print(&p, "\n~: not measured\n");
}
