/* tests/unit/test_model.c — the cost model by itself: on machines and features that are made up here, more work never takes less time, and a faster
 * machine never more. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "profile/model.h"
#include "tests/unit/counted.h"

/* ---- machines and features made up ---------------------------------------------------------------------------------------- */

static uint64_t seed = 1;

static double chance(double lo, double hi)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return lo + (hi - lo) * (double)(seed >> 11) / 9007199254740992.0;
}

static uint32_t one_of(uint32_t n)
{
    return (uint32_t)chance(0, n) % n;
}

static void make_machine(Machine *m)
{
    static const char *const simd[] = { "sse2", "avx2", "avx512" };
    GpuAttributes gpu = { .name = "a GPU", .major = 7 + (int)one_of(3), .n_sm = 10 + (int)one_of(130), .threads_per_sm = 2048, .clock_khz = 1500000,
                          .memory_clock_khz = 2000000, .bus_bits = 256 << one_of(5), .memory_bytes = 8ull << 30, .l2_bytes = 4u << 20, .shared_bytes = 100000 };
    memset(m, 0, sizeof *m);
    snprintf(m->host.simd, sizeof m->host.simd, "%s", simd[one_of(3)]);
    m->host.n_cores = m->host.n_hardware = 1 + one_of(64);
    m->host.clock_ghz = chance(1, 5);
    m->n_gpus = 1;
    machine_fill_gpu(&m->gpu[0], &gpu);
    machine_complete(m);
}

/* A nest of up to three loops with a few arrays. */
static void make_phase(Phase *p)
{
    double trips[3], all = 1;
    memset(p, 0, sizeof *p);
    p->n_loops = 1 + one_of(3);
    for (uint32_t i = 0; i < p->n_loops; i++)
        all *= trips[i] = floor(exp(chance(0, 8)));
    p->n_runs = p->round_runs = one_of(2) ? 1 : floor(exp(chance(0, 5)));
    p->iterations = one_of(4) ? trips[0] : 1;
    p->threads = p->iterations > 1 ? p->iterations * (p->n_loops > 1 && one_of(2) ? trips[1] : 1) : 1;
    p->is_vector = one_of(2);
    p->is_divergent = one_of(4) == 0;
    p->imbalance = one_of(3) ? 1 : chance(1, 2);
    p->side_by_side = p->is_vector ? 32 : 1;
    p->launches = 1 + one_of(2);
    p->reuse_tile = 1;
    p->innermost = all;
    p->entries = all / trips[p->n_loops - 1];
    for (int c = 0; c < OPC_COUNT; c++)
        if (one_of(3) == 0) {
            p->ops[c] = all * floor(chance(1, 6));
            p->scalar[c] = p->is_vector ? 0 : p->ops[c];
            p->chain[c] = one_of(2) ? p->ops[c] / p->threads : 0;
        }
    p->n_streams = one_of(5);
    for (uint32_t i = 0; i < p->n_streams; i++) {
        Stream *s = &p->stream[i];
        s->elem_bytes = (uint8_t)(1 << one_of(4));
        s->count = s->executions = all;
        s->is_read = one_of(4) != 0;
        s->is_written = !s->is_read || one_of(4) == 0;
        s->is_gathered = one_of(6) == 0;
        s->is_scalar = !p->is_vector;
        s->lane_stride = s->thread_stride = s->step_stride = one_of(3) ? s->elem_bytes : 1000 * (int64_t)one_of(9);
        s->shared = s->grows_by_round = s->grows_by_runs = 1;
        s->piece = s->footprint = MODEL_LINE;
        s->loop = (int32_t)p->n_loops - 1;
        for (uint32_t k = p->n_loops; k-- > 0;) {
            p->loop[k].body_bytes += s->footprint;
            s->grows[k] = (float)(one_of(4) ? fmax(trips[k] * s->elem_bytes / MODEL_LINE, 1) : 1);
            s->footprint *= (double)s->grows[k];
        }
        s->inner_footprint = s->footprint / (double)s->grows[0];
    }
    for (uint32_t k = 0; k < p->n_loops; k++) {
        p->loop[k].up = (int32_t)k - 1;
        p->loop[k].trip = trips[k];
    }
}

