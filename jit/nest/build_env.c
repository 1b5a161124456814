/* jit/nest/build_env.c — variables while a nest is built: where they live, and what they hold at each point. */
#include "jit/nest/build_int.h"

/* ---- things -------------------------------------------------------------------------------------------------------- */

bool is_scalar_tag(uint64_t tag)
{
    return tag == T_Bool || tag == T_Int || tag == T_Float || tag == T_Complex || (tag >= T_NpBool && tag <= T_NpC128);
}

Thing thing_scalar(NExpr *e)
{
    return (Thing){ .kind = TH_Scalar, .expr = e };
}

Thing thing_view(View *v)
{
    return (Thing){ .kind = TH_View, .view = v };
}

Thing thing_object(Value v, const NHome *home)
{
    return (Thing){ .kind = TH_Object, .object = v, .home = home };
}

/* ---- variables of the text ----------------------------------------------------------------------------------------- */

static BVar *var_add(Builder *b, Sym name, uint64_t key, NHome home)
{
    if (b->n_bvars == b->cap_bvars) {
        uint32_t cap = b->cap_bvars ? b->cap_bvars * 2 : 32;
        BVar **list = scratch_alloc(b, cap * sizeof *list);
        if (!list)
            return NULL;
        if (b->n_bvars)
            memcpy(list, b->bvars, b->n_bvars * sizeof *list);
        b->bvars = list;
        b->cap_bvars = cap;
    }
    BVar *bv = SCRATCH_NEW(b, BVar);
    if (!bv)
        return NULL;
    bv->index = b->n_bvars;
    bv->key = key;
    bv->name = name;
    bv->home = home;
    bv->is_live_out = home.kind != HOME_None && (home.kind != HOME_Slot || b->lives[home.slot]);
    b->bvars[b->n_bvars++] = bv;
    return bv;
}

BVar *var_local(Builder *b, Sym name, uint64_t key)
{
    return var_add(b, name, key, (NHome){ .kind = HOME_None });
}

static BVar **hash_slot(BVar **table, uint32_t cap, uint64_t key)
{
    for (uint32_t i = (uint32_t)(key >> 20);; i++) {
        BVar **at = &table[i & (cap - 1)];
        if (!*at || (*at)->key == key)
            return at;
    }
}

/* The variable that lives there. */
static BVar *var_of_home(Builder *b, NHome home, uint64_t key, Sym name)
{
    if (b->n_bvars * 2 >= b->cap_home_hash) {
        uint32_t cap = b->cap_home_hash ? b->cap_home_hash * 2 : 64;
        while (cap <= b->n_bvars * 2)
            cap *= 2;
        BVar **table = scratch_alloc(b, cap * sizeof *table);
        if (!table)
            return NULL;
        for (uint32_t i = 0; i < b->n_bvars; i++)
            if (b->bvars[i]->home.kind != HOME_None)
                *hash_slot(table, cap, b->bvars[i]->key) = b->bvars[i];
        b->home_hash = table;
        b->cap_home_hash = cap;
    }
    BVar **at = hash_slot(b->home_hash, b->cap_home_hash, key);
    if (!*at)
        *at = var_add(b, name, key, home);
    return *at;
}

/* Variables in cells are one variable if the cell is the same, however it is reached; at each entry that is looked at again. */
static BVar *var_of_cell(Builder *b, NHome home, Sym name)
{
    const Value *place = nest_home(&home, NB(b)->frame);
    BVar *bv = var_of_home(b, home, key_mix(3, (uint64_t)(uintptr_t)place), name);
    if (!bv)
        return NULL;
    for (const struct CellHome *c = b->cells; c; c = c->next)
        if (c->home.kind == home.kind && c->home.slot == home.slot && c->home.holder == home.holder)
            return bv;
    struct CellHome *c = SCRATCH_NEW(b, struct CellHome);
    if (!c)
        return NULL;
    *c = (struct CellHome){ .next = b->cells, .bv = bv, .home = home };
    b->cells = c;
    return bv;
}

BVar *var_of_module(Builder *b, Module *m, uint32_t slot, Sym name)
{
    NHome home = { .kind = HOME_Global, .slot = slot, .module = m };
    return var_of_home(b, home, key_mix(key_mix(2, (uint64_t)(uintptr_t)m), slot), name);
}

