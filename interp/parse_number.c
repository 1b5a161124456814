/* interp/parse_number.c — int(), float() and complex() of a string. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "interp/format.h"
#include "interp/ops.h"
#include "interp/unicode.h"

/* ---- the text in ASCII ------------------------------------------------------------------------------------------- */

/* Blanks around it dropped, other scripts' digits and blanks made ASCII ones, everything else that is not ASCII '?'. */
static Status to_ascii(VM *vm, const Str *s, StrBuf *sb)
{
    sb_init(sb, vm);
    size_t blanks = 0;      /* seen since the last other character */
    for (size_t at = 0; at < s->size && !sb->failed;) {
        uint32_t c = utf8_next(s->text, s->size, &at);
        bool space = c < 0x80 ? c == ' ' || (c >= 9 && c <= 13) || (c >= 0x1C && c <= 0x1F) : (uni_flags(c) & UNI_Space) != 0;
        if (space) {
            blanks += sb->size > 0;
            continue;
        }
        sb_pad(sb, ' ', blanks);
        blanks = 0;
        int digit = c < 0x80 ? -1 : uni_decimal(c);
        sb_putc(sb, digit >= 0 ? (char)('0' + digit) : c < 0x80 ? (char)c : '?');
    }
    sb_putc(sb, '\0');      /* so that looking one character ahead is always allowed */
    if (sb->failed)
        return ALP_FAIL;
    sb->size--;
    return ALP_OK;
}

