/* jit/plan/engine.h — the loop engine: takes outermost loops from the interpreter, analyses them, and runs them by their plans where that is
 * what they mean (ordered accumulations) or where it pays: by the reference executor, or by a back end's kernels.
 *
 * Per loop of the text there is a LoopState (hung on AstFor/AstWhile.nest): the nests built for it, one per signature, each with its planner; or the reason
 * why it is no nest, in which case the loops inside it become candidates of their own. */
#ifndef ALP_JIT_ENGINE_H
#define ALP_JIT_ENGINE_H

#include "interp/engine.h"
#include "jit/plan/backend.h"
#include "profile/report.h"
#include "profile/timeline.h"

typedef enum EngineDevice {
    DEV_Auto,                   /* a back end where it pays; until its kernel is ready the reference executor; the interpreter for what is small */
    DEV_Interp,                 /* the interpreter, except where a plan has ordered accumulations: those run by the reference executor */
    DEV_Reference,              /* every nest by the reference executor (tests) */
    DEV_Cpu,                    /* every nest that can be compiled by its kernel, which is waited for */
    DEV_Gpu,                    /* likewise on the GPU; nests that it cannot run as with DEV_Cpu */
} EngineDevice;

typedef struct EngineOptions {
    EngineDevice device;
    PlanOptions  plan;
    ExecOptions  exec;
    bool analyse;               /* false: no nests at all; every loop interpreted, accumulations in program order */
    bool always_leaves;         /* tests: DEV_Auto, also from executions that are short for certain, when their kernel is ready */
    bool report;                /* keep records for explain */
    Timeline *timeline;         /* where to note what ran when; it outlives the engine.  NULL: nowhere */
    const char *dump;           /* "nest" and "plan" in it are printed to stderr when made; NULL */
    Backend *gpu;               /* DEV_Gpu; the engine's from engine_attach() on, as the next; NULL: none */
    Backend *backend;           /* the CPU's: DEV_Auto, DEV_Cpu, DEV_Gpu; NULL: none, … */
    char no_backend[200];       /* … which is worth telling; "" = was not asked for */
} EngineOptions;

void   engine_options_init(EngineOptions *o);
/* Make vm use the engine.  ALP_FAIL: no memory. */
Status engine_attach(VM *vm, const EngineOptions *o);
/* An outermost call from the host program ends (Backend.finish).  ALP_FAIL: an exception is pending. */
Status engine_finish(VM *vm);
/* The record of all loops so far; NULL: none is kept. */
Report *engine_report(VM *vm);
/* Add the loops of a chunk that were not reached, for explain. */
Status engine_report_unreached(VM *vm, Chunk *chunk);
/* Graphviz text of the nest whose outermost loop starts at `line`, or of the first nest for line 0.  ALP_FAIL: there is none. */
Status engine_graph(VM *vm, uint32_t line, ReportEmit emit, void *user);

#endif
