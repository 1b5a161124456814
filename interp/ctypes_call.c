/* interp/ctypes_call.c — shared libraries and calls of their functions through libffi.
 *
 * A call converts each argument by its declared type, or, where none is declared, by what the value is (int as C int,
 * str as wchar_t*, None as a null pointer, C data as itself); everything else is an ArgumentError, as in ctypes. */
#include "interp/ctypes.h"

#include <dlfcn.h>
#include <string.h>

#include "interp/ops.h"
#include "interp/seq.h"
#include "interp/str.h"

#define MAX_ARGS 1024
#define FEW_ARGS 8              /* up to so many need no memory */

/* A function of a library. */
typedef struct CFunction {
    void *address;
    Value restype;              /* CType, T_None (void), something to call with the int result; T_Unbound: c_int */
    Value argtypes;             /* as assigned */
    Value converters;           /* tuple of CType; T_None: none declared */
    Sym   name;
} CFunction;

typedef struct CLibrary {
    void  *handle;
    Value  name;                /* str or None */
    struct { Sym name; Value function; } *functions;    /* those asked for so far: lib.f is lib.f */
    uint32_t count, cap;
} CLibrary;

#define CFUNCTION(v) ((CFunction *)(void *)FOREIGN(v)->data)
#define CLIBRARY(v)  ((CLibrary *)(void *)FOREIGN(v)->data)

/* One argument as C gets it. */
typedef struct CArg {
    ffi_type *type;
    Value     buffer;           /* a text made for this call, or T_Unbound */
    _Alignas(16) char bytes[16];
} CArg;

/* ---- arguments --------------------------------------------------------------------------------------------------- */

static void arg_pointer(CArg *arg, const void *p)
{
    arg->type = &ffi_type_pointer;
    memcpy(arg->bytes, &p, sizeof p);
}

/* A pointer-like datum, or an array, as the address it stands for. */
static Status arg_address_of(VM *vm, CArg *arg, Value v)
{
    char *address = CDATA(v)->bytes;
    Value target;
    if (CDATA_TYPE(v)->kind != CK_Array)
        TRY(cdata_address(vm, v, &address, &target));
    arg_pointer(arg, address);
    return ALP_OK;
}

/* C data by its own type. */
static Status arg_data(VM *vm, CArg *arg, Value v)
{
    const CType *t = CDATA_TYPE(v);
    if (t->kind == CK_Array || is_address(t))
        return arg_address_of(vm, arg, v);
    arg->type = t->ffi;
    if (CDATA(v)->owner.tag == T_None)
        return peek(vm, CDATA(v)->bytes, arg->bytes, t->size);
    memcpy(arg->bytes, CDATA(v)->bytes, t->size);
    return ALP_OK;
}

static Status arg_text(VM *vm, CArg *arg, Value str)
{
    void *text;
    arg->buffer = wide_buffer(vm, str, &text);
    if (IS_ERR(arg->buffer)) {
        arg->buffer = V_UNBOUND;
        return ALP_FAIL;
    }
    arg_pointer(arg, text);
    return ALP_OK;
}

/* No type is declared for this argument, the n-th. */
static Status convert_undeclared(VM *vm, CArg *arg, Value v, uint32_t n)
{
    if (v.tag == T_None) {
        arg_pointer(arg, NULL);
    } else if (v.tag == T_Int || v.tag == T_Bool) {
        int i = (int)(uint32_t)(uint64_t)v.u.i;
        arg->type = &ffi_type_sint;
        memcpy(arg->bytes, &i, sizeof i);
    } else if (v.tag == T_Str) {
        return arg_text(vm, arg, v);
    } else if (is_cdata(v)) {
        return arg_data(vm, arg, v);
    } else if (is_cref(v)) {
        arg_pointer(arg, CREF(v)->address);
    } else if (is_cfunction(v)) {
        arg_pointer(arg, cfunction_address(v));
    } else {
        Value parameter = as_parameter(vm, v);
        if (parameter.tag == T_Unbound)
            raise(vm, TY_TypeError, "Don't know how to convert parameter %u", n);
        Status s = parameter.tag == T_Foreign ? arg_data(vm, arg, parameter) : ALP_FAIL;
        value_free(vm, parameter);
        return s;
    }
    return ALP_OK;
}

