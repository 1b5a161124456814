/* interp/reduce_arg.c — argmin and argmax: index of the first least or greatest element; the first NaN counts as both. */
#include "interp/elementwise.h"
#include "interp/reduce.h"

/* The best element so far and its place. */
typedef struct Best {
    TreeValue value;
    int64_t   index;            /* -1: none yet */
    bool      final;            /* a NaN was found: nothing beats it */
} Best;

typedef void ArgFn(Best *best, const void *elements, int64_t first_index, int64_t n);


/* BETTER(a, b): a beats b.  IS_NAN(a). */
#define ARG_KERNEL(name, T, BETTER, IS_NAN) \
    static void name##_##T(Best *best, const void *elements, int64_t first_index, int64_t n) \
    { \
        typedef struct __attribute__((packed, may_alias)) { T v; } U;        /* need not be aligned */ \
        const U *x = elements; \
        int64_t i = 0; \
        T top; \
        if (best->index < 0) { \
            best->index = first_index; \
            memcpy(&best->value, x, sizeof top); \
        } \
        memcpy(&top, &best->value, sizeof top); \
        if (IS_NAN(top)) { \
            best->final = true; \
            return; \
        } \
        for (; i < n; i++) { \
            if (BETTER(x[i].v, top)) { \
                top = x[i].v; \
                best->index = first_index + i; \
                if (IS_NAN(top)) { \
                    best->final = true; \
                    break; \
                } \
            } \
        } \
        memcpy(&best->value, &top, sizeof top); \
    }

#define NEVER_NAN(a) false
#define FLOAT_NAN(a) ((a) != (a))
#define COMPLEX_NAN(a) ((a).re != (a).re || (a).im != (a).im)
#define LESS(a, b) ((a) < (b))
#define GREATER(a, b) ((a) > (b))
#define FLOAT_LESS(a, b) (!((a) >= (b)))        /* true for a NaN too */
#define FLOAT_GREATER(a, b) (!((a) <= (b)))
#define COMPLEX_LESS(a, b) (COMPLEX_NAN(a) || (a).re < (b).re || ((a).re == (b).re && (a).im < (b).im))
#define COMPLEX_GREATER(a, b) (COMPLEX_NAN(a) || (a).re > (b).re || ((a).re == (b).re && (a).im > (b).im))

#define ARG_KERNELS(T) ARG_KERNEL(min, T, LESS, NEVER_NAN) ARG_KERNEL(max, T, GREATER, NEVER_NAN)
ARG_KERNELS(int8_t)  ARG_KERNELS(int16_t)  ARG_KERNELS(int32_t)  ARG_KERNELS(int64_t)
ARG_KERNELS(uint8_t) ARG_KERNELS(uint16_t) ARG_KERNELS(uint32_t) ARG_KERNELS(uint64_t)
ARG_KERNEL(min, float, FLOAT_LESS, FLOAT_NAN)   ARG_KERNEL(max, float, FLOAT_GREATER, FLOAT_NAN)
ARG_KERNEL(min, double, FLOAT_LESS, FLOAT_NAN)  ARG_KERNEL(max, double, FLOAT_GREATER, FLOAT_NAN)
ARG_KERNEL(min, ElC64, COMPLEX_LESS, COMPLEX_NAN) ARG_KERNEL(max, ElC64, COMPLEX_GREATER, COMPLEX_NAN)
ARG_KERNEL(min, ElC128, COMPLEX_LESS, COMPLEX_NAN) ARG_KERNEL(max, ElC128, COMPLEX_GREATER, COMPLEX_NAN)

/* ORDER dtype; bools are bytes */
#define ARG_ROW(name) { name##_uint8_t, name##_int8_t, name##_int16_t, name##_int32_t, name##_int64_t, name##_uint8_t, \
    name##_uint16_t, name##_uint32_t, name##_uint64_t, name##_float, name##_double, name##_ElC64, name##_ElC128 }
static ArgFn *const arg_kernels[2][DT_COUNT] = { ARG_ROW(min), ARG_ROW(max) };

