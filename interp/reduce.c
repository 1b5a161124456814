/* interp/reduce.c — reductions over axes: the walk over groups of elements, and sum, prod, min, max, any, all, count_nonzero.
 *
 * Each result element is a reduction of its own, of the group of elements that share its kept index, in C order of the reduced
 * axes.  Two ways through memory lead to the same bits:
 *   group by group   pieces of TREE_CHUNK elements, read in place if they are contiguous and of the right dtype, else gathered;
 *   column by column where neighbours in memory belong to neighbouring groups (a sum over axis 0): a block of groups is reduced
 *                    row by row, each column with accumulators of its own, the lanes of reduce_tree.h included. */
#include "interp/reduce.h"

#include <stdio.h>
#include <stdlib.h>

#include "interp/numpy_rows.h"
#include "interp/seq.h"
#include "interp/whole.h"

/* ---- the walk ------------------------------------------------------------------------------------------------------- */

void walk_init(ReduceWalk *w, const Array *a, uint32_t axes)
{
    w->n_kept = w->n_red = 0;
    w->n_groups = w->group_size = 1;
    for (int k = 0; k < a->ndim; k++) {
        int64_t n = a->shape[k], stride = a->strides[k];
        if (!(axes >> k & 1)) {
            w->kept_shape[w->n_kept] = n;
            w->kept_stride[w->n_kept++] = stride;
            w->n_groups *= n;
            continue;
        }
        w->group_size *= n;
        if (n == 1)
            continue;
        int last = w->n_red - 1;
        int64_t span;
        if (last >= 0 && !__builtin_mul_overflow(stride, n, &span) && w->red_stride[last] == span) {
            w->red_shape[last] *= n;
            w->red_stride[last] = stride;
        } else {
            w->red_shape[w->n_red] = n;
            w->red_stride[w->n_red++] = stride;
        }
    }
}

void walk_next_group(const ReduceWalk *w, int64_t *index, int64_t *offset)
{
    for (int k = w->n_kept - 1; k >= 0; k--) {
        *offset += w->kept_stride[k];
        if (++index[k] < w->kept_shape[k])
            return;
        *offset -= w->kept_stride[k] * w->kept_shape[k];
        index[k] = 0;
    }
}

void group_start(GroupCursor *c, const ReduceWalk *w, const char *first)
{
    c->walk = w;
    c->p = first;
    memset(c->index, 0, sizeof c->index);
}

void group_take(GroupCursor *c, DType to, char *dst, DType from, int64_t n)
{
    const ReduceWalk *w = c->walk;
    size_t size = dtype_info[to].size;
    if (w->n_red == 0) {                        /* groups of one element */
        if (n > 0)
            array_cast(to, dst, (int64_t)size, from, c->p, 0, 1);
        return;
    }
    int in = w->n_red - 1;
    while (n > 0) {
        int64_t run = w->red_shape[in] - c->index[in];
        if (run > n)
            run = n;
        array_cast(to, dst, (int64_t)size, from, c->p, w->red_stride[in], run);
        dst += (size_t)run * size;
        n -= run;
        c->index[in] += run;
        c->p += run * w->red_stride[in];
        for (int k = in; k > 0 && c->index[k] == w->red_shape[k]; k--) {
            c->p += w->red_stride[k - 1] - w->red_stride[k] * w->red_shape[k];
            c->index[k] = 0;
            c->index[k - 1]++;
        }
    }
}

/* ---- arguments and results ------------------------------------------------------------------------------------------ */

static Status add_axis(VM *vm, Value v, int ndim, uint32_t *axes)
{
    int axis;
    TRY(axis_arg(vm, v, ndim, &axis));
    if (*axes >> axis & 1) {
        raise(vm, TY_ValueError, "duplicate value in 'axis'");
        return ALP_FAIL;
    }
    *axes |= 1u << axis;
    return ALP_OK;
}

