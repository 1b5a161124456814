/* jit/plan/features.c — an execution of a plan in numbers: phases, and what they do.
 *
 * A phase is what the GPU launches, or the CPU spreads over threads, as one: an outermost parallel loop (several, if its body falls into parts with
 * parallel loops of their own), or the statements between two such loops.  What is around phases, sequential loops and conditions, tells how
 * often they run.  Inside, every statement is counted times the trips of the loops around it; trips are means (trips.h). */
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "jit/nest/fun.h"
#include "jit/plan/backend.h"
#include "jit/plan/features_int.h"

enum { MAX_PARTS = 16, AHEAD = 64 };

static void walk_items(Walk *w, PItem *const *items, uint32_t n);

/* ---- loops --------------------------------------------------------------------------------------------------------------- */

int32_t walk_node(const Walk *w)
{
    int32_t node = w->tile_inner ? w->tile_node : -1;
    for (uint32_t k = 0; k < w->n_around; k++)
        if (w->around[k].node > node)
            node = w->around[k].node;
    return node;
}

double walk_split(const Walk *w)
{
    double split = 1;
    for (uint32_t k = 0; k < w->n_around; k++)
        split *= w->around[k].split;
    return split;
}

static int32_t new_node(Walk *w, int32_t up, double trip)
{
    Phase *p = w->phase;
    if (!p || p->n_loops == MODEL_LOOPS)
        return -1;
    p->loop[p->n_loops] = (PhaseLoop){ .up = up, .trip = trip };
    return (int32_t)p->n_loops++;
}

bool walk_enter(Walk *w, const Around *a)
{
    if (w->n_around == MAX_AROUND)
        return false;
    Around *l = &w->around[w->n_around];
    *l = *a;
    if (l->node == 0)
        l->node = new_node(w, walk_node(w), l->trip / l->split);
    else
        l->node--;                  /* one that was made before, plus one */
    w->n_around++;
    w->times *= l->trip;
    return true;
}

void walk_leave(Walk *w)
{
    w->n_around--;
}

static void enter_sources(Walk *w, const PLoop *l, double trip)
{
    for (uint32_t k = 0; k < l->n_src; k++)
        trips_enter(&w->trips, l->src[k], trip);
}

static void leave_sources(Walk *w, const PLoop *l)
{
    for (uint32_t k = 0; k < l->n_src; k++)
        trips_leave(&w->trips, l->src[k]);
}

/* ---- phases ---------------------------------------------------------------------------------------------------------------- */

static void phase_begin(Walk *w)
{
    NestFeatures *f = w->out;
    Phase *p = w->phase = f->n_phases < MODEL_PHASES ? &f->phase[f->n_phases] : &w->extra;
    memset(p, 0, offsetof(Phase, loop));
    p->n_streams = 0;
    p->n_runs = w->runs;
    p->round_runs = w->n_around ? w->around[w->n_around - 1].trip : 1;
    p->iterations = p->threads = p->imbalance = p->reuse_tile = p->side_by_side = p->launches = 1;
    w->times = w->grid = 1;
    w->in_lanes = w->has_lanes = w->is_jammed = false;
    w->n_grid = 0;
    w->warp_item = w->tile_inner = NULL;
}

static void add_counts(double *to, const double *more, double weight)
{
    for (int k = 0; k < OPC_COUNT; k++)
        to[k] += weight * more[k];
}

/* A phase too many: the last one becomes longer. */
static void add_to_last(NestFeatures *f, const Phase *p)
{
    Phase *last = &f->phase[MODEL_PHASES - 1];
    double weight = last->n_runs > 0 ? p->n_runs / last->n_runs : 0;
    add_counts(last->ops, p->ops, weight);
    add_counts(last->scalar, p->scalar, weight);
    add_counts(last->chain, p->chain, weight);
    last->chain_loads += weight * p->chain_loads;
    last->innermost += weight * p->innermost;
    last->entries += weight * p->entries;
    last->branches += weight * p->branches;
    Stream *to = &last->stream[last->n_streams ? last->n_streams - 1 : 0];
    for (uint32_t i = 0; last->n_streams && i < p->n_streams; i++) {
        to->count += weight * p->stream[i].count;
        to->footprint += p->stream[i].footprint;
    }
}

