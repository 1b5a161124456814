/* interp/mod_numpy.c — the module numpy: tables of functions from many files, types, constants, ufuncs. */
#include <math.h>

#include "interp/array.h"
#include "interp/module.h"
#include "interp/numpy_rows.h"
#include "interp/str.h"
#include "interp/ufunc.h"

static const Ufunc *const ufunc[] = {
#define X(name) &uf_##name,
    UFUNC_LIST(X)
#undef X
};

/* Other names of functions. */
static const struct { const char *alias, *name; } aliases[] = {
    { "true_divide", "divide" }, { "mod", "remainder" }, { "pow", "power" }, { "abs", "absolute" }, { "conj", "conjugate" },
    { "asin", "arcsin" }, { "acos", "arccos" }, { "atan", "arctan" }, { "atan2", "arctan2" }, { "asinh", "arcsinh" },
    { "acosh", "arccosh" }, { "atanh", "arctanh" }, { "bitwise_not", "invert" }, { "bitwise_invert", "invert" },
    { "bitwise_left_shift", "left_shift" }, { "bitwise_right_shift", "right_shift" }, { "fix", "trunc" },
};

static const struct { const char *name; TypeId type; } types[] = {
    { "bool", TY_np_bool }, { "bool_", TY_np_bool },
    { "int8", TY_np_int8 }, { "byte", TY_np_int8 }, { "int16", TY_np_int16 }, { "short", TY_np_int16 },
    { "int32", TY_np_int32 }, { "intc", TY_np_int32 }, { "int64", TY_np_int64 }, { "int_", TY_np_int64 }, { "intp", TY_np_int64 },
    { "long", TY_np_int64 }, { "longlong", TY_np_int64 },
    { "uint8", TY_np_uint8 }, { "ubyte", TY_np_uint8 }, { "uint16", TY_np_uint16 }, { "ushort", TY_np_uint16 },
    { "uint32", TY_np_uint32 }, { "uintc", TY_np_uint32 }, { "uint64", TY_np_uint64 }, { "uint", TY_np_uint64 },
    { "uintp", TY_np_uint64 }, { "ulong", TY_np_uint64 }, { "ulonglong", TY_np_uint64 },
    { "float32", TY_np_float32 }, { "single", TY_np_float32 }, { "float64", TY_np_float64 }, { "double", TY_np_float64 },
    { "complex64", TY_np_complex64 }, { "csingle", TY_np_complex64 },
    { "complex128", TY_np_complex128 }, { "cdouble", TY_np_complex128 },
    { "generic", TY_np_generic }, { "number", TY_np_number }, { "integer", TY_np_integer },
    { "signedinteger", TY_np_signedinteger }, { "unsignedinteger", TY_np_unsignedinteger },
    { "floating", TY_np_floating }, { "complexfloating", TY_np_complexfloating },
    { "ndarray", TY_ndarray }, { "dtype", TY_dtype }, { "ufunc", TY_ufunc },
};

static const struct { const char *name; double value; } constants[] = {
    { "pi", 3.141592653589793 }, { "e", 2.718281828459045 }, { "euler_gamma", 0.5772156649015329 }, { "inf", INFINITY }, { "nan", NAN },
};

static Status init(VM *vm, Module *m)
{
    for (size_t k = 0; k < COUNT_OF(ufunc); k++) {
        const NativeRow *row = &ufunc[k]->row;
        Value f = native_new(vm, row, TY_ufunc, row->name, V_UNBOUND);
        if (IS_ERR(f))
            return ALP_FAIL;
        /* np.clip is a function around the ufunc. */
        if (ufunc[k] == &uf_clip)
            value_free(vm, f);
        else
            TRY(module_set(vm, m, row->name, f));
    }
    for (size_t k = 0; k < COUNT_OF(aliases); k++) {
        Value f = module_get(m, intern_z(vm->names, aliases[k].name));
        if (f.tag != T_Native) {
            raise_nomem(vm);            /* the name could not be made */
            return ALP_FAIL;
        }
        TRY(module_set(vm, m, aliases[k].alias, value_ref(f)));
    }
    for (size_t k = 0; k < COUNT_OF(types); k++)
        TRY(module_set(vm, m, types[k].name, V_TYPE(types[k].type)));
    for (size_t k = 0; k < COUNT_OF(constants); k++)
        TRY(module_set(vm, m, constants[k].name, V_FLOAT(constants[k].value)));
    TRY(module_set(vm, m, "newaxis", V_NONE));
    TRY(module_set(vm, m, "True_", V_NPBOOL(true)));
    TRY(module_set(vm, m, "False_", V_NPBOOL(false)));
    return ALP_OK;
}

static const NativeRow *const tables[] = {
    create_numpy_rows, shape_numpy_rows, join_numpy_rows, elementwise_numpy_rows, dtype_numpy_rows, reduce_numpy_rows, linalg_numpy_rows,
    npy_numpy_rows, textio_numpy_rows, print_numpy_rows, NULL
};

const ModuleDef mod_numpy = { .name = "numpy", .tables = tables, .init = init };
