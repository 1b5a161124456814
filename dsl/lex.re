/* dsl/lex.re — the scanner (re2c).  Words, operators and blanks are rules; numbers and strings are scanned by hand, because most
 * of their work is to name what is wrong with them as CPython does.  The text was checked by lex_check_text(): it is UTF-8, and
 * the only NUL stands behind its end. */
#include "dsl/lex.h"

#include "dsl/name_table.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Re2c's view of bytes. */
#define CURSOR(p) ((const unsigned char *)(p))

void lex_init(Lexer *lx, const Src *src, Diag *diag)
{
    *lx = (Lexer){ .src = src, .p = src->text, .line = 1, .chunk = src->text, .diag = diag };
}

TokKind lex_fail(Lexer *lx, const char *fmt, ...)
{
    char text[sizeof lx->diag->text];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    uint32_t offset = (uint32_t)(lx->p - lx->src->text);
    diag_set_at(lx->diag, DK_Syntax, lx->src, lx->line, src_column(lx->src, offset), "%s", text);
    lx->fault = LF_Raised;
    return TK_Error;
}

bool lex_continue_line(Lexer *lx)
{
    const Src *src = lx->src;
    uint32_t offset = (uint32_t)(lx->p - src->text);
    if (*lx->p == '\n') {
        if (offset + 1 < src->size) {
            lx->p++;
            lx->line++;
            return true;
        }
    } else if (offset < src->size) {
        bool joined = (uint32_t)(lx->chunk - src->text) != src->line_start[lx->line - 1];
        diag_set_at(lx->diag, DK_Syntax, src, lx->line, (joined ? (uint32_t)(lx->p - lx->chunk) : src_column(src, offset)) + 1,
                    "unexpected character after line continuation character");
        lx->fault = LF_Other;
        return false;
    }
    diag_set_at(lx->diag, DK_Syntax, src, lx->line, src_column(src, offset) + 1, "unexpected EOF while parsing");
    lx->fault = LF_Eof;
    return false;
}

/* ---- names ---- */

static unsigned name_class(uint32_t code)
{
    size_t lo = 0, hi = COUNT_OF(name_range);       /* the range is in [lo, hi) */
    while (hi - lo > 1) {
        size_t mid = lo + (hi - lo) / 2;
        if (name_range[mid] >> 3 <= code)
            lo = mid;
        else
            hi = mid;
    }
    return name_range[lo] & 7;
}

/* A name with characters beyond ASCII must be made of Unicode's letters, digits and marks.  Python compares names after Unicode
 * normalization (NFKC), alpy as they are written: characters that this would change are refused. */
static bool check_name(Lexer *lx, const char *start, const char *end)
{
    for (const char *s = start, *next; s < end; s = next) {
        const unsigned char *c = (const unsigned char *)s;
        next = s + 1;
        if (*c < 0x80)
            continue;
        uint32_t code = *c < 0xe0 ? *c & 0x1fu : *c < 0xf0 ? *c & 0x0fu : *c & 0x07u;
        for (; ((unsigned char)*next & 0xc0) == 0x80; next++)
            code = code << 6 | ((unsigned char)*next & 0x3fu);
        lx->p = next;
        switch (name_class(code)) {
        case NC_Start:
            continue;
        case NC_More:
            if (s > start)
                continue;
            break;
        case NC_StartChanged:
            lex_fail(lx, "names with characters that Unicode normalizes (U+%04X) are not part of alpy", (unsigned)code);
            return false;
        case NC_MoreChanged:
            if (s == start)
                break;
            lex_fail(lx, "names with characters that Unicode normalizes (U+%04X) are not part of alpy", (unsigned)code);
            return false;
        case NC_Unprintable:
            lex_fail(lx, "invalid non-printable character U+%04X", (unsigned)code);
            return false;
        default:
            break;
        }
        lex_fail(lx, "invalid character '%.*s' (U+%04X)", (int)(next - s), s, (unsigned)code);
        return false;
    }
    return true;
}

