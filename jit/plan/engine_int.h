/* jit/plan/engine_int.h — private to the loop engine: what its parts share.
 *
 *   engine.c         the seam to the interpreter: each loop from entry to verdict; life of the engine
 *   engine_glance.c  loops that are not worth analysing
 *   engine_loop.c    loops of the text: what their text says, the nests built for them, the signatures refused
 *   engine_choice.c  what each target would take, and where the data is
 *   engine_gpus.c    which of several GPUs
 *   engine_run.c     who carries a plan out: interpreter, reference executor, or a back end's kernel, and changing over
 *   engine_whole.c   operations on whole arrays as nests
 *   engine_progress.c  how far it is
 *   engine_record.c  the record for `alpy explain` */
#ifndef ALP_JIT_ENGINE_INT_H
#define ALP_JIT_ENGINE_INT_H

#include <stdatomic.h>

#include "interp/interp.h"
#include "jit/plan/decide.h"
#include "jit/plan/engine.h"
#include "jit/plan/history.h"
#include "profile/model.h"

enum {
    MAX_VARIANTS = 8,           /* nests kept per loop; the least recently used one goes */
    MAX_SKIPS    = 32,          /* entries of a loop that is always small which are not looked at, in a row */
    MAX_REFUSALS = 16,          /* type fingerprints of refused signatures kept per loop */
    MAX_DATA     = 64,          /* buffers of a nest that get credit */
    N_CHOICES    = 8,           /* sizes of executions, a quarter of an octave each, of which predictions are kept per nest */
};
#define ANALYSE_NS  2.5e5       /* building a nest and its first plan */
#define FAINT_NS    500         /* of interpreting: looking at a loop and entering a kernel that is there takes as long */
#define TINY_NS     4e3         /* looking at an entry's numbers would be a fair part of that */
#define MEASURED_NS 2e4         /* executions from here on are timed: two looks at the clock are 0.1 us */

/* One of several GPUs. */
typedef struct GpuGuess {
    Prediction model;
    Estimate estimate;
    double   price_ns;          /* of a kernel */
    double   data_ns;           /* moving the arrays there; of an execution that is asked about */
    bool     is_measured;       /* the estimate is by what executions of this size took */
} GpuGuess;

/* Executions of a plan of about one size. */
typedef struct Choice {
    const Plan *plan;
    uint64_t plan_key, plan_hash;
    int      size_class;        /* of the work: quarters of octaves */
    uint32_t machine_version;   /* of Engine.machine that the model was asked about */
    double   work;              /* that the model was asked about */
    bool     is_known;          /* trip counts were */
    uint32_t n_threads;         /* of ON_CpuN; 1: nothing runs on several */
    Prediction model[ON_COUNT];
    Estimate estimate[ON_COUNT];        /* corrected */
    Correction *correction[ON_COUNT];   /* the history's: key[] says whether still */
    uint64_t key[ON_COUNT];
    double   price_ns[PLAN_BACK_ENDS];  /* of a kernel … */
    double   first_ns;                  /* … of the CPU, more if it is the process's first */
    GpuGuess *gpu;              /* [Machine.n_gpus]; NULL: there is nothing to choose, and nobody to tell */
    /* so far: */
    uint64_t n_runs, n_on[ON_COUNT];
    uint32_t n_trials;
    double   spent_ns, trial_ns;
    uint8_t  last;              /* DecideTarget of the last one; it … */
    bool     is_retried;        /* … was a trial, and told nothing */
} Choice;

