/* jit/cpu/emit_expr.c — expressions to LLVM IR: what jit/plan/exec_eval.c computes, operation by operation.
 *
 * An operation whose check is proved (or that has none) is plain code.  A check that is needed becomes a branch to the failure
 * exit; where only some lanes take part, only theirs count.  Long-winded operations call run->slow() with the expression's
 * number.
 *
 * Expressions are graphs: min(x, y) has its operands in the comparison and in the selection.  So values are remembered by the
 * expression's id while one statement is made; what was computed on one way of a branch is forgotten at its end. */
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "jit/cpu/emit.h"
#include "jit/nest/fun.h"

#define EXACT_INT ((int64_t)1 << 53)
enum { MAX_POWER = 4, MAX_COMPLEX_POWER = 8 };

static const char *const op_text[NOP_COUNT] = {
#define OP(name, n, text) text,
#include "jit/nest/op_list.h"
#undef OP
};

static Val one(LLVMValueRef v)
{
    return (Val){ v, NULL };
}

void emit_refuse(Emit *e, const char *fmt, ...)
{
    if (e->error[0])
        return;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(e->error, sizeof e->error, fmt, ap);
    va_end(ap);
}

/* ---- checks ------------------------------------------------------------------------------------------------------------ */

bool emit_check_needed(const Emit *e, uint32_t check)
{
    return check != NO_CHECK && !e->plan->proved[check];
}

/* number: what run->failed_check is to say. */
static void fail_if(Emit *e, LLVMValueRef cond, LLVMValueRef number)
{
    if (e->width > 1) {
        if (e->mask)
            cond = LLVMBuildAnd(e->b, cond, e->mask, "");
        cond = emit_intrinsic1(e, "llvm.vector.reduce.or", cond);
    }
    if (LLVMIsAConstantInt(cond) && LLVMConstIntGetZExtValue(cond) == 0)
        return;
    LLVMBasicBlockRef here = LLVMGetInsertBlock(e->b), on = emit_new_block(e, "on");
    LLVMAddIncoming(e->f->failed_check, &number, &here, 1);
    emit_unlikely(e, LLVMBuildCondBr(e->b, cond, e->f->failed, on));
    emit_at(e, on);
}

void emit_fail_if(Emit *e, LLVMValueRef cond, uint32_t check)
{
    fail_if(e, cond, LLVMConstInt(e->i32, check + 1, false));
}

void emit_fail_if_null(Emit *e, LLVMValueRef p)
{
    fail_if(e, LLVMBuildIsNull(e->b, p, ""), LLVMConstInt(e->i32, (uint64_t)-1, true));
}

void emit_forget(Emit *e, uint32_t trail)
{
    while (e->n_trail > trail)
        e->memo[e->trail[--e->n_trail]].width = 0;
}

/* ---- calls ------------------------------------------------------------------------------------------------------------- */

static void call_attribute(Emit *e, LLVMValueRef call, const char *name, uint64_t value)
{
    unsigned kind = LLVMGetEnumAttributeKindForName(name, strlen(name));
    LLVMAddCallSiteAttribute(call, LLVMAttributeFunctionIndex, LLVMCreateEnumAttribute(e->cx, kind, value));
}

/* Reads and writes nothing but what its arguments point to and the run time's own things. */
enum { MEMORY_ARGS_AND_INACCESSIBLE = 0xf };

static LLVMValueRef call_run(Emit *e, size_t field, LLVMTypeRef type, LLVMValueRef *args, unsigned n)
{
    LLVMValueRef fn = emit_run_field(e, e->b, field, e->ptr), call = LLVMBuildCall2(e->b, type, fn, args, n, "");
    call_attribute(e, call, "nounwind", 0);
    call_attribute(e, call, "willreturn", 0);
    call_attribute(e, call, "memory", MEMORY_ARGS_AND_INACCESSIBLE);
    return call;
}

