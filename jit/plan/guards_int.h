/* jit/plan/guards_int.h — shared by guards.c and range.c. */
#ifndef ALP_JIT_GUARDS_INT_H
#define ALP_JIT_GUARDS_INT_H

#include "jit/depend/scalars.h"
#include "jit/plan/plan.h"
#include "jit/plan/space.h"

typedef __int128 Wide;

/* All values that an integer (or bool) can have, both ends included.  Ends are within [-2^63, 2^64). */
typedef struct Interval { Wide lo, hi; } Interval;

typedef struct RangeMemo { Interval range; uint64_t epoch; uint32_t space; } RangeMemo;

typedef enum VarState { VAR_Unknown, VAR_Busy, VAR_Done } VarState;

typedef struct VarRange {
    uint64_t epoch;             /* of an execution; older: VAR_Unknown */
    VarState state;
    Interval    range;
} VarRange;

struct Guards {
    const Nest *nest;
    const LoopScalars *scalars;
    Arena     arena;
    uint32_t  n_spaces;
    Space   **space_of;         /* [n_stmts]: where the statement's own expressions are evaluated … */
    Space   **space_of_access;  /* [n_accesses] … and those of its parts that stand behind an `and` or the like */
    Space   **space_of_check;   /* [n_checks] */
    Space   **space_in;         /* [n_loops]: the top of the loop's body */
    LinLoop  *loop;             /* [n_loops] */
    const NStmt ***writes;      /* [n_vars]: assignments, NULL at the end */
    RangeMemo *memo;            /* [n_exprs] */
    VarRange  *var;             /* [n_vars] */
    uint64_t  epoch;            /* of the execution */
    uint64_t  memo_epoch;       /* moves on when better ranges of variables are known */
    int       depth;            /* of nested calls for variables */
    const Facts *facts;
};

/* The space, filled in for this execution. */
Space *guards_space(Guards *g, Space *s);
/* Values of an integer expression where `s` runs; by its form if it has one, else by interval arithmetic. */
Interval range_of(Guards *g, const NExpr *e, Space *s);
/* The exact result of an operator, before it is made to fit its representation; false: no statement is made. */
bool  range_exact(Guards *g, const NExpr *e, Space *s, Interval *out);
bool  range_of_rep(DType d, Interval *out);                /* false: not integers */
/* Is this condition true whenever it is evaluated? */
bool  range_proves(Guards *g, const NExpr *e, Space *s);
/* Is a number (of any representation) never zero? */
bool  range_is_nonzero(Guards *g, const NExpr *e, Space *s);

#endif
