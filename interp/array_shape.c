/* interp/array_shape.c — the same elements in another shape: reshape, transpose, squeeze, flip, broadcast_to and kin; mostly views. */
#include <inttypes.h>
#include <stdio.h>

#include "interp/array_util.h"
#include "interp/numpy_rows.h"
#include "interp/ops.h"
#include "interp/seq.h"

static Value view_of(VM *vm, const Array *a, int ndim, const int64_t *shape, const int64_t *strides)
{
    return array_view(vm, a->buf, a->data, (DType)a->dtype, ndim, shape, strides, a->readonly);
}

/* ---- reshape ------------------------------------------------------------------------------------------------------------- */
/* Strides that give `a` another shape in C order without moving elements; false: there are none.  Groups of old and new axes with
 * the same number of elements are matched; within a group the old axes must be one run. */
static bool reshape_strides(const Array *a, int ndim, const int64_t *shape, int64_t *strides)
{
    int n_old = 0;
    int64_t old_shape[ALP_MAX_NDIM], old_strides[ALP_MAX_NDIM];
    for (int k = 0; k < a->ndim; k++)
        if (a->shape[k] != 1) {
            old_shape[n_old] = a->shape[k];
            old_strides[n_old++] = a->strides[k];
        }
    int i = 0, j = 0;                                   /* start of the next group, old and new */
    while (i < n_old && j < ndim) {
        int i_end = i + 1, j_end = j + 1;
        int64_t old_count = old_shape[i], new_count = shape[j];
        while (old_count != new_count) {
            if (new_count < old_count)
                new_count *= shape[j_end++];
            else
                old_count *= old_shape[i_end++];
        }
        for (int k = i; k + 1 < i_end; k++)
            if (old_strides[k] != old_shape[k + 1] * old_strides[k + 1])
                return false;
        strides[j_end - 1] = old_strides[i_end - 1];
        for (int k = j_end - 1; k > j; k--)
            strides[k - 1] = strides[k] * shape[k];
        i = i_end;
        j = j_end;
    }
    int64_t last = j > 0 ? strides[j - 1] : dtype_info[a->dtype].size;
    for (; j < ndim; j++)
        strides[j] = last;                              /* axes of length 1 left over */
    return true;
}

static Value raise_reshape(VM *vm, const Array *a, int ndim, const int64_t *shape)
{
    char text[SHAPE_TEXT_MAX];
    size_t n = 0;
    int k = 0;
    while (k < ndim && shape[k] < 0)
        k++;
    text[n++] = '(';
    for (int first = k; k < ndim; k++)
        n += (size_t)(shape[k] < 0 ? snprintf(text + n, sizeof text - n, ",newaxis")
                                   : snprintf(text + n, sizeof text - n, "%s%" PRId64, k > first ? "," : "", shape[k]));
    snprintf(text + n, sizeof text - n, ndim == 1 && shape[0] >= 0 ? ",)" : ")");
    return raise(vm, TY_ValueError, "cannot reshape array of size %" PRId64 " into shape %s", a->size, text);
}

/* Replaces the entry that is negative by what is left for it. */
static Status complete_shape(VM *vm, const Array *a, int ndim, const int64_t *wanted, int64_t *shape)
{
    int unknown = -1;
    int64_t known = 1;
    bool overflow = false;
    for (int k = 0; k < ndim; k++) {
        shape[k] = wanted[k];
        if (wanted[k] >= 0)
            overflow |= __builtin_mul_overflow(known, wanted[k], &known);
        else if (unknown >= 0) {
            raise(vm, TY_ValueError, "can only specify one unknown dimension");
            return ALP_FAIL;
        } else
            unknown = k;
    }
    bool ok = !overflow && (unknown < 0 ? known == a->size : known != 0 && a->size % known == 0);
    if (!ok) {
        raise_reshape(vm, a, ndim, wanted);
        return ALP_FAIL;
    }
    if (unknown >= 0)
        shape[unknown] = a->size / known;
    return ALP_OK;
}

/* Strides in C order; empty axes count as if they had one element (unlike those of a fresh array). */
static void run_strides(const Array *a, int ndim, const int64_t *shape, int64_t *strides)
{
    uint64_t step = dtype_info[a->dtype].size;
    for (int k = ndim - 1; k >= 0; k--) {
        strides[k] = (int64_t)step;
        step *= shape[k] ? (uint64_t)shape[k] : 1;      /* may wrap, for empty arrays alone */
    }
}