/* The reference executor's own operation.  Its check is tested in all cases. */
static Val slow(Emit *e, const NExpr *x, Val a, Val b)
{
    if (e->width > 1) {
        emit_refuse(e, "operation %s in lanes", op_text[x->op]);
        return (Val){ LLVMGetPoison(emit_type(e, (DType)x->rep)), LLVMGetPoison(emit_type(e, (DType)x->rep)) };
    }
    LLVMValueRef result = emit_alloca(e, e->scalar_type, "slow"), pa = emit_alloca(e, e->scalar_type, "slow_a"),
                 pb = LLVMConstNull(e->ptr);
    emit_store_scalar(e, a, (DType)x->a->rep, pa);
    if (b.re) {
        pb = emit_alloca(e, e->scalar_type, "slow_b");
        emit_store_scalar(e, b, (DType)x->b->rep, pb);
    }
    LLVMTypeRef params[] = { e->ptr, e->i32, e->ptr, e->ptr, e->ptr };
    LLVMValueRef args[] = { e->f->run, LLVMConstInt(e->i32, x->id, false), result, pa, pb };
    LLVMValueRef failed = call_run(e, offsetof(CpuRun, slow), LLVMFunctionType(e->i32, params, 5, false), args, 5);
    if (x->check != NO_CHECK)
        emit_fail_if(e, LLVMBuildICmp(e->b, LLVMIntNE, failed, LLVMConstInt(e->i32, 0, false), ""), x->check);
    return emit_load_scalar(e, (DType)x->rep, result);
}

/* quick where cond (i1) holds, else slow(): one value. */
static Val quick_or_slow(Emit *e, const NExpr *x, LLVMValueRef cond, Val quick, Val a, Val b)
{
    LLVMBasicBlockRef from = LLVMGetInsertBlock(e->b), rare = emit_new_block(e, "rare"), on = emit_new_block(e, "on");
    emit_unlikely(e, LLVMBuildCondBr(e->b, LLVMBuildNot(e->b, cond, ""), rare, on));
    emit_at(e, rare);
    Val s = slow(e, x, a, b);
    LLVMBasicBlockRef rare_end = LLVMGetInsertBlock(e->b);
    LLVMBuildBr(e->b, on);
    emit_at(e, on);
    LLVMValueRef phi = LLVMBuildPhi(e->b, LLVMTypeOf(quick.re), "");
    LLVMAddIncoming(phi, (LLVMValueRef[]){ quick.re, s.re }, (LLVMBasicBlockRef[]){ from, rare_end }, 2);
    return one(phi);
}

/* ---- operators with the rules of their flavour ------------------------------------------------------------------------- */

static LLVMValueRef within(Emit *e, LLVMValueRef v, int64_t limit)
{
    LLVMValueRef moved = LLVMBuildAdd(e->b, v, emit_int_of(e, DT_I64, limit), "");
    return LLVMBuildICmp(e->b, LLVMIntULE, moved, emit_int_of(e, DT_I64, 2 * limit), "");
}

static LLVMValueRef is_finite(Emit *e, DType rep, LLVMValueRef v)
{
    return LLVMBuildFCmp(e->b, LLVMRealOLT, emit_intrinsic1(e, "llvm.fabs", v), emit_real_of(e, rep, INFINITY), "");
}

/* a op b of int64 that must not leave 64 bits. */
static LLVMValueRef checked_arithmetic(Emit *e, NOp op, uint32_t check, LLVMValueRef a, LLVMValueRef b)
{
    const char *name = op == NOP_Add   ? "llvm.sadd.with.overflow"
                       : op == NOP_Sub ? "llvm.ssub.with.overflow"
                                       : "llvm.smul.with.overflow";
    LLVMValueRef both = emit_intrinsic2(e, name, a, b);
    emit_fail_if(e, LLVMBuildExtractValue(e->b, both, 1, ""), check);
    return LLVMBuildExtractValue(e->b, both, 0, "");
}

