/* interp/assign.c — assignment: variables, unpacking, augmented assignment, del. */
#include "interp/attr.h"
#include "interp/iter.h"
#include "interp/str.h"
#include "interp/eval_index.h"

/* ---- targets --------------------------------------------------------------------------------------------------------- */

/* The count items of v, owned, into out. */
static Status unpack(VM *vm, Value v, uint32_t count, Value *out)
{
    const Value *item = NULL;
    size_t given = 0;
    if (v.tag == T_Tuple) {
        item = TUPLE(v)->item;
        given = TUPLE(v)->count;
    } else if (v.tag == T_List) {
        item = LIST(v)->item;
        given = LIST(v)->count;
    }
    if (item || v.tag == T_Tuple || v.tag == T_List) {
        if (given > count)
            goto too_many;
        if (given < count)
            goto too_few;
        for (uint32_t i = 0; i < count; i++)
            out[i] = value_ref(item[i]);
        return ALP_OK;
    }
    Value it = iter_new(vm, v);
    if (IS_ERR(it)) {
        if (vm->exc_type == TY_TypeError) {
            vm_clear_exc(vm);
            raise(vm, TY_TypeError, "cannot unpack non-iterable %s object", value_type_name(v));
        }
        return ALP_FAIL;
    }
    Value extra;
    int more = 1;
    while (given < count && (more = iter_next(vm, it, &out[given])) == 1)
        given++;
    if (more == 1 && given == count)
        more = iter_next(vm, it, &extra);
    else if (more == 0)
        more = 2;               /* ended early */
    value_free(vm, it);
    if (more == 0)
        return ALP_OK;
    for (size_t i = 0; i < given; i++)
        value_free(vm, out[i]);
    if (more < 0)
        return ALP_FAIL;
    if (more == 2)
        goto too_few;
    value_free(vm, extra);
too_many:
    raise(vm, TY_ValueError, "too many values to unpack (expected %u)", count);
    return ALP_FAIL;
too_few:
    raise(vm, TY_ValueError, "not enough values to unpack (expected %u, got %zu)", count, given);
    return ALP_FAIL;
}

/* Assigns the values, from left to right; takes them all. */
static Status assign_items(VM *vm, Frame *f, const NodeList *targets, ALP_TAKE Value *v)
{
    Status s = ALP_OK;
    for (uint32_t i = 0; i < targets->count; i++) {
        if (s == ALP_OK)
            s = assign_to(vm, f, targets->item[i], v[i]);
        else
            value_free(vm, v[i]);
    }
    return s;
}

static Status assign_unpacked(VM *vm, Frame *f, Node *n, const NodeList *targets, ALP_TAKE Value v)
{
    StackMark mark;
    Value *item = stack_take(vm, targets->count, &mark);
    Status s = item ? unpack(vm, v, targets->count, item) : ALP_FAIL;
    value_free(vm, v);
    if (s == ALP_OK)
        s = assign_items(vm, f, targets, item);
    else
        raise_at(vm, f, n);
    if (item)
        stack_drop(vm, &mark);
    return s;
}

Status assign_to(VM *vm, Frame *f, Node *n, ALP_TAKE Value v)
{
    switch ((NodeKind)n->kind) {
    case ND_Name: {
        AstName *e = AST_AS(Name, n);
        value_set(vm, var_slot(f, e->scope, e->slot), v);
        return ALP_OK;
    }
    case ND_Index:
        return index_store(vm, f, AST_AS(Index, n), v);
    case ND_Tuple:
        return assign_unpacked(vm, f, n, &AST_AS(Tuple, n)->items, v);
    case ND_List:
        return assign_unpacked(vm, f, n, &AST_AS(List, n)->items, v);
    default: {
        AstAttr *e = AST_AS(Attr, n);
        Value base = EVAL(e->value);
        Status s = IS_ERR(base) ? ALP_FAIL : attr_set(vm, base, e->name, v);
        value_free(vm, v);
        if (base.tag == T_Error)
            return ALP_FAIL;
        value_free(vm, base);
        if (s != ALP_OK)
            raise_at(vm, f, n);
        return s;
    }
    }
}

