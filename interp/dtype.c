/* interp/dtype.c — element types: their table, promotion (NumPy 2, NEP 50), casting rules, and dtype arguments. */
#include "interp/array.h"
#include "interp/format.h"
#include "interp/native.h"
#include "interp/ops.h"
#include "interp/seq.h"

/* ORDER dtype */
const DTypeInfo dtype_info[DT_COUNT] = {
    [DT_Bool] = { "bool",       "|b1",  'b', 1 },
    [DT_I8]   = { "int8",       "|i1",  'i', 1 },
    [DT_I16]  = { "int16",      "<i2",  'i', 2 },
    [DT_I32]  = { "int32",      "<i4",  'i', 4 },
    [DT_I64]  = { "int64",      "<i8",  'i', 8 },
    [DT_U8]   = { "uint8",      "|u1",  'u', 1 },
    [DT_U16]  = { "uint16",     "<u2",  'u', 2 },
    [DT_U32]  = { "uint32",     "<u4",  'u', 4 },
    [DT_U64]  = { "uint64",     "<u8",  'u', 8 },
    [DT_F32]  = { "float32",    "<f4",  'f', 4 },
    [DT_F64]  = { "float64",    "<f8",  'f', 8 },
    [DT_C64]  = { "complex64",  "<c8",  'c', 8 },
    [DT_C128] = { "complex128", "<c16", 'c', 16 },
};

/* One-letter codes and type numbers of NumPy's C API. ORDER dtype */
static const char dtype_char[DT_COUNT] = { '?', 'b', 'h', 'i', 'l', 'B', 'H', 'I', 'L', 'f', 'd', 'F', 'D' };
static const uint8_t dtype_num[DT_COUNT] = { 0, 1, 3, 5, 7, 2, 4, 6, 8, 11, 12, 14, 15 };

#define B    DT_Bool
#define I8   DT_I8
#define I16  DT_I16
#define I32  DT_I32
#define I64  DT_I64
#define U8   DT_U8
#define U16  DT_U16
#define U32  DT_U32
#define U64  DT_U64
#define F32  DT_F32
#define F64  DT_F64
#define C64  DT_C64
#define C128 DT_C128
static const uint8_t promoted[DT_COUNT][DT_COUNT] = {
    { B,    I8,   I16,  I32,  I64,  U8,   U16,  U32,  U64,  F32,  F64,  C64,  C128 },
    { I8,   I8,   I16,  I32,  I64,  I16,  I32,  I64,  F64,  F32,  F64,  C64,  C128 },
    { I16,  I16,  I16,  I32,  I64,  I16,  I32,  I64,  F64,  F32,  F64,  C64,  C128 },
    { I32,  I32,  I32,  I32,  I64,  I32,  I32,  I64,  F64,  F64,  F64,  C128, C128 },
    { I64,  I64,  I64,  I64,  I64,  I64,  I64,  I64,  F64,  F64,  F64,  C128, C128 },
    { U8,   I16,  I16,  I32,  I64,  U8,   U16,  U32,  U64,  F32,  F64,  C64,  C128 },
    { U16,  I32,  I32,  I32,  I64,  U16,  U16,  U32,  U64,  F32,  F64,  C64,  C128 },
    { U32,  I64,  I64,  I64,  I64,  U32,  U32,  U32,  U64,  F64,  F64,  C128, C128 },
    { U64,  F64,  F64,  F64,  F64,  U64,  U64,  U64,  U64,  F64,  F64,  C128, C128 },
    { F32,  F32,  F32,  F64,  F64,  F32,  F32,  F64,  F64,  F32,  F64,  C64,  C128 },
    { F64,  F64,  F64,  F64,  F64,  F64,  F64,  F64,  F64,  F64,  F64,  C128, C128 },
    { C64,  C64,  C64,  C128, C128, C64,  C64,  C128, C128, C64,  C128, C64,  C128 },
    { C128, C128, C128, C128, C128, C128, C128, C128, C128, C128, C128, C128, C128 },
};
#undef B
#undef I8
#undef I16
#undef I32
#undef I64
#undef U8
#undef U16
#undef U32
#undef U64
#undef F32
#undef F64
#undef C64
#undef C128

DType dtype_promote(DType a, DType b)
{
    return (DType)promoted[a][b];
}

