/* interp/type_call.c — types called: int("3"), float(x), range(3), np.float32(x), ValueError("text") …
 *
 * Each type binds its arguments itself: their errors have a different text for nearly every type. */
#include <math.h>
#include <string.h>

#include "interp/array.h"
#include "interp/format.h"
#include "interp/iter.h"
#include "interp/native.h"
#include "interp/ops.h"
#include "interp/residency.h"
#include "interp/seq.h"
#include "interp/stream.h"

/* The arguments of a call: v[n_pos + k] has the name kw[k]. */
typedef struct Call {
    const Value *v;
    uint32_t     n_pos, n_kw;
    const Sym   *kw;
} Call;

static const char *keyword(VM *vm, const Call *c, uint32_t k)
{
    return intern_text(vm->names, c->kw[k]);
}

/* "float expected at most 1 argument, got 2", "float() takes no keyword arguments" */
static Status positional(VM *vm, const Call *c, const char *name, uint32_t min, uint32_t max)
{
    if (c->n_kw) {
        raise(vm, TY_TypeError, "%s() takes no keyword arguments", name);
        return ALP_FAIL;
    }
    if (c->n_pos >= min && c->n_pos <= max)
        return ALP_OK;
    bool few = c->n_pos < min;
    uint32_t limit = few ? min : max;
    raise(vm, TY_TypeError, "%s expected %s%u argument%s, got %u", name, min == max ? "" : few ? "at least " : "at most ", limit,
          limit == 1 ? "" : "s", c->n_pos);
    return ALP_FAIL;
}

/* Up to two parameters that may be given by name; NULL: by position only.  Missing ones stay T_Unbound. */
static Status two_params(VM *vm, const Call *c, const char *name, const char *const param[2], Value out[2])
{
    out[0] = out[1] = V_UNBOUND;
    if (c->n_pos + c->n_kw > 2) {
        raise(vm, TY_TypeError, "%s() takes at most 2 arguments (%u given)", name, c->n_pos + c->n_kw);
        return ALP_FAIL;
    }
    for (uint32_t i = 0; i < c->n_pos; i++)
        out[i] = c->v[i];
    for (uint32_t k = 0; k < c->n_kw; k++) {
        const char *kw = keyword(vm, c, k);
        int at = param[0] && !strcmp(kw, param[0]) ? 0 : !strcmp(kw, param[1]) ? 1 : -1;
        if (at < 0) {
            raise(vm, TY_TypeError, "'%s' is an invalid keyword argument for %s()", kw, name);
            return ALP_FAIL;
        }
        if (out[at].tag != T_Unbound) {
            raise(vm, TY_TypeError, "argument for %s() given by name ('%s') and position (%d)", name, kw, at + 1);
            return ALP_FAIL;
        }
        out[at] = c->v[c->n_pos + k];
    }
    return ALP_OK;
}

static Value cannot_create(VM *vm, TypeId t)
{
    return raise(vm, TY_TypeError, "cannot create '%s' instances", type_qualname(t));
}

/* ---- numbers --------------------------------------------------------------------------------------------------------------- */

/* The scalar in an array without axes; other arrays are no numbers. */
static Value array_scalar(VM *vm, Value v)
{
    if (ARRAY(v)->ndim > 0)
        return raise(vm, TY_TypeError, "only 0-dimensional arrays can be converted to Python scalars");
    if (value_to_host(vm, v, HOST_Read) != ALP_OK)
        return V_ERR;
    return array_load(vm, (DType)ARRAY(v)->dtype, ARRAY(v)->data);
}

static Value to_int(VM *vm, Value v)
{
    double re, im;
    int64_t i;
    if (v.tag == T_Str)
        return parse_int(vm, v, 10);
    if (v.tag == T_Array) {
        v = array_scalar(vm, v);
        Value r = IS_ERR(v) ? v : to_int(vm, v);
        value_free(vm, v);
        return r;
    }
    if (value_as_int(v, &i))
        return V_INT(i);
    if (v.tag == T_NpBool || v.tag == T_NpU64)
        v = npscalar_item(vm, v);
    if (v.tag == T_Bool || IS_ERR(v))
        return IS_ERR(v) ? v : V_INT(v.u.i);
    if (v.tag != T_Complex && value_as_complex(v, &re, &im))
        return float_to_int(vm, re);
    return raise(vm, TY_TypeError, "int() argument must be a string, a bytes-like object or a real number, not '%s'",
                 value_type_name(v));
}