static Value reshape_c(VM *vm, Value v, int ndim, const int64_t *shape)
{
    const Array *a = ARRAY(v);
    int64_t strides[ALP_MAX_NDIM];
    if (ndim == a->ndim && !memcmp(shape, a->shape, sizeof shape[0] * (size_t)ndim))
        return view_of(vm, a, ndim, shape, a->strides);
    if (a->size == 0 || a->c_contig)
        run_strides(a, ndim, shape, strides);
    if (a->size == 0 || a->c_contig || reshape_strides(a, ndim, shape, strides))
        return view_of(vm, a, ndim, shape, strides);
    Value copy = array_copy(vm, v, (DType)a->dtype, 'C');
    if (IS_ERR(copy))
        return copy;
    run_strides(a, ndim, shape, strides);
    Value view = view_of(vm, ARRAY(copy), ndim, shape, strides);
    value_free(vm, copy);
    return view;
}

static Value reversed_axes(VM *vm, Value v)
{
    int axes[ALP_MAX_NDIM];
    for (int k = 0; k < ARRAY(v)->ndim; k++)
        axes[k] = ARRAY(v)->ndim - 1 - k;
    return array_permute(vm, v, axes);
}

Value array_reshape(VM *vm, Value v, int ndim, const int64_t *new_shape, char order)
{
    const Array *a = ARRAY(v);
    int64_t shape[ALP_MAX_NDIM], reversed[ALP_MAX_NDIM];
    if (complete_shape(vm, a, ndim, new_shape, shape) != ALP_OK)
        return V_ERR;
    if (order == 'A')
        order = a->f_contig && !a->c_contig ? 'F' : 'C';
    if (order != 'F')
        return reshape_c(vm, v, ndim, shape);
    /* F order is C order of the reversed axes. */
    for (int k = 0; k < ndim; k++)
        reversed[k] = shape[ndim - 1 - k];
    Value turned = reversed_axes(vm, v);
    Value reshaped = IS_ERR(turned) ? V_ERR : reshape_c(vm, turned, ndim, reversed);
    Value result = IS_ERR(reshaped) ? V_ERR : reversed_axes(vm, reshaped);
    value_free(vm, turned);
    value_free(vm, reshaped);
    return result;
}

Value array_reshape_args(VM *vm, Value v, const Value *args, uint32_t n, char order)
{
    int ndim;
    int64_t shape[ALP_MAX_NDIM];
    if (n == 0)
        return raise(vm, TY_TypeError, "reshape() takes exactly 1 argument (0 given)");
    if (n == 1 && args[0].tag == T_None)
        return view_of(vm, ARRAY(v), ARRAY(v)->ndim, ARRAY(v)->shape, ARRAY(v)->strides);
    if (n == 1) {
        if (shape_arg(vm, args[0], &ndim, shape) != ALP_OK)
            return V_ERR;
    } else {
        if (shape_check_ndim(vm, n) != ALP_OK)
            return V_ERR;
        ndim = (int)n;
        for (uint32_t k = 0; k < n; k++)
            if (arg_int(vm, args[k], &shape[k]) != ALP_OK)
                return V_ERR;
    }
    return array_reshape(vm, v, ndim, shape, order);
}

Value array_ravel(VM *vm, Value v, char order)
{
    const int64_t size = ARRAY(v)->size;
    if (order == 'K')
        order = ARRAY(v)->f_contig && !ARRAY(v)->c_contig ? 'F' : 'C';
    return array_reshape(vm, v, 1, &size, order);
}

Value array_flatten(VM *vm, Value v, char order)
{
    Value flat = array_ravel(vm, v, order);
    if (IS_ERR(flat) || ARRAY(flat)->buf != ARRAY(v)->buf)
        return flat;
    Value copy = array_copy(vm, flat, (DType)ARRAY(v)->dtype, 'C');
    value_free(vm, flat);
    return copy;
}

/* ---- axes ------------------------------------------------------------------------------------------------------------------ */
Value array_permute(VM *vm, Value v, const int *axes)
{
    const Array *a = ARRAY(v);
    int64_t shape[ALP_MAX_NDIM], strides[ALP_MAX_NDIM];
    for (int k = 0; k < a->ndim; k++) {
        shape[k] = a->shape[axes[k]];
        strides[k] = a->strides[axes[k]];
    }
    return view_of(vm, a, a->ndim, shape, strides);
}

