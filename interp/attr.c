/* interp/attr.c — attributes: methods of built-in types by table, variables of modules, properties; and "Did you mean". */
#include "interp/attr.h"

#include <stdio.h>
#include <string.h>

#include "interp/array.h"
#include "interp/func.h"
#include "interp/iter.h"
#include "interp/seq.h"
#include "interp/str.h"
#include "interp/stream.h"

/* ---- types' tables ------------------------------------------------------------------------------------------------------- */

typedef Value (*AttrFn)(VM *vm, Value v, const char *name);

typedef struct TypeAttrs {
    TypeId            type;
    const NativeRow  *methods[2];
    AttrFn            attr;
    const char *const *names;   /* of the attributes that attr knows */
    NativeStyle       style;
} TypeAttrs;

static const char *const exc_attr_names[] = { "args", NULL };
static Value exc_attr(VM *vm, Value v, const char *name);

/* NumPy scalars of all types share the row of np_generic. */
static const TypeAttrs type_attrs[] = {
    { TY_str,        { str_methods } },
    { TY_list,       { list_methods } },
    { TY_tuple,      { tuple_methods } },
    { TY_range,      { range_methods }, range_attr, range_attr_names },
    { TY_slice,      { NULL }, slice_attr, range_attr_names },
    { TY_int,        { number_methods_int }, number_attr, number_attr_names },
    { TY_float,      { number_methods_float }, number_attr, number_attr_names },
    { TY_complex,    { number_methods_complex }, number_attr, number_attr_names },
    { TY_ndarray,    { array_methods, array_reduce_methods }, array_attr, array_attr_names, NS_NumPy },
    { TY_dtype,      { dtype_methods }, dtype_attr, dtype_attr_names, NS_NumPy },
    { TY_np_generic, { npscalar_methods }, npscalar_attr, npscalar_attr_names, NS_NumPy },
    { TY_tqdm,       { tqdm_methods }, tqdm_attr, tqdm_attr_names },
    { TY_BaseException, { NULL }, exc_attr, exc_attr_names },
};

static const TypeAttrs *attrs_of(TypeId t)
{
    if (t >= TY_np_bool && t <= TY_np_complex128)
        t = TY_np_generic;
    else if (t == TY_bool)
        t = TY_int;
    else if (type_is_exception(t))
        t = TY_BaseException;
    for (size_t i = 0; i < COUNT_OF(type_attrs); i++)
        if (type_attrs[i].type == t)
            return &type_attrs[i];
    return NULL;
}

static Value exc_attr(VM *vm, Value v, const char *name)
{
    return strcmp(name, "args") == 0 ? value_ref(((Exc *)(void *)v.u.o)->args) : V_UNBOUND;
}

/* ---- methods, found once per type and name ------------------------------------------------------------------------------- */

typedef struct CacheEntry {
    uint64_t key;               /* type << 32 | name; 0: empty */
    Native  *method;            /* NULL: the type has no such method */
} CacheEntry;

typedef struct AttrCache {
    CacheEntry *entry;
    uint32_t    count, size;    /* size: power of two, at most half full */
} AttrCache;

void attr_cache_free(VM *vm)
{
    AttrCache *c = vm->attr_cache;
    if (!c)
        return;
    for (uint32_t i = 0; i < c->size; i++)
        if (c->entry[i].method)
            obj_free(vm, &c->entry[i].method->head);
    mem_free(&vm->mem, c->entry, c->size * sizeof *c->entry);
    mem_free(&vm->mem, c, sizeof *c);
    vm->attr_cache = NULL;
}

static CacheEntry *cache_find(const AttrCache *c, uint64_t key)
{
    uint64_t h = key * UINT64_C(0x9E3779B97F4A7C15);
    for (uint32_t i = (uint32_t)(h >> 32);; i++) {
        CacheEntry *e = &c->entry[i & (c->size - 1)];
        if (e->key == key || e->key == 0)
            return e;
    }
}

