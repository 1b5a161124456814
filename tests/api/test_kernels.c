/* tests/api/test_kernels.c — compiled loops as a host meets them: forks, threads, many interpreters, interrupts, limits, and what may be wrong with
 * the compiler and with the folder of compiled loops.
 *
 *     test_kernels [SCENARIO …]
 *
 * Each scenario runs in a process of its own: which compiler there is is found out once per process.  Those that need one are left out where there is
 * none (exit status 77 if that leaves nothing of interest). */
#include "check.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SKIPPED = 77 };

#ifdef __has_feature
#define HAS_FEATURE(f) __has_feature(f)
#else
#define HAS_FEATURE(f) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || HAS_FEATURE(address_sanitizer)
enum { KEEPS_FREED = true };            /* memory, for a while */
#else
enum { KEEPS_FREED = false };
#endif
/* A sanitizer's own locks do not survive the fork of a process whose other threads are at work. */
#if defined(__SANITIZE_THREAD__) || HAS_FEATURE(thread_sanitizer)
enum { CAN_FORK_BUSY = false };
#else
enum { CAN_FORK_BUSY = !KEEPS_FREED };
#endif

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static unsigned random_number;

static unsigned random_below(unsigned n)
{
    random_number = random_number * 1664525u + 1013904223u;
    return (random_number >> 8) % n;
}

/* ---- interpreters -------------------------------------------------------------------------------------------------- */

static alpy_config cpu_config(int threads)
{
    alpy_config config;
    alpy_config_init(&config);
    config.device = ALPY_DEVICE_CPU;
    config.threads = threads;
    config.explain = true;
    return config;
}

static alpy_vm *open_cpu(int threads)
{
    alpy_config config = cpu_config(threads);
    alpy_vm *vm = NULL;
    CHECK_STATUS(alpy_open(&vm, &config), ALPY_OK);
    return vm;
}

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

/* The JSON of alpy_explain(), to be freed. */
static char *explain(alpy_vm *vm)
{
    Text t = { 0 };
    CHECK_STATUS(alpy_explain(vm, ALPY_EXPLAIN_JSON, 0, collect, &t), ALPY_OK);
    return t.bytes ? t.bytes : calloc(1, 1);
}

/* A number in it that stands only once. */
static long told(const char *json, const char *name)
{
    char quoted[64];
    snprintf(quoted, sizeof quoted, "\"%s\": ", name);
    const char *at = strstr(json, quoted);
    return at ? strtol(at + strlen(quoted), NULL, 10) : -1;
}

typedef struct Kernels { long made, from_disk, failed; } Kernels;

static Kernels kernels(alpy_vm *vm)
{
    char *json = explain(vm);
    Kernels k = { told(json, "made"), told(json, "from_disk"), told(json, "failed") };
    free(json);
    return k;
}

/* A parallel loop, a sum, and a loop that can end early. */
static const char work[] =
    "import numpy as np\n"
    "def work(n, k):\n"
    "    a = np.zeros(n)\n"
    "    for i in range(n):\n"
    "        a[i] = (i * k) % 1000 * 0.5\n"
    "    s = 0.0\n"
    "    for i in range(n):\n"
    "        s += a[i] * a[i]\n"
    "    m = -1\n"
    "    for i in range(n):\n"
    "        if a[i] > 499.0:\n"
    "            m = i\n"
    "            break\n"
    "    return s + m\n";

static double expected(long n, long k)
{
    double s = 0;               /* exact: multiples of 0.25 below 2**53 */
    long m = -1;
    for (long i = 0; i < n; i++) {
        double a = (double)(i * k % 1000) * 0.5;
        s += a * a;
        if (m < 0 && a > 499.0)
            m = i;
    }
    return s + (double)m;
}

static void check_work(alpy_vm *vm, long n, long k)
{
    alpy_value args[2] = { { .kind = ALPY_INT, .u.i = n }, { .kind = ALPY_INT, .u.i = k } }, result;
    if (!CHECK_STATUS(alpy_call(vm, "work", args, 2, &result), ALPY_OK)) {
        fprintf(stderr, "%s", alpy_error(vm)->traceback);
        return;
    }
    CHECK(result.kind == ALPY_FLOAT && result.u.f == expected(n, k));
}

