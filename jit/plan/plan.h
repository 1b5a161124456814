/* jit/plan/plan.h — what may run how: the one intermediate form that the reference executor and all back ends read.
 *
 * A plan is a tree of items over the nest's statements, in the order in which they run.  It is made from nest and facts alone, so it is the same on every
 * device and for every number of threads; the order of accumulations is part of it (contract C1).
 *
 * Loops have been distributed, interchanged and fused; a loop of the nest may stand in several loops of the plan (distribution), and
 * a loop of the plan for several loops of the nest (fusion).  Each plan loop counts its counter from 0; what the body reads as loop->counter
 * of a source loop is that number.
 *
 * Scheduling: Allen & Kennedy's codegen (Optimizing Compilers for Modern Architectures, ch. 2.4 and 6), with distribution only where it
 * makes something parallel, and fusion afterwards (Kennedy & McKinley 1993). */
#ifndef ALP_JIT_PLAN_H
#define ALP_JIT_PLAN_H

#include "jit/depend/graph.h"

typedef enum PItemKind {
    PI_Stmt,                    /* run the NStmt, with all below it, in program order (it contains no For loop, except where nothing can be said about it) */
    PI_Loop,                    /* a For loop */
    PI_While,                   /* a While loop that contains For loops: body items in sequence while stmt->loop->test holds */
    PI_If,                      /* an If that contains For loops: stmt->expr chooses body or orelse */
    PI_Block,                   /* a Block that contains For loops: NS_Leave in body goes behind it */
} PItemKind;

typedef struct PLoop PLoop;
typedef struct PItem {
    uint8_t kind;
    NStmt  *stmt;               /* PI_Stmt, PI_While, PI_If, PI_Block */
    PLoop  *loop;               /* PI_Loop */
    uint32_t n_body, n_orelse;
    struct PItem **body, **orelse;      /* PI_Loop, PI_While, PI_If, PI_Block */
} PItem;

typedef enum PMode {
    PM_Sequential,              /* iterations in order */
    PM_Parallel,                /* in any order, at once */
    PM_Reduction,               /* in any order, but for the variables in `red` */
} PMode;

/* An accumulation of a PM_Reduction loop.  Ordered ones (float and complex sums and products) over more than 128 iterations use the canonical tree
 * of interp/reduce_tree.h: within a chunk of 4096 iterations, lane t % 32 holds the variable while iteration t runs, starting from the identity;
 * result: value before the loop + tree.  With 128 iterations or fewer, and for all other kinds if one of them is in program order, iterations run in order.
 * Unordered kinds: any partition into blocks of consecutive iterations, each starting from the identity (Arg: unset), combined in order. */
typedef struct PRed {
    const VarUse *use;
} PRed;

struct PLoop {
    uint32_t id;
    uint32_t n_src;             /* 1, or more after fusion: loops of equal trip count */
    NLoop  **src;
    PMode    mode;
    bool     is_vector;         /* the parallel (or reduction) loop that is best run across vector lanes: unit strides */
    bool     is_outer_parallel; /* no parallel loop around it: the one to spread over threads */
    /* After interchange or where the source loop's start and stop may not be evaluated here: bounds of the counter as forms over counters of
     * enclosing plan loops, trip = min over upper (each: ceil(form / scale)), first = max over lower; n_upper == 0: evaluate src[0]->trip. */
    uint32_t n_lower, n_upper;
    struct PBound { int64_t scale; const NForm *form; } *lower, *upper;
    uint32_t n_private;         /* variables of which every worker needs its own copy */
    const NVar **private_var;
    uint32_t n_last;            /* private ones whose value after the loop is that of the last iteration that assigned them; the others have the value
                                 * from before the loop: distribution may have put the loop behind the one that gives them their last value */
    const VarUse **last;
    uint32_t n_red;
    PRed    *red;
    /* Scalar expansion: at the end of iteration t the variable is kept in element t of a buffer (save); in another loop over the same
     * source iterations it is taken from there at the start of iteration t (restore).  A variable has one buffer at a time: no loop inside one that
     * saves it saves it too. */
    uint32_t n_save, n_restore;
    const NVar **save_var, **restore_var;
    bool     is_distributed;    /* the source loop stands in other loops of the plan too */
    bool     is_moved_out, is_moved_in;     /* by interchange */
    bool     is_single;         /* by its bounds, it runs for one iteration at most */
    ReasonAt why;               /* of the mode */
    const DepEdge *blame;       /* PM_Sequential by an array dependence; else NULL */
};

