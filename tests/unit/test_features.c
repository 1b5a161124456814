/* tests/unit/test_features.c — what the cost model is told of small programs, against counts made by hand; and where it would run them, on machines that
 * are described here and on those whose profiles are in a folder.  Nothing is measured, and no loop is carried out.
 *
 * Usage: test_features [FOLDER] */
#include <dirent.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dsl/parse.h"
#include "interp/engine.h"
#include "interp/module.h"
#include "interp/str.h"
#include "jit/plan/features.h"
#include "tests/unit/counted.h"

static const char *program;

#define IS(value, wanted) CHECK(fabs((double)(value) - (double)(wanted)) <= 0.001 * fabs((double)(wanted)), "%g, not %g", (double)(value), (double)(wanted))

/* ---- features of a program's last loop -------------------------------------------------------------------------------------- */

typedef struct Log {
    bool     is_done;
    NestFeatures features;
    double   least_ns;          /* that counting took */
    char     output[2000];
    size_t   n_output;
} Log;

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static LoopVerdict take(VM *vm, Frame *frame, Node *loop, Value iterable)
{
    enum { TIMES = 20 };
    Log *log = vm->engine_state;
    PlanOptions opt = { .distribute = true, .interchange = true, .fuse = true };
    ReasonAt why = { .code = RS_None };
    Nest *nest = nest_build(vm, frame, loop, iterable, &why);
    if (!nest)
        return LOOP_DECLINED;
    Planner *planner = planner_new(nest, &opt);
    Facts *facts = facts_new(nest);
    facts_collect(facts, nest, frame, iterable);
    const Plan *plan = planner_get(planner, facts, &why);
    log->is_done = plan != NULL;
    log->least_ns = 1e9;
    for (int i = 0; plan && i < TIMES; i++) {
        double start = now_ns(), ns;
        plan_features(plan, facts, &log->features);
        ns = now_ns() - start;
        log->least_ns = ns < log->least_ns ? ns : log->least_ns;
    }
    facts_free(facts, nest);
    planner_free(planner);
    nest_free(nest);
    return LOOP_DONE;
}

static const LoopEngine engine = { .name = "features", .take = take };

static int keep_output(void *user, int stream, const char *text, size_t size)
{
    Log *log = user;
    size_t n = size < sizeof log->output - 1 - log->n_output ? size : sizeof log->output - 1 - log->n_output;
    memcpy(log->output + log->n_output, text, n);
    log->n_output += n;
    return 0;
}

static const NestFeatures *features_of(const char *what, const char *body)
{
    static Log log;
    Mem mem;
    char text[4000];
    program = what;
    memset(&log, 0, sizeof log);
    snprintf(text, sizeof text, "import numpy as np\n%s", body);
    mem_init(&mem, NULL, NULL);
    VM *vm = vm_new(&mem);
    vm->write_fn = keep_output;
    vm->io_user = &log;
    vm->engine = &engine;
    vm->engine_state = &log;
    if (vm_run(vm, vm->main, "features", text, strlen(text), PM_File) == RUN_EXC) {
        Value report = vm_format_traceback(vm);
        keep_output(&log, 2, STR(report)->text, STR(report)->size);
        value_free(vm, report);
        vm_clear_exc(vm);
    }
    vm_flush(vm);
    CHECK(log.is_done && log.n_output == 0, "no plan: %s", log.output);
    vm_free(vm);
    return &log.features;
}

/* ---- counts --------------------------------------------------------------------------------------------------------------------- */

#define SAXPY(n, type) "def f(a, x, y):\n  for i in range(x.size):\n    y[i] = a * x[i] + y[i]\n" \
                       "f(np.float" type "(2.0), np.zeros(" n ", dtype=np.float" type "), np.zeros(" n ", dtype=np.float" type "))\n"
#define MATMUL_OF(n, type) "def f(n, a, b, c):\n  for i in range(n):\n    for j in range(n):\n      s = 0.0\n      for k in range(n):\n        s += a[i, k] * b[k, j]\n" \
                           "      c[i, j] = s\nt = np.float" type "\nf(" n ", np.zeros((" n ", " n "), t), np.zeros((" n ", " n "), t), np.zeros((" n ", " n "), t))\n"
