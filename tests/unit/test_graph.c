/* tests/unit/test_graph.c — programs, and what the analysis of their loops says: classes of variables, dependences, guards.
 *
 * The rows' third column is compared with what describe() writes, in this order for each outermost loop, one line each:
 *
 *     var @j: s=sum* m=max w=arg(m) f=set k=carried         variables of loop j that are not private; * = ordered
 *     flow a 3>4 (1) @i                                     edge, from line to line, vector, carrying loop (none: inside an iteration);
 *                                                           a/b: the arrays of source and target
 *     check bounds 4                                        a check that is not proved
 *
 * With arguments: describes the loops of these files instead. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dsl/parse.h"
#include "interp/engine.h"
#include "interp/module.h"
#include "jit/plan/plan.h"

typedef struct Log { char text[16384]; size_t n; const char *only; double ns[4]; } Log;

static void put(Log *log, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void put(Log *log, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(log->text + log->n, sizeof log->text - log->n, fmt, ap);
    va_end(ap);
    log->n += (size_t)n < sizeof log->text - log->n ? (size_t)n : sizeof log->text - log->n - 1;
}

static const char *name_of(const Nest *n, Sym s)
{
    return s == SYM_NONE ? "_" : intern_text(n->vm->names, s);
}

static uint32_t line_of(const Nest *n, const Node *ast)
{
    return ast ? src_line(&n->chunk->src, ast->span.start) : 0;
}

static const char *loop_name(const Nest *n, const NLoop *l)
{
    return l->is_while ? "while" : name_of(n, l->var_name);
}

static void describe_vars(Log *log, const DepGraph *g, const NLoop *l)
{
    bool any = false;
    for (uint32_t i = 0; i < g->scalars[l->id].n; i++) {
        const VarUse *u = &g->scalars[l->id].use[i];
        if (u->cls == VC_Private || (u->var->name == SYM_NONE && u->cls != VC_Carried))
            continue;
        if (!any)
            put(log, "var @%s:", loop_name(g->nest, l));
        any = true;
        put(log, " %s=", name_of(g->nest, u->var->name));
        if (u->cls != VC_Reduction)
            put(log, "%s", var_class_name(u->cls));
        else if (u->red == RK_Arg)
            put(log, "arg(%s)", name_of(g->nest, u->lead->name));
        else
            put(log, "%s%s", red_kind_name(u->red), u->is_ordered ? "*" : "");
    }
    if (any)
        put(log, "\n");
}

/* An example pair of iterations must lie in the vector that it is for. */
static void check_example(Log *log, const DepGraph *g, const Facts *f, const uint8_t *dims, const RefPair *p)
{
    int64_t a[NEST_MAX_DEPTH], b[NEST_MAX_DEPTH];
    for (int i = 0; i < p->answer.n_vec; i++) {
        const DepVec *v = &p->answer.vec[i];
        if (!graph_example(g, p, v, f, dims, a, b))
            continue;
        for (int k = 0; k < p->n_common; k++) {
            uint8_t dir = a[k] < b[k] ? DIR_LT : a[k] > b[k] ? DIR_GT : DIR_EQ;
            if (!p->common[k]->is_while && (!(dir & v->dir[k]) || (v->has_dist >> k & 1 && b[k] - a[k] != v->dist[k])))
                put(log, "example: %lld and %lld in loop %d\n", (long long)a[k], (long long)b[k], k);
        }
    }
}

static void describe(Log *log, const DepGraph *g, const uint8_t *proved)
{
    static const char *const kinds[] = { "flow", "anti", "output" };
    const Nest *n = g->nest;
    char vec[DEP_VEC_TEXT_MAX];
    for (uint32_t i = 0; i < n->n_loops; i++)
        describe_vars(log, g, n->loops[i]);
    for (uint32_t i = 0; i < g->n_edges; i++) {
        const DepEdge *e = &g->edge[i];
        const NAccess *src = e->is_swapped ? e->pair->b : e->pair->a, *dst = e->is_swapped ? e->pair->a : e->pair->b;
        put(log, "%s %s", kinds[e->kind], name_of(n, src->array->name));
        if (src->array != dst->array)
            put(log, "/%s", name_of(n, dst->array->name));
        put(log, " %u>%u %s", line_of(n, e->src->ast), line_of(n, e->dst->ast), dep_vec_text(vec, &e->vec, e->pair->n_common));
        if (e->level)
            put(log, " @%s", loop_name(n, e->pair->common[e->level - 1]));
        if (e->pair->maybe != RS_None)
            put(log, " %s", reason_name(e->pair->maybe));
        put(log, "\n");
    }
    for (uint32_t i = 0; i < n->n_checks; i++)
        if (!proved[i])
            put(log, "check %s %u\n", nest_check_name((NCheckKind)n->checks[i].kind), line_of(n, n->checks[i].ast));
}