DType dtype_promote_weak(DType d, Value python_number)
{
    char kind = dtype_info[d].kind;
    switch (python_number.tag) {
    case T_Int:
        return kind == 'b' ? DT_I64 : d;
    case T_Float:
        return kind == 'f' || kind == 'c' ? d : DT_F64;
    case T_Complex:
        return kind == 'c' ? d : d == DT_F32 ? DT_C64 : DT_C128;
    default:
        return d;
    }
}

bool dtype_can_cast(DType from, DType to, char casting)
{
    switch (casting) {
    case 'u':
        return true;
    case 's':
        return promoted[from][to] == to;
    case 'k': {
        /* Within a kind, or to a later one in this order; unsigned to signed, never back. */
        static const char order[] = "buifc";
        return strchr(order, dtype_info[from].kind) <= strchr(order, dtype_info[to].kind);
    }
    default:
        return from == to;
    }
}

bool dtype_int_range(DType d, int64_t *min, uint64_t *max)
{
    unsigned bits = dtype_info[d].size * 8u;
    switch (dtype_info[d].kind) {
    case 'i':
        *max = UINT64_MAX >> (65 - bits);
        *min = -(int64_t)*max - 1;
        return true;
    case 'u':
        *max = UINT64_MAX >> (64 - bits);
        *min = 0;
        return true;
    default:
        return false;
    }
}

bool dtype_int_fits(DType d, int64_t x)
{
    int64_t min;
    uint64_t max;
    if (!dtype_int_range(d, &min, &max))
        return true;
    return x >= min && (x < 0 || (uint64_t)x <= max);
}

/* ---- dtype arguments ----------------------------------------------------------------------------------------------- */
static const struct DTypeName { const char *name; DType dtype; } dtype_names[] = {
    { "bool", DT_Bool },    { "bool_", DT_Bool },   { "?", DT_Bool },       { "b1", DT_Bool },
    { "int8", DT_I8 },      { "byte", DT_I8 },      { "b", DT_I8 },         { "i1", DT_I8 },
    { "int16", DT_I16 },    { "short", DT_I16 },    { "h", DT_I16 },        { "i2", DT_I16 },
    { "int32", DT_I32 },    { "intc", DT_I32 },     { "i", DT_I32 },        { "i4", DT_I32 },
    { "int64", DT_I64 },    { "int", DT_I64 },      { "int_", DT_I64 },     { "i8", DT_I64 },       { "l", DT_I64 },
    { "q", DT_I64 },        { "p", DT_I64 },        { "n", DT_I64 },        { "intp", DT_I64 },     { "long", DT_I64 },
    { "longlong", DT_I64 },
    { "uint8", DT_U8 },     { "ubyte", DT_U8 },     { "B", DT_U8 },         { "u1", DT_U8 },
    { "uint16", DT_U16 },   { "ushort", DT_U16 },   { "H", DT_U16 },        { "u2", DT_U16 },
    { "uint32", DT_U32 },   { "uintc", DT_U32 },    { "I", DT_U32 },        { "u4", DT_U32 },
    { "uint64", DT_U64 },   { "uint", DT_U64 },     { "uintp", DT_U64 },    { "u8", DT_U64 },       { "L", DT_U64 },
    { "Q", DT_U64 },        { "P", DT_U64 },        { "N", DT_U64 },        { "ulong", DT_U64 },    { "ulonglong", DT_U64 },
    { "float32", DT_F32 },  { "single", DT_F32 },   { "f", DT_F32 },        { "f4", DT_F32 },
    { "float64", DT_F64 },  { "float", DT_F64 },    { "double", DT_F64 },   { "d", DT_F64 },        { "f8", DT_F64 },
    { "complex64", DT_C64 }, { "csingle", DT_C64 }, { "F", DT_C64 },        { "c8", DT_C64 },
    { "complex128", DT_C128 }, { "complex", DT_C128 }, { "cdouble", DT_C128 }, { "D", DT_C128 },    { "c16", DT_C128 },
};

/* What NumPy knows and alpy's arrays do not hold: a message of its own instead of "not understood". */
static const char *const unsupported_names[] = {
    "float16", "half", "e", "f2", "longdouble", "float128", "g", "f16", "clongdouble", "complex256", "G", "c32",
    "O", "object", "object_", "S", "bytes", "bytes_", "a", "U", "str", "str_", "V", "void", "M", "M8", "datetime64",
    "m", "m8", "timedelta64",
};

