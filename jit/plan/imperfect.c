/* jit/plan/imperfect.c — interchange of imperfect nests: statements behind an inner loop go along as one more iteration of it.
 *
 * The nest is
 *
 *     for t in 0 … N-1:                              for j in range(i):
 *         for u in 0 … r+c*t-1: S(t, u)                  for k in range(j): A[i, j] -= A[i, k] * A[k, j]
 *         Q(t)                                           A[i, j] /= A[j, j]
 *
 * with c >= 1 and r >= 0, as in triangular solves by rows.  Q(t) may count as the iteration u = r+c*t of the inner loop.  The two
 * loops then exchange places, and for each u Q is separated from S and put first:
 *
 *     for u in 0 … r+c*(N-1):                        for k in range(i):
 *         Q(t) for the t with r+c*t == u                 A[i, k] /= A[k, k]
 *         for t with r+c*t > u: S(t, u)                  for j in range(k + 1, i): A[i, j] -= A[i, k] * A[k, j]
 *
 * All instances run, each once.  Which pairs change places?
 *   S(t, u), S(t', u'):  those with t < t' and u > u': excluded by their directions, (<, >).
 *   S(t, u), Q(t'):      S comes first if t <= t'; then u < r+c*t <= r+c*t', and it still does.
 *   Q(t), S(t', u'):     Q comes first if t < t'; it still does unless u' < r+c*t.  graph_meets_earlier() says whether such a pair meets.
 *   Q(t), Q(t'):         never, for c >= 1.
 * Every element is updated in the same order as before, so bits are the same.
 *
 * This is only done where S's loop over t becomes parallel: the loop over u is sequential, and so was the loop over t. */
#include "jit/plan/plan_int.h"

enum { MAX_SITES = 16, MAX_TESTS = 64 };

/* ---- once per nest --------------------------------------------------------------------------------------------------- */

static const NForm *trip_of(Arena *arena, const NLoop *l)
{
    if (l->is_while || l->has_exit || (l->step_const != 1 && l->step_const != -1) || !l->start_form || !l->stop_form)
        return NULL;
    return form_sum(arena, l->stop_form, l->step_const, l->start_form, -l->step_const, 0);
}

/* trip count of inner = r + c * counter of outer: r >= 0 always, c >= 1? */
static bool grows(Arena *arena, const NLoop *outer, const NLoop *inner)
{
    const NForm *trip = trip_of(arena, inner);
    bool linear = true;
    if (!trip || form_coef(inner->start_form, outer, &linear) != 0 || form_coef(trip, outer, &linear) < 1 || !linear)
        return false;
    for (uint32_t i = 0; i < trip->n; i++) {
        const NTerm *t = &trip->term[i];
        if (t->coef < 0 || (t->sym && !t->sym->nonneg))
            return false;
    }
    return true;
}

/* May Q go first within each iteration of the inner loop? */
static bool is_legal(const Nest *nest, const DepGraph *g, const NLoop *outer, const NLoop *inner)
{
    uint32_t n_tests = 0;
    for (uint32_t i = 0; i < nest->n_accesses; i++) {
        const NAccess *a = nest->accesses[i];
        if (a->stmt->id <= inner->stmt->id || nest_is_inside(a->stmt, inner->stmt) || !nest_is_inside(a->stmt, outer->stmt))
            continue;
        for (uint32_t k = 0; k < nest->n_accesses; k++) {
            const NAccess *b = nest->accesses[k];
            if (!(a->is_write || b->is_write) || b->stmt == inner->stmt || !nest_is_inside(b->stmt, inner->stmt))
                continue;
            if (++n_tests > MAX_TESTS || graph_meets_earlier(g, a, outer, b, inner))
                return false;
        }
    }
    return true;
}

Status imperfect_find(NestInfo *info, Arena *arena, const Nest *nest, const DepGraph *graph)
{
    for (uint32_t i = 0; i < nest->n_loops && info->n_sink < MAX_SITES; i++) {
        const NLoop *inner = nest->loops[i], *outer = inner->up;
        if (!outer || outer->is_while || outer->has_exit || inner->stmt->parent != outer->stmt ||
            outer->body.stmt[outer->body.n - 1] == inner->stmt || !grows(arena, outer, inner) || !is_legal(nest, graph, outer, inner))
            continue;
        if (!info->sink && !(info->sink = ARENA_ARRAY(arena, SinkSite, MAX_SITES)))
            return ALP_FAIL;
        info->sink[info->n_sink++] = (SinkSite){ outer, inner };
    }
    return ALP_OK;
}

