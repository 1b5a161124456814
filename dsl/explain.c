/* dsl/explain.c — a parser for parsing expression grammars with memory (Ford, "Packrat Parsing", ICFP 2002), run over the rows of
 * explain_list.h.  It reads from the statement at top level on which the parser failed to the place where it failed.
 *
 * Rules to keep, because they decide which of several messages comes out:
 *   - tokens are looked at one by one; the furthest is where a mistake without words of its own is placed
 *   - a mistake is reported when its alternative has matched, not when its statement is known to be wrong
 *   - an alternative whose action gives nothing fails its whole rule
 *   - errors of the scanner come out when the parser gets there, or where they lie behind a mistake, as CPython orders them */
#include "dsl/explain.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Bounds on work and recursion; a text beyond them gets a message without a hint. */
#define MAX_DEPTH 3500
#define MAX_STEPS 50000000u

/* Kinds of expressions with their names in messages. */
#define KINDS(X) \
    X(Other, "expression") X(Items, "expression") X(Args, "function call") X(Keyword, "keyword") X(DoubleStar, "keyword") \
    X(Name, "name") X(Literal, "literal") X(True, "True") X(False, "False") X(None, "None") X(Ellipsis, "ellipsis") \
    X(FString, "f-string expression") X(Attribute, "attribute") X(Subscript, "subscript") X(Call, "function call") \
    X(Starred, "starred") X(Tuple, "tuple") X(List, "list") X(Dict, "dict literal") X(Set, "set display") \
    X(ListComp, "list comprehension") X(SetComp, "set comprehension") X(DictComp, "dict comprehension") \
    X(GenExp, "generator expression") X(Yield, "yield expression") X(Await, "await expression") X(Lambda, "lambda") \
    X(IfExp, "conditional expression") X(Walrus, "named expression") X(Compare, "comparison") X(Operation, "expression")

typedef enum Kind {
#define X(K, text) XK_##K,
    KINDS(X)
#undef X
    XK_COUNT
} Kind;

typedef enum Action {
    XA_None,
    XA_At, XA_Range, XA_RangeToLastItem, XA_From, XA_Last, XA_Indentation, XA_KeyEnd,       /* report, at … */
    XA_AssignTarget, XA_ForTarget, XA_DeleteTarget,                                         /* report what is no target */
    XA_MissingComma, XA_Legacy, XA_GeneratorArgument, XA_ArgumentOrder, XA_CheckReal, XA_CheckImaginary,
    XA_Fold, XA_Strings,
} Action;

/* ---- the grammar, read from its rows ---- */

typedef enum ItemOp { IT_Token, IT_Word, IT_SoftKeyword, IT_Rule, IT_Group, IT_Cut } ItemOp;

typedef struct Seq Seq;
typedef struct Item {
    uint8_t  op;
    char     look;              /* '&', '!' or 0 */
    char     times;             /* '?', '*', '+' or 0 */
    char     capture;           /* 'a', 'b' or 0 */
    bool     must;              /* ^ */
    uint16_t arg;               /* token kind or rule */
    const char *word;           /* IT_Word: up to the backquote */
    Seq     *group;             /* alternatives */
} Item;

struct Seq { Seq *next; Item *item; uint32_t count; };

typedef struct Alt {
    struct Alt *next;
    Seq        *seq;            /* several where the pattern has '|' outside of parentheses */
    Kind        kind;           /* XK_COUNT: none given */
    Action      action;
    bool        is_mistake;     /* nothing but a rule invalid_…: passed over in the first reading */
    const char *text;
} Alt;

typedef struct Rule {
    const char *name;
    bool        memo;
    bool        suspends;       /* mistakes are not looked for below it */
    Alt        *first, *last;
} Rule;

static const struct Row { const char *name, *pattern, *text; bool memo; Action action; } rows[] = {
#define RULE(name, memo, pattern)               { #name, pattern, NULL, memo, XA_None },
#define OOPS(name, memo, pattern, action, text) { #name, pattern, text, memo, XA_##action },
#include "dsl/explain_list.h"
#undef RULE
#undef OOPS
};

/* One node of what was read: enough to say what it is and where. */
typedef struct XNode {
    Kind     kind;
    uint32_t first, last;       /* tokens [first, last) */
    uint32_t count;
    struct XNode **child;       /* expressions in it */
} XNode;

