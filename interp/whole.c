/* interp/whole.c — see whole.h. */
#include "interp/whole.h"

#include <math.h>
#include <stdlib.h>

#include "interp/engine.h"
#include "interp/fresh.h"
#include "interp/nditer.h"

/* ---- is it worth it? ------------------------------------------------------------------------------------------------------- */

bool whole_is_wanted(const VM *vm, const Array *const *array, int n)
{
    size_t there = 0, missing = 0;
    if (LIKELY(!vm->n_on_device) || !vm->engine || !vm->engine->whole)
        return false;
    for (int k = 0; k < n; k++) {
        const Buffer *b = array[k] ? array[k]->buf : NULL;
        for (int j = 0; b && j < k; j++)
            if (array[j] && array[j]->buf == b)
                b = NULL;
        if (!b || fresh_of(b))
            continue;
        *(b->device && b->device->is_there && b->device->is_there(b) ? &there : &missing) += b->size;
    }
    return there >= vm->late_bytes && there >= missing && there > 0;
}

/* ---- texts ----------------------------------------------------------------------------------------------------------------- */

const char *whole_text(const Ufunc *u, DType d)
{
    /* The dtypes, by kind, for which the language's operation on two elements is the function's own loop. */
    static const struct { const Ufunc *u; const char *kinds, *text; } rows[] = {
        { &uf_add, "iufc", "$a + $b" },
        { &uf_subtract, "iufc", "$a - $b" },
        { &uf_multiply, "iufc", "$a * $b" },
        { &uf_divide, "fc", "$a / $b" },
        { &uf_floor_divide, "iuf", "$a // $b" },
        { &uf_remainder, "iuf", "$a % $b" },
        { &uf_power, "f", "$a ** $b" },
        { &uf_negative, "iufc", "-$a" },
        { &uf_absolute, "if", "np.absolute($a)" },
        { &uf_square, "iuf", "np.square($a)" },
        { &uf_minimum, "iuf", "np.minimum($a, $b)" },
        { &uf_maximum, "iuf", "np.maximum($a, $b)" },
        { &uf_equal, "biuf", "$a == $b" },
        { &uf_not_equal, "biuf", "$a != $b" },
        { &uf_less, "iuf", "$a < $b" },
        { &uf_less_equal, "iuf", "$a <= $b" },
        { &uf_greater, "iuf", "$a > $b" },
        { &uf_greater_equal, "iuf", "$a >= $b" },
        { &uf_bitwise_and, "biu", "$a & $b" },
        { &uf_bitwise_or, "biu", "$a | $b" },
        { &uf_bitwise_xor, "biu", "$a ^ $b" },
        { &uf_invert, "iu", "~$a" },
        { &uf_left_shift, "iu", "$a << $b" },
        { &uf_right_shift, "iu", "$a >> $b" },
        { &uf_sqrt, "f", "np.sqrt($a)" },
        { &uf_exp, "f", "np.exp($a)" },
        { &uf_log, "f", "np.log($a)" },
        { &uf_sin, "f", "np.sin($a)" },
        { &uf_cos, "f", "np.cos($a)" },
        { &uf_tan, "f", "np.tan($a)" },
        { &uf_tanh, "f", "np.tanh($a)" },
        { &uf_arctan, "f", "np.arctan($a)" },
        { &uf_arctan2, "f", "np.arctan2($a, $b)" },
        { &uf_hypot, "f", "np.hypot($a, $b)" },
        { &uf_floor, "f", "np.floor($a)" },
        { &uf_ceil, "f", "np.ceil($a)" },
        { &uf_isnan, "f", "np.isnan($a)" },
        { &uf_isfinite, "f", "np.isfinite($a)" },
    };
    for (size_t k = 0; k < COUNT_OF(rows); k++)
        if (rows[k].u == u)
            return strchr(rows[k].kinds, dtype_info[d].kind) ? rows[k].text : NULL;
    return NULL;
}

/* ---- loops ----------------------------------------------------------------------------------------------------------------- */

/* A view of operand `op` of the iterator, in its axes. */
static Value lane_view(VM *vm, const NdIter *it, int op, const Array *a)
{
    int64_t shape[ALP_MAX_NDIM], strides[ALP_MAX_NDIM];
    for (int k = 0; k < it->ndim; k++) {
        shape[it->ndim - 1 - k] = it->shape[k];
        strides[it->ndim - 1 - k] = it->stride[op][k];
    }
    return array_view(vm, a->buf, it->ptr[op], (DType)a->dtype, it->ndim, shape, strides, false);
}

/* The engine's answer; what could not be made for lack of memory is left to the host. */
static WholeVerdict ask(VM *vm, WholeLoop *l, bool made)
{
    WholeVerdict v = made ? vm->engine->whole(vm, l) : WHOLE_LEFT;
    if (!made)
        vm_clear_exc(vm);
    for (int k = 0; k < l->n_in; k++)
        value_free(vm, l->in[k]);
    value_free(vm, l->out);
    return v;
}

