/* profile/model.c — predicted times: interpreter, executor, CPU; what is common to all.  GPUs: model_gpu.c.
 *
 * A roofline per phase (Williams, Waterman, Patterson 2009), with one roof for each level of the memory (Stengel, Treibig, Hager, Wellein 2015
 * call that ECM) and one for chains of dependent operations: whichever takes longest is what a phase takes.  docs/cost-model.md derives the terms. */
#include <math.h>
#include <string.h>

#include "profile/model_int.h"

/* Kernels run loops smaller than that by one thread: operations, weighted as jit/cpu/emit_cost.c does it; in lanes of loops with loops inside. */
#define SMALL_COST 20000.0
#define LANES_FACTOR 16.0
/* Parts that a loop of uneven iterations is cut into, per thread (jit/cpu/launch.c). */
#define PARTS_PER_THREAD 8.0
/* Lines that a core fetches at a time when addresses are not known beforehand. */
#define MISSES_AT_A_TIME 10.0
/* A branch that depends on data: some are foretold wrong. */
#define BRANCH_CYCLES 4.0
/* Of one thread, for each beginning and end of an innermost loop, and for each parallel loop. */
#define ENTRY_CYCLES 6.0
#define RUN_CYCLES 25.0
/* Of the shorter one of arithmetic and memory time, so much is not hidden behind the longer one. */
#define NOT_HIDDEN 0.15
/* Of entering a nest, for each node of its expressions and statements. */
#define NODE_CYCLES 12.0
/* An elementary function takes a compiler as long as so many nodes: LLVM 6 to 12 ms, less for one that is there twice. */
#define INLINED_NODES 25.0
/* A loop in lanes takes so many bytes of elements at a time. */
#define LANES_BYTES 256.0
/* Beyond such a stride hardware does not fetch ahead, and a line takes so many times as long. */
#define PAGE 4096
/* Such an access is to another page than the one before, whose address is looked for in the second TLB. */
#define PAGE_CYCLES 6.0
#define SCATTERED 1.5

double model_weighted(const double *n, const double *ns)
{
    double sum = 0;
    for (int k = 0; k < OPC_COUNT; k++)
        sum += n[k] * ns[k];
    return sum;
}

/* A value measured for some numbers of threads, at t: linear in between, constant beyond. */
static double at_threads(const HostMachine *h, const double *value, uint32_t t)
{
    uint32_t k = 0;
    while (k + 1 < h->n_steps && h->threads[k + 1] <= t)
        k++;
    if (k + 1 >= h->n_steps || t <= h->threads[k])
        return value[k];
    double part = (double)(t - h->threads[k]) / (double)(h->threads[k + 1] - h->threads[k]);
    return value[k] + part * (value[k + 1] - value[k]);
}

/* ---- memory of a CPU ------------------------------------------------------------------------------------------------------ */

/* Bytes that a thread has of a level. */
static double share_of(const MemoryLevel *l, uint32_t t)
{
    uint32_t sharing = l->shared_by && l->shared_by < t ? l->shared_by : t;
    return (double)l->bytes / (sharing ? sharing : 1);
}

/* Bytes that a stream moves into a cache with that much room, one run, all threads: what the iterations of a loop touch is kept from one to the next
 * if it fits, and else comes again. */
static double traffic(const Phase *p, const Stream *s, double room, double threads)
{
    double bytes = s->piece;
    for (int32_t node = s->loop; node >= 0; node = p->loop[node].up) {
        const PhaseLoop *l = &p->loop[node];
        double each = l->body_bytes <= room ? s->grows[node] : fmax(l->trip, s->grows[node]);
        if (l->up < 0 && threads > 1)
            each = fmax(each, fmin(threads, l->trip));          /* each thread has a cache */
        bytes *= each;
    }
    bytes = fmin(bytes, s->count * MODEL_LINE);
    return s->is_written ? 2 * bytes : bytes;
}

/* Single lines far from each other: hardware does not fetch ahead, but a core that looks ahead has several under way. */
static bool is_scattered(const Stream *s)
{
    return llabs(s->step_stride) >= PAGE && s->piece < 4 * MODEL_LINE;
}

/* Bytes that one iteration of the innermost loop around phases touches, and all its iterations. */
static double round_bytes(const NestFeatures *f, bool all)
{
    double bytes = 0;
    for (uint32_t i = 0; i < f->n_phases; i++)
        for (uint32_t k = 0; k < f->phase[i].n_streams && f->phase[i].n_runs > 1; k++)
            bytes += f->phase[i].stream[k].footprint * (all ? f->phase[i].stream[k].grows_by_round : 1);
    return bytes;
}