typedef struct Memo { struct Memo *next; XNode *node; uint32_t end; uint16_t rule; } Memo;

typedef struct Explain {
    const Src     *src;
    const TokList *toks;
    Arena         *arena;       /* for texts that the Diag keeps */
    Intern        *names;
    ParseMode      mode;
    bool           is_embedded; /* an f-string's expression */
    Diag          *diag;
    Arena          scratch;
    Rule          *rule;
    uint32_t       n_rules;
    uint16_t      *bucket;      /* rule + 1, by a hash of its name */
    Memo         **memo;        /* per token */
    XNode        **kids;        /* of the alternatives being tried */
    uint32_t       n_kids, kids_capacity;
    uint32_t       mark;        /* next token */
    uint32_t       fill;        /* tokens looked at so far */
    uint32_t       depth, n_steps;
    bool           correcting;  /* second reading */
    bool           suspended;   /* … but not here */
    bool           stop;        /* *diag is set, or gave_up, or no memory */
    bool           from_parser; /* *diag is a mistake in the grammar, not the scanner's */
    bool           gave_up, no_memory;
} Explain;

static void *take(Explain *x, size_t size)
{
    void *p = arena_alloc(&x->scratch, size);
    if (!p)
        x->stop = x->no_memory = true;
    return p;
}

static bool is_text(const char *name, const char *s, size_t size)
{
    return name[0] == s[0] && strncmp(name, s, size) == 0 && name[size] == '\0';
}

#define N_BUCKETS 1024          /* more than twice the rules */

/* The bucket of a rule's name, or the empty one where it belongs. */
static uint16_t *rule_bucket(const Explain *x, const char *name, size_t size)
{
    uint32_t h = (uint32_t)size;
    for (size_t k = 0; k < size; k++)
        h = h * 31 + (unsigned char)name[k];
    for (h &= N_BUCKETS - 1; x->bucket[h] && !is_text(x->rule[x->bucket[h] - 1].name, name, size); h = (h + 1) & (N_BUCKETS - 1))
        ;
    return &x->bucket[h];
}

static uint16_t find_rule(const Explain *x, const char *name, size_t size)
{
    uint16_t bucket = *rule_bucket(x, name, size);
    ALP_ASSERT(bucket > 0);
    return (uint16_t)(bucket - 1);
}

static TokKind find_token(const char *text, size_t size)
{
    for (int k = 0; k < TK_COUNT; k++)
        if (is_text(tok_name((TokKind)k), text, size))
            return (TokKind)k;
    return TK_Error;
}

static Kind find_kind(const char *text, size_t size)
{
    static const char *const names[] = {
#define X(K, text) #K,
        KINDS(X)
#undef X
    };
    int k = 0;
    while (k < XK_COUNT && !is_text(names[k], text, size))
        k++;
    return (Kind)k;
}

static size_t word_size(const char *s)
{
    size_t n = 0;
    while ((s[n] >= 'a' && s[n] <= 'z') || (s[n] >= 'A' && s[n] <= 'Z') || s[n] == '_')
        n++;
    return n;
}

#define MAX_ITEMS 24            /* of one sequence */

static Seq *read_alternatives(Explain *x, const char **ps, Alt *alt);