static void phase_end(Walk *w)
{
    NestFeatures *f = w->out;
    Phase *p = w->phase;
    w->phase = NULL;
    w->in_lanes = w->has_lanes = w->is_jammed = false;
    bool is_empty = p->n_streams == 0 && p->innermost == 0;
    for (int k = 0; k < OPC_COUNT; k++)
        is_empty &= p->ops[k] == 0;
    if (is_empty)
        return;
    if (p == &w->extra)
        add_to_last(f, p);
    else
        f->n_phases++;
}

/* Kernels behind the one that does the work: to combine partial results, and to find the last iterations that assigned variables. */
static double more_launches(const Walk *w, const PLoop *l, double trip)
{
    double n = 0;
    if (l->mode == PM_Reduction && l->n_red && trip > TREE_PROGRAM)
        n += 1 + (trip > (double)TREE_CHUNK * TREE_CHUNK);
    for (uint32_t i = 0; i < l->n_last; i++)
        if (w->n_grid > 1 || !l->last[i]->always_assigned)
            return n + 1;
    return n;
}

/* Statements and loops, as a measure of unevenness. */
static double weigh(Walk *w, PItem *const *items, uint32_t n)
{
    double sum = 0;
    for (uint32_t i = 0; i < n; i++) {
        double trip = 1;
        if (items[i]->kind == PI_Loop) {
            trip = trips_of_planned(&w->trips, items[i]->loop);
            enter_sources(w, items[i]->loop, trip);
        }
        sum += items[i]->kind == PI_Stmt ? 1 : trip * weigh(w, items[i]->body, items[i]->n_body) + weigh(w, items[i]->orelse, items[i]->n_orelse);
        if (items[i]->kind == PI_Loop)
            leave_sources(w, items[i]->loop);
    }
    return sum;
}

static double imbalance_of(Walk *w, PItem *const *items, uint32_t n, const PLoop *l, double trip)
{
    if (!shape_has_loops(items, n) || trip <= 1)
        return 1;
    enter_sources(w, l, 0);
    double first = weigh(w, items, n);
    enter_sources(w, l, 2 * trip);
    double last = weigh(w, items, n), mean = (first + last) / 2;
    leave_sources(w, l);
    return mean > 0 ? fmax(first, last) / mean : 1;
}

/* A plan loop inside a phase, with part of its body. */
static void walk_loop_part(Walk *w, const PItem *item, PItem *const *body, uint32_t n)
{
    const PLoop *l = item->loop;
    Phase *p = w->phase;
    double trip = trips_of_planned(&w->trips, l), times = w->times, grid = w->grid;
    bool in_lanes = w->in_lanes, has_lanes = w->has_lanes, is_jammed = w->is_jammed;
    const PItem *tile = NULL;
    Around a = { .n_src = l->n_src, .src = l->src, .trip = trip, .split = 1 };
    enter_sources(w, l, trip);
    if (p->n_loops == 0) {
        p->iterations = shape_is_parallel(item) ? trip : 1;
        p->imbalance = shape_is_parallel(item) ? imbalance_of(w, body, n, l, trip) : 1;
        enter_sources(w, l, trip);
        if (shape_is_parallel(item)) {
            p->is_reduction = l->mode == PM_Reduction && l->n_red;
            p->launches += more_launches(w, l, trip);
            tile = n == item->n_body ? shape_tile_of(w, item) : NULL;
        }
    }
    shape_place_in_grid(w, item, &a);
    if (tile) {
        a.split = fmin(TILE_ROWS, fmax(trip, 1));
        w->tile_node = new_node(w, -1, 1);
        w->tile_inner = tile;
        p->reuse_tile = a.split;
        p->is_wide = !w->is_split;
    } else if (w->tile_inner == item && w->tile_node >= 0) {
        a.node = w->tile_node + 1;
    }
    shape_choose_lanes(w, item, &a);
    if (a.node)
        p->loop[w->tile_node].trip = trip / a.split;
    if (!w->has_lanes && !tile && shape_is_jam(item)) {
        a.split = fmin(JAM_ROWS, fmax(trip, 1));
        w->is_jammed = true;
    }
    if (walk_enter(w, &a)) {
        count_forget(w, body, n);
        walk_items(w, body, n);
        if (!shape_has_loops(body, n)) {
            const NStmt *stmts[64];
            uint32_t count = 0;
            for (uint32_t i = 0; i < n && count < 64; i++)
                if (body[i]->kind == PI_Stmt)
                    stmts[count++] = body[i]->stmt;
            p->innermost += w->times / walk_split(w);
            p->entries += times / walk_split(w) * a.split;
            if (l->mode == PM_Sequential || p->is_reduction || l->mode == PM_Reduction)
                count_chain(w, stmts, count, w->times / w->grid);
            if (w->is_jammed)
                p->side_by_side = fmax(p->side_by_side, JAM_ROWS);
            if (p->iterations > 1 && trip > 0)          /* a processor that looks ahead begins the next one's chain meanwhile */
                p->side_by_side = fmax(p->side_by_side, AHEAD / trip);
            if (w->in_lanes && p->reuse_tile > 1)
                p->side_by_side = fmax(p->side_by_side, p->reuse_tile * WIDE_LANES / 8);
        }
        walk_leave(w);
    }
    leave_sources(w, l);
    w->tile_inner = tile ? NULL : w->tile_inner;
    w->times = times;
    w->grid = grid;
    w->in_lanes = in_lanes;
    w->has_lanes = has_lanes;
    w->is_jammed = is_jammed;
}

