/* profile/thread.c — see thread.h.
 *
 * Where a thread begins.  Linux often puts a young process's new thread on the CPU of the one that made it, although another is idle, and lets the two take
 * turns of some milliseconds until its balancer looks: seen in four of five processes on two cores.  The maker is kept from its work for as long as everything takes
 * that short programs do.  So the maker's CPU is left out of the new thread's affinity until it runs. */
#include "profile/thread.h"

#include <sched.h>
#include <signal.h>
#include <stdlib.h>

#ifdef __GLIBC__

typedef struct Begin {
    void    *(*start)(void *);
    void     *user;
    cpu_set_t all;              /* CPUs that it may run on */
} Begin;

static void *begin(void *user)
{
    Begin b = *(Begin *)user;
    free(user);
    pthread_setaffinity_np(pthread_self(), sizeof b.all, &b.all);
    return b.start(b.user);
}

/* NULL: the thread may begin anywhere. */
static Begin *elsewhere(pthread_attr_t *attr, void *(*start)(void *), void *user)
{
    int here = sched_getcpu();
    cpu_set_t all, others;
    if (here < 0 || here >= CPU_SETSIZE || pthread_getaffinity_np(pthread_self(), sizeof all, &all) != 0)
        return NULL;
    others = all;
    CPU_CLR(here, &others);
    Begin *b = CPU_COUNT(&others) > 0 ? malloc(sizeof *b) : NULL;
    if (b)
        *b = (Begin){ .start = start, .user = user, .all = all };
    if (b && pthread_attr_setaffinity_np(attr, sizeof others, &others) != 0) {
        free(b);
        b = NULL;
    }
    return b;
}

static bool create(pthread_t *id, pthread_attr_t *attr, void *(*start)(void *), void *user)
{
    Begin *b = elsewhere(attr, start, user);
    if (b && pthread_create(id, attr, begin, b) == 0)
        return true;
    if (b)                      /* the CPUs may have changed just now */
        pthread_attr_setaffinity_np(attr, sizeof b->all, &b->all);
    free(b);
    return pthread_create(id, attr, start, user) == 0;
}

#else

static bool create(pthread_t *id, pthread_attr_t *attr, void *(*start)(void *), void *user)
{
    return pthread_create(id, attr, start, user) == 0;
}

#endif

bool thread_start(pthread_t *id, void *(*start)(void *user), void *user, size_t stack_size)
{
    sigset_t all, old;
    pthread_attr_t attr;
    pthread_t detached;
    if (pthread_attr_init(&attr))
        return false;
    if (!id)
        pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    if (stack_size)
        pthread_attr_setstacksize(&attr, stack_size);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    bool ok = create(id ? id : &detached, &attr, start, user);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attr);
    return ok;
}
