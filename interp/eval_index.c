/* interp/eval_index.c — a[i], a[i, j], a[lo:hi]: reading and writing elements.
 *
 * Integer subscripts of lists, tuples and arrays are handled here, without a key object and, for a variable that the
 * subscripts cannot rebind (SP_HOLDS), without a reference to the container.  All else, errors included, goes through
 * op_index() and op_set_index(). */
#include "interp/eval_index.h"
#include "interp/residency.h"
#include "interp/str.h"

/* ---- fast reading and writing ---------------------------------------------------------------------------------------- */

/* Byte address of element [index…] of an array with as many dimensions; NULL: out of bounds. */
INLINE char *element_at(const Array *a, const int64_t *index, uint32_t n)
{
    char *p = a->data;
    for (uint32_t d = 0; d < n; d++) {
        int64_t i = index[d] < 0 ? index[d] + a->shape[d] : index[d];
        if (UNLIKELY((uint64_t)i >= (uint64_t)a->shape[d]))
            return NULL;
        p += i * a->strides[d];
    }
    return p;
}

INLINE bool load_element(VM *vm, const Array *a, const char *p, Value *r)
{
    char room[16];
    p = element_to_host(vm, a, p, room);
    if (!p)
        return false;
    if (LIKELY(a->dtype == DT_F64)) {
        double x;
        memcpy(&x, p, sizeof x);
        *r = V_F64(x);
        return true;
    }
    *r = array_load(vm, (DType)a->dtype, p);
    return r->tag != T_Error;
}

/* False with or without an exception; store_general() looks. */
INLINE bool store_element(VM *vm, const Array *a, char *p, Value x)
{
    if (a->readonly)
        return false;
    if (UNLIKELY(vm->n_on_device))
        return x.tag <= T_LastInline && element_store_slow(vm, a, p, x) == ALP_OK;
    if (a->dtype == DT_F64) {
        double d;
        if (!as_f64(x, &d))
            return false;
        memcpy(p, &d, sizeof d);
        return true;
    }
    if (a->dtype == DT_I64 && is_i64(x)) {
        memcpy(p, &x.u.i, sizeof x.u.i);
        return true;
    }
    return x.tag <= T_LastInline && array_store(vm, (DType)a->dtype, p, x) == ALP_OK;
}

INLINE bool as_index(Value v, int64_t *i)
{
    *i = v.u.i;
    return is_i64(v) || (v.tag >= T_NpI8 && v.tag <= T_NpU32);
}

/* Position i of `count`, counted from the end if negative; false: out of bounds. */
INLINE bool in_bounds(int64_t *i, size_t count)
{
    if (*i < 0)
        *i += (int64_t)count;
    return LIKELY((uint64_t)*i < count);
}

INLINE bool load1(VM *vm, Value a, Value key, Value *r)
{
    int64_t i;
    if (UNLIKELY(!as_index(key, &i)))
        return false;
    switch (a.tag) {
    case T_List:
        if (!in_bounds(&i, LIST(a)->count))
            return false;
        *r = value_ref(LIST(a)->item[i]);
        return true;
    case T_Array: {
        Array *array = ARRAY(a);
        char *p;
        return array->ndim == 1 && (p = element_at(array, &i, 1)) && load_element(vm, array, p, r);
    }
    case T_Tuple:
        if (!in_bounds(&i, TUPLE(a)->count))
            return false;
        *r = value_ref(TUPLE(a)->item[i]);
        return true;
    case T_Str:
        if (STR(a)->size != STR(a)->length || !in_bounds(&i, STR(a)->size))
            return false;
        *r = vm_char(vm, (unsigned char)STR(a)->text[i]);
        return !IS_ERR(*r);
    default:
        return false;
    }
}

INLINE bool load2(VM *vm, Value a, Value k0, Value k1, Value *r)
{
    int64_t index[2];
    char *p;
    return a.tag == T_Array && ARRAY(a)->ndim == 2 && as_index(k0, &index[0]) && as_index(k1, &index[1]) &&
           (p = element_at(ARRAY(a), index, 2)) && load_element(vm, ARRAY(a), p, r);
}

/* Takes x if it succeeds. */
INLINE bool store1(VM *vm, Value a, Value key, ALP_TAKE Value x)
{
    int64_t i;
    if (UNLIKELY(!as_index(key, &i)))
        return false;
    if (a.tag == T_Array) {
        char *p;
        return ARRAY(a)->ndim == 1 && (p = element_at(ARRAY(a), &i, 1)) && store_element(vm, ARRAY(a), p, x);
    }
    if (a.tag != T_List || !in_bounds(&i, LIST(a)->count))
        return false;
    value_set(vm, &LIST(a)->item[i], x);
    return true;
}

