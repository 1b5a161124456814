/* interp/api_value.c — alpy.h: values and arrays on their way between host and program, and variables by name. */
#include "interp/api.h"
#include "interp/array.h"
#include "interp/format.h"
#include "interp/ops.h"
#include "interp/residency.h"
#include "interp/seq.h"

/* alpy_dtype is DType + 1. */
#define DTYPE_OUT(d)    ((alpy_dtype)((d) + 1))
#define DTYPE_IN(d)     ((DType)((d) - 1))
#define DTYPE_KNOWN(d)  ((d) > ALPY_NO_DTYPE && (d) <= ALPY_COMPLEX128)
_Static_assert(DTYPE_OUT(DT_Bool) == ALPY_BOOL8 && DTYPE_OUT(DT_F32) == ALPY_FLOAT32, "ORDER dtype");
_Static_assert(DTYPE_OUT(DT_COUNT - 1) == ALPY_COMPLEX128 && ALPY_MAX_NDIM == ALP_MAX_NDIM, "ORDER dtype");

/* RFC 3629: shortest form, no surrogates, up to U+10FFFF. */
bool api_utf8_valid(const char *text, size_t size)
{
    const unsigned char *p = (const unsigned char *)text, *end = p + size;
    while (p < end) {
        unsigned c = *p++;
        if (c < 0x80)
            continue;
        int more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
        if (c < 0xc2 || c > 0xf4 || end - p < more)
            return false;
        unsigned low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80, high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
        for (; more; more--, p++, low = 0x80, high = 0xbf)
            if (*p < low || *p > high)
                return false;
    }
    return true;
}

/* ---- handles ----------------------------------------------------------------------------------------------------- */

/* Takes v; 0: no memory, an exception is pending. */
static uint64_t hold(alpy_vm *a, ALP_TAKE Value v)
{
    if (!a->free_held) {
        uint32_t cap = a->cap_held ? a->cap_held * 2 : 16;
        Held *grown =
            cap > a->cap_held ? mem_realloc(&a->mem, a->held, a->cap_held * sizeof *grown, cap * sizeof *grown) : NULL;
        if (!grown) {
            value_free(a->vm, v);
            raise_nomem(a->vm);
            return 0;
        }
        for (uint32_t i = cap; i-- > a->cap_held; ) {
            grown[i] = (Held){ .value = V_UNBOUND, .generation = 1, .next_free = a->free_held };
            a->free_held = i + 1;
        }
        a->held = grown;
        a->n_held = a->cap_held = cap;
    }
    uint32_t i = a->free_held;
    Held *h = &a->held[i - 1];
    a->free_held = h->next_free;
    h->value = v;
    return (uint64_t)h->generation << 32 | i;
}

static Held *held_at(alpy_vm *a, uint64_t ref)
{
    uint32_t i = (uint32_t)ref;
    if (i == 0 || i > a->n_held)
        return NULL;
    Held *h = &a->held[i - 1];
    return h->generation == ref >> 32 && h->value.tag != T_Unbound ? h : NULL;
}

bool api_unhold(alpy_vm *a, uint64_t ref)
{
    Held *h = held_at(a, ref);
    if (!h)
        return false;
    h->generation++;
    h->next_free = a->free_held;
    a->free_held = (uint32_t)ref;
    Value v = h->value;
    h->value = V_UNBOUND;
    value_free(a->vm, v);                   /* last: a release function may run */
    return true;
}

/* ---- out --------------------------------------------------------------------------------------------------------- */

/* The host gets to know the address of an array's bytes.  Takes v if it fails. */
static Status lend(alpy_vm *a, Value v)
{
    if (v.tag != T_Array || array_to_host(a->vm, ARRAY(v), HOST_Lend) == ALP_OK)
        return ALP_OK;
    value_free(a->vm, v);
    return ALP_FAIL;
}

static void describe_array(const Array *x, uint64_t ref, alpy_array *out)
{
    *out = (alpy_array){ .dtype = DTYPE_OUT(x->dtype), .ndim = x->ndim, .shape = x->shape, .strides = x->strides,
                         .data = x->data, .readonly = x->readonly, .ref = ref };
}

