/* interp/str_methods.c — the table of str methods, and those that search, replace and pad. */
#include <string.h>

#include "interp/format.h"
#include "interp/ops.h"
#include "interp/seq.h"
#include "interp/str_methods.h"

/* ---- searching --------------------------------------------------------------------------------------------------- */

/* The part of self that the optional arguments start and end choose. */
typedef struct Part {
    size_t  from, to;       /* bytes */
    int64_t start;          /* code point that `from` is */
    bool    empty;          /* start lies behind end: nothing is found there, not even "" */
} Part;

static Status bound(VM *vm, Value v, int64_t length, int64_t fallback, int64_t *out)
{
    *out = fallback;
    if (v.tag == T_Unbound || v.tag == T_None)
        return ALP_OK;
    if (v.tag == T_NpU64 && v.u.u > INT64_MAX) {
        *out = INT64_MAX;
        return ALP_OK;
    }
    switch (op_as_index(vm, v, out)) {
    case 0:
        raise(vm, TY_TypeError, "slice indices must be integers or None or have an __index__ method");
        return ALP_FAIL;
    case -1:
        return ALP_FAIL;
    }
    if (*out < 0)
        *out = *out + length < 0 ? 0 : *out + length;
    return ALP_OK;
}

static Status part_of(VM *vm, const Str *s, Value start, Value end, Part *p)
{
    int64_t length = (int64_t)s->length, from, to;
    TRY(bound(vm, start, length, 0, &from));
    TRY(bound(vm, end, length, length, &to));
    if (to > length)
        to = length;
    *p = (Part){ .start = from, .empty = from > to };
    if (!p->empty) {
        p->from = str_offset(s, (size_t)from);
        p->to = str_offset(s, (size_t)to);
    }
    return ALP_OK;
}

/* Index of the first or last occurrence, -1: none, -2: exception. */
static int64_t find(VM *vm, const Args *a, bool last)
{
    const Str *s = STR(a->v[0]);
    Part p;
    if (a->v[1].tag != T_Str) {
        raise(vm, TY_TypeError, "must be str, not %s", value_type_name(a->v[1]));
        return -2;
    }
    if (part_of(vm, s, a->v[2], a->v[3], &p) != ALP_OK)
        return -2;
    const Str *needle = STR(a->v[1]);
    if (p.empty || needle->size > p.to - p.from)
        return -1;
    const char *hit = NULL;
    if (!last) {
        hit = needle->size ? text_find(s->text + p.from, p.to - p.from, needle) : s->text + p.from;
    } else {
        for (size_t at = p.to - needle->size + 1; at-- > p.from && !hit;)
            if (memcmp(s->text + at, needle->text, needle->size) == 0)
                hit = s->text + at;
    }
    return hit ? p.start + (int64_t)utf8_count(s->text + p.from, (size_t)(hit - s->text) - p.from) : -1;
}

static Value found(VM *vm, int64_t i, bool required)
{
    return i == -2 ? V_ERR : i == -1 && required ? raise(vm, TY_ValueError, "substring not found") : V_INT(i);
}

static Value str_find(VM *vm, const Args *a)        { return found(vm, find(vm, a, false), false); }
static Value str_rfind(VM *vm, const Args *a)       { return found(vm, find(vm, a, true), false); }
static Value str_index_of(VM *vm, const Args *a)    { return found(vm, find(vm, a, false), true); }
static Value str_rindex_of(VM *vm, const Args *a)   { return found(vm, find(vm, a, true), true); }

static int64_t count_text(const char *text, size_t size, const Str *needle)
{
    int64_t n = 0;
    for (const char *hit; (hit = text_find(text, size, needle)); n++) {
        size -= (size_t)(hit - text) + needle->size;
        text = hit + needle->size;
    }
    return n;
}

static Value str_count(VM *vm, const Args *a)
{
    const Str *s = STR(a->v[0]);
    Part p;
    if (a->v[1].tag != T_Str)
        return raise(vm, TY_TypeError, "must be str, not %s", value_type_name(a->v[1]));
    if (part_of(vm, s, a->v[2], a->v[3], &p) != ALP_OK)
        return V_ERR;
    if (p.empty)
        return V_INT(0);
    if (STR(a->v[1])->size == 0)
        return V_INT((int64_t)utf8_count(s->text + p.from, p.to - p.from) + 1);
    return V_INT(count_text(s->text + p.from, p.to - p.from, STR(a->v[1])));
}

