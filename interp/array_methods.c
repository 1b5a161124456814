/* interp/array_methods.c — attributes and methods of numpy.ndarray, but for reductions (reduce.c). */
#include <inttypes.h>

#include "interp/array_util.h"
#include "interp/native.h"
#include "interp/ops.h"
#include "interp/seq.h"
#include "interp/str.h"
#include "interp/ufunc.h"

/* ---- attributes ---------------------------------------------------------------------------------------------------------- */
static Value int_tuple(VM *vm, int n, const int64_t *x)
{
    Value t = tuple_new(vm, NULL, (size_t)n);
    for (int k = 0; !IS_ERR(t) && k < n; k++)
        TUPLE(t)->item[k] = V_INT(x[k]);
    return t;
}

/* a.flags: what it says is what held when it was made. */
typedef struct Flags { bool c_contig, f_contig, writeable; int ndim; } Flags;

static Value flags_getattr(VM *vm, Value self, const char *name)
{
    const Flags *f = (const Flags *)(const void *)FOREIGN(self)->data;
    if (!strcmp(name, "c_contiguous") || !strcmp(name, "contiguous"))
        return V_BOOL(f->c_contig);
    if (!strcmp(name, "f_contiguous"))
        return V_BOOL(f->f_contig);
    if (!strcmp(name, "fortran") || !strcmp(name, "fnc"))
        return V_BOOL(f->f_contig && !f->c_contig);
    if (!strcmp(name, "forc"))
        return V_BOOL(f->f_contig || f->c_contig);
    if (!strcmp(name, "writeable"))
        return V_BOOL(f->writeable);
    if (!strcmp(name, "aligned"))
        return V_BOOL(true);
    return V_UNBOUND;
}

static Value flags_index(VM *vm, Value self, Value key)
{
    static const struct { const char *key, *name; } names[] = {
        { "C_CONTIGUOUS", "c_contiguous" }, { "C", "c_contiguous" }, { "F_CONTIGUOUS", "f_contiguous" }, { "F", "f_contiguous" },
        { "WRITEABLE", "writeable" }, { "W", "writeable" }, { "ALIGNED", "aligned" }, { "A", "aligned" },
    };
    for (size_t k = 0; key.tag == T_Str && k < COUNT_OF(names); k++)
        if (!strcmp(STR(key)->text, names[k].key))
            return flags_getattr(vm, self, names[k].name);
    return raise(vm, TY_KeyError, "'Unknown flag'");
}

static const ForeignClass flags_class = { .name = "flagsobj", .module = "numpy", .getattr = flags_getattr, .index = flags_index };

static Value array_flags(VM *vm, const Array *a)
{
    Value v = foreign_new(vm, &flags_class, sizeof(Flags));
    if (!IS_ERR(v))
        *(Flags *)(void *)FOREIGN(v)->data = (Flags){ a->c_contig, a->f_contig, !a->readonly, a->ndim };
    return v;
}

/* The elements in C order as one axis: a view if there is one, else a copy that cannot be written (writes would be lost). */
static Value array_flat(VM *vm, Value v)
{
    Value flat = array_ravel(vm, v, 'C');
    if (!IS_ERR(flat) && ARRAY(flat)->buf != ARRAY(v)->buf)
        ARRAY(flat)->readonly = true;
    return flat;
}

const char *const array_attr_names[] = {
    "T", "ctypes", "dtype", "flags", "flat", "imag", "itemsize", "mT", "nbytes", "ndim", "real", "shape", "size", "strides", NULL
};

