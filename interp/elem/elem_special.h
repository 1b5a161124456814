/* interp/elem/elem_special.h — erf, erfc, logaddexp, logaddexp2.
 *
 * erf is made to be cheap, since numerical programs call it often, and its results above 1/2 need no more than absolute accuracy:
 *
 *     erf x  =  x (2/sqrt(pi) + u P(u)),  u = x^2,                                      up to x0 = 0.477, where it is 1/2,
 *     erf x  =  1 - 2^y,  y = log2 erfc x = c0 + c1 t + t^2 Q(t),  t = x - x0,           above.
 *
 * 2^y is 2^k 2^f, 1 - 2^k is exact, and the last operation adds 2^k (2^f - 1).  An error of y counts 2^y times: Q is fitted with that weight,
 * and c0, which counts most, is one double, as x0 is chosen so that log2 erfc x0 is a double to 2^-60.  Nothing is in two doubles.  The
 * last roundings of the polynomials show: the error is up to 0.83 ulp, for x from 0.5 to 0.75, up to 0.71 elsewhere.
 *
 * erfc is nearly rightly rounded, also where it is small.  Up to 1 it is 1 - x P(x^2), above
 *
 *     erfc x  =  e^(-x^2) G(v) / (x + 2),     v = (x - 3.4375) / (x + 2)
 *
 * where v brings [1, 27.3] to [-0.82, 0.82], on which G is so smooth that one polynomial serves (Shepherd and Laframboise, Chebyshev
 * approximation of (1 + 2x) exp(x^2) erfc x, Math. Comp. 36, 1981).  x^2, the first coefficients and what they are multiplied with
 * are in two doubles.  Both are computed for all x, and one of them, or its complement to 2, chosen.
 *
 * log(e^x + e^y) = m + log(1 + e^-|x - y|), m being the larger of x and y, with all terms in two doubles.  Where m is negative the sum may
 * cancel: its absolute error is 2^-58, so results much smaller than 1/16 have a larger error in terms of their last place.  So have
 * subnormal results, of m = 0. */
#ifndef ALP_INTERP_ELEM_SPECIAL_H
#define ALP_INTERP_ELEM_SPECIAL_H

#include "interp/elem/elem_log.h"

#define ELEM_2_SQRT_PI     0x1.20dd750429b6dp+0
#define ELEM_ERF_HALF      0x1.e862cp-2             /* x0: a multiple of 2^-20 */
#define ELEM_ERF_HALF_LOG2 -0x1.00007f462bc96p+0    /* c0 */
#define ELEM_ERF_SLOPE     -0x1.4bf51cc61189bp+1    /* c1 */

/* c + v p, where |v p| < |c|. */
ELEM ElemPair elem_horner_pair(ElemPair p, ElemPair v, double c, double c_lo)
{
    ElemPair t = elem_two_prod(p.hi, v.hi);
    t.lo += elem_fma(p.hi, v.lo, p.lo * v.hi);
    ElemPair r = elem_fast_two_sum(c, t.hi);
    r.lo += t.lo + c_lo;
    return r;
}

ELEM ElemPair elem_product_pair(ElemPair a, ElemPair b)
{
    ElemPair r = elem_two_prod(a.hi, b.hi);
    r.lo += elem_fma(a.hi, b.lo, a.lo * b.hi);
    return r;
}

/* e^(r+l) for |r + l| <= ln 2 / 2, |l| <= 2^-43: relative error 2^-58. */
ELEM ElemPair elem_exp_part(double r, double l)
{
    ElemPair e = elem_exp_minus_1(r, l), s = elem_fast_two_sum(1.0, e.hi);
    return elem_fast_two_sum(s.hi, s.lo + e.lo);
}

/* (erf x / x - c0 - c1 u - c2 u^2 - c3 u^3) / u^4 of u = x^2. */
ELEM double elem_erf_poly(double u)
{
    double u2 = u * u, u4 = u2 * u2;
    double a = elem_fma(u2, elem_fma(u, -0x1.f4d25bfa36fdep-17, 0x1.f9a326f7b1202p-14),
                        elem_fma(u, -0x1.c02db400360ebp-11, 0x1.565bcd0e6a2f5p-8));
    double b = elem_fma(u2, elem_fma(u, -0x1.517d29f9a6453p-30, 0x1.fcbb3c3e161b8p-27),
                        elem_fma(u, -0x1.5f73c450e7276p-23, 0x1.b9e6c398dda83p-20));
    double c = elem_fma(u2, 0x1.3c1f573a4742dp-42,
                        elem_fma(u, -0x1.b41b53ebc9bffp-38, 0x1.9a124db0c30c6p-34));
    return elem_fma(u4, elem_fma(u4, c, b), a);
}