/* Sorted and merged axes: contiguous arrays of any rank are one long run. */
static bool start_walk(NdIter *it)
{
    if (it->size == 0)
        return false;
    nditer_sort(it);
    nditer_start(it);
    return it->ndim <= WHOLE_MAX_RANK;
}

WholeVerdict whole_map(VM *vm, const char *text, const Array *out, int n_in, const Value *in)
{
    NdIter it;
    WholeLoop l = { .text = text, .kind = WHOLE_Map, .n_in = (uint8_t)n_in, .out = V_NONE, .sum = V_NONE };
    nditer_init(&it, out->ndim, out->shape);
    nditer_array(&it, out);
    for (int k = 0; k < n_in; k++)
        if (in[k].tag == T_Array)
            nditer_array(&it, ARRAY(in[k]));
    if (!start_walk(&it))
        return WHOLE_LEFT;
    l.rank = (uint8_t)it.ndim;
    for (int k = 0; k < it.ndim; k++)
        l.shape[it.ndim - 1 - k] = it.shape[k];
    l.out = lane_view(vm, &it, 0, out);
    bool made = !IS_ERR(l.out);
    for (int k = 0, op = 0; k < n_in; k++) {
        l.in[k] = in[k].tag != T_Array ? value_ref(in[k]) : made ? lane_view(vm, &it, ++op, ARRAY(in[k])) : V_NONE;
        made &= !IS_ERR(l.in[k]);
        if (made && in[k].tag == T_Array && array_same_layout(ARRAY(l.out), ARRAY(l.in[k])) && out->dtype == ARRAY(in[k])->dtype)
            l.in_place |= (uint8_t)(1u << k);
    }
    return ask(vm, &l, made);
}

WholeVerdict whole_copy(VM *vm, const Array *out, Value in)
{
    DType from = value_dtype(in), to = (DType)out->dtype;
    /* Of other conversions an element's assignment would complain. */
    if (from != to && !(dtype_info[to].kind == 'f' && strchr("iuf", dtype_info[from].kind)))
        return WHOLE_LEFT;
    return whole_map(vm, "$a", out, 1, &in);
}

/* What leaves every other value as it is. */
static Value extreme(DType d, bool least)
{
    int64_t min;
    uint64_t max;
    Value v = { .tag = T_NP(d) };
    if (dtype_int_range(d, &min, &max)) {
        if (least)
            v.u.i = min;
        else
            v.u.u = max;
    } else {
        v.u.f = least ? -HUGE_VAL : HUGE_VAL;
    }
    return v;
}

static Value axes_view(VM *vm, const Array *a, int ndim, const int64_t *shape, const int64_t *strides)
{
    return array_view(vm, a->buf, a->data, (DType)a->dtype, ndim, shape, strides, false);
}

/* A copy of *v, a view, with its last axis contiguous.  WHOLE_LEFT: not there; *v is released if not WHOLE_DONE. */
static WholeVerdict make_contiguous(VM *vm, ALP_TAKE Value *v)
{
    const Array *a = ARRAY(*v);
    Value copy = array_new(vm, (DType)a->dtype, a->ndim, a->shape, false);
    WholeVerdict verdict = WHOLE_LEFT;
    if (!IS_ERR(copy)) {
        fresh_any(vm, ARRAY(copy));
        verdict = whole_copy(vm, ARRAY(copy), *v);
    } else {
        vm_clear_exc(vm);
    }
    value_free(vm, *v);
    *v = copy;
    if (verdict != WHOLE_DONE)
        value_free(vm, copy);
    return verdict;
}

