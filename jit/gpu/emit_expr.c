/* jit/gpu/emit_expr.c — expressions to C text: what jit/plan/exec_eval.c computes, operation by operation.
 *
 * An operation whose check is proved (or that has none) is an expression.  One with a check becomes statements: its value goes to a temporary, and a
 * failed check ends the thread.  The ways of a choice that need statements become an `if` with two branches.
 *
 * Expressions are graphs: min(x, y) has its operands in the comparison and in the selection.  So uses are counted first, and what is used more than
 * once goes to a temporary; one that was made on one way of a branch is forgotten at its end. */
#include <math.h>
#include <string.h>

#include "jit/gpu/emit.h"

enum { LONG_TEXT = 300 };

/* ---- one statement's expressions --------------------------------------------------------------------------------------------------- */

static void count_uses(Gen *g, const NExpr *x)
{
    if (!x)
        return;
    if (g->uses[x->id]++)
        return;
    g->counted[g->n_counted++] = x->id;
    if (x->op == NOP_Load)
        gen_begin_access(g, x->u.access);
    count_uses(g, x->a);
    count_uses(g, x->b);
    count_uses(g, x->c);
}

void gen_begin(Gen *g, const NExpr *x)
{
    count_uses(g, x);
}

void gen_begin_access(Gen *g, const NAccess *a)
{
    for (uint32_t d = 0; d < a->n_subs; d++)
        count_uses(g, a->sub[d]);
}

static void forget(Gen *g, uint32_t trail)
{
    while (g->n_trail > trail)
        g->memo[g->trail[--g->n_trail]].s = NULL;
}

void gen_end(Gen *g)
{
    forget(g, 0);
    while (g->n_counted)
        g->uses[g->counted[--g->n_counted]] = 0;
}

Val gen_temp(Gen *g, DType rep, Val v)
{
    const char *name = gen_text(g, "x%u", (unsigned)++g->n_temps);
    gen_line(g, "const %s %s = %s;", c_type(rep), name, v.s);
    return atom(name);
}

/* A temporary that a statement is going to fill. */
static Val open_temp(Gen *g, DType rep)
{
    const char *name = gen_text(g, "x%u", (unsigned)++g->n_temps);
    gen_line(g, "%s %s;", c_type(rep), name);
    return atom(name);
}

/* ---- checks ---------------------------------------------------------------------------------------------------------------------------- */

bool gen_check_needed(const Gen *g, uint32_t check)
{
    return check != NO_CHECK && !g->plan->proved[check];
}

/* May the thread go on with a wrong value, and tell at its end?  Subscripts and trip counts do not come from floats but by way of integers, and what is
 * proved of integers holds as long as their checks do.  While loops may not end. */
static bool can_go_on(const Gen *g, const NCheck *check)
{
    if (g->is_single || !check->expr || check->expr->rep <= DT_U64)
        return false;
    for (const Target *t = g->target; t; t = t->up)
        if (t->stmt && t->stmt->kind == NS_Loop && t->stmt->loop->is_while)
            return false;
    return true;
}

/* The thread leaves the kernel, and the host is told the number. */
static void leave_if(Gen *g, const char *cond, unsigned number, const char *comment)
{
    bool in_lanes = g->warp == WARP_Lanes;
    if (!g->in_warp && !in_lanes) {
        gen_line(g, "if (%s) { %s(%s, %u); return; }  /* %s */", cond, gen_helper(g, HP_Fail, DT_COUNT), gen_param(g, GP_Status, 0, 0), number, comment);
        return;
    }
    g->notes_failed = true;
    g->stop_used |= g->in_warp;
    g->dead_end_used |= in_lanes;
    gen_line(g, "if (%s) { failed = %u; goto %s; }  /* %s */", cond, number, g->in_warp ? "stop" : gen_text(g, "dead_end%u", (unsigned)g->dead_end), comment);
}