/* ---- assignment statements --------------------------------------------------------------------------------------------- */

#define ASSIGN(n)   ((AstAssign *)(n))

static Flow assign_slot(HANDLER_ARGS)
{
    Value v = EVAL(ASSIGN(n)->value);
    if (IS_ERR(v))
        return FLOW_ERROR;
    value_set(vm, &SLOT_OF(ASSIGN(n)->targets.item[0]), v);
    return FLOW_NORMAL;
}

/* a, b = x, y: no tuple is made. */
enum { MAX_PARALLEL = 4 };

/* Two variables. */
static Flow assign_pair(HANDLER_ARGS)
{
    Node **target = ((AstTuple *)ASSIGN(n)->targets.item[0])->items.item, **value = ((AstTuple *)ASSIGN(n)->value)->items.item;
    Value v = EVAL(value[0]);
    if (IS_ERR(v))
        return FLOW_ERROR;
    Value w = EVAL(value[1]);
    if (IS_ERR(w)) {
        value_free(vm, v);
        return FLOW_ERROR;
    }
    value_set(vm, &SLOT_OF(target[0]), v);
    value_set(vm, &SLOT_OF(target[1]), w);
    return FLOW_NORMAL;
}

static Flow assign_parallel(HANDLER_ARGS)
{
    const NodeList *targets = &AST_AS(Tuple, ASSIGN(n)->targets.item[0])->items;
    const NodeList *values = &AST_AS(Tuple, ASSIGN(n)->value)->items;
    Value v[MAX_PARALLEL];
    for (uint32_t i = 0; i < values->count; i++) {
        v[i] = EVAL(values->item[i]);
        if (IS_ERR(v[i])) {
            while (i > 0)
                value_free(vm, v[--i]);
            return FLOW_ERROR;
        }
    }
    for (uint32_t i = 0; i < targets->count; i++) {
        Node *target = targets->item[i];
        if (LIKELY(target->spare & SP_SLOT))
            value_set(vm, &SLOT_OF(target), v[i]);
        else if (assign_to(vm, f, target, v[i]) != ALP_OK) {
            while (++i < targets->count)
                value_free(vm, v[i]);
            return FLOW_ERROR;
        }
    }
    return FLOW_NORMAL;
}

/* Gives the variables in `targets` (SP_SLOT all) the items of v, if it is a tuple of as many.  Takes v if it succeeds. */
bool assign_tuple_to_slots(VM *vm, Frame *f, const NodeList *targets, ALP_TAKE Value v)
{
    if (v.tag != T_Tuple || TUPLE(v)->count != targets->count)
        return false;
    for (uint32_t i = 0; i < targets->count; i++)
        value_set(vm, &SLOT_OF(targets->item[i]), value_ref(TUPLE(v)->item[i]));
    value_free(vm, v);
    return true;
}

bool all_slots(const NodeList *targets)
{
    for (uint32_t i = 0; i < targets->count; i++)
        if (!(targets->item[i]->spare & SP_SLOT))
            return false;
    return true;
}

/* x, y = value with variables only. */
static Flow assign_slots(HANDLER_ARGS)
{
    Node *target = ASSIGN(n)->targets.item[0];
    const NodeList *targets = &((AstTuple *)target)->items;
    Value v = EVAL(ASSIGN(n)->value);
    if (IS_ERR(v))
        return FLOW_ERROR;
    if (LIKELY(assign_tuple_to_slots(vm, f, targets, v)))
        return FLOW_NORMAL;
    return assign_unpacked(vm, f, target, targets, v) == ALP_OK ? FLOW_NORMAL : FLOW_ERROR;
}

static Flow assign_general(HANDLER_ARGS)
{
    const NodeList *targets = &ASSIGN(n)->targets;
    Value v = EVAL(ASSIGN(n)->value);
    if (IS_ERR(v))
        return FLOW_ERROR;
    for (uint32_t i = 0; i < targets->count; i++)
        if (assign_to(vm, f, targets->item[i], value_ref(v)) != ALP_OK) {
            value_free(vm, v);
            return FLOW_ERROR;
        }
    value_free(vm, v);
    return FLOW_NORMAL;
}

