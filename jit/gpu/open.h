/* jit/gpu/open.h — opening a device in the background. */
#ifndef ALP_JIT_GPU_OPEN_H
#define ALP_JIT_GPU_OPEN_H

#include "dsl/base.h"

/* Is it known whether there is such a device?  If not, begin: a thread of its own finds out; unless gpu_is_as_believed() says no. */
bool gpu_open(int ordinal, uint64_t believed, bool begin);
bool gpu_is_opening(int ordinal);
/* It was begun, and ended with that no. */
bool gpu_has_stopped(int ordinal);
/* What was begun is given up, if it is not done yet; no thread is at it when this returns. */
void gpu_open_end(int ordinal);

#endif