/* What is asked and known about one execution. */
typedef struct Asked {
    Choice  *choice;
    Question q;
    double   model_ns[ON_COUNT];        /* before corrections */
    bool     is_measured[ON_COUNT];     /* executions of this size have been: that is what q says */
    KernelState state[PLAN_BACK_ENDS];  /* as far as it was asked about: READY and NEVER stay */
    void    *kernel[PLAN_BACK_ENDS];    /* KERNEL_READY: this */
    ReasonAt why[PLAN_BACK_ENDS];       /* KERNEL_NEVER: for this reason */
    bool     is_open;                   /* the device */
    uint32_t n_data;
    DataState data[MAX_DATA];
    Buffer  *buffer[MAX_DATA];
    double   more_up_ns, more_down_ns;  /* of arrays beyond these: data_charges() */
    /* Of several GPUs: */
    uint32_t n_gpus;                    /* 0: there is nothing to choose */
    uint32_t gpu_led;                   /* the one that q.on[ON_Gpu] speaks of */
    GpuGuess gpu[MACHINE_GPUS];         /* of this execution */
} Asked;

typedef struct Variant {
    struct Variant *next;       /* most recently used first */
    Nest    *nest;
    Planner *planner;
    Facts   *facts;
    bool     has_inlined_loops;
    bool     has_other_digits;  /* on a GPU: elementary functions are CUDA's there */
    double   ns_per_op;         /* as measured so far */
    PlanWork work;              /* of an execution with these facts: */
    int64_t *work_key;          /* [n_work_key] */
    uint32_t n_work_key;
    Choice  *choices;           /* [N_CHOICES], by size; NULL: not needed yet */
    Choice  *choice;            /* for these facts; NULL: not looked up yet */
    GpuGuess *guesses;          /* [N_CHOICES * MACHINE_GPUS], the choices'; NULL: there are not several GPUs to choose from */
} Variant;

typedef struct LoopState {
    struct LoopState *next;
    struct LoopState *parent;   /* the loop around it that was no nest; NULL: outermost */
    Node    *loop;
    Chunk   *chunk;
    Variant *variants;
    uint32_t n_variants;
    bool     never;             /* no types make it a nest */
    bool     covered;           /* the present execution runs in the interpreter, but as one nest: loops inside are part of it */
    bool     is_replayed;       /* … since a check failed: most likely it ends by an exception */
    bool     may_order;         /* some loop in it may hold an ordered accumulation, or a call to a function of the program */
    uint32_t n_small, skip;     /* entries in a row that were small; those still to be passed over */
    uint32_t n_refusals, n_names, cap_names;
    struct Refusal { uint64_t print; ReasonAt why; } *refusal;     /* [MAX_REFUSALS], newest last; NULL until the first */
    NHome   *names;             /* variables that the loop's text names; HOME_Cell and HOME_Free not told apart from their scopes */
    /* What the last refusal's fingerprint was made from, or the values with which it was small last: the same again is recognised by them. */
    bool     was_refused, was_small;
    uint8_t  last_iterable;     /* Tag */
    uint64_t *last;             /* [n_names] */
} LoopState;

/* What runs now (engine_progress.c). */
typedef struct Running {
    const LoopState *loop;      /* NULL: nothing */
    const char *device;
    uint64_t start_ns, next_ns; /* next_ns: when to tell about it */
    double   expected_ns;       /* 0: unknown */
    uint64_t total;             /* iterations of parallel loops; 0: unknown */
    _Atomic uint64_t done;      /* of them */
    bool     is_shown;
} Running;

typedef struct Engine {
    VM      *vm;
    EngineOptions opt;
    LoopState *states;
    Report   report;
    struct WholeTexts *whole;   /* engine_whole.c; NULL: none yet */
    uint64_t n_whole;           /* operations on whole arrays that ran as nests */
    bool     keeps_all;         /* every nest is built and planned, for the report or a dump */
    /* for choosing; all of it is made when it is first needed */
    Machine *machine;
    double   plain_ns;          /* executions that did without it */
    uint32_t machine_version;
    History *history;
    bool     has_forked;        /* some loop ran on several threads, which are there now */
    double   threads_lost_ns;   /* before that, by executions that would have gone faster on them */
    bool     has_compiled;      /* a kernel of the CPU: the compiler is open and warm */
    bool     knows_device, has_no_device;       /* it was opened; it cannot be */
    uint32_t gpu;               /* the GPU that is used, or would be: its place in Machine.gpu */
    bool     opens_gpu, knows_gpus;     /* it was asked for; the driver has told which there are */
    double   gpu_lost_ns[MACHINE_GPUS]; /* by all nests, while it was not open; -INFINITY: it cannot be */
    Running  running;
    uint64_t random;            /* DEV_Random: state of the generator */
} Engine;

