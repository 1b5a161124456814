/* interp/reduce_stats.c — statistics made of reductions: mean, var, std, average, median, ptp, and the functions that skip NaNs.
 * Each step has the dtype that NumPy gives it, so that results agree to the last bit wherever the order of additions does. */
#include "interp/reduce.h"

#include <math.h>

#include "interp/ops.h"
#include "interp/residency.h"

/* ---- division by a count -------------------------------------------------------------------------------------------- */

/* x / n in double precision, as NumPy divides by a count, cast back to the dtype. */
static void divide_element(DType d, char *p, double n)
{
    if (dtype_info[d].kind == 'c') {
        double z[2], scale = 1.0 / n, zero_part = 0.0 / n;      /* NumPy's complex division by n + 0j */
        array_cast(DT_C128, (char *)z, 16, d, p, 0, 1);
        double q[2] = { (z[0] + z[1] * zero_part) * scale, (z[1] - z[0] * zero_part) * scale };
        array_cast(d, p, dtype_info[d].size, DT_C128, (const char *)q, 16, 1);
        return;
    }
    double x;
    array_cast(DT_F64, (char *)&x, 8, d, p, 0, 1);
    x /= n;
    array_cast(d, p, dtype_info[d].size, DT_F64, (const char *)&x, 8, 1);
}

void divide_elements(Array *a, double n)
{
    if (a->dtype == DT_F64) {
        double *x = (double *)(void *)a->data;
        for (int64_t i = 0; i < a->size; i++)
            x[i] /= n;
        return;
    }
    for (int64_t i = 0; i < a->size; i++)
        divide_element((DType)a->dtype, a->data + i * dtype_info[a->dtype].size, n);
}

/* Number of elements in each group. */
static int64_t group_size(const Array *a, uint32_t axes)
{
    int64_t n = 1;
    for (int k = 0; k < a->ndim; k++)
        n *= axes >> k & 1 ? a->shape[k] : 1;
    return n;
}

/* dtype of a mean: integers are averaged as float64. */
static DType mean_dtype(DType d)
{
    return dtype_info[d].kind == 'f' || dtype_info[d].kind == 'c' ? d : DT_F64;
}

/* ---- mean, var, std ------------------------------------------------------------------------------------------------- */

static Value mean_array(VM *vm, const Array *a, uint32_t axes, bool keepdims, DType d)
{
    Value sum = reduce_array_there(vm, a, axes, keepdims, TREE_Add, d, V_UNBOUND, "add");
    if (!IS_ERR(sum) && array_to_host(vm, ARRAY(sum), HOST_Write) != ALP_OK)
        value_set(vm, &sum, V_ERR);
    if (!IS_ERR(sum))
        divide_elements(ARRAY(sum), (double)group_size(a, axes));
    return sum;
}

Value np_mean(VM *vm, const Args *args)
{
    Value a = reduce_input(vm, args->v[0]), result = V_ERR;
    if (IS_ERR(a))
        return V_ERR;
    uint32_t axes;
    bool keepdims;
    DType d = mean_dtype((DType)ARRAY(a)->dtype);
    if ((!arg_given(args->v[2]) || dtype_arg(vm, args->v[2], d, &d) == ALP_OK)
        && reduce_axes_arg(vm, args->v[1], ARRAY(a)->ndim, false, &axes) == ALP_OK
        && reduce_flag_arg(vm, args->v[4], &keepdims) == ALP_OK)
        result = reduce_deliver(vm, mean_array(vm, ARRAY(a), axes, keepdims, d), args->v[3], ARRAY(a), axes, keepdims, "add");
    value_free(vm, a);
    return result;
}

