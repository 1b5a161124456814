/* jit/nest/build_walk.c — what for loops walk: ranges, arrays, displays, and enumerate, zip and reversed of them.
 *
 * A for loop over a range becomes a loop with that start, stop and step, and `i = start + t * step` at the top of its body.
 * All other walks count 0 … n - 1 and take their items by that number; those of a display like (-1, 0, 1) are chosen by it, or
 * computed if they lie at equal distances.  The outermost loop's iterable has been evaluated already: its text is read again
 * only where that has no effects, else its numbers and arrays are inputs. */
#include "jit/nest/build_int.h"
#include "jit/nest/form.h"

/* ---- what is walked ------------------------------------------------------------------------------------------------ */

static uint32_t count_parts(Value v)
{
    if (v.tag != T_Iter)
        return 1;
    const Iter *it = ITER(v);
    uint32_t n = 1;
    if (it->kind == IT_Enumerate || it->kind == IT_Array || it->kind == IT_Reversed)
        return n + count_parts(it->source);
    for (size_t k = 0; it->kind == IT_Zip && k < TUPLE(it->source)->count; k++)
        n += count_parts(TUPLE(it->source)->item[k]);
    return n;
}

static Status refuse_walk(Builder *b, const Node *ast)
{
    return build_refuse(NB(b), RS_NotIterable, ast, "%s", node_text(b, ast));
}

/* step > 0: max(0, (stop - start + step - 1) // step), and so on; start and stop may lie anywhere. */
static NExpr *count_up(Builder *b, NExpr *from, NExpr *to, NExpr *step, const Node *ast)
{
    NExpr *zero = expr_int(NB(b), 0, ast), *diff = to;
    int64_t c;
    if (!zero || !from || !to)
        return NULL;
    if (!(from->op == NOP_Const && from->u.i == 0))
        diff = expr_binary(NB(b), BI_Sub, to, from, ast);
    if (!diff)
        return NULL;
    if (diff->op == NOP_Extent && step->op == NOP_Const && step->u.i == 1)
        return diff;
    if (diff->op == NOP_Const && step->op == NOP_Const) {
        c = diff->u.i <= 0 ? 0 : (diff->u.i - 1) / step->u.i + 1;
        return expr_int(NB(b), c, ast);
    }
    NExpr *steps = diff;
    if (!(step->op == NOP_Const && step->u.i == 1)) {
        NExpr *one = expr_int(NB(b), 1, ast);
        steps = int_op(b, NOP_Add, int_op(b, NOP_FloorDiv, int_op(b, NOP_Sub, diff, one, ast), step, ast), one, ast);
    }
    NExpr *some = steps ? expr_compare(NB(b), CM_Gt, to, from, ast) : NULL;
    NExpr *e = some ? expr_select(NB(b), some, steps, zero, ast) : NULL;
    if (!e)
        return NULL;
    if (steps->form)
        e->form = form_apply(NB(b), NOP_NpMax, DT_I64, NE_PY, steps->form, zero->form);
    return e;
}

static NExpr *count_range(Builder *b, const Walk *w)
{
    const Node *ast = w->ast;
    if (w->step->op == NOP_Const && w->step->u.i > 0)
        return count_up(b, w->start, w->stop, w->step, ast);
    NExpr *back = w->step->op == NOP_Const && w->step->u.i != INT64_MIN ? expr_int(NB(b), -w->step->u.i, ast)
                                                                        : expr_unary(NB(b), UN_Neg, w->step, ast);
    NExpr *down = back ? count_up(b, w->stop, w->start, back, ast) : NULL;
    if (!down || w->step->op == NOP_Const)
        return down;
    NExpr *up = count_up(b, w->start, w->stop, w->step, ast), *zero = expr_int(NB(b), 0, ast);
    NExpr *test = up && zero ? expr_compare(NB(b), CM_Gt, w->step, zero, ast) : NULL;
    return test ? expr_select(NB(b), test, up, down, ast) : NULL;
}

/* Numbers of a range that is a Value, in a variable or the iterable. */
static Status walk_range_value(Builder *b, const NHome *home, Sym name, const Source *src, const Node *ast, Walk *w)
{
    int64_t step;
    const Value *place = home ? nest_home(home, NB(b)->frame) : NULL;
    bool is_iterable = !home;
    if (!range_field(is_iterable ? iterable_part(b->iterable, src->part) : *place, FIELD_Step, &step) || step == 0)
        return refuse_walk(b, ast);
    *w = (Walk){ .kind = WK_Range, .ast = ast };
    uint32_t part = is_iterable ? src->part : 0;
    w->start = input_field(b, home, name, is_iterable, part, FIELD_Start, ast);
    w->stop = w->start ? input_field(b, home, name, is_iterable, part, FIELD_Stop, ast) : NULL;
    w->step = w->stop ? expr_int(NB(b), step, ast) : NULL;
    return w->step ? input_pin(b, home, name, is_iterable, part, FIELD_Step, step) : ALP_FAIL;
}