INLINE bool store2(VM *vm, Value a, Value k0, Value k1, Value x)
{
    int64_t index[2];
    char *p;
    return a.tag == T_Array && ARRAY(a)->ndim == 2 && as_index(k0, &index[0]) && as_index(k1, &index[1]) &&
           (p = element_at(ARRAY(a), index, 2)) && store_element(vm, ARRAY(a), p, x);
}

/* ---- the general way ------------------------------------------------------------------------------------------------- */

static bool is_key_tuple(const AstIndex *e)
{
    return e->subs.count != 1 || e->is_tuple;
}

static Value make_key(VM *vm, Frame *f, AstIndex *e)
{
    if (!is_key_tuple(e))
        return EVAL(e->subs.item[0]);
    Value key = tuple_new(vm, NULL, e->subs.count);
    if (IS_ERR(key))
        return raise_at(vm, f, &e->head);
    for (uint32_t i = 0; i < e->subs.count; i++) {
        Value v = EVAL(e->subs.item[i]);
        if (IS_ERR(v)) {
            while (i < e->subs.count)
                TUPLE(key)->item[i++] = V_NONE;
            value_free(vm, key);
            return V_ERR;
        }
        TUPLE(key)->item[i] = v;
    }
    return key;
}

/* a[key], releasing both. */
NOINLINE static Value load_general(VM *vm, Frame *f, Node *n, ALP_TAKE Value a, ALP_TAKE Value key)
{
    Value r = vm_has_exc(vm) ? V_ERR : op_index(vm, a, key);
    value_free(vm, a);
    value_free(vm, key);
    return IS_ERR(r) ? raise_at(vm, f, n) : r;
}

Value eval_index(HANDLER_ARGS)
{
    AstIndex *e = AST_AS(Index, n);
    Value a = EVAL(e->value);
    if (IS_ERR(a))
        return a;
    Value key = make_key(vm, f, e);
    if (IS_ERR(key)) {
        value_free(vm, a);
        return key;
    }
    return load_general(vm, f, n, a, key);
}

/* a[k0, k1] with the values at hand. */
NOINLINE static Value load2_general(VM *vm, Frame *f, Node *n, ALP_TAKE Value a, ALP_TAKE Value k0, ALP_TAKE Value k1)
{
    Value key = tuple_of(vm, 2, k0, k1);
    if (IS_ERR(key)) {
        value_free(vm, a);
        return raise_at(vm, f, n);
    }
    return load_general(vm, f, n, a, key);
}

/* ---- members: B borrowed variable or X any container; one subscript L (variable) or X, or two ---------------------------- */

#define INDEX(n)    ((AstIndex *)(n))

static Value index_BL(HANDLER_ARGS)
{
    Value r;
    if (LIKELY(load1(vm, SLOT_OF(INDEX(n)->value), SLOT_OF(INDEX(n)->subs.item[0]), &r)))
        return r;
    return eval_index(vm, f, n);
}

static Value index_BK(HANDLER_ARGS)
{
    Value r;
    if (LIKELY(load1(vm, SLOT_OF(INDEX(n)->value), const_of(INDEX(n)->subs.item[0]), &r)))
        return r;
    return eval_index(vm, f, n);
}

static Value index_BX(HANDLER_ARGS)
{
    if (UNLIKELY(SLOT_OF(INDEX(n)->value).tag == T_Unbound))
        return eval_index(vm, f, n);
    Value key = EVAL(INDEX(n)->subs.item[0]), r;
    if (IS_ERR(key))
        return key;
    if (LIKELY(load1(vm, SLOT_OF(INDEX(n)->value), key, &r)))
        return r;               /* an integer key owns nothing */
    return load_general(vm, f, n, value_ref(SLOT_OF(INDEX(n)->value)), key);
}

static Value index_XX(HANDLER_ARGS)
{
    Value a = EVAL(INDEX(n)->value);
    if (IS_ERR(a))
        return a;
    Value key = EVAL(INDEX(n)->subs.item[0]), r;
    if (IS_ERR(key)) {
        value_free(vm, a);
        return key;
    }
    if (LIKELY(load1(vm, a, key, &r))) {
        value_free(vm, a);
        return r;
    }
    return load_general(vm, f, n, a, key);
}

