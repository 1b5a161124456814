/* jit/plan/range.c — intervals of integer expressions (guards_int.h).
 *
 * An expression with an affine form has the extremes of the form.  Else its operator is applied to intervals.  Where the operator is checked
 * (Python's integers) the result is what fits, as anything else fails the check; where it wraps (NumPy's), the interval is kept if all of it
 * fits, and is that of the type otherwise.
 *
 * Variables, whatever the order of statements: the join of what they are on entry and of everything assigned to them; `v = x if c else v`
 * assigns x.  Accumulations are counted: v = v + e adds at most (number of executions) * max(e, 0), where the number is the product of the
 * trips of the loops around, out to a loop that assigns v afresh in each iteration.  Partial sums that begin with 0 are covered too, in
 * any order.  What else reads v to compute v (v = (a * v + c) % m) is taken with v unknown: the interval found is then one that
 * the assignment keeps, whatever v was. */
#include "jit/plan/guards_int.h"

enum { MAX_VAR_DEPTH = 100 };   /* variables that depend on variables; beyond, a variable is unknown */

#define WIDE_I64_MIN ((Wide)INT64_MIN)
#define WIDE_I64_MAX ((Wide)INT64_MAX)

bool range_of_rep(DType d, Interval *out)
{
    int64_t lo;
    uint64_t hi;
    if (d == DT_Bool) {
        *out = (Interval){ 0, 1 };
        return true;
    }
    if (!dtype_int_range(d, &lo, &hi))
        return false;
    *out = (Interval){ lo, (Wide)hi };
    return true;
}

static Interval join(Interval x, Interval y)
{
    return (Interval){ x.lo < y.lo ? x.lo : y.lo, x.hi > y.hi ? x.hi : y.hi };
}

static bool is_within(Interval x, Interval outer)
{
    return x.lo >= outer.lo && x.hi <= outer.hi;
}

static Interval whole(DType d)
{
    Interval r = { WIDE_I64_MIN, WIDE_I64_MAX };
    range_of_rep(d, &r);
    return r;
}

/* ---- operators ------------------------------------------------------------------------------------------------------------------- */

static bool multiply(Interval x, Interval y, Interval *out)
{
    Wide p[4];
    if (__builtin_mul_overflow(x.lo, y.lo, &p[0]) || __builtin_mul_overflow(x.lo, y.hi, &p[1]) ||
        __builtin_mul_overflow(x.hi, y.lo, &p[2]) || __builtin_mul_overflow(x.hi, y.hi, &p[3]))
        return false;
    *out = (Interval){ p[0], p[0] };
    for (int i = 1; i < 4; i++)
        *out = join(*out, (Interval){ p[i], p[i] });
    return true;
}

static Wide floor_divide(Wide x, Wide y)
{
    Wide q = x / y;
    return q - (q * y != x && (x < 0) != (y < 0));
}

/* Divisors of one sign. */
static Interval divide_by(Interval x, Interval y)
{
    Interval r = { floor_divide(x.lo, y.lo), floor_divide(x.lo, y.lo) };
    const Wide q[3] = { floor_divide(x.lo, y.hi), floor_divide(x.hi, y.lo), floor_divide(x.hi, y.hi) };
    for (int i = 0; i < 3; i++)
        r = join(r, (Interval){ q[i], q[i] });
    return r;
}

/* x // y of NumPy is 0 for y == 0; Python's fails. */
static Interval floor_div_range(Interval x, Interval y)
{
    Interval r = { 0, 0 };
    bool some = y.lo <= 0 && y.hi >= 0;
    if (y.hi >= 1) {
        Interval q = divide_by(x, (Interval){ y.lo >= 1 ? y.lo : 1, y.hi });
        r = some ? join(r, q) : q;
        some = true;
    }
    if (y.lo <= -1) {
        Interval q = divide_by(x, (Interval){ y.lo, y.hi <= -1 ? y.hi : -1 });
        r = some ? join(r, q) : q;
    }
    return r;
}

