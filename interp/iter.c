/* interp/iter.c — iterators over every kind of value, and the lazy builtins enumerate, zip and reversed. */
#include "interp/array.h"
#include "interp/iter.h"
#include "interp/native.h"
#include "interp/ops.h"
#include "interp/residency.h"
#include "interp/seq.h"
#include "interp/str.h"

/* ---- making ------------------------------------------------------------------------------------------------------ */

static Value make(VM *vm, IterKind kind, ALP_TAKE Value source)
{
    if (IS_ERR(source))
        return V_ERR;
    Iter *it = obj_new(vm, T_Iter, sizeof(Iter));
    if (!it) {
        value_free(vm, source);
        return V_ERR;
    }
    it->kind = (uint8_t)kind;
    it->next = it->step = it->left = 0;
    it->source = source;
    it->state = NULL;
    return V_OBJ(it);
}

static Value make_range(VM *vm, int64_t next, int64_t step, int64_t left)
{
    Value v = make(vm, IT_Range, V_NONE);
    if (!IS_ERR(v)) {
        ITER(v)->next = next;
        ITER(v)->step = step;
        ITER(v)->left = left;
    }
    return v;
}

Value iter_new(VM *vm, Value v)
{
    switch ((Tag)v.tag) {
    case T_Iter:
        return value_ref(v);
    case T_Range:
        return make_range(vm, RANGE(v)->start, RANGE(v)->step, RANGE(v)->count);
    case T_List:
        return make(vm, IT_List, value_ref(v));
    case T_Tuple:
        return make(vm, IT_Tuple, value_ref(v));
    case T_Str:
        return make(vm, IT_Str, value_ref(v));
    case T_Array:
        if (ARRAY(v)->ndim == 0)
            return raise(vm, TY_TypeError, "iteration over a 0-d array");
        return make(vm, IT_Array, value_ref(v));
    case T_Foreign: {
        const ForeignClass *cls = FOREIGN(v)->cls;
        if (cls->iter)
            return cls->iter(vm, v);
        if (cls->index && cls->length)
            return make(vm, IT_Foreign, value_ref(v));
        break;
    }
    default:
        break;
    }
    return raise(vm, TY_TypeError, "'%s' object is not iterable", value_type_name(v));
}

Value iter_enumerate(VM *vm, Value iterable, int64_t start)
{
    Value v = make(vm, IT_Enumerate, iter_new(vm, iterable));
    if (!IS_ERR(v))
        ITER(v)->next = start;
    return v;
}

Value iter_zip(VM *vm, const Value *iterables, uint32_t n)
{
    Value its = tuple_new(vm, NULL, n);
    for (uint32_t k = 0; k < n && !IS_ERR(its); k++) {
        Value it = iter_new(vm, iterables[k]);
        if (IS_ERR(it)) {
            value_free(vm, its);
            return V_ERR;
        }
        TUPLE(its)->item[k] = it;
    }
    return make(vm, IT_Zip, its);
}

Value iter_zip_strict(VM *vm, const Value *iterables, uint32_t n)
{
    Value v = iter_zip(vm, iterables, n);
    if (!IS_ERR(v))
        ITER(v)->step = 1;
    return v;
}

/* next: index of the item that comes, for strings the byte offset behind it. */
Value iter_reversed(VM *vm, Value seq)
{
    int64_t count;
    switch ((Tag)seq.tag) {
    case T_Range: {
        const Range *r = RANGE(seq);
        /* wraps only where the value is not used: step -2**63 leaves two items at most */
        uint64_t last = (uint64_t)r->start + (uint64_t)(r->count - 1) * (uint64_t)r->step;
        return make_range(vm, (int64_t)last, (int64_t)(0 - (uint64_t)r->step), r->count);
    }
    case T_List:
        count = (int64_t)LIST(seq)->count;
        break;
    case T_Tuple:
        count = (int64_t)TUPLE(seq)->count;
        break;
    case T_Str:
        count = (int64_t)STR(seq)->size + 1;
        break;
    case T_Array:
        if (ARRAY(seq)->ndim == 0)
            return raise(vm, TY_TypeError, "len() of unsized object");
        count = ARRAY(seq)->shape[0];
        break;
    case T_Foreign: {
        const ForeignClass *cls = FOREIGN(seq)->cls;
        if (cls->index && cls->length) {
            count = cls->length(vm, seq);
            if (count < 0)
                return V_ERR;
            break;
        }
        return raise(vm, TY_TypeError, "'%s' object is not reversible", value_type_name(seq));
    }
    default:
        return raise(vm, TY_TypeError, "'%s' object is not reversible", value_type_name(seq));
    }
    Value v = make(vm, IT_Reversed, value_ref(seq));
    if (!IS_ERR(v))
        ITER(v)->next = count - 1;
    return v;
}

/* ---- next -------------------------------------------------------------------------------------------------------- */

static int give(Value v, Value *out)
{
    if (IS_ERR(v))
        return -1;
    *out = v;
    return 1;
}

static int give_row(VM *vm, const Array *a, int64_t i, Value *out)
{
    char *p = a->data + i * a->strides[0];
    if (a->ndim == 1)
        return array_to_host(vm, a, HOST_Read) == ALP_OK ? give(array_load(vm, (DType)a->dtype, p), out) : -1;
    return give(array_view(vm, a->buf, p, (DType)a->dtype, a->ndim - 1, a->shape + 1, a->strides + 1, a->readonly), out);
}

static int next_in_text(VM *vm, Iter *it, Value *out)
{
    const Str *s = STR(it->source);
    size_t from = (size_t)it->next, at = from;
    if (from >= s->size)
        return 0;
    utf8_next(s->text, s->size, &at);
    it->next = (int64_t)at;
    return give(str_new(vm, s->text + from, at - from), out);
}

