/* dsl/ast.c — names of nodes, walk over children and dump, all generated from the rows of ast_list.h. */
#include "dsl/ast.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *ast_kind_name(NodeKind k)
{
    static const char *const names[] = {
#define EXPR(K, text, fields) #K,
#define STMT(K, text, fields) #K,
#include "dsl/ast_list.h"
#undef EXPR
#undef STMT
    };
    return names[k];
}

const char *ast_kind_text(NodeKind k)
{
    static const char *const texts[] = {
#define EXPR(K, text, fields) text,
#define STMT(K, text, fields) text,
#include "dsl/ast_list.h"
#undef EXPR
#undef STMT
    };
    return texts[k];
}

void ast_each_child(const Node *n, void (*visit)(Node *child, void *user), void *user)
{
    switch ((NodeKind)n->kind) {
#define C(f)    visit(x->f, user);
#define O(f)    if (x->f) visit(x->f, user);
#define L(f)    for (uint32_t k = 0; k < x->f.count; k++) visit(x->f.item[k], user);
#define D(t, f)
#define X(t, f)
#define ROW(K, text, fields) case ND_##K: { const Ast##K *x = (const void *)n; (void)x; fields } break;
#define EXPR ROW
#define STMT ROW
#include "dsl/ast_list.h"
#undef EXPR
#undef STMT
#undef ROW
#undef C
#undef O
#undef L
#undef D
#undef X
    case ND_COUNT:
        break;
    }
}

/* ---- dump ---- */

typedef struct Dump {
    const Intern *names;
    void        (*emit)(void *user, const char *s, size_t n);
    void         *user;
} Dump;

static void put(const Dump *d, const char *s)
{
    d->emit(d->user, s, strlen(s));
}

static PRINTF_LIKE(2, 3) void putf(const Dump *d, const char *fmt, ...)
{
    char buf[96];
    va_list args;
    va_start(args, fmt);
    vsnprintf(buf, sizeof buf, fmt, args);
    va_end(args);
    put(d, buf);
}

static void put_text(const Dump *d, const char *s, size_t size)
{
    put(d, "\"");
    for (size_t k = 0; k < size; k++) {
        unsigned char c = (unsigned char)s[k];
        if (c < 0x20 || c == 0x7f)
            putf(d, "\\x%02x", c);
        else if (c == '"' || c == '\\')
            putf(d, "\\%c", c);
        else
            d->emit(d->user, s + k, 1);
    }
    put(d, "\"");
}

static const char *binop_text(BinOp op)
{
    static const char *const text[] = { "+", "-", "*", "@", "/", "%", "**", "<<", ">>", "|", "^", "&", "//" };
    return text[op];
}

/* One function per type of datum; `name` is the field's. */
static void dump_int64(const Dump *d, const char *name, const void *p)  { (void)name; putf(d, " %" PRId64, *(const int64_t *)p); }
static void dump_double(const Dump *d, const char *name, const void *p) { (void)name; putf(d, " %.17g", *(const double *)p); }
static void dump_bool(const Dump *d, const char *name, const void *p)   { if (*(const bool *)p) putf(d, " %s", name); }
static void dump_none(const Dump *d, const char *name, const void *p)   { (void)d, (void)name, (void)p; }

static void dump_char(const Dump *d, const char *name, const void *p)
{
    (void)name;
    if (*(const char *)p)
        putf(d, " !%c", *(const char *)p);
}

static void dump_binop(const Dump *d, const char *name, const void *p)
{
    (void)name;
    putf(d, " %s", binop_text(*(const BinOp *)p));
}

static void dump_sym(const Dump *d, const char *name, const void *p)
{
    (void)name;
    put(d, " ");
    put(d, intern_text(d->names, *(const Sym *)p));
}

static void dump_text(const Dump *d, const char *name, const void *p)
{
    const AstText *t = p;
    (void)name;
    put(d, " ");
    put_text(d, t->text, t->size);
}

static void dump_scope(const Dump *d, const char *name, const void *p)
{
    static const char *const text[] = { "", " local", " cell", " free", " global" };
    (void)name;
    put(d, text[*(const AstScope *)p]);
}

static void dump_slot(const Dump *d, const char *name, const void *p)
{
    (void)name;
    putf(d, "/%" PRIu32, *(const uint32_t *)p);
}

static void dump_unop(const Dump *d, const char *name, const void *p)
{
    static const char *const text[] = { " +", " -", " ~", " not" };
    (void)name;
    put(d, text[*(const UnOp *)p]);
}

static void dump_cmps(const Dump *d, const char *name, const void *p)
{
    static const char *const text[] = { " ==", " !=", " <", " <=", " >", " >=", " is", " is-not", " in", " not-in" };
    const AstCmps *c = p;
    (void)name;
    for (uint32_t k = 0; k < c->count; k++)
        put(d, text[c->item[k]]);
}

