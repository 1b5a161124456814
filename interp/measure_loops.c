/* interp/measure_loops.c — what loops cost, measured by running some: the interpreter, the executor and compiled code, all as programs meet them.
 *
 * A loop is timed inside the program that holds it, between two looks at the clock, so nothing else of the interpreter counts; the call
 * of the clock keeps the loop around from becoming part of the nest.  Costs of operations are differences: the same loop with few
 * and with many copies of one statement, over arrays that the first cache holds. */
#include "interp/measure_loops.h"

#include <alpy.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "profile/fd_io.h"

enum {
    ELEMENTS = 2048,            /* of arrays that the first cache holds: two of 16 KiB */
    TEXT_SIZE = 8192,
    ELSEWHERE = 2,              /* processes for what only the first compilation of one takes */
};
#define BUDGET_NS 25e6          /* for one figure */

/* ---- running ------------------------------------------------------------------------------------------------------------------------ */

/* A call that is timed by what it returns, in nanoseconds. */
typedef struct Timed {
    alpy_vm *vm;
    char     call[200];
} Timed;

static double timed(void *user)
{
    const Timed *t = user;
    double ns;
    return alpy_eval(t->vm, t->call, "measure") == ALPY_OK && alpy_get_float(t->vm, "ns", &ns) == ALPY_OK ? ns : -1;
}

/* A program of its own, with the arrays that the loops use; NULL: no memory. */
static alpy_vm *open_program(alpy_device device, int gpu, bool no_analysis, const char *dtype, const char *values, int elements)
{
    char text[800];
    alpy_config config;
    alpy_vm *vm;
    alpy_config_init(&config);
    config.device = device;
    config.gpu = gpu;
    config.threads = 1;
    config.no_analysis = no_analysis;
    config.no_disk_cache = true;
    if (alpy_open(&vm, &config) != ALPY_OK)
        return NULL;
    snprintf(text, sizeof text,
             "import math\nimport numpy as np\nfrom time import perf_counter\n"
             "def same(x):\n    return x\n"
             "n, m = %d, 24\n"
             "a, b = np.ones(n, dtype=np.%s), np.ones(n, dtype=np.%s)\n"
             "A, B, C = np.ones((m, m)), np.ones((m, m)), np.ones((m, m))\n"
             "c, d, e = %s\n", elements, dtype, dtype, values);
    if (alpy_eval(vm, text, "measure") == ALPY_OK)
        return vm;
    alpy_close(vm);
    return NULL;
}

/* Defines name(reps, n), which returns the least time of a loop.  head … tail: its body, `middle` in it `copies` times; or, if middle is NULL, head is the
 * loop.  Lines of head and tail are indented by 12, or 8, and end in newlines; middle stands between 12 blanks and a newline. */
static bool define(alpy_vm *vm, const char *name, const char *head, const char *middle, int copies, const char *tail)
{
    char text[TEXT_SIZE];
    size_t at = (size_t)snprintf(text, sizeof text,
        "def %s(reps, n, a, b, c, d, e, A, B, C):\n"
        "    best = 1e9\n"
        "    x, y, m = a[0], b[0], A.shape[0]\n"
        "    for r in range(reps):\n"
        "        t = perf_counter()\n"
        "%s%s", name, middle ? "        for i in range(n):\n" : "", head);
    for (int i = 0; i < copies && at < sizeof text; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "            %s\n", middle);
    if (at < sizeof text)
        at += (size_t)snprintf(text + at, sizeof text - at,
        "%s"
        "        t = perf_counter() - t\n"
        "        if t < best:\n"
        "            best = t\n"
        "    return best\n", tail);
    return at < sizeof text && alpy_eval(vm, text, "measure") == ALPY_OK;
}

