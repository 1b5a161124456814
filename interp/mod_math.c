/* interp/mod_math.c — the module math: alpy's elementary functions (interp/elem) with CPython's errors, and integer functions. */
#include <limits.h>
#include <math.h>

#include "interp/elem/elem.h"
#include "interp/elementwise.h"
#include "interp/interp.h"
#include "interp/iter.h"
#include "interp/math_special.h"
#include "interp/ops.h"
#include "interp/seq.h"

static Value domain_error(VM *vm)
{
    return raise(vm, TY_ValueError, "math domain error");
}

static Value range_error(VM *vm)
{
    return raise(vm, TY_OverflowError, "math range error");
}

/* ---- functions of one real number --------------------------------------------------------------------------------------------- */

/* A NaN that was not put in is a domain error; so is an infinity (a pole), unless the function can overflow. */
static inline Value checked(VM *vm, double x, double r, bool can_overflow)
{
    if (UNLIKELY(!isfinite(r))) {
        if (isnan(r) && !isnan(x))
            return domain_error(vm);
        if (isinf(r) && isfinite(x))
            return can_overflow ? range_error(vm) : domain_error(vm);
    }
    return V_FLOAT(r);
}

#define REAL(name, call, can_overflow) \
static Value math_##name(VM *vm, const Args *a) \
{ \
    double x; \
    return arg_float(vm, a->v[0], &x) == ALP_OK ? checked(vm, x, call(x), can_overflow) : V_ERR; \
}
REAL(acos, elem_acos, false)    REAL(acosh, elem_acosh, false)  REAL(asin, elem_asin, false)    REAL(asinh, elem_asinh, false)
REAL(atan, elem_atan, false)    REAL(atanh, elem_atanh, false)  REAL(cbrt, elem_cbrt, false)    REAL(cos, elem_cos, false)
REAL(cosh, elem_cosh, true)     REAL(erf, elem_erf, false)      REAL(erfc, elem_erfc, false)    REAL(exp, elem_exp, true)
REAL(exp2, elem_exp2, true)     REAL(expm1, elem_expm1, true)   REAL(fabs, fabs, false)         REAL(log1p, elem_log1p, false)
REAL(log2, elem_log2, false)    REAL(log10, elem_log10, false)  REAL(sin, elem_sin, false)      REAL(sinh, elem_sinh, true)
REAL(sqrt, sqrt, false)         REAL(tan, elem_tan, false)      REAL(tanh, elem_tanh, false)
REAL(gamma, elem_gamma, true)   REAL(lgamma, elem_lgamma, true)
#undef REAL

#define PLAIN(name, box, expr) \
static Value math_##name(VM *vm, const Args *a) \
{ \
    double x; \
    return arg_float(vm, a->v[0], &x) == ALP_OK ? box(expr) : V_ERR; \
}
PLAIN(degrees, V_FLOAT, x * (180.0 / M_PI))
PLAIN(radians, V_FLOAT, x * (M_PI / 180.0))
PLAIN(isfinite, V_BOOL, isfinite(x))
PLAIN(isinf, V_BOOL, isinf(x))
PLAIN(isnan, V_BOOL, isnan(x))
#undef PLAIN

static Value math_log(VM *vm, const Args *a)
{
    double x, base;
    if (a->n_rest < 1 || a->n_rest > 2)
        return raise(vm, TY_TypeError, "math.log requires 1 to 2 arguments");
    if (arg_float(vm, a->rest[0], &x) != ALP_OK)
        return V_ERR;
    Value r = checked(vm, x, elem_log(x), false);
    if (a->n_rest == 1 || IS_ERR(r))
        return r;
    if (arg_float(vm, a->rest[1], &base) != ALP_OK)
        return V_ERR;
    Value d = checked(vm, base, elem_log(base), false);
    return IS_ERR(d) ? d : number_binary(vm, BI_Div, r, d);
}

static Value math_ulp(VM *vm, const Args *a)
{
    double x;
    if (arg_float(vm, a->v[0], &x) != ALP_OK)
        return V_ERR;
    x = fabs(x);
    if (!isfinite(x))
        return V_FLOAT(x);
    double up = nextafter(x, INFINITY);
    return V_FLOAT(isinf(up) ? x - nextafter(x, 0.0) : up - x);
}

