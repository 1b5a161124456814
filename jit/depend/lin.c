/* jit/depend/lin.c — forms with numbers put in; see lin.h. */
#include "jit/depend/lin.h"

#include <string.h>

static bool rest_add(Lin *x, const NSym *sym, int64_t coef)
{
    for (uint32_t i = 0; i < x->n_rest; i++)
        if (x->rest[i].sym == sym) {
            if (__builtin_add_overflow(x->rest[i].coef, coef, &x->rest[i].coef))
                return false;
            if (x->rest[i].coef == 0)
                x->rest[i] = x->rest[--x->n_rest];
            return true;
        }
    if (coef == 0)
        return true;
    if (x->n_rest == LIN_MAX_REST)
        return false;
    x->rest[x->n_rest++] = (LinRest){ sym, coef };
    return true;
}

bool lin_from_form(Lin *out, const NForm *form, const Facts *facts)
{
    out->c0 = 0;
    memset(out->c, 0, sizeof out->c);
    out->n_rest = 0;
    for (uint32_t i = 0; i < form->n; i++) {
        const NTerm *t = &form->term[i];
        int64_t coef = t->coef;
        const NSym *unknown = NULL;
        if (t->sym) {
            if (!facts || !facts->sym_known[t->sym->id])
                unknown = t->sym;
            else if (__builtin_mul_overflow(coef, facts->sym[t->sym->id], &coef))
                return false;
        }
        if (unknown) {
            if (t->loop || !rest_add(out, unknown, coef))
                return false;
        } else if (!t->loop) {
            if (__builtin_add_overflow(out->c0, coef, &out->c0))
                return false;
        } else {
            if (t->loop->depth > DEP_MAX_DEPTH)
                return false;
            int64_t *c = &out->c[t->loop->depth - 1];
            if (__builtin_add_overflow(*c, coef, c))
                return false;
        }
    }
    return true;
}

bool lin_add_scaled(Lin *x, const Lin *y, int64_t k)
{
    int64_t m;
    if (__builtin_mul_overflow(y->c0, k, &m) || __builtin_add_overflow(x->c0, m, &x->c0))
        return false;
    for (int i = 0; i < DEP_MAX_DEPTH; i++)
        if (y->c[i] && (__builtin_mul_overflow(y->c[i], k, &m) || __builtin_add_overflow(x->c[i], m, &x->c[i])))
            return false;
    for (uint32_t i = 0; i < y->n_rest; i++)
        if (__builtin_mul_overflow(y->rest[i].coef, k, &m) || !rest_add(x, y->rest[i].sym, m))
            return false;
    return true;
}

int64_t lin_step(const NLoop *loop, const Facts *facts)
{
    if (loop->step_const || !loop->step_form)
        return loop->step_const;
    Lin step;
    if (!lin_from_form(&step, loop->step_form, facts) || step.n_rest)
        return 0;
    for (int i = 0; i < DEP_MAX_DEPTH; i++)
        if (step.c[i])
            return 0;
    return step.c0;
}

/* step > 0: start + t * step <= stop - 1.  step < 0: start + t * step >= stop + 1. */
static bool bound_from_stop(LinBound *out, const Lin *start, const NForm *stop_form, int64_t step, const Facts *facts)
{
    Lin stop;
    if (!lin_from_form(&stop, stop_form, facts))
        return false;
    Lin *d = &out->lin;
    if (step > 0) {
        *d = stop;
        out->scale = step;
        return lin_add_scaled(d, start, -1) && !__builtin_sub_overflow(d->c0, 1, &d->c0);
    }
    *d = *start;
    return !__builtin_sub_overflow((int64_t)0, step, &out->scale) && lin_add_scaled(d, &stop, -1) &&
           !__builtin_sub_overflow(d->c0, 1, &d->c0);
}

void lin_from_loop(LinLoop *out, const NLoop *loop, const Facts *facts)
{
    out->n_upper = 0;
    out->is_partial = false;
    if (loop->is_while)
        return;
    out->is_partial = true;
    int64_t step = lin_step(loop, facts);
    Lin start;
    if (step == 0 || !loop->start_form || !lin_from_form(&start, loop->start_form, facts))
        return;
    if (loop->stop_form) {
        if (bound_from_stop(&out->upper[0], &start, loop->stop_form, step, facts)) {
            out->n_upper = 1;
            out->is_partial = false;
        }
        return;
    }
    /* stop is the least of several: counting up, each of them is a bound; counting down, none. */
    if (step < 0 || loop->n_stop_forms == 0)
        return;
    out->is_partial = loop->n_stop_forms > DEP_MAX_BOUND;
    for (uint32_t i = 0; i < loop->n_stop_forms && out->n_upper < DEP_MAX_BOUND; i++) {
        if (bound_from_stop(&out->upper[out->n_upper], &start, loop->stop_forms[i], step, facts))
            out->n_upper++;
        else
            out->is_partial = true;
    }
}
