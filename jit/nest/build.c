/* jit/nest/build.c — nest_build(): passes over the text until types settle, then final numbering.
 *
 * A pass that learns something new throws its nest away (see build_int.h).  After the last one the statements are walked once:
 * what they use gets its number in textual order, and what was made on the way but is not used drops out. */
#include "jit/nest/build_int.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

enum { MAX_PASSES = 24 };

/* ---- refusal ------------------------------------------------------------------------------------------------------- */

Status build_refuse(NBuild *nb, Reason r, const Node *ast, const char *fmt, ...)
{
    if (nb->refused || nb->no_memory)
        return ALP_FAIL;
    nb->refused = true;
    char detail[REASON_DETAIL] = "";
    if (fmt) {
        va_list args;
        va_start(args, fmt);
        vsnprintf(detail, sizeof detail, fmt, args);
        va_end(args);
    }
    reason_set(nb->why, r, ast ? ast->span : (Span){ 0, 0 }, detail[0] ? "%s" : NULL, detail);
    nb->why->src = nb->src != &nb->frame->chunk->src ? nb->src : NULL;
    return ALP_FAIL;
}

Status build_nomem(NBuild *nb)
{
    nb->no_memory = true;
    return ALP_FAIL;
}

const char *node_text(Builder *b, const Node *ast)
{
    enum { MAX_TEXT = 60 };
    static _Thread_local char text[MAX_TEXT + 8];
    const Src *src = NB(b)->src;
    size_t n = 0;
    if (ast->span.start > ast->span.end || ast->span.end > src->size)
        return "";
    for (uint32_t i = ast->span.start; i < ast->span.end; i++) {
        char c = src->text[i];
        if (c == '\n' || n == MAX_TEXT) {
            while (n > 0 && ((unsigned char)text[n - 1] & 0xC0) == 0x80)     /* no half characters */
                n--;
            n += (size_t)snprintf(text + n, 8, " …");
            break;
        }
        text[n++] = c;
    }
    text[n] = '\0';
    return text;
}

/* ---- memory and tables --------------------------------------------------------------------------------------------- */

static void *checked(Builder *b, void *p)
{
    if (!p)
        build_nomem(NB(b));
    return p;
}

void *build_alloc(Builder *b, size_t size)
{
    return checked(b, arena_alloc(NB(b)->arena, size));
}

void *scratch_alloc(Builder *b, size_t size)
{
    return checked(b, arena_alloc(&b->scratch, size));
}

/* Room for one more in a table of the nest; NULL: no memory. */
static void *grown(NBuild *nb, void *table, uint32_t n, uint32_t *cap, size_t size)
{
    if (n < *cap)
        return table;
    uint32_t more = *cap ? *cap * 2 : 16;
    char *p = arena_alloc(nb->arena, more * size);
    if (!p) {
        build_nomem(nb);
        return NULL;
    }
    if (n)
        memcpy(p, table, n * size);
    *cap = more;
    return p;
}

/* Adds `item` to nest->table, which has nest->n of cap entries. */
#define REGISTER(nb, table, n, cap, item, failure)                                              \
    do {                                                                                        \
        void *p_ = grown((nb), (nb)->nest->table, (nb)->nest->n, &(nb)->cap, sizeof *(nb)->nest->table); \
        if (!p_)                                                                                \
            return failure;                                                                     \
        (nb)->nest->table = p_;                                                                 \
        (nb)->nest->table[(nb)->nest->n++] = (item);                                            \
    } while (0)

uint32_t build_check(NBuild *nb, NCheckKind kind, const NExpr *expr, const Node *ast)
{
    NCheck c = { .kind = (uint8_t)kind, .expr = expr, .ast = ast };
    REGISTER(nb, checks, n_checks, cap_checks, c, NO_CHECK);
    return nb->nest->n_checks - 1;
}

NExpr *build_expr_new(NBuild *nb, NOp op, DType rep, TagSet tags, const Node *ast)
{
    if (nb->nest->n_exprs >= NEST_MAX_EXPRS) {
        build_refuse(nb, RS_TooLarge, ast, "more than %d operations", NEST_MAX_EXPRS);
        return NULL;
    }
    NExpr *e = arena_alloc(nb->arena, sizeof *e);
    if (!e) {
        build_nomem(nb);
        return NULL;
    }
    e->op = (uint8_t)op;
    e->rep = (uint8_t)rep;
    e->tags = tags;
    e->id = UINT32_MAX;
    e->check = NO_CHECK;
    e->ast = ast;
    nb->nest->n_exprs++;
    return e;
}

