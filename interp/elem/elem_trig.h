/* interp/elem/elem_trig.h — sine, cosine, tangent.
 *
 * Sine and cosine take the argument modulo pi, not modulo pi/2, so that one polynomial serves every argument and nothing is chosen:
 *     sin x = (-1)^k sin(x - k pi),     cos x = (-1)^(k+1) sin(x - (k + 1/2) pi),     |remainder| <= pi/2.
 *
 * Remainder.  Below ELEM_TRIG_HUGE, pi is a sum of three doubles (Cody and Waite, Software Manual for the Elementary Functions, 1980, with
 * fused operations).  x - k P1 is exact: it is a multiple of 2^-52 (of ulp(x), if that is smaller) below 2, hence a double.  k P2 is taken as
 * an exact product and subtracted exactly, k P3 approximately.  What is dropped is less than 2^-130, and no double in that range is nearer than
 * 2^-61 to a multiple of pi/2 (by continued fractions), so the remainder, a pair, is good to 2^-64 of itself.
 * Larger arguments, which hardly occur, branch to the method of Payne and Hanek (SIGNUM Newsletter 18, 1983): multiply the integer significand
 * by those 192 bits of 1/pi that matter, modulo 2; 64 bits remain even of the smallest remainder.
 *
 * Polynomial.  sin r = r + r z (c0 + c1 z + … + c7 z^7), z = r^2, minimax with relative error 2^-61.6.  Head terms (c0, c1, z, the
 * products with them) are pairs, since at pi/2 they are as large as the result; from c2 on doubles are enough, their contribution being
 * less than 2^-7.  The largest error is thus little more than half an ulp.  Signs are taken off first and put on last: odd and even
 * functions are so exactly.
 *
 * Tangent: modulo pi/2; t = tan(r/2) by a polynomial, |r/2| <= pi/8, which converges much faster than one for tan r; then
 * tan r = 2 t / (1 - t^2), or for odd multiples its negative reciprocal, numerator and denominator being pairs, with one division.
 *
 * Floats: the same in plain doubles, with fewer terms.  tools/elem_coefficients_trig.py computed all constants. */
#ifndef ALP_INTERP_ELEM_TRIG_H
#define ALP_INTERP_ELEM_TRIG_H

#include "interp/elem/elem_base.h"

#define ELEM_TRIG_HUGE 0x1p30           /* from here on, remainders are computed in integers */
#define ELEM_PI_1 0x1.921fb54442d18p+1  /* pi = ELEM_PI_1 + ELEM_PI_2 + ELEM_PI_3, to 161 bits */
#define ELEM_PI_2 0x1.1a62633145c07p-53
#define ELEM_PI_3 (-0x1.f1976b7ed8fbcp-109)
#define ELEM_1_PI 0x1.45f306dc9c883p-2
#define ELEM_MAX 0x1.fffffffffffffp+1023
#define ELEM_ROUND 0x1.8p52             /* x + ELEM_ROUND: x rounded to an integer, which stands in the low bits of the sum */

/* 1/pi in binary: word 0 is the integer part, the bits of word 1 weigh 2^-1 … 2^-64, and so on. */
ELEM_TABLE uint64_t elem_trig_bits[20] = {
    0,
    0x517cc1b727220a94, 0xfe13abe8fa9a6ee0, 0x6db14acc9e21c820, 0xff28b1d5ef5de2b0,
    0xdb92371d2126e970, 0x0324977504e8c90e, 0x7f0ef58e5894d39f, 0x74411afa975da242,
    0x74ce38135a2fbf20, 0x9cc8eb1cc1a99cfa, 0x4e422fc5defc941d, 0x8ffc4bffef02cc07,
    0xf79788c5ad05368f, 0xb69b3f6793e584db, 0xa7a31fb34f2ff516, 0xba93dd63f5f2f8bd,
    0x9e839cfbc5294975, 0x35fdafd88fc6ae84, 0x2b0198237e3db5d5,
};

/* x, its sign changed if the lowest bit of k is set. */
ELEM double elem_flip(double x, uint64_t k)
{
    return elem_from(elem_bits(x) ^ (k << 63));
}

/* x - n (P1 + P2 + P3) as a pair, to 2^-64 of itself; `first` is x - n P1 rounded, and `rest` what was rounded off. */
ELEM ElemPair elem_trig_rest(double first, double rest, double n, double p2, double p3)
{
    ElemPair product = elem_two_prod(n, p2), r = elem_two_sum(first, -product.hi);
    r.lo = (r.lo + rest) - elem_fma(n, p3, product.lo);
    return r;
}

