/* interp/index_fancy.c — subscripts with index arrays and boolean masks, reading (a copy) and writing.
 *
 * Each array of the key is turned into byte offsets, bounds checked: an index array into one offset per index, a mask into one per
 * true element.  They broadcast against each other; their sum addresses a block, what the slices of the key leave of the
 * array.  The broadcast axes stand where the arrays stood in the key if these are side by side (integers count as
 * arrays here), else in front. */
#include <inttypes.h>
#include <stdio.h>

#include "interp/elem.h"
#include "interp/index.h"
#include "interp/nditer.h"

typedef struct Part {
    Value   offsets;                    /* int64 array, owned: indices until fancy_finish, then byte offsets */
    int     axis;                       /* of the array, for indices; -1: these are offsets already */
} Part;

typedef struct Fancy {
    View    rest;                       /* the block at offset 0 */
    int     pos;                        /* rest axes in front of the broadcast ones */
    int     ndim;                       /* of the broadcast shape */
    int64_t shape[ALP_MAX_NDIM];
    int64_t count;                      /* its elements */
    int64_t rest_count;
    int     n_parts;
    Part    part[ALP_MAX_NDIM + 1];     /* after fancy_finish: one, of the broadcast shape */
} Fancy;

static void fancy_free(VM *vm, Fancy *f)
{
    for (int k = 0; k < f->n_parts; k++)
        value_free(vm, f->part[k].offsets);
}

/* ---- offsets ------------------------------------------------------------------------------------------------------------- */
static Status add_part(VM *vm, Fancy *f, ALP_TAKE Value offsets, int axis)
{
    if (IS_ERR(offsets))
        return ALP_FAIL;
    if (f->n_parts > ALP_MAX_NDIM) {
        value_free(vm, offsets);
        raise(vm, TY_IndexError, "too many indices for array");
        return ALP_FAIL;
    }
    f->part[f->n_parts++] = (Part){ offsets, axis };
    return ALP_OK;
}

int64_t array_count_true(const Array *mask)
{
    if (mask->size == 0)
        return 0;
    int64_t n = 0;
    NdIter it;
    nditer_init(&it, mask->ndim, mask->shape);
    nditer_array(&it, mask);
    nditer_sort(&it);
    nditer_start(&it);
    do {
        const char *p = it.ptr[0];
        if (it.step[0] == 1)
            for (int64_t i = 0; i < it.shape[0]; i++)
                n += p[i] != 0;
        else
            for (int64_t i = 0; i < it.shape[0]; i++, p += it.step[0])
                n += *p != 0;
    } while (nditer_next(&it));
    return n;
}

static Status check_mask(VM *vm, const Array *a, const Array *mask, int axis)
{
    for (int k = 0; k < mask->ndim; k++)
        if (mask->shape[k] != a->shape[axis + k]) {
            raise(vm, TY_IndexError, "boolean index did not match indexed array along axis %d; size of axis is %" PRId64
                  " but size of corresponding boolean axis is %" PRId64, axis + k, a->shape[axis + k], mask->shape[k]);
            return ALP_FAIL;
        }
    return ALP_OK;
}

static Status offsets_of_mask(VM *vm, Fancy *f, const Array *a, const Array *mask, int axis)
{
    int64_t n = array_count_true(mask);
    Value v = array_new(vm, DT_I64, 1, &n, false);
    TRY(add_part(vm, f, v, -1));
    if (n == 0)
        return ALP_OK;
    /* In C order: true elements are found in the order of the result. */
    int64_t *out = (int64_t *)(void *)ARRAY(v)->data, index[ALP_MAX_NDIM] = { 0 };
    int inner = mask->ndim - 1;
    if (inner < 0) {
        *out = 0;
        return ALP_OK;
    }
    const char *row = mask->data;
    for (int64_t offset = 0;;) {
        const char *p = row;
        int64_t at = offset;
        for (int64_t i = 0; i < mask->shape[inner]; i++, p += mask->strides[inner], at += a->strides[axis + inner])
            if (*p)
                *out++ = at;
        int k = inner - 1;
        for (; k >= 0; k--) {
            row += mask->strides[k];
            offset += a->strides[axis + k];
            if (++index[k] < mask->shape[k])
                break;
            row -= mask->strides[k] * index[k];
            offset -= a->strides[axis + k] * index[k];
            index[k] = 0;
        }
        if (k < 0)
            return ALP_OK;
    }
}