NVar *nvar_new(Builder *b, Sym name, DType rep)
{
    NVar *v = NEST_NEW(b, NVar);
    if (!v)
        return NULL;
    v->name = name;
    v->rep = (uint8_t)rep;
    v->entry_tag = T_Unbound;
    v->id = NB(b)->nest->n_vars;
    REGISTER(NB(b), vars, n_vars, cap_vars, v, NULL);
    return v;
}

NLoop *nloop_new(Builder *b, const Node *ast)
{
    NLoop *l = NEST_NEW(b, NLoop);
    if (!l)
        return NULL;
    l->id = NB(b)->nest->n_loops;
    l->up = (NLoop *)NB(b)->loop;
    l->depth = l->up ? l->up->depth + 1 : 1;
    l->step_check = NO_CHECK;
    l->ast = ast;
    l->inlined_from = b->scope ? b->scope->func : NULL;
    REGISTER(NB(b), loops, n_loops, cap_loops, l, NULL);
    return l;
}

NAccess *naccess_new(Builder *b, NArray *array, NExpr **sub, const bool *is_safe, bool is_write, const Node *ast)
{
    NAccess *x = NEST_NEW(b, NAccess);
    if (!x)
        return NULL;
    x->id = NB(b)->nest->n_accesses;
    x->array = array;
    x->is_write = is_write;
    x->n_subs = array->ndim;
    x->ast = ast;
    for (uint32_t d = 0; d < x->n_subs; d++) {
        x->sub[d] = sub[d];
        x->form[d] = (NForm *)sub[d]->form;
        x->check[d] = NO_CHECK;
        if (!is_safe[d] && (x->check[d] = build_check(NB(b), CK_Bounds, sub[d], ast)) == NO_CHECK)
            return NULL;
    }
    *(is_write ? &array->is_written : &array->is_read) = true;
    REGISTER(NB(b), accesses, n_accesses, cap_accesses, x, NULL);
    return x;
}

NInput *ninput_new(Builder *b)
{
    NInput in = { .tag = T_Unbound, .identity = V_UNBOUND };
    REGISTER(NB(b), inputs, n_inputs, cap_inputs, in, NULL);
    return &NB(b)->nest->inputs[NB(b)->nest->n_inputs - 1];
}

NStmt *nstmt_new(Builder *b, NStmtKind kind, const Node *ast)
{
    if (NB(b)->nest->n_stmts >= NEST_MAX_STMTS) {
        build_refuse(NB(b), RS_TooLarge, ast, "more than %d statements, functions that it calls included", NEST_MAX_STMTS);
        return NULL;
    }
    NStmt *s = NEST_NEW(b, NStmt);
    if (!s)
        return NULL;
    s->kind = (uint8_t)kind;
    s->check = NO_CHECK;
    s->ast = ast;
    NB(b)->nest->n_stmts++;
    return s;
}

/* ---- lists of statements ------------------------------------------------------------------------------------------- */

Status list_put(Builder *b, Body *l, uint32_t at, NStmt *s)
{
    if (!s)
        return ALP_FAIL;
    if (l->n == l->cap) {
        uint32_t cap = l->cap ? l->cap * 2 : 8;
        NStmt **item = scratch_alloc(b, cap * sizeof *item);
        if (!item)
            return ALP_FAIL;
        if (l->n)
            memcpy(item, l->item, l->n * sizeof *item);
        l->item = item;
        l->cap = cap;
    }
    memmove(l->item + at + 1, l->item + at, (l->n - at) * sizeof *l->item);
    l->item[at] = s;
    l->n++;
    return ALP_OK;
}

Status emit(Builder *b, NStmt *s)
{
    return list_put(b, b->list, b->list->n, s);
}

Status emit_assign(Builder *b, NVar *v, NExpr *e, const Node *ast)
{
    NStmt *s = v && e ? nstmt_new(b, NS_Assign, ast) : NULL;
    if (!s)
        return ALP_FAIL;
    ALP_ASSERT(v->rep == e->rep);
    s->var = v;
    s->expr = e;
    v->assigned_tags |= e->tags;
    return emit(b, s);
}

