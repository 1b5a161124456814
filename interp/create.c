/* interp/create.c — arrays from nothing or from values: zeros, full, array, arange, linspace, eye, meshgrid and kin. */
#include <inttypes.h>
#include <math.h>

#include "interp/array_util.h"
#include "interp/fresh.h"
#include "interp/numpy_rows.h"
#include "interp/ops.h"
#include "interp/seq.h"
#include "interp/str.h"
#include "interp/ufunc.h"

/* ---- filled arrays ----------------------------------------------------------------------------------------------------- */
/* Assigns as astype() converts, but checks Python integers against the dtype. */
static Status fill_with(VM *vm, Value a, Value x)
{
    if (x.tag == T_Int || x.tag == T_Str)
        return array_assign(vm, ARRAY(a), x);
    Value from = array_from_value(vm, x, DT_COUNT);
    if (IS_ERR(from))
        return ALP_FAIL;
    Status s = array_assign(vm, ARRAY(a), from);
    value_free(vm, from);
    return s;
}

/* The element that all of them would be: a's are only described.  ALP_FAIL, without an exception: x is no number. */
static Status describe(VM *vm, const Array *a, Value x)
{
    DType d = (DType)a->dtype, own = value_dtype(x);
    Fresh fresh = { .kind = FRESH_Element, .dtype = a->dtype, .count = a->size };
    _Alignas(16) char element[16];
    if (own == DT_COUNT || x.tag == T_Array)
        return ALP_FAIL;
    TRY(array_store(vm, x.tag == T_Int ? d : own, element, x));
    array_cast(d, fresh.u.element, 0, x.tag == T_Int ? d : own, element, 0, 1);
    fresh_set(vm, a, &fresh, false);
    return ALP_OK;
}

static Value filled(VM *vm, ALP_TAKE Value a, Value x)
{
    if (IS_ERR(a) || (fresh_is_kept(vm, ARRAY(a)->buf) && describe(vm, ARRAY(a), x) == ALP_OK))
        return a;
    if (!vm_has_exc(vm) && fill_with(vm, a, x) == ALP_OK)
        return a;
    value_free(vm, a);
    return V_ERR;
}

/* shape, dtype, order */
static Value blank(VM *vm, const Value *v, DType fallback, bool zero)
{
    int ndim;
    int64_t shape[ALP_MAX_NDIM];
    DType d;
    char order;
    if (dtype_arg(vm, v[1], fallback, &d) != ALP_OK || order_arg(vm, v[2], 'C', &order) != ALP_OK ||
        shape_arg(vm, v[0], &ndim, shape) != ALP_OK)
        return V_ERR;
    return array_new_order(vm, d, ndim, shape, order, zero);
}

/* v was made with its bytes zero. */
static Value known_zero(VM *vm, ALP_TAKE Value v)
{
    if (!IS_ERR(v))
        fresh_set(vm, ARRAY(v), &(Fresh){ .kind = FRESH_Zero, .dtype = ARRAY(v)->dtype, .count = ARRAY(v)->size }, true);
    return v;
}

static Value np_zeros(VM *vm, const Args *args)
{
    return known_zero(vm, blank(vm, args->v, DT_F64, true));
}

static Value np_empty(VM *vm, const Args *args)
{
    return np_zeros(vm, args);      /* zeros: what uninitialised memory holds must not depend on luck */
}

static Value np_ones(VM *vm, const Args *args)
{
    return filled(vm, blank(vm, args->v, DT_F64, false), V_INT(1));
}

/* The dtype that a value has by itself; DT_COUNT: exception. */
static DType own_dtype(VM *vm, Value v)
{
    DType d = value_dtype(v);
    if (d != DT_COUNT)
        return d;
    Value a = array_from_value(vm, v, DT_COUNT);
    if (IS_ERR(a))
        return DT_COUNT;
    d = (DType)ARRAY(a)->dtype;
    value_free(vm, a);
    return d;
}

/* shape, fill_value, dtype, order */
static Value np_full(VM *vm, const Args *args)
{
    const Value *v = args->v;
    DType d = DT_F64;
    if ((v[2].tag == T_Unbound || v[2].tag == T_None) && (d = own_dtype(vm, v[1])) == DT_COUNT)
        return V_ERR;
    return filled(vm, blank(vm, (const Value []){ v[0], v[2], v[3] }, d, false), v[1]);
}