/* Fails where a function that Python checks has returned r = f(a, b) instead of raising; b NULL: of one operand. */
static void check_domain(Emit *e, NFunId f, DType rep, LLVMValueRef a, LLVMValueRef b, LLVMValueRef r, uint32_t check)
{
    LLVMValueRef infinite = LLVMBuildNot(e->b, is_finite(e, rep, r), ""), bad;
    LLVMBasicBlockRef on = NULL;
    if (e->width == 1) {                /* so it hardly costs anything */
        LLVMBasicBlockRef rare = emit_new_block(e, "rare");
        on = emit_new_block(e, "on");
        emit_unlikely(e, LLVMBuildCondBr(e->b, infinite, rare, on));
        emit_at(e, rare);
    }
    LLVMValueRef is_nan = LLVMBuildFCmp(e->b, LLVMRealUNO, r, r, "");
    if (f == NF_Pow)
        bad = LLVMBuildAnd(e->b, is_finite(e, rep, a), is_finite(e, rep, b), "");
    else if (b)
        bad = LLVMBuildAnd(e->b, is_nan, LLVMBuildFCmp(e->b, LLVMRealORD, a, b, ""), "");
    else
        bad = LLVMBuildSelect(e->b, is_nan, LLVMBuildFCmp(e->b, LLVMRealORD, a, a, ""), is_finite(e, rep, a), "");
    emit_fail_if(e, LLVMBuildAnd(e->b, infinite, bad, ""), check);
    if (on) {
        LLVMBuildBr(e->b, on);
        emit_at(e, on);
    }
}

/* The exponent of a power that is done by multiplying; 0: not one. */
static int small_power(const NExpr *x)
{
    const NExpr *b = x->b;
    double v;
    if (b->op != NOP_Const || x->rep == DT_Bool || emit_is_float((DType)x->rep))
        return 0;
    if (!emit_is_complex((DType)x->rep))
        return b->u.i >= 1 && b->u.i <= MAX_POWER ? (int)b->u.i : 0;
    v = b->u.z[0];
    return b->u.z[1] == 0 && v >= 1 && v <= MAX_COMPLEX_POWER && v == (int)v ? (int)v : 0;
}

static Val power(Emit *e, const NExpr *x, Val a, Val b)
{
    DType rep = (DType)x->rep;
    bool python = x->flavour & NE_PY, check = python && emit_check_needed(e, x->check);
    int n = small_power(x);
    if (n && emit_is_complex(rep)) {
        Val r = emit_complex_power(e, rep, a, n, python);
        if (check) {
            LLVMValueRef inf = emit_real_of(e, rep, INFINITY), re = emit_intrinsic1(e, "llvm.fabs", r.re),
                         im = emit_intrinsic1(e, "llvm.fabs", r.im);
            emit_fail_if(e,
                         LLVMBuildOr(e->b, LLVMBuildFCmp(e->b, LLVMRealOEQ, re, inf, ""),
                                     LLVMBuildFCmp(e->b, LLVMRealOEQ, im, inf, ""), ""),
                         x->check);
        }
        return r;
    }
    if (n) {
        LLVMValueRef r = a.re;
        for (int k = 1; k < n; k++)
            r = check ? checked_arithmetic(e, NOP_Mul, x->check, r, a.re) : LLVMBuildMul(e->b, r, a.re, "");
        return one(r);
    }
    if (!emit_is_float(rep))
        return slow(e, x, a, b);
    LLVMValueRef r = x->b->op == NOP_Const && x->b->u.f == 2 ? emit_binary(e, NOP_Mul, rep, a, a, false).re : emit_function(e, NF_Pow, rep, a.re, b.re);
    if (check)
        check_domain(e, NF_Pow, rep, a.re, b.re, r, x->check);
    return one(r);
}

/* An int64 against a double or a uint64. */
static Val compare_mixed(Emit *e, const NExpr *x, Val a, Val b)
{
    static const NOp reversed[] = { NOP_Eq, NOP_Ne, NOP_Gt, NOP_Ge, NOP_Lt, NOP_Le };
    bool int_first = x->a->rep == DT_I64;
    NOp op = int_first ? (NOp)x->op : reversed[x->op - NOP_Eq];
    LLVMValueRef i = int_first ? a.re : b.re, other = int_first ? b.re : a.re;
    if ((int_first ? x->b->rep : x->a->rep) == DT_U64) {
        LLVMValueRef negative = LLVMBuildICmp(e->b, LLVMIntSLT, i, emit_int_of(e, DT_I64, 0), "");
        LLVMValueRef if_negative = emit_int_of(e, DT_Bool, op == NOP_Ne || op == NOP_Lt || op == NOP_Le);
        return one(LLVMBuildSelect(e->b, negative, if_negative, emit_compare(e, op, DT_U64, one(i), one(other)), ""));
    }
    LLVMValueRef quick = emit_compare(e, op, DT_F64, emit_convert(e, one(i), DT_I64, DT_F64), one(other));
    return quick_or_slow(e, x, within(e, i, EXACT_INT), one(quick), a, b);
}

