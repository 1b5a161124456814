/* jit/depend/accumulate.c — which variables accumulate (scalars.h).
 *
 * A variable v is an accumulation of a loop if everything the loop does with it has one of these forms, all of one kind:
 *
 *     v = v + e     v = e + v     v = v - e     v = (v + e1) - e2       sum; likewise *, &, |, ^, and, or, minimum, maximum
 *     v = v + e if c else v                                            … under a condition
 *     v = e if e < v else v                                            min(v, e); <=, >, >=, operands and branches swapped
 *     if e < v: v = e; w = f                                           … with companions w that remember where
 *     w = f if e < v else w; v = e if e < v else v                     (the builder's form, where f is the type of e)
 *
 * where no e, c or f reads v.  It must be read nowhere else: then iterations do not see each other's partial results, and only the order
 * of the operations is left to fix (graph.h, VarUse.is_ordered).
 *
 * The operation must have the variable's own representation: a float32 sum kept in a float64 variable rounds after each step, which
 * partial sums would not.
 *
 * A comparison keeps a float only if it is *not* beaten, NaN included: `not (v < e)` is a comparison that NaN wins once
 * and loses again at the next number, so partial results of blocks would differ from the whole.  Such forms (min(e, v)) are accumulations
 * for integers only, where the negation is a comparison. */
#include "jit/depend/scalars.h"

#include <string.h>

/* ---- expressions ---------------------------------------------------------------------------------------------------------------- */

static bool reads(AccState *st, const NExpr *e, const NVar *v)
{
    while (e && st->mark[e->id] != st->now) {
        st->mark[e->id] = st->now;
        if (e->op == NOP_Var && e->u.var == v)
            return true;
        if (e->op == NOP_Load)
            for (uint32_t d = 0; d < e->u.access->n_subs; d++)
                if (reads(st, e->u.access->sub[d], v))
                    return true;
        if ((e->b && reads(st, e->b, v)) || (e->c && reads(st, e->c, v)))
            return true;
        e = e->a;               /* long sums lean to the left */
    }
    return false;
}

bool acc_reads(AccState *st, const NExpr *e, const NVar *v)
{
    st->now++;
    return reads(st, e, v);
}

/* Does every value of `from` survive as a `to`, in the same order? */
static bool is_lossless(DType from, DType to)
{
    if (from == to || from == DT_Bool)
        return from == to || to < DT_C64;
    int64_t lo, to_lo;
    uint64_t hi, to_hi;
    if (dtype_int_range(from, &lo, &hi)) {
        if (dtype_int_range(to, &to_lo, &to_hi))
            return lo >= to_lo && hi <= to_hi;
        return to == DT_F64 ? dtype_info[from].size <= 4 : to == DT_F32 && dtype_info[from].size <= 2;
    }
    return from == DT_F32 && to == DT_F64;
}

static const NExpr *strip_same(const NExpr *e)
{
    while (e->op == NOP_Cast && e->a->rep == e->rep)
        e = e->a;
    return e;
}

static const NExpr *strip_lossless(const NExpr *e)
{
    while ((e->op == NOP_Cast && is_lossless((DType)e->a->rep, (DType)e->rep)) || (e->op == NOP_Truth && e->a->rep == DT_Bool))
        e = e->a;
    return e;
}

/* One value, if both are evaluated without an assignment or store in between. */
static bool is_same_value(const NExpr *x, const NExpr *y)
{
    if (x == y)
        return true;
    if (!x || !y || x->op != y->op || x->rep != y->rep || x->flavour != y->flavour || x->fun != y->fun)
        return false;
    switch (x->op) {
    case NOP_Const:
        if (x->rep == DT_C64 || x->rep == DT_C128)
            return memcmp(x->u.z, y->u.z, sizeof x->u.z) == 0;
        return x->u.u == y->u.u;
    case NOP_Var:
        return x->u.var == y->u.var;
    case NOP_Counter:
        return x->u.loop == y->u.loop;
    case NOP_Extent:
        return x->u.extent.array == y->u.extent.array && x->u.extent.axis == y->u.extent.axis;
    case NOP_Load:
        if (x->u.access->array != y->u.access->array)
            return false;
        for (uint32_t d = 0; d < x->u.access->n_subs; d++)
            if (!is_same_value(x->u.access->sub[d], y->u.access->sub[d]))
                return false;
        return true;
    case NOP_Generic:
        if (x->u.generic.op != y->u.generic.op || x->u.generic.tag_a != y->u.generic.tag_a || x->u.generic.tag_b != y->u.generic.tag_b)
            return false;
        break;
    default:
        break;
    }
    return is_same_value(x->a, y->a) && is_same_value(x->b, y->b) && is_same_value(x->c, y->c);
}

