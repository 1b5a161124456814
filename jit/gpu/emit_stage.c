/* jit/gpu/emit_stage.c — short rows: a thread to each, whose terms the whole warp finds.
 *
 *     for i:  s = 0;  for k in range(first[i], first[i + 1]): s += value[k] * x[column[k]];  y[i] = s
 *
 * A thread for each i would read `value` with long strides; a warp for each wastes lanes where rows have few elements, and waits for additions in program
 * order.  So a warp takes 32 iterations of the outer loop, rows.  Lane l does the statements outside the inner loop for row l.  In the inner loop all
 * lanes find terms, 16 of them side by side in a row, and leave them in shared memory; then lane l adds up those of row l, in program order.  A lane that finds a
 * term of another row gets that row's variables from its lane.  It looks up several terms at once, so there is no branch: loads are done under a condition, which a
 * failed check clears.  Where no row has more than 8 iterations each lane does its own.
 *
 * An ordered accumulation over more than 128 iterations follows the canonical tree: such rows are done one after the other, by all lanes.  One in an array
 * element (y[i] += …) keeps program order always.
 *
 * No lane leaves the kernel before the others: one whose check fails goes on as one without a row. */
#include "jit/gpu/emit.h"

enum {
    STAGE_WIDTH = 16,
    STAGE_PITCH = STAGE_WIDTH + 1,              /* so that lanes that add meet in no bank */
    STAGE_BYTES = 36 << 10,
    MAX_WARPS = 4,
    OWN_TERMS = 8,
};

/* ---- which loops ---------------------------------------------------------------------------------------------------------------------- */

/* What a row's terms take in shared memory; 0: the loop cannot be done so. */
static size_t row_bytes(Gen *g, const PItem *item)
{
    const PLoop *l = item->loop;
    const NExpr *e = gen_kept_term(g, item);
    size_t size = 0;
    if (e)
        return STAGE_PITCH * (size_t)dtype_info[e->rep].size;
    if (!gen_can_spread(g, item) || l->n_red == 0 || loop_n_ordered(l) != l->n_red)
        return 0;
    for (uint32_t i = 0; i < item->n_body; i++)
        if (item->body[i]->stmt->kind != NS_Assign)
            return 0;
    for (uint32_t i = 0; i < l->n_red; i++)
        size += STAGE_PITCH * (size_t)dtype_info[l->red[i].use->var->rep].size;
    return size;
}

/* Shared memory of a warp; 0: some item does not fit. */
static size_t warp_bytes(Gen *g, const PItem *item)
{
    size_t size = 0;
    for (uint32_t i = 0; i < item->n_body; i++) {
        const PItem *x = item->body[i];
        size_t row = x->kind == PI_Loop ? row_bytes(g, x) : 0;
        if (x->kind == PI_Loop ? !row : x->kind != PI_Stmt || !gen_is_plain(x->stmt))
            return 0;
        size += 32 * row;
    }
    return 2 * size <= STAGE_BYTES ? size : 0;
}

bool gen_wants_stage(Gen *g, const PItem *item)
{
    const PLoop *l = item->loop;
    bool gains = false;
    if (l->n_src != 1 || l->n_save || l->n_restore || target_has_jumps(g, l->src[0]->stmt))
        return false;
    for (uint32_t i = 0; i < item->n_body; i++)
        gains |= item->body[i]->kind == PI_Loop && gen_has_short_rows(g, item->body[i], l->src[0]);
    return gains && warp_bytes(g, item) > 0;
}

uint32_t gen_short_loops(Gen *g, const PItem *item, const PLoop **loops, uint32_t most)
{
    uint32_t n = 0;
    bool told = item->loop->n_src == 1 && !item->loop->n_restore && warp_bytes(g, item) > 0;
    gen_counters_begin(g, item->loop);
    for (uint32_t i = 0; i < item->n_body && told; i++) {
        const PItem *x = item->body[i];
        told = x->kind != PI_Loop || (n < most && bounds_are_invariant(g, x->loop));
        if (x->kind == PI_Loop && told)
            loops[n++] = x->loop;
    }
    gen_counters_end(g, item->loop);
    return told ? n : 0;
}

