/* jit/gpu/gpu.h — the GPU back end: kernels of plans in CUDA C, compiled by NVRTC, run on one device; arrays stay there. */
#ifndef ALP_JIT_GPU_H
#define ALP_JIT_GPU_H

#include "jit/gpu/driver.h"
#include "jit/plan/backend.h"
#include "profile/timeline.h"

typedef struct GpuOptions {
    int  ordinal;               /* -1: the first visible device */
    bool no_disk_cache;
    const char *dump;           /* "cuda" in it: each text is told when it is made; NULL: nothing */
    void (*dump_fn)(void *user, const char *text, size_t size);
    void  *dump_user;
    Timeline *timeline;         /* where to note what ran when; it outlives the back end.  NULL: nowhere */
} GpuOptions;

/* One per VM.  The device is opened when the first kernel is wanted.  NULL: no memory. */
Backend *gpu_backend_new(VM *vm, const GpuOptions *o);
/* "NVIDIA H100 80GB HBM3, compute capability 9.0, driver 13.0, NVRTC 13.0 from libnvrtc.so.13"; opens what is there. */
void gpu_describe(char *out, size_t size);

#endif
