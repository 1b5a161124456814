/* dsl/parse.c — from source text to tree: tokens, the parser's run, and who explains a failure. */
#include "dsl/parse.h"

#include "dsl/explain.h"
#include "dsl/layout.h"
#include "dsl/parse_int.h"

#include <stdio.h>
#include <string.h>

/* ---- helpers of the parse functions ---- */

void parser_init(Parser *p, const Src *src, const Tok *tok, Arena *arena, Intern *names, ParseMode mode)
{
    *p = (Parser){ .src = src, .tok = tok, .top = tok, .arena = arena, .names = names, .mode = mode };
}

void parser_free(Parser *p)
{
    mem_free(p->arena->mem, p->stack, sizeof *p->stack * p->stack_capacity);
    p->stack = NULL;
    p->stack_capacity = p->n_stack = 0;
}

Node *parse_node(Parser *p, NodeKind kind, size_t size, uint32_t start)
{
    Node *n = arena_alloc(p->arena, size);
    if (UNLIKELY(!n)) {
        p->no_memory = true;
        return NULL;
    }
    n->kind = (uint16_t)kind;
    n->span = (Span){ start, p->tok[-1].end };
    return n;
}

/* While parsing, Node.spare is the height of the node's tree; check_module() clears it. */
bool parse_lift(Parser *p, Node *parent, const Node *child)
{
    if (child->spare >= parent->spare)
        parent->spare = child->spare + 1;
    if (UNLIKELY(parent->spare > PARSE_MAX_HEIGHT))
        return parse_refuse_depth(p, parent->span, "expression is too deeply nested");
    return true;
}

bool parse_refuse(Parser *p, Span span, const char *what)
{
    if (!p->refusal.kind)
        diag_set(&p->refusal, DK_Syntax, p->src, span, "%s are not part of alpy", what);
    return false;
}

bool parse_refuse_depth(Parser *p, Span span, const char *what)
{
    if (!p->refusal.kind)
        diag_set(&p->refusal, DK_Syntax, p->src, span, "%s", what);
    return false;
}

bool parse_push(Parser *p, Node *n)
{
    if (!n)
        return false;
    if (UNLIKELY(p->n_stack == p->stack_capacity)) {
        uint32_t capacity = p->stack_capacity ? p->stack_capacity * 2 : 64;
        Node **stack = mem_realloc(p->arena->mem, p->stack, sizeof *stack * p->stack_capacity, sizeof *stack * capacity);
        if (!stack) {
            p->no_memory = true;
            return false;
        }
        p->stack = stack;
        p->stack_capacity = capacity;
    }
    p->stack[p->n_stack++] = n;
    return true;
}

bool parse_pop_list(Parser *p, uint32_t base, NodeList *out)
{
    static Node *const no_items[1];
    uint32_t count = p->n_stack - base;
    *out = (NodeList){ count, (Node **)no_items };      /* not NULL, so that walkers may add to it */
    p->n_stack = base;
    if (count == 0)
        return true;
    out->item = ARENA_ARRAY(p->arena, Node *, count);
    if (!out->item) {
        p->no_memory = true;
        return false;
    }
    memcpy(out->item, p->stack + base, sizeof *out->item * count);
    return true;
}

Sym parse_intern(Parser *p, const Tok *t)
{
    Sym s = intern(p->names, p->src->text + t->start, t->end - t->start);
    if (s == SYM_NONE)
        p->no_memory = true;
    return s;
}

const Tok *parse_matching(const Tok *open)
{
    const Tok *t = open + 1;
    while (t->kind != TK_EndMarker && t->kind != TK_Error && t->level >= open->level)
        t++;
    return t;
}

/* ---- expressions of f-strings ---- */

/* The text as CPython compiles it: in parentheses, so that blanks and line ends in it do not matter. */
static bool embedded_src(Parser *p, uint32_t start, uint32_t end, Src *sub)
{
    uint32_t size = end - start + 2, n_lines = 1;
    char *text = ARENA_ARRAY(p->arena, char, size + 1);
    if (!text)
        goto no_memory;
    text[0] = '(';
    memcpy(text + 1, p->src->text + start, size - 2);
    text[size - 1] = ')';
    for (uint32_t k = 0; k < size; k++)
        n_lines += text[k] == '\n';
    uint32_t *line_start = ARENA_ARRAY(p->arena, uint32_t, n_lines);
    if (!line_start)
        goto no_memory;
    for (uint32_t k = 0, line = 1; k < size; k++)
        if (text[k] == '\n')
            line_start[line++] = k + 1;
    *sub = (Src){ .mem = p->arena->mem, .name = (char *)"<fstring>", .text = text, .size = size, .n_lines = n_lines,
                  .line_start = line_start };
    return true;
no_memory:
    p->no_memory = true;
    return false;
}

/* CPython looks for "{expression}" in the string's token: it does not find one that goes on with "!r", ":" or "=", and finds the
 * first of several. */