/* What ran a plan: not where that goes without saying. */
typedef struct RanOn {
    const char *device;
    const Asked *asked;         /* NULL: there was no choice */
    uint8_t     target;         /* DecideTarget */
    Reason      why;            /* it */
    uint64_t    time_ns;        /* 0: not measured */
    BackendRun  moved;
    ReasonAt    why_not;        /* why no back end's kernel did; RS_None: there is none, or it did */
} RanOn;

/* ---- engine.c ---------------------------------------------------------------------------------------------------------- */
Engine    *engine_of(VM *vm);           /* NULL: it has another one, or none */

/* ---- engine_loop.c ----------------------------------------------------------------------------------------------------- */
bool       engine_is_loop(const Node *n);
/* Is the interpreter to ask about this loop? */
void       engine_set_asking(Node *loop, bool ask);
LoopState *engine_state_get(const Node *loop);
/* NULL: no memory. */
LoopState *engine_state_new(Engine *e, Frame *frame, Node *loop);
void       engine_state_free(Engine *e, LoopState *ls);
/* Is the refusal met last due again?  Nests that were built come before refusals, so only where there is none. */
bool       engine_is_refused_again(const LoopState *ls, Frame *frame, uint8_t iterable_tag);
/* Does the text name an array that a device may have? */
bool       engine_names_device(const LoopState *ls, Frame *frame);
/* This entry is small: the next ones with the same numbers and arrays need not be looked at. */
void       engine_note_small(LoopState *ls, Frame *frame);
bool       engine_is_skipped(LoopState *ls, Frame *frame);
/* The variant for this entry, moved to the front; made if need be.  NULL: *why says why not (RS_NoMemory among the reasons). */
Variant   *engine_variant(Engine *e, LoopState *ls, Frame *frame, Value iterable, ReasonAt *why);
bool       engine_dumps(const Engine *e, const char *what);
void       engine_emit_to_stderr(void *user, const char *s, size_t n);

/* Do results depend on whether a GPU runs it? */
bool        engine_keeps_off_gpu(const Engine *e, const Variant *v);

/* ---- engine_glance.c --------------------------------------------------------------------------------------------------- */
/* What interpreting the loop takes, from a look at its text; NaN: that does not tell. */
double      engine_glance(Engine *e, Frame *frame, Node *loop, Value iterable);
/* Likewise, where nothing is kept of the loop yet.  True: its text can be ordered in one way only, and calls nothing, so that a look at it is enough. */
bool        engine_glance_is_enough(const Engine *e, Frame *frame, const Node *loop, Value iterable);

/* ---- engine_choice.c --------------------------------------------------------------------------------------------------- */
/* What is known of the present execution; v->work is its.  is_away: some of its bytes are on the device alone.  False: no memory. */
bool        engine_begin_asking(Engine *e, Asked *a, Variant *v, const Plan *plan, bool is_away);
/* Again: kernels may have become ready. */
void        engine_ask(Engine *e, Asked *a, const Plan *plan, const Facts *facts);
/* Asks for the kernels that were wished for; true: something came of it, decide again. */
bool        engine_act(Engine *e, Asked *a, const Plan *plan, const Facts *facts, const Answer *answer);
/* Where the arrays of a nest are, as to e->gpu. */
void        engine_ask_data(Engine *e, Asked *a, const Facts *facts);
/* What moving them is charged with; a->data has changed. */
void        engine_charge_data(Asked *a);
/* It is decided: the arrays' credits follow. */
void        engine_credit(Asked *a);
/* Is it to be timed? */
bool        engine_measures(const Engine *e, const Asked *a, DecideTarget k, bool is_trial);
/* It ran on k and took so long, copies of arrays aside; 0: not measured. */
void        engine_account(Engine *e, Asked *a, const Plan *plan, DecideTarget k, bool is_trial, double ns);
const char *engine_machine_note(const Engine *e);
/* The correction of a plan's executions of about this size: measured, or guessed from others', n being 1 then; n == 0: nothing is known. */
Correction  engine_correction(const Engine *e, const Choice *c, DecideTarget k, uint32_t gpu, bool *is_measured);

