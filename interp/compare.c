/* interp/compare.c — comparisons, truth, and/or/not.
 *
 * Comparisons of two operands are families like those of arith.c, each in two forms: one that yields a value, and one for test
 * positions (if, while, and, or, not …) that yields an int and makes no value. */
#include "interp/fast.h"
#include "interp/str.h"

#define COMPARE(n)  ((AstCompare *)(n))
#define LEFT(n)     (COMPARE(n)->first)
#define RIGHT(n)    (COMPARE(n)->rest.item[0])

/* A comparison that the interpreter's loop does not do itself counts as a call, as in CPython. */
static bool too_deep(VM *vm)
{
    if (LIKELY(vm->depth < vm->max_depth))
        return false;
    raise(vm, TY_RecursionError, "maximum recursion depth exceeded in comparison");
    return true;
}

/* a op b; operands borrowed, no traceback line. */
static Value compare_values(VM *vm, CmpOp op, Value a, Value b)
{
    if (both(a, b, T_Str) && (op == CM_Eq || op == CM_Ne))
        return V_BOOL(str_equal(STR(a), STR(b)) == (op == CM_Eq));
    if (op == CM_Is || op == CM_IsNot)
        return V_BOOL(op_is(a, b) == (op == CM_Is));
    if (op != CM_In && op != CM_NotIn && too_deep(vm))
        return V_ERR;
    return op_compare(vm, op, a, b);
}

/* Takes both. */
NOINLINE static Value finish(VM *vm, Frame *f, Node *n, ALP_TAKE Value a, ALP_TAKE Value b)
{
    Value r = compare_values(vm, COMPARE(n)->ops.item[0], a, b);
    value_free(vm, a);
    value_free(vm, b);
    return IS_ERR(r) ? raise_at(vm, f, n) : r;
}

int truth_of(VM *vm, ALP_TAKE Value v)
{
    int t = quick_truth(v);
    if (t >= 0)
        return t;
    if (IS_ERR(v))
        return FAILED;
    t = op_truth(vm, v);
    value_free(vm, v);
    return t < 0 ? UNLOCATED : t;
}

/* Truth of a comparison's value; failure is located there. */
static int located_truth(VM *vm, Frame *f, Node *n, ALP_TAKE Value v)
{
    int t = truth_of(vm, v);
    if (t == UNLOCATED) {
        raise_at(vm, f, n);
        return FAILED;
    }
    return t;
}

/* Any comparison, chains included: a < b < c evaluates b once and stops at the first false. */
Value eval_compare(HANDLER_ARGS)
{
    AstCompare *e = COMPARE(n);
    Value a = EVAL(e->first);
    if (IS_ERR(a))
        return a;
    for (uint32_t i = 0;; i++) {
        Value b = EVAL(e->rest.item[i]);
        if (IS_ERR(b)) {
            value_free(vm, a);
            return b;
        }
        Value r = compare_values(vm, e->ops.item[i], a, b);
        value_free(vm, a);
        if (IS_ERR(r)) {
            value_free(vm, b);
            return raise_at(vm, f, n);
        }
        if (i + 1 == e->rest.count) {
            value_free(vm, b);
            return r;
        }
        int t = op_truth(vm, r);
        if (t <= 0) {
            value_free(vm, b);
            if (t == 0)
                return r;
            value_free(vm, r);
            return raise_at(vm, f, n);
        }
        value_free(vm, r);
        a = b;
    }
}

static int test_compare(HANDLER_ARGS)
{
    return located_truth(vm, f, n, eval_compare(vm, f, n));
}

/* The value of a comparison that has a NumPy operand is NumPy's. */
INLINE Value bool_of(Value a, Value b, int r)
{
    bool np = a.tag >= T_NpBool || b.tag >= T_NpBool;
    return (Value){ .tag = np ? T_NpBool : T_Bool, .u.i = r };
}

/* One member in both forms.  PROLOGUE reads or evaluates the operands into a and b, or leaves with `fail`, or by `general`,
 * which starts over.  SLOW_VALUE is the comparison's value where the fast one declines: from the start if nothing has been
 * evaluated yet, else of a and b. */