/* |x|**2 of every element: in place for real x, a new real array for complex x.  Takes x. */
static Value squares(VM *vm, ALP_TAKE Value x)
{
    const Array *a = ARRAY(x);
    Value result;
    if (dtype_info[a->dtype].kind != 'c') {
        result = array_binary(vm, BI_Mul, x, x, ARRAY(x));
    } else {
        bool single = a->dtype == DT_C64;
        result = array_new(vm, single ? DT_F32 : DT_F64, a->ndim, a->shape, false);
        for (int64_t i = 0; !IS_ERR(result) && i < a->size; i++) {
            char *to = ARRAY(result)->data + i * (single ? 4 : 8);
            if (single) {
                float z[2], r;
                memcpy(z, a->data + i * 8, sizeof z);
                r = z[0] * z[0] + z[1] * z[1];
                memcpy(to, &r, sizeof r);
            } else {
                double z[2], r;
                memcpy(z, a->data + i * 16, sizeof z);
                r = z[0] * z[0] + z[1] * z[1];
                memcpy(to, &r, sizeof r);
            }
        }
    }
    value_free(vm, x);
    return result;
}

/* (a - mean)**2, contiguous. */
static Value squared_deviations(VM *vm, Value a, uint32_t axes, DType d)
{
    Value mean = mean_array(vm, ARRAY(a), axes, true, d);
    if (IS_ERR(mean))
        return V_ERR;
    /* 0-d operands would give a scalar. */
    Array *m = ARRAY(mean);
    Value x = V_ERR, flat = value_ref(a);
    if (m->ndim == 0) {
        int64_t one = 1, stride = 0;
        m->ndim = 1;
        m->shape[0] = 1;
        m->strides[0] = dtype_info[m->dtype].size;
        array_update_flags(m);
        value_set(vm, &flat, array_view(vm, ARRAY(a)->buf, ARRAY(a)->data, (DType)ARRAY(a)->dtype, 1, &one, &stride, true));
    }
    if (!IS_ERR(flat)) {
        x = array_binary(vm, BI_Sub, flat, mean, NULL);
        if (!IS_ERR(x) && !ARRAY(x)->c_contig)
            value_set(vm, &x, array_copy(vm, x, (DType)ARRAY(x)->dtype, 'C'));
        if (!IS_ERR(x) && ARRAY(a)->ndim == 0)
            ARRAY(x)->ndim = 0;
        value_free(vm, flat);
    }
    value_free(vm, mean);
    return IS_ERR(x) ? V_ERR : squares(vm, x);
}

static void square_roots(Array *a)
{
    for (int64_t i = 0; i < a->size; i++) {
        char *p = a->data + i * dtype_info[a->dtype].size;
        if (a->dtype == DT_F32) {
            float f;
            memcpy(&f, p, sizeof f);
            f = sqrtf(f);
            memcpy(p, &f, sizeof f);
        } else {
            double x;
            array_cast(DT_F64, (char *)&x, 8, (DType)a->dtype, p, 0, 1);
            x = sqrt(x);
            array_cast((DType)a->dtype, p, dtype_info[a->dtype].size, DT_F64, (const char *)&x, 8, 1);
        }
    }
}

static Value variance(VM *vm, const Args *args, bool root)
{
    Value a = reduce_input(vm, args->v[0]), result = V_ERR;
    if (IS_ERR(a))
        return V_ERR;
    uint32_t axes;
    bool keepdims, typed = arg_given(args->v[2]);
    double ddof = 0.0;
    DType d = mean_dtype((DType)ARRAY(a)->dtype);
    if ((!typed || dtype_arg(vm, args->v[2], d, &d) == ALP_OK)
        && reduce_axes_arg(vm, args->v[1], ARRAY(a)->ndim, false, &axes) == ALP_OK
        && (args->v[4].tag == T_Unbound || arg_float(vm, args->v[4], &ddof) == ALP_OK)
        && reduce_flag_arg(vm, args->v[5], &keepdims) == ALP_OK) {
        Value x = squared_deviations(vm, a, axes, d);
        if (!IS_ERR(x)) {
            DType sum = typed ? d : mean_dtype((DType)ARRAY(x)->dtype);
            result = reduce_array(vm, ARRAY(x), axes, keepdims, TREE_Add, sum, V_UNBOUND, "add");
            value_free(vm, x);
        }
        if (!IS_ERR(result)) {
            double n = (double)group_size(ARRAY(a), axes) - ddof;
            divide_elements(ARRAY(result), n > 0 ? n : 0.0);
            if (root)
                square_roots(ARRAY(result));
            result = reduce_deliver(vm, result, args->v[3], ARRAY(a), axes, keepdims, "add");
        }
    }
    value_free(vm, a);
    return result;
}

