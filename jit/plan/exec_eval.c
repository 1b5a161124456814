/* jit/plan/exec_eval.c — expressions of the reference executor: one small function per operation and C type, and their
 * choice.
 *
 * Most functions come from lists of operations, each an expression in p and q, the operands.  For the commonest types there
 * are four of each: operands are computed by other Codes (c) or stand in Slots (s).  What an operation does is the
 * interpreter's business: elementwise.h for NumPy's numbers, ops.h for Python's where they differ. */
#include "jit/plan/exec_code.h"

#include <string.h>

#include "interp/elem/elem.h"
#include "interp/ops.h"
#include "jit/nest/fun.h"

#define ARGS const Code *c, Run *x
#define CODE_A(F) c->a.code->fn.F(c->a.code, x)
#define CODE_B(F) c->b.code->fn.F(c->b.code, x)
#define SLOT_A(F) c->a.slot->F
#define SLOT_B(F) c->b.slot->F

/* An operation's functions by what its operands are. */
typedef struct Fn4 { CodeFn cc, cs, sc, ss; } Fn4;

/* RM, RT: member and type of the result; M, T: member of the operands, and the type they are brought to. */
#define DEF1(NAME, RM, RT, M, T, EXPR) \
static RT NAME##_cc(ARGS) { T p = (T)CODE_A(M); T q = (T)CODE_B(M); return (RT)(EXPR); }
#define DEF4(NAME, RM, RT, M, T, EXPR) \
DEF1(NAME, RM, RT, M, T, EXPR) \
static RT NAME##_cs(ARGS) { T p = (T)CODE_A(M); T q = (T)SLOT_B(M); return (RT)(EXPR); } \
static RT NAME##_sc(ARGS) { T p = (T)SLOT_A(M); T q = (T)CODE_B(M); return (RT)(EXPR); } \
static RT NAME##_ss(ARGS) { T p = (T)SLOT_A(M); T q = (T)SLOT_B(M); return (RT)(EXPR); }
#define ROW1(NAME, RM) { .cc = { .RM = NAME##_cc } }
#define ROW4(NAME, RM) { { .RM = NAME##_cc }, { .RM = NAME##_cs }, { .RM = NAME##_sc }, { .RM = NAME##_ss } }

/* ---- binary operations ------------------------------------------------------------------------------------------------ */

/* Each list: X(V, D, S, M, T, Op, expression); V: 1 or 4 functions. */
#define COMPARE_OPS(X, V, D, S, M, T) \
    X(V, D, S, M, T, Eq, p == q) X(V, D, S, M, T, Ne, p != q) X(V, D, S, M, T, Lt, p < q) \
    X(V, D, S, M, T, Le, p <= q) X(V, D, S, M, T, Gt, p > q)  X(V, D, S, M, T, Ge, p >= q)
