/* profile/timeline.h — what ran when: nests, compilations, copies and launches, for a viewer of Chrome's trace format (Perfetto, chrome://tracing).
 *
 * Whoever does something worth seeing adds a span; times are CLOCK_MONOTONIC's, in nanoseconds.  Any thread may.  Nothing here fails: what there is no memory for is
 * left out, and counted. */
#ifndef ALP_PROFILE_TIMELINE_H
#define ALP_PROFILE_TIMELINE_H

#include "dsl/base.h"

/* ORDER track_name */
typedef enum TimelineTrack {
    TRACK_Program,              /* the interpreter's thread */
    TRACK_Compiler,
    TRACK_Copies,               /* between host and device */
    TRACK_Gpu,
    TRACK_COUNT
} TimelineTrack;

typedef struct Timeline Timeline;

Timeline *timeline_new(void);                   /* NULL: no memory */
void timeline_free(Timeline *t);
uint64_t timeline_now(void);
/* details: members of a JSON object ("\"bytes\": 4096"), or "". */
void timeline_span(Timeline *t, TimelineTrack track, const char *name, uint64_t start_ns, uint64_t end_ns, const char *details, ...) PRINTF_LIKE(6, 7);
/* All of it as JSON text. */
void timeline_write(Timeline *t, void (*emit)(void *user, const char *s, size_t n), void *user);

#endif
