/* interp/elem/elem_pow.h — pow.
 *
 * x^y = e^(y log x): the absolute error of y log x, which is at most 745 in magnitude, becomes the relative error of the result.  So the
 * logarithm comes in two doubles, with a relative error of 2^-68, and is multiplied by y as such: together with that of the exponential
 * at most 0.52 ulp.  Results that are doubles, such as 10^3 or 9^0.5, come out exactly.
 * x^2, x^(1/2) and x^-1 are x x, the root and the quotient, rightly rounded, so that kernels may shorten such powers.
 *
 * Zero and infinity need no way of their own: their logarithms are infinite, and the exponential of an infinity is 0 or infinity.
 * The sign, NaNs and what is always 1 are chosen at the end (annex F of the C standard). */
#ifndef ALP_INTERP_ELEM_POW_H
#define ALP_INTERP_ELEM_POW_H

#include "interp/elem/elem_log.h"

/* The power, given that of |x|. */
ELEM double elem_pow_special(double x, double y, double r)
{
    double half = 0.5 * y;
    r = ELEM_CHOOSE(y == 0.5, elem_sqrt(elem_abs(x)), r);
    r = ELEM_CHOOSE(y == -1.0, 1.0 / elem_abs(x), r);
    bool integer = elem_rint(y) == y, odd = integer & (elem_rint(half) != half);
    r = ELEM_CHOOSE(elem_abs(x) == 1.0, 1.0, r);
    r = ELEM_CHOOSE(odd, elem_copysign(r, x), r);
    r = ELEM_CHOOSE((x < 0.0) & (x > -ELEM_INF) & !integer, ELEM_NAN, r);
    r = ELEM_CHOOSE((int)elem_isnan(x) | elem_isnan(y), x + y, r);
    r = ELEM_CHOOSE(y == 2.0, x * x, r);
    return ELEM_CHOOSE((y == 0.0) | (x == 1.0), 1.0, r);
}

/* The logarithm's head where |x| has no finite one. */
ELEM double elem_pow_log(double x, double log_head)
{
    return ELEM_CHOOSE(x == 0.0, -ELEM_INF, ELEM_CHOOSE(x < ELEM_INF, log_head, x));
}

ELEM double elem_pow(double x, double y)
{
    double a = elem_abs(x);
    ElemPair l = elem_log_pair_long(a);
    l = elem_fast_two_sum(elem_pow_log(a, l.hi), l.lo);
    double hi = y * l.hi;
    return elem_pow_special(x, y, elem_exp_sum(hi, elem_fma(y, l.lo, elem_fma(y, l.hi, -hi))));
}

ELEM float elem_powf(float x, float y)
{
    double a = elem_abs(x);
    return (float)elem_pow_special(x, y, elem_exp_wide_f(y * elem_pow_log(a, elem_log_wide_f(a))));
}

#endif