/* (G(v) - c0 - c1 v - c2 v^2 - c3 v^3) / v^4. */
ELEM double elem_erfc_poly(double v)
{
    double v2 = v * v, v4 = v2 * v2;
    double a = elem_fma(v2, elem_fma(v, -0x1.ba4cd9be1d044p-13, 0x1.2f38833e9fb12p-14),
                        elem_fma(v, 0x1.0d52cde1f9fd8p-9, -0x1.91694a6309057p-9));
    double b = elem_fma(v2, elem_fma(v, -0x1.bb0aba72b010dp-19, 0x1.bf896e10cb315p-19),
                        elem_fma(v, 0x1.b01943dc53f6ep-16, -0x1.2151e6db84bd2p-17));
    double c = elem_fma(v2, elem_fma(v, -0x1.0db1712b985adp-32, 0x1.09631d73a0c2p-22),
                        elem_fma(v, 0x1.6f54569b84b7ep-22, -0x1.122a3da2dc46p-20));
    double d = elem_fma(v2, elem_fma(v, 0x1.324c992fea97ep-28, 0x1.6558cea8f46f2p-28),
                        elem_fma(v, -0x1.cedb1c30ccef5p-27, -0x1.8a2f30ed796c9p-25));
    double e = elem_fma(v2, elem_fma(v, 0x1.555caec1808a6p-34, -0x1.01b45b6bfb481p-33),
                        elem_fma(v, -0x1.cab0fe4689b49p-31, 0x1.cd608d6c53edap-34));
    return elem_fma(v4, elem_fma(v4, elem_fma(v4, elem_fma(v4, e, d), c), b), a);
}

/* erf x for |x| <= 1: relative error 2^-59. */
ELEM ElemPair elem_erf_near(double x)
{
    ElemPair u = elem_two_prod(x, x), p = { elem_erf_poly(u.hi), 0.0 };
    p = elem_horner_pair(p, u, -0x1.b82ce31288b47p-6, -0x1.a2f0d8946262ep-60);
    p = elem_horner_pair(p, u, 0x1.ce2f21a042be2p-4, -0x1.7a7cf7ba2c7fap-58);
    p = elem_horner_pair(p, u, -0x1.812746b0379e7p-2, 0x1.ee9fd3f24ebb9p-57);
    p = elem_horner_pair(p, u, 0x1.20dd750429b6dp+0, 0x1.1ae37ff4a316cp-56);
    ElemPair r = elem_two_prod(x, p.hi);
    r.lo = elem_fma(x, p.lo, r.lo);
    return r;
}

/* erfc x = 2^k (hi + lo) for x >= 1, 0 at 27.3. */
ELEM ElemPair elem_erfc_far(double x, double *k)
{
    x = ELEM_CHOOSE(x > 27.3, 27.3, x);
    ElemPair n = elem_two_sum(x, -3.4375), d = elem_two_sum(x, 2.0);
    double inverse = 1.0 / d.hi, q = n.hi * inverse;
    ElemPair v = { q, (elem_fma(-q, d.lo, elem_fma(-q, d.hi, n.hi)) + n.lo) * inverse };
    ElemPair g = { elem_erfc_poly(v.hi), 0.0 };
    g = elem_horner_pair(g, v, -0x1.5e4b9dcbf570bp-6, 0x1.4afef746ab2bbp-60);
    g = elem_horner_pair(g, v, 0x1.0d405527aa798p-3, -0x1.6c84ceece8057p-59);
    g = elem_horner_pair(g, v, -0x1.9d22f28b15049p-2, -0x1.9faceb32729bep-57);
    g = elem_horner_pair(g, v, 0x1.b7a547a711fb3p-1, -0x1.d4fbe5978d85fp-55);
    ElemPair y = elem_two_prod(-x, x);
    double shifted = elem_fma(y.hi, ELEM_LOG2E, ELEM_SHIFTER);
    *k = shifted - ELEM_SHIFTER;
    ElemPair p = elem_product_pair(elem_exp_part(elem_fma(-*k, ELEM_LN2_HI, y.hi), elem_fma(-*k, ELEM_LN2_LO, y.lo)), g);
    double r = p.hi * inverse;
    return elem_fast_two_sum(r, (elem_fma(-r, d.lo, elem_fma(-r, d.hi, p.hi)) + p.lo) * inverse);
}

