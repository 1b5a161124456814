/* jit/gpu/emit_tile.c — which grids are done in tiles, and of what shape.
 *
 *     for i: for j: for k: c[i, j] += a[i, k] * b[k, j]
 *
 * A thread for each (i, j) loads two elements for each product.  One that takes 8 rows and 4 columns loads 12 for 32 products, and a block of 256 such threads
 * uses each of them 16 times.  So they are brought to shared memory by all threads together, for some iterations of k at a time: a[i, k] as a panel of rows,
 * b[k, j] as one of columns.  That is asked of accesses alone: a load whose subscripts depend on rows and on the inner loop, and not on columns, is a panel of
 * rows (a[i, k], a[k, i], a[2 * i + 1, n - k]), and the other way round.  Arrays that the kernel writes are never taken there.  In a grid of one loop, what all
 * threads load alike is a panel without rows (the other bodies of an n-body simulation).
 *
 * Where nothing can be staged, a thread may still do with several rows: what does not depend on the row is loaded once for them (weights of a convolution), and
 * neighbours of one row are those of the next (stencils).
 *
 * Iterations of a parallel loop may run in any order, also interleaved, so statements are made for all rows and columns of a thread, one statement after the
 * other; loops inside are shared.  For each element the order of the inner loop stays that of the program, or of the canonical tree, whose lanes are then done
 * one after the other.
 *
 * What a value depends on (TILE_ROWS, TILE_COLUMNS) decides how often it is computed, and whether a variable is an array in the text.  Variables that are
 * functions of counters (i = start + t * step) are computed again wherever they are used: that is cheaper than to keep them.
 *
 * Rows may differ in their columns (triangles), if all that inner loops load is in panels.
 *
 * At the edge of the grid a block does iterations again that are another's; only stores are left out.  So whatever is loaded can be loaded, and all tiles
 * are whole.  Smaller grids take the kernel's plain form. */
#include <string.h>

#include "jit/gpu/emit.h"

enum { MAX_STATEMENTS = 24, MAX_LOOPS = 4, THREADS = 256, SHARED_BYTES = 48 << 10 };

/* What is found out about a grid. */
typedef struct Look {
    Gen  *g;
    Tile *t;
    const PItem *loop;          /* innermost loop around, inside the grid; NULL: none */
    int   depth;                /* of loops */
    bool  is_conditional;       /* not every iteration comes here */
    bool  is_inner;             /* in the body of the inner loop of the grid */
    const NArray *kept;         /* the loop accumulates in an element of it, which is looked after; NULL: it does not */
    uint32_t n_stmts;
    bool  fits;
    bool  has_other;            /* a load in an inner loop that no panel can hold, and that moves with it */
    bool  has_fixed;            /* … that is the same for all rows */
    bool  has_bare;             /* a load that an even grid alone permits: it would be done where there is no iteration */
    bool  changes;              /* classes of variables did */
} Look;

/* ---- what depends on what --------------------------------------------------------------------------------------------------------------------- */

static bool is_in(const PItem *item, const NLoop *l)
{
    return item && item->loop->src[0] == l;
}

static uint8_t class_of_loop(const Tile *t, const NLoop *l)
{
    return is_in(t->dim[0].item, l) ? TILE_ROWS : is_in(t->dim[1].item, l) ? TILE_COLUMNS : 0;
}

static bool is_written(const Gen *g, const NAccess *a)
{
    return g->group_written[g->layout->group[a->array->id]];
}

uint8_t tile_class(const Gen *g, const NExpr *x)
{
    uint8_t c = 0;
    if (!x)
        return 0;
    switch ((NOp)x->op) {
    case NOP_Var:
        return g->var_own[x->u.var->id] ? g->var_tile[x->u.var->id] & TILE_BOTH : 0;
    case NOP_Counter:
        return class_of_loop(g->tile, x->u.loop);
    case NOP_Load:
        if (is_written(g, x->u.access))
            return g->tile->all;
        for (uint32_t d = 0; d < x->u.access->n_subs; d++)
            c |= tile_class(g, x->u.access->sub[d]);
        return c;
    default:
        return tile_class(g, x->a) | tile_class(g, x->b) | tile_class(g, x->c);
    }
}

