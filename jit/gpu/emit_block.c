/* jit/gpu/emit_block.c — the text of a grid in tiles (emit_tile.c).
 *
 * Statements become loops over the thread's rows and columns, as far as they depend on them; all of these are unrolled, so that what is an array in the text is registers.
 * Neighbouring statements that depend on the same share their loops.
 *
 *     const int tx = …, ty = …;                            the thread's place in the block
 *     const i64 row = …, column = …;                       the block's first
 *     for r:  const int y = …;  const i64 i_t0 = …;        y, x: places in the block's tile, …
 *         for q:  const int x = …;  const i64 j_t1 = …;    … and what is computed again from them, where it is used
 *             sum[r][q] = sum[r][q] + a_p0[d][y] * b_p1[d][x];
 *
 * A loop with panels goes by strips of so many iterations as these have room for: barrier, all threads bring the panels, barrier, the strip's iterations. */
#include <string.h>

#include "jit/gpu/emit.h"

/* ---- loops over rows and columns ---------------------------------------------------------------------------------------------------------------- */

/* A line in front, if what it declares is used. */
typedef struct Line { const char *name; GenText text; bool is_used; } Line;
enum { MAX_LINES = 4 + MAX_AGAIN };

static bool is_word_char(char c)
{
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool has_word(const GenText *t, const char *word)
{
    size_t n = strlen(word);
    if (!t->s || n == 0)
        return false;
    for (const char *p = t->s; (p = strstr(p, word)); p++)
        if ((p == t->s || !is_word_char(p[-1])) && !is_word_char(p[n]))
            return true;
    return false;
}

static int n_open(uint8_t class)
{
    return !!(class & TILE_ROWS) + !!(class & TILE_COLUMNS);
}

const char *tile_index(Gen *g, uint8_t class)
{
    const TileDim *d = g->tile->dim;
    return gen_text(g, "%s%s", (class & TILE_ROWS) && d[0].n > 1 ? "[r]" : "", (class & TILE_COLUMNS) && d[1].n > 1 ? "[q]" : "");
}

const char *tile_lengths(Gen *g, uint8_t class)
{
    const TileDim *d = g->tile->dim;
    const char *rows = (class & TILE_ROWS) && d[0].n > 1 ? gen_text(g, "[%d]", d[0].n) : "";
    return (class & TILE_COLUMNS) && d[1].n > 1 ? gen_text(g, "%s[%d]", rows, d[1].n) : rows;
}

/* What begins with this stays apart from the text until tile_end(). */
void tile_begin(Gen *g, uint8_t class)
{
    Tile *t = g->tile;
    t->class = class;
    t->outer_out = g->out;
    t->inner = (GenText){ 0 };
    g->out = &t->inner;
    g->indent += n_open(class);
}

/* Where element r of the thread is in the block's tile. */
static const char *place(Gen *g, const TileDim *d, const char *thread, const char *r)
{
    if (d->n == 1)
        return thread;
    if (d->group == d->n)
        return gen_text(g, "%d * %s + %s", d->n, thread, r);
    if (d->group == 1)
        return gen_text(g, "%s + %d * %s", thread, d->threads, r);
    return gen_text(g, "%d * %s + %d * (%s / %d) + %s %% %d", d->group, thread, d->group * d->threads, r, d->group, r, d->group);
}

/* Which loop of the grid rows (dim 0) or columns are. */
static uint8_t axis_of(const Tile *t, int dim)
{
    return (uint8_t)((t->around != NULL) + (dim && t->dim[0].item));
}

static const char *end_of(Gen *g, int dim)
{
    uint8_t axis = axis_of(g->tile, dim);
    return axis ? gen_param(g, GP_Trip, axis, 0) : gen_param(g, GP_End, 0, 0);
}

static const char *first_of(Gen *g, int dim)
{
    uint8_t axis = axis_of(g->tile, dim);
    return axis ? gen_param(g, GP_First, axis, 0) : gen_param(g, GP_Begin, 0, 0);
}

/* The counter of the element at this place of the tile; in plain form, behind the last one: the last. */
static const char *counter_at(Gen *g, int dim, const char *at)
{
    const char *counter = gen_text(g, "%s + %s", dim ? "column" : "row", at);
    return g->tile->is_plain ? gen_text(g, "%s(%s, %s - 1)", gen_helper(g, HP_Least, DT_COUNT), counter, end_of(g, dim)) : counter;
}

static Line *add_line(Gen *g, Line *list, uint32_t *n, const char *name)
{
    Line *l = &list[(*n)++];
    *l = (Line){ .name = name };
    g->out = &l->text;
    return l;
}

static void again_line(Gen *g, const NStmt *s)
{
    gen_begin(g, s->expr);
    Val v = gen_value_as(g, s->expr, (DType)s->var->rep);
    gen_line(g, "const %s %s = %s;", c_type((DType)s->var->rep), gen_var(g, s->var), v.s);
    gen_end(g);
}

/* What may be declared at the start of an iteration over rows (dim 0) or columns; class: of what is open there. */
static uint32_t add_lines(Gen *g, Line *list, int dim, uint8_t class)
{
    const Tile *t = g->tile;
    const TileDim *d = &t->dim[dim];
    const char *at = dim ? "x" : "y", *counter = gen_counter(g, d->item->loop->src[0]), *here = place(g, d, dim ? "tx" : "ty", dim ? "q" : "r");
    uint32_t n = 0;
    add_line(g, list, &n, at);
    gen_line(g, "const int %s = %s;", at, here);
    add_line(g, list, &n, counter);
    gen_line(g, "const i64 %s = %s;", counter, counter_at(g, dim, here));
    for (uint32_t i = 0; i < t->n_again; i++) {
        const NStmt *s = t->again[i];
        uint8_t c = g->var_tile[s->var->id] & TILE_BOTH;
        if ((c & ~class) || !(c & (dim ? TILE_COLUMNS : TILE_ROWS)) || (dim == 0 && c != TILE_ROWS))
            continue;
        add_line(g, list, &n, gen_var(g, s->var));
        again_line(g, s);
    }
    return n;
}

/* The columns of the present row. */
static uint32_t add_row_bounds(Gen *g, Line *list, uint32_t n)
{
    Tile *t = g->tile;
    Line *l = add_line(g, list, &n, "");
    gen_bounds(g, t->dim[1].item->loop, &t->row_first, &t->row_end);
    l->name = t->row_end;
    return n;
}

static void add_inside(Gen *g, Line *list, uint32_t *n)
{
    if (g->tile->is_uneven) {
        add_line(g, list, n, "inside");
        gen_line(g, "const bool inside = row + y >= own_row && column + x >= own_column && column + x >= %s && column + x < %s;", g->tile->row_first,
                 g->tile->row_end);
        return;
    }
    bool has_rows = g->tile->dim[0].item != NULL;
    add_line(g, list, n, "inside");
    if (g->tile->is_plain)
        gen_line(g, "const bool inside = %scolumn + x < %s;", has_rows ? gen_text(g, "row + y < %s && ", end_of(g, 0)) : "", end_of(g, 1));
    else
        gen_line(g, "const bool inside = %scolumn + x >= own_column;", has_rows ? "row + y >= own_row && " : "");
}

static void mark_used(const GenText *body, Line *list, uint32_t n, const Line *more, uint32_t n_more)
{
    for (uint32_t i = n; i-- > 0;) {
        list[i].is_used = has_word(body, list[i].name);
        for (uint32_t k = i + 1; k < n; k++)
            list[i].is_used |= list[k].is_used && has_word(&list[k].text, list[i].name);
        for (uint32_t k = 0; k < n_more; k++)
            list[i].is_used |= more[k].is_used && has_word(&more[k].text, list[i].name);
    }
}

static void put_lines(Gen *g, Line *list, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (list[i].is_used)
            text_put(g, g->out, list[i].text.s, list[i].text.n);
        text_free(g, &list[i].text);
    }
}