/* erf x / x - 2/sqrt(pi) of u = x^2 for |x| <= ELEM_ERF_HALF: error 2^-58. */
ELEM double elem_erf_ratio(double u)
{
    double u2 = u * u, p = elem_fma(u2, 0x1.8f4a8fac50314p-20, elem_fma(u, -0x1.f29768b867ba9p-17, 0x1.f992e3d0efe6cp-14));
    p = elem_fma(u2, p, elem_fma(u, -0x1.c02d6ea39a81ep-11, 0x1.565bcc604fc03p-8));
    p = elem_fma(u2, p, elem_fma(u, -0x1.b82ce3109d2e6p-6, 0x1.ce2f21a040065p-4));
    return elem_fma(u, elem_fma(u, p, -0x1.812746b0379cfp-2), 0x1.f0f2b79a0a851p-57);
}

/* Q(t) for 0 <= t <= 5.46: error 2^-58 / (t^2 erfc x). */
ELEM double elem_erfc_bend(double t)
{
    double t2 = t * t, p = elem_fma(t2, -0x1.14fb15ff66558p-46, elem_fma(t, 0x1.522a6453203acp-41, -0x1.7f855d4a0336dp-37));
    p = elem_fma(t2, p, elem_fma(t, 0x1.0bcf8573f4762p-33, -0x1.00b9340b02edep-30));
    p = elem_fma(t2, p, elem_fma(t, 0x1.628d44d1cbfp-28, -0x1.635a6ea77cbedp-26));
    p = elem_fma(t2, p, elem_fma(t, 0x1.e7e481c0c0db1p-25, -0x1.41e6b8fc40b2dp-24));
    p = elem_fma(t2, p, elem_fma(t, -0x1.8dd4a5d7106ebp-23, 0x1.8b5442a444e69p-20));
    p = elem_fma(t2, p, elem_fma(t, -0x1.309965169b127p-18, 0x1.7ae0d39099111p-18));
    p = elem_fma(t2, p, elem_fma(t, 0x1.3049d4be8523bp-16, -0x1.111cb7ecb7c22p-13));
    p = elem_fma(t2, p, elem_fma(t, 0x1.900418bff2b71p-12, -0x1.401270c864d61p-12));
    p = elem_fma(t2, p, elem_fma(t, -0x1.a8779fdec92fp-9, 0x1.76ac2e438bcbdp-6));
    return elem_fma(t2, p, elem_fma(t, -0x1.94c56df06c94ap-4, -0x1.18161da8515a2p+0));
}

/* (2^f - 1) / f for |f| <= 0.5001: error 2^-56 / f. */
ELEM double elem_exp2_ratio(double f)
{
    double f2 = f * f, p = elem_fma(f2, 0x1.ea18a84194d9ap-32, elem_fma(f, 0x1.e61ccc06d5626p-28, 0x1.b524cda4f235cp-24));
    p = elem_fma(f2, p, elem_fma(f, 0x1.62bfc6b93e4b8p-20, 0x1.ffcbfc7c6c98ep-17));
    p = elem_fma(f2, p, elem_fma(f, 0x1.4309130f36c02p-13, 0x1.5d87fe78a0d98p-10));
    p = elem_fma(f2, p, elem_fma(f, 0x1.3b2ab6fb9ff34p-7, 0x1.c6b08d704a0d7p-5));
    return elem_fma(f, elem_fma(f, p, 0x1.ebfbdff82c5a5p-3), 0x1.62e42fefa39efp-1);
}

ELEM double elem_erf(double x)
{
    double a = elem_abs(x), t = ELEM_CHOOSE(a > 5.93, 5.93, a) - ELEM_ERF_HALF, rest = t * t * elem_erfc_bend(t);
    double shifted = elem_fma(t, ELEM_ERF_SLOPE, rest) + (ELEM_SHIFTER - 1.0), k = shifted - ELEM_SHIFTER;
    double f = elem_fma(t, ELEM_ERF_SLOPE, ELEM_ERF_HALF_LOG2 - k) + rest, scale = elem_power_of_2(elem_shifted_int(shifted));
    double far = elem_fma(-scale * f, elem_exp2_ratio(f), 1.0 - scale);
    double near = elem_fma(a, ELEM_2_SQRT_PI, a * elem_erf_ratio(a * a));
    return elem_copysign(ELEM_CHOOSE(a > ELEM_ERF_HALF, far, near), x);
}