/* A function of the grid's counters and of what is the same for the whole kernel. */
static bool is_of_counters(const Gen *g, const NExpr *x)
{
    if (!x)
        return true;
    switch ((NOp)x->op) {
    case NOP_Load: case NOP_Fun: case NOP_Generic: case NOP_FloorDiv: case NOP_Mod: case NOP_Div: case NOP_IntDiv: case NOP_Pow:
        return false;           /* or it costs too much */
    default:
        break;
    }
    if (x->op == NOP_Var)
        return !g->var_own[x->u.var->id] || (g->var_tile[x->u.var->id] & TILE_AGAIN);
    if (x->op == NOP_Counter)
        return class_of_loop(g->tile, x->u.loop) || !g->counter_runs[x->u.loop->id];
    return is_of_counters(g, x->a) && is_of_counters(g, x->b) && is_of_counters(g, x->c);
}

static void raise_class(Look *k, const NVar *v, uint8_t c)
{
    uint8_t *at = &k->g->var_tile[v->id];
    k->changes |= (c & ~*at) != 0;
    *at |= c;
}

static void classify_stmt(Look *k, const NStmt *s, uint8_t around);

static void classify_block(Look *k, const NBlock *b, uint8_t around)
{
    for (uint32_t i = 0; i < b->n; i++)
        classify_stmt(k, b->stmt[i], around);
}

static void classify_stmt(Look *k, const NStmt *s, uint8_t around)
{
    if (s->kind == NS_Assign)
        raise_class(k, s->var, around | tile_class(k->g, s->expr));
    if (s->kind != NS_If)
        return;
    around = tile_stmt_class(k->g, s) | around;
    classify_block(k, &s->body, around);
    classify_block(k, &s->orelse, around);
}

static void classify_items(Look *k, PItem *const *items, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (items[i]->kind == PI_Loop)
            classify_items(k, items[i]->body, items[i]->n_body);
        else
            classify_stmt(k, items[i]->stmt, 0);
}

static uint8_t block_class(const Gen *g, const NBlock *b)
{
    uint8_t c = 0;
    for (uint32_t i = 0; i < b->n; i++)
        c |= tile_stmt_class(g, b->stmt[i]);
    return c;
}

uint8_t tile_stmt_class(const Gen *g, const NStmt *s)
{
    switch ((NStmtKind)s->kind) {
    case NS_Assign: return g->var_tile[s->var->id] & TILE_BOTH;
    case NS_If:     return tile_class(g, s->expr) | block_class(g, &s->body) | block_class(g, &s->orelse);
    default:        return g->tile->all;
    }
}

/* ---- variables that are computed again ------------------------------------------------------------------------------------------------------------ */

static uint32_t count_assigns(const NBlock *b, const NVar *v, const NStmt **at)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < b->n; i++) {
        const NStmt *s = b->stmt[i];
        if (s->kind == NS_Assign && s->var == v) {
            *at = s;
            n++;
        }
        uint32_t inside = count_assigns(&s->body, v, at) + count_assigns(&s->orelse, v, at);
        n += 2 * inside;                /* not certain to be assigned */
    }
    return n;
}

static uint32_t count_assigns_in(PItem *const *items, uint32_t n, const NVar *v, const NStmt **at)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < n; i++)
        count += items[i]->kind == PI_Loop ? count_assigns_in(items[i]->body, items[i]->n_body, v, at) : count_assigns(&(NBlock){ 1, &items[i]->stmt }, v, at);
    return count;
}