Status reduce_axes_arg(VM *vm, Value axis, int ndim, bool scalar_axis, uint32_t *axes)
{
    *axes = 0;
    if (!arg_given(axis)) {
        *axes = (1u << ndim) - 1;
        return ALP_OK;
    }
    if (axis.tag == T_Bool) {
        raise(vm, TY_TypeError, "an integer is required");
        return ALP_FAIL;
    }
    if (axis.tag == T_Tuple) {
        for (size_t k = 0; k < TUPLE(axis)->count; k++)
            TRY(add_axis(vm, TUPLE(axis)->item[k], ndim, axes));
        return ALP_OK;
    }
    int64_t k;
    if (ndim == 0 && scalar_axis) {
        TRY(arg_int(vm, axis, &k));
        if (k == 0 || k == -1)
            return ALP_OK;
    }
    return add_axis(vm, axis, ndim, axes);
}

Status reduce_flag_arg(VM *vm, Value v, bool *out)
{
    *out = false;
    if (v.tag == T_Unbound)
        return ALP_OK;
    int64_t x;
    TRY(arg_int(vm, v, &x));
    *out = x != 0;
    return ALP_OK;
}

Value reduce_input(VM *vm, Value v)
{
    return array_from_value(vm, v, DT_COUNT);
}

Status one_axis_arg(VM *vm, Value axis, ALP_TAKE Value *a, int *out)
{
    if (arg_given(axis) && ARRAY(*a)->ndim > 0)
        return axis_arg(vm, axis, ARRAY(*a)->ndim, out);
    Array *x = ARRAY(*a);
    Value flat = array_copy(vm, *a, (DType)x->dtype, 'C');
    if (IS_ERR(flat))
        return ALP_FAIL;
    x = ARRAY(flat);
    x->shape[0] = x->size;
    x->strides[0] = dtype_info[x->dtype].size;
    x->ndim = 1;
    array_update_flags(x);
    value_set(vm, a, flat);
    *out = 0;
    return arg_given(axis) ? axis_arg(vm, axis, 1, out) : ALP_OK;
}

DType reduce_sum_dtype(DType d)
{
    switch (dtype_info[d].kind) {
    case 'b': case 'i': return DT_I64;
    case 'u': return DT_U64;
    default: return d;
    }
}

int reduce_shape(const Array *a, uint32_t axes, bool keepdims, int64_t *shape)
{
    int n = 0;
    for (int k = 0; k < a->ndim; k++) {
        if (!(axes >> k & 1))
            shape[n++] = a->shape[k];
        else if (keepdims)
            shape[n++] = 1;
    }
    return n;
}

Value array_to_scalar(VM *vm, ALP_TAKE Value a)
{
    if (IS_ERR(a) || ARRAY(a)->ndim > 0)
        return a;
    Value v = array_load(vm, (DType)ARRAY(a)->dtype, ARRAY(a)->data);
    value_free(vm, a);
    return v;
}

/* The text of NumPy's iterator for an `out` that does not fit: each shape with its axes as they stand in the operand. */
static Value raise_out_shape(VM *vm, const Array *out, const Array *a, uint32_t axes, bool keepdims)
{
    char given[256], operand[256], mapped[256] = "(";
    size_t used = 1;
    shape_text(given, sizeof given, out->ndim, out->shape);
    shape_text(operand, sizeof operand, a->ndim, a->shape);
    for (int k = 0, j = 0; k < a->ndim; k++) {
        bool gone = (axes >> k & 1) && !keepdims;
        if (gone && j == 0)
            continue;
        const char *comma = used > 1 ? "," : "";
        int n = gone ? snprintf(mapped + used, sizeof mapped - used, "%snewaxis", comma)
                     : snprintf(mapped + used, sizeof mapped - used, "%s%lld", comma, (long long)out->shape[j++]);
        used += (size_t)n;
    }
    return raise(vm, TY_ValueError, "operands could not be broadcast together with remapped shapes [original->remapped]: "
                 "%s->%s) %s ", given, mapped, operand);
}