static int wait_for(pid_t child)
{
    int status;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static bool has_compiler(void)
{
    alpy_vm *vm = open_cpu(1);
    char *json = explain(vm);
    bool has = !strstr(json, "\"back_end\": \"none");
    free(json);
    alpy_close(vm);
    return has;
}

/* ---- the compiler is missing, or is none ------------------------------------------------------------------------------ */

static void without_compiler(const char *path, const char *complaint)
{
    setenv("ALPY_LLVM_PLUGIN", path, 1);
    alpy_vm *vm = open_cpu(2);
    CHECK_STATUS(alpy_eval(vm, work, "work.alp"), ALPY_OK);
    check_work(vm, 5000, 7);
    char *json = explain(vm);
    CHECK(strstr(json, "\"device\": \"interp\"") && !strstr(json, "\"device\": \"cpu\""));
    if (!CHECK(strstr(json, complaint)))
        fprintf(stderr, "%s\n", json);
    free(json);
    CHECK_STATUS(alpy_close(vm), ALPY_OK);
}

static void absent(void)
{
    without_compiler("/nowhere/alpy-llvm.so", "none: ALPY_LLVM_PLUGIN names no file");
}

static void not_a_library(void)
{
    char path[] = "/tmp/alpy-test-XXXXXX";
    int fd = mkstemp(path);
    CHECK(fd >= 0 && write(fd, "not a library\n", 14) == 14);
    close(fd);
    without_compiler(path, "no-back-end");
    unlink(path);
}

static void settings(void)
{
    alpy_vm *vm;
    alpy_config config = cpu_config(-1);
    CHECK_STATUS(alpy_open(&vm, &config), ALPY_USAGE);
    config = cpu_config(0);
    config.isa = "mmx";
    CHECK_STATUS(alpy_open(&vm, &config), ALPY_USAGE);
    config = cpu_config(0);
    config.dump = "plan,llvm,asm,nest";
    CHECK_STATUS(alpy_open(&vm, &config), ALPY_OK);
    CHECK_STATUS(alpy_close(vm), ALPY_OK);
    config.dump = "plan,,asm";
    CHECK_STATUS(alpy_open(&vm, &config), ALPY_USAGE);
    /* A host that was compiled before there were these settings. */
    config = cpu_config(-1);
    config.struct_size = offsetof(alpy_config, isa);
    CHECK_STATUS(alpy_open(&vm, &config), ALPY_OK);
    CHECK_STATUS(alpy_close(vm), ALPY_OK);
}

/* ---- processes and threads ------------------------------------------------------------------------------------------------- */

static void results(void)
{
    for (int threads = 1; threads <= 9; threads += 2) {
        alpy_vm *vm = open_cpu(threads);
        CHECK_STATUS(alpy_eval(vm, work, "work.alp"), ALPY_OK);
        for (long n = 0; n < 20000; n = 2 * n + 3)
            check_work(vm, n, n % 13 + 1);
        char *json = explain(vm);
        CHECK(strstr(json, "\"device\": \"cpu\"") && told(json, "failed") == 0);
        free(json);
        CHECK_STATUS(alpy_close(vm), ALPY_OK);
    }
}

/* Goes on with the parent's interpreter, opens one of its own, and forks once more. */
static int in_child(alpy_vm *vm, int generation)
{
    alarm(60);
    n_passed = n_failed = 0;
    check_work(vm, 30000, 3);
    alpy_vm *own = open_cpu(3);
    CHECK_STATUS(alpy_eval(own, work, "work.alp"), ALPY_OK);
    CHECK_STATUS(alpy_eval(own, "import numpy as np\nb = np.ones(5000)\nfor i in range(5000):\n    b[i] = b[i] * 3 - i\nassert b[7] == -4\n", NULL),
                 ALPY_OK);
    check_work(own, 30000, 5);
    if (generation < 2) {
        pid_t child = fork();
        if (child == 0)
            _exit(in_child(own, generation + 1));
        CHECK(wait_for(child) == 0);
    }
    check_work(vm, 100, 3);
    CHECK_STATUS(alpy_close(own), ALPY_OK);
    CHECK_STATUS(alpy_close(vm), ALPY_OK);
    return n_failed != 0;
}

static void forks(void)
{
    alpy_vm *vm = open_cpu(4);
    CHECK_STATUS(alpy_eval(vm, work, "work.alp"), ALPY_OK);
    for (int i = 0; i < 20; i++) {
        check_work(vm, 30000, i + 1);
        pid_t child = fork();
        if (child == 0)
            _exit(in_child(vm, 0));
        check_work(vm, 30000, i + 2);
        CHECK(wait_for(child) == 0);
    }
    CHECK_STATUS(alpy_close(vm), ALPY_OK);
}

static _Atomic bool is_over;

static void *work_on(void *seed)
{
    for (unsigned round = 0; !is_over; round++) {
        alpy_config config = cpu_config(3);
        config.no_disk_cache = true;
        alpy_vm *vm = NULL;
        if (alpy_open(&vm, &config) != ALPY_OK || alpy_eval(vm, work, "work.alp") != ALPY_OK)
            return (void *)1;
        /* A loop that was never compiled before. */
        char text[200];
        snprintf(text, sizeof text, "import numpy as np\na = np.zeros(1000)\nfor i in range(1000):\n    a[i] = i * %u.5\nassert a[2] == %u\n",
                 round * 4 + (unsigned)(uintptr_t)seed, 2 * (round * 4 + (unsigned)(uintptr_t)seed) + 1);
        alpy_value args[2] = { { .kind = ALPY_INT, .u.i = 20000 }, { .kind = ALPY_INT, .u.i = 3 } }, result;
        bool good = alpy_eval(vm, text, NULL) == ALPY_OK;
        for (int i = 0; i < 20; i++)
            good = good && alpy_call(vm, "work", args, 2, &result) == ALPY_OK && result.u.f == expected(20000, 3);
        alpy_close(vm);
        if (!good)
            return (void *)1;
    }
    return NULL;
}

/* Other threads compile and run loops at the moment of the fork. */
static void forks_meanwhile(void)
{
    pthread_t thread[2];
    for (uintptr_t i = 0; i < 2; i++)
        CHECK(pthread_create(&thread[i], NULL, work_on, (void *)i) == 0);
    for (int i = 0; i < 30; i++) {
        usleep(random_below(30000));
        pid_t child = fork();
        if (child == 0) {
            alarm(60);
            n_failed = 0;
            alpy_vm *vm = open_cpu(3);
            CHECK_STATUS(alpy_eval(vm, work, "work.alp"), ALPY_OK);
            check_work(vm, 20000, 7);
            CHECK_STATUS(alpy_close(vm), ALPY_OK);
            _exit(n_failed != 0);
        }
        CHECK(wait_for(child) == 0);
    }
    is_over = true;
    for (int i = 0; i < 2; i++) {
        void *failed;
        CHECK(pthread_join(thread[i], &failed) == 0 && !failed);
    }
}

static void *first_kernel(void *reached)
{
    alpy_config config = cpu_config(3);
    config.no_disk_cache = true;
    alpy_vm *vm = NULL;
    alpy_value args[2] = { { .kind = ALPY_INT, .u.i = 3000 }, { .kind = ALPY_INT, .u.i = 3 } }, result;
    bool good = alpy_open(&vm, &config) == ALPY_OK && alpy_eval(vm, work, "work.alp") == ALPY_OK;
    if (reached)
        *(_Atomic bool *)reached = true;
    good = good && alpy_call(vm, "work", args, 2, &result) == ALPY_OK && result.u.f == expected(3000, 3);
    alpy_close(vm);
    return good ? NULL : (void *)1;
}

/* Takes the locks that the parent may have held. */
static int ask_and_fork(void)
{
    n_failed = 0;
    CHECK(has_compiler());
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    CHECK(wait_for(child) == 0);
    return n_failed != 0;
}

/* A process forks while another thread of it opens the plug-in and compiles the first loop. */
static int fork_early(double delay, bool compiles)
{
    pthread_t thread;
    void *failed;
    _Atomic bool reached = false;
    n_passed = n_failed = 0;
    CHECK(pthread_create(&thread, NULL, first_kernel, &reached) == 0);
    while (!reached)
        ;
    for (double start = now(); now() < start + delay;)
        ;
    pid_t child = fork();
    if (child == 0) {
        alarm(60);              /* hung: SIGALRM */
        _exit(compiles ? first_kernel(NULL) != NULL : ask_and_fork());
    }
    CHECK(wait_for(child) == 0);
    if (compiles)
        CHECK(pthread_join(thread, &failed) == 0 && !failed);
    else
        pthread_detach(thread);
    return n_failed != 0;
}

static void forks_early(void)
{
    for (int i = 0; i < 100; i++) {
        bool compiles = i % 10 == 0;
        double delay = 1e-6 * random_below(compiles ? 30000 : 600);
        pid_t child = fork();
        if (child == 0)
            _exit(fork_early(delay, compiles));
        if (!CHECK(wait_for(child) == 0))
            break;
    }
}

static long status_line(const char *name)
{
    char line[256];
    long n = -1;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, name, strlen(name)) == 0)
            n = strtol(line + strlen(name), NULL, 10);
    if (f)
        fclose(f);
    return n;
}

