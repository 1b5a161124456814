/* interp/value.c — types of values, and the destruction of objects. */
#include <string.h>

#include "interp/array.h"
#include "interp/func.h"
#include "interp/iter.h"
#include "interp/native.h"
#include "interp/ops.h"
#include "interp/seq.h"
#include "interp/str.h"

/* ---- types ----------------------------------------------------------------------------------------------------------- */

typedef struct TypeRow {
    const char *name, *module;
    int16_t     base;           /* TypeId; TY_object for all but exceptions and the rows of `subtype` below */
    bool        is_exception;
} TypeRow;

static const TypeRow type_row[TY_COUNT] = {
#define TYPE(id, name_, module_)    [TY_##id] = { name_, module_, TY_object, false },
#define EXC(id, base_, module_)     [TY_##id] = { #id, module_, TY_##base_, true },
#include "interp/type_list.h"
#undef TYPE
#undef EXC
};

/* Bases of the types that are not exceptions: bool is an int, numpy.float64 a float. */
static const struct { TypeId type, base; } subtype[] = {
    { TY_bool, TY_int },
    { TY_np_number, TY_np_generic }, { TY_np_integer, TY_np_number }, { TY_np_signedinteger, TY_np_integer },
    { TY_np_unsignedinteger, TY_np_integer }, { TY_np_floating, TY_np_number }, { TY_np_complexfloating, TY_np_number },
    { TY_np_bool, TY_np_generic },
    { TY_np_int8, TY_np_signedinteger }, { TY_np_int16, TY_np_signedinteger }, { TY_np_int32, TY_np_signedinteger },
    { TY_np_int64, TY_np_signedinteger },
    { TY_np_uint8, TY_np_unsignedinteger }, { TY_np_uint16, TY_np_unsignedinteger }, { TY_np_uint32, TY_np_unsignedinteger },
    { TY_np_uint64, TY_np_unsignedinteger },
    { TY_np_float32, TY_np_floating }, { TY_np_float64, TY_np_floating }, { TY_np_float64, TY_float },
    { TY_np_complex64, TY_np_complexfloating }, { TY_np_complex128, TY_np_complexfloating }, { TY_np_complex128, TY_complex },
};

/* Classes whose name begins with an underscore. */
static const struct { TypeId type; const char *qualname; } private_class[] = {
    { TY_ArrayMemoryError, "numpy._core._exceptions._ArrayMemoryError" },
    { TY_UFuncNoLoopError, "numpy._core._exceptions._UFuncNoLoopError" },
    { TY_UFuncBinaryResolutionError, "numpy._core._exceptions._UFuncBinaryResolutionError" },
    { TY_UFuncInputCastingError, "numpy._core._exceptions._UFuncInputCastingError" },
    { TY_UFuncOutputCastingError, "numpy._core._exceptions._UFuncOutputCastingError" },
};

const char *type_name(TypeId t)
{
    for (size_t i = 0; type_row[t].is_exception && i < COUNT_OF(private_class); i++)
        if (private_class[i].type == t)
            return strrchr(private_class[i].qualname, '.') + 1;
    return type_row[t].name;
}

const char *type_qualname(TypeId t)
{
    /* "numpy.float64" and its like, spelled once here: the texts must outlive every VM. */
    static const char *const qualname[TY_COUNT] = {
#define TYPE(id, name, module)  [TY_##id] = sizeof(module) > 1 ? module "." name : name,
#define EXC(id, base, module)   [TY_##id] = sizeof(module) > 1 ? module "." #id : #id,
#include "interp/type_list.h"
#undef TYPE
#undef EXC
    };
    for (size_t i = 0; type_row[t].is_exception && i < COUNT_OF(private_class); i++)
        if (private_class[i].type == t)
            return private_class[i].qualname;
    return qualname[t];
}

bool type_is_exception(TypeId t)
{
    return type_row[t].is_exception;
}

bool type_is_subclass(TypeId t, TypeId base)
{
    if (t == base || base == TY_object)
        return true;
    if (type_row[t].is_exception) {
        for (int b = type_row[t].base; b != TY_object; b = type_row[b].base)
            if (b == (int)base)
                return true;
        return false;
    }
    for (size_t i = 0; i < COUNT_OF(subtype); i++)
        if (subtype[i].type == t && type_is_subclass(subtype[i].base, base))
            return true;
    return false;
}

static TypeId iter_type(const Iter *it)
{
    switch ((IterKind)it->kind) {
    case IT_Range:      return TY_range_iterator;
    case IT_List:       return TY_list_iterator;
    case IT_Tuple:      return TY_tuple_iterator;
    case IT_Str:        return TY_str_iterator;
    case IT_Enumerate:  return TY_enumerate;
    case IT_Zip:        return TY_zip;
    case IT_Reversed:   return TY_reversed;
    case IT_Tqdm:       return TY_tqdm;
    case IT_Array:
    case IT_Foreign:    break;
    }
    return TY_list_iterator;
}

