/* jit/nest/expr_fun.c — calls of the interpreter's own functions: module math, NumPy's elementwise functions, and a few builtins.
 *
 * A function is known by its row in the interpreter's tables, so it does not matter what the program calls it.  math computes in double and raises
 * (check Domain); a ufunc's result type is found by calling it on samples of the operands' types, and its loop's type follows from that. */
#include "jit/nest/expr.h"

#include <math.h>

#include "interp/module.h"
#include "interp/ops.h"
#include "interp/ufunc.h"
#include "jit/nest/fun.h"

typedef struct FunRow FunRow;
typedef struct FunCall {
    NBuild *b;
    const Native *f;
    const FunRow *row;
    NExpr **arg;
    uint32_t n;
    const Node *ast;
} FunCall;

typedef NExpr *(*FunHandler)(FunCall *c);

enum { MAX_ARGS = 4, CHECKED = 1 };

struct FunRow {
    const char *name;           /* in the interpreter's table */
    uint8_t     min, max;       /* arguments */
    FunHandler  build;
    int         id;             /* NFunId, or NOp for operators */
    int         flags;          /* CHECKED: math's function can raise */
};

static NExpr *no_such_types(FunCall *c)
{
    if (!c->b->refused && !c->b->no_memory)
        build_refuse(c->b, RS_Expression, c->ast, "%s() of %s", c->f->row->name, tag_text(c->b, first_tag(c->arg[0]->tags)));
    return NULL;
}

static NExpr *node(FunCall *c, NOp op, DType rep, TagSet tags, NExpr *x, NExpr *y)
{
    return expr_node(c->b, op, rep, tags, x, y, c->ast);
}

static NExpr *fun_node(FunCall *c, NFunId id, DType rep, TagSet tags, NExpr *x, NExpr *y)
{
    if (!nfun_has(id, rep))
        return no_such_types(c);
    NExpr *e = node(c, NOP_Fun, rep, tags, x, y);
    if (e)
        e->fun = (uint8_t)id;
    return e;
}

static NExpr *real_const(FunCall *c, DType rep, double v)
{
    NExpr *e = expr_zero(c->b, rep, TAGS(rep == DT_F32 ? T_NpF32 : T_Float), c->ast);
    if (e)
        e->u.f = rep == DT_F32 ? (float)v : v;
    return e;
}

/* isnan, isinf, isfinite of a float; anything else is neither infinite nor NaN. */
static NExpr *classify(FunCall *c, NExpr *x, TagSet tags)
{
    char which = c->row->name[2];               /* 'n', 'i', 'f' */
    if (!x || IS_COMPLEX_REP(x->rep))
        return x ? no_such_types(c) : NULL;
    if (!IS_FLOAT_REP(x->rep)) {
        NExpr *e = expr_zero(c->b, DT_Bool, tags, c->ast);
        if (e)
            e->u.i = which == 'f';
        return e;
    }
    if (which == 'n')
        return node(c, NOP_Ne, DT_Bool, tags, x, x);
    NExpr *size = node(c, NOP_Abs, (DType)x->rep, x->tags, x, NULL), *inf = size ? real_const(c, (DType)x->rep, INFINITY) : NULL;
    return inf ? node(c, which == 'i' ? NOP_Eq : NOP_Lt, DT_Bool, tags, size, inf) : NULL;
}

/* ---- module math ---------------------------------------------------------------------------------------------------------------- */

/* The argument as float(x) has it. */
static NExpr *math_arg(FunCall *c, uint32_t k)
{
    NExpr *x = c->arg[k];
    if (IS_COMPLEX_REP(x->rep))
        return no_such_types(c);
    return expr_cast(c->b, x, DT_F64, 0, x->tags, c->ast);
}

static NExpr *math_node(FunCall *c, NFunId id, bool checked, NExpr *x, NExpr *y)
{
    NExpr *e = x ? fun_node(c, id, DT_F64, TAGS(T_Float), x, y) : NULL;
    if (!e)
        return NULL;
    e->flavour = NE_PY;
    return checked ? expr_checked(c->b, e, CK_Domain) : e;
}

static NExpr *math_real(FunCall *c)
{
    return math_node(c, (NFunId)c->row->id, c->row->flags & CHECKED, math_arg(c, 0), NULL);
}

static NExpr *math_real2(FunCall *c)
{
    NExpr *x = math_arg(c, 0), *y = x ? math_arg(c, 1) : NULL;
    return y ? math_node(c, (NFunId)c->row->id, c->row->flags & CHECKED, x, y) : NULL;
}