Value reduce_deliver(VM *vm, ALP_TAKE Value result, Value out, const Array *a, uint32_t axes, bool keepdims, const char *name)
{
    if (!arg_given(out) || IS_ERR(result))
        return array_to_scalar(vm, result);
    const Array *r = ARRAY(result);
    if (out.tag != T_Array) {
        raise(vm, TY_TypeError, "return arrays must be of ArrayType");
    } else if (ARRAY(out)->ndim != r->ndim) {
        raise(vm, TY_ValueError, "output parameter for reduction operation %s has the wrong number of dimensions: Found %d but "
              "expected %d%s", name, ARRAY(out)->ndim, r->ndim, keepdims ? " (must match the operand's when keepdims=True)" : "");
    } else {
        bool same = true;
        for (int k = 0; k < r->ndim; k++) {
            if (ARRAY(out)->shape[k] != r->shape[k])
                same = false;
        }
        if (!same)
            raise_out_shape(vm, ARRAY(out), a, axes, keepdims);
        else
            array_assign(vm, ARRAY(out), result);
    }
    value_free(vm, result);
    return vm_has_exc(vm) ? V_ERR : value_ref(out);
}

/* ---- reducing ------------------------------------------------------------------------------------------------------- */

typedef struct Job {
    ReduceWalk walk;
    TreeOp     op;
    DType      from, to;
    const char *start;          /* s0; NULL: the first element */
    char      *work;            /* room for TREE_CHUNK elements; for columns: acc, row and the lanes of every level */
} Job;

static bool is_direct(const Job *j, int64_t stride)
{
    return j->from == j->to && stride == dtype_info[j->to].size;
}

/* How many of n bools are true: the commonest sum of another dtype than its elements'. */
static int64_t count_true(const char *p, int64_t n)
{
    const unsigned char *b = (const unsigned char *)p;
    int64_t count = 0;
    while (n > 0) {
        uint8_t lane[TREE_LANES] = { 0 };       /* no lane can overflow within 255 rows */
        int64_t rows = n / TREE_LANES < 255 ? n / TREE_LANES : 255;
        for (int64_t r = 0; r < rows; r++, b += TREE_LANES)
            for (int l = 0; l < TREE_LANES; l++)
                lane[l] = (uint8_t)(lane[l] + (b[l] != 0));
        n -= rows * TREE_LANES;
        for (int l = 0; l < TREE_LANES; l++)
            count += lane[l];
        for (; rows == 0 && n > 0; n--)
            count += *b++ != 0;
    }
    return count;
}

/* One group, first element at p, into dst. */
static void reduce_group(const Job *j, const char *p, char *dst)
{
    const ReduceWalk *w = &j->walk;
    size_t size = dtype_info[j->to].size;
    bool direct = w->n_red == 1 && is_direct(j, w->red_stride[0]);
    GroupCursor c;
    group_start(&c, w, p);
    TreeState t;
    if (j->from == DT_Bool && j->to == DT_I64 && j->op == TREE_Add && j->start && w->n_red == 1 && w->red_stride[0] == 1) {
        int64_t count = count_true(p, w->group_size);
        memcpy(dst, j->start, size);
        tree_combine(TREE_Add, DT_I64, dst, &count, 1);
        return;
    }
    if (w->group_size <= TREE_PROGRAM && j->start) {        /* short cut past the state of a tree */
        TreeValue v;
        memcpy(&v, j->start, size);
        if (!direct)
            group_take(&c, j->to, j->work, j->from, w->group_size);
        tree_sequence(j->op, j->to, &v, direct ? p : j->work, w->group_size);
        memcpy(dst, &v, size);
        return;
    }
    if (direct) {
        tree_begin(&t, j->op, j->to, w->group_size, j->start, p);
        tree_push(&t, p, w->group_size);
    } else {
        for (int64_t done = 0; done < w->group_size; done += TREE_CHUNK) {
            int64_t n = w->group_size - done < TREE_CHUNK ? w->group_size - done : TREE_CHUNK;
            group_take(&c, j->to, j->work, j->from, n);
            if (done == 0)
                tree_begin(&t, j->op, j->to, w->group_size, j->start, j->work);
            tree_push(&t, j->work, n);
        }
    }
    TreeValue v = tree_end(&t);
    memcpy(dst, &v, size);
}

