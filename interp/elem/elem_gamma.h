/* interp/elem/elem_gamma.h — gamma, lgamma, as CPython's module math computes them.
 *
 * Lanczos' approximation, with the rational form and coefficients of the Boost library (N = 13), for x > 0:
 *
 *     gamma(x)  =  sum(x) y^(x - 0.5) / e^y,     y = x + g - 0.5
 *
 * and the reflection formula below 0.  The steps are those of CPython, so that results print alike: they are some ulp from the true
 * value, unlike those of the other texts.  Where the functions have no value, a NaN. */
#ifndef ALP_INTERP_ELEM_GAMMA_H
#define ALP_INTERP_ELEM_GAMMA_H

#include "interp/elem/elem_pow.h"
#include "interp/elem/elem_trig.h"

#define ELEM_PI        0x1.921fb54442d18p+1
#define ELEM_LANCZOS_G 6.024680040776729583740234375

ELEM_TABLE double elem_lanczos_num[13] = {
    23531376880.410759688572007674451636754734846804940, 42919803642.649098768957899047001988850926355848959,
    35711959237.355668049440185451547166705960488635843, 17921034426.037209699919755754458931112671403265390,
    6039542586.3520280050642916443072979210699388420708, 1439720407.3117216736632230727949123939715485786372,
    248874557.86205415651146038641322942321632125127801, 31426415.585400194380614231628318205362874684987640,
    2876370.6289353724412254090516208496135991145378768, 186056.26539522349504029498971604569928220784236328,
    8071.6720023658162106380029022722506138218516325024, 210.82427775157934587250973392071336271166969580291,
    2.5066282746310002701649081771338373386264310793408,
};
ELEM_TABLE double elem_lanczos_den[13] = {
    0.0, 39916800.0, 120543840.0, 150917976.0, 105258076.0, 45995730.0, 13339535.0, 2637558.0, 357423.0, 32670.0, 1925.0, 66.0, 1.0,
};

/* Horner's rule in x, or in 1/x where powers of x would grow large. */
ELEM double elem_lanczos_sum(double x)
{
    bool small = x < 5.0;
    double num = 0.0, den = 0.0;
    for (int32_t i = 0; i < 13; i++) {
        num = ELEM_CHOOSE(small, num * x, num / x) + ELEM_CHOOSE(small, elem_lanczos_num[12 - i], elem_lanczos_num[i]);
        den = ELEM_CHOOSE(small, den * x, den / x) + ELEM_CHOOSE(small, elem_lanczos_den[12 - i], elem_lanczos_den[i]);
    }
    return num / den;
}

/* sin(pi x) for 0 <= x < 2^52, without losing digits near the integers: x mod 2 is taken to the nearest quarter turn. */
ELEM double elem_sin_pi(double x)
{
    double y = x - 2.0 * elem_floor(0.5 * x), f = elem_floor(2.0 * y), n = ELEM_CHOOSE(2.0 * y - f >= 0.5, f + 1.0, f);
    double d = ELEM_PI * ELEM_CHOOSE(n == 2.0, 1.0 - y, y - 0.5 * n);
    double s = elem_sin_usual(d), c = elem_cos_usual(d);
    return ELEM_CHOOSE(n == 1.0, c, ELEM_CHOOSE(n == 3.0, -c, s));
}

/* (x - 1)! for the integers from 1 to 23, exactly. */
ELEM double elem_factorial(double x)
{
    double r = 1.0;
    for (int32_t k = 2; k < 23; k++)
        r *= ELEM_CHOOSE((double)k < x, (double)k, 1.0);
    return r;
}

ELEM double elem_gamma(double x)
{
    double a = elem_abs(x), half = ELEM_LANCZOS_G - 0.5, y = a + half;
    double lost = ELEM_CHOOSE(a > half, (y - a) - half, (y - half) - a);        /* what rounding took from y */
    double z = lost * ELEM_LANCZOS_G / y, sum = elem_lanczos_sum(a), e = elem_exp(ELEM_CHOOSE(a > 200.0, 0.0, y));
    bool large = a >= 140.0;                                                    /* the power itself would overflow: its root twice */
    double power = elem_pow(y, ELEM_CHOOSE(large, a / 2.0 - 0.25, a - 0.5)), again = ELEM_CHOOSE(large, power, 1.0);
    double up = sum / e;
    up += z * up;
    up = up * power * again;
    double sine = elem_sin_pi(ELEM_CHOOSE(a < 0x1p52, a, 0.0)), down = -ELEM_PI / sine / a * e / sum;
    down -= z * down;
    down = down / power / again;
    up = ELEM_CHOOSE(a > 200.0, ELEM_INF, up);
    down = ELEM_CHOOSE(a > 200.0, 0.0 / -sine, down);
    bool integer = elem_floor(x) == x;
    double r = ELEM_CHOOSE(x > 0.0, ELEM_CHOOSE(integer & (x <= 23.0), elem_factorial(x), up), down);
    r = ELEM_CHOOSE(a < 1e-20, 1.0 / x, r);
    r = ELEM_CHOOSE((x == 0.0) | (integer & (x < 0.0)), ELEM_NAN, r);
    return ELEM_CHOOSE(elem_isnan(x), x + x, r);
}

ELEM double elem_lgamma(double x)
{
    double a = elem_abs(x);
    double r = elem_log(elem_lanczos_sum(a)) - ELEM_LANCZOS_G;
    r += (a - 0.5) * (elem_log(a + ELEM_LANCZOS_G - 0.5) - 1.0);
    double log_a = elem_log(a), sine = elem_sin_pi(ELEM_CHOOSE(a < 0x1p52, a, 0.0));
    double down = 0x1.250d048e7a1bdp+0 - elem_log(elem_abs(sine)) - log_a - r;  /* log(pi) - … */
    r = ELEM_CHOOSE(x < 0.0, down, r);
    r = ELEM_CHOOSE(a < 1e-20, -log_a, r);
    bool integer = elem_floor(x) == x;
    r = ELEM_CHOOSE(integer & (x <= 2.0), ELEM_CHOOSE(x > 0.0, 0.0, ELEM_NAN), r);
    r = ELEM_CHOOSE(a == ELEM_INF, ELEM_INF, r);
    return ELEM_CHOOSE(elem_isnan(x), x + x, r);
}

ELEM float elem_gammaf(float x)
{
    return (float)elem_gamma(x);
}

ELEM float elem_lgammaf(float x)
{
    return (float)elem_lgamma(x);
}

#endif