/* The remainder has the divisor's sign. */
static Interval mod_range(Interval x, Interval y)
{
    if (y.lo >= 1 && x.lo >= 0 && x.hi < y.lo)
        return x;
    Interval r = { y.lo < 0 ? y.lo + 1 : 0, y.hi > 0 ? y.hi - 1 : 0 };
    if (y.lo >= 0 && x.lo >= 0 && x.hi < r.hi)
        r.hi = x.hi;
    return r;
}

static bool power_range(Interval x, Interval n, Interval *out)
{
    Wide most = x.hi > -x.lo ? x.hi : -x.lo, p = 1;
    if (n.lo < 0 || (n.hi > 128 && most > 1))
        return false;
    for (Wide k = 0; k < n.hi && most > 1; k++)
        if (__builtin_mul_overflow(p, most, &p))
            return false;
    *out = (Interval){ x.lo < 0 ? -p : 0, p };
    return true;
}

static bool shift_left_range(Interval x, Interval n, Interval *out)
{
    if (n.lo < 0 || n.hi > 62)
        return false;
    return multiply(x, (Interval){ (Wide)1 << (int)n.lo, (Wide)1 << (int)n.hi }, out);
}

/* The least 2^k - 1 that is not less than x. */
static Wide all_ones(Wide x)
{
    Wide r = 0;
    while (r < x)
        r = 2 * r + 1;
    return r;
}

/* Two's complement operands: the result has no more bits than the longer of them. */
static Interval bits_range(NOp op, Interval x, Interval y)
{
    if (op == NOP_And && (x.lo >= 0 || y.lo >= 0)) {
        Wide hi = x.lo < 0 ? y.hi : y.lo < 0 ? x.hi : x.hi < y.hi ? x.hi : y.hi;
        return (Interval){ 0, hi };
    }
    Wide most = x.hi > y.hi ? x.hi : y.hi, least = x.lo < y.lo ? x.lo : y.lo;
    Wide ones = all_ones(most > -(least + 1) ? most : -(least + 1));
    return (Interval){ least < 0 ? -ones - 1 : 0, ones };
}

static bool exact_binary(NOp op, Interval x, Interval y, Interval *out)
{
    switch (op) {
    case NOP_Add: *out = (Interval){ x.lo + y.lo, x.hi + y.hi }; return true;
    case NOP_Sub: *out = (Interval){ x.lo - y.hi, x.hi - y.lo }; return true;
    case NOP_Mul: return multiply(x, y, out);
    case NOP_FloorDiv: *out = floor_div_range(x, y); return true;
    case NOP_Mod: *out = mod_range(x, y); return true;
    case NOP_Pow: return power_range(x, y, out);
    case NOP_And: case NOP_Or: case NOP_Xor: *out = bits_range(op, x, y); return true;
    case NOP_Shl: return shift_left_range(x, y, out);
    case NOP_Shr: {
        if (y.lo < 0)
            return false;
        int least = y.lo > 64 ? 64 : (int)y.lo, most = y.hi > 64 ? 64 : (int)y.hi;
        *out = join((Interval){ x.lo >> least, x.hi >> least }, (Interval){ x.lo >> most, x.hi >> most });
        return true;
    }
    case NOP_NpMin: *out = (Interval){ x.lo < y.lo ? x.lo : y.lo, x.hi < y.hi ? x.hi : y.hi }; return true;
    case NOP_NpMax: *out = (Interval){ x.lo > y.lo ? x.lo : y.lo, x.hi > y.hi ? x.hi : y.hi }; return true;
    default: return false;
    }
}

