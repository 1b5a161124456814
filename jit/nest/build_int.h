/* jit/nest/build_int.h — private to build*.c: what the names and expressions of the text stand for while a nest is built.
 *
 * The text is read in program order, several times.  At each point an Env says what every variable holds there (Val): a number,
 * with its possible tags and perhaps its affine form; a view of an array; an object such as a function.  Where paths meet, Vals
 * are joined; a view joined with anything else is VK_Mixed, and that is refused only if it is read.
 *
 * At the top of a loop a variable may hold what it held before the loop or what an earlier iteration gave it.  The first pass
 * takes for granted that earlier iterations change nothing but the forms of variables that the loop's text assigns.  Where the
 * end of the body shows otherwise, and the variable was read meanwhile, the difference goes into a table (Assume) that outlives
 * the pass, and the nest is built again, until nothing new turns up.  Entries only grow, so this ends.
 *
 * Evaluating an expression may need statements of its own (an inlined call, a walrus).  They are appended to the list being
 * filled (b->list), and operands read before that they would disturb are saved in temporaries first.  Operands that Python
 * evaluates only sometimes get a list of their own; if it stays empty they become part of the expression, else of an NS_If.
 *
 * Functions that return Status or a pointer fail in three ways: b->nb.refused, b->nb.no_memory, or b->dead: execution never
 * gets past this point, since a variable that is read there was never assigned.  The statement being read then ends in a check
 * that always fails. */
#ifndef ALP_JIT_BUILD_INT_H
#define ALP_JIT_BUILD_INT_H

#include "interp/iter.h"
#include "interp/ops.h"
#include "interp/seq.h"
#include "jit/nest/build.h"

typedef struct Builder Builder;

/* ---- what an expression stands for --------------------------------------------------------------------------------- */

/* Part of an array, as seen through subscripts that are integers or slices, and transposition. */
typedef struct View {
    NArray  *array;
    uint32_t ndim;              /* axes left */
    struct ViewAxis {           /* per axis of the array */
        int      axis;          /* the view's axis; -1: fixed */
        NExpr   *start;         /* fixed: the subscript (negative ones count from the end); else the first element, >= 0, or NULL: 0 */
        int64_t  step;          /* not fixed */
        NExpr   *extent;        /* not fixed: number of elements; NULL: the array's extent */
        bool     is_safe;       /* fixed: within bounds for sure, or tested already */
    } dim[ALP_MAX_NDIM];
} View;

typedef enum ThingKind { TH_Scalar, TH_View, TH_Object, TH_Tuple } ThingKind;

typedef struct Thing {
    uint8_t  kind;
    NExpr   *expr;              /* TH_Scalar */
    View    *view;
    Value    object;            /* TH_Object: function, module, type, None, range … (borrowed) */
    const NHome *home;          /* TH_Object: where it was found; NULL: nowhere in particular */
    uint32_t n;                 /* TH_Tuple */
    struct Thing *item;
} Thing;

/* ---- variables ----------------------------------------------------------------------------------------------------- */

typedef enum ValKind {
    VK_Entry,                   /* what it was when the nest started, not looked at yet */
    VK_Scalar, VK_View, VK_Object, VK_Tuple,
    VK_Mixed,                   /* different things on different paths */
} ValKind;

/* What a variable holds at some point.  Shared between environments; `tags`, `form` and `kind` of pending and lazy ones are
 * filled in when it is read. */
typedef struct Val {
    uint8_t  kind;
    bool     from_entry;        /* it may still be what it was when the nest started … */
    bool     pending;           /* … which has not been looked at yet */
    bool     lazy;              /* an integer's form: a symbol that varies with `varies`, made when it is read */
    bool     used;              /* an expression read it, or a Val joined from it */
    bool     is_induction;      /* header of a loop that counts it: form is exact */
    TagSet   tags;              /* VK_Scalar; with T_Unbound: perhaps not assigned */
    const NForm *form;
    const NLoop *varies;
    Thing    thing;             /* VK_View, VK_Object, VK_Tuple */
    struct Val *from[2];        /* what it was joined from */
} Val;