/* a, dtype, order, shape */
static Value blank_like(VM *vm, const Value *v, bool zero)
{
    Value a = array_from_value(vm, v[0], DT_COUNT), r = V_ERR;
    DType d;
    char order;
    int ndim;
    int64_t shape[ALP_MAX_NDIM];
    if (IS_ERR(a))
        return V_ERR;
    if (dtype_arg(vm, v[1], (DType)ARRAY(a)->dtype, &d) == ALP_OK && order_arg(vm, v[2], 'K', &order) == ALP_OK) {
        if (v[3].tag == T_Unbound || v[3].tag == T_None)
            r = array_new_like(vm, ARRAY(a), d, order, zero);
        else if (shape_arg(vm, v[3], &ndim, shape) == ALP_OK)
            r = array_new_order(vm, d, ndim, shape, order, zero);
    }
    value_free(vm, a);
    return r;
}

static Value np_zeros_like(VM *vm, const Args *args)
{
    return known_zero(vm, blank_like(vm, args->v, true));
}

static Value np_ones_like(VM *vm, const Args *args)
{
    return filled(vm, blank_like(vm, args->v, false), V_INT(1));
}

/* a, fill_value, dtype, order, shape */
static Value np_full_like(VM *vm, const Args *args)
{
    const Value *v = args->v;
    return filled(vm, blank_like(vm, (const Value []){ v[0], v[2], v[3], v[4] }, false), v[1]);
}

/* ---- from values ---------------------------------------------------------------------------------------------------------- */
static bool has_order(const Array *a, char order)
{
    return order == 'C' ? a->c_contig : order == 'F' ? a->f_contig : true;
}

static Value with_ndmin(VM *vm, ALP_TAKE Value v, int64_t ndmin)
{
    if (IS_ERR(v) || ARRAY(v)->ndim >= ndmin)
        return v;
    if (ndmin > ALP_MAX_NDIM) {
        value_free(vm, v);
        return raise(vm, TY_ValueError, "ndmin bigger than allowable number of dimensions (%d)", ALP_MAX_NDIM);
    }
    const Array *a = ARRAY(v);
    int64_t shape[ALP_MAX_NDIM];
    int extra = (int)ndmin - a->ndim;
    for (int k = 0; k < ndmin; k++)
        shape[k] = k < extra ? 1 : a->shape[k - extra];
    Value r = array_reshape(vm, v, (int)ndmin, shape, 'C');
    value_free(vm, v);
    return r;
}

/* copy: 1 always, 0 never, -1 if needed */
static Value make_array(VM *vm, Value v, Value dtype, Value order_value, int copy)
{
    DType d;
    char order;
    if (dtype_arg(vm, dtype, DT_COUNT, &d) != ALP_OK || order_arg(vm, order_value, 'K', &order) != ALP_OK)
        return V_ERR;
    bool as_is = v.tag == T_Array && (d == DT_COUNT || d == (DType)ARRAY(v)->dtype) && has_order(ARRAY(v), order);
    if (copy == 0 && !as_is)
        return raise(vm, TY_ValueError, "Unable to avoid copy while creating an array as requested.\nIf using `np.array(obj, "
                     "copy=False)` replace it with `np.asarray(obj)` to allow a copy when needed (no behavior change in NumPy "
                     "1.x).\nFor more details, see https://numpy.org/devdocs/numpy_2_0_migration_guide.html#adapting-to-changes-"
                     "in-the-copy-keyword.");
    if (v.tag == T_Array)
        return as_is && copy != 1 ? value_ref(v) : array_copy_there(vm, v, d == DT_COUNT ? (DType)ARRAY(v)->dtype : d, order);
    Value a = array_from_value(vm, v, d);
    if (IS_ERR(a) || has_order(ARRAY(a), order))
        return a;
    value_set(vm, &a, array_copy(vm, a, (DType)ARRAY(a)->dtype, order));
    return a;
}

/* object, dtype, copy, order, ndmin */
static Value np_array(VM *vm, const Args *args)
{
    const Value *v = args->v;
    int copy = v[2].tag == T_Unbound ? 1 : v[2].tag == T_None ? -1 : arg_truth(vm, v[2]);
    int64_t ndmin = 0;
    if (v[2].tag != T_Unbound && v[2].tag != T_None && copy < 0)
        return V_ERR;
    if (v[4].tag != T_Unbound && arg_int(vm, v[4], &ndmin) != ALP_OK)
        return V_ERR;
    return with_ndmin(vm, make_array(vm, v[0], v[1], v[3], copy), ndmin);
}

/* a, dtype, order, copy */
static Value np_asarray(VM *vm, const Args *args)
{
    const Value *v = args->v;
    int copy = v[3].tag == T_Unbound || v[3].tag == T_None ? -1 : arg_truth(vm, v[3]);
    return copy < 0 && vm_has_exc(vm) ? V_ERR : make_array(vm, v[0], v[1], v[2], copy);
}

static Value in_order(VM *vm, const Args *args, const char *order)
{
    Value text = str_z(vm, order);
    if (IS_ERR(text))
        return V_ERR;
    Value a = make_array(vm, args->v[0], args->v[1], text, -1);
    value_free(vm, text);
    return with_ndmin(vm, a, 1);
}

