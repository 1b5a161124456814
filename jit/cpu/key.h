/* jit/cpu/key.h — everything that the code of a kernel depends on, as bytes: two plans with equal keys have the same kernel.
 *
 * A walk over plan and nest that writes down each field the emitter reads; names, spans and reasons do not matter. */
#ifndef ALP_JIT_CPU_KEY_H
#define ALP_JIT_CPU_KEY_H

#include "jit/cpu/plugin.h"

/* malloc'ed; NULL: no memory. */
char *kernel_key(const Plan *plan, const CpuCompileOptions *opt, const char *compiler, size_t *size);

#endif