/* A variable of the text: of the frame, a module, a captured one, or a local of one inlined call. */
typedef struct BVar {
    uint32_t index;             /* in Env.val */
    uint64_t key;               /* the same in every pass */
    Sym      name;
    NHome    home;              /* HOME_None: a local of an inlined function */
    NVar    *var;               /* made when it first holds a number */
    TagSet   stored;            /* every tag it holds as a number in this pass */
    Val     *entry;             /* its value where no assignment has been seen */
    NArray  *array;             /* the array it holds at entry */
    NVar    *set;               /* true once it was assigned; NULL: nobody asks */
    NBoundView *bound;          /* the program's variable is bound to views in the nest */
    bool     is_live_out;       /* its value at the end can be read by the program */
    bool     is_assigned;
    bool     has_unbound_input;
    bool     is_entry_read;     /* what it holds at entry has been looked at */
    uint32_t assigned_mark;     /* prescan's */
} BVar;

/* NULL: nothing happened to the variable yet, see var_initial(). */
typedef struct Env { uint32_t n; Val **val; } Env;

/* ---- what passes tell one another ---------------------------------------------------------------------------------- */

enum {
    AS_Varies = 1,              /* (loop, variable) changes in the loop without its text saying so */
    AS_Mixed  = 2,              /* (loop, variable) holds different things from iteration to iteration */
    AS_Set    = 4,              /* (variable) needs a set_var */
    AS_Plain  = 8,              /* (loop, variable) is no induction variable after all; (loop) its start is to be saved */
};

typedef struct Assume { uint64_t key; TagSet tags; uint32_t flags; } Assume;

/* ---- the text's surroundings --------------------------------------------------------------------------------------- */

typedef struct Body { uint32_t n, cap; NStmt **item; } Body;       /* statements being collected */

/* A function being inlined; NULL for the frame's own text. */
typedef struct Scope {
    struct Scope *up;
    const Func *func;
    const NHome *home;          /* where func was found */
    Module  *module;
    uint64_t path;              /* of calls, the same in every pass */
    uint32_t depth;
    BVar   **local;             /* [n_locals] */
    BVar    *result;            /* several returns: holds the value */
    Thing    value;             /* one return, the last statement: its value */
    bool     has_value, is_left;
    NStmt   *block;             /* around the body, for NS_Leave */
    Env     *exit_env;          /* of returns */
    const NLoop *loop;          /* around the call */
} Scope;

/* A loop being read. */
typedef struct LoopCtx {
    struct LoopCtx *up;         /* of the same function */
    struct LoopCtx *outer;      /* of any */
    NLoop   *loop;
    uint64_t key;               /* the same in every pass */
    NStmt   *stmt;
    NStmt   *leave;             /* what a break leaves: the loop, or the Block around it and its else part */
    Env     *pre, *header;      /* before the loop, and at the top of each iteration */
    Env     *next_env, *break_env;      /* of continue and break statements */
    struct Induction *inductions;
} LoopCtx;

struct Builder {
    NBuild   nb;                /* first: NB() */
    Value    iterable;
    Arena    scratch;           /* of this pass: environments, lists, variables */
    Arena    lasting;           /* of all passes: `assume` */
    Assume  *assume;            /* open-addressed hash, key 0: empty */
    uint32_t n_assume, cap_assume;
    bool     again;             /* something new turned up: the pass is not the last */
    bool     want_tags;         /* numbers of several types leave the nest: tags are kept at run time */
    bool     no_inline;         /* what is read may be read and dropped: refuse what has effects */
    bool     dead;
    bool     was_dead;          /* in this pass, somewhere: by reading variable `unbound` there */
    Sym      unbound;
    const Node *unbound_at;
    Env     *env;               /* NULL: this point is never reached */
    Body    *list;
    Scope   *scope;
    LoopCtx *ctx;               /* innermost loop of the function being read, … */
    LoopCtx *loops;             /* … and of all */
    uint32_t for_depth;
    NStmt   *root;
    Body     prelude;           /* statements before the outermost loop */
    BVar   **bvars;
    uint32_t n_bvars, cap_bvars;
    BVar   **home_hash;         /* by key */
    uint32_t cap_home_hash;
    struct CellHome { struct CellHome *next; const BVar *bv; NHome home; } *cells;      /* how variables in cells are reached */
    bool    *lives;             /* per slot of the frame's function: named outside the loop; NULL: module */
    bool     is_repeated;       /* the loop stands in another one of that function */
    Env     *exit_env;          /* where the outermost loop ends: after an iteration, by break; a While: before the first one too */
    Env     *return_env;        /* joined from NS_Return statements */
    uint32_t mark;              /* prescan's */
};

