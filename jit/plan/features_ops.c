/* jit/plan/features_ops.c — operations of statements by class, and chains of those that wait for each other.
 *
 * What is affine in counters and known numbers is not counted: kernels add a constant from iteration to iteration.  An operation with a check that is not proved
 * counts one more.  Expressions are graphs: each node is counted once.  What is the same in all iterations of a loop is computed in front of it.
 *
 * Chains.  In a loop whose iterations run in order, a value may pass from one iteration to the next, in a variable or in an array's element.
 * The longest path of operations from such a value to the statements that pass one on is what an iteration takes at least. */
#include <stdlib.h>
#include <string.h>

#include "jit/nest/fun.h"
#include "jit/plan/features_int.h"

/* So many times as fast are the operations of rows side by side, which the compiler packs into vectors. */
#define JAM_GAIN 3.0
/* The end of a while loop is foretold wrong: as many branches of the usual kind. */
#define WHILE_ENDS 4

/* ---- classes ------------------------------------------------------------------------------------------------------------- */

static bool is_float32(uint8_t rep)
{
    return rep == DT_F32 || rep == DT_C64;
}

static OpClass class_of(uint8_t rep, OpClass in_f64)
{
    if (rep < DT_F32)
        return in_f64 == OPC_F64 ? OPC_Int : in_f64 == OPC_F64Div ? OPC_IntDiv : OPC_F64Fun;
    return is_float32(rep) ? (OpClass)(in_f64 - OPC_F64 + OPC_F32) : in_f64;
}

static bool is_simple_fun(uint8_t fun)
{
    return fun == NF_Floor || fun == NF_Ceil || fun == NF_Trunc || fun == NF_Rint || fun == NF_Sign || fun == NF_Copysign || fun == NF_Fmin ||
           fun == NF_Fmax;
}

/* How many operations of which class is it?  0: none that takes time. */
static double cost_of(const NExpr *x, OpClass *cls)
{
    uint8_t rep = x->rep;
    double parts = rep >= DT_C64 ? 2 : 1;
    *cls = class_of(rep, OPC_F64);
    switch ((NOp)x->op) {
    case NOP_Const: case NOP_Var: case NOP_Counter: case NOP_Extent: case NOP_Load: case NOP_Real: case NOP_Imag: case NOP_Complex:
        return 0;
    case NOP_Div:
        *cls = class_of(rep, OPC_F64Div);
        return parts;
    case NOP_IntDiv: case NOP_FloorDiv: case NOP_Mod:
        *cls = class_of(rep, OPC_F64Div);
        if (x->b->op == NOP_Const && rep < DT_F32) {    /* a multiplication and shifts, or one of these */
            *cls = OPC_Int;
            return 4;
        }
        return rep < DT_F32 ? 1 : 2;
    case NOP_Mul:
        return rep >= DT_C64 ? 6 : 1;
    case NOP_Pow:
        *cls = class_of(rep, OPC_F64Fun);
        if (rep < DT_F32) {                             /* by squaring */
            *cls = OPC_Int;
            return 8;
        }
        return parts;
    case NOP_Fun:
        if (is_simple_fun(x->fun))
            return parts;
        *cls = class_of(rep, x->fun == NF_Sqrt ? OPC_F64Div : OPC_F64Fun);
        return parts;
    case NOP_Generic:
        *cls = OPC_Int;
        return 200;
    case NOP_Eq: case NOP_Ne: case NOP_Lt: case NOP_Le: case NOP_Gt: case NOP_Ge: case NOP_Truth:
        *cls = class_of(x->a->rep, OPC_F64);
        return 1;
    case NOP_Cast:
        *cls = class_of(x->a->rep >= DT_F32 ? x->a->rep : rep, OPC_F64);
        return x->a->rep == rep || (rep < DT_F32 && x->a->rep < DT_F32) ? 0 : parts;
    default:
        return parts;
    }
}

static bool is_unproved(const Walk *w, uint32_t check)
{
    return check != NO_CHECK && !w->plan->proved[check];
}

/* Affine in counters, with numbers that are known: a sum that grows by a constant. */
static bool is_free(const Walk *w, const NExpr *x)
{
    for (uint32_t k = 0; x->form && k < x->form->n; k++)
        if (x->form->term[k].sym && !w->facts->sym_known[x->form->term[k].sym->id])
            return false;
    return x->form != NULL;
}

/* ---- counting ------------------------------------------------------------------------------------------------------------ */

