/* interp/elem/elem_arc.h — inverse trigonometric functions.
 *
 * Arc tangent, of a quotient y/x with y, x >= 0 at first: with u the larger and v the smaller of the two,
 *     atan(v/u) = atan(t),  t = v/u,  if v <= tan(pi/8) u;  otherwise  pi/4 + atan(t),  t = (v - u) / (v + u),
 * so |t| <= tan(pi/8); sums and quotient are pairs, the quotient by one division and the remainder times the same reciprocal.  The angle looked
 * for, in whatever octant, is then a multiple of pi/4 plus or minus atan(t).  atan(x) is the case of x/1.
 *
 * Arc sine and cosine: asin(t), |t| <= 1/2, by a polynomial; beyond, asin(x) = pi/2 - 2 asin(sqrt((1 - x)/2)), where (1 - x)/2 is exact and
 * the root a pair; acos likewise, from asin(t) = pi/2 - acos(t), which loses nothing since acos(t) is not small there.
 *
 * Polynomials: f(t) = t + t z (c0 + c1 z + …), z = t^2, minimax with relative error 2^-64.2 (atan, 12 coefficients) and 2^-63.7 (asin, 14).
 * z, c0 and the products with them are pairs: t z c0 is at most 1/17 of t, so that plain doubles are enough for the rest, and the
 * largest error is little more than half an ulp.  Floats: the same in plain doubles, with fewer terms.
 * tools/elem_coefficients_trig.py computed all constants. */
#ifndef ALP_INTERP_ELEM_ARC_H
#define ALP_INTERP_ELEM_ARC_H

#include "interp/elem/elem_trig.h"

#define ELEM_TAN_PI_8 0x1.a8p-2         /* a little less will do */

/* base + x, a base of 0 or at least as large as x, rounded. */
ELEM double elem_arc_sum(ElemPair base, ElemPair x)
{
    double s = base.hi + x.hi;
    return s + (((base.hi - s) + x.hi) + (x.lo + base.lo));
}

/* atan(y/x) for y >= 0 and x >= 0 of moderate size (below 2^1000, and not so small that products underflow where that matters);
 * pi minus that, if x is to count as negative.  u must not be 0. */
ELEM double elem_arc_angle(double y, double x, bool negative)
{
    bool steep = y > x;
    double u = ELEM_CHOOSE(steep, y, x), v = ELEM_CHOOSE(steep, x, y);
    bool middle = v > ELEM_TAN_PI_8 * u;
    ElemPair sum = elem_fast_two_sum(u, v), difference = elem_fast_two_sum(u, -v);
    double n = ELEM_CHOOSE(middle, -difference.hi, v), n_lo = ELEM_CHOOSE(middle, -difference.lo, 0);
    double d = ELEM_CHOOSE(middle, sum.hi, u), d_lo = ELEM_CHOOSE(middle, sum.lo, 0);
    double inverse = 1 / d, t = n * inverse, remainder = elem_fma(-t, d, n) + elem_fma(-t, d_lo, n_lo), t_lo = remainder * inverse;

    const ElemPair c0 = { -0x1.5555555555554p-2, -0x1.1946545464f4ep-56 };
    const double c1 = 0x1.999999999964ap-3;
    double z = t * t, z_lo = elem_fma(t + t, t_lo, elem_fma(t, t, -z)), p = 0x1.f1cde89ff350cp-7;
    p = elem_fma(p, z, -0x1.1230d8d14a9e5p-5);
    p = elem_fma(p, z, 0x1.70ea3215c457cp-5);
    p = elem_fma(p, z, -0x1.ab7cb734f0869p-5);
    p = elem_fma(p, z, 0x1.e171dfe4b9bfdp-5);
    p = elem_fma(p, z, -0x1.110c71226ef74p-4);
    p = elem_fma(p, z, 0x1.3b136e10ad043p-4);
    p = elem_fma(p, z, -0x1.745d14b8778f7p-4);
    p = elem_fma(p, z, 0x1.c71c71b741feap-4);
    p = elem_fma(p, z, -0x1.24924924755eep-3);
    p *= z * z;
    double w = elem_fma(z, c1, p), w_lo = elem_fma(z_lo, c1, elem_fma(z, c1, -w) + p);
    ElemPair quotient = { t, t_lo }, square = { z, z_lo }, rest = { w, w_lo }, a = elem_trig_odd(quotient, square, c0, rest);

    uint64_t reversed = (uint64_t)steep ^ (uint64_t)negative;
    a.hi = elem_flip(a.hi, reversed);
    a.lo = elem_flip(a.lo, reversed);
    double eighths = ELEM_CHOOSE(middle, ELEM_CHOOSE(negative, 3.0, 1.0), ELEM_CHOOSE(steep, 2.0, ELEM_CHOOSE(negative, 4.0, 0.0)));
    double base = eighths * (ELEM_PI_1 / 4);
    ElemPair multiple = { base, elem_fma(eighths, ELEM_PI_2 / 4, elem_fma(eighths, ELEM_PI_1 / 4, -base)) };
    /* t alone: rounded once, though t_lo may be below the least double. */
    return ELEM_CHOOSE(t < 0x1p-60 && base == 0, elem_fma(remainder, inverse, t), elem_arc_sum(multiple, a));
}