enum { COLUMNS = 256 };         /* reduced at once */

static int tree_levels(int64_t n)
{
    int levels = 0;
    for (; n > 1; n = n / TREE_CHUNK + (n % TREE_CHUNK != 0))
        levels++;
    return levels;
}

/* Does the order of the operations show in the bits? */
static bool needs_order(TreeOp op, DType d)
{
    return (op == TREE_Add || op == TREE_Mul) && (dtype_info[d].kind == 'f' || dtype_info[d].kind == 'c');
}

/* Row i of a block of `width` columns, as contiguous elements of dtype `to`. */
static const char *fetch_row(const Job *j, const char *p, int64_t col_stride, int64_t width, char *row)
{
    if (is_direct(j, col_stride))
        return p;
    array_cast(j->to, row, dtype_info[j->to].size, j->from, p, col_stride, width);
    return row;
}

/* Columns in program order: acc starts as s0 or the first row. */
static void reduce_columns_plain(const Job *j, const char *p, int64_t col_stride, int64_t width, char *acc, char *row)
{
    size_t size = dtype_info[j->to].size;
    int64_t n = j->walk.group_size, stride = j->walk.red_stride[0], i = 0;
    if (j->start)
        tree_fill(acc, j->start, size, width);
    else
        memcpy(acc, fetch_row(j, p, col_stride, width, row), (size_t)width * size), i = 1;
    for (; i < n; i++)
        tree_combine(j->op, j->to, acc, fetch_row(j, p + i * stride, col_stride, width, row), width);
}

/* One lane of a chunk: its rows, TREE_LANES apart, into acc. */
static void add_lane(const Job *j, const char *p, int64_t n_rows, int64_t col_stride, int64_t width, char *acc, char *row)
{
    for (int64_t i = 0; i < n_rows; i += TREE_LANES)
        tree_combine(j->op, j->to, acc, fetch_row(j, p + i * j->walk.red_stride[0], col_stride, width, row), width);
}

/* Columns by the canonical tree; lanes: TREE_LANES rows of `width` elements per level.  A chunk is read lane by lane, so that the
 * lane's accumulators stay in the first-level cache. */
static void reduce_columns_tree(const Job *j, const char *p, int64_t col_stride, int64_t width, char *acc, char *row, char *lanes)
{
    size_t size = dtype_info[j->to].size, line = (size_t)width * size, block = line * TREE_LANES;
    int64_t n = j->walk.group_size, stride = j->walk.red_stride[0], count[TREE_LEVELS] = { 0 };
    int levels = tree_levels(n);
    TreeValue identity = tree_identity(j->op, j->to, p);
    for (int k = 0; k < levels; k++)
        tree_fill(lanes + (size_t)k * block, &identity, size, width * TREE_LANES);
    for (int64_t first = 0; first < n; first += TREE_CHUNK) {
        int64_t rows = n - first < TREE_CHUNK ? n - first : TREE_CHUNK;
        bool last = first + rows == n;
        for (int lane = 0; lane < TREE_LANES && lane < rows; lane++)
            add_lane(j, p + (first + lane) * stride, rows - lane, col_stride, width, lanes + (size_t)lane * line, row);
        count[0] = TREE_CHUNK;
        for (int k = 0; k < levels && (count[k] == TREE_CHUNK || (last && count[k] > 0)); k++) {
            char *level = lanes + (size_t)k * block;
            tree_fold_rows(j->op, j->to, level, width);
            if (k + 1 < levels) {
                tree_combine(j->op, j->to, level + block + (size_t)(count[k + 1] % TREE_LANES) * line, level, width);
                count[k + 1]++;
            } else {
                memcpy(row, level, line);
            }
            tree_fill(level, &identity, size, width * TREE_LANES);
            count[k] = 0;
        }
    }
    if (j->start) {
        tree_fill(acc, j->start, size, width);
        tree_combine(j->op, j->to, acc, row, width);
    } else {
        memcpy(acc, row, line);
    }
}