static Value math_modf(VM *vm, const Args *a)
{
    double x, whole;
    if (arg_float(vm, a->v[0], &x) != ALP_OK)
        return V_ERR;
    double fraction = modf(x, &whole);
    return tuple_of(vm, 2, V_FLOAT(fraction), V_FLOAT(whole));
}

static Value math_frexp(VM *vm, const Args *a)
{
    double x;
    int exp = 0;
    if (arg_float(vm, a->v[0], &x) != ALP_OK)
        return V_ERR;
    if (isfinite(x))
        x = frexp(x, &exp);
    return tuple_of(vm, 2, V_FLOAT(x), V_INT(exp));
}

/* ---- functions of two and more -------------------------------------------------------------------------------------------------- */

static Status two_reals(VM *vm, const Args *a, double *x, double *y)
{
    TRY(arg_float(vm, a->v[0], x));
    return arg_float(vm, a->v[1], y);
}

#define REAL2(name, call) \
static Value math_##name(VM *vm, const Args *a) \
{ \
    double x, y; \
    if (two_reals(vm, a, &x, &y) != ALP_OK) \
        return V_ERR; \
    double r = call(x, y); \
    return isnan(r) && !isnan(x) && !isnan(y) ? domain_error(vm) : V_FLOAT(r); \
}
REAL2(atan2, elem_atan2)
REAL2(copysign, copysign)
REAL2(fmod, fmod)
REAL2(nextafter, nextafter)
REAL2(remainder, remainder)
#undef REAL2

static Value math_pow(VM *vm, const Args *a)
{
    double x, y;
    if (two_reals(vm, a, &x, &y) != ALP_OK)
        return V_ERR;
    double r = elem_pow(x, y);
    if (isfinite(x) && isfinite(y) && !isfinite(r))
        return isnan(r) || x == 0 ? domain_error(vm) : range_error(vm);
    return V_FLOAT(r);
}

static Value math_ldexp(VM *vm, const Args *a)
{
    double x;
    Value e = a->v[1];
    if (arg_float(vm, a->v[0], &x) != ALP_OK)
        return V_ERR;
    if (e.tag != T_Int && e.tag != T_Bool)
        return raise(vm, TY_TypeError, "Expected an int as second argument to ldexp.");
    if (x == 0 || !isfinite(x))
        return V_FLOAT(x);
    double r = ldexp(x, e.u.i > INT_MAX ? INT_MAX : e.u.i < INT_MIN ? INT_MIN : (int)e.u.i);
    return isinf(r) ? range_error(vm) : V_FLOAT(r);
}

static Value math_isclose(VM *vm, const Args *a)
{
    double x, y, rel = 1e-9, abs_tol = 0;
    if (two_reals(vm, a, &x, &y) != ALP_OK || (a->v[2].tag != T_Unbound && arg_float(vm, a->v[2], &rel) != ALP_OK) ||
        (a->v[3].tag != T_Unbound && arg_float(vm, a->v[3], &abs_tol) != ALP_OK))
        return V_ERR;
    if (rel < 0 || abs_tol < 0)
        return raise(vm, TY_ValueError, "tolerances must be non-negative");
    if (x == y)
        return V_BOOL(true);
    if (isinf(x) || isinf(y))
        return V_BOOL(false);
    double diff = fabs(y - x);
    return V_BOOL(diff <= fabs(rel * y) || diff <= fabs(rel * x) || diff <= abs_tol);
}

/* Length of the vector of n values, or of the difference of two. */
static Value length_of(VM *vm, const Value *p, const Value *q, size_t n)
{
    double few[16], *v = few, x, y = 0;
    Value r = V_ERR;
    if (n > COUNT_OF(few)) {
        v = vm_alloc(vm, n * sizeof *v);
        if (!v)
            return V_ERR;
    }
    size_t i = 0;
    while (i < n && arg_float(vm, p[i], &x) == ALP_OK && (!q || arg_float(vm, q[i], &y) == ALP_OK))
        v[i++] = q ? x - y : x;
    if (i == n)
        r = V_FLOAT(n == 2 ? elem_hypot(v[0], v[1]) : special_norm(v, n));
    if (v != few)
        vm_dealloc(vm, v, n * sizeof *v);
    return r;
}