/* Does the statement give its variable, which nothing else assigns, a function of the grid's counters? */
static void find_again(Look *k, const PItem *root)
{
    Gen *g = k->g;
    for (bool more = true; more;) {
        more = false;
        for (uint32_t i = 0; i < g->nest->n_vars; i++) {
            const NVar *v = g->nest->vars[i];
            const NStmt *s = NULL;
            if (!g->var_own[i] || g->var_watch[i] || !(g->var_tile[i] & TILE_BOTH) || (g->var_tile[i] & TILE_AGAIN) || k->t->n_again == MAX_AGAIN ||
                count_assigns_in(root->body, root->n_body, v, &s) != 1 || !is_of_counters(g, s->expr))
                continue;
            g->var_tile[i] |= TILE_AGAIN;
            k->t->again[k->t->n_again++] = s;
            more = true;
        }
    }
}

/* ---- panels ------------------------------------------------------------------------------------------------------------------------------------------ */

/* Is the symbol's value a parameter of kernels? */
static bool is_known(const NSym *s)
{
    return !s || (!s->varies && (s->expr || (s->factor[0] && is_known(s->factor[0]) && is_known(s->factor[1]))));
}

/* The classes of a load's subscripts; *moves: with the innermost loop around.  False: they are no sums of counters and known numbers. */
static bool class_of_forms(const Look *k, const NAccess *a, uint8_t *class, bool *moves)
{
    *class = 0;
    *moves = false;
    for (uint32_t d = 0; d < a->n_subs; d++) {
        const NForm *f = a->form[d];
        if (!f || k->g->plan->access_dim[a->id * ALP_MAX_NDIM + d] == DM_Checked)
            return false;
        for (uint32_t i = 0; i < f->n; i++) {
            const NTerm *t = &f->term[i];
            if (!is_known(t->sym))
                return false;
            if (t->loop && t->coef) {
                *class |= class_of_loop(k->t, t->loop);
                *moves |= is_in(k->loop, t->loop);
            }
        }
    }
    return true;
}

static bool same_form(const NForm *a, const NForm *b)
{
    if (a == b)
        return true;
    if (a->n != b->n)
        return false;
    for (uint32_t i = 0; i < a->n; i++)
        if (a->term[i].loop != b->term[i].loop || a->term[i].sym != b->term[i].sym || a->term[i].coef != b->term[i].coef)
            return false;
    return true;
}

static bool same_place(const Gen *g, const NAccess *a, const NAccess *b)
{
    if (a->array != b->array)
        return false;
    for (uint32_t d = 0; d < a->n_subs; d++)
        if (!a->form[d] || !b->form[d] || !same_form(a->form[d], b->form[d]) ||
            g->plan->access_dim[a->id * ALP_MAX_NDIM + d] != g->plan->access_dim[b->id * ALP_MAX_NDIM + d])
            return false;
    return true;
}

const Panel *tile_panel(const Gen *g, const NAccess *a)
{
    const Tile *t = g->tile;
    for (uint32_t i = 0; i < t->n_panels; i++)
        if (t->panel[i].loop == t->strip && t->strip && same_place(g, t->panel[i].access, a))
            return &t->panel[i];
    return NULL;
}

/* Are its neighbours in memory one after the other in the loop? */
static bool is_by_depth(const Look *k, const NAccess *a)
{
    const NLoop *last = NULL;
    for (uint32_t d = 0; d < a->n_subs; d++)
        for (uint32_t i = 0; i < a->form[d]->n; i++) {
            const NTerm *t = &a->form[d]->term[i];
            bool counts = t->loop && (class_of_loop(k->t, t->loop) || is_in(k->loop, t->loop));
            if (counts && k->g->layout->stride[a->array->id * ALP_MAX_NDIM + d] == LAYOUT_UNIT)
                return is_in(k->loop, t->loop);
            last = counts ? t->loop : last;
        }
    return is_in(k->loop, last);
}