/* The items of an axes argument: one integer or a sequence of them, normalised; *n of them, at most ALP_MAX_NDIM. */
static Status axes_arg(VM *vm, Value v, int ndim, int *axes, int *n)
{
    *n = 0;
    if (v.tag != T_Tuple && v.tag != T_List && v.tag != T_Range && v.tag != T_Array) {
        *n = 1;
        return axis_arg(vm, v, ndim, &axes[0]);
    }
    Value items = seq_to_tuple(vm, v);
    if (IS_ERR(items))
        return ALP_FAIL;
    Status s = shape_check_ndim(vm, TUPLE(items)->count);
    for (size_t k = 0; s == ALP_OK && k < TUPLE(items)->count; k++)
        s = axis_arg(vm, TUPLE(items)->item[k], ndim, &axes[(*n)++]);
    value_free(vm, items);
    return s;
}

static bool has_repeated(const int *axes, int n)
{
    unsigned seen = 0;
    for (int k = 0; k < n; k++) {
        if (seen & 1u << axes[k])
            return true;
        seen |= 1u << axes[k];
    }
    return false;
}

Value array_transpose_args(VM *vm, Value v, const Value *args, uint32_t n)
{
    const Array *a = ARRAY(v);
    int axes[ALP_MAX_NDIM], count = 0;
    if (n == 0 || (n == 1 && args[0].tag == T_None))
        return reversed_axes(vm, v);
    if (n == 1) {
        if (axes_arg(vm, args[0], a->ndim, axes, &count) != ALP_OK)
            return V_ERR;
    } else {
        if (n != a->ndim)
            return raise(vm, TY_ValueError, "axes don't match array");
        for (; count < (int)n; count++)
            if (axis_arg(vm, args[count], a->ndim, &axes[count]) != ALP_OK)
                return V_ERR;
    }
    if (count != a->ndim)
        return raise(vm, TY_ValueError, "axes don't match array");
    if (has_repeated(axes, count))
        return raise(vm, TY_ValueError, "repeated axis in transpose");
    return array_permute(vm, v, axes);
}

static Status named_axis(VM *vm, Value v, int ndim, const char *name, int *axis)
{
    int64_t k;
    TRY(arg_int(vm, v, &k));
    if (k >= -ndim && k < ndim)
        return axis_normalise(vm, k, ndim, axis);
    raise(vm, TY_AxisError, "%s: axis %" PRId64 " is out of bounds for array of dimension %d", name, k, ndim);
    return ALP_FAIL;
}

Value array_swap_axes(VM *vm, Value v, Value axis1, Value axis2)
{
    int ndim = ARRAY(v)->ndim, a, b, axes[ALP_MAX_NDIM];
    if (named_axis(vm, axis1, ndim, "axis1", &a) != ALP_OK || named_axis(vm, axis2, ndim, "axis2", &b) != ALP_OK)
        return V_ERR;
    for (int k = 0; k < ndim; k++)
        axes[k] = k == a ? b : k == b ? a : k;
    return array_permute(vm, v, axes);
}

Value array_squeeze(VM *vm, Value v, Value axis)
{
    const Array *a = ARRAY(v);
    int axes[ALP_MAX_NDIM], n = 0, ndim = 0;
    unsigned drop = 0;
    int64_t shape[ALP_MAX_NDIM], strides[ALP_MAX_NDIM];
    if (axis.tag == T_Unbound || axis.tag == T_None) {
        for (int k = 0; k < a->ndim; k++)
            if (a->shape[k] == 1)
                drop |= 1u << k;
    } else if (axes_arg(vm, axis, a->ndim, axes, &n) != ALP_OK)
        return V_ERR;
    for (int k = 0; k < n; k++) {
        if (a->shape[axes[k]] != 1)
            return raise(vm, TY_ValueError, "cannot select an axis to squeeze out which has size not equal to one");
        drop |= 1u << axes[k];
    }
    for (int k = 0; k < a->ndim; k++)
        if (!(drop & 1u << k)) {
            shape[ndim] = a->shape[k];
            strides[ndim++] = a->strides[k];
        }
    return view_of(vm, a, ndim, shape, strides);
}