#define INT_OPS(X, V, D, S, M, T) \
    X(V, D, S, M, T, Add, el_add_##S(p, q)) X(V, D, S, M, T, Sub, el_sub_##S(p, q)) X(V, D, S, M, T, Mul, el_mul_##S(p, q)) \
    X(V, D, S, M, T, FloorDiv, el_floordiv_##S(p, q)) X(V, D, S, M, T, Mod, el_mod_##S(p, q)) \
    X(V, D, S, M, T, And, (T)(p & q)) X(V, D, S, M, T, Or, (T)(p | q)) X(V, D, S, M, T, Xor, (T)(p ^ q)) \
    X(V, D, S, M, T, Shl, el_lshift_##S(p, q)) X(V, D, S, M, T, Shr, el_rshift_##S(p, q)) \
    X(V, D, S, M, T, NpMin, p < q ? p : q) X(V, D, S, M, T, NpMax, p > q ? p : q) \
    X(V, D, S, M, T, Pow, el_pow_##S(p, q)) \
    COMPARE_OPS(X, V, D, S, M, T)
#define BOOL_OPS(X, V, D, S, M, T) \
    X(V, D, S, M, T, Add, p | q) X(V, D, S, M, T, Mul, p & q) X(V, D, S, M, T, And, p & q) X(V, D, S, M, T, Or, p | q) \
    X(V, D, S, M, T, Xor, p ^ q) X(V, D, S, M, T, NpMin, p & q) X(V, D, S, M, T, NpMax, p | q) \
    COMPARE_OPS(X, V, D, S, M, T)
#define FLOAT_OPS(X, V, D, S, M, T) \
    X(V, D, S, M, T, Add, p + q) X(V, D, S, M, T, Sub, p - q) X(V, D, S, M, T, Mul, p * q) X(V, D, S, M, T, Div, p / q) \
    X(V, D, S, M, T, FloorDiv, el_floordiv_##S(p, q)) X(V, D, S, M, T, Mod, el_mod_##S(p, q)) \
    X(V, D, S, M, T, NpMin, el_min_##S(p, q)) X(V, D, S, M, T, NpMax, el_max_##S(p, q))
#define COMPLEX_OPS(X, V, D, S, M, T) \
    X(V, D, S, M, T, Add, el_add_##S(p, q)) X(V, D, S, M, T, Sub, el_sub_##S(p, q)) X(V, D, S, M, T, Mul, el_mul_##S(p, q)) \
    X(V, D, S, M, T, Div, el_div_##S(p, q)) X(V, D, S, M, T, Pow, el_pow_##S(p, q)) \
    X(V, D, S, M, T, NpMin, el_min_##S(p, q)) X(V, D, S, M, T, NpMax, el_max_##S(p, q))
#define COMPLEX_COMPARE_OPS(X, V, D, S, M, T) \
    X(V, D, S, M, T, Eq, el_eq_##S(p, q)) X(V, D, S, M, T, Ne, !el_eq_##S(p, q)) X(V, D, S, M, T, Lt, el_lt_##S(p, q)) \
    X(V, D, S, M, T, Le, el_le_##S(p, q)) X(V, D, S, M, T, Gt, el_lt_##S(q, p)) X(V, D, S, M, T, Ge, el_le_##S(q, p))

/* X(list, V, DType, suffix, member, C type); results are of that type … */
#define EACH_INT_TYPE(X) \
    X(BOOL_OPS, 1, DT_Bool, b1, i, int64_t) X(INT_OPS, 1, DT_I8, i8, i, int8_t) X(INT_OPS, 1, DT_I16, i16, i, int16_t) \
    X(INT_OPS, 1, DT_I32, i32, i, int32_t) X(INT_OPS, 4, DT_I64, i64, i, int64_t) X(INT_OPS, 1, DT_U8, u8, i, uint8_t) \
    X(INT_OPS, 1, DT_U16, u16, i, uint16_t) X(INT_OPS, 1, DT_U32, u32, i, uint32_t) X(INT_OPS, 1, DT_U64, u64, i, uint64_t)
#define EACH_FLOAT_TYPE(X) \
    X(FLOAT_OPS, 4, DT_F64, f64, d, double) X(FLOAT_OPS, 1, DT_F32, f32, f, float)
#define EACH_COMPLEX_TYPE(X) \
    X(COMPLEX_OPS, 1, DT_C64, c64, c, ElC64) X(COMPLEX_OPS, 1, DT_C128, c128, z, ElC128)
/* … or are bools. */
#define EACH_COMPARED_TYPE(X) \
    X(COMPARE_OPS, 4, DT_F64, f64, d, double) X(COMPARE_OPS, 1, DT_F32, f32, f, float)
#define EACH_COMPARED_COMPLEX_TYPE(X) \
    X(COMPLEX_COMPARE_OPS, 1, DT_C64, c64, c, ElC64) X(COMPLEX_COMPARE_OPS, 1, DT_C128, c128, z, ElC128)

/* Integer results pass through T, which wraps, and are extended again. */
#define DEF_INT(V, D, S, M, T, OP, EXPR)   DEF##V(OP##_##S, i, int64_t, M, T, EXPR)
#define DEF_REAL(V, D, S, M, T, OP, EXPR)  DEF##V(OP##_##S, M, T, M, T, EXPR)
/* No casts between structs. */
#define DEF_STRUCT(V, D, S, M, T, OP, EXPR) static T OP##_##S##_cc(ARGS) { T p = CODE_A(M), q = CODE_B(M); return EXPR; }
#define DEF_STRUCT_BOOL(V, D, S, M, T, OP, EXPR) \
static int64_t OP##_##S##_cc(ARGS) { T p = CODE_A(M), q = CODE_B(M); return EXPR; }
#define ALL_INT(LIST, V, D, S, M, T)       LIST(DEF_INT, V, D, S, M, T)
#define ALL_REAL(LIST, V, D, S, M, T)      LIST(DEF_REAL, V, D, S, M, T)
#define ALL_STRUCT(LIST, V, D, S, M, T)    LIST(DEF_STRUCT, V, D, S, M, T)
#define ALL_STRUCT_BOOL(LIST, V, D, S, M, T) LIST(DEF_STRUCT_BOOL, V, D, S, M, T)
EACH_INT_TYPE(ALL_INT)
EACH_FLOAT_TYPE(ALL_REAL)
EACH_COMPLEX_TYPE(ALL_STRUCT)
EACH_COMPARED_TYPE(ALL_INT)
EACH_COMPARED_COMPLEX_TYPE(ALL_STRUCT_BOOL)
DEF4(Pow_f64, d, double, d, double, elem_pow(p, q))
DEF1(Pow_f32, f, float, f, float, elem_powf(p, q))

#define TABLE_M(V, D, S, M, T, OP, EXPR)   [NOP_##OP][D] = ROW##V(OP##_##S, M),
#define TABLE_I(V, D, S, M, T, OP, EXPR)   [NOP_##OP][D] = ROW##V(OP##_##S, i),
#define LIST_M(LIST, V, D, S, M, T)        LIST(TABLE_M, V, D, S, M, T)
#define LIST_I(LIST, V, D, S, M, T)        LIST(TABLE_I, V, D, S, M, T)
/* By the operands' representation. */
static const Fn4 binary_fn[NOP_COUNT][DT_COUNT] = {
    EACH_INT_TYPE(LIST_M)
    EACH_FLOAT_TYPE(LIST_M)
    EACH_COMPLEX_TYPE(LIST_M)
    EACH_COMPARED_TYPE(LIST_I)
    EACH_COMPARED_COMPLEX_TYPE(LIST_I)
    [NOP_Pow][DT_F64] = ROW4(Pow_f64, d), [NOP_Pow][DT_F32] = ROW1(Pow_f32, f),
};

/* ---- binary operations with a check ----------------------------------------------------------------------------------- */

static NOINLINE int64_t fail_i(Run *x, uint32_t check)
{
    run_fail(x, check);
    return 0;
}

static NOINLINE double fail_d(Run *x, uint32_t check)
{
    run_fail(x, check);
    return 0;
}

#define CHECKED_INT(NAME, builtin) \
static inline int64_t checked_##NAME(ARGS, int64_t p, int64_t q) \
{ \
    int64_t r; \
    return LIKELY(!builtin(p, q, &r)) ? r : fail_i(x, c->check); \
}
CHECKED_INT(add, __builtin_add_overflow)
CHECKED_INT(sub, __builtin_sub_overflow)
CHECKED_INT(mul, __builtin_mul_overflow)
#undef CHECKED_INT

static inline int64_t checked_floordiv(ARGS, int64_t p, int64_t q)
{
    return LIKELY(q != 0 && !(q == -1 && p == INT64_MIN)) ? el_floordiv_i64(p, q) : fail_i(x, c->check);
}

static inline int64_t checked_mod(ARGS, int64_t p, int64_t q)
{
    return LIKELY(q != 0) ? el_mod_i64(p, q) : fail_i(x, c->check);
}

static inline int64_t checked_shl(ARGS, int64_t p, int64_t q)
{
    if (UNLIKELY(q < 0) || (p != 0 && q > 63))
        return fail_i(x, c->check);
    int64_t r = el_lshift_i64(p, q);
    return p == 0 || r >> q == p ? r : fail_i(x, c->check);
}

static inline int64_t checked_shr(ARGS, int64_t p, int64_t q)
{
    return LIKELY(q >= 0) ? el_rshift_i64(p, q) : fail_i(x, c->check);
}

static inline double checked_div(ARGS, double p, double q)
{
    return LIKELY(q != 0) ? p / q : fail_d(x, c->check);
}

static inline double checked_floordiv_f(ARGS, double p, double q)
{
    return LIKELY(q != 0) ? float_floordiv(p, q) : fail_d(x, c->check);
}

static inline double checked_mod_f(ARGS, double p, double q)
{
    return LIKELY(q != 0) ? float_mod(p, q) : fail_d(x, c->check);
}

/* By the interpreter's own operator: NAN if it raises or gives a complex number. */
static NOINLINE double python_pow(ARGS, Value p, Value q)
{
    Value r = number_binary(x->vm, BI_Pow, p, q);
    if (r.tag == T_Float)
        return r.u.f;
    if (IS_ERR(r)) {
        run_raised(x, c->check);
    } else {
        value_free(x->vm, r);
        run_fail(x, c->check);
    }
    return 0;
}

static inline double checked_pow(ARGS, double p, double q)
{
    double r = elem_pow(p, q);       /* finite results are no special case */
    return LIKELY(isfinite(r)) ? r : python_pow(c, x, V_FLOAT(p), V_FLOAT(q));
}

static inline int64_t checked_pow_i(ARGS, int64_t p, int64_t q)
{
    Value r = q >= 0 ? int_pow(x->vm, p, q) : V_UNBOUND;
    if (LIKELY(r.tag == T_Int))
        return r.u.i;
    if (IS_ERR(r))
        run_raised(x, c->check);
    else
        run_fail(x, c->check);
    return 0;
}

/* NumPy's integers: negative exponents raise. */
#define CHECKED_POW(S, T) \
static int64_t npow_##S##_cc(ARGS) \
{ \
    T p = (T)CODE_A(i), q = (T)CODE_B(i); \
    return LIKELY(q >= 0) ? el_pow_##S(p, q) : fail_i(x, c->check); \
}
CHECKED_POW(i8, int8_t)
CHECKED_POW(i16, int16_t)
CHECKED_POW(i32, int32_t)
CHECKED_POW(i64, int64_t)
#undef CHECKED_POW

/* Python's complex numbers divide and raise by algorithms of their own. */
static NOINLINE ElC128 python_complex(ARGS, BinOp op)
{
    ElC128 p = CODE_A(z), q = CODE_B(z), out = { 0, 0 };
    Value a = complex_new(x->vm, p.re, p.im), b = IS_ERR(a) ? V_ERR : complex_new(x->vm, q.re, q.im);
    Value r = IS_ERR(b) ? V_ERR : number_binary(x->vm, op, a, b);
    if (IS_ERR(r))
        run_raised(x, c->check);
    else
        value_as_complex(r, &out.re, &out.im);
    value_free(x->vm, r);
    value_free(x->vm, b);
    value_free(x->vm, a);
    return out;
}

static ElC128 pydiv_c128_cc(ARGS) { return python_complex(c, x, BI_Div); }
static ElC128 pypow_c128_cc(ARGS) { return python_complex(c, x, BI_Pow); }

DEF4(cadd_i64, i, int64_t, i, int64_t, checked_add(c, x, p, q))
DEF4(csub_i64, i, int64_t, i, int64_t, checked_sub(c, x, p, q))
DEF4(cmul_i64, i, int64_t, i, int64_t, checked_mul(c, x, p, q))
DEF4(cfloordiv_i64, i, int64_t, i, int64_t, checked_floordiv(c, x, p, q))
DEF4(cmod_i64, i, int64_t, i, int64_t, checked_mod(c, x, p, q))
DEF1(cshl_i64, i, int64_t, i, int64_t, checked_shl(c, x, p, q))
DEF1(cshr_i64, i, int64_t, i, int64_t, checked_shr(c, x, p, q))
DEF1(cpow_i64, i, int64_t, i, int64_t, checked_pow_i(c, x, p, q))
DEF4(cdiv_f64, d, double, d, double, checked_div(c, x, p, q))
DEF1(cfloordiv_f64, d, double, d, double, checked_floordiv_f(c, x, p, q))
DEF1(cmod_f64, d, double, d, double, checked_mod_f(c, x, p, q))
DEF4(cpow_f64, d, double, d, double, checked_pow(c, x, p, q))

/* Python's numbers, where the check is not proved. */
static const Fn4 checked_fn[NOP_COUNT][DT_COUNT] = {
    [NOP_Add][DT_I64] = ROW4(cadd_i64, i), [NOP_Sub][DT_I64] = ROW4(csub_i64, i), [NOP_Mul][DT_I64] = ROW4(cmul_i64, i),
    [NOP_FloorDiv][DT_I64] = ROW4(cfloordiv_i64, i), [NOP_Mod][DT_I64] = ROW4(cmod_i64, i),
    [NOP_Shl][DT_I64] = ROW1(cshl_i64, i), [NOP_Shr][DT_I64] = ROW1(cshr_i64, i), [NOP_Pow][DT_I64] = ROW1(cpow_i64, i),
    [NOP_Div][DT_F64] = ROW4(cdiv_f64, d), [NOP_FloorDiv][DT_F64] = ROW1(cfloordiv_f64, d), [NOP_Mod][DT_F64] = ROW1(cmod_f64, d),
    [NOP_Pow][DT_F64] = ROW4(cpow_f64, d),
    [NOP_Pow][DT_I8] = ROW1(npow_i8, i), [NOP_Pow][DT_I16] = ROW1(npow_i16, i), [NOP_Pow][DT_I32] = ROW1(npow_i32, i),
};
static const Fn4 numpy_pow_i64 = ROW1(npow_i64, i), python_div_c128 = ROW1(pydiv_c128, z), python_pow_c128 = ROW1(pypow_c128, z);

/* ---- comparisons of an int64 with a double or a uint64, exactly ------------------------------------------------------- */

#define EXACT_INT ((int64_t)1 << 53)

/* REVERSE: the operator with its operands exchanged. */
#define MIXED(OP, TEXT, REVERSE) \
static inline bool OP##_int_double(Run *x, int64_t i, double d) \
{ \
    if (LIKELY(i >= -EXACT_INT && i <= EXACT_INT)) \
        return (double)i TEXT d; \
    return number_compare(x->vm, CM_##OP, V_INT(i), V_FLOAT(d)).u.i; \
} \
static inline bool OP##_signed_unsigned(int64_t i, uint64_t u) { return i < 0 ? -1 TEXT 0 : (uint64_t)i TEXT u; } \
static int64_t OP##_id(ARGS) { int64_t i = CODE_A(i); return OP##_int_double(x, i, CODE_B(d)); } \
static int64_t OP##_di(ARGS) { double d = CODE_A(d); return REVERSE##_int_double(x, CODE_B(i), d); } \
static int64_t OP##_iu(ARGS) { int64_t i = CODE_A(i); return OP##_signed_unsigned(i, (uint64_t)CODE_B(i)); } \
static int64_t OP##_ui(ARGS) { uint64_t u = (uint64_t)CODE_A(i); return REVERSE##_signed_unsigned(CODE_B(i), u); }
#define DECLARE(OP) \
static inline bool OP##_int_double(Run *x, int64_t i, double d); \
static inline bool OP##_signed_unsigned(int64_t i, uint64_t u);
DECLARE(Lt) DECLARE(Le) DECLARE(Gt) DECLARE(Ge)
MIXED(Eq, ==, Eq) MIXED(Ne, !=, Ne) MIXED(Lt, <, Gt) MIXED(Le, <=, Ge) MIXED(Gt, >, Lt) MIXED(Ge, >=, Le)
#undef DECLARE
#undef MIXED

/* One of the operands is an int64. */
static CodeFn mixed_fn(NOp op, DType a, DType b)
{
#define MIXED(OP) case NOP_##OP: \
        return a == DT_F64 ? (CodeFn){ .i = OP##_di } : b == DT_F64 ? (CodeFn){ .i = OP##_id } \
             : a == DT_U64 ? (CodeFn){ .i = OP##_ui } : (CodeFn){ .i = OP##_iu };
    switch ((int)op) {
    MIXED(Eq) MIXED(Ne) MIXED(Lt) MIXED(Le) MIXED(Gt) MIXED(Ge)
    }
#undef MIXED
    return (CodeFn){ .i = NULL };
}

/* ---- other operations of two operands --------------------------------------------------------------------------------- */

static double intdiv(ARGS)
{
    int64_t p = CODE_A(i), q = CODE_B(i);
    if (LIKELY(q != 0 && p >= -EXACT_INT && p <= EXACT_INT && q >= -EXACT_INT && q <= EXACT_INT))
        return (double)p / (double)q;
    if (q == 0)
        return fail_d(x, c->check);
    return number_binary(x->vm, BI_Div, V_INT(p), V_INT(q)).u.f;
}

static ElC64 complex_c64(ARGS) { float re = CODE_A(f); return (ElC64){ re, CODE_B(f) }; }
static ElC128 complex_c128(ARGS) { double re = CODE_A(d); return (ElC128){ re, CODE_B(d) }; }
static int64_t and_also(ARGS) { return CODE_A(i) && CODE_B(i); }
static int64_t or_else(ARGS) { return CODE_A(i) || CODE_B(i); }

#define SELECT(K, M, T) static T select_##M(ARGS) { return CODE_A(i) ? CODE_B(M) : c->c->fn.M(c->c, x); }
EACH_KIND(SELECT)
#undef SELECT
#define ROW(K, M, T) [K] = { .M = select_##M },
static const CodeFn select_fn[EK_COUNT] = { EACH_KIND(ROW) };
#undef ROW

/* ---- one operand ------------------------------------------------------------------------------------------------------ */

#define UNARY(NAME, RT, M, T, EXPR) static RT NAME(ARGS) { T p = (T)CODE_A(M); return (RT)(EXPR); }
#define UNARY_INT(S, T, U, BITS) \
    UNARY(neg_##S, int64_t, i, T, el_neg_##S(p)) \
    UNARY(invert_##S, int64_t, i, T, (T)~p) \
    UNARY(abs_##S, int64_t, i, T, el_abs_##S(p))
EL_EACH_SIGNED(UNARY_INT)
EL_EACH_UNSIGNED(UNARY_INT)
UNARY(neg_f32, float, f, float, -p)
UNARY(neg_f64, double, d, double, -p)
UNARY(abs_f32, float, f, float, fabsf(p))
UNARY(abs_f64, double, d, double, fabs(p))
UNARY(not_b1, int64_t, i, int64_t, !p)
UNARY(same_b1, int64_t, i, int64_t, p)
UNARY(cneg_i64, int64_t, i, int64_t, p != INT64_MIN ? -p : fail_i(x, c->check))
UNARY(cabs_i64, int64_t, i, int64_t, p >= 0 ? p : p != INT64_MIN ? -p : fail_i(x, c->check))
UNARY(truth_i, int64_t, i, int64_t, p != 0)
UNARY(truth_f, int64_t, f, float, p != 0)
UNARY(truth_d, int64_t, d, double, p != 0)
static int64_t truth_c(ARGS) { return el_truth_c64(CODE_A(c)); }
static int64_t truth_z(ARGS) { return el_truth_c128(CODE_A(z)); }
static ElC64  neg_c64(ARGS)   { return el_neg_c64(CODE_A(c)); }
static ElC128 neg_c128(ARGS)  { return el_neg_c128(CODE_A(z)); }
static ElC64  conj_c64(ARGS)  { ElC64 p = CODE_A(c); return (ElC64){ p.re, -p.im }; }
static ElC128 conj_c128(ARGS) { ElC128 p = CODE_A(z); return (ElC128){ p.re, -p.im }; }
static float  abs_c64(ARGS)   { return el_abs_c64(CODE_A(c)); }
static double abs_c128(ARGS)  { return el_abs_c128(CODE_A(z)); }
static float  real_c64(ARGS)  { return CODE_A(c).re; }
static double real_c128(ARGS) { return CODE_A(z).re; }
static float  imag_c64(ARGS)  { return CODE_A(c).im; }
static double imag_c128(ARGS) { return CODE_A(z).im; }
/* Python's: an absolute value that overflows raises. */
static double cabs_c128(ARGS)
{
    ElC128 p = CODE_A(z);
    double r = elem_hypot(p.re, p.im);
    return isinf(r) && isfinite(p.re) && isfinite(p.im) ? fail_d(x, c->check) : r;
}

#define ROW_INT(NAME, OP) \
    [NOP_##NAME][DT_I8] = { .i = OP##_i8 }, [NOP_##NAME][DT_I16] = { .i = OP##_i16 }, [NOP_##NAME][DT_I32] = { .i = OP##_i32 }, \
    [NOP_##NAME][DT_I64] = { .i = OP##_i64 }, [NOP_##NAME][DT_U8] = { .i = OP##_u8 }, [NOP_##NAME][DT_U16] = { .i = OP##_u16 }, \
    [NOP_##NAME][DT_U32] = { .i = OP##_u32 }, [NOP_##NAME][DT_U64] = { .i = OP##_u64 },
/* By the operand's representation. */
static const CodeFn unary_fn[NOP_COUNT][DT_COUNT] = {
    ROW_INT(Neg, neg) ROW_INT(Invert, invert) ROW_INT(Abs, abs)
    [NOP_Neg][DT_F32] = { .f = neg_f32 }, [NOP_Neg][DT_F64] = { .d = neg_f64 },
    [NOP_Neg][DT_C64] = { .c = neg_c64 }, [NOP_Neg][DT_C128] = { .z = neg_c128 },
    [NOP_Invert][DT_Bool] = { .i = not_b1 }, [NOP_Not][DT_Bool] = { .i = not_b1 },
    [NOP_Abs][DT_Bool] = { .i = same_b1 }, [NOP_Abs][DT_F32] = { .f = abs_f32 }, [NOP_Abs][DT_F64] = { .d = abs_f64 },
    [NOP_Abs][DT_C64] = { .f = abs_c64 }, [NOP_Abs][DT_C128] = { .d = abs_c128 },
    [NOP_Real][DT_C64] = { .f = real_c64 }, [NOP_Real][DT_C128] = { .d = real_c128 },
    [NOP_Imag][DT_C64] = { .f = imag_c64 }, [NOP_Imag][DT_C128] = { .d = imag_c128 },
    [NOP_Conj][DT_C64] = { .c = conj_c64 }, [NOP_Conj][DT_C128] = { .z = conj_c128 },
};
static const CodeFn truth_fn[EK_COUNT] = {
    [EK_I] = { .i = truth_i }, [EK_F] = { .i = truth_f }, [EK_D] = { .i = truth_d }, [EK_C] = { .i = truth_c },
        [EK_Z] = { .i = truth_z },
};

/* ---- conversions ------------------------------------------------------------------------------------------------------ */

/* Beyond 32 bits and for NaN as NumPy's astype() does. */
static NOINLINE int64_t cast_slow(DType to, double v)
{
    char bytes[16] = { 0 };
    Slot s;
    array_cast(to, bytes, 0, DT_F64, (const char *)&v, 0, 1);
    slot_load(&s, to, bytes);
    return s.i;
}

/* Sources: i int64_t, u uint64_t, f float, d double, c ElC64, z ElC128; a narrower integer is an int64_t. */
#define CAST_TO_INT(S, T, D) \
static inline int64_t cut_##S(double v) \
{ \
    return LIKELY(v > -2147483648.0 && v < 2147483648.0) ? (int64_t)(T)(int32_t)v : cast_slow(D, v); \
} \
static int64_t i_to_##S(ARGS) { return (int64_t)(T)CODE_A(i); } \
static int64_t f_to_##S(ARGS) { return cut_##S(CODE_A(f)); } \
static int64_t d_to_##S(ARGS) { return cut_##S(CODE_A(d)); } \
static int64_t c_to_##S(ARGS) { return cut_##S(CODE_A(c).re); } \
static int64_t z_to_##S(ARGS) { return cut_##S(CODE_A(z).re); }
CAST_TO_INT(i8, int8_t, DT_I8)      CAST_TO_INT(i16, int16_t, DT_I16)   CAST_TO_INT(i32, int32_t, DT_I32)   CAST_TO_INT(i64,
    int64_t, DT_I64)
CAST_TO_INT(u8, uint8_t, DT_U8)     CAST_TO_INT(u16, uint16_t, DT_U16)  CAST_TO_INT(u32, uint32_t, DT_U32)  CAST_TO_INT(u64,
    uint64_t, DT_U64)

#define CAST_TO_REAL(S, T) \
static T i_to_##S(ARGS) { return (T)CODE_A(i); } \
static T u_to_##S(ARGS) { return (T)(uint64_t)CODE_A(i); } \
static T f_to_##S(ARGS) { return (T)CODE_A(f); } \
static T d_to_##S(ARGS) { return (T)CODE_A(d); } \
static T c_to_##S(ARGS) { return (T)CODE_A(c).re; } \
static T z_to_##S(ARGS) { return (T)CODE_A(z).re; }
CAST_TO_REAL(f32, float)
CAST_TO_REAL(f64, double)

#define CAST_TO_COMPLEX(S, C, T) \
static C i_to_##S(ARGS) { return (C){ (T)CODE_A(i), 0 }; } \
static C u_to_##S(ARGS) { return (C){ (T)(uint64_t)CODE_A(i), 0 }; } \
static C f_to_##S(ARGS) { return (C){ (T)CODE_A(f), 0 }; } \
static C d_to_##S(ARGS) { return (C){ (T)CODE_A(d), 0 }; } \
static C c_to_##S(ARGS) { ElC64 p = CODE_A(c); return (C){ (T)p.re, (T)p.im }; } \
static C z_to_##S(ARGS) { ElC128 p = CODE_A(z); return (C){ (T)p.re, (T)p.im }; }
CAST_TO_COMPLEX(c64, ElC64, float)
CAST_TO_COMPLEX(c128, ElC128, double)

typedef enum CastFrom { CF_I, CF_U, CF_F, CF_D, CF_C, CF_Z, CF_COUNT } CastFrom;
static CastFrom cast_from(DType d)
{
    static const CastFrom by_kind[EK_COUNT] = { [EK_I] = CF_I, [EK_D] = CF_D, [EK_F] = CF_F, [EK_C] = CF_C, [EK_Z] = CF_Z };
    return d == DT_U64 ? CF_U : by_kind[eval_kind(d)];
}

#define ROW_TO(D, S, M, U) \
    [D] = { [CF_I] = { .M = i_to_##S }, [CF_U] = { .M = U##_to_##S }, [CF_F] = { .M = f_to_##S }, [CF_D] = { .M = d_to_##S }, \
            [CF_C] = { .M = c_to_##S }, [CF_Z] = { .M = z_to_##S } },
static const CodeFn cast_fn[DT_COUNT][CF_COUNT] = {
    [DT_Bool] = { [CF_I] = { .i = truth_i }, [CF_U] = { .i = truth_i }, [CF_F] = { .i = truth_f }, [CF_D] = { .i = truth_d },
                  [CF_C] = { .i = truth_c }, [CF_Z] = { .i = truth_z } },
    ROW_TO(DT_I8, i8, i, i) ROW_TO(DT_I16, i16, i, i) ROW_TO(DT_I32, i32, i, i) ROW_TO(DT_I64, i64, i, i)
    ROW_TO(DT_U8, u8, i, i) ROW_TO(DT_U16, u16, i, i) ROW_TO(DT_U32, u32, i, i) ROW_TO(DT_U64, u64, i, i)
    ROW_TO(DT_F32, f32, f, u) ROW_TO(DT_F64, f64, d, u) ROW_TO(DT_C64, c64, c, u) ROW_TO(DT_C128, c128, z, u)
};

/* Checks of a conversion: the operand itself if it passes. */
static int64_t guard_range_i(ARGS)
{
    int64_t p = CODE_A(i);
    return LIKELY(p >= c->u.range[0] && p <= c->u.range[1]) ? p : fail_i(x, c->check);
}

static int64_t guard_range_u(ARGS)
{
    uint64_t p = (uint64_t)CODE_A(i);
    return LIKELY(p <= (uint64_t)c->u.range[1]) ? (int64_t)p : fail_i(x, c->check);
}

static double guard_limits_d(ARGS)
{
    double p = CODE_A(d);
    return LIKELY(p > c->u.limits[0] && p < c->u.limits[1]) ? p : fail_d(x, c->check);
}

static float guard_limits_f(ARGS)
{
    float p = CODE_A(f);
    return LIKELY(p > c->u.limits[0] && p < c->u.limits[1]) ? p : (float)fail_d(x, c->check);
}

/* Does it survive as a float of this type?  2**63 and above are tested before they are converted back. */
#define GUARD_EXACT(NAME, F, S, T, TOP) \
static int64_t guard_##NAME(ARGS) \
{ \
    S p = (S)CODE_A(i); \
    F r = (F)p; \
    return LIKELY(r < TOP && (T)r == p) ? (int64_t)p : fail_i(x, c->check); \
}
GUARD_EXACT(exact_i_f64, double, int64_t, int64_t, 0x1p63)
GUARD_EXACT(exact_u_f64, double, uint64_t, uint64_t, 0x1p64)
GUARD_EXACT(exact_i_f32, float, int64_t, int64_t, 0x1p63f)
GUARD_EXACT(exact_u_f32, float, uint64_t, uint64_t, 0x1p64f)
#undef GUARD_EXACT

/* A double as a float. */
static double guard_exact_d_f32(ARGS)
{
    double p = CODE_A(d);
    return LIKELY((double)(float)p == p || p != p) ? p : fail_d(x, c->check);
}

/* ---- elementary functions --------------------------------------------------------------------------------------------- */

static double fun_d1(ARGS) { return c->u.fun->f64_1(CODE_A(d)); }
static float  fun_f1(ARGS) { return c->u.fun->f32_1(CODE_A(f)); }
static double fun_d2(ARGS) { double p = CODE_A(d); return c->u.fun->f64_2(p, CODE_B(d)); }
static float  fun_f2(ARGS) { float p = CODE_A(f); return c->u.fun->f32_2(p, CODE_B(f)); }
static double sqrt_d(ARGS) { return sqrt(CODE_A(d)); }
static float  sqrt_f(ARGS) { return sqrtf(CODE_A(f)); }

static ElC64  fun_c1(ARGS) { return el_from_c64(c->u.fun->c64_1(el_complex_c64(CODE_A(c)))); }
static ElC128 fun_z1(ARGS) { return el_from_c128(c->u.fun->c128_1(el_complex_c128(CODE_A(z)))); }

/* Functions of module math, where they may raise. */
static double checked_d1(ARGS)
{
    double p = CODE_A(d), r = c->u.fun->f64_1(p);
    return LIKELY(nfun_in_domain((NFunId)(c->u.fun - nfun_info), p, 0, r)) ? r : fail_d(x, c->check);
}

static double checked_d2(ARGS)
{
    double p = CODE_A(d), q = CODE_B(d), r = c->u.fun->f64_2(p, q);
    return LIKELY(nfun_in_domain((NFunId)(c->u.fun - nfun_info), p, q, r)) ? r : fail_d(x, c->check);
}

/* ---- the interpreter's operator --------------------------------------------------------------------------------------- */

static bool operand_value(Run *x, const Code *code, const NExpr *e, Tag tag, Value *out)
{
    Slot s;
    switch (eval_kind((DType)e->rep)) {
#define CASE(K, M, T) case K: s.M = code->fn.M(code, x); break;
    EACH_KIND(CASE)
#undef CASE
    case EK_COUNT: break;
    }
    *out = slot_to_value(x->vm, &s, (DType)e->rep, tag);
    return !IS_ERR(*out);
}

static NOINLINE Slot generic(ARGS)
{
    const NExpr *e = c->u.expr;
    Slot out = { .z = { 0, 0 } };
    Value a = V_ERR, b = V_ERR, r = V_ERR;
    if (operand_value(x, c->a.code, e->a, (Tag)e->u.generic.tag_a, &a) &&
        (!e->b || operand_value(x, c->b.code, e->b, (Tag)e->u.generic.tag_b, &b)))
        r = e->u.generic.op < BI_COUNT ? op_binary(x->vm, (BinOp)e->u.generic.op, a, b)
                                       : op_compare(x->vm, (CmpOp)(e->u.generic.op - BI_COUNT), a, b);
    if (IS_ERR(r))
        run_raised(x, c->check);
    else if (r.tag > 31 || !(e->tags & TAGS(r.tag)) || !slot_from_value(&out, (DType)e->rep, r))
        run_fail(x, c->check);
    value_free(x->vm, r);
    value_free(x->vm, b);
    value_free(x->vm, a);
    return out;
}

#define GENERIC(K, M, T) static T generic_##M(ARGS) { return generic(c, x).M; }
EACH_KIND(GENERIC)
#undef GENERIC
#define ROW(K, M, T) [K] = { .M = generic_##M },
static const CodeFn generic_fn[EK_COUNT] = { EACH_KIND(ROW) };
#undef ROW

/* ---- leaves ----------------------------------------------------------------------------------------------------------- */

#define READ(K, M, T) static T read_##M(ARGS) { return SLOT_A(M); }
EACH_KIND(READ)
#undef READ
#define ROW(K, M, T) [K] = { .M = read_##M },
static const CodeFn read_fn[EK_COUNT] = { EACH_KIND(ROW) };
#undef ROW

Code *code_leaf(Prog *p, DType rep, const Slot *slot)
{
    Code *c = code_new(p);
    if (c) {
        c->fn = read_fn[eval_kind(rep)];
        c->a.slot = slot;
        c->is_leaf = true;
    }
    return c;
}

static Code *code_const(Prog *p, const NExpr *e)
{
    Slot *s = ARENA_NEW(&p->arena, Slot);
    if (!s)
        return NULL;
    switch (eval_kind((DType)e->rep)) {
    case EK_I:  s->i = e->u.i; break;
    case EK_D:  s->d = e->u.f; break;
    case EK_F:  s->f = (float)e->u.f; break;
    case EK_C:  s->c = (ElC64){ (float)e->u.z[0], (float)e->u.z[1] }; break;
    case EK_Z:  s->z = (ElC128){ e->u.z[0], e->u.z[1] }; break;
    case EK_COUNT: break;
    }
    return code_leaf(p, (DType)e->rep, s);
}

/* ---- translation ------------------------------------------------------------------------------------------------------ */

/* A node over a, or over a and b, with function fn. */
static Code *code_node(Prog *p, CodeFn fn, const Code *a, const Code *b, uint32_t check)
{
    Code *c = code_new(p);
    if (c) {
        c->fn = fn;
        c->a.code = a;
        c->b.code = b;
        c->check = check;
    }
    return c;
}

static const Code *code_fn4(Prog *p, const Fn4 *f, const Code *a, const Code *b, uint32_t check)
{
    ALP_ASSERT(f->cc.i);
    Code *c = code_node(p, f->cc, a, b, check);
    if (!c || !f->ss.i)
        return c;
    if (a->is_leaf)
        c->a.slot = a->a.slot;
    if (b->is_leaf)
        c->b.slot = b->a.slot;
    c->fn = a->is_leaf ? b->is_leaf ? f->ss : f->sc : b->is_leaf ? f->cs : f->cc;
    return c;
}

const Code *code_binary(Prog *p, NOp op, DType rep, const Code *a, const Code *b, uint32_t check)
{
    const Fn4 *f = &checked_fn[op][rep];
    if (check == NO_CHECK || !f->cc.i)
        f = &binary_fn[op][rep];
    return code_fn4(p, f, a, b, check);
}

static const Code *binary(Prog *p, const NExpr *e, const Code *a, const Code *b, uint32_t check)
{
    NOp op = (NOp)e->op;
    DType ra = (DType)e->a->rep, rb = (DType)e->b->rep;
    bool py = e->flavour & NE_PY;
    if (ra != rb)
        return code_node(p, mixed_fn(op, ra, rb), a, b, NO_CHECK);
    if (py && ra == DT_C128 && op == NOP_Div)
        return code_fn4(p, &python_div_c128, a, b, check);
    if (py && ra == DT_C128 && op == NOP_Pow)
        return code_fn4(p, &python_pow_c128, a, b, check);
    if (!py && ra == DT_I64)        /* NumPy's wrap, and have a check for negative exponents only */
        return op == NOP_Pow && check != NO_CHECK ? code_fn4(p, &numpy_pow_i64, a, b, check) : code_binary(p, op, ra, a, b,
            NO_CHECK);
    return code_binary(p, op, ra, a, b, check);
}

static const Code *guard_range(Prog *p, const Code *a, DType from, DType to, uint32_t check)
{
    int64_t min;
    uint64_t max;
    if (!dtype_int_range(to, &min, &max))
        return a;
    if (eval_kind(from) == EK_I) {
        Code *c = code_node(p, from == DT_U64 ? (CodeFn){ .i = guard_range_u } : (CodeFn){ .i = guard_range_i }, a, NULL, check);
        if (c) {
            c->u.range[0] = min;
            c->u.range[1] = from != DT_U64 && max > INT64_MAX ? INT64_MAX : (int64_t)max;
        }
        return c;
    }
    if (from != DT_F64 && from != DT_F32)
        return a;
    Code *c = code_node(p, from == DT_F64 ? (CodeFn){ .d = guard_limits_d } : (CodeFn){ .f = guard_limits_f }, a, NULL, check);
    if (c) {
        /* Fractions are cut off, so everything above min - 1 and below max + 1 fits. */
        c->u.limits[0] = min == INT64_MIN ? nextafter(-0x1p63, -INFINITY) : (double)min - 1;
        c->u.limits[1] = max == INT64_MAX ? 0x1p63 : max == UINT64_MAX ? 0x1p64 : (double)max + 1;
    }
    return c;
}

static const Code *guard_exact(Prog *p, const Code *a, DType from, DType to, uint32_t check)
{
    /* ORDER: from int64, uint64, double; to a single or a double (complex numbers have such parts). */
    static const CodeFn guard[3][2] = {
        { { .i = guard_exact_i_f32 }, { .i = guard_exact_i_f64 } },
        { { .i = guard_exact_u_f32 }, { .i = guard_exact_u_f64 } },
        { { .d = guard_exact_d_f32 }, { .d = NULL } },
    };
    EvalKind kind = eval_kind(to);
    if (kind == EK_I || (eval_kind(from) != EK_I && from != DT_F64))
        return a;
    CodeFn fn = guard[from == DT_F64 ? 2 : from == DT_U64][kind == EK_D || kind == EK_Z];
    return fn.i ? code_node(p, fn, a, NULL, check) : a;
}

static const Code *cast(Prog *p, const NExpr *e, const Code *a, uint32_t check)
{
    DType from = (DType)e->a->rep, to = (DType)e->rep;
    if (check != NO_CHECK) {
        a = p->nest->checks[check].kind == CK_Exact ? guard_exact(p, a, from, to, check) : guard_range(p, a, from, to, check);
        if (!a)
            return NULL;
    }
    return from == to ? a : code_node(p, cast_fn[to][cast_from(from)], a, NULL, NO_CHECK);
}

static const Code *unary(Prog *p, const NExpr *e, const Code *a, uint32_t check)
{
    DType rep = (DType)e->a->rep;
    CodeFn fn = e->op == NOP_Truth ? truth_fn[eval_kind(rep)] : unary_fn[e->op][rep];
    if (check != NO_CHECK && e->op == NOP_Neg && rep == DT_I64)
        fn.i = cneg_i64;
    if (check != NO_CHECK && e->op == NOP_Abs && rep == DT_I64)
        fn.i = cabs_i64;
    if (check != NO_CHECK && e->op == NOP_Abs && rep == DT_C128)
        fn.d = cabs_c128;
    ALP_ASSERT(fn.i);
    return code_node(p, fn, a, NULL, check);
}

static const Code *function(Prog *p, const NExpr *e, const Code *a, const Code *b, uint32_t check)
{
    Code *c = code_node(p, (CodeFn){ .i = NULL }, a, b, check);
    bool checks = check != NO_CHECK;
    if (!c)
        return NULL;
    c->u.fun = &nfun_info[e->fun];
    switch (eval_kind((DType)e->rep)) {
    case EK_D:
        c->fn.d = e->b ? checks ? checked_d2 : fun_d2 : checks ? checked_d1 : e->fun == NF_Sqrt ? sqrt_d : fun_d1;
        break;
    case EK_F:
        c->fn.f = e->b ? fun_f2 : e->fun == NF_Sqrt ? sqrt_f : fun_f1;
        break;
    case EK_C:  c->fn.c = fun_c1; break;
    case EK_Z:  c->fn.z = fun_z1; break;
    case EK_I: case EK_COUNT: break;
    }
    return c;
}

uint32_t code_check(const Prog *p, uint32_t check)
{
    if (check == NO_CHECK || (p->plan && p->plan->proved[check] && !p->verify))
        return NO_CHECK;
    return check;
}

const Code *code_operation(Prog *p, const NExpr *e, const Code *a, const Code *b)
{
    uint32_t check = code_check(p, e->check);
    Code *c;
    switch ((NOp)e->op) {
    case NOP_Cast:      return cast(p, e, a, check);
    case NOP_IntDiv:    return code_node(p, (CodeFn){ .d = intdiv }, a, b, check);
    case NOP_Complex:   return code_node(p, e->rep == DT_C64 ? (CodeFn){ .c = complex_c64 } : (CodeFn){ .z = complex_c128 }, a,
                                         b, NO_CHECK);
    case NOP_AndAlso:   return code_node(p, (CodeFn){ .i = and_also }, a, b, NO_CHECK);
    case NOP_OrElse:    return code_node(p, (CodeFn){ .i = or_else }, a, b, NO_CHECK);
    case NOP_Fun:       return function(p, e, a, b, check);
    case NOP_Select:
        c = code_node(p, select_fn[eval_kind((DType)e->rep)], a, b, NO_CHECK);
        return c && (c->c = code_expr(p, e->c)) ? c : NULL;
    case NOP_Generic:
        c = code_node(p, generic_fn[eval_kind((DType)e->rep)], a, b, e->check);
        if (c)
            c->u.expr = e;
        return c;
    case NOP_Neg: case NOP_Invert: case NOP_Not: case NOP_Abs: case NOP_Real: case NOP_Imag: case NOP_Conj: case NOP_Truth:
        return unary(p, e, a, check);
    case NOP_Add: case NOP_Sub: case NOP_Mul: case NOP_Div: case NOP_FloorDiv: case NOP_Mod: case NOP_Pow:
    case NOP_And: case NOP_Or: case NOP_Xor: case NOP_Shl: case NOP_Shr:
    case NOP_Eq: case NOP_Ne: case NOP_Lt: case NOP_Le: case NOP_Gt: case NOP_Ge: case NOP_NpMin: case NOP_NpMax:
        return binary(p, e, a, b, check);
    case NOP_Const: case NOP_Var: case NOP_Counter: case NOP_Extent: case NOP_Load: case NOP_COUNT:
        break;
    }
    return NULL;
}

const Code *code_expr(Prog *p, const NExpr *e)
{
    const Code *a = NULL, *b = NULL;
    switch ((int)e->op) {
    case NOP_Const:     return code_const(p, e);
    case NOP_Var:       return code_leaf(p, (DType)e->rep, &p->var[e->u.var->id]);
    case NOP_Counter:   return code_leaf(p, DT_I64, &p->counter[e->u.loop->id]);
    case NOP_Extent:    return code_leaf(p, DT_I64, &p->array[e->u.extent.array->id].extent[e->u.extent.axis]);
    case NOP_Load:      return code_load(p, e);
    default:            break;
    }
    if ((e->a && !(a = code_expr(p, e->a))) || (e->b && !(b = code_expr(p, e->b))))
        return NULL;
    return code_operation(p, e, a, b);
}
