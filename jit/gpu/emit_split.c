/* jit/gpu/emit_split.c — a parallel loop in several kernels.
 *
 *     for i:                          for i: for j: c[i, j] *= beta
 *         for j: c[i, j] *= beta      for i: for j: for k: c[i, j] += a[i, k] * b[k, j]
 *         for j: for k: c[i, j] += a[i, k] * b[k, j]
 *
 * Iterations of a parallel loop share nothing, so its body may be cut into parts that run one after the other, each for all iterations, if no
 * variable carries a value from one part to another.  That pays where a part is a parallel loop: the two together are then a grid, where
 * the loop as it stands would have been a thread for each i.  Assignments at the top that can be done again (i = start + t * step) are, in every part. */
#include <string.h>

#include "jit/gpu/emit.h"

enum { MAX_PARTS = 16 };

typedef struct Part { uint32_t first, n; } Part;

static bool expr_uses(const NExpr *x, const NVar *v)
{
    if (!x)
        return false;
    if (x->op == NOP_Var && x->u.var == v)
        return true;
    if (x->op == NOP_Load)
        for (uint32_t d = 0; d < x->u.access->n_subs; d++)
            if (expr_uses(x->u.access->sub[d], v))
                return true;
    return expr_uses(x->a, v) || expr_uses(x->b, v) || expr_uses(x->c, v);
}

static bool block_uses(const NBlock *b, const NVar *v);

static bool loop_uses(const NLoop *l, const NVar *v)
{
    return expr_uses(l->start, v) || expr_uses(l->stop, v) || expr_uses(l->step, v) || expr_uses(l->trip, v) || expr_uses(l->test, v);
}

static bool stmt_uses(const NStmt *s, const NVar *v)
{
    if (expr_uses(s->expr, v) || block_uses(&s->body, v) || block_uses(&s->orelse, v))
        return true;
    if (s->kind == NS_Store)
        for (uint32_t d = 0; d < s->access->n_subs; d++)
            if (expr_uses(s->access->sub[d], v))
                return true;
    return s->kind == NS_Loop && (loop_uses(s->loop, v) || block_uses(&s->loop->body, v));
}

static bool block_uses(const NBlock *b, const NVar *v)
{
    for (uint32_t i = 0; i < b->n; i++)
        if (stmt_uses(b->stmt[i], v))
            return true;
    return false;
}

/* Is the variable's value read? */
static bool items_use(PItem *const *items, uint32_t n, const NVar *v)
{
    for (uint32_t i = 0; i < n; i++) {
        const PItem *x = items[i];
        if (x->kind == PI_Stmt ? stmt_uses(x->stmt, v) : x->kind == PI_Loop ? loop_uses(x->loop->src[0], v)
            : x->kind == PI_While ? expr_uses(x->stmt->loop->test, v) : expr_uses(x->stmt->expr, v))
            return true;
        for (uint32_t k = 0; x->kind == PI_Loop && k < x->loop->n_save; k++)
            if (x->loop->save_var[k] == v)
                return true;
        if (items_use(x->body, x->n_body, v) || items_use(x->orelse, x->n_orelse, v))
            return true;
    }
    return false;
}

static bool is_grid_loop(const PItem *item)
{
    return item->kind == PI_Loop && item->loop->mode == PM_Parallel;
}

/* The body behind the repeated assignments, cut: each parallel loop is a part, and what stands between two of them. */
static uint32_t find_parts(const PItem *item, uint32_t n_top, Part *part)
{
    uint32_t n = 0;
    for (uint32_t i = n_top; i < item->n_body; i++) {
        bool is_grid = is_grid_loop(item->body[i]), begins = i == n_top || is_grid || is_grid_loop(item->body[i - 1]);
        if (begins && n == MAX_PARTS)
            return 0;
        if (begins)
            part[n++] = (Part){ i, 0 };
        part[n - 1].n++;
    }
    return n;
}

