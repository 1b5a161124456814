/* interp/native.c — functions written in C: what their rows declare, the binding of arguments, conversion of arguments. */
#include "interp/native.h"

#include <string.h>

#include "interp/array.h"
#include "interp/module.h"
#include "interp/ops.h"
#include "interp/residency.h"
#include "interp/str.h"

/* ---- reading a row's parameters ---------------------------------------------------------------------------------------- */

static bool is_space(char c)
{
    return c == ' ' || c == ',';
}

/* Fills the parsed part of f from row->params.  ALP_FAIL: out of memory. */
static Status read_params(VM *vm, Native *f)
{
    bool kw_only = false;
    for (const char *p = f->row->params ? f->row->params : ""; *p;) {
        while (is_space(*p))
            p++;
        const char *start = p;
        while (*p && !is_space(*p))
            p++;
        size_t size = (size_t)(p - start);
        if (size == 0)
            break;
        if (size == 1 && *start == '/') {
            f->n_posonly = f->n_params;
            continue;
        }
        if (*start == '*') {
            if (size > 1 && start[1] == '*')
                f->has_kw_rest = true;
            else
                f->has_rest = size > 1;
            kw_only = true;
            continue;
        }
        bool optional = start[size - 1] == '=';
        ALP_ASSERT(f->n_params < NATIVE_MAX_PARAMS);
        Sym name = intern(vm->names, start, optional ? size - 1 : size);
        if (name == SYM_NONE) {
            raise_nomem(vm);
            return ALP_FAIL;
        }
        if (size == 4 && memcmp(start, "out=", size) == 0)
            f->out = f->n_params + 1;
        f->param[f->n_params++] = name;
        if (!kw_only) {
            f->n_pos++;
            f->n_required += !optional;
        }
    }
    f->direct = !f->has_rest ? NDIR_Fixed : f->n_pos == 0 ? NDIR_Rest : NDIR_Bind;
    return ALP_OK;
}

Value native_new(VM *vm, const NativeRow *row, TypeId type, const char *qual, Value self)
{
    Native *f = obj_new(vm, T_Native, sizeof *f);
    if (!f)
        return V_ERR;
    Obj head = f->head;
    *f = (Native){ .head = head, .row = row, .self = value_ref(self), .type = type, .qual = qual,
                   .style = type == TY_ufunc ? NS_Ufunc : NS_Core };
    Value v = V_OBJ(f);
    if (read_params(vm, f) == ALP_OK)
        return v;
    value_free(vm, v);
    return V_ERR;
}

const Native *native_running(const VM *vm)
{
    return vm->native;
}

/* ---- errors about arguments -------------------------------------------------------------------------------------------- */

static bool accepts_keywords(const Native *f)
{
    return f->n_posonly < f->n_params || f->has_kw_rest;
}

static const char *plural(size_t n)
{
    return n == 1 ? "" : "s";
}

static Status refuse(VM *vm, const char *fmt, ...) PRINTF_LIKE(2, 3);
static Status refuse(VM *vm, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    raise_v(vm, TY_TypeError, fmt, ap);
    va_end(ap);
    return ALP_FAIL;
}

/* "f() takes from 1 to 2 positional arguments but 3 were given" */
static Status refuse_range(VM *vm, const Native *f, uint32_t given)
{
    const char *name = f->row->name, *were = given == 1 ? "was" : "were";
    if (f->n_required < f->n_pos)
        return refuse(vm, "%s() takes from %u to %u positional arguments but %u %s given", name, f->n_required, f->n_pos, given, were);
    return refuse(vm, "%s() takes %u positional argument%s but %u %s given", name, f->n_pos, plural(f->n_pos), given, were);
}

