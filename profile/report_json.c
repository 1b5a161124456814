/* profile/report_json.c — the report for programs; docs/explain.md has the schema, tests/explain/ holds it to it.
 *
 * One object per loop and case.  A field is always there; a text that says nothing is "", a number that is not known null. */
#include <inttypes.h>
#include <string.h>

#include "profile/report_int.h"

static void json_string(const Out *o, const char *s, size_t size)
{
    const char *end = s + size, *from = s;
    out_text(o, "\"");
    while (s < end) {
        unsigned char c = (unsigned char)*s;
        size_t n = utf8_size(s, end);
        if (n && c >= 0x20 && c != '"' && c != '\\' && c != 0x7f) {
            s += n;
            continue;
        }
        out_bytes(o, from, (size_t)(s - from));
        if (!n)
            out_text(o, UTF8_REPLACEMENT);
        else if (c == '"' || c == '\\')
            out_bytes(o, (char[]){ '\\', (char)c }, 2);
        else
            out_fmt(o, "\\u%04x", c);
        from = ++s;
    }
    out_bytes(o, from, (size_t)(s - from));
    out_text(o, "\"");
}

static void field(const Out *o, const char *name, const char *text)
{
    out_fmt(o, ", \"%s\": ", name);
    json_string(o, text, strlen(text));
}

static void number(const Out *o, const char *name, uint64_t n)
{
    out_fmt(o, ", \"%s\": %" PRIu64, name, n);
}

/* "a, b" as ["a", "b"]. */
static void list(const Out *o, const char *name, const char *text)
{
    out_fmt(o, ", \"%s\": [", name);
    while (*text) {
        const char *comma = strstr(text, ", ");
        json_string(o, text, comma ? (size_t)(comma - text) : strlen(text));
        if (comma)
            out_text(o, ", ");
        text = comma ? comma + 2 : "";
    }
    out_text(o, "]");
}

static void mean(const Out *o, const char *name, double sum, uint64_t n)
{
    if (n)
        out_fmt(o, ", \"%s\": %.0f", name, sum / (double)n);
    else
        out_fmt(o, ", \"%s\": null", name);
}

/* Of several GPUs, which. */
static void gpu_number(const Out *o, uint32_t gpu)
{
    if (gpu)
        number(o, "gpu", gpu - 1);
    else
        out_text(o, ", \"gpu\": null");
}

static void json_candidates(const Out *o, const LoopCase *c)
{
    const char *between = "";
    out_text(o, ", \"candidates\": [");
    for (const CaseTarget *t = c->target; t < c->target + REPORT_TARGETS; t++) {
        if (!t->device)
            continue;
        out_text(o, between);
        out_text(o, "{\"device\": ");
        json_string(o, t->device, strlen(t->device));
        number(o, "threads", t->n_threads);
        gpu_number(o, t->gpu);
        mean(o, "predicted_ns", t->predicted_ns, t->n_considered);
        mean(o, "measured_ns", t->measured_ns, t->n_measured);
        mean(o, "copy_ns", t->copy_ns, t->n_considered);
        field(o, "reason", t->why_not == RS_None ? "" : reason_name(t->why_not));
        out_text(o, "}");
        between = ", ";
    }
    out_text(o, "]");
}

static void json_case(const Out *o, const LoopRecord *l, const LoopCase *c)
{
    out_text(o, "{\"file\": ");
    json_string(o, l->file, strlen(l->file));
    number(o, "line", l->line);
    number(o, "column", l->column + 1);
    number(o, "depth", l->depth);
    field(o, "kind", l->is_while ? "while" : "for");
    field(o, "variable", l->variable);
    field(o, "function", l->function);
    field(o, "outcome", outcome_name(c->outcome));
    field(o, "reason", c->why.code == RS_None ? "" : reason_name(c->why.code));
    field(o, "because", c->why.code == RS_None ? "" : reason_text(c->why.code));
    field(o, "detail", c->why.detail);
    if (c->why_file) {
        out_text(o, ", \"where\": {\"file\": ");
        json_string(o, c->why_file, strlen(c->why_file));
        number(o, "line", c->why_line);
        number(o, "column", c->why_column + 1);
        out_text(o, "}");
    } else {
        out_text(o, ", \"where\": null");
    }
    field(o, "decided", c->decided);
    list(o, "transforms", c->transforms);
    field(o, "guards", c->guards);
    field(o, "advice", c->why.code == RS_None ? "" : reason_advice(c->why.code));
    field(o, "device", c->device ? c->device : "");
    field(o, "device_reason", c->device_why == RS_None ? "" : reason_name(c->device_why));
    field(o, "device_detail", c->device_detail);
    field(o, "choice", c->choice == RS_None ? "" : reason_name(c->choice));
    json_candidates(o, c);
    number(o, "threads", c->n_threads);
    gpu_number(o, c->gpu);
    number(o, "runs", c->runs);
    number(o, "iterations", c->iterations);
    number(o, "other_runs", c->n_joined);
    number(o, "launches", c->n_launches);
    number(o, "bytes_to_device", c->bytes_up);
    number(o, "bytes_from_device", c->bytes_down);
    if (c->time_ns)
        number(o, "measured_ns", c->time_ns);
    else
        out_text(o, ", \"measured_ns\": null");
    out_text(o, "}");
}

void report_json(const Report *r, ReportEmit emit, void *user)
{
    static const LoopCase not_reached = { .outcome = OC_None, .why.code = RS_NotReached };
    Out out = { emit, user }, *o = &out;
    out_fmt(o, "{\"version\": %d, \"alpy\": \"%s\",\n", REPORT_VERSION, ALPY_VERSION);
    out_fmt(o, " \"analysis\": {\"nests_built\": %" PRIu64, r->n_nests_built);
    number(o, "plans_built", r->n_plans_built);
    number(o, "plans_reused", r->n_plans_reused);
    number(o, "ns", r->analysis_ns);
    out_text(o, "}");
    field(o, "back_end", r->back_end);
    field(o, "profile", r->profile);
    out_fmt(o, ",\n \"kernels\": {\"made\": %" PRIu64, r->n_kernels_made);
    number(o, "from_disk", r->n_kernels_from_disk);
    number(o, "from_memory", r->n_kernels_from_memory);
    number(o, "failed", r->n_kernels_failed);
    number(o, "ns", r->kernels_ns);
    out_text(o, "}");
    out_fmt(o, ",\n \"gpu\": {\"launches\": %" PRIu64, r->gpu_launches);
    number(o, "bytes_to_device", r->gpu_bytes_up);
    number(o, "bytes_from_device", r->gpu_bytes_down);
    number(o, "array_operations", r->n_whole);
    out_text(o, "}");
    out_text(o, ",\n \"loops\": [");
    const char *between = "\n  ";
    for (const LoopRecord *l = r->first; l; l = l->next)
        for (uint32_t i = 0; i < l->n_cases || i == 0; i++) {
            out_text(o, between);
            json_case(o, l, l->n_cases ? &l->cases[i] : &not_reached);
            between = ",\n  ";
        }
    out_text(o, "]}\n");
}
