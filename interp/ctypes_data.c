/* interp/ctypes_data.c — instances of C types: numbers, pointers and arrays in C's memory layout, and the functions
 * over them. */
#include "interp/ctypes.h"

#include <errno.h>
#include <sys/uio.h>
#include <unistd.h>
#include <wchar.h>

#include "interp/array.h"
#include "interp/format.h"
#include "interp/ops.h"
#include "interp/seq.h"
#include "interp/str.h"

static void  destroy_data(VM *vm, void *data);
static Value data_new(VM *vm, Value type, char *bytes, Value owner);

bool is_cdata(Value v)
{
    return v.tag == T_Foreign && FOREIGN(v)->cls->destroy == destroy_data;
}

/* ---- memory that may not be there -------------------------------------------------------------------------------- */

/* The system copies, and says so if it cannot.  Where that call is forbidden, plain copies have to do. */
static bool copy_checked(void *address, void *mine, size_t size, bool write)
{
    struct iovec local = { mine, size }, remote = { address, size };
    ssize_t n = write ? process_vm_writev(getpid(), &local, 1, &remote, 1, 0)
                      : process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
    if (n < 0 && (errno == ENOSYS || errno == EPERM)) {
        memcpy(write ? address : mine, write ? mine : address, size);
        return true;
    }
    return n == (ssize_t)size;
}

Status peek(VM *vm, const void *address, void *to, size_t size)
{
    if (copy_checked((void *)(uintptr_t)address, to, size, false))
        return ALP_OK;
    raise(vm, TY_ValueError, "no readable memory at address %p", address);
    return ALP_FAIL;
}

Status poke(VM *vm, void *address, const void *from, size_t size)
{
    if (copy_checked(address, (void *)(uintptr_t)from, size, true))
        return ALP_OK;
    raise(vm, TY_ValueError, "no writable memory at address %p", address);
    return ALP_FAIL;
}

Value wide_text(VM *vm, const char *address)
{
    StrBuf sb;
    sb_init(&sb, vm);
    for (;;) {
        wchar_t part[64];
        size_t room = 4096 - (uintptr_t)address % 4096;         /* do not look into a page that the text does not
                                                                 * reach */
        size_t n = room / sizeof(wchar_t) < COUNT_OF(part) ? room / sizeof(wchar_t) : COUNT_OF(part);
        n = n ? n : 1;
        if (peek(vm, address, part, n * sizeof *part) != ALP_OK)
            break;
        for (size_t i = 0; i < n; i++) {
            char text[4];
            if (part[i] == 0)
                return sb_finish(&sb);
            if ((uint32_t)part[i] > 0x10ffff) {
                raise(vm, TY_ValueError, "character U+%x is not in range [U+0000; U+10ffff]", (unsigned)part[i]);
                sb_free(&sb);
                return V_ERR;
            }
            sb_put(&sb, text, utf8_put(text, (uint32_t)part[i]));
        }
        if (sb.failed)
            break;
        address += n * sizeof *part;
    }
    sb_free(&sb);
    return V_ERR;
}

/* ---- what pointers keep alive ------------------------------------------------------------------------------------ */

/* The object whose bytes these are; NULL: not a CData. */
static CData *holder(CData *d)
{
    return d->owner.tag == T_Unbound ? d : is_cdata(d->owner) ? CDATA(d->owner) : NULL;
}

static Keep *find_keep(CData *h, const char *slot)
{
    for (uint32_t i = 0; h && i < h->n_keep; i++)
        if (h->keep[i].slot == slot)
            return &h->keep[i];
    return NULL;
}

/* From now on the pointer at slot, in h's bytes, points into target (taken; T_Unbound or T_None: nothing known). */
static Status set_keep(VM *vm, CData *h, const char *slot, ALP_TAKE Value target)
{
    Keep *k = find_keep(h, slot);
    bool known = target.tag != T_Unbound && target.tag != T_None;
    if (k && known) {
        value_set(vm, &k->target, target);
    } else if (k) {
        Value old = k->target;
        *k = h->keep[--h->n_keep];
        value_free(vm, old);
    } else if (known && h && vm->foreign) {
        if (h->n_keep == h->cap_keep) {
            uint32_t cap = h->cap_keep ? h->cap_keep * 2 : 2;
            Keep *grown = vm_realloc(vm, h->keep, h->cap_keep * sizeof *grown, cap * sizeof *grown);
            if (!grown) {
                value_free(vm, target);
                return ALP_FAIL;
            }
            if (!h->keep) {
                h->next = vm->foreign->keepers;
                h->prev = NULL;
                if (h->next)
                    h->next->prev = h;
                vm->foreign->keepers = h;
            }
            h->keep = grown;
            h->cap_keep = cap;
        }
        h->keep[h->n_keep++] = (Keep){ slot, target };
    } else {
        value_free(vm, target);
    }
    return ALP_OK;
}

