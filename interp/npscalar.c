/* interp/npscalar.c — operators with at least one NumPy scalar, the other operand one too or a Python number.
 *
 * Both operands are brought to one dtype (NEP 50: a Python number is weak and takes the NumPy scalar's), then the kernels that
 * arrays use (elementwise.h) do the work.  Nothing warns; integers wrap. */
#include <stdio.h>

#include "interp/array.h"
#include "interp/elem/elem.h"
#include "interp/elementwise.h"
#include "interp/ops.h"
#include "interp/str.h"

/* An operand or result, in the field that its dtype says. */
typedef union Num { int64_t i; uint64_t u; float f; double d; ElC64 c; ElC128 z; } Num;

/* X(DType, suffix of the kernels, C type, field of Value.u) */
#define EACH_INT(X) \
    X(DT_I8, i8, int8_t, i) X(DT_I16, i16, int16_t, i) X(DT_I32, i32, int32_t, i) X(DT_I64, i64, int64_t, i) \
    X(DT_U8, u8, uint8_t, u) X(DT_U16, u16, uint16_t, u) X(DT_U32, u32, uint32_t, u) X(DT_U64, u64, uint64_t, u)

/* ORDER binop */
static const char *const ufunc_name[BI_COUNT] = {
    "add", "subtract", "multiply", "matmul", "divide", "remainder", "power", "left_shift", "right_shift",
    "bitwise_or", "bitwise_xor", "bitwise_and", "floor_divide",
};

#define MASK(op) (1u << (op))
#define BITWISE  (MASK(BI_LShift) | MASK(BI_RShift) | MASK(BI_Or) | MASK(BI_Xor) | MASK(BI_And))
#define IS_BITWISE(op) (MASK(op) & BITWISE)

static inline bool is_unsigned(Value v)
{
    return v.tag >= T_NpU8 && v.tag <= T_NpU64;
}

static inline bool is_float64(Value v)
{
    return v.tag == T_NpF64 || v.tag == T_Float;
}

/* bool, Python int or NumPy integer */
static inline bool is_integer(Value v)
{
    return v.tag == T_Int || v.tag == T_Bool || (v.tag >= T_NpBool && v.tag <= T_NpU64);
}

/* ---- numbers as C values ------------------------------------------------------------------------------------------------- */

bool value_as_double(Value v, double *out)
{
    if (is_unsigned(v))
        *out = (double)v.u.u;
    else if (is_integer(v))
        *out = (double)v.u.i;
    else if (v.tag == T_Float || v.tag == T_NpF64 || v.tag == T_NpF32)
        *out = v.u.f;
    else
        return false;
    return true;
}

bool value_as_complex(Value v, double *re, double *im)
{
    *im = 0;
    if (value_as_double(v, re))
        return true;
    if (v.tag == T_NpC64) {
        *re = v.u.c64.re;
        *im = v.u.c64.im;
    } else if (v.tag == T_NpC128 || v.tag == T_Complex) {
        *re = COMPLEX(v)->re;
        *im = COMPLEX(v)->im;
    } else {
        return false;
    }
    return true;
}

bool value_as_int(Value v, int64_t *out)
{
    if (!is_integer(v) || v.tag == T_NpBool || (v.tag == T_NpU64 && v.u.u > INT64_MAX))
        return false;
    *out = v.u.i;
    return true;
}

/* v as an operand of dtype d.  Python ints have to fit; everything else here is a conversion that promotion has chosen. */
static Status load(VM *vm, DType d, Value v, Num *out)
{
    double re = 0, im = 0;
    switch (dtype_info[d].kind) {
    case 'b': case 'i': case 'u':
        if (v.tag == T_Int && !dtype_int_fits(d, v.u.i)) {
            raise(vm, TY_OverflowError, "Python integer %lld out of bounds for %s", (long long)v.u.i, dtype_info[d].name);
            return ALP_FAIL;
        }
        out->i = v.u.i;
        return ALP_OK;
    case 'f':
        value_as_double(v, &re);
        if (d == DT_F32)
            out->f = (float)re;
        else
            out->d = re;
        return ALP_OK;
    default:
        value_as_complex(v, &re, &im);
        if (d == DT_C64)
            out->c = (ElC64){ (float)re, (float)im };
        else
            out->z = (ElC128){ re, im };
        return ALP_OK;
    }
}

