/* interp/item.c — a[i], a[i:j:k], a[i, j]: reading and writing items of any value. */
#include <string.h>

#include "interp/array.h"
#include "interp/native.h"
#include "interp/ops.h"
#include "interp/residency.h"
#include "interp/seq.h"
#include "interp/str.h"

/* ---- indices ------------------------------------------------------------------------------------------------------------- */

int op_as_index(VM *vm, Value v, int64_t *out)
{
    if (value_as_int(v, out))
        return 1;
    if (v.tag == T_NpU64) {
        raise(vm, TY_IndexError, "cannot fit 'numpy.uint64' into an index-sized integer");
        return -1;
    }
    if (v.tag != T_Array)
        return 0;
    const Array *a = ARRAY(v);
    char kind = dtype_info[a->dtype].kind;
    if (array_to_host(vm, a, HOST_Read) != ALP_OK)
        return -1;
    if (a->ndim == 0 && (kind == 'i' || kind == 'u'))
        return op_as_index(vm, array_load(vm, (DType)a->dtype, a->data), out);
    raise(vm, TY_TypeError, "only integer scalar arrays can be converted to a scalar index");
    return -1;
}

/* The key of a sequence of n items as a place in it; false: exception. */
static bool place(VM *vm, Value v, Value key, size_t n, const char *what, int64_t *out)
{
    int ok = op_as_index(vm, key, out);
    if (ok == 0)
        raise(vm, TY_TypeError, "%s indices must be integers or slices, not %s", value_type_name(v), value_type_name(key));
    if (ok <= 0)
        return false;
    if (*out < 0)
        *out += (int64_t)n;
    if (*out >= 0 && (uint64_t)*out < n)
        return true;
    raise(vm, TY_IndexError, "%s out of range", what);
    return false;
}

/* ---- reading ------------------------------------------------------------------------------------------------------------- */

static Value list_slice(VM *vm, Value v, Value key)
{
    int64_t start, step, count;
    const List *l = LIST(v);
    if (slice_indices(vm, key, (int64_t)l->count, &start, &step, &count) != ALP_OK)
        return V_ERR;
    if (step == 1 || count == 0)
        return list_new(vm, count ? l->item + start : NULL, (size_t)count);
    Value r = list_new(vm, NULL, (size_t)count);
    if (!IS_ERR(r))
        for (int64_t k = 0; k < count; k++)
            LIST(r)->item[k] = value_ref(l->item[start + k * step]);
    return r;
}

static Value tuple_slice(VM *vm, Value v, Value key)
{
    int64_t start, step, count;
    const Tuple *t = TUPLE(v);
    if (slice_indices(vm, key, (int64_t)t->count, &start, &step, &count) != ALP_OK)
        return V_ERR;
    if (step == 1 && (size_t)count == t->count)
        return value_ref(v);
    Value r = tuple_new(vm, NULL, (size_t)count);
    if (!IS_ERR(r))
        for (int64_t k = 0; k < count; k++)
            TUPLE(r)->item[k] = value_ref(t->item[start + k * step]);
    return r;
}

/* Where a slice of n items ends, as slice.indices() gives it. */
static Status slice_stop(VM *vm, const Slice *s, int64_t n, int64_t step, int64_t *out)
{
    int64_t low = step < 0 ? -1 : 0, high = step < 0 ? n - 1 : n, stop;
    if (s->stop.tag == T_None) {
        *out = step < 0 ? low : high;
        return ALP_OK;
    }
    if (op_as_index(vm, s->stop, &stop) < 0)
        return ALP_FAIL;
    if (stop < 0)
        stop += n;
    *out = stop < low ? low : stop > high ? high : stop;
    return ALP_OK;
}

static Value range_slice(VM *vm, Value v, Value key)
{
    const Range *r = RANGE(v);
    int64_t start, step, count, stop;
    if (slice_indices(vm, key, r->count, &start, &step, &count) != ALP_OK ||
        slice_stop(vm, SLICE(key), r->count, step, &stop) != ALP_OK)
        return V_ERR;
    if (__builtin_mul_overflow(start, r->step, &start) || __builtin_add_overflow(r->start, start, &start) ||
        __builtin_mul_overflow(stop, r->step, &stop) || __builtin_add_overflow(r->start, stop, &stop) ||
        __builtin_mul_overflow(step, r->step, &step))
        return raise_int_range(vm);
    return range_new(vm, start, stop, step);
}

static Value str_item(VM *vm, Value v, Value key)
{
    int64_t start, step, count;
    if (key.tag == T_Slice) {
        if (slice_indices(vm, key, (int64_t)STR(v)->length, &start, &step, &count) != ALP_OK)
            return V_ERR;
        return str_slice(vm, v, start, step, count);
    }
    int ok = op_as_index(vm, key, &start);
    if (ok == 0)
        return raise(vm, TY_TypeError, "string indices must be integers, not '%s'", value_type_name(key));
    return ok > 0 ? str_index(vm, v, start) : V_ERR;
}

/* A scalar is an array without axes: only (), ..., None and bools index it. */
static Value npscalar_item_at(VM *vm, Value v, Value key)
{
    const Value *k = key.tag == T_Tuple ? TUPLE(key)->item : &key;
    size_t n = key.tag == T_Tuple ? TUPLE(key)->count : 1;
    if (n == 0)
        return value_ref(v);
    for (size_t i = 0; i < n; i++)
        if (k[i].tag != T_None && k[i].tag != T_Ellipsis && k[i].tag != T_Bool && k[i].tag != T_NpBool)
            return raise(vm, TY_IndexError, "invalid index to scalar variable.");
    Value a = array_from_value(vm, v, DT_COUNT);
    if (IS_ERR(a))
        return a;
    Value r = array_index(vm, a, key);
    value_free(vm, a);
    return r;
}

