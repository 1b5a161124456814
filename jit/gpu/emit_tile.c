/* jit/gpu/emit_tile.c — a thread takes several rows of a grid at once.
 *
 *     for i: for j: for k: c[i, j] += a[i, k] * b[k, j]
 *
 * A thread for each (i, j) loads two elements for each product.  One that takes rows i … i + 3 loads b[k, j] once for all of them: its statements are made
 * four times, with a copy of each of its variables for every row, and the loops between them once.  That is allowed because iterations of a
 * parallel loop may run in any order, also interleaved.  An element that the inner loop accumulates in is kept in a register meanwhile. */
#include "jit/gpu/emit.h"

enum { MAX_STATEMENTS = 12 };

/* *stays: something is loaded that is the same for all iterations of the loop. */
static void find_reuse(const NExpr *x, const NLoop *loop, bool *stays)
{
    if (!x)
        return;
    if (x->op == NOP_Load) {
        bool moves = false;
        for (uint32_t d = 0; d < x->u.access->n_subs; d++) {
            const NForm *f = x->u.access->form[d];
            for (uint32_t k = 0; f && k < f->n; k++)
                moves |= f->term[k].loop == loop;
            moves |= !f;
        }
        *stays |= !moves;
    }
    find_reuse(x->a, loop, stays);
    find_reuse(x->b, loop, stays);
    find_reuse(x->c, loop, stays);
}

/* Stores inside inner loops must be accumulations in one element. */
static bool body_fits(Gen *g, PItem *const *items, uint32_t n, const NLoop *rows, int depth, uint32_t *n_stmts, bool *reuses)
{
    for (uint32_t i = 0; i < n; i++) {
        const PItem *x = items[i];
        if (x->kind == PI_Stmt) {
            if ((x->stmt->kind != NS_Assign && x->stmt->kind != NS_Store) || ++*n_stmts > MAX_STATEMENTS)
                return false;
            if (depth)
                find_reuse(x->stmt->expr, rows, reuses);
            continue;
        }
        if (x->kind != PI_Loop || x->loop->mode != PM_Sequential || x->loop->n_save || x->loop->n_restore || x->loop->n_src != 1 ||
            x->loop->src[0]->has_exit || target_has_jumps(g, x->loop->src[0]->stmt) || !bounds_are_invariant(g, x->loop) ||
            !body_fits(g, x->body, x->n_body, rows, depth + 1, n_stmts, reuses))
            return false;
        for (uint32_t k = 0; k < x->n_body; k++)
            if (x->body[k]->kind == PI_Stmt && x->body[k]->stmt->kind == NS_Store && !gen_kept_term(g, x))
                return false;
    }
    return true;
}

/* Is it worth it, and can it be done?  outer, inner: the grid's loops. */
bool gen_wants_rows(Gen *g, const PItem *outer, const PItem *inner)
{
    uint32_t n_stmts = 0;
    bool reuses = false;
    if (outer->loop->n_src != 1 || inner->loop->n_src != 1 || outer->loop->n_restore || inner->loop->n_restore)
        return false;
    gen_counters_begin(g, outer->loop);         /* so that bounds are seen to depend on them */
    bool fits = bounds_are_invariant(g, inner->loop);
    gen_counters_begin(g, inner->loop);
    fits = fits && body_fits(g, outer->body, outer->n_body - 1, outer->loop->src[0], 0, &n_stmts, &reuses) &&
           body_fits(g, inner->body, inner->n_body, outer->loop->src[0], 0, &n_stmts, &reuses);
    gen_counters_end(g, inner->loop);
    gen_counters_end(g, outer->loop);
    return fits && reuses;
}

static void each_row(Gen *g, const NStmt *s)
{
    for (g->row = 0; g->row < ROWS; g->row++)
        gen_stmt(g, s);
    g->row = 0;
}

/* A loop that accumulates in an element for each row. */
static void kept_rows(Gen *g, const PItem *item, const NExpr *e, const char *first, const char *end)
{
    const NStmt *store = item->body[item->n_body - 1]->stmt;
    DType rep = (DType)store->expr->rep;
    const char *element[ROWS], *t;
    unsigned id = (unsigned)++g->n_temps;
    gen_open(g, "if (%s < %s)", first, end);
    for (uint32_t i = 0; i + 1 < item->n_body; i++)
        if (gen_is_fixed(item, item->body[i]->stmt))
            each_row(g, item->body[i]->stmt);
    for (g->row = 0; g->row < ROWS; g->row++) {
        gen_begin_access(g, store->access);
        element[g->row] = gen_element(g, store->access);
        gen_line(g, "%s sum%u_r%d = %s;", c_type(rep), id, g->row, element[g->row]);
        gen_end(g);
    }
    g->row = 0;
    gen_counters_begin(g, item->loop);
    t = gen_counter(g, item->loop->src[0]);
    gen_open(g, "for (i64 %s = %s; %s < %s; %s++)", t, first, t, end, t);
    for (uint32_t i = 0; i + 1 < item->n_body; i++)
        each_row(g, item->body[i]->stmt);
    gen_source(g, store);
    for (g->row = 0; g->row < ROWS; g->row++) {
        const char *sum = gen_text(g, "sum%u_r%d", id, g->row);
        gen_begin(g, e);
        gen_line(g, "%s = %s;", sum, gen_binary(g, (NOp)store->expr->op, rep, atom(sum), gen_expr(g, e), false).s);
        gen_end(g);
    }
    gen_close(g);
    gen_counters_end(g, item->loop);
    for (g->row = 0; g->row < ROWS; g->row++)
        gen_line(g, "%s = sum%u_r%d;", element[g->row], id, g->row);
    g->row = 0;
    gen_close(g);
}

void gen_row_items(Gen *g, PItem *const *items, uint32_t n)
{
    for (uint32_t i = 0; i < n && !gen_is_broken(g); i++) {
        const PItem *x = items[i];
        const char *first, *end, *t;
        if (x->kind == PI_Stmt) {
            each_row(g, x->stmt);
            continue;
        }
        gen_scope(g);
        gen_bounds(g, x->loop, &first, &end);
        const NExpr *e = gen_kept_term(g, x);
        if (e) {
            kept_rows(g, x, e, first, end);
        } else {
            gen_counters_begin(g, x->loop);
            t = gen_counter(g, x->loop->src[0]);
            gen_open(g, "for (i64 %s = %s; %s < %s; %s++)", t, first, t, end, t);
            gen_row_items(g, x->body, x->n_body);
            gen_close(g);
            gen_counters_end(g, x->loop);
        }
        gen_close(g);
    }
}
