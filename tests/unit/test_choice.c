/* tests/unit/test_choice.c — device auto with a CPU and a GPU that only say how long they would have taken: which of them gets which execution, when the GPU is
 * opened, and what measured times change.  The machine is a description (an H100 beside 16 cores), the clock is the test's.
 *
 * Usage: test_choice [PROFILE…]: the sizes also on machines that were recorded. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dsl/parse.h"
#include "interp/module.h"
#include "interp/str.h"
#include "jit/plan/engine.h"

static int passed, failed;

#define CHECK(cond, ...) \
    do { \
        if (cond) { \
            passed++; \
        } else { \
            failed++; \
            printf("FAIL line %d: ", __LINE__); \
            printf(__VA_ARGS__); \
            printf("\n"); \
        } \
    } while (0)

enum { MAX_BUFFERS = 16, MAX_RUNS = 4096 };

static uint64_t clock_ns;

static uint64_t test_clock(void)
{
    return clock_ns += 20;
}

/* A back end whose kernels do nothing, in the time that they are said to take. */
typedef struct Fake {
    Backend  base;
    double   ns_per_op, start_ns;       /* of its executions */
    double   first_ns;                  /* of the first one, besides */
    double   copy_ns_per_byte;          /* a GPU's */
    int      n_open;                    /* questions until the device is open; < 0: there is none */
    int      n_asked_open, n_waited_open;
    bool     is_unmade;                 /* kernels must be asked for by WISH_Start at least */
    int      n_asked, n_run;    /* for kernels; executions */
} Fake;

/* What ran, one after the other: 'c', 'g'. */
static char ran[MAX_RUNS + 1];
static int n_ran;
static const Buffer *on_device[MAX_BUFFERS];

static bool is_on_device(const Buffer *b)
{
    for (int i = 0; i < MAX_BUFFERS; i++)
        if (on_device[i] == b)
            return true;
    return false;
}

static void put_on_device(const Buffer *b)
{
    for (int i = 0; i < MAX_BUFFERS && !is_on_device(b); i++)
        if (!on_device[i])
            on_device[i] = b;
}

static void take_from_device(const Buffer *b)
{
    for (int i = 0; i < MAX_BUFFERS; i++)
        if (on_device[i] == b)
            on_device[i] = NULL;
}

static KernelState fake_kernel(Backend *b, const Plan *plan, const Facts *facts, FpMode fp, KernelWish wish, void **kernel, ReasonAt *why)
{
    Fake *f = (Fake *)b;
    f->n_asked++;
    *kernel = f;
    if (wish >= WISH_Start)
        f->is_unmade = false;
    return f->is_unmade ? KERNEL_ABSENT : KERNEL_READY;
}

static ExecVerdict fake_run(Backend *b, void *kernel, const Plan *plan, const Facts *facts, Frame *frame, Value iterable, const NCheck **why)
{
    Fake *f = (Fake *)b;
    bool is_gpu = b->name[0] == 'g';
    double ns = f->start_ns + f->ns_per_op * plan_work(plan, facts).ops + (f->n_run == 0 ? f->first_ns : 0), copy = 0;
    b->last = (BackendRun){ 0 };
    for (uint32_t i = 0; i < plan->nest->n_arrays; i++) {
        const Buffer *a = facts->array[i].array->buf;
        if (is_gpu && !is_on_device(a)) {
            copy += 1e4 + f->copy_ns_per_byte * (double)a->size;
            put_on_device(a);
        } else if (!is_gpu) {
            take_from_device(a);
        }
    }
    b->last.copy_ns = (uint64_t)copy;
    clock_ns += (uint64_t)(ns + copy);
    f->n_run++;
    if (n_ran < MAX_RUNS)
        ran[n_ran++] = b->name[0];
    return EXEC_DONE;
}

static KernelState fake_open(Backend *b, KernelWish wish)
{
    Fake *f = (Fake *)b;
    f->n_asked_open += wish >= WISH_Start;
    f->n_waited_open += wish == WISH_Wait;
    if (f->n_open < 0)
        return wish >= WISH_Start ? KERNEL_NEVER : KERNEL_ABSENT;
    if (wish == WISH_Wait)
        f->n_open = 0;
    if (f->n_open == 0)
        return KERNEL_READY;
    if (f->n_asked_open)
        f->n_open--;
    return f->n_asked_open ? KERNEL_MAKING : KERNEL_ABSENT;
}

