/* interp/elem/elem_hyper.h — sinh, cosh, tanh and their inverses.
 *
 * With |x| = k ln 2 + r, as for exp, S = sinh r and C = cosh r - 1, and P = 2^k / 2, Q = 2^-k / 2,
 *
 *     sinh |x|  =  (P - Q) (1 + C) + (P + Q) S,          cosh x  =  (P + Q) (1 + C) + (P - Q) S:
 *
 * nothing cancels, since for k = 0 the terms that would are 0.  S and C are polynomials in r^2 whose first terms are computed in two doubles.
 * tanh |x| is E / (E + 2), E = e^(2|x|) - 1.
 *
 * The inverses are logarithms: of |x| + sqrt(x^2 + 1), of x + sqrt(x^2 - 1), half of that of (1 + |x|) / (1 - |x|).  These
 * arguments are computed in two doubles; so they hold enough digits where they are close to 1.  For |x| < 2^-28 the functions that are odd
 * are x. */
#ifndef ALP_INTERP_ELEM_HYPER_H
#define ALP_INTERP_ELEM_HYPER_H

#include "interp/elem/elem_log.h"
#include "interp/elem/elem_root.h"

/* (cosh r - 1 - r^2/2) / r^4 of u = r^2, |r| <= ln 2 / 2: error 2^-58. */
ELEM double elem_cosh_poly(double u)
{
    double a = elem_fma(u, 0x1.6c16c16c16c17p-10, 0x1.5555555555555p-5);
    double b = elem_fma(u, 0x1.27e4fb7a27aa9p-22, 0x1.a01a01a019b63p-16);
    double c = elem_fma(u, 0x1.94329072890fbp-37, 0x1.1eed7a018d38dp-29), u2 = u * u;
    return elem_fma(u2, elem_fma(u2, c, b), a);
}

/* (sinh r - r - r^3/6) / r^5: error 2^-61. */
ELEM double elem_sinh_poly(double u)
{
    double a = elem_fma(u, 0x1.a01a01a019ddbp-13, 0x1.1111111111111p-7);
    double b = elem_fma(u, 0x1.ae643b4909df8p-26, 0x1.71de3a57c26fep-19), u2 = u * u;
    return elem_fma(u2, elem_fma(u2, 0x1.61a5c5b989b93p-33, b), a);
}

/* sign 1: cosh a; -1: sinh a.  For 2^-28 <= a < 710.6; above, infinity. */
ELEM double elem_hyper_sum(double a, double sign)
{
    a = ELEM_CHOOSE(a > 710.6, 710.6, a);
    double shifted = elem_fma(a, ELEM_LOG2E, ELEM_SHIFTER), k = shifted - ELEM_SHIFTER;
    int64_t exponent = elem_shifted_int(shifted);
    ElemPair r = elem_fast_two_sum(elem_fma(-k, ELEM_LN2_HI, a), -k * ELEM_LN2_LO);
    ElemPair u = elem_two_prod(r.hi, r.hi);
    u.lo = elem_fma(r.hi + r.hi, r.lo, u.lo);
    double cubic = elem_fma(r.hi, 0x1.5555555555555p-3, (r.hi * u.hi) * elem_sinh_poly(u.hi));
    ElemPair s = { r.hi, elem_fma(u.hi, cubic, elem_fma(u.lo, cubic, r.lo)) };
    ElemPair c = { 0.5 * u.hi, elem_fma(0.5, u.lo, (u.hi * u.hi) * elem_cosh_poly(u.hi)) };
    double p = elem_power_of_2(exponent - 2);                           /* halves of P and Q: 2^1024 is not a double */
    double q = ELEM_CHOOSE(k > 60.0, 0.0, elem_power_of_2(-exponent - 2)) * sign;
    ElemPair first = elem_fast_two_sum(p, q), second = elem_fast_two_sum(p, -q);
    ElemPair fc = elem_two_prod(first.hi, c.hi), gs = elem_two_prod(second.hi, s.hi);
    ElemPair sum = elem_fast_two_sum(first.hi, gs.hi);
    ElemPair all = elem_fast_two_sum(sum.hi, fc.hi);
    double small = elem_fma(first.hi, c.lo, elem_fma(second.hi, s.lo, second.lo * s.hi));
    double rest = (sum.lo + all.lo) + (fc.lo + gs.lo) + elem_fma(first.lo, c.hi, first.lo);
    return 2.0 * (all.hi + (small + rest));
}

ELEM double elem_sinh(double x)
{
    double a = elem_abs(x);
    return ELEM_CHOOSE(a < 0x1p-28, x, elem_copysign(elem_hyper_sum(a, -1.0), x));
}

ELEM double elem_cosh(double x)
{
    return elem_hyper_sum(elem_abs(x), 1.0);
}