#define MATMUL(n) MATMUL_OF(n, "64")
#define JACOBI(t, n) "def f(t, n, a, b):\n  for s in range(t):\n    for i in range(1, n - 1):\n      for j in range(1, n - 1):\n" \
                     "        b[i, j] = 0.25 * (a[i - 1, j] + a[i + 1, j] + a[i, j - 1] + a[i, j + 1])\n" \
                     "    for i in range(1, n - 1):\n      for j in range(1, n - 1):\n        a[i, j] = b[i, j]\n" \
                     "f(" t ", " n ", np.zeros((" n ", " n ")), np.zeros((" n ", " n ")))\n"
#define RECURRENCE(n) "def f(x, y):\n  for i in range(1, x.size):\n    x[i] = x[i - 1] * 0.5 + y[i]\nf(np.zeros(" n "), np.zeros(" n "))\n"
#define SUM(n) "def f(x):\n  s = 0.0\n  for i in range(x.size):\n    s += x[i]\n  return s\nf(np.zeros(" n "))\n"

static void test_streams(void)
{
    const NestFeatures *f = features_of("saxpy", SAXPY("1000", "64"));
    const Phase *p = &f->phase[0];
    CHECK(f->n_phases == 1 && f->is_known && !f->can_fail, "%u phases", (unsigned)f->n_phases);
    IS(p->n_runs, 1);
    IS(p->iterations, 1000);
    IS(p->threads, 1000);
    IS(p->ops[OPC_F64], 2000);
    IS(p->scalar[OPC_F64], 0);
    IS(p->imbalance, 1);
    CHECK(p->is_vector && !p->is_reduction && !p->is_divergent, "kind");
    CHECK(p->n_streams == 2, "%u streams", (unsigned)p->n_streams);
    for (uint32_t i = 0; i < p->n_streams; i++) {
        const Stream *s = &p->stream[i];
        IS(s->footprint, 8000);
        IS(s->count, s->is_written ? 2000 : 1000);
        CHECK(s->lane_stride == 8 && s->thread_stride == 8 && !s->is_gathered && s->is_read, "strides");
    }
    IS(f->bytes, 24000);
    IS(f->footprint, 16000);
    f = features_of("saxpy, 32 bits", SAXPY("1000", "32"));
    IS(f->phase[0].ops[OPC_F32], 2000);
    IS(f->phase[0].stream[0].elem_bytes, 4);
    f = features_of("every second element", "def f(x, y):\n  for i in range(500):\n    y[2 * i] = x[2 * i] + 1.0\nf(np.zeros(1000), np.zeros(1000))\n");
    IS(f->phase[0].stream[0].step_stride, 16);
    IS(f->phase[0].stream[0].footprint, 8000 - 8);
    f = features_of("a column", "def f(a, y):\n  for i in range(1000):\n    y[i] = a[i, 3]\nf(np.zeros((1000, 100)), np.zeros(1000))\n");
    for (uint32_t i = 0; i < f->phase[0].n_streams; i++)
        IS(f->phase[0].stream[i].footprint, f->phase[0].stream[i].is_read ? 64000 : 8000);        /* whole lines */
    f = features_of("indices from memory", "def f(a, k, y):\n  for i in range(1000):\n    y[i] = a[k[i]]\nf(np.zeros(50), np.zeros(1000, np.int64), np.zeros(1000))\n");
    uint32_t n_gathered = 0;
    for (uint32_t i = 0; i < f->phase[0].n_streams; i++)
        if (f->phase[0].stream[i].is_gathered) {
            n_gathered++;
            IS(f->phase[0].stream[i].footprint, 400);       /* no more than there is */
        }
    CHECK(n_gathered == 1, "%u", (unsigned)n_gathered);
    f = features_of("stencil", "def f(a, b):\n  for i in range(1, 999):\n    b[i] = a[i - 1] + a[i] + a[i + 1]\nf(np.zeros(1000), np.zeros(1000))\n");
    CHECK(f->phase[0].n_streams == 2, "%u streams", (unsigned)f->phase[0].n_streams);
    f = features_of("the same elements by many ways", "def f(a, y):\n  for i in range(100):\n    for j in range(100):\n      y[i, j] = a[100 * i + 100 * j]\n"
                    "f(np.zeros(19801), np.zeros((100, 100)))\n");
    for (uint32_t i = 0; i < f->phase[0].n_streams; i++)
        IS(f->phase[0].stream[i].footprint, f->phase[0].stream[i].is_read ? 19801 * 8 : 80000);      /* no more than there is */
    f = features_of("maximum", "def f(a, b, y):\n  for i in range(100):\n    y[i] = max(a[i], b[i])\nf(np.zeros(100), np.zeros(100), np.zeros(100))\n");
    IS(f->bytes, 2400);                         /* a load stands in the comparison and in the choice */
    f = features_of("sparse rows", "def f(start, value, column, x, y):\n  for r in range(y.size):\n    s = 0.0\n    for k in range(start[r], start[r + 1]):\n"
                    "      s += value[k] * x[column[k]]\n    y[r] = s\n"
                    "f(np.zeros(101, np.int64), np.zeros(700), np.zeros(700, np.int64), np.zeros(100), np.zeros(100))\n");
    CHECK(!f->is_known && !f->is_blind, "guessed by the size of an array");
    IS(f->phase[0].ops[OPC_F64], 1400);
}