static unsigned fake_residence(Backend *b, const Buffer *buffer)
{
    return is_on_device(buffer) ? RESIDENCE_Away : RESIDENCE_Missing;
}

static void fake_describe(Backend *b, char *out, size_t size, BackendStats *stats)
{
    *stats = (BackendStats){ 0 };
    snprintf(out, size, "fake");
}

static void fake_close(Backend *b)
{
}

static int keep_output(void *user, int stream, const char *text, size_t size)
{
    if (stream == 2)
        printf("%.*s", (int)size, text);
    return 0;
}

/* 16 cores and an H100, as far as a driver tells of it. */
static void describe_machine(Machine *m)
{
    static const GpuAttributes h100 = {
        .name = "NVIDIA H100 80GB HBM3", .uuid = "", .major = 9, .minor = 0, .n_sm = 132, .threads_per_sm = 2048, .clock_khz = 1980000,
        .memory_clock_khz = 2619000, .bus_bits = 5120, .memory_bytes = 80ull << 30, .l2_bytes = 50u << 20, .shared_bytes = 228u << 10,
    };
    memset(m, 0, sizeof *m);
    snprintf(m->host.cpu, sizeof m->host.cpu, "test");
    snprintf(m->host.simd, sizeof m->host.simd, "avx512");
    m->host.n_cores = m->host.n_hardware = 16;
    m->host.clock_ghz = 3;
    m->n_gpus = 1;
    machine_fill_gpu(&m->gpu[0], &h100);
    machine_complete(m);
    m->is_measured = true;
}

static const char *profile;             /* NULL: describe_machine()'s */

static void get_machine(Machine *m)
{
    char why[300];
    describe_machine(m);
    if (!profile)
        return;
    bool ok = machine_read_file(m, profile, why, sizeof why);
    CHECK(ok, "%s: %s", profile, why);
    machine_complete(m);
}

static void run_program(const char *text, Fake *cpu, Fake *gpu)
{
    Mem mem;
    EngineOptions opt;
    Machine machine;
    get_machine(&machine);
    mem_init(&mem, NULL, NULL);
    VM *vm = vm_new(&mem);
    vm->write_fn = keep_output;
    engine_options_init(&opt);
    opt.backend = cpu ? &cpu->base : NULL;
    opt.gpu = gpu ? &gpu->base : NULL;
    opt.machine = &machine;
    opt.now = test_clock;
    n_ran = 0;
    memset(ran, 0, sizeof ran);
    memset(on_device, 0, sizeof on_device);
    CHECK(engine_attach(vm, &opt) == ALP_OK, "no engine");
    vm->late_bytes = 0;         /* arrays' bytes are of no interest here */
    if (vm_run(vm, vm->main, "t", text, strlen(text), PM_File) == RUN_EXC) {
        vm_flush(vm);
        Value report = vm_format_traceback(vm);
        CHECK(false, "%s", STR(report)->text);
        value_free(vm, report);
        vm_clear_exc(vm);
    }
    vm_free(vm);
    CHECK(mem.bytes_used == 0, "%zu bytes are left", mem.bytes_used);
}

#define CPU(...) { .base = { .name = "cpu", .n_threads_max = 16, .kernel = fake_kernel, .run = fake_run, .describe = fake_describe, .close = fake_close }, \
                   .ns_per_op = 0.02, .start_ns = 500, __VA_ARGS__ }
#define GPU(...) { .base = { .name = "gpu", .kernel = fake_kernel, .run = fake_run, .open = fake_open, .residence = fake_residence, .describe = fake_describe, \
                             .close = fake_close }, .ns_per_op = 0.0002, .start_ns = 8000, .copy_ns_per_byte = 0.1, __VA_ARGS__ }

#define MATMUL \
    "import numpy as np\n" \
    "def matmul(n, a, b, c):\n    for i in range(n):\n        for j in range(n):\n            for k in range(n):\n                c[i, j] += a[i, k] * b[k, j]\n"
#define TIMES(n, statement) "for round in range(" #n "):\n    print(end='')\n    " statement "\n"
#define SQUARE(n) "n = " #n "\na = np.zeros((n, n))\nb = np.zeros((n, n))\nc = np.zeros((n, n))\n"