static Value np_ascontiguousarray(VM *vm, const Args *args)
{
    return in_order(vm, args, "C");
}

static Value np_asfortranarray(VM *vm, const Args *args)
{
    return in_order(vm, args, "F");
}

/* a, order */
static Value np_copy(VM *vm, const Args *args)
{
    return make_array(vm, args->v[0], V_NONE, args->v[1], 1);
}

/* ---- arange --------------------------------------------------------------------------------------------------------------- */
/* ceil((stop - start) / step), at least 0. */
static Status range_length(VM *vm, Value start, Value stop, Value step, int64_t *n)
{
    double quotient, distance;
    int64_t i, j, k;
    if (value_as_int(start, &i) && value_as_int(stop, &j) && value_as_int(step, &k)) {
        if (k == 0) {
            raise(vm, TY_ZeroDivisionError, "division by zero");
            return ALP_FAIL;
        }
        distance = (double)((__int128)j - i);
        quotient = distance / (double)k;
    } else {
        double x, y, z;
        if (!value_as_double(start, &x) || !value_as_double(stop, &y) || !value_as_double(step, &z)) {
            raise(vm, TY_TypeError, "arange() not supported for inputs that are not real numbers");
            return ALP_FAIL;
        }
        if (z == 0) {
            raise(vm, TY_ZeroDivisionError, "float division by zero");
            return ALP_FAIL;
        }
        distance = y - x;
        quotient = distance / z;
    }
    if (quotient != quotient) {
        raise(vm, TY_ValueError, "arange: cannot compute length");
        return ALP_FAIL;
    }
    /* A quotient that underflowed still counts the first element. */
    double length = quotient == 0 && distance != 0 ? (signbit(quotient) ? 0 : 1) : ceil(quotient);
    if (length > 0x1p63) {
        raise(vm, TY_ValueError, "Maximum allowed size exceeded");
        return ALP_FAIL;
    }
    *n = length <= 0 ? 0 : length >= 0x1p63 ? INT64_MAX : (int64_t)length;
    return ALP_OK;
}

/* 0-d arrays count as their element. */
static Value range_operand(VM *vm, Value v)
{
    if (v.tag == T_Array && ARRAY(v)->ndim == 0)
        return array_load(vm, (DType)ARRAY(v)->dtype, ARRAY(v)->data);
    if (v.tag == T_Array)
        return raise(vm, TY_TypeError, "only 0-dimensional arrays can be converted to Python scalars");
    if (value_dtype(v) != DT_COUNT)
        return value_ref(v);
    if (v.tag == T_Str)
        return raise(vm, TY_TypeError, "arange() not supported for inputs with DType <class 'numpy.dtypes.StrDType'>.");
    return raise(vm, TY_TypeError, "unsupported operand type(s) for -: '%s' and 'int'", value_type_name(v));
}

static Value range_array(VM *vm, Value start, Value stop, Value step, DType d)
{
    int64_t n;
    if (range_length(vm, start, stop, step, &n) != ALP_OK)
        return V_ERR;
    if (d == DT_Bool && n > 2)
        return raise(vm, TY_TypeError, "arange() is only supported for booleans when the result has at most length 2.");
    Value a = array_new(vm, d, 1, &n, false);
    if (IS_ERR(a) || n == 0)
        return a;
    Fresh fresh = { .kind = FRESH_Range, .dtype = (uint8_t)d, .count = n };
    Value second = n > 1 ? op_binary(vm, BI_Add, start, step) : V_NONE;
    if (!IS_ERR(second) && array_store(vm, d, fresh.u.element, start) == ALP_OK &&
        (n == 1 || array_store(vm, d, fresh.u.element + dtype_info[d].size, second) == ALP_OK)) {
        value_free(vm, second);
        fresh_set(vm, ARRAY(a), &fresh, false);
        return a;
    }
    value_free(vm, second);
    value_free(vm, a);
    return V_ERR;
}

/* start, stop, step, dtype */
static Value np_arange(VM *vm, const Args *args)
{
    Value v[3] = { args->v[0], args->v[1], args->v[2] }, r = V_ERR;
    DType d = DT_I64;
    if (v[1].tag == T_Unbound || v[1].tag == T_None) {
        v[1] = v[0];
        v[0] = V_INT(0);
        if (v[1].tag == T_Unbound)
            return raise(vm, TY_TypeError, "arange() requires stop to be specified.");
    } else if (v[0].tag == T_Unbound)
        v[0] = V_INT(0);
    if (v[2].tag == T_Unbound || v[2].tag == T_None)
        v[2] = V_INT(1);
    int n = 0;
    for (; n < 3; n++) {
        v[n] = range_operand(vm, v[n]);
        if (IS_ERR(v[n]))
            break;
        DType own = value_dtype(v[n]);
        d = n == 0 ? own : dtype_promote(d, own);
    }
    if (n == 3 && dtype_arg(vm, args->v[3], d, &d) == ALP_OK)
        r = range_array(vm, v[0], v[1], v[2], d);
    while (n > 0)
        value_free(vm, v[--n]);
    return r;
}

