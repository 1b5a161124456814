/* interp/ufunc_funcs.c — elementwise functions of numpy that are made of several ufuncs: clip, round, where, isclose and others. */
#include <float.h>
#include <math.h>

#include "interp/array_util.h"
#include "interp/elem.h"
#include "interp/nditer.h"
#include "interp/numpy_rows.h"
#include "interp/ops.h"
#include "interp/seq.h"
#include "interp/ufunc.h"

/* Chains of calls: arguments are taken, and an error among them is passed on. */
static Value apply1(VM *vm, const Ufunc *u, ALP_TAKE Value a)
{
    if (IS_ERR(a))
        return V_ERR;
    Value r = ufunc_call1(vm, u, a);
    value_free(vm, a);
    return r;
}

static Value apply2(VM *vm, const Ufunc *u, ALP_TAKE Value a, ALP_TAKE Value b)
{
    Value r = IS_ERR(a) || IS_ERR(b) ? V_ERR : ufunc_call2(vm, u, a, b);
    value_free(vm, a);
    value_free(vm, b);
    return r;
}

static bool is_given(Value v)
{
    return v.tag != T_Unbound && v.tag != T_None;
}

Status out_array_arg(VM *vm, Value v, Array **out)
{
    *out = NULL;
    if (!is_given(v))
        return ALP_OK;
    if (v.tag == T_Tuple && TUPLE(v)->count == 1)
        v = TUPLE(v)->item[0];
    if (v.tag != T_Array) {
        raise(vm, TY_TypeError, "return arrays must be of ArrayType");
        return ALP_FAIL;
    }
    *out = ARRAY(v);
    return ALP_OK;
}

/* ---- clip -------------------------------------------------------------------------------------------------------------- */
/* A Python integer outside the range of an integer array limits nothing, or everything: it is moved to the range's end. */
static Value clip_bound(DType d, Value bound)
{
    int64_t low;
    uint64_t high;
    if (bound.tag != T_Int || !dtype_int_range(d, &low, &high) || dtype_int_fits(d, bound.u.i))
        return bound;
    return V_INT(bound.u.i < low ? low : (int64_t)high);
}

Value array_clip(VM *vm, Value a, Value low, Value high, Value out)
{
    UfuncOptions opt = { 0 };
    if (out_array_arg(vm, out, &opt.out[0]) != ALP_OK)
        return V_ERR;
    DType d = value_dtype(a);
    if (d != DT_COUNT && (a.tag == T_Array || IS_NPSCALAR(a))) {
        low = clip_bound(d, low);
        high = clip_bound(d, high);
    }
    if (is_given(low) && is_given(high))
        return ufunc_call(vm, &uf_clip, (const Value []){ a, low, high }, &opt);
    if (is_given(low))
        return ufunc_call(vm, &uf_maximum, (const Value []){ a, low }, &opt);
    if (is_given(high))
        return ufunc_call(vm, &uf_minimum, (const Value []){ a, high }, &opt);
    return ufunc_call(vm, &uf_positive, &a, &opt);
}

/* a, a_min, a_max, out, min, max */
static Value np_clip(VM *vm, const Args *args)
{
    const Value *v = args->v;
    Value low = v[1].tag != T_Unbound ? v[1] : v[4], high = v[2].tag != T_Unbound ? v[2] : v[5];
    return array_clip(vm, v[0], low, high, v[3]);
}

