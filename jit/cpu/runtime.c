/* jit/cpu/runtime.c — kernels from plans: found in memory, on disk, or compiled in a thread of their own.
 *
 * The plug-in and the kernels belong to the process and are shared by its interpreters; a lock guards both.  A plan remembers its kernels (one per layout of
 * the arrays) and, when it is freed, waits for a compilation that may still read it.  fork() and exit() wait for compilations, too: LLVM holds locks and
 * has data of its own while it works. */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "jit/cpu/kernels.h"
#include "jit/cpu/key.h"
#include "jit/cpu/pool.h"
#include "jit/plan/kernel_cache.h"
#include "profile/machine.h"
#include "profile/thread.h"

enum {
    KERNEL_BUCKETS = 512,
    KERNELS_IDLE_MAX = 256,
    COMPILER_STACK = 8 << 20,
    WAIT_NS = 5000000,          /* between looks whether the interpreter is to stop */
    LEAST_STACK = 3 << 20,      /* for compiling on a thread that somebody else made */
    /* Memory that must be there beforehand, since LLVM takes the lack of it badly: */
    PLUGIN_ROOM = 16 << 20,     /* for opening the plug-in, beyond the file's size: it would end the process */
    COMPILER_ROOM = 48 << 20,   /* for a compilation: it would be the last one */
};
/* Kernels are looked at by ThreadSanitizer if the program is. */
#if defined(__has_feature)
#define HAS_FEATURE(f) __has_feature(f)
#else
#define HAS_FEATURE(f) false
#endif
#ifdef __SANITIZE_THREAD__
enum { INSTRUMENT = true };
#else
enum { INSTRUMENT = HAS_FEATURE(thread_sanitizer) };
#endif

/* What hangs on a plan. */
typedef struct PlanKernels {
    struct PlanKernels *next;
    uint8_t   *stride;          /* the layout, as in CpuLayout */
    uint32_t  *group;
    uint32_t   n_arrays;
    FpMode     fp;
    CpuKernel *kernel;          /* NULL: nobody has asked for it yet */
} PlanKernels;

static struct {
    pthread_mutex_t lock;
    pthread_cond_t  done;       /* a compilation ended */
    uint32_t   n_compiling;
    CpuKernel *bucket[KERNEL_BUCKETS];
    uint32_t   n_idle;          /* kernels without references */
    uint64_t   clock;
    /* the plug-in */
    bool       looked_for;
    bool       is_opening;      /* by one thread; n_compiling counts it */
    void      *handle;
    const CpuPlugin *plugin;
    char       path[512];
    size_t     size;            /* of the file */
    char       identity[128];   /* size and time of the file: names the compiler in keys without opening it, from wherever the program was called */
    char       why_not[256];    /* "" = it is there, or nobody has looked */
} shared = { .lock = PTHREAD_MUTEX_INITIALIZER, .done = PTHREAD_COND_INITIALIZER };

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- fork and exit ----------------------------------------------------------------------------------------------------------------- */

static void wait_for_compilers(void)
{
    while (shared.n_compiling)
        pthread_cond_wait(&shared.done, &shared.lock);
}

static void before_fork(void)
{
    pthread_mutex_lock(&shared.lock);
    wait_for_compilers();
    pool_fork_prepare();
}

static void after_fork_parent(void)
{
    pool_fork_parent();
    pthread_mutex_unlock(&shared.lock);
}

static void after_fork_child(void)
{
    pool_fork_child();
    pthread_cond_init(&shared.done, NULL);
    pthread_mutex_unlock(&shared.lock);
}

static void at_exit(void)
{
    pthread_mutex_lock(&shared.lock);
    wait_for_compilers();
    pthread_mutex_unlock(&shared.lock);
}

/* When the library is loaded, not when a lock is first taken: fork() runs, on both sides, only the handlers that were there when it began, and a
 * child of a fork() that another thread's first kernel overtook would find the lock taken for ever. */
__attribute__((constructor)) static void register_handlers(void)
{
    pthread_atfork(before_fork, after_fork_parent, after_fork_child);
}

