/* interp/api_func.c — alpy.h: calls in both directions, and names for completion. */
#include <stdlib.h>

#include "interp/api.h"
#include "interp/ops.h"
#include "interp/residency.h"
#include "interp/seq.h"

#define FEW_ARGS 8              /* up to so many arguments need no memory */

/* ---- calling the program ----------------------------------------------------------------------------------------- */

/* Calls callee (taken), and leaves. */
static alpy_status call(alpy_vm *a, ALP_TAKE Value callee, const alpy_value *args, int nargs, alpy_value *result)
{
    VM *vm = a->vm;
    Value few[FEW_ARGS], *argv = few;
    const char *wrong = nargs < 0 || (nargs && !args) ? "args is NULL, or nargs negative" : NULL;
    if (!wrong && nargs > FEW_ARGS)
        argv = vm_alloc(vm, (size_t)nargs * sizeof *argv);
    int n = 0;
    bool ok = argv && !wrong;
    while (ok && n < nargs) {
        argv[n] = api_in(a, &args[n], &wrong);
        ok = argv[n].tag != T_Error;
        n += ok;
    }
    Value v = ok ? vm_call(vm, callee, argv, (uint32_t)nargs, NULL, 0) : V_ERR;
    while (n > 0)
        value_free(vm, argv[--n]);
    if (argv != few && argv)
        vm_dealloc(vm, argv, (size_t)nargs * sizeof *argv);
    value_free(vm, callee);
    if (wrong)
        return api_misuse(a, wrong);
    if (ok && !IS_ERR(v) && result)
        ok = api_out(a, v, result) == ALP_OK;
    else {
        ok = !IS_ERR(v);
        value_free(vm, v);
    }
    return api_leave_run(a, ok);
}

alpy_status alpy_call(alpy_vm *a, const char *function, const alpy_value *args, int nargs, alpy_value *result)
{
    if (result)
        memset(result, 0, sizeof *result);
    if (!api_enter_run(a))
        return ALPY_USAGE;
    if (!function)
        return api_misuse(a, "function is NULL");
    Value callee = api_lookup(a, function);
    return IS_ERR(callee) ? api_leave_run(a, false) : call(a, callee, args, nargs, result);
}

alpy_status alpy_call_value(alpy_vm *a, const alpy_value *function, const alpy_value *args, int nargs,
                            alpy_value *result)
{
    if (!api_enter_run(a))
        return ALPY_USAGE;
    const char *wrong = "function is NULL";
    Value callee = function ? api_in(a, function, &wrong) : V_ERR;
    if (result && result != function)
        memset(result, 0, sizeof *result);
    if (wrong)
        return api_misuse(a, wrong);
    return IS_ERR(callee) ? api_leave_run(a, false) : call(a, callee, args, nargs, result);
}

/* ---- being called by it ------------------------------------------------------------------------------------------ */

static Status check_count(VM *vm, const HostFunction *f, int n)
{
    int min = f->min_args, max = f->max_args;
    if (n >= min && (max < 0 || n <= max))
        return ALP_OK;
    int want = n < min ? min : max;
    const char *how = min == max ? "exactly" : n < min ? "at least" : "at most";
    if (max == 0)
        raise(vm, TY_TypeError, "%s() takes no arguments (%d given)", f->row.name, n);
    else
        raise(vm, TY_TypeError, "%s() takes %s %d argument%s (%d given)", f->row.name, how, want, want == 1 ? "" : "s",
              n);
    return ALP_FAIL;
}

/* The exception of a function that returned `status`: what it raised, or what a failed call of its left. */
static Value raise_parked(alpy_vm *a, const HostFunction *f)
{
    if (a->parked.type == TY_COUNT)
        return raise(a->vm, TY_SystemError, "<built-in function %s> returned an error without setting an exception",
                     f->row.name);
    api_unpark(a, &a->parked);
    return V_ERR;
}

