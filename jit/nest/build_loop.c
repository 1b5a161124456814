/* jit/nest/build_loop.c — for and while loops: what variables hold at the top of an iteration and after the loop. */
#include "jit/nest/build_int.h"

/* ---- what variables hold ------------------------------------------------------------------------------------------- */

typedef struct Scan { Builder *b; Assigned *list; } Scan;

static void note_target(Scan *s, const Node *target)
{
    const NodeList *items = NULL;
    if (target->kind == ND_Tuple)
        items = &AST_AS(Tuple, target)->items;
    else if (target->kind == ND_List)
        items = &AST_AS(List, target)->items;
    for (uint32_t k = 0; items && k < items->count; k++)
        note_target(s, items->item[k]);
    if (target->kind != ND_Name)
        return;
    BVar *bv = var_of_name(s->b, (const AstName *)target);
    if (!bv)
        return;
    for (Assigned *a = s->list; a; a = a->next)
        if (a->bv == bv) {
            a->count++;
            return;
        }
    Assigned *a = SCRATCH_NEW(s->b, Assigned);
    if (a) {
        *a = (Assigned){ .next = s->list, .bv = bv, .count = 1 };
        s->list = a;
    }
}

static void scan_assigned(Node *n, void *user)
{
    Scan *s = user;
    switch ((NodeKind)n->kind) {
    case ND_FuncDef:
        return;
    case ND_Assign:
        for (uint32_t k = 0; k < AST_AS(Assign, n)->targets.count; k++)
            note_target(s, AST_AS(Assign, n)->targets.item[k]);
        break;
    case ND_AugAssign:  note_target(s, AST_AS(AugAssign, n)->target); break;
    case ND_AnnAssign:
        if (AST_AS(AnnAssign, n)->value)
            note_target(s, AST_AS(AnnAssign, n)->target);
        break;
    case ND_Walrus:     note_target(s, AST_AS(Walrus, n)->target); break;
    case ND_For:        note_target(s, AST_AS(For, n)->target); break;
    default:            break;
    }
    ast_each_child(n, scan_assigned, s);
}

bool is_assigned_in(const Assigned *a, const BVar *bv, uint32_t *count)
{
    for (; a; a = a->next)
        if (a->bv == bv) {
            *count = a->count;
            return true;
        }
    return false;
}

static Status open_header(Builder *b, LoopCtx *ctx, const Assigned *assigned)
{
    ctx->pre = b->env;
    b->env = env_copy(b, ctx->pre);
    if (!b->env)
        return ALP_FAIL;
    for (const Assigned *a = assigned; a; a = a->next) {
        Val *v = env_get(b, a->bv);
        TRY(env_set(b, a->bv, v ? val_widen(b, v, ctx->loop, assume_find(b, key_mix(ctx->key, a->bv->key))) : NULL));
    }
    uint32_t count;
    for (uint32_t i = 0; i < b->n_bvars && b->n_assume; i++) {
        BVar *bv = b->bvars[i];
        const Assume *a = assume_find(b, key_mix(ctx->key, bv->key));
        if (!a || !(a->tags || (a->flags & (AS_Varies | AS_Mixed))) || is_assigned_in(assigned, bv, &count))
            continue;
        Val *v = env_get(b, bv);
        TRY(env_set(b, bv, v ? val_widen(b, v, ctx->loop, a) : NULL));
    }
    ctx->header = b->env;
    return ALP_OK;
}

/* An iteration ends with e where it began with h: is that what h says? */
static Status check_back_edge(Builder *b, const LoopCtx *ctx, BVar *bv, Val *e)
{
    uint64_t key = key_mix(ctx->key, bv->key);
    Val *h = env_at(ctx->header, bv);
    if (!e || h == e || (!h && !(h = var_initial(b, bv))))
        return NB(b)->no_memory ? ALP_FAIL : ALP_OK;
    if (h == e || !h->used || h->kind == VK_Mixed)
        return ALP_OK;
    if (h->is_induction)
        return e->kind == VK_Scalar && e->is_induction ? ALP_OK : assume_note(b, key, 0, AS_Plain);
    if (e->kind > VK_Scalar || h->kind > VK_Scalar)
        return assume_note(b, key, 0, AS_Mixed);
    if (e->tags & ~h->tags)
        TRY(assume_note(b, key, e->tags, 0));
    return h->lazy || (h->form && form_equal(h->form, e->form)) ? ALP_OK : assume_note(b, key, 0, AS_Varies);
}

