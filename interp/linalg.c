/* interp/linalg.c — dot, matmul, inner, outer, vdot, trace, cross.
 *
 * Vector times vector is a reduction: it uses the canonical tree (reduce_tree.h).  In every other product each element of the result
 * is a running sum in order of k, as the triple loop of a textbook has it; only the loops around that are ordered for the
 * cache.  dtypes mix by promotion; bool products are `or` of `and`. */
#include "interp/linalg.h"

#include <stdio.h>

#include "interp/elementwise.h"
#include "interp/numpy_rows.h"
#include "interp/ops.h"
#include "interp/reduce.h"
#include "interp/seq.h"
#include "interp/whole.h"

/* ---- kernels -------------------------------------------------------------------------------------------------------- */

/* Columns of C and rows of B that are worked on together: a panel of B (K_BLOCK x N_BLOCK elements) stays in the cache while all
 * rows of C pass. */
enum { K_BLOCK = 128, N_BLOCK = 256, UNROLL = 16 };

/* c[j] += a0 * b0[j]; then + a1 * b1[j] …: four steps of k for each load of c. */
#define STEP(S, acc, a, b) el_add_##S(acc, el_mul_##S(a, b))
#define KERNELS(S, T) \
    static void product_##S(char *cp, int64_t row_stride, const char *ap, const char *bp, int64_t m, int64_t n, int64_t k) \
    { \
        T *c0 = (T *)(void *)cp; \
        const T *a0 = (const T *)(const void *)ap, *b0 = (const T *)(const void *)bp; \
        for (int64_t kb = 0; kb < k; kb += K_BLOCK) { \
            int64_t k_end = k - kb < K_BLOCK ? k : kb + K_BLOCK; \
            for (int64_t jb = 0; jb < n; jb += N_BLOCK) { \
                int64_t width = n - jb < N_BLOCK ? n - jb : N_BLOCK; \
                for (int64_t i = 0; i < m; i++) { \
                    T *restrict c = c0 + i * row_stride + jb; \
                    const T *a = a0 + i * k; \
                    const T *restrict b = b0 + kb * n + jb; \
                    int64_t p = kb; \
                    for (; p + 4 <= k_end; p += 4, b += 4 * n) { \
                        const T *restrict b1 = b + n, *restrict b2 = b1 + n, *restrict b3 = b2 + n; \
                        T x0 = a[p], x1 = a[p + 1], x2 = a[p + 2], x3 = a[p + 3]; \
                        int64_t j = 0; \
                        for (; j + UNROLL <= width; j += UNROLL) \
                            for (int l = 0; l < UNROLL; l++) \
                                c[j + l] = STEP(S, STEP(S, STEP(S, STEP(S, c[j + l], x0, b[j + l]), x1, b1[j + l]), \
                                                        x2, b2[j + l]), x3, b3[j + l]); \
                        for (; j < width; j++) \
                            c[j] = STEP(S, STEP(S, STEP(S, STEP(S, c[j], x0, b[j]), x1, b1[j]), x2, b2[j]), x3, b3[j]); \
                    } \
                    for (; p < k_end; p++, b += n) { \
                        T x = a[p]; \
                        for (int64_t j = 0; j < width; j++) \
                            c[j] = STEP(S, c[j], x, b[j]); \
                    } \
                } \
            } \
        } \
    } \
    /* n is 1: eight rows at a time, each a chain of its own. */ \
    static void column_##S(char *cp, int64_t row_stride, const char *ap, const char *bp, int64_t m, int64_t k) \
    { \
        T *c = (T *)(void *)cp; \
        const T *a = (const T *)(const void *)ap, *b = (const T *)(const void *)bp; \
        for (int64_t i = 0; i < m; i += 8) { \
            int64_t rows = m - i < 8 ? m - i : 8; \
            T acc[8]; \
            memset(acc, 0, sizeof acc); \
            if (rows == 8) \
                for (int64_t p = 0; p < k; p++) \
                    for (int r = 0; r < 8; r++) \
                        acc[r] = STEP(S, acc[r], a[(i + r) * k + p], b[p]); \
            else \
                for (int64_t p = 0; p < k; p++) \
                    for (int64_t r = 0; r < rows; r++) \
                        acc[r] = STEP(S, acc[r], a[(i + r) * k + p], b[p]); \
            for (int64_t r = 0; r < rows; r++) \
                c[(i + r) * row_stride] = acc[r]; \
        } \
    } \
    /* out[i] = x[i] * y[i] */ \
    static void multiply_##S(char *restrict out, const char *restrict xp, const char *restrict yp, int64_t n, bool conj) \
    { \
        T *restrict z = (T *)(void *)out; \
        const T *restrict x = (const T *)(const void *)xp, *restrict y = (const T *)(const void *)yp; \
        int64_t i = 0; \
        if (conj) { \
            for (; i < n; i++) \
                z[i] = el_mul_##S(CONJ_##S(x[i]), y[i]); \
            return; \
        } \
        for (; i + UNROLL <= n; i += UNROLL) \
            for (int l = 0; l < UNROLL; l++) \
                z[i + l] = el_mul_##S(x[i + l], y[i + l]); \
        for (; i < n; i++) \
            z[i] = el_mul_##S(x[i], y[i]); \
    }