static void open_loop(Gen *g, const TileDim *d, const char *r)
{
    if (d->n == 1) {
        gen_scope(g);
        return;
    }
    gen_line(g, "#pragma unroll");
    gen_open(g, "for (int %s = 0; %s < %d; %s++)", r, r, d->n, r);
}

void tile_end(Gen *g)
{
    Tile *t = g->tile;
    Line rows[MAX_LINES], columns[MAX_LINES];
    uint32_t n_rows = 0, n_columns = 0;
    uint8_t class = t->class;
    GenText body = t->inner;
    g->indent -= n_open(class);
    if (class & TILE_ROWS) {
        g->indent++;
        n_rows = add_lines(g, rows, 0, class);
        if (t->is_uneven && class == TILE_BOTH)
            n_rows = add_row_bounds(g, rows, n_rows);
        g->indent--;
    }
    if (class & TILE_COLUMNS) {
        g->indent += n_open(class);
        n_columns = add_lines(g, columns, 1, class);
        if (class == t->all)
            add_inside(g, columns, &n_columns);
        g->indent -= n_open(class);
    }
    g->out = t->outer_out;
    mark_used(&body, columns, n_columns, NULL, 0);
    mark_used(&body, rows, n_rows, columns, n_columns);
    if (class & TILE_ROWS) {
        open_loop(g, &t->dim[0], "r");
        put_lines(g, rows, n_rows);
    }
    if (class & TILE_COLUMNS) {
        open_loop(g, &t->dim[1], "q");
        put_lines(g, columns, n_columns);
    }
    if (body.n)
        text_put(g, g->out, body.s, body.n);
    text_free(g, &body);
    for (int k = n_open(class); k > 0; k--)
        gen_close(g);
    t->class = 0;
}

