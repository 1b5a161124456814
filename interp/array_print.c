/* interp/array_print.c — str() and repr() of arrays as NumPy 2 writes them.
 *
 * Two passes over the elements that are shown: the first finds how wide they get and whether floats need an exponent, the second
 * writes them.  Digits of floats are the shortest that name the element, rounded to `precision` decimals where they are more. */
#include <math.h>
#include <string.h>

#include "interp/array.h"
#include "interp/array_print.h"
#include "interp/residency.h"

/* ---- one float --------------------------------------------------------------------------------------------------- */

/* How all floats of an array, or their real or imaginary parts, are written. */
typedef struct FloatFormat {
    bool single;            /* float32 */
    bool scientific;
    bool unique;            /* shortest digits; else always `precision` decimals */
    bool keep_zeros;        /* trailing zeros stay */
    char sign;
    int  precision;         /* most decimals; -1: no limit */
    int  min_decimals;
    int  pad_left, pad_right;       /* width in front of the point, and behind it */
    int  exponent_size;     /* digits of the exponent */
    /* found by looking at the elements */
    bool   any_finite, any_special, any_negative_inf, any_negative;
    double min, max;        /* magnitudes, zeros not counted; max 0: none */
} FloatFormat;

/* The parts of a number's text. */
typedef struct Number {
    const char *whole, *decimals;
    int  n_whole, n_decimals;
    int  exponent;
    char text[FMT_FIXED_SIZE];
} Number;

static void split_at(Number *n, int n_whole, int size)
{
    n->whole = n->text;
    n->n_whole = n_whole;
    n->decimals = n->text + n_whole;
    n->n_decimals = size - n_whole;
}

/* Digits 0.d1d2… * 10**exponent, laid out in full. */
static void split_digits(Number *n, const char *digits, int count, int exponent)
{
    int lead = exponent <= 0 ? 1 - exponent : 0, n_whole = exponent <= 0 ? 1 : exponent;
    memset(n->text, '0', (size_t)lead);
    memcpy(n->text + lead, digits, (size_t)count);
    int size = lead + count;
    if (size < n_whole) {
        memset(n->text + size, '0', (size_t)(n_whole - size));
        size = n_whole;
    }
    split_at(n, n_whole, size);
}

static void split_fixed(Number *n, double x, int places)
{
    int size = (int)fmt_fixed(n->text, x, places), n_whole = places ? size - places - 1 : size;
    split_at(n, n_whole, size);
    if (places) {
        n->decimals++;
        n->n_decimals--;
    }
}

/* Splits x >= 0 into the parts that the format shows. */
static void split(const FloatFormat *f, double x, Number *n)
{
    char digits[20] = "0", exact[FMT_EXACT_MAX + 1];
    const char *shown = digits;
    int count = 1, exponent = 1, decimals;
    if (x != 0 && f->unique)
        count = fmt_shortest_digits(x, f->single, digits, &exponent);
    decimals = f->scientific ? count - 1 : count > exponent && x != 0 ? count - exponent : 0;
    int wanted = decimals;
    if (!f->unique || (f->precision >= 0 && decimals > f->precision))
        wanted = f->precision;
    else if (f->min_decimals > decimals)
        wanted = f->min_decimals;
    if (!f->scientific) {
        if (f->unique && wanted == decimals)
            split_digits(n, digits, count, exponent);
        else
            split_fixed(n, x, wanted);
    } else {
        if (x == 0) {
            memset(exact, '0', (size_t)wanted + 1);
            shown = exact;
        } else if (!f->unique || wanted != decimals) {
            fmt_exact_digits(x, wanted + 1, exact, &exponent);
            shown = exact;
        }
        memcpy(n->text, shown, (size_t)wanted + 1);
        split_at(n, 1, wanted + 1);
        n->exponent = exponent - 1;
    }
    while (!f->keep_zeros && n->n_decimals > 0 && n->decimals[n->n_decimals - 1] == '0')
        n->n_decimals--;
}

static char sign_of(const FloatFormat *f, double x)
{
    return signbit(x) ? '-' : f->sign == '+' ? '+' : 0;
}

static int exponent_digits(int exponent)
{
    return exponent >= 100 || exponent <= -100 ? 3 : 2;
}

