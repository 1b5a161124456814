/* interp/exec.c — statements and loops. */
#include "interp/array.h"
#include "interp/engine.h"
#include "interp/fast.h"
#include "interp/format.h"
#include "interp/iter.h"
#include "interp/residency.h"
#include "interp/seq.h"
#include "interp/str.h"

Flow exec_body(VM *vm, Frame *f, const NodeList *body)
{
    return exec_block(vm, f, body);
}

/* At the prompt an expression's value is shown and kept as `_`. */
NOINLINE static Status echo(VM *vm, Value v)
{
    if (v.tag == T_None)
        return ALP_OK;
    TRY(module_set(vm, vm->builtins, "_", value_ref(v)));
    Value text = value_repr(vm, v);
    if (IS_ERR(text))
        return ALP_FAIL;
    Status s = vm_write(vm, 1, STR(text)->text, STR(text)->size);
    value_free(vm, text);
    return s == ALP_OK ? vm_write(vm, 1, "\n", 1) : s;
}

Flow exec_expr(HANDLER_ARGS)
{
    Value v = EVAL(((AstExprStmt *)n)->value);
    if (IS_ERR(v))
        return FLOW_ERROR;
    Status s = UNLIKELY(vm->echo) && !f->func ? echo(vm, v) : ALP_OK;
    value_free(vm, v);
    if (s == ALP_OK)
        return FLOW_NORMAL;
    raise_at(vm, f, n);
    return FLOW_ERROR;
}

static Flow exec_if(HANDLER_ARGS)
{
    AstIf *s = (AstIf *)n;
    int t = test_for(vm, f, n, s->test);
    if (UNLIKELY(t < 0))
        return FLOW_ERROR;
    return exec_block(vm, f, t ? &s->body : &s->orelse);
}

/* One statement on each side at most. */
static Flow if_single(HANDLER_ARGS)
{
    AstIf *s = (AstIf *)n;
    int t = test_for(vm, f, n, s->test);
    if (UNLIKELY(t < 0))
        return FLOW_ERROR;
    const NodeList *chosen = t ? &s->body : &s->orelse;
    if (chosen->count == 0)
        return FLOW_NORMAL;
    n = chosen->item[0];
    return EXEC(n);
}

AnyFn choose_if(const AstIf *s)
{
    return s->body.count <= 1 && s->orelse.count <= 1 ? HANDLER(if_single) : HANDLER(exec_if);
}

Flow exec_return(HANDLER_ARGS)
{
    AstReturn *s = (AstReturn *)n;
    Value v = s->value ? EVAL(s->value) : V_NONE;
    if (IS_ERR(v))
        return FLOW_ERROR;
    f->ret = v;
    return FLOW_RETURN;
}

Flow exec_break(HANDLER_ARGS)
{
    return FLOW_BREAK;
}

Flow exec_continue(HANDLER_ARGS)
{
    return FLOW_CONTINUE;
}

Flow exec_pass(HANDLER_ARGS)
{
    return FLOW_NORMAL;
}

/* ---- loops ----------------------------------------------------------------------------------------------------------- */

/* The engine's answer to a loop it wants to be asked about; true when *flow is the loop's outcome. */
static bool is_taken(VM *vm, Frame *f, LoopVerdict verdict, const NodeList *orelse, Flow *flow)
{
    switch (verdict) {
    case LOOP_DECLINED: return false;
    case LOOP_DONE:     *flow = exec_block(vm, f, orelse); return true;
    case LOOP_BROKE:    *flow = FLOW_NORMAL; return true;
    case LOOP_RETURNED: *flow = FLOW_RETURN; return true;
    case LOOP_RAISED:   *flow = FLOW_ERROR; return true;
    }
    return false;
}

NOINLINE static bool engine_takes(VM *vm, Frame *f, Node *n, Value iterable, const NodeList *orelse, Flow *flow)
{
    return is_taken(vm, f, vm->engine->take(vm, f, n, iterable), orelse, flow);
}