static Val python_binary(Emit *e, const NExpr *x, Val a, Val b)
{
    DType rep = (DType)x->a->rep;
    bool check = emit_check_needed(e, x->check), is_int = rep == DT_I64;
    switch ((NOp)x->op) {
    case NOP_Add: case NOP_Sub: case NOP_Mul:
        if (is_int && check)
            return one(checked_arithmetic(e, (NOp)x->op, x->check, a.re, b.re));
        break;
    case NOP_Div: case NOP_FloorDiv: case NOP_Mod:
        if (check) {
            Val zero = { is_int ? emit_int_of(e, rep, 0) : emit_real_of(e, rep, 0),
                         emit_is_complex(rep) ? emit_real_of(e, rep, 0) : NULL };
            LLVMValueRef bad = emit_compare(e, NOP_Eq, rep, b, zero);
            if (is_int && x->op == NOP_FloorDiv) {
                LLVMValueRef worst = LLVMBuildAnd(e->b, LLVMBuildICmp(e->b, LLVMIntEQ, b.re, emit_int_of(e, rep, -1), ""),
                                                  LLVMBuildICmp(e->b, LLVMIntEQ, a.re, emit_int_of(e, rep, INT64_MIN), ""), "");
                bad = LLVMBuildOr(e->b, bad, worst, "");
            }
            emit_fail_if(e, bad, x->check);
        }
        if (emit_is_complex(rep))
            return emit_complex_divide(e, rep, a, b, true);
        break;
    case NOP_Shl: case NOP_Shr:
        if (check)
            return slow(e, x, a, b);
        break;
    default:
        break;
    }
    /* In lanes that do not take part, what is proved need not hold. */
    return emit_binary(e, (NOp)x->op, rep, a, b, is_int && !e->mask);
}

static Val binary(Emit *e, const NExpr *x, Val a, Val b)
{
    if (x->a->rep != x->b->rep && x->op >= NOP_Eq && x->op <= NOP_Ge)
        return compare_mixed(e, x, a, b);
    if (x->a->rep != x->b->rep) {
        emit_refuse(e, "operation %s of unlike operands", op_text[x->op]);
        return (Val){ LLVMGetPoison(emit_type(e, (DType)x->rep)), LLVMGetPoison(emit_type(e, (DType)x->rep)) };
    }
    if (x->op == NOP_Pow)
        return power(e, x, a, b);
    return x->flavour & NE_PY ? python_binary(e, x, a, b) : emit_binary(e, (NOp)x->op, (DType)x->a->rep, a, b, false);
}

/* An int divided by an int: exact for small ones. */
static Val int_division(Emit *e, const NExpr *x, Val a, Val b)
{
    if (emit_check_needed(e, x->check))
        emit_fail_if(e, LLVMBuildICmp(e->b, LLVMIntEQ, b.re, emit_int_of(e, DT_I64, 0), ""), x->check);
    Val quick = emit_binary(e, NOP_Div, DT_F64, emit_convert(e, a, DT_I64, DT_F64), emit_convert(e, b, DT_I64, DT_F64), false);
    return quick_or_slow(e, x, LLVMBuildAnd(e->b, within(e, a.re, EXACT_INT), within(e, b.re, EXACT_INT), ""), quick, a, b);
}

/* ---- one operand ------------------------------------------------------------------------------------------------------- */

static Val complex_abs(Emit *e, const NExpr *x, Val a)
{
    DType rep = (DType)x->rep;
    LLVMValueRef r = emit_function(e, NF_Hypot, rep, a.re, a.im);
    if ((x->flavour & NE_PY) && emit_check_needed(e, x->check)) {
        LLVMValueRef finite = LLVMBuildAnd(e->b, is_finite(e, rep, a.re), is_finite(e, rep, a.im), "");
        LLVMValueRef is_inf = LLVMBuildFCmp(e->b, LLVMRealOEQ, r, emit_real_of(e, rep, INFINITY), "");
        emit_fail_if(e, LLVMBuildAnd(e->b, is_inf, finite, ""), x->check);
    }
    return one(r);
}