static Value run_host_function(alpy_vm *a, const HostFunction *f, const Args *args)
{
    VM *vm = a->vm;
    int n = (int)args->n_rest;
    alpy_value few[FEW_ARGS], *argv = few, result = { .kind = ALPY_NONE };
    if (n > FEW_ARGS && !(argv = vm_alloc(vm, (size_t)n * sizeof *argv)))
        return V_ERR;
    int given = 0;
    while (given < n && api_out(a, value_ref(args->rest[given]), &argv[given]) == ALP_OK)
        given++;
    Value v = V_ERR;
    if (given == n && lent_to_host(vm) == ALP_OK) {
        Parked outer = a->parked;
        a->parked = PARKED_NONE;
        a->in_native++;
        alpy_status status = f->fn(a, f->user, argv, n, &result);
        a->in_native--;
        const char *wrong = NULL;
        if (status == ALPY_OK) {
            v = api_in(a, &result, &wrong);
            if (wrong)
                v = raise(vm, TY_SystemError, "<built-in function %s> returned a bad result: %s", f->row.name, wrong);
        } else
            v = raise_parked(a, f);
        /* The result is taken over, unless it is one of the arguments' own handles, released below. */
        uint64_t ref = result.kind == ALPY_ARRAY ? result.u.a.ref : result.kind > ALPY_COMPLEX ? result.ref : 0;
        for (int i = 0; i < n; i++)
            if (argv[i].kind > ALPY_COMPLEX && argv[i].ref == ref)
                ref = 0;
        if (ref)
            api_unhold(a, ref);
        api_drop_parked(a, &a->parked);
        a->parked = outer;
    }
    while (given > 0) {
        alpy_value *arg = &argv[--given];
        if (arg->kind > ALPY_COMPLEX)
            api_unhold(a, arg->ref);
    }
    if (argv != few)
        vm_dealloc(vm, argv, (size_t)n * sizeof *argv);
    return v;
}

static Value call_host(VM *vm, const Args *args)
{
    const HostFunction *f = native_running(vm)->user;
    if (args->n_rest > INT32_MAX)
        return raise(vm, TY_OverflowError, "too many arguments");
    return check_count(vm, f, (int)args->n_rest) == ALP_OK ? run_host_function(f->host, f, args) : V_ERR;
}

static Status register_one(alpy_vm *a, const alpy_function *row)
{
    VM *vm = a->vm;
    size_t name_size = strlen(row->name) + 1, doc_size = row->doc ? strlen(row->doc) + 1 : 0;
    size_t size = sizeof(HostFunction) + name_size + doc_size;
    HostFunction *f = mem_alloc(&a->mem, size);
    if (!f) {
        raise_nomem(vm);
        return ALP_FAIL;
    }
    *f = (HostFunction){ .next = a->functions, .host = a, .fn = row->fn, .user = row->user, .min_args = row->min_args,
                         .max_args = row->max_args, .size = size };
    memcpy(f->text, row->name, name_size);
    memcpy(f->text + name_size, row->doc ? row->doc : "", doc_size);
    f->row = (NativeRow){
        .name = f->text, .fn = call_host, .params = "*args", .doc = doc_size ? f->text + name_size : NULL, .arrays = NATIVE_WRITES
    };
    a->functions = f;           /* kept until the end, as the function object may outlive its name */
    Value v = native_new(vm, &f->row, TY_builtin, f->text, V_UNBOUND);
    if (IS_ERR(v))
        return ALP_FAIL;
    ((Native *)(void *)v.u.o)->user = f;
    return module_set(vm, vm->main, f->text, v);
}

alpy_status alpy_register(alpy_vm *a, const alpy_function *rows, size_t count)
{
    if (!api_enter(a))
        return ALPY_USAGE;
    if (count && !rows)
        return api_misuse(a, "rows is NULL");
    for (size_t i = 0; i < count; i++) {
        const alpy_function *r = &rows[i];
        if (!r->name || !*r->name || !api_utf8_valid(r->name, strlen(r->name)) || !r->fn)
            return api_misuse(a, "a function has no name, or no fn");
        if (r->min_args < 0 || r->max_args < -1 || (r->max_args >= 0 && r->max_args < r->min_args))
            return api_misuse(a, "a function's min_args and max_args do not go together");
        if (r->doc && !api_utf8_valid(r->doc, strlen(r->doc)))
            return api_misuse(a, "a function's doc is not UTF-8");
    }
    for (size_t i = 0; i < count; i++)
        if (register_one(a, &rows[i]) != ALP_OK)
            return api_fail(a);
    api_leave(a);
    return ALPY_OK;
}

static bool find_exception(const char *name, TypeId *out)
{
    for (TypeId t = 0; t < TY_COUNT; t++)
        if (type_is_exception(t) && (strcmp(type_name(t), name) == 0 || strcmp(type_qualname(t), name) == 0)) {
            *out = t;
            return true;
        }
    return false;
}

alpy_status alpy_raise(alpy_vm *a, const char *type, const char *text)
{
    if (!api_enter(a))
        return ALPY_USAGE;
    TypeId t;
    if (!a->in_native)
        return api_misuse(a, "alpy_raise() outside of a registered function");
    if (!type || !find_exception(type, &t))
        return api_misuse(a, "no such exception");
    if (text && !api_utf8_valid(text, strlen(text)))
        return api_misuse(a, "text is not UTF-8");
    VM *vm = a->vm;
    Value message = text ? str_z(vm, text) : V_UNBOUND;
    if (!IS_ERR(message)) {
        Value e = type_call(vm, t, &message, text ? 1 : 0, NULL, 0);
        if (!IS_ERR(e))
            raise_obj(vm, e);
    }
    value_free(vm, message);
    api_drop_parked(a, &a->parked);
    api_park(a, &a->parked);
    api_leave(a);
    return ALPY_ERROR;
}

