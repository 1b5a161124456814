/* interp/array.h — n-dimensional arrays: a refcounted buffer, and views of it.
 *
 * An Array is (buffer, byte offset, dtype, shape, strides); views share the buffer.  Strides are in bytes and may be negative or 0.
 * Files: dtype.c (element types), array.c (objects, views, copies), array_from.c (from numbers and sequences; assignment of an
 * element), cast.c (casting loops), index.c and index_fancy.c (a[…] reading and writing), create.c (zeros, arange, …), array_shape.c, array_join.c,
 * ufunc.c and its kin (elementwise, broadcasting, operators), array_methods.c, reduce.c (sum, min, …), linalg.c (dot, matmul), array_print.c, npy.c, textio.c. */
#ifndef ALP_INTERP_ARRAY_H
#define ALP_INTERP_ARRAY_H

#include <string.h>

#include "interp/vm.h"

#define ALP_MAX_NDIM 8

/* The bytes behind arrays.  A back end may have newer ones on a device, or they are not even made: interp/residency.h. */
typedef struct Buffer {
    size_t refs;
    char  *data;                /* host address, 64-byte aligned when owned */
    size_t size;                /* bytes */
    size_t alloc_size;          /* what was taken from vm->mem; 0: borrowed from a host program */
    char  *alloc_base;
    void (*release)(void *user, void *data);    /* borrowed bytes: told when the last view is gone; may be NULL */
    void  *release_user;
    struct BufferDevice *device;        /* a back end's own; NULL: host only */
    bool   readonly;
    bool   lent;                /* the host program knows the address, and may use it between calls of alpy.h */
    bool   exposed;             /* the program itself knows it, and may use it at any time */
    /* For the choice of a device (jit/plan/decide.h): what having the bytes on it would have won, and how many had to be moved for others. */
    double credit_ns, debit_bytes;
} Buffer;

typedef struct Array {
    Obj     head;               /* T_Array */
    uint8_t dtype;              /* DType */
    uint8_t ndim;
    bool    readonly;           /* ValueError "assignment destination is read-only" */
    bool    c_contig, f_contig; /* as NumPy's flags: true for size 0 and 1 too */
    Buffer *buf;
    char   *data;               /* address of element [0, 0, …] */
    int64_t size;               /* elements */
    int64_t shape[ALP_MAX_NDIM];
    int64_t strides[ALP_MAX_NDIM];      /* bytes */
} Array;

#define ARRAY(v) ((Array *)(void *)(v).u.o)

/* ---- dtypes (ORDER dtype) ------------------------------------------------------------------------------------------ */
typedef struct DTypeInfo {
    const char *name;           /* "float64" */
    const char *str;            /* "<f8" */
    char    kind;               /* 'b' 'i' 'u' 'f' 'c' */
    uint8_t size;               /* bytes of an element */
} DTypeInfo;
extern const DTypeInfo dtype_info[DT_COUNT];

DType dtype_promote(DType a, DType b);              /* np.promote_types */
/* NEP 50: result dtype of an array or NumPy scalar of dtype d with a weak Python number (T_Bool, T_Int, T_Float, T_Complex). */
DType dtype_promote_weak(DType d, Value python_number);
/* np.result_type of any values: arrays, NumPy scalars, Python numbers. */
bool  dtype_can_cast(DType from, DType to, char casting);   /* 's' safe, 'k' same_kind, 'u' unsafe */
/* A dtype argument: T_Dtype, T_Type (float, np.float32 …), str ("float32", "f4", "<f8", "d"), None gives `fallback`. */
Status dtype_arg(VM *vm, Value v, DType fallback, DType *out);
DType  value_dtype(Value v);                        /* of an array, NumPy scalar or Python number; DT_COUNT: neither */
DType  dtype_from_name(const char *text, size_t size);      /* "float64", "<f8", "d" …; DT_COUNT: unknown */
/* Limits of an integer dtype; false for the other kinds. */
bool   dtype_int_range(DType d, int64_t *min, uint64_t *max);
bool   dtype_int_fits(DType d, int64_t x);          /* true for dtypes that are not integers */
/* At least one a T_Dtype; V_NOTIMPL: not comparable. */
Value  dtype_compare(VM *vm, CmpOp op, Value a, Value b);