static int64_t arg_of_group(const ReduceWalk *w, const char *first, DType d, bool max, char *piece)
{
    Best best = { .index = -1 };
    if (w->n_red == 1 && w->red_stride[0] == dtype_info[d].size) {
        arg_kernels[max][d](&best, first, 0, w->group_size);
        return best.index;
    }
    GroupCursor c;
    group_start(&c, w, first);
    for (int64_t done = 0; done < w->group_size && !best.final; done += TREE_CHUNK) {
        int64_t n = w->group_size - done < TREE_CHUNK ? w->group_size - done : TREE_CHUNK;
        group_take(&c, d, piece, d, n);
        arg_kernels[max][d](&best, piece, done, n);
    }
    return best.index;
}

/* The result into `out`, with NumPy's rules, which are stricter than those of other reductions. */
static Value deliver_index(VM *vm, ALP_TAKE Value result, Value out, bool max)
{
    const Array *r = ARRAY(result);
    if (!arg_given(out))
        return array_to_scalar(vm, result);
    if (out.tag != T_Array) {
        raise(vm, TY_TypeError, "output must be an array");
    } else {
        const Array *o = ARRAY(out);
        bool same = o->ndim == r->ndim;
        for (int k = 0; same && k < r->ndim; k++)
            same = o->shape[k] == r->shape[k];
        if (!same)
            raise(vm, TY_ValueError, "output array does not match result of np.arg%s.", max ? "max" : "min");
        else if (!dtype_can_cast((DType)o->dtype, DT_I64, 's'))
            raise(vm, TY_TypeError, "Cannot cast array data from dtype('%s') to dtype('int64') according to the rule 'safe'",
                  dtype_info[o->dtype].name);
        else
            array_assign(vm, ARRAY(out), result);
    }
    value_free(vm, result);
    return vm_has_exc(vm) ? V_ERR : value_ref(out);
}

static Value arg_reduce(VM *vm, const Args *args, bool max)
{
    Value a = reduce_input(vm, args->v[0]), result = V_ERR;
    if (IS_ERR(a))
        return V_ERR;
    const Array *x = ARRAY(a);
    DType d = (DType)x->dtype;
    bool keepdims;
    int axis = 0;
    uint32_t axes = (1u << x->ndim) - 1;
    Status ok = reduce_flag_arg(vm, args->v[3], &keepdims);
    if (ok == ALP_OK && arg_given(args->v[1])) {
        ok = axis_arg(vm, args->v[1], x->ndim ? x->ndim : 1, &axis);    /* a 0-d array counts as one of one element */
        axes = x->ndim ? 1u << axis : 0;
    }
    ReduceWalk w;
    int64_t shape[ALP_MAX_NDIM], index[ALP_MAX_NDIM] = { 0 }, offset = 0;
    if (ok == ALP_OK) {
        walk_init(&w, x, axes);
        if (w.group_size == 0 && w.n_groups > 0)
            raise(vm, TY_ValueError, "attempt to get arg%s of an empty sequence", max ? "max" : "min");
        else
            result = array_new(vm, DT_I64, reduce_shape(x, axes, keepdims, shape), shape, false);
    }
    const size_t piece_size = (size_t)TREE_CHUNK * 16;
    char *piece = IS_ERR(result) ? NULL : vm_alloc(vm, piece_size);
    if (piece) {
        for (int64_t g = 0; g < w.n_groups; g++) {
            ((int64_t *)(void *)ARRAY(result)->data)[g] = arg_of_group(&w, x->data + offset, d, max, piece);
            walk_next_group(&w, index, &offset);
        }
        vm_dealloc(vm, piece, piece_size);
        result = deliver_index(vm, result, args->v[2], max);
    } else if (!IS_ERR(result)) {
        value_free(vm, result);
        result = V_ERR;
    }
    value_free(vm, a);
    return result;
}

Value np_argmin(VM *vm, const Args *args)
{
    return arg_reduce(vm, args, false);
}

Value np_argmax(VM *vm, const Args *args)
{
    return arg_reduce(vm, args, true);
}