bool range_exact(Guards *g, const NExpr *e, Space *s, Interval *out)
{
    Interval x;
    if (!range_of_rep((DType)e->rep, &x) || !e->a || !range_of_rep((DType)e->a->rep, &x))
        return false;
    switch ((NOp)e->op) {
    case NOP_Neg:
        x = range_of(g, e->a, s);
        *out = (Interval){ -x.hi, -x.lo };
        return true;
    case NOP_Invert:
        x = range_of(g, e->a, s);
        *out = (Interval){ -x.hi - 1, -x.lo - 1 };
        return e->rep != DT_Bool;
    case NOP_Abs:
        x = range_of(g, e->a, s);
        *out = x.lo >= 0 ? x : x.hi <= 0 ? (Interval){ -x.hi, -x.lo } : (Interval){ 0, x.hi > -x.lo ? x.hi : -x.lo };
        return true;
    case NOP_Cast:
        *out = range_of(g, e->a, s);
        return true;
    case NOP_Select:
        *out = join(range_of(g, e->b, s), range_of(g, e->c, s));
        return true;
    case NOP_Add: case NOP_Sub: case NOP_Mul: case NOP_FloorDiv: case NOP_Mod: case NOP_Pow: case NOP_And: case NOP_Or: case NOP_Xor:
    case NOP_Shl: case NOP_Shr: case NOP_NpMin: case NOP_NpMax:
        return exact_binary((NOp)e->op, range_of(g, e->a, s), range_of(g, e->b, s), out);
    default:
        return false;
    }
}

/* ---- variables ------------------------------------------------------------------------------------------------------------------- */

/* What a choice that may keep v can give it beside v itself; false: nothing. */
static bool choices(Guards *g, const NExpr *e, const NVar *v, Space *s, Interval *out)
{
    Interval x, y;
    bool has_x, has_y;
    switch ((NOp)e->op) {
    case NOP_Var:
        if (e->u.var == v)
            return false;
        break;
    case NOP_Cast:
        if (e->rep == e->a->rep)
            return choices(g, e->a, v, s, out);
        break;
    case NOP_Select: case NOP_NpMin: case NOP_NpMax:
        has_x = choices(g, e->op == NOP_Select ? e->c : e->a, v, s, &x);
        has_y = choices(g, e->b, v, s, &y);
        *out = has_x && has_y ? join(x, y) : has_x ? x : y;
        return has_x || has_y;
    default:
        break;
    }
    *out = range_of(g, e, s);
    return true;
}

static bool reads_var(const NExpr *e, const NVar *v, int depth)
{
    if (!e || depth > 8)
        return e != NULL;       /* too deep to look: as if it did */
    if (e->op == NOP_Var)
        return e->u.var == v;
    if (e->op == NOP_Load)
        for (uint32_t d = 0; d < e->u.access->n_subs; d++)
            if (reads_var(e->u.access->sub[d], v, depth + 1))
                return true;
    return reads_var(e->a, v, depth + 1) || reads_var(e->b, v, depth + 1) || reads_var(e->c, v, depth + 1);
}

/* e is v plus something: what? */
static bool increment(Guards *g, const NExpr *e, const NVar *v, Space *s, Interval *out)
{
    Interval x, y;
    switch ((NOp)e->op) {
    case NOP_Var:
        *out = (Interval){ 0, 0 };
        return e->u.var == v;
    case NOP_Cast:
        return e->rep == e->a->rep && increment(g, e->a, v, s, out);
    case NOP_Add: case NOP_Sub: {
        bool in_a = reads_var(e->a, v, 0), in_b = reads_var(e->b, v, 0);
        if (in_a == in_b || (in_b && e->op == NOP_Sub) || !increment(g, in_a ? e->a : e->b, v, s, &x))
            return false;
        y = range_of(g, in_a ? e->b : e->a, s);
        return exact_binary((NOp)e->op, x, y, out);
    }
    case NOP_Select:
        if (reads_var(e->a, v, 0) || !increment(g, e->b, v, s, &x) || !increment(g, e->c, v, s, &y))
            return false;
        *out = join(x, y);
        return true;
    default:
        return false;
    }
}

/* How often a statement can run between two iterations of loops that assign v afresh; false: unknown. */
static bool count_runs(Guards *g, const NStmt *stmt, const NVar *v, Wide *out)
{
    Wide n = 1;
    for (const NLoop *l = stmt->loop_in; l; l = l->up) {
        const VarUse *use = scalars_find(&g->scalars[l->id], v);
        int64_t trip;
        if (use && (use->cls == VC_Private || use->cls == VC_Set))
            break;
        if (l->is_while || !space_max_trip(guards_space(g, g->space_in[l->id]), (int)l->depth, &trip) ||
            __builtin_mul_overflow(n, trip < 0 ? (Wide)0 : (Wide)trip, &n) || n > WIDE_I64_MAX)
            return false;
    }
    *out = n;
    return true;
}

