/* jit/cpu/emit_lane.c — lanes: what is alike in all of them, what grows by a constant from one to the next, and what can be
 * done in lanes at all.
 *
 * In lanes each statement of a loop's body is carried out for `lanes` iterations at once, before the next statement.  That is
 * a legal order for a loop whose iterations are independent: nothing flows between lanes, and in a lane everything stays in
 * order.  Loops inside run once for all lanes, so their bounds must be alike; an If whose condition differs is carried out on
 * both ways with masks.
 *
 * Kinds of variables are found by iteration: all begin as alike, and grow (alike, linear, varying) until every assignment
 * agrees. */
#include <string.h>

#include "jit/cpu/emit.h"

enum { NODES = 200 };           /* of the expressions of a body; larger ones are not done in lanes */

/* ---- kinds of expressions ---------------------------------------------------------------------------------------------- */

static const Lane lane_same = { LANE_Same, 0 }, lane_varying = { LANE_Varying, 0 };

static Lane linear(int64_t step)
{
    return step ? (Lane){ LANE_Linear, step } : lane_same;
}

static Lane counter_lane(const Emit *e, const NLoop *l)
{
    for (uint32_t k = 0; k < e->lane_loop->n_src; k++)
        if (e->lane_loop->src[k] == l)
            return linear(1);
    return lane_same;
}

static bool scaled(int64_t step, const NExpr *by, int64_t *out)
{
    return by->op == NOP_Const && !__builtin_mul_overflow(step, by->u.i, out);
}

/* Sums and constant multiples of linear int64 values are linear; the step is exact modulo 2**64, which is how addresses are
 * computed. */
static Lane arithmetic_lane(Emit *e, const NExpr *x, Lane a, Lane b)
{
    int64_t step;
    if (x->rep != DT_I64 || emit_check_needed(e, x->check) || a.kind == LANE_Varying || b.kind == LANE_Varying)
        return lane_varying;
    switch ((NOp)x->op) {
    case NOP_Add: return __builtin_add_overflow(a.step, b.step, &step) ? lane_varying : linear(step);
    case NOP_Sub: return __builtin_sub_overflow(a.step, b.step, &step) ? lane_varying : linear(step);
    case NOP_Mul:
        if (a.kind == LANE_Linear ? b.kind == LANE_Same && scaled(a.step, x->b, &step) : scaled(b.step, x->a, &step))
            return linear(step);
        return lane_varying;
    default:
        return lane_varying;
    }
}

static Lane find_lane(Emit *e, const NExpr *x)
{
    const NExpr *const operand[] = { x->a, x->b, x->c };
    Lane lane[3] = { lane_same, lane_same, lane_same };
    bool all_same = true;
    switch ((NOp)x->op) {
    case NOP_Const: case NOP_Extent:
        return lane_same;
    case NOP_Var:
        return e->var_lane[x->u.var->id].kind == LANE_Unknown ? lane_same : e->var_lane[x->u.var->id];
    case NOP_Counter:
        return counter_lane(e, x->u.loop);
    case NOP_Load:
        for (uint32_t d = 0; d < x->u.access->n_subs; d++)
            all_same &= emit_lane_of(e, x->u.access->sub[d]).kind == LANE_Same;
        return all_same ? lane_same : lane_varying;
    default:
        break;
    }
    for (int k = 0; k < 3 && operand[k]; k++) {
        lane[k] = emit_lane_of(e, operand[k]);
        all_same &= lane[k].kind == LANE_Same;
    }
    return all_same ? lane_same : arithmetic_lane(e, x, lane[0], lane[1]);
}

Lane emit_lane_of(Emit *e, const NExpr *x)
{
    Lane *l = &e->expr_lane[x->id];
    if (l->kind == LANE_Unknown)
        *l = find_lane(e, x);
    return *l;
}

/* ---- walks ------------------------------------------------------------------------------------------------------------- */

/* What is done to each statement of a body, in order; masked: it may run for some lanes only.  False ends the walk. */
typedef struct Walk {
    Emit *e;
    bool (*stmt)(struct Walk *w, const NStmt *s, bool masked);
    bool (*loop)(struct Walk *w, const PItem *item, bool masked);
    const PItem *item;          /* where the walk began */
    bool  changed;
    uint32_t budget;
} Walk;

static bool walk_stmts(Walk *w, const NBlock *b, bool masked)
{
    for (uint32_t i = 0; i < b->n; i++) {
        const NStmt *s = b->stmt[i];
        if (!w->stmt(w, s, masked))
            return false;
        if (s->kind != NS_If)
            continue;
        bool inside = masked || emit_lane_of(w->e, s->expr).kind != LANE_Same;
        if (!walk_stmts(w, &s->body, inside) || !walk_stmts(w, &s->orelse, inside))
            return false;
    }
    return true;
}

