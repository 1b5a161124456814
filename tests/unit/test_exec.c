/* tests/unit/test_exec.c — the reference executor on nests and plans made by hand, in program order and in many random
 * orders, which must agree: the canonical tree, accumulations of all kinds, last values, expanded and fused loops, bounds
 * of interchanged ones, jumps across items, undoing. */
#include "nest_kit.h"

/* ---- the canonical tree ----------------------------------------------------------------------------------------------- */

/* s = s op x[i] (under a condition: only where x[i] != 0.25), or s - x[i]. */
static void test_accumulation(VM *vm, DType d, Tag tag, NOp op, bool conditional, int64_t n)
{
    Kit *k = kit_new(vm);
    ExecScalar start = { .z = { 0, 0 } };
    if (d == DT_F64)
        start.d = 1.5;
    else if (d == DT_F32)
        start.f = 1.5f;
    else if (d == DT_C64)
        start.c[0] = 0.5f, start.c[1] = -1;
    else
        start.z[0] = 0.5, start.z[1] = -1;
    NVar *s = variable(k, d, tag, boxed(vm, tag, &start)), *i = variable(k, DT_I64, T_Int, V_UNBOUND);
    NArray *x = array(k, d, 1, n, 0), *term = array(k, d, 1, n, 0);
    char *px = ARRAY(k->array_value[x->id])->data, *pt = ARRAY(k->array_value[term->id])->data;
    size_t size = dtype_info[d].size;
    TreeOp tree = op == NOP_Mul ? TREE_Mul : TREE_Add;
    TreeValue identity = tree_identity(tree, d, NULL);
    for (int64_t t = 0; t < n; t++) {
        double re = op == NOP_Mul ? 1 + rnd_double() * 0x1p-22 : rnd_double(),
            im = op == NOP_Mul ? rnd_double() * 0x1p-22 : rnd_double();
        if (conditional && rnd() % 4 == 0)
            re = 0.25, im = 0;
        ExecScalar v, negated;
        memset(&v, 0, sizeof v);
        memset(&negated, 0, sizeof negated);
        switch (d) {
        case DT_F64:    v.d = re; negated.d = -re; break;
        case DT_F32:    v.f = (float)re; negated.f = -(float)re; break;
        case DT_C64:    v.c[0] = (float)re; v.c[1] = (float)im; negated.c[0] = -(float)re; negated.c[1] = -(float)im; break;
        default:        v.z[0] = re; v.z[1] = im; negated.z[0] = -re; negated.z[1] = -im; break;
        }
        memcpy(px + (size_t)t * size, &v, size);
        memcpy(pt + (size_t)t * size, conditional &&
               re == 0.25 ? (void *)&identity : op == NOP_Sub ? (void *)&negated : (void *)&v, size);
    }
    NLoop *l = loop(k, num(k, n));
    NStmt *add = assign(k, s, bin(k, op, var(k, s), load(k, x, var(k, i), NULL))), *body = add;
    if (conditional) {
        NExpr *quarter = expr(k, NOP_Const, d);
        if (d == DT_C64 || d == DT_C128)
            quarter->u.z[0] = 0.25;
        else
            quarter->u.f = 0.25;
        body = if_(k, bin(k, NOP_Ne, load(k, x, var(k, i), NULL), quarter), block(k, add, NULL, NULL, NULL), (NBlock){ 0 });
    }
    NStmt *step = assign(k, i, counter(k, l));
    l->body = block(k, step, body, NULL, NULL);
    nest_is(k, block(k, l->stmt, NULL, NULL, NULL));
    PItem *li = item_loop(k, l, PM_Reduction, item_stmt(k, step), item_stmt(k, body), NULL);
    add_private(k, li, i, true);
    add_red(k, li, s, op == NOP_Mul ? RK_Prod : RK_Sum, true);
    plan_is(k, li, NULL, NULL);

    TreeValue want = tree_run(tree, d, &start, pt, (int64_t)size, n);
    for (uint64_t seed = 0; seed < 4; seed++) {
        value_free(vm, k->slot[s->id]);
        k->slot[s->id] = boxed(vm, tag, &start);
        k->slot[i->id] = V_UNBOUND;
        ExecVerdict verdict = run(k, seed);
        ExecScalar w;
        memcpy(&w, &want, sizeof w);
        CHECK(verdict == EXEC_DONE && k->slot[s->id].tag == (uint64_t)tag && same_value(d, &w, k->slot[s->id]),
              "sum of %lld %s, op %s, conditional %d, seed %d: verdict %d", (long long)n, dtype_info[d].name, nest_op_name(op),
                  conditional, (int)seed, verdict);
        CHECK(n == 0 ? k->slot[i->id].tag == T_Unbound : k->slot[i->id].tag == T_Int && k->slot[i->id].u.i == n - 1,
              "last value of the loop variable");
    }
    kit_free(k);
}