/* ---- round ------------------------------------------------------------------------------------------------------------- */
/* Complex numbers: both parts for themselves. */
static Value round_parts(VM *vm, Value v, int64_t decimals, Array *out)
{
    Value from = array_from_value(vm, v, DT_COUNT);
    Value r = IS_ERR(from) ? V_ERR : array_copy(vm, from, (DType)ARRAY(from)->dtype, 'K');
    value_free(vm, from);
    bool ok = !IS_ERR(r);
    for (int imaginary = 0; ok && imaginary < 2; imaginary++) {
        Value part = array_part(vm, r, imaginary);
        Value rounded = IS_ERR(part) ? V_ERR : array_round(vm, part, decimals, V_NONE);
        ok = !IS_ERR(rounded) && array_assign(vm, ARRAY(part), rounded) == ALP_OK;
        value_free(vm, rounded);
        value_free(vm, part);
    }
    if (ok && out) {
        ok = array_assign(vm, out, r) == ALP_OK;
        value_set(vm, &r, value_ref(V_OBJ(out)));
        if (ok)
            return r;
    }
    if (ok)
        return array_to_scalar(vm, r);
    value_free(vm, r);
    return V_ERR;
}

Value array_round(VM *vm, Value v, int64_t decimals, Value out)
{
    UfuncOptions opt = { 0 };
    if (out_array_arg(vm, out, &opt.out[0]) != ALP_OK)
        return V_ERR;
    DType d = value_dtype(v);
    Value a = d == DT_COUNT ? array_from_value(vm, v, DT_COUNT) : value_ref(v), r;
    if (IS_ERR(a))
        return V_ERR;
    if (d == DT_COUNT)
        d = (DType)ARRAY(a)->dtype;
    bool is_int = strchr("iu", dtype_info[d].kind);
    if (dtype_info[d].kind == 'c' && decimals != 0) {
        r = round_parts(vm, a, decimals, opt.out[0]);
        goto done;
    }
    if (d == DT_Bool && decimals != 0) {
        value_free(vm, a);
        return raise(vm, TY_UFuncOutputCastingError, "Cannot cast ufunc '%s' output from dtype('float64') to dtype('bool') with "
                     "casting rule 'same_kind'", decimals > 0 ? "multiply" : "divide");
    }
    if (decimals >= 0 && is_int)
        r = ufunc_call(vm, &uf_positive, &a, &opt);
    else if (decimals == 0)
        r = ufunc_call(vm, &uf_rint, &a, &opt);
    else {
        const Ufunc *up = decimals > 0 ? &uf_multiply : &uf_divide, *down = decimals > 0 ? &uf_divide : &uf_multiply;
        Value scale = V_FLOAT(pow(10, fabs((double)decimals)));
        r = apply1(vm, &uf_rint, apply2(vm, up, value_ref(a), scale));
        opt.order = a.tag == T_Array && ARRAY(a)->f_contig && !ARRAY(a)->c_contig ? 'F' : 'C';
        if (is_int)
            opt.casting = 'u';
        Value in[2] = { r, scale };
        if (IS_ERR(r))
            goto done;
        Value scaled = ufunc_call(vm, down, in, &opt);
        value_free(vm, r);
        r = scaled;
        if (is_int && !IS_ERR(r) && !opt.out[0]) {
            Value back = array_from_value(vm, r, DT_COUNT);
            value_free(vm, r);
            r = IS_ERR(back) ? V_ERR : array_copy(vm, back, d, 'K');
            value_free(vm, back);
            r = array_to_scalar(vm, r);
        }
    }
done:
    value_free(vm, a);
    return r;
}

static Value np_round(VM *vm, const Args *args)
{
    int64_t decimals = 0;
    if (args->v[1].tag != T_Unbound && arg_int(vm, args->v[1], &decimals) != ALP_OK)
        return V_ERR;
    return array_round(vm, args->v[0], decimals, args->v[2]);
}

