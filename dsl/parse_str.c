/* dsl/parse_str.c — literals: numbers, strings with their escapes, f-strings.
 *
 * In Python 3.11 an f-string is first scanned as any other string, then taken apart: the end of an embedded expression is found by
 * looking at brackets and quotes only, and its text is compiled by itself.  This order decides which mistake is reported, so it is
 * kept here.  p->str_error gets the message; its place is the explainer's business. */
#include "dsl/parse_int.h"

#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- numbers ---- */

static int digit_value(char c)
{
    return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

uint32_t parse_int_digits(const char *text, uint32_t size)
{
    uint32_t n = 0;
    if (size > 1 && text[0] == '0' && text[1] >= 'A')       /* 0x, 0o, 0b */
        return 0;
    for (uint32_t k = 0; k < size; k++) {
        if (text[k] != '_' && (text[k] < '0' || text[k] > '9'))
            return 0;
        n += text[k] != '_';
    }
    return n;
}

/* Over INT64_MAX: too_big; value tells 2**63 (INT64_MIN) from the rest. */
static void int_value(AstInt *n, const char *s, const char *end)
{
    uint64_t base = 10, value = 0;
    if (end - s > 1 && s[0] == '0' && s[1] >= 'A') {
        base = (s[1] | 0x20) == 'x' ? 16 : (s[1] | 0x20) == 'o' ? 8 : 2;
        s += 2;
    }
    bool over = false;
    for (; s < end; s++)
        if (*s != '_')
            over |= __builtin_mul_overflow(value, base, &value) || __builtin_add_overflow(value, (uint64_t)digit_value(*s), &value);
    if (over || value > (uint64_t)INT64_MAX) {
        n->too_big = true;
        n->value = !over && value == (uint64_t)INT64_MAX + 1 ? INT64_MIN : INT64_MAX;
    } else {
        n->value = (int64_t)value;
    }
}

/* The C library's conversion, whatever locale the host program has set. */
static double convert_double(const char *s)
{
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (c == (locale_t)0)
        return strtod(s, NULL);
    double value = strtod_l(s, NULL, c);
    freelocale(c);
    return value;
}

/* Decimal literal without its underscores.  Up to 15 digits and powers of ten up to 22 are exact doubles, so that one rounding
 * gives the right result (Clinger, PLDI 1990); everything else goes to the library. */
static double double_value(const char *s)
{
    static const double power[] = { 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
                                    1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };
    uint64_t mantissa = 0;
    int n_digits = 0, exponent = 0;
    bool fraction = false;
    const char *p = s;
    for (; (*p >= '0' && *p <= '9') || *p == '.'; p++) {
        if (*p == '.') {
            fraction = true;
            continue;
        }
        if ((n_digits += mantissa > 0 || *p != '0') > 15)
            return convert_double(s);
        mantissa = mantissa * 10 + (uint64_t)(*p - '0');
        if (fraction && --exponent < -64)
            return convert_double(s);
    }
    if (*p) {                                   /* the exponent */
        bool negative = p[1] == '-';
        int e = 0;
        for (p += p[1] == '-' || p[1] == '+' ? 2 : 1; *p; p++)
            if ((e = e * 10 + (*p - '0')) > 400)
                return convert_double(s);
        exponent += negative ? -e : e;
    }
    if (exponent < -22 || exponent > 22)
        return convert_double(s);
    return exponent < 0 ? (double)mantissa / power[-exponent] : (double)mantissa * power[exponent];
}

/* number: an int, float or imaginary literal */
Node *parse_number(Parser *p)
{
    const Tok *t = p->tok++;
    const char *s = p->src->text + t->start;
    uint32_t size = t->end - t->start, n = 0;
    uint32_t n_digits = parse_int_digits(s, size);
    if (n_digits > 0 || (size > 1 && s[0] == '0' && strchr("xXoObB", s[1]))) {
        AstInt *i = n_digits > PARSE_MAX_DIGITS ? NULL : NODE(p, Int, t->start);
        if (i)
            int_value(i, s, s + size);
        return i ? &i->head : NULL;
    }
    char small[64], *text = size < sizeof small ? small : ARENA_ARRAY(p->arena, char, size + 1);
    AstFloat *f = NODE(p, Float, t->start);
    _Static_assert(sizeof(AstFloat) == sizeof(AstImag), "made as one, used as the other");
    if (!text || !f) {
        p->no_memory = true;
        return NULL;
    }
    for (uint32_t k = 0; k < size; k++)
        if (s[k] != '_')
            text[n++] = s[k];
    if ((text[n - 1] | 0x20) == 'j') {
        f->head.kind = ND_Imag;
        n--;
    }
    text[n] = '\0';
    f->value = double_value(text);
    return &f->head;
}

/* ---- text being built ---- */

/* Grows in the arena; what it leaves behind there is freed with the tree. */
typedef struct Text {
    char    *s;
    uint32_t size, capacity;
} Text;

static bool text_reserve(Parser *p, Text *t, size_t extra)
{
    if (extra <= t->capacity - t->size)
        return true;
    size_t capacity = (size_t)t->size + extra + t->capacity;
    char *s = capacity < UINT32_MAX ? arena_alloc(p->arena, capacity) : NULL;
    if (!s) {
        p->no_memory = true;
        return false;
    }
    if (t->size)
        memcpy(s, t->s, t->size);
    t->s = s;
    t->capacity = (uint32_t)capacity;
    return true;
}

static bool text_add(Parser *p, Text *t, const char *s, size_t size)
{
    if (size == 0)
        return true;
    if (!text_reserve(p, t, size))
        return false;
    memcpy(t->s + t->size, s, size);
    t->size += (uint32_t)size;
    return true;
}

static bool text_add_char(Parser *p, Text *t, uint32_t code)
{
    char s[4];
    if (code < 0x80)
        return s[0] = (char)code, text_add(p, t, s, 1);
    if (code < 0x800) {
        s[0] = (char)(0xc0 | code >> 6);
        s[1] = (char)(0x80 | (code & 0x3f));
        return text_add(p, t, s, 2);
    }
    if (code < 0x10000) {
        s[0] = (char)(0xe0 | code >> 12);
        s[1] = (char)(0x80 | (code >> 6 & 0x3f));
        s[2] = (char)(0x80 | (code & 0x3f));
        return text_add(p, t, s, 3);
    }
    s[0] = (char)(0xf0 | code >> 18);
    s[1] = (char)(0x80 | (code >> 12 & 0x3f));
    s[2] = (char)(0x80 | (code >> 6 & 0x3f));
    s[3] = (char)(0x80 | (code & 0x3f));
    return text_add(p, t, s, 4);
}

/* ---- errors ---- */

static PRINTF_LIKE(2, 3) bool fail(Parser *p, const char *fmt, ...)
{
    if (p->str_error.kind != DK_None)
        return false;
    va_list args;
    va_start(args, fmt);
    vsnprintf(p->str_error.text, sizeof p->str_error.text, fmt, args);
    va_end(args);
    p->str_error.kind = DK_Syntax;
    return false;
}

/* ---- escapes ---- */

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* CPython's decoder works on a copy in which every character beyond ASCII has become \UXXXXXXXX, and counts positions there. */
static uint32_t decoder_position(const char *start, const char *s)
{
    uint32_t n = 0;
    for (; start < s; start++)
        n += ((unsigned char)*start & 0xc0) == 0x80 ? 0 : (unsigned char)*start < 0x80 ? 1 : 10;
    return n;
}

static bool bad_escape(Parser *p, const char *start, const char *from, const char *to, const char *why)
{
    uint32_t first = decoder_position(start, from), last = decoder_position(start, to) - 1;
    if (first == last)
        return fail(p, "(unicode error) 'unicodeescape' codec can't decode byte 0x5c in position %u: %s", first, why);
    return fail(p, "(unicode error) 'unicodeescape' codec can't decode bytes in position %u-%u: %s", first, last, why);
}

/* \x, \u, \U: `n` digits behind *ps. */
static bool hex_escape(Parser *p, Text *out, const char *start, const char **ps, const char *end, int n)
{
    const char *from = *ps - 2, *s = *ps;
    uint32_t code = 0;
    int k = 0;
    for (; k < n && s < end && is_hex(*s); k++, s++)
        code = code << 4 | (uint32_t)digit_value(*s);
    if (k < n)
        return bad_escape(p, start, from, s, n == 2 ? "truncated \\xXX escape" : n == 4 ? "truncated \\uXXXX escape" :
                          "truncated \\UXXXXXXXX escape");
    if (code > 0x10ffff)
        return bad_escape(p, start, from, s, "illegal Unicode character");
    *ps = s;
    if (code >= 0xd800 && code <= 0xdfff)
        return parse_refuse(p, tok_span(p->str_tok), "surrogate characters in strings");
    return text_add_char(p, out, code);
}

/* The text of a literal between its quotes, escapes replaced unless it is raw. */
static bool decode(Parser *p, Text *out, const char *s, const char *end, bool is_raw)
{
    const char *start = s;
    while (s < end) {
        const char *esc = is_raw ? NULL : memchr(s, '\\', (size_t)(end - s));
        const char *stop = esc ? esc : end;
        if (!text_add(p, out, s, (size_t)(stop - s)))
            return false;
        if (!esc)
            return true;
        s = esc + 1;
        char c = s < end ? *s++ : '\0';
        uint32_t code = 0;
        switch (c) {
        case '\n': continue;
        case '\\': case '\'': case '"': code = (unsigned char)c; break;
        case 'a': code = '\a'; break;
        case 'b': code = '\b'; break;
        case 'f': code = '\f'; break;
        case 'n': code = '\n'; break;
        case 'r': code = '\r'; break;
        case 't': code = '\t'; break;
        case 'v': code = '\v'; break;
        case '0': case '1': case '2': case '3': case '4': case '5': case '6': case '7':
            code = (uint32_t)(c - '0');
            for (int k = 0; k < 2 && s < end && *s >= '0' && *s <= '7'; k++)
                code = code << 3 | (uint32_t)(*s++ - '0');
            break;
        case 'x': case 'u': case 'U':
            if (!hex_escape(p, out, start, &s, end, c == 'x' ? 2 : c == 'u' ? 4 : 8))
                return false;
            continue;
        case 'N': {
            const char *close = s < end && *s == '{' ? memchr(s, '}', (size_t)(end - s)) : NULL;
            if (!close || close == s + 1) {
                const char *to = s < end && *s == '{' ? close ? close + 1 : end : s;
                return bad_escape(p, start, esc, to, "malformed \\N character escape");
            }
            return parse_refuse(p, tok_span(p->str_tok), "named characters (\\N{...})");
        }
        default:        /* not an escape: the backslash stays */
            if (!text_add(p, out, esc, (size_t)(s - esc)))
                return false;
            continue;
        }
        if (!text_add_char(p, out, code))
            return false;
    }
    return true;
}

/* ---- f-strings ---- */

/* Parts of one literal, format spec or concatenation; text is gathered until an expression interrupts it. */
typedef struct Parts {
    Text     text;
    uint32_t text_start;        /* where it began in the source */
    uint32_t base;              /* of the parts on the parser's stack */
    bool     is_f;
} Parts;

static uint32_t offset_of(const Parser *p, const char *s)
{
    return (uint32_t)(s - p->src->text);
}

static Node *str_node(Parser *p, const Text *t, Span span)
{
    AstStr *n = NODE(p, Str, span.start);
    if (!n)
        return NULL;
    n->head.span = span;
    n->text = (AstText){ t->size ? t->s : "", t->size };
    return &n->head;
}

static bool flush_text(Parser *p, Parts *parts, uint32_t end)
{
    if (parts->text.size == 0)
        return true;
    if (!parse_push(p, str_node(p, &parts->text, (Span){ parts->text_start, end })))
        return false;
    parts->text = (Text){ NULL, 0, 0 };
    return true;
}

static Node *fstring_node(Parser *p, Parts *parts, Span span)
{
    NodeList l;
    if (!flush_text(p, parts, span.end) || !parse_pop_list(p, parts->base, &l))
        return NULL;
    AstFString *n = NODE(p, FString, span.start);
    if (!n)
        return NULL;
    n->head.span = span;
    n->parts = l;
    for (uint32_t k = 0; k < l.count; k++)
        if (!parse_lift(p, &n->head, l.item[k]))
            return NULL;
    return &n->head;
}

/* The end of an embedded expression, by CPython's rules: brackets and quotes are matched, nothing else is understood. */
static bool scan_expression(Parser *p, const char **ps, const char *end)
{
    char quote = 0, open[PARSE_MAX_DEPTH];
    int quote_size = 0, depth = 0;
    const char *s = *ps;
    for (; s < end; s++) {
        char c = *s;
        if (c == '\\')
            return fail(p, "f-string expression part cannot include a backslash");
        bool is_triple = s + 2 < end && s[1] == c && s[2] == c;
        if (quote) {
            if (c == quote && (quote_size == 1 || is_triple)) {
                s += quote_size - 1;
                quote = 0;
            }
        } else if (c == '\'' || c == '"') {
            quote = c;
            quote_size = is_triple ? 3 : 1;
            s += quote_size - 1;
        } else if (c == '[' || c == '{' || c == '(') {
            if (depth >= (int)COUNT_OF(open))
                return fail(p, "f-string: too many nested parenthesis");
            open[depth++] = c;
        } else if (c == '#') {
            return fail(p, "f-string expression part cannot include '#'");
        } else if (depth == 0 && strchr("!:}=<>", c) && c) {
            if (s + 1 < end && s[1] == '=' && c != ':' && c != '}')
                s++;
            else if (c != '<' && c != '>')
                break;
        } else if (c == ']' || c == '}' || c == ')') {
            if (depth == 0)
                return fail(p, "f-string: unmatched '%c'", c);
            char opener = open[--depth];
            if (!((opener == '(' && c == ')') || (opener == '[' && c == ']') || (opener == '{' && c == '}')))
                return fail(p, "f-string: closing parenthesis '%c' does not match opening parenthesis '%c'", c, opener);
        }
    }
    *ps = s;
    if (quote)
        return fail(p, "f-string: unterminated string");
    if (depth)
        return fail(p, "f-string: unmatched '%c'", open[depth - 1]);
    if (s >= end)
        return fail(p, "f-string: expecting '}'");
    return true;
}

static bool fstring_parts(Parser *p, Parts *parts, const char **ps, const char *end, bool is_raw, int level);

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* field = "{" expression ["="] ["!" conversion] [":" spec] "}"; *ps stands on the brace. */
static bool field(Parser *p, Parts *parts, const char **ps, const char *end, bool is_raw, int level)
{
    const char *open = *ps, *s = open + 1, *first;
    if (level >= 2)
        return fail(p, "f-string: expressions nested too deeply");
    if (!scan_expression(p, &s, end))
        return false;
    for (first = open + 1; first < s && (*first == ' ' || *first == '\t' || *first == '\n' || *first == '\f'); first++)
        ;
    if (first == s)
        return *s == '}' ? fail(p, "f-string: empty expression not allowed")
                         : fail(p, "f-string: expression required before '%c'", *s);
    Node *value = parse_embedded(p, offset_of(p, open + 1), offset_of(p, s));
    if (!value)
        return false;
    bool shows_text = *s == '=';
    if (shows_text) {
        for (s++; s < end && is_space(*s); s++)
            ;
        if (parts->text.size == 0)
            parts->text_start = offset_of(p, open + 1);
        if (!text_add(p, &parts->text, open + 1, (size_t)(s - open - 1)))
            return false;
    }
    char conversion = 0;
    if (s < end && *s == '!') {
        if (++s >= end)
            return fail(p, "f-string: expecting '}'");
        conversion = *s++;
        if (conversion != 's' && conversion != 'r' && conversion != 'a')
            return fail(p, "f-string: invalid conversion character: expected 's', 'r', or 'a'");
    }
    if (!flush_text(p, parts, offset_of(p, s)))
        return false;
    Node *spec = NULL;
    if (s < end && *s == ':') {
        if (++s >= end)
            return fail(p, "f-string: expecting '}'");
        Parts inner = { .base = p->n_stack, .is_f = true, .text_start = offset_of(p, s) };
        uint32_t start = inner.text_start;
        if (!fstring_parts(p, &inner, &s, end, is_raw, level + 1) ||
            !(spec = fstring_node(p, &inner, (Span){ start, offset_of(p, s) })))
            return false;
    }
    if (s >= end || *s != '}')
        return fail(p, "f-string: expecting '}'");
    *ps = ++s;
    AstField *n = NODE(p, Field, offset_of(p, open));
    if (!n)
        return false;
    n->head.span.end = offset_of(p, s);
    n->value = value;
    n->spec = spec;
    n->conversion = shows_text && !spec && !conversion ? 'r' : conversion;
    return parse_lift(p, &n->head, value) && (!spec || parse_lift(p, &n->head, spec)) && parse_push(p, &n->head);
}

/* Literal text up to the next field or the end of a spec.  Doubled braces count only outside of specs. */
static bool fstring_text(Parser *p, Parts *parts, const char **ps, const char *end, bool is_raw, int level)
{
    const char *start = *ps, *s = start, *stop = NULL;
    while (s < end && !stop) {
        char c = *s++;
        if (!is_raw && c == '\\' && s < end) {
            c = *s++;
            if (c == 'N') {
                if (s < end && *s++ == '{')
                    while (s < end && *s++ != '}')
                        ;
                continue;
            }
        }
        if (c != '{' && c != '}')
            continue;
        if (level == 0 && s < end && *s == c) {
            stop = s++;                         /* one of the two braces is text */
        } else if (level == 0 && c == '}') {
            return fail(p, "f-string: single '}' is not allowed");
        } else {
            stop = --s;
        }
    }
    if (!stop)
        stop = s;
    if (parts->text.size == 0)
        parts->text_start = offset_of(p, start);
    *ps = s;
    return decode(p, &parts->text, start, stop, is_raw);
}

/* f-string text = {text | field}; a spec ends in front of "}". */
static bool fstring_parts(Parser *p, Parts *parts, const char **ps, const char *end, bool is_raw, int level)
{
    const char *s = *ps;
    while (s < end && !(level > 0 && *s == '}')) {
        if (*s == '{' && (level > 0 || s + 1 >= end || s[1] != '{')) {
            if (!field(p, parts, &s, end, is_raw, level))
                return false;
        } else if (!fstring_text(p, parts, &s, end, is_raw, level)) {
            return false;
        }
    }
    *ps = s;
    if (level > 0 && s >= end)
        return fail(p, "f-string: expecting '}'");
    return true;
}

/* ---- strings ---- */

enum { RAW = 1, FORMAT = 2, BYTES = 4 };

/* The letters in front of a string's quotes.  *ps is left on the quotes. */
static int read_prefix(const char **ps)
{
    int prefix = 0;
    for (; **ps != '\'' && **ps != '"'; ++*ps) {
        char c = (char)(**ps | 0x20);
        prefix |= c == 'r' ? RAW : c == 'f' ? FORMAT : c == 'b' ? BYTES : 0;
    }
    return prefix;
}

/* Bytes are refused once they are known to be right. */
static bool check_bytes(Parser *p, const char *s, const char *end, bool is_raw)
{
    const char *start = s;
    for (const char *c = s; c < end; c++)
        if ((unsigned char)*c >= 0x80)
            return fail(p, "bytes can only contain ASCII literal characters");
    while (!is_raw && (s = memchr(s, '\\', (size_t)(end - s)))) {
        if (s[1] == 'x' && !(end - s >= 4 && is_hex(s[2]) && is_hex(s[3])))
            return fail(p, "(value error) invalid \\x escape at position %u", (unsigned)(s - start));
        s += 2;
    }
    parse_refuse(p, tok_span(p->str_tok), "bytes literals");
    return true;
}

/* One token: prefix, quotes, text. */
static bool literal(Parser *p, Parts *parts, const Tok *t)
{
    const char *s = p->src->text + t->start, *end = p->src->text + t->end;
    int prefix = read_prefix(&s);
    uint32_t quotes = end - s >= 6 && s[1] == *s && s[2] == *s ? 3 : 1;
    s += quotes;
    end -= quotes;
    if (prefix & BYTES)
        return check_bytes(p, s, end, prefix & RAW);
    if (parts->text.size == 0)
        parts->text_start = offset_of(p, s);
    if (!(prefix & FORMAT))
        return decode(p, &parts->text, s, end, prefix & RAW);
    parts->is_f = true;
    return fstring_parts(p, parts, &s, end, prefix & RAW, 0);
}

static bool is_bytes(const Parser *p, const Tok *t)
{
    const char *s = p->src->text + t->start;
    return read_prefix(&s) & BYTES;
}

/* strings = STRING {STRING} */
Node *parse_strings(Parser *p)
{
    const Tok *first = p->tok, *end = first;
    while (end->kind == TK_String)
        end++;
    Parts parts = { .base = p->n_stack };
    p->tok = end;
    for (p->str_tok = first; p->str_tok < end; p->str_tok++) {
        if (!literal(p, &parts, p->str_tok))
            return NULL;
        if (is_bytes(p, p->str_tok) != is_bytes(p, first))
            return fail(p, "cannot mix bytes and nonbytes literals"), NULL;
    }
    if (is_bytes(p, first))
        return NULL;
    Span span = { first->start, end[-1].end };
    return parts.is_f ? fstring_node(p, &parts, span) : str_node(p, &parts.text, span);
}