/* A load in an inner loop. */
static void look_at_load(Look *k, const NExpr *x)
{
    const NAccess *a = x->u.access;
    Tile *t = k->t;
    uint8_t class;
    bool moves;
    if (is_written(k->g, a)) {
        k->has_bare |= a->array != k->kept;
        return;
    }
    bool is_form = class_of_forms(k, a, &class, &moves);
    k->has_fixed |= t->dim[0].item && !(tile_class(k->g, x) & TILE_ROWS);
    if (is_form && !moves) {
        k->has_bare = true;
        return;
    }
    bool is_common = class == 0 && t->all == TILE_COLUMNS;      /* the same for all threads */
    if (!is_form || class == t->all || (class == 0 && !is_common)) {
        k->has_other |= !is_form || class != 0;
        k->has_bare = true;
        return;
    }
    for (uint32_t i = 0; i < t->n_panels; i++)
        if (t->panel[i].loop == k->loop && same_place(k->g, t->panel[i].access, a)) {
            t->panel[i].is_guarded &= k->is_conditional;
            return;
        }
    if (t->n_panels == MAX_PANELS) {
        k->has_other = true;
        return;
    }
    t->panel[t->n_panels++] = (Panel){ .access = a, .loop = k->loop, .along = class, .is_by_depth = is_by_depth(k, a), .is_guarded = k->is_conditional };
}

static void look_at_expr(Look *k, const NExpr *x)
{
    if (!x || !k->fits)
        return;
    if (gen_check_needed(k->g, x->check) || x->op == NOP_Generic)
        k->fits = false;
    if (x->op == NOP_Load) {
        for (uint32_t d = 0; d < x->u.access->n_subs; d++) {
            k->fits &= !gen_check_needed(k->g, x->u.access->check[d]);
            look_at_expr(k, x->u.access->sub[d]);
        }
        if (k->loop)
            look_at_load(k, x);
        else
            k->has_bare |= k->is_inner && tile_class(k->g, x) != k->t->all;
    }
    bool before = k->is_conditional;
    look_at_expr(k, x->a);
    k->is_conditional |= x->op == NOP_Select || x->op == NOP_AndAlso || x->op == NOP_OrElse;
    look_at_expr(k, x->b);
    look_at_expr(k, x->c);
    k->is_conditional = before;
}

/* ---- which bodies ---------------------------------------------------------------------------------------------------------------------------------------- */

static void look_at_stmt(Look *k, const NStmt *s);

static void look_at_block(Look *k, const NBlock *b)
{
    for (uint32_t i = 0; i < b->n && k->fits; i++)
        look_at_stmt(k, b->stmt[i]);
}

static void look_at_stmt(Look *k, const NStmt *s)
{
    Gen *g = k->g;
    if (++k->n_stmts > MAX_STATEMENTS) {
        k->fits = false;
        return;
    }
    switch ((NStmtKind)s->kind) {
    case NS_Assign:
        k->fits &= g->var_own[s->var->id] && g->var_watch[s->var->id] != WATCH_Flag && g->var_watch[s->var->id] != WATCH_Place;
        break;
    case NS_Store:
        k->has_bare |= k->loop && s->access->array != k->kept;
        for (uint32_t d = 0; d < s->access->n_subs; d++) {
            k->fits &= !gen_check_needed(g, s->access->check[d]);
            look_at_expr(k, s->access->sub[d]);
        }
        break;
    case NS_If:
        break;
    default:
        k->fits = false;
        return;
    }
    look_at_expr(k, s->expr);
    bool before = k->is_conditional;
    k->is_conditional = true;
    look_at_block(k, &s->body);
    look_at_block(k, &s->orelse);
    k->is_conditional = before;
}

bool tile_is_tree(const Gen *g, const PLoop *l)
{
    return l->mode == PM_Reduction && loop_n_ordered(l) && g->fp != FP_Fast;
}