#define CONJ_b1(x) (x)
#define CONJ_i8(x) (x)
#define CONJ_i16(x) (x)
#define CONJ_i32(x) (x)
#define CONJ_i64(x) (x)
#define CONJ_u8(x) (x)
#define CONJ_u16(x) (x)
#define CONJ_u32(x) (x)
#define CONJ_u64(x) (x)
#define CONJ_f32(x) (x)
#define CONJ_f64(x) (x)
#define CONJ_c64(x) ((ElC64){ (x).re, -(x).im })
#define CONJ_c128(x) ((ElC128){ (x).re, -(x).im })

/* ORDER dtype */
#define EACH_TYPE(M) M(b1, uint8_t) M(i8, int8_t) M(i16, int16_t) M(i32, int32_t) M(i64, int64_t) M(u8, uint8_t) M(u16, uint16_t) \
    M(u32, uint32_t) M(u64, uint64_t) M(f32, float) M(f64, double) M(c64, ElC64) M(c128, ElC128)
EACH_TYPE(KERNELS)

#define KERNEL_ROW(S, T) { product_##S, column_##S, multiply_##S },
static const struct {
    void (*product)(char *c, int64_t row_stride, const char *a, const char *b, int64_t m, int64_t n, int64_t k);
    void (*column)(char *c, int64_t row_stride, const char *a, const char *b, int64_t m, int64_t k);
    void (*multiply)(char *restrict out, const char *restrict x, const char *restrict y, int64_t n, bool conj);
} kernels[DT_COUNT] = { EACH_TYPE(KERNEL_ROW) };

void linalg_product(DType d, char *c, int64_t row_stride, const char *a, const char *b, int64_t m, int64_t n, int64_t k)
{
    size_t es = dtype_info[d].size;
    if (n == 1) {
        kernels[d].column(c, row_stride, a, b, m, k);
        return;
    }
    for (int64_t i = 0; i < m; i++)
        memset(c + (size_t)(i * row_stride) * es, 0, (size_t)n * es);
    kernels[d].product(c, row_stride, a, b, m, n, k);
}

void linalg_dot(DType d, char *result, const char *x, int64_t x_stride, const char *y, int64_t y_stride, int64_t n, bool conj)
{
    /* Pieces are small, so that these three stay on the stack and in the first-level cache. */
    enum { PIECE = 8 * TREE_LANES };
    _Alignas(16) char px[PIECE * 16], py[PIECE * 16], z[PIECE * 16];
    int64_t es = dtype_info[d].size;
    TreeValue zero = { .f64 = { 0.0, 0.0 } };
    TreeState t;
    tree_begin(&t, TREE_Add, d, n, &zero, NULL);
    for (int64_t done = 0; done < n; done += PIECE) {
        int64_t count = n - done < PIECE ? n - done : PIECE;
        array_cast(d, px, es, d, x + done * x_stride, x_stride, count);
        array_cast(d, py, es, d, y + done * y_stride, y_stride, count);
        kernels[d].multiply(z, px, py, count, conj);
        tree_push(&t, z, count);
    }
    TreeValue v = tree_end(&t);
    memcpy(result, &v, (size_t)es);
}

/* ---- operands ------------------------------------------------------------------------------------------------------- */