static bool has_affix(const Str *s, const Part *p, const Str *affix, bool at_end)
{
    if (p->empty || affix->size > p->to - p->from)
        return false;
    return memcmp(s->text + (at_end ? p->to - affix->size : p->from), affix->text, affix->size) == 0;
}

static Value test_affix(VM *vm, const Args *a, const char *name, bool at_end)
{
    const Str *s = STR(a->v[0]);
    Value affix = a->v[1];
    Part p;
    if (part_of(vm, s, a->v[2], a->v[3], &p) != ALP_OK)
        return V_ERR;
    if (affix.tag == T_Str)
        return V_BOOL(has_affix(s, &p, STR(affix), at_end));
    if (affix.tag != T_Tuple)
        return raise(vm, TY_TypeError, "%s first arg must be str or a tuple of str, not %s", name, value_type_name(affix));
    for (size_t k = 0; k < TUPLE(affix)->count; k++) {
        Value item = TUPLE(affix)->item[k];
        if (item.tag != T_Str)
            return raise(vm, TY_TypeError, "tuple for %s must only contain str, not %s", name, value_type_name(item));
        if (has_affix(s, &p, STR(item), at_end))
            return V_BOOL(true);
    }
    return V_BOOL(false);
}

static Value str_startswith(VM *vm, const Args *a) { return test_affix(vm, a, "startswith", false); }
static Value str_endswith(VM *vm, const Args *a)   { return test_affix(vm, a, "endswith", true); }

/* ---- replacing --------------------------------------------------------------------------------------------------- */

static const char *shown_type(Value v)
{
    return v.tag == T_None ? "None" : value_type_name(v);
}

static Value remove_affix(VM *vm, const Args *a, const char *name, bool at_end)
{
    const Str *s = STR(a->v[0]);
    if (a->v[1].tag != T_Str)
        return raise(vm, TY_TypeError, "%s() argument must be str, not %s", name, shown_type(a->v[1]));
    const Str *affix = STR(a->v[1]);
    Part whole = { .to = s->size };
    if (affix->size == 0 || !has_affix(s, &whole, affix, at_end))
        return value_ref(a->v[0]);
    return str_new(vm, at_end ? s->text : s->text + affix->size, s->size - affix->size);
}

static Value str_removeprefix(VM *vm, const Args *a) { return remove_affix(vm, a, "removeprefix", false); }
static Value str_removesuffix(VM *vm, const Args *a) { return remove_affix(vm, a, "removesuffix", true); }

/* Put `with` before each of the first `count` characters, and at the end if any are left. */
static Value interleave(VM *vm, const Str *s, const Str *with, int64_t count)
{
    StrBuf sb;
    sb_init(&sb, vm);
    size_t at = 0;
    for (; count > 0 && !sb.failed; count--) {
        sb_put(&sb, with->text, with->size);
        if (at >= s->size)
            break;
        size_t from = at;
        utf8_next(s->text, s->size, &at);
        sb_put(&sb, s->text + from, at - from);
    }
    sb_put(&sb, s->text + at, s->size - at);
    return sb_finish(&sb);
}

static Value str_replace(VM *vm, const Args *a)
{
    const Str *s = STR(a->v[0]);
    int64_t count = -1;
    for (int k = 1; k <= 2; k++)
        if (a->v[k].tag != T_Str)
            return raise(vm, TY_TypeError, "replace() argument %d must be str, not %s", k, shown_type(a->v[k]));
    if (a->v[3].tag != T_Unbound && arg_int(vm, a->v[3], &count) != ALP_OK)
        return V_ERR;
    const Str *old = STR(a->v[1]), *new = STR(a->v[2]);
    if (count < 0)
        count = INT64_MAX;
    if (old->size == 0)
        return count == 0 ? value_ref(a->v[0]) : interleave(vm, s, new, count);
    const char *text = s->text, *end = s->text + s->size, *hit;
    if (count == 0 || !text_find(text, s->size, old))
        return value_ref(a->v[0]);
    StrBuf sb;
    sb_init(&sb, vm);
    for (; count > 0 && !sb.failed && (hit = text_find(text, (size_t)(end - text), old)); count--) {
        sb_put(&sb, text, (size_t)(hit - text));
        sb_put(&sb, new->text, new->size);
        text = hit + old->size;
    }
    sb_put(&sb, text, (size_t)(end - text));
    return sb_finish(&sb);
}