static void test_sizes(void)
{
    Fake cpu = CPU(), gpu = GPU();
    run_program(MATMUL SQUARE(3000) "matmul(n, a, b, c)\n", &cpu, &gpu);
    CHECK(strcmp(ran, "g") == 0 && gpu.n_waited_open == 0, "large: %s", ran);
    Fake cpu2 = CPU(), gpu2 = GPU(.n_open = 5);
    run_program(MATMUL SQUARE(8000) "matmul(n, a, b, c)\n", &cpu2, &gpu2);
    CHECK(strcmp(ran, "g") == 0 && gpu2.n_waited_open == 1, "large, the device not open: %s", ran);
    Fake cpu3 = CPU(), gpu3 = GPU();
    run_program(MATMUL SQUARE(20) TIMES(50, "matmul(n, a, b, c)"), &cpu3, &gpu3);
    CHECK(n_ran == 50 && !strchr(ran, 'g'), "small: %s", ran);
    Fake cpu4 = CPU(), none = GPU(.n_open = -1);
    run_program(MATMUL SQUARE(8000) "matmul(n, a, b, c)\n" "matmul(n, a, b, c)\n", &cpu4, &none);
    CHECK(strcmp(ran, "cc") == 0 && none.n_asked_open == 1, "no device: %s", ran);
    Fake gpu5 = GPU();
    run_program(MATMUL SQUARE(3000) "matmul(n, a, b, c)\n", NULL, &gpu5);
    CHECK(strcmp(ran, "g") == 0, "no compiler: %s", ran);
}

/* It is opened in the background when what was lost without it has paid for that; not for programs that do not gain. */
static void test_opening(void)
{
    Fake cpu = CPU(), gpu = GPU(.n_open = 20);
    run_program(MATMUL SQUARE(1000) TIMES(100, "matmul(n, a, b, c)"), &cpu, &gpu);
    const char *first = strchr(ran, 'g');
    CHECK(n_ran == 100 && gpu.n_waited_open == 0 && first && first - ran > 10 && first - ran < 60, "in the background: %s", ran);
    CHECK(first && strspn(first, "g") == strlen(first), "and stays: %s", ran);
    Fake cpu2 = CPU(), gpu2 = GPU(.n_open = 20);
    run_program(MATMUL SQUARE(60) TIMES(200, "matmul(n, a, b, c)"), &cpu2, &gpu2);
    CHECK(!strchr(ran, 'g') && gpu2.n_asked_open == 0, "does not pay: %s", ran);
}

/* What was measured counts more than what was predicted. */
static void test_corrections(void)
{
    Fake cpu = CPU(), slow = GPU();
    slow.ns_per_op = 1;
    run_program(MATMUL SQUARE(1500) TIMES(60, "matmul(n, a, b, c)"), &cpu, &slow);
    const char *last = strrchr(ran, 'g');
    CHECK(slow.n_run >= 1 && slow.n_run <= 6 && last && last - ran < 10, "a slow GPU: %s", ran);
}

/* The first execution on a GPU is of little account, also where nobody knows how long the work is. */
static void test_first_time(void)
{
    static const char text[] =
        "import numpy as np\n"
        "def steps(x, n):\n    for i in range(n):\n        k = 0\n        while k < 100 and x[i] * k < 1e9:\n            k = k + 1\n        x[i] = x[i] + k\n"
        "n = 1000000\nx = np.zeros(n)\n"
        TIMES(150, "steps(x, n)");
    Fake cpu = CPU(), gpu = GPU(.n_open = 5, .first_ns = 3e8);
    run_program(text, &cpu, &gpu);
    const char *first = strchr(ran, 'g');
    CHECK(first && n_ran == 150 && strspn(first, "g") == strlen(first), "comes back to the CPU: %s", ran);
}

/* Two nests on one array by turns: one gains a lot on the GPU, the other loses a little. */
static void test_alternation(void)
{
    static const char text[] =
        "import numpy as np\n"
        "def heavy(x, n):\n    for i in range(n):\n        v = x[i]\n        for k in range(400):\n            v = v * 0.5 + 1.0\n        x[i] = v\n"
        "def light(x, n):\n    for i in range(n):\n        x[i] = x[i] + 1.0\n"
        "n = 200000\nx = np.zeros(n)\n"
        TIMES(100, "heavy(x, n)\n    print(end='')\n    light(x, n)");
    Fake cpu = CPU(), gpu = GPU();
    run_program(text, &cpu, &gpu);
    CHECK(n_ran == 200, "%d", n_ran);
    const char *first = strchr(ran, 'g');
    int n_moves = 0;
    for (int i = 1; i < n_ran; i++)
        n_moves += ran[i] != ran[i - 1];
    CHECK(first && first - ran < 20 && n_moves <= 5, "%d moves: %s", n_moves, ran);
}