/* ---- where ------------------------------------------------------------------------------------------------------------- */
Value array_nonzero(VM *vm, Value v)
{
    if (ARRAY(v)->ndim == 0)
        return raise(vm, TY_ValueError, "Calling nonzero on 0d arrays is not allowed. Use np.atleast_1d(scalar).nonzero() instead.%s",
                     ARRAY(v)->dtype == DT_Bool ? " If the context of this error is of the form `arr[nonzero(cond)]`, just use "
                     "`arr[cond]`." : "");
    Value mask = array_copy(vm, v, DT_Bool, 'C');
    if (IS_ERR(mask))
        return V_ERR;
    const Array *m = ARRAY(mask);
    int64_t n = array_count_true(m), index[ALP_MAX_NDIM] = { 0 };
    int64_t *out[ALP_MAX_NDIM];
    Value tuple = tuple_new(vm, NULL, m->ndim);
    for (int k = 0; !IS_ERR(tuple) && k < m->ndim; k++) {
        Value a = array_new(vm, DT_I64, 1, &n, false);
        if (IS_ERR(a)) {
            value_free(vm, tuple);
            tuple = V_ERR;
            break;
        }
        TUPLE(tuple)->item[k] = a;
        out[k] = (int64_t *)(void *)ARRAY(a)->data;
    }
    if (!IS_ERR(tuple))
        for (int64_t i = 0, found = 0; i < m->size; i++) {
            if (m->data[i]) {
                for (int k = 0; k < m->ndim; k++)
                    out[k][found] = index[k];
                found++;
            }
            for (int k = m->ndim - 1; k >= 0 && ++index[k] == m->shape[k]; k--)
                index[k] = 0;
        }
    value_free(vm, mask);
    return tuple;
}

#define SELECT(T) { \
    typedef T __attribute__((aligned(1), may_alias)) Elem; \
    for (int64_t i = 0; i < n; i++) \
        *(Elem *)(void *)(p[0] + i * s[0]) = \
            *(const Elem *)(const void *)(p[1][i * s[1]] ? p[2] + i * s[2] : p[3] + i * s[3]); \
    return; }

/* p: out, mask, x, y */
static void select_run(char *const *p, const int64_t *s, int64_t n, int size)
{
    switch (size) {
    case 1: SELECT(uint8_t)
    case 2: SELECT(uint16_t)
    case 4: SELECT(uint32_t)
    case 8: SELECT(uint64_t)
    default:
        for (int64_t i = 0; i < n; i++)
            memcpy(p[0] + i * s[0], p[1][i * s[1]] ? p[2] + i * s[2] : p[3] + i * s[3], (size_t)size);
    }
}

static Value select_arrays(VM *vm, Array *const in[3], DType d)
{
    int ndim;
    int64_t shape[ALP_MAX_NDIM];
    if (array_broadcast(vm, 3, in, &ndim, shape) != ALP_OK)
        return V_ERR;
    int64_t strides[ALP_MAX_NDIM];
    NdIter it;
    nditer_init(&it, ndim, shape);
    for (int k = 0; k < 3; k++)
        nditer_array(&it, in[k]);
    nditer_sort(&it);
    nditer_layout(&it, dtype_info[d].size, strides);
    Value out = array_new_strided(vm, d, ndim, shape, strides, false);
    if (IS_ERR(out) || ARRAY(out)->size == 0)
        return out;
    nditer_init(&it, ndim, shape);
    nditer_array(&it, ARRAY(out));
    for (int k = 0; k < 3; k++)
        nditer_array(&it, in[k]);
    nditer_sort(&it);
    nditer_start(&it);
    do
        select_run(it.ptr, it.step, it.shape[0], dtype_info[d].size);
    while (nditer_next(&it));
    return out;
}

/* condition, x, y */
static Value np_where(VM *vm, const Args *args)
{
    const Value *v = args->v;
    bool has_x = v[1].tag != T_Unbound, has_y = v[2].tag != T_Unbound;
    if (has_x != has_y)
        return raise(vm, TY_ValueError, "either both or neither of x and y should be given");
    Value part[3] = { V_NONE, V_NONE, V_NONE }, r = V_ERR;
    part[0] = array_from_value(vm, v[0], DT_COUNT);
    if (IS_ERR(part[0]))
        return V_ERR;
    if (!has_x) {
        r = array_nonzero(vm, part[0]);
        value_free(vm, part[0]);
        return r;
    }
    DType d = ufunc_result_type(vm, v + 1, 2);
    if (d != DT_COUNT) {
        value_set(vm, &part[0], array_from_value(vm, part[0], DT_Bool));
        part[1] = array_from_value(vm, v[1], d);
        part[2] = array_from_value(vm, v[2], d);
        if (!IS_ERR(part[0]) && !IS_ERR(part[1]) && !IS_ERR(part[2]))
            r = select_arrays(vm, (Array *const []){ ARRAY(part[0]), ARRAY(part[1]), ARRAY(part[2]) }, d);
    }
    for (int k = 0; k < 3; k++)
        value_free(vm, part[k]);
    return r;
}

