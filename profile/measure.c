/* profile/measure.c — see measure.h. */
#include "profile/measure.h"

#include <time.h>

uint64_t measure_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

bool measure_step(Measure *me, double share, const char *what)
{
    const double late = 0.1, hurry = 0.25;
    uint64_t now = measure_now();
    if (!me->start_ns)
        me->start_ns = now;
    me->done += me->step;
    me->step = share;
    bool is_late = me->limit_ns > 0 && (double)(now - me->start_ns) > (me->done + late) * me->limit_ns;
    me->time_scale = me->scale * (is_late ? hurry : 1);
    if (!me->is_stopped && me->progress)
        me->is_stopped = me->progress(me->user, me->done < 1 ? me->done : 1, what);
    return !me->is_stopped;
}

double measure_least(const Measure *me, double budget_ns, double (*fn)(void *user), void *user)
{
    enum { LEAST_RUNS = 3, MOST_RUNS = 10000, UNCHANGED_RUNS = 50 };
    const double better = 0.995;
    uint64_t start = measure_now();
    double least = -1;
    int unchanged = 0;
    for (int run = 0; run < MOST_RUNS && unchanged < UNCHANGED_RUNS; run++) {
        if (run >= LEAST_RUNS && (double)(measure_now() - start) > budget_ns * me->time_scale)
            break;
        double ns = fn(user);
        if (ns < 0)
            return -1;
        unchanged = least >= 0 && ns >= least * better ? unchanged + 1 : 0;
        if (least < 0 || ns < least)
            least = ns;
    }
    return least;
}