uint16_t gen_stage_threads(Gen *g, const PItem *item)
{
    size_t bytes = warp_bytes(g, item);
    uint16_t warps = MAX_WARPS;
    while (warps > 2 && warps * bytes > STAGE_BYTES)
        warps /= 2;
    return (uint16_t)(32 * warps);
}

/* ---- variables of another row ------------------------------------------------------------------------------------------------------------ */

static bool assigns(const PItem *item, const NVar *v)
{
    return items_assign(&(PItem *){ (PItem *)item }, 1, v);
}

static bool body_reads(const PItem *item, const NVar *v)
{
    for (uint32_t i = 0; i < item->n_body; i++)
        if (gen_reads_var(item->body[i]->stmt->expr, v))
            return true;
    return false;
}

/* Is it a variable of the row, which the inner loop reads? */
static bool is_of_row(const Gen *g, const PItem *outer, const PItem *item, const NVar *v)
{
    return assigns(outer, v) && !assigns(item, v) && body_reads(item, v);
}

/* Constants with the values that the row's lane has; outside of the scope in which they take the variables' names. */
static void fetch_row(Gen *g, const PItem *outer, const PItem *item, const char *row)
{
    for (uint32_t i = 0; i < g->nest->n_vars; i++) {
        const NVar *v = g->nest->vars[i];
        if (is_of_row(g, outer, item, v))
            gen_line(g, "const %s of_%s = %s;", c_type((DType)v->rep), gen_var(g, v), gen_shuffled(g, (DType)v->rep, gen_var(g, v), row));
    }
}

static bool accumulates_in(const PLoop *l, const NVar *v)
{
    for (uint32_t i = 0; i < l->n_red; i++)
        if (l->red[i].use->var == v)
            return true;
    return false;
}

/* … and inside: the names mean the other row's variables.  sums: those that accumulate, too.  *watch: what is noted about assignments, which is no business
 * of the other lane's. */
static void become_row(Gen *g, const PItem *outer, const PItem *item, bool sums, uint8_t *watch)
{
    const char *t = gen_counter(g, outer->loop->src[0]);
    gen_line(g, "const i64 %s = row0 + row;", t);
    for (uint32_t i = 0; i < g->nest->n_vars; i++) {
        const NVar *v = g->nest->vars[i];
        watch[i] = g->var_watch[i];
        if (assigns(item, v)) {
            if (sums || !accumulates_in(item->loop, v))
                gen_line(g, "%s %s;", c_type((DType)v->rep), gen_var(g, v));
            g->var_watch[i] = WATCH_No;
        } else if (is_of_row(g, outer, item, v)) {
            gen_line(g, "const %s %s = of_%s;", c_type((DType)v->rep), gen_var(g, v), gen_var(g, v));
        }
    }
}

static void be_oneself(Gen *g, const uint8_t *watch)
{
    for (uint32_t i = 0; i < g->nest->n_vars; i++)
        g->var_watch[i] = watch[i];
}

/* ---- one loop ------------------------------------------------------------------------------------------------------------------------------- */

typedef struct Stage {
    const PItem *outer, *item;
    const NExpr *term;          /* of an accumulation in an element; NULL: in variables */
    unsigned id;
    const char *first;          /* "0", or a variable */
    uint8_t *watch;
} Stage;

static DType term_rep(const NStmt *s)
{
    return (DType)s->expr->rep;
}

/* The statement's term, if it accumulates. */
static const NExpr *accumulated(const Stage *x, const NStmt *s)
{
    if (x->term)
        return s->kind == NS_Store ? x->term : NULL;
    const VarUse *u = gen_accumulation(x->item->loop, s);
    return u ? gen_term_of(s, u->var) : NULL;
}