/* s += a[i, j] by both loops: the inner one starts from the outer one's lane. */
static void test_nested_sum(VM *vm, int64_t rows, int64_t columns)
{
    Kit *k = kit_new(vm);
    NVar *s = variable(k, DT_F64, T_Float, V_FLOAT(0.1));
    NArray *a = array(k, DT_F64, 2, rows, columns);
    for (int64_t t = 0; t < rows * columns; t++)
        data(k, a)[t] = rnd_double();
    NLoop *li = loop(k, num(k, rows)), *lj = loop(k, num(k, columns));
    NStmt *add = assign(k, s, bin(k, NOP_Add, var(k, s), load(k, a, counter(k, li), counter(k, lj))));
    lj->body = block(k, add, NULL, NULL, NULL);
    li->body = block(k, lj->stmt, NULL, NULL, NULL);
    nest_is(k, block(k, li->stmt, NULL, NULL, NULL));
    PItem *inner = item_loop(k, lj, PM_Reduction, item_stmt(k, add), NULL, NULL), *outer = item_loop(k, li, PM_Reduction, inner,
        NULL, NULL);
    add_red(k, inner, s, RK_Sum, true);
    add_red(k, outer, s, RK_Sum, true);
    plan_is(k, outer, NULL, NULL);

    double want = 0.1;
    if (rows <= TREE_PROGRAM) {
        for (int64_t i = 0; i < rows; i++)
            want = tree_run(TREE_Add, DT_F64, &want, (char *)(data(k, a) + i * columns), 8, columns).f64[0];
    } else {                    /* rows <= 4096: one chunk */
        double lane[TREE_LANES];
        for (int l = 0; l < TREE_LANES; l++)
            lane[l] = -0.0;
        for (int64_t i = 0; i < rows; i++)
            lane[i % TREE_LANES] = tree_run(TREE_Add, DT_F64, &lane[i % TREE_LANES], (char *)(data(k, a) + i * columns), 8,
                                            columns).f64[0];
        for (int half = TREE_LANES / 2; half >= 1; half /= 2)
            for (int l = 0; l < half; l++)
                lane[l] += lane[l + half];
        want += lane[0];
    }
    for (uint64_t seed = 0; seed < 4; seed++) {
        k->slot[s->id] = V_FLOAT(0.1);
        CHECK(run(k, seed) == EXEC_DONE && k->slot[s->id].u.f == want, "nested sum of %lld x %lld, seed %d", (long long)rows,
              (long long)columns, (int)seed);
    }
    kit_free(k);
}

static void test_trees(VM *vm)
{
    static const int64_t sizes[] = { 0, 1, 2, 127, 128, 129, 160, 4095, 4096, 4097, 8192, 100000, 4096 * 128, 4096 * 130 + 7 };
    static const struct { DType d; Tag t; } types[] = { { DT_F64, T_Float }, { DT_F64, T_NpF64 }, { DT_F32, T_NpF32 },
                                                        { DT_C128, T_Complex },
                                                        { DT_C64, T_NpC64 }, { DT_C128, T_NpC128 } };
    static const NOp ops[] = { NOP_Add, NOP_Sub, NOP_Mul };
    for (size_t t = 0; t < COUNT_OF(types); t++)
        for (size_t o = 0; o < COUNT_OF(ops); o++)
            for (size_t n = 0; n < COUNT_OF(sizes) - (t > 0 ? 2 : 0); n++)
                for (int conditional = 0; conditional < (ops[o] == NOP_Mul && types[t].d >= DT_C64 ? 1 : 2); conditional++)
                    test_accumulation(vm, types[t].d, types[t].t, ops[o], conditional, sizes[n]);
    static const int64_t shapes[][2] = { { 3, 5 }, { 128, 129 }, { 129, 128 }, { 200, 300 }, { 1000, 3 }, { 5, 10000 } };
    for (size_t n = 0; n < COUNT_OF(shapes); n++)
        test_nested_sum(vm, shapes[n][0], shapes[n][1]);
}

/* ---- accumulations of other kinds ------------------------------------------------------------------------------------- */

/* v and k by `if x[i] cmp v`, or v = f(v, x[i]), or v = f(x[i], v), on values with many ties, NaN and both zeros. */
static void test_extreme(VM *vm, DType d, NOp cmp, bool var_left, int64_t n)
{
    static const double few[] = { 0.0, -0.0, 1, -1, 2, NAN, INFINITY, -INFINITY };
    Kit *k = kit_new(vm);
    bool by_if = is_comparison(cmp), is_float = d == DT_F64;
    ExecScalar start = { .d = few[rnd() % COUNT_OF(few)] };
    if (!is_float)
        start.i = wrap_int(d, (int64_t)(rnd() % 5) - 2);
    NVar *v = variable(k, d, T_NP(d), boxed(vm, T_NP(d), &start)), *at = variable(k, DT_I64, T_Int, V_INT(-7));
    NArray *x = array(k, d, 1, n, 0);
    char *px = ARRAY(k->array_value[x->id])->data;
    for (int64_t t = 0; t < n; t++) {
        ExecScalar s = { .d = few[rnd() % (rnd() % 3 ? 5 : COUNT_OF(few))] };
        if (!is_float)
            s.i = wrap_int(d, (int64_t)(rnd() % 9) - 4);
        memcpy(px + (size_t)t * dtype_info[d].size, &s, dtype_info[d].size);
    }
    NLoop *l = loop(k, num(k, n));
    NExpr *e = load(k, x, counter(k, l), NULL);
    NStmt *take = assign(k, v, e), *note = assign(k, at, counter(k, l)), *body;
    if (by_if) {
        body = if_(k, bin(k, cmp, e, var(k, v)), block(k, take, note, NULL, NULL), (NBlock){ 0 });
    } else {
        body = take;
        take->expr = var_left ? bin(k, cmp, var(k, v), e) : bin(k, cmp, e, var(k, v));
    }
    l->body = block(k, body, NULL, NULL, NULL);
    nest_is(k, block(k, l->stmt, NULL, NULL, NULL));
    PItem *li = item_loop(k, l, PM_Reduction, item_stmt(k, body), NULL, NULL);
    VarUse *use = add_red(k, li, v, cmp == NOP_Lt || cmp == NOP_Le || cmp == NOP_NpMin ? RK_Min : RK_Max, false);
    use->cmp = cmp;
    use->n_acc = 1;
    use->acc = arena_alloc(&k->arena, sizeof *use->acc);
    use->acc[0] = take;
    if (by_if) {
        VarUse *arg = add_red(k, li, at, RK_Arg, false);
        arg->cmp = cmp;
        arg->lead = v;
    }
    plan_is(k, li, NULL, NULL);
    run(k, 0);
    Value want = k->slot[v->id], want_at = k->slot[at->id];
    for (uint64_t seed = 1; seed < 6; seed++) {
        k->slot[v->id] = boxed(vm, T_NP(d), &start);
        k->slot[at->id] = V_INT(-7);
        ExecVerdict verdict = run(k, seed);
        bool same = is_float ? same_real(want.u.f, k->slot[v->id].u.f) : want.u.i == k->slot[v->id].u.i;
        CHECK(verdict == EXEC_DONE && same && k->slot[at->id].u.i == want_at.u.i, "%s of %lld, variable %s, seed %d",
              nest_op_name(cmp), (long long)n,
              var_left ? "left" : "right", (int)seed);
    }
    kit_free(k);
}

