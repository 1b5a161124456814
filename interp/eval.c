/* interp/eval.c — expressions: names, literals, displays, conditionals, f-strings. */
#include "interp/attr.h"
#include "interp/format.h"
#include "interp/interp.h"
#include "interp/ops.h"

Value raise_at(HANDLER_ARGS)
{
    vm_trace_add(vm, n, f);
    return V_ERR;
}

/* ---- names ----------------------------------------------------------------------------------------------------------- */

Value raise_unbound_local(VM *vm, AstScope scope, Sym name)
{
    const char *text = intern_text(vm->names, name);
    if (scope == SC_Free)
        return raise(vm, TY_NameError, "cannot access free variable '%s' where it is not associated with a value in enclosing scope",
                     text);
    return raise(vm, TY_UnboundLocalError, "cannot access local variable '%s' where it is not associated with a value", text);
}

Value raise_unbound(VM *vm, Frame *f, const AstName *name)
{
    if (name->scope != SC_Global)
        raise_unbound_local(vm, name->scope, name->name);
    else if (!vm_has_exc(vm)) {
        raise(vm, TY_NameError, "name '%s' is not defined", intern_text(vm->names, name->name));
        vm->exc_hint = name_suggest(vm, f, name->name);
    }
    return raise_at(vm, f, (Node *)&name->head);
}

/* A module variable without a value: perhaps a builtin.  Its slot among the builtins never changes, so the node keeps it. */
NOINLINE static Value builtin_of(HANDLER_ARGS)
{
    AstName *e = (AstName *)n;
    if (!e->cache) {
        uint32_t slot = module_names_find(&vm->builtins->names, e->name);
        if (slot == MODULE_NO_SLOT)
            return raise_unbound(vm, f, e);
        e->cache = slot + 1;
    }
    Value v = vm->builtins->slots[e->cache - 1];
    return v.tag == T_Unbound ? raise_unbound(vm, f, e) : value_ref(v);
}

static Value name_local(HANDLER_ARGS)
{
    Value v = SLOT_OF(n);
    if (UNLIKELY(v.tag == T_Unbound))
        return raise_unbound(vm, f, AST_AS(Name, n));
    return value_ref(v);
}

static Value name_global(HANDLER_ARGS)
{
    Value v = f->globals[((AstName *)n)->slot];
    if (v.tag == T_Unbound)
        return builtin_of(vm, f, n);
    return value_ref(v);
}

static Value name_cell(HANDLER_ARGS)
{
    Value v = CELL(SLOT_OF(n))->value;
    if (UNLIKELY(v.tag == T_Unbound))
        return raise_unbound(vm, f, AST_AS(Name, n));
    return value_ref(v);
}

static Value name_free(HANDLER_ARGS)
{
    Value v = f->func->free[((AstName *)n)->slot]->value;
    if (UNLIKELY(v.tag == T_Unbound))
        return raise_unbound(vm, f, AST_AS(Name, n));
    return value_ref(v);
}

AnyFn choose_name(const AstName *n)
{
    switch (n->scope) {
    case SC_Local:  return HANDLER(name_local);
    case SC_Cell:   return HANDLER(name_cell);
    case SC_Free:   return HANDLER(name_free);
    default:        return HANDLER(name_global);
    }
}

Value eval_name(HANDLER_ARGS)
{
    return ((EvalFn)choose_name(AST_AS(Name, n)))(vm, f, n);
}

Value eval_walrus(HANDLER_ARGS)
{
    AstWalrus *e = AST_AS(Walrus, n);
    Value v = EVAL(e->value);
    if (IS_ERR(v) || assign_to(vm, f, e->target, value_ref(v)) == ALP_OK)
        return v;
    value_free(vm, v);
    return V_ERR;
}

/* ---- literals -------------------------------------------------------------------------------------------------------- */

Value eval_none(HANDLER_ARGS)
{
    return V_NONE;
}

Value eval_true(HANDLER_ARGS)
{
    return V_BOOL(true);
}

Value eval_false(HANDLER_ARGS)
{
    return V_BOOL(false);
}

Value eval_ellipsis(HANDLER_ARGS)
{
    return V_ELLIPSIS;
}

Value eval_number(HANDLER_ARGS)
{
    return const_of(n);
}

Value eval_too_big(HANDLER_ARGS)
{
    raise(vm, TY_OverflowError, "integer literal does not fit in 64 bits");
    return raise_at(vm, f, n);
}

Value eval_imag(HANDLER_ARGS)
{
    Value v = complex_new(vm, 0, AST_AS(Imag, n)->value);
    return IS_ERR(v) ? raise_at(vm, f, n) : v;
}

Value eval_str(HANDLER_ARGS)
{
    Value v = { .tag = T_Str, .u.o = ((AstStr *)n)->object };
    return value_ref(v);
}

/* ---- displays -------------------------------------------------------------------------------------------------------- */

/* Evaluates items into out; on failure releases those before. */
static Status eval_items(VM *vm, Frame *f, const NodeList *items, Value *out)
{
    for (uint32_t i = 0; i < items->count; i++) {
        out[i] = EVAL(items->item[i]);
        if (IS_ERR(out[i])) {
            while (i > 0)
                value_free(vm, out[--i]);
            return ALP_FAIL;
        }
    }
    return ALP_OK;
}