Status emit_check(Builder *b, NCheckKind kind, NExpr *test, const Node *ast)
{
    bool known;
    if (!test)
        return ALP_FAIL;
    if (expr_is_const_bool(test, &known) && known)
        return ALP_OK;
    NStmt *s = nstmt_new(b, NS_Check, ast);
    if (!s)
        return ALP_FAIL;
    s->expr = test;
    s->check = build_check(NB(b), kind, NULL, ast);
    return s->check == NO_CHECK ? ALP_FAIL : emit(b, s);
}

Status block_of(Builder *b, const Body *l, NBlock *out)
{
    out->n = l->n;
    out->stmt = NULL;
    if (l->n == 0)
        return ALP_OK;
    out->stmt = build_alloc(b, l->n * sizeof *out->stmt);
    if (!out->stmt)
        return ALP_FAIL;
    memcpy(out->stmt, l->item, l->n * sizeof *out->stmt);
    return ALP_OK;
}

/* ---- what passes tell one another ---------------------------------------------------------------------------------- */

uint64_t key_mix(uint64_t key, uint64_t x)
{
    uint64_t h = (key ^ x) * UINT64_C(0x9E3779B97F4A7C15);
    h ^= h >> 32;
    h *= UINT64_C(0xD6E8FEB86659FD93);
    h ^= h >> 29;
    return h ? h : 1;
}

static Assume *assume_slot(Assume *table, uint32_t cap, uint64_t key)
{
    for (uint32_t i = (uint32_t)(key >> 20);; i++) {
        Assume *a = &table[i & (cap - 1)];
        if (a->key == key || a->key == 0)
            return a;
    }
}

Assume *assume_find(Builder *b, uint64_t key)
{
    if (b->n_assume == 0)
        return NULL;
    Assume *a = assume_slot(b->assume, b->cap_assume, key);
    return a->key ? a : NULL;
}

Status assume_note(Builder *b, uint64_t key, TagSet tags, uint32_t flags)
{
    if (b->n_assume * 2 >= b->cap_assume) {
        uint32_t cap = b->cap_assume ? b->cap_assume * 2 : 64;
        Assume *table = checked(b, arena_alloc(&b->lasting, cap * sizeof *table));
        if (!table)
            return ALP_FAIL;
        for (uint32_t i = 0; i < b->cap_assume; i++)
            if (b->assume[i].key)
                *assume_slot(table, cap, b->assume[i].key) = b->assume[i];
        b->assume = table;
        b->cap_assume = cap;
    }
    Assume *a = assume_slot(b->assume, b->cap_assume, key);
    if (!a->key) {
        a->key = key;
        b->n_assume++;
    }
    if ((a->tags | tags) != a->tags || (a->flags | flags) != a->flags)
        b->again = true;
    a->tags |= tags;
    a->flags |= flags;
    return ALP_OK;
}

/* ---- final numbering ----------------------------------------------------------------------------------------------- */

typedef struct Final {
    Builder *b;
    Nest    *nest;
    uint32_t n_exprs, n_stmts, n_loops, n_accesses, n_checks;
    NCheck  *checks;
    bool    *sym_used;          /* by id before compaction */
    uint8_t *loop_used, *var_used, *array_used;
    NStmt   *stmt;              /* being walked */
} Final;

static void use_form(Final *f, const NForm *form);
static void number_expr(Final *f, NExpr *e);

static void use_sym(Final *f, const NSym *s)
{
    if (!s || f->sym_used[s->id])
        return;
    f->sym_used[s->id] = true;
    use_sym(f, s->factor[0]);
    use_sym(f, s->factor[1]);
}

static void use_form(Final *f, const NForm *form)
{
    for (uint32_t i = 0; form && i < form->n; i++)
        use_sym(f, form->term[i].sym);
}

static void number_check(Final *f, uint32_t *check)
{
    if (*check == NO_CHECK)
        return;
    NCheck c = f->nest->checks[*check];
    c.stmt = f->stmt;
    f->checks[f->n_checks] = c;
    *check = f->n_checks++;
}

static void number_access(Final *f, NAccess *x)
{
    if (x->stmt)
        return;                 /* seen: operands may be shared */
    x->stmt = f->stmt;
    x->id = f->n_accesses;
    f->nest->accesses[f->n_accesses++] = x;
    f->array_used[x->array->id] = true;
    for (uint32_t d = 0; d < x->n_subs; d++) {
        number_expr(f, x->sub[d]);
        use_form(f, x->form[d]);
        number_check(f, &x->check[d]);
    }
}