static void test_shapes(void)
{
    const NestFeatures *f = features_of("matmul", MATMUL("100"));
    const Phase *p = &f->phase[0];
    CHECK(f->n_phases == 1, "%u phases", (unsigned)f->n_phases);
    IS(p->ops[OPC_F64], 2e6);
    IS(f->flops, 2e6);
    IS(p->iterations, 100);
    IS(p->threads, 10000);
    IS(p->chain[OPC_F64], 100);
    CHECK(p->is_vector && p->reuse_tile > 1 && p->side_by_side > 8, "a tile");
    IS(f->footprint, 240000);
    f = features_of("triangle", "def f(a, n):\n  for i in range(n):\n    for j in range(i):\n      a[i, j] = 2.0 * a[i, j]\nf(np.zeros((400, 400)), 400)\n");
    CHECK(fabs(f->phase[0].imbalance - 2) < 0.01, "%g", f->phase[0].imbalance);
    IS(f->phase[0].ops[OPC_F64], 80000);
    f = features_of("jacobi", JACOBI("10", "102"));
    CHECK(f->n_phases == 2, "%u phases", (unsigned)f->n_phases);
    IS(f->phase[0].n_runs, 10);
    IS(f->phase[0].iterations, 100);
    IS(f->phase[0].threads, 10000);
    IS(f->phase[0].ops[OPC_F64], 40000);
    IS(f->phase[1].ops[OPC_F64], 0);
    f = features_of("recurrence", RECURRENCE("1001"));
    p = &f->phase[0];
    IS(p->iterations, 1);
    IS(p->threads, 1);
    IS(p->chain[OPC_F64], 2000);
    IS(p->chain_loads, 1000);
    f = features_of("sum", SUM("8192"));
    p = &f->phase[0];
    CHECK(p->is_reduction && p->is_vector && f->waits == 1, "reduction, the host wants the sum");
    IS(p->threads, 64);             /* a warp for each chunk of 4096 */
    IS(p->chain[OPC_F64], 128);
    f = features_of("maximum with place", "def f(x):\n  m = x[0]\n  k = 0\n  for i in range(x.size):\n    if x[i] > m:\n      m = x[i]\n      k = i\n  return k\n"
                    "f(np.zeros(640))\n");
    p = &f->phase[0];
    IS(p->threads, 10);             /* blocks of 64, in order */
    IS(p->chain[OPC_F64], 64);      /* a comparison with what the iteration before left */
    f = features_of("rows of a matrix, in program order",
                    "def f(a, x, y):\n  for i in range(300):\n    for j in range(200):\n      y[i] += a[i, j] * x[j]\nf(np.zeros((300, 200)), np.zeros(200), np.zeros(300))\n");
    p = &f->phase[0];
    IS(p->chain[OPC_F64], 200);
    IS(p->chain_loads, 0);          /* the element stays in a register */
    f = features_of("two loops in one", "def f(c, a, b, n):\n  for i in range(n):\n    for j in range(n):\n      c[i, j] *= 2.0\n    for k in range(n):\n"
                    "      for j in range(n):\n        c[i, j] += a[i, k] * b[k, j]\nf(np.zeros((50, 50)), np.zeros((50, 50)), np.zeros((50, 50)), 50)\n");
    CHECK(f->n_phases == 2 && !f->phase[0].is_part && f->phase[1].is_part, "%u phases", (unsigned)f->n_phases);
    IS(f->phase[1].threads, 2500);
    f = features_of("while", "def f(y):\n  for i in range(100):\n    n = i + 1\n    c = 0\n    while n != 1:\n      n = n // 2\n      c += 1\n    y[i] = c\nf(np.zeros(100))\n");
    CHECK(!f->is_known && f->is_blind && f->phase[0].is_divergent, "nobody knows");
    f = features_of("the same in all iterations", "def f(a, b, c, n):\n  for i in range(n):\n    for j in range(n):\n      a[i, j] = a[i, j] * (b * c) + (i // 7 + 3) % 5\n"
                    "f(np.zeros((50, 50)), 2.0, 3.0, 50)\n");
    IS(f->phase[0].ops[OPC_F64], 2 * 2500 + 50 + 1);        /* the remainder becomes a float */
    IS(f->phase[0].ops[OPC_Int], 50 * 9);
    f = features_of("another each time", "def f(n, a):\n  for i in range(n):\n    s = 1.0\n    t = 2.0\n    for j in range(n):\n      s = s * 1.5\n      t = t + s\n    a[i] = t\n"
                    "f(50, np.zeros(50))\n");
    IS(f->phase[0].ops[OPC_F64], 2 * 2500);
    f = features_of("functions", "import math\ndef f(n, a):\n  for i in range(n):\n    a[i] = math.exp(a[i]) + math.sqrt(a[i]) * math.sin(a[i]) + a[i] ** 1.5\n"
                    "f(50, np.ones(50))\n");
    IS(f->inlined, 3);                                      /* a root is an instruction */
    f = features_of("nothing", "def f(n, a):\n  for i in range(n):\n    a[i] = 1.0\nf(0, np.zeros(4))\n");
    IS(f->work, 0);
}

