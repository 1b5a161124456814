/* interp/reduce_arg.c — argmin and argmax: index of the first least or greatest element; the first NaN counts as both. */
#include "interp/elementwise.h"
#include "interp/reduce.h"

/* The best element so far and its place. */
typedef struct Best {
    TreeValue value;
    int64_t   index;            /* -1: none yet */
    bool      final;            /* a NaN was found: nothing beats it */
} Best;

typedef void ArgFn(Best *best, DType d, TreeOp op, const void *elements, int64_t first_index, int64_t n);


/* BETTER(a, b): a beats b.  IS_NAN(a).  Most blocks hold nothing better than what was found before them: the vector code of the
 * reductions tells which, and only the others are searched. */
enum { BLOCK = 32 * TREE_LANES };
#define ARG_KERNEL(name, S, T, BETTER, IS_NAN) \
    static void name##_##S(Best *best, DType d, TreeOp op, const void *elements, int64_t first_index, int64_t n) \
    { \
        typedef struct __attribute__((packed, may_alias)) { T v; } U;        /* need not be aligned */ \
        const U *x = elements; \
        T top; \
        if (best->index < 0) { \
            best->index = first_index; \
            memcpy(&best->value, x, sizeof top); \
        } \
        memcpy(&top, &best->value, sizeof top); \
        for (int64_t start = 0; start < n && !best->final; start += BLOCK) { \
            int64_t end = n - start < BLOCK ? n : start + BLOCK; \
            TreeValue found = tree_run(op, d, NULL, (const char *)(x + start), sizeof(T), end - start); \
            T extreme; \
            memcpy(&extreme, &found, sizeof extreme); \
            if (!BETTER(extreme, top) && !IS_NAN(top)) \
                continue; \
            for (int64_t i = start; i < end && !IS_NAN(top); i++) { \
                if (BETTER(x[i].v, top)) { \
                    top = x[i].v; \
                    best->index = first_index + i; \
                } \
            } \
            best->final = IS_NAN(top); \
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

/* ORDER dtype; bools are bytes */
#define EACH_TYPE(M, name, INT, FLOAT, COMPLEX) \
    M(name, b1, uint8_t, INT, NEVER_NAN) M(name, i8, int8_t, INT, NEVER_NAN) M(name, i16, int16_t, INT, NEVER_NAN) \
    M(name, i32, int32_t, INT, NEVER_NAN) M(name, i64, int64_t, INT, NEVER_NAN) M(name, u8, uint8_t, INT, NEVER_NAN) \
    M(name, u16, uint16_t, INT, NEVER_NAN) M(name, u32, uint32_t, INT, NEVER_NAN) M(name, u64, uint64_t, INT, NEVER_NAN) \
    M(name, f32, float, FLOAT, FLOAT_NAN) M(name, f64, double, FLOAT, FLOAT_NAN) \
    M(name, c64, ElC64, COMPLEX, COMPLEX_NAN) M(name, c128, ElC128, COMPLEX, COMPLEX_NAN)
EACH_TYPE(ARG_KERNEL, min, LESS, FLOAT_LESS, COMPLEX_LESS)
EACH_TYPE(ARG_KERNEL, max, GREATER, FLOAT_GREATER, COMPLEX_GREATER)

#define ARG_ROW(name, S, T, BETTER, IS_NAN) name##_##S,
static ArgFn *const arg_kernels[2][DT_COUNT] = {
    { EACH_TYPE(ARG_ROW, min, , , ) },
    { EACH_TYPE(ARG_ROW, max, , , ) },
};

static int64_t arg_of_group(const ReduceWalk *w, const char *first, DType d, bool max, char *piece)
{
    Best best = { .index = -1 };
    if (w->n_red == 1 && w->red_stride[0] == dtype_info[d].size) {
        arg_kernels[max][d](&best, d, max ? TREE_Max : TREE_Min, first, 0, w->group_size);
        return best.index;
    }
    GroupCursor c;
    group_start(&c, w, first);
    for (int64_t done = 0; done < w->group_size && !best.final; done += TREE_CHUNK) {
        int64_t n = w->group_size - done < TREE_CHUNK ? w->group_size - done : TREE_CHUNK;
        group_take(&c, d, piece, d, n);
        arg_kernels[max][d](&best, d, max ? TREE_Max : TREE_Min, piece, done, n);
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
        if (w.group_size == 0)
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
