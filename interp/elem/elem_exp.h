/* interp/elem/elem_exp.h — exp, exp2, expm1.
 *
 * Method: x = k ln 2 + r + l, where |r| <= ln 2 / 2 and l is what r lacks (Cody and Waite, Software Manual for the Elementary Functions,
 * 1980, chapter 6; one fma subtracts k ln 2 exactly).  No table: a polynomial of higher degree costs less than a gather where eight
 * lanes work side by side.
 *
 *     e^(r+l) - 1  =  r + r^2/2  +  (what rounding took from both)  +  r^3 q(r)  +  l e^r
 *
 * The first two terms are an unevaluated sum hi + lo, so that rounding touches r^3 q(r) <= 0.0065 and less only: together with the last
 * rounding at most 0.52 ulp.  What is computed is e^r - 1, since expm1 and others need it without cancellation.
 *
 * A subnormal result would be rounded twice, by the last addition and by the scaling.  So a power of two that has the same last place
 * is added before, and subtracted again (elem_sum_in_unit). */
#ifndef ALP_INTERP_ELEM_EXP_H
#define ALP_INTERP_ELEM_EXP_H

#include "interp/elem/elem_base.h"

#define ELEM_LOG2E   0x1.71547652b82fep+0
#define ELEM_LN2_HI  0x1.62e42fefa39efp-1
#define ELEM_LN2_LO  0x1.abc9e3b39803fp-56
/* Added to a double below 2^51 in magnitude it leaves the nearest integer in the last bits. */
#define ELEM_SHIFTER 0x1.8p+52

#define ELEM_INF     (elem_from(0x7ff0000000000000u))
#define ELEM_NAN     (elem_from(0x7ff8000000000000u))

/* The double 2^k, -1023 < k < 1024. */
ELEM double elem_power_of_2(int64_t k)
{
    return elem_from(((uint64_t)k + 1023) << 52);
}

/* The integer nearest to a double plus ELEM_SHIFTER. */
ELEM int64_t elem_shifted_int(double shifted)
{
    return (int64_t)(elem_bits(shifted) - elem_bits(ELEM_SHIFTER));
}

/* (e^r - 1 - r - r^2/2) / r^2 for |r| <= ln 2 / 2: error 2^-58, most of it that of the last rounding. */
ELEM double elem_exp_cubic(double r, double r2)
{
    double a = elem_fma(r, 0x1.1111111111111p-7, 0x1.5555555555555p-5);
    double b = elem_fma(r, 0x1.a01a01a019878p-13, 0x1.6c16c16c167e1p-10);
    double c = elem_fma(r, 0x1.71de3a5a4815fp-19, 0x1.a01a01a47b20ap-16);
    double d = elem_fma(r, 0x1.ae642d49cd74ep-26, 0x1.27e4e1f429555p-22);
    double e = elem_fma(r, 0x1.61bfaa80405fap-33, 0x1.1f66e03fdb4f5p-29);
    double r4 = r2 * r2;
    double q = elem_fma(r4, elem_fma(r4, e, elem_fma(r2, d, c)), elem_fma(r2, b, a));
    return elem_fma(r, 0x1.5555555555555p-3, r2 * q);
}

/* e^(r+l) - 1 for |r + l| <= ln 2 / 2, |l| <= 2^-43: relative error 2^-57. */
ELEM ElemPair elem_exp_minus_1(double r, double l)
{
    double r2 = r * r, half = 0.5 * r, cubic = elem_exp_cubic(r, r2);
    double hi = elem_fma(half, r, r), lo = elem_fma(half, r, r - hi);
    double whole = elem_fma(r2, cubic, hi);
    ElemPair e = { hi, elem_fma(r2, cubic, lo + elem_fma(l, whole, l)) };
    return e;
}

/* x 2^k for -2000 < k < 2000: in two steps, as 2^k need not be a double. */
ELEM double elem_times_power(double x, int64_t k)
{
    uint64_t half = (((uint64_t)k + 2048) >> 1) - 1024;
    return x * elem_power_of_2((int64_t)half) * elem_power_of_2((int64_t)((uint64_t)k - half));
}

/* hi + lo rounded: to what a subnormal number of some scale can hold, if hi < unit, where unit is the least normal number of that scale. */
ELEM double elem_sum_in_unit(double hi, double lo, double unit)
{
    unit = ELEM_CHOOSE(hi < unit, unit, 0.0);
    double sum = unit + hi;
    return (sum + (((unit - sum) + hi) + lo)) - unit;
}

/* (hi + lo) 2^k, rounded once also where the result is subnormal: 2^-100 < hi < 2, |lo| far smaller than hi, -1100 < k <= 1024. */
ELEM double elem_scale_sum(double hi, double lo, int64_t k, double k_double)
{
    bool small = k_double < -900.0;                                     /* in two steps, as 2^k need not be a double */
    double rounded = elem_sum_in_unit(hi, lo, ELEM_CHOOSE(small, elem_power_of_2(-1022 - k), 0.0));
    return rounded * elem_power_of_2(k + ELEM_CHOOSE(small, 200, -1)) * ELEM_CHOOSE(small, 0x1p-200, 2.0);
}

/* (1 + e) 2^k. */
ELEM double elem_exp_scale(ElemPair e, int64_t k, double k_double)
{
    double hi = 1.0 + e.hi;
    return elem_scale_sum(hi, ((1.0 - hi) + e.hi) + e.lo, k, k_double);
}

