/* interp/array.c — buffers, arrays and views, copying with casts and broadcasting, shapes and axes as arguments. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "interp/elem.h"
#include "interp/format.h"
#include "interp/fresh.h"
#include "interp/native.h"
#include "interp/nditer.h"
#include "interp/ops.h"
#include "interp/seq.h"
#include "interp/whole.h"

#define BUFFER_ALIGN 64u

/* ---- buffers ----------------------------------------------------------------------------------------------------------- */
/* Header and bytes are one block; NULL without an exception. */
static Buffer *buffer_alloc(VM *vm, size_t size, bool zero)
{
    const size_t overhead = sizeof(Buffer) + BUFFER_ALIGN;
    if (size > PTRDIFF_MAX - overhead)
        return NULL;
    size_t total = overhead + size;
    Buffer *b = zero ? mem_zalloc(&vm->mem, total) : mem_alloc(&vm->mem, total);
    if (!b)
        return NULL;
    uintptr_t start = (uintptr_t)(b + 1);
    memset(b, 0, sizeof *b);
    b->refs = 1;
    b->data = (char *)(b + 1) + (-start & (BUFFER_ALIGN - 1));
    b->size = size;
    b->alloc_size = total;
    b->alloc_base = (char *)b;
    return b;
}

Buffer *buffer_borrow(VM *vm, void *data, size_t size, void (*release)(void *, void *), void *user)
{
    BorrowedBuffer *b = vm_alloc(vm, sizeof *b);
    if (!b)
        return NULL;
    b->buffer = (Buffer){ .refs = 1, .data = data, .size = size, .release = release, .release_user = user };
    if (borrowed_add(vm, b) == ALP_OK)
        return &b->buffer;
    borrowed_remove(vm, b);
    vm_dealloc(vm, b, sizeof *b);
    return NULL;
}

void buffer_unref(VM *vm, Buffer *b)
{
    if (!b || --b->refs)
        return;
    if (UNLIKELY(b->device != NULL))
        b->device->gone(vm, b);
    if (b->alloc_size) {
        mem_free(&vm->mem, b, b->alloc_size);
        return;
    }
    borrowed_remove(vm, (BorrowedBuffer *)(void *)b);
    if (b->release)
        b->release(b->release_user, b->data);
    vm_dealloc(vm, b, sizeof(BorrowedBuffer));
}

/* ---- arrays ------------------------------------------------------------------------------------------------------------ */
void array_update_flags(Array *a)
{
    int64_t item = dtype_info[a->dtype].size;
    a->size = 1;
    for (int k = 0; k < a->ndim; k++)
        a->size *= a->shape[k];
    a->c_contig = a->f_contig = true;
    if (a->size == 0)
        return;
    int64_t step = item;
    for (int k = a->ndim - 1; k >= 0; k--) {
        if (a->shape[k] == 1)
            continue;
        a->c_contig &= a->strides[k] == step;
        step *= a->shape[k];
    }
    step = item;
    for (int k = 0; k < a->ndim; k++) {
        if (a->shape[k] == 1)
            continue;
        a->f_contig &= a->strides[k] == step;
        step *= a->shape[k];
    }
}

Value array_view(VM *vm, Buffer *buf, char *data, DType d, int ndim, const int64_t *shape, const int64_t *strides, bool readonly)
{
    Array *a = obj_new(vm, T_Array, sizeof *a);
    if (!a)
        return V_ERR;
    a->dtype = (uint8_t)d;
    a->ndim = (uint8_t)ndim;
    a->readonly = readonly || buf->readonly;
    a->buf = buf;
    buf->refs++;
    a->data = data;
    for (int k = 0; k < ndim; k++) {
        a->shape[k] = shape[k];
        a->strides[k] = strides[k];
    }
    array_update_flags(a);
    return V_OBJ(a);
}

void array_destroy(VM *vm, Array *a)
{
    buffer_unref(vm, a->buf);
    vm_dealloc(vm, a, sizeof *a);
}

