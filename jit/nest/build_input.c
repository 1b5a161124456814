/* jit/nest/build_input.c — what enters the nest and what leaves it: values of variables at entry, which become the signature,
 * numbers and arrays of what the outermost loop iterates over, and variables whose values the program sees afterwards. */
#include "jit/nest/build_int.h"

/* ---- inputs -------------------------------------------------------------------------------------------------------- */

static NInput *input_of(Builder *b, const BVar *bv, uint64_t tag)
{
    NInput *in = ninput_new(b);
    if (in) {
        in->home = bv->home;
        in->name = bv->name;
        in->tag = (uint8_t)tag;
    }
    return in;
}

/* A scalar variable's value on entry. */
static Status enter_scalar(Builder *b, BVar *bv, uint64_t tag, const Node *ast)
{
    TRY(var_store(b, bv, TAGS(tag), ast));
    NVar *var = bv->var;
    if (var->is_read_first)
        return ALP_OK;
    NInput *in = input_of(b, bv, tag);
    if (!in)
        return ALP_FAIL;
    in->var = var;
    var->is_read_first = true;
    var->entry_tag = (uint8_t)tag;
    var->input = NB(b)->nest->n_inputs - 1;
    if (!var->tag_var)
        return ALP_OK;
    Body *list = b->list;
    b->list = &b->prelude;
    Status s = emit_assign(b, var->tag_var, expr_int(NB(b), (int64_t)tag, ast), ast);
    b->list = list;
    return s;
}

static NArray *narray_new(Builder *b, const Array *a)
{
    Nest *nest = NB(b)->nest;
    NArray *n = NEST_NEW(b, NArray);
    if (!n)
        return NULL;
    if (nest->n_arrays == NB(b)->cap_arrays) {
        uint32_t cap = nest->n_arrays ? nest->n_arrays * 2 : 8;
        NArray **list = build_alloc(b, cap * sizeof *list);
        if (!list)
            return NULL;
        if (nest->n_arrays)
            memcpy(list, nest->arrays, nest->n_arrays * sizeof *list);
        nest->arrays = list;
        NB(b)->cap_arrays = cap;
    }
    n->id = nest->n_arrays;
    n->dtype = a->dtype;
    n->ndim = a->ndim;
    nest->arrays[nest->n_arrays++] = n;
    return n;
}

static NArray *enter_array(Builder *b, BVar *bv, const Array *a)
{
    if (bv->array)
        return bv->array;
    NArray *n = narray_new(b, a);
    NInput *in = n ? input_of(b, bv, T_Array) : NULL;
    if (!in)
        return NULL;
    n->name = bv->name;
    n->home = bv->home;
    in->dtype = a->dtype;
    in->ndim = a->ndim;
    in->array = n;
    return bv->array = n;
}

/* A name without a value may be a builtin's. */
static Status enter_builtin(Builder *b, BVar *bv, Val *v, bool *found)
{
    Module *m = NB(b)->vm->builtins;
    uint32_t slot = bv->home.kind == HOME_Global ? module_names_find(&m->names, bv->name) : MODULE_NO_SLOT;
    *found = slot != MODULE_NO_SLOT && m->slots[slot].tag != T_Unbound;
    if (!*found)
        return ALP_OK;
    NInput *in = input_of(b, bv, m->slots[slot].tag);
    if (!in)
        return ALP_FAIL;
    in->is_builtin = true;
    in->builtin_slot = slot;
    in->identity = value_ref(m->slots[slot]);
    v->kind = VK_Object;
    v->thing = thing_object(m->slots[slot], NULL);
    return ALP_OK;
}

/* Functions, modules and types have to be the same objects at each entry; of other objects the type is enough to know what they
 * are not. */
static Status enter_object(Builder *b, BVar *bv, Val *v, Value x)
{
    NInput *in = input_of(b, bv, x.tag);
    NHome *home = in ? NEST_NEW(b, NHome) : NULL;
    if (!home)
        return ALP_FAIL;
    *home = bv->home;
    if (x.tag == T_Func || x.tag == T_Native || x.tag == T_Module || x.tag == T_Type || x.tag == T_Dtype)
        in->identity = value_ref(x);
    else if (x.tag == T_Iter)
        in->iter_kind = ITER(x)->kind;
    v->kind = VK_Object;
    v->thing = thing_object(x, home);
    return ALP_OK;
}

static Status resolve_scalar(Builder *b, BVar *bv, Val *v, uint64_t tag, const Node *ast)
{
    TRY(enter_scalar(b, bv, tag, ast));
    bool whole = v->kind == VK_Entry && !v->lazy;
    v->kind = VK_Scalar;
    v->tags |= TAGS(tag);
    if (!whole)
        return ALP_OK;
    if (tag == T_Int || tag == T_NpI64) {
        NExpr *e = expr_var(NB(b), bv->var, TAGS(tag), NULL, ast);
        v->form = e ? form_sym(NB(b), sym_for_expr(NB(b), e)) : NULL;
        return e && !NB(b)->refused ? ALP_OK : ALP_FAIL;
    }
    v->lazy = true;
    v->varies = NULL;
    return ALP_OK;
}