/* ---- panels ------------------------------------------------------------------------------------------------------------------------------------------ */

static const char *panel_name(Gen *g, const Panel *p)
{
    return gen_text(g, "%s_p%u", array_name(g, p->access->array), (unsigned)(p - g->tile->panel));
}

const char *tile_load(Gen *g, const NAccess *a)
{
    const Panel *p = tile_panel(g, a);
    return p ? gen_text(g, "%s[d]%s", panel_name(g, p), p->along == TILE_COLUMNS ? "[x]" : p->along ? "[y]" : "") : NULL;
}

static void declare_panels(Gen *g, const PItem *item)
{
    const Tile *t = g->tile;
    for (uint32_t i = 0; i < t->n_panels; i++) {
        const Panel *p = &t->panel[i];
        if (p->loop == item)
            gen_line(g, "alignas(16) __shared__ %s %s[%d]%s;", c_type_in_memory((DType)p->access->array->dtype), panel_name(g, p), t->depth,
                     p->along ? gen_text(g, "[%d]", tile_panel_length(t, p)) : "");
    }
}

/* Is the element in the array?  There may be no such iteration, or none that loads it. */
static const char *is_there(Gen *g, const NAccess *a)
{
    const char *all = "";
    for (uint32_t d = 0; d < a->n_subs; d++) {
        const char *sub = gen_subscript_by_form(g, a, d);
        all = gen_text(g, "%s%s%s >= 0 && %s < %s", all, *all ? " && " : "", sub, sub, gen_extent(g, a->array, (int)d));
    }
    return all;
}

static const char *panel_value(Gen *g, const Panel *p)
{
    const char *element = gen_element_by_forms(g, p->access);
    return g->tile->is_uneven || p->is_guarded ? gen_text(g, "%s ? %s : %s()", is_there(g, p->access), element, c_type_in_memory((DType)p->access->array->dtype)) : element;
}

/* All threads bring a panel; neighbours in memory by neighbouring threads. */
static void fill_panel(Gen *g, const Panel *p, const char *counter, const char *at_depth)
{
    const Tile *t = g->tile;
    if (p->along == 0) {
        gen_scope(g);
        gen_line(g, "const int d = (int)threadIdx.x;");
        gen_line(g, "const i64 %s = %s;", counter, at_depth);
        gen_line(g, "%s[d] = %s;", panel_name(g, p), panel_value(g, p));
        gen_close(g);
        return;
    }
    int dim = p->along == TILE_COLUMNS, length = t->dim[dim].n * t->dim[dim].threads, threads = t->dim[0].threads * t->dim[1].threads;
    const char *at = dim ? "x" : "y";
    gen_line(g, "#pragma unroll");
    gen_open(g, "for (int u = 0; u < %d; u++)", t->depth * length / threads);
    gen_line(g, "const int e = (int)threadIdx.x + %d * u, d = e %s %d, %s = e %s %d;", threads, p->is_by_depth ? "%" : "/", p->is_by_depth ? t->depth : length, at,
             p->is_by_depth ? "/" : "%", p->is_by_depth ? t->depth : length);
    gen_line(g, "const i64 %s = %s, %s = %s;", gen_counter(g, t->dim[dim].item->loop->src[0]), counter_at(g, dim, at), counter, at_depth);
    gen_line(g, "%s[d][%s] = %s;", panel_name(g, p), at, panel_value(g, p));
    gen_close(g);
}