static Value call_int(VM *vm, const Call *c)
{
    Value arg[2];
    int64_t base;
    if (two_params(vm, c, "int", (const char *const[]){ NULL, "base" }, arg) != ALP_OK)
        return V_ERR;
    if (arg[0].tag == T_Unbound)
        return arg[1].tag == T_Unbound ? V_INT(0) : raise(vm, TY_TypeError, "int() missing string argument");
    if (arg[1].tag == T_Unbound)
        return to_int(vm, arg[0]);
    if (arg_int(vm, arg[1], &base) != ALP_OK)
        return V_ERR;
    if (base != 0 && (base < 2 || base > 36))
        return raise(vm, TY_ValueError, "int() base must be >= 2 and <= 36, or 0");
    if (arg[0].tag != T_Str)
        return raise(vm, TY_TypeError, "int() can't convert non-string with explicit base");
    return parse_int(vm, arg[0], base);
}

static Value call_float(VM *vm, const Call *c)
{
    double re, im;
    if (positional(vm, c, "float", 0, 1) != ALP_OK)
        return V_ERR;
    if (c->n_pos == 0)
        return V_FLOAT(0.0);
    Value v = c->v[0];
    if (v.tag == T_Str)
        return parse_float(vm, v);
    if (v.tag == T_Array) {
        v = array_scalar(vm, v);
        bool ok = !IS_ERR(v) && value_as_complex(v, &re, &im);
        value_free(vm, v);
        return ok ? V_FLOAT(re) : V_ERR;
    }
    if (v.tag != T_Complex && value_as_complex(v, &re, &im))
        return V_FLOAT(re);
    return raise(vm, TY_TypeError, "float() argument must be a string or a real number, not '%s'", value_type_name(v));
}

/* A part of complex(): false, with the exception, if it is no number. */
static bool complex_part(VM *vm, Value v, const char *refusal, double *re, double *im)
{
    if (v.tag == T_Array) {
        v = array_scalar(vm, v);
        bool ok = !IS_ERR(v) && value_as_complex(v, re, im);
        value_free(vm, v);
        return ok;
    }
    if (value_as_complex(v, re, im))
        return true;
    raise(vm, TY_TypeError, "complex() %s, not '%s'", refusal, value_type_name(v));
    return false;
}

static bool is_complex(Value v)
{
    return v.tag == T_Complex || v.tag == T_NpC64 || v.tag == T_NpC128;
}

static Value call_complex(VM *vm, const Call *c)
{
    Value arg[2];
    double re = 0, im = 0, re2 = 0, im2 = 0;
    if (two_params(vm, c, "complex", (const char *const[]){ "real", "imag" }, arg) != ALP_OK)
        return V_ERR;
    bool second = arg[1].tag != T_Unbound;
    if (arg[0].tag == T_Str) {
        if (second)
            return raise(vm, TY_TypeError, "complex() can't take second arg if first is a string");
        return parse_complex(vm, arg[0]);
    }
    if (second && arg[1].tag == T_Str)
        return raise(vm, TY_TypeError, "complex() second arg can't be a string");
    if (arg[0].tag != T_Unbound && !complex_part(vm, arg[0], "first argument must be a string or a number", &re, &im))
        return V_ERR;
    if (!second)
        return complex_new(vm, re, im);
    if (!complex_part(vm, arg[1], "second argument must be a number", &re2, &im2))
        return V_ERR;
    /* real + imag * 1j, without touching the sign of a zero that takes no part in it */
    if (is_complex(arg[1]))
        re -= im2;
    if (is_complex(arg[0]))
        re2 += im;
    return complex_new(vm, re, re2);
}

static Value call_bool(VM *vm, const Call *c)
{
    if (positional(vm, c, "bool", 0, 1) != ALP_OK)
        return V_ERR;
    int t = c->n_pos ? op_truth(vm, c->v[0]) : 0;
    return t < 0 ? V_ERR : V_BOOL(t);
}