Status val_resolve(Builder *b, BVar *bv, Val *v, const Node *ast)
{
    if (!v->pending)
        return ALP_OK;
    v->pending = false;
    bv->is_entry_read = true;
    const Value *place = nest_home(&bv->home, NB(b)->frame);
    Value x = place ? *place : V_UNBOUND;
    if (is_scalar_tag(x.tag))
        return resolve_scalar(b, bv, v, x.tag, ast);
    if (x.tag == T_Unbound) {
        bool found = false;
        if (v->kind == VK_Entry)
            TRY(enter_builtin(b, bv, v, &found));
        if (found)
            return ALP_OK;
        if (!bv->has_unbound_input && !input_of(b, bv, T_Unbound))
            return ALP_FAIL;
        bv->has_unbound_input = true;
        v->kind = VK_Scalar;
        v->tags |= TAGS(T_Unbound);
        return ALP_OK;
    }
    if (v->kind != VK_Entry) {
        v->kind = VK_Mixed;     /* also at other entries: its type belongs to the signature */
        return input_of(b, bv, x.tag) ? ALP_OK : ALP_FAIL;
    }
    if (x.tag != T_Array || ARRAY(x)->ndim == 0)
        return enter_object(b, bv, v, x);
    NArray *a = enter_array(b, bv, ARRAY(x));
    View *view = a ? view_whole(b, a) : NULL;
    if (!view)
        return ALP_FAIL;
    v->kind = VK_View;
    v->thing = thing_view(view);
    return ALP_OK;
}

/* ---- the iterable -------------------------------------------------------------------------------------------------- */

static bool same_home(const NHome *x, const NHome *y)
{
    return x->kind == y->kind && x->slot == y->slot && x->module == y->module && x->holder == y->holder;
}

static NInput *find_field(Builder *b, const NHome *home, bool is_iterable, uint32_t part, NField field)
{
    Nest *nest = NB(b)->nest;
    for (uint32_t i = 0; i < nest->n_inputs; i++) {
        NInput *in = &nest->inputs[i];
        if (in->field == field && in->is_iterable == is_iterable &&
            (is_iterable ? in->iterable_part == part : same_home(&in->home, home)))
            return in;
    }
    return NULL;
}

static NInput *field_new(Builder *b, const NHome *home, Sym name, bool is_iterable, uint32_t part, NField field)
{
    NInput *in = find_field(b, home, is_iterable, part, field);
    if (in || !(in = ninput_new(b)))
        return in;
    const Value *place = home ? nest_home(home, NB(b)->frame) : NULL;
    in->is_iterable = is_iterable;
    in->iterable_part = part;
    if (home)
        in->home = *home;
    in->name = name;
    in->field = (uint8_t)field;
    Value v = is_iterable ? iterable_part(b->iterable, part) : place ? *place : V_UNBOUND;
    in->tag = (uint8_t)v.tag;
    if (v.tag == T_Iter)
        in->iter_kind = ITER(v)->kind;
    return in;
}

NExpr *input_field(Builder *b, const NHome *home, Sym name, bool is_iterable, uint32_t part, NField field, const Node *ast)
{
    NInput *in = field_new(b, home, name, is_iterable, part, field);
    if (!in)
        return NULL;
    if (!in->var) {
        NVar *var = nvar_new(b, SYM_NONE, DT_I64);
        if (!var)
            return NULL;
        var->is_read_first = true;
        var->entry_tag = T_Int;
        var->input = (uint32_t)(in - NB(b)->nest->inputs);
        in->var = var;
    }
    NExpr *e = expr_var(NB(b), in->var, TAGS(T_Int), NULL, ast);
    return e ? expr_var(NB(b), in->var, TAGS(T_Int), form_sym(NB(b), sym_for_expr(NB(b), e)), ast) : NULL;
}

Status input_pin(Builder *b, const NHome *home, Sym name, bool is_iterable, uint32_t part, NField field, int64_t value)
{
    NInput *in = field_new(b, home, name, is_iterable, part, field);
    if (!in)
        return ALP_FAIL;
    in->is_pinned = true;
    in->pinned = value;
    return ALP_OK;
}

Status input_iterable(Builder *b, uint32_t part, Value v)
{
    NInput *in = ninput_new(b);
    if (!in)
        return ALP_FAIL;
    in->is_iterable = true;
    in->iterable_part = part;
    in->tag = (uint8_t)v.tag;
    if (v.tag == T_Iter) {
        in->iter_kind = ITER(v)->kind;
    } else if (v.tag == T_Array) {
        in->dtype = ARRAY(v)->dtype;
        in->ndim = ARRAY(v)->ndim;
    }
    return ALP_OK;
}