/* at_depth: the counter of place d of the strip, behind the last one: the last. */
static void fill_panels(Gen *g, const PItem *item, const char *counter, const char *at_depth)
{
    const Tile *t = g->tile;
    gen_line(g, "__syncthreads();");
    for (uint32_t i = 0; i < t->n_panels; i++)
        if (t->panel[i].loop == item)
            fill_panel(g, &t->panel[i], counter, at_depth);
    gen_line(g, "__syncthreads();");
}

/* ---- statements ------------------------------------------------------------------------------------------------------------------------------------------ */

/* An accumulation in an element, which is in a register while its loop runs. */
typedef struct Kept { const NStmt *store; const NExpr *term; const char *name /* with its index */; } Kept;

static void accumulate(Gen *g, const Kept *k)
{
    const NExpr *x = k->store->expr;
    gen_source(g, k->store);
    gen_begin(g, k->term);
    gen_line(g, "%s = %s;", k->name, gen_binary(g, (NOp)x->op, (DType)x->rep, atom(k->name), gen_expr(g, k->term), false).s);
    gen_end(g);
}

/* Nothing need be done where the statement stands: the variable is computed again where it is used, or it was set before the loop. */
static bool is_again(const Gen *g, const NStmt *s)
{
    return s->kind == NS_Assign && ((g->var_tile[s->var->id] & TILE_AGAIN) || (g->tile->n_loops && g->var_watch[s->var->id] == WATCH_Cell));
}

/* Flags that say that a variable was assigned: once for a loop. */
static void set_cells(Gen *g, const PItem *item, const char *first, const char *end)
{
    for (uint32_t i = 0; i < item->n_body; i++) {
        const NStmt *s = item->body[i]->stmt;
        if (item->body[i]->kind != PI_Stmt || s->kind != NS_Assign || g->var_watch[s->var->id] != WATCH_Cell)
            continue;
        gen_open(g, "if (%s < %s)", first, end);
        gen_stmt(g, s);
        gen_close(g);
    }
}

static void block_stmt(Gen *g, const NStmt *s, uint8_t class)
{
    bool is_bare = g->tile->is_uneven && g->tile->n_loops == 0 && class == TILE_BOTH && stmt_has_array(s);
    if (is_bare)
        gen_open(g, "if (inside)");
    gen_stmt(g, s);
    if (is_bare)
        gen_close(g);
}

static void block_loop(Gen *g, const PItem *item);

/* kept: the last item is that accumulation. */
static void block_items(Gen *g, PItem *const *items, uint32_t n, const Kept *kept)
{
    for (uint32_t i = 0, next; i < n && !gen_is_broken(g); i = next) {
        next = i + 1;
        if (items[i]->kind == PI_Loop) {
            block_loop(g, items[i]);
            continue;
        }
        if (is_again(g, items[i]->stmt))
            continue;
        uint8_t class = tile_stmt_class(g, items[i]->stmt);
        tile_begin(g, class);
        for (next = i; next < n && items[next]->kind == PI_Stmt && (is_again(g, items[next]->stmt) || tile_stmt_class(g, items[next]->stmt) == class); next++)
            if (kept && next + 1 == n)
                accumulate(g, kept);
            else if (!is_again(g, items[next]->stmt))
                block_stmt(g, items[next]->stmt, class);
        tile_end(g);
    }
}

static void move_kept(Gen *g, const Kept *k, bool out)
{
    tile_begin(g, g->tile->all);
    gen_begin_access(g, k->store->access);
    const char *element = gen_element(g, k->store->access);
    if (out)
        gen_line(g, "if (inside)");
    if (!out && g->tile->is_uneven)
        element = gen_text(g, "inside ? %s : %s()", element, c_type((DType)k->store->expr->rep));
    gen_line(g, "%s%s = %s;", out ? "    " : "", out ? element : k->name, out ? k->name : element);
    gen_end(g);
    tile_end(g);
}

static void strip_loop(Gen *g, const PItem *item, int unroll, const char *depth, const char *at_depth, const Kept *kept)
{
    Tile *t = g->tile;
    const PItem *around = t->strip;
    gen_line(g, "#pragma unroll %d", unroll);
    gen_open(g, "for (int d = 0; d < %s; d++)", depth);
    gen_line(g, "const i64 %s = %s;", gen_counter(g, item->loop->src[0]), at_depth);
    t->strip = item;
    block_items(g, item->body, item->n_body, kept);
    t->strip = around;
    gen_close(g);
}

