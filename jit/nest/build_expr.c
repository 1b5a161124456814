/* jit/nest/build_expr.c — expressions of the text: order of evaluation, conditional evaluation, and what is no number. */
#include "jit/nest/build_int.h"
#include "jit/nest/expr.h"

/* ---- what expressions depend on ------------------------------------------------------------------------------------ */

static bool reads_var(const NExpr *e, const NVar *v)
{
    if (!e)
        return false;
    if (e->op == NOP_Var)
        return e->u.var == v;
    if (e->op == NOP_Load) {
        for (uint32_t d = 0; d < e->u.access->n_subs; d++)
            if (reads_var(e->u.access->sub[d], v))
                return true;
        return false;
    }
    return reads_var(e->a, v) || reads_var(e->b, v) || reads_var(e->c, v);
}

bool reads_array(const NExpr *e)
{
    return e && (e->op == NOP_Load || reads_array(e->a) || reads_array(e->b) || reads_array(e->c));
}

bool expr_may_fail(const NExpr *e)
{
    return e && (e->op == NOP_Load || e->check != NO_CHECK || expr_may_fail(e->a) || expr_may_fail(e->b) || expr_may_fail(e->c));
}

static bool contains(const NExpr *e, const NExpr *part)
{
    return e && (e == part || contains(e->a, part) || contains(e->b, part) || contains(e->c, part));
}

/* Has e operations that may fail, and are not part of result? */
static bool is_lost(const NExpr *e, const NExpr *result)
{
    return e && !contains(result, e) &&
           (e->op == NOP_Load || e->check != NO_CHECK || is_lost(e->a, result) || is_lost(e->b, result) || is_lost(e->c, result));
}

static bool shares_loads(const NExpr *e, const NExpr *result)
{
    return e && ((e->op == NOP_Load && contains(result, e)) || shares_loads(e->a, result) || shares_loads(e->b, result) ||
                 shares_loads(e->c, result));
}

static Status drop_number(Builder *b, NExpr *e, const NExpr *result, const Node *ast)
{
    if (!is_lost(e, result))
        return ALP_OK;
    if (shares_loads(e, result))
        return build_refuse(NB(b), RS_Expression, ast, "%s", node_text(b, ast));
    return temp_of(b, e, ast) ? ALP_OK : ALP_FAIL;
}

Status thing_drop(Builder *b, const Thing *t, const Thing *into, const Node *ast)
{
    switch ((ThingKind)t->kind) {
    case TH_Scalar:
        return drop_number(b, t->expr, into && into->kind == TH_Scalar ? into->expr : NULL, ast);
    case TH_View:
        return view_test(b, t->view, ast);
    case TH_Tuple:
        for (uint32_t k = 0; k < t->n; k++)
            TRY(thing_drop(b, &t->item[k], into, ast));
        return ALP_OK;
    case TH_Object:
        break;
    }
    return ALP_OK;
}

static bool block_disturbs(const NExpr *e, NStmt *const *s, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        const NBlock *loop = s[i]->loop ? &s[i]->loop->body : NULL;
        if ((s[i]->kind == NS_Assign && reads_var(e, s[i]->var)) || (s[i]->kind == NS_Store && reads_array(e)) ||
            block_disturbs(e, s[i]->body.stmt, s[i]->body.n) || block_disturbs(e, s[i]->orelse.stmt, s[i]->orelse.n) ||
            (loop && block_disturbs(e, loop->stmt, loop->n)))
            return true;
    }
    return false;
}

bool is_disturbed(const NExpr *e, const Body *l, uint32_t from)
{
    return e && e->op != NOP_Const && e->op != NOP_Counter && e->op != NOP_Extent && block_disturbs(e, l->item + from, l->n - from);
}

static Status protect_expr(Builder *b, NExpr **e, Body *l, uint32_t *at, uint32_t from, const Node *ast)
{
    if (!is_disturbed(*e, l, from))
        return ALP_OK;
    uint32_t n = l->n;
    *e = temp_before(b, l, *at, *e, ast);
    *at += l->n - n;
    return *e ? ALP_OK : ALP_FAIL;
}

