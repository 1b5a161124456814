/* jit/gpu/emit.h — private to the emitter: from a plan to steps, kernels and one text of CUDA C.
 *
 *   emit.c         the program: which parts are steps of the host and which are kernels; text buffers
 *   emit_kernel.c  one kernel: its grid, parameters, variables, and what of them is wanted behind it
 *   emit_choice.c  minima and maxima found by lanes in any order
 *   emit_warp.c    a warp for each iteration of a parallel loop
 *   emit_stage.c   32 iterations of a parallel loop to a warp, which finds the terms of sums together
 *   emit_tile.c    which grids are done in tiles, and of what shape
 *   emit_block.c   the text of a grid in tiles: elements of a thread, panels in shared memory
 *   emit_split.c   parallel loops in several kernels
 *   emit_stmt.c    statements, plan items and loops as one thread runs them; jumps
 *   emit_expr.c    expressions and their checks
 *   emit_arith.c   arithmetic without checks, conversions
 *   emit_access.c  references to array elements
 *   emit_reduce.c  kernels with accumulations, and the canonical tree inside a thread
 *   prelude.c      helper functions as C text; only those that are used are put in front
 *
 * Every operation computes what the reference executor computes (jit/plan/exec_eval.c), bit for bit; elementary functions are CUDA's.
 *
 * An expression becomes a piece of C text; what cannot be said in an expression (a check, a value used twice) becomes statements in front of it,
 * with temporaries x1, x2, …  Names: variable 3 called s is s_3, counter of loop 2 over j is j_t2, array 0 called A is A_a0; these endings
 * keep them apart from each other, from keywords and from helper functions. */
#ifndef ALP_JIT_GPU_EMIT_H
#define ALP_JIT_GPU_EMIT_H

#include <stdio.h>
#include <stdlib.h>

#include "interp/reduce_tree.h"
#include "jit/gpu/program.h"
#include "jit/nest/fun.h"
#include "jit/plan/exec_code.h"

typedef struct GenText { char *s; size_t n, cap; } GenText;

/* How tightly C's operators bind. */
typedef enum Level { LV_Cond, LV_OrElse, LV_AndAlso, LV_Or, LV_Xor, LV_And, LV_Equal, LV_Less, LV_Shift, LV_Add, LV_Mul, LV_Unary, LV_Atom } Level;
/* An expression's text.  is_int: it has C's type int though it stands for an int64 (small constants). */
typedef struct Val { const char *s; Level level; bool is_int; } Val;

/* Helper functions: prelude.c has their texts.  ORDER helper */
typedef enum Helper {
#define HELPER(id, name, text, ...) HP_##id,
#include "jit/gpu/prelude_list.h"
#undef HELPER
    HP_COUNT
} Helper;

/* Where a Leave or Next of a statement goes. */
typedef struct Target {
    struct Target *up;
    const NStmt *stmt;
    bool     is_c_loop;         /* its text is a C loop, whose iterations `continue` ends */
    bool     next_by_label;     /* something is still to be done at the end of an iteration */
    uint32_t label;             /* makes its labels' names */
    bool     leave_used, next_used;
} Target;

/* What a kernel has to do about a variable whose last value is wanted. */
typedef enum LastKind {
    LAST_None,
    LAST_Certain,               /* the last iteration stores it */
    LAST_Set,                   /* always the same constant: a flag says whether it was assigned */
    LAST_Units,                 /* each unit notes when it assigned it last, and what */
} LastKind;

enum { MAX_GRID = 3 };