static void many_interpreters(void)
{
    long rss = 0;
    for (int i = 0; i < 1000; i++) {
        alpy_vm *vm = open_cpu(i % 4 + 1);
        CHECK_STATUS(alpy_eval(vm, work, "work.alp"), ALPY_OK);
        check_work(vm, 3000 + i, 3);
        CHECK_STATUS(alpy_close(vm), ALPY_OK);
        if (i == 200)
            rss = status_line("VmRSS:");
    }
    CHECK(KEEPS_FREED || status_line("VmRSS:") < rss + 8000);   /* in kB */
    CHECK(status_line("Threads:") <= 6);                /* a sanitizer may have one of its own */
}

/* Closed while a compilation that nobody waits for is under way. */
static void closed_early(void)
{
    for (int i = 0; i < 30; i++) {
        alpy_config config = cpu_config(2);
        config.device = ALPY_DEVICE_AUTO;
        config.no_disk_cache = true;
        alpy_vm *vm;
        CHECK_STATUS(alpy_open(&vm, &config), ALPY_OK);
        char text[300];
        snprintf(text, sizeof text, "import numpy as np\na = np.zeros(100000)\ndef f():\n    for i in range(100000):\n        a[i] = a[i] * 0.5 + %d\n"
                 "for k in range(%u):\n    f()\n", i, 3 + random_below(8));
        CHECK_STATUS(alpy_eval(vm, text, NULL), ALPY_OK);
        CHECK_STATUS(alpy_close(vm), ALPY_OK);
    }
}