/* ---- the plug-in --------------------------------------------------------------------------------------------------------------- */

#define PLUGIN_FILE "alpy-llvm.so"

static bool identify(const char *path)
{
    struct stat st;
    if (stat(path, &st) || !S_ISREG(st.st_mode))
        return false;
    snprintf(shared.path, sizeof shared.path, "%s", path);
    shared.size = (size_t)st.st_size;
    snprintf(shared.identity, sizeof shared.identity, "%lld %lld.%09ld %s", (long long)st.st_size, (long long)st.st_mtim.tv_sec,
             st.st_mtim.tv_nsec, ALPY_VERSION);
    return true;
}

/* Beside a file, or in ../lib/alpy from its folder, as installed. */
static bool identify_near(const char *file)
{
    char path[512];
    const char *slash = strrchr(file, '/');
    int folder = slash ? (int)(slash - file) : 0;
    if (!slash)
        return false;
    if ((size_t)snprintf(path, sizeof path, "%.*s/" PLUGIN_FILE, folder, file) < sizeof path && identify(path))
        return true;
    return ((size_t)snprintf(path, sizeof path, "%.*s/../lib/alpy/" PLUGIN_FILE, folder, file) < sizeof path && identify(path)) ||
           ((size_t)snprintf(path, sizeof path, "%.*s/alpy/" PLUGIN_FILE, folder, file) < sizeof path && identify(path));
}

/* Find the file, without opening it.  Under the lock. */
static void look_for_plugin(void)
{
    if (shared.looked_for)
        return;
    shared.looked_for = true;
    const char *asked = getenv("ALPY_LLVM_PLUGIN");
    Dl_info self;
    char program[512];
    ssize_t n;
    if (asked) {
        if (!*asked || !identify(asked))
            snprintf(shared.why_not, sizeof shared.why_not, "ALPY_LLVM_PLUGIN names no file");
        return;
    }
    if (dladdr(&shared, &self) && self.dli_fname && identify_near(self.dli_fname))
        return;
    n = readlink("/proc/self/exe", program, sizeof program - 1);
    if (n > 0) {
        program[n] = 0;
        if (identify_near(program))
            return;
    }
    snprintf(shared.why_not, sizeof shared.why_not, PLUGIN_FILE " was not found beside the program or the library");
}

static bool has_room(size_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p != MAP_FAILED)
        munmap(p, size);
    return p != MAP_FAILED;
}

/* NULL: why_not says why. */
static const CpuPlugin *load_plugin(void **handle, char *why_not, size_t size)
{
    if (!has_room(shared.size + PLUGIN_ROOM)) {
        snprintf(why_not, size, "too little memory for LLVM");
        return NULL;
    }
    *handle = dlopen(shared.path, RTLD_NOW | RTLD_LOCAL);
    if (!*handle) {
        snprintf(why_not, size, "%.250s", dlerror());
        return NULL;
    }
    CpuPluginGet get;
    void *symbol = dlsym(*handle, CPU_PLUGIN_SYMBOL);
    memcpy(&get, &symbol, sizeof get);
    const CpuPlugin *p = symbol ? get() : NULL;
    if (!p || p->version != CPU_PLUGIN_VERSION || p->abi_version != CPU_ABI_VERSION || p->plan_size != sizeof(Plan) || p->nest_size != sizeof(Nest)) {
        snprintf(why_not, size, "%.200s belongs to another version of alpy", shared.path);
        dlclose(*handle);
        *handle = NULL;
        return NULL;
    }
    atexit(at_exit);            /* behind dlopen(): so it comes before the plug-in's own end */
    return p;
}

/* Under the lock, which is given up meanwhile: the interpreter does not wait for the three milliseconds that this takes.  NULL: shared.why_not says why. */
static const CpuPlugin *open_plugin(void)
{
    look_for_plugin();
    while (shared.is_opening)
        pthread_cond_wait(&shared.done, &shared.lock);
    if (shared.plugin || shared.why_not[0])
        return shared.plugin;
    char why_not[sizeof shared.why_not] = "";
    void *handle = NULL;
    shared.is_opening = true;
    pthread_mutex_unlock(&shared.lock);
    const CpuPlugin *p = load_plugin(&handle, why_not, sizeof why_not);
    pthread_mutex_lock(&shared.lock);
    shared.is_opening = false;
    shared.handle = handle;
    memcpy(shared.why_not, why_not, sizeof why_not);
    pthread_cond_broadcast(&shared.done);
    return shared.plugin = p;
}