/* Can the tree's lanes be done one after the other, for each element its own? */
static bool goes_by_lanes(const Look *k, const PLoop *l)
{
    bool all = l->n_last == 0 && gen_can_go_by_lanes(l);
    for (uint32_t i = 0; i < l->n_red; i++)
        all &= !l->red[i].use->is_ordered || (k->g->var_tile[l->red[i].use->var->id] & TILE_BOTH) == k->t->all;
    return all;
}

/* Loops run in program order, or by the lanes of the tree. */
static void look_at_loop(Look *k, const PItem *item)
{
    const PLoop *l = item->loop;
    Tile *t = k->t;
    bool is_tree = tile_is_tree(k->g, l);
    if (l->n_src != 1 || l->n_save || l->n_restore || (l->mode != PM_Sequential && l->is_distributed) || l->src[0]->has_exit ||
        target_has_jumps(k->g, l->src[0]->stmt) || !bounds_are_invariant(k->g, l) || k->depth == MAX_LOOPS || (is_tree && t->n_limits == COUNT_OF(t->limit))) {
        k->fits = false;
        return;
    }
    if (is_tree)
        t->limit[t->n_limits++] = (struct GpuLimit){ l, goes_by_lanes(k, l) ? INT64_MAX : TREE_PROGRAM };
    t->has_trees |= is_tree;
    const PItem *around = k->loop;
    const NArray *was_kept = k->kept;
    k->loop = item;
    k->kept = gen_kept_term(k->g, item) ? item->body[item->n_body - 1]->stmt->access->array : NULL;
    k->depth++;
    gen_counters_begin(k->g, l);
    for (uint32_t i = 0; i < item->n_body && k->fits; i++)
        if (item->body[i]->kind == PI_Stmt)
            look_at_stmt(k, item->body[i]->stmt);
        else if (item->body[i]->kind == PI_Loop)
            look_at_loop(k, item->body[i]);
        else
            k->fits = false;
    gen_counters_end(k->g, l);
    k->depth--;
    k->loop = around;
    k->kept = was_kept;
}

static void look_at_items(Look *k, PItem *const *items, uint32_t n)
{
    for (uint32_t i = 0; i < n && k->fits; i++)
        if (items[i]->kind == PI_Stmt)
            look_at_stmt(k, items[i]->stmt);
        else if (items[i]->kind == PI_Loop)
            look_at_loop(k, items[i]);
        else
            k->fits = false;
}

/* ---- neighbours -------------------------------------------------------------------------------------------------------------------------------------------- */

/* Loads outside inner loops, for stencils: two of one array that differ by a row or so. */
typedef struct Near { Gen *g; const Tile *t; const NAccess *seen[16]; uint32_t n; bool found; } Near;

static bool is_row_apart(const Near *k, const NAccess *a, const NAccess *b)
{
    bool apart = false;
    if (a->array != b->array)
        return false;
    for (uint32_t d = 0; d < a->n_subs; d++) {
        const NForm *f = a->form[d], *h = b->form[d];
        bool by_row = false;
        if (!f || !h)
            return false;
        for (uint32_t i = 0; i < f->n; i++)
            by_row |= f->term[i].loop && class_of_loop(k->t, f->term[i].loop) == TILE_ROWS;
        apart |= by_row && !same_form(f, h);
    }
    return apart;
}

static void find_near(Near *k, const NExpr *x)
{
    if (!x || k->found)
        return;
    if (x->op == NOP_Load && !is_written(k->g, x->u.access)) {
        for (uint32_t i = 0; i < k->n; i++)
            k->found |= is_row_apart(k, k->seen[i], x->u.access);
        if (k->n < COUNT_OF(k->seen))
            k->seen[k->n++] = x->u.access;
    }
    find_near(k, x->a);
    find_near(k, x->b);
    find_near(k, x->c);
}