/* What data from that level takes, in one run; the level before it keeps what fits. */
static double level_ns(const HostMachine *h, const NestFeatures *f, const Phase *p, int level, uint32_t t)
{
    double room = share_of(&h->level[level - 1], t), bytes = 0, misses = 0;
    /* From run to run threads take other parts: what one cache of its own holds need not be what its core works on next. */
    double all_room = 0.8 * (h->level[level - 1].shared_by > 1 ? room * t : room);
    bool is_kept = p->n_runs > 1 && round_bytes(f, false) <= all_room, is_kept_on = is_kept && round_bytes(f, true) <= all_room;
    if (f->footprint <= all_room)
        return 0;                   /* still there from the run before */
    for (uint32_t i = 0; i < p->n_streams; i++) {
        double b = traffic(p, &p->stream[i], 0.8 * room, level < MACHINE_LEVELS - 1 ? t : 1);
        if (is_kept)
            b *= fmin(p->stream[i].grows_by_round / p->round_runs, 1);
        if (is_kept_on)
            b *= fmin(p->stream[i].grows_by_runs * p->round_runs / p->n_runs, 1);
        bytes += is_scattered(&p->stream[i]) ? SCATTERED * b : b;
        misses += p->stream[i].is_gathered ? b / MODEL_LINE : 0;
    }
    return fmax(bytes / at_threads(h, h->level[level].bytes_per_ns, t), misses * h->level[level].latency_ns / MISSES_AT_A_TIME / t);
}

/* Loads and stores themselves: one each for what is in lanes and contiguous, by element else. */
static double access_ns(const HostMachine *h, const Phase *p)
{
    double ns = 0, each = 0.5 / h->clock_ghz;
    for (uint32_t i = 0; i < p->n_streams; i++) {
        const Stream *s = &p->stream[i];
        double n = s->count / s->shared;
        if (s->step_stride == 0)
            continue;               /* in a register while the innermost loop runs */
        bool by_element = s->is_scalar || s->is_gathered || (s->lane_stride != 0 && llabs(s->lane_stride) != s->elem_bytes);
        if (by_element && is_scattered(s))
            ns += n * PAGE_CYCLES / h->clock_ghz;
        else if (by_element)
            ns += n * each * (s->is_read && s->is_written ? 1.5 : 1);
        else if (s->lane_stride == 0)
            ns += n * each * s->elem_bytes / LANES_BYTES;
        else
            ns += n * s->elem_bytes / h->level[0].bytes_per_ns[0];
    }
    return ns;
}

/* ---- one phase on a CPU ----------------------------------------------------------------------------------------------------- */

/* Is the loop that phase i begins, with the parts of it that follow, one that a single thread runs? */
static bool is_small(const NestFeatures *f, uint32_t i)
{
    static const double weight[OPC_COUNT] = { 1, 8, 1, 8, 40, 1, 8, 40 };
    double cost = 0, least = SMALL_COST * (f->phase[i].is_wide ? LANES_FACTOR : 1);
    do {
        cost += model_weighted(f->phase[i].ops, weight);
        for (uint32_t k = 0; k < f->phase[i].n_streams; k++)
            cost += 1.5 * f->phase[i].stream[k].count;         /* with what subscripts take */
    } while (++i < f->n_phases && f->phase[i].is_part);
    return cost < least;
}

static void cpu_phase(const HostMachine *h, const NestFeatures *f, const Phase *p, uint32_t n_threads, Prediction *out)
{
    double used = p->iterations > 1 ? fmin(n_threads, p->iterations) : 1;
    uint32_t t = (uint32_t)used;
    double vector[OPC_COUNT];
    for (int k = 0; k < OPC_COUNT; k++)
        vector[k] = fmax(p->ops[k] - p->scalar[k], 0);
    double work = model_weighted(p->scalar, h->scalar_ns) + model_weighted(vector, h->vector_ns);
    work += p->branches * BRANCH_CYCLES / h->clock_ghz + (p->is_vector ? 0 : p->innermost / h->clock_ghz);
    work += (p->entries * ENTRY_CYCLES + RUN_CYCLES) / h->clock_ghz;
    double access = access_ns(h, p);
    double chain = (model_weighted(p->chain, h->chain_ns) + p->chain_loads * h->level[0].latency_ns) * p->threads / p->side_by_side;
    double arithmetic = fmax(fmax(work, access), chain) / used;
    double memory = 0;
    for (int level = 1; level < MACHINE_LEVELS; level++)
        memory = fmax(memory, level_ns(h, f, p, level, t));
    double uneven = used > 1 ? 1 + (p->imbalance - 1) / PARTS_PER_THREAD : 1;
    if (used > 1 && p->iterations < 64)
        uneven *= ceil(p->iterations / used) * used / p->iterations;
    double ns = (fmax(arithmetic, memory) + NOT_HIDDEN * fmin(arithmetic, memory)) * uneven;
    double fork = used > 1 && !p->is_part ? at_threads(h, h->fork_ns, t) : 0;
    out->start_ns += p->n_runs * fork;
    out->arithmetic_ns += p->n_runs * arithmetic;
    out->memory_ns += p->n_runs * memory;
    out->latency_ns += p->n_runs * chain / used;
    out->ns += p->n_runs * (fork + ns);
}