/* A number as plain data; false: v is none. */
static bool number_out(Value v, alpy_value *out)
{
    bool numpy = IS_NPSCALAR(v);
    if (numpy)
        out->dtype = DTYPE_OUT(NP_DTYPE(v.tag));
    switch ((Tag)v.tag) {
    case T_Bool: case T_NpBool:
        out->kind = ALPY_BOOL;
        out->u.b = v.u.i != 0;
        return true;
    case T_Int: case T_NpI8: case T_NpI16: case T_NpI32: case T_NpI64:
    case T_NpU8: case T_NpU16: case T_NpU32: case T_NpU64:
        out->kind = ALPY_INT;
        out->u.i = v.u.i;
        return true;
    case T_Float: case T_NpF32: case T_NpF64:
        out->kind = ALPY_FLOAT;
        out->u.f = v.u.f;
        return true;
    case T_Complex: case T_NpC64: case T_NpC128:
        out->kind = ALPY_COMPLEX;
        value_as_complex(v, &out->u.c.re, &out->u.c.im);
        return true;
    default:
        return false;
    }
}

Status api_out(alpy_vm *a, ALP_TAKE Value v, alpy_value *out)
{
    memset(out, 0, sizeof *out);
    if (IS_ERR(v))
        return ALP_FAIL;
    if (v.tag == T_None)
        return ALP_OK;
    if (number_out(v, out)) {
        value_free(a->vm, v);
        return ALP_OK;
    }
    if (lend(a, v) != ALP_OK)
        return ALP_FAIL;
    uint64_t ref = hold(a, v);
    if (!ref)
        return ALP_FAIL;
    out->ref = ref;
    if (v.tag == T_Str) {
        out->kind = ALPY_STR;
        out->u.s.text = STR(v)->text;
        out->u.s.size = STR(v)->size;
    } else if (v.tag == T_Array) {
        out->kind = ALPY_ARRAY;
        describe_array(ARRAY(v), ref, &out->u.a);
    } else {
        out->kind = ALPY_OTHER;
        out->u.type = value_type_name(v);
    }
    return ALP_OK;
}

/* ---- in ---------------------------------------------------------------------------------------------------------- */

/* What a Buffer knows of bytes lent by the host. */
typedef struct Lent {
    alpy_vm *host;
    void   (*release)(void *user, void *data);
    void    *user, *data;
} Lent;

static void release_lent(void *user, void *data)
{
    (void)data;
    Lent *lent = user;
    alpy_vm *a = lent->host;
    bool nested = a->in_hook;
    a->in_hook = true;
    lent->release(lent->user, lent->data);
    a->in_hook = nested;
    mem_free(&a->mem, lent, sizeof *lent);
}

/* Byte offsets of the lowest and one past the highest byte of a strided array, and its elements; false: out of the
 * address space. */
static bool extent(const alpy_array *in, int64_t item, const int64_t *strides, int64_t *low, int64_t *high)
{
    int64_t count = 1;
    *low = *high = 0;
    for (int k = 0; k < in->ndim; k++) {
        if (in->shape[k] < 0 || __builtin_mul_overflow(count, in->shape[k], &count))
            return false;
    }
    if (count == 0)
        return true;
    for (int k = 0; k < in->ndim; k++) {
        int64_t *side = strides[k] < 0 ? low : high, reach;
        if (__builtin_mul_overflow(in->shape[k] - 1, strides[k], &reach) || __builtin_add_overflow(*side, reach, side))
            return false;
    }
    uintptr_t first = (uintptr_t)in->data;
    return !__builtin_add_overflow(*high, item, high) && (uint64_t)*high <= UINTPTR_MAX - first &&
           (uint64_t)-*low <= first;
}

