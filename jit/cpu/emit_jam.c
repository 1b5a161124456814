/* jit/cpu/emit_jam.c — parallel loops rearranged, so that there is more to do at a time.
 *
 * Any order of the iterations of a parallel loop is legal, and so is any order that keeps each iteration's own: its body may be
 * cut into parts, each with a loop of its own, and iterations may run side by side.
 *
 *   split    for i: A; B  becomes  for i: A  and  for i: B, if that makes one of the parts a tile (emit_tile.c), such as the
 *            product in  for i: { for j: c[i, j] *= beta; for k: for j: c[i, j] += a[i, k] * b[k, j] }
 *   jam      for i: for j: s[i] += a[i, j] * x[j], which adds up in program order and contiguously only along j, waits for each
 *            addition; with several rows side by side there are as many independent chains ("unroll and jam", Allen and
 *            Kennedy ch. 8.4)
 *   short    for j: { s = 0; for k: s += … }, where the sum over k is one that the plan would rather have in lanes than j, is
 *   sums     done in lanes of j if k turns out to have so few iterations that its sum follows program order
 *   blocks   for j (in lanes): for i: y[j] += a[i, j] * x[i], which goes down a by columns, is done for some rows at a time: for
 *            blocks of i: for j: for i of the block.  Memory is then read as it lies, in a few streams
 *
 * What the iterations have to themselves are variables; a part may not read what another part assigned. */
#include <string.h>

#include "interp/reduce_tree.h"
#include "jit/cpu/emit.h"

enum { MAX_PARTS = 16, MAX_ITEMS = 48, NODES = 400 };

/* ---- shape ------------------------------------------------------------------------------------------------------------- */

/* How many assignments stand in front that may be repeated? */
static uint32_t head_of(const Emit *e, const PItem *item)
{
    int budget = 50;
    uint32_t n = 0;
    while (n < item->n_body && item->body[n]->kind == PI_Stmt && item->body[n]->stmt->kind == NS_Assign &&
           emit_is_cheap(e, item->body[n]->stmt->expr, &budget))
        n++;
    return n;
}

static bool form_uses(const NForm *f, const NLoop *l)
{
    for (uint32_t t = 0; t < f->n; t++)
        if (f->term[t].loop == l)
            return true;
    return false;
}

bool emit_has_common_bounds(const Emit *e, const PItem *outer, const PLoop *l)
{
    int nodes = 50, budget = 50;
    const NLoop *src = l->src[0];
    for (uint32_t k = 0; k < l->n_lower + l->n_upper; k++)
        if (form_uses(k < l->n_lower ? l->lower[k].form : l->upper[k - l->n_lower].form, outer->loop->src[0]))
            return false;
    return l->n_upper || (emit_is_cheap(e, src->trip, &nodes) && !emit_reads_private(outer->loop, src->trip, &budget) &&
                          !emit_check_needed(e, src->step_check));
}

/* A sequential loop without loops inside, the same for all iterations of the outer one? */
static bool is_chain(const Emit *e, const PItem *outer, const PItem *x)
{
    const PLoop *l = x->loop;
    return x->kind == PI_Loop && l->mode == PM_Sequential && l->n_src == 1 && !l->n_save && !l->n_restore && !l->src[0]->is_while &&
           !l->src[0]->has_exit && !emit_has_loops(x->body, x->n_body) && emit_has_common_bounds(e, outer, l);
}

/* ---- split ------------------------------------------------------------------------------------------------------------- */

enum { MAX_VARS = 128 };
/* A walk through the parts in program order. */
typedef struct Split {
    uint32_t by[MAX_VARS];      /* a bit for each part that assigns the variable */
    bool     fresh[MAX_VARS];   /* this part is sure to have assigned it already in this iteration */
    uint32_t part;              /* its bit */
    int      budget;
} Split;

/* Does the expression read what is another part's? */
static bool reads_other(Split *s, const NExpr *x)
{
    if (!x)
        return false;
    if (--s->budget < 0)
        return true;
    if (x->op == NOP_Var) {
        uint32_t v = x->u.var->id;
        return (s->by[v] & ~s->part) && !s->fresh[v];
    }
    if (x->op == NOP_Load)
        for (uint32_t d = 0; d < x->u.access->n_subs; d++)
            if (reads_other(s, x->u.access->sub[d]))
                return true;
    return reads_other(s, x->a) || reads_other(s, x->b) || reads_other(s, x->c);
}

