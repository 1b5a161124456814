/* tests/api/test_limits.c — memory and time limits, interrupts, recursion, the custom allocator, many interpreters,
 * threads. */
#include "check.h"

#include <pthread.h>
#include <signal.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void memory_limit(void)
{
    alpy_config config;
    alpy_config_init(&config);
    config.max_bytes = 8 << 20;
    alpy_vm *vm = open_vm(&config);
    static const char *const hungry[] = {
        "x = 'a' * 100000000",
        "l = []\nwhile True: l.append(1.5)",
        "import numpy as np\na = np.zeros(10**7)",
        "l = [0] * 10**7",
        "s = ''\nwhile True: s += 'abcdefgh'",
        "import numpy as np\na = np.ones(500000)\nb = a + a\nc = b + a",
        "l = list(range(10**7))",
        "def f(n): return [n, f(n + 1)]\nl = []\nwhile True: l = [l]",
    };
    size_t used, peak;
    for (size_t k = 0; k < sizeof hungry / sizeof hungry[0]; k++) {
        if (!CHECK_STATUS(alpy_eval(vm, hungry[k], "hungry.alp"), ALPY_NOMEM))
            fprintf(stderr, "  %s: %s\n", hungry[k], alpy_error(vm)->traceback);
        CHECK(strstr(alpy_error(vm)->type, "MemoryError") != NULL);
        CHECK(alpy_error(vm)->line > 0 && strstr(alpy_error(vm)->traceback, "hungry.alp"));
        CHECK_STATUS(alpy_memory(vm, &used, &peak), ALPY_OK);
        CHECK(peak <= (8 << 20) + (300 << 10));
        static const char *const variable[] = { "x", "l", "s", "a", "b", "c" };
        for (size_t n = 0; n < sizeof variable / sizeof variable[0]; n++)
            CHECK_STATUS(alpy_set_none(vm, variable[n]), ALPY_OK);
        CHECK_STATUS(alpy_eval(vm, "y = sum([1, 2, 3])", NULL), ALPY_OK);
    }
    CHECK_STATUS(alpy_set_limits(vm, 0, 0), ALPY_OK);
    CHECK_STATUS(alpy_eval(vm, "x = 'a' * 100000000", NULL), ALPY_OK);
    CHECK_STATUS(alpy_memory(vm, &used, &peak), ALPY_OK);
    CHECK(used > 100000000 && peak >= used);
    CHECK_STATUS(alpy_memory(vm, NULL, NULL), ALPY_OK);
    CHECK_STATUS(alpy_close(vm), ALPY_OK);

    /* Freed small blocks that the interpreter keeps for later make way for a large one. */
    config.max_bytes = 8 << 20;
    vm = open_vm(&config);
    CHECK_STATUS(alpy_eval(vm, "import numpy as np\nl = []\nfor i in range(100000): l.append((i,))\nl = 0\na = np.zeros(750000)\n", NULL), ALPY_OK);
    CHECK_STATUS(alpy_close(vm), ALPY_OK);

    alpy_vm *none = vm;
    config.max_bytes = 1000;
    CHECK_STATUS(alpy_open(&none, &config), ALPY_NOMEM);
    CHECK(none == NULL);
}