static Value math_hypot(VM *vm, const Args *a)
{
    return length_of(vm, a->rest, NULL, a->n_rest);
}

static Value math_dist(VM *vm, const Args *a)
{
    Value p = seq_to_tuple(vm, a->v[0]), q = IS_ERR(p) ? V_ERR : seq_to_tuple(vm, a->v[1]), r = V_ERR;
    if (!IS_ERR(q)) {
        if (TUPLE(p)->count == TUPLE(q)->count)
            r = length_of(vm, TUPLE(p)->item, TUPLE(q)->item, TUPLE(p)->count);
        else
            raise(vm, TY_ValueError, "both points must have the same number of dimensions");
    }
    value_free(vm, p);
    value_free(vm, q);
    return r;
}

/* ---- sums and products over an iterable ------------------------------------------------------------------------------------------ */

static Value math_fsum(VM *vm, const Args *a)
{
    Value it = iter_new(vm, a->v[0]), item;
    ExactSum sum;
    double x;
    int more = IS_ERR(it) ? -1 : 1;
    exact_sum_init(&sum);
    while (more > 0 && (more = iter_next(vm, it, &item)) > 0) {
        if (arg_float(vm, item, &x) != ALP_OK || poll_fails(vm))
            more = -1;
        else if (!exact_sum_add(&sum, x))
            raise(vm, TY_OverflowError, "intermediate overflow in fsum"), more = -1;
        value_free(vm, item);
    }
    value_free(vm, it);
    if (more < 0)
        return V_ERR;
    if (sum.special != 0)
        return isnan(sum.infinite) ? raise(vm, TY_ValueError, "-inf + inf in fsum") : V_FLOAT(sum.special);
    return V_FLOAT(exact_sum_round(&sum));
}

static Value math_prod(VM *vm, const Args *a)
{
    Value product = a->v[1].tag == T_Unbound ? V_INT(1) : value_ref(a->v[1]), it = iter_new(vm, a->v[0]), item;
    int more = IS_ERR(it) ? -1 : 1;
    while (more > 0 && (more = iter_next(vm, it, &item)) > 0) {
        value_set(vm, &product, op_binary(vm, BI_Mul, product, item));
        value_free(vm, item);
        if (IS_ERR(product) || poll_fails(vm))
            more = -1;
    }
    value_free(vm, it);
    if (more < 0)
        value_set(vm, &product, V_ERR);
    return product;
}

/* ---- integers ----------------------------------------------------------------------------------------------------------------------- */

static Value to_integer(VM *vm, Value v, double (*rounded)(double))
{
    double x;
    if (v.tag == T_Int || v.tag == T_Bool)
        return V_INT(v.u.i);
    return arg_float(vm, v, &x) == ALP_OK ? float_to_int(vm, rounded(x)) : V_ERR;
}

static Value math_floor(VM *vm, const Args *a)
{
    return to_integer(vm, a->v[0], floor);
}

static Value math_ceil(VM *vm, const Args *a)
{
    return to_integer(vm, a->v[0], ceil);
}

static Value math_trunc(VM *vm, const Args *a)
{
    Value v = a->v[0];
    if (v.tag != T_Int && v.tag != T_Bool && v.tag != T_Float && v.tag != T_NpF64)
        return raise(vm, TY_TypeError, "type %s doesn't define __trunc__ method", value_type_name(v));
    return to_integer(vm, v, trunc);
}

static uint64_t magnitude(int64_t x)
{
    return x < 0 ? 0 - (uint64_t)x : (uint64_t)x;
}

static Value natural(VM *vm, uint64_t x)
{
    return x <= INT64_MAX ? V_INT((int64_t)x) : raise_int_range(vm);
}

static Value math_gcd(VM *vm, const Args *a)
{
    uint64_t r = 0;
    int64_t x;
    for (uint32_t i = 0; i < a->n_rest; i++) {
        if (arg_int(vm, a->rest[i], &x) != ALP_OK)
            return V_ERR;
        r = el_gcd(r, magnitude(x));
    }
    return natural(vm, r);
}

