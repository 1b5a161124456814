/* profile/report_text.c — the report for people: every text that has loops, line by line, and below the line of a loop what it did.
 *
 *        5      for i in range(1, n):
 *        |          sequential: an iteration reads what an earlier one wrote (line 6)
 *        |            …
 *        6          a[i] = a[i - 1] + b[i]
 *
 * Annotations are broken at a fixed width, whatever the terminal: the same report gives the same bytes. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "profile/report_int.h"

enum {
    WIDTH     = 100,            /* columns of annotations, gutter included … */
    MIN_WIDTH = 40,             /* … but at least so many for a deeply nested one */
    TAB       = 8,
    MAX_DEPTH = 16,             /* deeper loops count as loops at this depth */
};

typedef struct Text {
    Out      out;
    int      gutter;            /* width of line numbers */
    uint32_t indent;            /* of the loop that is being annotated */
    bool     advised[RS_COUNT]; /* in this text: once is enough */
    bool     parallel[MAX_DEPTH + 1];   /* of the loops around the present one, by depth: it or one around it is parallel */
} Text;

/* ---- pieces -------------------------------------------------------------------------------------------------------------------- */

/* Copies a text, replacing what is no UTF-8, and control characters but tabs. */
static void put_clean(const Out *o, const char *s, size_t size)
{
    const char *end = s + size, *from = s;
    while (s < end) {
        size_t n = utf8_size(s, end);
        if (n && ((unsigned char)*s >= 0x20 || *s == '\t')) {
            s += n;
            continue;
        }
        out_bytes(o, from, (size_t)(s - from));
        out_text(o, n ? " " : UTF8_REPLACEMENT);
        from = ++s;
    }
    out_bytes(o, from, (size_t)(s - from));
}

static uint32_t n_columns(const char *s, size_t size)
{
    uint32_t n = 0;
    for (size_t i = 0; i < size; i++)
        n += ((unsigned char)s[i] & 0xc0) != 0x80;
    return n;
}

static void start_note(const Text *t, uint32_t indent)
{
    out_fmt(&t->out, "%*s  ", t->gutter, "|");
    out_spaces(&t->out, indent);
}

/* One annotation, filled: words of `label` and `text`, following lines two further in. */
static void note(const Text *t, uint32_t indent, const char *label, const char *text)
{
    uint32_t left = (uint32_t)t->gutter + 2 + indent, width = left + MIN_WIDTH > WIDTH ? left + MIN_WIDTH : WIDTH, column = left;
    start_note(t, indent);
    const char *part[2] = { label, text };
    bool is_first = true;               /* on its line */
    for (int k = 0; k < 2; k++)
        for (const char *word = part[k]; *word;) {
            size_t size = strcspn(word, " \n");
            if (size) {
                uint32_t columns = n_columns(word, size);
                if (!is_first && column + 1 + columns > width) {
                    out_text(&t->out, "\n");
                    start_note(t, indent + 2);
                    column = left + 2;
                    is_first = true;
                }
                if (!is_first)
                    out_text(&t->out, " ");
                put_clean(&t->out, word, size);
                column += columns + !is_first;
                is_first = false;
            }
            word += size + strspn(word + size, " \n");
        }
    out_text(&t->out, "\n");
}

/* ---- loops --------------------------------------------------------------------------------------------------------------------- */

static const char *plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

static bool is_parallel(const LoopRecord *l)
{
    for (uint32_t i = 0; i < l->n_cases; i++)
        if (l->cases[i].outcome > OC_Sequential)
            return true;
    return false;
}

/* Advice is due once for each reason, and for loops that keep nothing from running in parallel not at all. */
static bool is_advice_due(Text *t, const LoopCase *c, bool is_within_parallel)
{
    if (c->why.code == RS_None || !reason_advice(c->why.code)[0] || is_within_parallel || t->advised[c->why.code])
        return false;
    return t->advised[c->why.code] = true;
}

static bool is_back_end(const char *device)
{
    return device && strcmp(device, "interp") != 0 && strcmp(device, "reference") != 0;
}

/* "cpu on 2 threads", "gpu 1" */
static size_t put_device(char *to, size_t size, const char *device, uint32_t n_threads, uint32_t gpu)
{
    int n = n_threads ? snprintf(to, size, "%s on %u thread%s", device, n_threads, plural(n_threads)) :
            gpu ? snprintf(to, size, "%s %u", device, gpu - 1) : snprintf(to, size, "%s", device);
    return n < 0 || (size_t)n >= size ? 0 : (size_t)n;
}

