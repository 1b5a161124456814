/* jit/nest/expr.c — typed expressions: constants, leaves, casts, and the logic of tests. */
#include "jit/nest/expr.h"

#include <math.h>

#include "interp/ops.h"

/* ---- nodes ------------------------------------------------------------------------------------------------------------------- */

NExpr *expr_node(NBuild *b, NOp op, DType rep, TagSet tags, NExpr *x, NExpr *y, const Node *ast)
{
    NExpr *e = x ? build_expr_new(b, op, rep, tags, ast) : NULL;
    if (e) {
        e->a = x;
        e->b = y;
    }
    return e;
}

NExpr *expr_checked(NBuild *b, NExpr *e, NCheckKind kind)
{
    if (!e)
        return NULL;
    e->check = build_check(b, kind, e, e->ast);
    return e->check != NO_CHECK ? e : NULL;
}

/* ---- constants ---------------------------------------------------------------------------------------------------------------- */

static NExpr *const_new(NBuild *b, DType rep, TagSet tags, const Node *ast)
{
    return build_expr_new(b, NOP_Const, rep, tags, ast);
}

NExpr *expr_int(NBuild *b, int64_t v, const Node *ast)
{
    NExpr *e = const_new(b, DT_I64, TAGS(T_Int), ast);
    if (e) {
        e->u.i = v;
        e->form = form_const(b, v);
    }
    return e;
}

NExpr *expr_float(NBuild *b, double v, const Node *ast)
{
    NExpr *e = const_new(b, DT_F64, TAGS(T_Float), ast);
    if (e)
        e->u.f = v;
    return e;
}

NExpr *expr_bool(NBuild *b, bool v, const Node *ast)
{
    NExpr *e = const_new(b, DT_Bool, TAGS(T_Bool), ast);
    if (e)
        e->u.i = v;
    return e;
}

NExpr *expr_complex(NBuild *b, double re, double im, const Node *ast)
{
    NExpr *e = const_new(b, DT_C128, TAGS(T_Complex), ast);
    if (e) {
        e->u.z[0] = re;
        e->u.z[1] = im;
    }
    return e;
}

NExpr *expr_zero(NBuild *b, DType rep, TagSet tags, const Node *ast)
{
    NExpr *e = const_new(b, rep, tags, ast);    /* comes zeroed */
    if (e && IS_INT_REP(rep))
        e->form = form_const(b, 0);
    return e;
}

NExpr *expr_value(NBuild *b, Value v, const Node *ast)
{
    DType rep = tag_rep((Tag)v.tag);
    if (rep == DT_COUNT) {
        build_refuse(b, RS_NotNumber, ast, "a value of type %s", value_type_name(v));
        return NULL;
    }
    NExpr *e = const_new(b, rep, TAGS(v.tag), ast);
    if (!e)
        return NULL;
    if (IS_COMPLEX_REP(rep))
        value_as_complex(v, &e->u.z[0], &e->u.z[1]);
    else
        e->u.i = v.u.i;
    if (IS_INT_REP(rep) && (rep != DT_U64 || v.u.u <= INT64_MAX))
        e->form = form_const(b, v.u.i);
    return e;
}

bool expr_as_value(NBuild *b, const NExpr *e, Value *out)
{
    if (e->op != NOP_Const || !is_one_tag(e->tags) || tag_rep(first_tag(e->tags)) != (DType)e->rep)
        return false;
    Tag t = first_tag(e->tags);
    *out = (Value){ .tag = t, .u.i = e->u.i };
    if (t == T_NpC64) {
        out->u.c64.re = (float)e->u.z[0];
        out->u.c64.im = (float)e->u.z[1];
    } else if (t == T_Complex || t == T_NpC128) {
        *out = t == T_Complex ? complex_new(b->vm, e->u.z[0], e->u.z[1]) : npc128_new(b->vm, e->u.z[0], e->u.z[1]);
        if (IS_ERR(*out)) {
            vm_clear_exc(b->vm);
            build_nomem(b);
            return false;
        }
    }
    return true;
}

NExpr *expr_fold(NBuild *b, ALP_TAKE Value v, const Node *ast)
{
    if (IS_ERR(v)) {
        if (b->vm->exc_type == TY_MemoryError)
            build_nomem(b);
        vm_clear_exc(b->vm);
        return NULL;
    }
    NExpr *e = tag_rep((Tag)v.tag) == DT_COUNT ? NULL : expr_value(b, v, ast);
    value_free(b->vm, v);
    return e;
}

