/* profile/measure.h — measuring what a Machine holds: clock, repetition, progress; and the host's memory.
 *
 * Other programs disturb measurements upwards only, so the figure of a quantity is the least of several; a step ends when its time is
 * up or when repeating brings nothing new.  What cannot be measured stays as it is. */
#ifndef ALP_PROFILE_MEASURE_H
#define ALP_PROFILE_MEASURE_H

#include "profile/machine.h"

typedef struct Measure {
    double scale;               /* of the time for each figure, 1: usual */
    double limit_ns;            /* for everything: steps that come late get less than that */
    /* Told of each step, done from 0 to 1; true: stop.  NULL: nobody is. */
    bool (*progress)(void *user, double done, const char *what);
    void  *user;
    double time_scale;          /* of the present step */
    double done, step;          /* how far, and by how much the present step goes on */
    uint64_t start_ns;          /* of the first step; 0: not yet */
    bool   is_stopped;
} Measure;

uint64_t measure_now(void);     /* nanoseconds */
/* The next step begins, `share` of all the work.  false: stop, everything measured so far is good. */
bool     measure_step(Measure *me, double share, const char *what);
/* Nanoseconds of fn(user), the least of at least three runs within about budget_ns (scaled).  fn returns what it took, or a negative number: it failed,
 * as this does then. */
double   measure_least(const Measure *me, double budget_ns, double (*fn)(void *user), void *user);

/* ---- measure_memory.c: clock, latencies and bandwidths; sizes of caches and steps of threads must be there ------------------- */
void     measure_memory(Measure *me, double share, HostMachine *h);

#endif