/* The kept axis along which groups lie closer together in memory than the elements of one group; -1: none worth it. */
static int column_axis(const Job *j)
{
    const ReduceWalk *w = &j->walk;
    if (w->n_red != 1 || w->n_groups == 0)
        return -1;
    int best = -1;
    for (int k = 0; k < w->n_kept; k++) {
        if (w->kept_shape[k] >= 8 && llabs(w->kept_stride[k]) < llabs(w->red_stride[0])
            && (best < 0 || llabs(w->kept_stride[k]) < llabs(w->kept_stride[best])))
            best = k;
    }
    return best;
}

/* All groups, with axis c of the kept ones as columns. */
static void reduce_by_columns(const Job *j, const char *data, char *dst, int c)
{
    ReduceWalk outer = j->walk;                 /* the kept axes but c */
    size_t size = dtype_info[j->to].size;
    int64_t dst_stride[ALP_MAX_NDIM], step = (int64_t)size, columns = j->walk.kept_shape[c], col_stride = j->walk.kept_stride[c];
    for (int k = j->walk.n_kept - 1; k >= 0; k--) {
        dst_stride[k] = step;
        step *= j->walk.kept_shape[k];
    }
    int64_t col_dst = dst_stride[c];
    outer.n_kept--;
    for (int k = c; k < outer.n_kept; k++) {
        outer.kept_shape[k] = outer.kept_shape[k + 1];
        outer.kept_stride[k] = outer.kept_stride[k + 1];
        dst_stride[k] = dst_stride[k + 1];
    }
    bool tree = needs_order(j->op, j->to) && j->walk.group_size > TREE_PROGRAM;
    char *acc = j->work, *row = acc + COLUMNS * 16, *lanes = row + COLUMNS * 16;
    int64_t index[ALP_MAX_NDIM] = { 0 }, offset = 0;
    for (int64_t g = 0; g < outer.n_groups / columns; g++) {
        char *to = dst;
        for (int k = 0; k < outer.n_kept; k++)
            to += index[k] * dst_stride[k];
        for (int64_t first = 0; first < columns; first += COLUMNS) {
            int64_t width = columns - first < COLUMNS ? columns - first : COLUMNS;
            const char *p = data + offset + first * col_stride;
            if (tree)
                reduce_columns_tree(j, p, col_stride, width, acc, row, lanes);
            else
                reduce_columns_plain(j, p, col_stride, width, acc, row);
            for (int64_t i = 0; i < width; i++)
                memcpy(to + (first + i) * col_dst, acc + (size_t)i * size, size);
        }
        walk_next_group(&outer, index, &offset);
    }
}

static void reduce_by_groups(const Job *j, const char *data, char *dst)
{
    int64_t index[ALP_MAX_NDIM] = { 0 }, offset = 0;
    for (int64_t g = 0; g < j->walk.n_groups; g++) {
        reduce_group(j, data + offset, dst + (size_t)g * dtype_info[j->to].size);
        walk_next_group(&j->walk, index, &offset);
    }
}

