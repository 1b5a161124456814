/* jit/plan/reduce_order.c — whose lanes?  The one question behind two decisions: which loop of a nest the vector lanes are for,
 * and whether a scalar accumulation keeps program order because a loop around it is the better one for them (architecture.md,
 * "Reductions").
 *
 * For   for i: for j: s = 0; for k: s += a[i, k] * b[k, j]; c[i, j] = s   with C layout:
 *
 *            a[i,k]  b[k,j]      long strides in the body of k
 *     k      unit    long        1
 *     j      zero    unit        0   lanes are best given to j, each lane adds its own s in program order
 *     i      long    zero        1
 *
 * Had b been transposed (b[j, k]), k would have 0 long strides, j 1 and i 1: the sum over k uses the canonical tree. */
#include "jit/plan/plan_int.h"

uint32_t count_long_strides(Sched *s, PItem *const *items, uint32_t n, const NLoop *loop)
{
    uint32_t count = 0;
    items_mark(s, items, n);
    for (uint32_t i = 0; i < s->nest->n_accesses; i++) {
        const NAccess *x = s->nest->accesses[i];
        if (stmt_is_marked(s, x->stmt) && s->stride[(size_t)i * s->info->max_depth + loop->depth - 1] == STRIDE_Other)
            count++;
    }
    return count;
}

bool order_is_kept(Sched *s, const PItem *item, const VarUse *use, const NLoop **lanes)
{
    *lanes = NULL;
    if (!use->is_ordered)
        return graph_reduction_may_fail(use, s->plan->proved);
    if (s->opt->fp == FP_Sequential)
        return true;
    uint32_t least = count_long_strides(s, item->body, item->n_body, item->loop->src[0]);
    for (uint32_t i = 0; i < s->n_path && least > 0; i++) {
        const PLoop *outer = s->path[i];
        if (outer->mode == PM_Sequential)
            continue;
        /* Lanes over a loop that shares the accumulation would not leave its order alone. */
        const VarUse *there = graph_var_use(s->graph, outer->src[0], use->var);
        uint32_t n = count_long_strides(s, item->body, item->n_body, outer->src[0]);
        if ((!there || there->cls != VC_Reduction) && n < least) {
            least = n;
            *lanes = outer->src[0];
        }
    }
    return *lanes != NULL;
}

/* ---- vector lanes --------------------------------------------------------------------------------------------------------------- */

static bool has_loops(const PItem *item)
{
    for (uint32_t i = 0; i < item->n_body; i++)
        if (item->body[i]->kind != PI_Stmt && (item_is_loop(item->body[i]) || has_loops(item->body[i])))
            return true;
    for (uint32_t i = 0; i < item->n_orelse; i++)
        if (item->orelse[i]->kind != PI_Stmt && (item_is_loop(item->orelse[i]) || has_loops(item->orelse[i])))
            return true;
    return false;
}

typedef struct Rivals { uint32_t n; const PLoop *loop[NEST_MAX_DEPTH]; } Rivals;

/* Is `loop` better for the lanes than every parallel loop on the way to each innermost loop inside `item`, judged in that loop's body? */
static bool is_best_for(Sched *s, const PLoop *loop, const PItem *item, Rivals *rivals)
{
    uint32_t n = rivals->n;
    bool is_best = true;
    if (item_is_loop(item)) {
        if (item->loop->mode != PM_Sequential && n < NEST_MAX_DEPTH)
            rivals->loop[rivals->n++] = item->loop;
        if (rivals->n && !has_loops(item)) {
            uint32_t own = count_long_strides(s, item->body, item->n_body, loop->src[0]);
            for (uint32_t i = 0; i < rivals->n && is_best; i++)
                is_best = own < count_long_strides(s, item->body, item->n_body, rivals->loop[i]->src[0]);
        }
    }
    for (uint32_t i = 0; i < item->n_body && is_best; i++)
        is_best = is_best_for(s, loop, item->body[i], rivals);
    for (uint32_t i = 0; i < item->n_orelse && is_best; i++)
        is_best = is_best_for(s, loop, item->orelse[i], rivals);
    rivals->n = n;
    return is_best;
}

static void mark_items(Sched *s, PItem *item, bool inside_parallel, bool inside_vector)
{
    if (item_is_loop(item) && item->loop->mode != PM_Sequential) {
        PLoop *l = item->loop;
        l->is_outer_parallel = !inside_parallel;
        inside_parallel = true;
        if (!inside_vector) {
            Rivals rivals = { 0 };
            bool is_best = true;
            for (uint32_t i = 0; i < item->n_body && is_best; i++)
                is_best = is_best_for(s, l, item->body[i], &rivals);
            l->is_vector = inside_vector = is_best;
        }
    }
    for (uint32_t i = 0; i < item->n_body; i++)
        mark_items(s, item->body[i], inside_parallel, inside_vector);
    for (uint32_t i = 0; i < item->n_orelse; i++)
        mark_items(s, item->orelse[i], inside_parallel, inside_vector);
}

void mark_vector_loops(Sched *s, PItem *root)
{
    mark_items(s, root, false, false);
}
