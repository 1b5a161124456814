/* tests/elem/test_elem.c — alpy's own elementary functions against MPFR: errors in ulp, special values, and the same bits at all levels.
 *
 *     test_elem [SCALE [FUNCTION …]]
 *
 * takes SCALE times the usual 2^18 arguments (2^14 at levels other than the best, and to compare whole arrays with single calls), of all functions or those named.  Arguments are drawn
 * from all bit patterns, and from the row's regions: uniformly, and close to their ends.  rows_*.h list the functions. */
#include <math.h>
#include <mpfr.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "interp/elem/elem.h"
#include "interp/elem/elem_level.h"

/* An interval of arguments; of functions of two operands, x and y in the intervals. */
typedef struct Region { double x_lo, x_hi, y_lo, y_hi; } Region;

typedef int Exact1(mpfr_t r, const mpfr_t x, mpfr_rnd_t rnd);
typedef int Exact2(mpfr_t r, const mpfr_t x, const mpfr_t y, mpfr_rnd_t rnd);

typedef struct Check {
    const char *name;
    int         operands;
    double    (*f1)(double), (*f2)(double, double);
    float     (*f1f)(float), (*f2f)(float, float);
    void      (*n1)(const double *, double *, int64_t), (*n2)(const double *, const double *, double *, int64_t);
    void      (*n1f)(const float *, float *, int64_t), (*n2f)(const float *, const float *, float *, int64_t);
    size_t      one, one_f;             /* members of ElemLevel */
    Exact1     *exact1;
    Exact2     *exact2;
    double      ulp, ulp_f;             /* bounds claimed */
    int         speed;                  /* arguments are divided by it: for slow functions of MPFR */
    Region      region[12];
} Check;

/* Special values: f(x) or f(x, y) is r exactly, signs of zeros included; a NaN is any NaN.  In float too, if all three are floats. */
typedef struct Special { const char *name; double x, y, r; } Special;

/* Functions that MPFR lacks. */
#define ELEM_ROWS_FUNCTIONS
#include "tests/elem/rows_exp.h"
#include "tests/elem/rows_trig.h"
#undef ELEM_ROWS_FUNCTIONS

