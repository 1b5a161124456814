/* jit/nest/expr_type.c — operators: how the operands' types decide what is computed.
 *
 * For one tag per operand, Python's rules (int, float, complex by rank) and NumPy's (NEP 50 by the interpreter's own promotion functions)
 * give a Typing: the operation, the representation both operands are brought to and how, the check.  The result's tag is not derived: the
 * interpreter's operator is asked on the values 1 and 1, and a Typing whose result has another representation than that tag
 * is refused rather than believed.
 *
 * An operand with several possible tags has one Typing per combination.  They are joined: same operation and representations, the stricter
 * check, Python's flavour if any has it.  This is right because a check that passes leaves only values for which both flavours
 * compute the same bits; where that does not hold (complex quotients and powers) they are not joined.  Division and comparison have one way
 * more: ints that a double holds exactly may be taken as doubles. */
#include "jit/nest/expr.h"

#include "interp/ops.h"

typedef struct Typing {
    NOp      op;
    DType    in[2], out;
    uint8_t  conv[2];           /* CONV_… */
    uint8_t  flavour;
    int      check;             /* NCheckKind or -1 */
    TagSet   tags;              /* of the result */
    uint8_t  generic;           /* NOP_Generic: u.generic.op */
} Typing;

/* ---- tags ------------------------------------------------------------------------------------------------------------------- */

DType tag_rep(Tag t)
{
    switch (t) {
    case T_Bool:    return DT_Bool;
    case T_Int:     return DT_I64;
    case T_Float:   return DT_F64;
    case T_Complex: return DT_C128;
    default:        return t >= T_NpBool && t <= T_NpC128 ? NP_DTYPE(t) : DT_COUNT;
    }
}

/* A variable's storage holds any of these tags, with checks where a value need not fit (an int in a double).  The first row that has
 * all the tags is taken. */
DType tags_rep(TagSet t)
{
    enum { INT = TAGS(T_Int), FLOAT = TAGS(T_Float) };
    static const struct { TagSet tags; DType rep; } row[] = {
        { TAGS(T_Bool) | TAGS(T_NpBool), DT_Bool },
        { TAGS(T_Bool) | INT | TAGS(T_NpI64), DT_I64 },
        { INT | TAGS(T_NpI64) | FLOAT | TAGS(T_NpF64), DT_F64 },
        { INT | TAGS(T_NpI64) | FLOAT | TAGS(T_NpF64) | TAGS(T_Complex) | TAGS(T_NpC128), DT_C128 },
        { INT | FLOAT | TAGS(T_NpF32), DT_F32 },
        { INT | FLOAT | TAGS(T_NpF32) | TAGS(T_NpC64), DT_C64 },
        { INT | TAGS(T_NpI8), DT_I8 },      { INT | TAGS(T_NpI16), DT_I16 },    { INT | TAGS(T_NpI32), DT_I32 },
        { INT | TAGS(T_NpU8), DT_U8 },      { INT | TAGS(T_NpU16), DT_U16 },    { INT | TAGS(T_NpU32), DT_U32 },
        { INT | TAGS(T_NpU64), DT_U64 },
    };
    t &= ~TAGS(T_Unbound);
    for (size_t k = 0; t && k < COUNT_OF(row); k++)
        if (!(t & ~row[k].tags))
            return row[k].rep;
    return DT_COUNT;
}

Value sample_value(NBuild *b, Tag t)
{
    Value v = { .tag = t, .u.i = 1 };
    switch (t) {
    case T_Float: case T_NpF32: case T_NpF64:
        v.u.f = 1;
        break;
    case T_NpC64:
        v.u.c64.re = 1;
        v.u.c64.im = 0;
        break;
    case T_Complex:
        v = complex_new(b->vm, 1, 0);
        break;
    case T_NpC128:
        v = npc128_new(b->vm, 1, 0);
        break;
    default:
        break;
    }
    if (IS_ERR(v)) {
        vm_clear_exc(b->vm);
        build_nomem(b);
    }
    return v;
}

Tag sample_result(NBuild *b, ALP_TAKE Value v)
{
    Tag t = (Tag)v.tag;
    if (IS_ERR(v)) {
        if (b->vm->exc_type == TY_MemoryError)
            build_nomem(b);
        vm_clear_exc(b->vm);
    }
    value_free(b->vm, v);
    return t;
}

