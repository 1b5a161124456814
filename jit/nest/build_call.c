/* jit/nest/build_call.c — calls: functions of the program are inlined, builtins and module functions become operations;
 * attributes.
 *
 * Inlining.  Parameters are variables that the arguments are assigned to; a view or function given to a parameter is what the
 * parameter stands for.  A function whose only return is its last statement has the value of that expression.  With several,
 * each assigns a result variable; those that nothing of the body can follow need no jump (build_stmt.c arranges the others so
 * where it can), the rest leave an NS_Block. */
#include <stdio.h>

#include "jit/nest/build_int.h"
#include "jit/nest/expr.h"
#include "jit/nest/fun.h"

enum { MAX_INLINE_DEPTH = 16, MAX_ARGS = 64 };

/* ---- attributes ---------------------------------------------------------------------------------------------------- */

static Status refuse_attr(Builder *b, const Node *ast)
{
    return build_refuse(NB(b), RS_Expression, ast, "%s", node_text(b, ast));
}

static Status module_attr(Builder *b, Module *m, const AstAttr *n, Thing *out)
{
    uint32_t slot = module_names_find(&m->names, n->name);
    if (slot == MODULE_NO_SLOT || slot >= m->cap_slots || m->slots[slot].tag == T_Unbound)
        return refuse_attr(b, &n->head);
    return var_read(b, var_of_module(b, m, slot, n->name), &n->head, out);
}

static Status shape_attr(Builder *b, const View *v, const Node *ast, Thing *out)
{
    *out = (Thing){ .kind = TH_Tuple, .n = v->ndim, .item = scratch_alloc(b, (v->ndim + 1) * sizeof(Thing)) };
    for (uint32_t k = 0; out->item && k < v->ndim; k++) {
        out->item[k] = thing_scalar(view_extent(b, v, k, ast));
        if (!out->item[k].expr)
            return ALP_FAIL;
    }
    return out->item ? ALP_OK : ALP_FAIL;
}

static Status view_attr(Builder *b, View *v, const AstAttr *n, Thing *out)
{
    const char *name = intern_text(NB(b)->vm->names, n->name);
    const DTypeInfo *info = &dtype_info[v->array->dtype];
    NExpr *e = NULL;
    if (strcmp(name, "shape") == 0)
        return shape_attr(b, v, &n->head, out);
    if (strcmp(name, "T") == 0 || (strcmp(name, "real") == 0 && info->kind != 'c')) {
        *out = thing_view(name[0] == 'T' ? view_transposed(b, v) : v);
        return out->view ? ALP_OK : ALP_FAIL;
    }
    if (strcmp(name, "dtype") == 0) {
        *out = thing_object(V_DTYPE(v->array->dtype), NULL);
        return ALP_OK;
    }
    if (strcmp(name, "ndim") == 0)
        e = expr_int(NB(b), v->ndim, &n->head);
    else if (strcmp(name, "itemsize") == 0)
        e = expr_int(NB(b), info->size, &n->head);
    else if (strcmp(name, "size") == 0 || strcmp(name, "nbytes") == 0) {
        e = view_extent(b, v, 0, &n->head);
        for (uint32_t k = 1; e && k < v->ndim; k++)
            e = expr_binary(NB(b), BI_Mul, e, view_extent(b, v, k, &n->head), &n->head);
        if (e && name[0] == 'n')
            e = expr_binary(NB(b), BI_Mul, e, expr_int(NB(b), info->size, &n->head), &n->head);
    } else {
        return build_refuse(NB(b), RS_WholeArray, &n->head, "%s", node_text(b, &n->head));
    }
    *out = thing_scalar(e);
    return e ? ALP_OK : ALP_FAIL;
}

