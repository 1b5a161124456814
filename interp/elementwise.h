/* interp/elementwise.h — what an operator does to one pair of machine numbers, as NumPy defines it, per C type.  Arrays (ufunc) and
 * NumPy scalars share these, so that both give the same bits.
 *
 * Integers wrap; division by zero gives 0; shifts by the width or more give 0 (or -1); floor division and remainder
 * follow the sign of the divisor.  Names: el_<operation>_<i8 … u64 | f32 f64 | c64 c128>. */
#ifndef ALP_INTERP_ELEMENTWISE_H
#define ALP_INTERP_ELEMENTWISE_H

#include <complex.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "interp/elem/elem.h"

typedef struct ElC64  { float re, im; } ElC64;
typedef struct ElC128 { double re, im; } ElC128;

/* ---- integers ---------------------------------------------------------------------------------------------------------- */
/* X(suffix, C type, its unsigned type, bits) */
#define EL_EACH_SIGNED(X) \
    X(i8, int8_t, uint8_t, 8) X(i16, int16_t, uint16_t, 16) X(i32, int32_t, uint32_t, 32) X(i64, int64_t, uint64_t, 64)
#define EL_EACH_UNSIGNED(X) \
    X(u8, uint8_t, uint8_t, 8) X(u16, uint16_t, uint16_t, 16) X(u32, uint32_t, uint32_t, 32) X(u64, uint64_t, uint64_t, 64)

/* uint64_t inside: small types would be promoted to int, whose overflow is undefined. */
#define EL_WRAPPING(S, T, U, BITS) \
static inline T el_add_##S(T a, T b) { return (T)(U)((uint64_t)a + (uint64_t)b); } \
static inline T el_sub_##S(T a, T b) { return (T)(U)((uint64_t)a - (uint64_t)b); } \
static inline T el_mul_##S(T a, T b) { return (T)(U)((uint64_t)a * (uint64_t)b); } \
static inline T el_neg_##S(T a) { return (T)(U)(0 - (uint64_t)a); } \
static inline T el_lshift_##S(T a, T b) { return (U)b < BITS ? (T)(U)((uint64_t)a << (U)b) : 0; } \
/* b >= 0 */ \
static inline T el_pow_##S(T a, T b) \
{ \
    uint64_t r = 1, x = (uint64_t)a; \
    for (; b; b = (T)(b >> 1)) { \
        if (b & 1) \
            r *= x; \
        x *= x; \
    } \
    return (T)(U)r; \
}
EL_EACH_SIGNED(EL_WRAPPING)
EL_EACH_UNSIGNED(EL_WRAPPING)
#undef EL_WRAPPING

#define EL_SIGNED(S, T, U, BITS) \
static inline T el_floordiv_##S(T a, T b) \
{ \
    if (b == 0) \
        return 0; \
    if (b == -1) \
        return el_neg_##S(a);       /* the least integer stays as it is */ \
    T q = (T)(a / b); \
    return (T)(q - ((a % b != 0) & ((a < 0) != (b < 0)))); \
} \
static inline T el_mod_##S(T a, T b) \
{ \
    if (b == 0 || b == -1) \
        return 0; \
    T r = (T)(a % b); \
    return r != 0 && (r < 0) != (b < 0) ? (T)(r + b) : r; \
} \
static inline T el_fmod_##S(T a, T b) { return b == 0 || b == -1 ? 0 : (T)(a % b); } \
static inline T el_rshift_##S(T a, T b) { return (U)b < BITS ? (T)(a >> b) : (T)(a < 0 ? -1 : 0); } \
static inline T el_abs_##S(T a) { return a < 0 ? el_neg_##S(a) : a; } \
static inline T el_sign_##S(T a) { return (T)((a > 0) - (a < 0)); } \
/* 1.0 / 0 cast to T, as the hardware does. */ \
static inline T el_reciprocal_##S(T a) { return a == 0 ? (T)(BITS < 32 ? 0 : INT64_MIN >> (64 - BITS)) : a == 1 || a == -1 ? a : 0; }
EL_EACH_SIGNED(EL_SIGNED)
#undef EL_SIGNED