/* Loops of many kinds, and too much of everything. */
static void test_limits(void)
{
    char text[4000] = "def f(n, a):\n  for i in range(n):\n";
    size_t at = strlen(text);
    for (int k = 0; k < 30; k++)        /* more phases than there is room for */
        at += (size_t)snprintf(text + at, sizeof text - at, "    for j in range(n):\n      a[%d, j] = a[%d, j] * 2.0\n", k, k);
    snprintf(text + at, sizeof text - at, "f(100, np.zeros((30, 100)))\n");
    const NestFeatures *f = features_of("many phases", text);
    CHECK(f->n_phases <= MODEL_PHASES, "%u", (unsigned)f->n_phases);
    IS(f->flops, 30 * 100 * 100);
    double ops = 0;
    for (uint32_t i = 0; i < f->n_phases; i++)
        ops += f->phase[i].n_runs * f->phase[i].ops[OPC_F64];
    IS(ops, 300000);
    at = (size_t)snprintf(text, sizeof text, "def f(n, a, b):\n  for i in range(n):\n    b[i] = 0.0");
    for (int k = 0; k < 40; k++)        /* more streams */
        at += (size_t)snprintf(text + at, sizeof text - at, " + a[%d * i]", k + 2);
    snprintf(text + at, sizeof text - at, "\nf(10, np.zeros(1000), np.zeros(10))\n");
    f = features_of("many streams", text);
    CHECK(f->phase[0].n_streams == MODEL_STREAMS, "%u", (unsigned)f->phase[0].n_streams);
    IS(f->bytes, 41 * 80);
}

/* ---- choices ---------------------------------------------------------------------------------------------------------------------- */

