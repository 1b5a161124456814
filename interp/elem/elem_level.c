/* interp/elem/elem_level.c — the functions for one instruction set: compiled once for each, with its options and its name, ELEM_LEVEL. */
#include "interp/elem/elem_all.h"
#include "interp/elem/elem_level.h"

#if defined(__clang__)
#define INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define INDEPENDENT _Pragma("GCC ivdep")
#endif

#define LOOP_1(T, f) \
static T one_##f(T x) { return elem_##f(x); } \
static void many_##f(const T *x, T *r, int64_t n) \
{ \
    INDEPENDENT \
    for (int64_t i = 0; i < n; i++) \
        r[i] = elem_##f(x[i]); \
}
/* elem_NAME_usual serves for arguments below ELEM_TRIG_HUGE, which are vector code; others hardly occur. */
enum { BLOCK = 64 };
#define LOOP_usual(T, f) \
static T one_##f(T x) { return elem_##f(x); } \
static void block_##f(const T *x, T *r, int64_t n) \
{ \
    INDEPENDENT \
    for (int64_t i = 0; i < n; i++) \
        r[i] = elem_##f##_usual(x[i]); \
} \
static void many_##f(const T *x, T *r, int64_t n) \
{ \
    for (int64_t m; n > 0; n -= m, x += m, r += m) { \
        m = n < BLOCK ? n : BLOCK; \
        bool is_usual = true; \
        for (int64_t i = 0; i < m; i++) \
            is_usual &= (x[i] < (T)ELEM_TRIG_HUGE) & (x[i] > -(T)ELEM_TRIG_HUGE); \
        if (is_usual) \
            block_##f(x, r, m); \
        else \
            for (int64_t i = 0; i < m; i++) \
                r[i] = elem_##f(x[i]); \
    } \
}
#define LOOP_2(T, f) \
static T one_##f(T x, T y) { return elem_##f(x, y); } \
static void many_##f(const T *x, const T *y, T *r, int64_t n) \
{ \
    INDEPENDENT \
    for (int64_t i = 0; i < n; i++) \
        r[i] = elem_##f(x[i], y[i]); \
}
#define ELEM_FUN(name, operands) LOOP_##operands(double, name) LOOP_##operands(float, name##f)
#include "interp/elem/elem_list.h"
#undef ELEM_FUN

#define STRING_(a)   #a
#define STRING(a)    STRING_(a)
#define PASTE_(a, b) a##b
#define PASTE(a, b)  PASTE_(a, b)
extern const ElemLevel PASTE(elem_level_, ELEM_LEVEL);
const ElemLevel PASTE(elem_level_, ELEM_LEVEL) = {
    .name = STRING(ELEM_LEVEL),
#define ELEM_FUN(fun, operands) .fun = one_##fun, .fun##f = one_##fun##f, .fun##_n = many_##fun, .fun##f_n = many_##fun##f,
#include "interp/elem/elem_list.h"
#undef ELEM_FUN
};
