/* jit/plan/transform.c — interchange of perfectly nested loops.
 *
 * Perfectly nested: the body of each but the innermost holds one loop, and in front of it only assignments that can be replicated
 * (those of the loop variables).  A loop moves outside the loops around it if no dependence among the statements inside, with all
 * loops around the chain standing still, has a direction other than '=' at it: then every vector keeps its leading '<', and the
 * moved loop carries nothing.
 *
 * Bounds: either no loop's header depends on what the chain assigns (rectangular), or, for two loops, the inner one's trip count
 * is linear in the outer counter.  With trip(t) = r + c*t, c > 0, for the inner counter u:
 *
 *     for t in 0 … N-1: for u in 0 … r+c*t-1      becomes      for u in 0 … r+c*(N-1)-1: for t in max(0, ceil((u-r+1)/c)) … N-1
 *
 * and for c < 0     for u in 0 … r-1: for t in 0 … min(N, ceil((r-u)/-c))-1.  An inner loop whose start depends on t is left
 * alone: its counter counts from there, so equal counters are not equal values of its variable.
 *
 * Last values: variables wanted after the loops must be assigned in the very last iteration of either order. */
#include "jit/plan/plan_int.h"

typedef struct Chain { uint32_t n; PItem *item[NEST_MAX_DEPTH]; } Chain;

static PItem *only_loop(const Sched *s, const PItem *item, const NLoop *region)
{
    for (uint32_t i = 0; i < item->n_body; i++) {
        PItem *x = item->body[i];
        if (item_is_loop(x))
            return i + 1 == item->n_body && !x->loop->n_save && !x->loop->n_restore ? x : NULL;
        const NLoop *l = x->kind == PI_Stmt ? def_loop(x->stmt) : NULL;
        if (!l || !nest_is_inside(l->stmt, region->stmt) || !def_is_replicable(s, x->stmt, l, region))
            return NULL;
    }
    return NULL;
}

static void find_chain(const Sched *s, PItem *item, Chain *c)
{
    *c = (Chain){ 0 };
    if (item->loop->n_save || item->loop->n_restore)
        return;
    const NLoop *region = item->loop->src[0];
    for (PItem *x = item; x && c->n < NEST_MAX_DEPTH && !x->loop->src[0]->has_exit; x = only_loop(s, x, region))
        c->item[c->n++] = x;
}

static const NLoop *chain_loop(const Chain *c, uint32_t k) { return c->item[k]->loop->src[0]; }

/* ---- what forbids it ---------------------------------------------------------------------------------------------------------- */

typedef struct Jumps { const Chain *c; bool found; } Jumps;

static bool is_jump_to_chain(void *user, const NStmt *x)
{
    Jumps *j = user;
    for (uint32_t k = 0; k < j->c->n && (x->kind == NS_Next || x->kind == NS_Leave); k++)
        j->found |= x->target == chain_loop(j->c, k)->stmt;
    return !j->found;
}

static bool has_jumps(const Chain *c)
{
    Jumps j = { c, false };
    const PItem *inner = c->item[c->n - 1];
    items_each_stmt(inner->body, inner->n_body, is_jump_to_chain, &j);
    return j.found;
}

/* Is v assigned in every iteration of the chain's loops from k to m? */
static bool is_always_assigned(const Sched *s, const Chain *c, uint32_t k, uint32_t m, const NVar *v)
{
    const StmtList *defs = &s->info->defs[v->id];
    const VarUse *inner = graph_var_use(s->graph, chain_loop(c, m), v);
    bool is = inner && inner->always_assigned;
    for (uint32_t i = 0; i < defs->n && !is; i++) {
        for (uint32_t l = k; l < m; l++)
            is |= defs->stmt[i]->parent == chain_loop(c, l)->stmt;
        is |= nest_is_inside(defs->stmt[i], chain_loop(c, m)->stmt) && def_is_certain(s, defs->stmt[i], chain_loop(c, m));
    }
    return is;
}

