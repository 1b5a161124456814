/* tests/api/test_faults.c — everything that compiling and running loops asks of others is refused in turn: calls of LLVM, memory, threads, files, the
 * system's memory for code.  The program prints the same (or ends with MemoryError), nothing is printed, the process goes on.
 *
 *     test_faults PLUGIN [SWEEP …]
 *
 * PLUGIN is built with llvm_faults.cpp.  This program is linked so that alpy's own calls come here as well.  Each attempt runs in a process of its own. */
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/api/faults.h"

static Faults *faults;          /* shared with the processes */

/* ---- alpy's own calls --------------------------------------------------------------------------------------------------- */

#define REAL(f) __real_##f
#define WRAP(f) __wrap_##f
#define FAILING(type, failure, code, f, parameters, arguments) FAILING_FOR(FAULT_ALPY, type, failure, code, f, parameters, arguments)
#define FAILING_FOR(kind, type, failure, code, f, parameters, arguments) \
    type REAL(f) parameters; \
    type WRAP(f) parameters; \
    type WRAP(f) parameters \
    { \
        if (!fault_is_due(faults, kind)) \
            return REAL(f) arguments; \
        errno = code; \
        return failure; \
    }

FAILING(void *, NULL, ENOMEM, malloc, (size_t size), (size))
FAILING(void *, NULL, ENOMEM, calloc, (size_t n, size_t size), (n, size))
FAILING(void *, NULL, ENOMEM, realloc, (void *p, size_t size), (p, size))
FAILING(void *, NULL, ENOMEM, aligned_alloc, (size_t align, size_t size), (align, size))
FAILING(void *, MAP_FAILED, ENOMEM, mmap, (void *at, size_t size, int prot, int flags, int fd, off_t offset), (at, size, prot, flags, fd, offset))
FAILING(int, -1, ENOMEM, mprotect, (void *at, size_t size, int prot), (at, size, prot))
FAILING_FOR(faults && faults->kind == FAULT_THREAD ? FAULT_THREAD : FAULT_ALPY, int, EAGAIN, EAGAIN, pthread_create,
            (pthread_t *t, const pthread_attr_t *attr, void *(*start)(void *), void *user), (t, attr, start, user))
FAILING(int, -1, EIO, fstat, (int fd, struct stat *st), (fd, st))
FAILING(int, -1, EACCES, mkdir, (const char *path, mode_t mode), (path, mode))
FAILING(int, -1, EIO, renameat, (int a, const char *from, int b, const char *to), (a, from, b, to))
FAILING(ssize_t, -1, EIO, read, (int fd, void *to, size_t size), (fd, to, size))
FAILING(ssize_t, -1, ENOSPC, write, (int fd, const void *p, size_t size), (fd, p, size))

int REAL(openat)(int folder, const char *path, int flags, ...);
int WRAP(openat)(int folder, const char *path, int flags, ...);

int WRAP(openat)(int folder, const char *path, int flags, ...)
{
    va_list more;
    va_start(more, flags);
    mode_t mode = flags & O_CREAT ? va_arg(more, mode_t) : 0;
    va_end(more);
    if (!fault_is_due(faults, FAULT_ALPY))
        return REAL(openat)(folder, path, flags, mode);
    errno = EMFILE;
    return -1;
}

/* ---- one attempt ------------------------------------------------------------------------------------------------------------ */

static const char program[] =
    "import numpy as np\n"
    "def work(n):\n"
    "    a = np.zeros(n)\n"
    "    for i in range(n):\n"
    "        a[i] = i * 0.5\n"
    "    s = 0.0\n"
    "    for i in range(n):\n"
    "        s += a[i] * a[n - 1 - i]\n"
    "    return s\n";
enum { N = 3000, N_KERNELS = 2 };

typedef struct Text { char *bytes; size_t size; } Text;

static int collect(void *user, const char *text, size_t size)
{
    Text *t = user;
    t->bytes = realloc(t->bytes, t->size + size + 1);
    memcpy(t->bytes + t->size, text, size);
    t->size += size;
    t->bytes[t->size] = 0;
    return 0;
}

static long told(const char *json, const char *name)
{
    const char *at = strstr(json, name);
    return at ? strtol(at + strlen(name), NULL, 10) : -1;
}

static int print_nothing(void *user, int stream, const char *text, size_t size)
{
    (void)user, (void)stream, (void)text, (void)size;
    return 0;
}

