/* interp/numpy_rows.h — the tables of functions that make up the module numpy, one per file that contributes; mod_numpy.c joins
 * them.  Each is ended by a row with name NULL. */
#ifndef ALP_INTERP_NUMPY_ROWS_H
#define ALP_INTERP_NUMPY_ROWS_H

#include "interp/native.h"

extern const NativeRow create_numpy_rows[];     /* create.c: zeros, arange, linspace … */
extern const NativeRow shape_numpy_rows[];      /* array_shape.c: reshape, transpose, broadcast_to … */
extern const NativeRow join_numpy_rows[];       /* array_join.c: concatenate, stack, tile, roll … */
extern const NativeRow elementwise_numpy_rows[];/* ufunc_funcs.c: clip, where, round, isclose … */
extern const NativeRow dtype_numpy_rows[];      /* npinfo.c: finfo, iinfo, promote_types, seterr … */
extern const NativeRow reduce_numpy_rows[];     /* reduce.c: sum, min, mean … */
extern const NativeRow linalg_numpy_rows[];     /* linalg.c: dot, matmul … */
extern const NativeRow npy_numpy_rows[];        /* npy.c: save, load */
extern const NativeRow textio_numpy_rows[];     /* textio.c: savetxt, loadtxt */
extern const NativeRow print_numpy_rows[];      /* array_print.c: set_printoptions, array2string … */

#endif