static void time_limit(void)
{
    alpy_config config;
    alpy_config_init(&config);
    config.max_seconds = 0.2;
    alpy_vm *vm = open_vm(&config);
    static const char *const slow[] = {
        "while True: pass",
        "def f():\n    for i in range(10**12):\n        x = i * 2\nf()",
        "import time\ntime.sleep(100)",
        "for i in range(10**9):\n    for j in range(10):\n        pass",
        "def g(n):\n    return 0 if n == 0 else g(n - 1) + g(n - 1)\ng(100)",
        "s = sum(range(10**12))",
        "l = list(range(1000))\nwhile l: x = l[0]",
        "m = max(range(10**12))",
        "x = 5 in enumerate(range(10**12))",
    };
    CHECK_STATUS(alpy_eval(vm, "import numpy as np", NULL), ALPY_OK);
    for (size_t k = 0; k < sizeof slow / sizeof slow[0]; k++) {
        double start = now();
        if (!CHECK_STATUS(alpy_eval(vm, slow[k], NULL), ALPY_LIMIT))
            fprintf(stderr, "  %s: %s\n", slow[k], alpy_error(vm)->traceback);
        double took = now() - start;
        if (!CHECK(took > 0.15 && took < 5))
            fprintf(stderr, "  %s took %g s\n", slow[k], took);
        CHECK_TEXT(alpy_error(vm)->type, "TimeoutError");
        CHECK_STATUS(alpy_eval(vm, "y = 1", NULL), ALPY_OK);
    }
    CHECK_STATUS(alpy_eval(vm, "raise TimeoutError('own')", NULL), ALPY_ERROR);
    CHECK_STATUS(alpy_eval(vm, "def spin():\n    while True: pass\n", NULL), ALPY_OK);
    CHECK_STATUS(alpy_call(vm, "spin", NULL, 0, NULL), ALPY_LIMIT);
    CHECK_STATUS(alpy_set_limits(vm, 0, 0), ALPY_OK);
    CHECK_STATUS(alpy_eval(vm, "for i in range(3000000): pass", NULL), ALPY_OK);
    CHECK_STATUS(alpy_close(vm), ALPY_OK);
}

/* ---- interrupts -------------------------------------------------------------------------------------------------- */

static void *interrupt_soon(void *vm)
{
    usleep(100000);
    alpy_interrupt((alpy_vm *)vm);
    return NULL;
}

static alpy_vm *signalled;

static void on_alarm(int sig)
{
    (void)sig;
    alpy_interrupt(signalled);
}

static int n_polls;

static int poll_three_times(void *user)
{
    (void)user;
    return ++n_polls >= 3;
}

static void interrupts(void)
{
    alpy_vm *vm = open_vm(NULL);
    static const char *const text[] = { "while True: pass", "import time\ntime.sleep(100)", "s = sum(range(10**13))" };
    for (size_t k = 0; k < sizeof text / sizeof text[0]; k++) {
        pthread_t thread;
        pthread_create(&thread, NULL, interrupt_soon, vm);
        CHECK_STATUS(alpy_eval(vm, text[k], NULL), ALPY_INTERRUPTED);
        CHECK_TEXT(alpy_error(vm)->type, "KeyboardInterrupt");
        pthread_join(thread, NULL);
    }
    CHECK_STATUS(alpy_eval(vm, "for i in range(1000): pass", NULL), ALPY_OK);
    /* one that comes early arrives; one that was taken back does not */
    alpy_interrupt(vm);
    CHECK_STATUS(alpy_eval(vm, "while True: pass", NULL), ALPY_INTERRUPTED);
    alpy_interrupt(vm);
    alpy_clear_interrupt(vm);
    CHECK_STATUS(alpy_eval(vm, "for i in range(1000): pass", NULL), ALPY_OK);
    /* from a signal handler */
    signalled = vm;
    signal(SIGALRM, on_alarm);
    struct itimerval timer = { .it_value = { .tv_usec = 100000 } };
    setitimer(ITIMER_REAL, &timer, NULL);
    CHECK_STATUS(alpy_eval(vm, "while True: pass", NULL), ALPY_INTERRUPTED);
    CHECK_STATUS(alpy_close(vm), ALPY_OK);

    alpy_config config;
    alpy_config_init(&config);
    config.poll_fn = poll_three_times;
    vm = open_vm(&config);
    CHECK_STATUS(alpy_eval(vm, "while True: pass", NULL), ALPY_INTERRUPTED);
    CHECK(n_polls == 3);
    CHECK_STATUS(alpy_close(vm), ALPY_OK);
}

/* ---- recursion --------------------------------------------------------------------------------------------------- */