/* Does C's type t accept pointers to `base`?  void* accepts all, char* and wchar_t* their own characters. */
static bool accepts_pointer(const CType *t, const CType *base)
{
    return t->code == 'P' || (base && base->kind == CK_Simple && base->code == (t->code == 'z' ? 'c' : 'u'));
}

/* What void*, char* and wchar_t* take beside their own instances: 1 converted, 0 not, -1 exception. */
static int convert_address(VM *vm, CArg *arg, const CType *t, Value v)
{
    if (v.tag == T_None) {
        arg_pointer(arg, NULL);
        return 1;
    }
    if (v.tag == T_Str && t->code != 'z')
        return arg_text(vm, arg, v) == ALP_OK ? 1 : -1;
    if (t->code == 'P' && (v.tag == T_Int || v.tag == T_Bool)) {
        arg_pointer(arg, (void *)(uintptr_t)v.u.i);
        return 1;
    }
    if (t->code == 'P' && is_cfunction(v)) {
        arg_pointer(arg, cfunction_address(v));
        return 1;
    }
    if (is_cref(v) && accepts_pointer(t, CDATA_TYPE(CREF(v)->object))) {
        arg_pointer(arg, CREF(v)->address);
        return 1;
    }
    if (!is_cdata(v))
        return 0;
    const CType *own = CDATA_TYPE(v);
    bool fits = own->kind == CK_Simple ? t->code == 'P' && is_address(own) : accepts_pointer(t, CTYPE(own->base));
    return !fits ? 0 : arg_address_of(vm, arg, v) == ALP_OK ? 1 : -1;
}

static Status convert_simple(VM *vm, CArg *arg, const CType *t, Value v)
{
    if (is_cdata(v) && CDATA_TYPE(v) == t)
        return arg_data(vm, arg, v);
    int done = 0;
    if (is_address(t)) {
        done = convert_address(vm, arg, t, v);
    } else if (!is_cdata(v)) {
        Value none;
        arg->type = t->ffi;
        done = simple_store(vm, t, v, arg->bytes, &none) == ALP_OK;
        if (!done && vm->exc_type != TY_MemoryError)
            vm_clear_exc(vm);
    }
    if (done || vm_has_exc(vm))
        return done > 0 ? ALP_OK : ALP_FAIL;
    Value parameter = as_parameter(vm, v);
    Status s = ALP_FAIL;
    if (parameter.tag == T_Foreign)
        s = convert_simple(vm, arg, t, parameter);
    else if (parameter.tag == T_Unbound)
        raise(vm, TY_TypeError, "wrong type");
    value_free(vm, parameter);
    return s;
}

/* Pointer and array types. */
static Status convert_pointer(VM *vm, CArg *arg, const CType *t, Value v)
{
    bool pointer = t->kind == CK_Pointer;
    if (pointer && v.tag == T_None) {
        arg_pointer(arg, NULL);
        return ALP_OK;
    }
    if (is_cdata(v)) {
        const CType *own = CDATA_TYPE(v);
        if (pointer && own == CTYPE(t->base)) {         /* passed by reference */
            arg_pointer(arg, CDATA(v)->bytes);
            return ALP_OK;
        }
        if (own == t || (pointer && own->kind != CK_Simple && own->base.u.o == t->base.u.o))
            return arg_address_of(vm, arg, v);
    }
    if (is_cref(v)) {
        Value object = CREF(v)->object;
        if (pointer && CDATA_TYPE(object) == CTYPE(t->base)) {
            arg_pointer(arg, CREF(v)->address);
            return ALP_OK;
        }
        raise(vm, TY_TypeError, "expected %s instance instead of pointer to %s", t->name, value_type_name(object));
        return ALP_FAIL;
    }
    Value parameter = as_parameter(vm, v);
    if (!IS_ERR(parameter))
        raise(vm, TY_TypeError, "expected %s instance instead of %s", t->name,
              value_type_name(parameter.tag == T_Unbound ? v : parameter));
    value_free(vm, parameter);
    return ALP_FAIL;
}

/* The n-th argument, by its declared type (T_Unbound: none).  Errors become ArgumentError, which says which argument it
 * was. */