static Val unary(Emit *e, const NExpr *x, Val a)
{
    DType rep = (DType)x->a->rep;
    bool is_float = emit_is_float(rep), is_complex = emit_is_complex(rep);
    switch ((NOp)x->op) {
    case NOP_Neg: case NOP_Abs:
        if (emit_check_needed(e, x->check) && rep == DT_I64)
            emit_fail_if(e, LLVMBuildICmp(e->b, LLVMIntEQ, a.re, emit_int_of(e, rep, INT64_MIN), ""), x->check);
        if (x->op == NOP_Neg && (is_complex || is_float))
            return (Val){ LLVMBuildFNeg(e->b, a.re, ""), is_complex ? LLVMBuildFNeg(e->b, a.im, "") : NULL };
        if (x->op == NOP_Neg)
            return one(LLVMBuildNeg(e->b, a.re, ""));
        if (is_complex)
            return complex_abs(e, x, a);
        if (is_float)
            return one(emit_intrinsic1(e, "llvm.fabs", a.re));
        if (!emit_is_signed(rep))
            return a;
        return one(LLVMBuildSelect(e->b, LLVMBuildICmp(e->b, LLVMIntSLT, a.re, emit_int_of(e, rep, 0), ""),
                                   LLVMBuildNeg(e->b, a.re, ""), a.re, ""));
    case NOP_Invert: case NOP_Not:
        return one(LLVMBuildNot(e->b, a.re, ""));
    case NOP_Real: return one(a.re);
    case NOP_Imag: return one(a.im);
    case NOP_Conj: return (Val){ a.re, LLVMBuildFNeg(e->b, a.im, "") };
    default:       return one(emit_truth(e, rep, a));
    }
}

/* ---- conversions ------------------------------------------------------------------------------------------------------- */

/* Fits if the value survives there and back; of unlike sign, if it is not negative in either. */
static void check_int_range(Emit *e, const NExpr *x, Val a, DType from, DType to)
{
    Val there = emit_convert(e, a, from, to), back = emit_convert(e, there, to, from);
    LLVMValueRef lost = emit_compare(e, NOP_Ne, from, back, a);
    if (emit_is_signed(from) != emit_is_signed(to)) {
        DType rep = emit_is_signed(from) ? from : to;
        LLVMValueRef negative = emit_compare(e, NOP_Lt, rep, emit_is_signed(from) ? a : there, one(emit_int_of(e, rep, 0)));
        lost = LLVMBuildOr(e->b, lost, negative, "");
    }
    emit_fail_if(e, lost, x->check);
}

/* Fractions are cut off, so everything above min - 1 and below max + 1 fits. */
static void check_float_range(Emit *e, const NExpr *x, Val a, DType from, DType to)
{
    static const double limit[DT_COUNT][2] = {
        [DT_I8] = { -129, 128 }, [DT_I16] = { -32769, 32768 }, [DT_I32] = { -2147483649.0, 2147483648.0 },
        [DT_U8] = { -1, 256 },   [DT_U16] = { -1, 65536 },     [DT_U32] = { -1, 4294967296.0 }, [DT_U64] = { -1, 0x1p64 },
        [DT_I64] = { -0x1.0000000000001p63, 0x1p63 },
    };
    LLVMValueRef v = emit_convert(e, a, from, DT_F64).re;
    LLVMValueRef ok = LLVMBuildAnd(e->b, LLVMBuildFCmp(e->b, LLVMRealOGT, v, emit_real_of(e, DT_F64, limit[to][0]), ""),
                                   LLVMBuildFCmp(e->b, LLVMRealOLT, v, emit_real_of(e, DT_F64, limit[to][1]), ""), "");
    emit_fail_if(e, LLVMBuildNot(e->b, ok, ""), x->check);
}

