/* interp/math_special.c — vector length and exact summation with CPython's results. */
#include "interp/math_special.h"

#include <math.h>

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
