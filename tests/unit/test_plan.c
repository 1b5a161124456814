/* tests/unit/test_plan.c — plans: what becomes of each loop of small programs, for what reason, and how the plan is written.
 *
 * Each program runs under an engine that makes the plan of every outermost loop and then lets the interpreter run it.  Compared: the outcomes of
 * the last loop's nest, one "variable outcome reason [transformations]" per loop in the order of the text, and pieces of the plan's dump. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dsl/parse.h"
#include "interp/engine.h"
#include "interp/module.h"
#include "interp/str.h"
#include "jit/plan/plan.h"

enum { MAX_PIECES = 8, MAX_NESTS = 32 };

typedef struct Row {
    const char *what, *text;
    const char *outcomes;       /* "i parallel independent\nj …"; or "refused reason" */
    const char *dump[MAX_PIECES];       /* all must occur, in this order */
    FpMode fp;
    bool   no_distribute, no_interchange, no_fuse, raises;
} Row;

typedef struct Kept { Node *loop; Nest *nest; Planner *planner; } Kept;

typedef struct Log {
    PlanOptions opt;
    char     outcomes[4000], dump[16000], details[8000], output[4000];
    size_t   n_outcomes, n_dump, n_details, n_output;
    uint32_t n_kept;
    Kept     kept[MAX_NESTS];
    int      n_wrong;           /* found while planning: leaks, plans that are not remembered, no reason for what failed */
} Log;

static void append(char *to, size_t size, size_t *n, const char *s, size_t len)
{
    if (*n + len >= size)
        len = size - 1 - *n;
    memcpy(to + *n, s, len);
    *n += len;
    to[*n] = '\0';
}

static void keep_dump(void *user, const char *s, size_t n)
{
    Log *log = user;
    append(log->dump, sizeof log->dump, &log->n_dump, s, n);
}

static int keep_output(void *user, int stream, const char *text, size_t size)
{
    Log *log = user;
    append(log->output, sizeof log->output, &log->n_output, text, size);
    return 0;
}

static void describe(Log *log, VM *vm, const Plan *plan)
{
    for (uint32_t i = 0; i < plan->nest->n_loops; i++) {
        const LoopOutcome *o = &plan->outcome[i];
        char line[800];
        int n = snprintf(line, sizeof line, "%s%s %s %s%s%s%s%s", i ? "\n" : "",
                         plan->nest->loops[i]->var_name != SYM_NONE ? intern_text(vm->names, plan->nest->loops[i]->var_name) : "while",
                         outcome_name(o->outcome), reason_name(o->why.code), o->distributed ? " distributed" : "",
                         o->interchanged ? " interchanged" : "", o->fused ? " fused" : "", o->expanded ? " expanded" : "");
        append(log->outcomes, sizeof log->outcomes, &log->n_outcomes, line, (size_t)n);
        n = snprintf(line, sizeof line, "    %u: %s%s%s\n", (unsigned)i, o->why.detail, o->at_run_time ? " decided with " : "", o->decided);
        append(log->details, sizeof log->details, &log->n_details, line, (size_t)n);
    }
    plan_dump(plan, keep_dump, log);
    append(log->dump, sizeof log->dump, &log->n_dump, log->details, log->n_details);
}

/* Every allocation of analysis and planning refused once: no plan, the right reason, nothing lost. */
static void refuse_memory(Log *log, VM *vm, const Nest *nest, const Facts *facts)
{
    size_t before = vm->mem.bytes_used;
    for (uint64_t k = 1; ; k++) {
        ReasonAt why = { .code = RS_None };
        vm->mem.fail_at = vm->mem.n_alloc + k;
        uint64_t last = vm->mem.fail_at;
        Planner *p = planner_new(nest, &log->opt);
        const Plan *plan = p ? planner_get(p, facts, &why) : NULL;
        bool is_done = vm->mem.n_alloc < last;
        vm->mem.fail_at = 0;
        if (!is_done && p && !plan && why.code != RS_NoMemory && why.code != RS_GuardReadonly && why.code != RS_GuardArray)
            log->n_wrong++;
        planner_free(p);
        if (vm->mem.bytes_used > before)
            log->n_wrong++;
        before = vm->mem.bytes_used;        /* less: the VM gave back what it had kept for later */
        if (is_done)
            return;
    }
}