Value np_var(VM *vm, const Args *args)
{
    return variance(vm, args, false);
}

Value np_std(VM *vm, const Args *args)
{
    return variance(vm, args, true);
}

/* ---- average -------------------------------------------------------------------------------------------------------- */

/* Weights as a view in the shape of a: as they are, or a 1-d row along the only axis. */
static Value spread_weights(VM *vm, Value weights, const Array *a, uint32_t axes, bool axis_given)
{
    const Array *w = ARRAY(weights);
    bool same = w->ndim == a->ndim;
    for (int k = 0; same && k < a->ndim; k++)
        same = w->shape[k] == a->shape[k];
    if (same)
        return value_ref(weights);
    if (!axis_given)
        return raise(vm, TY_TypeError, "Axis must be specified when shapes of a and weights differ.");
    if (w->ndim != 1 || (axes & (axes - 1)) != 0 || w->shape[0] != a->shape[__builtin_ctz(axes)])
        return raise(vm, TY_ValueError, "Shape of weights must be consistent with shape of a along specified axis.");
    int64_t strides[ALP_MAX_NDIM] = { 0 };
    strides[__builtin_ctz(axes)] = w->strides[0];
    return array_view(vm, w->buf, w->data, (DType)w->dtype, a->ndim, a->shape, strides, true);
}

static Value weighted_average(VM *vm, Value a, Value weights, uint32_t axes, bool axis_given)
{
    Value w = reduce_input(vm, weights), spread, product = V_ERR, sum = V_ERR, scale = V_ERR, result = V_ERR;
    if (IS_ERR(w))
        return V_ERR;
    DType d = dtype_promote((DType)ARRAY(a)->dtype, (DType)ARRAY(w)->dtype);
    d = mean_dtype(d);
    spread = spread_weights(vm, w, ARRAY(a), axes, axis_given);
    value_free(vm, w);
    if (IS_ERR(spread))
        return V_ERR;
    scale = reduce_array(vm, ARRAY(spread), axes, false, TREE_Add, d, V_UNBOUND, "add");
    if (!IS_ERR(scale)) {
        for (int64_t i = 0; i < ARRAY(scale)->size; i++) {
            double z[2];
            array_cast(DT_C128, (char *)z, 16, d, ARRAY(scale)->data + i * dtype_info[d].size, 0, 1);
            if (z[0] == 0.0 && z[1] == 0.0) {
                raise(vm, TY_ZeroDivisionError, "Weights sum to zero, can't be normalized");
                break;
            }
        }
    }
    Value typed = vm_has_exc(vm) ? V_ERR : array_copy(vm, a, d, 'C');
    if (!IS_ERR(typed)) {
        if (ARRAY(typed)->ndim == 0)
            product = value_ref(typed);
        else
            product = array_binary(vm, BI_Mul, typed, spread, ARRAY(typed));
        value_free(vm, typed);
    }
    if (!IS_ERR(product)) {
        sum = reduce_array(vm, ARRAY(product), axes, false, TREE_Add, d, V_UNBOUND, "add");
        value_free(vm, product);
    }
    if (!IS_ERR(sum)) {
        result = array_binary(vm, BI_Div, sum, scale, NULL);
        value_free(vm, sum);
    }
    value_free(vm, spread);
    if (!IS_ERR(scale))
        value_free(vm, scale);
    return !IS_ERR(result) && result.tag == T_Array ? array_to_scalar(vm, result) : result;
}

Value np_average(VM *vm, const Args *args)
{
    Value a = reduce_input(vm, args->v[0]), result = V_ERR;
    if (IS_ERR(a))
        return V_ERR;
    uint32_t axes;
    if (reduce_axes_arg(vm, args->v[1], ARRAY(a)->ndim, false, &axes) == ALP_OK) {
        if (arg_given(args->v[2]))
            result = weighted_average(vm, a, args->v[2], axes, arg_given(args->v[1]));
        else
            result = array_to_scalar(vm, mean_array(vm, ARRAY(a), axes, false, mean_dtype((DType)ARRAY(a)->dtype)));
    }
    value_free(vm, a);
    return result;
}