Value array_attr(VM *vm, Value v, const char *name)
{
    const Array *a = ARRAY(v);
    int64_t item = dtype_info[a->dtype].size;
    switch (name[0]) {
    case 's':
        if (!strcmp(name, "shape"))
            return int_tuple(vm, a->ndim, a->shape);
        if (!strcmp(name, "size"))
            return V_INT(a->size);
        if (!strcmp(name, "strides"))
            return int_tuple(vm, a->ndim, a->strides);
        break;
    case 'n':
        if (!strcmp(name, "ndim"))
            return V_INT(a->ndim);
        if (!strcmp(name, "nbytes"))
            return V_INT(a->size * item);
        break;
    case 'T':
        if (!name[1])
            return array_transpose_args(vm, v, NULL, 0);
        break;
    case 'm':
        if (strcmp(name, "mT"))
            break;
        if (a->ndim < 2)
            return raise(vm, TY_ValueError, "matrix transpose with ndim < 2 is undefined");
        return array_swap_axes(vm, v, V_INT(-1), V_INT(-2));
    case 'd':
        if (!strcmp(name, "dtype"))
            return V_DTYPE(a->dtype);
        break;
    case 'i':
        if (!strcmp(name, "itemsize"))
            return V_INT(item);
        if (!strcmp(name, "imag"))
            return array_part(vm, v, true);
        break;
    case 'r':
        if (!strcmp(name, "real"))
            return array_part(vm, v, false);
        break;
    case 'f':
        if (!strcmp(name, "flags"))
            return array_flags(vm, a);
        if (!strcmp(name, "flat"))
            return array_flat(vm, v);
        break;
    case 'c':
        if (!strcmp(name, "ctypes"))
            return array_ctypes_attr(vm, v);
        break;
    default:
        break;
    }
    return V_UNBOUND;
}

/* ---- methods; args->v[0] is the array ---------------------------------------------------------------------------------------- */
#define SELF (args->v[0])

static Value m_copy(VM *vm, const Args *args)
{
    char order;
    return order_arg(vm, args->v[1], 'C', &order) == ALP_OK ? array_copy_there(vm, SELF, (DType)ARRAY(SELF)->dtype, order) : V_ERR;
}

/* dtype, order, casting, subok, copy */
static Value m_astype(VM *vm, const Args *args)
{
    const Value *v = args->v;
    const Array *a = ARRAY(SELF);
    DType d;
    char order, casting;
    int copy = v[5].tag == T_Unbound ? 1 : arg_truth(vm, v[5]);
    if (copy < 0 || dtype_arg(vm, v[1], DT_F64, &d) != ALP_OK || order_arg(vm, v[2], 'K', &order) != ALP_OK ||
        casting_arg(vm, v[3], 'u', &casting) != ALP_OK)
        return V_ERR;
    if (!dtype_can_cast((DType)a->dtype, d, casting))
        return raise(vm, TY_TypeError, "Cannot cast array data from dtype('%s') to dtype('%s') according to the rule '%s'",
                     dtype_info[a->dtype].name, dtype_info[d].name, STR(v[3])->text);
    bool in_order = order == 'C' ? a->c_contig : order == 'F' ? a->f_contig : true;
    if (!copy && d == (DType)a->dtype && in_order)
        return value_ref(SELF);
    return array_copy_there(vm, SELF, d, order);
}

static Value m_reshape(VM *vm, const Args *args)
{
    char order;
    return order_arg(vm, args->v[1], 'C', &order) == ALP_OK ? array_reshape_args(vm, SELF, args->rest, args->n_rest, order) : V_ERR;
}

static Value m_ravel(VM *vm, const Args *args)
{
    char order;
    return order_arg(vm, args->v[1], 'C', &order) == ALP_OK ? array_ravel(vm, SELF, order) : V_ERR;
}

static Value m_flatten(VM *vm, const Args *args)
{
    char order;
    return order_arg(vm, args->v[1], 'C', &order) == ALP_OK ? array_flatten(vm, SELF, order) : V_ERR;
}

static Value m_fill(VM *vm, const Args *args)
{
    _Alignas(16) char element[16];
    Array *a = ARRAY(SELF);
    if (array_check_writable(vm, a) != ALP_OK || array_store(vm, (DType)a->dtype, element, args->v[1]) != ALP_OK)
        return V_ERR;
    Array one = { .dtype = a->dtype, .data = element };
    array_update_flags(&one);
    array_copy_into(a, &one);
    return V_NONE;
}

