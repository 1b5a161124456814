/* profile/reason.h — why a loop ran as it did: codes, texts, and a place in the source that shows it. */
#ifndef ALP_PROFILE_REASON_H
#define ALP_PROFILE_REASON_H

#include "dsl/src.h"

typedef enum Reason {
    RS_None,
#define REASON(code, name, text, advice) RS_##code,
#include "profile/reason_list.h"
#undef REASON
    RS_COUNT
} Reason;

/* ORDER outcome_name (reason.c) */
typedef enum Outcome {
    OC_None,                    /* not reached */
    OC_Interpreted,
    OC_Sequential,              /* part of a nest, its iterations in order */
    OC_Parallel,
    OC_Reduction,               /* parallel, with accumulations */
    OC_Vector,                  /* parallel, and the one that is vectorised inside another parallel loop */
    OC_Scan, OC_Wavefront, OC_Search,
    OC_COUNT
} Outcome;

#define REASON_DETAIL 240

/* A reason with the piece of source that gave it and a sentence about the case at hand. */
typedef struct ReasonAt {
    Reason code;
    Span   span;                /* of the text of the loop's chunk (or of `src`); {0, 0}: none */
    const Src *src;             /* where span points; NULL: the loop's own text */
    char   detail[REASON_DETAIL];       /* "print(…)"; may be empty */
} ReasonAt;

const char *reason_name(Reason r);          /* "carried-flow" */
const char *reason_text(Reason r);          /* "an iteration reads …" */
const char *reason_advice(Reason r);        /* "" possible */
const char *outcome_name(Outcome o);        /* "parallel" */
void reason_set(ReasonAt *at, Reason r, Span span, const char *fmt, ...) PRINTF_LIKE(4, 5);     /* fmt NULL: no detail */

#endif
