/* jit/plan/engine_int.h — private to the loop engine: what its parts share.
 *
 *   engine.c         the seam to the interpreter: each loop from entry to verdict; life of the engine
 *   engine_loop.c    loops of the text: what their text says, the nests built for them, the signatures refused
 *   engine_run.c     who carries a plan out: interpreter, reference executor, or a back end's kernel, and changing over
 *   engine_record.c  the record for `alpy explain` */
#ifndef ALP_JIT_ENGINE_INT_H
#define ALP_JIT_ENGINE_INT_H

#include "interp/interp.h"
#include "jit/plan/engine.h"

enum {
    MAX_VARIANTS = 8,           /* nests kept per loop; the least recently used one goes */
    MAX_SKIPS    = 32,          /* entries of a loop that is always small which are not looked at, in a row */
    MAX_REFUSALS = 16,          /* type fingerprints of refused signatures kept per loop */
};

typedef struct Variant {
    struct Variant *next;       /* most recently used first */
    Nest    *nest;
    Planner *planner;
    Facts   *facts;
    bool     has_inlined_loops;
    double   ns_per_op;         /* as measured so far */
    PlanWork work;              /* of an execution with these facts: */
    int64_t *work_key;          /* [n_work_key] */
    uint32_t n_work_key;
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
    uint32_t n_nodes;           /* of the text, if it has no loops inside; else 0 */
    uint32_t n_small, skip;     /* entries in a row that were small; those still to be passed over */
    uint32_t n_refusals, n_names, cap_names;
    struct Refusal { uint64_t print; ReasonAt why; } *refusal;     /* [MAX_REFUSALS], newest last; NULL until the first */
    NHome   *names;             /* variables that the loop's text names; HOME_Cell and HOME_Free not told apart from their scopes */
    /* What the last refusal's fingerprint was made from, or the values with which it was small last: the same again is recognised by them. */
    bool     was_refused, was_small;
    uint8_t  last_iterable;     /* Tag */
    uint64_t *last;             /* [n_names] */
} LoopState;

typedef struct Engine {
    VM      *vm;
    EngineOptions opt;
    LoopState *states;
    Report   report;
    bool     keeps_all;         /* every nest is built and planned, for the report or a dump */
} Engine;

/* What ran a plan: not where that goes without saying. */
typedef struct RanOn {
    const char *device;
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
/* This entry is small: the next ones with the same numbers and arrays need not be looked at. */
void       engine_note_small(LoopState *ls, Frame *frame);
bool       engine_is_skipped(LoopState *ls, Frame *frame);
/* The variant for this entry, moved to the front; made if need be.  NULL: *why says why not (RS_NoMemory among the reasons). */
Variant   *engine_variant(Engine *e, LoopState *ls, Frame *frame, Value iterable, ReasonAt *why);
bool       engine_dumps(const Engine *e, const char *what);
void       engine_emit_to_stderr(void *user, const char *s, size_t n);

/* ---- engine_run.c ------------------------------------------------------------------------------------------------------ */
/* Is every loop looked at?  Without a back end only those whose plan is part of what they mean. */
bool        engine_looks_at_all(const Engine *e);
/* Is a loop without loops inside so short that nothing but interpreting it can pay? */
bool        engine_is_tiny(const Engine *e, const LoopState *ls, Value iterable);
/* Carry the plan out, for v's facts, or leave it to the interpreter.  goes_on: that has been at it for a while. */
LoopVerdict engine_run(Engine *e, LoopState *ls, Variant *v, const Plan *plan, Frame *frame, Value iterable, bool goes_on);
LoopVerdict engine_no_memory(VM *vm, Frame *frame, Node *loop);

/* ---- engine_record.c --------------------------------------------------------------------------------------------------- */
/* An execution that was not planned, and one that was. */
void engine_record_interpreted(Engine *e, const LoopState *ls, const ReasonAt *why, Value iterable);
void engine_record_planned(Engine *e, const LoopState *ls, const Plan *plan, const Facts *facts, Value iterable, const RanOn *on);

#endif