/* ---- linspace and kin ---------------------------------------------------------------------------------------------------- */
static Value times_one(VM *vm, Value v)
{
    Value a = array_from_value(vm, v, DT_COUNT);
    if (IS_ERR(a))
        return V_ERR;
    Value r = ufunc_call2(vm, &uf_multiply, a, V_FLOAT(1));
    value_free(vm, a);
    return r;
}

static Value take2(VM *vm, const Ufunc *u, ALP_TAKE Value a, Value b)
{
    Value r = IS_ERR(a) || IS_ERR(b) ? V_ERR : ufunc_call2(vm, u, a, b);
    value_free(vm, a);
    return r;
}

/* Is any element of v zero? -1: exception. */
static int any_zero(VM *vm, Value v)
{
    Value is = ufunc_call2(vm, &uf_equal, v, V_INT(0));
    if (IS_ERR(is))
        return -1;
    int any = is.tag == T_Array ? array_count_true(ARRAY(is)) > 0 : is.u.i != 0;
    value_free(vm, is);
    return any;
}

/* 0, 1, … num - 1 along the first of 1 + extra axes. */
static Value counting(VM *vm, int64_t num, DType d, int extra)
{
    int64_t shape[ALP_MAX_NDIM];
    if (shape_check_ndim(vm, (size_t)extra + 1) != ALP_OK)
        return V_ERR;
    Value a = range_array(vm, V_INT(0), V_INT(num), V_INT(1), d);
    if (IS_ERR(a) || extra == 0)
        return a;
    shape[0] = num;
    for (int k = 1; k <= extra; k++)
        shape[k] = 1;
    Value r = array_reshape(vm, a, extra + 1, shape, 'C');
    value_free(vm, a);
    return r;
}

/* The samples of a line between two doubles, if they can be described: T_Unbound: they cannot, or need not be. */
static Value line(VM *vm, Value start, Value stop, int64_t num, bool endpoint, Value *step)
{
    int64_t div = endpoint ? num - 1 : num;
    if (LIKELY(!vm->late_bytes) || start.tag != T_NpF64 || stop.tag != T_NpF64 || num < 2 || num < (int64_t)(vm->late_bytes / sizeof(double)))
        return V_UNBOUND;
    double distance = (stop.u.f - start.u.f) / (double)div;
    if (distance == 0)
        return V_UNBOUND;
    Value y = array_new(vm, DT_F64, 1, &num, false);
    if (IS_ERR(y))
        return V_ERR;
    *step = (Value){ .tag = T_NpF64, .u.f = distance };
    Fresh fresh = { .kind = FRESH_Line, .dtype = DT_F64, .count = num, .u.line = { start.u.f, distance, stop.u.f } };
    if (!endpoint)
        fresh.u.line.last = (double)(num - 1) * distance + start.u.f;
    fresh_set(vm, ARRAY(y), &fresh, false);
    return y;
}

/* num samples from start to stop (float arrays or scalars, borrowed) in their own type; *step (owned) is the distance. */
static Value samples(VM *vm, Value start, Value stop, int64_t num, bool endpoint, Value *step)
{
    int64_t div = endpoint ? num - 1 : num;
    const Value all[3] = { start, stop, V_FLOAT(1) };
    DType d = ufunc_result_type(vm, all, 3);
    *step = V_FLOAT(NAN);
    if (d == DT_COUNT)
        return V_ERR;
    Value y = line(vm, start, stop, num, endpoint, step);
    if (y.tag != T_Unbound)
        return y;
    Value delta = ufunc_call2(vm, &uf_subtract, stop, start);
    if (IS_ERR(delta))
        return V_ERR;
    y = counting(vm, num, d, delta.tag == T_Array ? ARRAY(delta)->ndim : 0);
    if (div > 0 && !IS_ERR(y)) {
        *step = ufunc_call2(vm, &uf_divide, delta, V_INT(div));
        int zero = IS_ERR(*step) ? -1 : any_zero(vm, *step);
        if (zero < 0) {
            value_free(vm, y);
            y = V_ERR;
        } else if (zero)
            y = take2(vm, &uf_multiply, take2(vm, &uf_divide, y, V_INT(div)), delta);
        else
            y = take2(vm, &uf_multiply, y, *step);
    } else
        y = take2(vm, &uf_multiply, y, delta);
    value_free(vm, delta);
    y = take2(vm, &uf_add, y, start);
    if (!IS_ERR(y) && endpoint && num > 1 && array_set_index(vm, y, V_INT(-1), stop) != ALP_OK) {
        value_free(vm, y);
        return V_ERR;
    }
    return y;
}