/* Integer and bool accumulations, two at once. */
static void test_integer_kinds(VM *vm, DType d, NOp op, RedKind kind, int64_t n)
{
    Kit *k = kit_new(vm);
    ExecScalar start = { .i = wrap_int(d, 5) };
    NVar *v = variable(k, d, T_NP(d), boxed(vm, T_NP(d), &start)), *count = variable(k, DT_I64, T_Int, V_INT(3));
    NArray *x = array(k, d, 1, n, 0);
    char *px = ARRAY(k->array_value[x->id])->data;
    for (int64_t t = 0; t < n; t++) {
        int64_t r = wrap_int(d, kind == RK_And ? (int64_t)(rnd() | rnd() | rnd() | rnd()) : (int64_t)(rnd() | (kind == RK_Prod)));
        if (d == DT_Bool)
            r = kind == RK_And ? t != n / 2 : t == n / 2;
        memcpy(px + (size_t)t * dtype_info[d].size, &r, dtype_info[d].size);
    }
    NLoop *l = loop(k, num(k, n));
    NStmt *one = assign(k, v, bin(k, op, var(k, v), load(k, x, counter(k, l), NULL)));
    NStmt *two = assign(k, count, bin(k, NOP_Add, var(k, count), num(k, 2)));
    l->body = block(k, one, two, NULL, NULL);
    nest_is(k, block(k, l->stmt, NULL, NULL, NULL));
    PItem *li = item_loop(k, l, PM_Reduction, item_stmt(k, one), item_stmt(k, two), NULL);
    add_red(k, li, v, kind, false);
    add_red(k, li, count, RK_Sum, false);
    plan_is(k, li, NULL, NULL);
    run(k, 0);
    int64_t want = k->slot[v->id].u.i;
    CHECK(k->slot[count->id].u.i == 3 + 2 * n, "count");
    for (uint64_t seed = 1; seed < 6; seed++) {
        k->slot[v->id] = boxed(vm, T_NP(d), &start);
        k->slot[count->id] = V_INT(3);
        CHECK(run(k, seed) == EXEC_DONE && k->slot[v->id].u.i == want && k->slot[count->id].u.i == 3 + 2 * n,
              "%s of %s, seed %d", nest_op_name(op),
              dtype_info[d].name, (int)seed);
    }
    kit_free(k);
}

/* A sum by the tree together with a minimum with its place and a count, in one loop. */
static void test_mixed_kinds(VM *vm, int64_t n)
{
    Kit *k = kit_new(vm);
    NVar *s = variable(k, DT_F64, T_Float, V_FLOAT(0)), *m = variable(k, DT_F64, T_Float, V_FLOAT(3)),
        *at = variable(k, DT_I64, T_Int, V_INT(-1));
    NVar *count = variable(k, DT_I64, T_Int, V_INT(0));
    NArray *x = array(k, DT_F64, 1, n, 0);
    for (int64_t t = 0; t < n; t++)
        data(k, x)[t] = floor(rnd_double());
    NLoop *l = loop(k, num(k, n));
    NExpr *e = load(k, x, counter(k, l), NULL);
    NStmt *add = assign(k, s, bin(k, NOP_Add, var(k, s), e)), *take = assign(k, m, e), *note = assign(k, at, counter(k, l));
    NStmt *choose = if_(k, bin(k, NOP_Le, e, var(k, m)), block(k, take, note, NULL, NULL), (NBlock){ 0 });
    NStmt *one = assign(k, count, bin(k, NOP_Add, var(k, count), num(k, 1)));
    l->body = block(k, add, choose, one, NULL);
    nest_is(k, block(k, l->stmt, NULL, NULL, NULL));
    PItem *li = item_loop(k, l, PM_Reduction, item_stmt(k, add), item_stmt(k, choose), item_stmt(k, one));
    VarUse *arg = add_red(k, li, at, RK_Arg, false);
    arg->lead = m;
    arg->cmp = NOP_Le;
    add_red(k, li, m, RK_Min, false)->cmp = NOP_Le;
    add_red(k, li, s, RK_Sum, true);
    add_red(k, li, count, RK_Sum, false);
    plan_is(k, li, NULL, NULL);
    run(k, 0);
    Value want[4];
    memcpy(want, k->slot, sizeof want);
    double zero = 0;
    CHECK(want[s->id].u.f == tree_run(TREE_Add, DT_F64, &zero, (char *)data(k, x), 8, n).f64[0], "sum beside a minimum");
    for (uint64_t seed = 1; seed < 9; seed++) {
        k->slot[s->id] = V_FLOAT(0);
        k->slot[m->id] = V_FLOAT(3);
        k->slot[at->id] = V_INT(-1);
        k->slot[count->id] = V_INT(0);
        CHECK(run(k, seed) == EXEC_DONE && memcmp(want, k->slot, sizeof want) == 0, "mixed kinds, seed %d", (int)seed);
    }
    kit_free(k);
}