static void make_features(NestFeatures *f)
{
    memset(f, 0, sizeof *f);
    f->n_phases = 1 + one_of(3);
    f->is_known = one_of(4) != 0;
    f->can_fail = one_of(4) == 0;
    f->nodes = chance(10, 1000);
    for (uint32_t i = 0; i < f->n_phases; i++) {
        Phase *p = &f->phase[i];
        make_phase(p);
        f->work += p->n_runs * p->innermost * 5;
        for (uint32_t k = 0; k < p->n_streams; k++) {
            f->footprint += p->stream[k].footprint;
            f->written_bytes += p->stream[k].is_written ? p->stream[k].footprint : 0;
        }
    }
}

static Target any_target(const Machine *m)
{
    return (Target){ .kind = (uint8_t)one_of(4), .n_threads = 1 + one_of(m->host.n_cores) };
}

static double ns_of(const Machine *m, const NestFeatures *f, Target t)
{
    Prediction p;
    model_predict(m, f, t, &p);
    CHECK(isfinite(p.ns) && p.ns >= 0 && p.start_ns >= 0 && p.arithmetic_ns >= 0 && p.memory_ns >= 0 && p.latency_ns >= 0, "%g ns", p.ns);
    CHECK(p.spread >= 1 && p.spread < 100, "%g", p.spread);
    return p.ns;
}

/* ---- more work ------------------------------------------------------------------------------------------------------------------- */

static void more_runs(NestFeatures *f)
{
    for (uint32_t i = 0; i < f->n_phases; i++)
        f->phase[i].n_runs *= 2;
    f->work *= 2;
}

static void more_operations(NestFeatures *f)
{
    for (uint32_t i = 0; i < f->n_phases; i++)
        for (int c = 0; c < OPC_COUNT; c++) {
            f->phase[i].ops[c] *= 2;
            f->phase[i].scalar[c] *= 2;
        }
    f->work *= 2;
}

static void longer_chains(NestFeatures *f)
{
    for (uint32_t i = 0; i < f->n_phases; i++) {
        for (int c = 0; c < OPC_COUNT; c++)
            f->phase[i].chain[c] *= 2;
        f->phase[i].chain_loads += 10;
    }
}

static void more_accesses(NestFeatures *f)
{
    for (uint32_t i = 0; i < f->n_phases; i++)
        for (uint32_t k = 0; k < f->phase[i].n_streams; k++) {
            f->phase[i].stream[k].count *= 2;
            f->phase[i].stream[k].executions *= 2;
        }
}

/* Twice as many iterations of each phase's outermost loop, over arrays twice as large. */
static void more_iterations(NestFeatures *f)
{
    for (uint32_t i = 0; i < f->n_phases; i++) {
        Phase *p = &f->phase[i];
        p->iterations *= p->iterations > 1 ? 2 : 1;
        p->threads *= p->threads > 1 ? 2 : 1;
        p->innermost *= 2;
        p->entries *= 2;
        p->loop[0].trip *= 2;
        for (int c = 0; c < OPC_COUNT; c++) {
            p->ops[c] *= 2;
            p->scalar[c] *= 2;
            p->chain[c] *= p->threads > 1 ? 1 : 2;
        }
        for (uint32_t k = 0; k < p->n_streams; k++) {
            Stream *s = &p->stream[k];
            s->count *= 2;
            s->executions *= 2;
            s->footprint *= 2;
            s->grows[0] *= 2;
        }
    }
    f->work *= 2;
    f->footprint *= 2;
    f->written_bytes *= 2;
}

static void can_fail(NestFeatures *f)
{
    f->can_fail = true;
    f->waits++;
}

/* ---- a slower machine ------------------------------------------------------------------------------------------------------------ */