/* ---- padding ----------------------------------------------------------------------------------------------------- */

static Value pad(VM *vm, const Args *a, char where)
{
    const Str *s = STR(a->v[0]);
    int64_t width;
    const char *fill = " ";
    size_t fill_size = 1;
    if (arg_int(vm, a->v[1], &width) != ALP_OK)
        return V_ERR;
    if (a->v[2].tag != T_Unbound) {
        if (a->v[2].tag != T_Str)
            return raise(vm, TY_TypeError, "The fill character must be a unicode character, not %s", value_type_name(a->v[2]));
        if (STR(a->v[2])->length != 1)
            return raise(vm, TY_TypeError, "The fill character must be exactly one character long");
        fill = STR(a->v[2])->text;
        fill_size = STR(a->v[2])->size;
    }
    int64_t room = width - (int64_t)s->length;
    if (width <= (int64_t)s->length)
        return value_ref(a->v[0]);
    /* of an odd room the smaller half stands left, unless the width is odd as well */
    int64_t left = where == '<' ? 0 : where == '>' ? room : room / 2 + (room & width & 1);
    StrBuf sb;
    sb_init(&sb, vm);
    sb_repeat(&sb, fill, fill_size, (size_t)left);
    sb_put(&sb, s->text, s->size);
    sb_repeat(&sb, fill, fill_size, (size_t)(room - left));
    return sb_finish(&sb);
}

static Value str_ljust(VM *vm, const Args *a)  { return pad(vm, a, '<'); }
static Value str_rjust(VM *vm, const Args *a)  { return pad(vm, a, '>'); }
static Value str_center(VM *vm, const Args *a) { return pad(vm, a, '^'); }

static Value str_zfill(VM *vm, const Args *a)
{
    const Str *s = STR(a->v[0]);
    int64_t width;
    if (arg_int(vm, a->v[1], &width) != ALP_OK)
        return V_ERR;
    if (width <= (int64_t)s->length)
        return value_ref(a->v[0]);
    size_t sign = s->size > 0 && (s->text[0] == '+' || s->text[0] == '-');
    StrBuf sb;
    sb_init(&sb, vm);
    sb_put(&sb, s->text, sign);
    sb_pad(&sb, '0', (size_t)width - s->length);
    sb_put(&sb, s->text + sign, s->size - sign);
    return sb_finish(&sb);
}

static Value str_expandtabs(VM *vm, const Args *a)
{
    const Str *s = STR(a->v[0]);
    int64_t tab = 8, column = 0;
    if (a->v[1].tag != T_Unbound && arg_int(vm, a->v[1], &tab) != ALP_OK)
        return V_ERR;
    if (tab != (int32_t)tab)
        return raise(vm, TY_OverflowError, "Python int too large to convert to C int");
    StrBuf sb;
    sb_init(&sb, vm);
    for (size_t at = 0; at < s->size && !sb.failed; at++) {
        char c = s->text[at];
        if (c == '\t') {
            int64_t n = tab > 0 ? tab - column % tab : 0;
            sb_pad(&sb, ' ', (size_t)n);
            column += n;
            continue;
        }
        sb_putc(&sb, c);
        if (c == '\n' || c == '\r')
            column = 0;
        else if (((unsigned char)c & 0xC0) != 0x80)
            column++;
    }
    return sb_finish(&sb);
}

/* ---- the table --------------------------------------------------------------------------------------------------- */

