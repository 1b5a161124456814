/* jit/plan/space.c — extremes of affine forms; space.h.
 *
 * The greatest value of a form is found from the innermost counter out.  A counter with a positive coefficient is replaced by one of its upper bounds,
 * one with a negative coefficient by one of its lower bounds (0 is one): the form that results has only outer counters and is nowhere less.  Each choice
 * of bounds gives a valid limit, so the least over all choices is taken, as far as a budget goes.  With one bound per counter and steps of 1 the
 * limit is reached, if the bounds of inner loops are themselves reached (as in all triangular and trapezoid nests).
 *
 * A bound with a scale is kept as a fraction: the form is multiplied by it, and divided at the end. */
#include "jit/plan/space.h"

#include <string.h>

#include "jit/depend/siv.h"

/* ---- filling -------------------------------------------------------------------------------------------------------------------- */

static void add_bound(Space *s, int level, bool is_upper, const SpaceBound *b)
{
    SpaceLevel *l = &s->level[level];
    int *n = is_upper ? &l->n_upper : &l->n_lower;
    if (*n < SPACE_MAX_BOUND)
        (is_upper ? l->upper : l->lower)[(*n)++] = *b;
}

/* x >= 0 holds here. */
static void add_nonneg(Space *s, const Lin *x)
{
    int k = s->n - 1;
    if (x->n_rest)
        return;
    while (k >= 0 && x->c[k] == 0)
        k--;
    if (k < 0) {
        s->is_empty |= x->c0 < 0;
        return;
    }
    SpaceBound b = { .scale = x->c[k], .c0 = x->c0 };
    memcpy(b.c, x->c, sizeof b.c);
    b.c[k] = 0;
    if (b.scale < 0) {
        if (!__builtin_sub_overflow((int64_t)0, b.scale, &b.scale))
            add_bound(s, k, true, &b);
        return;
    }
    bool fits = !__builtin_sub_overflow((int64_t)0, b.c0, &b.c0);
    for (int j = 0; j < k; j++)
        fits &= !__builtin_sub_overflow((int64_t)0, b.c[j], &b.c[j]);
    if (fits)
        add_bound(s, k, false, &b);
}

/* x - y - strict >= 0 holds. */
static void add_difference(Space *s, const Lin *x, const Lin *y, int strict)
{
    Lin d = *x;
    if (lin_add_scaled(&d, y, -1) && !__builtin_sub_overflow(d.c0, strict, &d.c0))
        add_nonneg(s, &d);
}

/* The condition is known to be true (or false). */
static void add_condition(Space *s, const NExpr *e, bool is_true, const Facts *facts)
{
    switch (e->op) {
    case NOP_Not:
        add_condition(s, e->a, !is_true, facts);
        return;
    case NOP_Truth: case NOP_Cast:
        if (e->a->rep == DT_Bool && e->rep == DT_Bool)
            add_condition(s, e->a, is_true, facts);
        return;
    case NOP_AndAlso: case NOP_OrElse:
        if ((e->op == NOP_AndAlso) == is_true) {
            add_condition(s, e->a, is_true, facts);
            add_condition(s, e->b, is_true, facts);
        }
        return;
    case NOP_Eq: case NOP_Ne: case NOP_Lt: case NOP_Le: case NOP_Gt: case NOP_Ge:
        break;
    default:
        return;
    }
    Lin x, y;
    if (!e->a->form || !e->b->form || !lin_from_form(&x, e->a->form, facts) || !lin_from_form(&y, e->b->form, facts))
        return;
    static const NOp negated[] = { NOP_Ne, NOP_Eq, NOP_Ge, NOP_Gt, NOP_Le, NOP_Lt };
    switch (is_true ? (NOp)e->op : negated[e->op - NOP_Eq]) {
    case NOP_Eq:
        add_difference(s, &x, &y, 0);
        add_difference(s, &y, &x, 0);
        break;
    case NOP_Lt: add_difference(s, &y, &x, 1); break;
    case NOP_Le: add_difference(s, &y, &x, 0); break;
    case NOP_Gt: add_difference(s, &x, &y, 1); break;
    case NOP_Ge: add_difference(s, &x, &y, 0); break;
    default: break;
    }
}