/* ---- one statement -------------------------------------------------------------------------------------------------------------- */

/* What one statement, or all seen so far, accumulate. */
typedef struct Form {
    bool    is_set;             /* something was found */
    RedKind kind;
    NOp     cmp;
    bool    negates;
    const NExpr *term;
} Form;

static bool agree(Form *all, const Form *one)
{
    if (!all->is_set) {
        *all = *one;
        all->is_set = true;
        return true;
    }
    all->negates |= one->negates;
    return all->kind == one->kind && all->cmp == one->cmp;
}

static bool is_var(const NExpr *e, const NVar *v)
{
    return e->op == NOP_Var && e->u.var == v;
}

/* The kind of an operator; false: none. */
static bool kind_of(NOp op, DType rep, RedKind *kind, NOp *cmp)
{
    *cmp = NOP_COUNT;
    switch (op) {
    case NOP_Add: *kind = rep == DT_Bool ? RK_Or : RK_Sum; return true;
    case NOP_Sub: *kind = RK_Sum; return rep != DT_Bool;
    case NOP_Mul: *kind = rep == DT_Bool ? RK_And : RK_Prod; return true;
    case NOP_And: *kind = RK_And; return true;
    case NOP_Or: *kind = RK_Or; return true;
    case NOP_AndAlso: *kind = RK_And; *cmp = op; return true;
    case NOP_OrElse: *kind = RK_Or; *cmp = op; return true;
    case NOP_Xor: *kind = RK_Xor; return true;
    case NOP_NpMin: *kind = RK_Min; *cmp = op; return true;
    case NOP_NpMax: *kind = RK_Max; *cmp = op; return true;
    default: return false;
    }
}

/* cond, as a comparison of a new value with v: the value, and the operator with the value on the left. */
static bool match_compare(AccState *st, const NExpr *cond, const NVar *v, const NExpr **value, NOp *cmp)
{
    cond = strip_lossless(cond);
    if (cond->op == NOP_AndAlso) {
        bool first = acc_reads(st, cond->a, v);
        if (first == acc_reads(st, cond->b, v))
            return false;
        return match_compare(st, first ? cond->a : cond->b, v, value, cmp);
    }
    if (cond->op < NOP_Lt || cond->op > NOP_Ge || cond->a->rep != cond->b->rep)
        return false;
    const NExpr *x = strip_lossless(cond->a), *y = strip_lossless(cond->b);
    static const NOp mirrored[] = { NOP_Gt, NOP_Ge, NOP_Lt, NOP_Le };
    if (is_var(y, v) && !acc_reads(st, x, v)) {
        *value = x;
        *cmp = (NOp)cond->op;
        return true;
    }
    if (is_var(x, v) && !acc_reads(st, y, v)) {
        *value = y;
        *cmp = mirrored[cond->op - NOP_Lt];
        return true;
    }
    return false;
}

static void set_compared(Form *f, NOp cmp, const NExpr *term)
{
    *f = (Form){ .kind = cmp == NOP_Lt || cmp == NOP_Le ? RK_Min : RK_Max, .cmp = cmp, .term = term };
}

static bool match_value(AccState *st, const NExpr *e, const NVar *v, Form *out);

/* v = x if c else y */
static bool match_select(AccState *st, const NExpr *e, const NVar *v, Form *out)
{
    const NExpr *x = strip_same(e->b), *y = strip_same(e->c);
    if (!acc_reads(st, e->a, v)) {
        /* One branch may leave v as it is; both may accumulate. */
        Form other;
        if (is_var(x, v))
            return match_value(st, y, v, out);
        if (!match_value(st, x, v, out))
            return false;
        if (is_var(y, v))
            return true;
        return match_value(st, y, v, &other) && agree(out, &other);
    }
    bool keeps_y = is_var(y, v);
    const NExpr *fresh = keeps_y ? x : y;
    if ((!keeps_y && !is_var(x, v)) || acc_reads(st, fresh, v))
        return false;
    /* v and e, v or e, as Python chooses them. */
    if (v->rep == DT_Bool) {
        const NExpr *c = strip_lossless(e->a);
        bool negated = c->op == NOP_Not;
        if (!is_var(negated ? strip_lossless(c->a) : c, v))
            return false;
        *out = (Form){ .kind = keeps_y != negated ? RK_And : RK_Or, .cmp = keeps_y != negated ? NOP_AndAlso : NOP_OrElse, .term = fresh };
        return true;
    }
    const NExpr *value;
    NOp cmp;
    if (!match_compare(st, e->a, v, &value, &cmp) || !is_same_value(value, strip_lossless(fresh)))
        return false;
    if (!keeps_y) {
        static const NOp negated[] = { NOP_Ge, NOP_Gt, NOP_Le, NOP_Lt };
        if (v->rep > DT_U64 || strip_lossless(e->a)->op == NOP_AndAlso)
            return false;
        cmp = negated[cmp - NOP_Lt];
    }
    set_compared(out, cmp, fresh);
    return true;
}