static void slower_memory(Machine *m)
{
    for (int k = 0; k < MACHINE_LEVELS; k++)
        for (uint32_t s = 0; s < m->host.n_steps; s++)
            m->host.level[k].bytes_per_ns[s] /= 2;
    m->gpu[0].bytes_per_ns /= 2;
    m->gpu[0].l2_bytes_per_ns /= 2;
}

static void smaller_caches(Machine *m)
{
    for (int k = 0; k < MACHINE_LEVELS - 1; k++)
        m->host.level[k].bytes /= 2;
    m->gpu[0].l2_bytes /= 2;
}

static void longer_latencies(Machine *m)
{
    for (int k = 0; k < MACHINE_LEVELS; k++)
        m->host.level[k].latency_ns *= 2;
    m->gpu[0].latency_ns *= 2;
}

static void slower_arithmetic(Machine *m)
{
    for (int c = 0; c < OPC_COUNT; c++) {
        m->host.scalar_ns[c] *= 2;
        m->host.vector_ns[c] *= 2;
        m->host.chain_ns[c] *= 2;
        m->gpu[0].ops_per_ns[c] /= 2;
        m->gpu[0].chain_ns[c] *= 2;
    }
    m->host.interp_ns_per_op *= 2;
    m->host.executor_ns_per_op *= 2;
}

static void slower_starts(Machine *m)
{
    for (uint32_t s = 0; s < m->host.n_steps; s++)
        m->host.fork_ns[s] *= 2;
    m->host.enter_ns *= 2;
    m->host.consider_ns *= 2;
    m->gpu[0].launch_ns *= 2;
    m->gpu[0].round_trip_ns *= 2;
}

static void test_order(void)
{
    static void (*const more[])(NestFeatures *f) = { more_runs, more_operations, longer_chains, more_accesses, more_iterations, can_fail };
    static void (*const slower[])(Machine *m) = { slower_memory, smaller_caches, longer_latencies, slower_arithmetic, slower_starts };
    static const double slack = 1.0001;
    static NestFeatures f, g;
    static Machine m, n;
    for (int i = 0; i < 3000; i++) {
        make_machine(&m);
        make_features(&f);
        Target t = any_target(&m);
        double ns = ns_of(&m, &f, t);
        uint32_t k = one_of(COUNT_OF(more));
        g = f;
        more[k](&g);
        /* A loop is handed out to threads only from some size on: what is a little larger may take less time. */
        double one = ns_of(&m, &f, (Target){ .kind = TARGET_Cpu, .n_threads = 1 });
        if (t.kind != TARGET_Cpu || t.n_threads == 1)
            CHECK(ns_of(&m, &g, t) * slack >= ns, "more %u, target %u: %g < %g", (unsigned)k, (unsigned)t.kind, ns_of(&m, &g, t), ns);
        CHECK(ns_of(&m, &g, (Target){ .kind = TARGET_Cpu, .n_threads = 1 }) * slack >= one, "more %u: one thread", (unsigned)k);
        k = one_of(COUNT_OF(slower));
        n = m;
        slower[k](&n);
        CHECK(ns_of(&n, &f, t) * slack >= ns, "slower %u, target %u: %g < %g", (unsigned)k, (unsigned)t.kind, ns_of(&n, &f, t), ns);
    }
}

/* ---- single terms ---------------------------------------------------------------------------------------------------------------- */

