/* interp/call.c — calls: frames, arguments of functions, and functions themselves.
 *
 * The variables of a frame lie on a stack of Values of their own, in segments so that they never move.  A call evaluates
 * its arguments right where the new frame expects its parameters. */
#include <stdio.h>

#include "interp/attr.h"
#include "interp/interp.h"
#include "interp/seq.h"
#include "interp/str.h"

/* ---- the stack of variables ------------------------------------------------------------------------------------------ */

typedef struct StackSegment {
    size_t size;                /* bytes of this block */
    Value  value[];
} StackSegment;

enum { SEGMENT_VALUES = 4096 - 2 };

Value *stack_push_segment(VM *vm, size_t n, StackMark *mark)
{
    size_t count = n >= SEGMENT_VALUES ? n + 1 : SEGMENT_VALUES;
    *mark = (StackMark){ vm->stack_top, vm->stack_end, NULL };
    if (count > (SIZE_MAX - sizeof(StackSegment)) / sizeof(Value)) {
        raise_nomem(vm);
        return NULL;
    }
    size_t size = sizeof(StackSegment) + count * sizeof(Value);
    StackSegment *s = vm_alloc(vm, size);
    if (!s)
        return NULL;
    s->size = size;
    if (vm->stack_end) {
        mark->segment = vm->segment;
    } else {
        /* The first segment stays for good, so that calls in a loop do not make and free it. */
        mark->top = s->value;
        mark->end = s->value + count;
        mark->segment = s;
    }
    vm->segment = s;
    vm->stack_top = s->value + n;
    vm->stack_end = s->value + count;
    return s->value;
}

void stack_pop_segment(VM *vm, const StackMark *mark)
{
    if (vm->segment != mark->segment)
        vm_dealloc(vm, vm->segment, vm->segment->size);
    vm->segment = mark->segment;
    vm->stack_top = mark->top;
    vm->stack_end = mark->end;
}

void stack_free(VM *vm)
{
    if (vm->segment)
        vm_dealloc(vm, vm->segment, vm->segment->size);
    vm->segment = NULL;
}

/* ---- frames ---------------------------------------------------------------------------------------------------------- */

static void release(VM *vm, Value *v, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        value_free(vm, v[i]);
}

NOINLINE static Value refuse_depth(VM *vm, const char *doing)
{
    return raise(vm, TY_RecursionError, "maximum recursion depth exceeded%s", doing);
}

/* Limits that every call observes. */
INLINE bool call_refused(VM *vm)
{
    if (UNLIKELY(vm->depth >= vm->max_depth || c_stack_low(vm))) {
        refuse_depth(vm, "");
        return true;
    }
    return poll_fails(vm);
}

/* Runs fn with its parameters in `slots` (n_locals of them, the rest T_Unbound); releases them.  fn has to stay alive. */
NOINLINE static Value run(VM *vm, Func *fn, Value *slots)
{
    Value r = V_ERR;
    if (LIKELY(!call_refused(vm))) {
        Frame frame;            /* field by field: a return statement sets `ret` */
        frame.up = vm->frame;
        frame.func = fn;
        frame.module = fn->module;
        frame.chunk = fn->chunk;
        frame.slots = slots;
        frame.globals = fn->module->slots;
        vm->frame = &frame;
        vm->depth++;
        Flow flow = exec_block(vm, &frame, &fn->def->body);
        vm->depth--;
        vm->frame = frame.up;
        if (LIKELY(flow == FLOW_RETURN))
            r = frame.ret;
        else if (flow != FLOW_ERROR)
            r = V_NONE;
    }
    for (Value *end = slots + fn->n_locals; slots != end; slots++)
        value_free(vm, *slots);
    return r;
}

/* ---- binding arguments to parameters ----------------------------------------------------------------------------------- */

static uint32_t n_positional(const AstFunc *c)
{
    return c->n_params - c->n_kwonly;
}

/* Names in quotes as a list in English: 'a', 'b', and 'c'. */
static void put_names(StrBuf *sb, const Intern *names, const Sym *name, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (i > 0)
            sb_putz(sb, i + 1 < n ? ", " : n == 2 ? " and " : ", and ");
        sb_printf(sb, "'%s'", intern_text(names, name[i]));
    }
}

