/* jit/cpu/emit_guard.c — checks taken out of loops.
 *
 * Subscripts that the guards could not prove, because a bound or an offset comes from memory (rows of a sparse matrix), are
 * tested in each iteration.  In an innermost loop those that grow by a constant are tested at its two ends instead: if both lie
 * inside, so does everything between, and the loop is made without these tests.  Otherwise (negative ones, which count from the
 * end, or a failure) there is a second loop with them.  Only what every iteration looks at counts: under a condition a
 * subscript may well lie outside where it is not used. */
#include "jit/cpu/emit.h"

enum { MAX_ENDS = 8, MAX_HEAD = 8, NODES = 200, MOST_STEP = 1 << 16 };

/* A subscript and how much it grows by iteration. */
typedef struct End { const NAccess *access; uint32_t dim; int64_t step; } End;
typedef struct Ends {
    Emit    *e;
    const PItem *item;
    End      end[MAX_ENDS];
    uint32_t n, n_head;                 /* statements at the top that cost nothing and look at no memory */
    int      budget;
} Ends;

static uint32_t count_in_block(const NBlock *b, const NVar *v)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < b->n; i++)
        n += (b->stmt[i]->kind == NS_Assign && b->stmt[i]->var == v) + count_in_block(&b->stmt[i]->body, v) +
             count_in_block(&b->stmt[i]->orelse, v) + (b->stmt[i]->loop ? count_in_block(&b->stmt[i]->loop->body, v) : 0);
    return n;
}

/* Assignments to the variable by the first n statements. */
static uint32_t count_assignments(const PItem *item, uint32_t n, const NVar *v)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < n; i++)
        count += count_in_block(&(NBlock){ 1, &item->body[i]->stmt }, v);
    return count;
}

/* Is it known in front of the loop, behind the head of its first iteration? */
static bool is_plain_sum(const Ends *s, const NExpr *x)
{
    uint32_t n;
    if (!x)
        return true;
    switch ((NOp)x->op) {
    case NOP_Const: case NOP_Counter: case NOP_Extent:
        return true;
    case NOP_Var:
        n = count_assignments(s->item, s->item->n_body, x->u.var);
        return n == 0 || (n == 1 && count_assignments(s->item, s->n_head, x->u.var) == 1);
    case NOP_Add: case NOP_Sub: case NOP_Mul:
        return x->rep == DT_I64 && !emit_check_needed(s->e, x->check) && is_plain_sum(s, x->a) && is_plain_sum(s, x->b);
    default:
        return false;
    }
}

static void find_in_access(Ends *s, const NAccess *a)
{
    Emit *e = s->e;
    for (uint32_t d = 0; d < a->n_subs; d++) {
        size_t at = a->id * ALP_MAX_NDIM + d;
        Lane l = emit_lane_of(e, a->sub[d]);
        if (e->plan->access_dim[at] != DM_Checked || e->is_inside[at] || !emit_check_needed(e, a->check[d]))
            continue;
        if (s->n < MAX_ENDS && l.kind != LANE_Varying && l.step <= MOST_STEP && l.step >= -MOST_STEP && is_plain_sum(s, a->sub[d]))
            s->end[s->n++] = (End){ a, d, l.kind == LANE_Linear ? l.step : 0 };
    }
}

static void find_in_expr(Ends *s, const NExpr *x)
{
    if (!x || --s->budget < 0)
        return;
    if (x->op == NOP_Load) {
        for (uint32_t d = 0; d < x->u.access->n_subs; d++)
            find_in_expr(s, x->u.access->sub[d]);
        find_in_access(s, x->u.access);
        return;
    }
    find_in_expr(s, x->a);
    if (x->op == NOP_AndAlso || x->op == NOP_OrElse || x->op == NOP_Select)
        return;
    find_in_expr(s, x->b);
    find_in_expr(s, x->c);
}