static void number_expr(Final *f, NExpr *e)
{
    if (!e || e->id != UINT32_MAX)
        return;
    for (int k = 0; k < 3; k++)
        number_expr(f, (NExpr *)nexpr_operand(e, k));
    if (e->op == NOP_Load)
        number_access(f, e->u.access);
    else if (e->op == NOP_Var)
        f->var_used[e->u.var->id] = true;
    else if (e->op == NOP_Extent)
        f->array_used[e->u.extent.array->id] = true;
    e->id = f->n_exprs++;
    f->nest->exprs[e->id] = e;
    number_check(f, &e->check);
    use_form(f, e->form);
}

static void number_block(Final *f, NBlock *block, NStmt *parent, NLoop *loop);

static void number_loop(Final *f, NLoop *l, NStmt *s)
{
    l->stmt = s;
    l->id = f->n_loops;
    f->nest->loops[f->n_loops++] = l;
    number_expr(f, l->start);
    number_expr(f, l->stop);
    number_expr(f, l->step);
    number_check(f, &l->step_check);
    number_expr(f, l->trip);
    number_expr(f, l->test);
    use_form(f, l->start_form);
    use_form(f, l->stop_form);
    use_form(f, l->step_form);
    for (uint32_t i = 0; i < l->n_stop_forms; i++)
        use_form(f, l->stop_forms[i]);
    number_block(f, &l->body, s, l);
    f->nest->has_while |= l->is_while;
}

static void number_stmt(Final *f, NStmt *s, NStmt *parent, NLoop *loop)
{
    s->parent = parent;
    s->loop_in = loop;
    s->id = f->n_stmts;
    f->nest->stmts[f->n_stmts++] = s;
    f->stmt = s;
    number_expr(f, s->expr);
    number_check(f, &s->check);
    if (s->access)
        number_access(f, s->access);
    if (s->var)
        f->var_used[s->var->id] = true;
    f->nest->has_return |= s->kind == NS_Return;
    if (s->loop) {
        number_loop(f, s->loop, s);
        return;
    }
    number_block(f, &s->body, s, loop);
    number_block(f, &s->orelse, s, loop);
}

static void number_block(Final *f, NBlock *block, NStmt *parent, NLoop *loop)
{
    for (uint32_t i = 0; i < block->n; i++)
        number_stmt(f, block->stmt[i], parent, loop);
}

/* Symbols are numbered again: those in use, factors before products as they were. */
static void number_syms(Final *f)
{
    Nest *nest = f->nest;
    uint32_t n = 0;
    for (uint32_t i = 0; i < nest->n_syms; i++) {
        NSym *s = nest->syms[i];
        if (!f->sym_used[i])
            continue;
        number_expr(f, (NExpr *)s->expr);
        s->id = n;
        nest->syms[n++] = s;
    }
    nest->n_syms = n;
}

static void number_vars(Final *f)
{
    Nest *nest = f->nest;
    uint32_t n = 0;
    for (uint32_t i = 0; i < nest->n_inputs; i++) {
        const NInput *in = &nest->inputs[i];
        if (in->var)
            f->var_used[in->var->id] = true;
        if (in->array)
            f->array_used[in->array->id] = true;
    }
    for (uint32_t i = 0; i < nest->n_bound_views; i++)
        f->array_used[nest->bound_views[i].array->id] = true;
    for (uint32_t i = 0; i < nest->n_vars; i++) {
        NVar *v = nest->vars[i];
        if (!f->var_used[v->id] && !v->is_live_out)
            continue;
        v->id = n;
        nest->vars[n++] = v;
    }
    nest->n_vars = n;
    n = 0;
    for (uint32_t i = 0; i < nest->n_arrays; i++) {
        NArray *a = nest->arrays[i];
        if (!f->array_used[a->id])
            continue;
        a->id = n;
        nest->arrays[n++] = a;
    }
    nest->n_arrays = n;
}