static size_t put_time(char *to, size_t size, double ns)
{
    static const struct { double ns; const char *unit; } rows[] = { { 1e9, "s" }, { 1e6, "ms" }, { 1e3, "us" }, { 0, "ns" } };
    size_t k = 0;
    while (ns < rows[k].ns * 0.9995)
        k++;
    int n = snprintf(to, size, "%.3g %s", rows[k].ns > 0 ? ns / rows[k].ns : ns, rows[k].unit);
    return n < 0 || (size_t)n >= size ? 0 : (size_t)n;
}

/* Who might have run it, and why who did. */
static void annotate_choice(const Text *t, uint32_t indent, const LoopCase *c)
{
    char text[200 * REPORT_TARGETS];
    size_t n = 0;
    for (const CaseTarget *k = c->target; k < c->target + REPORT_TARGETS; k++) {
        if (!k->device || !k->n_considered || n + 200 > sizeof text)
            continue;
        n += (size_t)snprintf(text + n, sizeof text - n, "%s", n ? "; " : "");
        n += put_device(text + n, sizeof text - n, k->device, k->n_threads, k->gpu);
        n += (size_t)snprintf(text + n, sizeof text - n, " ");
        n += put_time(text + n, sizeof text - n, k->predicted_ns / (double)k->n_considered);
        if (k->n_measured) {
            n += (size_t)snprintf(text + n, sizeof text - n, " (measured ");
            n += put_time(text + n, sizeof text - n, k->measured_ns / (double)k->n_measured);
            n += (size_t)snprintf(text + n, sizeof text - n, ")");
        }
        if (k->copy_ns / (double)k->n_considered >= 1) {
            n += (size_t)snprintf(text + n, sizeof text - n, " + ");
            n += put_time(text + n, sizeof text - n, k->copy_ns / (double)k->n_considered);
            n += (size_t)snprintf(text + n, sizeof text - n, " to copy");
        }
        if (k->why_not != RS_None)
            n += (size_t)snprintf(text + n, sizeof text - n, " (%s)", reason_text(k->why_not));
    }
    if (n)
        note(t, indent, "predicted: ", text);
    if (c->choice == RS_None || !c->device)
        return;
    n = put_device(text, sizeof text, c->device, c->n_threads, c->gpu);
    snprintf(text + n, sizeof text - n, ": %s", reason_text(c->choice));
    note(t, indent, "chosen: ", text);
}

static void annotate_case(Text *t, const LoopRecord *l, const LoopCase *c, bool is_within_parallel)
{
    const Out *o = &t->out;
    char head[512] = "", place[256] = "";
    if (c->outcome == OC_None) {
        note(t, t->indent, "not reached in this run", "");
        return;
    }
    bool is_elsewhere = c->why_file && strcmp(c->why_file, l->file) != 0;
    if (is_elsewhere)
        snprintf(place, sizeof place, " (%.200s, line %u)", c->why_file, c->why_line);
    else if (c->why_file && c->why_line != l->line)
        snprintf(place, sizeof place, " (line %u)", c->why_line);
    if (c->why.code == RS_None)
        snprintf(head, sizeof head, "%s", outcome_name(c->outcome));
    else
        snprintf(head, sizeof head, "%s: %s%s", outcome_name(c->outcome), reason_text(c->why.code), place);
    note(t, t->indent, head, "");

    uint32_t in = t->indent + 2;
    if (c->why.detail[0])
        note(t, in, "", c->why.detail);
    if (c->decided[0])
        note(t, in, "decided at run time: ", c->decided);
    if (c->transforms[0])
        note(t, in, "transformed: ", c->transforms);
    if (c->guards[0])
        note(t, in, "guards: ", c->guards);
    if (c->device_why != RS_None && c->device_why != RS_Small) {
        bool elsewhere = is_back_end(c->device);        /* a GPU was asked for */
        if (elsewhere && c->device_detail[0])
            snprintf(head, sizeof head, "%s", c->device_detail);
        else
            snprintf(head, sizeof head, "%s%s%s", reason_text(c->device_why), c->device_detail[0] ? ": " : "", c->device_detail);
        note(t, in, elsewhere ? "not on the GPU: " : "not compiled: ", head);
    }
    annotate_choice(t, in, c);
    if (is_advice_due(t, c, is_within_parallel))
        note(t, in, "advice: ", reason_advice(c->why.code));
    if (c->runs) {
        start_note(t, in);
        out_fmt(o, "%" PRIu64 " run%s", c->runs, plural(c->runs));
        if (is_back_end(c->device))
            out_fmt(o, " on %s", c->device);
        if (c->iterations)
            out_fmt(o, ", %" PRIu64 " iteration%s", c->iterations, plural(c->iterations));
        if (c->n_joined)
            out_fmt(o, "; %" PRIu64 " of the runs ended otherwise", c->n_joined);
        if (c->time_ns)
            out_fmt(o, ", %.3g ms", (double)c->time_ns / 1e6);
        if (c->n_launches)
            out_fmt(o, ", %" PRIu64 " launch%s, %.3g MB to the device, %.3g MB back", c->n_launches, c->n_launches == 1 ? "" : "es",
                    (double)c->bytes_up / 1e6, (double)c->bytes_down / 1e6);
        out_text(o, "\n");
    }
}

