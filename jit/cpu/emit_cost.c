/* jit/cpu/emit_cost.c — rough estimates, partly at compile time, partly by code in the kernel: how many simple operations does
 * a loop's body cost, and is that worth waking threads?  Weights are those of scalar code; being wrong by a factor of two does
 * not matter.
 *
 * Trip counts of loops inside are taken from their affine bounds, with counters of loops that are not running yet at half of
 * their way: so the estimate is right on average for triangular nests.  What is not affine counts as some. */
#include "jit/cpu/emit.h"

enum { COST_DIVIDE = 8, COST_FUNCTION = 40, COST_SLOW = 200, SOME_TRIPS = 16, TINY_COST = 2000, NODES = 500 };

/* ---- operations -------------------------------------------------------------------------------------------------------- */

/* budget: nodes left to look at; expressions are graphs, and a few hundred nodes say enough. */
static double expr_cost(const NExpr *x, int *budget)
{
    double cost = 0;
    if (!x || --*budget < 0)
        return 0;
    switch ((NOp)x->op) {
    case NOP_Const: case NOP_Var: case NOP_Counter: case NOP_Extent:
        return 0;
    case NOP_Load:
        for (uint32_t d = 0; d < x->u.access->n_subs; d++)
            cost += 0.5 * expr_cost(x->u.access->sub[d], budget);
        return cost + 1;
    case NOP_Div: case NOP_FloorDiv: case NOP_Mod: case NOP_IntDiv:
        cost = COST_DIVIDE;
        break;
    case NOP_Fun: case NOP_Pow:
        cost = COST_FUNCTION;
        break;
    case NOP_Generic:
        cost = COST_SLOW;
        break;
    default:
        cost = x->rep >= DT_C64 ? 4 : 1;
        break;
    }
    return cost + expr_cost(x->a, budget) + expr_cost(x->b, budget) + expr_cost(x->c, budget);
}

static double block_cost(const NBlock *b)
{
    double cost = 0;
    for (uint32_t i = 0; i < b->n; i++) {
        const NStmt *s = b->stmt[i];
        int budget = NODES;
        cost += expr_cost(s->expr, &budget) + (s->kind == NS_Store) + 0.5 * (block_cost(&s->body) + block_cost(&s->orelse));
        for (uint32_t d = 0; s->kind == NS_Store && d < s->access->n_subs; d++)
            cost += 0.5 * expr_cost(s->access->sub[d], &budget);
        if (s->kind == NS_Block)
            cost += 0.5 * block_cost(&s->body);
        if (s->kind == NS_Loop)
            cost += SOME_TRIPS * (2 + expr_cost(s->loop->test, &budget) + block_cost(&s->loop->body));
    }
    return cost;
}

/* ---- trip counts ------------------------------------------------------------------------------------------------------- */

static LLVMValueRef real(Emit *e, double v)
{
    return LLVMConstReal(e->f64, v);
}

static LLVMValueRef as_real(Emit *e, LLVMValueRef i)
{
    return LLVMBuildSIToFP(e->b, i, e->f64, "");
}

static bool is_known(const NSym *s)
{
    return s->expr || (s->factor[0] && is_known(s->factor[0]) && is_known(s->factor[1]));
}

static LLVMValueRef loop_trips(Emit *e, const NLoop *l, int depth);

/* NULL: not known. */
static LLVMValueRef form_cost(Emit *e, const NForm *f, int depth)
{
    LLVMValueRef sum = real(e, 0);
    for (uint32_t k = 0; k < f->n; k++) {
        const NTerm *t = &f->term[k];
        LLVMValueRef v = real(e, (double)t->coef);
        if (t->sym && !is_known(t->sym))
            return NULL;
        if (t->sym)
            v = LLVMBuildFMul(e->b, v, as_real(e, emit_symbol(e, t->sym)), "");
        if (t->loop) {
            LLVMValueRef c = e->f->counter[t->loop->id];
            c = c ? as_real(e, c) : LLVMBuildFMul(e->b, loop_trips(e, t->loop, depth + 1), real(e, 0.5), "");
            v = LLVMBuildFMul(e->b, v, c, "");
        }
        sum = LLVMBuildFAdd(e->b, sum, v, "");
    }
    return sum;
}