/* Somebody may want the end, so now and then a thread looks.  All go on or none, where they wait for each other. */
static void tile_poll(Gen *g, unsigned weight)
{
    const Tile *t = g->tile;
    weight *= (unsigned)(t->dim[0].n * t->dim[1].n);
    if (!g->layout->polls || !g->kernel->uses_barriers) {
        gen_poll(g, weight);
        return;
    }
    g->fuel_used = g->program->polls = true;
    gen_open(g, "if ((fuel -= %u) <= 0)", weight);
    gen_line(g, "fuel = FULL;");
    gen_line(g, "__syncthreads();");
    gen_line(g, "if (threadIdx.x == 0)");
    gen_line(g, "    ends = %s(%s);", gen_helper(g, HP_IsStopped, DT_COUNT), gen_param(g, GP_Stop, 0, 0));
    gen_line(g, "__syncthreads();");
    gen_line(g, "if (ends) { %s(%s, %u); return; }", gen_helper(g, HP_Fail, DT_COUNT), gen_param(g, GP_Status, 0, 0), (unsigned)GPU_STOPPED);
    gen_close(g);
}

/* The iterations of a strip; at_depth: their counters.  A whole strip is apart from shorter ones, which need more registers for the same speed. */
static void strip(Gen *g, const PItem *item, const char *at_depth, const Kept *kept)
{
    const Tile *t = g->tile;
    if (t->dim[0].n * t->dim[1].n == 1) {
        strip_loop(g, item, 8, "depth", at_depth, kept);
        return;
    }
    gen_open(g, "if (depth == %d)", t->depth);
    strip_loop(g, item, 4, gen_text(g, "%d", t->depth), at_depth, kept);
    g->indent--;
    gen_open(g, "} else");
    strip_loop(g, item, 1, "depth", at_depth, kept);
    gen_close(g);
}

/* Can iterations be counted in 32 bits, and some more?  Yes, if they are places in an array whose bytes can. */
static bool is_narrow(const Gen *g, const PItem *item)
{
    const Tile *t = g->tile;
    for (uint32_t i = 0; i < t->n_panels; i++) {
        const NAccess *a = t->panel[i].access;
        if (t->panel[i].loop != item || t->panel[i].is_guarded || t->is_uneven || dtype_info[a->array->dtype].size == 1)
            continue;
        for (uint32_t d = 0; d < a->n_subs; d++)
            for (uint32_t k = 0; k < a->form[d]->n; k++)
                if (g->layout->small && g->layout->stride[a->array->id * ALP_MAX_NDIM + d] != LAYOUT_ZERO && a->form[d]->term[k].loop == item->loop->src[0] &&
                    a->form[d]->term[k].coef)
                    return true;
    }
    return false;
}

/* `count` iterations, the first at `from`, by steps of `step` ("": 1). */
static void strips(Gen *g, const PItem *item, const char *count, const char *from, const char *step, const Kept *kept)
{
    const char *counter = gen_counter(g, item->loop->src[0]), *type = is_narrow(g, item) ? "int" : "i64";
    const char *before = strcmp(from, "0") == 0 ? "" : gen_text(g, "%s + ", from), *by = *step ? gen_text(g, "%s * ", step) : "";
    int depth = g->tile->depth;
    unsigned id = (unsigned)++g->n_temps;
    gen_line(g, strchr(count, ' ') ? "const %s count%u = (%s)(%s);" : "const %s count%u = (%s)%s;", type, id, type, count);
    gen_open(g, "for (%s done = 0; done < count%u; done += %d)", type, id, depth);
    tile_poll(g, (unsigned)depth);
    gen_line(g, strcmp(type, "int") == 0 ? "const int depth = min(count%u - done, %d);" : "const int depth = (int)min(count%u - done, %dll);", id, depth);
    fill_panels(g, item, counter, gen_text(g, "%s%smin(done + d, count%u - 1)", before, by, id));
    strip(g, item, gen_text(g, *by ? "%s%s(done + d)" : "%s%sdone + d", before, by), kept);
    gen_close(g);
}

static bool has_panels(const Tile *t, const PItem *item)
{
    for (uint32_t i = 0; i < t->n_panels; i++)
        if (t->panel[i].loop == item)
            return true;
    return false;
}

/* ---- the canonical tree ---------------------------------------------------------------------------------------------------------------------------------- */

