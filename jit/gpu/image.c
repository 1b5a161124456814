/* jit/gpu/image.c — see image.h. */
#include "jit/gpu/image.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jit/plan/kernel_cache.h"
#include "profile/thread.h"
#include "profile/timeline.h"

enum {
    IMAGE_BUCKETS = 256,
    IMAGES_IDLE_MAX = 256,
    COMPILER_STACK = 8 << 20,
    KEY_VERSION = 1,
};

static struct {
    pthread_mutex_t lock;
    pthread_cond_t  done;       /* a compilation ended */
    uint32_t  n_making;
    bool      waits_at_exit, waits_behind_nvrtc;        /* at_exit() is registered: at all, and when NVRTC was there */
    GpuImage *bucket[IMAGE_BUCKETS];
    uint32_t  n_idle;           /* images without references */
    uint64_t  clock;
} shared = { .lock = PTHREAD_MUTEX_INITIALIZER, .done = PTHREAD_COND_INITIALIZER };

/* ---- fork and exit ----------------------------------------------------------------------------------------------------------------- */

/* A child asks a device nothing (gpu_enter() says no), so all that matters is that the lock is free and nobody waits for a thread that is not there. */
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
    for (int i = 0; i < IMAGE_BUCKETS; i++)
        for (GpuImage *g = shared.bucket[i]; g; g = g->next)
            if (atomic_load(&g->state) == IMAGE_Making) {
                snprintf(g->error, sizeof g->error, "fork() came while it was compiled");
                atomic_store(&g->state, IMAGE_Failed);
            }
    shared.n_making = 0;
    pthread_mutex_unlock(&shared.lock);
}

/* When the library is loaded: a fork() runs only the handlers that were there when it began. */
__attribute__((constructor)) static void register_handlers(void)
{
    pthread_atfork(before_fork, after_fork_parent, after_fork_child);
}

/* NVRTC has data of its own, which go while the process ends. */
static void at_exit(void)
{
    pthread_mutex_lock(&shared.lock);
    while (shared.n_making)
        pthread_cond_wait(&shared.done, &shared.lock);
    pthread_mutex_unlock(&shared.lock);
}

/* ---- images -------------------------------------------------------------------------------------------------------------------------- */

static ImagePhase phase_of(const GpuImage *g)
{
    return (ImagePhase)atomic_load_explicit(&g->state, memory_order_acquire);
}

static void set_phase(GpuImage *g, ImagePhase phase)
{
    atomic_store_explicit(&g->state, phase, memory_order_release);
}

static void image_destroy(GpuImage *g)
{
    if (g->module && gpu_enter(g->device)) {
        if (gpu_wait(g->device) == GPU_OK)
            gpu_check(g->device, g->device->cu->ModuleUnload(g->module), "cuModuleUnload");
        gpu_leave(g->device);
    }
    free(g->key);
    free(g);
}

/* One reference less.  The oldest of too many that nobody uses is returned: it is in no list any more. */
static GpuImage *image_release(GpuImage *g)
{
    g->used = ++shared.clock;
    if (--g->refs > 0 || ++shared.n_idle <= IMAGES_IDLE_MAX)
        return NULL;
    GpuImage **oldest = NULL;
    for (int i = 0; i < IMAGE_BUCKETS; i++)
        for (GpuImage **at = &shared.bucket[i]; *at; at = &(*at)->next)
            if ((*at)->refs == 0 && (!oldest || (*at)->used < (*oldest)->used))
                oldest = at;
    GpuImage *gone = *oldest;
    *oldest = gone->next;
    shared.n_idle--;
    return gone;
}

static uint64_t key_hash(const char *p, size_t n)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)p[i]) * 0x100000001b3u;
    return h ^ h >> 32;
}

/* What an image is made for, and its text; malloc'ed.  NULL: no memory. */
static char *image_key(const GpuDevice *d, const char *text, size_t text_size, bool fast, size_t *text_at, size_t *size)
{
    char head[320];
    int n = snprintf(head, sizeof head, "cuda %d; alpy " ALPY_VERSION "; %s, sm_%d%d, driver %d; %s", KEY_VERSION, d->name, d->major, d->minor,
                     d->cu->version, fast ? "fast" : "precise");
    *text_at = (size_t)n + 1;
    *size = *text_at + text_size + 1;
    char *key = malloc(*size);
    if (!key)
        return NULL;
    memcpy(key, head, *text_at);
    memcpy(key + *text_at, text, text_size);
    key[*size - 1] = 0;
    return key;
}

/* Under the lock.  Takes key. */
static GpuImage *image_find(GpuDevice *d, char *key, size_t size)
{
    GpuImage **bucket = &shared.bucket[key_hash(key, size) % IMAGE_BUCKETS], *g;
    for (g = *bucket; g; g = g->next)
        if (g->key_size == size && g->device == d && memcmp(g->key, key, size) == 0) {
            free(key);
            shared.n_idle -= g->refs++ == 0;
            return g;
        }
    g = calloc(1, sizeof *g);
    if (!g) {
        free(key);
        return NULL;
    }
    g->key = key;
    g->key_size = size;
    g->refs = 1;
    g->device = d;
    g->next = *bucket;
    return *bucket = g;
}

