/* jit/cpu/emit_arith.c — arithmetic without checks, scalar or in lanes: interp/elementwise.h and the complex part of
 * interp/number.c as LLVM IR.
 *
 * Everything is straight-line code: both ways of a choice are computed and one is selected, so that loops around it can be
 * vectorised.  No operation here traps or is undefined for any operands (division by zero is replaced by division by one,
 * shift counts are cut off). */
#include <string.h>

#include "jit/cpu/emit.h"

/* ---- types and constants ----------------------------------------------------------------------------------------------- */

bool emit_is_complex(DType rep)
{
    return rep == DT_C64 || rep == DT_C128;
}

bool emit_is_float(DType rep)
{
    return rep == DT_F32 || rep == DT_F64;
}

bool emit_is_signed(DType rep)
{
    return rep >= DT_I8 && rep <= DT_I64;
}

int emit_size(DType rep)
{
    switch (rep) {
    case DT_Bool: case DT_I8: case DT_U8: return 1;
    case DT_I16: case DT_U16: return 2;
    case DT_I32: case DT_U32: case DT_F32: return 4;
    case DT_C128: return 16;
    case DT_I64: case DT_U64: case DT_F64: case DT_C64: case DT_COUNT: break;
    }
    return 8;
}

LLVMTypeRef emit_scalar_type(const Emit *e, DType rep)
{
    switch (rep) {
    case DT_Bool: return e->i1;
    case DT_I8: case DT_U8: return e->i8;
    case DT_I16: case DT_U16: return e->i16;
    case DT_I32: case DT_U32: return e->i32;
    case DT_I64: case DT_U64: return e->i64;
    case DT_F32: case DT_C64: return e->f32;
    case DT_F64: case DT_C128: case DT_COUNT: break;
    }
    return e->f64;
}

static LLVMTypeRef widen(const Emit *e, LLVMTypeRef t)
{
    return e->width > 1 ? LLVMVectorType(t, (unsigned)e->width) : t;
}

LLVMTypeRef emit_type(const Emit *e, DType rep)
{
    return widen(e, emit_scalar_type(e, rep));
}

LLVMValueRef emit_int(const Emit *e, int64_t v)
{
    return LLVMConstInt(e->i64, (uint64_t)v, true);
}

LLVMValueRef emit_splat(Emit *e, LLVMValueRef scalar)
{
    if (e->width == 1)
        return scalar;
    if (LLVMIsConstant(scalar)) {
        LLVMValueRef all[64];
        for (int i = 0; i < e->width; i++)
            all[i] = scalar;
        return LLVMConstVector(all, (unsigned)e->width);
    }
    LLVMTypeRef type = widen(e, LLVMTypeOf(scalar));
    LLVMValueRef one = LLVMBuildInsertElement(e->b, LLVMGetPoison(type), scalar, LLVMConstInt(e->i32, 0, false), "");
    return LLVMBuildShuffleVector(e->b, one, LLVMGetPoison(type), LLVMConstNull(LLVMVectorType(e->i32, (unsigned)e->width)), "");
}

Val emit_splat_val(Emit *e, Val v)
{
    return (Val){ emit_splat(e, v.re), v.im ? emit_splat(e, v.im) : NULL };
}

LLVMValueRef emit_int_of(Emit *e, DType rep, int64_t v)
{
    return emit_splat(e, LLVMConstInt(emit_scalar_type(e, rep), (uint64_t)v, true));
}

LLVMValueRef emit_real_of(Emit *e, DType rep, double v)
{
    return emit_splat(e, LLVMConstReal(emit_scalar_type(e, rep), v));
}

static Val one(LLVMValueRef v)
{
    return (Val){ v, NULL };
}

LLVMValueRef emit_intrinsic(Emit *e, const char *name, LLVMTypeRef *types, unsigned n_types, LLVMValueRef *args, unsigned n_args)
{
    unsigned id = LLVMLookupIntrinsicID(name, strlen(name));
    LLVMValueRef fn = LLVMGetIntrinsicDeclaration(e->module, id, types, n_types);
    return LLVMBuildCall2(e->b, LLVMIntrinsicGetType(e->cx, id, types, n_types), fn, args, n_args, "");
}

