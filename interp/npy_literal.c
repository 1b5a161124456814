/* interp/npy_literal.c — parses the dict literal in the header of a .npy file.
 *
 *   dict  = "{" [ pair { "," pair } [ "," ] ] "}"        pair = string ":" value
 *   value = "None" | "True" | "False" | number | string | "(" … ")" | "[" … "]"
 *
 * Blanks, line ends and comments may stand between tokens. */
#include "interp/npy_literal.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "interp/format.h"
#include "interp/seq.h"
#include "interp/str.h"

enum { MAX_DEPTH = 32 };

typedef struct Reader {
    VM         *vm;
    const char *p, *end;
    bool        python2;        /* integers may end in L */
    int         depth;
} Reader;

static void skip_space(Reader *r)
{
    for (; r->p < r->end; r->p++) {
        if (*r->p == '#') {
            while (r->p < r->end && *r->p != '\n')
                r->p++;
            if (r->p == r->end)
                return;
        } else if (!strchr(" \t\r\n\f\\", *r->p) || *r->p == '\0') {
            return;
        }
    }
}

/* The next token's first character; 0 at the end. */
static char peek(Reader *r)
{
    skip_space(r);
    return r->p < r->end ? *r->p : '\0';
}

static bool accept(Reader *r, char c)
{
    if (peek(r) != c || r->p == r->end)
        return false;
    r->p++;
    return true;
}

static bool accept_word(Reader *r, const char *word)
{
    size_t n = strlen(word);
    if ((size_t)(r->end - r->p) < n || memcmp(r->p, word, n) != 0)
        return false;
    if (r->p + n < r->end && (isalnum((unsigned char)r->p[n]) || r->p[n] == '_'))
        return false;
    r->p += n;
    return true;
}

/* V_UNBOUND: not a literal (the caller reports the whole header). */
static Value read_value(Reader *r);

static Value read_string(Reader *r)
{
    char quote = *r->p++;
    StrBuf sb;
    sb_init(&sb, r->vm);
    while (r->p < r->end && *r->p != quote && *r->p != '\n' && *r->p != '\\') {
        unsigned char c = (unsigned char)*r->p++;
        char utf8[4];
        sb_put(&sb, utf8, utf8_put(utf8, c));   /* as Latin-1: only names in ASCII have a meaning */
    }
    if (r->p == r->end || *r->p != quote) {
        sb_free(&sb);
        return V_UNBOUND;
    }
    r->p++;
    return sb_finish(&sb);
}

static Value read_number(Reader *r)
{
    char text[64], *rest;
    size_t n = 0;
    bool is_float = false;
    for (; r->p < r->end && (isalnum((unsigned char)*r->p) || strchr("+-._", *r->p)) && *r->p && *r->p != 'L'; r->p++) {
        if (n > 0 && strchr("+-", *r->p) && !strchr("eE", text[n - 1]))
            break;
        is_float = is_float || strchr(".eE", *r->p);
        if (n + 1 < sizeof text)
            text[n++] = *r->p;
    }
    text[n] = '\0';
    if (n == 0 || n + 1 == sizeof text)
        return V_UNBOUND;
    if (is_float) {
        double x = strtod(text, &rest);
        return *rest ? V_UNBOUND : V_FLOAT(x);
    }
    int64_t v = 0;
    bool minus = text[0] == '-';
    size_t first = minus || text[0] == '+';
    if (n == first)
        return V_UNBOUND;
    for (size_t i = first; i < n; i++) {
        if (!isdigit((unsigned char)text[i]))
            return V_UNBOUND;
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, text[i] - '0', &v))
            return raise(r->vm, TY_OverflowError, "Python int too large to convert to C long");
    }
    if (r->python2 && r->p < r->end && *r->p == 'L')
        r->p++;
    return V_INT(minus ? -v : v);
}

