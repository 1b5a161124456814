/* interp/ufunc_math.c — elementary functions and rounding, element by element, in the type of the elements.  Real functions are alpy's own
 * (interp/elem), complex ones the C library's. */
#include "interp/elem/elem.h"
#include "interp/ufunc_loops.h"

/* NumPy's name, C's name. */
#define BOTH_FUNCTIONS(X) \
    X(exp, exp) X(log, log) X(sin, sin) X(cos, cos) X(tan, tan) X(arcsin, asin) X(arccos, acos) X(arctan, atan) \
    X(sinh, sinh) X(cosh, cosh) X(tanh, tanh) X(arcsinh, asinh) X(arccosh, acosh) X(arctanh, atanh)
#define REAL_FUNCTIONS(X) \
    X(exp2, exp2) X(expm1, expm1) X(log2, log2) X(log10, log10) X(log1p, log1p) X(cbrt, cbrt)
#define REAL_FUNCTIONS_2(X) \
    X(arctan2, atan2) X(hypot, hypot) X(logaddexp, logaddexp) X(logaddexp2, logaddexp2)

#define OWN(NAME, FN) OWN1(NAME##_f32, f32, FN##f) OWN1(NAME##_f64, f64, FN)
BOTH_FUNCTIONS(OWN)
REAL_FUNCTIONS(OWN)
#define OWN_2(NAME, FN) OWN2(NAME##_f32, f32, FN##f) OWN2(NAME##_f64, f64, FN)
REAL_FUNCTIONS_2(OWN_2)

#define EXACT(NAME, FN) LOOP1(NAME##_f32, f32, f32, FN##f(x)) LOOP1(NAME##_f64, f64, f64, FN(x))
EXACT(floor, floor)
EXACT(ceil, ceil)
EXACT(trunc, trunc)
EXACT(rint, nearbyint)

