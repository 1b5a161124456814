/* dsl/explain.h — what CPython would say about a text that the parser did not take.
 *
 * Only runs on failure.  Reads the tokens again with the whole grammar of Python, twice, as CPython's own parser does: once to see
 * whether and how far the text is Python, and once more with rules for common mistakes put in, each with its message
 * (explain_list.h).  A text that passes is right but outside the subset. */
#ifndef ALP_DSL_EXPLAIN_H
#define ALP_DSL_EXPLAIN_H

#include "dsl/parse_int.h"

/* Sets *diag for the text on which `p` failed: CPython's message if the text is not Python, else p->refusal. */
void explain(Parser *p, const TokList *toks, Diag *diag);

/* Where CPython believes an f-string's expression to begin. */
typedef struct EmbeddedAt { uint32_t line, column; } EmbeddedAt;

/* The same for an expression of an f-string, in parentheses; leaves *diag alone where it is Python. */
void explain_embedded(const Src *sub, const TokList *toks, const EmbeddedAt *at, Arena *arena, Intern *names, Diag *diag);

#endif