static int next_reversed(VM *vm, Iter *it, Value *out)
{
    int64_t i = it->next;
    Value s = it->source;
    if (i < 0 || (s.tag == T_Str && i == 0)) {
        it->next = -1;
        return 0;
    }
    switch ((Tag)s.tag) {
    case T_List:
        if ((size_t)i >= LIST(s)->count) {
            it->next = -1;
            return 0;
        }
        it->next--;
        return give(value_ref(LIST(s)->item[i]), out);
    case T_Tuple:
        it->next--;
        return give(value_ref(TUPLE(s)->item[i]), out);
    case T_Str: {
        int64_t from = i;
        do
            from--;
        while (from > 0 && ((unsigned char)STR(s)->text[from] & 0xC0) == 0x80);
        it->next = from;
        return give(str_new(vm, STR(s)->text + from, (size_t)(i - from)), out);
    }
    case T_Array:
        it->next--;
        return give_row(vm, ARRAY(s), i, out);
    default:
        it->next--;
        return give(FOREIGN(s)->cls->index(vm, s, V_INT(i)), out);
    }
}

/* Iterators in iterators nest C calls. */
static bool stack_ends(VM *vm)
{
    if (LIKELY((char *)__builtin_frame_address(0) >= vm->stack_limit))
        return false;
    raise(vm, TY_RecursionError, "maximum recursion depth exceeded");
    return true;
}

static int next_enumerated(VM *vm, Iter *it, Value *out)
{
    Value item;
    if (stack_ends(vm))
        return -1;
    int more = iter_next(vm, it->source, &item);
    if (more <= 0)
        return more;
    Value counter = it->left ? int_add(vm, INT64_MAX, 1) : V_INT(it->next);     /* an int has 64 bits */
    it->left = __builtin_add_overflow(it->next, 1, &it->next);
    return give(tuple_of(vm, 2, counter, item), out);
}

/* Which arguments before number k a strict zip has already seen: "argument 1", "arguments 1-3". */
static int zip_mismatch(VM *vm, size_t k, const char *how)
{
    raise(vm, TY_ValueError, "zip() argument %zu is %s than argument%s%zu", k + 1, how, k == 1 ? " " : "s 1-", k);
    return -1;
}

static int next_zipped(VM *vm, Iter *it, Value *out)
{
    const Tuple *its = TUPLE(it->source);
    if (its->count == 0)
        return 0;
    if (stack_ends(vm))
        return -1;
    Value row = tuple_new(vm, NULL, its->count);
    if (IS_ERR(row))
        return -1;
    for (size_t k = 0; k < its->count; k++) {
        int more = iter_next(vm, its->item[k], &TUPLE(row)->item[k]);
        if (more > 0)
            continue;
        TUPLE(row)->item[k] = V_UNBOUND;
        value_free(vm, row);
        if (more < 0 || !it->step)
            return more;
        if (k > 0)
            return zip_mismatch(vm, k, "shorter");
        for (k = 1; k < its->count; k++) {
            Value item;
            if ((more = iter_next(vm, its->item[k], &item)) < 0)
                return -1;
            if (more) {
                value_free(vm, item);
                return zip_mismatch(vm, k, "longer");
            }
        }
        return 0;
    }
    return give(row, out);
}

int iter_next(VM *vm, Value v, Value *out)
{
    Iter *it = ITER(v);
    Value s = it->source;
    switch ((IterKind)it->kind) {
    case IT_Range:
        if (it->left <= 0)
            return 0;
        it->left--;
        *out = V_INT(it->next);
        it->next = (int64_t)((uint64_t)it->next + (uint64_t)it->step);
        return 1;
    case IT_List:
        if ((uint64_t)it->next >= LIST(s)->count) {
            it->next = INT64_MAX;       /* stays at its end, even if the list grows later */
            return 0;
        }
        *out = value_ref(LIST(s)->item[it->next++]);
        return 1;
    case IT_Tuple:
        if ((uint64_t)it->next >= TUPLE(s)->count)
            return 0;
        *out = value_ref(TUPLE(s)->item[it->next++]);
        return 1;
    case IT_Str:
        return next_in_text(vm, it, out);
    case IT_Array:
        return it->next >= ARRAY(s)->shape[0] ? 0 : give_row(vm, ARRAY(s), it->next++, out);
    case IT_Enumerate:
        return next_enumerated(vm, it, out);
    case IT_Zip:
        return next_zipped(vm, it, out);
    case IT_Reversed:
        return next_reversed(vm, it, out);
    case IT_Tqdm:
        return tqdm_next(vm, it, out);
    case IT_Foreign: {
        int64_t count = FOREIGN(s)->cls->length(vm, s);
        if (count < 0)
            return -1;
        return it->next >= count ? 0 : give(FOREIGN(s)->cls->index(vm, s, V_INT(it->next++)), out);
    }
    }
    return 0;
}

int64_t iter_length_hint(VM *vm, Value v)
{
    switch ((Tag)v.tag) {
    case T_Range:
        return RANGE(v)->count;
    case T_List:
        return (int64_t)LIST(v)->count;
    case T_Tuple:
        return (int64_t)TUPLE(v)->count;
    case T_Str:
        return (int64_t)STR(v)->length;
    case T_Array:
        return ARRAY(v)->ndim ? ARRAY(v)->shape[0] : -1;
    case T_Foreign:
        if (FOREIGN(v)->cls->length && !vm_has_exc(vm)) {
            int64_t n = FOREIGN(v)->cls->length(vm, v);
            if (n < 0)
                vm_clear_exc(vm);
            return n;
        }
        return -1;
    default:
        return -1;
    }
}
