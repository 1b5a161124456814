/* jit/nest/nest.h — a loop nest as the analysis sees it: typed, structured, free of the syntax tree's generality.
 *
 * Built from the syntax tree of an outermost loop when it is reached, for the types its variables have then (the signature): every
 * expression has one representation, user functions are inlined, conversions are explicit, and everything that can raise is an operation with
 * a check.  The nest never raises itself: a check that fails ends its execution; what it wrote is undone and the interpreter runs
 * the loop again, up to the exception (contract C3).  So the order of two failing operations does not matter, and
 * a check may fail although the program would not have raised: that costs time only.
 *
 * A Nest is immutable after nest_build(); facts of one execution live in Facts (jit/plan/facts.h).  Everything lives in its Arena. */
#ifndef ALP_JIT_NEST_H
#define ALP_JIT_NEST_H

#include "dsl/arena.h"
#include "interp/array.h"
#include "interp/func.h"
#include "profile/reason.h"

typedef struct Nest   Nest;
typedef struct NExpr  NExpr;
typedef struct NStmt  NStmt;
typedef struct NLoop  NLoop;
typedef struct NVar   NVar;
typedef struct NArray NArray;
typedef struct NAccess NAccess;
typedef struct NForm  NForm;

enum {
    NEST_MAX_DEPTH  = 8,        /* For loops around a statement; deeper: RS_TooDeep */
    NEST_MAX_SYMS   = 4096,     /* the static limits of one nest; beyond: RS_TooLarge */
    NEST_MAX_STMTS  = 4096,
    NEST_MAX_EXPRS  = 65536,
};

/* Possible Value tags of an expression or variable, a set of 1u << Tag; scalars and T_Unbound only. */
typedef uint32_t TagSet;
#define TAGS(tag) (1u << (tag))

typedef enum NOp {
#define OP(name, n, text) NOP_##name,
#include "jit/nest/op_list.h"
#undef OP
    NOP_COUNT
} NOp;

/* What a check looks for.  ORDER check_name */
typedef enum NCheckKind {
    CK_Overflow, CK_ZeroDiv, CK_Pow, CK_Shift, CK_Exact, CK_Range, CK_Nan, CK_Domain, CK_Bounds, CK_Step, CK_Generic,
    CK_Fail,                    /* an assert that failed, a raise, a path that is not compiled: fails when reached */
    CK_COUNT
} NCheckKind;

/* One place that may fail.  The plan knows for each whether it is proved (Plan.proved): then nothing is tested. */
typedef struct NCheck {
    uint8_t      kind;          /* NCheckKind */
    const NExpr *expr;          /* NULL: a statement's */
    const NStmt *stmt;          /* in which it stands */
    const Node  *ast;           /* where the interpreter would raise */
} NCheck;
#define NO_CHECK UINT32_MAX

enum { NE_PY = 1 };             /* NExpr.flavour: Python's numbers: errors instead of wrapping, inf and NaN */

struct NExpr {
    uint8_t  op;                /* NOp */
    uint8_t  rep;               /* DType of the value */
    uint8_t  flavour;
    uint8_t  fun;               /* NOP_Fun: NFunId (fun.h) */
    TagSet   tags;              /* what the interpreter's Value could be; one bit in most cases */
    uint32_t id;                /* dense, 0 … nest->n_exprs-1: index of side tables */
    uint32_t check;             /* index in nest->checks, or NO_CHECK */
    NExpr   *a, *b, *c;
    union {
        int64_t  i;
        uint64_t u;
        double   f;             /* DT_F32 too: exactly that float */
        double   z[2];
        NVar    *var;
        NLoop   *loop;
        NAccess *access;
        struct { NArray *array; int axis; } extent;
        /* NOP_Generic: BinOp, or BI_COUNT + CmpOp; the tags that the operands' Values get. */
        struct { uint8_t op, tag_a, tag_b; } generic;
    } u;
    const NForm *form;          /* DT_I64: the value as an affine form; NULL: not affine, or another rep */
    const Node *ast;
};

/* ---- affine forms ------------------------------------------------------------------------------------------------------ */