NOINLINE static bool engine_takes_rest(VM *vm, Frame *f, Node *n, const NodeList *orelse, Flow *flow)
{
    return vm->engine->take_rest && is_taken(vm, f, vm->engine->take_rest(vm, f, n), orelse, flow);
}

enum { ASK_AGAIN = 32 };        /* iterations of a While loop, and each time that many times more */

/* One run of a loop's body: false when the loop is over, with its outcome in *flow. */
INLINE bool run_body(VM *vm, Frame *f, Node *n, const NodeList *body, Flow *flow)
{
    *flow = exec_block(vm, f, body);
    if (UNLIKELY(*flow != FLOW_NORMAL && *flow != FLOW_CONTINUE)) {
        if (*flow == FLOW_BREAK)
            *flow = FLOW_NORMAL;
        return false;
    }
    if (poll_fails(vm)) {
        raise_at(vm, f, n);
        *flow = FLOW_ERROR;
        return false;
    }
    return true;
}

Flow exec_while(HANDLER_ARGS)
{
    AstWhile *s = (AstWhile *)n;
    Flow flow;
    bool asks = s->ask_engine && vm->engine;
    if (asks && engine_takes(vm, f, n, V_UNBOUND, &s->orelse, &flow))
        return flow;
    for (uint64_t k = 1, ask = ASK_AGAIN;; k++) {
        int t = test_for(vm, f, n, s->test);
        if (t <= 0)
            return t < 0 ? FLOW_ERROR : exec_block(vm, f, &s->orelse);
        if (!run_body(vm, f, s->test, &s->body, &flow))
            break;
        if (UNLIKELY(k == ask)) {
            ask *= ASK_AGAIN;
            if (asks && vm->engine && engine_takes_rest(vm, f, n, &s->orelse, &flow))
                return flow;
        }
    }
    return flow;
}

/* What a loop walks, with the position kept here: list, tuple, string or 1-d array by index, anything else by its iterator. */
typedef struct Cursor {
    Value   source;             /* owned */
    int64_t next;
} Cursor;

/* Takes iterable. */
static Status cursor_init(VM *vm, Cursor *c, ALP_TAKE Value iterable)
{
    c->next = 0;
    c->source = iterable;
    if (iterable.tag == T_List || iterable.tag == T_Tuple || iterable.tag == T_Iter ||
        (iterable.tag == T_Array && ARRAY(iterable)->ndim == 1) ||
        (iterable.tag == T_Str && STR(iterable)->size == STR(iterable)->length))
        return ALP_OK;
    c->source = iter_new(vm, iterable);
    value_free(vm, iterable);
    return IS_ERR(c->source) ? ALP_FAIL : ALP_OK;
}

/* 1: item in *out; 0: end; -1: exception.  A list may change its length meanwhile. */
INLINE int cursor_next(VM *vm, Cursor *c, Value *out)
{
    switch (c->source.tag) {
    case T_List:
        if ((size_t)c->next >= LIST(c->source)->count)
            return 0;
        *out = value_ref(LIST(c->source)->item[c->next++]);
        return 1;
    case T_Tuple:
        if ((size_t)c->next >= TUPLE(c->source)->count)
            return 0;
        *out = value_ref(TUPLE(c->source)->item[c->next++]);
        return 1;
    case T_Str:
        if ((size_t)c->next >= STR(c->source)->size)
            return 0;
        *out = vm_char(vm, (unsigned char)STR(c->source)->text[c->next++]);
        return IS_ERR(*out) ? -1 : 1;
    case T_Array: {
        Array *a = ARRAY(c->source);
        if (c->next >= a->shape[0])
            return 0;
        if (array_to_host(vm, a, HOST_Read) != ALP_OK)
            return -1;
        *out = array_load(vm, (DType)a->dtype, a->data + c->next++ * a->strides[0]);
        return IS_ERR(*out) ? -1 : 1;
    }
    default:
        return iter_next(vm, c->source, out);
    }
}

