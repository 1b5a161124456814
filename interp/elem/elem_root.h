/* interp/elem/elem_root.h — cbrt, hypot.
 *
 * Both find the result to nearly all digits first, then its error from an exact residual (of the cube, of the square), and add
 * that as a correction: the one rounding that counts is the last one.  Exact results come out exactly.
 *
 * cbrt: |x| = 2^(3q) z with 0.35 < z < 2.9.  A polynomial gives y = z^(-1/3) to 17 bits, and one step of the third order
 * y (1 + h/3 + 2 h^2/9), h = 1 - z y^3, all of them (no division); c = z y^2. */
#ifndef ALP_INTERP_ELEM_ROOT_H
#define ALP_INTERP_ELEM_ROOT_H

#include "interp/elem/elem_log.h"

/* z^(-1/3) for z = 2^e m, m in [sqrt(1/2), sqrt(2)), e in -1, 0, 1: relative error 2^-50. */
ELEM double elem_cbrt_inverse(double m, double e, double z)
{
    double t = m - 1.0, t2 = t * t;
    double a = elem_fma(t, -0x1.5544008127b1p-2, 0x1.000048d9380f9p+0);
    double b = elem_fma(t, -0x1.679ae4be85984p-3, 0x1.c5bebd0d4ebfp-3);
    double c = elem_fma(t, -0x1.c27f94efd194bp-4, 0x1.49b86682d4959p-3);
    double y = elem_fma(t2, elem_fma(t2, c, b), a);
    y *= ELEM_CHOOSE(e > 0.0, 0x1.965fea53d6e3dp-1, ELEM_CHOOSE(e < 0.0, 0x1.428a2f98d728bp+0, 1.0));
    double h = elem_fma(-(z * y), y * y, 1.0);
    return elem_fma(y * h, elem_fma(h, 0x1.c71c71c71c71cp-3, 0x1.5555555555555p-2), y);
}

ELEM double elem_cbrt(double x)
{
    double a = elem_abs(x);
    ElemPair x2 = elem_log_split(a);
    double shifted = elem_fma(x2.lo, 0x1.5555555555555p-2, ELEM_SHIFTER), q = shifted - ELEM_SHIFTER, e = elem_fma(-3.0, q, x2.lo);
    double z = x2.hi * ELEM_CHOOSE(e > 0.0, 2.0, ELEM_CHOOSE(e < 0.0, 0.5, 1.0));
    double y = elem_cbrt_inverse(x2.hi, e, z), c = z * y * y;
    ElemPair s = elem_two_prod(c, c);
    double residual = elem_fma(-s.lo, c, elem_fma(-s.hi, c, z));
    double r = elem_fma(residual * 0x1.5555555555555p-2, y * y, c) * elem_power_of_2(elem_shifted_int(shifted));
    return ELEM_CHOOSE((a > 0.0) & (a < ELEM_INF), elem_copysign(r, x), x + x);
}

ELEM float elem_cbrtf(float x)
{
    double a = elem_abs(x);
    ElemPair x2 = elem_log_split(a);
    double shifted = elem_fma(x2.lo, 0x1.5555555555555p-2, ELEM_SHIFTER), q = shifted - ELEM_SHIFTER, e = elem_fma(-3.0, q, x2.lo);
    double z = x2.hi * ELEM_CHOOSE(e > 0.0, 2.0, ELEM_CHOOSE(e < 0.0, 0.5, 1.0));
    double y = elem_cbrt_inverse(x2.hi, e, z);
    double r = z * y * y * elem_power_of_2(elem_shifted_int(shifted));
    return ELEM_CHOOSE((a > 0.0) & (a < ELEM_INF), (float)elem_copysign(r, x), x + x);
}

/* sqrt(t) of a positive sum. */
ELEM ElemPair elem_sqrt_pair(ElemPair t)
{
    double s = elem_sqrt(t.hi);
    ElemPair r = { s, (elem_fma(-s, s, t.hi) + t.lo) * (0.5 / s) };
    return r;
}

ELEM double elem_hypot(double x, double y)
{
    double ax = elem_abs(x), ay = elem_abs(y);
    double a = ELEM_CHOOSE(ax > ay, ax, ay), b = ELEM_CHOOSE(ax > ay, ay, ax);
    double scale = ELEM_CHOOSE(a > 0x1p500, 0x1p-600, ELEM_CHOOSE(a < 0x1p-450, 0x1p600, 1.0));
    double unscale = ELEM_CHOOSE(a > 0x1p500, 0x1p600, ELEM_CHOOSE(a < 0x1p-450, 0x1p-600, 1.0));
    ElemPair a2 = elem_two_prod(a * scale, a * scale), b2 = elem_two_prod(b * scale, b * scale);
    ElemPair sum = elem_fast_two_sum(a2.hi, b2.hi);
    sum.lo += a2.lo + b2.lo;
    ElemPair r = elem_sqrt_pair(sum);
    double length = elem_sum_in_unit(r.hi, r.lo, ELEM_CHOOSE(a < 0x1p-450, 0x1p-422, 0.0)) * unscale;
    length = ELEM_CHOOSE(b == 0.0, a, length);
    return ELEM_CHOOSE((int)(ax == ELEM_INF) | (ay == ELEM_INF), ELEM_INF, length);
}

/* Both squares are exact in double. */
ELEM float elem_hypotf(float x, float y)
{
    double a = x, b = y, length = elem_sqrt(elem_fma(a, a, b * b));
    return (float)ELEM_CHOOSE((int)(elem_abs(a) == ELEM_INF) | (elem_abs(b) == ELEM_INF), ELEM_INF, length);
}

#endif