GpuImage *image_ref(GpuDevice *d, const char *text, size_t text_size, bool fast, bool *was_there)
{
    size_t size, text_at;
    char *key = image_key(d, text, text_size, fast, &text_at, &size);
    if (!key)
        return NULL;
    pthread_mutex_lock(&shared.lock);
    GpuImage *g = image_find(d, key, size);
    if (g) {
        g->text_at = text_at;
        g->is_fast = fast;
        *was_there = phase_of(g) != IMAGE_New;
    }
    pthread_mutex_unlock(&shared.lock);
    return g;
}

void image_unref(GpuImage *g)
{
    pthread_mutex_lock(&shared.lock);
    GpuImage *gone = image_release(g);
    pthread_mutex_unlock(&shared.lock);
    if (gone)
        image_destroy(gone);
}

/* ---- making them -------------------------------------------------------------------------------------------------------------------------- */

/* What making an image gives, before anybody else can see it. */
typedef struct Made {
    CUmodule module;
    char     error[256];
    bool     ok;
} Made;

static void load(GpuDevice *d, const char *cubin, Made *m)
{
    GpuStatus s = GPU_BROKEN;
    if (gpu_enter(d)) {
        s = gpu_load(d, cubin, &m->module);
        gpu_leave(d);
    }
    m->ok = s == GPU_OK;
    if (!m->ok)
        snprintf(m->error, sizeof m->error, "%s", s == GPU_NO_MEMORY ? "the GPU has no memory for it" : d->broken[0] ? d->broken
                 : "the CUDA driver does not take what NVRTC made");
}

/* Under the lock: IMAGE_Making ends. */
static GpuImage *finish(GpuImage *g, const Made *m, ImageOrigin origin, uint64_t start)
{
    g->module = m->module;
    g->origin = (uint8_t)origin;
    g->end_ns = timeline_now();
    g->ns = g->end_ns - start;
    memcpy(g->error, m->error, sizeof g->error);
    set_phase(g, m->ok ? IMAGE_Ready : IMAGE_Failed);
    shared.n_making--;
    pthread_cond_broadcast(&shared.done);
    return image_release(g);
}

typedef struct CompileJob {
    GpuImage *image;
    bool      to_disk;
} CompileJob;

/* The process may be ending already: then NVRTC, which is opened here, has its own end registered behind at_exit(), and would be gone before the compilation is
 * done, if that were not registered once more. */
static void open_nvrtc(void)
{
    const char *why;
    if (!gpu_nvrtc(&why))
        return;
    pthread_mutex_lock(&shared.lock);
    if (!shared.waits_behind_nvrtc)
        shared.waits_behind_nvrtc = atexit(at_exit) == 0;
    pthread_mutex_unlock(&shared.lock);
}

static void *compile(void *user)
{
    CompileJob *job = user;
    GpuImage *g = job->image;
    Made m = { 0 };
    size_t size = 0;
    uint64_t start = timeline_now();
    open_nvrtc();
    char *cubin = gpu_compile(g->device, g->key + g->text_at, "nest.cu", g->is_fast, &size, m.error, sizeof m.error);
    if (cubin)
        load(g->device, cubin, &m);
    if (m.ok && job->to_disk)
        cache_store(g->key, g->key_size, cubin, size);
    free(cubin);
    free(job);
    pthread_mutex_lock(&shared.lock);
    GpuImage *gone = finish(g, &m, FROM_Compiler, start);
    pthread_mutex_unlock(&shared.lock);
    if (gone)
        image_destroy(gone);
    return NULL;
}

/* Under the lock, which is given up meanwhile; g is IMAGE_New.  compile_it false: only from disk. */
static void make(GpuImage *g, bool disk, bool compile_it)
{
    if (!disk && !compile_it)
        return;
    if (!shared.waits_at_exit)
        shared.waits_at_exit = atexit(at_exit) == 0;
    set_phase(g, IMAGE_Making);
    g->refs++;
    shared.n_making++;
    pthread_mutex_unlock(&shared.lock);
    uint64_t start = timeline_now();
    size_t size;
    Made m = { 0 };
    char *cubin = disk ? cache_load(g->key, g->key_size, &size) : NULL;
    if (cubin)
        load(g->device, cubin, &m);
    free(cubin);
    CompileJob *job = m.ok || !compile_it ? NULL : malloc(sizeof *job);
    if (job) {
        *job = (CompileJob){ g, disk };
        if (!thread_start(NULL, compile, job, COMPILER_STACK))
            compile(job);
        pthread_mutex_lock(&shared.lock);
        return;
    }
    pthread_mutex_lock(&shared.lock);
    if (m.ok) {
        finish(g, &m, FROM_Disk, start);    /* the caller has a reference: nothing goes */
        return;
    }
    set_phase(g, IMAGE_New);
    g->refs--;
    shared.n_making--;
    pthread_cond_broadcast(&shared.done);
}

ImagePhase image_make(GpuImage *g, ImageWish wish, bool use_disk)
{
    pthread_mutex_lock(&shared.lock);
    if (phase_of(g) == IMAGE_New)
        make(g, use_disk, wish >= IMAGE_Start);
    while (wish == IMAGE_Wait && phase_of(g) == IMAGE_Making)
        pthread_cond_wait(&shared.done, &shared.lock);
    ImagePhase phase = phase_of(g);
    pthread_mutex_unlock(&shared.lock);
    return phase;
}