/* The bytes of a target. */
static void extent_of(Value target, char **low, char **high, bool *readonly)
{
    *readonly = false;
    if (target.tag == T_Array) {
        const Buffer *b = ARRAY(target)->buf;
        *low = b->data;
        *high = b->data + b->size;
        *readonly = ARRAY(target)->readonly;
    } else if (is_cdata(target)) {
        *low = CDATA(target)->bytes;
        *high = *low + CDATA_TYPE(target)->size;
        if (CDATA(target)->owner.tag != T_Unbound && CDATA(target)->owner.tag != T_None)
            extent_of(CDATA(target)->owner, low, high, readonly);
    } else {
        *low = (char *)FOREIGN(target)->data;
        *high = *low + FOREIGN(target)->data_size;
        *readonly = true;
    }
}

Status cdata_address(VM *vm, Value v, char **address, Value *target)
{
    CData *d = CDATA(v);
    *target = V_NONE;
    if (d->owner.tag == T_None)
        TRY(peek(vm, d->bytes, address, sizeof *address));
    else
        memcpy(address, d->bytes, sizeof *address);
    const Keep *k = find_keep(holder(d), d->bytes);
    if (k && *address) {
        char *low, *high;
        bool readonly;
        extent_of(k->target, &low, &high, &readonly);
        if (*address >= low && *address <= high)        /* else C has changed the pointer */
            *target = k->target;
    }
    return ALP_OK;
}

/* ---- life -------------------------------------------------------------------------------------------------------- */

static void destroy_data(VM *vm, void *data)
{
    CData *d = data;
    if (d->keep) {
        if (d->prev)
            d->prev->next = d->next;
        else if (vm->foreign && vm->foreign->keepers == d)
            vm->foreign->keepers = d->next;
        if (d->next)
            d->next->prev = d->prev;
        for (uint32_t i = 0; i < d->n_keep; i++)
            value_free(vm, d->keep[i].target);
        vm_dealloc(vm, d->keep, d->cap_keep * sizeof *d->keep);
    }
    if (d->own_size)
        mem_free(&vm->mem, d->bytes, d->own_size);
    value_free(vm, d->owner);
    value_free(vm, d->type);
}

static Value data_new(VM *vm, Value type, char *bytes, Value owner)
{
    Value v = foreign_new(vm, &CTYPE(type)->instance, sizeof(CData));
    if (IS_ERR(v))
        return v;
    CData *d = CDATA(v);
    d->type = value_ref(type);
    d->bytes = bytes ? bytes : d->small;
    d->owner = value_ref(owner);
    return v;
}

Value cdata_new(VM *vm, Value type)
{
    size_t size = CTYPE(type)->size;
    Value v = data_new(vm, type, NULL, V_UNBOUND);
    if (IS_ERR(v) || size <= sizeof CDATA(v)->small)
        return v;
    CData *d = CDATA(v);
    char *bytes = mem_zalloc(&vm->mem, size);
    if (!bytes) {
        value_free(vm, v);
        return raise_nomem(vm);
    }
    d->bytes = bytes;
    d->own_size = size;
    return v;
}

Value cdata_at(VM *vm, Value type, char *bytes, Value owner)
{
    /* Parts of parts belong to the whole. */
    if (is_cdata(owner) && CDATA(owner)->owner.tag != T_Unbound)
        owner = CDATA(owner)->owner;
    return data_new(vm, type, bytes, owner);
}

Value cdata_pointer(VM *vm, Value type, void *address, Value target)
{
    Value v = cdata_new(vm, type);
    if (IS_ERR(v))
        return v;
    memcpy(CDATA(v)->bytes, &address, sizeof address);
    if (set_keep(vm, CDATA(v), CDATA(v)->bytes, value_ref(target)) == ALP_OK)
        return v;
    value_free(vm, v);
    return V_ERR;
}