/* Subscripts of the body that all iterations compute. */
static bool find_ends(Ends *s)
{
    int budget = 50;
    bool reached = true;
    while (s->n_head < s->item->n_body && s->item->body[s->n_head]->stmt->kind == NS_Assign &&
           emit_is_cheap(s->e, s->item->body[s->n_head]->stmt->expr, &budget))
        s->n_head++;
    for (uint32_t i = 0; i < s->item->n_body && reached; i++) {
        const NStmt *x = s->item->body[i]->stmt;
        reached = x->kind == NS_Assign || x->kind == NS_Store;
        if (!reached)
            break;
        find_in_expr(s, x->expr);
        for (uint32_t d = 0; x->kind == NS_Store && d < x->access->n_subs; d++)
            find_in_expr(s, x->access->sub[d]);
        if (x->kind == NS_Store)
            find_in_access(s, x->access);
    }
    return s->n > 0;
}

/* Do both ends of all subscripts lie inside?  The head is carried out for that, and its variables restored. */
static LLVMValueRef are_inside(Ends *s, LLVMValueRef first, LLVMValueRef end)
{
    Emit *e = s->e;
    const NLoop *l = s->item->loop->src[0];
    LLVMValueRef outer = e->f->counter[l->id], n = LLVMBuildNSWSub(e->b, end, first, "");
    LLVMValueRef ok = LLVMBuildICmp(e->b, LLVMIntULT, n, emit_int(e, (int64_t)1 << 40), "");
    Val old[MAX_HEAD];
    for (uint32_t i = 0; i < s->n_head; i++)
        old[i] = emit_get_var(e, s->item->body[i]->stmt->var);
    e->f->counter[l->id] = first;
    emit_items(e, s->item->body, s->n_head);
    emit_forget(e, 0);
    for (uint32_t i = 0; i < s->n; i++) {
        const NAccess *a = s->end[i].access;
        LLVMValueRef from = emit_expr(e, a->sub[s->end[i].dim]).re, size = emit_array(e, a->array)->shape[s->end[i].dim];
        LLVMValueRef way = LLVMBuildMul(e->b, LLVMBuildSub(e->b, n, emit_int(e, 1), ""), emit_int(e, s->end[i].step), "");
        LLVMValueRef to = LLVMBuildAdd(e->b, from, way, "");
        ok = LLVMBuildAnd(e->b, ok, LLVMBuildICmp(e->b, LLVMIntULT, from, size, ""), "");
        ok = LLVMBuildAnd(e->b, ok, LLVMBuildICmp(e->b, LLVMIntULT, to, size, ""), "");
    }
    emit_forget(e, 0);
    for (uint32_t i = s->n_head; i-- > 0;)
        emit_fill_var(e, s->item->body[i]->stmt->var, old[i]);
    e->f->counter[l->id] = outer;
    return ok;
}

static void set_inside(const Ends *s, bool inside)
{
    for (uint32_t i = 0; i < s->n; i++)
        s->e->is_inside[s->end[i].access->id * ALP_MAX_NDIM + s->end[i].dim] = inside;
}

bool emit_guarded(Emit *e, const PItem *item, LLVMValueRef first, LLVMValueRef end,
                  void (*loop)(Emit *e, const PItem *item, LLVMValueRef first, LLVMValueRef end))
{
    Ends s = { .e = e, .item = item, .budget = NODES };
    if (e->lanes || e->rows || item->loop->n_src != 1 || item->loop->src[0]->has_exit || item->loop->n_save ||
        item->loop->n_restore)
        return false;
    for (uint32_t i = 0; i < item->n_body; i++)
        if (item->body[i]->kind != PI_Stmt)
            return false;
    emit_lanes_look(e, item);
    if (!find_ends(&s) || s.n_head > MAX_HEAD)
        return false;
    LLVMBasicBlockRef some = emit_new_block(e, "some"), inside = emit_new_block(e, "inside"), other = emit_new_block(e, "other"),
                      on = emit_new_block(e, "on");
    emit_if(e, LLVMBuildICmp(e->b, LLVMIntSLT, first, end, ""), some, on);
    emit_at(e, some);
    LLVMValueRef ok = are_inside(&s, first, end);
    emit_if(e, ok, inside, other);
    emit_at(e, inside);
    uint32_t n_cells = e->f->n_cells;   /* only one of the two runs: they have the same cells */
    set_inside(&s, true);
    loop(e, item, first, end);
    set_inside(&s, false);
    emit_goto(e, on);
    emit_at(e, other);
    e->f->n_cells = n_cells;
    e->is_rare = true;
    loop(e, item, first, end);
    e->is_rare = false;
    emit_goto(e, on);
    emit_at(e, on);
    return true;
}
