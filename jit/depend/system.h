/* jit/depend/system.h — systems of linear inequalities over the integers: is there a solution, and which?  Private to jit/depend.
 *
 * A System has variables 1..n_var, each in an interval of its own (the box), and rows r[0] + sum r[j]*x_j >= 0 over two or more of
 * them; rows over one variable become part of the box.  Outputs are affine rows of interest that follow every change of variables:
 * they express what was asked for in the variables that are left.
 *
 * Equations are removed exactly, by changes of variables that map the integers onto the integers (system.c); inequalities by
 * Fourier-Motzkin elimination with real and dark shadows and splinters: the Omega test (eliminate.c).
 *
 * Memory is a stack of numbers inside the Solver.  Only the newest System can grow; dropping it is resetting `top`.
 * Where a number does not fit, or work runs out, the answer is SAT_Maybe, never a wrong one. */
#ifndef ALP_JIT_SYSTEM_H
#define ALP_JIT_SYSTEM_H

#include "jit/depend/test.h"

enum {
    SYS_MAX_VAR = 2 * DEP_MAX_DEPTH + DEP_MAX_SYM,
    SYS_POOL    = 6144,         /* numbers */
    SYS_WORK    = 8000,         /* rows looked at for one dep_test: some 500 µs at most */
};
#define SYS_INF   INT64_MAX     /* in a box: no bound */
#define SYS_LIMIT ((int64_t)1 << 61)    /* entries of rows stay within +-SYS_LIMIT: their negation and sums of two fit */

typedef enum Sat { SAT_No, SAT_Maybe, SAT_Yes } Sat;

typedef struct Solver {
    int64_t *top, *end;         /* free numbers */
    int     work;               /* rows that may still be looked at */
    bool    has_eliminated;     /* Fourier-Motzkin took part */
} Solver;

typedef struct System {
    int      n_var, width;      /* width = n_var + 1 */
    int      n_param;           /* the first variables are symbols */
    int      n_out, n_row;
    int64_t *lo, *hi;           /* [width]; entry 0 unused */
    int64_t *out;               /* n_out rows of `width` numbers */
    int64_t *row;               /* n_row rows of `width` numbers, the last thing on the stack */
    bool     is_stale;          /* the box has become smaller since the rows were looked at */
    bool     is_relaxed;        /* rows were left out because numbers did not fit: SAT_Yes is not to be had */
} System;

typedef struct Range { int64_t min, max; } Range;       /* +-SYS_INF: unbounded */

/* False: the stack is full.  Boxes are unbounded and outputs 0. */
bool system_new(Solver *sv, System *s, int n_var, int n_out);
/* A copy on top of the stack; with `n_out` < 0 the outputs too, else that many outputs, 0. */
bool system_copy(Solver *sv, System *copy, const System *s, int n_out);

/* Room for one more row, zeroed; NULL: stack or work is used up, and the system is relaxed.  The row is no part of the system before it is kept. */
int64_t *system_slot(Solver *sv, System *s);
/* r[col] += c.  False: does not fit. */
static inline bool row_add(int64_t *r, int col, int64_t c)
{
    return !__builtin_add_overflow(r[col], c, &r[col]) && r[col] <= SYS_LIMIT && r[col] >= -SYS_LIMIT;
}
/* Make the row in the slot part of the system, as it is, in a system that will be tidied. */
void system_push(Solver *sv, System *s);
/* The same for a tidy system: in normal form, and only if it says something new.  SAT_No: no solution is left. */
Sat system_keep(Solver *sv, System *s);
/* Take in `r == 0` (not one of the system's own rows; overwritten).  SAT_No: no solution is left; SAT_Maybe: numbers too large, the system is
 * unusable.  SAT_Yes: done, but rows are untidy. */
Sat system_equate(Solver *sv, System *s, int64_t *r);

/* Fold variables that the box pins to one value into the row's constant. */
void system_fold(const System *s, int64_t *r);
/* Narrow the box by the rows, and drop rows that the box implies.  SAT_No: no solution. */
Sat system_narrow(Solver *sv, System *s);
/* Bring rows into normal form, narrow, and leave out variables that no row or output mentions any more. */
Sat system_tidy(Solver *sv, System *s);
/* Interval that contains r's values over the box (exactly, where no row is left over its variables). */
Range system_range(const System *s, const int64_t *r);
/* r at x; false: does not fit. */
bool row_value(const int64_t *r, const int64_t *x, int n_var, int64_t *value);

/* Does x, which lies in the box, satisfy all rows? */
bool system_holds(const System *s, const int64_t *x);
/* An integer solution x[1..n_var] of a narrowed system, small where easily had. */
Sat system_solve(Solver *sv, const System *s, int64_t *x);

#endif
