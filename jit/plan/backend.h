/* jit/plan/backend.h — a back end as the loop engine sees it: kernels for plans, made once, run often. */
#ifndef ALP_JIT_BACKEND_H
#define ALP_JIT_BACKEND_H

#include "jit/plan/exec.h"

typedef enum KernelState {
    KERNEL_READY,
    KERNEL_MAKING,              /* in the background: ask again */
    KERNEL_ABSENT,              /* not begun */
    KERNEL_NEVER,               /* there will be none: the reason says why */
} KernelState;

/* How much the caller wants the kernel, in ascending order of what it costs. */
typedef enum KernelWish {
    WISH_None,                  /* only if this plan has it already */
    WISH_Find,                  /* also if it was made for another plan or process */
    WISH_Start,                 /* begin making it in the background */
    WISH_Wait,                  /* and wait for it */
} KernelWish;

typedef struct BackendStats {
    uint64_t n_made, n_from_disk, n_from_memory, n_failed;
    uint64_t ns;                /* making and loading */
} BackendStats;

/* What an execution asked of a device of its own. */
typedef struct BackendRun {
    uint64_t n_launches, bytes_up, bytes_down;
} BackendRun;

typedef struct Backend Backend;
struct Backend {
    const char *name;           /* "cpu" */
    BackendRun  last;           /* of the latest run() */
    /* The kernel of a plan for arrays laid out as these facts say; KERNEL_READY: in *kernel, which lives as long as the plan.  why: filled in for
     * KERNEL_NEVER. */
    KernelState (*kernel)(Backend *b, const Plan *plan, const Facts *facts, FpMode fp, KernelWish wish, void **kernel, ReasonAt *why);
    /* As exec_plan(). */
    ExecVerdict (*run)(Backend *b, void *kernel, const Plan *plan, const Facts *facts, Frame *frame, Value iterable, const NCheck **failed);
    /* NULL, or: an outermost call from the host program ends: everything asked for is done, and what the host program can look at by itself is current
     * in its memory.  ALP_FAIL: an exception is pending. */
    Status      (*finish)(Backend *b);
    /* What makes its kernels, or why there are none, for people; and what it has done so far. */
    void        (*describe)(Backend *b, char *out, size_t size, BackendStats *stats);
    /* All nests, and with them all plans, are gone. */
    void        (*close)(Backend *b);
};

/* Roughly how many operations an execution of the plan takes (work.c). */
typedef struct PlanWork {
    double ops;
    bool   is_known;            /* false: the numbers do not tell how often some loop iterates (while, break, bounds that are not affine);
                                 * 16 times was assumed */
} PlanWork;
PlanWork plan_work(const Plan *plan, const Facts *facts);
/* How often the loop iterates in one execution of its nest, all entries together; 0: it cannot be told beforehand (a while loop, a condition or a break around
 * it, bounds that are not affine), or not within bounded work.  For reports. */
uint64_t nest_iterations(const Facts *facts, const NLoop *loop);

#endif