/* Nanoseconds of name(reps, n): the least of many, or of one call; negative: it failed. */
static double time_of(const Measure *me, alpy_vm *vm, const char *name, int reps, int n, bool once)
{
    Timed t = { .vm = vm };
    snprintf(t.call, sizeof t.call, "ns = %s(%d, %d, a, b, c, d, e, A, B, C) * 1e9", name, reps, n);
    return once ? timed(&t) : measure_least(me, BUDGET_NS, timed, &t);
}

/* What one more copy of a statement adds; 0: it failed, or is lost in the noise. */
static double cost_of(const Measure *me, alpy_vm *vm, const char *head, const char *middle, const char *tail, int few, int many, int n)
{
    const int reps = 5;
    if (!define(vm, "few", head, middle, few, tail) || !define(vm, "many", head, middle, many, tail))
        return 0;
    double least = time_of(me, vm, "few", reps, n, false), most = time_of(me, vm, "many", reps, n, false);
    return least > 0 && most > least ? (most - least) / (many - few) / n : 0;
}

static void keep(double *to, double value)
{
    if (value > 0)
        *to = value;
}

static void keep_least(double *to, double value)
{
    if (value > 0 && (*to <= 0 || value < *to))
        *to = value;
}

/* ---- without kernels ------------------------------------------------------------------------------------------------------------------- */

/* Nests as programs have them, with the operations of one iteration of the innermost loop, and of one of the loop around, as plan_work() counts them. */
static const struct Nest { const char *loop; bool is_square; double ops; } nests[] = {
    { "        for i in range(n):\n            b[i] = 0.5 * a[i] + b[i]\n", false, 6 },
    { "        for i in range(n):\n            if a[i] > 0.5:\n                b[i] = a[i]\n            else:\n                b[i] = -a[i]\n", false, 9 },
    { "        for i in range(1, m - 1):\n            for j in range(1, m - 1):\n"
      "                B[i, j] = 0.25 * (A[i - 1, j] + A[i + 1, j] + A[i, j - 1] + A[i, j + 1])\n", true, 11 },
    { "        for i in range(m):\n            for j in range(m):\n                C[i, j] = C[i, j] + A[i, j] * B[j, i]\n", true, 7 },
};

static double ns_per_op(const Measure *me, alpy_device device, bool no_analysis)
{
    const int n = 500;
    double logs = 0;
    alpy_vm *vm = open_program(device, 0, no_analysis, "float64", "0, 0, 0", n);
    for (size_t i = 0; vm && i < COUNT_OF(nests); i++) {
        const struct Nest *k = &nests[i];
        double side = k->ops == 11 ? 22 : 24, ops = k->is_square ? side * (1 + side * k->ops) : n * k->ops;
        double ns = define(vm, "nest", k->loop, NULL, 0, "") ? time_of(me, vm, "nest", 5, n, false) : -1;
        if (ns <= 0) {
            alpy_close(vm);
            return 0;
        }
        logs += log(ns / ops);
    }
    alpy_close(vm);
    return vm ? exp(logs / COUNT_OF(nests)) : 0;
}

static const char *const kind_statement[INK_COUNT] = {
    [INK_IntAdd] = "x = d + e", [INK_FloatAdd] = "x = y + c", [INK_Compare] = "if y > c: pass",
    [INK_Load1] = "x = a[i]", [INK_Load2] = "x = A[1, 2]", [INK_Store1] = "b[i] = c",
    [INK_Attribute] = "x = math.sqrt(c)", [INK_Call] = "x = same(c)",
};

static void measure_interpreter(Measure *me, HostMachine *h)
{
    const int n = 500;
    alpy_vm *vm = open_program(ALPY_DEVICE_INTERP, 0, true, "float64", "2.5, 3, 4", n);
    for (int k = 0; vm && k < INK_COUNT; k++)
        keep(&h->interp_kind_ns[k], kind_statement[k] ? cost_of(me, vm, "", kind_statement[k], "", 2, 8, n) :
                                    define(vm, "empty", "", "pass", 1, "") ? time_of(me, vm, "empty", 5, n, false) / n : 0);
    alpy_close(vm);
}