static Status convert(VM *vm, CArg *arg, Value type, Value v, uint32_t n)
{
    const CType *t = type.tag == T_Unbound ? NULL : CTYPE(type);
    Status s = !t ? convert_undeclared(vm, arg, v, n)
             : t->kind == CK_Simple ? convert_simple(vm, arg, t, v) : convert_pointer(vm, arg, t, v);
    if (s == ALP_OK || type_is_subclass(vm->exc_type, TY_MemoryError))
        return s;
    const char *kind = type_name(vm->exc_type);
    Value text = vm_exc_text(vm);
    vm_clear_exc(vm);
    raise(vm, TY_ArgumentError, "argument %u: %s: %s", n, kind, text.tag == T_Str ? STR(text)->text : "");
    value_free(vm, text);
    return s;
}

/* ---- the call ---------------------------------------------------------------------------------------------------- */

/* C's result as a value; `bytes` as libffi leaves it. */
static Value convert_result(VM *vm, Value restype, char *bytes)
{
    int plain;
    switch ((Tag)restype.tag) {
    case T_None:
        return V_NONE;
    case T_Foreign:
        if (is_ctype(restype)) {
            if (CTYPE(restype)->kind == CK_Simple)
                return simple_load(vm, CTYPE(restype), bytes);
            void *address;
            memcpy(&address, bytes, sizeof address);
            return cdata_pointer(vm, restype, address, V_NONE);
        }
        break;
    default:
        break;
    }
    memcpy(&plain, bytes, sizeof plain);
    if (restype.tag == T_Unbound)
        return V_INT(plain);
    Value x = V_INT(plain);
    return vm_call(vm, restype, &x, 1, NULL, 0);
}

static Value call_converted(VM *vm, const CFunction *f, CArg *arg, ffi_type **type, void **address, uint32_t n,
                            uint32_t n_declared)
{
    for (uint32_t i = 0; i < n; i++) {
        type[i] = arg[i].type;
        address[i] = arg[i].bytes;
    }
    ffi_type *result = f->restype.tag == T_None ? &ffi_type_void
                       : is_ctype(f->restype)   ? CTYPE(f->restype)->ffi
                                                : &ffi_type_sint;
    ffi_cif cif;
    ffi_status s = n_declared && n > n_declared ? ffi_prep_cif_var(&cif, FFI_DEFAULT_ABI, n_declared, n, result, type)
                                                : ffi_prep_cif(&cif, FFI_DEFAULT_ABI, n, result, type);
    if (s != FFI_OK)
        return raise(vm, TY_RuntimeError, "ffi_prep_cif failed");
    _Alignas(16) char bytes[32] = { 0 };
    ffi_call(&cif, FFI_FN(f->address), bytes, address);
    Value restype = value_ref(f->restype);              /* calling it may assign another */
    Value v = convert_result(vm, restype, bytes);
    value_free(vm, restype);
    return v;
}

static Value function_call(VM *vm, Value self, const Value *args, uint32_t n, const Sym *kw, uint32_t n_kw)
{
    CFunction *f = CFUNCTION(self);
    if (n_kw)
        return raise(vm, TY_TypeError, "this function takes no keyword arguments");
    Value converters = value_ref(f->converters);
    uint32_t declared = converters.tag == T_Tuple ? (uint32_t)TUPLE(converters)->count : 0;
    Value result = V_ERR;
    CArg few[FEW_ARGS], *arg = few;
    ffi_type *few_types[FEW_ARGS], **type = few_types;
    void *few_addresses[FEW_ARGS], **address = few_addresses;
    size_t each = sizeof *arg + sizeof *type + sizeof *address;
    uint32_t done = 0;
    if (n < declared) {
        raise(vm, TY_TypeError, "this function takes at least %u argument%s (%u given)", declared,
              declared == 1 ? "" : "s", n);
        goto out;
    }
    if (n > MAX_ARGS) {
        raise(vm, TY_ArgumentError, "too many arguments (%u), maximum is %d", n, MAX_ARGS);
        goto out;
    }
    if (n > FEW_ARGS) {
        arg = vm_alloc(vm, n * each);
        if (!arg)
            goto out;
        type = (ffi_type **)(void *)(arg + n);
        address = (void **)(type + n);
    }
    for (; done < n; done++) {
        arg[done] = (CArg){ .buffer = V_UNBOUND };
        if (convert(vm, &arg[done], done < declared ? TUPLE(converters)->item[done] : V_UNBOUND, args[done],
                    done + 1) != ALP_OK)
            break;
    }
    if (done == n)
        result = call_converted(vm, f, arg, type, address, n, declared);
    for (uint32_t i = 0; i < done; i++)
        value_free(vm, arg[i].buffer);
    if (arg && arg != few)
        vm_dealloc(vm, arg, n * each);
out:
    value_free(vm, converters);
    return result;
}

