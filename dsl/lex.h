/* dsl/lex.h — the scanner: one line's text to tokens.  Indentation, brackets and line ends are layout.h's. */
#ifndef ALP_DSL_LEX_H
#define ALP_DSL_LEX_H

#include "dsl/diag.h"

typedef enum TokKind {
#define TOK(K, name)            TK_##K,
#define KEY(K, text)            TK_##K,
#define OP(K, text)             TK_##K,
#define BIN(K, text, power, op) TK_##K,
#define CMP(K, text, op)        TK_##K,
#define AUG(K, text, op)        TK_##K,
#include "dsl/tok_list.h"
#undef TOK
#undef KEY
#undef OP
#undef BIN
#undef CMP
#undef AUG
    TK_COUNT
} TokKind;

typedef struct Tok {
    uint32_t start, end;        /* bytes of the text */
    uint32_t line;              /* of its first character; 1-based */
    uint8_t  kind;              /* TokKind */
    uint8_t  level;             /* open brackets behind it */
} Tok;

/* How CPython comes to report an error of its tokenizer, which decides whether it hides a syntax error found before. */
typedef enum LexFault {
    LF_None,
    LF_Raised,                  /* at once */
    LF_OpenString,              /* at once; the text ends inside a string that may go on */
    LF_Eof,                     /* text ends inside brackets or behind a backslash */
    LF_Other,                   /* when the parser gets to it */
} LexFault;

typedef struct Lexer {
    const Src  *src;
    const char *p;              /* next character; the NUL behind the text ends the scan */
    uint32_t    line;           /* of p */
    const char *chunk;          /* first line of those that backslashes and strings join: CPython counts some columns from there */
    Diag       *diag;
    LexFault    fault;          /* why diag is set */
} Lexer;

void        lex_init(Lexer *lx, const Src *src, Diag *diag);
/* Scans one token; sets all but `level`.  At the end of a line gives TK_Newline with a comment's text in its span and leaves p
 * behind the line end; at the end of the text TK_EndMarker; TK_Error with *diag set. */
TokKind     lex_token(Lexer *lx, Tok *t);
/* After a backslash: steps over the line end.  False: error, *diag is set. */
bool        lex_continue_line(Lexer *lx);
/* An error of CPython's tokenizer: a caret under the last character consumed, that is the one before p. */
TokKind     lex_fail(Lexer *lx, const char *fmt, ...) PRINTF_LIKE(2, 3);

const char *tok_name(TokKind k);        /* "name", "while", "+=" */
/* Declared encoding, UTF-8 and NUL bytes of a whole text; ALP_FAIL: *diag is set. */
Status      lex_check_text(const Src *src, Diag *diag);

#endif