/* Saves the parts of t that statements from … of the list would change, in front of statement *at, which moves on. */
Status protect(Builder *b, Thing *t, Body *l, uint32_t *at, uint32_t from, const Node *ast)
{
    if (from >= l->n)
        return ALP_OK;
    switch ((ThingKind)t->kind) {
    case TH_Scalar:
        return protect_expr(b, &t->expr, l, at, from, ast);
    case TH_Tuple:
        for (uint32_t k = 0; k < t->n; k++)
            TRY(protect(b, &t->item[k], l, at, from, ast));
        return ALP_OK;
    case TH_View: {
        View *v = SCRATCH_NEW(b, View);
        if (!v)
            return ALP_FAIL;
        *v = *t->view;
        for (uint32_t d = 0; d < v->array->ndim; d++) {
            TRY(protect_expr(b, &v->dim[d].start, l, at, from, ast));
            TRY(protect_expr(b, &v->dim[d].extent, l, at, from, ast));
        }
        t->view = v;
        return ALP_OK;
    }
    case TH_Object:
        break;
    }
    return ALP_OK;
}

Status build_values(Builder *b, Node *const *n, uint32_t count, Thing *out)
{
    Body *l = b->list;
    for (uint32_t k = 0; k < count; k++) {
        uint32_t at = l->n, from;
        TRY(build_value(b, n[k], &out[k]));
        for (uint32_t j = 0; j < k && at < l->n; j++) {
            from = at;
            TRY(protect(b, &out[j], l, &at, from, n[j]));
        }
    }
    return ALP_OK;
}

/* ---- conditional evaluation ---------------------------------------------------------------------------------------- */

Status cond_begin(Builder *b, Cond *c)
{
    c->saved = b->list;
    c->list = (Body){ 0 };
    c->before = b->env;
    b->env = env_copy(b, c->before);
    if (!b->env)
        return ALP_FAIL;
    b->list = &c->list;
    return ALP_OK;
}

void cond_end(Builder *b, Cond *c)
{
    b->list = c->saved;
}

/* Where control came to nothing: a check that fails, at the end of the list. */
static Status end_dead(Builder *b, const Node *ast)
{
    return emit_check(b, CK_Fail, expr_bool(NB(b), false, ast), ast);
}

/* An If with the statements of `then` and `els`, unless both are empty. */
static Status emit_if(Builder *b, NExpr *test, const Body *then, const Body *els, const Node *ast)
{
    NStmt *s = test ? nstmt_new(b, NS_If, ast) : NULL;
    if (!s || block_of(b, then, &s->body) != ALP_OK || (els && block_of(b, els, &s->orelse) != ALP_OK))
        return ALP_FAIL;
    s->expr = test;
    return emit(b, s);
}

bool expr_is_const_bool(const NExpr *e, bool *value)
{
    if (e->op != NOP_Const || e->rep != DT_Bool)
        return false;
    *value = e->u.i != 0;
    return true;
}

static NExpr *negated(Builder *b, NExpr *e, const Node *ast)
{
    return e ? expr_unary(NB(b), UN_Not, e, ast) : NULL;
}

/* `x and y`, `x or y` of tests; y is evaluated by `next` if x does not decide. */
static NExpr *join_tests(Builder *b, bool is_or, NExpr *x, NExpr *(*next)(Builder *b, const void *arg), const void *arg,
                         const Node *ast)
{
    Cond c;
    bool known;
    if (!x)
        return NULL;
    if (expr_is_const_bool(x, &known))
        return known == is_or ? x : next(b, arg);
    if (cond_begin(b, &c) != ALP_OK)
        return NULL;
    NExpr *y = next(b, arg);
    if (!y && b->dead) {
        b->dead = false;
        b->list = &c.list;
        b->env = NULL;
        if (end_dead(b, ast) != ALP_OK)
            return NULL;
    } else if (!y) {
        return NULL;
    }
    cond_end(b, &c);
    if (c.list.n == 0) {
        b->env = env_join(b, c.before, b->env);
        NExpr *e = is_or ? expr_or(NB(b), x, y, ast) : expr_and(NB(b), x, y, ast);
        if (e && e != x && e != y)
            e->tags = x->tags | y->tags;        /* the value of a chain of comparisons is one of them */
        return e;
    }
    NVar *t = nvar_new(b, SYM_NONE, DT_Bool);
    if (!t || emit_assign(b, t, x, ast) != ALP_OK)
        return NULL;
    if (y) {
        b->list = &c.list;
        Status s = emit_assign(b, t, y, ast);
        b->list = c.saved;
        if (s != ALP_OK)
            return NULL;
    }
    NExpr *test = expr_var(NB(b), t, TAGS(T_Bool), NULL, ast);
    if (emit_if(b, is_or ? negated(b, test, ast) : test, &c.list, NULL, ast) != ALP_OK)
        return NULL;
    b->env = env_join(b, c.before, b->env);
    return expr_var(NB(b), t, TAGS(T_Bool), NULL, ast);
}

