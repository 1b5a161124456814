/* interp/elem/elem_log.h — log, log2, log10, log1p, and the logarithm in two doubles that pow and others start from.
 *
 * Method: x = 2^k m with sqrt(1/2) <= m < sqrt(2), exactly, and
 *
 *     log m  =  2 artanh((m - 1) / (m + 1))  =  s + s^3 (1/12 + s^2 (1/80 + s^2 P(s^2))),     s = 2 (m - 1) / (m + 1),  |s| <= 0.3432
 *
 * (the series of Tang, Table-driven implementation of the logarithm function, ACM TOMS 16, 1990, with one division in place of the
 * table).  The quotient, the first coefficient (for pow the first two) and what they are multiplied with are computed in two doubles each,
 * so the logarithm has a relative error of 2^-64 (for pow 2^-68), near 1 as well: no arguments are special but 0, infinity, NaN and
 * negative ones.  The functions of this file round that once more, or multiply it by a constant in two doubles before: at most
 * 0.501 ulp.  log2 of powers of two and log10 of powers of ten are integers. */
#ifndef ALP_INTERP_ELEM_LOG_H
#define ALP_INTERP_ELEM_LOG_H

#include "interp/elem/elem_exp.h"

#define ELEM_LN2_HI42   0x1.62e42fefa38p-1          /* of 42 bits: k times it is exact */
#define ELEM_LN2_LO42   0x1.ef35793c7673p-45
#define ELEM_LOG2E_LO   0x1.777d0ffda0d24p-56
#define ELEM_LOG10E_HI  0x1.bcb7b1526e50ep-2
#define ELEM_LOG10E_LO  0x1.95355baaafad3p-57
#define ELEM_LOG10_2_HI 0x1.34413509f78p-2          /* of 42 bits */
#define ELEM_LOG10_2_LO 0x1.fef311f12b358p-46

/* x = 2^lo hi, hi in [sqrt(1/2), sqrt(2)), for finite x > 0. */
ELEM ElemPair elem_log_split(double x)
{
    bool subnormal = x < 0x1p-1022;
    uint64_t u = elem_bits(ELEM_CHOOSE(subnormal, x * 0x1p54, x));
    uint64_t above = u + (0x3ff0000000000000u - 0x3fe6a09e667f3bcdu);     /* exponent field: k + 1023 */
    double k = elem_from((above >> 52) | 0x4330000000000000u) - (0x1p52 + 1023.0);
    double m = elem_from(u - (above & 0xfff0000000000000u) + 0x3ff0000000000000u);
    ElemPair r = { m, ELEM_CHOOSE(subnormal, k - 54.0, k) };
    return r;
}

/* (log m - s - s^3/12 - s^5/80) / s^7 of u = s^2: error 2^-62. */
ELEM double elem_log_poly(double u)
{
    double a = elem_fma(u, 0x1.c71c71c71c826p-12, 0x1.2492492492492p-9);
    double b = elem_fma(u, 0x1.3b13b16ba43b9p-16, 0x1.745d1745a37b4p-14);
    double c = elem_fma(u, 0x1.e1f0075ffd5b7p-21, 0x1.1110f7e45b19bp-18);
    double d = elem_fma(u, 0x1.b2ec788ad2ea9p-25, 0x1.acf70f476582fp-23);
    double u2 = u * u;
    return elem_fma(u2 * u2, elem_fma(u2, d, c), elem_fma(u2, b, a));
}

/* s + s^3 c, where c is 1/12 + p, all in two doubles. */
ELEM ElemPair elem_log_sum(double s, double s_lo, ElemPair u, ElemPair p)
{
    ElemPair c = elem_fast_two_sum(0x1.5555555555555p-4, p.hi);
    c.lo += p.lo + 0x1.5555555555555p-58;
    ElemPair v = elem_two_prod(u.hi, c.hi);
    v.lo += elem_fma(u.hi, c.lo, u.lo * c.hi);
    ElemPair w = elem_two_prod(s, v.hi);
    w.lo += elem_fma(s, v.lo, s_lo * v.hi);
    ElemPair r = elem_fast_two_sum(s, w.hi);
    r.lo += w.lo + s_lo;
    return r;
}

