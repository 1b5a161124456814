/* jit/nest/build_stmt.c — statements of the text, but for loops.
 *
 * Jumps.  `continue` at the end of an iteration, and `return` at the end of an inlined function, need no jump.  Where such a
 * jump ends one branch of an if, what follows the if goes into the other branch, so that most of them are at the end: `if c:
 * continue` with a rest becomes `if c: nothing else: rest`. Only what is left, in the middle of something, becomes NS_Next or
 * NS_Leave. */
#include "jit/nest/build_int.h"

/* ---- assignment ---------------------------------------------------------------------------------------------------- */

/* The items of v, which is unpacked to count targets. */
static Status unpack(Builder *b, const Thing *t, uint32_t count, Thing *item, const Node *ast)
{
    if (t->kind == TH_Tuple && t->n == count) {
        memcpy(item, t->item, count * sizeof *item);
        return ALP_OK;
    }
    if (t->kind != TH_View)
        return build_refuse(NB(b), RS_Container, ast, "%s", node_text(b, ast));
    NExpr *n = view_extent(b, t->view, 0, ast), *want = expr_int(NB(b), count, ast);
    NExpr *same = n && want ? expr_compare(NB(b), CM_Eq, n, want, ast) : NULL;
    TRY(emit_check(b, CK_Generic, same, ast));
    for (uint32_t k = 0; k < count; k++) {
        NExpr *i = expr_int(NB(b), k, ast);
        if (!i)
            return ALP_FAIL;
        TRY(view_item(b, t->view, i, ast, &item[k]));
    }
    return ALP_OK;
}

/* Left to right; items that an assignment would change are saved before it. */
static Status assign_items(Builder *b, const NodeList *targets, const Thing *t, const Node *ast)
{
    uint32_t n = targets->count;
    Thing *item = scratch_alloc(b, (n + 1) * sizeof *item);
    if (!item)
        return ALP_FAIL;
    TRY(unpack(b, t, n, item, ast));
    for (uint32_t k = 0; k < n; k++) {
        uint32_t at = b->list->n;
        TRY(assign_target(b, targets->item[k], &item[k]));
        for (uint32_t j = k + 1; j < n; j++)
            TRY(protect(b, &item[j], b->list, &at, at, ast));
    }
    return ALP_OK;
}

Status assign_target(Builder *b, const Node *target, Thing *t)
{
    switch ((NodeKind)target->kind) {
    case ND_Name:
        return var_bind(b, var_of_name(b, (const AstName *)target), t, target);
    case ND_Index: {
        View *place;
        uint32_t at = b->list->n;
        TRY(view_place(b, (const AstIndex *)target, &place));
        TRY(protect(b, t, b->list, &at, at, target));
        if (t->kind == TH_View)
            return build_refuse(NB(b), RS_WholeArray, target, "%s", node_text(b, target));
        return view_store(b, place, number_of(b, t, target), target);
    }
    case ND_Tuple:
        return assign_items(b, &AST_AS(Tuple, target)->items, t, target);
    case ND_List:
        return assign_items(b, &AST_AS(List, target)->items, t, target);
    default:
        return build_refuse(NB(b), RS_Expression, target, "%s = …", node_text(b, target));
    }
}

static Status build_assign(Builder *b, const AstAssign *n)
{
    Thing t;
    TRY(build_value(b, n->value, &t));
    if (n->targets.count > 1)
        TRY(thing_keep(b, &t, NULL, &n->head));
    for (uint32_t k = 0; k < n->targets.count; k++)
        TRY(assign_target(b, n->targets.item[k], &t));
    return ALP_OK;
}

static Status aug_name(Builder *b, const AstAugAssign *n)
{
    BVar *bv = var_of_name(b, AST_AS(Name, n->target));
    Thing t[2];
    TRY(build_values(b, (Node *const[]){ n->target, n->value }, 2, t));
    NExpr *x = number_of(b, &t[0], &n->head), *y = x ? number_of(b, &t[1], n->value) : NULL;
    return var_assign(b, bv, y ? expr_binary(NB(b), n->op, x, y, &n->head) : NULL, NULL, &n->head);
}

static Status aug_index(Builder *b, const AstAugAssign *n)
{
    View *place;
    Thing old, x;
    TRY(view_place(b, (const AstIndex *)n->target, &place));
    TRY(view_load(b, place, n->target, &old));
    uint32_t at = b->list->n;
    TRY(build_value(b, n->value, &x));
    if (at < b->list->n) {      /* the element is read before the value's statements, and written behind them */
        place = view_save(b, place, b->list, &at, n->target);
        if (!place)
            return ALP_FAIL;
        TRY(view_load(b, place, n->target, &old));
        TRY(protect(b, &old, b->list, &at, at, n->target));
    }
    NExpr *y = number_of(b, &x, n->value);
    return view_store(b, place, y ? expr_binary(NB(b), n->op, old.expr, y, &n->head) : NULL, &n->head);
}

