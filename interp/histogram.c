/* interp/histogram.c — counting: bincount and histogram. */
#include "interp/reduce.h"

#include <math.h>

#include "interp/format.h"
#include "interp/ops.h"
#include "interp/seq.h"
#include "interp/str.h"

/* ---- bincount ------------------------------------------------------------------------------------------------------- */

static Status check_1d(VM *vm, const Array *a)
{
    if (a->ndim == 1)
        return ALP_OK;
    raise(vm, TY_ValueError, a->ndim > 1 ? "object too deep for desired array" : "object of too small depth for desired array");
    return ALP_FAIL;
}

/* The argument as a contiguous 1-d array of dtype d; arrays must cast safely. */
static Value list_arg(VM *vm, Value v, DType d)
{
    Value a = reduce_input(vm, v), copy = V_ERR;
    if (IS_ERR(a))
        return V_ERR;
    DType from = (DType)ARRAY(a)->dtype;
    if (v.tag == T_Array && !dtype_can_cast(from, d, 's'))
        raise(vm, TY_TypeError, "Cannot cast array data from dtype('%s') to dtype('%s') according to the rule 'safe'",
              dtype_info[from].name, dtype_info[d].name);
    else if (check_1d(vm, ARRAY(a)) == ALP_OK)
        copy = array_copy(vm, a, d, 'C');
    value_free(vm, a);
    return copy;
}

Value np_bincount(VM *vm, const Args *args)
{
    int64_t least = 0, n = 0;
    if (args->v[2].tag != T_Unbound && arg_int(vm, args->v[2], &least) != ALP_OK)
        return V_ERR;
    if (least < 0)
        return raise(vm, TY_ValueError, "'minlength' must not be negative");
    Value list = list_arg(vm, args->v[0], DT_I64), weights = V_UNBOUND, result = V_ERR;
    if (IS_ERR(list))
        return V_ERR;
    const int64_t *x = (const int64_t *)(const void *)ARRAY(list)->data;
    int64_t size = ARRAY(list)->size;
    for (int64_t i = 0; i < size && !vm_has_exc(vm); i++) {
        if (x[i] < 0)
            raise(vm, TY_ValueError, "'list' argument must have no negative elements");
        else if (x[i] == INT64_MAX)
            raise(vm, TY_ValueError, "Maximum allowed dimension exceeded");
        else if (x[i] >= n)
            n = x[i] + 1;
    }
    if (!vm_has_exc(vm) && arg_given(args->v[1])) {
        weights = list_arg(vm, args->v[1], DT_F64);
        if (!IS_ERR(weights) && ARRAY(weights)->size != size)
            raise(vm, TY_ValueError, "The weights and list don't have the same length.");
    }
    if (!vm_has_exc(vm)) {
        n = n > least ? n : least;
        result = array_new(vm, weights.tag == T_Array ? DT_F64 : DT_I64, 1, &n, true);
        if (!IS_ERR(result) && weights.tag == T_Array) {
            double *sum = (double *)(void *)ARRAY(result)->data;
            const double *w = (const double *)(const void *)ARRAY(weights)->data;
            for (int64_t i = 0; i < size; i++)
                sum[x[i]] += w[i];
        } else if (!IS_ERR(result)) {
            int64_t *count = (int64_t *)(void *)ARRAY(result)->data;
            for (int64_t i = 0; i < size; i++)
                count[x[i]]++;
        }
    }
    value_free(vm, weights);
    value_free(vm, list);
    return result;
}

/* ---- histogram ------------------------------------------------------------------------------------------------------ */

typedef struct Bins {
    Value  edges;               /* what the program gets */
    Value  edges64;             /* the same as contiguous float64 */
    int64_t count;
    bool   uniform;
} Bins;

static Status raise_not_finite(VM *vm, const char *what, Value low, Value high)
{
    Value a = value_str(vm, low), b = IS_ERR(a) ? V_ERR : value_str(vm, high);
    if (!IS_ERR(b)) {
        raise(vm, TY_ValueError, "%s range of [%s, %s] is not finite", what, STR(a)->text, STR(b)->text);
        value_free(vm, b);
    }
    value_free(vm, a);
    return ALP_FAIL;
}