/* ---- comparing ----------------------------------------------------------------------------------------------------------- */
/* |a - b| <= atol + rtol * |b| where b is finite, or a == b; with equal_nan, two NaNs are close. */
static Value is_close(VM *vm, Value a, Value b, Value rtol, Value atol, bool equal_nan)
{
    Value y = apply2(vm, &uf_multiply, value_ref(b), V_FLOAT(1));       /* integers as floats */
    if (IS_ERR(y))
        return V_ERR;
    Value limit = apply2(vm, &uf_add, value_ref(atol), apply2(vm, &uf_multiply, value_ref(rtol), ufunc_call1(vm, &uf_absolute, y)));
    Value near = apply2(vm, &uf_less_equal, apply1(vm, &uf_absolute, ufunc_call2(vm, &uf_subtract, a, y)), limit);
    near = apply2(vm, &uf_logical_and, near, ufunc_call1(vm, &uf_isfinite, y));
    near = apply2(vm, &uf_logical_or, near, ufunc_call2(vm, &uf_equal, a, y));
    if (equal_nan)
        near = apply2(vm, &uf_logical_or, near,
                      apply2(vm, &uf_logical_and, ufunc_call1(vm, &uf_isnan, a), ufunc_call1(vm, &uf_isnan, y)));
    value_free(vm, y);
    return near;
}

/* a, b, rtol, atol, equal_nan */
static Value np_isclose(VM *vm, const Args *args)
{
    const Value *v = args->v;
    int equal_nan = v[4].tag == T_Unbound ? 0 : arg_truth(vm, v[4]);
    if (equal_nan < 0)
        return V_ERR;
    return is_close(vm, v[0], v[1], v[2].tag == T_Unbound ? V_FLOAT(1e-5) : v[2], v[3].tag == T_Unbound ? V_FLOAT(1e-8) : v[3],
                    equal_nan);
}

/* bool(all(v)), of a bool array or scalar. */
static Value all_true(VM *vm, ALP_TAKE Value v)
{
    if (v.tag != T_Array)
        return IS_ERR(v) ? v : V_BOOL(v.u.i);
    bool all = array_count_true(ARRAY(v)) == ARRAY(v)->size;
    value_free(vm, v);
    return V_BOOL(all);
}

static Value np_allclose(VM *vm, const Args *args)
{
    return all_true(vm, np_isclose(vm, args));
}

/* a1, a2, equal_nan */
static Value np_array_equal(VM *vm, const Args *args)
{
    const Value *v = args->v;
    int equal_nan = v[2].tag == T_Unbound ? 0 : arg_truth(vm, v[2]);
    if (equal_nan < 0)
        return V_ERR;
    Value a = array_from_value(vm, v[0], DT_COUNT), b = IS_ERR(a) ? V_ERR : array_from_value(vm, v[1], DT_COUNT), r = V_ERR;
    if (!IS_ERR(b)) {
        const Array *x = ARRAY(a), *y = ARRAY(b);
        if (x->ndim != y->ndim || memcmp(x->shape, y->shape, sizeof x->shape[0] * x->ndim))
            r = V_BOOL(false);
        else {
            r = ufunc_call2(vm, &uf_equal, a, b);
            if (equal_nan)
                r = apply2(vm, &uf_logical_or, r,
                           apply2(vm, &uf_logical_and, ufunc_call1(vm, &uf_isnan, a), ufunc_call1(vm, &uf_isnan, b)));
            r = all_true(vm, r);
        }
    }
    value_free(vm, a);
    value_free(vm, b);
    return r;
}

