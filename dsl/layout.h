/* dsl/layout.h — the token list of a text: the scanner's tokens with Newline, Indent and Dedent put in and line ends inside
 * brackets left out.  Columns count as in CPython: a tab goes to the next multiple of 8, and once more with tabs of width 1 to find
 * indentation whose meaning hangs on the width of a tab. */
#ifndef ALP_DSL_LAYOUT_H
#define ALP_DSL_LAYOUT_H

#include "dsl/lex.h"
#include "dsl/parse.h"

typedef struct TokList {
    Mem     *mem;
    Tok     *item;              /* ends with TK_EndMarker or TK_Error */
    uint32_t count, capacity;
    Diag     error;             /* of TK_Error */
    LexFault fault;
    uint32_t open_level;        /* brackets open at the end, and the innermost of them */
    uint32_t open_line, open_start;
} TokList;

/* Tokens of `src`, which has passed lex_check_text().  PM_Prompt: an empty line gives a Newline of its own, and ends all blocks.
 * A lexical error is no failure: it stands in the list, for the parser to come upon.  ALP_FAIL: out of memory. */
Status  toks_init(TokList *l, const Src *src, ParseMode mode, Mem *mem);
void    toks_free(TokList *l);
/* Sets *diag to "'(' was never closed" for the innermost open bracket. */
Status  toks_never_closed(const TokList *l, const Src *src, Diag *diag);

#endif