/* ---- engine_gpus.c ----------------------------------------------------------------------------------------------------- */
/* Is there one to be chosen, or to be told of besides that which is open? */
bool        engine_gpus_are_several(const Engine *e);
/* The model's and the history's word on each, into c->gpu. */
void        engine_gpus_predict(const Engine *e, Choice *c, const NestFeatures *f);
/* A nest is asked about: as they are in a->choice, times scale. */
void        engine_gpus_begin(const Engine *e, Asked *a, double scale);
/* Let the best of them be the one that is spoken of, and opened. */
void        engine_gpus_lead(Engine *e, Asked *a, const Facts *facts);
/* Backend.open() for wish >= WISH_Start, of the one that leads. */
KernelState engine_gpus_open(Engine *e, Asked *a, const Plan *plan, const Facts *facts, KernelWish wish);
/* Opening came to nothing: most likely the driver shows others than those that were asked about.  These are now. */
void        engine_gpus_stopped(Engine *e, Asked *a, const Plan *plan, const Facts *facts);
/* It is open, or opening stopped: what the driver tells takes the place of what was assumed.  False: it told nothing. */
bool        engine_gpus_told(Engine *e);
/* It cannot be opened: another one may. */
void        engine_gpus_refused(Engine *e);
/* An execution on k took so long: what was lost for lack of each of them. */
void        engine_gpus_regret(Engine *e, const Asked *a, DecideTarget k, double ns);

/* ---- engine_run.c ------------------------------------------------------------------------------------------------------ */
/* Is every loop looked at?  Without a back end only those whose plan is part of what they mean. */
bool        engine_looks_at_all(const Engine *e);
/* Is a loop without loops inside so short that nothing but interpreting it can pay? */
bool        engine_is_tiny(const Engine *e, const LoopState *ls, Frame *frame, Value iterable);
/* Carry the plan out, for v's facts, or leave it to the interpreter.  goes_on: that has been at it for a while. */
LoopVerdict engine_run(Engine *e, LoopState *ls, Variant *v, const Plan *plan, Frame *frame, Value iterable, bool goes_on);
LoopVerdict engine_no_memory(VM *vm, Frame *frame, Node *loop);
uint64_t    engine_now(const Engine *e);

/* ---- engine_progress.c ------------------------------------------------------------------------------------------------- */
/* b, or for NULL the executor, begins with a plan that is expected to take so long (0: unknown); and ends. */
void        engine_progress_begin(Engine *e, const LoopState *ls, const Plan *plan, const Facts *facts, Backend *b, double expected_ns, uint64_t now);
void        engine_progress_end(Engine *e, Backend *b);

/* ---- engine_whole.c ---------------------------------------------------------------------------------------------------- */
WholeVerdict engine_whole(VM *vm, WholeLoop *loop);
void         engine_whole_free(Engine *e);

/* ---- engine_record.c --------------------------------------------------------------------------------------------------- */
/* An execution that was not planned, and one that was. */
void engine_record_interpreted(Engine *e, const LoopState *ls, const ReasonAt *why, Value iterable);
void engine_record_planned(Engine *e, const LoopState *ls, const Plan *plan, const Facts *facts, Value iterable, const RanOn *on);

#endif