/* 2 artanh(s/2): relative error 2^-64. */
ELEM ElemPair elem_log_series(double s, double s_lo)
{
    ElemPair u = elem_two_prod(s, s);
    u.lo = elem_fma(s + s, s_lo, u.lo);
    ElemPair p = { u.hi * elem_fma(u.hi, elem_log_poly(u.hi), 0x1.999999999999ap-7), 0.0 };
    return elem_log_sum(s, s_lo, u, p);
}

/* The same, relative error 2^-68. */
ELEM ElemPair elem_log_series_long(double s, double s_lo)
{
    ElemPair u = elem_two_prod(s, s);
    u.lo = elem_fma(s + s, s_lo, u.lo);
    ElemPair c = elem_fast_two_sum(0x1.999999999999ap-7, u.hi * elem_log_poly(u.hi));
    c.lo -= 0x1.999999999999ap-61;
    ElemPair p = elem_two_prod(u.hi, c.hi);
    p.lo += elem_fma(u.hi, c.lo, u.lo * c.hi);
    return elem_log_sum(s, s_lo, u, p);
}

/* 2 (m - 1) / (m + 1) for m in [sqrt(1/2), sqrt(2)]. */
ELEM ElemPair elem_log_quotient(double m)
{
    double n = (m - 1.0) + (m - 1.0);
    ElemPair d = elem_fast_two_sum(1.0, m);
    double inverse = 1.0 / d.hi, s = n * inverse;
    ElemPair r = { s, elem_fma(-s, d.lo, elem_fma(-s, d.hi, n)) * inverse };
    return r;
}

/* 2 (m + l - 1) / (m + l + 1) for |l| <= 2^-53, or any |l| <= 0.42 if m is 1. */
ELEM ElemPair elem_log_quotient_sum(double m, double l)
{
    ElemPair n = elem_fast_two_sum(m - 1.0, l), d = elem_fast_two_sum(1.0, m);
    ElemPair e = elem_fast_two_sum(d.hi, d.lo + l);
    n.hi += n.hi;
    double inverse = 1.0 / e.hi, s = n.hi * inverse;
    ElemPair r = { s, (elem_fma(-s, e.lo, elem_fma(-s, e.hi, n.hi)) + (n.lo + n.lo)) * inverse };
    return r;
}

/* log m for m in [sqrt(1/2), sqrt(2)]: relative error 2^-64. */
ELEM ElemPair elem_log_part(double m)
{
    ElemPair s = elem_log_quotient(m);
    return elem_log_series(s.hi, s.lo);
}

/* k ln 2 + part. */
ELEM ElemPair elem_log_join(double k, ElemPair part)
{
    ElemPair r = elem_fast_two_sum(k * ELEM_LN2_HI42, part.hi);
    r.lo += elem_fma(k, ELEM_LN2_LO42, part.lo);
    return r;
}

/* log x: x finite and positive; relative error 2^-64, or 2^-68. */
ELEM ElemPair elem_log_pair(double x)
{
    ElemPair z = elem_log_split(x);
    return elem_log_join(z.lo, elem_log_part(z.hi));
}

ELEM ElemPair elem_log_pair_long(double x)
{
    ElemPair z = elem_log_split(x), s = elem_log_quotient(z.hi);
    return elem_log_join(z.lo, elem_log_series_long(s.hi, s.lo));
}

/* Replaces r where x has no finite logarithm. */
ELEM double elem_log_special(double x, double r)
{
    r = ELEM_CHOOSE(x < ELEM_INF, r, x + x);
    return ELEM_CHOOSE(x > 0.0, r, ELEM_CHOOSE(x == 0.0, -ELEM_INF, ELEM_CHOOSE(x < 0.0, ELEM_NAN, r)));
}

ELEM double elem_log(double x)
{
    ElemPair r = elem_log_pair(x);
    return elem_log_special(x, r.hi + r.lo);
}