/* In rows_*.h: ROW_1(name, Exact1, bound, bound of float, speed, { region }, …), ROW_2 likewise; SPECIAL_1(name, x, r), SPECIAL_2(name, x, y, r). */
static const Check checks[] = {
#define ROW_1(name_, exact, ulp_, ulpf_, speed_, ...) \
    { .name = #name_, .operands = 1, .f1 = elem_##name_, .f1f = elem_##name_##f, .n1 = elem_##name_##_n, .n1f = elem_##name_##f_n, \
      .one = offsetof(ElemLevel, name_), .one_f = offsetof(ElemLevel, name_##f), .exact1 = exact, .ulp = ulp_, .ulp_f = ulpf_, .speed = speed_, \
      .region = { __VA_ARGS__ } },
#define ROW_2(name_, exact, ulp_, ulpf_, speed_, ...) \
    { .name = #name_, .operands = 2, .f2 = elem_##name_, .f2f = elem_##name_##f, .n2 = elem_##name_##_n, .n2f = elem_##name_##f_n, \
      .one = offsetof(ElemLevel, name_), .one_f = offsetof(ElemLevel, name_##f), .exact2 = exact, .ulp = ulp_, .ulp_f = ulpf_, .speed = speed_, \
      .region = { __VA_ARGS__ } },
#define SPECIAL_1(name, x, r)
#define SPECIAL_2(name, x, y, r)
#include "tests/elem/rows_exp.h"
#include "tests/elem/rows_trig.h"
#undef ROW_1
#undef ROW_2
#undef SPECIAL_1
#undef SPECIAL_2
    { 0 }
};

static const Special specials[] = {
#define ROW_1(...)
#define ROW_2(...)
#define SPECIAL_1(name, x, r) { #name, x, 0, r },
#define SPECIAL_2(name, x, y, r) { #name, x, y, r },
#include "tests/elem/rows_exp.h"
#include "tests/elem/rows_trig.h"
    { 0 }
};

enum { PRECISION = 160, BLOCK = 61 };   /* BLOCK: odd, so that vector loops have a remainder */

static const ElemLevel *levels[ELEM_LEVELS_MAX];
static int n_levels, n_wrong;
static mpfr_t mx, my, mr, md;

static uint64_t random_bits(void)
{
    static uint64_t s[2] = { 0x9e3779b97f4a7c15, 0xbf58476d1ce4e5b9 };    /* xorshift128+ (Vigna 2014) */
    uint64_t a = s[0], b = s[1];
    s[0] = b;
    a ^= a << 23;
    s[1] = a ^ b ^ (a >> 17) ^ (b >> 26);
    return s[1] + b;
}

static double random_unit(void)
{
    return (double)(random_bits() >> 11) * 0x1p-53;
}

/* From all doubles or floats, from an interval, or near its ends and at them. */
static double random_between(double lo, double hi, bool is_float)
{
    if (!(lo < hi)) {
        uint64_t u = random_bits();
        if (!is_float) {
            double x;
            memcpy(&x, &u, sizeof x);
            return x;
        }
        float x;
        memcpy(&x, &u, sizeof x);
        return (double)x;
    }
    uint64_t kind = random_bits() % 8;
    double end = kind % 2 ? hi : lo, x = lo + random_unit() * (hi - lo);
    if (kind < 2)           /* towards the end in all binades */
        x = end + (x - end) * ldexp(1, -(int)(random_bits() % 60));
    else if (kind == 2)
        x = end;
    return is_float ? (double)(float)x : x;
}

static bool same(double a, double b)
{
    return isnan(a) ? isnan(b) : a == b && signbit(a) == signbit(b);
}

static void wrong(const Check *c, bool is_float, const char *what, double x, double y, double r, double other)
{
    if (++n_wrong > 40)
        return;
    if (c->operands == 1)
        printf("%s%s(%a = %.17g): %s: %a, %a\n", c->name, is_float ? "f" : "", x, x, what, r, other);
    else
        printf("%s%s(%a, %a = %.17g, %.17g): %s: %a, %a\n", c->name, is_float ? "f" : "", x, y, x, y, what, r, other);
}

static double call(const Check *c, bool is_float, double x, double y)
{
    if (is_float)
        return c->operands == 1 ? (double)c->f1f((float)x) : (double)c->f2f((float)x, (float)y);
    return c->operands == 1 ? c->f1(x) : c->f2(x, y);
}

static double call_level(const Check *c, const ElemLevel *level, bool is_float, double x, double y)
{
    const char *at = (const char *)level + (is_float ? c->one_f : c->one);
    if (is_float)
        return c->operands == 1 ? (double)(*(float (*const *)(float))at)((float)x) : (double)(*(float (*const *)(float, float))at)((float)x, (float)y);
    return c->operands == 1 ? (*(double (*const *)(double))at)(x) : (*(double (*const *)(double, double))at)(x, y);
}

/* |r - the true value| in ulp of the nearest double or float; 0 where the result is right as it is. */
static double error(const Check *c, bool is_float, double x, double y, double r, double *nearest)
{
    const int digits = is_float ? 24 : 53, least = is_float ? -149 : -1074;
    mpfr_set_d(mx, x, MPFR_RNDN);
    mpfr_set_d(my, y, MPFR_RNDN);
    if (c->operands == 1)
        c->exact1(mr, mx, MPFR_RNDN);
    else
        c->exact2(mr, mx, my, MPFR_RNDN);
    *nearest = is_float ? (double)mpfr_get_flt(mr, MPFR_RNDN) : mpfr_get_d(mr, MPFR_RNDN);
    if (isnan(*nearest) || isnan(r) || isinf(*nearest) || isinf(r)) {
        if (same(*nearest, r))
            return 0;
        /* Infinity instead of a finite number, or the reverse: only where the true value is next to the range's end. */
        double top = is_float ? 0x1.fffffep127 : 0x1.fffffffffffffp1023;
        return isinf(*nearest) && fabs(r) == top && signbit(r) == signbit(*nearest) && mpfr_number_p(mr) && mpfr_get_exp(mr) <= (is_float ? 129 : 1025) ? 1
             : isinf(r) && fabs(*nearest) == top && signbit(r) == signbit(*nearest) ? 1 : INFINITY;
    }
    if (r == 0 && *nearest == 0)
        return signbit(r) == signbit(*nearest) ? 0 : INFINITY;
    if (r == *nearest && mpfr_cmp_d(mr, r) == 0)
        return 0;
    mpfr_sub_d(md, mr, r, MPFR_RNDN);
    int e = mpfr_zero_p(mr) ? least : (int)mpfr_get_exp(mr) - digits;
    mpfr_mul_2si(md, md, -(e < least ? least : e), MPFR_RNDN);
    return fabs(mpfr_get_d(md, MPFR_RNDN));
}

static void draw(const Check *c, bool is_float, double *x, double *y)
{
    int n = 0;
    while (n < 12 && (c->region[n].x_lo != c->region[n].x_hi || c->region[n].y_lo != c->region[n].y_hi))
        n++;
    const Region all = { 0 }, *r = n == 0 || random_bits() % 4 == 0 ? &all : &c->region[random_bits() % (uint64_t)n];
    *x = random_between(r->x_lo, r->x_hi, is_float);
    *y = c->operands == 2 ? random_between(r->y_lo, r->y_hi, is_float) : 0;
}

static void check_errors(const Check *c, bool is_float, double scale)
{
    const double bound = is_float ? c->ulp_f : c->ulp;
    int64_t n = (int64_t)(scale * 0x1p18 / c->speed), n_nearest = 0;
    double worst = 0, worst_x = 0, worst_y = 0;
    for (int64_t i = 0; i < n; i++) {
        double x, y, nearest;
        draw(c, is_float, &x, &y);
        double r = call(c, is_float, x, y), e = error(c, is_float, x, y, r, &nearest);
        n_nearest += same(r, nearest);
        if (e > worst) {
            worst = e;
            worst_x = x;
            worst_y = y;
        }
        if (!(e <= bound))
            wrong(c, is_float, "is not the true value rounded", x, y, r, nearest);
    }
    printf("%-11s %7.5f ulp <= %5.3f, %8.4f %% nearest; worst at %a", is_float ? "  float" : c->name, worst, bound, 100 * (double)n_nearest / (double)n, worst_x);
    printf(c->operands == 2 ? ", %a\n" : "\n", worst_y);
}

/* The same bits at every level, and of arrays, of all lengths up to BLOCK, in place too. */
static void check_levels(const Check *c, bool is_float, double scale)
{
    for (int64_t i = 0; i < (int64_t)(scale * 0x1p14); i += BLOCK) {
        double x[BLOCK], y[BLOCK], r[BLOCK];
        float xf[BLOCK], yf[BLOCK], rf[BLOCK];
        int n = (int)(i / BLOCK % BLOCK) + 1;
        for (int k = 0; k < n; k++) {
            draw(c, is_float, &x[k], &y[k]);
            xf[k] = rf[k] = (float)x[k];
            yf[k] = (float)y[k];
            r[k] = x[k];
            double one = call(c, is_float, x[k], y[k]);
            for (int l = 0; l < n_levels; l++) {
                double other = call_level(c, levels[l], is_float, x[k], y[k]);
                if (!same(one, other))
                    wrong(c, is_float, levels[l]->name, x[k], y[k], one, other);
            }
        }
        if (is_float && c->operands == 1)
            c->n1f(i % 2 ? rf : xf, rf, n);
        else if (is_float)
            c->n2f(i % 2 ? rf : xf, yf, rf, n);
        else if (c->operands == 1)
            c->n1(i % 2 ? r : x, r, n);
        else
            c->n2(i % 2 ? r : x, y, r, n);
        for (int k = 0; k < n; k++) {
            double one = call(c, is_float, x[k], y[k]), other = is_float ? (double)rf[k] : r[k];
            if (!same(one, other))
                wrong(c, is_float, "single and in an array", x[k], y[k], one, other);
        }
    }
}

static void check_specials(const Check *c)
{
    for (const Special *s = specials; s->name; s++) {
        if (strcmp(s->name, c->name) != 0)
            continue;
        bool in_float = same((double)(float)s->x, s->x) && same((double)(float)s->y, s->y) && same((double)(float)s->r, s->r);
        for (int is_float = 0; is_float <= in_float; is_float++) {
            double r = call(c, is_float, s->x, s->y);
            if (!same(r, s->r))
                wrong(c, is_float, "special value", s->x, s->y, r, s->r);
        }
    }
}

static bool is_wanted(const char *name, int argc, char **argv)
{
    for (int i = 2; i < argc; i++)
        if (strcmp(argv[i], name) == 0)
            return true;
    return argc <= 2;
}

int main(int argc, char **argv)
{
    const double scale = argc > 1 ? atof(argv[1]) : 1;
    n_levels = elem_levels(levels);
    mpfr_inits2(PRECISION, mx, my, mr, md, (mpfr_ptr)0);
    for (const Check *c = checks; c->name; c++)
        if (is_wanted(c->name, argc, argv)) {
            check_specials(c);
            for (int is_float = 0; is_float < 2; is_float++) {
                check_errors(c, is_float, scale);
                check_levels(c, is_float, scale);
            }
            fflush(stdout);
        }
    mpfr_clears(mx, my, mr, md, (mpfr_ptr)0);
    mpfr_free_cache();
    if (n_wrong)
        printf("%d wrong\n", n_wrong);
    return n_wrong > 0;
}
