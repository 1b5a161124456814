/* jit/depend/graph.c — from answers about pairs to the edges of the dependence graph; graph.h.
 *
 * A vector of sets stands for several orders of the two references.  It is divided by level: the part that is '=' outside level k and '<' at
 * k is a dependence from A to B carried by k; the part with '>' there is one from B to A, its vector reversed; the part that is
 * '=' everywhere runs inside one iteration, from the reference that is evaluated first. */
#include "jit/depend/graph.h"

#include <string.h>
#include <time.h>

#include "jit/depend/pairs.h"
#include "jit/depend/scalars.h"

static uint32_t elapsed_ns(const struct timespec *start)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t ns = (now.tv_sec - start->tv_sec) * INT64_C(1000000000) + (now.tv_nsec - start->tv_nsec);
    return ns < 0 ? 0 : ns > UINT32_MAX ? UINT32_MAX : (uint32_t)ns;
}

DepGraph *graph_new(Arena *arena, const Nest *nest)
{
    struct timespec start;
    clock_gettime(CLOCK_MONOTONIC, &start);
    DepGraph *g = ARENA_NEW(arena, DepGraph);
    if (!g)
        return NULL;
    g->nest = nest;
    g->carried = ARENA_ARRAY(arena, const DepEdge *, nest->n_loops + 1);
    g->scalars = scalars_new(arena, nest);
    if (!g->carried || !g->scalars || pairs_new(g, arena) != ALP_OK)
        return NULL;
    g->static_ns = elapsed_ns(&start);
    return g;
}

void graph_decide(DepGraph *g, const Facts *f, const uint8_t *access_dim)
{
    struct timespec start;
    clock_gettime(CLOCK_MONOTONIC, &start);
    pairs_decide(g, f, access_dim);
    g->decide_ns = elapsed_ns(&start);
}

/* ---- edges --------------------------------------------------------------------------------------------------------------------- */

static DepKind kind_of(const NAccess *src, const NAccess *dst)
{
    if (src->is_write)
        return dst->is_write ? DEPK_Output : DEPK_Flow;
    return dst->is_write ? DEPK_Anti : DEPK_Flow;
}

static uint8_t reverse_dirs(uint8_t d)
{
    return (uint8_t)((d & DIR_EQ) | (d & DIR_LT ? DIR_GT : 0) | (d & DIR_GT ? DIR_LT : 0));
}

/* One edge from v: '=' before level, the given direction at it (level 0: '=' everywhere).  Counts only, while `edge` is NULL. */
static void put_edge(DepGraph *g, const RefPair *p, const DepVec *v, int level, bool is_swapped)
{
    if (g->edge) {
        const NAccess *src = is_swapped ? p->b : p->a, *dst = is_swapped ? p->a : p->b;
        DepEdge *e = &g->edge[g->n_edges];
        *e = (DepEdge){ .src = src->stmt, .dst = dst->stmt, .kind = kind_of(src, dst), .level = (uint8_t)level, .pair = p, .is_swapped = is_swapped };
        int n_equal = level ? level - 1 : p->n_common;
        for (int k = 0; k < p->n_common; k++) {
            if (k < n_equal) {
                e->vec.dir[k] = DIR_EQ;
                e->vec.has_dist |= (uint8_t)(1u << k);
                continue;
            }
            e->vec.dir[k] = k == level - 1 ? DIR_LT : is_swapped ? reverse_dirs(v->dir[k]) : v->dir[k];
            if (v->has_dist >> k & 1 && v->dist[k] != INT64_MIN) {
                e->vec.has_dist |= (uint8_t)(1u << k);
                e->vec.dist[k] = is_swapped ? -v->dist[k] : v->dist[k];
            }
        }
    }
    g->n_edges++;
}

static void put_vector(DepGraph *g, const RefPair *p, const DepVec *v)
{
    for (int k = 0; k < p->n_common; k++) {
        if (v->dir[k] & DIR_LT)
            put_edge(g, p, v, k + 1, false);
        /* A reference against itself: the same edges once more. */
        if (v->dir[k] & DIR_GT && p->a != p->b)
            put_edge(g, p, v, k + 1, true);
        if (!(v->dir[k] & DIR_EQ))
            return;
    }
    if (p->a->stmt != p->b->stmt)
        put_edge(g, p, v, 0, ref_is_before(p->b, p->a));
}

static bool is_first(const DepEdge *x, const DepEdge *y)
{
    if (x->src->id != y->src->id)
        return x->src->id < y->src->id;
    return x->dst->id < y->dst->id;
}

Status graph_edges(DepGraph *g, Arena *arena)
{
    uint32_t count = 0;
    if (g->is_no_memory)
        return ALP_FAIL;
    for (int fill = 0; fill < 2; fill++) {
        g->edge = NULL;
        g->n_edges = 0;
        if (fill && !(g->edge = ARENA_ARRAY(arena, DepEdge, count + 1)))
            return ALP_FAIL;
        PairWalk w = { 0 };
        for (const RefPair *p; (p = pairs_next(g, &w));)
            for (int i = 0; i < p->answer.n_vec; i++)
                put_vector(g, p, &p->answer.vec[i]);
        count = g->n_edges;
    }
    g->cap_edges = count;
    memset(g->carried, 0, g->nest->n_loops * sizeof *g->carried);
    for (uint32_t i = 0; i < g->n_edges; i++) {
        const DepEdge *e = &g->edge[i];
        if (e->level == 0)
            continue;
        const DepEdge **first = &g->carried[e->pair->common[e->level - 1]->id];
        if (!*first || is_first(e, *first))
            *first = e;
    }
    return ALP_OK;
}

const DepEdge *graph_carried_by(const DepGraph *g, const NLoop *loop)
{
    return g->carried[loop->id];
}

/* ---- variables ----------------------------------------------------------------------------------------------------------------- */

const VarUse *graph_var_use(const DepGraph *g, const NLoop *loop, const NVar *var)
{
    return scalars_find(&g->scalars[loop->id], var);
}

/* Operators between the root of e and v. */
typedef enum PathState { PATH_None /* v is not in e */, PATH_Safe, PATH_MayFail } PathState;

static PathState path_state(const NExpr *e, const NVar *v, const uint8_t *proved)
{
    if (!e)
        return PATH_None;
    if (e->op == NOP_Var)
        return e->u.var == v ? PATH_Safe : PATH_None;
    PathState worst = PATH_None;
    for (int k = 0; k < nest_op_arity((NOp)e->op); k++) {
        PathState s = path_state(nexpr_operand(e, k), v, proved);
        worst = s > worst ? s : worst;
    }
    return worst == PATH_Safe && e->check != NO_CHECK && !proved[e->check] ? PATH_MayFail : worst;
}

bool graph_reduction_may_fail(const VarUse *use, const uint8_t *proved)
{
    for (uint32_t i = 0; i < use->n_acc; i++)
        if (path_state(use->acc[i]->expr, use->var, proved) == PATH_MayFail)
            return true;
    return false;
}

const char *red_kind_name(RedKind k)
{
    static const char *const name[] = { "sum", "product", "min", "max", "and", "or", "xor", "arg" };     /* ORDER red_kind_name */
    return name[k];
}

const char *var_class_name(VarClass c)
{
    static const char *const name[] = { "untouched", "private", "reduction", "set", "carried" };       /* ORDER var_class_name */
    return name[c];
}
