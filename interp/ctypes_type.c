/* interp/ctypes_type.c — C types as values: the simple ones as a table, pointers and arrays derived from them. */
#include "interp/ctypes.h"

#include <stddef.h>
#include <string.h>
#include <wchar.h>

#include "interp/ops.h"
#include "interp/str.h"

/* ---- the simple types -------------------------------------------------------------------------------------------- */

typedef struct SimpleRow {
    const char *name;
    char        code;
    uint8_t     size, align;
    ffi_type   *ffi;
} SimpleRow;

static const SimpleRow simple_row[] = {
#define ROW(name, code, type, ffi) { name, code, sizeof(type), _Alignof(type), &ffi_type_##ffi },
    ROW("c_bool",       '?', _Bool, uint8)
    ROW("c_char",       'c', char, schar)
    ROW("c_wchar",      'u', wchar_t, sint32)
    ROW("c_byte",       'b', signed char, schar)
    ROW("c_ubyte",      'B', unsigned char, uchar)
    ROW("c_short",      'h', short, sshort)
    ROW("c_ushort",     'H', unsigned short, ushort)
    ROW("c_int",        'i', int, sint)
    ROW("c_uint",       'I', unsigned, uint)
    ROW("c_long",       'l', long, slong)
    ROW("c_ulong",      'L', unsigned long, ulong)
    ROW("c_float",      'f', float, float)
    ROW("c_double",     'd', double, double)
    ROW("c_longdouble", 'g', long double, longdouble)
    ROW("c_char_p",     'z', char *, pointer)
    ROW("c_wchar_p",    'Z', wchar_t *, pointer)
    ROW("c_void_p",     'P', void *, pointer)
#undef ROW
};
_Static_assert(sizeof(wchar_t) == 4 && sizeof(long) == sizeof(long long) && sizeof(size_t) == sizeof(long), "LP64");

/* Second names, as ctypes has them where long has 64 bits. */
static const char *const alias[][2] = {
    { "c_longlong", "c_long" }, { "c_ulonglong", "c_ulong" }, { "c_size_t", "c_ulong" }, { "c_ssize_t", "c_long" },
    { "c_int8", "c_byte" }, { "c_int16", "c_short" }, { "c_int32", "c_int" }, { "c_int64", "c_long" },
    { "c_uint8", "c_ubyte" }, { "c_uint16", "c_ushort" }, { "c_uint32", "c_uint" }, { "c_uint64", "c_ulong" },
    { "c_voidp", "c_void_p" },
};

static Value no_bytes(VM *vm)
{
    return raise(vm, TY_TypeError, "bytes are not part of alpy");
}

static bool is_signed_int(char code)
{
    return strchr("bhil", code) != NULL;
}

/* An integer's bytes, sign- or zero-extended. */
static uint64_t load_bits(const CType *t, const char *bytes)
{
    uint64_t bits = 0;
    memcpy(&bits, bytes, t->size);              /* little-endian, as every LP64 target here */
    if (is_signed_int(t->code) && t->size < 8) {
        unsigned unused = 64 - 8 * (unsigned)t->size;
        bits = (uint64_t)((int64_t)(bits << unused) >> unused);
    }
    return bits;
}
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "load_bits, and results of foreign functions");

static Value address_value(VM *vm, uint64_t bits)
{
    if (bits > INT64_MAX)
        return raise(vm, TY_OverflowError, "integer result does not fit in 64 bits");
    return V_INT((int64_t)bits);
}

