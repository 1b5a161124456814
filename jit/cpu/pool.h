/* jit/cpu/pool.h — the threads that run parallel loops: one pool per process, shared by all interpreters.
 *
 * Fork-safe: a child starts without threads and makes its own when it needs them.  Several interpreters may run loops at once: a
 * loop takes the idle threads there are, and its own thread always works; a loop inside a loop runs on the thread it is on. */
#ifndef ALP_JIT_CPU_POOL_H
#define ALP_JIT_CPU_POOL_H

#include "dsl/base.h"

/* Runs task(user, index) for index 0 … n-1, each once, in ascending order of start, on up to n_threads threads (the caller's
 * among them, whose floating-point environment should be the default one, as the others' is); returns when all are done.  Memory
 * effects of the tasks happen before the return.  waiting (or NULL) is called every few milliseconds while the caller waits for
 * others.  Never fails: without threads it runs everything here. */
void pool_run(int n_threads, int64_t n, void (*task)(void *user, int64_t index), void (*waiting)(void *user), void *user);
/* Threads worth using: ALPY_NUM_THREADS, else the CPUs of this process' affinity mask and cgroup quota; at least 1. */
int  pool_default_threads(void);
/* Stop and join all threads (tests; a library being unloaded).  Later runs start new ones. */
void pool_shutdown(void);

/* For the handlers of fork() (runtime.c): the lock is held across it; the child forgets threads and jobs. */
void pool_fork_prepare(void);
void pool_fork_parent(void);
void pool_fork_child(void);

#endif
