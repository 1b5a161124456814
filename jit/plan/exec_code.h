/* jit/plan/exec_code.h — private to the reference executor: the form in which it runs nests and plans.
 *
 * Before it runs, a plan is translated into a tree of closures: a Code is a function with its operands.  An expression's
 * function returns its value in the C type of its representation, a statement's function says where to go on.  Variables,
 * counters and constants are Slots at fixed addresses, so that operators may read such operands directly; there is one Prog
 * per translation, kept with the plan, and it is used by one execution at a time.
 *
 *   exec.c        exec_plan(), exec_nest(): entry, writing back
 *   exec_eval.c   expressions
 *   exec_access.c references to array elements
 *   exec_flow.c   statements, plan items, loops in program order
 *   exec_tree.c   loops with accumulations, and loops in random order
 *   exec_undo.c   putting arrays back
 *
 * Checks.  A check that fails sets Run.stop and its operation yields 0, so that evaluation of the statement goes on
 * harmlessly; the statement then ends with FLOW_Stop, which ends everything.  Proved checks are not translated at all,
 * except to verify the plan (Prog.verify). */
#ifndef ALP_JIT_EXEC_CODE_H
#define ALP_JIT_EXEC_CODE_H

#include "interp/elementwise.h"
#include "interp/reduce_tree.h"
#include "jit/nest/fun.h"
#include "jit/plan/exec.h"

/* A value: integers and bools in i (sign- or zero-extended from their type, as in a Value), the others by DType. */
typedef union Slot {
    int64_t  i;
    uint64_t u;
    double   d;
    float    f;
    ElC64    c;
    ElC128   z;
} Slot;

typedef struct Code Code;
typedef struct Run  Run;

/* Where to go on.  FLOW_Leave, FLOW_Next: Run.target says of which statement. */
typedef enum Flow { FLOW_On, FLOW_Leave, FLOW_Next, FLOW_Return, FLOW_Stop } Flow;

typedef union CodeFn {          /* by representation, EvalKind; run: statements and items */
    int64_t (*i)(const Code *c, Run *x);
    double  (*d)(const Code *c, Run *x);
    float   (*f)(const Code *c, Run *x);
    ElC64   (*c)(const Code *c, Run *x);
    ElC128  (*z)(const Code *c, Run *x);
    Flow    (*run)(const Code *c, Run *x);
} CodeFn;

/* Which C type holds a DType: the member of CodeFn and Slot. */
typedef enum EvalKind { EK_I, EK_D, EK_F, EK_C, EK_Z, EK_COUNT } EvalKind;
static inline EvalKind eval_kind(DType d)
{
    return d <= DT_U64 ? EK_I : d == DT_F64 ? EK_D : d == DT_F32 ? EK_F : d == DT_C64 ? EK_C : EK_Z;
}
/* X(EvalKind, member, C type) */
#define EACH_KIND(X) X(EK_I, i, int64_t) X(EK_D, d, double) X(EK_F, f, float) X(EK_C, c, ElC64) X(EK_Z, z, ElC128)

typedef union CodeArg { const Code *code; const Slot *slot; } CodeArg;

typedef struct Seq { uint32_t n; const Code **code; } Seq;

struct Code {
    CodeFn   fn;
    CodeArg  a, b;              /* operands: another Code, or a Slot, as the function expects */
    const Code *c;
    union {
        int64_t  range[2];      /* integers from … to */
        double   limits[2];     /* floats between … and …, both exclusive */
        const NFunInfo *fun;
        const NExpr *expr;
        const NStmt *stmt;
        const struct AccessCode *access;
        const struct LoopCode *loop;
        struct { uint8_t *assigned; Slot *slot; } var;
        struct { Seq *body, *orelse; const NStmt *stmt; } branch;
    } u;
    uint32_t check;
    bool     is_leaf;           /* an expression that is just the value of a.slot */
};

