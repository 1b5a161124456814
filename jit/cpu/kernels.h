/* jit/cpu/kernels.h — private to the CPU back end: what runtime.c (making kernels) and launch.c (running them) share. */
#ifndef ALP_JIT_CPU_KERNELS_H
#define ALP_JIT_CPU_KERNELS_H

#include <stdatomic.h>

#include "jit/cpu/cpu.h"
#include "jit/cpu/elf.h"

typedef enum KernelPhase { K_New, K_Compiling, K_Ready, K_Failed } KernelPhase;

/* Belongs to the process.  All but state is guarded by runtime.c's lock until state is K_Ready, and constant then. */
typedef struct CpuKernel {
    struct CpuKernel *next;     /* in its bucket */
    char    *key;
    size_t   key_size;
    uint32_t refs;              /* plans that remember it, and the thread that compiles it */
    _Atomic int state;          /* KernelPhase */
    bool     is_not_on_disk;    /* when it was looked for; guarded by runtime.c's lock, like the rest */
    uint64_t used;              /* of the process' clock of uses, for eviction */
    ElfImage image;
    char    *dump;              /* code as text, not told yet; NULL: none */
    size_t   dump_size;
    char     error[256];        /* K_Failed */
} CpuKernel;

typedef struct CpuBackend {
    Backend    base;
    VM        *vm;
    CpuOptions opt;
    BackendStats stats;         /* guarded by runtime.c's lock */
} CpuBackend;

/* Backend.run. */
ExecVerdict cpu_launch(Backend *b, void *kernel, const Plan *plan, const Facts *facts, Frame *frame, Value iterable, const NCheck **failed);

#endif