/* A symbol: an integer that a form may contain beside counters. */
typedef struct NSym {
    uint32_t id;
    /* Exactly one of: expr (evaluated before the nest starts; consists of Var inputs, Extent, Const and integer operators), product of two
     * symbols, or neither: a value not known in advance. */
    const NExpr *expr;
    const struct NSym *factor[2];
    /* The value is fixed in one iteration of this loop (and of all loops around it), and may differ in the next; NULL: fixed for
     * the whole nest.  Not NULL only for values not known in advance and products with them. */
    const NLoop *varies;
    bool     nonneg;            /* an extent: >= 0 always */
} NSym;

/* coef * (loop's counter, or 1 if loop is NULL) * (symbol, or 1 if sym is NULL) */
typedef struct NTerm { const NLoop *loop; const NSym *sym; int64_t coef; } NTerm;
/* A sum of terms, at most one per (loop, sym); exact over the integers (overflow is the guards' business). */
struct NForm { uint32_t n; NTerm term[]; };

/* ---- variables and arrays ---------------------------------------------------------------------------------------------- */

/* Where the interpreter keeps a variable. */
typedef enum NHomeKind {
    HOME_None,                  /* only in the nest */
    HOME_Slot, HOME_Global, HOME_Cell, HOME_Free,
    HOME_Captured,              /* captured variable number `slot` of the function that `holder` holds */
} NHomeKind;
typedef struct NHome {
    uint8_t  kind;
    uint32_t slot;
    Module  *module;            /* HOME_Global */
    const struct NHome *holder; /* HOME_Captured */
} NHome;

struct NVar {
    uint32_t id;
    Sym      name;              /* SYM_NONE: a temporary */
    NHome    home;
    uint8_t  rep;               /* DType of its storage: wide enough for all values it takes in the nest */
    uint8_t  entry_tag;         /* Tag on entry (T_Unbound: not bound, or a temporary) */
    TagSet   assigned_tags;     /* tags that assignments in the nest give it; 0: never assigned (an input) */
    bool     is_read_first;     /* its value on entry may be read in the nest: nest_input_value() of its input */
    bool     is_live_out;       /* its value at the end is wanted: it has a home and is assigned, or is a tag_var, a set_var or part of a bound view */
    uint32_t input;             /* is_read_first: index in nest->inputs */
    /* Its tag at exit, if it has a home and is assigned: */
    NVar    *tag_var;           /* DT_I64 variable that holds the Tag at run time; NULL: as long as it was assigned at all, … */
    uint8_t  exit_tag;          /* … this one.  An unassigned variable keeps its old Value: `is_set` of the run time's state, … */
    NVar    *set_var;           /* … DT_Bool variable that is true once it was assigned; NULL: assigned whenever the nest's outermost loop runs
                                 * one iteration (For), or always (no loop around it) */
};

struct NArray {
    uint32_t id;
    Sym      name;              /* as the program calls it first */
    NHome    home;
    Sym      attr;              /* SYM_NONE, or: home holds a module, of which this is the variable */
    uint8_t  dtype, ndim;
    bool     is_read, is_written;
    bool     is_iterable;       /* no variable holds it: what the outermost loop iterates over (home unused) */
    uint32_t iterable_part;     /* … which of zip()'s parts */
};

/* One reference to an array in the text.  `a[i, j] += x` makes two, with the same subscripts. */
struct NAccess {
    uint32_t  id;
    NArray   *array;
    bool      is_write;
    uint32_t  n_subs;           /* == array->ndim */
    NExpr    *sub[ALP_MAX_NDIM];        /* DT_I64; negative ones count from the end, as in Python */
    NForm    *form[ALP_MAX_NDIM];       /* NULL: not affine */
    uint32_t  check[ALP_MAX_NDIM];      /* CK_Bounds per dimension; NO_CHECK: cannot fail (iteration over the array itself) */
    NStmt    *stmt;
    const Node *ast;
};

/* ---- statements ------------------------------------------------------------------------------------------------------------ */