static Value math_lcm(VM *vm, const Args *a)
{
    uint64_t r = 1;
    int64_t x;
    bool big = false;
    for (uint32_t i = 0; i < a->n_rest; i++) {
        if (arg_int(vm, a->rest[i], &x) != ALP_OK)
            return V_ERR;
        if (x == 0 || r == 0) {
            r = 0;
            big = false;
            continue;
        }
        uint64_t u = magnitude(x);
        big |= __builtin_mul_overflow(u / el_gcd(r, u), r, &r) || r > INT64_MAX;
        if (big)
            r = 1;
    }
    return big ? raise_int_range(vm) : natural(vm, r);
}

/* a * (a - 1) * … of n factors, divided by `n!` on the way if `choose` */
static Value falling_product(VM *vm, int64_t a, int64_t n, bool choose)
{
    __int128 r = 1;
    for (int64_t k = 0; k < n; k++) {
        r *= a - k;
        if (choose)
            r /= k + 1;                 /* exact: r is a binomial coefficient again */
        if (r > INT64_MAX)
            return raise_int_range(vm);
    }
    return V_INT((int64_t)r);
}

static Value factorial(VM *vm, Value v)
{
    int64_t n;
    if (arg_int(vm, v, &n) != ALP_OK)
        return V_ERR;
    if (n < 0)
        return raise(vm, TY_ValueError, "factorial() not defined for negative values");
    return n == 0 ? V_INT(1) : falling_product(vm, n, n - 1, false);
}

static Value math_factorial(VM *vm, const Args *a)
{
    return factorial(vm, a->v[0]);
}

/* n and k of comb() and perm(): false, with the exception, if one is negative. */
static bool n_and_k(VM *vm, const Args *a, int64_t *n, int64_t *k)
{
    if (arg_int(vm, a->v[0], n) != ALP_OK || arg_int(vm, a->v[1], k) != ALP_OK)
        return false;
    if (*n < 0 || *k < 0)
        raise(vm, TY_ValueError, "%s must be a non-negative integer", *n < 0 ? "n" : "k");
    return *n >= 0 && *k >= 0;
}

static Value math_comb(VM *vm, const Args *a)
{
    int64_t n, k;
    if (!n_and_k(vm, a, &n, &k))
        return V_ERR;
    if (k > n)
        return V_INT(0);
    return falling_product(vm, n, k < n - k ? k : n - k, true);
}

static Value math_perm(VM *vm, const Args *a)
{
    int64_t n, k;
    if (a->v[1].tag == T_Unbound || a->v[1].tag == T_None)
        return factorial(vm, a->v[0]);
    if (!n_and_k(vm, a, &n, &k))
        return V_ERR;
    return k > n ? V_INT(0) : falling_product(vm, n, k, false);
}

static Value math_isqrt(VM *vm, const Args *a)
{
    int64_t n;
    if (arg_int(vm, a->v[0], &n) != ALP_OK)
        return V_ERR;
    if (n < 0)
        return raise(vm, TY_ValueError, "isqrt() argument must be nonnegative");
    int64_t r = (int64_t)sqrt((double)n);
    while (r > 0 && r > n / r)          /* off by one at most: the root has 32 bits */
        r--;
    while ((__int128)(r + 1) * (r + 1) <= n)
        r++;
    return V_INT(r);
}

/* ---- the module ------------------------------------------------------------------------------------------------------------------------ */

#define X(name, doc)            { #name, math_##name, "x, /", doc }
#define XY(name, params, doc)   { #name, math_##name, params, doc }