/* TypeError "f() missing 2 required positional arguments: 'a' and 'b'" of the unbound among slots[from … to). */
static Status refuse_missing(VM *vm, const AstFunc *c, const Value *slots, uint32_t from, uint32_t to, const char *kind)
{
    StrBuf sb;
    sb_init(&sb, vm);
    uint32_t n = 0;
    Sym *missing = vm_alloc(vm, (to - from) * sizeof *missing);
    if (!missing)
        return ALP_FAIL;
    for (uint32_t i = from; i < to; i++)
        if (slots[i].tag == T_Unbound)
            missing[n++] = c->local[i];
    put_names(&sb, vm->names, missing, n);
    vm_dealloc(vm, missing, (to - from) * sizeof *missing);
    Value list = sb_finish(&sb);
    if (!IS_ERR(list))
        raise(vm, TY_TypeError, "%s() missing %u required %s argument%s: %s", intern_text(vm->names, c->qualname), n, kind,
              n == 1 ? "" : "s", STR(list)->text);
    value_free(vm, list);
    return ALP_FAIL;
}

static Status refuse_too_many(VM *vm, const AstFunc *c, const Value *slots, uint32_t given)
{
    uint32_t n_pos = n_positional(c), n_kw_given = 0, n_default = 0;
    for (uint32_t i = n_pos; i < c->n_params; i++)
        n_kw_given += slots[i].tag != T_Unbound;
    for (uint32_t i = 0; i < c->n_defaults; i++)
        n_default += c->default_param[i] < n_pos;
    char takes[64], also[96] = "";
    if (n_default)
        snprintf(takes, sizeof takes, "from %u to %u", n_pos - n_default, n_pos);
    else
        snprintf(takes, sizeof takes, "%u", n_pos);
    if (n_kw_given)
        snprintf(also, sizeof also, " positional argument%s (and %u keyword-only argument%s)", given != 1 ? "s" : "", n_kw_given,
                 n_kw_given != 1 ? "s" : "");
    raise(vm, TY_TypeError, "%s() takes %s positional argument%s but %u%s %s given", intern_text(vm->names, c->qualname), takes,
          n_default || n_pos != 1 ? "s" : "", given, also, given == 1 && !n_kw_given ? "was" : "were");
    return ALP_FAIL;
}

/* A keyword that no parameter takes. */
static Status refuse_keyword(VM *vm, const AstFunc *c, const Sym *kw, uint32_t n_kw, Sym name)
{
    const char *func = intern_text(vm->names, c->qualname);
    StrBuf sb;
    sb_init(&sb, vm);
    uint32_t n = 0;
    for (uint32_t p = 0; p < c->n_posonly; p++)
        for (uint32_t k = 0; k < n_kw; k++)
            if (kw[k] == c->local[p])
                sb_printf(&sb, "%s%s", n++ ? ", " : "", intern_text(vm->names, kw[k]));
    Value list = sb_finish(&sb);
    if (IS_ERR(list))
        return ALP_FAIL;
    if (n)
        raise(vm, TY_TypeError, "%s() got some positional-only arguments passed as keyword arguments: '%s'", func, STR(list)->text);
    else
        raise(vm, TY_TypeError, "%s() got an unexpected keyword argument '%s'", func, intern_text(vm->names, name));
    value_free(vm, list);
    return ALP_FAIL;
}

/* Parameters not given get their defaults. */
static Status fill_defaults(VM *vm, const Func *fn, Value *slots)
{
    const AstFunc *c = fn->code;
    for (uint32_t i = 0; i < c->n_defaults; i++)
        if (slots[c->default_param[i]].tag == T_Unbound)
            slots[c->default_param[i]] = value_ref(fn->defaults[i]);
    uint32_t n_pos = n_positional(c);
    for (uint32_t i = 0; i < c->n_params; i++)
        if (UNLIKELY(slots[i].tag == T_Unbound))
            return i < n_pos ? refuse_missing(vm, c, slots, 0, n_pos, "positional")
                             : refuse_missing(vm, c, slots, n_pos, c->n_params, "keyword-only");
    return ALP_OK;
}

/* In the order in which CPython looks for mistakes.  slots: n_locals T_Unbound; what is in them is the caller's to release. */
static Status bind(VM *vm, const Func *fn, Value *slots, const Value *args, uint32_t n_args, const Sym *kw, uint32_t n_kw)
{
    const AstFunc *c = fn->code;
    uint32_t n_pos = n_positional(c);
    for (uint32_t i = 0; i < n_args && i < n_pos; i++)
        slots[i] = value_ref(args[i]);
    for (uint32_t k = 0; k < n_kw; k++) {
        uint32_t p = c->n_posonly;
        while (p < c->n_params && c->local[p] != kw[k])
            p++;
        if (p == c->n_params)
            return refuse_keyword(vm, c, kw, n_kw, kw[k]);
        if (slots[p].tag != T_Unbound) {
            raise(vm, TY_TypeError, "%s() got multiple values for argument '%s'", intern_text(vm->names, c->qualname),
                  intern_text(vm->names, kw[k]));
            return ALP_FAIL;
        }
        slots[p] = value_ref(args[n_args + k]);
    }
    if (n_args > n_pos)
        return refuse_too_many(vm, c, slots, n_args);
    return fill_defaults(vm, fn, slots);
}

