/* jit/gpu/gpu_int.h — private to the GPU back end proper, and the seams between its parts:
 *
 *   gpu.c           kernels of plans, by the layout of the arrays; the back end's life
 *   open.c          opening the device in the background
 *   image.c         their texts, compiled: shared by the process and kept on disk
 *   run.c           one execution: arrays to the device, the walk over the program's steps, variables and arrays back
 *   replay.c        launches that a loop of the host repeats
 *   undo.c          putting arrays back when a check has failed
 *   launch.c        one kernel: iterations, grid, parameters, scratch memory, time limits
 *   host_eval.c     expressions and statements without array elements, on the host
 *
 * Sides of a variable.  Its value is in the slot on the host, in the device's block, or in both.  A kernel that is launched is told the value, or, if only the device
 * has it, the address; the host asks for it (gpu_fetch(), which waits for the device) only when it evaluates the variable itself. */
#ifndef ALP_JIT_GPU_INT_H
#define ALP_JIT_GPU_INT_H

#include <stdatomic.h>

#include "jit/gpu/buffer.h"
#include "jit/gpu/gpu.h"
#include "jit/gpu/image.h"
#include "jit/gpu/open.h"
#include "jit/gpu/program.h"
#include "jit/gpu/trace.h"
#include "jit/plan/exec_code.h"

enum { GPU_MAX_PARAMS = 512 };          /* 4 KiB, which every driver takes */

/* What launch.c knows of a kernel (GpuKernel.launch). */
typedef struct GpuLaunch {
    CUfunction function;
    double    ns_per_unit;              /* as it was measured; 0: never */
    int64_t   n_measured;               /* units that were */
    uint64_t  word[];                   /* [n_params] */
} GpuLaunch;

/* Device memory for one execution at a time; the back end keeps those that it once needed. */
typedef struct Workspace {
    struct Workspace *next;
    CUdeviceptr block;                  /* GpuStatusBlock, and a Slot for each variable */
    CUdeviceptr scratch;
    size_t    block_size, scratch_size;
    bool      is_clean;                 /* the status block is zero */
    CUevent   mark[2];                  /* behind what was asked for some time ago, and some time before that, alternating; NULL: not made yet */
    uint32_t  n_marks;
    double    in_flight_ns;             /* estimated, of what was launched since the last mark */
} Workspace;

typedef struct GpuBackend {
    Backend    base;
    VM        *vm;
    GpuOptions opt;
    BackendStats stats;
    bool       has_looked;              /* for the device */
    GpuDevice *device;                  /* NULL: why_not */
    const char *why_not;
    uint64_t   believed;                /* the devices of which opt.ordinal was chosen, a list by gpu_add_name(); 0: it was named */
    bool       sees_others;             /* the driver is open, and has not these */
    char       told[128];               /* attributes(): a device's name */
    Workspace *workspaces;              /* not in use */
    GpuTrace  *trace;                   /* NULL: nobody wants to see what ran when */
    int       *stop;                    /* pinned memory that kernels read: not 0: they are to stop; NULL: not needed yet */
} GpuBackend;

typedef struct ArrayOnDevice {
    GpuBuffer *held;                    /* NULL: shared with an array before it, or not needed */
    CUdeviceptr data, old;              /* of element [0, …]; where it was in front of the nest */
} ArrayOnDevice;

typedef struct ExpandRoom { CUdeviceptr at; int64_t count; } ExpandRoom;
/* What was in a buffer, in case that a check fails. */
typedef enum UndoKind {
    UNDO_Host,                  /* the host's bytes are current, too */
    UNDO_Elsewhere,             /* all of it: kernels write to `copy` instead of `lo` */
    UNDO_Copy,                  /* bytes [lo, lo + size) were copied to `copy` */
} UndoKind;
typedef struct DeviceUndo { UndoKind kind; GpuBuffer *buffer; CUdeviceptr lo, copy; size_t size; } DeviceUndo;