static Status broadcast_parts(VM *vm, Fancy *f)
{
    bool ok = true;
    f->ndim = 0;
    for (int k = 0; k < f->n_parts; k++)
        ok = ok && shape_broadcast(&f->ndim, f->shape, ARRAY(f->part[k].offsets)->ndim, ARRAY(f->part[k].offsets)->shape) == ALP_OK;
    f->count = 1;
    for (int k = 0; k < f->ndim; k++)
        ok = ok && !__builtin_mul_overflow(f->count, f->shape[k], &f->count);
    if (ok)
        return ALP_OK;
    char text[(ALP_MAX_NDIM + 1) * (SHAPE_TEXT_MAX + 1)];
    size_t n = 0;
    for (int k = 0; k < f->n_parts; k++) {
        shape_text(text + n, SHAPE_TEXT_MAX, ARRAY(f->part[k].offsets)->ndim, ARRAY(f->part[k].offsets)->shape);
        n += strlen(text + n);
        text[n++] = ' ';
    }
    text[n] = 0;
    raise(vm, TY_IndexError, "shape mismatch: indexing arrays could not be broadcast together with shapes %s", text);
    return ALP_FAIL;
}

static void add_offsets(const Fancy *f, const Array *sum, const Array *part)
{
    NdIter it;
    nditer_init(&it, f->ndim, f->shape);
    nditer_array(&it, sum);
    nditer_array(&it, part);
    nditer_start(&it);
    do {
        int64_t *to = (int64_t *)(void *)it.ptr[0];
        const char *p = it.ptr[1];
        for (int64_t i = 0; i < it.shape[0]; i++, p += it.step[1])
            to[i] += *(const int64_t *)(const void *)p;
    } while (nditer_next(&it));
}

/* Checks the indices, makes offsets of them, and joins all parts to one of the broadcast shape. */
static Status fancy_finish(VM *vm, const Array *a, Fancy *f)
{
    for (int k = 0; k < f->n_parts; k++) {
        int axis = f->part[k].axis;
        const Array *part = ARRAY(f->part[k].offsets);
        int64_t *p = (int64_t *)(void *)part->data;
        for (int64_t i = 0; axis >= 0 && i < part->size; i++) {
            if (UNLIKELY((uint64_t)p[i] >= (uint64_t)a->shape[axis]))
                TRY(index_bounds(vm, &p[i], axis, a->shape[axis]));
            p[i] *= a->strides[axis];
        }
    }
    if (f->n_parts == 1)
        return ALP_OK;
    Value sum = array_new(vm, DT_I64, f->ndim, f->shape, true);
    if (IS_ERR(sum))
        return ALP_FAIL;
    for (int k = 0; k < f->n_parts && f->count > 0; k++)
        add_offsets(f, ARRAY(sum), ARRAY(f->part[k].offsets));
    fancy_free(vm, f);
    f->part[0] = (Part){ sum, -1 };
    f->n_parts = 1;
    return ALP_OK;
}

/* All but the values of index arrays; these wait for fancy_finish, as NumPy looks at the assigned values first.
 * On failure f holds what is to be released all the same. */