/* One item of a pattern. */
static bool read_item(Explain *x, const char **ps, Item *it)
{
    static const struct { const char *name; TokKind kind; } classes[] = {
        { "NAME", TK_Name }, { "NUMBER", TK_Number }, { "STRING", TK_String }, { "NEWLINE", TK_Newline }, { "INDENT", TK_Indent },
        { "DEDENT", TK_Dedent }, { "ENDMARKER", TK_EndMarker },
    };
    const char *s = *ps;
    *it = (Item){ .op = IT_Token };
    if (*s == '&' || *s == '!')
        it->look = *s++;
    if (s[0] && s[1] == ':' && (*s == 'a' || *s == 'b')) {
        it->capture = *s;
        s += 2;
    }
    if (*s == '^') {
        it->must = true;
        s++;
    }
    if (*s == '~') {
        it->op = IT_Cut;
        s++;
    } else if (*s == '\'') {
        size_t n = strcspn(++s, "'");
        it->arg = (uint16_t)find_token(s, n);
        s += n + 1;
    } else if (*s == '`') {
        it->op = IT_Word;
        it->word = ++s;
        s += strcspn(s, "`") + 1;
    } else if (*s == '(') {
        s++;
        it->op = IT_Group;
        if (!(it->group = read_alternatives(x, &s, NULL)))
            return false;
        s++;
    } else {
        size_t n = word_size(s);
        bool is_class = *s >= 'A' && *s <= 'Z';
        if (is_text("SOFT_KEYWORD", s, n)) {
            it->op = IT_SoftKeyword;
        } else if (is_class) {
            for (size_t k = 0; k < COUNT_OF(classes); k++)
                if (is_text(classes[k].name, s, n))
                    it->arg = (uint16_t)classes[k].kind;
        } else {
            it->op = IT_Rule;
            it->arg = find_rule(x, s, n);
        }
        s += n;
    }
    if (*s == '?' || *s == '*' || *s == '+')
        it->times = *s++;
    *ps = s;
    return true;
}

/* Sequences up to ")" or the end of the pattern. */
static Seq *read_alternatives(Explain *x, const char **ps, Alt *alt)
{
    Seq *first = NULL, **link = &first;
    const char *s = *ps;
    do {
        Item items[MAX_ITEMS];
        uint32_t n = 0;
        while (*s == ' ' || *s == '|')
            s++;
        while (*s && *s != ')' && *s != '|' && *s != '=') {
            ALP_ASSERT(n < MAX_ITEMS);
            if (!read_item(x, &s, &items[n++]))
                return NULL;
            while (*s == ' ')
                s++;
        }
        Seq *q = take(x, sizeof *q);
        Item *item = take(x, sizeof *item * n);
        if (!q || !item)
            return NULL;
        memcpy(item, items, sizeof *item * n);
        *q = (Seq){ NULL, item, n };
        *link = q;
        link = &q->next;
    } while (*s == '|');
    if (*s == '=' && alt) {
        alt->kind = find_kind(s + 1, word_size(s + 1));
        ALP_ASSERT(alt->kind < XK_COUNT);
    }
    *ps = s;
    return first;
}

static bool read_grammar(Explain *x)
{
    x->rule = take(x, sizeof *x->rule * COUNT_OF(rows));
    x->bucket = take(x, sizeof *x->bucket * N_BUCKETS);
    if (!x->rule || !x->bucket)
        return false;
    for (size_t k = 0; k < COUNT_OF(rows); k++) {
        if (x->n_rules > 0 && strcmp(x->rule[x->n_rules - 1].name, rows[k].name) == 0)
            continue;
        x->rule[x->n_rules++] = (Rule){ .name = rows[k].name, .memo = rows[k].memo };
        x->rule[x->n_rules - 1].suspends = strcmp(rows[k].name, "expression_without_invalid") == 0;
        *rule_bucket(x, rows[k].name, strlen(rows[k].name)) = (uint16_t)x->n_rules;
    }
    Rule *r = x->rule;
    for (size_t k = 0; k < COUNT_OF(rows); k++) {
        r += strcmp(r->name, rows[k].name) != 0;
        Alt *a = take(x, sizeof *a);
        const char *s = rows[k].pattern;
        if (!a)
            return false;
        *a = (Alt){ .kind = XK_COUNT, .action = rows[k].action, .text = rows[k].text };
        a->is_mistake = strncmp(s, "invalid_", 8) == 0 && word_size(s) == strlen(s);
        if (!(a->seq = read_alternatives(x, &s, a)))
            return false;
        if (r->last)
            r->last->next = a;
        else
            r->first = a;
        r->last = a;
    }
    return true;
}

/* ---- reports ---- */

static const Tok *tok_at(const Explain *x, uint32_t i)
{
    return &x->toks->item[i];
}

/* Layout's own tokens have no text, hence no column. */
static bool has_no_text(const Tok *t)
{
    return t->kind == TK_Indent || t->kind == TK_Dedent || t->kind == TK_EndMarker;
}

static const char *prefix(const Explain *x)
{
    return x->is_embedded ? "f-string: " : "";
}