static Value reduce(VM *vm, const Array *a, uint32_t axes, bool keepdims, TreeOp op, DType d, Value initial, const char *name, bool there)
{
    Job j = { .op = op, .from = (DType)a->dtype, .to = d };
    int64_t shape[ALP_MAX_NDIM];
    TreeValue start = { .u64 = 0 };
    if (initial.tag == T_Unbound && (op == TREE_Add || op == TREE_Mul)) {
        if (op == TREE_Mul)                     /* sums start from +0.0, as NumPy's, not from the lanes' identity */
            start = tree_identity(op, d, NULL);
        j.start = start.bytes;
    } else if (arg_given(initial)) {
        if (array_store(vm, d, start.bytes, initial) != ALP_OK)
            return V_ERR;
        j.start = start.bytes;
    }
    walk_init(&j.walk, a, axes);
    if (j.walk.group_size == 0 && !j.start)
        return raise(vm, TY_ValueError, "zero-size array to reduction operation %s which has no identity", name);
    Value result = array_new(vm, d, reduce_shape(a, axes, keepdims, shape), shape, false);
    if (IS_ERR(result) || j.walk.n_groups == 0)
        return result;
    WholeVerdict verdict = j.walk.group_size && whole_is_wanted(vm, &a, 1) ? whole_reduce(vm, op, a, &j.walk, j.start, ARRAY(result), there) : WHOLE_LEFT;
    if (verdict == WHOLE_DONE)
        return result;
    if (verdict == WHOLE_RAISED || array_to_host(vm, a, HOST_Read) != ALP_OK || array_to_host(vm, ARRAY(result), HOST_Write) != ALP_OK) {
        value_free(vm, result);
        return V_ERR;
    }
    char *dst = ARRAY(result)->data;
    if (j.walk.group_size == 0) {
        tree_fill(dst, j.start, dtype_info[d].size, j.walk.n_groups);
        return result;
    }
    int c = column_axis(&j);
    size_t work_size = (size_t)TREE_CHUNK * 16;
    if (c >= 0 && needs_order(op, d) && j.walk.group_size > TREE_PROGRAM)
        work_size = (size_t)COLUMNS * 16 * (2 + (size_t)tree_levels(j.walk.group_size) * TREE_LANES);
    j.work = vm_alloc(vm, work_size);
    if (!j.work) {
        value_free(vm, result);
        return V_ERR;
    }
    if (c >= 0)
        reduce_by_columns(&j, a->data, dst, c);
    else
        reduce_by_groups(&j, a->data, dst);
    vm_dealloc(vm, j.work, work_size);
    return result;
}

Value reduce_array(VM *vm, const Array *a, uint32_t axes, bool keepdims, TreeOp op, DType d, Value initial, const char *name)
{
    return reduce(vm, a, axes, keepdims, op, d, initial, name, false);
}

Value reduce_array_there(VM *vm, const Array *a, uint32_t axes, bool keepdims, TreeOp op, DType d, Value initial, const char *name)
{
    return reduce(vm, a, axes, keepdims, op, d, initial, name, true);
}

/* ---- sum, prod, min, max, any, all, count_nonzero --------------------------------------------------------------------- */

/* Positions of the arguments in a row's parameters; -1: it has none of the kind. */
typedef struct ReduceSpec {
    const char *name;           /* of the ufunc */
    TreeOp op;
    int8_t dtype, out, keepdims, initial;
} ReduceSpec;

static Value arg_at(const Args *args, int k)
{
    return k < 0 ? V_UNBOUND : args->v[k];
}

static Value reduce_call(VM *vm, const Args *args, const ReduceSpec *spec, DType fixed)
{
    Value a = reduce_input(vm, args->v[0]), out = arg_at(args, spec->out), dtype = arg_at(args, spec->dtype);
    if (IS_ERR(a))
        return V_ERR;
    DType d = fixed != DT_COUNT ? fixed : (DType)ARRAY(a)->dtype;
    uint32_t axes;
    bool keepdims, sums = spec->op == TREE_Add || spec->op == TREE_Mul;
    Value result = V_ERR;
    if (fixed == DT_COUNT && sums) {
        /* As ufunc.reduce: without dtype and out, small integers widen; out alone takes part in the promotion. */
        if (arg_given(out) && out.tag == T_Array)
            d = dtype_promote(d, (DType)ARRAY(out)->dtype);
        else
            d = reduce_sum_dtype(d);
    }
    if ((!arg_given(dtype) || dtype_arg(vm, dtype, d, &d) == ALP_OK)
        && reduce_axes_arg(vm, args->v[1], ARRAY(a)->ndim, true, &axes) == ALP_OK
        && reduce_flag_arg(vm, arg_at(args, spec->keepdims), &keepdims) == ALP_OK) {
        result = reduce_array_there(vm, ARRAY(a), axes, keepdims, spec->op, d, arg_at(args, spec->initial), spec->name);
        result = reduce_deliver(vm, result, out, ARRAY(a), axes, keepdims, spec->name);
    }
    value_free(vm, a);
    return result;
}

