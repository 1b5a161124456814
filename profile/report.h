/* profile/report.h — the record of what every loop did, and its printing: annotated source for people, JSON for programs.
 *
 * Plain data: whoever runs loops fills it in; nothing here knows how.  One LoopRecord per loop of the source text; several executions with
 * different outcomes add up in `cases`.  The report keeps copies of all it is told, so it outlives the texts and loops it speaks of. */
#ifndef ALP_PROFILE_REPORT_H
#define ALP_PROFILE_REPORT_H

#include "profile/machine.h"
#include "profile/reason.h"

enum { REPORT_MAX_CASES = 6 };  /* different outcomes remembered per loop; later ones join the last */
enum { REPORT_TARGETS = 4 + MACHINE_GPUS };     /* where a nest might have run, at most */

/* One place where a nest might have run; all times are sums over the executions. */
typedef struct CaseTarget {
    const char *device;         /* as LoopCase.device; NULL: none */
    uint32_t n_threads;         /* on a CPU; 0: no matter */
    uint32_t gpu;               /* of several GPUs: 1 + its number; 0: no matter */
    Reason   why_not;           /* why another one of them was preferred the last time; RS_None: it was not */
    uint64_t n_considered;      /* executions for which it was considered, … */
    uint64_t n_measured;        /* … and for which measured times of its like were known */
    double   predicted_ns;      /* by the cost model */
    double   measured_ns;       /* by what such executions took */
    double   copy_ns;           /* what copying of arrays would have been charged with */
} CaseTarget;

typedef struct LoopCase {
    Outcome  outcome;
    ReasonAt why;               /* src and span are looked at when the case is added, no later */
    char     decided[REASON_DETAIL];    /* what was decided at run time, from which values; may be empty */
    char     transforms[96];            /* "distributed, interchanged"; may be empty */
    char     guards[160];               /* "bounds of a[i-1, j]: proved; …"; may be empty */
    const char *device;         /* what ran it, a text that lives for ever: "interp", "reference", or a back end's name; NULL: nothing did */
    Reason   device_why;        /* why no back end did; RS_None: there is none, or one did */
    char     device_detail[REASON_DETAIL];
    uint64_t runs;              /* executions of the loop (for an inner loop: of its nest) */
    uint64_t iterations;        /* of this loop, all runs together; 0: not counted */
    uint64_t time_ns;           /* measured, 0: not */
    double   flops, bytes;      /* of an outermost loop: float operations, bytes of all element accesses; … */
    bool     is_uncounted;      /* … of some execution they cannot be told */
    CaseTarget target[REPORT_TARGETS];  /* of an outermost loop: who was considered; none: there was no choice */
    uint32_t n_threads;         /* of the device that ran it; 0: no matter */
    uint32_t gpu;               /* as CaseTarget.gpu: that ran it */
    Reason   choice;            /* why that one; RS_None: there was no choice */
    uint64_t n_launches, bytes_up, bytes_down;  /* kernels started on a device of its own, and what was copied for them to it and from it */
    /* report_add() fills these in. */
    const char *why_file;       /* where why.span is; NULL: no place */
    uint32_t why_line, why_column;      /* 1-based line, 0-based column */
    uint64_t n_joined;          /* runs that were of other outcomes, for lack of room */
} LoopCase;

/* A text with loops.  Two texts of one name (what is typed at the prompt) are two sources. */
typedef struct ReportSource {
    struct ReportSource *next;  /* in the order in which they were first seen */
    char    *name;              /* as tracebacks print it */
    Src      src;               /* a copy; text NULL: not known */
    uint32_t order;
    uint64_t named_at;          /* of several with one name the latest is meant */
} ReportSource;

typedef struct LoopRecord {
    struct LoopRecord *next;    /* in order of file, then position */
    struct Report *report;
    const ReportSource *source;
    char    *file;              /* as tracebacks print it: the source's name */
    uint32_t line, column;      /* 1-based line, 0-based column of the keyword */
    uint32_t depth;             /* 1 = outermost of its function or module body */
    char    *variable;          /* "i"; "" for while and several */
    char    *function;          /* qualified name; "" = module */
    bool     is_while;
    uint32_t n_cases;           /* 0: not reached */
    LoopCase cases[REPORT_MAX_CASES];
} LoopRecord;

typedef struct Report {
    Mem        *mem;
    LoopRecord *first, *last;
    ReportSource *sources;
    uint64_t    n_named;
    uint64_t    n_nests_built, n_plans_built, n_plans_reused;
    uint64_t    analysis_ns;
    char        profile[256];   /* why a profile of the machine was not used; "" = nothing is wrong */
    char        back_end[256];  /* "LLVM 19.1.7", or "none: …"; "" = none was wanted */
    uint64_t    n_kernels_made, n_kernels_from_disk, n_kernels_from_memory, n_kernels_failed;
    uint64_t    kernels_ns;     /* to make and load them */
    uint64_t    n_whole;        /* operations on whole arrays that ran as nests */
    uint64_t    gpu_launches, gpu_bytes_up, gpu_bytes_down;     /* all that the GPU was asked for, not only by nests */
} Report;

void        report_init(Report *r, Mem *mem);
void        report_free(Report *r);
/* From now on report_loop() means this text by its name.  Copied, unless a text equal to it is there already: then *is_new (may be NULL)
 * is false.  NULL: no memory. */
const ReportSource *report_source(Report *r, const Src *src, bool *is_new);
/* The record of a loop, made if need be; NULL: no memory.  Texts are copied. */
LoopRecord *report_loop(Report *r, const char *file, uint32_t line, uint32_t column, uint32_t depth, const char *variable, const char *function, bool is_while);
/* Add executions: to the case with this outcome, reason, place, detail, transforms and guards (numbers in them aside: the first ones stay),
 * or as a new one.  A case "not reached" (OC_None) stays only as long as there is no other. */
void        report_add(LoopRecord *l, const LoopCase *c);

typedef void (*ReportEmit)(void *user, const char *s, size_t n);
/* The texts that have loops, one after the other, annotated per loop, and a summary; UTF-8. */
void report_text(const Report *r, ReportEmit emit, void *user);
/* A table: nests by the time they took, where they ran, what they copied. */
void report_stats(const Report *r, ReportEmit emit, void *user);
/* {"version": 1, "loops": […]}: docs/explain.md describes it. */
void report_json(const Report *r, ReportEmit emit, void *user);

#endif
