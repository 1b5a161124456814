/* interp/npscalar_methods.c — NumPy scalars as objects: conversion (np.float32(x)), attributes, methods, rounding. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "interp/array.h"
#include "interp/format.h"
#include "interp/native.h"
#include "interp/ops.h"
#include "interp/residency.h"
#include "interp/seq.h"
#include "interp/str.h"

#define KIND(d) (dtype_info[d].kind)

/* ---- conversion ---------------------------------------------------------------------------------------------------------- */

/* The element's bytes, as an array would hold them. */
static void store_raw(Value v, char *p)
{
    float f;
    switch (v.tag) {
    case T_NpF32:
        f = (float)v.u.f;
        memcpy(p, &f, sizeof f);
        break;
    case T_NpC128:
        memcpy(p, &COMPLEX(v)->re, sizeof(double));
        memcpy(p + sizeof(double), &COMPLEX(v)->im, sizeof(double));
        break;
    default:                            /* little endian: the low bytes are the element */
        memcpy(p, &v.u, dtype_info[NP_DTYPE(v.tag)].size);
        break;
    }
}

static Value cast_scalar(VM *vm, DType to, Value v)
{
    char from_bytes[16], to_bytes[16];
    store_raw(v, from_bytes);
    array_cast(to, to_bytes, 0, NP_DTYPE(v.tag), from_bytes, 0, 1);
    return array_load(vm, to, to_bytes);
}

static Value int_scalar(VM *vm, DType to, int64_t x)
{
    Value v = { .tag = T_NP(to) };
    switch (KIND(to)) {
    case 'i': case 'u':
        if (!dtype_int_fits(to, x))
            return raise(vm, TY_OverflowError, "Python integer %lld out of bounds for %s", (long long)x, dtype_info[to].name);
        v.u.i = x;
        return v;
    default:
        return cast_scalar(vm, to, V_I64(x));
    }
}

/* Floats go to integers by way of int(). */
static Value float_scalar(VM *vm, DType to, double x)
{
    if (KIND(to) != 'i' && KIND(to) != 'u')
        return cast_scalar(vm, to, V_F64(x));
    if (to == DT_U64 && x >= 0x1p63 && x < 0x1p64)
        return (Value){ .tag = T_NpU64, .u.u = (uint64_t)x };
    if (to == DT_U32 && x >= 0x1p63 && x < 0x1p64)
        return raise(vm, TY_OverflowError, "Python integer %.0f out of bounds for %s", x, dtype_info[to].name);
    if (isfinite(x) && (x >= 0x1p63 || x < -0x1p63))
        return raise(vm, TY_OverflowError, "Python int too large to convert to C long");
    Value v = float_to_int(vm, x);
    return IS_ERR(v) ? v : int_scalar(vm, to, v.u.i);
}

static Value str_scalar(VM *vm, DType to, Value v)
{
    Value n;
    switch (KIND(to)) {
    case 'b':
        return V_NPBOOL(STR(v)->size > 0);
    case 'f':
        n = parse_float(vm, v);
        break;
    case 'c':
        n = parse_complex(vm, v);
        break;
    default:
        if (to == DT_U64 && STR(v)->size == strspn(STR(v)->text, "0123456789") && STR(v)->size >= 19) {
            errno = 0;
            uint64_t u = strtoull(STR(v)->text, NULL, 10);
            if (errno == 0)
                return (Value){ .tag = T_NpU64, .u.u = u };
        }
        n = parse_int(vm, v, 10);
        break;
    }
    if (IS_ERR(n))
        return n;
    Value r = npscalar_convert(vm, to, n);
    value_free(vm, n);
    return r;
}

static Value no_number(VM *vm, DType to, Value v)
{
    const char *name = value_type_name(v);
    switch (KIND(to)) {
    case 'f':
        return raise(vm, TY_TypeError, "float() argument must be a string or a real number, not '%s'", name);
    case 'c':
        return raise(vm, TY_TypeError, "must be real number, not %s", name);
    default:
        return raise(vm, TY_TypeError, "int() argument must be a string, a bytes-like object or a real number, not '%s'", name);
    }
}

static Value sequence_scalar(VM *vm, DType to, Value v)
{
    Value a = array_from_value(vm, v, v.tag == T_Array ? DT_COUNT : to), r;
    if (IS_ERR(a))
        return a;
    if (ARRAY(a)->ndim == 0) {
        r = value_to_host(vm, a, HOST_Read) == ALP_OK ? array_load(vm, (DType)ARRAY(a)->dtype, ARRAY(a)->data) : V_ERR;
        if (!IS_ERR(r))
            value_set(vm, &r, npscalar_convert(vm, to, r));
    } else if (ARRAY(a)->dtype == to && v.tag != T_Array) {
        return a;
    } else {
        r = array_copy(vm, a, to, 'K');
    }
    value_free(vm, a);
    return r;
}