#define LIBM_COMPLEX(NAME, FN) \
LOOP1(NAME##_c64, c64, c64, el_from_c64(c##FN##f(el_complex_c64(x)))) \
LOOP1(NAME##_c128, c128, c128, el_from_c128(c##FN(el_complex_c128(x))))
BOTH_FUNCTIONS(LIBM_COMPLEX)

/* Complex functions that C lacks, by way of those it has. */
#define COMPLEX_MORE(S, R, F) \
static inline V_##S scaled_##S(V_##S x, V_##R k) { return (V_##S){ x.re * k, x.im * k }; } \
static inline V_##S exp_of_##S(V_##S x) { return el_from_##S(cexp##F(el_complex_##S(x))); } \
static inline V_##S log_of_##S(V_##S x) { return el_from_##S(clog##F(el_complex_##S(x))); } \
static inline V_##S log1p_of_##S(V_##S x) \
{ \
    V_##R length = hypot##F(x.re + 1, x.im); \
    return (V_##S){ log##F(length), atan2##F(x.im, x.re + 1) }; \
} \
static inline V_##S expm1_of_##S(V_##S x) \
{ \
    V_##R s = sin##F(x.im / 2), e = exp##F(x.re); \
    return (V_##S){ expm1##F(x.re) * cos##F(x.im) - 2 * s * s, e * sin##F(x.im) }; \
} \
LOOP1(exp2_##S, S, S, exp_of_##S(scaled_##S(x, (V_##R)0.693147180559945309417232121458176568))) \
LOOP1(expm1_##S, S, S, expm1_of_##S(x)) \
LOOP1(log2_##S, S, S, scaled_##S(log_of_##S(x), (V_##R)1.442695040888963407359924681001892137)) \
LOOP1(log10_##S, S, S, scaled_##S(log_of_##S(x), (V_##R)0.434294481903251827651128918916605082)) \
LOOP1(log1p_##S, S, S, log1p_of_##S(x)) \
LOOP1(rint_##S, S, S, ((V_##S){ nearbyint##F(x.re), nearbyint##F(x.im) }))
EACH_COMPLEX(COMPLEX_MORE)

#define PI 3.141592653589793238462643383279502884
#define FLOAT_MORE(S, F) \
LOOP1(degrees_##S, S, S, x * (V_##S)(180 / PI)) \
LOOP1(radians_##S, S, S, x * (V_##S)(PI / 180)) \
LOOP1(spacing_##S, S, S, spacing_of_##S(x)) \
SLOW2(copysign_##S, S, S, copysign##F(x, y)) \
SLOW2(nextafter_##S, S, S, nextafter##F(x, y)) \
SLOW2(heaviside_##S, S, S, el_heaviside_##S(x, y)) \
SLOW2X(ldexp_##S, S, i64, S, ldexp##F(x, y > INT32_MAX ? INT32_MAX : y < INT32_MIN ? INT32_MIN : (int)y)) \
static bool frexp_##S(char *const *p, const int64_t *step, int64_t n) \
{ \
    for (int64_t i = 0; i < n; i++) { \
        int e = 0; \
        *OUT(S, p[1] + i * step[1]) = frexp##F(*IN(S, p[0] + i * step[0]), &e); \
        *OUT(i32, p[2] + i * step[2]) = e; \
    } \
    return true; \
} \
static bool modf_##S(char *const *p, const int64_t *step, int64_t n) \
{ \
    for (int64_t i = 0; i < n; i++) { \
        V_##S whole; \
        V_##S part = modf##F(*IN(S, p[0] + i * step[0]), &whole); \
        *OUT(S, p[1] + i * step[1]) = part; \
        *OUT(S, p[2] + i * step[2]) = whole; \
    } \
    return true; \
}
/* Distance to the next number away from zero. */
#define SPACING(S, F) \
static inline V_##S spacing_of_##S(V_##S x) \
{ \
    return isinf(x) ? (V_##S)NAN : nextafter##F(x, copysign##F((V_##S)INFINITY, x)) - x; \
}
EACH_FLOAT(SPACING)
EACH_FLOAT(FLOAT_MORE)

#define SAME(S) LOOP1(same_##S, S, S, x)
SAME(b1)
EACH_INT(SAME)

/* ---- tables -------------------------------------------------------------------------------------------------------------- */
#define ROUNDING(NAME, DOC) \
UFUNC(NAME, 1, 1, DOC, .loop = { ROW_BOOL(same), ROW_INT(same), ROW_FLOAT(NAME) })
ROUNDING(floor, "Round down.")
ROUNDING(ceil, "Round up.")
ROUNDING(trunc, "Round towards zero.")

#define REAL(NAME, N, DOC) UFUNC(NAME, N, 1, DOC, .loop = { ROW_FLOAT(NAME) })
#define BOTH(NAME, DOC)    UFUNC(NAME, 1, 1, DOC, .loop = { ROW_FLOAT(NAME), ROW_COMPLEX(NAME) })
REAL(cbrt, 1, "Cube root.")
BOTH(exp, "e to the power of x.")
BOTH(exp2, "2 to the power of x.")
BOTH(expm1, "exp(x) - 1, exact near 0.")
BOTH(log, "Natural logarithm.")
BOTH(log2, "Logarithm to base 2.")
BOTH(log10, "Logarithm to base 10.")
BOTH(log1p, "log(1 + x), exact near 0.")
BOTH(sin, "Sine.")
BOTH(cos, "Cosine.")
BOTH(tan, "Tangent.")
BOTH(arcsin, "Inverse sine.")
BOTH(arccos, "Inverse cosine.")
BOTH(arctan, "Inverse tangent.")
BOTH(sinh, "Hyperbolic sine.")
BOTH(cosh, "Hyperbolic cosine.")
BOTH(tanh, "Hyperbolic tangent.")
BOTH(arcsinh, "Inverse hyperbolic sine.")
BOTH(arccosh, "Inverse hyperbolic cosine.")
BOTH(arctanh, "Inverse hyperbolic tangent.")
BOTH(rint, "Round to the nearest integer, halves to even.")
REAL(arctan2, 2, "Angle of the point (x2, x1).")
REAL(hypot, 2, "Length of the hypotenuse.")
REAL(degrees, 1, "Radians to degrees.")
REAL(radians, 1, "Degrees to radians.")
UFUNC(rad2deg, 1, 1, "Radians to degrees.", .loop = { ROW_FLOAT(degrees) })
UFUNC(deg2rad, 1, 1, "Degrees to radians.", .loop = { ROW_FLOAT(radians) })
REAL(copysign, 2, "x1 with the sign of x2.")
REAL(nextafter, 2, "Next number from x1 towards x2.")
REAL(spacing, 1, "Distance to the nearest other number.")
REAL(heaviside, 2, "0, x2 or 1 for x1 below, at or above 0.")
REAL(logaddexp, 2, "log(exp(x1) + exp(x2))")
REAL(logaddexp2, 2, "log2(2**x1 + 2**x2)")
UFUNC(ldexp, 2, 1, "x1 * 2**x2", .flags = UF_SECOND_INT, .loop = { ROW_FLOAT(ldexp) })
UFUNC(frexp, 1, 2, "Mantissa in [0.5, 1) and exponent.", .result = { UR_Same, UR_I32 }, .loop = { ROW_FLOAT(frexp) })
UFUNC(modf, 1, 2, "Fractional and integral parts.", .loop = { ROW_FLOAT(modf) })
