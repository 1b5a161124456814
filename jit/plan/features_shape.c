/* jit/plan/features_shape.c — what becomes of a loop: lanes, tiles, rows side by side, grids.
 *
 * Told from the plan as the emitters do it (jit/cpu/emit*.c, jit/gpu/emit*.c), but by simpler rules: what they refuse for rare reasons is taken for
 * granted here. */
#include <math.h>

#include "jit/plan/features_int.h"

/* As jit/gpu/emit*.c: loops shorter than that are no part of a grid; iterations to a warp or thread where results are combined. */
enum { SHORT_TRIP = 8, WARP = 32, FEW_UNIT = 1024, BLOCK_UNIT = 64 };

bool shape_is_parallel(const PItem *item)
{
    return item->kind == PI_Loop && item->loop->mode != PM_Sequential;
}

bool shape_has_parallel(PItem *const *items, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (shape_is_parallel(items[i]) || shape_has_parallel(items[i]->body, items[i]->n_body) || shape_has_parallel(items[i]->orelse, items[i]->n_orelse))
            return true;
    return false;
}

static bool block_has_loops(const NBlock *b)
{
    for (uint32_t i = 0; i < b->n; i++)
        if (b->stmt[i]->kind == NS_Loop || block_has_loops(&b->stmt[i]->body) || block_has_loops(&b->stmt[i]->orelse))
            return true;
    return false;
}

bool shape_has_loops(PItem *const *items, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        NStmt *one = items[i]->stmt;
        if (items[i]->kind == PI_Loop || items[i]->kind == PI_While || (items[i]->kind == PI_Stmt && block_has_loops(&(NBlock){ 1, &one })) ||
            shape_has_loops(items[i]->body, items[i]->n_body) || shape_has_loops(items[i]->orelse, items[i]->n_orelse))
            return true;
    }
    return false;
}

bool shape_is_assignment(const PItem *item)
{
    return item->kind == PI_Stmt && item->stmt->kind == NS_Assign;
}

/* The loop that stands alone at the end of the body, behind assignments. */
static const PItem *only_loop(const PItem *item)
{
    for (uint32_t i = 0; i + 1 < item->n_body; i++)
        if (!shape_is_assignment(item->body[i]))
            return NULL;
    const PItem *last = item->n_body ? item->body[item->n_body - 1] : NULL;
    return last && last->kind == PI_Loop ? last : NULL;
}

static uint32_t count_ordered(const PLoop *l)
{
    uint32_t n = 0;
    for (uint32_t i = 0; l->mode == PM_Reduction && i < l->n_red; i++)
        n += l->red[i].use->is_ordered;
    return n;
}

/* May iterations be in any order, but for ordered accumulations? */
static bool is_commutative(const PLoop *l)
{
    for (uint32_t i = 0; i < l->n_red; i++) {
        const VarUse *u = l->red[i].use;
        if (!u->is_ordered && (u->red == RK_Arg || u->var->rep > DT_U64))
            return false;
    }
    return true;
}

/* ---- what lanes make of a loop -------------------------------------------------------------------------------------------- */

/* References inside a loop, by what its counter does to them. */
typedef struct Look {
    Walk    *w;
    const PLoop *loop;
    uint32_t smooth, rough, fixed;
    uint32_t jumps, unproved;
    uint32_t widest;
    int      budget;
} Look;

static void look_at_access(Look *k, const NAccess *a)
{
    uint32_t size = dtype_info[a->array->dtype].size;
    int64_t stride;
    k->widest = size > k->widest ? size : k->widest;
    for (uint32_t s = 0; s < k->loop->n_src; s++) {
        if (!nest_is_inside(a->stmt, k->loop->src[s]->stmt))
            continue;
        if (!access_stride(k->w, a, k->loop->src[s], &stride))
            k->rough++;
        else if (stride == 0)
            k->fixed++;
        else if (stride == (int64_t)size || stride == -(int64_t)size)
            k->smooth++;
        else
            k->rough++;
    }
}

static void look_at_expr(Look *k, const NExpr *x)
{
    if (!x || x->form || --k->budget < 0)
        return;
    k->unproved += x->check != NO_CHECK && !k->w->plan->proved[x->check];
    if (x->op == NOP_Load)
        look_at_access(k, x->u.access);
    look_at_expr(k, x->a);
    look_at_expr(k, x->b);
    look_at_expr(k, x->c);
}