static NExpr *math_log(FunCall *c)
{
    NExpr *x = math_node(c, NF_Log, true, math_arg(c, 0), NULL);
    if (!x || c->n == 1)
        return x;
    return expr_binary(c->b, BI_Div, x, math_node(c, NF_Log, true, math_arg(c, 1), NULL), c->ast);
}

static NExpr *math_fabs(FunCall *c)
{
    NExpr *x = math_arg(c, 0);
    return x ? node(c, NOP_Abs, DT_F64, TAGS(T_Float), x, NULL) : NULL;
}

static NExpr *math_classify(FunCall *c)
{
    return classify(c, math_arg(c, 0), TAGS(T_Bool));
}

static double degrees_factor(bool to_degrees)
{
    return to_degrees ? 180.0 / M_PI : M_PI / 180.0;
}

static NExpr *math_scale(FunCall *c)
{
    NExpr *x = math_arg(c, 0), *k = x ? real_const(c, DT_F64, degrees_factor(c->row->id)) : NULL;
    return k ? node(c, NOP_Mul, DT_F64, TAGS(T_Float), x, k) : NULL;
}

/* floor, ceil, trunc, and round() of one argument: ints stay, floats become ints. */
static NExpr *to_integer(FunCall *c)
{
    NExpr *x = c->arg[0];
    bool np_numbers = c->row->flags;            /* which NumPy types: math.trunc knows float64 alone */
    if (IS_COMPLEX_REP(x->rep) || (!np_numbers && (x->tags & ~(TAGS_INT | TAGS(T_Float) | TAGS(T_NpF64)))))
        return no_such_types(c);
    if (!(x->tags & ~TAGS_INT))
        return expr_cast(c->b, x, DT_I64, 0, TAGS(T_Int), c->ast);
    if (IS_INT_REP(x->rep) && (x->tags & TAGS_INT))
        return no_such_types(c);                /* NumPy's ints go through double, Python's do not */
    x = fun_node(c, (NFunId)c->row->id, DT_F64, TAGS(T_Float), math_arg(c, 0), NULL);
    return expr_cast(c->b, x, DT_I64, CONV_Nan, TAGS(T_Int), c->ast);
}

static const FunRow math_row[] = {
    { "acos", 1, 1, math_real, NF_Acos, CHECKED },      { "acosh", 1, 1, math_real, NF_Acosh, CHECKED },
    { "asin", 1, 1, math_real, NF_Asin, CHECKED },      { "asinh", 1, 1, math_real, NF_Asinh, 0 },
    { "atan", 1, 1, math_real, NF_Atan, 0 },            { "atanh", 1, 1, math_real, NF_Atanh, CHECKED },
    { "cbrt", 1, 1, math_real, NF_Cbrt, 0 },            { "cos", 1, 1, math_real, NF_Cos, CHECKED },
    { "cosh", 1, 1, math_real, NF_Cosh, CHECKED },      { "erf", 1, 1, math_real, NF_Erf, 0 },
    { "erfc", 1, 1, math_real, NF_Erfc, 0 },            { "exp", 1, 1, math_real, NF_Exp, CHECKED },
    { "exp2", 1, 1, math_real, NF_Exp2, CHECKED },      { "expm1", 1, 1, math_real, NF_Expm1, CHECKED },
    { "log1p", 1, 1, math_real, NF_Log1p, CHECKED },    { "log2", 1, 1, math_real, NF_Log2, CHECKED },
    { "log10", 1, 1, math_real, NF_Log10, CHECKED },    { "sin", 1, 1, math_real, NF_Sin, CHECKED },
    { "sinh", 1, 1, math_real, NF_Sinh, CHECKED },      { "sqrt", 1, 1, math_real, NF_Sqrt, CHECKED },
    { "tan", 1, 1, math_real, NF_Tan, CHECKED },        { "tanh", 1, 1, math_real, NF_Tanh, 0 },
    { "gamma", 1, 1, math_real, NF_Gamma, CHECKED },    { "lgamma", 1, 1, math_real, NF_Lgamma, CHECKED },
    { "log", 1, 2, math_log, 0, 0 },                    { "fabs", 1, 1, math_fabs, 0, 0 },
    { "isnan", 1, 1, math_classify, 0, 0 },             { "isinf", 1, 1, math_classify, 0, 0 },
    { "isfinite", 1, 1, math_classify, 0, 0 },
    { "degrees", 1, 1, math_scale, true, 0 },           { "radians", 1, 1, math_scale, false, 0 },
    { "atan2", 2, 2, math_real2, NF_Atan2, 0 },         { "copysign", 2, 2, math_real2, NF_Copysign, 0 },
    { "fmod", 2, 2, math_real2, NF_Fmod, CHECKED },     { "nextafter", 2, 2, math_real2, NF_Nextafter, 0 },
    { "remainder", 2, 2, math_real2, NF_Remainder, CHECKED },
    { "pow", 2, 2, math_real2, NF_Pow, CHECKED },       { "hypot", 2, 2, math_real2, NF_Hypot, 0 },
    { "floor", 1, 1, to_integer, NF_Floor, true },      { "ceil", 1, 1, to_integer, NF_Ceil, true },
    { "trunc", 1, 1, to_integer, NF_Trunc, false },
    { NULL },
};