static Status fancy_parse(VM *vm, const Array *a, const IndexKey *key, Fancy *f)
{
    int axis = 0, last_array = -1;
    bool apart = false, found = false;
    f->n_parts = 0;
    f->pos = 0;
    f->rest.data = a->data;
    f->rest.ndim = 0;
    for (int k = 0; k < key->n; k++) {
        const IndexItem *it = &key->item[k];
        if (it->kind == IX_MASK) {
            TRY(check_mask(vm, a, ARRAY(it->array), axis));
            axis += ARRAY(it->array)->ndim;
        } else if (it->kind == IX_ELLIPSIS)
            axis += a->ndim - key->n_axes;
        else
            axis += it->kind != IX_NEW;
    }
    axis = 0;
    for (int k = 0; k < key->n; k++) {
        const IndexItem *it = &key->item[k];
        if (it->kind == IX_INT || it->kind == IX_ARRAY || it->kind == IX_MASK) {
            apart |= found && last_array != k - 1;
            if (!found)
                f->pos = f->rest.ndim;
            found = true;
            last_array = k;
        }
        switch (it->kind) {
        case IX_INT:
            TRY(index_view_int(vm, a, &f->rest, it->index, axis++));
            break;
        case IX_ARRAY:
            TRY(add_part(vm, f, array_copy(vm, it->array, DT_I64, 'C'), axis++));
            break;
        case IX_MASK:
            TRY(offsets_of_mask(vm, f, a, ARRAY(it->array), axis));
            axis += ARRAY(it->array)->ndim;
            break;
        case IX_SLICE:
            TRY(index_view_slice(vm, a, &f->rest, it->slice, axis++));
            break;
        case IX_NEW:
            TRY(index_view_axis(vm, &f->rest, 1, 0));
            break;
        case IX_ELLIPSIS:
            for (int left = a->ndim - key->n_axes; left > 0; left--, axis++)
                TRY(index_view_axis(vm, &f->rest, a->shape[axis], a->strides[axis]));
            break;
        }
    }
    if (apart)
        f->pos = 0;
    TRY(broadcast_parts(vm, f));
    if (f->ndim + f->rest.ndim > ALP_MAX_NDIM) {
        raise(vm, TY_IndexError, "number of dimensions must be within [0, %d], indexing result would have %d", ALP_MAX_NDIM,
              f->ndim + f->rest.ndim);
        return ALP_FAIL;
    }
    f->rest_count = 1;
    for (int k = 0; k < f->rest.ndim; k++)
        f->rest_count *= f->rest.shape[k];
    return ALP_OK;
}

/* Axes of the result: rest[0 … pos), broadcast, rest[pos …). `from` says which of broadcast + rest each one is. */
static int result_shape(const Fancy *f, int64_t *shape, int *from)
{
    int n = 0;
    for (int k = 0; k < f->pos; k++, n++)
        shape[n] = f->rest.shape[k], from[n] = f->ndim + k;
    for (int k = 0; k < f->ndim; k++, n++)
        shape[n] = f->shape[k], from[n] = k;
    for (int k = f->pos; k < f->rest.ndim; k++, n++)
        shape[n] = f->rest.shape[k], from[n] = f->ndim + k;
    return n;
}

/* ---- moving elements ------------------------------------------------------------------------------------------------------- */
#define GATHER(T) { \
    typedef T __attribute__((aligned(1), may_alias)) Elem; \
    for (int64_t i = 0; i < n; i++) \
        ((Elem *)(void *)dst)[i] = *(const Elem *)(const void *)(src + offset[i]); \
    return; }

static void gather(char *dst, const char *src, const int64_t *offset, int64_t n, int size)
{
    switch (size) {
    case 1: GATHER(uint8_t)
    case 2: GATHER(uint16_t)
    case 4: GATHER(uint32_t)
    case 8: GATHER(uint64_t)
    default:
        for (int64_t i = 0; i < n; i++)
            memcpy(dst + i * size, src + offset[i], (size_t)size);
    }
}

/* A block of `rest`'s shape, ready to be copied again and again: NdIter with the two sides' pointers left to fill in. */
static void block_walk(NdIter *it, const Fancy *f, const int64_t *dst_strides, const int64_t *src_strides)
{
    nditer_init(it, f->rest.ndim, f->rest.shape);
    nditer_operand(it, NULL, f->rest.ndim, f->rest.shape, dst_strides);
    nditer_operand(it, NULL, f->rest.ndim, f->rest.shape, src_strides);
    nditer_sort(it);
    if (it->ndim == 0) {
        it->ndim = 1;
        it->shape[0] = 1;
        it->stride[0][0] = it->stride[1][0] = 0;
    }
    for (int k = 0; k < it->ndim; k++)
        it->count[k] = 0;
}

