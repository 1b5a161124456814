/* jit/plan/legal.c — may this loop of the plan run in parallel?
 *
 * Yes, if no array dependence is carried by it while all loops around it stand still, and every variable assigned in it is
 * private, an accumulation whose order may change, or only ever set to one constant.  The loops around it may have been
 * reordered: direction vectors are looked up by loop, not by position, and the list of them that the caller passes has '=' for
 * all loops around. */
#include "jit/plan/plan_int.h"

enum { MAX_REPEATED_OPS = 24 }; /* a longer expression is computed once and kept instead of repeated */

/* ---- headers and assignments that may stand elsewhere ------------------------------------------------------------------------- */

typedef struct Fixed { const Sched *s; bool ok; } Fixed;

static bool reads_no_marked_counter(void *user, const NExpr *e)
{
    Fixed *f = user;
    if (e->op == NOP_Counter && stmt_is_marked(f->s, e->u.loop->stmt))
        f->ok = false;
    return f->ok;
}

bool header_is_stable(Sched *s, const NLoop *loop, PItem *const *items, uint32_t n)
{
    items_mark(s, items, n);
    const VarList *reads = &s->info->stmt[loop->stmt->id].reads;
    for (uint32_t i = 0; i < reads->n; i++) {
        const StmtList *defs = &s->info->defs[reads->var[i]->id];
        for (uint32_t k = 0; k < defs->n; k++)
            if (stmt_is_marked(s, defs->stmt[k]))
                return false;
    }
    for (uint32_t i = 0; i < s->graph->n_pairs; i++) {
        const RefPair *p = &s->graph->pair[i];
        const NStmt *other = p->a->stmt == loop->stmt ? p->b->stmt : p->b->stmt == loop->stmt ? p->a->stmt : NULL;
        if (other && p->answer.n_vec && stmt_is_marked(s, other))
            return false;
    }
    Fixed f = { s, true };
    stmt_each_expr(loop->stmt, reads_no_marked_counter, &f);
    return f.ok;
}

typedef struct Repeat {
    const Sched *s;
    const NStmt *def;
    const NLoop *loop, *region;
} Repeat;

/* The replicable assignment that gives a variable its value in front of `def`: at the top of the body of one of the loops loop … region. */
static bool has_replicable_value(const Repeat *r, const NVar *v)
{
    const StmtList *defs = &r->s->info->defs[v->id];
    for (const NLoop *l = r->loop; l; l = l->up) {
        for (uint32_t i = 0; i < defs->n; i++)
            if (defs->stmt[i]->parent == l->stmt && defs->stmt[i]->id < r->def->id)
                return def_is_replicable(r->s, defs->stmt[i], l, r->region);
        if (l == r->region)
            break;
    }
    return false;
}

static bool is_repeatable(void *user, const NExpr *e)
{
    const Repeat *r = user;
    if (e->op == NOP_Load || e->op == NOP_Fun || e->op == NOP_Generic)
        return false;
    return e->op != NOP_Var || !is_assigned_in(r->s, e->u.var, r->region) || has_replicable_value(r, e->u.var);
}

bool def_is_replicable(const Sched *s, const NStmt *def, const NLoop *loop, const NLoop *region)
{
    if (def->kind != NS_Assign || def->parent != loop->stmt || s->info->stmt[def->id].n_ops > MAX_REPEATED_OPS)
        return false;
    const VarUse *here = graph_var_use(s->graph, loop, def->var), *there = graph_var_use(s->graph, region, def->var);
    if (!here || !there)
        return false;
    if (there->cls == VC_Set)           /* the same constant everywhere, and no reader */
        return true;
    if (here->cls != VC_Private || there->cls != VC_Private)
        return false;
    const StmtList *defs = &s->info->defs[def->var->id];
    for (uint32_t i = 0; i < defs->n; i++)
        if (defs->stmt[i] != def && nest_is_inside(defs->stmt[i], loop->stmt))
            return false;
    Repeat r = { s, def, loop, region };
    return expr_each(def->expr, is_repeatable, &r);
}

/* A statement that may skip what stands behind it in `user`'s loop. */
typedef struct Skips { const NStmt *def; bool found; } Skips;

static bool may_skip(void *user, const NStmt *x)
{
    Skips *k = user;
    if (x->id < k->def->id && (x->kind == NS_Return || ((x->kind == NS_Next || x->kind == NS_Leave) && nest_is_inside(k->def, x->target))))
        k->found = true;
    return !k->found;
}

bool def_is_certain(const Sched *s, const NStmt *def, const NLoop *loop)
{
    for (const NStmt *p = def->parent; p != loop->stmt; p = p->parent)
        if (!p || p->kind != NS_Loop || p->loop->is_while || s->trip[p->loop->id].lo < 1)
            return false;
    Skips k = { def, false };
    block_each(&loop->body, may_skip, &k);
    return !k.found;
}

/* ---- arrays ------------------------------------------------------------------------------------------------------------------- */

/* Flow first, which is what people recognise; and what is sure before what is not. */
static DepKind kind_of(const RefPair *p, bool swapped)
{
    const NAccess *src = swapped ? p->b : p->a, *dst = swapped ? p->a : p->b;
    return !src->is_write ? DEPK_Anti : dst->is_write ? DEPK_Output : DEPK_Flow;
}