static Status count_arg(VM *vm, Value v, int64_t *num)
{
    *num = 50;
    if (v.tag != T_Unbound)
        TRY(arg_int(vm, v, num));
    if (*num >= 0)
        return ALP_OK;
    raise(vm, TY_ValueError, "Number of samples, %" PRId64 ", must be non-negative.", *num);
    return ALP_FAIL;
}

static Status flag_arg(VM *vm, Value v, bool fallback, bool *out)
{
    int truth = v.tag == T_Unbound ? fallback : arg_truth(vm, v);
    *out = truth > 0;
    return truth < 0 ? ALP_FAIL : ALP_OK;
}

static Value converted(VM *vm, ALP_TAKE Value y, Value dtype)
{
    DType d;
    if (IS_ERR(y))
        return y;
    if (dtype_arg(vm, dtype, (DType)ARRAY(y)->dtype, &d) != ALP_OK) {
        value_free(vm, y);
        return V_ERR;
    }
    if (d == (DType)ARRAY(y)->dtype)
        return y;
    if (strchr("iu", dtype_info[d].kind) && dtype_info[ARRAY(y)->dtype].kind == 'f') {
        Value low = ufunc_call1(vm, &uf_floor, y);
        value_free(vm, y);
        y = low;
    }
    Value r = IS_ERR(y) ? V_ERR : array_copy(vm, y, d, 'K');
    value_free(vm, y);
    return r;
}

static Value first_axis_to(VM *vm, ALP_TAKE Value v, Value axis)
{
    int to, order[ALP_MAX_NDIM];
    if (IS_ERR(v) || axis.tag == T_Unbound)
        return v;
    int ndim = ARRAY(v)->ndim;
    Value r = V_ERR;
    if (axis_arg(vm, axis, ndim, &to) == ALP_OK) {
        for (int k = 0; k < ndim; k++)
            order[k] = k < to ? k + 1 : k == to ? 0 : k;
        r = array_permute(vm, v, order);
    }
    value_free(vm, v);
    return r;
}

/* start, stop, num, endpoint, retstep, dtype, axis */
static Value np_linspace(VM *vm, const Args *args)
{
    const Value *v = args->v;
    int64_t num;
    bool endpoint, retstep;
    if (count_arg(vm, v[2], &num) != ALP_OK || flag_arg(vm, v[3], true, &endpoint) != ALP_OK ||
        flag_arg(vm, v[4], false, &retstep) != ALP_OK)
        return V_ERR;
    Value start = times_one(vm, v[0]), stop = IS_ERR(start) ? V_ERR : times_one(vm, v[1]), step = V_NONE, y = V_ERR;
    if (!IS_ERR(stop))
        y = first_axis_to(vm, converted(vm, samples(vm, start, stop, num, endpoint, &step), v[5]), v[6]);
    value_free(vm, start);
    value_free(vm, stop);
    if (retstep && !IS_ERR(y))
        return tuple_of(vm, 2, y, step);
    value_free(vm, step);
    return y;
}

/* start, stop, num, endpoint, base, dtype */
static Value np_logspace(VM *vm, const Args *args)
{
    const Value *v = args->v;
    const Value line[7] = { v[0], v[1], v[2], v[3], V_UNBOUND, V_UNBOUND, V_UNBOUND };
    Value y = np_linspace(vm, &(Args){ .v = line });
    if (IS_ERR(y))
        return V_ERR;
    Value r = ufunc_call2(vm, &uf_power, v[4].tag == T_Unbound ? V_FLOAT(10) : v[4], y);
    value_free(vm, y);
    return converted(vm, r, v[5]);
}

/* start, stop, num, endpoint, dtype */
static Value np_geomspace(VM *vm, const Args *args)
{
    const Value *v = args->v;
    double start, stop;
    int64_t num;
    bool endpoint;
    if (arg_float(vm, v[0], &start) != ALP_OK || arg_float(vm, v[1], &stop) != ALP_OK || count_arg(vm, v[2], &num) != ALP_OK ||
        flag_arg(vm, v[3], true, &endpoint) != ALP_OK)
        return V_ERR;
    if (start == 0 || stop == 0)
        return raise(vm, TY_ValueError, "Geometric sequence cannot include zero");
    double sign = start < 0 ? -1 : 1;
    const Value log[6] = { V_FLOAT(log10(start / sign)), V_FLOAT(log10(stop / sign)), V_INT(num), V_BOOL(endpoint), V_UNBOUND, V_UNBOUND };
    Value y = np_logspace(vm, &(Args){ .v = log });
    if (IS_ERR(y))
        return V_ERR;
    double *x = (double *)(void *)ARRAY(y)->data;
    if (num > 0)
        x[0] = start / sign;
    if (num > 1 && endpoint)
        x[num - 1] = stop / sign;
    return converted(vm, take2(vm, &uf_multiply, y, V_FLOAT(sign)), v[4]);
}

