/* jit/nest/expr_convert.c — conversions that programs ask for or that storing implies: into array elements and variables, subscripts, int(x)
 * and np.float32(x), choices between values, abs(), parts of complex numbers.
 *
 * The rules per tag are those of array_store(), npscalar_convert(), type_call() and operand_scalar() in interp/. */
#include "jit/nest/expr.h"

#include "interp/ops.h"

static bool is_complex_tag(Tag t)
{
    return IS_COMPLEX_REP(tag_rep(t));
}

static NExpr *refuse(NBuild *b, Reason r, const char *what, Tag t, const Node *ast)
{
    build_refuse(b, r, ast, "%s of %s", what, tag_text(b, t));
    return NULL;
}

/* ---- storing ------------------------------------------------------------------------------------------------------------------ */

/* How a value of tag t gets into an element of dtype d. */
static unsigned store_conv(Tag t, DType d)
{
    bool to_signed = d >= DT_I8 && d <= DT_I64, python = is_python_tag(t);
    DType from = tag_rep(t);
    if (d == DT_Bool)
        return 0;
    if (t == T_Complex && !IS_COMPLEX_REP(d))
        return CONV_Never;
    if (!IS_INT_REP(d))
        return 0;
    if (IS_INT_REP(from) || from == DT_Bool)
        return to_signed || python ? CONV_Range : 0;
    return to_signed || python ? CONV_Nan : 0;
}

/* Joined over the tags of x; conv gives the rule of one tag. */
static unsigned conv_of_tags(TagSet tags, DType d, unsigned (*conv)(Tag, DType))
{
    unsigned all = 0;
    for (; tags; tags &= tags - 1)
        all |= conv(first_tag(tags), d);
    return all;
}

NExpr *expr_store_cast(NBuild *b, NExpr *x, DType d, const Node *ast)
{
    if (!x)
        return NULL;
    unsigned conv = conv_of_tags(x->tags, d, store_conv);
    if (conv & CONV_Never)
        return refuse(b, RS_Expression, "storing a value", T_Complex, ast);
    return expr_cast(b, x, d, conv, (DType)x->rep == d ? x->tags : TAGS(T_NP(d)), ast);
}

DType join_rep(NBuild *b, TagSet tags, const Node *ast)
{
    DType rep = tags_rep(tags);
    if (rep == DT_COUNT) {
        tags &= ~TAGS(T_Unbound);
        if (is_one_tag(tags) || !tags)
            build_refuse(b, RS_NotNumber, ast, NULL);
        else
            build_refuse(b, RS_TypeChanges, ast, "it may be %s or %s", tag_text(b, first_tag(tags)),
                         tag_text(b, first_tag(tags & (tags - 1))));
    }
    return rep;
}

NExpr *expr_var_cast(NBuild *b, NExpr *x, DType rep, const Node *ast)
{
    if (!x || (DType)x->rep == rep)
        return x;
    bool to_int = IS_INT_REP(rep) && (IS_INT_REP(x->rep) || x->rep == DT_Bool);
    /* A real number is a complex one without loss, part by part; an integer first has to be a double or float without loss. */
    if (IS_COMPLEX_REP(rep) && !IS_COMPLEX_REP(x->rep)) {
        x = expr_var_cast(b, x, PART_REP(rep), ast);
        return x ? expr_cast(b, x, rep, 0, x->tags, ast) : NULL;
    }
    bool widens = x->rep == DT_F32 && rep == DT_F64;
    return expr_cast(b, x, rep, to_int ? CONV_Range : widens ? 0 : CONV_Exact, x->tags, ast);
}

/* ---- subscripts ------------------------------------------------------------------------------------------------------------------ */

NExpr *expr_index(NBuild *b, NExpr *x, const Node *ast)
{
    if (!x)
        return NULL;
    if (!IS_INT_REP(x->rep) || (x->tags & TAGS(T_Bool)))
        return refuse(b, RS_Expression, "a subscript or range argument", first_tag(x->tags), ast);
    return expr_cast(b, x, DT_I64, CONV_Range, TAGS(T_Int), ast);
}

/* ---- types called ---------------------------------------------------------------------------------------------------------------- */

static unsigned int_conv(Tag t, DType d)
{
    DType from = tag_rep(t);
    if (t == T_Complex)
        return CONV_Never;
    return IS_INT_REP(from) || from == DT_Bool ? CONV_Range : CONV_Nan;
}

