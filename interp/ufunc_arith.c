/* interp/ufunc_arith.c — elementwise arithmetic: loops and tables. */
#include "interp/elem/elem.h"
#include "interp/ufunc_loops.h"

/* ---- integers and bools ------------------------------------------------------------------------------------------------- */
LOOP2(add_b1, b1, b1, x | y)
LOOP2(multiply_b1, b1, b1, x & y)
LOOP2(minimum_b1, b1, b1, x & y)
LOOP2(maximum_b1, b1, b1, x | y)
LOOP1(same_b1, b1, b1, x)

#define INT_LOOPS(S) \
LOOP2(add_##S, S, S, el_add_##S(x, y)) \
LOOP2(subtract_##S, S, S, el_sub_##S(x, y)) \
LOOP2(multiply_##S, S, S, el_mul_##S(x, y)) \
SLOW2(floor_divide_##S, S, S, el_floordiv_##S(x, y)) \
SLOW2(remainder_##S, S, S, el_mod_##S(x, y)) \
SLOW2(fmod_##S, S, S, el_fmod_##S(x, y)) \
LOOP1(negative_##S, S, S, el_neg_##S(x)) \
LOOP1(same_##S, S, S, x) \
LOOP1(absolute_##S, S, S, el_abs_##S(x)) \
LOOP1(sign_##S, S, S, el_sign_##S(x)) \
LOOP1(square_##S, S, S, el_mul_##S(x, x)) \
LOOP1(reciprocal_##S, S, S, el_reciprocal_##S(x)) \
LOOP2(minimum_##S, S, S, x < y ? x : y) \
LOOP2(maximum_##S, S, S, x > y ? x : y) \
SLOW2(gcd_##S, S, S, gcd_of_##S(x, y)) \
SLOW2(lcm_##S, S, S, lcm_of_##S(x, y))

/* |x| as unsigned; the result wraps where it does not fit, as NumPy's. */
#define GCD(S) \
static inline uint64_t size_of_##S(V_##S x) { return x < 0 ? 0 - (uint64_t)x : (uint64_t)x; } \
static inline V_##S gcd_of_##S(V_##S x, V_##S y) { return (V_##S)el_gcd(size_of_##S(x), size_of_##S(y)); } \
static inline V_##S lcm_of_##S(V_##S x, V_##S y) \
{ \
    uint64_t g = el_gcd(size_of_##S(x), size_of_##S(y)); \
    return g ? (V_##S)(size_of_##S(x) / g * size_of_##S(y)) : 0; \
}
EACH_SIGNED(GCD)
#undef GCD
#define GCD(S) \
static inline V_##S gcd_of_##S(V_##S x, V_##S y) { return (V_##S)el_gcd(x, y); } \
static inline V_##S lcm_of_##S(V_##S x, V_##S y) { uint64_t g = el_gcd(x, y); return g ? (V_##S)(x / g * y) : 0; }
EACH_UNSIGNED(GCD)

EACH_INT(INT_LOOPS)

/* Negative exponents are found before anything is written. */
#define POWER_SIGNED(S) \
static bool power_##S(char *const *p, const int64_t *step, int64_t n) \
{ \
    const char *b = p[1]; \
    for (int64_t i = 0; i < n; i++, b += step[1]) \
        if (*IN(S, b) < 0) \
            return false; \
    const char *a = p[0]; \
    char *r = p[2]; \
    b = p[1]; \
    for (int64_t i = 0; i < n; i++, a += step[0], b += step[1], r += step[2]) \
        *OUT(S, r) = el_pow_##S(*IN(S, a), *IN(S, b)); \
    return true; \
}
EACH_SIGNED(POWER_SIGNED)
#define POWER_UNSIGNED(S) SLOW2(power_##S, S, S, el_pow_##S(x, y))
EACH_UNSIGNED(POWER_UNSIGNED)

/* Both results of a division. */
#define DIVMOD(S, DIV) \
static bool divmod_##S(char *const *p, const int64_t *step, int64_t n) \
{ \
    const char *a = p[0], *b = p[1]; \
    char *q = p[2], *r = p[3]; \
    for (int64_t i = 0; i < n; i++, a += step[0], b += step[1], q += step[2], r += step[3]) { \
        V_##S x = *IN(S, a), y = *IN(S, b), rest; \
        *OUT(S, q) = DIV; \
        *OUT(S, r) = rest; \
    } \
    return true; \
}
#define DIVMOD_INT(S) DIVMOD(S, (rest = el_mod_##S(x, y), el_floordiv_##S(x, y)))
EACH_INT(DIVMOD_INT)
DIVMOD(f32, el_divmod_f32(x, y, &rest))
DIVMOD(f64, el_divmod_f64(x, y, &rest))

/* ---- floats and complex -------------------------------------------------------------------------------------------------- */
/* A constant exponent of 2, 0.5 or -1 is a square, a root or a quotient (which have the exact rounding that pow lacks). */
#define FLOAT_LOOPS(S, F) \
LOOP2(add_##S, S, S, x + y) \
LOOP2(subtract_##S, S, S, x - y) \
LOOP2(multiply_##S, S, S, x * y) \
LOOP2(divide_##S, S, S, x / y) \
SLOW2(floor_divide_##S, S, S, el_floordiv_##S(x, y)) \
SLOW2(remainder_##S, S, S, el_mod_##S(x, y)) \
SLOW2(fmod_##S, S, S, fmod##F(x, y)) \
OWN2(pow_##S, S, pow##F) \
LOOP1(negative_##S, S, S, -x) \
LOOP1(same_##S, S, S, x) \
LOOP1(absolute_##S, S, S, fabs##F(x)) \
LOOP1(sign_##S, S, S, el_sign_##S(x)) \
LOOP1(square_##S, S, S, x * x) \
LOOP1(reciprocal_##S, S, S, 1 / x) \
LOOP1(root_##S, S, S, sqrt##F(x)) \
LOOP2(minimum_##S, S, S, el_min_##S(x, y)) \
LOOP2(maximum_##S, S, S, el_max_##S(x, y)) \
LOOP2(fmin_##S, S, S, el_fmin_##S(x, y)) \
LOOP2(fmax_##S, S, S, el_fmax_##S(x, y)) \
static bool power_##S(char *const *p, const int64_t *step, int64_t n) \
{ \
    if (step[1] == 0) { \
        V_##S y = *IN(S, p[1]); \
        UfuncLoop loop = y == 2 ? square_##S : y == (V_##S)0.5 ? root_##S : y == -1 ? reciprocal_##S : NULL; \
        if (loop) \
            return loop((char *const []){ p[0], p[2] }, (const int64_t []){ step[0], step[2] }, n); \
    } \
    return pow_##S(p, step, n); \
}
EACH_FLOAT(FLOAT_LOOPS)

#define COMPLEX_LOOPS(S, R, F) \
LOOP2(add_##S, S, S, el_add_##S(x, y)) \
LOOP2(subtract_##S, S, S, el_sub_##S(x, y)) \
LOOP2(multiply_##S, S, S, el_mul_##S(x, y)) \
SLOW2(divide_##S, S, S, el_div_##S(x, y)) \
SLOW2(pow_##S, S, S, el_pow_##S(x, y)) \
LOOP1(negative_##S, S, S, el_neg_##S(x)) \
LOOP1(same_##S, S, S, x) \
LOOP1(absolute_##S, S, R, el_abs_##S(x)) \
LOOP1(sign_##S, S, S, el_sign_##S(x)) \
LOOP1(square_##S, S, S, el_mul_##S(x, x)) \
LOOP1(reciprocal_##S, S, S, el_reciprocal_##S(x)) \
LOOP1(root_##S, S, S, el_from_##S(csqrt##F(el_complex_##S(x)))) \
LOOP1(conjugate_##S, S, S, ((V_##S){ x.re, -x.im })) \
SLOW2(minimum_##S, S, S, el_min_##S(x, y)) \
SLOW2(maximum_##S, S, S, el_max_##S(x, y)) \
SLOW2(fmin_##S, S, S, el_fmin_##S(x, y)) \
SLOW2(fmax_##S, S, S, el_fmax_##S(x, y)) \
static bool power_##S(char *const *p, const int64_t *step, int64_t n) \
{ \
    V_##S y = get_##S(IN(S, p[1])); \
    if (step[1] == 0 && y.re == (V_##R)0.5 && y.im == 0) \
        return root_##S((char *const []){ p[0], p[2] }, (const int64_t []){ step[0], step[2] }, n); \
    return pow_##S(p, step, n); \
}
EACH_COMPLEX(COMPLEX_LOOPS)

/* min(max(x, low), high), NaNs winning. */
#define CLIP(S, MIN, MAX) \
static bool clip_##S(char *const *p, const int64_t *step, int64_t n) \
{ \
    const char *a = p[0], *b = p[1], *c = p[2]; \
    char *r = p[3]; \
    for (int64_t i = 0; i < n; i++, a += step[0], b += step[1], c += step[2], r += step[3]) { \
        V_##S x = get_##S(IN(S, a)), low = get_##S(IN(S, b)), high = get_##S(IN(S, c)); \
        x = MAX(x, low); \
        put_##S(OUT(S, r), MIN(x, high)); \
    } \
    return true; \
}
#define LESSER(x, y)  ((x) < (y) ? (x) : (y))
#define GREATER(x, y) ((x) > (y) ? (x) : (y))
#define CLIP_INT(S) CLIP(S, LESSER, GREATER)
CLIP_INT(b1)
EACH_INT(CLIP_INT)
CLIP(f32, el_min_f32, el_max_f32)
CLIP(f64, el_min_f64, el_max_f64)
CLIP(c64, el_min_c64, el_max_c64)
CLIP(c128, el_min_c128, el_max_c128)

/* ---- tables ---------------------------------------------------------------------------------------------------------------- */
UFUNC(add, 2, 1, "Sum, element by element.", .flags = UF_NO_LOOP, .loop = { ROW_ALL(add) })
UFUNC(subtract, 2, 1, "Difference, element by element.", .flags = UF_NO_LOOP,
      .loop = { ROW_INT(subtract), ROW_FLOAT(subtract), ROW_COMPLEX(subtract) },
      .no_bool = "numpy boolean subtract, the `-` operator, is not supported, use the bitwise_xor, the `^` operator, or the "
                 "logical_xor function instead.")
UFUNC(multiply, 2, 1, "Product, element by element.", .flags = UF_NO_LOOP, .loop = { ROW_ALL(multiply) })
UFUNC(divide, 2, 1, "Quotient, element by element; of integers in float64.", .flags = UF_INT_AS_F64,
      .loop = { ROW_FLOAT(divide), ROW_COMPLEX(divide) })
UFUNC(floor_divide, 2, 1, "Quotient rounded down.", .loop = { ROW_INT(floor_divide), ROW_FLOAT(floor_divide) })
UFUNC(remainder, 2, 1, "Remainder with the sign of the divisor.", .loop = { ROW_INT(remainder), ROW_FLOAT(remainder) })
UFUNC(fmod, 2, 1, "Remainder with the sign of the dividend.", .loop = { ROW_INT(fmod), ROW_FLOAT(fmod) })
UFUNC(divmod, 2, 2, "Floor quotient and remainder.", .loop = { ROW_INT(divmod), ROW_FLOAT(divmod) })
UFUNC(power, 2, 1, "x1 to the power of x2.", .loop = { ROW_INT(power), ROW_FLOAT(power), ROW_COMPLEX(power) },
      .error = "Integers to negative integer powers are not allowed.")
UFUNC(float_power, 2, 1, "x1 to the power of x2, in float64 or complex128.",
      .loop = { [DT_F64] = power_f64, [DT_C128] = power_c128 })
UFUNC(negative, 1, 1, "-x", .flags = UF_NO_LOOP, .loop = { ROW_INT(negative), ROW_FLOAT(negative), ROW_COMPLEX(negative) },
      .no_bool = "The numpy boolean negative, the `-` operator, is not supported, use the `~` operator or the logical_not "
                 "function instead.")
UFUNC(positive, 1, 1, "+x", .flags = UF_NO_LOOP, .loop = { ROW_INT(same), ROW_FLOAT(same), ROW_COMPLEX(same) })
UFUNC(absolute, 1, 1, "Absolute value.", .flags = UF_NO_LOOP, .result = { UR_Real },
      .loop = { [DT_Bool] = same_b1, ROW_INT(absolute), ROW_FLOAT(absolute), ROW_COMPLEX(absolute) })
UFUNC(fabs, 1, 1, "Absolute value, as a float.", .loop = { ROW_FLOAT(absolute) })
UFUNC(sign, 1, 1, "-1, 0 or 1; x/|x| of complex numbers.", .flags = UF_NO_LOOP,
      .loop = { ROW_INT(sign), ROW_FLOAT(sign), ROW_COMPLEX(sign) })
UFUNC(square, 1, 1, "x * x", .loop = { ROW_INT(square), ROW_FLOAT(square), ROW_COMPLEX(square) })
UFUNC(reciprocal, 1, 1, "1 / x", .loop = { ROW_INT(reciprocal), ROW_FLOAT(reciprocal), ROW_COMPLEX(reciprocal) })
UFUNC(conjugate, 1, 1, "Complex conjugate.", .loop = { ROW_INT(same), ROW_FLOAT(same), ROW_COMPLEX(conjugate) })
UFUNC(gcd, 2, 1, "Greatest common divisor.", .flags = UF_NO_LOOP, .loop = { ROW_INT(gcd) })
UFUNC(lcm, 2, 1, "Least common multiple.", .flags = UF_NO_LOOP, .loop = { ROW_INT(lcm) })
UFUNC(minimum, 2, 1, "The lesser; NaN if either is.", .flags = UF_NO_LOOP, .loop = { ROW_ALL(minimum) })
UFUNC(maximum, 2, 1, "The greater; NaN if either is.", .flags = UF_NO_LOOP, .loop = { ROW_ALL(maximum) })
UFUNC(fmin, 2, 1, "The lesser; the number if one is NaN.", .flags = UF_NO_LOOP,
      .loop = { ROW_BOOL(minimum), ROW_INT(minimum), ROW_FLOAT(fmin), ROW_COMPLEX(fmin) })
UFUNC(fmax, 2, 1, "The greater; the number if one is NaN.", .flags = UF_NO_LOOP,
      .loop = { ROW_BOOL(maximum), ROW_INT(maximum), ROW_FLOAT(fmax), ROW_COMPLEX(fmax) })
UFUNC(clip, 3, 1, "Limit values to [low, high].", .flags = UF_NO_LOOP, .loop = { ROW_ALL(clip) })
UFUNC(sqrt, 1, 1, "Square root.", .loop = { ROW_FLOAT(root), ROW_COMPLEX(root) })
