/* jit/nest/expr.h — shared by expr.c, expr_type.c, expr_convert.c and expr_fun.c.
 *
 * Expressions are directed acyclic graphs: min(x, y) has its operands in the comparison and in the selection.  Nodes that convert an operand keep
 * the operand's tags, so that expr_tag() can find out which operands' types an operation saw. */
#ifndef ALP_JIT_EXPR_H
#define ALP_JIT_EXPR_H

#include "jit/nest/form.h"

/* How an operand gets to another representation, beyond Cast without check. */
enum {
    CONV_Range  = 1,            /* an integer: it has to fit */
    CONV_Exact  = 2,            /* nothing may be lost */
    CONV_Nan    = 4,            /* int() of a float */
    CONV_ViaF64 = 8,            /* integers become double first, then what is wanted: two roundings, as the interpreter does it */
    CONV_Never  = 16,           /* the interpreter raises */
};

#define IS_INT_REP(d)       ((d) >= DT_I8 && (d) <= DT_U64)
#define IS_FLOAT_REP(d)     ((d) == DT_F32 || (d) == DT_F64)
#define IS_COMPLEX_REP(d)   ((d) == DT_C64 || (d) == DT_C128)
#define PART_REP(d)         ((d) == DT_C64 ? DT_F32 : DT_F64)

#define TAGS_INT    (TAGS(T_Bool) | TAGS(T_Int))
#define TAGS_PYTHON (TAGS_INT | TAGS(T_Float) | TAGS(T_Complex))

static inline bool is_python_tag(Tag t)
{
    return TAGS(t) & TAGS_PYTHON;
}

static inline bool is_one_tag(TagSet t)
{
    return t && !(t & (t - 1));
}

static inline Tag first_tag(TagSet t)
{
    return (Tag)__builtin_ctz(t);
}

/* ---- expr.c ---- */
NExpr *expr_node(NBuild *b, NOp op, DType rep, TagSet tags, NExpr *x, NExpr *y, const Node *ast);     /* y NULL: one operand; NULL if x is NULL */
NExpr *expr_checked(NBuild *b, NExpr *e, NCheckKind kind);      /* e with a check; NULL after a failure or for NULL */
NExpr *expr_zero(NBuild *b, DType rep, TagSet tags, const Node *ast);
/* The value of a constant with one tag in that tag's own representation, owned; false: e is none, or there was no memory (b->no_memory). */
bool   expr_as_value(NBuild *b, const NExpr *e, Value *out);
/* A result of the interpreter's as a constant.  Takes v.  T_Error: NULL, and the exception is cleared (lack of memory: recorded). */
NExpr *expr_fold(NBuild *b, ALP_TAKE Value v, const Node *ast);
/* Constant integer: its value. */
bool   expr_const_int(const NExpr *e, int64_t *out);
/* x as representation `to`, tags as given. */
NExpr *expr_cast(NBuild *b, NExpr *x, DType to, unsigned conv, TagSet tags, const Node *ast);

/* ---- expr_type.c ---- */
/* 1 of this tag; owned.  T_Error: no memory (recorded). */
Value  sample_value(NBuild *b, Tag t);
/* After a call of the interpreter's: its tag; the value is released, an exception cleared. T_Error: it raised. */
Tag    sample_result(NBuild *b, ALP_TAKE Value v);
const char *tag_text(NBuild *b, Tag t);

/* ---- expr_convert.c ---- */
/* The join of two values of different paths as tags and representation; DT_COUNT after refusing. */
DType  join_rep(NBuild *b, TagSet tags, const Node *ast);
/* The value as an operand of a ufunc's loop of dtype d. */
NExpr *expr_ufunc_operand(NBuild *b, NExpr *x, DType d, const Node *ast);

#endif