/* The body of an outermost parallel loop in parts: a parallel loop is a part, and what stands between two of them. */
static uint32_t find_parts(const PItem *item, uint32_t *first)
{
    uint32_t n = 0, n_parallel = 0, head = 0;
    while (head < item->n_body && shape_is_assignment(item->body[head]))
        head++;
    for (uint32_t i = head; i < item->n_body; i++) {
        bool is_grid = item->body[i]->kind == PI_Loop && item->body[i]->loop->mode == PM_Parallel;
        if (item->body[i]->kind == PI_While || n == MAX_PARTS)
            return 0;
        if (i == head || is_grid || (item->body[i - 1]->kind == PI_Loop && item->body[i - 1]->loop->mode == PM_Parallel))
            first[n++] = i;
        n_parallel += is_grid;
    }
    first[n] = item->n_body;
    return item->loop->mode == PM_Parallel && item->loop->n_save == 0 && n >= 2 && n_parallel ? n : 0;
}

static void walk_parallel(Walk *w, const PItem *item)
{
    uint32_t first[MAX_PARTS + 1], n = find_parts(item, first);
    w->is_split = n > 0;
    if (n == 0) {
        phase_begin(w);
        shape_find_grid(w, item);
        walk_loop_part(w, item, item->body, item->n_body);
        phase_end(w);
        return;
    }
    for (uint32_t k = 0; k < n; k++) {
        PItem part = *item;
        part.body = item->body + first[k];
        part.n_body = first[k + 1] - first[k];
        phase_begin(w);
        w->phase->is_part = k > 0;
        shape_find_grid(w, &part);
        walk_loop_part(w, &part, part.body, part.n_body);
        phase_end(w);
    }
}

/* ---- items ----------------------------------------------------------------------------------------------------------------- */

/* Inside a phase. */
static void walk_item(Walk *w, const PItem *x)
{
    Phase *p = w->phase;
    double times = w->times;
    Around a = { .trip = TRIPS_UNKNOWN, .split = 1 };
    switch ((PItemKind)x->kind) {
    case PI_Stmt:
        count_stmt(w, x->stmt, 1);
        break;
    case PI_Loop:
        walk_loop_part(w, x, x->body, x->n_body);
        break;
    case PI_While:
        p->is_divergent = true;
        w->trips.is_known = false;
        w->trips.is_blind = true;
        if (walk_enter(w, &a)) {
            p->branches += times;
            count_forget(w, x->body, x->n_body);
            count_expr(w, x->stmt->loop->test, 1);
            walk_items(w, x->body, x->n_body);
            walk_leave(w);
        }
        break;
    case PI_If:
        p->is_divergent = true;
        p->branches += w->times;
        count_expr(w, x->stmt->expr, 1);
        w->times = times / 2;
        walk_items(w, x->body, x->n_body);
        walk_items(w, x->orelse, x->n_orelse);
        break;
    case PI_Block:
        walk_items(w, x->body, x->n_body);
        break;
    }
    w->times = times;
}

static bool expr_reads_data(const NExpr *x)
{
    return x && !x->form && (x->op == NOP_Load || x->op == NOP_Var || expr_reads_data(x->a) || expr_reads_data(x->b) || expr_reads_data(x->c));
}