/* ---- function objects -------------------------------------------------------------------------------------------- */

static void destroy_function(VM *vm, void *data)
{
    CFunction *f = data;
    value_free(vm, f->restype);
    value_free(vm, f->argtypes);
    value_free(vm, f->converters);
}

static Value function_getattr(VM *vm, Value self, const char *name)
{
    const CFunction *f = CFUNCTION(self);
    if (strcmp(name, "restype") == 0)
        return f->restype.tag == T_Unbound ? ctypes_simple(vm, "c_int") : value_ref(f->restype);
    if (strcmp(name, "argtypes") == 0)
        return value_ref(f->argtypes);
    if (strcmp(name, "__name__") == 0)
        return str_z(vm, intern_text(vm->names, f->name));
    return V_UNBOUND;
}

static Status set_restype(VM *vm, CFunction *f, Value v)
{
    bool type = is_ctype(v);
    if (type && (CTYPE(v)->code == 'c' || CTYPE(v)->code == 'z')) {
        raise(vm, TY_TypeError, "results of type %s are bytes, which are not part of alpy", CTYPE(v)->name);
        return ALP_FAIL;
    }
    bool callable = v.tag == T_Func || v.tag == T_Native || v.tag == T_Type || is_cfunction(v);
    if (v.tag != T_None && !callable && !(type && CTYPE(v)->kind != CK_Array)) {
        raise(vm, TY_TypeError, "restype must be a type, a callable, or None");
        return ALP_FAIL;
    }
    value_set(vm, &f->restype, value_ref(v));
    return ALP_OK;
}

static Status set_argtypes(VM *vm, CFunction *f, Value v)
{
    Value converters = V_NONE;
    if (v.tag == T_List || v.tag == T_Tuple) {
        converters = seq_to_tuple(vm, v);
        if (IS_ERR(converters))
            return ALP_FAIL;
        const Tuple *t = TUPLE(converters);
        size_t i = 0;
        while (i < t->count && is_ctype(t->item[i]))
            i++;
        if (i < t->count)
            raise(vm, TY_TypeError, "item %zu in _argtypes_ has no from_param method", i + 1);
        else if (t->count > MAX_ARGS)
            raise(vm, TY_ArgumentError, "_argtypes_ has too many arguments (%zu), maximum is %d", t->count, MAX_ARGS);
        if (vm_has_exc(vm)) {
            value_free(vm, converters);
            return ALP_FAIL;
        }
    } else if (v.tag != T_None) {
        raise(vm, TY_TypeError, "_argtypes_ must be a sequence of types");
        return ALP_FAIL;
    }
    value_set(vm, &f->converters, converters);
    value_set(vm, &f->argtypes, value_ref(v));
    return ALP_OK;
}

static Status function_setattr(VM *vm, Value self, const char *name, Value v)
{
    if (strcmp(name, "restype") == 0)
        return set_restype(vm, CFUNCTION(self), v);
    if (strcmp(name, "argtypes") == 0)
        return set_argtypes(vm, CFUNCTION(self), v);
    raise(vm, TY_AttributeError, "'_FuncPtr' object has no attribute '%s'", name);
    return ALP_FAIL;
}

static Value function_repr(VM *vm, Value self)
{
    return str_fmt(vm, "<_FuncPtr object at %p>", (void *)self.u.o);
}

static const ForeignClass function_class = {
    .name = "_FuncPtr", .module = "ctypes", .destroy = destroy_function, .repr = function_repr,
    .getattr = function_getattr, .setattr = function_setattr, .call = function_call,
};

bool is_cfunction(Value v)
{
    return v.tag == T_Foreign && FOREIGN(v)->cls == &function_class;
}

void *cfunction_address(Value v)
{
    return CFUNCTION(v)->address;
}

/* ---- libraries --------------------------------------------------------------------------------------------------- */

/* Libraries stay loaded, as under ctypes: code of theirs may run in threads that they have started. */
static void destroy_library(VM *vm, void *data)
{
    CLibrary *l = data;
    for (uint32_t i = 0; i < l->count; i++)
        value_free(vm, l->functions[i].function);
    vm_dealloc(vm, l->functions, l->cap * sizeof *l->functions);
    value_free(vm, l->name);
}