static void measure_operations(Measure *me, HostMachine *h)
{
    keep_least(&h->interp_ns_per_op, ns_per_op(me, ALPY_DEVICE_INTERP, true));
    keep_least(&h->executor_ns_per_op, ns_per_op(me, ALPY_DEVICE_REFERENCE, false));
}

/* ---- entering ---------------------------------------------------------------------------------------------------------------------------- */

/* A nest of two or three iterations, with numbers that change from one entry to the next, so that each is looked at. */
static double entry_ns(const Measure *me, alpy_device device, bool no_analysis)
{
    static const char loop[] = "        for i in range(2 + (r & 1)):\n            for j in range(1):\n                b[i + j] = c\n";
    alpy_vm *vm = open_program(device, 0, no_analysis, "float64", "0.5, 0, 0", 16);
    double ns = vm && define(vm, "enter", loop, NULL, 0, "") ? time_of(me, vm, "enter", 50, 16, false) : -1;
    alpy_close(vm);
    return ns;
}

static void measure_entries(Measure *me, HostMachine *h, bool has_compiler)
{
    /* So small that the interpreter runs it, not looked at and looked at. */
    double plain = entry_ns(me, ALPY_DEVICE_INTERP, true), looked_at = entry_ns(me, ALPY_DEVICE_AUTO, false);
    double entered = has_compiler ? entry_ns(me, ALPY_DEVICE_CPU, false) : -1;
    if (plain <= 0 || looked_at <= plain)
        return;
    keep_least(&h->consider_ns, looked_at - plain);
    keep_least(&h->enter_ns, entered - h->consider_ns);
}

/* ---- compiled ---------------------------------------------------------------------------------------------------------------------------- */

typedef struct Row {
    const char *dtype, *values, *statement;
    double ops;                 /* that count in the statement */
    int    few, many;           /* copies */
} Row;

static const Row rows[OPC_COUNT] = {
    [OPC_Int]    = { "int64", "np.int64(3), np.int64(1), np.int64(-12345)", "x = x * c + d", 2, 4, 20 },
    [OPC_IntDiv] = { "int64", "np.int64(3), np.int64(10**17), np.int64(-12345)", "x = d // x + c", 1, 2, 6 },
    [OPC_F32]    = { "float32", "np.float32(0.9), np.float32(0.1), np.float32(-5)", "x = x * c + d", 2, 4, 20 },
    [OPC_F32Div] = { "float32", "np.float32(0.5), np.float32(2), np.float32(-5)", "x = d / x + c", 1, 2, 10 },
    [OPC_F32Fun] = { "float32", "np.float32(0.5), np.float32(2), np.float32(-5)", "x = np.exp(np.sin(x))", 2, 1, 4 },
    [OPC_F64]    = { "float64", "np.float64(0.9), np.float64(0.1), np.float64(-5)", "x = x * c + d", 2, 4, 20 },
    [OPC_F64Div] = { "float64", "np.float64(0.5), np.float64(2), np.float64(-5)", "x = d / x + c", 1, 2, 10 },
    [OPC_F64Fun] = { "float64", "np.float64(0.5), np.float64(2), np.float64(-5)", "x = np.exp(np.sin(x))", 2, 1, 4 },
};

/* Iterations that may leave the loop do not run across lanes. */
static const char load[] = "            x = a[i]\n", store[] = "            b[i] = x\n",
                  may_leave[] = "            if x == e:\n                break\n            b[i] = x\n";

