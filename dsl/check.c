/* dsl/check.c — scopes, in the three steps of CPython's compiler, so that the same mistake is found first:
 *
 *   collect   walks the whole text and notes for every function which names it binds, reads and declares global
 *   analyse   finds for each name that a function reads but does not bind the function around it that does (a closure)
 *   resolve   walks the text again, writes scope and slot into the nodes and checks statements in their context
 *
 * Requires: a tree of the parser.  Provides: what check.h says. */
#include "dsl/check.h"

#include <string.h>

#define MAX_NESTED_LOOPS 20         /* CPython's CO_MAXBLOCKS */

/* ---- module variables ---- */

void module_names_init(ModuleNames *m, Mem *mem)
{
    *m = (ModuleNames){ .mem = mem };
}

void module_names_free(ModuleNames *m)
{
    mem_free(m->mem, m->name, sizeof *m->name * m->capacity);
    mem_free(m->mem, m->bucket, sizeof *m->bucket * m->n_buckets);
    module_names_init(m, m->mem);
}

static uint32_t hash_sym(Sym s)
{
    uint32_t h = s * 0x9e3779b1u;
    return h ^ h >> 15;
}

uint32_t module_names_find(const ModuleNames *m, Sym name)
{
    if (m->n_buckets == 0)
        return MODULE_NO_SLOT;
    for (uint32_t i = hash_sym(name) & (m->n_buckets - 1); m->bucket[i]; i = (i + 1) & (m->n_buckets - 1))
        if (m->name[m->bucket[i] - 1] == name)
            return m->bucket[i] - 1;
    return MODULE_NO_SLOT;
}

static void put_bucket(uint32_t *bucket, uint32_t n_buckets, Sym name, uint32_t value)
{
    uint32_t i = hash_sym(name) & (n_buckets - 1);
    while (bucket[i])
        i = (i + 1) & (n_buckets - 1);
    bucket[i] = value;
}

static bool grow_module_names(ModuleNames *m)
{
    uint32_t capacity = m->capacity ? m->capacity * 2 : 32, n_buckets = capacity * 2;
    uint32_t *bucket = mem_zalloc(m->mem, sizeof *bucket * n_buckets);
    Sym *name = bucket ? mem_realloc(m->mem, m->name, sizeof *name * m->capacity, sizeof *name * capacity) : NULL;
    if (!name) {
        mem_free(m->mem, bucket, sizeof *bucket * n_buckets);
        return false;
    }
    for (uint32_t k = 0; k < m->count; k++)
        put_bucket(bucket, n_buckets, name[k], k + 1);
    mem_free(m->mem, m->bucket, sizeof *bucket * m->n_buckets);
    m->name = name;
    m->capacity = capacity;
    m->bucket = bucket;
    m->n_buckets = n_buckets;
    return true;
}

uint32_t module_names_add(ModuleNames *m, Sym name)
{
    uint32_t slot = module_names_find(m, name);
    if (slot != MODULE_NO_SLOT)
        return slot;
    if (m->count == m->capacity && !grow_module_names(m))
        return MODULE_NO_SLOT;
    m->name[m->count++] = name;
    put_bucket(m->bucket, m->n_buckets, name, m->count);
    return m->count - 1;
}

/* ---- scopes ---- */

/* What a scope does with a name. */
enum {
    USE = 1, LOCAL = 2, PARAM = 4, IMPORT = 8, ANNOTATED = 16, GLOBAL = 32,
    CELL = 64,                      /* bound here, used by an inner function */
    FREE = 128,                     /* bound by a function around this one */
    BOUND = LOCAL | PARAM | IMPORT,
};

typedef struct Entry {
    Sym      name;
    uint32_t flags;
    uint32_t slot;                  /* of the frame, or index of the captured cell */
} Entry;

typedef struct Scope {
    struct Scope *parent;           /* NULL: the module */
    struct Scope *next;             /* in the order of the text */
    AstFunc  *func;                 /* NULL: the module */
    Entry    *entry;                /* in order of first appearance: parameters first */
    uint32_t  count, capacity;
    uint32_t *bucket;               /* entry + 1 */
    uint32_t  n_buckets;
} Scope;

