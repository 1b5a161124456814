/* jit/depend/test.h — can two array references touch the same element, and in which order of iterations?
 *
 * A DepPair is all that the question needs, free of syntax trees and arrays: two references, A and B, inside loops whose counters run
 * from 0 in steps of 1 (normalised), of which the outermost n_common are shared; linear bounds; and linear equations that hold
 * exactly when both references touch a common byte.  Numbers that are not known yet are symbols: integer unknowns, the same for A
 * and B.  With symbols the answer holds for every value they can take (the static stage); at an execution all of them are numbers
 * (n_sym = 0) and the same code decides what was deferred.
 *
 * Method: Goff, Kennedy, Tseng, "Practical Dependence Testing", PLDI 1991: partition into separable and coupled equations; ZIV, strong,
 * weak-zero, weak-crossing and exact SIV, RDIV on separable ones; the Delta test on coupled groups; then, for what is left,
 * refinement of direction vectors from the outermost level in (Burke & Cytron 1986) with GCD and Banerjee's inequalities (Allen &
 * Kennedy 2002, ch. 3), and where bounds depend on other counters or equations stay coupled, Fourier-Motzkin elimination with integer
 * tightening (Pugh, "The Omega test", 1991) within a bounded amount of work.
 *
 * Contract: never "no" when there is a dependence.  All arithmetic is overflow-checked: what does not fit answers "maybe". */
#ifndef ALP_JIT_DEPEND_TEST_H
#define ALP_JIT_DEPEND_TEST_H

#include "dsl/base.h"

enum {
    DEP_MAX_DEPTH = 8,          /* loops around one reference */
    DEP_MAX_SYM   = 12,
    DEP_MAX_BOUND = 4,          /* upper bounds of one loop */
    DEP_MAX_EQ    = 9,          /* one per dimension, or one on linear addresses */
    DEP_MAX_VEC   = 24,         /* direction vectors of one pair; more are merged */
};

/* scale * t <= c0 + sum c[k] * t_k (k: outer loops of the same reference) + sum sym[s] * symbol_s, with scale >= 1 and t >= 0.
 * A loop whose bounds exclude t = 0 does not run. */
typedef struct DepBound {
    int64_t scale, c0;
    int64_t c[DEP_MAX_DEPTH];
    int64_t sym[DEP_MAX_SYM];
} DepBound;

typedef struct DepLoop {
    int      n_upper;           /* 0: nothing is known but t >= 0 */
    DepBound upper[DEP_MAX_BOUND];
} DepLoop;

/* lo <= c0 + sum a[k] * tA_k - sum b[k] * tB_k + sum sym[s] * symbol_s <= hi.  lo = hi = 0: subscripts are equal.  A wider
 * interval compares byte addresses of elements of unlike size. */
typedef struct DepEq {
    int64_t lo, hi, c0;
    int64_t a[DEP_MAX_DEPTH], b[DEP_MAX_DEPTH];
    int64_t sym[DEP_MAX_SYM];
} DepEq;

/* Only entries in use are read: of n_upper bounds, of n_a, n_b, n_eq, n_sym, and of c[] below the loop's own level.  The rest may be garbage, so a
 * caller with many pairs fills one DepPair again and again, loops only where they change. */
typedef struct DepPair {
    int     n_common;           /* loops around both, outermost first */
    int     n_a, n_b;           /* all loops around A and around B; >= n_common */
    DepLoop a[DEP_MAX_DEPTH], b[DEP_MAX_DEPTH];     /* entries below n_common are equal in a and b */
    int     n_eq;               /* 0: nothing is known, every pair of iterations may conflict */
    DepEq   eq[DEP_MAX_EQ];
    int     n_sym;
    bool    sym_nonneg[DEP_MAX_SYM];                /* the symbol is known to be >= 0 (an extent) */
} DepPair;

/* Directions of one level, as a set: LT: A's iteration comes before B's. */
enum { DIR_LT = 1, DIR_EQ = 2, DIR_GT = 4, DIR_ANY = 7 };

typedef struct DepVec {
    uint8_t dir[DEP_MAX_DEPTH];             /* per common level, a non-empty set */
    uint8_t has_dist;                       /* bit k: every dependence of this vector has tB_k - tA_k == dist[k] */
    int64_t dist[DEP_MAX_DEPTH];
} DepVec;

/* Which test gave the answer, for people.  ORDER dep_test_name */
typedef enum DepTest {
    DEP_ZIV, DEP_StrongSIV, DEP_WeakZeroSIV, DEP_WeakCrossingSIV, DEP_ExactSIV, DEP_RDIV, DEP_GCD, DEP_Banerjee, DEP_Delta, DEP_FourierMotzkin,
    DEP_Bounds,                  /* a loop around one of them does not run */
    DEP_Unknown,                 /* nothing was known */
    DEP_TooLarge,                /* gave up: too much work, or numbers too large */
    DEP_TEST_COUNT
} DepTest;

typedef struct DepAnswer {
    int     n_vec;              /* 0: independent */
    DepVec  vec[DEP_MAX_VEC];
    DepTest test;               /* the last test that decided something */
    bool    is_exact;           /* n_vec == 0, or: each vector is known to occur (for the numbers given; false where values of symbols decide) */
    bool    is_stable;          /* is_exact, or, with symbols: no equation mentions one, and each vector occurs for some values of them.  Numbers can
                                 * then only take vectors away, and only where a loop has few iterations */
} DepAnswer;

/* The direction vectors over the common levels, each a vector of sets; together they cover every dependence.
 * Includes the all-'=' vector for A and B in the same iteration (also when A and B are one reference). */
void dep_test(const DepPair *p, DepAnswer *out);

/* An example: iterations (tA, tB) of the first vector's directions that touch a common byte.  False: none found within bounded
 * work (it may exist).  Only for n_sym == 0.  For explanations: not fast. */
bool dep_example(const DepPair *p, const DepVec *v, int64_t *t_a, int64_t *t_b);

const char *dep_test_name(DepTest t);       /* "strong SIV" */
/* "(<, =, *)", with distances where known: "(1, 0, <)".  Returns out. */
#define DEP_VEC_TEXT_MAX (DEP_MAX_DEPTH * 24)
char *dep_vec_text(char *out, const DepVec *v, int n_common);

#endif