/* ---- interrupts and limits ---------------------------------------------------------------------------------------------------- */

/* Loops that take for ever: parallel, a sum, in order, a while loop, one with an uneven inner loop. */
static const char *const endless[] = {
    "for i in range(10**12):\n    x[i % 100] = i\n",
    "s = 0.0\nfor i in range(4 * 10**10):\n    s += x[i % 100]\n",
    "for i in range(100):\n    for j in range(10**11):\n        x[i] = x[i] * 0.5 + j\n",
    "i = 0\nwhile i < 10**15:\n    i += 1\n    x[5] = i\n",
    "for i in range(100):\n    k = 0\n    while k < 10**13:\n        k += 1\n    x[i] = k\n",
    "for i in range(10**11):\n    for j in range(100):\n        x[j] = x[j] + i\n",
};
enum { N_ENDLESS = sizeof endless / sizeof endless[0] };

typedef struct Interrupter { alpy_vm *vm; unsigned delay_us; double at; } Interrupter;

static void *interrupt_later(void *user)
{
    Interrupter *i = user;
    usleep(i->delay_us);
    i->at = now();
    alpy_interrupt(i->vm);
    return NULL;
}

static void interrupts(void)
{
    alpy_vm *vm = open_cpu(3);
    CHECK_STATUS(alpy_eval(vm, "import numpy as np\nx = np.zeros(100)\n", NULL), ALPY_OK);
    CHECK_STATUS(alpy_eval(vm, work, "work.alp"), ALPY_OK);
    for (int round = 0; round < 60; round++) {
        const char *text = endless[round % N_ENDLESS];
        Interrupter i = { .vm = vm, .delay_us = random_below(40000) };
        pthread_t thread;
        CHECK(pthread_create(&thread, NULL, interrupt_later, &i) == 0);
        alpy_status status = alpy_eval(vm, text, "endless.alp");
        double end = now();
        pthread_join(thread, NULL);
        if (!CHECK_STATUS(status, ALPY_INTERRUPTED))
            fprintf(stderr, "%s%s", text, alpy_error(vm)->traceback);
        if (!CHECK(end - i.at < 2))
            fprintf(stderr, "it took %g s\n%s", end - i.at, text);
        alpy_clear_interrupt(vm);
        check_work(vm, 10000, 3);
    }
    CHECK_STATUS(alpy_close(vm), ALPY_OK);
}

