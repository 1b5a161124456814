/* tests/api/test_auto.c — device auto with the real compiler: which loops get compiled while the program runs, and when memory runs out.
 *
 * Without a compiler only the results are checked. */
#include "check.h"

#include <stdbool.h>

static int collect(void *user, const char *text, size_t size)
{
    char **to = user;
    size_t had = *to ? strlen(*to) : 0;
    *to = realloc(*to, had + size + 1);
    memcpy(*to + had, text, size);
    (*to)[had + size] = 0;
    return 0;
}

static char *explain(alpy_vm *vm)
{
    char *json = NULL;
    CHECK_STATUS(alpy_explain(vm, ALPY_EXPLAIN_JSON, 0, collect, &json), ALPY_OK);
    return json ? json : calloc(1, 1);
}

static alpy_vm *open_for(alpy_device device, bool explained, size_t max_bytes)
{
    alpy_config config;
    alpy_vm *vm = NULL;
    alpy_config_init(&config);
    config.device = device;
    config.threads = 2;
    config.explain = explained;
    config.max_bytes = max_bytes;
    CHECK_STATUS(alpy_open(&vm, &config), ALPY_OK);
    return vm;
}

static bool has_compiler(void)
{
    alpy_vm *vm = open_for(ALPY_DEVICE_CPU, true, 0);
    char *json = explain(vm);
    bool has = !strstr(json, "\"back_end\": \"none");
    free(json);
    alpy_close(vm);
    return has;
}

/* The value of variable r after the program. */
static double result_of(alpy_vm *vm, const char *text)
{
    double r = 0;
    if (CHECK_STATUS(alpy_eval(vm, text, "auto.alp"), ALPY_OK))
        CHECK_STATUS(alpy_get_float(vm, "r", &r), ALPY_OK);
    else
        fprintf(stderr, "%s", alpy_error(vm)->traceback);
    return r;
}

/* One execution that takes the interpreter a second or so: it must not be interpreted to its end, though nothing was compiled when it began.  The
 * variants: numbers tell how long it will be; they do not; its accumulation is ordered; a While loop; one that was small before. */
static const char *const long_ones[] = {
    "import numpy as np\nn = 250\na = np.ones((n, n))\nb = np.ones((n, n)) * 0.5\nc = np.zeros((n, n))\n"
    "for i in range(n):\n    for j in range(n):\n        for k in range(n):\n            c[i, j] += a[i, k] * b[k, j]\nr = c.sum()\n",
    "import numpy as np\nn = 600\nc = np.zeros(n)\n"
    "for i in range(n):\n    for j in range(n):\n        k = 0\n        x = 1.0 + i * j\n        while k < 60:\n            x = x * 0.99 + 1.0\n            k += 1\n"
    "        c[i] += x\nr = c.sum()\n",
    "import numpy as np\nn = 30000\nq = np.arange(n + 1) * 800\na = np.arange(1000) * 0.1\ns = 0.0\n"
    "for i in range(n):\n    for k in range(q[i], q[i + 1]):\n        s += a[(k * 7 + i) % 1000]\nr = s\n",
    "x = 1\nc = 0\nwhile c < 20000000:\n    x = (x * 1103515245 + 12345) % 2147483648\n    c += 1\nr = x\n",
    "def f(n):\n    x = 1\n    c = 0\n    while c < n:\n        x = (x * 1103515245 + 12345) % 2147483648\n        c += 1\n    return x\n"
    "for k in range(200):\n    print(end='')\n    f(5)\nr = f(20000000)\n",
};

static void test_long_ones(bool compiles)
{
    for (size_t i = 0; i < sizeof long_ones / sizeof long_ones[0]; i++) {
        alpy_vm *interp = open_for(ALPY_DEVICE_INTERP, false, 0), *vm = open_for(ALPY_DEVICE_AUTO, i < 4, 0);
        double wanted = result_of(interp, long_ones[i]), got = result_of(vm, long_ones[i]);
        CHECK(memcmp(&wanted, &got, sizeof got) == 0);
        char *json = i < 4 ? explain(vm) : NULL;
        if (compiles && json && !CHECK(strstr(json, "\"device\": \"cpu\"")))
            fprintf(stderr, "program %zu: %s\n", i, json);
        free(json);
        alpy_close(vm);
        alpy_close(interp);
    }
}