static Value np_array_equiv(VM *vm, const Args *args)
{
    int ndim;
    int64_t shape[ALP_MAX_NDIM];
    Value a = array_from_value(vm, args->v[0], DT_COUNT), b = IS_ERR(a) ? V_ERR : array_from_value(vm, args->v[1], DT_COUNT);
    Value r = V_ERR;
    if (!IS_ERR(b)) {
        ndim = ARRAY(a)->ndim;
        memcpy(shape, ARRAY(a)->shape, sizeof shape);
        bool fits = shape_broadcast(&ndim, shape, ARRAY(b)->ndim, ARRAY(b)->shape) == ALP_OK;
        r = fits ? all_true(vm, ufunc_call2(vm, &uf_equal, a, b)) : V_BOOL(false);
    }
    value_free(vm, a);
    value_free(vm, b);
    return r;
}

/* ---- parts of complex numbers --------------------------------------------------------------------------------------------- */
Value array_part(VM *vm, Value v, bool imaginary)
{
    const Array *a = ARRAY(v);
    DType d = (DType)a->dtype;
    if (dtype_info[d].kind == 'c') {
        DType part = d == DT_C64 ? DT_F32 : DT_F64;
        return array_view(vm, a->buf, a->data + (imaginary ? dtype_info[part].size : 0), part, a->ndim, a->shape, a->strides, a->readonly);
    }
    if (!imaginary)
        return value_ref(v);
    Value zeros = array_new(vm, d, a->ndim, a->shape, true);
    if (!IS_ERR(zeros))
        ARRAY(zeros)->readonly = true;
    return zeros;
}

static Value part_of(VM *vm, Value v, bool imaginary)
{
    if (v.tag == T_Array)
        return array_part(vm, v, imaginary);
    if (IS_NPSCALAR(v) || v.tag == T_Int || v.tag == T_Float || v.tag == T_Complex || v.tag == T_Bool) {
        const char *name = imaginary ? "imag" : "real";
        return IS_NPSCALAR(v) ? npscalar_attr(vm, v, name) : number_attr(vm, v, name);
    }
    Value a = array_from_value(vm, v, DT_COUNT);
    if (IS_ERR(a))
        return V_ERR;
    Value r = array_part(vm, a, imaginary);
    value_free(vm, a);
    return r;
}

static Value np_real(VM *vm, const Args *args)
{
    return part_of(vm, args->v[0], false);
}

static Value np_imag(VM *vm, const Args *args)
{
    return part_of(vm, args->v[0], true);
}

/* z, deg */
static Value np_angle(VM *vm, const Args *args)
{
    int deg = args->v[1].tag == T_Unbound ? 0 : arg_truth(vm, args->v[1]);
    if (deg < 0)
        return V_ERR;
    Value z = value_dtype(args->v[0]) == DT_COUNT ? array_from_value(vm, args->v[0], DT_COUNT) : value_ref(args->v[0]);
    if (IS_ERR(z))
        return V_ERR;
    Value r;
    if (dtype_info[value_dtype(z)].kind == 'c')
        r = apply2(vm, &uf_arctan2, part_of(vm, z, true), part_of(vm, z, false));
    else
        r = apply2(vm, &uf_arctan2, V_INT(0), value_ref(z));
    value_free(vm, z);
    return deg ? apply2(vm, &uf_multiply, r, V_FLOAT(180 / 3.141592653589793)) : r;
}

static Value np_isreal(VM *vm, const Args *args)
{
    return apply2(vm, &uf_equal, part_of(vm, args->v[0], true), V_INT(0));
}

static Value np_iscomplex(VM *vm, const Args *args)
{
    return apply2(vm, &uf_not_equal, part_of(vm, args->v[0], true), V_INT(0));
}