#define NB(b) (&(b)->nb)

/* More than one type of number. */
static inline bool has_several(TagSet t)
{
    t &= ~TAGS(T_Unbound);
    return (t & (t - 1)) != 0;
}

/* ---- build.c ------------------------------------------------------------------------------------------------------- */
void    *build_alloc(Builder *b, size_t size);          /* of the nest; NULL: no memory, recorded */
void    *scratch_alloc(Builder *b, size_t size);        /* of the pass */
#define NEST_NEW(b, type)       ((type *)build_alloc((b), sizeof(type)))
#define SCRATCH_NEW(b, type)    ((type *)scratch_alloc((b), sizeof(type)))
/* Text of a node for a detail, shortened; valid until the next call. */
const char *node_text(Builder *b, const Node *ast);
uint64_t key_mix(uint64_t key, uint64_t x);
Assume  *assume_find(Builder *b, uint64_t key);         /* NULL: nothing is known */
/* Notes what the pass found out; sets b->again if it is new.  ALP_FAIL: no memory. */
Status   assume_note(Builder *b, uint64_t key, TagSet tags, uint32_t flags);
NVar    *nvar_new(Builder *b, Sym name, DType rep);
NLoop   *nloop_new(Builder *b, const Node *ast);
NAccess *naccess_new(Builder *b, NArray *array, NExpr **sub, const bool *is_safe, bool is_write, const Node *ast);
NInput  *ninput_new(Builder *b);                        /* zeroed, identity T_Unbound */
NStmt   *nstmt_new(Builder *b, NStmtKind kind, const Node *ast);
Status   list_put(Builder *b, Body *l, uint32_t at, NStmt *s);
/* Appends to b->list. */
Status   emit(Builder *b, NStmt *s);
Status   emit_assign(Builder *b, NVar *v, NExpr *e, const Node *ast);
Status   emit_check(Builder *b, NCheckKind kind, NExpr *test, const Node *ast);
Status   block_of(Builder *b, const Body *l, NBlock *out);

/* ---- entry.c ------------------------------------------------------------------------------------------------------- */
/* Part number `part` of what the outermost loop iterates over, see NInput; T_Unbound: there is none. */
Value    iterable_part(Value iterable, uint32_t part);
bool     range_field(Value v, NField field, int64_t *out);
/* An iterator that nobody else holds, at its start. */
bool     iter_is_fresh(Value v);

/* ---- build_env.c, build_var.c, build_input.c: variables ------------------------------------------------------------ */
BVar    *var_of_name(Builder *b, const AstName *name);
BVar    *var_of_module(Builder *b, Module *m, uint32_t slot, Sym name);
BVar    *var_local(Builder *b, Sym name, uint64_t key);         /* a fresh one of no home */
Env     *env_new(Builder *b);
Env     *env_copy(Builder *b, const Env *e);                    /* NULL for NULL, and for lack of memory */
Env     *env_join(Builder *b, Env *x, Env *y);                  /* either may be NULL */
Val     *env_at(const Env *e, const BVar *bv);
/* Before e leaves b->loops out to, but without, the loop `to`: what depends on their counters is not known any more. */
void     env_leave(Builder *b, Env *e, const NLoop *to);
Val     *env_get(Builder *b, BVar *bv);                         /* in b->env; NULL: no memory */
Status   env_set(Builder *b, BVar *bv, Val *v);
Val     *val_new(Builder *b, ValKind kind);
Val     *val_join(Builder *b, BVar *bv, Val *x, Val *y);
Val     *val_outside(Builder *b, Val *v, const NLoop *l);       /* v behind loop l */
/* What the variable holds at the top of an iteration, given what it held before the loop and what earlier passes found out
 * (NULL: nothing). */