/* A wrong number of positional arguments, in the words of CPython's own functions. */
static Status refuse_count(VM *vm, const Native *f, uint32_t n_args, uint32_t n_kw)
{
    uint32_t min = f->n_required, max = f->n_pos;
    const char *name = f->row->name;
    if (f->style != NS_Core)
        return refuse_range(vm, f, n_args);
    if (!accepts_keywords(f)) {
        if (max == 0 && !f->has_rest)
            return refuse(vm, "%s() takes no arguments (%u given)", f->qual, n_args);
        if (min == 1 && max == 1 && !f->has_rest)
            return refuse(vm, "%s() takes exactly one argument (%u given)", f->qual, n_args);
        const char *bound = min == max && !f->has_rest ? "" : n_args < min ? "at least " : "at most ";
        uint32_t limit = n_args < min ? min : max;
        return refuse(vm, "%s expected %s%u argument%s, got %u", name, bound, limit, plural(limit), n_args);
    }
    if (n_args + n_kw > f->n_params && !f->has_kw_rest)
        return refuse(vm, "%s() takes at most %u %sargument%s (%u given)", name, f->n_params, n_args == 0 ? "keyword " : "",
                      plural(f->n_params), n_args + n_kw);
    if (max == 0)
        return refuse(vm, "%s() takes no positional arguments", name);
    uint32_t limit = n_args < min ? (min < f->n_posonly ? min : f->n_posonly) : max;
    return refuse(vm, "%s() takes %s %u positional argument%s (%u given)", name,
                  min == max ? "exactly" : n_args < min ? "at least" : "at most", limit, plural(limit), n_args);
}

/* Required parameters without argument, the first of them `missing`. */
static Status refuse_missing(VM *vm, const Native *f, const Value *v, uint32_t missing, uint32_t n_args)
{
    const char *name = f->row->name;
    if (f->style == NS_Ufunc)
        return refuse_range(vm, f, n_args);
    if (f->style != NS_Python)
        return refuse(vm, "%s() missing required argument '%s' (pos %u)", name, intern_text(vm->names, f->param[missing]),
                      missing + (f->style == NS_Core));
    StrBuf sb;
    sb_init(&sb, vm);
    uint32_t n = 0, put = 0;
    for (uint32_t i = missing; i < f->n_required; i++)
        n += v[i].tag == T_Unbound;
    for (uint32_t i = missing; i < f->n_required; i++)
        if (v[i].tag == T_Unbound) {
            sb_putz(&sb, put == 0 ? "" : put + 1 < n ? ", " : n == 2 ? " and " : ", and ");
            sb_printf(&sb, "'%s'", intern_text(vm->names, f->param[i]));
            put++;
        }
    Value list = sb_finish(&sb);
    if (IS_ERR(list))
        return ALP_FAIL;
    refuse(vm, "%s() missing %u required positional argument%s: %s", name, n, plural(n), STR(list)->text);
    value_free(vm, list);
    return ALP_FAIL;
}

static Status refuse_keyword(VM *vm, const Native *f, Sym kw)
{
    if (f->style != NS_Core)
        return refuse(vm, "%s() got an unexpected keyword argument '%s'", f->row->name, intern_text(vm->names, kw));
    return refuse(vm, "'%s' is an invalid keyword argument for %s()", intern_text(vm->names, kw), f->row->name);
}

static Status refuse_twice(VM *vm, const Native *f, uint32_t param)
{
    const char *name = f->row->name, *text = intern_text(vm->names, f->param[param]);
    if (f->style == NS_Python)
        return refuse(vm, "%s() got multiple values for argument '%s'", name, text);
    return refuse(vm, "argument for %s() given by name ('%s') and position (%u)", name, text, param + (f->style == NS_Core));
}

/* ---- binding ------------------------------------------------------------------------------------------------------------- */