/* ---- what to compile for ----------------------------------------------------------------------------------------------------------- */

#if defined(__x86_64__)
/* The host's instruction sets, for keys: code for this machine is not for another. */
static void host_name(char *out, size_t size)
{
    static const char *const names = "sse4.2 avx avx2 fma bmi2 avx512f avx512dq avx512bw avx512vl avx512vnni";
    unsigned bits = 0;
    __builtin_cpu_init();
#define BIT(k, name) bits |= __builtin_cpu_supports(name) ? 1u << (k) : 0
    BIT(0, "sse4.2"); BIT(1, "avx"); BIT(2, "avx2"); BIT(3, "fma"); BIT(4, "bmi2"); BIT(5, "avx512f"); BIT(6, "avx512dq");
    BIT(7, "avx512bw"); BIT(8, "avx512vl"); BIT(9, "avx512vnni");
#undef BIT
    unsigned a, b, c, d;
    __asm__("cpuid" : "=a"(a), "=b"(b), "=c"(c), "=d"(d) : "a"(1), "c"(0));
    snprintf(out, size, "%x %x of %s", a, bits, names);
}
#else
static void host_name(char *out, size_t size)
{
    snprintf(out, size, "host");
}
#endif

static const struct { const char *isa, *cpu; int width; } isa_rows[] = {
    { "sse2", "x86-64", 128 }, { "avx2", "x86-64-v3", 256 }, { "avx512", "x86-64-v4", 512 },
};

static bool is_native(const char *isa)
{
    return !isa || !*isa || strcmp(isa, "native") == 0;
}

bool cpu_isa_known(const char *isa)
{
    for (size_t i = 0; i < COUNT_OF(isa_rows); i++)
        if (strcmp(isa_rows[i].isa, isa) == 0)
            return true;
    return is_native(isa);
}

/* False: this machine has no such instruction set. */
static bool set_target(const CpuOptions *o, CpuCompileOptions *c)
{
    const char *isa = o->isa ? o->isa : getenv("ALPY_ISA");
    if (is_native(isa))
        return true;
    for (size_t i = 0; i < COUNT_OF(isa_rows); i++)
        if (strcmp(isa_rows[i].isa, isa) == 0 && machine_has_isa(isa)) {
            c->cpu = isa_rows[i].cpu;
            c->features = "";
            c->prefer_vector_width = isa_rows[i].width;
            return true;
        }
    return false;
}

/* ---- kernels ---------------------------------------------------------------------------------------------------------------------------- */

static KernelPhase phase_of(const CpuKernel *k)
{
    return (KernelPhase)atomic_load_explicit(&k->state, memory_order_acquire);
}

static void set_phase(CpuKernel *k, KernelPhase phase)
{
    atomic_store_explicit(&k->state, phase, memory_order_release);
}

static void kernel_destroy(CpuKernel *k)
{
    elf_unload(&k->image);
    free(k->dump);
    free(k->key);
    free(k);
}

static uint64_t key_hash(const char *p, size_t n)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)p[i]) * 0x100000001b3u;
    return h ^ h >> 32;
}

/* Under the lock: one reference less; the oldest of too many that nobody uses go. */
static void kernel_release(CpuKernel *k)
{
    k->used = ++shared.clock;
    if (--k->refs > 0 || ++shared.n_idle <= KERNELS_IDLE_MAX)
        return;
    CpuKernel **oldest = NULL;
    for (int i = 0; i < KERNEL_BUCKETS; i++)
        for (CpuKernel **at = &shared.bucket[i]; *at; at = &(*at)->next)
            if ((*at)->refs == 0 && (!oldest || (*at)->used < (*oldest)->used))
                oldest = at;
    CpuKernel *gone = *oldest;
    *oldest = gone->next;
    shared.n_idle--;
    kernel_destroy(gone);
}

