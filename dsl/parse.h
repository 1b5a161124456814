/* dsl/parse.h — text to checked syntax tree. */
#ifndef ALP_DSL_PARSE_H
#define ALP_DSL_PARSE_H

#include "dsl/ast.h"
#include "dsl/diag.h"

/* Nesting of brackets, blocks and operators beyond this is a SyntaxError ("too many nested parentheses" and the like). */
#define PARSE_MAX_DEPTH 200
#define PARSE_MAX_INDENT 100

/* How a prompt's text differs from a file: end of text inside a block, bracket or triple quote is DK_Incomplete, and so is a
 * compound statement not yet closed by an empty line. */
typedef enum ParseMode { PM_File, PM_Prompt } ParseMode;

/* Lex, lay out and parse `src`.  Tree and literals go to `arena`; names to `names`.
 * ALP_FAIL: *diag says why. */
Status parse_source(const Src *src, ParseMode mode, Arena *arena, Intern *names, AstModule *out, Diag *diag);

/* Token dump for --dump=tok; stops at the first error. */
Status parse_dump_tokens(const Src *src, void (*emit)(void *user, const char *s, size_t n), void *user, Diag *diag);

#endif