/* Tag of the result of a binary operator (op < BI_COUNT) or comparison on these tags. */
static Tag sample_pair(NBuild *b, int op, Tag ta, Tag tb)
{
    Value x = sample_value(b, ta), y = IS_ERR(x) ? V_ERR : sample_value(b, tb);
    Tag t = T_Error;
    if (!IS_ERR(y))
        t = sample_result(b, op < BI_COUNT ? op_binary(b->vm, (BinOp)op, x, y) : op_compare(b->vm, (CmpOp)(op - BI_COUNT), x, y));
    value_free(b->vm, x);
    value_free(b->vm, y);
    return t;
}

static Tag sample_unary(NBuild *b, UnOp op, Tag t)
{
    Value x = sample_value(b, t);
    if (IS_ERR(x))
        return T_Error;
    Tag r = sample_result(b, op_unary(b->vm, op, x));
    value_free(b->vm, x);
    return r;
}

const char *tag_text(NBuild *b, Tag t)
{
    Value v = sample_value(b, t);
    const char *text = value_type_name(v);
    value_free(b->vm, v);
    return text;
}

static const char *op_text(int op)
{
    return op < BI_COUNT ? binop_text[op] : cmpop_text[op - BI_COUNT];
}

/* ---- operators on one pair of tags ------------------------------------------------------------------------------------------------ */

/* ORDER binop; NOP_COUNT: none */
static const uint8_t nop_of[BI_COUNT] = {
    NOP_Add, NOP_Sub, NOP_Mul, NOP_COUNT, NOP_Div, NOP_Mod, NOP_Pow, NOP_Shl, NOP_Shr, NOP_Or, NOP_Xor, NOP_And, NOP_FloorDiv,
};

static bool is_bitwise(BinOp op)
{
    return op == BI_Or || op == BI_Xor || op == BI_And;
}

/* 0 bool and int, 1 float, 2 complex */
static int rank(Tag t)
{
    return t == T_Complex ? 2 : t == T_Float || t == T_NpF64 ? 1 : 0;
}

static void type_python(BinOp op, Tag ta, Tag tb, bool negative_exponent, Typing *t)
{
    static const DType rep_of[] = { DT_I64, DT_F64, DT_C128 };
    int r = rank(ta) > rank(tb) ? rank(ta) : rank(tb);
    t->flavour = NE_PY;
    t->op = (NOp)nop_of[op];
    t->in[0] = t->in[1] = t->out = rep_of[r];
    switch (op) {
    case BI_Add: case BI_Sub: case BI_Mul:
        t->check = r == 0 ? CK_Overflow : -1;
        break;
    case BI_Div:
        t->check = CK_ZeroDiv;
        if (r == 0) {
            t->op = NOP_IntDiv;
            t->out = DT_F64;
        }
        break;
    case BI_FloorDiv: case BI_Mod:
        t->check = CK_ZeroDiv;
        break;
    case BI_Pow:
        t->check = CK_Pow;
        if (r == 0 && negative_exponent) {
            t->in[0] = t->in[1] = t->out = DT_F64;
            t->tags = TAGS(T_Float);
        }
        break;
    case BI_LShift: case BI_RShift:
        t->check = CK_Shift;
        break;
    default:
        if (ta == T_Bool && tb == T_Bool)
            t->in[0] = t->in[1] = t->out = DT_Bool;
        break;
    }
}

/* The dtype that two operands meet in, one of them NumPy's. */
static DType common_dtype(Tag ta, Tag tb)
{
    if (is_python_tag(ta))
        return dtype_promote_weak(NP_DTYPE(tb), (Value){ .tag = ta });
    if (is_python_tag(tb))
        return dtype_promote_weak(NP_DTYPE(ta), (Value){ .tag = tb });
    return dtype_promote(NP_DTYPE(ta), NP_DTYPE(tb));
}

/* How a NumPy operator takes an operand of tag t as dtype d: Python ints must fit, and become double on the way to a float. */
static uint8_t weak_conv(Tag t, DType d)
{
    if (t != T_Int)
        return 0;
    return IS_INT_REP(d) ? CONV_Range : CONV_ViaF64;
}

/* complex with numpy.float64 in this order: the interpreter takes both as Python's. */
static bool is_python_complex(Tag ta, Tag tb)
{
    return ta == T_Complex && tb == T_NpF64;
}