static NExpr *next_test(Builder *b, const void *arg)
{
    return build_test(b, arg);
}

/* The merged value of two paths, each with its statements so far. */
static Status merge(Builder *b, NExpr *test, Cond *p, Thing *x, Env *x_env, Cond *q, Thing *y, const Node *ast, Thing *out)
{
    Env *y_env = b->env;
    bool known_dead = !x_env || !y_env;
    *out = *(x_env ? x : y);
    if (p->list.n == 0 && q->list.n == 0 && !known_dead) {
        b->env = env_join(b, x_env, y_env);
        if (x->kind == TH_Scalar && y->kind == TH_Scalar) {
            *out = thing_scalar(expr_select(NB(b), test, x->expr, y->expr, ast));
            return out->expr ? ALP_OK : ALP_FAIL;
        }
    } else if (x->kind == TH_Scalar && y->kind == TH_Scalar && !known_dead) {
        DType rep = tags_rep(x->expr->tags | y->expr->tags);
        if (rep == DT_COUNT)
            return build_refuse(NB(b), RS_TypeChanges, ast, "%s", node_text(b, ast));
        NVar *t = temp_new(b, x->expr->tags | y->expr->tags, rep);
        TRY(temp_put(b, &p->list, p->list.n, t, x->expr, ast));
        TRY(temp_put(b, &q->list, q->list.n, t, y->expr, ast));
        TRY(emit_if(b, test, &p->list, &q->list, ast));
        b->env = env_join(b, x_env, y_env);
        const NForm *form = IS_INT_REP(rep) ? form_sym(NB(b), sym_unknown(NB(b), NB(b)->loop)) : NULL;
        *out = thing_scalar(expr_var(NB(b), t, x->expr->tags | y->expr->tags, form, ast));
        return out->expr ? ALP_OK : ALP_FAIL;
    } else {
        TRY(emit_if(b, test, &p->list, &q->list, ast));
        b->env = env_join(b, x_env, y_env);
        if (known_dead)
            return ALP_OK;
    }
    if (x->kind == y->kind && ((x->kind == TH_View && x->view == y->view) ||
                               (x->kind == TH_Object && x->object.tag == y->object.tag && x->object.u.u == y->object.u.u)))
        return ALP_OK;
    Reason r = x->kind == TH_View || y->kind == TH_View ? RS_ArrayChanges : RS_TypeChanges;
    return build_refuse(NB(b), r, ast, "%s", node_text(b, ast));
}

/* One path of a conditional value; a dead one ends in a check. */
static Status eval_path(Builder *b, Cond *c, const Node *n, Thing *out)
{
    TRY(cond_begin(b, c));
    Status s = build_value(b, n, out);
    if (s != ALP_OK && b->dead) {
        b->dead = false;
        b->list = &c->list;
        s = end_dead(b, n);
        b->env = NULL;
    }
    cond_end(b, c);
    return s;
}

static Status eval_if_exp(Builder *b, const AstIfExp *n, Thing *out)
{
    Cond p, q;
    Thing x, y;
    bool known;
    NExpr *test = build_test(b, n->test);
    if (!test)
        return ALP_FAIL;
    if (expr_is_const_bool(test, &known))
        return build_value(b, known ? n->body : n->orelse, out);
    TRY(eval_path(b, &p, n->body, &x));
    Env *x_env = b->env;
    b->env = p.before;
    TRY(eval_path(b, &q, n->orelse, &y));
    if (!x_env && !b->env) {
        b->dead = true;
        return ALP_FAIL;
    }
    return merge(b, test, &p, &x, x_env, &q, &y, &n->head, out);
}