static Status build_aug_assign(Builder *b, const AstAugAssign *n)
{
    switch ((NodeKind)n->target->kind) {
    case ND_Name:   return aug_name(b, n);
    case ND_Index:  return aug_index(b, n);
    default:        return build_refuse(NB(b), RS_Expression, n->target, "%s", node_text(b, n->target));
    }
}

/* ---- if ------------------------------------------------------------------------------------------------------------ */

/* Statements that follow the list being read, innermost first. */
typedef struct Rest { const NodeList *list; uint32_t from; const struct Rest *next; } Rest;

/* Does every way through the list end in a jump to the end of what is being read? */
static bool ends_in_jump(const Builder *b, const NodeList *l)
{
    if (l->count == 0)
        return false;
    const Node *last = l->item[l->count - 1];
    switch ((NodeKind)last->kind) {
    case ND_Continue:   return true;
    case ND_Return:     return b->scope && !b->ctx;
    case ND_If:         return ends_in_jump(b, &AST_AS(If, last)->body) && ends_in_jump(b, &AST_AS(If, last)->orelse);
    default:            return false;
    }
}

static Status build_from(Builder *b, const NodeList *l, uint32_t from, const Rest *rest, bool tail);

static Status build_branch(Builder *b, const NodeList *l, const Rest *rest, bool tail, Body *out)
{
    Body *list = b->list;
    *out = (Body){ 0 };
    b->list = out;
    Status s = build_from(b, l, 0, rest, tail);
    b->list = list;
    return s;
}

/* rest: what follows, to be read as part of one branch; NULL: what follows is read behind the if. */
static Status build_if(Builder *b, const AstIf *n, const Rest *rest, bool in_body, bool tail)
{
    bool known;
    Body body, orelse;
    NExpr *test = build_test(b, n->test);
    if (!test)
        return ALP_FAIL;
    if (expr_is_const_bool(test, &known))
        return build_from(b, known ? &n->body : &n->orelse, 0, known == in_body ? rest : NULL, tail);
    Env *other = env_copy(b, b->env);
    NStmt *s = other ? nstmt_new(b, NS_If, &n->head) : NULL;
    if (!s)
        return ALP_FAIL;
    TRY(build_branch(b, &n->body, in_body ? rest : NULL, tail, &body));
    Env *then = b->env;
    b->env = other;
    TRY(build_branch(b, &n->orelse, in_body ? NULL : rest, tail, &orelse));
    b->env = env_join(b, then, b->env);
    s->expr = test;
    if (body.n == 0 && orelse.n > 0) {
        s->expr = expr_unary(NB(b), UN_Not, test, n->test);
        body = orelse;
        orelse.n = 0;
    }
    if (!s->expr)
        return ALP_FAIL;
    TRY(block_of(b, &body, &s->body));
    TRY(block_of(b, &orelse, &s->orelse));
    return body.n || expr_may_fail(test) ? emit(b, s) : ALP_OK;
}

/* ---- jumps --------------------------------------------------------------------------------------------------------- */

static Status emit_jump(Builder *b, NStmtKind kind, NStmt *target, const Node *ast)
{
    NStmt *s = nstmt_new(b, kind, ast);
    if (!s)
        return ALP_FAIL;
    s->target = target;
    return emit(b, s);
}

/* Loops from the innermost one out to, but without, `to` are left from inside. */
static void mark_exits(Builder *b, const NLoop *to)
{
    for (NLoop *l = (NLoop *)NB(b)->loop; l && l != to; l = l->up)
        l->has_exit = true;
}

static Status build_break(Builder *b, const Node *ast)
{
    LoopCtx *c = b->ctx;
    c->loop->has_exit = true;
    c->break_env = env_join(b, c->break_env, b->env);
    b->env = NULL;
    return emit_jump(b, NS_Leave, c->leave, ast);
}

static Status build_continue(Builder *b, const Node *ast, bool tail)
{
    LoopCtx *c = b->ctx;
    c->next_env = env_join(b, c->next_env, b->env);
    b->env = NULL;
    return tail ? ALP_OK : emit_jump(b, NS_Next, c->stmt, ast);
}

static Status leave_function(Builder *b, Thing *t, const Node *ast, bool tail)
{
    Scope *s = b->scope;
    if (!s->result) {
        s->value = *t;
        s->has_value = true;
        return ALP_OK;
    }
    TRY(var_bind(b, s->result, t, ast));
    env_leave(b, b->env, s->loop);
    s->exit_env = env_join(b, s->exit_env, b->env);
    b->env = NULL;
    if (tail && !b->ctx)
        return ALP_OK;
    s->is_left = true;
    mark_exits(b, s->loop);
    return emit_jump(b, NS_Leave, s->block, ast);
}

static Status build_return(Builder *b, const AstReturn *n, bool tail)
{
    Thing t = thing_object(V_NONE, NULL);
    if (n->value)
        TRY(build_value(b, n->value, &t));
    if (b->scope)
        return leave_function(b, &t, &n->head, tail);
    NExpr *e = NULL;
    if (t.kind != TH_Object || t.object.tag != T_None) {
        e = number_of(b, &t, &n->head);
        if (!e)
            return ALP_FAIL;
        if (e->tags & (e->tags - 1))
            return build_refuse(NB(b), RS_TypeChanges, &n->head, "%s", node_text(b, &n->head));
    }
    NStmt *s = nstmt_new(b, NS_Return, &n->head);
    if (!s)
        return ALP_FAIL;
    s->expr = e;
    mark_exits(b, NULL);
    b->return_env = env_join(b, b->return_env, b->env);
    b->env = NULL;
    return emit(b, s);
}

