/* jit/nest/build_induction.c — variables that count a loop's iterations (`k += c` once in each) get the value k0 + c * t, so
 * that nothing is carried from one iteration to the next.
 *
 * The increment becomes `k = k0 + c * (t + 1)`.  What the body reads before it is `k = k0 + c * t`, assigned at its top if
 * something reads it. */
#include "jit/nest/build_int.h"
#include "jit/nest/form.h"

typedef struct Induction {
    struct Induction *next;
    BVar   *bv;
    const Node *stmt;
    BinOp   op;                 /* BI_Add or BI_Sub */
    NExpr  *start, *by;         /* before the loop; per iteration */
    Val    *header;
} Induction;

/* The variable and amount of `k += c`, `k -= c`, `k = k + c`, `k = c + k`, `k = k - c`; false: nothing like it. */
static bool match_increment(const Node *n, const AstName **name, const Node **by, BinOp *op)
{
    if (n->kind == ND_AugAssign) {
        const AstAugAssign *s = (const AstAugAssign *)n;
        if (s->target->kind != ND_Name || (s->op != BI_Add && s->op != BI_Sub))
            return false;
        *name = (const AstName *)s->target;
        *by = s->value;
        *op = s->op;
        return true;
    }
    if (n->kind != ND_Assign || AST_AS(Assign, n)->targets.count != 1 || AST_AS(Assign, n)->targets.item[0]->kind != ND_Name ||
        AST_AS(Assign, n)->value->kind != ND_Binary)
        return false;
    const AstBinary *e = (const AstBinary *)AST_AS(Assign, n)->value;
    *name = (const AstName *)AST_AS(Assign, n)->targets.item[0];
    *op = e->op;
    if (e->op != BI_Add && e->op != BI_Sub)
        return false;
    const Node *var = e->left;
    *by = e->right;
    if (e->op == BI_Add && !(var->kind == ND_Name && ((const AstName *)var)->name == (*name)->name)) {
        var = e->right;
        *by = e->left;
    }
    return var->kind == ND_Name && ((const AstName *)var)->name == (*name)->name;
}

/* Numbers and variables that the loop does not assign. */
static bool is_invariant(Builder *b, const Node *n, const Assigned *assigned)
{
    uint32_t count;
    switch ((NodeKind)n->kind) {
    case ND_Int:
        return true;
    case ND_Name: {
        BVar *bv = var_of_name(b, (const AstName *)n);
        return bv && !is_assigned_in(assigned, bv, &count);
    }
    case ND_Unary:
        return AST_AS(Unary, n)->op != UN_Not && is_invariant(b, AST_AS(Unary, n)->operand, assigned);
    case ND_Binary: {
        const AstBinary *e = (const AstBinary *)n;
        return (e->op == BI_Add || e->op == BI_Sub || e->op == BI_Mul) && is_invariant(b, e->left, assigned) &&
               is_invariant(b, e->right, assigned);
    }
    default:
        return false;
    }
}

/* Does a continue of this loop stand somewhere in the statement? */
static void find_continue(Node *n, void *user)
{
    if (n->kind == ND_For || n->kind == ND_While || n->kind == ND_FuncDef)
        return;
    *(bool *)user |= n->kind == ND_Continue;
    if (ND_IS_STMT(n->kind))
        ast_each_child(n, find_continue, user);
}

static bool is_python_int(const Thing *t)
{
    return t->kind == TH_Scalar && t->expr->tags == TAGS(T_Int) && t->expr->rep == DT_I64 && t->expr->form;
}

/* k0 ± c * t */
static NExpr *closed_form(Builder *b, const Induction *v, NExpr *t, const Node *ast)
{
    if (!(v->by->op == NOP_Const && v->by->u.i == 1))
        t = t ? expr_binary(NB(b), BI_Mul, v->by, t, ast) : NULL;
    if (v->op == BI_Add && v->start->op == NOP_Const && v->start->u.i == 0)
        return t;
    return t ? expr_binary(NB(b), v->op, v->start, t, ast) : NULL;
}

static const NForm *form_at(Builder *b, const Induction *v, const NForm *t)
{
    const NForm *step = form_mul(NB(b), v->by->form, t);
    return v->op == BI_Add ? form_add(NB(b), v->start->form, step) : form_sub(NB(b), v->start->form, step);
}

static NExpr *saved(Builder *b, NExpr *e, const Node *ast)
{
    return e->op == NOP_Const ? e : temp_of(b, e, ast);
}