/* Large integers fail although some of them are exact: a check that fails costs time only. */
static void check_exact(Emit *e, const NExpr *x, Val a, DType from, DType to)
{
    bool single = emit_scalar_type(e, to) == e->f32;
    int64_t limit = single ? 1 << 24 : EXACT_INT;
    if (to <= DT_U64)
        return;
    if (from == DT_U64) {
        emit_fail_if(e, LLVMBuildICmp(e->b, LLVMIntUGT, a.re, emit_int_of(e, from, limit), ""), x->check);
    } else if (from < DT_U64) {
        emit_fail_if(e, LLVMBuildNot(e->b, within(e, emit_convert(e, a, from, DT_I64).re, limit), ""), x->check);
    } else if (from == DT_F64 && single) {
        Val back = emit_convert(e, emit_convert(e, a, DT_F64, DT_F32), DT_F32, DT_F64);
        emit_fail_if(e, LLVMBuildFCmp(e->b, LLVMRealONE, back.re, a.re, ""), x->check);
    }
}

static void cast_check(Emit *e, const NExpr *x, Val a)
{
    DType from = (DType)x->a->rep, to = (DType)x->rep;
    if (e->nest->checks[x->check].kind == CK_Exact)
        check_exact(e, x, a, from, to);
    else if (to == DT_Bool || to > DT_U64)
        return;
    else if (from <= DT_U64)
        check_int_range(e, x, a, from, to);
    else if (emit_is_float(from))
        check_float_range(e, x, a, from, to);
}

/* A float to a signed integer, tested to fit. */
static bool fits_when_checked(const Emit *e, const NExpr *x)
{
    return emit_check_needed(e, x->check) && e->nest->checks[x->check].kind != CK_Exact && emit_is_float((DType)x->a->rep) &&
           emit_is_signed((DType)x->rep);
}

static Val cast(Emit *e, const NExpr *x, Val a)
{
    DType from = (DType)x->a->rep, to = (DType)x->rep;
    if (emit_check_needed(e, x->check))
        cast_check(e, x, a);
    if (from <= DT_U64 || to > DT_U64 || to == DT_Bool)
        return emit_convert(e, a, from, to);
    if (fits_when_checked(e, x))
        return emit_convert(e, one(LLVMBuildFPToSI(e->b, a.re, emit_type(e, DT_I64), "")), DT_I64, to);
    /* Float to integer: beyond what the machine converts, and for NaN, as NumPy does it. */
    DType part = emit_scalar_type(e, from) == e->f32 ? DT_F32 : DT_F64;
    LLVMValueRef inside = LLVMBuildFCmp(e->b, LLVMRealOLT, emit_intrinsic1(e, "llvm.fabs", a.re),
                                        emit_real_of(e, part, to == DT_I64 ? 0x1p63 : 0x1p31), "");
    LLVMValueRef safe = LLVMBuildSelect(e->b, inside, a.re, emit_real_of(e, part, 0), "");
    return quick_or_slow(e, x, inside, emit_convert(e, one(safe), part, to), a, (Val){ 0 });
}

/* ---- elementary functions ---------------------------------------------------------------------------------------------- */

/* Those that LLVM knows exactly; NULL: none. */
static const char *exact_intrinsic(int f)
{
    switch (f) {
    case NF_Sqrt:     return "llvm.sqrt";
    case NF_Floor:    return "llvm.floor";
    case NF_Ceil:     return "llvm.ceil";
    case NF_Trunc:    return "llvm.trunc";
    case NF_Rint:     return "llvm.nearbyint";
    case NF_Copysign: return "llvm.copysign";
    default:          return NULL;
    }
}

static LLVMValueRef real_function(Emit *e, NFunId f, DType rep, LLVMValueRef a, LLVMValueRef b)
{
    const char *exact = exact_intrinsic(f);
    if (exact)
        return b ? emit_intrinsic2(e, exact, a, b) : emit_intrinsic1(e, exact, a);
    if (f == NF_Fmin || f == NF_Fmax) {
        LLVMValueRef first = LLVMBuildFCmp(e->b, f == NF_Fmin ? LLVMRealOLT : LLVMRealOGT, a, b, ""),
                     unknown = LLVMBuildFCmp(e->b, LLVMRealUNO, b, b, "");
        return LLVMBuildSelect(e->b, LLVMBuildOr(e->b, first, unknown, ""), a, b, "");
    }
    return emit_function(e, f, rep, a, b);
}

