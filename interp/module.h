/* interp/module.h — modules: variables by slot, and the built-in ones as tables. */
#ifndef ALP_INTERP_MODULE_H
#define ALP_INTERP_MODULE_H

#include "interp/native.h"

typedef struct Module {
    Obj         head;           /* T_Module */
    Sym         name;           /* "numpy", "__main__", "helpers" */
    char       *path;           /* of an .alp file, else NULL */
    ModuleNames names;
    Value      *slots;          /* names.count used of cap_slots; T_Unbound: no such variable (any more) */
    uint32_t    cap_slots;
    bool        is_builtin;
    bool        is_loading;     /* its body is running: circular imports see it as it is */
} Module;

typedef struct ModuleDef {
    const char *name;
    const NativeRow *const *tables;             /* NULL-ended list of row tables, each ended by a row with name NULL */
    Status (*init)(VM *vm, Module *m);          /* constants, types, submodules; may be NULL */
    TypeId function_type;                       /* TY_builtin … what type() of its functions says */
} ModuleDef;

/* ORDER module_def: module.c lists them. */
extern const ModuleDef mod_builtins, mod_math, mod_numpy, mod_linalg, mod_time, mod_sys, mod_tqdm, mod_pyplot, mod_matplotlib, mod_ctypes;

Module *module_new(VM *vm, const char *name, const char *path);         /* owned; NULL: exception */
void    module_destroy(VM *vm, Module *m);
void    module_clear(VM *vm, Module *m);        /* drops all variables, which may refer to the module's own functions */
Module *module_builtins_new(VM *vm);
Status  module_set(VM *vm, Module *m, const char *name, ALP_TAKE Value v);
/* Borrowed; T_Unbound if absent. */
Value   module_get(const Module *m, Sym name);
/* Make room for slots that check_module() added. */
Status  module_grow(VM *vm, Module *m);
/* import a.b: the module of the full dotted name, imported if needed; borrowed (vm keeps it).  NULL: exception. */
Module *module_import(VM *vm, Sym dotted_name);
/* For `import a.b` without `as`: the module a, once a.b is imported.  Borrowed. */
Module *module_import_first(VM *vm, Sym dotted_name);
/* For `from m import name`: its variable or submodule, owned; ImportError. */
Value   module_import_name(VM *vm, Module *m, Sym name);
/* The builtins' value for a name, borrowed; T_Unbound if there is none. */
Value   builtin_get(VM *vm, Sym name);

#endif
