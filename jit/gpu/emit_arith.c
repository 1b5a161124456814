/* jit/gpu/emit_arith.c — arithmetic without checks, as C text: interp/elementwise.h and the complex part of interp/number.c.
 *
 * The text of a value of some representation has that representation's C type: what C's promotions widen is cast back.  Integers that wrap are
 * computed as unsigned ones.  Longer operations are calls of helper functions (prelude_list.h). */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "jit/gpu/emit.h"

static const struct { const char *type, *suffix; } reps[DT_COUNT] = {
    [DT_Bool] = { "bool", "b1" }, [DT_I8] = { "i8", "i8" }, [DT_I16] = { "i16", "i16" }, [DT_I32] = { "i32", "i32" }, [DT_I64] = { "i64", "i64" },
    [DT_U8] = { "u8", "u8" }, [DT_U16] = { "u16", "u16" }, [DT_U32] = { "u32", "u32" }, [DT_U64] = { "u64", "u64" },
    [DT_F32] = { "float", "f32" }, [DT_F64] = { "double", "f64" }, [DT_C64] = { "c64", "c64" }, [DT_C128] = { "c128", "c128" },
};

const char *c_type(DType rep)
{
    return rep < DT_COUNT ? reps[rep].type : "";
}

const char *c_type_in_memory(DType d)
{
    return d == DT_Bool ? "u8" : reps[d].type;
}

const char *c_suffix(DType rep)
{
    return rep < DT_COUNT ? reps[rep].suffix : "";
}

const char *slot_member(DType rep)
{
    static const char *const member[EK_COUNT] = { [EK_I] = "i", [EK_D] = "d", [EK_F] = "f", [EK_C] = "c", [EK_Z] = "z" };
    return member[eval_kind(rep)];
}

bool rep_is_complex(DType rep)
{
    return rep == DT_C64 || rep == DT_C128;
}

bool rep_is_float(DType rep)
{
    return rep == DT_F32 || rep == DT_F64;
}

bool rep_is_signed(DType rep)
{
    return rep >= DT_I8 && rep <= DT_I64;
}

static DType part_of(DType rep)
{
    return rep == DT_C64 ? DT_F32 : rep == DT_C128 ? DT_F64 : rep;
}

Val atom(const char *s)
{
    return (Val){ s, LV_Atom };
}

const char *at_level(Gen *g, Val v, Level level)
{
    return v.level >= level ? v.s : gen_text(g, "(%s)", v.s);
}

Val gen_call(Gen *g, Helper h, DType rep, Val a, const char *more)
{
    const char *name = gen_helper(g, h, rep);
    return atom(more ? gen_text(g, "%s(%s, %s)", name, a.s, more) : gen_text(g, "%s(%s)", name, a.s));
}

static Val cast_to(Gen *g, DType rep, Val v)
{
    return (Val){ gen_text(g, "(%s)%s", c_type(rep), at_level(g, v, LV_Unary)), LV_Unary };
}

/* ---- constants ----------------------------------------------------------------------------------------------------------------- */

Val gen_int(Gen *g, int64_t v)
{
    if (v == INT64_MIN)
        return atom("(-9223372036854775807ll - 1)");
    bool is_small = v > INT32_MIN && v <= INT32_MAX;
    return (Val){ gen_text(g, "%" PRId64 "%s", v, is_small ? "" : "ll"), v < 0 ? LV_Unary : LV_Atom, is_small };
}