static void dump_names(const Dump *d, const char *name, const void *p)
{
    const AstNames *n = p;
    for (uint32_t k = 0; k < n->count; k++) {
        put(d, k ? " " : name[0] == 'k' ? " keywords " : " ");
        put(d, intern_text(d->names, n->item[k]));
    }
}

static void dump_aliases(const Dump *d, const char *name, const void *p)
{
    const AstAliases *a = p;
    (void)name;
    for (uint32_t k = 0; k < a->count; k++) {
        put(d, " ");
        put(d, intern_text(d->names, a->item[k].name));
        if (a->item[k].as_name) {
            put(d, " as ");
            put(d, intern_text(d->names, a->item[k].as_name));
        }
    }
}

static void dump_func(const Dump *d, const char *name, const void *p)
{
    const AstFunc *f = *(AstFunc *const *)p;
    (void)name;
    putf(d, " (params %" PRIu32 " posonly %" PRIu32 " kwonly %" PRIu32 ")", f->n_params, f->n_posonly, f->n_kwonly);
    put(d, " (locals");
    for (uint32_t k = 0; k < (f->n_locals ? f->n_locals : f->n_params); k++) {
        put(d, " ");
        put(d, intern_text(d->names, f->local[k]));
    }
    put(d, ")");
    if (f->n_free)
        put(d, " (free");
    for (uint32_t k = 0; k < f->n_free; k++) {
        put(d, " ");
        put(d, intern_text(d->names, f->free_name[k]));
    }
    put(d, f->n_free ? ")" : "");
}

static void dump_datum(const Dump *d, const char *type, const char *name, const void *p)
{
    static const struct { const char *type; void (*dump)(const Dump *, const char *, const void *); } rows[] = {
        { "int64_t", dump_int64 }, { "double", dump_double }, { "bool", dump_bool }, { "char", dump_char },
        { "Sym", dump_sym }, { "AstText", dump_text }, { "AstScope", dump_scope }, { "uint32_t", dump_slot },
        { "UnOp", dump_unop }, { "BinOp", dump_binop }, { "AstCmps", dump_cmps }, { "AstNames", dump_names },
        { "AstAliases", dump_aliases }, { "AstFunc *", dump_func }, { "Span", dump_none },
    };
    for (size_t k = 0; k < COUNT_OF(rows); k++)
        if (strcmp(rows[k].type, type) == 0) {
            rows[k].dump(d, name, p);
            return;
        }
}

static void dump_node(const Dump *d, const Node *n, int depth);

static void dump_child(const Dump *d, const char *name, const Node *n, int depth)
{
    if (ND_IS_STMT(n->kind)) {
        putf(d, "\n%*s", 2 * depth, "");
    } else {
        put(d, " ");
        if (strcmp(name, "orelse") == 0 || strcmp(name, "spec") == 0 || strcmp(name, "upper") == 0 || strcmp(name, "step") == 0)
            putf(d, "%s: ", name);
    }
    dump_node(d, n, depth);
}

static void dump_list(const Dump *d, const char *name, const NodeList *l, int depth)
{
    if (l->count && strcmp(name, "orelse") == 0)
        putf(d, "\n%*selse", 2 * depth - 1, "");
    for (uint32_t k = 0; k < l->count; k++)
        dump_child(d, "", l->item[k], depth);
}

static void dump_node(const Dump *d, const Node *n, int depth)
{
    put(d, "(");
    put(d, ast_kind_name(n->kind));
    switch ((NodeKind)n->kind) {
#define C(f)    dump_child(d, #f, x->f, depth + 1);
#define O(f)    if (x->f) dump_child(d, #f, x->f, depth + 1);
#define L(f)    dump_list(d, #f, &x->f, depth + 1);
#define D(t, f) dump_datum(d, #t, #f, &x->f);
#define X(t, f)
#define ROW(K, text, fields) case ND_##K: { const Ast##K *x = (const void *)n; (void)x; fields } break;
#define EXPR ROW
#define STMT ROW
#include "dsl/ast_list.h"
#undef EXPR
#undef STMT
#undef ROW
#undef C
#undef O
#undef L
#undef D
#undef X
    case ND_COUNT:
        break;
    }
    put(d, ")");
}

void ast_dump(const NodeList *body, const Intern *names, void (*emit)(void *user, const char *s, size_t n), void *user)
{
    Dump d = { names, emit, user };
    for (uint32_t k = 0; k < body->count; k++) {
        dump_node(&d, body->item[k], 0);
        put(&d, "\n");
    }
}