/* View of the host's bytes.  *wrong as api_in. */
static Value lend_array(alpy_vm *a, const alpy_array *in, const char **wrong)
{
    VM *vm = a->vm;
    if (in->ref) {
        Held *h = held_at(a, in->ref);
        if (h && h->value.tag == T_Array)
            return value_ref(h->value);
        *wrong = "array was released already";
        return V_ERR;
    }
    if (!DTYPE_KNOWN(in->dtype))
        *wrong = "no such dtype";
    else if (in->ndim < 0 || in->ndim > ALPY_MAX_NDIM)
        *wrong = "ndim is not in 0 ... 8";
    else if (in->ndim > 0 && !in->shape)
        *wrong = "shape is NULL";
    if (*wrong)
        return V_ERR;

    DType d = DTYPE_IN(in->dtype);
    int64_t strides[ALPY_MAX_NDIM], low, high, item = dtype_info[d].size, step = item;
    for (int k = in->ndim; k-- > 0; ) {
        strides[k] = in->strides ? in->strides[k] : step;
        if (__builtin_mul_overflow(step, in->shape[k] > 0 ? in->shape[k] : 1, &step) && !in->strides)
            *wrong = "shape is larger than the address space";
    }
    if (!*wrong && !extent(in, item, strides, &low, &high))
        *wrong = "shape and strides reach beyond the address space";
    else if (!*wrong && high > low && !in->data)
        *wrong = "data is NULL";
    if (*wrong)
        return V_ERR;

    Lent *lent = NULL;
    if (in->release) {
        lent = mem_alloc(&a->mem, sizeof *lent);
        if (!lent)
            return raise_nomem(vm);
        *lent = (Lent){ a, in->release, in->user, in->data };
    }
    Buffer *buf = buffer_borrow(vm, in->data ? (char *)in->data + low : NULL, (size_t)(high - low),
                                lent ? release_lent : NULL, lent);
    Value v = V_ERR;
    if (buf) {
        buf->readonly = in->readonly;
        v = array_view(vm, buf, in->data, d, in->ndim, in->shape, strides, in->readonly);
        if (IS_ERR(v))
            buf->release = NULL;            /* the call fails: the bytes are the host's again */
        buffer_unref(vm, buf);
    }
    if (IS_ERR(v))
        mem_free(&a->mem, lent, sizeof *lent);
    return v;
}

/* A NumPy scalar of dtype d, or a Python number. */
static Value number_in(alpy_vm *a, const alpy_value *in, const char **wrong)
{
    VM *vm = a->vm;
    bool numpy = in->dtype != ALPY_NO_DTYPE;
    if (numpy && !DTYPE_KNOWN(in->dtype)) {
        *wrong = "no such dtype";
        return V_ERR;
    }
    DType d = numpy ? DTYPE_IN(in->dtype) : DT_COUNT;
    char kind = numpy ? dtype_info[d].kind : 0;
    Value v = { .tag = numpy ? T_NP(d) : T_None };
    switch (in->kind) {
    case ALPY_BOOL:
        if (numpy && kind != 'b')
            break;
        return numpy ? V_NPBOOL(in->u.b) : V_BOOL(in->u.b);
    case ALPY_INT:
        if (!numpy)
            return V_INT(in->u.i);
        v.u.i = in->u.i;
        if (kind != 'i' && kind != 'u')
            break;
        if (dtype_info[d].size < 8) {
            int bits = 8 * dtype_info[d].size;
            int64_t low = kind == 'i' ? -((int64_t)1 << (bits - 1)) : 0, span = (int64_t)1 << bits;
            if (in->u.i < low || in->u.i >= low + span) {
                *wrong = "number does not fit into its dtype";
                return V_ERR;
            }
        }
        return v;
    case ALPY_FLOAT:
        if (numpy && kind != 'f')
            break;
        if (!numpy)
            return V_FLOAT(in->u.f);
        v.u.f = d == DT_F32 ? (double)(float)in->u.f : in->u.f;
        return v;
    case ALPY_COMPLEX:
        if (numpy && kind != 'c')
            break;
        if (d == DT_C64) {
            v.u.c64.re = (float)in->u.c.re;
            v.u.c64.im = (float)in->u.c.im;
            return v;
        }
        return numpy ? npc128_new(vm, in->u.c.re, in->u.c.im) : complex_new(vm, in->u.c.re, in->u.c.im);
    default:
        break;
    }
    *wrong = "kind and dtype do not go together";
    return V_ERR;
}

static Value text_in(alpy_vm *a, const char *text, size_t size, const char **wrong)
{
    if (!text && size)
        *wrong = "text is NULL";
    else if (!api_utf8_valid(text ? text : "", size))
        *wrong = "text is not UTF-8";
    return *wrong ? V_ERR : str_new(a->vm, text ? text : "", size);
}

Value api_in(alpy_vm *a, const alpy_value *in, const char **wrong)
{
    *wrong = NULL;
    switch (in->kind) {
    case ALPY_NONE:
        return V_NONE;
    case ALPY_BOOL: case ALPY_INT: case ALPY_FLOAT: case ALPY_COMPLEX:
        return number_in(a, in, wrong);
    case ALPY_ARRAY:
        return lend_array(a, &in->u.a, wrong);
    case ALPY_STR:
        if (!in->ref)
            return text_in(a, in->u.s.text, in->u.s.size, wrong);
        break;
    case ALPY_OTHER:
        break;
    default:
        *wrong = "no such kind of value";
        return V_ERR;
    }
    Held *h = held_at(a, in->ref);
    if (h)
        return value_ref(h->value);
    *wrong = "value was released already";
    return V_ERR;
}