LLVMValueRef emit_intrinsic1(Emit *e, const char *name, LLVMValueRef a)
{
    LLVMTypeRef t = LLVMTypeOf(a);
    return emit_intrinsic(e, name, &t, 1, &a, 1);
}

LLVMValueRef emit_intrinsic2(Emit *e, const char *name, LLVMValueRef a, LLVMValueRef b)
{
    LLVMTypeRef t = LLVMTypeOf(a);
    return emit_intrinsic(e, name, &t, 1, (LLVMValueRef[]){ a, b }, 2);
}

#define F(name, p, q)  LLVMBuildF##name(e->b, p, q, "")
#define PICK(c, p, q)  LLVMBuildSelect(e->b, c, p, q, "")
#define AND(p, q)      LLVMBuildAnd(e->b, p, q, "")
#define OR(p, q)       LLVMBuildOr(e->b, p, q, "")

/* ---- comparisons ------------------------------------------------------------------------------------------------------- */

static LLVMValueRef compare_ints(Emit *e, NOp op, bool is_signed, LLVMValueRef a, LLVMValueRef b)
{
    static const LLVMIntPredicate s[] = { LLVMIntEQ, LLVMIntNE, LLVMIntSLT, LLVMIntSLE, LLVMIntSGT, LLVMIntSGE },
                                  u[] = { LLVMIntEQ, LLVMIntNE, LLVMIntULT, LLVMIntULE, LLVMIntUGT, LLVMIntUGE };
    return LLVMBuildICmp(e->b, (is_signed ? s : u)[op - NOP_Eq], a, b, "");
}

static LLVMValueRef compare_floats(Emit *e, NOp op, LLVMValueRef a, LLVMValueRef b)
{
    static const LLVMRealPredicate p[] = { LLVMRealOEQ, LLVMRealUNE, LLVMRealOLT, LLVMRealOLE, LLVMRealOGT, LLVMRealOGE };
    return LLVMBuildFCmp(e->b, p[op - NOP_Eq], a, b, "");
}

static LLVMValueRef is_nan(Emit *e, LLVMValueRef a)
{
    return LLVMBuildFCmp(e->b, LLVMRealUNO, a, a, "");
}

/* By real part, then by imaginary part; false where a deciding part is NaN. */
static LLVMValueRef complex_less(Emit *e, bool or_equal, Val a, Val b)
{
    LLVMValueRef known = LLVMBuildFCmp(e->b, LLVMRealORD, a.im, b.im, "");
    return OR(AND(compare_floats(e, NOP_Lt, a.re, b.re), known),
              AND(compare_floats(e, NOP_Eq, a.re, b.re), compare_floats(e, or_equal ? NOP_Le : NOP_Lt, a.im, b.im)));
}

static LLVMValueRef compare_complex(Emit *e, NOp op, Val a, Val b)
{
    switch ((int)op) {
    case NOP_Lt: case NOP_Le: return complex_less(e, op == NOP_Le, a, b);
    case NOP_Gt: case NOP_Ge: return complex_less(e, op == NOP_Ge, b, a);
    default: {
        LLVMValueRef same = AND(compare_floats(e, NOP_Eq, a.re, b.re), compare_floats(e, NOP_Eq, a.im, b.im));
        return op == NOP_Eq ? same : LLVMBuildNot(e->b, same, "");
    }
    }
}

LLVMValueRef emit_compare(Emit *e, NOp op, DType rep, Val a, Val b)
{
    if (emit_is_complex(rep))
        return compare_complex(e, op, a, b);
    return emit_is_float(rep) ? compare_floats(e, op, a.re, b.re) : compare_ints(e, op, emit_is_signed(rep), a.re, b.re);
}