static Status walk_view(Builder *b, View *v, bool is_reversed, const Node *ast, Walk *w)
{
    *w = (Walk){ .kind = WK_Array, .ast = ast, .view = v, .is_reversed = is_reversed };
    w->count = v ? view_extent(b, v, 0, ast) : NULL;
    return w->count ? ALP_OK : ALP_FAIL;
}

/* The iterable's part as it is: a range or an array, or a fresh iterator over one. */
static Status walk_value(Builder *b, const Source *src, const Node *ast, Walk *w)
{
    Value v = iterable_part(b->iterable, src->part);
    uint32_t part = src->part;
    bool is_reversed = false;
    if (v.tag == T_Range || (v.tag == T_Iter && ITER(v)->kind == IT_Range && v.u.o->refs == 1))
        return walk_range_value(b, NULL, SYM_NONE, src, ast, w);
    if (v.tag == T_Iter && iter_is_fresh(v)) {
        is_reversed = ITER(v)->kind == IT_Reversed;
        TRY(input_iterable(b, part, v));
        v = iterable_part(b->iterable, ++part);
    }
    if (v.tag != T_Array || ARRAY(v)->ndim == 0)
        return refuse_walk(b, ast);
    NArray *a = array_of_iterable(b, part, ARRAY(v));
    return walk_view(b, a ? view_whole(b, a) : NULL, is_reversed, ast, w);
}

/* An argument of range() as an integer. */
static Status range_arg(Builder *b, const Node *ast, const Source *src, NField field, NExpr **out)
{
    Thing t;
    bool ok = true;
    if (!src->is_outermost)
        TRY(build_value(b, ast, &t));
    else
        TRY(build_if_pure(b, ast, &t, &ok));
    if (!ok || (src->is_outermost && t.kind != TH_Scalar)) {
        *out = input_field(b, NULL, SYM_NONE, true, src->part, field, ast);
        return *out ? ALP_OK : ALP_FAIL;
    }
    NExpr *e = number_of(b, &t, ast);
    *out = e ? expr_index(NB(b), e, ast) : NULL;
    return *out ? ALP_OK : ALP_FAIL;
}

static Status walk_range_call(Builder *b, const AstCall *n, const Source *src, Walk *w)
{
    uint32_t count = n->args.count;
    NExpr *arg[3];
    if (count < 1 || count > 3 || n->keywords.count)
        return refuse_walk(b, &n->head);
    if (src->is_outermost && iterable_part(b->iterable, src->part).tag != T_Range &&
        !(iterable_part(b->iterable, src->part).tag == T_Iter && ITER(iterable_part(b->iterable, src->part))->kind == IT_Range))
        return refuse_walk(b, &n->head);
    *w = (Walk){ .kind = WK_Range, .ast = &n->head };
    Body *l = b->list;
    for (uint32_t k = 0; k < count; k++) {
        uint32_t at = l->n;
        static const NField field[] = { FIELD_Start, FIELD_Stop, FIELD_Step };
        TRY(range_arg(b, n->args.item[k], src, count == 1 ? FIELD_Stop : field[k], &arg[k]));
        for (uint32_t j = 0; j < k && at < l->n; j++) {
            Thing t = thing_scalar(arg[j]);
            TRY(protect(b, &t, l, &at, at, n->args.item[j]));
            arg[j] = t.expr;
        }
    }
    w->start = count == 1 ? expr_int(NB(b), 0, &n->head) : arg[0];
    w->stop = arg[count > 1];
    w->step = count == 3 ? arg[2] : expr_int(NB(b), 1, &n->head);
    if (!w->start || !w->step)
        return ALP_FAIL;
    return w->step->op == NOP_Const && w->step->u.i == 0 ? refuse_walk(b, &n->head) : ALP_OK;
}

