/* jit/plan/work.c — how much work an execution of a plan is, roughly: operations times iterations, a counter inside counting as half its range; and
 * exactly, how often a loop of a nest iterates. */
#include <string.h>

#include "interp/seq.h"
#include "jit/plan/backend.h"
#include "jit/plan/trips.h"

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

static double block_ops(Trips *t, const NBlock *b);

static double stmt_ops(Trips *t, const NStmt *s)
{
    if (s->kind != NS_Loop)
        return 1 + expr_ops(s->expr) + block_ops(t, &s->body) + block_ops(t, &s->orelse);
    double trip = trips_of(t, s->loop);
    trips_enter(t, s->loop, trip);
    double ops = trip * (1 + expr_ops(s->loop->test) + block_ops(t, &s->loop->body));
    trips_leave(t, s->loop);
    return ops;
}

static double block_ops(Trips *t, const NBlock *b)
{
    double ops = 0;
    for (uint32_t i = 0; i < b->n; i++)
        ops += stmt_ops(t, b->stmt[i]);
    return ops;
}

PlanWork plan_work(const Plan *plan, const Facts *facts)
{
    Trips t;
    if (!trips_begin(&t, facts))
        return (PlanWork){ 1e9, false };
    double ops = block_ops(&t, &plan->nest->body);
    return (PlanWork){ ops, t.is_known };
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