typedef struct Gen {
    const Plan *plan;
    const Nest *nest;
    const GpuLayout *layout;
    FpMode     fp;
    Mem       *mem;
    GpuProgram *program;
    Arena     *arena;           /* the program's */
    Arena      scratch;         /* texts of expressions; emptied behind each kernel */
    ReasonAt  *why;
    bool       refused, no_memory;
    GenText    all;             /* finished kernels */
    GenText   *out;             /* where lines go */
    int        indent;
    bool       helper[HP_COUNT][DT_COUNT + 1];  /* used so far; DT_COUNT: those without a type */
    bool      *elem;            /* by item of prelude_elem.c: used so far; NULL: none */
    bool      *on_device;       /* [n_vars] some kernel assigns it */
    /* of the present kernel */
    GpuKernel *kernel;
    GpuKernel  lost;            /* stands for one that there was no memory for */
    GenText    body;
    uint32_t   cap_params;
    uint8_t   *var_used;        /* [n_vars] is declared: VAR_Local, or VAR_Entry: with its value on entry */
    uint8_t   *var_own;         /* [n_vars] begins anew in the kernel */
    uint8_t   *var_watch;       /* [n_vars] assignments are noted, WatchKind */
    uint8_t   *counter_runs;    /* [n_loops] the loop's counter is a C variable at the moment */
    uint32_t  *counter_name;    /* [n_loops] … named after this loop: the first of those fused */
    bool      *group_written;   /* [n_arrays] by group: the kernel stores there */
    bool       in_warp;         /* lanes work together: a thread must not return early */
    uint8_t    warp;            /* GK_WarpMap: what the lanes do at the moment, WarpMode */
    bool       stop_used;       /* … and there is a jump to the label `stop` */
    struct Tile *tile;          /* the grid is done in tiles; NULL: one iteration to a thread */
    uint8_t   *var_tile;        /* [n_vars] … what the variable's value depends on, TILE_… */
    uint32_t   dead_end;        /* number of the label behind a loop over lanes */
    bool       dead_end_used;
    bool       fuel_used;       /* a loop looks whether it is to stop */
    bool       notes_failed;    /* there is a variable `failed`: the number of a check */
    const char *place;          /* WATCH_Place: text of the present iteration */
    const char *guard;          /* the variable that says whether loads may be done, cleared where a check fails; NULL: a jump leads past them */
    bool       is_single;
    int        blocks;          /* of the kernel that are to run on a multiprocessor at once, at least */
    uint32_t   n_temps, n_labels;
    uint32_t   line;            /* of the source, told last */
    Target    *target;
    int        loop_depth;      /* loops around, inside the thread */
    /* of the present statement */
    uint16_t  *uses;            /* [n_exprs] */
    Val       *memo;            /* [n_exprs] */
    uint32_t  *trail, n_trail;  /* [n_exprs] ids in memo */
    uint32_t  *counted, n_counted;      /* [n_exprs] ids in uses */
} Gen;

enum { VAR_Unused, VAR_Local, VAR_Entry };
enum { WATCH_No, WATCH_Flag, WATCH_Cell, WATCH_Place, WATCH_Entry /* what it was before, if no loop inside the grid has an iteration */ };
typedef enum WarpMode { WARP_No, WARP_Uniform /* all the same */, WARP_Lanes /* each its own iterations */ } WarpMode;

/* ---- emit.c ---- */
void  gen_refuse(Gen *g, const char *fmt, ...) PRINTF_LIKE(2, 3);
bool  gen_is_broken(const Gen *g);
void  text_put(Gen *g, GenText *t, const char *s, size_t n);
void  text_format(Gen *g, GenText *t, const char *fmt, ...) PRINTF_LIKE(3, 4);
void  text_free(Gen *g, GenText *t);
/* A line at the present indentation. */
void  gen_line(Gen *g, const char *fmt, ...) PRINTF_LIKE(2, 3);
void  gen_open(Gen *g, const char *fmt, ...) PRINTF_LIKE(2, 3);         /* … that ends with " {", and deeper from then on */
void  gen_scope(Gen *g);                                                /* "{" */
void  gen_close(Gen *g);                                                /* "}" */
/* A piece of text that lives as long as the kernel is being made. */
const char *gen_text(Gen *g, const char *fmt, ...) PRINTF_LIKE(2, 3);
void *gen_room(Gen *g, size_t size);                                    /* of the program's arena; NULL: it is broken now */
/* The line of the source as a comment, when it is another one than before. */
void  gen_source(Gen *g, const NStmt *s);
uint32_t gen_line_of(const Gen *g, const NStmt *s);                     /* 0: unknown */
bool  expr_has_load(const NExpr *x);
bool  stmt_has_array(const NStmt *s);
bool  expr_reads(const NExpr *x, const uint8_t *vars);                  /* one of them? */