/* `x and y` for its value: y if x is true, else x. */
static Status eval_bool_op(Builder *b, const AstBoolOp *n, Thing *out)
{
    Thing x;
    TRY(build_value(b, n->values.item[0], &x));
    for (uint32_t k = 1; k < n->values.count; k++) {
        Cond p = { 0 }, q;
        Thing y;
        bool known;
        NExpr *e = number_of(b, &x, n->values.item[k - 1]);
        if (e && e->op != NOP_Const && e->op != NOP_Var)
            e = temp_of(b, e, n->values.item[k - 1]);
        NExpr *test = e ? expr_truth(NB(b), e, n->values.item[k - 1]) : NULL;
        if (!test)
            return ALP_FAIL;
        x.expr = e;
        if (expr_is_const_bool(test, &known)) {
            if (known == n->is_or)
                break;
            TRY(build_value(b, n->values.item[k], &x));
            continue;
        }
        Env *before = b->env;
        TRY(eval_path(b, &q, n->values.item[k], &y));
        p.before = before;
        if (n->is_or)
            TRY(merge(b, test, &p, &x, before, &q, &y, &n->head, out));
        else
            TRY(merge(b, negated(b, test, &n->head), &p, &x, before, &q, &y, &n->head, out));
        x = *out;
    }
    *out = x;
    return ALP_OK;
}

/* ---- comparisons --------------------------------------------------------------------------------------------------- */

/* Objects that the signature holds on to: these very ones, and true as tests. */
static bool is_fixed_object(uint64_t tag)
{
    return tag == T_Func || tag == T_Native || tag == T_Module || tag == T_Type;
}

/* The answer of `is` between things of which one is None or an object, if it is known. */
static bool known_identity(const Thing *x, const Thing *y, bool *same)
{
    bool x_none = x->kind == TH_Object && x->object.tag == T_None, y_none = y->kind == TH_Object && y->object.tag == T_None;
    *same = x_none && y_none;
    if (x_none || y_none)
        return true;
    if (x->kind == TH_Object && y->kind == TH_Object && x->object.tag == y->object.tag && is_fixed_object(x->object.tag)) {
        *same = x->object.u.u == y->object.u.u;
        return true;
    }
    return false;
}

/* x in (1, 2, 3): numbers that are written out, so that identity is equality. */
static NExpr *contained(Builder *b, NExpr *x, const Thing *in, bool negate, const Node *ast)
{
    const Thing of = thing_scalar(x);
    NExpr *any = expr_bool(NB(b), false, ast);
    if (in->n == 0 && thing_drop(b, &of, NULL, ast) != ALP_OK)
        return NULL;
    for (uint32_t k = 0; k < in->n && any; k++) {
        const NExpr *item = in->item[k].kind == TH_Scalar ? in->item[k].expr : NULL;
        if (!item || item->op != NOP_Const) {
            build_refuse(NB(b), RS_Container, ast, "%s", node_text(b, ast));
            return NULL;
        }
        NExpr *eq = expr_compare(NB(b), CM_Eq, x, in->item[k].expr, ast);
        any = eq ? expr_or(NB(b), any, expr_truth(NB(b), eq, ast), ast) : NULL;
    }
    return negate ? negated(b, any, ast) : any;
}

static NExpr *compare(Builder *b, CmpOp op, const Thing *x, const Thing *y, const Node *left, const Node *ast)
{
    bool same, is_identity = op == CM_Is || op == CM_IsNot;
    if ((is_identity || ((op == CM_Eq || op == CM_Ne) && (x->kind == TH_Object || y->kind == TH_Object))) && known_identity(x, y, &same)) {
        if (thing_drop(b, x, NULL, left) != ALP_OK || thing_drop(b, y, NULL, ast) != ALP_OK)
            return NULL;
        return expr_bool(NB(b), same == (op == CM_Is || op == CM_Eq), ast);
    }
    if (is_identity) {
        build_refuse(NB(b), RS_Expression, ast, "%s", node_text(b, ast));
        return NULL;
    }
    NExpr *a = number_of(b, x, left);
    if (!a)
        return NULL;
    if (op == CM_In || op == CM_NotIn) {
        if (y->kind == TH_Tuple)
            return contained(b, a, y, op == CM_NotIn, ast);
        build_refuse(NB(b), RS_Container, ast, "%s", node_text(b, ast));
        return NULL;
    }
    NExpr *c = number_of(b, y, ast);
    return c ? expr_compare(NB(b), op, a, c, ast) : NULL;
}

/* The rest of a comparison chain from operand k on; *prev is the value of the operand before. */
typedef struct Chain { const AstCompare *n; uint32_t k; const Thing *prev; } Chain;