static Value not_subscriptable(VM *vm, Value v)
{
    if (v.tag == T_Type)
        return raise(vm, TY_TypeError, "type '%s' is not subscriptable", type_qualname((TypeId)v.u.i));
    return raise(vm, TY_TypeError, "'%s' object is not subscriptable", value_type_name(v));
}

Value op_index(VM *vm, Value v, Value key)
{
    int64_t i;
    switch ((Tag)v.tag) {
    case T_List:
        if (key.tag == T_Slice)
            return list_slice(vm, v, key);
        return place(vm, v, key, LIST(v)->count, "list index", &i) ? value_ref(LIST(v)->item[i]) : V_ERR;
    case T_Tuple:
        if (key.tag == T_Slice)
            return tuple_slice(vm, v, key);
        return place(vm, v, key, TUPLE(v)->count, "tuple index", &i) ? value_ref(TUPLE(v)->item[i]) : V_ERR;
    case T_Range:
        if (key.tag == T_Slice)
            return range_slice(vm, v, key);
        if (!place(vm, v, key, (size_t)RANGE(v)->count, "range object index", &i))
            return V_ERR;
        return V_INT((int64_t)((uint64_t)RANGE(v)->start + (uint64_t)i * (uint64_t)RANGE(v)->step));
    case T_Str:
        return str_item(vm, v, key);
    case T_Array:
        return array_index(vm, v, key);
    case T_Foreign:
        return FOREIGN(v)->cls->index ? FOREIGN(v)->cls->index(vm, v, key) : not_subscriptable(vm, v);
    default:
        return IS_NPSCALAR(v) ? npscalar_item_at(vm, v, key) : not_subscriptable(vm, v);
    }
}

/* ---- writing ------------------------------------------------------------------------------------------------------------- */

/* l[start:start+count] = items, the length changing as needed.  What was there moves to `items`: nothing is destroyed
 * while the list is in pieces. */
static Status splice(VM *vm, List *l, int64_t start, int64_t count, List *items)
{
    size_t at = (size_t)start, gone = (size_t)count, n = items->count, tail = l->count - at - gone;
    if (n > gone)
        TRY(list_reserve(vm, l, n - gone));
    else
        TRY(list_reserve(vm, items, gone - n));
    size_t shared = n < gone ? n : gone;
    for (size_t k = 0; k < shared; k++) {
        Value old = l->item[at + k];
        l->item[at + k] = items->item[k];
        items->item[k] = old;
    }
    if (gone > n)
        memcpy(items->item + n, l->item + at + n, (gone - n) * sizeof(Value));
    if (tail && n != gone)
        memmove(l->item + at + n, l->item + at + gone, tail * sizeof(Value));
    if (n > gone)
        memcpy(l->item + at + gone, items->item + gone, (n - gone) * sizeof(Value));
    l->count = at + n + tail;
    items->count = gone;
    return ALP_OK;
}

static Status set_slice(VM *vm, Value list, Value key, Value x)
{
    List *l = LIST(list);
    int64_t start, step, count;
    TRY(slice_indices(vm, key, (int64_t)l->count, &start, &step, &count));
    bool iterable = x.tag == T_List || x.tag == T_Tuple || x.tag == T_Str || x.tag == T_Range || x.tag == T_Iter ||
                    x.tag == T_Foreign || (x.tag == T_Array && ARRAY(x)->ndim > 0);
    if (!iterable) {
        raise(vm, TY_TypeError, step == 1 ? "can only assign an iterable" : "must assign iterable to extended slice");
        return ALP_FAIL;
    }
    Value items = seq_to_list(vm, x);       /* a copy, also of the list itself */
    if (IS_ERR(items))
        return ALP_FAIL;
    size_t n = LIST(items)->count;
    Status s = slice_indices(vm, key, (int64_t)l->count, &start, &step, &count);     /* iterating may have changed the list */
    if (s == ALP_OK && step == 1) {
        s = splice(vm, l, start, count, LIST(items));
    } else if (s == ALP_OK && n != (size_t)count) {
        raise(vm, TY_ValueError, "attempt to assign sequence of size %zu to extended slice of size %lld", n, (long long)count);
        s = ALP_FAIL;
    } else if (s == ALP_OK) {
        for (size_t k = 0; k < n; k++) {    /* exchanged, so that the old ones go when the copy does */
            Value *slot = &l->item[start + (int64_t)k * step], old = *slot;
            *slot = LIST(items)->item[k];
            LIST(items)->item[k] = old;
        }
    }
    value_free(vm, items);
    return s;
}

static Status not_assignable(VM *vm, Value v)
{
    raise(vm, TY_TypeError, "'%s' object does not support item assignment", value_type_name(v));
    return ALP_FAIL;
}

Status op_set_index(VM *vm, Value v, Value key, Value x)
{
    int64_t i;
    switch ((Tag)v.tag) {
    case T_List:
        if (key.tag == T_Slice)
            return set_slice(vm, v, key, x);
        if (!place(vm, v, key, LIST(v)->count, "list assignment index", &i))
            return ALP_FAIL;
        value_set(vm, &LIST(v)->item[i], value_ref(x));
        return ALP_OK;
    case T_Array:
        return array_set_index(vm, v, key, x);
    case T_Foreign:
        if (FOREIGN(v)->cls->setindex)
            return FOREIGN(v)->cls->setindex(vm, v, key, x);
        break;
    default:
        break;
    }
    return not_assignable(vm, v);
}
