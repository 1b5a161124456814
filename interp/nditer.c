/* interp/nditer.c — see nditer.h. */
#include "interp/nditer.h"

void nditer_init(NdIter *it, int ndim, const int64_t *shape)
{
    it->n_op = 0;
    it->ndim = ndim;
    it->size = 1;
    for (int k = 0; k < ndim; k++) {
        it->shape[k] = shape[ndim - 1 - k];
        it->perm[k] = (int8_t)k;
        it->size = (int64_t)((uint64_t)it->size * (uint64_t)it->shape[k]);
    }
}

void nditer_operand(NdIter *it, char *data, int ndim, const int64_t *shape, const int64_t *strides)
{
    int op = it->n_op++;
    it->ptr[op] = data;
    for (int k = 0; k < it->ndim; k++)
        it->stride[op][k] = k < ndim && shape[ndim - 1 - k] != 1 ? strides[ndim - 1 - k] : 0;
}

void nditer_array(NdIter *it, const Array *a)
{
    nditer_operand(it, a->data, a->ndim, a->shape, a->strides);
}

static inline int64_t magnitude(int64_t x)
{
    return x < 0 ? -x : x;
}

/* 1: axis a should stand inside axis b; -1: outside; 0: the strides do not tell. */
static int compare_axes(const NdIter *it, int a, int b)
{
    int verdict = 0;
    for (int op = 0; op < it->n_op; op++) {
        int64_t sa = magnitude(it->stride[op][a]), sb = magnitude(it->stride[op][b]);
        if (sa == 0 || sb == 0)
            continue;
        if (sb <= sa)
            return -1;
        verdict = 1;
    }
    return verdict;
}

static void move_axis(NdIter *it, int from, int to)
{
    for (; from > to; from--) {
        int64_t n = it->shape[from];
        it->shape[from] = it->shape[from - 1];
        it->shape[from - 1] = n;
        int8_t p = it->perm[from];
        it->perm[from] = it->perm[from - 1];
        it->perm[from - 1] = p;
        for (int op = 0; op < it->n_op; op++) {
            int64_t s = it->stride[op][from];
            it->stride[op][from] = it->stride[op][from - 1];
            it->stride[op][from - 1] = s;
        }
    }
}

void nditer_sort(NdIter *it)
{
    for (int k = 1; k < it->ndim; k++) {
        int to = k;
        for (int j = k - 1; j >= 0; j--) {
            int verdict = compare_axes(it, k, j);
            if (verdict < 0)
                break;
            if (verdict > 0)
                to = j;
        }
        move_axis(it, k, to);
    }
}

void nditer_layout(const NdIter *it, int64_t item_size, int64_t *strides)
{
    uint64_t step = it->size ? (uint64_t)item_size : 0;
    for (int k = 0; k < it->ndim; k++) {
        strides[it->ndim - 1 - it->perm[k]] = (int64_t)step;
        step *= (uint64_t)it->shape[k];         /* may wrap: then the array is too big, and nobody uses it */
    }
}

static bool mergeable(const NdIter *it, int inner, int outer)
{
    if (it->shape[inner] == 1 || it->shape[outer] == 1)
        return true;
    for (int op = 0; op < it->n_op; op++)
        if (it->stride[op][outer] != it->stride[op][inner] * it->shape[inner])
            return false;
    return true;
}

void nditer_start(NdIter *it)
{
    if (it->ndim == 0) {
        it->ndim = 1;
        it->shape[0] = 1;
        for (int op = 0; op < it->n_op; op++)
            it->stride[op][0] = 0;
    }
    for (int k = 0; k < it->ndim; k++) {
        bool backwards = false, forwards = false;
        for (int op = 0; op < it->n_op; op++) {
            backwards |= it->stride[op][k] < 0;
            forwards |= it->stride[op][k] > 0;
        }
        if (!backwards || forwards || it->shape[k] == 0)
            continue;
        for (int op = 0; op < it->n_op; op++) {
            it->ptr[op] += it->stride[op][k] * (it->shape[k] - 1);
            it->stride[op][k] = -it->stride[op][k];
        }
    }
    int last = 0;
    for (int k = 1; k < it->ndim; k++) {
        if (mergeable(it, last, k)) {
            if (it->shape[last] == 1)
                for (int op = 0; op < it->n_op; op++)
                    it->stride[op][last] = it->stride[op][k];
            it->shape[last] *= it->shape[k];
            continue;
        }
        last++;
        it->shape[last] = it->shape[k];
        for (int op = 0; op < it->n_op; op++)
            it->stride[op][last] = it->stride[op][k];
    }
    it->ndim = last + 1;
    for (int k = 0; k < it->ndim; k++)
        it->count[k] = 0;
    for (int op = 0; op < it->n_op; op++)
        it->step[op] = it->stride[op][0];
}

bool nditer_next(NdIter *it)
{
    for (int k = 1; k < it->ndim; k++) {
        if (++it->count[k] < it->shape[k]) {
            for (int op = 0; op < it->n_op; op++)
                it->ptr[op] += it->stride[op][k];
            return true;
        }
        it->count[k] = 0;
        for (int op = 0; op < it->n_op; op++)
            it->ptr[op] -= it->stride[op][k] * (it->shape[k] - 1);
    }
    return false;
}