static void type_numpy(BinOp op, Tag ta, Tag tb, Typing *t)
{
    DType d = common_dtype(ta, tb);
    t->op = (NOp)nop_of[op];
    if (d == DT_Bool && (op == BI_Add || op == BI_Mul))
        t->op = op == BI_Add ? NOP_Or : NOP_And;
    else if (d == DT_Bool && !is_bitwise(op))
        d = op == BI_Div ? DT_F64 : DT_I8;
    else if (op == BI_Div && IS_INT_REP(d))
        d = DT_F64;
    t->in[0] = t->in[1] = t->out = d;
    t->conv[0] = weak_conv(ta, d);
    t->conv[1] = weak_conv(tb, d);
    if (op == BI_Pow && d >= DT_I8 && d <= DT_I64)
        t->check = CK_Pow;
}

/* Comparison of integers of any types by value. */
static void type_compare_ints(Tag ta, Tag tb, Typing *t)
{
    DType ra = tag_rep(ta), rb = tag_rep(tb);
    bool ua = ra >= DT_U8 && ra <= DT_U64, ub = rb >= DT_U8 && rb <= DT_U64;
    if (ra == rb) {
        t->in[0] = t->in[1] = ra;
    } else if (ra != DT_U64 && rb != DT_U64) {
        t->in[0] = t->in[1] = DT_I64;
    } else {
        t->in[0] = ua || ra == DT_Bool ? DT_U64 : DT_I64;
        t->in[1] = ub || rb == DT_Bool ? DT_U64 : DT_I64;
    }
}

/* In what a Python number of tag t is compared with another one: an int with a float as it is, exactly. */
static DType compared_rep(Tag t, Tag other)
{
    int r = rank(t) > rank(other) ? rank(t) : rank(other);
    if (r == 2)
        return DT_C128;
    if (r == 1)
        return t == T_Int ? DT_I64 : DT_F64;
    return t == T_Bool && other == T_Bool ? DT_Bool : DT_I64;
}

static void type_compare_python(Tag ta, Tag tb, Typing *t)
{
    t->flavour = NE_PY;
    t->in[0] = compared_rep(ta, tb);
    t->in[1] = compared_rep(tb, ta);
    if (t->in[0] == DT_C128) {                  /* it has to be one as a double */
        t->conv[0] = ta == T_Int ? CONV_Exact : 0;
        t->conv[1] = tb == T_Int ? CONV_Exact : 0;
    }
}

static void type_compare(CmpOp op, Tag ta, Tag tb, Typing *t)
{
    static const uint8_t nop[] = { NOP_Eq, NOP_Ne, NOP_Lt, NOP_Le, NOP_Gt, NOP_Ge };    /* ORDER cmpop */
    t->op = (NOp)nop[op];
    t->out = DT_Bool;
    if ((is_python_tag(ta) && is_python_tag(tb)) || (is_python_complex(ta, tb) && op <= CM_Ne)) {
        type_compare_python(ta, tb, t);
        return;
    }
    bool ints = (IS_INT_REP(tag_rep(ta)) || tag_rep(ta) == DT_Bool) && (IS_INT_REP(tag_rep(tb)) || tag_rep(tb) == DT_Bool);
    if (ints) {
        type_compare_ints(ta, tb, t);
        return;
    }
    DType d = common_dtype(ta, tb);
    if (IS_COMPLEX_REP(d) && op > CM_Ne) {
        t->op = NOP_Generic;
        t->generic = (uint8_t)(BI_COUNT + op);
        t->in[0] = tag_rep(ta);
        t->in[1] = tag_rep(tb);
        return;
    }
    t->in[0] = t->in[1] = d;
    t->conv[0] = weak_conv(ta, d);
    t->conv[1] = weak_conv(tb, d);
}

/* op: a BinOp, or BI_COUNT + CmpOp. */
static Status type_pair(NBuild *b, int op, Tag ta, Tag tb, bool negative_exponent, Typing *t, const Node *ast)
{
    *t = (Typing){ .check = -1 };
    Tag r = sample_pair(b, op, ta, tb);
    if (b->no_memory)
        return ALP_FAIL;
    if (r == T_Error)
        return build_refuse(b, RS_Expression, ast, "%s between %s and %s", op_text(op), tag_text(b, ta), tag_text(b, tb));
    if (op >= BI_COUNT)
        type_compare((CmpOp)(op - BI_COUNT), ta, tb, t);
    else if ((is_python_tag(ta) && is_python_tag(tb)) || is_python_complex(ta, tb))
        type_python((BinOp)op, ta, tb, negative_exponent, t);
    else
        type_numpy((BinOp)op, ta, tb, t);
    if (!t->tags)
        t->tags = TAGS(r);
    if (t->op == NOP_COUNT || tag_rep(first_tag(t->tags)) != t->out)
        return build_refuse(b, RS_Expression, ast, "%s between %s and %s", op_text(op), tag_text(b, ta), tag_text(b, tb));
    return ALP_OK;
}