static NExpr *chain_rest(Builder *b, const void *arg)
{
    Chain ch = *(const Chain *)arg;
    const AstCompare *n = ch.n;
    Thing y;
    Thing prev = *ch.prev;
    const Node *left = ch.k ? n->rest.item[ch.k - 1] : n->first;
    uint32_t at = b->list->n;
    if (build_value(b, n->rest.item[ch.k], &y) != ALP_OK || protect(b, &prev, b->list, &at, at, left) != ALP_OK)
        return NULL;
    bool last = ch.k + 1 == n->rest.count;
    if (!last && y.kind == TH_Scalar && y.expr->op >= NOP_Load && !(y.expr = temp_of(b, y.expr, n->rest.item[ch.k])))
        return NULL;            /* evaluated once */
    NExpr *c = compare(b, n->ops.item[ch.k], &prev, &y, left, &n->head);
    if (!c || last)
        return c;
    Chain next = { n, ch.k + 1, &y };
    return join_tests(b, false, c, chain_rest, &next, &n->head);
}

static NExpr *eval_compare(Builder *b, const AstCompare *n)
{
    Thing x;
    if (build_value(b, n->first, &x) != ALP_OK)
        return NULL;
    Chain first = { n, 0, &x };
    return chain_rest(b, &first);
}

/* ---- tests --------------------------------------------------------------------------------------------------------- */

NExpr *build_test(Builder *b, const Node *n)
{
    Thing t;
    switch ((NodeKind)n->kind) {
    case ND_BoolOp: {
        const AstBoolOp *e = (const AstBoolOp *)n;
        NExpr *x = build_test(b, e->values.item[0]);
        for (uint32_t k = 1; k < e->values.count && x; k++)
            x = join_tests(b, e->is_or, x, next_test, e->values.item[k], n);
        return x;
    }
    case ND_Unary:
        if (((const AstUnary *)n)->op == UN_Not)
            return negated(b, build_test(b, ((const AstUnary *)n)->operand), n);
        break;
    default:
        break;
    }
    if (build_value(b, n, &t) != ALP_OK)
        return NULL;
    if (t.kind == TH_Object && t.object.tag == T_None)
        return expr_bool(NB(b), false, n);
    if (t.kind == TH_Object && is_fixed_object(t.object.tag))
        return expr_bool(NB(b), true, n);
    NExpr *e = number_of(b, &t, n);
    return e ? expr_truth(NB(b), e, n) : NULL;
}

/* ---- values -------------------------------------------------------------------------------------------------------- */

NExpr *number_of(Builder *b, const Thing *t, const Node *ast)
{
    switch ((ThingKind)t->kind) {
    case TH_Scalar:
        return t->expr;
    case TH_View:
        build_refuse(NB(b), RS_WholeArray, ast, "%s", node_text(b, ast));
        return NULL;
    case TH_Tuple:
        build_refuse(NB(b), RS_Container, ast, "%s", node_text(b, ast));
        return NULL;
    case TH_Object:
        break;
    }
    Tag tag = (Tag)t->object.tag;
    bool is_container = (tag >= T_Str && tag <= T_Slice) || tag == T_Foreign || tag == T_Iter;
    build_refuse(NB(b), is_container ? RS_Container : RS_NotNumber, ast, "%s is of type %s", node_text(b, ast), value_type_name(t->object));
    return NULL;
}

NExpr *build_number(Builder *b, const Node *n)
{
    Thing t;
    return build_value(b, n, &t) == ALP_OK ? number_of(b, &t, n) : NULL;
}

static Status eval_binary(Builder *b, const AstBinary *n, Thing *out)
{
    Thing t[2];
    TRY(build_values(b, (Node *const[]){ n->left, n->right }, 2, t));
    NExpr *x = number_of(b, &t[0], n->left), *y = x ? number_of(b, &t[1], n->right) : NULL;
    *out = thing_scalar(y ? expr_binary(NB(b), n->op, x, y, &n->head) : NULL);
    return out->expr ? ALP_OK : ALP_FAIL;
}

static Status eval_unary(Builder *b, const AstUnary *n, Thing *out)
{
    NExpr *x = n->op == UN_Not ? build_test(b, n->operand) : build_number(b, n->operand);
    *out = thing_scalar(x ? expr_unary(NB(b), n->op, x, &n->head) : NULL);
    return out->expr ? ALP_OK : ALP_FAIL;
}

static Status eval_tuple(Builder *b, const AstTuple *n, Thing *out)
{
    Thing *item = scratch_alloc(b, (n->items.count + 1) * sizeof *item);
    if (!item)
        return ALP_FAIL;
    *out = (Thing){ .kind = TH_Tuple, .n = n->items.count, .item = item };
    return build_values(b, n->items.item, n->items.count, item);
}