static bool walk_items(Walk *w, PItem *const *items, uint32_t n, bool masked)
{
    for (uint32_t i = 0; i < n; i++) {
        NStmt *one = items[i]->stmt;
        NBlock alone = { 1, &one };
        if (items[i]->kind == PI_Stmt ? !walk_stmts(w, &alone, masked)
                                      : !w->loop(w, items[i], masked) || !walk_items(w, items[i]->body, items[i]->n_body, masked))
            return false;
    }
    return true;
}

/* ---- kinds of variables ------------------------------------------------------------------------------------------------ */

static bool mark_assigned(Walk *w, const NStmt *s, bool masked)
{
    Lane *l = w->e->var_lane;
    if (s->kind == NS_Assign)
        l[s->var->id] = lane_same;
    return true;
}

static bool pass_loop(Walk *w, const PItem *item, bool masked)
{
    return true;
}

/* Is the variable's value wanted behind the loop, although not every iteration assigns it? */
static bool is_uncertain_last(const PLoop *l, const NVar *v)
{
    for (uint32_t i = 0; i < l->n_last; i++)
        if (l->last[i]->var == v)
            return !l->last[i]->always_assigned;
    return false;
}

typedef struct Agree { Walk walk; const NVar *var; Lane lane; } Agree;

static bool agrees(Walk *w, const NStmt *s, bool masked)
{
    const Agree *a = (const Agree *)w;
    if (s->kind != NS_Assign || s->var != a->var)
        return true;
    Lane l = emit_lane_of(w->e, s->expr);
    return !masked && l.kind == a->lane.kind && l.step == a->lane.step;
}

/* Is the variable the same linear function of the lane wherever the body assigns it? */
static bool all_agree(const Walk *w, const NVar *v, Lane lane)
{
    Agree a = { { .e = w->e, .stmt = agrees, .loop = pass_loop, .item = w->item }, v, lane };
    return walk_items(&a.walk, w->item->body, w->item->n_body, false);
}

static bool grow_kind(Walk *w, const NStmt *s, bool masked)
{
    if (s->kind != NS_Assign)
        return true;
    Lane *old = &w->e->var_lane[s->var->id], new = emit_lane_of(w->e, s->expr);
    if (old->kind == LANE_Varying || (new.kind == old->kind && new.step == old->step && !masked))
        return true;
    /* Several assignments that disagree, or one that some lanes skip, make a vector of it. */
    bool can_be_linear = old->kind == LANE_Same && new.kind == LANE_Linear && !masked && s->var->rep == s->expr->rep;
    bool is_linear = can_be_linear && all_agree(w, s->var, new) && !is_uncertain_last(w->e->lane_loop, s->var);
    *old = is_linear ? new : lane_varying;
    w->changed = true;
    return true;
}

static void find_kinds(Emit *e, const PItem *item)
{
    const PLoop *l = item->loop;
    Walk w = { .e = e, .stmt = mark_assigned, .loop = pass_loop, .item = item };
    memset(e->var_lane, 0, e->nest->n_vars * sizeof *e->var_lane);
    memset(e->expr_lane, 0, e->nest->n_exprs * sizeof *e->expr_lane);
    walk_items(&w, item->body, item->n_body, false);
    for (uint32_t i = 0; i < l->n_red; i++)
        e->var_lane[l->red[i].use->var->id] = lane_varying;
    w.stmt = grow_kind;
    do {
        w.changed = false;
        memset(e->expr_lane, 0, e->nest->n_exprs * sizeof *e->expr_lane);
        walk_items(&w, item->body, item->n_body, false);
    } while (w.changed);
}

/* ---- what can be done -------------------------------------------------------------------------------------------------- */

static bool is_wide(Walk *w, const NExpr *x, bool masked)
{
    Emit *e = w->e;
    if (!x || (!masked && emit_lane_of(e, x).kind == LANE_Same))
        return true;
    if (w->budget == 0 || !emit_is_wide_op(e, x))
        return false;
    w->budget--;
    if (x->op == NOP_Load) {
        for (uint32_t d = 0; d < x->u.access->n_subs; d++)
            if (!is_wide(w, x->u.access->sub[d], masked))
                return false;
        return true;
    }
    bool way = masked || x->op == NOP_AndAlso || x->op == NOP_OrElse || x->op == NOP_Select;
    return is_wide(w, x->a, masked) && is_wide(w, x->b, way) && is_wide(w, x->c, way);
}

static bool can_stmt(Walk *w, const NStmt *s, bool masked)
{
    switch ((NStmtKind)s->kind) {
    case NS_Store:
        for (uint32_t d = 0; d < s->access->n_subs; d++)
            if (!is_wide(w, s->access->sub[d], masked))
                return false;
        return is_wide(w, s->expr, masked);
    case NS_Assign:
        /* All lanes assign it or none: then the last lane has the last value. */
        return !(masked && is_uncertain_last(w->e->lane_loop, s->var)) && is_wide(w, s->expr, masked);
    case NS_If: case NS_Check:
        return is_wide(w, s->expr, masked);
    default:
        return false;
    }
}