DType dtype_from_name(const char *text, size_t size)
{
    /* A byte order mark goes with the codes of a letter and a size, and with single letters. */
    if (size > 1 && (strchr("<=|", text[0]) || (text[0] == '>' && size == 3 && text[2] == '1'))) {
        text++;
        size--;
        if (size > 3)
            return DT_COUNT;
    }
    for (size_t k = 0; k < COUNT_OF(dtype_names); k++)
        if (strlen(dtype_names[k].name) == size && !memcmp(dtype_names[k].name, text, size))
            return dtype_names[k].dtype;
    return DT_COUNT;
}

static Status dtype_arg_str(VM *vm, Value v, DType *out)
{
    const Str *s = STR(v);
    *out = dtype_from_name(s->text, s->size);
    if (*out != DT_COUNT)
        return ALP_OK;
    if (s->size == 3 && s->text[0] == '>' && dtype_from_name(s->text + 1, 2) != DT_COUNT) {
        raise(vm, TY_TypeError, "data type '%s' is not part of alpy: arrays are in the machine's byte order", s->text);
        return ALP_FAIL;
    }
    /* Strings and bytes have their length behind the code: "S3", "<U10". */
    const char *code = s->text + strspn(s->text, "<>=|");
    bool is_sized = *code && strchr("SaUV", *code) && strspn(code + 1, "0123456789") == strlen(code + 1);
    for (size_t k = 0; k < COUNT_OF(unsupported_names); k++)
        if (is_sized || !strcmp(unsupported_names[k], s->text)) {
            raise(vm, TY_TypeError, "data type '%s' is not part of alpy", s->text);
            return ALP_FAIL;
        }
    raise(vm, TY_TypeError, "data type '%s' not understood", s->text);
    return ALP_FAIL;
}

static Status dtype_arg_type(VM *vm, Value v, DType *out)
{
    TypeId t = (TypeId)v.u.i;
    if (t >= TY_np_bool && t <= TY_np_complex128) {
        *out = (DType)(t - TY_np_bool);
        return ALP_OK;
    }
    switch (t) {
    case TY_bool:    *out = DT_Bool; return ALP_OK;
    case TY_int:     *out = DT_I64;  return ALP_OK;
    case TY_float:   *out = DT_F64;  return ALP_OK;
    case TY_complex: *out = DT_C128; return ALP_OK;
    case TY_np_floating: case TY_np_number:
        raise(vm, TY_TypeError, "Converting `np.inexact` or `np.floating` to a dtype not allowed");
        return ALP_FAIL;
    case TY_np_complexfloating:
        raise(vm, TY_TypeError, "Converting `np.complex` to a dtype is not allowed");
        return ALP_FAIL;
    case TY_np_integer: case TY_np_signedinteger:
        raise(vm, TY_TypeError, "Converting 'np.integer' or 'np.signedinteger' to a dtype is not allowed");
        return ALP_FAIL;
    case TY_np_unsignedinteger:
        raise(vm, TY_TypeError, "Converting `np.unsignedinteger` to a dtype is not allowed");
        return ALP_FAIL;
    case TY_np_generic:
        raise(vm, TY_TypeError, "Converting `np.generic` to a dtype is not allowed.");
        return ALP_FAIL;
    default:
        raise(vm, TY_TypeError, "data type <class '%s'> is not part of alpy", type_qualname(t));
        return ALP_FAIL;
    }
}

Status dtype_arg(VM *vm, Value v, DType fallback, DType *out)
{
    switch (v.tag) {
    case T_Unbound: case T_None:
        *out = fallback;
        return ALP_OK;
    case T_Dtype:
        *out = (DType)v.u.i;
        return ALP_OK;
    case T_Type:
        return dtype_arg_type(vm, v, out);
    case T_Str:
        return dtype_arg_str(vm, v, out);
    default:
        break;
    }
    Value text = value_repr(vm, v);
    if (IS_ERR(text))
        return ALP_FAIL;
    raise(vm, TY_TypeError, "Cannot interpret '%s' as a data type", STR(text)->text);
    value_free(vm, text);
    return ALP_FAIL;
}

