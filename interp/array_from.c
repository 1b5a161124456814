/* interp/array_from.c — values into elements and arrays: assignment of one element, and arrays from nested sequences.
 *
 * A sequence is looked through twice: first for its shape and dtype, then for its values. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "interp/array.h"
#include "interp/format.h"
#include "interp/ops.h"
#include "interp/residency.h"
#include "interp/seq.h"

/* ---- one element --------------------------------------------------------------------------------------------------------- */
static bool is_sequence(Value v)
{
    return v.tag == T_List || v.tag == T_Tuple || v.tag == T_Range;
}

static Status store_cast(DType d, char *p, DType from, const void *element)
{
    array_cast(d, p, 0, from, element, 0, 1);
    return ALP_OK;
}

static Status store_complex(DType d, char *p, double re, double im)
{
    double z[2] = { re, im };
    return store_cast(d, p, DT_C128, z);
}

static Status store_int(VM *vm, DType d, char *p, int64_t x)
{
    if (UNLIKELY(!dtype_int_fits(d, x))) {
        raise(vm, TY_OverflowError, "Python integer %" PRId64 " out of bounds for %s", x, dtype_info[d].name);
        return ALP_FAIL;
    }
    return store_cast(d, p, DT_I64, &x);
}

static Status raise_status(VM *vm, TypeId type, const char *text)
{
    raise(vm, type, "%s", text);
    return ALP_FAIL;
}

/* int(x), then as an integer: integer dtypes take floats cut off towards zero. */
static Status store_float_as_int(VM *vm, DType d, char *p, double x)
{
    if (x != x)
        return raise_status(vm, TY_ValueError, "cannot convert float NaN to integer");
    if (isinf(x))
        return raise_status(vm, TY_OverflowError, "cannot convert float infinity to integer");
    if (d == DT_U64 && x >= 0x1p63 && x < 0x1p64)
        return store_cast(d, p, DT_F64, &x);
    if (x < -0x1p63 || x >= 0x1p63)
        return raise_status(vm, TY_OverflowError, "Python int too large to convert to C long");
    return store_int(vm, d, p, (int64_t)x);
}

/* NumPy scalars: signed integers take them as Python numbers, with a check of the range; all others as astype() does. */
static Status store_npscalar(VM *vm, DType d, char *p, Value v)
{
    DType from = NP_DTYPE(v.tag);
    double re = 0, im = 0;
    switch (dtype_info[from].kind) {
    case 'c':
        value_as_complex(v, &re, &im);
        return dtype_info[d].kind == 'i' ? store_float_as_int(vm, d, p, re) : store_complex(d, p, re, im);
    case 'f':
        return dtype_info[d].kind == 'i' ? store_float_as_int(vm, d, p, v.u.f) : store_cast(d, p, DT_F64, &v.u.f);
    case 'u':
        if (dtype_info[d].kind != 'i')
            return store_cast(d, p, DT_U64, &v.u.u);
        if (v.u.u > INT64_MAX)
            return raise_status(vm, TY_OverflowError, "Python int too large to convert to C long");
        return store_int(vm, d, p, v.u.i);
    default:
        return dtype_info[d].kind == 'i' ? store_int(vm, d, p, v.u.i) : store_cast(d, p, DT_I64, &v.u.i);
    }
}

static Status store_str(VM *vm, DType d, char *p, Value v)
{
    char kind = dtype_info[d].kind;
    Value number = kind == 'f' ? parse_float(vm, v) : kind == 'c' ? parse_complex(vm, v) : parse_int(vm, v, 10);
    if (IS_ERR(number))
        return ALP_FAIL;
    Status s = array_store_slow(vm, d, p, number);
    value_free(vm, number);
    return s;
}

static Status raise_no_number(VM *vm, DType d, Value v)
{
    switch (dtype_info[d].kind) {
    case 'f':
        if (is_sequence(v))
            return raise_status(vm, TY_ValueError, "setting an array element with a sequence.");
        raise(vm, TY_TypeError, "float() argument must be a string or a real number, not '%s'", value_type_name(v));
        return ALP_FAIL;
    case 'c':
        raise(vm, TY_TypeError, "must be real number, not %s", value_type_name(v));
        return ALP_FAIL;
    default:
        raise(vm, TY_TypeError, "int() argument must be a string, a bytes-like object or a real number, not '%s'",
              value_type_name(v));
        return ALP_FAIL;
    }
}

