/* interp/array_join.c — arrays joined, split, repeated, rolled, padded and picked from. */
#include <inttypes.h>
#include <stdio.h>

#include "interp/array_util.h"
#include "interp/elem.h"
#include "interp/numpy_rows.h"
#include "interp/ops.h"
#include "interp/seq.h"
#include "interp/str.h"
#include "interp/ufunc.h"

static bool given(Value v)
{
    return v.tag != T_Unbound && v.tag != T_None;
}

/* The part [from, from + n) of an axis. */
static Array part_of_axis(const Array *a, int axis, int64_t from, int64_t n)
{
    Array part = *a;
    part.data += n > 0 ? from * a->strides[axis] : 0;
    part.shape[axis] = n;
    array_update_flags(&part);
    return part;
}

/* ---- joining ----------------------------------------------------------------------------------------------------------- */
/* A list or tuple of values, as an owned tuple of arrays. */
static Value arrays_of(VM *vm, Value seq)
{
    Value items = seq_to_tuple(vm, seq);
    if (IS_ERR(items))
        return V_ERR;
    Value t = tuple_new(vm, NULL, TUPLE(items)->count);
    for (size_t k = 0; !IS_ERR(t) && k < TUPLE(items)->count; k++) {
        Value a = array_from_value(vm, TUPLE(items)->item[k], DT_COUNT);
        if (IS_ERR(a)) {
            value_free(vm, t);
            t = V_ERR;
            break;
        }
        TUPLE(t)->item[k] = a;
    }
    value_free(vm, items);
    return t;
}

#define PART(t, k) ARRAY(TUPLE(t)->item[k])

static Status check_joinable(VM *vm, Value t, int axis)
{
    const Array *first = PART(t, 0);
    for (size_t k = 1; k < TUPLE(t)->count; k++) {
        const Array *a = PART(t, k);
        if (a->ndim != first->ndim) {
            raise(vm, TY_ValueError, "all the input arrays must have same number of dimensions, but the array at index 0 has %d "
                  "dimension(s) and the array at index %zu has %d dimension(s)", first->ndim, k, a->ndim);
            return ALP_FAIL;
        }
        for (int d = 0; d < a->ndim; d++)
            if (d != axis && a->shape[d] != first->shape[d]) {
                raise(vm, TY_ValueError, "all the input array dimensions except for the concatenation axis must match exactly, but along "
                      "dimension %d, the array at index 0 has size %" PRId64 " and the array at index %zu has size %" PRId64, d,
                      first->shape[d], k, a->shape[d]);
                return ALP_FAIL;
            }
    }
    return ALP_OK;
}

/* Owned tuple of arrays into one; axis normalised.  out may be NULL. */
static Value join(VM *vm, Value t, int axis, Array *out, DType d)
{
    const Array *first = PART(t, 0);
    int64_t shape[ALP_MAX_NDIM];
    if (check_joinable(vm, t, axis) != ALP_OK)
        return V_ERR;
    memcpy(shape, first->shape, sizeof shape);
    shape[axis] = 0;
    bool fortran = true;
    for (size_t k = 0; k < TUPLE(t)->count; k++) {
        if (__builtin_add_overflow(shape[axis], PART(t, k)->shape[axis], &shape[axis]))
            return raise(vm, TY_ValueError, "Maximum allowed dimension exceeded");
        fortran &= PART(t, k)->f_contig && !PART(t, k)->c_contig;
    }
    Value v;
    if (out) {
        if (out->ndim != first->ndim || memcmp(out->shape, shape, sizeof shape[0] * first->ndim))
            return raise(vm, TY_ValueError, "Output array is the wrong shape");
        v = value_ref(V_OBJ(out));
    } else
        v = array_new_order(vm, d, first->ndim, shape, fortran ? 'F' : 'C', false);
    int64_t at = 0;
    for (size_t k = 0; !IS_ERR(v) && k < TUPLE(t)->count; k++) {
        Array to = part_of_axis(ARRAY(v), axis, at, PART(t, k)->shape[axis]);
        at += PART(t, k)->shape[axis];
        if (array_assign(vm, &to, TUPLE(t)->item[k]) != ALP_OK) {
            value_free(vm, v);
            v = V_ERR;
        }
    }
    return v;
}

static DType common_dtype(Value t)
{
    DType d = (DType)PART(t, 0)->dtype;
    for (size_t k = 1; k < TUPLE(t)->count; k++)
        d = dtype_promote(d, (DType)PART(t, k)->dtype);
    return d;
}