void gen_fail_if(Gen *g, const char *cond, uint32_t check)
{
    const NCheck *c = &g->nest->checks[check];
    const char *name = nest_check_name((NCheckKind)c->kind);
    if (g->guard) {
        g->notes_failed = true;
        gen_line(g, "if ((%s) && %s) { failed = %u; %s = false; }  /* %s */", cond, g->guard, (unsigned)check + 1, g->guard, name);
    } else if (can_go_on(g, c)) {
        g->notes_failed = true;
        gen_line(g, "if (%s) failed = %u;  /* %s */", cond, (unsigned)check + 1, name);
    } else {
        leave_if(g, cond, (unsigned)check + 1, name);
    }
}

void gen_poll(Gen *g, unsigned weight)
{
    if (!g->layout->polls)
        return;
    g->fuel_used = g->program->polls = true;
    const char *cond = gen_text(g, "%s <= 0 && (fuel = FULL, %s(%s))", weight ? gen_text(g, "(fuel -= %u)", weight) : "fuel",
                                gen_helper(g, HP_IsStopped, DT_COUNT), gen_param(g, GP_Stop, 0, 0));
    if (g->warp == WARP_Uniform)
        cond = gen_text(g, "__any_sync(0xffffffffu, %s)", cond);
    leave_if(g, cond, GPU_STOPPED, "somebody wants the end");
}

void gen_report_failed(Gen *g)
{
    gen_line(g, "if (failed)");
    gen_line(g, "    %s(%s, failed);", gen_helper(g, HP_Fail, DT_COUNT), gen_param(g, GP_Status, 0, 0));
}

void gen_leave_if_failed(Gen *g)
{
    gen_open(g, "if (__any_sync(0xffffffffu, failed))");
    gen_report_failed(g);
    gen_line(g, "return;");
    gen_close(g);
}

/* The result of name(a, b, &result), true if the check fails; check NO_CHECK: it cannot. */
static Val fallible(Gen *g, Helper h, DType rep, Val a, Val b, uint32_t check)
{
    Val r = open_temp(g, rep);
    const char *call = gen_text(g, "%s(%s, %s, &%s)", gen_helper(g, h, rep), a.s, b.s, r.s);
    if (gen_check_needed(g, check))
        gen_fail_if(g, call, check);
    else
        gen_line(g, "%s;", call);
    return r;
}

/* ---- operators with the rules of their flavour ----------------------------------------------------------------------------------------- */

static Val power(Gen *g, const NExpr *x, Val a, Val b)
{
    DType rep = (DType)x->rep;
    bool python = x->flavour & NE_PY, check = gen_check_needed(g, x->check);
    if (python && rep == DT_C128)
        return fallible(g, HP_PyCPow, rep, a, b, x->check);
    if (python && rep == DT_I64 && check)
        return fallible(g, HP_PowOverflows, rep, a, b, x->check);
    if (rep == DT_F64 && x->b->op == NOP_Const && (x->b->u.f == 2 || x->b->u.f == 0.5)) {
        a = gen_temp(g, rep, a);
        bool is_square = x->b->u.f == 2;
        Val r = is_square ? gen_binary(g, NOP_Mul, rep, a, a, false) : gen_call(g, HP_Root, DT_COUNT, a, NULL);
        if (!check)
            return r;
        r = gen_temp(g, rep, r);
        const char *finite = gen_helper(g, HP_IsFinite, rep);
        gen_fail_if(g, gen_text(g, "!%s(%s) && %s(%s)", finite, r.s, finite, a.s), x->check);
        return r;
    }
    if (python && rep == DT_F64 && check)
        return fallible(g, HP_PyPowFails, rep, a, b, x->check);
    if (check) {                    /* NumPy's integers */
        b = gen_temp(g, rep, b);
        gen_fail_if(g, gen_text(g, "%s < 0", b.s), x->check);
    }
    return gen_binary(g, NOP_Pow, rep, a, b, false);
}