/* ---- numbers ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || is_digit(c) || (unsigned char)c >= 0x80;
}

static bool is_digit_of(char c, int base)
{
    char lower = (char)(c | 0x20);
    return base == 16 ? is_digit(c) || (lower >= 'a' && lower <= 'f') : c >= '0' && c < '0' + base;
}

/* What may follow a number directly: no letter, but for the keywords that `1if x else 2` is made of. */
static bool check_number_end(Lexer *lx, const char *kind)
{
    static const char *const keywords[] = { "and", "else", "for", "if", "in", "is", "or", "not" };
    for (size_t k = 0; k < COUNT_OF(keywords); k++) {
        size_t size = strlen(keywords[k]);
        if (strncmp(lx->p, keywords[k], size) == 0 && (lx->p[0] == 'i' || !is_name_char(lx->p[size])))
            return true;
    }
    if (!is_name_char(*lx->p) || (unsigned char)*lx->p >= 0x80)
        return true;
    lex_fail(lx, "invalid %s literal", kind);
    return false;
}

/* digits = digit {["_"] digit}; p stands on the first. */
static bool scan_digits(Lexer *lx)
{
    for (;;) {
        while (is_digit(*lx->p))
            lx->p++;
        if (*lx->p != '_')
            return true;
        lx->p++;
        if (!is_digit(*lx->p)) {
            lex_fail(lx, "invalid decimal literal");
            return false;
        }
    }
}

/* Behind 0x, 0o or 0b: {["_"] digit}. */
static bool scan_radix(Lexer *lx, int base, const char *kind)
{
    do {
        if (*lx->p == '_')
            lx->p++;
        if (!is_digit_of(*lx->p, base))
            break;
        while (is_digit_of(*lx->p, base))
            lx->p++;
        if (*lx->p != '_' && !is_digit(*lx->p))
            return check_number_end(lx, kind);
    } while (*lx->p == '_');
    if (is_digit(*lx->p)) {
        char c = *lx->p++;
        lex_fail(lx, "invalid digit '%c' in %s literal", c, kind);
    } else {
        lex_fail(lx, "invalid %s literal", kind);
    }
    return false;
}

/* number = "0" ("x" | "o" | "b") radix digits | digits ["." [digits]] [exponent] ["j"] | "." digits [exponent] ["j"] */
static bool scan_number(Lexer *lx)
{
    const char *start = lx->p;
    if (*start == '0') {
        char c = (char)(start[1] | 0x20);
        if (c == 'x' || c == 'o' || c == 'b') {
            lx->p += 2;
            return c == 'x' ? scan_radix(lx, 16, "hexadecimal")
                 : c == 'o' ? scan_radix(lx, 8, "octal") : scan_radix(lx, 2, "binary");
        }
    }
    if (*start != '.' && !scan_digits(lx))
        return false;
    bool is_int = true;
    if (*lx->p == '.') {
        is_int = false;
        lx->p++;
        if (is_digit(*lx->p) && !scan_digits(lx))
            return false;
    }
    if ((*lx->p | 0x20) == 'e') {
        const char *e = lx->p;
        if (e[1] == '+' || e[1] == '-') {
            lx->p += 2;
            if (!is_digit(*lx->p)) {
                lex_fail(lx, "invalid decimal literal");
                return false;
            }
        } else if (is_digit(e[1])) {
            lx->p++;
        } else {
            return check_number_end(lx, "decimal");
        }
        is_int = false;
        if (!scan_digits(lx))
            return false;
    }
    if ((*lx->p | 0x20) == 'j') {
        lx->p++;
        return check_number_end(lx, "imaginary");
    }
    if (is_int && *start == '0') {
        const char *zeros = start;
        while (*zeros == '0' || *zeros == '_')
            zeros++;
        if (is_digit(*zeros)) {
            Span span = { (uint32_t)(start - lx->src->text), (uint32_t)(zeros - lx->src->text) };
            diag_set(lx->diag, DK_Syntax, lx->src, span, "leading zeros in decimal integer literals are not permitted; "
                     "use an 0o prefix for octal integers");
            lx->fault = LF_Raised;
            return false;
        }
    }
    return check_number_end(lx, "decimal");
}

/* ---- strings ---- */