/* Interrupted, or out of time, while a loop is being compiled that never was before; closed at once, with the compilation still under way. */
static void stops_early(void)
{
    for (int round = 0; round < 120; round++) {
        alpy_config config = cpu_config(round % 3 + 1);
        config.no_disk_cache = true;
        alpy_vm *vm;
        CHECK_STATUS(alpy_open(&vm, &config), ALPY_OK);
        char text[200];
        snprintf(text, sizeof text,
                 "import numpy as np\nx = np.zeros(100)\n"
                 "for i in range(10**8):\n    for j in range(1000000):\n        x[i %% %d] += i * %d.5 - j\n", round % 100 + 1, round);
        unsigned delay_us = random_below(round % 2 ? 8000 : 60000);
        double start = now(), end;
        if (round % 3) {
            Interrupter i = { .vm = vm, .delay_us = delay_us };
            pthread_t thread;
            CHECK(pthread_create(&thread, NULL, interrupt_later, &i) == 0);
            CHECK_STATUS(alpy_eval(vm, text, "endless.alp"), ALPY_INTERRUPTED);
            end = now();
            pthread_join(thread, NULL);
            start = i.at;
        } else {
            CHECK_STATUS(alpy_set_limits(vm, 0, 1e-6 * delay_us + 1e-6), ALPY_OK);
            CHECK_STATUS(alpy_eval(vm, text, "endless.alp"), ALPY_LIMIT);
            end = now();
        }
        if (!CHECK(end - start < 2))
            fprintf(stderr, "it took %g s\n", end - start);
        if (round % 10 == 0) {
            alpy_clear_interrupt(vm);
            CHECK_STATUS(alpy_set_limits(vm, 0, 0), ALPY_OK);
            CHECK_STATUS(alpy_eval(vm, work, "work.alp"), ALPY_OK);
            check_work(vm, 10000, 3);
        }
        CHECK_STATUS(alpy_close(vm), ALPY_OK);
    }
}

static int polls_left;

static int poll_host(void *user)
{
    (void)user;
    return polls_left-- == 0;
}

static void time_limits(void)
{
    alpy_config config = cpu_config(3);
    config.poll_fn = poll_host;
    polls_left = -1;
    alpy_vm *vm;
    CHECK_STATUS(alpy_open(&vm, &config), ALPY_OK);
    CHECK_STATUS(alpy_eval(vm, "import numpy as np\nx = np.zeros(100)\n", NULL), ALPY_OK);
    CHECK_STATUS(alpy_eval(vm, work, "work.alp"), ALPY_OK);
    for (int k = 0; k < 2 * N_ENDLESS; k++) {
        CHECK_STATUS(alpy_set_limits(vm, 0, 0.1), ALPY_OK);
        double start = now();
        CHECK_STATUS(alpy_eval(vm, endless[k % N_ENDLESS], NULL), ALPY_LIMIT);
        double took = now() - start;
        if (!CHECK(took > 0.05 && took < 3))
            fprintf(stderr, "took %g s: %s", took, endless[k % N_ENDLESS]);
        CHECK_STATUS(alpy_set_limits(vm, 0, 0), ALPY_OK);
        check_work(vm, 10000, 3);
        polls_left = 20;
        if (!CHECK_STATUS(alpy_eval(vm, endless[k % N_ENDLESS], NULL), ALPY_INTERRUPTED))
            fprintf(stderr, "%s", endless[k % N_ENDLESS]);
        polls_left = -1;
        check_work(vm, 10000, 3);
    }
    CHECK_STATUS(alpy_close(vm), ALPY_OK);
}

