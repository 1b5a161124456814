/* interp/linalg.h — products of vectors and matrices (linalg.c) and what numpy.linalg solves with them (linalg_dense.c). */
#ifndef ALP_INTERP_LINALG_H
#define ALP_INTERP_LINALG_H

#include "interp/array.h"

/* x · y of n elements at byte strides, in dtype d (both already of it), by the canonical tree; conj: of the complex x. */
void linalg_dot(DType d, char *result, const char *x, int64_t x_stride, const char *y, int64_t y_stride, int64_t n, bool conj);

/* C = A B for contiguous matrices (m, k) and (k, n) of dtype d; rows of C are row_stride elements apart.  Each element of C
 * starts from zero and adds its products in order of k. */
void linalg_product(DType d, char *c, int64_t row_stride, const char *a, const char *b, int64_t m, int64_t n, int64_t k);

#endif
