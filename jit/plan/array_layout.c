/* jit/plan/array_layout.c — how the arrays of an execution are laid out, as far as compiled code depends on it. */
#include "jit/plan/array_layout.h"

static uint8_t stride_class(const Array *a, int d)
{
    return a->strides[d] == dtype_info[a->dtype].size ? LAYOUT_UNIT : a->strides[d] == 0 ? LAYOUT_ZERO : LAYOUT_ANY;
}

void array_layout_of(const Facts *f, uint32_t n_arrays, uint8_t *stride, uint32_t *group)
{
    for (uint32_t i = 0; i < n_arrays; i++) {
        const Array *a = f->array[i].array;
        group[i] = f->array[i].group;
        for (int d = 0; d < a->ndim; d++)
            stride[i * ALP_MAX_NDIM + (uint32_t)d] = stride_class(a, d);
    }
}

bool array_layout_is(const Facts *f, uint32_t n_arrays, const uint8_t *stride, const uint32_t *group)
{
    for (uint32_t i = 0; i < n_arrays; i++) {
        const Array *a = f->array[i].array;
        if (group[i] != f->array[i].group)
            return false;
        for (int d = 0; d < a->ndim; d++)
            if (stride[i * ALP_MAX_NDIM + (uint32_t)d] != stride_class(a, d))
                return false;
    }
    return true;
}
