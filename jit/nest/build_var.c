/* jit/nest/build_var.c — storage of variables and temporaries, reading and assigning. */
#include "jit/nest/build_int.h"
#include "jit/nest/expr.h"

/* ---- storage ------------------------------------------------------------------------------------------------------- */

Status var_store(Builder *b, BVar *bv, TagSet tags, const Node *ast)
{
    const Assume *a = assume_find(b, bv->key);
    bv->stored |= tags;
    TagSet all = bv->stored | (a ? a->tags : 0);
    DType rep = tags_rep(all);
    if (rep == DT_COUNT)
        return build_refuse(NB(b), RS_TypeChanges, ast, "%s", bv->name != SYM_NONE ? intern_text(NB(b)->vm->names, bv->name) : "");
    if (!bv->var) {
        bv->var = nvar_new(b, bv->name, rep);
        if (!bv->var)
            return ALP_FAIL;
        bv->var->home = bv->home;
        if (b->want_tags && has_several(all) && !(bv->var->tag_var = nvar_new(b, SYM_NONE, DT_I64)))
            return ALP_FAIL;
    }
    if (bv->var->rep != rep || (b->want_tags && has_several(all) && !bv->var->tag_var)) {
        TRY(assume_note(b, bv->key, bv->stored, 0));
        b->again = true;
    }
    return ALP_OK;
}

Status var_want_set(Builder *b, BVar *bv)
{
    const Assume *a = assume_find(b, bv->key);
    if (bv->set || !a || !(a->flags & AS_Set))
        return ALP_OK;
    bv->set = nvar_new(b, SYM_NONE, DT_Bool);
    if (!bv->set)
        return ALP_FAIL;
    Body *list = b->list;
    if (bv->home.kind != HOME_None)
        b->list = &b->prelude;
    Status s = emit_assign(b, bv->set, expr_bool(NB(b), false, NULL), NULL);
    b->list = list;
    return s;
}

/* The tag of a number of several types, where all that it depends on keeps its tag at run time. */
static bool has_tags(const NExpr *e)
{
    if (e->op == NOP_Var)
        return !has_several(e->tags) || e->u.var->tag_var;
    for (int k = 0; k < 3; k++)
        if (nexpr_operand(e, k) && !has_tags(nexpr_operand(e, k)))
            return false;
    return true;
}

/* An expression of its own for another statement: a reference to an array belongs to one. */
static NExpr *copy_expr(Builder *b, const NExpr *e)
{
    NExpr *copy = build_expr_new(NB(b), (NOp)e->op, (DType)e->rep, e->tags, e->ast);
    if (!copy)
        return NULL;
    copy->flavour = e->flavour;
    copy->fun = e->fun;
    copy->u = e->u;
    copy->form = e->form;
    if ((e->a && !(copy->a = copy_expr(b, e->a))) || (e->b && !(copy->b = copy_expr(b, e->b))) ||
        (e->c && !(copy->c = copy_expr(b, e->c))))
        return NULL;
    if (e->check != NO_CHECK) {
        const NCheck c = NB(b)->nest->checks[e->check];
        if ((copy->check = build_check(NB(b), (NCheckKind)c.kind, copy, c.ast)) == NO_CHECK)
            return NULL;
    }
    if (e->op == NOP_Load) {
        const NAccess *x = e->u.access;
        NExpr *sub[ALP_MAX_NDIM];
        bool is_safe[ALP_MAX_NDIM];
        for (uint32_t d = 0; d < x->n_subs; d++) {
            is_safe[d] = x->check[d] == NO_CHECK;
            if (!(sub[d] = copy_expr(b, x->sub[d])))
                return NULL;
        }
        copy->u.access = naccess_new(b, x->array, sub, is_safe, x->is_write, x->ast);
        if (!copy->u.access)
            return NULL;
    }
    return copy;
}

static NExpr *tag_of(Builder *b, NExpr *e, const Node *ast)
{
    if (has_tags(e)) {
        NExpr *tag = expr_tag(NB(b), e, ast);
        return tag && reads_array(tag) ? copy_expr(b, tag) : tag;
    }
    b->again = true;            /* var_store() has noted which variable */
    return expr_int(NB(b), T_Int, ast);
}