static const NativeRow rows[] = {
    X(acos, "Return the arc cosine (measured in radians) of x."),
    X(acosh, "Return the inverse hyperbolic cosine of x."),
    X(asin, "Return the arc sine (measured in radians) of x."),
    X(asinh, "Return the inverse hyperbolic sine of x."),
    X(atan, "Return the arc tangent (measured in radians) of x."),
    XY(atan2, "y, x, /", "Return the arc tangent (measured in radians) of y/x."),
    X(atanh, "Return the inverse hyperbolic tangent of x."),
    X(cbrt, "Return the cube root of x."),
    X(ceil, "Return the ceiling of x as an int."),
    XY(comb, "n, k, /", "Number of ways to choose k items from n items without repetition and without order."),
    XY(copysign, "x, y, /", "Return a float with the magnitude of x but the sign of y."),
    X(cos, "Return the cosine of x (measured in radians)."),
    X(cosh, "Return the hyperbolic cosine of x."),
    X(degrees, "Convert angle x from radians to degrees."),
    XY(dist, "p, q, /", "Return the Euclidean distance between two points p and q."),
    X(erf, "Error function at x."),
    X(erfc, "Complementary error function at x."),
    X(exp, "Return e raised to the power of x."),
    X(exp2, "Return 2 raised to the power of x."),
    X(expm1, "Return exp(x)-1."),
    X(fabs, "Return the absolute value of the float x."),
    X(factorial, "Find x!."),
    X(floor, "Return the floor of x as an int."),
    XY(fmod, "x, y, /", "Return fmod(x, y), according to platform C."),
    X(frexp, "Return the mantissa and exponent of x, as pair (m, e)."),
    XY(fsum, "seq, /", "Return an accurate floating point sum of values in the iterable seq."),
    X(gamma, "Gamma function at x."),
    XY(gcd, "*integers", "Greatest Common Divisor."),
    XY(hypot, "*coordinates", "Euclidean distance from the origin to a point."),
    XY(isclose, "a, b, *, rel_tol=, abs_tol=", "Determine whether two floating point numbers are close in value."),
    X(isfinite, "Return True if x is neither an infinity nor a NaN, and False otherwise."),
    X(isinf, "Return True if x is a positive or negative infinity, and False otherwise."),
    X(isnan, "Return True if x is a NaN (not a number), and False otherwise."),
    XY(isqrt, "n, /", "Return the integer part of the square root of the input."),
    XY(lcm, "*integers", "Least Common Multiple."),
    XY(ldexp, "x, i, /", "Return x * (2**i)."),
    X(lgamma, "Natural logarithm of absolute value of Gamma function at x."),
    XY(log, "*args", "Return the logarithm of x to the given base, or the natural logarithm."),
    X(log10, "Return the base 10 logarithm of x."),
    X(log1p, "Return the natural logarithm of 1+x (base e)."),
    X(log2, "Return the base 2 logarithm of x."),
    X(modf, "Return the fractional and integer parts of x."),
    XY(nextafter, "x, y, /", "Return the next floating-point value after x towards y."),
    XY(perm, "n, k=, /", "Number of ways to choose k items from n items without repetition and with order."),
    XY(pow, "x, y, /", "Return x**y (x to the power of y)."),
    XY(prod, "iterable, /, *, start=", "Calculate the product of all the elements in the input iterable."),
    X(radians, "Convert angle x from degrees to radians."),
    XY(remainder, "x, y, /", "Difference between x and the closest integer multiple of y."),
    X(sin, "Return the sine of x (measured in radians)."),
    X(sinh, "Return the hyperbolic sine of x."),
    X(sqrt, "Return the square root of x."),
    X(tan, "Return the tangent of x (measured in radians)."),
    X(tanh, "Return the hyperbolic tangent of x."),
    X(trunc, "Truncates the Real x to the nearest Integral toward 0."),
    X(ulp, "Return the value of the least significant bit of the float x."),
    { NULL },
};

static const NativeRow *const tables[] = { rows, NULL };

static Status init(VM *vm, Module *m)
{
    TRY(module_set(vm, m, "pi", V_FLOAT(M_PI)));
    TRY(module_set(vm, m, "e", V_FLOAT(M_E)));
    TRY(module_set(vm, m, "tau", V_FLOAT(2 * M_PI)));
    TRY(module_set(vm, m, "inf", V_FLOAT(INFINITY)));
    return module_set(vm, m, "nan", V_FLOAT(NAN));
}

const ModuleDef mod_math = { .name = "math", .tables = tables, .init = init, .function_type = TY_builtin };