/* "72.8 TiB", as NumPy words the size of an allocation that failed. */
static void size_text(char *out, size_t room, uint64_t bytes)
{
    static const char *const unit[] = { "bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
    unsigned u = 0;
    while (u + 1 < COUNT_OF(unit) && bytes >> (10 * (u + 1)))
        u++;
    double n = (double)bytes / (double)(1ull << (10 * u));
    if (nearbyint(n) == 1024 && u + 1 < COUNT_OF(unit)) {
        u++;
        n /= 1024;
    }
    snprintf(out, room, u == 0 ? "%.0f %s" : nearbyint(n) < 1000 ? "%#.3g %s" : "%#.0f %s", n, unit[u]);
}

static Value raise_too_big(VM *vm, DType d, int ndim, const int64_t *shape, size_t bytes)
{
    char size[32], text[24 * ALP_MAX_NDIM + 4];
    size_text(size, sizeof size, bytes);
    size_t n = 0;
    text[n++] = '(';
    for (int k = 0; k < ndim; k++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%" PRId64, k ? ", " : "", shape[k]);
    snprintf(text + n, sizeof text - n, ndim == 1 ? ",)" : ")");
    return raise(vm, TY_ArrayMemoryError, "Unable to allocate %s for an array with shape %s and data type %s", size, text,
                 dtype_info[d].name);
}

/* Bytes of an array of this shape; -1: exception. */
static int64_t array_bytes(VM *vm, DType d, int ndim, const int64_t *shape)
{
    int64_t bytes = dtype_info[d].size;
    bool empty = false, overflow = false;
    for (int k = 0; k < ndim; k++) {
        if (shape[k] < 0) {
            raise(vm, TY_ValueError, "negative dimensions are not allowed");
            return -1;
        }
        if (shape[k] == 0)
            empty = true;
        else
            overflow |= __builtin_mul_overflow(bytes, shape[k], &bytes);
    }
    if (overflow) {
        raise(vm, TY_ValueError, "array is too big; `arr.size * arr.dtype.itemsize` is larger than the maximum possible size.");
        return -1;
    }
    return empty ? 0 : bytes;
}

Value array_new_strided(VM *vm, DType d, int ndim, const int64_t *shape, const int64_t *strides, bool zero)
{
    int64_t bytes = array_bytes(vm, d, ndim, shape);
    if (bytes < 0)
        return V_ERR;
    Buffer *buf = buffer_alloc(vm, (size_t)bytes, zero);
    if (!buf)
        return raise_too_big(vm, d, ndim, shape, (size_t)bytes);
    Value v = array_view(vm, buf, buf->data, d, ndim, shape, strides, false);
    buffer_unref(vm, buf);
    return v;
}

/* Strides of a fresh array in C or F order; all 0 if it is empty. */
void array_strides(char order, DType d, int ndim, const int64_t *shape, int64_t *strides)
{
    uint64_t step = dtype_info[d].size;
    for (int k = 0; k < ndim; k++)
        if (shape[k] == 0)
            step = 0;
    for (int k = 0; k < ndim; k++) {
        int axis = order == 'F' ? k : ndim - 1 - k;
        strides[axis] = (int64_t)step;
        step *= (uint64_t)shape[axis];          /* may wrap: then the array is too big, and nobody uses it */
    }
}

Value array_new_order(VM *vm, DType d, int ndim, const int64_t *shape, char order, bool zero)
{
    int64_t strides[ALP_MAX_NDIM];
    array_strides(order, d, ndim, shape, strides);
    return array_new_strided(vm, d, ndim, shape, strides, zero);
}

Value array_new(VM *vm, DType d, int ndim, const int64_t *shape, bool zero)
{
    return array_new_order(vm, d, ndim, shape, 'C', zero);
}

Value array_new_like(VM *vm, const Array *a, DType d, char order, bool zero)
{
    int64_t strides[ALP_MAX_NDIM];
    if (order == 'A' || (order == 'K' && (a->c_contig || a->f_contig)))
        order = a->f_contig && !a->c_contig ? 'F' : 'C';
    if (order != 'K')
        return array_new_order(vm, d, a->ndim, a->shape, order, zero);
    /* Axes from the largest stride to the smallest; equal ones as they stand. */
    int axes[ALP_MAX_NDIM];
    for (int k = 0; k < a->ndim; k++) {
        int to = k;
        for (; to > 0 && llabs(a->strides[axes[to - 1]]) < llabs(a->strides[k]); to--)
            axes[to] = axes[to - 1];
        axes[to] = k;
    }
    uint64_t step = a->size ? dtype_info[d].size : 0;
    for (int k = a->ndim - 1; k >= 0; k--) {
        strides[axes[k]] = (int64_t)step;
        step *= (uint64_t)a->shape[axes[k]];
    }
    return array_new_strided(vm, d, a->ndim, a->shape, strides, zero);
}

/* ---- copying ----------------------------------------------------------------------------------------------------------- */
bool array_may_overlap(const Array *a, const Array *b)
{
    if (a->size == 0 || b->size == 0)
        return false;
    const Array *both[2] = { a, b };
    const char *low[2], *high[2];
    for (int i = 0; i < 2; i++) {
        low[i] = high[i] = both[i]->data;
        for (int k = 0; k < both[i]->ndim; k++) {
            int64_t reach = both[i]->strides[k] * (both[i]->shape[k] - 1);
            *(reach < 0 ? &low[i] : &high[i]) += reach;
        }
        high[i] += dtype_info[both[i]->dtype].size;
    }
    return low[0] < high[1] && low[1] < high[0];
}

/* Same elements at the same addresses. */
bool array_same_layout(const Array *a, const Array *b)
{
    if (a->data != b->data || a->ndim != b->ndim || dtype_info[a->dtype].size != dtype_info[b->dtype].size)
        return false;
    for (int k = 0; k < a->ndim; k++)
        if (a->shape[k] != b->shape[k] || (a->strides[k] != b->strides[k] && a->shape[k] > 1))
            return false;
    return true;
}

/* dst = src with casting; src broadcasts to dst's shape, and does not overlap it. */
void array_copy_into(const Array *dst, const Array *src)
{
    if (dst->size == 0)
        return;
    NdIter it;
    nditer_init(&it, dst->ndim, dst->shape);
    nditer_array(&it, dst);
    nditer_array(&it, src);
    nditer_sort(&it);
    nditer_start(&it);
    do
        array_cast((DType)dst->dtype, it.ptr[0], it.step[0], (DType)src->dtype, it.ptr[1], it.step[1], it.shape[0]);
    while (nditer_next(&it));
}

Value array_copy(VM *vm, Value a, DType d, char order)
{
    if (array_to_host(vm, ARRAY(a), HOST_Read) != ALP_OK)
        return V_ERR;
    Value copy = array_new_like(vm, ARRAY(a), d, order, false);
    if (!IS_ERR(copy))
        array_copy_into(ARRAY(copy), ARRAY(a));
    return copy;
}

/* dst = src, arrays that do not overlap, or a NumPy scalar of dst's type, where the bytes are. */
static Status copy_there(VM *vm, const Array *dst, Value src)
{
    const Array *const both[2] = { dst, src.tag == T_Array ? ARRAY(src) : NULL };
    WholeVerdict v = whole_is_wanted(vm, both, 2) ? whole_copy(vm, dst, src) : WHOLE_LEFT;
    if (v != WHOLE_LEFT)
        return v == WHOLE_DONE ? ALP_OK : ALP_FAIL;
    TRY(array_to_host(vm, dst, HOST_Write));
    TRY(value_to_host(vm, src, HOST_Read));
    if (src.tag == T_Array)
        array_copy_into(dst, ARRAY(src));
    return ALP_OK;
}

Value array_copy_there(VM *vm, Value a, DType d, char order)
{
    const Array *from = ARRAY(a);
    if (!whole_is_wanted(vm, &from, 1))
        return array_copy(vm, a, d, order);
    Value copy = array_new_like(vm, from, d, order, false);
    if (IS_ERR(copy))
        return copy;
    fresh_any(vm, ARRAY(copy));
    if (copy_there(vm, ARRAY(copy), a) == ALP_OK)
        return copy;
    value_free(vm, copy);
    return V_ERR;
}

/* One element repeated over dst. */
static void array_fill(const Array *dst, const char *element)
{
    if (dst->size == 0)
        return;
    NdIter it;
    DType d = (DType)dst->dtype;
    size_t size = dtype_info[d].size;
    nditer_init(&it, dst->ndim, dst->shape);
    nditer_array(&it, dst);
    nditer_sort(&it);
    nditer_start(&it);
    bool same_bytes = true;
    for (size_t k = 1; k < size; k++)
        same_bytes &= element[k] == element[0];
    do {
        if (same_bytes && it.step[0] == (int64_t)size)
            memset(it.ptr[0], element[0], (size_t)it.shape[0] * size);
        else
            array_cast(d, it.ptr[0], it.step[0], d, element, 0, it.shape[0]);
    } while (nditer_next(&it));
}

/* Leading axes of length 1 may be dropped from a source with more axes than its target. */
static Status assign_array(VM *vm, Array *dst, Value src)
{
    Array from = *ARRAY(src);
    while (from.ndim > dst->ndim && from.shape[0] == 1) {
        from.ndim--;
        memmove(from.shape, from.shape + 1, sizeof from.shape[0] * from.ndim);
        memmove(from.strides, from.strides + 1, sizeof from.strides[0] * from.ndim);
    }
    bool fits = from.ndim <= dst->ndim;
    for (int k = 1; fits && k <= from.ndim; k++)
        fits = from.shape[from.ndim - k] == 1 || from.shape[from.ndim - k] == dst->shape[dst->ndim - k];
    if (!fits) {
        char a[SHAPE_TEXT_MAX], b[SHAPE_TEXT_MAX];
        shape_text(a, sizeof a, from.ndim, from.shape);
        shape_text(b, sizeof b, dst->ndim, dst->shape);
        raise(vm, TY_ValueError, "could not broadcast input array from shape %s into shape %s", a, b);
        return ALP_FAIL;
    }
    if (array_same_layout(dst, &from) && dst->dtype == from.dtype)
        return ALP_OK;
    if (!array_may_overlap(dst, &from))
        return copy_there(vm, dst, (Value){ .tag = T_Array, .u.o = &from.head });
    Value copy = array_copy_there(vm, src, (DType)from.dtype, 'C');
    if (IS_ERR(copy))
        return ALP_FAIL;
    Status s = assign_array(vm, dst, copy);
    value_free(vm, copy);
    return s;
}

Status array_check_writable(VM *vm, const Array *a)
{
    if (LIKELY(!a->readonly))
        return ALP_OK;
    raise(vm, TY_ValueError, "assignment destination is read-only");
    return ALP_FAIL;
}

Status array_assign(VM *vm, Array *dst, Value src)
{
    TRY(array_check_writable(vm, dst));
    if (src.tag == T_Array)
        return assign_array(vm, dst, src);
    TRY(value_to_host(vm, src, HOST_Read));
    if (src.tag == T_List || src.tag == T_Tuple || src.tag == T_Range) {
        Value from = array_from_sequence(vm, src, (DType)dst->dtype, dst->ndim);
        if (IS_ERR(from))
            return ALP_FAIL;
        Status s = assign_array(vm, dst, from);
        value_free(vm, from);
        return s;
    }
    _Alignas(16) char element[16];
    TRY(array_store(vm, (DType)dst->dtype, element, src));
    const Array *only = dst;
    if (whole_is_wanted(vm, &only, 1)) {
        Value x = array_load(vm, (DType)dst->dtype, element);
        WholeVerdict v = IS_ERR(x) ? WHOLE_RAISED : whole_copy(vm, dst, x);
        value_free(vm, x);
        if (v != WHOLE_LEFT)
            return v == WHOLE_DONE ? ALP_OK : ALP_FAIL;
    }
    TRY(array_to_host(vm, dst, HOST_Write));
    array_fill(dst, element);
    return ALP_OK;
}

/* ---- shapes ------------------------------------------------------------------------------------------------------------ */
void shape_text(char *out, size_t size, int ndim, const int64_t *shape)
{
    size_t n = (size_t)snprintf(out, size, "(");
    for (int k = 0; k < ndim && n < size; k++)
        n += (size_t)snprintf(out + n, size - n, "%s%" PRId64, k ? "," : "", shape[k]);
    if (n < size)
        snprintf(out + n, size - n, ndim == 1 ? ",)" : ")");
}

Status shape_broadcast(int *ndim, int64_t *shape, int in_ndim, const int64_t *in_shape)
{
    if (in_ndim > *ndim) {
        int shift = in_ndim - *ndim;
        memmove(shape + shift, shape, sizeof shape[0] * (size_t)*ndim);
        for (int k = 0; k < shift; k++)
            shape[k] = 1;
        *ndim = in_ndim;
    }
    for (int k = 1; k <= in_ndim; k++) {
        int64_t n = in_shape[in_ndim - k], *to = &shape[*ndim - k];
        if (n == 1 || n == *to)
            continue;
        if (*to != 1)
            return ALP_FAIL;
        *to = n;
    }
    return ALP_OK;
}

Status array_broadcast(VM *vm, int n, Array *const *in, int *ndim, int64_t *shape)
{
    *ndim = 0;
    for (int i = 0; i < n; i++) {
        if (shape_broadcast(ndim, shape, in[i]->ndim, in[i]->shape) == ALP_OK)
            continue;
        char text[NDITER_MAX * SHAPE_TEXT_MAX];
        size_t size = 0;
        for (int k = 0; k < n && size < sizeof text - SHAPE_TEXT_MAX - 2; k++) {
            shape_text(text + size, SHAPE_TEXT_MAX, in[k]->ndim, in[k]->shape);
            size += strlen(text + size);
            text[size++] = ' ';
        }
        text[size] = 0;
        raise(vm, TY_ValueError, "operands could not be broadcast together with shapes %s", text);
        return ALP_FAIL;
    }
    return ALP_OK;
}

Status shape_check_ndim(VM *vm, size_t ndim)
{
    if (ndim <= ALP_MAX_NDIM)
        return ALP_OK;
    raise(vm, TY_ValueError, "maximum supported dimension for an ndarray is currently %d, found %zu", ALP_MAX_NDIM, ndim);
    return ALP_FAIL;
}

static Status shape_arg_sequence(VM *vm, Value seq, int *ndim, int64_t *shape)
{
    const Value *item = seq.tag == T_Tuple ? TUPLE(seq)->item : LIST(seq)->item;
    size_t n = seq.tag == T_Tuple ? TUPLE(seq)->count : LIST(seq)->count;
    TRY(shape_check_ndim(vm, n));
    for (size_t k = 0; k < n; k++)
        TRY(arg_int(vm, item[k], &shape[k]));
    *ndim = (int)n;
    return ALP_OK;
}

Status shape_arg(VM *vm, Value v, int *ndim, int64_t *shape)
{
    int64_t n;
    if (v.tag == T_Tuple || v.tag == T_List)
        return shape_arg_sequence(vm, v, ndim, shape);
    if (v.tag != T_Bool && v.tag != T_NpBool && value_as_int(v, &n)) {
        *ndim = 1;
        shape[0] = n;
        return ALP_OK;
    }
    switch (v.tag) {
    case T_Array:
        if (ARRAY(v)->ndim == 0) {
            TRY(arg_int(vm, v, &shape[0]));
            *ndim = 1;
            return ALP_OK;
        }
        /* fall through */
    case T_Range: case T_Str: {
        Value items = seq_to_tuple(vm, v);
        if (IS_ERR(items))
            return ALP_FAIL;
        Status s = shape_arg_sequence(vm, items, ndim, shape);
        value_free(vm, items);
        return s;
    }
    case T_None:
        raise(vm, TY_TypeError, "Use () not None as shape arguments");
        return ALP_FAIL;
    default: {
        Value text = value_str(vm, v);
        if (!IS_ERR(text))
            raise(vm, TY_TypeError, "expected a sequence of integers or a single integer, got '%s'", STR(text)->text);
        value_free(vm, text);
        return ALP_FAIL;
    }
    }
}

Status axis_normalise(VM *vm, int64_t axis, int ndim, int *out)
{
    if (axis < -ndim || axis >= ndim) {
        raise(vm, TY_AxisError, "axis %" PRId64 " is out of bounds for array of dimension %d", axis, ndim);
        return ALP_FAIL;
    }
    *out = (int)(axis < 0 ? axis + ndim : axis);
    return ALP_OK;
}

Status axis_arg(VM *vm, Value v, int ndim, int *axis)
{
    int64_t k;
    TRY(arg_int(vm, v, &k));
    return axis_normalise(vm, k, ndim, axis);
}

Status order_arg(VM *vm, Value v, char fallback, char *out)
{
    *out = fallback;
    if (v.tag == T_Unbound || v.tag == T_None)
        return ALP_OK;
    if (v.tag != T_Str) {
        raise(vm, TY_TypeError, "order must be str, not %s", value_type_name(v));
        return ALP_FAIL;
    }
    const Str *s = STR(v);
    char c = s->size == 1 ? (char)(s->text[0] & ~0x20) : 0;
    if (!c || !strchr("CFAK", c)) {
        raise(vm, TY_ValueError, "order must be one of 'C', 'F', 'A', or 'K' (got '%s')", s->text);
        return ALP_FAIL;
    }
    *out = c;
    return ALP_OK;
}