/* Only assignments and stores, in loops of any depth. */
static bool note_assigned(Split *s, PItem *const *items, uint32_t n, const PLoop *l)
{
    for (uint32_t i = 0; i < n; i++) {
        const PItem *x = items[i];
        if (x->kind == PI_Loop) {
            if (x->loop->n_save || x->loop->n_restore || !note_assigned(s, x->body, x->n_body, l))
                return false;
            continue;
        }
        if (x->kind != PI_Stmt || (x->stmt->kind != NS_Assign && x->stmt->kind != NS_Store))
            return false;
        if (x->stmt->kind != NS_Assign)
            continue;
        uint32_t *by = &s->by[x->stmt->var->id];
        *by |= s->part;
        for (uint32_t k = 0; *by != s->part && k < l->n_last; k++)
            if (l->last[k]->var == x->stmt->var)        /* whose value stays? */
                return false;
    }
    return true;
}

static bool part_is_closed(Split *s, PItem *const *items, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        const PItem *x = items[i];
        const NStmt *t = x->stmt;
        if (x->kind == PI_Loop) {
            bool before[MAX_VARS];
            memcpy(before, s->fresh, sizeof before);
            if (reads_other(s, x->loop->src[0]->trip) || reads_other(s, x->loop->src[0]->step) ||
                !part_is_closed(s, x->body, x->n_body))
                return false;
            memcpy(s->fresh, before, sizeof before);    /* it may have run for no iteration */
            continue;
        }
        for (uint32_t d = 0; t->kind == NS_Store && d < t->access->n_subs; d++)
            if (reads_other(s, t->access->sub[d]))
                return false;
        if (reads_other(s, t->expr))
            return false;
        if (t->kind == NS_Assign)
            s->fresh[t->var->id] = true;
    }
    return true;
}

/* Where parts begin: part[k] … part[k + 1] - 1, behind the head.  A loop is a part, so are the statements between two loops. */
static uint32_t find_parts(const PItem *outer, uint32_t n_head, uint32_t *part)
{
    uint32_t n = 0;
    for (uint32_t i = n_head; i < outer->n_body; i++) {
        if (i > n_head && outer->body[i]->kind != PI_Loop && outer->body[i - 1]->kind != PI_Loop)
            continue;
        if (n == MAX_PARTS)
            return 0;
        part[n++] = i;
    }
    part[n] = outer->n_body;
    return n;
}

/* The head and one part. */
static PItem part_of(const PItem *outer, uint32_t n_head, uint32_t from, uint32_t to, PItem **items)
{
    PItem out = *outer;
    memcpy(items, outer->body, n_head * sizeof *items);
    memcpy(items + n_head, outer->body + from, (to - from) * sizeof *items);
    out.body = items;
    out.n_body = n_head + to - from;
    return out;
}

/* Variables of the head are nobody else's. */
static bool are_separate(Emit *e, const PItem *outer, uint32_t n_head, const uint32_t *part, uint32_t n_parts)
{
    Split s = { .budget = NODES };
    if (e->nest->n_vars > MAX_VARS)
        return false;
    for (uint32_t k = 0; k < n_parts; k++) {
        s.part = 1u << k;
        if (!note_assigned(&s, outer->body + part[k], part[k + 1] - part[k], outer->loop))
            return false;
    }
    for (uint32_t i = 0; i < n_head; i++)
        if (s.by[outer->body[i]->stmt->var->id])
            return false;
    for (uint32_t k = 0; k < n_parts; k++) {
        s.part = 1u << k;
        memset(s.fresh, 0, sizeof s.fresh);
        if (!part_is_closed(&s, outer->body + part[k], part[k + 1] - part[k]))
            return false;
    }
    return true;
}