/* Loops in a loop that prints are compiled once they have taken as long as that takes. */
static void test_time_loop(bool compiles)
{
    static const char text[] =
        "import numpy as np\nn = 100\na = np.zeros((n, n))\nb = np.zeros((n, n))\na[0, :] = 1.0\n"
        "for t in range(150):\n"
        "    for i in range(1, n - 1):\n        for j in range(1, n - 1):\n"
        "            b[i, j] = 0.25 * (a[i - 1, j] + a[i + 1, j] + a[i, j - 1] + a[i, j + 1])\n"
        "    s = 0.0\n"
        "    for i in range(1, n - 1):\n        for j in range(1, n - 1):\n            s += abs(b[i, j] - a[i, j])\n            a[i, j] = b[i, j]\n"
        "    if t % 50 == 0:\n        print(t, s, end='')\nr = s\n";
    alpy_vm *interp = open_for(ALPY_DEVICE_INTERP, false, 0), *vm = open_for(ALPY_DEVICE_AUTO, true, 0);
    double wanted = result_of(interp, text), got = result_of(vm, text);
    CHECK(memcmp(&wanted, &got, sizeof got) == 0);
    /* How many times the kernels ran depends on how long the compiler takes here: both are seen, beside the interpreter's executions before. */
    char *json = explain(vm), *at = json;
    int n_cpu = 0, n_other = 0;
    for (; (at = strstr(at, "\"device\": \"")); at += 11) {
        n_cpu += strncmp(at + 11, "cpu", 3) == 0;
        n_other += strncmp(at + 11, "reference", 9) == 0;
    }
    if (compiles && !CHECK(n_cpu >= 2 && n_other >= 2))
        fprintf(stderr, "%s\n", json);
    free(json);
    alpy_close(vm);
    alpy_close(interp);
}

/* A kernel keeps t for all iterations of the inner loop, of which there are more each time; memory for that runs out when the first ones have
 * been done.  Nothing can fail here that a program would notice, so nothing was copied; and c[0] tells whether an iteration was done twice. */
static void test_out_of_memory(void)
{
    static const char text[] =
        "import numpy as np\nn = 200000\na = np.arange(2 * n) * 0.5\nb = np.ones(2 * n)\nc = np.zeros(4)\nx = 1.0\n"
        "for k in range(1, 3):\n    c[0] += 1.0\n"
        "    for i in range(k * n):\n        t = a[i] * 2.0\n        b[i] = b[i] + t\n        x = x * 0.5 + t\n"
        "r = c[0] * 1e9 + b.sum() + x\n";
    alpy_vm *interp = open_for(ALPY_DEVICE_INTERP, false, 0);
    double wanted = result_of(interp, text);
    alpy_close(interp);
    int n_done = 0;
    for (size_t limit = 7 << 20; limit < 24 << 20; limit += 512 << 10) {
        alpy_vm *vm = open_for(ALPY_DEVICE_CPU, false, limit);
        alpy_status status = alpy_eval(vm, text, "auto.alp");
        double r = 0;
        if (CHECK(status == ALPY_OK || status == ALPY_NOMEM) && status == ALPY_OK) {
            n_done++;
            CHECK_STATUS(alpy_get_float(vm, "r", &r), ALPY_OK);
            if (!CHECK(memcmp(&r, &wanted, sizeof wanted) == 0))
                fprintf(stderr, "limit %zu: %.17g, not %.17g\n", limit, r, wanted);
        }
        alpy_close(vm);
    }
    CHECK(n_done > 0);
}

int main(void)
{
    bool compiles = has_compiler();
    test_long_ones(compiles);
    test_time_loop(compiles);
    test_out_of_memory();
    return report();
}