static const char recursive[] = "def f(n):\n    return f(n + 1)\nf(0)\n";
static const char deep[] = "def g(n):\n    return 0 if n == 0 else 1 + g(n - 1)\nassert g(900) == 900\n";

static void recursion(void)
{
    alpy_vm *vm = open_vm(NULL);
    CHECK_STATUS(alpy_eval(vm, recursive, NULL), ALPY_ERROR);
    CHECK_TEXT(alpy_error(vm)->type, "RecursionError");
    CHECK_STATUS(alpy_eval(vm, deep, NULL), ALPY_OK);
    CHECK_STATUS(alpy_eval(vm, "l = []\nfor i in range(100000): l = [l]\ns = str(l)", NULL), ALPY_ERROR);
    CHECK_TEXT(alpy_error(vm)->type, "RecursionError");
    alpy_value v, text;
    CHECK(alpy_get_value(vm, "l", &v) == ALPY_OK && alpy_repr(vm, &v, &text) == ALPY_ERROR);
    CHECK_STATUS(alpy_close(vm), ALPY_OK);
    alpy_config config;
    alpy_config_init(&config);
    config.max_depth = 50;
    vm = open_vm(&config);
    CHECK_STATUS(alpy_eval(vm, deep, NULL), ALPY_ERROR);
    CHECK_STATUS(alpy_close(vm), ALPY_OK);
    config.max_depth = 100000000;               /* then the C stack ends it */
    vm = open_vm(&config);
    CHECK_STATUS(alpy_eval(vm, recursive, NULL), ALPY_ERROR);
    CHECK_TEXT(alpy_error(vm)->type, "RecursionError");
    CHECK_STATUS(alpy_close(vm), ALPY_OK);
}

/* ---- threads ----------------------------------------------------------------------------------------------------- */

static void *run_own(void *arg)
{
    alpy_vm *vm;
    int64_t sum, n = *(int *)arg;
    long bad = 0;
    for (int round = 0; round < 5; round++) {
        if (alpy_open(&vm, NULL) != ALPY_OK)
            return (void *)1L;
        bad += alpy_set_int(vm, "n", n) != ALPY_OK;
        bad += alpy_eval(vm,
                         "import numpy as np\na = np.zeros(1000)\nfor i in range(1000):\n    a[i] = i * n\ntotal = "
                         "int(a.sum())\n",
                         NULL) != ALPY_OK;
        bad += alpy_get_int(vm, "total", &sum) != ALPY_OK || sum != 499500 * n;
        bad += alpy_eval(vm, "1/0", NULL) != ALPY_ERROR || strcmp(alpy_error(vm)->type, "ZeroDivisionError") != 0;
        bad += alpy_close(vm) != ALPY_OK;
    }
    return (void *)bad;
}

/* One interpreter, used by a thread with a small stack after the main one: limits are found anew. */
static void *run_given(void *vm)
{
    long bad = alpy_eval((alpy_vm *)vm, recursive, NULL) != ALPY_ERROR ||
               strcmp(alpy_error((alpy_vm *)vm)->type, "RecursionError") != 0;
    bad += alpy_eval((alpy_vm *)vm, "shared = shared + 1", NULL) != ALPY_OK;
    return (void *)bad;
}

static void *use_while_busy(void *vm)
{
    usleep(50000);
    long bad = alpy_set_int((alpy_vm *)vm, "x", 1) != ALPY_USAGE;
    bad += alpy_eval((alpy_vm *)vm, "x = 1", NULL) != ALPY_USAGE;
    bad += alpy_close((alpy_vm *)vm) != ALPY_USAGE;
    alpy_interrupt((alpy_vm *)vm);
    return (void *)bad;
}