void space_fill(Space *s, const LinLoop *loops, const Facts *facts)
{
    s->is_empty = false;
    for (int k = 0; k < s->n; k++)
        s->level[k].n_upper = s->level[k].n_lower = 0;
    if (s->n == 0)
        return;
    for (const NLoop *l = s->loop; l; l = l->up) {
        const LinLoop *bounds = &loops[l->id];
        for (int u = 0; u < bounds->n_upper; u++) {
            const LinBound *from = &bounds->upper[u];
            if (from->lin.n_rest)
                continue;
            SpaceBound b = { .scale = from->scale, .c0 = from->lin.c0 };
            memcpy(b.c, from->lin.c, sizeof b.c);
            add_bound(s, (int)l->depth - 1, true, &b);
        }
    }
    /* After the loops' own, which are likely to be the closer ones. */
    for (const NLoop *l = s->loop; l; l = l->up)
        for (int u = 0; u < loops[l->id].n_upper; u++)
            add_nonneg(s, &loops[l->id].upper[u].lin);
    for (const Guarding *c = s->guarding; c; c = c->up)
        add_condition(s, c->cond, c->is_true, facts);
}

/* ---- extremes ------------------------------------------------------------------------------------------------------------------- */

/* (c0 + sum c[k] * t[k]) / den, den >= 1 */
typedef struct Fraction { int64_t den, c0, c[DEP_MAX_DEPTH]; } Fraction;

/* f, with counter k replaced by b (its bound); false: does not fit. */
static bool replace(Fraction *f, int k, const SpaceBound *b, bool is_upper)
{
    int64_t c = f->c[k], m;
    f->c[k] = 0;
    bool is_const = true;
    for (int j = 0; j < k; j++)
        is_const &= b->c[j] == 0;
    if (is_const) {
        int64_t t = is_upper ? floor_div(b->c0, b->scale) : ceil_div(b->c0, b->scale);
        return !__builtin_mul_overflow(c, t, &m) && !__builtin_add_overflow(f->c0, m, &f->c0);
    }
    int64_t scale = b->scale;
    if (c % scale == 0) {
        c /= scale;
        scale = 1;
    }
    if (scale != 1) {
        if (__builtin_mul_overflow(f->den, scale, &f->den) || __builtin_mul_overflow(f->c0, scale, &f->c0))
            return false;
        for (int j = 0; j < k; j++)
            if (__builtin_mul_overflow(f->c[j], scale, &f->c[j]))
                return false;
    }
    if (__builtin_mul_overflow(c, b->c0, &m) || __builtin_add_overflow(f->c0, m, &f->c0))
        return false;
    for (int j = 0; j < k; j++)
        if (b->c[j] && (__builtin_mul_overflow(c, b->c[j], &m) || __builtin_add_overflow(f->c[j], m, &f->c[j])))
            return false;
    return true;
}

/* The least of the limits that the choices of bounds give; false: there is none. */
static bool greatest(const Space *s, const Fraction *f, int k, int *budget, int64_t *out)
{
    while (k >= 0 && f->c[k] == 0)
        k--;
    if (k < 0) {
        *out = floor_div(f->c0, f->den);
        return true;
    }
    const SpaceLevel *l = &s->level[k];
    bool is_upper = f->c[k] > 0, found = false;
    int n = is_upper ? l->n_upper : l->n_lower;
    for (int i = is_upper ? 0 : -1; i < n; i++) {
        Fraction g = *f;
        int64_t limit;
        if (found && --*budget < 0)
            break;
        if (i < 0)
            g.c[k] = 0;
        else if (!replace(&g, k, is_upper ? &l->upper[i] : &l->lower[i], is_upper))
            continue;
        if (greatest(s, &g, k - 1, budget, &limit) && (!found || limit < *out)) {
            *out = limit;
            found = true;
        }
    }
    return found;
}

bool space_extremes(const Space *s, const Lin *form, int64_t *min, int64_t *max)
{
    Fraction f = { .den = 1, .c0 = form->c0 };
    int budget = 32;
    if (form->n_rest)
        return false;
    for (int k = s->n; k < DEP_MAX_DEPTH; k++)
        if (form->c[k])
            return false;
    memcpy(f.c, form->c, sizeof f.c);
    if (!greatest(s, &f, s->n - 1, &budget, max))
        return false;
    bool fits = !__builtin_sub_overflow((int64_t)0, f.c0, &f.c0);
    for (int k = 0; k < s->n; k++)
        fits &= !__builtin_sub_overflow((int64_t)0, f.c[k], &f.c[k]);
    budget = 32;
    if (!fits || !greatest(s, &f, s->n - 1, &budget, min))
        return false;
    return !__builtin_sub_overflow((int64_t)0, *min, min);
}

bool space_max_trip(const Space *s, int depth, int64_t *trip)
{
    Fraction f = { .den = 1 };
    int budget = 32;
    if (depth > s->n)
        return false;
    f.c[depth - 1] = 1;
    return greatest(s, &f, depth - 1, &budget, trip) && !__builtin_add_overflow(*trip, 1, trip);
}
