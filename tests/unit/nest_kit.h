/* tests/unit/nest_kit.h — nests and plans made by hand, for the tests of the executor; checks that are counted. */
#ifndef ALP_TESTS_NEST_KIT_H
#define ALP_TESTS_NEST_KIT_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "interp/module.h"
#include "interp/ops.h"
#include "interp/reduce_tree.h"
#include "jit/plan/exec.h"
#include "tests/unit/counted.h"

/* ---- kit: nests and plans --------------------------------------------------------------------------------------------- */

enum { MAX = 64, N_SLOTS = 16 };

typedef struct Kit {
    VM      *vm;
    Arena    arena;
    Nest     nest;
    Plan     plan;
    Facts    facts;
    Frame    frame;
    Value    slot[N_SLOTS];
    NCheck   checks[MAX];
    NInput   inputs[MAX];
    NVar    *vars[MAX];
    NArray  *arrays[MAX];
    NLoop   *loops[MAX];
    NStmt   *stmts[MAX];
    NSym    *syms[MAX];
    NAccess *accesses[MAX];
    ArrayFact array_fact[MAX];
    Value    array_value[MAX];
    int64_t  sym_value[MAX];
    bool     sym_known[MAX];
    uint8_t  proved[MAX], access_dim[MAX * ALP_MAX_NDIM];
    PLoop   *plan_loops[MAX];
    PItem    root;
    const NCheck *failed;
} Kit;

#define NEW(type) ((type *)arena_alloc(&k->arena, sizeof(type)))

static inline Kit *kit_new(VM *vm)
{
    Kit *k = calloc(1, sizeof *k);
    k->vm = vm;
    arena_init(&k->arena, &vm->mem);
    k->nest = (Nest){ .vm = vm, .vars = k->vars, .arrays = k->arrays, .loops = k->loops, .stmts = k->stmts, .syms = k->syms,
                      .accesses = k->accesses, .checks = k->checks, .inputs = k->inputs };
    k->facts = (Facts){ .nest = &k->nest, .array = k->array_fact, .sym = k->sym_value, .sym_known = k->sym_known };
    k->plan = (Plan){ .nest = &k->nest, .root = &k->root, .proved = k->proved, .access_dim = k->access_dim };
    k->frame = (Frame){ .module = vm->main, .slots = k->slot, .globals = vm->main->slots };
    for (int i = 0; i < N_SLOTS; i++)
        k->slot[i] = V_UNBOUND;
    return k;
}

static inline void kit_free(Kit *k)
{
    if (k->plan.code_free)
        k->plan.code_free(k->plan.code);
    for (uint32_t i = 0; i < k->nest.n_arrays; i++)
        value_free(k->vm, k->array_value[i]);
    for (int i = 0; i < N_SLOTS; i++)
        value_free(k->vm, k->slot[i]);
    arena_free(&k->arena);
    free(k);
}

static inline NExpr *expr(Kit *k, NOp op, DType rep)
{
    NExpr *e = NEW(NExpr);
    *e = (NExpr){ .op = op, .rep = rep, .id = k->nest.n_exprs++, .check = NO_CHECK };
    e->tags = TAGS(rep == DT_I64 ? T_Int : T_NP(rep));
    return e;
}

static inline uint32_t check(Kit *k, NCheckKind kind)
{
    k->checks[k->nest.n_checks] = (NCheck){ .kind = kind };
    return k->nest.n_checks++;
}

static inline NExpr *num(Kit *k, int64_t v)
{
    NExpr *e = expr(k, NOP_Const, DT_I64);
    e->u.i = v;
    return e;
}

static inline NExpr *real(Kit *k, double v)
{
    NExpr *e = expr(k, NOP_Const, DT_F64);
    e->u.f = v;
    return e;
}

static inline NExpr *var(Kit *k, NVar *v)
{
    NExpr *e = expr(k, NOP_Var, (DType)v->rep);
    e->u.var = v;
    return e;
}

static inline NExpr *counter(Kit *k, NLoop *l)
{
    NExpr *e = expr(k, NOP_Counter, DT_I64);
    e->u.loop = l;
    return e;
}

static inline bool is_comparison(NOp op)
{
    return op >= NOP_Eq && op <= NOP_Ge;
}