enum { MAX_PARTS = 4 };

/* `for i, x in enumerate(…)`, `for x, y in zip(…)`: can the next items go to the variables without a tuple around them? */
static bool has_parts(const Cursor *c, const NodeList *targets)
{
    if (c->source.tag != T_Iter || targets->count > MAX_PARTS)
        return false;
    const Iter *it = ITER(c->source);
    if (it->kind == IT_Enumerate)
        return targets->count == 2 && !it->left;
    return it->kind == IT_Zip && !it->step && TUPLE(it->source)->count == targets->count;
}

/* As cursor_next(), one value per target. */
static int next_parts(VM *vm, const Cursor *c, Value *out)
{
    Iter *it = ITER(c->source);
    if (it->kind == IT_Enumerate) {
        int more = iter_next(vm, it->source, &out[1]);
        out[0] = V_INT(it->next);
        if (more > 0)
            it->left = __builtin_add_overflow(it->next, 1, &it->next);
        return more;
    }
    const Tuple *its = TUPLE(it->source);
    for (size_t k = 0; k < its->count; k++) {
        int more = iter_next(vm, its->item[k], &out[k]);
        if (more <= 0) {
            while (k > 0)
                value_free(vm, out[--k]);
            return more;
        }
    }
    return 1;
}

/* Next item to the loop's targets: 1; 0: end; -1: exception, located. */
INLINE int advance(VM *vm, Frame *f, Node *n, Cursor *c, const NodeList *slots)
{
    Node *target = ((AstFor *)n)->target;
    Value item;
    if (slots && has_parts(c, slots)) {
        Value part[MAX_PARTS];
        int more = next_parts(vm, c, part);
        if (more < 0)
            raise_at(vm, f, n);
        for (uint32_t i = 0; more > 0 && i < slots->count; i++)
            value_set(vm, &SLOT_OF(slots->item[i]), part[i]);
        return more;
    }
    int more = cursor_next(vm, c, &item);
    if (UNLIKELY(more <= 0)) {
        if (more < 0)
            raise_at(vm, f, n);
        return more;
    }
    if (LIKELY(target->spare & SP_SLOT))
        value_set(vm, &SLOT_OF(target), item);
    else if (!(slots && assign_tuple_to_slots(vm, f, slots, item)) && assign_to(vm, f, target, item) != ALP_OK)
        return -1;
    return 1;
}

/* Counts in a single variable. */
static Flow for_count(VM *vm, Frame *f, Node *n, int64_t start, int64_t step, int64_t count)
{
    AstFor *s = AST_AS(For, n);
    AstName *target = AST_AS(Name, s->target);
    Flow flow;
    int64_t i = start;
    bool to_slot = s->target->spare & SP_SLOT;
    for (int64_t left = count; left > 0; left--) {
        value_set(vm, LIKELY(to_slot) ? &f->slots[target->slot] : var_slot(f, target->scope, target->slot), V_INT(i));
        if (!run_body(vm, f, n, &s->body, &flow)) {
            return flow;
        }
        i = (int64_t)((uint64_t)i + (uint64_t)step);    /* past the last item it may wrap, unused */
    }
    return exec_block(vm, f, &s->orelse);
}

static bool engine_may_take(VM *vm, Frame *f, Node *n)
{
    return !vm->engine->may_take || vm->engine->may_take(vm, f, n);
}