/* First and last edge: of `range`, or of the data. */
static Status outer_edges(VM *vm, const Array *a, Value range, double *low, double *high)
{
    if (arg_given(range)) {
        Value pair = seq_to_tuple(vm, range);
        if (IS_ERR(pair))
            return ALP_FAIL;
        if (TUPLE(pair)->count != 2)
            raise(vm, TY_ValueError, TUPLE(pair)->count > 2 ? "too many values to unpack (expected 2)"
                  : "not enough values to unpack (expected 2, got %zu)", TUPLE(pair)->count);
        else if (arg_float(vm, TUPLE(pair)->item[0], low) == ALP_OK && arg_float(vm, TUPLE(pair)->item[1], high) == ALP_OK) {
            if (*low > *high)
                raise(vm, TY_ValueError, "max must be larger than min in range parameter.");
            else if (!isfinite(*low) || !isfinite(*high))
                raise_not_finite(vm, "supplied", TUPLE(pair)->item[0], TUPLE(pair)->item[1]);
        }
        value_free(vm, pair);
    } else if (a->size == 0) {
        *low = 0.0;
        *high = 1.0;
    } else {
        uint32_t axes = (1u << a->ndim) - 1;
        DType d = (DType)a->dtype;
        Value min = array_to_scalar(vm, reduce_array(vm, a, axes, false, TREE_Min, d, V_UNBOUND, "minimum"));
        Value max = IS_ERR(min) ? V_ERR : array_to_scalar(vm, reduce_array(vm, a, axes, false, TREE_Max, d, V_UNBOUND, "maximum"));
        if (!IS_ERR(max) && arg_float(vm, min, low) == ALP_OK && arg_float(vm, max, high) == ALP_OK
            && (!isfinite(*low) || !isfinite(*high)))
            raise_not_finite(vm, "autodetected", min, max);
    }
    if (vm_has_exc(vm))
        return ALP_FAIL;
    if (*low == *high) {
        *low -= 0.5;
        *high += 0.5;
    }
    return ALP_OK;
}

/* count + 1 equally spaced edges, as numpy.linspace makes them; float32 data without a range get float32 edges. */
static Status uniform_edges(VM *vm, Bins *b, const Array *a, double low, double high, bool ranged)
{
    int64_t n = b->count + 1;
    bool single = a->dtype == DT_F32;
    b->edges64 = array_new(vm, DT_F64, 1, &n, false);
    if (IS_ERR(b->edges64))
        return ALP_FAIL;
    double *e = (double *)(void *)ARRAY(b->edges64)->data;
    if (single && !ranged) {
        float step = ((float)high - (float)low) / (float)b->count;
        for (int64_t i = 0; i < n; i++) {
            float along = (float)i * step;
            e[i] = along + (float)low;
        }
    } else {
        double step = (high - low) / (double)b->count;
        for (int64_t i = 0; i < n; i++)
            e[i] = (double)i * step + low;
    }
    e[n - 1] = high;
    if (single) {
        for (int64_t i = 0; i < n; i++)
            e[i] = (float)e[i];
    }
    for (int64_t i = 0; i < b->count; i++) {
        if (e[i] >= e[i + 1]) {
            raise(vm, TY_ValueError, "Too many bins for data range. Cannot create %lld finite-sized bins.", (long long)b->count);
            return ALP_FAIL;
        }
    }
    b->edges = single ? array_copy(vm, b->edges64, DT_F32, 'C') : value_ref(b->edges64);
    return IS_ERR(b->edges) ? ALP_FAIL : ALP_OK;
}

static Status given_edges(VM *vm, Bins *b, Value bins)
{
    b->edges = array_from_value(vm, bins, DT_COUNT);
    if (IS_ERR(b->edges))
        return ALP_FAIL;
    if (ARRAY(b->edges)->ndim == 0) {
        raise(vm, TY_TypeError, "`bins` must be an integer, a string, or an array");
        return ALP_FAIL;
    }
    if (ARRAY(b->edges)->ndim != 1) {
        raise(vm, TY_ValueError, "`bins` must be 1d, when an array");
        return ALP_FAIL;
    }
    b->edges64 = array_copy(vm, b->edges, DT_F64, 'C');
    if (IS_ERR(b->edges64))
        return ALP_FAIL;
    const double *e = (const double *)(const void *)ARRAY(b->edges64)->data;
    b->count = ARRAY(b->edges64)->size - 1;
    for (int64_t i = 0; i < b->count; i++) {
        if (e[i] > e[i + 1]) {
            raise(vm, TY_ValueError, "`bins` must increase monotonically, when an array");
            return ALP_FAIL;
        }
    }
    b->count = b->count < 0 ? 0 : b->count;
    return ALP_OK;
}