/* NAN: it ended with MemoryError. */
static double work(alpy_vm *vm, bool may_lack_memory)
{
    alpy_value n = { .kind = ALPY_INT, .u.i = N }, result = { 0 };
    alpy_status status = alpy_call(vm, "work", &n, 1, &result);
    if (status == ALPY_NOMEM && may_lack_memory)
        return 0.0 / 0.0;
    if (!CHECK_STATUS(status, ALPY_OK))
        fprintf(stderr, "%s", alpy_error(vm)->traceback);
    return result.u.f;
}

static double expected(void)
{
    double s = 0;               /* exact: multiples of 0.25 below 2**53 */
    for (long i = 0; i < N; i++)
        s += (double)i * 0.5 * ((double)(N - 1 - i) * 0.5);
    return s;
}

typedef struct Sweep {
    const char *name;
    FaultKind kind;
    bool for_good;              /* all calls from the chosen one on fail, not it alone */
    int  stride;                /* the higher, the more numbers are left out: after k comes k + 1 + k / stride */
    bool uses_disk, dumps;
    bool is_warm;               /* a run before it fills the cache */
    bool is_cramped;            /* in a thread with a small stack */
} Sweep;

/* In a process of its own; its exit status. */
static int attempt(const Sweep *s, long k, size_t room)
{
    alpy_config config;
    alpy_vm *vm;
    n_passed = n_failed = 0;
    alarm(60);
    alpy_config_init(&config);
    config.device = ALPY_DEVICE_CPU;
    config.threads = 2;
    config.explain = true;
    config.no_disk_cache = !s->uses_disk;
    config.dump = s->dumps ? "llvm,asm" : NULL;
    config.write_fn = print_nothing;
    if (!CHECK_STATUS(alpy_open(&vm, &config), ALPY_OK) || !CHECK_STATUS(alpy_eval(vm, program, "work.alp"), ALPY_OK))
        return 1;
    if (room) {
        struct rlimit limit = { room, room };
        CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
    }
    *faults = (Faults){ s->kind, k, s->for_good ? LONG_MAX : k, 0 };
    double first = work(vm, room || s->kind == FAULT_ALPY);
    faults->kind = FAULT_NONE;
    CHECK(first != first || first == expected());
    double again = work(vm, room != 0);
    CHECK(again != again || again == expected());
    if (!room) {
        Text t = { 0 };
        CHECK_STATUS(alpy_explain(vm, ALPY_EXPLAIN_JSON, 0, collect, &t), ALPY_OK);
        const char *json = t.bytes ? t.bytes : "";
        long made = told(json, "\"made\": ") + told(json, "\"from_disk\": "), failed = told(json, "\"failed\": ");
        if (first == first && s->kind != FAULT_ALPY)
            CHECK(made + failed == N_KERNELS && (s->kind != FAULT_THREAD || s->is_cramped || !failed));
        if (s->is_cramped && faults->seen >= k)
            CHECK(strstr(json, "there is no thread to compile in"));
        /* Who has no kernel has a reason. */
        if (failed > 0 && !CHECK(strstr(json, "\"device_reason\": \"no-back-end\"")))
            fprintf(stderr, "%s\n", json);
        if (failed > 0 && s->kind == FAULT_FATAL)
            CHECK(strstr(json, "LLVM gave up: as the test wishes"));
        if (failed > 0 && s->kind == FAULT_MEMORY)
            CHECK(strstr(json, "memory"));
        if (!failed && s->kind == FAULT_FATAL)
            CHECK(faults->seen < k);
        free(t.bytes);
    }
    CHECK_STATUS(alpy_close(vm), ALPY_OK);
    return n_failed ? 1 : 0;
}

typedef struct Attempt { const Sweep *sweep; long k; size_t room; int status; } Attempt;

static void *attempt_here(void *user)
{
    Attempt *a = user;
    a->status = attempt(a->sweep, a->k, a->room);
    return NULL;
}

static int attempt_in_thread(const Sweep *s, long k, size_t room)
{
    Attempt a = { s, k, room, 1 };
    pthread_t thread;
    pthread_attr_t attr;
    CHECK(pthread_attr_init(&attr) == 0 && pthread_attr_setstacksize(&attr, 600 << 10) == 0);
    CHECK(pthread_create(&thread, &attr, attempt_here, &a) == 0 && pthread_join(thread, NULL) == 0);
    return a.status;
}