/* ---- matrices -------------------------------------------------------------------------------------------------------------- */
/* Row i, column j: 1 where `low <= j - i <= high`. */
static Value band(VM *vm, int64_t rows, int64_t columns, int64_t low, int64_t high, DType d, char order)
{
    const int64_t shape[2] = { rows, columns };
    Value v = array_new_order(vm, d, 2, shape, order, true);
    if (IS_ERR(v))
        return v;
    const Array *a = ARRAY(v);
    const int64_t one = 1;
    for (int64_t i = 0; i < rows; i++) {
        /* Saturating: offsets may be anything. */
        int64_t from, to;
        if (__builtin_add_overflow(i, low, &from))
            from = low < 0 ? INT64_MIN : INT64_MAX;
        if (__builtin_add_overflow(i, high, &to))
            to = high < 0 ? INT64_MIN : INT64_MAX;
        from = from < 0 ? 0 : from;
        to = to >= columns ? columns - 1 : to;
        if (from <= to)
            array_cast(d, a->data + i * a->strides[0] + from * a->strides[1], a->strides[1], DT_I64, (const char *)&one, 0, to - from + 1);
    }
    return v;
}

/* N, M, k, dtype, order: M defaults to N */
static Status matrix_args(VM *vm, const Value *v, int64_t *rows, int64_t *columns, int64_t *k, DType *d)
{
    TRY(arg_int(vm, v[0], rows));
    *columns = *rows;
    *k = 0;
    if (v[1].tag != T_Unbound && v[1].tag != T_None)
        TRY(arg_int(vm, v[1], columns));
    if (v[2].tag != T_Unbound)
        TRY(arg_int(vm, v[2], k));
    return dtype_arg(vm, v[3], DT_F64, d);
}

static Value np_eye(VM *vm, const Args *args)
{
    int64_t rows, columns, k;
    DType d;
    char order;
    if (matrix_args(vm, args->v, &rows, &columns, &k, &d) != ALP_OK || order_arg(vm, args->v[4], 'C', &order) != ALP_OK)
        return V_ERR;
    return band(vm, rows, columns, k, k, d, order);
}

/* n, dtype */
static Value np_identity(VM *vm, const Args *args)
{
    int64_t rows, columns, k;
    DType d;
    const Value v[4] = { args->v[0], V_UNBOUND, V_UNBOUND, args->v[1] };
    return matrix_args(vm, v, &rows, &columns, &k, &d) == ALP_OK ? band(vm, rows, columns, 0, 0, d, 'C') : V_ERR;
}

static Value np_tri(VM *vm, const Args *args)
{
    int64_t rows, columns, k;
    DType d;
    return matrix_args(vm, args->v, &rows, &columns, &k, &d) == ALP_OK ? band(vm, rows, columns, INT64_MIN, k, d, 'C') : V_ERR;
}

/* Zero what the band leaves out of the last two axes; a vector is repeated as the rows of a matrix. */
static Value keep_band(VM *vm, const Args *args, bool lower)
{
    int64_t k = 0, shape[ALP_MAX_NDIM];
    if (args->v[1].tag != T_Unbound && arg_int(vm, args->v[1], &k) != ALP_OK)
        return V_ERR;
    Value m = array_from_value(vm, args->v[0], DT_COUNT);
    if (IS_ERR(m))
        return V_ERR;
    const Array *a = ARRAY(m);
    if (a->ndim == 0) {
        value_free(vm, m);
        return raise(vm, TY_TypeError, "tri() missing 1 required positional argument: 'N'");
    }
    int ndim = a->ndim == 1 ? 2 : a->ndim;
    memcpy(shape, a->shape, sizeof shape);
    if (a->ndim == 1)
        shape[1] = shape[0];
    Value whole = array_broadcast_to(vm, a, ndim, shape), r = V_ERR, mask = V_ERR;
    if (!IS_ERR(whole)) {
        r = array_copy(vm, whole, (DType)a->dtype, 'C');
        mask = band(vm, shape[ndim - 2], shape[ndim - 1], lower ? INT64_MIN : k, lower ? k : INT64_MAX, (DType)a->dtype, 'C');
    }
    if (!IS_ERR(r) && !IS_ERR(mask)) {
        int64_t size = dtype_info[a->dtype].size, plane = ARRAY(mask)->size;
        for (int64_t i = 0; i < ARRAY(r)->size; i++) {
            const char *bit = ARRAY(mask)->data + i % plane * size;
            bool set = false;
            for (int64_t b = 0; b < size; b++)
                set |= bit[b] != 0;
            if (!set)
                memset(ARRAY(r)->data + i * size, 0, (size_t)size);
        }
    } else {
        value_free(vm, r);
        r = V_ERR;
    }
    value_free(vm, mask);
    value_free(vm, whole);
    value_free(vm, m);
    return r;
}