static void add_ops(Walk *w, OpClass cls, double n)
{
    w->phase->ops[cls] += n;
    if (!w->in_lanes)
        w->phase->scalar[cls] += w->is_jammed && cls != OPC_IntDiv ? n / JAM_GAIN : n;
    if (cls >= OPC_F32)
        w->out->flops += n * w->runs;
}

static void count_reference(Walk *w, const NAccess *a, double weight)
{
    for (uint32_t d = 0; d < a->n_subs; d++) {
        if (is_unproved(w, a->check[d]))
            add_ops(w, OPC_Int, weight * w->times);
        count_expr(w, a->sub[d], weight);
    }
    count_access(w, a, weight * w->times);
}

static uint8_t deeper(uint8_t a, uint8_t b)
{
    return a > b ? a : b;
}

/* Loops around that the form changes with: 1 + index of the innermost. */
static uint8_t depth_of_form(const Walk *w, const NForm *f)
{
    for (uint32_t k = w->n_around; k-- > 0;) {
        const Around *l = &w->around[k];
        for (uint32_t t = 0; t < f->n; t++) {
            if (l->one && f->term[t].loop == l->one)
                return (uint8_t)(k + 1);
            for (uint32_t i = 0; f->term[t].loop && i < l->n_src; i++)
                if (f->term[t].loop == l->src[i])
                    return (uint8_t)(k + 1);
        }
    }
    return 0;
}

/* Times that something at that depth is computed. */
static double times_at(const Walk *w, uint8_t depth)
{
    double times = w->times;
    for (uint32_t k = w->n_around; k-- > depth && w->around[k].node >= 0 && w->around[k].trip > 1;)
        times /= w->around[k].trip;
    return times;
}

static void forget_stmt(Walk *w, const NStmt *s)
{
    if (s->kind == NS_Assign && s->var->id < KNOWN_VARS)
        w->var_depth[s->var->id] = UINT8_MAX;
    for (uint32_t i = 0; i < s->body.n; i++)
        forget_stmt(w, s->body.stmt[i]);
    for (uint32_t i = 0; i < s->orelse.n; i++)
        forget_stmt(w, s->orelse.stmt[i]);
    for (uint32_t i = 0; s->kind == NS_Loop && i < s->loop->body.n; i++)
        forget_stmt(w, s->loop->body.stmt[i]);
}

void count_forget(Walk *w, PItem *const *items, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (items[i]->kind == PI_Stmt)
            forget_stmt(w, items[i]->stmt);
        count_forget(w, items[i]->body, items[i]->n_body);
        count_forget(w, items[i]->orelse, items[i]->n_orelse);
    }
}

/* Counts the expression; returns the depth of loops that it changes with. */
static uint8_t count_deep(Walk *w, const NExpr *x, double weight)
{
    OpClass cls;
    uint8_t all = (uint8_t)w->n_around;
    if (!x)
        return 0;
    if (is_free(w, x))
        return depth_of_form(w, x->form);
    if (x->op == NOP_Var)
        return x->u.var->id < KNOWN_VARS && w->var_depth[x->u.var->id] < all ? w->var_depth[x->u.var->id] : all;
    bool was_seen = w->seen[x->id / 64] >> x->id % 64 & 1;
    if (was_seen)
        return all;
    w->seen[x->id / 64] |= 1ull << x->id % 64;
    if (x->op == NOP_Load) {
        count_reference(w, x->u.access, weight);
        return all;
    }
    uint8_t depth = count_deep(w, x->a, weight);
    depth = deeper(depth, count_deep(w, x->b, weight));
    depth = deeper(depth, count_deep(w, x->c, weight));
    bool is_tested = is_unproved(w, x->check);
    double n = cost_of(x, &cls), times = weight * (is_tested ? w->times : times_at(w, depth));
    if (n > 0)
        add_ops(w, cls, times * n);
    if (is_tested)
        add_ops(w, OPC_Int, times);
    return depth;
}

void count_expr(Walk *w, const NExpr *x, double weight)
{
    count_deep(w, x, weight);
}

/* Does it change with anything but counters? */
static bool is_data(const NExpr *x)
{
    if (!x || x->form)
        return false;
    if (x->op == NOP_Load || (x->op == NOP_Var && !x->form))
        return true;
    return is_data(x->a) || is_data(x->b) || is_data(x->c);
}

/* How often a condition holds: half the times, for all that is known; a counter seldom meets a number, or another counter. */
static double share_of(const NExpr *test)
{
    bool is_equal = test->op == NOP_Eq, is_other = test->op == NOP_Ne;
    return is_data(test) || !(is_equal || is_other) ? 0.5 : is_other;
}