LLVMValueRef emit_truth(Emit *e, DType rep, Val a)
{
    if (emit_is_complex(rep))
        return OR(LLVMBuildFCmp(e->b, LLVMRealUNE, a.re, emit_real_of(e, rep, 0), ""),
                  LLVMBuildFCmp(e->b, LLVMRealUNE, a.im, emit_real_of(e, rep, 0), ""));
    if (emit_is_float(rep))
        return LLVMBuildFCmp(e->b, LLVMRealUNE, a.re, emit_real_of(e, rep, 0), "");
    return rep == DT_Bool ? a.re : LLVMBuildICmp(e->b, LLVMIntNE, a.re, emit_int_of(e, rep, 0), "");
}

Val emit_select(Emit *e, LLVMValueRef c, Val a, Val b)
{
    return (Val){ PICK(c, a.re, b.re), a.im ? PICK(c, a.im, b.im) : NULL };
}

/* ---- integers ---------------------------------------------------------------------------------------------------------- */

static bool is_const_int(LLVMValueRef b, int64_t *v)
{
    if (LLVMGetTypeKind(LLVMTypeOf(b)) == LLVMVectorTypeKind && LLVMIsConstant(b) && !LLVMIsUndef(b)) {
        LLVMValueRef first = LLVMGetAggregateElement(b, 0);
        for (unsigned i = 1; first && i < LLVMGetVectorSize(LLVMTypeOf(b)); i++)
            if (LLVMGetAggregateElement(b, i) != first)
                return false;
        b = first;
    }
    if (!b || !LLVMIsAConstantInt(b))
        return false;
    *v = LLVMConstIntGetSExtValue(b);
    return true;
}

/* Floored division; x // 0 and x % 0 are 0, and INT_MIN // -1 wraps. */
static LLVMValueRef floor_divide(Emit *e, DType rep, LLVMValueRef a, LLVMValueRef b, bool is_mod)
{
    LLVMValueRef zero = emit_int_of(e, rep, 0), unit = emit_int_of(e, rep, 1);
    int64_t known = 0;
    bool simple = is_const_int(b, &known) && known != 0 && known != -1;
    if (!emit_is_signed(rep)) {
        LLVMValueRef is_zero = LLVMBuildICmp(e->b, LLVMIntEQ, b, zero, "");
        LLVMValueRef safe = simple ? b : PICK(is_zero, unit, b);
        LLVMValueRef r = is_mod ? LLVMBuildURem(e->b, a, safe, "") : LLVMBuildUDiv(e->b, a, safe, "");
        return simple ? r : PICK(is_zero, zero, r);
    }
    if (simple && known > 0 && (known & (known - 1)) == 0)
        return is_mod ? AND(a, emit_int_of(e, rep, known - 1))
                      : LLVMBuildAShr(e->b, a, emit_int_of(e, rep, __builtin_ctzll((uint64_t)known)), "");
    LLVMValueRef is_zero = NULL, is_minus = NULL, safe = b;
    if (!simple) {
        is_zero = LLVMBuildICmp(e->b, LLVMIntEQ, b, zero, "");
        is_minus = LLVMBuildICmp(e->b, LLVMIntEQ, b, emit_int_of(e, rep, -1), "");
        safe = PICK(OR(is_zero, is_minus), unit, b);
    }
    LLVMValueRef q = LLVMBuildSDiv(e->b, a, safe, ""), r = LLVMBuildSRem(e->b, a, safe, "");
    LLVMValueRef unlike = LLVMBuildICmp(e->b, LLVMIntSLT, LLVMBuildXor(e->b, r, safe, ""), zero, "");
    LLVMValueRef adjust = AND(LLVMBuildICmp(e->b, LLVMIntNE, r, zero, ""), unlike);
    if (is_mod) {
        LLVMValueRef m = PICK(adjust, LLVMBuildAdd(e->b, r, safe, ""), r);
        return simple ? m : PICK(OR(is_zero, is_minus), zero, m);
    }
    LLVMValueRef d = PICK(adjust, LLVMBuildSub(e->b, q, unit, ""), q);
    return simple ? d : PICK(is_zero, zero, PICK(is_minus, LLVMBuildNeg(e->b, a, ""), d));
}

