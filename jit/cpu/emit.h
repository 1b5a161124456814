/* jit/cpu/emit.h — private to the LLVM plug-in: from a plan to LLVM IR, one function for the nest and one more for each loop
 * that is spread over threads.
 *
 *   emit.c         the module: functions, arrays, variables in and out, statements, the item tree
 *   emit_expr.c    expressions and their checks, scalar or in lanes
 *   emit_fun.c     calls of elementary functions
 *   emit_arith.c   arithmetic without checks
 *   emit_access.c  references to array elements
 *   emit_loop.c    loops: bounds, polling, hints, scalar expansion; which loops run across lanes
 *   emit_guard.c   checks taken out of loops
 *   emit_cost.c    estimates: is a loop worth threads?
 *   emit_tile.c    tiles for cache and registers; rows
 *   emit_jam.c     parallel loops rearranged: split for the sake of tiles, several iterations side by side
 *   emit_spread.c  loops spread over threads: body functions, what they share, last values and unordered accumulations
 *   emit_reduce.c  ordered accumulations: the canonical tree
 *   emit_lane.c    what is alike in all lanes, what grows by a constant from lane to lane, what can be done in lanes at all
 *   link.cpp       the elementary functions that a module calls become part of it
 *   plugin.c       target machine, passes, object code; the table of functions
 *
 * Every operation computes what the reference executor computes (jit/plan/exec_eval.c), bit for bit: no contraction, no
 * reassociation, NumPy's and Python's integer rules.  What is rare or long-winded calls run->slow(), which is the reference
 * executor.
 *
 * Width.  An Emit works in scalars (width 1) or in vectors of `lanes` elements (width > 1), where lane l stands for iteration
 * base + l of one loop, the lane loop.  While it works in lanes, a variable assigned in the lane loop has one of three kinds
 * (emit_lane.c): alike in all lanes (its scalar slot holds it), linear (the scalar slot holds lane 0's value, and each lane's
 * is a constant more than the one before), or varying (a slot of its own holds a vector).  `mask` says which lanes take part;
 * NULL: all. */
#ifndef ALP_JIT_CPU_EMIT_H
#define ALP_JIT_CPU_EMIT_H

#include <llvm-c/Core.h>

#include "jit/cpu/plugin.h"
#include "jit/nest/fun.h"

/* A value: re alone, or real and imaginary part. */
typedef struct Val { LLVMValueRef re, im; } Val;

typedef struct EmitArray {
    bool is_ready;
    LLVMValueRef data, shape[ALP_MAX_NDIM], stride[ALP_MAX_NDIM];
} EmitArray;

/* A buffer of this function that grows when needed: allocas of its address and size in bytes.  base NULL: not made.  cell: in
 * a body function, where both are kept from one execution of the loop to the next. */
typedef struct EmitBuffer { LLVMValueRef base, size, cell; } EmitBuffer;

/* The latest iteration that assigned a variable, plus 1 (0: none yet), and its value (CpuScalar); allocas, NULL: not made. */
typedef struct EmitLast { LLVMValueRef when, value; } EmitLast;

enum { MAX_ROWS = 8 };

/* What differs from function to function: the nest's own, or a parallel loop's. */
typedef struct EmitFn {
    LLVMValueRef fn, run;
    LLVMValueRef frame;                 /* CpuScalars that a function and the bodies of its loops share; NULL: none yet */
    LLVMBasicBlockRef allocas, setup, first;    /* in this order; the first two are closed last */
    LLVMBasicBlockRef failed, leave;    /* returns CPU_FAILED after noting failed_check; returns *status */
    LLVMValueRef failed_check, status;  /* the number of the check (phi in `failed`); alloca */
    Val      *var;                      /* [MAX_ROWS * n_vars] allocas; re NULL: not yet made in this function */
    Val      *wide;                     /* [MAX_ROWS * n_vars] allocas of vectors; re NULL: not made in this lane loop */
    EmitLast *last;                     /* [n_vars] */
    LLVMValueRef *flag;                 /* [n_vars] alloca of i1: set when the variable is assigned; NULL: nobody asks */
    LLVMValueRef *counter;              /* [n_loops] of each source loop, i64 (lane 0's); NULL: not running here */
    EmitArray *array;                   /* [n_arrays] */
    LLVMValueRef *sym;                  /* [n_syms] */
    EmitBuffer *expand;                 /* [n_vars] values of expanded scalars */
    bool     *wanted;                   /* [frame slots] what a body function takes out of the frame */
    const PLoop *body_of;               /* NULL: the nest's own function */
    uint32_t  n_cells;                  /* that this body function uses */
    LLVMValueRef cells, slot;           /* where cells are, and which of each kind is this part's */
} EmitFn;