static Machine laptop, server;          /* four cores; sixteen and a GPU */

static void make_machines(void)
{
    GpuAttributes gpu = { .name = "a GPU", .major = 9, .n_sm = 132, .threads_per_sm = 2048, .clock_khz = 1755000, .memory_clock_khz = 2619000, .bus_bits = 5120,
                          .memory_bytes = 80ull << 30, .l2_bytes = 50u << 20, .shared_bytes = 232448 };
    laptop.host = (HostMachine){ .simd = "avx2", .n_cores = 4, .n_hardware = 8, .clock_ghz = 3 };
    server.host = (HostMachine){ .simd = "avx512", .n_cores = 16, .n_hardware = 32, .clock_ghz = 2.6 };
    server.n_gpus = 1;
    machine_fill_gpu(&server.gpu[0], &gpu);
    machine_complete(&laptop);
    machine_complete(&server);
}

/* The kind of target that is predicted best; data on the host: it has to go to a GPU and what was written comes back. */
static TargetKind best(const Machine *m, const NestFeatures *f, bool on_host, uint32_t *n_threads)
{
    Prediction p, q;
    TargetKind kind = TARGET_Interp;
    *n_threads = 1;
    model_predict(m, f, (Target){ .kind = TARGET_Interp }, &p);
    p.ns -= m->host.consider_ns;
    uint32_t t = model_best_threads(m, f, m->host.n_cores, &q);
    if (q.ns + m->host.consider_ns < p.ns) {
        kind = TARGET_Cpu;
        p = q;
        *n_threads = t;
    }
    for (uint32_t g = 0; g < m->n_gpus; g++) {
        model_predict(m, f, (Target){ .kind = TARGET_Gpu, .gpu = g }, &q);
        double moved = on_host ? model_transfer_ns(m, g, f->footprint, true) + model_transfer_ns(m, g, f->written_bytes, false) : 0;
        if (q.ns + moved < p.ns) {
            kind = TARGET_Gpu;
            p = q;
        }
    }
    return kind;
}

static void check_choice(const char *what, const char *text, const Machine *m, bool on_host, TargetKind wanted, uint32_t least, uint32_t most)
{
    static const char *const name[] = { "interpreter", "executor", "CPU", "GPU" };
    uint32_t t;
    TargetKind kind = best(m, features_of(what, text), on_host, &t);
    CHECK(kind == wanted, "%s, not %s", name[kind], name[wanted]);
    CHECK(kind != TARGET_Cpu || (t >= least && t <= most), "%u threads", (unsigned)t);
}

static void test_choices(void)
{
    make_machines();
    check_choice("saxpy of 4", SAXPY("4", "64"), &laptop, true, TARGET_Interp, 0, 0);
    check_choice("saxpy of 4, GPU", SAXPY("4", "64"), &server, false, TARGET_Interp, 0, 0);
    check_choice("saxpy of 2000", SAXPY("2000", "64"), &laptop, true, TARGET_Cpu, 1, 1);
    check_choice("saxpy of 100000", SAXPY("100000", "64"), &laptop, true, TARGET_Cpu, 1, 4);
    check_choice("saxpy of 10 million", SAXPY("10000000", "64"), &laptop, true, TARGET_Cpu, 2, 4);
    check_choice("saxpy, data on the host", SAXPY("10000000", "64"), &server, true, TARGET_Cpu, 2, 16);
    check_choice("saxpy, data on the GPU", SAXPY("10000000", "64"), &server, false, TARGET_Gpu, 0, 0);
    check_choice("matmul of 8", MATMUL("8"), &server, false, TARGET_Cpu, 1, 1);
    check_choice("matmul of 2048", MATMUL("2048"), &server, true, TARGET_Gpu, 0, 0);
    check_choice("matmul of 2048, no GPU", MATMUL("2048"), &laptop, true, TARGET_Cpu, 4, 4);
    check_choice("jacobi", JACOBI("100", "4000"), &server, true, TARGET_Gpu, 0, 0);
    check_choice("jacobi of 30", JACOBI("100", "30"), &server, false, TARGET_Cpu, 1, 1);
    check_choice("recurrence", RECURRENCE("10000000"), &server, false, TARGET_Cpu, 1, 1);
    check_choice("sum on the GPU", SUM("50000000"), &server, false, TARGET_Gpu, 0, 0);
    check_choice("sum on the host", SUM("50000000"), &server, true, TARGET_Cpu, 2, 16);
    check_choice("few rows", "def f(a):\n  for i in range(2):\n    for j in range(1000000):\n      a[i, j] = a[i, j] * 2.0 + 1.0\nf(np.zeros((2, 1000000)))\n", &laptop, true,
                 TARGET_Cpu, 1, 2);
}

