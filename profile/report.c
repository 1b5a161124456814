/* profile/report.c — the record of what every loop did. */
#include "profile/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "profile/report_int.h"

static char *copy_text(Mem *mem, const char *s)
{
    size_t size = strlen(s) + 1;
    char *copy = mem_alloc(mem, size);
    return copy ? memcpy(copy, s, size) : NULL;
}

static void free_text(Mem *mem, char *s)
{
    if (s)
        mem_free(mem, s, strlen(s) + 1);
}

static void free_source(Mem *mem, ReportSource *s)
{
    free_text(mem, s->name);
    src_free(&s->src);
    mem_free(mem, s, sizeof *s);
}

static void free_record(Mem *mem, LoopRecord *l)
{
    free_text(mem, l->file);
    free_text(mem, l->variable);
    free_text(mem, l->function);
    mem_free(mem, l, sizeof *l);
}

void report_init(Report *r, Mem *mem)
{
    *r = (Report){ .mem = mem };
}

void report_free(Report *r)
{
    while (r->first) {
        LoopRecord *l = r->first;
        r->first = l->next;
        free_record(r->mem, l);
    }
    while (r->sources) {
        ReportSource *s = r->sources;
        r->sources = s->next;
        free_source(r->mem, s);
    }
    report_init(r, r->mem);
}

/* ---- texts ------------------------------------------------------------------------------------------------------------------- */

static ReportSource *new_source(Report *r, const char *name, const Src *src)
{
    ReportSource *s = mem_zalloc(r->mem, sizeof *s);
    if (!s)
        return NULL;
    s->src.mem = r->mem;
    s->name = copy_text(r->mem, name);
    const char *why;
    if (!s->name || (src && src_init(&s->src, r->mem, name, src->text, src->size, &why) != ALP_OK)) {
        free_source(r->mem, s);
        return NULL;
    }
    ReportSource **end = &r->sources;
    for (; *end; end = &(*end)->next)
        s->order++;
    return *end = s;
}

const ReportSource *report_source(Report *r, const Src *src, bool *is_new)
{
    ReportSource *s = r->sources;
    while (s && !(s->src.text && s->src.size == src->size && strcmp(s->name, src->name) == 0 &&
                  memcmp(s->src.text, src->text, src->size) == 0))
        s = s->next;
    if (is_new)
        *is_new = !s;
    if (!s)
        s = new_source(r, src->name, src);
    if (s)
        s->named_at = ++r->n_named;
    return s;
}

/* The text that `name` means now. */
static const ReportSource *named_source(Report *r, const char *name)
{
    const ReportSource *found = NULL;
    for (const ReportSource *s = r->sources; s; s = s->next)
        if (strcmp(s->name, name) == 0 && (!found || s->named_at > found->named_at))
            found = s;
    return found ? found : new_source(r, name, NULL);
}

/* ---- loops ------------------------------------------------------------------------------------------------------------------- */

static int compare_place(const LoopRecord *l, const ReportSource *source, uint32_t line, uint32_t column)
{
    if (l->source != source)
        return l->source->order < source->order ? -1 : 1;
    if (l->line != line)
        return l->line < line ? -1 : 1;
    return l->column < column ? -1 : l->column > column;
}

LoopRecord *report_loop(Report *r, const char *file, uint32_t line, uint32_t column, uint32_t depth, const char *variable, const char *function, bool is_while)
{
    const ReportSource *source = named_source(r, file);
    if (!source)
        return NULL;
    LoopRecord **at = &r->first;
    if (r->last && compare_place(r->last, source, line, column) < 0)
        at = &r->last->next;            /* most come in order */
    while (*at && compare_place(*at, source, line, column) < 0)
        at = &(*at)->next;
    if (*at && compare_place(*at, source, line, column) == 0)
        return *at;

    LoopRecord *l = mem_zalloc(r->mem, sizeof *l);
    if (!l)
        return NULL;
    l->file = copy_text(r->mem, file);
    l->variable = copy_text(r->mem, variable);
    l->function = copy_text(r->mem, function);
    if (!l->file || !l->variable || !l->function) {
        free_record(r->mem, l);
        return NULL;
    }
    l->report = r;
    l->source = source;
    l->line = line;
    l->column = column;
    l->depth = depth;
    l->is_while = is_while;
    l->next = *at;
    *at = l;
    if (!l->next)
        r->last = l;
    return l;
}