typedef struct Check {
    const Src   *src;
    Arena       *arena;             /* the tree's */
    Arena        scratch;           /* dropped at the end */
    Intern      *names;
    ModuleNames *globals;
    Diag        *diag;
    Scope       *scope;             /* current */
    Scope       *last_scope;        /* collect: the newest; resolve: the one whose function came last */
    Sym          debug;             /* __debug__, which cannot be assigned */
    uint32_t     n_loops;           /* around the current statement, in its function */
    uint32_t    *first_keyword;     /* per Sym: 1 + its place among the keywords of the call at hand */
    uint32_t     n_first_keyword;
    bool         failed;
} Check;

static void fail_memory(Check *c)
{
    c->failed = true;
    diag_nomem(c->diag);
}

#define FAIL(c, span, ...) \
    do { if (!(c)->failed) { (c)->failed = true; diag_set((c)->diag, DK_Syntax, (c)->src, (span), __VA_ARGS__); } } while (0)

static Entry *find(const Scope *s, Sym name)
{
    if (s->n_buckets == 0)
        return NULL;
    for (uint32_t i = hash_sym(name) & (s->n_buckets - 1); s->bucket[i]; i = (i + 1) & (s->n_buckets - 1))
        if (s->entry[s->bucket[i] - 1].name == name)
            return &s->entry[s->bucket[i] - 1];
    return NULL;
}

static bool grow_scope(Check *c, Scope *s)
{
    uint32_t capacity = s->capacity ? s->capacity * 4 : 8, n_buckets = capacity * 2;
    Entry *entry = ARENA_ARRAY(&c->scratch, Entry, capacity);
    uint32_t *bucket = ARENA_ARRAY(&c->scratch, uint32_t, n_buckets);
    if (!entry || !bucket)
        return false;
    if (s->count)
        memcpy(entry, s->entry, sizeof *entry * s->count);
    for (uint32_t k = 0; k < s->count; k++)
        put_bucket(bucket, n_buckets, entry[k].name, k + 1);
    s->entry = entry;
    s->capacity = capacity;
    s->bucket = bucket;
    s->n_buckets = n_buckets;
    return true;
}

/* Finds or adds; NULL: out of memory. */
static Entry *note(Check *c, Scope *s, Sym name, uint32_t flags)
{
    Entry *e = find(s, name);
    if (!e) {
        if (s->count == s->capacity && !grow_scope(c, s)) {
            fail_memory(c);
            return NULL;
        }
        e = &s->entry[s->count++];
        *e = (Entry){ .name = name };
        put_bucket(s->bucket, s->n_buckets, name, s->count);
    }
    e->flags |= flags;
    return e;
}

static Scope *new_scope(Check *c, AstFunc *func)
{
    Scope *s = ARENA_NEW(&c->scratch, Scope);
    if (!s) {
        fail_memory(c);
        return NULL;
    }
    s->parent = c->scope;
    s->func = func;
    if (c->last_scope)
        c->last_scope->next = s;
    return c->last_scope = s;
}

/* The name that `import a.b.c` binds. */
static Sym first_part(Check *c, Sym dotted)
{
    const char *text = intern_text(c->names, dotted), *dot = strchr(text, '.');
    Sym s = dot ? intern(c->names, text, (size_t)(dot - text)) : dotted;
    if (s == SYM_NONE)
        fail_memory(c);
    return s;
}

static Sym alias_name(Check *c, const AstAlias *a, bool is_from)
{
    return a->as_name ? a->as_name : is_from ? a->name : first_part(c, a->name);
}

/* The text of the branch chain `if … elif … elif …` is as deep a tree as it is long, so it is walked in a loop. */
static AstIf *next_elif(const AstIf *n)
{
    return n->orelse.count == 1 && n->orelse.item[0]->kind == ND_If ? AST_AS(If, n->orelse.item[0]) : NULL;
}

/* ---- collect ---- */

static void collect(Node *n, void *check);

static void collect_list(Check *c, const NodeList *l)
{
    for (uint32_t k = 0; k < l->count && !c->failed; k++)
        collect(l->item[k], c);
}

/* Names bound by a target; what it reads (a[i] = …) is used. */
static void collect_target(Check *c, Node *n)
{
    switch (n->kind) {
    case ND_Name:
        note(c, c->scope, AST_AS(Name, n)->name, LOCAL);
        break;
    case ND_Tuple:
        for (uint32_t k = 0; k < AST_AS(Tuple, n)->items.count; k++)
            collect_target(c, AST_AS(Tuple, n)->items.item[k]);
        break;
    case ND_List:
        for (uint32_t k = 0; k < AST_AS(List, n)->items.count; k++)
            collect_target(c, AST_AS(List, n)->items.item[k]);
        break;
    default:
        collect(n, c);
    }
}