/* ---- emit_kernel.c ---- */
/* Told of each kernel that is to be launched, in order. */
typedef void GenLaunch(Gen *g, GpuKernel *k, void *user);
/* The kernels of a parallel or reduction loop. */
void  gen_loop_kernels(Gen *g, const PItem *item, GenLaunch *launch, void *user);
GpuKernel *gen_last_kernel(Gen *g, const GpuKernel *of, const PItem *item, uint32_t n, const NVar *const *vars, const LastKind *kinds,
                           const uint32_t *buffers);
void  gen_find_written(Gen *g, PItem *const *items, uint32_t n);        /* fills group_written */
const char *gen_comment(Gen *g, const PItem *item);
/* A kernel of one thread for these items.  test: instead, it leaves this condition in slot `slot`. */
GpuKernel *gen_single(Gen *g, PItem *const *items, uint32_t n, const NExpr *test, uint32_t slot);
GpuKernel *kernel_begin(Gen *g, GpuKernelKind kind, const char *suffix);
void  kernel_end(Gen *g, const char *comment);
/* Text that names the parameter. */
const char *gen_param(Gen *g, GpuParamKind kind, uint8_t axis, uint32_t id);
const char *gen_var(Gen *g, const NVar *v);
const char *gen_var_name(Gen *g, const NVar *v);        /* … without an index, where it has several values in a thread */
const char *gen_entry(Gen *g, const NVar *v);           /* its value before the kernel */
void  gen_store_var(Gen *g, const NVar *v, const char *value);  /* to the device's block, and notes it */
const char *gen_counter(Gen *g, const NLoop *l);
const char *gen_scratch(Gen *g, size_t per_unit, size_t fixed, bool zeroed);    /* the number of a new buffer's parameter */
bool  bounds_are_invariant(const Gen *g, const PLoop *l);

/* An assignment that every thread may do again: it loads nothing that the kernel writes (gen_find_written()). */
bool  gen_is_repeatable(const Gen *g, const PItem *item);

/* ---- emit_split.c ---- */
/* The loop in several kernels, each made by `each`.  False: it cannot, or need not be cut. */
bool  gen_split(Gen *g, const PItem *item, void (*each)(Gen *g, const PItem *item, GenLaunch *launch, void *user), GenLaunch *launch, void *user);

/* ---- emit_stmt.c ---- */
void  gen_items(Gen *g, PItem *const *items, uint32_t n);
void  gen_stmt(Gen *g, const NStmt *s);
void  gen_block(Gen *g, const NBlock *b);
void  gen_loop(Gen *g, const PItem *item);
/* The body of one iteration: restores, items, saves; counters are set, `t` is the counter's name. */
void  gen_iteration(Gen *g, const PItem *item, Target *target, const char *t);
void  gen_restores(Gen *g, const PLoop *l, const char *t);
/* Room on the device for what the loop saves; refuses loops inside others. */
void  gen_note_saves(Gen *g, const PItem *item);
bool  items_assign(PItem *const *items, uint32_t n, const NVar *v);
void  gen_counters_begin(Gen *g, const PLoop *l);
void  gen_counters_end(Gen *g, const PLoop *l);
/* Statements that evaluate the loop's bounds; texts of the first counter and of the one behind the last. */
void  gen_bounds(Gen *g, const PLoop *l, const char **first, const char **end);
bool  target_has_jumps(const Gen *g, const NStmt *s);
const NStmt *item_some_stmt(const PItem *item);
const char *gen_form(Gen *g, const NForm *f);