/* v: room for the n_params values of the parameters.  kw_rest, kw_rest_value: room for n_kw surplus keyword arguments. */
static Status bind(VM *vm, const Native *f, Value *v, Args *a, const Value *args, uint32_t n_args, const Sym *kw, uint32_t n_kw,
                   Sym *kw_rest, Value *kw_rest_value)
{
    if (n_kw && !accepts_keywords(f) && f->style == NS_Core)
        return refuse(vm, "%s() takes no keyword arguments", f->qual);
    if ((n_args > f->n_pos && !f->has_rest) ||
        (n_args < f->n_required && f->style == NS_Core && (!accepts_keywords(f) || n_args < f->n_posonly)))
        return refuse_count(vm, f, n_args, n_kw);
    uint32_t n_given = n_args < f->n_pos ? n_args : f->n_pos;
    for (uint32_t i = 0; i < f->n_params; i++)
        v[i] = i < n_given ? args[i] : V_UNBOUND;
    uint32_t unknown = UINT32_MAX, twice = UINT32_MAX;
    for (uint32_t k = 0; k < n_kw; k++) {
        uint32_t p = f->n_posonly;
        while (p < f->n_params && f->param[p] != kw[k])
            p++;
        if (p < f->n_params) {
            if (v[p].tag != T_Unbound && twice == UINT32_MAX)
                twice = p;
            v[p] = args[n_args + k];
        } else if (f->has_kw_rest) {
            kw_rest[a->n_kw] = kw[k];
            kw_rest_value[a->n_kw++] = args[n_args + k];
        } else if (unknown == UINT32_MAX) {
            unknown = k;
        }
    }
    /* The last words of CPython's C functions are the first of all others. */
    if (unknown != UINT32_MAX && f->style != NS_Core)
        return refuse_keyword(vm, f, kw[unknown]);
    for (uint32_t i = 0; i < f->n_required; i++)
        if (v[i].tag == T_Unbound)
            return refuse_missing(vm, f, v, i, n_args);
    if (twice != UINT32_MAX)
        return refuse_twice(vm, f, twice);
    if (unknown != UINT32_MAX)
        return refuse_keyword(vm, f, kw[unknown]);
    if (n_args > f->n_pos) {
        a->rest = args + f->n_pos;
        a->n_rest = n_args - f->n_pos;
    }
    return ALP_OK;
}

/* Of the n values at v. */
static Status values_to_host(VM *vm, const Value *v, uint32_t n, HostUse use)
{
    for (uint32_t i = 0; i < n; i++)
        TRY(value_to_host(vm, v[i], use));
    return ALP_OK;
}

Status native_args_to_host(VM *vm, const Native *f, const Args *a, bool has_self)
{
    HostUse use = f->row->arrays == NATIVE_WRITES ? HOST_Write : HOST_Read;
    uint32_t n_own = f->row->arrays == NATIVE_WHOLE && a->v[0].tag == T_Array;
    if (f->row->arrays == NATIVE_VIEWS || f->style == NS_Ufunc || (f->style == NS_Core && f->row->arrays != NATIVE_WRITES))
        return ALP_OK;
    if (f->out)
        TRY(value_to_host(vm, a->v[has_self + f->out - 1], HOST_Write));
    TRY(values_to_host(vm, a->v + n_own, has_self + f->n_params - n_own, use));
    TRY(values_to_host(vm, a->rest, a->n_rest, use));
    return values_to_host(vm, a->kw_value, a->n_kw, use);
}

static Value invoke(VM *vm, const Native *f, const Args *a, bool has_self)
{
    const Native *caller = vm->native;
    if (UNLIKELY(vm->n_on_device) && native_args_to_host(vm, f, a, has_self) != ALP_OK)
        return V_ERR;
    vm->native = f;
    Value r = f->row->fn(vm, a);
    vm->native = caller;
    return r;
}

/* self T_Unbound: none. */
static Value bind_and_invoke(VM *vm, const Native *f, Value self, const Value *args, uint32_t n_args, const Sym *kw, uint32_t n_kw)
{
    Value v[1 + NATIVE_MAX_PARAMS];
    bool has_self = self.tag != T_Unbound;
    v[0] = self;
    Args a = { .v = v };
    if (!f->has_kw_rest || n_kw == 0) {
        if (bind(vm, f, v + has_self, &a, args, n_args, kw, n_kw, NULL, NULL) != ALP_OK)
            return V_ERR;
        return invoke(vm, f, &a, has_self);
    }
    Value r = V_ERR;
    Sym *rest = vm_alloc(vm, n_kw * sizeof *rest);
    Value *rest_value = rest ? vm_alloc(vm, n_kw * sizeof *rest_value) : NULL;
    if (rest_value && bind(vm, f, v + has_self, &a, args, n_args, kw, n_kw, rest, rest_value) == ALP_OK) {
        a.kw = rest;
        a.kw_value = rest_value;
        r = invoke(vm, f, &a, has_self);
    }
    vm_dealloc(vm, rest_value, n_kw * sizeof *rest_value);
    vm_dealloc(vm, rest, n_kw * sizeof *rest);
    return r;
}