#define TRY_VALUE(e) do { if ((e) != ALP_OK) return V_ERR; } while (0)

/* Both operands as arrays, in their common dtype. */
typedef struct Pair {
    Value a, b;
    DType dtype;
} Pair;

static void pair_free(VM *vm, Pair *p)
{
    value_free(vm, p->a);
    value_free(vm, p->b);
}

static Status pair_init(VM *vm, Pair *p, Value a, Value b)
{
    p->b = V_UNBOUND;
    p->a = reduce_input(vm, a);
    if (IS_ERR(p->a))
        return ALP_FAIL;
    p->b = reduce_input(vm, b);
    if (IS_ERR(p->b)) {
        value_free(vm, p->a);
        return ALP_FAIL;
    }
    p->dtype = dtype_promote((DType)ARRAY(p->a)->dtype, (DType)ARRAY(p->b)->dtype);
    return ALP_OK;
}

/* Replace an array by a C-contiguous one of dtype d, if it is not that already. */
static Status make_contiguous(VM *vm, Value *a, DType d)
{
    const Array *x = ARRAY(*a);
    TRY(array_to_host(vm, x, HOST_Read));
    if (x->dtype == d && x->c_contig && (uintptr_t)x->data % dtype_info[d].size == 0)
        return ALP_OK;
    Value copy = array_copy(vm, *a, d, 'C');
    if (IS_ERR(copy))
        return ALP_FAIL;
    value_set(vm, a, copy);
    return ALP_OK;
}

static Status pair_contiguous(VM *vm, Pair *p)
{
    TRY(make_contiguous(vm, &p->a, p->dtype));
    return make_contiguous(vm, &p->b, p->dtype);
}

/* Is the result the program's, to be made where the operands are? */
static bool is_for_program(const VM *vm)
{
    return UNLIKELY(vm->n_on_device) && (!vm->native || vm->native->row->arrays == NATIVE_VIEWS);
}

/* *result = a b on a device (interp/whole.h).  ALP_FAIL: it is the host's, or an exception is pending. */
static Status product_there(VM *vm, const Pair *p, int ndim, const int64_t *shape, Value *result)
{
    if (!is_for_program(vm))
        return ALP_FAIL;
    Value r = array_new(vm, p->dtype, ndim, shape, false);
    if (IS_ERR(r))
        return ALP_FAIL;
    WholeVerdict v = ndim == 0 ? whole_dot(vm, ARRAY(p->a), ARRAY(p->b), ARRAY(r)) : whole_product(vm, ARRAY(p->a), ARRAY(p->b), ARRAY(r));
    if (v == WHOLE_DONE)
        *result = r;
    else
        value_free(vm, r);
    return v == WHOLE_DONE ? ALP_OK : ALP_FAIL;
}

/* Likewise, of matrices and vectors that fit. */
static Status matrices_there(VM *vm, const Pair *p, Value *result)
{
    const Array *a = ARRAY(p->a), *b = ARRAY(p->b);
    if (!is_for_program(vm) || a->ndim > 2 || b->ndim > 2)
        return ALP_FAIL;
    const int64_t shape[2] = { a->ndim == 1 ? b->shape[b->ndim - 1] : a->shape[0], b->shape[b->ndim - 1] };
    return product_there(vm, p, a->ndim + b->ndim - 2, shape, result);
}

/* 1-d times 1-d: a 0-d array. */
static Value dot_vectors(VM *vm, Pair *p, bool conj)
{
    Value there;
    if (!conj && product_there(vm, p, 0, NULL, &there) == ALP_OK)
        return there;
    if (vm_has_exc(vm) || array_to_host(vm, ARRAY(p->a), HOST_Read) != ALP_OK || array_to_host(vm, ARRAY(p->b), HOST_Read) != ALP_OK)
        return V_ERR;
    if (ARRAY(p->a)->dtype != p->dtype)
        TRY_VALUE(make_contiguous(vm, &p->a, p->dtype));
    if (ARRAY(p->b)->dtype != p->dtype)
        TRY_VALUE(make_contiguous(vm, &p->b, p->dtype));
    const Array *a = ARRAY(p->a), *b = ARRAY(p->b);
    Value result = array_new(vm, p->dtype, 0, NULL, false);
    if (!IS_ERR(result))
        linalg_dot(p->dtype, ARRAY(result)->data, a->data, a->strides[0], b->data, b->strides[0], a->shape[0], conj);
    return result;
}