/* The environment behind the loop, of the ways out in `normal` (the end of all iterations) and ctx->break_env.  always: there
 * is at least one iteration. */
static Env *close_loop(Builder *b, LoopCtx *ctx, Env *end, bool normal, bool always)
{
    Env *exit = normal ? env_copy(b, ctx->pre) : NULL, *env = b->env;
    Env *broken = env_copy(b, ctx->break_env);
    for (uint32_t i = 0; i < b->n_bvars && !NB(b)->no_memory; i++) {
        BVar *bv = b->bvars[i];
        Val *p = env_at(ctx->pre, bv), *h = env_at(ctx->header, bv), *e = env_at(end, bv), *out = p;
        bool is_given = end && e && e != h;         /* iterations give it a value */
        if (is_given && always && normal)
            out = val_outside(b, e, ctx->loop);
        else if (is_given)
            out = val_join(b, bv, p, val_outside(b, e, ctx->loop));
        Val *counted = induction_exit(b, ctx, bv);
        if (exit && (out != p || counted)) {
            b->env = exit;
            if (env_set(b, bv, counted ? counted : out) != ALP_OK)
                break;
        }
        Val *v = env_at(broken, bv);
        v = v ? v : h;
        if (!broken || !v)
            continue;
        if (v != h)
            v = val_outside(b, v, ctx->loop);
        else if (is_given)
            v = val_join(b, bv, p, val_outside(b, e, ctx->loop));
        else
            v = p ? p : var_initial(b, bv);
        b->env = broken;
        if (env_set(b, bv, v) != ALP_OK)
            break;
    }
    ctx->break_env = broken;
    b->env = env;
    return exit;
}

/* ---- loops --------------------------------------------------------------------------------------------------------- */

static uint64_t loop_key(const Builder *b, const Node *ast)
{
    return key_mix(b->scope ? b->scope->path : 7, (uint64_t)(uintptr_t)ast);
}

static Status open_loop(Builder *b, LoopCtx *ctx, const Node *ast, const NodeList *orelse)
{
    *ctx = (LoopCtx){ .up = b->ctx, .outer = b->loops, .loop = nloop_new(b, ast), .key = loop_key(b, ast) };
    ctx->stmt = ctx->loop ? nstmt_new(b, NS_Loop, ast) : NULL;
    if (!ctx->stmt)
        return ALP_FAIL;
    ctx->stmt->loop = ctx->loop;
    ctx->leave = ctx->stmt;
    /* The outermost loop's else part is the interpreter's. */
    if (orelse->count && ctx->loop->up) {
        ctx->leave = nstmt_new(b, NS_Block, ast);
        if (!ctx->leave)
            return ALP_FAIL;
    }
    return ALP_OK;
}

/* Everything behind the body: environments, and the else part. */
static Status end_loop(Builder *b, LoopCtx *ctx, Body *body, Body *list, const NodeList *orelse, bool normal, bool always)
{
    NLoop *loop = ctx->loop;
    TRY(induction_end(b, ctx, body));
    Env *end = env_join(b, b->env, ctx->next_env);
    for (uint32_t i = 0; end && i < b->n_bvars; i++)
        TRY(check_back_edge(b, ctx, b->bvars[i], env_at(end, b->bvars[i])));
    TRY(block_of(b, body, &loop->body));
    b->ctx = ctx->up;
    b->loops = ctx->outer;
    b->list = list;
    NB(b)->loop = loop->up;
    Env *exit = close_loop(b, ctx, end, normal, always);
    if (NB(b)->no_memory)
        return ALP_FAIL;
    if (!loop->up) {
        b->exit_env = loop->is_while ? env_join(b, exit, ctx->break_env) : env_join(b, end, ctx->break_env);
        return emit(b, ctx->stmt);
    }
    b->env = exit;
    if (ctx->leave == ctx->stmt) {
        b->env = env_join(b, b->env, ctx->break_env);
        return emit(b, ctx->stmt);
    }
    Body block = { 0 };
    b->list = &block;
    TRY(emit(b, ctx->stmt));
    if (b->env)
        TRY(build_list(b, orelse, 0, false));
    b->list = list;
    b->env = env_join(b, b->env, ctx->break_env);
    TRY(block_of(b, &block, &ctx->leave->body));
    return emit(b, ctx->leave);
}

