/* jit/plan/plan.c — items of a plan: making, walking, marking; the dump. */
#include "jit/plan/plan_int.h"

static Status grow(void **at, uint32_t n, uint32_t *cap, size_t size, Arena *arena)
{
    if (n < *cap)
        return ALP_OK;
    uint32_t more = *cap ? *cap * 2 : 4;
    void *p = arena_alloc(arena, size * more);
    if (!p)
        return ALP_FAIL;
    if (n)
        memcpy(p, *at, size * n);
    *at = p;
    *cap = more;
    return ALP_OK;
}

Status item_push(ItemList *l, PItem *item, Arena *arena)
{
    void *at = l->item;
    if (!item || grow(&at, l->n, &l->cap, sizeof *l->item, arena) != ALP_OK)
        return ALP_FAIL;
    l->item = at;
    l->item[l->n++] = item;
    return ALP_OK;
}

Status var_push(VarList *l, const NVar *v, Arena *arena)
{
    void *at = l->var;
    TRY(grow(&at, l->n, &l->cap, sizeof *l->var, arena));
    l->var = at;
    l->var[l->n++] = v;
    return ALP_OK;
}

PItem *item_new(Sched *s, PItemKind kind, NStmt *stmt)
{
    PItem *i = ARENA_NEW(s->arena, PItem);
    if (!i)
        return NULL;
    i->kind = kind;
    i->stmt = stmt;
    return i;
}

PItem *item_loop_new(Sched *s, NLoop *src)
{
    PItem *i = item_new(s, PI_Loop, NULL);
    if (!i || !(i->loop = ARENA_NEW(s->arena, PLoop)) || !(i->loop->src = ARENA_ARRAY(s->arena, NLoop *, 1)))
        return NULL;
    i->loop->n_src = 1;
    i->loop->src[0] = src;
    return i;
}

PItem *item_loop_copy(Sched *s, const PItem *item)
{
    PItem *copy = item_loop_new(s, item->loop->src[0]);
    if (!copy)
        return NULL;
    PLoop *l = copy->loop;
    NLoop **src = l->src;
    *l = *item->loop;
    l->src = src;
    return copy;
}

/* ---- walks -------------------------------------------------------------------------------------------------------------------- */

bool items_each_stmt(PItem *const *items, uint32_t n, StmtVisit visit, void *user)
{
    for (uint32_t i = 0; i < n; i++) {
        const PItem *x = items[i];
        if (x->kind == PI_Stmt) {
            if (!stmt_each(x->stmt, visit, user))
                return false;
            continue;
        }
        if (x->kind != PI_Loop && !visit(user, x->stmt))
            return false;
        for (uint32_t k = 0; x->kind == PI_Loop && k < x->loop->n_src; k++)
            if (!visit(user, x->loop->src[k]->stmt))
                return false;
        if (!items_each_stmt(x->body, x->n_body, visit, user) || !items_each_stmt(x->orelse, x->n_orelse, visit, user))
            return false;
    }
    return true;
}

static bool mark_stmt(void *user, const NStmt *x)
{
    Sched *s = user;
    s->stmt_mark[x->id] = s->stamp;
    return true;
}

void items_mark(Sched *s, PItem *const *items, uint32_t n)
{
    s->stamp++;
    items_each_stmt(items, n, mark_stmt, s);
}

typedef struct Assigned { Sched *s; VarList *out; bool no_memory; } Assigned;

static bool note_assigned(void *user, const NStmt *x)
{
    Assigned *a = user;
    if (x->kind != NS_Assign || a->s->var_mark[x->var->id] == a->s->stamp)
        return true;
    a->s->var_mark[x->var->id] = a->s->stamp;
    a->no_memory = var_push(a->out, x->var, a->s->scratch) != ALP_OK;
    return !a->no_memory;
}

Status items_assigned(Sched *s, PItem *const *items, uint32_t n, VarList *out)
{
    *out = (VarList){ 0 };
    s->stamp++;
    Assigned a = { s, out, false };
    items_each_stmt(items, n, note_assigned, &a);
    return a.no_memory ? ALP_FAIL : ALP_OK;
}

static bool stays(const Sched *s, const Dep *d, const NLoop *equal)
{
    int dirs = equal ? dep_dirs(d, equal) : 0;
    return stmt_is_marked(s, d->pair->a->stmt) && stmt_is_marked(s, d->pair->b->stmt) && (!dirs || dirs & DIR_EQ);
}

Status deps_within(Sched *s, PItem *const *items, uint32_t n, const Deps *deps, const NLoop *equal, Deps *out)
{
    uint32_t n_stay = 0;
    *out = (Deps){ 0 };
    items_mark(s, items, n);
    for (uint32_t i = 0; i < deps->n; i++)
        n_stay += stays(s, &deps->dep[i], equal);
    if (!n_stay)
        return ALP_OK;
    if (!(out->dep = ARENA_ARRAY(s->scratch, Dep, n_stay)))
        return ALP_FAIL;
    for (uint32_t i = 0; out->n < n_stay; i++)
        if (stays(s, &deps->dep[i], equal))
            out->dep[out->n++] = deps->dep[i];
    return ALP_OK;
}

/* ---- dump --------------------------------------------------------------------------------------------------------------------- */

typedef struct Dump {
    const Nest *nest;
    void (*emit)(void *user, const char *s, size_t n);
    void *user;
} Dump;