/* Where a Leave or Next of a statement goes. */
typedef struct EmitTarget { struct EmitTarget *up; const NStmt *stmt; LLVMBasicBlockRef leave, next; } EmitTarget;

typedef enum LaneKind { LANE_Unknown, LANE_Same, LANE_Linear, LANE_Varying } LaneKind;
typedef struct Lane { uint8_t kind; int64_t step; } Lane;       /* LANE_Linear: lane l has lane 0's value + l * step */

/* The value of an expression that was computed in this statement already: expressions are graphs. */
typedef struct EmitMemo { Val v; int width; LLVMValueRef mask; } EmitMemo;

typedef struct Emit {
    const Plan *plan;
    const Nest *nest;
    const CpuCompileOptions *opt;
    LLVMContextRef cx;
    LLVMModuleRef  module;
    LLVMBuilderRef b, setup;            /* setup: puts things into the function's entry */
    EmitFn     *f;
    EmitFn      fn[2];                  /* the nest's own function, and the body that is being made */
    EmitTarget *target;
    LLVMTypeRef i1, i8, i16, i32, i64, f32, f64, ptr, void_type;
    LLVMTypeRef scalar_type;            /* CpuScalar: { i64, i64 } */
    /* lanes */
    int         width;                  /* of the present expression: 1 or `lanes` */
    int         lanes;                  /* of the lane loop; 0: none */
    LLVMValueRef mask;
    LLVMValueRef tail;                  /* the mask of a last strip, of lanes 0 … tail_lanes - 1, at least one; NULL: all lanes */
    LLVMValueRef tail_lanes;            /* i64 */
    const PLoop *lane_loop;
    Lane       *var_lane;               /* [n_vars]; kind LANE_Unknown: not assigned in the lane loop */
    Lane       *expr_lane;              /* [n_exprs] memo */
    /* rows of a tile (emit_tile.c) */
    int         rows, row;              /* 0: none; the present one */
    const PLoop *row_loop;
    LLVMValueRef row_counter[MAX_ROWS];
    bool       *is_row_own;             /* [n_vars]: has a slot for each row */
    const NAccess *kept;                /* a reference that is in registers; NULL: none */
    Val         kept_slot[MAX_ROWS];
    bool       *is_inside;              /* [n_accesses * ALP_MAX_NDIM]: subscripts that were tested in front of the loop */
    bool        is_rare;                /* the loop is a second version, which hardly ever runs: to be small */
    bool        in_program_order;       /* loops with ordered accumulations are known to be so short that they follow it */
    const PLoop *cut;                   /* a loop of which only some iterations are to run: [cut_first, cut_end); NULL: none */
    LLVMValueRef cut_first, cut_end;
    /* metadata */
    LLVMMetadataRef parallel[NEST_MAX_DEPTH];   /* identities of the loops declared parallel that an access belongs to */
    unsigned    n_parallel;
    LLVMMetadataRef *scope, *noalias;   /* [n_arrays + 1] lists, the last one for buffers; NULL: all may alias */
    LLVMValueRef invariant;             /* empty node */
    unsigned    md_scope, md_noalias, md_invariant, md_parallel, md_loop, md_prof;
    EmitMemo   *memo;                   /* [n_exprs] */
    uint32_t   *trail, n_trail;         /* [n_exprs] ids in memo, in order of arrival */
    unsigned    n_bodies;
    uint32_t    n_cells;                /* in a slot of the loop being spread */
    int         vector_bits;            /* of the target's vector registers */
    bool        links_functions;        /* the module may call elem_NAME: link_functions() will define it */
    bool        root_is_told;           /* run->root_ran is set by what was made so far */
    char        error[200];             /* first refusal; "" = none */
} Emit;