static bool has_neighbours(Gen *g, const Tile *t)
{
    Near k = { .g = g, .t = t };
    const PItem *inner = t->dim[1].item;
    for (uint32_t i = 0; i < inner->n_body && t->dim[0].item; i++)
        if (inner->body[i]->kind == PI_Stmt)
            find_near(&k, inner->body[i]->stmt->expr);
    return k.found;
}

/* ---- shapes ---------------------------------------------------------------------------------------------------------------------------------------------------- */

static bool reads_itself(const NExpr *x, const NVar *v)
{
    return x && ((x->op == NOP_Var && x->u.var == v) || reads_itself(x->a, v) || reads_itself(x->b, v) || reads_itself(x->c, v));
}

/* Bytes that a thread keeps for each of its elements while inner loops run: accumulators. */
static uint32_t bytes_kept(Gen *g, PItem *const *items, uint32_t n)
{
    uint32_t bytes = 0;
    for (uint32_t i = 0; i < n; i++) {
        const PItem *x = items[i];
        if (x->kind == PI_Loop) {
            const NExpr *e = gen_kept_term(g, x);
            bytes += e ? (uint32_t)dtype_info[e->rep].size : 0;
            bytes += bytes_kept(g, x->body, x->n_body);
        } else if (x->stmt->kind == NS_Assign && (g->var_tile[x->stmt->var->id] & (TILE_BOTH | TILE_AGAIN)) == g->tile->all &&
                   reads_itself(x->stmt->expr, x->stmt->var)) {
            bytes += (uint32_t)dtype_info[x->stmt->var->rep].size;
        }
    }
    return bytes;
}

/* Rows and columns of a thread by the bytes that it keeps for each element. */
static const struct { uint32_t most; int rows, columns, group, depth, blocks; } shapes[] = {
    { 4, 8, 4, 4, 16, 2 }, { 8, 8, 4, 2, 8, 2 }, { 16, 4, 4, 1, 8, 1 }, { 32, 2, 2, 1, 8, 1 },
};

/* Of a panel's rows, as they lie in shared memory.  One that is filled across them has room at their ends, so that neighbours go to different banks. */
int tile_panel_length(const Tile *t, const Panel *p)
{
    const TileDim *d = &t->dim[p->along == TILE_COLUMNS];
    int pad = p->is_by_depth ? 16 / (int)dtype_info[p->access->array->dtype].size : 0;
    return p->along ? d->n * d->threads + pad : 1;
}

static uint32_t panel_bytes(const Tile *t)
{
    uint32_t bytes = 0;
    for (uint32_t i = 0; i < t->n_panels; i++)
        bytes += (uint32_t)(t->depth * tile_panel_length(t, &t->panel[i]) * (int)dtype_info[t->panel[i].access->array->dtype].size);
    return bytes;
}

/* A thread for each iteration of one loop, and panels that all of them read. */
static bool find_common(Look *k)
{
    Tile *t = k->t;
    t->dim[0] = (TileDim){ NULL, 1, 1, 1 };
    t->dim[1] = (TileDim){ t->dim[1].item, 1, 1, THREADS };
    t->depth = THREADS;
    t->blocks = 1;
    return t->n_panels > 0 && !k->has_other && panel_bytes(t) <= SHARED_BYTES;
}

/* A block of 16 x 16 threads with panels. */
static bool find_block(Look *k)
{
    Tile *t = k->t;
    uint8_t along = 0;
    for (uint32_t i = 0; i < t->n_panels; i++)
        along |= t->panel[i].along;
    if (along != TILE_BOTH || k->has_other)
        return false;
    uint32_t bytes = bytes_kept(k->g, t->dim[1].item->body, t->dim[1].item->n_body);
    for (size_t i = 0; i < COUNT_OF(shapes); i++) {
        if (bytes > shapes[i].most)
            continue;
        t->dim[0] = (TileDim){ t->dim[0].item, shapes[i].rows, shapes[i].group, 16 };
        t->dim[1] = (TileDim){ t->dim[1].item, shapes[i].columns, shapes[i].group, 16 };
        t->blocks = shapes[i].blocks;
        for (t->depth = shapes[i].depth; t->depth >= 4; t->depth /= 2)
            if (panel_bytes(t) <= SHARED_BYTES)
                return true;
    }
    return false;
}