/* The entry of a key, new ones with key 0; NULL: no memory for the table. */
static CacheEntry *cache_entry(VM *vm, uint64_t key)
{
    AttrCache *c = vm->attr_cache;
    if (!c) {
        c = mem_zalloc(&vm->mem, sizeof *c);
        if (!c)
            return NULL;
        vm->attr_cache = c;
    }
    if (c->count * 2 >= c->size) {
        AttrCache bigger = { .size = c->size ? c->size * 2 : 64, .count = c->count };
        bigger.entry = mem_zalloc(&vm->mem, bigger.size * sizeof *bigger.entry);
        if (!bigger.entry)
            return NULL;
        for (uint32_t i = 0; i < c->size; i++)
            if (c->entry[i].key)
                *cache_find(&bigger, c->entry[i].key) = c->entry[i];
        mem_free(&vm->mem, c->entry, c->size * sizeof *c->entry);
        *c = bigger;
    }
    return cache_find(c, key);
}

static const NativeRow *find_row(const TypeAttrs *t, const char *name)
{
    for (size_t k = 0; k < COUNT_OF(t->methods); k++)
        for (const NativeRow *r = t->methods[k]; r && r->name; r++)
            if (strcmp(r->name, name) == 0)
                return r;
    return NULL;
}

/* Owned; the text "list.append" belongs to the names. */
static Value method_new(VM *vm, TypeId type, const TypeAttrs *t, const NativeRow *row, Value self)
{
    char qual[96];
    snprintf(qual, sizeof qual, "%s.%s", type_name(type), row->name);
    Sym sym = intern_z(vm->names, qual);
    if (sym == SYM_NONE)
        return raise_nomem(vm);
    Value v = native_new(vm, row, TY_builtin, intern_text(vm->names, sym), self);
    if (!IS_ERR(v))
        ((Native *)(void *)v.u.o)->style = t->style;
    return v;
}

/* NULL without an exception: no such method.  NULL with one: out of memory. */
static Native *method_find(VM *vm, TypeId type, Sym name)
{
    const TypeAttrs *t = attrs_of(type);
    if (!t)
        return NULL;
    CacheEntry *e = cache_entry(vm, (uint64_t)type << 32 | name);
    if (!e) {
        raise_nomem(vm);
        return NULL;
    }
    if (e->key)
        return e->method;
    const NativeRow *row = find_row(t, intern_text(vm->names, name));
    Native *method = NULL;
    if (row) {
        Value v = method_new(vm, type, t, row, V_UNBOUND);
        if (IS_ERR(v))
            return NULL;
        method = (Native *)(void *)v.u.o;
    }
    e->key = (uint64_t)type << 32 | name;
    e->method = method;
    vm->attr_cache->count++;
    return method;
}

const Native *attr_method(VM *vm, Value v, Sym name)
{
    return v.tag == T_Module || v.tag == T_Foreign || v.tag == T_Type ? NULL : method_find(vm, value_type(v), name);
}

/* ---- attributes ------------------------------------------------------------------------------------------------------------ */

static Value func_attr(VM *vm, Value v, const char *name)
{
    const AstFunc *c = FUNC(v)->code;
    if (strcmp(name, "__name__") == 0)
        return str_z(vm, intern_text(vm->names, c->name));
    if (strcmp(name, "__qualname__") == 0)
        return str_z(vm, intern_text(vm->names, c->qualname));
    if (strcmp(name, "__module__") == 0)
        return str_z(vm, intern_text(vm->names, FUNC(v)->module->name));
    if (strcmp(name, "__doc__") == 0)
        return c->doc ? str_new(vm, c->doc, c->doc_size) : V_NONE;
    return V_UNBOUND;
}

static Value native_attr(VM *vm, Value v, const char *name)
{
    const Native *f = (Native *)(void *)v.u.o;
    if (strcmp(name, "__name__") == 0 || strcmp(name, "__qualname__") == 0)
        return str_z(vm, f->row->name);
    if (strcmp(name, "__doc__") == 0)
        return f->row->doc ? str_z(vm, f->row->doc) : V_NONE;
    return V_UNBOUND;
}