/* An int64 against a double or a uint64. */
static Val compare_mixed(Gen *g, const NExpr *x, Val a, Val b)
{
    static const NOp reversed[] = { NOP_Eq, NOP_Ne, NOP_Gt, NOP_Ge, NOP_Lt, NOP_Le };
    static const char *const test[] = { "%s == 0", "%s != 0", "%s == -1", "%s <= 0", "%s == 1", "(unsigned)%s <= 1" };
    bool int_first = x->a->rep == DT_I64;
    NOp op = int_first ? (NOp)x->op : reversed[x->op - NOP_Eq];
    Val i = int_first ? a : b, other = int_first ? b : a;
    if ((int_first ? x->b->rep : x->a->rep) == DT_U64) {
        i = gen_temp(g, DT_I64, i);
        bool if_negative = op == NOP_Ne || op == NOP_Lt || op == NOP_Le;
        Val cmp = gen_compare(g, op, DT_U64, (Val){ gen_text(g, "(u64)%s", i.s), LV_Unary }, other);
        return if_negative ? (Val){ gen_text(g, "%s < 0 || %s", i.s, at_level(g, cmp, LV_AndAlso)), LV_OrElse }
                           : (Val){ gen_text(g, "%s >= 0 && %s", i.s, at_level(g, cmp, LV_Or)), LV_AndAlso };
    }
    Val order = gen_call(g, HP_OrderIntFloat, DT_COUNT, i, other.s);
    const char *format = test[op - NOP_Eq], *hole = strstr(format, "%s");
    return (Val){ gen_text(g, "%.*s%s%s", (int)(hole - format), format, order.s, hole + 2), op <= NOP_Ne ? LV_Equal : LV_Less };
}

static void check_division(Gen *g, const NExpr *x, DType rep, Val a, Val b)
{
    if (rep == DT_I64 && x->op == NOP_FloorDiv)
        gen_fail_if(g, gen_text(g, "%s == 0 || (%s == -1 && %s == -9223372036854775807ll - 1)", b.s, b.s, a.s), x->check);
    else
        gen_fail_if(g, gen_text(g, "%s == 0", b.s), x->check);
}

/* a + c, a - c: a comparison, which compilers know to be false where a < b was asked before. */
static Val add_constant(Gen *g, const NExpr *x, Val a)
{
    int64_t c = x->b->u.i;
    bool up = (x->op == NOP_Add) == (c >= 0);
    uint64_t by = c < 0 ? 0 - (uint64_t)c : (uint64_t)c;
    int64_t last = up ? (int64_t)(INT64_MAX - by) : (int64_t)((uint64_t)INT64_MIN + by);
    a = gen_temp(g, DT_I64, a);
    gen_fail_if(g, gen_text(g, "%s %s %s", a.s, up ? ">" : "<", gen_int(g, last).s), x->check);
    return gen_binary(g, (NOp)x->op, DT_I64, a, gen_const(g, x->b), false);
}

static Val python_binary(Gen *g, const NExpr *x, Val a, Val b)
{
    DType rep = (DType)x->a->rep;
    bool check = gen_check_needed(g, x->check), is_int = rep == DT_I64;
    switch ((NOp)x->op) {
    case NOP_Add: case NOP_Sub: case NOP_Mul:
        if (is_int && check && x->op != NOP_Mul && x->b->op == NOP_Const)
            return add_constant(g, x, a);
        if (is_int && check)
            return fallible(g, x->op == NOP_Add ? HP_AddOverflows : x->op == NOP_Sub ? HP_SubOverflows : HP_MulOverflows, rep, a, b, x->check);
        break;
    case NOP_Div: case NOP_FloorDiv: case NOP_Mod:
        if (rep == DT_C128 && x->op == NOP_Div)
            return fallible(g, HP_PyDiv, rep, a, b, x->check);
        if (check) {
            a = gen_temp(g, rep, a);
            b = gen_temp(g, rep, b);
            check_division(g, x, rep, a, b);
        }
        break;
    case NOP_Shl:
        if (check)
            return fallible(g, HP_ShlOverflows, rep, a, b, x->check);
        break;
    case NOP_Shr:
        if (check) {
            b = gen_temp(g, rep, b);
            gen_fail_if(g, gen_text(g, "%s < 0", b.s), x->check);
        }
        break;
    default:
        break;
    }
    return gen_binary(g, (NOp)x->op, rep, a, b, is_int);
}