TypeId value_type(Value v)
{
    switch ((Tag)v.tag) {
    case T_None:        return TY_NoneType;
    case T_Ellipsis:    return TY_ellipsis;
    case T_Bool:        return TY_bool;
    case T_Int:         return TY_int;
    case T_Float:       return TY_float;
    case T_Type:        return TY_type;
    case T_Dtype:       return TY_dtype;
    case T_NpBool: case T_NpI8: case T_NpI16: case T_NpI32: case T_NpI64:
    case T_NpU8: case T_NpU16: case T_NpU32: case T_NpU64:
    case T_NpF32: case T_NpF64: case T_NpC64: case T_NpC128:
        return (TypeId)(TY_np_bool + NP_DTYPE(v.tag));
    case T_Complex:     return TY_complex;
    case T_Str:         return TY_str;
    case T_Tuple:       return TY_tuple;
    case T_List:        return TY_list;
    case T_Range:       return TY_range;
    case T_Slice:       return TY_slice;
    case T_Array:       return TY_ndarray;
    case T_Func:        return TY_function;
    case T_Native:      return ((Native *)(void *)v.u.o)->type;
    case T_Module:      return TY_module;
    case T_Iter:        return iter_type(ITER(v));
    case T_Cell:        return TY_cell;
    case T_Exc:         return ((Exc *)(void *)v.u.o)->type;
    case T_Foreign:     return TY_foreign;
    case T_Error: case T_Unbound: case T_NotImplemented: case T_COUNT:
        break;
    }
    return TY_object;
}

const char *value_type_name(Value v)
{
    static const char *const dtype_class[DT_COUNT] = {      /* ORDER dtype */
        "numpy.dtypes.BoolDType", "numpy.dtypes.Int8DType", "numpy.dtypes.Int16DType", "numpy.dtypes.Int32DType",
        "numpy.dtypes.Int64DType", "numpy.dtypes.UInt8DType", "numpy.dtypes.UInt16DType", "numpy.dtypes.UInt32DType",
        "numpy.dtypes.UInt64DType", "numpy.dtypes.Float32DType", "numpy.dtypes.Float64DType",
        "numpy.dtypes.Complex64DType", "numpy.dtypes.Complex128DType",
    };
    if (v.tag == T_Dtype)
        return dtype_class[v.u.i];
    if (v.tag == T_Foreign)
        return FOREIGN(v)->cls->name;
    TypeId t = value_type(v);
    if (t == TY_str_iterator)
        return STR(ITER(v)->source)->length == STR(ITER(v)->source)->size ? "str_ascii_iterator" : "str_iterator";
    /* Classes written in Python show without their module. */
    return type_row[t].is_exception || t == TY_tqdm ? type_name(t) : type_qualname(t);
}

/* ---- destruction ----------------------------------------------------------------------------------------------------- */

/* A structure nested a million deep must not nest C calls: while one compound object is taken apart, those that it
 * releases wait in a list, linked through their reference counts, which are 0 and of no more use. */

static void free_values(VM *vm, Value *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        value_free(vm, v[i]);
}

static void destroy_compound(VM *vm, Obj *o)
{
    void *p = o;
    switch ((Tag)o->tag) {
    case T_Tuple: {
        Tuple *t = p;
        free_values(vm, t->item, t->count);
        vm_dealloc(vm, t, sizeof *t + t->count * sizeof(Value));
        break;
    }
    case T_List: {
        List *l = p;
        container_unlink(vm, &l->link);
        free_values(vm, l->item, l->count);
        vm_dealloc(vm, l->item, l->cap * sizeof(Value));
        vm_dealloc(vm, l, sizeof *l);
        break;
    }
    case T_Slice: {
        Slice *s = p;
        value_free(vm, s->start);
        value_free(vm, s->stop);
        value_free(vm, s->step);
        vm_dealloc(vm, s, sizeof *s);
        break;
    }
    case T_Func:    func_destroy(vm, p); break;
    case T_Cell:    cell_destroy(vm, p); break;
    case T_Native: {
        Native *f = p;
        value_free(vm, f->self);
        vm_dealloc(vm, f, sizeof *f);
        break;
    }
    case T_Module:  module_destroy(vm, p); break;
    case T_Iter: {
        Iter *it = p;
        if (it->kind == IT_Tqdm)
            tqdm_destroy(vm, it);
        value_free(vm, it->source);
        vm_dealloc(vm, it, sizeof *it);
        break;
    }
    case T_Exc: {
        Exc *e = p;
        value_free(vm, e->args);
        vm_dealloc(vm, e, sizeof *e);
        break;
    }
    case T_Foreign: {
        Foreign *f = p;
        if (f->cls->destroy)
            f->cls->destroy(vm, f->data);
        vm_dealloc(vm, f, sizeof *f + f->data_size);
        break;
    }
    default:
        ALP_ASSERT(!"not a compound object");
    }
}

void obj_destroy(VM *vm, Obj *o)
{
    switch ((Tag)o->tag) {
    case T_Str:
        vm_dealloc(vm, o, sizeof(Str) + ((Str *)(void *)o)->cap + 1);
        return;
    case T_Complex: case T_NpC128:
        vm_dealloc(vm, o, sizeof(ComplexObj));
        return;
    case T_Range:
        vm_dealloc(vm, o, sizeof(Range));
        return;
    case T_Array:
        array_destroy(vm, (Array *)(void *)o);
        return;
    default:
        break;
    }
    if (vm->is_destroying) {
        o->refs = (size_t)(uintptr_t)vm->doomed;
        vm->doomed = o;
        return;
    }
    vm->is_destroying = true;
    destroy_compound(vm, o);
    while ((o = vm->doomed)) {
        vm->doomed = (Obj *)(uintptr_t)o->refs;
        destroy_compound(vm, o);
    }
    vm->is_destroying = false;
}
