/* jit/cpu/link.h — elementary functions for the module of a kernel. */
#ifndef ALP_JIT_CPU_LINK_H
#define ALP_JIT_CPU_LINK_H

#include <stdbool.h>
#include <stddef.h>

#include <llvm-c/Types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The plug-in holds the functions of interp/elem. */
bool link_has_functions(void);
/* Functions that the module declares and does not define are taken from the plug-in's, with what they call, and become its own, to be inlined.
 * *n: how many are declared.  False: `error` says why. */
bool link_functions(LLVMModuleRef module, int *n, char *error, size_t error_size);
/* Behind the vectoriser: of the forms for vectors those that it did not use are taken out. */
void link_drop_unused(LLVMModuleRef module);

#ifdef __cplusplus
}
#endif
#endif