/* ---- a value in C's memory --------------------------------------------------------------------------------------- */

/* Some bytes of type `type`, inside of owner as CData.owner has it. */
typedef struct Place {
    Value type;
    char *bytes;
    Value owner;
} Place;

static Value place_load(VM *vm, Place p)
{
    const CType *t = CTYPE(p.type);
    if (t->kind != CK_Simple)
        return cdata_at(vm, p.type, p.bytes, p.owner);
    char bytes[16];
    if (p.owner.tag != T_None)
        memcpy(bytes, p.bytes, t->size);
    else if (peek(vm, p.bytes, bytes, t->size) != ALP_OK)
        return V_ERR;
    return simple_load(vm, t, bytes);
}

static Status place_write(VM *vm, Place p, const void *from, ALP_TAKE Value target)
{
    size_t size = CTYPE(p.type)->size;
    if (p.owner.tag == T_None) {
        value_free(vm, target);
        return poke(vm, p.bytes, from, size);
    }
    memmove(p.bytes, from, size);
    return set_keep(vm, is_cdata(p.owner) ? CDATA(p.owner) : NULL, p.bytes, target);
}

/* Data assigned to a place: the same type, or an array of what a pointer points to. */
static Status place_store_data(VM *vm, Place p, Value v)
{
    const CType *t = CTYPE(p.type);
    const CData *d = CDATA(v);
    if (d->type.u.o == p.type.u.o) {
        if (is_address(t)) {
            char *address;
            Value target;
            TRY(cdata_address(vm, v, &address, &target));
            return place_write(vm, p, &address, value_ref(target));
        }
        if (d->owner.tag != T_None)
            return place_write(vm, p, d->bytes, V_UNBOUND);
        void *copy = vm_alloc(vm, t->size);
        if (!copy)
            return ALP_FAIL;
        Status s = peek(vm, d->bytes, copy, t->size);
        if (s == ALP_OK)
            s = place_write(vm, p, copy, V_UNBOUND);
        vm_dealloc(vm, copy, t->size);
        return s;
    }
    if (t->kind == CK_Pointer && CDATA_TYPE(v)->kind == CK_Array && CDATA_TYPE(v)->base.u.o == t->base.u.o)
        return place_write(vm, p, &d->bytes, value_ref(v));
    raise(vm, TY_TypeError, "incompatible types, %s instance instead of %s instance", value_type_name(v), t->name);
    return ALP_FAIL;
}

static Status store_number(VM *vm, Place p, Value v)
{
    char bytes[16] = { 0 };
    Value target;
    TRY(simple_store(vm, CTYPE(p.type), v, bytes, &target));
    return place_write(vm, p, bytes, target);
}

static Status place_store(VM *vm, Place p, Value v)
{
    const CType *t = CTYPE(p.type);
    if (is_cdata(v))
        return place_store_data(vm, p, v);
    if (t->kind == CK_Simple)
        return store_number(vm, p, v);
    if (t->kind == CK_Pointer && v.tag == T_None) {
        void *null = NULL;
        return place_write(vm, p, &null, V_UNBOUND);
    }
    if (t->kind == CK_Array && v.tag == T_Tuple) {
        Value made = cdata_create(vm, p.type, TUPLE(v)->item, TUPLE(v)->count);
        Status s = IS_ERR(made) ? ALP_FAIL : place_store_data(vm, p, made);
        value_free(vm, made);
        return s;
    }
    raise(vm, TY_TypeError, "expected %s instance, got %s", t->name, value_type_name(v));
    return ALP_FAIL;
}

/* The data itself as a place. */
static Place place_of(Value v)
{
    CData *d = CDATA(v);
    return (Place){ d->type, d->bytes, d->owner.tag == T_Unbound ? v : d->owner };
}