/* enumerate(iterable, start=0): which arguments are given. */
static Status walk_enumerate(Builder *b, const AstCall *n, const Source *src, Walk *w)
{
    const Node *start = n->args.count == 2 ? n->args.item[1] : NULL;
    if (n->args.count < 1 || n->args.count > 2 || n->keywords.count > (start ? 1 : 0) ||
        (n->keywords.count && n->keywords.item[0] != intern_find(NB(b)->vm->names, "start", 5)))
        return refuse_walk(b, &n->head);
    Source inner = { src->is_outermost, src->part + 1 };
    *w = (Walk){ .kind = WK_Enumerate, .ast = &n->head, .n = 1, .part = SCRATCH_NEW(b, Walk) };
    if (!w->part)
        return ALP_FAIL;
    if (src->is_outermost)
        TRY(input_iterable(b, src->part, iterable_part(b->iterable, src->part)));
    TRY(walk_read(b, n->args.item[0], &inner, w->part));
    if (start)
        return range_arg(b, start, src, FIELD_Start, &w->start);
    w->start = expr_int(NB(b), 0, &n->head);
    return w->start ? ALP_OK : ALP_FAIL;
}

static Status walk_zip(Builder *b, const AstCall *n, const Source *src, Walk *w)
{
    uint32_t count = n->args.count;
    if (n->keywords.count || count == 0)
        return refuse_walk(b, &n->head);
    *w = (Walk){ .kind = WK_Zip, .ast = &n->head, .n = count, .part = scratch_alloc(b, count * sizeof *w->part) };
    if (!w->part)
        return ALP_FAIL;
    Source inner = { src->is_outermost, src->part + 1 };
    if (src->is_outermost)
        TRY(input_iterable(b, src->part, iterable_part(b->iterable, src->part)));
    for (uint32_t k = 0; k < count; k++) {
        TRY(walk_read(b, n->args.item[k], &inner, &w->part[k]));
        if (inner.is_outermost)
            inner.part += count_parts(iterable_part(b->iterable, inner.part));
    }
    return ALP_OK;
}

/* Backwards: a range of the same numbers, an array from its end. */
static Status walk_reversed(Builder *b, const AstCall *n, const Source *src, Walk *w)
{
    if (n->args.count != 1 || n->keywords.count)
        return refuse_walk(b, &n->head);
    Source inner = *src;
    Value v = src->is_outermost ? iterable_part(b->iterable, src->part) : V_UNBOUND;
    if (v.tag == T_Iter && ITER(v)->kind == IT_Reversed) {
        TRY(input_iterable(b, src->part, v));
        inner.part++;
    } else if (src->is_outermost) {
        /* reversed(range) is an iterator with the last number first: its text says more, if it can be read. */
        Thing t;
        bool ok = false;
        const Node *of = n->args.item[0];
        if (of->kind != ND_Call)
            return walk_value(b, src, &n->head, w);
        const AstCall *range = (const AstCall *)of;
        TRY(build_if_pure(b, range->callee, &t, &ok));
        ok = ok && t.kind == TH_Object && t.object.tag == T_Type && t.object.u.i == TY_range;
        for (uint32_t k = 0; ok && k < range->args.count; k++) {
            uint32_t at = b->list->n;
            TRY(build_if_pure(b, range->args.item[k], &t, &ok));
            ok = ok && t.kind == TH_Scalar;
            b->list->n = at;
        }
        if (!ok)
            return walk_value(b, src, &n->head, w);
    }
    TRY(walk_read(b, n->args.item[0], &inner, w));
    if (w->kind == WK_Array) {
        w->is_reversed = true;
        return ALP_OK;
    }
    if (w->kind != WK_Range)
        return refuse_walk(b, &n->head);
    if (w->step->op == NOP_Const && w->step->u.i == 1) {
        NExpr *one = expr_int(NB(b), 1, &n->head), *start = w->start;
        w->start = one ? expr_binary(NB(b), BI_Sub, w->stop, one, &n->head) : NULL;
        w->stop = w->start ? expr_binary(NB(b), BI_Sub, start, one, &n->head) : NULL;
        w->step = expr_int(NB(b), -1, &n->head);
        return w->stop && w->step ? ALP_OK : ALP_FAIL;
    }
    w->is_reversed = true;
    return ALP_OK;
}

enum { MAX_ITEMS = 64 };