static Value box(VM *vm, DType d, Num n)
{
    Value v = { .tag = T_NP(d) };
    switch (d) {
    case DT_F32:    v.u.f = n.f; break;
    case DT_F64:    v.u.f = n.d; break;
    case DT_C64:    v.u.c64.re = n.c.re; v.u.c64.im = n.c.im; break;
    case DT_C128:   return npc128_new(vm, n.z.re, n.z.im);
    default:        v.u.i = n.i; break;
    }
    return v;
}

/* The dtype two operands meet in. */
static DType common_dtype(Value a, Value b)
{
    if (!IS_NPSCALAR(a))
        return dtype_promote_weak(NP_DTYPE(b.tag), a);
    if (!IS_NPSCALAR(b))
        return dtype_promote_weak(NP_DTYPE(a.tag), b);
    return dtype_promote(NP_DTYPE(a.tag), NP_DTYPE(b.tag));
}

/* Does a NumPy operand have the dtype already?  Then its own operator runs; else both go through a ufunc, which differs a
 * little for complex numbers. */
static bool is_direct(DType d, Value a, Value b)
{
    if (a.tag == T_NpBool || b.tag == T_NpBool)
        return false;
    return (IS_NPSCALAR(a) && NP_DTYPE(a.tag) == d) || (IS_NPSCALAR(b) && NP_DTYPE(b.tag) == d);
}

/* A Python complex in front of a numpy.float64 takes it for the float that it is by inheritance. */
static bool is_python_complex(Value a, Value b)
{
    return a.tag == T_Complex && b.tag == T_NpF64;
}

/* ---- binary operators ------------------------------------------------------------------------------------------------------ */

#define BINARY_INT(D, S, T, F) \
static void binary_##S(BinOp op, Num a, Num b, Num *out) \
{ \
    T x = (T)a.F, y = (T)b.F, r = 0; \
    switch (op) { \
    case BI_Add:        r = el_add_##S(x, y); break; \
    case BI_Sub:        r = el_sub_##S(x, y); break; \
    case BI_Mul:        r = el_mul_##S(x, y); break; \
    case BI_FloorDiv:   r = el_floordiv_##S(x, y); break; \
    case BI_Mod:        r = el_mod_##S(x, y); break; \
    case BI_LShift:     r = el_lshift_##S(x, y); break; \
    case BI_RShift:     r = el_rshift_##S(x, y); break; \
    case BI_Or:         r = (T)(x | y); break; \
    case BI_Xor:        r = (T)(x ^ y); break; \
    case BI_And:        r = (T)(x & y); break; \
    case BI_Pow:        r = el_pow_##S(x, y); break; \
    case BI_Div: case BI_MatMul: case BI_COUNT: break; \
    } \
    out->F = r; \
}
EACH_INT(BINARY_INT)
#undef BINARY_INT

#define BINARY_FLOAT(S, T, FLD, POW) \
static void binary_##S(BinOp op, Num a, Num b, Num *out) \
{ \
    T x = a.FLD, y = b.FLD; \
    switch (op) { \
    case BI_Add:        out->FLD = x + y; break; \
    case BI_Sub:        out->FLD = x - y; break; \
    case BI_Mul:        out->FLD = x * y; break; \
    case BI_Div:        out->FLD = x / y; break; \
    case BI_FloorDiv:   out->FLD = el_floordiv_##S(x, y); break; \
    case BI_Mod:        out->FLD = el_mod_##S(x, y); break; \
    case BI_Pow:        out->FLD = POW(x, y); break; \
    case BI_LShift: case BI_RShift: case BI_Or: case BI_Xor: case BI_And: case BI_MatMul: case BI_COUNT: break; \
    } \
}
BINARY_FLOAT(f32, float, f, elem_powf)
BINARY_FLOAT(f64, double, d, elem_pow)
#undef BINARY_FLOAT

