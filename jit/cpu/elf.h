/* jit/cpu/elf.h — makes an ELF relocatable object (a compiled kernel) executable in this process: maps its sections and applies its relocations.
 *
 * Small enough to be done without LLVM, so that a kernel from the disk cache needs no plug-in.  Kernels refer to nothing outside but a few functions of
 * the C library that LLVM inserts by itself (memset, fmod …).  x86-64 and AArch64, small code model, position-independent. */
#ifndef ALP_JIT_CPU_ELF_H
#define ALP_JIT_CPU_ELF_H

#include "dsl/base.h"

typedef struct ElfImage {
    char  *base;                /* one mapping; code read-only and executable, data readable */
    size_t size;
    void  *entry;
} ElfImage;

/* entry_name: the global symbol to be found.  ALP_FAIL: error says why (a text that lives for ever); nothing is kept.  Damaged objects are
 * refused where that can be told; whoever reads them from disk has a checksum. */
Status elf_load(const char *bytes, size_t size, const char *entry_name, ElfImage *out, const char **error);
void   elf_unload(ElfImage *image);

#endif