ELEM double elem_erfc(double x)
{
    double a = elem_abs(x), k;
    ElemPair near = elem_erf_near(x), far = elem_erfc_far(a, &k);
    int64_t exponent = elem_shifted_int(k + ELEM_SHIFTER);
    double scale = ELEM_CHOOSE(k > -100.0, elem_power_of_2(exponent), 0.0);
    ElemPair one = elem_two_sum(1.0, -near.hi), two = elem_fast_two_sum(2.0, -far.hi * scale);
    double r = ELEM_CHOOSE(x > 0.0, elem_scale_sum(far.hi, far.lo, exponent, k), two.hi + elem_fma(-far.lo, scale, two.lo));
    return ELEM_CHOOSE(a > 1.0, r, one.hi + (one.lo - near.lo));
}

/* e^(x + l) for x <= 0 and |l| <= 2^-52 |x|. */
ELEM ElemPair elem_exp_pair(double x, double l)
{
    l = ELEM_CHOOSE(x < -746.0, 0.0, l);
    x = ELEM_CHOOSE(x < -746.0, -746.0, x);
    double shifted = elem_fma(x, ELEM_LOG2E, ELEM_SHIFTER), k = shifted - ELEM_SHIFTER;
    ElemPair s = elem_exp_part(elem_fma(-k, ELEM_LN2_HI, x), elem_fma(-k, ELEM_LN2_LO, l));
    ElemPair r = { elem_times_power(s.hi, elem_shifted_int(shifted)), elem_times_power(s.lo, elem_shifted_int(shifted)) };
    return r;
}

/* log(1 + e^-(d + l)), or without the minus sign if d is negative. */
ELEM ElemPair elem_log_1_plus_exp(double d, double l)
{
    ElemPair e = elem_exp_pair(-elem_abs(d), ELEM_CHOOSE(d > 0.0, -l, l));
    bool small = e.hi < 0x1p-28;
    ElemPair a = elem_fast_two_sum(1.0, e.hi);
    ElemPair r = elem_log_of_sum(a.hi, a.lo + e.lo, 0.0);
    r.hi = ELEM_CHOOSE(small, e.hi, r.hi);
    r.lo = ELEM_CHOOSE(small, elem_fma(-0.5 * e.hi, e.hi, e.lo), r.lo);
    return r;
}

/* m + l, m being the larger operand. */
ELEM double elem_logaddexp_sum(double x, double y, ElemPair l)
{
    double m = ELEM_CHOOSE(x > y, x, y);
    ElemPair r = elem_two_sum(m, l.hi);
    double sum = ELEM_CHOOSE(elem_abs(m) == ELEM_INF, m, r.hi + (r.lo + l.lo));
    return ELEM_CHOOSE((int)elem_isnan(x) | elem_isnan(y), x + y, sum);
}

ELEM double elem_logaddexp(double x, double y)
{
    ElemPair d = elem_two_sum(x, -y);
    return elem_logaddexp_sum(x, y, elem_log_1_plus_exp(d.hi, d.lo));
}

/* 2^-d is e^-(d ln 2). */
ELEM double elem_logaddexp2(double x, double y)
{
    ElemPair d = elem_two_sum(x, -y), ln2 = { ELEM_LN2_HI, ELEM_LN2_LO }, log2e = { ELEM_LOG2E, ELEM_LOG2E_LO };
    d = elem_product_pair(d, ln2);
    return elem_logaddexp_sum(x, y, elem_product_pair(elem_log_1_plus_exp(d.hi, d.lo), log2e));
}

/* Floats: the same with shorter polynomials, in double.  For erfc, erf x / x of u = x^2 for |x| <= 1: error 2^-40. */
ELEM double elem_erf_poly_f(double u)
{
    double u2 = u * u, u4 = u2 * u2;
    double a = elem_fma(u2, elem_fma(u, -0x1.b82cbba9f4007p-6, 0x1.ce2f20ad40543p-4),
                        elem_fma(u, -0x1.812746adf5485p-2, 0x1.20dd750428d23p+0));
    double b = elem_fma(u2, elem_fma(u, -0x1.d2ddaab04d778p-17, 0x1.f5863450e2fa5p-14),
                        elem_fma(u, -0x1.bfe22624a0cd6p-11, 0x1.56589735ea7f9p-8));
    double c = 0x1.1c8c42a76a0ebp-20;
    return elem_fma(u4, elem_fma(u4, c, b), a);
}