NArray *array_of_iterable(Builder *b, uint32_t part, const Array *a)
{
    NArray *n = narray_new(b, a);
    if (!n || input_iterable(b, part, (Value){ .tag = T_Array, .u.o = (Obj *)&a->head }) != ALP_OK)
        return NULL;
    n->is_iterable = true;
    n->iterable_part = part;
    NB(b)->nest->inputs[NB(b)->nest->n_inputs - 1].array = n;
    return n;
}

/* ---- the end ------------------------------------------------------------------------------------------------------- */

/* bv's value at the end counts only if it was assigned. */
static Status want_set(Builder *b, BVar *bv, NVar **set_var)
{
    TRY(assume_note(b, bv->key, 0, AS_Set));
    if (bv->set) {
        bv->set->is_live_out = true;
        *set_var = bv->set;
    }
    return ALP_OK;
}

static Status finish_scalar(Builder *b, BVar *bv, Val *v)
{
    NVar *var = bv->var;
    const Value *entry = nest_home(&bv->home, NB(b)->frame);
    TagSet tags = v->tags & ~TAGS(T_Unbound);
    if (v->from_entry) {
        bool same = entry && is_scalar_tag(entry->tag) && tags == TAGS(entry->tag);
        if (v->pending && same)
            TRY(val_resolve(b, bv, v, NULL));
        if (!var->is_read_first || !entry || !(v->tags & TAGS(entry->tag)))
            TRY(want_set(b, bv, &var->set_var));
        tags = v->tags & ~TAGS(T_Unbound);
    }
    var->is_live_out = true;
    var->exit_tag = tags ? (uint8_t)__builtin_ctz(tags) : var->entry_tag;
    if (!has_several(tags)) {
        var->tag_var = NULL;
        return ALP_OK;
    }
    if (!var->tag_var) {
        b->want_tags = b->again = true;
        return ALP_OK;
    }
    var->tag_var->is_live_out = true;
    return ALP_OK;
}

static Status finish_view(Builder *b, BVar *bv, const Val *v)
{
    Nest *nest = NB(b)->nest;
    if (v->from_entry)
        TRY(want_set(b, bv, &bv->bound->set_var));
    NBoundView *list = build_alloc(b, (nest->n_bound_views + 1) * sizeof *list);
    if (!list)
        return ALP_FAIL;
    if (nest->n_bound_views)
        memcpy(list, nest->bound_views, nest->n_bound_views * sizeof *list);
    list[nest->n_bound_views++] = *bv->bound;
    nest->bound_views = list;
    return ALP_OK;
}

static Status finish_var(Builder *b, BVar *bv, Val *v)
{
    const char *name = intern_text(NB(b)->vm->names, bv->name);
    switch ((ValKind)v->kind) {
    case VK_Entry: case VK_Scalar:
        return bv->var ? finish_scalar(b, bv, v) : ALP_OK;
    case VK_View: case VK_Mixed:
        /* All views that it was bound to have their numbers in the same variables: those of the last one. */
        if (!bv->bound || (bv->var && bv->var->assigned_tags))
            break;
        return finish_view(b, bv, v);
    case VK_Object: case VK_Tuple:
        break;
    }
    return build_refuse(NB(b), bv->var ? RS_TypeChanges : RS_ArrayChanges, NULL, "%s", name);
}

/* Where a captured variable may be the frame's own: it has to be, or not to be, at each entry as it was when the nest was built. */
static Status finish_cells(Builder *b)
{
    for (const struct CellHome *x = b->cells; x; x = x->next)
        for (const struct CellHome *y = x->next; y; y = y->next) {
            if (x->home.kind != HOME_Captured && y->home.kind != HOME_Captured)
                continue;       /* a frame's own cells are different ones */
            NInput *in = ninput_new(b);
            NHome *cell = in ? NEST_NEW(b, NHome) : NULL;
            if (!cell)
                return ALP_FAIL;
            *cell = y->home;
            in->home = x->home;
            in->name = x->bv->name;
            in->cell = cell;
            in->is_pinned = x->bv == y->bv;
        }
    return ALP_OK;
}

Status vars_finish(Builder *b)
{
    Env *end = env_join(b, b->exit_env, b->return_env);
    for (uint32_t i = 0; i < b->n_bvars; i++) {
        BVar *bv = b->bvars[i];
        if (bv->home.kind == HOME_None)
            continue;
        Val *v = end && i < end->n ? end->val[i] : NULL;
        bool is_read_next = b->is_repeated && bv->is_entry_read;       /* when the loop around it comes back to the nest */
        if (bv->is_assigned && (bv->is_live_out || is_read_next || (bv->var && bv->var->is_read_first)))
            TRY(finish_var(b, bv, v ? v : var_initial(b, bv)));
        else if (bv->var && bv->is_assigned)
            bv->var->home = (NHome){ .kind = HOME_None };
        else if (bv->var)
            bv->var->tag_var = NULL;
    }
    return finish_cells(b);
}
