/* jit/nest/build.h — private to jit/nest: the state of building a nest, and the seam between statements and expressions.
 *
 *   build.c       nest_build(): passes until types settle; final numbering
 *   build_stmt.c  statements and control flow; build_loop.c, build_walk.c, build_induction.c: loops, what they walk, induction variables
 *   build_env.c   what variables hold at each point; build_var.c: storage, reading, assigning; build_input.c: what enters and leaves the nest
 *   build_expr.c  expressions of the syntax tree: order of evaluation, temporaries and statements for what needs them
 *   build_view.c  subscripts and array views
 *   build_call.c  calls: inlined user functions, builtins, module functions, methods; attributes
 *   entry.c       signature and variables at each entry
 *   expr.c        typed expressions: the NumPy and Python rules of types, conversions, checks, constant folding, affine forms
 *   form.c        affine forms and symbols
 *   fun.c         elementary functions
 *   nest.c        names, queries, dump
 *
 * Failure: a function that returns a pointer returns NULL, one that returns Status ALP_FAIL, after build_refuse() or build_nomem(). */
#ifndef ALP_JIT_BUILD_H
#define ALP_JIT_BUILD_H

#include "jit/nest/nest.h"

typedef struct NBuild {
    VM       *vm;
    Frame    *frame;
    Nest     *nest;
    Arena    *arena;            /* == &nest->arena */
    ReasonAt *why;              /* the first refusal is kept */
    bool      refused, no_memory;
    const Src *src;             /* the text being read: changes inside inlined functions */
    uint32_t  cap_exprs, cap_stmts, cap_loops, cap_vars, cap_arrays, cap_accesses, cap_syms, cap_checks, cap_inputs;
    const NLoop *loop;          /* innermost loop being read (For or While); NULL: outside */
    struct FormMemo *form_memo; /* form.c's */
} NBuild;

/* ---- build.c ---- */
/* Record why there is no nest; returns ALP_FAIL.  fmt NULL: no detail. */
Status build_refuse(NBuild *b, Reason r, const Node *ast, const char *fmt, ...) PRINTF_LIKE(4, 5);
Status build_nomem(NBuild *b);
/* Registers a check; returns its index, or NO_CHECK after a failure.  Its stmt is filled in at the end. */
uint32_t build_check(NBuild *b, NCheckKind kind, const NExpr *expr, const Node *ast);
NExpr  *build_expr_new(NBuild *b, NOp op, DType rep, TagSet tags, const Node *ast);     /* registered, check NO_CHECK; NULL: refused or no memory */

/* ---- form.c: all forms are immutable; NULL means "not affine" wherever a form is an argument or result, lack of memory too
 * (b->no_memory is set then) ---- */
const NForm *form_const(NBuild *b, int64_t c);
const NForm *form_sym(NBuild *b, const NSym *s);
const NForm *form_counter(NBuild *b, const NLoop *l);
const NForm *form_add(NBuild *b, const NForm *x, const NForm *y);
const NForm *form_sub(NBuild *b, const NForm *x, const NForm *y);
const NForm *form_scale(NBuild *b, const NForm *x, int64_t k);
/* One of them must be free of counters; products of symbols become product symbols. */
const NForm *form_mul(NBuild *b, const NForm *x, const NForm *y);
bool  form_is_const(const NForm *f, int64_t *out);
bool  form_equal(const NForm *x, const NForm *y);               /* structurally, terms in canonical order */
bool  form_uses_loop(const NForm *f, const NLoop *l);
/* Symbols are shared: the same extent, variable or product gives the same symbol. */
NSym *sym_for_expr(NBuild *b, const NExpr *e);                  /* nest-invariant DT_I64 expression of inputs */
NSym *sym_product(NBuild *b, const NSym *x, const NSym *y);
NSym *sym_unknown(NBuild *b, const NLoop *varies);              /* a fresh one; varies NULL: fixed for the whole nest but not computable in advance */