/* ---- emit_expr.c ---- */
Val    emit_expr(Emit *e, const NExpr *x);
/* Forget what this statement's expressions were: variables or memory change. */
void   emit_forget(Emit *e, uint32_t trail);
/* Fails the kernel with this check if cond (i1, or lanes of it) holds; goes on in a new block. */
void   emit_fail_if(Emit *e, LLVMValueRef cond, uint32_t check);
bool   emit_check_needed(const Emit *e, uint32_t check);
/* Costs little, looks at no memory and cannot go wrong.  budget: nodes left to look at. */
bool   emit_is_cheap(const Emit *e, const NExpr *x, int *budget);
/* Can the operation (not its operands) be computed in lanes? */
bool   emit_is_wide_op(const Emit *e, const NExpr *x);
/* Fails for lack of memory if p is NULL. */
void   emit_fail_if_null(Emit *e, LLVMValueRef p);

/* ---- emit_fun.c ---- */
LLVMValueRef emit_function(Emit *e, NFunId f, DType rep, LLVMValueRef a, LLVMValueRef b);       /* b NULL: of one operand */

/* ---- emit_arith.c ---- */
bool   emit_is_complex(DType rep);
bool   emit_is_float(DType rep);                        /* real ones */
bool   emit_is_signed(DType rep);                       /* integer ones */
int    emit_size(DType rep);                            /* bytes of an element */
LLVMTypeRef emit_scalar_type(const Emit *e, DType rep); /* of a part; DT_Bool is i1 */
LLVMTypeRef emit_type(const Emit *e, DType rep);        /* by width */
LLVMValueRef emit_int(const Emit *e, int64_t v);        /* scalar i64 */
LLVMValueRef emit_int_of(Emit *e, DType rep, int64_t v);        /* by width */
LLVMValueRef emit_real_of(Emit *e, DType rep, double v);
LLVMValueRef emit_splat(Emit *e, LLVMValueRef scalar);  /* by width */
Val    emit_splat_val(Emit *e, Val v);
/* a op b without checks, operands of representation rep; no_wrap: known to fit. */
Val    emit_binary(Emit *e, NOp op, DType rep, Val a, Val b, bool no_wrap);
LLVMValueRef emit_compare(Emit *e, NOp op, DType rep, Val a, Val b);
Val    emit_select(Emit *e, LLVMValueRef c, Val a, Val b);
Val    emit_complex_divide(Emit *e, DType rep, Val a, Val b, bool python);
Val    emit_complex_power(Emit *e, DType rep, Val a, int n, bool python);       /* 1 <= n <= 8 */
LLVMValueRef emit_truth(Emit *e, DType rep, Val a);
/* Any representation to any other, as array_cast does where the value fits. */
Val    emit_convert(Emit *e, Val a, DType from, DType to);
LLVMValueRef emit_intrinsic(Emit *e, const char *name, LLVMTypeRef *types, unsigned n_types, LLVMValueRef *args, unsigned n_args);
LLVMValueRef emit_intrinsic1(Emit *e, const char *name, LLVMValueRef a);        /* overloaded by the operands' type */
LLVMValueRef emit_intrinsic2(Emit *e, const char *name, LLVMValueRef a, LLVMValueRef b);

/* ---- emit_access.c ---- */
Val    emit_load(Emit *e, const NAccess *a);
void   emit_store(Emit *e, const NAccess *a, Val v);            /* e->width, e->mask */
/* A value of rep to and from the eight or sixteen bytes of a CpuScalar; scalar width. */
void   emit_store_scalar(Emit *e, Val v, DType rep, LLVMValueRef to);
Val    emit_load_scalar(Emit *e, DType rep, LLVMValueRef from);
LLVMValueRef emit_in_buffer(Emit *e, LLVMValueRef access);      /* marks a load or store of a buffer; returns it */
LLVMValueRef emit_byte_at(Emit *e, LLVMValueRef base, LLVMValueRef offset);     /* base + bytes */
LLVMValueRef emit_slot_at(Emit *e, LLVMValueRef base, LLVMValueRef index);      /* base + CpuScalars */
LLVMValueRef emit_iota(Emit *e);                                /* 0, 1, 2 … as i64, by width */

