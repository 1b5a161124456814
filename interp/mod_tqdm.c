/* interp/mod_tqdm.c — the module tqdm: a progress bar on standard error when that is a terminal, nothing elsewhere.
 *
 * A bar is an Iter (IT_Tqdm): its source is what it iterates, its state the Bar below.  The text is tqdm's:
 *     desc:  45%|████▌     | 45/100 [00:01<00:01, 40.20it/s, postfix]
 * Drawing never fails: a lost bar is no reason to end a program. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include "interp/format.h"
#include "interp/iter.h"
#include "interp/module.h"
#include "interp/ops.h"
#include "interp/seq.h"
#include "interp/stream.h"

/* Parameters of tqdm() in order. */
enum {
    P_iterable, P_desc, P_total, P_leave, P_file, P_ncols, P_mininterval, P_maxinterval, P_miniters, P_ascii, P_disable,
    P_unit, P_unit_scale, P_dynamic_ncols, P_smoothing, P_bar_format, P_initial, P_position, P_postfix, P_unit_divisor,
    P_write_bytes, P_lock_args, P_nrows, P_colour, P_delay, P_gui, P_COUNT
};

static const char *const param_name[P_COUNT] = {
    "iterable", "desc", "total", "leave", "file", "ncols", "mininterval", "maxinterval", "miniters", "ascii", "disable",
    "unit", "unit_scale", "dynamic_ncols", "smoothing", "bar_format", "initial", "position", "postfix", "unit_divisor",
    "write_bytes", "lock_args", "nrows", "colour", "delay", "gui",
};

/* Exponential moving average, corrected for its start from 0. */
typedef struct Average { double last, weight_left; } Average;

typedef struct Bar {
    Value  iterable;            /* T_None: only update() moves the bar */
    Value  desc, postfix, unit; /* Str or None */
    double n, initial, total;   /* total < 0: unknown */
    double start_s, last_s, last_n, min_interval_s, delay_s, smoothing, divisor;
    Average dn, dt;
    int    stream;              /* 0: quiet */
    int    position;            /* rows below the first bar */
    int    ncols;               /* < 0: width of the terminal */
    size_t last_width;          /* of the text that is on the screen */
    bool   leave, ascii, unit_scale, closed;
} Bar;

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static Bar *bar_of(Value v)
{
    return ITER(v)->state;
}

/* ---- the text ------------------------------------------------------------------------------------------------------------ */

static void put_interval(StrBuf *sb, double seconds)
{
    long long s = seconds < 1e15 ? (long long)seconds : 0, m = s / 60, h = m / 60;
    if (h)
        sb_printf(sb, "%lld:", h);
    sb_printf(sb, "%02lld:%02lld", m % 60, s % 60);
}

/* Three digits and a power of the divisor. */
static void put_scaled(StrBuf *sb, double x, double divisor)
{
    static const char *const unit[] = { "", "k", "M", "G", "T", "P", "E", "Z" };
    for (size_t i = 0; i < COUNT_OF(unit); i++, x /= divisor)
        if (fabs(x) < 999.5) {
            sb_printf(sb, "%.*f%s", fabs(x) < 9.995 ? 2 : fabs(x) < 99.95 ? 1 : 0, x, unit[i]);
            return;
        }
    sb_printf(sb, "%3.1fY", x);
}

static void put_count(StrBuf *sb, const Bar *b, double x)
{
    char text[FMT_DOUBLE_MAX];
    if (b->unit_scale)
        put_scaled(sb, x, b->divisor);
    else if (x == floor(x) && fabs(x) < 1e15)
        sb_printf(sb, "%lld", (long long)x);
    else
        sb_put(sb, text, fmt_double(text, x));
}

static const char *text_of(Value v, const char *otherwise)
{
    return v.tag == T_Str ? STR(v)->text : otherwise;
}

static size_t width_of(const char *text, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < size; i++)
        n += ((unsigned char)text[i] & 0xc0) != 0x80;
    return n;
}

/* Cut to `width` characters. */
static void trim(StrBuf *sb, size_t width)
{
    size_t i = 0, n = 0;
    while (i < sb->size && n < width) {
        i++;
        while (i < sb->size && ((unsigned char)sb->text[i] & 0xc0) == 0x80)
            i++;
        n++;
    }
    sb->size = i;
}