/* ---- several tags ------------------------------------------------------------------------------------------------------------------ */

/* Two typings, seen from operands of these representations. */
static bool join_typing(Typing *t, const Typing *u, const NExpr *x, const NExpr *y)
{
    const DType rep[2] = { (DType)x->rep, (DType)y->rep };
    bool division = (t->op == NOP_Div || t->op == NOP_IntDiv) && (u->op == NOP_Div || u->op == NOP_IntDiv) && t->out == DT_F64 &&
                    u->out == DT_F64;
    bool same = t->op == u->op && t->in[0] == u->in[0] && t->in[1] == u->in[1] && t->out == u->out;
    if (same && t->flavour != u->flavour && IS_COMPLEX_REP(t->out) && (t->op == NOP_Div || t->op == NOP_Pow))
        return false;
    if (!same && division) {
        t->op = NOP_Div;
        t->in[0] = t->in[1] = DT_F64;
        t->conv[0] = t->conv[1] = CONV_Exact;
    } else if (!same) {
        if (t->op != u->op || t->op < NOP_Eq || t->op > NOP_Ge)
            return false;
        for (int k = 0; k < 2; k++) {
            DType want = t->in[k] == DT_F64 || u->in[k] == DT_F64 ? DT_F64 : DT_I64;
            if ((t->in[k] != DT_I64 && t->in[k] != DT_F64) || (u->in[k] != DT_I64 && u->in[k] != DT_F64))
                return false;
            if (rep[k] != DT_I64 && rep[k] != DT_F64)
                return false;
            if (rep[k] == DT_I64 && want == DT_F64)
                t->conv[k] |= CONV_Exact;
            t->in[k] = rep[k] == DT_F64 ? DT_F64 : want;
        }
    }
    t->conv[0] |= u->conv[0];
    t->conv[1] |= u->conv[1];
    t->flavour |= u->flavour;
    t->check = t->check >= 0 ? t->check : u->check;
    t->tags |= u->tags;
    return true;
}

static Status refuse_mix(NBuild *b, int op, TagSet mixed, const Node *ast)
{
    Tag t = first_tag(mixed), u = first_tag(mixed & (mixed - 1));
    return build_refuse(b, RS_TypeChanges, ast, "an operand of %s may be %s or %s", op_text(op), tag_text(b, t), tag_text(b, u));
}

static Status type_operands(NBuild *b, int op, const NExpr *x, const NExpr *y, Typing *t, const Node *ast)
{
    int64_t exponent;
    bool negative = op == BI_Pow && expr_const_int(y, &exponent) && exponent < 0, any = false;
    for (TagSet s = x->tags; s; s &= s - 1) {
        for (TagSet r = y->tags; r; r &= r - 1) {
            Typing u;
            if (type_pair(b, op, first_tag(s), first_tag(r), negative, &u, ast) != ALP_OK)
                return ALP_FAIL;
            if (!any)
                *t = u;
            else if (!join_typing(t, &u, x, y))
                return refuse_mix(b, op, is_one_tag(x->tags) ? y->tags : x->tags, ast);
            any = true;
        }
    }
    if (!any)
        return build_refuse(b, RS_NotNumber, ast, NULL);
    if (tags_rep(t->tags) != t->out)
        return refuse_mix(b, op, t->tags, ast);
    if (t->op == NOP_Generic && !(is_one_tag(x->tags) && is_one_tag(y->tags)))
        return refuse_mix(b, op, is_one_tag(x->tags) ? y->tags : x->tags, ast);
    return ALP_OK;
}

/* ---- operators ----------------------------------------------------------------------------------------------------------------------- */

