/* interp/native.h — functions written in C as table rows, their argument binding, and foreign objects. */
#ifndef ALP_INTERP_NATIVE_H
#define ALP_INTERP_NATIVE_H

#include "interp/vm.h"

/* Bound arguments: v[k] belongs to the row's k-th declared parameter, T_Unbound where an optional one was not given.
 * rest: the surplus positional arguments of a row that declares "*name".  All borrowed.  Methods have self in v[0]. */
typedef struct Args {
    const Value *v;
    const Value *rest;
    uint32_t     n_rest;
    const Sym   *kw;            /* a row that declares "**name": names of the keyword arguments that no parameter takes, … */
    const Value *kw_value;
    uint32_t     n_kw;
} Args;

typedef Value (*NativeFn)(VM *vm, const Args *args);

/* What a function does with the bytes of arrays that are among its arguments, or in lists and tuples among them.  The functions of builtins and its types
 * (NS_Core) get at them by operators, iteration and texts, which see to it that they are current: nothing is done for them, but if they say NATIVE_WRITES. */
typedef enum NativeArrays {
    NATIVE_READS,               /* at most; those that a parameter "out=" names are written */
    NATIVE_WRITES,              /* of any of them */
    NATIVE_VIEWS,               /* nothing, other than by functions that ask for them */
    NATIVE_WHOLE,               /* as NATIVE_READS, but it asks for those of the first argument itself, and may leave them where they are */
} NativeArrays;

/* One function or method.  params, in Python's notation without values: "a, b=, /, *rest, key=" —
 *   name   required        name=  optional        /  all before it are positional-only
 *   **name  takes surplus keyword arguments (it comes last)
 *   *name  takes surplus positional arguments; parameters behind it (or behind a lone *) are keyword-only
 * Rows of methods do not list self. At most NATIVE_MAX_PARAMS. */
typedef struct NativeRow {
    const char *name;
    NativeFn    fn;
    const char *params;
    const char *doc;            /* one line */
    uint8_t     arrays;         /* NativeArrays */
} NativeRow;

#define NATIVE_MAX_PARAMS 16

typedef struct Native {
    Obj              head;      /* T_Native */
    const NativeRow *row;       /* NULL: a bound method of a def (never made for now) */
    Value            self;      /* T_Unbound: plain function */
    TypeId           type;      /* TY_builtin, TY_ufunc or TY_method, what type() says */
    const char      *qual;      /* name in messages: "sin", "list.append", "zeros" */
    void            *user;      /* host's data of a registered function (api.c) */
    /* Parsed params. */
    uint8_t          n_params, n_required, n_posonly, n_pos;     /* n_required: of the n_pos that can be given by position */
    bool             has_rest, has_kw_rest;
    uint8_t          direct;    /* NativeDirect: which calls by position need no binding */
    uint8_t          style;     /* NativeStyle */
    uint8_t          out;       /* 1 + number of the parameter "out"; 0: none */
    Sym              param[NATIVE_MAX_PARAMS];
} Native;

/* The caller puts n_params values at Args.v, T_Unbound where no argument was given. */
typedef enum NativeDirect {
    NDIR_Bind,                    /* always bind */
    NDIR_Fixed,                   /* n_required to n_pos arguments go to v */
    NDIR_Rest,                    /* all arguments go to rest */
} NativeDirect;

/* Obj.flags of a Native: a method reached through its type (str.upper), which takes self as its first argument. */
enum { NATIVE_UNBOUND_METHOD = 1 };

/* Whose words the errors about arguments use. */
typedef enum NativeStyle {
    NS_Core,            /* CPython's own functions in C */
    NS_NumPy,           /* NumPy's functions in C */
    NS_Ufunc,
    NS_Python,          /* functions written in Python */
} NativeStyle;


/* Owned T_Native, or T_Error.  self is referenced, not taken. */
Value native_new(VM *vm, const NativeRow *row, TypeId type, const char *qual, Value self);
/* Bind and call; kw as vm_call. Errors have CPython's texts ("f() takes exactly one argument (2 given)" …). */
Value native_call(VM *vm, const Native *f, const Value *args, uint32_t n_args, const Sym *kw, uint32_t n_kw);
/* Call a method row directly, self first: no bound method object is made. */
Value native_call_method(VM *vm, const Native *f, Value self, const Value *args, uint32_t n_args, const Sym *kw, uint32_t n_kw);
/* The Native whose function is running (for rows that share one C function); valid inside a NativeFn. */
const Native *native_running(const VM *vm);
/* The arguments' arrays current on the host, where some are on a device (interp/residency.h); before each call of row->fn. */
Status native_args_to_host(VM *vm, const Native *f, const Args *a, bool has_self);