/* ---- dot ------------------------------------------------------------------------------------------------------------ */

static Value raise_not_aligned(VM *vm, const Array *a, int a_axis, const Array *b, int b_axis)
{
    char sa[256], sb[256];
    shape_text(sa, sizeof sa, a->ndim, a->shape);
    shape_text(sb, sizeof sb, b->ndim, b->shape);
    return raise(vm, TY_ValueError, "shapes %s and %s not aligned: %lld (dim %d) != %lld (dim %d)", sa, sb,
                 (long long)a->shape[a_axis], a_axis, (long long)b->shape[b_axis], b_axis);
}

/* Last axis of a with the last but one of b (its only one, if 1-d); neither is 0-d. */
static Value dot_arrays(VM *vm, Pair *p)
{
    const Array *a = ARRAY(p->a), *b = ARRAY(p->b);
    int a_axis = a->ndim - 1, b_axis = b->ndim > 1 ? b->ndim - 2 : 0;
    int64_t k = a->shape[a_axis];
    if (k != b->shape[b_axis])
        return raise_not_aligned(vm, a, a_axis, b, b_axis);
    if (a->ndim == 1 && b->ndim == 1)
        return dot_vectors(vm, p, false);
    Value there;
    if (matrices_there(vm, p, &there) == ALP_OK)
        return there;
    if (vm_has_exc(vm))
        return V_ERR;
    int ndim = a->ndim - 1 + (b->ndim > 1 ? b->ndim - 1 : 0);
    if (ndim > ALP_MAX_NDIM)
        return raise(vm, TY_ValueError, "maximum supported dimension for an ndarray is currently %d, found %d", ALP_MAX_NDIM, ndim);
    TRY_VALUE(pair_contiguous(vm, p));
    a = ARRAY(p->a);
    b = ARRAY(p->b);
    int64_t shape[ALP_MAX_NDIM], m = 1, batches = 1, n = b->ndim > 1 ? b->shape[b->ndim - 1] : 1;
    int used = 0;
    for (int i = 0; i < a->ndim - 1; i++) {
        shape[used++] = a->shape[i];
        m *= a->shape[i];
    }
    for (int i = 0; i < b->ndim; i++) {
        if (i != b_axis)
            shape[used++] = b->shape[i];
        if (i < b_axis)
            batches *= b->shape[i];
    }
    Value result = array_new(vm, p->dtype, ndim, shape, false);
    if (IS_ERR(result) || ARRAY(result)->size == 0)
        return result;
    size_t es = dtype_info[p->dtype].size;
    for (int64_t i = 0; i < batches; i++)
        linalg_product(p->dtype, ARRAY(result)->data + (size_t)(i * n) * es, batches * n, a->data,
                       b->data + (size_t)(i * k * n) * es, m, n, k);
    return result;
}

static Value multiply_arrays(VM *vm, const Pair *p)
{
    Value v = array_binary(vm, BI_Mul, p->a, p->b, NULL);
    return IS_ERR(v) || v.tag == T_Array ? v : array_from_value(vm, v, DT_COUNT);
}

/* The result into `out`, which dot wants to be exactly what it would make itself. */
static Value deliver_dot(VM *vm, ALP_TAKE Value result, Value out)
{
    if (IS_ERR(result) || !arg_given(out))
        return IS_ERR(result) ? V_ERR : array_to_scalar(vm, result);
    const Array *r = ARRAY(result), *o = ARRAY(out);
    if (out.tag != T_Array) {
        raise(vm, TY_TypeError, "'out' must be an array");
    } else if (o->ndim != r->ndim || o->dtype != r->dtype || !o->c_contig) {
        raise(vm, TY_ValueError, "output array is not acceptable (must have the right datatype, number of dimensions, and be a C-Array)");
    } else {
        bool same = true;
        for (int k = 0; k < r->ndim; k++)
            same = same && o->shape[k] == r->shape[k];
        if (!same)
            raise(vm, TY_ValueError, "output array has wrong dimensions");
        else
            array_assign(vm, ARRAY(out), result);
    }
    value_free(vm, result);
    return vm_has_exc(vm) ? V_ERR : value_ref(out);
}