static Value index_BXX(HANDLER_ARGS)
{
    if (UNLIKELY(SLOT_OF(INDEX(n)->value).tag == T_Unbound))
        return eval_index(vm, f, n);
    Value k0 = EVAL(INDEX(n)->subs.item[0]), k1, r;
    if (IS_ERR(k0))
        return k0;
    k1 = EVAL(INDEX(n)->subs.item[1]);
    if (IS_ERR(k1)) {
        value_free(vm, k0);
        return k1;
    }
    Value a = SLOT_OF(INDEX(n)->value);
    if (LIKELY(load2(vm, a, k0, k1, &r)))
        return r;
    return load2_general(vm, f, n, value_ref(a), k0, k1);
}

static Value index_XXX(HANDLER_ARGS)
{
    Value a = EVAL(INDEX(n)->value), k0, k1, r;
    if (IS_ERR(a))
        return a;
    k0 = EVAL(INDEX(n)->subs.item[0]);
    if (IS_ERR(k0)) {
        value_free(vm, a);
        return k0;
    }
    k1 = EVAL(INDEX(n)->subs.item[1]);
    if (IS_ERR(k1)) {
        value_free(vm, a);
        value_free(vm, k0);
        return k1;
    }
    if (LIKELY(load2(vm, a, k0, k1, &r))) {
        value_free(vm, a);
        return r;
    }
    return load2_general(vm, f, n, a, k0, k1);
}

/* Three subscripts and more: integers only, else a key is made of the values. */
static Value index_many(HANDLER_ARGS)
{
    AstIndex *e = INDEX(n);
    Value a = EVAL(e->value), r;
    if (IS_ERR(a))
        return a;
    Value key[ALP_MAX_NDIM];
    int64_t index[ALP_MAX_NDIM];
    bool plain = true;
    for (uint32_t i = 0; i < e->subs.count; i++) {
        key[i] = EVAL(e->subs.item[i]);
        if (IS_ERR(key[i])) {
            while (i > 0)
                value_free(vm, key[--i]);
            value_free(vm, a);
            return V_ERR;
        }
        plain = as_index(key[i], &index[i]) && plain;
    }
    char *p;
    if (plain && a.tag == T_Array && ARRAY(a)->ndim == e->subs.count && (p = element_at(ARRAY(a), index, e->subs.count)) &&
        load_element(vm, ARRAY(a), p, &r)) {
        value_free(vm, a);
        return r;
    }
    Value tuple = tuple_new(vm, key, e->subs.count);
    for (uint32_t i = 0; i < e->subs.count; i++)
        value_free(vm, key[i]);
    if (IS_ERR(tuple)) {
        value_free(vm, a);
        return raise_at(vm, f, n);
    }
    return load_general(vm, f, n, a, tuple);
}

/* a[i][j]: no view of row i is made for an element of a matrix. */
static Value index_nested(HANDLER_ARGS)
{
    AstIndex *inner = INDEX(INDEX(n)->value);
    Value row, r;
    if (UNLIKELY(SLOT_OF(inner->value).tag == T_Unbound))
        return index_XX(vm, f, n);
    Value k0 = EVAL(inner->subs.item[0]);
    if (IS_ERR(k0))
        return k0;
    Value a = SLOT_OF(inner->value);
    int64_t i, rows;
    if (a.tag == T_Array && ARRAY(a)->ndim == 2 && as_index(k0, &i)) {
        rows = ARRAY(a)->shape[0];
        if (i < 0)
            i += rows;
        if (LIKELY((uint64_t)i < (uint64_t)rows)) {
            Value k1 = EVAL(INDEX(n)->subs.item[0]);
            if (IS_ERR(k1))
                return k1;
            if (LIKELY(load2(vm, a, V_INT(i), k1, &r)))
                return r;
            row = op_index(vm, a, k0);
            if (IS_ERR(row)) {
                value_free(vm, k1);
                return raise_at(vm, f, &inner->head);
            }
            return load_general(vm, f, n, row, k1);
        }
    }
    if (UNLIKELY(!load1(vm, a, k0, &row))) {
        row = load_general(vm, f, &inner->head, value_ref(a), k0);
        if (IS_ERR(row))
            return row;
    }
    Value k1 = EVAL(INDEX(n)->subs.item[0]);
    if (IS_ERR(k1)) {
        value_free(vm, row);
        return k1;
    }
    if (LIKELY(load1(vm, row, k1, &r))) {
        value_free(vm, row);
        return r;
    }
    return load_general(vm, f, n, row, k1);
}

