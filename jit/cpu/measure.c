/* jit/cpu/measure.c — see measure.h. */
#include "jit/cpu/measure.h"

#include "jit/cpu/pool.h"

enum { FORKS = 8 };             /* in a row: nests follow each other closely */

#define WORK_NS     1e5         /* of each part: long enough for all threads to come */
#define BUDGET_NS   100e6

static void work(void *user, int64_t index)
{
    uint64_t start = measure_now();
    while ((double)(measure_now() - start) < WORK_NS)
        ;
}

/* What a loop with a part for each thread takes beyond one part: the least of several in a row, as other programs may take a processor meanwhile. */
static double fork_join(void *user)
{
    int n = *(const int *)user;
    double least = -1;
    for (int i = 0; i < FORKS; i++) {
        uint64_t start = measure_now();
        pool_run(n, n, work, NULL, NULL);
        double ns = (double)(measure_now() - start) - WORK_NS;
        least = least < 0 || ns < least ? ns : least;
    }
    return least > 0 ? least : 0;
}

void cpu_measure(Measure *me, double share, HostMachine *h)
{
    if (!measure_step(me, share, "threads"))
        return;
    for (uint32_t s = 1; s < h->n_steps; s++) {
        int n = (int)h->threads[s];
        double ns = measure_least(me, BUDGET_NS, fork_join, &n);
        if (ns > 0)
            h->fork_ns[s] = ns;
    }
}
