/* jit/cpu/guard.h — private to the LLVM plug-in: LLVM called so that it cannot end the process. */
#ifndef ALP_JIT_CPU_GUARD_H
#define ALP_JIT_CPU_GUARD_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Calls fn(user).  False: LLVM gave up in it, error (of `size` bytes) says why.  What it held then, memory and locks, is lost: nothing of LLVM is to be
 * called again. */
bool guard_call(void (*fn)(void *user), void *user, char *error, size_t size);

#ifdef __cplusplus
}
#endif

#endif
