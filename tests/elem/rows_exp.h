/* tests/elem/rows_exp.h — rows of test_elem.c: exponentials, logarithms, powers, hyperbolic and special functions.  No include guard. */
#ifdef ELEM_ROWS_FUNCTIONS
/* log(base^x + base^y). */
static int log_of_sum(mpfr_t r, const mpfr_t x, const mpfr_t y, Exact1 *power, Exact1 *log)
{
    if (mpfr_nan_p(x) || mpfr_nan_p(y)) {
        mpfr_set_nan(r);
        return 0;
    }
    const mpfr_ptr larger = (mpfr_ptr)(mpfr_greater_p(x, y) ? x : y), smaller = (mpfr_ptr)(mpfr_greater_p(x, y) ? y : x);
    if (mpfr_inf_p(larger) || mpfr_inf_p(smaller))
        return mpfr_set(r, larger, MPFR_RNDN);
    mpfr_t d;
    mpfr_init2(d, 2200);
    mpfr_sub(d, smaller, larger, MPFR_RNDN);
    mpfr_prec_round(d, 400, MPFR_RNDN);
    power(d, d, MPFR_RNDN);
    if (log == mpfr_log2) {
        mpfr_t base;
        mpfr_init2(base, 400);
        mpfr_const_log2(base, MPFR_RNDN);
        mpfr_log1p(d, d, MPFR_RNDN);
        mpfr_div(d, d, base, MPFR_RNDN);
        mpfr_clear(base);
    } else {
        mpfr_log1p(d, d, MPFR_RNDN);
    }
    int inexact = mpfr_add(r, larger, d, MPFR_RNDN);
    mpfr_clear(d);
    return inexact;
}

/* NaN where they have poles. */
static int exact_gamma(mpfr_t r, const mpfr_t x, mpfr_rnd_t rnd)
{
    if (mpfr_zero_p(x)) {
        mpfr_set_nan(r);
        return 0;
    }
    return mpfr_gamma(r, x, rnd);
}

static int exact_lgamma(mpfr_t r, const mpfr_t x, mpfr_rnd_t rnd)
{
    int sign;
    if (mpfr_number_p(x) && mpfr_integer_p(x) && mpfr_sgn(x) <= 0) {
        mpfr_set_nan(r);
        return 0;
    }
    return mpfr_lgamma(r, &sign, x, rnd);
}

static int exact_logaddexp(mpfr_t r, const mpfr_t x, const mpfr_t y, mpfr_rnd_t rnd)
{
    (void)rnd;
    return log_of_sum(r, x, y, mpfr_exp, mpfr_log);
}

static int exact_logaddexp2(mpfr_t r, const mpfr_t x, const mpfr_t y, mpfr_rnd_t rnd)
{
    (void)rnd;
    return log_of_sum(r, x, y, mpfr_exp2, mpfr_log2);
}
#else
ROW_1(exp, mpfr_exp, 0.52, 0.501, 1, { -745, -708 }, { -708, 709.5 }, { -88, 88 }, { -2, 2 }, { -1e-7, 1e-7 })
ROW_1(exp2, mpfr_exp2, 0.52, 0.501, 1, { -1074, -1022 }, { -1022, 1023.5 }, { -126, 127.5 }, { -2, 2 }, { -1e-7, 1e-7 })
ROW_1(expm1, mpfr_expm1, 0.56, 0.501, 1, { -40, -1 }, { 1, 709.5 }, { 0, 88 }, { -1, 0 }, { 0, 1 }, { -1e-7, 1e-7 })
ROW_1(log, mpfr_log, 0.501, 0.501, 1, { 0, 1 }, { 0.7, 1.42 }, { 0.9999, 1.0001 }, { 0, 1e6 }, { 0, 1e-300 })
ROW_1(log2, mpfr_log2, 0.501, 0.501, 1, { 0, 1 }, { 0.7, 1.42 }, { 0.9999, 1.0001 }, { 0, 1e6 }, { 0, 1e-300 })
ROW_1(log10, mpfr_log10, 0.501, 0.501, 1, { 0, 1 }, { 0.7, 1.42 }, { 0.9999, 1.0001 }, { 0, 1e6 }, { 0, 1e-300 })
ROW_1(log1p, mpfr_log1p, 0.501, 0.501, 1, { -1, 1 }, { -0.3, 0.42 }, { -1e-5, 1e-5 }, { 0, 1e6 }, { -1, -0.9999 })
ROW_2(pow, mpfr_pow, 0.52, 0.501, 2, { 0, 10, -10, 10 }, { 0.7, 1.42, -2000, 2000 }, { 0.999, 1.001, -7e5, 7e5 }, { 0, 1e10, -0.01, 0.01 },
      { 0, 1e-300, -1, 3.6 }, { 1e10, 1e300, -25, 25 }, { 0.96, 1.04, 17000, 18500 }, { 0.96, 1.04, -18500, -17000 })
