/* interp/fast.h — operators on the commonest pairs of numbers, inline: int, float, numpy.float64, numpy.int64.
 *
 * Each fast_… yields false when it does not handle the pair (other types, an error to raise, a result that does not fit); the
 * caller then takes the general way (ops.h), so these must agree with number.c and npscalar.c on all that they accept. */
#ifndef ALP_INTERP_FAST_H
#define ALP_INTERP_FAST_H

#include <math.h>

#include "interp/interp.h"
#include "interp/ops.h"

/* Integers up to here are exact as doubles. */
#define EXACT_INT   ((int64_t)1 << 53)

INLINE bool both(Value a, Value b, Tag tag)
{
    return a.tag == (uint64_t)tag && b.tag == (uint64_t)tag;
}

/* int and numpy.int64: an operation with a NumPy operand is NumPy's and wraps. */
INLINE bool is_i64(Value v)
{
    return v.tag == T_Int || v.tag == T_NpI64;
}

INLINE bool as_f64(Value v, double *x)
{
    if (v.tag == T_Float || v.tag == T_NpF64)
        *x = v.u.f;
    else if (v.tag == T_Int)
        *x = (double)v.u.i;
    else
        return false;
    return true;
}

/* Operands of float arithmetic; the result is a numpy.float64 if either is. */
INLINE bool f64_pair(Value a, Value b, double *x, double *y, uint64_t *tag)
{
    _Static_assert(T_Int < T_Float && T_Float < T_NpF64, "the wider type has the greater tag");
    *tag = a.tag > b.tag ? a.tag : b.tag;
    return as_f64(a, x) && as_f64(b, y);
}

#define NUMBER(tag_, field, x)  ((Value){ .tag = (tag_), .u.field = (x) })

/* numpy.float32 with itself or a Python float, which becomes a float32 first.  Results are rounded once more from double, which for
 * + - * / gives the same as float arithmetic. */
INLINE bool f32_pair(Value a, Value b, double *x, double *y)
{
    if (!(a.tag == T_NpF32 && (b.tag == T_NpF32 || b.tag == T_Float)) && !(a.tag == T_Float && b.tag == T_NpF32))
        return false;
    *x = (float)a.u.f;
    *y = (float)b.u.f;
    return true;
}

/* + - *: exact in int64 or an OverflowError; wrapping in numpy.int64. */
#define FAST_ARITH(name, builtin, OP)                                                           \
INLINE bool fast_##name(Value a, Value b, Value *r)                                             \
{                                                                                               \
    int64_t i;                                                                                  \
    if (LIKELY(both(a, b, T_Int))) {                                                            \
        if (UNLIKELY(builtin(a.u.i, b.u.i, &i)))                                                \
            return false;                                                                       \
        *r = V_INT(i);                                                                          \
        return true;                                                                            \
    }                                                                                           \
    double x, y;                                                                                \
    uint64_t tag;                                                                               \
    if (f64_pair(a, b, &x, &y, &tag)) {                                                         \
        *r = NUMBER(tag, f, x OP y);                                                            \
        return true;                                                                            \
    }                                                                                           \
    if (is_i64(a) && is_i64(b)) {                                                               \
        *r = NUMBER(T_NpI64, u, a.u.u OP b.u.u);                                                \
        return true;                                                                            \
    }                                                                                           \
    if (f32_pair(a, b, &x, &y)) {                                                               \
        *r = NUMBER(T_NpF32, f, (float)(x OP y));                                               \
        return true;                                                                            \
    }                                                                                           \
    return false;                                                                               \
}
FAST_ARITH(Add, __builtin_add_overflow, +)
FAST_ARITH(Sub, __builtin_sub_overflow, -)
FAST_ARITH(Mul, __builtin_mul_overflow, *)
#undef FAST_ARITH

/* Bits: int and numpy.int64. */
#define FAST_BITS(name, OP)                                                                     \
INLINE bool fast_##name(Value a, Value b, Value *r)                                             \
{                                                                                               \
    if (!is_i64(a) || !is_i64(b))                                                               \
        return false;                                                                           \
    *r = NUMBER(a.tag > b.tag ? a.tag : b.tag, i, a.u.i OP b.u.i);                              \
    return true;                                                                                \
}
FAST_BITS(And, &)
FAST_BITS(Or, |)
FAST_BITS(Xor, ^)
#undef FAST_BITS

INLINE bool fast_LShift(Value a, Value b, Value *r)
{
    if (!both(a, b, T_Int) || b.u.u > 62)
        return false;
    int64_t x = (int64_t)(a.u.u << b.u.u);
    *r = V_INT(x);
    return x >> b.u.u == a.u.i;
}

