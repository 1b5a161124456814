/* interp/format_spec.c — format(value, spec): [[fill]align][sign][z][#][0][width][,|_][.precision][type]. */
#include <math.h>
#include <string.h>

#include "interp/format.h"
#include "interp/ops.h"
#include "interp/unicode.h"

typedef struct Spec {
    uint32_t fill;
    char     align;         /* '<' '>' '^' '='; never 0 */
    char     sign;          /* '+' '-' ' ', 0: not given */
    bool     no_negative_zero;      /* z */
    bool     alt;           /* # */
    int64_t  width;         /* -1: not given */
    int64_t  precision;     /* -1: not given */
    char     separator;     /* ',' '_', 0: none */
    uint32_t type;          /* 0: not given */
} Spec;

/* ---- reading the specification ----------------------------------------------------------------------------------- */

typedef struct Reader {
    const char *text;
    size_t      size, at;
} Reader;

static uint32_t peek(const Reader *r)
{
    size_t at = r->at;
    return at < r->size ? utf8_next(r->text, r->size, &at) : 0;
}

static bool accept(Reader *r, char c)
{
    if (r->at >= r->size || r->text[r->at] != c)
        return false;
    r->at++;
    return true;
}

static bool is_align(uint32_t c)
{
    return c == '<' || c == '>' || c == '=' || c == '^';
}

/* Digits of any script; *out stays if there are none. */
static Status read_count(VM *vm, Reader *r, int64_t *out)
{
    int64_t n = 0;
    int digit;
    bool any = false;
    while (r->at < r->size && (digit = uni_decimal(peek(r))) >= 0) {
        if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, digit, &n)) {
            raise(vm, TY_ValueError, "Too many decimal digits in format string");
            return ALP_FAIL;
        }
        utf8_next(r->text, r->size, &r->at);
        any = true;
    }
    if (any)
        *out = n;
    return ALP_OK;
}

/* A character as these messages show it: 'x' or '\xe9'. */
static Status bad_separator(VM *vm, char separator, uint32_t type)
{
    if (type > 32 && type < 128)
        raise(vm, TY_ValueError, "Cannot specify '%c' with '%c'.", separator, (int)type);
    else
        raise(vm, TY_ValueError, "Cannot specify '%c' with '\\x%x'.", separator, type);
    return ALP_FAIL;
}

static Value unknown_type(VM *vm, uint32_t type, const char *of)
{
    if (type > 32 && type < 128)
        return raise(vm, TY_ValueError, "Unknown format code '%c' for object of type '%s'", (int)type, of);
    return raise(vm, TY_ValueError, "Unknown format code '\\x%x' for object of type '%s'", type, of);
}

static Status read_separator(VM *vm, Reader *r, Spec *s)
{
    bool comma = accept(r, ','), underscore = accept(r, '_');
    if ((comma && underscore) || (underscore && r->at < r->size && r->text[r->at] == ',')) {
        raise(vm, TY_ValueError, "Cannot specify both ',' and '_'.");
        return ALP_FAIL;
    }
    s->separator = comma ? ',' : underscore ? '_' : 0;
    return ALP_OK;
}

static Status read_spec(VM *vm, const char *text, size_t size, const char *type_of_value, uint32_t default_type,
                        char default_align, Spec *s)
{
    Reader r = { text, size, 0 };
    *s = (Spec){ .fill = ' ', .align = default_align, .width = -1, .precision = -1, .type = default_type };
    bool fill_given = false, align_given = false;
    size_t behind = 0;
    if (size)
        utf8_next(text, size, &behind);
    if (behind < size && is_align((unsigned char)text[behind])) {
        s->fill = peek(&r);
        s->align = text[behind];
        r.at = behind + 1;
        fill_given = align_given = true;
    } else if (size && is_align((unsigned char)text[0])) {
        s->align = text[0];
        r.at = 1;
        align_given = true;
    }
    uint32_t c = peek(&r);
    if (c == '+' || c == '-' || c == ' ') {
        s->sign = (char)c;
        r.at++;
    }
    s->no_negative_zero = accept(&r, 'z');
    s->alt = accept(&r, '#');
    if (!fill_given && accept(&r, '0')) {
        s->fill = '0';
        if (!align_given && default_align == '>')
            s->align = '=';
    }
    TRY(read_count(vm, &r, &s->width));
    TRY(read_separator(vm, &r, s));
    if (accept(&r, '.')) {
        TRY(read_count(vm, &r, &s->precision));
        if (s->precision < 0) {
            raise(vm, TY_ValueError, "Format specifier missing precision");
            return ALP_FAIL;
        }
    }
    if (r.at < size) {
        s->type = utf8_next(text, size, &r.at);
        if (r.at < size) {
            Value shown = str_new(vm, text, size);
            if (!IS_ERR(shown)) {
                raise(vm, TY_ValueError, "Invalid format specifier '%s' for object of type '%s'", STR(shown)->text,
                      type_of_value);
                value_free(vm, shown);
            }
            return ALP_FAIL;
        }
    }
    if (s->separator && s->type && !(s->type < 128 && strchr(s->separator == '_' ? "defgEG%FboxX" : "defgEG%F", (int)s->type)))
        return bad_separator(vm, s->separator, s->type);
    return ALP_OK;
}