static bool is_affine(const Nest *nest)
{
    for (uint32_t i = 0; i < nest->n_accesses; i++)
        for (uint32_t d = 0; d < nest->accesses[i]->n_subs; d++)
            if (!nest->accesses[i]->form[d])
                return false;
    for (uint32_t i = 0; i < nest->n_loops; i++) {
        const NLoop *l = nest->loops[i];
        if (l->is_while || !l->start_form || !(l->stop_form || l->n_stop_forms) || !l->step_form)
            return false;
    }
    return true;
}

static Status finish(Builder *b)
{
    NBuild *nb = NB(b);
    Nest *nest = nb->nest;
    Final f = { .b = b, .nest = nest };
    Body top = b->prelude;
    if (list_put(b, &top, top.n, b->root) != ALP_OK || block_of(b, &top, &nest->body) != ALP_OK)
        return ALP_FAIL;
    uint32_t n_exprs = nest->n_exprs, n_stmts = nest->n_stmts;
    nest->exprs = build_alloc(b, n_exprs * sizeof *nest->exprs);
    nest->stmts = build_alloc(b, n_stmts * sizeof *nest->stmts);
    f.checks = build_alloc(b, (nest->n_checks + 1) * sizeof *f.checks);
    f.sym_used = scratch_alloc(b, nest->n_syms + 1);
    f.var_used = scratch_alloc(b, nest->n_vars + 1);
    f.array_used = scratch_alloc(b, nest->n_arrays + 1);
    if (nb->no_memory)
        return ALP_FAIL;
    for (uint32_t i = 0; i < nest->n_accesses; i++)
        nest->accesses[i]->stmt = NULL;
    number_block(&f, &nest->body, NULL, NULL);
    f.stmt = NULL;
    number_syms(&f);
    number_vars(&f);
    nest->n_exprs = f.n_exprs;
    nest->n_stmts = f.n_stmts;
    nest->n_loops = f.n_loops;
    nest->n_accesses = f.n_accesses;
    nest->n_checks = f.n_checks;
    nest->checks = f.checks;
    nest->is_fully_affine = is_affine(nest);
    return ALP_OK;
}

/* ---- passes -------------------------------------------------------------------------------------------------------- */

/* Slots of the function's frame that are named outside the loop: those variables live on after it. */
typedef struct Uses { const Node *loop; bool *lives; uint32_t depth; bool is_repeated; } Uses;

static void note_uses(Node *n, void *user)
{
    Uses *u = user;
    if (n == u->loop) {
        u->is_repeated = u->depth > 0;
        /* Its else part is not the nest's. */
        const NodeList *orelse = n->kind == ND_For ? &AST_AS(For, n)->orelse : &AST_AS(While, n)->orelse;
        for (uint32_t i = 0; i < orelse->count; i++)
            note_uses(orelse->item[i], user);
        return;
    }
    if (n->kind == ND_Name) {
        const AstName *e = (const AstName *)n;
        if (e->scope == SC_Local)
            u->lives[e->slot] = true;
    } else if (n->kind == ND_FuncDef) {
        const AstFuncDef *def = (const AstFuncDef *)n;      /* inside, names are of another frame */
        for (uint32_t i = 0; i < def->defaults.count; i++)
            note_uses(def->defaults.item[i], user);
        return;
    }
    bool is_loop = n->kind == ND_For || n->kind == ND_While;
    u->depth += is_loop;
    ast_each_child(n, note_uses, user);
    u->depth -= is_loop;
}

static Status find_uses(Builder *b)
{
    const Func *f = NB(b)->frame->func;
    if (!f)
        return ALP_OK;
    b->lives = checked(b, arena_alloc(&b->lasting, f->n_locals + 1));
    if (!b->lives)
        return ALP_FAIL;
    Uses u = { .loop = NB(b)->nest->ast, .lives = b->lives };
    for (uint32_t i = 0; i < f->def->body.count; i++)
        note_uses(f->def->body.item[i], &u);
    b->is_repeated = u.is_repeated;
    return ALP_OK;
}

static void release_identities(Nest *nest)
{
    for (uint32_t i = 0; i < nest->n_inputs; i++)
        value_free(nest->vm, nest->inputs[i].identity);
    nest->n_inputs = 0;
}