/* ---- ufuncs ----------------------------------------------------------------------------------------------------------------------- */

/* Tag of the function's result for one tag per argument. */
static Tag sample_call(FunCall *c, const Tag *tag)
{
    Value v[MAX_ARGS] = { V_UNBOUND };
    Tag r = T_Error;
    uint32_t n = 0;
    while (n < c->n && !IS_ERR(v[n] = sample_value(c->b, tag[n])))
        n++;
    if (n == c->n)
        r = sample_result(c->b, native_call(c->b->vm, c->f, v, n, NULL, 0));
    while (n > 0)
        value_free(c->b->vm, v[--n]);
    return r;
}

/* The only tag that results of this call have; T_Error after refusing. */
static Tag result_tag(FunCall *c)
{
    Tag tag[MAX_ARGS], found = T_Error;
    TagSet left[MAX_ARGS];
    for (uint32_t k = 0; k < c->n; k++)
        left[k] = c->arg[k]->tags;
    for (;;) {                                  /* an odometer over the arguments' tags */
        for (uint32_t k = 0; k < c->n; k++)
            tag[k] = first_tag(left[k]);
        Tag t = sample_call(c, tag);
        if (t == T_Error || tag_rep(t) == DT_COUNT || (found != T_Error && found != t)) {
            no_such_types(c);
            return T_Error;
        }
        found = t;
        uint32_t k = 0;
        for (; k < c->n; k++) {
            left[k] &= left[k] - 1;
            if (left[k])
                break;
            left[k] = c->arg[k]->tags;
        }
        if (k == c->n)
            return found;
    }
}

/* Both operands in the loop's type. */
static bool operands(FunCall *c, DType d, NExpr **x, NExpr **y)
{
    *x = expr_ufunc_operand(c->b, c->arg[0], d, c->ast);
    *y = *x && c->n > 1 ? expr_ufunc_operand(c->b, c->arg[1], d, c->ast) : NULL;
    return *x && (c->n == 1 || *y);
}

static NExpr *np_int_node(FunCall *c, NOp op, DType d, TagSet tags, NExpr *x, NExpr *y)
{
    NExpr *e = node(c, op, d, tags, x, y);
    if (e && IS_INT_REP(d))
        e->form = form_apply(c->b, op, d, 0, x->form, y ? y->form : NULL);
    return e;
}

/* Operators under their NumPy name. */
static NExpr *np_operator(FunCall *c)
{
    NOp op = (NOp)c->row->id;
    NExpr *x, *y;
    Tag t = result_tag(c);
    DType d = tag_rep(t);
    if (t == T_Error || !operands(c, d, &x, &y))
        return NULL;
    if (d == DT_Bool)
        op = op == NOP_Add || op == NOP_NpMax ? NOP_Or : op == NOP_Mul || op == NOP_NpMin ? NOP_And : op;
    if ((op == NOP_NpMin || op == NOP_NpMax) && IS_COMPLEX_REP(d))
        return no_such_types(c);
    return np_int_node(c, op, d, TAGS(t), x, y);
}

static NExpr *np_power(FunCall *c)
{
    NExpr *x, *y;
    int64_t exponent;
    Tag t = result_tag(c);
    DType d = tag_rep(t);
    if (t == T_Error || !operands(c, d, &x, &y))
        return NULL;
    if (!IS_INT_REP(d))
        return fun_node(c, NF_Power, d, TAGS(t), x, y);
    NExpr *e = np_int_node(c, NOP_Pow, d, TAGS(t), x, y);
    bool may_fail = d <= DT_I64 && !(expr_const_int(y, &exponent) && exponent >= 0);
    return may_fail ? expr_checked(c->b, e, CK_Pow) : e;
}