#define BINARY_COMPLEX(S, FLD) \
static void binary_##S(BinOp op, Num a, Num b, Num *out) \
{ \
    switch (op) { \
    case BI_Add:        out->FLD = el_add_##S(a.FLD, b.FLD); break; \
    case BI_Sub:        out->FLD = el_sub_##S(a.FLD, b.FLD); break; \
    case BI_Mul:        out->FLD = el_mul_##S(a.FLD, b.FLD); break; \
    case BI_Div:        out->FLD = el_div_##S(a.FLD, b.FLD); break; \
    case BI_Pow:        out->FLD = el_pow_##S(a.FLD, b.FLD); break; \
    case BI_FloorDiv: case BI_Mod: case BI_LShift: case BI_RShift: case BI_Or: case BI_Xor: case BI_And: case BI_MatMul: \
    case BI_COUNT: break; \
    } \
}
BINARY_COMPLEX(c64, c)
BINARY_COMPLEX(c128, z)
#undef BINARY_COMPLEX

Value npscalar_not_supported(VM *vm, const char *ufunc)
{
    return raise(vm, TY_TypeError, "ufunc '%s' not supported for the input types, and the inputs could not be safely coerced to "
                 "any supported types according to the casting rule ''safe''", ufunc);
}

/* Two bools: + and * are "or" and "and"; what has no boolean meaning is done in int8, division in float64. */
static Value binary_bool(VM *vm, BinOp op, int64_t x, int64_t y, DType *work)
{
    switch (op) {
    case BI_Add: case BI_Or:    return V_NPBOOL(x | y);
    case BI_Mul: case BI_And:   return V_NPBOOL(x & y);
    case BI_Xor:                return V_NPBOOL(x ^ y);
    case BI_Sub:
        return raise(vm, TY_TypeError, "numpy boolean subtract, the `-` operator, is not supported, use the bitwise_xor, "
                     "the `^` operator, or the logical_xor function instead.");
    default:
        *work = op == BI_Div ? DT_F64 : DT_I8;
        return V_NOTIMPL;
    }
}

Value npscalar_binary(VM *vm, BinOp op, Value a, Value b)
{
    Num x, y, r = { .i = 0 };
    if (op == BI_MatMul)
        return V_NOTIMPL;
    if (is_float64(a) && is_float64(b) && !IS_BITWISE(op)) {
        x.d = a.u.f;
        y.d = b.u.f;
        binary_f64(op, x, y, &r);
        return V_F64(r.d);
    }
    if (is_python_complex(a, b)) {
        Value v = number_binary(vm, op, a, V_FLOAT(b.u.f));
        if (v.tag != T_NotImplemented)
            return v;
    }
    DType d = common_dtype(a, b);
    if (d == DT_Bool) {
        Value v = binary_bool(vm, op, a.u.i, b.u.i, &d);
        if (v.tag != T_NotImplemented)
            return v;
    }
    char kind = dtype_info[d].kind;
    if (kind == 'f' || kind == 'c') {
        if (IS_BITWISE(op))
            return npscalar_not_supported(vm, ufunc_name[op]);
        if (kind == 'c' && (op == BI_FloorDiv || op == BI_Mod))
            return is_direct(d, a, b) ? V_NOTIMPL : npscalar_not_supported(vm, ufunc_name[op]);
    } else if (op == BI_Div) {
        d = DT_F64;
    }
    if (load(vm, d, a, &x) != ALP_OK || load(vm, d, b, &y) != ALP_OK)
        return V_ERR;
    if (op == BI_Pow && dtype_info[d].kind == 'i' && y.i < 0)
        return raise(vm, TY_ValueError, "Integers to negative integer powers are not allowed.");
    switch (d) {
#define CASE(D, S, T, F) case D: binary_##S(op, x, y, &r); break;
    EACH_INT(CASE)
#undef CASE
    case DT_F32:    binary_f32(op, x, y, &r); break;
    case DT_F64:    binary_f64(op, x, y, &r); break;
    case DT_C64:    binary_c64(op, x, y, &r); break;
    case DT_C128:   binary_c128(op, x, y, &r); break;
    case DT_Bool:   case DT_COUNT: break;
    }
    return box(vm, d, r);
}