/* ---- emit_expr.c ---- */
Val   gen_expr(Gen *g, const NExpr *x);
/* Around the expressions of one statement. */
void  gen_begin(Gen *g, const NExpr *x);
void  gen_begin_access(Gen *g, const NAccess *a);
void  gen_end(Gen *g);
void  gen_fail_if(Gen *g, const char *cond, uint32_t check);
/* Is the thread to stop?  weight: how many iterations of an inner loop have passed since it was asked last. */
void  gen_poll(Gen *g, unsigned weight);
void  gen_report_failed(Gen *g);                        /* tells the host of the check that `failed` notes */
void  gen_leave_if_failed(Gen *g);                      /* … and all lanes of the warp leave the kernel */
bool  gen_check_needed(const Gen *g, uint32_t check);
Val   gen_temp(Gen *g, DType rep, Val v);
Val   gen_value_as(Gen *g, const NExpr *x, DType rep);

/* ---- emit_arith.c ---- */
const char *c_type(DType rep);                       /* in C: of a value */
const char *c_type_in_memory(DType d);
const char *c_suffix(DType rep);                        /* "i64" */
const char *slot_member(DType rep);                     /* of union Slot */
bool  rep_is_complex(DType rep);
bool  rep_is_float(DType rep);
bool  rep_is_signed(DType rep);
Val   atom(const char *s);
const char *at_level(Gen *g, Val v, Level level);       /* in parentheses if it binds less tightly */
Val   gen_const(Gen *g, const NExpr *x);
Val   gen_int(Gen *g, int64_t v);
Val   gen_real(Gen *g, DType rep, double v);
/* a op b without checks; no_wrap: known to fit. */
Val   gen_binary(Gen *g, NOp op, DType rep, Val a, Val b, bool no_wrap);
Val   gen_compare(Gen *g, NOp op, DType rep, Val a, Val b);
Val   gen_convert(Gen *g, Val v, DType from, DType to);
Val   gen_truth(Gen *g, Val v, DType rep);
Val   gen_call(Gen *g, Helper h, DType rep, Val a, const char *more);   /* name_rep(a, more); more NULL: one operand */
Val   gen_identity(Gen *g, const VarUse *use);

/* ---- emit_access.c ---- */
Val   gen_load(Gen *g, const NAccess *a);
const char *gen_element(Gen *g, const NAccess *a);      /* as what can be assigned to */
const char *gen_element_by_forms(Gen *g, const NAccess *a);     /* … with subscripts by their forms */
const char *gen_subscript_by_form(Gen *g, const NAccess *a, uint32_t d);
const char *gen_array(Gen *g, const NArray *a);         /* the name of its pointer */
const char *array_name(Gen *g, const NArray *a);
const char *gen_extent(Gen *g, const NArray *a, int axis);

/* ---- emit_reduce.c ---- */
/* Loop 0 has accumulations. */
void  gen_reduction_kernels(Gen *g, const PItem *item, GenLaunch *launch, void *user);
uint32_t loop_n_ordered(const PLoop *l);
/* In a thread, a loop with ordered accumulations. */
bool  gen_can_go_by_lanes(const PLoop *l);
void  gen_tree_loop(Gen *g, const PItem *item, const char *first, const char *end);
/* Last values of a kernel's outermost loop. */
LastKind last_kind(const VarUse *use);

bool  red_is_commutative(const PLoop *l, const VarUse *u);             /* does any order of iterations give the same? */
Val   gen_combined(Gen *g, const VarUse *u, Val a, Val b);             /* two partial results of a commutative or ordered one */
const char *gen_lane_down(Gen *g, DType rep, const char *x, const char *by);   /* the value of the lane so far above */
void  gen_fold_lanes(Gen *g, const VarUse *u, const char *value);      /* lane 0 gets the result of all */
const char *gen_tree_call(Gen *g, const VarUse *u, const char *what);  /* name of a function of the tree: give, flush, fold */
const char *gen_warp_tree_call(Gen *g, const VarUse *u, const char *what);     /* … of a warp's tree: give, result */