/* Behind "(" or "[": a tuple, a list, or a value in parentheses. */
static Value read_sequence(Reader *r, char close)
{
    Value list = list_new(r->vm, NULL, 0), result;
    bool comma = false;
    if (IS_ERR(list))
        return V_ERR;
    while (!accept(r, close)) {
        Value v = LIST(list)->count > 0 && !comma ? V_UNBOUND : read_value(r);
        if (IS_ERR(v) || v.tag == T_Unbound || list_append(r->vm, list, v) != ALP_OK) {
            value_free(r->vm, list);
            return vm_has_exc(r->vm) ? V_ERR : V_UNBOUND;
        }
        comma = accept(r, ',');
    }
    if (close == ']')
        return list;
    if (LIST(list)->count == 1 && !comma)
        result = value_ref(LIST(list)->item[0]);
    else
        result = tuple_new(r->vm, LIST(list)->item, LIST(list)->count);
    value_free(r->vm, list);
    return result;
}

static Value read_value(Reader *r)
{
    char c = peek(r);
    if (c == '\'' || c == '"')
        return read_string(r);
    if (c == '(' || c == '[') {
        r->p++;
        if (r->depth == MAX_DEPTH)
            return V_UNBOUND;
        r->depth++;
        Value v = read_sequence(r, c == '(' ? ')' : ']');
        r->depth--;
        return v;
    }
    if (accept_word(r, "None"))
        return V_NONE;
    if (accept_word(r, "True"))
        return V_BOOL(true);
    if (accept_word(r, "False"))
        return V_BOOL(false);
    return isdigit((unsigned char)c) || (c && strchr("+-.", c)) ? read_number(r) : V_UNBOUND;
}

void npy_dict_free(VM *vm, NpyDict *d)
{
    for (int i = 0; i < d->count; i++) {
        value_free(vm, d->key[i]);
        value_free(vm, d->value[i]);
    }
    d->count = 0;
}

/* False: not a dict literal of strings, or an exception is pending. */
static bool read_dict(Reader *r, NpyDict *d)
{
    if (!accept(r, '{'))
        return false;
    for (bool comma = true; !accept(r, '}'); comma = accept(r, ',')) {
        char c = peek(r);
        if (!comma || (c != '\'' && c != '"'))
            return false;
        Value key = read_string(r), value = V_UNBOUND;
        if (key.tag == T_Str && accept(r, ':'))
            value = read_value(r);
        if (key.tag != T_Str || IS_ERR(value) || value.tag == T_Unbound) {
            value_free(r->vm, key);
            return false;
        }
        int at = 0;
        while (at < d->count && !str_equal(STR(d->key[at]), STR(key)))
            at++;
        if (at == NPY_MAX_KEYS) {
            value_free(r->vm, key);
            value_free(r->vm, value);
            return false;
        }
        if (at < d->count) {                    /* the later one counts, as in Python */
            value_free(r->vm, key);
            value_set(r->vm, &d->value[at], value);
        } else {
            d->key[at] = key;
            d->value[at] = value;
            d->count++;
        }
    }
    return peek(r) == '\0' && r->p == r->end;
}

/* The header as a str, whatever its bytes are. */
static Value header_text(VM *vm, const char *text, size_t size)
{
    StrBuf sb;
    sb_init(&sb, vm);
    for (size_t i = 0; i < size; i++) {
        char utf8[4];
        sb_put(&sb, utf8, utf8_put(utf8, (unsigned char)text[i]));
    }
    return sb_finish(&sb);
}

Status npy_dict_parse(VM *vm, const char *text, size_t size, bool python2, NpyDict *out)
{
    out->count = 0;
    Reader r = { .vm = vm, .p = text, .end = text + size, .python2 = python2 };
    if (read_dict(&r, out))
        return ALP_OK;
    npy_dict_free(vm, out);
    if (vm_has_exc(vm))
        return ALP_FAIL;
    /* Another literal, or no literal at all? */
    r = (Reader){ .vm = vm, .p = text, .end = text + size, .python2 = python2 };
    Value other = peek(&r) == '{' ? V_UNBOUND : read_value(&r);
    bool whole = !IS_ERR(other) && other.tag != T_Unbound && peek(&r) == '\0' && r.p == r.end;
    if (!whole && !vm_has_exc(vm)) {
        value_free(vm, other);
        other = header_text(vm, text, size);
    }
    Value repr = vm_has_exc(vm) ? V_ERR : value_repr(vm, other);
    if (!IS_ERR(repr))
        raise(vm, TY_ValueError, whole ? "Header is not a dictionary: %s" : "Cannot parse header: %s", STR(repr)->text);
    value_free(vm, repr);
    value_free(vm, other);
    return ALP_FAIL;
}