static void collect_def(Check *c, AstFuncDef *n)
{
    AstFunc *f = n->func;
    note(c, c->scope, n->name, LOCAL);
    collect_list(c, &n->defaults);
    Scope *outer = c->scope, *s = new_scope(c, f);
    if (!s)
        return;
    c->scope = s;
    for (uint32_t k = 0; k < f->n_params && !c->failed; k++) {
        if (find(s, f->local[k]))
            FAIL(c, f->param_span[k], "duplicate argument '%s' in function definition", intern_text(c->names, f->local[k]));
        note(c, s, f->local[k], PARAM);
    }
    collect_list(c, &n->body);
    c->scope = outer;
}

static void collect_global(Check *c, AstGlobal *n)
{
    for (uint32_t k = 0; k < n->names.count && !c->failed; k++) {
        Sym name = n->names.item[k];
        const Entry *e = find(c->scope, name);
        uint32_t flags = e ? e->flags : 0;
        const char *text = intern_text(c->names, name);
        if (flags & PARAM)
            FAIL(c, n->head.span, "name '%s' is parameter and global", text);
        else if (flags & USE)
            FAIL(c, n->head.span, "name '%s' is used prior to global declaration", text);
        else if (flags & ANNOTATED)
            FAIL(c, n->head.span, "annotated name '%s' can't be global", text);
        else if (flags & LOCAL)
            FAIL(c, n->head.span, "name '%s' is assigned to before global declaration", text);
        note(c, c->scope, name, GLOBAL);
    }
}

static void collect_annotated(Check *c, AstAnnAssign *n)
{
    if (n->target->kind == ND_Name) {
        Sym name = AST_AS(Name, n->target)->name;
        bool is_simple = !(n->target->flags & NF_Parens);
        const Entry *e = find(c->scope, name);
        if (is_simple && c->scope->func && e && e->flags & GLOBAL)
            FAIL(c, n->head.span, "annotated name '%s' can't be global", intern_text(c->names, name));
        if (is_simple || n->value)
            note(c, c->scope, name, LOCAL | (is_simple ? ANNOTATED : 0));
    } else {
        collect_target(c, n->target);
    }
    if (n->value)
        collect(n->value, c);
}

static void collect_aliases(Check *c, const AstAliases *l, bool is_from)
{
    for (uint32_t k = 0; k < l->count && !c->failed; k++) {
        Sym name = alias_name(c, &l->item[k], is_from);
        if (name)
            note(c, c->scope, name, IMPORT);
    }
}

static void collect(Node *n, void *check)
{
    Check *c = check;
    if (c->failed)
        return;
    switch (n->kind) {
    case ND_Name:
        note(c, c->scope, AST_AS(Name, n)->name, USE);
        break;
    case ND_Walrus:
        collect(AST_AS(Walrus, n)->value, c);
        collect_target(c, AST_AS(Walrus, n)->target);
        break;
    case ND_Assign:
        for (uint32_t k = 0; k < AST_AS(Assign, n)->targets.count; k++)
            collect_target(c, AST_AS(Assign, n)->targets.item[k]);
        collect(AST_AS(Assign, n)->value, c);
        break;
    case ND_AugAssign:
        collect_target(c, AST_AS(AugAssign, n)->target);
        collect(AST_AS(AugAssign, n)->value, c);
        break;
    case ND_AnnAssign:
        collect_annotated(c, AST_AS(AnnAssign, n));
        break;
    case ND_Del:
        for (uint32_t k = 0; k < AST_AS(Del, n)->targets.count; k++)
            collect_target(c, AST_AS(Del, n)->targets.item[k]);
        break;
    case ND_For:
        collect_target(c, AST_AS(For, n)->target);
        collect(AST_AS(For, n)->iter, c);
        collect_list(c, &AST_AS(For, n)->body);
        collect_list(c, &AST_AS(For, n)->orelse);
        break;
    case ND_If:
        for (AstIf *i = AST_AS(If, n), *next; i; i = next) {
            collect(i->test, c);
            collect_list(c, &i->body);
            next = next_elif(i);
            if (!next)
                collect_list(c, &i->orelse);
        }
        break;
    case ND_FuncDef:
        collect_def(c, AST_AS(FuncDef, n));
        break;
    case ND_Global:
        collect_global(c, AST_AS(Global, n));
        break;
    case ND_Import:
        collect_aliases(c, &AST_AS(Import, n)->items, false);
        break;
    case ND_ImportFrom:
        collect_aliases(c, &AST_AS(ImportFrom, n)->items, true);
        break;
    default:
        ast_each_child(n, collect, c);
    }
}