/* ---- emit_lane.c ---- */
/* Begin to emit in lanes: base + 0 … lanes - 1 of item's loop.  False: its body cannot; nothing has changed.  reductions: its
 * accumulations are the caller's (their variables are varying); else it must have none. */
bool   emit_lanes_begin(Emit *e, const PItem *item, int lanes, bool reductions);
void   emit_lanes_end(Emit *e);
Lane   emit_lane_of(Emit *e, const NExpr *x);
/* Between begin and end: are all references in the loops inside the same element for all lanes, or consecutive ones? */
bool   emit_lanes_are_smooth(Emit *e, const PItem *item);
/* … does a loop inside load something that is alike in all lanes, or lies side by side? */
bool   emit_has_shared_load(Emit *e, const PItem *item);
/* Between begin and end, in front of the loop: what lanes must know of variables whose last value is wanted; */
void   emit_lanes_first(Emit *e);
/* … behind the loop: the scalar slots of variables whose last value is wanted get it. */
void   emit_lanes_last(Emit *e);

/* Could it be done in lanes, and would it be worth it? */
bool   emit_likes_lanes(Emit *e, const PItem *item);
/* Between begin and end: what is emitted from now on is for the first n lanes (i64; at least 1) only, until it is ended. */
void   emit_tail_begin(Emit *e, LLVMValueRef n);
void   emit_tail_end(Emit *e);
/* Are masks as cheap as the rest for this loop? */
bool   emit_has_tails(const Emit *e, const PItem *item);
/* May lanes that take part be any, or none? */
static inline bool emit_is_masked(const Emit *e) { return e->mask && e->mask != e->tail; }
/* Find out how things vary with the loop's iterations, for emit_lane_of() and what is built on it. */
void   emit_lanes_look(Emit *e, const PItem *item);

/* ---- emit_loop.c ---- */
typedef enum EmitPoll { POLL_Never, POLL_Strip /* between strips of some thousand iterations */, POLL_Each } EmitPoll;
/* for (t = first; t + step <= end; t += step) body(t). */
typedef struct EmitFor {
    LLVMValueRef first, end;
    int64_t    step;
    EmitPoll   poll;
    bool       is_rare;                 /* not worth unrolling or vectorising */
    bool       is_parallel;             /* iterations are independent, and all that they share lies in arrays and buffers */
    void     (*body)(Emit *e, const struct EmitFor *l, LLVMValueRef t);
    void      *user;
    LLVMBasicBlockRef exit;             /* set before body is called: where a break goes, and what is behind the loop */
} EmitFor;
void   emit_for(Emit *e, EmitFor *l);
void   emit_loop(Emit *e, const PItem *item);
/* A For loop of the nest itself, in program order. */
void   emit_nest_loop(Emit *e, const NLoop *loop);
void   emit_while(Emit *e, const NStmt *s, const PItem *item);  /* item NULL: the nest's own body */
/* One iteration of a plan loop at counter t: restores, body, saves. */
void   emit_iteration(Emit *e, const PItem *item, LLVMValueRef t, LLVMBasicBlockRef leave);
/* All iterations from first to end in program order: scalar code, or lanes where they are better. */
void   emit_in_order(Emit *e, const PItem *item, LLVMValueRef first, LLVMValueRef end);
/* … without a look at tiles and other ways to rearrange it. */
void   emit_plain_order(Emit *e, const PItem *item, LLVMValueRef first, LLVMValueRef end);
int    emit_best_lanes(const Emit *e, const PItem *item);
EmitPoll emit_poll_kind(const PItem *item);
bool   emit_has_loops(PItem *const *items, uint32_t n); /* other than short ones of known length */
void   emit_poll(Emit *e);              /* returns CPU_STOPPED if the run is to end */
LLVMValueRef emit_min(Emit *e, LLVMValueRef a, LLVMValueRef b);         /* of int64 */

/* ---- emit_tile.c ---- */
/* The loop, with one inside, in tiles; returns the first iteration that is left over, or NULL: not of that kind, nothing has
 * changed. */
LLVMValueRef emit_tiled(Emit *e, const PItem *outer, LLVMValueRef first, LLVMValueRef end);
bool   emit_can_tile(Emit *e, const PItem *outer);      /* will emit_tiled() have a try? */
/* Between these two, iterations row … row + rows - 1 of the loop run side by side: emit_items() makes each statement for all of
 * them.  Variables for which is_row_own is set have a slot for each row. */
