/* interp/module.c — modules: variables, the built-in ones, imports. */
#include "interp/module.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dsl/parse.h"
#include "interp/str.h"

/* Made when first imported. */
static const ModuleDef *const module_def[] = {
    &mod_math, &mod_numpy, &mod_linalg, &mod_time, &mod_sys, &mod_tqdm, &mod_matplotlib, &mod_pyplot, &mod_ctypes,
};

/* ---- objects --------------------------------------------------------------------------------------------------------------- */

Module *module_new(VM *vm, const char *name, const char *path)
{
    Sym sym = intern_z(vm->names, name);
    if (sym == SYM_NONE) {
        raise_nomem(vm);
        return NULL;
    }
    Module *m = obj_new(vm, T_Module, sizeof *m);
    if (!m)
        return NULL;
    Obj head = m->head;
    *m = (Module){ .head = head, .name = sym };
    module_names_init(&m->names, &vm->mem);
    if (path) {
        size_t size = strlen(path) + 1;
        m->path = vm_alloc(vm, size);
        if (!m->path)
            goto fail;
        memcpy(m->path, path, size);
    }
    Value text = str_z(vm, name);
    if (!IS_ERR(text) && module_set(vm, m, "__name__", text) == ALP_OK)
        return m;
fail:
    obj_free(vm, &m->head);
    return NULL;
}

void module_clear(VM *vm, Module *m)
{
    for (uint32_t i = 0; i < m->cap_slots && i < m->names.count; i++)
        value_set(vm, &m->slots[i], V_UNBOUND);
}

void module_destroy(VM *vm, Module *m)
{
    module_clear(vm, m);
    vm_dealloc(vm, m->slots, m->cap_slots * sizeof *m->slots);
    module_names_free(&m->names);
    vm_dealloc(vm, m->path, m->path ? strlen(m->path) + 1 : 0);
    vm_dealloc(vm, m, sizeof *m);
}

Status module_grow(VM *vm, Module *m)
{
    if (m->names.count <= m->cap_slots)
        return ALP_OK;
    uint32_t cap = m->names.count + m->names.count / 2 + 8;
    Value *slots = vm_realloc(vm, m->slots, m->cap_slots * sizeof *slots, cap * sizeof *slots);
    if (!slots)
        return ALP_FAIL;
    for (uint32_t i = m->cap_slots; i < cap; i++)
        slots[i] = V_UNBOUND;
    m->slots = slots;
    m->cap_slots = cap;
    for (Frame *f = vm->frame; f; f = f->up)
        if (f->module == m) {
            f->globals = slots;
            if (!f->func)
                f->slots = slots;
        }
    return ALP_OK;
}

Status module_set(VM *vm, Module *m, const char *name, ALP_TAKE Value v)
{
    Sym sym = intern_z(vm->names, name);
    uint32_t slot = sym == SYM_NONE ? MODULE_NO_SLOT : module_names_add(&m->names, sym);
    if (slot == MODULE_NO_SLOT)
        raise_nomem(vm);
    if (slot == MODULE_NO_SLOT || module_grow(vm, m) != ALP_OK) {
        value_free(vm, v);
        return ALP_FAIL;
    }
    value_set(vm, &m->slots[slot], v);
    return ALP_OK;
}

Value module_get(const Module *m, Sym name)
{
    uint32_t slot = module_names_find(&m->names, name);
    return slot == MODULE_NO_SLOT || slot >= m->cap_slots ? V_UNBOUND : m->slots[slot];
}

Value builtin_get(VM *vm, Sym name)
{
    return module_get(vm->builtins, name);
}

/* ---- built-in modules -------------------------------------------------------------------------------------------------------- */

/* NumPy's functions that are written in C, whose errors about arguments read differently. */
static bool is_numpy_c(const char *name)
{
    static const char *const c_function[] = {
        "zeros", "empty", "array", "asarray", "arange", "ascontiguousarray", "frombuffer", "fromiter",
    };
    for (size_t i = 0; i < COUNT_OF(c_function); i++)
        if (strcmp(c_function[i], name) == 0)
            return true;
    return false;
}

static NativeStyle function_style(const ModuleDef *def, const Native *f)
{
    if (f->type == TY_ufunc)
        return NS_Ufunc;
    if (def == &mod_numpy)
        return is_numpy_c(f->row->name) ? NS_NumPy : NS_Python;
    return def == &mod_tqdm || def == &mod_pyplot || def == &mod_linalg ? NS_Python : NS_Core;
}