/* The container is a variable in frame->slots that evaluating the subscripts does not rebind. */
static bool is_borrowable(const AstIndex *e)
{
    if (!(e->value->spare & SP_SLOT))
        return false;
    for (uint32_t i = 0; i < e->subs.count; i++)
        if (!(e->subs.item[i]->spare & SP_HOLDS))
            return false;
    return true;
}

AnyFn choose_index(AstIndex *e)
{
    bool borrow = is_borrowable(e);
    if (borrow)
        e->head.spare |= SP_BORROW;
    uint32_t count = e->subs.count;
    if (count > 2)
        return count <= ALP_MAX_NDIM ? HANDLER(index_many) : HANDLER(eval_index);
    if (count == 2)
        return borrow ? HANDLER(index_BXX) : HANDLER(index_XXX);
    if (count != 1 || e->is_tuple)
        return HANDLER(eval_index);
    const Node *sub = e->subs.item[0];
    if (borrow)
        return sub->spare & SP_SLOT ? HANDLER(index_BL) : sub->spare & SP_CONST ? HANDLER(index_BK) : HANDLER(index_BX);
    if (e->value->kind == ND_Index) {
        const AstIndex *inner = INDEX(e->value);
        if (inner->subs.count == 1 && !inner->is_tuple && (inner->head.spare & SP_BORROW) && (sub->spare & SP_HOLDS))
            return HANDLER(index_nested);
    }
    return HANDLER(index_XX);
}

/* ---- writing --------------------------------------------------------------------------------------------------------- */

/* a[key] = x.  Borrows a, takes key and x. */
NOINLINE static Status store_general(VM *vm, Frame *f, Node *n, Value a, ALP_TAKE Value key, ALP_TAKE Value x)
{
    Status s = vm_has_exc(vm) ? ALP_FAIL : op_set_index(vm, a, key, x);
    value_free(vm, key);
    value_free(vm, x);
    if (s != ALP_OK)
        raise_at(vm, f, n);
    return s;
}

/* A subscripted target, evaluated. */
typedef struct Place {
    Value    a;                 /* the container */
    bool     owned;             /* `a` is a reference of its own, else borrowed from a variable */
    bool     nested;            /* a[i][j] of a matrix: key[0] is within bounds, but the subscripts are two in the program */
    uint32_t n;
    Value    key[ALP_MAX_NDIM]; /* owned; one tuple for keys that are no plain subscripts */
} Place;

static void place_free(VM *vm, const Place *p)
{
    for (uint32_t i = 0; i < p->n; i++)
        value_free(vm, p->key[i]);
    if (p->owned)
        value_free(vm, p->a);
}

/* The address of the array element that integer keys name; NULL: not that, or out of bounds. */
INLINE char *place_address(const Place *p)
{
    int64_t index[ALP_MAX_NDIM];
    if (p->a.tag != T_Array || ARRAY(p->a)->ndim != p->n)
        return NULL;
    for (uint32_t i = 0; i < p->n; i++)
        if (!as_index(p->key[i], &index[i]))
            return NULL;
    return element_at(ARRAY(p->a), index, p->n);
}

/* Container and first key of a[i][j], the variable a being borrowed.  `p` is empty. */
static Status find_nested(VM *vm, Frame *f, AstIndex *e, Place *p)
{
    AstIndex *inner = INDEX(e->value);
    int64_t i;
    Value k0 = EVAL(inner->subs.item[0]), a = SLOT_OF(inner->value);
    if (IS_ERR(k0))
        return ALP_FAIL;
    if (a.tag == T_Array && ARRAY(a)->ndim == 2 && as_index(k0, &i) && in_bounds(&i, (size_t)ARRAY(a)->shape[0])) {
        p->a = a;
        p->key[p->n++] = k0;
        p->nested = true;
        return ALP_OK;
    }
    if (UNLIKELY(!load1(vm, a, k0, &p->a)))
        p->a = load_general(vm, f, &inner->head, value_ref(a), k0);
    p->owned = !IS_ERR(p->a);
    return p->owned ? ALP_OK : ALP_FAIL;
}

INLINE bool is_nested(const AstIndex *e)
{
    return e->subs.count == 1 && !e->is_tuple && e->value->kind == ND_Index && (e->value->spare & SP_BORROW) &&
           INDEX(e->value)->subs.count == 1 && !INDEX(e->value)->is_tuple;
}