/* ---- analyse ---- */

/* Closure variables of `s`: each is handed down from the function that binds it through all functions between. */
static void find_free(Check *c, Scope *s)
{
    for (uint32_t k = 0; k < s->count && !c->failed; k++) {
        Sym name = s->entry[k].name;
        if (s->entry[k].flags & (BOUND | GLOBAL | FREE))
            continue;
        Scope *owner = s->parent;
        Entry *e = NULL;
        for (; owner && owner->func; owner = owner->parent)
            if ((e = find(owner, name)) && e->flags & (BOUND | GLOBAL))
                break;
        if (!owner || !owner->func || e->flags & GLOBAL)
            continue;
        e->flags |= CELL;
        for (Scope *inner = s; inner != owner; inner = inner->parent)
            note(c, inner, name, FREE);
    }
}

static void *arena_array(Check *c, size_t count, size_t size)
{
    void *p = count ? arena_alloc(c->arena, count * size) : NULL;
    if (count && !p)
        fail_memory(c);
    return p;
}

/* Slots of locals and indexes of captured cells.  The parent's are known by now. */
static void number_slots(Check *c, Scope *s)
{
    AstFunc *f = s->func;
    for (uint32_t k = 0; k < s->count; k++) {
        Entry *e = &s->entry[k];
        if (e->flags & BOUND && !(e->flags & GLOBAL)) {
            e->slot = f->n_locals++;
            f->n_cells += (e->flags & CELL) != 0;
        } else if (e->flags & FREE) {
            e->slot = f->n_free++;
        }
    }
    f->local = arena_array(c, f->n_locals, sizeof *f->local);
    f->cell_slot = arena_array(c, f->n_cells, sizeof *f->cell_slot);
    f->free_scope = arena_array(c, f->n_free, sizeof *f->free_scope);
    f->free_index = arena_array(c, f->n_free, sizeof *f->free_index);
    f->free_name = arena_array(c, f->n_free, sizeof *f->free_name);
    if (c->failed)
        return;
    uint32_t n_cells = 0;
    for (uint32_t k = 0; k < s->count; k++) {
        const Entry *e = &s->entry[k];
        if (e->flags & BOUND && !(e->flags & GLOBAL)) {
            f->local[e->slot] = e->name;
            if (e->flags & CELL)
                f->cell_slot[n_cells++] = e->slot;
        } else if (e->flags & FREE) {
            const Entry *outer = find(s->parent, e->name);
            f->free_scope[e->slot] = outer->flags & CELL ? SC_Cell : SC_Free;
            f->free_index[e->slot] = outer->slot;
            f->free_name[e->slot] = e->name;
        }
    }
}

static void name_function(Check *c, Scope *s)
{
    AstFunc *f = s->func;
    f->qualname = f->name;
    if (!s->parent->func)
        return;
    static const char between[] = ".<locals>.";
    Sym outer = s->parent->func->qualname;
    size_t outer_size = intern_size(c->names, outer), size = intern_size(c->names, f->name);
    char *text = arena_alloc(&c->scratch, outer_size + sizeof between - 1 + size);
    if (text) {
        memcpy(text, intern_text(c->names, outer), outer_size);
        memcpy(text + outer_size, between, sizeof between - 1);
        memcpy(text + outer_size + sizeof between - 1, intern_text(c->names, f->name), size);
        f->qualname = intern(c->names, text, outer_size + sizeof between - 1 + size);
    }
    if (!text || !f->qualname)
        fail_memory(c);
}

/* ---- resolve ---- */

static bool resolve(Check *c, Node *n);

static void bind(Check *c, Sym name, AstScope *scope, uint32_t *slot)
{
    const Entry *e = c->scope->func ? find(c->scope, name) : NULL;
    if (e && !(e->flags & GLOBAL) && e->flags & (BOUND | FREE)) {
        *scope = !(e->flags & BOUND) ? SC_Free : e->flags & CELL ? SC_Cell : SC_Local;
        *slot = e->slot;
        return;
    }
    *scope = SC_Global;
    *slot = module_names_add(c->globals, name);
    if (*slot == MODULE_NO_SLOT)
        fail_memory(c);
}

static bool resolve_list(Check *c, const NodeList *l)
{
    bool pure = true;
    for (uint32_t k = 0; k < l->count && !c->failed; k++)
        pure &= resolve(c, l->item[k]);
    return pure;
}