alpy_status alpy_release(alpy_vm *a, alpy_value *value)
{
    if (!value || (value->kind < ALPY_STR && a)) {
        if (value)
            memset(value, 0, sizeof *value);
        return ALPY_OK;
    }
    if (!api_enter(a))
        return ALPY_USAGE;
    bool known = api_unhold(a, value->kind == ALPY_ARRAY ? value->u.a.ref : value->ref);
    memset(value, 0, sizeof *value);
    if (!known)
        return api_misuse(a, "value was released already, or made by hand");
    api_leave(a);
    return ALPY_OK;
}

alpy_status alpy_release_array(alpy_vm *a, alpy_array *array)
{
    if (!array || (a && !array->ref))
        return ALPY_OK;
    if (!api_enter(a))
        return ALPY_USAGE;
    bool known = api_unhold(a, array->ref);
    memset(array, 0, sizeof *array);
    if (!known)
        return api_misuse(a, "array was released already");
    api_leave(a);
    return ALPY_OK;
}

/* ---- setting variables ------------------------------------------------------------------------------------------- */

static alpy_status set_value(alpy_vm *a, const char *name, const alpy_value *value)
{
    if (!api_enter(a))
        return ALPY_USAGE;
    if (!name || !*name || !api_utf8_valid(name, strlen(name)))
        return api_misuse(a, "name is NULL, empty or not UTF-8");
    if (!value)
        return api_misuse(a, "value is NULL");
    const char *wrong;
    Value v = api_in(a, value, &wrong);
    if (wrong)
        return api_misuse(a, wrong);
    if (IS_ERR(v))
        return api_fail(a);
    /* A lent array that cannot be stored goes back to the host without a call of its release function. */
    Buffer *lent = v.tag == T_Array && !value->u.a.ref ? ARRAY(v)->buf : NULL;
    value_ref(v);
    Status s = module_set(a->vm, a->vm->main, name, v);
    if (s != ALP_OK && lent && lent->release) {
        lent->release = NULL;
        mem_free(&a->mem, lent->release_user, sizeof(Lent));
    }
    value_free(a->vm, v);
    return api_done(a, s);
}

alpy_status alpy_set_none(alpy_vm *a, const char *name)
{
    return set_value(a, name, &(alpy_value){ .kind = ALPY_NONE });
}

alpy_status alpy_set_bool(alpy_vm *a, const char *name, bool value)
{
    return set_value(a, name, &(alpy_value){ .kind = ALPY_BOOL, .u.b = value });
}

alpy_status alpy_set_int(alpy_vm *a, const char *name, int64_t value)
{
    return set_value(a, name, &(alpy_value){ .kind = ALPY_INT, .u.i = value });
}

alpy_status alpy_set_float(alpy_vm *a, const char *name, double value)
{
    return set_value(a, name, &(alpy_value){ .kind = ALPY_FLOAT, .u.f = value });
}

alpy_status alpy_set_complex(alpy_vm *a, const char *name, double re, double im)
{
    return set_value(a, name, &(alpy_value){ .kind = ALPY_COMPLEX, .u.c = { re, im } });
}

alpy_status alpy_set_str(alpy_vm *a, const char *name, const char *text)
{
    alpy_value v = { .kind = ALPY_STR, .u.s = { text, text ? strlen(text) : 1 } };
    return set_value(a, name, &v);
}

alpy_status alpy_set_array(alpy_vm *a, const char *name, const alpy_array *array)
{
    if (!array)
        return set_value(a, name, NULL);
    return set_value(a, name, &(alpy_value){ .kind = ALPY_ARRAY, .u.a = *array });
}

alpy_status alpy_set_value(alpy_vm *a, const char *name, const alpy_value *value)
{
    return set_value(a, name, value);
}

alpy_status alpy_delete(alpy_vm *a, const char *name)
{
    if (!api_enter(a))
        return ALPY_USAGE;
    if (!name)
        return api_misuse(a, "name is NULL");
    VM *vm = a->vm;
    Sym sym = intern_find(vm->names, name, strlen(name));
    uint32_t slot = sym == SYM_NONE ? MODULE_NO_SLOT : module_names_find(&vm->main->names, sym);
    if (slot == MODULE_NO_SLOT || slot >= vm->main->cap_slots || vm->main->slots[slot].tag == T_Unbound) {
        raise(vm, TY_NameError, "name '%s' is not defined", name);
        return api_fail(a);
    }
    value_set(vm, &vm->main->slots[slot], V_UNBOUND);
    api_leave(a);
    return ALPY_OK;
}

