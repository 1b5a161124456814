/* tests/elem/test_angles.c — sin, cos, tan of the doubles and floats that come nearest to multiples of pi/2, against MPFR.
 *
 * Near such a multiple, what remains of an argument modulo pi/2 is small, and whatever the reduction lost weighs most.  Random arguments
 * hardly ever come near.  Of all numbers m 2^e with integers m below 2^53 (2^24) those are the nearest whose m 2^e 2/pi is nearest to an integer:
 * m is a denominator of a convergent of the continued fraction of 2^e 2/pi (Muller, Elementary Functions, chapter on range reduction). */
#include <math.h>
#include <mpfr.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "interp/elem/elem.h"

enum { PRECISION = 1400, RESULT_PRECISION = 160 };      /* of 2^e 2/pi: its integer part may have 970 bits */

static const struct Function {
    const char *name;
    double    (*f)(double);
    float     (*ff)(float);
    int       (*exact)(mpfr_t, const mpfr_t, mpfr_rnd_t);
} functions[] = {
    { "sin", elem_sin, elem_sinf, mpfr_sin },
    { "cos", elem_cos, elem_cosf, mpfr_cos },
    { "tan", elem_tan, elem_tanf, mpfr_tan },
};

static int n_wrong;
static long n_checked;
static double worst[2];

static void check(double x, bool is_float)
{
    mpfr_t mx, mr;
    mpfr_init2(mx, 53);
    mpfr_init2(mr, RESULT_PRECISION);
    mpfr_set_d(mx, x, MPFR_RNDN);
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        const struct Function *f = &functions[i];
        double r = is_float ? (double)f->ff((float)x) : f->f(x);
        f->exact(mr, mx, MPFR_RNDN);
        mpfr_exp_t exponent = mpfr_get_exp(mr);
        mpfr_sub_d(mr, mr, r, MPFR_RNDN);
        mpfr_mul_2si(mr, mr, (is_float ? 24 : 53) - exponent, MPFR_RNDN);
        double error = fabs(mpfr_get_d(mr, MPFR_RNDN));
        worst[is_float] = fmax(worst[is_float], error);
        n_checked++;
        if (!(error <= (is_float ? 0.501 : 0.51)) && ++n_wrong <= 20)
            printf("%s%s(%a) = %a: %.3f ulp\n", f->name, is_float ? "f" : "", x, r, error);
    }
    mpfr_clears(mx, mr, (mpfr_ptr)0);
}

/* m 2^e and its neighbours, and what is twice and four times as far from a multiple. */
static void check_near(uint64_t m, int e, bool is_float)
{
    for (int twice = 0; twice < 3; twice++) {
        double x = ldexp((double)m, e + twice), below = x, above = x;
        for (int i = 0; i < 3 && isfinite(above) && !(is_float && above > 0x1.fffffep127); i++) {
            check(below, is_float);
            check(above, is_float);
            below = is_float ? (double)nextafterf((float)below, 0) : nextafter(below, 0);
            above = is_float ? (double)nextafterf((float)above, INFINITY) : nextafter(above, INFINITY);
        }
    }
}

int main(void)
{
    mpfr_t x, q;
    mpfr_init2(x, PRECISION);
    mpfr_init2(q, PRECISION);
    for (int is_float = 0; is_float < 2; is_float++) {
        const uint64_t end = is_float ? UINT64_C(1) << 24 : UINT64_C(1) << 53;
        for (int e = is_float ? -24 : -53; e <= (is_float ? 104 : 971); e++) {
            mpfr_const_pi(x, MPFR_RNDN);
            mpfr_ui_div(x, 2, x, MPFR_RNDN);
            mpfr_mul_2si(x, x, e, MPFR_RNDN);
            mpfr_frac(x, x, MPFR_RNDZ);
            for (uint64_t before = 0, m = 1;;) {        /* denominators of the convergents, x being the fraction that is still to be expanded */
                mpfr_ui_div(x, 1, x, MPFR_RNDN);
                mpfr_floor(q, x);
                mpfr_sub(x, x, q, MPFR_RNDN);
                if (mpfr_cmp_ui(q, end) >= 0)
                    break;
                uint64_t next;
                if (__builtin_mul_overflow(mpfr_get_ui(q, MPFR_RNDN), m, &next) || __builtin_add_overflow(next, before, &next) || next >= end)
                    break;
                before = m;
                m = next;
                if (m >= end >> 12)
                    check_near(m, e, is_float);
            }
        }
    }
    mpfr_clears(x, q, (mpfr_ptr)0);
    mpfr_free_cache();
    printf("%ld results: %.5f ulp of doubles, %.5f of floats\n", n_checked, worst[0], worst[1]);
    if (n_wrong)
        printf("%d wrong\n", n_wrong);
    return n_wrong > 0;
}
