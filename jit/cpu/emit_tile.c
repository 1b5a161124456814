/* jit/cpu/emit_tile.c — tiles for cache and registers: two perfectly nested parallel loops around a sequential one, as in a
 * matrix product.
 *
 *     for i (parallel): for j (parallel, in lanes): for k: s[j] += a[i, k] * b[k, j]
 *
 * In lanes alone each b[k, j …] is loaded once for every i.  So rows are done several at a time: statements of the body are
 * made once for each of JAM rows, one behind the other, inside loops that they share ("unroll and jam", Allen and Kennedy ch.
 * 8.4), and b is loaded once for all of them.  Strips of j go outermost, which keeps a strip of b in the cache for all i:
 *
 *     for j0 by lanes:  for i0 by JAM:  for k:  rows i0 … i0 + JAM - 1, columns j0 … j0 + lanes - 1
 *                                       or, if not all rows have all these columns, row by row under a mask
 *                       rows that are left, one by one
 *
 * Any order is legal, since no two iterations (i, j) depend on each other.  What stands in front of the inner loop must be
 * assignments without memory, which are repeated; the number of columns may differ from row to row (triangles), other bounds
 * must not depend on i; and there must be something to gain: a reference that is the same for all i, or near.
 *
 * Where variables' last values are wanted, the last row is left to others.
 *
 * Rows.  Variables assigned in the loop over i have a slot for each row (Emit.row), all others one.  A reference that a loop
 * over k accumulates into (c[i, j] += …) is kept in a register during that loop if no other reference can mean the same
 * memory: LLVM cannot tell one row of c from the next. */
#include <string.h>

#include "jit/cpu/emit.h"

/* ---- what is kept in registers ----------------------------------------------------------------------------------------- */

static bool same_expr(const NExpr *a, const NExpr *b)
{
    if (a == b)
        return true;
    if (!a || !b || a->op != b->op || a->rep != b->rep || a->flavour != b->flavour)
        return false;
    switch ((NOp)a->op) {
    case NOP_Const:   return a->u.i == b->u.i && a->rep <= DT_U64;
    case NOP_Var:     return a->u.var == b->u.var;
    case NOP_Counter: return a->u.loop == b->u.loop;
    case NOP_Extent:  return a->u.extent.array == b->u.extent.array && a->u.extent.axis == b->u.extent.axis;
    case NOP_Add: case NOP_Sub: case NOP_Mul: case NOP_Neg:
        return same_expr(a->a, b->a) && same_expr(a->b, b->b);
    default:          return false;
    }
}

static bool same_place(const NAccess *a, const NAccess *b)
{
    if (a->array != b->array)
        return false;
    for (uint32_t d = 0; d < a->n_subs; d++)
        if (!same_expr(a->sub[d], b->sub[d]))
            return false;
    return true;
}

static bool is_assigned_in(const PItem *item, const NVar *v)
{
    for (uint32_t i = 0; i < item->n_body; i++)
        if (item->body[i]->kind == PI_Stmt && item->body[i]->stmt->kind == NS_Assign && item->body[i]->stmt->var == v)
            return true;
    return false;
}

/* Does the expression stay the same while the loop runs? */
static bool is_fixed(const PItem *item, const NExpr *x)
{
    if (!x)
        return true;
    if (x->op == NOP_Load || x->op == NOP_Fun || x->op == NOP_Generic || (x->op == NOP_Var && is_assigned_in(item, x->u.var)))
        return false;
    for (uint32_t k = 0; x->op == NOP_Counter && k < item->loop->n_src; k++)
        if (item->loop->src[k] == x->u.loop)
            return false;
    return is_fixed(item, x->a) && is_fixed(item, x->b) && is_fixed(item, x->c);
}

/* Every other reference is to memory that shares no byte with it. */
static bool is_alone(const Emit *e, const NExpr *x, const NAccess *write)
{
    if (!x)
        return true;
    if (x->op == NOP_Load) {
        const NAccess *a = x->u.access;
        if (!same_place(a, write) && e->opt->layout.group[a->array->id] == e->opt->layout.group[write->array->id])
            return false;
        for (uint32_t d = 0; d < a->n_subs; d++)
            if (!is_alone(e, a->sub[d], write))
                return false;
        return true;
    }
    return is_alone(e, x->a, write) && is_alone(e, x->b, write) && is_alone(e, x->c, write);
}