/* What is so on every machine; in 32 bits, since some GPUs have next to no units for 64. */
static void test_profile(const Machine *m, const char *name)
{
    static const struct { const char *what, *text; } far[] = { { "matmul of 2048", MATMUL_OF("2048", "32") }, { "jacobi", JACOBI("100", "2000") } };
    static NestFeatures f;
    Prediction one, all;
    uint32_t t;
    check_choice(name, SAXPY("3", "64"), m, false, TARGET_Interp, 0, 0);
    check_choice(name, RECURRENCE("1000000"), m, false, TARGET_Cpu, 1, 1);
    check_choice(name, MATMUL("8"), m, false, TARGET_Cpu, 1, 1);
    check_choice(name, JACOBI("100", "30"), m, false, TARGET_Cpu, 1, 1);
    for (size_t i = 0; i < COUNT_OF(far); i++) {
        f = *features_of(far[i].what, far[i].text);
        program = name;
        CHECK(best(m, &f, true, &t) == (m->n_gpus ? TARGET_Gpu : TARGET_Cpu), "%s", far[i].what);
        model_predict(m, &f, (Target){ .kind = TARGET_Cpu, .n_threads = 1 }, &one);
        t = model_best_threads(m, &f, m->host.n_cores, &all);
        CHECK(m->host.n_cores == 1 || (t > 1 && all.ns < one.ns), "%s: %u threads", far[i].what, (unsigned)t);
    }
}

static void test_profiles(const char *folder)
{
    DIR *d = opendir(folder);
    uint32_t n = 0;
    for (const struct dirent *e; d && (e = readdir(d));) {
        static Machine m;
        char path[1000], why[300];
        size_t size = strlen(e->d_name);
        if (size < 5 || strcmp(e->d_name + size - 5, ".json") != 0)
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        bool is_read = machine_read_file(&m, path, why, sizeof why);
        CHECK(is_read, "%s: %s", path, why);
        if (!is_read)
            continue;
        machine_complete(&m);
        test_profile(&m, path);
        n++;
    }
    if (d)
        closedir(d);
    program = folder;
    CHECK(n > 0, "no profiles");
}

/* ---- time -------------------------------------------------------------------------------------------------------------------------- */

/* Least of twenty runs; far from the bound, so that a busy machine does not matter. */
static void test_time(void)
{
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && defined(__OPTIMIZE__)
    char text[4000];
    size_t at = (size_t)snprintf(text, sizeof text, "def f(n, a, b):\n");
    at += (size_t)snprintf(text + at, sizeof text - at, "  for i in range(1, n - 1):\n    for j in range(1, n - 1):\n");
    for (int k = 0; k < 8; k++)
        at += (size_t)snprintf(text + at, sizeof text - at, "      b[%d, i, j] = 0.25 * (a[%d, i - 1, j] + a[%d, i + 1, j] + a[%d, i, j - 1] + a[%d, i, j + 1])\n", k, k, k, k, k);
    snprintf(text + at, sizeof text - at, "f(20, np.zeros((8, 20, 20)), np.zeros((8, 20, 20)))\n");
    const NestFeatures *f = features_of("eight stencils", text);
    const Log *log = (const Log *)(const void *)((const char *)f - offsetof(Log, features));
    CHECK(log->least_ns < 100e3, "%g ns", log->least_ns);
#endif
}

int main(int argc, char **argv)
{
    test_streams();
    test_shapes();
    test_limits();
    test_choices();
    test_time();
    if (argc > 1)
        test_profiles(argv[1]);
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}
