/* interp/elem/elem_base.h — what the texts of elementary functions are made of.
 *
 * The functions in elem_*.h are written once and compiled three times: by the C compiler for the interpreter and the reference executor
 * (elem_level.c, for several instruction sets), by clang to bitcode that is inlined into compiled loops (elem_bitcode.c), and as CUDA C
 * that tools/elem_cuda.py makes of the same texts.  All give the same bits.  So a text may use
 *
 *   - double, float, bool, int32_t, uint32_t, int64_t, uint64_t, ElemPair; + - * / and comparisons of floats, each rounded once, and casts;
 *   - what is declared here, and functions and tables of the other texts.  No C library, no long double, no 128-bit integers;
 *   - fused operations only where they are written down as elem_fma: compilers neither contract nor reassociate.
 *
 * A function should have no branches: special cases are chosen at the end by ELEM_CHOOSE, of values computed anyway, so that a loop over
 * it becomes a vector loop.  Exception flags and errno mean nothing.  Which NaN comes out does not matter.
 *
 * Texts are read line by line by tools/elem_cuda.py: a function starts in column 0 with ELEM or ELEM_RARE and ends with a } in column 0 (or
 * is one line), a table starts with ELEM_TABLE and ends with };, a macro is one #define with its continuation lines; all have names that
 * start with elem_ or ELEM_.  Other preprocessor lines (guards, #include) are dropped. */
#ifndef ALP_INTERP_ELEM_BASE_H
#define ALP_INTERP_ELEM_BASE_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* How a function starts.  ELEM_BITCODE: those of C get names in the module, so that a loop's module can ask for them. */
#ifdef ELEM_BITCODE
#define ELEM       __attribute__((always_inline))
#define ELEM_RARE  __attribute__((noinline, cold))
#else
#define ELEM       static inline __attribute__((always_inline))
#define ELEM_RARE  static __attribute__((noinline, cold, unused))       /* a slow part that hardly any argument takes */
#endif
#define ELEM_TABLE static const __attribute__((unused))                 /* ELEM_TABLE double elem_x_table[32] = { … }; */

/* c ? a : b, where a and b have no side effects and both may be computed. */
#define ELEM_CHOOSE(c, a, b) ((c) ? (a) : (b))

/* An unevaluated sum: hi is lo + hi rounded. */
typedef struct ElemPair { double hi, lo; } ElemPair;

/* ---- machine operations; the CUDA texts have their own (tools/elem_cuda.py) ---------------------------------------------------- */
ELEM double elem_fma(double a, double b, double c) { return __builtin_fma(a, b, c); }           /* a * b + c, rounded once */
ELEM float elem_fmaf(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
ELEM double elem_sqrt(double x) { return __builtin_sqrt(x); }
ELEM float elem_sqrtf(float x) { return __builtin_sqrtf(x); }
ELEM double elem_rint(double x) { return __builtin_rint(x); }                                   /* halves to even */
ELEM float elem_rintf(float x) { return __builtin_rintf(x); }
ELEM double elem_floor(double x) { return __builtin_floor(x); }
ELEM double elem_abs(double x) { return __builtin_fabs(x); }
ELEM float elem_absf(float x) { return __builtin_fabsf(x); }
ELEM double elem_copysign(double x, double sign) { return __builtin_copysign(x, sign); }
ELEM float elem_copysignf(float x, float sign) { return __builtin_copysignf(x, sign); }
ELEM uint64_t elem_bits(double x) { uint64_t u; memcpy(&u, &x, sizeof u); return u; }
ELEM double elem_from(uint64_t u) { double x; memcpy(&x, &u, sizeof x); return x; }
ELEM uint32_t elem_bitsf(float x) { uint32_t u; memcpy(&u, &x, sizeof u); return u; }
ELEM float elem_fromf(uint32_t u) { float x; memcpy(&x, &u, sizeof x); return x; }
/* The upper 64 bits of a product.  Not for vector loops. */
ELEM uint64_t elem_mulhi(uint64_t a, uint64_t b) { return (uint64_t)((__extension__(unsigned __int128)a * b) >> 64); }
/* ---- end of machine operations --------------------------------------------------------------------------------------------------- */

ELEM bool elem_isnan(double x) { return x != x; }
ELEM bool elem_isnanf(float x) { return x != x; }

/* a + b exactly (Knuth's TwoSum). */
ELEM ElemPair elem_two_sum(double a, double b)
{
    double s = a + b, bb = s - a;
    ElemPair r = { s, (a - (s - bb)) + (b - bb) };
    return r;
}

/* a + b exactly, if |a| >= |b| or a == 0 (Dekker's FastTwoSum). */
ELEM ElemPair elem_fast_two_sum(double a, double b)
{
    double s = a + b;
    ElemPair r = { s, b - (s - a) };
    return r;
}

/* a * b exactly, if it does not underflow. */
ELEM ElemPair elem_two_prod(double a, double b)
{
    double p = a * b;
    ElemPair r = { p, elem_fma(a, b, -p) };
    return r;
}

#endif