typedef enum NStmtKind {
    NS_Assign,                  /* var = expr */
    NS_Store,                   /* access = expr (rep: the array's dtype) */
    NS_If,                      /* expr (DT_Bool) ? body : orelse */
    NS_Loop,                    /* loop */
    NS_Block,                   /* body; target of NS_Leave */
    NS_Leave,                   /* go behind `target` (a Block, or a Loop: break) */
    NS_Next,                    /* go to the next iteration of `target` (a Loop) */
    NS_Return,                  /* leave the nest and the function; expr: its value, or NULL for None */
    NS_Check,                   /* fails if expr (DT_Bool) is false */
} NStmtKind;

typedef struct NBlock { uint32_t n; NStmt **stmt; } NBlock;

struct NStmt {
    uint8_t  kind;
    uint32_t id;                /* dense, in textual order */
    uint32_t check;             /* NS_Check */
    NStmt   *parent;            /* the If, Loop or Block it stands in; NULL: top of the nest */
    NLoop   *loop_in;           /* innermost loop around it (While loops too); NULL: none */
    NExpr   *expr;
    NVar    *var;
    NAccess *access;
    NLoop   *loop;
    NStmt   *target;
    NBlock   body, orelse;      /* If, Block; a Loop's body is loop->body */
    const Node *ast;
};

/* A For loop runs `trip` times, counter t = 0 … trip-1; its body begins with ordinary assignments that give the program's loop
 * variables their values (i = start + t * step; x = a[t]), so nothing else about it is special.  A While loop evaluates `test` before each iteration. */
struct NLoop {
    uint32_t id;                /* dense, in textual order; 0 is the outermost */
    NStmt   *stmt;
    NLoop   *up;                /* enclosing loop, For or While; NULL: outermost */
    uint32_t depth;             /* 1 = outermost; counts For and While */
    bool     is_while;
    bool     has_exit;          /* an NS_Leave or NS_Return leaves it from inside (break): iterations cannot be reordered */
    /* For: evaluated once when the loop is entered; trip == max(0, ceil((stop - start) / step)). */
    NExpr   *start, *stop, *step;       /* DT_I64 */
    NForm   *start_form, *stop_form;    /* NULL: not affine */
    int64_t  step_const;        /* 0: step is not a constant */
    NForm   *step_form;         /* NULL: varies or not affine */
    uint32_t step_check;        /* CK_Step: step == 0 */
    /* stop as min() of several affine values: all of them, each an upper bound (stop_form is then NULL). */
    uint32_t n_stop_forms;
    NForm  **stop_forms;
    NExpr   *trip;              /* DT_I64 expression over start, stop, step; evaluated at entry */
    NExpr   *test;              /* While */
    NBlock   body;
    Sym      var_name;          /* for people: "i"; SYM_NONE: several, or a While */
    const Node *ast;            /* AstFor or AstWhile */
    const Func *inlined_from;   /* the function whose text this loop stands in, NULL: the loop's own */
};

/* ---- signature --------------------------------------------------------------------------------------------------------------- */

/* An input is a Value, or a number in it: of a range start, stop or step, of an enumerate the first number. */
typedef enum NField { FIELD_None, FIELD_Start, FIELD_Stop, FIELD_Step } NField;

/* What the nest took for granted about a value outside it.  Checked at each entry: another type, another nest. */
typedef struct NInput {
    NHome    home;
    bool     is_iterable;       /* not in a home: what the outermost loop iterates over (a range, an array, or an iterator over them), … */
    uint32_t iterable_part;     /* … or this part of it: an enumerate, zip or reversed comes before what it iterates over, 0 is the whole */
    uint8_t  iter_kind;         /* tag T_Iter: its IterKind */
    uint8_t  field;             /* NField; tag is still that of the whole Value */
    bool     is_pinned;         /* field has to be `pinned` */
    int64_t  pinned;
    uint32_t builtin_slot;      /* is_builtin: among the builtins' variables */
    const NHome *cell;          /* not NULL: no Value is meant, but whether both homes are one variable: is_pinned */
    Sym      attr;              /* SYM_NONE, or a variable of the module that home holds */
    Sym      name;              /* for people, and for the builtins */
    uint8_t  tag;               /* Tag */
    uint8_t  dtype, ndim;       /* T_Array */
    bool     is_builtin;        /* the slot is unbound and the builtins' value is meant */
    Value    identity;          /* functions, modules, types: this very object (a counted reference); else T_Unbound */
    NVar    *var;               /* scalars and fields: the variable to load; else NULL */
    NArray  *array;             /* arrays */
} NInput;