/* ---- element access; p need not be aligned for host arrays ----------------------------------------------------------- */
static inline Value array_load(VM *vm, DType d, const char *p);         /* NumPy scalar; V_ERR only for complex128 without memory */
/* Stores any number with NumPy's assignment casting; OverflowError "Python integer 300 out of bounds for uint8", TypeError. */
static inline Status array_store(VM *vm, DType d, char *p, Value v);
Status array_store_slow(VM *vm, DType d, char *p, Value v);
/* n elements from dtype `from` to dtype `to`, strides in bytes; unsafe casts as NumPy's astype. May not overlap unless identical. */
void   array_cast(DType to, char *dst, int64_t dst_stride, DType from, const char *src, int64_t src_stride, int64_t n);

/* ---- objects --------------------------------------------------------------------------------------------------------- */
Buffer *buffer_borrow(VM *vm, void *data, size_t size, void (*release)(void *, void *), void *user);
void    buffer_unref(VM *vm, Buffer *b);
/* Fresh C-contiguous array; zero: bytes 0, else undefined.  ArrayMemoryError "Unable to allocate 7.28 TiB for an array with shape (…) and data type …",
 * ValueError "Maximum allowed dimension exceeded", "negative dimensions are not allowed". */
Value   array_new(VM *vm, DType d, int ndim, const int64_t *shape, bool zero);
/* Likewise with given strides (in any order of axes, without gaps), in order 'C' or 'F', or laid out as `a` ('C' 'F' 'A' 'K'). */
Value   array_new_strided(VM *vm, DType d, int ndim, const int64_t *shape, const int64_t *strides, bool zero);
Value   array_new_order(VM *vm, DType d, int ndim, const int64_t *shape, char order, bool zero);
Value   array_new_like(VM *vm, const Array *a, DType d, char order, bool zero);
void    array_strides(char order, DType d, int ndim, const int64_t *shape, int64_t *strides);
/* View of buf (referenced) at data. */
Value   array_view(VM *vm, Buffer *buf, char *data, DType d, int ndim, const int64_t *shape, const int64_t *strides, bool readonly);
void    array_destroy(VM *vm, Array *a);
void    array_update_flags(Array *a);                                   /* size, c_contig, f_contig from shape and strides */
Value   array_copy(VM *vm, Value a, DType d, char order);               /* astype/copy; order 'C', 'F', 'K' */
/* The same for a program: where a is (interp/whole.h). */
Value   array_copy_there(VM *vm, Value a, DType d, char order);
/* np.asarray of any value: arrays as they are (new reference), numbers 0-d, nested sequences; dtype DT_COUNT = found from the values.
 * ValueError "setting an array element with a sequence. …" for ragged ones. */
Value   array_from_value(VM *vm, Value v, DType d);
/* The same for lists, tuples and ranges that a target with max_ndim axes takes. ValueError "… exceed the maximum number of dimension of 1." */
Value   array_from_sequence(VM *vm, Value v, DType d, int max_ndim);
/* Do the bytes of a and b possibly overlap (bounds of their byte ranges). */
bool    array_may_overlap(const Array *a, const Array *b);
int64_t array_count_true(const Array *mask);                            /* of a bool array */
bool    array_same_layout(const Array *a, const Array *b);              /* the same elements at the same addresses */
void    array_copy_into(const Array *dst, const Array *src);            /* broadcasts and casts; they do not overlap */
Status  array_check_writable(VM *vm, const Array *a);                   /* ValueError "assignment destination is read-only" */
/* Copy src into dst, where they are, with broadcasting and casting, correct under overlap. ValueError "could not broadcast input array from shape (2,) into shape (3,)". */
Status  array_assign(VM *vm, Array *dst, Value src);
/* Broadcast shapes; ValueError "operands could not be broadcast together with shapes (2,) (3,) ". */
/* Widen a shape by one more operand's; ALP_FAIL, without an exception: they do not fit. */
Status  shape_broadcast(int *ndim, int64_t *shape, int in_ndim, const int64_t *in_shape);
Status  array_broadcast(VM *vm, int n, Array *const *in, int *ndim, int64_t *shape);
/* "(3,)", "(2,3)" as NumPy's messages write shapes. */
#define SHAPE_TEXT_MAX (ALP_MAX_NDIM * 21 + 4)
void    shape_text(char *out, size_t size, int ndim, const int64_t *shape);
/* A shape argument: int or sequence of ints. */
Status  shape_arg(VM *vm, Value v, int *ndim, int64_t *shape);
/* An axis argument normalised to 0…ndim-1; AxisError "axis 2 is out of bounds for array of dimension 2". */
Status  axis_arg(VM *vm, Value v, int ndim, int *axis);
Status  axis_normalise(VM *vm, int64_t axis, int ndim, int *out);
Status  shape_check_ndim(VM *vm, size_t ndim);      /* ValueError beyond ALP_MAX_NDIM */
/* An order argument: 'C', 'F', 'A' or 'K'. */
Status  order_arg(VM *vm, Value v, char fallback, char *out);

