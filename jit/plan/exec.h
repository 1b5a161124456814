/* jit/plan/exec.h — the reference executor: carries a plan out, plainly and slowly, exactly as plan.h says.
 *
 * It is the model for the back ends' emitters and their oracle, and with shuffle on, the test of the plans themselves:
 * iterations of parallel loops run in random order, private variables hold garbage at the start of each iteration. */
#ifndef ALP_JIT_EXEC_H
#define ALP_JIT_EXEC_H

#include "jit/plan/plan.h"

/* Told about every element touched, for the brute-force oracle.  counters: of the loops around (While loops count from 0 too), by
 * NLoop id (those not running: -1). */
typedef void (*ExecRecordFn)(void *user, const NAccess *access, const char *address, const int64_t *counters);

typedef struct ExecOptions {
    bool     shuffle;           /* parallel loops in random order, private variables poisoned; proved checks are tested, too */
    uint64_t seed;
    ExecRecordFn record;        /* NULL: none */
    void    *record_user;
    /* Asked every few thousand back edges; true: somebody else will carry the plan out from the start, and faster (EXEC_LEFT).
     * is_last: what would have to be put back is too much by now, and it will not be asked again.  NULL: nobody asks. */
    bool   (*leaves)(void *user, bool is_last);
    void    *leaves_user;
    bool     copies;            /* with it: what may be written is copied beforehand, instead of noting what each store overwrites */
} ExecOptions;

typedef enum ExecVerdict {
    EXEC_DONE,
    EXEC_BROKE,                 /* the outermost loop was left by break */
    EXEC_RETURNED,              /* frame->ret holds the value */
    EXEC_FAILED,                /* a check failed (*failed says which; NULL: the nest cannot run with these values at all); arrays and
                                 * variables are as before */
    EXEC_NO_MEMORY,             /* likewise; no exception is pending */
    EXEC_LEFT,                  /* likewise: ExecOptions.leaves said so */
    EXEC_RAISED,                /* an interrupt or limit, or MemoryError: the exception is pending; arrays hold what was reached,
                                 * variables are as before */
    EXEC_DISPROVED,             /* with shuffle: a check failed that the plan calls proved, so the plan is wrong; else as EXEC_FAILED */
} ExecVerdict;

/* Requires facts collected for this entry and the plan for them.  Writes variables back to their homes. */
ExecVerdict exec_plan(const Plan *plan, const Facts *facts, Frame *frame, Value iterable, const ExecOptions *opt,
                      const NCheck **failed);
/* The nest in program order, without a plan: every loop sequential, every check on (record mode's usual way). */
ExecVerdict exec_nest(const Nest *nest, const Facts *facts, Frame *frame, Value iterable, const ExecOptions *opt,
                      const NCheck **failed);

/* A value in the C type of its representation: i for all integers and bools, extended to 64 bits. */
typedef union ExecScalar {
    int64_t  i;
    uint64_t u;
    double   d;                 /* DT_F64 */
    float    f;                 /* DT_F32 */
    float    c[2];              /* DT_C64 */
    double   z[2];              /* DT_C128 */
} ExecScalar;

/* The value of one expression without array elements and counters, for tests.  var: of the variables, by NVar id (nest->n_vars of
 * them).  False: no memory, or *failed is the check that failed.  The nest need not be complete: only vm, checks and n_vars are used. */
bool exec_eval_expr(const Nest *nest, const NExpr *e, const ExecScalar *var, ExecScalar *out, uint32_t *failed);

#endif