/* Variables that inner functions share move into cells. */
static Status make_cells(VM *vm, const AstFunc *c, Value *slots)
{
    for (uint32_t i = 0; i < c->n_cells; i++) {
        Cell *cell = obj_new(vm, T_Cell, sizeof *cell);
        if (!cell) {
            /* The frame will not run, but its slots are released like any others. */
            return ALP_FAIL;
        }
        container_link(vm, &cell->link);
        cell->value = slots[c->cell_slot[i]];
        slots[c->cell_slot[i]] = V_OBJ(cell);
    }
    return ALP_OK;
}

Value func_call(VM *vm, Func *fn, const Value *args, uint32_t n_args, const Sym *kw, uint32_t n_kw)
{
    const AstFunc *c = fn->code;
    StackMark mark;
    vm_enter(vm);
    Value *slots = stack_take(vm, c->n_locals, &mark);
    if (!slots)
        return V_ERR;
    for (uint32_t i = 0; i < c->n_locals; i++)
        slots[i] = V_UNBOUND;
    Value r = V_ERR;
    if (bind(vm, fn, slots, args, n_args, kw, n_kw) == ALP_OK && make_cells(vm, c, slots) == ALP_OK)
        r = run(vm, fn, slots);
    else
        release(vm, slots, c->n_locals);
    stack_drop(vm, &mark);
    return r;
}

Value vm_call(VM *vm, Value callee, const Value *args, uint32_t n_args, const Sym *kw, uint32_t n_kw)
{
    switch ((Tag)callee.tag) {
    case T_Func:
        return func_call(vm, FUNC(callee), args, n_args, kw, n_kw);
    case T_Native:
        if (UNLIKELY(vm->depth >= vm->max_depth || c_stack_low(vm)))
            return refuse_depth(vm, " while calling a Python object");
        return native_call(vm, (Native *)(void *)callee.u.o, args, n_args, kw, n_kw);
    case T_Type:
        return type_call(vm, (TypeId)callee.u.i, args, n_args, kw, n_kw);
    case T_Foreign:
        if (FOREIGN(callee)->cls->call)
            return FOREIGN(callee)->cls->call(vm, callee, args, n_args, kw, n_kw);
        break;
    default:
        break;
    }
    return raise(vm, TY_TypeError, "'%s' object is not callable", value_type_name(callee));
}

/* ---- call expressions -------------------------------------------------------------------------------------------------- */

#define CALL(n) ((AstCall *)(n))

/* Evaluates the arguments into v; on failure releases those before. */
INLINE Status eval_args(VM *vm, Frame *f, const NodeList *args, Value *v)
{
    Node **arg = args->item;
    for (uint32_t i = 0; i < args->count; i++) {
        Value x = EVAL(arg[i]);
        if (IS_ERR(x)) {
            release(vm, v, i);
            return ALP_FAIL;
        }
        v[i] = x;
    }
    return ALP_OK;
}

/* Any callee, any arguments. */
NOINLINE static Value call_any(VM *vm, Frame *f, Node *n, Value callee)
{
    AstCall *e = CALL(n);
    uint32_t n_kw = e->keywords.count, n_args = e->args.count - n_kw;
    StackMark mark;
    Value *v = stack_take(vm, e->args.count, &mark), r = V_ERR;
    if (UNLIKELY(!v))
        return raise_at(vm, f, n);
    if (eval_args(vm, f, &e->args, v) == ALP_OK) {
        r = vm_call(vm, callee, v, n_args, e->keywords.item, n_kw);
        release(vm, v, e->args.count);
        if (IS_ERR(r))
            raise_at(vm, f, n);
    }
    stack_drop(vm, &mark);
    return r;
}

INLINE bool takes_directly(const Func *fn, uint32_t n_args)
{
    return fn->is_plain && n_args <= fn->n_params;
}