static void look_at_stmt(Look *k, const NStmt *s)
{
    k->jumps += s->kind == NS_Leave || s->kind == NS_Next || s->kind == NS_Return || (s->kind == NS_Loop && (s->loop->is_while || s->loop->has_exit));
    k->unproved += s->kind == NS_Check && !k->w->plan->proved[s->check];
    look_at_expr(k, s->expr);
    if (s->kind == NS_Store)
        look_at_access(k, s->access);
    for (uint32_t i = 0; i < s->body.n; i++)
        look_at_stmt(k, s->body.stmt[i]);
    for (uint32_t i = 0; i < s->orelse.n; i++)
        look_at_stmt(k, s->orelse.stmt[i]);
    for (uint32_t i = 0; s->kind == NS_Loop && i < s->loop->body.n; i++)
        look_at_stmt(k, s->loop->body.stmt[i]);
}

static void look_at_items(Look *k, PItem *const *items, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (items[i]->kind == PI_Stmt)
            look_at_stmt(k, items[i]->stmt);
        k->jumps += items[i]->kind == PI_While;
        look_at_items(k, items[i]->body, items[i]->n_body);
        look_at_items(k, items[i]->orelse, items[i]->n_orelse);
    }
}

static Look look_at(Walk *w, const PItem *item, const PLoop *by)
{
    Look k = { .w = w, .loop = by, .widest = 4, .budget = 1000 };
    look_at_items(&k, item->body, item->n_body);
    return k;
}

static bool runs_in_lanes(const PLoop *l, double trip)
{
    if (l->mode == PM_Parallel)
        return true;
    if (count_ordered(l))
        return trip > TREE_PROGRAM && is_commutative(l);
    return l->mode == PM_Reduction && is_commutative(l);
}

/* What is beside the loops inside: those decide whether lanes are worth it. */
static Look look_inside(Walk *w, const PItem *item, const PLoop *by)
{
    Look k = look_at(w, item, by), inside = { .w = w, .loop = by, .budget = 1000 };
    for (uint32_t i = 0; i < item->n_body; i++)
        if (item->body[i]->kind != PI_Stmt)
            look_at_items(&inside, &item->body[i], 1);
    k.smooth = inside.smooth;
    k.rough = inside.rough;
    k.fixed = inside.fixed;
    return k;
}

/* Are there loops with ordered accumulations inside, all so short that these keep program order? */
static bool has_short_sums(Walk *w, const PItem *item, uint32_t *n)
{
    for (uint32_t i = 0; i < item->n_body; i++) {
        const PItem *x = item->body[i];
        if (x->kind == PI_Stmt)
            continue;
        if (x->kind != PI_Loop || !has_short_sums(w, x, n))
            return false;
        if (!count_ordered(x->loop))
            continue;
        if (trips_of_planned(&w->trips, x->loop) > TREE_PROGRAM)
            return false;
        ++*n;
    }
    return true;
}

/* Fills in what a CPU does with the loop: lanes, and how many side by side. */
void shape_choose_lanes(Walk *w, const PItem *item, Around *a)
{
    const PLoop *l = item->loop;
    Phase *p = w->phase;
    bool is_innermost = !shape_has_loops(item->body, item->n_body);
    uint32_t n_sums = 0;
    if (w->has_lanes || l->mode == PM_Sequential || !runs_in_lanes(l, a->trip))
        return;
    if (!l->is_vector && !is_innermost && !(l->mode == PM_Parallel && has_short_sums(w, item, &n_sums) && n_sums))
        return;
    Look k = is_innermost ? look_at(w, item, l) : look_inside(w, item, l);
    if (k.jumps || k.unproved || (is_innermost ? k.rough > k.smooth + k.fixed : k.rough > 0 || k.smooth == 0))
        return;
    double lanes = WIDE_LANES / k.widest;
    a->is_lanes = w->has_lanes = w->in_lanes = true;
    p->is_vector = true;
    p->is_wide |= !is_innermost && p->n_loops == 0;
    if (!is_innermost)
        a->split = fmin(lanes, fmax(a->trip, 1));
    p->side_by_side = fmax(p->side_by_side, fmin(lanes, fmax(a->trip, 1)));
}

/* Only assignments, stores and loops of them that accumulate nothing. */
static bool is_plain(PItem *const *items, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        const PItem *x = items[i];
        if (x->kind == PI_Stmt ? x->stmt->kind != NS_Assign && x->stmt->kind != NS_Store
                               : x->kind != PI_Loop || x->loop->mode == PM_Reduction || !is_plain(x->body, x->n_body))
            return false;
    }
    return true;
}