static void report_span(Explain *x, uint32_t start, uint32_t end, const char *text)
{
    diag_set(x->diag, DK_Syntax, x->src, (Span){ start, end }, "%s%s", prefix(x), text);
    x->stop = x->from_parser = true;
}

static void report_range(Explain *x, const XNode *a, const XNode *b, const char *text)
{
    report_span(x, tok_at(x, a->first)->start, tok_at(x, b->last - 1)->end, text);
}

/* At the last token looked at. */
static void report_last(Explain *x, DiagKind kind, const char *text)
{
    const Tok *t = tok_at(x, x->fill - 1);
    if (has_no_text(t)) {
        uint32_t column = t->start < x->src->size ? src_column(x->src, t->start) : 0;
        diag_set_at(x->diag, kind, x->src, t->line, column, "%s%s", prefix(x), text);
    } else {
        Span span = { t->start, kind == DK_Indentation ? t->start : t->end };
        diag_set(x->diag, kind, x->src, span, "%s%s", prefix(x), text);
    }
    x->stop = x->from_parser = true;
}

/* %k, %s and %d of a message. */
static void fill_text(const Explain *x, char *out, size_t size, const char *text, const XNode *a)
{
    static const char *const kinds[] = {
#define X(K, text) text,
        KINDS(X)
#undef X
    };
    size_t n = 0;
    for (; *text && n + 1 < size; text++) {
        if (*text != '%') {
            out[n++] = *text;
            continue;
        }
        const Tok *t = tok_at(x, a->first);
        size_t tok_size = t->end - t->start;
        text++;
        int more = *text == 'k' ? snprintf(out + n, size - n, "%s", kinds[a->kind])
                 : *text == 'd' ? snprintf(out + n, size - n, "%u", (unsigned)t->line)
                 : snprintf(out + n, size - n, "%.*s", (int)(tok_size < size ? tok_size : size), x->src->text + t->start);
        n = more < 0 || (size_t)more >= size - n ? size - 1 : n + (size_t)more;
    }
    out[n] = '\0';
}

/* The part of an assignment's left side that cannot be assigned to. */
static const XNode *invalid_target(const Explain *x, const XNode *e, Action action)
{
    switch (e->kind) {
    case XK_List: case XK_Tuple:
        for (uint32_t k = 0; k < e->count; k++) {
            const XNode *bad = invalid_target(x, e->child[k], action);
            if (bad)
                return bad;
        }
        return NULL;
    case XK_Starred:
        return action == XA_DeleteTarget ? e : invalid_target(x, e->child[0], action);
    case XK_Compare:        /* `for a in b` was read as a comparison */
        if (action != XA_ForTarget)
            return e;
        return tok_at(x, e->child[1]->first)->kind == TK_In ? invalid_target(x, e->child[0], action) : NULL;
    case XK_Name: case XK_Subscript: case XK_Attribute:
        return NULL;
    default:
        return e;
    }
}

static bool is_print_or_exec(const Explain *x, const XNode *a)
{
    const Tok *t = tok_at(x, a->first);
    const char *s = x->src->text + t->start;
    return a->kind == XK_Name && ((t->end - t->start == 5 && memcmp(s, "print", 5) == 0) ||
                                  (t->end - t->start == 4 && memcmp(s, "exec", 4) == 0));
}

/* A generator expression without parentheses behind other arguments. */
static void check_generator_argument(Explain *x, const XNode *args, const XNode *clauses, const char *text)
{
    const XNode *last = NULL;
    uint32_t n = 0;
    for (uint32_t k = 0; k < args->count; k++)
        if (args->child[k]->kind != XK_Keyword && args->child[k]->kind != XK_DoubleStar) {
            last = args->child[k];
            n++;
        }
    if (n > 1)
        report_range(x, last, clauses, text);
}

