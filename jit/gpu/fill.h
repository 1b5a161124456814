/* jit/gpu/fill.h — the bytes of fresh arrays (interp/fresh.h), made on a device. */
#ifndef ALP_JIT_GPU_FILL_H
#define ALP_JIT_GPU_FILL_H

#include "interp/fresh.h"
#include "jit/gpu/device.h"

/* Does it take a kernel? */
bool      fill_needs_kernel(const Fresh *fresh);
/* Make the kernels, once per device; not between gpu_enter() and gpu_leave().  Where that fails, fill() refuses. */
void      fill_prepare(GpuDevice *d, bool use_disk);
/* Between gpu_enter() and gpu_leave().  *refused: it needs a kernel that is not there; nothing has happened. */
GpuStatus fill(GpuDevice *d, CUdeviceptr to, const Fresh *fresh, bool *refused);

#endif
