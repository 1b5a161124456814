/* jit/plan/schedule.c — codegen: from the statements of a nest to the loops of its plan.
 *
 * Allen and Kennedy's codegen walks a nest from the outside in, and at each level splits the statements into the strongly
 * connected components of their dependence graph: a component without a cycle carried by this level runs in parallel, the others
 * get a sequential loop with the next level inside. That is right for vector machines, but tears apart loops that could run in
 * parallel as they stand.  Here, for each loop from the outside in:
 *
 *   1. It runs in parallel as it stands, with all that is in it.  Done with this loop.
 *   2. Else, a loop perfectly nested in it that carries nothing is moved outside it (interchange).
 *   3. Else, it is split (distribution) if that gives a parallel loop with real work in it.  Neighbouring parts of one kind stay together.
 *   4. Else, it is exchanged with a loop in it although there are other statements beside that, if it is parallel there.
 *   5. Else it is sequential.
 *
 * and then the same for what is inside, where dependences that the loop carries do not count any more: for one iteration of the
 * loops around it, only vectors with '=' for all of them can happen.
 *
 *     for i:  q[i] = 0                      parallel i: q[i] = 0
 *             for j:  s[j] += r[i]*A[i,j]       sequential j: q[i] += A[i,j]*p[j]
 *                     q[i] += A[i,j]*p[j]   parallel j: sequential i: s[j] += r[i]*A[i,j]      (split, then interchanged)
 *
 * Every step only regroups statements of one body in their textual order, or reorders whole loops, so the tree stays a program that can
 * be run in order from top to bottom.  Each step leaves fewer statements in a loop or a parallel loop outermost: the recursion ends. */
#include "jit/plan/plan_int.h"

static Status sched_items(Sched *s, PItem *const *items, uint32_t n, const Deps *deps, ItemList *out);

/* ---- the tree as the text has it -------------------------------------------------------------------------------------------------- */

static Status items_of(Sched *s, const NBlock *b, PItem ***items, uint32_t *n);

static PItem *item_of(Sched *s, NStmt *x)
{
    PItem *i;
    if (!s->info->stmt[x->id].has_for)
        return item_new(s, PI_Stmt, x);
    switch ((NStmtKind)x->kind) {
    case NS_Loop:
        i = x->loop->is_while ? item_new(s, PI_While, x) : item_loop_new(s, x->loop);
        return i && items_of(s, &x->loop->body, &i->body, &i->n_body) == ALP_OK ? i : NULL;
    case NS_If:
        i = item_new(s, PI_If, x);
        return i && items_of(s, &x->body, &i->body, &i->n_body) == ALP_OK &&
               items_of(s, &x->orelse, &i->orelse, &i->n_orelse) == ALP_OK ? i : NULL;
    case NS_Block:
        i = item_new(s, PI_Block, x);
        return i && items_of(s, &x->body, &i->body, &i->n_body) == ALP_OK ? i : NULL;
    case NS_Assign: case NS_Store: case NS_Leave: case NS_Next: case NS_Return: case NS_Check:
        break;
    }
    return item_new(s, PI_Stmt, x);
}

static Status items_of(Sched *s, const NBlock *b, PItem ***items, uint32_t *n)
{
    ItemList l = { 0 };
    for (uint32_t i = 0; i < b->n; i++)
        TRY(item_push(&l, item_of(s, b->stmt[i]), s->arena));
    *items = l.item;
    *n = l.n;
    return ALP_OK;
}

/* ---- codegen ------------------------------------------------------------------------------------------------------------------------ */

static Status sched_body(Sched *s, PItem *item, const Deps *deps)
{
    ItemList body = { 0 }, orelse = { 0 };
    TRY(sched_items(s, item->body, item->n_body, deps, &body));
    if (item->n_orelse)
        TRY(sched_items(s, item->orelse, item->n_orelse, deps, &orelse));
    item->body = body.item;
    item->n_body = body.n;
    item->orelse = orelse.item;
    item->n_orelse = orelse.n;
    return ALP_OK;
}