BVar *var_of_name(Builder *b, const AstName *n)
{
    Scope *s = b->scope;
    NHome home = { .slot = n->slot };
    switch (n->scope) {
    case SC_Global:
        return var_of_module(b, s ? s->module : NB(b)->frame->module, n->slot, n->name);
    case SC_Free:
        home.kind = s ? HOME_Captured : HOME_Free;
        home.holder = s ? s->home : NULL;
        if (s && !s->home) {
            build_refuse(NB(b), RS_CallUnknown, &n->head, "a function with captured variables that is not held by a variable");
            return NULL;
        }
        return var_of_cell(b, home, n->name);
    case SC_Local: case SC_Cell:
        if (s) {
            if (!s->local[n->slot])
                s->local[n->slot] = var_local(b, n->name, key_mix(s->path, n->slot));
            return s->local[n->slot];
        }
        home.kind = n->scope == SC_Local ? HOME_Slot : HOME_Cell;
        return n->scope == SC_Cell ? var_of_cell(b, home, n->name) : var_of_home(b, home, key_mix(1, n->slot), n->name);
    case SC_Unresolved:
        break;
    }
    build_refuse(NB(b), RS_Expression, &n->head, NULL);
    return NULL;
}

/* ---- values -------------------------------------------------------------------------------------------------------- */

Val *val_new(Builder *b, ValKind kind)
{
    Val *v = SCRATCH_NEW(b, Val);
    if (v)
        v->kind = (uint8_t)kind;
    return v;
}

static Val *entry_val(Builder *b, BVar *bv)
{
    if (bv->entry)
        return bv->entry;
    Val *v = val_new(b, bv->home.kind == HOME_None ? VK_Scalar : VK_Entry);
    if (!v)
        return NULL;
    if (bv->home.kind == HOME_None)
        v->tags = TAGS(T_Unbound);
    else
        v->from_entry = v->pending = true;
    return bv->entry = v;
}

Val *val_widen(Builder *b, Val *v, const NLoop *l, const Assume *a)
{
    TagSet tags = a ? a->tags : 0;
    bool mixed = a && (a->flags & AS_Mixed);
    if (v->kind == VK_Mixed || (v->kind > VK_Scalar && !mixed && !tags))
        return v;
    Val *h = val_new(b, v->kind > VK_Scalar || mixed ? VK_Mixed : tags ? VK_Scalar : (ValKind)v->kind);
    if (!h)
        return NULL;
    h->from[0] = v;
    h->from_entry = v->from_entry;
    h->pending = v->pending && h->kind <= VK_Scalar;
    h->tags = v->tags | tags;
    h->lazy = true;
    h->varies = l;
    return h;
}

static Val **env_slot(Builder *b, Env *e, uint32_t index)
{
    if (index >= e->n) {
        uint32_t n = b->n_bvars + 16;
        Val **val = scratch_alloc(b, n * sizeof *val);
        if (!val)
            return NULL;
        if (e->n)
            memcpy(val, e->val, e->n * sizeof *val);
        e->val = val;
        e->n = n;
    }
    return &e->val[index];
}

/* Variables turn up while loops are being read: then their header values are made now. */
static Val *initial_in(Builder *b, BVar *bv, LoopCtx *ctx)
{
    if (!ctx)
        return entry_val(b, bv);
    Val *v = env_at(ctx->header, bv);
    if (v || !(v = initial_in(b, bv, ctx->outer)))
        return v;
    const Assume *a = assume_find(b, key_mix(ctx->key, bv->key));
    if (a && (a->tags || (a->flags & (AS_Varies | AS_Mixed))))
        v = val_widen(b, v, ctx->loop, a);
    Val **at = v ? env_slot(b, ctx->header, bv->index) : NULL;
    if (!at)
        return NULL;
    return *at = v;
}

Val *var_initial(Builder *b, BVar *bv)
{
    return initial_in(b, bv, b->loops);
}

void val_use(Val *v)
{
    while (v && !v->used) {
        v->used = true;
        val_use(v->from[0]);
        v = v->from[1];
    }
}

static bool same_thing(const Thing *x, const Thing *y)
{
    if (x->kind != y->kind)
        return false;
    switch ((ThingKind)x->kind) {
    case TH_View:   return x->view == y->view;
    case TH_Object: return x->object.tag == y->object.tag && x->object.u.u == y->object.u.u;
    case TH_Tuple:  return x->item == y->item;
    case TH_Scalar: break;
    }
    return x->expr == y->expr;
}

