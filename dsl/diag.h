/* dsl/diag.h — one diagnostic of the front end: what is wrong with a source text, and where.
 * As in CPython the first error ends the compilation of a text. */
#ifndef ALP_DSL_DIAG_H
#define ALP_DSL_DIAG_H

#include "dsl/src.h"

typedef enum DiagKind {
    DK_None,
    DK_Syntax, DK_Indentation, DK_Tab,      /* SyntaxError, IndentationError, TabError */
    DK_NoMemory,
    DK_Incomplete,      /* the text ends inside a block, bracket or string: a prompt asks for more */
} DiagKind;

typedef struct Diag {
    DiagKind kind;
    Span     span;              /* start == end: one caret */
    uint32_t line;              /* 1-based, as CPython reports it (which is not always the span's line) */
    bool     has_caret;         /* false: CPython prints the line without carets */
    char     text[256];         /* the message, truncated to fit at a character boundary */

    /* What diag_print() needs beside these. */
    uint32_t column;            /* SyntaxError.offset: 1-based, in characters; 0 = none */
    uint32_t end_column;        /* SyntaxError.end_offset; DIAG_LINE_END = a span that goes on in later lines; 0 = one caret */
    const char *shown;          /* NULL: the Src's line.  The expression of an f-string is shown as CPython compiles it, "(a b)";
                                 * this text lies in the Arena that the parser was given */
    uint32_t shown_size;
} Diag;

#define DIAG_LINE_END UINT32_MAX

/* Keep the first error. Always returns ALP_FAIL, so that `return diag_set(…)` reads well. */
Status diag_set(Diag *d, DiagKind kind, const Src *src, Span span, const char *fmt, ...) PRINTF_LIKE(5, 6);
/* The same at a position of which the tokenizer is sure only by line and column. */
Status diag_set_at(Diag *d, DiagKind kind, const Src *src, uint32_t line, uint32_t column, const char *fmt, ...) PRINTF_LIKE(6, 7);
Status diag_nomem(Diag *d);

const char *diag_kind_name(DiagKind k);         /* "SyntaxError" */
/* File and line, source line, carets, "SyntaxError: text": byte for byte what CPython writes to standard error.
 * `emit` is called with pieces of text. */
void diag_print(const Diag *d, const Src *src, void (*emit)(void *user, const char *s, size_t n), void *user);

#endif