static Interval var_on_entry(const Guards *g, const NVar *v)
{
    int bits = facts_var_bits(g->facts, v);
    Interval r = whole((DType)v->rep);
    if (bits < 63) {
        Wide most = (Wide)1 << bits;
        r = (Interval){ r.lo > -most ? r.lo : -most, r.hi < most ? r.hi : most };
    }
    return r;
}

static Interval find_var_range(Guards *g, const NVar *v)
{
    Interval all = whole((DType)v->rep), base = { 0, 0 }, below_above = { 0, 0 };
    bool has_base = false, accumulates = false;
    if (v->assigned_tags == 0 || v->is_read_first) {
        base = var_on_entry(g, v);
        has_base = true;
    }
    for (const NStmt **w = g->writes[v->id]; *w; w++) {
        Space *s = guards_space(g, g->space_of[(*w)->id]);
        Interval r;
        Wide n, step_lo, step_hi;
        if (s->is_empty)
            continue;
        if (increment(g, (*w)->expr, v, s, &r)) {
            if (!count_runs(g, *w, v, &n) || __builtin_mul_overflow(n, r.lo < 0 ? r.lo : 0, &step_lo) ||
                __builtin_mul_overflow(n, r.hi > 0 ? r.hi : 0, &step_hi) || __builtin_add_overflow(below_above.lo, step_lo, &below_above.lo) ||
                __builtin_add_overflow(below_above.hi, step_hi, &below_above.hi))
                return all;
            accumulates = true;
        } else if (choices(g, (*w)->expr, v, s, &r)) {
            base = has_base ? join(base, r) : r;
            has_base = true;
        }
    }
    if (accumulates) {
        base = join(base, (Interval){ 0, 0 });
        if (__builtin_add_overflow(base.lo, below_above.lo, &base.lo) || __builtin_add_overflow(base.hi, below_above.hi, &base.hi))
            return all;
    }
    return is_within(base, all) ? base : all;
}

static Interval var_range(Guards *g, const NVar *v)
{
    VarRange *r = &g->var[v->id];
    if (r->epoch != g->epoch)
        r->state = VAR_Unknown;
    if (r->state == VAR_Unknown && g->depth < MAX_VAR_DEPTH) {
        r->epoch = g->epoch;
        r->state = VAR_Busy;
        g->depth++;
        r->range = find_var_range(g, v);
        r->state = VAR_Done;
        /* What was found on the way took this variable for unknown. */
        if (--g->depth == 0)
            g->memo_epoch++;
    }
    return r->state == VAR_Done ? r->range : whole((DType)v->rep);
}

/* ---- expressions ----------------------------------------------------------------------------------------------------------------- */

static bool by_form(const Guards *g, const NForm *form, const Space *s, Interval *out)
{
    Lin lin;
    int64_t lo, hi;
    if (!form || !lin_from_form(&lin, form, g->facts) || !space_extremes(s, &lin, &lo, &hi))
        return false;
    *out = (Interval){ lo, hi };
    return true;
}

/* A value that was computed for sure fits its representation. */
static Interval clip(Interval x, DType rep)
{
    Interval all = whole(rep);
    Interval r = { x.lo > all.lo ? x.lo : all.lo, x.hi < all.hi ? x.hi : all.hi };
    return r.lo <= r.hi ? r : all;
}

