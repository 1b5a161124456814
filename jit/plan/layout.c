/* jit/plan/layout.c — the numbers of one execution that shape a plan: how often loops run, and how far apart in memory
 * consecutive iterations of a loop touch an array.  Exact numbers do not matter to a plan, only the few classes made of them
 * (planner.c). */
#include "jit/plan/plan_int.h"

/* ---- trip counts ------------------------------------------------------------------------------------------------------------ */

/* The range of to - from over all iterations; false: unknown. */
static bool distance_range(const Nest *nest, const Facts *f, const NForm *from, const NForm *to, const TripRange *trip,
                           int64_t *coef, TripRange *out)
{
    int64_t c0, c1;
    if (!from || !to)
        return false;
    memset(coef, 0, nest->n_loops * sizeof *coef);
    if (!facts_form_numeric(f, from, &c0, coef))
        return false;
    for (uint32_t i = 0; i < nest->n_loops; i++)
        if (__builtin_sub_overflow(0, coef[i], &coef[i]))
            return false;
    if (!facts_form_numeric(f, to, &c1, coef) || __builtin_sub_overflow(c1, c0, &c0))
        return false;
    *out = (TripRange){ c0, c0 };
    for (uint32_t i = 0; i < nest->n_loops; i++) {
        int64_t extreme;
        if (!coef[i])
            continue;
        if (trip[i].hi == INT64_MAX || __builtin_mul_overflow(coef[i], trip[i].hi > 0 ? trip[i].hi - 1 : 0, &extreme))
            return false;
        int64_t *end = extreme < 0 ? &out->lo : &out->hi;
        if (__builtin_add_overflow(*end, extreme, end))
            return false;
    }
    return true;
}

static int64_t trip_of(int64_t distance, int64_t step)
{
    return distance <= 0 ? 0 : distance / step + (distance % step != 0);
}

static TripRange trip_range(const Nest *nest, const Facts *f, const NLoop *l, const TripRange *trip, int64_t *coef)
{
    TripRange unknown = { 0, INT64_MAX }, all = { INT64_MAX, INT64_MAX }, one;
    int64_t step = l->step_const;
    if (!step && !(l->step_form && facts_form_const(f, l->step_form, &step)))
        return unknown;
    if (step == 0 || step == INT64_MIN)
        return unknown;
    uint32_t n = l->n_stop_forms ? l->n_stop_forms : 1;
    for (uint32_t i = 0; i < n; i++) {
        const NForm *stop = l->n_stop_forms ? l->stop_forms[i] : l->stop_form;
        const NForm *from = step > 0 ? l->start_form : stop, *to = step > 0 ? stop : l->start_form;
        if (!distance_range(nest, f, from, to, trip, coef, &one))
            return unknown;
        all.lo = one.lo < all.lo ? one.lo : all.lo;
        all.hi = one.hi < all.hi ? one.hi : all.hi;
    }
    return (TripRange){ trip_of(all.lo, step < 0 ? -step : step), trip_of(all.hi, step < 0 ? -step : step) };
}

void layout_trips(const Nest *nest, const Facts *f, TripRange *trip, int64_t *coef)
{
    for (uint32_t i = 0; i < nest->n_loops; i++)
        trip[i] = nest->loops[i]->is_while ? (TripRange){ 0, INT64_MAX } : trip_range(nest, f, nest->loops[i], trip, coef);
}

/* ---- strides ---------------------------------------------------------------------------------------------------------------- */

static void access_strides(const Nest *nest, const NestInfo *info, const Facts *f, const NAccess *x, uint8_t *out, int64_t *coef)
{
    const Array *a = f->array[x->array->id].array;
    int64_t bytes[32] = { 0 }, c0;
    uint32_t unknown = info->varies[x->id];
    uint32_t n = info->max_depth < COUNT_OF(bytes) ? info->max_depth : COUNT_OF(bytes);
    for (uint32_t d = 0; d < x->n_subs; d++) {
        const NForm *form = x->form[d];
        if (!form)
            continue;
        for (const NLoop *l = x->stmt->loop_in; l; l = l->up)
            coef[l->id] = 0;
        bool known = facts_form_numeric(f, form, &c0, coef);
        for (uint32_t i = 0; i < form->n; i++) {
            for (const NLoop *l = form->term[i].sym ? form->term[i].sym->varies : NULL; l; l = l->up)
                unknown |= depth_bit(l);
            if (!known && form->term[i].loop)
                unknown |= depth_bit(form->term[i].loop);
        }
        if (!known)
            continue;
        for (const NLoop *l = x->stmt->loop_in; l; l = l->up) {
            int64_t step, *sum = &bytes[l->depth - 1];
            if (l->depth <= n && (__builtin_mul_overflow(coef[l->id], a->strides[d], &step) || __builtin_add_overflow(*sum, step, sum)))
                unknown |= depth_bit(l);
        }
    }
    int64_t item = dtype_info[x->array->dtype].size;
    for (uint32_t k = 0; k < info->max_depth; k++)
        out[k] = k >= n || unknown & 1u << k ? STRIDE_Other
               : bytes[k] == 0               ? STRIDE_Zero
               : bytes[k] == item || bytes[k] == -item ? STRIDE_Unit : STRIDE_Other;
}

void layout_strides(const Nest *nest, const NestInfo *info, const Facts *f, uint8_t *stride, int64_t *coef)
{
    memset(coef, 0, nest->n_loops * sizeof *coef);
    for (uint32_t i = 0; i < nest->n_accesses; i++)
        access_strides(nest, info, f, nest->accesses[i], stride + (size_t)i * info->max_depth, coef);
}