static void put_exponent(StrBuf *sb, int exponent, int size)
{
    sb_putc(sb, 'e');
    sb_putc(sb, exponent < 0 ? '-' : '+');
    exponent = exponent < 0 ? -exponent : exponent;
    if (size > 2)
        sb_putc(sb, (char)('0' + exponent / 100));
    sb_putc(sb, (char)('0' + exponent / 10 % 10));
    sb_putc(sb, (char)('0' + exponent % 10));
}

static void put_spaces(StrBuf *sb, int64_t n)
{
    if (n > 0)
        sb_pad(sb, ' ', (size_t)n);
}

static void put_float(StrBuf *sb, const FloatFormat *f, double x)
{
    char sign = sign_of(f, x);
    if (!isfinite(x)) {
        if (isnan(x))
            sign = f->sign == '+' ? '+' : 0;
        put_spaces(sb, f->pad_left + f->pad_right + 1 - 3 - (sign != 0));
        if (sign)
            sb_putc(sb, sign);
        sb_put(sb, isnan(x) ? "nan" : "inf", 3);
        return;
    }
    Number n;
    split(f, fabs(x), &n);
    put_spaces(sb, f->pad_left - n.n_whole - (sign != 0));
    if (sign)
        sb_putc(sb, sign);
    sb_put(sb, n.whole, (size_t)n.n_whole);
    sb_putc(sb, '.');
    sb_put(sb, n.decimals, (size_t)n.n_decimals);
    if (f->scientific)
        put_exponent(sb, n.exponent, f->exponent_size);
    else
        put_spaces(sb, f->pad_right - n.n_decimals);
}

/* ---- finding the format of all floats ---------------------------------------------------------------------------- */

static void look_at_magnitude(FloatFormat *f, double x)
{
    if (!isfinite(x)) {
        f->any_special = true;
        f->any_negative_inf |= x < 0;
        return;
    }
    f->any_finite = true;
    f->any_negative |= signbit(x) != 0;
    x = fabs(x);
    if (x == 0)
        return;
    f->min = f->max == 0 || x < f->min ? x : f->min;
    f->max = x > f->max ? x : f->max;
}

/* NumPy decides in the element's own precision. */
static bool needs_exponent(const FloatFormat *f, bool suppress)
{
    if (f->max == 0)
        return false;
    if (f->single) {
        float max = (float)f->max, min = (float)f->min, ratio = max / min;
        return max >= 1e6f || (!suppress && (min < 0.0001f || ratio > 1000.f));
    }
    return f->max >= 1e8 || (!suppress && (f->min < 0.0001 || f->max / f->min > 1000));
}

static void look_at_width(FloatFormat *f, double x)
{
    if (!isfinite(x))
        return;
    Number n;
    split(f, fabs(x), &n);
    int left = n.n_whole + (sign_of(f, x) != 0);
    f->pad_left = left > f->pad_left ? left : f->pad_left;
    f->pad_right = n.n_decimals > f->pad_right ? n.n_decimals : f->pad_right;
    int size = f->scientific ? exponent_digits(n.exponent) : 0;
    f->exponent_size = size > f->exponent_size ? size : f->exponent_size;
}

static void begin_format(FloatFormat *f, const PrintOptions *o, char sign)
{
    f->scientific = needs_exponent(f, o->suppress);
    f->sign = sign;
    f->unique = o->float_mode != 'f';
    f->keep_zeros = !f->unique;
    /* no double has more digits than that */
    int precision = o->precision < FMT_EXACT_MAX ? o->precision : FMT_EXACT_MAX - 1;
    f->precision = o->float_mode == 'u' ? -1 : precision;
    f->min_decimals = -1;
}

static void finish_format(FloatFormat *f, const PrintOptions *o)
{
    if (f->any_finite && f->scientific) {
        f->keep_zeros = true;
        f->precision = f->min_decimals = f->pad_right;
        f->pad_right += f->exponent_size + 2;
    } else if (f->any_finite && (o->float_mode == 'f' || o->float_mode == 'e')) {
        f->keep_zeros = true;
        f->precision = f->min_decimals = f->pad_right;
    }
    if (f->sign == ' ' && !f->any_negative)
        f->pad_left++;
    if (f->any_special) {
        bool signed_inf = f->sign != '-' || f->any_negative_inf;
        int room = 3 + signed_inf - (f->pad_right + 1);
        f->pad_left = room > f->pad_left ? room : f->pad_left;
    }
}