static void block_copy(NdIter *it, DType d, char *dst, char *src)
{
    it->ptr[0] = dst;
    it->ptr[1] = src;
    do
        array_cast(d, it->ptr[0], it->stride[0][0], d, it->ptr[1], it->stride[1][0], it->shape[0]);
    while (nditer_next(it));
}

static Value fancy_get(VM *vm, const Array *a, const Fancy *f)
{
    int64_t shape[ALP_MAX_NDIM], strides[ALP_MAX_NDIM], result[ALP_MAX_NDIM], permuted[ALP_MAX_NDIM];
    int from[ALP_MAX_NDIM], ndim = f->ndim + f->rest.ndim, item = dtype_info[a->dtype].size;
    for (int k = 0; k < ndim; k++)
        shape[k] = k < f->ndim ? f->shape[k] : f->rest.shape[k - f->ndim];
    Value v = array_new(vm, (DType)a->dtype, ndim, shape, false);
    if (IS_ERR(v))
        return v;
    Array *out = ARRAY(v);
    const int64_t *offset = (const int64_t *)(void *)ARRAY(f->part[0].offsets)->data;
    if (f->rest_count == 1)
        gather(out->data, f->rest.data, offset, f->count, item);
    else if (out->size > 0) {
        NdIter it;
        block_walk(&it, f, out->strides + f->ndim, f->rest.strides);
        for (int64_t i = 0; i < f->count; i++)
            block_copy(&it, (DType)a->dtype, out->data + i * f->rest_count * item, f->rest.data + offset[i]);
    }
    if (f->pos == 0)
        return v;
    memcpy(strides, out->strides, sizeof strides);
    result_shape(f, result, from);
    for (int k = 0; k < ndim; k++)
        permuted[k] = strides[from[k]];
    Value view = array_view(vm, out->buf, out->data, (DType)a->dtype, ndim, result, permuted, false);
    value_free(vm, v);
    return view;
}

#define COMPRESS(T) { \
    typedef T __attribute__((aligned(1), may_alias)) Elem; \
    const Elem *from = (const Elem *)(const void *)src; \
    Elem *to = (Elem *)(void *)dst; \
    for (int64_t i = 0; i < n; i++) \
        if (mask[i]) \
            *to++ = from[i]; \
    return; }

static void compress(char *dst, const char *src, const char *mask, int64_t n, int size)
{
    switch (size) {
    case 1: COMPRESS(uint8_t)
    case 2: COMPRESS(uint16_t)
    case 4: COMPRESS(uint32_t)
    case 8: COMPRESS(uint64_t)
    default:
        for (int64_t i = 0; i < n; i++)
            if (mask[i]) {
                memcpy(dst, src + i * size, (size_t)size);
                dst += size;
            }
    }
}

Value index_fancy_get(VM *vm, const Array *a, const IndexKey *key)
{
    Fancy f;
    const Array *mask = key->n == 1 && key->item[0].kind == IX_MASK ? ARRAY(key->item[0].array) : NULL;
    if (mask && mask->ndim > 0 && mask->c_contig && a->c_contig && check_mask(vm, a, mask, 0) == ALP_OK) {
        int64_t n = array_count_true(mask);
        Value v = array_new(vm, (DType)a->dtype, 1, &n, false);
        if (!IS_ERR(v))
            compress(ARRAY(v)->data, a->data, mask->data, a->size, dtype_info[a->dtype].size);
        return v;
    }
    Value v = fancy_parse(vm, a, key, &f) == ALP_OK && fancy_finish(vm, a, &f) == ALP_OK ? fancy_get(vm, a, &f) : V_ERR;
    fancy_free(vm, &f);
    return v;
}

