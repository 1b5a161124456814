/* jit/cpu/plugin.h — the table of functions of the LLVM plug-in, a shared object opened at the first compilation (alpy-llvm.so).
 *
 * The plug-in turns a plan into object code and knows nothing else of alpy: it sees the structures of nest.h and plan.h, and the ABI. */
#ifndef ALP_JIT_CPU_PLUGIN_H
#define ALP_JIT_CPU_PLUGIN_H

#include "jit/cpu/abi.h"
#include "jit/plan/array_layout.h"

enum { CPU_PLUGIN_VERSION = 2 };

/* What a kernel may take for granted about its arrays beyond the plan; part of its key. */
typedef struct CpuLayout {
    const uint8_t  *stride;     /* [n_arrays * ALP_MAX_NDIM] LAYOUT_… */
    const uint32_t *group;      /* [n_arrays]: arrays with different numbers share no byte */
} CpuLayout;

typedef struct CpuCompileOptions {
    FpMode fp;
    CpuLayout layout;
    const char *cpu;            /* LLVM's names: "znver4", "x86-64-v3" …; NULL: the host */
    const char *features;       /* "+avx2,-avx512f"; NULL: the host's */
    int  prefer_vector_width;   /* bits; 0: LLVM's choice */
    int  opt_level;             /* 0 … 3 */
    bool tsan;                  /* instrument for ThreadSanitizer (tests) */
    bool spread_all;            /* tests: parallel loops of any size go to threads, in the smallest parts */
    /* Called with the text of the module (after optimisation: "llvm", before: "llvm0") or the assembly ("asm"); NULL: not wanted. */
    void (*dump)(void *user, const char *what, const char *text, size_t size);
    void  *dump_user;
} CpuCompileOptions;

typedef struct CpuObject {
    char  *bytes;               /* ELF relocatable object, malloc'ed; freed by free_object */
    size_t size;
    uint64_t emit_ns, optimise_ns, codegen_ns;
} CpuObject;

typedef struct CpuPlugin {
    int  version;               /* CPU_PLUGIN_VERSION */
    int  abi_version;
    size_t plan_size;           /* sizeof(Plan), sizeof(Nest): a plug-in of another build is refused */
    size_t nest_size;
    const char *llvm_version;   /* "19.1.7" */
    const char *build_id;
    /* 0: *out filled.  Else error_text says why (at most 255 bytes), nothing is to be freed.  Any number of threads may compile at the same time, each
     * with a stack of some MiB.  Never ends the process: when LLVM gives up, this and all later calls fail. */
    int  (*compile)(const Plan *plan, const CpuCompileOptions *opt, CpuObject *out, char error_text[256]);
    void (*free_object)(CpuObject *object);
} CpuPlugin;

/* The one symbol of the plug-in. */
typedef const CpuPlugin *(*CpuPluginGet)(void);
#define CPU_PLUGIN_SYMBOL "alpy_llvm_plugin"

#endif