/* deps: within the loop's body. */
static Status sched_loop(Sched *s, PItem *item, const Deps *deps, ItemList *out)
{
    Verdict v;
    TRY(loop_verdict(s, item, deps, &v));
    const NLoop *loop = item->loop->src[0];
    bool is_free = !loop->has_exit && v.code != RS_ShortTrip;
    if (v.mode == PM_Sequential && is_free && s->opt->interchange) {
        PItem *moved;
        TRY(interchange_outward(s, item, deps, &moved));
        if (moved)
            return sched_loop(s, moved, deps, out);
    }
    if (v.mode == PM_Sequential && is_free && s->opt->distribute) {
        ItemList parts;
        TRY(loop_distribute(s, item, deps, &parts));
        for (uint32_t i = 0; i < parts.n; i++) {
            Deps inside;
            TRY(deps_within(s, parts.item[i]->body, parts.item[i]->n_body, deps, NULL, &inside));
            TRY(sched_loop(s, parts.item[i], &inside, out));
        }
        if (parts.n)
            return ALP_OK;
    }
    if (v.mode == PM_Sequential && is_free && s->opt->interchange) {
        PItem *moved;
        TRY(interchange_imperfect(s, item, deps, &moved));
        if (moved) {
            item = moved;
            TRY(loop_verdict(s, item, deps, &v));
        }
    }
    if (v.mode == PM_Parallel && s->opt->interchange) {
        PItem *before = item;
        TRY(interchange_for_locality(s, &item, deps));
        if (item != before)
            TRY(loop_verdict(s, item, deps, &v));
    }
    TRY(loop_settle(s, item, &v));
    TRY(item_push(out, item, s->arena));
    ALP_ASSERT(s->n_path < NEST_MAX_DEPTH);
    Deps inside;
    TRY(deps_within(s, item->body, item->n_body, deps, item->loop->src[0], &inside));
    s->path[s->n_path++] = item->loop;
    Status status = sched_body(s, item, &inside);
    s->n_path--;
    return status;
}

static Status sched_items(Sched *s, PItem *const *items, uint32_t n, const Deps *deps, ItemList *out)
{
    for (uint32_t i = 0; i < n; i++) {
        PItem *x = items[i];
        Deps inside;
        if (x->kind == PI_Stmt) {
            TRY(item_push(out, x, s->arena));
            continue;
        }
        if (x->kind == PI_If)
            TRY(deps_within(s, &items[i], 1, deps, NULL, &inside));
        else
            TRY(deps_within(s, x->body, x->n_body, deps, x->kind == PI_While ? x->stmt->loop : NULL, &inside));
        if (x->kind == PI_Loop) {
            TRY(sched_loop(s, x, &inside, out));
            continue;
        }
        TRY(sched_body(s, x, &inside));
        TRY(item_push(out, x, s->arena));
    }
    return s->opt->fuse ? fuse_neighbours(s, out) : ALP_OK;
}

static Status all_deps(Sched *s, Deps *out)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->graph->n_pairs; i++)
        n += (uint32_t)s->graph->pair[i].answer.n_vec;
    *out = (Deps){ 0, ARENA_ARRAY(s->scratch, Dep, n + 1) };
    if (!out->dep)
        return ALP_FAIL;
    for (uint32_t i = 0; i < s->graph->n_pairs; i++) {
        const RefPair *p = &s->graph->pair[i];
        for (int k = 0; k < p->answer.n_vec; k++)
            out->dep[out->n++] = (Dep){ p, &p->answer.vec[k] };
    }
    return ALP_OK;
}

Status sched_nest(Sched *s)
{
    PItem **items;
    uint32_t n;
    Deps deps;
    ItemList body = { 0 };
    s->stmt_mark = ARENA_ARRAY(s->scratch, uint32_t, s->nest->n_stmts + 1);
    s->var_mark = ARENA_ARRAY(s->scratch, uint32_t, s->nest->n_vars + 1);
    s->plan->root = item_new(s, PI_Block, NULL);
    if (!s->stmt_mark || !s->var_mark || !s->plan->root)
        return ALP_FAIL;
    TRY(items_of(s, &s->nest->body, &items, &n));
    TRY(all_deps(s, &deps));
    TRY(sched_items(s, items, n, &deps, &body));
    s->plan->root->body = body.item;
    s->plan->root->n_body = body.n;
    mark_vector_loops(s, s->plan->root);
    return outcome_fill(s);
}