static Val binary(Gen *g, const NExpr *x, Val a, Val b)
{
    if (x->a->rep != x->b->rep)
        return compare_mixed(g, x, a, b);
    if (x->op == NOP_Pow)
        return power(g, x, a, b);
    return x->flavour & NE_PY ? python_binary(g, x, a, b) : gen_binary(g, (NOp)x->op, (DType)x->a->rep, a, b, false);
}

static Val int_division(Gen *g, const NExpr *x, Val a, Val b)
{
    if (gen_check_needed(g, x->check)) {
        b = gen_temp(g, DT_I64, b);
        gen_fail_if(g, gen_text(g, "%s == 0", b.s), x->check);
    }
    return gen_call(g, HP_IntDiv, DT_COUNT, a, b.s);
}

/* ---- one operand ------------------------------------------------------------------------------------------------------------------------ */

static Val negative(Gen *g, DType rep, Val a, bool python)
{
    if (rep_is_complex(rep))
        return gen_call(g, HP_CNeg, rep, a, NULL);
    if (rep_is_float(rep) || (python && rep == DT_I64))
        return (Val){ gen_text(g, "-%s", at_level(g, a, LV_Atom)), LV_Unary, a.is_int };
    return gen_call(g, HP_Neg, rep, a, NULL);
}

static Val absolute(Gen *g, const NExpr *x, DType rep, Val a)
{
    if (rep == DT_Bool || (rep <= DT_U64 && !rep_is_signed(rep)))
        return a;
    if (rep <= DT_U64)
        return gen_call(g, HP_Abs, rep, a, NULL);
    if (rep_is_float(rep))
        return atom(gen_text(g, "%s(%s)", rep == DT_F32 ? "fabsf" : "fabs", a.s));
    if (!(x->flavour & NE_PY) || !gen_check_needed(g, x->check))
        return gen_call(g, HP_CAbs, rep, a, NULL);
    a = gen_temp(g, rep, a);
    Val r = gen_temp(g, DT_F64, gen_call(g, HP_CAbs, rep, a, NULL));
    const char *finite = gen_helper(g, HP_IsFinite, DT_F64);
    gen_fail_if(g, gen_text(g, "!%s(%s) && %s(%s.re) && %s(%s.im)", finite, r.s, finite, a.s, finite, a.s), x->check);
    return r;
}

static Val unary(Gen *g, const NExpr *x, Val a)
{
    DType rep = (DType)x->a->rep;
    switch ((NOp)x->op) {
    case NOP_Neg: case NOP_Abs:
        if (gen_check_needed(g, x->check) && rep == DT_I64) {
            a = gen_temp(g, rep, a);
            gen_fail_if(g, gen_text(g, "%s == -9223372036854775807ll - 1", a.s), x->check);
        }
        return x->op == NOP_Neg ? negative(g, rep, a, x->flavour & NE_PY) : absolute(g, x, rep, a);
    case NOP_Invert:
        if (rep != DT_Bool)
            return (Val){ gen_text(g, "(%s)~%s", c_type(rep), at_level(g, a, LV_Atom)), LV_Unary };
        return (Val){ gen_text(g, "!%s", at_level(g, a, LV_Atom)), LV_Unary };
    case NOP_Not:  return (Val){ gen_text(g, "!%s", at_level(g, a, LV_Atom)), LV_Unary };
    case NOP_Real: return atom(gen_text(g, "%s.re", at_level(g, a, LV_Atom)));
    case NOP_Imag: return atom(gen_text(g, "%s.im", at_level(g, a, LV_Atom)));
    case NOP_Conj: return gen_call(g, HP_CConj, rep, a, NULL);
    default:       return gen_truth(g, a, rep);
    }
}