/* Lanes fold by halving, so lane l meets lane l + 16 first: taken in the order of their bits turned round, each with the one before it, then pairs with pairs, they
 * need room for five. */
static void tree_lane_end(Gen *g, const PLoop *l, unsigned id)
{
    tile_begin(g, g->tile->all);
    for (uint32_t i = 0; i < l->n_red; i++) {
        const VarUse *u = l->red[i].use;
        if (!u->is_ordered)
            continue;
        const char *name = gen_var(g, u->var), *at = gen_text(g, "lanes%u_%u%s[level]", id, (unsigned)u->var->id, tile_index(g, g->tile->all));
        gen_scope(g);
        gen_line(g, "int level = 0;");
        gen_line(g, "for (; p >> level & 1; level++)");
        gen_line(g, "    %s = %s;", name, gen_combined(g, u, atom(at), atom(name)).s);
        gen_line(g, "%s = %s;", at, name);
        gen_close(g);
    }
    tile_end(g);
}

static void each_ordered(Gen *g, const PLoop *l, unsigned id, void (*each)(Gen *g, const VarUse *u, const char *name, const char *start, unsigned id))
{
    tile_begin(g, g->tile->all);
    for (uint32_t i = 0; i < l->n_red; i++) {
        const VarUse *u = l->red[i].use;
        if (u->is_ordered)
            each(g, u, gen_var(g, u->var), gen_text(g, "start%u_%u%s", id, (unsigned)u->var->id, tile_index(g, g->tile->all)), id);
    }
    tile_end(g);
}

static void keep_start(Gen *g, const VarUse *u, const char *name, const char *start, unsigned id)
{
    gen_line(g, "%s = %s;", start, name);
}

static void begin_lane(Gen *g, const VarUse *u, const char *name, const char *start, unsigned id)
{
    gen_line(g, "%s = n_lanes%u == 1 ? %s : %s;", name, id, start, gen_identity(g, u).s);
}

static bool has_upper(const Tile *t)
{
    return t->dim[0].n * t->dim[1].n == 1;
}

static void end_chunk(Gen *g, const VarUse *u, const char *name, const char *start, unsigned id)
{
    const char *value = gen_text(g, "lanes%u_%u%s", id, (unsigned)u->var->id, tile_index(g, g->tile->all));
    gen_line(g, "if (n_lanes%u == 1)", id);
    gen_line(g, "    %s = %s[0];", start, value);
    gen_line(g, "else");
    if (has_upper(g->tile))
        gen_line(g, "    %s(&upper%u_%u, levels%u_%u, 0, %s[5], %s, &%s);", gen_tree_call(g, u, "give"), id, (unsigned)u->var->id, id, (unsigned)u->var->id, value,
                 gen_identity(g, u).s, start);
    else
        gen_line(g, "    %s = %s;", start, gen_combined(g, u, atom(start), atom(gen_text(g, "%s[5]", value))).s);
}

static void end_tree(Gen *g, const VarUse *u, const char *name, const char *start, unsigned id)
{
    if (has_upper(g->tile)) {
        gen_line(g, "if (n_lanes%u != 1)", id);
        gen_line(g, "    %s(&upper%u_%u, levels%u_%u, %s, &%s);", gen_tree_call(g, u, "flush"), id, (unsigned)u->var->id, id, (unsigned)u->var->id,
                 gen_identity(g, u).s, start);
    }
    gen_line(g, "%s = %s;", name, start);
}

static void declare_tree(Gen *g, const VarUse *u, unsigned id)
{
    DType rep = (DType)u->var->rep;
    unsigned var = (unsigned)u->var->id;
    const char *lengths = tile_lengths(g, g->tile->all);
    gen_line(g, "%s start%u_%u%s, lanes%u_%u%s[6];", c_type(rep), id, var, lengths, id, var, lengths);
    if (!has_upper(g->tile))
        return;
    gen_line(g, "Upper_%s upper%u_%u;", c_suffix(rep), id, var);
    gen_line(g, "const i64 levels%u_%u = n_lanes%u == 1 ? 0 : %s(&upper%u_%u, n%u, %s);", id, var, id, gen_helper(g, HP_Upper, rep), id, var, id,
             gen_identity(g, u).s);
}

