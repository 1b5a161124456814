/* jit/depend/refine.h — the general path of dep_test: what a pair looks like, and the direction vectors of one group of
 * connected equations and bounds.  Private to jit/depend. */
#ifndef ALP_JIT_REFINE_H
#define ALP_JIT_REFINE_H

#include "jit/depend/system.h"

/* Sets of unknowns: bit k is level k (a common loop, both counters; else A's own loop), then B's own loops, then symbols. */
enum { BIT_B = DEP_MAX_DEPTH, BIT_SYM = 2 * DEP_MAX_DEPTH };

typedef struct Shape {
    int64_t  up_a[DEP_MAX_DEPTH], up_b[DEP_MAX_DEPTH];      /* smallest constant bound; SYS_INF: none.  Common loops: in both */
    uint32_t ref_a[DEP_MAX_DEPTH], ref_b[DEP_MAX_DEPTH];    /* unknowns in the loop's bounds; 0: rectangular */
    uint32_t eq[DEP_MAX_EQ];    /* unknowns of each equation */
    uint32_t in_bounds;         /* counters that occur in other loops' bounds */
    uint32_t used;              /* these and the unknowns of all equations */
    bool     has_refs;          /* some loop is not rectangular */
    bool     is_unbounded;      /* of some loop nothing is known but t >= 0 */
} Shape;

/* No equation and no other loop's bound mentions the loop, and its directions, if it is common, depend on no counter: all that
 * matters is that it runs. */
static inline bool is_free(const Shape *sh, uint32_t bit, uint32_t ref, bool is_common)
{
    return !(sh->used & bit) && !(is_common && (ref & (((uint32_t)1 << BIT_SYM) - 1)));
}

/* The columns of a pair's unknowns in a System.  0: no column. */
typedef struct Columns {
    uint8_t a[DEP_MAX_DEPTH];   /* tA_k */
    uint8_t b[DEP_MAX_DEPTH];   /* tB_k, or tB_k - tA_k where is_diff */
    bool    is_diff[DEP_MAX_DEPTH];     /* with a[k] == 0: only the difference occurs */
    uint8_t sym[DEP_MAX_SYM];   /* 1..n_sym */
    int     n_sym;
} Columns;

/* Affine forms that the caller of group_system wants to follow: n zero rows first in s->out, written by `fill`. */
typedef struct Outputs {
    int  n;
    void (*fill)(System *s, const Columns *c, const void *user);
    const void *user;
} Outputs;

/* System of the unknowns in `group`: boxes, bounds and equations, narrowed.  keep_counters: no pair of counters is reduced to its
 * difference.  SAT_Yes: built; SAT_No: no solution; SAT_Maybe: numbers too large.  *test: the test that decided SAT_No, or the
 * name of what the system comes from. */
Sat group_system(Solver *sv, const DepPair *p, const Shape *sh, uint32_t group, bool keep_counters, Outputs outputs, System *s, DepTest *test);

/* Direction vectors over the group's common levels; other levels' sets are left empty. */
typedef struct Vectors {
    int     n;
    bool    is_exact, is_stable;
    DepTest test;
    DepVec  vec[DEP_MAX_VEC + 1];
} Vectors;
void group_refine(Solver *sv, const DepPair *p, const Shape *sh, uint32_t group, Vectors *out);

/* Merge vectors whose union is exactly a product of sets; then, if more than `max` are left, with *is_exact = false those whose union
 * grows least. */
void merge_vectors(DepVec *vec, int *n, int max, int n_common, bool *is_exact);

/* False: a loop around one of the references does not run. */
bool shape_of(const DepPair *p, Shape *sh);

#endif