/* ---- conversions -------------------------------------------------------------------------------------------------------------------------- */

/* As a Python int into a narrower type. */
static void check_int_range(Gen *g, const NExpr *x, Val a, DType from, DType to)
{
    int64_t min;
    uint64_t max;
    if (!dtype_int_range(to, &min, &max))
        return;
    const char *most = gen_text(g, "%llull", (unsigned long long)(from != DT_U64 && max > INT64_MAX ? (uint64_t)INT64_MAX : max));
    if (from == DT_U64)
        gen_fail_if(g, gen_text(g, "%s > (u64)%s", a.s, most), x->check);
    else
        gen_fail_if(g, gen_text(g, "(i64)%s < %s || (i64)%s > %s", a.s, gen_int(g, min).s, a.s, most), x->check);
}

/* Fractions are cut off, so everything above min - 1 and below max + 1 fits. */
static void check_float_range(Gen *g, const NExpr *x, Val a, DType to)
{
    int64_t min;
    uint64_t max;
    if (!dtype_int_range(to, &min, &max))
        return;
    double least = min == INT64_MIN ? nextafter(-0x1p63, -INFINITY) : (double)min - 1,
           most = max == INT64_MAX ? 0x1p63 : max == UINT64_MAX ? 0x1p64 : (double)max + 1;
    const char *v = gen_text(g, "(double)%s", a.s);
    gen_fail_if(g, gen_text(g, "!(%s > %s && %s < %s)", v, gen_real(g, DT_F64, least).s, v, gen_real(g, DT_F64, most).s), x->check);
}

/* Must survive as a float of the result's kind. */
static void check_exact(Gen *g, const NExpr *x, Val a, DType from, DType to)
{
    bool single = to == DT_F32 || to == DT_C64;
    if (to <= DT_U64 || (from > DT_U64 && (from != DT_F64 || !single)))
        return;
    Helper h = from == DT_F64 ? HP_ExactF64F32 : from == DT_U64 ? single ? HP_ExactU64F32 : HP_ExactU64F64
             : single ? HP_ExactI64F32 : HP_ExactI64F64;
    gen_fail_if(g, gen_text(g, "!%s(%s)", gen_helper(g, h, DT_COUNT), a.s), x->check);
}

static Val cast(Gen *g, const NExpr *x, Val a)
{
    DType from = (DType)x->a->rep, to = (DType)x->rep;
    if (gen_check_needed(g, x->check)) {
        a = gen_temp(g, from, a);
        if (g->nest->checks[x->check].kind == CK_Exact)
            check_exact(g, x, a, from, to);
        else if (from <= DT_U64)
            check_int_range(g, x, a, from, to);
        else if (rep_is_float(from))
            check_float_range(g, x, a, to);
    }
    return gen_convert(g, a, from, to);
}

/* ---- elementary functions ------------------------------------------------------------------------------------------------------------------ */

static const struct { const char *name, *f64, *f32; } functions[NF_FUN_COUNT] = {
#define FUN(id, name, arity, f64, f32, c128, c64) [NF_##id] = { name, #f64, #f32 },
#include "jit/nest/fun_list.h"
#undef FUN
};

/* What computes it: a helper, alpy's own function, or CUDA's. */
static const char *function_name(Gen *g, NFunId f, DType rep)
{
    if (nfun_is_own(f))
        return gen_elem(g, rep == DT_F32 ? functions[f].f32 : functions[f].f64);
    static const struct { NFunId f; Helper h; } own[] = {
        { NF_Sign, HP_FSign }, { NF_Fmin, HP_FFmin }, { NF_Fmax, HP_FFmax }, { NF_Heaviside, HP_Heaviside },
    };
    for (size_t i = 0; i < COUNT_OF(own); i++)
        if (own[i].f == f)
            return gen_helper(g, own[i].h, rep);
    return rep == DT_F32 ? gen_text(g, "%sf", functions[f].name) : functions[f].name;
}

