/* interp/scan.c — running sums and products along an axis (in program order), and differences of neighbours. */
#include "interp/reduce.h"

/* row[i] = op(row[i - 1], row[i]) along the axis of a C-contiguous array; a row is everything behind the axis. */
static void accumulate(Array *a, int axis, TreeOp op)
{
    int64_t outer = 1, n = a->shape[axis], inner = 1;
    for (int k = 0; k < axis; k++)
        outer *= a->shape[k];
    for (int k = axis + 1; k < a->ndim; k++)
        inner *= a->shape[k];
    size_t line = (size_t)inner * dtype_info[a->dtype].size;
    char *p = a->data;
    if (a->size == 0)
        return;
    if (inner == 1) {
        for (int64_t o = 0; o < outer; o++, p += (size_t)n * line)
            tree_scan(op, (DType)a->dtype, p, n);
        return;
    }
    for (int64_t o = 0; o < outer; o++, p += line)
        for (int64_t i = 1; i < n; i++, p += line)
            tree_combine(op, (DType)a->dtype, p + line, p, inner);
}

static Value deliver_scan(VM *vm, ALP_TAKE Value result, Value out)
{
    if (!arg_given(out))
        return result;
    const Array *r = ARRAY(result);
    if (out.tag != T_Array) {
        raise(vm, TY_TypeError, "output must be an array");
    } else {
        const Array *o = ARRAY(out);
        bool same = o->ndim == r->ndim;
        for (int k = 0; same && k < r->ndim; k++)
            same = o->shape[k] == r->shape[k];
        char want[256], have[256];
        shape_text(want, sizeof want, r->ndim, r->shape);
        shape_text(have, sizeof have, o->ndim, o->shape);
        if (same)
            array_assign(vm, ARRAY(out), result);
        else if (r->ndim == 1 && o->ndim == 1)
            raise(vm, TY_ValueError, "provided out is the wrong size for the accumulation.");
        else
            raise(vm, TY_ValueError, "operands could not be broadcast together with remapped shapes [original->remapped]: "
                  "%s->%s %s->%s ", have, have, want, want);
    }
    value_free(vm, result);
    return vm_has_exc(vm) ? V_ERR : value_ref(out);
}

static Value scan(VM *vm, const Args *args, TreeOp op)
{
    Value a = reduce_input(vm, args->v[0]), out = args->v[3], result = V_ERR;
    if (IS_ERR(a))
        return V_ERR;
    int axis;
    DType d = (DType)ARRAY(a)->dtype;
    d = arg_given(out) && out.tag == T_Array ? dtype_promote(d, (DType)ARRAY(out)->dtype) : reduce_sum_dtype(d);
    if ((!arg_given(args->v[2]) || dtype_arg(vm, args->v[2], d, &d) == ALP_OK)
        && one_axis_arg(vm, args->v[1], &a, &axis) == ALP_OK) {
        result = array_copy(vm, a, d, 'C');
        if (!IS_ERR(result)) {
            accumulate(ARRAY(result), axis, op);
            result = deliver_scan(vm, result, out);
        }
    }
    value_free(vm, a);
    return result;
}

Value np_cumsum(VM *vm, const Args *args)
{
    return scan(vm, args, TREE_Add);
}

Value np_cumprod(VM *vm, const Args *args)
{
    return scan(vm, args, TREE_Mul);
}

/* a[1:] - a[:-1] along an axis. */
static Value neighbour_differences(VM *vm, const Array *a, int axis)
{
    int64_t shape[ALP_MAX_NDIM];
    memcpy(shape, a->shape, sizeof shape);
    shape[axis] = a->shape[axis] > 0 ? a->shape[axis] - 1 : 0;
    char *next = a->data + (a->shape[axis] > 0 ? a->strides[axis] : 0);
    Value low = array_view(vm, a->buf, a->data, (DType)a->dtype, a->ndim, shape, a->strides, true), high, result;
    if (IS_ERR(low))
        return V_ERR;
    high = array_view(vm, a->buf, next, (DType)a->dtype, a->ndim, shape, a->strides, true);
    if (IS_ERR(high))
        result = V_ERR;
    else if (a->dtype == DT_Bool)
        result = array_compare(vm, CM_Ne, high, low);
    else
        result = array_binary(vm, BI_Sub, high, low, NULL);
    value_free(vm, low);
    value_free(vm, high);
    return result;
}

Value np_diff(VM *vm, const Args *args)
{
    int64_t n = 1;
    int axis;
    if (args->v[1].tag != T_Unbound && arg_int(vm, args->v[1], &n) != ALP_OK)
        return V_ERR;
    if (n == 0)
        return value_ref(args->v[0]);
    if (n < 0)
        return raise(vm, TY_ValueError, "order must be non-negative but got %lld", (long long)n);
    Value a = reduce_input(vm, args->v[0]);
    if (IS_ERR(a))
        return V_ERR;
    int ndim = ARRAY(a)->ndim;
    if (ndim == 0)
        raise(vm, TY_ValueError, "diff requires input that is at least one dimensional");
    else if (args->v[2].tag == T_Unbound)
        axis = ndim - 1;
    else
        axis_arg(vm, args->v[2], ndim, &axis);
    for (; n > 0 && !vm_has_exc(vm) && (ARRAY(a)->shape[axis] > 0 || n == 1); n--)
        value_set(vm, &a, neighbour_differences(vm, ARRAY(a), axis));
    if (vm_has_exc(vm)) {
        value_free(vm, a);
        return V_ERR;
    }
    return a;
}