/* ---- expr.c: typed expressions.  Operands are complete expressions; results have rep, tags, checks and form. ---- */
NExpr *expr_int(NBuild *b, int64_t v, const Node *ast);         /* T_Int */
NExpr *expr_float(NBuild *b, double v, const Node *ast);
NExpr *expr_bool(NBuild *b, bool v, const Node *ast);
NExpr *expr_complex(NBuild *b, double re, double im, const Node *ast);
/* An inline Value or complex number as a constant of its tag; NULL after refusing anything else. */
NExpr *expr_value(NBuild *b, Value v, const Node *ast);
/* Reads a variable; tags: what it can be here; form: its value here (NULL: unknown). */
NExpr *expr_var(NBuild *b, NVar *v, TagSet tags, const NForm *form, const Node *ast);
NExpr *expr_counter(NBuild *b, NLoop *l, const Node *ast);
NExpr *expr_extent(NBuild *b, NArray *a, int axis, const Node *ast);    /* T_Int, symbol with nonneg */
NExpr *expr_load(NBuild *b, NAccess *x, const Node *ast);
NExpr *expr_binary(NBuild *b, BinOp op, NExpr *x, NExpr *y, const Node *ast);
NExpr *expr_unary(NBuild *b, UnOp op, NExpr *x, const Node *ast);       /* UN_Not too */
NExpr *expr_compare(NBuild *b, CmpOp op, NExpr *x, NExpr *y, const Node *ast);     /* CM_Eq … CM_Ge; result tag bool or np.bool as Python has it */
NExpr *expr_truth(NBuild *b, NExpr *x, const Node *ast);        /* DT_Bool for a test */
NExpr *expr_and(NBuild *b, NExpr *x, NExpr *y, const Node *ast);        /* of tests: DT_Bool operands */
NExpr *expr_or(NBuild *b, NExpr *x, NExpr *y, const Node *ast);
NExpr *expr_select(NBuild *b, NExpr *c, NExpr *x, NExpr *y, const Node *ast);      /* x if c else y; TypeChanges if they don't join */
/* The value converted for storage in an array of dtype d, with NumPy's rules and checks of a[i] = value. */
NExpr *expr_store_cast(NBuild *b, NExpr *x, DType d, const Node *ast);
/* The value as representation `rep` of a variable whose tags join (int kept in a float variable: check Exact unless it is a constant that fits). */
NExpr *expr_var_cast(NBuild *b, NExpr *x, DType rep, const Node *ast);
/* As a subscript or range argument: ints, bools refused, NumPy ints widened to DT_I64 (uint64: check Range). */
NExpr *expr_index(NBuild *b, NExpr *x, const Node *ast);
/* int(), float(), bool(), complex(), np.float32() … of one argument. */
NExpr *expr_convert(NBuild *b, TypeId type, NExpr *x, const Node *ast);
NExpr *expr_abs(NBuild *b, NExpr *x, const Node *ast);
/* complex(x, y) of two real numbers. */
NExpr *expr_make_complex(NBuild *b, NExpr *x, NExpr *y, const Node *ast);
/* Does the interpreter's function `f` (math.sqrt, np.exp, np.minimum …) have a counterpart here, for n arguments? */
bool   expr_is_fun(const VM *vm, const Native *f, uint32_t n);
NExpr *expr_call_fun(NBuild *b, const Native *f, NExpr **arg, uint32_t n, const Node *ast);
/* builtin min(x, y), max(x, y): Python's choice, tags of the chosen one must join. */
NExpr *expr_min_max(NBuild *b, bool is_max, NExpr *x, NExpr *y, const Node *ast);
/* The attributes real, imag, and conjugate(). */
NExpr *expr_part(NBuild *b, NOp op, NExpr *x, const Node *ast);
/* The T_… tag that expression x has, as a DT_I64 expression, for variables whose tag is only known at run time (x's tags: several bits). */
NExpr *expr_tag(NBuild *b, NExpr *x, const Node *ast);
/* Which representation holds all of these tags; DT_COUNT: none (mixes that compute differently). T_Unbound is ignored. */
DType  tags_rep(TagSet t);
DType  tag_rep(Tag t);

#endif