/* may_borrow: nothing that comes before the use can rebind the variable. */
INLINE Status place_find(VM *vm, Frame *f, AstIndex *e, bool may_borrow, Place *p)
{
    p->n = 0;
    p->nested = p->owned = false;
    if (may_borrow && (e->head.spare & SP_BORROW) && SLOT_OF(e->value).tag != T_Unbound) {
        p->a = SLOT_OF(e->value);
    } else if (may_borrow && is_nested(e) && (e->subs.item[0]->spare & SP_HOLDS) &&
               SLOT_OF(INDEX(e->value)->value).tag != T_Unbound) {
        TRY(find_nested(vm, f, e, p));
    } else {
        p->a = EVAL(e->value);
        if (IS_ERR(p->a))
            return ALP_FAIL;
        p->owned = true;
    }
    uint32_t count = is_key_tuple(e) && e->subs.count - 1 >= ALP_MAX_NDIM ? 1 : e->subs.count;
    bool plain = count == e->subs.count && (count > 1 || !e->is_tuple);
    for (uint32_t i = 0; i < count; i++) {
        Value key = plain ? EVAL(e->subs.item[i]) : make_key(vm, f, e);
        if (IS_ERR(key)) {
            place_free(vm, p);
            return ALP_FAIL;
        }
        p->key[p->n++] = key;
    }
    return ALP_OK;
}

/* For the general way: container and single key, owned. */
static Status place_resolve(VM *vm, const Place *p, Value *a, Value *key)
{
    uint32_t first = 0;
    *a = value_ref(p->a);
    if (p->nested) {
        value_free(vm, *a);
        *a = op_index(vm, p->a, p->key[0]);
        if (IS_ERR(*a))
            return ALP_FAIL;
        first = 1;
    }
    *key = p->n - first == 1 ? value_ref(p->key[first]) : tuple_new(vm, p->key + first, p->n - first);
    if (!IS_ERR(*key))
        return ALP_OK;
    value_free(vm, *a);
    return ALP_FAIL;
}

NOINLINE static Value place_load_general(VM *vm, Frame *f, Node *n, const Place *p)
{
    Value a, key;
    if (vm_has_exc(vm) || place_resolve(vm, p, &a, &key) != ALP_OK)
        return raise_at(vm, f, n);
    return load_general(vm, f, n, a, key);
}

/* Takes x. */
NOINLINE static Status place_store_general(VM *vm, Frame *f, Node *n, const Place *p, ALP_TAKE Value x)
{
    Value a, key;
    if (vm_has_exc(vm) || place_resolve(vm, p, &a, &key) != ALP_OK) {
        value_free(vm, x);
        raise_at(vm, f, n);
        return ALP_FAIL;
    }
    Status s = store_general(vm, f, n, a, key, x);
    value_free(vm, a);
    return s;
}

/* target[sub] = x for a borrowed container and one subscript. */
INLINE Status store_single(VM *vm, Frame *f, AstIndex *e, ALP_TAKE Value x)
{
    Value key = EVAL(e->subs.item[0]);
    if (IS_ERR(key)) {
        value_free(vm, x);
        return ALP_FAIL;
    }
    if (LIKELY(store1(vm, SLOT_OF(e->value), key, x)))
        return ALP_OK;
    return store_general(vm, f, &e->head, SLOT_OF(e->value), key, x);
}

INLINE bool is_single(const AstIndex *e)
{
    return (e->head.spare & SP_BORROW) && e->subs.count == 1 && !e->is_tuple;
}

Status index_store(VM *vm, Frame *f, AstIndex *e, ALP_TAKE Value x)
{
    Place p;
    Status s = ALP_OK;
    char *address;
    if (is_single(e) && SLOT_OF(e->value).tag != T_Unbound)
        return store_single(vm, f, e, x);
    if (place_find(vm, f, e, true, &p) != ALP_OK) {
        value_free(vm, x);
        return ALP_FAIL;
    }
    if (!((address = place_address(&p)) && store_element(vm, ARRAY(p.a), address, x)) && !(p.n == 1 && store1(vm, p.a, p.key[0], x)))
        s = place_store_general(vm, f, &e->head, &p, x);
    place_free(vm, &p);
    return s;
}

/* target[sub] = value for a borrowed container and one subscript, L (variable) or X. */
#define TARGET(n)   INDEX(((AstAssign *)(n))->targets.item[0])