static void test_kinds(VM *vm)
{
    static const NOp cmps[] = { NOP_Lt, NOP_Le, NOP_Gt, NOP_Ge, NOP_NpMin, NOP_NpMax };
    static const DType types[] = { DT_F64, DT_I64, DT_U8, DT_I16 };
    for (size_t c = 0; c < COUNT_OF(cmps); c++)
        for (size_t d = 0; d < COUNT_OF(types); d++)
            for (int rep = 0; rep < 20; rep++)
                for (int left = 0; left < 2; left++)
                    test_extreme(vm, types[d], cmps[c], left, (int64_t)(rnd() % 40));
    static const DType ints_of[] = { DT_I8, DT_I64, DT_U16, DT_U64 };
    for (size_t d = 0; d < COUNT_OF(ints_of); d++) {
        test_integer_kinds(vm, ints_of[d], NOP_Add, RK_Sum, 1000);
        test_integer_kinds(vm, ints_of[d], NOP_Mul, RK_Prod, 1000);
        test_integer_kinds(vm, ints_of[d], NOP_And, RK_And, 5);
        test_integer_kinds(vm, ints_of[d], NOP_Or, RK_Or, 5);
        test_integer_kinds(vm, ints_of[d], NOP_Xor, RK_Xor, 1000);
    }
    test_integer_kinds(vm, DT_Bool, NOP_And, RK_And, 33);
    test_integer_kinds(vm, DT_Bool, NOP_Or, RK_Or, 33);
    test_mixed_kinds(vm, 100);
    test_mixed_kinds(vm, 20000);
}

/* ---- variables -------------------------------------------------------------------------------------------------------- */

/* t = 2 * x[i]; y[i] = t; if x[i] > 0: last = t.  carried: another variable is called private although it is not. */
static void test_private(VM *vm, bool carried)
{
    enum { N = 50 };
    Kit *k = kit_new(vm);
    NVar *t = variable(k, DT_F64, T_NpF64, V_UNBOUND), *last = variable(k, DT_F64, T_NpF64, V_F64(-5)),
        *acc = variable(k, DT_F64, T_NpF64, V_F64(1));
    last->set_var = variable(k, DT_Bool, T_Bool, V_UNBOUND);
    last->set_var->home.kind = HOME_None;
    last->set_var->name = SYM_NONE;
    NArray *x = array(k, DT_F64, 1, N, 0), *y = array(k, DT_F64, 1, N, 0);
    for (int i = 0; i < N; i++)
        data(k, x)[i] = i % 7 == 0 && i < 45 ? i + 1 : -i;
    NLoop *l = loop(k, num(k, N));
    NStmt *twice = assign(k, t, bin(k, NOP_Mul, load(k, x, counter(k, l), NULL), real(k, 2)));
    NStmt *keep = store(k, y, counter(k, l), NULL, carried ? bin(k, NOP_Add, var(k, t), var(k, acc)) : var(k, t));
    NExpr *yes = expr(k, NOP_Const, DT_Bool);
    yes->u.i = 1;
    NStmt *set = assign(k, last->set_var, yes), *note = assign(k, last, var(k, t));
    NStmt *cond = if_(k, bin(k, NOP_Gt, load(k, x, counter(k, l), NULL), real(k, 0)), block(k, note, set, NULL, NULL),
                      (NBlock){ 0 });
    l->body = block(k, twice, keep, cond, NULL);
    nest_is(k, block(k, l->stmt, NULL, NULL, NULL));
    PItem *li = item_loop(k, l, PM_Parallel, item_stmt(k, twice), item_stmt(k, keep), item_stmt(k, cond));
    add_private(k, li, t, true);
    add_private(k, li, last, true);
    if (carried)
        add_private(k, li, acc, false);
    plan_is(k, li, NULL, NULL);
    for (uint64_t seed = 0; seed < 10; seed++) {
        memset(data(k, y), 0, N * 8);
        k->slot[t->id] = V_UNBOUND;
        k->slot[last->id] = V_F64(-5);
        CHECK(run(k, seed) == EXEC_DONE, "verdict");
        CHECK(k->slot[t->id].u.f == 2 * data(k, x)[N - 1] && k->slot[last->id].u.f == 2.0 * 43, "last values, seed %d: %g %g",
              (int)seed, k->slot[t->id].u.f,
              k->slot[last->id].u.f);
        bool good = true;
        for (int i = 0; i < N; i++)
            good &= data(k, y)[i] == 2 * data(k, x)[i] + (carried ? 1 : 0);
        CHECK(good == (!carried || seed == 0), "poison shows exactly where it should, seed %d", (int)seed);
    }
    /* No iteration assigns it: the old value stays, with its tag. */
    for (int i = 0; i < N; i++)
        data(k, x)[i] = -1;
    for (uint64_t seed = 0; seed < 3; seed++) {
        k->slot[last->id] = V_FLOAT(-5);
        last->entry_tag = T_Float;
        CHECK(run(k, seed) == EXEC_DONE && k->slot[last->id].tag == T_Float && k->slot[last->id].u.f == -5,
              "a value that was never assigned");
    }
    kit_free(k);
}