static LLVMValueRef loop_trips(Emit *e, const NLoop *l, int depth)
{
    if (l->is_while || depth > 4)
        return real(e, SOME_TRIPS);
    if (l->trip->op == NOP_Const)
        return real(e, (double)l->trip->u.i);
    if (!l->start_form || !(l->stop_form || l->n_stop_forms) || l->step_const == 0)
        return real(e, SOME_TRIPS);
    LLVMValueRef start = form_cost(e, l->start_form, depth),
                 stop = form_cost(e, l->stop_form ? l->stop_form : l->stop_forms[0], depth);
    if (!start || !stop)
        return real(e, SOME_TRIPS);
    LLVMValueRef n = LLVMBuildFMul(e->b, LLVMBuildFSub(e->b, stop, start, ""), real(e, 1.0 / (double)l->step_const), "");
    return LLVMBuildSelect(e->b, LLVMBuildFCmp(e->b, LLVMRealOGT, n, real(e, 0), ""), n, real(e, 0), "");
}

LLVMValueRef emit_cost(Emit *e, PItem *const *items, uint32_t n)
{
    LLVMValueRef sum = real(e, 1);
    for (uint32_t i = 0; i < n; i++) {
        const PItem *x = items[i];
        NStmt *one = x->stmt;
        LLVMValueRef cost;
        if (x->kind == PI_Stmt) {
            cost = real(e, block_cost(&(NBlock){ 1, &one }));
        } else if (x->kind == PI_Loop || x->kind == PI_While) {
            LLVMValueRef trips = x->kind == PI_While ? real(e, SOME_TRIPS) : loop_trips(e, x->loop->src[0], 0);
            cost = LLVMBuildFMul(e->b, trips, emit_cost(e, x->body, x->n_body), "");
        } else {
            cost = LLVMBuildFAdd(e->b, emit_cost(e, x->body, x->n_body), emit_cost(e, x->orelse, x->n_orelse), "");
        }
        sum = LLVMBuildFAdd(e->b, sum, cost, "");
    }
    return sum;
}

/* ---- shape ------------------------------------------------------------------------------------------------------------- */

static bool form_uses(const NForm *f, const PLoop *l)
{
    for (uint32_t t = 0; f && t < f->n; t++)
        for (uint32_t k = 0; k < l->n_src; k++)
            if (f->term[t].loop == l->src[k])
                return true;
    return false;
}

static bool block_has_jumps(const NBlock *b)
{
    for (uint32_t i = 0; i < b->n; i++) {
        const NStmt *s = b->stmt[i];
        if (s->kind == NS_Loop || s->kind == NS_Next || s->kind == NS_Leave || block_has_jumps(&s->body) ||
            block_has_jumps(&s->orelse))
            return true;
    }
    return false;
}

static bool varies_with(const PLoop *l, PItem *const *items, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        const PItem *x = items[i];
        NStmt *one = x->stmt;
        if (x->kind == PI_While || x->kind == PI_If || (x->kind == PI_Stmt && block_has_jumps(&(NBlock){ 1, &one })))
            return true;
        if (x->kind == PI_Loop) {
            const NLoop *s = x->loop->src[0];
            if (s->trip->op != NOP_Const &&
                (!s->start_form || !s->stop_form || form_uses(s->start_form, l) || form_uses(s->stop_form, l)))
                return true;
            for (uint32_t k = 0; k < x->loop->n_lower + x->loop->n_upper; k++)
                if (form_uses(k < x->loop->n_lower ? x->loop->lower[k].form : x->loop->upper[k - x->loop->n_lower].form, l))
                    return true;
        }
        if (varies_with(l, x->body, x->n_body))
            return true;
    }
    return false;
}

bool emit_is_uneven(const PItem *item)
{
    return varies_with(item->loop, item->body, item->n_body);
}

/* Cost of running items once, if it is known; negative: it is not. */
static double fixed_cost(PItem *const *items, uint32_t n)
{
    double sum = 1;
    for (uint32_t i = 0; i < n; i++) {
        const PItem *x = items[i];
        NStmt *one = x->stmt;
        double cost;
        if (x->kind == PI_Stmt) {
            if (block_has_jumps(&(NBlock){ 1, &one }))
                return -1;
            cost = block_cost(&(NBlock){ 1, &one });
        } else {
            double body = fixed_cost(x->body, x->n_body), other = fixed_cost(x->orelse, x->n_orelse), trips = 1;
            if (x->kind == PI_While || body < 0 || other < 0)
                return -1;
            if (x->kind == PI_Loop) {
                if (x->loop->src[0]->trip->op != NOP_Const)
                    return -1;
                trips = (double)x->loop->src[0]->trip->u.i;
            }
            cost = trips * body + other;
        }
        sum += cost;
    }
    return sum;
}

bool emit_is_tiny(const PItem *item)
{
    const NLoop *l = item->loop->src[0];
    double body = fixed_cost(item->body, item->n_body);
    return l->trip->op == NOP_Const && body >= 0 && body * (double)l->trip->u.i < TINY_COST;
}
