/* jit/plan/outcome.c — what became of each loop of the text, and why, in words for people. */
#include "jit/plan/plan_int.h"

#include <stdio.h>

static void text_line(Text *t, const Nest *nest, const NStmt *s, const Node *ast)
{
    uint32_t line = node_line(nest, ast, s->loop_in);
    if (line)
        text_add(t, " (line %u)", (unsigned)line);
}

static void finish(ReasonAt *why, const Nest *nest, const NLoop *loop, const NStmt *s, const Node *ast)
{
    if (!ast)
        return;
    const Src *here = loop_src(nest, s->loop_in);
    why->span = ast->span;
    why->src = here == loop_src(nest, loop) ? NULL : here;
}

/* ---- dependences of arrays ---------------------------------------------------------------------------------------------------------- */

/* The vector as seen from the source of the dependence. */
static DepVec orient(const Sched *s, const Verdict *v, int level)
{
    const RefPair *p = v->dep.pair;
    DepVec vec = *v->dep.vec;
    for (int k = 0; k < p->n_common; k++) {
        int d = vec.dir[k];
        if (k == level)
            vec.dir[k] = DIR_LT;
        else if (is_on_path(s, p->common[k]))
            vec.dir[k] = DIR_EQ;        /* one iteration of the loops around */
        else if (v->is_swapped)
            vec.dir[k] = (uint8_t)((d & DIR_EQ) | (d & DIR_LT ? DIR_GT : 0) | (d & DIR_GT ? DIR_LT : 0));
        if (v->is_swapped && vec.has_dist & 1 << k && __builtin_sub_overflow(0, vec.dist[k], &vec.dist[k]))
            vec.has_dist &= (uint8_t)~(1 << k);
    }
    return vec;
}

static bool has_distance(const DepVec *v, int n)
{
    for (int k = 0; k < n; k++)
        if (v->has_dist & 1 << k && v->dir[k] != DIR_EQ)
            return true;
    return false;
}

/* A loop's variable in the iteration with counters t (of loops[0 … n-1], outermost first); the counter if its start is not known. */
static int64_t loop_value(const Sched *s, const NLoop *const *loops, int n, int k, const int64_t *t)
{
    const NLoop *l = loops[k];
    int64_t c0, value, *coef = ARENA_ARRAY(s->scratch, int64_t, s->nest->n_loops + 1);
    if (!coef || l->is_while || !l->start_form || !l->step_const || !facts_form_numeric(s->facts, l->start_form, &c0, coef))
        return t[k];
    coef[l->id] += l->step_const;
    value = c0;
    for (int i = 0; i < n; i++) {
        int64_t x;
        if (__builtin_mul_overflow(coef[loops[i]->id], t[i], &x) || __builtin_add_overflow(value, x, &value))
            return t[k];
    }
    return value;
}

static void text_iteration(Text *t, const Sched *s, const RefPair *p, const int64_t *counters)
{
    int n = p->n_common;
    text_add(t, "%s", n > 1 ? "(" : "");
    for (int k = 0; k < n; k++) {
        text_add(t, "%s", k ? ", " : "");
        text_loop_var(t, s->nest, p->common[k]);
    }
    text_add(t, "%s = %s", n > 1 ? ")" : "", n > 1 ? "(" : "");
    for (int k = 0; k < n; k++)
        text_add(t, "%s%lld", k ? ", " : "", (long long)loop_value(s, p->common, n, k, counters));
    text_add(t, "%s", n > 1 ? ")" : "");
}

static void why_array(Sched *s, PLoop *l, const Verdict *v)
{
    static const char *const link[][2] = {
        [DEPK_Flow] = { " writes what a later iteration reads as ", " may write what a later iteration reads as " },
        [DEPK_Anti] = { " reads what a later iteration overwrites as ", " may read what a later iteration overwrites as " },
        [DEPK_Output] = { " writes what a later iteration writes again as ", " may write what a later iteration writes again as " },
    };
    const RefPair *p = v->dep.pair;
    const NAccess *src = v->is_swapped ? p->b : p->a, *dst = v->is_swapped ? p->a : p->b;
    int level = pair_level(p, l->src[0]);
    DepEdge *e = ARENA_NEW(s->arena, DepEdge);
    DepEdge here = { src->stmt, dst->stmt, !src->is_write ? DEPK_Anti : dst->is_write ? DEPK_Output : DEPK_Flow, (uint8_t)(level + 1),
                     orient(s, v, level), p, v->is_swapped, NULL };
    if (e)
        *e = here;
    l->blame = e;
    Text t = { l->why.detail, sizeof l->why.detail, 0 };
    char vec[DEP_VEC_TEXT_MAX];
    text_access(&t, s->nest, src);
    text_line(&t, s->nest, src->stmt, src->ast);
    text_add(&t, "%s", link[here.kind][p->maybe != RS_None]);
    text_access(&t, s->nest, dst);
    text_line(&t, s->nest, dst->stmt, dst->ast);
    DepVec directions = here.vec;
    directions.has_dist = 0;
    text_add(&t, ": direction %s", dep_vec_text(vec, &directions, p->n_common));
    if (has_distance(&here.vec, p->n_common))
        text_add(&t, ", distance %s", dep_vec_text(vec, &here.vec, p->n_common));
    int64_t ta[NEST_MAX_DEPTH], tb[NEST_MAX_DEPTH];
    DepVec wanted = *v->dep.vec;
    for (int k = 0; k < p->n_common; k++)
        if (k != level && is_on_path(s, p->common[k]))
            wanted.dir[k] = DIR_EQ;
    wanted.dir[level] = v->is_swapped ? DIR_GT : DIR_LT;
    if (s->opt->examples && graph_example(s->graph, p, &wanted, s->facts, s->access_dim, ta, tb)) {
        text_add(&t, "; for example ");
        text_iteration(&t, s, p, v->is_swapped ? tb : ta);
        text_add(&t, " and ");
        text_iteration(&t, s, p, v->is_swapped ? ta : tb);
    }
    finish(&l->why, s->nest, l->src[0], src->stmt, src->ast);
}

