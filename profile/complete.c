/* profile/complete.c — values for what was not measured, from what is known.
 *
 * Conservative means: what a processor or GPU of the last ten years with these cores, clocks, widths and instruction sets reaches without
 * effort.  A model that works with such values finds the right device where the difference is large, which is where it matters.
 *
 * Processors: cycles per operation, as kernels do them (checks of overflow and of divisors included), and bytes per cycle from each level.
 * GPUs: lanes per multiprocessor and cycle by compute capability (the CUDA programming guide's table of throughput), half of which
 * kernels that neither fuse multiplications and additions nor overlap perfectly reach; memory: bus width times memory clock, less a quarter. */
#include "profile/machine.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void fill(double *x, double value)
{
    if (!(*x > 0))
        *x = value;
}

/* ---- processors ---------------------------------------------------------------------------------------------------------------- */

/* Cycles of a core, by OpClass; vector: of one instruction on 64-bit elements, however many lanes; 0: one by one. */
static const struct { double scalar, vector, chain; } cycles[OPC_COUNT] = {
    [OPC_Int]    = { 0.7, 0.8, 2 },
    [OPC_IntDiv] = { 14,  0,   21 },
    [OPC_F32]    = { 0.9, 0.8, 4 },
    [OPC_F32Div] = { 4,   5,   13 },
    [OPC_F32Fun] = { 30,  30,  45 },
    [OPC_F64]    = { 0.9, 0.8, 4 },
    [OPC_F64Div] = { 5,   8,   16 },
    [OPC_F64Fun] = { 30,  25,  60 },
};

static uint32_t vector_bytes(const HostMachine *h)
{
    return strcmp(h->simd, "avx512") == 0 ? 64 : strcmp(h->simd, "avx2") == 0 ? 32 : 16;
}

static bool is_single(int class)
{
    return class == OPC_F32 || class == OPC_F32Div || class == OPC_F32Fun;
}

uint32_t machine_thread_steps(uint32_t n_cores, uint32_t out[MACHINE_STEPS])
{
    uint32_t n = 0;
    double ratio = n_cores > 1u << (MACHINE_STEPS - 1) ? pow(n_cores, 1.0 / (MACHINE_STEPS - 1)) : 2;
    for (double t = 1; n < MACHINE_STEPS - 1 && t < n_cores; t *= ratio)
        out[n++] = (uint32_t)(t + 0.5);
    out[n++] = n_cores ? n_cores : 1;
    return n;
}

static void complete_caches(HostMachine *h)
{
    /* Sizes, cycles of latency, and bytes per cycle that one core reads. */
    static const struct { uint64_t bytes; double latency, bytes_per_cycle; } usual[MACHINE_LEVELS] = {
        { 32 << 10, 5, 32 }, { 512 << 10, 15, 20 }, { 2 << 20, 60, 10 }, { 8ull << 30, 0, 0 },
    };
    const double memory_latency_ns = 110, memory_core = 8, memory_all = 20, memory_per_core = 2.5;
    for (int k = 0; k < MACHINE_LEVELS; k++) {
        MemoryLevel *l = &h->level[k];
        bool is_memory = k == MACHINE_LEVELS - 1, is_shared = k >= MACHINE_LEVELS - 2;
        if (!l->shared_by)
            l->shared_by = is_shared ? h->n_cores : 1;
        if (!l->bytes)          /* a machine without a cache at this level repeats the one before */
            l->bytes = k && !is_memory && h->level[k - 1].bytes > usual[k].bytes ? h->level[k - 1].bytes :
                       usual[k].bytes * (k == MACHINE_LEVELS - 2 ? h->n_cores : 1);
        fill(&l->latency_ns, is_memory ? memory_latency_ns : usual[k].latency / h->clock_ghz);
        if (k && l->latency_ns < h->level[k - 1].latency_ns)
            l->latency_ns = h->level[k - 1].latency_ns;
        double one = is_memory ? memory_core : h->clock_ghz * fmin(usual[k].bytes_per_cycle, vector_bytes(h));
        for (uint32_t s = 0; s < h->n_steps; s++) {
            double t = h->threads[s], all = is_memory ? fmin(one * t, memory_all + memory_per_core * h->n_cores) : one * t;
            if (s && l->bytes_per_ns[0] > 0)            /* as one thread was measured, so the others, up to what is usual together */
                all = fmax(l->bytes_per_ns[s - 1], is_memory ? fmin(l->bytes_per_ns[0] * t, fmax(all, l->bytes_per_ns[0])) :
                                                               l->bytes_per_ns[0] * t);
            fill(&l->bytes_per_ns[s], all);
        }
    }
}