/* Entering a nest: its arrays and numbers are looked at, and handed over; the machine's figures are those of a small one. */
static double enter_ns(const HostMachine *h, const NestFeatures *f)
{
    return h->consider_ns + h->enter_ns + f->nodes * NODE_CYCLES / h->clock_ghz;
}

/* Keeping written arrays aside, from the level where they lie. */
static double undo_ns(const HostMachine *h, const NestFeatures *f)
{
    int level = 0;
    while (level < MACHINE_LEVELS - 1 && 2 * f->written_bytes > (double)h->level[level].bytes)
        level++;
    return f->can_fail ? 3 * f->written_bytes / at_threads(h, h->level[level].bytes_per_ns, 1) : 0;
}

static void cpu_predict(const HostMachine *h, const NestFeatures *f, uint32_t n_threads, Prediction *out)
{
    out->start_ns = out->ns = enter_ns(h, f) + undo_ns(h, f);
    bool is_one = true;
    for (uint32_t i = 0; i < f->n_phases; i++) {
        is_one = f->phase[i].is_part ? is_one : is_small(f, i);
        cpu_phase(h, f, &f->phase[i], is_one || !n_threads ? 1 : n_threads, out);
    }
    if (f->n_phases == 0)
        out->ns += f->work * h->scalar_ns[OPC_F64];
}

/* ---- all ---------------------------------------------------------------------------------------------------------------------- */

/* Factors that the terms above are off by, as bench/run_model.py finds them. */
static double spread_of(const Machine *m, const NestFeatures *f, Target target)
{
    double spread = m->is_measured ? 2 : 3;
    bool is_gathered = false, is_divergent = false;
    for (uint32_t i = 0; i < f->n_phases; i++) {
        is_divergent |= f->phase[i].is_divergent;
        for (uint32_t k = 0; k < f->phase[i].n_streams; k++)
            is_gathered |= f->phase[i].stream[k].is_gathered;
    }
    if (!f->is_known)
        spread *= f->is_blind ? 8 : 1.5;
    if (is_gathered)
        spread *= 1.5;
    if (is_divergent)
        spread *= 1.5;
    return spread;
}

void model_predict(const Machine *m, const NestFeatures *f, Target target, Prediction *out)
{
    const HostMachine *h = &m->host;
    *out = (Prediction){ 0 };
    out->spread = spread_of(m, f, target);
    switch ((TargetKind)target.kind) {
    case TARGET_Interp: case TARGET_Executor:
        out->start_ns = target.kind == TARGET_Interp ? h->consider_ns : enter_ns(h, f);
        out->arithmetic_ns = f->work * (target.kind == TARGET_Interp ? h->interp_ns_per_op : h->executor_ns_per_op);
        out->ns = out->start_ns + out->arithmetic_ns;
        break;
    case TARGET_Cpu:
        cpu_predict(h, f, target.n_threads, out);
        break;
    case TARGET_Gpu:
        if (target.gpu < m->n_gpus)
            model_gpu(&m->gpu[target.gpu], f, out);
        else
            out->ns = INFINITY;
        break;
    }
}

double model_compile_ns(const Machine *m, const NestFeatures *f, Target target, bool first)
{
    const HostMachine *h = &m->host;
    double nodes = f->nodes + INLINED_NODES * f->inlined;
    if (target.kind == TARGET_Cpu)
        return (first ? h->compile_first_ns : 0) + h->compile_ns + nodes * h->compile_ns_per_node;
    if (target.kind != TARGET_Gpu || target.gpu >= m->n_gpus)
        return 0;
    const GpuMachine *g = &m->gpu[target.gpu];
    return (first ? g->compile_first_ns : 0) + g->compile_ns + nodes * g->compile_ns_per_node;
}

double model_transfer_ns(const Machine *m, uint32_t gpu, double bytes, bool up)
{
    if (gpu >= m->n_gpus || bytes <= 0)
        return 0;
    const GpuMachine *g = &m->gpu[gpu];
    return up ? g->up_ns + bytes / g->up_bytes_per_ns : g->down_ns + bytes / g->down_bytes_per_ns;
}

/* Numbers of threads that were measured, and the largest one allowed: between them nothing turns. */
uint32_t model_best_threads(const Machine *m, const NestFeatures *f, uint32_t n_max, Prediction *out)
{
    const HostMachine *h = &m->host;
    uint32_t best = 1;
    model_predict(m, f, (Target){ .kind = TARGET_Cpu, .n_threads = 1 }, out);
    for (uint32_t k = 0; k <= h->n_steps; k++) {
        uint32_t t = k < h->n_steps && h->threads[k] < n_max ? h->threads[k] : n_max;
        Prediction p;
        if (t <= best)
            continue;
        model_predict(m, f, (Target){ .kind = TARGET_Cpu, .n_threads = t }, &p);
        if (p.ns < 0.97 * out->ns) {        /* threads that gain nothing are left to others */
            *out = p;
            best = t;
        }
    }
    return best;
}