typedef enum VarSide { VAR_Host, VAR_Device, VAR_Both } VarSide;

typedef struct PlanKernel PlanKernel;
typedef struct Replay Replay;

/* One execution; kept with the plan's kernel for the next one. */
typedef struct GpuRun {
    struct GpuRun *next;
    bool         in_use;
    /* room, made once */
    uint8_t     *side;                  /* [n_slots] VarSide */
    Slot        *down;                  /* [1 + n_slots] the device's block as it was fetched last: GpuStatusBlock and slots */
    ArrayOnDevice *array;               /* [n_arrays] */
    ExpandRoom  *expand;                /* [n_vars] */
    DeviceUndo  *undo;                  /* [n_arrays] */
    Replay      *replay;                /* NULL: nothing has been repeated so far */
    uint8_t     *axis;                  /* [n_loops] while bounds of a grid are found: 1 + the axis that is a source of, … */
    int64_t      low[2], high[2];       /* … whose counter lies between these; 0: none */
    /* this execution */
    GpuBackend  *backend;
    GpuDevice   *device;
    PlanKernel  *kernel;
    GpuProgram  *program;
    const Plan  *plan;
    const Facts *facts;
    Prog        *prog;
    Workspace   *ws;
    uint32_t     n_undo;
    bool         is_inside;             /* between gpu_enter() and gpu_leave() */
    bool         has_launched;          /* arrays may have been written */
    bool         undo_is_due;           /* gpu_undo_begin() is still to come, in front of the first launch, */
    bool         is_restorable, is_restored;    /* … gpu_undo_restore() can be called, has been */
    bool         stays;                 /* what was written is to stay */
    bool         was_stopped;           /* GPU_STOPPED */
    bool         knows_root, root_ran;  /* whether the outermost loop ran an iteration */
    bool         is_broke;
    /* ended before its time: stop, and why */
    bool         stop, has_failed, has_raised, no_memory, is_lost;
    uint32_t     failed;                /* check */
    const NStmt *target;                /* of FLOW_Leave and FLOW_Next */
    const NStmt *returned;
    Slot         ret;
    uint64_t     next_look_ns;
    GpuCounters  before;
    uint64_t     start_ns;              /* if there is a timeline */
} GpuRun;

/* What hangs on a plan: the kernels for one layout of the arrays. */
struct PlanKernel {
    PlanKernel *next;
    VM         *vm;
    uint32_t    n_arrays;
    uint8_t    *stride;                 /* as in GpuLayout */
    uint32_t   *group;
    const NStmt **whole_store;          /* [n_arrays] gpu_undo_whole_store() of each */
    bool       *reads_old;              /* [n_arrays] gpu_reads_old(), and that is what the program's only kernel does */
    bool        small, polls;
    FpMode      fp;
    GpuDevice  *device;
    GpuProgram *program;                /* NULL: it cannot be one, */
    ReasonAt    why;                    /* … because */
    GpuImage   *image;                  /* NULL: nobody has asked for it yet */
    bool        from_memory;            /* the image was there when it was first asked for */
    bool        is_one_launch;          /* that is all of the program */
    const NStmt *root_after;            /* the last statement in front of the outermost loop that assigns what its trip count depends on, … */
    const NVar *root_var;               /* … namely this variable; NULL: none does */
    bool        root_on_host;           /* a step of the program is the outermost loop, a While */
    bool        is_refused;             /* the driver will not launch it: why */
    bool        is_ready;               /* loaded, and every GpuKernel.launch made */
    unsigned    line;                   /* of the source */
    GpuRun     *runs;
    size_t      run_size;
};