static Status store_array(VM *vm, DType d, char *p, Value v)
{
    const Array *a = ARRAY(v);
    TRY(array_to_host(vm, a, HOST_Read));
    if (a->ndim > 0)
        return dtype_info[d].kind == 'c'
             ? raise_status(vm, TY_TypeError, "only 0-dimensional arrays can be converted to Python scalars")
             : raise_status(vm, TY_ValueError, "setting an array element with a sequence.");
    return store_cast(d, p, (DType)a->dtype, a->data);
}

Status array_store_slow(VM *vm, DType d, char *p, Value v)
{
    char kind = dtype_info[d].kind;
    if (v.tag == T_Array)
        return store_array(vm, d, p, v);
    if (kind == 'b') {
        int truth = op_truth(vm, v);
        if (truth < 0)
            return ALP_FAIL;
        *p = (char)truth;
        return ALP_OK;
    }
    if (IS_NPSCALAR(v))
        return store_npscalar(vm, d, p, v);
    switch (v.tag) {
    case T_Bool: case T_Int:
        return store_int(vm, d, p, v.u.i);
    case T_Float:
        return kind == 'f' || kind == 'c' ? store_cast(d, p, DT_F64, &v.u.f) : store_float_as_int(vm, d, p, v.u.f);
    case T_Complex:
        return kind == 'c' ? store_complex(d, p, COMPLEX(v)->re, COMPLEX(v)->im) : raise_no_number(vm, d, v);
    case T_None:
        return kind == 'f' || kind == 'c' ? store_complex(d, p, NAN, NAN) : raise_no_number(vm, d, v);
    case T_Str:
        return store_str(vm, d, p, v);
    default:
        return raise_no_number(vm, d, v);
    }
}

/* ---- sequences ------------------------------------------------------------------------------------------------------------ */
static int64_t seq_count(Value v)
{
    return v.tag == T_List ? (int64_t)LIST(v)->count : v.tag == T_Tuple ? (int64_t)TUPLE(v)->count : RANGE(v)->count;
}

/* Borrowed; items of ranges are inline. */
static Value seq_item(Value v, int64_t k)
{
    if (v.tag == T_List)
        return LIST(v)->item[k];
    if (v.tag == T_Tuple)
        return TUPLE(v)->item[k];
    return V_INT(RANGE(v)->start + k * RANGE(v)->step);
}

typedef struct Found {
    int     ndim;                   /* levels of nesting seen so far that fit together */
    int     limit;                  /* no sequence may lie at this depth: an element does, or it is the most there may be */
    int     max_ndim;
    bool    ragged, too_deep;
    DType   dtype;                  /* DT_COUNT: no element yet */
    const char *no_number;          /* type of an element that no array holds */
    int64_t shape[ALP_MAX_NDIM];
} Found;

static void cut_at(Found *f, int depth)
{
    f->ragged = true;
    f->limit = depth;
    if (f->ndim > depth)
        f->ndim = depth;
}

static void found_level(Found *f, int depth, int64_t count)
{
    if (depth >= f->limit)
        f->ragged = true;
    else if (depth == f->ndim)
        f->shape[f->ndim++] = count;
    else if (f->shape[depth] != count)
        cut_at(f, depth);
}

static void found_element(Found *f, int depth, DType d, Value v)
{
    if (depth < f->ndim)
        cut_at(f, depth);
    else if (depth < f->limit)
        f->limit = depth;
    if (d == DT_COUNT) {
        if (!f->no_number)
            f->no_number = value_type_name(v);
    } else
        f->dtype = f->dtype == DT_COUNT ? d : dtype_promote(f->dtype, d);
}