/* Strings are decoded by the parser's own functions. */
static Kind check_strings(Explain *x, uint32_t first)
{
    Parser p;
    parser_init(&p, x->src, tok_at(x, first), x->arena, x->names, x->mode);
    Node *n = parse_strings(&p);
    parser_free(&p);
    Kind kind = XK_Literal;
    for (uint32_t k = first; k < x->mark; k++)
        if (memchr(x->src->text + tok_at(x, k)->start, 'f', strcspn(x->src->text + tok_at(x, k)->start, "'\"")) ||
            memchr(x->src->text + tok_at(x, k)->start, 'F', strcspn(x->src->text + tok_at(x, k)->start, "'\"")))
            kind = XK_FString;
    if (p.no_memory) {
        x->stop = x->no_memory = true;
    } else if (!n && p.str_error.kind != DK_None) {
        if (p.str_error.line == 0) {
            report_last(x, DK_Syntax, p.str_error.text);
        } else {
            *x->diag = p.str_error;
            x->stop = x->from_parser = true;
        }
    }
    return kind;
}

static void check_number(Explain *x, const Tok *t)
{
    uint32_t n = parse_int_digits(x->src->text + t->start, t->end - t->start);
    if (n <= PARSE_MAX_DIGITS)
        return;
    diag_set_at(x->diag, DK_Syntax, x->src, t->line, 0,
                "%sExceeds the limit (%d digits) for integer string conversion: value has %u digits; "
                "use sys.set_int_max_str_digits() to increase the limit - Consider hexadecimal for huge integer literals to avoid decimal conversion limits.",
                prefix(x), PARSE_MAX_DIGITS, (unsigned)n);
    x->stop = x->from_parser = true;
}

/* ---- matching ---- */

typedef enum Match { NO, YES, NEVER } Match;    /* NEVER: and no other alternative either */

typedef struct Captures { XNode *a, *b; } Captures;

static XNode *match_rule(Explain *x, uint16_t rule);

/* The next token; NULL: the scanner's error was met. */
static const Tok *look(Explain *x)
{
    const Tok *t = tok_at(x, x->mark);
    if (x->mark < x->fill)
        return t;
    bool at_end = t->kind == TK_Error ? x->toks->fault == LF_Eof || x->toks->fault == LF_OpenString
                                      : t->start >= x->src->size && (t->kind == TK_EndMarker || t->kind == TK_Dedent);
    if (x->mode == PM_Prompt && at_end) {
        diag_set(x->diag, DK_Incomplete, x->src, tok_span(t), "incomplete input");
        x->stop = true;
        return NULL;
    }
    x->fill = x->mark + 1;
    if (t->kind != TK_Error)
        return t;
    *x->diag = x->toks->error;
    x->stop = true;
    return NULL;
}

static bool push_kid(Explain *x, XNode *n)
{
    if (x->n_kids == x->kids_capacity) {
        uint32_t capacity = x->kids_capacity ? x->kids_capacity * 2 : 64;
        XNode **kids = mem_realloc(x->scratch.mem, x->kids, sizeof *kids * x->kids_capacity, sizeof *kids * capacity);
        if (!kids) {
            x->stop = x->no_memory = true;
            return false;
        }
        x->kids = kids;
        x->kids_capacity = capacity;
    }
    x->kids[x->n_kids++] = n;
    return true;
}

static XNode *new_node(Explain *x, Kind kind, uint32_t first)
{
    XNode *n = take(x, sizeof *n);
    if (n)
        *n = (XNode){ .kind = kind, .first = first, .last = x->mark };
    return n;
}

/* A node of what was matched since there were `base` kids; the items of a list become its own. */
static XNode *node_of_kids(Explain *x, Kind kind, uint32_t first, uint32_t base)
{
    XNode *n = new_node(x, kind, first);
    uint32_t count = 0;
    for (uint32_t k = base; k < x->n_kids; k++)
        count += x->kids[k]->kind == XK_Items ? x->kids[k]->count : 1;
    XNode **child = n ? take(x, sizeof *child * (count ? count : 1)) : NULL;
    if (!child)
        return NULL;
    n->child = child;
    for (uint32_t k = base; k < x->n_kids; k++) {
        if (x->kids[k]->kind != XK_Items) {
            n->child[n->count++] = x->kids[k];
            continue;
        }
        for (uint32_t i = 0; i < x->kids[k]->count; i++)
            n->child[n->count++] = x->kids[k]->child[i];
    }
    return n;
}