/* The name that messages show: with the module, but for builtins and NumPy.  Lives as long as the VM's names. */
static const char *function_qual(VM *vm, const ModuleDef *def, const char *name)
{
    if (def == &mod_builtins || def == &mod_numpy || def == &mod_linalg)
        return name;
    char qual[96];
    snprintf(qual, sizeof qual, "%s.%s", def->name, name);
    Sym sym = intern_z(vm->names, qual);
    return sym == SYM_NONE ? NULL : intern_text(vm->names, sym);
}

static Status add_function(VM *vm, Module *m, const ModuleDef *def, const NativeRow *row)
{
    const char *qual = function_qual(vm, def, row->name);
    if (!qual) {
        raise_nomem(vm);
        return ALP_FAIL;
    }
    Value v = native_new(vm, row, def->function_type ? def->function_type : TY_builtin, qual, V_UNBOUND);
    if (IS_ERR(v))
        return ALP_FAIL;
    Native *f = (Native *)(void *)v.u.o;
    f->style = (uint8_t)function_style(def, f);
    return module_set(vm, m, row->name, v);
}

static Module *load_builtin(VM *vm, const ModuleDef *def)
{
    Module *m = module_new(vm, def->name, NULL);
    if (!m)
        return NULL;
    m->is_builtin = true;
    for (const NativeRow *const *t = def->tables; t && *t; t++)
        for (const NativeRow *row = *t; row->name; row++)
            if (add_function(vm, m, def, row) != ALP_OK)
                goto fail;
    if (!def->init || def->init(vm, m) == ALP_OK)
        return m;
fail:
    obj_free(vm, &m->head);
    return NULL;
}

Module *module_builtins_new(VM *vm)
{
    return load_builtin(vm, &mod_builtins);
}

/* ---- imports ------------------------------------------------------------------------------------------------------------------ */

static Module *find_loaded(VM *vm, Sym name)
{
    if (vm->main && vm->main->name == name)
        return vm->main;
    if (vm->builtins->name == name)
        return vm->builtins;
    for (uint32_t i = 0; i < vm->n_modules; i++)
        if (vm->modules[i]->name == name)
            return vm->modules[i];
    return NULL;
}

/* Takes m; NULL: exception, m released. */
static Module *keep(VM *vm, ALP_TAKE Module *m)
{
    if (m && vm->n_modules == vm->cap_modules) {
        uint32_t cap = vm->cap_modules ? vm->cap_modules * 2 : 8;
        Module **p = vm_realloc(vm, vm->modules, vm->cap_modules * sizeof *p, cap * sizeof *p);
        if (!p) {
            obj_free(vm, &m->head);
            return NULL;
        }
        vm->modules = p;
        vm->cap_modules = cap;
    }
    if (m)
        vm->modules[vm->n_modules++] = m;
    return m;
}

static void forget(VM *vm, Module *m)
{
    for (uint32_t i = 0; i < vm->n_modules; i++)
        if (vm->modules[i] == m) {
            memmove(vm->modules + i, vm->modules + i + 1, (vm->n_modules - i - 1) * sizeof *vm->modules);
            vm->n_modules--;
            module_clear(vm, m);
            obj_free(vm, &m->head);
            return;
        }
}

/* The whole file: *size bytes in a block of *cap; NULL: exception, or *err is ENOENT and there is none. */
static char *read_file(VM *vm, const char *path, size_t *size, size_t *cap, int *err)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    *err = 0;
    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        *err = fd < 0 && errno != ENOENT && errno != ENOTDIR ? errno : ENOENT;
        if (*err != ENOENT)
            raise_errno(vm, *err, path);
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    size_t used = 0;
    *cap = (size_t)st.st_size + 1;
    char *text = vm_alloc(vm, *cap);
    while (text && used < *cap) {
        ssize_t n = read(fd, text + used, *cap - used);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            raise_errno(vm, errno, path);
            vm_dealloc(vm, text, *cap);
            text = NULL;
        }
        if (n <= 0)
            break;
        used += (size_t)n;
    }
    close(fd);
    *size = used;
    return text;
}

/* Runs the file as a new module.  NULL: exception, or *found false. */
static Module *load_file(VM *vm, Sym name, const char *path, bool *found)
{
    size_t size = 0, cap = 0;
    int err;
    char *text = read_file(vm, path, &size, &cap, &err);
    *found = text || err != ENOENT;
    if (!text)
        return NULL;
    Module *m = keep(vm, module_new(vm, intern_text(vm->names, name), path));
    RunStatus status = RUN_EXC;
    if (m) {
        m->is_loading = true;
        m->head.refs++;
        bool echo = vm->echo;
        vm->echo = false;
        status = vm_run(vm, m, path, text, size, PM_File);
        vm->echo = echo;
        m->is_loading = false;
        if (status != RUN_OK)
            forget(vm, m);
        obj_free(vm, &m->head);
    }
    vm_dealloc(vm, text, cap);
    return status == RUN_OK ? m : NULL;
}

