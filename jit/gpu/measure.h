/* jit/gpu/measure.h — a GPU's part of a Machine: from its attributes, and measured. */
#ifndef ALP_JIT_GPU_MEASURE_H
#define ALP_JIT_GPU_MEASURE_H

#include "jit/gpu/device.h"
#include "profile/measure.h"

/* What the driver tells of it, the rest completed; values measured on the same model stay.  Asks the device nothing. */
void gpu_machine(GpuDevice *d, GpuMachine *g);
/* Measures launches, copies, memory, arithmetic and atomic operations; what fails stays as it is.  Steps of `share` of the whole work together.
 * false: the device runs no kernels. */
bool gpu_measure(Measure *me, double share, GpuDevice *d, GpuMachine *g);

#endif
