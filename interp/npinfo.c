/* interp/npinfo.c — functions of numpy about dtypes and memory: finfo, iinfo, promote_types, can_cast, shares_memory, seterr. */
#include <float.h>
#include <inttypes.h>
#include <stdio.h>

#include "interp/array_util.h"
#include "interp/format.h"
#include "interp/nditer.h"
#include "interp/numpy_rows.h"
#include "interp/ops.h"
#include "interp/str.h"
#include "interp/ufunc.h"

/* ---- limits of number types ---------------------------------------------------------------------------------------------- */
typedef struct Info { DType dtype; } Info;
#define INFO(v) ((const Info *)(const void *)FOREIGN(v)->data)

static const struct FloatLimit { const char *name; double f64; float f32; } float_limit[] = {
    { "eps", DBL_EPSILON, FLT_EPSILON },
    { "epsneg", DBL_EPSILON / 2, FLT_EPSILON / 2 },
    { "max", DBL_MAX, FLT_MAX },
    { "min", -DBL_MAX, -FLT_MAX },
    { "tiny", DBL_MIN, FLT_MIN },
    { "smallest_normal", DBL_MIN, FLT_MIN },
    { "smallest_subnormal", 0x1p-1074, 0x1p-149f },
    { "resolution", 1e-15, 1e-6f },
};

static const struct FloatSize { const char *name; int f64, f32; } float_size[] = {
    { "bits", 64, 32 }, { "precision", 15, 6 }, { "nmant", 52, 23 }, { "nexp", 11, 8 }, { "maxexp", 1024, 128 }, { "minexp", -1022, -126 },
    { "machep", -52, -23 }, { "negep", -53, -24 }, { "iexp", 11, 8 },
};

static Value finfo_getattr(VM *vm, Value self, const char *name)
{
    DType d = INFO(self)->dtype;
    for (size_t k = 0; k < COUNT_OF(float_limit); k++)
        if (!strcmp(name, float_limit[k].name))
            return d == DT_F64 ? V_F64(float_limit[k].f64) : (Value){ .tag = T_NpF32, .u.f = float_limit[k].f32 };
    for (size_t k = 0; k < COUNT_OF(float_size); k++)
        if (!strcmp(name, float_size[k].name))
            return V_INT(d == DT_F64 ? float_size[k].f64 : float_size[k].f32);
    return strcmp(name, "dtype") ? V_UNBOUND : V_DTYPE(d);
}

static Value finfo_repr(VM *vm, Value self)
{
    StrBuf sb;
    sb_init(&sb, vm);
    static const char *const shown[] = { "resolution", "min", "max" };
    sb_putz(&sb, "finfo(");
    for (size_t k = 0; k < COUNT_OF(shown); k++) {
        sb_printf(&sb, "%s=", shown[k]);
        sb_put_value(&sb, finfo_getattr(vm, self, shown[k]));
        sb_putz(&sb, ", ");
    }
    sb_printf(&sb, "dtype=%s)", dtype_info[INFO(self)->dtype].name);
    return sb_finish(&sb);
}

static Value iinfo_getattr(VM *vm, Value self, const char *name)
{
    DType d = INFO(self)->dtype;
    int64_t min;
    uint64_t max;
    dtype_int_range(d, &min, &max);
    if (!strcmp(name, "min"))
        return V_INT(min);
    if (!strcmp(name, "max"))
        return max > INT64_MAX ? raise(vm, TY_OverflowError, "integer %" PRIu64 " does not fit in 64 bits", max) : V_INT((int64_t)max);
    if (!strcmp(name, "bits"))
        return V_INT(dtype_info[d].size * 8);
    if (!strcmp(name, "kind"))
        return str_new(vm, &dtype_info[d].kind, 1);
    return strcmp(name, "dtype") ? V_UNBOUND : V_DTYPE(d);
}

static Value iinfo_repr(VM *vm, Value self)
{
    int64_t min;
    uint64_t max;
    dtype_int_range(INFO(self)->dtype, &min, &max);
    return str_fmt(vm, "iinfo(min=%" PRId64 ", max=%" PRIu64 ", dtype=%s)", min, max, dtype_info[INFO(self)->dtype].name);
}