/* What guards found about one dimension of one access, for every iteration of this execution. */
typedef enum DimMode {
    DM_Checked,                 /* may be negative or outside: -n <= sub < n is tested, negative ones count from the end */
    DM_Plain,                   /* 0 <= sub < n */
    DM_FromEnd,                 /* -n <= sub < 0: n is added */
} DimMode;

enum { PLAN_CPU, PLAN_GPU, PLAN_BACK_ENDS };

/* What happened to one loop of the nest. */
typedef struct LoopOutcome {
    Outcome  outcome;
    ReasonAt why;
    bool     at_run_time;       /* numbers of this execution decided, … */
    char     decided[96];       /* … these: "k = 200, n = 200" */
    bool     distributed, interchanged, fused, expanded;
} LoopOutcome;

typedef struct Plan {
    const Nest *nest;
    Arena    arena;
    uint64_t key;
    PItem   *root;              /* PI_Block-like sequence: body */
    uint32_t n_loops;
    PLoop  **loops;
    uint8_t *proved;            /* [n_checks] 1: cannot fail */
    uint8_t *access_dim;        /* [n_accesses * ALP_MAX_NDIM] DimMode */
    bool     can_fail;          /* some check is not proved: written arrays must be restorable */
    bool     has_ordered;       /* some loop has an ordered accumulation */
    LoopOutcome *outcome;       /* [n_loops of the nest] */
    uint32_t n_vars_expanded;
    uint32_t build_ns;
    void    *code;              /* the executor's translations; code_free(code) when the plan goes, if not NULL */
    void   (*code_free)(void *code);
    struct { void *list; void (*free)(void *list); } kernels[PLAN_BACK_ENDS];      /* likewise each back end's */
    struct {                    /* what the engine knows of its executions; no part of the plan either */
        double   lost_ns[PLAN_BACK_ENDS];       /* by those without this back end's kernel, for lack of it: measured or estimated */
        uint32_t n_done, n_failed;
        uint8_t  sought[PLAN_BACK_ENDS];    /* a kernel, where looking for one costs little */
        struct { uint64_t key; double flops, bytes; bool is_known; } counted;   /* of the execution with these facts, for reports */
        uint64_t hash;          /* of its text: the same in every process; 0: not made yet */
    } use;
} Plan;

typedef enum FpMode { FP_Precise, FP_Sequential /* no canonical trees: program order */, FP_Fast } FpMode;

typedef struct PlanOptions {
    FpMode fp;
    bool   distribute, interchange, fuse;       /* tests switch transformations off and on; all true by default */
    bool   examples;            /* explanations name two iterations that meet in an element, which takes up to a millisecond to find */
} PlanOptions;

/* The analysis of one nest, kept between executions. */
typedef struct Planner Planner;
Planner *planner_new(const Nest *nest, const PlanOptions *opt);         /* NULL: no memory */
void     planner_free(Planner *p);
/* The plan for these facts: remembered for the same key, else deferred tests and guards are decided and the plan for that outcome is looked
 * up or made.  NULL: *why says why this execution must be interpreted (a guard: RS_GuardReadonly, …). The plan lives until the next call. */
const Plan *planner_get(Planner *p, const Facts *facts, ReasonAt *why);
const DepGraph *planner_graph(const Planner *p);
uint64_t planner_n_decided(const Planner *p), planner_n_built(const Planner *p), planner_n_remembered(const Planner *p);

void plan_dump(const Plan *plan, void (*emit)(void *user, const char *s, size_t n), void *user);

/* ---- guards (guards.c) ------------------------------------------------------------------------------------------------------- */
/* What can be prepared once for a nest, and room to work in.  scalars: the graph's. */
typedef struct Guards Guards;
Guards *guards_new(const Nest *nest, const LoopScalars *scalars);      /* NULL: no memory */
void    guards_free(Guards *g);
/* Bounds of all subscripts from the extremes of the iteration space, intervals of integer expressions; fills proved[n_checks] and
 * access_dim[n_accesses * ALP_MAX_NDIM].  Allocates nothing. */
void    guards_decide(Guards *g, const Facts *facts, uint8_t *proved, uint8_t *access_dim);

#endif