/* Beside the script, then in the current folder: NAME.alp, then NAME.py. */
static Module *import_file(VM *vm, Sym name, bool *found)
{
    static const char *const suffix[] = { ".alp", ".py" };
    char here[4096], path[4096 + 512];
    const char *dir[2] = { vm->script_dir, getcwd(here, sizeof here) };
    const char *text = intern_text(vm->names, name);
    for (size_t d = 0; d < COUNT_OF(dir); d++)
        for (size_t s = 0; s < COUNT_OF(suffix) && dir[d]; s++) {
            int n = snprintf(path, sizeof path, "%s/%s%s", *dir[d] ? dir[d] : ".", text, suffix[s]);
            if (n < 0 || (size_t)n >= sizeof path)
                continue;
            Module *m = load_file(vm, name, path, found);
            if (*found)
                return m;
        }
    return NULL;
}

static Module *import_one(VM *vm, Sym name, bool *found)
{
    Module *m = find_loaded(vm, name);
    *found = true;
    if (m)
        return m;
    const char *text = intern_text(vm->names, name);
    for (size_t i = 0; i < COUNT_OF(module_def); i++) {
        if (strcmp(module_def[i]->name, text) != 0)
            continue;
        m = keep(vm, load_builtin(vm, module_def[i]));
        /* numpy brings its submodule along, which finds it loaded. */
        if (m && module_def[i] == &mod_numpy) {
            Sym linalg = intern_z(vm->names, mod_linalg.name);
            if (linalg == SYM_NONE)
                raise_nomem(vm);
            if (linalg == SYM_NONE || !module_import(vm, linalg))
                return NULL;
        }
        return m;
    }
    *found = false;
    return strchr(text, '.') ? NULL : import_file(vm, name, found);
}

Module *module_import(VM *vm, Sym dotted_name)
{
    const char *text = intern_text(vm->names, dotted_name);
    const char *dot = strrchr(text, '.');
    Module *parent = NULL;
    if (dot) {
        Sym sym = intern(vm->names, text, (size_t)(dot - text));
        if (sym == SYM_NONE) {
            raise_nomem(vm);
            return NULL;
        }
        parent = module_import(vm, sym);
        if (!parent)
            return NULL;
    }
    bool found;
    Module *m = import_one(vm, dotted_name, &found);
    if (!found && !vm_has_exc(vm)) {
        if (parent && !parent->is_builtin)
            raise(vm, TY_ModuleNotFoundError, "No module named '%s'; '%s' is not a package", text, intern_text(vm->names, parent->name));
        else
            raise(vm, TY_ModuleNotFoundError, "No module named '%s'", text);
    }
    if (m && parent) {
        m->head.refs++;
        if (module_set(vm, parent, dot + 1, V_OBJ(m)) != ALP_OK)
            return NULL;
    }
    return m;
}

Module *module_import_first(VM *vm, Sym dotted_name)
{
    const char *text = intern_text(vm->names, dotted_name);
    Sym first = intern(vm->names, text, strcspn(text, "."));
    if (first == SYM_NONE) {
        raise_nomem(vm);
        return NULL;
    }
    return find_loaded(vm, first);
}

Value module_import_name(VM *vm, Module *m, Sym name)
{
    Value v = module_get(m, name);
    if (v.tag != T_Unbound)
        return value_ref(v);
    const char *module = intern_text(vm->names, m->name), *text = intern_text(vm->names, name);
    char dotted[512];
    int n = snprintf(dotted, sizeof dotted, "%s.%s", module, text);
    for (size_t i = 0; i < COUNT_OF(module_def) && n > 0 && (size_t)n < sizeof dotted; i++)
        if (strcmp(module_def[i]->name, dotted) == 0) {
            Module *sub = module_import(vm, intern_z(vm->names, dotted));
            if (!sub)
                return V_ERR;
            sub->head.refs++;
            return V_OBJ(sub);
        }
    const char *path = m->path ? m->path : "unknown location";
    if (m->is_loading)
        return raise(vm, TY_ImportError, "cannot import name '%s' from partially initialized module '%s' "
                     "(most likely due to a circular import) (%s)", text, module, path);
    return raise(vm, TY_ImportError, "cannot import name '%s' from '%s' (%s)", text, module, path);
}