/* A tuple or list that is written out. */
static Status walk_display(Builder *b, const Node *ast, Walk *w)
{
    const NodeList *items = ast->kind == ND_Tuple ? &AST_AS(Tuple, ast)->items : &AST_AS(List, ast)->items;
    if (items->count == 0 || items->count > MAX_ITEMS)
        return refuse_walk(b, ast);
    *w = (Walk){ .kind = WK_Display, .ast = ast, .n = items->count, .item = scratch_alloc(b, items->count * sizeof *w->item) };
    if (!w->item || !(w->count = expr_int(NB(b), items->count, ast)))
        return ALP_FAIL;
    TRY(build_values(b, items->item, items->count, w->item));
    for (uint32_t k = 0; k < w->n; k++)
        TRY(thing_keep(b, &w->item[k], NULL, ast));
    return ALP_OK;
}

static Status walk_thing(Builder *b, const Thing *t, const Node *ast, Walk *w)
{
    if (t->kind == TH_View)
        return walk_view(b, t->view, false, ast, w);
    if (t->kind == TH_Object && t->object.tag == T_Range && t->home)
        return walk_range_value(b, t->home, ast->kind == ND_Name ? ((const AstName *)ast)->name : SYM_NONE, NULL, ast, w);
    return refuse_walk(b, ast);
}

Status walk_read(Builder *b, const Node *ast, const Source *src, Walk *w)
{
    Thing t;
    bool ok = true;
    if (ast->kind == ND_Call && (AST_AS(Call, ast)->callee->kind == ND_Name || AST_AS(Call, ast)->callee->kind == ND_Attr)) {
        const AstCall *n = (const AstCall *)ast;
        TRY(build_if_pure(b, n->callee, &t, &ok));
        if (ok && t.kind == TH_Object && t.object.tag == T_Type) {
            switch ((TypeId)t.object.u.i) {
            case TY_range:      return walk_range_call(b, n, src, w);
            case TY_enumerate:  return walk_enumerate(b, n, src, w);
            case TY_zip:        return walk_zip(b, n, src, w);
            case TY_reversed:   return walk_reversed(b, n, src, w);
            default:            break;
            }
        }
    }
    if (ast->kind == ND_Tuple || ast->kind == ND_List) {
        if (!src->is_outermost)
            return walk_display(b, ast, w);
        const NodeList *items = ast->kind == ND_Tuple ? &AST_AS(Tuple, ast)->items : &AST_AS(List, ast)->items;
        for (uint32_t k = 0; k < items->count && ok; k++)
            TRY(build_if_pure(b, items->item[k], &t, &ok));
        return ok ? walk_display(b, ast, w) : refuse_walk(b, ast);
    }
    if (!src->is_outermost) {
        TRY(build_value(b, ast, &t));
        return walk_thing(b, &t, ast, w);
    }
    TRY(build_if_pure(b, ast, &t, &ok));
    if (ok && (t.kind == TH_View || (t.kind == TH_Object && t.object.tag == T_Range && t.home)))
        return walk_thing(b, &t, ast, w);
    return walk_value(b, src, ast, w);
}

/* Number of items; ranges that have one have it. */
static NExpr *walk_count(Builder *b, Walk *w)
{
    if (w->count)
        return w->count;
    if (w->kind == WK_Range)
        return w->count = count_range(b, w);
    NExpr *count = walk_count(b, &w->part[0]);
    for (uint32_t k = 1; k < w->n && count; k++) {
        NExpr *other = walk_count(b, &w->part[k]);
        if (other && count->op == NOP_Const && other->op == NOP_Const)
            count = count->u.i < other->u.i ? count : other;
        else if (!other || !form_equal(count->form, other->form))
            count = int_op(b, NOP_NpMin, count, other, w->ast);
    }
    return w->count = count;
}

/* ---- items --------------------------------------------------------------------------------------------------------- */

static NExpr *linear(Builder *b, NExpr *start, NExpr *step, NExpr *t, const Node *ast)
{
    if (!(step->op == NOP_Const && step->u.i == 1))
        t = int_op(b, NOP_Mul, t, step, ast);
    return start->op == NOP_Const && start->u.i == 0 ? t : int_op(b, NOP_Add, start, t, ast);
}

/* Integer constants at equal distances. */
static bool are_regular(const Thing *item, uint32_t n, int64_t *start, int64_t *step)
{
    int64_t diff;
    for (uint32_t k = 0; k < n; k++) {
        const NExpr *e = item[k].kind == TH_Scalar ? item[k].expr : NULL;
        if (!e || e->op != NOP_Const || e->tags != TAGS(T_Int))
            return false;
        if (k == 0)
            *start = e->u.i;
        else if (__builtin_sub_overflow(e->u.i, item[k - 1].expr->u.i, &diff) || (k > 1 && diff != *step))
            return false;
        else
            *step = diff;
    }
    return n > 1;
}