static void resolve_block(Check *c, const NodeList *l)
{
    resolve_list(c, l);
}

static void check_assigned(Check *c, Sym name, Span span)
{
    if (name == c->debug)
        FAIL(c, span, "cannot assign to __debug__");
}

static void resolve_target(Check *c, Node *n)
{
    if (n->kind == ND_Name)
        check_assigned(c, AST_AS(Name, n)->name, n->span);
    if (n->kind == ND_Attr)
        check_assigned(c, AST_AS(Attr, n)->name, n->span);
    if (n->kind == ND_Tuple || n->kind == ND_List) {
        const NodeList *l = n->kind == ND_Tuple ? &AST_AS(Tuple, n)->items : &AST_AS(List, n)->items;
        for (uint32_t k = 0; k < l->count && !c->failed; k++)
            resolve_target(c, l->item[k]);
        n->spare = 0;
        return;
    }
    resolve(c, n);
}

/* The keyword that repeats the first repeated one. */
static void check_keywords(Check *c, AstCall *n)
{
    const AstNames *k = &n->keywords;
    uint32_t first = UINT32_MAX, again = 0, n_syms = intern_count(c->names) + 1;
    for (uint32_t i = 0; i < k->count; i++)
        check_assigned(c, k->item[i], n->head.span);
    if (k->count < 2 || c->failed)
        return;
    if (c->n_first_keyword < n_syms) {
        c->first_keyword = ARENA_ARRAY(&c->scratch, uint32_t, n_syms);
        c->n_first_keyword = c->first_keyword ? n_syms : 0;
        if (!c->first_keyword) {
            fail_memory(c);
            return;
        }
    }
    for (uint32_t i = 0; i < k->count; i++) {
        uint32_t *seen = &c->first_keyword[k->item[i]];
        if (*seen == 0) {
            *seen = i + 1;
        } else if (*seen < first) {
            first = *seen;
            again = i;
        }
    }
    for (uint32_t i = 0; i < k->count; i++)
        c->first_keyword[k->item[i]] = 0;
    if (first != UINT32_MAX)
        FAIL(c, k->span[again], "keyword argument repeated: %s", intern_text(c->names, k->item[again]));
}

static void resolve_aliases(Check *c, AstAliases *l, bool is_from, Span span)
{
    for (uint32_t k = 0; k < l->count && !c->failed; k++) {
        Sym name = alias_name(c, &l->item[k], is_from);
        check_assigned(c, name, span);
        if (!c->failed)
            bind(c, name, &l->item[k].scope, &l->item[k].slot);
    }
}

static void resolve_def(Check *c, AstFuncDef *n)
{
    check_assigned(c, n->name, n->head.span);
    for (uint32_t k = 0; k < n->func->n_params; k++)
        check_assigned(c, n->func->local[k], n->head.span);
    resolve_list(c, &n->defaults);
    bind(c, n->name, &n->scope, &n->slot);
    Scope *outer = c->scope;
    uint32_t n_loops = c->n_loops;
    c->scope = c->last_scope = c->last_scope->next;
    c->n_loops = 0;
    resolve_block(c, &n->body);
    c->scope = outer;
    c->n_loops = n_loops;
}

/* A loop's body, and its else-branch, which is outside of it. */
static void resolve_loop(Check *c, Span span, bool *is_outermost, const NodeList *body, const NodeList *orelse)
{
    *is_outermost = c->n_loops == 0;
    if (c->n_loops == MAX_NESTED_LOOPS)
        FAIL(c, span, "too many statically nested blocks");
    c->n_loops++;
    resolve_block(c, body);
    c->n_loops--;
    resolve_block(c, orelse);
}

/* Children of an expression in turn; see NF_Pure. */
typedef struct Children { Check *c; bool pure; } Children;

static void resolve_child(Node *n, void *children)
{
    Children *ch = children;
    ch->pure &= resolve(ch->c, n);
}

static bool resolve_children(Check *c, Node *n)
{
    Children ch = { c, true };
    ast_each_child(n, resolve_child, &ch);
    return ch.pure;
}