ELEM double elem_atan(double x)
{
    double y = elem_abs(x);
    y = ELEM_CHOOSE(y > 0x1p100, 0x1p100, y);
    return elem_flip(elem_arc_angle(y, 1, false), elem_bits(x) >> 63);
}

ELEM double elem_atan2(double y, double x)
{
    double ay = elem_abs(y), ax = elem_abs(x), u = ELEM_CHOOSE(ay > ax, ay, ax);
    bool infinite = u > ELEM_MAX;
    double scale = ELEM_CHOOSE(u < 0x1p480, 0x1p520, ELEM_CHOOSE(u > 0x1p1000, 0x1p-60, 1.0));     /* so that products keep all bits */
    ay = ELEM_CHOOSE(infinite, ELEM_CHOOSE(ay > ELEM_MAX, 1.0, 0.0), ay * scale);
    ax = ELEM_CHOOSE(infinite, ELEM_CHOOSE(ax > ELEM_MAX, 1.0, 0.0), ax * scale);
    bool negative = elem_bits(x) >> 63;
    ax = ELEM_CHOOSE(u == 0, 1.0, ax);
    double r = elem_flip(elem_arc_angle(ay, ax, negative), elem_bits(y) >> 63);
    return ELEM_CHOOSE(elem_isnan(x) || elem_isnan(y), x + y, r);
}

/* As elem_arc_angle, for floats. */
ELEM double elem_arc_anglef(double y, double x, bool negative)
{
    bool steep = y > x;
    double u = ELEM_CHOOSE(steep, y, x), v = ELEM_CHOOSE(steep, x, y);
    bool middle = v > ELEM_TAN_PI_8 * u;
    double t = ELEM_CHOOSE(middle, v - u, v) / ELEM_CHOOSE(middle, u + v, u), z = t * t, p = 0x1.849e9a021458dp-5;
    p = elem_fma(p, z, -0x1.5b2f5a78405d0p-4);
    p = elem_fma(p, z, 0x1.c463da480b027p-4);
    p = elem_fma(p, z, -0x1.247ed90208917p-3);
    p = elem_fma(p, z, 0x1.9999189564e90p-3);
    p = elem_fma(p, z, -0x1.555554c5f53cfp-2);
    double a = elem_flip(elem_fma(t * z, p, t), (uint64_t)steep ^ (uint64_t)negative);
    double eighths = ELEM_CHOOSE(middle, ELEM_CHOOSE(negative, 3.0, 1.0), ELEM_CHOOSE(steep, 2.0, ELEM_CHOOSE(negative, 4.0, 0.0)));
    return elem_fma(eighths, ELEM_PI_1 / 4, a);
}

ELEM float elem_atanf(float x)
{
    double y = elem_absf(x);
    y = ELEM_CHOOSE(y > 0x1p100, 0x1p100, y);
    return (float)elem_flip(elem_arc_anglef(y, 1, false), elem_bits(x) >> 63);
}

ELEM float elem_atan2f(float y, float x)
{
    double ay = elem_absf(y), ax = elem_absf(x), u = ELEM_CHOOSE(ay > ax, ay, ax);
    bool infinite = u > ELEM_MAX;
    ay = ELEM_CHOOSE(infinite, ELEM_CHOOSE(ay > ELEM_MAX, 1.0, 0.0), ay);
    ax = ELEM_CHOOSE(infinite, ELEM_CHOOSE(ax > ELEM_MAX, 1.0, 0.0), ELEM_CHOOSE(u == 0, 1.0, ax));
    bool negative = elem_bitsf(x) >> 31;
    double r = elem_flip(elem_arc_anglef(ay, ax, negative), elem_bits(y) >> 63);
    return ELEM_CHOOSE(elem_isnanf(x) || elem_isnanf(y), x + y, (float)r);
}