void   emit_rows_begin(Emit *e, const PLoop *l, int rows, LLVMValueRef row);
void   emit_rows_end(Emit *e);
/* What is wanted behind the loop goes from one row's slots to another's. */
void   emit_rows_copy(Emit *e, const PLoop *l, int from, int to);
/* Does the expression read what is private to the loop?  budget: nodes left; none: yes. */
bool   emit_reads_private(const PLoop *l, const NExpr *x, int *budget);
/* In lanes or rows: a sequential loop that accumulates into one element, which is kept in a register meanwhile.  False: it is
 * not one; nothing has changed. */
bool   emit_kept_loop(Emit *e, const PItem *item, LLVMValueRef first, LLVMValueRef end,
                      void (*loop)(Emit *e, const PItem *item, LLVMValueRef first, LLVMValueRef end));
/* Do all loops at or inside the item keep what they store to in registers meanwhile? */
bool   emit_keeps_stores(const Emit *e, const PItem *item);
bool   emit_is_kept(const Emit *e, const NAccess *a);
Val    emit_kept_slot(Emit *e);

/* ---- emit_jam.c ---- */
/* A parallel loop as several ones; false: nothing is gained by that, or it is not possible. */
bool   emit_split(Emit *e, const PItem *outer, LLVMValueRef first, LLVMValueRef end);
/* A parallel loop in lanes if the ordered accumulations inside turn out to be short; false: it is not of that kind. */
bool   emit_short_sums(Emit *e, const PItem *item, LLVMValueRef first, LLVMValueRef end);
/* Are the bounds of a loop inside the same for all iterations of the outer one? */
bool   emit_has_common_bounds(const Emit *e, const PItem *outer, const PLoop *l);
/* The sequential loop in a loop that is done in lanes, if it may be cut into blocks; else NULL. */
const PItem *emit_block_loop(const Emit *e, const PItem *item);
/* Iterations side by side as far as they go; returns the first one that is left over, or NULL: not worth it or not possible. */
LLVMValueRef emit_jammed(Emit *e, const PItem *item, LLVMValueRef first, LLVMValueRef end);

/* ---- emit_guard.c ---- */
/* Two versions of the loop, by `loop`, one of them with fewer checks; false: there is nothing to gain. */
bool   emit_guarded(Emit *e, const PItem *item, LLVMValueRef first, LLVMValueRef end,
                    void (*loop)(Emit *e, const PItem *item, LLVMValueRef first, LLVMValueRef end));

/* ---- emit_cost.c ---- */
/* Rough cost of running items once, in simple operations: an f64.  Loops that are not running count as half done. */
LLVMValueRef emit_cost(Emit *e, PItem *const *items, uint32_t n);
/* Do later iterations of the loop cost more or less than earlier ones? */
bool   emit_is_uneven(const PItem *item);
/* Is the loop known to be too small for threads? */
bool   emit_is_tiny(const PItem *item);

/* ---- emit_spread.c ---- */
/* Slots of a frame: variables by id, counters, buffers of expanded variables, then these. */
enum { FRAME_First, FRAME_N, FRAME_Grain, FRAME_Cells, FRAME_Chunks, FRAME_EXTRA };
uint32_t emit_frame_size(const Nest *nest);
/* Address in the frame, which is made if there is none. */
LLVMValueRef emit_frame_extra(Emit *e, int which);
/* What a variable (address; NULL: nothing), counter or buffer is at the start of a body function. */
LLVMValueRef emit_frame_var(Emit *e, const NVar *v);
Val    emit_frame_start(Emit *e, const NVar *v);        /* what an accumulation had before the loop, here */
LLVMValueRef emit_frame_counter(Emit *e, const NLoop *l);
void   emit_frame_expand(Emit *e, const NVar *v);
/* In a body function: address of a new cell, memory that belongs to the part that it runs. */
LLVMValueRef emit_cell(Emit *e);
/* The loop over threads; false: it has more to share than fits. */
bool   emit_spread(Emit *e, const PItem *item, LLVMValueRef first, LLVMValueRef end);
/* Around each iteration of a body function whose iterations do not ascend: variables that not every iteration assigns. */
void   emit_forget_assigned(Emit *e, const PLoop *l);
void   emit_note_assigned(Emit *e, const PLoop *l, LLVMValueRef t);
/* In a body function: the part's variables whose last value is wanted go into the frame. */
void   emit_last_values(Emit *e, const PLoop *l);