static Flow for_cursor(VM *vm, Frame *f, Node *n, ALP_TAKE Value iterable)
{
    AstFor *s = AST_AS(For, n);
    Flow flow;
    if (s->ask_engine && vm->engine && engine_takes(vm, f, n, iterable, &s->orelse, &flow)) {
        value_free(vm, iterable);
        return flow;
    }
    if (iterable.tag == T_Range && s->target->kind == ND_Name) {
        Range r = *RANGE(iterable);
        value_free(vm, iterable);
        return for_count(vm, f, n, r.start, r.step, r.count);
    }
    Cursor c;
    if (cursor_init(vm, &c, iterable) != ALP_OK) {
        raise_at(vm, f, n);
        return FLOW_ERROR;
    }
    const NodeList *targets = s->target->kind == ND_Tuple ? &AST_AS(Tuple, s->target)->items : NULL;
    if (targets && !all_slots(targets))
        targets = NULL;
    int more;
    while ((more = advance(vm, f, n, &c, targets)) > 0)
        if (!run_body(vm, f, n, &s->body, &flow))
            break;
    value_free(vm, c.source);
    return more > 0 ? flow : more < 0 ? FLOW_ERROR : exec_block(vm, f, &s->orelse);
}

static Flow for_general(HANDLER_ARGS)
{
    Value iterable = EVAL(AST_AS(For, n)->iter);
    if (IS_ERR(iterable))
        return FLOW_ERROR;
    return for_cursor(vm, f, n, iterable);
}

/* `for i in range(…)` without range object and iterator, once it is known that `range` is the builtin and its arguments
 * are ints. */
static Flow for_range(HANDLER_ARGS)
{
    AstFor *s = AST_AS(For, n);
    AstCall *call = AST_AS(Call, s->iter);
    Value range = EVAL(call->callee);
    if (IS_ERR(range))
        return FLOW_ERROR;
    if (range.tag != T_Type || range.u.i != TY_range || (s->ask_engine && vm->engine && engine_may_take(vm, f, n))) {
        value_free(vm, range);
        return for_general(vm, f, n);
    }
    uint32_t count = call->args.count;
    Value arg[3];
    bool plain = true;
    for (uint32_t i = 0; i < count; i++) {
        arg[i] = EVAL(call->args.item[i]);
        if (IS_ERR(arg[i])) {
            while (i > 0)
                value_free(vm, arg[--i]);
            return FLOW_ERROR;
        }
        plain = plain && is_i64(arg[i]);
    }
    if (LIKELY(plain && !(count == 3 && arg[2].u.i == 0))) {
        int64_t start = count == 1 ? 0 : arg[0].u.i, stop = arg[count == 1 ? 0 : 1].u.i, step = count == 3 ? arg[2].u.i : 1;
        return for_count(vm, f, n, start, step, range_count(start, stop, step));
    }
    Value iterable = type_call(vm, TY_range, arg, count, NULL, 0);
    for (uint32_t i = 0; i < count; i++)
        value_free(vm, arg[i]);
    if (IS_ERR(iterable)) {
        raise_at(vm, f, s->iter);
        return FLOW_ERROR;
    }
    return for_cursor(vm, f, n, iterable);
}

bool for_is_over_range(const VM *vm, const AstFor *s)
{
    const AstCall *call = (const AstCall *)s->iter;
    return s->iter->kind == ND_Call && s->target->kind == ND_Name && call->callee->kind == ND_Name &&
           ((const AstName *)call->callee)->scope == SC_Global && call->keywords.count == 0 && call->args.count >= 1 && call->args.count <= 3 &&
           strcmp(intern_text(vm->names, ((const AstName *)call->callee)->name), "range") == 0;
}

AnyFn choose_for(const VM *vm, const AstFor *s)
{
    return for_is_over_range(vm, s) ? HANDLER(for_range) : HANDLER(for_general);
}

/* ---- assert, raise --------------------------------------------------------------------------------------------------- */