static Status add_induction(Builder *b, LoopCtx *ctx, const Node *n, const AstName *name, const Node *by, BinOp op)
{
    Thing start, step;
    bool ok;
    BVar *bv = var_of_name(b, name);
    const Assume *a = bv ? assume_find(b, key_mix(ctx->key, bv->key)) : NULL;
    if (!bv)
        return ALP_FAIL;
    if (a && (a->flags & (AS_Plain | AS_Mixed) || a->tags & ~TAGS(T_Int)))
        return ALP_OK;
    b->env = ctx->pre;          /* what both are before the loop */
    TRY(build_if_pure(b, (const Node *)&name->head, &start, &ok));
    if (ok && is_python_int(&start))
        TRY(build_if_pure(b, by, &step, &ok));
    if (!ok || !is_python_int(&start) || !is_python_int(&step)) {
        b->env = ctx->header;
        return ALP_OK;
    }
    Induction *v = SCRATCH_NEW(b, Induction);
    if (!v)
        return ALP_FAIL;
    *v = (Induction){ .next = ctx->inductions, .bv = bv, .stmt = n, .op = op };
    v->start = saved(b, start.expr, n);
    v->by = v->start ? saved(b, step.expr, n) : NULL;
    Val *before = env_get(b, bv);
    v->header = val_new(b, VK_Scalar);
    b->env = ctx->header;
    if (!v->by || !before || !v->header)
        return ALP_FAIL;
    *v->header = (Val){ .kind = VK_Scalar, .from_entry = before->from_entry, .tags = TAGS(T_Int), .is_induction = true,
                        .varies = ctx->loop, .form = form_at(b, v, form_counter(NB(b), ctx->loop)), .from = { before, NULL } };
    if (!v->header->form)
        return NB(b)->no_memory ? ALP_FAIL : ALP_OK;
    ctx->inductions = v;
    return env_set(b, bv, v->header);
}

Status induction_find(Builder *b, LoopCtx *ctx, const AstFor *n, const Assigned *assigned)
{
    bool has_continue = false;
    for (uint32_t k = 0; k < n->body.count; k++)
        find_continue(n->body.item[k], &has_continue);
    for (uint32_t k = 0; k < n->body.count && !has_continue; k++) {
        const AstName *name;
        const Node *by;
        BinOp op;
        uint32_t count;
        if (match_increment(n->body.item[k], &name, &by, &op) && is_assigned_in(assigned, var_of_name(b, name), &count) && count == 1 &&
            is_invariant(b, by, assigned))
            TRY(add_induction(b, ctx, n->body.item[k], name, by, op));
    }
    return ALP_OK;
}

Status induction_step(Builder *b, const Node *n, bool *done)
{
    Induction *v = b->ctx ? b->ctx->inductions : NULL;
    while (v && v->stmt != n)
        v = v->next;
    *done = v != NULL;
    if (!v)
        return ALP_OK;
    NExpr *one = expr_int(NB(b), 1, n), *t = expr_counter(NB(b), b->ctx->loop, n);
    NExpr *e = one && t ? closed_form(b, v, int_op(b, NOP_Add, t, one, n), n) : NULL;
    TRY(var_assign(b, v->bv, e, e ? form_at(b, v, form_add(NB(b), t->form, one->form)) : NULL, n));
    Val *now = env_get(b, v->bv);
    now->is_induction = true;
    return ALP_OK;
}

static uint32_t count_assignments(const NVar *var, NStmt *const *s, uint32_t n)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < n; i++) {
        count += s[i]->kind == NS_Assign && s[i]->var == var;
        count += count_assignments(var, s[i]->body.stmt, s[i]->body.n) + count_assignments(var, s[i]->orelse.stmt, s[i]->orelse.n);
        if (s[i]->loop)
            count += count_assignments(var, s[i]->loop->body.stmt, s[i]->loop->body.n);
    }
    return count;
}

Status induction_end(Builder *b, LoopCtx *ctx, Body *body)
{
    for (Induction *v = ctx->inductions; v; v = v->next) {
        if (v->bv->var && count_assignments(v->bv->var, body->item, body->n) > 1) {
            TRY(assume_note(b, key_mix(ctx->key, v->bv->key), 0, AS_Plain));
            continue;
        }
        if (!v->header->used)
            continue;
        Env *env = b->env;
        Body top = { 0 }, *list = b->list;
        b->env = env_copy(b, ctx->header);
        b->list = &top;
        NExpr *t = expr_counter(NB(b), ctx->loop, v->stmt);
        Status s = b->env ? var_assign(b, v->bv, t ? closed_form(b, v, t, v->stmt) : NULL, v->header->form, v->stmt) : ALP_FAIL;
        b->env = env;
        b->list = list;
        TRY(s);
        for (uint32_t i = 0; i < top.n; i++)
            TRY(list_put(b, body, i, top.item[i]));
    }
    return ALP_OK;
}

/* After all iterations it is k0 ± c * trip. */
Val *induction_exit(Builder *b, LoopCtx *ctx, const BVar *bv)
{
    const Induction *v = ctx->inductions;
    while (v && v->bv != bv)
        v = v->next;
    const NForm *form = v && !ctx->loop->has_exit && ctx->loop->trip->form ? form_at(b, v, ctx->loop->trip->form) : NULL;
    Val *out = form ? val_new(b, VK_Scalar) : NULL;
    if (out)
        *out = (Val){ .kind = VK_Scalar, .from_entry = v->header->from_entry, .tags = TAGS(T_Int), .form = form,
                      .from = { v->header, NULL } };
    return out;
}