/* Item number t, as a choice between all of them; tuples by their parts. */
static Status choose_item(Builder *b, const Thing *item, uint32_t n, NExpr *t, const Node *ast, Thing *out)
{
    int64_t start = 0, step = 0;
    if (are_regular(item, n, &start, &step)) {
        NExpr *first = expr_int(NB(b), start, ast), *by = expr_int(NB(b), step, ast);
        *out = thing_scalar(first && by ? linear(b, first, by, t, ast) : NULL);
        return out->expr ? ALP_OK : ALP_FAIL;
    }
    for (uint32_t k = 0; k < n; k++)
        if (item[k].kind != item[0].kind || (item[k].kind != TH_Scalar && item[k].kind != TH_Tuple) || item[k].n != item[0].n)
            return refuse_walk(b, ast);
    if (item[0].kind == TH_Tuple) {
        Thing *part = scratch_alloc(b, n * sizeof *part);
        *out = (Thing){ .kind = TH_Tuple, .n = item[0].n, .item = scratch_alloc(b, (item[0].n + 1) * sizeof(Thing)) };
        for (uint32_t j = 0; part && out->item && j < out->n; j++) {
            for (uint32_t k = 0; k < n; k++)
                part[k] = item[k].item[j];
            TRY(choose_item(b, part, n, t, ast, &out->item[j]));
        }
        return part && out->item ? ALP_OK : ALP_FAIL;
    }
    NExpr *e = item[n - 1].expr;
    for (uint32_t k = n - 1; k > 0 && e; k--) {
        NExpr *number = expr_int(NB(b), k - 1, ast), *test = number ? expr_compare(NB(b), CM_Eq, t, number, ast) : NULL;
        e = test ? expr_select(NB(b), test, item[k - 1].expr, e, ast) : NULL;
    }
    *out = thing_scalar(e);
    return e ? ALP_OK : ALP_FAIL;
}

Status walk_item(Builder *b, Walk *w, NExpr *t, Thing *out)
{
    const Node *ast = w->ast;
    if (w->is_reversed) {
        NExpr *one = expr_int(NB(b), 1, ast);
        t = int_op(b, NOP_Sub, int_op(b, NOP_Sub, w->count, one, ast), t, ast);
    }
    if (!t)
        return ALP_FAIL;
    switch (w->kind) {
    case WK_Range:
        *out = thing_scalar(linear(b, w->start, w->step, t, ast));
        return out->expr ? ALP_OK : ALP_FAIL;
    case WK_Array:
        return view_item(b, w->view, t, ast, out);
    case WK_Display:
        return choose_item(b, w->item, w->n, t, ast, out);
    case WK_Enumerate: case WK_Zip:
        break;
    }
    uint32_t first = w->kind == WK_Enumerate;
    *out = (Thing){ .kind = TH_Tuple, .n = w->n + first, .item = scratch_alloc(b, (w->n + first) * sizeof(Thing)) };
    if (!out->item)
        return ALP_FAIL;
    if (first) {
        /* The number may leave 64 bits only if it starts somewhere odd. */
        bool is_zero = w->start->op == NOP_Const && w->start->u.i == 0;
        out->item[0] = thing_scalar(is_zero ? t : expr_binary(NB(b), BI_Add, w->start, t, ast));
        if (!out->item[0].expr)
            return ALP_FAIL;
    }
    for (uint32_t k = 0; k < w->n; k++)
        TRY(walk_item(b, &w->part[k], t, &out->item[first + k]));
    return ALP_OK;
}

/* Cheap, and nothing that the loop can change: it may be evaluated in every iteration. */
static bool is_simple(const NExpr *e)
{
    switch ((NOp)e->op) {
    case NOP_Const: case NOP_Var: case NOP_Counter: case NOP_Extent:
        return true;
    case NOP_Neg: case NOP_Cast:
        return e->form && is_simple(e->a);
    case NOP_Add: case NOP_Sub: case NOP_Mul:
        return e->form && is_simple(e->a) && is_simple(e->b);
    default:
        return false;
    }
}

/* Numbers that the body's first statements use, evaluated before the loop. */
static Status settle(Builder *b, NExpr **e, bool keep, const Node *ast)
{
    if (!*e || (*e)->op == NOP_Const || (!keep && is_simple(*e)))
        return ALP_OK;
    *e = temp_of(b, *e, ast);
    return *e ? ALP_OK : ALP_FAIL;
}