/* Functions of floats; some leave integers as they are. */
static NExpr *np_fun(FunCall *c)
{
    NExpr *x, *y;
    Tag t = result_tag(c);
    DType d = tag_rep(t);
    if (t == T_Error || !operands(c, d, &x, &y))
        return NULL;
    NFunId id = (NFunId)c->row->id;
    if (IS_INT_REP(d) && (id == NF_Floor || id == NF_Ceil || id == NF_Trunc))
        return expr_cast(c->b, x, d, 0, TAGS(t), c->ast);
    if (IS_INT_REP(d) && (id == NF_Fmin || id == NF_Fmax))
        return np_int_node(c, id == NF_Fmin ? NOP_NpMin : NOP_NpMax, d, TAGS(t), x, y);
    return fun_node(c, id, d, TAGS(t), x, y);
}

static NExpr *np_scale(FunCall *c)
{
    NExpr *x, *y;
    Tag t = result_tag(c);
    DType d = tag_rep(t);
    if (t == T_Error || !operands(c, d, &x, &y))
        return NULL;
    NExpr *k = IS_FLOAT_REP(d) ? real_const(c, d, degrees_factor(c->row->id)) : no_such_types(c);
    return k ? node(c, NOP_Mul, d, TAGS(t), x, k) : NULL;
}

/* One operand, of the result's type: negative, positive, square, reciprocal, conjugate, invert. */
static NExpr *np_unary(FunCall *c)
{
    NExpr *x, *y;
    Tag t = result_tag(c);
    DType d = tag_rep(t);
    if (t == T_Error || !operands(c, d, &x, &y))
        return NULL;
    switch ((NOp)c->row->id) {
    case NOP_Cast:      return expr_cast(c->b, x, d, 0, TAGS(t), c->ast);
    case NOP_Mul:       return np_int_node(c, NOP_Mul, d, TAGS(t), x, x);
    case NOP_Invert:    return np_int_node(c, d == DT_Bool ? NOP_Not : NOP_Invert, d, TAGS(t), x, NULL);
    case NOP_Conj:      return IS_COMPLEX_REP(d) ? node(c, NOP_Conj, d, TAGS(t), x, NULL) : expr_cast(c->b, x, d, 0, TAGS(t), c->ast);
    case NOP_Div:
        y = IS_FLOAT_REP(d) ? real_const(c, d, 1) : no_such_types(c);
        return y ? node(c, NOP_Div, d, TAGS(t), y, x) : NULL;
    default:            return np_int_node(c, NOP_Neg, d, TAGS(t), x, NULL);
    }
}

static NExpr *np_absolute(FunCall *c)
{
    NExpr *x = c->arg[0];
    Tag t = result_tag(c);
    if (t == T_Error)
        return NULL;
    DType d = tag_rep(t);
    if (!IS_COMPLEX_REP(x->rep))
        x = expr_ufunc_operand(c->b, x, d, c->ast);
    else if (d != PART_REP(x->rep))
        return no_such_types(c);
    if (!x || d == DT_Bool)
        return x ? expr_cast(c->b, x, d, 0, TAGS(t), c->ast) : NULL;
    return np_int_node(c, NOP_Abs, d, TAGS(t), x, NULL);
}

static NExpr *np_classify(FunCall *c)
{
    return classify(c, c->arg[0], TAGS(T_NpBool));
}

static NExpr *np_logical(FunCall *c)
{
    NOp op = (NOp)c->row->id;
    NExpr *x = expr_truth(c->b, c->arg[0], c->ast), *y = c->n > 1 && x ? expr_truth(c->b, c->arg[1], c->ast) : NULL;
    return x && (c->n == 1 || y) ? node(c, op, DT_Bool, TAGS(T_NpBool), x, y) : NULL;
}