static void annotate(Text *t, const LoopRecord *l)
{
    uint32_t depth = l->depth < MAX_DEPTH ? l->depth : MAX_DEPTH;
    bool is_within_parallel = depth > 1 && t->parallel[depth - 1];
    t->parallel[depth] = is_within_parallel || is_parallel(l);
    if (!l->n_cases)
        annotate_case(t, l, &(LoopCase){ .outcome = OC_None }, false);
    for (uint32_t i = 0; i < l->n_cases; i++)
        annotate_case(t, l, &l->cases[i], is_within_parallel);
}

/* Columns that the white space at the start of a line takes. */
static uint32_t indentation(const char *line, uint32_t size)
{
    uint32_t columns = 0;
    for (uint32_t i = 0; i < size && (line[i] == ' ' || line[i] == '\t'); i++)
        columns = line[i] == '\t' ? columns - columns % TAB + TAB : columns + 1;
    return columns;
}

/* ---- texts --------------------------------------------------------------------------------------------------------------------- */

static void put_source(Text *t, const ReportSource *s, const LoopRecord *l)
{
    const Out *o = &t->out;
    uint32_t n_lines = s->src.n_lines, size;
    while (n_lines && (src_line_text(&s->src, n_lines, &size), size == 0))
        n_lines--;
    t->gutter = 4;
    for (uint32_t n = 10000; n <= n_lines; n *= 10)
        t->gutter++;
    for (uint32_t line = 1; line <= n_lines; line++) {
        const char *text = src_line_text(&s->src, line, &size);
        out_fmt(o, size ? "%*u  " : "%*u", t->gutter, line);
        put_clean(o, text, size);
        out_text(o, "\n");
        t->indent = indentation(text, size) + 4;
        for (; l && l->source == s && l->line <= line; l = l->next)
            annotate(t, l);
    }
}

/* A text that is not known: the loops alone. */
static void put_loops(Text *t, const ReportSource *s, const LoopRecord *l)
{
    t->gutter = 4;
    for (; l && l->source == s; l = l->next) {
        out_fmt(&t->out, "%*u  ", t->gutter, l->line);
        out_spaces(&t->out, l->column);
        put_clean(&t->out, l->variable, strlen(l->variable));
        out_text(&t->out, l->is_while ? "while …\n" : l->variable[0] ? " for …\n" : "for …\n");
        t->indent = l->column + 4;
        annotate(t, l);
    }
}

/* How a loop counts in the summary: by its outcome, or as one that varies. */
static unsigned summary_class(const LoopRecord *l)
{
    unsigned outcome = l->n_cases ? l->cases[0].outcome : OC_None;
    for (uint32_t i = 1; i < l->n_cases; i++)
        if (l->cases[i].outcome != outcome)
            return OC_COUNT;
    return outcome;
}

static void put_summary(const Text *t, const Report *r)
{
    const Out *o = &t->out;
    uint32_t n[OC_COUNT + 1] = { 0 }, total = 0;
    for (const LoopRecord *l = r->first; l; l = l->next, total++)
        n[summary_class(l)]++;
    if (!total) {
        out_text(o, "No loops.\n");
        return;
    }
    out_fmt(o, "\n%u loop%s: ", total, plural(total));
    const char *between = "";
    for (unsigned k = OC_COUNT + 1; k-- > 0;)
        if (n[k]) {
            out_fmt(o, "%s%u %s", between, n[k], k == OC_COUNT ? "of several outcomes" : k == OC_None ? "not reached" : outcome_name((Outcome)k));
            between = ", ";
        }
    out_text(o, ".\n");
    if (r->profile[0])
        out_fmt(o, "The profile of the machine %.220s.\n", r->profile);
    if (strncmp(r->back_end, "none: ", 6) == 0)
        out_fmt(o, "Nothing was compiled: %.220s.\n", r->back_end + 6);
}

void report_text(const Report *r, ReportEmit emit, void *user)
{
    Text text = { .out = { emit, user } }, *t = &text;
    const char *between = "";
    for (const ReportSource *s = r->sources; s; s = s->next) {
        const LoopRecord *l = r->first;
        while (l && l->source != s)
            l = l->next;
        if (!l)
            continue;
        memset(t->advised, 0, sizeof t->advised);
        out_text(&t->out, between);
        put_clean(&t->out, s->name, strlen(s->name));
        out_text(&t->out, "\n\n");
        if (s->src.text)
            put_source(t, s, l);
        else
            put_loops(t, s, l);
        between = "\n";
    }
    put_summary(t, r);
}