/* k + part * log2(e). */
ELEM double elem_log2(double x)
{
    ElemPair z = elem_log_split(x), l = elem_log_part(z.hi);
    ElemPair p = elem_two_prod(l.hi, ELEM_LOG2E);
    ElemPair r = elem_fast_two_sum(z.lo, p.hi);
    r.lo += elem_fma(l.hi, ELEM_LOG2E_LO, elem_fma(l.lo, ELEM_LOG2E, p.lo));
    return elem_log_special(x, r.hi + r.lo);
}

ELEM double elem_log10(double x)
{
    ElemPair z = elem_log_split(x), l = elem_log_part(z.hi);
    ElemPair p = elem_two_prod(l.hi, ELEM_LOG10E_HI);
    ElemPair r = elem_fast_two_sum(z.lo * ELEM_LOG10_2_HI, p.hi);
    p.lo += elem_fma(l.hi, ELEM_LOG10E_LO, l.lo * ELEM_LOG10E_HI);
    r.lo += elem_fma(z.lo, ELEM_LOG10_2_LO, p.lo);
    return elem_log_special(x, r.hi + r.lo);
}

/* log(2^more (hi + lo)), where |lo| is at most half of hi's last place, or hi is 1 and |lo| <= 0.42.  As precise as lo is also near 1. */
ELEM ElemPair elem_log_of_sum(double hi, double lo, double more)
{
    ElemPair z = elem_log_split(hi);
    double scale = ELEM_CHOOSE(hi < 0x1p100, elem_power_of_2(-elem_shifted_int(z.lo + ELEM_SHIFTER)), 0.0);
    ElemPair s = elem_log_quotient_sum(z.hi, lo * scale);
    return elem_log_join(z.lo + more, elem_log_series(s.hi, s.lo));
}

ELEM double elem_log1p(double x)
{
    ElemPair a = elem_two_sum(1.0, x);
    ElemPair r = elem_log_of_sum(a.hi, a.lo, 0.0);
    return ELEM_CHOOSE(elem_abs(x) < 0x1p-60, x, elem_log_special(a.hi, r.hi + r.lo));
}

/* Floats: log m in double, relative error 2^-50. */
ELEM double elem_log_part_f(double m)
{
    double s = ((m - 1.0) + (m - 1.0)) / (m + 1.0), u = s * s, u2 = u * u;
    double a = elem_fma(u, 0x1.9999999b8c2fap-7, 0x1.55555555553bp-4);
    double b = elem_fma(u, 0x1.c71fd1208a123p-12, 0x1.24924625234dap-9);
    double c = elem_fma(u, 0x1.5472fb6fff787p-16, 0x1.7382367be3044p-14);
    return elem_fma(s * u, elem_fma(u2, elem_fma(u2, c, b), a), s);
}

ELEM double elem_log_wide_f(double x)
{
    ElemPair z = elem_log_split(x);
    return elem_fma(z.lo, ELEM_LN2_HI, elem_log_part_f(z.hi));
}

ELEM float elem_logf(float x)
{
    return (float)elem_log_special(x, elem_log_wide_f(x));
}

ELEM float elem_log2f(float x)
{
    ElemPair z = elem_log_split(x);
    return (float)elem_log_special(x, elem_fma(elem_log_part_f(z.hi), ELEM_LOG2E, z.lo));
}

ELEM float elem_log10f(float x)
{
    ElemPair z = elem_log_split(x);
    double r = elem_fma(elem_log_part_f(z.hi), ELEM_LOG10E_HI, z.lo * ELEM_LOG10_2_LO);
    return (float)elem_log_special(x, elem_fma(z.lo, ELEM_LOG10_2_HI, r));
}

/* 1 + x is exact in double for |x| >= 2^-29; below, what is lost shows as a quotient. */
ELEM float elem_log1pf(float x)
{
    double a = 1.0 + x, lost = (double)x - (a - 1.0);
    return ELEM_CHOOSE(x == 0.0f, x, (float)elem_log_special(a, elem_log_wide_f(a) + lost / a));
}

#endif