Value npscalar_divmod(VM *vm, Value a, Value b, Value *mod)
{
    DType d = common_dtype(a, b);
    if (dtype_info[d].kind == 'c')
        return is_direct(d, a, b) ? V_NOTIMPL : npscalar_not_supported(vm, "divmod");
    Value q = npscalar_binary(vm, BI_FloorDiv, a, b);
    if (!IS_ERR(q))
        *mod = npscalar_binary(vm, BI_Mod, a, b);   /* real numbers are no heap objects: nothing to release */
    return q;
}

const char *npscalar_python_name(Value v)
{
    if (!IS_NPSCALAR(v))
        return value_type_name(v);
    switch (dtype_info[NP_DTYPE(v.tag)].kind) {
    case 'b':   return "bool";
    case 'f':   return "float";
    case 'c':   return "complex";
    default:    return "int";
    }
}

/* "dtype('float64')", "dtype('<U3')" */
static void operand_signature(char *out, size_t size, Value v)
{
    if (v.tag == T_Str)
        snprintf(out, size, "dtype('<U%zu')", STR(v)->length ? STR(v)->length : 1);
    else
        snprintf(out, size, "dtype('%s')", dtype_info[NP_DTYPE(v.tag)].name);
}

Value npscalar_refuse(VM *vm, BinOp op, Value a, Value b)
{
    bool left = IS_NPSCALAR(a);
    Value scalar = left ? a : b, other = left ? b : a;
    bool complex_kind = scalar.tag == T_NpC64 || scalar.tag == T_NpC128;
    if (op == BI_MatMul || (complex_kind && (op == BI_FloorDiv || op == BI_Mod)))
        return V_NOTIMPL;
    if (other.tag != T_Str)
        return raise(vm, TY_TypeError, "unsupported operand type(s) for %s: '%s' and '%s'",
                     op == BI_Pow ? "** or pow()" : binop_text[op], npscalar_python_name(a),
                     npscalar_python_name(b));
    if (op != BI_Add && op != BI_Sub)
        return npscalar_not_supported(vm, ufunc_name[op]);
    char sig_a[48], sig_b[48];
    operand_signature(sig_a, sizeof sig_a, a);
    operand_signature(sig_b, sizeof sig_b, b);
    return raise(vm, TY_UFuncNoLoopError, "ufunc '%s' did not contain a loop with signature matching types (%s, %s) -> None",
                 ufunc_name[op], sig_a, sig_b);
}

/* ---- unary operators --------------------------------------------------------------------------------------------------------- */

/* Negation, ~ and abs() of an integer. */
#define UNARY_INT(D, S, T, F) \
static void unary_##S(UnOp op, bool absolute, Num a, Num *out) \
{ \
    T x = (T)a.F; \
    out->F = absolute ? el_abs_##S(x) : op == UN_Neg ? el_neg_##S(x) : (T)~x; \
}
EACH_INT(UNARY_INT)
#undef UNARY_INT

static Value unary_int(VM *vm, UnOp op, bool absolute, Value a)
{
    Num x = { .i = a.u.i }, r = { .i = 0 };
    DType d = NP_DTYPE(a.tag);
    switch (d) {
#define CASE(D, S, T, F) case D: unary_##S(op, absolute, x, &r); break;
    EACH_INT(CASE)
#undef CASE
    default: break;
    }
    return box(vm, d, r);
}

static Value unary_bool(VM *vm, UnOp op, Value a)
{
    if (op == UN_Neg)
        return raise(vm, TY_TypeError, "The numpy boolean negative, the `-` operator, is not supported, use the `~` operator or "
                     "the logical_not function instead.");
    if (op == UN_Pos)
        return raise(vm, TY_UFuncNoLoopError, "ufunc 'positive' did not contain a loop with signature matching types "
                     "<class 'numpy.dtypes.BoolDType'> -> None");
    return V_NPBOOL(!a.u.i);
}