#define REDUCE_FN(fn, fixed, ...) \
    static Value fn(VM *vm, const Args *args) \
    { \
        static const ReduceSpec spec = { __VA_ARGS__ }; \
        return reduce_call(vm, args, &spec, fixed); \
    }
/*                                                 dtype out keepdims initial */
REDUCE_FN(np_sum,  DT_COUNT, "add", TREE_Add,          2, 3, 4, 5)
REDUCE_FN(np_prod, DT_COUNT, "multiply", TREE_Mul,     2, 3, 4, 5)
REDUCE_FN(np_min,  DT_COUNT, "minimum", TREE_Min,     -1, 2, 3, 4)
REDUCE_FN(np_max,  DT_COUNT, "maximum", TREE_Max,     -1, 2, 3, 4)
REDUCE_FN(np_any,  DT_Bool,  "logical_or", TREE_Add,  -1, 2, 3, -1)
REDUCE_FN(np_all,  DT_Bool,  "logical_and", TREE_Mul, -1, 2, 3, -1)

static Value np_count_nonzero(VM *vm, const Args *args)
{
    Value a = reduce_input(vm, args->v[0]), result = V_ERR;
    if (IS_ERR(a))
        return V_ERR;
    uint32_t axes;
    bool keepdims;
    if (ARRAY(a)->dtype != DT_Bool)
        value_set(vm, &a, array_copy(vm, a, DT_Bool, 'C'));
    if (!IS_ERR(a) && reduce_axes_arg(vm, args->v[1], ARRAY(a)->ndim, false, &axes) == ALP_OK
        && reduce_flag_arg(vm, args->v[2], &keepdims) == ALP_OK)
        result = array_to_scalar(vm, reduce_array(vm, ARRAY(a), axes, keepdims, TREE_Add, DT_I64, V_UNBOUND, "add"));
    value_free(vm, a);
    return result;
}

/* ---- tables --------------------------------------------------------------------------------------------------------- */

const NativeRow reduce_numpy_rows[] = {
    { "sum", np_sum, "a, axis=, dtype=, out=, keepdims=, initial=", "Sum of elements over axes.", NATIVE_WHOLE },
    { "prod", np_prod, "a, axis=, dtype=, out=, keepdims=, initial=", "Product of elements over axes.", NATIVE_WHOLE },
    { "min", np_min, "a, axis=, out=, keepdims=, initial=", "Least element over axes; a NaN wins.", NATIVE_WHOLE },
    { "max", np_max, "a, axis=, out=, keepdims=, initial=", "Greatest element over axes; a NaN wins.", NATIVE_WHOLE },
    { "amin", np_min, "a, axis=, out=, keepdims=, initial=", "Least element over axes; a NaN wins.", NATIVE_WHOLE },
    { "amax", np_max, "a, axis=, out=, keepdims=, initial=", "Greatest element over axes; a NaN wins.", NATIVE_WHOLE },
    { "any", np_any, "a, axis=, out=, keepdims=", "Is any element true?" },
    { "all", np_all, "a, axis=, out=, keepdims=", "Are all elements true?" },
    { "count_nonzero", np_count_nonzero, "a, axis=, *, keepdims=", "Number of elements that are not zero." },
    { "mean", np_mean, "a, axis=, dtype=, out=, keepdims=", "Arithmetic mean over axes.", NATIVE_WHOLE },
    { "var", np_var, "a, axis=, dtype=, out=, ddof=, keepdims=", "Variance over axes." },
    { "std", np_std, "a, axis=, dtype=, out=, ddof=, keepdims=", "Standard deviation over axes." },
    { "average", np_average, "a, axis=, weights=", "Weighted mean over axes." },
    { "median", np_median, "a, axis=, *, keepdims=", "Median over axes." },
    { "ptp", np_ptp, "a, axis=, out=, keepdims=", "Greatest minus least element over axes." },
    { "nansum", np_nansum, "a, axis=, dtype=, out=, keepdims=", "Sum over axes, NaNs counted as zero." },
    { "nanprod", np_nanprod, "a, axis=, dtype=, out=, keepdims=", "Product over axes, NaNs counted as one." },
    { "nanmin", np_nanmin, "a, axis=, out=, keepdims=", "Least element over axes, NaNs ignored." },
    { "nanmax", np_nanmax, "a, axis=, out=, keepdims=", "Greatest element over axes, NaNs ignored." },
    { "nanmean", np_nanmean, "a, axis=, dtype=, out=, keepdims=", "Mean over axes, NaNs ignored." },
    { "argmin", np_argmin, "a, axis=, out=, *, keepdims=", "Index of the first least element." },
    { "argmax", np_argmax, "a, axis=, out=, *, keepdims=", "Index of the first greatest element." },
    { "cumsum", np_cumsum, "a, axis=, dtype=, out=", "Sums of the elements up to each one." },
    { "cumprod", np_cumprod, "a, axis=, dtype=, out=", "Products of the elements up to each one." },
    { "diff", np_diff, "a, n=, axis=", "Differences of neighbouring elements." },
    { "sort", np_sort, "a, axis=, kind=, *, stable=", "Sorted copy." },
    { "argsort", np_argsort, "a, axis=, kind=, *, stable=", "Indices that sort; equal elements keep their order." },
    { "unique", np_unique, "ar, return_index=, return_inverse=, return_counts=", "Sorted distinct elements." },
    { "searchsorted", np_searchsorted, "a, v, side=", "Where elements would be inserted to keep order." },
    { "bincount", np_bincount, "x, /, weights=, minlength=", "Number of occurrences of each small integer." },
    { "histogram", np_histogram, "a, bins=, range=, density=", "Histogram and the edges of its bins." },
    { 0 },
};

