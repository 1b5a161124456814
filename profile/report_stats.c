/* profile/report_stats.c — the table of nests for `--stats`: what ran where, how often, how long, and what it moved. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "profile/report_int.h"

typedef struct Row { const LoopRecord *loop; const LoopCase *c; } Row;

/* 1.23 of the unit that leaves one to three digits in front of the point. */
static void scaled(char *to, size_t size, double x, const char *const *unit, int n_units, double step)
{
    int k = 0;
    while (k + 1 < n_units && x >= 999.5)
        x /= step, k++;
    snprintf(to, size, x == 0 ? "-" : "%.3g %s", x, unit[k]);
}

static void time_text(char *to, size_t size, double ns)
{
    static const char *const unit[] = { "ns", "us", "ms", "s" };
    scaled(to, size, ns, unit, 4, 1000);
}

static void bytes_text(char *to, size_t size, double bytes)
{
    static const char *const unit[] = { "B", "KB", "MB", "GB", "TB" };
    scaled(to, size, bytes, unit, 5, 1000);
}

/* Billions in a second. */
static void rate_text(char *to, size_t size, const LoopCase *c, double n)
{
    double rate = n / (double)c->time_ns;
    snprintf(to, size, c->is_uncounted || n == 0 ? "-" : rate < 99.95 ? "%.3g" : "%.0f", rate);
}

static int by_time(const void *a, const void *b)
{
    uint64_t x = ((const Row *)a)->c->time_ns, y = ((const Row *)b)->c->time_ns;
    return x < y ? 1 : x > y ? -1 : 0;
}

/* Cases with a time: those of nests, at their outermost loops. */
static uint32_t collect(const Report *r, Row *row)
{
    uint32_t n = 0;
    for (const LoopRecord *l = r->first; l; l = l->next)
        for (uint32_t i = 0; i < l->n_cases; i++)
            if (l->cases[i].time_ns) {
                if (row)
                    row[n] = (Row){ l, &l->cases[i] };
                n++;
            }
    return n;
}

void report_stats(const Report *r, ReportEmit emit, void *user)
{
    const Out o = { emit, user };
    uint32_t n = collect(r, NULL);
    Row *row = mem_alloc(r->mem, (n + 1) * sizeof *row);
    uint64_t total = 0;
    if (!row) {
        out_text(&o, "No memory for the table of nests.\n");
        return;
    }
    collect(r, row);
    qsort(row, n, sizeof *row, by_time);
    for (uint32_t i = 0; i < n; i++)
        total += row[i].c->time_ns;
    if (n)
        out_text(&o, "       time  share      runs     per run  device     outer iter/s  GFLOP/s   GB/s  launches    to device  from device  nest\n");
    for (uint32_t i = 0; i < n; i++) {
        const LoopCase *c = row[i].c;
        char time[32], each[32], up[32], down[32], flops[16], bytes[16];
        time_text(time, sizeof time, (double)c->time_ns);
        time_text(each, sizeof each, (double)c->time_ns / (double)(c->runs ? c->runs : 1));
        bytes_text(up, sizeof up, (double)c->bytes_up);
        bytes_text(down, sizeof down, (double)c->bytes_down);
        rate_text(flops, sizeof flops, c, c->flops);
        rate_text(bytes, sizeof bytes, c, c->bytes);
        out_fmt(&o, "%11s  %4.1f%%  %8" PRIu64 "  %10s  %-9s  %12.3g  %7s  %5s  %8" PRIu64 "  %11s  %11s  ", time, 100.0 * (double)c->time_ns / (double)total,
                c->runs, each, c->device ? c->device : "interp", (double)c->iterations * 1e9 / (double)c->time_ns, flops, bytes, c->n_launches, up, down);
        out_text(&o, row[i].loop->file);
        out_fmt(&o, ":%" PRIu32 "%s", row[i].loop->line, row[i].loop->function[0] ? " in " : "");
        out_text(&o, row[i].loop->function);
        out_text(&o, "\n");
    }
    char spent[32];
    time_text(spent, sizeof spent, (double)total);
    out_fmt(&o, "%s in %" PRIu32 " nest%s that ran by their plans", n ? spent : "no time", n, n == 1 ? "" : "s");
    time_text(spent, sizeof spent, (double)(r->analysis_ns + r->kernels_ns));
    out_fmt(&o, "; %s for analysis and compilation.\n", spent);
    if (r->gpu_launches) {
        char up[32], down[32];
        bytes_text(up, sizeof up, (double)r->gpu_bytes_up);
        bytes_text(down, sizeof down, (double)r->gpu_bytes_down);
        out_fmt(&o, "The GPU in all: %" PRIu64 " launches, %s to it, %s from it, %" PRIu64 " operations on whole arrays.\n", r->gpu_launches, up, down,
                r->n_whole);
    }
    mem_free(r->mem, row, (n + 1) * sizeof *row);
}