static inline NExpr *bin(Kit *k, NOp op, NExpr *a, NExpr *b)
{
    NExpr *e = expr(k, op, is_comparison(op) ? DT_Bool : (DType)a->rep);
    e->a = a;
    e->b = b;
    return e;
}

/* A variable of the program, in a slot of its own; start: its value, or V_UNBOUND. */
static inline NVar *variable(Kit *k, DType rep, Tag tag, Value start)
{
    NVar *v = NEW(NVar);
    uint32_t id = k->nest.n_vars++;
    *v = (NVar){ .id = id, .name = 1 + id, .home = { .kind = HOME_Slot, .slot = id }, .rep = rep, .entry_tag = (uint8_t)start.tag,
                 .assigned_tags = TAGS(tag & 31), .exit_tag = (uint8_t)tag, .is_read_first = start.tag != T_Unbound,
                     .is_live_out = true,
                 .input = k->nest.n_inputs };
    k->vars[id] = v;
    k->slot[id] = start;
    if (v->is_read_first)
        k->inputs[k->nest.n_inputs++] = (NInput){ .home = v->home, .tag = v->entry_tag, .var = v };
    return v;
}

static inline NArray *array(Kit *k, DType d, int ndim, int64_t rows, int64_t columns)
{
    NArray *a = NEW(NArray);
    uint32_t id = k->nest.n_arrays++;
    int64_t shape[2] = { rows, columns };
    Value v = array_new(k->vm, d, ndim, shape, true);
    *a = (NArray){ .id = id, .dtype = d, .ndim = (uint8_t)ndim };
    k->arrays[id] = a;
    k->array_value[id] = v;
    k->array_fact[id] = (ArrayFact){ .array = ARRAY(v), .lo = ARRAY(v)->data,
                                     .hi = ARRAY(v)->data + ARRAY(v)->size * dtype_info[d].size, .group = id };
    return a;
}

static inline double *data(Kit *k, NArray *a)
{
    return (double *)(void *)ARRAY(k->array_value[a->id])->data;
}

static inline NAccess *access_of(Kit *k, NArray *a, NExpr *i, NExpr *j, bool is_write)
{
    NAccess *x = NEW(NAccess);
    *x = (NAccess){ .id = k->nest.n_accesses++, .array = a, .is_write = is_write, .n_subs = a->ndim, .sub = { i, j } };
    k->accesses[x->id] = x;
    for (uint32_t d = 0; d < x->n_subs; d++) {
        x->check[d] = check(k, CK_Bounds);
        k->proved[x->check[d]] = 1;
        k->access_dim[x->id * ALP_MAX_NDIM + d] = DM_Plain;
    }
    return x;
}

static inline NExpr *load(Kit *k, NArray *a, NExpr *i, NExpr *j)
{
    NExpr *e = expr(k, NOP_Load, (DType)a->dtype);
    e->u.access = access_of(k, a, i, j, false);
    a->is_read = true;
    return e;
}

static inline NStmt *stmt(Kit *k, NStmtKind kind)
{
    NStmt *s = NEW(NStmt);
    *s = (NStmt){ .kind = kind, .id = k->nest.n_stmts++, .check = NO_CHECK };
    k->stmts[s->id] = s;
    return s;
}

static inline NStmt *assign(Kit *k, NVar *v, NExpr *e)
{
    NStmt *s = stmt(k, NS_Assign);
    s->var = v;
    s->expr = e;
    return s;
}

static inline NStmt *store(Kit *k, NArray *a, NExpr *i, NExpr *j, NExpr *e)
{
    NStmt *s = stmt(k, NS_Store);
    s->access = access_of(k, a, i, j, true);
    s->access->stmt = s;
    s->expr = e;
    a->is_written = true;
    return s;
}

/* Up to 4 statements; NULL ends them. */
static inline NBlock block(Kit *k, NStmt *a, NStmt *b, NStmt *c, NStmt *d)
{
    NStmt *list[4] = { a, b, c, d };
    NBlock out = { .stmt = arena_alloc(&k->arena, sizeof list) };
    while (out.n < 4 && list[out.n]) {
        out.stmt[out.n] = list[out.n];
        out.n++;
    }
    return out;
}