/* Equal facts give the same plan at once, equal outcomes the same plan after deciding. */
static void ask_again(Log *log, Planner *p, Facts *facts, const Plan *plan)
{
    ReasonAt why;
    uint64_t built = planner_n_built(p), remembered = planner_n_remembered(p), decided = planner_n_decided(p);
    if (planner_get(p, facts, &why) != plan || planner_n_remembered(p) != remembered + 1)
        log->n_wrong++;
    for (int i = 1; i <= 40 && facts->n_key; i++) {     /* keys that differ in what is not looked at */
        facts->key[facts->n_key - 1] ^= (int64_t)i << 40;
        if (planner_get(p, facts, &why) != plan)
            log->n_wrong++;
        facts->key[facts->n_key - 1] ^= (int64_t)i << 40;
    }
    if (planner_n_built(p) != built || (facts->n_key && planner_n_decided(p) == decided))
        log->n_wrong++;
}

static LoopVerdict take(VM *vm, Frame *frame, Node *loop, Value iterable)
{
    Log *log = vm->engine_state;
    ReasonAt why = { .code = RS_None };
    log->n_outcomes = log->n_dump = log->n_details = 0;
    log->outcomes[0] = log->dump[0] = log->details[0] = '\0';
    Kept *k = NULL;
    for (uint32_t i = 0; i < log->n_kept; i++)
        if (log->kept[i].loop == loop && nest_matches(log->kept[i].nest, frame, iterable))
            k = &log->kept[i];
    if (!k && log->n_kept < MAX_NESTS) {
        Nest *nest = nest_build(vm, frame, loop, iterable, &why);
        if (nest) {
            k = &log->kept[log->n_kept++];
            *k = (Kept){ loop, nest, planner_new(nest, &log->opt) };
        }
    }
    const Plan *plan = NULL;
    if (k) {
        Facts *facts = facts_new(k->nest);
        facts_collect(facts, k->nest, frame, iterable);
        plan = planner_get(k->planner, facts, &why);
        if (plan) {
            describe(log, vm, plan);
            ask_again(log, k->planner, facts, plan);
        }
        refuse_memory(log, vm, k->nest, facts);
        facts_free(facts, k->nest);
    }
    if (!plan) {
        char line[600];
        int n = snprintf(line, sizeof line, "refused %s", reason_name(why.code));
        append(log->outcomes, sizeof log->outcomes, &log->n_outcomes, line, (size_t)n);
        append(log->dump, sizeof log->dump, &log->n_dump, why.detail, strlen(why.detail));
    }
    return LOOP_DECLINED;
}

static const LoopEngine engine = { .name = "plans", .take = take };

#define NP "import numpy as np\n"

#define FOUR_DEEP(offsets) \
    "def f(a, n, d1, d2, d3, d4):\n  for i in range(6, n):\n    for j in range(6, n):\n      for k in range(6, n):\n        for l in range(6, n):\n" \
    "          a[i, j, k, l] = a[i - d1, j - d2, k - d3, l - d4] * 0.5 + 1.0\nf(np.ones((16, 16, 16, 16)), 12, " offsets ")\n"