/* Analyses the loop; the interpreter runs it. */
static LoopVerdict take(VM *vm, Frame *frame, Node *loop, Value iterable)
{
    Log *log = vm->engine_state;
    ReasonAt why = { .code = RS_None };
    Nest *nest = nest_build(vm, frame, loop, iterable, &why);
    if (!nest) {
        put(log, "refused: %s\n", reason_name(why.code));
        return LOOP_DECLINED;
    }
    Facts *facts = facts_new(nest);
    DepGraph *g = graph_new(&nest->arena, nest);
    Guards *guards = g ? guards_new(nest, g->scalars) : NULL;
    uint8_t *proved = ARENA_ARRAY(&nest->arena, uint8_t, nest->n_checks + 1);
    uint8_t *dims = ARENA_ARRAY(&nest->arena, uint8_t, nest->n_accesses * ALP_MAX_NDIM + 1);
    if (facts && guards && proved && dims) {
        facts_collect(facts, nest, frame, iterable);
        guards_decide(guards, facts, proved, dims);
        graph_decide(g, facts, dims);
        if (graph_edges(g, &nest->arena) == ALP_OK)
            describe(log, g, proved);
        for (uint32_t i = 0; i < g->n_pairs; i++)
            check_example(log, g, facts, dims, &g->pair[i]);
    } else {
        put(log, "no memory\n");
    }
    guards_free(guards);
    facts_free(facts, nest);
    nest_free(nest);
    return LOOP_DECLINED;
}

static const LoopEngine engine = { .name = "test", .take = take };

static int drop_output(void *user, int stream, const char *text, size_t size)
{
    return 0;
}

static void run(Log *log, const char *text, size_t size)
{
    Mem mem;
    mem_init(&mem, NULL, NULL);
    VM *vm = vm_new(&mem);
    vm->write_fn = drop_output;
    vm->engine = &engine;
    vm->engine_state = log;
    if (vm_run(vm, vm->main, "t", text, size, PM_File) == RUN_EXC) {
        put(log, "exception\n");
        vm_clear_exc(vm);
    }
    vm_free(vm);
    if (mem.bytes_used)
        put(log, "%zu bytes leaked\n", mem.bytes_used);
}

#define NP "import numpy as np\n"