/* Of a type itself: its name, and its methods unbound. */
static Value type_attr(VM *vm, TypeId type, Sym name)
{
    const char *text = intern_text(vm->names, name);
    if (strcmp(text, "__name__") == 0 || strcmp(text, "__qualname__") == 0)
        return str_z(vm, type_name(type));
    if (strcmp(text, "__module__") == 0) {
        const char *qual = type_qualname(type), *dot = strrchr(qual, '.');
        return dot ? str_new(vm, qual, (size_t)(dot - qual)) : str_z(vm, "builtins");
    }
    const TypeAttrs *t = attrs_of(type);
    const NativeRow *row = t ? find_row(t, text) : NULL;
    if (!row)
        return V_UNBOUND;
    Value v = method_new(vm, type, t, row, V_TYPE(type));
    if (!IS_ERR(v))
        v.u.o->flags |= NATIVE_UNBOUND_METHOD;
    return v;
}

/* V_UNBOUND: no such attribute. */
static Value find(VM *vm, Value v, Sym name)
{
    const char *text = intern_text(vm->names, name);
    switch ((Tag)v.tag) {
    case T_Module: {
        Value x = module_get((Module *)(void *)v.u.o, name);
        return x.tag == T_Unbound ? x : value_ref(x);
    }
    case T_Foreign:
        return FOREIGN(v)->cls->getattr ? FOREIGN(v)->cls->getattr(vm, v, text) : V_UNBOUND;
    case T_Type:
        return type_attr(vm, (TypeId)v.u.i, name);
    case T_Func:
        return func_attr(vm, v, text);
    case T_Native:
        return native_attr(vm, v, text);
    default:
        break;
    }
    TypeId type = value_type(v);
    const Native *method = method_find(vm, type, name);
    if (method)
        return method_new(vm, type, attrs_of(type), method->row, v);
    if (vm_has_exc(vm))
        return V_ERR;
    const TypeAttrs *t = attrs_of(type);
    if (t && t->attr) {
        Value x = t->attr(vm, v, text);
        if (x.tag != T_Unbound)
            return x;
    }
    if (strcmp(text, "__class__") == 0)
        return V_TYPE(type);
    return V_UNBOUND;
}

NOINLINE static Value refuse(VM *vm, Value v, Sym name)
{
    const char *text = intern_text(vm->names, name);
    const Module *m = v.tag == T_Module ? (const Module *)(void *)v.u.o : NULL;
    if (m && m->is_loading)
        raise(vm, TY_AttributeError, "partially initialized module '%s' has no attribute '%s' (most likely due to a circular import)",
              intern_text(vm->names, m->name), text);
    else if (m)
        raise(vm, TY_AttributeError, "module '%s' has no attribute '%s'", intern_text(vm->names, m->name), text);
    else if (v.tag == T_Type)
        raise(vm, TY_AttributeError, "type object '%s' has no attribute '%s'", type_qualname((TypeId)v.u.i), text);
    else
        raise(vm, TY_AttributeError, "'%s' object has no attribute '%s'", value_type_name(v), text);
    if (vm->exc_type == TY_AttributeError)
        vm->exc_hint = attr_suggest(vm, v, name);
    return V_ERR;
}

Value attr_get(VM *vm, Value v, Sym name)
{
    Value x = find(vm, v, name);
    return x.tag == T_Unbound ? refuse(vm, v, name) : x;
}