/* ---- index.c --------------------------------------------------------------------------------------------------------- */
Value  array_index(VM *vm, Value a, Value key);                 /* element as NumPy scalar, view, or copy (boolean and integer array keys) */
Status array_set_index(VM *vm, Value a, Value key, Value x);
/* Address of element [index…] with Python's negative indices; NULL: IndexError "index 5 is out of bounds for axis 0 with size 3". n == ndim. */
char  *array_at(VM *vm, const Array *a, const int64_t *index, int n);

/* ---- ufunc.c --------------------------------------------------------------------------------------------------------- */
/* At least one operand an array (the other: array, NumPy scalar, Python number, sequence). out: NULL or the array written in place (`a += b`). */
Value  array_binary(VM *vm, BinOp op, Value a, Value b, Array *out);
Value  array_compare(VM *vm, CmpOp op, Value a, Value b);
/* The program's operators: the same, but results are made where operands are (interp/whole.h). */
Value  array_binary_there(VM *vm, BinOp op, Value a, Value b, Array *out);
Value  array_compare_there(VM *vm, CmpOp op, Value a, Value b);
Value  array_unary(VM *vm, UnOp op, Value a);
int    array_truth(VM *vm, Value a);
/* linalg.c */
Value  array_matmul(VM *vm, Value a, Value b);

/* ---- inline element access ------------------------------------------------------------------------------------------- */
Value npc128_new(VM *vm, double re, double im);

static inline Value array_load(VM *vm, DType d, const char *p)
{
    Value v = { .tag = T_NP(d) };
#define LOAD_AS(type, field) { type x; memcpy(&x, p, sizeof x); v.u.field = x; return v; }
    switch (d) {
    case DT_F64:  LOAD_AS(double, f)
    case DT_I64:  LOAD_AS(int64_t, i)
    case DT_F32:  LOAD_AS(float, f)
    case DT_Bool: { uint8_t x; memcpy(&x, p, 1); v.u.i = x != 0; return v; }
    case DT_I8:   LOAD_AS(int8_t, i)
    case DT_I16:  LOAD_AS(int16_t, i)
    case DT_I32:  LOAD_AS(int32_t, i)
    case DT_U8:   LOAD_AS(uint8_t, u)
    case DT_U16:  LOAD_AS(uint16_t, u)
    case DT_U32:  LOAD_AS(uint32_t, u)
    case DT_U64:  LOAD_AS(uint64_t, u)
    case DT_C64:  memcpy(&v.u.c64, p, 8); return v;
    case DT_C128: { double z[2]; memcpy(z, p, 16); return npc128_new(vm, z[0], z[1]); }
    case DT_COUNT: break;
    }
#undef LOAD_AS
    return v;
}

static inline Status array_store(VM *vm, DType d, char *p, Value v)
{
    if (d == DT_F64) {
        if (LIKELY(v.tag == T_NpF64 || v.tag == T_Float)) {
            memcpy(p, &v.u.f, 8);
            return ALP_OK;
        }
    } else if (d == DT_I64) {
        if (LIKELY(v.tag == T_Int || v.tag == T_NpI64)) {
            memcpy(p, &v.u.i, 8);
            return ALP_OK;
        }
    } else if (d == DT_F32) {
        if (LIKELY(v.tag == T_NpF32 || v.tag == T_NpF64 || v.tag == T_Float)) {
            float x = (float)v.u.f;
            memcpy(p, &x, 4);
            return ALP_OK;
        }
    } else if (T_NP(d) == v.tag && d <= DT_U64) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
        memcpy(p, &v.u.i, dtype_info[d].size);
        return ALP_OK;
#endif
    }
    return array_store_slow(vm, d, p, v);
}

#endif
