/* jit/plan/nest_info.c — what plans ask about a nest again and again, found once: reads and assignments of variables, operations
 * per statement, and the loops with which a subscript that is not affine may change. */
#include "jit/plan/plan_int.h"

bool expr_each(const NExpr *e, ExprVisit visit, void *user)
{
    if (!e)
        return true;
    if (!visit(user, e))
        return false;
    if (e->op == NOP_Load)
        for (uint32_t k = 0; k < e->u.access->n_subs; k++)
            if (!expr_each(e->u.access->sub[k], visit, user))
                return false;
    return expr_each(e->a, visit, user) && expr_each(e->b, visit, user) && expr_each(e->c, visit, user);
}

bool stmt_each_expr(const NStmt *s, ExprVisit visit, void *user)
{
    if (!expr_each(s->expr, visit, user))
        return false;
    if (s->kind == NS_Store)
        for (uint32_t k = 0; k < s->access->n_subs; k++)
            if (!expr_each(s->access->sub[k], visit, user))
                return false;
    if (s->kind != NS_Loop)
        return true;
    const NLoop *l = s->loop;
    return expr_each(l->start, visit, user) && expr_each(l->stop, visit, user) && expr_each(l->step, visit, user) &&
           expr_each(l->trip, visit, user) && expr_each(l->test, visit, user);
}

bool block_each(const NBlock *b, StmtVisit visit, void *user)
{
    for (uint32_t i = 0; i < b->n; i++)
        if (!stmt_each(b->stmt[i], visit, user))
            return false;
    return true;
}

bool stmt_each(const NStmt *s, StmtVisit visit, void *user)
{
    return visit(user, s) && (s->kind != NS_Loop || block_each(&s->loop->body, visit, user)) && block_each(&s->body, visit, user) &&
           block_each(&s->orelse, visit, user);
}

/* ---- reads and assignments ------------------------------------------------------------------------------------------------ */

typedef struct Collect {
    Arena    *arena;
    StmtInfo *info;
    bool      no_memory;
} Collect;

static bool collect_expr(void *user, const NExpr *e)
{
    Collect *c = user;
    c->info->n_ops++;
    if (e->op != NOP_Var)
        return true;
    VarList *l = &c->info->reads;
    for (uint32_t i = 0; i < l->n; i++)
        if (l->var[i] == e->u.var)
            return true;
    c->no_memory = var_push(l, e->u.var, c->arena) != ALP_OK;
    return !c->no_memory;
}

static Status find_defs(NestInfo *info, Arena *arena, const Nest *nest)
{
    for (uint32_t i = 0; i < nest->n_stmts; i++)
        if (nest->stmts[i]->kind == NS_Assign)
            info->defs[nest->stmts[i]->var->id].n++;
    for (uint32_t v = 0; v < nest->n_vars; v++) {
        if (!(info->defs[v].stmt = ARENA_ARRAY(arena, const NStmt *, info->defs[v].n + 1)))
            return ALP_FAIL;
        info->defs[v].n = 0;
    }
    for (uint32_t i = 0; i < nest->n_stmts; i++) {
        const NStmt *s = nest->stmts[i];
        if (s->kind == NS_Assign)
            info->defs[s->var->id].stmt[info->defs[s->var->id].n++] = s;
    }
    return ALP_OK;
}

/* ---- subscripts that are not affine ----------------------------------------------------------------------------------------- */

typedef struct Varies {
    const DepGraph *graph;
    const NLoop *in;            /* innermost loop around the access */
    uint32_t     mask;
} Varies;

static void varies_with(Varies *v, const NExpr *e)
{
    if (!e)
        return;
    if (e->form) {
        for (uint32_t i = 0; i < e->form->n; i++) {
            const NTerm *t = &e->form->term[i];
            if (t->loop)
                v->mask |= depth_bit(t->loop);
            for (const NLoop *l = t->sym ? t->sym->varies : NULL; l; l = l->up)
                v->mask |= depth_bit(l);
        }
    } else if (e->op == NOP_Counter) {
        v->mask |= depth_bit(e->u.loop);
    } else if (e->op == NOP_Var) {
        for (const NLoop *l = v->in; l; l = l->up)
            if (graph_var_use(v->graph, l, e->u.var))
                v->mask |= depth_bit(l);
    } else if (e->op == NOP_Load) {
        for (uint32_t k = 0; k < e->u.access->n_subs; k++)
            varies_with(v, e->u.access->sub[k]);
    } else {
        varies_with(v, e->a);
        varies_with(v, e->b);
        varies_with(v, e->c);
    }
}

/* ------------------------------------------------------------------------------------------------------------------------------- */

NestInfo *nest_info_new(Arena *arena, const Nest *nest, const DepGraph *graph)
{
    NestInfo *info = ARENA_NEW(arena, NestInfo);
    if (!info)
        return NULL;
    info->stmt = ARENA_ARRAY(arena, StmtInfo, nest->n_stmts + 1);
    info->defs = ARENA_ARRAY(arena, StmtList, nest->n_vars + 1);
    info->varies = ARENA_ARRAY(arena, uint32_t, nest->n_accesses + 1);
    if (!info->stmt || !info->defs || !info->varies || find_defs(info, arena, nest) != ALP_OK)
        return NULL;
    for (uint32_t i = 0; i < nest->n_stmts; i++) {
        const NStmt *s = nest->stmts[i];
        Collect c = { arena, &info->stmt[i], false };
        stmt_each_expr(s, collect_expr, &c);
        if (c.no_memory)
            return NULL;
        if (s->kind == NS_Loop && !s->loop->is_while)
            for (const NStmt *up = s; up && !info->stmt[up->id].has_for; up = up->parent)
                info->stmt[up->id].has_for = true;
    }
    info->max_depth = 1;
    for (uint32_t i = 0; i < nest->n_loops; i++)
        if (nest->loops[i]->depth > info->max_depth)
            info->max_depth = nest->loops[i]->depth;
    for (uint32_t i = 0; i < nest->n_accesses; i++) {
        const NAccess *x = nest->accesses[i];
        Varies v = { graph, x->stmt->loop_in, 0 };
        for (uint32_t k = 0; k < x->n_subs; k++)
            if (!x->form[k])
                varies_with(&v, x->sub[k]);
        info->varies[i] = v.mask;
    }
    return fuse_find(info, arena, nest) == ALP_OK && imperfect_find(info, arena, nest, graph) == ALP_OK ? info : NULL;
}
