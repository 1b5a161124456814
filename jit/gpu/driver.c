/* jit/gpu/driver.c — opens the CUDA driver and NVRTC, and finds their functions.
 *
 * Both are opened at most once per process; the answer, good or bad, stays.  The symbols are those of the list, version suffix
 * included: with it dlsym() gives the function of exactly that signature in every driver, which is what cuGetProcAddress() is
 * for, and other libraries can be put in their place for tests.
 *
 * fork(): CUDA does not work in a child whose parent had called cuInit(), and does not always say so: some calls wait for
 * ever.  So a child is told apart by a flag, set by a handler, and asks the driver nothing.  The handlers take no lock: the
 * driver itself forks, to load the kernel's module, while it is opened. */
#include "jit/gpu/driver.h"

#include <dlfcn.h>
#include <glob.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A library: opened is said last. */
typedef struct Library {
    bool is_tried;              /* under the lock */
    bool is_there;
    char why[400];              /* if not */
} Library;

static struct {
    pthread_mutex_t lock;
    atomic_bool began;          /* somebody has begun to open one of the two */
    atomic_bool is_child;       /* of a process that had begun */
    atomic_bool is_ending;      /* the process */
    Library   of_driver, of_nvrtc;
    GpuDriver driver;
    Nvrtc     nvrtc;
} shared = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void after_fork_child(void)
{
    if (atomic_load(&shared.began))
        atomic_store(&shared.is_child, true);
}

/* When the library is loaded: a fork() runs only the handlers that were there when it began. */
__attribute__((constructor)) static void register_handler(void)
{
    pthread_atfork(NULL, NULL, after_fork_child);
}

bool gpu_is_gone(void)
{
    return atomic_load(&shared.is_child) || atomic_load(&shared.is_ending);
}

static const char *gone_text(void)
{
    return atomic_load(&shared.is_child) ? "CUDA does not work in a process that fork() made after CUDA was used" : "the process ends";
}

void gpu_wait_at_exit(pthread_mutex_t *lock)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 10;
    if (pthread_mutex_timedlock(lock, &until) == 0)
        pthread_mutex_unlock(lock);
}

/* Before the libraries' own ends, which do not wait for threads that are in them: no other call begins, and those under way end. */
static void at_exit(void)
{
    if (atomic_load(&shared.is_child))
        return;
    atomic_store(&shared.is_ending, true);
    gpu_wait_at_exit(&shared.lock);
    gpu_devices_at_exit();
}

/* What an environment variable says; NULL: nothing. */
static const char *asked_for(const char *variable)
{
    const char *value = getenv(variable);
    return value && *value ? value : NULL;
}

/* ---- finding functions ----------------------------------------------------------------------------------------------------- */

typedef struct Symbol {
    const char *name;
    size_t      offset;         /* of the pointer to it */
    bool        is_required;
} Symbol;

#define FN(name_, symbol, required, params) { symbol, offsetof(GpuDriver, name_), required },
static const Symbol driver_symbols[] = { GPU_DRIVER_LIST(FN) };
#undef FN
#define FN(name_, symbol, required, params) { "nvrtc" #name_, offsetof(Nvrtc, name_), required },
static const Symbol nvrtc_symbols[] = { NVRTC_LIST(FN) };
#undef FN

/* The name of a required symbol that is missing; NULL: all are there. */
static const char *find_symbols(void *handle, const Symbol *symbols, size_t n, void *table)
{
    for (size_t i = 0; i < n; i++) {
        void *at = dlsym(handle, symbols[i].name);
        if (!at && symbols[i].is_required)
            return symbols[i].name;
        memcpy((char *)table + symbols[i].offset, &at, sizeof at);
    }
    return NULL;
}

bool gpu_end_comes_first(void)
{
    return atexit(at_exit) == 0;
}

/* ---- the driver ------------------------------------------------------------------------------------------------------------ */