const NativeRow str_methods[] = {
    { "capitalize", str_capitalize, "", "Return a capitalized version of the string." },
    { "casefold", str_casefold, "", "Return a version of the string suitable for caseless comparisons." },
    { "center", str_center, "width, fillchar=, /", "Return a centered string of length width." },
    { "count", str_count, "sub, start=, end=, /", "Return the number of non-overlapping occurrences of sub." },
    { "endswith", str_endswith, "suffix, start=, end=, /", "Return True if the string ends with the specified suffix." },
    { "expandtabs", str_expandtabs, "tabsize=", "Return a copy where all tab characters are expanded using spaces." },
    { "find", str_find, "sub, start=, end=, /", "Return the lowest index where sub is found, or -1." },
    { "format", str_format, "*args, **kwargs", "Return a formatted version of the string." },
    { "index", str_index_of, "sub, start=, end=, /", "Return the lowest index where sub is found, or raise ValueError." },
    { "isalnum", str_isalnum, "", "Return True if the string is an alpha-numeric string." },
    { "isalpha", str_isalpha, "", "Return True if the string is an alphabetic string." },
    { "isascii", str_isascii, "", "Return True if all characters in the string are ASCII." },
    { "isdecimal", str_isdecimal, "", "Return True if the string is a decimal string." },
    { "isdigit", str_isdigit, "", "Return True if the string is a digit string." },
    { "isidentifier", str_isidentifier, "", "Return True if the string is a valid Python identifier." },
    { "islower", str_islower, "", "Return True if the string is a lowercase string." },
    { "isnumeric", str_isnumeric, "", "Return True if the string is a numeric string." },
    { "isprintable", str_isprintable, "", "Return True if the string is printable." },
    { "isspace", str_isspace, "", "Return True if the string is a whitespace string." },
    { "istitle", str_istitle, "", "Return True if the string is a title-cased string." },
    { "isupper", str_isupper, "", "Return True if the string is an uppercase string." },
    { "join", str_join, "iterable, /", "Concatenate any number of strings." },
    { "ljust", str_ljust, "width, fillchar=, /", "Return a left-justified string of length width." },
    { "lower", str_lower, "", "Return a copy of the string converted to lowercase." },
    { "lstrip", str_lstrip, "chars=, /", "Return a copy of the string with leading whitespace removed." },
    { "partition", str_partition, "sep, /", "Partition the string into three parts using the given separator." },
    { "removeprefix", str_removeprefix, "prefix, /", "Return a str with the given prefix string removed if present." },
    { "removesuffix", str_removesuffix, "suffix, /", "Return a str with the given suffix string removed if present." },
    { "replace", str_replace, "old, new, count=, /", "Return a copy with all occurrences of substring old replaced by new." },
    { "rfind", str_rfind, "sub, start=, end=, /", "Return the highest index where sub is found, or -1." },
    { "rindex", str_rindex_of, "sub, start=, end=, /", "Return the highest index where sub is found, or raise ValueError." },
    { "rjust", str_rjust, "width, fillchar=, /", "Return a right-justified string of length width." },
    { "rpartition", str_rpartition, "sep, /", "Partition the string into three parts at the last separator." },
    { "rsplit", str_rsplit, "sep=, maxsplit=", "Return a list of the words, splitting from the right." },
    { "rstrip", str_rstrip, "chars=, /", "Return a copy of the string with trailing whitespace removed." },
    { "split", str_split, "sep=, maxsplit=", "Return a list of the words, using sep as the delimiter." },
    { "splitlines", str_splitlines, "keepends=", "Return a list of the lines, breaking at line boundaries." },
    { "startswith", str_startswith, "prefix, start=, end=, /", "Return True if the string starts with the specified prefix." },
    { "strip", str_strip, "chars=, /", "Return a copy of the string with whitespace removed at both ends." },
    { "swapcase", str_swapcase, "", "Convert uppercase characters to lowercase and lowercase characters to uppercase." },
    { "title", str_title, "", "Return a version of the string where each word is titlecased." },
    { "upper", str_upper, "", "Return a copy of the string converted to uppercase." },
    { "zfill", str_zfill, "width, /", "Pad a numeric string with zeros on the left." },
    { NULL, NULL, NULL, NULL },
};