Value simple_load(VM *vm, const CType *t, const char *bytes)
{
    switch (t->code) {
    case '?':
        return V_BOOL(*bytes != 0);
    case 'c':
        return no_bytes(vm);
    case 'u': {
        wchar_t c;
        char text[4];
        memcpy(&c, bytes, sizeof c);
        if ((uint32_t)c > 0x10ffff)
            return raise(vm, TY_ValueError, "character U+%x is not in range [U+0000; U+10ffff]", (unsigned)c);
        return str_new(vm, text, utf8_put(text, (uint32_t)c));
    }
    case 'f': {
        float x;
        memcpy(&x, bytes, sizeof x);
        return V_FLOAT(x);
    }
    case 'd': {
        double x;
        memcpy(&x, bytes, sizeof x);
        return V_FLOAT(x);
    }
    case 'g': {
        long double x;
        memcpy(&x, bytes, sizeof x);
        return V_FLOAT((double)x);
    }
    case 'z': {
        uint64_t bits = load_bits(t, bytes);
        return bits ? no_bytes(vm) : V_NONE;
    }
    case 'Z': {
        char *p;
        memcpy(&p, bytes, sizeof p);
        return p ? wide_text(vm, p) : V_NONE;
    }
    case 'P': {
        uint64_t bits = load_bits(t, bytes);
        return bits ? address_value(vm, bits) : V_NONE;
    }
    default: {
        uint64_t bits = load_bits(t, bytes);
        return t->code == 'L' ? address_value(vm, bits) : V_INT((int64_t)bits);
    }
    }
}

/* Bytes of a text for C; never changed by alpy. */
static const ForeignClass wide_class = { .name = "wchar_t_buffer", .module = "ctypes" };

Value wide_buffer(VM *vm, Value str, void **address)
{
    const Str *s = STR(str);
    Value v = foreign_new(vm, &wide_class, (s->length + 1) * sizeof(wchar_t));
    if (IS_ERR(v))
        return v;
    wchar_t *out = (wchar_t *)(void *)FOREIGN(v)->data;
    for (size_t pos = 0; pos < s->size; )
        *out++ = (wchar_t)utf8_next(s->text, s->size, &pos);
    *address = FOREIGN(v)->data;
    return v;
}

static Status store_address(VM *vm, const CType *t, Value v, char *bytes, Value *target)
{
    void *p = NULL;
    if (v.tag == T_Int || v.tag == T_Bool) {
        p = (void *)(uintptr_t)v.u.i;
    } else if (t->code == 'Z' && v.tag == T_Str) {
        *target = wide_buffer(vm, v, &p);
        if (IS_ERR(*target)) {
            *target = V_UNBOUND;
            return ALP_FAIL;
        }
    } else if (v.tag != T_None) {
        if (t->code == 'P')
            raise(vm, TY_TypeError, "cannot be converted to pointer");
        else
            raise(vm, TY_TypeError, "%s or integer address expected instead of %s instance",
                  t->code == 'z' ? "bytes" : "unicode string", value_type_name(v));
        return ALP_FAIL;
    }
    memcpy(bytes, &p, sizeof p);
    return ALP_OK;
}

static Status store_character(VM *vm, const CType *t, Value v, char *bytes)
{
    if (t->code == 'c') {
        if ((v.tag != T_Int && v.tag != T_Bool) || v.u.i < 0 || v.u.i > 255) {
            raise(vm, TY_TypeError, "one character bytes, bytearray or integer expected");
            return ALP_FAIL;
        }
        *bytes = (char)v.u.i;
        return ALP_OK;
    }
    if (v.tag != T_Str) {
        raise(vm, TY_TypeError, "unicode string expected instead of %s instance", value_type_name(v));
        return ALP_FAIL;
    }
    if (STR(v)->length != 1) {
        raise(vm, TY_TypeError, "one character unicode string expected");
        return ALP_FAIL;
    }
    size_t pos = 0;
    wchar_t c = (wchar_t)utf8_next(STR(v)->text, STR(v)->size, &pos);
    memcpy(bytes, &c, sizeof c);
    return ALP_OK;
}