static void test_terms(void)
{
    static NestFeatures f;
    static Machine m;
    make_machine(&m);
    m.host.consider_ns = 100;
    m.host.interp_ns_per_op = 3;
    f = (NestFeatures){ .is_known = true, .work = 1000 };
    CHECK(ns_of(&m, &f, (Target){ .kind = TARGET_Interp }) == 3100, "work times price");
    f.is_known = false;
    Prediction known, unknown;
    model_predict(&m, &f, (Target){ .kind = TARGET_Interp }, &known);
    f.is_blind = true;
    model_predict(&m, &f, (Target){ .kind = TARGET_Interp }, &unknown);
    CHECK(unknown.spread > known.spread, "guesses say so");
    model_predict(&m, &f, (Target){ .kind = TARGET_Gpu, .gpu = 1 }, &unknown);
    CHECK(isinf(unknown.ns), "a GPU that is not there");
    CHECK(model_transfer_ns(&m, 0, 0, true) == 0 && model_transfer_ns(&m, 1, 100, true) == 0, "nothing to copy");
    CHECK(model_transfer_ns(&m, 0, 2e6, true) > model_transfer_ns(&m, 0, 1e6, true), "more to copy");
    CHECK(model_transfer_ns(&m, 0, 1, false) >= m.gpu[0].down_ns, "a few bytes");
    f.nodes = 100;
    for (int kind = TARGET_Cpu; kind <= TARGET_Gpu; kind++) {
        Target t = { .kind = (uint8_t)kind, .n_threads = 1 };
        CHECK(model_compile_ns(&m, &f, t, true) > model_compile_ns(&m, &f, t, false), "the first kernel");
        double plain = model_compile_ns(&m, &f, t, false);
        CHECK(plain > 0, "a kernel");
        f.inlined = 2;
        CHECK(model_compile_ns(&m, &f, t, false) > plain, "a kernel with elementary functions");
        f.inlined = 0;
    }
    CHECK(model_compile_ns(&m, &f, (Target){ .kind = TARGET_Interp }, true) == 0, "nothing to compile");
}

/* One loop of n iterations that does nothing. */
static Phase *one_loop(NestFeatures *f, double n)
{
    memset(f, 0, sizeof *f);
    f->is_known = true;
    f->n_phases = 1;
    Phase *p = &f->phase[0];
    p->n_runs = p->round_runs = p->side_by_side = p->launches = p->reuse_tile = p->imbalance = p->entries = 1;
    p->iterations = p->threads = p->innermost = n;
    p->is_vector = true;
    p->n_loops = 1;
    p->loop[0] = (PhaseLoop){ -1, n, 8 };
    return p;
}

static void add_stream(NestFeatures *f, double n, bool is_written)
{
    Phase *p = &f->phase[0];
    p->stream[p->n_streams++] = (Stream){ .count = n, .executions = n, .footprint = 8 * n, .elem_bytes = 8, .is_read = !is_written, .is_written = is_written, .lane_stride = 8,
                                          .thread_stride = 8, .step_stride = 8, .shared = 1, .piece = MODEL_LINE, .grows = { (float)(n / 8) },
                                          .grows_by_round = 1, .grows_by_runs = 1 };
    f->footprint += 8 * n;
}