Value npscalar_convert(VM *vm, DType to, Value v)
{
    if (IS_NPSCALAR(v))
        return NP_DTYPE(v.tag) == to ? value_ref(v) : cast_scalar(vm, to, v);
    switch (v.tag) {
    case T_Bool:
        return cast_scalar(vm, to, V_NPBOOL(v.u.i));
    case T_Int:
        return int_scalar(vm, to, v.u.i);
    case T_Float:
        return float_scalar(vm, to, v.u.f);
    case T_Complex:
        if (KIND(to) == 'c') {
            /* A NumPy complex128 has the same object layout. */
            v.tag = T_NpC128;
            return to == DT_C64 ? cast_scalar(vm, to, v) : npc128_new(vm, COMPLEX(v)->re, COMPLEX(v)->im);
        }
        break;
    case T_Str:
        return str_scalar(vm, to, v);
    case T_None:
        if (KIND(to) == 'f' || KIND(to) == 'c')
            return to == DT_C128 ? npc128_new(vm, NAN, NAN)
                 : to == DT_C64 ? (Value){ .tag = T_NpC64, .u.c64 = { NAN, NAN } } : cast_scalar(vm, to, V_F64(NAN));
        break;
    case T_Array: case T_List: case T_Tuple: case T_Range:
        return sequence_scalar(vm, to, v);
    default:
        break;
    }
    if (to == DT_Bool) {
        int t = op_truth(vm, v);
        return t < 0 ? V_ERR : V_NPBOOL(t);
    }
    return no_number(vm, to, v);
}

/* The Python number of the same value: v.item(). */
Value npscalar_item(VM *vm, Value v)
{
    double re, im;
    switch (KIND(NP_DTYPE(v.tag))) {
    case 'b':
        return V_BOOL(v.u.i);
    case 'i':
        return V_INT(v.u.i);
    case 'u':
        if (v.tag == T_NpU64 && v.u.u > INT64_MAX)
            return raise_int_range(vm);
        return V_INT(v.u.i);
    case 'f':
        return V_FLOAT(v.u.f);
    default:
        value_as_complex(v, &re, &im);
        return complex_new(vm, re, im);
    }
}

/* ---- round --------------------------------------------------------------------------------------------------------------- */

static double power_of_ten(int64_t n)
{
    static const double table[] = { 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8 };
    return n < (int64_t)COUNT_OF(table) ? table[n] : pow(10.0, (double)n);
}

/* Scale, round to an integer, scale back, all in the scalar's precision: np.round's way, which may round twice. */
static double round_scaled(double x, bool single, int64_t n)
{
    if (n == 0)
        return rint(x);
    double unit = power_of_ten(n < 0 ? -(n < -400 ? -400 : n) : n);
    if (single) {
        float u = (float)unit, f = (float)x;
        return n > 0 ? rintf(f * u) / u : rintf(f / u) * u;
    }
    return n > 0 ? rint(x * unit) / unit : rint(x / unit) * unit;
}

static Value round_decimals(VM *vm, Value v, int64_t n)
{
    DType d = NP_DTYPE(v.tag);
    double x, re, im;
    switch (KIND(d)) {
    case 'f':
        v.u.f = round_scaled(v.u.f, d == DT_F32, n);
        return v;
    case 'c':
        value_as_complex(v, &re, &im);
        re = round_scaled(re, d == DT_C64, n);
        im = round_scaled(im, d == DT_C64, n);
        if (d == DT_C128)
            return npc128_new(vm, re, im);
        v.u.c64.re = (float)re;
        v.u.c64.im = (float)im;
        return v;
    default:
        if (n >= 0)
            return v;
        value_as_double(v, &x);
        return cast_scalar(vm, d, V_F64(round_scaled(x, false, n)));
    }
}

Value npscalar_round(VM *vm, Value a, Value ndigits)
{
    char kind = KIND(NP_DTYPE(a.tag));
    int64_t n;
    if (kind == 'b' || kind == 'c')
        return raise(vm, TY_TypeError, "type %s doesn't define __round__ method", value_type_name(a));
    if (ndigits.tag == T_None)
        return kind == 'f' ? float_to_int(vm, rint(a.u.f)) : npscalar_item(vm, a);
    return arg_int(vm, ndigits, &n) == ALP_OK ? round_decimals(vm, a, n) : V_ERR;
}

/* ---- attributes ------------------------------------------------------------------------------------------------------------ */