/* NumPy's; they have no checks. */
static Val complex_function(Gen *g, const NExpr *x, Val a)
{
    static const struct { NFunId f; Helper h; const char *more; } own[] = {
        { NF_Sqrt, HP_CSqrt, NULL }, { NF_Exp, HP_CExp, NULL }, { NF_Log, HP_CLog, NULL }, { NF_Sin, HP_CSin, NULL }, { NF_Cos, HP_CCos, NULL },
        { NF_Sinh, HP_CSinh, "true" }, { NF_Cosh, HP_CSinh, "false" },
    };
    for (size_t i = 0; i < COUNT_OF(own); i++)
        if (own[i].f == (NFunId)x->fun && !gen_check_needed(g, x->check))
            return gen_call(g, own[i].h, (DType)x->rep, a, own[i].more);
    gen_refuse(g, "%s of complex numbers", nfun_info[x->fun].name);
    return a;
}

static Val function(Gen *g, const NExpr *x, Val a, Val b)
{
    DType rep = (DType)x->rep;
    NFunId f = (NFunId)x->fun;
    if (rep_is_complex(rep) && x->a->rep == x->rep && !x->b)
        return complex_function(g, x, a);
    if (!rep_is_float(rep) || x->a->rep != x->rep) {
        gen_refuse(g, "%s of complex numbers", nfun_info[f].name);
        return a;
    }
    if (f == NF_Power && x->b->op == NOP_Const && x->b->u.f == 2) {
        a = gen_temp(g, rep, a);
        return gen_binary(g, NOP_Mul, rep, a, a, false);
    }
    bool check = gen_check_needed(g, x->check);
    if (check) {
        a = gen_temp(g, rep, a);
        b = x->b ? gen_temp(g, rep, b) : b;
    }
    const char *name = function_name(g, f, rep);
    Val r = atom(x->b ? gen_text(g, "%s(%s, %s)", name, a.s, b.s) : gen_text(g, "%s(%s)", name, a.s));
    if (!check)
        return r;
    r = gen_temp(g, rep, r);
    bool is_root = f == NF_Sqrt, is_log = f == NF_Log || f == NF_Log2 || f == NF_Log10;
    if (is_root || is_log) {
        gen_fail_if(g, gen_text(g, "%s %s 0", a.s, is_root ? "<" : "<="), x->check);
        return r;
    }
    const char *in_domain = gen_helper(g, f == NF_Pow ? HP_InDomainPow : x->b ? HP_InDomain2 : HP_InDomain1, DT_COUNT);
    gen_fail_if(g, gen_text(g, "!%s(%s%s%s, %s)", in_domain, a.s, x->b ? ", " : "", x->b ? b.s : "", r.s), x->check);
    return r;
}

/* ---- choices ---------------------------------------------------------------------------------------------------------------------------------- */

/* The text of x, and what must be done before it, which only happens on one way. */
static Val captured(Gen *g, const NExpr *x, GenText *before)
{
    GenText *out = g->out;
    uint32_t trail = g->n_trail;
    g->out = before;
    g->indent++;
    Val v = gen_expr(g, x);
    g->indent--;
    g->out = out;
    forget(g, trail);
    return v;
}

static void put_branch(Gen *g, const GenText *before, Val result, Val v)
{
    text_put(g, g->out, before->s, before->n);
    g->indent++;
    gen_line(g, "%s = %s;", result.s, v.s);
    g->indent--;
}