/* str.upper("x"): the first argument has to be a str. */
static Value call_unbound(VM *vm, const Native *f, const Value *args, uint32_t n_args, const Sym *kw, uint32_t n_kw)
{
    TypeId owner = (TypeId)f->self.u.i;
    if (n_args == 0)
        return raise(vm, TY_TypeError, "unbound method %s() needs an argument", f->qual);
    if (!type_is_subclass(value_type(args[0]), owner))
        return raise(vm, TY_TypeError, "descriptor '%s' for '%s' objects doesn't apply to a '%s' object", f->row->name,
                     type_qualname(owner), value_type_name(args[0]));
    return bind_and_invoke(vm, f, args[0], args + 1, n_args - 1, kw, n_kw);
}

Value native_call(VM *vm, const Native *f, const Value *args, uint32_t n_args, const Sym *kw, uint32_t n_kw)
{
    if (f->head.flags & NATIVE_UNBOUND_METHOD)
        return call_unbound(vm, f, args, n_args, kw, n_kw);
    return bind_and_invoke(vm, f, f->self, args, n_args, kw, n_kw);
}

Value native_call_method(VM *vm, const Native *f, Value self, const Value *args, uint32_t n_args, const Sym *kw, uint32_t n_kw)
{
    return bind_and_invoke(vm, f, self, args, n_args, kw, n_kw);
}

/* ---- objects of modules written in C ------------------------------------------------------------------------------------- */

Value foreign_new(VM *vm, const ForeignClass *cls, size_t data_size)
{
    Foreign *f = obj_new(vm, T_Foreign, sizeof *f + data_size);
    if (!f)
        return V_ERR;
    f->cls = cls;
    f->data_size = data_size;
    memset(f->data, 0, data_size);
    return V_OBJ(f);
}

/* ---- argument conversion --------------------------------------------------------------------------------------------------- */

Status arg_int(VM *vm, Value v, int64_t *out)
{
    int r = op_as_index(vm, v, out);
    if (r == 0)
        raise(vm, TY_TypeError, "'%s' object cannot be interpreted as an integer", value_type_name(v));
    return r == 1 ? ALP_OK : ALP_FAIL;
}

Status arg_float(VM *vm, Value v, double *out)
{
    if (value_as_double(v, out))
        return ALP_OK;
    if (value_to_host(vm, v, HOST_Read) != ALP_OK)
        return ALP_FAIL;
    if (v.tag == T_Array && ARRAY(v)->ndim == 0) {
        Value item = array_load(vm, (DType)ARRAY(v)->dtype, ARRAY(v)->data);
        if (IS_ERR(item))
            return ALP_FAIL;
        bool ok = value_as_double(item, out);
        value_free(vm, item);
        if (ok)
            return ALP_OK;
    } else if (v.tag == T_Array) {
        raise(vm, TY_TypeError, "only 0-dimensional arrays can be converted to Python scalars");
        return ALP_FAIL;
    }
    raise(vm, TY_TypeError, "must be real number, not %s", value_type_name(v));
    return ALP_FAIL;
}

Status arg_str(VM *vm, Value v, const char **text, size_t *size, const char *what)
{
    if (v.tag != T_Str) {
        raise(vm, TY_TypeError, "%s must be str, not %s", what, value_type_name(v));
        return ALP_FAIL;
    }
    *text = STR(v)->text;
    if (size)
        *size = STR(v)->size;
    return ALP_OK;
}

int arg_truth(VM *vm, Value v)
{
    return op_truth(vm, v);
}