ELEM double elem_tanh(double x)
{
    double a = elem_abs(x) + elem_abs(x);
    ElemPair h = elem_expm1_half(ELEM_CHOOSE(a > 44.0, 44.0, a));
    h = elem_fast_two_sum(h.hi, h.lo);
    ElemPair d = elem_two_sum(1.0, h.hi);
    d.lo += h.lo;
    double inverse = 1.0 / d.hi, q = h.hi * inverse;
    double r = elem_fma(elem_fma(-q, d.lo, elem_fma(-q, d.hi, h.hi)) + h.lo, inverse, q);
    return ELEM_CHOOSE(a < 0x1p-27, x, elem_copysign(r, x));
}

ELEM double elem_asinh(double x)
{
    double a = elem_abs(x);
    bool large = a > 0x1p30;                                            /* 2a: x^2 + 1 could overflow */
    ElemPair a2 = elem_two_prod(a, a), t = elem_two_sum(1.0, a2.hi);
    t.lo += a2.lo;
    ElemPair root = elem_sqrt_pair(t), z = elem_fast_two_sum(root.hi, a);
    z.lo += root.lo;
    ElemPair r = elem_log_of_sum(ELEM_CHOOSE(large, a, z.hi), ELEM_CHOOSE(large, 0.0, z.lo), ELEM_CHOOSE(large, 1.0, 0.0));
    return ELEM_CHOOSE(a < 0x1p-28, x, ELEM_CHOOSE(a < ELEM_INF, elem_copysign(r.hi + r.lo, x), x + x));
}

ELEM double elem_acosh(double x)
{
    bool large = x > 0x1p30;
    ElemPair x2 = elem_two_prod(x, x), t = elem_fast_two_sum(x2.hi, -1.0);
    ElemPair n = elem_fast_two_sum(t.hi, t.lo + x2.lo);
    ElemPair root = elem_sqrt_pair(n), z = elem_fast_two_sum(x, root.hi);
    z.lo += root.lo;
    ElemPair r = elem_log_of_sum(ELEM_CHOOSE(large, x, z.hi), ELEM_CHOOSE(large, 0.0, z.lo), ELEM_CHOOSE(large, 1.0, 0.0));
    double y = ELEM_CHOOSE(x < ELEM_INF, r.hi + r.lo, x + x);
    return ELEM_CHOOSE(x > 1.0, y, ELEM_CHOOSE(x == 1.0, 0.0, ELEM_NAN));
}

ELEM double elem_atanh(double x)
{
    double a = elem_abs(x);
    ElemPair n = elem_fast_two_sum(1.0, a), d = elem_fast_two_sum(1.0, -a);
    double inverse = 1.0 / d.hi, q = n.hi * inverse;
    ElemPair z = elem_fast_two_sum(q, (elem_fma(-q, d.lo, elem_fma(-q, d.hi, n.hi)) + n.lo) * inverse);
    ElemPair l = elem_log_of_sum(z.hi, z.lo, 0.0);
    double r = ELEM_CHOOSE(a < 1.0, 0.5 * (l.hi + l.lo), ELEM_CHOOSE(a == 1.0, ELEM_INF, ELEM_NAN));
    return ELEM_CHOOSE(a < 0x1p-28, x, elem_copysign(r, x));
}

ELEM float elem_sinhf(float x)
{
    double t = elem_expm1_wide_f(elem_abs(x));
    return elem_copysignf((float)(0.5 * (t + t / (t + 1.0))), x);
}

ELEM float elem_coshf(float x)
{
    double e = elem_exp_wide_f(elem_abs(x));
    return (float)(0.5 * (e + 1.0 / e));
}

ELEM float elem_tanhf(float x)
{
    double t = elem_expm1_wide_f(2.0 * elem_abs(x));
    return elem_copysignf((float)(t / (t + 2.0)), x);
}

/* Floats' inverses: below 2^-12 two terms of the series. */
ELEM float elem_asinhf(float x)
{
    double a = elem_abs(x), r = elem_log_special(a, elem_log_wide_f(a + elem_sqrt(elem_fma(a, a, 1.0))));
    r = ELEM_CHOOSE(a < 0x1p-12, elem_fma(a * a * a, -0x1.5555555555555p-3, a), r);
    return elem_copysignf((float)r, x);
}

ELEM float elem_acoshf(float x)
{
    double a = x, r = elem_log_special(a, elem_log_wide_f(a + elem_sqrt(elem_fma(a, a, -1.0))));
    return (float)ELEM_CHOOSE(a >= 1.0, r, ELEM_NAN);
}

ELEM float elem_atanhf(float x)
{
    double a = elem_abs(x), z = (1.0 + a) / (1.0 - a), r = 0.5 * elem_log_special(z, elem_log_wide_f(z));
    r = ELEM_CHOOSE(a < 0x1p-12, elem_fma(a * a * a, 0x1.5555555555555p-2, a), ELEM_CHOOSE(a <= 1.0, r, ELEM_NAN));
    return elem_copysignf((float)r, x);
}

#endif
