/* interp/sort.c — sorting and what rests on it: sort, argsort, unique, searchsorted.
 *
 * Always a stable merge sort, whatever `kind` says: for values the kinds cannot be told apart, and argsort's order of equal elements,
 * which NumPy leaves open for its default kind, is theirs in the input.  NaNs go last. */
#include "interp/reduce.h"

#include "interp/elementwise.h"
#include "interp/seq.h"

#define INT_LESS(a, b) ((a) < (b))
#define FLOAT_LESS(a, b) ((a) < (b) || ((b) != (b) && (a) == (a)))
/* By real part, then imaginary part; parts that are NaN after those that are not. */
#define PART_SAME(a, b) ((a) == (b) || ((a) != (a) && (b) != (b)))
#define COMPLEX_NAN(a) ((a).re != (a).re || (a).im != (a).im)
#define COMPLEX_LESS(a, b) (COMPLEX_NAN(a) != COMPLEX_NAN(b) ? COMPLEX_NAN(b) \
    : PART_SAME((a).re, (b).re) ? FLOAT_LESS((a).im, (b).im) : FLOAT_LESS((a).re, (b).re))

/* A merge sort from runs of 16, which are sorted by insertion; ITEM is an element or an index, KEY gives what is compared. */
#define RUN 16
#define MERGE_SORT(fn, ITEM, KEY, LESS, T) \
    static void fn(const T *x, ITEM *a, ITEM *scratch, int64_t n) \
    { \
        (void)x; \
        for (int64_t start = 0; start < n; start += RUN) { \
            int64_t end = n - start < RUN ? n : start + RUN; \
            for (int64_t i = start + 1; i < end; i++) { \
                ITEM v = a[i]; \
                int64_t j = i; \
                for (; j > start && LESS(KEY(v), KEY(a[j - 1])); j--) \
                    a[j] = a[j - 1]; \
                a[j] = v; \
            } \
        } \
        ITEM *from = a, *to = scratch; \
        for (int64_t width = RUN; width < n; width *= 2) { \
            for (int64_t start = 0; start < n; start += 2 * width) { \
                int64_t mid = n - start < width ? n : start + width, end = n - mid < width ? n : mid + width; \
                int64_t i = start, j = mid; \
                if (mid == end || !LESS(KEY(from[mid]), KEY(from[mid - 1]))) { \
                    memcpy(to + start, from + start, (size_t)(end - start) * sizeof *to); \
                    continue; \
                } \
                for (int64_t k = start; k < end; k++) { \
                    if (j >= end || (i < mid && !LESS(KEY(from[j]), KEY(from[i])))) \
                        to[k] = from[i++]; \
                    else \
                        to[k] = from[j++]; \
                } \
            } \
            ITEM *t = from; \
            from = to; \
            to = t; \
        } \
        if (from != a) \
            memcpy(a, from, (size_t)n * sizeof *a); \
    }

