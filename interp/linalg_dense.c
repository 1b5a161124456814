/* interp/linalg_dense.c — the module numpy.linalg: norm, det, solve, inv, by elimination with partial pivoting.
 * What needs singular or eigenvalues is not here, and says so. */
#include <math.h>
#include <string.h>

#include "interp/array.h"
#include "interp/module.h"
#include "interp/reduce.h"
#include "interp/seq.h"
#include "interp/str.h"

/* dtype that NumPy calculates in: integers as float64. */
static DType inexact(DType d)
{
    return dtype_info[d].kind == 'f' || dtype_info[d].kind == 'c' ? d : DT_F64;
}

static DType real_part(DType d)
{
    return d == DT_C64 ? DT_F32 : d == DT_C128 ? DT_F64 : d;
}

/* ---- norm ----------------------------------------------------------------------------------------------------------- */

typedef enum Term { TERM_Abs, TERM_Square, TERM_Nonzero, TERM_Power } Term;

/* What a norm adds up, or takes the greatest of, per element: a fresh real array in the shape of x. */
static Value norm_terms(VM *vm, Value v, Term term, double power)
{
    DType d = inexact((DType)ARRAY(v)->dtype), real = real_part(d);
    Value x = array_copy(vm, v, d, 'C'), result;
    if (IS_ERR(x))
        return V_ERR;
    result = array_new(vm, real, ARRAY(x)->ndim, ARRAY(x)->shape, false);
    for (int64_t i = 0; !IS_ERR(result) && i < ARRAY(x)->size; i++) {
        double z[2] = { 0, 0 }, y = 0;
        array_cast(d == real ? DT_F64 : DT_C128, (char *)z, 0, d, ARRAY(x)->data + i * dtype_info[d].size, 0, 1);
        switch (term) {
        case TERM_Abs:     y = d == real ? fabs(z[0]) : hypot(z[0], z[1]); break;
        case TERM_Nonzero: y = z[0] != 0 || z[1] != 0; break;
        case TERM_Power:   y = pow(d == real ? fabs(z[0]) : hypot(z[0], z[1]), power); break;
        case TERM_Square:
            if (real == DT_F32)
                y = (float)z[0] * (float)z[0] + (d == real ? 0.0f : (float)z[1] * (float)z[1]);
            else
                y = z[0] * z[0] + (d == real ? 0.0 : z[1] * z[1]);
            break;
        }
        array_cast(real, ARRAY(result)->data + i * dtype_info[real].size, 0, DT_F64, (const char *)&y, 0, 1);
    }
    value_free(vm, x);
    return result;
}

/* Elements raised to a power, in place. */
static void raise_elements(Array *a, double power)
{
    for (int64_t i = 0; i < a->size; i++) {
        char *p = a->data + i * dtype_info[a->dtype].size;
        double x;
        array_cast(DT_F64, (char *)&x, 0, (DType)a->dtype, p, 0, 1);
        x = power == 0.5 ? sqrt(x) : pow(x, power);
        array_cast((DType)a->dtype, p, 0, DT_F64, (const char *)&x, 0, 1);
    }
}

/* The order of a norm as its argument says it. */
typedef struct Order {
    bool   given, frobenius, text;
    double p;
} Order;

static Status norm_order_arg(VM *vm, Value v, Order *o)
{
    *o = (Order){ .given = arg_given(v), .p = 2.0 };
    if (!o->given)
        return ALP_OK;
    if (v.tag == T_Str) {
        o->text = true;
        o->frobenius = strcmp(STR(v)->text, "fro") == 0 || strcmp(STR(v)->text, "f") == 0;
        return ALP_OK;
    }
    return arg_float(vm, v, &o->p);
}

static Value sum_of_terms(VM *vm, Value x, uint32_t axes, bool keepdims, Term term, double power, TreeOp op)
{
    Value terms = norm_terms(vm, x, term, power), sum;
    if (IS_ERR(terms))
        return V_ERR;
    sum = reduce_array(vm, ARRAY(terms), axes, keepdims, op, (DType)ARRAY(terms)->dtype, V_UNBOUND,
                       op == TREE_Max ? "maximum" : op == TREE_Min ? "minimum" : "add");
    value_free(vm, terms);
    return sum;
}