static Status bins_arg(VM *vm, Bins *b, Value bins, const Array *a, Value range)
{
    double low, high;
    if (bins.tag == T_Str) {
        raise(vm, TY_NotImplementedError, "estimating the number of bins (bins='%s') is not part of alpy", STR(bins)->text);
        return ALP_FAIL;
    }
    bool integer = bins.tag == T_Bool || bins.tag == T_Int || (IS_NPSCALAR(bins) && NP_DTYPE(bins.tag) <= DT_U64);
    if (bins.tag != T_Unbound && !integer)
        return given_edges(vm, b, bins);
    b->count = 10;
    b->uniform = true;
    if (bins.tag != T_Unbound)
        TRY(arg_int(vm, bins, &b->count));
    if (b->count < 1) {
        raise(vm, TY_ValueError, "`bins` must be positive, when an integer");
        return ALP_FAIL;
    }
    if (b->count == INT64_MAX) {
        raise(vm, TY_ValueError, "Maximum allowed dimension exceeded");
        return ALP_FAIL;
    }
    TRY(outer_edges(vm, a, range, &low, &high));
    return uniform_edges(vm, b, a, low, high, arg_given(range));
}

/* The bin of x, whose last one includes its right edge; -1: none. */
static int64_t find_bin(const Bins *b, const double *e, double x)
{
    if (b->count == 0 || !(x >= e[0] && x <= e[b->count]))
        return -1;
    if (b->uniform) {
        int64_t i = (int64_t)((x - e[0]) / (e[b->count] - e[0]) * (double)b->count);
        i = i >= b->count ? b->count - 1 : i;
        if (x < e[i])                           /* the quotient may be off by one at an edge */
            i--;
        else if (i < b->count - 1 && x >= e[i + 1])
            i++;
        return i;
    }
    int64_t low = 0, high = b->count;           /* the last edge that is not greater than x */
    while (high - low > 1) {
        int64_t mid = low + (high - low) / 2;
        if (x >= e[mid])
            low = mid;
        else
            high = mid;
    }
    return low;
}

/* Counts as densities: count / width / total. */
static Value densities(VM *vm, const int64_t *count, const double *e, int64_t n)
{
    Value result = array_new(vm, DT_F64, 1, &n, false);
    int64_t total = 0;
    for (int64_t i = 0; i < n; i++)
        total += count[i];
    for (int64_t i = 0; !IS_ERR(result) && i < n; i++)
        ((double *)(void *)ARRAY(result)->data)[i] = (double)count[i] / (e[i + 1] - e[i]) / (double)total;
    return result;
}

Value np_histogram(VM *vm, const Args *args)
{
    int density = args->v[3].tag == T_Unbound || args->v[3].tag == T_None ? 0 : arg_truth(vm, args->v[3]);
    Value a = density < 0 ? V_ERR : reduce_input(vm, args->v[0]), counts = V_ERR, result = V_ERR;
    if (IS_ERR(a))
        return V_ERR;
    Bins b = { .edges = V_UNBOUND, .edges64 = V_UNBOUND };
    if (dtype_info[ARRAY(a)->dtype].kind == 'c')
        raise(vm, TY_TypeError, "histogram of complex numbers is not part of alpy");
    else if (bins_arg(vm, &b, args->v[1], ARRAY(a), args->v[2]) == ALP_OK)
        counts = array_new(vm, DT_I64, 1, &b.count, true);
    if (!IS_ERR(counts)) {
        const double *e = (const double *)(const void *)ARRAY(b.edges64)->data;
        int64_t *count = (int64_t *)(void *)ARRAY(counts)->data, index[ALP_MAX_NDIM] = { 0 }, offset = 0;
        ReduceWalk w;
        walk_init(&w, ARRAY(a), 0);
        for (int64_t i = 0; i < w.n_groups; i++) {
            double x;
            array_cast(DT_F64, (char *)&x, 8, (DType)ARRAY(a)->dtype, ARRAY(a)->data + offset, 0, 1);
            int64_t bin = find_bin(&b, e, x);
            if (bin >= 0)
                count[bin]++;
            walk_next_group(&w, index, &offset);
        }
        if (density > 0)
            value_set(vm, &counts, densities(vm, count, e, b.count));
        if (!IS_ERR(counts)) {
            Value items[2] = { counts, b.edges };
            result = tuple_new(vm, items, 2);
            value_free(vm, counts);
        }
    }
    value_free(vm, b.edges);
    value_free(vm, b.edges64);
    value_free(vm, a);
    return result;
}