/* For finite x >= 1 the remainder r = x - (k + start/4) p with |r| <= p/2, where p is pi, or pi/2 if `half` is 1; and the lowest bit of k. */
ELEM ElemPair elem_trig_huge(double x, int32_t half, uint64_t start, uint64_t *k)
{
    uint64_t bits = elem_bits(x), m = (bits & 0xfffffffffffffu) | 0x10000000000000u;
    int32_t place = (int32_t)(bits >> 52 & 0x7ff) - 1075 + 63 + half;   /* of the bit of 1/pi that has weight 1 in x/p */
    place = ELEM_CHOOSE(place < 0, 0, place);                           /* vector code may ask for others, whose results it drops */
    int32_t i = place >> 6, s = place & 63;
    uint64_t w0 = elem_trig_bits[i] << s | elem_trig_bits[i + 1] >> 1 >> (63 - s);
    uint64_t w1 = elem_trig_bits[i + 1] << s | elem_trig_bits[i + 2] >> 1 >> (63 - s);
    uint64_t w2 = elem_trig_bits[i + 2] << s | elem_trig_bits[i + 3] >> 1 >> (63 - s);

    /* hi, lo: x/p modulo 2, the top bit of hi having weight 1. */
    uint64_t carry = elem_mulhi(m, w2), lo = m * w1 + carry;
    uint64_t hi = m * w0 + elem_mulhi(m, w1) + (uint64_t)(lo < carry) - (start << 61);
    uint64_t frac = hi << 1 | lo >> 63;                                 /* frac, lo << 1: as a signed number, x/p - k - start/4 */
    lo <<= 1;
    *k = (hi ^ frac) >> 63;

    ElemPair r = elem_fast_two_sum((double)((int64_t)frac >> 32) * 0x1p32, (double)(frac & 0xffffffffu));
    ElemPair f = elem_two_sum(r.hi, (double)(lo >> 32) * 0x1p-32);
    f = elem_fast_two_sum(f.hi, r.lo + f.lo + (double)(lo & 0xffffffffu) * 0x1p-64);
    double scale = ELEM_CHOOSE(half, 0x1p-65, 0x1p-64);
    r = elem_two_prod(f.hi, ELEM_PI_1);
    r.lo += elem_fma(f.hi, ELEM_PI_2, f.lo * ELEM_PI_1);
    return elem_fast_two_sum(r.hi * scale, r.lo * scale);
}

/* x + x z (c + p) for pairs; |p| <= |c|, |x z (c + p)| <= |x|. */
ELEM ElemPair elem_trig_odd(ElemPair x, ElemPair z, ElemPair c, ElemPair p)
{
    double b = c.hi + p.hi, b_lo = ((c.hi - b) + p.hi) + (p.lo + c.lo);
    double q = z.hi * b, q_lo = elem_fma(z.hi, b_lo, elem_fma(z.lo, b, elem_fma(z.hi, b, -q)));
    double m = x.hi * q, m_lo = elem_fma(x.lo, q, elem_fma(x.hi, q_lo, elem_fma(x.hi, q, -m)));
    double s = x.hi + m;
    ElemPair r = { s, ((x.hi - s) + m) + (m_lo + x.lo) };
    return r;
}

/* sin(r), |r| <= pi/2. */
ELEM double elem_trig_sine(ElemPair r)
{
    const ElemPair c0 = { -0x1.5555555555555p-3, 0x1.fc23c3fb500ddp-60 };
    const double c1 = 0x1.11111111110c1p-7;
    double z = r.hi * r.hi, z_lo = elem_fma(r.hi + r.hi, r.lo, elem_fma(r.hi, r.hi, -z)), p = 0x1.882a03d68f375p-49;
    p = elem_fma(p, z, -0x1.ae43217a2a191p-41);
    p = elem_fma(p, z, 0x1.6123cb3917167p-33);
    p = elem_fma(p, z, -0x1.ae6454cb9bbffp-26);
    p = elem_fma(p, z, 0x1.71de3a5288641p-19);
    p = elem_fma(p, z, -0x1.a01a01a0148d3p-13);
    double pz = p * z, a = c1 + pz, a_lo = elem_fma(p, z_lo, (c1 - a) + pz), w = z * a;
    ElemPair square = { z, z_lo }, za = { w, elem_fma(z, a_lo, elem_fma(z_lo, a, elem_fma(z, a, -w))) };
    ElemPair sine = elem_trig_odd(r, square, c0, za);
    return sine.hi + sine.lo;
}