Value eval_tuple(HANDLER_ARGS)
{
    AstTuple *e = (AstTuple *)n;
    uint32_t count = e->items.count;
    Tuple *t = obj_new(vm, T_Tuple, sizeof *t + count * sizeof(Value));
    if (UNLIKELY(!t))
        return raise_at(vm, f, n);
    t->count = count;
    if (LIKELY(eval_items(vm, f, &e->items, t->item) == ALP_OK))
        return V_OBJ(t);
    for (uint32_t i = 0; i < count; i++)
        t->item[i] = V_NONE;
    obj_free(vm, &t->head);
    return V_ERR;
}

Value eval_list(HANDLER_ARGS)
{
    AstList *e = (AstList *)n;
    uint32_t count = e->items.count;
    StackMark mark;
    Value *item = stack_take(vm, count, &mark);
    if (!item)
        return raise_at(vm, f, n);
    Value list = V_ERR;
    if (eval_items(vm, f, &e->items, item) == ALP_OK) {
        list = list_new(vm, item, count);
        for (uint32_t i = 0; i < count; i++)
            value_free(vm, item[i]);
        if (IS_ERR(list))
            raise_at(vm, f, n);
    }
    stack_drop(vm, &mark);
    return list;
}

Value eval_slice(HANDLER_ARGS)
{
    AstSlice *e = AST_AS(Slice, n);
    Node *part[3] = { e->lower, e->upper, e->step };
    Value v[3] = { V_NONE, V_NONE, V_NONE };
    for (int i = 0; i < 3; i++)
        if (part[i]) {
            v[i] = EVAL(part[i]);
            if (IS_ERR(v[i])) {
                while (i > 0)
                    value_free(vm, v[--i]);
                return V_ERR;
            }
        }
    Value s = slice_new(vm, v[0], v[1], v[2]);
    for (int i = 0; i < 3; i++)
        value_free(vm, v[i]);
    return IS_ERR(s) ? raise_at(vm, f, n) : s;
}

Value eval_if_exp(HANDLER_ARGS)
{
    AstIfExp *e = (AstIfExp *)n;
    int t = test_for(vm, f, n, e->test);
    if (t < 0)
        return V_ERR;
    return EVAL(t ? e->body : e->orelse);
}

/* ---- f-strings ------------------------------------------------------------------------------------------------------- */

static Status put_parts(VM *vm, Frame *f, Node *n, const NodeList *parts, StrBuf *sb);

/* One {value!conversion:spec}; failures of formatting are located at the whole f-string n, as CPython does. */
static Status put_field(VM *vm, Frame *f, Node *n, AstField *field, StrBuf *sb)
{
    Value v = EVAL(field->value);
    if (IS_ERR(v))
        return ALP_FAIL;
    if (field->conversion) {
        Value text = field->conversion == 'r' ? value_repr(vm, v) : field->conversion == 'a' ? value_ascii(vm, v) : value_str(vm, v);
        value_free(vm, v);
        v = text;
        if (IS_ERR(v))
            goto fail;
    }
    if (field->spec) {
        StrBuf spec;
        sb_init(&spec, vm);
        Node *node = field->spec;
        NodeList one = { 1, &node };
        if (put_parts(vm, f, n, node->kind == ND_FString ? &AST_AS(FString, node)->parts : &one, &spec) != ALP_OK) {
            sb_free(&spec);
            value_free(vm, v);
            return ALP_FAIL;
        }
        Value spec_str = sb_finish(&spec);
        Value text = IS_ERR(spec_str) ? V_ERR : format_value(vm, v, STR(spec_str)->text, STR(spec_str)->size);
        value_free(vm, spec_str);
        value_free(vm, v);
        v = text;
        if (IS_ERR(v))
            goto fail;
        sb_put(sb, STR(v)->text, STR(v)->size);
    } else if (v.tag == T_Str) {
        sb_put(sb, STR(v)->text, STR(v)->size);
    } else {
        sb_put_formatted(sb, v);
    }
    value_free(vm, v);
    if (!sb->failed)
        return ALP_OK;
fail:
    raise_at(vm, f, n);
    return ALP_FAIL;
}

static Status put_parts(VM *vm, Frame *f, Node *n, const NodeList *parts, StrBuf *sb)
{
    for (uint32_t i = 0; i < parts->count; i++) {
        Node *part = parts->item[i];
        if (part->kind == ND_Str)
            sb_put(sb, AST_AS(Str, part)->text.text, AST_AS(Str, part)->text.size);
        else
            TRY(put_field(vm, f, n, AST_AS(Field, part), sb));
    }
    return ALP_OK;
}

Value eval_fstring(HANDLER_ARGS)
{
    StrBuf sb;
    sb_init(&sb, vm);
    if (put_parts(vm, f, n, &AST_AS(FString, n)->parts, &sb) != ALP_OK) {
        sb_free(&sb);
        return V_ERR;
    }
    Value v = sb_finish(&sb);
    return IS_ERR(v) ? raise_at(vm, f, n) : v;
}

/* ---- any expression -------------------------------------------------------------------------------------------------- */

Value eval(HANDLER_ARGS)
{
    if (!(n->spare & SP_TEST))
        return EVAL(n);
    switch ((NodeKind)n->kind) {
    case ND_Compare:    return eval_compare(vm, f, n);
    case ND_BoolOp: {
        int t = test_for(vm, f, n, n);
        return t < 0 ? V_ERR : V_BOOL(t);
    }
    case ND_Unary:      return eval_unary(vm, f, n);
    case ND_Name:       return eval_name(vm, f, n);
    default:            return eval_true(vm, f, n);
    }
}