static Value root_of_squares(VM *vm, Value x, uint32_t axes, bool keepdims)
{
    Value sum = sum_of_terms(vm, x, axes, keepdims, TERM_Square, 2.0, TREE_Add);
    if (!IS_ERR(sum))
        raise_elements(ARRAY(sum), 0.5);
    return sum;
}

static Value vector_norm(VM *vm, Value x, uint32_t axes, bool keepdims, const Order *o, Value ord)
{
    if (o->text)
        return raise(vm, TY_ValueError, "Invalid norm order '%s' for vectors", STR(ord)->text);
    if (isinf(o->p))
        return sum_of_terms(vm, x, axes, keepdims, TERM_Abs, 1.0, o->p > 0 ? TREE_Max : TREE_Min);
    if (o->p == 0.0)
        return sum_of_terms(vm, x, axes, keepdims, TERM_Nonzero, 0.0, TREE_Add);
    if (o->p == 1.0)
        return sum_of_terms(vm, x, axes, keepdims, TERM_Abs, 1.0, TREE_Add);
    if (o->p == 2.0)
        return root_of_squares(vm, x, axes, keepdims);
    Value sum = sum_of_terms(vm, x, axes, keepdims, TERM_Power, o->p, TREE_Add);
    if (!IS_ERR(sum))
        raise_elements(ARRAY(sum), 1.0 / o->p);
    return sum;
}

/* rows, columns: the two axes, in the order given. */
static Value matrix_norm(VM *vm, Value x, int rows, int columns, bool keepdims, const Order *o, Value ord)
{
    uint32_t axes = 1u << rows | 1u << columns;
    if (!o->given || o->frobenius)
        return root_of_squares(vm, x, axes, keepdims);
    if (fabs(o->p) == 2.0 || (o->text && strcmp(STR(ord)->text, "nuc") == 0)) {
        if (!o->text || strcmp(STR(ord)->text, "nuc") == 0)
            return raise(vm, TY_NotImplementedError, "matrix norms by singular values (ord 2, -2, 'nuc') are not part of alpy");
    }
    if (o->text || (fabs(o->p) != 1.0 && !isinf(o->p)))
        return raise(vm, TY_ValueError, "Invalid norm order for matrices.");
    /* Sums along one axis, the greatest or least of them along the other. */
    int along = isinf(o->p) ? columns : rows, across = isinf(o->p) ? rows : columns;
    Value sums = sum_of_terms(vm, x, 1u << along, true, TERM_Abs, 1.0, TREE_Add), best, result;
    if (IS_ERR(sums))
        return V_ERR;
    TreeOp op = o->p > 0 ? TREE_Max : TREE_Min;
    best = reduce_array(vm, ARRAY(sums), 1u << across, true, op, (DType)ARRAY(sums)->dtype, V_UNBOUND,
                        op == TREE_Max ? "maximum" : "minimum");
    value_free(vm, sums);
    if (IS_ERR(best) || keepdims)
        return best;
    /* Both axes have length 1 now: adding along them drops them. */
    result = reduce_array(vm, ARRAY(best), axes, false, op, (DType)ARRAY(best)->dtype, V_UNBOUND, "maximum");
    value_free(vm, best);
    return result;
}

/* Axes in the order given, which matters for matrices. */
static Status norm_axes(VM *vm, Value v, int ndim, int *n, int axis[2])
{
    if (v.tag != T_Tuple) {
        *n = 1;
        return axis_arg(vm, v, ndim, &axis[0]);
    }
    *n = TUPLE(v)->count > 2 ? 3 : (int)TUPLE(v)->count;
    for (int k = 0; k < *n && k < 2; k++)
        TRY(axis_arg(vm, TUPLE(v)->item[k], ndim, &axis[k]));
    if (*n != 2 || axis[0] != axis[1])
        return ALP_OK;
    raise(vm, TY_ValueError, "Duplicate axes given.");
    return ALP_FAIL;
}

