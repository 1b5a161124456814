/* jit/cpu/cpu.h — the CPU back end: kernels of plans, compiled in the background, cached, run on the pool.
 *
 * The compiler is a plug-in (plugin.h), looked for when a back end is made and opened at the first compilation. */
#ifndef ALP_JIT_CPU_H
#define ALP_JIT_CPU_H

#include "jit/cpu/plugin.h"
#include "jit/plan/backend.h"

typedef struct CpuOptions {
    int  n_threads;             /* 0: pool_default_threads() */
    const char *isa;            /* a name of cpu_isa_known(), borrowed; NULL: ALPY_ISA in the environment, else the host's own */
    bool no_disk_cache;
    bool spread_all;            /* tests: parallel loops of any size in the smallest parts, the last one first */
    /* "llvm" or "asm" in it: the code of each kernel is told when it is made, in the thread that asked for it; NULL: nothing. */
    const char *dump;
    void (*dump_fn)(void *user, const char *text, size_t size);
    void  *dump_user;
} CpuOptions;

/* Is there a plug-in?  If not, why says so.  Nothing is opened. */
bool cpu_is_available(char *why, size_t size);
/* "sse2", "avx2", "avx512", "native". */
bool cpu_isa_known(const char *isa);

/* "LLVM 19.1.7, from /usr/lib/alpy/alpy-llvm.so", or why there is none; opens what is there. */
void cpu_about(char *out, size_t size);

/* One per VM; kernels and plug-in are shared by the process.  NULL: no memory. */
Backend *cpu_backend_new(VM *vm, const CpuOptions *o);

#endif