static void complete_host(HostMachine *h)
{
    /* Nanoseconds at 2.6 GHz, between what Zen 5 and Sapphire Rapids take. */
    const double reference_ghz = 2.6;
    if (!h->simd[0])
        memcpy(h->simd, "native", sizeof "native");
    fill(&h->clock_ghz, 2);
    if (!h->n_cores)
        h->n_cores = 1;
    if (h->n_hardware < h->n_cores)
        h->n_hardware = h->n_cores;
    if (!h->n_steps)
        h->n_steps = machine_thread_steps(h->n_cores, h->threads);
    complete_caches(h);
    double slower = reference_ghz / h->clock_ghz;
    for (uint32_t s = 1; s < h->n_steps; s++)
        fill(&h->fork_ns[s], fmax(h->fork_ns[s - 1], 4000 + 300 * (double)h->threads[s]));
    h->fork_ns[0] = 0;
    fill(&h->interp_ns_per_op, 4.5 * slower);
    fill(&h->executor_ns_per_op, fmin(h->interp_ns_per_op, 2.5 * slower));
    fill(&h->consider_ns, 450 * slower);
    for (int c = 0; c < OPC_COUNT; c++) {
        double lanes = vector_bytes(h) / (is_single(c) ? 4.0 : 8.0);
        fill(&h->scalar_ns[c], cycles[c].scalar / h->clock_ghz);
        fill(&h->vector_ns[c], cycles[c].vector > 0 ? fmin(h->scalar_ns[c], cycles[c].vector / h->clock_ghz / lanes) : h->scalar_ns[c]);
        fill(&h->chain_ns[c], fmax(h->scalar_ns[c], cycles[c].chain / h->clock_ghz));
    }
    fill(&h->enter_ns, 200 * slower);
    fill(&h->compile_first_ns, 8e6 * slower);
    fill(&h->compile_ns, 6e6 * slower);
    fill(&h->compile_ns_per_node, 3e5 * slower);
    fill(&h->load_ns, 3e5 * slower);
}

/* ---- GPUs ---------------------------------------------------------------------------------------------------------------------- */

/* Results per cycle and multiprocessor of 32-bit float, 64-bit float and 32-bit integer additions; ascending. */
typedef struct Architecture { uint32_t version; double f32, f64, i32; } Architecture;

static const Architecture architecture[] = {
    { 50, 128, 4, 64 }, { 60, 64, 32, 64 }, { 61, 128, 4, 64 }, { 70, 64, 32, 64 }, { 75, 64, 2, 64 }, { 80, 64, 32, 64 },
    { 86, 128, 2, 64 }, { 90, 128, 64, 64 }, { 100, 128, 64, 64 }, { 103, 128, 2, 64 }, { 120, 128, 2, 64 },
};

static const Architecture *architecture_of(const GpuMachine *g)
{
    const Architecture *a = architecture;
    for (size_t i = 0; i < COUNT_OF(architecture); i++)
        if (architecture[i].version <= g->major * 10 + g->minor)
            a = &architecture[i];
    return a;
}

/* How many additions of its type an operation costs, and cycles of its chain; integers are of 64 bits. */
static const struct { double weight, chain; } gpu_ops[OPC_COUNT] = {
    [OPC_Int] = { 2, 10 }, [OPC_IntDiv] = { 60, 400 },
    [OPC_F32] = { 1, 5 }, [OPC_F32Div] = { 12, 50 }, [OPC_F32Fun] = { 25, 120 },
    [OPC_F64] = { 1, 9 }, [OPC_F64Div] = { 14, 120 }, [OPC_F64Fun] = { 30, 300 },
};

static double lanes_of(const Architecture *a, int class)
{
    return class <= OPC_IntDiv ? a->i32 : is_single(class) ? a->f32 : a->f64;
}

static double bus_bytes_per_ns(const GpuMachine *g)
{
    return 2 * g->memory_clock_ghz * g->bus_bits / 8;          /* twice per cycle, as CUDA tells clocks */
}