/* e, assigned to v, as an accumulation. */
static bool match_value(AccState *st, const NExpr *e, const NVar *v, Form *out)
{
    *out = (Form){ .is_set = false };
    Form all = { .is_set = false };
    for (e = strip_same(e); !is_var(e, v);) {
        Form one = { .is_set = false };
        if (e->rep != v->rep)
            return false;
        if (e->op == NOP_Select) {
            /* Innermost: what is around it accumulates too. */
            if (!match_select(st, e, v, &one) || !agree(&all, &one))
                return false;
            break;
        }
        if (!kind_of((NOp)e->op, (DType)e->rep, &one.kind, &one.cmp))
            return false;
        bool in_a = acc_reads(st, e->a, v), in_b = acc_reads(st, e->b, v);
        if (in_a == in_b || (e->op == NOP_Sub && in_b))
            return false;
        one.negates = e->op == NOP_Sub;
        one.term = in_a ? e->b : e->a;
        if (!agree(&all, &one))
            return false;
        e = strip_same(in_a ? e->a : e->b);
    }
    *out = all;
    return all.is_set;
}

/* ---- all statements ------------------------------------------------------------------------------------------------------------- */

/* Nothing in the loop reads w (but w = … if … else w), and w and v are always assigned side by side. */
static bool is_only_under(const AccState *st, const NLoop *loop, const NVar *w, const NVar *v)
{
    const VarRefs *r = &st->refs;
    for (uint32_t i = r->read_start[w->id]; i < r->read_start[w->id + 1]; i++)
        if (loop_contains(loop, eval_loop(r->read[i])) && !(r->read[i]->kind == NS_Assign && r->read[i]->var == w))
            return false;
    /* Each of its assignments alone beside one of v, … */
    uint32_t n_w = 0, n_v = 0;
    for (uint32_t i = r->write_start[w->id]; i < r->write_start[w->id + 1]; i++) {
        const NStmt *s = r->write[i];
        if (!loop_contains(loop, s->loop_in))
            continue;
        n_w++;
        bool beside = false;
        for (uint32_t k = r->write_start[v->id]; k < r->write_start[v->id + 1]; k++)
            beside |= r->write[k]->parent == s->parent;
        for (uint32_t k = r->write_start[w->id]; k < i; k++)
            beside &= r->write[k]->parent != s->parent;
        if (!beside)
            return false;
    }
    /* … and each of v's beside one of w, once. */
    for (uint32_t k = r->write_start[v->id]; k < r->write_start[v->id + 1]; k++)
        n_v += loop_contains(loop, r->write[k]->loop_in);
    return n_w == n_v;
}

/* s is `if e < v:` with `v = e` in its body. */
static bool match_if(AccState *st, const NLoop *loop, const NStmt *s, const NVar *v, Form *out, uint64_t *companion)
{
    const NExpr *value;
    NOp cmp;
    if (s->kind != NS_If || s->orelse.n > 0 || !match_compare(st, s->expr, v, &value, &cmp))
        return false;
    const NStmt *update = NULL;
    for (uint32_t i = 0; i < s->body.n; i++) {
        const NStmt *b = s->body.stmt[i];
        if (b->kind != NS_Assign)
            return false;
        if (b->var == v) {
            if (update || !is_same_value(value, strip_lossless(b->expr)))
                return false;
            update = b;
        }
    }
    if (!update)
        return false;
    for (uint32_t i = 0; i < s->body.n; i++) {
        const NVar *w = s->body.stmt[i]->var;
        if (w == v)
            continue;
        if (acc_reads(st, s->body.stmt[i]->expr, v) || !is_only_under(st, loop, w, v))
            return false;
        companion[w->id / 64] |= UINT64_C(1) << w->id % 64;
    }
    set_compared(out, cmp, update->expr);
    return true;
}

