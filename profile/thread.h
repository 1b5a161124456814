/* profile/thread.h — threads beside the program's own. */
#ifndef ALP_PROFILE_THREAD_H
#define ALP_PROFILE_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

/* All signals are blocked in it: they are for the host's threads.  It begins on another CPU than the caller's, if there is one.  id NULL: it is detached;
 * stack_size 0: the system's.  False: the system has no thread. */
bool thread_start(pthread_t *id, void *(*start)(void *user), void *user, size_t stack_size);

#endif