/* A constant second operand that cannot fail. */
static bool check_is_needless(const Typing *t, const NExpr *y)
{
    int64_t c;
    if (y->op != NOP_Const)
        return false;
    switch (t->check) {
    case CK_ZeroDiv:
        if (IS_FLOAT_REP(y->rep))
            return y->u.f != 0;
        if (IS_COMPLEX_REP(y->rep))
            return y->u.z[0] != 0 || y->u.z[1] != 0;
        return expr_const_int(y, &c) && c != 0 && (c != -1 || t->op != NOP_FloorDiv);
    case CK_Pow:
        if (!expr_const_int(y, &c) || !IS_INT_REP(t->out))
            return false;
        return t->flavour == NE_PY ? c == 0 || c == 1 : c >= 0;
    case CK_Shift:
        return t->op == NOP_Shr && expr_const_int(y, &c) && c >= 0;
    default:
        return false;
    }
}

/* The affine form of an integer result.  What may wrap is exact only as the symbol of its operation. */
static const NForm *result_form(NBuild *b, const NExpr *e)
{
    const NForm *x = e->a->form, *y = e->b->form;
    int64_t c;
    if (!IS_INT_REP(e->rep) || !x || !y)
        return NULL;
    if (e->flavour != NE_PY || e->rep != DT_I64)
        return form_apply(b, (NOp)e->op, (DType)e->rep, 0, x, y);
    switch ((NOp)e->op) {
    case NOP_Add:   return form_add(b, x, y);
    case NOP_Sub:   return form_sub(b, x, y);
    case NOP_Mul: {
        const NForm *f = form_mul(b, x, y);
        return f ? f : form_apply(b, NOP_Mul, DT_I64, NE_PY, x, y);
    }
    case NOP_Pow:
        if (form_is_const(y, &c) && c == 2) {
            const NForm *f = form_mul(b, x, x);
            return f ? f : form_apply(b, NOP_Pow, DT_I64, NE_PY, x, y);
        }
        return form_apply(b, NOP_Pow, DT_I64, NE_PY, x, y);
    default:        return form_apply(b, (NOp)e->op, DT_I64, NE_PY, x, y);
    }
}

/* Both constants: what the interpreter says.  NULL: not constant, or it raises. */
static NExpr *fold_pair(NBuild *b, int op, const NExpr *x, const NExpr *y, const Node *ast)
{
    Value v, w;
    if (x->op != NOP_Const || y->op != NOP_Const || !expr_as_value(b, x, &v))
        return NULL;
    if (!expr_as_value(b, y, &w)) {
        value_free(b->vm, v);
        return NULL;
    }
    Value r = op < BI_COUNT ? op_binary(b->vm, (BinOp)op, v, w) : op_compare(b->vm, (CmpOp)(op - BI_COUNT), v, w);
    value_free(b->vm, v);
    value_free(b->vm, w);
    return expr_fold(b, r, ast);
}

/* A constant int in a comparison that a double, or a U64, holds. */
static void simplify_comparison(Typing *t, const NExpr *x, const NExpr *y)
{
    const NExpr *e[2] = { x, y };
    for (int k = 0; k < 2; k++) {
        int64_t c;
        if (t->in[k] != DT_I64 || t->in[1 - k] == DT_I64 || !expr_const_int(e[k], &c))
            continue;
        if (t->in[1 - k] == DT_F64 ? c >= -((int64_t)1 << 53) && c <= (int64_t)1 << 53 : t->in[1 - k] == DT_U64 && c >= 0)
            t->in[k] = t->in[1 - k];
    }
}

static NExpr *build_pair(NBuild *b, int op, NExpr *x, NExpr *y, const Node *ast)
{
    Typing t = { .check = -1 };
    if (!x || !y)
        return NULL;
    NExpr *folded = fold_pair(b, op, x, y, ast);
    if (folded || b->no_memory || type_operands(b, op, x, y, &t, ast) != ALP_OK)
        return folded;
    if (t.op >= NOP_Eq && t.op <= NOP_Ge)
        simplify_comparison(&t, x, y);
    x = expr_cast(b, x, t.in[0], t.conv[0], x->tags, ast);
    y = expr_cast(b, y, t.in[1], t.conv[1], y->tags, ast);
    NExpr *e = y ? expr_node(b, t.op, t.out, t.tags, x, y, ast) : NULL;
    if (!e)
        return NULL;
    e->flavour = t.flavour;
    if (t.op == NOP_Generic) {
        e->u.generic.op = t.generic;
        e->u.generic.tag_a = (uint8_t)first_tag(x->tags);
        e->u.generic.tag_b = (uint8_t)first_tag(y->tags);
    }
    e->form = result_form(b, e);
    return t.check < 0 || check_is_needless(&t, y) ? e : expr_checked(b, e, (NCheckKind)t.check);
}