/* CPython leaves an AssertionError at the comparison that was compiled last, if the test ends in one, else at the statement. */
static Node *last_comparison(Node *test)
{
    switch ((NodeKind)test->kind) {
    case ND_Compare:
        return test;
    case ND_Unary:
        return AST_AS(Unary, test)->op == UN_Not ? last_comparison(AST_AS(Unary, test)->operand) : NULL;
    case ND_BoolOp: {
        const NodeList *v = &AST_AS(BoolOp, test)->values;
        Node *found = NULL;
        for (uint32_t i = v->count; i > 0 && !found; i--)
            found = last_comparison(v->item[i - 1]);
        return found;
    }
    case ND_IfExp: {
        Node *found = last_comparison(AST_AS(IfExp, test)->orelse);
        if (!found)
            found = last_comparison(AST_AS(IfExp, test)->body);
        return found ? found : last_comparison(AST_AS(IfExp, test)->test);
    }
    default:
        return NULL;
    }
}

/* type(value) as a pending exception. */
static void raise_with(VM *vm, TypeId type, Value value)
{
    Value exc = type_call(vm, type, &value, 1, NULL, 0);
    if (!IS_ERR(exc))
        raise_obj(vm, exc);
}

Flow exec_assert(HANDLER_ARGS)
{
    AstAssert *s = AST_AS(Assert, n);
    int t = test_for(vm, f, n, s->test);
    if (t > 0)
        return FLOW_NORMAL;
    if (t < 0)
        return FLOW_ERROR;
    if (s->message) {
        Value v = EVAL(s->message);
        if (IS_ERR(v))
            return FLOW_ERROR;
        raise_with(vm, TY_AssertionError, v);
        value_free(vm, v);
    } else {
        raise(vm, TY_AssertionError, "%s", "");
    }
    Node *at = last_comparison(s->test);
    raise_at(vm, f, at ? at : n);
    return FLOW_ERROR;
}

Flow exec_raise(HANDLER_ARGS)
{
    AstRaise *s = AST_AS(Raise, n);
    if (!s->value) {
        raise(vm, TY_RuntimeError, "No active exception to reraise");
        raise_at(vm, f, n);
        return FLOW_ERROR;
    }
    Value v = EVAL(s->value);
    if (IS_ERR(v))
        return FLOW_ERROR;
    if (v.tag == T_Type && type_is_exception((TypeId)v.u.i)) {
        v = type_call(vm, (TypeId)v.u.i, NULL, 0, NULL, 0);
        if (!IS_ERR(v))
            raise_obj(vm, v);
    } else if (v.tag == T_Exc) {
        raise_obj(vm, v);
    } else {
        value_free(vm, v);
        raise(vm, TY_TypeError, "exceptions must derive from BaseException");
    }
    raise_at(vm, f, n);
    return FLOW_ERROR;
}

/* ---- import ---------------------------------------------------------------------------------------------------------- */

Flow exec_import(HANDLER_ARGS)
{
    const AstAliases *items = &AST_AS(Import, n)->items;
    for (uint32_t i = 0; i < items->count; i++) {
        const AstAlias *a = &items->item[i];
        Module *m = module_import(vm, a->name);
        if (m && a->as_name == SYM_NONE)
            m = module_import_first(vm, a->name);
        if (!m) {
            raise_at(vm, f, n);
            return FLOW_ERROR;
        }
        m->head.refs++;
        value_set(vm, var_slot(f, a->scope, a->slot), V_OBJ(m));
    }
    return FLOW_NORMAL;
}

Flow exec_import_from(HANDLER_ARGS)
{
    AstImportFrom *s = AST_AS(ImportFrom, n);
    Module *m = module_import(vm, s->module);
    if (!m) {
        raise_at(vm, f, n);
        return FLOW_ERROR;
    }
    for (uint32_t i = 0; i < s->items.count; i++) {
        const AstAlias *a = &s->items.item[i];
        Value v = module_import_name(vm, m, a->name);
        if (IS_ERR(v)) {
            raise_at(vm, f, n);
            return FLOW_ERROR;
        }
        value_set(vm, var_slot(f, a->scope, a->slot), v);
    }
    return FLOW_NORMAL;
}