static Value np_tril(VM *vm, const Args *args)
{
    return keep_band(vm, args, true);
}

static Value np_triu(VM *vm, const Args *args)
{
    return keep_band(vm, args, false);
}

/* A matrix with v's elements on diagonal k. */
static Value diagonal_matrix(VM *vm, const Array *v, int64_t k)
{
    int64_t n = v->size, side;
    if (k == INT64_MIN || __builtin_add_overflow(n, k < 0 ? -k : k, &side))
        return raise(vm, TY_ValueError, "Maximum allowed dimension exceeded");
    const int64_t shape[2] = { side, side };
    Value m = array_new(vm, (DType)v->dtype, 2, shape, true);
    if (IS_ERR(m) || n == 0)
        return m;
    const Array *a = ARRAY(m);
    char *p = a->data + (k < 0 ? -k * a->strides[0] : k * a->strides[1]);
    array_cast((DType)v->dtype, p, a->strides[0] + a->strides[1], (DType)v->dtype, v->data, v->strides[0], n);
    return m;
}

/* v, k */
static Value np_diag(VM *vm, const Args *args)
{
    int64_t k = 0;
    if (args->v[1].tag != T_Unbound && arg_int(vm, args->v[1], &k) != ALP_OK)
        return V_ERR;
    Value v = array_from_value(vm, args->v[0], DT_COUNT), r;
    if (IS_ERR(v))
        return V_ERR;
    if (ARRAY(v)->ndim == 1)
        r = diagonal_matrix(vm, ARRAY(v), k);
    else if (ARRAY(v)->ndim == 2)
        r = array_diagonal(vm, ARRAY(v), k);
    else
        r = raise(vm, TY_ValueError, "Input must be 1- or 2-d.");
    value_free(vm, v);
    return r;
}

static Value np_diagflat(VM *vm, const Args *args)
{
    int64_t k = 0;
    if (args->v[1].tag != T_Unbound && arg_int(vm, args->v[1], &k) != ALP_OK)
        return V_ERR;
    Value v = array_from_value(vm, args->v[0], DT_COUNT);
    Value flat = IS_ERR(v) ? V_ERR : array_ravel(vm, v, 'C');
    Value r = IS_ERR(flat) ? V_ERR : diagonal_matrix(vm, ARRAY(flat), k);
    value_free(vm, flat);
    value_free(vm, v);
    return r;
}

/* ---- grids ------------------------------------------------------------------------------------------------------------------ */
/* x along one axis of a grid: full, or a view with the other axes of length 1. */
static Value grid_axis(VM *vm, Value x, int axis, int ndim, const int64_t *shape, bool sparse, bool copy)
{
    int64_t thin[ALP_MAX_NDIM];
    for (int k = 0; k < ndim; k++)
        thin[k] = k == axis ? shape[k] : 1;
    Value v = array_reshape(vm, x, ndim, thin, 'C');
    if (!IS_ERR(v) && !sparse)
        value_set(vm, &v, array_broadcast_to(vm, ARRAY(v), ndim, shape));
    if (!IS_ERR(v) && copy)
        value_set(vm, &v, array_copy(vm, v, (DType)ARRAY(v)->dtype, 'C'));
    return v;
}

/* *xi; copy, sparse, indexing */
static Value np_meshgrid(VM *vm, const Args *args)
{
    const Value *v = args->v;
    int n = (int)args->n_rest;
    bool copy, sparse, by_row = true;
    int64_t shape[ALP_MAX_NDIM];
    if (v[2].tag != T_Unbound) {
        if (v[2].tag != T_Str || (strcmp(STR(v[2])->text, "xy") && strcmp(STR(v[2])->text, "ij")))
            return raise(vm, TY_ValueError, "Valid values for `indexing` are 'xy' and 'ij'.");
        by_row = STR(v[2])->text[0] == 'x';
    }
    if (flag_arg(vm, v[0], true, &copy) != ALP_OK || flag_arg(vm, v[1], false, &sparse) != ALP_OK ||
        shape_check_ndim(vm, args->n_rest) != ALP_OK)
        return V_ERR;
    Value t = tuple_new(vm, NULL, (size_t)n);
    for (int k = 0; !IS_ERR(t) && k < n; k++) {
        Value x = array_from_value(vm, args->rest[k], DT_COUNT);
        if (IS_ERR(x)) {
            value_free(vm, t);
            return V_ERR;
        }
        TUPLE(t)->item[k] = x;
        shape[by_row && k < 2 && n > 1 ? 1 - k : k] = ARRAY(x)->size;
    }
    for (int k = 0; !IS_ERR(t) && k < n; k++) {
        Value x = grid_axis(vm, TUPLE(t)->item[k], by_row && k < 2 && n > 1 ? 1 - k : k, n, shape, sparse, copy);
        if (IS_ERR(x)) {
            value_free(vm, t);
            return V_ERR;
        }
        value_set(vm, &TUPLE(t)->item[k], x);
    }
    return t;
}

