/* interp/interp.h — the evaluator's own interface.
 *
 * A self-optimising tree walker: before a text runs, prepare_chunk() gives every node the handler that fits its shape (Node.exec), so
 * that walking the tree is one indirect call per node and no switch.  Handlers come in families over the shape of their operands
 * ("local variable + constant"); what they learn while running (which slot a builtin has, which method a name meant) they keep in the
 * node's cache fields, guarded by what it depends on.  Types are tested where values meet; the commonest pairs are handled inline and
 * everything else goes to ops.h.
 *
 * Contract of every handler:
 *   EvalFn  yields an owned value, or T_Error.  ExecFn yields a Flow.  TestFn (flag SP_TEST; nodes whose truth alone matters)
 *           yields 0 or 1, FAILED, or UNLOCATED: the truth of a value could not be told; the node that asked adds the line.
 *   On failure the exception is pending and the line of the traceback for this frame has been added, by whoever raised it
 *   (`raise_at`); a handler that passes on a child's failure adds nothing.
 *   A variable's value may be used without a reference of its own while nothing can rebind the variable: see SP_HOLDS.
 *
 * Files: prepare.c chooses handlers; eval.c names, literals, displays, conditionals; arith.c operators; compare.c comparisons and
 * truth; eval_index.c a[…]; assign.c targets; exec.c statements and loops; call.c calls and frames; attr.c attributes. */
#ifndef ALP_INTERP_INTERP_H
#define ALP_INTERP_INTERP_H

#include "interp/func.h"

typedef enum Flow { FLOW_NORMAL, FLOW_BREAK, FLOW_CONTINUE, FLOW_RETURN, FLOW_ERROR } Flow;

typedef Value (*EvalFn)(VM *, Frame *, Node *);
typedef Flow  (*ExecFn)(VM *, Frame *, Node *);
typedef int   (*TestFn)(VM *, Frame *, Node *);
typedef void  (*AnyFn)(void);           /* Node.exec */

/* Node.spare, set by prepare_chunk(). */
enum {
    SP_SLOT  = 1,               /* Name whose variable is frame->slots[slot]: a local, or in a module body a module variable */
    SP_CONST = 2,               /* Int or Float literal: its value, with the tag in the bits from SP_TAG_SHIFT */
    SP_TEST  = 4,               /* exec is a TestFn */
    SP_HOLDS = 8,               /* evaluating it cannot rebind a variable, so values borrowed before stay alive across it */
    SP_BORROW = 16,             /* Index: its container is an SP_SLOT variable that the subscripts cannot rebind */
    SP_TAG_SHIFT = 8,
};

#define HANDLER(fn)     ((AnyFn)(fn))
#define EVAL(n)         (((EvalFn)(n)->exec)(vm, f, (n)))
#define EXEC(n)         (((ExecFn)(n)->exec)(vm, f, (n)))
#define INLINE          static inline __attribute__((always_inline))
#define HANDLER_ARGS    VM *vm, Frame *f, Node *n

/* ---- outside interface ----------------------------------------------------------------------------------------------- */

Value  eval(VM *vm, Frame *f, Node *n);                 /* any expression node, in test position too */
Flow   exec_body(VM *vm, Frame *f, const NodeList *body);
Status assign_to(VM *vm, Frame *f, Node *target, ALP_TAKE Value v);     /* T_Error line added */
/* Give every node below the chunk's tree its handler.  RecursionError, MemoryError. */
Status prepare_chunk(VM *vm, Chunk *chunk);
/* Before anything runs: limits of this thread and of this run. */
void   vm_enter(VM *vm);
void   stack_free(VM *vm);

/* ---- choosing handlers: each file for its own node kinds; children are prepared already ------------------------------- */

AnyFn choose_name(const AstName *n);
AnyFn choose_binary(const AstBinary *n);
AnyFn choose_compare(const AstCompare *n, bool test);
AnyFn choose_index(AstIndex *n);
AnyFn choose_call(const AstCall *n);
AnyFn choose_assign(const AstAssign *n);
AnyFn choose_aug_assign(const AstAugAssign *n);
AnyFn choose_if(const AstIf *n);
AnyFn choose_for(const VM *vm, const AstFor *n);
/* Is it `for i in range(…)` by its text?  The name may have been bound to something else. */
bool  for_is_over_range(const VM *vm, const AstFor *n);
/* NULL: no TestFn of its own, its value is tested. */
AnyFn choose_test(const Node *n);

/* Handlers of kinds that have no families, and the general members of those that have. */
Value eval_none(HANDLER_ARGS), eval_true(HANDLER_ARGS), eval_false(HANDLER_ARGS), eval_ellipsis(HANDLER_ARGS),
      eval_number(HANDLER_ARGS), eval_too_big(HANDLER_ARGS), eval_imag(HANDLER_ARGS), eval_str(HANDLER_ARGS),
      eval_fstring(HANDLER_ARGS), eval_name(HANDLER_ARGS), eval_attr(HANDLER_ARGS), eval_index(HANDLER_ARGS),
      eval_slice(HANDLER_ARGS), eval_call(HANDLER_ARGS), eval_unary(HANDLER_ARGS), eval_compare(HANDLER_ARGS),
      eval_bool_op(HANDLER_ARGS), eval_if_exp(HANDLER_ARGS), eval_tuple(HANDLER_ARGS), eval_list(HANDLER_ARGS),
      eval_walrus(HANDLER_ARGS);