/* A loop that was split off assigns a variable for itself; the value from before the loop stays. */
static void test_kept(VM *vm)
{
    enum { N = 20 };
    Kit *k = kit_new(vm);
    NVar *t = variable(k, DT_F64, T_Float, V_FLOAT(0.25));
    NArray *y = array(k, DT_F64, 1, N, 0);
    NLoop *l = loop(k, num(k, N));
    NStmt *make = assign(k, t, real(k, 3)), *keep = store(k, y, counter(k, l), NULL, var(k, t));
    l->body = block(k, make, keep, NULL, NULL);
    nest_is(k, block(k, l->stmt, NULL, NULL, NULL));
    PItem *li = item_loop(k, l, PM_Parallel, item_stmt(k, make), item_stmt(k, keep), NULL);
    li->loop->is_distributed = true;
    add_private(k, li, t, false);
    plan_is(k, li, NULL, NULL);
    for (uint64_t seed = 0; seed < 3; seed++) {
        k->slot[t->id] = V_FLOAT(0.25);
        data(k, y)[N - 1] = 0;
        CHECK(run(k, seed) == EXEC_DONE && k->slot[t->id].u.f == 0.25 && data(k, y)[N - 1] == 3, "a value from before the loop stays");
    }
    kit_free(k);
}

/* for i: t = x[i] + 1; y[i] = t  |  z[i] = z[i-1] + t, split with t kept per iteration. */
static void test_expansion(VM *vm)
{
    enum { N = 40 };
    Kit *k = kit_new(vm);
    NVar *t = variable(k, DT_F64, T_NpF64, V_UNBOUND);
    NArray *x = array(k, DT_F64, 1, N, 0), *y = array(k, DT_F64, 1, N, 0), *z = array(k, DT_F64, 1, N, 0);
    for (int i = 0; i < N; i++)
        data(k, x)[i] = rnd_double();
    NLoop *l = loop(k, num(k, N));
    NExpr *i = counter(k, l);
    NStmt *make = assign(k, t, bin(k, NOP_Add, load(k, x, i, NULL), real(k, 1))), *keep = store(k, y, i, NULL, var(k, t));
    NStmt *scan = if_(k, bin(k, NOP_Gt, i, num(k, 0)),
                      block(k, store(k, z, i, NULL, bin(k, NOP_Add, load(k, z, bin(k, NOP_Sub, i, num(k, 1)), NULL),
                                                        var(k, t))), NULL, NULL, NULL), (NBlock){ 0 });
    l->body = block(k, make, keep, scan, NULL);
    nest_is(k, block(k, l->stmt, NULL, NULL, NULL));
    PItem *first = item_loop(k, l, PM_Parallel, item_stmt(k, make), item_stmt(k, keep), NULL),
        *second = item_loop(k, l, PM_Sequential, item_stmt(k, scan), NULL, NULL);
    const NVar *list[] = { t };
    add_private(k, first, t, true);
    first->loop->n_save = second->loop->n_restore = 1;
    first->loop->save_var = second->loop->restore_var = list;
    plan_is(k, first, second, NULL);
    for (uint64_t seed = 0; seed < 5; seed++) {
        memset(data(k, z), 0, N * 8);
        memset(data(k, y), 0, N * 8);
        CHECK(run(k, seed) == EXEC_DONE, "expansion");
        double sum = 0;
        bool good = k->slot[t->id].u.f == data(k, x)[N - 1] + 1;
        for (int j = 1; j < N; j++) {
            sum += data(k, x)[j] + 1;
            good &= data(k, z)[j] == sum && data(k, y)[j] == data(k, x)[j] + 1;
        }
        CHECK(good, "values of an expanded variable, seed %d", (int)seed);
    }
    kit_free(k);
}

/* ---- loops ------------------------------------------------------------------------------------------------------------ */

