/* interp/format_percent.c — "…" % values. */
#include <math.h>
#include <string.h>

#include "interp/array.h"
#include "interp/format.h"
#include "interp/native.h"
#include "interp/ops.h"
#include "interp/residency.h"
#include "interp/seq.h"

/* One conversion: %[(key)][flags][width][.precision][length]type */
typedef struct Item {
    bool     left, plus, blank, alt, zero;      /* - + blank # 0 */
    int64_t  width, precision;                  /* -1: not given */
    uint32_t type;
} Item;

/* What is left of the format and of the values. */
typedef struct Job {
    VM          *vm;
    const Str   *fmt;
    size_t       at;
    Value        args;          /* tuple, or the only value */
    size_t       next, count;   /* values used, and there */
    bool         is_mapping;    /* args can be subscripted: "%(key)s" looks there, and unused values are no error */
    Value        keyed;         /* owned: the value of the last "%(key)"; T_Unbound: none */
} Job;

static Status fail(Job *j, TypeId type, const char *text)
{
    raise(j->vm, type, "%s", text);
    return ALP_FAIL;
}

static Status next_value(Job *j, Value *out)
{
    if (j->keyed.tag != T_Unbound) {
        *out = j->keyed;
        return ALP_OK;
    }
    if (j->next >= j->count)
        return fail(j, TY_TypeError, "not enough arguments for format string");
    *out = j->args.tag == T_Tuple ? TUPLE(j->args)->item[j->next] : j->args;
    j->next++;
    return ALP_OK;
}

/* ---- reading a conversion ---------------------------------------------------------------------------------------- */

/* The next character, NUL behind the end. */
static char peek(const Job *j)
{
    return j->at < j->fmt->size ? j->fmt->text[j->at] : '\0';
}

static Status read_key(Job *j)
{
    if (!j->is_mapping)
        return fail(j, TY_TypeError, "format requires a mapping");
    size_t start = ++j->at;
    for (int depth = 1; depth > 0; j->at++) {
        if (j->at >= j->fmt->size)
            return fail(j, TY_ValueError, "incomplete format key");
        depth += peek(j) == '(' ? 1 : peek(j) == ')' ? -1 : 0;
    }
    Value key = str_new(j->vm, j->fmt->text + start, j->at - 1 - start);
    if (IS_ERR(key))
        return ALP_FAIL;
    Value v = op_index(j->vm, j->args, key);
    value_free(j->vm, key);
    if (IS_ERR(v))
        return ALP_FAIL;
    value_set(j->vm, &j->keyed, v);
    return ALP_OK;
}

/* Digits or '*'; *out stays if there are none. */
static Status read_number(Job *j, int64_t max, const char *too_big, int64_t *out, bool *starred)
{
    if (peek(j) == '*') {
        Value v;
        j->at++;
        *starred = true;
        TRY(next_value(j, &v));
        if (v.tag != T_Int && v.tag != T_Bool)
            return fail(j, TY_TypeError, "* wants int");
        *out = v.u.i;
        return ALP_OK;
    }
    for (; peek(j) >= '0' && peek(j) <= '9'; j->at++) {
        int64_t n = *out < 0 ? 0 : *out;
        if (n > (max - (peek(j) - '0')) / 10)
            return fail(j, TY_ValueError, too_big);
        *out = n * 10 + (peek(j) - '0');
    }
    return ALP_OK;
}