static Status attr_of(Builder *b, Thing *base, const AstAttr *n, Thing *out)
{
    const char *name = intern_text(NB(b)->vm->names, n->name);
    if (base->kind == TH_View)
        return view_attr(b, base->view, n, out);
    if (base->kind == TH_Object && base->object.tag == T_Module)
        return module_attr(b, (Module *)(void *)base->object.u.o, n, out);
    if (base->kind == TH_Scalar && (strcmp(name, "real") == 0 || strcmp(name, "imag") == 0)) {
        *out = thing_scalar(expr_part(NB(b), name[0] == 'r' ? NOP_Real : NOP_Imag, base->expr, &n->head));
        return out->expr ? ALP_OK : ALP_FAIL;
    }
    if (base->kind == TH_Scalar)
        return refuse_attr(b, &n->head);
    return build_refuse(NB(b), RS_Container, &n->head, "%s", node_text(b, &n->head));
}

Status build_attr(Builder *b, const AstAttr *n, Thing *out)
{
    Thing base;
    TRY(build_value(b, n->value, &base));
    TRY(attr_of(b, &base, n, out));
    return out->kind == TH_View ? ALP_OK : thing_drop(b, &base, out, &n->head);
}

/* ---- refusals ------------------------------------------------------------------------------------------------------ */

/* "print(…)" */
static Status refuse_call(Builder *b, Reason r, const AstCall *n)
{
    char callee[80];
    snprintf(callee, sizeof callee, "%s", node_text(b, n->callee));
    return build_refuse(NB(b), r, &n->head, "%s(%s)", callee, n->args.count ? "…" : "");
}

static Status refuse_unknown(Builder *b, const AstCall *n, const Thing *arg, uint32_t n_args)
{
    for (uint32_t k = 0; k < n_args; k++)
        if (arg[k].kind == TH_View)
            return refuse_call(b, RS_WholeArray, n);
    return refuse_call(b, RS_CallUnknown, n);
}

/* ---- builtins ------------------------------------------------------------------------------------------------------ */

bool is_builtin(Builder *b, const Thing *t, const char *name)
{
    if (t->kind != TH_Object || t->object.tag != T_Native)
        return false;
    const Native *f = (const Native *)(const void *)t->object.u.o;
    if (!f->row || f->self.tag != T_Unbound || strcmp(f->row->name, name) != 0)
        return false;
    Value v = builtin_get(NB(b)->vm, intern_find(NB(b)->vm->names, name, strlen(name)));
    return v.tag == T_Native && v.u.o == t->object.u.o;
}

/* A number that is used more than once. */
static NExpr *shared(Builder *b, NExpr *e, const Node *ast)
{
    return !e || e->op <= NOP_Load ? e : temp_of(b, e, ast);
}

static NExpr *make_extreme(Builder *b, bool is_max, NExpr **x, uint32_t n, const AstCall *call)
{
    NExpr *best = shared(b, x[0], &call->head);
    for (uint32_t k = 1; k < n && best; k++) {
        NExpr *next = shared(b, x[k], &call->head);
        best = next ? expr_min_max(NB(b), is_max, best, next, &call->head) : NULL;
        if (k + 1 < n)
            best = shared(b, best, &call->head);
    }
    return best;
}

static NExpr *do_abs(Builder *b, NExpr **x, uint32_t n, const AstCall *call)
{
    return expr_abs(NB(b), x[0], &call->head);
}

static NExpr *do_min(Builder *b, NExpr **x, uint32_t n, const AstCall *call)
{
    return make_extreme(b, false, x, n, call);
}

static NExpr *do_max(Builder *b, NExpr **x, uint32_t n, const AstCall *call)
{
    return make_extreme(b, true, x, n, call);
}

static NExpr *do_pow(Builder *b, NExpr **x, uint32_t n, const AstCall *call)
{
    return expr_binary(NB(b), BI_Pow, x[0], x[1], &call->head);
}

/* round(x): the nearest integer, halves to even. */
static NExpr *do_round(Builder *b, NExpr **x, uint32_t n, const AstCall *call)
{
    if (!(x[0]->tags & ~(TAGS(T_Int) | TAGS(T_Bool))))
        return expr_convert(NB(b), TY_int, x[0], &call->head);
    if (x[0]->tags & ~(TAGS(T_Float) | TAGS(T_NpF64))) {
        refuse_call(b, RS_CallUnknown, call);
        return NULL;
    }
    NExpr *e = build_expr_new(NB(b), NOP_Fun, DT_F64, TAGS(T_Float), &call->head);
    if (!e)
        return NULL;
    e->fun = NF_Rint;
    e->a = x[0];
    return expr_convert(NB(b), TY_int, e, &call->head);
}