static Value expand_axes(VM *vm, Value v, const int *axes, int n)
{
    const Array *a = ARRAY(v);
    int64_t shape[ALP_MAX_NDIM], strides[ALP_MAX_NDIM];
    for (int k = 0, from = 0; k < a->ndim + n; k++) {
        bool is_new = false;
        for (int i = 0; i < n; i++)
            is_new |= axes[i] == k;
        shape[k] = is_new ? 1 : a->shape[from];
        strides[k] = is_new ? 0 : a->strides[from++];
    }
    return view_of(vm, a, a->ndim + n, shape, strides);
}

Value array_diagonal(VM *vm, const Array *a, int64_t offset)
{
    int64_t rows = a->shape[0], columns = a->shape[1];
    int64_t row = offset < 0 ? -offset : 0, column = offset > 0 ? offset : 0;
    int64_t n = rows - row < columns - column ? rows - row : columns - column;
    if (row > rows || column > columns || n < 0)
        n = 0;
    const int64_t stride = a->strides[0] + a->strides[1];
    char *data = n ? a->data + row * a->strides[0] + column * a->strides[1] : a->data;
    return array_view(vm, a->buf, data, (DType)a->dtype, 1, &n, &stride, true);
}

/* ---- Python objects ---------------------------------------------------------------------------------------------------------- */
Value array_item(VM *vm, DType d, const char *p)
{
    Value v = array_load(vm, d, p);
    double re, im;
    switch (v.tag) {
    case T_NpBool:
        return V_BOOL(v.u.i);
    case T_NpI8: case T_NpI16: case T_NpI32: case T_NpI64:
        return V_INT(v.u.i);
    case T_NpU8: case T_NpU16: case T_NpU32: case T_NpU64:
        if (v.u.u > INT64_MAX)
            return raise(vm, TY_OverflowError, "integer %" PRIu64 " does not fit in 64 bits", v.u.u);
        return V_INT(v.u.i);
    case T_NpF32: case T_NpF64:
        return V_FLOAT(v.u.f);
    case T_NpC64: case T_NpC128:
        value_as_complex(v, &re, &im);
        value_free(vm, v);
        return complex_new(vm, re, im);
    default:
        return v;
    }
}

static Value nested_list(VM *vm, const Array *a, int axis, const char *p)
{
    if (axis == a->ndim)
        return array_item(vm, (DType)a->dtype, p);
    Value list = list_new(vm, NULL, 0);
    for (int64_t i = 0; !IS_ERR(list) && i < a->shape[axis]; i++, p += a->strides[axis]) {
        Value item = nested_list(vm, a, axis + 1, p);
        if (IS_ERR(item) || list_append(vm, list, item) != ALP_OK) {
            value_free(vm, list);
            return V_ERR;
        }
    }
    return list;
}

Value array_tolist(VM *vm, const Array *a)
{
    return nested_list(vm, a, 0, a->data);
}

/* ---- functions of numpy ------------------------------------------------------------------------------------------------------ */
typedef Value (*ArrayFn)(VM *vm, Value a, const Args *args);
static Value transpose_of(VM *vm, Value a, const Args *args), squeeze_of(VM *vm, Value a, const Args *args);

/* The first argument as an array, for functions that take anything. */
static Value with_array(VM *vm, const Args *args, ArrayFn fn)
{
    /* These are methods of NumPy scalars too, which return themselves. */
    if (IS_NPSCALAR(args->v[0]) && (fn == transpose_of || fn == squeeze_of))
        return value_ref(args->v[0]);
    Value a = array_from_value(vm, args->v[0], DT_COUNT);
    if (IS_ERR(a))
        return V_ERR;
    Value r = fn(vm, a, args);
    value_free(vm, a);
    return r;
}

#define ON_ARRAY(NAME) \
static Value NAME##_of(VM *vm, Value a, const Args *args); \
static Value np_##NAME(VM *vm, const Args *args) { return with_array(vm, args, NAME##_of); } \
static Value NAME##_of(VM *vm, Value a, const Args *args)

ON_ARRAY(reshape)
{
    char order;
    if (order_arg(vm, args->v[2], 'C', &order) != ALP_OK)
        return V_ERR;
    return array_reshape_args(vm, a, &args->v[1], 1, order);
}