/* ---- median, ptp ---------------------------------------------------------------------------------------------------- */

/* The mean of the one or two middle ones of n sorted elements, in dtype d, into dst. */
static void middle_mean(DType d, char *dst, DType from, const char *sorted, int64_t n)
{
    size_t size = dtype_info[from].size;
    const char *last = sorted + (size_t)(n - 1) * size;
    if (element_is_nan(from, last)) {
        array_cast(d, dst, 0, from, last, 0, 1);
        return;
    }
    TreeValue x;
    int64_t low = (n - 1) / 2, high = n / 2;
    array_cast(d, dst, 0, from, sorted + (size_t)low * size, 0, 1);
    if (high > low) {
        array_cast(d, x.bytes, 0, from, sorted + (size_t)high * size, 0, 1);
        tree_combine(TREE_Add, d, dst, &x, 1);
    }
    divide_element(d, dst, (double)(high - low + 1));
}

Value np_median(VM *vm, const Args *args)
{
    Value a = reduce_input(vm, args->v[0]), result = V_ERR;
    if (IS_ERR(a))
        return V_ERR;
    const Array *x = ARRAY(a);
    DType from = (DType)x->dtype, d = mean_dtype(from);
    uint32_t axes;
    bool keepdims;
    ReduceWalk w;
    int64_t shape[ALP_MAX_NDIM];
    if (reduce_axes_arg(vm, args->v[1], x->ndim, false, &axes) == ALP_OK && reduce_flag_arg(vm, args->v[2], &keepdims) == ALP_OK) {
        walk_init(&w, x, axes);
        result = array_new(vm, d, reduce_shape(x, axes, keepdims, shape), shape, false);
    }
    if (!IS_ERR(result) && w.n_groups > 0) {
        size_t bytes = (size_t)w.group_size * dtype_info[from].size;
        char *work = vm_alloc(vm, 2 * bytes);
        int64_t index[ALP_MAX_NDIM] = { 0 }, offset = 0;
        if (!work) {
            value_free(vm, result);
            result = V_ERR;
        }
        for (int64_t g = 0; work && g < w.n_groups; g++) {
            char *dst = ARRAY(result)->data + g * dtype_info[d].size;
            if (w.group_size > 0) {
                GroupCursor c;
                group_start(&c, &w, x->data + offset);
                group_take(&c, from, work, from, w.group_size);
                sort_elements(from, work, work + bytes, w.group_size);
                middle_mean(d, dst, from, work, w.group_size);
            } else {
                double nan = NAN;
                array_cast(d, dst, 0, DT_F64, (const char *)&nan, 0, 1);
            }
            walk_next_group(&w, index, &offset);
        }
        if (work)
            vm_dealloc(vm, work, 2 * bytes);
    }
    value_free(vm, a);
    return array_to_scalar(vm, result);
}

Value np_ptp(VM *vm, const Args *args)
{
    Value a = reduce_input(vm, args->v[0]), high = V_ERR, low = V_ERR, result = V_ERR;
    if (IS_ERR(a))
        return V_ERR;
    uint32_t axes;
    bool keepdims;
    DType d = (DType)ARRAY(a)->dtype;
    if (reduce_axes_arg(vm, args->v[1], ARRAY(a)->ndim, true, &axes) == ALP_OK
        && reduce_flag_arg(vm, args->v[3], &keepdims) == ALP_OK) {
        high = reduce_array(vm, ARRAY(a), axes, keepdims, TREE_Max, d, V_UNBOUND, "maximum");
        if (!IS_ERR(high))
            low = reduce_array(vm, ARRAY(a), axes, keepdims, TREE_Min, d, V_UNBOUND, "minimum");
        if (!IS_ERR(low)) {
            result = array_binary(vm, BI_Sub, high, low, NULL);
            value_free(vm, low);
        }
        if (!IS_ERR(high))
            value_free(vm, high);
        if (!IS_ERR(result) && result.tag == T_Array)
            result = reduce_deliver(vm, result, args->v[2], ARRAY(a), axes, keepdims, "subtract");
        else if (!IS_ERR(result) && arg_given(args->v[2])) {
            Value box = array_from_value(vm, result, d);
            value_free(vm, result);
            result = reduce_deliver(vm, box, args->v[2], ARRAY(a), axes, keepdims, "subtract");
        }
    }
    value_free(vm, a);
    return result;
}

