/* jit/cpu/abi.h — what compiled kernels and the run time know of each other.
 *
 * A kernel is position-independent code without references to symbols: everything outside it is reached through CpuRun, so that its object code can be
 * kept on disk and loaded by another process.  Changing anything here changes CPU_ABI_VERSION. */
#ifndef ALP_JIT_CPU_ABI_H
#define ALP_JIT_CPU_ABI_H

#include "interp/array.h"

enum { CPU_ABI_VERSION = 1 };

/* A variable of the nest in memory: by its rep i64 (bool 0/1 and all integer reps, sign- or zero-extended), f64, f32, or two parts. */
typedef union CpuScalar {
    int64_t i;
    double  f64;
    float   f32;
    double  z64[2];
    float   z32[2];
} CpuScalar;

typedef struct CpuArray {
    char   *data;
    int64_t shape[ALP_MAX_NDIM];
    int64_t stride[ALP_MAX_NDIM];       /* bytes */
} CpuArray;

/* How a kernel ended. */
typedef enum CpuStatus {
    CPU_DONE = 0,
    CPU_BROKE = 1,              /* the outermost loop was left by break */
    CPU_RETURNED = 2,           /* run->ret holds the value (if any) */
    CPU_FAILED = 3,             /* run->failed_check says which check */
    CPU_STOPPED = 4,            /* run->stop was seen */
} CpuStatus;

typedef struct CpuRun CpuRun;

/* Iterations [lo, hi) of a parallel loop.  frame: the kernel's own memory of the enclosing scope.  Returns a CpuStatus: CPU_DONE, CPU_FAILED or CPU_STOPPED. */
typedef int32_t (*CpuBody)(CpuRun *run, void *frame, int64_t lo, int64_t hi, int64_t part);
typedef int32_t (*CpuEntry)(CpuRun *run);

struct CpuRun {
    CpuScalar *var;             /* [n_vars] by NVar id: values on entry; assigned variables' values at exit */
    CpuArray  *array;           /* [n_arrays] by NArray id */
    int64_t   *sym;             /* [n_syms] */
    CpuScalar  ret;
    int32_t    ret_stmt;        /* CPU_RETURNED: id of the Return that was reached */
    int32_t    root_ran;        /* CPU_DONE, CPU_BROKE, CPU_RETURNED: 1 if the outermost loop ran an iteration */
    _Atomic int *stop;          /* read every few thousand iterations; not 0: poll() is called, */
    int32_t  (*poll)(CpuRun *run);      /* … and if it returns other than 0, the function returns CPU_STOPPED */
    _Atomic int32_t failed_check;       /* 1 + index of a check that failed; 0: none */
    /* Run body over [0, n) in parts whose bounds are multiples of `grain`, on the pool or here.  uneven: later iterations cost more or less than
     * earlier ones (triangular): parts are made smaller and handed out one after the other.  n_parts_max: most parts, 0 = no limit.
     * Returns the worst CpuStatus of the parts.  `part` numbers parts in order of their iterations. */
    int32_t  (*parallel)(CpuRun *run, CpuBody body, void *frame, int64_t n, int64_t grain, int32_t uneven);
    /* Memory for partial results and expanded scalars, valid until the kernel ends, aligned to 16 bytes; called by any thread.  NULL: no memory (the kernel
     * returns CPU_FAILED with failed_check -1). */
    void    *(*alloc)(CpuRun *run, int64_t size);
    /* Elementary functions by NFunId, as double(double), double(double, double), float(float), float(float, float). */
    void *const *fun_f64, *const *fun_f32;
    /* The operation of nest->exprs[id] on operands a and b (b unused where it has one), as the reference executor does it, check included:
     * rare and complicated ones.  0: done; 1: the check failed. */
    int32_t  (*slow)(CpuRun *run, int32_t id, CpuScalar *result, const CpuScalar *a, const CpuScalar *b);
    /* The canonical tree above the chunks: n > 0 chunk results at buffer (elements of dtype rep: double, float, or two of them), op TREE_Add or TREE_Mul. */
    void     (*fold)(CpuRun *run, int32_t op, int32_t rep, const void *buffer, int64_t n, CpuScalar *result);
    void      *user;            /* the run time's */
};

#endif