#define EL_UNSIGNED(S, T, U, BITS) \
static inline T el_floordiv_##S(T a, T b) { return b == 0 ? 0 : (T)(a / b); } \
static inline T el_mod_##S(T a, T b) { return b == 0 ? 0 : (T)(a % b); } \
static inline T el_fmod_##S(T a, T b) { return b == 0 ? 0 : (T)(a % b); } \
static inline T el_rshift_##S(T a, T b) { return b < BITS ? (T)(a >> b) : 0; } \
static inline T el_abs_##S(T a) { return a; } \
static inline T el_sign_##S(T a) { return a > 0; } \
static inline T el_reciprocal_##S(T a) { return a == 1; }
EL_EACH_UNSIGNED(EL_UNSIGNED)
#undef EL_UNSIGNED

/* ---- bools: bytes 0 or 1; host programs may lend others, which count as true ---------------------------------------------- */
static inline uint8_t el_add_b1(uint8_t a, uint8_t b) { return (a | b) != 0; }
static inline uint8_t el_mul_b1(uint8_t a, uint8_t b) { return (a != 0) & (b != 0); }

/* Comparison by value of numbers whose types have no common integer type. */
static inline bool el_lt_i64_u64(int64_t a, uint64_t b) { return a < 0 || (uint64_t)a < b; }
static inline bool el_le_i64_u64(int64_t a, uint64_t b) { return a < 0 || (uint64_t)a <= b; }
static inline bool el_eq_i64_u64(int64_t a, uint64_t b) { return a >= 0 && (uint64_t)a == b; }

static inline uint64_t el_gcd(uint64_t a, uint64_t b)
{
    while (b) {
        uint64_t r = a % b;
        a = b;
        b = r;
    }
    return a;
}

/* ---- floats -------------------------------------------------------------------------------------------------------------- */
/* Python's divmod of floats, NumPy's variant: nothing raises, and x // 0 is x / 0. */
#define EL_FLOAT(S, T, F) \
static inline T el_add_##S(T a, T b) { return a + b; } \
static inline T el_mul_##S(T a, T b) { return a * b; } \
static inline T el_divmod_##S(T a, T b, T *mod) \
{ \
    T r = fmod##F(a, b); \
    if (b == 0) { \
        *mod = r; \
        return a / b; \
    } \
    T q = (a - r) / b; \
    if (r != 0) { \
        if ((b < 0) != (r < 0)) { \
            r += b; \
            q -= 1; \
        } \
    } else \
        r = copysign##F(0, b); \
    *mod = r; \
    if (q == 0) \
        return copysign##F(0, a / b); \
    T whole = floor##F(q); \
    return q - whole > (T)0.5 ? whole + 1 : whole; \
} \
static inline T el_floordiv_##S(T a, T b) { T r; return el_divmod_##S(a, b, &r); } \
static inline T el_mod_##S(T a, T b) { T r; el_divmod_##S(a, b, &r); return r; } \
static inline T el_sign_##S(T a) { return a > 0 ? 1 : a < 0 ? -1 : a == 0 ? 0 : a; } \
/* A NaN wins over any number (minimum), or loses against it (fmin); of equal numbers (0.0 and -0.0) the second is taken. */ \
static inline T el_min_##S(T a, T b) { return a < b || a != a ? a : b; } \
static inline T el_max_##S(T a, T b) { return a > b || a != a ? a : b; } \
static inline T el_fmin_##S(T a, T b) { return a < b || b != b ? a : b; } \
static inline T el_fmax_##S(T a, T b) { return a > b || b != b ? a : b; } \
static inline T el_heaviside_##S(T a, T b) { return a != a ? a : a == 0 ? b : a < 0 ? 0 : 1; }
EL_FLOAT(f32, float, f)
EL_FLOAT(f64, double, )
#undef EL_FLOAT