Status simple_store(VM *vm, const CType *t, Value v, char *bytes, Value *target)
{
    *target = V_UNBOUND;
    switch (t->code) {
    case '?': {
        int truth = arg_truth(vm, v);
        if (truth < 0)
            return ALP_FAIL;
        *bytes = (char)truth;
        return ALP_OK;
    }
    case 'f': case 'd': case 'g': {
        double x;
        TRY(arg_float(vm, v, &x));
        float single = (float)x;
        long double wide;
        memset(&wide, 0, sizeof wide);          /* its padding too */
        wide = x;
        memcpy(bytes, t->code == 'f' ? (void *)&single : t->code == 'd' ? (void *)&x : (void *)&wide, t->size);
        return ALP_OK;
    }
    case 'c': case 'u':
        return store_character(vm, t, v, bytes);
    case 'z': case 'Z': case 'P':
        return store_address(vm, t, v, bytes, target);
    default: {
        int64_t i;
        TRY(arg_int(vm, v, &i));
        memcpy(bytes, &i, t->size);             /* wraps, as C's conversion does */
        return ALP_OK;
    }
    }
}

/* ---- type objects ------------------------------------------------------------------------------------------------ */

static const ForeignClass simple_class, pointer_class, array_class;

bool is_ctype(Value v)
{
    if (v.tag != T_Foreign)
        return false;
    const ForeignClass *cls = FOREIGN(v)->cls;
    return cls == &simple_class || cls == &pointer_class || cls == &array_class;
}

static void destroy_type(VM *vm, void *data)
{
    CType *t = data;
    if (t->base.tag == T_Unbound)
        return;
    Foreign *self = (Foreign *)(void *)((char *)data - offsetof(Foreign, data));
    for (Foreign **f = &CTYPE(t->base)->derived; *f; f = &((CType *)(void *)(*f)->data)->next_derived)
        if (*f == self) {
            *f = t->next_derived;
            break;
        }
    value_free(vm, t->base);
}

static Value type_repr(VM *vm, Value self)
{
    const CType *t = CTYPE(self);
    return str_fmt(vm, "<class '%s.%s'>", t->instance.module, t->name);
}

static Value type_getattr(VM *vm, Value self, const char *name)
{
    const CType *t = CTYPE(self);
    if (strcmp(name, "__name__") == 0)
        return str_z(vm, t->name);
    if (strcmp(name, "_type_") == 0)
        return t->kind == CK_Simple ? str_new(vm, &t->code, 1) : value_ref(t->base);
    if (strcmp(name, "_length_") == 0 && t->kind == CK_Array)
        return V_INT(t->length);
    return raise(vm, TY_AttributeError, "type object '%s' has no attribute '%s'", t->name, name);
}

static Value type_call_hook(VM *vm, Value self, const Value *args, uint32_t n_args, const Sym *kw, uint32_t n_kw)
{
    if (n_kw)
        return raise(vm, TY_TypeError, "%s() takes no keyword arguments", CTYPE(self)->name);
    return cdata_create(vm, self, args, n_args);
}

/* type * length */
static Value type_binary(VM *vm, BinOp op, Value a, Value b)
{
    if (op != BI_Mul)
        return V_NOTIMPL;
    Value type = is_ctype(a) ? a : b, n = is_ctype(a) ? b : a;
    int64_t length;
    if ((n.tag != T_Int && n.tag != T_Bool && !IS_NPSCALAR(n)) || !value_as_int(n, &length))
        return raise(vm, TY_TypeError, "can't multiply sequence by non-int of type '%s'", value_type_name(n));
    return ctypes_array_of(vm, type, length);
}

#define TYPE_CLASS(text) \
    { \
        .name = text, .module = "", .destroy = destroy_type, .repr = type_repr, .getattr = type_getattr, \
        .call = type_call_hook, .binary = type_binary \
    }
static const ForeignClass simple_class = TYPE_CLASS("_ctypes.PyCSimpleType");
static const ForeignClass pointer_class = TYPE_CLASS("_ctypes.PyCPointerType");
static const ForeignClass array_class = TYPE_CLASS("_ctypes.PyCArrayType");

/* A type of which only the head is filled in. */
static Value type_new(VM *vm, const ForeignClass *cls, const char *module, const char *name, size_t name_size)
{
    Value v = foreign_new(vm, cls, sizeof(CType) + name_size + 1);
    if (IS_ERR(v))
        return v;
    CType *t = CTYPE(v);
    memcpy(t->name, name, name_size);
    t->base = V_UNBOUND;
    t->instance = cdata_class;
    t->instance.name = t->name;
    t->instance.module = module;
    return v;
}