/* What attempts write to the standard streams. */
static int silence;

/* True: well. */
static bool try(const Sweep *s, long k, size_t room)
{
    int status;
    CHECK(ftruncate(silence, 0) == 0 && lseek(silence, 0, SEEK_SET) == 0);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        dup2(silence, 1);
        dup2(silence, 2);
        exit((s->is_cramped ? attempt_in_thread : attempt)(s, k, room));
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    char text[2000];
    ssize_t n = pread(silence, text, sizeof text - 1, 0);
    text[n > 0 ? n : 0] = 0;
    if (CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0 && n == 0))
        return true;
    fprintf(stderr, "%s, number %ld (room %zu): status 0x%x\n%s\n", s->name, k, room, status, text);
    return false;
}

static char folder[] = "/tmp/alpy-faults-XXXXXX";

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void sweep(const Sweep *s)
{
    double start = now();
    long k = 1, tries = 0;
    for (;; k += 1 + k / s->stride) {
        if (s->uses_disk)
            alpy_cache_clear();
        if (s->is_warm && !try(&(Sweep){ .name = "before it", .uses_disk = true }, 0, 0))
            break;
        tries++;
        if (!try(s, k, 0) && n_failed > 10)
            break;
        if (faults->seen < k)
            break;
    }
    printf("%-22s %ld of %ld calls refused, %.1f s\n", s->name, tries - 1, faults->seen, now() - start);
}

static size_t address_space(void)
{
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    CHECK(f && fscanf(f, "%lu", &pages) == 1);
    if (f)
        fclose(f);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* Limits of the address space from almost nothing to plenty. */
static void address_spaces(const Sweep *s)
{
    double start = now();
    long tries = 0;
    size_t used = address_space();
    for (size_t room = 1 << 20; room < (size_t)600 << 20; room += room / 12, tries++)
        try(s, 0, used + room);
    printf("%-22s %ld limits, %.1f s\n", s->name, tries, now() - start);
}

static const Sweep sweeps[] = {
    { .name = "calls", .kind = FAULT_CALL, .stride = 1000 },
    { .name = "calls-for-good", .kind = FAULT_CALL, .for_good = true, .stride = 1000, .dumps = true },
    { .name = "memory", .kind = FAULT_MEMORY, .stride = 25 },
    { .name = "memory-for-good", .kind = FAULT_MEMORY, .for_good = true, .stride = 12 },
    { .name = "fatal", .kind = FAULT_FATAL, .stride = 12 },
    { .name = "alpy", .kind = FAULT_ALPY, .stride = 1000, .uses_disk = true },
    { .name = "alpy-for-good", .kind = FAULT_ALPY, .for_good = true, .stride = 40, .uses_disk = true },
    { .name = "alpy-warm", .kind = FAULT_ALPY, .stride = 1000, .uses_disk = true, .is_warm = true },
    { .name = "threads", .kind = FAULT_THREAD, .stride = 1000 },
    { .name = "threads-for-good", .kind = FAULT_THREAD, .for_good = true, .stride = 1000 },
    { .name = "threads-small-stack", .kind = FAULT_THREAD, .for_good = true, .stride = 1000, .is_cramped = true },
    { .name = "address-space", .kind = FAULT_NONE },
};

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    faults = mmap(NULL, sizeof *faults, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    silence = memfd_create("streams", MFD_CLOEXEC);
    if (!CHECK(faults != MAP_FAILED && silence >= 0 && mkdtemp(folder)))
        return 1;
    char address[32];
    snprintf(address, sizeof address, "%llx", (unsigned long long)(uintptr_t)faults);
    setenv(FAULTS_VARIABLE, address, 1);
    setenv("ALPY_LLVM_PLUGIN", argv[1], 1);
    setenv("ALPY_CACHE_DIR", folder, 1);
    for (size_t i = 0; i < sizeof sweeps / sizeof sweeps[0]; i++) {
        bool wanted = argc == 2;
        for (int k = 2; k < argc; k++)
            wanted |= strcmp(argv[k], sweeps[i].name) == 0;
        if (wanted)
            (strcmp(sweeps[i].name, "address-space") ? sweep : address_spaces)(&sweeps[i]);
    }
    alpy_cache_clear();
    CHECK(rmdir(folder) == 0);
    return report();
}