/* The loop's statements, with `emit` for each that accumulates. */
static void each_stmt(Gen *g, const Stage *x, void (*emit)(Gen *g, const Stage *x, const NStmt *s, const NExpr *term, uint32_t n))
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < x->item->n_body; i++) {
        const NStmt *s = x->item->body[i]->stmt;
        const NExpr *e = accumulated(x, s);
        if (e)
            emit(g, x, s, e, n++);
        else
            gen_stmt(g, s);
    }
}

static void add_term(Gen *g, const Stage *x, const NStmt *s, Val term)
{
    const char *v = x->term ? gen_text(g, "sum%u", x->id) : gen_var(g, s->var);
    gen_line(g, "%s = %s;", v, gen_binary(g, (NOp)s->expr->op, term_rep(s), atom(v), term, false).s);
}

static void add_directly(Gen *g, const Stage *x, const NStmt *s, const NExpr *e, uint32_t n)
{
    gen_source(g, s);
    gen_begin(g, e);
    add_term(g, x, s, gen_expr(g, e));
    gen_end(g);
}

static void leave_term(Gen *g, const Stage *x, const NStmt *s, const NExpr *e, uint32_t n)
{
    gen_source(g, s);
    gen_begin(g, e);
    gen_line(g, "stage%u_%u[row * %d + at] = %s;", x->id, (unsigned)n, STAGE_PITCH, gen_expr(g, e).s);
    gen_end(g);
}

/* Very short rows: each lane does its own. */
static void own_terms(Gen *g, const Stage *x)
{
    const char *t = gen_counter(g, x->item->loop->src[0]);
    g->dead_end = ++g->n_labels;
    g->warp = WARP_Lanes;
    gen_line(g, "#pragma unroll 1");
    gen_open(g, "for (i64 %s = row_first%u; %s < row_first%u + n%u; %s++)", t, x->id, t, x->id, x->id, t);
    each_stmt(g, x, add_directly);
    gen_close(g);
    g->warp = WARP_No;
    if (g->dead_end_used) {
        gen_put_dead_end(g);
        gen_line(g, "live = live && !failed;");
    }
}

/* All lanes find terms, then each adds up its row's. */
static void shared_terms(Gen *g, const Stage *x)
{
    const char *type = x->term ? "i64" : "int";
    unsigned id = x->id;
    gen_open(g, "for (%s done = 0; %s(done < n%u); done += %d)", type, gen_helper(g, HP_AnyLane, DT_COUNT), id, STAGE_WIDTH);
    g->warp = WARP_Uniform;
    gen_poll(g, STAGE_WIDTH);
    g->warp = WARP_No;
    gen_line(g, "#pragma unroll 4");
    gen_open(g, "for (int q = 0; q < %d; q++)", STAGE_WIDTH);
    gen_line(g, "const int row = %d * q + lane / %d, at = lane %% %d;", TREE_LANES / STAGE_WIDTH, STAGE_WIDTH, STAGE_WIDTH);
    gen_line(g, "bool ok = done + at < __shfl_sync(0xffffffffu, n%u, row);", id);
    gen_line(g, "const i64 first_row = %s;", x->first[0] != '0' ? gen_text(g, "__shfl_sync(0xffffffffu, %s, row)", x->first) : "0");
    fetch_row(g, x->outer, x->item, "row");
    gen_scope(g);
    g->guard = "ok";
    become_row(g, x->outer, x->item, false, x->watch);
    gen_line(g, "const i64 %s = first_row + done + at;", gen_counter(g, x->item->loop->src[0]));
    each_stmt(g, x, leave_term);
    be_oneself(g, x->watch);
    g->guard = NULL;
    gen_close(g);
    gen_close(g);
    gen_line(g, "__syncwarp();");
    gen_line(g, "/* program order */");
    gen_line(g, "#pragma unroll");
    gen_open(g, "for (int k = 0; k < %d; k++)", STAGE_WIDTH);
    gen_open(g, "if (done + k < n%u)", id);
    for (uint32_t i = 0, n = 0; i < x->item->n_body; i++)
        if (accumulated(x, x->item->body[i]->stmt))
            add_term(g, x, x->item->body[i]->stmt, atom(gen_text(g, "stage%u_%u[lane * %d + k]", id, (unsigned)n++, STAGE_PITCH)));
    gen_close(g);
    gen_close(g);
    gen_line(g, "__syncwarp();");
    gen_close(g);
    if (g->notes_failed)
        gen_line(g, "live = live && !failed;");
}