/* An array at this execution. */
typedef struct ArrayRef {
    char   *data;
    int64_t stride[ALP_MAX_NDIM];
    Slot    extent[ALP_MAX_NDIM];
} ArrayRef;

typedef struct SubCode {
    const Slot *slot;           /* the subscript is slot->i + add, … */
    int64_t     add;
    const Code *code;           /* … or this one's value, if not NULL */
    uint8_t     mode;           /* DimMode */
    uint32_t    check;
} SubCode;

typedef struct AccessCode {
    const ArrayRef *ref;
    const NAccess  *access;
    uint32_t n;
    SubCode  sub[];
} AccessCode;

enum { EXEC_BLOCKS = 16 };      /* most blocks that an unordered accumulation is cut into in random order */

/* An accumulation. */
typedef struct RedCode {
    const VarUse *use;
    Slot    *var;
    uint8_t *assigned;
    DType    rep;
    size_t   size;              /* bytes of an element of rep */
    /* ordered */
    TreeOp    op;
    TreeState tree;
    _Alignas(16) char lane[TREE_LANES * 16];
    /* not ordered */
    Slot     start;             /* before the loop */
    bool     was_assigned;
    Slot     identity, part;    /* part: the block's result while it is combined with the variable's value */
    const Code *combine;        /* is_choice: is the part to be taken (Min, Max by comparison)?  Else: the combined value */
    bool     is_choice;
    struct RedCode *lead;       /* RK_Arg */
} RedCode;

/* A variable that a loop treats specially, in random order. */
typedef struct PrivateCode {
    Slot    *var;
    uint8_t *assigned;
    DType    rep;
    bool     is_last;           /* its value after the loop is that of the last iteration that assigned it */
    bool     was_assigned, any_assigned;
    int64_t  last_t;
    Slot     value;
} PrivateCode;

/* A variable that a loop saves in a buffer or takes from there. */
typedef struct KeepCode { Slot *var, old; } KeepCode;

typedef struct ExpandCode {
    Slot    *var;
    struct ExpandBuffer *buffer;
    uint32_t id;                /* of the variable */
    bool     is_borrowed;       /* taken, and not assigned in the loop: behind the loop it has its old value again */
    Slot     old;
} ExpandCode;

/* The part of a loop's body that came from one source loop. */
typedef struct GroupCode { const NStmt *stmt; Seq seq; } GroupCode;

typedef struct LoopCode {
    const PLoop *plan;          /* NULL: a loop of the nest itself, in program order */
    const NLoop *loop;          /* the first source */
    uint32_t n_src;
    Slot   **counter;
    const Code *step, *trip;    /* step NULL: need not be tested */
    uint32_t step_check;
    uint32_t n_group;
    GroupCode *group;
    bool     is_plain;          /* one group of one source, nothing saved or restored */
    bool     tells_root;        /* whether the outermost loop of the nest runs is found out here */
    uint32_t n_ordered, n_red, n_private, n_save, n_restore;
    RedCode *red;
    PrivateCode *private;
    uint32_t n_keep;
    KeepCode *keep;
    ExpandCode *save, *restore;
} LoopCode;

/* A variable's values of all iterations. */
typedef struct ExpandBuffer {
    const NVar *var;
    Slot   *value;
    int64_t count;
} ExpandBuffer;

/* What is needed to undo an execution (exec_undo.c). */
typedef struct UndoNote UndoNote;
typedef struct UndoCopy UndoCopy;
typedef struct Undo {
    const Nest  *nest;          /* NULL: nothing can be undone */
    const Facts *facts;
    size_t    all_bytes;        /* in the arrays that are written */
    bool      logs;             /* stores are being noted */
    bool      is_optional;      /* no check can fail: it is for leaving only */
    UndoNote *note;
    size_t    n_notes, cap_notes;
    UndoCopy *copy;             /* complete only while nothing is noted */
    uint32_t  n_copies;
} Undo;