ELEM_RARE double elem_sin_huge(double x)
{
    uint64_t k;
    ElemPair r = elem_trig_huge(elem_abs(x), 0, 0, &k);
    return ELEM_CHOOSE(elem_abs(x) <= ELEM_MAX, elem_flip(elem_trig_sine(r), k ^ elem_bits(x) >> 63), x - x);
}

ELEM_RARE double elem_cos_huge(double x)
{
    uint64_t k;
    ElemPair r = elem_trig_huge(elem_abs(x), 0, 2, &k);
    return ELEM_CHOOSE(elem_abs(x) <= ELEM_MAX, elem_flip(elem_trig_sine(r), k + 1), x - x);
}

ELEM double elem_sin_usual(double x)
{
    double ax = elem_abs(x), t = elem_fma(ax, ELEM_1_PI, ELEM_ROUND), k = t - ELEM_ROUND;
    double r = elem_trig_sine(elem_trig_rest(elem_fma(-k, ELEM_PI_1, ax), 0, k, ELEM_PI_2, ELEM_PI_3));
    return elem_flip(r, elem_bits(t) ^ elem_bits(x) >> 63);
}

ELEM double elem_sin(double x)
{
    return elem_abs(x) < ELEM_TRIG_HUGE ? elem_sin_usual(x) : elem_sin_huge(x);
}

ELEM double elem_cos_usual(double x)
{
    double ax = elem_abs(x), t = elem_fma(ax, ELEM_1_PI, -0.5) + ELEM_ROUND, k = t - ELEM_ROUND, n = k + k + 1;
    double first = elem_fma(-n, ELEM_PI_1 / 2, ax);             /* exact, except for n = 1 and x < 1: then FastTwoSum */
    double rest = ax - elem_fma(n, ELEM_PI_1 / 2, first);
    double r = elem_trig_sine(elem_trig_rest(first, rest, n, ELEM_PI_2 / 2, ELEM_PI_3 / 2));
    return elem_flip(r, ~elem_bits(t));
}

ELEM double elem_cos(double x)
{
    return elem_abs(x) < ELEM_TRIG_HUGE ? elem_cos_usual(x) : elem_cos_huge(x);
}

/* sin(r), |r| <= pi/2, for floats. */
ELEM double elem_trig_sinef(double r)
{
    double z = r * r, p = -0x1.9a68603313599p-26;
    p = elem_fma(p, z, 0x1.71707e6dbac2cp-19);
    p = elem_fma(p, z, -0x1.a017d9933ea91p-13);
    p = elem_fma(p, z, 0x1.11110c49da492p-7);
    p = elem_fma(p, z, -0x1.5555554768d8ep-3);
    return elem_fma(r * z, p, r);
}

ELEM float elem_sinf_usual(float x)
{
    double ax = elem_absf(x), t = elem_fma(ax, ELEM_1_PI, ELEM_ROUND), k = t - ELEM_ROUND;
    double r = elem_trig_sinef(elem_fma(-k, ELEM_PI_2, elem_fma(-k, ELEM_PI_1, ax)));
    return (float)elem_flip(r, elem_bits(t) ^ elem_bits(x) >> 63);
}

ELEM float elem_sinf(float x)
{
    return elem_absf(x) < (float)ELEM_TRIG_HUGE ? elem_sinf_usual(x) : (float)elem_sin_huge((double)x);
}

ELEM float elem_cosf_usual(float x)
{
    double ax = elem_absf(x), t = elem_fma(ax, ELEM_1_PI, -0.5) + ELEM_ROUND, k = t - ELEM_ROUND, n = k + k + 1;
    double r = elem_trig_sinef(elem_fma(-n, ELEM_PI_2 / 2, elem_fma(-n, ELEM_PI_1 / 2, ax)));
    return (float)elem_flip(r, ~elem_bits(t));
}

ELEM float elem_cosf(float x)
{
    return elem_absf(x) < (float)ELEM_TRIG_HUGE ? elem_cosf_usual(x) : (float)elem_cos_huge((double)x);
}