INLINE bool fast_RShift(Value a, Value b, Value *r)
{
    if (!both(a, b, T_Int) || b.u.u > 63)
        return false;
    *r = V_INT(a.u.i >> b.u.u);
    return true;
}

INLINE bool fast_Div(Value a, Value b, Value *r)
{
    if (both(a, b, T_Int)) {
        if (b.u.i == 0 || a.u.i > EXACT_INT || a.u.i < -EXACT_INT || b.u.i > EXACT_INT || b.u.i < -EXACT_INT)
            return false;
        *r = V_FLOAT((double)a.u.i / (double)b.u.i);
        return true;
    }
    double x, y;
    uint64_t tag;
    if (f64_pair(a, b, &x, &y, &tag) && (tag != T_Float || y != 0)) {
        *r = NUMBER(tag, f, x / y);
        return true;
    }
    if (f32_pair(a, b, &x, &y)) {
        *r = NUMBER(T_NpF32, f, (float)(x / y));
        return true;
    }
    return false;
}

/* Integer quotients with a positive divisor; numpy.int64's agree with int's there. */
INLINE bool fast_FloorDiv(Value a, Value b, Value *r)
{
    if (is_i64(a) && is_i64(b) && b.u.i > 0) {
        int64_t q = a.u.i / b.u.i;
        *r = NUMBER(a.tag > b.tag ? a.tag : b.tag, i, q - (q * b.u.i > a.u.i));
        return true;
    }
    if (both(a, b, T_Float) && b.u.f != 0) {
        *r = V_FLOAT(float_floordiv(a.u.f, b.u.f));
        return true;
    }
    return false;
}

INLINE bool fast_Mod(Value a, Value b, Value *r)
{
    if (is_i64(a) && is_i64(b) && b.u.i > 0) {
        int64_t m = a.u.i % b.u.i;
        *r = NUMBER(a.tag > b.tag ? a.tag : b.tag, i, m < 0 ? m + b.u.i : m);
        return true;
    }
    if (both(a, b, T_Float) && b.u.f != 0) {
        *r = V_FLOAT(float_mod(a.u.f, b.u.f));
        return true;
    }
    return false;
}

INLINE bool fast_Pow(Value a, Value b, Value *r)
{
    if (!both(a, b, T_Int) || b.u.i != 2)
        return false;
    int64_t i;
    if (__builtin_mul_overflow(a.u.i, a.u.i, &i))
        return false;
    *r = V_INT(i);
    return true;
}

INLINE bool fast_MatMul(Value a, Value b, Value *r)
{
    return false;
}

static inline bool fast_binary(BinOp op, Value a, Value b, Value *r)
{
    switch (op) {
    case BI_Add:        return fast_Add(a, b, r);
    case BI_Sub:        return fast_Sub(a, b, r);
    case BI_Mul:        return fast_Mul(a, b, r);
    case BI_MatMul:     return fast_MatMul(a, b, r);
    case BI_Div:        return fast_Div(a, b, r);
    case BI_Mod:        return fast_Mod(a, b, r);
    case BI_Pow:        return fast_Pow(a, b, r);
    case BI_LShift:     return fast_LShift(a, b, r);
    case BI_RShift:     return fast_RShift(a, b, r);
    case BI_Or:         return fast_Or(a, b, r);
    case BI_Xor:        return fast_Xor(a, b, r);
    case BI_And:        return fast_And(a, b, r);
    case BI_FloorDiv:   return fast_FloorDiv(a, b, r);
    case BI_COUNT:      break;
    }
    return false;
}

/* Comparisons.  A float against an int that is not exact as a double takes the general way. */
#define FAST_COMPARE(name, OP)                                                                  \
INLINE bool fast_##name(Value a, Value b, int *r)                                               \
{                                                                                               \
    if (LIKELY(both(a, b, T_Int)) || (is_i64(a) && is_i64(b))) {                                \
        *r = a.u.i OP b.u.i;                                                                    \
        return true;                                                                            \
    }                                                                                           \
    double x, y;                                                                                \
    if (!as_f64(a, &x) || !as_f64(b, &y) || (a.tag == T_Int && fabs(x) >= (double)EXACT_INT) ||  \
        (b.tag == T_Int && fabs(y) >= (double)EXACT_INT))                                        \
        return false;                                                                           \
    *r = x OP y;                                                                                \
    return true;                                                                                \
}
FAST_COMPARE(Eq, ==)
FAST_COMPARE(Ne, !=)
FAST_COMPARE(Lt, <)
FAST_COMPARE(Le, <=)
FAST_COMPARE(Gt, >)
FAST_COMPARE(Ge, >=)
#undef FAST_COMPARE

#endif