static void measure_class(Measure *me, HostMachine *h, int class)
{
    const Row *r = &rows[class];
    alpy_vm *vm = open_program(ALPY_DEVICE_CPU, 0, false, r->dtype, r->values, ELEMENTS);
    if (!vm)
        return;
    keep(&h->vector_ns[class], cost_of(me, vm, load, r->statement, store, r->few, r->many, ELEMENTS) / r->ops);
    keep(&h->scalar_ns[class], cost_of(me, vm, load, r->statement, may_leave, r->few, r->many, ELEMENTS) / r->ops);
    keep(&h->chain_ns[class], cost_of(me, vm, "", r->statement, "", r->few, r->many, ELEMENTS) / r->ops);
    alpy_close(vm);
}

/* A loop whose compilation is timed.  Numbers in it are part of its code: with another one it is another loop. */
typedef struct Compiled {
    const char *start, *part;   /* part: with the number in it, so many times: */
    int    parts;
    double nodes;               /* as NestFeatures counts them */
} Compiled;

static const Compiled small_loop = { "        for i in range(n):\n", "            b[i] = a[i] * 1.0%d + d\n", 1, 29 };
static const Compiled large_loop = {
    "        for k in range(1):\n",
    "            for i in range(1, m - 1):\n"
    "                for j in range(1, m - 1):\n"
    "                    B[i, j] = 1.0%d * (A[i - 1, j] + A[i + 1, j] + A[i, j - 1] + A[i, j + 1])\n"
    "            for i in range(1, m - 1):\n"
    "                for j in range(1, m - 1):\n"
    "                    A[i, j] = B[i, j] * d + C[i, j]\n", 3, 384,
};

/* What the first execution of a loop takes beyond the second. */
static double compile_ns(const Measure *me, alpy_device device, int gpu, const Compiled *c, int number)
{
    char text[TEXT_SIZE / 2];
    size_t at = (size_t)snprintf(text, sizeof text, "%s", c->start);
    for (int i = 0; i < c->parts && at < sizeof text; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, c->part, number);
    alpy_vm *vm = open_program(device, gpu, false, "float64", "0.9, 0.1, -5.0", 64);
    bool ok = vm && define(vm, "made", text, NULL, 0, "");
    double first = ok ? time_of(me, vm, "made", 1, 64, true) : -1, later = ok ? time_of(me, vm, "made", 3, 64, true) : -1;
    alpy_close(vm);
    return first > 0 && later > 0 && first > later ? first - later : -1;
}

/* Likewise, in a process of its own, which has compiled nothing yet. */
static double compile_ns_elsewhere(const Measure *me, const Compiled *c, int number)
{
    double ns = -1;
    int ends[2];
    if (pipe(ends))
        return -1;
    pid_t child = fork();
    if (child == 0) {
        ns = compile_ns(me, ALPY_DEVICE_CPU, 0, c, number);
        _exit(!fd_write_all(ends[1], &ns, sizeof ns));
    }
    close(ends[1]);
    if (child < 0 || !fd_read_all(ends[0], &ns, sizeof ns))
        ns = -1;
    close(ends[0]);
    if (child > 0)
        waitpid(child, NULL, 0);
    return ns;
}

typedef struct Explanation {
    char   text[TEXT_SIZE];
    size_t size;
} Explanation;

static int append(void *user, const char *text, size_t size)
{
    Explanation *e = user;
    size_t room = sizeof e->text - 1 - e->size, n = size < room ? size : room;
    memcpy(e->text + e->size, text, n);
    e->size += n;
    e->text[e->size] = 0;
    return 0;
}

/* Does a loop that asks for this device run there?  There may be no compiler, or one that does not work. */
static bool runs_on(alpy_device device, int gpu)
{
    static const char loop[] = "import numpy as np\na = np.zeros(300)\nfor i in range(300):\n    a[i] = i + 0.5\n";
    Explanation told = { .size = 0 };
    alpy_config config;
    alpy_vm *vm;
    alpy_config_init(&config);
    config.device = device;
    config.gpu = gpu;
    config.no_disk_cache = config.explain = true;
    if (alpy_open(&vm, &config) != ALPY_OK)
        return false;
    bool ok = alpy_eval(vm, loop, "measure") == ALPY_OK && alpy_explain(vm, ALPY_EXPLAIN_JSON, 0, append, &told) == ALPY_OK;
    alpy_close(vm);
    return ok && strstr(told.text, device == ALPY_DEVICE_GPU ? "\"device\": \"gpu\"" : "\"device\": \"cpu\"");
}