/* Joins the arrays of t (owned); axis T_None: all flattened. */
static Value concatenate(VM *vm, ALP_TAKE Value t, Value axis_value, Value out_value, Value dtype)
{
    Value r = V_ERR;
    Array *out;
    DType d;
    int axis = 0;
    if (IS_ERR(t))
        return V_ERR;
    if (TUPLE(t)->count == 0) {
        raise(vm, TY_ValueError, "need at least one array to concatenate");
        goto done;
    }
    for (size_t k = 0; axis_value.tag == T_None && k < TUPLE(t)->count; k++) {
        Value flat = array_ravel(vm, TUPLE(t)->item[k], 'C');
        if (IS_ERR(flat))
            goto done;
        value_set(vm, &TUPLE(t)->item[k], flat);
    }
    if (PART(t, 0)->ndim == 0) {
        raise(vm, TY_ValueError, "zero-dimensional arrays cannot be concatenated");
        goto done;
    }
    if (given(axis_value) && axis_arg(vm, axis_value, PART(t, 0)->ndim, &axis) != ALP_OK)
        goto done;
    if (out_array_arg(vm, out_value, &out) == ALP_OK && dtype_arg(vm, dtype, common_dtype(t), &d) == ALP_OK)
        r = join(vm, t, axis, out, d);
done:
    value_free(vm, t);
    return r;
}

/* arrays, axis, out, dtype */
static Value np_concatenate(VM *vm, const Args *args)
{
    const Value *v = args->v;
    return concatenate(vm, arrays_of(vm, v[0]), v[1], v[2], v[3]);
}

/* Replace every array of t by fn(it). */
static Value each(VM *vm, ALP_TAKE Value t, Value (*fn)(VM *vm, Value a))
{
    for (size_t k = 0; !IS_ERR(t) && k < TUPLE(t)->count; k++) {
        Value a = fn(vm, TUPLE(t)->item[k]);
        if (IS_ERR(a)) {
            value_free(vm, t);
            return V_ERR;
        }
        value_set(vm, &TUPLE(t)->item[k], a);
    }
    return t;
}

static Value with_axis(VM *vm, Value v, int at)
{
    const Array *a = ARRAY(v);
    int64_t shape[ALP_MAX_NDIM], strides[ALP_MAX_NDIM];
    if (shape_check_ndim(vm, a->ndim + 1u) != ALP_OK)
        return V_ERR;
    for (int k = 0; k <= a->ndim; k++) {
        shape[k] = k < at ? a->shape[k] : k == at ? 1 : a->shape[k - 1];
        strides[k] = k < at ? a->strides[k] : k == at ? 0 : a->strides[k - 1];
    }
    return array_view(vm, a->buf, a->data, (DType)a->dtype, a->ndim + 1, shape, strides, a->readonly);
}

/* arrays, axis, out, dtype */
static Value np_stack(VM *vm, const Args *args)
{
    const Value *v = args->v;
    int axis = 0;
    Value t = arrays_of(vm, v[0]);
    if (IS_ERR(t))
        return V_ERR;
    if (TUPLE(t)->count == 0) {
        value_free(vm, t);
        return raise(vm, TY_ValueError, "need at least one array to stack");
    }
    const Array *first = PART(t, 0);
    for (size_t k = 1; k < TUPLE(t)->count; k++)
        if (PART(t, k)->ndim != first->ndim || memcmp(PART(t, k)->shape, first->shape, sizeof first->shape[0] * first->ndim)) {
            value_free(vm, t);
            return raise(vm, TY_ValueError, "all input arrays must have the same shape");
        }
    if (v[1].tag != T_Unbound && axis_arg(vm, v[1], first->ndim + 1, &axis) != ALP_OK) {
        value_free(vm, t);
        return V_ERR;
    }
    for (size_t k = 0; k < TUPLE(t)->count; k++) {
        Value a = with_axis(vm, TUPLE(t)->item[k], axis);
        if (IS_ERR(a)) {
            value_free(vm, t);
            return V_ERR;
        }
        value_set(vm, &TUPLE(t)->item[k], a);
    }
    return concatenate(vm, t, V_INT(axis), v[2], v[3]);
}

static Value least_1d(VM *vm, Value v)
{
    return ARRAY(v)->ndim == 0 ? with_axis(vm, v, 0) : value_ref(v);
}

static Value least_2d(VM *vm, Value v)
{
    Value a = least_1d(vm, v);
    if (IS_ERR(a) || ARRAY(a)->ndim > 1)
        return a;
    Value r = with_axis(vm, a, 0);
    value_free(vm, a);
    return r;
}

static Value least_3d(VM *vm, Value v)
{
    Value a = least_2d(vm, v);
    if (IS_ERR(a) || ARRAY(a)->ndim > 2)
        return a;
    Value r = with_axis(vm, a, 2);
    value_free(vm, a);
    return r;
}

static Value as_column(VM *vm, Value v)
{
    Value a = least_1d(vm, v);
    if (IS_ERR(a) || ARRAY(a)->ndim > 1)
        return a;
    Value r = with_axis(vm, a, 1);
    value_free(vm, a);
    return r;
}

