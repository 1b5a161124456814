/* jit/gpu/open.h — opening a device in the background. */
#ifndef ALP_JIT_GPU_OPEN_H
#define ALP_JIT_GPU_OPEN_H

#include "dsl/base.h"

/* Is it known whether there is such a device?  If not, begin: a thread of its own finds out. */
bool gpu_open(int ordinal, bool begin);
bool gpu_is_opening(int ordinal);
/* What was begun is given up, if it is not done yet; no thread is at it when this returns. */
void gpu_open_end(int ordinal);

#endif