Status attr_set(VM *vm, Value v, Sym name, Value x)
{
    const char *text = intern_text(vm->names, name);
    if (v.tag == T_Foreign && FOREIGN(v)->cls->setattr)
        return FOREIGN(v)->cls->setattr(vm, v, text, x);
    if (v.tag == T_Module)
        return module_set(vm, (Module *)(void *)v.u.o, text, value_ref(x));
    const char *type = value_type_name(v);
    if (v.tag == T_Type) {
        raise(vm, TY_TypeError, "cannot set '%s' attribute of immutable type '%s'", text, type_qualname((TypeId)v.u.i));
        return ALP_FAIL;
    }
    Value old = find(vm, v, name);
    if (IS_ERR(old))
        return ALP_FAIL;
    if (v.tag == T_Array && old.tag == T_Array && (strcmp(text, "real") == 0 || strcmp(text, "imag") == 0)) {
        Status s = array_assign(vm, ARRAY(old), x);
        value_free(vm, old);
        return s;
    }
    if (old.tag == T_Unbound)
        raise(vm, TY_AttributeError, "'%s' object has no attribute '%s'", type, text);
    else if (old.tag == T_Native)
        raise(vm, TY_AttributeError, "'%s' object attribute '%s' is read-only", type, text);
    else
        raise(vm, TY_AttributeError, "attribute '%s' of '%s' objects is not writable", text, type);
    if (old.tag == T_Unbound)
        vm->exc_hint = attr_suggest(vm, v, name);
    value_free(vm, old);
    return ALP_FAIL;
}

void attr_each(VM *vm, Value v, void (*visit)(void *user, const char *name), void *user)
{
    if (v.tag == T_Module) {
        const Module *m = (const Module *)(void *)v.u.o;
        for (uint32_t i = 0; i < m->names.count; i++)
            if (m->slots[i].tag != T_Unbound)
                visit(user, intern_text(vm->names, m->names.name[i]));
        return;
    }
    const TypeAttrs *t = attrs_of(v.tag == T_Type ? (TypeId)v.u.i : value_type(v));
    if (!t)
        return;
    for (size_t k = 0; k < COUNT_OF(t->methods); k++)
        for (const NativeRow *r = t->methods[k]; r && r->name; r++)
            visit(user, r->name);
    for (size_t i = 0; t->names && t->names[i] && v.tag != T_Type; i++)
        visit(user, t->names[i]);
}

/* ---- what the evaluator keeps in Attr nodes --------------------------------------------------------------------------------- */

const Native *attr_method_cached(VM *vm, AstAttr *e, Value base)
{
    if (LIKELY(e->cache == base.tag && e->cache_ptr))
        return e->cache_ptr;
    if (base.tag == T_Module)
        return NULL;
    const Native *method = attr_method(vm, base, e->name);
    /* Where the tag alone decides the type.  A module is cached by attr_get_cached() in the same fields. */
    if (method && base.tag != T_Iter && base.tag != T_Exc && base.tag != T_Native) {
        e->cache = base.tag;
        e->cache_ptr = (void *)(uintptr_t)method;
    }
    return method;
}

/* A module's variable keeps its slot: cache_ptr is the module, cache its slot above the range of tags. */
Value attr_get_cached(VM *vm, AstAttr *e, Value base)
{
    if (base.tag != T_Module)
        return attr_get(vm, base, e->name);
    Module *m = (Module *)(void *)base.u.o;
    if (LIKELY(e->cache_ptr == m && e->cache >= T_COUNT)) {
        Value v = m->slots[e->cache - T_COUNT];
        if (LIKELY(v.tag != T_Unbound))
            return value_ref(v);
    }
    Value v = attr_get(vm, base, e->name);
    if (!IS_ERR(v)) {
        e->cache_ptr = m;
        e->cache = (uint64_t)module_names_find(&m->names, e->name) + T_COUNT;
    }
    return v;
}

Value eval_attr(HANDLER_ARGS)
{
    AstAttr *e = AST_AS(Attr, n);
    Value base = EVAL(e->value);
    if (IS_ERR(base))
        return base;
    Value v = attr_get_cached(vm, e, base);
    value_free(vm, base);
    return IS_ERR(v) ? raise_at(vm, f, n) : v;
}

/* ---- "Did you mean: '…'?", CPython's rules (Python/suggestions.c) ----------------------------------------------------------- */

enum { MOVE_COST = 2, CASE_COST = 1, MAX_CANDIDATES = 750, MAX_NAME = 40 };

