/* interp/array_util.h — functions on arrays that several files of the numpy module share. */
#ifndef ALP_INTERP_ARRAY_UTIL_H
#define ALP_INTERP_ARRAY_UTIL_H

#include "interp/reduce.h"

/* ---- ufunc_funcs.c ----------------------------------------------------------------------------------------------------- */
Value  array_clip(VM *vm, Value a, Value low, Value high, Value out);      /* bounds and out: None or T_Unbound allowed */
Value  array_round(VM *vm, Value v, int64_t decimals, Value out);
Value  array_nonzero(VM *vm, Value v);                          /* tuple of index arrays */
Value  array_part(VM *vm, Value v, bool imaginary);             /* view of the real or imaginary parts */
Status out_array_arg(VM *vm, Value v, Array **out);             /* NULL for None, T_Unbound */

/* ctypes_array.c */
Value  array_ctypes_attr(VM *vm, Value a);

/* ---- array_shape.c ------------------------------------------------------------------------------------------------------ */
/* Reshape to new_shape, one entry of which may be -1; a view where strides allow, else a copy. */
Value  array_reshape(VM *vm, Value v, int ndim, const int64_t *new_shape, char order);
/* The same from arguments: one shape, or several integers. */
Value  array_reshape_args(VM *vm, Value v, const Value *shape, uint32_t n, char order);
Value  array_ravel(VM *vm, Value v, char order);
Value  array_flatten(VM *vm, Value v, char order);              /* always a copy */
Value  array_permute(VM *vm, Value v, const int *axes);         /* transpose */
Value  array_transpose_args(VM *vm, Value v, const Value *axes, uint32_t n);
Value  array_swap_axes(VM *vm, Value v, Value axis1, Value axis2);
Value  array_squeeze(VM *vm, Value v, Value axis);
Value  array_repeat(VM *vm, Value v, Value repeats, Value axis);
Value  array_take(VM *vm, Value v, Value indices, Value axis);
Value  array_broadcast_to(VM *vm, const Array *a, int ndim, const int64_t *shape);     /* read-only view */
Value  array_diagonal(VM *vm, const Array *a, int64_t offset);  /* view of a 2-d array's diagonal */
Value  array_tolist(VM *vm, const Array *a);
/* An element as a Python number: float64 → float … */
Value  array_item(VM *vm, DType d, const char *p);

#endif
