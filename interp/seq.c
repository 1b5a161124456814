/* interp/seq.c — tuples, lists, ranges and slices as objects; methods: seq_methods.c, a[i]: item.c. */
#include <string.h>

#include "interp/iter.h"
#include "interp/ops.h"
#include "interp/seq.h"

/* ---- objects that can form cycles -------------------------------------------------------------------------------- */

void container_link(VM *vm, Container *c)
{
    c->prev = NULL;
    c->next = vm->containers;
    if (vm->containers)
        ((Container *)(void *)vm->containers)->prev = &c->head;
    vm->containers = &c->head;
}

void container_unlink(VM *vm, Container *c)
{
    if (c->prev)
        ((Container *)(void *)c->prev)->next = c->next;
    else if (vm->containers == &c->head)
        vm->containers = c->next;
    if (c->next)
        ((Container *)(void *)c->next)->prev = c->prev;
    c->prev = c->next = NULL;
}

/* ---- tuples ------------------------------------------------------------------------------------------------------ */

static void fill(Value *to, const Value *items, size_t count)
{
    for (size_t k = 0; k < count; k++)
        to[k] = items ? value_ref(items[k]) : V_UNBOUND;
}

Value tuple_new(VM *vm, const Value *items, size_t count)
{
    if (count > (SIZE_MAX / 2 - sizeof(Tuple)) / sizeof(Value))
        return raise_nomem(vm);
    Tuple *t = obj_new(vm, T_Tuple, sizeof(Tuple) + count * sizeof(Value));
    if (!t)
        return V_ERR;
    t->count = count;
    fill(t->item, items, count);
    return V_OBJ(t);
}

Value tuple_of(VM *vm, size_t count, ...)
{
    Value v = tuple_new(vm, NULL, count);
    bool failed = IS_ERR(v);
    va_list ap;
    va_start(ap, count);
    for (size_t k = 0; k < count; k++) {
        Value item = va_arg(ap, Value);
        if (IS_ERR(item))
            failed = true;
        else if (IS_ERR(v))
            value_free(vm, item);
        else
            TUPLE(v)->item[k] = item;
    }
    va_end(ap);
    if (failed && !IS_ERR(v)) {
        value_free(vm, v);
        v = V_ERR;
    }
    return v;
}

/* ---- lists ------------------------------------------------------------------------------------------------------- */

Value list_new(VM *vm, const Value *items, size_t count)
{
    List *l = obj_new(vm, T_List, sizeof(List));
    if (!l)
        return V_ERR;
    l->count = l->cap = 0;
    l->item = NULL;
    container_link(vm, &l->link);
    Value v = V_OBJ(l);
    if (count) {
        if (count > SIZE_MAX / 2 / sizeof(Value) || !(l->item = vm_alloc(vm, count * sizeof(Value)))) {
            value_free(vm, v);
            return raise_nomem(vm);
        }
        l->count = l->cap = count;
        fill(l->item, items, count);
    }
    return v;
}

Status list_reserve(VM *vm, List *l, size_t extra)
{
    size_t need;
    if (__builtin_add_overflow(l->count, extra, &need) || need > SIZE_MAX / 4 / sizeof(Value)) {
        raise_nomem(vm);
        return ALP_FAIL;
    }
    if (need <= l->cap)
        return ALP_OK;
    size_t cap = need + need / 4 + 4;
    Value *item = l->item ? vm_realloc(vm, l->item, l->cap * sizeof(Value), cap * sizeof(Value))
                          : vm_alloc(vm, cap * sizeof(Value));
    if (!item)
        return ALP_FAIL;
    l->item = item;
    l->cap = cap;
    return ALP_OK;
}

Status list_append(VM *vm, Value list, ALP_TAKE Value v)
{
    List *l = LIST(list);
    if (UNLIKELY(l->count == l->cap) && list_reserve(vm, l, 1) != ALP_OK) {
        value_free(vm, v);
        return ALP_FAIL;
    }
    l->item[l->count++] = v;
    return ALP_OK;
}

Status list_extend(VM *vm, Value list, Value iterable)
{
    List *l = LIST(list);
    if (iterable.tag == T_List || iterable.tag == T_Tuple) {
        size_t n = iterable.tag == T_List ? LIST(iterable)->count : TUPLE(iterable)->count;
        if (n == 0)
            return ALP_OK;
        TRY(list_reserve(vm, l, n));
        /* after the reservation: the list may be extended by itself */
        fill(l->item + l->count, iterable.tag == T_List ? LIST(iterable)->item : TUPLE(iterable)->item, n);
        l->count += n;
        return ALP_OK;
    }
    Value it = iter_new(vm, iterable), item;
    if (IS_ERR(it))
        return ALP_FAIL;
    int64_t hint = iter_length_hint(vm, iterable);
    int more = hint > 0 && list_reserve(vm, l, (size_t)hint) != ALP_OK ? -1 : 1;
    while (more > 0 && (more = iter_next(vm, it, &item)) > 0)
        if (list_append(vm, list, item) != ALP_OK)
            more = -1;
    value_free(vm, it);
    return more < 0 ? ALP_FAIL : ALP_OK;
}

