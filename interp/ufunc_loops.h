/* interp/ufunc_loops.h — macros that make the loops of elementwise functions; included by the files with tables only.
 *
 * A loop is defined by its name, the dtypes of its operands (as suffixes b1, i8 … c128) and an expression over x, y, z, the values of
 * the inputs.  Loops over contiguous operands, or a contiguous one and a constant, are kept apart, to be vectorised. */
#ifndef ALP_INTERP_UFUNC_LOOPS_H
#define ALP_INTERP_UFUNC_LOOPS_H

#include "interp/elem.h"
#include "interp/ufunc.h"

/* Values of elements, and access to them. */
typedef uint8_t V_b1;
static inline V_b1 get_b1(const E_b1 *p) { return *p != 0; }
static inline void put_b1(E_b1 *p, V_b1 x) { *p = x; }
#define ACCESS(S, T) \
typedef T V_##S; \
static inline T get_##S(const E_##S *p) { return *p; } \
static inline void put_##S(E_##S *p, T x) { *p = x; }
ACCESS(i8, int8_t)
ACCESS(i16, int16_t)
ACCESS(i32, int32_t)
ACCESS(i64, int64_t)
ACCESS(u8, uint8_t)
ACCESS(u16, uint16_t)
ACCESS(u32, uint32_t)
ACCESS(u64, uint64_t)
ACCESS(f32, float)
ACCESS(f64, double)
#undef ACCESS
typedef ElC64 V_c64;
typedef ElC128 V_c128;
static inline ElC64  get_c64(const E_c64 *p) { return (ElC64){ p->re, p->im }; }
static inline ElC128 get_c128(const E_c128 *p) { return (ElC128){ p->re, p->im }; }
static inline void put_c64(E_c64 *p, ElC64 x) { p->re = x.re; p->im = x.im; }
static inline void put_c128(E_c128 *p, ElC128 x) { p->re = x.re; p->im = x.im; }

#define IN(S, p)  ((const E_##S *)(const void *)(p))
#define OUT(S, p) ((E_##S *)(void *)(p))