Val gen_real(Gen *g, DType rep, double v)
{
    bool single = rep == DT_F32;
    if (v - v != 0) {
        uint64_t bits;
        memcpy(&bits, &v, 8);
        if (!single)
            return atom(gen_text(g, "%s(0x%" PRIx64 "ull)", gen_helper(g, HP_Bits, DT_COUNT), bits));
        return atom(gen_text(g, "%s(0x%xu)", gen_helper(g, HP_BitsF, DT_COUNT), v != v ? 0x7fc00000u : v > 0 ? 0x7f800000u : 0xff800000u));
    }
    char s[40];
    snprintf(s, sizeof s, single ? "%.9g" : "%.17g", v);
    for (int digits = 1; digits < 17 && !single; digits++) {          /* the shortest that reads back */
        char shorter[40];
        snprintf(shorter, sizeof shorter, "%.*g", digits, v);
        if (strtod(shorter, NULL) == v) {
            memcpy(s, shorter, sizeof s);
            break;
        }
    }
    bool whole = !strpbrk(s, ".e");
    return (Val){ gen_text(g, "%s%s%s", s, whole ? ".0" : "", single ? "f" : ""), signbit(v) ? LV_Unary : LV_Atom };
}

Val gen_const(Gen *g, const NExpr *x)
{
    DType rep = (DType)x->rep;
    if (rep_is_complex(rep)) {
        DType part = part_of(rep);
        Val re = gen_real(g, part, x->u.z[0]);
        return gen_call(g, HP_Complex, rep, re, gen_real(g, part, x->u.z[1]).s);
    }
    switch (rep) {
    case DT_Bool: return atom(x->u.i ? "true" : "false");
    case DT_F32: case DT_F64: return gen_real(g, rep, x->u.f);
    case DT_I64:  return gen_int(g, x->u.i);
    case DT_U64:  return atom(gen_text(g, "%" PRIu64 "ull", x->u.u));
    case DT_U32:  return atom(gen_text(g, "%" PRIu64 "u", x->u.u));
    default:      return cast_to(g, rep, gen_int(g, x->u.i));
    }
}

/* What leaves any value as it is. */
Val gen_identity(Gen *g, const VarUse *use)
{
    DType rep = (DType)use->var->rep;
    if (rep > DT_U64) {
        double v = use->red == RK_Sum ? -0.0 : use->red == RK_Prod ? 1 : use->red == RK_Min ? INFINITY : -INFINITY;
        Val re = gen_real(g, part_of(rep), v);
        if (!rep_is_complex(rep))
            return re;
        return gen_call(g, HP_Complex, rep, re, use->red == RK_Prod ? gen_real(g, part_of(rep), 0).s : re.s);
    }
    if (rep == DT_Bool)
        return atom(use->red == RK_And || use->red == RK_Min || use->red == RK_Prod ? "true" : "false");
    int64_t min = 0, v = 0;
    uint64_t max = 0;
    dtype_int_range(rep, &min, &max);
    switch (use->red) {
    case RK_Min:  v = (int64_t)max; break;
    case RK_Max:  v = min; break;
    case RK_And:  v = min == 0 ? (int64_t)max : -1; break;
    case RK_Prod: v = 1; break;
    case RK_Sum: case RK_Or: case RK_Xor: case RK_Arg: break;
    }
    return cast_to(g, rep, gen_int(g, v));
}

/* ---- comparisons and truth -------------------------------------------------------------------------------------------------------- */

/* a op b in C, of operands that bind at least as tightly as `level` (the right one: more tightly). */
static Val infix(Gen *g, Val a, const char *op, Val b, Level level)
{
    return (Val){ gen_text(g, "%s %s %s", at_level(g, a, level), op, at_level(g, b, level + 1)), level };
}

static Val not(Gen *g, Val v)
{
    return (Val){ gen_text(g, "!%s", at_level(g, v, LV_Unary)), LV_Unary };
}

