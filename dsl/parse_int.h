/* dsl/parse_int.h — what the files of the parser share.
 *
 * The parser reads right programs, fast, and says little about wrong ones: a parse function that cannot go on returns NULL (or
 * false), and only Parser.refusal (the construct is Python, but not alpy's) or Parser.no_memory may tell why.  explain.h then
 * finds CPython's words for the mistake.  Left to parse.c is the choice between the two. */
#ifndef ALP_DSL_PARSE_INT_H
#define ALP_DSL_PARSE_INT_H

#include "dsl/layout.h"
#include "dsl/parse.h"

/* Height of an expression's tree, and of the parser's recursion: what walks over the tree may recurse. */
#define PARSE_MAX_HEIGHT 1000
/* `elif` after `elif` nests in the tree. */
#define PARSE_MAX_ELIF   2500

typedef struct Parser {
    const Src *src;
    const Tok *tok;             /* next token */
    const Tok *top;             /* first token of the statement at top level */
    Arena     *arena;
    Intern    *names;
    ParseMode  mode;
    uint32_t   depth;           /* of recursion; PARSE_MAX_HEIGHT at most */
    Node     **stack;           /* children of lists that are being read */
    uint32_t   n_stack, stack_capacity;
    bool       no_memory;
    Diag       refusal;         /* DK_None, or the first construct that is outside the subset or too deep */
    Diag       str_error;       /* DK_None, or what is wrong with a string; complete when str_error.line is set, else only text */
    const Tok *str_tok;         /* the string being read */
} Parser;

/* ---- parse.c: helpers ---- */

void  parser_init(Parser *p, const Src *src, const Tok *tok, Arena *arena, Intern *names, ParseMode mode);
void  parser_free(Parser *p);
/* A node of `size` bytes from `start` to the end of the token before p->tok. */
Node *parse_node(Parser *p, NodeKind kind, size_t size, uint32_t start);
/* Parent is higher than child; false: too high. */
bool  parse_lift(Parser *p, Node *parent, const Node *child);
/* "lambda expressions are not part of alpy"; false, for `return parse_refuse(…)`. */
bool  parse_refuse(Parser *p, Span span, const char *what);
bool  parse_refuse_depth(Parser *p, Span span, const char *what);
bool  parse_push(Parser *p, Node *n);                       /* NULL n: false */
bool  parse_pop_list(Parser *p, uint32_t base, NodeList *out);      /* what was pushed since n_stack was `base` */
Sym   parse_intern(Parser *p, const Tok *t);                /* SYM_NONE: no memory */
/* The bracket that closes `open`, or the last token of the text. */
const Tok *parse_matching(const Tok *open);
/* An f-string's or an embedded expression's tree; the list of tokens ends with EndMarker. */
Node *parse_embedded(Parser *p, uint32_t start, uint32_t end);

#define NODE(p, K, start) ((Ast##K *)(void *)parse_node((p), ND_##K, sizeof(Ast##K), (start)))

static inline bool parse_at(const Parser *p, TokKind kind)
{
    return p->tok->kind == kind;
}

/* Steps over a token of that kind, if it is next. */
static inline bool parse_skip(Parser *p, TokKind kind)
{
    if (p->tok->kind != kind)
        return false;
    p->tok++;
    return true;
}

static inline Span tok_span(const Tok *t)
{
    return (Span){ t->start, t->end };
}

/* ---- parse_expr.c ---- */

Node *parse_expr(Parser *p);            /* expression */
Node *parse_named(Parser *p);           /* named_expr */
Node *parse_exprs(Parser *p);           /* exprs: a Tuple where there is a comma */
Node *parse_targets(Parser *p);         /* targets: as exprs, but stops in front of 'in' */
bool  parse_is_target(const Node *n);   /* may stand to the left of '=' */
bool  parse_starts_expr(TokKind k);

/* ---- parse_str.c ---- */

Node *parse_strings(Parser *p);         /* strings */
Node *parse_number(Parser *p);          /* number */
#define PARSE_MAX_DIGITS 4300           /* decimal digits of an int literal, as in CPython */
uint32_t parse_int_digits(const char *text, uint32_t size);     /* of a decimal int literal; 0 for others */

/* ---- parse_stmt.c ---- */

/* One line of simple statements or one compound statement, pushed on the stack.  *is_compound may be NULL. */
bool  parse_statement(Parser *p, bool *is_compound);

#endif
