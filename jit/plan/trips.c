/* jit/plan/trips.c — mean trip counts. */
#include <math.h>
#include <string.h>

#include "jit/plan/trips.h"

bool trips_begin(Trips *t, const Facts *facts)
{
    uint32_t n = facts->nest->n_loops;
    t->facts = facts;
    t->is_known = true;
    t->is_blind = false;
    if (n > TRIPS_LOOPS)
        return false;
    memset(t->half, 0, n * sizeof *t->half);
    return true;
}

bool trips_form(Trips *t, const NForm *f, double *out)
{
    int64_t c0;
    uint32_t n = t->facts->nest->n_loops;
    memset(t->coef, 0, n * sizeof *t->coef);
    if (!f || !facts_form_numeric(t->facts, f, &c0, t->coef))
        return false;
    *out = (double)c0;
    for (uint32_t i = 0; i < n; i++)
        *out += (double)t->coef[i] * t->half[i];
    return true;
}

/* Does the subscript grow by one with the loop, from a start that nobody knows? */
static bool goes_through(const Trips *t, const NForm *f, const NLoop *l)
{
    bool steps = false, from_unknown = false;
    for (uint32_t k = 0; f && k < f->n; k++) {
        const NTerm *term = &f->term[k];
        if (term->loop == l)
            steps = !term->sym && (term->coef == 1 || term->coef == -1);
        from_unknown |= !term->loop && term->sym && !t->facts->sym_known[term->sym->id];
    }
    return steps && from_unknown;
}

static double unknown(Trips *t, const NLoop *l)
{
    const Nest *nest = t->facts->nest;
    double entries = 1, least = -1;
    t->is_known = false;
    for (const NLoop *up = l->up; up; up = up->up)
        entries *= fmax(2 * t->half[up->id], 1);
    for (uint32_t i = 0; i < nest->n_accesses && !l->is_while; i++) {
        const NAccess *a = nest->accesses[i];
        for (uint32_t d = 0; d < a->n_subs; d++)
            if (goes_through(t, a->form[d], l) && nest_is_inside(a->stmt, l->stmt)) {
                double trip = (double)t->facts->array[a->array->id].array->shape[d] / entries;
                least = least < 0 || trip < least ? trip : least;
            }
    }
    t->is_blind |= least < 0;
    return least < 0 ? TRIPS_UNKNOWN : fmax(least, 1);
}

double trips_of(Trips *t, const NLoop *l)
{
    double start, stop, step = (double)l->step_const;
    if (l->is_while || !trips_form(t, l->start_form, &start) || (!l->step_const && !trips_form(t, l->step_form, &step)) || step == 0)
        return unknown(t, l);
    double trip = -1;
    uint32_t n = l->n_stop_forms ? l->n_stop_forms : 1;
    for (uint32_t i = 0; i < n; i++) {
        if (!trips_form(t, l->n_stop_forms ? l->stop_forms[i] : l->stop_form, &stop))
            return unknown(t, l);
        double some = (stop - start) / step;
        trip = trip < 0 || some < trip ? some : trip;
    }
    t->is_known &= !l->has_exit;
    return trip > 0 ? trip : 0;
}

double trips_of_planned(Trips *t, const PLoop *l)
{
    double first = 0, end = 0, v;
    if (l->n_upper == 0)
        return trips_of(t, l->src[0]);
    for (uint32_t k = 0; k < l->n_upper; k++) {
        if (!trips_form(t, l->upper[k].form, &v))
            return unknown(t, l->src[0]);
        v /= (double)l->upper[k].scale;
        end = k == 0 || v < end ? v : end;
    }
    for (uint32_t k = 0; k < l->n_lower; k++) {
        if (!trips_form(t, l->lower[k].form, &v))
            return unknown(t, l->src[0]);
        first = fmax(first, v / (double)l->lower[k].scale);
    }
    return end > first ? end - first : 0;
}

void trips_enter(Trips *t, const NLoop *l, double trip)
{
    t->half[l->id] = trip / 2;
}

void trips_leave(Trips *t, const NLoop *l)
{
    t->half[l->id] = 0;
}