/* ---- NaNs skipped --------------------------------------------------------------------------------------------------- */

/* A C-contiguous copy of a with NaNs replaced by the identity 0 or 1; or a itself if its dtype knows no NaN. */
static Value replace_nans(VM *vm, Value a, double by)
{
    DType d = (DType)ARRAY(a)->dtype;
    if (mean_dtype(d) != d)
        return value_ref(a);
    Value copy = array_copy(vm, a, d, 'C');
    if (IS_ERR(copy))
        return V_ERR;
    size_t size = dtype_info[d].size;
    for (int64_t i = 0; i < ARRAY(copy)->size; i++) {
        char *p = ARRAY(copy)->data + (size_t)i * size;
        if (element_is_nan(d, p))
            array_cast(d, p, 0, DT_F64, (const char *)&by, 0, 1);
    }
    return copy;
}

static Value nan_reduce(VM *vm, const Args *args, TreeOp op)
{
    Value given = reduce_input(vm, args->v[0]), a, out = args->v[3], result = V_ERR;
    if (IS_ERR(given))
        return V_ERR;
    a = replace_nans(vm, given, op == TREE_Mul ? 1.0 : 0.0);
    value_free(vm, given);
    if (IS_ERR(a))
        return V_ERR;
    DType d = reduce_sum_dtype((DType)ARRAY(a)->dtype);
    uint32_t axes;
    bool keepdims;
    const char *name = op == TREE_Mul ? "multiply" : "add";
    if ((!arg_given(args->v[2]) || dtype_arg(vm, args->v[2], d, &d) == ALP_OK)
        && reduce_axes_arg(vm, args->v[1], ARRAY(a)->ndim, true, &axes) == ALP_OK
        && reduce_flag_arg(vm, args->v[4], &keepdims) == ALP_OK) {
        result = reduce_array(vm, ARRAY(a), axes, keepdims, op, d, V_UNBOUND, name);
        result = reduce_deliver(vm, result, out, ARRAY(a), axes, keepdims, name);
    }
    value_free(vm, a);
    return result;
}

Value np_nansum(VM *vm, const Args *args)
{
    return nan_reduce(vm, args, TREE_Add);
}

Value np_nanprod(VM *vm, const Args *args)
{
    return nan_reduce(vm, args, TREE_Mul);
}

/* Least or greatest of one group's elements that are not NaN; NaN if all are. */
static void nan_extreme(const ReduceWalk *w, const char *first, DType d, TreeOp op, char *dst, char *piece)
{
    size_t size = dtype_info[d].size;
    bool found = false;
    GroupCursor c;
    group_start(&c, w, first);
    for (int64_t done = 0; done < w->group_size; done += TREE_CHUNK) {
        int64_t n = w->group_size - done < TREE_CHUNK ? w->group_size - done : TREE_CHUNK, kept = 0;
        group_take(&c, d, piece, d, n);
        if (done == 0)
            memcpy(dst, piece, size);
        for (int64_t i = 0; i < n; i++) {
            if (!element_is_nan(d, piece + (size_t)i * size))
                memmove(piece + (size_t)kept++ * size, piece + (size_t)i * size, size);
        }
        if (kept > 0 && !found)
            memcpy(dst, piece, size);
        found = found || kept > 0;
        tree_sequence(op, d, dst, piece, kept);
    }
}