static const NExpr *find_load(const NExpr *x, const NAccess *of)
{
    if (!x)
        return NULL;
    if (x->op == NOP_Load)
        return same_place(x->u.access, of) ? x : NULL;
    const NExpr *found = find_load(x->a, of);
    found = found ? found : find_load(x->b, of);
    return found ? found : find_load(x->c, of);
}

/* The one store of a loop's body, if the element can be kept in a register while the loop runs. */
static const NStmt *kept_store(const Emit *e, const PItem *item)
{
    const NStmt *store = NULL;
    for (uint32_t i = 0; i < item->n_body; i++) {
        const NStmt *s = item->body[i]->stmt;
        if (item->body[i]->kind != PI_Stmt || (s->kind != NS_Assign && s->kind != NS_Store) || (s->kind == NS_Store && store))
            return NULL;
        store = s->kind == NS_Store ? s : store;
    }
    if (!store)
        return NULL;
    for (uint32_t d = 0; d < store->access->n_subs; d++) {
        uint32_t check = store->access->check[d];
        if (!is_fixed(item, store->access->sub[d]) || emit_check_needed(e, check))
            return NULL;
    }
    for (uint32_t i = 0; i < item->n_body; i++)
        if (!is_alone(e, item->body[i]->stmt->expr, store->access))
            return NULL;
    return store;
}

bool emit_keeps_stores(const Emit *e, const PItem *item)
{
    bool has_store = false;
    for (uint32_t i = 0; i < item->n_body; i++) {
        const PItem *x = item->body[i];
        if (x->kind == PI_Loop && !emit_keeps_stores(e, x))
            return false;
        has_store |= x->kind == PI_Stmt && x->stmt->kind == NS_Store;
    }
    return !has_store || kept_store(e, item);
}

bool emit_is_kept(const Emit *e, const NAccess *a)
{
    return e->kept && same_place(a, e->kept);
}

static LLVMTypeRef kept_type(const Emit *e, const NAccess *a)
{
    LLVMTypeRef type = emit_scalar_type(e, (DType)a->array->dtype);
    return e->lanes ? LLVMVectorType(type, (unsigned)e->lanes) : type;
}

/* The register of the present row. */
Val emit_kept_slot(Emit *e)
{
    Val *slot = &e->kept_slot[e->row];
    if (!slot->re) {
        LLVMTypeRef type = kept_type(e, e->kept);
        slot->re = emit_alloca(e, type, "kept");
        slot->im = emit_is_complex((DType)e->kept->array->dtype) ? emit_alloca(e, type, "kept") : NULL;
    }
    return *slot;
}

static void move_kept(Emit *e, const NAccess *a, bool out)
{
    int rows = e->rows ? e->rows : 1;
    e->width = e->lanes ? e->lanes : 1;
    for (e->row = 0; e->row < rows; e->row++) {
        emit_forget(e, 0);
        Val slot = emit_kept_slot(e);
        const NAccess *kept = e->kept;
        if (out) {
            LLVMTypeRef type = kept_type(e, a);
            Val v = { LLVMBuildLoad2(e->b, type, slot.re, ""), slot.im ? LLVMBuildLoad2(e->b, type, slot.im, "") : NULL };
            e->kept = NULL;
            emit_store(e, a, v);
        } else {
            e->kept = NULL;
            Val v = emit_load(e, a);
            LLVMBuildStore(e->b, v.re, slot.re);
            if (slot.im)
                LLVMBuildStore(e->b, v.im, slot.im);
        }
        e->kept = kept;
    }
    emit_forget(e, 0);
    e->row = 0;
    e->width = 1;
}