static bool is_word(const Explain *x, const Tok *t, const Item *it)
{
    static const char *const soft[] = { "_", "case", "match" };
    const char *s = x->src->text + t->start;
    size_t size = t->end - t->start;
    if (t->kind != TK_Name)
        return false;
    if (it->op == IT_Word)
        return strncmp(s, it->word, size) == 0 && it->word[size] == '`';
    for (size_t k = 0; k < COUNT_OF(soft); k++)
        if (strncmp(s, soft[k], size) == 0)
            return true;
    return false;
}

static bool match_token(Explain *x, const Item *it)
{
    const Tok *t = look(x);
    if (!t)
        return false;
    bool fits = it->op == IT_Token ? t->kind == it->arg : is_word(x, t, it);
    if (!fits) {
        if (it->must) {
            char text[32];
            snprintf(text, sizeof text, "expected '%s'", tok_name((TokKind)it->arg));
            report_span(x, t->start, t->end, text);
        }
        return false;
    }
    x->mark++;
    if (t->kind == TK_Number)
        check_number(x, t);
    if (x->stop)
        return false;
    if (t->kind == TK_Name || t->kind == TK_Number) {
        XNode *n = new_node(x, t->kind == TK_Name ? XK_Name : XK_Literal, x->mark - 1);
        return n && push_kid(x, n);
    }
    return true;
}

static Match match_seqs(Explain *x, const Seq *q, Captures *c);

/* Once, without its look and times. */
static bool match_once(Explain *x, const Item *it, Captures *c)
{
    uint32_t mark = x->mark, base = x->n_kids;
    bool ok;
    if (it->op == IT_Rule) {
        XNode *n = match_rule(x, it->arg);
        ok = n && push_kid(x, n);
    } else {
        ok = it->op == IT_Group ? match_seqs(x, it->group, c) == YES : match_token(x, it);
    }
    if (!ok || x->stop) {
        x->mark = mark;
        x->n_kids = base;
        return false;
    }
    if (it->capture) {
        XNode *n = x->n_kids == base + 1 ? x->kids[base] : new_node(x, XK_Other, mark);
        *(it->capture == 'a' ? &c->a : &c->b) = n;
        return n != NULL;
    }
    return true;
}

static Match match_seq(Explain *x, const Seq *q, Captures *c)
{
    bool cut = false;
    for (const Item *it = q->item, *end = it + q->count; it < end; it++) {
        if (it->op == IT_Cut) {
            cut = true;
            continue;
        }
        uint32_t mark = x->mark, base = x->n_kids;
        bool ok = match_once(x, it, c);
        if (x->stop)
            return NO;
        if (it->look) {
            x->mark = mark;
            x->n_kids = base;
            ok = ok == (it->look == '&');
        } else if (it->times && it->times != '?') {
            if (ok)
                while (match_once(x, it, c))
                    ;
            ok |= it->times == '*';
        } else if (it->times) {
            ok = true;
        }
        if (x->stop)
            return NO;
        if (!ok)
            return cut ? NEVER : NO;
    }
    return YES;
}

static Match match_seqs(Explain *x, const Seq *q, Captures *c)
{
    uint32_t mark = x->mark, base = x->n_kids;
    Match m = NO;
    for (; q && m == NO && !x->stop; q = q->next) {
        x->mark = mark;
        x->n_kids = base;
        m = match_seq(x, q, c);
    }
    return m;
}

