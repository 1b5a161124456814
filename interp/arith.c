/* interp/arith.c — binary and unary operators.
 *
 * A family of handlers per operator, one member per shape of operands:  L variable in frame->slots,  K number literal,  X anything
 * else.  L and K operands cost no call, and no reference while both operands are numbers.  Where the fast operator declines, members
 * that have evaluated nothing but L and K start over in binary_general(); the others go on with the values they have. */
#include "interp/fast.h"
#include "interp/str.h"

#define BINARY(n)   ((AstBinary *)(n))

/* a op b with a traceback line on failure.  Takes both. */
NOINLINE static Value finish(VM *vm, Frame *f, Node *n, ALP_TAKE Value a, ALP_TAKE Value b)
{
    Value r;
    if (BINARY(n)->op == BI_Add && both(a, b, T_Str)) {
        r = str_concat(vm, a, b);       /* takes a: in s + t + u the first sum grows in place */
    } else {
        r = op_binary(vm, BINARY(n)->op, a, b);
        value_free(vm, a);
    }
    value_free(vm, b);
    if (IS_ERR(r))
        return raise_at(vm, f, n);
    return r;
}

NOINLINE static Value binary_general(HANDLER_ARGS)
{
    Value a = EVAL(BINARY(n)->left);
    if (IS_ERR(a))
        return a;
    Value b = EVAL(BINARY(n)->right);
    if (IS_ERR(b)) {
        value_free(vm, a);
        return b;
    }
    return finish(vm, f, n, a, b);
}

/* The right operand of a member whose left one is evaluated (and owned). */
NOINLINE static Value right_general(VM *vm, Frame *f, Node *n, ALP_TAKE Value a)
{
    Value b = EVAL(BINARY(n)->right);
    if (IS_ERR(b)) {
        value_free(vm, a);
        return b;
    }
    return finish(vm, f, n, a, b);
}

/* Both operands at hand without evaluation. */
#define MEMBER_READY(op, shape, read_left, read_right)                                          \
static Value op##_##shape(HANDLER_ARGS)                                                         \
{                                                                                               \
    Value r;                                                                                    \
    if (LIKELY(fast_##op(read_left(BINARY(n)->left), read_right(BINARY(n)->right), &r)))        \
        return r;                                                                               \
    return binary_general(vm, f, n);                                                            \
}

/* Left operand at hand, right one to be evaluated. A heap object or unbound variable on the left takes the general way. */
#define MEMBER_EVAL_RIGHT(op, shape, read_left)                                                 \
static Value op##_##shape(HANDLER_ARGS)                                                         \
{                                                                                               \
    Value a = read_left(BINARY(n)->left), r;                                                    \
    if (UNLIKELY(IS_HEAP(a) || a.tag == T_Unbound))                                             \
        return binary_general(vm, f, n);                                                        \
    Value b = EVAL(BINARY(n)->right);                                                           \
    if (LIKELY(fast_##op(a, b, &r)))                                                            \
        return r;                                                                               \
    return IS_ERR(b) ? b : finish(vm, f, n, a, b);                                              \
}

#define MEMBER_EVAL_LEFT(op, shape, read_right)                                                 \
static Value op##_##shape(HANDLER_ARGS)                                                         \
{                                                                                               \
    Value a = EVAL(BINARY(n)->left), r;                                                         \
    if (LIKELY(fast_##op(a, read_right(BINARY(n)->right), &r)))                                 \
        return r;                                                                               \
    return IS_ERR(a) ? a : right_general(vm, f, n, a);                                          \
}

#define MEMBER_EVAL_BOTH(op, shape)                                                             \
static Value op##_##shape(HANDLER_ARGS)                                                         \
{                                                                                               \
    Value a = EVAL(BINARY(n)->left), r;                                                         \
    if (IS_ERR(a))                                                                              \
        return a;                                                                               \
    Value b = EVAL(BINARY(n)->right);                                                           \
    if (LIKELY(fast_##op(a, b, &r)))                                                            \
        return r;                                                                               \
    if (IS_ERR(b)) {                                                                            \
        value_free(vm, a);                                                                      \
        return b;                                                                               \
    }                                                                                           \
    return finish(vm, f, n, a, b);                                                              \
}

#define FAMILY(op)                                                                              \
    MEMBER_READY(op, LL, SLOT_OF, SLOT_OF)                                                      \
    MEMBER_READY(op, LK, SLOT_OF, const_of)                                                     \
    MEMBER_READY(op, KL, const_of, SLOT_OF)                                                     \
    MEMBER_EVAL_RIGHT(op, LX, SLOT_OF)                                                          \
    MEMBER_EVAL_RIGHT(op, KX, const_of)                                                         \
    MEMBER_EVAL_LEFT(op, XL, SLOT_OF)                                                           \
    MEMBER_EVAL_LEFT(op, XK, const_of)                                                          \
    MEMBER_EVAL_BOTH(op, XX)

FAMILY(Add) FAMILY(Sub) FAMILY(Mul) FAMILY(MatMul) FAMILY(Div) FAMILY(Mod) FAMILY(Pow)
FAMILY(LShift) FAMILY(RShift) FAMILY(Or) FAMILY(Xor) FAMILY(And) FAMILY(FloorDiv)

typedef enum Shape { SHAPE_L, SHAPE_K, SHAPE_X } Shape;

static Shape shape_of(const Node *n)
{
    return n->spare & SP_SLOT ? SHAPE_L : n->spare & SP_CONST ? SHAPE_K : SHAPE_X;
}

AnyFn choose_binary(const AstBinary *n)
{
#define MEMBERS(op) [BI_##op] = {                                                               \
        { HANDLER(op##_LL), HANDLER(op##_LK), HANDLER(op##_LX) },                               \
        { HANDLER(op##_KL), HANDLER(op##_KX), HANDLER(op##_KX) },                               \
        { HANDLER(op##_XL), HANDLER(op##_XK), HANDLER(op##_XX) } }
    static const AnyFn member[BI_COUNT][3][3] = {
        MEMBERS(Add), MEMBERS(Sub), MEMBERS(Mul), MEMBERS(MatMul), MEMBERS(Div), MEMBERS(Mod), MEMBERS(Pow),
        MEMBERS(LShift), MEMBERS(RShift), MEMBERS(Or), MEMBERS(Xor), MEMBERS(And), MEMBERS(FloorDiv),
    };
    return member[n->op][shape_of(n->left)][shape_of(n->right)];
}

Value eval_unary(HANDLER_ARGS)
{
    AstUnary *e = AST_AS(Unary, n);
    if (e->op == UN_Not) {
        int t = test_for(vm, f, n, e->operand);
        return t < 0 ? V_ERR : V_BOOL(!t);
    }
    Value v = EVAL(e->operand);
    if (e->op == UN_Neg && v.tag == T_Int && v.u.i != INT64_MIN)
        return V_INT(-v.u.i);
    if (e->op == UN_Neg && (v.tag == T_Float || v.tag == T_NpF64))
        return NUMBER(v.tag, f, -v.u.f);
    if (IS_ERR(v))
        return v;
    Value r = op_unary(vm, e->op, v);
    value_free(vm, v);
    return IS_ERR(r) ? raise_at(vm, f, n) : r;
}
