/* interp/elem/elem_level.h — the elementary functions compiled for several instruction sets.  With fused multiply-add in hardware they are some
 * ten times as fast as without; the bits are the same. */
#ifndef ALP_INTERP_ELEM_LEVEL_H
#define ALP_INTERP_ELEM_LEVEL_H

#include <stdint.h>

/* Members: as the functions of elem.h, without elem_. */
typedef struct ElemLevel {
    const char *name;           /* "plain", "avx2" … */
#define ELEM_FUN_1(name) \
    double (*name)(double); \
    float  (*name##f)(float); \
    void   (*name##_n)(const double *, double *, int64_t); \
    void   (*name##f_n)(const float *, float *, int64_t);
#define ELEM_FUN_2(name) \
    double (*name)(double, double); \
    float  (*name##f)(float, float); \
    void   (*name##_n)(const double *, const double *, double *, int64_t); \
    void   (*name##f_n)(const float *, const float *, float *, int64_t);
#define ELEM_FUN_usual ELEM_FUN_1
#define ELEM_FUN(name, operands) ELEM_FUN_##operands(name)
#include "interp/elem/elem_list.h"
#undef ELEM_FUN
#undef ELEM_FUN_1
#undef ELEM_FUN_usual
#undef ELEM_FUN_2
} ElemLevel;

enum { ELEM_LEVELS_MAX = 3 };
/* Those that this processor can run, the best one last, and how many they are. */
int elem_levels(const ElemLevel *list[ELEM_LEVELS_MAX]);

#endif