/* p stands on the opening quote, `start` on the prefix. */
static bool scan_string(Lexer *lx, const char *start)
{
    const char *end = lx->src->text + lx->src->size, *p = lx->p;
    char quote = *p;
    uint32_t first_line = lx->line;
    bool triple = p[1] == quote && p[2] == quote;
    p += triple ? 3 : 1;
    for (; p < end; p++) {
        if (*p == '\\') {
            if (++p >= end)
                break;
            if (*p == '\n')
                lx->line++;
        } else if (*p == '\n') {
            if (!triple)
                break;
            lx->line++;
        } else if (*p == quote && (!triple || (p[1] == quote && p[2] == quote))) {
            lx->p = p + (triple ? 3 : 1);
            return true;
        }
    }
    uint32_t last_line = lx->line - (p >= end && end[-1] == '\n');
    lx->p = start + 1;
    lx->line = first_line;
    lex_fail(lx, "unterminated %sstring literal (detected at line %u)", triple ? "triple-quoted " : "", (unsigned)last_line);
    if (p >= end && (triple || end[-1] == '\n'))
        lx->fault = LF_OpenString;
    return false;
}

/* ---- tokens ---- */

TokKind lex_token(Lexer *lx, Tok *t)
{
    const char *text = lx->src->text, *comment = NULL;
    const unsigned char *YYCURSOR = CURSOR(lx->p), *YYMARKER, *start;

#define GIVE(k) do { t->kind = TK_##k; goto done; } while (0)
again:
    start = YYCURSOR;
    t->line = lx->line;
    /*!re2c
        re2c:yyfill:enable = 0;
        re2c:define:YYCTYPE = "unsigned char";
        re2c:encoding:utf8 = 1;

        letter      = [A-Za-z_];
        digit       = [0-9];
        beyond      = [\u0080-\U0010ffff];
        name        = (letter | beyond) (letter | digit | beyond)*;
        ascii_name  = letter (letter | digit)*;
        prefix      = [bBuUfFrR] | [bBfF][rR] | [rR][bBfF];

        [ \t\f]+            { goto again; }
        "#" [^\n\x00]*      { comment = (const char *)start; goto again; }
        "\\"                { lx->p = (const char *)YYCURSOR;
                              if (!lex_continue_line(lx))
                                  return t->kind = TK_Error;
                              YYCURSOR = CURSOR(lx->p);
                              goto again; }
        "\n"                { t->kind = TK_Newline;
                              t->start = (uint32_t)((comment ? comment : (const char *)start) - text);
                              t->end = (uint32_t)((const char *)start - text);
                              lx->p = lx->chunk = (const char *)YYCURSOR;
                              lx->line++;
                              return TK_Newline; }
        "\x00"              { lx->p = (const char *)start;
                              t->start = (uint32_t)((comment ? comment : lx->p) - text);
                              t->end = (uint32_t)(lx->p - text);
                              return t->kind = comment ? TK_Newline : TK_EndMarker; }

        "and"       { GIVE(And); }
        "as"        { GIVE(As); }
        "assert"    { GIVE(Assert); }
        "async"     { GIVE(Async); }
        "await"     { GIVE(Await); }
        "break"     { GIVE(Break); }
        "class"     { GIVE(Class); }
        "continue"  { GIVE(Continue); }
        "def"       { GIVE(Def); }
        "del"       { GIVE(Del); }
        "elif"      { GIVE(Elif); }
        "else"      { GIVE(Else); }
        "except"    { GIVE(Except); }
        "False"     { GIVE(False); }
        "finally"   { GIVE(Finally); }
        "for"       { GIVE(For); }
        "from"      { GIVE(From); }
        "global"    { GIVE(Global); }
        "if"        { GIVE(If); }
        "import"    { GIVE(Import); }
        "in"        { GIVE(In); }
        "is"        { GIVE(Is); }
        "lambda"    { GIVE(Lambda); }
        "None"      { GIVE(None); }
        "nonlocal"  { GIVE(Nonlocal); }
        "not"       { GIVE(Not); }
        "or"        { GIVE(Or); }
        "pass"      { GIVE(Pass); }
        "raise"     { GIVE(Raise); }
        "return"    { GIVE(Return); }
        "True"      { GIVE(True); }
        "try"       { GIVE(Try); }
        "while"     { GIVE(While); }
        "with"      { GIVE(With); }
        "yield"     { GIVE(Yield); }

        ascii_name  { GIVE(Name); }
        name        { if (!check_name(lx, (const char *)start, (const char *)YYCURSOR))
                          return t->kind = TK_Error;
                      GIVE(Name); }

        "."? digit  { lx->p = (const char *)start;
                      if (!scan_number(lx))
                          return t->kind = TK_Error;
                      YYCURSOR = CURSOR(lx->p);
                      GIVE(Number); }

        prefix? ['"] { lx->p = (const char *)YYCURSOR - 1;
                      if (!scan_string(lx, (const char *)start))
                          return t->kind = TK_Error;
                      YYCURSOR = CURSOR(lx->p);
                      GIVE(String); }

        "("         { GIVE(LParen); }
        ")"         { GIVE(RParen); }
        "["         { GIVE(LBracket); }
        "]"         { GIVE(RBracket); }
        "{"         { GIVE(LBrace); }
        "}"         { GIVE(RBrace); }
        ","         { GIVE(Comma); }
        ":"         { GIVE(Colon); }
        ":="        { GIVE(ColonEq); }
        ";"         { GIVE(Semicolon); }
        "."         { GIVE(Dot); }
        "..."       { GIVE(Ellipsis); }
        "->"        { GIVE(Arrow); }
        "="         { GIVE(Assign); }
        "~"         { GIVE(Tilde); }
        "<>"        { GIVE(LtGt); }
        "**"        { GIVE(StarStar); }
        "|"         { GIVE(Pipe); }
        "^"         { GIVE(Caret); }
        "&"         { GIVE(Amper); }
        "<<"        { GIVE(LtLt); }
        ">>"        { GIVE(GtGt); }
        "+"         { GIVE(Plus); }
        "-"         { GIVE(Minus); }
        "*"         { GIVE(Star); }
        "/"         { GIVE(Slash); }
        "//"        { GIVE(SlashSlash); }
        "%"         { GIVE(Percent); }
        "@"         { GIVE(At); }
        "=="        { GIVE(EqEq); }
        "!="        { GIVE(NotEq); }
        "<"         { GIVE(Lt); }
        "<="        { GIVE(LtEq); }
        ">"         { GIVE(Gt); }
        ">="        { GIVE(GtEq); }
        "|="        { GIVE(PipeEq); }
        "^="        { GIVE(CaretEq); }
        "&="        { GIVE(AmperEq); }
        "<<="       { GIVE(LtLtEq); }
        ">>="       { GIVE(GtGtEq); }
        "+="        { GIVE(PlusEq); }
        "-="        { GIVE(MinusEq); }
        "*="        { GIVE(StarEq); }
        "/="        { GIVE(SlashEq); }
        "//="       { GIVE(SlashSlashEq); }
        "%="        { GIVE(PercentEq); }
        "@="        { GIVE(AtEq); }
        "**="       { GIVE(StarStarEq); }

        [!$?`]      { GIVE(Unknown); }
        *           { lx->p = (const char *)YYCURSOR;
                      lex_fail(lx, "invalid non-printable character U+%04X", (unsigned)*start);
                      return t->kind = TK_Error; }
    */
done:
    t->start = (uint32_t)((const char *)start - text);
    t->end = (uint32_t)((const char *)YYCURSOR - text);
    lx->p = (const char *)YYCURSOR;
    return (TokKind)t->kind;
#undef GIVE
}