static Flow store_BL(HANDLER_ARGS)
{
    Value x = EVAL(((AstAssign *)n)->value);
    if (IS_ERR(x))
        return FLOW_ERROR;
    AstIndex *e = TARGET(n);
    if (LIKELY(store1(vm, SLOT_OF(e->value), SLOT_OF(e->subs.item[0]), x)))
        return FLOW_NORMAL;
    return index_store(vm, f, e, x) == ALP_OK ? FLOW_NORMAL : FLOW_ERROR;
}

static Flow store_BX(HANDLER_ARGS)
{
    Value x = EVAL(((AstAssign *)n)->value);
    if (IS_ERR(x))
        return FLOW_ERROR;
    AstIndex *e = TARGET(n);
    Status s = LIKELY(SLOT_OF(e->value).tag != T_Unbound) ? store_single(vm, f, e, x) : index_store(vm, f, e, x);
    return s == ALP_OK ? FLOW_NORMAL : FLOW_ERROR;
}

static Flow store_BXX(HANDLER_ARGS)
{
    Value x = EVAL(((AstAssign *)n)->value), k0, k1;
    if (IS_ERR(x))
        return FLOW_ERROR;
    AstIndex *e = TARGET(n);
    if (UNLIKELY(SLOT_OF(e->value).tag == T_Unbound))
        return index_store(vm, f, e, x) == ALP_OK ? FLOW_NORMAL : FLOW_ERROR;
    k0 = EVAL(e->subs.item[0]);
    if (IS_ERR(k0)) {
        value_free(vm, x);
        return FLOW_ERROR;
    }
    k1 = EVAL(e->subs.item[1]);
    if (IS_ERR(k1)) {
        value_free(vm, k0);
        value_free(vm, x);
        return FLOW_ERROR;
    }
    if (LIKELY(store2(vm, SLOT_OF(e->value), k0, k1, x)))
        return FLOW_NORMAL;
    return store_general(vm, f, &e->head, SLOT_OF(e->value), tuple_of(vm, 2, k0, k1), x) == ALP_OK ? FLOW_NORMAL : FLOW_ERROR;
}

static Flow store_any(HANDLER_ARGS)
{
    Value x = EVAL(((AstAssign *)n)->value);
    return !IS_ERR(x) && index_store(vm, f, TARGET(n), x) == ALP_OK ? FLOW_NORMAL : FLOW_ERROR;
}

AnyFn choose_index_assign(const AstIndex *target)
{
    if ((target->head.spare & SP_BORROW) && target->subs.count == 2)
        return HANDLER(store_BXX);
    if (!is_single(target))
        return HANDLER(store_any);
    return target->subs.item[0]->spare & SP_SLOT ? HANDLER(store_BL) : HANDLER(store_BX);
}

/* old op x; takes both. */
INLINE Value combine(VM *vm, Frame *f, Node *n, ALP_TAKE Value old, ALP_TAKE Value x)
{
    Value r;
    BinOp op = ((AstAugAssign *)n)->op;
    if (LIKELY(fast_binary(op, old, x, &r)))
        return r;
    r = op_inplace(vm, op, old, x);
    value_free(vm, x);
    return IS_ERR(r) ? raise_at(vm, f, n) : r;
}

Flow index_aug_assign(HANDLER_ARGS)
{
    AstAugAssign *s = (AstAugAssign *)n;
    Place p;
    Value old, x, r;
    if (place_find(vm, f, (AstIndex *)s->target, (s->value->spare & SP_HOLDS) != 0, &p) != ALP_OK)
        return FLOW_ERROR;
    char *address = place_address(&p);
    if (!(address ? load_element(vm, ARRAY(p.a), address, &old) : p.n == 1 && load1(vm, p.a, p.key[0], &old)))
        old = place_load_general(vm, f, s->target, &p);
    if (IS_ERR(old))
        goto fail;
    x = EVAL(s->value);
    if (IS_ERR(x)) {
        value_free(vm, old);
        goto fail;
    }
    r = combine(vm, f, n, old, x);
    if (IS_ERR(r))
        goto fail;
    if (!(address ? store_element(vm, ARRAY(p.a), address, r) : p.n == 1 && store1(vm, p.a, p.key[0], r)) &&
        place_store_general(vm, f, s->target, &p, r) != ALP_OK)
        goto fail;
    place_free(vm, &p);
    return FLOW_NORMAL;
fail:
    place_free(vm, &p);
    return FLOW_ERROR;
}