static EmbeddedAt embedded_at(const Parser *p, uint32_t start, uint32_t end)
{
    const char *text = p->src->text + p->str_tok->start, *text_end = p->src->text + p->str_tok->end, *brace = text;
    const char *expr = p->src->text + start;
    size_t size = end - start;
    uint32_t line = p->str_tok->line, column = src_column(p->src, p->str_tok->start);
    for (; (brace = memchr(brace, '{', (size_t)(text_end - brace))); brace++)
        if ((size_t)(text_end - brace) > size + 1 && memcmp(brace + 1, expr, size) == 0 && brace[size + 1] == '}')
            break;
    if (!brace)
        return (EmbeddedAt){ line, column };
    uint32_t at = (uint32_t)(brace - p->src->text), brace_line = src_line(p->src, at);
    const char *s = brace + 1;
    while (*s == ' ' || *s == '\t' || *s == '\f')
        s++;
    if (*s != '\n' && *s != '}')
        column = src_column(p->src, at);
    else if (brace_line > line)
        column = 0;
    return (EmbeddedAt){ brace_line, column };
}

Node *parse_embedded(Parser *p, uint32_t start, uint32_t end)
{
    Src sub;
    TokList toks;
    Node *n = NULL;
    if (!embedded_src(p, start, end, &sub))
        return NULL;
    if (toks_init(&toks, &sub, PM_File, sub.mem) != ALP_OK) {
        p->no_memory = true;
        return NULL;
    }
    /* With tokens moved to where they stand in the whole text, so do the nodes. */
    for (uint32_t k = 0; k < toks.count; k++) {
        toks.item[k].start += start - 1;
        toks.item[k].end += start - 1;
    }
    Parser inner;
    parser_init(&inner, p->src, toks.item, p->arena, p->names, PM_File);
    inner.depth = p->depth + 1;
    if (inner.depth < PARSE_MAX_HEIGHT)
        n = parse_exprs(&inner);
    else
        parse_refuse_depth(p, (Span){ start, end }, "expression is too deeply nested");
    parser_free(&inner);
    p->no_memory |= inner.no_memory;
    if (!n && !p->no_memory) {
        for (uint32_t k = 0; k < toks.count; k++) {
            toks.item[k].start -= start - 1;
            toks.item[k].end -= start - 1;
        }
        Diag d = { .kind = DK_None };
        EmbeddedAt at = embedded_at(p, start, end);
        explain_embedded(&sub, &toks, &at, p->arena, p->names, &d);
        if (d.kind == DK_NoMemory) {
            p->no_memory = true;
        } else if (d.kind != DK_None && p->str_error.kind == DK_None) {
            d.span.start += start - 1;
            d.span.end += start - 1;
            p->str_error = d;
        } else if (d.kind == DK_None && p->refusal.kind == DK_None) {
            p->refusal = inner.refusal;
        }
    }
    toks_free(&toks);
    return n;
}

/* ---- entry points ---- */

/* file = {statement} END */
static bool parse_file(Parser *p)
{
    while (!parse_at(p, TK_EndMarker)) {
        p->top = p->tok;
        if (!parse_statement(p, NULL))
            return false;
    }
    return true;
}

/* prompt = {statement | NEWLINE} END; a compound statement ends with an empty line. */
static bool parse_prompt(Parser *p, bool *is_incomplete)
{
    bool is_compound;
    while (!parse_at(p, TK_EndMarker)) {
        p->top = p->tok;
        if (parse_skip(p, TK_Newline))
            continue;
        if (!parse_statement(p, &is_compound))
            return false;
        if (is_compound && !parse_skip(p, TK_Newline)) {
            *is_incomplete = parse_at(p, TK_EndMarker);
            return false;
        }
    }
    return true;
}

Status parse_source(const Src *src, ParseMode mode, Arena *arena, Intern *names, AstModule *out, Diag *diag)
{
    *diag = (Diag){ .kind = DK_None };
    TRY(lex_check_text(src, diag));
    TokList toks;
    if (toks_init(&toks, src, mode, arena->mem) != ALP_OK)
        return diag_nomem(diag);
    Parser p;
    parser_init(&p, src, toks.item, arena, names, mode);
    bool is_incomplete = false;
    bool ok = mode == PM_Prompt ? parse_prompt(&p, &is_incomplete) : parse_file(&p);
    if (ok) {
        *out = (AstModule){ .src = src };
        ok = parse_pop_list(&p, 0, &out->body);
    }
    if (!ok) {
        if (p.no_memory)
            diag_nomem(diag);
        else if (is_incomplete)
            diag_set(diag, DK_Incomplete, src, tok_span(p.tok), "incomplete input");
        else
            explain(&p, &toks, diag);
    }
    parser_free(&p);
    toks_free(&toks);
    return ok ? ALP_OK : ALP_FAIL;
}

Status parse_dump_tokens(const Src *src, void (*emit)(void *user, const char *s, size_t n), void *user, Diag *diag)
{
    *diag = (Diag){ .kind = DK_None };
    TRY(lex_check_text(src, diag));
    TokList toks;
    if (toks_init(&toks, src, PM_File, src->mem) != ALP_OK)
        return diag_nomem(diag);
    for (const Tok *t = toks.item; t < toks.item + toks.count && t->kind != TK_Error; t++) {
        char head[64];
        unsigned line = t->line, column = src_column(src, t->start);
        int n = snprintf(head, sizeof head, "%u:%u\t%-12s", line, column, tok_name(t->kind));
        emit(user, head, (size_t)n);
        if (t->kind == TK_Name || t->kind == TK_Number || t->kind == TK_String || t->kind == TK_Unknown) {
            emit(user, " ", 1);
            emit(user, src->text + t->start, t->end - t->start);
        }
        emit(user, "\n", 1);
    }
    *diag = toks.error;
    toks_free(&toks);
    return diag->kind == DK_None ? ALP_OK : ALP_FAIL;
}
