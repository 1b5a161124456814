/* jit/nest/entry.c — a nest and the variables of one execution: where they are, whether they are what the nest was built for,
 * and binding views at the end. */
#include "jit/nest/build_int.h"

Value *nest_home(const NHome *home, Frame *frame)
{
    switch ((NHomeKind)home->kind) {
    case HOME_Slot:
        return &frame->slots[home->slot];
    case HOME_Global:
        return home->slot < home->module->cap_slots ? &home->module->slots[home->slot] : NULL;
    case HOME_Cell:
        return frame->slots[home->slot].tag == T_Cell ? &CELL(frame->slots[home->slot])->value : NULL;
    case HOME_Free:
        return &frame->func->free[home->slot]->value;
    case HOME_Captured: {
        const Value *f = nest_home(home->holder, frame);
        return f && f->tag == T_Func ? &FUNC(*f)->free[home->slot]->value : NULL;
    }
    case HOME_None:
        break;
    }
    return NULL;
}

/* Depth first, a whole before its parts. */
static Value find_part(Value v, uint32_t *left)
{
    if (*left == 0)
        return v;
    --*left;
    if (v.tag != T_Iter)
        return V_UNBOUND;
    const Iter *it = ITER(v);
    switch ((IterKind)it->kind) {
    case IT_Enumerate: case IT_Array: case IT_Reversed:
        return find_part(it->source, left);
    case IT_Zip:
        for (size_t k = 0; k < TUPLE(it->source)->count; k++) {
            Value found = find_part(TUPLE(it->source)->item[k], left);
            if (found.tag != T_Unbound)
                return found;
        }
        return V_UNBOUND;
    default:
        return V_UNBOUND;
    }
}

Value iterable_part(Value iterable, uint32_t part)
{
    return find_part(iterable, &part);
}

bool range_field(Value v, NField field, int64_t *out)
{
    if (v.tag == T_Range) {
        const Range *r = RANGE(v);
        *out = field == FIELD_Start ? r->start : field == FIELD_Stop ? r->stop : r->step;
        return true;
    }
    if (v.tag != T_Iter)
        return false;
    const Iter *it = ITER(v);
    int64_t reach;
    if (field == FIELD_Start || it->kind == IT_Enumerate)
        *out = it->next;
    else if (field == FIELD_Step)
        *out = it->step;
    else                        /* no iterator of a range begins that near to the limits of 64 bits */
        return !__builtin_mul_overflow(it->step, it->left, &reach) && !__builtin_add_overflow(it->next, reach, out);
    return true;
}

bool iter_is_fresh(Value v)
{
    const Iter *it = ITER(v);
    if (it->head.refs != 1)
        return false;
    switch ((IterKind)it->kind) {
    case IT_Range: case IT_Zip: case IT_Enumerate:
        return true;            /* its parts, or its numbers, say where it stands */
    case IT_Array:
        return it->next == 0;
    case IT_Reversed:
        return it->source.tag == T_Array && it->next == ARRAY(it->source)->shape[0] - 1;
    default:
        return false;
    }
}

Array *nest_array(const NArray *array, Frame *frame, Value iterable)
{
    Value v = array->is_iterable ? iterable_part(iterable, array->iterable_part) : *nest_home(&array->home, frame);
    return ARRAY(v);
}

/* The whole Value of an input; NULL: it has none. */
static const Value *input_place(const NInput *in, Frame *frame, Value iterable, Value *room)
{
    if (!in->is_iterable)
        return nest_home(&in->home, frame);
    *room = iterable_part(iterable, in->iterable_part);
    return room;
}

Value nest_input_value(const NInput *in, Frame *frame, Value iterable)
{
    Value room;
    int64_t x = 0;
    const Value *v = input_place(in, frame, iterable, &room);
    if (in->field == FIELD_None)
        return v ? *v : V_UNBOUND;
    return v && range_field(*v, (NField)in->field, &x) ? V_INT(x) : V_UNBOUND;
}

static bool is_same(Value a, Value b)
{
    return a.tag == b.tag && a.u.u == b.u.u;
}