/* Forget everything of the pass before. */
static void restart(Builder *b)
{
    NBuild *nb = NB(b);
    Nest *nest = nb->nest, fresh = { .vm = nest->vm, .arena = nest->arena, .ast = nest->ast, .chunk = nest->chunk };
    release_identities(nest);
    arena_free(&fresh.arena);
    *nest = fresh;
    arena_free(&b->scratch);
    *nb = (NBuild){ .vm = nb->vm, .frame = nb->frame, .nest = nest, .arena = &nest->arena, .why = nb->why,
                    .src = &nb->frame->chunk->src };
    b->again = b->dead = b->was_dead = false;
    b->unbound = SYM_NONE;
    b->unbound_at = nest->ast;
    b->env = b->exit_env = b->return_env = NULL;
    b->cells = NULL;
    b->list = &b->prelude;
    b->prelude = (Body){ 0 };
    b->scope = NULL;
    b->ctx = b->loops = NULL;
    b->for_depth = 0;
    b->root = NULL;
    b->bvars = b->home_hash = NULL;
    b->n_bvars = b->cap_bvars = b->cap_home_hash = 0;
    b->mark = 0;
}

static Status refuse_unbound(Builder *b)
{
    const char *name = b->unbound == SYM_NONE ? "" : intern_text(NB(b)->vm->names, b->unbound);
    return build_refuse(NB(b), RS_MaybeUnbound, b->unbound_at, "%s", name);
}

static Status pass(Builder *b)
{
    const Node *loop = NB(b)->nest->ast;
    Body top = { 0 };
    b->list = &top;
    b->env = env_new(b);
    if (!b->env)
        return ALP_FAIL;
    Status s = loop->kind == ND_For ? build_for(b, AST_AS(For, loop)) : build_while(b, AST_AS(While, loop));
    if (s != ALP_OK)
        return b->dead ? refuse_unbound(b) : ALP_FAIL;
    for (uint32_t i = 0; i < top.n; i++) {
        if (top.item[i]->kind == NS_Loop && top.item[i]->loop->up == NULL)
            b->root = top.item[i];
        else
            TRY(list_put(b, &b->prelude, b->prelude.n, top.item[i]));
    }
    ALP_ASSERT(b->root);
    NB(b)->nest->root = b->root->loop;
    TRY(vars_finish(b));
    if (b->was_dead && !b->again)
        return refuse_unbound(b);
    return ALP_OK;
}

static Status run_passes(Builder *b)
{
    TRY(find_uses(b));
    for (int k = 0; k < MAX_PASSES; k++) {
        restart(b);
        TRY(pass(b));
        if (NB(b)->no_memory)
            return ALP_FAIL;
        if (!b->again)
            return finish(b);
    }
    return build_refuse(NB(b), RS_TypeChanges, NB(b)->nest->ast, "types do not settle");
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

Nest *nest_build(VM *vm, Frame *frame, Node *loop, Value iterable, ReasonAt *why)
{
    uint64_t start = now_ns();
    ReasonAt unused;
    if (!why)
        why = &unused;
    *why = (ReasonAt){ .code = RS_None };
    Nest *nest = mem_zalloc(&vm->mem, sizeof *nest);
    if (!nest) {
        reason_set(why, RS_NoMemory, loop->span, NULL);
        return NULL;
    }
    nest->vm = vm;
    nest->ast = loop;
    nest->chunk = frame->chunk;
    arena_init(&nest->arena, &vm->mem);
    Builder b = { .nb = { .vm = vm, .frame = frame, .nest = nest, .why = why, .src = &frame->chunk->src }, .iterable = iterable };
    arena_init(&b.scratch, &vm->mem);
    arena_init(&b.lasting, &vm->mem);
    Status s = run_passes(&b);
    if (s == ALP_OK && b.nb.no_memory)
        s = ALP_FAIL;
    arena_free(&b.scratch);
    arena_free(&b.lasting);
    if (s != ALP_OK) {
        if (b.nb.no_memory)
            reason_set(why, RS_NoMemory, loop->span, NULL);
        ALP_ASSERT(why->code != RS_None);
        nest_free(nest);
        return NULL;
    }
    *why = (ReasonAt){ .code = RS_None };
    uint64_t took = now_ns() - start;
    nest->build_ns = took < UINT32_MAX ? (uint32_t)took : UINT32_MAX;
    return nest;
}

void nest_free(Nest *nest)
{
    if (!nest)
        return;
    VM *vm = nest->vm;
    release_identities(nest);
    arena_free(&nest->arena);
    mem_free(&vm->mem, nest, sizeof *nest);
}
