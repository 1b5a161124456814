/* tests/gpu/test_gpu_life.c — a GPU in the life of a process: forks while it is in use and while something is compiled for it, exit() in
 * the middle of that, interrupts of single threads that run for seconds, and arrays when a check has failed.  On whatever
 * ALPY_CUDA_DRIVER and ALPY_NVRTC name; each scenario in a process of its own. */
#include "tests/api/check.h"

#include <math.h>
#include <pthread.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A sanitizer's own locks do not survive the fork of a process whose other threads are at work. */
#ifdef __has_feature
#define HAS_FEATURE(f) __has_feature(f)
#else
#define HAS_FEATURE(f) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || HAS_FEATURE(address_sanitizer) || HAS_FEATURE(thread_sanitizer)
enum { CAN_FORK_BUSY = false };
#else
enum { CAN_FORK_BUSY = true };
#endif

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void sleep_for(double seconds)
{
    nanosleep(&(struct timespec){ (time_t)seconds, (long)((seconds - floor(seconds)) * 1e9) }, NULL);
}

static int never(void *user)
{
    return 0;
}

static alpy_vm *open_gpu(bool may_stop)
{
    alpy_config config;
    alpy_config_init(&config);
    config.device = ALPY_DEVICE_GPU;
    config.explain = true;
    config.no_disk_cache = true;
    config.poll_fn = may_stop ? never : NULL;
    alpy_vm *vm = NULL;
    CHECK_STATUS(alpy_open(&vm, &config), ALPY_OK);
    return vm;
}

static int collect(void *user, const char *text, size_t size)
{
    char *found = user;
    size_t n = strlen(found);
    snprintf(found + n, (1 << 16) - n, "%.*s", (int)size, text);
    return 0;
}

static bool ran_on_gpu(alpy_vm *vm)
{
    char *text = calloc(1, 1 << 16);
    alpy_explain(vm, ALPY_EXPLAIN_JSON, 0, collect, text);
    bool found = strstr(text, "\"device\": \"gpu\"") != NULL;
    free(text);
    return found;
}

static double number(alpy_vm *vm, const char *expression)
{
    char text[200];
    double x = NAN;
    snprintf(text, sizeof text, "number = float(%s)\n", expression);
    return alpy_eval(vm, text, NULL) == ALPY_OK && alpy_get_float(vm, "number", &x) == ALPY_OK ? x : NAN;
}

/* Exit status of a child that ends in time; -1: it did not. */
static int wait_for(pid_t child)
{
    int status;
    for (double start = now(); now() - start < 60; sleep_for(0.01))
        if (waitpid(child, &status, WNOHANG) == child)
            return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    return -1;
}

static const char work[] =
    "import numpy as np\n"
    "n = 40000\n"
    "a = np.ones(n)\n"
    "a[5] = 1.0\n"                     /* the host's bytes are current */
    "b = np.zeros(n)\n"
    "def work(a, b, k):\n"
    "    for i in range(n):\n"
    "        b[i] = a[i] * k + b[i]\n"
    "work(a, b, 2.0)\n";

/* ---- forks ------------------------------------------------------------------------------------------------------------------ */

static int in_child(alpy_vm *vm)
{
    n_passed = n_failed = 0;
    CHECK_STATUS(alpy_eval(vm, "s = b.sum()\n", NULL), ALPY_ERROR);          /* only the device has them */
    CHECK(strstr(alpy_error(vm)->text, "fork()") != NULL);
    CHECK(number(vm, "a.sum()") == 40000);      /* both have these */
    CHECK_STATUS(alpy_eval(vm, "c = np.zeros(n)\nwork(a, c, 3.0)\n", NULL), ALPY_OK);
    CHECK(number(vm, "c[7] + c[n - 1]") == 6);
    alpy_vm *own = open_gpu(false);
    CHECK_STATUS(alpy_eval(own, work, "work.alp"), ALPY_OK);
    CHECK(number(own, "b.sum()") == 80000 && !ran_on_gpu(own));
    CHECK_STATUS(alpy_close(own), ALPY_OK);
    CHECK_STATUS(alpy_close(vm), ALPY_OK);
    return n_failed != 0;
}