/* ---- emit_choice.c ---- */
enum { MAX_BESIDE = 8 };
/* One of several partial results: its value, the iteration that gave it (plus 1; 0: none), and what is assigned beside it. */
typedef struct PlacedNames { const char *value, *when; uint32_t n_beside; const char *beside[MAX_BESIDE]; } PlacedNames;
bool  gen_is_placed(const PLoop *l, const VarUse *u);                  /* can lanes find it so? */
void  gen_assign_placed(Gen *g, const NStmt *s);                       /* an assignment of a variable that is WATCH_Place */
/* Around the loop, whose variables have the identity: what is noted in it. */
void  gen_begin_placed(Gen *g, const PLoop *l, const char *counter);
void  gen_end_placed(Gen *g, const PLoop *l);
uint32_t gen_beside(const PLoop *l, const VarUse *u, const VarUse **beside);   /* what is assigned beside it */
PlacedNames gen_placed_vars(Gen *g, const PLoop *l, const VarUse *u);          /* the variables themselves */
void  gen_fold_placed(Gen *g, const PLoop *l, const VarUse *u, const PlacedNames *x);  /* lane 0 gets what is chosen of all */
/* Lanes read the parts from … to - 1 of scratch memory. */
void  gen_read_placed(Gen *g, const PLoop *l, const VarUse *u, const PlacedNames *x, const char *part, const char *const *part_beside);
const char *gen_placed_better(Gen *g, const VarUse *u, const char *x, const char *start);      /* is x, which is set, to replace the value from before? */

/* ---- emit_warp.c ---- */
enum { MAX_WARP_TERMS = 16 };
bool  gen_wants_warps(Gen *g, const PItem *item);       /* is the loop better done by a warp for each iteration? */
bool  gen_is_spread(Gen *g, const PItem *item);
void  gen_lane_loop(Gen *g, const PItem *item, const char *first, const char *end);
/* A loop with ordered accumulations, spread over lanes.  may_be_short: it may have TREE_PROGRAM iterations or fewer. */
void  gen_tree_lanes(Gen *g, const PItem *item, const char *first, const char *end, bool may_be_short);
bool  gen_can_spread(Gen *g, const PItem *item);
/* Does the inner loop have few iterations, or as many as only the device knows, whose elements lie apart from one iteration of the outer one to the next? */
bool  gen_has_short_rows(Gen *g, const PItem *item, const NLoop *outer);
bool  gen_is_plain(const NStmt *s);                     /* may stand in a loop whose iterations are warps', outside of loops that are spread */
bool  gen_reads_var(const NExpr *x, const NVar *v);
const VarUse *gen_accumulation(const PLoop *l, const NStmt *s);        /* the ordered one that the statement is; NULL: it is not one */
const NExpr *gen_term_of(const NStmt *s, const NVar *v);               /* the term e of v = v + e and the like; NULL: something else */
void  gen_put_dead_end(Gen *g);                         /* the label where a lane goes on in which a check failed */
const char *gen_shuffled(Gen *g, DType rep, const char *x, const char *from);  /* the value that lane `from` has */

/* ---- emit_stage.c ---- */
bool  gen_wants_stage(Gen *g, const PItem *item);       /* is the loop better done by 32 iterations to a warp, which finds terms together? */
/* The loops inside that must be short for it, where it is a question; 0: the host cannot tell, or it cannot be done. */
uint32_t gen_short_loops(Gen *g, const PItem *item, const PLoop **loops, uint32_t most);
uint16_t gen_stage_threads(Gen *g, const PItem *item);  /* of a block */
void  gen_stage_rows(Gen *g, const PItem *item);        /* the body, for the iterations row0 … row0 + 31; `live`: the lane has one */

/* A loop in program order that accumulates in one element and does nothing else: the term that it adds; NULL: it is not one. */
const NExpr *gen_kept_term(Gen *g, const PItem *item);
/* Does the assignment in the loop's body give its variable the same value in all iterations?  Then it may also stand in front. */
bool  gen_is_fixed(const PItem *item, const NStmt *s);