Value np_dot(VM *vm, const Args *args)
{
    Pair p;
    TRY_VALUE(pair_init(vm, &p, args->v[0], args->v[1]));
    Value result = ARRAY(p.a)->ndim == 0 || ARRAY(p.b)->ndim == 0 ? multiply_arrays(vm, &p) : dot_arrays(vm, &p);
    pair_free(vm, &p);
    return deliver_dot(vm, result, args->v[2]);
}

/* The array with its last two axes exchanged. */
static Value swap_last_axes(VM *vm, Value v)
{
    const Array *a = ARRAY(v);
    int64_t shape[ALP_MAX_NDIM], strides[ALP_MAX_NDIM];
    memcpy(shape, a->shape, sizeof shape);
    memcpy(strides, a->strides, sizeof strides);
    shape[a->ndim - 1] = a->shape[a->ndim - 2];
    shape[a->ndim - 2] = a->shape[a->ndim - 1];
    strides[a->ndim - 1] = a->strides[a->ndim - 2];
    strides[a->ndim - 2] = a->strides[a->ndim - 1];
    return array_view(vm, a->buf, a->data, (DType)a->dtype, a->ndim, shape, strides, a->readonly);
}

static Value np_inner(VM *vm, const Args *args)
{
    Pair p;
    Value result = V_ERR;
    TRY_VALUE(pair_init(vm, &p, args->v[0], args->v[1]));
    if (ARRAY(p.b)->ndim > 1) {
        Value swapped = swap_last_axes(vm, p.b);
        if (!IS_ERR(swapped))
            value_set(vm, &p.b, swapped);
    }
    if (!vm_has_exc(vm))
        result = ARRAY(p.a)->ndim == 0 || ARRAY(p.b)->ndim == 0 ? multiply_arrays(vm, &p) : dot_arrays(vm, &p);
    pair_free(vm, &p);
    return array_to_scalar(vm, result);
}

/* A 1-d array of all elements in C order; a view where that is possible. */
static Status flatten(VM *vm, Value *a)
{
    int axis;
    return ARRAY(*a)->ndim == 1 ? ALP_OK : one_axis_arg(vm, V_NONE, a, &axis);
}

static Value np_vdot(VM *vm, const Args *args)
{
    Pair p;
    Value result = V_ERR;
    TRY_VALUE(pair_init(vm, &p, args->v[0], args->v[1]));
    if (flatten(vm, &p.a) == ALP_OK && flatten(vm, &p.b) == ALP_OK) {
        int64_t na = ARRAY(p.a)->size, nb = ARRAY(p.b)->size;
        if (na != nb)
            raise(vm, TY_ValueError, "cannot reshape array of size %lld into shape (%lld,)", (long long)nb, (long long)na);
        else
            result = dot_vectors(vm, &p, dtype_info[p.dtype].kind == 'c');
    }
    pair_free(vm, &p);
    return array_to_scalar(vm, result);
}

static Value np_outer(VM *vm, const Args *args)
{
    Pair p;
    Value result = V_ERR;
    TRY_VALUE(pair_init(vm, &p, args->v[0], args->v[1]));
    if (flatten(vm, &p.a) == ALP_OK && flatten(vm, &p.b) == ALP_OK) {
        const Array *a = ARRAY(p.a);
        int64_t shape[2] = { a->shape[0], 1 }, strides[2] = { a->strides[0], 0 };
        Value column = array_view(vm, a->buf, a->data, (DType)a->dtype, 2, shape, strides, true);
        if (!IS_ERR(column)) {
            value_set(vm, &p.a, column);
            result = array_binary(vm, BI_Mul, p.a, p.b, NULL);
        }
    }
    pair_free(vm, &p);
    return result;
}

/* ---- matmul --------------------------------------------------------------------------------------------------------- */

#define SIGNATURE "(n?,k),(k,m?)->(n?,m?)"