/* Two loops in one, the first of which skips the rest of some iterations. */
static void test_fusion(VM *vm)
{
    enum { N = 30 };
    Kit *k = kit_new(vm);
    NArray *x = array(k, DT_F64, 1, N, 0), *y = array(k, DT_F64, 1, N, 0);
    NLoop *l = loop(k, num(k, N)), *m = loop(k, num(k, N));
    NStmt *next = stmt(k, NS_Next);
    next->target = l->stmt;
    NStmt *skip = if_(k, bin(k, NOP_Eq, bin(k, NOP_Mod, counter(k, l), num(k, 3)), num(k, 0)), block(k, next, NULL, NULL, NULL),
                      (NBlock){ 0 });
    NStmt *one = store(k, x, counter(k, l), NULL, real(k, 1)), *two = store(k, y, counter(k, m), NULL, real(k, 2));
    l->body = block(k, skip, one, NULL, NULL);
    m->body = block(k, two, NULL, NULL, NULL);
    nest_is(k, block(k, l->stmt, m->stmt, NULL, NULL));
    PItem *li = item_loop(k, l, PM_Parallel, item_stmt(k, skip), item_stmt(k, one), item_stmt(k, two));
    li->loop->src[1] = m;
    li->loop->n_src = 2;
    plan_is(k, li, NULL, NULL);
    for (uint64_t seed = 0; seed < 3; seed++) {
        memset(data(k, x), 0, N * 8);
        memset(data(k, y), 0, N * 8);
        CHECK(run(k, seed) == EXEC_DONE, "fusion");
        bool good = true;
        for (int i = 0; i < N; i++)
            good &= data(k, x)[i] == (i % 3 == 0 ? 0 : 1) && data(k, y)[i] == 2;
        CHECK(good, "fused loops, seed %d", (int)seed);
    }
    kit_free(k);
}

static NForm *form(Kit *k, int64_t c, NLoop *l, int64_t coef, NSym *sym, int64_t sym_coef)
{
    NForm *f = arena_alloc(&k->arena, sizeof *f + 3 * sizeof f->term[0]);
    f->term[f->n++] = (NTerm){ NULL, NULL, c };
    if (l)
        f->term[f->n++] = (NTerm){ l, NULL, coef };
    if (sym)
        f->term[f->n++] = (NTerm){ NULL, sym, sym_coef };
    return f;
}

/* for i < n: for j < i // 2, interchanged: for j < n/2 rounded up: for i from 2 j + 2 to n. */
static void test_bounds(VM *vm)
{
    enum { N = 17 };
    Kit *k = kit_new(vm);
    NArray *a = array(k, DT_F64, 2, N, N);
    NSym *n = NEW(NSym);
    k->syms[k->nest.n_syms++] = n;
    k->sym_value[0] = N;
    k->sym_known[0] = true;
    NLoop *li = loop(k, num(k, N)), *lj = loop(k, bin(k, NOP_FloorDiv, counter(k, li), num(k, 2)));
    NExpr *old = load(k, a, counter(k, li), counter(k, lj));
    NStmt *s = store(k, a, counter(k, li), counter(k, lj), bin(k, NOP_Add, old, real(k, 1)));
    lj->body = block(k, s, NULL, NULL, NULL);
    li->body = block(k, lj->stmt, NULL, NULL, NULL);
    nest_is(k, block(k, li->stmt, NULL, NULL, NULL));
    PItem *inner = item_loop(k, li, PM_Parallel, item_stmt(k, s), NULL, NULL), *outer = item_loop(k, lj, PM_Parallel, inner,
        NULL, NULL);
    struct PBound *bounds = arena_alloc(&k->arena, 4 * sizeof *bounds);
    bounds[0] = (struct PBound){ 2, form(k, 0, NULL, 0, n, 1) };             /* j < ceil(n / 2) */
    bounds[1] = (struct PBound){ 1, form(k, 0, NULL, 0, n, 1) };             /* i < n */
    bounds[2] = (struct PBound){ 3, form(k, 100, NULL, 0, NULL, 0) };        /* i < 34 */
    bounds[3] = (struct PBound){ 1, form(k, 2, lj, 2, NULL, 0) };            /* i >= 2 j + 2 */
    outer->loop->upper = bounds;
    outer->loop->n_upper = 1;
    inner->loop->upper = bounds + 1;
    inner->loop->n_upper = 2;
    inner->loop->lower = bounds + 3;
    inner->loop->n_lower = 1;
    plan_is(k, outer, NULL, NULL);
    for (uint64_t seed = 0; seed < 3; seed++) {
        memset(data(k, a), 0, N * N * 8);
        CHECK(run(k, seed) == EXEC_DONE, "bounds");
        bool good = true;
        for (int i = 0; i < N; i++)
            for (int j = 0; j < N; j++)
                good &= data(k, a)[i * N + j] == (j < i / 2);
        CHECK(good, "bounds of interchanged loops, seed %d", (int)seed);
    }
    kit_free(k);
}

