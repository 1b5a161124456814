/* jit/nest/build_view.c — subscripts: elements and views of arrays.
 *
 * A view made in the nest is never an object: a reference through it becomes a reference to the array with the subscripts put
 * together. Integer subscripts of an axis that is there in full pass through as they are, negative ones included.  Bounds of
 * slices, and subscripts of sliced axes, are taken to be within 0 … length; what is not known to be so is tested (Python clamps
 * the one and counts from the end for the other: the interpreter does that when a test fails). */
#include "jit/nest/build_int.h"
#include "jit/nest/form.h"

/* ---- integer arithmetic that cannot overflow, since its results lie within an array -------------------------------- */

NExpr *int_op(Builder *b, NOp op, NExpr *x, NExpr *y, const Node *ast)
{
    NExpr *e = x && y ? build_expr_new(NB(b), op, DT_I64, TAGS(T_Int), ast) : NULL;
    if (!e)
        return NULL;
    e->a = x;
    e->b = y;
    switch (op) {
    case NOP_Add:   e->form = form_add(NB(b), x->form, y->form); break;
    case NOP_Sub:   e->form = form_sub(NB(b), x->form, y->form); break;
    case NOP_Mul:   e->form = form_mul(NB(b), x->form, y->form); break;
    default:        e->form = form_apply(NB(b), op, DT_I64, NE_PY, x->form, y->form); break;
    }
    return e;
}

static bool is_zero(const NExpr *e)
{
    return !e || (e->op == NOP_Const && e->u.i == 0);
}

static NExpr *sum_of(Builder *b, NExpr *x, NExpr *y, const Node *ast)
{
    if (is_zero(x) || is_zero(y))
        return is_zero(x) ? y : x;
    int64_t sum;
    if (x->op == NOP_Const && y->op == NOP_Const && !__builtin_add_overflow(x->u.i, y->u.i, &sum))
        return expr_int(NB(b), sum, ast);
    return int_op(b, NOP_Add, x, y, ast);
}

static NExpr *scaled(Builder *b, NExpr *x, int64_t k, const Node *ast)
{
    return k == 1 || is_zero(x) ? x : int_op(b, NOP_Mul, x, expr_int(NB(b), k, ast), ast);
}

/* Emits a test of x op y, unless forms decide it. */
static Status require(Builder *b, CmpOp op, NExpr *x, NExpr *y, const Node *ast)
{
    int64_t diff;
    if (!x || !y)
        return ALP_FAIL;
    if (x->form && y->form && form_is_const(form_sub(NB(b), x->form, y->form), &diff) &&
        (op == CM_Ge ? diff >= 0 : op == CM_Le ? diff <= 0 : diff < 0))
        return ALP_OK;
    NExpr *test = expr_compare(NB(b), op, x, y, ast);
    return emit_check(b, CK_Bounds, test ? expr_truth(NB(b), test, ast) : NULL, ast);
}

/* ---- views --------------------------------------------------------------------------------------------------------- */

View *view_whole(Builder *b, NArray *a)
{
    View *v = SCRATCH_NEW(b, View);
    if (!v)
        return NULL;
    v->array = a;
    v->ndim = a->ndim;
    for (uint32_t d = 0; d < a->ndim; d++)
        v->dim[d] = (struct ViewAxis){ .axis = (int)d, .step = 1 };
    return v;
}

static View *view_copy(Builder *b, const View *v)
{
    View *c = SCRATCH_NEW(b, View);
    if (c)
        *c = *v;
    return c;
}

View *view_transposed(Builder *b, const View *v)
{
    View *c = view_copy(b, v);
    for (uint32_t d = 0; c && d < c->array->ndim; d++)
        if (c->dim[d].axis >= 0)
            c->dim[d].axis = (int)c->ndim - 1 - c->dim[d].axis;
    return c;
}

/* Which axis of the array the view's axis is. */
static uint32_t find_axis(const View *v, uint32_t axis)
{
    uint32_t d = 0;
    while (v->dim[d].axis != (int)axis)
        d++;
    return d;
}