/* "(2,3,4)->(2,newaxis,newaxis) ": an operand and what of it is broadcast. */
static void batch_text(char *out, size_t size, const Array *a)
{
    char shape[256];
    size_t used;
    shape_text(shape, sizeof shape, a->ndim, a->shape);
    used = (size_t)snprintf(out, size, "%s->(", shape);
    for (int k = 0; k < a->ndim; k++) {
        if (k < a->ndim - 2)
            used += (size_t)snprintf(out + used, size - used, "%lld,", (long long)a->shape[k]);
        else
            used += (size_t)snprintf(out + used, size - used, k == a->ndim - 1 ? "newaxis" : "newaxis,");
    }
    snprintf(out + used, size - used, ") ");
}

static Value raise_batches(VM *vm, const Array *a, const Array *b, int64_t m, int64_t n)
{
    char ta[600], tb[600];
    batch_text(ta, sizeof ta, a);
    batch_text(tb, sizeof tb, b);
    if (a->ndim > 1 && b->ndim > 1)
        return raise(vm, TY_ValueError, "operands could not be broadcast together with remapped shapes [original->remapped]: %s%s and "
                     "requested shape (%lld,%lld)", ta, tb, (long long)m, (long long)n);
    return raise(vm, TY_ValueError, "operands could not be broadcast together with remapped shapes [original->remapped]: %s%s and "
                 "requested shape (%lld)", ta, tb, (long long)(a->ndim > 1 ? m : n));
}

/* The product of every pair of matrices in two stacks, which are broadcast against each other. */
static Value matmul_stacks(VM *vm, Pair *p)
{
    TRY_VALUE(pair_contiguous(vm, p));
    const Array *a = ARRAY(p->a), *b = ARRAY(p->b);
    bool row = a->ndim == 1, column = b->ndim == 1;
    int64_t k = a->shape[a->ndim - 1], m = row ? 1 : a->shape[a->ndim - 2], n = column ? 1 : b->shape[b->ndim - 1];
    int na = row ? 0 : a->ndim - 2, nb = column ? 0 : b->ndim - 2, batch = na > nb ? na : nb, ndim = batch;
    int64_t shape[ALP_MAX_NDIM], step_a[ALP_MAX_NDIM], step_b[ALP_MAX_NDIM], n_batches = 1;
    int64_t next_a = m * k, next_b = k * n;
    for (int i = batch - 1; i >= 0; i--) {
        int ia = i - (batch - na), ib = i - (batch - nb);
        int64_t da = ia >= 0 ? a->shape[ia] : 1, db = ib >= 0 ? b->shape[ib] : 1;
        if (da != db && da != 1 && db != 1)
            return raise_batches(vm, a, b, m, n);
        shape[i] = da == 1 ? db : da;
        step_a[i] = da == 1 ? 0 : next_a;
        step_b[i] = db == 1 ? 0 : next_b;
        next_a *= da;
        next_b *= db;
        n_batches *= shape[i];
    }
    if (!row)
        shape[ndim++] = m;
    if (!column)
        shape[ndim++] = n;
    Value result = array_new(vm, p->dtype, ndim, shape, false);
    if (IS_ERR(result) || ARRAY(result)->size == 0)
        return result;
    int64_t es = dtype_info[p->dtype].size, index[ALP_MAX_NDIM] = { 0 }, at_a = 0, at_b = 0;
    for (int64_t i = 0; i < n_batches; i++) {
        linalg_product(p->dtype, ARRAY(result)->data + i * m * n * es, n, a->data + at_a * es, b->data + at_b * es, m, n, k);
        for (int j = batch - 1; j >= 0; j--) {
            at_a += step_a[j];
            at_b += step_b[j];
            if (++index[j] < shape[j])
                break;
            at_a -= step_a[j] * shape[j];
            at_b -= step_b[j] * shape[j];
            index[j] = 0;
        }
    }
    return result;
}

static Value matmul_pair(VM *vm, Pair *p)
{
    const Array *a = ARRAY(p->a), *b = ARRAY(p->b);
    for (int i = 0; i < 2; i++) {
        if ((i ? b : a)->ndim == 0)
            return raise(vm, TY_ValueError, "matmul: Input operand %d does not have enough dimensions (has 0, gufunc core with "
                         "signature " SIGNATURE " requires 1)", i);
    }
    int64_t k = a->shape[a->ndim - 1], kb = b->shape[b->ndim > 1 ? b->ndim - 2 : 0];
    if (k != kb)
        return raise(vm, TY_ValueError, "matmul: Input operand 1 has a mismatch in its core dimension 0, with gufunc signature "
                     SIGNATURE " (size %lld is different from %lld)", (long long)kb, (long long)k);
    if (a->ndim == 1 && b->ndim == 1)
        return dot_vectors(vm, p, false);
    Value result;
    return matrices_there(vm, p, &result) == ALP_OK ? result : vm_has_exc(vm) ? V_ERR : matmul_stacks(vm, p);
}