/* ---- names of tokens ---- */

const char *tok_name(TokKind k)
{
    static const char *const names[] = {
#define TOK(K, name)            name,
#define KEY(K, text)            text,
#define OP(K, text)             text,
#define BIN(K, text, power, op) text,
#define CMP(K, text, op)        text,
#define AUG(K, text, op)        text,
#include "dsl/tok_list.h"
#undef TOK
#undef KEY
#undef OP
#undef BIN
#undef CMP
#undef AUG
    };
    return names[k];
}

/* ---- the whole text ---- */

/* One character that is not ASCII.  Returns its size, or 0 with *n_bad bytes that CPython's decoder calls wrong, and why. */
static uint32_t check_char(const unsigned char *s, const unsigned char *end, uint32_t *n_bad, const char **why)
{
    unsigned char c = s[0], low = 0x80, high = 0xbf;
    uint32_t size = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    *n_bad = 1;
    *why = "invalid start byte";
    if (c < 0xc2 || c > 0xf4)
        return 0;
    if (c == 0xe0)
        low = 0xa0;
    else if (c == 0xed)
        high = 0x9f;        /* no surrogates */
    else if (c == 0xf0)
        low = 0x90;
    else if (c == 0xf4)
        high = 0x8f;
    for (uint32_t k = 1; k < size; k++, low = 0x80, high = 0xbf) {
        *n_bad = k;
        *why = s + k >= end ? "unexpected end of data" : "invalid continuation byte";
        if (s + k >= end || s[k] < low || s[k] > high)
            return 0;
    }
    return size;
}