#define MEMBER(op, shape, PROLOGUE, SLOW_VALUE)                                                 \
static Value op##_##shape(HANDLER_ARGS)                                                         \
{                                                                                               \
    int r;                                                                                      \
    PROLOGUE(V_ERR, eval_compare(vm, f, n))                                                     \
    if (LIKELY(fast_##op(a, b, &r)))                                                            \
        return bool_of(a, b, r);                                                                \
    return SLOW_VALUE;                                                                          \
}                                                                                               \
static int test_##op##_##shape(HANDLER_ARGS)                                                    \
{                                                                                               \
    int r;                                                                                      \
    PROLOGUE(FAILED, test_compare(vm, f, n))                                                        \
    if (LIKELY(fast_##op(a, b, &r)))                                                            \
        return r;                                                                               \
    return located_truth(vm, f, n, SLOW_VALUE);                                                      \
}

#define READ_LL(fail, general)  Value a = SLOT_OF(LEFT(n)), b = SLOT_OF(RIGHT(n));
#define READ_LK(fail, general)  Value a = SLOT_OF(LEFT(n)), b = const_of(RIGHT(n));
#define READ_XK(fail, general)                                                                  \
    Value a = EVAL(LEFT(n)), b = const_of(RIGHT(n));                                            \
    if (IS_ERR(a))                                                                              \
        return fail;
#define READ_LX(fail, general)                                                                  \
    Value a = SLOT_OF(LEFT(n));                                                                 \
    if (UNLIKELY(IS_HEAP(a) || a.tag == T_Unbound))                                             \
        return general;                                                                         \
    Value b = EVAL(RIGHT(n));                                                                   \
    if (IS_ERR(b))                                                                              \
        return fail;
#define READ_XX(fail, general)                                                                  \
    Value a = EVAL(LEFT(n));                                                                    \
    if (IS_ERR(a))                                                                              \
        return fail;                                                                            \
    Value b = EVAL(RIGHT(n));                                                                   \
    if (IS_ERR(b)) {                                                                            \
        value_free(vm, a);                                                                      \
        return fail;                                                                            \
    }

#define FAMILY(op)                                                                              \
    MEMBER(op, LL, READ_LL, eval_compare(vm, f, n))                                             \
    MEMBER(op, LK, READ_LK, eval_compare(vm, f, n))                                             \
    MEMBER(op, XK, READ_XK, finish(vm, f, n, a, b))                                             \
    MEMBER(op, LX, READ_LX, finish(vm, f, n, a, b))                                             \
    MEMBER(op, XX, READ_XX, finish(vm, f, n, a, b))

FAMILY(Eq) FAMILY(Ne) FAMILY(Lt) FAMILY(Le) FAMILY(Gt) FAMILY(Ge)

/* x is y. */
static int test_is(HANDLER_ARGS)
{
    READ_XX(FAILED, FAILED)
    bool same = op_is(a, b) == (COMPARE(n)->ops.item[0] == CM_Is);
    value_free(vm, a);
    value_free(vm, b);
    return same;
}

static Value is_XX(HANDLER_ARGS)
{
    int t = test_is(vm, f, n);
    return t < 0 ? V_ERR : V_BOOL(t);
}

/* `x is None` of a variable. */
static int test_is_none(HANDLER_ARGS)
{
    Value a = SLOT_OF(LEFT(n));
    if (UNLIKELY(a.tag == T_Unbound))
        return test_is(vm, f, n);
    return (a.tag == T_None) == (COMPARE(n)->ops.item[0] == CM_Is);
}

/* x == "literal", x != "literal". */
static int test_literal(HANDLER_ARGS)
{
    Node *left = LEFT(n);
    bool borrowed = left->spare & SP_SLOT;
    Value a = borrowed ? SLOT_OF(left) : EVAL(left);
    if (UNLIKELY(a.tag != T_Str)) {
        if (borrowed)
            return test_compare(vm, f, n);
        return IS_ERR(a) ? FAILED : located_truth(vm, f, n, finish(vm, f, n, a, EVAL(RIGHT(n))));
    }
    const Str *x = STR(a), *y = ((AstStr *)RIGHT(n))->object;
    bool equal = x == y || (x->size == y->size && x->text[0] == y->text[0] && str_equal(x, y));
    if (!borrowed)
        value_free(vm, a);
    return equal == (COMPARE(n)->ops.item[0] == CM_Eq);
}

AnyFn choose_compare(const AstCompare *n, bool for_test)
{
#define MEMBERS(prefix, op) [CM_##op] = { HANDLER(prefix##op##_LL), HANDLER(prefix##op##_LK), HANDLER(prefix##op##_XK), \
                                          HANDLER(prefix##op##_LX), HANDLER(prefix##op##_XX) }
    static const AnyFn value_member[CM_Is][5] = {
        MEMBERS(, Eq), MEMBERS(, Ne), MEMBERS(, Lt), MEMBERS(, Le), MEMBERS(, Gt), MEMBERS(, Ge),
    };
    static const AnyFn test_member[CM_Is][5] = {
        MEMBERS(test_, Eq), MEMBERS(test_, Ne), MEMBERS(test_, Lt), MEMBERS(test_, Le), MEMBERS(test_, Gt), MEMBERS(test_, Ge),
    };
    CmpOp op = n->ops.item[0];
    const Node *left = n->first, *right = n->rest.item[0];
    if (n->rest.count == 1 && (op == CM_Is || op == CM_IsNot)) {
        if (for_test)
            return right->kind == ND_None && (left->spare & SP_SLOT) ? HANDLER(test_is_none) : HANDLER(test_is);
        return HANDLER(is_XX);
    }
    if (n->rest.count > 1 || op >= CM_Is)
        return for_test ? HANDLER(test_compare) : HANDLER(eval_compare);
    if (for_test && right->kind == ND_Str && (op == CM_Eq || op == CM_Ne))
        return HANDLER(test_literal);
    int shape = left->spare & SP_SLOT ? (right->spare & SP_SLOT ? 0 : right->spare & SP_CONST ? 1 : 3)
                                      : (right->spare & SP_CONST ? 2 : 4);
    return (for_test ? test_member : value_member)[op][shape];
}

/* ---- and, or, not ------------------------------------------------------------------------------------------------------ */

Value eval_bool_op(HANDLER_ARGS)
{
    AstBoolOp *e = (AstBoolOp *)n;
    for (uint32_t i = 0;; i++) {
        Value v = EVAL(e->values.item[i]);
        if (i + 1 == e->values.count || IS_ERR(v))
            return v;
        int t = quick_truth(v);
        if (t < 0 && (t = op_truth(vm, v)) < 0) {
            value_free(vm, v);
            return raise_at(vm, f, n);
        }
        if (t == e->is_or)
            return v;
        value_free(vm, v);
    }
}

static int test_bool_op(HANDLER_ARGS)
{
    AstBoolOp *e = (AstBoolOp *)n;
    int t = e->is_or;
    for (uint32_t i = 0; i < e->values.count; i++) {
        t = test(vm, f, e->values.item[i]);
        if (t != !e->is_or)
            break;              /* decided, or failed */
    }
    return t;
}

static int test_not(HANDLER_ARGS)
{
    int t = test(vm, f, ((AstUnary *)n)->operand);
    return t < 0 ? t : !t;
}

static int test_slot(HANDLER_ARGS)
{
    Value v = SLOT_OF(n);
    int t = quick_truth(v);
    return LIKELY(t >= 0) ? t : truth_of(vm, eval_name(vm, f, n));
}

static int test_true(HANDLER_ARGS)
{
    return 1;
}

AnyFn choose_test(const Node *n)
{
    switch ((NodeKind)n->kind) {
    case ND_Compare:    return choose_compare((const AstCompare *)n, true);
    case ND_BoolOp:     return HANDLER(test_bool_op);
    case ND_Unary:      return ((const AstUnary *)n)->op == UN_Not ? HANDLER(test_not) : NULL;
    case ND_Name:       return n->spare & SP_SLOT ? HANDLER(test_slot) : NULL;
    case ND_True:       return HANDLER(test_true);
    default:            return NULL;
    }
}