static Status read_item(Job *j, Item *item)
{
    bool starred = false;
    *item = (Item){ .width = -1, .precision = -1 };
    if (peek(j) == '(')
        TRY(read_key(j));
    for (;; j->at++) {
        switch (peek(j)) {
        case '-': item->left = true; continue;
        case '+': item->plus = true; continue;
        case ' ': item->blank = true; continue;
        case '#': item->alt = true; continue;
        case '0': item->zero = true; continue;
        }
        break;
    }
    TRY(read_number(j, INT64_MAX, "width too big", &item->width, &starred));
    if (starred && item->width < 0) {
        item->left = true;
        item->width = item->width == INT64_MIN ? INT64_MAX : -item->width;
    }
    if (peek(j) == '.') {
        j->at++;
        starred = false;
        TRY(read_number(j, INT32_MAX, "precision too big", &item->precision, &starred));
        if (item->precision != (int32_t)item->precision)
            return fail(j, TY_OverflowError, "Python int too large to convert to C int");
        if (item->precision < 0)
            item->precision = 0;
    }
    if (peek(j) == 'h' || peek(j) == 'l' || peek(j) == 'L')
        j->at++;
    if (j->at >= j->fmt->size)
        return fail(j, TY_ValueError, "incomplete format");
    item->type = utf8_next(j->fmt->text, j->fmt->size, &j->at);
    return ALP_OK;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

/* text (`length` characters) in its width; numbers: after their sign and 0x prefix, which text does not have, zeros may fill. */
static void put_item(StrBuf *sb, const Item *item, const char *sign, const char *prefix, const char *text, size_t size,
                     size_t length, bool is_number)
{
    int64_t room = item->width - (int64_t)(strlen(sign) + strlen(prefix) + length);
    bool zeros = is_number && item->zero && !item->left;
    if (room > 0 && !item->left && !zeros)
        sb_pad(sb, ' ', (size_t)room);
    sb_putz(sb, sign);
    sb_putz(sb, prefix);
    if (room > 0 && zeros)
        sb_pad(sb, '0', (size_t)room);
    sb_put(sb, text, size);
    if (room > 0 && item->left)
        sb_pad(sb, ' ', (size_t)room);
}

static const char *sign_of(const Item *item, bool negative)
{
    return negative ? "-" : item->plus ? "+" : item->blank ? " " : "";
}

static Status put_text(Job *j, StrBuf *sb, const Item *item, ALP_TAKE Value v)
{
    if (IS_ERR(v))
        return ALP_FAIL;
    const Str *s = STR(v);
    size_t size = s->size, length = s->length;
    if (item->precision >= 0 && (uint64_t)item->precision < length) {
        length = (size_t)item->precision;
        size = str_offset(s, length);
    }
    put_item(sb, item, "", "", s->text, size, length, false);
    value_free(j->vm, v);
    return ALP_OK;
}

/* Zero-dimensional arrays count as their element.  Owned. */
static Value unwrap(VM *vm, Value v)
{
    if (v.tag != T_Array || ARRAY(v)->ndim > 0)
        return value_ref(v);
    return value_to_host(vm, v, HOST_Read) == ALP_OK ? array_load(vm, (DType)ARRAY(v)->dtype, ARRAY(v)->data) : V_ERR;
}

static Status wrong_type(Job *j, const Item *item, Value v)
{
    bool decimal = item->type == 'd' || item->type == 'i' || item->type == 'u';
    raise(j->vm, TY_TypeError, "%%%c format: %s is required, not %s", (int)item->type, decimal ? "a real number" : "an integer",
          value_type_name(v));
    return ALP_FAIL;
}

static Status put_int(Job *j, StrBuf *sb, const Item *item, Value given)
{
    unsigned base = item->type == 'o' ? 8 : item->type == 'x' || item->type == 'X' ? 16 : 10;
    const char *figures = item->type == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
    const char *prefix = !item->alt || base == 10 ? "" : base == 8 ? "0o" : item->type == 'x' ? "0x" : "0X";
    char text[FMT_FIXED_SIZE], *digits = text + sizeof text;
    size_t count;
    bool negative;
    double x, im;
    Value v = unwrap(j->vm, given);
    if (IS_ERR(v))
        return ALP_FAIL;
    bool is_int = v.tag == T_Int || v.tag == T_Bool || (v.tag >= T_NpI8 && v.tag <= T_NpU64) || (v.tag == T_NpBool && base == 10);
    if (is_int) {
        negative = v.tag < T_NpU8 && v.u.i < 0;
        uint64_t magnitude = negative ? 0 - v.u.u : v.u.u;
        do {
            *--digits = figures[magnitude % base];
            magnitude /= base;
        } while (magnitude);
        count = (size_t)(text + sizeof text - digits);
    } else {
        bool real = base == 10 && v.tag != T_Complex && value_as_complex(v, &x, &im);
        value_free(j->vm, v);
        if (!real)
            return wrong_type(j, item, given);
        if (!isfinite(x))
            return isnan(x) ? fail(j, TY_ValueError, "cannot convert float NaN to integer")
                            : fail(j, TY_OverflowError, "cannot convert float infinity to integer");
        x = trunc(x);
        negative = x < 0;
        digits = text;
        count = fmt_fixed(text, fabs(x), 0);
    }
    if (item->precision <= (int64_t)count) {
        put_item(sb, item, sign_of(item, negative), prefix, digits, count, count, true);
        return ALP_OK;
    }
    StrBuf padded;
    sb_init(&padded, j->vm);
    sb_pad(&padded, '0', (size_t)item->precision - count);
    sb_put(&padded, digits, count);
    if (!padded.failed)
        put_item(sb, item, sign_of(item, negative), prefix, padded.text, padded.size, padded.size, true);
    Status done = padded.failed ? ALP_FAIL : ALP_OK;
    sb_free(&padded);
    return done;
}

static Status put_float(Job *j, StrBuf *sb, const Item *item, Value given)
{
    double x, im;
    Value v = unwrap(j->vm, given);
    if (IS_ERR(v))
        return ALP_FAIL;
    Status known = v.tag != T_Complex && value_as_complex(v, &x, &im) ? ALP_OK : arg_float(j->vm, v, &x);
    value_free(j->vm, v);
    TRY(known);
    StrBuf number;
    sb_init(&number, j->vm);
    sb_put_double(&number, x, (char)item->type, item->precision < 0 ? 6 : item->precision, item->alt ? FMT_Alt : 0);
    bool negative = !number.failed && number.text[0] == '-';
    size_t skip = negative;
    if (!number.failed)
        put_item(sb, item, sign_of(item, negative), "", number.text + skip, number.size - skip, number.size - skip, true);
    Status done = number.failed ? ALP_FAIL : ALP_OK;
    sb_free(&number);
    return done;
}

static Status put_char(Job *j, StrBuf *sb, const Item *item, Value given)
{
    if (given.tag == T_Str) {
        if (STR(given)->length != 1)
            return fail(j, TY_TypeError, "%c requires int or char");
        put_item(sb, item, "", "", STR(given)->text, STR(given)->size, 1, false);
        return ALP_OK;
    }
    Value v = unwrap(j->vm, given);
    if (IS_ERR(v))
        return ALP_FAIL;
    bool is_int = v.tag == T_Int || v.tag == T_Bool || (v.tag >= T_NpI8 && v.tag <= T_NpU64);
    value_free(j->vm, v);
    if (!is_int)
        return fail(j, TY_TypeError, "%c requires int or char");
    if (v.u.u > 0x10FFFF)
        return fail(j, TY_OverflowError, "%c arg not in range(0x110000)");
    char bytes[4];
    put_item(sb, item, "", "", bytes, utf8_put(bytes, (uint32_t)v.u.u), 1, false);
    return ALP_OK;
}

static Status put_conversion(Job *j, StrBuf *sb)
{
    Item item;
    Value v;
    if (peek(j) == '%') {
        j->at++;
        sb_putc(sb, '%');
        return ALP_OK;
    }
    TRY(read_item(j, &item));
    TRY(next_value(j, &v));
    switch (item.type) {
    case 's':
        return put_text(j, sb, &item, value_str(j->vm, v));
    case 'r':
        return put_text(j, sb, &item, value_repr(j->vm, v));
    case 'a':
        return put_text(j, sb, &item, value_ascii(j->vm, v));
    case 'd': case 'i': case 'u': case 'o': case 'x': case 'X':
        return put_int(j, sb, &item, v);
    case 'e': case 'E': case 'f': case 'F': case 'g': case 'G':
        return put_float(j, sb, &item, v);
    case 'c':
        return put_char(j, sb, &item, v);
    }
    size_t index = utf8_count(j->fmt->text, j->at) - 1;
    raise(j->vm, TY_ValueError, "unsupported format character '%c' (0x%x) at index %zu",
          item.type > 31 && item.type < 128 ? (int)item.type : '?', item.type, index);
    return ALP_FAIL;
}

Value str_format_percent(VM *vm, Value fmt, Value args)
{
    bool tuple = args.tag == T_Tuple;
    Job j = { .vm = vm, .fmt = STR(fmt), .args = args, .count = tuple ? TUPLE(args)->count : 1, .keyed = V_UNBOUND };
    j.is_mapping = args.tag == T_List || args.tag == T_Range || args.tag == T_Array || args.tag == T_Dtype || IS_NPSCALAR(args) ||
                   (args.tag == T_Foreign && FOREIGN(args)->cls->index);
    StrBuf sb;
    sb_init(&sb, vm);
    while (j.at < j.fmt->size && !sb.failed) {
        const char *text = j.fmt->text + j.at, *hit = memchr(text, '%', j.fmt->size - j.at);
        size_t plain = hit ? (size_t)(hit - text) : j.fmt->size - j.at;
        sb_put(&sb, text, plain);
        j.at += plain;
        if (!hit)
            break;
        j.at++;
        if (put_conversion(&j, &sb) != ALP_OK)
            sb_fail(&sb);
        else if (j.keyed.tag != T_Unbound)
            j.next = j.count;       /* a keyed value uses up the rest, as in CPython */
    }
    value_free(vm, j.keyed);
    if (!sb.failed && j.next < j.count && !j.is_mapping) {
        raise(vm, TY_TypeError, "not all arguments converted during string formatting");
        sb_fail(&sb);
    }
    return sb_finish(&sb);
}
