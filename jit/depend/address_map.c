/* jit/depend/address_map.c — when do two elements share a byte?  (pair_test.h)
 *
 * For one array that is plain: when all subscripts agree.  For two views of one buffer, element A at address A0 + sum SA[k]*ia[k] and B
 * at B0 + sum SB[k]*ib[k] share a byte exactly if
 *
 *     D - (size_a - 1)  <=  sum SA[k]*ia[k] - sum SB[k]*ib[k]  <=  D + (size_b - 1),      D = B0 - A0.
 *
 * One equation over everything is sound but loses what the separate dimensions know.  So it is taken apart again.  Sort the terms
 * by |stride|, largest first, and let G be the gcd of the strides taken so far: their part of the sum is G*q for some q.  The terms still to
 * come can only add something in [rlo, rhi], as indices are inside their arrays.  If the interval leaves room for
 * a single q, the terms taken so far are an equation of their own: (their sum) / G = q, exactly, and G*q is subtracted from
 * the interval.  If there is room for none, the views have no byte in common.  If for several, the next term joins.
 *
 * Example: a is (n, m), x = a[1:, :-1] and y = a[:-1, 1:] of doubles.  D = 8 - 8m, strides 8m and 8.  With both terms of stride 8m
 * taken, the rest spans [-8(m-2) - 7, 8(m-2) + 7] around D; only q = -1 fits: ix - iy = -1.  What is left is 8 = 8*(jx - jy): jx - jy = 1.
 * Transposes, reversed views, single rows and columns, and steps (strides 16m beside 8m) all come out of the same rule. */
#include "jit/depend/pair_test.h"

#include "jit/depend/siv.h"

void map_same(AddressMap *m, int ndim)
{
    m->is_disjoint = m->is_unknown = false;
    m->n = ndim;
    for (int d = 0; d < ndim; d++) {
        m->eq[d].lo = m->eq[d].hi = 0;
        m->eq[d].n = 2;
        m->eq[d].term[0] = (MapTerm){ .is_b = false, .dim = (uint8_t)d, .mult = 1 };
        m->eq[d].term[1] = (MapTerm){ .is_b = true, .dim = (uint8_t)d, .mult = 1 };
    }
}

typedef struct Term { MapTerm t; uint64_t size; int64_t lo, hi; } Term;     /* size: |stride|; lo, hi: what it can add to the sum */

static bool add_terms(Term *term, int *n, const Array *a, bool is_b)
{
    for (int d = 0; d < a->ndim; d++) {
        if (a->shape[d] <= 1 || a->strides[d] == 0)
            continue;
        int64_t far;
        if (a->strides[d] == INT64_MIN || __builtin_mul_overflow(a->strides[d], a->shape[d] - 1, &far) || far == INT64_MIN)
            return false;
        if (is_b)
            far = -far;
        Term t = { { is_b, (uint8_t)d, a->strides[d] }, abs_u64(a->strides[d]), far < 0 ? far : 0, far < 0 ? 0 : far };
        int k = (*n)++;
        for (; k > 0 && term[k - 1].size < t.size; k--)
            term[k] = term[k - 1];
        term[k] = t;
    }
    return true;
}

static bool divide(AddressMap *m, const Term *term, int n, int64_t lo, int64_t hi)
{
    int64_t rest_lo = 0, rest_hi = 0;
    for (int k = 0; k < n; k++)
        if (__builtin_add_overflow(rest_lo, term[k].lo, &rest_lo) || __builtin_add_overflow(rest_hi, term[k].hi, &rest_hi))
            return false;
    if (n == 0)
        m->is_disjoint = lo > 0 || hi < 0;
    uint64_t gcd = 0;
    for (int k = 0; k < n; k++) {
        MapEq *eq = &m->eq[m->n];
        if (gcd == 0)
            eq->n = 0;
        gcd = gcd_u64(gcd, term[k].size);
        eq->term[eq->n++] = term[k].t;
        rest_lo -= term[k].lo;
        rest_hi -= term[k].hi;
        int64_t least, most, g = (int64_t)gcd;
        if (__builtin_sub_overflow(lo, rest_hi, &least) || __builtin_sub_overflow(hi, rest_lo, &most))
            return false;
        eq->lo = ceil_div(least, g);
        eq->hi = floor_div(most, g);
        if (eq->lo > eq->hi) {
            m->is_disjoint = true;
            return true;
        }
        if (eq->lo < eq->hi && k + 1 < n)
            continue;
        for (int i = 0; i < eq->n; i++)
            eq->term[i].mult /= g;
        /* least <= g * q <= most, and rest_lo <= 0 <= rest_hi: nothing here overflows. */
        lo -= g * eq->lo;
        hi -= g * eq->lo;
        m->n++;
        gcd = 0;
    }
    return true;
}

void map_overlap(AddressMap *m, const ArrayFact *a, const ArrayFact *b)
{
    m->is_disjoint = a->lo >= b->hi || b->lo >= a->hi;
    m->is_unknown = false;
    m->n = 0;
    if (m->is_disjoint)
        return;
    if (a->overlaps_itself || b->overlaps_itself) {
        m->is_unknown = true;
        return;
    }
    if (array_same_layout(a->array, b->array)) {
        map_same(m, a->array->ndim);
        return;
    }
    Term term[2 * ALP_MAX_NDIM];
    int n = 0;
    int64_t distance = (int64_t)((uintptr_t)b->array->data - (uintptr_t)a->array->data), lo, hi;
    if (!add_terms(term, &n, a->array, false) || !add_terms(term, &n, b->array, true) ||
        __builtin_sub_overflow(distance, dtype_info[a->array->dtype].size - 1, &lo) ||
        __builtin_add_overflow(distance, dtype_info[b->array->dtype].size - 1, &hi) || !divide(m, term, n, lo, hi)) {
        m->is_unknown = true;
        m->is_disjoint = false;
        m->n = 0;
    }
}