/* Each roof of the model is the highest of some nest. */
static void test_roofs(void)
{
    static const Target cpu = { .kind = TARGET_Cpu, .n_threads = 1 }, gpu = { .kind = TARGET_Gpu };
    static NestFeatures f;
    static Machine m;
    const double n = 1e8;
    make_machine(&m);
    HostMachine *h = &m.host;
    GpuMachine *g = &m.gpu[0];
    Phase *p = one_loop(&f, n);
    p->ops[OPC_F64] = 100 * n;
    double ns = ns_of(&m, &f, cpu);
    CHECK(ns >= 100 * n * h->vector_ns[OPC_F64] && ns < 150 * n * h->vector_ns[OPC_F64], "lanes: %g", ns);
    CHECK(ns_of(&m, &f, gpu) >= 100 * n / g->ops_per_ns[OPC_F64], "a GPU's rate");
    p->scalar[OPC_F64] = 100 * n;
    ns = ns_of(&m, &f, cpu);
    CHECK(ns >= 100 * n * h->scalar_ns[OPC_F64] && ns < 150 * n * h->scalar_ns[OPC_F64], "one by one: %g", ns);

    p = one_loop(&f, n);
    p->iterations = p->threads = 1;
    p->chain[OPC_F64] = n;
    CHECK(ns_of(&m, &f, cpu) >= n * h->chain_ns[OPC_F64], "a chain");
    CHECK(ns_of(&m, &f, gpu) >= n * g->chain_ns[OPC_F64], "a GPU's chain");

    one_loop(&f, n);
    add_stream(&f, n, false);
    double read = ns_of(&m, &f, cpu), read_there = ns_of(&m, &f, gpu);
    CHECK(read >= 8 * n / h->level[MACHINE_LEVELS - 1].bytes_per_ns[0], "memory: %g", read);
    CHECK(read_there >= 8 * n / g->bytes_per_ns, "a GPU's memory: %g", read_there);
    one_loop(&f, n);
    add_stream(&f, n, true);
    CHECK(ns_of(&m, &f, cpu) > 1.5 * read, "lines that are written are read first");
    CHECK(ns_of(&m, &f, gpu) > read_there, "writing");
    one_loop(&f, 1000);
    add_stream(&f, 1000, false);
    CHECK(ns_of(&m, &f, cpu) < h->consider_ns + h->enter_ns + 1000, "in the first cache");

    p = one_loop(&f, 2);
    p->ops[OPC_F64] = p->scalar[OPC_F64] = n;
    h->n_cores = 8;
    h->n_steps = 2;
    h->threads[1] = 8;
    h->fork_ns[1] = 1000;
    CHECK(ns_of(&m, &f, (Target){ .kind = TARGET_Cpu, .n_threads = 8 }) > 0.45 * ns_of(&m, &f, cpu), "two iterations for eight threads");
    p->n_runs = 10;
    ns = ns_of(&m, &f, (Target){ .kind = TARGET_Cpu, .n_threads = 8 });
    h->fork_ns[1] = 7001000;
    CHECK(fabs(ns_of(&m, &f, (Target){ .kind = TARGET_Cpu, .n_threads = 8 }) - ns - 1e7) < 1e3, "a fork to two threads for each run");

    p = one_loop(&f, 10);
    p->n_runs = 1000;
    g->launch_ns = 1e5;
    CHECK(ns_of(&m, &f, gpu) >= 1e8, "launches");
    f.waits = 100;
    g->round_trip_ns = 2e5;
    CHECK(ns_of(&m, &f, gpu) >= 1.1e8, "waits");
    p->is_host = true;
    f.waits = 0;
    CHECK(ns_of(&m, &f, gpu) < 1e8, "nothing to launch");
}

static void test_threads(void)
{
    static NestFeatures f;
    static Machine m;
    for (int i = 0; i < 1000; i++) {
        make_machine(&m);
        make_features(&f);
        uint32_t most = 1 + one_of(m.host.n_cores);
        Prediction p, q;
        uint32_t t = model_best_threads(&m, &f, most, &p);
        CHECK(t >= 1 && t <= most, "%u of %u", (unsigned)t, (unsigned)most);
        model_predict(&m, &f, (Target){ .kind = TARGET_Cpu, .n_threads = t }, &q);
        CHECK(p.ns == q.ns, "%g, %g", p.ns, q.ns);
        CHECK(p.ns <= ns_of(&m, &f, (Target){ .kind = TARGET_Cpu, .n_threads = 1 }), "one thread is better");
        bool is_spread = false;
        for (uint32_t k = 0; k < f.n_phases; k++)
            is_spread |= f.phase[k].iterations > 1;
        CHECK(is_spread || t == 1, "%u threads for one iteration", (unsigned)t);
    }
}

static void count_bytes(void *user, const char *s, size_t n)
{
    CHECK(memchr(s, '\0', n) == NULL, "text");
    *(size_t *)user += n;
}

static void test_dump(void)
{
    static NestFeatures f;
    static Machine m;
    size_t n = 0;
    make_machine(&m);
    make_features(&f);
    model_dump(&m, &f, count_bytes, &n);
    CHECK(n > 200, "%zu bytes", n);
}

int main(void)
{
    test_order();
    test_terms();
    test_roofs();
    test_threads();
    test_dump();
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}