/* What an alternative that has matched gives: a node, or NULL. */
static XNode *act(Explain *x, const Alt *alt, uint32_t first, uint32_t base, const Captures *c)
{
    char text[sizeof x->diag->text];
    const XNode *a = c->a, *b = c->b ? c->b : c->a;
    if (alt->text)
        fill_text(x, text, sizeof text, alt->text, a);
    switch (alt->action) {
    case XA_None:
        if (alt->kind == XK_COUNT && x->n_kids == base + 1)
            return x->kids[base];
        return node_of_kids(x, alt->kind == XK_COUNT ? XK_Other : alt->kind, first, base);
    case XA_Fold:
        if (x->n_kids == base + 1)
            return x->kids[base];
        return new_node(x, x->kids[x->n_kids - 1]->kind, first);
    case XA_Strings: {
        Kind kind = check_strings(x, first);
        return x->stop ? NULL : new_node(x, kind, first);
    }
    case XA_CheckReal: case XA_CheckImaginary: {
        const Tok *t = tok_at(x, a->first);
        bool is_imaginary = (x->src->text[t->end - 1] | 0x20) == 'j' && !(x->src->text[t->start + 1] == 'x');
        if (is_imaginary == (alt->action == XA_CheckImaginary))
            return x->kids[base];
        report_range(x, a, a, text);
        break;
    }
    case XA_At:
        report_range(x, a, a, text);
        break;
    case XA_Range:
        report_range(x, a, b, text);
        break;
    case XA_RangeToLastItem:
        report_range(x, a, b->count ? b->child[b->count - 1] : b, text);
        break;
    case XA_From:
        report_span(x, tok_at(x, a->first)->start, tok_at(x, x->fill - 1)->end - 1, text);      /* CPython's off by one */
        break;
    case XA_Last:
        report_last(x, DK_Syntax, text);
        break;
    case XA_Indentation:
        report_last(x, DK_Indentation, text);
        break;
    case XA_KeyEnd: {
        uint32_t end = tok_at(x, a->last - 1)->end;
        diag_set_at(x->diag, DK_Syntax, x->src, tok_at(x, a->first)->line, src_column(x->src, end), "%s%s", prefix(x), text);
        x->stop = x->from_parser = true;
        break;
    }
    case XA_AssignTarget: case XA_ForTarget: case XA_DeleteTarget: {
        const XNode *bad = invalid_target(x, a, alt->action);
        if (bad) {
            fill_text(x, text, sizeof text, alt->text, bad);
            report_range(x, bad, bad, text);
        }
        break;
    }
    case XA_MissingComma:
        if (!is_print_or_exec(x, a) && tok_at(x, x->mark - 1)->level > 0)
            report_range(x, a, b, text);
        break;
    case XA_Legacy:
        if (is_print_or_exec(x, a))
            report_range(x, a, b, text);
        break;
    case XA_GeneratorArgument:
        check_generator_argument(x, a, b, text);
        break;
    case XA_ArgumentOrder: {
        bool unpacks = false;
        for (uint32_t k = 0; k < a->count; k++)
            unpacks |= a->child[k]->kind == XK_DoubleStar;
        report_last(x, DK_Syntax, unpacks ? "positional argument follows keyword argument unpacking" : text);
        break;
    }
    }
    return NULL;
}

static XNode *match_rule(Explain *x, uint16_t index)
{
    const Rule *r = &x->rule[index];
    uint32_t first = x->mark, base = x->n_kids;
    if (r->memo)
        for (const Memo *m = x->memo[first]; m; m = m->next)
            if (m->rule == index) {
                x->mark = m->node ? m->end : first;
                return m->node;
            }
    if (++x->n_steps > MAX_STEPS || x->depth >= MAX_DEPTH) {
        x->stop = x->gave_up = true;
        return NULL;
    }
    x->depth++;
    bool suspended = x->suspended;
    x->suspended |= r->suspends;
    XNode *node = NULL;
    for (const Alt *alt = r->first; alt; alt = alt->next) {
        if (alt->is_mistake && (!x->correcting || x->suspended))
            continue;
        Captures c = { NULL, NULL };
        Match m = match_seqs(x, alt->seq, &c);
        if (m == YES)
            node = act(x, alt, first, base, &c);
        if (m != NO || x->stop)
            break;
        x->mark = first;
        x->n_kids = base;
    }
    x->suspended = suspended;
    x->depth--;
    x->n_kids = base;
    if (!node)
        x->mark = first;
    if (r->memo && !x->stop) {
        Memo *m = take(x, sizeof *m);
        if (!m)
            return NULL;
        *m = (Memo){ x->memo[first], node, x->mark, index };
        x->memo[first] = m;
    }
    return node;
}

/* ---- the two readings ---- */

/* Reads from token `start` by `rule`, again and again until token `end` is behind. */
static bool read_text(Explain *x, uint32_t start, uint32_t end, const char *rule, bool correcting)
{
    memset(x->memo, 0, sizeof *x->memo * x->toks->count);
    x->mark = start;
    x->n_kids = x->depth = x->n_steps = 0;
    x->correcting = correcting;
    uint16_t index = find_rule(x, rule, strlen(rule));
    do {
        if (!match_rule(x, index))
            return false;
    } while (x->mark <= end && tok_at(x, x->mark)->kind != TK_EndMarker);
    return true;
}