static Value function_new(VM *vm, const CLibrary *l, const char *name)
{
    dlerror();
    void *address = dlsym(l->handle, name);
    const char *why = dlerror();
    if (!address)
        return raise(vm, TY_AttributeError, "%s", why ? why : name);
    Sym sym = intern_z(vm->names, name);
    if (sym == SYM_NONE)
        return raise_nomem(vm);
    Value v = foreign_new(vm, &function_class, sizeof(CFunction));
    if (!IS_ERR(v))
        *CFUNCTION(v) = (CFunction){
            .address = address, .restype = V_UNBOUND, .argtypes = V_NONE, .converters = V_NONE, .name = sym
        };
    return v;
}

/* lib.name: always the same object, as types are assigned to it. */
static Value library_function(VM *vm, CLibrary *l, const char *name)
{
    Sym sym = intern_find(vm->names, name, strlen(name));
    for (uint32_t i = 0; sym != SYM_NONE && i < l->count; i++)
        if (l->functions[i].name == sym)
            return value_ref(l->functions[i].function);
    Value v = function_new(vm, l, name);
    if (IS_ERR(v))
        return v;
    if (l->count == l->cap) {
        uint32_t cap = l->cap ? l->cap * 2 : 8;
        void *grown = vm_realloc(vm, l->functions, l->cap * sizeof *l->functions, cap * sizeof *l->functions);
        if (!grown) {
            value_free(vm, v);
            return V_ERR;
        }
        l->functions = grown;
        l->cap = cap;
    }
    l->functions[l->count].name = CFUNCTION(v)->name;
    l->functions[l->count++].function = value_ref(v);
    return v;
}

static Value library_getattr(VM *vm, Value self, const char *name)
{
    CLibrary *l = CLIBRARY(self);
    if (strcmp(name, "_name") == 0)
        return value_ref(l->name);
    if (strcmp(name, "_handle") == 0)
        return V_INT((int64_t)(intptr_t)l->handle);
    size_t size = strlen(name);
    if (size >= 4 && strncmp(name, "__", 2) == 0 && strcmp(name + size - 2, "__") == 0)
        return raise(vm, TY_AttributeError, "%s", name);
    return library_function(vm, l, name);
}

/* lib["name"]: a new object each time, for other types. */
static Value library_index(VM *vm, Value self, Value key)
{
    const char *name;
    size_t size;
    if (arg_str(vm, key, &name, &size, "function name") != ALP_OK)
        return V_ERR;
    return function_new(vm, CLIBRARY(self), name);
}

static Value library_repr(VM *vm, Value self)
{
    const CLibrary *l = CLIBRARY(self);
    return str_fmt(vm, l->name.tag == T_Str ? "<CDLL '%s', handle %zx at %p>" : "<CDLL %s, handle %zx at %p>",
                   l->name.tag == T_Str ? STR(l->name)->text : "None", (size_t)l->handle, (void *)self.u.o);
}

static const ForeignClass library_class = {
    .name = "CDLL", .module = "ctypes", .destroy = destroy_library, .repr = library_repr, .getattr = library_getattr,
    .index = library_index,
};

static Value library_open(VM *vm, Value name, int64_t mode)
{
    const char *path = NULL;
    if (name.tag == T_Str) {
        path = STR(name)->text;
        if (strlen(path) != STR(name)->size)
            return raise(vm, TY_ValueError, "embedded null character");
    } else if (name.tag != T_None) {
        return raise(vm, TY_TypeError, "expected str, bytes or os.PathLike object, not %s", value_type_name(name));
    }
    Value v = foreign_new(vm, &library_class, sizeof(CLibrary));
    if (IS_ERR(v))
        return v;
    CLibrary *l = CLIBRARY(v);
    l->name = value_ref(name);
    l->handle = dlopen(path, (int)mode | RTLD_NOW);
    if (l->handle)
        return v;
    const char *why = dlerror();
    raise(vm, TY_OSError, "%s", why ? why : "dlopen() error");
    value_free(vm, v);
    return V_ERR;
}

static Value fn_cdll(VM *vm, const Args *args)
{
    int64_t mode = RTLD_LOCAL;
    if (args->v[1].tag != T_Unbound && arg_int(vm, args->v[1], &mode) != ALP_OK)
        return V_ERR;
    return library_open(vm, args->v[0], mode);
}

const NativeRow ctypes_call_rows[] = {
    { "CDLL", fn_cdll, "name, mode=", "A shared library, whose functions are attributes; None: the program itself." },
    { NULL },
};
