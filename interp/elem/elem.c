/* interp/elem/elem.c — calls go to the functions for the best instruction set that this processor has. */
#include "interp/elem/elem.h"
#include "interp/elem/elem_level.h"

extern const ElemLevel elem_level_plain;
#ifdef ELEM_X86
extern const ElemLevel elem_level_avx2, elem_level_avx512;
#endif

int elem_levels(const ElemLevel *list[ELEM_LEVELS_MAX])
{
    int n = 0;
    list[n++] = &elem_level_plain;
#ifdef ELEM_X86
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        list[n++] = &elem_level_avx2;
    if (n == 2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        list[n++] = &elem_level_avx512;
#endif
    return n;
}

/* Set before main(), or before a dlopen() returns. */
static const ElemLevel *best = &elem_level_plain;

__attribute__((constructor)) static void choose_level(void)
{
    const ElemLevel *list[ELEM_LEVELS_MAX];
    best = list[elem_levels(list) - 1];
}

#define CALL_1(T, f) \
T elem_##f(T x) { return best->f(x); } \
void elem_##f##_n(const T *x, T *r, int64_t n) { best->f##_n(x, r, n); }
#define CALL_2(T, f) \
T elem_##f(T x, T y) { return best->f(x, y); } \
void elem_##f##_n(const T *x, const T *y, T *r, int64_t n) { best->f##_n(x, y, r, n); }
#define CALL_usual CALL_1
#define ELEM_FUN(name, operands) CALL_##operands(double, name) CALL_##operands(float, name##f)
#include "interp/elem/elem_list.h"
#undef ELEM_FUN