Flow  exec_expr(HANDLER_ARGS), exec_ann_assign(HANDLER_ARGS), exec_while(HANDLER_ARGS),
      exec_func_def(HANDLER_ARGS), exec_return(HANDLER_ARGS), exec_break(HANDLER_ARGS), exec_continue(HANDLER_ARGS),
      exec_pass(HANDLER_ARGS), exec_assert(HANDLER_ARGS), exec_del(HANDLER_ARGS), exec_import(HANDLER_ARGS),
      exec_import_from(HANDLER_ARGS), exec_raise(HANDLER_ARGS);

/* ---- shared by the handlers ------------------------------------------------------------------------------------------ */

/* Add the traceback line at node n; returns V_ERR. */
NOINLINE Value raise_at(HANDLER_ARGS);
/* The exception of an unbound variable (NameError, UnboundLocalError), raised and located. */
NOINLINE Value raise_unbound(VM *vm, Frame *f, const AstName *name);

/* The exception of an unbound variable of a scope other than SC_Global, by its name; without a line. */
Value raise_unbound_local(VM *vm, AstScope scope, Sym name);

/* Several targets at once (assign.c). */
bool all_slots(const NodeList *targets);                /* variables in frame->slots, all of them */
/* Gives them the items of v, if it is a tuple of as many; takes v if it succeeds. */
bool assign_tuple_to_slots(VM *vm, Frame *f, const NodeList *targets, ALP_TAKE Value v);

/* Where a name's value is, T_Unbound in it if it has none; builtins are not looked at. */
INLINE Value *var_slot(Frame *f, AstScope scope, uint32_t slot)
{
    switch (scope) {
    case SC_Local:  return &f->slots[slot];
    case SC_Cell:   return &CELL(f->slots[slot])->value;
    case SC_Free:   return &f->func->free[slot]->value;
    default:        return &f->globals[slot];
    }
}

#define SLOT_OF(n)      (f->slots[((AstName *)(n))->slot])

/* The value of an SP_CONST node. */
INLINE Value const_of(const Node *n)
{
    Value v = { .tag = n->spare >> SP_TAG_SHIFT };
    _Static_assert(offsetof(AstInt, value) == offsetof(AstFloat, value), "one way to read both");
    __builtin_memcpy(&v.u.i, (const char *)n + offsetof(AstInt, value), sizeof v.u.i);
    return v;
}

/* Truth of a value without looking at heap objects' kinds: the common inline ones, else -2. */
INLINE int quick_truth(Value v)
{
    switch (v.tag) {
    case T_Bool: case T_Int: case T_NpBool: case T_NpI64:
        return v.u.i != 0;
    case T_None:
        return 0;
    case T_Float: case T_NpF64:
        return v.u.f != 0;
    default:
        return -2;
    }
}

enum { FAILED = -1, UNLOCATED = -2 };

/* Truth of a value: 0, 1, UNLOCATED; FAILED for T_Error. */
NOINLINE int truth_of(VM *vm, ALP_TAKE Value v);

/* Truth of the expression n, as a TestFn. */
INLINE int test(HANDLER_ARGS)
{
    if (n->spare & SP_TEST)
        return ((TestFn)n->exec)(vm, f, n);
    Value v = EVAL(n);
    int t = quick_truth(v);
    return LIKELY(t >= 0) ? t : truth_of(vm, v);
}

/* The same for the node `owner` that asks: 0, 1, FAILED. */
INLINE int test_for(VM *vm, Frame *f, Node *owner, Node *n)
{
    int t = test(vm, f, n);
    if (UNLIKELY(t == UNLOCATED)) {
        raise_at(vm, f, owner);
        return FAILED;
    }
    return t;
}

INLINE Flow exec_block(VM *vm, Frame *f, const NodeList *body)
{
    Node **item = body->item;
    for (uint32_t left = body->count; left; left--, item++) {
        Flow flow = EXEC(*item);
        if (UNLIKELY(flow != FLOW_NORMAL))
            return flow;
    }
    return FLOW_NORMAL;
}

/* At back edges and calls. */
INLINE bool poll_fails(VM *vm)
{
    return UNLIKELY(atomic_load_explicit(&vm->attention, memory_order_relaxed)) && vm_poll(vm) != ALP_OK;
}

static inline bool c_stack_low(const VM *vm)
{
    return (char *)__builtin_frame_address(0) < vm->stack_limit;
}

/* ---- the stack of variables (call.c): room for n values, kept until stack_drop() --------------------------------------- */

typedef struct StackMark { Value *top, *end; struct StackSegment *segment; } StackMark;

NOINLINE Value *stack_push_segment(VM *vm, size_t n, StackMark *mark);
NOINLINE void   stack_pop_segment(VM *vm, const StackMark *mark);

/* NULL: MemoryError.  The values are not initialised. */
INLINE Value *stack_take(VM *vm, size_t n, StackMark *mark)
{
    Value *p = vm->stack_top;
    mark->segment = NULL;
    mark->top = p;
    if (UNLIKELY((size_t)(vm->stack_end - p) <= n))
        return stack_push_segment(vm, n, mark);
    vm->stack_top = p + n;
    return p;
}

INLINE void stack_drop(VM *vm, const StackMark *mark)
{
    if (UNLIKELY(mark->segment != NULL))
        stack_pop_segment(vm, mark);
    else
        vm->stack_top = mark->top;
}

#endif
