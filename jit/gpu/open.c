/* jit/gpu/open.c — opening a device in the background: it takes some tenths of a second, which a program that may not need one does not wait for.
 *
 * Per device: nobody has asked, a thread is at it, it stopped since the devices are not those that were believed to be there, done.  A process does not end meanwhile (gpu_open_end(), by whoever closes a back end): the driver would be
 * taken down below the feet of that thread.  A child of fork() has no such thread; whether it may use a device at all, gpu_device() tells. */
#include "jit/gpu/open.h"

#include <pthread.h>
#include <stdatomic.h>

#include "jit/gpu/device.h"
#include "profile/thread.h"

enum { MAX_OPENED = 16 };

typedef enum OpenPhase { OPEN_Not, OPEN_Under_way, OPEN_Stopped, OPEN_Done } OpenPhase;

static struct {
    pthread_mutex_t lock;
    pthread_cond_t  done;
    _Atomic int phase[MAX_OPENED];      /* OpenPhase */
    uint64_t believed[MAX_OPENED];      /* of the thread that is at it */
    atomic_bool gives_up;               /* whoever wanted it does not any more */
} shared = { .lock = PTHREAD_MUTEX_INITIALIZER, .done = PTHREAD_COND_INITIALIZER };

static void before_fork(void)
{
    pthread_mutex_lock(&shared.lock);
}

static void after_fork_parent(void)
{
    pthread_mutex_unlock(&shared.lock);
}

static void after_fork_child(void)
{
    pthread_cond_init(&shared.done, NULL);
    for (int i = 0; i < MAX_OPENED; i++)
        if (atomic_load(&shared.phase[i]) == OPEN_Under_way)
            atomic_store(&shared.phase[i], OPEN_Not);
    pthread_mutex_unlock(&shared.lock);
}

/* When the library is loaded: a fork() runs only the handlers that were there when it began. */
__attribute__((constructor)) static void register_handlers(void)
{
    pthread_atfork(before_fork, after_fork_parent, after_fork_child);
}

/* In steps: between them it can be given up. */
static void *open_it(void *user)
{
    const char *why;
    int ordinal = (int)(intptr_t)user;
    bool is_there = gpu_driver(&why) != NULL, stops = is_there && !gpu_is_as_believed(ordinal, shared.believed[ordinal]);
    if (is_there && !stops && !atomic_load(&shared.gives_up) && gpu_device(ordinal, &why) && !atomic_load(&shared.gives_up))
        gpu_nvrtc(&why);        /* it will be wanted next */
    pthread_mutex_lock(&shared.lock);
    atomic_store(&shared.phase[ordinal], stops ? OPEN_Stopped : atomic_load(&shared.gives_up) ? OPEN_Not : OPEN_Done);
    pthread_cond_broadcast(&shared.done);
    pthread_mutex_unlock(&shared.lock);
    return NULL;
}

void gpu_open_end(int ordinal)
{
    if (ordinal >= MAX_OPENED || gpu_is_gone())
        return;
    pthread_mutex_lock(&shared.lock);
    while (atomic_load(&shared.phase[ordinal]) == OPEN_Under_way) {
        atomic_store(&shared.gives_up, true);
        pthread_cond_wait(&shared.done, &shared.lock);
    }
    atomic_store(&shared.gives_up, false);
    pthread_mutex_unlock(&shared.lock);
}

bool gpu_open(int ordinal, uint64_t believed, bool begin)
{
    if (ordinal >= MAX_OPENED || gpu_is_gone() || atomic_load_explicit(&shared.phase[ordinal], memory_order_acquire) == OPEN_Done)
        return true;            /* asking for it takes no time, whatever the answer is */
    if (!begin)
        return false;
    pthread_mutex_lock(&shared.lock);
    int phase = atomic_load(&shared.phase[ordinal]);
    if (phase == OPEN_Not || phase == OPEN_Stopped) {
        shared.believed[ordinal] = believed;
        atomic_store(&shared.phase[ordinal], thread_start(NULL, open_it, (void *)(intptr_t)ordinal, 0) ? OPEN_Under_way : OPEN_Done);
    }
    bool is_done = atomic_load(&shared.phase[ordinal]) == OPEN_Done;
    pthread_mutex_unlock(&shared.lock);
    return is_done;
}

bool gpu_is_opening(int ordinal)
{
    return ordinal < MAX_OPENED && atomic_load(&shared.phase[ordinal]) == OPEN_Under_way;
}

bool gpu_has_stopped(int ordinal)
{
    return ordinal < MAX_OPENED && atomic_load(&shared.phase[ordinal]) == OPEN_Stopped;
}