/* n cells, filled to a fraction; the last one in steps. */
static void put_cells(StrBuf *sb, double fraction, size_t n, bool ascii)
{
    static const char *const blocks[] = { " ", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█" };
    static const char *const digits[] = { " ", "1", "2", "3", "4", "5", "6", "7", "8", "9", "#" };
    const char *const *cell = ascii ? digits : blocks;
    size_t steps = ascii ? COUNT_OF(digits) - 1 : COUNT_OF(blocks) - 1;
    fraction = fraction > 0 ? fraction : 0;
    size_t filled = (size_t)((fraction < 1 ? fraction : 1) * (double)(n * steps));
    for (size_t i = 0; i < n; i++)
        sb_putz(sb, cell[filled >= (i + 1) * steps ? steps : filled > i * steps ? filled - i * steps : 0]);
}

static int columns(const Bar *b)
{
    struct winsize size;
    if (b->ncols >= 0)
        return b->ncols;
    /* The last column stays free: some terminals wrap when it is written. */
    return ioctl(b->stream, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col - 1 : -1;
}

static double average_of(const Average *a)
{
    return a->weight_left < 1 ? a->last / (1 - a->weight_left) : a->last;
}

static void put_rate(StrBuf *sb, const Bar *b, double rate)
{
    bool slow = rate > 0 && 1 / rate > 1;
    if (rate <= 0)
        sb_putz(sb, "?");
    else if (!slow && b->unit_scale)
        put_scaled(sb, rate, b->divisor);
    else
        sb_printf(sb, "%5.2f", slow ? 1 / rate : rate);
    sb_printf(sb, slow ? "s/%s" : "%s/s", text_of(b->unit, "it"));
}

/* The line as tqdm formats it; final: the rate over all instead of the recent one. */
static void put_line(StrBuf *sb, const Bar *b, bool final)
{
    double elapsed = now_s() - b->start_s, recent = average_of(&b->dt), rate, total = b->total;
    if (!final && recent > 0)
        rate = average_of(&b->dn) / recent;
    else
        rate = elapsed > 0 && b->n > b->initial ? (b->n - b->initial) / elapsed : 0;
    if (total >= 0 && b->n >= total + 0.5)
        total = -1;
    const char *desc = text_of(b->desc, "");
    size_t desc_size = strlen(desc);
    bool has_colon = desc_size >= 2 && !strcmp(desc + desc_size - 2, ": ");
    sb_printf(sb, "%s%s", desc, desc_size && !has_colon ? ": " : "");
    StrBuf right;
    sb_init(&right, sb->vm);
    if (total > 0) {
        sb_putz(&right, "| ");
        put_count(&right, b, b->n);
        sb_putc(&right, '/');
        put_count(&right, b, total);
    } else {
        put_count(&right, b, b->n);
        sb_putz(&right, text_of(b->unit, "it"));
    }
    sb_putz(&right, " [");
    put_interval(&right, elapsed);
    if (total > 0) {
        sb_putc(&right, '<');
        if (rate > 0)
            put_interval(&right, (total - b->n) / rate);
        else
            sb_putc(&right, '?');
    }
    sb_putz(&right, ", ");
    put_rate(&right, b, rate);
    const char *postfix = text_of(b->postfix, "");
    sb_printf(&right, "%s%s]", *postfix ? ", " : "", postfix);
    int width = columns(b);
    if (total > 0) {
        sb_printf(sb, "%3.0f%%|", b->n / total * 100);
        size_t taken = width_of(sb->text, sb->size) + width_of(right.text, right.size);
        if (width != 0)
            put_cells(sb, b->n / total, width < 0 ? 10 : (size_t)width > taken ? (size_t)width - taken : 1, b->ascii);
    }
    sb_put(sb, right.text, right.size);
    sb_free(&right);
    if (width > 0)
        trim(sb, (size_t)width);
}

/* ---- drawing --------------------------------------------------------------------------------------------------------------- */

/* Draws the line, or an empty one.  Lack of memory means no bar this time. */
static void draw(VM *vm, Bar *b, bool empty, bool final, int position)
{
    StrBuf line, out;
    sb_init(&line, vm);
    sb_init(&out, vm);
    if (!empty)
        put_line(&line, b, final);
    size_t width = width_of(line.text, line.size);
    for (int i = 0; i < position; i++)
        sb_putc(&out, '\n');
    sb_putc(&out, '\r');
    sb_put(&out, line.text, line.size);
    sb_pad(&out, ' ', b->last_width > width ? b->last_width - width : 0);
    if (empty)
        sb_putc(&out, '\r');
    for (int i = 0; i < position; i++)
        sb_putz(&out, "\x1b[A");
    if (!line.failed && !out.failed)
        vm_write_quiet(vm, b->stream, out.text, out.size);
    else
        vm_clear_exc(vm);
    b->last_width = width;
    sb_free(&line);
    sb_free(&out);
}

static void redraw(VM *vm, Bar *b)
{
    if (b->stream && !b->closed)
        draw(vm, b, false, false, b->position);
}

static void average_add(Average *a, double alpha, double x)
{
    a->last = alpha * x + (1 - alpha) * a->last;
    a->weight_left *= 1 - alpha;
}

/* The count has grown: draw if it is time to. */
static void progress(VM *vm, Bar *b)
{
    if (!b->stream || b->closed || b->n == b->last_n)
        return;
    double now = now_s(), dt = now - b->last_s;
    if (dt < b->min_interval_s || now < b->start_s + b->delay_s)
        return;
    if (b->smoothing > 0 && dt > 0) {
        average_add(&b->dn, b->smoothing, b->n - b->last_n);
        average_add(&b->dt, b->smoothing, dt);
    }
    redraw(vm, b);
    b->last_s = now;
    b->last_n = b->n;
}

static void finish(VM *vm, Bar *b)
{
    if (b->closed)
        return;
    b->closed = true;
    if (!b->stream)
        return;
    if (vm->n_bars)
        vm->n_bars--;
    if (now_s() < b->start_s + b->delay_s)
        return;
    if (b->leave) {
        draw(vm, b, false, true, 0);
        vm_write_quiet(vm, b->stream, "\n", 1);
    } else {
        draw(vm, b, true, false, b->position);
    }
}

/* ---- life -------------------------------------------------------------------------------------------------------------------- */

void tqdm_destroy(VM *vm, Iter *it)
{
    Bar *b = it->state;
    if (!b)
        return;
    finish(vm, b);
    value_free(vm, b->iterable);
    value_free(vm, b->desc);
    value_free(vm, b->postfix);
    value_free(vm, b->unit);
    vm_dealloc(vm, b, sizeof *b);
}

int tqdm_next(VM *vm, Iter *it, Value *out)
{
    Bar *b = it->state;
    if (it->source.tag == T_None) {
        Value inner = b->iterable.tag == T_None
            ? raise(vm, TY_TypeError, "'NoneType' object is not iterable") : iter_new(vm, b->iterable);
        if (IS_ERR(inner))
            return -1;
        it->source = inner;
    } else if (!b->closed) {
        b->n++;                 /* the body of the loop has dealt with the item given before */
        progress(vm, b);
    }
    int more = iter_next(vm, it->source, out);
    if (more <= 0) {
        finish(vm, b);
        value_set(vm, &it->source, V_NONE);
    }
    return more;
}

int64_t tqdm_length(VM *vm, Value v)
{
    const Bar *b = bar_of(v);
    if (b->iterable.tag != T_None) {
        int64_t n = iter_length_hint(vm, b->iterable);
        if (n >= 0)
            return n;
    }
    if (b->total >= 0)
        return (int64_t)b->total;
    raise(vm, TY_TypeError, "'NoneType' object cannot be interpreted as an integer");
    return -1;
}

static Status bind(VM *vm, const Value *args, uint32_t n_args, const Sym *kw, uint32_t n_kw, Value p[P_COUNT])
{
    if (n_args > P_COUNT) {
        raise(vm, TY_TypeError, "__init__() takes from 1 to %d positional arguments but %u were given", P_COUNT + 1, n_args + 1);
        return ALP_FAIL;
    }
    for (uint32_t i = 0; i < P_COUNT; i++)
        p[i] = i < n_args ? args[i] : V_UNBOUND;
    for (uint32_t k = 0; k < n_kw; k++) {
        const char *name = intern_text(vm->names, kw[k]);
        uint32_t i = 0;
        while (i < P_COUNT && strcmp(param_name[i], name) != 0)
            i++;
        if (i == P_COUNT) {
            Value text = value_repr(vm, args[n_args + k]);
            if (!IS_ERR(text))
                raise(vm, TY_KeyError, "Unknown argument(s): {'%s': %s}", name, STR(text)->text);
            value_free(vm, text);
            return ALP_FAIL;
        }
        if (p[i].tag != T_Unbound) {
            raise(vm, TY_TypeError, "__init__() got multiple values for argument '%s'", name);
            return ALP_FAIL;
        }
        p[i] = args[n_args + k];
    }
    for (uint32_t i = 0; i < P_COUNT; i++)
        if (p[i].tag == T_None)
            p[i] = V_UNBOUND;           /* the defaults below; `disable` and `leave` take None for False */
    return ALP_OK;
}

static double number_or(Value v, double otherwise)
{
    double x;
    return value_as_double(v, &x) ? x : otherwise;
}

/* Truth of an option; one that has none (an array) counts as set. */
static bool option(VM *vm, Value v, bool otherwise)
{
    if (v.tag == T_Unbound)
        return otherwise;
    int t = op_truth(vm, v);
    if (t < 0)
        vm_clear_exc(vm);
    return t != 0;
}

static Value text_or_none(Value v)
{
    return v.tag == T_Str ? value_ref(v) : V_NONE;
}

Value tqdm_new(VM *vm, const Value *args, uint32_t n_args, const Sym *kw, uint32_t n_kw)
{
    Value p[P_COUNT];
    if (bind(vm, args, n_args, kw, n_kw, p) != ALP_OK)
        return V_ERR;
    Iter *it = obj_new(vm, T_Iter, sizeof *it);
    if (!it)
        return V_ERR;
    Obj head = it->head;
    *it = (Iter){ .head = head, .kind = IT_Tqdm, .source = V_NONE };
    Bar *b = vm_alloc(vm, sizeof *b);
    if (!b) {
        obj_free(vm, &it->head);
        return V_ERR;
    }
    int stream = p[P_file].tag == T_Unbound ? 2 : stream_number(p[P_file]);
    bool terminal = stream == 2 ? vm->err_is_terminal : stream == 1 && vm->out_line_buffered;
    double total = number_or(p[P_total], -1), initial = number_or(p[P_initial], 0);
    if (total < 0 && p[P_iterable].tag != T_Unbound)
        total = (double)iter_length_hint(vm, p[P_iterable]);
    *b = (Bar){
        .iterable = p[P_iterable].tag == T_Unbound ? V_NONE : value_ref(p[P_iterable]),
        .desc = text_or_none(p[P_desc]), .postfix = text_or_none(p[P_postfix]), .unit = text_or_none(p[P_unit]),
        .n = initial, .initial = initial, .last_n = initial, .total = total,
        .start_s = now_s(), .last_s = now_s(), .min_interval_s = number_or(p[P_mininterval], 0.1),
        .delay_s = number_or(p[P_delay], 0), .smoothing = number_or(p[P_smoothing], 0.3),
        .divisor = number_or(p[P_unit_divisor], 1000), .dn = { 0, 1 }, .dt = { 0, 1 },
        .stream = terminal && !option(vm, p[P_disable], false) ? stream : 0,
        .ncols = (int)fmin(fmax(number_or(p[P_ncols], -1), -1), 10000), .leave = option(vm, p[P_leave], true),
        .ascii = option(vm, p[P_ascii], false), .unit_scale = option(vm, p[P_unit_scale], false),
    };
    it->state = b;
    if (b->stream) {
        b->position = (int)fmin(fmax(number_or(p[P_position], vm->n_bars), 0), 100);
        vm->n_bars++;
        if (b->delay_s <= 0)
            redraw(vm, b);
    }
    return V_OBJ(it);
}

/* ---- methods ------------------------------------------------------------------------------------------------------------------- */

static Value bar_update(VM *vm, const Args *a)
{
    Bar *b = bar_of(a->v[0]);
    double n = 1;
    if (a->v[1].tag != T_Unbound && arg_float(vm, a->v[1], &n) != ALP_OK)
        return V_ERR;
    b->n += n;
    progress(vm, b);
    return V_NONE;
}

static Value bar_close(VM *vm, const Args *a)
{
    finish(vm, bar_of(a->v[0]));
    return V_NONE;
}

static Value bar_refresh(VM *vm, const Args *a)
{
    redraw(vm, bar_of(a->v[0]));
    return V_NONE;
}

static Value bar_reset(VM *vm, const Args *a)
{
    Bar *b = bar_of(a->v[0]);
    b->n = b->last_n = 0;
    b->total = number_or(a->v[1], b->total);
    b->start_s = b->last_s = now_s();
    redraw(vm, b);
    return V_NONE;
}

/* Replace one of the bar's texts by str(v), and draw unless told not to. */
static Value set_text(VM *vm, Bar *b, Value *text, Value v, Value refresh)
{
    Value s = v.tag == T_Unbound || v.tag == T_None ? V_NONE : value_str(vm, v);
    if (IS_ERR(s))
        return s;
    value_set(vm, text, s);
    if (option(vm, refresh, true))
        redraw(vm, b);
    return V_NONE;
}

static Value bar_set_description(VM *vm, const Args *a)
{
    Bar *b = bar_of(a->v[0]);
    return set_text(vm, b, &b->desc, a->v[1], a->v[2]);
}

static Value bar_set_postfix_str(VM *vm, const Args *a)
{
    Bar *b = bar_of(a->v[0]);
    return set_text(vm, b, &b->postfix, a->v[1], a->v[2]);
}

/* A number as three significant digits, if that is shorter. */
static void put_value(StrBuf *sb, Value v)
{
    double x;
    Value full = value_str(sb->vm, v);
    if (!IS_ERR(full) && value_as_double(v, &x)) {
        char text[40];
        int n = snprintf(text, sizeof text, "%.3g", x);
        char *e = strchr(text, 'e');
        if (e && e[2] == '0')
            memmove(e + 2, e + 3, strlen(e + 3) + 1), n--;
        if ((size_t)n < STR(full)->size) {
            value_free(sb->vm, full);
            sb_putz(sb, text);
            return;
        }
    }
    sb_put_str(sb, full);
}

static Value bar_set_postfix(VM *vm, const Args *a)
{
    Bar *b = bar_of(a->v[0]);
    StrBuf sb;
    sb_init(&sb, vm);
    const char *last = "";
    for (uint32_t put = 0; put < a->n_kw; put++) {
        /* In order of their names, which differ. */
        uint32_t next = UINT32_MAX;
        for (uint32_t k = 0; k < a->n_kw; k++) {
            const char *name = intern_text(vm->names, a->kw[k]);
            if (strcmp(name, last) > 0 && (next == UINT32_MAX || strcmp(name, intern_text(vm->names, a->kw[next])) < 0))
                next = k;
        }
        last = intern_text(vm->names, a->kw[next]);
        sb_printf(&sb, "%s%s=", put ? ", " : "", last);
        put_value(&sb, a->kw_value[next]);
    }
    Value text = sb_finish(&sb), r = IS_ERR(text) ? V_ERR : set_text(vm, b, &b->postfix, text, a->v[1]);
    value_free(vm, text);
    return r;
}

const NativeRow tqdm_methods[] = {
    { "update", bar_update, "n=", "Advance the bar by n (1)." },
    { "close", bar_close, "", "Draw the bar for the last time." },
    { "refresh", bar_refresh, "", "Draw the bar now." },
    { "display", bar_refresh, "", "Draw the bar now." },
    { "reset", bar_reset, "total=", "Start again from 0, with another total if one is given." },
    { "set_description", bar_set_description, "desc=, refresh=", "Set the text in front of the bar." },
    { "set_description_str", bar_set_description, "desc=, refresh=", "Set the text in front of the bar." },
    { "set_postfix", bar_set_postfix, "*, refresh=, **values", "Set name=value pairs behind the bar." },
    { "set_postfix_str", bar_set_postfix_str, "s=, refresh=", "Set the text behind the bar." },
    { NULL },
};

const char *const tqdm_attr_names[] = { "desc", "n", "total", NULL };

Value tqdm_attr(VM *vm, Value v, const char *name)
{
    const Bar *b = bar_of(v);
    bool is_n = !strcmp(name, "n");
    if (is_n || !strcmp(name, "total")) {
        double x = is_n ? b->n : b->total;
        if (x < 0 && !is_n)
            return V_NONE;
        return x == floor(x) && fabs(x) < 0x1p53 ? V_INT((int64_t)x) : V_FLOAT(x);
    }
    return !strcmp(name, "desc") ? value_ref(b->desc) : V_UNBOUND;
}

/* ---- the module ------------------------------------------------------------------------------------------------------------------ */

/* trange(…) is tqdm(range(…)); keywords are tqdm's. */
static Value trange(VM *vm, const Args *a)
{
    Value args[1 + P_COUNT];
    if (a->n_kw > P_COUNT)
        return raise(vm, TY_TypeError, "trange() takes at most %d keyword arguments", P_COUNT);
    args[0] = type_call(vm, TY_range, a->rest, a->n_rest, NULL, 0);
    if (IS_ERR(args[0]))
        return V_ERR;
    if (a->n_kw)
        memcpy(args + 1, a->kw_value, a->n_kw * sizeof *args);
    Value r = tqdm_new(vm, args, 1, a->kw, a->n_kw);
    value_free(vm, args[0]);
    return r;
}

static const NativeRow rows[] = {
    { "trange", trange, "*args, **options", "Shortcut for tqdm(range(*args), **options)." },
    { NULL },
};

static const NativeRow *const tables[] = { rows, NULL };

static Status init(VM *vm, Module *m)
{
    return module_set(vm, m, "tqdm", V_TYPE(TY_tqdm));
}

const ModuleDef mod_tqdm = { .name = "tqdm", .tables = tables, .init = init, .function_type = TY_builtin };