static bool find_carried(const Deps *deps, const NLoop *loop, Verdict *v)
{
    static const Reason code[] = { RS_CarriedFlow, RS_CarriedAnti, RS_CarriedOutput };
    unsigned best = 0;
    for (uint32_t i = 0; i < deps->n; i++) {
        const Dep *d = &deps->dep[i];
        int dirs = dep_dirs(d, loop);
        for (int swapped = 0; swapped < 2; swapped++) {
            if (!(dirs & (swapped ? DIR_GT : DIR_LT)))
                continue;
            unsigned rank = kind_of(d->pair, swapped) + (d->pair->maybe != RS_None ? COUNT_OF(code) : 0);
            if (v->dep.pair && rank >= best)
                continue;
            v->dep = *d;
            v->is_swapped = swapped;
            best = rank;
        }
        if (v->dep.pair && best == 0)
            break;
    }
    if (!v->dep.pair)
        return false;
    v->code = v->dep.pair->maybe != RS_None ? v->dep.pair->maybe : code[best];
    return true;
}

/* ---- scalars ------------------------------------------------------------------------------------------------------------------ */

const VarUse *loop_var_use(const Sched *s, const PItem *item, const NVar *v)
{
    for (; item; ) {
        for (uint32_t k = 0; k < item->loop->n_src; k++) {
            const VarUse *u = graph_var_use(s->graph, item->loop->src[k], v);
            if (u)
                return u;
        }
        const PItem *inner = NULL;
        for (uint32_t i = 0; i < item->n_body; i++)
            if (item_is_loop(item->body[i]))
                inner = item->body[i];
        item = inner;
    }
    return NULL;
}

static void judge_scalars(Sched *s, const PItem *item, const VarList *vars, Verdict *v)
{
    const VarUse *kept = NULL;
    const NLoop *lanes = NULL;
    v->mode = PM_Parallel;
    for (uint32_t i = 0; i < vars->n; i++) {
        const VarUse *u = loop_var_use(s, item, vars->var[i]);
        if (!u)
            continue;
        if (u->cls == VC_Carried) {
            *v = (Verdict){ .mode = PM_Sequential, .code = RS_CarriedScalar, .use = u };
            return;
        }
        if (u->cls != VC_Reduction)
            continue;
        v->mode = PM_Reduction;
        if (!kept && order_is_kept(s, item, u, &lanes))
            kept = u;
    }
    if (kept)
        *v = (Verdict){ .mode = PM_Sequential, .code = RS_ProgramOrder, .use = kept, .lanes = lanes };
}

Status loop_verdict(Sched *s, const PItem *item, const Deps *deps, Verdict *v)
{
    const NLoop *loop = item->loop->src[0];
    *v = (Verdict){ .mode = PM_Sequential };
    if (loop->has_exit) {
        v->code = RS_Break;
        return ALP_OK;
    }
    if (s->trip[loop->id].hi <= 1 || item->loop->is_single) {
        v->code = RS_ShortTrip;
        return ALP_OK;
    }
    if (find_carried(deps, loop, v))
        return ALP_OK;
    VarList vars;
    TRY(items_assigned(s, item->body, item->n_body, &vars));
    judge_scalars(s, item, &vars, v);
    return ALP_OK;
}

/* ---- the lists of a loop --------------------------------------------------------------------------------------------------------- */

/* Does a loop stand inside that was around this one in the text, and may have no iterations? */
static bool may_skip_body(const Sched *s, const PItem *item)
{
    for (uint32_t i = 0; i < item->n_body; i++) {
        const PItem *x = item->body[i];
        if (item_is_loop(x) && ((x->loop->is_moved_in && s->trip[x->loop->src[0]->id].lo < 1) || may_skip_body(s, x)))
            return true;
    }
    return false;
}

/* The same use, for a loop of whose iterations some may not assign the variable. */
static const VarUse *uncertain_use(Sched *s, const VarUse *u)
{
    VarUse *copy = arena_alloc(s->arena, sizeof *copy);
    if (copy) {
        *copy = *u;
        copy->always_assigned = false;
    }
    return copy;
}

Status loop_settle(Sched *s, PItem *item, const Verdict *v)
{
    PLoop *l = item->loop;
    l->mode = v->mode;
    outcome_why(s, l, v);
    if (v->mode == PM_Sequential)
        return ALP_OK;
    VarList vars;
    TRY(items_assigned(s, item->body, item->n_body, &vars));
    uint32_t room = vars.n + l->n_restore + 1;
    l->private_var = ARENA_ARRAY(s->arena, const NVar *, room);
    l->last = ARENA_ARRAY(s->arena, const VarUse *, room);
    l->red = ARENA_ARRAY(s->arena, PRed, room);
    if (!l->private_var || !l->last || !l->red)
        return ALP_FAIL;
    bool is_uncertain = may_skip_body(s, item);
    for (uint32_t i = 0; i < vars.n; i++) {
        const VarUse *u = loop_var_use(s, item, vars.var[i]);
        if (!u)
            continue;
        if (u->cls == VC_Reduction) {
            l->red[l->n_red++].use = u;
            if (u->is_ordered && s->trip[l->src[0]->id].hi > 128)
                s->plan->has_ordered = true;
            continue;
        }
        l->private_var[l->n_private++] = vars.var[i];
        if (u->live_after && !(l->last[l->n_last++] = is_uncertain && u->always_assigned ? uncertain_use(s, u) : u))
            return ALP_FAIL;
    }
    for (uint32_t i = 0; i < l->n_restore; i++)
        l->private_var[l->n_private++] = l->restore_var[i];
    return ALP_OK;
}