static void tree_loop(Gen *g, const PItem *item, const char *first, const char *end)
{
    const PLoop *l = item->loop;
    unsigned id = (unsigned)++g->n_temps;
    const char *least = gen_helper(g, HP_Least, DT_COUNT);
    gen_line(g, "/* more than %d iterations: lanes of chunks, by the canonical tree */", TREE_PROGRAM);
    gen_line(g, "const i64 n%u = %s - %s;", id, end, first);
    gen_line(g, "const int n_lanes%u = n%u > %d ? %d : 1;", id, id, TREE_PROGRAM, TREE_LANES);
    for (uint32_t i = 0; i < l->n_red; i++)
        if (l->red[i].use->is_ordered)
            declare_tree(g, l->red[i].use, id);
    each_ordered(g, l, id, keep_start);
    gen_counters_begin(g, l);
    declare_panels(g, item);
    gen_open(g, "for (i64 from = %s; from < %s; from += %d)", first, end, TREE_CHUNK);
    gen_line(g, "const i64 to = %s(from + %d, %s);", least, TREE_CHUNK, end);
    gen_open(g, "for (int p = 0; p < n_lanes%u; p++)", id);
    gen_line(g, "const int lane = (p & 1) << 4 | (p & 2) << 2 | (p & 4) | (p & 8) >> 2 | p >> 4;");
    gen_line(g, "const int count = to - from > lane ? (int)((to - from - lane - 1) / n_lanes%u) + 1 : 0;", id);
    each_ordered(g, l, id, begin_lane);
    if (has_panels(g->tile, item)) {
        strips(g, item, "count", "from + lane", gen_text(g, "n_lanes%u", id), NULL);
    } else {
        tile_poll(g, TREE_PROGRAM);
        gen_line(g, "const int depth = count;");
        strip(g, item, gen_text(g, "from + lane + n_lanes%u * d", id), NULL);
    }
    tree_lane_end(g, l, id);
    gen_close(g);
    each_ordered(g, l, id, end_chunk);
    gen_close(g);
    gen_counters_end(g, l);
    each_ordered(g, l, id, end_tree);
}

static void block_loop(Gen *g, const PItem *item)
{
    const char *first, *end;
    const NExpr *term = gen_kept_term(g, item);
    Kept kept = { 0 };
    gen_scope(g);
    gen_bounds(g, item->loop, &first, &end);
    set_cells(g, item, first, end);
    g->tile->n_loops++;
    if (g->tile->n_panels && tile_is_tree(g, item->loop)) {
        tree_loop(g, item, first, end);
        g->tile->n_loops--;
        gen_close(g);
        return;
    }
    if (term) {
        unsigned id = (unsigned)++g->n_temps;
        kept = (Kept){ item->body[item->n_body - 1]->stmt, term, gen_text(g, "sum%u%s", id, tile_index(g, g->tile->all)) };
        gen_open(g, "if (%s < %s)", first, end);
        for (uint32_t i = 0; i + 1 < item->n_body; i++)
            if (gen_is_fixed(item, item->body[i]->stmt))
                block_items(g, &item->body[i], 1, NULL);
        gen_line(g, "%s sum%u%s;", c_type((DType)kept.store->expr->rep), id, tile_lengths(g, g->tile->all));
        move_kept(g, &kept, false);
    }
    gen_counters_begin(g, item->loop);
    if (has_panels(g->tile, item)) {
        declare_panels(g, item);
        strips(g, item, strcmp(first, "0") == 0 ? end : gen_text(g, "%s - %s", end, first), first, "", term ? &kept : NULL);
    } else {
        const char *t = gen_counter(g, item->loop->src[0]);
        gen_open(g, "for (i64 %s = %s; %s < %s; %s++)", t, first, t, end, t);
        tile_poll(g, 1);
        block_items(g, item->body, item->n_body, term ? &kept : NULL);
        gen_close(g);
    }
    gen_counters_end(g, item->loop);
    if (term) {
        move_kept(g, &kept, true);
        gen_close(g);
    }
    g->tile->n_loops--;
    gen_close(g);
}

