/* interp/nditer.h — walking several strided operands of one broadcast shape in step.
 *
 * Usage: nditer_init with the shape, nditer_operand for each operand, nditer_order to visit memory in a good order (operand
 * order does not matter to elementwise work), then
 *     do work(it.ptr, it.stride[…][0], it.shape[0]); while (nditer_next(&it));
 * Axis 0 is the innermost one.  An empty shape must not be walked (it.size == 0). */
#ifndef ALP_INTERP_NDITER_H
#define ALP_INTERP_NDITER_H

#include "interp/array.h"

#define NDITER_MAX 6

typedef struct NdIter {
    int     n_op, ndim;
    int64_t size;
    int64_t shape[ALP_MAX_NDIM + 1];
    int64_t count[ALP_MAX_NDIM + 1];
    int8_t  perm[ALP_MAX_NDIM + 1];             /* which axis of the shape, counted from the last, stands here; until coalesced */
    int64_t stride[NDITER_MAX][ALP_MAX_NDIM + 1];
    int64_t step[NDITER_MAX];                   /* inner strides, as an array for loops */
    char   *ptr[NDITER_MAX];
} NdIter;

void nditer_init(NdIter *it, int ndim, const int64_t *shape);
/* strides of an operand of ndim axes that broadcasts against the shape's last ones. */
void nditer_operand(NdIter *it, char *data, int ndim, const int64_t *shape, const int64_t *strides);
void nditer_array(NdIter *it, const Array *a);
/* Sort the axes so that the smallest strides are innermost; conflicts between operands leave C order. */
void nditer_sort(NdIter *it);
/* Strides of a fresh array of the iterator's shape whose layout follows the sorted axes. */
void nditer_layout(const NdIter *it, int64_t item_size, int64_t *strides);
/* Turn axes around that all operands walk backwards, merge axes that are one run in memory, and start. */
void nditer_start(NdIter *it);
bool nditer_next(NdIter *it);

#endif