const NativeRow array_reduce_methods[] = {
    { "sum", np_sum, "axis=, dtype=, out=, keepdims=, initial=", "Sum of elements over axes.", NATIVE_WHOLE },
    { "prod", np_prod, "axis=, dtype=, out=, keepdims=, initial=", "Product of elements over axes.", NATIVE_WHOLE },
    { "min", np_min, "axis=, out=, keepdims=, initial=", "Least element over axes; a NaN wins.", NATIVE_WHOLE },
    { "max", np_max, "axis=, out=, keepdims=, initial=", "Greatest element over axes; a NaN wins.", NATIVE_WHOLE },
    { "any", np_any, "axis=, out=, keepdims=", "Is any element true?" },
    { "all", np_all, "axis=, out=, keepdims=", "Are all elements true?" },
    { "mean", np_mean, "axis=, dtype=, out=, keepdims=", "Arithmetic mean over axes.", NATIVE_WHOLE },
    { "var", np_var, "axis=, dtype=, out=, ddof=, keepdims=", "Variance over axes." },
    { "std", np_std, "axis=, dtype=, out=, ddof=, keepdims=", "Standard deviation over axes." },
    { "argmin", np_argmin, "axis=, out=, *, keepdims=", "Index of the first least element." },
    { "argmax", np_argmax, "axis=, out=, *, keepdims=", "Index of the first greatest element." },
    { "cumsum", np_cumsum, "axis=, dtype=, out=", "Sums of the elements up to each one." },
    { "cumprod", np_cumprod, "axis=, dtype=, out=", "Products of the elements up to each one." },
    { "sort", array_sort_method, "axis=, kind=, *, stable=", "Sort in place.", NATIVE_WRITES },
    { "argsort", np_argsort, "axis=, kind=, *, stable=", "Indices that sort; equal elements keep their order." },
    { "searchsorted", np_searchsorted, "v, side=", "Where elements would be inserted to keep order." },
    { "dot", np_dot, "b, out=", "Dot product.", NATIVE_VIEWS },
    { "trace", np_trace, "offset=, axis1=, axis2=", "Sum along a diagonal." },
    { 0 },
};