ON_ARRAY(ravel)
{
    char order;
    return order_arg(vm, args->v[1], 'C', &order) == ALP_OK ? array_ravel(vm, a, order) : V_ERR;
}

ON_ARRAY(transpose)
{
    return array_transpose_args(vm, a, &args->v[1], args->v[1].tag == T_Unbound ? 0 : 1);
}

ON_ARRAY(swapaxes)
{
    return array_swap_axes(vm, a, args->v[1], args->v[2]);
}

ON_ARRAY(squeeze)
{
    return array_squeeze(vm, a, args->v[1]);
}

ON_ARRAY(moveaxis)
{
    int ndim = ARRAY(a)->ndim, source[ALP_MAX_NDIM], target[ALP_MAX_NDIM], order[ALP_MAX_NDIM], n_source, n_target;
    if (axes_arg(vm, args->v[1], ndim, source, &n_source) != ALP_OK || axes_arg(vm, args->v[2], ndim, target, &n_target) != ALP_OK)
        return V_ERR;
    if (has_repeated(source, n_source))
        return raise(vm, TY_ValueError, "repeated axis in `source` argument");
    if (has_repeated(target, n_target))
        return raise(vm, TY_ValueError, "repeated axis in `destination` argument");
    if (n_source != n_target)
        return raise(vm, TY_ValueError, "`source` and `destination` arguments must have the same number of elements");
    unsigned moved = 0;
    for (int k = 0; k < ndim; k++)
        order[k] = -1;
    for (int k = 0; k < n_source; k++) {
        order[target[k]] = source[k];
        moved |= 1u << source[k];
    }
    for (int k = 0, from = 0; k < ndim; k++)
        if (order[k] < 0) {
            while (moved & 1u << from)
                from++;
            order[k] = from++;
        }
    return array_permute(vm, a, order);
}

ON_ARRAY(expand_dims)
{
    int axes[ALP_MAX_NDIM], n;
    Value v = args->v[1];
    int count = v.tag == T_Tuple ? (int)TUPLE(v)->count : v.tag == T_List ? (int)LIST(v)->count : 1;
    int ndim = ARRAY(a)->ndim + count;
    if (shape_check_ndim(vm, (size_t)ndim) != ALP_OK || axes_arg(vm, v, ndim, axes, &n) != ALP_OK)
        return V_ERR;
    if (has_repeated(axes, n))
        return raise(vm, TY_ValueError, "repeated axis");
    return expand_axes(vm, a, axes, n);
}

/* Reverse the axes whose bits are set. */
static Value flip_axes(VM *vm, const Array *a, unsigned axes)
{
    int64_t strides[ALP_MAX_NDIM];
    char *data = a->data;
    for (int k = 0; k < a->ndim; k++) {
        strides[k] = a->strides[k];
        if (axes & 1u << k) {
            if (a->shape[k] > 0)
                data += a->strides[k] * (a->shape[k] - 1);
            strides[k] = -strides[k];
        }
    }
    return array_view(vm, a->buf, data, (DType)a->dtype, a->ndim, a->shape, strides, a->readonly);
}

ON_ARRAY(flip)
{
    int axes[ALP_MAX_NDIM], n;
    unsigned bits = 0;
    if (args->v[1].tag == T_Unbound || args->v[1].tag == T_None)
        return flip_axes(vm, ARRAY(a), ~0u);
    if (axes_arg(vm, args->v[1], ARRAY(a)->ndim, axes, &n) != ALP_OK)
        return V_ERR;
    for (int k = 0; k < n; k++)
        bits |= 1u << axes[k];
    return flip_axes(vm, ARRAY(a), bits);
}

ON_ARRAY(fliplr)
{
    if (ARRAY(a)->ndim < 2)
        return raise(vm, TY_ValueError, "Input must be >= 2-d.");
    return flip_axes(vm, ARRAY(a), 2);
}

ON_ARRAY(flipud)
{
    if (ARRAY(a)->ndim < 1)
        return raise(vm, TY_ValueError, "Input must be >= 1-d.");
    return flip_axes(vm, ARRAY(a), 1);
}