/* A translation, with the storage it runs on. */
typedef struct Prog {
    Arena       arena;          /* all of it, but for the buffers of expanded variables and this struct */
    VM         *vm;
    const Nest *nest;
    const Plan *plan;           /* NULL: the nest in program order */
    struct Prog *next;          /* of the same plan */
    bool        verify;         /* every check is tested, proved ones too */
    bool        has_record;     /* accesses call Run.record */
    bool        has_notes;      /* stores are noted while Run.undo is set */
    bool        is_bare;        /* nothing is translated: a back end's kernel runs on the storage */
    bool        in_use;
    Slot       *var, *counter;  /* [n_vars], [n_loops] */
    uint8_t    *assigned;       /* [n_vars]: verify: a statement assigned it; reset by whoever wants to know */
    uint32_t   *n_assign;       /* [n_vars]: statements translated so far that assign it */
    bool       *is_always;      /* [n_vars]: assigned by a statement outside all loops */
    ArrayRef   *array;          /* [n_arrays] */
    ExpandBuffer *expand;       /* [n_vars], NULL: none */
    Slot        scratch;        /* what an access outside its array reads and writes */
    int64_t    *recorded;       /* [n_loops]: counters for Run.opt->record */
    const Code **op;            /* [n_exprs]: operations of exec_eval_op() on `operand`, NULL: not translated yet; NULL: none was */
    Slot        operand[2];
    const Code *root_trip;
    Seq         body;
} Prog;

/* One execution. */
struct Run {
    VM          *vm;
    Prog        *prog;
    bool         stop;          /* with one of the following */
    bool         has_failed, has_raised, no_memory, has_left;
    bool         may_leave;     /* opt->leaves is to be asked */
    bool         is_broke;      /* the outermost loop was left by break */
    bool         root_known, root_ran;
    uint32_t     failed;        /* first check that failed */
    uint32_t     fuel;          /* back edges until the next poll */
    uint64_t     random;
    const NStmt *target;
    Undo        *undo;          /* stores must be noted here; NULL: they need not */
    Value        ret;
    const Facts *facts;
    const ExecOptions *opt;
};

/* ---- translation: NULL for lack of memory ----------------------------------------------------------------------------- */
Code *code_new(Prog *p);
Code *code_leaf(Prog *p, DType rep, const Slot *slot);
const Code *code_expr(Prog *p, const NExpr *e);
/* The operation of e (one of one or two operands) on a and b. */
const Code *code_operation(Prog *p, const NExpr *e, const Code *a, const Code *b);
/* a op b, of two operands that have representation rep; check: NO_CHECK, or what is told if it cannot be done. */
const Code *code_binary(Prog *p, NOp op, DType rep, const Code *a, const Code *b, uint32_t check);
const Code *code_load(Prog *p, const NExpr *e);
const Code *code_store(Prog *p, const NStmt *s);
const Code *code_stmt(Prog *p, const NStmt *s);
Status code_items(Prog *p, PItem *const *items, uint32_t n, const PLoop *around, Seq *out);
Status code_block(Prog *p, const NBlock *b, Seq *out);
/* exec_tree.c's part of a loop: accumulations and what random order needs. */
Status code_reductions(Prog *p, LoopCode *l);
/* Is this check to be tested, and if so which number does it tell? */
uint32_t code_check(const Prog *p, uint32_t check);

/* ---- running ---------------------------------------------------------------------------------------------------------- */
NOINLINE void run_fail(Run *x, uint32_t check);
/* An exception is pending: MemoryError ends the execution with it, any other one is the check's failure. */
NOINLINE void run_raised(Run *x, uint32_t check);
NOINLINE bool run_poll(Run *x);
Flow run_seq(const Seq *s, Run *x);
/* Iterations first … first + n - 1 of a PM_Reduction loop, or of any loop in random order. */
Flow loop_reduce(const LoopCode *l, Run *x, int64_t first, int64_t n);
Flow loop_shuffle(const LoopCode *l, Run *x, int64_t first, int64_t n);
static inline bool run_tick(Run *x)
{
    return UNLIKELY(--x->fuel == 0) && run_poll(x);
}

