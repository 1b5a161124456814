/* interp/seq_methods.c — methods of lists, tuples and ranges. */
#include <string.h>

#include "interp/format.h"
#include "interp/native.h"
#include "interp/ops.h"
#include "interp/seq.h"

/* Bounds of index(): any integer, negative ones count from the end, never beyond it. */
static Status index_bound(VM *vm, Value v, int64_t count, int64_t fallback, int64_t *out)
{
    *out = fallback;
    if (v.tag == T_Unbound)
        return ALP_OK;
    if (v.tag == T_NpU64 && v.u.u > INT64_MAX)
        return ALP_OK;
    switch (op_as_index(vm, v, out)) {
    case 0:
        raise(vm, TY_TypeError, "slice indices must be integers or have an __index__ method");
        return ALP_FAIL;
    case -1:
        return ALP_FAIL;
    }
    if (*out < 0)
        *out = *out + count < 0 ? 0 : *out + count;
    return ALP_OK;
}

/* Position of x among items[from … to), -1: absent, -2: exception.  The list may change while its items are compared. */
static int64_t find_item(VM *vm, Value seq, Value x, int64_t from, int64_t to)
{
    for (int64_t k = from; k < to; k++) {
        size_t count = seq.tag == T_List ? LIST(seq)->count : TUPLE(seq)->count;
        if ((size_t)k >= count)
            break;
        Value item = value_ref(seq.tag == T_List ? LIST(seq)->item[k] : TUPLE(seq)->item[k]);
        int equal = op_item_equal(vm, item, x);
        value_free(vm, item);
        if (equal)
            return equal < 0 ? -2 : k;
    }
    return -1;
}

static Value count_item(VM *vm, Value seq, Value x)
{
    int64_t n = 0;
    for (int64_t k = 0; (k = find_item(vm, seq, x, k, INT64_MAX)) >= 0; k++)
        n++;
    return vm_has_exc(vm) ? V_ERR : V_INT(n);
}

/* ---- lists ------------------------------------------------------------------------------------------------------- */

static Value list_append_method(VM *vm, const Args *a)
{
    return list_append(vm, a->v[0], value_ref(a->v[1])) == ALP_OK ? V_NONE : V_ERR;
}

static Value list_extend_method(VM *vm, const Args *a)
{
    return list_extend(vm, a->v[0], a->v[1]) == ALP_OK ? V_NONE : V_ERR;
}

/* Takes item k out of the list, which owns it no more. */
static Value take_out(List *l, size_t k)
{
    Value v = l->item[k];
    l->count--;
    memmove(l->item + k, l->item + k + 1, (l->count - k) * sizeof(Value));
    return v;
}

static Value list_pop(VM *vm, const Args *a)
{
    List *l = LIST(a->v[0]);
    int64_t k = -1;
    if (a->v[1].tag != T_Unbound)
        if (arg_int(vm, a->v[1], &k) != ALP_OK)
            return V_ERR;
    if (l->count == 0)
        return raise(vm, TY_IndexError, "pop from empty list");
    if (k < 0)
        k += (int64_t)l->count;
    if (k < 0 || k >= (int64_t)l->count)
        return raise(vm, TY_IndexError, "pop index out of range");
    return take_out(l, (size_t)k);
}

static Value list_insert(VM *vm, const Args *a)
{
    List *l = LIST(a->v[0]);
    int64_t k, n;
    if (arg_int(vm, a->v[1], &k) != ALP_OK || list_reserve(vm, l, 1) != ALP_OK)
        return V_ERR;
    n = (int64_t)l->count;
    if (k < 0)
        k = k + n < 0 ? 0 : k + n;
    if (k > n)
        k = n;
    memmove(l->item + k + 1, l->item + k, (size_t)(n - k) * sizeof(Value));
    l->item[k] = value_ref(a->v[2]);
    l->count++;
    return V_NONE;
}

static Value list_remove(VM *vm, const Args *a)
{
    List *l = LIST(a->v[0]);
    int64_t k = find_item(vm, a->v[0], a->v[1], 0, INT64_MAX);
    if (k < 0 || (size_t)k >= l->count)
        return k == -2 ? V_ERR : raise(vm, TY_ValueError, "list.remove(x): x not in list");
    value_free(vm, take_out(l, (size_t)k));
    return V_NONE;
}

static Value list_index(VM *vm, const Args *a)
{
    int64_t from, to, count = (int64_t)LIST(a->v[0])->count;
    if (index_bound(vm, a->v[2], count, 0, &from) != ALP_OK || index_bound(vm, a->v[3], count, INT64_MAX, &to) != ALP_OK)
        return V_ERR;
    int64_t k = find_item(vm, a->v[0], a->v[1], from, to);
    if (k >= 0)
        return V_INT(k);
    if (k == -1) {
        Value text = value_repr(vm, a->v[1]);
        if (!IS_ERR(text)) {
            raise(vm, TY_ValueError, "%s is not in list", STR(text)->text);
            value_free(vm, text);
        }
    }
    return V_ERR;
}

static Value list_count(VM *vm, const Args *a)
{
    return count_item(vm, a->v[0], a->v[1]);
}

