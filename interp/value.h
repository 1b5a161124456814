/* interp/value.h — Value, the 16 bytes that every expression yields, and the header of heap objects.
 *
 * Ownership: a Value returned by a function is owned by the caller (release with value_free); a Value passed as argument is
 * borrowed, unless the prototype says ALP_TAKE.  Inline kinds (up to T_LastInline) own nothing, so copying them is free.
 * A function that fails returns T_Error with the exception pending in the VM; T_Error never gets stored anywhere. */
#ifndef ALP_INTERP_VALUE_H
#define ALP_INTERP_VALUE_H

#include "dsl/base.h"

typedef struct VM VM;

/* Element types of arrays and NumPy scalars.  ORDER dtype: dtype table in array.c, T_Np… below. */
typedef enum DType {
    DT_Bool, DT_I8, DT_I16, DT_I32, DT_I64, DT_U8, DT_U16, DT_U32, DT_U64, DT_F32, DT_F64, DT_C64, DT_C128,
    DT_COUNT
} DType;

typedef enum Tag {
    T_Error,        /* a function failed; the exception is pending in the VM */
    T_Unbound,      /* empty variable slot; argument not given */
    T_None,
    T_Ellipsis,
    T_NotImplemented,   /* from operator helpers: this operand does not know the other; never seen by programs */
    T_Bool,         /* u.i 0 or 1 */
    T_Int,          /* u.i */
    T_Float,        /* u.f */
    T_Type,         /* u.i: TypeId, a type as a value: int, str, numpy.float64, ValueError … */
    T_Dtype,        /* u.i: DType; dtype('float64') */
    /* NumPy scalars. ORDER dtype */
    T_NpBool, T_NpI8, T_NpI16, T_NpI32, T_NpI64,        /* u.i, sign-extended; bool 0 or 1 */
    T_NpU8, T_NpU16, T_NpU32, T_NpU64,                  /* u.u, zero-extended */
    T_NpF32,                                            /* u.f: a double holding exactly the float */
    T_NpF64,                                            /* u.f */
    T_NpC64,                                            /* u.c64 */
    T_LastInline = T_NpC64,
    /* Heap objects, u.o */
    T_NpC128,       /* ComplexObj (interp/number.h) */
    T_Complex,      /* ComplexObj */
    T_Str,          /* Str (interp/str.h) */
    T_Tuple,        /* Tuple (interp/seq.h) */
    T_List,         /* List */
    T_Range,        /* Range */
    T_Slice,        /* Slice */
    T_Array,        /* Array (interp/array.h) */
    T_Func,         /* Func (interp/func.h): def */
    T_Native,       /* Native (interp/native.h): function in C, or a bound method of either kind */
    T_Module,       /* Module (interp/module.h) */
    T_Iter,         /* Iter (interp/iter.h): enumerate, zip, reversed, tqdm and iterators in flight */
    T_Cell,         /* Cell (interp/func.h): variable shared with an inner function */
    T_Exc,          /* Exc (interp/vm.h): exception instance */
    T_Foreign,      /* Foreign (interp/native.h): object of a module written in C: file, ctypes library, ctypes type … */
    T_COUNT
} Tag;

#define T_NP(dtype)     ((Tag)(T_NpBool + (dtype)))     /* tag of a NumPy scalar; C128 follows C64 */
#define NP_DTYPE(tag)   ((DType)((tag) - T_NpBool))
#define IS_NPSCALAR(v)  ((v).tag >= T_NpBool && (v).tag <= T_NpC128)
#define IS_HEAP(v)      ((v).tag > T_LastInline)
#define IS_ERR(v)       UNLIKELY((v).tag == T_Error)

_Static_assert(T_NpBool + DT_C128 == T_NpC128, "NumPy scalars follow the order of dtypes");

/* Head of every heap object. */
typedef struct Obj {
    size_t  refs;
    uint8_t tag;
    uint8_t flags;
} Obj;

typedef struct Value {
    uint64_t tag;               /* Tag; as wide as the union, so that compilers need not mask half registers */
    union {
        int64_t  i;
        uint64_t u;
        double   f;
        struct { float re, im; } c64;
        Obj     *o;
    } u;
} Value;

_Static_assert(sizeof(Value) == 16, "a Value travels in two registers");

#define V_ERR       ((Value){ .tag = T_Error })
#define V_UNBOUND   ((Value){ .tag = T_Unbound })
#define V_NONE      ((Value){ .tag = T_None })
#define V_ELLIPSIS  ((Value){ .tag = T_Ellipsis })
#define V_NOTIMPL   ((Value){ .tag = T_NotImplemented })
#define V_BOOL(x)   ((Value){ .tag = T_Bool, .u.i = (x) ? 1 : 0 })
#define V_INT(x)    ((Value){ .tag = T_Int, .u.i = (x) })
#define V_FLOAT(x)  ((Value){ .tag = T_Float, .u.f = (x) })
#define V_F64(x)    ((Value){ .tag = T_NpF64, .u.f = (x) })
#define V_I64(x)    ((Value){ .tag = T_NpI64, .u.i = (x) })
#define V_NPBOOL(x) ((Value){ .tag = T_NpBool, .u.i = (x) ? 1 : 0 })
#define V_TYPE(t)   ((Value){ .tag = T_Type, .u.i = (t) })
#define V_DTYPE(d)  ((Value){ .tag = T_Dtype, .u.i = (d) })
#define V_OBJ(ob)   ((Value){ .tag = ((Obj *)(ob))->tag, .u.o = (Obj *)(ob) })   /* takes over the caller's reference */

void obj_destroy(VM *vm, Obj *o);       /* value.c: switch over tags to each kind's destructor; reference count is 0 */

static inline Value value_ref(Value v)
{
    if (IS_HEAP(v))
        v.u.o->refs++;
    return v;
}

static inline void obj_free(VM *vm, Obj *o)
{
    if (--o->refs == 0)
        obj_destroy(vm, o);
}

static inline void value_free(VM *vm, ALP_TAKE Value v)
{
    if (IS_HEAP(v))
        obj_free(vm, v.u.o);
}

/* Store into a slot: the old value is released after the new one is in place (its destruction may not see a stale slot). */
static inline void value_set(VM *vm, Value *slot, ALP_TAKE Value v)
{
    Value old = *slot;
    *slot = v;
    value_free(vm, old);
}

/* Python types that programs can name or see with type(). */
typedef enum TypeId {
#define TYPE(id, name, module) TY_##id,
#define EXC(id, base, module) TY_##id,
#include "interp/type_list.h"
#undef TYPE
#undef EXC
    TY_COUNT
} TypeId;

const char *type_name(TypeId t);                /* "int", "float64", "ValueError" */
const char *type_qualname(TypeId t);            /* with module where repr shows it: "int", "numpy.float64", "numpy.exceptions.AxisError" */
TypeId      value_type(Value v);                /* what type(v) is; bool is TY_bool */
const char *value_type_name(Value v);           /* as error messages show it (tp_name): "int", "numpy.float64", "NoneType" */
bool        type_is_subclass(TypeId t, TypeId base);    /* exceptions' hierarchy; bool < int; numpy abstract types */
bool        type_is_exception(TypeId t);

#endif
