/* jit/nest/fun.h — elementary functions of nest expressions: which of the interpreter's functions they are, and the C functions that
 * compute them (the interpreter's own, so that the bits agree). */
#ifndef ALP_JIT_FUN_H
#define ALP_JIT_FUN_H

#include <complex.h>

#include "interp/native.h"

typedef enum NFunId {
#define FUN(id, name, arity, f64, f32, c128, c64) NF_##id,
#include "jit/nest/fun_list.h"
#undef FUN
    NF_FUN_COUNT
} NFunId;

/* Which of the pointers are set is what arity says; NULL: not available for this rep. */
typedef struct NFunInfo {
    const char *name;           /* "sqrt" */
    int         arity;
    double    (*f64_1)(double);
    double    (*f64_2)(double, double);
    float     (*f32_1)(float);
    float     (*f32_2)(float, float);
    double _Complex (*c128_1)(double _Complex);
    float _Complex  (*c64_1)(float _Complex);
} NFunInfo;

extern const NFunInfo nfun_info[NF_FUN_COUNT];

/* Is it one of alpy's own, elem_NAME (interp/elem), with the same bits on every device? */
bool nfun_is_own(NFunId f);
/* Is f available for operands of this rep? */
bool nfun_has(NFunId f, DType rep);
/* *r = f(*x) or f(*x, *y), objects of the C type of rep (double, float, two of them for complex).  False: not available. */
bool nfun_eval(NFunId f, DType rep, const void *x, const void *y, void *r);
/* Check Domain: does the function of module math return r = f(x, y) rather than raise?  y is ignored for functions of one. */
bool nfun_in_domain(NFunId f, double x, double y, double r);

#endif