static void resolve_stmt(Check *c, Node *n)
{
    switch (n->kind) {
    case ND_Assign:
        resolve(c, AST_AS(Assign, n)->value);
        for (uint32_t k = 0; k < AST_AS(Assign, n)->targets.count && !c->failed; k++)
            resolve_target(c, AST_AS(Assign, n)->targets.item[k]);
        break;
    case ND_AugAssign:
        resolve_target(c, AST_AS(AugAssign, n)->target);
        resolve(c, AST_AS(AugAssign, n)->value);
        break;
    case ND_AnnAssign:
        if (AST_AS(AnnAssign, n)->value)
            resolve(c, AST_AS(AnnAssign, n)->value);
        resolve_target(c, AST_AS(AnnAssign, n)->target);
        break;
    case ND_Del:
        for (uint32_t k = 0; k < AST_AS(Del, n)->targets.count; k++) {
            Node *t = AST_AS(Del, n)->targets.item[k];
            if (AST_AS(Name, t)->name == c->debug)
                FAIL(c, t->span, "cannot delete __debug__");
            resolve(c, t);
        }
        break;
    case ND_If:
        for (AstIf *i = AST_AS(If, n), *next; i; i = next) {
            resolve(c, i->test);
            resolve_block(c, &i->body);
            next = c->failed ? NULL : next_elif(i);
            if (!next)
                resolve_block(c, &i->orelse);
        }
        break;
    case ND_While: {
        AstWhile *w = AST_AS(While, n);
        resolve(c, w->test);
        resolve_loop(c, n->span, &w->is_outermost, &w->body, &w->orelse);
        break;
    }
    case ND_For: {
        AstFor *f = AST_AS(For, n);
        resolve(c, f->iter);
        resolve_target(c, f->target);
        resolve_loop(c, n->span, &f->is_outermost, &f->body, &f->orelse);
        break;
    }
    case ND_FuncDef:
        resolve_def(c, AST_AS(FuncDef, n));
        break;
    case ND_Return:
        if (!c->scope->func)
            FAIL(c, n->span, "'return' outside function");
        resolve_children(c, n);
        break;
    case ND_Break:
        if (c->n_loops == 0)
            FAIL(c, n->span, "'break' outside loop");
        break;
    case ND_Continue:
        if (c->n_loops == 0)
            FAIL(c, n->span, "'continue' not properly in loop");
        break;
    case ND_Import:
        resolve_aliases(c, &AST_AS(Import, n)->items, false, n->span);
        break;
    case ND_ImportFrom:
        resolve_aliases(c, &AST_AS(ImportFrom, n)->items, true, n->span);
        break;
    default:
        resolve_children(c, n);
    }
}

/* True: the expression is pure. */
static bool resolve(Check *c, Node *n)
{
    if (c->failed)
        return false;
    n->spare = 0;
    bool pure;
    switch (n->kind) {
    case ND_Name: {
        AstName *name = AST_AS(Name, n);
        bind(c, name->name, &name->scope, &name->slot);
        pure = true;
        break;
    }
    case ND_Walrus:
        resolve(c, AST_AS(Walrus, n)->value);
        resolve_target(c, AST_AS(Walrus, n)->target);
        pure = false;
        break;
    case ND_Call:
        resolve(c, AST_AS(Call, n)->callee);
        check_keywords(c, AST_AS(Call, n));
        resolve_list(c, &AST_AS(Call, n)->args);
        pure = false;
        break;
    case ND_FString: case ND_Field:
        resolve_children(c, n);
        pure = false;
        break;
    default:
        if (ND_IS_STMT(n->kind)) {
            resolve_stmt(c, n);
            return false;
        }
        pure = resolve_children(c, n);
    }
    if (pure)
        n->flags |= NF_Pure;
    return pure;
}

Status check_module(AstModule *module, Arena *arena, Intern *names, ModuleNames *globals, Diag *diag)
{
    *diag = (Diag){ .kind = DK_None };
    Check c = { .src = module->src, .arena = arena, .names = names, .globals = globals, .diag = diag };
    arena_init(&c.scratch, arena->mem);
    c.debug = intern_find(names, "__debug__", 9);
    if (c.debug == SYM_NONE)
        c.debug = UINT32_MAX;
    Scope *top = c.scope = new_scope(&c, NULL);
    if (top)
        collect_list(&c, &module->body);
    for (Scope *s = top ? top->next : NULL; s && !c.failed; s = s->next)
        find_free(&c, s);
    for (Scope *s = top ? top->next : NULL; s && !c.failed; s = s->next) {
        number_slots(&c, s);
        if (!c.failed)
            name_function(&c, s);
    }
    if (!c.failed) {
        c.scope = c.last_scope = top;
        resolve_block(&c, &module->body);
    }
    arena_free(&c.scratch);
    return c.failed ? ALP_FAIL : ALP_OK;
}