/* Variables assigned in the chain's loops k … m: all private, and last values as they were. */
static Status scalars_allow(Sched *s, const Chain *c, uint32_t k, uint32_t m, bool is_rectangular, bool *ok)
{
    VarList vars;
    *ok = false;
    TRY(items_assigned(s, c->item[k]->body, c->item[k]->n_body, &vars));
    bool all_run = is_rectangular;
    for (uint32_t l = k + 1; l <= m; l++)
        all_run &= s->trip[chain_loop(c, l)->id].lo >= 1;
    for (uint32_t i = 0; i < vars.n; i++) {
        for (uint32_t l = k; l <= m; l++) {
            const VarUse *u = graph_var_use(s->graph, chain_loop(c, l), vars.var[i]);
            if (u && u->cls != VC_Private && u->cls != VC_Set)
                return ALP_OK;
            if (u && u->cls == VC_Private && u->live_after && !(all_run && is_always_assigned(s, c, k, m, vars.var[i])))
                return ALP_OK;
        }
    }
    *ok = true;
    return ALP_OK;
}

static bool bounds_use_chain(const Chain *c, const PLoop *l)
{
    for (uint32_t i = 0; i < l->n_lower + l->n_upper; i++) {
        const NForm *f = i < l->n_lower ? l->lower[i].form : l->upper[i - l->n_lower].form;
        for (uint32_t t = 0; t < f->n; t++)
            for (uint32_t k = 0; k < c->n; k++)
                if (f->term[t].loop == chain_loop(c, k))
                    return true;
    }
    return false;
}

Status interchange_scalars_allow(Sched *s, PItem *outer, PItem *inner, bool *ok)
{
    Chain c = { 2, { outer, inner } };
    Jumps j = { &c, false };
    *ok = false;
    items_each_stmt(outer->body, outer->n_body, is_jump_to_chain, &j);
    return j.found ? ALP_OK : scalars_allow(s, &c, 0, 1, false, ok);
}

/* May the headers of loops k … m be evaluated in any order? */
static bool is_rectangular(Sched *s, const Chain *c, uint32_t k, uint32_t m)
{
    for (uint32_t l = k; l <= m; l++)
        if (bounds_use_chain(c, c->item[l]->loop) || !header_is_stable(s, chain_loop(c, l), &c->item[k], 1))
            return false;
    return true;
}

static bool carries_nothing(const Deps *deps, const NLoop *loop)
{
    for (uint32_t i = 0; i < deps->n; i++)
        if (dep_dirs(&deps->dep[i], loop) != DIR_EQ)
            return false;
    return true;
}

/* ---- triangular bounds --------------------------------------------------------------------------------------------------------- */

const NForm *form_sum(Arena *arena, const NForm *x, int64_t scale_x, const NForm *y, int64_t scale_y, int64_t c)
{
    NForm *f = arena_alloc(arena, sizeof(NForm) + (x->n + y->n + 1) * sizeof(NTerm));
    if (!f)
        return NULL;
    for (uint32_t i = 0; i < x->n + y->n + 1; i++) {
        NTerm t = i < x->n ? x->term[i] : i < x->n + y->n ? y->term[i - x->n] : (NTerm){ NULL, NULL, c };
        if (i < x->n + y->n && __builtin_mul_overflow(t.coef, i < x->n ? scale_x : scale_y, &t.coef))
            return NULL;
        uint32_t k = 0;
        while (k < f->n && (f->term[k].loop != t.loop || f->term[k].sym != t.sym))
            k++;
        if (k == f->n)
            f->term[f->n++] = t;
        else if (__builtin_add_overflow(f->term[k].coef, t.coef, &f->term[k].coef))
            return NULL;
    }
    uint32_t n = 0;
    for (uint32_t k = 0; k < f->n; k++)
        if (f->term[k].coef)
            f->term[n++] = f->term[k];
    f->n = n;
    return f;
}

const NForm *trip_form(Sched *s, const NLoop *l)
{
    if ((l->step_const != 1 && l->step_const != -1) || !l->start_form || !l->stop_form)
        return NULL;
    const NForm *f = form_sum(s->arena, l->stop_form, l->step_const, l->start_form, -l->step_const, 0);
    for (uint32_t i = 0; f && i < f->n; i++)
        if (f->term[i].sym && !s->facts->sym_known[f->term[i].sym->id])
            return NULL;
    return f;
}

int64_t form_coef(const NForm *f, const NLoop *l, bool *linear)
{
    int64_t c = 0;
    for (uint32_t i = 0; i < f->n; i++)
        if (f->term[i].loop == l) {
            *linear &= f->term[i].sym == NULL;
            c = f->term[i].coef;
        }
    return c;
}