Val     *val_widen(Builder *b, Val *v, const NLoop *l, const Assume *a);
void     val_use(Val *v);
Status   thing_keep(Builder *b, Thing *t, NBoundView *bound, const Node *ast);  /* its numbers in temporaries; bound: as view_keep() */
/* What a variable holds that nothing has happened to so far, in the loops being read: earlier iterations may have changed it. */
Val     *var_initial(Builder *b, BVar *bv);
Status   val_resolve(Builder *b, BVar *bv, Val *v, const Node *ast);    /* looks at the entry value of a pending one */
Status   var_store(Builder *b, BVar *bv, TagSet tags, const Node *ast);         /* its storage holds numbers of these tags too */
Status   var_want_set(Builder *b, BVar *bv);                    /* if the table asks for it: makes bv->set */
Status   var_read(Builder *b, BVar *bv, const Node *ast, Thing *out);
Status   var_bind(Builder *b, BVar *bv, Thing *t, const Node *ast);     /* assignment, with statements */
/* As var_bind for a number, with the form that the variable then has. */
Status   var_assign(Builder *b, BVar *bv, NExpr *e, const NForm *form, const Node *ast);
/* A temporary for numbers of these tags, and an assignment to a variable in front of statement `at` of the list. */
NVar    *temp_new(Builder *b, TagSet tags, DType rep);
Status   temp_put(Builder *b, Body *l, uint32_t at, NVar *v, NExpr *x, const Node *ast);
/* The number that x is, in a temporary. */
NExpr   *temp_of(Builder *b, NExpr *x, const Node *ast);
/* The same in front of statement `at` of the list. */
NExpr   *temp_before(Builder *b, Body *l, uint32_t at, NExpr *x, const Node *ast);
bool     is_scalar_tag(uint64_t tag);
Thing    thing_scalar(NExpr *e);
Thing    thing_view(View *v);
Thing    thing_object(Value v, const NHome *home);
/* A number that the iterable, or a range in a variable, has. */
NExpr   *input_field(Builder *b, const NHome *home, Sym name, bool is_iterable, uint32_t part, NField field, const Node *ast);
Status   input_pin(Builder *b, const NHome *home, Sym name, bool is_iterable, uint32_t part, NField field, int64_t value);
Status   input_iterable(Builder *b, uint32_t part, Value v);    /* its kind, dtype and number of axes are taken for granted */
NArray  *array_of_iterable(Builder *b, uint32_t part, const Array *a);
/* After a pass: what leaves the nest. */
Status   vars_finish(Builder *b);

/* ---- build_expr.c -------------------------------------------------------------------------------------------------- */
Status   build_value(Builder *b, const Node *n, Thing *out);
/* The same, if it has no effects and can be had: else *ok is false and nothing has happened. */
Status   build_if_pure(Builder *b, const Node *n, Thing *out, bool *ok);
/* Several from left to right; operands that later ones' statements would disturb are saved. */
Status   build_values(Builder *b, Node *const *n, uint32_t count, Thing *out);
NExpr   *build_number(Builder *b, const Node *n);
NExpr   *number_of(Builder *b, const Thing *t, const Node *ast);        /* refuses all else */
NExpr   *build_test(Builder *b, const Node *n);                  /* DT_Bool */
/* Would running statements from … of the list change the value of e? */
bool     is_disturbed(const NExpr *e, const Body *l, uint32_t from);
Status   protect(Builder *b, Thing *t, Body *l, uint32_t *at, uint32_t from, const Node *ast);
/* For code that may not run: what is emitted goes to c->list. */
typedef struct Cond { Body list, *saved; Env *before; } Cond;
Status   cond_begin(Builder *b, Cond *c);
void     cond_end(Builder *b, Cond *c);                         /* b->env is that of the end of the code */
bool     expr_is_const_bool(const NExpr *e, bool *value);
/* What is not used has to be evaluated all the same where that may fail; into: what was made of it, NULL: nothing. */
Status   thing_drop(Builder *b, const Thing *t, const Thing *into, const Node *ast);
/* May evaluating it fail, or does it read arrays? */
bool     expr_may_fail(const NExpr *e);
/* A reference to an array belongs to one statement: expressions with one are not to be put into two. */
bool     reads_array(const NExpr *e);