NExpr *view_extent(Builder *b, const View *v, uint32_t axis, const Node *ast)
{
    uint32_t d = find_axis(v, axis);
    return v->dim[d].extent ? v->dim[d].extent : expr_extent(NB(b), v->array, (int)d, ast);
}

static bool is_sliced(const struct ViewAxis *x)
{
    return x->start || x->step != 1 || x->extent;
}

/* Axis d of the array, which is a view's axis, gets the subscript i; in_bounds: it is known to be one of 0 … length - 1. */
static Status fix_axis(Builder *b, View *v, uint32_t d, NExpr *i, bool in_bounds, const Node *ast)
{
    struct ViewAxis *x = &v->dim[d];
    bool sliced = is_sliced(x);
    if (sliced && !in_bounds) {
        if (reads_array(i) && !(i = temp_of(b, i, ast)))
            return ALP_FAIL;
        NExpr *n = x->extent ? x->extent : expr_extent(NB(b), v->array, (int)d, ast);
        if (i->op == NOP_Const && i->u.i < 0)
            i = n && i->u.i != INT64_MIN ? sum_of(b, n, expr_int(NB(b), i->u.i, ast), ast) : NULL;
        TRY(require(b, CM_Ge, i, expr_int(NB(b), 0, ast), ast));
        TRY(require(b, CM_Lt, i, n, ast));
    }
    x->start = sliced ? sum_of(b, x->start, scaled(b, i, x->step, ast), ast) : i;
    x->is_safe = sliced || in_bounds;
    x->axis = -1;
    x->extent = NULL;
    return x->start ? ALP_OK : ALP_FAIL;
}

/* A bound of a slice as 0 <= it <= n; NULL is `absent`. */
static Status slice_bound(Builder *b, NExpr **bound, NExpr *n, const Node *ast)
{
    NExpr *e = *bound;
    if (!e)
        return ALP_OK;
    if (e->op == NOP_Const && e->u.i < 0) {
        *bound = e->u.i != INT64_MIN ? sum_of(b, n, expr_int(NB(b), e->u.i, ast), ast) : NULL;
        if (*bound)
            return require(b, CM_Ge, *bound, expr_int(NB(b), 0, ast), ast);
        return build_refuse(NB(b), RS_WholeArray, ast, "%s", node_text(b, ast));
    }
    if (reads_array(e) && !(*bound = e = temp_of(b, e, ast)))
        return ALP_FAIL;
    TRY(require(b, CM_Ge, e, expr_int(NB(b), 0, ast), ast));
    return require(b, CM_Le, e, n, ast);
}

/* Axis d gets the slice lo:hi:step. */
static Status slice_axis(Builder *b, View *v, uint32_t d, NExpr *lo, NExpr *hi, int64_t step, const Node *ast)
{
    struct ViewAxis *x = &v->dim[d];
    if (!lo && !hi && step == 1)
        return ALP_OK;
    NExpr *n = x->extent ? x->extent : expr_extent(NB(b), v->array, (int)d, ast);
    int64_t whole_step;
    if (!n)
        return ALP_FAIL;
    if (step == 0 || step == INT64_MIN || (step < 0 && (lo || hi)) || __builtin_mul_overflow(x->step, step, &whole_step))
        return build_refuse(NB(b), RS_WholeArray, ast, "%s", node_text(b, ast));
    TRY(slice_bound(b, &lo, n, ast));
    TRY(slice_bound(b, &hi, n, ast));
    NExpr *first = lo, *end = hi ? hi : n, *count = end;
    if (lo && hi)
        TRY(require(b, CM_Le, lo, hi, ast));
    if (!is_zero(lo))
        count = int_op(b, NOP_Sub, end, lo, ast);
    if (step < 0)
        first = sum_of(b, n, expr_int(NB(b), -1, ast), ast);
    int64_t size = step < 0 ? -step : step;
    if (size != 1)
        count = int_op(b, NOP_FloorDiv, sum_of(b, count, expr_int(NB(b), size - 1, ast), ast), expr_int(NB(b), size, ast), ast);
    if (first)
        x->start = sum_of(b, x->start, scaled(b, first, x->step, ast), ast);
    x->step = whole_step;
    x->extent = count;
    return count && !NB(b)->refused && !NB(b)->no_memory ? ALP_OK : ALP_FAIL;
}

