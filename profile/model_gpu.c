/* profile/model_gpu.c — predicted times on a GPU.
 *
 * The host launches kernels and goes on, the device carries them out one after the other: a nest takes as long as the slower one of the two, and
 * what waiting for values costs.  A kernel takes at least
 *   what its operations take at the device's rate;
 *   what its bytes take: whole 32-byte sectors that the 32 threads of a warp touch together; from L2 what fits there;
 *   what one thread takes for its own operations and loads one after the other (Hong and Kim 2009: with few warps latency is not hidden),
 *   as many times as there are more threads than the device holds at once. */
#include <math.h>

#include "profile/model_int.h"

enum { WARP = 32, SECTOR = 32, LINE = 128, BLOCK = 256 };

/* The host's part of a nest, besides launches: facts, parameters, where arrays are. */
#define NEST_NS 6000.0
/* A kernel from its start to its end if it does nothing, besides launching it. */
#define KERNEL_NS 2500.0
/* Independent loads that a thread has under way where its loop is unrolled: not where it stores as well, since the store might be to what is loaded next. */
#define LOADS_AT_A_TIME 2.0
/* So often is a byte used that is in L1, where it is used more than once. */
#define L1_REUSE 8.0
#define LINE_CYCLES 0.7
/* Bandwidth is measured with reads; memory that turns from reading to writing and back takes longer. */
#define WRITE_WEIGHT 1.5
/* Cycles of a load from L2 and, at the least, from memory (Luo et al. 2024 for H100; older ones are near). */
#define L2_CYCLES 260.0
#define MEMORY_CYCLES 600.0
/* Cycles of a load from L1. */
#define L1_CYCLES 33.0
/* Instructions for an element's address and for the counter of a loop, that a GPU has no room to keep ready. */
#define ADDRESS_OPS 1.5
#define COUNTER_OPS 2.0
/* Lanes of a warp that part run one after the other. */
#define DIVERGENCE 1.5

/* 32-byte sectors, and 128-byte lines, that the lanes of a warp touch together. */
static double per_warp(const Stream *s, double size)
{
    double apart = fabs((double)s->thread_stride);
    return s->is_gathered ? WARP : fmin(fmax(apart * WARP / size, 1), WARP);
}

/* The multiprocessors take a line per cycle and warp from L1; what is used again soon is there; L2 has what fits; the rest comes from memory. */
static double memory_ns(const GpuMachine *g, const Phase *p, double busy_sm, bool is_resident)
{
    double far = 0, l2 = 0, lines = 0;
    for (uint32_t i = 0; i < p->n_streams; i++) {
        const Stream *s = &p->stream[i];
        double requests = s->count / s->shared / WARP, asked = requests * per_warp(s, SECTOR) * SECTOR;
        double touched = fmin(s->footprint, asked), weight = s->is_read + WRITE_WEIGHT * s->is_written;
        lines += requests * per_warp(s, LINE);
        l2 += fmin(asked, asked / L1_REUSE + touched);
        if (!is_resident)
            far += weight * (s->footprint <= (double)g->l2_bytes ? touched : fmax(touched, fmin(asked, asked / L1_REUSE)));
    }
    return fmax(fmax(far / g->bytes_per_ns, l2 / g->l2_bytes_per_ns), lines * LINE_CYCLES / busy_sm / g->clock_ghz);
}

/* One thread's loads.  Those of an iteration are under way together, so the slowest counts; of what was loaded a moment ago, a sector at a time, they
 * come from L1. */
static double loads_ns(const GpuMachine *g, const Phase *p, bool is_resident)
{
    double most = 0, near = L1_CYCLES / g->clock_ghz, away = is_resident ? L2_CYCLES / g->clock_ghz : fmax(MEMORY_CYCLES / g->clock_ghz, g->latency_ns);
    for (uint32_t i = 0; i < p->n_streams; i++) {
        const Stream *s = &p->stream[i];
        double n = s->executions / s->shared / fmax(p->threads, 1), far = fmin(fabs((double)s->step_stride) / SECTOR, 1);
        if (s->is_read && (s->step_stride != 0 || n <= 2))
            most = fmax(most, n * (far * away + (1 - far) * near));
    }
    return most / (p->threads > 1 ? LOADS_AT_A_TIME : 1);
}

static double kernel_ns(const GpuMachine *g, const NestFeatures *f, const Phase *p, Prediction *out)
{
    double most = (double)g->n_sm * g->threads_per_sm, threads = fmax(p->threads, 1), ops = 0, own = 0, accesses = 0;
    double waves = fmax(1, threads / fmax(most, 1)), busy_sm = fmin(g->n_sm, ceil(threads / BLOCK));
    bool is_resident = f->footprint <= 0.8 * (double)g->l2_bytes;
    for (uint32_t i = 0; i < p->n_streams; i++)
        accesses += p->stream[i].count / p->stream[i].shared;
    for (int k = 0; k < OPC_COUNT; k++) {
        double n = p->ops[k] + (k == OPC_Int ? ADDRESS_OPS * accesses + COUNTER_OPS * p->innermost / p->reuse_tile : 0);
        ops += n / fmax(g->ops_per_ns[k], 1e-9);
        own += fmax(p->chain[k], n / threads / 4) * g->chain_ns[k];
    }
    double loads = loads_ns(g, p, is_resident) + p->chain_loads * L1_CYCLES / g->clock_ghz;
    double own_ns = (own + loads) * waves * (waves > 1 ? fmin(1, g->busy_threads / most) : 1);
    double arithmetic = ops * g->n_sm / busy_sm * (p->is_divergent ? DIVERGENCE : 1);
    double memory = memory_ns(g, p, busy_sm, is_resident);
    out->arithmetic_ns += p->n_runs * arithmetic;
    out->memory_ns += p->n_runs * memory;
    out->latency_ns += p->n_runs * own_ns;
    return KERNEL_NS + fmax(fmax(arithmetic, memory), own_ns) * (p->imbalance > 1 ? 1 + (p->imbalance - 1) / 4 : 1);
}

void model_gpu(const GpuMachine *g, const NestFeatures *f, Prediction *out)
{
    double launches = 0, device = 0;
    for (uint32_t i = 0; i < f->n_phases; i++) {
        const Phase *p = &f->phase[i];
        if (p->is_host) {
            device += p->n_runs * p->innermost * 2;
            continue;
        }
        launches += p->n_runs * p->launches;
        device += p->n_runs * (kernel_ns(g, f, p, out) + (p->launches - 1) * KERNEL_NS);
    }
    double host = launches * g->launch_ns;
    double wait = fmax(g->round_trip_ns - g->launch_ns, 0) + g->down_ns;    /* for the kernel, and for the value itself */
    out->start_ns = NEST_NS + host + f->waits * wait;
    out->ns = NEST_NS + fmax(host, device) + f->waits * wait;
}