WholeVerdict whole_reduce(VM *vm, TreeOp op, const Array *a, const ReduceWalk *w, const void *start, const Array *result, bool there)
{
    static const char *const text[TREE_OP_COUNT] = {
        [TREE_Add] = "$s + $a", [TREE_Mul] = "$s * $a", [TREE_Min] = "np.minimum($s, $a)", [TREE_Max] = "np.maximum($s, $a)",
    };
    enum { GROUPS_MIN = 256, GROUP_MAX = 1 << 16 };     /* a group is the work of a few threads */
    DType d = (DType)result->dtype;
    int64_t shape[ALP_MAX_NDIM + 1], strides[ALP_MAX_NDIM + 1], out_strides[ALP_MAX_NDIM];
    bool single = w->n_groups == 1;
    if (!strchr("iuf", dtype_info[d].kind) || dtype_promote(d, (DType)a->dtype) != d || (dtype_info[a->dtype].kind == 'b' && op > TREE_Mul) ||
        w->n_red != 1 || w->n_kept + 1 > WHOLE_MAX_RANK || !(single || there) ||
        (single ? w->group_size <= TREE_PROGRAM : w->n_groups < GROUPS_MIN && w->group_size > GROUP_MAX))
        return WHOLE_LEFT;
    int n_kept = single ? 0 : w->n_kept;
    for (int k = 0; k <= n_kept; k++) {
        shape[k] = k < n_kept ? w->kept_shape[k] : w->red_shape[0];
        strides[k] = k < n_kept ? w->kept_stride[k] : w->red_stride[0];
    }
    WholeLoop l = { .text = text[op], .kind = single ? WHOLE_Sum : WHOLE_Sums, .rank = (uint8_t)(n_kept + 1), .n_in = 1, .out = V_NONE };
    l.order = op <= TREE_Mul && dtype_info[d].kind == 'f' && w->group_size > TREE_PROGRAM ? ORDER_Tree : ORDER_Any;
    memcpy(l.shape, shape, (size_t)(n_kept + 1) * sizeof shape[0]);
    l.sum = start ? array_load(vm, d, start) : extreme(d, op == TREE_Max);
    l.in[0] = axes_view(vm, a, n_kept + 1, shape, strides);
    /* Accumulations of many groups side by side would keep program order. */
    if (l.order == ORDER_Tree && !single && !IS_ERR(l.in[0]) && llabs(w->red_stride[0]) != dtype_info[a->dtype].size) {
        WholeVerdict v = make_contiguous(vm, &l.in[0]);
        if (v != WHOLE_DONE) {
            value_free(vm, l.sum);
            return v;
        }
    }
    if (!single) {
        array_strides('C', d, n_kept, shape, out_strides);
        l.out = axes_view(vm, result, n_kept, shape, out_strides);
        fresh_any(vm, result);
    }
    WholeVerdict v = ask(vm, &l, !IS_ERR(l.in[0]) && !IS_ERR(l.out));
    if (v == WHOLE_DONE && single && array_store(vm, d, result->data, l.sum) != ALP_OK)
        v = WHOLE_RAISED;
    value_free(vm, l.sum);
    return v;
}

/* Both of the result's type, whose zero is *zero. */
static bool has_product(const VM *vm, const Array *a, const Array *b, const Array *result, Value *zero)
{
    const Array *const both[2] = { a, b };
    DType d = (DType)result->dtype;
    *zero = (Value){ .tag = T_NP(d) };
    return strchr("iuf", dtype_info[d].kind) && a->dtype == d && b->dtype == d && whole_is_wanted(vm, both, 2);
}

WholeVerdict whole_dot(VM *vm, const Array *a, const Array *b, const Array *result)
{
    WholeLoop l = { .text = "$s + $a * $b", .kind = WHOLE_Sum, .rank = 1, .n_in = 2, .shape = { a->shape[0] }, .out = V_NONE };
    if (!has_product(vm, a, b, result, &l.sum) || a->shape[0] <= TREE_PROGRAM)
        return WHOLE_LEFT;
    l.order = dtype_info[result->dtype].kind == 'f' ? ORDER_Tree : ORDER_Any;
    l.in[0] = axes_view(vm, a, 1, a->shape, a->strides);
    l.in[1] = IS_ERR(l.in[0]) ? V_NONE : axes_view(vm, b, 1, b->shape, b->strides);
    WholeVerdict v = ask(vm, &l, !IS_ERR(l.in[0]) && !IS_ERR(l.in[1]));
    return v == WHOLE_DONE && array_store(vm, (DType)result->dtype, result->data, l.sum) != ALP_OK ? WHOLE_RAISED : v;
}

WholeVerdict whole_product(VM *vm, const Array *a, const Array *b, const Array *result)
{
    static const char *const text[2][2] = {         /* is a a matrix, is b one */
        { NULL, "$s + a[i1] * b[i1, i0]" }, { "$s + a[i0, i1] * b[i1]", "$s + a[i0, i2] * b[i2, i1]" },
    };
    enum { ELEMENTS_MIN = 256, SUM_MAX = 1 << 16 };     /* an element is the work of one thread */
    int64_t k = a->shape[a->ndim - 1];
    WholeLoop l = { .text = text[a->ndim == 2][b->ndim == 2], .kind = WHOLE_Sums, .rank = (uint8_t)(result->ndim + 1), .n_in = 2, .order = ORDER_Program };
    if (a->ndim > 2 || b->ndim > 2 || !l.text || !has_product(vm, a, b, result, &l.sum) || (result->size < ELEMENTS_MIN && k > SUM_MAX))
        return WHOLE_LEFT;
    memcpy(l.shape, result->shape, (size_t)result->ndim * sizeof l.shape[0]);
    l.shape[result->ndim] = k;
    l.in[0] = axes_view(vm, a, a->ndim, a->shape, a->strides);
    l.in[1] = IS_ERR(l.in[0]) ? V_NONE : axes_view(vm, b, b->ndim, b->shape, b->strides);
    l.out = IS_ERR(l.in[0]) || IS_ERR(l.in[1]) ? V_NONE : axes_view(vm, result, result->ndim, result->shape, result->strides);
    fresh_any(vm, result);
    return ask(vm, &l, l.out.tag == T_Array);
}