bool emit_kept_loop(Emit *e, const PItem *item, LLVMValueRef first, LLVMValueRef end,
                    void (*loop)(Emit *e, const PItem *item, LLVMValueRef first, LLVMValueRef end))
{
    bool here = (e->lanes || e->rows) && !emit_is_masked(e) && !e->kept && item->loop->mode == PM_Sequential;
    const NStmt *store = here ? kept_store(e, item) : NULL;
    const NExpr *load = store ? find_load(store->expr, store->access) : NULL;
    if (!load || (e->lanes && emit_lane_of(e, load).kind != LANE_Varying))
        return false;
    LLVMBasicBlockRef some = emit_new_block(e, "some"), behind = emit_new_block(e, "behind");
    emit_if(e, LLVMBuildICmp(e->b, LLVMIntSLT, first, end, ""), some, behind);
    emit_at(e, some);
    memset(e->kept_slot, 0, sizeof e->kept_slot);
    e->kept = store->access;
    move_kept(e, store->access, false);
    loop(e, item, first, end);
    move_kept(e, store->access, true);
    e->kept = NULL;
    LLVMBuildBr(e->b, behind);
    emit_at(e, behind);
    return true;
}

/* ---- tiles ------------------------------------------------------------------------------------------------------------- */

typedef struct Tile {
    const PItem *outer, *inner;
    int lanes, rows;
    bool is_uneven;                     /* rows differ in their number of columns */
    LLVMValueRef first, end;            /* of the outer loop */
    LLVMValueRef column;                /* of lane 0 */
    LLVMValueRef columns;               /* of all rows, unless is_uneven */
} Tile;

/* The loop over j; NULL: the body is something else than assignments and one loop. */
static const PItem *inner_of(const Emit *e, const PItem *outer)
{
    int budget = 50;
    for (uint32_t i = 0; i < outer->n_body; i++) {
        const PItem *x = outer->body[i];
        if (x->kind == PI_Loop)
            return i + 1 == outer->n_body ? x : NULL;
        if (x->kind != PI_Stmt || x->stmt->kind != NS_Assign || !emit_is_cheap(e, x->stmt->expr, &budget))
            return NULL;
    }
    return NULL;
}

/* Only assignments, stores and sequential loops of them. */
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

bool emit_reads_private(const PLoop *l, const NExpr *x, int *budget)
{
    if (!x)
        return false;
    if (--*budget < 0)
        return true;
    for (uint32_t i = 0; x->op == NOP_Var && i < l->n_private; i++)
        if (l->private_var[i] == x->u.var)
            return true;
    return emit_reads_private(l, x->a, budget) || emit_reads_private(l, x->b, budget) || emit_reads_private(l, x->c, budget);
}

static bool is_simple(const PLoop *l)
{
    return l->mode == PM_Parallel && l->n_src == 1 && !l->n_save && !l->n_restore && !l->n_upper && !l->src[0]->has_exit;
}

/* Vectors that live through the loops inside: variables that they assign, elements that they store to. */
static void count_vectors(const Emit *e, const PItem *loop, const NVar **seen, int *count, int most)
{
    for (uint32_t i = 0; i < loop->n_body; i++) {
        const PItem *x = loop->body[i];
        if (x->kind == PI_Loop) {
            count_vectors(e, x, seen, count, most);
            continue;
        }
        const NVar *v = x->stmt->kind == NS_Assign ? x->stmt->var : NULL;
        bool is_new = v ? e->var_lane[v->id].kind == LANE_Varying : true;
        for (int k = 0; k < *count && v; k++)
            is_new &= seen[k] != v;
        if (is_new && *count < most)
            seen[(*count)++] = v;
    }
}

/* Are the bounds of all loops inside the same for all rows? */
static bool has_common_loops(const Emit *e, const PItem *outer, const PItem *item)
{
    for (uint32_t i = 0; i < item->n_body; i++)
        if (item->body[i]->kind == PI_Loop && (item->body[i]->loop->n_save || item->body[i]->loop->n_restore ||
                                               !emit_has_common_bounds(e, outer, item->body[i]->loop) ||
                                               !has_common_loops(e, outer, item->body[i])))
            return false;
    return true;
}

/* The loops of a body, at any depth, that assign a wanted variable which nothing before them assigns are to have iterations
 * in the last row. */