static const ForeignClass finfo_class = { .name = "finfo", .module = "numpy", .getattr = finfo_getattr, .repr = finfo_repr };
static const ForeignClass iinfo_class = { .name = "iinfo", .module = "numpy", .getattr = iinfo_getattr, .repr = iinfo_repr };

static Value info_new(VM *vm, const ForeignClass *cls, DType d)
{
    Value v = foreign_new(vm, cls, sizeof(Info));
    if (!IS_ERR(v))
        *(Info *)(void *)FOREIGN(v)->data = (Info){ d };
    return v;
}

/* A dtype, or a value that has one. */
static Status dtype_like_arg(VM *vm, Value v, DType *d)
{
    *d = value_dtype(v);
    return *d != DT_COUNT ? ALP_OK : dtype_arg(vm, v, DT_F64, d);
}

static Value np_finfo(VM *vm, const Args *args)
{
    DType d;
    if (dtype_like_arg(vm, args->v[0], &d) != ALP_OK)
        return V_ERR;
    if (dtype_info[d].kind == 'c')
        d = d == DT_C64 ? DT_F32 : DT_F64;
    if (dtype_info[d].kind != 'f')
        return raise(vm, TY_ValueError, "data type <class '%s'> not inexact", type_qualname(TY_np_bool + d));
    return info_new(vm, &finfo_class, d);
}

static Value np_iinfo(VM *vm, const Args *args)
{
    DType d;
    if (dtype_like_arg(vm, args->v[0], &d) != ALP_OK)
        return V_ERR;
    if (!strchr("iu", dtype_info[d].kind))
        return raise(vm, TY_ValueError, "Invalid integer data type '%c'.", dtype_info[d].kind);
    return info_new(vm, &iinfo_class, d);
}

/* ---- promotion ------------------------------------------------------------------------------------------------------------ */
static Value np_promote_types(VM *vm, const Args *args)
{
    DType a, b;
    if (dtype_arg(vm, args->v[0], DT_F64, &a) != ALP_OK || dtype_arg(vm, args->v[1], DT_F64, &b) != ALP_OK)
        return V_ERR;
    return V_DTYPE(dtype_promote(a, b));
}

static Value np_result_type(VM *vm, const Args *args)
{
    DType d = DT_COUNT;
    if (args->n_rest == 0)
        return raise(vm, TY_ValueError, "at least one array or dtype is required");
    for (int weak = 0; weak < 2; weak++)
        for (uint32_t k = 0; k < args->n_rest; k++) {
            Value v = args->rest[k];
            bool is_weak = v.tag == T_Int || v.tag == T_Float || v.tag == T_Complex;
            DType own;
            if (is_weak != (bool)weak)
                continue;
            if (dtype_like_arg(vm, v, &own) != ALP_OK)
                return V_ERR;
            if (d == DT_COUNT)
                d = own;
            else if (weak)
                d = dtype_promote_weak(d, v);
            else
                d = dtype_promote(d, own);
        }
    return V_DTYPE(d);
}

/* from_, to, casting */
static Value np_can_cast(VM *vm, const Args *args)
{
    const Value *v = args->v;
    DType from, to;
    char casting;
    if (v[0].tag == T_Int || v[0].tag == T_Float || v[0].tag == T_Complex)
        return raise(vm, TY_TypeError, "can_cast() does not support Python ints, floats, and complex because the result used to depend "
                     "on the value.\nThis change was part of adopting NEP 50, we may explicitly allow them again in the future.");
    if (dtype_like_arg(vm, v[0], &from) != ALP_OK || dtype_arg(vm, v[1], DT_F64, &to) != ALP_OK ||
        casting_arg(vm, v[2], 's', &casting) != ALP_OK)
        return V_ERR;
    return V_BOOL(dtype_can_cast(from, to, casting));
}

/* The type of dtype-like arguments; abstract types stay. */
static Status scalar_type_arg(VM *vm, Value v, TypeId *t)
{
    DType d;
    if (v.tag == T_Type && ((TypeId)v.u.i == TY_np_generic || type_is_subclass((TypeId)v.u.i, TY_np_generic))) {
        *t = (TypeId)v.u.i;
        return ALP_OK;
    }
    TRY(dtype_arg(vm, v, DT_F64, &d));
    *t = TY_np_bool + d;
    return ALP_OK;
}