static unsigned real_conv(Tag t, DType d)
{
    return t == T_Complex ? CONV_Never : 0;
}

static unsigned complex_conv(Tag t, DType d)
{
    return 0;
}

/* np.float32(x): NumPy scalars as astype() does, Python numbers with a check of the range. */
static unsigned npscalar_conv(Tag t, DType d)
{
    if (t == T_Complex && !IS_COMPLEX_REP(d))
        return d == DT_Bool ? 0 : CONV_Never;
    if (!IS_INT_REP(d))
        return 0;
    return t == T_Int ? CONV_Range : t == T_Float ? CONV_Nan : 0;
}

NExpr *expr_convert(NBuild *b, TypeId type, NExpr *x, const Node *ast)
{
    Tag to;
    unsigned (*conv)(Tag, DType);
    if (!x)
        return NULL;
    if (type == TY_bool) {
        NExpr *t = expr_truth(b, x, ast);
        return t && t->tags != TAGS(T_Bool) ? expr_cast(b, t, DT_Bool, 0, TAGS(T_Bool), ast) : t;
    }
    if (type >= TY_np_bool && type <= TY_np_complex128) {
        to = T_NP((DType)(type - TY_np_bool));
        conv = npscalar_conv;
    } else if (type == TY_int || type == TY_float || type == TY_complex) {
        to = type == TY_int ? T_Int : type == TY_float ? T_Float : T_Complex;
        conv = type == TY_int ? int_conv : type == TY_float ? real_conv : complex_conv;
    } else {
        build_refuse(b, RS_CallUnknown, ast, "%s()", type_name(type));
        return NULL;
    }
    unsigned how = conv_of_tags(x->tags, tag_rep(to), conv);
    if (how & CONV_Never)
        return refuse(b, RS_Expression, type_name(type), T_Complex, ast);
    return expr_cast(b, x, tag_rep(to), how, TAGS(to), ast);
}

NExpr *expr_make_complex(NBuild *b, NExpr *x, NExpr *y, const Node *ast)
{
    if (!x || !y)
        return NULL;
    if (IS_COMPLEX_REP(x->rep) || IS_COMPLEX_REP(y->rep))
        return refuse(b, RS_Expression, "complex()", T_Complex, ast);
    x = expr_cast(b, x, DT_F64, 0, TAGS(T_Float), ast);
    y = x ? expr_cast(b, y, DT_F64, 0, TAGS(T_Float), ast) : NULL;
    if (!y)
        return NULL;
    if (x->op == NOP_Const && y->op == NOP_Const)
        return expr_complex(b, x->u.f, y->u.f, ast);
    return expr_node(b, NOP_Complex, DT_C128, TAGS(T_Complex), x, y, ast);
}

/* ---- operands of ufuncs ---------------------------------------------------------------------------------------------------------- */

/* Python numbers as they are stored, others as astype(). */
static unsigned ufunc_conv(Tag t, DType d)
{
    return is_python_tag(t) && t != T_Bool ? store_conv(t, d) : 0;
}

NExpr *expr_ufunc_operand(NBuild *b, NExpr *x, DType d, const Node *ast)
{
    if (!x)
        return NULL;
    unsigned conv = conv_of_tags(x->tags, d, ufunc_conv);
    if (conv & CONV_Never)
        return refuse(b, RS_Expression, "an operand", T_Complex, ast);
    return (DType)x->rep == d ? x : expr_cast(b, x, d, conv, x->tags, ast);
}

/* ---- choices ---------------------------------------------------------------------------------------------------------------------- */

NExpr *expr_select(NBuild *b, NExpr *c, NExpr *x, NExpr *y, const Node *ast)
{
    if (!c || !x || !y)
        return NULL;
    if (c->op == NOP_Const)
        return c->u.i ? x : y;
    TagSet tags = x->tags | y->tags;
    DType rep = join_rep(b, tags, ast);
    if (rep == DT_COUNT)
        return NULL;
    x = expr_var_cast(b, x, rep, ast);
    y = expr_var_cast(b, y, rep, ast);
    NExpr *e = x && y ? expr_node(b, NOP_Select, rep, tags, c, x, ast) : NULL;
    if (!e)
        return NULL;
    e->c = y;
    if (x->form && form_equal(x->form, y->form))
        e->form = x->form;
    return e;
}