static const struct NumberRow {
    const char *name;
    uint32_t min, max;
    NExpr *(*make)(Builder *b, NExpr **x, uint32_t n, const AstCall *call);
} number_rows[] = {
    { "abs", 1, 1, do_abs }, { "min", 2, MAX_ARGS, do_min }, { "max", 2, MAX_ARGS, do_max }, { "pow", 2, 2, do_pow },
    { "round", 1, 1, do_round },
};

static Status call_number_row(Builder *b, const struct NumberRow *row, const AstCall *n, const Thing *arg, Thing *out)
{
    NExpr *x[MAX_ARGS];
    for (uint32_t k = 0; k < n->args.count; k++) {
        if (arg[k].kind == TH_View)
            return refuse_call(b, RS_WholeArray, n);
        x[k] = number_of(b, &arg[k], n->args.item[k]);
        if (!x[k])
            return ALP_FAIL;
    }
    *out = thing_scalar(row->make(b, x, n->args.count, n));
    return out->expr ? ALP_OK : ALP_FAIL;
}

static Status call_divmod(Builder *b, const AstCall *n, const Thing *arg, Thing *out)
{
    NExpr *x = number_of(b, &arg[0], n->args.item[0]), *y = x ? number_of(b, &arg[1], n->args.item[1]) : NULL;
    if (y && x->op >= NOP_Load)         /* two operations, perhaps in two statements */
        x = temp_of(b, x, &n->head);
    if (x && y && y->op >= NOP_Load)
        y = temp_of(b, y, &n->head);
    y = x ? y : NULL;
    Thing *item = y ? scratch_alloc(b, 2 * sizeof *item) : NULL;
    if (!item)
        return ALP_FAIL;
    item[0] = thing_scalar(expr_binary(NB(b), BI_FloorDiv, x, y, &n->head));
    item[1] = thing_scalar(item[0].expr ? expr_binary(NB(b), BI_Mod, x, y, &n->head) : NULL);
    *out = (Thing){ .kind = TH_Tuple, .n = 2, .item = item };
    return item[1].expr ? ALP_OK : ALP_FAIL;
}

/* isinstance(x, type), where x has one type. */
static Status call_isinstance(Builder *b, const AstCall *n, const Thing *arg, Thing *out)
{
    TypeId t;
    if (arg[1].kind != TH_Object || arg[1].object.tag != T_Type)
        return refuse_call(b, RS_CallUnknown, n);
    if (arg[0].kind == TH_View)
        t = TY_ndarray;
    else if (arg[0].kind == TH_Tuple)
        t = TY_tuple;
    else if (arg[0].kind == TH_Object)
        t = value_type(arg[0].object);
    else if (arg[0].expr->tags & (arg[0].expr->tags - 1))
        return build_refuse(NB(b), RS_TypeChanges, &n->head, "%s", node_text(b, &n->head));
    else
        t = value_type((Value){ .tag = (uint64_t)__builtin_ctz(arg[0].expr->tags) });
    *out = thing_scalar(expr_bool(NB(b), type_is_subclass(t, (TypeId)arg[1].object.u.i), &n->head));
    return out->expr ? ALP_OK : ALP_FAIL;
}

/* What the result has not taken up of the arguments. */
static Status drop_args(Builder *b, const AstCall *n, const Thing *arg, const Thing *out)
{
    for (uint32_t k = 0; k < n->args.count; k++)
        TRY(thing_drop(b, &arg[k], out, n->args.item[k]));
    return ALP_OK;
}