bool expr_const_int(const NExpr *e, int64_t *out)
{
    if (e->op != NOP_Const || !(IS_INT_REP(e->rep) || e->rep == DT_Bool) || (e->rep == DT_U64 && e->u.u > INT64_MAX))
        return false;
    *out = e->u.i;
    return true;
}

/* ---- casts -------------------------------------------------------------------------------------------------------------------- */

/* A constant as an element in memory, and back. */
static void const_store(const NExpr *e, void *p)
{
    float f[2] = { (float)e->u.z[0], (float)e->u.z[1] };
    switch ((DType)e->rep) {
    case DT_F32:
        f[0] = (float)e->u.f;
        memcpy(p, f, sizeof f[0]);
        break;
    case DT_C64:
        memcpy(p, f, sizeof f);
        break;
    case DT_C128:
        memcpy(p, e->u.z, sizeof e->u.z);
        break;
    default:
        array_cast((DType)e->rep, p, 0, e->rep == DT_F64 ? DT_F64 : e->rep == DT_U64 ? DT_U64 : DT_I64, (const char *)&e->u, 0, 1);
        break;
    }
}

static void const_load(NExpr *e, const void *p)
{
    DType d = (DType)e->rep;
    array_cast(IS_COMPLEX_REP(d) ? DT_C128 : IS_FLOAT_REP(d) ? DT_F64 : d == DT_U64 ? DT_U64 : DT_I64, (char *)&e->u, 0, d, p, 0, 1);
}

/* Does a constant integer or float fit into integer type `to` (cut off)? */
static bool const_fits(const NExpr *e, DType to)
{
    int64_t min;
    uint64_t max;
    dtype_int_range(to, &min, &max);
    if (e->rep == DT_U64)
        return e->u.u <= max;
    if (!IS_FLOAT_REP(e->rep))
        return e->u.i >= min && (e->u.i < 0 || e->u.u <= max);
    double x = trunc(e->u.f);
    return x >= (double)min && (max == UINT64_MAX ? x < 0x1p64 : max == INT64_MAX ? x < 0x1p63 : x <= (double)max);
}

/* The constant e converted, or NULL if the check on it fails (*failed) or there is no memory. */
static NExpr *fold_cast(NBuild *b, const NExpr *e, DType to, unsigned conv, TagSet tags, bool *failed, const Node *ast)
{
    _Alignas(16) char from[16], out[16], back[16];
    if ((conv & (CONV_Range | CONV_Nan)) && !const_fits(e, to)) {
        *failed = true;
        return NULL;
    }
    const_store(e, from);
    array_cast(to, out, 0, (DType)e->rep, from, 0, 1);
    if (conv & CONV_Exact) {
        array_cast((DType)e->rep, back, 0, to, out, 0, 1);
        if (memcmp(from, back, dtype_info[e->rep].size) != 0) {
            *failed = true;
            return NULL;
        }
    }
    NExpr *c = const_new(b, to, tags, ast);
    if (!c)
        return NULL;
    const_load(c, out);
    int64_t i;
    if (IS_INT_REP(to) && expr_const_int(c, &i))
        c->form = form_const(b, i);
    return c;
}

/* Does every value of integer type `from` (or bool) exist in integer type `to`? */
static bool holds_all(DType to, DType from)
{
    return from == DT_Bool || dtype_can_cast(from, to, 's');
}