static void threads(void)
{
    pthread_t thread[4];
    int n[4] = { 1, 2, 3, 4 };
    void *bad;
    for (int k = 0; k < 4; k++)
        CHECK(pthread_create(&thread[k], NULL, run_own, &n[k]) == 0);
    for (int k = 0; k < 4; k++)
        CHECK(pthread_join(thread[k], &bad) == 0 && bad == NULL);

    alpy_config config;
    alpy_config_init(&config);
    config.max_depth = 100000000;
    alpy_vm *vm = open_vm(&config);
    int64_t shared;
    CHECK_STATUS(alpy_set_int(vm, "shared", 0), ALPY_OK);
    CHECK_STATUS(alpy_eval(vm, recursive, NULL), ALPY_ERROR);
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    for (int k = 0; k < 6; k++) {
        pthread_attr_setstacksize(&attr, k % 2 ? 4 << 20 : 1 << 20);
        CHECK(pthread_create(&thread[0], &attr, run_given, vm) == 0);
        CHECK(pthread_join(thread[0], &bad) == 0 && bad == NULL);
    }
    CHECK_STATUS(alpy_eval(vm, recursive, NULL), ALPY_ERROR);
    CHECK(alpy_get_int(vm, "shared", &shared) == ALPY_OK && shared == 6);
    pthread_attr_destroy(&attr);

    CHECK(pthread_create(&thread[0], NULL, use_while_busy, vm) == 0);
    CHECK_STATUS(alpy_eval(vm, "while True: pass", NULL), ALPY_INTERRUPTED);
    CHECK(pthread_join(thread[0], &bad) == 0 && bad == NULL);
    CHECK_STATUS(alpy_close(vm), ALPY_OK);
}

/* ---- allocator, and many interpreters ---------------------------------------------------------------------------- */

static void accounting(void)
{
    Heap heap = { 0 };
    alpy_config config;
    alpy_config_init(&config);
    config.realloc_fn = heap_realloc;
    config.user = &heap;
    alpy_vm *vm = open_vm(&config);
    CHECK_STATUS(
        alpy_eval(
            vm,
            "import numpy as np\nimport math\nimport ctypes\na = np.zeros((50, 50))\ndef f(n):\n    def g(): return "
            "n\n    return g\n"
            "l = [f(3), a, 'text', 2j]\nl.append(l)\nh = f(l)\np = ctypes.pointer(ctypes.c_int(5))\n"
            "arr = (ctypes.POINTER(ctypes.c_int) * 2)()\narr[0] = ctypes.cast(arr, ctypes.POINTER(ctypes.c_int))\n",
            NULL),
        ALPY_OK);
    CHECK_STATUS(alpy_eval(vm, "l[7]", NULL), ALPY_ERROR);
    CHECK_STATUS(alpy_eval(vm, "x = = 1", NULL), ALPY_ERROR);
    size_t used;
    CHECK(alpy_memory(vm, &used, NULL) == ALPY_OK && used == heap.used);
    CHECK_STATUS(alpy_close(vm), ALPY_OK);
    CHECK(heap.used == 0 && heap.blocks == 0 && heap.lied == 0);

    for (int k = 0; k < 1000; k++) {
        int64_t i = 0;
        if (alpy_open(&vm, &config) != ALPY_OK)
            break;
        if (alpy_eval(vm, "x = 6 * 7", NULL) != ALPY_OK || alpy_get_int(vm, "x", &i) != ALPY_OK || i != 42)
            n_failed++;
        if (alpy_close(vm) != ALPY_OK)
            n_failed++;
    }
    CHECK(heap.used == 0 && heap.blocks == 0);
    alpy_vm *many[50];
    for (int k = 0; k < 50; k++) {
        many[k] = open_vm(&config);
        CHECK_STATUS(alpy_set_int(many[k], "me", k), ALPY_OK);
    }
    for (int k = 0; k < 50; k++) {
        int64_t i;
        CHECK(alpy_get_int(many[k], "me", &i) == ALPY_OK && i == k);
        CHECK_STATUS(alpy_close(many[k]), ALPY_OK);
    }
    CHECK(heap.used == 0 && heap.blocks == 0);
}

int main(void)
{
    memory_limit();
    time_limit();
    interrupts();
    recursion();
    threads();
    accounting();
    return report();
}
