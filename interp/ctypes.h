/* interp/ctypes.h — the module ctypes: C types, C data, and functions of shared libraries.
 *
 * Three kinds of foreign objects: types (CType: c_double, POINTER(c_double), c_double * 3), data (CData: an instance of
 * a type, with bytes of its own or inside of something else's), and functions (ctypes_call.c).  Files: mod_ctypes.c
 * (the module's names), ctypes_type.c, ctypes_data.c, ctypes_call.c, ctypes_array.c (ndarray.ctypes).
 *
 * What keeps a pointer's target alive is noted in the object whose bytes hold the pointer ("keep").  Through such a
 * pointer only the target's own bytes can be reached; an address that came from C is probed by the system before it is
 * used, so a bad one is a ValueError and not a crash. */
#ifndef ALP_INTERP_CTYPES_H
#define ALP_INTERP_CTYPES_H

#include <ffi.h>

#include "interp/module.h"

typedef enum CKind { CK_Simple, CK_Pointer, CK_Array } CKind;

typedef struct CType {
    CKind        kind;
    char         code;          /* simple: as module struct's, '?' 'b' … 'd' 'g', 'P' void*, 'z' char*, 'Z' wchar_t*,
                                 * 'c' 'u' characters */
    uint8_t      align;
    size_t       size;          /* bytes */
    int64_t      length;        /* arrays: elements */
    Value        base;          /* pointee or element: a CType; simple: T_Unbound */
    ffi_type    *ffi;           /* how it is passed and returned (an array as a pointer) */
    ForeignClass instance;      /* class of its data */
    /* Types made of this one, for POINTER(T) is POINTER(T): not counted, they take themselves out. */
    Foreign     *derived, *next_derived;
    char         name[];
} CType;

/* Bytes at `slot`, inside of the object that has this entry, hold a pointer into `target`: a CData, Array or text
 * buffer. */
typedef struct Keep {
    const char *slot;
    Value       target;
} Keep;

typedef struct CData {
    Value         type;         /* counted */
    char         *bytes;
    Value         owner;        /* whose bytes they are, if not its own: CData or Array; T_None: C's */
    size_t        own_size;     /* allocated at `bytes`; 0: in `small`, or not its own */
    Keep         *keep;
    uint32_t      n_keep, cap_keep;
    struct CData *prev, *next;  /* ForeignTypes.keepers */
    _Alignas(16) char small[16];
} CData;

/* byref(x) */
typedef struct CRef {
    Value object;
    char *address;
} CRef;

/* One VM's ctypes; lives in a variable of the module, whose end breaks cycles of pointers. */
typedef struct ForeignTypes {
    CData *keepers;             /* all data with `keep` entries */
} ForeignTypes;

#define CTYPE(v)    ((CType *)(void *)FOREIGN(v)->data)
#define CDATA(v)    ((CData *)(void *)FOREIGN(v)->data)
#define CREF(v)     ((CRef *)(void *)FOREIGN(v)->data)
#define CDATA_TYPE(v) CTYPE(CDATA(v)->type)

bool is_ctype(Value v);
bool is_cdata(Value v);
bool is_cref(Value v);
static inline bool is_char_pointer(const CType *t)
{
    return t->kind == CK_Simple && (t->code == 'z' || t->code == 'Z');
}
/* Are values of this type addresses? */
static inline bool is_address(const CType *t)
{
    return t->kind == CK_Pointer || is_char_pointer(t) || (t->kind == CK_Simple && t->code == 'P');
}

/* ---- ctypes_type.c ----------------------------------------------------------------------------------------------- */
/* Adds c_int and all other simple types to the module. */
Status ctypes_add_simple(VM *vm, Module *m);
/* A simple type by its name, owned; imports the module if it is not yet. */
Value  ctypes_simple(VM *vm, const char *name);
Value  ctypes_pointer_to(VM *vm, Value type);                   /* POINTER(type), owned */
Value  ctypes_array_of(VM *vm, Value type, int64_t length);     /* type * length, owned */
/* A simple type's value from and to its bytes.  Storing raises what assigning `.value` raises; *target: what has to
 * stay alive, or T_Unbound. */
Value  simple_load(VM *vm, const CType *t, const char *bytes);
Status simple_store(VM *vm, const CType *t, Value v, char *bytes, Value *target);
/* A copy of text as wchar_t; owned.  *address: of its first character. */
Value  wide_buffer(VM *vm, Value str, void **address);

/* ---- ctypes_data.c ----------------------------------------------------------------------------------------------- */
extern const ForeignClass cdata_class;                          /* what CType.instance starts from */
/* New data with zero bytes. */
Value  cdata_new(VM *vm, Value type);
/* Data whose bytes are at `bytes` inside of owner (T_None: C's memory). */
Value  cdata_at(VM *vm, Value type, char *bytes, Value owner);
/* A pointer of the given type; target: what it points into, T_None if unknown. */
Value  cdata_pointer(VM *vm, Value type, void *address, Value target);
/* Calling a type. */
Value  cdata_create(VM *vm, Value type, const Value *args, size_t n_args);
/* The address that pointer-like data holds, and what it points into (borrowed; T_None: not known). */
Status cdata_address(VM *vm, Value pointer, char **address, Value *target);
/* Copy between alpy's memory and an address that may be bad; ValueError. */
Status peek(VM *vm, const void *address, void *to, size_t size);
Status poke(VM *vm, void *address, const void *from, size_t size);
/* TypeError unless `type` is a pointer type, in the words of cast(). */
Status pointer_type_arg(VM *vm, Value type);
/* The text at a wchar_t*. */
Value  wide_text(VM *vm, const char *address);

extern const NativeRow ctypes_data_rows[];                      /* POINTER, pointer, byref, cast, sizeof, alignment,
                                                                 * addressof */

/* ---- ctypes_call.c ----------------------------------------------------------------------------------------------- */
extern const NativeRow ctypes_call_rows[];                      /* CDLL */
bool  is_cfunction(Value v);
void *cfunction_address(Value v);

/* ---- ctypes_array.c ---------------------------------------------------------------------------------------------- */
/* a.ctypes */
Value array_ctypes_attr(VM *vm, Value a);
/* x._as_parameter_, owned; T_Unbound if x has none. */
Value as_parameter(VM *vm, Value x);

#endif