static Status call_native(Builder *b, const AstCall *n, const Thing *callee, const Native *f, Thing *out)
{
    uint32_t count = n->args.count;
    if (is_builtin(b, callee, "print") || is_builtin(b, callee, "input"))
        return refuse_call(b, RS_Print, n);
    if (n->keywords.count || count > MAX_ARGS || f->self.tag != T_Unbound)
        return refuse_call(b, RS_CallUnknown, n);
    Thing *arg = scratch_alloc(b, (count + 1) * sizeof *arg);
    if (!arg)
        return ALP_FAIL;
    const struct NumberRow *row = NULL;
    for (size_t i = 0; i < COUNT_OF(number_rows) && !row; i++)
        if (is_builtin(b, callee, number_rows[i].name))
            row = &number_rows[i];
    bool is_fun = !row && expr_is_fun(NB(b)->vm, f, count), is_len = is_builtin(b, callee, "len") && count == 1;
    bool is_divmod = is_builtin(b, callee, "divmod") && count == 2, is_type_test = is_builtin(b, callee, "isinstance") && count == 2;
    if ((row && (count < row->min || count > row->max)) || !(row || is_fun || is_len || is_divmod || is_type_test)) {
        /* An array among the arguments says more than that the function is unknown. */
        for (uint32_t k = 0; k < count; k++)
            if (n->args.item[k]->kind == ND_Name)
                TRY(build_value(b, n->args.item[k], &arg[k]));
            else
                arg[k] = thing_object(V_NONE, NULL);
        return refuse_unknown(b, n, arg, count);
    }
    TRY(build_values(b, n->args.item, count, arg));
    if (row)
        return call_number_row(b, row, n, arg, out);
    if (is_divmod)
        return call_divmod(b, n, arg, out);
    if (is_type_test) {
        TRY(call_isinstance(b, n, arg, out));
        return drop_args(b, n, arg, out);
    }
    if (is_len) {
        if (arg[0].kind == TH_View)
            *out = thing_scalar(view_extent(b, arg[0].view, 0, &n->head));
        else if (arg[0].kind == TH_Tuple)
            *out = thing_scalar(expr_int(NB(b), arg[0].n, &n->head));
        else
            return build_refuse(NB(b), RS_Container, &n->head, "%s", node_text(b, &n->head));
        return out->expr ? drop_args(b, n, arg, out) : ALP_FAIL;
    }
    NExpr *x[MAX_ARGS];
    for (uint32_t k = 0; k < count; k++) {
        if (arg[k].kind == TH_View)
            return refuse_call(b, RS_WholeArray, n);
        if (!(x[k] = number_of(b, &arg[k], n->args.item[k])))
            return ALP_FAIL;
    }
    *out = thing_scalar(expr_call_fun(NB(b), f, x, count, &n->head));
    return out->expr ? drop_args(b, n, arg, out) : ALP_FAIL;
}

/* float("inf") */
static Status convert_literal(Builder *b, TypeId t, const AstCall *n, Thing *out)
{
    VM *vm = NB(b)->vm;
    Value arg = { .tag = T_Str, .u.o = AST_AS(Str, n->args.item[0])->object };
    Value v = type_call(vm, t, &arg, 1, NULL, 0);
    if (IS_ERR(v)) {
        bool nomem = vm->exc_type == TY_MemoryError;
        vm_clear_exc(vm);
        return nomem ? build_nomem(NB(b)) : refuse_call(b, RS_CallUnknown, n);
    }
    *out = thing_scalar(expr_value(NB(b), v, &n->head));
    value_free(vm, v);
    return out->expr ? ALP_OK : ALP_FAIL;
}

