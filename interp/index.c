/* interp/index.c — a[key] with integers, slices, `...` and None: elements and views.  Keys with arrays go on to index_fancy.c. */
#include <inttypes.h>

#include "interp/index.h"
#include "interp/ops.h"
#include "interp/residency.h"
#include "interp/seq.h"

static Status raise_bounds(VM *vm, int64_t index, int axis, int64_t size)
{
    raise(vm, TY_IndexError, "index %" PRId64 " is out of bounds for axis %d with size %" PRId64, index, axis, size);
    return ALP_FAIL;
}

Status index_bounds(VM *vm, int64_t *index, int axis, int64_t size)
{
    int64_t i = *index;
    if (i < 0)
        i += size;
    if (UNLIKELY(i < 0 || i >= size))
        return raise_bounds(vm, *index, axis, size);
    *index = i;
    return ALP_OK;
}

static Value raise_too_many(VM *vm, const Array *a, int n)
{
    return raise(vm, TY_IndexError, "too many indices for array: array is %d-dimensional, but %d were indexed", a->ndim, n);
}

char *array_at(VM *vm, const Array *a, const int64_t *index, int n)
{
    char *p = a->data;
    for (int k = 0; k < n; k++) {
        int64_t i = index[k], size = a->shape[k];
        if (i < 0)
            i += size;
        if (UNLIKELY((uint64_t)i >= (uint64_t)size)) {
            raise_bounds(vm, index[k], k, size);
            return NULL;
        }
        p += i * a->strides[k];
    }
    return p;
}

/* ---- keys --------------------------------------------------------------------------------------------------------------- */
static Status raise_bad_key(VM *vm)
{
    raise(vm, TY_IndexError, "only integers, slices (`:`), ellipsis (`...`), numpy.newaxis (`None`) and integer or boolean "
          "arrays are valid indices");
    return ALP_FAIL;
}

static IndexItem *add_item(IndexKey *key, IndexKind kind, int n_axes)
{
    IndexItem *it = &key->item[key->n++];
    *it = (IndexItem){ .kind = kind };
    key->n_axes += n_axes;
    return it;
}

/* Arrays as keys; a 0-d integer array is an integer, and a lone truth value a mask without axes. */
static Status add_array(VM *vm, IndexKey *key, ALP_TAKE Value v)
{
    const Array *a = ARRAY(v);
    char kind = dtype_info[a->dtype].kind;
    if (array_to_host(vm, a, HOST_Read) != ALP_OK) {
        value_free(vm, v);
        return ALP_FAIL;
    }
    if (kind == 'b') {
        IndexItem *it = add_item(key, IX_MASK, a->ndim);
        it->array = v;
        key->fancy = true;
        return ALP_OK;
    }
    if (kind != 'i' && kind != 'u') {
        value_free(vm, v);
        raise(vm, TY_IndexError, "arrays used as indices must be of integer (or boolean) type");
        return ALP_FAIL;
    }
    IndexItem *it = add_item(key, IX_ARRAY, 1);
    it->array = v;
    if (a->ndim == 0) {
        it->kind = IX_INT;
        array_cast(DT_I64, (char *)&it->index, 0, (DType)a->dtype, a->data, 0, 1);
        key->int_from_array = true;
    } else
        key->fancy = true;
    return ALP_OK;
}

static Status add_sequence(VM *vm, IndexKey *key, Value v)
{
    Value a = array_from_value(vm, v, DT_COUNT);
    if (IS_ERR(a)) {
        if (vm->exc_type == TY_TypeError) {
            vm_clear_exc(vm);
            raise_bad_key(vm);
        }
        return ALP_FAIL;
    }
    char kind = dtype_info[ARRAY(a)->dtype].kind;
    if (ARRAY(a)->size == 0 && kind == 'f') {
        value_set(vm, &a, array_copy(vm, a, DT_I64, 'C'));
        if (IS_ERR(a))
            return ALP_FAIL;
    } else if (kind == 'f' || kind == 'c') {
        value_free(vm, a);
        return raise_bad_key(vm);
    }
    return add_array(vm, key, a);
}