/* dimensions, dtype */
static Value np_indices(VM *vm, const Args *args)
{
    int ndim;
    int64_t shape[ALP_MAX_NDIM + 1];
    DType d;
    if (shape_arg(vm, args->v[0], &ndim, shape + 1) != ALP_OK || dtype_arg(vm, args->v[1], DT_I64, &d) != ALP_OK ||
        shape_check_ndim(vm, (size_t)ndim + 1) != ALP_OK)
        return V_ERR;
    shape[0] = ndim;
    Value r = array_new(vm, d, ndim + 1, shape, true);
    for (int k = 0; !IS_ERR(r) && k < ndim; k++) {
        Value x = range_array(vm, V_INT(0), V_INT(shape[k + 1]), V_INT(1), d);
        Value grid = IS_ERR(x) ? V_ERR : grid_axis(vm, x, k, ndim, shape + 1, false, false);
        if (IS_ERR(grid) || array_set_index(vm, r, V_INT(k), grid) != ALP_OK) {
            value_free(vm, r);
            r = V_ERR;
        }
        value_free(vm, grid);
        value_free(vm, x);
    }
    return r;
}

const NativeRow create_numpy_rows[] = {
    { "zeros", np_zeros, "shape, dtype=, order=", "Array of zeros." },
    { "ones", np_ones, "shape, dtype=, order=", "Array of ones." },
    { "empty", np_empty, "shape, dtype=, order=", "Array for results; alpy fills it with zeros." },
    { "full", np_full, "shape, fill_value, dtype=, order=", "Array of one value." },
    { "zeros_like", np_zeros_like, "a, dtype=, order=, shape=", "Zeros in the shape and dtype of another array.", NATIVE_VIEWS },
    { "ones_like", np_ones_like, "a, dtype=, order=, shape=", "Ones in the shape and dtype of another array.", NATIVE_VIEWS },
    { "empty_like", np_zeros_like, "a, dtype=, order=, shape=", "Array for results in the shape and dtype of another.", NATIVE_VIEWS },
    { "full_like", np_full_like, "a, fill_value, dtype=, order=, shape=", "One value in the shape and dtype of another array." },
    { "array", np_array, "object, dtype=, *, copy=, order=, ndmin=", "Array from numbers, sequences or arrays; a copy.", NATIVE_WHOLE },
    { "asarray", np_asarray, "a, dtype=, order=, *, copy=", "Array from a value; arrays as they are.", NATIVE_VIEWS },
    { "asanyarray", np_asarray, "a, dtype=, order=, *, copy=", "Array from a value; arrays as they are.", NATIVE_VIEWS },
    { "ascontiguousarray", np_ascontiguousarray, "a, dtype=", "Array in C order." },
    { "asfortranarray", np_asfortranarray, "a, dtype=", "Array in Fortran order." },
    { "copy", np_copy, "a, order=", "Copy of an array.", NATIVE_WHOLE },
    { "arange", np_arange, "start=, stop=, step=, dtype=", "Evenly spaced values within an interval." },
    { "linspace", np_linspace, "start, stop, num=, endpoint=, retstep=, dtype=, axis=", "Evenly spaced samples of an interval." },
    { "logspace", np_logspace, "start, stop, num=, endpoint=, base=, dtype=", "Samples evenly spaced on a log scale." },
    { "geomspace", np_geomspace, "start, stop, num=, endpoint=, dtype=", "Samples in a geometric progression." },
    { "eye", np_eye, "N, M=, k=, dtype=, order=", "Ones on a diagonal." },
    { "identity", np_identity, "n, dtype=", "Identity matrix." },
    { "tri", np_tri, "N, M=, k=, dtype=", "Ones at and below a diagonal." },
    { "tril", np_tril, "m, k=", "Lower triangle of an array." },
    { "triu", np_triu, "m, k=", "Upper triangle of an array." },
    { "diag", np_diag, "v, k=", "Diagonal of a matrix, or a matrix from its diagonal." },
    { "diagflat", np_diagflat, "v, k=", "Matrix with the elements on its diagonal." },
    { "meshgrid", np_meshgrid, "*xi, copy=, sparse=, indexing=", "Coordinate arrays of a grid." },
    { "indices", np_indices, "dimensions, dtype=", "Arrays of the indices of a grid." },
    { NULL }
};