static Value np_issubdtype(VM *vm, const Args *args)
{
    TypeId a, b;
    if (scalar_type_arg(vm, args->v[0], &a) != ALP_OK || scalar_type_arg(vm, args->v[1], &b) != ALP_OK)
        return V_ERR;
    return V_BOOL(type_is_subclass(a, b));
}

/* ---- memory ------------------------------------------------------------------------------------------------------------------ */
static Status two_arrays(VM *vm, const Args *args, Value *a, Value *b)
{
    *a = array_from_value(vm, args->v[0], DT_COUNT);
    *b = IS_ERR(*a) ? V_ERR : array_from_value(vm, args->v[1], DT_COUNT);
    if (!IS_ERR(*b))
        return ALP_OK;
    value_free(vm, *a);
    return ALP_FAIL;
}

static Value np_may_share_memory(VM *vm, const Args *args)
{
    Value a, b;
    if (two_arrays(vm, args, &a, &b) != ALP_OK)
        return V_ERR;
    bool overlap = array_may_overlap(ARRAY(a), ARRAY(b));
    value_free(vm, a);
    value_free(vm, b);
    return V_BOOL(overlap);
}

/* Marks (mark) or looks for marks (!mark) on the bytes of a; map starts at low. */
static bool touch_bytes(const Array *a, char *map, const char *low, bool mark)
{
    NdIter it;
    size_t size = dtype_info[a->dtype].size;
    nditer_init(&it, a->ndim, a->shape);
    nditer_array(&it, a);
    nditer_sort(&it);
    nditer_start(&it);
    do
        for (int64_t i = 0; i < it.shape[0]; i++) {
            char *at = map + (it.ptr[0] + i * it.step[0] - low);
            if (mark)
                memset(at, 1, size);
            else if (memchr(at, 1, size))
                return true;
        }
    while (nditer_next(&it));
    return false;
}

static Value np_shares_memory(VM *vm, const Args *args)
{
    Value a, b;
    bool shares = false;
    if (two_arrays(vm, args, &a, &b) != ALP_OK)
        return V_ERR;
    Value r = V_BOOL(false);
    if (ARRAY(a)->buf == ARRAY(b)->buf && array_may_overlap(ARRAY(a), ARRAY(b))) {
        const Buffer *buf = ARRAY(a)->buf;
        char *map = vm_alloc(vm, buf->size);
        if (map) {
            memset(map, 0, buf->size);
            touch_bytes(ARRAY(a), map, buf->data, true);
            shares = touch_bytes(ARRAY(b), map, buf->data, false);
            vm_dealloc(vm, map, buf->size);
        }
        r = map ? V_BOOL(shares) : V_ERR;
    }
    value_free(vm, a);
    value_free(vm, b);
    return r;
}

/* NumPy's floating-point warnings are not printed (docs/language.md): there is nothing to set. */
static Value np_seterr(VM *vm, const Args *args)
{
    return V_NONE;
}

const NativeRow dtype_numpy_rows[] = {
    { "finfo", np_finfo, "dtype", "Limits of a float type." },
    { "iinfo", np_iinfo, "int_type", "Limits of an integer type." },
    { "promote_types", np_promote_types, "type1, type2, /", "The smallest dtype that both convert to safely." },
    { "result_type", np_result_type, "*arrays_and_dtypes", "The dtype that an operation on the arguments gives." },
    { "can_cast", np_can_cast, "from_, to, casting=", "Can one dtype be converted to another?" },
    { "issubdtype", np_issubdtype, "arg1, arg2", "Is one type below another in NumPy's hierarchy?" },
    { "may_share_memory", np_may_share_memory, "a, b", "Do the memory ranges of two arrays overlap?" },
    { "shares_memory", np_shares_memory, "a, b", "Do two arrays have bytes in common?" },
    { "seterr", np_seterr, "all=, divide=, over=, under=, invalid=", "Accepted; floating-point warnings are never printed." },
    { NULL }
};