/* ---- emit_reduce.c ---- */
uint32_t emit_n_ordered(const PLoop *l);        /* accumulations that follow the tree */
Val    emit_identity(Emit *e, const VarUse *use);       /* by width */
/* A loop with ordered accumulations on this thread. */
void   emit_reduction(Emit *e, const PItem *item, LLVMValueRef first, LLVMValueRef end);
/* The same over threads.  How its iterations are cut into units: */
typedef enum EmitCut {
    CUT_Iterations,
    CUT_Chunks,                 /* units are iterations, whole chunks at a time */
    CUT_Lanes,                  /* units are lanes of chunks */
} EmitCut;
EmitCut emit_reduction_cut(Emit *e, const PItem *item);
LLVMValueRef emit_reduction_units(Emit *e, EmitCut cut, LLVMValueRef n);
/* In front of the loop: room for the results (its address); in the body function, with that address: units lo … hi - 1 of the
 * loop's n iterations; behind the loop: the variables get their values. */
LLVMValueRef emit_reduction_open(Emit *e, const PItem *item, EmitCut cut, LLVMValueRef n);
void   emit_reduction_part(Emit *e, const PItem *item, EmitCut cut, LLVMValueRef first, LLVMValueRef n, LLVMValueRef room,
                           LLVMValueRef lo, LLVMValueRef hi);
void   emit_reduction_close(Emit *e, const PItem *item, EmitCut cut, LLVMValueRef n, LLVMValueRef room);

/* ---- emit.c ---- */
void   emit_items(Emit *e, PItem *const *items, uint32_t n);
void   emit_stmt(Emit *e, const NStmt *s);
void   emit_block(Emit *e, const NBlock *b);
void   emit_fn_begin(Emit *e, EmitFn *f, LLVMValueRef fn, const PLoop *body_of);
void   emit_fn_end(Emit *e);
Val    emit_var_slot(Emit *e, const NVar *v);                   /* its allocas in this function */
Val    emit_get_var(Emit *e, const NVar *v);
void   emit_set_var(Emit *e, const NVar *v, Val x);             /* an assignment, which is noted if somebody asks for that */
void   emit_fill_var(Emit *e, const NVar *v, Val x);            /* the slot alone; by width, whatever takes part */
LLVMValueRef emit_counter(Emit *e, const NLoop *l);             /* scalar; lane 0's */
const EmitArray *emit_array(Emit *e, const NArray *a);
LLVMValueRef emit_symbol(Emit *e, const NSym *s);
LLVMValueRef emit_alloca(Emit *e, LLVMTypeRef type, const char *name);  /* in the entry block */
/* A field of CpuRun that never changes. */
LLVMValueRef emit_run_field(Emit *e, LLVMBuilderRef b, size_t offset, LLVMTypeRef type);
/* At least `size` bytes (i64) that stay until the kernel ends; the buffer's old content is lost. */
LLVMValueRef emit_room(Emit *e, EmitBuffer *buffer, LLVMValueRef size);
/* Ends the present block with a branch if it has no end yet. */
void   emit_goto(Emit *e, LLVMBasicBlockRef to);
LLVMBasicBlockRef emit_new_block(Emit *e, const char *name);
void   emit_at(Emit *e, LLVMBasicBlockRef block);
bool   emit_is_ended(const Emit *e);
void   emit_if(Emit *e, LLVMValueRef cond, LLVMBasicBlockRef yes, LLVMBasicBlockRef no);
void   emit_unlikely(Emit *e, LLVMValueRef branch);             /* its first way */
void   emit_jump(Emit *e, const NStmt *target, bool is_next);
void   emit_refuse(Emit *e, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* The whole module; links_functions: it will be linked with those that it calls.  NULL: error_text says why not. */
LLVMModuleRef emit_module(LLVMContextRef cx, const Plan *plan, const CpuCompileOptions *opt, int vector_bits, bool links_functions,
                          char error_text[256]);

#endif