/* Rows of the tile have their extreme columns at its ends: if all columns of the tile are outside, there is nothing to do. */
static void leave_if_outside(Gen *g)
{
    const Tile *t = g->tile;
    int rows = t->dim[0].n * t->dim[0].threads, columns = t->dim[1].n * t->dim[1].threads;
    const char *first, *end, *counter = gen_counter(g, t->dim[0].item->loop->src[0]);
    gen_line(g, "i64 lowest = column + %d, highest = column;", columns);
    gen_open(g, "for (int y = 0; y < %d; y += %d)", rows, rows - 1);
    gen_line(g, "const i64 %s = row + y;", counter);
    for (uint32_t i = 0; i < t->n_again; i++)
        if ((g->var_tile[t->again[i]->var->id] & TILE_BOTH) == TILE_ROWS)
            again_line(g, t->again[i]);
    gen_bounds(g, t->dim[1].item->loop, &first, &end);
    gen_line(g, "lowest = %s(lowest, %s);", gen_helper(g, HP_Least, DT_COUNT), first);
    gen_line(g, "highest = %s(highest, %s);", gen_helper(g, HP_Greatest, DT_COUNT), end);
    gen_close(g);
    gen_line(g, "if (column + %d <= lowest || column >= highest)", columns);
    gen_line(g, "    return;");
}

/* The block's first row or column.  A tile that would go beyond the end is moved back, so that all are whole. */
static void declare_origin(Gen *g, int dim, const char *name, const char *block)
{
    const Tile *t = g->tile;
    int length = t->dim[dim].n * t->dim[dim].threads;
    gen_line(g, "const i64 %s%s = %s + %d * (i64)%s;", t->is_plain ? "" : "own_", name, first_of(g, dim), length, block);
    if (!t->is_plain)
        gen_line(g, "const i64 %s = %s(own_%s, %s - %d);", name, gen_helper(g, HP_Least, DT_COUNT), name, end_of(g, dim), length);
}

/* The grid's body. */
void tile_body(Gen *g, Tile *t)
{
    const PItem *outer = t->dim[0].item, *inner = t->dim[1].item;
    GpuKernel *k = g->kernel;
    int threads[2] = { t->dim[0].threads, t->dim[1].threads };
    g->tile = t;
    if (t->around) {
        gen_counters_begin(g, t->around->loop);
        gen_line(g, "const i64 %s = %s + (i64)blockIdx.z;", gen_counter(g, t->around->loop->src[0]), gen_param(g, GP_Begin, 0, 0));
    }
    g->blocks = t->blocks;
    k->block[0] = (uint16_t)(threads[0] * threads[1]);
    k->block[1] = k->block[2] = 1;
    k->tile[0] = 1;
    for (int d = !outer; d < 2; d++)
        k->tile[axis_of(t, d)] = (uint16_t)(threads[d] * t->dim[d].n);
    k->uses_barriers = t->n_panels > 0;
    k->n_limits = t->n_limits;
    memcpy(k->limit, t->limit, sizeof k->limit);
    if (outer) {
        if (threads[1] == 16)           /* a warp is 4 x 8: it reads fewer different elements than 2 x 16 */
            gen_line(g, "const int tx = (int)(threadIdx.x %% 8 + threadIdx.x / 32 %% 2 * 8), ty = (int)(threadIdx.x / 8 %% 4 + threadIdx.x / 64 * 4);");
        else
            gen_line(g, "const int tx = (int)threadIdx.x %% %d, ty = (int)threadIdx.x / %d;", threads[1], threads[1]);
        declare_origin(g, 0, "row", "blockIdx.y");
        gen_counters_begin(g, outer->loop);
    } else {
        gen_line(g, "const int tx = (int)threadIdx.x;");
    }
    declare_origin(g, 1, "column", "blockIdx.x");
    gen_counters_begin(g, inner->loop);
    if (t->is_uneven)
        leave_if_outside(g);
    for (uint32_t i = 0; i < g->nest->n_vars; i++)
        if (g->var_watch[i] == WATCH_Entry && g->var_own[i]) {
            tile_begin(g, g->var_tile[i] & TILE_BOTH);
            gen_line(g, "%s = %s;", gen_var(g, g->nest->vars[i]), gen_entry(g, g->nest->vars[i]));
            tile_end(g);
        }
    if (t->around)
        block_items(g, t->around->body, t->around->n_body - 1, NULL);
    if (outer)
        block_items(g, outer->body, outer->n_body - 1, NULL);
    block_items(g, inner->body, inner->n_body, NULL);
}

/* Behind the body and what else is to be said for each element. */
void tile_done(Gen *g)
{
    Tile *t = g->tile;
    gen_counters_end(g, t->dim[1].item->loop);
    if (t->dim[0].item)
        gen_counters_end(g, t->dim[0].item->loop);
    if (t->around)
        gen_counters_end(g, t->around->loop);
}