/* asin(t) for t = ax, if ax <= 1/2, and of sqrt((1 - ax)/2) otherwise. */
ELEM ElemPair elem_arc_sine(double ax)
{
    bool large = ax > 0.5;
    double half = (1 - ax) * 0.5, root = elem_sqrt(half);
    double root_lo = ELEM_CHOOSE(half == 0, 0.0, elem_fma(-root, root, half) * (0.5 / root));
    double t = ELEM_CHOOSE(large, root, ax), t_lo = ELEM_CHOOSE(large, root_lo, 0.0);
    double square = ax * ax, z = ELEM_CHOOSE(large, half, square), z_lo = ELEM_CHOOSE(large, 0.0, elem_fma(ax, ax, -square));

    const ElemPair c0 = { 0x1.5555555555553p-3, -0x1.7017b1ed40d2ap-58 };
    double p = 0x1.139e031353e47p-5;
    p = elem_fma(p, z, -0x1.ac75aff99c892p-6);
    p = elem_fma(p, z, 0x1.96c73fdd6ef00p-6);
    p = elem_fma(p, z, 0x1.654270ad61a3fp-11);
    p = elem_fma(p, z, 0x1.48025fa59aecap-7);
    p = elem_fma(p, z, 0x1.36c458a6f5d6ep-7);
    p = elem_fma(p, z, 0x1.7ba406b660f11p-7);
    p = elem_fma(p, z, 0x1.c980e4e7a686fp-7);
    p = elem_fma(p, z, 0x1.1c4f855b79423p-6);
    p = elem_fma(p, z, 0x1.6e8b9af2c34ecp-6);
    p = elem_fma(p, z, 0x1.f1c71ca835bc9p-6);
    p = elem_fma(p, z, 0x1.6db6db6d48b8dp-5);
    p = elem_fma(p, z, 0x1.3333333333a3bp-4);
    ElemPair argument = { t, t_lo }, zz = { z, z_lo }, rest = { z * p, 0 };
    return elem_trig_odd(argument, zz, c0, rest);
}

ELEM double elem_asin(double x)
{
    double ax = elem_abs(x), factor = ELEM_CHOOSE(ax > 0.5, -2.0, 1.0);
    ElemPair a = elem_arc_sine(ax), scaled = { factor * a.hi, factor * a.lo };
    ElemPair base = { ELEM_CHOOSE(ax > 0.5, ELEM_PI_1 / 2, 0.0), ELEM_CHOOSE(ax > 0.5, ELEM_PI_2 / 2, 0.0) };
    return elem_flip(elem_arc_sum(base, scaled), elem_bits(x) >> 63);
}

ELEM double elem_acos(double x)
{
    double ax = elem_abs(x);
    bool large = ax > 0.5, negative = x < 0;
    double factor = ELEM_CHOOSE(large, ELEM_CHOOSE(negative, -2.0, 2.0), ELEM_CHOOSE(negative, 1.0, -1.0));
    double multiple = ELEM_CHOOSE(large, ELEM_CHOOSE(negative, 1.0, 0.0), 0.5);
    ElemPair a = elem_arc_sine(ax), scaled = { factor * a.hi, factor * a.lo }, base = { multiple * ELEM_PI_1, multiple * ELEM_PI_2 };
    return elem_arc_sum(base, scaled);
}

/* As elem_arc_sine, for floats. */
ELEM double elem_arc_sinef(double ax)
{
    bool large = ax > 0.5;
    double half = (1 - ax) * 0.5, z = ELEM_CHOOSE(large, half, ax * ax), t = ELEM_CHOOSE(large, elem_sqrt(half), ax);
    double p = 0x1.1bd287470b8ecp-5;
    p = elem_fma(p, z, 0x1.ec24aef38b444p-8);
    p = elem_fma(p, z, 0x1.931f96789d7aap-6);
    p = elem_fma(p, z, 0x1.ed5d184f06355p-6);
    p = elem_fma(p, z, 0x1.6ddabfe1c0442p-5);
    p = elem_fma(p, z, 0x1.3332aa066d295p-4);
    p = elem_fma(p, z, 0x1.55555605cc70ap-3);
    return elem_fma(t * z, p, t);
}

ELEM float elem_asinf(float x)
{
    double ax = elem_absf(x), a = elem_arc_sinef(ax);
    double r = ELEM_CHOOSE(ax > 0.5, ELEM_PI_1 / 2 - 2 * a, a);
    return (float)elem_flip(r, elem_bits(x) >> 63);
}

ELEM float elem_acosf(float x)
{
    double ax = elem_absf(x), a = elem_arc_sinef(ax);
    bool negative = x < 0;
    double large = ELEM_CHOOSE(negative, ELEM_PI_1 - 2 * a, 2 * a), small = ELEM_PI_1 / 2 + ELEM_CHOOSE(negative, a, -a);
    return (float)ELEM_CHOOSE(ax > 0.5, large, small);
}

#endif