ROW_1(cbrt, mpfr_cbrt, 0.501, 0.501, 1, { -30, 30 }, { -1e-300, 1e-300 }, { 0.99, 1.01 })
ROW_2(hypot, mpfr_hypot, 0.501, 0.501, 1, { -2, 2, -2, 2 }, { -1, 1, -1e-8, 1e-8 }, { -1e-310, 1e-310, -1e-310, 1e-310 },
      { 1e300, 1.7e308, 1e300, 1.7e308 })
ROW_1(sinh, mpfr_sinh, 0.565, 0.501, 1, { -0.4, 0.4 }, { -1.1, 1.1 }, { -89.4, 89.4 }, { -711, 711 }, { -1e-7, 1e-7 })
ROW_1(cosh, mpfr_cosh, 0.525, 0.501, 1, { -0.4, 0.4 }, { -1.1, 1.1 }, { -89.4, 89.4 }, { -711, 711 }, { -1e-7, 1e-7 })
ROW_1(tanh, mpfr_tanh, 0.535, 0.501, 1, { -0.2, 0.2 }, { -1.1, 1.1 }, { -23, 23 }, { -1e-7, 1e-7 })
ROW_1(asinh, mpfr_asinh, 0.501, 0.501, 1, { -0.4, 0.4 }, { -5, 5 }, { 0, 1e9 }, { -0.001, 0.001 }, { -1e-7, 1e-7 })
ROW_1(acosh, mpfr_acosh, 0.501, 0.501, 1, { 1, 1.1 }, { 1, 5 }, { 1, 1e9 }, { 1, 1.001 })
ROW_1(atanh, mpfr_atanh, 0.501, 0.501, 1, { -0.2, 0.2 }, { -1, 1 }, { -0.001, 0.001 }, { -1e-7, 1e-7 })
ROW_1(erf, mpfr_erf, 0.85, 0.501, 4, { -1.1, 1.1 }, { -6, 6 }, { -3, 3 }, { 0.47, 0.76 }, { -1e-7, 1e-7 })
ROW_1(erfc, mpfr_erfc, 0.56, 0.501, 8, { -1.1, 1.1 }, { -6, 6 }, { 0, 10 }, { 1, 27.3 }, { 26, 27.3 })
/* CPython's algorithms are not as good as the others; lgamma's relative error grows without bound towards its zeros. */
ROW_1(gamma, exact_gamma, 12, 0.51, 32, { 0, 3 }, { 3, 171.7 }, { -20, 0 }, { -171, -160 })
ROW_1(lgamma, exact_lgamma, 1e5, 0.51, 32, { 3, 100 }, { 0, 0.5 }, { 100, 1e10 })
/* Not where the sum cancels, with the larger operand between -1 and 0. */
ROW_2(logaddexp, exact_logaddexp, 0.52, 0.501, 8, { 0, 20, 0, 20 }, { 0, 1, -700, 0 }, { -60, -1, -60, -1 },
      { 0, 1e300, 0, 1e300 }, { 5, 5.0001, 5, 5.0001 })
ROW_2(logaddexp2, exact_logaddexp2, 0.52, 0.501, 8, { 0, 20, 0, 20 }, { 0, 1, -950, 0 }, { -60, -2, -60, -2 },
      { 0, 1e300, 0, 1e300 }, { 5, 5.0001, 5, 5.0001 })