const char *const npscalar_attr_names[] = {
    "T", "base", "denominator", "device", "dtype", "imag", "itemsize", "nbytes", "ndim", "numerator", "real", "shape", "size",
    "strides", NULL,
};

static Value real_or_imag(VM *vm, Value v, bool imag)
{
    switch (v.tag) {
    case T_NpC64:
        return (Value){ .tag = T_NpF32, .u.f = imag ? v.u.c64.im : v.u.c64.re };
    case T_NpC128:
        return V_F64(imag ? COMPLEX(v)->im : COMPLEX(v)->re);
    default:
        if (imag)
            memset(&v.u, 0, sizeof v.u);
        return v;
    }
}

Value npscalar_attr(VM *vm, Value v, const char *name)
{
    DType d = NP_DTYPE(v.tag);
    bool integer = KIND(d) == 'i' || KIND(d) == 'u';
    if (!strcmp(name, "real") || !strcmp(name, "imag"))
        return real_or_imag(vm, v, name[0] == 'i');
    if (!strcmp(name, "dtype"))
        return V_DTYPE(d);
    if (!strcmp(name, "shape") || !strcmp(name, "strides"))
        return tuple_new(vm, NULL, 0);
    if (!strcmp(name, "ndim"))
        return V_INT(0);
    if (!strcmp(name, "size"))
        return V_INT(1);
    if (!strcmp(name, "itemsize") || !strcmp(name, "nbytes"))
        return V_INT(dtype_info[d].size);
    if (!strcmp(name, "T") || (integer && !strcmp(name, "numerator")))
        return value_ref(v);
    if (integer && !strcmp(name, "denominator"))
        return V_INT(1);
    if (!strcmp(name, "base"))
        return V_NONE;
    if (!strcmp(name, "device"))
        return str_z(vm, "cpu");
    return V_UNBOUND;
}

/* ---- methods --------------------------------------------------------------------------------------------------------------- */

static Value no_attribute(VM *vm, Value v)
{
    return raise(vm, TY_AttributeError, "'%s' object has no attribute '%s'", value_type_name(v), native_running(vm)->row->name);
}

static Value method_item(VM *vm, const Args *args)
{
    int64_t i;
    if (args->n_rest > 1)
        return raise(vm, TY_ValueError, "incorrect number of indices for array");
    if (args->n_rest == 1) {
        if (arg_int(vm, args->rest[0], &i) != ALP_OK)
            return V_ERR;
        if (i != 0 && i != -1)
            return raise(vm, TY_IndexError, "index %lld is out of bounds for size 1", (long long)i);
    }
    return npscalar_item(vm, args->v[0]);
}

static Value method_tolist(VM *vm, const Args *args)
{
    return npscalar_item(vm, args->v[0]);
}

static Value method_astype(VM *vm, const Args *args)
{
    DType d;
    return dtype_arg(vm, args->v[1], DT_F64, &d) == ALP_OK ? npscalar_convert(vm, d, args->v[0]) : V_ERR;
}

static Value method_self(VM *vm, const Args *args)
{
    return value_ref(args->v[0]);
}

static Value method_conjugate(VM *vm, const Args *args)
{
    Value v = args->v[0];
    if (v.tag == T_NpC128)
        return npc128_new(vm, COMPLEX(v)->re, -COMPLEX(v)->im);
    if (v.tag == T_NpC64)
        v.u.c64.im = -v.u.c64.im;
    return v;
}

static Value method_round(VM *vm, const Args *args)
{
    int64_t n = 0;
    if (args->v[1].tag != T_Unbound && arg_int(vm, args->v[1], &n) != ALP_OK)
        return V_ERR;
    return round_decimals(vm, args->v[0], n);
}

static Value method_is_integer(VM *vm, const Args *args)
{
    Value v = args->v[0];
    switch (KIND(NP_DTYPE(v.tag))) {
    case 'i': case 'u':
        return V_BOOL(true);
    case 'f':
        return V_BOOL(isfinite(v.u.f) && v.u.f == floor(v.u.f));
    default:
        return no_attribute(vm, v);
    }
}

static Value method_bit_count(VM *vm, const Args *args)
{
    Value v = args->v[0];
    switch (KIND(NP_DTYPE(v.tag))) {
    case 'i':
        return V_INT(__builtin_popcountll(v.u.i < 0 ? 0 - v.u.u : v.u.u));
    case 'u':
        return V_INT(__builtin_popcountll(v.u.u));
    default:
        return no_attribute(vm, v);
    }
}