static void fork_in_use(void)
{
    alpy_vm *vm = open_gpu(false);
    CHECK_STATUS(alpy_eval(vm, work, "work.alp"), ALPY_OK);
    CHECK(ran_on_gpu(vm));
    for (int i = 1; i <= 3; i++) {
        pid_t child = fork();
        if (child == 0)
            exit(in_child(vm));
        CHECK_STATUS(alpy_eval(vm, "work(a, b, 2.0)\n", NULL), ALPY_OK);
        CHECK(wait_for(child) == 0);
    }
    CHECK(number(vm, "b.sum()") == 4 * 80000.0);
    CHECK_STATUS(alpy_close(vm), ALPY_OK);
}

/* A loop that was never compiled before. */
static void *compile(void *user)
{
    char text[300];
    snprintf(text, sizeof text, "import numpy as np\na = np.zeros(3000)\nfor i in range(3000):\n    a[i] = i * %d.5 + %d\nassert a[2] == %d\n", (int)getpid(),
             (int)(intptr_t)user, 2 * (int)getpid() + 1 + (int)(intptr_t)user);
    alpy_vm *vm = open_gpu(false);
    bool good = alpy_eval(vm, text, NULL) == ALPY_OK;
    alpy_close(vm);
    return (void *)(intptr_t)!good;
}

static void fork_while_compiling(void)
{
    static const double delays[] = { 0, 0.003, 0.03, 0.1, 0.2 };
    for (int i = 0; i < 5; i++) {
        pthread_t thread;
        void *failed;
        CHECK(pthread_create(&thread, NULL, compile, (void *)(intptr_t)i) == 0);
        sleep_for(delays[i]);
        pid_t child = fork();
        if (child == 0)
            exit(compile((void *)(intptr_t)i) != NULL);         /* not on the GPU: it is the parent's */
        CHECK(wait_for(child) == 0);
        CHECK(pthread_join(thread, &failed) == 0 && !failed);
    }
}

/* ---- the end of the process ---------------------------------------------------------------------------------------------------- */

static void exit_while_compiling(void)
{
    static const double delays[] = { 0.0, 0.005, 0.02, 0.05, 0.1, 0.2, 0.3 };
    for (int i = 0; i < 7; i++) {
        pid_t child = fork();           /* this process has not asked for the driver */
        if (child == 0) {
            pthread_t thread;
            setenv("ALPY_STANDIN_SLOW", "60", 1);
            if (pthread_create(&thread, NULL, compile, (void *)(intptr_t)(100 + i)))
                _exit(1);
            sleep_for(delays[i]);
            exit(0);
        }
        CHECK(wait_for(child) == 0);
    }
}

/* ---- checks that fail -------------------------------------------------------------------------------------------------------------- */

/* What each of these texts leaves in the arrays x, y and q is compared with the interpreter's; most end with an exception.  The first executions are well: written
 * arrays are only on the device then. */