/* The dtype that v has as an operand of its own; DT_COUNT: not a number or array. */
DType value_dtype(Value v)
{
    if (IS_NPSCALAR(v))
        return NP_DTYPE(v.tag);
    switch (v.tag) {
    case T_Bool:    return DT_Bool;
    case T_Int:     return DT_I64;
    case T_Float:   return DT_F64;
    case T_Complex: return DT_C128;
    case T_Array:   return (DType)ARRAY(v)->dtype;
    default:        return DT_COUNT;
    }
}

/* ---- dtype objects --------------------------------------------------------------------------------------------------- */
const char *const dtype_attr_names[] = {
    "alignment", "base", "byteorder", "char", "descr", "fields", "isnative", "itemsize", "kind", "name", "names", "ndim", "num",
    "shape", "str", "subdtype", "type", NULL
};

const NativeRow dtype_methods[] = { { NULL } };

Value dtype_attr(VM *vm, Value v, const char *name)
{
    DType d = (DType)v.u.i;
    const DTypeInfo *info = &dtype_info[d];
    if (!strcmp(name, "name"))
        return str_z(vm, info->name);
    if (!strcmp(name, "str"))
        return str_z(vm, info->str);
    if (!strcmp(name, "kind"))
        return str_new(vm, &info->kind, 1);
    if (!strcmp(name, "char"))
        return str_new(vm, &dtype_char[d], 1);
    if (!strcmp(name, "byteorder"))
        return str_z(vm, info->size == 1 ? "|" : "=");
    if (!strcmp(name, "itemsize"))
        return V_INT(info->size);
    if (!strcmp(name, "alignment"))
        return V_INT(info->kind == 'c' ? info->size / 2 : info->size);
    if (!strcmp(name, "num"))
        return V_INT(dtype_num[d]);
    if (!strcmp(name, "ndim"))
        return V_INT(0);
    if (!strcmp(name, "type"))
        return V_TYPE(TY_np_bool + d);
    if (!strcmp(name, "isnative"))
        return V_BOOL(true);
    if (!strcmp(name, "shape"))
        return tuple_new(vm, NULL, 0);
    if (!strcmp(name, "base"))
        return v;
    if (!strcmp(name, "fields") || !strcmp(name, "names") || !strcmp(name, "subdtype"))
        return V_NONE;
    if (!strcmp(name, "descr")) {
        Value pair = tuple_of(vm, 2, str_z(vm, ""), str_z(vm, info->str));
        if (IS_ERR(pair))
            return V_ERR;
        Value list = list_new(vm, &pair, 1);
        value_free(vm, pair);
        return list;
    }
    return V_UNBOUND;
}

/* What stands for a dtype beside a dtype object in a comparison, without raising. */
static DType comparable_dtype(Value v)
{
    TypeId t;
    switch (v.tag) {
    case T_Dtype:
        return (DType)v.u.i;
    case T_None:
        return DT_F64;
    case T_Str:
        return dtype_from_name(STR(v)->text, STR(v)->size);
    case T_Type:
        t = (TypeId)v.u.i;
        return t >= TY_np_bool && t <= TY_np_complex128 ? (DType)(t - TY_np_bool)
             : t == TY_bool ? DT_Bool : t == TY_int ? DT_I64 : t == TY_float ? DT_F64 : t == TY_complex ? DT_C128 : DT_COUNT;
    default:
        return DT_COUNT;
    }
}

Value dtype_compare(VM *vm, CmpOp op, Value a, Value b)
{
    DType x = comparable_dtype(a), y = comparable_dtype(b);
    switch (op) {
    case CM_Eq:
        return V_BOOL(x == y && x != DT_COUNT);
    case CM_Ne:
        return V_BOOL(x != y || x == DT_COUNT);
    case CM_Lt: case CM_Le: case CM_Gt: case CM_Ge:
        break;
    default:
        return V_NOTIMPL;
    }
    if (x == DT_COUNT || y == DT_COUNT)
        return V_NOTIMPL;
    DType low = op == CM_Lt || op == CM_Le ? x : y, high = low == x ? y : x;
    bool strict = op == CM_Lt || op == CM_Gt;
    return V_BOOL(dtype_can_cast(low, high, 's') && !(strict && low == high));
}