/* One iteration to a thread. */
void tile_make_plain(Tile *t)
{
    bool has_rows = t->dim[0].item != NULL;
    t->n_panels = 0;
    t->is_plain = true;
    t->blocks = 1;
    t->dim[0] = (TileDim){ t->dim[0].item, 1, 1, has_rows ? 8 : 1 };
    t->dim[1] = (TileDim){ t->dim[1].item, 1, 1, has_rows ? 32 : THREADS };
}

/* Does the range of columns go up or down with the row, so that its extremes are at the ends of a tile? */
static bool is_monotone(const PLoop *l)
{
    return l->n_upper <= 1 && l->n_lower <= 1 && (l->n_upper || l->src[0]->n_stop_forms == 0);
}

/* … with gain?  The loops' variables are the kernel's own, gen_find_written() was called. */
bool tile_find(Gen *g, const PItem *const *loop, uint32_t n, Tile *t)
{
    const PItem *outer = n > 1 ? loop[n - 2] : NULL, *inner = loop[n - 1];
    *t = (Tile){ .dim = { { .item = outer }, { .item = inner } }, .around = n > 2 ? loop[0] : NULL, .all = outer ? TILE_BOTH : TILE_COLUMNS };
    Look k = { .g = g, .t = t, .fits = true };
    g->tile = t;
    memset(g->var_tile, 0, g->nest->n_vars);
    memset(g->counter_runs, 0, g->nest->n_loops);
    for (uint32_t i = 0; i < n; i++) {
        const PLoop *l = loop[i]->loop;
        k.fits &= l->n_src == 1 && !l->n_save && !l->n_restore && !l->src[0]->has_exit && !target_has_jumps(g, l->src[0]->stmt);
        bool is_uneven = !bounds_are_invariant(g, l);
        k.fits &= !is_uneven || (i > 0 && i + 1 == n && is_monotone(l));
        t->is_uneven |= is_uneven;
        gen_counters_begin(g, l);
    }
    do {
        k.changes = false;
        for (uint32_t i = 0; i < n; i++)
            classify_items(&k, loop[i]->body, loop[i]->n_body - (i + 1 < n));
    } while (k.changes);
    find_again(&k, loop[0]);
    for (uint32_t i = 0; i < n; i++) {
        k.is_inner = i + 1 == n;
        look_at_items(&k, loop[i]->body, loop[i]->n_body - (i + 1 < n));
    }
    bool found = k.fits && (outer ? find_block(&k) : find_common(&k)) && !(t->is_uneven && k.has_bare);
    if (k.fits && !found && !t->is_uneven) {
        bool is_stencil = has_neighbours(g, t);
        found = outer && (k.has_fixed || is_stencil);
        tile_make_plain(t);
        t->is_plain = false;
        int rows = is_stencil && !t->around ? 3 : 4;
        t->dim[0] = (TileDim){ outer, rows, rows, t->around ? 4 : is_stencil ? 2 : 1 };
        t->dim[1] = (TileDim){ inner, 1, 1, t->around ? THREADS / 4 : THREADS };
    }
    /* Without panels loops are short, as a rule, and then in program order.  A tree for each of several elements has room for one chunk. */
    int64_t most = t->n_panels == 0 ? TREE_PROGRAM : t->dim[0].n * t->dim[1].n > 1 ? TREE_CHUNK : INT64_MAX;
    for (uint32_t i = 0; i < t->n_limits; i++)
        t->limit[i].most = t->limit[i].most < most ? t->limit[i].most : most;
    for (uint32_t i = 0; i < n; i++)
        gen_counters_end(g, loop[i]->loop);
    g->tile = NULL;
    return found;
}