static Value call_npscalar(VM *vm, TypeId t, const Call *c)
{
    DType d = (DType)(t - TY_np_bool);
    bool complex_kind = d == DT_C64 || d == DT_C128;
    uint32_t max = complex_kind ? 2 : 1;
    if (c->n_kw)
        return raise(vm, TY_TypeError, "'%s' is an invalid keyword argument for this function", keyword(vm, c, 0));
    if (c->n_pos > max && d == DT_F64)
        return raise(vm, TY_TypeError, "float expected at most 1 argument, got %u", c->n_pos);
    if (c->n_pos > max)
        return raise(vm, TY_TypeError, "%s takes at most %u argument%s (%u given)", d == DT_Bool ? "bool_()" : "function", max,
                     max == 1 ? "" : "s", c->n_pos);
    if (c->n_pos < 2)
        return npscalar_convert(vm, d, c->n_pos ? c->v[0] : V_INT(0));
    double re, im;
    if (!value_as_double(c->v[0], &re) || !value_as_double(c->v[1], &im)) {
        Value args = tuple_new(vm, c->v, 2), text = IS_ERR(args) ? V_ERR : value_repr(vm, args);
        if (!IS_ERR(text))
            raise(vm, TY_TypeError, "Could not convert arguments into a complex scalar. '%s' given.", STR(text)->text);
        value_free(vm, args);
        value_free(vm, text);
        return V_ERR;
    }
    if (d == DT_C128)
        return npc128_new(vm, re, im);
    return (Value){ .tag = T_NpC64, .u.c64 = { (float)re, (float)im } };
}

/* ---- texts and sequences ----------------------------------------------------------------------------------------------------- */

static Value call_str(VM *vm, const Call *c)
{
    if (c->n_pos + c->n_kw > 3)
        return raise(vm, TY_TypeError, "str() takes at most 3 arguments (%u given)", c->n_pos + c->n_kw);
    if (c->n_kw && strcmp(keyword(vm, c, 0), "object") != 0)
        return raise(vm, TY_TypeError, "'%s' is an invalid keyword argument for str()", keyword(vm, c, 0));
    if (c->n_pos + c->n_kw == 0)
        return str_z(vm, "");
    if (c->n_pos + c->n_kw == 1)
        return value_str(vm, c->v[0]);
    if (c->v[1].tag != T_Str)
        return raise(vm, TY_TypeError, "str() argument 'encoding' must be str, not %s", value_type_name(c->v[1]));
    if (c->v[0].tag == T_Str)
        return raise(vm, TY_TypeError, "decoding str is not supported");
    return raise(vm, TY_TypeError, "decoding to str: need a bytes-like object, %s found", value_type_name(c->v[0]));
}

static Value call_list(VM *vm, const Call *c)
{
    if (positional(vm, c, "list", 0, 1) != ALP_OK)
        return V_ERR;
    return c->n_pos ? seq_to_list(vm, c->v[0]) : list_new(vm, NULL, 0);
}

static Value call_tuple(VM *vm, const Call *c)
{
    if (positional(vm, c, "tuple", 0, 1) != ALP_OK)
        return V_ERR;
    return c->n_pos ? seq_to_tuple(vm, c->v[0]) : tuple_new(vm, NULL, 0);
}

static Value call_range(VM *vm, const Call *c)
{
    int64_t bound[3] = { 0, 0, 1 };
    if (positional(vm, c, "range", 1, 3) != ALP_OK)
        return V_ERR;
    for (uint32_t i = 0; i < c->n_pos; i++)
        if (arg_int(vm, c->v[i], &bound[c->n_pos == 1 ? 1 : i]) != ALP_OK)
            return V_ERR;
    return range_new(vm, bound[0], bound[1], bound[2]);
}

static Value call_slice(VM *vm, const Call *c)
{
    if (positional(vm, c, "slice", 1, 3) != ALP_OK)
        return V_ERR;
    if (c->n_pos == 1)
        return slice_new(vm, V_NONE, c->v[0], V_NONE);
    return slice_new(vm, c->v[0], c->v[1], c->n_pos == 3 ? c->v[2] : V_NONE);
}

static Value call_enumerate(VM *vm, const Call *c)
{
    static const char *const names[] = { "iterable", "start" };
    Value arg[2];
    int64_t start = 0;
    if (two_params(vm, c, "enumerate", names, arg) != ALP_OK)
        return V_ERR;
    if (arg[0].tag == T_Unbound && c->n_kw)
        return raise(vm, TY_TypeError, "'%s' is an invalid keyword argument for enumerate()", keyword(vm, c, 0));
    if (arg[0].tag == T_Unbound)
        return raise(vm, TY_TypeError, "enumerate() missing required argument 'iterable'");
    if (arg[1].tag != T_Unbound && arg_int(vm, arg[1], &start) != ALP_OK)
        return V_ERR;
    return iter_enumerate(vm, arg[0], start);
}

static Value call_zip(VM *vm, const Call *c)
{
    int strict = 0;
    for (uint32_t k = 0; k < c->n_kw; k++) {
        if (strcmp(keyword(vm, c, k), "strict") != 0)
            return raise(vm, TY_TypeError, "'%s' is an invalid keyword argument for zip()", keyword(vm, c, k));
        strict = op_truth(vm, c->v[c->n_pos + k]);
        if (strict < 0)
            return V_ERR;
    }
    return strict ? iter_zip_strict(vm, c->v, c->n_pos) : iter_zip(vm, c->v, c->n_pos);
}