static const struct { const char *what, *text, *expected; } rows[] = {
    { "recurrence",
      NP "a = np.zeros(10)\nfor i in range(1, 10):\n    a[i] = a[i - 1] + 1\n",
      "flow a 4>4 (1) @i\n" },
    { "offset at least the trip count",
      NP "a = np.zeros(20)\nn = 10\nfor i in range(n):\n    a[i] = a[i + n] + 1\n",
      "" },
    { "offset known at run time, small",
      NP "a = np.zeros(20)\nk = 3\nfor i in range(10):\n    a[i + k] = a[i] + 1\n",
      "flow a 5>5 (3) @i\n" },
    { "offset known at run time, large",
      NP "a = np.zeros(40)\nk = 13\nfor i in range(10):\n    a[i + k] = a[i] + 1\n",
      "" },
    { "array-element accumulation",
      NP "a = np.zeros((4, 5))\ns = np.zeros(4)\nfor i in range(4):\n    for j in range(5):\n"
      "        s[i] += a[i, j]\n",
      "anti s 6>6 (=, <) @j\nflow s 6>6 (=, <) @j\noutput s 6>6 (=, <) @j\n" },
    { "y[i % 4] += x[i]",
      NP "x = np.zeros(16)\ny = np.zeros(4)\nfor i in range(16):\n    y[i % 4] += x[i]\n",
      "anti y 5>5 (<) @i subscript-not-affine\nflow y 5>5 (<) @i subscript-not-affine\n"
      "output y 5>5 (<) @i subscript-not-affine\n" },
    { "negative step",
      NP "a = np.zeros(10)\nfor i in range(8, -1, -1):\n    a[i] = a[i + 1] * 2\n",
      "flow a 4>4 (1) @i\n" },
    { "negative step, other way",
      NP "a = np.zeros(10)\nfor i in range(9, 0, -1):\n    a[i] = a[i - 1] * 2\n",
      "anti a 4>4 (1) @i\n" },
    { "transpose in place",
      NP "a = np.zeros((6, 6))\nfor i in range(6):\n    for j in range(i):\n        a[i, j] = a[j, i]\n",
      "" },
    { "both orders in one array",
      NP "a = np.zeros(12)\nfor i in range(1, 11):\n    a[i] = a[i - 1] + a[i + 1]\n",
      "flow a 4>4 (1) @i\nanti a 4>4 (1) @i\n" },
    { "<= is not =",
      NP "a = np.zeros((6, 6))\nfor i in range(5):\n    for j in range(5):\n"
      "        a[i + 1, j] = a[i, j] + a[i, j + 1]\n",
      "flow a 5>5 (1, 0) @i\nflow a 5>5 (1, -1) @i\n" },
    { "even and odd",
      NP "a = np.zeros(20)\nfor i in range(10):\n    a[2 * i] = a[2 * i + 1]\n",
      "" },
    { "flattened",
      NP "m = 8\na = np.zeros(64)\nfor i in range(8):\n    for j in range(8):\n        a[i * m + j] += 1\n",
      "" },
    { "flattened, overlapping rows",
      NP "m = 7\na = np.zeros(64)\nfor i in range(8):\n    for j in range(8):\n        a[i * m + j] = 1\n",
      "output a 6>6 (1, -7) @i\n" },
    { "alias through two names",
      NP "a = np.zeros(10)\nb = a\nfor i in range(9):\n    a[i] = b[i + 1]\n",
      "anti b/a 5>5 (1) @i\n" },
    { "shifted view",
      NP "a = np.zeros(10)\nb = a[1:]\nfor i in range(9):\n    a[i] = b[i]\n",
      "anti b/a 5>5 (1) @i\n" },
    { "disjoint views",
      NP "a = np.zeros(10)\nb = a[5:]\nc = a[:5]\nfor i in range(5):\n    b[i] = c[i]\n",
      "" },
    { "reversed view",
      NP "a = np.zeros(10)\nb = a[::-1]\nfor i in range(10):\n    a[i] = b[i]\n",
      "anti b/a 5>5 (<) @i\nflow a/b 5>5 (<) @i\n" },
    { "row of the same matrix",
      NP "a = np.zeros((5, 5))\nr = a[2]\nfor i in range(5):\n    for j in range(5):\n        a[i, j] = r[j]\n",
      "anti r/a 6>6 (<, =) @i\nflow a/r 6>6 (<, =) @i\n" },
    { "columns of one buffer",
      NP "a = np.zeros((5, 5))\nx = a[:, 0]\ny = a[:, 1]\nfor i in range(5):\n    x[i] = y[i]\n",
      "" },
    { "periodic boundary by negative subscript",
      NP "a = np.zeros(10)\nb = np.zeros(10)\nfor i in range(10):\n    b[i - 1] = a[i - 1] + a[i]\n",
      "" },
    { "negative subscript in place",
      NP "a = np.zeros(10)\nfor i in range(10):\n    a[i] = a[i - 1]\n",
      "flow a 4>4 (1) @i\nanti a 4>4 (9) @i\n" },
    { "constant negative subscript",
      NP "a = np.zeros(10)\nfor i in range(9):\n    a[i] = a[-1]\n",
      "" },
    { "scatter",
      NP "a = np.zeros(10)\np = np.arange(10)\nfor i in range(10):\n    a[p[i]] = i\n",
      "output a 5>5 (<) @i subscript-not-affine\ncheck bounds 5\n" },
    { "boundary condition guards the subscript",
      NP "a = np.zeros(10)\nb = np.zeros(10)\nfor i in range(10):\n    if i > 0 and i < 9:\n"
      "        b[i] = a[i - 1] + a[i + 1]\n    else:\n        b[i] = a[i]\n",
      "output b 6>8 (=)\n" },
    { "sum",
      NP "a = np.zeros(10)\ns = 0.0\nfor i in range(10):\n    s += a[i]\n",
      "var @i: s=sum*\n" },
    { "several, conditional, nested",
      NP "a = np.zeros((4, 4))\ns = 0.0\np = 1.0\nn = 0\nfor i in range(4):\n    for j in range(4):\n"
      "        if a[i, j] > 0:\n            s = s + a[i, j]\n            n += 1\n        p *= a[i, j]\n",
      "var @i: s=sum* n=sum p=product*\nvar @j: s=sum* n=sum p=product*\n" },
    { "min and max, all ways",
      NP "a = np.zeros(10)\nm1 = 1e9\nm2 = 1e9\nm3 = 1e9\nm4 = -1e9\nm5 = -1e9\nm6 = 1e9\nfor i in range(10):\n"
      "    m1 = min(m1, a[i])\n    m2 = min(a[i], m2)\n    m3 = np.minimum(m3, a[i])\n    if a[i] > m4:\n"
      "        m4 = a[i]\n    if m5 <= a[i]:\n        m5 = a[i]\n    m6 = a[i] if a[i] < m6 else m6\n",
      "var @i: m1=min m2=carried _=carried m3=min m4=max m5=max m6=min\n" },
    { "argmax with two companions",
      NP "a = np.zeros((4, 4))\nbest = -1.0\nbi = 0\nbj = 0\nfor i in range(4):\n    for j in range(4):\n"
      "        if a[i, j] > best:\n            best = a[i, j]\n            bi = i\n            bj = j\n",
      "var @i: best=max bi=arg(best) bj=arg(best)\nvar @j: best=max bi=arg(best) bj=arg(best)\n" },
    { "companion read elsewhere",
      NP "a = np.zeros(9)\nb = np.zeros(9)\nbest = -1.0\nbi = 0\nfor i in range(9):\n    if a[i] > best:\n"
      "        best = a[i]\n        bi = i\n    b[i] = bi\n",
      "var @i: best=carried bi=carried\n" },
    { "flag and any, all",
      NP "a = np.zeros(9)\nfound = False\nany1 = False\nall1 = True\nfor i in range(9):\n    if a[i] > 1:\n"
      "        found = True\n    any1 = any1 or a[i] > 2\n    all1 = all1 and a[i] > 3\n",
      "var @i: found=set any1=or all1=and\n" },
    { "bit operations",
      NP "a = np.arange(9)\nx = 0\ny = 255\nz = 0\nfor i in range(9):\n    x |= a[i]\n    y &= a[i]\n"
      "    z ^= a[i]\n",
      "var @i: x=or y=and z=xor\n" },
    { "partial result is used",
      NP "a = np.zeros(9)\ns = 0.0\nfor i in range(9):\n    s += a[i]\n    a[i] = s\n",
      "var @i: s=carried\nanti a 5>6 (=)\n" },
    { "elif is not a companion",
      NP "a = np.zeros(9)\nhi = 0.0\nlo = 0.0\nfor i in range(9):\n    if a[i] > hi:\n        hi = a[i]\n"
      "    elif a[i] < lo:\n        lo = a[i]\n",
      "var @i: hi=carried lo=min\n" },
    { "private and last value",
      NP "a = np.zeros(9)\nfor i in range(9):\n    t = a[i] * 2\n    a[i] = t + 1\nprint(t)\n",
      "anti a 4>5 (=)\n" },
    { "conditionally assigned",
      NP "a = np.zeros(9)\nt = 0.0\nfor i in range(9):\n    if a[i] > 0:\n        t = a[i]\n    a[i] = t\n",
      "var @i: t=carried\nanti a 5>7 (=)\nanti a 6>7 (=)\n" },
    { "assigned on both branches",
      NP "a = np.zeros(9)\nt = 0.0\nfor i in range(9):\n    if a[i] > 0:\n        t = a[i]\n    else:\n"
      "        t = 1.0\n    a[i] = t\n",
      "anti a 5>9 (=)\nanti a 6>9 (=)\n" },
    { "continue before the assignment",
      NP "a = np.zeros(9)\nt = 0.0\nfor i in range(9):\n    if a[i] > 0:\n        continue\n    t = a[i]\n"
      "    a[i] = t\n",
      "anti a 5>8 (=)\nanti a 7>8 (=)\n" },
    { "wrap-around scalar",
      NP "a = np.zeros(9)\nb = np.zeros(9)\nprev = 8\nfor i in range(9):\n    b[i] = a[prev]\n    prev = i\n",
      "var @i: prev=carried\ncheck bounds 6\n" },
    { "induction variable",
      NP "a = np.zeros(20)\nk = 0\nfor i in range(9):\n    a[k] = 1.0\n    k += 2\n",
      "" },
    { "conditional induction",
      NP "a = np.zeros(9)\nb = np.zeros(9)\nk = 0\nfor i in range(9):\n    if a[i] > 0:\n        b[k] = a[i]\n"
      "        k += 1\n",
      "var @i: k=carried\noutput b 7>7 (<) @i subscript-not-affine\ncheck bounds 7\n" },
    { "inner sum, reset",
      NP "a = np.zeros((4, 4))\nb = np.zeros(4)\nfor i in range(4):\n    s = 0.0\n    for j in range(4):\n"
      "        s += a[i, j]\n    b[i] = s\n",
      "var @j: s=sum*\n" },
    { "matrix product",
      NP "n = 4\na = np.zeros((4, 4))\nb = np.zeros((4, 4))\nc = np.zeros((4, 4))\nfor i in range(n):\n"
      "    for j in range(n):\n        for k in range(n):\n            c[i, j] += a[i, k] * b[k, j]\n",
      "anti c 9>9 (=, =, <) @k\nflow c 9>9 (=, =, <) @k\noutput c 9>9 (=, =, <) @k\n" },
    { "complex sum",
      NP "a = np.zeros(9, dtype=complex)\ns = 0j\nfor i in range(9):\n    s += a[i]\n",
      "var @i: s=sum*\n" },
    { "integer sum that cannot overflow",
      NP "a = np.zeros(9, dtype=np.int32)\ns = 0\nfor i in range(9):\n    s += int(a[i])\n",
      "var @i: s=sum\n" },
    { "integer product",
      NP "p = 1\nfor i in range(1, 9):\n    p *= i\n",
      "var @i: p=product\ncheck overflow 4\n" },
    { "generator of random numbers",
      NP "a = np.zeros(9)\nseed = 1\nfor i in range(9):\n    seed = (seed * 1103515245 + 12345) % 2147483648\n"
      "    a[i] = seed / 2147483648\n",
      "var @i: seed=carried\n" },
    { "division",
      NP "a = np.zeros(9)\nfor i in range(9):\n    a[i] = 1 / (i + 1) + 1.0 / (2 - i)\n",
      "check zero-division 4\nexception\n" },
    { "float32 sum into float32",
      NP "a = np.zeros(9, dtype=np.float32)\ns = np.float32(0)\nfor i in range(9):\n    s += a[i]\n",
      "var @i: s=sum*\n" },
    { "float32 sum into a float",
      NP "a = np.zeros(9, dtype=np.float32)\ns = 0.0\nfor i in range(9):\n    s += a[i]\n",
      "var @i: s=sum*\n" },
    { "out of bounds",
      NP "a = np.zeros(9)\nfor i in range(10):\n    a[i] = 1\n",
      "check bounds 4\nexception\n" },
    { "zero trips prove all",
      NP "a = np.zeros(9)\nfor i in range(0):\n    a[i + 100] = 1 // i\n",
      "" },
    { "triangular bounds",
      NP "n = 6\nL = np.zeros((n, n))\nx = np.zeros(n)\nfor i in range(n):\n    for j in range(i):\n"
      "        x[i] -= L[i, j] * x[j]\n    x[i] = x[i] / 2.0\n",
      "anti x 7>7 (=, <) @j\nflow x 7>7 (=, <) @j\nanti x 7>8 (=)\nflow x 7>7 (<, <) @i\nflow x 8>7 (<) @i\n"
      "output x 7>7 (=, <) @j\nflow x 7>8 (=)\noutput x 7>8 (=)\n" },
    { "while inside",
      NP "a = np.zeros(9)\nfor i in range(9):\n    k = i\n    while k > 0:\n        a[k] = a[k] + 1\n"
      "        k = k // 2\n",
      "var @while: k=carried\nanti a 6>6 (<, *) @i subscript-not-affine\n"
      "flow a 6>6 (<, *) @i subscript-not-affine\nanti a 6>6 (=, <) @while subscript-not-affine\n"
      "flow a 6>6 (=, <) @while subscript-not-affine\noutput a 6>6 (<, *) @i subscript-not-affine\n"
      "output a 6>6 (=, <) @while subscript-not-affine\ncheck bounds 6\ncheck bounds 6\n" },
    { "user function",
      NP "a = np.zeros(9)\ndef f(x):\n    if x > 0:\n        return x * 2\n    return x + 1\nfor i in range(9):\n"
      "    a[i] = f(a[i])\ns = 0.0\nfor i in range(9):\n    s += f(a[i])\n",
      "anti a 8>8 (=)\nvar @i: s=sum*\n" },
    { "histogram of bytes",
      NP "b = np.zeros(20, dtype=np.uint8)\nh = np.zeros(256, dtype=np.int64)\nfor i in range(20):\n"
      "    h[b[i]] += 1\n",
      "anti h 5>5 (<) @i subscript-not-affine\nflow h 5>5 (<) @i subscript-not-affine\n"
      "output h 5>5 (<) @i subscript-not-affine\n" },
    { "ALPyNA's example",
      NP "def f(a, n, m, p, q):\n    for i in range(n):\n        for j in range(m):\n"
      "            for k in range(p):\n                for l in range(q):\n"
      "                    a[i, j, k + p, l] = a[i, j, k, l + q] + 1\na = np.zeros((3, 3, 6, 6))\n"
      "f(a, 3, 3, 3, 3)\n",
      "" },
    { "continue guards what follows",
      NP "a = np.zeros(9)\nb = np.zeros(9)\nfor i in range(9):\n    if i == 0:\n        continue\n"
      "    b[i] = a[i - 1]\n",
      "" },
    { "continue guards what follows, by order",
      NP "a = np.zeros(9)\nb = np.zeros(9)\nfor i in range(9):\n    if i < 1 or i > 7:\n        continue\n"
      "    b[i] = a[i - 1] + a[i + 1]\n",
      "" },
    { "and guards its second operand",
      NP "a = np.zeros(9)\nb = np.zeros(9)\nfor i in range(9):\n    if i > 0 and a[i - 1] > 0:\n        b[i] = 1\n",
      "" },
    { "conditional expression guards",
      NP "a = np.zeros(9)\nb = np.zeros(9)\nfor i in range(9):\n    b[i] = a[i - 1] if i > 0 else a[0]\n",
      "" },
    { "view with a step",
      NP "a = np.zeros(20)\nb = a[::2]\nfor i in range(1, 10):\n    b[i] = a[i - 1]\n",
      "flow b/a 5>5 (<) @i\n" },
    { "view with a step, other half",
      NP "a = np.zeros(20)\nb = a[::2]\nc = a[1::2]\nfor i in range(10):\n    b[i] = c[i]\n",
      "" },
    { "diagonal shift of one matrix",
      NP "a = np.zeros((6, 6))\nx = a[1:, :-1]\ny = a[:-1, 1:]\nfor i in range(5):\n    for j in range(5):\n"
      "        x[i, j] = y[i, j]\n",
      "flow x/y 7>7 (1, -1) @i\n" },
    { "transposed view",
      NP "a = np.zeros((6, 6))\nt = a.T\nfor i in range(6):\n    for j in range(i):\n        a[i, j] = t[i, j]\n",
      "" },
    { "view of another dtype",
      NP "a = np.zeros(6)\nb = a.view(np.float32)\nfor i in range(6):\n    b[2 * i] = a[i]\n",
      "" },
    { "tiles",
      NP "n = 10\na = np.zeros(n)\nfor t in range(0, n, 4):\n    for i in range(t, min(t + 4, n)):\n"
      "        a[i] += 1\n",
      "" },
    { "tiles that overlap",
      NP "n = 10\na = np.zeros(n + 4)\nfor t in range(0, n, 4):\n    for i in range(t, t + 5):\n        a[i] = 1\n",
      "output a 6>6 (1, -4) @t\n" },
    { "iteration over arrays",
      NP "a = np.zeros(9)\nb = np.zeros(9)\nfor i, x in enumerate(a):\n    b[i] = x\nfor x, y in zip(a, b):\n"
      "    z = x + y\n",
      "" },
    { "in place while iterating",
      NP "a = np.zeros(9)\nfor i, x in enumerate(a):\n    a[8 - i] = x\n",
      "anti a 3>4 (<) @_\nflow a 4>3 (<) @_\nanti a 3>4 (=)\n" },
    { "one text, two calls",
      NP "def f(x, y):\n    for i in range(4):\n        x[i + 1] = y[i]\na = np.zeros(9)\nb = np.zeros(9)\n"
      "f(a, b)\nf(a, a)\n",
      "flow x/y 4>4 (1) @i\n" },
    { "break",
      NP "a = np.zeros(9)\nfor i in range(9):\n    if a[i] > 3:\n        break\n    a[i] = 1\n",
      "anti a 4>6 (=)\n" },
    { "while outside",
      NP "a = np.zeros(9)\nb = np.zeros(9)\nn = 0\nwhile n < 3:\n    for i in range(1, 8):\n"
      "        b[i] = a[i - 1] + a[i + 1]\n    for i in range(1, 8):\n        a[i] = b[i]\n    n += 1\n",
      "var @while: n=carried\nanti a 7>9 (<) @while\nflow a 9>7 (<) @while\nanti a 7>9 (=)\n"
      "anti a 7>9 (<) @while\nflow a 9>7 (<) @while\nanti a 7>9 (=)\noutput a 9>9 (<, =) @while\n"
      "output b 7>7 (<, =) @while\nflow b 7>9 (<) @while\nanti b 9>7 (<) @while\nflow b 7>9 (=)\n"
      "check overflow 10\n" },
    { "bound that varies",
      NP "a = np.zeros((9, 9))\nc = np.zeros(9, dtype=np.int64)\nfor i in range(9):\n    for j in range(c[i]):\n"
      "        a[i, j] = a[i, j] + 1\n",
      "check bounds 6\ncheck bounds 6\n" },
    { "start that varies",
      NP "a = np.zeros(99)\nc = np.arange(9)\nfor i in range(9):\n    k = c[i]\n    for j in range(4):\n"
      "        a[k + j] += 1\n",
      "anti a 7>7 (<, *) @i subscript-not-affine\nflow a 7>7 (<, *) @i subscript-not-affine\n"
      "anti a 7>7 (=, <) @j subscript-not-affine\nflow a 7>7 (=, <) @j subscript-not-affine\n"
      "output a 7>7 (<, *) @i subscript-not-affine\noutput a 7>7 (=, <) @j subscript-not-affine\n"
      "check bounds 7\ncheck bounds 7\n" },
    { "compressed rows",
      NP "p = np.arange(5) * 2\nv = np.zeros(9)\nx = np.zeros(9)\ncol = np.zeros(9, dtype=np.int64)\n"
      "y = np.zeros(4)\nfor i in range(4):\n    s = 0.0\n    for k in range(p[i], p[i + 1]):\n"
      "        s += v[k] * x[col[k]]\n    y[i] = s\n",
      "var @k: s=sum*\ncheck overflow 9\ncheck bounds 10\ncheck bounds 10\ncheck bounds 10\n" },
    { "statements that need both versions",
      NP "a = np.zeros(11)\nb = np.zeros(10)\nfor i in range(10):\n    b[i] = a[i + 1]\n    a[i] = b[i] * 2\n",
      "anti a 5>6 (1) @i\nflow b 5>6 (=)\n" },
    { "distance in two loops",
      NP "a = np.zeros((9, 9))\nfor i in range(1, 9):\n    for j in range(0, 8):\n"
      "        a[i, j] = a[i - 1, j + 1]\n",
      "flow a 5>5 (1, -1) @i\n" },
    { "wavefront",
      NP "a = np.zeros((9, 9))\nfor i in range(1, 9):\n    for j in range(1, 9):\n"
      "        a[i, j] = a[i - 1, j] + a[i, j - 1]\n",
      "flow a 5>5 (1, 0) @i\nflow a 5>5 (0, 1) @j\n" },
    { "sum of two accumulations and a read",
      NP "a = np.zeros(9)\ns = 0.0\nt = 0.0\nfor i in range(9):\n    s += a[i]\n    t += s\n",
      "var @i: s=carried t=sum*\n" },
    { "accumulation in a function's result",
      NP "a = np.zeros(9)\ndef g(x):\n    return x * x\ns = 0.0\nm = -1.0\nfor i in range(9):\n"
      "    s = s + g(a[i])\n    m = max(m, g(a[i]))\n",
      "var @i: s=sum* m=max\n" },
    { "difference and mixture",
      NP "a = np.zeros(9)\ns = 0.0\nt = 0.0\nu = 1.0\nfor i in range(9):\n    s = s - a[i] + 2.0\n"
      "    t = a[i] - t\n    u = (u + a[i]) * 2.0\n",
      "var @i: s=sum* t=carried u=carried\n" },
    { "set in one branch only, read after",
      NP "a = np.zeros(9)\nfor i in range(9):\n    hit = False\n    for j in range(9):\n        if a[j] > i:\n"
      "            hit = True\n    if hit:\n        a[i] = 1\n",
      "var @j: hit=set\nanti a 6>9 (<) @i\nflow a 9>6 (<) @i\nanti a 6>9 (=)\n" },
    { "numpy ints wrap",
      NP "a = np.zeros(9, dtype=np.int32)\ns = np.int32(0)\nfor i in range(9):\n    s += a[i]\n",
      "var @i: s=sum\n" },
    { "loop that surely runs",
      NP "a = np.zeros(9)\nfor i in range(9):\n    for k in range(3):\n        t = a[i] + k\n    a[i] = t\n",
      "anti a 5>6 (=)\n" },
    { "loop that may not run",
      NP "a = np.zeros(9)\nn = 3\nt = 0.0\nfor i in range(9):\n    for k in range(n):\n        t = a[i] + k\n"
      "    a[i] = t\n",
      "var @i: t=carried\nanti a 7>8 (=)\n" },
    { "shift and mask",
      NP "a = np.zeros(16, dtype=np.int64)\nfor i in range(16):\n    a[(i * 5) & 15] = (1 << (i % 8)) + (i >> 1)\n",
      "output a 4>4 (<) @i subscript-not-affine\n" },
    { "power",
      NP "a = np.zeros(9)\nfor i in range(9):\n    a[i] = i ** 3 + 2.0 ** i\n",
      "check pow 4\n" },
    { "last element through a variable",
      NP "n = 9\na = np.zeros(n)\nfor i in range(n - 1):\n    a[n - 2 - i] += a[n - 1 - i]\n",
      "flow a 5>5 (1) @i\n" },
    { "two statements, one sum",
      NP "a = np.zeros(9)\ns = 0.0\nfor i in range(9):\n    s += a[i]\n    s = a[i] + s\n",
      "var @i: s=sum*\n" },
    { "conditional expression accumulates",
      NP "a = np.zeros(9)\ns = 0.0\nt = 0.0\nfor i in range(9):\n    s = s + a[i] if a[i] > 0 else s\n"
      "    t = t + (a[i] if a[i] > 0 else 0.0)\n",
      "var @i: s=sum* _=carried t=sum* _=carried\n" },
    { "counts",
      NP "a = np.zeros(9)\nn = 0\nm = 0\nfor i in range(9):\n    n += a[i] > 0\n    m += 1 if a[i] > 0 else 0\n",
      "var @i: n=sum m=sum\n" },
    { "maximum of an expression",
      NP "a = np.zeros(9)\nm = 0.0\nn = 0.0\nfor i in range(9):\n    x = abs(a[i] * 2)\n    if x > m:\n"
      "        m = x\n    if abs(a[i]) > n:\n        n = abs(a[i])\n",
      "var @i: m=max n=max\n" },
    { "numpy's maximum, both orders; three arguments",
      NP "a = np.zeros(9)\nm = 0.0\nn = 0.0\no = 0.0\nfor i in range(9):\n    m = np.maximum(a[i], m)\n"
      "    n = np.maximum(n, a[i])\n    o = max(o, a[i], 1.0)\n",
      "var @i: m=max n=max o=carried _=carried\n" },
    { "minimum and maximum with companions",
      NP "a = np.zeros(9)\nmx = -1.0\nmn = 1.0\nk = 0\nl = 0\nfor i, x in enumerate(a):\n    if x < mn:\n"
      "        mn = x\n        k = i\n    if x > mx:\n        mx = x\n        l = i\n",
      "var @_: mn=min k=arg(mn) mx=max l=arg(mx)\n" },
    { "companion by a conditional expression",
      NP "a = np.zeros(9)\nbest = -1.0\nk = 0\nfor i in range(9):\n    k = i if a[i] > best else k\n"
      "    best = a[i] if a[i] > best else best\n",
      "var @i: best=max k=arg(best)\n" },
    { "companion after the update",
      NP "a = np.zeros(9)\nbest = -1.0\nk = 0\nfor i in range(9):\n    best = a[i] if a[i] > best else best\n"
      "    k = i if a[i] > best else k\n",
      "var @i: best=carried _=carried k=carried\n" },
    { "integer minimum, both orders",
      NP "a = np.zeros(9, dtype=np.int64)\nm = 100\nn = 100\nfor i in range(9):\n    m = min(m, int(a[i]))\n"
      "    n = min(int(a[i]), n)\n",
      "var @i: m=min n=min\n" },
    { "bools by bit operators",
      NP "a = np.zeros(9)\nf = False\ng = True\nfor i in range(9):\n    f |= a[i] > 0\n    g &= a[i] > 0\n"
      "    f = f | (a[i] > 1)\n",
      "var @i: f=or g=and\n" },
    { "bools of Python",
      NP "n = 9\nf = False\ng = True\nfor i in range(n):\n    f = f or i > 3\n    g = g and i < 3\n",
      "var @i: f=or g=and\n" },
    { "flag set two ways",
      NP "a = np.zeros(9)\nf = False\ng = False\nfor i in range(9):\n    if a[i] > 0:\n        f = True\n"
      "    else:\n        f = False\n    if a[i] > 1:\n        g = True\n    elif a[i] < -1:\n        g = True\n",
      "var @i: g=set\n" },
    { "complex product",
      NP "a = np.zeros(9, dtype=complex)\np = 1j\nfor i in range(9):\n    p *= a[i]\n",
      "var @i: p=product*\n" },
    { "condition reads the sum",
      NP "a = np.zeros(9)\ns = 0.0\nfor i in range(9):\n    if s < 10:\n        s += a[i]\n",
      "var @i: s=carried\n" },
    { "sum read in an inner bound",
      NP "a = np.zeros(9)\nn = 0\nfor i in range(9):\n    for j in range(n):\n        a[j] = 0\n"
      "    n += 1 if a[i] > 0 else 2\n",
      "var @i: n=carried\noutput a 6>6 (<, =) @i\nflow a 6>7 (<) @i\nanti a 7>6 (<) @i\nflow a 6>7 (=)\n"
      "check bounds 6\nexception\n" },
    { "equal companions keep first or last",
      NP "a = np.zeros(9)\nb = 0.0\nk = 0\nfor i in range(9):\n    if a[i] >= b:\n        b = a[i]\n        k = i\n",
      "var @i: b=max k=arg(b)\n" },
    { "update not of the compared value",
      NP "a = np.zeros(9)\nb = 0.0\nfor i in range(9):\n    if a[i] > b:\n        b = a[i] * 2\n",
      "var @i: b=carried\n" },
    { "float32 maximum",
      NP "a = np.zeros(9, dtype=np.float32)\nm = np.float32(0)\nk = 0.0\nfor i in range(9):\n    if a[i] > m:\n"
      "        m = a[i]\n    k = max(k, float(a[i]))\n",
      "var @i: m=max k=max\n" },
    { "sum in a while loop",
      NP "a = np.zeros(9)\ns = 0.0\nfor i in range(9):\n    j = i\n    while j > 0:\n        s += a[j]\n"
      "        j -= 1\n",
      "var @i: s=sum*\nvar @while: j=carried s=sum*\ncheck bounds 7\ncheck overflow 8\n" },
    { "sum and break",
      NP "a = np.zeros(9)\ns = 0.0\nfor i in range(9):\n    for j in range(9):\n        if a[j] > 4:\n"
      "            break\n        s += a[i]\n",
      "var @i: s=sum*\nvar @j: s=sum*\n" },
    { "mean and variance",
      NP "a = np.zeros(9)\ns = 0.0\nq = 0.0\nfor i in range(9):\n    d = a[i] - 0.5\n    s += d\n    q += d * d\n"
      "print(s, q, d)\n",
      "var @i: s=sum* q=sum*\n" },
    { "reset under a condition",
      NP "a = np.zeros(9)\ns = 0.0\nfor i in range(9):\n    if a[i] > 0:\n        s = 0.0\n    s += a[i]\n",
      "var @i: s=carried\n" },
    { "swap",
      NP "a = np.zeros(9)\nx = 0\ny = 1\nfor i in range(9):\n    a[i] = x\n    x, y = y, x + y\n",
      "var @i: x=carried y=carried\ncheck overflow 7\n" },
};

static int describe_file(const char *path)
{
    static Log log;
    char *text = malloc(1 << 20);
    FILE *f = fopen(path, "rb");
    if (!f || !text)
        return 1;
    size_t size = fread(text, 1, 1 << 20, f);
    fclose(f);
    log.n = 0;
    run(&log, text, size);
    printf("== %s\n%s", path, log.text);
    free(text);
    return 0;
}

int main(int argc, char **argv)
{
    static Log log;
    int failed = 0;
    for (int i = 1; i < argc; i++)
        failed |= describe_file(argv[i]);
    for (size_t i = 0; i < COUNT_OF(rows) && argc == 1; i++) {
        log.n = 0;
        log.text[0] = '\0';
        run(&log, rows[i].text, strlen(rows[i].text));
        if (strcmp(log.text, rows[i].expected)) {
            failed++;
            printf("FAIL %s: expected\n%sgot\n%s\n", rows[i].what, rows[i].expected, log.text);
        }
    }
    printf("%d failed\n", failed);
    return failed != 0;
}
