/* jit/plan/work.c — how much work an execution of a plan is, roughly: operations times iterations, a counter inside counting as half its range; and
 * exactly, how often a loop of a nest iterates. */
#include <string.h>

#include "interp/seq.h"
#include "jit/plan/backend.h"

typedef struct Work {
    const Facts *facts;
    double  *half;              /* [n_loops] half the trip count of each loop around */
    int64_t *coef;              /* [n_loops] */
    bool     is_known;
} Work;

enum { UNKNOWN_TRIP = 16 };

static double expr_ops(const NExpr *e)
{
    if (!e)
        return 0;
    double n = e->op == NOP_Const || e->op == NOP_Var ? 0 : e->op == NOP_Fun || e->op == NOP_Pow || e->op == NOP_Generic ? 10 : 1;
    if (e->op == NOP_Load)
        for (uint32_t d = 0; d < e->u.access->n_subs; d++)
            n += 0.25 * expr_ops(e->u.access->sub[d]);
    return n + expr_ops(e->a) + expr_ops(e->b) + expr_ops(e->c);
}

/* The form's value in the middle of the iteration space; false: unknown. */
static bool middle(Work *w, const NForm *f, double *out)
{
    int64_t c0;
    uint32_t n = w->facts->nest->n_loops;
    memset(w->coef, 0, n * sizeof *w->coef);
    if (!f || !facts_form_numeric(w->facts, f, &c0, w->coef))
        return false;
    *out = (double)c0;
    for (uint32_t i = 0; i < n; i++)
        *out += (double)w->coef[i] * w->half[i];
    return true;
}

static double unknown_trip(Work *w)
{
    w->is_known = false;
    return UNKNOWN_TRIP;
}

static double trip_of(Work *w, const NLoop *l)
{
    double start, stop, step = (double)l->step_const;
    if (l->is_while || !middle(w, l->start_form, &start) || (!l->step_const && !middle(w, l->step_form, &step)) || step == 0)
        return unknown_trip(w);
    double trip = -1;
    uint32_t n = l->n_stop_forms ? l->n_stop_forms : 1;
    for (uint32_t i = 0; i < n; i++) {
        if (!middle(w, l->n_stop_forms ? l->stop_forms[i] : l->stop_form, &stop))
            return unknown_trip(w);
        double t = (stop - start) / step;
        trip = trip < 0 || t < trip ? t : trip;
    }
    return trip > 0 ? trip : 0;
}

static double block_ops(Work *w, const NBlock *b);

static double stmt_ops(Work *w, const NStmt *s)
{
    if (s->kind != NS_Loop)
        return 1 + expr_ops(s->expr) + block_ops(w, &s->body) + block_ops(w, &s->orelse);
    double trip = trip_of(w, s->loop);
    w->is_known &= !s->loop->has_exit;
    w->half[s->loop->id] = trip / 2;
    double ops = trip * (1 + expr_ops(s->loop->test) + block_ops(w, &s->loop->body));
    w->half[s->loop->id] = 0;
    return ops;
}

static double block_ops(Work *w, const NBlock *b)
{
    double ops = 0;
    for (uint32_t i = 0; i < b->n; i++)
        ops += stmt_ops(w, b->stmt[i]);
    return ops;
}

PlanWork plan_work(const Plan *plan, const Facts *facts)
{
    enum { FEW = 32 };
    double half[FEW] = { 0 };
    int64_t coef[FEW];
    Work w = { facts, half, coef, true };
    if (plan->nest->n_loops > FEW)
        return (PlanWork){ 1e9, false };
    double ops = block_ops(&w, &plan->nest->body);
    return (PlanWork){ ops, w.is_known };
}

/* ---- iterations ----------------------------------------------------------------------------------------------------------- */

typedef struct Count {
    const Facts *facts;
    const NLoop *around[NEST_MAX_DEPTH];        /* the loop itself last */
    int     n;
    int64_t counter[NEST_MAX_DEPTH];
    int64_t *coef;              /* [n_loops] */
    int     budget;             /* trips that may still be evaluated */
} Count;

static bool value_at(Count *c, const NForm *f, int level, int64_t *out)
{
    memset(c->coef, 0, c->facts->nest->n_loops * sizeof *c->coef);
    if (!f || !facts_form_numeric(c->facts, f, out, c->coef))
        return false;
    for (int k = 0; k < level; k++) {
        int64_t part;
        if (__builtin_mul_overflow(c->coef[c->around[k]->id], c->counter[k], &part) || __builtin_add_overflow(*out, part, out))
            return false;
    }
    return true;
}

static bool trip_at(Count *c, int level, int64_t *trip)
{
    const NLoop *l = c->around[level];
    int64_t start, stop, step = l->step_const;
    if (--c->budget < 0 || !value_at(c, l->start_form, level, &start) || (!step && !value_at(c, l->step_form, level, &step)) || !step)
        return false;
    *trip = INT64_MAX;
    for (uint32_t i = 0, n = l->n_stop_forms ? l->n_stop_forms : 1; i < n; i++) {
        if (!value_at(c, l->n_stop_forms ? l->stop_forms[i] : l->stop_form, level, &stop))
            return false;
        int64_t t = range_count(start, stop, step);
        *trip = t < *trip ? t : *trip;
    }
    return true;
}

static bool form_uses(const NForm *f, const NLoop *l)
{
    for (uint32_t i = 0; f && i < f->n; i++)
        if (f->term[i].loop == l)
            return true;
    return false;
}

/* Do bounds of deeper loops change with this one's counter? */
static bool matters(const Count *c, int level)
{
    for (int k = level + 1; k < c->n; k++) {
        const NLoop *l = c->around[k];
        bool uses = form_uses(l->start_form, c->around[level]) || form_uses(l->stop_form, c->around[level]);
        for (uint32_t i = 0; i < l->n_stop_forms; i++)
            uses |= form_uses(l->stop_forms[i], c->around[level]);
        if (uses)
            return true;
    }
    return false;
}

static bool count_from(Count *c, int level, uint64_t *out)
{
    int64_t trip;
    if (!trip_at(c, level, &trip))
        return false;
    *out = (uint64_t)trip;
    if (level == c->n - 1 || trip == 0)
        return true;
    uint64_t inside, total = 0;
    c->counter[level] = 0;
    if (!matters(c, level))
        return count_from(c, level + 1, &inside) && !__builtin_mul_overflow(inside, (uint64_t)trip, out);
    for (int64_t t = 0; t < trip; t++) {
        c->counter[level] = t;
        if (!count_from(c, level + 1, &inside) || __builtin_add_overflow(total, inside, &total))
            return false;
    }
    *out = total;
    return true;
}

uint64_t nest_iterations(const Facts *facts, const NLoop *loop)
{
    enum { FEW = 64, MOST_TRIPS = 100000 };
    int64_t coef[FEW];
    Count c = { .facts = facts, .coef = coef, .budget = MOST_TRIPS };
    const NLoop *chain[NEST_MAX_DEPTH];
    uint64_t total;
    for (const NStmt *s = loop->stmt; s; s = s->parent) {
        if (s->kind == NS_If || (s->kind == NS_Loop && (s->loop->is_while || s->loop->has_exit)))
            return 0;
        if (s->kind == NS_Loop) {
            if (c.n == NEST_MAX_DEPTH)
                return 0;
            chain[c.n++] = s->loop;
        }
    }
    for (int k = 0; k < c.n; k++)
        c.around[k] = chain[c.n - 1 - k];
    return facts->nest->n_loops <= FEW && count_from(&c, 0, &total) ? total : 0;
}