/* Axes that are left get their numbers. */
static void number_axes(View *v, const int *order)
{
    int number[ALP_MAX_NDIM];
    uint32_t n = 0;
    for (uint32_t axis = 0; axis < v->ndim; axis++) {
        uint32_t d = (uint32_t)order[axis];
        number[axis] = v->dim[d].axis < 0 ? -1 : (int)n++;
    }
    for (uint32_t axis = 0; axis < v->ndim; axis++)
        v->dim[order[axis]].axis = number[axis];
    v->ndim = n;
}

/* ---- subscripts of the text ---------------------------------------------------------------------------------------- */

enum { MAX_SUBS = ALP_MAX_NDIM + 1 };

/* One subscript: an integer, or a slice, or `...`. */
typedef struct Sub {
    const Node *ast;
    Thing value;                /* integer */
    NExpr *part[3];             /* slice; NULL: absent */
    int    n[3];                /* indices of the parts among the values, -1: absent */
    bool   is_slice, is_ellipsis;
} Sub;

static Status refuse_sub(Builder *b, const AstIndex *n)
{
    return build_refuse(NB(b), RS_WholeArray, &n->head, "%s", node_text(b, &n->head));
}

/* Evaluates all that stands between the brackets; base may be saved. */
static Status read_subs(Builder *b, const AstIndex *n, Thing *base, Sub *sub, uint32_t *count)
{
    Node *node[3 * MAX_SUBS];
    Thing value[3 * MAX_SUBS];
    uint32_t n_nodes = 0;
    if (n->subs.count > MAX_SUBS)
        return refuse_sub(b, n);
    for (uint32_t k = 0; k < n->subs.count; k++) {
        Node *s = n->subs.item[k];
        sub[k] = (Sub){ .ast = s, .n = { -1, -1, -1 }, .is_slice = s->kind == ND_Slice, .is_ellipsis = s->kind == ND_Ellipsis };
        Node *part[3] = { s, NULL, NULL };
        if (sub[k].is_slice) {
            part[0] = AST_AS(Slice, s)->lower;
            part[1] = AST_AS(Slice, s)->upper;
            part[2] = AST_AS(Slice, s)->step;
        }
        for (int p = 0; p < 3 && !sub[k].is_ellipsis; p++)
            if (part[p] && part[p]->kind != ND_None) {
                sub[k].n[p] = (int)n_nodes;
                node[n_nodes++] = part[p];
            } else if (part[p] && !sub[k].is_slice) {
                return refuse_sub(b, n);
            }
    }
    uint32_t at = b->list->n;
    TRY(build_values(b, node, n_nodes, value));
    TRY(protect(b, base, b->list, &at, at, n->value));
    *count = n->subs.count;
    for (uint32_t k = 0; k < n->subs.count; k++) {
        for (int p = 0; p < 3 && sub[k].is_slice; p++) {
            if (sub[k].n[p] < 0)
                continue;
            NExpr *e = number_of(b, &value[sub[k].n[p]], node[sub[k].n[p]]);
            sub[k].part[p] = e ? expr_index(NB(b), e, node[sub[k].n[p]]) : NULL;
            if (!sub[k].part[p])
                return ALP_FAIL;
        }
        if (!sub[k].is_slice && !sub[k].is_ellipsis)
            sub[k].value = value[sub[k].n[0]];
    }
    /* a[t] of a tuple t is a[t[0], t[1] …] */
    if (*count == 1 && !n->is_tuple && !sub[0].is_slice && !sub[0].is_ellipsis && sub[0].value.kind == TH_Tuple) {
        Thing tuple = sub[0].value;
        if (tuple.n > MAX_SUBS)
            return refuse_sub(b, n);
        for (uint32_t k = 0; k < tuple.n; k++)
            sub[k] = (Sub){ .ast = &n->head, .value = tuple.item[k] };
        *count = tuple.n;
    }
    return ALP_OK;
}

