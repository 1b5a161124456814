/* jit/plan/array_layout.h — what compiled code takes for granted about the arrays of an execution: which of their strides are one element or none, and
 * which arrays may share memory. */
#ifndef ALP_JIT_ARRAY_LAYOUT_H
#define ALP_JIT_ARRAY_LAYOUT_H

#include "jit/plan/plan.h"

enum { LAYOUT_ANY = 0, LAYOUT_UNIT = 1 /* the item size */, LAYOUT_ZERO = 2 /* a broadcast */ };       /* of a stride */

/* Fills stride[n_arrays * ALP_MAX_NDIM] with LAYOUT_…, and group[n_arrays]: arrays of one group may share memory. */
void array_layout_of(const Facts *f, uint32_t n_arrays, uint8_t *stride, uint32_t *group);
/* Are the arrays still laid out so? */
bool array_layout_is(const Facts *f, uint32_t n_arrays, const uint8_t *stride, const uint32_t *group);

#endif