Status build_for(Builder *b, const AstFor *n)
{
    Walk w;
    LoopCtx ctx;
    Scan scan = { .b = b };
    Source src = { .is_outermost = !NB(b)->loop && &n->head == NB(b)->nest->ast };
    const Assume *a = assume_find(b, loop_key(b, &n->head));
    bool keep = a && (a->flags & AS_Plain);
    if (b->for_depth >= NEST_MAX_DEPTH)
        return build_refuse(NB(b), RS_TooDeep, &n->head, NULL);
    TRY(walk_read(b, n->iter, &src, &w));
    TRY(walk_settle(b, &w, keep, false));
    TRY(open_loop(b, &ctx, &n->head, &n->orelse));
    TRY(walk_bounds(b, ctx.loop, &w));
    note_target(&scan, n->target);
    for (uint32_t k = 0; k < n->body.count; k++)
        scan_assigned(n->body.item[k], &scan);
    TRY(open_header(b, &ctx, scan.list));
    TRY(induction_find(b, &ctx, n, scan.list));
    b->env = env_copy(b, ctx.header);
    if (!b->env || NB(b)->refused)
        return ALP_FAIL;
    Body body = { 0 }, *list = b->list;
    Thing item;
    NLoop *loop = ctx.loop;
    if (n->target->kind == ND_Name)
        loop->var_name = AST_AS(Name, n->target)->name;
    b->ctx = b->loops = &ctx;
    b->list = &body;
    NB(b)->loop = loop;
    b->for_depth++;
    NExpr *t = expr_counter(NB(b), loop, n->iter);
    TRY(t ? walk_item(b, &w, t, &item) : ALP_FAIL);
    TRY(assign_target(b, n->target, &item));
    TRY(build_list(b, &n->body, 0, true));
    b->for_depth--;
    if (!keep && walk_is_disturbed(&w, &body))
        TRY(assume_note(b, ctx.key, 0, AS_Plain));
    int64_t trip;
    bool always = form_is_const(loop->trip->form, &trip) && trip > 0;
    return end_loop(b, &ctx, &body, list, &n->orelse, true, always);
}

/* `if not test: leave`, where the test needs statements of its own. */
static Status leave_unless(Builder *b, LoopCtx *ctx, NExpr *test, const Node *ast)
{
    NStmt *leave = nstmt_new(b, NS_Leave, ast), *s = leave ? nstmt_new(b, NS_If, ast) : NULL;
    Body body = { 0 };
    if (!s || list_put(b, &body, 0, leave) != ALP_OK || block_of(b, &body, &s->body) != ALP_OK)
        return ALP_FAIL;
    leave->target = ctx->stmt;
    s->expr = expr_unary(NB(b), UN_Not, test, ast);
    ctx->loop->has_exit = true;
    return s->expr ? emit(b, s) : ALP_FAIL;
}

Status build_while(Builder *b, const AstWhile *n)
{
    LoopCtx ctx;
    Scan scan = { .b = b };
    Body body = { 0 }, *list = b->list;
    TRY(open_loop(b, &ctx, &n->head, &n->orelse));
    scan_assigned(n->test, &scan);
    for (uint32_t k = 0; k < n->body.count; k++)
        scan_assigned(n->body.item[k], &scan);
    TRY(open_header(b, &ctx, scan.list));
    b->env = env_copy(b, ctx.header);
    if (!b->env)
        return ALP_FAIL;
    ctx.loop->is_while = true;
    b->ctx = b->loops = &ctx;
    b->list = &body;
    NB(b)->loop = ctx.loop;
    NExpr *test = build_test(b, n->test);
    if (!test)
        return ALP_FAIL;
    bool known = false, is_const = expr_is_const_bool(test, &known), forever = is_const && known;
    Env *left = NULL;
    if (body.n && !forever) {
        left = env_copy(b, b->env);
        TRY(leave_unless(b, &ctx, test, n->test));
        test = expr_bool(NB(b), true, n->test);
        if (!left || !test)
            return ALP_FAIL;
    }
    ctx.loop->test = test;
    TRY(build_list(b, &n->body, 0, true));
    if (!left)
        return end_loop(b, &ctx, &body, list, &n->orelse, !forever, false);
    if (n->orelse.count)        /* a way out of the body is a break, and skips it */
        return build_refuse(NB(b), RS_Statement, n->test, "else part of a while loop with calls in its test");
    ctx.break_env = env_join(b, left, ctx.break_env);
    return end_loop(b, &ctx, &body, list, &n->orelse, false, false);
}
