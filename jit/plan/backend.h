/* jit/plan/backend.h — a back end as the loop engine sees it: kernels for plans, made once, run often. */
#ifndef ALP_JIT_BACKEND_H
#define ALP_JIT_BACKEND_H

#include "jit/plan/exec.h"
#include "profile/machine.h"

typedef enum KernelState {
    KERNEL_READY,
    KERNEL_MAKING,              /* in the background: ask again */
    KERNEL_ABSENT,              /* not begun */
    KERNEL_NEVER,               /* there will be none: the reason says why */
} KernelState;

/* How much the caller wants the kernel, in ascending order of what it costs. */
typedef enum KernelWish {
    WISH_None,                  /* only if this plan has it already */
    WISH_Find,                  /* also if it was made for another plan or process: a look into memory and on disk */
    WISH_Prepare,               /* … and if it was not, get ready to make it: most likely that will be asked for */
    WISH_Start,                 /* begin making it in the background */
    WISH_Wait,                  /* and wait for it */
} KernelWish;

typedef struct BackendStats {
    uint64_t n_made, n_from_disk, n_from_memory, n_failed;
    uint64_t ns;                /* making and loading */
    uint64_t n_launches, bytes_up, bytes_down;      /* what its device has been asked for by the whole process */
} BackendStats;

/* What an execution asked of a device of its own. */
typedef struct BackendRun {
    uint64_t n_launches, bytes_up, bytes_down;
    uint64_t copy_ns;           /* that the arrays' way there took, if it was waited for (Backend.waits) */
} BackendRun;

/* Where an array's bytes are, for a device of its own; or-ed. */
enum {
    RESIDENCE_Missing = 1,      /* they would have to be copied to the device */
    RESIDENCE_Away = 2,         /* the host's are not current: they would have to be copied back */
};

typedef struct Backend Backend;
struct Backend {
    const char *name;           /* "cpu" */
    BackendRun  last;           /* of the latest run() */
    uint32_t    n_threads_max;  /* that run() may use; 0 and 1: one */
    /* What the caller wants of the next run(): */
    uint32_t    n_threads;      /* most threads, where it uses several; 0: as many as it may */
    _Atomic uint64_t *done;     /* NULL, or: run() adds iterations of outermost parallel loops to it, as they are done */
    bool        waits;          /* it ends when all that it asked of a device is done, so that the time it takes is the whole time */
    /* The kernel of a plan for arrays laid out as these facts say; KERNEL_READY: in *kernel, which lives as long as the plan.  why: filled in for
     * KERNEL_NEVER. */
    KernelState (*kernel)(Backend *b, const Plan *plan, const Facts *facts, FpMode fp, KernelWish wish, void **kernel, ReasonAt *why);
    /* As exec_plan(). */
    ExecVerdict (*run)(Backend *b, void *kernel, const Plan *plan, const Facts *facts, Frame *frame, Value iterable, const NCheck **failed);
    /* NULL: there is nothing to open.  Else the device, as far as `wish` asks for it (WISH_Start: in the background), and KERNEL_NEVER: there is none.  kernel()
     * waits until it is open. */
    KernelState (*open)(Backend *b, KernelWish wish);
    /* NULL, or: open() is to open this one of m's GPUs, unless it has opened one.  If the driver shows other devices than m has, open() stops when that is known: it
     * says KERNEL_ABSENT, and attributes() tells which there are.  m NULL: it opens this one whatever there is. */
    void        (*choose)(Backend *b, uint32_t ordinal, const Machine *m);
    /* NULL, or: how many devices the driver shows, and what it tells of one of them (the texts last until the next call; name "": nothing), once open() has begun;
     * before: 0. */
    uint32_t    (*attributes)(Backend *b, uint32_t ordinal, GpuAttributes *out);
    /* NULL, or: a buffer's RESIDENCE_…, in some nanoseconds, whether it has been opened or not. */
    unsigned    (*residence)(Backend *b, const Buffer *buffer);
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
