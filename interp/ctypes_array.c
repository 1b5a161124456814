/* interp/ctypes_array.c — ndarray.ctypes: an array's address for C functions. */
#include "interp/array.h"
#include "interp/ctypes.h"
#include "interp/residency.h"

typedef struct ArrayAccess { Value array; } ArrayAccess;
#define ACCESS(v) ((ArrayAccess *)(void *)FOREIGN(v)->data)

static void destroy_access(VM *vm, void *data)
{
    value_free(vm, ((ArrayAccess *)data)->array);
}

/* The array's address as a pointer of the given type. */
static Value pointer_as(VM *vm, Value self, Value type)
{
    Value array = ACCESS(self)->array;
    if (array_to_host(vm, ARRAY(array), HOST_Expose) != ALP_OK)
        return V_ERR;
    return cdata_pointer(vm, type, ARRAY(array)->data, array);
}

static Value data_as(VM *vm, const Args *args)
{
    Value type = args->v[1];
    return pointer_type_arg(vm, type) == ALP_OK ? pointer_as(vm, args->v[0], type) : V_ERR;
}

/* Shape or strides as an array of c_long. */
static Value as_longs(VM *vm, const int64_t *from, int n)
{
    Value base = ctypes_simple(vm, "c_long");
    Value type = IS_ERR(base) ? V_ERR : ctypes_array_of(vm, base, n);
    Value v = IS_ERR(type) ? V_ERR : cdata_new(vm, type);
    if (!IS_ERR(v))
        memcpy(CDATA(v)->bytes, from, (size_t)n * sizeof *from);
    value_free(vm, type);
    value_free(vm, base);
    return v;
}

static Value access_getattr(VM *vm, Value self, const char *name)
{
    static const NativeRow data_as_row = { "data_as", data_as, "obj", "The array's address as a ctypes pointer." };
    const Array *a = ARRAY(ACCESS(self)->array);
    if (strcmp(name, "data") == 0 && array_to_host(vm, a, HOST_Expose) != ALP_OK)
        return V_ERR;
    if (strcmp(name, "data") == 0)
        return V_INT((int64_t)(intptr_t)a->data);
    if (strcmp(name, "data_as") == 0)
        return native_new(vm, &data_as_row, TY_method, "_ctypes.data_as", self);
    if (strcmp(name, "shape") == 0)
        return as_longs(vm, a->shape, a->ndim);
    if (strcmp(name, "strides") == 0)
        return as_longs(vm, a->strides, a->ndim);
    if (strcmp(name, "_as_parameter_") == 0)
        return as_parameter(vm, self);
    return V_UNBOUND;
}

static const ForeignClass access_class = {
    .name = "_ctypes", .module = "numpy._core._internal", .destroy = destroy_access, .getattr = access_getattr,
};

Value array_ctypes_attr(VM *vm, Value a)
{
    Value v = foreign_new(vm, &access_class, sizeof(ArrayAccess));
    if (!IS_ERR(v))
        ACCESS(v)->array = value_ref(a);
    return v;
}

Value as_parameter(VM *vm, Value x)
{
    if (x.tag != T_Foreign || FOREIGN(x)->cls != &access_class)
        return V_UNBOUND;
    Value type = ctypes_simple(vm, "c_void_p");
    Value v = IS_ERR(type) ? V_ERR : pointer_as(vm, x, type);
    value_free(vm, type);
    return v;
}