/* Under the lock.  Takes key; NULL: no memory. */
static CpuKernel *kernel_find(char *key, size_t size)
{
    CpuKernel **bucket = &shared.bucket[key_hash(key, size) % KERNEL_BUCKETS], *k;
    for (k = *bucket; k; k = k->next)
        if (k->key_size == size && memcmp(k->key, key, size) == 0) {
            free(key);
            shared.n_idle -= k->refs++ == 0;
            return k;
        }
    k = calloc(1, sizeof *k);
    if (!k) {
        free(key);
        return NULL;
    }
    k->key = key;
    k->key_size = size;
    k->refs = 1;
    k->next = *bucket;
    *bucket = k;
    return k;
}

/* What making a kernel gives, before anybody else can see it. */
typedef struct Made {
    ElfImage image;
    char    *dump;
    size_t   dump_size;
    char     error[256];
    bool     ok;
} Made;

static void load(Made *m, const char *object, size_t size)
{
    const char *why = "";
    m->ok = elf_load(object, size, "kernel", &m->image, &why) == ALP_OK;
    if (!m->ok)
        snprintf(m->error, sizeof m->error, "%s", why);
}

/* Under the lock: K_Compiling ends. */
static void finish(CpuKernel *k, Made *m)
{
    k->image = m->image;
    k->dump = m->dump;
    k->dump_size = m->dump_size;
    memcpy(k->error, m->error, sizeof k->error);
    set_phase(k, m->ok ? K_Ready : K_Failed);
    kernel_release(k);
    shared.n_compiling--;
    pthread_cond_broadcast(&shared.done);
}

/* ---- compiling -------------------------------------------------------------------------------------------------------------------------- */

typedef struct CompileJob {
    CpuBackend *backend;
    CpuKernel  *kernel;
    const Plan *plan;
    CpuCompileOptions opt;
    bool        to_disk;
    bool        is_borrowed;    /* the thread it runs in: the system has none of its own */
    bool        is_waited_for;  /* from the beginning */
    Made        made;
} CompileJob;

/* A dump goes to the kernel, and is told by the thread that wanted the kernel. */
static void keep_dump(void *user, const char *what, const char *text, size_t size)
{
    CompileJob *job = user;
    Made *m = &job->made;
    if (strcmp(what, "llvm0") == 0 || !strstr(job->backend->opt.dump, what))
        return;
    char *more = realloc(m->dump, m->dump_size + size + 1);
    if (!more)
        return;
    memcpy(more + m->dump_size, text, size);
    m->dump = more;
    m->dump_size += size;
}

/* Is the stack of this thread, which may be anybody's, large enough for LLVM? */
static bool has_stack(void)
{
    pthread_attr_t attr;
    void *low = NULL;
    size_t size = 0;
    if (pthread_getattr_np(pthread_self(), &attr))
        return false;
    bool known = pthread_attr_getstack(&attr, &low, &size) == 0;
    pthread_attr_destroy(&attr);
    return known && (uintptr_t)__builtin_frame_address(0) - (uintptr_t)low >= LEAST_STACK;
}

/* The calling thread, which ends when its work is done, steps back: where the interpreter has no core for itself it would lose whole time slices. */
static void step_back(void)
{
#ifdef __linux__
    enum { NICER = 10 };
    id_t self = (id_t)gettid();
    errno = 0;
    int now = getpriority(PRIO_PROCESS, self);
    if (errno == 0)
        setpriority(PRIO_PROCESS, self, now + NICER);
#endif
}

