/* interp/elem/elem.h — alpy's own elementary functions: exp, log, sin … with the same bits wherever they are computed.
 *
 * Interpreter and reference executor call these.  Compiled loops contain the same texts (elem_all.h), as bitcode or CUDA C.  Results are at
 * most 1 ulp from the true value, mostly the nearest float; special values are those of annex F of the C standard. */
#ifndef ALP_INTERP_ELEM_ELEM_H
#define ALP_INTERP_ELEM_ELEM_H

#include <stdint.h>

/* elem_NAME(x) or elem_NAME(x, y), and of floats elem_NAMEf; elem_NAME_n: r[i] = f(x[i]) for i < n, where r is an operand or overlaps none. */
#define ELEM_FUN_1(name) \
    double elem_##name(double x); \
    float  elem_##name##f(float x); \
    void   elem_##name##_n(const double *x, double *r, int64_t n); \
    void   elem_##name##f_n(const float *x, float *r, int64_t n);
#define ELEM_FUN_2(name) \
    double elem_##name(double x, double y); \
    float  elem_##name##f(float x, float y); \
    void   elem_##name##_n(const double *x, const double *y, double *r, int64_t n); \
    void   elem_##name##f_n(const float *x, const float *y, float *r, int64_t n);
#define ELEM_FUN_usual ELEM_FUN_1
#define ELEM_FUN(name, operands) ELEM_FUN_##operands(name)
#include "interp/elem/elem_list.h"
#undef ELEM_FUN
#undef ELEM_FUN_1
#undef ELEM_FUN_usual
#undef ELEM_FUN_2

#endif