/* ---- completion -------------------------------------------------------------------------------------------------- */

static const char *const keywords[] = {
    "False", "None", "True", "and", "as", "assert", "break", "continue", "def", "del", "elif", "else", "for",
    "from", "global", "if", "import", "in", "is", "not", "or", "pass", "raise", "return", "while",
};

/* Names that begin with `prefix`, collected to be sorted. */
typedef struct Names {
    VM         *vm;
    const char *prefix;
    size_t      prefix_size;
    char      **name;
    size_t      count, cap;
    bool        failed;
} Names;

static void add_name(void *user, const char *name)
{
    Names *n = user;
    if (n->failed || strncmp(name, n->prefix, n->prefix_size) != 0)
        return;
    if (n->prefix_size == 0 && name[0] == '_')
        return;
    if (n->count == n->cap) {
        size_t cap = n->cap ? n->cap * 2 : 64;
        char **grown = vm_realloc(n->vm, n->name, n->cap * sizeof *grown, cap * sizeof *grown);
        if (!grown) {
            n->failed = true;
            return;
        }
        n->name = grown;
        n->cap = cap;
    }
    size_t size = strlen(name) + 1;
    char *copy = vm_alloc(n->vm, size);
    if (!copy) {
        n->failed = true;
        return;
    }
    memcpy(copy, name, size);
    n->name[n->count++] = copy;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void add_globals(Names *n)
{
    VM *vm = n->vm;
    const Module *m = vm->main;
    for (uint32_t i = 0; i < m->names.count && i < m->cap_slots; i++)
        if (m->slots[i].tag != T_Unbound)
            add_name(n, intern_text(vm->names, m->names.name[i]));
    for (size_t i = 0; i < COUNT_OF(keywords); i++)
        add_name(n, keywords[i]);
    Sym sym = intern_z(vm->names, "builtins");
    Module *builtins = sym == SYM_NONE ? NULL : module_import(vm, sym);
    if (builtins)
        attr_each(vm, V_OBJ(builtins), add_name, n);
    else
        n->failed = true;
}

static bool is_name_byte(unsigned char c)
{
    return c == '_' || c >= 0x80 || (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
}

/* `head` (the path up to and including its last dot) before each sorted name. */
static void report_names(Names *n, const char *head, size_t head_size, int (*fn)(void *user, const char *completion),
                         void *user)
{
    VM *vm = n->vm;
    if (n->count)
        qsort(n->name, n->count, sizeof *n->name, by_text);
    for (size_t i = 0; i < n->count; i++) {
        if (i > 0 && strcmp(n->name[i], n->name[i - 1]) == 0)
            continue;
        size_t size = head_size + strlen(n->name[i]) + 1;
        char *text = vm_alloc(vm, size);
        if (!text)
            return;
        memcpy(text, head, head_size);
        strcpy(text + head_size, n->name[i]);
        int stop = fn(user, text);
        vm_dealloc(vm, text, size);
        if (stop)
            return;
    }
}

alpy_status alpy_complete(alpy_vm *a, const char *text, int (*fn)(void *user, const char *completion), void *user)
{
    if (!api_enter(a))
        return ALPY_USAGE;
    if (!text || !fn)
        return api_misuse(a, "text or fn is NULL");
    VM *vm = a->vm;
    const char *end = text + strlen(text), *start = end, *last = end;
    while (start > text && (is_name_byte((unsigned char)start[-1]) || start[-1] == '.'))
        start--;
    while (last > start && last[-1] != '.')
        last--;
    Names names = { .vm = vm, .prefix = last, .prefix_size = (size_t)(end - last) };
    if (last == start) {
        add_globals(&names);
    } else {
        size_t size = (size_t)(last - start);           /* with the dot, which becomes the NUL */
        char *path = vm_alloc(vm, size);
        if (path) {
            memcpy(path, start, size - 1);
            path[size - 1] = 0;
            Value v = api_lookup(a, path);
            vm_dealloc(vm, path, size);
            if (!IS_ERR(v))
                attr_each(vm, v, add_name, &names);
            else if (vm->exc_type != TY_MemoryError)
                vm_clear_exc(vm);                       /* nothing to complete */
            value_free(vm, v);
        }
    }
    bool nested = a->in_hook;
    a->in_hook = true;
    if (!vm_has_exc(vm))
        report_names(&names, start, (size_t)(last - start), fn, user);
    a->in_hook = nested;
    for (size_t i = 0; i < names.count; i++)
        vm_dealloc(vm, names.name[i], strlen(names.name[i]) + 1);
    vm_dealloc(vm, names.name, names.cap * sizeof *names.name);
    return api_done(a, vm_has_exc(vm) ? ALP_FAIL : ALP_OK);
}