static Value np_vstack(VM *vm, const Args *args)
{
    return concatenate(vm, each(vm, arrays_of(vm, args->v[0]), least_2d), V_INT(0), V_NONE, args->v[1]);
}

static Value np_hstack(VM *vm, const Args *args)
{
    Value t = each(vm, arrays_of(vm, args->v[0]), least_1d);
    if (IS_ERR(t))
        return V_ERR;
    bool one_axis = TUPLE(t)->count > 0 && PART(t, 0)->ndim == 1;
    return concatenate(vm, t, V_INT(one_axis ? 0 : 1), V_NONE, args->v[1]);
}

static Value np_dstack(VM *vm, const Args *args)
{
    return concatenate(vm, each(vm, arrays_of(vm, args->v[0]), least_3d), V_INT(2), V_NONE, V_NONE);
}

static Value np_column_stack(VM *vm, const Args *args)
{
    return concatenate(vm, each(vm, arrays_of(vm, args->v[0]), as_column), V_INT(1), V_NONE, V_NONE);
}

/* arr, values, axis */
static Value np_append(VM *vm, const Args *args)
{
    const Value *v = args->v;
    Value both = tuple_new(vm, v, 2);
    if (IS_ERR(both))
        return V_ERR;
    Value t = arrays_of(vm, both);
    value_free(vm, both);
    return concatenate(vm, t, given(v[2]) ? v[2] : V_NONE, V_NONE, V_NONE);
}

/* ---- splitting ----------------------------------------------------------------------------------------------------------- */
static Status append_part(VM *vm, Value list, const Array *a, int axis, int64_t from, int64_t to)
{
    int64_t n = a->shape[axis];
    from = from < 0 ? (from + n < 0 ? 0 : from + n) : from > n ? n : from;
    to = to < 0 ? (to + n < 0 ? 0 : to + n) : to > n ? n : to;
    Array part = part_of_axis(a, axis, from, to > from ? to - from : 0);
    Value v = array_view(vm, a->buf, part.data, (DType)a->dtype, a->ndim, part.shape, part.strides, a->readonly);
    return IS_ERR(v) ? ALP_FAIL : list_append(vm, list, v);
}

/* sections: a number of parts, or the indices where parts begin */
static Value split(VM *vm, Value v, Value sections, int axis, bool must_be_even)
{
    const Array *a = ARRAY(v);
    int64_t size = a->shape[axis], n;
    Value list = list_new(vm, NULL, 0);
    if (IS_ERR(list))
        return V_ERR;
    Status s = ALP_OK;
    if (value_as_int(sections, &n)) {
        if (n <= 0) {
            raise(vm, TY_ValueError, "number sections must be larger than 0.");
            s = ALP_FAIL;
        } else if (must_be_even && size % n) {
            raise(vm, TY_ValueError, "array split does not result in an equal division");
            s = ALP_FAIL;
        }
        for (int64_t k = 0, at = 0; s == ALP_OK && k < n; k++) {
            int64_t count = size / n + (k < size % n);
            s = append_part(vm, list, a, axis, at, at + count);
            at += count;
        }
    } else {
        Value cuts = seq_to_tuple(vm, sections);
        s = IS_ERR(cuts) ? ALP_FAIL : ALP_OK;
        int64_t at = 0, next;
        for (size_t k = 0; s == ALP_OK && k <= TUPLE(cuts)->count; k++, at = next) {
            next = size;
            if (k < TUPLE(cuts)->count)
                s = arg_int(vm, TUPLE(cuts)->item[k], &next);
            if (s == ALP_OK)
                s = append_part(vm, list, a, axis, at, next);
        }
        value_free(vm, cuts);
    }
    if (s == ALP_OK)
        return list;
    value_free(vm, list);
    return V_ERR;
}

static Value split_args(VM *vm, const Value *v, Value axis_value, bool must_be_even)
{
    int axis = 0;
    Value a = array_from_value(vm, v[0], DT_COUNT), r = V_ERR;
    if (!IS_ERR(a) && (axis_value.tag == T_Unbound ? axis_normalise(vm, 0, ARRAY(a)->ndim, &axis)
                                                   : axis_arg(vm, axis_value, ARRAY(a)->ndim, &axis)) == ALP_OK)
        r = split(vm, a, v[1], axis, must_be_even);
    value_free(vm, a);
    return r;
}

static Value np_split(VM *vm, const Args *args) { return split_args(vm, args->v, args->v[2], true); }
static Value np_array_split(VM *vm, const Args *args) { return split_args(vm, args->v, args->v[2], false); }
static Value np_vsplit(VM *vm, const Args *args) { return split_args(vm, args->v, V_INT(0), true); }

static Value np_hsplit(VM *vm, const Args *args)
{
    Value v = args->v[0];
    return split_args(vm, args->v, V_INT(v.tag == T_Array && ARRAY(v)->ndim > 1 ? 1 : 0), true);
}