/* Element i of an array, or of what a pointer points to. */
static Status place_at(VM *vm, Value v, int64_t i, bool write, Place *out)
{
    const CType *t = CDATA_TYPE(v);
    size_t size = CTYPE(t->base)->size;
    if (t->kind == CK_Array) {
        if (i < 0 || i >= t->length) {
            raise(vm, TY_IndexError, "invalid index");
            return ALP_FAIL;
        }
        Place whole = place_of(v);
        *out = (Place){ t->base, whole.bytes + (size_t)i * size, whole.owner };
        return ALP_OK;
    }
    char *address;
    Value target;
    TRY(cdata_address(vm, v, &address, &target));
    if (!address) {
        raise(vm, TY_ValueError, "NULL pointer access");
        return ALP_FAIL;
    }
    int64_t offset;
    if (__builtin_mul_overflow(i, (int64_t)size, &offset)) {
        raise(vm, TY_IndexError, "invalid index");
        return ALP_FAIL;
    }
    *out = (Place){ t->base, (char *)((uintptr_t)address + (uintptr_t)offset), V_NONE };
    if (target.tag == T_None)
        return ALP_OK;
    char *low, *high;
    bool readonly;
    extent_of(target, &low, &high, &readonly);
    if (offset < low - address || offset > high - address - (int64_t)size) {
        raise(vm, TY_IndexError, "index %lld is outside of what the pointer points to", (long long)i);
        return ALP_FAIL;
    }
    if (write && readonly) {
        raise(vm, TY_ValueError, "assignment destination is read-only");
        return ALP_FAIL;
    }
    out->owner = target;
    if (is_cdata(target) && CDATA(target)->owner.tag != T_Unbound)
        out->owner = CDATA(target)->owner;
    return ALP_OK;
}

/* ---- indexing ---------------------------------------------------------------------------------------------------- */

static Status int_key(VM *vm, Value v, Value key, const char *what, int64_t *i)
{
    const CType *t = CDATA_TYPE(v);
    if ((!IS_NPSCALAR(key) && key.tag != T_Int && key.tag != T_Bool) || !value_as_int(key, i)) {
        raise(vm, TY_TypeError, "%s", t->kind == CK_Pointer ? "Pointer indices must be integer" : what);
        return ALP_FAIL;
    }
    if (t->kind == CK_Array && *i < 0)
        *i += t->length;
    return ALP_OK;
}

/* Start, step and count of a slice; a pointer has no length, so its slice needs a stop. */
static Status slice_key(VM *vm, Value v, Value key, int64_t *start, int64_t *step, int64_t *count)
{
    const CType *t = CDATA_TYPE(v);
    if (t->kind == CK_Array)
        return slice_indices(vm, key, t->length, start, step, count);
    const Slice *s = SLICE(key);
    int64_t stop;
    *start = 0;
    *step = 1;
    if (s->step.tag != T_None)
        TRY(arg_int(vm, s->step, step));
    if (*step == 0) {
        raise(vm, TY_ValueError, "slice step cannot be zero");
        return ALP_FAIL;
    }
    if (s->start.tag != T_None)
        TRY(arg_int(vm, s->start, start));
    else if (*step < 0) {
        raise(vm, TY_ValueError, "slice start is required for step < 0");
        return ALP_FAIL;
    }
    if (s->stop.tag == T_None) {
        raise(vm, TY_ValueError, "slice stop is required");
        return ALP_FAIL;
    }
    TRY(arg_int(vm, s->stop, &stop));
    *count = range_count(*start, stop, *step);
    return ALP_OK;
}

static bool is_text(const CType *base)
{
    return base->kind == CK_Simple && (base->code == 'u' || base->code == 'c');
}

static Value load_slice(VM *vm, Value v, Value key)
{
    int64_t start, step, count;
    if (slice_key(vm, v, key, &start, &step, &count) != ALP_OK)
        return V_ERR;
    bool text = is_text(CTYPE(CDATA_TYPE(v)->base));
    StrBuf sb;
    sb_init(&sb, vm);
    Value list = text ? V_NONE : list_new(vm, NULL, 0);
    bool ok = !IS_ERR(list);
    for (int64_t k = 0; ok && k < count; k++) {
        Place p;
        Value item = place_at(vm, v, start + k * step, false, &p) == ALP_OK ? place_load(vm, p) : V_ERR;
        ok = !IS_ERR(item);
        if (ok && text)
            sb_put_str(&sb, item);
        else if (ok)
            ok = list_append(vm, list, item) == ALP_OK;
    }
    if (ok && text)
        return sb_finish(&sb);
    sb_free(&sb);
    if (ok)
        return list;
    value_free(vm, list);
    return V_ERR;
}

static Value data_index(VM *vm, Value v, Value key)
{
    if (key.tag == T_Slice)
        return load_slice(vm, v, key);
    int64_t i;
    Place p;
    if (int_key(vm, v, key, "indices must be integers", &i) != ALP_OK || place_at(vm, v, i, false, &p) != ALP_OK)
        return V_ERR;
    return place_load(vm, p);
}