static void find_terms(Gen *g, const Stage *x)
{
    gen_counters_begin(g, x->item->loop);
    gen_open(g, "if (!%s(n%u > %d))", gen_helper(g, HP_AnyLane, DT_COUNT), x->id, OWN_TERMS);
    own_terms(g, x);
    g->indent--;
    gen_open(g, "} else");
    shared_terms(g, x);
    gen_close(g);
    gen_counters_end(g, x->item->loop);
}

/* Rows that need the canonical tree. */
static void long_rows(Gen *g, const Stage *x)
{
    const PLoop *l = x->item->loop;
    unsigned id = x->id;
    gen_open(g, "for (unsigned left = __ballot_sync(0xffffffffu, more%u > %d); left; left &= left - 1)", id, TREE_PROGRAM);
    gen_line(g, "const int row = __ffs((int)left) - 1;");
    gen_line(g, "const i64 first_row = %s, end_row = __shfl_sync(0xffffffffu, row_end%u, row);",
             x->first[0] != '0' ? gen_text(g, "__shfl_sync(0xffffffffu, %s, row)", x->first) : "0", id);
    fetch_row(g, x->outer, x->item, "row");
    for (uint32_t i = 0; i < l->n_red; i++) {
        const NVar *v = l->red[i].use->var;
        const char *type = c_type((DType)v->rep), *name = gen_var(g, v);
        gen_line(g, "const %s of_%s = %s;", type, name, gen_shuffled(g, (DType)v->rep, name, "row"));
        gen_line(g, "%s all_%s;", type, name);
    }
    gen_scope(g);
    become_row(g, x->outer, x->item, true, x->watch);
    for (uint32_t i = 0; i < l->n_red; i++)
        gen_line(g, "%s = of_%s;", gen_var(g, l->red[i].use->var), gen_var(g, l->red[i].use->var));
    g->warp = WARP_Uniform;
    g->dead_end = ++g->n_labels;
    gen_tree_lanes(g, x->item, "first_row", "end_row", false);
    g->warp = WARP_No;
    for (uint32_t i = 0; i < l->n_red; i++)
        gen_line(g, "all_%s = %s;", gen_var(g, l->red[i].use->var), gen_var(g, l->red[i].use->var));
    be_oneself(g, x->watch);
    gen_close(g);
    gen_open(g, "if (lane == row)");
    for (uint32_t i = 0; i < l->n_red; i++)
        gen_line(g, "%s = all_%s;", gen_var(g, l->red[i].use->var), gen_var(g, l->red[i].use->var));
    gen_close(g);
    gen_close(g);
}

/* The variables that the last iteration leaves: its assignments once more, by the row's own lane. */
static void last_values(Gen *g, const Stage *x)
{
    const PLoop *l = x->item->loop;
    gen_counters_begin(g, l);
    gen_line(g, "const i64 %s = row_end%u - 1;", gen_counter(g, l->src[0]), x->id);
    for (uint32_t i = 0; i < x->item->n_body; i++)
        if (!accumulated(x, x->item->body[i]->stmt))
            gen_stmt(g, x->item->body[i]->stmt);
    gen_counters_end(g, l);
}

/* Around what each lane does for its own row. */
static void begin_own(Gen *g, const char *also)
{
    g->dead_end = ++g->n_labels;
    g->warp = WARP_Lanes;
    gen_open(g, "if (live%s)", also);
}