/* ---- picking and repeating -------------------------------------------------------------------------------------------------- */
Value array_take(VM *vm, Value v, Value indices, Value axis_value)
{
    int axis = 0;
    if (!given(axis_value) || ARRAY(v)->ndim == 0) {
        Value flat = array_ravel(vm, v, 'C');
        Value r = IS_ERR(flat) ? V_ERR : array_take(vm, flat, indices, V_INT(0));
        value_free(vm, flat);
        return r;
    }
    if (axis_arg(vm, axis_value, ARRAY(v)->ndim, &axis) != ALP_OK)
        return V_ERR;
    Value index = array_from_value(vm, indices, DT_COUNT);
    if (IS_ERR(index))
        return V_ERR;
    DType d = (DType)ARRAY(index)->dtype;
    if (ARRAY(index)->size == 0 && indices.tag != T_Array)
        value_set(vm, &index, array_copy(vm, index, DT_I64, 'C'));
    else if (!dtype_can_cast(d, DT_I64, 's') && d != DT_U64) {
        value_free(vm, index);
        return raise(vm, TY_TypeError, "Cannot cast array data from dtype('%s') to dtype('int64') according to the rule 'safe'",
                     dtype_info[d].name);
    } else
        value_set(vm, &index, array_copy(vm, index, DT_I64, 'C'));
    if (!IS_ERR(index) && ARRAY(index)->size > 0 && ARRAY(v)->shape[axis] == 0) {
        value_free(vm, index);
        return raise(vm, TY_IndexError, "cannot do a non-empty take from an empty axes.");
    }
    Value all = IS_ERR(index) ? V_ERR : slice_new(vm, V_NONE, V_NONE, V_NONE);
    Value key = IS_ERR(all) ? V_ERR : tuple_new(vm, NULL, (size_t)axis + 1);
    Value r = V_ERR;
    if (!IS_ERR(key)) {
        for (int k = 0; k < axis; k++)
            TUPLE(key)->item[k] = value_ref(all);
        TUPLE(key)->item[axis] = value_ref(index);
        r = array_index(vm, v, key);
        if (r.tag == T_Array && !ARRAY(r)->c_contig)
            value_set(vm, &r, array_copy(vm, r, (DType)ARRAY(r)->dtype, 'C'));
    }
    value_free(vm, key);
    value_free(vm, all);
    value_free(vm, index);
    return r;
}

/* a, indices, axis */
static Value np_take(VM *vm, const Args *args)
{
    Value a = array_from_value(vm, args->v[0], DT_COUNT);
    Value r = IS_ERR(a) ? V_ERR : array_take(vm, a, args->v[1], args->v[2]);
    value_free(vm, a);
    return r;
}

/* Indices 0 … n - 1, each as often as counts says; counts has n elements or one. */
static Value repeated_indices(VM *vm, const Array *counts, int64_t n)
{
    const int64_t *count = (const int64_t *)(const void *)counts->data;
    if (counts->size != 1 && counts->size != n)
        return raise(vm, TY_ValueError, "operands could not be broadcast together with shape (%" PRId64 ",) (%" PRId64 ",)", n,
                     counts->size);
    int64_t total = 0;
    for (int64_t i = 0; i < n; i++) {
        int64_t c = count[counts->size == 1 ? 0 : i];
        if (c < 0)
            return counts->size == 1 ? raise(vm, TY_ValueError, "negative dimensions are not allowed")
                                     : raise(vm, TY_ValueError, "repeats may not contain negative values.");
        if (__builtin_add_overflow(total, c, &total))
            return raise(vm, TY_ValueError, "array is too big; `arr.size * arr.dtype.itemsize` is larger than the maximum possible size.");
    }
    Value index = array_new(vm, DT_I64, 1, &total, false);
    if (IS_ERR(index))
        return V_ERR;
    int64_t *out = (int64_t *)(void *)ARRAY(index)->data;
    for (int64_t i = 0; i < n; i++)
        for (int64_t c = count[counts->size == 1 ? 0 : i]; c > 0; c--)
            *out++ = i;
    return index;
}

Value array_repeat(VM *vm, Value v, Value repeats, Value axis_value)
{
    int axis = 0;
    Value a = given(axis_value) && ARRAY(v)->ndim > 0 ? value_ref(v) : array_ravel(vm, v, 'C'), r = V_ERR;
    if (IS_ERR(a))
        return V_ERR;
    if (given(axis_value) && axis_arg(vm, axis_value, ARRAY(a)->ndim, &axis) != ALP_OK) {
        value_free(vm, a);
        return V_ERR;
    }
    Value given_counts = array_from_value(vm, repeats, DT_COUNT), counts = V_ERR, index = V_ERR;
    if (!IS_ERR(given_counts)) {
        DType d = (DType)ARRAY(given_counts)->dtype;
        if (!dtype_can_cast(d, DT_I64, 's'))
            raise(vm, TY_TypeError, "Cannot cast array data from dtype('%s') to dtype('int64') according to the rule 'safe'",
                  dtype_info[d].name);
        else
            counts = array_copy(vm, given_counts, DT_I64, 'C');
    }
    if (!IS_ERR(counts))
        index = repeated_indices(vm, ARRAY(counts), ARRAY(a)->shape[axis]);
    if (!IS_ERR(index))
        r = array_take(vm, a, index, V_INT(axis));
    value_free(vm, index);
    value_free(vm, counts);
    value_free(vm, given_counts);
    value_free(vm, a);
    return r;
}