/* ---- methods and attributes of built-in types ---------------------------------------------------------------------- */
/* Tables of rows, ended by a row with name NULL; attr.c joins them: a type's methods may come from several files. */
extern const NativeRow str_methods[], list_methods[], tuple_methods[], range_methods[], number_methods_int[], number_methods_float[],
    number_methods_complex[], array_methods[], array_reduce_methods[], dtype_methods[], npscalar_methods[];

/* value.name; owned.  AttributeError with CPython's text. attr.c */
Value attr_get(VM *vm, Value v, Sym name);
/* The method row for a call v.name(…) without making a bound object; NULL: use attr_get. Borrowed, cached per VM. */
const Native *attr_method(VM *vm, Value v, Sym name);
/* Calling a type: int("3"), np.float32(x), ValueError("text"), range(3) … builtins.c */
Value type_call(VM *vm, TypeId t, const Value *args, uint32_t n_args, const Sym *kw, uint32_t n_kw);
/* Names for completion and dir(): calls visit for each attribute of v. */
void  attr_each(VM *vm, Value v, void (*visit)(void *user, const char *name), void *user);

/* Attributes that are not methods, per type: return V_UNBOUND when there is no such attribute.
 * Each kind's file defines its own. */
Value array_attr(VM *vm, Value v, const char *name);
Value npscalar_attr(VM *vm, Value v, const char *name);
Value dtype_attr(VM *vm, Value v, const char *name);
Value number_attr(VM *vm, Value v, const char *name);      /* real, imag of int, float, complex */
extern const char *const array_attr_names[], *const npscalar_attr_names[], *const dtype_attr_names[], *const number_attr_names[]; /* NULL-ended */

/* ---- objects of modules written in C --------------------------------------------------------------------------------- */
typedef struct ForeignClass {
    const char *name;           /* __name__ */
    const char *module;         /* "" or module name */
    void  (*destroy)(VM *vm, void *data);           /* frees what data points to, not data itself */
    Value (*repr)(VM *vm, Value self);              /* NULL: <module.name object at 0x…> */
    Value (*getattr)(VM *vm, Value self, const char *name);     /* V_UNBOUND: no such attribute; NULL: none */
    Status(*setattr)(VM *vm, Value self, const char *name, Value v);   /* NULL: read-only */
    Value (*call)(VM *vm, Value self, const Value *args, uint32_t n_args, const Sym *kw, uint32_t n_kw);
    Value (*index)(VM *vm, Value self, Value key);
    Status(*setindex)(VM *vm, Value self, Value key, Value v);
    int64_t (*length)(VM *vm, Value self);          /* -1: exception */
    Value (*binary)(VM *vm, BinOp op, Value a, Value b);        /* ctypes: c_double * 3; V_NOTIMPL */
    Value (*iter)(VM *vm, Value self);
    bool  (*truth)(VM *vm, Value self);             /* NULL: length > 0 if there is a length, else true */
} ForeignClass;

typedef struct Foreign {
    Obj head;                   /* T_Foreign */
    const ForeignClass *cls;
    size_t data_size;
    _Alignas(16) unsigned char data[];
} Foreign;

/* data zeroed. */
Value foreign_new(VM *vm, const ForeignClass *cls, size_t data_size);
#define FOREIGN(v) ((Foreign *)(void *)(v).u.o)

/* ---- argument conversion, for all modules; each raises CPython's or NumPy's error ------------------------------------- */
Status arg_int(VM *vm, Value v, int64_t *out);          /* __index__: int, bool, NumPy integers; TypeError "'float' object cannot be interpreted as an integer" */
Status arg_float(VM *vm, Value v, double *out);         /* __float__: numbers; TypeError "must be real number, not str" */
Status arg_str(VM *vm, Value v, const char **text, size_t *size, const char *what);     /* TypeError "what must be str, not int"; borrowed, NUL-terminated */
int    arg_truth(VM *vm, Value v);                      /* 0, 1; -1 exception (ambiguous array) */

#endif