Val gen_compare(Gen *g, NOp op, DType rep, Val a, Val b)
{
    static const char *const sign[] = { "==", "!=", "<", "<=", ">", ">=" };
    if (!rep_is_complex(rep))       /* operands in parentheses where they are comparisons themselves */
        return (Val){ infix(g, a, sign[op - NOP_Eq], b, LV_Shift).s, op <= NOP_Ne ? LV_Equal : LV_Less };
    switch ((int)op) {
    case NOP_Eq: return gen_call(g, HP_CEq, rep, a, b.s);
    case NOP_Ne: return not(g, gen_call(g, HP_CEq, rep, a, b.s));
    case NOP_Lt: return gen_call(g, HP_CLt, rep, a, b.s);
    case NOP_Le: return gen_call(g, HP_CLe, rep, a, b.s);
    case NOP_Gt: return gen_call(g, HP_CLt, rep, b, a.s);
    default:     return gen_call(g, HP_CLe, rep, b, a.s);
    }
}

Val gen_truth(Gen *g, Val v, DType rep)
{
    if (rep == DT_Bool)
        return v;
    if (rep_is_complex(rep))
        return gen_call(g, HP_CTruth, rep, v, NULL);
    return infix(g, v, "!=", atom("0"), LV_Equal);
}

/* ---- binary operations -------------------------------------------------------------------------------------------------------------- */

static Val bool_binary(Gen *g, NOp op, Val a, Val b)
{
    switch ((int)op) {
    case NOP_Add: case NOP_Or: case NOP_NpMax:  return cast_to(g, DT_Bool, infix(g, a, "|", b, LV_Or));
    case NOP_Mul: case NOP_And: case NOP_NpMin: return cast_to(g, DT_Bool, infix(g, a, "&", b, LV_And));
    case NOP_Xor: return infix(g, a, "!=", b, LV_Equal);
    default:      return gen_compare(g, op, DT_Bool, a, b);
    }
}

/* By way of unsigned integers, which wrap. */
static Val wrapping(Gen *g, DType rep, Val a, const char *op, Val b, Level level)
{
    const char *w = rep == DT_I64 || rep == DT_U64 ? "u64" : "u32";
    if (rep == DT_U64 || rep == DT_U32)
        return infix(g, a, op, b, level);
    const char *left = at_level(g, a, LV_Unary), *right = at_level(g, b, LV_Unary);
    return (Val){ gen_text(g, "(%s)((%s)%s %s (%s)%s)", c_type(rep), w, left, op, w, right), LV_Unary };
}

static Val int_binary(Gen *g, NOp op, DType rep, Val a, Val b, bool no_wrap)
{
    bool is_signed = rep_is_signed(rep), plain = no_wrap && rep == DT_I64;
    if (a.is_int && b.is_int)
        a = cast_to(g, rep, a);
    switch ((int)op) {
    case NOP_Add: return plain ? infix(g, a, "+", b, LV_Add) : wrapping(g, rep, a, "+", b, LV_Add);
    case NOP_Sub: return plain ? infix(g, a, "-", b, LV_Add) : wrapping(g, rep, a, "-", b, LV_Add);
    case NOP_Mul: return plain ? infix(g, a, "*", b, LV_Mul) : wrapping(g, rep, a, "*", b, LV_Mul);
    case NOP_And: return cast_to(g, rep, infix(g, a, "&", b, LV_And));
    case NOP_Or:  return cast_to(g, rep, infix(g, a, "|", b, LV_Or));
    case NOP_Xor: return cast_to(g, rep, infix(g, a, "^", b, LV_Xor));
    case NOP_Shl: return gen_call(g, HP_Shl, rep, a, b.s);
    case NOP_Shr: return gen_call(g, is_signed ? HP_Shr : HP_UShr, rep, a, b.s);
    case NOP_FloorDiv: return gen_call(g, is_signed ? HP_FloorDiv : HP_UFloorDiv, rep, a, b.s);
    case NOP_Mod:      return gen_call(g, is_signed ? HP_Mod : HP_UMod, rep, a, b.s);
    case NOP_NpMin:    return gen_call(g, HP_IntMin, rep, a, b.s);
    case NOP_NpMax:    return gen_call(g, HP_IntMax, rep, a, b.s);
    case NOP_Pow:      return gen_call(g, HP_IntPow, rep, a, b.s);
    default:           return gen_compare(g, op, rep, a, b);
    }
}