bool emit_split(Emit *e, const PItem *outer, LLVMValueRef first, LLVMValueRef end)
{
    const PLoop *l = outer->loop;
    uint32_t n_head, part[MAX_PARTS + 1];
    PItem *items[MAX_ITEMS];
    if (e->lanes || e->rows || l->mode != PM_Parallel || l->n_save || l->n_restore || outer->n_body > MAX_ITEMS)
        return false;
    n_head = head_of(e, outer);
    uint32_t n_parts = find_parts(outer, n_head, part), n_tiles = 0;
    if (n_parts < 2)
        return false;
    for (uint32_t k = 0; k < n_parts; k++) {
        PItem one = part_of(outer, n_head, part[k], part[k + 1], items);
        n_tiles += emit_can_tile(e, &one);
    }
    if (n_tiles == 0 || !are_separate(e, outer, n_head, part, n_parts))
        return false;
    for (uint32_t k = 0; k < n_parts; k++) {
        PItem one = part_of(outer, n_head, part[k], part[k + 1], items);
        emit_in_order(e, &one, first, end);
    }
    return true;
}

/* ---- short sums -------------------------------------------------------------------------------------------------------- */

/* The loops inside with ordered accumulations, all with bounds that are known in front of the outer loop. */
static bool find_sums(const Emit *e, const PItem *outer, const PItem *item, const PItem **sum, uint32_t *n)
{
    for (uint32_t i = 0; i < item->n_body; i++) {
        const PItem *x = item->body[i];
        if (x->kind == PI_Stmt)
            continue;
        if (x->kind != PI_Loop || !find_sums(e, outer, x, sum, n))
            return false;
        if (!emit_n_ordered(x->loop))
            continue;
        if (*n == MAX_PARTS || x->loop->n_upper || !emit_has_common_bounds(e, outer, x->loop))
            return false;
        sum[(*n)++] = x;
    }
    return true;
}

bool emit_short_sums(Emit *e, const PItem *item, LLVMValueRef first, LLVMValueRef end)
{
    const PItem *sum[MAX_PARTS];
    uint32_t n = 0;
    if (e->lanes || e->rows || e->in_program_order || item->loop->mode != PM_Parallel ||
        !find_sums(e, item, item, sum, &n) || n == 0)
        return false;
    e->in_program_order = true;
    bool likes = emit_likes_lanes(e, item);
    e->in_program_order = false;
    if (!likes)
        return false;
    LLVMBasicBlockRef few = emit_new_block(e, "few"), many = emit_new_block(e, "many"), on = emit_new_block(e, "on");
    LLVMValueRef most = emit_int(e, 0);
    emit_forget(e, 0);
    for (uint32_t i = 0; i < n; i++)
        most = emit_intrinsic2(e, "llvm.smax", most, emit_expr(e, sum[i]->loop->src[0]->trip).re);
    emit_forget(e, 0);
    emit_if(e, LLVMBuildICmp(e->b, LLVMIntSLE, most, emit_int(e, TREE_PROGRAM), ""), few, many);
    emit_at(e, few);
    e->in_program_order = true;
    emit_in_order(e, item, first, end);
    e->in_program_order = false;
    emit_goto(e, on);
    emit_at(e, many);
    emit_plain_order(e, item, first, end);
    emit_goto(e, on);
    emit_at(e, on);
    return true;
}

/* ---- blocks ------------------------------------------------------------------------------------------------------------ */

static bool reads_var(const NExpr *x, const NVar *v, int *budget)
{
    if (!x)
        return false;
    if (--*budget < 0 || (x->op == NOP_Var && x->u.var == v))
        return true;
    if (x->op == NOP_Load)
        for (uint32_t d = 0; d < x->u.access->n_subs; d++)
            if (reads_var(x->u.access->sub[d], v, budget))
                return true;
    return reads_var(x->a, v, budget) || reads_var(x->b, v, budget) || reads_var(x->c, v, budget);
}

static bool stmt_reads(const NStmt *s, const NVar *v, int *budget)
{
    for (uint32_t d = 0; s->kind == NS_Store && d < s->access->n_subs; d++)
        if (reads_var(s->access->sub[d], v, budget))
            return true;
    return reads_var(s->expr, v, budget);
}