/* ---- elements ---------------------------------------------------------------------------------------------------- */

typedef struct Printer {
    StrBuf      *out;
    StrBuf       word;          /* the element being written */
    const Array *a;
    DType        dtype;
    bool         summary;       /* long axes show their ends only */
    int64_t      edge;
    const PrintOptions *options;
    PrintLayout  layout;
    size_t       n_separator;   /* bytes of the separator without blanks at its end */
    FloatFormat  re, im;
    int64_t      int_width;
    char         int_sign;
    uint64_t     max_positive, max_negative;    /* magnitudes of the extreme integers */
    bool         any_positive, any_negative;
    uint32_t     n_shown;
} Printer;

typedef void Visit(Printer *p, const char *element);

static double load_part(DType d, const char *element, bool imaginary)
{
    if (d == DT_F32 || d == DT_C64) {
        float x;
        memcpy(&x, element + (imaginary ? 4 : 0), sizeof x);
        return (double)x;
    }
    double x;
    memcpy(&x, element + (imaginary ? 8 : 0), sizeof x);
    return x;
}

static bool is_complex(DType d)
{
    return d == DT_C64 || d == DT_C128;
}

/* Magnitude of an integer element, and whether it is negative. */
static uint64_t load_magnitude(DType d, const char *element, bool *negative)
{
    Value v = array_load(NULL, d, element);     /* integers need no memory */
    *negative = d < DT_U8 && v.u.i < 0;
    return *negative ? 0 - v.u.u : v.u.u;
}

static void look_at_element(Printer *p, const char *element)
{
    if (dtype_info[p->dtype].kind == 'b')
        return;
    if (p->dtype >= DT_F32) {
        look_at_magnitude(&p->re, load_part(p->dtype, element, false));
        if (is_complex(p->dtype))
            look_at_magnitude(&p->im, load_part(p->dtype, element, true));
        return;
    }
    bool negative;
    uint64_t x = load_magnitude(p->dtype, element, &negative);
    uint64_t *max = negative ? &p->max_negative : &p->max_positive;
    *max = x > *max ? x : *max;
    p->any_negative |= negative;
    p->any_positive |= !negative;
}

static void look_at_digits(Printer *p, const char *element)
{
    look_at_width(&p->re, load_part(p->dtype, element, false));
    if (is_complex(p->dtype))
        look_at_width(&p->im, load_part(p->dtype, element, true));
}

/* Calls visit for the elements that are shown. */
static void each_shown(Printer *p, int axis, const char *data, Visit *visit)
{
    const Array *a = p->a;
    if (axis == a->ndim) {
        visit(p, data);
        return;
    }
    int64_t n = a->shape[axis];
    for (int64_t i = 0; i < n; i++) {
        if (p->summary && p->edge > 0 && n > 2 * p->edge && i == p->edge)
            i = n - p->edge;
        each_shown(p, axis + 1, data + i * a->strides[axis], visit);
    }
}

static int decimal_size(uint64_t x)
{
    int n = 1;
    for (; x >= 10; x /= 10)
        n++;
    return n;
}

static void choose_format(Printer *p)
{
    const PrintOptions *o = p->options;
    p->re.single = p->im.single = p->dtype == DT_F32 || p->dtype == DT_C64;
    each_shown(p, 0, p->a->data, look_at_element);
    if (p->dtype >= DT_F32) {
        begin_format(&p->re, o, o->sign);
        begin_format(&p->im, o, '+');
        each_shown(p, 0, p->a->data, look_at_digits);
        finish_format(&p->re, o);
        finish_format(&p->im, o);
        return;
    }
    /* the largest and the smallest integer are the widest */
    p->int_sign = o->sign == ' ' && p->any_negative ? '-' : o->sign;
    if (p->any_positive)
        p->int_width = decimal_size(p->max_positive) + (p->int_sign != '-');
    if (p->any_negative && decimal_size(p->max_negative) + 1 > p->int_width)
        p->int_width = decimal_size(p->max_negative) + 1;
}

static void put_int_element(Printer *p, const char *element)
{
    bool negative;
    uint64_t x = load_magnitude(p->dtype, element, &negative);
    char sign = negative ? '-' : p->int_sign == '-' ? 0 : p->int_sign;
    put_spaces(&p->word, p->int_width - decimal_size(x) - (sign != 0));
    if (sign)
        sb_putc(&p->word, sign);
    sb_put_uint(&p->word, x);
}