static void *compile(void *user)
{
    CompileJob *job = user;
    CpuKernel *k = job->kernel;
    Made *m = &job->made;
    CpuObject object = { 0 };
    uint64_t start = now_ns();
    const CpuPlugin *plugin = NULL;
    if (!job->is_borrowed && !job->is_waited_for)
        step_back();
    pthread_mutex_lock(&shared.lock);
    if (job->is_borrowed && !has_stack())
        snprintf(m->error, sizeof m->error, "there is no thread to compile in");
    else if (!(plugin = open_plugin()))
        snprintf(m->error, sizeof m->error, "%s", shared.why_not);
    pthread_mutex_unlock(&shared.lock);
    if (plugin && !has_room(COMPILER_ROOM))
        snprintf(m->error, sizeof m->error, "too little memory for LLVM");
    else if (plugin && plugin->compile(job->plan, &job->opt, &object, m->error) == 0) {
        load(m, object.bytes, object.size);
        if (m->ok && job->to_disk)
            cache_store(k->key, k->key_size, object.bytes, object.size);
        plugin->free_object(&object);
    }
    pthread_mutex_lock(&shared.lock);
    BackendStats *stats = &job->backend->stats; /* it lives: its plan waits for this kernel */
    stats->ns += now_ns() - start;
    stats->n_made += m->ok;
    stats->n_failed += !m->ok;
    finish(k, m);
    pthread_mutex_unlock(&shared.lock);
    free(job);
    return NULL;
}

static void *open_early(void *user)
{
    (void)user;
    step_back();
    pthread_mutex_lock(&shared.lock);
    open_plugin();
    shared.n_compiling--;
    pthread_cond_broadcast(&shared.done);
    pthread_mutex_unlock(&shared.lock);
    return NULL;
}

/* A kernel will be compiled soon if its loop goes on: open the plug-in meanwhile.  Under the lock. */
static void begin_opening(void)
{
    if (shared.plugin || shared.why_not[0] || shared.is_opening)
        return;
    shared.n_compiling++;
    if (!thread_start(NULL, open_early, NULL, COMPILER_STACK))
        shared.n_compiling--;
}

/* Under the lock, which is given up meanwhile; k is K_New. */
static void kernel_make(CpuBackend *b, CpuKernel *k, const Plan *plan, const CpuCompileOptions *opt, KernelWish wish)
{
    bool disk = !b->opt.no_disk_cache && !opt->dump, compile_it = wish >= WISH_Start;
    if (!compile_it && (!disk || k->is_not_on_disk)) {
        if (wish == WISH_Prepare)
            begin_opening();
        return;
    }
    set_phase(k, K_Compiling);
    k->refs++;
    shared.n_compiling++;
    pthread_mutex_unlock(&shared.lock);
    size_t size;
    uint64_t start = now_ns();
    char *object = disk ? cache_load(k->key, k->key_size, &size) : NULL;
    Made loaded = { 0 };
    if (object)
        load(&loaded, object, size);
    free(object);
    CompileJob *job = loaded.ok || !compile_it ? NULL : malloc(sizeof *job);
    if (job) {
        *job = (CompileJob){ .backend = b, .kernel = k, .plan = plan, .opt = *opt, .to_disk = disk, .is_waited_for = wish == WISH_Wait };
        if (opt->dump)
            job->opt.dump_user = job;
        if (!thread_start(NULL, compile, job, COMPILER_STACK)) {
            job->is_borrowed = true;
            compile(job);
        }
        pthread_mutex_lock(&shared.lock);
        return;
    }
    pthread_mutex_lock(&shared.lock);
    if (loaded.ok) {
        b->stats.n_from_disk++;
        b->stats.ns += now_ns() - start;
        finish(k, &loaded);
        return;
    }
    k->is_not_on_disk = true;
    set_phase(k, K_New);
    kernel_release(k);
    shared.n_compiling--;
    if (wish == WISH_Prepare)
        begin_opening();
    pthread_cond_broadcast(&shared.done);
}

/* ---- kernels of a plan ------------------------------------------------------------------------------------------------------------------ */

static void plan_kernels_free(void *list)
{
    for (PlanKernels *p = list, *next; p; p = next) {
        next = p->next;
        pthread_mutex_lock(&shared.lock);
        while (p->kernel && phase_of(p->kernel) == K_Compiling)
            pthread_cond_wait(&shared.done, &shared.lock);
        if (p->kernel)
            kernel_release(p->kernel);
        pthread_mutex_unlock(&shared.lock);
        free(p->stride);
        free(p->group);
        free(p);
    }
}