/* A variable of the program that is bound to a view of an array in the nest (row = a[i]): nest_bind_views() binds it at the end. */
typedef struct NBoundView {
    NHome    home;
    NArray  *array;
    NVar    *set_var;           /* as an NVar's */
    struct NBoundAxis {         /* per axis of the array */
        int      axis;          /* the view's axis; -1: fixed at `start` (negative ones count from the end) */
        NVar    *start;         /* NULL: 0 */
        int64_t  step;
        NVar    *extent;        /* NULL: the array's */
    } axis[ALP_MAX_NDIM];
} NBoundView;

struct Nest {
    VM      *vm;
    Arena    arena;
    Node    *ast;               /* the AstFor or AstWhile */
    Chunk   *chunk;
    NLoop   *root;
    NBlock   body;              /* the outermost loop's statement, and what must run before it; its else part is not here: the interpreter runs it */
    uint32_t n_exprs, n_stmts, n_loops, n_vars, n_arrays, n_accesses, n_syms, n_checks, n_inputs;
    NExpr  **exprs;
    NStmt  **stmts;             /* by id */
    NLoop  **loops;
    NVar   **vars;
    NArray **arrays;
    NAccess **accesses;
    NSym   **syms;
    NCheck  *checks;
    NInput  *inputs;
    uint32_t n_bound_views;
    NBoundView *bound_views;
    uint32_t n_int_facts;       /* see facts.h */
    bool     has_while, has_return, is_fully_affine;
    uint32_t build_ns;
};

/* Build the nest of `loop` for the values that frame's variables have now.  iterable: what a For loop iterates over, as the interpreter
 * evaluated it (a range, an array, an enumerate/zip/reversed of them …; it has not been advanced); T_Unbound for a While.
 * NULL: *why says why not (RS_NoMemory for lack of memory: no exception is pending).  Runs nothing of the program. */
Nest *nest_build(VM *vm, Frame *frame, Node *loop, Value iterable, ReasonAt *why);
void  nest_free(Nest *nest);
/* Do the frame's variables still have the types, and names the meanings, that the nest was built for? */
bool  nest_matches(const Nest *nest, Frame *frame, Value iterable);
/* Where a variable's Value is now; NULL: nowhere (an unbound cell). */
Value *nest_home(const NHome *home, Frame *frame);
/* The Array behind an NArray at this entry (nest_matches holds). */
Array *nest_array(const NArray *array, Frame *frame, Value iterable);
/* The number behind an input with a variable at this entry (nest_matches holds); a borrowed Value. */
Value nest_input_value(const NInput *in, Frame *frame, Value iterable);
/* At the end of an execution: binds the variables of nest->bound_views.  get: a DT_I64 or DT_Bool variable's value.
 * The arrays are those of the entry (arrays[id]); so this comes before other variables get their values.  ALP_FAIL: no memory, nothing is bound,
 * MemoryError is pending. */
Status nest_bind_views(const Nest *nest, Frame *frame, Array *const *arrays, int64_t (*get)(void *user, const NVar *var), void *user);

/* ---- small helpers ----------------------------------------------------------------------------------------------------------- */
const char *nest_op_name(NOp op);
int         nest_op_arity(NOp op);
const char *nest_check_name(NCheckKind k);
static inline const NExpr *nexpr_operand(const NExpr *e, int k) { return k == 0 ? e->a : k == 1 ? e->b : e->c; }
/* The For loops around a statement, outermost first; returns their number.  While loops end the list when `stop_at_while`. */
int nest_loops_around(const NStmt *s, const NLoop **out);
bool nest_is_inside(const NStmt *s, const NStmt *outer);        /* s == outer counts */
/* Text for --dump=nest and explanations. */
void nest_dump(const Nest *nest, void (*emit)(void *user, const char *s, size_t n), void *user);
void nest_form_text(const Nest *nest, const NForm *f, char *out, size_t size);

#endif