Value array_matmul(VM *vm, Value a, Value b)
{
    Pair p;
    TRY_VALUE(pair_init(vm, &p, a, b));
    Value result = matmul_pair(vm, &p);
    pair_free(vm, &p);
    return array_to_scalar(vm, result);
}

static Value np_matmul(VM *vm, const Args *args)
{
    Value result = array_matmul(vm, args->v[0], args->v[1]), out = args->v[2];
    if (IS_ERR(result) || !arg_given(out))
        return result;
    if (out.tag != T_Array)
        raise(vm, TY_TypeError, "return arrays must be of ArrayType");
    else
        array_assign(vm, ARRAY(out), result);
    value_free(vm, result);
    return vm_has_exc(vm) ? V_ERR : value_ref(out);
}

/* ---- trace, cross --------------------------------------------------------------------------------------------------- */

/* View of the diagonals in two axes, as the last axis. */
static Value diagonals(VM *vm, const Array *a, int64_t offset, int axis1, int axis2)
{
    int64_t shape[ALP_MAX_NDIM], strides[ALP_MAX_NDIM], rows = a->shape[axis1], cols = a->shape[axis2], count;
    int used = 0;
    char *data = a->data;
    for (int k = 0; k < a->ndim; k++) {
        if (k != axis1 && k != axis2) {
            shape[used] = a->shape[k];
            strides[used++] = a->strides[k];
        }
    }
    if (offset >= 0) {
        cols = offset < cols ? cols - offset : 0;
        data += cols > 0 && rows > 0 ? offset * a->strides[axis2] : 0;
    } else {
        rows = offset > -rows ? rows + offset : 0;
        data -= cols > 0 && rows > 0 ? offset * a->strides[axis1] : 0;
    }
    count = rows < cols ? rows : cols;
    shape[used] = count;
    strides[used++] = a->strides[axis1] + a->strides[axis2];
    return array_view(vm, a->buf, data, (DType)a->dtype, used, shape, strides, true);
}

Value np_trace(VM *vm, const Args *args)
{
    Value a = reduce_input(vm, args->v[0]), result = V_ERR;
    int64_t offset = 0;
    int axis1 = 0, axis2 = 1;
    if (IS_ERR(a))
        return V_ERR;
    int ndim = ARRAY(a)->ndim;
    if (ndim < 2)
        raise(vm, TY_ValueError, "diag requires an array of at least two dimensions");
    else if ((args->v[1].tag == T_Unbound || arg_int(vm, args->v[1], &offset) == ALP_OK)
             && (args->v[2].tag == T_Unbound || axis_arg(vm, args->v[2], ndim, &axis1) == ALP_OK)
             && (args->v[3].tag == T_Unbound || axis_arg(vm, args->v[3], ndim, &axis2) == ALP_OK)) {
        if (axis1 == axis2)
            raise(vm, TY_ValueError, "axis1 and axis2 cannot be the same");
        else {
            Value diagonal = diagonals(vm, ARRAY(a), offset, axis1, axis2);
            if (!IS_ERR(diagonal)) {
                result = reduce_array(vm, ARRAY(diagonal), 1u << (ndim - 2), false, TREE_Add,
                                      reduce_sum_dtype((DType)ARRAY(a)->dtype), V_UNBOUND, "add");
                value_free(vm, diagonal);
            }
        }
    }
    value_free(vm, a);
    return array_to_scalar(vm, result);
}

/* Component i of the last axis; the zero that a 2-d vector lacks is V_UNBOUND. */
static Value component(VM *vm, Value v, int64_t i)
{
    const Array *a = ARRAY(v);
    if (i >= a->shape[a->ndim - 1])
        return V_UNBOUND;
    return array_view(vm, a->buf, a->data + i * a->strides[a->ndim - 1], (DType)a->dtype, a->ndim - 1, a->shape, a->strides,
                      a->readonly);
}