/* while True: for i < 5: if i == 3: leave the block around; count += 1 | if count > 8: break; then return count. */
static void test_jumps(VM *vm)
{
    Kit *k = kit_new(vm);
    NVar *count = variable(k, DT_I64, T_Int, V_INT(0)), *rounds = variable(k, DT_I64, T_Int, V_INT(0));
    NExpr *yes = expr(k, NOP_Const, DT_Bool);
    yes->u.i = 1;
    NLoop *w = loop(k, NULL);
    w->is_while = true;
    w->test = yes;
    NLoop *l = loop(k, num(k, 5));
    NStmt *around = stmt(k, NS_Block), *leave = stmt(k, NS_Leave), *stop = stmt(k, NS_Leave), *done = stmt(k, NS_Return);
    leave->target = around;
    stop->target = w->stmt;
    done->expr = var(k, count);
    NStmt *jump = if_(k, bin(k, NOP_Eq, counter(k, l), num(k, 3)), block(k, leave, NULL, NULL, NULL), (NBlock){ 0 });
    NStmt *add = assign(k, count, bin(k, NOP_Add, var(k, count), num(k, 1)));
    l->body = block(k, jump, add, NULL, NULL);
    NStmt *never = assign(k, count, num(k, -1000));
    around->body = block(k, l->stmt, never, NULL, NULL);
    NStmt *round = assign(k, rounds, bin(k, NOP_Add, var(k, rounds), num(k, 1)));
    NStmt *end = if_(k, bin(k, NOP_Gt, var(k, count), num(k, 8)), block(k, stop, NULL, NULL, NULL), (NBlock){ 0 });
    w->body = block(k, around, round, end, NULL);
    nest_is(k, block(k, w->stmt, NULL, NULL, NULL));
    CHECK(run_nest(k) == EXEC_BROKE && k->slot[count->id].u.i == 9 && k->slot[rounds->id].u.i == 3, "jumps of statements");
    PItem *inner = item_loop(k, l, PM_Sequential, item_stmt(k, jump), item_stmt(k, add), NULL);
    PItem *blk = item(k, PI_Block, around, inner, item_stmt(k, never), NULL, NULL);
    PItem *wi = item(k, PI_While, w->stmt, blk, item_stmt(k, round), item(k, PI_If, end, item_stmt(k, stop), NULL, NULL, NULL),
                     NULL);
    for (int with_return = 0; with_return < 2; with_return++) {
        k->slot[count->id] = k->slot[rounds->id] = V_INT(0);
        k->nest.root = with_return ? l : w;             /* leaving the while loop is a break only if it is the nest's own */
        plan_is(k, wi, with_return ? item_stmt(k, done) : NULL, NULL);
        if (k->plan.code_free)
            k->plan.code_free(k->plan.code);
        k->plan.code = NULL;
        ExecVerdict v = run(k, with_return);
        CHECK(v == (with_return ? EXEC_RETURNED : EXEC_BROKE) &&
              (!with_return || (k->frame.ret.tag == T_Int && k->frame.ret.u.i == 9)), "jumps across items");
    }
    kit_free(k);
}

/* ---- checks, undoing, recording --------------------------------------------------------------------------------------- */

typedef struct Log { int n; int64_t counter[64]; const char *address[64]; bool is_write[64]; } Log;

static void record(void *user, const NAccess *access, const char *address, const int64_t *counters)
{
    Log *log = user;
    if (log->n < 64) {
        log->counter[log->n] = counters[0];
        log->address[log->n] = address;
        log->is_write[log->n++] = access->is_write;
    }
}

/* x[p[i]] = x[i] + 1, where p leads out of x in the end. */
static void test_undo(VM *vm, int64_t stride)
{
    enum { N = 10 };
    Kit *k = kit_new(vm);
    NVar *i = variable(k, DT_I64, T_Int, V_UNBOUND);
    NArray *x = array(k, DT_F64, 1, N, 0), *p = array(k, DT_I64, 1, N, 0);
    Array *whole = ARRAY(k->array_value[x->id]);
    if (stride != 8) {          /* every so many-th element of a larger one */
        int64_t shape = N, bytes = stride;
        Value big = array_new(vm, DT_F64, 1, (int64_t[]){ N * stride / 8 }, true);
        value_free(vm, k->array_value[x->id]);
        k->array_value[x->id] = array_view(vm, ARRAY(big)->buf, ARRAY(big)->data, DT_F64, 1, &shape, &bytes, false);
        whole = ARRAY(k->array_value[x->id]);
        value_free(vm, big);
        k->array_fact[x->id] = (ArrayFact){ .array = whole, .lo = whole->data, .hi = whole->data + (N - 1) * stride + 8 };
    }
#define AT(j) (*(double *)(void *)(whole->data + (j) * stride))
    int64_t *to = (int64_t *)(void *)data(k, p);
    for (int j = 0; j < N; j++) {
        AT(j) = j;
        to[j] = j % 2 ? -1 - j : j;                     /* x[-1 - j] is as good as x[N - 1 - j] */
    }
    NLoop *l = loop(k, num(k, N));
    NStmt *step = assign(k, i, counter(k, l));
    NStmt *put = store(k, x, load(k, p, var(k, i), NULL), NULL, bin(k, NOP_Add, load(k, x, var(k, i), NULL), real(k, 100)));
    l->body = block(k, step, put, NULL, NULL);
    nest_is(k, block(k, l->stmt, NULL, NULL, NULL));
    PItem *li = item_loop(k, l, PM_Sequential, item_stmt(k, step), item_stmt(k, put), NULL);
    plan_is(k, li, NULL, NULL);
    uint32_t bounds = put->access->check[0];
    k->plan.can_fail = true;
    k->proved[bounds] = 0;
    k->access_dim[put->access->id * ALP_MAX_NDIM] = DM_Checked;
    double want[N];
    for (int way = 0; way < 3; way++) {
        for (int j = 0; j < N; j++)
            want[j] = AT(j) = j;
        for (int j = 0; j < N; j++)
            want[to[j] < 0 ? N + to[j] : to[j]] = want[j] + 100;
        to[N - 1] = N - 1;
        bool good = true;
        ExecVerdict v = way == 0 ? run_nest(k) : run(k, way == 1 ? 0 : 7);
        want[N - 1 - (N - 1)] = want[0];
        for (int j = 0; j < N - 1; j++)
            good &= AT(j) == want[j] || j == 0;
        CHECK(v == EXEC_DONE && good && k->slot[i->id].u.i == N - 1, "negative subscripts, way %d", way);
        to[N - 1] = way == 1 ? N : -N - 1;
        for (int j = 0; j < N; j++)
            AT(j) = j;
        k->slot[i->id] = V_FLOAT(0.5);
        v = way == 0 ? run_nest(k) : run(k, way == 1 ? 0 : 7);
        good = k->slot[i->id].tag == T_Float;
        for (int j = 0; j < N; j++)
            good &= AT(j) == j;
        CHECK(v == EXEC_FAILED && k->failed == &k->checks[bounds] && good, "everything is undone, way %d", way);
        to[N - 1] = -N;
    }
    /* No memory for the copy. */
    to[N - 1] = 0;
    vm->mem.bytes_max = 1;
    CHECK(run(k, 0) == EXEC_NO_MEMORY && AT(0) == 0 && !vm_has_exc(vm), "no memory for undoing");
    vm->mem.bytes_max = 0;
    /* A wrong proof. */
    to[N - 1] = N;
    k->proved[bounds] = 1;
    k->access_dim[put->access->id * ALP_MAX_NDIM] = DM_Plain;
    CHECK(run(k, 3) == EXEC_DISPROVED && AT(0) == 0, "a wrong proof shows");
    for (int j = 0; j < N; j++)
        to[j] = N - 1 - j;
    Log log = { 0 };
    ExecOptions opt = { .record = record, .record_user = &log };
    CHECK(exec_plan(&k->plan, &k->facts, &k->frame, V_UNBOUND, &opt, &k->failed) == EXEC_DONE && log.n == 3 * N,
          "recording: %d", log.n);
    for (int j = 0; j < N; j++) {
        int at = 3 * j;
        bool wrote = log.is_write[at] || log.is_write[at + 1] || log.is_write[at + 2];
        CHECK(log.counter[at] == j && log.counter[at + 2] == j && wrote, "record of iteration %d", j);
    }
    kit_free(k);
}