/* NULL: no memory. */
static PlanKernels *plan_kernels_new(const Plan *plan, const Facts *f, FpMode fp)
{
    uint32_t n = plan->nest->n_arrays;
    PlanKernels *p = calloc(1, sizeof *p);
    uint8_t *stride = calloc(n + 1, ALP_MAX_NDIM);
    uint32_t *group = calloc(n + 1, sizeof *group);
    if (!p || !stride || !group) {
        free(p);
        free(stride);
        free(group);
        return NULL;
    }
    array_layout_of(f, n, stride, group);
    *p = (PlanKernels){ .stride = stride, .group = group, .n_arrays = n, .fp = fp };
    Plan *owner = (Plan *)plan;                 /* what is cached with a plan is no part of what it says */
    p->next = owner->kernels[PLAN_CPU].list;
    owner->kernels[PLAN_CPU].list = p;
    owner->kernels[PLAN_CPU].free = plan_kernels_free;
    return p;
}

/* Under the lock: the kernel for p's layout; NULL: *why says why there is none. */
static CpuKernel *kernel_of(CpuBackend *b, PlanKernels *p, const Plan *plan, const CpuCompileOptions *opt, ReasonAt *why)
{
    static char host[200];              /* cpuid takes microseconds in a virtual machine */
    char compiler[400];
    size_t size;
    if (p->kernel)
        return p->kernel;
    if (!host[0])
        host_name(host, sizeof host);
    snprintf(compiler, sizeof compiler, "%s; %s", shared.identity, opt->cpu ? "" : host);
    char *key = kernel_key(plan, opt, compiler, &size);
    p->kernel = key ? kernel_find(key, size) : NULL;
    if (!p->kernel)
        why->code = RS_NoMemory;
    else if (phase_of(p->kernel) == K_Ready)
        b->stats.n_from_memory++;
    return p->kernel;
}

static void tell_dump(CpuBackend *b, CpuKernel *k)
{
    pthread_mutex_lock(&shared.lock);
    char *text = k->dump;
    k->dump = NULL;
    pthread_mutex_unlock(&shared.lock);
    if (text)
        b->opt.dump_fn(b->opt.dump_user, text, k->dump_size);
    free(text);
}

/* Then nobody waits for a compilation: the loop begins without a kernel, and ends where it first looks. */
static bool is_to_stop(const VM *vm)
{
    return (atomic_load_explicit(&vm->attention, memory_order_relaxed) & VM_ATTN_INTERRUPT) || (vm->deadline_ns && now_ns() >= vm->deadline_ns);
}

/* Under the lock: until a compilation ends, or WAIT_NS. */
static void wait_a_little(void)
{
    uint64_t until = now_ns() + WAIT_NS;
    struct timespec t = { .tv_sec = (time_t)(until / 1000000000u), .tv_nsec = (long)(until % 1000000000u) };
    pthread_cond_clockwait(&shared.done, &shared.lock, CLOCK_MONOTONIC, &t);
}

