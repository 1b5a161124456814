/* interp/reduce_tree.h — the canonical order of long sums and products, and the kernels that follow it.
 *
 * A sum of n floats depends on the order of its additions, so the order is part of the language:
 *
 *   n <= 128   program order: ((s0 + x[0]) + x[1]) + …
 *   n >  128   s0 + tree(x), where tree() works level by level.  A level's values are cut into chunks of C = 4096
 *              consecutive ones.  In a chunk, W = 32 lanes: lane l starts from the identity (-0.0 for sums, 1 for products)
 *              and takes elements l, l + 32, l + 64, … from left to right.  The lanes fold by halving: lane l takes lane
 *              l + 16 for l < 16, then l + 8, 4, 2, 1.  Lane 0 is the chunk's result.  The chunk results, in order, are the
 *              next level's values; the tree ends when one value is left.
 *
 * Elements missing from the last chunk count as the identity, which leaves a lane as it is (so they are not touched: for the
 * product of complex numbers, where 1 + 0j is not neutral for infinities, that is the definition).  Complex sums are two sums.
 * The same rule gives the same bits for every instruction set and number of threads.  W and C never change.
 *
 * minimum, maximum, any, all and integer sums give the same result in every order; they run through the same kernels.
 * Elements need not be aligned. */
#ifndef ALP_INTERP_REDUCE_TREE_H
#define ALP_INTERP_REDUCE_TREE_H

#include "interp/value.h"

#define TREE_LANES   32
#define TREE_CHUNK   4096
#define TREE_PROGRAM 128        /* up to here elements are taken one after the other */
#define TREE_LEVELS  6          /* 4096**5 > 2**59 elements */

/* One value of any dtype; complex numbers are two parts. */
typedef union TreeValue {
    double   f64[2];
    float    f32[2];
    int64_t  i64;
    uint64_t u64;
    char     bytes[16];
} TreeValue;

/* For DT_Bool, Add is `or` and Mul is `and`.  Min and Max: a NaN wins, complex numbers compare by real part first. */
typedef enum TreeOp { TREE_Add, TREE_Mul, TREE_Min, TREE_Max, TREE_OP_COUNT } TreeOp;

/* acc[i] = op(acc[i], x[i]) for n contiguous elements. */
void tree_combine(TreeOp op, DType d, void *acc, const void *x, int64_t n);
/* acc = op(op(op(acc, x[0]), x[1]), …): program order. */
void tree_sequence(TreeOp op, DType d, void *acc, const void *x, int64_t n);
/* x[i] = op(x[i - 1], x[i]) for n contiguous elements, one after the other. */
void tree_scan(TreeOp op, DType d, void *x, int64_t n);
/* The value that lanes start from.  Min and Max have none: any element of the input serves, as x op x = x. */
TreeValue tree_identity(TreeOp op, DType d, const void *some_element);

/* n copies of a value of `size` bytes. */
void tree_fill(void *to, const void *value, size_t size, int64_t n);

/* A running reduction over n_total elements, which arrive in contiguous pieces. */
typedef struct TreeState {
    TreeOp    op;
    DType     dtype;
    int64_t   n_total;
    int       n_levels;                 /* levels that are folded; 0: program order */
    bool      has_start;                /* result holds s0, or what was reduced so far in program order */
    TreeValue result, identity;
    int64_t   count[TREE_LEVELS];       /* values that each level's present chunk has taken */
    _Alignas(64) char lane[TREE_LEVELS][TREE_LANES * 16];
} TreeState;

/* start: s0, or NULL for a result that begins with the first element (there must be one).  some_element: as above, may be
 * NULL for Add and Mul. */
void tree_begin(TreeState *t, TreeOp op, DType d, int64_t n_total, const void *start, const void *some_element);
/* The next n elements.  Every piece but the last must be a multiple of TREE_LANES long. */
void tree_push(TreeState *t, const void *x, int64_t n);
/* The result, when n_total elements were pushed. */
TreeValue tree_end(TreeState *t);
/* Instead of the elements themselves: the value of the next TREE_CHUNK of them (or of those that are left), which the caller found by lanes
 * of its own.  n_total > TREE_PROGRAM. */
void tree_give_chunk(TreeState *t, const void *value);

/* The tree above the chunks: from the values of n > 0 chunks, the only ones there are, to the result without start. */
TreeValue tree_fold_chunks(TreeOp op, DType d, const void *chunks, int64_t n);

/* All of it for n elements of dtype d at a byte stride. */
#define TREE_GATHER 256
TreeValue tree_run(TreeOp op, DType d, const void *start, const char *p, int64_t stride, int64_t n);

/* The chunk rule for a block of columns at once: lanes is TREE_LANES rows of `width` elements each; row i of the chunk goes into
 * lanes + (i % TREE_LANES) by tree_combine.  This folds the lanes; the result is the first row. */
void tree_fold_rows(TreeOp op, DType d, void *lanes, int64_t width);

#endif