/* ---- emit_tile.c ---- */
enum {
    TILE_ROWS = 1, TILE_COLUMNS = 2, TILE_BOTH = 3,     /* what a value depends on */
    TILE_AGAIN = 4,             /* a variable that is computed again where it is used */
};
enum { MAX_PANELS = 6, MAX_AGAIN = 12 };
/* A load in a loop, brought to shared memory for all rows (or columns) of the block and a strip of iterations. */
typedef struct Panel {
    const NAccess *access;
    const PItem *loop;
    uint8_t along;              /* TILE_ROWS or TILE_COLUMNS */
    bool    is_by_depth;        /* neighbours in memory are one after the other in the loop */
    bool    is_guarded;         /* not every iteration loads it: it may be outside the array */
} Panel;
/* A loop of the grid: a thread takes n iterations, always `group` neighbouring ones together, and the block has `threads` in this direction. */
typedef struct TileDim { const PItem *item; int n, group, threads; } TileDim;
typedef struct Tile {
    TileDim  dim[2];            /* rows (item NULL: there are none), columns */
    const PItem *around;        /* a loop of the grid outside these, of which a block takes one iteration; NULL: there is none */
    uint8_t  all;               /* TILE_BOTH, or TILE_COLUMNS */
    bool     has_trees;         /* loops that are tile_is_tree() */
    bool     is_uneven;         /* rows differ in their columns: not every place of a tile is an iteration */
    bool     is_plain;          /* one iteration to a thread, grids of any size */
    int      depth;             /* iterations of a strip */
    int      blocks;            /* that are to run on a multiprocessor at once, at least */
    uint32_t n_panels, n_again, n_limits;
    Panel    panel[MAX_PANELS];
    const NStmt *again[MAX_AGAIN];      /* assignments of TILE_AGAIN variables, each behind those that it uses */
    struct GpuLimit limit[4];           /* as GpuKernel's */
    /* of the text */
    const PItem *strip;         /* the loop whose strips are being made */
    uint8_t  class;             /* loops over rows and columns that are open */
    int      n_loops;           /* … and loops inside the grid */
    const char *row_first, *row_end;    /* is_uneven: the present row's columns */
    GenText  inner, *outer_out;
} Tile;
/* Can the grid's n loops be done in tiles, with gain? */
bool  tile_find(Gen *g, const PItem *const *loop, uint32_t n, Tile *t);
int   tile_panel_length(const Tile *t, const Panel *p);
void  tile_make_plain(Tile *t);                         /* one iteration to a thread */
uint8_t tile_class(const Gen *g, const NExpr *x);
uint8_t tile_stmt_class(const Gen *g, const NStmt *s);
const Panel *tile_panel(const Gen *g, const NAccess *a);        /* the one that holds it, in the present loop; NULL: none */

/* Is it an ordered accumulation by the canonical tree, in more than TREE_PROGRAM iterations? */
bool  tile_is_tree(const Gen *g, const PLoop *l);

/* ---- emit_block.c ---- */
void  tile_body(Gen *g, Tile *t);
/* Around what is to be done for each row and column of a thread that `class` names; `inside`: it is an iteration of the grid. */
void  tile_begin(Gen *g, uint8_t class);
void  tile_end(Gen *g);
void  tile_done(Gen *g);
const char *tile_load(Gen *g, const NAccess *a);        /* its place in a panel, or NULL */
const char *tile_index(Gen *g, uint8_t class);          /* "[r][q]", for variables that have several values */
const char *tile_lengths(Gen *g, uint8_t class);

/* ---- prelude.c ---- */
/* Notes that it is used, with what it uses; its name. */
const char *gen_helper(Gen *g, Helper h, DType rep);
void  gen_prelude(Gen *g, GenText *out);

/* ---- prelude_elem.c ---- */
/* Notes that alpy's own elementary function "elem_NAME" or "elem_NAMEf" is used; what to call. */
const char *gen_elem(Gen *g, const char *name);
bool  gen_elem_is_cuda(const Gen *g, const char *name);         /* CUDA's function of that name is called instead */
void  gen_elem_prelude(Gen *g, GenText *out);

#endif
