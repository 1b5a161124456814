/* jit/depend/pairs.h — the pairs of references of a nest, and the questions behind them.  Private to jit/depend.
 *
 * Many pairs ask the same question: the two references of `c[i, j] += x`, or the hundred references a[i, j] of a long body.  References to one
 * array with equal subscripts in the same loop, under the same condition, form a RefClass; pairs of the same two classes
 * share a DepCase, which is tested once.  And many cases differ only by a shift of both subscripts (a[i] with a[i - 1], a[i + 1] with
 * a[i]): while nothing wraps they take over the answer of the first of them. */
#ifndef ALP_JIT_PAIRS_H
#define ALP_JIT_PAIRS_H

#include "jit/depend/pair_test.h"

typedef struct RefClass {
    struct RefClass *next;      /* same hash bucket */
    const NAccess *rep;         /* the first of them */
    const NLoop *loop;          /* innermost loop in whose iterations it is evaluated; NULL: none */
    const NStmt *condition;     /* innermost If around it, … */
    bool     in_orelse;         /* … and which branch */
    uint32_t id;
    int      n_loops;           /* DEP_MAX_DEPTH + 1: too many; nothing is asked about it */
    const NLoop *chain[DEP_MAX_DEPTH];
    Lin     *sub;               /* [ndim] of the epoch */
    bool     has_sub[ALP_MAX_NDIM], is_affine[ALP_MAX_NDIM];
    uint64_t modes;             /* SUB_… per dimension, of the last execution: SUB_Checked where members differ */
    uint64_t epoch;
} RefClass;

typedef struct DepCase {
    struct DepCase *next;       /* same hash bucket */
    struct DepCase *next_of_group;      /* a case comes after the one that it is like */
    struct DepCase *next_like;  /* same hash bucket of firsts */
    struct DepCase *like;       /* the first case that differs only by a shift, or in the array; NULL: this is one */
    uint32_t id;
    RefClass *a, *b;
    int      n_shared;
    bool     is_final;          /* the static answer holds for every execution in which the subscripts keep their signs */
    bool     is_assumed;        /* never tested: every direction */
    bool     is_now;            /* the answer is an execution's, not the static one */
    uint64_t affine_dims;       /* bytes of ones for dimensions that take part in equations */
    Reason   maybe, static_maybe;
    PairAnswer answer, static_answer;
    DepVec  *room;              /* for answers of executions */
    uint32_t cap;
} DepCase;

/* Two arrays of which one is written, made when they first share memory. */
typedef struct ArrayPair {
    struct ArrayPair *next;     /* by ids of x, then y */
    const NArray *x, *y;        /* x->id < y->id */
    bool     is_made, is_active;
    uint32_t first, n;          /* its pairs in DepGraph.pair */
    DepCase *cases, **cases_end;        /* by next_of_group */
} ArrayPair;

typedef struct Pairs {
    const Nest *nest;
    Arena    *arena;
    RefClass **class_of;        /* [n_accesses] */
    uint32_t *of_array;         /* accesses in order of array, then of evaluation */
    uint32_t *array_start;      /* [n_arrays + 1] */
    uint32_t n_classes, n_cases, n_same, cap_pairs, n_buckets;
    RefClass **class_bucket;
    DepCase  **case_bucket, **like_bucket;
    DepCase  *same_cases, **same_end;   /* of pairs within one array, and where the next one is hung */
    ArrayPair *across;
    LinLoop  *loop;             /* [n_loops] of the epoch … */
    uint64_t *loop_epoch;
    uint64_t epoch;
    bool     is_plain;          /* no subscript of this execution wraps, or may */
    bool     is_odd;            /* some may, or an array that is written overlaps itself: final answers and likeness are in doubt */
    uint64_t *plain_dims;       /* [n_arrays]: a byte SUB_Plain per dimension */
    PairResult result;
} Pairs;

/* Fills g->pair and the static answers.  ALP_FAIL: no memory. */
Status pairs_new(DepGraph *g, Arena *arena);
/* The answers of an execution. */
void pairs_decide(DepGraph *g, const Facts *f, const uint8_t *access_dim);
/* Pairs in a fixed order: k = 0 …; NULL: no more.  Pairs of arrays that share no memory at the last execution are left out. */
typedef struct PairWalk { uint32_t k; bool is_across; const ArrayPair *group; } PairWalk;       /* all zero: start */
RefPair *pairs_next(const DepGraph *g, PairWalk *w);
/* Is x evaluated before y in one iteration of the loops around both? */
bool ref_is_before(const NAccess *x, const NAccess *y);

#endif