static KernelState cpu_kernel(Backend *backend, const Plan *plan, const Facts *facts, FpMode fp, KernelWish wish, void **out, ReasonAt *why)
{
    CpuBackend *b = (CpuBackend *)backend;
    PlanKernels *p = plan->kernels[PLAN_CPU].list;
    while (p && !(p->fp == fp && array_layout_is(facts, p->n_arrays, p->stride, p->group)))
        p = p->next;
    *out = p ? p->kernel : NULL;
    if (*out && phase_of(*out) == K_Ready)
        return KERNEL_READY;
    if (*out && phase_of(*out) == K_Compiling && wish != WISH_Wait)
        return KERNEL_MAKING;   /* without the lock: the interpreter asks this again and again while it works */
    if (wish == WISH_None && !*out)
        return KERNEL_ABSENT;
    if (!p && !(p = plan_kernels_new(plan, facts, fp))) {
        why->code = RS_NoMemory;
        return KERNEL_NEVER;
    }
    CpuCompileOptions opt = { .fp = fp, .layout = { p->stride, p->group }, .opt_level = 3, .tsan = INSTRUMENT,
                              .spread_all = b->opt.spread_all };
    if (!set_target(&b->opt, &opt)) {
        reason_set(why, RS_NoBackEnd, (Span){ 0, 0 }, "this machine does not have the instruction set that was asked for");
        return KERNEL_NEVER;
    }
    if (b->opt.dump) {
        opt.dump = keep_dump;
        wish = wish >= WISH_Start ? WISH_Wait : wish;
    }
    pthread_mutex_lock(&shared.lock);
    look_for_plugin();
    CpuKernel *k = NULL;
    if (shared.why_not[0])
        reason_set(why, RS_NoBackEnd, (Span){ 0, 0 }, "%s", shared.why_not);
    else
        k = kernel_of(b, p, plan, &opt, why);
    if (k && phase_of(k) == K_New && wish >= WISH_Find)
        kernel_make(b, k, plan, &opt, wish);
    while (k && wish == WISH_Wait && phase_of(k) == K_Compiling && !is_to_stop(b->vm))
        wait_a_little();
    KernelPhase phase = k ? phase_of(k) : K_Failed;
    if (k && phase == K_Failed)
        reason_set(why, RS_NoBackEnd, (Span){ 0, 0 }, "%s", k->error);
    pthread_mutex_unlock(&shared.lock);
    if (k && b->opt.dump && phase == K_Ready)
        tell_dump(b, k);
    *out = k;
    return phase == K_Ready ? KERNEL_READY : phase == K_Failed ? KERNEL_NEVER : phase == K_Compiling ? KERNEL_MAKING : KERNEL_ABSENT;
}

/* ---- life ---------------------------------------------------------------------------------------------------------------------------------------- */

static void cpu_describe(Backend *b, char *out, size_t size, BackendStats *stats)
{
    pthread_mutex_lock(&shared.lock);
    *stats = ((CpuBackend *)b)->stats;
    look_for_plugin();
    if (shared.why_not[0])
        snprintf(out, size, "none: %s", shared.why_not);
    else if (shared.plugin)
        snprintf(out, size, "LLVM %s", shared.plugin->llvm_version);
    else
        snprintf(out, size, "LLVM, not needed yet");
    pthread_mutex_unlock(&shared.lock);
}

void cpu_about(char *out, size_t size)
{
    pthread_mutex_lock(&shared.lock);
    const CpuPlugin *p = open_plugin();
    if (p)
        snprintf(out, size, "LLVM %s, from %s", p->llvm_version, shared.path);
    else
        snprintf(out, size, "none: %s", shared.why_not);
    pthread_mutex_unlock(&shared.lock);
}

static void cpu_close(Backend *backend)
{
    CpuBackend *b = (CpuBackend *)backend;
    pthread_mutex_lock(&shared.lock);
    while (shared.is_opening)           /* a process may end now, and a library's ends must not overtake its beginnings */
        pthread_cond_wait(&shared.done, &shared.lock);
    pthread_mutex_unlock(&shared.lock);
    mem_free(&b->vm->mem, b, sizeof *b);
}

bool cpu_is_available(char *why, size_t size)
{
    pthread_mutex_lock(&shared.lock);
    look_for_plugin();
    bool found = !shared.why_not[0];
    snprintf(why, size, "%s", shared.why_not);
    pthread_mutex_unlock(&shared.lock);
    return found;
}

Backend *cpu_backend_new(VM *vm, const CpuOptions *o)
{
    CpuBackend *b = mem_zalloc(&vm->mem, sizeof *b);
    if (!b)
        return NULL;
    b->base = (Backend){ .name = "cpu", .kernel = cpu_kernel, .run = cpu_launch, .describe = cpu_describe, .close = cpu_close };
    b->vm = vm;
    b->opt = *o;
    if (b->opt.n_threads <= 0)
        b->opt.n_threads = pool_default_threads();
    b->base.n_threads_max = (uint32_t)b->opt.n_threads;
    return &b->base;
}
