/* jit/gpu/program.h — what a plan becomes on a GPU: a tree of steps that the host walks, and the kernels that it launches; all kernels of a plan are one text
 * of CUDA C.
 *
 * Which part runs where.  A loop of the plan with no parallel loop around it that is parallel or a reduction is a kernel: with those parallel loops that
 * stand directly inside it (up to three), if their bounds can be told in front, one grid.  Sequential loops, whiles, conditions and blocks
 * with such loops inside are steps of the host.  What remains are statements: with references to arrays (or sequential loops without
 * parallel ones inside) a kernel of one thread, neighbours together; without them the host's own work.
 *
 * Variables.  Each variable of the nest has a 16 byte slot on the host (Prog.var) and one in the device's block.  A kernel's parameters hold for each variable it reads
 * its value and an address: not NULL if the device's block has the newer value, for then the host need not wait for it.  A kernel writes variables
 * to the device's block only.
 *
 * Failing.  The device's status block holds the number of the first check that failed (any of them, if several do); kernels that start behind that do nothing.
 *
 * Stopping.  Where somebody may want to end the program, threads look at a word of the host's every now and then, in loops that may take long; when it is not 0 they
 * leave the kernel by way of a failure, of the check GPU_STOPPED.
 *
 * How a kernel is launched.  Not at all if its loops have no iteration.  Counters of loop `axis` go from GP_First to GP_Trip - 1; where its bounds depend on
 * counters of the grid's outer loops, these two cover them all and the kernel tests.  GP_Begin and GP_End are counters of loop 0 (Map, WarpMap), or
 * count units from 0, unit u being the counters from first + u * unit on (Tree, Blocks).  A launch has at least the threads for that part: Map one for each
 * iteration (loop 0 from begin on), Blocks one and Tree, WarpMap and Fold one warp for each unit, all along x; those behind the end do nothing.  Along y and z a grid
 * has at most 65535 blocks: where loop 1 of three needs more, its threads go on by gridDim.y * blockDim.y.  A Map in tiles has a block for each `tile` of iterations:
 * every loop has as many at least, parts but the last are whole tiles, and a block whose tile would end behind the part's end moves it back.  A launch may be one of
 * several of its kernel; the `then` kernels come behind the last of them:
 *   GK_Fold   takes values begin … end - 1 of each scratch buffer, `unit` consecutive ones to one result (unit <= 1: all of them), and puts the results in at
 *             index end, end + 1, …; it is launched again for these until there is one result.  With only one, GP_Last is 1: the result goes
 *             to the variable.  Scratch buffers have room for all that (units: those of all levels).  Begin == 0: the first level.
 *   GK_Last   one block, begin … end: all units.
 * GK_Tree with 128 iterations or fewer leaves variables as they are to be: its `then` kernels are not launched.
 * A kernel stores every variable of `write`, whatever way it takes: the host counts on the device's block for them from then on (then-kernels' lists count, too).
 *
 * One kernel = extern "C" __global__ void NAME(const __grid_constant__ struct NAME_args a): one parameter, made of 8 byte words in the order of
 * `param`.  Threads take the iterations begin … end of the outermost loop's counter (whole if the launch is not cut), so that launches can be bounded in time. */
#ifndef ALP_JIT_GPU_PROGRAM_H
#define ALP_JIT_GPU_PROGRAM_H

#include "jit/plan/array_layout.h"
#include "jit/plan/backend.h"

typedef enum GpuParamKind {             /* one 8 byte word each */
    GP_Data,                            /* device address of array id's element [0, …] */
    GP_Old,                             /* … where it is read: what is there is as it was in front of the nest (gpu_reads_old()) */
    GP_Extent, GP_Stride,               /* of array id's axis; strides in bytes */
    GP_Var,                             /* value of variable id as its slot's first 8 bytes, … */
    GP_VarHigh,                         /* … and the next 8 (DT_C128) */
    GP_VarAt,                           /* 0, or the device address of its newer value */
    GP_Sym,                             /* symbol id */
    GP_Counter,                         /* counter of source loop id, which the host runs */
    GP_Trip, GP_First,                  /* of the kernel's loop number axis (0 = outermost): counters first … trip - 1 */
    GP_Begin, GP_End,                   /* this launch's part of loop 0, in units of the kernel's kind */
    GP_Last,                            /* GK_Fold: is this the launch that leaves one result? */
    GP_Stop,                            /* device address of the word that tells threads to stop */
    GP_Status,                          /* device address of GpuStatusBlock */
    GP_Vars,                            /* device address of the block of variables (16 bytes each, by id) */
    GP_Scratch,                         /* device address of scratch buffer number id of this kernel */
    GP_Expand,                          /* device address of expanded variable id's values (16 bytes each, by counter) */
} GpuParamKind;
typedef struct GpuParam { uint8_t kind, axis; uint32_t id; } GpuParam;

enum { GPU_STOPPED = 0x7fffffff };

typedef struct GpuStatusBlock {
    int32_t  failed;                    /* 1 + number of a check, or GPU_STOPPED; 0: none */
    int32_t  ended;                     /* kernels of one thread: how control left it: 0 on, else 1 + index into GpuKernel.exit */
    int64_t  pad;
} GpuStatusBlock;