static Value m_transpose(VM *vm, const Args *args)
{
    return array_transpose_args(vm, SELF, args->rest, args->n_rest);
}

static Value m_tolist(VM *vm, const Args *args)
{
    return array_tolist(vm, ARRAY(SELF));
}

static Value m_item(VM *vm, const Args *args)
{
    const Array *a = ARRAY(SELF);
    const Value *key = args->rest;
    uint32_t n = args->n_rest;
    int64_t index[ALP_MAX_NDIM];
    if (n == 0) {
        if (a->size != 1)
            return raise(vm, TY_ValueError, "can only convert an array of size 1 to a Python scalar");
        return array_item(vm, (DType)a->dtype, a->data);
    }
    if (n == 1 && key[0].tag == T_Tuple) {
        n = (uint32_t)TUPLE(key[0])->count;
        key = TUPLE(key[0])->item;
    } else if (n == 1) {
        int64_t i;
        if (arg_int(vm, key[0], &i) != ALP_OK)
            return V_ERR;
        if (i < -a->size || i >= a->size)
            return raise(vm, TY_IndexError, "index %" PRId64 " is out of bounds for size %" PRId64, i, a->size);
        if (i < 0)
            i += a->size;
        for (int k = a->ndim - 1; k >= 0; k--) {
            index[k] = i % a->shape[k];
            i /= a->shape[k];
        }
        return array_item(vm, (DType)a->dtype, array_at(vm, a, index, a->ndim));
    }
    if (n != a->ndim)
        return raise(vm, TY_ValueError, "incorrect number of indices for array");
    for (uint32_t k = 0; k < n; k++)
        if (arg_int(vm, key[k], &index[k]) != ALP_OK)
            return V_ERR;
    const char *p = array_at(vm, a, index, a->ndim);
    return p ? array_item(vm, (DType)a->dtype, p) : V_ERR;
}

/* The same bytes as another dtype. */
static Value m_view(VM *vm, const Args *args)
{
    const Array *a = ARRAY(SELF);
    DType d;
    if (dtype_arg(vm, args->v[1], (DType)a->dtype, &d) != ALP_OK)
        return V_ERR;
    int64_t shape[ALP_MAX_NDIM], strides[ALP_MAX_NDIM], old = dtype_info[a->dtype].size, new = dtype_info[d].size;
    memcpy(shape, a->shape, sizeof shape);
    memcpy(strides, a->strides, sizeof strides);
    if (old != new) {
        int last = a->ndim - 1;
        if (last < 0)
            return raise(vm, TY_ValueError, "Changing the dtype of a 0d array is only supported if the itemsize is unchanged");
        if (a->shape[last] != 1 && a->size != 0 && a->strides[last] != old)
            return raise(vm, TY_ValueError, "To change to a dtype of a different size, the last axis must be contiguous");
        if (new > old && a->shape[last] * old % new)
            return raise(vm, TY_ValueError, "When changing to a larger dtype, its size must be a divisor of the total size in bytes of "
                         "the last axis of the array.");
        shape[last] = a->shape[last] * old / new;
        strides[last] = new;
    }
    return array_view(vm, a->buf, a->data, d, a->ndim, shape, strides, a->readonly);
}

static Value m_squeeze(VM *vm, const Args *args)
{
    return array_squeeze(vm, SELF, args->v[1]);
}

static Value m_swapaxes(VM *vm, const Args *args)
{
    return array_swap_axes(vm, SELF, args->v[1], args->v[2]);
}

static Value m_conj(VM *vm, const Args *args)
{
    return dtype_info[ARRAY(SELF)->dtype].kind == 'c' ? ufunc_call1(vm, &uf_conjugate, SELF) : value_ref(SELF);
}