static const char *const failing[] = {
    "import math\nimport numpy as np\nn = 70000\nx = np.ones(n)\ny = np.zeros(n)\nq = np.ones((200, 300))\nindex = np.arange(n)\n",
    /* each element written and none read */
    "def roots(x, y, n):\n    for i in range(n):\n        y[i] = math.sqrt(x[i]) + i\n",
    "for k in range(3):\n    roots(x, y, n)\n    str(k)\n",
    "x[n - 5] = -1.0\nroots(x, y, n)\n",
    "for i in range(n):\n    y[i] = y[i] + 2.0\n",
    "roots(x, y, n)\n",
    "t = y.tolist()\nroots(x, y, n)\n",         /* the host's bytes are current */
    "roots(x, y[5:n], n - 5)\n",
    "x[n - 5] = 2.0\nroots(x, y, n)\n",
    "roots(x, y[5:n], n - 5)\nroots(x, y[0:n // 2], n // 2)\n",
    /* each read before it is written */
    "def roots_of(x, y, n):\n    for i in range(n):\n        x[i] = math.sqrt(x[i]) + 1.0\n        y[n - 1 - i] = y[n - 1 - i] * 2.0\n",
    "for k in range(3):\n    roots_of(x, y, n)\n    str(k)\n",
    "x[n // 2] = -4.0\nfor i in range(n):\n    y[i] = y[i] + 1.0\n",
    "roots_of(x, y, n)\n",
    "t = y.tolist()\nt = x.tolist()\nroots_of(x, y, n)\n",
    "x[n // 2] = 4.0\nroots_of(x, y, n)\n",
    /* several times */
    "def often(x, n):\n    for t in range(3):\n        for i in range(n):\n            x[i] = math.sqrt(x[i])\n",
    "often(x, n)\noften(x, n)\n",
    "x[n - 2] = -3.0\nfor i in range(n):\n    x[i] = x[i] + 0.5\n",
    "often(x, n)\n",
    /* halves of one array, of which one is gone over several times */
    "def halves(a, b, n):\n    for t in range(3):\n        for i in range(n):\n            b[i] = math.sqrt(b[i])\n    for i in range(3 * n):\n        a[i] = math.sqrt(a[i])\n",
    "w = np.ones(8000)\nfor i in range(8000):\n    w[i] = i + 1.0\nhalves(w[0:6000], w[6000:8000], 2000)\nhalves(w[0:6000], w[6000:8000], 2000)\nx[0] = w.sum()\n",
    /* through an index, into part of an array, and by columns */
    "def gather(x, y, n):\n    for i in range(n):\n        y[i] = x[index[i]]\n",
    "x[n - 2] = 1.0\ngather(x, y, n)\ngather(x, y, n)\n",
    "index[n - 3] = n\nfor i in range(n):\n    y[i] = i\n",
    "gather(x, y, n)\n",
    "def squares(q, m, n):\n    for i in range(m):\n        for j in range(n):\n            q[i, j] = math.sqrt(q[i, j]) + q[i, j]\n",
    "squares(q, 200, 300)\nsquares(q, 200, 300)\n",
    "q[199, 150] = -9.0\nfor i in range(200):\n    for j in range(300):\n        q[i, j] = q[i, j] + 1.0\n",
    "squares(q, 200, 300)\n",
    "squares(q.T, 300, 200)\n",
    "q[199, 150] = 9.0\nsquares(q.T, 300, 200)\nsquares(q[0:200, 1:300], 200, 299)\n",
    /* leaves some elements out */
    "def evens(x, y, n):\n    for i in range(n):\n        if i % 2 == 0:\n            continue\n        y[i] = math.sqrt(x[i])\n",
    "evens(x, y, n)\nevens(x, y, n)\n",
    "x[n - 1] = -1.0\nfor i in range(n):\n    y[i] = y[i] - 1.0\n",
    "evens(x, y, n)\n",
};

static bool same_array(alpy_vm *a, alpy_vm *b, const char *name)
{
    alpy_array x, y;
    if (alpy_get_array(a, name, &x) != ALPY_OK)
        return false;
    bool same = alpy_get_array(b, name, &y) == ALPY_OK;
    if (same) {
        size_t n = 8;
        for (int d = 0; d < x.ndim; d++)
            n *= (size_t)x.shape[d];
        same = memcmp(x.data, y.data, n) == 0;
        alpy_release_array(b, &y);
    }
    alpy_release_array(a, &x);
    return same;
}