/* m, k, axes */
ON_ARRAY(rot90)
{
    int64_t times = 1;
    int axes[ALP_MAX_NDIM] = { 0, 1 }, n = 2, ndim = ARRAY(a)->ndim, order[ALP_MAX_NDIM];
    if (args->v[1].tag != T_Unbound && arg_int(vm, args->v[1], &times) != ALP_OK)
        return V_ERR;
    if (args->v[2].tag != T_Unbound && axes_arg(vm, args->v[2], ndim, axes, &n) != ALP_OK)
        return V_ERR;
    if (n != 2)
        return raise(vm, TY_ValueError, "len(axes) must be 2.");
    if (axes[0] == axes[1] || ndim < 2)
        return raise(vm, TY_ValueError, "Axes must be different.");
    for (int k = 0; k < ndim; k++)
        order[k] = k == axes[0] ? axes[1] : k == axes[1] ? axes[0] : k;
    unsigned first = 1u << axes[0], second = 1u << axes[1];
    Value step, r;
    switch (times & 3) {
    case 0:
        return flip_axes(vm, ARRAY(a), 0);
    case 2:
        return flip_axes(vm, ARRAY(a), first | second);
    case 1:
        step = flip_axes(vm, ARRAY(a), second);
        r = IS_ERR(step) ? V_ERR : array_permute(vm, step, order);
        break;
    default:
        step = array_permute(vm, a, order);
        r = IS_ERR(step) ? V_ERR : flip_axes(vm, ARRAY(step), second);
    }
    value_free(vm, step);
    return r;
}

Value array_broadcast_to(VM *vm, const Array *a, int ndim, const int64_t *shape)
{
    int64_t strides[ALP_MAX_NDIM];
    char given[SHAPE_TEXT_MAX], wanted[SHAPE_TEXT_MAX];
    if (a->ndim > ndim)
        return raise(vm, TY_ValueError, "input operand has more dimensions than allowed by the axis remapping");
    for (int k = 1; k <= ndim; k++) {
        int64_t n = k <= a->ndim ? a->shape[a->ndim - k] : 1;
        if (n != 1 && n != shape[ndim - k]) {
            shape_text(given, sizeof given, a->ndim, a->shape);
            shape_text(wanted, sizeof wanted, ndim, shape);
            return raise(vm, TY_ValueError, "operands could not be broadcast together with remapped shapes [original->remapped]: %s  "
                         "and requested shape %s", given, wanted);
        }
        strides[ndim - k] = n == 1 && (k > a->ndim || shape[ndim - k] != 1) ? 0 : a->strides[a->ndim - k];
    }
    return array_view(vm, a->buf, a->data, (DType)a->dtype, ndim, shape, strides, true);
}

ON_ARRAY(broadcast_to)
{
    int ndim;
    int64_t shape[ALP_MAX_NDIM];
    if (shape_arg(vm, args->v[1], &ndim, shape) != ALP_OK)
        return V_ERR;
    for (int k = 0; k < ndim; k++)
        if (shape[k] < 0)
            return raise(vm, TY_ValueError, "all elements of broadcast shape must be non-negative");
    return array_broadcast_to(vm, ARRAY(a), ndim, shape);
}

static Value shape_tuple(VM *vm, int n, const int64_t *shape)
{
    Value t = tuple_new(vm, NULL, (size_t)n);
    for (int k = 0; !IS_ERR(t) && k < n; k++)
        TUPLE(t)->item[k] = V_INT(shape[k]);
    return t;
}

ON_ARRAY(shape)
{
    return shape_tuple(vm, ARRAY(a)->ndim, ARRAY(a)->shape);
}

ON_ARRAY(ndim)
{
    return V_INT(ARRAY(a)->ndim);
}

ON_ARRAY(size)
{
    int axis;
    if (args->v[1].tag == T_Unbound || args->v[1].tag == T_None)
        return V_INT(ARRAY(a)->size);
    return axis_arg(vm, args->v[1], ARRAY(a)->ndim, &axis) == ALP_OK ? V_INT(ARRAY(a)->shape[axis]) : V_ERR;
}

ON_ARRAY(diagonal)
{
    int64_t offset = 0;
    if (args->v[1].tag != T_Unbound && arg_int(vm, args->v[1], &offset) != ALP_OK)
        return V_ERR;
    if (ARRAY(a)->ndim < 2)
        return raise(vm, TY_ValueError, "diag requires an array of at least two dimensions");
    if (ARRAY(a)->ndim > 2)
        return raise(vm, TY_ValueError, "diagonal of arrays with more than two dimensions is not part of alpy");
    return array_diagonal(vm, ARRAY(a), offset);
}