/* "invalid syntax" at the furthest token of the first reading. */
static void report_generic(Explain *x, const Tok *t)
{
    if (t->kind == TK_Indent || t->kind == TK_Dedent) {
        report_last(x, DK_Indentation, t->kind == TK_Indent ? "unexpected indent" : "unexpected unindent");
        x->from_parser = false;         /* is not given up for an error behind it */
    } else if (t->kind == TK_EndMarker) {
        diag_set_at(x->diag, DK_Syntax, x->src, t->line, 0, "%sinvalid syntax", prefix(x));
        x->from_parser = true;
    } else {
        report_span(x, t->start, t->end, "invalid syntax");
    }
}

/* A mistake gives way to what is wrong with the tokens behind it, where that is likely to be its cause. */
static void prefer_scanner(Explain *x)
{
    const TokList *l = x->toks;
    if (l->item[l->count - 1].kind != TK_Error || x->mode == PM_Prompt || x->fill == l->count)
        return;
    if (l->fault == LF_Raised || l->fault == LF_OpenString) {
        *x->diag = l->error;
    } else if (l->open_level > 0 && tok_at(x, x->fill - 1)->line > l->open_line) {
        *x->diag = (Diag){ .kind = DK_None };
        toks_never_closed(l, x->src, x->diag);
    }
}

/* True: what was read is Python; else *diag is set. */
static bool explain_text(Explain *x, uint32_t start, uint32_t end, const char *rule)
{
    bool ok = false;
    arena_init(&x->scratch, x->toks->mem);
    x->memo = take(x, sizeof *x->memo * x->toks->count);
    x->fill = start;
    if (x->memo && read_grammar(x)) {
        ok = read_text(x, start, end, rule, false);
        const Tok *furthest = tok_at(x, x->fill ? x->fill - 1 : 0);
        if (!ok && !x->stop) {
            read_text(x, start, end, rule, true);
            if (!x->stop)
                report_generic(x, furthest);
        } else if (x->gave_up) {
            report_span(x, furthest->start, furthest->end, "too many nested parentheses");
        }
    }
    if (x->no_memory) {
        *x->diag = (Diag){ .kind = DK_None };
        diag_nomem(x->diag);
    } else if (!ok && x->from_parser) {
        prefer_scanner(x);
    }
    mem_free(x->scratch.mem, x->kids, sizeof *x->kids * x->kids_capacity);
    arena_free(&x->scratch);
    return ok;
}

void explain(Parser *p, const TokList *toks, Diag *diag)
{
    Explain x = { .src = p->src, .toks = toks, .arena = p->arena, .names = p->names, .mode = p->mode, .diag = diag };
    uint32_t top = (uint32_t)(p->top - toks->item), end = (uint32_t)(p->tok - toks->item);
    if (!explain_text(&x, top, end, p->mode == PM_Prompt ? "interactive" : "statement")) {
        if (!x.gave_up || p->refusal.kind == DK_None)
            return;
    }
    if (p->refusal.kind != DK_None)
        *diag = p->refusal;
    else
        diag_set(diag, DK_Syntax, p->src, tok_span(p->tok), "invalid syntax");
}

void explain_embedded(const Src *sub, const TokList *toks, const EmbeddedAt *at, Arena *arena, Intern *names, Diag *diag)
{
    Explain x = { .src = sub, .toks = toks, .arena = arena, .names = names, .diag = diag, .is_embedded = true };
    if (explain_text(&x, 0, 0, "fstring") || diag->kind == DK_NoMemory || diag->shown)
        return;
    uint32_t size;
    diag->shown = src_line_text(sub, diag->line, &size);
    diag->shown_size = size;
    if (diag->line > 1 && x.from_parser) {      /* CPython moves columns as if all were in the first line */
        diag->column = diag->column > at->column ? diag->column - at->column : 0;
        if (diag->end_column != DIAG_LINE_END)
            diag->end_column = diag->end_column > at->column ? diag->end_column - at->column : 0;
    }
    diag->line += at->line - 1;
}