/* Strides of the values for each axis of broadcast + rest; 0 where they broadcast. */
static Status value_strides(VM *vm, const Array *x, const Fancy *f, bool mask_only, int64_t *strides)
{
    int64_t shape[ALP_MAX_NDIM];
    int from[ALP_MAX_NDIM], ndim = result_shape(f, shape, from), skip = 0;
    if (mask_only && x->ndim > 1) {
        raise(vm, TY_TypeError, "NumPy boolean array indexing assignment requires a 0 or 1-dimensional input, input has %d "
              "dimensions", x->ndim);
        return ALP_FAIL;
    }
    while (x->ndim - skip > ndim && x->shape[skip] == 1)
        skip++;
    bool fits = x->ndim - skip <= ndim;
    for (int k = 0; k < ndim; k++)
        strides[from[k]] = 0;
    for (int k = 1; fits && k <= x->ndim - skip; k++) {
        int64_t n = x->shape[x->ndim - k];
        if (n != 1 && n != shape[ndim - k])
            fits = false;
        else
            strides[from[ndim - k]] = n == 1 ? 0 : x->strides[x->ndim - k];
    }
    if (fits)
        return ALP_OK;
    if (mask_only) {
        raise(vm, TY_ValueError, "NumPy boolean array indexing assignment cannot assign %" PRId64 " input values to the %" PRId64
              " output values where the mask is true", x->size, f->count);
        return ALP_FAIL;
    }
    char given[SHAPE_TEXT_MAX], wanted[SHAPE_TEXT_MAX];
    shape_text(given, sizeof given, x->ndim, x->shape);
    shape_text(wanted, sizeof wanted, ndim, shape);
    raise(vm, TY_ValueError, "shape mismatch: value array of shape %s could not be broadcast to indexing result of shape %s", given,
          wanted);
    return ALP_FAIL;
}

static Status fancy_set(VM *vm, const Array *a, Fancy *f, const Array *x, bool mask_only)
{
    int64_t strides[ALP_MAX_NDIM], index[ALP_MAX_NDIM] = { 0 };
    TRY(value_strides(vm, x, f, mask_only, strides));
    TRY(fancy_finish(vm, a, f));
    if (f->count == 0 || f->rest_count == 0)
        return ALP_OK;
    DType d = (DType)a->dtype;
    const int64_t *offset = (const int64_t *)(void *)ARRAY(f->part[0].offsets)->data;
    char *src = x->data;
    NdIter it;
    block_walk(&it, f, f->rest.strides, strides + f->ndim);
    size_t item = dtype_info[d].size;
    for (int64_t i = 0; i < f->count; i++) {
        if (f->rest_count == 1)
            memcpy(f->rest.data + offset[i], src, item);
        else
            block_copy(&it, d, f->rest.data + offset[i], src);
        for (int k = f->ndim - 1; k >= 0; k--) {
            src += strides[k];
            if (++index[k] < f->shape[k])
                break;
            src -= strides[k] * index[k];
            index[k] = 0;
        }
    }
    return ALP_OK;
}

/* The values in a's dtype and in bytes of their own. */
static Value values_for(VM *vm, const Array *a, Value x)
{
    if (x.tag == T_Array)
        return (DType)ARRAY(x)->dtype != (DType)a->dtype || array_may_overlap(ARRAY(x), a)
             ? array_copy(vm, x, (DType)a->dtype, 'K') : value_ref(x);
    return array_from_value(vm, x, (DType)a->dtype);
}

Status index_fancy_set(VM *vm, const Array *a, const IndexKey *key, Value x)
{
    bool mask_only = key->n == 1 && key->item[0].kind == IX_MASK;
    Value values = V_ERR;
    Fancy f;
    Status s = fancy_parse(vm, a, key, &f);
    if (s == ALP_OK) {
        values = values_for(vm, a, x);
        s = IS_ERR(values) ? ALP_FAIL : fancy_set(vm, a, &f, ARRAY(values), mask_only);
    }
    value_free(vm, values);
    fancy_free(vm, &f);
    return s;
}
