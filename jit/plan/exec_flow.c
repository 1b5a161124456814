/* jit/plan/exec_flow.c — statements, plan items and loops of the reference executor.
 *
 * Everything here runs in the order in which it stands; loops with accumulations, and all loops in random order, hand their
 * iterations to exec_tree.c.  Break, continue and return travel as results (Flow), with the statement that they aim at in
 * Run.target: so they cross levels of plan items as they cross statements. */
#include "jit/plan/exec_code.h"

#define ARGS const Code *c, Run *x

/* Iterations in random order; a longer loop could not end, but for a check that fails, and room for its chunks' results cannot be had. */
#define MOST_SHUFFLED ((int64_t)1 << 32)

/* ---- statements ------------------------------------------------------------------------------------------------------- */

#define ASSIGN(K, M, T) \
static Flow assign_##M(ARGS) \
{ \
    T v = c->a.code->fn.M(c->a.code, x); \
    if (UNLIKELY(x->stop)) \
        return FLOW_Stop; \
    c->u.var.slot->M = v; \
    return FLOW_On; \
} \
/* The value of another slot. */ \
static Flow assign_leaf_##M(ARGS) \
{ \
    c->u.var.slot->M = c->a.slot->M; \
    return FLOW_On; \
} \
/* Noting that it was assigned. */ \
static Flow assign_noted_##M(ARGS) \
{ \
    *c->u.var.assigned = 1; \
    return assign_##M(c, x); \
}
EACH_KIND(ASSIGN)
#undef ASSIGN
typedef enum AssignKind { AS_Plain, AS_Leaf, AS_Noted, AS_COUNT } AssignKind;
#define ROW(K, M, T) \
    [K] = { [AS_Plain] = { .run = assign_##M }, [AS_Leaf] = { .run = assign_leaf_##M }, [AS_Noted] = { .run = assign_noted_##M } },
static const CodeFn assign_fn[EK_COUNT][AS_COUNT] = { EACH_KIND(ROW) };
#undef ROW

Flow run_seq(const Seq *s, Run *x)
{
    for (uint32_t k = 0; k < s->n; k++) {
        Flow flow = s->code[k]->fn.run(s->code[k], x);
        if (UNLIKELY(flow != FLOW_On))
            return flow;
    }
    return FLOW_On;
}

static Flow run_if(ARGS)
{
    bool test = c->a.code->fn.i(c->a.code, x);
    if (UNLIKELY(x->stop))
        return FLOW_Stop;
    return run_seq(test ? c->u.branch.body : c->u.branch.orelse, x);
}

static Flow run_block(ARGS)
{
    Flow flow = run_seq(c->u.branch.body, x);
    return flow == FLOW_Leave && x->target == c->u.branch.stmt ? FLOW_On : flow;
}

static Flow run_leave(ARGS)
{
    x->target = c->u.stmt;
    return FLOW_Leave;
}

static Flow run_next(ARGS)
{
    x->target = c->u.stmt;
    return FLOW_Next;
}

static Flow run_check(ARGS)
{
    if (!c->a.code->fn.i(c->a.code, x))
        run_fail(x, c->check);
    return x->stop ? FLOW_Stop : FLOW_On;
}

/* The tag of the returned value: the only one it can have, or the one found with it. */
static Flow run_return(ARGS)
{
    const NExpr *e = c->u.stmt->expr;
    x->ret = V_NONE;
    if (e) {
        Slot s;
        switch (eval_kind((DType)e->rep)) {
#define CASE(K, M, T) case K: s.M = c->a.code->fn.M(c->a.code, x); break;
        EACH_KIND(CASE)
#undef CASE
        case EK_COUNT: break;
        }
        if (!x->stop)
            x->ret = slot_to_value(x->vm, &s, (DType)e->rep, (Tag)__builtin_ctz(e->tags));
        if (IS_ERR(x->ret)) {
            x->ret = V_NONE;
            run_raised(x, NO_CHECK);
        }
    }
    return x->stop ? FLOW_Stop : FLOW_Return;
}

/* Leaving a loop by a break is its normal end. */
static Flow after_loop(Flow flow, const NLoop *loop, Run *x)
{
    if (flow != FLOW_Leave || x->target != loop->stmt)
        return flow;
    if (loop == x->prog->nest->root)
        x->is_broke = true;
    return FLOW_On;
}

/* Its counter is for those who record; nothing in the nest reads it. */
static Flow run_while(ARGS)
{
    const NLoop *loop = c->u.branch.stmt->loop;
    int64_t *counter = &x->prog->counter[loop->id].i;
    for (*counter = 0;; ++*counter) {
        bool test = c->a.code->fn.i(c->a.code, x);
        if (UNLIKELY(x->stop || run_tick(x)))
            return FLOW_Stop;
        if (!test)
            break;
        if (loop == x->prog->nest->root)
            x->root_ran = true;
        Flow flow = run_seq(c->u.branch.body, x);
        if (UNLIKELY(flow != FLOW_On) && (flow != FLOW_Next || x->target != loop->stmt)) {
            *counter = -1;
            return after_loop(flow, loop, x);
        }
    }
    *counter = -1;
    return FLOW_On;
}

/* ---- For loops -------------------------------------------------------------------------------------------------------- */

/* The loop's body, counters set. */
static Flow loop_body(const LoopCode *l, Run *x)
{
    for (uint32_t g = 0; g < l->n_group; g++) {
        Flow flow = run_seq(&l->group[g].seq, x);
        if (UNLIKELY(flow != FLOW_On) && (flow != FLOW_Next || x->target != l->group[g].stmt))
            return flow;
    }
    return FLOW_On;
}

NOINLINE Flow loop_iteration_any(const LoopCode *l, Run *x, int64_t t)
{
    for (uint32_t k = 0; k < l->n_src; k++)
        l->counter[k]->i = t;
    for (uint32_t k = 0; k < l->n_restore; k++)
        *l->restore[k].var = l->restore[k].buffer->value[t];
    Flow flow = loop_body(l, x);
    if (flow == FLOW_Stop)
        return flow;
    for (uint32_t k = 0; k < l->n_save; k++)
        l->save[k].buffer->value[t] = *l->save[k].var;
    return run_tick(x) ? FLOW_Stop : flow;
}

/* Numbers of the symbols are the execution's; sums are exact where guards and planner did their work, and wrap elsewhere. */
static int64_t form_value(const NForm *f, const Slot *counter, const int64_t *sym)
{
    uint64_t sum = 0;
    for (uint32_t k = 0; k < f->n; k++) {
        const NTerm *t = &f->term[k];
        uint64_t v = (uint64_t)t->coef;
        if (t->loop)
            v *= counter[t->loop->id].u;
        if (t->sym)
            v *= (uint64_t)sym[t->sym->id];
        sum += v;
    }
    return (int64_t)sum;
}

static int64_t divide_up(int64_t a, int64_t b)
{
    return a / b + (a % b > 0);
}

void plan_bounds(const PLoop *p, const Slot *counter, const int64_t *sym, int64_t *first, int64_t *end)
{
    *first = 0;
    for (uint32_t k = 0; k < p->n_upper; k++) {
        int64_t v = divide_up(form_value(p->upper[k].form, counter, sym), p->upper[k].scale);
        if (k == 0 || v < *end)
            *end = v;
    }
    for (uint32_t k = 0; k < p->n_lower; k++) {
        int64_t v = divide_up(form_value(p->lower[k].form, counter, sym), p->lower[k].scale);
        if (v > *first)
            *first = v;
    }
}

/* Room for the values that this loop keeps of expanded variables. */
static bool make_buffers(const LoopCode *l, Run *x, int64_t end)
{
    for (uint32_t k = 0; k < l->n_save; k++) {
        ExpandBuffer *b = l->save[k].buffer;
        if (b->count >= end)
            continue;
        Slot *bigger = (uint64_t)end > SIZE_MAX / sizeof *bigger ? NULL
                     : mem_realloc(&x->vm->mem, b->value, (size_t)b->count * sizeof *bigger, (size_t)end * sizeof *bigger);
        if (!bigger) {
            raise_nomem(x->vm);
            run_raised(x, NO_CHECK);
            return false;
        }
        b->value = bigger;
        b->count = end;
    }
    return true;
}

static int64_t trip_count(const LoopCode *l, Run *x)
{
    if (l->step && l->step->fn.i(l->step, x) == 0)
        run_fail(x, l->step_check);
    return x->stop ? 0 : l->trip->fn.i(l->trip, x);
}

static Flow in_order(const LoopCode *l, Run *x, int64_t first, int64_t end)
{
    for (int64_t t = first; t < end; t++) {
        Flow flow = loop_iteration(l, x, t);
        if (UNLIKELY(flow != FLOW_On))
            return after_loop(flow, l->loop, x);
    }
    return FLOW_On;
}

static Flow run_loop(ARGS)
{
    const LoopCode *l = c->u.loop;
    const PLoop *p = l->plan;
    int64_t first = 0, end = 0;
    if (l->tells_root && !x->root_known) {
        x->root_ran = x->prog->root_trip->fn.i(x->prog->root_trip, x) > 0;
        x->root_known = true;
    }
    if (p && p->n_upper)
        plan_bounds(p, x->prog->counter, x->facts->sym, &first, &end);
    else
        end = trip_count(l, x);
    if (UNLIKELY(x->stop || (l->n_save && first < end && !make_buffers(l, x, end))))
        return FLOW_Stop;
    for (uint32_t k = 0; k < l->n_restore; k++)
        l->restore[k].old = *l->restore[k].var;
    for (uint32_t k = 0; k < l->n_keep; k++)
        l->keep[k].old = *l->keep[k].var;
    Flow flow = FLOW_On;
    if (first < end) {
        if (x->opt->shuffle && p && p->mode != PM_Sequential && end - first <= MOST_SHUFFLED)
            flow = loop_shuffle(l, x, first, end - first);
        else if (l->n_ordered && end - first > TREE_PROGRAM)
            flow = loop_reduce(l, x, first, end - first);
        else
            flow = in_order(l, x, first, end);
    }
    for (uint32_t k = 0; k < l->n_restore; k++)
        if (l->restore[k].is_borrowed)
            *l->restore[k].var = l->restore[k].old;
    for (uint32_t k = 0; k < l->n_keep; k++)
        *l->keep[k].var = l->keep[k].old;
    for (uint32_t k = 0; k < l->n_src; k++)
        l->counter[k]->i = -1;
    return flow;
}

/* ---- translation ------------------------------------------------------------------------------------------------------ */

static Seq *seq_new(Prog *p)
{
    return ARENA_NEW(&p->arena, Seq);
}

static Status seq_room(Prog *p, Seq *s, uint32_t n)
{
    s->n = n;
    s->code = ARENA_ARRAY(&p->arena, const Code *, n + 1);
    return s->code ? ALP_OK : ALP_FAIL;
}

Status code_block(Prog *p, const NBlock *b, Seq *out)
{
    TRY(seq_room(p, out, b->n));
    for (uint32_t k = 0; k < b->n; k++)
        if (!(out->code[k] = code_stmt(p, b->stmt[k])))
            return ALP_FAIL;
    return ALP_OK;
}

/* Everything about a For loop but its body. */
static LoopCode *loop_new(Prog *p, const NLoop *loop, const PLoop *plan)
{
    LoopCode *l = ARENA_NEW(&p->arena, LoopCode);
    if (!l)
        return NULL;
    l->plan = plan;
    l->loop = loop;
    l->n_src = plan ? plan->n_src : 1;
    l->counter = ARENA_ARRAY(&p->arena, Slot *, l->n_src);
    if (!l->counter)
        return NULL;
    for (uint32_t k = 0; k < l->n_src; k++)
        l->counter[k] = &p->counter[plan ? plan->src[k]->id : loop->id];
    if (plan && plan->n_upper)
        return l;
    l->step_check = code_check(p, loop->step_check);
    if (l->step_check != NO_CHECK && !(l->step = code_expr(p, loop->step)))
        return NULL;
    l->trip = code_expr(p, loop->trip);
    return l->trip ? l : NULL;
}

static Code *branch_new(Prog *p, CodeFn fn, const NStmt *s, const NExpr *test)
{
    Code *c = code_new(p);
    Seq *body = seq_new(p), *orelse = seq_new(p);
    if (!c || !body || !orelse || (test && !(c->a.code = code_expr(p, test))))
        return NULL;
    c->fn = fn;
    c->u.branch.body = body;
    c->u.branch.orelse = orelse;
    c->u.branch.stmt = s;
    return c;
}

static const Code *code_for(Prog *p, const NLoop *loop)
{
    Code *c = code_new(p);
    LoopCode *l = loop_new(p, loop, NULL);
    if (!c || !l || !(l->group = ARENA_NEW(&p->arena, GroupCode)) || code_block(p, &loop->body, &l->group[0].seq) != ALP_OK)
        return NULL;
    l->n_group = 1;
    l->group[0].stmt = loop->stmt;
    l->is_plain = true;
    l->tells_root = loop == p->nest->root;
    c->fn.run = run_loop;
    c->u.loop = l;
    return c;
}

static const Code *code_assign(Prog *p, const NStmt *s)
{
    uint32_t id = s->var->id;
    const Code *value = code_expr(p, s->expr);
    Code *c = code_new(p);
    if (!c || !value)
        return NULL;
    AssignKind kind = p->verify ? AS_Noted : value->is_leaf ? AS_Leaf : AS_Plain;
    c->fn = assign_fn[eval_kind((DType)s->var->rep)][kind];
    if (kind == AS_Leaf)
        c->a.slot = value->a.slot;
    else
        c->a.code = value;
    c->u.var.slot = &p->var[id];
    c->u.var.assigned = &p->assigned[id];
    p->is_always[id] |= !s->loop_in;
    p->n_assign[id]++;
    return c;
}

const Code *code_stmt(Prog *p, const NStmt *s)
{
    Code *c;
    switch ((NStmtKind)s->kind) {
    case NS_Assign:
        return code_assign(p, s);
    case NS_Store:
        return code_store(p, s);
    case NS_If:
        c = branch_new(p, (CodeFn){ .run = run_if }, s, s->expr);
        return c && code_block(p, &s->body, c->u.branch.body) == ALP_OK &&
            code_block(p, &s->orelse, c->u.branch.orelse) == ALP_OK ? c : NULL;
    case NS_Block:
        c = branch_new(p, (CodeFn){ .run = run_block }, s, NULL);
        return c && code_block(p, &s->body, c->u.branch.body) == ALP_OK ? c : NULL;
    case NS_Loop:
        if (!s->loop->is_while)
            return code_for(p, s->loop);
        c = branch_new(p, (CodeFn){ .run = run_while }, s, s->loop->test);
        return c && code_block(p, &s->loop->body, c->u.branch.body) == ALP_OK ? c : NULL;
    case NS_Leave: case NS_Next:
        c = code_new(p);
        if (c) {
            c->fn.run = s->kind == NS_Leave ? run_leave : run_next;
            c->u.stmt = s->target;
        }
        return c;
    case NS_Return:
        c = code_new(p);
        if (!c || (s->expr && !(c->a.code = code_expr(p, s->expr))))
            return NULL;
        c->fn.run = run_return;
        c->u.stmt = s;
        return c;
    case NS_Check:
        c = code_new(p);
        if (!c || !(c->a.code = code_expr(p, s->expr)))
            return NULL;
        c->fn.run = run_check;
        c->check = s->check;
        return c;
    }
    return NULL;
}

/* Any statement in the item. */
static const NStmt *some_stmt(const PItem *item)
{
    while (!item->stmt && item->n_body)
        item = item->body[0];
    return item->stmt;
}

uint32_t plan_source_of(const PLoop *around, const PItem *item, uint32_t otherwise)
{
    const NStmt *s = some_stmt(item);
    for (const NLoop *loop = s ? s->loop_in : NULL; loop; loop = loop->up)
        for (uint32_t k = 0; k < around->n_src; k++)
            if (around->src[k] == loop)
                return k;
    return otherwise;
}

static bool holds_root(const PItem *item, const NLoop *root)
{
    if (item->kind == PI_Loop)
        for (uint32_t k = 0; k < item->loop->n_src; k++)
            if (item->loop->src[k] == root)
                return true;
    for (uint32_t k = 0; k < item->n_body; k++)
        if (holds_root(item->body[k], root))
            return true;
    return false;
}

static Status code_expanded(Prog *p, const NVar **var, uint32_t n, ExpandCode **out, uint32_t *n_out)
{
    *n_out = n;
    if (n == 0)
        return ALP_OK;
    if (!p->expand && !(p->expand = ARENA_ARRAY(&p->arena, ExpandBuffer, p->nest->n_vars)))
        return ALP_FAIL;
    *out = ARENA_ARRAY(&p->arena, ExpandCode, n);
    if (!*out)
        return ALP_FAIL;
    for (uint32_t k = 0; k < n; k++)
        (*out)[k] = (ExpandCode){ .var = &p->var[var[k]->id], .buffer = &p->expand[var[k]->id], .id = var[k]->id };
    return ALP_OK;
}

static const Code *code_plan_loop(Prog *p, const PItem *item, const PLoop *around)
{
    const PLoop *plan = item->loop;
    Code *c = code_new(p);
    LoopCode *l = loop_new(p, plan->src[0], plan);
    if (!c || !l || code_expanded(p, plan->save_var, plan->n_save, &l->save, &l->n_save) != ALP_OK ||
        code_expanded(p, plan->restore_var, plan->n_restore, &l->restore, &l->n_restore) != ALP_OK ||
        code_reductions(p, l) != ALP_OK)
        return NULL;
    l->tells_root = !around && holds_root(item, p->nest->root);
    uint32_t *before = ARENA_ARRAY(&p->arena, uint32_t, l->n_restore + 1);
    if (!before)
        return NULL;
    for (uint32_t k = 0; k < l->n_restore; k++)
        before[k] = p->n_assign[l->restore[k].id];
    l->group = ARENA_ARRAY(&p->arena, GroupCode, item->n_body + 1);
    if (!l->group)
        return NULL;
    for (uint32_t k = 0, next; k < item->n_body; k = next) {
        uint32_t source = plan_source_of(plan, item->body[k], 0);
        GroupCode *g = &l->group[l->n_group++];
        for (next = k + 1; next < item->n_body && plan_source_of(plan, item->body[next], 0) == source; next++)
            ;
        g->stmt = plan->src[source]->stmt;
        if (code_items(p, item->body + k, next - k, plan, &g->seq) != ALP_OK)
            return NULL;
    }
    l->is_plain = l->n_group == 1 && l->n_src == 1 && !l->n_save && !l->n_restore;
    for (uint32_t k = 0; k < l->n_restore; k++)
        l->restore[k].is_borrowed = p->n_assign[l->restore[k].id] == before[k];
    c->fn.run = run_loop;
    c->u.loop = l;
    return c;
}

static const Code *code_item(Prog *p, const PItem *item, const PLoop *around)
{
    Code *c = NULL;
    switch ((PItemKind)item->kind) {
    case PI_Stmt:
        return code_stmt(p, item->stmt);
    case PI_Loop:
        return code_plan_loop(p, item, around);
    case PI_While:
        c = branch_new(p, (CodeFn){ .run = run_while }, item->stmt, item->stmt->loop->test);
        break;
    case PI_If:
        c = branch_new(p, (CodeFn){ .run = run_if }, item->stmt, item->stmt->expr);
        break;
    case PI_Block:
        c = branch_new(p, (CodeFn){ .run = run_block }, item->stmt, NULL);
        break;
    }
    if (!c || code_items(p, item->body, item->n_body, around, c->u.branch.body) != ALP_OK ||
        code_items(p, item->orelse, item->n_orelse, around, c->u.branch.orelse) != ALP_OK)
        return NULL;
    return c;
}

Status code_items(Prog *p, PItem *const *items, uint32_t n, const PLoop *around, Seq *out)
{
    TRY(seq_room(p, out, n));
    for (uint32_t k = 0; k < n; k++)
        if (!(out->code[k] = code_item(p, items[k], around)))
            return ALP_FAIL;
    return ALP_OK;
}