static inline NStmt *if_(Kit *k, NExpr *test, NBlock body, NBlock orelse)
{
    NStmt *s = stmt(k, NS_If);
    s->expr = test;
    s->body = body;
    s->orelse = orelse;
    return s;
}

static inline NLoop *loop(Kit *k, NExpr *trip)
{
    NLoop *l = NEW(NLoop);
    *l = (NLoop){ .id = k->nest.n_loops++, .step_check = NO_CHECK, .trip = trip, .step = num(k, 1) };
    l->stmt = stmt(k, NS_Loop);
    l->stmt->loop = l;
    k->loops[l->id] = l;
    if (!k->nest.root)
        k->nest.root = l;
    return l;
}

static inline void set_loop_in(const NBlock *b, NLoop *l)
{
    for (uint32_t i = 0; i < b->n; i++) {
        NStmt *s = b->stmt[i];
        s->loop_in = l;
        if (s->kind == NS_Loop) {
            s->loop->up = l;
            set_loop_in(&s->loop->body, s->loop);
        }
        set_loop_in(&s->body, l);
        set_loop_in(&s->orelse, l);
    }
}

static inline void nest_is(Kit *k, NBlock body)
{
    k->nest.body = body;
    set_loop_in(&k->nest.body, NULL);
}

/* Up to 4 items. */
static inline PItem *item(Kit *k, PItemKind kind, NStmt *s, PItem *a, PItem *b, PItem *c, PItem *d)
{
    PItem *list[4] = { a, b, c, d }, *i = NEW(PItem);
    *i = (PItem){ .kind = kind, .stmt = s, .body = arena_alloc(&k->arena, sizeof list) };
    while (i->n_body < 4 && list[i->n_body]) {
        i->body[i->n_body] = list[i->n_body];
        i->n_body++;
    }
    return i;
}

static inline PItem *item_stmt(Kit *k, NStmt *s)
{
    return item(k, PI_Stmt, s, NULL, NULL, NULL, NULL);
}

static inline PItem *item_loop(Kit *k, NLoop *l, PMode mode, PItem *a, PItem *b, PItem *c)
{
    PItem *i = item(k, PI_Loop, NULL, a, b, c, NULL);
    i->loop = NEW(PLoop);
    *i->loop = (PLoop){ .id = k->plan.n_loops, .n_src = 1, .src = arena_alloc(&k->arena, 4 * sizeof l), .mode = mode };
    i->loop->src[0] = l;
    k->plan_loops[k->plan.n_loops++] = i->loop;
    return i;
}

static inline void add_private(Kit *k, PItem *i, NVar *v, bool is_last)
{
    PLoop *l = i->loop;
    if (!l->private_var) {
        l->private_var = arena_alloc(&k->arena, MAX * sizeof *l->private_var);
        l->last = arena_alloc(&k->arena, MAX * sizeof *l->last);
    }
    l->private_var[l->n_private++] = v;
    if (is_last) {
        VarUse *u = NEW(VarUse);
        *u = (VarUse){ .var = v, .cls = VC_Private, .live_after = true };
        l->last[l->n_last++] = u;
    }
}

static inline VarUse *add_red(Kit *k, PItem *i, NVar *v, RedKind kind, bool is_ordered)
{
    PLoop *l = i->loop;
    VarUse *u = NEW(VarUse);
    *u = (VarUse){ .var = v, .cls = VC_Reduction, .red = kind, .is_ordered = is_ordered };
    if (!l->red)
        l->red = arena_alloc(&k->arena, MAX * sizeof *l->red);
    l->red[l->n_red++].use = u;
    return u;
}

static inline void plan_is(Kit *k, PItem *a, PItem *b, PItem *c)
{
    k->root = *item(k, PI_Block, NULL, a, b, c, NULL);
    k->plan.loops = k->plan_loops;
}

/* seed 0: in program order. */
static inline ExecVerdict run(Kit *k, uint64_t seed)
{
    ExecOptions opt = { .shuffle = seed != 0, .seed = seed };
    return exec_plan(&k->plan, &k->facts, &k->frame, V_UNBOUND, &opt, &k->failed);
}