static void put_element(Printer *p, const char *element)
{
    StrBuf *w = &p->word;
    w->size = 0;
    if (p->dtype == DT_Bool) {
        sb_putz(w, *element ? p->a->ndim ? " True" : "True" : "False");
    } else if (p->dtype < DT_F32) {
        put_int_element(p, element);
    } else {
        put_float(w, &p->re, load_part(p->dtype, element, false));
        if (is_complex(p->dtype)) {
            put_float(w, &p->im, load_part(p->dtype, element, true));
            /* the j stands in front of the blanks that pad the imaginary part */
            size_t blanks = 0;
            while (blanks < w->size && w->text[w->size - 1 - blanks] == ' ')
                blanks++;
            w->size -= blanks;
            sb_putc(w, 'j');
            sb_pad(w, ' ', blanks);
        }
    }
    if ((++p->n_shown & 0xFFF) == 0 && vm_poll(w->vm) != ALP_OK)
        sb_fail(w);
    if (w->failed)
        sb_fail(p->out);
}

/* ---- lines and brackets ------------------------------------------------------------------------------------------ */

static void drop_blanks(StrBuf *sb)
{
    while (!sb->failed && sb->size > 0 && sb->text[sb->size - 1] == ' ')
        sb->size--;
}

static void new_line(StrBuf *sb, int64_t indent)
{
    sb_putc(sb, '\n');
    put_spaces(sb, indent);
}

/* A word on the current line, or on the next one where it would not fit and that helps. */
static void put_word(Printer *p, const char *text, size_t size, int64_t *column, int64_t width, int64_t indent)
{
    if (*column + (int64_t)size > width && *column > indent) {
        drop_blanks(p->out);
        new_line(p->out, indent);
        *column = indent;
    }
    sb_put(p->out, text, size);
    *column += (int64_t)size;
}

static void put_separator(Printer *p, int64_t *column)
{
    size_t size = strlen(p->layout.separator);
    sb_put(p->out, p->layout.separator, size);
    *column += (int64_t)size;
}

/* One bracketed row of elements. indent: columns that its lines are indented by; width: what a line may take. */
static void put_row(Printer *p, const char *data, int64_t indent, int64_t width)
{
    int64_t n = p->a->shape[p->a->ndim - 1], stride = p->a->strides[p->a->ndim - 1], column = indent;
    bool cut = p->summary && 2 * p->edge < n;
    width -= p->n_separator > 1 ? (int64_t)p->n_separator : 1;
    sb_putc(p->out, '[');
    for (int64_t i = 0; i < n && !p->out->failed; i++) {
        if (cut && i == p->edge) {
            put_word(p, "...", 3, &column, width, indent);
            put_separator(p, &column);
            i = p->edge > 0 ? n - p->edge : n - 1;
        }
        put_element(p, data + i * stride);
        if (!p->word.failed)
            put_word(p, p->word.text, p->word.size, &column, width, indent);
        if (i + 1 < n)
            put_separator(p, &column);
    }
    sb_putc(p->out, ']');
}

static void put_axes(Printer *p, int axis, const char *data, int64_t indent, int64_t width)
{
    const Array *a = p->a;
    int left = a->ndim - axis;
    if (left == 0) {
        put_element(p, data);
        if (!p->word.failed)
            sb_put(p->out, p->word.text, p->word.size);
        return;
    }
    if (left == 1) {
        put_row(p, data, indent, width);
        return;
    }
    int64_t n = a->shape[axis];
    bool cut = p->summary && 2 * p->edge < n;
    sb_putc(p->out, '[');
    for (int64_t i = 0; i < n && !p->out->failed; i++) {
        if (i > 0) {
            sb_put(p->out, p->layout.separator, p->n_separator);
            sb_pad(p->out, '\n', (size_t)left - 2);
            new_line(p->out, indent);
        }
        if (cut && i == p->edge) {
            sb_put(p->out, "...", 3);
            i = (p->edge > 0 ? n - p->edge : n - 1) - 1;
            cut = false;
            continue;
        }
        put_axes(p, axis + 1, data + i * a->strides[axis], indent + 1, width - 1);
    }
    sb_putc(p->out, ']');
}

