/* interp/ufunc_ops.c — Python's operators on arrays. */
#include "interp/ops.h"
#include "interp/residency.h"
#include "interp/ufunc.h"

/* ORDER binop; NULL: array_matmul */
static const Ufunc *const binary_ufunc[BI_COUNT] = {
    [BI_Add] = &uf_add, [BI_Sub] = &uf_subtract, [BI_Mul] = &uf_multiply, [BI_Div] = &uf_divide, [BI_Mod] = &uf_remainder,
    [BI_Pow] = &uf_power, [BI_LShift] = &uf_left_shift, [BI_RShift] = &uf_right_shift, [BI_Or] = &uf_bitwise_or,
    [BI_Xor] = &uf_bitwise_xor, [BI_And] = &uf_bitwise_and, [BI_FloorDiv] = &uf_floor_divide,
};

static Value binary(VM *vm, BinOp op, Value a, Value b, Array *out, bool there)
{
    const Value in[2] = { a, b };
    const Ufunc *u = binary_ufunc[op];
    if (!u)
        return array_matmul(vm, a, b);
    /* NumPy squares for ** 2, which differs for bools alone: int8. */
    if (op == BI_Pow && b.tag == T_Int && b.u.i == 2 && a.tag == T_Array && ARRAY(a)->dtype == DT_Bool && !out)
        return ufunc_call1(vm, &uf_square, a);
    if (!out && !there)
        return ufunc_call(vm, u, in, NULL);
    UfuncOptions opt = { .out = { out }, .there = there };
    return ufunc_call(vm, u, in, &opt);
}

Value array_binary(VM *vm, BinOp op, Value a, Value b, Array *out)
{
    return binary(vm, op, a, b, out, false);
}

Value array_binary_there(VM *vm, BinOp op, Value a, Value b, Array *out)
{
    return binary(vm, op, a, b, out, vm->n_on_device && !vm->native);
}

static Value unary(VM *vm, const Ufunc *u, Value a)
{
    const UfuncOptions opt = { .there = vm->n_on_device && !vm->native };
    return ufunc_call(vm, u, &a, &opt);
}

Value array_unary(VM *vm, UnOp op, Value a)
{
    switch (op) {
    case UN_Pos:    return unary(vm, &uf_positive, a);
    case UN_Neg:    return unary(vm, &uf_negative, a);
    case UN_Invert: return unary(vm, &uf_invert, a);
    case UN_Not: {
        int truth = value_to_host(vm, a, HOST_Read) == ALP_OK ? array_truth(vm, a) : -1;
        return truth < 0 ? V_ERR : V_BOOL(!truth);
    }
    }
    return V_NOTIMPL;
}

/* No element equals something that is no number. */
static Value compare_with_other(VM *vm, CmpOp op, const Array *a)
{
    if (a->ndim == 0)
        return V_NPBOOL(op == CM_Ne);
    Value v = array_new(vm, DT_Bool, a->ndim, a->shape, true);
    if (!IS_ERR(v) && op == CM_Ne)
        memset(ARRAY(v)->data, 1, (size_t)ARRAY(v)->size);
    return v;
}

static bool is_operand(Value v)
{
    return value_dtype(v) != DT_COUNT || v.tag == T_List || v.tag == T_Tuple || v.tag == T_Range;
}

static Value compare(VM *vm, CmpOp op, Value a, Value b, bool there)
{
    static const Ufunc *const compare_ufunc[] = {
        [CM_Eq] = &uf_equal, [CM_Ne] = &uf_not_equal, [CM_Lt] = &uf_less, [CM_Le] = &uf_less_equal, [CM_Gt] = &uf_greater,
        [CM_Ge] = &uf_greater_equal,
    };
    if (op == CM_Eq || op == CM_Ne) {
        if (a.tag == T_Array && !is_operand(b))
            return compare_with_other(vm, op, ARRAY(a));
        if (b.tag == T_Array && !is_operand(a))
            return compare_with_other(vm, op, ARRAY(b));
    }
    const UfuncOptions opt = { .there = there };
    return ufunc_call(vm, compare_ufunc[op], (const Value []){ a, b }, &opt);
}

Value array_compare(VM *vm, CmpOp op, Value a, Value b)
{
    return compare(vm, op, a, b, false);
}

Value array_compare_there(VM *vm, CmpOp op, Value a, Value b)
{
    return compare(vm, op, a, b, vm->n_on_device && !vm->native);
}

int array_truth(VM *vm, Value v)
{
    const Array *a = ARRAY(v);
    if (a->size == 1) {
        char truth;
        array_cast(DT_Bool, &truth, 1, (DType)a->dtype, a->data, 0, 1);
        return truth;
    }
    if (a->size == 0)
        raise(vm, TY_ValueError, "The truth value of an empty array is ambiguous. Use `array.size > 0` to check that an array is not "
              "empty.");
    else
        raise(vm, TY_ValueError, "The truth value of an array with more than one element is ambiguous. Use a.any() or a.all()");
    return -1;
}