static Status add_key(VM *vm, IndexKey *key, Value v)
{
    int64_t i;
    if (key->n == INDEX_MAX_ITEMS) {
        raise(vm, TY_IndexError, "too many indices for array");
        return ALP_FAIL;
    }
    switch (v.tag) {
    case T_Slice:
        add_item(key, IX_SLICE, 1)->slice = v;
        return ALP_OK;
    case T_None:
        add_item(key, IX_NEW, 0);
        return ALP_OK;
    case T_Ellipsis:
        for (int k = 0; k < key->n; k++)
            if (key->item[k].kind == IX_ELLIPSIS) {
                raise(vm, TY_IndexError, "an index can only have a single ellipsis ('...')");
                return ALP_FAIL;
            }
        add_item(key, IX_ELLIPSIS, 0);
        return ALP_OK;
    case T_Bool: case T_NpBool: {
        Value mask = array_from_value(vm, v, DT_Bool);
        return IS_ERR(mask) ? ALP_FAIL : add_array(vm, key, mask);
    }
    case T_Array:
        return add_array(vm, key, value_ref(v));
    case T_List: case T_Tuple: case T_Range:
        return add_sequence(vm, key, v);
    default:
        if (!value_as_int(v, &i))
            return raise_bad_key(vm);
        add_item(key, IX_INT, 1)->index = i;
        return ALP_OK;
    }
}

void index_key_free(VM *vm, IndexKey *key)
{
    for (int k = 0; k < key->n; k++)
        if (IS_HEAP(key->item[k].array))
            value_free(vm, key->item[k].array);
}

/* Parts of the key, with an ellipsis added where it gives fewer axes than the array has. */
Status index_key_parse(VM *vm, const Array *a, Value v, IndexKey *key)
{
    key->n = key->n_axes = 0;
    key->fancy = key->int_from_array = false;
    bool is_tuple = v.tag == T_Tuple, has_ellipsis = false;
    size_t n = is_tuple ? TUPLE(v)->count : 1;
    for (size_t k = 0; k < n; k++)
        if (add_key(vm, key, is_tuple ? TUPLE(v)->item[k] : v) != ALP_OK) {
            index_key_free(vm, key);
            return ALP_FAIL;
        }
    if (key->n_axes > a->ndim) {
        raise_too_many(vm, a, key->n_axes);
        index_key_free(vm, key);
        return ALP_FAIL;
    }
    for (int k = 0; k < key->n; k++)
        has_ellipsis |= key->item[k].kind == IX_ELLIPSIS;
    if (!has_ellipsis && key->n_axes < a->ndim)
        add_item(key, IX_ELLIPSIS, 0);
    return ALP_OK;
}

/* ---- views ---------------------------------------------------------------------------------------------------------------- */
Status index_view_int(VM *vm, const Array *a, View *view, int64_t index, int axis)
{
    TRY(index_bounds(vm, &index, axis, a->shape[axis]));
    view->data += index * a->strides[axis];
    return ALP_OK;
}

Status index_view_axis(VM *vm, View *view, int64_t size, int64_t stride)
{
    if (view->ndim == ALP_MAX_NDIM) {
        raise(vm, TY_IndexError, "number of dimensions must be within [0, %d], indexing result would have more", ALP_MAX_NDIM);
        return ALP_FAIL;
    }
    view->shape[view->ndim] = size;
    view->strides[view->ndim++] = stride;
    return ALP_OK;
}

Status index_view_slice(VM *vm, const Array *a, View *view, Value slice, int axis)
{
    int64_t start, step, count;
    TRY(slice_indices(vm, slice, a->shape[axis], &start, &step, &count));
    if (count > 0)
        view->data += start * a->strides[axis];
    else
        step = 1;
    int64_t stride;
    if (__builtin_mul_overflow(step, a->strides[axis], &stride))
        stride = a->strides[axis];                      /* one element at most: no stride is ever taken */
    return index_view_axis(vm, view, count, stride);
}

/* What the parts of a key that are not arrays select; axis of the array behind each part is noted in it. */
static Status index_view(VM *vm, const Array *a, IndexKey *key, View *view)
{
    int axis = 0;
    view->data = a->data;
    view->ndim = 0;
    for (int k = 0; k < key->n; k++) {
        IndexItem *it = &key->item[k];
        switch (it->kind) {
        case IX_INT:
            TRY(index_view_int(vm, a, view, it->index, axis++));
            break;
        case IX_SLICE:
            TRY(index_view_slice(vm, a, view, it->slice, axis++));
            break;
        case IX_NEW:
            TRY(index_view_axis(vm, view, 1, 0));
            break;
        case IX_ELLIPSIS:
            for (int left = a->ndim - key->n_axes; left > 0; left--, axis++)
                TRY(index_view_axis(vm, view, a->shape[axis], a->strides[axis]));
            break;
        case IX_ARRAY: case IX_MASK:
            break;
        }
    }
    return ALP_OK;
}