static Status eval_walrus(Builder *b, const AstWalrus *n, Thing *out)
{
    BVar *bv = var_of_name(b, AST_AS(Name, n->target));
    if (b->no_inline)
        return build_refuse(NB(b), RS_Expression, &n->head, NULL);
    TRY(build_value(b, n->value, out));
    TRY(var_bind(b, bv, out, &n->head));
    return var_read(b, bv, &n->head, out);
}

/* An element, or a view; constant subscripts of tuples. */
static Status eval_index(Builder *b, const AstIndex *n, Thing *out)
{
    Thing base;
    uint32_t before = b->list->n;
    TRY(build_value(b, n->value, &base));
    if (base.kind == TH_View)
        return view_index(b, base.view, n, out);
    if (base.kind == TH_Tuple && n->subs.count == 1 && !n->is_tuple) {
        NExpr *i = build_number(b, n->subs.item[0]);
        if (!i)
            return ALP_FAIL;
        if (i->op == NOP_Const && i->rep == DT_I64 && before == b->list->n) {
            int64_t k = i->u.i < 0 ? i->u.i + base.n : i->u.i;
            if (k >= 0 && k < base.n) {
                *out = base.item[k];
                for (uint32_t other = 0; other < base.n; other++)
                    if (other != k)
                        TRY(thing_drop(b, &base.item[other], NULL, &n->head));
                return ALP_OK;
            }
        }
    }
    return build_refuse(NB(b), RS_Container, &n->head, "%s", node_text(b, &n->head));
}

Status build_if_pure(Builder *b, const Node *n, Thing *out, bool *ok)
{
    bool no_inline = b->no_inline, was_dead = b->was_dead;
    uint32_t at = b->list->n;
    b->no_inline = true;
    Status s = build_value(b, n, out);
    b->no_inline = no_inline;
    *ok = s == ALP_OK;
    if (s == ALP_OK || NB(b)->no_memory || (!NB(b)->refused && !b->dead))
        return s;
    NB(b)->refused = b->dead = false;
    b->was_dead = was_dead;
    *NB(b)->why = (ReasonAt){ .code = RS_None };
    b->list->n = at;
    return ALP_OK;
}

Status build_value(Builder *b, const Node *n, Thing *out)
{
    NExpr *e = NULL;
    if (UNLIKELY((char *)__builtin_frame_address(0) < NB(b)->vm->stack_limit))
        return build_nomem(NB(b));
    switch ((NodeKind)n->kind) {
    case ND_None:
        *out = thing_object(V_NONE, NULL);
        return ALP_OK;
    case ND_True:       e = expr_bool(NB(b), true, n); break;
    case ND_False:      e = expr_bool(NB(b), false, n); break;
    case ND_Int:
        if (((const AstInt *)n)->too_big)
            return build_refuse(NB(b), RS_Expression, n, "%s", node_text(b, n));
        e = expr_int(NB(b), ((const AstInt *)n)->value, n);
        break;
    case ND_Float:      e = expr_float(NB(b), ((const AstFloat *)n)->value, n); break;
    case ND_Imag:       e = expr_complex(NB(b), 0, ((const AstImag *)n)->value, n); break;
    case ND_Name:       return var_read(b, var_of_name(b, (const AstName *)n), n, out);
    case ND_Attr:       return build_attr(b, (const AstAttr *)n, out);
    case ND_Index:      return eval_index(b, (const AstIndex *)n, out);
    case ND_Call:       return build_call(b, (const AstCall *)n, true, out);
    case ND_Unary:      return eval_unary(b, (const AstUnary *)n, out);
    case ND_Binary:     return eval_binary(b, (const AstBinary *)n, out);
    case ND_Compare:    e = eval_compare(b, (const AstCompare *)n); break;
    case ND_BoolOp:     return eval_bool_op(b, (const AstBoolOp *)n, out);
    case ND_IfExp:      return eval_if_exp(b, (const AstIfExp *)n, out);
    case ND_Tuple:      return eval_tuple(b, (const AstTuple *)n, out);
    case ND_Walrus:     return eval_walrus(b, (const AstWalrus *)n, out);
    case ND_Str: case ND_FString: case ND_List:
        return build_refuse(NB(b), RS_Container, n, "%s", node_text(b, n));
    default:
        return build_refuse(NB(b), RS_Expression, n, "%s", node_text(b, n));
    }
    *out = thing_scalar(e);
    return e ? ALP_OK : ALP_FAIL;
}