static void end_own(Gen *g)
{
    gen_close(g);
    g->warp = WARP_No;
    if (g->dead_end_used) {
        gen_put_dead_end(g);
        gen_line(g, "live = live && !failed;");
    }
}

static void stage_loop(Gen *g, const PItem *outer, const PItem *item, uint8_t *watch, int threads)
{
    Stage x = { .outer = outer, .item = item, .term = gen_kept_term(g, item), .id = ++g->n_labels, .first = "0", .watch = watch };
    const PLoop *l = item->loop;
    const NStmt *store = item->body[item->n_body - 1]->stmt;
    unsigned id = x.id;
    const char *first, *end, *store_type = x.term ? c_type_in_memory((DType)store->access->array->dtype) : "";
    for (uint32_t i = 0, n = 0; i < item->n_body; i++)
        if (accumulated(&x, item->body[i]->stmt)) {
            const char *type = c_type(term_rep(item->body[i]->stmt));
            gen_line(g, "__shared__ %s stages%u_%u[%d][32 * %d];", type, id, (unsigned)n, threads / 32, STAGE_PITCH);
            gen_line(g, "%s *const stage%u_%u = stages%u_%u[threadIdx.x / 32];", type, id, (unsigned)n, id, (unsigned)n);
            n++;
        }
    gen_line(g, "i64 row_first%u = 0, row_end%u = 0;", id, id);
    if (x.term) {
        gen_line(g, "%s *element%u = 0;", store_type, id);
        gen_line(g, "%s sum%u%s;", c_type(term_rep(store)), id, rep_is_complex(term_rep(store)) ? " = { 0, 0 }" : " = 0");
    }
    begin_own(g, "");
    gen_bounds(g, l, &first, &end);
    if (first[0] != '0')
        x.first = gen_text(g, "row_first%u", id);
    gen_line(g, "row_first%u = %s;", id, first);
    gen_line(g, "row_end%u = %s;", id, end);
    if (x.term) {
        gen_open(g, "if (row_first%u < row_end%u)", id, id);
        for (uint32_t i = 0; i + 1 < item->n_body; i++)
            if (gen_is_fixed(item, item->body[i]->stmt))
                gen_stmt(g, item->body[i]->stmt);
        gen_begin_access(g, store->access);
        gen_line(g, "element%u = &%s;", id, gen_element(g, store->access));
        gen_line(g, "sum%u = *element%u;", id, id);
        gen_end(g);
        gen_close(g);
    }
    end_own(g);
    if (x.term) {
        gen_line(g, "const i64 n%u = live && row_first%u < row_end%u ? row_end%u - row_first%u : 0;", id, id, id, id, id);
    } else {
        gen_line(g, "const i64 more%u = live ? row_end%u - row_first%u : 0;", id, id, id);
        gen_line(g, "const int n%u = more%u <= %d ? (int)more%u : 0;", id, id, TREE_PROGRAM, id);
    }
    gen_line(g, "__syncwarp();");
    find_terms(g, &x);
    if (!x.term)
        long_rows(g, &x);
    gen_line(g, "__syncwarp();");
    if (!x.term && l->n_last == 0)
        return;
    begin_own(g, gen_text(g, " && row_first%u < row_end%u", id, id));
    last_values(g, &x);
    if (x.term)
        gen_line(g, "*element%u = sum%u;", id, id);
    end_own(g);
}

void gen_stage_rows(Gen *g, const PItem *item)
{
    uint8_t *watch = gen_room(g, g->nest->n_vars + 1);
    int threads = g->kernel->block[0];
    for (uint32_t i = 0, next; i < item->n_body && !gen_is_broken(g); i = next) {
        next = i + 1;
        if (item->body[i]->kind == PI_Loop) {
            gen_scope(g);
            stage_loop(g, item, item->body[i], watch, threads);
            gen_close(g);
            continue;
        }
        while (next < item->n_body && item->body[next]->kind != PI_Loop)
            next++;
        begin_own(g, "");
        gen_items(g, item->body + i, next - i);
        end_own(g);
    }
}