/* The loop's own step is 1. */
static Status check_step(Builder *b, const Walk *w)
{
    NExpr *zero = expr_int(NB(b), 0, w->ast);
    return zero ? emit_check(b, CK_Step, expr_compare(NB(b), CM_Ne, w->step, zero, w->ast), w->ast) : ALP_FAIL;
}

Status walk_settle(Builder *b, Walk *w, bool keep, bool is_inner)
{
    TRY(settle(b, &w->start, keep, w->ast));
    TRY(settle(b, &w->step, keep, w->ast));
    if (w->kind == WK_Range && (is_inner || w->is_reversed))
        TRY(check_step(b, w));
    if ((is_inner && w->kind == WK_Range) || w->is_reversed) {
        if (!walk_count(b, w))
            return ALP_FAIL;
        TRY(settle(b, &w->count, w->is_reversed ? keep : false, w->ast));
    }
    if (w->kind == WK_Array && !(w->view = view_keep(b, w->view, NULL, w->ast)))
        return ALP_FAIL;
    for (uint32_t k = 0; w->part && k < w->n; k++)
        TRY(walk_settle(b, &w->part[k], keep, true));
    return ALP_OK;
}

bool walk_is_disturbed(const Walk *w, const Body *body)
{
    if (is_disturbed(w->start, body, 0) || is_disturbed(w->step, body, 0) || (w->is_reversed && is_disturbed(w->count, body, 0)))
        return true;
    for (uint32_t d = 0; w->kind == WK_Array && d < w->view->array->ndim; d++)
        if (is_disturbed(w->view->dim[d].start, body, 0) || is_disturbed(w->view->dim[d].extent, body, 0))
            return true;
    for (uint32_t k = 0; w->part && k < w->n; k++)
        if (walk_is_disturbed(&w->part[k], body))
            return true;
    return false;
}

/* ---- the loop's numbers -------------------------------------------------------------------------------------------- */

/* The operands of nested minima. */
static Status collect_bounds(Builder *b, NLoop *l, const NExpr *e)
{
    const NExpr *x = NULL, *y = NULL;
    if (e->op == NOP_NpMin) {
        x = e->a;
        y = e->b;
    } else if (e->op == NOP_Select && e->a->op >= NOP_Lt && e->a->op <= NOP_Ge) {
        bool less = e->a->op == NOP_Lt || e->a->op == NOP_Le;
        x = less ? e->a->a : e->a->b;
        y = less ? e->a->b : e->a->a;
        if (x != e->b || y != e->c)
            x = y = NULL;
    }
    if (x) {
        TRY(collect_bounds(b, l, x));
        return collect_bounds(b, l, y);
    }
    if (!e->form)
        return ALP_OK;
    NForm **list = build_alloc(b, (l->n_stop_forms + 1) * sizeof *list);
    if (!list)
        return ALP_FAIL;
    if (l->n_stop_forms)
        memcpy(list, l->stop_forms, l->n_stop_forms * sizeof *list);
    list[l->n_stop_forms++] = (NForm *)e->form;
    l->stop_forms = list;
    return ALP_OK;
}

Status walk_bounds(Builder *b, NLoop *l, Walk *w)
{
    const Node *ast = w->ast;
    bool simple = w->kind == WK_Range && !w->is_reversed;
    l->start = simple ? w->start : expr_int(NB(b), 0, ast);
    l->stop = simple ? w->stop : walk_count(b, w);
    l->step = simple ? w->step : expr_int(NB(b), 1, ast);
    if (!l->start || !l->stop || !l->step)
        return ALP_FAIL;
    l->trip = simple ? count_range(b, w) : l->stop;
    if (!l->trip)
        return ALP_FAIL;
    l->start_form = (NForm *)l->start->form;
    l->stop_form = (NForm *)l->stop->form;
    l->step_form = (NForm *)l->step->form;
    l->step_const = l->step->op == NOP_Const ? l->step->u.i : 0;
    if (!l->step_const && (l->step_check = build_check(NB(b), CK_Step, l->step, ast)) == NO_CHECK)
        return ALP_FAIL;
    bool is_min = l->stop->op == NOP_NpMin || l->stop->op == NOP_Select;
    if (is_min && (!simple || l->step_const > 0)) {
        TRY(collect_bounds(b, l, l->stop));
        if (l->n_stop_forms > 1)
            l->stop_form = NULL;
        else
            l->n_stop_forms = 0;
    }
    return ALP_OK;
}