/* x * y, or V_UNBOUND if either lacks. */
static Value cross_term(VM *vm, Value a, int64_t i, Value b, int64_t j)
{
    Value x = component(vm, a, i), y = IS_ERR(x) ? V_ERR : component(vm, b, j), z = V_UNBOUND;
    if (IS_ERR(x) || IS_ERR(y))
        z = V_ERR;
    else if (x.tag != T_Unbound && y.tag != T_Unbound)
        z = array_binary(vm, BI_Mul, x, y, NULL);
    value_free(vm, x);
    value_free(vm, y);
    return z;
}

/* a[i] * b[j] - a[j] * b[i] */
static Value cross_component(VM *vm, Value a, Value b, int64_t i, int64_t j)
{
    Value x = cross_term(vm, a, i, b, j), y = IS_ERR(x) ? V_ERR : cross_term(vm, a, j, b, i), z;
    if (IS_ERR(x) || IS_ERR(y))
        z = V_ERR;
    else if (y.tag == T_Unbound)
        z = value_ref(x);
    else if (x.tag == T_Unbound)
        z = op_unary(vm, UN_Neg, y);
    else
        z = op_binary(vm, BI_Sub, x, y);
    value_free(vm, x);
    value_free(vm, y);
    return z;
}

static Value np_cross(VM *vm, const Args *args)
{
    Pair p;
    Value result = V_ERR, z[3] = { V_UNBOUND, V_UNBOUND, V_UNBOUND };
    TRY_VALUE(pair_init(vm, &p, args->v[0], args->v[1]));
    const Array *a = ARRAY(p.a), *b = ARRAY(p.b);
    int64_t la = a->ndim ? a->shape[a->ndim - 1] : 0, lb = b->ndim ? b->shape[b->ndim - 1] : 0;
    if (a->ndim == 0 || b->ndim == 0) {
        raise(vm, TY_ValueError, "At least one array has zero dimension");
    } else if ((la != 2 && la != 3) || (lb != 2 && lb != 3)) {
        raise(vm, TY_ValueError, "incompatible dimensions for cross product\n(dimension must be 2 or 3)");
    } else {
        bool flat = la == 2 && lb == 2;
        bool ok = true;
        for (int i = flat ? 2 : 0; ok && i < 3; i++) {
            z[i] = cross_component(vm, p.a, p.b, (i + 1) % 3, (i + 2) % 3);
            ok = !IS_ERR(z[i]);
        }
        if (ok && flat) {
            result = z[2].tag == T_Array ? value_ref(z[2]) : array_from_value(vm, z[2], DT_COUNT);
        } else if (ok) {
            const Array *first = z[0].tag == T_Array ? ARRAY(z[0]) : NULL;
            int ndim = first ? first->ndim : 0;
            int64_t shape[ALP_MAX_NDIM];
            for (int k = 0; k < ndim; k++)
                shape[k] = first->shape[k];
            shape[ndim] = 3;
            result = array_new(vm, p.dtype, ndim + 1, shape, false);
            for (int i = 0; !IS_ERR(result) && i < 3; i++) {
                Value part = component(vm, result, i);
                if (IS_ERR(part) || array_assign(vm, ARRAY(part), z[i]) != ALP_OK) {
                    value_free(vm, result);
                    result = V_ERR;
                }
                value_free(vm, part);
            }
        }
        for (int i = 0; i < 3; i++)
            value_free(vm, z[i]);
    }
    pair_free(vm, &p);
    return result;
}

const NativeRow linalg_numpy_rows[] = {
    { "dot", np_dot, "a, b, /, out=", "Dot product: the last axis of a with the last but one of b.", NATIVE_VIEWS },
    { "matmul", np_matmul, "x1, x2, /, out=", "Matrix product, stacks of matrices broadcast.", NATIVE_VIEWS },
    { "inner", np_inner, "a, b, /", "Sum of products over the last axes." },
    { "outer", np_outer, "a, b", "All products of an element of a with one of b." },
    { "vdot", np_vdot, "a, b, /", "Dot product of flattened arrays, the first one conjugated." },
    { "trace", np_trace, "a, offset=, axis1=, axis2=", "Sum along a diagonal." },
    { "cross", np_cross, "a, b", "Vector product in the last axis." },
    { 0 },
};