typedef enum GpuKernelKind {
    GK_Map,                             /* one thread per iteration, of up to three loops: the innermost along x */
    GK_Tree,                            /* loop 0 has ordered accumulations: one warp per chunk of TREE_CHUNK iterations; trip <= TREE_PROGRAM: one thread */
    GK_Blocks,                          /* loop 0 has accumulations of other kinds: threads take consecutive blocks, results are combined in order */
    GK_WarpMap,                         /* one warp per iteration of loop 0, lanes over a loop inside */
    GK_Fold,                            /* helper of Tree and Blocks: partial results from scratch to fewer, or to the variables */
    GK_Last,                            /* helper: values of the last iterations that assigned variables, from scratch to the variables */
    GK_Single,                          /* one thread */
} GpuKernelKind;

/* How many bytes a scratch buffer needs: per_unit * (units of the launch) + fixed. */
typedef struct GpuScratch { size_t per_unit, fixed; bool zeroed; } GpuScratch;

typedef struct GpuKernel {
    char     name[24];                  /* "k0" */
    uint8_t  kind;                      /* GpuKernelKind */
    uint8_t  n_dims;                    /* loops that the grid covers */
    bool     uses_barriers;
    uint16_t block[3];                  /* threads of a block, x first */
    uint16_t per_thread;                /* iterations of the innermost loop that a thread takes (coarsening); usually 1 */
    int64_t  unit;                      /* GK_Tree: TREE_CHUNK; iterations of loop 0 to one warp or thread; else 1 */
    uint32_t shared_bytes;              /* dynamic */
    uint16_t tile[3];                   /* GK_Map in tiles: iterations of each loop that a block takes, whose threads are all along x; 0: as `block` says */
    /* In tiles: another form of the kernel, a thread for each iteration: for grids that are smaller than a tile or would have few blocks, and where one of these
     * loops, which the host can evaluate, has more iterations than that. */
    struct GpuKernel *plain;
    uint32_t n_limits;
    struct GpuLimit { const PLoop *loop; int64_t most; } limit[4];
    const PItem *item[3];               /* the loops of the grid, outermost first; GK_Single: NULL */
    /* The grid's inner loops may depend on outer counters (triangles): the host then covers their longest trip and the kernel tests. */
    uint32_t n_params;
    GpuParam *param;
    uint32_t n_reads;                   /* variables that must be told (GP_Var …) */
    uint32_t n_writes;
    const NVar **write;                 /* variables whose newer value is the device's behind this kernel */
    uint32_t n_scratch;
    GpuScratch *scratch;
    struct GpuKernel *then;             /* to be launched behind it, with the same scratch buffers: GK_Fold, GK_Last */
    /* GK_Single: break, continue, return out of the text that it holds (flow: Flow); stmt: the statement that is left or continued (the outermost loop, even
     * if it is in the text: the host must know of its break), or the NS_Return, whose value is in `slot`. */
    uint32_t n_exits;
    struct GpuExit { uint8_t flow; uint32_t slot; const NStmt *stmt; } *exit;
    struct GpuLaunch *launch;           /* launch.c's own, made when the kernel is loaded; NULL until then */
    /* For estimates. */
    bool     writes_all;                /* every element of the arrays it writes is written, if the array is covered (to save the copy up); unused for now */
} GpuKernel;

typedef enum GpuStepKind {
    GS_Launch,                          /* kernel */
    GS_Loop,                            /* a For loop of the plan on the host: item->loop, body */
    GS_While, GS_If, GS_Block,          /* as the PItem */
    GS_Stmt,                            /* item->stmt, without references to arrays */
} GpuStepKind;

typedef struct GpuStep {
    uint8_t  kind;
    const PItem *item;                  /* GS_Launch: NULL */
    GpuKernel *kernel;                  /* GS_Launch; GS_While, GS_If: NULL, or the kernel (GK_Single) that leaves the condition in variable `test` */
    uint32_t test;                      /* … a slot of its own: n_vars + k */
    uint32_t n_body, n_orelse;
    struct GpuStep **body, **orelse;
} GpuStep;

typedef struct GpuProgram {
    Arena     arena;                    /* all of it */
    char     *text;                     /* CUDA C */
    size_t    text_size;
    uint32_t  n_kernels;
    GpuKernel **kernel;
    uint32_t  n_steps;
    GpuStep **step;
    uint32_t  n_slots;                  /* n_vars and those for conditions */
    uint32_t  n_expanded;               /* variables with a buffer of values: */
    struct GpuExpand { const NVar *var; const PItem *loop; } *expanded;     /* as long as that loop's trip */
    bool      polls;                    /* some thread looks whether it is to stop */
    double    parallel_share;           /* rough share of the work that is in kernels with a grid: 0 … 1 */
} GpuProgram;

/* Layout facts that the text relies on, besides the plan: equal layouts, equal text. */
typedef struct GpuLayout {
    const uint8_t  *stride;             /* [n_arrays * ALP_MAX_NDIM] LAYOUT_… */
    const uint32_t *group;              /* [n_arrays]: arrays of one group may share memory */
    bool      small;                    /* all byte offsets in all arrays fit into 32 bits */
    bool      polls;                    /* long loops are to look whether they are to stop */
} GpuLayout;

/* Is the array read only by the statement that writes it, each element before it is written, and once?  Then kernels of one thread per iteration may write it to other
 * memory than they read it from, so that it can be had again when a check fails. */
bool        gpu_reads_old(const Plan *plan, const GpuLayout *layout, const NArray *a);
/* Emit.  NULL: *why says why a GPU cannot run it (RS_NoMemory for lack of memory).  mem: the arena's. */
GpuProgram *gpu_emit(Mem *mem, const Plan *plan, const GpuLayout *layout, FpMode fp, ReasonAt *why);
void        gpu_program_free(GpuProgram *p);

#endif