Value seq_to_list(VM *vm, Value iterable)
{
    if (iterable.tag == T_Tuple)
        return list_new(vm, TUPLE(iterable)->item, TUPLE(iterable)->count);
    if (iterable.tag == T_List)
        return list_new(vm, LIST(iterable)->item, LIST(iterable)->count);
    Value list = list_new(vm, NULL, 0);
    if (!IS_ERR(list) && list_extend(vm, list, iterable) != ALP_OK) {
        value_free(vm, list);
        return V_ERR;
    }
    return list;
}

Value seq_to_tuple(VM *vm, Value iterable)
{
    if (iterable.tag == T_Tuple)
        return value_ref(iterable);
    if (iterable.tag == T_List)
        return tuple_new(vm, LIST(iterable)->item, LIST(iterable)->count);
    Value list = seq_to_list(vm, iterable);
    if (IS_ERR(list))
        return V_ERR;
    Value tuple = tuple_new(vm, LIST(list)->item, LIST(list)->count);
    value_free(vm, list);
    return tuple;
}

/* ---- ranges ------------------------------------------------------------------------------------------------------ */

int64_t range_count(int64_t start, int64_t stop, int64_t step)
{
    uint64_t distance, stride, n;
    if (step > 0 ? start >= stop : start <= stop)
        return 0;
    if (step > 0) {
        distance = (uint64_t)stop - (uint64_t)start;
        stride = (uint64_t)step;
    } else {
        distance = (uint64_t)start - (uint64_t)stop;
        stride = 0 - (uint64_t)step;
    }
    n = (distance - 1) / stride + 1;
    return n > INT64_MAX ? INT64_MAX : (int64_t)n;
}

Value range_new(VM *vm, int64_t start, int64_t stop, int64_t step)
{
    if (step == 0)
        return raise(vm, TY_ValueError, "range() arg 3 must not be zero");
    Range *r = obj_new(vm, T_Range, sizeof(Range));
    if (!r)
        return V_ERR;
    r->start = start;
    r->stop = stop;
    r->step = step;
    r->count = range_count(start, stop, step);
    return V_OBJ(r);
}

bool range_equal(const Range *a, const Range *b)
{
    return a->count == b->count && (a->count == 0 || (a->start == b->start && (a->count == 1 || a->step == b->step)));
}

/* ---- slices ------------------------------------------------------------------------------------------------------ */

Value slice_new(VM *vm, Value start, Value stop, Value step)
{
    Slice *s = obj_new(vm, T_Slice, sizeof(Slice));
    if (!s)
        return V_ERR;
    s->start = value_ref(start);
    s->stop = value_ref(stop);
    s->step = value_ref(step);
    return V_OBJ(s);
}

/* A slice's bound; integers of any size are fine, since they are clamped later. */
static Status slice_bound(VM *vm, Value v, int64_t fallback, int64_t *out)
{
    if (v.tag == T_Int || v.tag == T_NpI64) {
        *out = v.u.i;
        return ALP_OK;
    }
    if (v.tag == T_None) {
        *out = fallback;
        return ALP_OK;
    }
    if (v.tag == T_NpU64) {
        *out = v.u.u > INT64_MAX ? INT64_MAX : (int64_t)v.u.u;
        return ALP_OK;
    }
    switch (op_as_index(vm, v, out)) {
    case 1:
        return ALP_OK;
    case 0:
        raise(vm, TY_TypeError, "slice indices must be integers or None or have an __index__ method");
    }
    return ALP_FAIL;
}

static int64_t clamp(int64_t i, int64_t length, int64_t low, int64_t high)
{
    if (i < 0)
        i += length;
    return i < low ? low : i > high ? high : i;
}

Status slice_indices(VM *vm, Value slice, int64_t length, int64_t *start, int64_t *step, int64_t *count)
{
    const Slice *s = SLICE(slice);
    int64_t from, to, by;
    TRY(slice_bound(vm, s->step, 1, &by));
    if (by == 0) {
        raise(vm, TY_ValueError, "slice step cannot be zero");
        return ALP_FAIL;
    }
    if (by == INT64_MIN)
        by = -INT64_MAX;    /* so that it can be negated; one item at most either way */
    TRY(slice_bound(vm, s->start, by < 0 ? INT64_MAX : 0, &from));
    TRY(slice_bound(vm, s->stop, by < 0 ? INT64_MIN : INT64_MAX, &to));
    /* going down, the end may lie in front of the first item */
    int64_t low = by < 0 ? -1 : 0, high = by < 0 ? length - 1 : length;
    from = clamp(from, length, low, high);
    to = clamp(to, length, low, high);
    *start = from;
    *step = by;
    *count = range_count(from, to, by);
    return ALP_OK;
}

/* ---- attributes -------------------------------------------------------------------------------------------------- */

const char *const range_attr_names[] = { "start", "stop", "step", NULL };

Value range_attr(VM *vm, Value v, const char *name)
{
    const Range *r = RANGE(v);
    return strcmp(name, "start") == 0 ? V_INT(r->start) : strcmp(name, "stop") == 0 ? V_INT(r->stop)
         : strcmp(name, "step") == 0 ? V_INT(r->step) : V_UNBOUND;
}

Value slice_attr(VM *vm, Value v, const char *name)
{
    const Slice *s = SLICE(v);
    return strcmp(name, "start") == 0 ? value_ref(s->start) : strcmp(name, "stop") == 0 ? value_ref(s->stop)
         : strcmp(name, "step") == 0 ? value_ref(s->step) : V_UNBOUND;
}