/* ---- laying out -------------------------------------------------------------------------------------------------- */

static void put_fill(StrBuf *sb, uint32_t fill, int64_t n)
{
    char bytes[4];
    if (n > 0)
        sb_repeat(sb, bytes, utf8_put(bytes, fill), (size_t)n);
}

/* Fill in front of a text that is `length` characters long; what comes behind it is returned. */
static int64_t put_left_fill(StrBuf *sb, const Spec *s, int64_t length)
{
    int64_t room = s->width > length ? s->width - length : 0;
    int64_t left = s->align == '>' ? room : s->align == '^' ? room / 2 : 0;
    put_fill(sb, s->fill, left);
    return s->align == '=' ? 0 : room - left;
}

/* How many digits to show: `count`, or more, with zeros in front, until they and their separators take min_width characters. */
static int64_t padded_digits(int64_t count, int group, char separator, int64_t min_width)
{
    if (count == 0 || min_width <= count)
        return count;
    if (!separator)
        return min_width;
    int64_t n = (min_width - 1) / (group + 1) * group;
    while (n < count || n + (n - 1) / group < min_width)
        n++;
    return n;
}

/* `total` digits, zeros in front of the given ones, in groups. */
static void put_grouped(StrBuf *sb, const char *digits, int64_t count, int64_t total, int group, char separator)
{
    int64_t size = separator && total ? total + (total - 1) / group : total, in_group = 0;
    char *room = sb_room(sb, (size_t)size), *p = room ? room + size : NULL;
    while (room && p > room) {
        if (separator && in_group++ == group) {
            *--p = separator;
            in_group = 1;
        }
        *--p = count > 0 ? digits[--count] : '0';
    }
}

/* A number's text: [-] digits rest.  Sign, prefix, grouping and padding as the spec says.
 * plain: no padding (the parts of a complex number). */
static void put_number(StrBuf *sb, const Spec *s, const char *text, size_t size, const char *prefix, bool plain)
{
    char sign = s->sign == '+' || s->sign == ' ' ? s->sign : 0;
    if (size && *text == '-') {
        sign = '-';
        text++;
        size--;
    }
    /* the digits of an integer in base 16 include letters: then all of it is digits */
    bool hex = s->type == 'x' || s->type == 'X';
    int64_t n_digits = 0;
    while ((size_t)n_digits < size && (hex || (text[n_digits] >= '0' && text[n_digits] <= '9')))
        n_digits++;
    int group = hex || s->type == 'b' || s->type == 'o' ? 4 : 3;
    int64_t n_prefix = (int64_t)strlen(prefix), n_rest = (int64_t)size - n_digits;
    int64_t others = (sign != 0) + n_prefix + n_rest;
    int64_t min_width = !plain && s->fill == '0' && s->align == '=' ? s->width - others : 0;
    int64_t n_shown = padded_digits(n_digits, group, s->separator, min_width);
    int64_t length = others + n_shown + (s->separator && n_shown ? (n_shown - 1) / group : 0);
    int64_t behind = plain ? 0 : put_left_fill(sb, s, length);
    if (sign)
        sb_putc(sb, sign);
    sb_put(sb, prefix, (size_t)n_prefix);
    if (!plain && s->align == '=')
        put_fill(sb, s->fill, s->width - length);
    put_grouped(sb, text, n_digits, n_shown, group, s->separator);
    sb_put(sb, text + n_digits, (size_t)n_rest);
    put_fill(sb, s->fill, behind);
}

/* ---- strings ----------------------------------------------------------------------------------------------------- */

static Value format_text(VM *vm, Value v, const char *text, size_t size)
{
    Spec s;
    if (read_spec(vm, text, size, "str", 's', '<', &s) != ALP_OK)
        return V_ERR;
    if (s.type != 's')
        return unknown_type(vm, s.type, "str");
    if (s.sign)
        return raise(vm, TY_ValueError, "%s not allowed in string format specifier", s.sign == ' ' ? "Space" : "Sign");
    if (s.no_negative_zero)
        return raise(vm, TY_ValueError, "Negative zero coercion (z) not allowed in string format specifier");
    if (s.alt)
        return raise(vm, TY_ValueError, "Alternate form (#) not allowed in string format specifier");
    if (s.align == '=')
        return raise(vm, TY_ValueError, "'=' alignment not allowed in string format specifier");
    const Str *str = STR(v);
    size_t length = str->length, bytes = str->size;
    if (s.precision >= 0 && (uint64_t)s.precision < length) {
        length = (size_t)s.precision;
        bytes = str_offset(str, length);
    }
    StrBuf sb;
    sb_init(&sb, vm);
    int64_t behind = put_left_fill(&sb, &s, (int64_t)length);
    sb_put(&sb, str->text, bytes);
    put_fill(&sb, s.fill, behind);
    return sb_finish(&sb);
}

