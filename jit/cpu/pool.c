/* jit/cpu/pool.c — the pool of threads: jobs in a list, workers that take indices from the oldest job that still has some.
 *
 * A job's caller works on its own job and then waits for indices that others took; workers never wait for jobs of their own (a loop inside a
 * loop runs where it is), so nothing can deadlock.  Waiting spins for some microseconds before it sleeps: nests follow each other closely.
 *
 * fork(): the child has one thread.  The lock is held across the fork, and the child forgets threads and jobs (pool_fork_*(); runtime.c registers
 * the handlers). */
#include "jit/cpu/pool.h"

#include <fenv.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "profile/machine.h"
#include "profile/thread.h"

enum {
    MAX_WORKERS = 255,
    SPINS = 1500,               /* times the processor's pause: some 50 µs, what waking a thread takes */
    WAIT_NS = 5000000,          /* between calls of `waiting` */
};

typedef struct Job {
    struct Job *next;
    void    (*task)(void *, int64_t);
    void     *user;
    int64_t   n;
    int       n_helpers;        /* workers that may still join; under the lock */
    int       n_inside;         /* workers in it; under the lock */
    _Atomic int64_t taken;      /* next index */
} Job;

static struct {
    pthread_mutex_t lock;
    pthread_cond_t  work, idle; /* work: a job came or the pool ends; idle: a worker left a job */
    Job      *jobs;             /* oldest first */
    int       n_workers;
    bool      ending;
    pthread_t worker[MAX_WORKERS];
    _Atomic uint32_t posted;    /* changes with every new job: what spinning workers look at */
} pool = { .lock = PTHREAD_MUTEX_INITIALIZER, .work = PTHREAD_COND_INITIALIZER, .idle = PTHREAD_COND_INITIALIZER };

static _Thread_local bool is_worker, is_inside;

static inline void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

void pool_fork_prepare(void)
{
    pthread_mutex_lock(&pool.lock);
}

void pool_fork_parent(void)
{
    pthread_mutex_unlock(&pool.lock);
}

void pool_fork_child(void)
{
    pool.jobs = NULL;
    pool.n_workers = 0;
    pool.ending = false;
    pthread_cond_init(&pool.work, NULL);
    pthread_cond_init(&pool.idle, NULL);
    is_worker = false;
    pthread_mutex_unlock(&pool.lock);
}

static void work_on(Job *j)
{
    for (int64_t i; (i = atomic_fetch_add_explicit(&j->taken, 1, memory_order_relaxed)) < j->n;)
        j->task(j->user, i);
}

/* A job with indices left that wants another worker; NULL: none.  Under the lock. */
static Job *find_job(void)
{
    for (Job *j = pool.jobs; j; j = j->next)
        if (j->n_helpers > 0 && atomic_load_explicit(&j->taken, memory_order_relaxed) < j->n)
            return j;
    return NULL;
}

static void *worker_main(void *unused)
{
    (void)unused;
    is_worker = true;
    fesetenv(FE_DFL_ENV);       /* not the one of the thread that happened to start this one */
    pthread_mutex_lock(&pool.lock);
    while (!pool.ending) {
        Job *j = find_job();
        if (j) {
            j->n_helpers--;
            j->n_inside++;
            pthread_mutex_unlock(&pool.lock);
            work_on(j);
            pthread_mutex_lock(&pool.lock);
            j->n_helpers++;
            if (--j->n_inside == 0)
                pthread_cond_broadcast(&pool.idle);
            continue;
        }
        uint32_t seen = atomic_load_explicit(&pool.posted, memory_order_relaxed);
        pthread_mutex_unlock(&pool.lock);
        bool come = false;
        for (int i = 0; i < SPINS && !come; i++) {
            relax();
            come = atomic_load_explicit(&pool.posted, memory_order_relaxed) != seen;
        }
        pthread_mutex_lock(&pool.lock);
        if (!come && atomic_load_explicit(&pool.posted, memory_order_relaxed) == seen && !pool.ending)
            pthread_cond_wait(&pool.work, &pool.lock);
    }
    pthread_mutex_unlock(&pool.lock);
    return NULL;
}

/* Under the lock: at least `wanted` workers, if the system gives them. */
static void grow(int wanted)
{
    if (wanted > MAX_WORKERS)
        wanted = MAX_WORKERS;
    if (pool.n_workers >= wanted)
        return;
    while (pool.n_workers < wanted && thread_start(&pool.worker[pool.n_workers], worker_main, NULL, 0))
        pool.n_workers++;
}

static void run_here(int64_t n, void (*task)(void *, int64_t), void *user)
{
    for (int64_t i = 0; i < n; i++)
        task(user, i);
}

/* Under the lock: until a worker leaves a job, or some milliseconds. */
static void wait_idle(void)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += WAIT_NS;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    pthread_cond_clockwait(&pool.idle, &pool.lock, CLOCK_MONOTONIC, &until);
}

void pool_run(int n_threads, int64_t n, void (*task)(void *user, int64_t index), void (*waiting)(void *user), void *user)
{
    if (n_threads > n)
        n_threads = (int)n;
    if (n_threads <= 1 || is_worker || is_inside) {
        run_here(n, task, user);
        return;
    }
    Job job = { .task = task, .user = user, .n = n, .n_helpers = n_threads - 1 };
    pthread_mutex_lock(&pool.lock);
    grow(n_threads - 1);
    Job **end = &pool.jobs;
    while (*end)
        end = &(*end)->next;
    *end = &job;
    atomic_fetch_add_explicit(&pool.posted, 1, memory_order_relaxed);
    pthread_cond_broadcast(&pool.work);
    pthread_mutex_unlock(&pool.lock);

    is_inside = true;
    work_on(&job);
    is_inside = false;

    pthread_mutex_lock(&pool.lock);
    for (Job **at = &pool.jobs; *at; at = &(*at)->next)
        if (*at == &job) {
            *at = job.next;
            break;
        }
    for (int spins = 0; job.n_inside > 0; spins++) {
        if (spins < SPINS) {
            pthread_mutex_unlock(&pool.lock);
            relax();
            pthread_mutex_lock(&pool.lock);
        } else {
            wait_idle();
            if (waiting && job.n_inside > 0) {
                pthread_mutex_unlock(&pool.lock);
                waiting(user);
                pthread_mutex_lock(&pool.lock);
            }
        }
    }
    pthread_mutex_unlock(&pool.lock);
}

void pool_shutdown(void)
{
    pthread_t worker[MAX_WORKERS];
    pthread_mutex_lock(&pool.lock);
    int n = pool.n_workers;
    memcpy(worker, pool.worker, (size_t)n * sizeof *worker);
    pool.ending = true;
    atomic_fetch_add_explicit(&pool.posted, 1, memory_order_relaxed);
    pthread_cond_broadcast(&pool.work);
    pthread_mutex_unlock(&pool.lock);
    for (int i = 0; i < n; i++)
        pthread_join(worker[i], NULL);
    pthread_mutex_lock(&pool.lock);
    pool.n_workers = 0;
    pool.ending = false;
    pthread_mutex_unlock(&pool.lock);
}

/* ---- how many threads ------------------------------------------------------------------------------------------------- */

int pool_default_threads(void)
{
    const char *asked = getenv("ALPY_NUM_THREADS");
    if (asked) {
        char *end;
        long n = strtol(asked, &end, 10);
        if (end != asked && !*end && n >= 1 && n <= MAX_WORKERS + 1)
            return (int)n;
    }
    uint32_t n = machine_cores();
    return n > MAX_WORKERS + 1 ? MAX_WORKERS + 1 : (int)n;
}