static Value call_reversed(VM *vm, const Call *c)
{
    return positional(vm, c, "reversed", 1, 1) == ALP_OK ? iter_reversed(vm, c->v[0]) : V_ERR;
}

/* ---- the rest ------------------------------------------------------------------------------------------------------------------ */

static Value call_type(VM *vm, const Call *c)
{
    if (c->n_pos == 1 && c->n_kw)
        return raise(vm, TY_TypeError, "type() takes no keyword arguments");
    if (c->n_pos == 3)
        return raise(vm, TY_TypeError, "classes are not part of alpy");
    if (c->n_pos != 1)
        return raise(vm, TY_TypeError, "type() takes 1 or 3 arguments");
    return V_TYPE(value_type(c->v[0]));
}

static Value call_singleton(VM *vm, const Call *c, Value only, const char *name)
{
    return c->n_pos + c->n_kw ? raise(vm, TY_TypeError, "%s takes no arguments", name) : only;
}

static Value call_dtype(VM *vm, const Call *c)
{
    DType d;
    if (c->n_pos + c->n_kw == 0)
        return raise(vm, TY_TypeError, "dtype() missing required argument 'dtype' (pos 1)");
    if (c->n_kw && strcmp(keyword(vm, c, 0), "dtype") != 0)
        return raise(vm, TY_TypeError, "'%s' is an invalid keyword argument for dtype()", keyword(vm, c, 0));
    return dtype_arg(vm, c->v[0], DT_F64, &d) == ALP_OK ? V_DTYPE(d) : V_ERR;
}

static Value call_ndarray(VM *vm, const Call *c)
{
    Value arg[2];
    DType d;
    int ndim;
    int64_t shape[ALP_MAX_NDIM];
    if (two_params(vm, c, "ndarray", (const char *const[]){ "shape", "dtype" }, arg) != ALP_OK)
        return V_ERR;
    if (arg[0].tag == T_Unbound)
        return raise(vm, TY_TypeError, "ndarray() missing required argument 'shape' (pos 1)");
    if (shape_arg(vm, arg[0], &ndim, shape) != ALP_OK || dtype_arg(vm, arg[1], DT_F64, &d) != ALP_OK)
        return V_ERR;
    return array_new(vm, d, ndim, shape, true);
}

static Value call_exception(VM *vm, TypeId t, const Call *c)
{
    if (c->n_kw)
        return raise(vm, TY_TypeError, "%s() takes no keyword arguments", type_name(t));
    Value args = tuple_new(vm, c->v, c->n_pos);
    if (IS_ERR(args))
        return args;
    Exc *e = obj_new(vm, T_Exc, sizeof *e);
    if (!e) {
        value_free(vm, args);
        return V_ERR;
    }
    e->type = t;
    e->args = args;
    return V_OBJ(e);
}

Value type_call(VM *vm, TypeId t, const Value *args, uint32_t n_args, const Sym *kw, uint32_t n_kw)
{
    Call c = { .v = args, .n_pos = n_args, .n_kw = n_kw, .kw = kw };
    if (type_is_exception(t))
        return call_exception(vm, t, &c);
    if (t >= TY_np_bool && t <= TY_np_complex128)
        return call_npscalar(vm, t, &c);
    switch (t) {
    case TY_int:        return call_int(vm, &c);
    case TY_float:      return call_float(vm, &c);
    case TY_bool:       return call_bool(vm, &c);
    case TY_complex:    return call_complex(vm, &c);
    case TY_str:        return call_str(vm, &c);
    case TY_list:       return call_list(vm, &c);
    case TY_tuple:      return call_tuple(vm, &c);
    case TY_range:      return call_range(vm, &c);
    case TY_slice:      return call_slice(vm, &c);
    case TY_enumerate:  return call_enumerate(vm, &c);
    case TY_zip:        return call_zip(vm, &c);
    case TY_reversed:   return call_reversed(vm, &c);
    case TY_type:       return call_type(vm, &c);
    case TY_NoneType:   return call_singleton(vm, &c, V_NONE, "NoneType");
    case TY_ellipsis:   return call_singleton(vm, &c, V_ELLIPSIS, "EllipsisType");
    case TY_dtype:      return call_dtype(vm, &c);
    case TY_ndarray:    return call_ndarray(vm, &c);
    case TY_tqdm:       return tqdm_new(vm, args, n_args, kw, n_kw);
    default:            return cannot_create(vm, t);
    }
}
