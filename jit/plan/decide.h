/* jit/plan/decide.h — which target runs an execution, as pure functions over plain numbers: no clock, no device, no plan.
 *
 * Three questions, each answered without knowing the future (docs/backends.md, "Who runs a nest"):
 *
 *   how long will it take?     what the cost model predicts, times what measured times have been of its predictions (Correction)
 *   is the data worth moving?  each array is a metrical task system of two states, on the host and on the device (Borodin, Linial, Saks 1992): its credit is
 *                              the difference of the two states' work functions (DataState)
 *   is a kernel worth making?  ski rental: when what was lost without it reaches its price */
#ifndef ALP_JIT_DECIDE_H
#define ALP_JIT_DECIDE_H

#include "jit/plan/backend.h"

/* ORDER decide_target (engine_choice.c) */
typedef enum DecideTarget {
    ON_Interp,
    ON_Executor,
    ON_Cpu1,                    /* compiled code on one thread */
    ON_CpuN,                    /* … on as many as are predicted best; of a nest that one thread is best for: on all */
    ON_Gpu,
    ON_COUNT
} DecideTarget;

/* Of a kernel of the CPU that is not there.  Looking for one on disk in vain takes 30 us, loading one 100 us and more; for the opening of the compiler a program
 * that ends soon waits some milliseconds. */
#define FIND_NS    1e5
#define PREPARE_NS 1e6
#define UNKNOWN_FACTOR 4        /* work of unknown length is taken for so much longer, where nothing but a look on disk is at stake */

/* ---- how long -------------------------------------------------------------------------------------------------------------- */

/* Measured times over predicted ones of one plan on one target, for executions of about one size. */
typedef struct Correction {
    float    log_ratio;         /* ln(measured / predicted), the newer ones count more */
    float    log_error;         /* mean distance of a single one from it */
    uint32_t n;
} Correction;

typedef struct Estimate {
    double ns;
    double spread;              /* it is between ns / spread and ns * spread, most likely */
} Estimate;

void     correction_add(Correction *c, double predicted_ns, double measured_ns);
Estimate correction_apply(const Correction *c, double predicted_ns, double spread);

/* ---- data -------------------------------------------------------------------------------------------------------------------- */

typedef struct DataState {
    double bytes;
    double up_ns, down_ns;      /* of copying it to the device, and back */
    double credit_ns;           /* what having been on the device would have won so far, and has not yet been paid for: -down_ns … up_ns */
    bool   is_missing;          /* the device's bytes are not the current ones … */
    bool   is_away;             /* … or the host's are not */
} DataState;

/* What moving is still to be charged with: to run on the device, and to run on the host. */
void data_charges(const DataState *d, size_t n, double *to_device_ns, double *to_host_ns);
/* An execution would have taken so much longer on the host than on the device: spread over the arrays by their sizes. */
void data_credit(DataState *d, size_t n, double difference_ns);
/* Somebody needed so many bytes of it moved for the host's sake. */
void data_debit(DataState *d, double bytes);

/* ---- which --------------------------------------------------------------------------------------------------------------------- */

typedef enum Readiness {
    AVAIL_Never,               /* not sound, or not there */
    AVAIL_Unmade,              /* its kernel would have to be made */
    AVAIL_Making,
    AVAIL_Ready,
} Readiness;

typedef struct Candidate {
    uint8_t  readiness;         /* Readiness */
    double   ns, spread;        /* computing (an Estimate) */
    double   data_ns;           /* moving, as data_charges() says */
    double   once_ns;           /* what no later execution will take, as making threads, so far as earlier ones have not paid for it */
    /* Of its kernel (and device), where that is not there yet: what waiting for it takes; what must have been lost for it to be begun in the background, for
     * its compiler to be opened, and for it to be looked for on disk. */
    double   price_ns, begin_ns, prepare_ns, find_ns;
    double   lost_ns;           /* so far, by executions that it would have done faster */
} Candidate;

typedef struct Question {
    Candidate on[ON_COUNT];
    bool     is_known;          /* numbers tell how long this execution takes; else its estimates say little of it alone */
    bool     may_leave;         /* the executor, once begun, can be left for a kernel that becomes ready */
    /* of executions of about this size so far: */
    uint64_t n_runs;
    uint32_t n_trials;
    double   spent_ns, trial_ns;        /* in all of them; lost by trials */
    uint8_t  retried;           /* the last one was a trial of this target, and told nothing; ON_Interp: it was not */
} Question;

typedef struct Answer {
    uint8_t    target;          /* among those that are ready */
    bool       is_trial;        /* not because it is expected to be the fastest, but to know more */
    KernelWish wish[ON_COUNT];  /* kernels to be asked for: of ON_Cpu1 (it is ON_CpuN's too) and ON_Gpu.  Where one is waited for, ask again with what came of it */
    Reason     why;             /* … the target */
} Answer;

void decide(const Question *q, Answer *a);
/* The target that is expected to be fastest among those at least as ready; ON_COUNT: there is none. */
DecideTarget decide_fastest(const Question *q, Readiness least);
/* An execution of so many nanoseconds on `target`: what not having the others' kernels has cost is added to their lost_ns. */
void decide_regret(Question *q, DecideTarget target, double ns);

#endif
