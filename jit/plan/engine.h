/* jit/plan/engine.h — the loop engine: takes outermost loops from the interpreter, analyses them, and runs them by their plans where that is
 * what they mean (ordered accumulations) or where it pays: by the reference executor, or by a back end's kernels.
 *
 * Per loop of the text there is a LoopState (hung on AstFor/AstWhile.nest): the nests built for it, one per signature, each with its planner; or the reason
 * why it is no nest, in which case the loops inside it become candidates of their own. */
#ifndef ALP_JIT_ENGINE_H
#define ALP_JIT_ENGINE_H

#include "interp/engine.h"
#include "jit/plan/backend.h"
#include "profile/machine.h"
#include "profile/report.h"
#include "profile/timeline.h"

typedef enum EngineDevice {
    DEV_Auto,                   /* whoever is expected to be fastest (engine_run.c) */
    DEV_Interp,                 /* the interpreter, except where a plan has ordered accumulations: those run by the reference executor */
    DEV_Reference,              /* every nest by the reference executor (tests) */
    DEV_Cpu,                    /* every nest that can be compiled by its kernel, which is waited for */
    DEV_Gpu,                    /* likewise on the GPU; nests that it cannot run as with DEV_Cpu */
    DEV_Random,                 /* every execution by anyone who can, chosen at random; kernels are waited for (tests) */
} EngineDevice;

/* A nest that runs, for who watches. */
typedef struct EngineProgress {
    const char *file;           /* as tracebacks print it */
    uint32_t line;
    const char *device;
    double   seconds;           /* since it began */
    double   fraction, seconds_left;    /* < 0: not known */
} EngineProgress;

typedef struct EngineOptions {
    EngineDevice device;
    PlanOptions  plan;
    ExecOptions  exec;
    bool analyse;               /* false: no nests at all; every loop interpreted, accumulations in program order */
    bool always_leaves;         /* tests: DEV_Auto, also from executions that are short for certain, when their kernel is ready */
    bool report;                /* keep records for explain */
    Timeline *timeline;         /* where to note what ran when; it outlives the engine.  NULL: nowhere */
    const char *dump;           /* "nest" and "plan" in it are printed to stderr when made; NULL */
    Backend *gpu;               /* DEV_Auto, DEV_Gpu, DEV_Random; the engine's from engine_attach() on, as the next; NULL: none */
    Backend *backend;           /* the CPU's: all but DEV_Interp and DEV_Reference; NULL: none, … */
    char no_backend[200];       /* … which is worth telling; "" = was not asked for */
    uint32_t gpu_ordinal;       /* which GPU, among those that the driver shows */
    bool chooses_gpu;           /* DEV_Auto: none was named; gpu_ordinal is 0 */
    uint64_t random_seed;       /* DEV_Random */
    /* NULL, or: called by engine_look() ten times a second while a nest takes more than a second; p NULL: it has ended. */
    void   (*progress)(void *user, const EngineProgress *p);
    void    *progress_user;
    bool     keeps_history;     /* what was measured is kept in the folder of the kernel cache */
    const Machine *machine;     /* tests: that the model is asked about; borrowed.  NULL: this one, by its profile */
    uint64_t (*now)(void);      /* tests: nanoseconds.  NULL: CLOCK_MONOTONIC's */
} EngineOptions;

void   engine_options_init(EngineOptions *o);
/* Make vm use the engine.  ALP_FAIL: no memory. */
Status engine_attach(VM *vm, const EngineOptions *o);
/* An outermost call from the host program ends (Backend.finish).  ALP_FAIL: an exception is pending. */
Status engine_finish(VM *vm);
/* The program looks whether it is to stop (VM.poll_fn): tell how far the present nest is. */
void   engine_look(VM *vm);
/* The record of all loops so far; NULL: none is kept. */
Report *engine_report(VM *vm);
/* Add the loops of a chunk that were not reached, for explain. */
Status engine_report_unreached(VM *vm, Chunk *chunk);
/* Graphviz text of the nest whose outermost loop starts at `line`, or of the first nest for line 0.  ALP_FAIL: there is none. */
Status engine_graph(VM *vm, uint32_t line, ReportEmit emit, void *user);

#endif