static void count_block(Walk *w, const NBlock *b, double weight)
{
    for (uint32_t i = 0; i < b->n; i++)
        count_stmt(w, b->stmt[i], weight);
}

/* What compilers make into a choice. */
static bool is_choice(const NBlock *b)
{
    for (uint32_t i = 0; i < b->n; i++)
        if (b->stmt[i]->kind != NS_Assign)
            return false;
    return true;
}

static bool has_loop(const NBlock *b)
{
    for (uint32_t i = 0; i < b->n; i++)
        if (b->stmt[i]->kind == NS_Loop || has_loop(&b->stmt[i]->body) || has_loop(&b->stmt[i]->orelse))
            return true;
    return false;
}

static void count_loop(Walk *w, const NLoop *l, double weight)
{
    Phase *p = w->phase;
    double trip = trips_of(&w->trips, l), before = w->times;
    bool lanes = w->in_lanes;
    Around a = { .one = l, .trip = trip, .split = 1 };
    p->is_divergent |= l->is_while || l->has_exit;
    w->in_lanes &= !l->is_while && !l->has_exit;
    if (!walk_enter(w, &a))
        return;
    trips_enter(&w->trips, l, trip);
    forget_stmt(w, l->stmt);
    if (l->is_while) {
        p->branches += weight * before * WHILE_ENDS;
        count_expr(w, l->test, weight);
    }
    count_block(w, &l->body, weight);
    if (!has_loop(&l->body)) {
        p->innermost += weight * w->times / walk_split(w);
        p->entries += weight * before / walk_split(w);
        count_chain(w, (const NStmt *const *)l->body.stmt, l->body.n, weight * w->times / w->grid);
    }
    trips_leave(&w->trips, l);
    walk_leave(w);
    w->in_lanes = lanes;
    w->times = before;
}

void count_stmt(Walk *w, const NStmt *s, double weight)
{
    Phase *p = w->phase;
    switch ((NStmtKind)s->kind) {
    case NS_Assign: {
        uint8_t depth = count_deep(w, s->expr, weight);
        if (s->var->id < KNOWN_VARS)        /* under a condition it may be what it was */
            w->var_depth[s->var->id] = weight < 1 ? (uint8_t)w->n_around : depth;
        break;
    }
    case NS_Check: case NS_Return:
        count_expr(w, s->expr, weight);
        break;
    case NS_Store:
        count_expr(w, s->expr, weight);
        count_reference(w, s->access, weight);
        break;
    case NS_If: {
        double holds = share_of(s->expr);
        if (is_data(s->expr)) {
            if (!w->in_lanes && !(is_choice(&s->body) && is_choice(&s->orelse)))
                p->branches += weight * w->times;
            p->is_divergent = true;
        }
        count_expr(w, s->expr, weight);
        count_block(w, &s->body, weight * holds);
        count_block(w, &s->orelse, weight * (1 - holds));
        break;
    }
    case NS_Loop:
        count_loop(w, s->loop, weight);
        break;
    case NS_Block:
        count_block(w, &s->body, weight);
        break;
    case NS_Leave: case NS_Next:
        p->is_divergent = true;
        break;
    }
}

/* ---- chains -------------------------------------------------------------------------------------------------------------- */

enum { MEETS_SELDOM = 4, CHAIN_VARS = 24, CHAIN_STORES = 8, CHAIN_NODES = 600 };

/* A path of operations from a value that the iteration before passed on. */
typedef struct Path {
    bool   is_on;
    double weight;                  /* what it takes, in cycles of a usual machine, to choose the longest */
    float  n[OPC_COUNT], loads;
} Path;

typedef struct Chain {
    Walk *w;
    uint32_t n_vars, n_stores;
    struct { const NVar *var; Path path; } var[CHAIN_VARS];     /* assigned in the loop; to begin with, the value of the iteration before */
    const NAccess *store[CHAIN_STORES];
    Path   longest;
    int    budget;
} Chain;

static const double class_cycles[OPC_COUNT] = { 1, 20, 4, 11, 60, 4, 14, 60 };

static void longer(Path *a, const Path *b)
{
    if (b->is_on && (!a->is_on || b->weight > a->weight))
        *a = *b;
}