static Value linalg_norm(VM *vm, const Args *args)
{
    Value x = reduce_input(vm, args->v[0]), result = V_ERR;
    Order o;
    bool keepdims;
    int n = 0, axis[2] = { 0, 1 };
    if (IS_ERR(x))
        return V_ERR;
    int ndim = ARRAY(x)->ndim;
    if (norm_order_arg(vm, args->v[1], &o) == ALP_OK && reduce_flag_arg(vm, args->v[3], &keepdims) == ALP_OK) {
        if (!arg_given(args->v[2])) {
            n = ndim;
            if (!o.given)                       /* of all elements, whatever their shape */
                result = root_of_squares(vm, x, (1u << ndim) - 1, keepdims);
        } else {
            norm_axes(vm, args->v[2], ndim, &n, axis);
        }
        if (IS_ERR(result) && !vm_has_exc(vm)) {
            if (n == 1)
                result = vector_norm(vm, x, 1u << axis[0], keepdims, &o, args->v[1]);
            else if (n == 2)
                result = matrix_norm(vm, x, axis[0], axis[1], keepdims, &o, args->v[1]);
            else
                raise(vm, TY_ValueError, "Improper number of dimensions to norm.");
        }
    }
    value_free(vm, x);
    return array_to_scalar(vm, result);
}

/* ---- elimination ---------------------------------------------------------------------------------------------------- */

/* A matrix of n x n complex or real numbers in double precision; the imaginary parts of real ones are absent. */
typedef struct Matrix {
    int64_t n;
    int     parts;              /* doubles per element */
    double *at;
} Matrix;

static double magnitude(const Matrix *m, int64_t i, int64_t j)
{
    const double *z = m->at + (i * m->n + j) * m->parts;
    return m->parts == 1 ? fabs(z[0]) : fabs(z[0]) + fabs(z[1]);
}

/* z = x / y */
static void divide(int parts, const double *x, const double *y, double *z)
{
    if (parts == 1) {
        z[0] = x[0] / y[0];
        return;
    }
    bool wide = fabs(y[0]) >= fabs(y[1]);       /* Smith's way, which does not overflow in between */
    double a = wide ? y[0] : y[1], b = wide ? y[1] : y[0], ratio = b / a, scale = 1.0 / (a + b * ratio);
    double re = wide ? (x[0] + x[1] * ratio) * scale : (x[0] * ratio + x[1]) * scale;
    double im = wide ? (x[1] - x[0] * ratio) * scale : (x[1] * ratio - x[0]) * scale;
    z[0] = re;
    z[1] = im;
}

/* row[j] -= factor * pivot[j] for count elements. */
static void subtract_row(int parts, double *restrict row, const double *factor, const double *restrict pivot, int64_t count)
{
    double re = factor[0], im = parts == 2 ? factor[1] : 0.0;
    if (parts == 1) {
        for (int64_t j = 0; j < count; j++)
            row[j] -= re * pivot[j];
        return;
    }
    for (int64_t j = 0; j < count; j++) {
        row[2 * j] -= re * pivot[2 * j] - im * pivot[2 * j + 1];
        row[2 * j + 1] -= re * pivot[2 * j + 1] + im * pivot[2 * j];
    }
}

static void swap_rows(double *a, double *b, int64_t count)
{
    for (int64_t j = 0; j < count; j++) {
        double t = a[j];
        a[j] = b[j];
        b[j] = t;
    }
}

/* To upper triangular form, the same steps done to `right` (n rows of `columns` elements; NULL: none).
 * *swaps counts exchanged rows.  False: a pivot is zero (the matrix is singular; elimination stops there). */
static bool eliminate(Matrix *m, double *right, int64_t columns, int *swaps)
{
    int64_t n = m->n;
    int parts = m->parts;
    for (int64_t k = 0; k < n; k++) {
        int64_t best = k;
        for (int64_t i = k + 1; i < n; i++) {
            if (magnitude(m, i, k) > magnitude(m, best, k))
                best = i;
        }
        if (magnitude(m, best, k) == 0.0)
            return false;
        double *pivot = m->at + k * n * parts;
        if (best != k) {
            swap_rows(pivot, m->at + best * n * parts, n * parts);
            if (right)
                swap_rows(right + k * columns * parts, right + best * columns * parts, columns * parts);
            ++*swaps;
        }
        for (int64_t i = k + 1; i < n; i++) {
            double *row = m->at + i * n * parts, factor[2] = { 0, 0 };
            divide(parts, row + k * parts, pivot + k * parts, factor);
            subtract_row(parts, row + (k + 1) * parts, factor, pivot + (k + 1) * parts, n - k - 1);
            if (right)
                subtract_row(parts, right + i * columns * parts, factor, right + k * columns * parts, columns);
        }
    }
    return true;
}