static inline ExecVerdict run_nest(Kit *k)
{
    ExecOptions opt = { 0 };
    return exec_nest(&k->nest, &k->facts, &k->frame, V_UNBOUND, &opt, &k->failed);
}

static uint64_t random_state = 1;
static inline uint64_t rnd(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static inline double rnd_double(void)
{
    return ldexp((double)(int64_t)rnd(), -63) * ldexp(1, (int)(rnd() % 20));
}

/* ---- values ----------------------------------------------------------------------------------------------------------- */

static const int64_t ints[] = { 0, 1, -1, 2, -2, 3, 7, 31, 62, 63, 64, 65, -63, 100, 127, -128, 255, 256, 32767, -32768, 65535,
                                1000003, INT32_MAX,
                                INT32_MIN, UINT32_MAX, INT64_MAX, INT64_MIN, INT64_MAX - 1, (1ll << 53), (1ll << 53) + 1,
                                    -(1ll << 53) - 1, 3037000500 };
static const double reals[] = { 0.0, -0.0, 1, -1, 0.5, -0.5, 2, 3, -3, 1.5, 1e10, -1e10, 1e300, -1e300, 5e-324, 1e-310,
                                INFINITY, -INFINITY, NAN,
                                0x1p53, 0x1p63, -0x1p63, 2147483648.0, 2147483647.5, -2147483649.0, 127.5, 255.9, -0.9, 0.1,
                                    1e19, 1e20 };

static inline int64_t wrap_int(DType d, int64_t v)
{
    switch (d) {
    case DT_Bool:   return v != 0;
    case DT_I8:     return (int8_t)v;
    case DT_I16:    return (int16_t)v;
    case DT_I32:    return (int32_t)v;
    case DT_U8:     return (uint8_t)v;
    case DT_U16:    return (uint16_t)v;
    case DT_U32:    return (uint32_t)v;
    default:        return v;
    }
}

static inline DType rep_of(Tag t)
{
    return t == T_Bool ? DT_Bool : t == T_Int ? DT_I64 : t == T_Float ? DT_F64 : t == T_Complex ? DT_C128 : NP_DTYPE(t);
}

static inline bool is_int_rep(DType d)
{
    return d <= DT_U64;
}

/* The i-th interesting value of a representation; false: there are no more. */
static inline bool sample(DType d, size_t i, ExecScalar *s)
{
    memset(s, 0, sizeof *s);
    if (is_int_rep(d)) {
        if (i >= COUNT_OF(ints))
            return false;
        s->i = wrap_int(d, ints[i]);
        return true;
    }
    if (i >= COUNT_OF(reals))
        return false;
    double re = reals[i], im = reals[(i * 7 + 3) % COUNT_OF(reals)];
    switch (d) {
    case DT_F64:    s->d = re; break;
    case DT_F32:    s->f = (float)re; break;
    case DT_C64:    s->c[0] = (float)re; s->c[1] = (float)im; break;
    default:        s->z[0] = re; s->z[1] = im; break;
    }
    return true;
}

static inline Value boxed(VM *vm, Tag t, const ExecScalar *s)
{
    Value v = { .tag = t };
    switch (t) {
    case T_Float: case T_NpF64: v.u.f = s->d; return v;
    case T_NpF32:   v.u.f = s->f; return v;
    case T_NpC64:   v.u.c64.re = s->c[0]; v.u.c64.im = s->c[1]; return v;
    case T_NpC128:  return npc128_new(vm, s->z[0], s->z[1]);
    case T_Complex: return complex_new(vm, s->z[0], s->z[1]);
    default:        v.u.i = s->i; return v;
    }
}

static inline bool same_real(double a, double b)
{
    return a == b ? signbit(a) == signbit(b) : isnan(a) && isnan(b);
}

static inline bool same_value(DType rep, const ExecScalar *s, Value v)
{
    double re, im;
    if (is_int_rep(rep))
        return s->i == v.u.i;
    if (!value_as_complex(v, &re, &im))
        return false;
    switch (rep) {
    case DT_F64:    return same_real(s->d, re);
    case DT_F32:    return same_real(s->f, re);
    case DT_C64:    return same_real(s->c[0], re) && same_real(s->c[1], im);
    default:        return same_real(s->z[0], re) && same_real(s->z[1], im);
    }
}

#endif