/* raise(type, prefix + repr(s)), the repr cut after max bytes. */
static Value bad_literal(VM *vm, const char *prefix, Value s, int max)
{
    Value text = value_repr(vm, s);
    if (IS_ERR(text))
        return V_ERR;
    size_t size = str_offset(STR(text), STR(text)->length > (size_t)max ? (size_t)max : STR(text)->length);
    raise(vm, TY_ValueError, "%s%.*s", prefix, (int)size, STR(text)->text);
    value_free(vm, text);
    return V_ERR;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* ---- float ------------------------------------------------------------------------------------------------------- */

static bool starts_with(const char *text, size_t size, const char *word)
{
    size_t n = strlen(word);
    if (size < n)
        return false;
    for (size_t k = 0; k < n; k++)
        if ((text[k] | 0x20) != word[k])
            return false;
    return true;
}

/* The digits without the point and the exponent set right go to strtod, which then has nothing to ask the locale.  Digits beyond
 * the 800th cannot matter but by not being zero. */
static double decimal_value(const char *digits, size_t n_digits, int64_t exponent)
{
    enum { KEPT = 800 };
    char text[KEPT + 32];
    size_t n = 0;
    for (; n_digits > 0 && (*digits == '0' || *digits == '.'); n_digits--)
        digits++;
    for (size_t k = 0; k < n_digits; k++) {
        char c = digits[k];
        if (c == '.')
            continue;
        if (n < KEPT)
            text[n++] = c;
        else {
            exponent++;
            if (c != '0')
                text[KEPT - 1] = text[KEPT - 1] == '0' ? '1' : text[KEPT - 1];
        }
    }
    if (n == 0)
        return 0;
    exponent = exponent > 99999 ? 99999 : exponent < -99999 ? -99999 : exponent;
    snprintf(text + n, sizeof text - n, "e%d", (int)exponent);
    return strtod(text, NULL);
}

size_t parse_double(const char *text, size_t size, double *out)
{
    size_t at = 0, n_digits = 0, n_decimals = 0;
    bool negative = size > 0 && text[0] == '-';
    if (size > 0 && (text[0] == '-' || text[0] == '+'))
        at++;
    if (starts_with(text + at, size - at, "inf")) {
        *out = negative ? -HUGE_VAL : HUGE_VAL;
        return at + (starts_with(text + at, size - at, "infinity") ? 8 : 3);
    }
    if (starts_with(text + at, size - at, "nan")) {
        *out = negative ? -(double)NAN : (double)NAN;
        return at + 3;
    }
    size_t start = at;
    for (; at < size && is_digit(text[at]); at++)
        n_digits++;
    if (at < size && text[at] == '.')
        for (at++; at < size && is_digit(text[at]); at++)
            n_decimals++;
    if (n_digits + n_decimals == 0)
        return 0;
    size_t end = at;
    int64_t exponent = 0;
    if (at < size && (text[at] | 0x20) == 'e') {
        size_t p = at + 1;
        bool minus = p < size && text[p] == '-';
        if (p < size && (text[p] == '-' || text[p] == '+'))
            p++;
        if (p < size && is_digit(text[p])) {
            for (; p < size && is_digit(text[p]); p++)
                exponent = exponent > INT64_MAX / 16 ? exponent : exponent * 10 + (text[p] - '0');
            exponent = minus ? -exponent : exponent;
            at = p;
        }
    }
    double x = decimal_value(text + start, end - start, exponent - (int64_t)n_decimals);
    *out = negative ? -x : x;
    return at;
}

/* Takes out underscores that stand between digits; false if one stands elsewhere. */
static bool drop_underscores(StrBuf *sb)
{
    size_t to = 0;
    char before = '\0';
    for (size_t k = 0; k < sb->size; k++) {
        char c = sb->text[k];
        if (c == '_' ? !is_digit(before) : before == '_' && !is_digit(c))
            return false;
        if (c != '_')
            sb->text[to++] = c;
        before = c;
    }
    sb->size = to;
    sb->text[to] = '\0';
    return before != '_';
}

Value parse_float(VM *vm, Value s)
{
    StrBuf sb;
    double x = 0;
    if (to_ascii(vm, STR(s), &sb) != ALP_OK)
        return V_ERR;
    bool ok = drop_underscores(&sb) && sb.size > 0 && parse_double(sb.text, sb.size, &x) == sb.size;
    sb_free(&sb);
    return ok ? V_FLOAT(x) : bad_literal(vm, "could not convert string to float: ", s, INT32_MAX);
}

/* ---- complex ----------------------------------------------------------------------------------------------------- */

static bool is_j(char c)
{
    return c == 'j' || c == 'J';
}

/* number | [number] sign number? j, as CPython reads it: the part that ends in j is the imaginary one; a lone sign means 1. */
static bool read_complex(const char *text, size_t size, double *re, double *im)
{
    size_t at = parse_double(text, size, re);
    *im = 0;
    if (at > 0 && at == size)
        return true;
    if (at > 0 && (text[at] == '+' || text[at] == '-')) {
        size_t sign = at;
        size_t used = parse_double(text + at, size - at, im);
        at += used ? used : 1;
        if (!used)
            *im = text[sign] == '-' ? -1 : 1;
        return at + 1 == size && is_j(text[at]);
    }
    if (at == 0) {
        bool negative = size > 0 && text[0] == '-';
        at += size > 0 && (text[0] == '-' || text[0] == '+');
        *re = negative ? -1 : 1;
    }
    *im = *re;
    *re = 0;
    return at + 1 == size && is_j(text[at]);
}

Value parse_complex(VM *vm, Value s)
{
    StrBuf sb;
    double re = 0, im = 0;
    if (to_ascii(vm, STR(s), &sb) != ALP_OK)
        return V_ERR;
    if (!drop_underscores(&sb)) {
        sb_free(&sb);
        return bad_literal(vm, "could not convert string to complex: ", s, INT32_MAX);
    }
    const char *text = sb.text;
    size_t size = sb.size;
    if (size >= 2 && text[0] == '(' && text[size - 1] == ')') {
        for (text++, size -= 2; size > 0 && *text == ' '; size--)
            text++;
        while (size > 0 && text[size - 1] == ' ')
            size--;
    }
    bool ok = read_complex(text, size, &re, &im);
    sb_free(&sb);
    return ok ? complex_new(vm, re, im) : raise(vm, TY_ValueError, "complex() arg is a malformed string");
}

/* ---- int --------------------------------------------------------------------------------------------------------- */

static int digit_value(char c)
{
    return is_digit(c) ? c - '0' : c >= 'a' && c <= 'z' ? c - 'a' + 10 : c >= 'A' && c <= 'Z' ? c - 'A' + 10 : 36;
}

/* The prefix 0x, 0o or 0b that belongs to the base; base 0 takes any and then has its base. */
static bool accept_prefix(const char *text, size_t size, int64_t *base)
{
    if (size < 2 || text[0] != '0')
        return false;
    char kind = (char)(text[1] | 0x20);
    int64_t meant = kind == 'x' ? 16 : kind == 'o' ? 8 : kind == 'b' ? 2 : 0;
    if (meant == 0 || (*base != 0 && *base != meant))
        return false;
    *base = meant;
    return true;
}

typedef enum IntResult { INT_Ok, INT_Bad, INT_TooBig, INT_TooLong } IntResult;

static IntResult read_int(const char *text, size_t size, int64_t base, int64_t *out)
{
    enum { MAX_DIGITS = 4300 };     /* CPython's limit where the base is no power of two */
    size_t at = 0;
    bool negative = size > 0 && text[0] == '-', too_big = false;
    if (size > 0 && (text[0] == '-' || text[0] == '+'))
        at++;
    bool any_base = base == 0;
    if (accept_prefix(text + at, size - at, &base))
        at += text[at + 2] == '_' ? 3 : 2;
    else if (any_base)
        base = 10;
    bool zeros_only = any_base && base == 10 && at < size && text[at] == '0';   /* 010 is no number in base 0 */
    size_t n_digits = 0;
    uint64_t magnitude = 0;
    for (char before = '_'; at < size; at++) {
        char c = text[at];
        if (c == '_' && before == '_')
            return INT_Bad;
        before = c;
        if (c == '_') {
            if (at + 1 == size)
                return INT_Bad;
            continue;
        }
        int digit = digit_value(c);
        if (digit >= base || (zeros_only && digit != 0))
            return INT_Bad;
        too_big |= __builtin_mul_overflow(magnitude, (uint64_t)base, &magnitude);
        too_big |= __builtin_add_overflow(magnitude, (uint64_t)digit, &magnitude);
        n_digits++;
    }
    if (n_digits == 0)
        return INT_Bad;
    if (n_digits > MAX_DIGITS && (base & (base - 1)))
        return INT_TooLong;
    if (too_big || magnitude > (uint64_t)INT64_MAX + negative)
        return INT_TooBig;
    *out = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return INT_Ok;
}

Value parse_int(VM *vm, Value s, int64_t base)
{
    if ((base != 0 && base < 2) || base > 36)
        return raise(vm, TY_ValueError, "int() base must be >= 2 and <= 36, or 0");
    StrBuf sb;
    int64_t i = 0;
    if (to_ascii(vm, STR(s), &sb) != ALP_OK)
        return V_ERR;
    IntResult result = read_int(sb.text, sb.size, base, &i);
    size_t n_digits = 0;
    for (size_t k = 0; k < sb.size; k++)
        n_digits += is_digit(sb.text[k]);
    sb_free(&sb);
    char prefix[64];
    switch (result) {
    case INT_Ok:
        return V_INT(i);
    case INT_TooBig:
        return raise(vm, TY_OverflowError, "integer result does not fit in 64 bits");
    case INT_TooLong:
        return raise(vm, TY_ValueError, "Exceeds the limit (4300 digits) for integer string conversion: value has %zu digits; "
                     "use sys.set_int_max_str_digits() to increase the limit", n_digits);
    case INT_Bad:
        break;
    }
    snprintf(prefix, sizeof prefix, "invalid literal for int() with base %d: ", (int)base);
    return bad_literal(vm, prefix, s, 200);
}