static Val function(Emit *e, const NExpr *x, Val a, Val b)
{
    DType rep = (DType)x->rep;
    if (!emit_is_float(rep) || x->a->rep != x->rep)
        return slow(e, x, a, b);
    if (x->fun == NF_Power && x->b->op == NOP_Const) {          /* exponents that have an exact rounding of their own */
        double y = x->b->u.f;
        if (y == 2)
            return emit_binary(e, NOP_Mul, rep, a, a, false);
        if (y == -1)
            return emit_binary(e, NOP_Div, rep, one(emit_real_of(e, rep, 1)), a, false);
        if (y == 0.5)
            return one(emit_intrinsic1(e, "llvm.sqrt", a.re));
    }
    LLVMValueRef r = real_function(e, (NFunId)x->fun, rep, a.re, b.re);
    if (emit_check_needed(e, x->check))
        check_domain(e, (NFunId)x->fun, rep, a.re, b.re, r, x->check);
    return one(r);
}

/* ---- which operations can be done in lanes ----------------------------------------------------------------------------- */

/* Those that may call slow() cannot. */
bool emit_is_wide_op(const Emit *e, const NExpr *x)
{
    DType rep = (DType)x->rep, from = x->a ? (DType)x->a->rep : rep;
    bool check = emit_check_needed(e, x->check);
    switch ((NOp)x->op) {
    case NOP_Generic: case NOP_IntDiv:
        return false;
    case NOP_Fun:
        return emit_is_float(rep) && from == rep;
    case NOP_Cast:
        if (rep > DT_U64 || rep == DT_Bool || from <= DT_U64)
            return true;
        return fits_when_checked(e, x);
    case NOP_Eq: case NOP_Ne: case NOP_Lt: case NOP_Le: case NOP_Gt: case NOP_Ge:
        return x->a->rep == x->b->rep || x->a->rep == DT_U64 || x->b->rep == DT_U64;
    case NOP_Pow:
        return small_power(x) || emit_is_float(rep);
    case NOP_Shl: case NOP_Shr:
        return !(x->flavour & NE_PY) || !check;
    default:
        return true;
    }
}

/* ---- leaves and choices ------------------------------------------------------------------------------------------------ */

static Val constant(Emit *e, const NExpr *x)
{
    DType rep = (DType)x->rep;
    if (emit_is_complex(rep))
        return (Val){ emit_real_of(e, rep, x->u.z[0]), emit_real_of(e, rep, x->u.z[1]) };
    return one(emit_is_float(rep) ? emit_real_of(e, rep, x->u.f) : emit_int_of(e, rep, x->u.i));
}

bool emit_is_cheap(const Emit *e, const NExpr *x, int *budget)
{
    if (!x)
        return true;
    if (--*budget < 0 || x->op == NOP_Load || x->op == NOP_Fun || x->op == NOP_Pow || emit_check_needed(e, x->check) ||
        !emit_is_wide_op(e, x))
        return false;
    if (x->op == NOP_FloorDiv || x->op == NOP_Mod || (x->op == NOP_Abs && emit_is_complex((DType)x->a->rep)))
        return false;
    return emit_is_cheap(e, x->a, budget) && emit_is_cheap(e, x->b, budget) && emit_is_cheap(e, x->c, budget);
}

/* One way of a choice in lanes: only those of `cond` take part. */
static Val masked(Emit *e, LLVMValueRef cond, const NExpr *x)
{
    LLVMValueRef old = e->mask;
    uint32_t trail = e->n_trail;
    e->mask = old ? LLVMBuildAnd(e->b, old, cond, "") : cond;
    Val v = emit_expr(e, x);
    emit_forget(e, trail);
    e->mask = old;
    return v;
}