/* A loop inside runs once for all lanes. */
static bool can_loop(Walk *w, const PItem *item, bool masked)
{
    const PLoop *l = item->loop;
    if (item->kind != PI_Loop || masked || l->n_save || l->n_restore || l->src[0]->has_exit ||
        (emit_n_ordered(l) && !w->e->in_program_order))
        return false;
    for (uint32_t i = 0; i < l->n_lower + l->n_upper; i++) {
        const NForm *f = i < l->n_lower ? l->lower[i].form : l->upper[i - l->n_lower].form;
        for (uint32_t t = 0; t < f->n; t++)
            if (f->term[t].loop && counter_lane(w->e, f->term[t].loop).kind != LANE_Same)
                return false;
    }
    if (l->n_upper)
        return true;
    return emit_lane_of(w->e, l->src[0]->trip).kind == LANE_Same && emit_lane_of(w->e, l->src[0]->step).kind == LANE_Same;
}

static bool is_summable(RedKind k)
{
    return k == RK_Sum || k == RK_Prod || k == RK_And || k == RK_Or || k == RK_Xor;
}

static bool can_lanes(Emit *e, const PItem *item, bool reductions)
{
    const PLoop *l = item->loop;
    Walk w = { .e = e, .stmt = can_stmt, .loop = can_loop, .budget = NODES };
    if (l->n_save || l->n_restore || l->src[0]->has_exit || (!reductions && l->n_red))
        return false;
    for (uint32_t i = 0; i < l->n_red; i++)
        if (!is_summable(l->red[i].use->red))
            return false;
    return walk_items(&w, item->body, item->n_body, false);
}

bool emit_lanes_begin(Emit *e, const PItem *item, int lanes, bool reductions)
{
    if (e->lanes)
        return false;
    emit_forget(e, 0);
    e->lane_loop = item->loop;
    find_kinds(e, item);
    if (!can_lanes(e, item, reductions))
        return false;
    memset(e->f->wide, 0, MAX_ROWS * e->nest->n_vars * sizeof *e->f->wide);
    e->lanes = lanes;
    e->mask = NULL;
    return true;
}

void emit_lanes_look(Emit *e, const PItem *item)
{
    emit_forget(e, 0);
    e->lane_loop = item->loop;
    find_kinds(e, item);
}

void emit_lanes_end(Emit *e)
{
    emit_forget(e, 0);
    e->lanes = 0;
    e->mask = NULL;
}

/* Without masks in the instruction set LLVM makes a branch for each lane; elements of fewer than four bytes have them in a few
 * sets only.  What was stored under a mask is loaded again only after it has reached the cache, so loops inside must keep what
 * they accumulate in registers. */
bool emit_has_tails(const Emit *e, const PItem *item)
{
    for (uint32_t i = 0; i < item->n_body; i++)
        if (item->body[i]->kind == PI_Loop && !emit_keeps_stores(e, item->body[i]))
            return false;
    for (uint32_t i = 0; i < e->nest->n_arrays; i++)
        if (e->nest->arrays[i]->dtype == DT_Bool || emit_size((DType)e->nest->arrays[i]->dtype) < 4)
            return false;
    return e->vector_bits >= 256;
}

void emit_tail_begin(Emit *e, LLVMValueRef n)
{
    emit_forget(e, 0);
    e->width = e->lanes;
    e->tail = LLVMBuildICmp(e->b, LLVMIntULT, emit_iota(e), emit_splat(e, n), "tail");
    e->width = 1;
    e->mask = e->tail;
    e->tail_lanes = n;
}

void emit_tail_end(Emit *e)
{
    emit_forget(e, 0);
    e->tail = e->mask = e->tail_lanes = NULL;
}

void emit_lanes_first(Emit *e)
{
    const PLoop *l = e->lane_loop;
    for (uint32_t i = 0; i < l->n_last; i++) {
        const NVar *v = l->last[i]->var;
        if (l->last[i]->always_assigned || e->var_lane[v->id].kind != LANE_Varying)
            continue;
        Val x = emit_get_var(e, v);
        e->width = e->lanes;
        emit_fill_var(e, v, emit_splat_val(e, x));
        e->width = 1;
    }
}