#define FUN1(name, id)  { name, 1, 1, np_fun, NF_##id, 0 }
#define FUN2(name, id)  { name, 2, 2, np_fun, NF_##id, 0 }
#define BIN(name, op)   { name, 2, 2, np_operator, NOP_##op, 0 }
static const FunRow ufunc_row[] = {
    BIN("add", Add), BIN("subtract", Sub), BIN("multiply", Mul), BIN("divide", Div), BIN("floor_divide", FloorDiv), BIN("remainder", Mod),
    BIN("minimum", NpMin), BIN("maximum", NpMax), BIN("bitwise_and", And), BIN("bitwise_or", Or), BIN("bitwise_xor", Xor),
    BIN("left_shift", Shl), BIN("right_shift", Shr),
    { "power", 2, 2, np_power, 0, 0 },
    { "negative", 1, 1, np_unary, NOP_Neg, 0 },         { "positive", 1, 1, np_unary, NOP_Cast, 0 },
    { "square", 1, 1, np_unary, NOP_Mul, 0 },           { "reciprocal", 1, 1, np_unary, NOP_Div, 0 },
    { "conjugate", 1, 1, np_unary, NOP_Conj, 0 },       { "invert", 1, 1, np_unary, NOP_Invert, 0 },
    { "absolute", 1, 1, np_absolute, 0, 0 },            { "fabs", 1, 1, np_absolute, 0, 0 },
    FUN1("sqrt", Sqrt), FUN1("cbrt", Cbrt), FUN1("exp", Exp), FUN1("exp2", Exp2), FUN1("expm1", Expm1), FUN1("log", Log), FUN1("log2", Log2),
    FUN1("log10", Log10), FUN1("log1p", Log1p), FUN1("sin", Sin), FUN1("cos", Cos), FUN1("tan", Tan), FUN1("arcsin", Asin), FUN1("arccos", Acos),
    FUN1("arctan", Atan), FUN1("sinh", Sinh), FUN1("cosh", Cosh), FUN1("tanh", Tanh), FUN1("arcsinh", Asinh), FUN1("arccosh", Acosh),
    FUN1("arctanh", Atanh), FUN1("floor", Floor), FUN1("ceil", Ceil), FUN1("trunc", Trunc), FUN1("rint", Rint), FUN1("sign", Sign),
    FUN2("arctan2", Atan2), FUN2("hypot", Hypot), FUN2("copysign", Copysign), FUN2("nextafter", Nextafter), FUN2("fmod", Fmod),
    FUN2("fmin", Fmin), FUN2("fmax", Fmax), FUN2("heaviside", Heaviside), FUN2("logaddexp", Logaddexp), FUN2("logaddexp2", Logaddexp2),
    { "degrees", 1, 1, np_scale, true, 0 },             { "rad2deg", 1, 1, np_scale, true, 0 },
    { "radians", 1, 1, np_scale, false, 0 },            { "deg2rad", 1, 1, np_scale, false, 0 },
    { "isnan", 1, 1, np_classify, 0, 0 },               { "isinf", 1, 1, np_classify, 0, 0 },
    { "isfinite", 1, 1, np_classify, 0, 0 },
    { "logical_and", 2, 2, np_logical, NOP_And, 0 },    { "logical_or", 2, 2, np_logical, NOP_Or, 0 },
    { "logical_xor", 2, 2, np_logical, NOP_Xor, 0 },    { "logical_not", 1, 1, np_logical, NOP_Not, 0 },
    { NULL },
};
#undef FUN1
#undef FUN2
#undef BIN

/* ---- functions of module numpy that are no ufuncs, and builtins ---------------------------------------------------------------------- */

/* A Python int as the limit of a NumPy integer is first moved into that one's range, so only those that lie there are taken as they are. */
static NExpr *clip_bound(FunCall *c, NExpr *bound)
{
    DType d = (DType)c->arg[0]->rep;
    if (!IS_INT_REP(d) || !(bound->tags & TAGS(T_Int)))
        return bound;
    return bound->tags == TAGS(T_Int) ? expr_cast(c->b, bound, d, CONV_Range, bound->tags, c->ast) : no_such_types(c);
}

/* min(max(x, low), high), NaNs winning. */
static NExpr *np_clip(FunCall *c)
{
    Tag t = result_tag(c);
    DType d = tag_rep(t);
    NExpr *v[3];
    if (t == T_Error)
        return NULL;
    if (IS_COMPLEX_REP(d) || d == DT_Bool)
        return no_such_types(c);
    for (int k = 0; k < 3; k++)
        if (!(v[k] = expr_ufunc_operand(c->b, k ? clip_bound(c, c->arg[k]) : c->arg[k], d, c->ast)))
            return NULL;
    NExpr *e = np_int_node(c, NOP_NpMax, d, TAGS(t), v[0], v[1]);
    return e ? np_int_node(c, NOP_NpMin, d, TAGS(t), e, v[2]) : NULL;
}