static Status put_assign(Builder *b, Body *l, uint32_t at, NVar *v, NExpr *e, const Node *ast)
{
    NStmt *s = v && e ? nstmt_new(b, NS_Assign, ast) : NULL;
    if (!s)
        return ALP_FAIL;
    s->var = v;
    s->expr = e;
    v->assigned_tags |= e->tags;
    return list_put(b, l, at, s);
}

NVar *temp_new(Builder *b, TagSet tags, DType rep)
{
    NVar *v = nvar_new(b, SYM_NONE, rep);
    if (v && has_several(tags) && b->want_tags && !(v->tag_var = nvar_new(b, SYM_NONE, DT_I64)))
        return NULL;
    return v;
}

Status temp_put(Builder *b, Body *l, uint32_t at, NVar *v, NExpr *x, const Node *ast)
{
    if (!v || !x)
        return ALP_FAIL;
    if (v->tag_var)             /* before the number: the tag may depend on what the variable held */
        TRY(put_assign(b, l, at++, v->tag_var, tag_of(b, x, ast), ast));
    return put_assign(b, l, at, v, expr_var_cast(NB(b), x, (DType)v->rep, ast), ast);
}

NExpr *temp_before(Builder *b, Body *l, uint32_t at, NExpr *x, const Node *ast)
{
    NVar *v = x ? temp_new(b, x->tags, (DType)x->rep) : NULL;
    if (temp_put(b, l, at, v, x, ast) != ALP_OK)
        return NULL;
    const NForm *form = x->form;
    if (!form && IS_INT_REP(x->rep))
        form = form_sym(NB(b), sym_unknown(NB(b), NB(b)->loop));
    return expr_var(NB(b), v, x->tags, form, ast);
}

NExpr *temp_of(Builder *b, NExpr *x, const Node *ast)
{
    return temp_before(b, b->list, b->list->n, x, ast);
}

/* ---- reading ------------------------------------------------------------------------------------------------------- */

static Status read_scalar(Builder *b, BVar *bv, Val *v, const Node *ast, Thing *out)
{
    if (v->tags == TAGS(T_Unbound) || v->tags == 0) {
        if (!b->was_dead && !b->scope) {        /* a place in the loop's own text, if there is one */
            b->unbound = bv->name;
            b->unbound_at = ast;
        }
        b->dead = b->was_dead = true;
        return ALP_FAIL;
    }
    if (v->tags & TAGS(T_Unbound)) {
        TRY(assume_note(b, bv->key, 0, AS_Set));
        TRY(var_want_set(b, bv));
        if (bv->set)
            TRY(emit_check(b, CK_Generic, expr_var(NB(b), bv->set, TAGS(T_Bool), NULL, ast), ast));
    }
    if (!bv->var)               /* assigned further on in the text */
        TRY(var_store(b, bv, v->tags & ~TAGS(T_Unbound), ast));
    if (!v->form && v->lazy && IS_INT_REP(tags_rep(v->tags)))
        v->form = form_sym(NB(b), sym_unknown(NB(b), v->varies));
    *out = thing_scalar(expr_var(NB(b), bv->var, v->tags, v->form, ast));
    return out->expr ? ALP_OK : ALP_FAIL;
}

Status var_read(Builder *b, BVar *bv, const Node *ast, Thing *out)
{
    Val *v = bv ? env_get(b, bv) : NULL;
    if (!v)
        return ALP_FAIL;
    val_use(v);
    TRY(val_resolve(b, bv, v, ast));
    switch ((ValKind)v->kind) {
    case VK_Scalar:
        return read_scalar(b, bv, v, ast, out);
    case VK_View: case VK_Object: case VK_Tuple:
        *out = v->thing;
        return ALP_OK;
    case VK_Entry: case VK_Mixed:
        break;
    }
    return build_refuse(NB(b), RS_ArrayChanges, ast, "%s", intern_text(NB(b)->vm->names, bv->name));
}

/* ---- assigning ----------------------------------------------------------------------------------------------------- */

static Status note_assigned(Builder *b, BVar *bv, const Node *ast)
{
    bv->is_assigned = true;
    TRY(var_want_set(b, bv));
    return bv->set ? emit_assign(b, bv->set, expr_bool(NB(b), true, ast), ast) : ALP_OK;
}