/* The statement that assigns v next, with nothing but assignments in between to variables that cond does not read. */
static const NStmt *next_update(AccState *st, const NStmt *s, const NExpr *cond, const NVar *v)
{
    const NStmt *p = s->parent;
    const NBlock *blocks[] = { p && p->kind == NS_Loop ? &p->loop->body : p ? &p->body : &st->nest->body, p ? &p->orelse : NULL };
    for (size_t b = 0; b < COUNT_OF(blocks); b++)
        for (uint32_t i = 0; blocks[b] && i < blocks[b]->n; i++) {
            if (blocks[b]->stmt[i] != s)
                continue;
            for (i++; i < blocks[b]->n && blocks[b]->stmt[i]->kind == NS_Assign; i++) {
                if (blocks[b]->stmt[i]->var == v)
                    return blocks[b]->stmt[i];
                if (acc_reads(st, cond, blocks[b]->stmt[i]->var))
                    return NULL;
            }
            return NULL;
        }
    return NULL;
}

/* s is `w = f if c else w` (or with the branches swapped), in front of the same choice for v. */
static bool match_beside(AccState *st, const NLoop *loop, const NStmt *s, const NVar *v, NOp cmp, uint64_t *companion)
{
    const NVar *w = s->var;
    const NExpr *e = strip_same(s->expr);
    if (e->op != NOP_Select || acc_reads(st, e->a, w))
        return false;
    /* <= and >= take a new value that is equal: whether a block has taken any does not show in its result. */
    if (cmp != NOP_Lt && cmp != NOP_Gt && cmp != NOP_OrElse && cmp != NOP_AndAlso)
        return false;
    bool keeps_y = is_var(strip_same(e->c), w);
    const NExpr *f = keeps_y ? e->b : e->c;
    const NStmt *update = next_update(st, s, e->a, v);
    if ((!keeps_y && !is_var(strip_same(e->b), w)) || acc_reads(st, f, v) || acc_reads(st, f, w) || !update)
        return false;
    const NExpr *u = strip_same(update->expr);
    if (u->op != NOP_Select || !is_same_value(u->a, e->a) || !is_var(strip_same(keeps_y ? u->c : u->b), v) || !is_only_under(st, loop, w, v))
        return false;
    companion[w->id / 64] |= UINT64_C(1) << w->id % 64;
    return true;
}

bool acc_list(AccState *st, const NLoop *loop, VarUse *use)
{
    const VarRefs *r = &st->refs;
    uint32_t from = r->write_start[use->var->id], to = r->write_start[use->var->id + 1];
    use->acc = ARENA_ARRAY(st->arena, const NStmt *, to - from + 1);
    use->n_acc = 0;
    for (uint32_t i = from; use->acc && i < to; i++)
        if (loop_contains(loop, r->write[i]->loop_in))
            use->acc[use->n_acc++] = r->write[i];
    return use->acc != NULL;
}

bool acc_match(AccState *st, const NLoop *loop, VarUse *use, uint64_t *companion, bool *no_memory)
{
    const VarRefs *r = &st->refs;
    const NVar *v = use->var;
    Form all = { .is_set = false };
    uint32_t n_acc = 0;
    const NStmt *first = NULL;
    for (uint32_t i = r->write_start[v->id]; i < r->write_start[v->id + 1]; i++) {
        const NStmt *s = r->write[i];
        Form one;
        if (!loop_contains(loop, s->loop_in))
            continue;
        n_acc++;
        bool found = match_value(st, s->expr, v, &one) ||
                     (s->parent && !acc_reads(st, s->expr, v) && match_if(st, loop, s->parent, v, &one, companion));
        if (!found || !agree(&all, &one))
            return false;
        if (n_acc == 1)
            first = s;
    }
    /* Every read is one of those just seen. */
    for (uint32_t i = r->read_start[v->id]; i < r->read_start[v->id + 1]; i++) {
        const NStmt *s = r->read[i];
        if (!loop_contains(loop, eval_loop(s)) || (s->kind == NS_Assign && s->var == v))
            continue;
        bool is_guard = false;
        for (uint32_t k = 0; s->kind == NS_If && k < s->body.n; k++)
            is_guard |= s->body.stmt[k]->kind == NS_Assign && s->body.stmt[k]->var == v && !acc_reads(st, s->body.stmt[k]->expr, v);
        if (!is_guard && !(s->kind == NS_Assign && match_beside(st, loop, s, v, all.cmp, companion)))
            return false;
    }
    if (!acc_list(st, loop, use)) {
        *no_memory = true;
        return false;
    }
    use->blame_write = use->blame_read = first;
    use->red = all.kind;
    use->cmp = all.cmp;
    use->negates = all.negates;
    use->term = all.term;
    use->is_ordered = (all.kind == RK_Sum || all.kind == RK_Prod) && v->rep >= DT_F32;
    return true;
}