/* Bounds of two loops after interchange.  False: not of this kind. */
static bool triangular_bounds(Sched *s, const NLoop *outer, const NLoop *inner, PLoop *new_outer, PLoop *new_inner)
{
    const NForm *n = trip_form(s, outer), *trip = trip_form(s, inner);
    NForm *one = arena_alloc(s->arena, sizeof(NForm) + sizeof(NTerm)), *t = arena_alloc(s->arena, sizeof(NForm) + sizeof(NTerm));
    NForm *none = arena_alloc(s->arena, sizeof(NForm));
    bool linear = true;
    if (!n || !trip || !one || !t || !none || form_coef(inner->start_form, outer, &linear) != 0 || form_coef(n, inner, &linear) != 0)
        return false;
    int64_t c = form_coef(trip, outer, &linear);
    if (!linear || c == 0 || c == INT64_MIN)
        return false;
    *t = (NForm){ 1 };
    t->term[0] = (NTerm){ outer, NULL, 1 };
    *one = (NForm){ 1 };
    one->term[0] = (NTerm){ inner, NULL, 1 };
    const NForm *r = form_sum(s->arena, trip, 1, t, -c, 0);            /* trip without the outer counter */
    struct PBound *u = ARENA_ARRAY(s->arena, struct PBound, 1), *lower = ARENA_ARRAY(s->arena, struct PBound, 2);
    struct PBound *upper = ARENA_ARRAY(s->arena, struct PBound, 2);
    if (!r || !u || !lower || !upper)
        return false;
    u[0] = (struct PBound){ 1, c > 0 ? form_sum(s->arena, r, 1, n, c, -c) : r };
    upper[0] = (struct PBound){ 1, n };
    lower[0] = (struct PBound){ 1, none };
    if (c > 0)
        lower[1] = (struct PBound){ c, form_sum(s->arena, one, 1, r, -1, 1) };
    else
        upper[1] = (struct PBound){ -c, form_sum(s->arena, r, 1, one, -1, 0) };
    if (!u[0].form || (c > 0 ? !lower[1].form : !upper[1].form))
        return false;
    new_outer->n_upper = 1;
    new_outer->upper = u;
    new_inner->n_lower = c > 0 ? 2 : 1;
    new_inner->lower = lower;
    new_inner->n_upper = c > 0 ? 1 : 2;
    new_inner->upper = upper;
    return true;
}

/* ---- outwards ------------------------------------------------------------------------------------------------------------------- */

typedef struct Move { uint32_t from; bool is_rectangular; } Move;      /* from 0: none */

static Status find_move(Sched *s, const Chain *c, const Deps *deps, Move *out)
{
    *out = (Move){ 0 };
    if (c->n < 2 || has_jumps(c))
        return ALP_OK;
    for (uint32_t m = 1; m < c->n; m++) {
        const NLoop *y = chain_loop(c, m);
        if (s->trip[y->id].hi <= 1 || !carries_nothing(deps, y))
            continue;
        bool ok, rectangular = is_rectangular(s, c, 0, m);
        if (!rectangular) {
            PLoop a = { 0 }, b = { 0 };
            if (m > 1 || c->item[0]->loop->n_upper || c->item[1]->loop->n_upper || !header_is_stable(s, chain_loop(c, 0), &c->item[0], 1) ||
                !triangular_bounds(s, chain_loop(c, 0), y, &a, &b))
                return ALP_OK;
        }
        TRY(scalars_allow(s, c, 0, m, rectangular, &ok));
        if (ok) {
            *out = (Move){ m, rectangular };
            return ALP_OK;
        }
    }
    return ALP_OK;
}

bool interchange_is_possible(Sched *s, const PItem *item, const Deps *deps)
{
    Chain c;
    Move m;
    find_chain(s, (PItem *)(uintptr_t)item, &c);
    return find_move(s, &c, deps, &m) == ALP_OK && m.from;
}

/* The assignments in front of the inner loop, then `rest`. */
static Status fill_body(Sched *s, PItem *to, const PItem *defs_of, PItem *const *rest, uint32_t n_rest)
{
    ItemList l = { to->n_body, to->n_body, to->body };
    for (uint32_t i = 0; defs_of && i < defs_of->n_body; i++)
        if (!item_is_loop(defs_of->body[i]))
            TRY(item_push(&l, defs_of->body[i], s->arena));
    for (uint32_t i = 0; i < n_rest; i++)
        TRY(item_push(&l, rest[i], s->arena));
    to->body = l.item;
    to->n_body = l.n;
    return ALP_OK;
}