/* a, repeats, axis */
static Value np_repeat(VM *vm, const Args *args)
{
    Value a = array_from_value(vm, args->v[0], DT_COUNT);
    Value r = IS_ERR(a) ? V_ERR : array_repeat(vm, a, args->v[1], args->v[2]);
    value_free(vm, a);
    return r;
}

/* A, reps */
static Value np_tile(VM *vm, const Args *args)
{
    int n_reps, ndim;
    int64_t reps[ALP_MAX_NDIM], shape[ALP_MAX_NDIM], index[ALP_MAX_NDIM] = { 0 };
    Value v = array_from_value(vm, args->v[0], DT_COUNT), r = V_ERR;
    if (IS_ERR(v))
        return V_ERR;
    const Array *a = ARRAY(v);
    if (shape_arg(vm, args->v[1], &n_reps, reps) != ALP_OK)
        goto done;
    ndim = a->ndim > n_reps ? a->ndim : n_reps;
    Array part = *a;                                    /* with ndim axes */
    part.ndim = (uint8_t)ndim;
    for (int k = ndim - 1; k >= 0; k--) {
        int from = k - (ndim - a->ndim), rep = k - (ndim - n_reps);
        part.shape[k] = from >= 0 ? a->shape[from] : 1;
        part.strides[k] = from >= 0 ? a->strides[from] : 0;
        reps[k] = rep >= 0 ? reps[rep] : 1;
        if (__builtin_mul_overflow(part.shape[k], reps[k], &shape[k])) {
            raise(vm, TY_ValueError, "Maximum allowed dimension exceeded");
            goto done;
        }
    }
    r = array_new(vm, (DType)a->dtype, ndim, shape, false);
    if (IS_ERR(r) || ARRAY(r)->size == 0)
        goto done;
    for (;;) {
        Array to = *ARRAY(r);
        for (int k = 0; k < ndim; k++)
            to = part_of_axis(&to, k, index[k] * part.shape[k], part.shape[k]);
        array_copy_into(&to, &part);
        int k = ndim - 1;
        for (; k >= 0 && ++index[k] == reps[k]; k--)
            index[k] = 0;
        if (k < 0)
            break;
    }
done:
    value_free(vm, v);
    return r;
}

/* One step of a roll: every element moves by `shift` along the axis. */
static Value roll_axis(VM *vm, ALP_TAKE Value v, int64_t shift, int axis)
{
    const Array *a = ARRAY(v);
    Value r = array_new_like(vm, a, (DType)a->dtype, 'K', false);
    int64_t n = a->shape[axis];
    if (!IS_ERR(r) && a->size > 0) {
        shift = ((shift % n) + n) % n;
        Array from = part_of_axis(a, axis, 0, n - shift), to = part_of_axis(ARRAY(r), axis, shift, n - shift);
        array_copy_into(&to, &from);
        from = part_of_axis(a, axis, n - shift, shift);
        to = part_of_axis(ARRAY(r), axis, 0, shift);
        array_copy_into(&to, &from);
    }
    value_free(vm, v);
    return r;
}

/* Integers of a scalar or sequence argument. */
static Status ints_arg(VM *vm, Value v, int64_t *out, int *n)
{
    if (v.tag == T_Tuple || v.tag == T_List || (v.tag == T_Array && ARRAY(v)->ndim > 0)) {
        Value items = seq_to_tuple(vm, v);
        if (IS_ERR(items))
            return ALP_FAIL;
        Status s = shape_check_ndim(vm, TUPLE(items)->count);
        *n = 0;
        for (size_t k = 0; s == ALP_OK && k < TUPLE(items)->count; k++)
            s = arg_int(vm, TUPLE(items)->item[k], &out[(*n)++]);
        value_free(vm, items);
        return s;
    }
    *n = 1;
    return arg_int(vm, v, out);
}