/* Does a variable that one part assigns mean anything to another, or to those behind the loop if several assign it? */
static bool is_shared(const PItem *item, uint32_t n_top, const Part *part, uint32_t n, const NVar *v)
{
    uint32_t assigning = 0, one = 0;
    for (uint32_t k = 0; k < n; k++)
        if (items_assign(item->body + part[k].first, part[k].n, v)) {
            assigning++;
            one = k;
        }
    if (assigning == 0)
        return false;
    if (items_assign(item->body, n_top, v) || items_use(item->body, n_top, v))
        return true;
    if (assigning == 1) {
        for (uint32_t k = 0; k < n; k++)
            if (k != one && items_use(item->body + part[k].first, part[k].n, v))
                return true;
        return false;
    }
    for (uint32_t i = 0; i < item->loop->n_last; i++)
        if (item->loop->last[i]->var == v)
            return true;
    /* Assigned by several: each must do with what it assigns itself, which is so where it is private to a loop that is the whole part. */
    for (uint32_t k = 0; k < n; k++) {
        const PItem *x = item->body[part[k].first];
        bool is_own = false;
        if (!items_use(item->body + part[k].first, part[k].n, v))
            continue;
        bool is_loop = part[k].n == 1 && is_grid_loop(x) && !loop_uses(x->loop->src[0], v);
        for (uint32_t i = 0; is_loop && i < x->loop->n_private; i++)
            is_own |= x->loop->private_var[i] == v;
        if (!is_own)
            return true;
    }
    return false;
}

/* The loop with one part of its body. */
static PItem *part_item(Gen *g, const PItem *item, uint32_t n_top, const Part *part, bool is_last_part)
{
    PItem *x = gen_room(g, sizeof *x), **body = gen_room(g, (n_top + part->n) * sizeof(PItem *));
    PLoop *l = gen_room(g, sizeof *l);
    const VarUse **last = gen_room(g, (item->loop->n_last + 1) * sizeof *last);
    if (gen_is_broken(g))
        return NULL;
    memcpy(body, item->body, n_top * sizeof(PItem *));
    memcpy(body + n_top, item->body + part->first, part->n * sizeof(PItem *));
    *l = *item->loop;
    l->last = last;
    l->n_last = 0;
    for (uint32_t i = 0; i < item->loop->n_last; i++) {
        const NVar *v = item->loop->last[i]->var;
        if (items_assign(item->body + part->first, part->n, v) || (is_last_part && items_assign(item->body, n_top, v)))
            last[l->n_last++] = item->loop->last[i];
    }
    *x = (PItem){ .kind = PI_Loop, .loop = l, .n_body = n_top + part->n, .body = body };
    return x;
}

bool gen_split(Gen *g, const PItem *item, void (*each)(Gen *g, const PItem *item, GenLaunch *launch, void *user), GenLaunch *launch, void *user)
{
    Part part[MAX_PARTS];
    uint32_t n_top = 0, n;
    const PLoop *l = item->loop;
    bool pays = false;
    if (l->n_save)
        return false;
    for (uint32_t k = 0; k < l->n_src; k++)
        if (target_has_jumps(g, l->src[k]->stmt))
            return false;
    gen_find_written(g, &(PItem *){ (PItem *)item }, 1);
    while (n_top < item->n_body && gen_is_repeatable(g, item->body[n_top]))
        n_top++;
    n = find_parts(item, n_top, part);
    for (uint32_t k = 0; k < n; k++)
        pays |= is_grid_loop(item->body[part[k].first]);
    if (n < 2 || !pays)
        return false;
    for (uint32_t i = 0; i < g->nest->n_vars; i++)
        if (is_shared(item, n_top, part, n, g->nest->vars[i]))
            return false;
    for (uint32_t k = 0; k < n; k++) {
        const PItem *x = part_item(g, item, n_top, &part[k], k + 1 == n);
        if (x)
            each(g, x, launch, user);
    }
    return true;
}