static Status apply_sub(Builder *b, View *v, uint32_t d, Sub *s)
{
    int64_t step = 1;
    if (s->is_slice) {
        if (s->part[2] && s->part[2]->op != NOP_Const)
            return build_refuse(NB(b), RS_WholeArray, s->ast, "%s", node_text(b, s->ast));
        if (s->part[2])
            step = s->part[2]->u.i;
        return slice_axis(b, v, d, s->part[0], s->part[1], step, s->ast);
    }
    if (s->value.kind == TH_View)
        return build_refuse(NB(b), RS_WholeArray, s->ast, "%s", node_text(b, s->ast));
    NExpr *i = number_of(b, &s->value, s->ast);
    i = i ? expr_index(NB(b), i, s->ast) : NULL;
    return i ? fix_axis(b, v, d, i, false, s->ast) : ALP_FAIL;
}

static View *index_view(Builder *b, const View *base, const AstIndex *n)
{
    Sub sub[MAX_SUBS];
    Thing of = thing_view((View *)base);
    uint32_t count = 0, n_axes = 0, n_ellipsis = 0, axis = 0;
    int order[ALP_MAX_NDIM];
    if (read_subs(b, n, &of, sub, &count) != ALP_OK)
        return NULL;
    for (uint32_t k = 0; k < count; k++) {
        n_ellipsis += sub[k].is_ellipsis;
        n_axes += !sub[k].is_ellipsis;
    }
    View *v = view_copy(b, of.view);
    if (!v)
        return NULL;
    if (n_axes > v->ndim || n_ellipsis > 1 || count == 0) {
        refuse_sub(b, n);
        return NULL;
    }
    for (uint32_t k = 0; k < v->ndim; k++)
        order[k] = (int)find_axis(v, k);
    for (uint32_t k = 0; k < count; k++) {
        if (sub[k].is_ellipsis)
            axis += v->ndim - n_axes;
        else if (apply_sub(b, v, (uint32_t)order[axis++], &sub[k]) != ALP_OK)
            return NULL;
    }
    number_axes(v, order);
    return v;
}

Status view_index(Builder *b, const View *base, const AstIndex *n, Thing *out)
{
    View *v = index_view(b, base, n);
    if (!v)
        return ALP_FAIL;
    if (v->ndim == 0) {
        for (uint32_t k = 0; k < n->subs.count; k++)
            if (n->subs.item[k]->kind == ND_Ellipsis)       /* a[i, ...]: an array without axes */
                return refuse_sub(b, n);
        return view_load(b, v, &n->head, out);
    }
    *out = thing_view(v);
    return ALP_OK;
}

/* ---- references ---------------------------------------------------------------------------------------------------- */

static NAccess *access_of(Builder *b, View *v, bool is_write, const Node *ast)
{
    NExpr *sub[ALP_MAX_NDIM];
    bool is_safe[ALP_MAX_NDIM];
    for (uint32_t d = 0; d < v->array->ndim; d++) {
        sub[d] = v->dim[d].start;
        is_safe[d] = v->dim[d].is_safe;
    }
    return naccess_new(b, v->array, sub, is_safe, is_write, ast);
}

Status view_load(Builder *b, View *v, const Node *ast, Thing *out)
{
    NAccess *x = access_of(b, v, false, ast);
    *out = thing_scalar(x ? expr_load(NB(b), x, ast) : NULL);
    return out->expr ? ALP_OK : ALP_FAIL;
}

Status view_item(Builder *b, const View *base, NExpr *i, const Node *ast, Thing *out)
{
    int order[ALP_MAX_NDIM];
    View *v = view_copy(b, base);
    if (!v)
        return ALP_FAIL;
    for (uint32_t k = 0; k < v->ndim; k++)
        order[k] = (int)find_axis(v, k);
    TRY(fix_axis(b, v, (uint32_t)order[0], i, true, ast));
    number_axes(v, order);
    if (v->ndim == 0)
        return view_load(b, v, ast, out);
    *out = thing_view(v);
    return ALP_OK;
}