static Status store_slice(VM *vm, Value v, Value key, Value x)
{
    if (CDATA_TYPE(v)->kind == CK_Pointer) {
        raise(vm, TY_TypeError, "Pointer does not support slice assignment");
        return ALP_FAIL;
    }
    int64_t start, step, count, n = op_len(vm, x);
    TRY(n < 0 ? ALP_FAIL : slice_key(vm, v, key, &start, &step, &count));
    if (n != count) {
        raise(vm, TY_ValueError, "Can only assign sequence of same size");
        return ALP_FAIL;
    }
    Status s = ALP_OK;
    for (int64_t k = 0; s == ALP_OK && k < count; k++) {
        Place p;
        Value item = op_index(vm, x, V_INT(k));
        s = IS_ERR(item) ? ALP_FAIL : place_at(vm, v, start + k * step, true, &p);
        if (s == ALP_OK)
            s = place_store(vm, p, item);
        value_free(vm, item);
    }
    return s;
}

static Status data_setindex(VM *vm, Value v, Value key, Value x)
{
    if (key.tag == T_Slice)
        return store_slice(vm, v, key, x);
    int64_t i;
    Place p;
    TRY(int_key(vm, v, key, "indices must be integer", &i));
    TRY(place_at(vm, v, i, true, &p));
    return place_store(vm, p, x);
}

static int64_t data_length(VM *vm, Value v)
{
    return CDATA_TYPE(v)->length;
}

/* ---- attributes -------------------------------------------------------------------------------------------------- */

/* The text in an array of characters, up to its first NUL. */
static Value array_text(VM *vm, Value v)
{
    const CType *t = CDATA_TYPE(v);
    StrBuf sb;
    sb_init(&sb, vm);
    for (int64_t i = 0; i < t->length; i++) {
        Place p;
        Value c = place_at(vm, v, i, false, &p) == ALP_OK ? place_load(vm, p) : V_ERR;
        if (!IS_ERR(c) && STR(c)->size == 1 && STR(c)->text[0] == 0) {
            value_free(vm, c);
            break;
        }
        sb_put_str(&sb, c);
    }
    return sb_finish(&sb);
}

static Value data_getattr(VM *vm, Value v, const char *name)
{
    const CType *t = CDATA_TYPE(v);
    if (strcmp(name, "value") == 0) {
        if (t->kind == CK_Simple)
            return place_load(vm, place_of(v));
        if (t->kind == CK_Array && is_text(CTYPE(t->base)))
            return array_text(vm, v);
    } else if (strcmp(name, "contents") == 0 && t->kind == CK_Pointer) {
        Place p;
        return place_at(vm, v, 0, false, &p) == ALP_OK ? cdata_at(vm, t->base, p.bytes, p.owner) : V_ERR;
    }
    return V_UNBOUND;
}

static Status set_contents(VM *vm, Value v, Value x)
{
    const CType *t = CDATA_TYPE(v);
    if (!is_cdata(x)) {
        raise(vm, TY_TypeError, "expected %s instead of %s", CTYPE(t->base)->name, value_type_name(x));
        return ALP_FAIL;
    }
    return place_write(vm, place_of(v), &CDATA(x)->bytes, value_ref(x));
}

static Status data_setattr(VM *vm, Value v, const char *name, Value x)
{
    const CType *t = CDATA_TYPE(v);
    if (strcmp(name, "value") == 0 && t->kind == CK_Simple)
        return store_number(vm, place_of(v), x);
    if (strcmp(name, "contents") == 0 && t->kind == CK_Pointer)
        return set_contents(vm, v, x);
    raise(vm, TY_AttributeError, "'%s' object has no attribute '%s'", t->name, name);
    return ALP_FAIL;
}