/* The copy for undoing and the kernel's own memory count. */
static void memory_limits(void)
{
    static const char text[] =
        "import numpy as np\n"
        "p = np.arange(n)\n"
        "a = np.zeros(n)\n"
        "for i in range(n):\n    a[p[i]] = i\n"
        "s = 0.0\n"
        "for i in range(n):\n    s += a[i]\n"
        "assert s == n * (n - 1) / 2\n";
    for (size_t kib = 900; kib < 3000; kib += 50) {
        alpy_config config = cpu_config(2);
        config.max_bytes = kib << 10;
        alpy_vm *vm;
        CHECK_STATUS(alpy_open(&vm, &config), ALPY_OK);
        CHECK_STATUS(alpy_set_int(vm, "n", 50000), ALPY_OK);
        alpy_status status = alpy_eval(vm, text, NULL);
        size_t used, peak;
        if (!CHECK(status == ALPY_OK || status == ALPY_NOMEM))
            fprintf(stderr, "%s: %s", alpy_status_name(status), alpy_error(vm)->traceback);
        CHECK_STATUS(alpy_memory(vm, &used, &peak), ALPY_OK);
        CHECK(peak <= config.max_bytes + (300 << 10));
        CHECK(alpy_set_none(vm, "p") == ALPY_OK && alpy_set_none(vm, "a") == ALPY_OK);
        CHECK_STATUS(alpy_eval(vm, "y = sum([1, 2, 3])", NULL), ALPY_OK);
        CHECK_STATUS(alpy_close(vm), ALPY_OK);
    }
    /* Every request refused once. */
    for (uint64_t n = 1; n < 4000; n += n < 300 ? 1 : 13) {
        Heap heap = { .fail_from = n, .fail_to = n };
        alpy_config config = cpu_config(1);
        config.realloc_fn = heap_realloc;
        config.user = &heap;
        alpy_vm *vm;
        alpy_status status = alpy_open(&vm, &config);
        if (status == ALPY_OK) {
            status = alpy_set_int(vm, "n", 300);
            if (status == ALPY_OK)
                status = alpy_eval(vm, text, NULL);
            alpy_close(vm);
        }
        CHECK((status == ALPY_OK || status == ALPY_NOMEM) && heap.used == 0 && !heap.lied);
        if (heap.requests < n)
            break;
    }
}

/* ---- the folder of compiled loops -------------------------------------------------------------------------------------------------- */

static char folder[] = "/tmp/alpy-kernels-XXXXXX";

static Kernels run_in_child(const char *cache)
{
    int fd[2];
    Kernels k = { -1, -1, -1 };
    if (!CHECK(pipe(fd) == 0))
        return k;
    pid_t child = fork();
    if (child == 0) {
        setenv("ALPY_CACHE_DIR", cache, 1);
        n_failed = 0;
        alpy_vm *vm = open_cpu(2);
        CHECK_STATUS(alpy_eval(vm, work, "work.alp"), ALPY_OK);
        check_work(vm, 3000, 3);
        k = kernels(vm);
        CHECK_STATUS(alpy_close(vm), ALPY_OK);
        _exit(write(fd[1], &k, sizeof k) != sizeof k || n_failed);
    }
    close(fd[1]);
    CHECK(read(fd[0], &k, sizeof k) == sizeof k);
    close(fd[0]);
    CHECK(wait_for(child) == 0);
    return k;
}

/* Calls fn for each kernel's file. */
static int each_file(const char *path, void (*fn)(const char *file, unsigned n), unsigned n)
{
    int count = 0;
    DIR *d = opendir(path);
    for (struct dirent *e; d && (e = readdir(d));) {
        char file[600];
        if (!strstr(e->d_name, ".kernel"))
            continue;
        snprintf(file, sizeof file, "%s/%s", path, e->d_name);
        if (fn)
            fn(file, n);
        count++;
    }
    if (d)
        closedir(d);
    return count;
}