/* ---- getting variables ------------------------------------------------------------------------------------------- */

Value api_lookup(alpy_vm *a, const char *path)
{
    VM *vm = a->vm;
    size_t size = strcspn(path, ".");
    Sym sym = intern_find(vm->names, path, size);
    Value v = sym == SYM_NONE ? V_UNBOUND : module_get(vm->main, sym);
    if (v.tag == T_Unbound) {
        sym = intern(vm->names, path, size);
        if (sym == SYM_NONE)
            return raise_nomem(vm);
        v = builtin_get(vm, sym);
    }
    if (v.tag == T_Unbound)
        return raise(vm, TY_NameError, "name '%.*s' is not defined", (int)size, path);
    v = value_ref(v);
    while (path[size] && !IS_ERR(v)) {
        path += size + 1;
        size = strcspn(path, ".");
        sym = intern(vm->names, path, size);
        Value next = sym == SYM_NONE ? raise_nomem(vm) : attr_get(vm, v, sym);
        value_free(vm, v);
        v = next;
    }
    return v;
}

/* Enter and look up; on failure *status is the call's result, and it has left. */
static bool begin_get(alpy_vm *a, const char *name, const void *out, Value *v, alpy_status *status)
{
    *status = ALPY_USAGE;
    if (!api_enter(a))
        return false;
    if (!name || !out) {
        api_misuse(a, !name ? "name is NULL" : "out is NULL");
        return false;
    }
    *v = api_lookup(a, name);
    if (!IS_ERR(*v))
        return true;
    *status = api_fail(a);
    return false;
}

static alpy_status end_get(alpy_vm *a, const char *name, Value v, bool fits, const char *kind)
{
    if (!fits)
        raise(a->vm, TY_TypeError, "'%s' is %s, not %s", name, value_type_name(v), kind);
    value_free(a->vm, v);
    return api_done(a, fits ? ALP_OK : ALP_FAIL);
}

alpy_status alpy_get_bool(alpy_vm *a, const char *name, bool *out)
{
    Value v;
    alpy_status status;
    if (!begin_get(a, name, out, &v, &status))
        return status;
    bool fits = v.tag == T_Bool || v.tag == T_NpBool;
    if (fits)
        *out = v.u.i != 0;
    return end_get(a, name, v, fits, "bool");
}

alpy_status alpy_get_int(alpy_vm *a, const char *name, int64_t *out)
{
    Value v;
    alpy_status status;
    if (!begin_get(a, name, out, &v, &status))
        return status;
    if (v.tag == T_NpU64 && v.u.u > INT64_MAX) {
        raise(a->vm, TY_OverflowError, "'%s' is larger than the largest int", name);
        return api_fail(a);
    }
    int64_t i;
    bool fits = value_as_int(v, &i);
    if (fits)
        *out = i;
    return end_get(a, name, v, fits, "int");
}

alpy_status alpy_get_float(alpy_vm *a, const char *name, double *out)
{
    Value v;
    alpy_status status;
    if (!begin_get(a, name, out, &v, &status))
        return status;
    double x;
    bool fits = value_as_double(v, &x);
    if (fits)
        *out = x;
    return end_get(a, name, v, fits, "float");
}

alpy_status alpy_get_complex(alpy_vm *a, const char *name, double *re, double *im)
{
    Value v;
    alpy_status status;
    if (!begin_get(a, name, re && im ? re : NULL, &v, &status))
        return status;
    double x, y;
    bool fits = value_as_complex(v, &x, &y);
    if (fits) {
        *re = x;
        *im = y;
    }
    return end_get(a, name, v, fits, "complex");
}

alpy_status alpy_get_str(alpy_vm *a, const char *name, alpy_value *out)
{
    Value v;
    alpy_status status;
    if (!begin_get(a, name, out, &v, &status))
        return status;
    if (v.tag != T_Str)
        return end_get(a, name, v, false, "str");
    return api_done(a, api_out(a, v, out));
}

