/* interp/math_special.c — gamma functions, vector length and exact summation with CPython's results. */
#include "interp/math_special.h"

#include <errno.h>
#include <math.h>

/* ---- gamma ----------------------------------------------------------------------------------------------------------------- */

/* Lanczos' approximation, with the rational form and coefficients of the Boost library (N = 13):
 *   gamma(x) = sum(x) * (x + g - 0.5)**(x - 0.5) / exp(x + g - 0.5). */
#define LANCZOS_N 13
static const double lanczos_g = 6.024680040776729583740234375;
static const double lanczos_num[LANCZOS_N] = {
    23531376880.410759688572007674451636754734846804940, 42919803642.649098768957899047001988850926355848959,
    35711959237.355668049440185451547166705960488635843, 17921034426.037209699919755754458931112671403265390,
    6039542586.3520280050642916443072979210699388420708, 1439720407.3117216736632230727949123939715485786372,
    248874557.86205415651146038641322942321632125127801, 31426415.585400194380614231628318205362874684987640,
    2876370.6289353724412254090516208496135991145378768, 186056.26539522349504029498971604569928220784236328,
    8071.6720023658162106380029022722506138218516325024, 210.82427775157934587250973392071336271166969580291,
    2.5066282746310002701649081771338373386264310793408,
};
static const double lanczos_den[LANCZOS_N] = {
    0, 39916800, 120543840, 150917976, 105258076, 45995730, 13339535, 2637558, 357423, 32670, 1925, 66, 1,
};

/* Horner's rule in x, or in 1/x where powers of x would grow large. */
static double lanczos_sum(double x)
{
    double num = 0, den = 0;
    for (int i = 0; i < LANCZOS_N; i++) {
        int k = x < 5.0 ? LANCZOS_N - 1 - i : i;
        num = (x < 5.0 ? num * x : num / x) + lanczos_num[k];
        den = (x < 5.0 ? den * x : den / x) + lanczos_den[k];
    }
    return num / den;
}

/* sin(pi * x), without losing digits near the integers */
static double sin_pi(double x)
{
    double y = fmod(fabs(x), 2.0), r;
    switch ((int)round(2.0 * y)) {
    case 0:     r = sin(M_PI * y); break;
    case 1:     r = cos(M_PI * (y - 0.5)); break;
    case 2:     r = sin(M_PI * (1.0 - y)); break;
    case 3:     r = -cos(M_PI * (y - 1.5)); break;
    default:    r = sin(M_PI * (y - 2.0)); break;
    }
    return copysign(1.0, x) * r;
}

double special_gamma(double x, int *err)
{
    *err = 0;
    if (isnan(x) || x == INFINITY)
        return x;
    if (isinf(x) || x == 0 || (x < 0 && x == floor(x))) {
        *err = EDOM;
        return NAN;
    }
    double abs_x = fabs(x), g_half = lanczos_g - 0.5;
    if (x == floor(x) && x <= 23) {
        double r = 1;                   /* (x - 1)! is exact up to 22! */
        for (int k = 2; k < (int)x; k++)
            r *= k;
        return r;
    }
    if (abs_x < 1e-20) {
        double r = 1.0 / x;
        *err = isinf(r) ? ERANGE : 0;
        return r;
    }
    if (abs_x > 200.0) {
        if (x < 0)
            return 0.0 / sin_pi(x);
        *err = ERANGE;
        return INFINITY;
    }
    double y = abs_x + g_half, z, r;
    /* z: what rounding took from y, relative, and scaled for the correction below */
    z = abs_x > g_half ? (y - abs_x) - g_half : (y - g_half) - abs_x;
    z = z * lanczos_g / y;
    double root = abs_x < 140.0 ? 0 : pow(y, abs_x / 2.0 - 0.25);      /* the power itself would overflow */
    if (x < 0) {
        r = -M_PI / sin_pi(abs_x) / abs_x * exp(y) / lanczos_sum(abs_x);
        r -= z * r;
        r = abs_x < 140.0 ? r / pow(y, abs_x - 0.5) : r / root / root;
    } else {
        r = lanczos_sum(abs_x) / exp(y);
        r += z * r;
        r = abs_x < 140.0 ? r * pow(y, abs_x - 0.5) : r * root * root;
    }
    *err = isinf(r) ? ERANGE : 0;
    return r;
}