static void substitute_back(const Matrix *m, double *right, int64_t columns)
{
    int64_t n = m->n;
    int parts = m->parts;
    for (int64_t k = n - 1; k >= 0; k--) {
        double *row = right + k * columns * parts;
        const double *pivot = m->at + (k * n + k) * parts;
        for (int64_t j = 0; j < columns; j++)
            divide(parts, row + j * parts, pivot, row + j * parts);
        for (int64_t i = 0; i < k; i++)
            subtract_row(parts, right + i * columns * parts, m->at + (i * n + k) * parts, row, columns);
    }
}

/* The argument as a stack of square matrices, copied to double precision. */
static Value square_arg(VM *vm, Value v, DType *original)
{
    Value a = reduce_input(vm, v), copy = V_ERR;
    if (IS_ERR(a))
        return V_ERR;
    const Array *x = ARRAY(a);
    *original = inexact((DType)x->dtype);
    if (x->ndim < 2)
        raise(vm, TY_LinAlgError, "%d-dimensional array given. Array must be at least two-dimensional", x->ndim);
    else if (x->shape[x->ndim - 1] != x->shape[x->ndim - 2])
        raise(vm, TY_LinAlgError, "Last 2 dimensions of the array must be square");
    else
        copy = array_copy(vm, a, dtype_info[*original].kind == 'c' ? DT_C128 : DT_F64, 'C');
    value_free(vm, a);
    return copy;
}

static Matrix matrix_of(const Array *a, int64_t index)
{
    int64_t n = a->shape[a->ndim - 1];
    int parts = a->dtype == DT_C128 ? 2 : 1;
    return (Matrix){ n, parts, (double *)(void *)a->data + index * n * n * parts };
}

static int64_t stack_size(const Array *a)
{
    int64_t count = 1;
    for (int k = 0; k < a->ndim - 2; k++)
        count *= a->shape[k];
    return count;
}

/* A fresh array cast to the dtype that the caller asked in. */
static Value cast_back(VM *vm, ALP_TAKE Value v, DType d)
{
    if (IS_ERR(v) || ARRAY(v)->dtype == d)
        return v;
    Value cast = array_copy(vm, v, d, 'C');
    value_free(vm, v);
    return cast;
}

/* As numpy: the sign, or phase, times exp of the sum of logarithms. */
static void determinant(Matrix *m, double out[2])
{
    int swaps = 0;
    double log_sum = 0.0, sign[2] = { 1.0, 0.0 };
    out[0] = out[1] = 0.0;
    if (!eliminate(m, NULL, 0, &swaps))
        return;
    sign[0] = swaps % 2 ? -1.0 : 1.0;
    for (int64_t k = 0; k < m->n; k++) {
        const double *z = m->at + (k * m->n + k) * m->parts;
        double size = m->parts == 1 ? fabs(z[0]) : hypot(z[0], z[1]);
        double re = z[0] / size, im = m->parts == 1 ? 0.0 : z[1] / size, old = sign[0];
        sign[0] = old * re - sign[1] * im;
        sign[1] = old * im + sign[1] * re;
        log_sum += log(size);
    }
    double scale = exp(log_sum);
    out[0] = sign[0] * scale;
    out[1] = sign[1] * scale;
}

static Value linalg_det(VM *vm, const Args *args)
{
    DType d;
    Value a = square_arg(vm, args->v[0], &d), result;
    if (IS_ERR(a))
        return V_ERR;
    result = array_new(vm, d, ARRAY(a)->ndim - 2, ARRAY(a)->shape, false);
    for (int64_t i = 0; !IS_ERR(result) && i < stack_size(ARRAY(a)); i++) {
        Matrix m = matrix_of(ARRAY(a), i);
        double det[2];
        determinant(&m, det);
        array_cast(d, ARRAY(result)->data + i * dtype_info[d].size, 0, m.parts == 2 ? DT_C128 : DT_F64, (const char *)det, 0, 1);
    }
    value_free(vm, a);
    return array_to_scalar(vm, result);
}