/* false: nothing is compiled for this device. */
static bool measure_compiler(const Measure *me, alpy_device device, int gpu, double *first_ns, double *base_ns, double *ns_per_node)
{
    const int runs = me->time_scale < 1 ? 2 : 4;
    /* Loops that no process had before: NVRTC keeps what it compiled in a cache of its own. */
    const int fresh = 100000 + (int)(measure_now() / 1000 % 800000);
    double first = INFINITY, small = -1, large = -1;
    for (int i = 1; i <= ELSEWHERE && device == ALPY_DEVICE_CPU; i++) {
        double ns = compile_ns_elsewhere(me, &small_loop, fresh - i);
        first = ns > 0 && ns < first ? ns : first;
    }
    first = fmin(first, compile_ns(me, device, gpu, &small_loop, fresh));
    if (!runs_on(device, gpu))
        return false;
    for (int i = 1; i <= runs; i++) {
        double s = compile_ns(me, device, gpu, &small_loop, fresh + i), l = compile_ns(me, device, gpu, &large_loop, fresh + i);
        if (s < 0 || l < 0)
            return true;
        small = small < 0 || s < small ? s : small;
        large = large < 0 || l < large ? l : large;
    }
    double slope = (large - small) / (large_loop.nodes - small_loop.nodes), base = small - small_loop.nodes * slope;
    keep(ns_per_node, slope);
    keep(base_ns, base > 0.1 * small ? base : 0.1 * small);
    keep(first_ns, first - small);
    return true;
}

void measure_loops(Measure *me, double share, HostMachine *h)
{
    const double part = share / (OPC_COUNT + 5);
    /* Before anything else is compiled. */
    bool compiles = measure_step(me, part, "compiler") &&
                    measure_compiler(me, ALPY_DEVICE_CPU, 0, &h->compile_first_ns, &h->compile_ns, &h->compile_ns_per_node);
    if (measure_step(me, 2 * part, "interpreter")) {
        measure_operations(me, h);
        measure_interpreter(me, h);
    }
    if (measure_step(me, part, "entering loops"))
        measure_entries(me, h, compiles);
    for (int class = 0; compiles && class < OPC_COUNT && measure_step(me, part, "compiled loops"); class++)
        measure_class(me, h, class);
    /* What most depends on, once more: something else may have been going on for as long as it took. */
    if (measure_step(me, part, "interpreter, again")) {
        measure_operations(me, h);
        measure_entries(me, h, compiles);
    }
}

void measure_gpu_loops(Measure *me, double share, int gpu, GpuMachine *g)
{
    static const int classes[] = { OPC_F32Fun, OPC_F64Fun };
    const int elements = 1 << 21;
    if (!measure_step(me, share / 2, "GPU: compiler") ||
        !measure_compiler(me, ALPY_DEVICE_GPU, gpu, &g->compile_first_ns, &g->compile_ns, &g->compile_ns_per_node))
        return;
    for (size_t i = 0; i < COUNT_OF(classes) && measure_step(me, share / 4, "GPU: functions"); i++) {
        const Row *r = &rows[classes[i]];
        /* A look at a result waits for all of them. */
        static const char wait[] = "            b[i] = x\n        y = b[0]\n";
        alpy_vm *vm = open_program(ALPY_DEVICE_GPU, gpu, false, r->dtype, r->values, elements);
        double ns = vm ? cost_of(me, vm, load, r->statement, wait, r->few, r->many, elements) / r->ops : 0;
        if (ns > 0)
            g->ops_per_ns[classes[i]] = 1 / ns;
        alpy_close(vm);
    }
}