#define SELF(v) (v)
#define LOOK_UP(v) (x[v])
#define SORTS(T, LESS) \
    MERGE_SORT(values_##T, T, SELF, LESS, T) \
    MERGE_SORT(indices_##T, int64_t, LOOK_UP, LESS, T) \
    static void sort_##T(void *a, void *scratch, int64_t n) { values_##T(NULL, a, scratch, n); } \
    static void argsort_##T(const void *x, int64_t *a, int64_t *scratch, int64_t n) { indices_##T(x, a, scratch, n); } \
    static bool less_##T(const void *p, const void *q) \
    { \
        T a, b; \
        memcpy(&a, p, sizeof a); \
        memcpy(&b, q, sizeof b); \
        return LESS(a, b); \
    }

SORTS(int8_t, INT_LESS)  SORTS(int16_t, INT_LESS)  SORTS(int32_t, INT_LESS)  SORTS(int64_t, INT_LESS)
SORTS(uint8_t, INT_LESS) SORTS(uint16_t, INT_LESS) SORTS(uint32_t, INT_LESS) SORTS(uint64_t, INT_LESS)
SORTS(float, FLOAT_LESS) SORTS(double, FLOAT_LESS) SORTS(ElC64, COMPLEX_LESS) SORTS(ElC128, COMPLEX_LESS)

/* ORDER dtype; bools are bytes */
#define SORT_ROW(T) { sort_##T, argsort_##T, less_##T }
static const struct {
    void (*sort)(void *a, void *scratch, int64_t n);
    void (*argsort)(const void *x, int64_t *a, int64_t *scratch, int64_t n);
    bool (*less)(const void *p, const void *q);
} sorts[DT_COUNT] = {
    SORT_ROW(uint8_t), SORT_ROW(int8_t), SORT_ROW(int16_t), SORT_ROW(int32_t), SORT_ROW(int64_t), SORT_ROW(uint8_t),
    SORT_ROW(uint16_t), SORT_ROW(uint32_t), SORT_ROW(uint64_t), SORT_ROW(float), SORT_ROW(double), SORT_ROW(ElC64), SORT_ROW(ElC128),
};

void sort_elements(DType d, void *elements, void *scratch, int64_t n)
{
    sorts[d].sort(elements, scratch, n);
}

bool element_is_nan(DType d, const void *p)
{
    switch (d) {
    case DT_F32: { float x; memcpy(&x, p, sizeof x); return x != x; }
    case DT_F64: { double x; memcpy(&x, p, sizeof x); return x != x; }
    case DT_C64: { ElC64 x; memcpy(&x, p, sizeof x); return COMPLEX_NAN(x); }
    case DT_C128: { ElC128 x; memcpy(&x, p, sizeof x); return COMPLEX_NAN(x); }
    default: return false;
    }
}

/* ---- sort, argsort -------------------------------------------------------------------------------------------------- */

/* kind, where given, must be one that NumPy knows. */
static Status check_kind(VM *vm, Value kind)
{
    const char *text;
    size_t size;
    if (!arg_given(kind))
        return ALP_OK;
    TRY(arg_str(vm, kind, &text, &size, "sort kind"));
    if (size == 0 || !strchr("qQhHmMsS", text[0])
        || (size > 1 && strcmp(text, "quicksort") != 0 && strcmp(text, "heapsort") != 0 && strcmp(text, "mergesort") != 0
            && strcmp(text, "stable") != 0 && strcmp(text, "quick") != 0 && strcmp(text, "heap") != 0)) {
        raise(vm, TY_ValueError, "sort kind must be one of 'quick', 'heap', or 'stable' (got '%s')", text);
        return ALP_FAIL;
    }
    return ALP_OK;
}

/* Sort along an axis: dst (int64 of the same shape) gets the indices, or, if NULL, the elements are sorted where they are. */
static Status sort_axis(VM *vm, Array *a, int axis, Array *dst)
{
    DType d = (DType)a->dtype;
    size_t es = dtype_info[d].size;
    int64_t n = a->ndim ? a->shape[axis] : 1, index[ALP_MAX_NDIM] = { 0 }, offset = 0;
    size_t bytes = (size_t)n * (es > 8 ? es : 8);       /* fits: an array of n elements exists, less than half the address space */
    if (a->size == 0)
        return ALP_OK;
    char *elements = vm_alloc(vm, bytes), *scratch = elements ? vm_alloc(vm, bytes) : NULL;
    int64_t *order = scratch && dst ? vm_alloc(vm, bytes) : NULL;
    bool ready = scratch && (!dst || order);
    if (ready) {
        ReduceWalk w, to;
        int64_t to_index[ALP_MAX_NDIM] = { 0 }, to_offset = 0;
        int64_t stride = a->ndim ? a->strides[axis] : 0, to_stride = dst && dst->ndim ? dst->strides[axis] : 0;
        walk_init(&w, a, a->ndim ? 1u << axis : 0);
        if (dst)
            walk_init(&to, dst, dst->ndim ? 1u << axis : 0);
        for (int64_t g = 0; g < w.n_groups; g++) {
            char *line = a->data + offset;
            array_cast(d, elements, (int64_t)es, d, line, stride, n);
            if (dst) {
                for (int64_t i = 0; i < n; i++)
                    order[i] = i;
                sorts[d].argsort(elements, order, (int64_t *)(void *)scratch, n);
                array_cast(DT_I64, dst->data + to_offset, to_stride, DT_I64, (const char *)order, 8, n);
                walk_next_group(&to, to_index, &to_offset);
            } else {
                sorts[d].sort(elements, scratch, n);
                array_cast(d, line, stride, d, elements, (int64_t)es, n);
            }
            walk_next_group(&w, index, &offset);
        }
    }
    if (order)
        vm_dealloc(vm, order, bytes);
    if (scratch)
        vm_dealloc(vm, scratch, bytes);
    if (elements)
        vm_dealloc(vm, elements, bytes);
    return ready ? ALP_OK : ALP_FAIL;
}

/* axis: absent is the last one, None flattens. */
static Status sort_axis_arg(VM *vm, Value v, ALP_TAKE Value *a, int *axis)
{
    return v.tag == T_None ? one_axis_arg(vm, v, a, axis) : axis_arg(vm, v.tag == T_Unbound ? V_INT(-1) : v, ARRAY(*a)->ndim, axis);
}

Value np_sort(VM *vm, const Args *args)
{
    Value a = reduce_input(vm, args->v[0]), result = V_ERR;
    int axis;
    if (IS_ERR(a))
        return V_ERR;
    if (sort_axis_arg(vm, args->v[1], &a, &axis) == ALP_OK && check_kind(vm, args->v[2]) == ALP_OK) {
        result = array_copy(vm, a, (DType)ARRAY(a)->dtype, 'K');
        if (!IS_ERR(result) && sort_axis(vm, ARRAY(result), axis, NULL) != ALP_OK) {
            value_free(vm, result);
            result = V_ERR;
        }
    }
    value_free(vm, a);
    return result;
}

Value array_sort_method(VM *vm, const Args *args)
{
    Array *a = ARRAY(args->v[0]);
    int axis;
    if (axis_arg(vm, args->v[1].tag == T_Unbound ? V_INT(-1) : args->v[1], a->ndim, &axis) != ALP_OK
        || check_kind(vm, args->v[2]) != ALP_OK)
        return V_ERR;
    if (a->readonly)
        return raise(vm, TY_ValueError, "sort array is read-only");
    return sort_axis(vm, a, axis, NULL) == ALP_OK ? V_NONE : V_ERR;
}

Value np_argsort(VM *vm, const Args *args)
{
    Value a = reduce_input(vm, args->v[0]), result = V_ERR;
    int axis = 0;
    if (IS_ERR(a))
        return V_ERR;
    Status ok = ALP_OK;
    if (ARRAY(a)->ndim > 0 || args->v[1].tag == T_None)
        ok = sort_axis_arg(vm, args->v[1], &a, &axis);
    else                                        /* a 0-d array counts as one of one element */
        ok = one_axis_arg(vm, args->v[1].tag == T_Unbound ? V_NONE : args->v[1], &a, &axis);
    if (ok == ALP_OK && check_kind(vm, args->v[2]) == ALP_OK) {
        result = array_new(vm, DT_I64, ARRAY(a)->ndim, ARRAY(a)->shape, false);
        if (!IS_ERR(result) && sort_axis(vm, ARRAY(a), axis, ARRAY(result)) != ALP_OK) {
            value_free(vm, result);
            result = V_ERR;
        }
    }
    value_free(vm, a);
    return result;
}

/* ---- unique --------------------------------------------------------------------------------------------------------- */

static bool same_element(DType d, const char *p, const char *q)
{
    return (!sorts[d].less(p, q) && !sorts[d].less(q, p)) || (element_is_nan(d, p) && element_is_nan(d, q));
}

static int64_t *int64_data(Value a)
{
    return (int64_t *)(void *)ARRAY(a)->data;
}

/* The distinct elements of a 1-d array, in the order given: how many, and where the wanted arrays (T_Unbound: not wanted) are
 * filled from. */
static Value distinct(VM *vm, const Array *flat, const int64_t *order, Value first, Value inverse, Value counts, int64_t *n_out)
{
    DType d = (DType)flat->dtype;
    size_t es = dtype_info[d].size;
    int64_t n = 0, begin = 0;
    Value values = array_new(vm, d, 1, &flat->size, false);
    if (IS_ERR(values))
        return V_ERR;
    for (int64_t i = 0; i < flat->size; i++) {
        const char *p = flat->data + order[i] * (int64_t)es;
        if (n == 0 || !same_element(d, ARRAY(values)->data + (size_t)(n - 1) * es, p)) {
            memcpy(ARRAY(values)->data + (size_t)n * es, p, es);
            if (first.tag == T_Array)
                int64_data(first)[n] = order[i];
            if (counts.tag == T_Array && n > 0)
                int64_data(counts)[n - 1] = i - begin;
            begin = i;
            n++;
        }
        if (inverse.tag == T_Array)
            int64_data(inverse)[order[i]] = n - 1;
    }
    if (counts.tag == T_Array && n > 0)
        int64_data(counts)[n - 1] = flat->size - begin;
    *n_out = n;
    return values;
}

/* The first n elements of a fresh 1-d array, as an array of its own size.  Takes a. */
static Value shorten(VM *vm, ALP_TAKE Value a, int64_t n)
{
    Array *x = ARRAY(a);
    Value view = array_view(vm, x->buf, x->data, (DType)x->dtype, 1, &n, x->strides, false), copy;
    copy = IS_ERR(view) ? V_ERR : array_copy(vm, view, (DType)x->dtype, 'C');
    value_free(vm, view);
    value_free(vm, a);
    return copy;
}

Value np_unique(VM *vm, const Args *args)
{
    Value a = reduce_input(vm, args->v[0]), flat, order = V_ERR, values = V_ERR, extra[3] = { V_UNBOUND, V_UNBOUND, V_UNBOUND };
    if (IS_ERR(a))
        return V_ERR;
    enum { FIRST, INVERSE, COUNTS };
    bool want[3] = { false };
    int axis, n_items = 1;
    int64_t n = 0;
    flat = value_ref(a);
    bool ok = one_axis_arg(vm, V_NONE, &flat, &axis) == ALP_OK;
    for (int k = 0; ok && k < 3; k++) {
        int truth = args->v[k + 1].tag == T_Unbound ? 0 : arg_truth(vm, args->v[k + 1]);
        ok = truth >= 0;
        want[k] = truth > 0;
        if (ok && want[k]) {
            extra[k] = k == INVERSE ? array_new(vm, DT_I64, ARRAY(a)->ndim, ARRAY(a)->shape, false)
                                    : array_new(vm, DT_I64, 1, &ARRAY(flat)->size, false);
            ok = !IS_ERR(extra[k]);
        }
    }
    if (ok)
        order = array_new(vm, DT_I64, 1, &ARRAY(flat)->size, false);
    if (!IS_ERR(order) && sort_axis(vm, ARRAY(flat), 0, ARRAY(order)) == ALP_OK) {
        values = distinct(vm, ARRAY(flat), int64_data(order), extra[FIRST], extra[INVERSE], extra[COUNTS], &n);
        values = IS_ERR(values) ? V_ERR : shorten(vm, values, n);
    }
    value_free(vm, order);
    value_free(vm, flat);
    value_free(vm, a);
    Value items[4] = { values };
    bool failed = IS_ERR(values);
    for (int k = 0; k < 3; k++) {
        if (!want[k] || extra[k].tag != T_Array)
            continue;
        if (k != INVERSE && !failed)
            extra[k] = shorten(vm, extra[k], n);
        failed = failed || IS_ERR(extra[k]);
        items[n_items++] = extra[k];
    }
    if (failed || n_items > 1) {
        Value result = failed ? V_ERR : tuple_new(vm, items, (size_t)n_items);
        for (int k = 0; k < n_items; k++)
            value_free(vm, items[k]);
        return result;
    }
    return values;
}

/* ---- searchsorted --------------------------------------------------------------------------------------------------- */

Value np_searchsorted(VM *vm, const Args *args)
{
    const char *side = "left";
    size_t size;
    if (args->v[2].tag != T_Unbound && arg_str(vm, args->v[2], &side, &size, "search side") != ALP_OK)
        return V_ERR;
    if (strcmp(side, "left") != 0 && strcmp(side, "right") != 0)
        return raise(vm, TY_ValueError, "search side must be 'left' or 'right' (got '%s')", side);
    bool right = side[0] == 'r';
    Value a = reduce_input(vm, args->v[0]), v = IS_ERR(a) ? V_ERR : reduce_input(vm, args->v[1]), result = V_ERR;
    if (!IS_ERR(v)) {
        if (ARRAY(a)->ndim > 1)
            raise(vm, TY_ValueError, "object too deep for desired array");
        else if (ARRAY(a)->ndim == 0)
            raise(vm, TY_ValueError, "object of too small depth for desired array");
        DType d = dtype_promote((DType)ARRAY(a)->dtype, (DType)ARRAY(v)->dtype);
        if (!vm_has_exc(vm)) {
            value_set(vm, &a, array_copy(vm, a, d, 'C'));
            if (!IS_ERR(a))
                value_set(vm, &v, array_copy(vm, v, d, 'C'));
            if (!IS_ERR(a) && !IS_ERR(v))
                result = array_new(vm, DT_I64, ARRAY(v)->ndim, ARRAY(v)->shape, false);
        }
        size_t es = dtype_info[d].size;
        for (int64_t i = 0; !IS_ERR(result) && i < ARRAY(v)->size; i++) {
            const char *key = ARRAY(v)->data + (size_t)i * es;
            int64_t low = 0, high = ARRAY(a)->size;
            while (low < high) {
                int64_t mid = low + (high - low) / 2;
                const char *x = ARRAY(a)->data + (size_t)mid * es;
                if (right ? !sorts[d].less(key, x) : sorts[d].less(x, key))
                    low = mid + 1;
                else
                    high = mid;
            }
            int64_data(result)[i] = low;
        }
    }
    value_free(vm, a);
    value_free(vm, v);
    return array_to_scalar(vm, result);
}