static bool gives_last(const PLoop *l, const PItem *item, const PItem **giver, uint32_t *n, uint32_t most)
{
    for (uint32_t i = 0; i < l->n_last; i++)
        for (uint32_t k = 0; k < item->n_body; k++) {
            const PItem *x = item->body[k];
            if (x->kind != PI_Loop)
                continue;
            if (is_assigned_in(x, l->last[i]->var)) {
                if (*n == most || x->loop->n_upper)
                    return false;
                giver[(*n)++] = x;
            }
            if (!gives_last(l, x, giver, n, most))
                return false;
        }
    return true;
}

enum { MAX_GIVERS = 8 };

static bool assigns_last(const PItem *outer, const PItem *inner)
{
    const PItem *giver[MAX_GIVERS];
    uint32_t n = 0;
    return gives_last(outer->loop, inner, giver, &n, COUNT_OF(giver));
}

static bool is_uneven(const PItem *outer, const PItem *inner)
{
    int budget = 50;
    return emit_reads_private(outer->loop, inner->loop->src[0]->trip, &budget);
}

/* Does the form go up or down with the outer loop, but not both? */
static bool is_monotone(const NForm *f)
{
    for (uint32_t t = 0; f && t < f->n; t++)
        if (f->term[t].sym && f->term[t].sym->varies)
            return false;
    return f != NULL;
}

/* Can the two loops be tiled, with gain?  In lanes of the outer one, for a moment: what is alike there does not depend on i.
 * Numbers of columns that differ must be monotone. */
static bool is_tileable(Emit *e, const PItem *outer, const PItem *inner)
{
    int nodes = 50;
    const PLoop *l = outer->loop, *m = inner->loop;
    const NLoop *src = m->src[0];
    if (!is_simple(l) || !is_simple(m) || !m->is_vector || !emit_has_loops(inner->body, inner->n_body) ||
        !is_plain(inner->body, inner->n_body))
        return false;
    if (!emit_is_cheap(e, src->trip, &nodes) || emit_check_needed(e, src->step_check) ||
        (is_uneven(outer, inner) && !(is_monotone(src->start_form) && is_monotone(src->stop_form) && src->step_const)))
        return false;
    if (!has_common_loops(e, outer, inner) || !assigns_last(outer, inner))
        return false;
    emit_lanes_look(e, outer);
    return emit_has_shared_load(e, inner);
}

/* Rows are chosen so that their vectors, one for each row and variable, stay in half of the registers. */
static int choose_rows(const Emit *e, const PItem *inner)
{
    const NVar *seen[4];
    int vectors = 0, room = e->vector_bits == 512 ? 4 : 2;
    for (uint32_t i = 0; i < inner->n_body; i++)
        if (inner->body[i]->kind == PI_Loop)
            count_vectors(e, inner->body[i], seen, &vectors, COUNT_OF(seen));
    return vectors <= 1 ? room : vectors <= 3 ? room / 2 : 1;
}

void emit_rows_begin(Emit *e, const PLoop *l, int rows, LLVMValueRef row)
{
    e->rows = rows;
    e->row_loop = l;
    for (int r = 0; r < rows; r++)
        e->row_counter[r] = LLVMBuildNSWAdd(e->b, row, emit_int(e, r), "");
    e->f->counter[l->src[0]->id] = row;
}

void emit_rows_end(Emit *e)
{
    e->rows = 0;
    e->row_loop = NULL;
}

void emit_rows_copy(Emit *e, const PLoop *l, int from, int to)
{
    for (uint32_t i = 0; i < l->n_last; i++) {
        const NVar *v = l->last[i]->var;
        bool is_wide = e->lanes && e->var_lane[v->id].kind == LANE_Varying;
        e->width = is_wide ? e->lanes : 1;
        e->row = from;
        Val x = emit_get_var(e, v);
        e->row = to;
        emit_fill_var(e, v, x);
    }
    e->width = 1;
    e->row = 0;
}

/* How many columns the present rows have, the fewest of them; behind the statements in front of the inner loop. */
static LLVMValueRef columns_of(Emit *e, const Tile *t)
{
    LLVMValueRef least = NULL;
    int rows = e->rows ? e->rows : 1, lanes = e->lanes;
    if (!t->is_uneven && t->columns)
        return t->columns;
    e->lanes = 0;
    for (e->row = 0; e->row < rows; e->row++) {
        emit_forget(e, 0);
        LLVMValueRef n = emit_expr(e, t->inner->loop->src[0]->trip).re;
        least = least ? emit_min(e, least, n) : n;
    }
    emit_forget(e, 0);
    e->row = 0;
    e->lanes = lanes;
    return least;
}