static void look_through(Found *f, Value v, int depth)
{
    if (is_sequence(v)) {
        if (depth >= f->max_ndim) {
            f->too_deep = true;
            return;
        }
        int64_t count = seq_count(v);
        found_level(f, depth, count);
        if (v.tag == T_Range && count > 0)
            found_element(f, depth + 1, DT_I64, V_NONE);
        for (int64_t k = 0; v.tag != T_Range && k < count; k++)
            look_through(f, seq_item(v, k), depth + 1);
    } else if (v.tag == T_Array) {
        const Array *a = ARRAY(v);
        if (depth + a->ndim > f->max_ndim) {
            f->too_deep = true;
            return;
        }
        for (int k = 0; k < a->ndim; k++)
            found_level(f, depth + k, a->shape[k]);
        found_element(f, depth + a->ndim, (DType)a->dtype, v);
    } else
        found_element(f, depth, value_dtype(v), v);
}

static Status store_nested(VM *vm, Array *to, int depth, char *p, Value v)
{
    if (depth == to->ndim)
        return array_store(vm, (DType)to->dtype, p, v);
    if (v.tag == T_Array) {
        TRY(array_to_host(vm, ARRAY(v), HOST_Read));
        Array part = *to;
        part.ndim = (uint8_t)(to->ndim - depth);
        part.data = p;
        memcpy(part.shape, to->shape + depth, sizeof part.shape[0] * part.ndim);
        memcpy(part.strides, to->strides + depth, sizeof part.strides[0] * part.ndim);
        part.size = ARRAY(v)->size;
        array_copy_into(&part, ARRAY(v));
        return ALP_OK;
    }
    int64_t count = seq_count(v);
    for (int64_t k = 0; k < count; k++, p += to->strides[depth])
        TRY(store_nested(vm, to, depth + 1, p, seq_item(v, k)));
    return ALP_OK;
}

Value array_from_sequence(VM *vm, Value v, DType d, int max_ndim)
{
    Found f = { .limit = max_ndim, .max_ndim = max_ndim, .dtype = DT_COUNT };
    look_through(&f, v, 0);
    if (f.too_deep)
        return raise(vm, TY_ValueError, "setting an array element with a sequence. "
                     "The requested array would exceed the maximum number of dimension of %d.", max_ndim);
    if (f.ragged) {
        char text[SHAPE_TEXT_MAX];
        size_t n = 0;
        text[n++] = '(';
        for (int k = 0; k < f.ndim; k++)
            n += (size_t)snprintf(text + n, sizeof text - n, "%s%" PRId64, k ? ", " : "", f.shape[k]);
        snprintf(text + n, sizeof text - n, f.ndim == 1 ? ",)" : ")");
        return raise(vm, TY_ValueError, "setting an array element with a sequence. The requested array has an inhomogeneous shape "
                     "after %d dimensions. The detected shape was %s + inhomogeneous part.", f.ndim, text);
    }
    if (d == DT_COUNT) {
        if (f.no_number)
            return raise(vm, TY_TypeError, "arrays of '%s' objects are not part of alpy", f.no_number);
        d = f.dtype == DT_COUNT ? DT_F64 : f.dtype;
    }
    Value a = array_new(vm, d, f.ndim, f.shape, false);
    if (IS_ERR(a) || store_nested(vm, ARRAY(a), 0, ARRAY(a)->data, v) == ALP_OK)
        return a;
    value_free(vm, a);
    return V_ERR;
}

Value array_from_value(VM *vm, Value v, DType d)
{
    if (v.tag == T_Array)
        return d == DT_COUNT || d == (DType)ARRAY(v)->dtype ? value_ref(v) : array_copy(vm, v, d, 'K');
    if (is_sequence(v))
        return array_from_sequence(vm, v, d, ALP_MAX_NDIM);
    if (d == DT_COUNT)
        d = value_dtype(v);
    if (d == DT_COUNT)
        return raise(vm, TY_TypeError, "arrays of '%s' objects are not part of alpy", value_type_name(v));
    Value a = array_new(vm, d, 0, NULL, false);
    if (IS_ERR(a) || array_store(vm, d, ARRAY(a)->data, v) == ALP_OK)
        return a;
    value_free(vm, a);
    return V_ERR;
}