/* One input. */
#define LOOP1(NAME, SI, SO, EXPR) \
static bool NAME(char *const *p, const int64_t *step, int64_t n) \
{ \
    const char *a = p[0]; \
    char *r = p[1]; \
    if (step[0] == sizeof(E_##SI) && step[1] == sizeof(E_##SO)) { \
        ELEM_INDEPENDENT \
        for (int64_t i = 0; i < n; i++) { \
            V_##SI x = get_##SI(IN(SI, a) + i); \
            put_##SO(OUT(SO, r) + i, EXPR); \
        } \
        return true; \
    } \
    for (int64_t i = 0; i < n; i++, a += step[0], r += step[1]) { \
        V_##SI x = get_##SI(IN(SI, a)); \
        put_##SO(OUT(SO, r), EXPR); \
    } \
    return true; \
}

/* Two inputs of types S1 and S2; cheap kernels get the vector cases too. */
#define LOOP2X(NAME, S1, S2, SO, EXPR) \
static bool NAME(char *const *p, const int64_t *step, int64_t n) \
{ \
    const char *a = p[0], *b = p[1]; \
    char *r = p[2]; \
    if (step[2] == sizeof(E_##SO)) { \
        if (step[0] == sizeof(E_##S1) && step[1] == sizeof(E_##S2)) { \
            ELEM_INDEPENDENT \
            for (int64_t i = 0; i < n; i++) { \
                V_##S1 x = get_##S1(IN(S1, a) + i); \
                V_##S2 y = get_##S2(IN(S2, b) + i); \
                put_##SO(OUT(SO, r) + i, EXPR); \
            } \
            return true; \
        } \
        if (step[0] == sizeof(E_##S1) && step[1] == 0) { \
            const V_##S2 y = get_##S2(IN(S2, b)); \
            ELEM_INDEPENDENT \
            for (int64_t i = 0; i < n; i++) { \
                V_##S1 x = get_##S1(IN(S1, a) + i); \
                put_##SO(OUT(SO, r) + i, EXPR); \
            } \
            return true; \
        } \
        if (step[0] == 0 && step[1] == sizeof(E_##S2)) { \
            const V_##S1 x = get_##S1(IN(S1, a)); \
            ELEM_INDEPENDENT \
            for (int64_t i = 0; i < n; i++) { \
                V_##S2 y = get_##S2(IN(S2, b) + i); \
                put_##SO(OUT(SO, r) + i, EXPR); \
            } \
            return true; \
        } \
    } \
    for (int64_t i = 0; i < n; i++, a += step[0], b += step[1], r += step[2]) { \
        V_##S1 x = get_##S1(IN(S1, a)); \
        V_##S2 y = get_##S2(IN(S2, b)); \
        put_##SO(OUT(SO, r), EXPR); \
    } \
    return true; \
}
#define LOOP2(NAME, S, SO, EXPR) LOOP2X(NAME, S, S, SO, EXPR)

/* Two inputs, for kernels that would not be vectorised anyway. */
#define SLOW2X(NAME, S1, S2, SO, EXPR) \
static bool NAME(char *const *p, const int64_t *step, int64_t n) \
{ \
    const char *a = p[0], *b = p[1]; \
    char *r = p[2]; \
    for (int64_t i = 0; i < n; i++, a += step[0], b += step[1], r += step[2]) { \
        V_##S1 x = get_##S1(IN(S1, a)); \
        V_##S2 y = get_##S2(IN(S2, b)); \
        put_##SO(OUT(SO, r), EXPR); \
    } \
    return true; \
}
#define SLOW2(NAME, S, SO, EXPR) SLOW2X(NAME, S, S, SO, EXPR)

/* alpy's own elementary functions, which have vector loops: other arrays go through blocks. */
#define OWN_BLOCK 128
#define OWN1(NAME, S, FN) \
static bool NAME(char *const *p, const int64_t *step, int64_t n) \
{ \
    const char *a = p[0]; \
    char *r = p[1]; \
    V_##S x[OWN_BLOCK]; \
    if (n == 1) { \
        put_##S(OUT(S, r), elem_##FN(get_##S(IN(S, a)))); \
        return true; \
    } \
    for (int64_t m; n > 0; n -= m) { \
        m = n < OWN_BLOCK ? n : OWN_BLOCK; \
        for (int64_t i = 0; i < m; i++, a += step[0]) \
            x[i] = get_##S(IN(S, a)); \
        elem_##FN##_n(x, x, m); \
        for (int64_t i = 0; i < m; i++, r += step[1]) \
            put_##S(OUT(S, r), x[i]); \
    } \
    return true; \
}
#define OWN2(NAME, S, FN) \
static bool NAME(char *const *p, const int64_t *step, int64_t n) \
{ \
    const char *a = p[0], *b = p[1]; \
    char *r = p[2]; \
    V_##S x[OWN_BLOCK], y[OWN_BLOCK]; \
    if (n == 1) { \
        put_##S(OUT(S, r), elem_##FN(get_##S(IN(S, a)), get_##S(IN(S, b)))); \
        return true; \
    } \
    for (int64_t m; n > 0; n -= m) { \
        m = n < OWN_BLOCK ? n : OWN_BLOCK; \
        for (int64_t i = 0; i < m; i++, a += step[0], b += step[1]) { \
            x[i] = get_##S(IN(S, a)); \
            y[i] = get_##S(IN(S, b)); \
        } \
        elem_##FN##_n(x, y, x, m); \
        for (int64_t i = 0; i < m; i++, r += step[2]) \
            put_##S(OUT(S, r), x[i]); \
    } \
    return true; \
}

#define EACH_SIGNED(X)   X(i8) X(i16) X(i32) X(i64)
#define EACH_UNSIGNED(X) X(u8) X(u16) X(u32) X(u64)
#define EACH_INT(X)      EACH_SIGNED(X) EACH_UNSIGNED(X)
#define EACH_FLOAT(X)    X(f32, f) X(f64, )
#define EACH_COMPLEX(X)  X(c64, f32, f) X(c128, f64, )

/* Rows of Ufunc.loop, by the prefix of the loops' names. */
#define ROW_BOOL(P)    [DT_Bool] = P##_b1
#define ROW_INT(P)     [DT_I8] = P##_i8, [DT_I16] = P##_i16, [DT_I32] = P##_i32, [DT_I64] = P##_i64, \
                       [DT_U8] = P##_u8, [DT_U16] = P##_u16, [DT_U32] = P##_u32, [DT_U64] = P##_u64
#define ROW_FLOAT(P)   [DT_F32] = P##_f32, [DT_F64] = P##_f64
#define ROW_COMPLEX(P) [DT_C64] = P##_c64, [DT_C128] = P##_c128
#define ROW_ALL(P)     ROW_BOOL(P), ROW_INT(P), ROW_FLOAT(P), ROW_COMPLEX(P)

#define UFUNC(NAME, IN_, OUT_, DOC, ...) \
const Ufunc uf_##NAME = { .row = { #NAME, ufunc_native, UFUNC_PARAMS, DOC }, .n_in = IN_, .n_out = OUT_, __VA_ARGS__ };

#endif