static void flip_byte(const char *file, unsigned n)
{
    int fd = open(file, O_RDWR);
    struct stat st;
    unsigned char c;
    if (fstat(fd, &st) == 0 && st.st_size > 0) {
        off_t at = (off_t)((unsigned long)n * 7919 % (unsigned long)st.st_size);
        if (n < 64)
            at = n;                     /* all of the head */
        CHECK(pread(fd, &c, 1, at) == 1);
        c ^= (unsigned char)(1u << n % 8);
        CHECK(pwrite(fd, &c, 1, at) == 1);
    }
    close(fd);
}

static void cut(const char *file, unsigned n)
{
    struct stat st;
    CHECK(stat(file, &st) == 0 && truncate(file, st.st_size * (off_t)n / 8) == 0);
}

static void grow(const char *file, unsigned n)
{
    struct stat st;
    CHECK(stat(file, &st) == 0 && truncate(file, st.st_size + (off_t)n) == 0);
}

static void make_folder(const char *file, unsigned n)
{
    (void)n;
    CHECK(unlink(file) == 0 && mkdir(file, 0700) == 0);
}

static void make_link(const char *file, unsigned n)
{
    char moved[700];
    (void)n;
    snprintf(moved, sizeof moved, "%s.moved", file);
    CHECK(rename(file, moved) == 0 && symlink(moved, file) == 0);
}

static void all_alike(const char *file, unsigned n)
{
    static char first[600];
    if (!*first || access(first, F_OK)) {
        snprintf(first, sizeof first, "%s", file);
        return;
    }
    (void)n;
    char command[1300];
    snprintf(command, sizeof command, "cp %s %s", first, file);
    CHECK(system(command) == 0);
}

static void clear(void)
{
    char command[600];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    CHECK(system(command) == 0);
}

static void cache_files(void)
{
    CHECK(mkdtemp(folder) != NULL);
    Kernels cold = run_in_child(folder), warm = run_in_child(folder);
    CHECK(cold.made == 3 && cold.from_disk == 0 && each_file(folder, NULL, 0) == 3);
    CHECK(warm.made == 0 && warm.from_disk == 3);
    for (unsigned n = 0; n < 100; n++) {
        each_file(folder, flip_byte, n);
        Kernels k = run_in_child(folder);
        if (!CHECK(k.made == 3 && k.from_disk == 0 && k.failed == 0))
            fprintf(stderr, "byte %u flipped: %ld made, %ld from disk\n", n, k.made, k.from_disk);
    }
    static const struct { void (*fn)(const char *, unsigned); unsigned n; long made; } faults[] = {
        { cut, 0, 3 }, { cut, 1, 3 }, { cut, 4, 3 }, { cut, 7, 3 }, { grow, 1, 3 }, { grow, 4096, 3 }, { all_alike, 0, 2 },
    };
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        each_file(folder, faults[i].fn, faults[i].n);
        Kernels k = run_in_child(folder);
        CHECK(k.made == faults[i].made && k.from_disk == 3 - faults[i].made);
    }
    warm = run_in_child(folder);                        /* all is well again */
    CHECK(warm.made == 0 && warm.from_disk == 3);
    each_file(folder, make_link, 0);
    CHECK(run_in_child(folder).made == 3);
    clear();
    CHECK(mkdir(folder, 0700) == 0 && run_in_child(folder).made == 3);
    each_file(folder, make_folder, 0);
    CHECK(run_in_child(folder).made == 3);
    clear();
}

static void cache_folders(void)
{
    CHECK(mkdtemp(folder) != NULL);
    /* Others may write into it. */
    CHECK(chmod(folder, 0777) == 0);
    CHECK(run_in_child(folder).made == 3 && each_file(folder, NULL, 0) == 0);
    CHECK(chmod(folder, 0700) == 0);
    /* It is removed in between. */
    CHECK(run_in_child(folder).made == 3);
    clear();
    CHECK(run_in_child(folder).made == 3 && each_file(folder, NULL, 0) == 3);
    clear();
    /* No folder can be there. */
    static const char *const nowhere[] = { "/dev/null", "/dev/null/below", "/proc/self/none", "relative", "" };
    setenv("XDG_CACHE_HOME", "/dev/null", 1);
    for (size_t i = 0; i < sizeof nowhere / sizeof nowhere[0]; i++) {
        Kernels k = run_in_child(nowhere[i]);
        CHECK(k.made == 3 && k.from_disk == 0);
    }
    alpy_cache c;
    setenv("ALPY_CACHE_DIR", "/dev/null", 1);
    alpy_cache_info(&c);
    CHECK(c.loops == 0 && c.bytes == 0 && alpy_cache_clear() == 0);
    /* What `alpy cache` tells. */
    CHECK(mkdir(folder, 0700) == 0);
    setenv("ALPY_CACHE_DIR", folder, 1);
    CHECK(run_in_child(folder).made == 3);
    alpy_cache_info(&c);
    CHECK_TEXT(c.folder, folder);
    CHECK(c.loops == 3 && c.bytes > 1000);
    CHECK(alpy_cache_clear() == 3);
    alpy_cache_info(&c);
    CHECK(c.loops == 0 && c.bytes == 0);
    clear();
}