/* e^(x + l) for any x, and |l| <= 2^-52 |x|; l is not looked at where x has a result of 0 or infinity. */
ELEM double elem_exp_sum(double x, double l)
{
    l = ELEM_CHOOSE(x > 710.0, 0.0, ELEM_CHOOSE(x < -746.0, 0.0, l));
    x = ELEM_CHOOSE(x > 710.0, 710.0, ELEM_CHOOSE(x < -746.0, -746.0, x));
    double shifted = elem_fma(x, ELEM_LOG2E, ELEM_SHIFTER), k = shifted - ELEM_SHIFTER;
    ElemPair e = elem_exp_minus_1(elem_fma(-k, ELEM_LN2_HI, x), elem_fma(-k, ELEM_LN2_LO, l));
    return elem_exp_scale(e, elem_shifted_int(shifted), k);
}

ELEM double elem_exp(double x)
{
    x = ELEM_CHOOSE(x > 710.0, 710.0, ELEM_CHOOSE(x < -746.0, -746.0, x));
    double shifted = elem_fma(x, ELEM_LOG2E, ELEM_SHIFTER), k = shifted - ELEM_SHIFTER;
    ElemPair e = elem_exp_minus_1(elem_fma(-k, ELEM_LN2_HI, x), -k * ELEM_LN2_LO);
    return elem_exp_scale(e, elem_shifted_int(shifted), k);
}

ELEM double elem_exp2(double x)
{
    x = ELEM_CHOOSE(x > 1025.0, 1024.0, ELEM_CHOOSE(x < -1076.0, -1076.0, x));
    double shifted = x + ELEM_SHIFTER, k = shifted - ELEM_SHIFTER;
    double f = x - k;
    ElemPair r = elem_two_prod(f, ELEM_LN2_HI);
    ElemPair e = elem_exp_minus_1(r.hi, elem_fma(f, ELEM_LN2_LO, r.lo));
    return elem_exp_scale(e, elem_shifted_int(shifted), k);
}

/* (e^x - 1) / 2 for -40 <= x <= 710, as 2^(k-1) (1 + e) - 1/2 (halves: 2^1024 is not a double).  2^(k-1) - 1/2 is larger than 2^(k-1) e. */
ELEM ElemPair elem_expm1_half(double x)
{
    double shifted = elem_fma(x, ELEM_LOG2E, ELEM_SHIFTER), k = shifted - ELEM_SHIFTER;
    ElemPair e = elem_exp_minus_1(elem_fma(-k, ELEM_LN2_HI, x), -k * ELEM_LN2_LO);
    double scale = elem_power_of_2(elem_shifted_int(shifted) - 1);
    ElemPair head = elem_two_sum(scale, -0.5);
    ElemPair sum = elem_fast_two_sum(head.hi, scale * e.hi);
    sum.lo += elem_fma(scale, e.lo, head.lo);
    return sum;
}

ELEM double elem_expm1(double x)
{
    ElemPair h = elem_expm1_half(ELEM_CHOOSE(x > 710.0, 710.0, ELEM_CHOOSE(x < -40.0, -40.0, x)));
    return ELEM_CHOOSE(elem_abs(x) < 0x1p-60, x, 2.0 * (h.hi + h.lo));          /* x: -0.0, and subnormals */
}

/* Floats: in double, with a polynomial whose error is 2^-14 of a float's last place. */
ELEM double elem_exp_part_f(double r)
{
    double r2 = r * r;
    double a = elem_fma(r, 0x1.5555556754f6cp-3, 0x1.fffffffffc0c1p-2);
    double b = elem_fma(r, 0x1.1110c62ee5d0ep-7, 0x1.5555556f09c13p-5);
    double c = elem_fma(r, 0x1.a1518011a4913p-13, 0x1.6c16522eb497cp-10);
    c = elem_fma(r2, 0x1.a15a62185f951p-16, c);
    return elem_fma(r2, elem_fma(r2, elem_fma(r2, c, b), a), r);
}

/* e^x as a double, relative error 2^-38, for a float's range of results. */
ELEM double elem_exp_wide_f(double x)
{
    x = ELEM_CHOOSE(x > 100.0, 100.0, ELEM_CHOOSE(x < -120.0, -120.0, x));
    double shifted = elem_fma(x, ELEM_LOG2E, ELEM_SHIFTER), k = shifted - ELEM_SHIFTER;
    double scale = elem_power_of_2(elem_shifted_int(shifted));
    return elem_fma(scale, elem_exp_part_f(elem_fma(-k, ELEM_LN2_HI, x)), scale);
}

ELEM float elem_expf(float x)
{
    return (float)elem_exp_wide_f(x);
}

ELEM float elem_exp2f(float x)
{
    double y = ELEM_CHOOSE(x > 140.0f, 140.0, ELEM_CHOOSE(x < -160.0f, -160.0, (double)x));
    double shifted = y + ELEM_SHIFTER, k = shifted - ELEM_SHIFTER;
    double scale = elem_power_of_2(elem_shifted_int(shifted));
    return (float)elem_fma(scale, elem_exp_part_f((y - k) * ELEM_LN2_HI), scale);
}

/* e^x - 1 as a double, relative error 2^-36. */
ELEM double elem_expm1_wide_f(double x)
{
    x = ELEM_CHOOSE(x > 100.0, 100.0, ELEM_CHOOSE(x < -40.0, -40.0, x));
    double shifted = elem_fma(x, ELEM_LOG2E, ELEM_SHIFTER), k = shifted - ELEM_SHIFTER;
    double scale = elem_power_of_2(elem_shifted_int(shifted));
    return elem_fma(scale, elem_exp_part_f(elem_fma(-k, ELEM_LN2_HI, x)), scale - 1.0);
}

ELEM float elem_expm1f(float x)
{
    return ELEM_CHOOSE(x == 0.0f, x, (float)elem_expm1_wide_f(x));
}

#endif