NExpr *expr_binary(NBuild *b, BinOp op, NExpr *x, NExpr *y, const Node *ast)
{
    return build_pair(b, op, x, y, ast);
}

NExpr *expr_compare(NBuild *b, CmpOp op, NExpr *x, NExpr *y, const Node *ast)
{
    if (op > CM_Ge) {
        build_refuse(b, RS_Expression, ast, "%s", cmpop_text[op]);
        return NULL;
    }
    return build_pair(b, BI_COUNT + (int)op, x, y, ast);
}

/* ---- operators of one operand -------------------------------------------------------------------------------------------------------- */

/* The result's tags; 0 after refusing. */
static TagSet unary_tags(NBuild *b, UnOp op, const NExpr *x, const Node *ast)
{
    static const char *const text[] = { "+", "-", "~", "not" };         /* ORDER unop */
    TagSet tags = 0;
    for (TagSet s = x->tags; s; s &= s - 1) {
        Tag t = sample_unary(b, op, first_tag(s));
        if (t == T_Error) {
            if (!b->no_memory)
                build_refuse(b, RS_Expression, ast, "%s of %s", text[op], tag_text(b, first_tag(s)));
            return 0;
        }
        tags |= TAGS(t);
    }
    return tags;
}

/* Is what the operator gives for each tag computed in one and the same representation?  0 and -0.0 differ, and an int kept as uint8 has a sign: so
 * only values in their own type's representation are negated together. */
static bool is_uniform(NBuild *b, UnOp op, const NExpr *x, DType rep)
{
    for (TagSet s = x->tags; s; s &= s - 1)
        if (tag_rep(sample_unary(b, op, first_tag(s))) != rep)
            return false;
    return true;
}

NExpr *expr_unary(NBuild *b, UnOp op, NExpr *x, const Node *ast)
{
    Value v;
    if (op == UN_Not) {
        x = expr_truth(b, x, ast);
        if (x && x->op == NOP_Const)
            return expr_bool(b, !x->u.i, ast);
        return expr_node(b, NOP_Not, DT_Bool, TAGS(T_Bool), x, NULL, ast);
    }
    if (!x)
        return NULL;
    if (expr_as_value(b, x, &v)) {
        Value r = op_unary(b->vm, op, v);
        value_free(b->vm, v);
        NExpr *folded = expr_fold(b, r, ast);
        if (folded || b->no_memory)
            return folded;
    }
    TagSet tags = unary_tags(b, op, x, ast);
    DType rep = tags_rep(tags);
    if (!tags)
        return NULL;
    if (rep == DT_COUNT || (op != UN_Pos && !is_one_tag(x->tags) && !is_uniform(b, op, x, rep))) {
        build_refuse(b, RS_TypeChanges, ast, "a value with a sign may be %s or %s", tag_text(b, first_tag(x->tags)),
                     tag_text(b, first_tag(x->tags & (x->tags - 1))));
        return NULL;
    }
    if (rep == DT_Bool && op == UN_Invert)
        return expr_node(b, NOP_Not, DT_Bool, tags, x, NULL, ast);
    bool was_bool = x->rep == DT_Bool, python = (tags & TAGS_INT) != 0;
    x = expr_cast(b, x, rep, 0, op == UN_Pos ? tags : x->tags, ast);
    if (op == UN_Pos)
        return x;
    NExpr *e = expr_node(b, op == UN_Neg ? NOP_Neg : NOP_Invert, rep, tags, x, NULL, ast);
    if (!e)
        return NULL;
    if (IS_INT_REP(rep) && python) {
        e->flavour = NE_PY;
        e->form = op == UN_Neg ? form_scale(b, x->form, -1) : form_sub(b, form_const(b, -1), x->form);
        return op == UN_Neg && !was_bool ? expr_checked(b, e, CK_Overflow) : e;
    }
    if (IS_INT_REP(rep))
        e->form = form_apply(b, (NOp)e->op, rep, 0, x->form, NULL);
    return e;
}

/* ---- run-time tags -------------------------------------------------------------------------------------------------------------------- */