/* Several processes fill one folder at the same time. */
static void cache_shared(void)
{
    CHECK(mkdtemp(folder) != NULL);
    pid_t child[6];
    for (int i = 0; i < 6; i++)
        if ((child[i] = fork()) == 0) {
            for (int k = 0; k < 5; k++)
                run_in_child(folder);
            _exit(n_failed != 0);
        }
    for (int i = 0; i < 6; i++)
        CHECK(wait_for(child[i]) == 0);
    CHECK(run_in_child(folder).from_disk == 3);
    clear();
}

/* ---- scenarios ---------------------------------------------------------------------------------------------------------------------- */

static const struct Scenario { const char *name; void (*fn)(void); bool needs_compiler, forks_busy; } scenarios[] = {
    { "absent", absent, false },
    { "not-a-library", not_a_library, false },
    { "settings", settings, false },
    { "results", results, true },
    { "forks", forks, true },
    { "forks-meanwhile", forks_meanwhile, true, true },
    { "forks-early", forks_early, true, true },
    { "many-interpreters", many_interpreters, true },
    { "closed-early", closed_early, true },
    { "interrupts", interrupts, true },
    { "stops-early", stops_early, true },
    { "time-limits", time_limits, true },
    { "memory-limits", memory_limits, true },
    { "cache-files", cache_files, true },
    { "cache-folders", cache_folders, true },
    { "cache-shared", cache_shared, true },
};

/* Found out in a process of its own, so that scenarios start in one that has seen no interpreter yet. */
static bool found_compiler(void)
{
    static int found = -1;
    if (found < 0) {
        pid_t child = fork();
        if (child == 0)
            _exit(has_compiler());
        found = wait_for(child) == 1;
    }
    return found;
}

static int run_scenario(const struct Scenario *s)
{
    fflush(NULL);
    if ((s->needs_compiler && !found_compiler()) || (s->forks_busy && !CAN_FORK_BUSY))
        return SKIPPED;
    pid_t child = fork();
    if (child == 0) {
        alarm(250);
        n_passed = n_failed = 0;
        s->fn();
        printf("%-20s %d passed, %d failed\n", s->name, n_passed, n_failed);
        exit(n_failed ? 1 : 0);
    }
    return wait_for(child);
}

int main(int argc, char **argv)
{
    int n_skipped = 0, n_run = 0;
    char own[] = "/tmp/alpy-kernels-XXXXXX", command[100];
    bool is_own = !getenv("ALPY_CACHE_DIR") && mkdtemp(own);
    if (is_own)
        setenv("ALPY_CACHE_DIR", own, 1);
    for (size_t i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++) {
        const struct Scenario *s = &scenarios[i];
        bool wanted = argc < 2;
        for (int k = 1; k < argc; k++)
            wanted |= strcmp(argv[k], s->name) == 0;
        if (!wanted)
            continue;
        double start = now();
        int status = run_scenario(s);
        if (status == SKIPPED) {
            n_skipped++;
            continue;
        }
        n_run++;
        if (!CHECK(status == 0))
            fprintf(stderr, "%s ended with status %d after %.1f s\n", s->name, status, now() - start);
    }
    snprintf(command, sizeof command, "rm -rf %s", own);
    if (is_own)
        CHECK(system(command) == 0);
    printf("%d scenarios left out, for lack of a compiler or because of a sanitizer\n", n_skipped);
    return n_failed ? 1 : n_run ? 0 : SKIPPED;
}