void machine_complete_gpu(GpuMachine *g)
{
    const double kept = 0.5, memory_kept = 0.75;
    if (!g->major) {
        g->major = 5;
        g->minor = 0;
    }
    if (!g->n_sm)
        g->n_sm = 8;
    if (!g->threads_per_sm)
        g->threads_per_sm = 1024;
    fill(&g->clock_ghz, 1.2);
    if (!g->memory_bytes)
        g->memory_bytes = 2ull << 30;
    if (!g->l2_bytes)
        g->l2_bytes = 1 << 20;
    if (!g->shared_bytes)
        g->shared_bytes = 48 << 10;
    const Architecture *a = architecture_of(g);
    double sms = g->n_sm * g->clock_ghz;
    for (int c = 0; c < OPC_COUNT; c++) {
        fill(&g->ops_per_ns[c], kept * sms * lanes_of(a, c) / gpu_ops[c].weight);
        /* What few lanes share takes its turn: at least a warp's 32 over a quarter of them. */
        double turn = gpu_ops[c].weight * fmax(1, 32 / lanes_of(a, c));
        fill(&g->chain_ns[c], fmax(gpu_ops[c].chain, turn) / g->clock_ghz);
    }
    double bus = bus_bytes_per_ns(g);
    fill(&g->bytes_per_ns, bus > 0 ? memory_kept * bus : sms * 4);
    fill(&g->l2_bytes_per_ns, fmax(g->bytes_per_ns, sms * 20));
    fill(&g->strided_bytes_per_ns, g->bytes_per_ns / 12);
    fill(&g->latency_ns, 700);
    fill(&g->busy_threads, (double)g->n_sm * g->threads_per_sm);
    fill(&g->atomic_ns, 5);
    fill(&g->launch_ns, 4e3);
    fill(&g->round_trip_ns, fmax(g->launch_ns, 1.2e4));
    fill(&g->up_ns, 8e3);
    fill(&g->down_ns, 1e4);
    fill(&g->up_bytes_per_ns, 8);
    fill(&g->down_bytes_per_ns, 6);
    fill(&g->compile_first_ns, 2.5e8);
    fill(&g->compile_ns, 3e7);
    fill(&g->compile_ns_per_node, 3e5);
    fill(&g->load_ns, 5e5);
}

void machine_imagine_gpu(GpuMachine *g)
{
    *g = (GpuMachine){ .major = 8, .minor = 0, .n_sm = 80, .threads_per_sm = 2048, .clock_ghz = 1.4, .memory_bytes = 16ull << 30, .l2_bytes = 16 << 20,
                       .bytes_per_ns = 1000 };
    machine_complete_gpu(g);
}

void machine_fill_gpu(GpuMachine *g, const GpuAttributes *a)
{
    GpuMachine told = { 0 };
    if (strncmp(g->name, a->name, sizeof g->name - 1) == 0 && (!g->n_sm || g->n_sm == (uint32_t)a->n_sm))
        told = *g;
    snprintf(told.name, sizeof told.name, "%s", a->name);
    snprintf(told.uuid, sizeof told.uuid, "%s", a->uuid ? a->uuid : "");
#define TAKE(field, value) told.field = (value) > 0 ? (value) : told.field
    TAKE(major, (uint32_t)a->major);
    told.minor = (uint32_t)a->minor;
    TAKE(n_sm, (uint32_t)a->n_sm);
    TAKE(threads_per_sm, (uint32_t)a->threads_per_sm);
    TAKE(clock_ghz, a->clock_khz * 1e-6);
    TAKE(memory_clock_ghz, a->memory_clock_khz * 1e-6);
    TAKE(bus_bits, (uint32_t)a->bus_bits);
    TAKE(memory_bytes, a->memory_bytes);
    TAKE(l2_bytes, a->l2_bytes);
    TAKE(shared_bytes, a->shared_bytes);
#undef TAKE
    *g = told;
    machine_complete_gpu(g);
}

/* ---- all ------------------------------------------------------------------------------------------------------------------------ */

void machine_complete(Machine *m)
{
    complete_host(&m->host);
    for (uint32_t i = 0; i < m->n_gpus; i++)
        machine_complete_gpu(&m->gpu[i]);
}

void machine_limits(const Machine *m, MachineLimits *out)
{
    /* Instructions of its vectors that a core begins per cycle, at most: two units for arithmetic, two for loads. */
    const double units = 2;
    memset(out, 0, sizeof *out);
    const HostMachine *h = &m->host;
    if (h->clock_ghz > 0) {
        out->cache_bytes_per_ns = units * vector_bytes(h) * h->clock_ghz;
        out->vector_ns[OPC_Int] = out->vector_ns[OPC_F64] = 8 / out->cache_bytes_per_ns;
        out->vector_ns[OPC_F32] = 4 / out->cache_bytes_per_ns;
    }
    for (uint32_t i = 0; i < m->n_gpus; i++) {
        const GpuMachine *g = &m->gpu[i];
        const Architecture *a = architecture_of(g);
        double sms = g->n_sm * g->clock_ghz;
        out->gpu_ops_per_ns[i][OPC_Int] = sms * a->i32 / 2;
        out->gpu_ops_per_ns[i][OPC_F32] = sms * a->f32;
        out->gpu_ops_per_ns[i][OPC_F64] = sms * a->f64;
        out->gpu_bytes_per_ns[i] = bus_bytes_per_ns(g);
    }
}