/* ---- build_view.c: subscripts -------------------------------------------------------------------------------------- */
View    *view_whole(Builder *b, NArray *a);
View    *view_transposed(Builder *b, const View *v);
NExpr   *view_extent(Builder *b, const View *v, uint32_t axis, const Node *ast);
Status   view_index(Builder *b, const View *v, const AstIndex *n, Thing *out);
Status   view_load(Builder *b, View *v, const Node *ast, Thing *out);           /* no axes left */
/* Element or row number i, which is within bounds. */
Status   view_item(Builder *b, const View *v, NExpr *i, const Node *ast, Thing *out);
/* The same to keep: its subscripts in temporaries, tested. */
Status   view_test(Builder *b, const View *v, const Node *ast);         /* whether it can be made: it is not used */
View    *view_keep(Builder *b, const View *v, NBoundView *bound, const Node *ast);      /* bound: in its variables; NULL: temporaries */
/* a[…] = e; subs: evaluated by view_place(). */
Status   view_place(Builder *b, const AstIndex *n, View **out);
/* The same element, its subscripts in temporaries in front of statement *at of the list, which moves on. */
View    *view_save(Builder *b, const View *v, Body *l, uint32_t *at, const Node *ast);
Status   view_store(Builder *b, View *place, NExpr *e, const Node *ast);

/* ---- build_call.c -------------------------------------------------------------------------------------------------- */
Status   build_call(Builder *b, const AstCall *n, bool is_used, Thing *out);
Status   build_attr(Builder *b, const AstAttr *n, Thing *out);
/* Is it this builtin function or type? */
bool     is_builtin(Builder *b, const Thing *t, const char *name);

/* ---- build_walk.c: what for loops iterate over --------------------------------------------------------------------- */
typedef enum WalkKind { WK_Range, WK_Array, WK_Display, WK_Enumerate, WK_Zip } WalkKind;

typedef struct Walk {
    WalkKind kind;
    const Node *ast;
    NExpr   *start, *stop, *step;       /* range; enumerate: start */
    NExpr   *count;                     /* number of items, never negative */
    View    *view;                      /* array */
    Thing   *item;                      /* display: n of them */
    bool     is_reversed;
    uint32_t n;                         /* enumerate: 1; zip: its parts */
    struct Walk *part;
} Walk;

/* The iterable's own value for this part of the text; none for loops inside. */
typedef struct Source { bool is_outermost; uint32_t part; } Source;

Status   walk_read(Builder *b, const Node *ast, const Source *src, Walk *w);
/* Numbers that the body's first statements use, evaluated before the loop; keep: all of them, else where that is cheaper. */
Status   walk_settle(Builder *b, Walk *w, bool keep, bool is_inner);
bool     walk_is_disturbed(const Walk *w, const Body *body);    /* does the body change what they depend on? */
Status   walk_bounds(Builder *b, NLoop *l, Walk *w);            /* start, stop, step, trip */
Status   walk_item(Builder *b, Walk *w, NExpr *t, Thing *out);  /* the item of iteration t */

/* ---- build_loop.c, build_induction.c, build_stmt.c ----------------------------------------------------------------- */
/* tail: what follows the list is the end of the loop's iteration, or of the inlined function. */
Status   build_list(Builder *b, const NodeList *l, uint32_t from, bool tail);
Status   assign_target(Builder *b, const Node *target, Thing *t);
Status   build_for(Builder *b, const AstFor *n);
Status   build_while(Builder *b, const AstWhile *n);
/* Integers that cannot overflow, with their forms (build_view.c). */
NExpr   *int_op(Builder *b, NOp op, NExpr *x, NExpr *y, const Node *ast);
/* Induction variables: found before the body of a For loop is read, their header values in ctx->header; n increments one of
 * them: *done; after the body: assignments at its top where needed; what the variable is after the loop, or NULL. */
typedef struct Assigned { struct Assigned *next; BVar *bv; uint32_t count; } Assigned;
Status   induction_find(Builder *b, LoopCtx *ctx, const AstFor *n, const Assigned *assigned);
Status   induction_step(Builder *b, const Node *n, bool *done);
Status   induction_end(Builder *b, LoopCtx *ctx, Body *body);
Val     *induction_exit(Builder *b, LoopCtx *ctx, const BVar *bv);
bool     is_assigned_in(const Assigned *a, const BVar *bv, uint32_t *count);

#endif