static LLVMValueRef shift(Emit *e, NOp op, DType rep, LLVMValueRef a, LLVMValueRef b)
{
    unsigned bits = LLVMGetIntTypeWidth(emit_scalar_type(e, rep));
    LLVMValueRef inside = LLVMBuildICmp(e->b, LLVMIntULT, b, emit_int_of(e, rep, bits), ""), zero = emit_int_of(e, rep, 0);
    LLVMValueRef count = PICK(inside, b, zero);
    if (op == NOP_Shl)
        return PICK(inside, LLVMBuildShl(e->b, a, count, ""), zero);
    if (!emit_is_signed(rep))
        return PICK(inside, LLVMBuildLShr(e->b, a, count, ""), zero);
    return PICK(inside, LLVMBuildAShr(e->b, a, count, ""), LLVMBuildAShr(e->b, a, emit_int_of(e, rep, bits - 1), ""));
}

static LLVMValueRef bool_binary(Emit *e, NOp op, LLVMValueRef a, LLVMValueRef b)
{
    switch ((int)op) {
    case NOP_Add: case NOP_Or: case NOP_NpMax: return OR(a, b);
    case NOP_Mul: case NOP_And: case NOP_NpMin: return AND(a, b);
    case NOP_Xor: return LLVMBuildXor(e->b, a, b, "");
    default: return compare_ints(e, op, false, a, b);
    }
}

static LLVMValueRef int_binary(Emit *e, NOp op, DType rep, LLVMValueRef a, LLVMValueRef b, bool no_wrap)
{
    switch ((int)op) {
    case NOP_Add: return no_wrap ? LLVMBuildNSWAdd(e->b, a, b, "") : LLVMBuildAdd(e->b, a, b, "");
    case NOP_Sub: return no_wrap ? LLVMBuildNSWSub(e->b, a, b, "") : LLVMBuildSub(e->b, a, b, "");
    case NOP_Mul: return no_wrap ? LLVMBuildNSWMul(e->b, a, b, "") : LLVMBuildMul(e->b, a, b, "");
    case NOP_And: return AND(a, b);
    case NOP_Or:  return OR(a, b);
    case NOP_Xor: return LLVMBuildXor(e->b, a, b, "");
    case NOP_Shl: case NOP_Shr: return shift(e, op, rep, a, b);
    case NOP_FloorDiv: case NOP_Mod: return floor_divide(e, rep, a, b, op == NOP_Mod);
    case NOP_NpMin: return PICK(compare_ints(e, NOP_Lt, emit_is_signed(rep), a, b), a, b);
    case NOP_NpMax: return PICK(compare_ints(e, NOP_Gt, emit_is_signed(rep), a, b), a, b);
    default: return compare_ints(e, op, emit_is_signed(rep), a, b);
    }
}

/* ---- floats ------------------------------------------------------------------------------------------------------------ */

/* Python's divmod of floats as NumPy does it (el_divmod). */
static LLVMValueRef float_divmod(Emit *e, DType rep, LLVMValueRef a, LLVMValueRef b, bool is_mod)
{
    LLVMValueRef zero = emit_real_of(e, rep, 0), unit = emit_real_of(e, rep, 1), r = F(Rem, a, b);
    LLVMValueRef by_zero = compare_floats(e, NOP_Eq, b, zero), rest = compare_floats(e, NOP_Ne, r, zero);
    LLVMValueRef unlike = LLVMBuildXor(e->b, compare_floats(e, NOP_Lt, b, zero), compare_floats(e, NOP_Lt, r, zero), "");
    LLVMValueRef adjust = AND(rest, unlike);
    if (is_mod) {
        LLVMValueRef m = PICK(rest, PICK(adjust, F(Add, r, b), r), emit_intrinsic2(e, "llvm.copysign", zero, b));
        return PICK(by_zero, r, m);
    }
    LLVMValueRef exact = F(Div, a, b), q = F(Div, F(Sub, a, r), b);
    q = PICK(adjust, F(Sub, q, unit), q);
    LLVMValueRef whole = emit_intrinsic1(e, "llvm.floor", q);
    whole = PICK(compare_floats(e, NOP_Gt, F(Sub, q, whole), emit_real_of(e, rep, 0.5)), F(Add, whole, unit), whole);
    whole = PICK(compare_floats(e, NOP_Eq, q, zero), emit_intrinsic2(e, "llvm.copysign", zero, exact), whole);
    return PICK(by_zero, exact, whole);
}

