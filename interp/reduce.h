/* interp/reduce.h — reductions over axes of arrays, and the functions of numpy that are made of them.
 *
 * Files: reduce.c (the walk over axes; sum, prod, min, max, any, all, count_nonzero), reduce_stats.c (mean, var, median, the nan…
 * functions), reduce_arg.c (argmin, argmax), scan.c (cumsum, cumprod, diff), sort.c (sort, argsort, unique, searchsorted),
 * histogram.c (bincount, histogram).  The order of additions is reduce_tree.h's. */
#ifndef ALP_INTERP_REDUCE_H
#define ALP_INTERP_REDUCE_H

#include "interp/array.h"
#include "interp/native.h"
#include "interp/reduce_tree.h"

/* How the elements of an array are grouped: one group per result element.  Kept axes in order; reduced axes in order, adjacent
 * ones merged where they step alike. */
typedef struct ReduceWalk {
    int     n_kept, n_red;
    int64_t kept_shape[ALP_MAX_NDIM], kept_stride[ALP_MAX_NDIM];
    int64_t red_shape[ALP_MAX_NDIM], red_stride[ALP_MAX_NDIM];
    int64_t n_groups, group_size;
} ReduceWalk;

void walk_init(ReduceWalk *w, const Array *a, uint32_t axes);
/* Byte offset, within the array, of the first element of the group after `index`; index (n_kept entries, zeroed at the start) and
 * *offset are moved on in C order. */
void walk_next_group(const ReduceWalk *w, int64_t *index, int64_t *offset);

/* The elements of one group, from any place on, as contiguous elements of dtype `to`. */
typedef struct GroupCursor {
    const ReduceWalk *walk;
    const char *p;                      /* next element */
    int64_t index[ALP_MAX_NDIM];        /* in the reduced axes */
} GroupCursor;
void group_start(GroupCursor *c, const ReduceWalk *w, const char *first);
void group_take(GroupCursor *c, DType to, char *dst, DType from, int64_t n);

/* ---- arguments ------------------------------------------------------------------------------------------------------ */
static inline bool arg_given(Value v) { return v.tag != T_Unbound && v.tag != T_None; }
/* An axis argument that may be a tuple: bit k of *axes = axis k is reduced.  None and absent: all.  scalar_axis: 0 and -1 are
 * accepted for 0-d arrays, as ufuncs do. */
Status reduce_axes_arg(VM *vm, Value axis, int ndim, bool scalar_axis, uint32_t *axes);
/* keepdims and kin: an int used as a truth value. */
Status reduce_flag_arg(VM *vm, Value v, bool *out);
/* First argument as an array: owned. */
Value  reduce_input(VM *vm, Value v);
/* The common part of `a, axis, keepdims` for functions that take one axis: a is replaced by its 1-d copy for axis None. */
Status one_axis_arg(VM *vm, Value axis, ALP_TAKE Value *a, int *out);

/* ---- results -------------------------------------------------------------------------------------------------------- */
/* dtype of a sum or product: bool and small integers widen to 64 bits. */
DType  reduce_sum_dtype(DType d);
/* The reduction, as an owned array of dtype d (0-d if every axis is reduced).  initial: T_Unbound the operation's own, T_None
 * none, else a number.  name: of the ufunc, for messages. */
Value  reduce_array(VM *vm, const Array *a, uint32_t axes, bool keepdims, TreeOp op, DType d, Value initial, const char *name);
/* The same; more than one element may be made where a is (interp/whole.h). */
Value  reduce_array_there(VM *vm, const Array *a, uint32_t axes, bool keepdims, TreeOp op, DType d, Value initial, const char *name);
/* Shape of a reduced array. */
int    reduce_shape(const Array *a, uint32_t axes, bool keepdims, int64_t *shape);
/* What the program gets: the array, its only element if it is 0-d, or `out` after it was copied there. */
Value  reduce_deliver(VM *vm, ALP_TAKE Value result, Value out, const Array *a, uint32_t axes, bool keepdims, const char *name);
/* 0-d array to scalar. */
Value  array_to_scalar(VM *vm, ALP_TAKE Value a);
/* Divide every element of a contiguous array by n, as NumPy's true_divide with the quotient cast back to the array's dtype. */
void   divide_elements(Array *a, double n);

/* sort.c: sort n contiguous elements, stable, NaNs last; scratch has room for as many. */
void   sort_elements(DType d, void *elements, void *scratch, int64_t n);
/* Is an element NaN (floats, complex). */
bool   element_is_nan(DType d, const void *p);

/* ---- functions, as rows of numpy and of array --------------------------------------------------------------------------- */
Value np_mean(VM *vm, const Args *args), np_var(VM *vm, const Args *args), np_std(VM *vm, const Args *args);
Value np_average(VM *vm, const Args *args);
Value np_median(VM *vm, const Args *args), np_ptp(VM *vm, const Args *args);
Value np_nansum(VM *vm, const Args *args), np_nanprod(VM *vm, const Args *args), np_nanmin(VM *vm, const Args *args);
Value np_nanmax(VM *vm, const Args *args), np_nanmean(VM *vm, const Args *args);
Value np_argmin(VM *vm, const Args *args), np_argmax(VM *vm, const Args *args);
Value np_cumsum(VM *vm, const Args *args), np_cumprod(VM *vm, const Args *args), np_diff(VM *vm, const Args *args);
Value np_sort(VM *vm, const Args *args), np_argsort(VM *vm, const Args *args), array_sort_method(VM *vm, const Args *args);
Value np_unique(VM *vm, const Args *args), np_searchsorted(VM *vm, const Args *args);
Value np_bincount(VM *vm, const Args *args), np_histogram(VM *vm, const Args *args);
/* linalg.c */
Value np_dot(VM *vm, const Args *args), np_trace(VM *vm, const Args *args);

#endif