static Status build_raise(Builder *b, const Node *n)
{
    TRY(emit_check(b, CK_Fail, expr_bool(NB(b), false, n), n));
    b->env = NULL;
    return ALP_OK;
}

static Status build_assert(Builder *b, const AstAssert *n)
{
    bool known;
    NExpr *test = build_test(b, n->test);
    if (!test)
        return ALP_FAIL;
    if (expr_is_const_bool(test, &known) && !known)
        return build_raise(b, &n->head);
    return emit_check(b, CK_Fail, test, &n->head);
}

/* ---- statements ---------------------------------------------------------------------------------------------------- */

static Status build_expr_stmt(Builder *b, const AstExprStmt *n)
{
    Thing t;
    if (n->value->kind == ND_Str || n->value->kind == ND_Ellipsis)
        return ALP_OK;
    if (n->value->kind == ND_Call)
        TRY(build_call(b, (const AstCall *)n->value, false, &t));
    else
        TRY(build_value(b, n->value, &t));
    return thing_drop(b, &t, NULL, &n->head);
}

static Status build_stmt(Builder *b, const Node *n, bool tail)
{
    bool done = false;
    Thing t;
    switch ((NodeKind)n->kind) {
    case ND_ExprStmt:   return build_expr_stmt(b, (const AstExprStmt *)n);
    case ND_Assign: case ND_AugAssign:
        TRY(induction_step(b, n, &done));
        if (done)
            return ALP_OK;
        return n->kind == ND_Assign ? build_assign(b, (const AstAssign *)n) : build_aug_assign(b, (const AstAugAssign *)n);
    case ND_AnnAssign:
        if (!AST_AS(AnnAssign, n)->value)
            return ALP_OK;
        TRY(build_value(b, AST_AS(AnnAssign, n)->value, &t));
        return assign_target(b, AST_AS(AnnAssign, n)->target, &t);
    case ND_If:         return build_if(b, (const AstIf *)n, NULL, false, tail);
    case ND_While:      return build_while(b, (const AstWhile *)n);
    case ND_For:        return build_for(b, (const AstFor *)n);
    case ND_Return:     return build_return(b, (const AstReturn *)n, tail);
    case ND_Break:      return build_break(b, n);
    case ND_Continue:   return build_continue(b, n, tail);
    case ND_Pass: case ND_Global:
        return ALP_OK;
    case ND_Assert:     return build_assert(b, (const AstAssert *)n);
    case ND_Raise:      return build_raise(b, n);
    default:
        return build_refuse(NB(b), RS_Statement, n, "%s", ast_kind_text((NodeKind)n->kind));
    }
}

/* A statement that is found never to get past some point ends in a check that fails. */
static Status build_or_end(Builder *b, const Node *n, const Rest *rest, bool in_body, bool tail)
{
    Body *list = b->list;
    Scope *scope = b->scope;
    LoopCtx *ctx = b->ctx, *loops = b->loops;
    const NLoop *loop = NB(b)->loop;
    const Src *src = NB(b)->src;
    uint32_t for_depth = b->for_depth;
    Status s = rest ? build_if(b, (const AstIf *)n, rest, in_body, tail) : build_stmt(b, n, tail);
    if (s == ALP_OK || !b->dead || NB(b)->refused || NB(b)->no_memory)
        return s;
    b->dead = false;
    b->list = list;
    b->scope = scope;
    b->ctx = ctx;
    b->loops = loops;
    NB(b)->loop = loop;
    NB(b)->src = src;
    b->for_depth = for_depth;
    b->env = NULL;
    return emit_check(b, CK_Fail, expr_bool(NB(b), false, n), n);
}

/* The list from statement `from` on, then the rest. */
static Status build_from(Builder *b, const NodeList *l, uint32_t from, const Rest *rest, bool tail)
{
    for (uint32_t k = from; b->env; k++) {
        while (k >= l->count) {
            if (!rest)
                return ALP_OK;
            l = rest->list;
            k = rest->from;
            rest = rest->next;
        }
        const Node *n = l->item[k];
        Rest here = { l, k + 1, rest };
        const Rest *more = &here;
        while (more && more->from >= more->list->count)
            more = more->next;
        if (n->kind == ND_If && tail && more) {
            const AstIf *s = (const AstIf *)n;
            bool body_jumps = ends_in_jump(b, &s->body);
            if (body_jumps != ends_in_jump(b, &s->orelse))
                return build_or_end(b, n, more, !body_jumps, tail);
        }
        TRY(build_or_end(b, n, NULL, false, tail && !more));
    }
    return ALP_OK;
}

Status build_list(Builder *b, const NodeList *l, uint32_t from, bool tail)
{
    return build_from(b, l, from, NULL, tail);
}