static Value m_round(VM *vm, const Args *args)
{
    int64_t decimals = 0;
    if (args->v[1].tag != T_Unbound && arg_int(vm, args->v[1], &decimals) != ALP_OK)
        return V_ERR;
    return array_round(vm, SELF, decimals, args->v[2]);
}

static Value m_clip(VM *vm, const Args *args)
{
    return array_clip(vm, SELF, args->v[1], args->v[2], args->v[3]);
}

static Value m_nonzero(VM *vm, const Args *args)
{
    return array_nonzero(vm, SELF);
}

static Value m_take(VM *vm, const Args *args)
{
    return array_take(vm, SELF, args->v[1], args->v[2]);
}

static Value m_repeat(VM *vm, const Args *args)
{
    return array_repeat(vm, SELF, args->v[1], args->v[2]);
}

static Value m_diagonal(VM *vm, const Args *args)
{
    int64_t offset = 0;
    if (args->v[1].tag != T_Unbound && arg_int(vm, args->v[1], &offset) != ALP_OK)
        return V_ERR;
    if (ARRAY(SELF)->ndim != 2)
        return raise(vm, TY_ValueError, "diag requires an array of at least two dimensions");
    return array_diagonal(vm, ARRAY(SELF), offset);
}

static Value m_setflags(VM *vm, const Args *args)
{
    Array *a = ARRAY(SELF);
    int write = args->v[1].tag == T_Unbound || args->v[1].tag == T_None ? !a->readonly : arg_truth(vm, args->v[1]);
    if (write < 0)
        return V_ERR;
    if (write && a->buf->readonly)
        return raise(vm, TY_ValueError, "cannot set WRITEABLE flag to True of this array");
    a->readonly = !write;
    return V_NONE;
}

const NativeRow array_methods[] = {
    { "copy", m_copy, "order=", "Copy of the array.", NATIVE_WHOLE },
    { "__copy__", m_copy, "order=", "Copy of the array.", NATIVE_WHOLE },
    { "astype", m_astype, "dtype, order=, casting=, subok=, copy=", "Copy with another dtype.", NATIVE_WHOLE },
    { "reshape", m_reshape, "*shape, order=", "The elements in another shape.", NATIVE_VIEWS },
    { "ravel", m_ravel, "order=", "The elements in one axis; a view if possible.", NATIVE_VIEWS },
    { "flatten", m_flatten, "order=", "Copy of the elements in one axis." },
    { "fill", m_fill, "value", "Set all elements.", NATIVE_WRITES },
    { "transpose", m_transpose, "*axes", "Axes permuted, or reversed.", NATIVE_VIEWS },
    { "tolist", m_tolist, "", "Nested lists of Python numbers." },
    { "item", m_item, "*args", "An element as a Python number." },
    { "view", m_view, "dtype=", "The same bytes as another dtype.", NATIVE_VIEWS },
    { "squeeze", m_squeeze, "axis=", "Without axes of length 1.", NATIVE_VIEWS },
    { "swapaxes", m_swapaxes, "axis1, axis2, /", "Two axes exchanged.", NATIVE_VIEWS },
    { "conj", m_conj, "", "Complex conjugate." },
    { "conjugate", m_conj, "", "Complex conjugate." },
    { "round", m_round, "decimals=, out=", "Round to a number of decimals." },
    { "clip", m_clip, "min=, max=, out=", "Limit values to [min, max]." },
    { "nonzero", m_nonzero, "", "Indices of elements that are not zero." },
    { "take", m_take, "indices, axis=", "Elements at indices along an axis." },
    { "repeat", m_repeat, "repeats, axis=", "Each element several times." },
    { "diagonal", m_diagonal, "offset=", "Read-only view of the diagonal.", NATIVE_VIEWS },
    { "setflags", m_setflags, "write=", "Make the array read-only or writeable.", NATIVE_VIEWS },
    { NULL }
};