static void begin_rows(Emit *e, const Tile *t, int rows, LLVMValueRef row)
{
    emit_rows_begin(e, t->outer->loop, rows, row);
    emit_items(e, t->outer->body, t->outer->n_body - 1);
}

static void column_body(Emit *e, const EmitFor *f, LLVMValueRef column)
{
    const Tile *t = f->user;
    emit_iteration(e, t->inner, column, f->exit);
}

/* One row, as many columns of the strip as it has: a tail, or one by one. */
static void edge_body(Emit *e, const EmitFor *f, LLVMValueRef row)
{
    const Tile *t = f->user;
    begin_rows(e, t, 1, row);
    LLVMValueRef left = LLVMBuildNSWSub(e->b, columns_of(e, t), t->column, "");
    LLVMValueRef n = emit_min(e, left, emit_int(e, t->lanes));
    if (emit_has_tails(e, t->inner)) {
        LLVMBasicBlockRef some = emit_new_block(e, "some"), on = emit_new_block(e, "on");
        emit_if(e, LLVMBuildICmp(e->b, LLVMIntSGT, n, emit_int(e, 0), ""), some, on);
        emit_at(e, some);
        emit_tail_begin(e, n);
        emit_iteration(e, t->inner, t->column, NULL);
        emit_tail_end(e);
        LLVMBuildBr(e->b, on);
        emit_at(e, on);
    } else {
        EmitFor columns = { .first = t->column,
                            .end = LLVMBuildNSWAdd(e->b, t->column, n, ""),
                            .step = 1,
                            .poll = POLL_Each,
                            .body = column_body,
                            .user = f->user };
        e->lanes = 0;
        emit_for(e, &columns);
        e->lanes = t->lanes;
    }
    emit_rows_end(e);
}

static void edges(Emit *e, Tile *t, LLVMValueRef first, LLVMValueRef end)
{
    EmitFor rows = { .first = first, .end = end, .step = 1, .poll = POLL_Each, .body = edge_body, .user = t };
    emit_for(e, &rows);
}

/* A tile if all rows have all columns of the strip. */
static void rows_body(Emit *e, const EmitFor *f, LLVMValueRef row)
{
    Tile *t = f->user;
    begin_rows(e, t, t->rows, row);
    LLVMValueRef end = LLVMBuildNSWAdd(e->b, t->column, emit_int(e, t->lanes), "");
    LLVMValueRef is_whole = LLVMBuildICmp(e->b, LLVMIntSLE, end, columns_of(e, t), "");
    LLVMBasicBlockRef whole = emit_new_block(e, "whole"), edge = emit_new_block(e, "edge"), on = emit_new_block(e, "on");
    emit_if(e, is_whole, whole, edge);
    emit_at(e, whole);
    emit_iteration(e, t->inner, t->column, NULL);
    emit_rows_end(e);
    LLVMBuildBr(e->b, on);
    emit_at(e, edge);
    edges(e, t, row, LLVMBuildNSWAdd(e->b, row, emit_int(e, t->rows), ""));
    LLVMBuildBr(e->b, on);
    emit_at(e, on);
}

static void strip_body(Emit *e, const EmitFor *f, LLVMValueRef column)
{
    Tile *t = f->user;
    t->column = column;
    EmitFor tiles = { .first = t->first, .end = t->end, .step = t->rows, .poll = POLL_Each, .body = rows_body, .user = t };
    emit_for(e, &tiles);
    if (t->rows == 1)
        return;
    LLVMValueRef n = emit_intrinsic2(e, "llvm.smax", LLVMBuildNSWSub(e->b, t->end, t->first, ""), emit_int(e, 0));
    LLVMValueRef whole = LLVMBuildAnd(e->b, n, emit_int(e, -t->rows), "");
    edges(e, t, LLVMBuildNSWAdd(e->b, t->first, whole, ""), t->end);
}