/* Turn the span of the reason into a line, while its text is there. */
static void find_place(const LoopRecord *l, LoopCase *c)
{
    const Src *src = c->why.src ? c->why.src : &l->source->src;
    bool is_known = src->text && (c->why.span.start || c->why.span.end) && c->why.span.start <= src->size;
    c->why_file = NULL;
    c->why_line = c->why_column = 0;
    c->n_joined = 0;
    if (is_known) {
        const char *name = src->name;
        if (strcmp(name, l->file) != 0) {
            const ReportSource *other = named_source(l->report, name);
            if (!other)
                return;
            c->why_file = other->name;
        } else {
            c->why_file = l->file;
        }
        c->why_line = src_line(src, c->why.span.start);
        c->why_column = src_column(src, c->why.span.start);
    }
    c->why.src = NULL;
}

static const char *skip_number(const char *s)
{
    const char *digits = s + (*s == '-');
    size_t n = strspn(digits, "0123456789");
    return n ? digits + n : s;
}

/* Equal but for numbers: an example and the values that decided are others in each execution. */
static bool similar(const char *a, const char *b)
{
    for (;;) {
        const char *after_a = skip_number(a), *after_b = skip_number(b);
        if ((after_a == a) != (after_b == b))
            return false;
        a = after_a;
        b = after_b;
        if (*a != *b || !*a)
            return *a == *b;
        a++;
        b++;
    }
}

static bool same_case(const LoopCase *a, const LoopCase *b)
{
    return a->outcome == b->outcome && a->device == b->device && a->device_why == b->device_why && a->choice == b->choice && a->n_threads == b->n_threads && a->gpu == b->gpu && a->why.code == b->why.code && a->why_line == b->why_line && a->why_column == b->why_column &&
           similar(a->why.detail, b->why.detail) && similar(a->guards, b->guards) && strcmp(a->transforms, b->transforms) == 0;
}

static void add_target(CaseTarget *to, const CaseTarget *t)
{
    if (!t->device)
        return;
    to->device = t->device;
    to->n_threads = t->n_threads;
    to->gpu = t->gpu;
    to->why_not = t->why_not;
    to->n_considered += t->n_considered;
    to->n_measured += t->n_measured;
    to->predicted_ns += t->predicted_ns;
    to->measured_ns += t->measured_ns;
    to->copy_ns += t->copy_ns;
}

void report_add(LoopRecord *l, const LoopCase *new)
{
    LoopCase placed = *new, *c = &placed;
    find_place(l, c);
    if (c->outcome == OC_None && l->n_cases)
        return;
    if (l->n_cases && l->cases[0].outcome == OC_None)
        l->n_cases = 0;
    LoopCase *at = l->cases, *end = l->cases + l->n_cases;
    while (at < end && !same_case(at, c))
        at++;
    if (at == end) {
        if (l->n_cases < REPORT_MAX_CASES) {
            *at = *c;
            l->n_cases++;
            return;
        }
        at--;
        at->n_joined += c->runs;
    }
    at->runs += c->runs;
    at->iterations += c->iterations;
    at->time_ns += c->time_ns;
    at->n_launches += c->n_launches;
    at->flops += c->flops;
    at->bytes += c->bytes;
    at->is_uncounted |= c->is_uncounted;
    at->bytes_up += c->bytes_up;
    at->bytes_down += c->bytes_down;
    for (int i = 0; i < REPORT_TARGETS; i++)
        add_target(&at->target[i], &c->target[i]);
}

/* ---- for the printers ---------------------------------------------------------------------------------------------------------- */

void out_bytes(const Out *o, const char *s, size_t n)
{
    if (n)
        o->emit(o->user, s, n);
}

void out_text(const Out *o, const char *s)
{
    out_bytes(o, s, strlen(s));
}

void out_fmt(const Out *o, const char *fmt, ...)
{
    char text[256];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (n > 0)
        out_bytes(o, text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
}

void out_spaces(const Out *o, uint32_t n)
{
    static const char spaces[] = "                                ";
    for (; n >= sizeof spaces; n -= (uint32_t)sizeof spaces - 1)
        out_bytes(o, spaces, sizeof spaces - 1);
    out_bytes(o, spaces, n);
}

size_t utf8_size(const char *p, const char *end)
{
    const unsigned char *s = (const unsigned char *)p;
    unsigned c = *s;
    if (c < 0x80)
        return 1;
    size_t n = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
    if (c < 0xc2 || c > 0xf4 || (size_t)(end - p) < n)
        return 0;
    unsigned low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80, high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
    for (size_t i = 1; i < n; i++, low = 0x80, high = 0xbf)
        if (s[i] < low || s[i] > high)
            return 0;
    return n;
}