/* Is it the outer loop of a tile: for i: for j: for k: … with an element loaded in k that is the same for all i, or next to it? */
const PItem *shape_tile_of(Walk *w, const PItem *item)
{
    const PItem *inner = item->loop->mode == PM_Parallel && !w->has_lanes ? only_loop(item) : NULL;
    if (!inner || inner->loop->mode != PM_Parallel || !inner->loop->is_vector || !shape_has_loops(inner->body, inner->n_body) ||
        !is_plain(inner->body, inner->n_body) || look_inside(w, inner, inner->loop).rough)
        return NULL;
    Look k = look_inside(w, inner, item->loop);
    return k.fixed || k.smooth ? inner : NULL;
}

/* Loops inside that run in order, each contiguous for itself: several iterations of the loop around them are run side by side. */
bool shape_is_jam(const PItem *item)
{
    bool has_chain = false;
    if (item->loop->mode != PM_Parallel || item->loop->n_src != 1)
        return false;
    for (uint32_t i = 0; i < item->n_body; i++) {
        const PItem *x = item->body[i];
        bool is_chain = x->kind == PI_Loop && x->loop->mode == PM_Sequential && is_plain(x->body, x->n_body) && !shape_has_loops(x->body, x->n_body);
        if (!is_chain && !(x->kind == PI_Stmt && (x->stmt->kind == NS_Assign || x->stmt->kind == NS_Store)))
            return false;
        has_chain |= is_chain;
    }
    return has_chain;
}

/* ---- grids ----------------------------------------------------------------------------------------------------------------- */

static bool is_short(const PLoop *l)
{
    return !l->n_upper && l->src[0]->trip && l->src[0]->trip->op == NOP_Const && l->src[0]->trip->u.i <= SHORT_TRIP;
}

/* A warp to each iteration: along the inner loop elements lie side by side, along the outer one they do not. */
static const PItem *warp_loop(Walk *w, const PItem *item)
{
    if (item->loop->mode != PM_Parallel)
        return NULL;
    for (uint32_t i = 0; i < item->n_body; i++) {
        const PItem *x = item->body[i];
        if (shape_is_parallel(x) && x->loop->is_vector && !shape_has_loops(x->body, x->n_body) && look_at(w, x, item->loop).rough)
            return x;
    }
    return NULL;
}

void shape_find_grid(Walk *w, const PItem *item)
{
    w->n_grid = 1;
    w->grid_item[0] = item;
    w->warp_item = NULL;
    while (w->n_grid < MAX_GRID_LOOPS && w->grid_item[w->n_grid - 1]->loop->mode == PM_Parallel) {
        const PItem *inner = only_loop(w->grid_item[w->n_grid - 1]);
        if (!inner || inner->loop->mode != PM_Parallel || inner->loop->n_save || is_short(inner->loop))
            break;
        w->grid_item[w->n_grid++] = inner;
    }
    if (w->n_grid == 1)
        w->warp_item = warp_loop(w, item);
}

/* Among how many threads are a loop's iterations divided? */
static double threads_of(const PItem *item, double trip)
{
    const PLoop *l = item->loop;
    if (l->mode != PM_Reduction || !l->n_red)
        return trip;
    if (count_ordered(l))
        return trip <= TREE_PROGRAM || !is_commutative(l) ? 1 : WARP * ceil(trip / TREE_CHUNK);
    return is_commutative(l) ? WARP * ceil(trip / FEW_UNIT) : ceil(trip / BLOCK_UNIT);
}

void shape_place_in_grid(Walk *w, const PItem *item, Around *a)
{
    Phase *p = w->phase;
    double threads = 1;
    for (uint32_t k = 0; k < w->n_grid; k++)
        if (w->grid_item[k] == item) {
            a->is_grid = true;
            a->is_x = k + 1 == w->n_grid && !w->warp_item;
            threads = threads_of(item, a->trip);
        }
    if (w->warp_item == item) {
        a->is_grid = a->is_x = true;
        threads = fmin(WARP, a->trip);
    }
    if (w->n_grid && w->warp_item && w->grid_item[0] == item)
        p->threads *= WARP;
    w->grid *= fmax(threads, 1);
    if (w->warp_item != item)
        p->threads *= fmax(threads, 1);
}
