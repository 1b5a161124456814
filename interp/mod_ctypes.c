/* interp/mod_ctypes.c — the module ctypes: its names. */
#include "interp/ctypes.h"

#include <dlfcn.h>

static const NativeRow *const tables[] = { ctypes_data_rows, ctypes_call_rows, NULL };

/* The module goes, and with it what pointers keep alive: cycles of them fall apart. */
static void destroy_types(VM *vm, void *data)
{
    ForeignTypes *f = data;
    vm->foreign = NULL;
    for (CData *d; (d = f->keepers); ) {
        f->keepers = d->next;
        if (d->next)
            d->next->prev = NULL;
        Keep *keep = d->keep;
        uint32_t n = d->n_keep, cap = d->cap_keep;
        d->keep = NULL;
        d->n_keep = d->cap_keep = 0;
        for (uint32_t i = 0; i < n; i++)
            value_free(vm, keep[i].target);
        vm_dealloc(vm, keep, cap * sizeof *keep);
    }
}

static const ForeignClass types_class = { .name = "_Objects", .module = "ctypes", .destroy = destroy_types };

static Status init(VM *vm, Module *m)
{
    Value types = foreign_new(vm, &types_class, sizeof(ForeignTypes));
    if (IS_ERR(types))
        return ALP_FAIL;
    vm->foreign = (ForeignTypes *)(void *)FOREIGN(types)->data;
    TRY(module_set(vm, m, "_objects", types));
    TRY(module_set(vm, m, "RTLD_LOCAL", V_INT(RTLD_LOCAL)));
    TRY(module_set(vm, m, "RTLD_GLOBAL", V_INT(RTLD_GLOBAL)));
    TRY(module_set(vm, m, "DEFAULT_MODE", V_INT(RTLD_LOCAL)));
    TRY(module_set(vm, m, "ArgumentError", V_TYPE(TY_ArgumentError)));
    return ctypes_add_simple(vm, m);
}

const ModuleDef mod_ctypes = { .name = "ctypes", .tables = tables, .init = init, .function_type = TY_builtin };