static Value nan_minmax(VM *vm, const Args *args, TreeOp op)
{
    Value a = reduce_input(vm, args->v[0]), result = V_ERR;
    if (IS_ERR(a))
        return V_ERR;
    DType d = (DType)ARRAY(a)->dtype;
    uint32_t axes;
    bool keepdims;
    ReduceWalk w;
    int64_t shape[ALP_MAX_NDIM], index[ALP_MAX_NDIM] = { 0 }, offset = 0;
    const char *name = args->v[0].tag == T_Array ? (op == TREE_Min ? "fmin" : "fmax") : op == TREE_Min ? "minimum" : "maximum";
    const size_t piece_size = (size_t)TREE_CHUNK * 16;
    char *piece = NULL;
    if (reduce_axes_arg(vm, args->v[1], ARRAY(a)->ndim, true, &axes) == ALP_OK
        && reduce_flag_arg(vm, args->v[3], &keepdims) == ALP_OK && (piece = vm_alloc(vm, piece_size))) {
        walk_init(&w, ARRAY(a), axes);
        if (w.group_size == 0)
            raise(vm, TY_ValueError, "zero-size array to reduction operation %s which has no identity", name);
        else
            result = array_new(vm, d, reduce_shape(ARRAY(a), axes, keepdims, shape), shape, false);
        for (int64_t g = 0; !IS_ERR(result) && g < w.n_groups; g++) {
            nan_extreme(&w, ARRAY(a)->data + offset, d, op, ARRAY(result)->data + g * dtype_info[d].size, piece);
            walk_next_group(&w, index, &offset);
        }
        result = reduce_deliver(vm, result, args->v[2], ARRAY(a), axes, keepdims, name);
        vm_dealloc(vm, piece, piece_size);
    }
    value_free(vm, a);
    return result;
}

Value np_nanmin(VM *vm, const Args *args)
{
    return nan_minmax(vm, args, TREE_Min);
}

Value np_nanmax(VM *vm, const Args *args)
{
    return nan_minmax(vm, args, TREE_Max);
}

/* Which elements are not NaN, as a bool array. */
static Value not_nan(VM *vm, const Array *a)
{
    Value mask = array_new(vm, DT_Bool, a->ndim, a->shape, false);
    ReduceWalk w;
    int64_t index[ALP_MAX_NDIM] = { 0 }, offset = 0;
    walk_init(&w, a, 0);
    for (int64_t i = 0; !IS_ERR(mask) && i < a->size; i++) {
        ARRAY(mask)->data[i] = !element_is_nan((DType)a->dtype, a->data + offset);
        walk_next_group(&w, index, &offset);
    }
    return mask;
}

Value np_nanmean(VM *vm, const Args *args)
{
    Value given = reduce_input(vm, args->v[0]), sum = V_ERR, count = V_ERR, mask = V_ERR, a = V_ERR;
    if (IS_ERR(given))
        return V_ERR;
    DType d = (DType)ARRAY(given)->dtype;
    uint32_t axes;
    bool keepdims;
    if (mean_dtype(d) != d) {
        value_free(vm, given);
        return np_mean(vm, args);
    }
    if ((!arg_given(args->v[2]) || dtype_arg(vm, args->v[2], d, &d) == ALP_OK)
        && reduce_axes_arg(vm, args->v[1], ARRAY(given)->ndim, true, &axes) == ALP_OK
        && reduce_flag_arg(vm, args->v[4], &keepdims) == ALP_OK) {
        a = replace_nans(vm, given, 0.0);
        mask = IS_ERR(a) ? V_ERR : not_nan(vm, ARRAY(given));
        count = IS_ERR(mask) ? V_ERR : reduce_array(vm, ARRAY(mask), axes, keepdims, TREE_Add, DT_I64, V_UNBOUND, "add");
        sum = IS_ERR(count) ? V_ERR : reduce_array(vm, ARRAY(a), axes, keepdims, TREE_Add, d, V_UNBOUND, "add");
    }
    for (int64_t i = 0; !IS_ERR(sum) && i < ARRAY(sum)->size; i++)
        divide_element(d, ARRAY(sum)->data + i * dtype_info[d].size, (double)((int64_t *)(void *)ARRAY(count)->data)[i]);
    sum = IS_ERR(sum) ? V_ERR : reduce_deliver(vm, sum, args->v[3], ARRAY(given), axes, keepdims, "add");
    value_free(vm, given);
    value_free(vm, a);
    value_free(vm, mask);
    value_free(vm, count);
    return sum;
}