static const Row rows[] = {
    /* ---- one loop ---- */
    { "saxpy", NP "def f(a, x, y):\n  for i in range(x.size):\n    y[i] = a * x[i] + y[i]\nf(2.0, np.zeros(300), np.ones(300))\n",
      "i parallel independent", { "parallel i outer vector, private i" } },
    { "recurrence", NP "def f(x):\n  for i in range(1, x.size):\n    x[i] = x[i - 1] * 0.5\nf(np.ones(300))\n",
      "i sequential carried-flow", { "sequential i", "x[i] (line 4) writes what a later iteration reads as x[i - 1] (line 4): direction (<), distance (1); "
      "for example i = 1 and i = 2" } },
    { "anti", NP "def f(x):\n  for i in range(x.size - 1):\n    x[i] = x[i + 1] * 0.5\nf(np.ones(300))\n",
      "i sequential carried-anti", { "x[i + 1] (line 4) reads what a later iteration overwrites as x[i] (line 4)" } },
    { "one element", NP "def f(x):\n  for i in range(300):\n    x[3] = i\nf(np.ones(300))\n", "i sequential carried-output", { "writes again" } },
    { "carried scalar", NP "def f(x):\n  s = 0.0\n  for i in range(300):\n    t = s\n    s = x[i] * t\n  return s\nf(np.ones(300))\n",
      "i sequential carried-scalar", { "s, assigned (line 6), is read (line 5) in a later iteration" } },
    { "private with last value", NP "def f(x):\n  for i in range(300):\n    t = x[i] * 2.0\n    x[i] = t\n  return t\nf(np.ones(300))\n",
      "i parallel independent", { "private i t", "last" } },
    { "break", NP "def f(x):\n  for i in range(300):\n    if x[i] > 5.0:\n      break\n    x[i] = 1.0\nf(np.ones(300))\n", "i sequential break", { "sequential i" } },
    { "one iteration", NP "def f(x):\n  for i in range(1):\n    x[0] = x[0] + 1.0\nf(np.ones(300))\n", "i sequential short", { NULL } },
    { "indirect write", NP "def f(x, p):\n  for i in range(300):\n    x[p[i]] = 1.0\nf(np.ones(300), np.arange(300))\n",
      "i sequential subscript-not-affine", { NULL } },
    { "at run time: parallel", NP "def f(x, k, n):\n  for i in range(n):\n    x[i + k] = x[i] * 0.5\nf(np.ones(300), 150, 150)\n",
      "i parallel decided-at-run-time", { "decided with", "k = 150" } },
    { "at run time: sequential", NP "def f(x, k, n):\n  for i in range(n):\n    x[i + k] = x[i] * 0.5\nf(np.ones(300), 10, 150)\n",
      "i sequential carried-flow", { "distance (10)" } },

    /* ---- accumulations ---- */
    { "sum", NP "def f(x):\n  s = 0.0\n  for i in range(x.size):\n    s += x[i]\n  return s\nf(np.ones(300))\n",
      "i reduction reduction", { "ordered accumulations", "reduction i outer vector, ordered sum s, private i" } },
    { "sum in program order", NP "def f(x):\n  s = 0.0\n  for i in range(x.size):\n    s += x[i]\n  return s\nf(np.ones(300))\n",
      "i sequential program-order", { "--fp=sequential" }, .fp = FP_Sequential },
    { "count", NP "def f(x):\n  n = 0\n  for i in range(x.size):\n    if x[i] > 0.5:\n      n += 1\n  return n\nf(np.ones(300))\n",
      "i reduction reduction", { "sum n" } },
    { "maximum with place", NP "def f(x):\n  m = x[0]\n  k = 0\n  for i in range(x.size):\n    if x[i] > m:\n      m = x[i]\n      k = i\n  return k\nf(np.ones(300))\n",
      "i reduction reduction", { "max m" } },
    { "accumulation in an array element", NP "def f(x, s):\n  for i in range(x.size):\n    s[0] += x[i]\nf(np.ones(300), np.zeros(1))\n",
      "i sequential carried-flow", { NULL } },
    { "rows", NP "def f(a, y):\n  for i in range(300):\n    s = 0.0\n    for j in range(300):\n      s += a[i, j]\n    y[i] = s\nf(np.ones((300, 300)), np.zeros(300))\n",
      "i parallel independent\nj reduction reduction", { "parallel i outer, private", "s = 0.0", "reduction j vector, ordered sum s" } },
    { "columns: the outer loop has the lanes",
      NP "def f(a, y):\n  for i in range(300):\n    s = 0.0\n    for j in range(300):\n      s += a[j, i]\n    y[i] = s\nf(np.ones((300, 300)), np.zeros(300))\n",
      "i parallel independent\nj sequential program-order", { "parallel i outer vector", "sequential j" } },
    { "whole matrix", NP "def f(a):\n  s = 0.0\n  for i in range(300):\n    for j in range(300):\n      s += a[i, j]\n  return s\nf(np.ones((300, 300)))\n",
      "i reduction reduction\nj reduction reduction", { "reduction i outer, ordered sum s", "reduction j vector, ordered sum s" } },

    /* ---- matrix products ---- */
    { "matmul, scalar", NP "def f(a, b, c, n):\n  for i in range(n):\n    for j in range(n):\n      s = 0.0\n      for k in range(n):\n        s += a[i, k] * b[k, j]\n"
      "      c[i, j] = s\nf(np.ones((9, 9)), np.ones((9, 9)), np.ones((9, 9)), 9)\n",
      "i parallel independent\nj vector independent\nk sequential program-order", { "parallel i outer, private", "parallel j vector, private", "sequential k" } },
    { "matmul, scalar, transposed", NP "def f(a, b, c, n):\n  for i in range(n):\n    for j in range(n):\n      s = 0.0\n      for k in range(n):\n        s += a[i, k] * b[j, k]\n"
      "      c[i, j] = s\nf(np.ones((9, 9)), np.ones((9, 9)), np.ones((9, 9)), 9)\n",
      "i parallel independent\nj parallel independent\nk reduction reduction", { "parallel i outer", "reduction k vector, ordered sum s" } },
    { "matmul, array", NP "def f(a, b, c, n):\n  for i in range(n):\n    for j in range(n):\n      for k in range(n):\n        c[i, j] += a[i, k] * b[k, j]\n"
      "f(np.ones((9, 9)), np.ones((9, 9)), np.ones((9, 9)), 9)\n",
      "i parallel independent\nj vector independent\nk sequential carried-flow", { NULL } },
    { "matmul, k outermost", NP "def f(a, b, c, n):\n  for k in range(n):\n    for i in range(n):\n      for j in range(n):\n        c[i, j] += a[i, k] * b[k, j]\n"
      "f(np.ones((9, 9)), np.ones((9, 9)), np.ones((9, 9)), 9)\n",
      "k sequential carried-flow interchanged\ni parallel interchanged interchanged\nj vector interchanged interchanged",
      { "parallel i outer moved-out", "parallel j vector moved-out", "sequential k moved-in" } },

    /* ---- distribution ---- */
    { "two statements", NP "def f(a, b):\n  for i in range(1, 300):\n    a[i] = a[i - 1] * 0.5\n    b[i] = b[i] * b[i] + 1.0\nf(np.ones(300), np.ones(300))\n",
      "i parallel distributed distributed", { "sequential i distributed", "a[i] =", "parallel i outer vector distributed", "b[i] =" } },
    { "order turned round", NP "def f(a, b, c):\n  for i in range(1, 300):\n    a[i] = b[i - 1] + 1.0\n    b[i] = c[i] * 2.0\nf(np.ones(300), np.ones(300), np.ones(300))\n",
      "i parallel independent distributed", { "b[i] =", "a[i] =" } },
    { "Allen and Kennedy's example", NP "def f(x, y, a, b, c, n):\n  for i in range(1, 100):\n    x[i] = y[i] + 10.0\n    for j in range(1, 100):\n      b[j] = a[j, n]\n"
      "      for k in range(1, 100):\n        a[j + 1, k] = b[j] + c[j, k]\n      y[i + j] = a[j + 1, n]\nf(np.ones(200), np.ones(200), np.ones((101, 100)), np.ones(100), np.ones((100, 100)), 50)\n",
      NULL, { "sequential i distributed", "sequential j distributed", "b[j] =", "parallel k", "a[j + 1, k] =", "parallel i outer vector distributed" } },
    { "atax", NP "def f(A, x, y, tmp, m, n):\n  for i in range(m):\n    tmp[i] = 0.0\n    for j in range(n):\n      tmp[i] += A[i, j] * x[j]\n    for j in range(n):\n"
      "      y[j] += A[i, j] * tmp[i]\nf(np.ones((20, 30)), np.ones(30), np.ones(30), np.ones(20), 20, 30)\n",
      NULL, { "parallel i outer", "distributed", "tmp[i] = 0.0", "sequential j", "parallel j outer vector moved-out", "sequential i distributed moved-in", "y[j] =" } },
    { "bicg", NP "def f(A, s, q, p, r, m, n):\n  for i in range(n):\n    q[i] = 0.0\n    for j in range(m):\n      s[j] += r[i] * A[i, j]\n      q[i] += A[i, j] * p[j]\n"
      "f(np.ones((20, 30)), np.ones(30), np.ones(20), np.ones(30), np.ones(20), 30, 20)\n",
      NULL, { "parallel i outer", "q[i] = 0.0", "q[i] = ", "parallel j outer vector distributed moved-out", "s[j] =" } },
    { "expansion", NP "def f(x, y):\n  s = 0.0\n  for i in range(300):\n    s = s * 0.5 + x[i]\n    y[i] = s * s + s * 3.0 + 1.0 / (s + 1.0)\nf(np.ones(300), np.ones(300))\n",
      NULL, { "sequential i distributed", "save s", "parallel i outer vector distributed", "restore s", "y[i] =" } },
    { "no distribution wanted", NP "def f(a, b):\n  for i in range(1, 300):\n    a[i] = a[i - 1] * 0.5\n    b[i] = b[i] * b[i] + 1.0\nf(np.ones(300), np.ones(300))\n",
      "i sequential carried-flow", { NULL }, .no_distribute = true },
    { "continue stays with what it skips", NP "def f(a, b):\n  for i in range(1, 300):\n    if a[i] > 5.0:\n      continue\n    a[i] = a[i - 1] * 0.5\n    b[i] = b[i] * b[i] + 1.0\nf(np.ones(300), np.ones(300))\n",
      "i sequential carried-flow", { NULL } },
    { "last value of two inner loops", NP "def f(a, b, n):\n  for i in range(1, n):\n    for j in range(n):\n      a[i, j] = a[i - 1, j] * a[i, j]\n    for j in range(i):\n      b[i, j] = 1.0\n  return j\n"
      "f(np.ones((20, 20)), np.ones((20, 20)), 20)\n", NULL, { NULL } },

    /* ---- interchange ---- */
    { "inner loop moved out", NP "def f(a, n):\n  for i in range(1, n):\n    for j in range(n):\n      a[i, j] = a[i - 1, j] + 1.0\nf(np.ones((20, 20)), 20)\n",
      "i sequential carried-flow interchanged\nj parallel interchanged interchanged", { "parallel j outer vector moved-out", "sequential i moved-in", "a[i, j] =" } },
    { "a diagonal forbids it", NP "def f(a, n):\n  for i in range(1, n):\n    for j in range(n - 1):\n      a[i, j] = a[i - 1, j + 1] + 1.0\nf(np.ones((20, 20)), 20)\n",
      "i sequential carried-flow\nj parallel independent", { "sequential i", "parallel j outer vector" } },
    { "for unit strides", NP "def f(a, b, n):\n  for j in range(n):\n    for i in range(n):\n      a[i, j] = b[i, j] + 1.0\nf(np.ones((20, 20)), np.ones((20, 20)), 20)\n",
      "j vector independent interchanged\ni parallel interchanged interchanged", { "parallel i outer moved-out", "parallel j vector moved-in" } },
    { "no interchange wanted", NP "def f(a, n):\n  for i in range(1, n):\n    for j in range(n):\n      a[i, j] = a[i - 1, j] + 1.0\nf(np.ones((20, 20)), 20)\n",
      "i sequential carried-flow\nj parallel independent", { NULL }, .no_interchange = true },
    { "symm", NP "def f(A, B, C, alpha, beta, m, n):\n  for i in range(m):\n    for j in range(n):\n      temp2 = 0.0\n      for k in range(i):\n        C[k, j] += alpha * B[i, j] * A[i, k]\n"
      "        temp2 += B[k, j] * A[i, k]\n      C[i, j] = beta * C[i, j] + alpha * B[i, j] * A[i, i] + alpha * temp2\n"
      "f(np.ones((20, 20)), np.ones((20, 20)), np.ones((20, 20)), 1.5, 1.2, 20, 20)\n",
      NULL, { "parallel j outer" } },

    /* ---- nests ---- */
    { "jacobi", NP "def f(a, b, steps, n):\n  for t in range(steps):\n    for i in range(1, n - 1):\n      b[i] = (a[i - 1] + a[i] + a[i + 1]) / 3.0\n    for i in range(1, n - 1):\n"
      "      a[i] = (b[i - 1] + b[i] + b[i + 1]) / 3.0\nf(np.ones(50), np.ones(50), 10, 50)\n",
      NULL, { "sequential t", "parallel i outer vector", "parallel i outer vector" } },
    { "lu", NP "def f(A, n):\n  for i in range(n):\n    for j in range(i):\n      for k in range(j):\n        A[i, j] -= A[i, k] * A[k, j]\n      A[i, j] /= A[j, j]\n"
      "    for j in range(i, n):\n      for k in range(i):\n        A[i, j] -= A[i, k] * A[k, j]\nf(np.eye(20), 20)\n",
      NULL, { "sequential i", "sequential j", "parallel j outer vector", "sequential k" } },
    { "while inside", NP "def f(x, n):\n  for i in range(n):\n    v = x[i]\n    while v > 1.0:\n      v = v * 0.5\n    x[i] = v\nf(np.ones(50), 50)\n",
      "i parallel independent\nwhile sequential while-loop", { "while v > 1.0" } },
    { "while around", NP "def f(x, n):\n  e = 100.0\n  while e > 1.0:\n    for i in range(n):\n      x[i] = x[i] * 0.5\n    e = e * 0.5\nf(np.ones(50), 50)\n",
      "while sequential while-loop\ni parallel independent", { "while e > 1.0", "parallel i outer vector" } },
    { "fusion", NP "def f(a, b, c, steps, n):\n  for t in range(steps):\n    a[0] = a[0] * 0.5 + c[n - 1]\n    for i in range(n):\n      b[i] = a[i] * 2.0\n    for j in range(n):\n      c[j] = b[j] + a[j]\n"
      "f(np.ones(50), np.ones(50), np.ones(50), 10, 50)\n", NULL, { "sequential t", "parallel i+j outer vector fused" } },
    { "no fusion against a dependence", NP "def f(a, b, c, steps, n):\n  for t in range(steps):\n    a[0] = a[0] * 0.5 + c[0]\n    for i in range(1, n):\n      b[i] = a[i] * 2.0\n    for j in range(1, n):\n      c[j] = b[j - 1] + a[j]\n"
      "f(np.ones(50), np.ones(50), np.ones(50), 10, 50)\n", NULL, { "parallel i outer vector", "parallel j outer vector" } },

    { "ALPyNA's four-deep nest: nothing carried", NP FOUR_DEEP("0, 0, 0, 0"),
      "i parallel decided-at-run-time\nj parallel decided-at-run-time\nk parallel decided-at-run-time\nl vector decided-at-run-time",
      { "parallel i outer, private", "parallel j", "parallel k", "parallel l vector", "decided with d1 = 0, d2 = 0" } },
    { "ALPyNA's four-deep nest: carried by the second loop", NP FOUR_DEEP("0, 1, 0, 0"),
      "i parallel decided-at-run-time\nj sequential carried-flow interchanged\nk parallel interchanged interchanged\nl vector interchanged interchanged",
      { "parallel i outer", "parallel k moved-out", "parallel l vector moved-out", "sequential j moved-in" } },
    { "ALPyNA's four-deep nest: carried by the outermost", NP FOUR_DEEP("1, -1, 0, 2"),
      "i sequential carried-flow interchanged\nj parallel decided-at-run-time interchanged\nk parallel interchanged interchanged\nl vector decided-at-run-time",
      { "parallel k outer moved-out", "sequential i moved-in", "parallel j", "parallel l vector" } },
    { "ALPyNA's four-deep nest: too far apart to meet", NP FOUR_DEEP("6, 1, 0, 0"),
      "i parallel decided-at-run-time\nj parallel decided-at-run-time\nk parallel decided-at-run-time\nl vector decided-at-run-time", { NULL } },
    { "triangular interchange", NP "def f(a, n):\n  for i in range(1, n):\n    for j in range(i):\n      a[i, j] = a[i - 1, j] + 1.0\nf(np.ones((20, 20)), 20)\n",
      "i sequential carried-flow interchanged\nj parallel interchanged interchanged",
      { "parallel j outer vector moved-out, to min {", "sequential i moved-in, from max {0, ", "to min {" } },
    { "triangular interchange, falling", NP "def f(a, n):\n  for i in range(1, n):\n    for j in range(n - i):\n      a[i, j] = a[i - 1, j] + 1.0\nf(np.ones((20, 20)), 20)\n",
      "i sequential carried-flow interchanged\nj parallel interchanged interchanged", { "parallel j outer vector moved-out, to min {", "sequential i moved-in, from max {0}, to min {" } },
    { "last values of a triangle stay", NP "n = 20\na = np.ones((20, 20))\nfor i in range(1, n):\n  for j in range(i):\n    a[i, j] = a[i - 1, j] + 1.0\nprint(end='' if j else '')\n",
      "i sequential carried-flow\nj parallel independent", { "parallel j outer vector, private j v3, last j v3" } },
    { "gramschmidt", NP "import math\ndef f(A, R, Q, m, n):\n  for k in range(n):\n    nrm = 0.0\n    for i in range(m):\n      nrm += A[i, k] * A[i, k]\n    R[k, k] = math.sqrt(nrm)\n"
      "    for i in range(m):\n      Q[i, k] = A[i, k] / R[k, k]\n    for j in range(k + 1, n):\n      R[k, j] = 0.0\n      for i in range(m):\n        R[k, j] += Q[i, k] * A[i, j]\n"
      "      for i in range(m):\n        A[i, j] = A[i, j] - Q[i, k] * R[k, j]\nf(np.eye(20), np.ones((20, 20)), np.ones((20, 20)), 20, 20)\n",
      "k sequential carried-flow\ni reduction reduction\ni parallel independent\nj parallel independent\ni sequential carried-flow\ni parallel independent", { NULL } },
    { "column order", NP "def f(a, y):\n  for i in range(300):\n    s = 0.0\n    for j in range(300):\n      s += a[i, j]\n    y[i] = s\nf(np.ones((300, 300)).T, np.zeros(300))\n",
      "i parallel independent\nj sequential program-order", { "parallel i outer vector", "vector lanes are better given to the loop over i" } },
    { "two views of one buffer", NP "def f(a, b):\n  for i in range(10):\n    a[i] = b[i] + 1.0\nx = np.ones(30)\nf(x[:20], x[4:])\n", "i sequential carried-anti", { "distance (4)" } },
    { "two views that do not meet", NP "def f(a, b):\n  for i in range(10):\n    a[i] = b[i] + 1.0\nx = np.ones(40)\nf(x[::2], x[1::2])\n", "i parallel independent", { NULL } },

    /* ---- guards ---- */
    { "read-only", NP "def f(x):\n  for i in range(5):\n    x[i] = 1.0\nf(np.broadcast_to(np.ones(1), (5,)))\n", "refused guard-read-only", { "x" },
      .raises = true },
};