Status var_assign(Builder *b, BVar *bv, NExpr *e, const NForm *form, const Node *ast)
{
    if (!bv || !e)
        return ALP_FAIL;
    TRY(var_store(b, bv, e->tags, ast));
    TRY(temp_put(b, b->list, b->list->n, bv->var, e, ast));
    TRY(note_assigned(b, bv, ast));
    Val *v = val_new(b, VK_Scalar);
    if (!v)
        return ALP_FAIL;
    v->tags = e->tags;
    v->form = form ? form : e->form;
    v->lazy = !v->form;
    v->varies = NB(b)->loop;
    return env_set(b, bv, v);
}

/* Where a variable of the program that is bound to views keeps what tells which view: the same kind of view at every assignment. */
static Status bind_out(Builder *b, BVar *bv, const View *v, const Node *ast)
{
    if (!bv->is_live_out)
        return ALP_OK;
    bool first = !bv->bound;
    if (first) {
        bv->bound = SCRATCH_NEW(b, NBoundView);
        if (!bv->bound)
            return ALP_FAIL;
        bv->bound->home = bv->home;
        bv->bound->array = v->array;
    }
    if (bv->bound->array != v->array)
        goto changes;
    for (uint32_t d = 0; d < v->array->ndim; d++) {
        const struct ViewAxis *from = &v->dim[d];
        struct NBoundAxis *x = &bv->bound->axis[d];
        if (first) {
            *x = (struct NBoundAxis){ .axis = from->axis, .step = from->step };
            if ((from->start && !(x->start = nvar_new(b, SYM_NONE, DT_I64))) ||
                (from->extent && !(x->extent = nvar_new(b, SYM_NONE, DT_I64))))
                return ALP_FAIL;
            if (x->start)
                x->start->is_live_out = true;
            if (x->extent)
                x->extent->is_live_out = true;
        }
        if (x->axis != from->axis || x->step != from->step || !x->start != !from->start || !x->extent != !from->extent)
            goto changes;
    }
    return ALP_OK;
changes:
    return build_refuse(NB(b), RS_ArrayChanges, ast, "%s", intern_text(NB(b)->vm->names, bv->name));
}

Status thing_keep(Builder *b, Thing *t, NBoundView *bound, const Node *ast)
{
    switch ((ThingKind)t->kind) {
    case TH_View:
        t->view = view_keep(b, t->view, bound, ast);
        return t->view ? ALP_OK : ALP_FAIL;
    case TH_Tuple: {
        Thing *item = scratch_alloc(b, (t->n + 1) * sizeof *item);
        for (uint32_t k = 0; item && k < t->n; k++) {
            item[k] = t->item[k];
            TRY(thing_keep(b, &item[k], NULL, ast));
        }
        t->item = item;
        return item ? ALP_OK : ALP_FAIL;
    }
    case TH_Scalar:
        if (t->expr->op != NOP_Const && !(t->expr = temp_of(b, t->expr, ast)))
            return ALP_FAIL;
        return ALP_OK;
    case TH_Object:
        break;
    }
    return ALP_OK;
}

Status var_bind(Builder *b, BVar *bv, Thing *t, const Node *ast)
{
    if (!bv)
        return ALP_FAIL;
    if (t->kind == TH_Scalar)
        return var_assign(b, bv, t->expr, NULL, ast);
    if (bv->is_live_out && t->kind != TH_View)
        return build_refuse(NB(b), RS_Container, ast, "%s = %s", intern_text(NB(b)->vm->names, bv->name),
                            t->kind == TH_Tuple ? "a tuple" : value_type_name(t->object));
    if (t->kind == TH_View)
        TRY(bind_out(b, bv, t->view, ast));
    Thing kept = *t;
    TRY(thing_keep(b, &kept, bv->bound, ast));
    TRY(note_assigned(b, bv, ast));
    Val *v = val_new(b, kept.kind == TH_View ? VK_View : kept.kind == TH_Tuple ? VK_Tuple : VK_Object);
    if (!v)
        return ALP_FAIL;
    v->thing = kept;
    return env_set(b, bv, v);
}