static LLVMValueRef trips(Emit *e, const PLoop *l)
{
    int lanes = e->lanes;
    e->lanes = 0;
    emit_forget(e, 0);
    LLVMValueRef n = emit_expr(e, l->src[0]->trip).re;
    emit_forget(e, 0);
    e->lanes = lanes;
    return n;
}

/* Number of columns of one row. */
static LLVMValueRef columns_at(Emit *e, const Tile *t, LLVMValueRef row)
{
    int lanes = e->lanes;
    e->lanes = 0;
    begin_rows(e, t, 1, row);
    LLVMValueRef n = columns_of(e, t);
    emit_rows_end(e);
    e->lanes = lanes;
    return n;
}

bool emit_can_tile(Emit *e, const PItem *outer)
{
    const PItem *inner = e->lanes || e->rows ? NULL : inner_of(e, outer);
    return inner && is_tileable(e, outer, inner);
}

LLVMValueRef emit_tiled(Emit *e, const PItem *outer, LLVMValueRef first, LLVMValueRef end)
{
    if (!emit_can_tile(e, outer))
        return NULL;
    const PItem *inner = inner_of(e, outer);
    const NLoop *l = outer->loop->src[0];
    int lanes = emit_best_lanes(e, inner);
    if (!emit_lanes_begin(e, inner, lanes, false))
        return NULL;
    if (!emit_lanes_are_smooth(e, inner)) {
        emit_lanes_end(e);
        return NULL;
    }
    Tile t = { .outer = outer, .inner = inner, .lanes = lanes, .rows = choose_rows(e, inner), .first = first, .end = end };
    LLVMValueRef outside = e->f->counter[l->id], last = LLVMBuildNSWSub(e->b, end, emit_int(e, 1), "");
    LLVMBasicBlockRef from[2] = { LLVMGetInsertBlock(e->b), NULL }, some = emit_new_block(e, "some"), on = emit_new_block(e, "on");
    emit_if(e, LLVMBuildICmp(e->b, LLVMIntSLT, first, end, ""), some, on);
    emit_at(e, some);
    t.is_uneven = is_uneven(outer, inner);
    LLVMValueRef most = columns_at(e, &t, first), at_last = t.is_uneven ? columns_at(e, &t, last) : most;
    t.columns = most;
    if (t.is_uneven)
        most = emit_intrinsic2(e, "llvm.smax", most, at_last);
    if (outer->loop->n_last) {          /* the last row is left over: it gives variables their last values */
        LLVMValueRef gives = LLVMBuildICmp(e->b, LLVMIntSGT, at_last, emit_int(e, 0), "");
        const PItem *giver[MAX_GIVERS];
        uint32_t n = 0;
        gives_last(outer->loop, inner, giver, &n, COUNT_OF(giver));
        for (uint32_t i = 0; i < n; i++)
            gives = LLVMBuildAnd(e->b, gives, LLVMBuildICmp(e->b, LLVMIntSGT, trips(e, giver[i]->loop), emit_int(e, 0), ""), "");
        t.end = LLVMBuildSelect(e->b, gives, last, first, "");
    }
    for (uint32_t i = 0; i < outer->loop->n_private; i++)
        e->is_row_own[outer->loop->private_var[i]->id] = true;
    LLVMValueRef round = LLVMBuildNSWAdd(e->b, most, emit_int(e, lanes - 1), "");
    EmitFor strips = { .first = emit_int(e, 0),
                       .end = LLVMBuildAnd(e->b, round, emit_int(e, -lanes), ""),
                       .step = lanes,
                       .poll = POLL_Each,
                       .body = strip_body,
                       .user = &t };
    emit_for(e, &strips);
    emit_lanes_end(e);
    memset(e->is_row_own, 0, e->nest->n_vars * sizeof *e->is_row_own);
    e->f->counter[l->id] = outside;
    from[1] = LLVMGetInsertBlock(e->b);
    LLVMBuildBr(e->b, on);
    emit_at(e, on);
    if (!outer->loop->n_last)
        return end;
    LLVMValueRef left = LLVMBuildPhi(e->b, e->i64, "left");
    LLVMAddIncoming(left, (LLVMValueRef[]){ first, t.end }, from, 2);
    return left;
}
