/* jit/depend/lin.h — affine forms and loop bounds with the numbers of one execution put in.
 *
 * A form of the nest becomes c0 + sum c[k] * (counter of the loop at depth k + 1) + what remains symbolic.  Without facts every symbol remains; with
 * facts only those that nobody knows in advance.  A form that does not fit (overflow, a counter times an unknown symbol, more
 * symbols than have room) has no Lin: whoever needs it does without, which loses precision and never safety. */
#ifndef ALP_JIT_LIN_H
#define ALP_JIT_LIN_H

#include "jit/depend/test.h"
#include "jit/nest/facts.h"

enum { LIN_MAX_REST = 6 };

typedef struct LinRest { const NSym *sym; int64_t coef; } LinRest;

typedef struct Lin {
    int64_t c0;
    int64_t c[DEP_MAX_DEPTH];   /* by depth of the loop, outermost first; While loops have depths too */
    uint32_t n_rest;
    LinRest rest[LIN_MAX_REST];
} Lin;

/* scale * t <= lin, scale >= 1. */
typedef struct LinBound { int64_t scale; Lin lin; } LinBound;

typedef struct LinLoop {
    int      n_upper;           /* the counter keeps to all of them; 0: nothing is known */
    LinBound upper[DEP_MAX_BOUND];
    bool     is_partial;        /* a bound of the text is missing here for want of numbers */
} LinLoop;

bool lin_from_form(Lin *out, const NForm *form, const Facts *facts);
bool lin_add_scaled(Lin *x, const Lin *y, int64_t k);           /* x += k * y; false: does not fit, x is spoilt */
void lin_from_loop(LinLoop *out, const NLoop *loop, const Facts *facts);
/* The step of a For loop in this execution; 0: unknown. */
int64_t lin_step(const NLoop *loop, const Facts *facts);

#endif