static Interval find_range(Guards *g, const NExpr *e, Space *s)
{
    Interval r, all = whole((DType)e->rep);
    if (by_form(g, e->form, s, &r))
        return clip(r, (DType)e->rep);
    switch ((NOp)e->op) {
    case NOP_Const:
        if (e->rep == DT_U64)
            return (Interval){ (Wide)e->u.u, (Wide)e->u.u };
        return (Interval){ e->u.i, e->u.i };
    case NOP_Var:
        return var_range(g, e->u.var);
    case NOP_Extent: {
        int64_t n = g->facts->array[e->u.extent.array->id].array->shape[e->u.extent.axis];
        return (Interval){ n, n };
    }
    case NOP_Counter: {
        int64_t trip;
        if (e->u.loop->is_while || !space_max_trip(guards_space(g, g->space_in[e->u.loop->id]), (int)e->u.loop->depth, &trip))
            return (Interval){ 0, WIDE_I64_MAX };
        return (Interval){ 0, trip > 0 ? trip - 1 : 0 };
    }
    default:
        break;
    }
    if (!range_exact(g, e, s, &r))
        return all;
    if (is_within(r, all))
        return r;
    /* Beyond the representation: a check fails, or it wraps. */
    return e->check != NO_CHECK && (e->flavour & NE_PY || e->op == NOP_Cast) ? clip(r, (DType)e->rep) : all;
}

Interval range_of(Guards *g, const NExpr *e, Space *s)
{
    RangeMemo *m = &g->memo[e->id];
    Interval r;
    if (!range_of_rep((DType)e->rep, &r))
        return whole(DT_I64);
    if (m->epoch == g->memo_epoch && m->space == s->id)
        return m->range;
    r = find_range(g, e, s);
    *m = (RangeMemo){ r, g->memo_epoch, s->id };
    return r;
}

bool range_is_nonzero(Guards *g, const NExpr *e, Space *s)
{
    Interval r;
    if (range_of_rep((DType)e->rep, &r)) {
        r = range_of(g, e, s);
        return r.lo > 0 || r.hi < 0;
    }
    switch ((NOp)e->op) {
    case NOP_Const:
        return e->rep == DT_C64 || e->rep == DT_C128 ? e->u.z[0] != 0 || e->u.z[1] != 0 : e->u.f != 0;
    case NOP_Neg: case NOP_Abs: case NOP_Conj:
        return range_is_nonzero(g, e->a, s);
    case NOP_Cast:
        /* No integer but 0, and no double that is not 0 but tiny, becomes a zero. */
        return range_of_rep((DType)e->a->rep, &r) ? range_is_nonzero(g, e->a, s) : e->rep >= e->a->rep && range_is_nonzero(g, e->a, s);
    case NOP_Select:
        return range_is_nonzero(g, e->b, s) && range_is_nonzero(g, e->c, s);
    default:
        return false;
    }
}

bool range_proves(Guards *g, const NExpr *e, Space *s)
{
    Interval x, y;
    while ((e->op == NOP_Truth || e->op == NOP_Cast) && e->a->rep == DT_Bool)
        e = e->a;
    switch ((NOp)e->op) {
    case NOP_Const:
        return e->rep == DT_Bool && e->u.u != 0;
    case NOP_AndAlso:
        return range_proves(g, e->a, s) && range_proves(g, e->b, s);
    case NOP_OrElse:
        return range_proves(g, e->a, s) || range_proves(g, e->b, s);
    case NOP_Eq: case NOP_Ne: case NOP_Lt: case NOP_Le: case NOP_Gt: case NOP_Ge:
        break;
    default:
        return false;
    }
    if (!range_of_rep((DType)e->a->rep, &x) || !range_of_rep((DType)e->b->rep, &y))
        return false;
    /* As one form first: i < n in terms of i - n. */
    Lin a, b;
    int64_t lo, hi;
    if (e->a->form && e->b->form && lin_from_form(&a, e->a->form, g->facts) && lin_from_form(&b, e->b->form, g->facts) &&
        lin_add_scaled(&a, &b, -1) && space_extremes(s, &a, &lo, &hi)) {
        x = (Interval){ lo, hi };
        y = (Interval){ 0, 0 };
    } else {
        x = range_of(g, e->a, s);
        y = range_of(g, e->b, s);
    }
    switch ((NOp)e->op) {
    case NOP_Eq: return x.lo == x.hi && y.lo == y.hi && x.lo == y.lo;
    case NOP_Ne: return x.hi < y.lo || y.hi < x.lo;
    case NOP_Lt: return x.hi < y.lo;
    case NOP_Le: return x.hi <= y.lo;
    case NOP_Gt: return x.lo > y.hi;
    default:     return x.lo >= y.hi;
    }
}