Status interchange_outward(Sched *s, PItem *item, const Deps *deps, PItem **moved)
{
    Chain c;
    Move m;
    *moved = NULL;
    find_chain(s, item, &c);
    TRY(find_move(s, &c, deps, &m));
    if (!m.from)
        return ALP_OK;
    const PItem *y = c.item[m.from];
    PItem *top = item_loop_copy(s, y), *at = top;
    if (!top)
        return ALP_FAIL;
    top->loop->is_moved_out = true;
    for (uint32_t l = 0; l < m.from; l++) {
        PItem *inner = item_loop_copy(s, c.item[l]);
        if (!inner)
            return ALP_FAIL;
        inner->loop->is_moved_in = true;
        TRY(fill_body(s, at, l ? c.item[l - 1] : NULL, &inner, 1));
        at = inner;
    }
    TRY(fill_body(s, at, c.item[m.from - 1], y->body, y->n_body));
    if (!m.is_rectangular && !triangular_bounds(s, chain_loop(&c, 0), chain_loop(&c, 1), top->loop, top->body[0]->loop))
        return ALP_FAIL;
    *moved = top;
    return ALP_OK;
}

/* ---- for locality --------------------------------------------------------------------------------------------------------------- */

/* How many loops of the chain run in parallel, from the outermost on. */
static Status count_parallel(Sched *s, Chain *c, const Deps *deps)
{
    uint32_t n_path = s->n_path, k;
    Status status = ALP_OK;
    Deps at = *deps, inside;
    for (k = 1; k < c->n; k++) {
        PLoop *outer = c->item[k - 1]->loop;
        Verdict v;
        outer->mode = PM_Parallel;
        if ((status = deps_within(s, c->item[k]->body, c->item[k]->n_body, &at, outer->src[0], &inside)) != ALP_OK)
            break;
        s->path[s->n_path++] = outer;
        if ((status = loop_verdict(s, c->item[k], &inside, &v)) != ALP_OK || v.mode != PM_Parallel)
            break;
        at = inside;
    }
    s->n_path = n_path;
    c->n = k;
    return status;
}

Status interchange_for_locality(Sched *s, PItem **item, const Deps *deps)
{
    Chain c;
    find_chain(s, *item, &c);
    if (c.n < 2)
        return ALP_OK;
    TRY(count_parallel(s, &c, deps));
    if (c.n < 2 || has_jumps(&c))
        return ALP_OK;
    const PItem *last = c.item[c.n - 1];
    uint32_t best = c.n - 1, least = count_long_strides(s, last->body, last->n_body, chain_loop(&c, best));
    for (uint32_t k = c.n - 1; k-- > 0; ) {
        uint32_t n = count_long_strides(s, last->body, last->n_body, chain_loop(&c, k));
        if (n < least) {
            best = k;
            least = n;
        }
    }
    bool ok;
    if (best == c.n - 1 || !is_rectangular(s, &c, best, c.n - 1))
        return ALP_OK;
    TRY(scalars_allow(s, &c, best, c.n - 1, true, &ok));
    if (!ok)
        return ALP_OK;
    /* Loops around the best one stay; those inside it move up; all assignments from there on go to the innermost body. */
    PItem *top = NULL, *at = NULL;
    for (uint32_t l = 0; l < c.n; l++) {
        uint32_t from = l < best ? l : l + 1 < c.n ? l + 1 : best;
        PItem *x = item_loop_copy(s, c.item[from]);
        if (!x)
            return ALP_FAIL;
        if (l >= best) {
            x->loop->is_moved_in = from == best;
            x->loop->is_moved_out = from != best;
        }
        if (at)
            TRY(fill_body(s, at, l <= best ? c.item[l - 1] : NULL, &x, 1));
        else
            top = x;
        at = x;
    }
    for (uint32_t l = best; l + 1 < c.n; l++)
        TRY(fill_body(s, at, c.item[l], NULL, 0));
    TRY(fill_body(s, at, NULL, last->body, last->n_body));
    *item = top;
    return ALP_OK;
}
