/* jit/gpu/trace.c — see trace.h.  Times of events are differences: all are taken from a base, whose place in the host's time is known because the host waited for it.
 * The driver gives differences as floats of milliseconds, so the base moves on whenever launches are collected. */
#include "jit/gpu/trace.h"

#include <stdio.h>
#include <stdlib.h>

enum { MAX_NOTED = 512 };

typedef struct NotedLaunch {
    CUevent  start, end;
    char     name[48];
    uint64_t n_threads;
    unsigned line;
} NotedLaunch;

struct GpuTrace {
    GpuDevice *device;
    Timeline  *timeline;
    CUevent    base;
    uint64_t   base_ns;
    uint32_t   n, n_events;     /* launches noted; of them, how many have events of their own by now */
    NotedLaunch noted[MAX_NOTED];
};

static bool works(const GpuTrace *g, CUresult r, const char *what)
{
    return gpu_check(g->device, r, what) == GPU_OK;
}

static bool record(const GpuTrace *g, CUevent e)
{
    return works(g, g->device->cu->EventRecord(e, g->device->stream), "cuEventRecord");
}

/* Waits for everything. */
static bool set_base(GpuTrace *g)
{
    if (!record(g, g->base) || !works(g, g->device->cu->EventSynchronize(g->base), "cuEventSynchronize"))
        return false;
    g->base_ns = timeline_now();
    return true;
}

GpuTrace *gpu_trace_new(GpuDevice *d, Timeline *t)
{
    GpuTrace *g = calloc(1, sizeof *g);
    if (!g)
        return NULL;
    g->device = d;
    g->timeline = t;
    if (works(g, d->cu->EventCreate(&g->base, 0), "cuEventCreate") && set_base(g))
        return g;
    free(g);
    return NULL;
}

void gpu_trace_free(GpuTrace *g, bool device)
{
    if (device) {
        gpu_trace_collect(g);
        for (uint32_t i = 0; i < g->n_events; i++) {
            g->device->cu->EventDestroy(g->noted[i].start);
            g->device->cu->EventDestroy(g->noted[i].end);
        }
        g->device->cu->EventDestroy(g->base);
    }
    free(g);
}

void gpu_trace_begin(GpuTrace *g)
{
    if (g->n == MAX_NOTED)
        gpu_trace_collect(g);
    NotedLaunch *l = &g->noted[g->n];
    if (g->n == g->n_events) {
        if (!works(g, g->device->cu->EventCreate(&l->start, 0), "cuEventCreate"))
            return;
        if (!works(g, g->device->cu->EventCreate(&l->end, 0), "cuEventCreate")) {
            g->device->cu->EventDestroy(l->start);
            return;
        }
        g->n_events++;
    }
    record(g, l->start);
}

void gpu_trace_end(GpuTrace *g, const char *kernel, unsigned line, uint64_t n_threads)
{
    NotedLaunch *l = &g->noted[g->n];
    if (g->n == g->n_events || !record(g, l->end))
        return;
    snprintf(l->name, sizeof l->name, "%s, line %u", kernel, line);
    l->line = line;
    l->n_threads = n_threads;
    g->n++;
}

void gpu_trace_collect(GpuTrace *g)
{
    const GpuDriver *cu = g->device->cu;
    uint64_t base_ns = g->base_ns;
    if (g->n == 0)
        return;
    if (works(g, cu->EventSynchronize(g->noted[g->n - 1].end), "cuEventSynchronize"))
        for (uint32_t i = 0; i < g->n; i++) {
            const NotedLaunch *l = &g->noted[i];
            float start = 0, ms = 0;
            if (cu->EventElapsedTime(&start, g->base, l->start) != CUDA_SUCCESS || cu->EventElapsedTime(&ms, l->start, l->end) != CUDA_SUCCESS)
                continue;
            uint64_t at = base_ns + (uint64_t)((double)start * 1e6);
            timeline_span(g->timeline, TRACK_Gpu, l->name, at, at + (uint64_t)((double)ms * 1e6), "\"line\": %u, \"threads\": %llu", l->line,
                          (unsigned long long)l->n_threads);
        }
    g->n = 0;
    set_base(g);
}