static Value data_repr(VM *vm, Value v)
{
    const CType *t = CDATA_TYPE(v);
    if (t->kind != CK_Simple)
        return str_fmt(vm, "<%s.%s object at %p>", t->instance.module, t->name, (void *)v.u.o);
    if (is_address(t) || t->code == 'L') {
        char *address = NULL;
        Place p = place_of(v);
        if (p.owner.tag != T_None)
            memcpy(&address, p.bytes, sizeof address);
        else if (peek(vm, p.bytes, &address, sizeof address) != ALP_OK)
            return V_ERR;
        if (t->code != 'L' && !address)
            return str_fmt(vm, "%s(None)", t->name);
        return str_fmt(vm, "%s(%llu)", t->name, (unsigned long long)(uintptr_t)address);
    }
    StrBuf sb;
    sb_init(&sb, vm);
    sb_printf(&sb, "%s(", t->name);
    Value x = place_load(vm, place_of(v));
    if (IS_ERR(x))
        sb_fail(&sb);
    else
        sb_put_repr(&sb, x);
    value_free(vm, x);
    sb_putc(&sb, ')');
    return sb_finish(&sb);
}

/* Numbers and pointers are true unless all their bytes are 0; arrays as other sequences. */
static bool data_truth(VM *vm, Value v)
{
    const CType *t = CDATA_TYPE(v);
    if (t->kind == CK_Array)
        return t->length > 0;
    static const char zero[16];
    char bytes[16];
    Place p = place_of(v);
    if (p.owner.tag != T_None)
        memcpy(bytes, p.bytes, t->size);
    else if (!copy_checked(p.bytes, bytes, t->size, false))
        return true;
    return memcmp(bytes, zero, t->size) != 0;
}

const ForeignClass cdata_class = {
    .destroy = destroy_data, .repr = data_repr, .getattr = data_getattr, .setattr = data_setattr, .index = data_index,
    .setindex = data_setindex, .length = data_length, .truth = data_truth,
};

Value cdata_create(VM *vm, Value type, const Value *args, size_t n_args)
{
    const CType *t = CTYPE(type);
    if (t->kind != CK_Array && n_args > 1)
        return raise(vm, TY_TypeError, "%s expected at most 1 argument, got %zu",
                     t->kind == CK_Pointer ? "POINTER" : "__init__", n_args);
    Value v = cdata_new(vm, type);
    if (IS_ERR(v))
        return v;
    Status s = ALP_OK;
    if (t->kind == CK_Simple && n_args) {
        s = data_setattr(vm, v, "value", args[0]);
    } else if (t->kind == CK_Pointer && n_args) {
        if (args[0].tag != T_None)
            s = set_contents(vm, v, args[0]);
    } else {
        for (size_t i = 0; i < n_args && s == ALP_OK; i++) {
            Place p;
            s = place_at(vm, v, (int64_t)i, true, &p);
            if (s == ALP_OK)
                s = place_store(vm, p, args[i]);
        }
    }
    if (s == ALP_OK)
        return v;
    value_free(vm, v);
    return V_ERR;
}

/* ---- the module's functions -------------------------------------------------------------------------------------- */

static void destroy_ref(VM *vm, void *data)
{
    value_free(vm, ((CRef *)data)->object);
}

static Value ref_repr(VM *vm, Value v)
{
    return str_fmt(vm, "<cparam 'P' (%p)>", (void *)CREF(v)->address);
}

static const ForeignClass ref_class = { .name = "CArgObject", .module = "", .destroy = destroy_ref, .repr = ref_repr };

bool is_cref(Value v)
{
    return v.tag == T_Foreign && FOREIGN(v)->cls == &ref_class;
}

static Value fn_byref(VM *vm, const Args *args)
{
    if (!is_cdata(args->v[0]))
        return raise(vm, TY_TypeError, "byref() argument must be a ctypes instance, not '%s'",
                     value_type_name(args->v[0]));
    int64_t offset = 0;
    if (args->v[1].tag != T_Unbound && arg_int(vm, args->v[1], &offset) != ALP_OK)
        return V_ERR;
    Value v = foreign_new(vm, &ref_class, sizeof(CRef));
    if (IS_ERR(v))
        return v;
    *CREF(v) = (CRef){ value_ref(args->v[0]), (char *)((uintptr_t)CDATA(args->v[0])->bytes + (uintptr_t)offset) };
    return v;
}

static Value fn_pointer_type(VM *vm, const Args *args)
{
    Value t = args->v[0];
    if (t.tag == T_None)
        return ctypes_simple(vm, "c_void_p");
    if (is_ctype(t))
        return ctypes_pointer_to(vm, t);
    return raise(vm, TY_TypeError, t.tag == T_Type ? "_type_ must have storage info" : "must be a ctypes type");
}