/* ---- run.c ---- */
/* Backend.run. */
ExecVerdict gpu_run(Backend *b, void *kernel, const Plan *plan, const Facts *facts, Frame *frame, Value iterable, const NCheck **failed);
/* Device memory and rooms that executions keep; between gpu_enter() and gpu_leave(), or, device false, without the device's part. */
void gpu_runs_free(PlanKernel *k, bool device);
void gpu_workspaces_free(GpuBackend *b, bool device);
/* The execution ends: a check fails. */
void gpu_fails(GpuRun *x, uint32_t check);
/* True: GPU_OK; else the execution ends. */
bool gpu_goes_on(GpuRun *x, GpuStatus s);
/* Somebody may want the execution to end.  True: it does. */
bool gpu_looks(GpuRun *x);
static inline bool gpu_tick(GpuRun *x)
{
    return UNLIKELY(atomic_load_explicit(&x->backend->vm->attention, memory_order_relaxed)) && gpu_looks(x);
}
/* Wait for what was asked for, up to the event if there is one; somebody may want the execution to end meanwhile.  False: it does. */
bool gpu_waits(GpuRun *x, CUevent e);
/* Wait, and bring the device's block to x->down, variables that only the device has from there to their slots; false: the execution ends. */
bool gpu_fetch(GpuRun *x);

static inline CUdeviceptr gpu_slot_at(const GpuRun *x, uint32_t id)
{
    return x->ws->block + sizeof(GpuStatusBlock) + (CUdeviceptr)id * sizeof(Slot);
}

/* ---- replay.c ---- */
/* The host begins a loop of so many iterations; true: it is watched, and gpu_replay_iterates() is to be called in front of each of them (`left` are still to
 * come, with it), gpu_replay_ends() behind the last. */
bool gpu_replay_begins(GpuRun *x, const GpuStep *step, int64_t trip);
bool gpu_replay_iterates(GpuRun *x, const GpuStep *step, int64_t left);         /* false: the execution ends */
bool gpu_replay_ends(GpuRun *x);
/* Something else than a launch is going to be asked of the stream.  False: the execution ends. */
bool gpu_replay_yields(GpuRun *x);
/* A launch, whose parameters are k->launch's words.  *taken: it is held back, or done.  False: the execution ends. */
bool gpu_replay_takes(GpuRun *x, const GpuKernel *k, const uint64_t grid[3], bool *taken);
void gpu_replay_free(GpuRun *x, Mem *mem, bool device);

/* ---- undo.c ---- */
/* A store that writes the array for certain, in every iteration of the loops around it; NULL: none is known. */
const NStmt *gpu_undo_whole_store(const Nest *n, const NArray *a);
/* What written arrays hold now can be had again.  in_one: one launch does all that the nest does.  False: the execution ends. */
bool gpu_undo_begin(GpuRun *x, bool in_one);
/* They hold it again, and are not written by this execution.  False: the execution ends. */
bool gpu_undo_restore(GpuRun *x);
/* stays: what was written stays.  Not behind gpu_undo_restore(). */
void gpu_undo_end(GpuRun *x, bool stays);

/* ---- launch.c ---- */
/* Everything about a loaded kernel that can be known beforehand; false: *why says why it cannot be launched. */
bool launch_prepare(PlanKernel *k, GpuKernel *kernel, const char **why);
/* Launch it for the present counters and variables. */
Flow launch_kernel(GpuRun *x, GpuKernel *kernel);
/* First iteration of a loop of the plan, and the one behind the last, for the present counters and variables. */
bool loop_bounds(GpuRun *x, const PLoop *l, int64_t *first, int64_t *end);
/* Room for the values of the variables that the loop keeps, for counters below `end`. */
bool expand_room(GpuRun *x, const PLoop *l, int64_t end);

/* ---- host_eval.c ---- */
/* False: the execution ends. */
bool host_eval(GpuRun *x, const NExpr *e, Slot *out);
Flow host_stmt(GpuRun *x, const NStmt *s);
/* Leaving a loop by break is its normal end. */
Flow host_after_loop(GpuRun *x, Flow flow, const NLoop *loop);
/* Trip count of a loop of the nest, with its check of the step. */
bool host_trip(GpuRun *x, const NLoop *loop, int64_t *trip);

#endif