/* One integer or one slice, the commonest keys, need no parsing.  1: *view is it; 0: other key; -1: exception. */
static int simple_view(VM *vm, const Array *a, Value key, View *view)
{
    if (a->ndim == 0 || (key.tag != T_Int && key.tag != T_NpI64 && key.tag != T_Slice))
        return 0;
    view->data = a->data;
    view->ndim = 0;
    Status s = key.tag == T_Slice ? index_view_slice(vm, a, view, key, 0) : index_view_int(vm, a, view, key.u.i, 0);
    if (s != ALP_OK)
        return -1;
    for (int k = 1; k < a->ndim; k++) {
        view->shape[view->ndim] = a->shape[k];
        view->strides[view->ndim++] = a->strides[k];
    }
    return 1;
}

static Value view_value(VM *vm, const Array *a, const View *view, bool element)
{
    if (element) {
        char room[16];
        const char *p = element_to_host(vm, a, view->data, room);
        return p ? array_load(vm, (DType)a->dtype, p) : V_ERR;
    }
    return array_view(vm, a->buf, view->data, (DType)a->dtype, view->ndim, view->shape, view->strides, a->readonly);
}

Value array_index(VM *vm, Value v, Value key)
{
    const Array *a = ARRAY(v);
    View view;
    int simple = simple_view(vm, a, key, &view);
    if (simple)
        return simple < 0 ? V_ERR : view_value(vm, a, &view, view.ndim == 0);
    IndexKey parsed;
    if (index_key_parse(vm, a, key, &parsed) != ALP_OK)
        return V_ERR;
    Value result = V_ERR;
    if (parsed.fancy)
        result = array_to_host(vm, a, HOST_Read) == ALP_OK ? index_fancy_get(vm, a, &parsed) : V_ERR;
    else if (index_view(vm, a, &parsed, &view) == ALP_OK) {
        bool element = view.ndim == 0;
        for (int k = 0; k < parsed.n; k++)
            element &= parsed.item[k].kind != IX_ELLIPSIS;
        result = view_value(vm, a, &view, element);
    }
    index_key_free(vm, &parsed);
    return result;
}

/* Assignment to an element takes a scalar; to a view, anything that broadcasts. */
static Status assign_view(VM *vm, const Array *a, const View *view, bool element, Value x)
{
    if (element)
        return element_store(vm, a, view->data, x);
    Array to = { .dtype = a->dtype, .ndim = (uint8_t)view->ndim, .buf = a->buf, .data = view->data };
    memcpy(to.shape, view->shape, sizeof to.shape[0] * (size_t)view->ndim);
    memcpy(to.strides, view->strides, sizeof to.strides[0] * (size_t)view->ndim);
    array_update_flags(&to);
    return array_assign(vm, &to, x);
}

Status array_set_index(VM *vm, Value v, Value key, Value x)
{
    const Array *a = ARRAY(v);
    View view;
    TRY(array_check_writable(vm, a));
    int simple = simple_view(vm, a, key, &view);
    if (simple)
        return simple < 0 ? ALP_FAIL : assign_view(vm, a, &view, view.ndim == 0, x);
    IndexKey parsed;
    TRY(index_key_parse(vm, a, key, &parsed));
    Status s = ALP_FAIL;
    if (parsed.fancy)
        s = array_to_host(vm, a, HOST_Write) == ALP_OK && value_to_host(vm, x, HOST_Read) == ALP_OK ? index_fancy_set(vm, a, &parsed, x) : ALP_FAIL;
    else if (index_view(vm, a, &parsed, &view) == ALP_OK) {
        bool element = view.ndim == 0;
        for (int k = 0; k < parsed.n; k++)
            element &= parsed.item[k].kind != IX_ELLIPSIS;
        s = assign_view(vm, a, &view, element, x);
    }
    index_key_free(vm, &parsed);
    return s;
}