static Value list_reverse(VM *vm, const Args *a)
{
    List *l = LIST(a->v[0]);
    for (size_t i = 0, j = l->count; i + 1 < j; i++) {
        Value v = l->item[--j];
        l->item[j] = l->item[i];
        l->item[i] = v;
    }
    return V_NONE;
}

static Value list_sort_method(VM *vm, const Args *a)
{
    int64_t reverse = 0;
    if (a->v[2].tag != T_Unbound && arg_int(vm, a->v[2], &reverse) != ALP_OK)
        return V_ERR;
    Value key = a->v[1].tag == T_Unbound ? V_NONE : a->v[1];
    return list_sort(vm, a->v[0], key, reverse != 0) == ALP_OK ? V_NONE : V_ERR;
}

static Value list_clear(VM *vm, const Args *a)
{
    List *l = LIST(a->v[0]);
    Value *item = l->item;
    size_t count = l->count, cap = l->cap;
    l->item = NULL;
    l->count = l->cap = 0;
    for (size_t k = 0; k < count; k++)
        value_free(vm, item[k]);
    vm_dealloc(vm, item, cap * sizeof(Value));
    return V_NONE;
}

static Value list_copy(VM *vm, const Args *a)
{
    return list_new(vm, LIST(a->v[0])->item, LIST(a->v[0])->count);
}

const NativeRow list_methods[] = {
    { "append", list_append_method, "object, /", "Append object to the end of the list." },
    { "clear", list_clear, "", "Remove all items from list." },
    { "copy", list_copy, "", "Return a shallow copy of the list." },
    { "count", list_count, "value, /", "Return number of occurrences of value." },
    { "extend", list_extend_method, "iterable, /", "Extend list by appending elements from the iterable." },
    { "index", list_index, "value, start=, stop=, /", "Return first index of value." },
    { "insert", list_insert, "index, object, /", "Insert object before index." },
    { "pop", list_pop, "index=, /", "Remove and return item at index (default last)." },
    { "remove", list_remove, "value, /", "Remove first occurrence of value." },
    { "reverse", list_reverse, "", "Reverse *IN PLACE*." },
    { "sort", list_sort_method, "*, key=, reverse=", "Sort the list in ascending order and return None." },
    { NULL, NULL, NULL, NULL },
};

/* ---- tuples ------------------------------------------------------------------------------------------------------ */

static Value tuple_index(VM *vm, const Args *a)
{
    int64_t from, to, count = (int64_t)TUPLE(a->v[0])->count;
    if (index_bound(vm, a->v[2], count, 0, &from) != ALP_OK || index_bound(vm, a->v[3], count, INT64_MAX, &to) != ALP_OK)
        return V_ERR;
    int64_t k = find_item(vm, a->v[0], a->v[1], from, to);
    return k >= 0 ? V_INT(k) : k == -2 ? V_ERR : raise(vm, TY_ValueError, "tuple.index(x): x not in tuple");
}

static Value tuple_count(VM *vm, const Args *a)
{
    return count_item(vm, a->v[0], a->v[1]);
}

const NativeRow tuple_methods[] = {
    { "count", tuple_count, "value, /", "Return number of occurrences of value." },
    { "index", tuple_index, "value, start=, stop=, /", "Return first index of value." },
    { NULL, NULL, NULL, NULL },
};

/* ---- ranges ------------------------------------------------------------------------------------------------------ */

/* Position of x in r, or -1: ints by arithmetic, other numbers by their value; an exception is possible for the rest. */
static int64_t range_find(VM *vm, const Range *r, Value x, bool *is_int)
{
    double d;
    int64_t i;
    *is_int = x.tag == T_Int || x.tag == T_Bool;
    if (!value_as_int(x, &i)) {
        if (!value_as_double(x, &d) || !(d >= -0x1p63 && d < 0x1p63) || d != (double)(int64_t)d)
            return -1;
        i = (int64_t)d;
    }
    if (r->count == 0)
        return -1;
    uint64_t stride = r->step > 0 ? (uint64_t)r->step : 0 - (uint64_t)r->step;
    uint64_t distance = r->step > 0 ? (uint64_t)i - (uint64_t)r->start : (uint64_t)r->start - (uint64_t)i;
    if ((r->step > 0 ? i < r->start : i > r->start) || distance % stride || distance / stride >= (uint64_t)r->count)
        return -1;
    return (int64_t)(distance / stride);
}

static Value range_index(VM *vm, const Args *a)
{
    bool is_int;
    int64_t k = range_find(vm, RANGE(a->v[0]), a->v[1], &is_int);
    if (k >= 0)
        return V_INT(k);
    if (!is_int)
        return raise(vm, TY_ValueError, "sequence.index(x): x not in sequence");
    Value text = value_repr(vm, a->v[1]);
    if (!IS_ERR(text)) {
        raise(vm, TY_ValueError, "%s is not in range", STR(text)->text);
        value_free(vm, text);
    }
    return V_ERR;
}

static Value range_count_method(VM *vm, const Args *a)
{
    bool is_int;
    return V_INT(range_find(vm, RANGE(a->v[0]), a->v[1], &is_int) >= 0);
}

const NativeRow range_methods[] = {
    { "count", range_count_method, "value, /", "Return number of occurrences of value." },
    { "index", range_index, "value, /", "Return index of value." },
    { NULL, NULL, NULL, NULL },
};