/* How many iterations before did the loop store what is loaded now; 0: it did not.  *is_kept: the element is always the same, and stays in a register. */
static double passed_on(Chain *c, const NAccess *load, bool *is_kept)
{
    int64_t from[MAX_AROUND], to[MAX_AROUND], at_load, at_store;
    for (uint32_t i = 0; i < c->n_stores; i++) {
        const NAccess *store = c->store[i];
        const ArrayFact *a = &c->w->facts->array[load->array->id], *b = &c->w->facts->array[store->array->id];
        if (a->group != b->group)
            continue;
        if (!access_strides(c->w, load, from, &at_load) || !access_strides(c->w, store, to, &at_store))
            return MEETS_SELDOM;
        int64_t step = to[c->w->n_around - 1], apart = at_store + b->offset - at_load - a->offset;
        if (from[c->w->n_around - 1] != step)
            continue;               /* once, if at all */
        if (step == 0 && apart == 0) {
            *is_kept = true;
            return 1;
        }
        if (step != 0 && apart != 0 && apart % step == 0 && apart / step > 0)
            return (double)(apart / step);
    }
    return 0;
}

static Path path_of(Chain *c, const NExpr *x)
{
    Path p = { 0 };
    OpClass cls;
    if (!x || is_free(c->w, x) || --c->budget < 0)
        return p;
    if (x->op == NOP_Var) {
        for (uint32_t i = 0; i < c->n_vars; i++)
            if (c->var[i].var == x->u.var)
                return c->var[i].path;
        return p;
    }
    if (x->op == NOP_Load) {
        const NAccess *a = x->u.access;
        for (uint32_t d = 0; d < a->n_subs; d++) {
            Path q = a->form[d] ? (Path){ 0 } : path_of(c, a->sub[d]);
            q.loads++;
            q.weight += 5;
            longer(&p, &q);
        }
        bool is_kept = false;
        double apart = c->n_stores ? passed_on(c, a, &is_kept) : 0;
        if (apart > 0 && apart <= 4) {
            Path q = { .is_on = true, .loads = is_kept ? 0 : (float)(1 / apart), .weight = 5 / apart };
            longer(&p, &q);
        }
        return p;
    }
    for (int k = 0; k < 3; k++) {
        Path q = path_of(c, nexpr_operand(x, k));
        longer(&p, &q);
    }
    double n = p.is_on ? cost_of(x, &cls) : 0;
    if (n > 0) {
        p.n[cls] += (float)(n > 2 && x->rep >= DT_C64 ? 2 : n);
        p.weight += n * class_cycles[cls];
    }
    return p;
}

static void find_assigned(Chain *c, const NStmt *s)
{
    if (s->kind == NS_Assign && c->n_vars < CHAIN_VARS) {
        for (uint32_t i = 0; i < c->n_vars; i++)
            if (c->var[i].var == s->var)
                return;
        c->var[c->n_vars].path = (Path){ .is_on = true };
        c->var[c->n_vars++].var = s->var;
    }
    if (s->kind == NS_Store && c->n_stores < CHAIN_STORES)
        c->store[c->n_stores++] = s->access;
    for (uint32_t i = 0; i < s->body.n; i++)
        find_assigned(c, s->body.stmt[i]);
    for (uint32_t i = 0; i < s->orelse.n; i++)
        find_assigned(c, s->orelse.stmt[i]);
}

static void follow(Chain *c, const NStmt *s, const Path *by)
{
    if (s->kind == NS_Assign || s->kind == NS_Store) {
        Path p = path_of(c, s->expr);
        if (by)
            longer(&p, by);
        longer(&c->longest, &p);
        for (uint32_t i = 0; i < c->n_vars && s->kind == NS_Assign; i++)
            if (c->var[i].var == s->var) {
                if (!by)
                    c->var[i].path = p;
                else
                    longer(&c->var[i].path, &p);
            }
        return;
    }
    Path test = s->kind == NS_If ? path_of(c, s->expr) : (Path){ 0 };
    if (by)
        longer(&test, by);
    for (uint32_t i = 0; i < s->body.n; i++)
        follow(c, s->body.stmt[i], s->kind == NS_If ? &test : by);
    for (uint32_t i = 0; i < s->orelse.n; i++)
        follow(c, s->orelse.stmt[i], &test);
}

void count_chain(Walk *w, const NStmt *const *stmts, uint32_t n, double iterations)
{
    Chain c;
    c.w = w;
    c.n_vars = c.n_stores = 0;
    c.longest = (Path){ 0 };
    c.budget = CHAIN_NODES;
    for (uint32_t i = 0; i < n; i++)
        find_assigned(&c, stmts[i]);
    for (uint32_t i = 0; i < n; i++)
        follow(&c, stmts[i], NULL);
    if (!c.longest.is_on)
        return;
    for (int k = 0; k < OPC_COUNT; k++)
        w->phase->chain[k] += c.longest.n[k] * iterations;
    w->phase->chain_loads += c.longest.loads * iterations;
}