/* To integers: of integers nothing. */
static NExpr *np_round(FunCall *c)
{
    NExpr *x, *y;
    Tag t = result_tag(c);
    DType d = tag_rep(t);
    if (t == T_Error || !operands(c, d, &x, &y))
        return NULL;
    if (IS_INT_REP(d))
        return expr_cast(c->b, x, d, 0, TAGS(t), c->ast);
    return fun_node(c, NF_Rint, d, TAGS(t), x, NULL);
}

static NExpr *np_part(FunCall *c)
{
    return expr_part(c->b, (NOp)c->row->id, c->arg[0], c->ast);
}

static const FunRow numpy_row[] = {
    { "clip", 3, 3, np_clip, 0, 0 },                    { "round", 1, 1, np_round, 0, 0 },
    { "around", 1, 1, np_round, 0, 0 },                 { "real", 1, 1, np_part, NOP_Real, 0 },
    { "imag", 1, 1, np_part, NOP_Imag, 0 },
    { NULL },
};

static NExpr *builtin_abs(FunCall *c)
{
    return expr_abs(c->b, c->arg[0], c->ast);
}

static NExpr *builtin_pow(FunCall *c)
{
    return expr_binary(c->b, BI_Pow, c->arg[0], c->arg[1], c->ast);
}

/* The first that no other beats. */
static NExpr *builtin_extreme(FunCall *c)
{
    NExpr *e = c->arg[0];
    for (uint32_t k = 1; k < c->n && e; k++)
        e = expr_min_max(c->b, c->row->id, e, c->arg[k], c->ast);
    return e;
}

static NExpr *builtin_round(FunCall *c)
{
    NExpr *x = c->arg[0];
    if (x->tags & TAGS(T_NpBool))
        return no_such_types(c);
    return IS_INT_REP(x->rep) || x->rep == DT_Bool ? expr_cast(c->b, x, DT_I64, CONV_Range, TAGS(T_Int), c->ast) : to_integer(c);
}

static const FunRow builtin_row[] = {
    { "abs", 1, 1, builtin_abs, 0, 0 },                 { "pow", 2, 2, builtin_pow, 0, 0 },
    { "min", 2, MAX_ARGS, builtin_extreme, false, 0 },  { "max", 2, MAX_ARGS, builtin_extreme, true, 0 },
    { "round", 1, 1, builtin_round, NF_Rint, true },
    { NULL },
};

/* ---- which function it is -------------------------------------------------------------------------------------------------------------- */

static bool is_row_of(const ModuleDef *m, const NativeRow *row)
{
    for (const NativeRow *const *table = m->tables; *table; table++)
        for (const NativeRow *r = *table; r->name; r++)
            if (r == row)
                return true;
    return false;
}

static const FunRow *find_row(const Native *f, uint32_t n)
{
    if (!f->row || f->self.tag != T_Unbound || f->head.flags & NATIVE_UNBOUND_METHOD)
        return NULL;
    const FunRow *r = f->row->fn == ufunc_native ? ufunc_row : is_row_of(&mod_math, f->row) ? math_row
                    : is_row_of(&mod_numpy, f->row) ? numpy_row : is_row_of(&mod_builtins, f->row) ? builtin_row : NULL;
    for (; r && r->name; r++)
        if (strcmp(r->name, f->row->name) == 0)
            return n >= r->min && n <= r->max ? r : NULL;
    return NULL;
}

bool expr_is_fun(const VM *vm, const Native *f, uint32_t n)
{
    return find_row(f, n) != NULL;
}

/* All arguments constant: what the function says.  NULL: they are not, or it raises. */
static NExpr *fold_call(FunCall *c)
{
    Value v[MAX_ARGS] = { V_UNBOUND };
    uint32_t n = 0;
    while (n < c->n && expr_as_value(c->b, c->arg[n], &v[n]))
        n++;
    NExpr *e = n == c->n ? expr_fold(c->b, native_call(c->b->vm, c->f, v, n, NULL, 0), c->ast) : NULL;
    while (n > 0)
        value_free(c->b->vm, v[--n]);
    return e;
}

NExpr *expr_call_fun(NBuild *b, const Native *f, NExpr **arg, uint32_t n, const Node *ast)
{
    FunCall c = { .b = b, .f = f, .row = find_row(f, n), .arg = arg, .n = n, .ast = ast };
    if (!c.row) {
        build_refuse(b, RS_CallUnknown, ast, "%s()", f->row ? f->row->name : "");
        return NULL;
    }
    for (uint32_t k = 0; k < n; k++)
        if (!arg[k])
            return NULL;
    NExpr *e = fold_call(&c);
    return e || b->no_memory ? e : c.row->build(&c);
}