/* ---- scalars -------------------------------------------------------------------------------------------------------------------------- */

static void why_scalar(Sched *s, PLoop *l, const Verdict *v)
{
    const VarUse *u = v->use;
    Text t = { l->why.detail, sizeof l->why.detail, 0 };
    text_var(&t, s->nest, u->var);
    if (v->code == RS_ProgramOrder) {
        text_add(&t, ": %s", red_kind_name(u->red));
        if (s->opt->fp == FP_Sequential && u->is_ordered)
            text_add(&t, ", kept in program order by --fp=sequential");
        else if (graph_reduction_may_fail(u, s->plan->proved))
            text_add(&t, ", which may leave 64 bits in one order and not in another");
        if (v->lanes) {
            text_add(&t, "; vector lanes are better given to the loop over ");
            text_loop_var(&t, s->nest, v->lanes);
        }
    } else if (u->blame_read) {
        text_add(&t, ", assigned");
        if (u->blame_write)
            text_line(&t, s->nest, u->blame_write, u->blame_write->ast);
        text_add(&t, ", is read");
        text_line(&t, s->nest, u->blame_read, u->blame_read->ast);
        text_add(&t, " in a later iteration");
    } else if (u->blame_write) {
        text_add(&t, ", assigned");
        text_line(&t, s->nest, u->blame_write, u->blame_write->ast);
    }
    const NStmt *at = u->blame_write ? u->blame_write : u->blame_read;
    if (at)
        finish(&l->why, s->nest, l->src[0], at, at->ast);
}

static void why_reduced(Sched *s, PLoop *l)
{
    Text t = { l->why.detail, sizeof l->why.detail, 0 };
    for (uint32_t i = 0; i < l->n_red; i++) {
        const VarUse *u = l->red[i].use;
        if (u->var->name == SYM_NONE)
            continue;                           /* the builder's own */
        text_add(&t, "%s", t.n ? "; " : "");
        text_var(&t, s->nest, u->var);
        text_add(&t, ": %s", red_kind_name(u->red));
        if (u->term && u->red != RK_Arg && !(u->term->op == NOP_Var && u->term->u.var->name == SYM_NONE)) {
            text_add(&t, " of ");
            text_expr(&t, s->nest, u->term);
        }
    }
}

void outcome_why(Sched *s, PLoop *l, const Verdict *v)
{
    l->blame = NULL;
    reason_set(&l->why, v->mode == PM_Parallel ? RS_Independent : v->mode == PM_Reduction ? RS_Reduced : v->code, (Span){ 0, 0 }, NULL);
    if (v->mode != PM_Sequential)
        return;
    if (v->dep.pair)
        why_array(s, l, v);
    else if (v->use)
        why_scalar(s, l, v);
}

/* ---- values that decided ------------------------------------------------------------------------------------------------------------- */

typedef struct Values { const Sched *s; Text *t; uint32_t n; const NSym *seen[8]; } Values;

static void add_symbol(Values *v, const NSym *sym)
{
    if (!sym || v->n == COUNT_OF(v->seen))
        return;
    if (sym->factor[0]) {
        add_symbol(v, sym->factor[0]);
        add_symbol(v, sym->factor[1]);
        return;
    }
    for (uint32_t i = 0; i < v->n; i++)
        if (v->seen[i] == sym)
            return;
    if (!sym->expr || !v->s->facts->sym_known[sym->id])
        return;
    text_add(v->t, "%s", v->n ? ", " : "");
    text_expr(v->t, v->s->nest, sym->expr);
    text_add(v->t, " = %lld", (long long)v->s->facts->sym[sym->id]);
    v->seen[v->n++] = sym;
}

static void add_form(Values *v, const NForm *f)
{
    for (uint32_t i = 0; f && i < f->n; i++)
        add_symbol(v, f->term[i].sym);
}