/* a, shift, axis */
static Value np_roll(VM *vm, const Args *args)
{
    int64_t shift[ALP_MAX_NDIM], axis[ALP_MAX_NDIM];
    int n_shift, n_axis;
    Value a = array_from_value(vm, args->v[0], DT_COUNT);
    if (IS_ERR(a))
        return V_ERR;
    if (ints_arg(vm, args->v[1], shift, &n_shift) != ALP_OK)
        goto fail;
    if (!given(args->v[2])) {
        Value flat = array_ravel(vm, a, 'C');
        int64_t total = 0;
        for (int k = 0; k < n_shift; k++)
            total = (int64_t)((uint64_t)total + (uint64_t)shift[k]);
        if (!IS_ERR(flat))
            flat = roll_axis(vm, flat, total, 0);
        Value r = IS_ERR(flat) ? V_ERR : array_reshape(vm, flat, ARRAY(a)->ndim, ARRAY(a)->shape, 'C');
        value_free(vm, flat);
        value_free(vm, a);
        return r;
    }
    if (ints_arg(vm, args->v[2], axis, &n_axis) != ALP_OK)
        goto fail;
    if (n_shift != n_axis && n_shift != 1 && n_axis != 1) {
        raise(vm, TY_ValueError, "'shift' and 'axis' should be scalars or 1D sequences");
        goto fail;
    }
    for (int k = 0; k < (n_shift > n_axis ? n_shift : n_axis); k++) {
        int at;
        if (axis_normalise(vm, axis[n_axis == 1 ? 0 : k], ARRAY(a)->ndim, &at) != ALP_OK)
            goto fail;
        a = roll_axis(vm, a, shift[n_shift == 1 ? 0 : k], at);
        if (IS_ERR(a))
            return V_ERR;
    }
    return a;
fail:
    value_free(vm, a);
    return V_ERR;
}

/* ---- padding ------------------------------------------------------------------------------------------------------------------ */
/* pad_width: one number, (before, after), or a pair for each axis. */
static Status pad_widths(VM *vm, Value v, int ndim, int64_t (*width)[2])
{
    Value w = array_from_value(vm, v, DT_COUNT);
    if (IS_ERR(w))
        return ALP_FAIL;
    const Array *a = ARRAY(w);
    Status s = ALP_FAIL;
    const int64_t shape[2] = { ndim, 2 };
    if (!strchr("iu", dtype_info[a->dtype].kind))
        raise(vm, TY_TypeError, "`pad_width` must be of integral type.");
    else {
        Value full = array_broadcast_to(vm, a, 2, shape);
        if (!IS_ERR(full)) {
            Value copy = array_copy(vm, full, DT_I64, 'C');
            if (!IS_ERR(copy)) {
                memcpy(width, ARRAY(copy)->data, sizeof width[0] * (size_t)ndim);
                s = ALP_OK;
            }
            value_free(vm, copy);
        }
        value_free(vm, full);
    }
    value_free(vm, w);
    for (int k = 0; s == ALP_OK && k < ndim; k++)
        if (width[k][0] < 0 || width[k][1] < 0) {
            raise(vm, TY_ValueError, "index can't contain negative values");
            s = ALP_FAIL;
        }
    return s;
}

typedef enum PadMode { PAD_Constant, PAD_Edge, PAD_Reflect, PAD_Symmetric, PAD_Wrap, PAD_COUNT } PadMode;

/* Which element of an axis with n elements stands at place i < 0 or i >= n. */
static int64_t pad_source(PadMode mode, int64_t i, int64_t n)
{
    int64_t period;
    switch (mode) {
    case PAD_Edge:
        return i < 0 ? 0 : n - 1;
    case PAD_Wrap:
        return ((i % n) + n) % n;
    case PAD_Reflect:
        period = n > 1 ? 2 * (n - 1) : 1;
        i = ((i % period) + period) % period;
        return i < n ? i : period - i;
    default:
        period = 2 * n;
        i = ((i % period) + period) % period;
        return i < n ? i : period - 1 - i;
    }
}