static bool has_pieces(const char *dump, const char *const *piece)
{
    for (int i = 0; i < MAX_PIECES && piece[i]; i++) {
        const char *at = strstr(dump, piece[i]);
        if (!at) {
            printf("  missing: %s\n", piece[i]);
            return false;
        }
        dump = at + strlen(piece[i]);
    }
    return true;
}

static void run(Log *log, const char *text, bool verbose)
{
    Mem mem;
    mem_init(&mem, NULL, NULL);
    VM *vm = vm_new(&mem);
    vm->write_fn = keep_output;
    vm->io_user = log;
    vm->engine = &engine;
    vm->engine_state = log;
    if (vm_run(vm, vm->main, "t", text, strlen(text), PM_File) == RUN_EXC) {
        Value report = vm_format_traceback(vm);
        keep_output(log, 2, STR(report)->text, STR(report)->size);
        value_free(vm, report);
        vm_clear_exc(vm);
    }
    vm_flush(vm);
    if (verbose)
        printf("%s\n%s", log->outcomes, log->dump);
    for (uint32_t i = 0; i < log->n_kept; i++) {
        planner_free(log->kept[i].planner);
        nest_free(log->kept[i].nest);
    }
    vm_free(vm);
}

int main(int argc, char **argv)
{
    static Log log;
    int failed = 0;
    bool verbose = argc > 1;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const Row *r = &rows[i];
        if (verbose && !strstr(r->what, argv[1]))
            continue;
        memset(&log, 0, sizeof log);
        log.opt = (PlanOptions){ r->fp, !r->no_distribute, !r->no_interchange, !r->no_fuse, true };
        run(&log, r->text, verbose);
        bool ok = log.n_wrong == 0 && (log.n_output == 0 || r->raises) && (!r->outcomes || strcmp(log.outcomes, r->outcomes) == 0) && has_pieces(log.dump, r->dump);
        if (!ok) {
            failed++;
            printf("FAIL %s (%d wrong)\n%s%s%s\n%s\n", r->what, log.n_wrong, log.outcomes, log.n_output ? "\noutput: " : "", log.output, log.dump);
        }
    }
    printf("%d passed, %d failed\n", (int)COUNT_OF(rows) - failed, failed);
    return failed != 0;
}