static Status call_type(Builder *b, const AstCall *n, TypeId t, Thing *out)
{
    bool is_number = t == TY_int || t == TY_float || t == TY_bool || t == TY_complex || (t >= TY_np_bool && t <= TY_np_complex128);
    uint32_t count = n->args.count;
    Thing arg[2];
    if (!is_number)
        return refuse_call(b, RS_Container, n);
    if (n->keywords.count || count > (t == TY_complex ? 2 : 1))
        return refuse_call(b, RS_CallUnknown, n);
    if (count == 1 && n->args.item[0]->kind == ND_Str && (t == TY_float || t == TY_int))
        return convert_literal(b, t, n, out);
    TRY(build_values(b, n->args.item, count, arg));
    NExpr *x = count ? number_of(b, &arg[0], n->args.item[0]) : expr_int(NB(b), 0, &n->head);
    if (!x)
        return ALP_FAIL;
    if (count < 2) {
        *out = thing_scalar(expr_convert(NB(b), t, x, &n->head));
        return out->expr ? ALP_OK : ALP_FAIL;
    }
    NExpr *y = number_of(b, &arg[1], n->args.item[1]);
    if (y && (x->rep >= DT_C64 || y->rep >= DT_C64))
        return refuse_call(b, RS_CallUnknown, n);
    x = y ? expr_convert(NB(b), TY_float, x, &n->head) : NULL;
    y = x ? expr_convert(NB(b), TY_float, y, &n->head) : NULL;
    NExpr *e = y ? build_expr_new(NB(b), NOP_Complex, DT_C128, TAGS(T_Complex), &n->head) : NULL;
    if (!e)
        return ALP_FAIL;
    e->a = x;
    e->b = y;
    *out = thing_scalar(e);
    return ALP_OK;
}

/* ---- methods ------------------------------------------------------------------------------------------------------- */

/* x.item(): the Python number of the same value. */
static NExpr *python_number(Builder *b, NExpr *x, const Node *ast)
{
    char kind = dtype_info[x->rep].kind;
    return expr_convert(NB(b), kind == 'b' ? TY_bool : kind == 'f' ? TY_float : kind == 'c' ? TY_complex : TY_int, x, ast);
}

static Status call_method(Builder *b, const AstCall *n, const AstAttr *attr, Thing *base, Thing *out)
{
    const char *name = intern_text(NB(b)->vm->names, attr->name);
    if (base->kind == TH_View)
        return refuse_call(b, RS_WholeArray, n);
    if (base->kind != TH_Scalar)
        return refuse_call(b, RS_Container, n);
    NExpr *e = NULL;
    if (n->args.count == 0 && (strcmp(name, "conjugate") == 0 || strcmp(name, "conj") == 0))
        e = expr_part(NB(b), NOP_Conj, base->expr, &n->head);
    else if (n->args.count == 0 && strcmp(name, "item") == 0 && !(base->expr->tags & TAGS_PYTHON))
        e = python_number(b, base->expr, &n->head);
    else
        return refuse_call(b, RS_CallUnknown, n);
    *out = thing_scalar(e);
    return e ? ALP_OK : ALP_FAIL;
}

/* ---- inlining ------------------------------------------------------------------------------------------------------ */

static void count_returns(Node *n, void *user)
{
    if (n->kind == ND_FuncDef)
        return;
    *(uint32_t *)user += n->kind == ND_Return;
    if (ND_IS_STMT(n->kind))
        ast_each_child(n, count_returns, user);
}

static Status check_inlinable(Builder *b, const Func *fn, const AstCall *n)
{
    const Func *own = NB(b)->frame->func;
    if (own && own->def == fn->def)
        return refuse_call(b, RS_CallRecursive, n);
    for (const Scope *s = b->scope; s; s = s->up)
        if (s->func->def == fn->def)
            return refuse_call(b, RS_CallRecursive, n);
    if (b->scope && b->scope->depth >= MAX_INLINE_DEPTH)
        return build_refuse(NB(b), RS_TooLarge, &n->head, "calls are nested more than %d deep", MAX_INLINE_DEPTH);
    return ALP_OK;
}

/* A default is the same object as long as the function is. */
static Status default_value(Builder *b, Value v, const Node *ast, Thing *out)
{
    if (is_scalar_tag(v.tag)) {
        *out = thing_scalar(expr_value(NB(b), v, ast));
        return out->expr ? ALP_OK : ALP_FAIL;
    }
    if (v.tag == T_Array)
        return build_refuse(NB(b), RS_Container, ast, "an array as default value");
    *out = thing_object(v, NULL);
    return ALP_OK;
}