/* cond ? y : z, of which only the chosen one is evaluated; z NULL: false. */
static Val choose(Gen *g, DType rep, Val cond, const NExpr *y, const NExpr *z)
{
    GenText before_y = { 0 }, before_z = { 0 };
    Val a = captured(g, y, &before_y), b = z ? captured(g, z, &before_z) : atom("false"), r;
    if (before_y.n || before_z.n) {
        r = open_temp(g, rep);
        gen_line(g, "if (%s) {", cond.s);
        put_branch(g, &before_y, r, a);
        gen_line(g, "} else {");
        put_branch(g, &before_z, r, b);
        gen_line(g, "}");
    } else if (!z) {
        r = (Val){ gen_text(g, "%s && %s", at_level(g, cond, LV_AndAlso), at_level(g, a, LV_Or)), LV_AndAlso };
    } else {
        bool cast_first = rep <= DT_I32 || rep == DT_U8 || rep == DT_U16;
        r = (Val){ gen_text(g, "%s ? %s : %s", at_level(g, cond, LV_OrElse), at_level(g, a, LV_OrElse), at_level(g, b, LV_OrElse)), LV_Cond,
                   a.is_int && b.is_int };
        if (cast_first && rep != DT_Bool)
            r = (Val){ gen_text(g, "(%s)(%s)", c_type(rep), r.s), LV_Unary };
    }
    text_free(g, &before_y);
    text_free(g, &before_z);
    return r;
}

static Val or_else(Gen *g, const NExpr *x)
{
    GenText before = { 0 };
    Val a = gen_expr(g, x->a), b = captured(g, x->b, &before), r;
    if (before.n) {
        r = open_temp(g, DT_Bool);
        gen_line(g, "if (%s) {", a.s);
        put_branch(g, &(GenText){ "", 0, 0 }, r, atom("true"));
        gen_line(g, "} else {");
        put_branch(g, &before, r, b);
        gen_line(g, "}");
    } else {
        r = (Val){ gen_text(g, "%s || %s", at_level(g, a, LV_OrElse), at_level(g, b, LV_AndAlso)), LV_OrElse };
    }
    text_free(g, &before);
    return r;
}

/* ---- any expression -------------------------------------------------------------------------------------------------------------------------- */

static Val operation(Gen *g, const NExpr *x)
{
    Val a = gen_expr(g, x->a), b = x->b ? gen_expr(g, x->b) : atom("");
    switch ((NOp)x->op) {
    case NOP_Cast:    return cast(g, x, a);
    case NOP_IntDiv:  return int_division(g, x, a, b);
    case NOP_Complex: return gen_call(g, HP_Complex, (DType)x->rep, a, b.s);
    case NOP_Fun:     return function(g, x, a, b);
    case NOP_Generic:
        gen_refuse(g, "an operator on a rare pair of types");
        return a;
    case NOP_Neg: case NOP_Invert: case NOP_Not: case NOP_Abs: case NOP_Real: case NOP_Imag: case NOP_Conj: case NOP_Truth:
        return unary(g, x, a);
    default:
        return binary(g, x, a, b);
    }
}

Val gen_expr(Gen *g, const NExpr *x)
{
    switch ((NOp)x->op) {
    case NOP_Const:   return gen_const(g, x);
    case NOP_Var:     return atom(gen_var(g, x->u.var));
    case NOP_Counter: return atom(gen_counter(g, x->u.loop));
    case NOP_Extent:  return atom(gen_extent(g, x->u.extent.array, x->u.extent.axis));
    default:          break;
    }
    Val *m = &g->memo[x->id], v;
    if (m->s)
        return *m;
    if (gen_is_broken(g))
        return atom("0");
    switch ((NOp)x->op) {
    case NOP_Load:    v = gen_load(g, x->u.access); break;
    case NOP_AndAlso: v = choose(g, DT_Bool, gen_expr(g, x->a), x->b, NULL); break;
    case NOP_OrElse:  v = or_else(g, x); break;
    case NOP_Select:  v = choose(g, (DType)x->rep, gen_expr(g, x->a), x->b, x->c); break;
    default:          v = operation(g, x); break;
    }
    bool is_shared = g->uses[x->id] > 1;
    if (!is_shared && strlen(v.s) < LONG_TEXT)
        return v;
    v = gen_temp(g, (DType)x->rep, v);
    if (is_shared) {
        *m = v;
        g->trail[g->n_trail++] = x->id;
    }
    return v;
}

Val gen_value_as(Gen *g, const NExpr *x, DType rep)
{
    return gen_convert(g, gen_expr(g, x), (DType)x->rep, rep);
}