NExpr *expr_cast(NBuild *b, NExpr *x, DType to, unsigned conv, TagSet tags, const Node *ast)
{
    if (!x)
        return NULL;
    DType from = (DType)x->rep;
    if (from == to && x->tags == tags)
        return x;
    bool int_to_int = IS_INT_REP(to) && (IS_INT_REP(from) || from == DT_Bool);
    if ((conv & CONV_Range) && !int_to_int)
        conv |= CONV_Nan;                       /* an int that is kept as a float */
    if ((conv & CONV_ViaF64) && IS_INT_REP(from) && (to == DT_F32 || to == DT_C64))
        x = expr_cast(b, x, DT_F64, 0, x->tags, ast);
    else if (IS_COMPLEX_REP(from) && (conv & CONV_Nan))
        x = expr_node(b, NOP_Real, PART_REP(from), x->tags, x, NULL, ast);
    if (!x)
        return NULL;
    bool failed = false;
    if (x->op == NOP_Const) {
        NExpr *c = fold_cast(b, x, to, conv, tags, &failed, ast);
        if (c || !failed)
            return c;
    }
    NExpr *e = expr_node(b, to == DT_Bool && from != DT_Bool ? NOP_Truth : NOP_Cast, to, tags, x, NULL, ast);
    if (!e || from == to) {
        if (e)
            e->form = x->form;
        return e;
    }
    if ((conv & CONV_Range) && int_to_int && !holds_all(to, from))
        e = expr_checked(b, e, CK_Range);
    else if ((conv & CONV_Exact) && !IS_FLOAT_REP(from) && int_to_int && holds_all(to, from))
        ;                                       /* nothing is lost */
    else if (conv & CONV_Exact)
        e = expr_checked(b, e, CK_Exact);
    else if (conv & CONV_Nan)
        e = expr_checked(b, e, CK_Nan);
    if (e && int_to_int)
        e->form = (conv & (CONV_Range | CONV_Exact)) || holds_all(to, from) ? x->form : form_apply(b, NOP_Cast, to, 0, x->form, NULL);
    return e;
}

/* ---- leaves ---------------------------------------------------------------------------------------------------------------------- */

/* The representation that a value of these tags has in expressions, whatever its variable's storage. */
NExpr *expr_var(NBuild *b, NVar *v, TagSet tags, const NForm *form, const Node *ast)
{
    tags &= ~TAGS(T_Unbound);
    DType rep = tags_rep(tags);
    if (rep == DT_COUNT) {
        build_refuse(b, RS_TypeChanges, ast, "%s", v->name != SYM_NONE ? intern_text(b->vm->names, v->name) : "");
        return NULL;
    }
    NExpr *e = build_expr_new(b, NOP_Var, (DType)v->rep, tags, ast);
    if (!e)
        return NULL;
    e->u.var = v;
    if (IS_INT_REP(v->rep) && IS_INT_REP(rep))
        e->form = form;
    if (rep == (DType)v->rep)
        return e;
    NExpr *c = expr_node(b, rep == DT_Bool ? NOP_Truth : NOP_Cast, rep, tags, e, NULL, ast);
    if (c && IS_INT_REP(rep))
        c->form = form;
    return c;
}

NExpr *expr_counter(NBuild *b, NLoop *l, const Node *ast)
{
    NExpr *e = build_expr_new(b, NOP_Counter, DT_I64, TAGS(T_Int), ast);
    if (e) {
        e->u.loop = l;
        e->form = form_counter(b, l);
    }
    return e;
}

NExpr *expr_extent(NBuild *b, NArray *a, int axis, const Node *ast)
{
    NExpr *e = build_expr_new(b, NOP_Extent, DT_I64, TAGS(T_Int), ast);
    if (e) {
        e->u.extent.array = a;
        e->u.extent.axis = axis;
        e->form = form_sym(b, sym_for_expr(b, e));
    }
    return e;
}

NExpr *expr_load(NBuild *b, NAccess *x, const Node *ast)
{
    DType d = (DType)x->array->dtype;
    NExpr *e = build_expr_new(b, NOP_Load, d, TAGS(T_NP(d)), ast);
    if (e)
        e->u.access = x;
    return e;
}

/* ---- tests ----------------------------------------------------------------------------------------------------------------------- */

NExpr *expr_truth(NBuild *b, NExpr *x, const Node *ast)
{
    Value v;
    if (!x || x->rep == DT_Bool)
        return x;
    if (expr_as_value(b, x, &v)) {
        bool truth = op_truth(b->vm, v) > 0;
        value_free(b->vm, v);
        return expr_bool(b, truth, ast);
    }
    return expr_node(b, NOP_Truth, DT_Bool, TAGS(T_Bool), x, NULL, ast);
}

static NExpr *logic(NBuild *b, NOp op, NExpr *x, NExpr *y, const Node *ast)
{
    if (!x || !y)
        return NULL;
    if (x->op == NOP_Const)
        return (x->u.i != 0) == (op == NOP_OrElse) ? x : y;
    return expr_node(b, op, DT_Bool, TAGS(T_Bool), x, y, ast);
}

NExpr *expr_and(NBuild *b, NExpr *x, NExpr *y, const Node *ast)
{
    return logic(b, NOP_AndAlso, x, y, ast);
}

NExpr *expr_or(NBuild *b, NExpr *x, NExpr *y, const Node *ast)
{
    return logic(b, NOP_OrElse, x, y, ast);
}