static void dump_line(const Dump *d, int indent, const Text *t)
{
    static const char spaces[] = "                                ";
    d->emit(d->user, spaces, (size_t)(indent * 2 < (int)sizeof spaces - 1 ? indent * 2 : (int)sizeof spaces - 1));
    d->emit(d->user, t->out, t->n < t->size ? t->n : t->size - 1);
    d->emit(d->user, "\n", 1);
}

static void dump_vars(const Dump *d, Text *t, const char *title, uint32_t n, const NVar **v)
{
    for (uint32_t i = 0; i < n; i++) {
        text_add(t, "%s", i ? " " : title);
        text_var(t, d->nest, v[i]);
    }
}

static void dump_bounds(const Dump *d, Text *t, const char *title, uint32_t n, const struct PBound *b)
{
    for (uint32_t i = 0; i < n; i++) {
        char form[200];
        nest_form_text(d->nest, b[i].form, form, sizeof form);
        text_add(t, "%s%s", i ? ", " : title, form);
        if (b[i].scale != 1)
            text_add(t, " / %lld", (long long)b[i].scale);
    }
    if (n)
        text_add(t, "}");
}

static void dump_items(const Dump *d, int indent, PItem *const *items, uint32_t n);

static void dump_loop(const Dump *d, int indent, const PItem *item)
{
    static const char *const mode[] = { "sequential", "parallel", "reduction" };
    const PLoop *l = item->loop;
    char buffer[700];
    Text t = { buffer, sizeof buffer, 0 };
    text_add(&t, "%s ", mode[l->mode]);
    for (uint32_t k = 0; k < l->n_src; k++) {
        text_add(&t, "%s", k ? "+" : "");
        text_loop_var(&t, d->nest, l->src[k]);
    }
    text_add(&t, "%s%s", l->is_outer_parallel ? " outer" : "", l->is_vector ? " vector" : "");
    text_add(&t, "%s%s%s%s", l->is_distributed ? " distributed" : "", l->is_moved_out ? " moved-out" : "", l->is_moved_in ? " moved-in" : "",
             l->n_src > 1 ? " fused" : "");
    dump_bounds(d, &t, ", from max {", l->n_lower, l->lower);
    dump_bounds(d, &t, ", to min {", l->n_upper, l->upper);
    for (uint32_t i = 0; i < l->n_red; i++) {
        const VarUse *u = l->red[i].use;
        text_add(&t, ", %s%s ", u->is_ordered ? "ordered " : "", red_kind_name(u->red));
        text_var(&t, d->nest, u->var);
    }
    dump_vars(d, &t, ", private ", l->n_private, l->private_var);
    for (uint32_t i = 0; i < l->n_last; i++) {
        text_add(&t, "%s", i ? " " : ", last ");
        text_var(&t, d->nest, l->last[i]->var);
    }
    dump_vars(d, &t, ", save ", l->n_save, l->save_var);
    dump_vars(d, &t, ", restore ", l->n_restore, l->restore_var);
    text_add(&t, " (%s)", reason_name(l->why.code));
    dump_line(d, indent, &t);
    dump_items(d, indent + 1, item->body, item->n_body);
}

static void dump_text(const Dump *d, int indent, const char *text)
{
    Text t = { (char *)(uintptr_t)text, strlen(text) + 1, strlen(text) };
    dump_line(d, indent, &t);
}

static void dump_head(const Dump *d, int indent, const NStmt *s)
{
    char buffer[300];
    Text t = { buffer, sizeof buffer, 0 };
    text_stmt(&t, d->nest, s);
    dump_line(d, indent, &t);
}

static void dump_stmt(const Dump *d, int indent, const NStmt *s)
{
    dump_head(d, indent, s);
    const NBlock *body = s->kind == NS_Loop ? &s->loop->body : &s->body;
    for (uint32_t i = 0; i < body->n; i++)
        dump_stmt(d, indent + 1, body->stmt[i]);
    if (s->orelse.n)
        dump_text(d, indent, "else");
    for (uint32_t i = 0; i < s->orelse.n; i++)
        dump_stmt(d, indent + 1, s->orelse.stmt[i]);
}

static void dump_items(const Dump *d, int indent, PItem *const *items, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        const PItem *x = items[i];
        if (x->kind == PI_Loop) {
            dump_loop(d, indent, x);
        } else if (x->kind == PI_Stmt) {
            dump_stmt(d, indent, x->stmt);
        } else {
            dump_head(d, indent, x->stmt);
            dump_items(d, indent + 1, x->body, x->n_body);
            if (x->n_orelse)
                dump_text(d, indent, "else");
            dump_items(d, indent + 1, x->orelse, x->n_orelse);
        }
    }
}

void plan_dump(const Plan *plan, void (*emit)(void *user, const char *s, size_t n), void *user)
{
    Dump d = { plan->nest, emit, user };
    uint32_t n_proved = 0;
    for (uint32_t i = 0; i < plan->nest->n_checks; i++)
        n_proved += plan->proved[i];
    char buffer[200];
    Text t = { buffer, sizeof buffer, 0 };
    text_add(&t, "plan for line %u: %u loops, %u of %u checks proved%s", (unsigned)node_line(plan->nest, plan->nest->ast, NULL),
             (unsigned)plan->n_loops, (unsigned)n_proved, (unsigned)plan->nest->n_checks, plan->has_ordered ? ", ordered accumulations" : "");
    dump_line(&d, 0, &t);
    dump_items(&d, 1, plan->root->body, plan->root->n_body);
}