static NExpr *tag_const(NBuild *b, Tag t, const Node *ast)
{
    return expr_int(b, t, ast);
}

/* Which binary operator made a node; BI_COUNT: none. */
static BinOp binop_of(NOp op)
{
    if (op == NOP_IntDiv)
        return BI_Div;
    for (int k = 0; k < BI_COUNT; k++)
        if (nop_of[k] == op)
            return (BinOp)k;
    return BI_COUNT;
}

static Tag result_tag(NBuild *b, const NExpr *e, Tag ta, Tag tb)
{
    switch ((NOp)e->op) {
    case NOP_Neg:       return sample_unary(b, UN_Neg, ta);
    case NOP_Invert:    return sample_unary(b, UN_Invert, ta);
    case NOP_Not:       return sample_unary(b, UN_Invert, ta);
    case NOP_Abs: {
        Value x = sample_value(b, ta);
        Tag t = IS_ERR(x) ? T_Error : sample_result(b, op_abs(b->vm, x));
        value_free(b->vm, x);
        return t;
    }
    case NOP_Eq: case NOP_Ne: case NOP_Lt: case NOP_Le: case NOP_Gt: case NOP_Ge:
        return sample_pair(b, BI_COUNT + (int)(e->op - NOP_Eq), ta, tb);
    default:
        return binop_of((NOp)e->op) == BI_COUNT ? T_Error : sample_pair(b, binop_of((NOp)e->op), ta, tb);
    }
}

static NExpr *tag_select(NBuild *b, const NExpr *operand, Tag tag, NExpr *yes, NExpr *no, const Node *ast)
{
    if (!yes || !no)
        return NULL;
    if (yes->op == NOP_Const && no->op == NOP_Const && yes->u.i == no->u.i)
        return yes;
    NExpr *is = expr_compare(b, CM_Eq, expr_tag(b, (NExpr *)operand, ast), tag_const(b, tag, ast), ast);
    NExpr *e = is ? expr_node(b, NOP_Select, DT_I64, TAGS(T_Int), is, yes, ast) : NULL;
    if (e)
        e->c = no;
    return e;
}

/* The result's tag for tag ta of the first operand, by the second one's. */
static NExpr *tag_by_second(NBuild *b, const NExpr *e, Tag ta, const Node *ast)
{
    NExpr *r = NULL;
    TagSet rest = e->b ? e->b->tags : TAGS(T_Unbound);
    for (; rest; rest &= rest - 1) {
        Tag t = result_tag(b, e, ta, first_tag(rest));
        if (t == T_Error || !(TAGS(t) & e->tags)) {
            build_refuse(b, RS_TypeChanges, ast, "the type of a result is only known at run time");
            return NULL;
        }
        NExpr *c = tag_const(b, t, ast);
        r = r ? tag_select(b, e->b, first_tag(rest), c, r, ast) : c;
    }
    return r;
}

NExpr *expr_tag(NBuild *b, NExpr *x, const Node *ast)
{
    if (!x)
        return NULL;
    if (is_one_tag(x->tags))
        return tag_const(b, first_tag(x->tags), ast);
    NExpr *r = NULL;
    switch ((NOp)x->op) {
    case NOP_Var:
        if (x->u.var->tag_var)
            return expr_var(b, x->u.var->tag_var, TAGS(T_Int), NULL, ast);
        build_refuse(b, RS_TypeChanges, ast, "the type of a variable is only known at run time");
        return NULL;
    case NOP_Cast: case NOP_Truth:
        return expr_tag(b, x->a, ast);
    case NOP_Select: {
        NExpr *yes = expr_tag(b, x->b, ast), *no = expr_tag(b, x->c, ast);
        NExpr *e = yes && no ? expr_node(b, NOP_Select, DT_I64, TAGS(T_Int), x->a, yes, ast) : NULL;
        if (e)
            e->c = no;
        return e;
    }
    default:
        if (!x->a) {
            build_refuse(b, RS_TypeChanges, ast, "the type of a value is only known at run time");
            return NULL;
        }
        for (TagSet s = x->a->tags; s; s &= s - 1) {
            NExpr *c = tag_by_second(b, x, first_tag(s), ast);
            r = r ? tag_select(b, x->a, first_tag(s), c, r, ast) : c;
            if (!r)
                return NULL;
        }
        return r;
    }
}