/* The same function, or another one made by the same def statement: what it captured has inputs of its own. */
static bool is_same_function(Value a, Value b)
{
    if (is_same(a, b))
        return true;
    const Func *f = FUNC(a), *g = FUNC(b);
    if (f->def != g->def || f->module != g->module || !f->free || !g->free)
        return false;
    for (uint32_t i = 0; i < f->code->n_defaults; i++)
        if (!is_same(f->defaults[i], g->defaults[i]))
            return false;
    return true;
}

static bool input_matches(const Nest *nest, const NInput *in, Frame *frame, Value iterable)
{
    Value room;
    const Value *v = input_place(in, frame, iterable, &room);
    uint64_t tag = v ? v->tag : T_Unbound;
    if (in->cell)
        return (v == nest_home(in->cell, frame)) == in->is_pinned;
    if (in->is_builtin)
        return tag == T_Unbound && is_same(nest->vm->builtins->slots[in->builtin_slot], in->identity);
    if (tag != in->tag)
        return false;
    if (tag == T_Array)
        return ARRAY(*v)->dtype == in->dtype && ARRAY(*v)->ndim == in->ndim;
    if (tag == T_Iter && (ITER(*v)->kind != in->iter_kind || !iter_is_fresh(*v)))
        return false;
    if (in->field != FIELD_None) {
        int64_t x;
        return range_field(*v, (NField)in->field, &x) && (!in->is_pinned || x == in->pinned);
    }
    if (tag == T_Func)
        return is_same_function(*v, in->identity);
    return in->identity.tag == T_Unbound || is_same(*v, in->identity);
}

bool nest_matches(const Nest *nest, Frame *frame, Value iterable)
{
    for (uint32_t i = 0; i < nest->n_inputs; i++)
        if (!input_matches(nest, &nest->inputs[i], frame, iterable))
            return false;
    return true;
}

/* A view made of the numbers that the nest left. */
static Value bound_view(VM *vm, const NBoundView *bv, const Array *a, int64_t (*get)(void *user, const NVar *var), void *user)
{
    int64_t shape[ALP_MAX_NDIM], strides[ALP_MAX_NDIM];
    char *data = a->data;
    int ndim = 0;
    for (int d = 0; d < a->ndim; d++) {
        const struct NBoundAxis *x = &bv->axis[d];
        int64_t start = x->start ? get(user, x->start) : 0;
        if (x->axis < 0 && start < 0)
            start += a->shape[d];
        data += start * a->strides[d];
        if (x->axis < 0)
            continue;
        shape[x->axis] = x->extent ? get(user, x->extent) : a->shape[d];
        strides[x->axis] = x->step * a->strides[d];
        ndim++;
    }
    return array_view(vm, a->buf, data, (DType)a->dtype, ndim, shape, strides, a->readonly);
}

Status nest_bind_views(const Nest *nest, Frame *frame, Array *const *arrays, int64_t (*get)(void *user, const NVar *var), void *user)
{
    VM *vm = nest->vm;
    uint32_t n = nest->n_bound_views, made = 0;
    if (n == 0)
        return ALP_OK;
    Value *view = vm_alloc(vm, n * sizeof *view);
    if (!view)
        return ALP_FAIL;
    Status s = ALP_OK;
    for (; made < n && s == ALP_OK; made++) {
        const NBoundView *bv = &nest->bound_views[made];
        view[made] = V_UNBOUND;
        if (!bv->set_var || get(user, bv->set_var))
            view[made] = bound_view(vm, bv, arrays[bv->array->id], get, user);
        if (IS_ERR(view[made]))
            s = ALP_FAIL;
    }
    /* All of them first: binding one may release the array that another one is of. */
    for (uint32_t i = 0; i < made; i++) {
        Value *home = nest_home(&nest->bound_views[i].home, frame);
        if (s == ALP_OK && home && view[i].tag != T_Unbound)
            value_set(vm, home, view[i]);
        else
            value_free(vm, view[i]);
    }
    vm_dealloc(vm, view, n * sizeof *view);
    return s;
}