/* Outside phases, with parallel loops somewhere inside: steps of the host. */
static void walk_step(Walk *w, const PItem *x)
{
    double runs = w->runs, trip;
    Around a = { .split = 1 };
    switch ((PItemKind)x->kind) {
    case PI_Loop:
        a.trip = trip = trips_of_planned(&w->trips, x->loop);
        a.src = x->loop->src;
        a.n_src = x->loop->n_src;
        enter_sources(w, x->loop, trip);
        if (walk_enter(w, &a)) {
            w->runs *= trip;
            count_forget(w, x->body, x->n_body);
            walk_items(w, x->body, x->n_body);
            walk_leave(w);
        }
        leave_sources(w, x->loop);
        break;
    case PI_While:
        w->trips.is_known = false;
        w->trips.is_blind = true;
        w->runs *= TRIPS_UNKNOWN;
        w->out->waits += w->runs;
        walk_items(w, x->body, x->n_body);
        break;
    case PI_If:
        if (expr_reads_data(x->stmt->expr))
            w->out->waits += runs;
        w->runs = runs / 2;
        walk_items(w, x->body, x->n_body);
        walk_items(w, x->orelse, x->n_orelse);
        break;
    case PI_Block: case PI_Stmt:
        walk_items(w, x->body, x->n_body);
        break;
    }
    w->runs = runs;
}

static void walk_items(Walk *w, PItem *const *items, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (w->phase) {
            walk_item(w, items[i]);
            continue;
        }
        if (shape_is_parallel(items[i])) {
            walk_parallel(w, items[i]);
            continue;
        }
        if (shape_has_parallel(&items[i], 1)) {
            walk_step(w, items[i]);
            continue;
        }
        phase_begin(w);
        while (i < n && !shape_has_parallel(&items[i], 1))
            walk_item(w, items[i++]);
        i--;
        w->phase->is_host = w->phase->n_streams == 0;
        phase_end(w);
    }
}

/* Calls of elementary functions, which become part of the kernel. */
static double inlined(const Nest *nest)
{
    double n = 0;
    for (uint32_t i = 0; i < nest->n_exprs; i++) {
        const NExpr *x = nest->exprs[i];
        n += (x->op == NOP_Fun && nfun_is_own((NFunId)x->fun)) || (x->op == NOP_Pow && x->rep >= DT_F32);
    }
    return n;
}

void plan_features(const Plan *plan, const Facts *facts, NestFeatures *out)
{
    const Nest *nest = plan->nest;
    Walk w;
    memset(out, 0, offsetof(NestFeatures, phase));
    PlanWork work = plan_work(plan, facts);
    out->work = work.ops;
    out->nodes = nest->n_exprs + 4.0 * nest->n_stmts;
    out->inlined = inlined(nest);
    out->can_fail = plan->can_fail;
    w.plan = plan;
    w.facts = facts;
    w.out = out;
    w.phase = NULL;
    w.runs = 1;
    w.n_around = 0;
    w.times = 1;
    w.in_lanes = w.has_lanes = w.is_jammed = false;
    w.n_grid = 0;
    w.warp_item = w.tile_inner = NULL;
    memset(w.array_bytes, 0, sizeof w.array_bytes);
    memset(w.var_depth, 0, sizeof w.var_depth);
    memset(w.seen, 0, (nest->n_exprs / 64 + 1) * sizeof *w.seen);
    if (trips_begin(&w.trips, facts))
        walk_items(&w, plan->root->body, plan->root->n_body);
    out->is_known = work.is_known && w.trips.is_known;
    out->is_blind = w.trips.is_blind;
    bool has_kernels = false, has_values = plan->can_fail;
    for (uint32_t i = 0; i < out->n_phases; i++)
        has_kernels |= !out->phase[i].is_host;
    for (uint32_t i = 0; i < nest->n_vars; i++)
        has_values |= nest->vars[i]->is_live_out && nest->vars[i]->assigned_tags;
    out->waits += has_kernels && has_values;
    for (uint32_t i = 0; i < nest->n_arrays; i++) {
        const Array *a = facts->array[i].array;
        double bytes = (double)a->size * dtype_info[a->dtype].size;
        out->footprint += i < TRIPS_LOOPS ? fmin(w.array_bytes[i], bytes) : bytes;
        out->written_bytes += nest->arrays[i]->is_written ? bytes : 0;
    }
}
