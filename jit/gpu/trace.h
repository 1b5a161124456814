/* jit/gpu/trace.h — a GPU's part of the timeline: launches, timed by events in the stream.
 *
 * An event is recorded in front of and behind each launch; what they say is asked for when the device has passed them in any case. */
#ifndef ALP_JIT_GPU_TRACE_H
#define ALP_JIT_GPU_TRACE_H

#include "jit/gpu/device.h"
#include "profile/timeline.h"

typedef struct GpuTrace GpuTrace;

/* All between gpu_enter() and gpu_leave(), but for gpu_trace_free() with device false.  NULL: no memory, or no events. */
GpuTrace *gpu_trace_new(GpuDevice *d, Timeline *t);
void gpu_trace_free(GpuTrace *g, bool device);
/* In front of a launch, and behind it.  line: of the source. */
void gpu_trace_begin(GpuTrace *g);
void gpu_trace_end(GpuTrace *g, const char *kernel, unsigned line, uint64_t n_threads);
/* Tell the timeline of all launches that were noted; waits for them. */
void gpu_trace_collect(GpuTrace *g);

#endif
