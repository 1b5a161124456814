/* interp/cast.c — conversion of runs of elements between all pairs of dtypes, as NumPy's astype(): integers wrap, floats are cut
 * off towards zero, complex numbers lose their imaginary part when the target is real.
 *
 * A source element is widened exactly into one of four classes (signed, unsigned, real, complex); from there each target has
 * one conversion.  The compiler folds the detour away. */
#include "interp/elem.h"

/* Out of range and NaN give the least integer, as the x86 instruction does that NumPy's C casts end up in. */
static inline int32_t cut_i32(double x)
{
    return x > -2147483649.0 && x < 2147483648.0 ? (int32_t)x : INT32_MIN;
}

static inline int64_t cut_i64(double x)
{
    return x >= -0x1p63 && x < 0x1p63 ? (int64_t)x : INT64_MIN;
}

static inline uint64_t cut_u64(double x)
{
    if (x >= 0x1p63)
        return x < 0x1p64 ? (uint64_t)x : 0;
    return (uint64_t)cut_i64(x);
}

/* from_<class>_to_<dtype>.  Classes: s int64_t, u uint64_t, f double, c ElC128. */
#define TO_INT(S, T, CUT) \
static inline T s_to_##S(int64_t x) { return (T)x; } \
static inline T u_to_##S(uint64_t x) { return (T)x; } \
static inline T f_to_##S(double x) { return (T)CUT(x); } \
static inline T c_to_##S(ElC128 x) { return (T)CUT(x.re); }
TO_INT(i8, int8_t, cut_i32)
TO_INT(i16, int16_t, cut_i32)
TO_INT(i32, int32_t, cut_i32)
TO_INT(i64, int64_t, cut_i64)
TO_INT(u8, uint8_t, cut_i32)
TO_INT(u16, uint16_t, cut_i32)
TO_INT(u32, uint32_t, cut_i64)
TO_INT(u64, uint64_t, cut_u64)

#define TO_REAL(S, T) \
static inline T s_to_##S(int64_t x) { return (T)x; } \
static inline T u_to_##S(uint64_t x) { return (T)x; } \
static inline T f_to_##S(double x) { return (T)x; } \
static inline T c_to_##S(ElC128 x) { return (T)x.re; }
TO_REAL(f32, float)
TO_REAL(f64, double)

#define TO_COMPLEX(S, C, T) \
static inline C s_to_##S(int64_t x) { return (C){ (T)x, 0 }; } \
static inline C u_to_##S(uint64_t x) { return (C){ (T)x, 0 }; } \
static inline C f_to_##S(double x) { return (C){ (T)x, 0 }; } \
static inline C c_to_##S(ElC128 x) { return (C){ (T)x.re, (T)x.im }; }
TO_COMPLEX(c64, E_c64, float)
TO_COMPLEX(c128, E_c128, double)

static inline uint8_t s_to_b1(int64_t x) { return x != 0; }
static inline uint8_t u_to_b1(uint64_t x) { return x != 0; }
static inline uint8_t f_to_b1(double x) { return x != 0; }
static inline uint8_t c_to_b1(ElC128 x) { return x.re != 0 || x.im != 0; }

static inline int64_t  load_b1(const E_b1 *p) { return *p != 0; }
static inline int64_t  load_i8(const E_i8 *p) { return *p; }
static inline int64_t  load_i16(const E_i16 *p) { return *p; }
static inline int64_t  load_i32(const E_i32 *p) { return *p; }
static inline int64_t  load_i64(const E_i64 *p) { return *p; }
static inline uint64_t load_u8(const E_u8 *p) { return *p; }
static inline uint64_t load_u16(const E_u16 *p) { return *p; }
static inline uint64_t load_u32(const E_u32 *p) { return *p; }
static inline uint64_t load_u64(const E_u64 *p) { return *p; }
static inline double   load_f32(const E_f32 *p) { return *p; }
static inline double   load_f64(const E_f64 *p) { return *p; }
static inline ElC128   load_c64(const E_c64 *p) { return (ElC128){ p->re, p->im }; }
static inline ElC128   load_c128(const E_c128 *p) { return (ElC128){ p->re, p->im }; }

typedef void (*CastFn)(char *dst, int64_t dst_stride, const char *src, int64_t src_stride, int64_t n);

#define CAST(FROM, CLASS, TO) \
static void cast_##FROM##_##TO(char *dst, int64_t ds, const char *src, int64_t ss, int64_t n) \
{ \
    if (ds == sizeof(E_##TO) && ss == sizeof(E_##FROM)) { \
        E_##TO *d = (E_##TO *)(void *)dst; \
        const E_##FROM *s = (const E_##FROM *)(const void *)src; \
        ELEM_INDEPENDENT \
        for (int64_t i = 0; i < n; i++) \
            d[i] = CLASS##_to_##TO(load_##FROM(&s[i])); \
        return; \
    } \
    for (int64_t i = 0; i < n; i++, dst += ds, src += ss) \
        *(E_##TO *)(void *)dst = CLASS##_to_##TO(load_##FROM((const E_##FROM *)(const void *)src)); \
}
#define CASTS_FROM(FROM, CLASS) \
    CAST(FROM, CLASS, b1) CAST(FROM, CLASS, i8) CAST(FROM, CLASS, i16) CAST(FROM, CLASS, i32) CAST(FROM, CLASS, i64) \
    CAST(FROM, CLASS, u8) CAST(FROM, CLASS, u16) CAST(FROM, CLASS, u32) CAST(FROM, CLASS, u64) \
    CAST(FROM, CLASS, f32) CAST(FROM, CLASS, f64) CAST(FROM, CLASS, c64) CAST(FROM, CLASS, c128)
CASTS_FROM(b1, s)
CASTS_FROM(i8, s)
CASTS_FROM(i16, s)
CASTS_FROM(i32, s)
CASTS_FROM(i64, s)
CASTS_FROM(u8, u)
CASTS_FROM(u16, u)
CASTS_FROM(u32, u)
CASTS_FROM(u64, u)
CASTS_FROM(f32, f)
CASTS_FROM(f64, f)
CASTS_FROM(c64, c)
CASTS_FROM(c128, c)

/* ORDER dtype, both ways. */
#define ROW(F) { cast_##F##_b1, cast_##F##_i8, cast_##F##_i16, cast_##F##_i32, cast_##F##_i64, cast_##F##_u8, cast_##F##_u16, \
                 cast_##F##_u32, cast_##F##_u64, cast_##F##_f32, cast_##F##_f64, cast_##F##_c64, cast_##F##_c128 },
static const CastFn cast_fn[DT_COUNT][DT_COUNT] = {
    ROW(b1) ROW(i8) ROW(i16) ROW(i32) ROW(i64) ROW(u8) ROW(u16) ROW(u32) ROW(u64) ROW(f32) ROW(f64) ROW(c64) ROW(c128)
};

void array_cast(DType to, char *dst, int64_t dst_stride, DType from, const char *src, int64_t src_stride, int64_t n)
{
    int64_t size = dtype_info[to].size;
    if (from == to && dst_stride == size && src_stride == size)
        memmove(dst, src, (size_t)(n * size));
    else
        cast_fn[from][to](dst, dst_stride, src, src_stride, n);
}