static Value fn_pointer(VM *vm, const Args *args)
{
    Value x = args->v[0];
    if (!is_cdata(x))
        return raise(vm, TY_TypeError, "_type_ must have storage info");
    Value type = ctypes_pointer_to(vm, CDATA(x)->type);
    Value v = IS_ERR(type) ? V_ERR : cdata_pointer(vm, type, CDATA(x)->bytes, x);
    value_free(vm, type);
    return v;
}

static const CType *type_of(Value v)
{
    return is_ctype(v) ? CTYPE(v) : is_cdata(v) ? CDATA_TYPE(v) : NULL;
}

static Value fn_sizeof(VM *vm, const Args *args)
{
    const CType *t = type_of(args->v[0]);
    return t ? V_INT((int64_t)t->size) : raise(vm, TY_TypeError, "this type has no size");
}

static Value fn_alignment(VM *vm, const Args *args)
{
    const CType *t = type_of(args->v[0]);
    return t ? V_INT(t->align) : raise(vm, TY_TypeError, "no alignment info");
}

static Value fn_addressof(VM *vm, const Args *args)
{
    if (!is_cdata(args->v[0]))
        return raise(vm, TY_TypeError, "invalid type");
    return V_INT((int64_t)(intptr_t)CDATA(args->v[0])->bytes);
}

/* Address and target of whatever c_void_p takes as an argument. */
static Status address_arg(VM *vm, Value x, char **address, Value *target)
{
    *address = NULL;
    *target = V_NONE;
    if (x.tag == T_None)
        return ALP_OK;
    if (x.tag == T_Int || x.tag == T_Bool) {
        *address = (char *)(uintptr_t)x.u.i;
        return ALP_OK;
    }
    if (x.tag == T_Str) {
        void *text;
        *target = wide_buffer(vm, x, &text);
        *address = text;
        return IS_ERR(*target) ? ALP_FAIL : ALP_OK;
    }
    Status s = ALP_OK;
    if (is_cref(x)) {
        *address = CREF(x)->address;
        *target = CREF(x)->object;
    } else if (is_cfunction(x)) {
        *address = cfunction_address(x);
    } else if (is_cdata(x) && CDATA_TYPE(x)->kind == CK_Array) {
        *address = CDATA(x)->bytes;
        *target = x;
    } else if (is_cdata(x) && is_address(CDATA_TYPE(x))) {
        s = cdata_address(vm, x, address, target);
    } else {
        raise(vm, TY_ArgumentError, "argument 1: TypeError: wrong type");
        s = ALP_FAIL;
    }
    *target = value_ref(*target);
    return s;
}

Status pointer_type_arg(VM *vm, Value type)
{
    if (is_ctype(type) && is_address(CTYPE(type)))
        return ALP_OK;
    const char *name = is_ctype(type) ? CTYPE(type)->name
                     : type.tag == T_Type ? type_name((TypeId)type.u.i) : value_type_name(type);
    raise(vm, TY_TypeError, "cast() argument 2 must be a pointer type, not %s", name);
    return ALP_FAIL;
}

static Value fn_cast(VM *vm, const Args *args)
{
    Value type = args->v[1];
    if (pointer_type_arg(vm, type) != ALP_OK)
        return V_ERR;
    Value x = args->v[0], parameter = as_parameter(vm, x), target;
    char *address;
    if (IS_ERR(parameter))
        return V_ERR;
    Value v = V_ERR;
    if (address_arg(vm, parameter.tag == T_Unbound ? x : parameter, &address, &target) == ALP_OK) {
        v = cdata_pointer(vm, type, address, target);
        value_free(vm, target);
    }
    value_free(vm, parameter);
    return v;
}

const NativeRow ctypes_data_rows[] = {
    { "POINTER", fn_pointer_type, "type, /", "The type of pointers to a C type." },
    { "pointer", fn_pointer, "obj, /", "A pointer to C data." },
    { "byref", fn_byref, "obj, offset=, /", "The address of C data, for passing it to a function." },
    { "cast", fn_cast, "obj, typ", "The same address as a pointer of another type." },
    { "sizeof", fn_sizeof, "obj, /", "Bytes of a C type or of C data." },
    { "alignment", fn_alignment, "obj, /", "Alignment of a C type or of C data, in bytes." },
    { "addressof", fn_addressof, "obj, /", "Address of C data." },
    { NULL },
};