/* ---- complex -------------------------------------------------------------------------------------------------------------- */
/* Order: by real part, then by imaginary part; comparisons with a NaN in a deciding part are false. */
#define EL_COMPLEX(S, C, T, F) \
/* To and from the C library's complex type, which lies in memory as two reals. */ \
static inline T _Complex el_complex_##S(C a) { T _Complex z; memcpy(&z, &a, sizeof z); return z; } \
static inline C el_from_##S(T _Complex z) { C a; memcpy(&a, &z, sizeof a); return a; } \
static inline C el_add_##S(C a, C b) { return (C){ a.re + b.re, a.im + b.im }; } \
static inline C el_sub_##S(C a, C b) { return (C){ a.re - b.re, a.im - b.im }; } \
static inline C el_mul_##S(C a, C b) { return (C){ a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re }; } \
static inline C el_neg_##S(C a) { return (C){ -a.re, -a.im }; } \
static inline bool el_isnan_##S(C a) { return a.re != a.re || a.im != a.im; } \
static inline bool el_truth_##S(C a) { return a.re != 0 || a.im != 0; } \
static inline T el_abs_##S(C a) { return elem_hypot##F(a.re, a.im); } \
/* Smith's method: no overflow in the divisor's square. */ \
static inline C el_div_##S(C a, C b) \
{ \
    if (fabs##F(b.re) >= fabs##F(b.im)) { \
        if (b.re == 0 && b.im == 0) \
            return (C){ a.re / fabs##F(b.re), a.im / fabs##F(b.re) }; \
        T ratio = b.im / b.re, scale = 1 / (b.re + b.im * ratio); \
        return (C){ (a.re + a.im * ratio) * scale, (a.im - a.re * ratio) * scale }; \
    } \
    T ratio = b.re / b.im, scale = 1 / (b.im + b.re * ratio); \
    return (C){ (a.re * ratio + a.im) * scale, (a.im * ratio - a.re) * scale }; \
} \
static inline C el_reciprocal_##S(C a) \
{ \
    if (fabs##F(a.im) <= fabs##F(a.re)) { \
        T ratio = a.im / a.re, d = a.re + a.im * ratio; \
        return (C){ 1 / d, -ratio / d }; \
    } \
    T ratio = a.re / a.im, d = a.re * ratio + a.im; \
    return (C){ ratio / d, -1 / d }; \
} \
static inline C el_sign_##S(C a) \
{ \
    T len = elem_hypot##F(a.re, a.im); \
    if (len != len) \
        return (C){ (T)NAN, (T)NAN }; \
    if (isinf(len)) { \
        if (!isinf(a.re)) \
            return (C){ 0, copysign##F(1, a.im) }; \
        if (!isinf(a.im)) \
            return (C){ copysign##F(1, a.re), 0 }; \
        return (C){ (T)NAN, (T)NAN }; \
    } \
    if (len == 0) \
        return (C){ a.re == 0 ? 0 : a.re, a.im == 0 ? 0 : a.im }; \
    return (C){ a.re / len, a.im / len }; \
} \
static inline bool el_eq_##S(C a, C b) { return a.re == b.re && a.im == b.im; } \
static inline bool el_lt_##S(C a, C b) \
{ \
    return (a.re < b.re && a.im == a.im && b.im == b.im) || (a.re == b.re && a.im < b.im); \
} \
static inline bool el_le_##S(C a, C b) \
{ \
    return (a.re < b.re && a.im == a.im && b.im == b.im) || (a.re == b.re && a.im <= b.im); \
} \
static inline C el_min_##S(C a, C b) { return el_isnan_##S(a) || el_le_##S(a, b) ? a : b; } \
static inline C el_max_##S(C a, C b) { return el_isnan_##S(a) || el_le_##S(b, a) ? a : b; } \
static inline C el_fmin_##S(C a, C b) { return el_isnan_##S(b) || el_le_##S(a, b) ? a : b; } \
static inline C el_fmax_##S(C a, C b) { return el_isnan_##S(b) || el_le_##S(b, a) ? a : b; } \
static inline C el_pow_##S(C a, C b) \
{ \
    if (b.re == 0 && b.im == 0) \
        return (C){ 1, 0 }; \
    if (a.re == 0 && a.im == 0) \
        return b.re > 0 ? (C){ 0, 0 } : (C){ (T)NAN, (T)NAN }; \
    if (b.im == 0 && b.re > -100 && b.re < 100 && b.re == (T)(int)b.re) { \
        int n = (int)b.re; \
        if (n == 1) \
            return a; \
        if (n == 2) \
            return el_mul_##S(a, a); \
        if (n == 3) \
            return el_mul_##S(a, el_mul_##S(a, a)); \
        unsigned left = (unsigned)(n < 0 ? -n : n); \
        C r = { 1, 0 }; \
        for (C p = a;; p = el_mul_##S(p, p)) { \
            if (left & 1) \
                r = el_mul_##S(r, p); \
            left >>= 1; \
            if (!left) \
                break; \
        } \
        return n < 0 ? el_div_##S((C){ 1, 0 }, r) : r; \
    } \
    return el_from_##S(cpow##F(el_complex_##S(a), el_complex_##S(b))); \
}
EL_COMPLEX(c64, ElC64, float, f)
EL_COMPLEX(c128, ElC128, double, )
#undef EL_COMPLEX

#endif