/* ---- floats and complex ------------------------------------------------------------------------------------------ */

/* The number without padding, '-' in front of negative ones.  type: 'r' shortest, e f g E F G. */
static Status put_float_text(VM *vm, StrBuf *sb, const Spec *s, double x, char type, int64_t default_precision, unsigned flags)
{
    int64_t precision = s->precision;
    if (precision > INT32_MAX) {
        raise(vm, TY_ValueError, "precision too big");
        return ALP_FAIL;
    }
    if (precision < 0)
        precision = default_precision;
    else if (type == 'r')
        type = 'g';
    if (s->alt)
        flags |= FMT_Alt;
    size_t start = sb->size;
    sb_put_double(sb, x, type, precision, flags);
    if (!s->no_negative_zero || sb->failed || !signbit(x) || isnan(x))
        return ALP_OK;
    /* -0.00, after rounding: all digits in front of an exponent are zero */
    for (size_t k = start + 1; k < sb->size && (sb->text[k] | 0x20) != 'e'; k++)
        if ((sb->text[k] >= '1' && sb->text[k] <= '9') || (sb->text[k] | 0x20) == 'i')
            return ALP_OK;
    memmove(sb->text + start, sb->text + start + 1, sb->size - start - 1);
    sb->size--;
    return ALP_OK;
}

static bool is_float_type(uint32_t type)
{
    return type < 128 && type && strchr("eEfFgGn%", (int)type);
}

static Value format_float(VM *vm, double x, const Spec *s)
{
    char type = s->type == 0 ? 'r' : s->type == 'n' ? 'g' : s->type == '%' ? 'f' : (char)s->type;
    StrBuf number, sb;
    sb_init(&number, vm);
    sb_init(&sb, vm);
    unsigned flags = type == 'r' ? FMT_Dot0 : 0;
    if (put_float_text(vm, &number, s, s->type == '%' ? x * 100 : x, type, 6, flags) != ALP_OK)
        return V_ERR;
    if (s->type == '%')
        sb_putc(&number, '%');
    if (!number.failed)
        put_number(&sb, s, number.text, number.size, "", false);
    else
        sb_fail(&sb);
    sb_free(&number);
    return sb_finish(&sb);
}

static Value format_complex(VM *vm, double re, double im, const Spec *s)
{
    if (!(s->type == 0 || (is_float_type(s->type) && s->type != '%')))
        return unknown_type(vm, s->type, "complex");
    if (s->precision > INT32_MAX)
        return raise(vm, TY_ValueError, "precision too big");
    if (s->fill == '0')
        return raise(vm, TY_ValueError, "Zero padding is not allowed in complex format specifier");
    if (s->align == '=')
        return raise(vm, TY_ValueError, "'=' alignment flag is not allowed in complex format specifier");
    char type = s->type == 0 ? 'r' : s->type == 'n' ? 'g' : (char)s->type;
    bool like_str = s->type == 0, both = !like_str || re != 0 || signbit(re);
    Spec part = *s;
    StrBuf number, text, sb;
    sb_init(&number, vm);
    sb_init(&text, vm);
    sb_init(&sb, vm);
    if (both) {
        if (like_str)
            sb_putc(&text, '(');
        put_float_text(vm, &number, s, re, type, 6, 0);
        put_number(&text, &part, number.text, number.size, "", true);
        part.sign = '+';
        number.size = 0;
    }
    put_float_text(vm, &number, s, im, type, 6, 0);
    put_number(&text, &part, number.text, number.size, "", true);
    sb_putz(&text, both && like_str ? "j)" : "j");
    if (number.failed || text.failed) {
        sb_fail(&sb);
    } else {
        int64_t behind = put_left_fill(&sb, s, (int64_t)text.size);
        sb_put(&sb, text.text, text.size);
        put_fill(&sb, s->fill, behind);
    }
    sb_free(&number);
    sb_free(&text);
    return sb_finish(&sb);
}

/* ---- integers ---------------------------------------------------------------------------------------------------- */

/* Magnitude in base 2, 8, 10 or 16 at the end of out[65]. */
static char *int_digits(char *out, uint64_t magnitude, unsigned base, bool capitals)
{
    char *p = out + 65;
    do {
        p -= 1;
        *p = (capitals ? "0123456789ABCDEF" : "0123456789abcdef")[magnitude % base];
        magnitude /= base;
    } while (magnitude);
    return p;
}