/* G(v) for 1 <= x <= 10.4: error 2^-42. */
ELEM double elem_erfc_poly_f(double v)
{
    double v2 = v * v, v4 = v2 * v2;
    double a = elem_fma(v2, elem_fma(v, -0x1.5e4b9db3eac74p-6, 0x1.0d40552881c6fp-3),
                        elem_fma(v, -0x1.9d22f28b1a13ap-2, 0x1.b7a547a711b8cp-1));
    double b = elem_fma(v2, elem_fma(v, -0x1.ba4081e75cfbap-13, 0x1.2f427c7b2f867p-14),
                        elem_fma(v, 0x1.0d52bbd3ef8e7p-9, -0x1.91695144bb153p-9));
    double c = elem_fma(v2, elem_fma(v, -0x1.8e46d9927902cp-19, 0x1.c9d3276b7da5p-19),
                        elem_fma(v, 0x1.adfd440a143f1p-16, -0x1.22d6e786d76f1p-17));
    double d = -0x1.014d9973ca6bp-20;
    return elem_fma(v4, elem_fma(v4, elem_fma(v4, d, c), b), a);
}

/* erfc x for x >= 1. */
ELEM double elem_erfc_wide_f(double x)
{
    x = ELEM_CHOOSE(x > 10.4, 10.4, x);
    double inverse = 1.0 / (x + 2.0);
    return elem_exp_wide_f(-x * x) * elem_erfc_poly_f((x - 3.4375) * inverse) * inverse;
}

/* The polynomials of erf: errors 2^-36, 2^-34 / (t^2 erfc x), 2^-34 / f. */
ELEM double elem_erf_ratio_f(double u)
{
    double u2 = u * u, p = elem_fma(u, -0x1.9748526dd6f7fp-11, 0x1.55130606ec87ap-8);
    p = elem_fma(u2, p, elem_fma(u, -0x1.b823490037026p-6, 0x1.ce2f011049763p-4));
    return elem_fma(u2, p, elem_fma(u, -0x1.81274687c0e6cp-2, -0x1.05d2ed5a854bdp-37));
}

ELEM double elem_erfc_bend_f(double t)
{
    double t2 = t * t, p = elem_fma(t2, -0x1.69fffc3315a79p-20, elem_fma(t, 0x1.34654a17fe70dp-16, -0x1.c88579b6c96cp-14));
    p = elem_fma(t2, p, elem_fma(t, 0x1.61edaf8b7b725p-12, -0x1.10cc6460b575fp-12));
    p = elem_fma(t2, p, elem_fma(t, -0x1.abebb1e742facp-9, 0x1.76d05ff555bb5p-6));
    return elem_fma(t2, p, elem_fma(t, -0x1.94c6ebe91e2b8p-4, -0x1.18161c305db3ap+0));
}

ELEM double elem_exp2_ratio_f(double f)
{
    double f2 = f * f, p = elem_fma(f2, 0x1.00eafaca37927p-16, elem_fma(f, 0x1.445e6e788f0e3p-13, 0x1.5d872e4030d91p-10));
    p = elem_fma(f2, p, elem_fma(f, 0x1.3b29f1087ba59p-7, 0x1.c6b08dead9e98p-5));
    return elem_fma(f2, p, elem_fma(f, 0x1.ebfbe07a97421p-3, 0x1.62e42fef7e857p-1));
}

ELEM float elem_erff(float x)
{
    double a = elem_abs(x), t = ELEM_CHOOSE(a > 5.0, 5.0, a) - ELEM_ERF_HALF, y = t * elem_fma(t, elem_erfc_bend_f(t), ELEM_ERF_SLOPE);
    double shifted = y + (ELEM_SHIFTER - 1.0), f = y + (ELEM_ERF_HALF_LOG2 - (shifted - ELEM_SHIFTER));
    double scale = elem_power_of_2(elem_shifted_int(shifted));
    double far = elem_fma(-scale * f, elem_exp2_ratio_f(f), 1.0 - scale);
    double near = elem_fma(a, ELEM_2_SQRT_PI, a * elem_erf_ratio_f(a * a));
    return elem_copysignf((float)ELEM_CHOOSE(a > ELEM_ERF_HALF, far, near), x);
}

ELEM float elem_erfcf(float x)
{
    double a = elem_abs(x), near = (double)x * elem_erf_poly_f(a * a), far = elem_erfc_wide_f(a);
    return (float)ELEM_CHOOSE(a > 1.0, ELEM_CHOOSE(x > 0.0f, far, 2.0 - far), 1.0 - near);
}

ELEM float elem_logaddexpf(float x, float y)
{
    return (float)elem_logaddexp(x, y);
}

ELEM float elem_logaddexp2f(float x, float y)
{
    return (float)elem_logaddexp2(x, y);
}

#endif