Val *val_join(Builder *b, BVar *bv, Val *x, Val *y)
{
    if (!x && !(x = var_initial(b, bv)))
        return NULL;
    if (!y && !(y = var_initial(b, bv)))
        return NULL;
    if (x == y)
        return x;
    Val *v = val_new(b, VK_Mixed);
    if (!v)
        return NULL;
    v->from[0] = x;
    v->from[1] = y;
    v->from_entry = x->from_entry || y->from_entry;
    v->pending = x->pending || y->pending;
    v->varies = NB(b)->loop;
    if (x->kind <= VK_Scalar && y->kind <= VK_Scalar) {
        v->kind = x->kind == VK_Entry && y->kind == VK_Entry ? VK_Entry : VK_Scalar;
        v->tags = x->tags | y->tags;
        if (x->kind == VK_Scalar && y->kind == VK_Scalar && !v->pending && x->form && form_equal(x->form, y->form))
            v->form = x->form;
        v->lazy = !v->form;
    } else if (x->kind == y->kind && x->kind != VK_Mixed && same_thing(&x->thing, &y->thing)) {
        v->kind = x->kind;
        v->thing = x->thing;
    }
    if (v->kind > VK_Scalar)
        v->pending = false;
    return v;
}

static bool form_depends(const NExpr *e, const NLoop *l)
{
    return e && e->form && form_uses_loop(e->form, l);
}

static bool val_depends(const Val *v, const NLoop *l)
{
    switch ((ValKind)v->kind) {
    case VK_Entry: case VK_Scalar:
        return v->form ? form_uses_loop(v->form, l) : v->lazy && v->varies == l;
    case VK_View:
        for (uint32_t d = 0; d < v->thing.view->array->ndim; d++)
            if (form_depends(v->thing.view->dim[d].start, l) || form_depends(v->thing.view->dim[d].extent, l))
                return true;
        return false;
    case VK_Tuple:
        return true;
    case VK_Object: case VK_Mixed:
        break;
    }
    return false;
}

Val *val_outside(Builder *b, Val *v, const NLoop *l)
{
    if (!v || !val_depends(v, l))
        return v;
    Val *o = val_new(b, v->kind <= VK_Scalar ? (ValKind)v->kind : VK_Mixed);
    if (!o)
        return NULL;
    *o = (Val){ .kind = o->kind, .from_entry = v->from_entry, .pending = v->pending, .tags = v->tags, .lazy = true,
                .varies = l->up, .from = { v, NULL } };
    return o;
}

/* ---- environments -------------------------------------------------------------------------------------------------- */

Env *env_new(Builder *b)
{
    return SCRATCH_NEW(b, Env);
}

Env *env_copy(Builder *b, const Env *e)
{
    Env *c = e ? env_new(b) : NULL;
    if (!c)
        return NULL;
    c->val = scratch_alloc(b, (b->n_bvars + 8) * sizeof *c->val);
    if (!c->val)
        return NULL;
    c->n = b->n_bvars + 8;
    if (e->n)
        memcpy(c->val, e->val, (e->n < c->n ? e->n : c->n) * sizeof *c->val);
    return c;
}

/* The result takes x's place. */
Env *env_join(Builder *b, Env *x, Env *y)
{
    if (!x || !y)
        return x ? x : y;
    uint32_t n = b->n_bvars;
    for (uint32_t i = 0; i < n; i++) {
        Val *vx = i < x->n ? x->val[i] : NULL, *vy = i < y->n ? y->val[i] : NULL;
        if (vx == vy)
            continue;
        Val **at = env_slot(b, x, i), *v = val_join(b, b->bvars[i], vx, vy);
        if (!at || !v)
            return x;           /* no memory: recorded */
        *at = v;
    }
    return x;
}

Val *env_at(const Env *e, const BVar *bv)
{
    return e && bv->index < e->n ? e->val[bv->index] : NULL;
}

void env_leave(Builder *b, Env *e, const NLoop *to)
{
    for (const LoopCtx *c = b->loops; c && c->loop != to; c = c->outer)
        for (uint32_t i = 0; i < b->n_bvars; i++) {
            Val *v = env_at(e, b->bvars[i]);
            if (!v)
                v = env_at(c->header, b->bvars[i]);
            Val **at = v ? env_slot(b, e, i) : NULL;
            if (at && !(*at = val_outside(b, v, c->loop)))
                return;         /* no memory: recorded */
        }
}

Val *env_get(Builder *b, BVar *bv)
{
    Val *v = env_at(b->env, bv);
    return v ? v : var_initial(b, bv);
}

Status env_set(Builder *b, BVar *bv, Val *v)
{
    Val **at = v ? env_slot(b, b->env, bv->index) : NULL;
    if (!at)
        return ALP_FAIL;
    *at = v;
    return ALP_OK;
}