/* cond ? x : y (y NULL: the constant `other`), evaluating only what is chosen; in lanes, both. */
static Val choose(Emit *e, LLVMValueRef cond, const NExpr *x, const NExpr *y, LLVMValueRef other)
{
    int budget = 8;
    if (emit_is_cheap(e, x, &budget) && emit_is_cheap(e, y, &budget)) {
        Val a = emit_expr(e, x), b = y ? emit_expr(e, y) : one(other);
        return emit_select(e, cond, a, b);
    }
    if (e->width > 1) {
        Val a = masked(e, cond, x), b = y ? masked(e, LLVMBuildNot(e->b, cond, ""), y) : one(other);
        return emit_select(e, cond, a, b);
    }
    LLVMBasicBlockRef yes = emit_new_block(e, "yes"), no = emit_new_block(e, "no"), on = emit_new_block(e, "on"), ends[2];
    uint32_t trail = e->n_trail;
    LLVMBuildCondBr(e->b, cond, yes, no);
    emit_at(e, yes);
    Val a = emit_expr(e, x);
    emit_forget(e, trail);
    ends[0] = LLVMGetInsertBlock(e->b);
    LLVMBuildBr(e->b, on);
    emit_at(e, no);
    Val b = y ? emit_expr(e, y) : one(other), out = { 0 };
    emit_forget(e, trail);
    ends[1] = LLVMGetInsertBlock(e->b);
    LLVMBuildBr(e->b, on);
    emit_at(e, on);
    out.re = LLVMBuildPhi(e->b, LLVMTypeOf(a.re), "");
    LLVMAddIncoming(out.re, (LLVMValueRef[]){ a.re, b.re }, ends, 2);
    if (a.im) {
        out.im = LLVMBuildPhi(e->b, LLVMTypeOf(a.im), "");
        LLVMAddIncoming(out.im, (LLVMValueRef[]){ a.im, b.im }, ends, 2);
    }
    return out;
}

static LLVMValueRef lane_counter(Emit *e, const NLoop *l)
{
    LLVMValueRef base = emit_splat(e, emit_counter(e, l));
    for (uint32_t k = 0; e->width > 1 && k < e->lane_loop->n_src; k++)
        if (e->lane_loop->src[k] == l)
            return LLVMBuildAdd(e->b, base, emit_iota(e), "");
    return base;
}

static Val operation(Emit *e, const NExpr *x)
{
    Val a = emit_expr(e, x->a), b = x->b ? emit_expr(e, x->b) : (Val){ 0 };
    switch ((NOp)x->op) {
    case NOP_Cast:    return cast(e, x, a);
    case NOP_IntDiv:  return int_division(e, x, a, b);
    case NOP_Complex: return (Val){ a.re, b.re };
    case NOP_Fun:     return function(e, x, a, b);
    case NOP_Generic: return slow(e, x, a, b);
    case NOP_Neg: case NOP_Invert: case NOP_Not: case NOP_Abs: case NOP_Real: case NOP_Imag: case NOP_Conj: case NOP_Truth:
        return unary(e, x, a);
    default:
        return binary(e, x, a, b);
    }
}

Val emit_expr(Emit *e, const NExpr *x)
{
    switch ((NOp)x->op) {
    case NOP_Const:   return constant(e, x);
    case NOP_Var:     return emit_get_var(e, x->u.var);
    case NOP_Counter: return one(lane_counter(e, x->u.loop));
    case NOP_Extent:  return one(emit_splat(e, emit_array(e, x->u.extent.array)->shape[x->u.extent.axis]));
    default:          break;
    }
    EmitMemo *m = &e->memo[x->id];
    if (m->width == e->width && m->mask == e->mask)
        return m->v;
    Val v;
    if (e->width > 1 && !emit_is_masked(e) && emit_lane_of(e, x).kind == LANE_Same) {
        int width = e->width;
        e->width = 1;
        v = emit_expr(e, x);
        e->width = width;
        v = emit_splat_val(e, v);
    } else {
        switch ((NOp)x->op) {
        case NOP_Load:    v = emit_load(e, x->u.access); break;
        case NOP_AndAlso: v = choose(e, emit_expr(e, x->a).re, x->b, NULL, emit_int_of(e, DT_Bool, 0)); break;
        case NOP_OrElse:
            v = choose(e, LLVMBuildNot(e->b, emit_expr(e, x->a).re, ""), x->b, NULL, emit_int_of(e, DT_Bool, 1));
            break;
        case NOP_Select:  v = choose(e, emit_expr(e, x->a).re, x->b, x->c, NULL); break;
        default:          v = operation(e, x); break;
        }
    }
    if (m->width == 0) {
        e->trail[e->n_trail++] = x->id;
        *m = (EmitMemo){ v, e->width, e->mask };
    }
    return v;
}