/* At least n axes; those missing go in front, but a matrix gets its third one behind (NumPy's atleast_3d). */
static Value at_least(VM *vm, const Args *args, int n)
{
    if (args->n_rest != 1)
        return raise(vm, TY_TypeError, "atleast_%dd() of one array only is part of alpy", n);
    Value a = array_from_value(vm, args->rest[0], DT_COUNT);
    if (IS_ERR(a) || ARRAY(a)->ndim >= n)
        return a;
    static const int added[4][3][3] = { [1] = { { 0 } }, [2] = { { 0, 1 }, { 0 } }, [3] = { { 0, 1, 2 }, { 0, 2 }, { 2 } } };
    int ndim = ARRAY(a)->ndim;
    Value r = expand_axes(vm, a, added[n][ndim], n - ndim);
    value_free(vm, a);
    return r;
}

static Value np_atleast_1d(VM *vm, const Args *args) { return at_least(vm, args, 1); }
static Value np_atleast_2d(VM *vm, const Args *args) { return at_least(vm, args, 2); }
static Value np_atleast_3d(VM *vm, const Args *args) { return at_least(vm, args, 3); }

static Value np_broadcast_shapes(VM *vm, const Args *args)
{
    int ndim = 0, n;
    int64_t shape[ALP_MAX_NDIM], one[ALP_MAX_NDIM];
    for (uint32_t k = 0; k < args->n_rest; k++) {
        if (shape_arg(vm, args->rest[k], &n, one) != ALP_OK)
            return V_ERR;
        if (shape_broadcast(&ndim, shape, n, one) != ALP_OK)
            return raise(vm, TY_ValueError, "shape mismatch: objects cannot be broadcast to a single shape");
    }
    return shape_tuple(vm, ndim, shape);
}

const NativeRow shape_numpy_rows[] = {
    { "reshape", np_reshape, "a, /, shape, order=", "The elements in another shape.", NATIVE_VIEWS },
    { "ravel", np_ravel, "a, order=", "The elements in one axis; a view if possible.", NATIVE_VIEWS },
    { "transpose", np_transpose, "a, axes=", "Axes permuted, or reversed.", NATIVE_VIEWS },
    { "permute_dims", np_transpose, "a, axes=", "Axes permuted, or reversed.", NATIVE_VIEWS },
    { "swapaxes", np_swapaxes, "a, axis1, axis2", "Two axes exchanged.", NATIVE_VIEWS },
    { "squeeze", np_squeeze, "a, axis=", "Without axes of length 1.", NATIVE_VIEWS },
    { "moveaxis", np_moveaxis, "a, source, destination", "Axes moved to other places.", NATIVE_VIEWS },
    { "expand_dims", np_expand_dims, "a, axis", "With new axes of length 1.", NATIVE_VIEWS },
    { "flip", np_flip, "m, axis=", "Elements in reverse order along axes.", NATIVE_VIEWS },
    { "fliplr", np_fliplr, "m", "Columns in reverse order.", NATIVE_VIEWS },
    { "flipud", np_flipud, "m", "Rows in reverse order.", NATIVE_VIEWS },
    { "rot90", np_rot90, "m, k=, axes=", "Rotated by 90 degrees, k times." },
    { "broadcast_to", np_broadcast_to, "array, shape", "Read-only view, repeated to a shape.", NATIVE_VIEWS },
    { "broadcast_shapes", np_broadcast_shapes, "*args", "The shape that shapes broadcast to." },
    { "shape", np_shape, "a", "Lengths of the axes.", NATIVE_VIEWS },
    { "ndim", np_ndim, "a", "Number of axes.", NATIVE_VIEWS },
    { "size", np_size, "a, axis=", "Number of elements, in all or along an axis.", NATIVE_VIEWS },
    { "diagonal", np_diagonal, "a, offset=", "Read-only view of a matrix's diagonal.", NATIVE_VIEWS },
    { "atleast_1d", np_atleast_1d, "*arys", "With at least one axis." },
    { "atleast_2d", np_atleast_2d, "*arys", "With at least two axes." },
    { "atleast_3d", np_atleast_3d, "*arys", "With at least three axes." },
    { NULL }
};