/* ---- in the plan ----------------------------------------------------------------------------------------------------- */

typedef struct Imperfect {
    PItem   *outer, *inner;
    uint32_t at;                /* outer->body[at] == inner */
} Imperfect;

static bool is_site(const Sched *s, const NLoop *outer, const NLoop *inner)
{
    for (uint32_t i = 0; i < s->info->n_sink; i++)
        if (s->info->sink[i].outer == outer && s->info->sink[i].inner == inner)
            return true;
    return false;
}

static bool is_repeatable(const Sched *s, const NStmt *x, const NLoop *region)
{
    return def_loop(x) && def_is_replicable(s, x, def_loop(x), region);
}

/* Assignments that can be repeated, one loop, and statements that stay as they are. */
static bool find_parts(const Sched *s, PItem *item, Imperfect *p)
{
    *p = (Imperfect){ .outer = item };
    for (uint32_t i = 0; i < item->n_body; i++) {
        PItem *x = item->body[i];
        if (item_is_loop(x)) {
            if (p->inner)
                return false;
            p->inner = x;
            p->at = i;
        } else if (x->kind != PI_Stmt || (!p->inner && !is_repeatable(s, x->stmt, item->loop->src[0]))) {
            return false;
        }
    }
    const PLoop *a = item->loop, *b = p->inner ? p->inner->loop : NULL;
    return b && p->at + 1 < item->n_body && a->n_src == 1 && b->n_src == 1 && !a->n_upper && !a->n_lower && !b->n_upper &&
           !b->n_lower && !a->n_save && !a->n_restore && !b->n_save && !b->n_restore && is_site(s, a->src[0], b->src[0]);
}

/* The site was judged for subscripts that do not wrap. */
static bool is_plain(const Sched *s, const NLoop *outer)
{
    for (uint32_t i = 0; i < s->nest->n_accesses; i++) {
        const NAccess *x = s->nest->accesses[i];
        for (uint32_t d = 0; d < x->n_subs && nest_is_inside(x->stmt, outer->stmt); d++)
            if (s->access_dim[i * ALP_MAX_NDIM + d] != DM_Plain)
                return false;
    }
    return true;
}

/* deps: of one iteration of the loops around. */
static bool deps_allow(const Imperfect *p, const Deps *deps)
{
    const NLoop *outer = p->outer->loop->src[0], *inner = p->inner->loop->src[0];
    for (uint32_t i = 0; i < deps->n; i++) {
        const Dep *d = &deps->dep[i];
        bool a = nest_is_inside(d->pair->a->stmt, inner->stmt), b = nest_is_inside(d->pair->b->stmt, inner->stmt);
        if (a != b && d->pair->a->array != d->pair->b->array)
            return false;       /* not asked about */
        int x = dep_dirs(d, outer), y = dep_dirs(d, inner);
        if (a && b && ((x & DIR_LT && y & DIR_GT) || (x & DIR_GT && y & DIR_LT)))
            return false;
    }
    return true;
}

