/* jit/plan/space.h — the iterations in which a statement runs, and the extremes of affine forms over them.  Private to guards.
 *
 * A Space is a set of bounds on the counters of the loops around a statement, each in terms of outer counters:
 *
 *     scale * t[k] <= c0 + sum c[j] * t[j]   or   >=,   j < k
 *
 * They come from the loops themselves, from the fact that an inner loop runs at all (its bound is not negative), and from affine
 * conditions: of the Ifs around, and of `and`, `or` and conditional expressions that evaluate an operand only then.  Every counter is at least 0. */
#ifndef ALP_JIT_SPACE_H
#define ALP_JIT_SPACE_H

#include "jit/depend/lin.h"

enum { SPACE_MAX_BOUND = 6 };   /* per counter and side; more are left out */

typedef struct SpaceBound { int64_t scale, c0, c[DEP_MAX_DEPTH]; } SpaceBound;

typedef struct SpaceLevel {
    int n_upper, n_lower;
    SpaceBound upper[SPACE_MAX_BOUND], lower[SPACE_MAX_BOUND];
} SpaceLevel;

/* A condition that decides whether a place is reached. */
typedef struct Guarding {
    const struct Guarding *up;  /* others that do */
    const NExpr *cond;
    bool is_true;               /* … or false */
} Guarding;

/* One place of the nest: all expressions in the same loop and under the same conditions. */
typedef struct Space {
    uint32_t     id;
    const NLoop *loop;          /* innermost; NULL: none */
    const Guarding *guarding;
    int          n;             /* loops around; 0 also for too many */
    bool         is_empty;      /* nothing runs here */
    uint64_t     epoch;
    SpaceLevel  *level;         /* [n] */
} Space;

/* Bounds for these facts.  loops: by id, those around filled in. */
void space_fill(Space *s, const LinLoop *loops, const Facts *facts);
/* Least and greatest value of the form; false: none that fits is known.  Not empty spaces only. */
bool space_extremes(const Space *s, const Lin *form, int64_t *min, int64_t *max);
/* How often the loop at the given depth (1 = outermost) can run per entry; false: unknown. */
bool space_max_trip(const Space *s, int depth, int64_t *trip);

#endif