/* One iteration of a loop with all that belongs to it: FLOW_On, or the jump that leaves the loop. */
NOINLINE Flow loop_iteration_any(const LoopCode *l, Run *x, int64_t t);
static inline Flow loop_iteration(const LoopCode *l, Run *x, int64_t t)
{
    if (UNLIKELY(!l->is_plain))
        return loop_iteration_any(l, x, t);
    l->counter[0]->i = t;
    Flow flow = run_seq(&l->group[0].seq, x);
    if (UNLIKELY(flow != FLOW_On) && (flow != FLOW_Next || x->target != l->group[0].stmt))
        return flow;
    return run_tick(x) ? FLOW_Stop : FLOW_On;
}

/* First iteration of a loop of the plan that has bounds of its own (n_upper > 0), and the one behind the last, for these counters and symbols. */
void plan_bounds(const PLoop *p, const Slot *counter, const int64_t *sym, int64_t *first, int64_t *end);
/* From which source loop of `around` does the item come?  It cannot be told of an item without statements: `otherwise`. */
uint32_t plan_source_of(const PLoop *around, const PItem *item, uint32_t otherwise);

/* ---- undoing ---------------------------------------------------------------------------------------------------------- */
/* copy: all at once, nothing will be noted.  ALP_FAIL: no memory. */
Status undo_begin(Undo *u, const Nest *nest, const Facts *facts, bool copy, bool is_optional);
/* `size` bytes at p are about to be overwritten.  False: the execution stops, for lack of memory or because it is left. */
NOINLINE bool undo_note(Run *x, char *p, size_t size);
void   undo_restore(const Undo *u);
void   undo_free(Undo *u);

/* Values in and out of slots.  False: the value is not exactly one of this representation. */
bool  slot_from_value(Slot *s, DType rep, Value v);
/* V_ERR: MemoryError is pending. */
Value slot_to_value(VM *vm, const Slot *s, DType rep, Tag tag);
/* An element's bytes in memory, and back. */
void  slot_store(const Slot *s, DType d, char *p);
void  slot_load(Slot *s, DType d, const char *p);
void  slot_poison(Slot *s, DType d, uint64_t random);
uint64_t run_random(Run *x);

/* exec.c: frees a chain of translations. */
void prog_free_all(void *progs);

/* ---- kernels of back ends ------------------------------------------------------------------------------------------------ */
/* How somebody else carried out a plan on prog->var, which holds the variables' values on entry and, if it ended well, at exit. */
typedef struct ExecOutcome {
    Flow     flow;              /* FLOW_On, or FLOW_Return with `returned` and `ret` */
    bool     broke;             /* the outermost loop was left by break */
    bool     root_ran;          /* the outermost loop ran an iteration */
    bool     raised;            /* an exception is pending; this goes before the others */
    bool     no_memory, failed;
    bool     untouched;         /* no array was written */
    uint32_t failed_check;      /* NO_CHECK: not known */
    const NStmt *returned;
    const Slot  *ret;
} ExecOutcome;
typedef ExecOutcome (*ExecRunner)(void *user, Prog *prog);
/* As exec_plan(), with `run` for what stands between entry and exit.  restores: run itself puts arrays back where a check fails or memory runs out. */
ExecVerdict exec_plan_by(const Plan *plan, const Facts *facts, Frame *frame, Value iterable, ExecRunner run, void *user, bool restores,
                         const NCheck **failed);
/* The operation of e on operands a and b (NULL where it has one), its check included.  False: the check fails, or no memory; no exception is
 * pending.  Not to be called by two threads at once. */
bool exec_eval_op(Prog *p, const NExpr *e, const Slot *a, const Slot *b, Slot *out);

#endif