/* Bounds of the loop over u, of Q's loop over t and of S's. */
static bool set_bounds(Sched *s, const NLoop *outer, const NLoop *inner, PLoop *over_u, PLoop *over_q, PLoop *over_s)
{
    Arena *arena = s->arena;
    const NForm *n = trip_form(s, outer), *trip = trip_form(s, inner);
    NForm *u = arena_alloc(arena, sizeof(NForm) + sizeof(NTerm)), *t = arena_alloc(arena, sizeof(NForm) + sizeof(NTerm));
    NForm *none = arena_alloc(arena, sizeof(NForm));
    struct PBound *b = ARENA_ARRAY(arena, struct PBound, 8);
    bool linear = true;
    if (!n || !trip || !u || !t || !none || !b || form_coef(n, inner, &linear) != 0)
        return false;
    int64_t c = form_coef(trip, outer, &linear);
    *t = (NForm){ 1 };
    t->term[0] = (NTerm){ outer, NULL, 1 };
    *u = (NForm){ 1 };
    u->term[0] = (NTerm){ inner, NULL, 1 };
    *none = (NForm){ 0 };
    const NForm *r = form_sum(arena, trip, 1, t, -c, 0), *last = r ? form_sum(arena, r, 1, n, c, 1 - c) : NULL;
    const NForm *here = r ? form_sum(arena, u, 1, r, -1, 0) : NULL, *next = r ? form_sum(arena, u, 1, r, -1, 1) : NULL;
    if (!last || !here || !next)
        return false;
    b[0] = (struct PBound){ 1, last };
    over_u->n_upper = 1;
    over_u->upper = &b[0];
    b[1] = b[3] = (struct PBound){ 1, none };
    b[2] = (struct PBound){ c, here };          /* t >= (u - r) / c */
    b[4] = b[6] = (struct PBound){ c, next };   /* t >= (u - r + 1) / c; t < … */
    b[5] = b[7] = (struct PBound){ 1, n };
    over_q->n_lower = over_q->n_upper = over_s->n_lower = 2;
    over_q->lower = &b[1];
    over_s->lower = &b[3];
    over_q->upper = &b[5];
    over_s->n_upper = 1;
    over_s->upper = &b[7];
    return true;
}

static Status append(Sched *s, PItem *to, PItem *const *items, uint32_t n)
{
    ItemList l = { to->n_body, to->n_body, to->body };
    for (uint32_t i = 0; i < n; i++)
        TRY(item_push(&l, items[i], s->arena));
    to->body = l.item;
    to->n_body = l.n;
    return ALP_OK;
}

static Status make(Sched *s, const Imperfect *p, PItem **whole, PItem **rest)
{
    PItem *u = item_loop_copy(s, p->inner), *q = item_loop_copy(s, p->outer), *r = item_loop_copy(s, p->outer);
    *whole = NULL;
    if (!u || !q || !r)
        return ALP_FAIL;
    if (!set_bounds(s, p->outer->loop->src[0], p->inner->loop->src[0], u->loop, q->loop, r->loop))
        return ALP_OK;
    u->loop->is_moved_out = q->loop->is_moved_in = r->loop->is_moved_in = q->loop->is_single = true;
    PItem *both[] = { q, r };
    TRY(append(s, q, p->outer->body, p->at));
    TRY(append(s, q, p->outer->body + p->at + 1, p->outer->n_body - p->at - 1));
    TRY(append(s, r, p->outer->body, p->at));
    TRY(append(s, r, p->inner->body, p->inner->n_body));
    *whole = u;
    *rest = r;
    return append(s, u, both, 2);
}

Status interchange_imperfect(Sched *s, PItem *item, const Deps *deps, PItem **moved)
{
    Imperfect p;
    *moved = NULL;
    if (!s->info->n_sink || !find_parts(s, item, &p) || !is_plain(s, item->loop->src[0]) || !deps_allow(&p, deps) ||
        !header_is_stable(s, item->loop->src[0], &item, 1))
        return ALP_OK;
    bool ok;
    TRY(interchange_scalars_allow(s, item, p.inner, &ok));
    PItem *whole, *rest;
    if (!ok)
        return ALP_OK;
    TRY(make(s, &p, &whole, &rest));
    if (!whole)
        return ALP_OK;
    Deps inside;
    Verdict around, within;
    TRY(loop_verdict(s, whole, deps, &around));
    TRY(deps_within(s, rest->body, rest->n_body, deps, p.inner->loop->src[0], &inside));
    ALP_ASSERT(s->n_path < NEST_MAX_DEPTH);
    s->path[s->n_path++] = whole->loop;
    Status status = loop_verdict(s, rest, &inside, &within);
    s->n_path--;
    /* Q and S are tied by dependences that have no direction at the loop over u, so it must be sequential for another one. */
    if (status == ALP_OK && within.mode == PM_Parallel && around.mode == PM_Sequential && around.dep.pair)
        *moved = whole;
    return status;
}