static LLVMValueRef float_binary(Emit *e, NOp op, DType rep, LLVMValueRef a, LLVMValueRef b)
{
    switch ((int)op) {
    case NOP_Add: return F(Add, a, b);
    case NOP_Sub: return F(Sub, a, b);
    case NOP_Mul: return F(Mul, a, b);
    case NOP_Div: return F(Div, a, b);
    case NOP_FloorDiv: case NOP_Mod: return float_divmod(e, rep, a, b, op == NOP_Mod);
    case NOP_NpMin: return PICK(OR(compare_floats(e, NOP_Lt, a, b), is_nan(e, a)), a, b);
    case NOP_NpMax: return PICK(OR(compare_floats(e, NOP_Gt, a, b), is_nan(e, a)), a, b);
    default: return compare_floats(e, op, a, b);
    }
}

/* ---- complex ----------------------------------------------------------------------------------------------------------- */

static Val complex_multiply(Emit *e, Val a, Val b)
{
    return (Val){ F(Sub, F(Mul, a.re, b.re), F(Mul, a.im, b.im)), F(Add, F(Mul, a.re, b.im), F(Mul, a.im, b.re)) };
}

/* Smith's method: p is the larger part of the divisor, q the other one.  Python divides by p + q * ratio, NumPy multiplies by
 * its reciprocal; what a division by zero gives concerns NumPy only. */
Val emit_complex_divide(Emit *e, DType rep, Val a, Val b, bool python)
{
    LLVMValueRef zero = emit_real_of(e, rep, 0), x = emit_intrinsic1(e, "llvm.fabs", b.re),
                 y = emit_intrinsic1(e, "llvm.fabs", b.im);
    LLVMValueRef by_re = compare_floats(e, NOP_Ge, x, y);
    LLVMValueRef p = PICK(by_re, b.re, b.im), q = PICK(by_re, b.im, b.re), ratio = F(Div, q, p), d = F(Add, p, F(Mul, q, ratio));
    LLVMValueRef u = PICK(by_re, a.re, a.im), v = PICK(by_re, a.im, a.re), up = F(Add, u, F(Mul, v, ratio));
    LLVMValueRef scaled = F(Mul, u, ratio), down = F(Sub, PICK(by_re, v, scaled), PICK(by_re, scaled, v));
    /* By the imaginary part: im = a.im * ratio - a.re, where u is a.im and v is a.re. */
    if (python) {
        LLVMValueRef nan = emit_real_of(e, rep, __builtin_nan("")), known = LLVMBuildFCmp(e->b, LLVMRealORD, x, y, "");
        return (Val){ PICK(known, F(Div, up, d), nan), PICK(known, F(Div, down, d), nan) };
    }
    LLVMValueRef scale = F(Div, emit_real_of(e, rep, 1), d);
    LLVMValueRef by_zero = AND(compare_floats(e, NOP_Eq, b.re, zero), compare_floats(e, NOP_Eq, b.im, zero));
    return (Val){ PICK(by_zero, F(Div, a.re, x), F(Mul, up, scale)), PICK(by_zero, F(Div, a.im, x), F(Mul, down, scale)) };
}

/* By squaring, as both libraries do it; they differ in where they begin, and for NumPy 0 stays 0. */
Val emit_complex_power(Emit *e, DType rep, Val a, int n, bool python)
{
    LLVMValueRef zero = emit_real_of(e, rep, 0);
    Val r = { emit_real_of(e, rep, 1), zero }, p = a;
    if (!python && n <= 3) {
        for (r = a; n > 1; n--)
            r = complex_multiply(e, a, r);
    } else {
        for (; n; n >>= 1) {
            if (n & 1)
                r = complex_multiply(e, r, p);
            if (n > 1)
                p = complex_multiply(e, p, p);
        }
    }
    if (python)
        return r;
    LLVMValueRef is_zero = AND(compare_floats(e, NOP_Eq, a.re, zero), compare_floats(e, NOP_Eq, a.im, zero));
    return emit_select(e, is_zero, (Val){ zero, zero }, r);
}