Value npscalar_unary(VM *vm, UnOp op, Value a)
{
    if (op == UN_Not)
        return V_BOOL(!op_truth(vm, a));
    char kind = dtype_info[NP_DTYPE(a.tag)].kind;
    if (kind == 'b')
        return unary_bool(vm, op, a);
    if (op == UN_Pos)
        return value_ref(a);
    if (kind == 'i' || kind == 'u')
        return unary_int(vm, op, false, a);
    if (op == UN_Invert)
        return npscalar_not_supported(vm, "invert");
    switch (a.tag) {
    case T_NpC64:
        a.u.c64.re = -a.u.c64.re;
        a.u.c64.im = -a.u.c64.im;
        return a;
    case T_NpC128:
        return npc128_new(vm, -COMPLEX(a)->re, -COMPLEX(a)->im);
    default:
        a.u.f = -a.u.f;
        return a;
    }
}

Value npscalar_abs(VM *vm, Value a)
{
    switch (a.tag) {
    case T_NpBool:
        return a;
    case T_NpC64:
        return (Value){ .tag = T_NpF32, .u.f = el_abs_c64((ElC64){ a.u.c64.re, a.u.c64.im }) };
    case T_NpC128:
        return V_F64(el_abs_c128((ElC128){ COMPLEX(a)->re, COMPLEX(a)->im }));
    case T_NpF32: case T_NpF64:
        a.u.f = fabs(a.u.f);
        return a;
    default:
        return unary_int(vm, UN_Neg, true, a);
    }
}

/* ---- comparisons ---------------------------------------------------------------------------------------------------------------- */

/* Integers of any types compare by value, without conversion. */
static int order_integers(Value a, Value b)
{
    bool neg_a = !is_unsigned(a) && a.u.i < 0, neg_b = !is_unsigned(b) && b.u.i < 0;
    if (neg_a != neg_b)
        return neg_a ? -1 : 1;
    if (neg_a)
        return (a.u.i > b.u.i) - (a.u.i < b.u.i);
    return (a.u.u > b.u.u) - (a.u.u < b.u.u);
}

#define ORDER_FLOAT(x, y) ((x) < (y) ? -1 : (x) > (y) ? 1 : (x) == (y) ? 0 : 2)

/* Complex numbers are ordered by real part, then imaginary part.  A NaN in the imaginary parts matters to ufuncs only. */
static bool compare_complex(CmpOp op, ElC128 x, ElC128 y, bool direct)
{
    if (op == CM_Gt || op == CM_Ge) {
        ElC128 t = x;
        x = y;
        y = t;
    }
    if (direct && x.re < y.re)
        return op != CM_Eq;
    switch (op) {
    case CM_Eq:             return el_eq_c128(x, y);
    case CM_Ne:             return !el_eq_c128(x, y);
    case CM_Lt: case CM_Gt: return el_lt_c128(x, y);
    case CM_Le: case CM_Ge: return el_le_c128(x, y);
    case CM_Is: case CM_IsNot: case CM_In: case CM_NotIn: case CM_COUNT: break;
    }
    return false;
}

Value npscalar_compare(VM *vm, CmpOp op, Value a, Value b)
{
    Value r;
    if (is_python_complex(a, b) && (op == CM_Eq || op == CM_Ne))
        return number_compare(vm, op, a, V_FLOAT(b.u.f));
    if (is_integer(a) && is_integer(b)) {
        r = order_result(op, order_integers(a, b));
    } else {
        DType d = common_dtype(a, b);
        Num x, y;
        if (load(vm, d, a, &x) != ALP_OK || load(vm, d, b, &y) != ALP_OK)
            return V_ERR;
        switch (d) {
        case DT_F32:
            r = order_result(op, ORDER_FLOAT(x.f, y.f));
            break;
        case DT_F64:
            r = order_result(op, ORDER_FLOAT(x.d, y.d));
            break;
        case DT_C64:
            r = V_BOOL(compare_complex(op, (ElC128){ x.c.re, x.c.im }, (ElC128){ y.c.re, y.c.im }, is_direct(d, a, b)));
            break;
        default:
            r = V_BOOL(compare_complex(op, x.z, y.z, is_direct(d, a, b)));
            break;
        }
    }
    return V_NPBOOL(r.u.i);
}