void emit_lanes_last(Emit *e)
{
    const PLoop *l = e->lane_loop;
    LLVMValueRef end = e->tail ? e->tail_lanes : emit_int(e, e->lanes);
    LLVMValueRef at = LLVMBuildNSWSub(e->b, end, emit_int(e, 1), "");
    for (uint32_t i = 0; i < l->n_last; i++) {
        const NVar *v = l->last[i]->var;
        Lane lane = e->var_lane[v->id];
        if (lane.kind == LANE_Linear) {
            Val x = emit_get_var(e, v);
            x.re = LLVMBuildAdd(e->b, x.re, LLVMBuildMul(e->b, at, emit_int(e, lane.step), ""), "");
            emit_fill_var(e, v, x);
        } else if (lane.kind == LANE_Varying) {
            e->width = e->lanes;
            Val x = emit_get_var(e, v);
            e->width = 1;
            x.re = LLVMBuildExtractElement(e->b, x.re, at, "");
            if (x.im)
                x.im = LLVMBuildExtractElement(e->b, x.im, at, "");
            emit_fill_var(e, v, x);
        }
    }
}

/* ---- are lanes worth it? ----------------------------------------------------------------------------------------------- */

static bool is_smooth_access(Emit *e, const NAccess *a)
{
    int64_t step = 0;
    for (uint32_t d = 0; d < a->n_subs; d++) {
        Lane l = emit_lane_of(e, a->sub[d]);
        uint8_t stride = e->opt->layout.stride[a->array->id * ALP_MAX_NDIM + d];
        if (l.kind == LANE_Same || stride == LAYOUT_ZERO)
            continue;
        if (l.kind == LANE_Varying || stride != LAYOUT_UNIT || (l.step != 1 && l.step != -1) || step)
            return false;
        step = l.step;
    }
    return true;
}

static bool is_smooth(Emit *e, const NExpr *x, int *budget)
{
    if (!x)
        return true;
    if (--*budget < 0)
        return false;
    if (x->op == NOP_Load)
        return is_smooth_access(e, x->u.access);
    return is_smooth(e, x->a, budget) && is_smooth(e, x->b, budget) && is_smooth(e, x->c, budget);
}

static bool smooth_stmt(Walk *w, const NStmt *s, bool masked)
{
    int budget = NODES;
    return is_smooth(w->e, s->expr, &budget) && (s->kind != NS_Store || is_smooth_access(w->e, s->access));
}

bool emit_lanes_are_smooth(Emit *e, const PItem *item)
{
    Walk w = { .e = e, .stmt = smooth_stmt, .loop = pass_loop };
    for (uint32_t i = 0; i < item->n_body; i++)
        if (item->body[i]->kind != PI_Stmt && !walk_items(&w, &item->body[i], 1, false))
            return false;
    return true;
}

static bool expr_may_raise(const Emit *e, const NExpr *x, int *budget)
{
    if (!x || --*budget < 0)
        return false;
    if ((x->op == NOP_Fun || x->op == NOP_Pow) && emit_is_float((DType)x->rep) && emit_check_needed(e, x->check))
        return true;
    return expr_may_raise(e, x->a, budget) || expr_may_raise(e, x->b, budget) || expr_may_raise(e, x->c, budget);
}

static bool may_raise_stmt(Walk *w, const NStmt *s, bool masked)
{
    int budget = NODES;
    return !(s->expr && expr_may_raise(w->e, s->expr, &budget));
}

/* Does it call elementary functions that may raise?  LLVM makes no vector code of a loop that it might leave in the middle. */
static bool has_raising_function(Emit *e, const PItem *item)
{
    Walk w = { .e = e, .stmt = may_raise_stmt, .loop = pass_loop };
    return e->links_functions && e->vector_bits >= 256 && !walk_items(&w, item->body, item->n_body, true);
}

bool emit_likes_lanes(Emit *e, const PItem *item)
{
    if (!(emit_has_loops(item->body, item->n_body) || has_raising_function(e, item)) ||
        !emit_lanes_begin(e, item, emit_best_lanes(e, item), false))
        return false;
    bool smooth = emit_lanes_are_smooth(e, item);
    emit_lanes_end(e);
    return smooth;
}

static bool has_near_load(Emit *e, const NExpr *x, int *budget)
{
    if (!x || --*budget < 0)
        return false;
    if (x->op == NOP_Load)
        return emit_lane_of(e, x).kind == LANE_Same || is_smooth_access(e, x->u.access);
    return has_near_load(e, x->a, budget) || has_near_load(e, x->b, budget) || has_near_load(e, x->c, budget);
}

bool emit_has_shared_load(Emit *e, const PItem *item)
{
    for (uint32_t i = 0; i < item->n_body; i++) {
        const PItem *x = item->body[i];
        int budget = NODES;
        for (uint32_t k = 0; x->kind == PI_Loop && k < x->n_body; k++)
            if (x->body[k]->kind == PI_Stmt && has_near_load(e, x->body[k]->stmt->expr, &budget))
                return true;
        if (x->kind == PI_Loop && emit_has_shared_load(e, x))
            return true;
    }
    return false;
}