/* The subscript of a fixed axis is tested where the view is made, as Python does. */
static Status test_fixed(Builder *b, View *v, uint32_t d, const Node *ast)
{
    struct ViewAxis *x = &v->dim[d];
    if (x->axis >= 0 || x->is_safe)
        return ALP_OK;
    NExpr *n = expr_extent(NB(b), v->array, (int)d, ast);
    if (!n)
        return ALP_FAIL;
    if (!(x->start->op == NOP_Const && x->start->u.i >= 0)) {
        NExpr *least = expr_unary(NB(b), UN_Neg, n, ast);
        TRY(require(b, CM_Ge, x->start, least, ast));
    }
    if (!(x->start->op == NOP_Const && x->start->u.i < 0))
        TRY(require(b, CM_Lt, x->start, n, ast));
    x->is_safe = true;
    return ALP_OK;
}

static NExpr *keep_number(Builder *b, NExpr *e, NVar *var, const Node *ast)
{
    if (!e)
        return NULL;
    if (!var)
        return e->op == NOP_Const || e->op == NOP_Extent || e->op == NOP_Counter ? e : temp_of(b, e, ast);
    const NForm *form = e->form ? e->form : form_sym(NB(b), sym_unknown(NB(b), NB(b)->loop));
    return emit_assign(b, var, e, ast) == ALP_OK ? expr_var(NB(b), var, TAGS(T_Int), form, ast) : NULL;
}

View *view_keep(Builder *b, const View *v, NBoundView *bound, const Node *ast)
{
    View *c = view_copy(b, v);
    if (!c)
        return NULL;
    for (uint32_t d = 0; d < c->array->ndim; d++) {
        struct ViewAxis *x = &c->dim[d];
        x->start = keep_number(b, x->start, bound ? bound->axis[d].start : NULL, ast);
        x->extent = keep_number(b, x->extent, bound ? bound->axis[d].extent : NULL, ast);
        if (!x->start != !v->dim[d].start || !x->extent != !v->dim[d].extent || test_fixed(b, c, d, ast) != ALP_OK)
            return NULL;
    }
    return c;
}

Status view_test(Builder *b, const View *v, const Node *ast)
{
    View *c = view_copy(b, v);
    if (!c)
        return ALP_FAIL;
    for (uint32_t d = 0; d < v->array->ndim; d++) {
        struct ViewAxis *x = &c->dim[d];
        if ((expr_may_fail(x->start) && !(x->start = temp_of(b, x->start, ast))) ||
            (expr_may_fail(x->extent) && !(x->extent = temp_of(b, x->extent, ast))))
            return ALP_FAIL;
        /* len(a[0]): once for all, so that nothing stands between the loops. */
        Body *list = b->list;
        if (x->start && x->start->op == NOP_Const)
            b->list = &b->prelude;
        Status s = test_fixed(b, c, d, ast);
        b->list = list;
        TRY(s);
    }
    return ALP_OK;
}

Status view_place(Builder *b, const AstIndex *n, View **out)
{
    Thing base;
    TRY(build_value(b, n->value, &base));
    if (base.kind != TH_View) {
        if (base.kind == TH_Scalar)
            return build_refuse(NB(b), RS_NotNumber, &n->head, "%s", node_text(b, &n->head));
        return build_refuse(NB(b), RS_Container, &n->head, "%s", node_text(b, &n->head));
    }
    *out = index_view(b, base.view, n);
    if (!*out)
        return ALP_FAIL;
    return (*out)->ndim == 0 ? ALP_OK : refuse_sub(b, n);
}

View *view_save(Builder *b, const View *v, Body *l, uint32_t *at, const Node *ast)
{
    View *c = view_copy(b, v);
    for (uint32_t d = 0; c && d < c->array->ndim; d++) {
        uint32_t n = l->n;
        NExpr **e = &c->dim[d].start;
        if ((*e)->op != NOP_Const && !(*e = temp_before(b, l, *at, *e, ast)))
            return NULL;
        *at += l->n - n;
    }
    return c;
}

Status view_store(Builder *b, View *place, NExpr *e, const Node *ast)
{
    NStmt *s = e ? nstmt_new(b, NS_Store, ast) : NULL;
    if (!s || !(s->access = access_of(b, place, true, ast)) || !(s->expr = expr_store_cast(NB(b), e, (DType)place->array->dtype, ast)))
        return ALP_FAIL;
    return emit(b, s);
}