double special_lgamma(double x, int *err)
{
    static const double log_pi = 1.144729885849400174143427351353058711647;
    *err = 0;
    if (!isfinite(x))
        return isnan(x) ? x : INFINITY;
    if (x == floor(x) && x <= 2.0) {
        *err = x <= 0 ? EDOM : 0;
        return x <= 0 ? INFINITY : 0.0;
    }
    double abs_x = fabs(x);
    if (abs_x < 1e-20)
        return -log(abs_x);
    double r = log(lanczos_sum(abs_x)) - lanczos_g;
    r += (abs_x - 0.5) * (log(abs_x + lanczos_g - 0.5) - 1);
    if (x < 0)
        r = log_pi - log(fabs(sin_pi(abs_x))) - log(abs_x) - r;
    *err = isinf(r) ? ERANGE : 0;
    return r;
}

/* ---- vector length ----------------------------------------------------------------------------------------------------------- */

/* sum += x; what rounding takes from the sum, which is at least as large as x, goes to `lost`. */
static void sum_add(double *sum, double x, double *lost)
{
    double old = *sum;
    *sum += x;
    *lost += (old - *sum) + x;
}

/* x as the sum of two halves of 26 bits, whose products are exact (Veltkamp). */
static void split(double x, double *high, double *low)
{
    double t = x * 134217729.0;         /* 2**27 + 1 */
    *high = t - (t - x);
    *low = x - *high;
}

double special_norm(double *v, size_t n)
{
    double max = 0, lost1 = 0, lost2 = 0, lost3 = 0, high, low;
    int nan = 0, exp;
    for (size_t i = 0; i < n; i++) {
        v[i] = fabs(v[i]);
        nan |= isnan(v[i]);
        max = v[i] > max ? v[i] : max;
    }
    if (isinf(max))
        return max;
    if (nan)
        return NAN;
    if (max == 0 || n <= 1)
        return max;
    double sum = 1.0;                   /* terms are below 1 */
    frexp(max, &exp);
    if (exp < -1023) {                  /* 2**-exp is no double: scale by max itself */
        for (size_t i = 0; i < n; i++)
            sum_add(&sum, (v[i] / max) * (v[i] / max), &lost1);
        return max * sqrt(sum - 1.0 + lost1);
    }
    double scale = ldexp(1.0, -exp);
    for (size_t i = 0; i < n; i++) {
        split(v[i] * scale, &high, &low);
        sum_add(&sum, high * high, &lost1);
        sum_add(&sum, 2.0 * high * low, &lost2);
        lost3 += low * low;
    }
    /* One step of Newton's method on the root, with the square taken from the sum exactly. */
    double h = sqrt(sum - 1.0 + (lost1 + lost2 + lost3));
    split(h, &high, &low);
    sum_add(&sum, -high * high, &lost1);
    sum_add(&sum, -2.0 * high * low, &lost2);
    sum_add(&sum, -low * low, &lost3);
    double rest = sum - 1.0 + (lost1 + lost2 + lost3);
    return (h + rest / (2.0 * h)) / scale;
}

/* ---- exact sums ---------------------------------------------------------------------------------------------------------------- */

void exact_sum_init(ExactSum *s)
{
    s->n = 0;
    s->special = s->infinite = 0;
}

/* x + y exactly: the rounded sum, and what is missing from it. */
static double two_sum(double x, double y, double *missing)
{
    if (fabs(x) < fabs(y)) {
        double t = x;
        x = y;
        y = t;
    }
    double sum = x + y;
    *missing = y - (sum - x);
    return sum;
}

int exact_sum_add(ExactSum *s, double x)
{
    double given = x, missing;
    size_t kept = 0;
    for (size_t k = 0; k < s->n; k++) {
        x = two_sum(x, s->part[k], &missing);
        if (missing != 0)
            s->part[kept++] = missing;
    }
    s->n = kept;
    if (isfinite(x)) {
        if (x != 0)
            s->part[s->n++] = x;
        return 1;
    }
    if (isfinite(given))
        return 0;
    if (isinf(given))
        s->infinite += given;
    s->special += given;
    s->n = 0;
    return 1;
}

double exact_sum_round(const ExactSum *s)
{
    size_t n = s->n;
    double sum = 0, missing = 0;
    if (n > 0)
        sum = s->part[--n];
    while (n > 0 && missing == 0)
        sum = two_sum(sum, s->part[--n], &missing);
    /* `missing` may be half a unit of the last place: then parts below it decide the direction. */
    if (n > 0 && missing != 0 && (missing < 0) == (s->part[n - 1] < 0)) {
        double twice = missing * 2.0, up = sum + twice;
        if (up - sum == twice)
            sum = up;
    }
    return sum;
}