/* Owned; V_UNBOUND: not made yet. */
static Value find_derived(const CType *base, CKind kind, int64_t length)
{
    for (Foreign *f = base->derived; f; ) {
        const CType *t = (const CType *)(const void *)f->data;
        if (t->kind == kind && t->length == length)
            return value_ref(V_OBJ(f));
        f = t->next_derived;
    }
    return V_UNBOUND;
}

static void link_derived(Value type, Value base)
{
    CType *t = CTYPE(type), *b = CTYPE(base);
    t->base = value_ref(base);
    t->next_derived = b->derived;
    b->derived = FOREIGN(type);
}

Value ctypes_pointer_to(VM *vm, Value base)
{
    Value v = find_derived(CTYPE(base), CK_Pointer, 0);
    if (v.tag != T_Unbound)
        return v;
    Value name = str_fmt(vm, "LP_%s", CTYPE(base)->name);
    if (IS_ERR(name))
        return name;
    v = type_new(vm, &pointer_class, "__main__", STR(name)->text, STR(name)->size);
    value_free(vm, name);
    if (IS_ERR(v))
        return v;
    CType *t = CTYPE(v);
    t->kind = CK_Pointer;
    t->size = sizeof(void *);
    t->align = _Alignof(void *);
    t->ffi = &ffi_type_pointer;
    t->instance.length = NULL;
    link_derived(v, base);
    return v;
}

Value ctypes_array_of(VM *vm, Value base, int64_t length)
{
    if (length < 0)
        return raise(vm, TY_ValueError, "Array length must be >= 0, not %lld", (long long)length);
    Value v = find_derived(CTYPE(base), CK_Array, length);
    if (v.tag != T_Unbound)
        return v;
    size_t size;
    if (__builtin_mul_overflow(CTYPE(base)->size, (size_t)length, &size) || size > INT64_MAX)
        return raise(vm, TY_OverflowError, "array too large");
    Value name = str_fmt(vm, "%s_Array_%lld", CTYPE(base)->name, (long long)length);
    if (IS_ERR(name))
        return name;
    v = type_new(vm, &array_class, "__main__", STR(name)->text, STR(name)->size);
    value_free(vm, name);
    if (IS_ERR(v))
        return v;
    CType *t = CTYPE(v);
    t->kind = CK_Array;
    t->size = size;
    t->align = CTYPE(base)->align;
    t->length = length;
    t->ffi = &ffi_type_pointer;
    link_derived(v, base);
    return v;
}

Status ctypes_add_simple(VM *vm, Module *m)
{
    for (size_t i = 0; i < COUNT_OF(simple_row); i++) {
        const SimpleRow *row = &simple_row[i];
        Value v = type_new(vm, &simple_class, "ctypes", row->name, strlen(row->name));
        if (IS_ERR(v))
            return ALP_FAIL;
        CType *t = CTYPE(v);
        t->kind = CK_Simple;
        t->code = row->code;
        t->size = row->size;
        t->align = row->align;
        t->ffi = row->ffi;
        t->instance.length = NULL;
        t->instance.index = NULL;
        t->instance.setindex = NULL;
        TRY(module_set(vm, m, row->name, v));
    }
    for (size_t i = 0; i < COUNT_OF(alias); i++) {
        Sym name = intern_z(vm->names, alias[i][1]);
        if (name == SYM_NONE) {
            raise_nomem(vm);
            return ALP_FAIL;
        }
        TRY(module_set(vm, m, alias[i][0], value_ref(module_get(m, name))));
    }
    return ALP_OK;
}

Value ctypes_simple(VM *vm, const char *name)
{
    Sym module = intern_z(vm->names, "ctypes"), sym = intern_z(vm->names, name);
    if (module == SYM_NONE || sym == SYM_NONE)
        return raise_nomem(vm);
    Module *m = module_import(vm, module);
    return m ? value_ref(module_get(m, sym)) : V_ERR;
}