alpy_status alpy_get_array(alpy_vm *a, const char *name, alpy_array *out)
{
    Value v;
    alpy_status status;
    if (!begin_get(a, name, out, &v, &status))
        return status;
    if (v.tag != T_Array)
        return end_get(a, name, v, false, "numpy.ndarray");
    uint64_t ref = lend(a, v) == ALP_OK ? hold(a, v) : 0;
    if (!ref)
        return api_fail(a);
    describe_array(ARRAY(v), ref, out);
    api_leave(a);
    return ALPY_OK;
}

alpy_status alpy_get_value(alpy_vm *a, const char *name, alpy_value *out)
{
    Value v;
    alpy_status status;
    if (!begin_get(a, name, out, &v, &status))
        return status;
    return api_done(a, api_out(a, v, out));
}

/* ---- values without a name --------------------------------------------------------------------------------------- */

/* The end of every call that makes a value: *out is None when it fails. */
static alpy_status give(alpy_vm *a, ALP_TAKE Value v, alpy_value *out)
{
    return api_done(a, api_out(a, v, out));
}

alpy_status alpy_make_str(alpy_vm *a, const char *text, size_t size, alpy_value *out)
{
    if (!api_enter(a))
        return ALPY_USAGE;
    const char *wrong = out ? NULL : "out is NULL";
    Value v = wrong ? V_ERR : text_in(a, text, size, &wrong);
    return wrong ? api_misuse(a, wrong) : give(a, v, out);
}

alpy_status alpy_make_array(alpy_vm *a, alpy_dtype dtype, int ndim, const int64_t *shape, alpy_value *out)
{
    if (!api_enter(a))
        return ALPY_USAGE;
    if (!out || !DTYPE_KNOWN(dtype) || ndim < 0 || ndim > ALPY_MAX_NDIM || (ndim && !shape))
        return api_misuse(a, "dtype, ndim, shape or out is wrong");
    return give(a, array_new(a->vm, DTYPE_IN(dtype), ndim, shape, true), out);
}

alpy_status alpy_make_tuple(alpy_vm *a, const alpy_value *items, size_t count, alpy_value *out)
{
    if (!api_enter(a))
        return ALPY_USAGE;
    if (!out || (count && !items))
        return api_misuse(a, "items or out is NULL");
    Value tuple = tuple_new(a->vm, NULL, count);
    for (size_t i = 0; i < count && !IS_ERR(tuple); i++) {
        const char *wrong;
        Value v = api_in(a, &items[i], &wrong);
        if (wrong) {
            value_free(a->vm, tuple);
            return api_misuse(a, wrong);
        }
        if (IS_ERR(v)) {
            value_free(a->vm, tuple);
            tuple = V_ERR;
        } else
            TUPLE(tuple)->item[i] = v;
    }
    return give(a, tuple, out);
}

/* Enter with the value that the host passes; false: it has left with ALPY_USAGE or *status. */
static bool begin_use(alpy_vm *a, const alpy_value *value, const void *out, Value *v, alpy_status *status)
{
    *status = ALPY_USAGE;
    if (!api_enter(a))
        return false;
    const char *wrong = !value ? "value is NULL" : !out ? "out is NULL" : NULL;
    if (!wrong)
        *v = api_in(a, value, &wrong);
    if (wrong)
        api_misuse(a, wrong);
    else if (IS_ERR(*v))
        *status = api_fail(a);
    else
        return true;
    return false;
}

alpy_status alpy_len(alpy_vm *a, const alpy_value *value, int64_t *out)
{
    Value v;
    alpy_status status;
    if (!begin_use(a, value, out, &v, &status))
        return status;
    int64_t n = op_len(a->vm, v);
    value_free(a->vm, v);
    if (n >= 0)
        *out = n;
    return api_done(a, n < 0 ? ALP_FAIL : ALP_OK);
}

alpy_status alpy_item(alpy_vm *a, const alpy_value *value, int64_t index, alpy_value *out)
{
    Value v;
    alpy_status status;
    if (!begin_use(a, value, out, &v, &status))
        return status;
    Value item = op_index(a->vm, v, V_INT(index));
    value_free(a->vm, v);
    return give(a, item, out);
}

alpy_status alpy_repr(alpy_vm *a, const alpy_value *value, alpy_value *out)
{
    Value v;
    alpy_status status;
    if (!begin_use(a, value, out, &v, &status))
        return status;
    Value text = value_repr(a->vm, v);
    value_free(a->vm, v);
    return give(a, text, out);
}