/* Small ones are not even analysed, as far as a glance at the text and the values of bounds can tell; large ones are, whatever their bounds look like. */
static void test_glance(void)
{
    static const struct { const char *text; bool is_small; } glances[] = {
        { "for i in range(n):\n        for j in range(n):\n            a[i, j] = a[i, j] * 0.5\n", true },
        { "for i in range(n):\n        for j in range(i + 1, n):\n            a[i, j] = a[j, i] * 0.5\n", true },
        { "for i in range(n):\n        for j in range(i):\n            for k in range(j):\n                a[i, j] = a[i, j] - a[i, k] * a[k, j]\n", true },
        { "for i in range(n):\n        for j in range(min(n, 1000000)):\n            a[i, j] = a[i, j] * 0.5\n", true },
        { "for i in range(n):\n        for j in range(max(n, 1000000)):\n            a[i, j % 5] = a[i, j % 7] * 0.5\n", false },
        { "for i in range(1, n - 1):\n        for j in range(a.shape[1] // 2):\n            a[i, j] = a[i - 1, j] * 0.5\n", true },
        { "for i in range(n):\n        m = 1000000\n        for j in range(m):\n            a[i, j % 5] = a[i, j % 7] * 0.5\n", false },
        { "for i in range(n):\n        for j in range(n * 100000):\n            a[i, j % 5] = a[i, j % 7] * 0.5\n", false },
        { "for i in range(n):\n        j = 0\n        while j < 1000000:\n            a[i, j % 5] = a[i, j % 7] * 0.5\n            j += 1\n", false },
    };
    for (size_t k = 0; k < COUNT_OF(glances); k++) {
        char text[1000];
        Fake cpu = CPU();
        snprintf(text, sizeof text, "import numpy as np\ndef f(n, a):\n    %sn = 8\na = np.ones((n, n))\nf(n, a)\nf(n, a)\n", glances[k].text);
        run_program(text, &cpu, NULL);
        CHECK((cpu.n_asked == 0) == glances[k].is_small, "%zu: asked %d times", k, cpu.n_asked);
    }
}

/* A kernel that is there is worth entering also where interpreting takes no more than a microsecond; none is made for that alone. */
static void test_small(void)
{
    for (int is_unmade = 0; is_unmade < 2; is_unmade++) {
        Fake cpu = CPU(.is_unmade = is_unmade);
        run_program(MATMUL SQUARE(3) "for r in [0] * 4000:\n    matmul(n, a, b, c)\n", &cpu, NULL);
        CHECK(is_unmade ? n_ran == 0 : n_ran > 2000, "unmade %d: %d runs", is_unmade, n_ran);
    }
}

/* With the numbers of other machines: what is small stays on the CPU everywhere, what is large goes to a large GPU. */
static void test_profile(const char *path)
{
    Machine m;
    profile = path;
    get_machine(&m);
    Fake cpu = CPU(), gpu = GPU();
    run_program(MATMUL SQUARE(16) TIMES(50, "matmul(n, a, b, c)"), &cpu, m.n_gpus ? &gpu : NULL);
    CHECK(n_ran > 45 && !strchr(ran, 'g'), "%s, small: %s", path, ran);
    bool is_large = m.n_gpus && m.gpu[0].n_sm > 100;
    Fake cpu2 = CPU(), gpu2 = GPU();
    run_program(MATMUL SQUARE(3000) "matmul(n, a, b, c)\n", &cpu2, m.n_gpus ? &gpu2 : NULL);
    CHECK(!is_large || strcmp(ran, "g") == 0, "%s, large: %s", path, ran);
    if (is_large)
        test_sizes();
    profile = NULL;
}

int main(int argc, char **argv)
{
    test_sizes();
    test_opening();
    test_corrections();
    test_first_time();
    test_alternation();
    test_glance();
    test_small();
    for (int i = 1; i < argc; i++)
        test_profile(argv[i]);
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}