static size_t substitution_cost(char a, char b)
{
    if ((a & 31) != (b & 31))
        return MOVE_COST;
    if (a == b)
        return 0;
    if (a >= 'A' && a <= 'Z')
        a += 'a' - 'A';
    if (b >= 'A' && b <= 'Z')
        b += 'a' - 'A';
    return a == b ? CASE_COST : MOVE_COST;
}

/* Levenshtein distance, or max_cost + 1 when it is greater than max_cost. */
static size_t distance(const char *a, size_t a_size, const char *b, size_t b_size, size_t max_cost)
{
    while (a_size && b_size && a[0] == b[0])
        a++, a_size--, b++, b_size--;
    while (a_size && b_size && a[a_size - 1] == b[b_size - 1])
        a_size--, b_size--;
    if (a_size == 0 || b_size == 0)
        return (a_size + b_size) * MOVE_COST;
    if (a_size > MAX_NAME || b_size > MAX_NAME)
        return max_cost + 1;
    if (b_size < a_size) {
        const char *t = a;
        a = b, b = t;
        size_t ts = a_size;
        a_size = b_size, b_size = ts;
    }
    if ((b_size - a_size) * MOVE_COST > max_cost)
        return max_cost + 1;
    size_t row[MAX_NAME], result = 0;
    for (size_t i = 0; i < a_size; i++)
        row[i] = (i + 1) * MOVE_COST;
    for (size_t j = 0; j < b_size; j++) {
        size_t before = result = j * MOVE_COST, minimum = SIZE_MAX;
        for (size_t i = 0; i < a_size; i++) {
            size_t substitute = before + substitution_cost(b[j], a[i]);
            before = row[i];
            size_t insert_delete = (result < before ? result : before) + MOVE_COST;
            row[i] = result = insert_delete < substitute ? insert_delete : substitute;
            if (result < minimum)
                minimum = result;
        }
        if (minimum > max_cost)
            return max_cost + 1;
    }
    return result;
}

typedef struct Search {
    const char *name, *best;
    size_t      size, best_distance, count;
    bool        sorted;         /* of equally good candidates the first by name wins, else the first seen */
} Search;

static void consider(void *user, const char *candidate)
{
    Search *s = user;
    size_t size = strlen(candidate);
    s->count++;
    if (size == s->size && memcmp(candidate, s->name, size) == 0)
        return;
    size_t max = (s->size + size + 3) * MOVE_COST / 6;
    if (s->best && max > s->best_distance)
        max = s->best_distance;
    size_t d = distance(s->name, s->size, candidate, size, max);
    if (d > max || (s->best && d == s->best_distance && !(s->sorted && strcmp(candidate, s->best) < 0)))
        return;
    s->best = candidate;
    s->best_distance = d;
}

static Sym search_result(VM *vm, const Search *s)
{
    return s->best && s->count < MAX_CANDIDATES ? intern_z(vm->names, s->best) : SYM_NONE;
}

Sym attr_suggest(VM *vm, Value v, Sym name)
{
    Search s = { .name = intern_text(vm->names, name), .size = intern_size(vm->names, name), .sorted = true };
    attr_each(vm, v, consider, &s);
    return search_result(vm, &s);
}

Sym name_suggest(VM *vm, const Frame *frame, Sym name)
{
    Search local = { .name = intern_text(vm->names, name), .size = intern_size(vm->names, name) };
    Search global = local, builtin = local;
    const AstFunc *c = frame->func ? frame->func->code : NULL;
    for (uint32_t i = 0; c && i < c->n_locals; i++)
        consider(&local, intern_text(vm->names, c->local[i]));
    for (uint32_t i = 0; c && i < c->n_free; i++)
        consider(&local, intern_text(vm->names, c->free_name[i]));
    Sym found = search_result(vm, &local);
    if (found == SYM_NONE) {
        attr_each(vm, V_OBJ(frame->module), consider, &global);
        found = search_result(vm, &global);
    }
    if (found == SYM_NONE) {
        attr_each(vm, V_OBJ(vm->builtins), consider, &builtin);
        found = search_result(vm, &builtin);
    }
    return found;
}