void sb_put_elements(StrBuf *sb, Value v, const PrintOptions *options, PrintLayout layout)
{
    const Array *a = ARRAY(v);
    if (array_to_host(sb->vm, a, HOST_Read) != ALP_OK) {
        sb_fail(sb);
        return;
    }
    if (a->size == 0) {
        sb_put(sb, "[]", 2);
        return;
    }
    Printer p = { .out = sb, .a = a, .dtype = (DType)a->dtype, .options = options, .layout = layout };
    if (p.dtype >= DT_F32 && options->precision < 0 && options->float_mode != 'u') {
        raise(sb->vm, TY_ValueError, "precision must be >= 0");
        sb_fail(sb);
        return;
    }
    p.summary = (double)a->size > options->threshold;
    p.edge = options->edge_items > 0 ? options->edge_items : 0;
    p.n_separator = strlen(layout.separator);
    while (p.n_separator > 0 && layout.separator[p.n_separator - 1] == ' ')
        p.n_separator--;
    sb_init(&p.word, sb->vm);
    choose_format(&p);
    put_axes(&p, 0, a->data, layout.prefix_size + 1, options->line_width);
    sb_free(&p.word);
}

/* ---- str and repr ------------------------------------------------------------------------------------------------ */

static bool dtype_is_implied(DType d)
{
    return d == DT_Bool || d == DT_I64 || d == DT_F64 || d == DT_C128;
}

static void put_shape(StrBuf *sb, const Array *a)
{
    sb_putz(sb, "shape=(");
    for (int k = 0; k < a->ndim; k++) {
        if (k)
            sb_put(sb, ", ", 2);
        sb_put_int(sb, a->shape[k]);
    }
    sb_putz(sb, a->ndim == 1 ? ",)" : ")");
}

void sb_put_array_repr(StrBuf *sb, Value v, const PrintOptions *options)
{
    static const char prefix[] = "array(";
    const int64_t prefix_size = sizeof prefix - 1;
    const Array *a = ARRAY(v);
    size_t start = sb->size;
    PrintOptions inner = *options;
    inner.line_width -= 1;      /* for the closing parenthesis */
    sb_put(sb, prefix, sizeof prefix - 1);
    sb_put_elements(sb, v, &inner, (PrintLayout){ ", ", prefix_size });
    if (sb->failed)
        return;
    StrBuf extra;
    sb_init(&extra, sb->vm);
    bool shape = (a->size == 0 && !(a->ndim == 1 && a->shape[0] == 0)) || (double)a->size > options->threshold;
    if (shape)
        put_shape(&extra, a);
    if (!dtype_is_implied((DType)a->dtype) || a->size == 0)
        sb_printf(&extra, "%sdtype=%s", shape ? ", " : "", dtype_info[a->dtype].name);
    if (extra.size > 0) {
        sb_putc(sb, ',');
        size_t line = sb->size;
        while (line > start && sb->text[line - 1] != '\n')
            line--;
        if ((int64_t)(sb->size - line + extra.size + 2) > options->line_width)
            new_line(sb, prefix_size);
        else
            sb_putc(sb, ' ');
        sb_put(sb, extra.text, extra.size);
    }
    sb_putc(sb, ')');
    sb_free(&extra);
}

const PrintOptions *print_options(const VM *vm)
{
    static const PrintOptions defaults = {
        .is_set = true, .float_mode = 'm', .sign = '-', .precision = 8, .edge_items = 3, .line_width = 75, .threshold = 1000,
    };
    return vm->print_options.is_set ? &vm->print_options : &defaults;
}

void sb_put_array(StrBuf *sb, Value v, bool repr)
{
    const Array *a = ARRAY(v);
    if (repr) {
        sb_put_array_repr(sb, v, print_options(sb->vm));
    } else if (a->ndim == 0) {
        /* like its element, all digits shown */
        Value element = array_to_host(sb->vm, a, HOST_Read) == ALP_OK ? array_load(sb->vm, (DType)a->dtype, a->data) : V_ERR;
        if (IS_ERR(element)) {
            sb_fail(sb);
            return;
        }
        sb_put_value(sb, element);
        value_free(sb->vm, element);
    } else {
        sb_put_elements(sb, v, print_options(sb->vm), (PrintLayout){ " ", 0 });
    }
}