static bool open_driver(GpuDriver *d, char *why, size_t size)
{
    const char *asked = asked_for("ALPY_CUDA_DRIVER");
    void *handle = dlopen(asked ? asked : "libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!handle && !asked)
        handle = dlopen("/usr/lib/wsl/lib/libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        if (asked)
            snprintf(why, size, "%s", dlerror());
        else
            snprintf(why, size, "there is no CUDA driver: libcuda.so.1 was not found");
        return false;
    }
    if (!gpu_end_comes_first()) {       /* it is too late, or there is no memory */
        snprintf(why, size, "the process ends");
        return false;
    }
    const char *missing = find_symbols(handle, driver_symbols, COUNT_OF(driver_symbols), d);
    if (missing) {
        snprintf(why, size, "the CUDA driver is too old: it has no %s", missing);
        dlclose(handle);
        return false;
    }
    CUresult r = d->Init(0);
    gpu_end_comes_first();
    if (r != CUDA_SUCCESS) {            /* the library stays: it may have begun threads */
        const char *name = NULL, *text = NULL;
        d->GetErrorName(r, &name);
        d->GetErrorString(r, &text);
        snprintf(why, size, "cuInit: %s (%s)", text ? text : "unknown error", name ? name : "?");
        return false;
    }
    if (d->DriverGetVersion(&d->version) != CUDA_SUCCESS)
        d->version = 0;
    return true;
}

const GpuDriver *gpu_driver(const char **why)
{
    Library *l = &shared.of_driver;
    if (gpu_is_gone()) {
        *why = gone_text();
        return NULL;
    }
    atomic_store(&shared.began, true);
    pthread_mutex_lock(&shared.lock);
    if (!l->is_tried) {
        l->is_there = open_driver(&shared.driver, l->why, sizeof l->why);
        l->is_tried = true;
    }
    pthread_mutex_unlock(&shared.lock);
    *why = gpu_is_gone() ? gone_text() : l->why;
    return l->is_there && !gpu_is_gone() ? &shared.driver : NULL;
}

bool gpu_is_likely(void)
{
    return asked_for("ALPY_CUDA_DRIVER") || access("/dev/nvidiactl", F_OK) == 0 || access("/dev/dxg", F_OK) == 0;
}

/* ---- NVRTC ----------------------------------------------------------------------------------------------------------------- */

/* Where NVRTC is looked for, in this order: names for the system's search; in folders that a variable names; in folders by
 * themselves.  * is any text. pip's wheels have a folder for each major version. */
static const struct NvrtcPlace { const char *variable, *pattern; } nvrtc_places[] = {
    { NULL, "libnvrtc.so.13" },
    { NULL, "libnvrtc.so.12" },
    { NULL, "libnvrtc.so" },
    { "CUDA_HOME", "/lib64/libnvrtc.so" },
    { "CUDA_PATH", "/lib64/libnvrtc.so" },
    { "VIRTUAL_ENV", "/lib/python3*/site-packages/nvidia/cu13/lib/libnvrtc.so.13" },
    { "VIRTUAL_ENV", "/lib/python3*/site-packages/nvidia/cuda_nvrtc/lib/libnvrtc.so.1[23]" },
    { "CONDA_PREFIX", "/lib/libnvrtc.so.1[23]" },
    { "CONDA_PREFIX", "/lib/python3*/site-packages/nvidia/c*/lib/libnvrtc.so.1[23]" },
    { NULL, "/usr/local/cuda/lib64/libnvrtc.so" },
    { NULL, "/usr/local/cuda*/lib64/libnvrtc.so.1[23]" },
    { NULL, "/opt/cuda/lib64/libnvrtc.so" },
};

/* One candidate.  *handle: what was opened. */
static bool try_nvrtc(const char *path, Nvrtc *n, void **handle, char *why, size_t size)
{
    *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!*handle) {
        snprintf(why, size, "%s", dlerror());
        return false;
    }
    const char *missing = find_symbols(*handle, nvrtc_symbols, COUNT_OF(nvrtc_symbols), n);
    if (!missing && n->Version(&n->major, &n->minor) == 0) {
        snprintf(n->path, sizeof n->path, "%s", path);
        return true;
    }
    snprintf(why, size, "%.200s is too old: it has no %s", path, missing ? missing : "version");
    dlclose(*handle);
    *handle = NULL;
    return false;
}

/* Candidates so far; `best` works, but is newer than the driver. */
typedef struct NvrtcSearch {
    int    driver_major;        /* 0: unknown */
    Nvrtc  best;
    void  *handle;
    char   why[300];            /* of the last that does not work */
} NvrtcSearch;

/* True: the search is over.  Code from an NVRTC with the driver's major version, or an older one, always loads. */
static bool consider(NvrtcSearch *s, const char *path)
{
    Nvrtc n;
    void *handle;
    if (!try_nvrtc(path, &n, &handle, s->why, sizeof s->why))
        return false;
    bool fits = s->driver_major == 0 || n.major <= s->driver_major;
    if (s->handle && !fits) {
        dlclose(handle);
        return false;
    }
    if (s->handle)
        dlclose(s->handle);
    s->best = n;
    s->handle = handle;
    return fits;
}

static bool consider_all(NvrtcSearch *s, const char *pattern)
{
    glob_t g;
    if (pattern[0] != '/')
        return consider(s, pattern);
    if (glob(pattern, 0, NULL, &g) != 0)
        return false;
    bool over = false;
    for (size_t i = g.gl_pathc; i > 0 && !over; i--)     /* newer ones come last */
        over = consider(s, g.gl_pathv[i - 1]);
    globfree(&g);
    return over;
}

static bool open_nvrtc(Nvrtc *n, char *why, size_t size)
{
    const char *asked = asked_for("ALPY_NVRTC");
    void *handle;
    if (asked)
        return try_nvrtc(asked, n, &handle, why, size);
    NvrtcSearch s = { .driver_major = shared.of_driver.is_there ? shared.driver.version / 1000 : 0 };
    for (size_t i = 0; i < COUNT_OF(nvrtc_places); i++) {
        const struct NvrtcPlace *p = &nvrtc_places[i];
        const char *folder = p->variable ? asked_for(p->variable) : "";
        char pattern[512];
        if (!folder || (size_t)snprintf(pattern, sizeof pattern, "%s%s", folder, p->pattern) >= sizeof pattern)
            continue;
        if (consider_all(&s, pattern))
            break;
    }
    if (!s.handle) {
        snprintf(why, size, "CUDA's compiler NVRTC was not found (libnvrtc.so.13, libnvrtc.so.12): %s", s.why);
        return false;
    }
    *n = s.best;
    return true;
}

const Nvrtc *gpu_nvrtc(const char **why)
{
    Library *l = &shared.of_nvrtc;
    if (gpu_is_gone()) {
        *why = gone_text();
        return NULL;
    }
    atomic_store(&shared.began, true);
    pthread_mutex_lock(&shared.lock);
    if (!l->is_tried) {
        l->is_there = open_nvrtc(&shared.nvrtc, l->why, sizeof l->why);
        l->is_tried = true;
    }
    pthread_mutex_unlock(&shared.lock);
    *why = gpu_is_gone() ? gone_text() : l->why;
    return l->is_there && !gpu_is_gone() ? &shared.nvrtc : NULL;
}