static Val complex_binary(Emit *e, NOp op, DType rep, Val a, Val b)
{
    switch ((int)op) {
    case NOP_Add: return (Val){ F(Add, a.re, b.re), F(Add, a.im, b.im) };
    case NOP_Sub: return (Val){ F(Sub, a.re, b.re), F(Sub, a.im, b.im) };
    case NOP_Mul: return complex_multiply(e, a, b);
    case NOP_Div: return emit_complex_divide(e, rep, a, b, false);
    case NOP_NpMin: case NOP_NpMax: {
        LLVMValueRef unknown = OR(is_nan(e, a.re), is_nan(e, a.im));
        return emit_select(e, OR(unknown, op == NOP_NpMin ? complex_less(e, true, a, b) : complex_less(e, true, b, a)), a, b);
    }
    default: return one(compare_complex(e, op, a, b));
    }
}

Val emit_binary(Emit *e, NOp op, DType rep, Val a, Val b, bool no_wrap)
{
    if (emit_is_complex(rep))
        return complex_binary(e, op, rep, a, b);
    if (emit_is_float(rep))
        return one(float_binary(e, op, rep, a.re, b.re));
    return one(rep == DT_Bool ? bool_binary(e, op, a.re, b.re) : int_binary(e, op, rep, a.re, b.re, no_wrap));
}

/* ---- conversions ------------------------------------------------------------------------------------------------------- */

static LLVMValueRef float_to_float(Emit *e, LLVMValueRef v, DType from, DType to)
{
    LLVMTypeRef a = emit_scalar_type(e, from), b = emit_scalar_type(e, to);
    if (a == b)
        return v;
    return b == e->f32 ? LLVMBuildFPTrunc(e->b, v, emit_type(e, to), "") : LLVMBuildFPExt(e->b, v, emit_type(e, to), "");
}

static LLVMValueRef int_to_int(Emit *e, LLVMValueRef v, DType from, DType to)
{
    unsigned a = LLVMGetIntTypeWidth(emit_scalar_type(e, from)), b = LLVMGetIntTypeWidth(emit_scalar_type(e, to));
    if (a == b)
        return v;
    if (a > b)
        return LLVMBuildTrunc(e->b, v, emit_type(e, to), "");
    return emit_is_signed(from) ? LLVMBuildSExt(e->b, v, emit_type(e, to), "") : LLVMBuildZExt(e->b, v, emit_type(e, to), "");
}

/* int64 from what fits into it, all others by way of what fits into 32 bits. */
static LLVMValueRef float_to_int(Emit *e, LLVMValueRef v, DType to)
{
    DType by = to == DT_I64 ? DT_I64 : DT_I32;
    return int_to_int(e, LLVMBuildFPToSI(e->b, v, emit_type(e, by), ""), by, to);
}

Val emit_convert(Emit *e, Val a, DType from, DType to)
{
    bool from_int = from <= DT_U64;
    if (from == to)
        return a;
    if (to == DT_Bool)
        return one(emit_truth(e, from, a));
    if (to <= DT_U64)
        return one(from_int ? int_to_int(e, a.re, from, to) : float_to_int(e, a.re, to));
    LLVMValueRef re;
    if (!from_int)
        re = float_to_float(e, a.re, from, to);
    else
        re = emit_is_signed(from) ? LLVMBuildSIToFP(e->b, a.re, emit_type(e, to), "")
                                  : LLVMBuildUIToFP(e->b, a.re, emit_type(e, to), "");
    if (!emit_is_complex(to))
        return one(re);
    return (Val){ re, emit_is_complex(from) ? float_to_float(e, a.im, from, to) : emit_real_of(e, to, 0) };
}