static Value linalg_inv(VM *vm, const Args *args)
{
    DType d;
    Value a = square_arg(vm, args->v[0], &d), result;
    if (IS_ERR(a))
        return V_ERR;
    result = array_new(vm, (DType)ARRAY(a)->dtype, ARRAY(a)->ndim, ARRAY(a)->shape, true);
    for (int64_t i = 0; !IS_ERR(result) && i < stack_size(ARRAY(a)); i++) {
        Matrix m = matrix_of(ARRAY(a), i), right = matrix_of(ARRAY(result), i);
        int swaps = 0;
        for (int64_t k = 0; k < m.n; k++)
            right.at[(k * m.n + k) * m.parts] = 1.0;
        if (!eliminate(&m, right.at, m.n, &swaps)) {
            raise(vm, TY_LinAlgError, "Singular matrix");
            value_free(vm, result);
            result = V_ERR;
            break;
        }
        substitute_back(&m, right.at, m.n);
    }
    value_free(vm, a);
    return cast_back(vm, result, d);
}

/* a x = b for one matrix a; b is a vector, or the columns of a matrix. */
static Value linalg_solve(VM *vm, const Args *args)
{
    DType da, db;
    Value a = square_arg(vm, args->v[0], &da), b = V_ERR, x = V_ERR;
    if (IS_ERR(a))
        return V_ERR;
    b = reduce_input(vm, args->v[1]);
    if (!IS_ERR(b)) {
        bool vector = ARRAY(b)->ndim == 1;
        int64_t n = ARRAY(a)->shape[ARRAY(a)->ndim - 1];
        db = inexact((DType)ARRAY(b)->dtype);
        da = dtype_promote(da, db);
        DType work = dtype_info[da].kind == 'c' ? DT_C128 : DT_F64;
        if (ARRAY(a)->ndim != 2 || ARRAY(b)->ndim == 0 || ARRAY(b)->ndim > 2)
            raise(vm, TY_NotImplementedError, "solve of stacks of matrices is not part of alpy");
        else if (ARRAY(b)->shape[0] != n)
            raise(vm, TY_ValueError, "solve%s: Input operand 1 has a mismatch in its core dimension 0, with gufunc signature "
                  "(m,m),(m%s)->(m%s) (size %lld is different from %lld)", vector ? "1" : "", vector ? "" : ",n", vector ? "" : ",n",
                  (long long)ARRAY(b)->shape[0], (long long)n);
        else if (ARRAY(a)->dtype != work)
            value_set(vm, &a, array_copy(vm, a, work, 'C'));
        if (!vm_has_exc(vm))
            x = array_copy(vm, b, work, 'C');
        if (!IS_ERR(x)) {
            Matrix m = matrix_of(ARRAY(a), 0);
            int swaps = 0;
            int64_t columns = vector ? 1 : ARRAY(b)->shape[1];
            double *right = (double *)(void *)ARRAY(x)->data;
            if (eliminate(&m, right, columns, &swaps)) {
                substitute_back(&m, right, columns);
            } else {
                raise(vm, TY_LinAlgError, "Singular matrix");
                value_free(vm, x);
                x = V_ERR;
            }
        }
    }
    value_free(vm, a);
    value_free(vm, b);
    return cast_back(vm, x, da);
}

/* ---- the module ----------------------------------------------------------------------------------------------------- */

static const NativeRow linalg_rows[] = {
    { "norm", linalg_norm, "x, ord=, axis=, keepdims=", "Norm of a vector or matrix." },
    { "det", linalg_det, "a", "Determinant." },
    { "inv", linalg_inv, "a", "Inverse of a matrix." },
    { "solve", linalg_solve, "a, b", "Solution x of a @ x = b." },
    { 0 },
};
static const NativeRow *const tables[] = { linalg_rows, NULL };

static Status init(VM *vm, Module *m)
{
    return module_set(vm, m, "LinAlgError", V_TYPE(TY_LinAlgError));
}

const ModuleDef mod_linalg = { "numpy.linalg", tables, init, TY_function };