/* Is the body assignments and stores that pass nothing on from one iteration to the next in variables? */
static bool passes_nothing(const PItem *item)
{
    int budget = NODES;
    for (uint32_t i = 0; i < item->n_body; i++)
        if (item->body[i]->kind != PI_Stmt ||
            (item->body[i]->stmt->kind != NS_Assign && item->body[i]->stmt->kind != NS_Store))
            return false;
    for (uint32_t k = 0; k < item->n_body; k++)
        for (uint32_t i = 0; i <= k && item->body[k]->stmt->kind == NS_Assign; i++)
            if (stmt_reads(item->body[i]->stmt, item->body[k]->stmt->var, &budget))
                return false;
    return true;
}

const PItem *emit_block_loop(const Emit *e, const PItem *item)
{
    uint32_t n_head = head_of(e, item);
    const PItem *x = n_head + 1 == item->n_body ? item->body[n_head] : NULL;
    const PLoop *l = x && x->kind == PI_Loop ? x->loop : NULL;
    return l && is_chain(e, item, x) && passes_nothing(x) ? x : NULL;
}

/* ---- jam --------------------------------------------------------------------------------------------------------------- */

static int count_nodes(const NExpr *x, int most)
{
    if (!x || most <= 0)
        return 0;
    int n = 1 + count_nodes(x->a, most - 1);
    n += count_nodes(x->b, most - n);
    return n + count_nodes(x->c, most - n);
}

/* Nodes of the body's expressions; -1: it cannot be jammed.  *n_chains: loops in it. */
static int jam_nodes(const Emit *e, const PItem *outer, PItem *const *items, uint32_t n, int *n_chains)
{
    int sum = 0;
    for (uint32_t i = 0; i < n; i++) {
        const PItem *x = items[i];
        int more;
        if (x->kind == PI_Stmt && (x->stmt->kind == NS_Assign || x->stmt->kind == NS_Store)) {
            more = count_nodes(x->stmt->expr, NODES);
        } else {
            if (!is_chain(e, outer, x))
                return -1;
            more = jam_nodes(e, outer, x->body, x->n_body, n_chains);
            ++*n_chains;
        }
        if (more < 0)
            return -1;
        sum += more;
    }
    return sum;
}

static void jam_body(Emit *e, const EmitFor *f, LLVMValueRef row)
{
    const PItem *item = f->user;
    const NLoop *l = item->loop->src[0];
    LLVMValueRef outer = e->f->counter[l->id];
    emit_rows_begin(e, item->loop, (int)f->step, row);
    emit_items(e, item->body, item->n_body);
    emit_rows_copy(e, item->loop, (int)f->step - 1, 0);
    emit_rows_end(e);
    e->f->counter[l->id] = outer;
}

LLVMValueRef emit_jammed(Emit *e, const PItem *item, LLVMValueRef first, LLVMValueRef end)
{
    const PLoop *l = item->loop;
    int n_chains = 0, nodes;
    if (e->lanes || e->rows || l->mode != PM_Parallel || l->n_src != 1 || l->n_save || l->n_restore || l->src[0]->has_exit ||
        !emit_has_loops(item->body, item->n_body))
        return NULL;
    nodes = jam_nodes(e, item, item->body, item->n_body, &n_chains);
    if (nodes < 0 || nodes > 100 || n_chains == 0)
        return NULL;
    int rows = nodes <= 30 ? MAX_ROWS : MAX_ROWS / 2;
    for (uint32_t i = 0; i < l->n_private; i++)
        e->is_row_own[l->private_var[i]->id] = true;
    for (int r = 1; r < rows; r++)
        emit_rows_copy(e, l, 0, r);
    EmitFor f = { .first = first, .end = end, .step = rows, .poll = POLL_Each, .body = jam_body, .user = (void *)item };
    emit_for(e, &f);
    memset(e->is_row_own, 0, e->nest->n_vars * sizeof *e->is_row_own);
    LLVMValueRef n = emit_intrinsic2(e, "llvm.smax", LLVMBuildNSWSub(e->b, end, first, ""), emit_int(e, 0));
    LLVMValueRef whole = LLVMBuildAnd(e->b, n, emit_int(e, -rows), "");
    return LLVMBuildNSWAdd(e->b, first, whole, "");
}