/* look: after each text, so that the host's bytes are current in front of the next one; else at the end only. */
static void failing_checks(bool look)
{
    alpy_config config;
    alpy_vm *interp = NULL, *gpu = open_gpu(false);
    alpy_config_init(&config);
    config.device = ALPY_DEVICE_INTERP;
    CHECK_STATUS(alpy_open(&interp, &config), ALPY_OK);
    for (size_t i = 0; i < sizeof failing / sizeof *failing; i++) {
        alpy_status wanted = alpy_eval(interp, failing[i], NULL), got = alpy_eval(gpu, failing[i], NULL);
        bool is_last = i + 1 == sizeof failing / sizeof *failing;
        if (!CHECK(wanted == got) || ((look || is_last) && !CHECK(same_array(interp, gpu, "x") && same_array(interp, gpu, "y") && same_array(interp, gpu, "q"))))
            fprintf(stderr, "    %s", failing[i]);
    }
    CHECK(ran_on_gpu(gpu));
    CHECK_STATUS(alpy_close(gpu), ALPY_OK);
    CHECK_STATUS(alpy_close(interp), ALPY_OK);
}

static void failing_checks_looked_at(void)
{
    failing_checks(true);
}

static void failing_checks_on_device(void)
{
    failing_checks(false);
}

/* ---- ending single threads ------------------------------------------------------------------------------------------------------ */

static void *interrupt(void *vm)
{
    sleep_for(0.5);
    alpy_interrupt(vm);
    return NULL;
}

/* Each of these would take minutes, and cannot be cut into launches. */
static void interrupt_long(void)
{
    static const char *const loops[] = {
        "for t in range(1, 10 ** 11):\n    x[0] = x[1] * 0.5 + t\n    x[1] = x[0] + 1.0\n",
        "t = 0\nwhile x[0] >= 0.0:\n    t += 1\n    x[0] = x[0] + 1.0\n    x[1] = t\n",
        "for i in range(1):\n    for k in range(10 ** 6):\n        for t in range(10 ** 6):\n            x[i] = x[i + 1] + 1.0\n            x[i + 1] = x[i] * 0.5\n",
        "for i in range(50):\n    k = 0\n    v = 1.5\n    while k < 10 ** 12:\n        k += 1\n        if k % 3 == 5:\n            continue\n        v = v * 0.999 + 1.0\n    x[i] = v\n",
    };
    alpy_vm *vm = open_gpu(true);
    for (size_t i = 0; i < sizeof loops / sizeof *loops; i++) {
        pthread_t thread;
        CHECK_STATUS(alpy_eval(vm, "import numpy as np\nx = np.ones(100)\n", NULL), ALPY_OK);
        CHECK(pthread_create(&thread, NULL, interrupt, vm) == 0);
        double start = now();
        CHECK_STATUS(alpy_eval(vm, loops[i], NULL), ALPY_INTERRUPTED);
        CHECK(now() - start < 10);              /* compiling included */
        pthread_join(thread, NULL);
        CHECK(i == 3 || number(vm, "x[0]") != 1);       /* what was reached stays */
        alpy_clear_interrupt(vm);
        CHECK_STATUS(alpy_eval(vm, "for i in range(100):\n    x[i] = i * 2.0\nassert x[99] == 198\n", NULL), ALPY_OK);
    }
    CHECK_STATUS(alpy_close(vm), ALPY_OK);
}

/* ------------------------------------------------------------------------------------------------------------------------------------ */

int main(void)
{
    static const struct { const char *name; void (*fn)(void); bool forks_busy; } scenarios[] = {
        { "fork-in-use", fork_in_use }, { "fork-while-compiling", fork_while_compiling, true }, { "exit-while-compiling", exit_while_compiling },
        { "failing-checks-looked-at", failing_checks_looked_at }, { "failing-checks-on-device", failing_checks_on_device }, { "interrupt-long", interrupt_long },
    };
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++) {
        if (scenarios[i].forks_busy && !CAN_FORK_BUSY)
            continue;
        fflush(NULL);
        pid_t child = fork();
        if (child == 0) {
            n_passed = n_failed = 0;
            scenarios[i].fn();
            if (n_failed)
                fprintf(stderr, "%s: %d failed\n", scenarios[i].name, n_failed);
            exit(n_failed != 0);
        }
        int status = 0;
        waitpid(child, &status, 0);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    return report();
}