/* tan(r), |r| <= pi/4, or -1 / tan(r) if k is odd. */
ELEM double elem_trig_tangent(ElemPair r, uint64_t k)
{
    const ElemPair c0 = { 0x1.5555555555555p-2, -0x1.0c972daf60db8p-56 };
    double u = r.hi * 0.5, z = u * u, z_lo = elem_fma(r.hi, r.lo * 0.5, elem_fma(u, u, -z)), p = 0x1.208d91be966f0p-13;
    p = elem_fma(p, z, 0x1.d462ff41d4965p-13);
    p = elem_fma(p, z, 0x1.37193aa8b711ap-11);
    p = elem_fma(p, z, 0x1.7d8646a823c28p-10);
    p = elem_fma(p, z, 0x1.d6d5045c5bef9p-9);
    p = elem_fma(p, z, 0x1.226e3154a00fap-7);
    p = elem_fma(p, z, 0x1.664f48938163cp-6);
    p = elem_fma(p, z, 0x1.ba1ba1b9f3c85p-5);
    p = elem_fma(p, z, 0x1.1111111111288p-3);
    ElemPair square = { z, z_lo }, rest = { z * p, z_lo * p }, t = elem_trig_odd(r, square, c0, rest);      /* 2 tan(r/2) */
    double v = t.hi * 0.5, s = v * v, s_lo = elem_fma(v, t.lo, elem_fma(v, v, -s));
    double d = 1 - s, d_lo = ((1 - d) - s) - s_lo;                                                  /* 1 - tan(r/2)^2 */

    bool odd = k & 1;
    double n_hi = ELEM_CHOOSE(odd, -d, t.hi), n_lo = ELEM_CHOOSE(odd, -d_lo, t.lo);
    double e_hi = ELEM_CHOOSE(odd, t.hi, d), e_lo = ELEM_CHOOSE(odd, t.lo, d_lo);
    double inverse = 1 / e_hi, f = n_hi * inverse;
    return elem_fma(elem_fma(-f, e_hi, n_hi) + elem_fma(-f, e_lo, n_lo), inverse, f);
}

ELEM_RARE double elem_tan_huge(double x)
{
    uint64_t k;
    ElemPair r = elem_trig_huge(elem_abs(x), 1, 0, &k);
    return ELEM_CHOOSE(elem_abs(x) <= ELEM_MAX, elem_flip(elem_trig_tangent(r, k), elem_bits(x) >> 63), x - x);
}

ELEM double elem_tan_usual(double x)
{
    double ax = elem_abs(x), t = elem_fma(ax, 2 * ELEM_1_PI, ELEM_ROUND), k = t - ELEM_ROUND;
    ElemPair r = elem_trig_rest(elem_fma(-k, ELEM_PI_1 / 2, ax), 0, k, ELEM_PI_2 / 2, ELEM_PI_3 / 2);
    r = elem_fast_two_sum(r.hi, r.lo);          /* a division by r.hi follows, so r.lo must be small even if k P2 took most of r.hi away */
    return elem_flip(elem_trig_tangent(r, elem_bits(t)), elem_bits(x) >> 63);
}

ELEM double elem_tan(double x)
{
    return elem_abs(x) < ELEM_TRIG_HUGE ? elem_tan_usual(x) : elem_tan_huge(x);
}

ELEM float elem_tanf_usual(float x)
{
    double ax = elem_absf(x), t = elem_fma(ax, 2 * ELEM_1_PI, ELEM_ROUND), k = t - ELEM_ROUND;
    double r = elem_fma(-k, ELEM_PI_2 / 2, elem_fma(-k, ELEM_PI_1 / 2, ax)), u = r * 0.5, z = u * u, p = 0x1.25bc613f98e68p-8;
    p = elem_fma(p, z, 0x1.1c15a7ca64eecp-7);
    p = elem_fma(p, z, 0x1.66a44fca4ed04p-6);
    p = elem_fma(p, z, 0x1.ba1966edd6befp-5);
    p = elem_fma(p, z, 0x1.1111147db9a01p-3);
    p = elem_fma(p, z, 0x1.55555551d768ep-2);
    double s = elem_fma(r * z, p, r), v = s * 0.5, d = elem_fma(-v, v, 1);
    bool odd = elem_bits(t) & 1;
    return (float)elem_flip(ELEM_CHOOSE(odd, -d, s) / ELEM_CHOOSE(odd, s, d), elem_bits(x) >> 63);
}

ELEM float elem_tanf(float x)
{
    return elem_absf(x) < (float)ELEM_TRIG_HUGE ? elem_tanf_usual(x) : (float)elem_tan_huge((double)x);
}

#endif