/* Which argument each parameter gets: given[p] is its number, -1: none.  False: the call would raise. */
static bool match_params(const Func *fn, const AstCall *n, int *given)
{
    const AstFunc *c = fn->code;
    uint32_t n_pos = c->n_params - c->n_kwonly, n_args = n->args.count - n->keywords.count;
    for (uint32_t p = 0; p < c->n_params; p++)
        given[p] = p < n_args && p < n_pos ? (int)p : -1;
    if (n_args > n_pos)
        return false;
    for (uint32_t k = 0; k < n->keywords.count; k++) {
        uint32_t p = c->n_posonly;
        while (p < c->n_params && c->local[p] != n->keywords.item[k])
            p++;
        if (p == c->n_params || given[p] >= 0)
            return false;
        given[p] = (int)(n_args + k);
    }
    return true;
}

/* Parameters that were not given get their defaults. */
static Status bind_params(Builder *b, const Func *fn, const AstCall *n, const int *given, Thing *arg)
{
    const AstFunc *c = fn->code;
    Scope *s = b->scope;
    for (uint32_t p = 0; p < c->n_params; p++) {
        Thing t;
        if (given[p] >= 0) {
            t = arg[given[p]];
        } else {
            uint32_t i = 0;
            while (i < c->n_defaults && c->default_param[i] != p)
                i++;
            if (i == c->n_defaults)
                return refuse_call(b, RS_CallUnknown, n);
            TRY(default_value(b, fn->defaults[i], &n->head, &t));
        }
        s->local[p] = var_local(b, c->local[p], key_mix(s->path, p));
        TRY(var_bind(b, s->local[p], &t, &n->head));
    }
    return ALP_OK;
}

/* Variables that are read where they are perhaps not assigned start as not assigned. */
static Status start_locals(Builder *b, const Func *fn)
{
    Scope *s = b->scope;
    for (uint32_t k = fn->code->n_params; k < fn->n_locals; k++) {
        const Assume *a = assume_find(b, key_mix(s->path, k));
        if (!a || !(a->flags & AS_Set))
            continue;
        s->local[k] = var_local(b, fn->code->local[k], key_mix(s->path, k));
        if (!s->local[k])
            return ALP_FAIL;
        TRY(var_want_set(b, s->local[k]));
    }
    return ALP_OK;
}

static Status end_body(Builder *b, const AstCall *n, Body *body, Body *list, Thing *out)
{
    Scope *s = b->scope;
    if (s->result) {
        if (b->env) {
            Val *none = val_new(b, VK_Object);
            if (!none)
                return ALP_FAIL;
            none->thing = thing_object(V_NONE, NULL);
            TRY(env_set(b, s->result, none));
        }
        b->env = env_join(b, s->exit_env, b->env);
    }
    b->list = list;
    if (s->is_left) {
        TRY(block_of(b, body, &s->block->body));
        TRY(emit(b, s->block));
    } else {
        for (uint32_t i = 0; i < body->n; i++)
            TRY(emit(b, body->item[i]));
    }
    if (!b->env) {
        b->dead = true;         /* it never returns: everything that follows is not reached */
        return ALP_FAIL;
    }
    *out = thing_object(V_NONE, NULL);
    if (s->has_value) {
        *out = s->value;
    } else if (s->result) {
        Val *v = env_get(b, s->result);
        if (!v)
            return ALP_FAIL;
        if (v->kind != VK_Mixed)
            TRY(var_read(b, s->result, &n->head, out));
        else
            *out = thing_object(V_NOTIMPL, NULL);
    }
    for (uint32_t k = 0; k < s->func->n_locals; k++)
        if (s->local[k] && s->local[k]->index < b->env->n)
            b->env->val[s->local[k]->index] = NULL;
    return ALP_OK;
}