/* array, pad_width, mode, constant_values */
static Value np_pad(VM *vm, const Args *args)
{
    static const char *const mode_name[PAD_COUNT] = { "constant", "edge", "reflect", "symmetric", "wrap" };
    const Value *v = args->v;
    PadMode mode = PAD_Constant;
    if (v[2].tag == T_Str) {
        for (mode = 0; mode < PAD_COUNT && strcmp(mode_name[mode], STR(v[2])->text); mode++)
            ;
        if (mode == PAD_COUNT)
            return raise(vm, TY_ValueError, "mode '%s' is not supported", STR(v[2])->text);
    }
    int64_t width[ALP_MAX_NDIM][2], shape[ALP_MAX_NDIM];
    Value a = array_from_value(vm, v[0], DT_COUNT), r = V_ERR;
    if (IS_ERR(a))
        return V_ERR;
    int ndim = ARRAY(a)->ndim;
    if (pad_widths(vm, v[1], ndim, width) != ALP_OK)
        goto done;
    for (int k = 0; k < ndim; k++) {
        shape[k] = ARRAY(a)->shape[k];
        if (__builtin_add_overflow(shape[k], width[k][0], &shape[k]) || __builtin_add_overflow(shape[k], width[k][1], &shape[k])) {
            raise(vm, TY_ValueError, "Maximum allowed dimension exceeded");
            goto done;
        }
        if (mode != PAD_Constant && ARRAY(a)->shape[k] == 0 && shape[k] > 0) {
            raise(vm, TY_ValueError, "can't extend empty axis %d using modes other than 'constant' or 'empty'", k);
            goto done;
        }
    }
    r = array_new(vm, (DType)ARRAY(a)->dtype, ndim, shape, true);
    if (IS_ERR(r))
        goto done;
    if (mode == PAD_Constant && given(v[3]) && array_assign(vm, ARRAY(r), v[3]) != ALP_OK)
        goto fail;
    Array inner = *ARRAY(r);
    for (int k = 0; k < ndim; k++)
        inner = part_of_axis(&inner, k, width[k][0], ARRAY(a)->shape[k]);
    array_copy_into(&inner, ARRAY(a));
    /* Axis by axis: planes outside copy planes that are complete in the axes before. */
    for (int k = 0; mode != PAD_Constant && k < ndim; k++) {
        int64_t n = ARRAY(a)->shape[k];
        Array whole = *ARRAY(r);
        for (int j = k + 1; j < ndim; j++)
            whole = part_of_axis(&whole, j, width[j][0], ARRAY(a)->shape[j]);
        for (int64_t i = 0; i < shape[k]; i++) {
            int64_t place = i - width[k][0];
            if (place >= 0 && place < n)
                continue;
            Array to = part_of_axis(&whole, k, i, 1);
            Array from = part_of_axis(&whole, k, pad_source(mode, place, n) + width[k][0], 1);
            array_copy_into(&to, &from);
        }
    }
done:
    value_free(vm, a);
    return r;
fail:
    value_free(vm, r);
    value_free(vm, a);
    return V_ERR;
}

/* ---- where elements are --------------------------------------------------------------------------------------------------------- */
static Value np_nonzero(VM *vm, const Args *args)
{
    Value a = array_from_value(vm, args->v[0], DT_COUNT);
    Value r = IS_ERR(a) ? V_ERR : array_nonzero(vm, a);
    value_free(vm, a);
    return r;
}

static Value np_flatnonzero(VM *vm, const Args *args)
{
    Value a = array_from_value(vm, args->v[0], DT_COUNT);
    Value flat = IS_ERR(a) ? V_ERR : array_ravel(vm, a, 'C');
    Value t = IS_ERR(flat) ? V_ERR : array_nonzero(vm, flat);
    Value r = IS_ERR(t) ? V_ERR : value_ref(TUPLE(t)->item[0]);
    value_free(vm, t);
    value_free(vm, flat);
    value_free(vm, a);
    return r;
}

static Value np_argwhere(VM *vm, const Args *args)
{
    Value a = array_from_value(vm, args->v[0], DT_COUNT);
    Value at_least = IS_ERR(a) ? V_ERR : least_1d(vm, a);
    Value t = IS_ERR(at_least) ? V_ERR : array_nonzero(vm, at_least), r = V_ERR;
    if (!IS_ERR(t)) {
        int ndim = ARRAY(at_least)->ndim;
        const int64_t shape[2] = { PART(t, 0)->size, ARRAY(a)->ndim };
        r = array_new(vm, DT_I64, 2, shape, false);
        for (int k = 0; !IS_ERR(r) && ARRAY(r)->size > 0 && k < ndim; k++)
            array_cast(DT_I64, ARRAY(r)->data + 8 * k, 8 * ndim, DT_I64, PART(t, k)->data, 8, shape[0]);
    }
    value_free(vm, t);
    value_free(vm, at_least);
    value_free(vm, a);
    return r;
}

/* arr, obj, axis: the elements at obj (an integer or several) left out */
static Value np_delete(VM *vm, const Args *args)
{
    const Value *v = args->v;
    int axis = 0;
    Value a = array_from_value(vm, v[0], DT_COUNT), mask = V_ERR, index = V_ERR, r = V_ERR;
    if (!IS_ERR(a) && !given(v[2]))
        value_set(vm, &a, array_ravel(vm, a, 'C'));
    if (IS_ERR(a))
        return V_ERR;
    if (given(v[2]) && axis_arg(vm, v[2], ARRAY(a)->ndim, &axis) != ALP_OK)
        goto done;
    int64_t n = ARRAY(a)->shape[axis];
    mask = array_new(vm, DT_Bool, 1, &n, false);
    if (IS_ERR(mask))
        goto done;
    memset(ARRAY(mask)->data, 1, (size_t)n);
    int64_t i;
    if (value_as_int(v[1], &i) && (i < -n || i >= n)) {
        raise(vm, TY_IndexError, "index %" PRId64 " is out of bounds for axis %d with size %" PRId64, i, axis, n);
        goto done;
    }
    if (array_set_index(vm, mask, v[1], V_BOOL(false)) != ALP_OK)
        goto done;
    Value t = array_nonzero(vm, mask);
    if (!IS_ERR(t)) {
        index = value_ref(TUPLE(t)->item[0]);
        r = array_take(vm, a, index, V_INT(axis));
    }
    value_free(vm, t);
done:
    value_free(vm, index);
    value_free(vm, mask);
    value_free(vm, a);
    return r;
}