/* Methods that a float of Python has under the same name: as_integer_ratio, and hex, which only np.float64 inherits. */
static Value method_of_float(VM *vm, const Args *args)
{
    Value v = args->v[0];
    const char *name = native_running(vm)->row->name;
    if (v.tag != T_NpF64 && (v.tag != T_NpF32 || !strcmp(name, "hex")))
        return no_attribute(vm, v);
    const NativeRow *row = number_methods_float;
    while (strcmp(row->name, name) != 0)
        row++;
    Value x = V_FLOAT(v.u.f);
    return row->fn(vm, &(Args){ .v = &x });
}

/* Whatever an array can do, a scalar can: as an array without axes. */
static Value method_of_array(VM *vm, const Args *args)
{
    const Native *self = native_running(vm);
    Value named[NATIVE_MAX_PARAMS], pass[NATIVE_MAX_PARAMS + ALP_MAX_NDIM + 1], method = V_ERR, r = V_ERR;
    Sym kw[NATIVE_MAX_PARAMS];
    uint32_t n_kw = 0;
    for (uint32_t k = 0; k < self->n_params; k++)
        if (args->v[k + 1].tag != T_Unbound) {
            named[n_kw] = args->v[k + 1];
            kw[n_kw++] = self->param[k];
        }
    Value a = array_from_value(vm, args->v[0], DT_COUNT);
    if (IS_ERR(a))
        return a;
    Sym name = intern_z(vm->names, self->row->name);
    method = name == SYM_NONE ? raise_nomem(vm) : attr_get(vm, a, name);
    if (!IS_ERR(method)) {
        /* Surplus positional arguments first; more than an array may have axes are an error anyway. */
        uint32_t n_rest = args->n_rest <= ALP_MAX_NDIM + 1 ? args->n_rest : ALP_MAX_NDIM + 1;
        if (n_rest)
            memcpy(pass, args->rest, n_rest * sizeof *pass);
        memcpy(pass + n_rest, named, n_kw * sizeof *pass);
        r = vm_call(vm, method, pass, n_rest, kw, n_kw);
        value_free(vm, method);
    }
    value_free(vm, a);
    if (r.tag == T_Array && ARRAY(r)->ndim == 0)
        value_set(vm, &r, array_load(vm, (DType)ARRAY(r)->dtype, ARRAY(r)->data));
    return r;
}

#define REDUCTION "axis=, dtype=, out=, keepdims="
#define EXTREME   "axis=, out=, keepdims="
#define SPREAD    "axis=, dtype=, out=, ddof=, keepdims="
#define DOC       "Scalar method identical to the corresponding array attribute."

const NativeRow npscalar_methods[] = {
    { "item", method_item, "*args", "The value as a standard Python scalar." },
    { "tolist", method_tolist, "", "The value as a standard Python scalar." },
    { "astype", method_astype, "dtype, order=, casting=, subok=, copy=", "The value converted to another dtype." },
    { "copy", method_self, "order=", DOC },
    { "conjugate", method_conjugate, "", "The complex conjugate." },
    { "conj", method_conjugate, "", "The complex conjugate." },
    { "round", method_round, "decimals=, out=", "The value rounded to a number of decimals." },
    { "is_integer", method_is_integer, "", "Whether the value is integral." },
    { "bit_count", method_bit_count, "", "The number of 1-bits in the absolute value." },
    { "as_integer_ratio", method_of_float, "", "A pair of integers whose ratio is the value." },
    { "hex", method_of_float, "", "A hexadecimal representation of the value." },
    { "all", method_of_array, EXTREME, DOC },
    { "any", method_of_array, EXTREME, DOC },
    { "argmax", method_of_array, EXTREME, DOC },
    { "argmin", method_of_array, EXTREME, DOC },
    { "clip", method_of_array, "min=, max=", DOC },
    { "cumprod", method_of_array, "axis=, dtype=", DOC },
    { "cumsum", method_of_array, "axis=, dtype=", DOC },
    { "flatten", method_of_array, "order=", DOC },
    { "max", method_of_array, EXTREME, DOC },
    { "mean", method_of_array, REDUCTION, DOC },
    { "min", method_of_array, EXTREME, DOC },
    { "prod", method_of_array, REDUCTION, DOC },
    { "ravel", method_of_array, "order=", DOC },
    { "repeat", method_of_array, "repeats, axis=", DOC },
    { "reshape", method_of_array, "*shape, order=", DOC },
    { "squeeze", method_of_array, "axis=", DOC },
    { "std", method_of_array, SPREAD, DOC },
    { "sum", method_of_array, REDUCTION, DOC },
    { "transpose", method_of_array, "*axes", DOC },
    { "var", method_of_array, SPREAD, DOC },
    { NULL },
};