/* A plain function whose arguments are given by position; they are evaluated right into its slots.  Takes the reference to fn. */
NOINLINE static Value call_func(VM *vm, Frame *f, Node *n, ALP_TAKE Func *fn)
{
    Value *slots = vm->stack_top, *v = slots, *end, r = V_ERR;
    if (UNLIKELY((size_t)(vm->stack_end - slots) <= fn->n_locals)) {
        r = call_any(vm, f, n, (Value){ .tag = T_Func, .u.o = &fn->link.head });
        obj_free(vm, &fn->link.head);
        return r;
    }
    end = slots + fn->n_locals;
    vm->stack_top = end;
    Node **arg = CALL(n)->args.item, **last = arg + CALL(n)->args.count;
    for (; arg != last; arg++) {
        Value x = EVAL(*arg);
        if (IS_ERR(x)) {
            release(vm, slots, (uint32_t)(v - slots));
            goto done;
        }
        *v++ = x;
    }
    bool complete = (uint32_t)(v - slots) == fn->n_params;
    for (; v != end; v++)
        v->tag = T_Unbound;
    if (LIKELY(complete) || fill_defaults(vm, fn, slots) == ALP_OK)
        r = run(vm, fn, slots);
    else
        release(vm, slots, fn->n_locals);
    if (IS_ERR(r))
        raise_at(vm, f, n);
done:
    vm->stack_top = slots;
    obj_free(vm, &fn->link.head);
    return r;
}

/* A function in C, its arguments given by position and evaluated where it will read them.  self T_Unbound: a plain function. */
INLINE Value call_native(VM *vm, Frame *f, Node *n, const Native *fn, Value self)
{
    AstCall *e = CALL(n);
    uint32_t n_args = e->args.count, n_params = fn->n_params, first = self.tag != T_Unbound;
    StackMark mark;
    Value *v = stack_take(vm, first + n_params + n_args, &mark), r = V_ERR;
    if (UNLIKELY(!v))
        return raise_at(vm, f, n);
    bool direct = !(fn->head.flags & NATIVE_UNBOUND_METHOD) &&
                  (fn->direct == NDIR_Rest || (fn->direct == NDIR_Fixed && n_args >= fn->n_required && n_args <= fn->n_pos));
    bool rest = direct && fn->direct == NDIR_Rest;
    Value *param = v + first, *args = rest ? param + n_params : param;
    v[0] = self;
    if (LIKELY(eval_args(vm, f, &e->args, args) == ALP_OK)) {
        if (UNLIKELY(vm->depth >= vm->max_depth || c_stack_low(vm)))
            refuse_depth(vm, " while calling a Python object");
        else if (LIKELY(direct)) {
            Args a = { .v = v };
            const Native *caller = vm->native;
            if (rest) {
                a.rest = args;
                a.n_rest = n_args;
            }
            for (uint32_t i = rest ? 0 : n_args; i < n_params; i++)
                param[i] = V_UNBOUND;
            if (LIKELY(!vm->n_on_device) || native_args_to_host(vm, fn, &a, first) == ALP_OK) {
                vm->native = fn;
                r = fn->row->fn(vm, &a);
                vm->native = caller;
            }
        } else if (first)
            r = native_call_method(vm, fn, self, args, n_args, NULL, 0);
        else
            r = native_call(vm, fn, args, n_args, NULL, 0);
        release(vm, args, n_args);
        if (IS_ERR(r))
            raise_at(vm, f, n);
    }
    stack_drop(vm, &mark);
    return r;
}

/* Takes callee; arguments by position only. */
static Value call_positional(VM *vm, Frame *f, Node *n, ALP_TAKE Value callee)
{
    Value r;
    if (callee.tag == T_Func && takes_directly(FUNC(callee), CALL(n)->args.count))
        return call_func(vm, f, n, FUNC(callee));
    if (callee.tag == T_Native && ((Native *)(void *)callee.u.o)->self.tag == T_Unbound)
        r = call_native(vm, f, n, (Native *)(void *)callee.u.o, V_UNBOUND);
    else
        r = call_any(vm, f, n, callee);
    value_free(vm, callee);
    return r;
}

Value eval_call(HANDLER_ARGS)
{
    Value callee = EVAL(CALL(n)->callee);
    if (IS_ERR(callee))
        return callee;
    Value r = call_any(vm, f, n, callee);
    value_free(vm, callee);
    return r;
}

static Value call_value(HANDLER_ARGS)
{
    Value callee = EVAL(CALL(n)->callee);
    if (IS_ERR(callee))
        return callee;
    return call_positional(vm, f, n, callee);
}

/* A function of the module, from within a function. */
static Value call_global(HANDLER_ARGS)
{
    Value callee = f->globals[((AstName *)CALL(n)->callee)->slot];
    if (UNLIKELY(callee.tag != T_Func || !takes_directly(FUNC(callee), CALL(n)->args.count)))
        return call_value(vm, f, n);
    callee.u.o->refs++;
    return call_func(vm, f, n, FUNC(callee));
}