AnyFn choose_assign(const AstAssign *s)
{
    const Node *target = s->targets.item[0];
    if (s->targets.count > 1)
        return HANDLER(assign_general);
    if (target->spare & SP_SLOT)
        return HANDLER(assign_slot);
    if (target->kind == ND_Index)
        return choose_index_assign((const AstIndex *)target);
    if (target->kind == ND_Tuple && s->value->kind == ND_Tuple) {
        uint32_t count = ((const AstTuple *)target)->items.count;
        if (count <= MAX_PARALLEL && count == ((const AstTuple *)s->value)->items.count)
            return count == 2 && all_slots(&((const AstTuple *)target)->items) ? HANDLER(assign_pair) : HANDLER(assign_parallel);
    }
    if (target->kind == ND_Tuple && all_slots(&((const AstTuple *)target)->items))
        return HANDLER(assign_slots);
    return HANDLER(assign_general);
}

Flow exec_ann_assign(HANDLER_ARGS)
{
    AstAnnAssign *s = AST_AS(AnnAssign, n);
    if (!s->value)
        return FLOW_NORMAL;
    Value v = EVAL(s->value);
    if (IS_ERR(v) || assign_to(vm, f, s->target, v) != ALP_OK)
        return FLOW_ERROR;
    return FLOW_NORMAL;
}

/* ---- augmented assignment ---------------------------------------------------------------------------------------------- */

#define AUG(n)  ((AstAugAssign *)(n))

/* Room for `extra` more bytes in the string *slot, which only this variable and one more reference of the caller's hold: the text
 * may then grow in place, and so a loop of `s += t` takes linear time.  On failure the string is as it was. */
static Status make_room(VM *vm, Value *slot, size_t extra)
{
    Str *s = STR(*slot);
    size_t need;
    if (s->cap - s->size >= extra)
        return ALP_OK;
    if (__builtin_add_overflow(s->size, extra, &need) || need > (size_t)INT64_MAX / 2) {
        raise_nomem(vm);
        return ALP_FAIL;
    }
    size_t cap = need + need / 4 + 32;
    Str *bigger = vm_realloc(vm, s, sizeof *s + s->cap + 1, sizeof *s + cap + 1);
    if (!bigger)
        return ALP_FAIL;
    bigger->cap = cap;
    slot->u.o = &bigger->head;
    return ALP_OK;
}

/* *slot op= x, the value `old` having been read from *slot; takes both.  For what the fast operator declined. */
NOINLINE static Flow aug_finish(VM *vm, Frame *f, Node *n, Value *slot, ALP_TAKE Value old, ALP_TAKE Value x)
{
    Value r;
    if (AUG(n)->op == BI_Add && both(old, x, T_Str) && slot->tag == T_Str && slot->u.o == old.u.o && old.u.o->refs == 2 &&
        x.u.o != old.u.o) {
        if (make_room(vm, slot, STR(x)->size) != ALP_OK) {
            value_free(vm, old);
            r = V_ERR;
        } else {
            r = *slot;
            *slot = V_UNBOUND;
            r.u.o->refs = 1;
            r = str_concat(vm, r, x);   /* cannot fail: there is room */
        }
    } else {
        r = op_inplace(vm, AUG(n)->op, old, x);
    }
    value_free(vm, x);
    if (IS_ERR(r)) {
        raise_at(vm, f, n);
        return FLOW_ERROR;
    }
    value_set(vm, slot, r);
    return FLOW_NORMAL;
}

static Flow aug_general(HANDLER_ARGS)
{
    AstName *name = AST_AS(Name, AUG(n)->target);
    Value old = EVAL(AUG(n)->target);
    if (IS_ERR(old))
        return FLOW_ERROR;
    Value x = EVAL(AUG(n)->value);
    if (IS_ERR(x)) {
        value_free(vm, old);
        return FLOW_ERROR;
    }
    return aug_finish(vm, f, n, var_slot(f, name->scope, name->slot), old, x);
}