SPECIAL_1(exp, 0.0, 1.0)
SPECIAL_1(exp, -0.0, 1.0)
SPECIAL_1(exp, INFINITY, INFINITY)
SPECIAL_1(exp, -INFINITY, 0.0)
SPECIAL_1(exp, 1e300, INFINITY)
SPECIAL_1(exp, -1e300, 0.0)
SPECIAL_1(exp, NAN, NAN)
SPECIAL_1(exp2, 0.0, 1.0)
SPECIAL_1(exp2, 5.0, 32.0)
SPECIAL_1(exp2, 1023.0, 0x1p1023)
SPECIAL_1(exp2, 1024.0, INFINITY)
SPECIAL_1(exp2, -149.0, 0x1p-149)
SPECIAL_1(exp2, -1074.0, 0x1p-1074)
SPECIAL_1(exp2, -1075.0, 0.0)
SPECIAL_1(exp2, INFINITY, INFINITY)
SPECIAL_1(exp2, -INFINITY, 0.0)
SPECIAL_1(exp2, NAN, NAN)
SPECIAL_1(expm1, 0.0, 0.0)
SPECIAL_1(expm1, -0.0, -0.0)
SPECIAL_1(expm1, 0x1p-1074, 0x1p-1074)
SPECIAL_1(expm1, -0x1p-149, -0x1p-149)
SPECIAL_1(expm1, INFINITY, INFINITY)
SPECIAL_1(expm1, -INFINITY, -1.0)
SPECIAL_1(expm1, NAN, NAN)
SPECIAL_1(log, 1.0, 0.0)
SPECIAL_1(log, 0.0, -INFINITY)
SPECIAL_1(log, -0.0, -INFINITY)
SPECIAL_1(log, -1.0, NAN)
SPECIAL_1(log, -INFINITY, NAN)
SPECIAL_1(log, INFINITY, INFINITY)
SPECIAL_1(log, NAN, NAN)
SPECIAL_1(log2, 1.0, 0.0)
SPECIAL_1(log2, 8.0, 3.0)
SPECIAL_1(log2, 0x1p-149, -149.0)
SPECIAL_1(log2, 0x1p-1074, -1074.0)
SPECIAL_1(log2, 0x1p1023, 1023.0)
SPECIAL_1(log2, -0.0, -INFINITY)
SPECIAL_1(log2, -2.0, NAN)
SPECIAL_1(log2, INFINITY, INFINITY)
SPECIAL_1(log10, 1.0, 0.0)
SPECIAL_1(log10, 1000.0, 3.0)
SPECIAL_1(log10, 1e10, 10.0)
SPECIAL_1(log10, 1e22, 22.0)
SPECIAL_1(log10, 0.0, -INFINITY)
SPECIAL_1(log10, -2.0, NAN)
SPECIAL_1(log10, INFINITY, INFINITY)
SPECIAL_1(log1p, 0.0, 0.0)
SPECIAL_1(log1p, -0.0, -0.0)
SPECIAL_1(log1p, 0x1p-1074, 0x1p-1074)
SPECIAL_1(log1p, -0x1p-149, -0x1p-149)
SPECIAL_1(log1p, -1.0, -INFINITY)
SPECIAL_1(log1p, -1.5, NAN)
SPECIAL_1(log1p, -INFINITY, NAN)
SPECIAL_1(log1p, INFINITY, INFINITY)
SPECIAL_1(log1p, NAN, NAN)
SPECIAL_2(pow, 10.0, 2.0, 100.0)
SPECIAL_2(pow, 10.0, 22.0, 1e22)
SPECIAL_2(pow, 2.0, -1074.0, 0x1p-1074)
SPECIAL_2(pow, 2.0, 1023.0, 0x1p1023)
SPECIAL_2(pow, 2.0, 1024.0, INFINITY)
SPECIAL_2(pow, 0x1p-1074, 0.5, 0x1p-537)
SPECIAL_2(pow, 9.0, 0.5, 3.0)
SPECIAL_2(pow, 0.25, -1.5, 8.0)
SPECIAL_2(pow, -3.0, 3.0, -27.0)
SPECIAL_2(pow, -3.0, 4.0, 81.0)
SPECIAL_2(pow, -3.0, 0.5, NAN)
SPECIAL_2(pow, -1.0, INFINITY, 1.0)
SPECIAL_2(pow, -1.0, 0x1p60, 1.0)
SPECIAL_2(pow, -1.0, 3.0, -1.0)
SPECIAL_2(pow, 1.0, NAN, 1.0)
SPECIAL_2(pow, -1.0, NAN, NAN)
SPECIAL_2(pow, NAN, 0.0, 1.0)
SPECIAL_2(pow, NAN, 1.0, NAN)
SPECIAL_2(pow, 2.0, NAN, NAN)
SPECIAL_2(pow, 0.0, 3.0, 0.0)
SPECIAL_2(pow, -0.0, 3.0, -0.0)
SPECIAL_2(pow, -0.0, 2.0, 0.0)
SPECIAL_2(pow, 0.0, -3.0, INFINITY)
SPECIAL_2(pow, -0.0, -3.0, -INFINITY)
SPECIAL_2(pow, -0.0, -2.5, INFINITY)
SPECIAL_2(pow, -0.0, -INFINITY, INFINITY)
SPECIAL_2(pow, 0.0, INFINITY, 0.0)
SPECIAL_2(pow, 0.5, INFINITY, 0.0)
SPECIAL_2(pow, 0.5, -INFINITY, INFINITY)
SPECIAL_2(pow, 2.0, INFINITY, INFINITY)
SPECIAL_2(pow, -2.0, -INFINITY, 0.0)
SPECIAL_2(pow, INFINITY, 0.5, INFINITY)
SPECIAL_2(pow, INFINITY, -0x1p-1074, 0.0)
SPECIAL_2(pow, -INFINITY, 3.0, -INFINITY)
SPECIAL_2(pow, -INFINITY, -3.0, -0.0)
SPECIAL_2(pow, -INFINITY, 0.5, INFINITY)
SPECIAL_2(pow, INFINITY, INFINITY, INFINITY)
SPECIAL_1(sinh, 0.0, 0.0)
SPECIAL_1(sinh, -0.0, -0.0)
SPECIAL_1(sinh, 0x1p-1074, 0x1p-1074)
SPECIAL_1(sinh, -0x1p-149, -0x1p-149)
SPECIAL_1(sinh, 0x1p-126, 0x1p-126)
SPECIAL_1(sinh, NAN, NAN)
SPECIAL_1(tanh, 0.0, 0.0)
SPECIAL_1(tanh, -0.0, -0.0)
SPECIAL_1(tanh, 0x1p-1074, 0x1p-1074)
SPECIAL_1(tanh, -0x1p-149, -0x1p-149)
SPECIAL_1(tanh, 0x1p-126, 0x1p-126)
SPECIAL_1(tanh, NAN, NAN)
SPECIAL_1(asinh, 0.0, 0.0)
SPECIAL_1(asinh, -0.0, -0.0)
SPECIAL_1(asinh, 0x1p-1074, 0x1p-1074)
SPECIAL_1(asinh, -0x1p-149, -0x1p-149)
SPECIAL_1(asinh, 0x1p-126, 0x1p-126)
SPECIAL_1(asinh, NAN, NAN)
SPECIAL_1(atanh, 0.0, 0.0)
SPECIAL_1(atanh, -0.0, -0.0)
SPECIAL_1(atanh, 0x1p-1074, 0x1p-1074)
SPECIAL_1(atanh, -0x1p-149, -0x1p-149)
SPECIAL_1(atanh, 0x1p-126, 0x1p-126)
SPECIAL_1(atanh, NAN, NAN)
SPECIAL_1(cbrt, 0.0, 0.0)
SPECIAL_1(cbrt, -0.0, -0.0)
SPECIAL_1(cbrt, NAN, NAN)
SPECIAL_1(sinh, INFINITY, INFINITY)
SPECIAL_1(sinh, -INFINITY, -INFINITY)
SPECIAL_1(sinh, -1e300, -INFINITY)
SPECIAL_1(cosh, 0.0, 1.0)
SPECIAL_1(cosh, -0.0, 1.0)
SPECIAL_1(cosh, -INFINITY, INFINITY)
SPECIAL_1(cosh, 1e300, INFINITY)
SPECIAL_1(cosh, NAN, NAN)
SPECIAL_1(tanh, INFINITY, 1.0)
SPECIAL_1(tanh, -INFINITY, -1.0)
SPECIAL_1(tanh, -50.0, -1.0)
SPECIAL_1(asinh, INFINITY, INFINITY)
SPECIAL_1(asinh, -INFINITY, -INFINITY)
SPECIAL_1(acosh, 1.0, 0.0)
SPECIAL_1(acosh, 0.5, NAN)
SPECIAL_1(acosh, -INFINITY, NAN)
SPECIAL_1(acosh, INFINITY, INFINITY)
SPECIAL_1(acosh, NAN, NAN)
SPECIAL_1(atanh, 1.0, INFINITY)
SPECIAL_1(atanh, -1.0, -INFINITY)
SPECIAL_1(atanh, 1.5, NAN)
SPECIAL_1(atanh, INFINITY, NAN)
SPECIAL_1(cbrt, 27.0, 3.0)
SPECIAL_1(cbrt, -0x1p-1074, -0x1p-358)
SPECIAL_1(cbrt, 0x1p-147, 0x1p-49)
SPECIAL_1(cbrt, INFINITY, INFINITY)
SPECIAL_1(cbrt, -INFINITY, -INFINITY)
SPECIAL_2(hypot, 3.0, -4.0, 5.0)
SPECIAL_2(hypot, 0.0, -0.0, 0.0)
SPECIAL_2(hypot, -0x1p-1074, 0.0, 0x1p-1074)
SPECIAL_2(hypot, 0x3p-1074, 0x4p-1074, 0x5p-1074)
SPECIAL_2(hypot, 0x1p-149, 0.0, 0x1p-149)
SPECIAL_2(hypot, INFINITY, NAN, INFINITY)
SPECIAL_2(hypot, NAN, -INFINITY, INFINITY)
SPECIAL_2(hypot, NAN, 1.0, NAN)
SPECIAL_2(hypot, 0.0, NAN, NAN)
SPECIAL_1(erf, 0.0, 0.0)
SPECIAL_1(erf, -0.0, -0.0)
SPECIAL_1(erf, INFINITY, 1.0)
SPECIAL_1(erf, -INFINITY, -1.0)
SPECIAL_1(erf, 7.0, 1.0)
SPECIAL_1(erf, 0x1p-1074, 0x1p-1074)
SPECIAL_1(erf, -1e300, -1.0)
SPECIAL_1(erf, NAN, NAN)
SPECIAL_1(erfc, 0.0, 1.0)
SPECIAL_1(erfc, -0.0, 1.0)
SPECIAL_1(erfc, INFINITY, 0.0)
SPECIAL_1(erfc, -INFINITY, 2.0)
SPECIAL_1(erfc, 30.0, 0.0)
SPECIAL_1(erfc, -7.0, 2.0)
SPECIAL_1(erfc, NAN, NAN)
SPECIAL_2(logaddexp, INFINITY, INFINITY, INFINITY)
SPECIAL_2(logaddexp, -INFINITY, -INFINITY, -INFINITY)
SPECIAL_2(logaddexp, INFINITY, -INFINITY, INFINITY)
SPECIAL_2(logaddexp, 3.0, -INFINITY, 3.0)
SPECIAL_2(logaddexp, -INFINITY, -0.5, -0.5)
SPECIAL_2(logaddexp, NAN, 1.0, NAN)
SPECIAL_2(logaddexp, INFINITY, NAN, NAN)
SPECIAL_2(logaddexp2, 3.0, 3.0, 4.0)
SPECIAL_2(logaddexp2, 0.0, 0.0, 1.0)
SPECIAL_2(logaddexp2, -INFINITY, 2.0, 2.0)
SPECIAL_2(logaddexp2, -INFINITY, -INFINITY, -INFINITY)
SPECIAL_2(logaddexp2, NAN, 1.0, NAN)
SPECIAL_1(gamma, 1.0, 1.0)
SPECIAL_1(gamma, 5.0, 24.0)
SPECIAL_1(gamma, 23.0, 1124000727777607680000.0)
SPECIAL_1(gamma, 172.0, INFINITY)
SPECIAL_1(gamma, 0.0, NAN)
SPECIAL_1(gamma, -3.0, NAN)
SPECIAL_1(gamma, -INFINITY, NAN)
SPECIAL_1(gamma, INFINITY, INFINITY)
SPECIAL_1(gamma, NAN, NAN)
SPECIAL_1(lgamma, 1.0, 0.0)
SPECIAL_1(lgamma, 2.0, 0.0)
SPECIAL_1(lgamma, 0.0, NAN)
SPECIAL_1(lgamma, -3.0, NAN)
SPECIAL_1(lgamma, -INFINITY, INFINITY)
SPECIAL_1(lgamma, INFINITY, INFINITY)
SPECIAL_1(lgamma, NAN, NAN)
#endif
