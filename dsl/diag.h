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
} Diag;

/* Keep the first error. Always returns ALP_FAIL, so that `return diag_set(…)` reads well. */
Status diag_set(Diag *d, DiagKind kind, const Src *src, Span span, const char *fmt, ...) PRINTF_LIKE(5, 6);
Status diag_nomem(Diag *d);

#endif