/* Target a slot variable, value K (literal) or X.  A number in the variable needs no reference; anything else takes the general way. */
#define MEMBERS(op)                                                                             \
static Flow op##_K(HANDLER_ARGS)                                                                \
{                                                                                               \
    Value *slot = &SLOT_OF(AUG(n)->target), r;                                                  \
    if (UNLIKELY(!fast_##op(*slot, const_of(AUG(n)->value), &r)))                               \
        return aug_general(vm, f, n);                                                           \
    *slot = r;                                                                                  \
    return FLOW_NORMAL;                                                                         \
}                                                                                               \
static Flow op##_X(HANDLER_ARGS)                                                                \
{                                                                                               \
    Value old = SLOT_OF(AUG(n)->target), r;                                                     \
    if (UNLIKELY(IS_HEAP(old) || old.tag == T_Unbound))                                         \
        return aug_general(vm, f, n);                                                           \
    Value x = EVAL(AUG(n)->value);                                                              \
    if (UNLIKELY(!fast_##op(old, x, &r)))                                                       \
        return IS_ERR(x) ? FLOW_ERROR : aug_finish(vm, f, n, &SLOT_OF(AUG(n)->target), old, x); \
    value_set(vm, &SLOT_OF(AUG(n)->target), r);                                                 \
    return FLOW_NORMAL;                                                                         \
}
MEMBERS(Add) MEMBERS(Sub) MEMBERS(Mul) MEMBERS(Div) MEMBERS(Mod) MEMBERS(FloorDiv) MEMBERS(Or) MEMBERS(Xor) MEMBERS(And)
MEMBERS(LShift) MEMBERS(RShift)

static Flow aug_attr(HANDLER_ARGS)
{
    AstAttr *e = AST_AS(Attr, AUG(n)->target);
    Value base = EVAL(e->value);
    if (IS_ERR(base))
        return FLOW_ERROR;
    Flow flow = FLOW_ERROR;
    Value old = attr_get(vm, base, e->name);
    if (IS_ERR(old)) {
        raise_at(vm, f, AUG(n)->target);
        goto end;
    }
    Value x = EVAL(AUG(n)->value);
    if (IS_ERR(x)) {
        value_free(vm, old);
        goto end;
    }
    Value r = op_inplace(vm, AUG(n)->op, old, x);
    value_free(vm, x);
    if (IS_ERR(r)) {
        raise_at(vm, f, n);
        goto end;
    }
    if (attr_set(vm, base, e->name, r) == ALP_OK)
        flow = FLOW_NORMAL;
    else
        raise_at(vm, f, AUG(n)->target);
    value_free(vm, r);
end:
    value_free(vm, base);
    return flow;
}

AnyFn choose_aug_assign(const AstAugAssign *s)
{
#define ROW(op) [BI_##op] = { HANDLER(op##_K), HANDLER(op##_X) }
    static const AnyFn member[BI_COUNT][2] = {
        ROW(Add), ROW(Sub), ROW(Mul), ROW(Div), ROW(Mod), ROW(FloorDiv), ROW(Or), ROW(Xor), ROW(And), ROW(LShift), ROW(RShift),
    };
    const Node *target = s->target;
    if (target->kind == ND_Index)
        return HANDLER(index_aug_assign);
    if (target->kind == ND_Attr)
        return HANDLER(aug_attr);
    if ((target->spare & SP_SLOT) && member[s->op][0])
        return member[s->op][s->value->spare & SP_CONST ? 0 : 1];
    return HANDLER(aug_general);
}

/* ---- del ----------------------------------------------------------------------------------------------------------------- */

Flow exec_del(HANDLER_ARGS)
{
    const NodeList *targets = &AST_AS(Del, n)->targets;
    for (uint32_t i = 0; i < targets->count; i++) {
        AstName *e = AST_AS(Name, targets->item[i]);
        Value *slot = var_slot(f, e->scope, e->slot);
        if (slot->tag == T_Unbound) {
            raise_unbound(vm, f, e);
            return FLOW_ERROR;
        }
        value_set(vm, slot, V_UNBOUND);
    }
    return FLOW_NORMAL;
}