static Status build_body(Builder *b, const Func *fn, const AstCall *n, Thing *out)
{
    Scope *s = b->scope;
    const NodeList *text = &fn->def->body;
    Body body = { 0 }, *list = b->list;
    uint32_t n_returns = 0, first = text->count && text->item[0]->kind == ND_ExprStmt &&
                                    AST_AS(ExprStmt, text->item[0])->value->kind == ND_Str;
    for (uint32_t k = 0; k < text->count; k++)
        count_returns(text->item[k], &n_returns);
    bool direct = n_returns == 1 && text->item[text->count - 1]->kind == ND_Return;
    if (n_returns && !direct) {
        s->result = var_local(b, fn->code->name, key_mix(s->path, UINT32_MAX));
        if (!s->result)
            return ALP_FAIL;
    }
    s->block = n_returns && !direct ? nstmt_new(b, NS_Block, &n->head) : NULL;
    if (n_returns && !direct && !s->block)
        return ALP_FAIL;
    b->list = &body;
    Status st = start_locals(b, fn);
    if (st == ALP_OK)
        st = build_list(b, text, first, true);
    if (st == ALP_OK)
        st = end_body(b, n, &body, list, out);
    b->list = list;
    return st;
}

static Status inline_call(Builder *b, const Func *fn, const NHome *home, const AstCall *n, bool is_used, Thing *out)
{
    if (b->no_inline)
        return refuse_call(b, RS_CallUnknown, n);
    TRY(check_inlinable(b, fn, n));
    Thing *arg = scratch_alloc(b, (n->args.count + 1) * sizeof *arg);
    int *given = scratch_alloc(b, (fn->code->n_params + 1) * sizeof *given);
    if (!arg || !given)
        return ALP_FAIL;
    if (!match_params(fn, n, given))
        return refuse_call(b, RS_CallUnknown, n);
    TRY(build_values(b, n->args.item, n->args.count, arg));
    Scope *s = SCRATCH_NEW(b, Scope);
    if (!s || !(s->local = scratch_alloc(b, (fn->n_locals + 1) * sizeof *s->local)))
        return ALP_FAIL;
    s->up = b->scope;
    s->func = fn;
    s->home = home;
    s->module = fn->module;
    s->path = key_mix(key_mix(b->scope ? b->scope->path : 5, (uint64_t)(uintptr_t)n), (uint64_t)(uintptr_t)fn->def);
    s->depth = b->scope ? b->scope->depth + 1 : 1;
    s->loop = NB(b)->loop;
    LoopCtx *ctx = b->ctx;
    const Src *src = NB(b)->src;
    b->scope = s;
    Status st = bind_params(b, fn, n, given, arg);
    b->ctx = NULL;
    NB(b)->src = &fn->chunk->src;
    if (st == ALP_OK)
        st = build_body(b, fn, n, out);
    b->scope = s->up;
    b->ctx = ctx;
    NB(b)->src = src;
    TRY(st);
    if (out->kind == TH_Object && out->object.tag == T_NotImplemented) {
        if (is_used)
            return build_refuse(NB(b), RS_TypeChanges, &n->head, "%s", node_text(b, &n->head));
        *out = thing_object(V_NONE, NULL);
    }
    return ALP_OK;
}

Status build_call(Builder *b, const AstCall *n, bool is_used, Thing *out)
{
    Thing callee;
    if (n->callee->kind == ND_Attr) {
        const AstAttr *attr = (const AstAttr *)n->callee;
        Thing base;
        TRY(build_value(b, attr->value, &base));
        if (base.kind != TH_Object || base.object.tag != T_Module)
            return call_method(b, n, attr, &base, out);
        TRY(attr_of(b, &base, attr, &callee));
    } else {
        TRY(build_value(b, n->callee, &callee));
    }
    if (callee.kind == TH_Object) {
        switch ((Tag)callee.object.tag) {
        case T_Func:    return inline_call(b, FUNC(callee.object), callee.home, n, is_used, out);
        case T_Native:  return call_native(b, n, &callee, (const Native *)(const void *)callee.object.u.o, out);
        case T_Type:    return call_type(b, n, (TypeId)callee.object.u.i, out);
        default:        break;
        }
    }
    return refuse_call(b, RS_CallUnknown, n);
}