static Value np_iscomplexobj(VM *vm, const Args *args)
{
    Value a = array_from_value(vm, args->v[0], DT_COUNT);
    if (IS_ERR(a))
        return V_ERR;
    bool is = dtype_info[ARRAY(a)->dtype].kind == 'c';
    value_free(vm, a);
    return V_BOOL(is);
}

static Value np_isrealobj(VM *vm, const Args *args)
{
    Value is = np_iscomplexobj(vm, args);
    return IS_ERR(is) ? is : V_BOOL(!is.u.i);
}

static Value np_isscalar(VM *vm, const Args *args)
{
    Value v = args->v[0];
    return V_BOOL(v.tag != T_Array && (value_dtype(v) != DT_COUNT || v.tag == T_Str));
}

/* ---- floats ------------------------------------------------------------------------------------------------------------------ */
static Value np_isposinf(VM *vm, const Args *args)
{
    return apply2(vm, &uf_logical_and, ufunc_call1(vm, &uf_isinf, args->v[0]),
                  apply1(vm, &uf_logical_not, ufunc_call1(vm, &uf_signbit, args->v[0])));
}

static Value np_isneginf(VM *vm, const Args *args)
{
    return apply2(vm, &uf_logical_and, ufunc_call1(vm, &uf_isinf, args->v[0]), ufunc_call1(vm, &uf_signbit, args->v[0]));
}

static Value np_sinc(VM *vm, const Args *args)
{
    Value x = array_from_value(vm, args->v[0], DT_COUNT);
    if (IS_ERR(x))
        return V_ERR;
    if (!strchr("fc", dtype_info[ARRAY(x)->dtype].kind))
        value_set(vm, &x, array_copy(vm, x, DT_F64, 'K'));
    Value y = IS_ERR(x) ? V_ERR : array_copy(vm, x, (DType)ARRAY(x)->dtype, 'K');
    value_free(vm, x);
    /* sin(0) / 0 is 1: a tiny angle gives it. */
    Value zero = IS_ERR(y) ? V_ERR : ufunc_call2(vm, &uf_equal, y, V_INT(0));
    Value mask = IS_ERR(zero) ? V_ERR : array_from_value(vm, zero, DT_Bool);
    value_free(vm, zero);
    if (IS_ERR(mask) || array_set_index(vm, y, mask, V_FLOAT(1e-20)) != ALP_OK) {
        value_free(vm, mask);
        value_free(vm, y);
        return V_ERR;
    }
    value_free(vm, mask);
    y = apply2(vm, &uf_multiply, V_FLOAT(3.141592653589793), y);
    return IS_ERR(y) ? y : apply2(vm, &uf_divide, ufunc_call1(vm, &uf_sin, y), y);
}

typedef struct Replacement { double nan, posinf, neginf; } Replacement;

#define REPLACE(S, LIMIT) \
static void replace_##S(char *p, int64_t n, Replacement r, bool has_pos, bool has_neg) \
{ \
    E_##S *x = (E_##S *)(void *)p; \
    for (int64_t i = 0; i < n; i++) \
        if (!(x[i] - x[i] == 0)) \
            x[i] = x[i] != x[i] ? r.nan : x[i] > 0 ? (has_pos ? r.posinf : LIMIT) : (has_neg ? r.neginf : -LIMIT); \
}
REPLACE(f64, DBL_MAX)
#undef REPLACE
#define REPLACE(S, LIMIT) \
static void replace_##S(char *p, int64_t n, Replacement r, bool has_pos, bool has_neg) \
{ \
    E_##S *x = (E_##S *)(void *)p; \
    for (int64_t i = 0; i < n; i++) \
        if (!(x[i] - x[i] == 0)) \
            x[i] = (float)(x[i] != x[i] ? r.nan : x[i] > 0 ? (has_pos ? r.posinf : LIMIT) : (has_neg ? r.neginf : -LIMIT)); \
}
REPLACE(f32, FLT_MAX)
#undef REPLACE