/* dst, src, casting */
static Value np_copyto(VM *vm, const Args *args)
{
    Value dst = args->v[0];
    char casting;
    if (dst.tag != T_Array)
        return raise(vm, TY_TypeError, "copyto() argument 1 must be numpy.ndarray, not %s", value_type_name(dst));
    if (casting_arg(vm, args->v[2], 'k', &casting) != ALP_OK)
        return V_ERR;
    DType d = value_dtype(args->v[1]), to = (DType)ARRAY(dst)->dtype;
    if (d != DT_COUNT && args->v[1].tag != T_Int && !dtype_can_cast(d, to, casting))
        return raise(vm, TY_TypeError, "Cannot cast array data from dtype('%s') to dtype('%s') according to the rule '%s'",
                     dtype_info[d].name, dtype_info[to].name, args->v[2].tag == T_Str ? STR(args->v[2])->text : "same_kind");
    return array_assign(vm, ARRAY(dst), args->v[1]) == ALP_OK ? V_NONE : V_ERR;
}

/* a, val */
static Value np_fill_diagonal(VM *vm, const Args *args)
{
    Value a = args->v[0];
    if (a.tag != T_Array || ARRAY(a)->ndim < 2)
        return raise(vm, TY_ValueError, "array must be at least 2-d");
    if (ARRAY(a)->ndim > 2)
        return raise(vm, TY_ValueError, "the diagonal of arrays with more than two dimensions is not part of alpy");
    Value diagonal = array_diagonal(vm, ARRAY(a), 0);
    if (IS_ERR(diagonal))
        return V_ERR;
    ARRAY(diagonal)->readonly = ARRAY(a)->readonly;
    Status s = array_assign(vm, ARRAY(diagonal), args->v[1]);
    value_free(vm, diagonal);
    return s == ALP_OK ? V_NONE : V_ERR;
}

const NativeRow join_numpy_rows[] = {
    { "concatenate", np_concatenate, "arrays, /, axis=, out=, *, dtype=", "Arrays joined along an axis." },
    { "concat", np_concatenate, "arrays, /, axis=, out=, *, dtype=", "Arrays joined along an axis." },
    { "stack", np_stack, "arrays, axis=, out=, *, dtype=", "Arrays joined along a new axis." },
    { "vstack", np_vstack, "tup, *, dtype=", "Arrays on top of each other." },
    { "hstack", np_hstack, "tup, *, dtype=", "Arrays side by side." },
    { "dstack", np_dstack, "tup", "Arrays behind each other." },
    { "column_stack", np_column_stack, "tup", "Vectors as the columns of a matrix." },
    { "append", np_append, "arr, values, axis=", "Copy with values behind it." },
    { "split", np_split, "ary, indices_or_sections, axis=", "Parts of equal size, or between indices.", NATIVE_VIEWS },
    { "array_split", np_array_split, "ary, indices_or_sections, axis=", "Parts, not necessarily of equal size.", NATIVE_VIEWS },
    { "hsplit", np_hsplit, "ary, indices_or_sections", "Parts side by side.", NATIVE_VIEWS },
    { "vsplit", np_vsplit, "ary, indices_or_sections", "Parts on top of each other.", NATIVE_VIEWS },
    { "take", np_take, "a, indices, axis=", "Elements at indices along an axis." },
    { "repeat", np_repeat, "a, repeats, axis=", "Each element several times." },
    { "tile", np_tile, "A, reps", "The array several times." },
    { "roll", np_roll, "a, shift, axis=", "Elements moved along axes, round about." },
    { "pad", np_pad, "array, pad_width, mode=, constant_values=", "Array with a border." },
    { "nonzero", np_nonzero, "a", "Indices of elements that are not zero." },
    { "flatnonzero", np_flatnonzero, "a", "Flat indices of elements that are not zero." },
    { "argwhere", np_argwhere, "a", "Indices of elements that are not zero, one row each." },
    { "delete", np_delete, "arr, obj, axis=", "Copy without the elements at indices." },
    { "copyto", np_copyto, "dst, src, casting=", "Copy values into an array.", NATIVE_WRITES },
    { "fill_diagonal", np_fill_diagonal, "a, val", "Set the main diagonal of a matrix.", NATIVE_WRITES },
    { NULL }
};
