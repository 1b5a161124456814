/* jit/depend/pair_test.h — from two references of a nest to the question of test.h, and its answer.  Private to jit/depend.
 *
 * The question needs three things: the loops around the references with their bounds, the subscripts as numbers (lin.h), and an
 * AddressMap: which combinations of the subscripts must agree for two elements to have a byte in common. */
#ifndef ALP_JIT_PAIR_TEST_H
#define ALP_JIT_PAIR_TEST_H

#include "jit/depend/graph.h"
#include "jit/depend/lin.h"

/* mult times one subscript of A or B. */
typedef struct MapTerm { bool is_b; uint8_t dim; int64_t mult; } MapTerm;

/* lo <= sum of A's terms - sum of B's terms <= hi */
typedef struct MapEq {
    int64_t lo, hi;
    int     n;
    MapTerm term[2 * ALP_MAX_NDIM];
} MapEq;

typedef struct AddressMap {
    bool    is_disjoint;        /* no two elements share a byte */
    bool    is_unknown;         /* any two may: arrays that overlap themselves */
    int     n;
    MapEq   eq[2 * ALP_MAX_NDIM];
} AddressMap;

/* Both references to one array that does not overlap itself. */
void map_same(AddressMap *m, int ndim);
/* Two arrays in one buffer, A's and B's. */
void map_overlap(AddressMap *m, const ArrayFact *a, const ArrayFact *b);

/* How one dimension's subscript becomes an index: the values of DimMode (jit/plan/plan.h). */
enum { SUB_Checked, SUB_Plain, SUB_FromEnd };

/* One reference. */
typedef struct RefSide {
    const NLoop *const *chain;  /* loops around it, outermost first */
    int      n_loops;
    const Lin *sub;             /* [ndim] */
    const bool *has_sub;        /* false: not affine, or does not fit */
    const bool *is_affine;      /* the form exists: without a Lin for want of numbers or room only */
    const uint8_t *mode;        /* [ndim] SUB_…; NULL: all SUB_Plain */
    const int64_t *shape;       /* [ndim]; needed where a mode is not SUB_Plain */
} RefSide;

typedef struct Question {
    RefSide  a, b;
    int      n_shared;          /* loops around both */
    int      n_common;          /* levels to give directions for: n_shared, or one more for two loops that may become one */
    const LinLoop *loop;        /* by loop id; those of both chains are filled in */
    const AddressMap *map;
    /* Not NULL: B's first loop of its own, which A stands behind.  Only pairs count where B's counter of it is one that the loop also has in A's
     * iteration of the shared loops. */
    const NLoop *behind;
} Question;

typedef struct PairResult {
    DepAnswer answer;
    Reason    maybe;            /* see RefPair */
    int       n_tests;          /* calls of dep_test() */
    /* For the static stage: would numbers help? */
    bool      eq_has_sym, bound_has_sym, wants_numbers, is_far;
} PairResult;

void pair_test(const Question *q, PairResult *out);
/* An example for one of the vectors; see dep_example().  Room for DEP_MAX_DEPTH counters each. */
bool pair_example(const Question *q, const DepVec *v, int64_t *t_a, int64_t *t_b);
/* Every direction: nothing is known. */
void answer_all(DepAnswer *out, int n_common, DepTest test);

#endif