/* The name behind "coding:" or "coding=" in a comment (PEP 263); its size, 0 = none. */
static size_t find_encoding(const char *line, size_t size, const char **name)
{
    size_t k = strspn(line, " \t\f");
    if (k >= size || line[k] != '#')
        return 0;
    for (; k + 7 <= size; k++) {
        if (memcmp(line + k, "coding", 6) != 0 || (line[k + 6] != ':' && line[k + 6] != '='))
            continue;
        size_t start = k + 7, end;
        while (start < size && (line[start] == ' ' || line[start] == '\t'))
            start++;
        for (end = start; end < size && (is_name_char(line[end]) || line[end] == '-' || line[end] == '.'); end++)
            ;
        *name = line + start;
        if (end > start)
            return end - start;
    }
    return 0;
}

/* An encoding may be declared in the first two lines; it must be UTF-8 or part of it. */
static Status check_encoding(const Src *src, Diag *diag)
{
    static const char *const good[] = { "utf-8", "utf_8", "utf8", "ascii", "us-ascii" };
    for (uint32_t line = 1; line <= 2; line++) {
        uint32_t size;
        const char *text = src_line_text(src, line, &size), *name;
        size_t n = find_encoding(text, size, &name);
        bool ok = n == 0;
        for (size_t k = 0; k < COUNT_OF(good) && !ok; k++)
            ok = strlen(good[k]) == n && strncasecmp(name, good[k], n) == 0;
        if (!ok) {
            Span span = { (uint32_t)(name - src->text), (uint32_t)(name - src->text + n) };
            return diag_set(diag, DK_Syntax, src, span, "source encodings other than UTF-8 are not part of alpy");
        }
        size_t blank = strspn(text, " \t\f");
        if (n > 0 || (blank < size && text[blank] != '#'))
            break;
    }
    return ALP_OK;
}

Status lex_check_text(const Src *src, Diag *diag)
{
    TRY(check_encoding(src, diag));
    const char *nul = memchr(src->text, '\0', src->size);
    if (nul) {
        Span span = { (uint32_t)(nul - src->text), (uint32_t)(nul - src->text) };
        diag_set(diag, DK_Syntax, src, span, "source code cannot contain null bytes");
        diag->has_caret = false;
        diag->column = 0;
        src_line_text(src, diag->line, &diag->shown_size);
        diag->shown = src->text + src->line_start[diag->line - 1];
        diag->shown_size = (uint32_t)(nul - diag->shown);
        return ALP_FAIL;
    }
    const unsigned char *text = (const unsigned char *)src->text, *end = text + src->size;
    for (const unsigned char *p = text; p < end;) {
        uint64_t word;
        while (end - p >= 8 && (memcpy(&word, p, 8), !(word & 0x8080808080808080u)))
            p += 8;
        uint32_t n_bad, size = p < end && *p >= 0x80 ? 0 : 1;
        const char *why;
        if (size == 0 && (size = check_char(p, end, &n_bad, &why)) == 0) {
            Span span = { (uint32_t)(p - text), (uint32_t)(p - text) };
            unsigned at = span.start;
            if (n_bad == 1)
                return diag_set(diag, DK_Syntax, src, span,
                                "(unicode error) 'utf-8' codec can't decode byte 0x%02x in position %u: %s", *p, at, why);
            return diag_set(diag, DK_Syntax, src, span,
                            "(unicode error) 'utf-8' codec can't decode bytes in position %u-%u: %s", at, at + n_bad - 1, why);
        }
        p += size;
    }
    return ALP_OK;
}