/* base.name(…): a method of a built-in type is called without making a bound method of it. */
static Value call_method(HANDLER_ARGS)
{
    AstAttr *attr = (AstAttr *)CALL(n)->callee;
    Value base = EVAL(attr->value);
    if (IS_ERR(base))
        return base;
    const Native *method = attr_method_cached(vm, attr, base);
    if (LIKELY(method != NULL)) {
        Value r = call_native(vm, f, n, method, base);
        value_free(vm, base);
        return r;
    }
    Value callee = attr_get_cached(vm, attr, base);
    value_free(vm, base);
    if (IS_ERR(callee))
        return raise_at(vm, f, &attr->head);
    return call_positional(vm, f, n, callee);
}

AnyFn choose_call(const AstCall *e)
{
    if (e->keywords.count)
        return HANDLER(eval_call);
    if (e->callee->kind == ND_Attr)
        return HANDLER(call_method);
    if (e->callee->kind == ND_Name && ((const AstName *)e->callee)->scope == SC_Global)
        return HANDLER(call_global);
    return HANDLER(call_value);
}

/* ---- functions --------------------------------------------------------------------------------------------------------- */

static Cell *captured(Frame *f, AstScope scope, uint32_t index)
{
    Cell *c = scope == SC_Cell ? CELL(f->slots[index]) : f->func->free[index];
    c->link.head.refs++;
    return c;
}

static Value func_new(VM *vm, Frame *f, AstFuncDef *def)
{
    AstFunc *code = def->func;
    Func *fn = obj_new(vm, T_Func, sizeof *fn);
    if (!fn)
        return V_ERR;
    fn->def = def;
    fn->code = code;
    fn->n_params = code->n_params;
    fn->n_locals = code->n_locals;
    fn->is_plain = code->n_cells == 0 && code->n_kwonly == 0;
    fn->chunk = chunk_ref(f->chunk);
    fn->module = f->module;
    fn->module->head.refs++;
    fn->defaults = NULL;
    fn->free = NULL;
    container_link(vm, &fn->link);
    Value v = V_OBJ(fn);
    if (code->n_defaults) {
        fn->defaults = vm_alloc(vm, code->n_defaults * sizeof(Value));
        if (!fn->defaults)
            goto fail;
        for (uint32_t i = 0; i < code->n_defaults; i++)
            fn->defaults[i] = V_NONE;
    }
    if (code->n_free) {
        fn->free = vm_alloc(vm, code->n_free * sizeof *fn->free);
        if (!fn->free)
            goto fail;
        for (uint32_t i = 0; i < code->n_free; i++)
            fn->free[i] = captured(f, code->free_scope[i], code->free_index[i]);
    }
    return v;
fail:
    value_free(vm, v);
    return V_ERR;
}

Flow exec_func_def(HANDLER_ARGS)
{
    AstFuncDef *def = AST_AS(FuncDef, n);
    Value v = func_new(vm, f, def);
    if (IS_ERR(v)) {
        raise_at(vm, f, n);
        return FLOW_ERROR;
    }
    for (uint32_t i = 0; i < def->defaults.count; i++) {
        Value x = EVAL(def->defaults.item[i]);
        if (IS_ERR(x)) {
            value_free(vm, v);
            return FLOW_ERROR;
        }
        FUNC(v)->defaults[i] = x;
    }
    value_set(vm, var_slot(f, def->scope, def->slot), v);
    return FLOW_NORMAL;
}

void func_clear(VM *vm, Func *fn)
{
    Value *defaults = fn->defaults;
    Cell **cells = fn->free;
    fn->defaults = NULL;
    fn->free = NULL;
    if (defaults) {
        release(vm, defaults, fn->code->n_defaults);
        vm_dealloc(vm, defaults, fn->code->n_defaults * sizeof *defaults);
    }
    if (cells) {
        for (uint32_t i = 0; i < fn->code->n_free; i++)
            obj_free(vm, &cells[i]->link.head);
        vm_dealloc(vm, cells, fn->code->n_free * sizeof *cells);
    }
}

void func_destroy(VM *vm, Func *fn)
{
    func_clear(vm, fn);
    container_unlink(vm, &fn->link);
    Module *module = fn->module;
    chunk_free(fn->chunk);
    vm_dealloc(vm, fn, sizeof *fn);
    obj_free(vm, &module->head);
}

void cell_destroy(VM *vm, Cell *c)
{
    container_unlink(vm, &c->link);
    value_free(vm, c->value);
    vm_dealloc(vm, c, sizeof *c);
}