/* x[to[i] % N] = i until a check fails: few and many stores into a large array. */
static void test_undo_log(VM *vm, int64_t n_stores, size_t max_bytes)
{
    enum { N = 5000 };
    Kit *k = kit_new(vm);
    NArray *x = array(k, DT_F64, 1, N, 0);
    for (int j = 0; j < N; j++)
        data(k, x)[j] = -j;
    NLoop *l = loop(k, num(k, n_stores + 1));
    NExpr *at = bin(k, NOP_Mod, bin(k, NOP_Mul, counter(k, l), num(k, 7)), num(k, N)), *value = expr(k, NOP_Cast, DT_F64);
    value->a = counter(k, l);
    NStmt *put = store(k, x, at, NULL, value), *end = stmt(k, NS_Check);
    end->expr = bin(k, NOP_Lt, counter(k, l), num(k, n_stores));
    end->check = check(k, CK_Fail);
    l->body = block(k, put, end, NULL, NULL);
    nest_is(k, block(k, l->stmt, NULL, NULL, NULL));
    k->plan.can_fail = true;
    plan_is(k, item_loop(k, l, PM_Sequential, item_stmt(k, put), item_stmt(k, end), NULL), NULL, NULL);
    vm->mem.bytes_max = max_bytes ? vm->mem.bytes_used + max_bytes : 0;
    ExecVerdict v = run(k, 0);
    vm->mem.bytes_max = 0;
    bool good = true;
    for (int j = 0; j < N; j++)
        good &= data(k, x)[j] == -j;
    CHECK(v == (max_bytes ? EXEC_NO_MEMORY : EXEC_FAILED) && good, "undoing %lld stores: verdict %d", (long long)n_stores, v);
    kit_free(k);
}

static int interrupt(void *user)
{
    ++*(int *)user;
    return 1;
}

static void test_interrupt(VM *vm)
{
    Kit *k = kit_new(vm);
    NVar *n = variable(k, DT_I64, T_Int, V_INT(0));
    NLoop *l = loop(k, num(k, INT64_MAX));
    NStmt *add = assign(k, n, bin(k, NOP_Add, var(k, n), num(k, 1)));
    l->body = block(k, add, NULL, NULL, NULL);
    nest_is(k, block(k, l->stmt, NULL, NULL, NULL));
    plan_is(k, item_loop(k, l, PM_Sequential, item_stmt(k, add), NULL, NULL), NULL, NULL);
    int polls = 0;
    vm->poll_fn = interrupt;
    vm->io_user = &polls;
    atomic_fetch_or(&vm->attention, VM_ATTN_POLL);
    CHECK(run(k, 0) == EXEC_RAISED && vm->exc_type == TY_KeyboardInterrupt && polls == 1 && k->slot[n->id].u.i == 0, "interrupt");
    vm_clear_exc(vm);
    vm->poll_fn = NULL;
    atomic_store(&vm->attention, 0);
    kit_free(k);
}

int main(void)
{
    Mem mem;
    mem_init(&mem, NULL, NULL);
    VM *vm = vm_new(&mem);
    test_trees(vm);
    test_kinds(vm);
    test_private(vm, false);
    test_private(vm, true);
    test_kept(vm);
    test_expansion(vm);
    test_fusion(vm);
    test_bounds(vm);
    test_jumps(vm);
    test_undo(vm, 8);
    test_undo(vm, 16);
    test_undo(vm, 80);
    for (int64_t n = 0; n < 20000; n = 2 * n + 1)
        test_undo_log(vm, n, 0);
    test_undo_log(vm, 3000, 40000);
    test_undo_log(vm, 30000, 30000);
    test_interrupt(vm);
    vm_free(vm);
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}