/* Pairs of references inside the loop that only numbers decided; what those were goes to t (NULL: nowhere). */
static bool decided_at_run_time(const Sched *s, const NLoop *l, Text *t)
{
    Values v = { s, t, 0, { 0 } };
    bool found = false;
    for (uint32_t i = 0; i < s->graph->n_pairs; i++) {
        const RefPair *p = &s->graph->pair[i];
        if (!p->is_deferred_by_sym || pair_level(p, l) < 0)
            continue;
        found = true;
        if (!t)
            return true;
        for (uint32_t d = 0; d < p->a->n_subs; d++)
            add_form(&v, p->a->form[d]);
        for (uint32_t d = 0; d < p->b->n_subs; d++)
            add_form(&v, p->b->form[d]);
        for (int k = 0; k < p->n_common; k++) {
            add_form(&v, p->common[k]->start_form);
            add_form(&v, p->common[k]->stop_form);
        }
    }
    return found;
}

/* ---- per loop of the text ------------------------------------------------------------------------------------------------------------- */

typedef struct Seen { bool sequential; } Seen;       /* some part of the loop is */

static Outcome outcome_of(const PLoop *l)
{
    switch (l->mode) {
    case PM_Sequential: return OC_Sequential;
    case PM_Reduction:  return OC_Reduction;
    case PM_Parallel:   return l->is_vector && !l->is_outer_parallel ? OC_Vector : OC_Parallel;
    }
    return OC_None;
}

/* The best of the loop's parts speaks for it: a reduction before a sequential loop, a parallel one before both. */
static int rank(Outcome o)
{
    return o == OC_Parallel ? 4 : o == OC_Vector ? 3 : o == OC_Reduction ? 2 : o == OC_Sequential ? 1 : 0;
}

static void take_part(Sched *s, PLoop *l, LoopOutcome *o, Seen *seen)
{
    Outcome oc = outcome_of(l);
    seen->sequential |= l->mode == PM_Sequential;
    o->distributed |= l->is_distributed;
    o->interchanged |= l->is_moved_out || l->is_moved_in;
    o->fused |= l->n_src > 1;
    o->expanded |= l->n_save > 0;
    if (rank(oc) > rank(o->outcome)) {
        o->outcome = oc;
        if (l->mode == PM_Reduction)
            why_reduced(s, l);
        o->why = l->why;
        if (l->mode == PM_Parallel && l->is_moved_out)
            o->why.code = RS_Interchanged;
    }
}

static Status collect(Sched *s, PItem *item, Seen *seen)
{
    for (uint32_t i = 0; i < item->n_body + item->n_orelse; i++) {
        PItem *x = i < item->n_body ? item->body[i] : item->orelse[i - item->n_body];
        if (item_is_loop(x)) {
            if (s->plan->n_loops == s->cap_loops) {
                uint32_t cap = s->cap_loops ? s->cap_loops * 2 : 8;
                PLoop **more = ARENA_ARRAY(s->arena, PLoop *, cap);
                if (!more)
                    return ALP_FAIL;
                if (s->plan->n_loops)
                    memcpy(more, s->plan->loops, s->plan->n_loops * sizeof *more);
                s->plan->loops = more;
                s->cap_loops = cap;
            }
            x->loop->id = s->plan->n_loops;
            s->plan->loops[s->plan->n_loops++] = x->loop;
            for (uint32_t k = 0; k < x->loop->n_src; k++) {
                uint32_t src = x->loop->src[k]->id;
                take_part(s, x->loop, &s->plan->outcome[src], &seen[src]);
            }
        }
        TRY(collect(s, x, seen));
    }
    return ALP_OK;
}

Status outcome_fill(Sched *s)
{
    Plan *plan = s->plan;
    Seen *seen = ARENA_ARRAY(s->scratch, Seen, s->nest->n_loops + 1);
    plan->outcome = ARENA_ARRAY(s->arena, LoopOutcome, s->nest->n_loops + 1);
    if (!seen || !plan->outcome)
        return ALP_FAIL;
    TRY(collect(s, plan->root, seen));
    for (uint32_t i = 0; i < s->nest->n_loops; i++) {
        const NLoop *l = s->nest->loops[i];
        LoopOutcome *o = &plan->outcome[i];
        if (o->outcome == OC_None) {
            o->outcome = OC_Sequential;
            o->why.code = RS_WhileLoop;
        }
        o->at_run_time = decided_at_run_time(s, l, NULL);
        if (o->distributed && seen[i].sequential && o->why.code == RS_Independent)
            o->why.code = RS_Distributed;
        if (!o->at_run_time)
            continue;
        Text t = { o->decided, sizeof o->decided, 0 };
        decided_at_run_time(s, l, &t);
        if (o->why.code == RS_Independent)
            o->why.code = RS_AtRunTime;
    }
    return ALP_OK;
}