static Val float_binary(Gen *g, NOp op, DType rep, Val a, Val b)
{
    switch ((int)op) {
    case NOP_Add: return infix(g, a, "+", b, LV_Add);
    case NOP_Sub: return infix(g, a, "-", b, LV_Add);
    case NOP_Mul: return infix(g, a, "*", b, LV_Mul);
    case NOP_Div: return infix(g, a, "/", b, LV_Mul);
    case NOP_FloorDiv: return gen_call(g, HP_FFloorDiv, rep, a, b.s);
    case NOP_Mod:      return gen_call(g, HP_FMod, rep, a, b.s);
    case NOP_NpMin:    return gen_call(g, HP_NpMin, rep, a, b.s);
    case NOP_NpMax:    return gen_call(g, HP_NpMax, rep, a, b.s);
    case NOP_Pow:      return atom(gen_text(g, "%s(%s, %s)", gen_elem(g, rep == DT_F32 ? "elem_powf" : "elem_pow"), a.s, b.s));
    default:           return gen_compare(g, op, rep, a, b);
    }
}

static Val complex_binary(Gen *g, NOp op, DType rep, Val a, Val b)
{
    switch ((int)op) {
    case NOP_Add: return gen_call(g, HP_CAdd, rep, a, b.s);
    case NOP_Sub: return gen_call(g, HP_CSub, rep, a, b.s);
    case NOP_Mul: return gen_call(g, HP_CMul, rep, a, b.s);
    case NOP_Div: return gen_call(g, HP_CDiv, rep, a, b.s);
    case NOP_Pow: return gen_call(g, HP_CPow, rep, a, b.s);
    case NOP_NpMin: return gen_call(g, HP_CMin, rep, a, b.s);
    case NOP_NpMax: return gen_call(g, HP_CMax, rep, a, b.s);
    default:        return gen_compare(g, op, rep, a, b);
    }
}

Val gen_binary(Gen *g, NOp op, DType rep, Val a, Val b, bool no_wrap)
{
    if (rep_is_complex(rep))
        return complex_binary(g, op, rep, a, b);
    if (rep_is_float(rep))
        return float_binary(g, op, rep, a, b);
    return rep == DT_Bool ? bool_binary(g, op, a, b) : int_binary(g, op, rep, a, b, no_wrap);
}

/* ---- conversions -------------------------------------------------------------------------------------------------------------------- */

/* A float to an integer type, as astype() does it. */
static Val cut(Gen *g, Val v, DType to)
{
    Helper h = to == DT_U64 ? HP_CutU64 : to == DT_I64 || to == DT_U32 ? HP_CutI64 : HP_CutI32;
    Val whole = gen_call(g, h, DT_COUNT, v, NULL);
    return to == DT_I32 || to == DT_I64 || to == DT_U64 ? whole : cast_to(g, to, whole);
}

Val gen_convert(Gen *g, Val v, DType from, DType to)
{
    if (from == to)
        return v;
    if (to == DT_Bool)
        return gen_truth(g, v, from);
    if (rep_is_complex(from) && !rep_is_complex(to)) {
        v = atom(gen_text(g, "%s.re", at_level(g, v, LV_Atom)));
        from = part_of(from);
        if (from == to)
            return v;
    }
    if (to <= DT_U64)
        return from <= DT_U64 ? cast_to(g, to, v) : cut(g, v, to);
    if (!rep_is_complex(to))
        return cast_to(g, to, v);
    DType part = part_of(to);
    if (!rep_is_complex(from))
        return gen_call(g, HP_Complex, to, cast_to(g, part, v), "0");
    Val z = gen_temp(g, from, v);
    return gen_call(g, HP_Complex, to, atom(gen_text(g, "(%s)%s.re", c_type(part), z.s)), gen_text(g, "(%s)%s.im", c_type(part), z.s));
}
