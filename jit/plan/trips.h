/* jit/plan/trips.h — how often loops iterate on average, from the numbers of one execution: counters of loops around count as half their range, so
 * the mean is exact where bounds are linear in one of them (triangles), and near it otherwise.  A loop whose bounds are read from arrays (the
 * elements of a sparse row) goes through some array step by step: all its entries together, it is taken, once through all of it. */
#ifndef ALP_JIT_TRIPS_H
#define ALP_JIT_TRIPS_H

#include "jit/plan/plan.h"

enum { TRIPS_LOOPS = 64 };          /* nests with more of them are not counted */

typedef struct Trips {
    const Facts *facts;
    double   half[TRIPS_LOOPS];     /* by source loop: half the trip count, while the caller is inside it; else 0 */
    int64_t  coef[TRIPS_LOOPS];     /* of the form looked at last */
    bool     is_known;              /* false: some loop's trip count was a guess */
    bool     is_blind;              /* … with nothing to go by: TRIPS_UNKNOWN */
} Trips;
#define TRIPS_UNKNOWN 16.0

/* False: the nest has too many loops. */
bool   trips_begin(Trips *t, const Facts *facts);
/* The form's value in the middle of the iteration space; false: unknown. */
bool   trips_form(Trips *t, const NForm *f, double *out);
/* Iterations per entry, of a loop of the nest and of the plan. */
double trips_of(Trips *t, const NLoop *l);
double trips_of_planned(Trips *t, const PLoop *l);
/* Inside the loop from here on; leave: no longer. */
void   trips_enter(Trips *t, const NLoop *l, double trip);
void   trips_leave(Trips *t, const NLoop *l);

#endif