NExpr *expr_min_max(NBuild *b, bool is_max, NExpr *x, NExpr *y, const Node *ast)
{
    NExpr *e = expr_select(b, expr_truth(b, expr_compare(b, is_max ? CM_Gt : CM_Lt, y, x, ast), ast), y, x, ast);
    if (e && e->op == NOP_Select && !e->form && IS_INT_REP(e->rep))
        e->form = form_apply(b, is_max ? NOP_NpMax : NOP_NpMin, DT_I64, NE_PY, x->form, y->form);
    return e;
}

/* ---- abs, real, imag, conjugate ------------------------------------------------------------------------------------------------------ */

NExpr *expr_abs(NBuild *b, NExpr *x, const Node *ast)
{
    Value v;
    TagSet tags = 0;
    if (!x)
        return NULL;
    if (expr_as_value(b, x, &v)) {
        Value r = op_abs(b->vm, v);
        value_free(b->vm, v);
        NExpr *folded = expr_fold(b, r, ast);
        if (folded || b->no_memory)
            return folded;
    }
    for (TagSet s = x->tags; s; s &= s - 1) {
        Value one = sample_value(b, first_tag(s));
        Tag t = IS_ERR(one) ? T_Error : sample_result(b, op_abs(b->vm, one));
        value_free(b->vm, one);
        if (t == T_Error)
            return b->no_memory ? NULL : refuse(b, RS_Expression, "abs()", first_tag(s), ast);
        tags |= TAGS(t);
    }
    DType rep = join_rep(b, tags, ast);
    if (rep == DT_COUNT)
        return NULL;
    if (x->rep == DT_Bool && rep == DT_Bool)
        return x;
    bool python = (x->tags & TAGS_PYTHON) != 0, was_bool = x->rep == DT_Bool;
    /* An int kept as uint8 has another absolute value there, and that of the least one raises. */
    bool is_kept_int = rep != DT_I64 && (tags & TAGS(T_Int));
    if (is_kept_int || (IS_COMPLEX_REP(x->rep) ? rep != PART_REP(x->rep) : was_bool ? rep != DT_I64 : rep != (DType)x->rep))
        return refuse(b, RS_TypeChanges, "abs()", first_tag(x->tags), ast);
    if (was_bool)
        return expr_cast(b, x, rep, 0, tags, ast);
    NExpr *e = expr_node(b, NOP_Abs, rep, tags, x, NULL, ast);
    if (!e)
        return NULL;
    if (IS_INT_REP(rep))
        e->form = form_apply(b, NOP_Abs, rep, python ? NE_PY : 0, x->form, NULL);
    if (!python || IS_FLOAT_REP(x->rep))
        return e;
    e->flavour = NE_PY;
    return expr_checked(b, e, CK_Overflow);
}

NExpr *expr_part(NBuild *b, NOp op, NExpr *x, const Node *ast)
{
    if (!x)
        return NULL;
    /* The parts of a bool are ints; NumPy's keep their type. */
    if (!IS_COMPLEX_REP(x->rep)) {
        TagSet tags = x->tags & TAGS(T_Bool) ? (x->tags & ~TAGS(T_Bool)) | TAGS(T_Int) : x->tags;
        DType rep = join_rep(b, tags, ast);
        if (rep == DT_COUNT)
            return NULL;
        return op == NOP_Imag ? expr_zero(b, rep, tags, ast) : expr_cast(b, x, rep, 0, tags, ast);
    }
    TagSet tags = 0;
    for (TagSet s = x->tags; s; s &= s - 1) {
        Tag t = first_tag(s);
        if (!is_complex_tag(t))
            return refuse(b, RS_TypeChanges, "a part", t, ast);
        tags |= TAGS(op == NOP_Conj ? t : t == T_Complex ? T_Float : t == T_NpC64 ? T_NpF32 : T_NpF64);
    }
    if (x->op == NOP_Const && op != NOP_Conj) {
        NExpr *e = expr_zero(b, PART_REP(x->rep), tags, ast);
        if (e)
            e->u.f = x->u.z[op == NOP_Imag];
        return e;
    }
    return expr_node(b, op, op == NOP_Conj ? (DType)x->rep : PART_REP(x->rep), tags, x, NULL, ast);
}