/* x, copy, nan, posinf, neginf */
static Value np_nan_to_num(VM *vm, const Args *args)
{
    const Value *v = args->v;
    Replacement r = { 0 };
    bool has_pos = v[3].tag != T_Unbound && v[3].tag != T_None, has_neg = v[4].tag != T_Unbound && v[4].tag != T_None;
    int copy = v[1].tag == T_Unbound ? 1 : arg_truth(vm, v[1]);
    if (copy < 0 || (v[2].tag != T_Unbound && arg_float(vm, v[2], &r.nan) != ALP_OK) ||
        (has_pos && arg_float(vm, v[3], &r.posinf) != ALP_OK) || (has_neg && arg_float(vm, v[4], &r.neginf) != ALP_OK))
        return V_ERR;
    Value a = array_from_value(vm, v[0], DT_COUNT);
    if (IS_ERR(a))
        return V_ERR;
    DType d = (DType)ARRAY(a)->dtype;
    if (copy || !ARRAY(a)->c_contig)
        value_set(vm, &a, array_copy(vm, a, d, 'C'));
    if (IS_ERR(a))
        return V_ERR;
    Array *x = ARRAY(a);
    if (d == DT_F64 || d == DT_C128)
        replace_f64(x->data, d == DT_C128 ? 2 * x->size : x->size, r, has_pos, has_neg);
    else if (d == DT_F32 || d == DT_C64)
        replace_f32(x->data, d == DT_C64 ? 2 * x->size : x->size, r, has_pos, has_neg);
    if (!copy && v[0].tag == T_Array && ARRAY(v[0]) != x && array_assign(vm, ARRAY(v[0]), a) != ALP_OK) {
        value_free(vm, a);
        return V_ERR;
    }
    return array_to_scalar(vm, a);
}

const NativeRow elementwise_numpy_rows[] = {
    { "clip", np_clip, "a, a_min=, a_max=, out=, *, min=, max=", "Limit values to [a_min, a_max]." },
    { "round", np_round, "a, decimals=, out=", "Round to a number of decimals, halves to even." },
    { "around", np_round, "a, decimals=, out=", "Round to a number of decimals, halves to even." },
    { "where", np_where, "condition, x=, y=, /", "x where the condition holds, else y; or the indices where it holds." },
    { "isclose", np_isclose, "a, b, rtol=, atol=, equal_nan=", "Are elements equal within a tolerance?" },
    { "allclose", np_allclose, "a, b, rtol=, atol=, equal_nan=", "Are all elements equal within a tolerance?" },
    { "array_equal", np_array_equal, "a1, a2, equal_nan=", "Same shape and equal elements?" },
    { "array_equiv", np_array_equiv, "a1, a2", "Equal elements after broadcasting?" },
    { "real", np_real, "val", "Real part." },
    { "imag", np_imag, "val", "Imaginary part." },
    { "angle", np_angle, "z, deg=", "Angle of complex numbers." },
    { "isreal", np_isreal, "x", "Which elements have no imaginary part?" },
    { "iscomplex", np_iscomplex, "x", "Which elements have an imaginary part?" },
    { "iscomplexobj", np_iscomplexobj, "x", "Is the dtype complex?" },
    { "isrealobj", np_isrealobj, "x", "Is the dtype not complex?" },
    { "isscalar", np_isscalar, "element", "Is it a number or string?" },
    { "isposinf", np_isposinf, "x", "Which elements are positive infinity?" },
    { "isneginf", np_isneginf, "x", "Which elements are negative infinity?" },
    { "sinc", np_sinc, "x", "sin(pi x) / (pi x)" },
    { "nan_to_num", np_nan_to_num, "x, copy=, nan=, posinf=, neginf=", "Replace NaN by 0 and infinities by the largest numbers.", NATIVE_WRITES },
    { NULL }
};