static Value format_int(VM *vm, bool negative, uint64_t magnitude, const Spec *s, const char *of)
{
    if (is_float_type(s->type) && s->type != 'n')
        return format_float(vm, negative ? -(double)magnitude : (double)magnitude, s);
    static const struct { char type; unsigned char base; const char *prefix; } kinds[] = {
        { 'd', 10, "" }, { 'n', 10, "" }, { 'x', 16, "0x" }, { 'X', 16, "0X" }, { 'b', 2, "0b" }, { 'o', 8, "0o" },
        { 'c', 0, "" },
    };
    size_t kind = 0;
    while (kind < COUNT_OF(kinds) && (uint32_t)kinds[kind].type != s->type)
        kind++;
    if (kind == COUNT_OF(kinds))
        return unknown_type(vm, s->type, of);
    if (s->precision >= 0)
        return raise(vm, TY_ValueError, "Precision not allowed in integer format specifier");
    if (s->no_negative_zero)
        return raise(vm, TY_ValueError, "Negative zero coercion (z) not allowed in integer format specifier");
    StrBuf sb;
    sb_init(&sb, vm);
    if (s->type == 'c') {
        if (s->sign)
            return raise(vm, TY_ValueError, "Sign not allowed with integer format specifier 'c'");
        if (s->alt)
            return raise(vm, TY_ValueError, "Alternate form (#) not allowed with integer format specifier 'c'");
        if (negative || magnitude > 0x10FFFF)
            return raise(vm, TY_OverflowError, "%%c arg not in range(0x110000)");
        Spec aligned = *s;
        if (s->align == '=')
            aligned.align = '>';
        int64_t behind = put_left_fill(&sb, &aligned, 1);
        sb_put_cp(&sb, (uint32_t)magnitude);
        put_fill(&sb, s->fill, behind);
        return sb_finish(&sb);
    }
    char text[1 + 65], *p = int_digits(text + 1, magnitude, kinds[kind].base, s->type == 'X');
    if (negative)
        *--p = '-';
    put_number(&sb, s, p, (size_t)(text + sizeof text - p), s->alt ? kinds[kind].prefix : "", false);
    return sb_finish(&sb);
}

/* ---- any value --------------------------------------------------------------------------------------------------- */

/* What a number is formatted as: NumPy scalars turn into Python's kinds first. */
typedef enum NumberKind { NK_None, NK_Int, NK_Float, NK_Complex } NumberKind;

static NumberKind number_kind(Value v)
{
    if (v.tag == T_Bool || v.tag == T_Int || (v.tag >= T_NpBool && v.tag <= T_NpU64))
        return NK_Int;
    if (v.tag == T_Float || v.tag == T_NpF32 || v.tag == T_NpF64)
        return NK_Float;
    return v.tag == T_Complex || v.tag == T_NpC64 || v.tag == T_NpC128 ? NK_Complex : NK_None;
}

static Value format_number(VM *vm, Value v, NumberKind kind, const char *text, size_t size)
{
    bool boolean = v.tag == T_Bool || v.tag == T_NpBool;
    const char *of = boolean ? "bool" : kind == NK_Int ? "int" : kind == NK_Float ? "float" : "complex";
    double re, im;
    Spec s;
    if (read_spec(vm, text, size, of, kind == NK_Int ? 'd' : 0, '>', &s) != ALP_OK)
        return V_ERR;
    if (kind == NK_Float)
        return s.type == 0 || is_float_type(s.type) ? format_float(vm, v.u.f, &s) : unknown_type(vm, s.type, of);
    if (kind == NK_Complex) {
        value_as_complex(v, &re, &im);
        return format_complex(vm, re, im, &s);
    }
    bool is_unsigned = v.tag >= T_NpU8 && v.tag <= T_NpU64, negative = !is_unsigned && v.u.i < 0;
    return format_int(vm, negative, negative ? 0 - v.u.u : v.u.u, &s, of);
}

Value format_value(VM *vm, Value v, const char *spec, size_t size)
{
    NumberKind kind = number_kind(v);
    if (size == 0) {
        if (v.tag == T_NpF32)
            return value_str(vm, V_FLOAT(v.u.f));
        if (v.tag != T_NpC64)
            return value_str(vm, v);
    }
    if (v.tag == T_Str)
        return format_text(vm, v, spec, size);
    if (kind != NK_None)
        return format_number(vm, v, kind, spec, size);
    return raise(vm, TY_TypeError, "unsupported format string passed to %s.__format__", value_type_name(v));
}

void sb_put_formatted(StrBuf *sb, Value v)
{
    if (v.tag == T_NpF32 || v.tag == T_NpC64)
        sb_put_str(sb, format_value(sb->vm, v, "", 0));
    else
        sb_put_value(sb, v);
}
