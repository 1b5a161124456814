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
#include "tests/unit/counted.h"

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
    /* A CPU's: */
    double   gain;              /* of all threads over one; 0: none */
    double   wake_ns;           /* of threads that had nothing to do in the execution before */
    int      n_many;            /* executions on all threads */
    bool     was_many;
    /* Of several GPUs: */
    uint32_t chosen;            /* the one that open() is about */
    int      n_chosen;
    uint32_t refused;           /* or-ed 1 << k: these cannot be opened */
    const GpuAttributes *shown; /* [n_shown]: those that the driver shows; NULL: it tells nothing */
    uint32_t n_shown;
    bool     shows_others, is_told;     /* than those that were told to choose(); that was found out by open() */
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
    if (f->gain > 0) {
        bool is_many = b->n_threads != 1;
        ns = is_many ? ns / f->gain + (f->was_many ? 0 : f->wake_ns) : ns;
        f->n_many += is_many;
        f->was_many = is_many;
    }
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
    if (f->refused >> f->chosen & 1)
        return wish >= WISH_Start ? KERNEL_NEVER : KERNEL_ABSENT;
    if (wish == WISH_Wait && f->shows_others) {
        f->is_told = true;
        return KERNEL_ABSENT;
    }
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

static void fake_choose(Backend *b, uint32_t ordinal, const Machine *m)
{
    Fake *f = (Fake *)b;
    f->n_chosen += f->chosen != ordinal;
    f->chosen = ordinal;
    f->shows_others = m && f->shown && (m->n_gpus != f->n_shown || strcmp(m->gpu[ordinal].name, f->shown[ordinal].name) != 0);
}

static uint32_t fake_attributes(Backend *b, uint32_t ordinal, GpuAttributes *out)
{
    const Fake *f = (const Fake *)b;
    *out = (GpuAttributes){ .name = "", .uuid = "" };
    if (!f->shown || ordinal >= f->n_shown || !(f->n_open == 0 || f->is_told))
        return 0;
    *out = f->shown[ordinal];
    return f->n_shown;
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

static const GpuAttributes h100 = {
    .name = "NVIDIA H100 80GB HBM3", .uuid = "", .major = 9, .minor = 0, .n_sm = 132, .threads_per_sm = 2048, .clock_khz = 1980000,
    .memory_clock_khz = 2619000, .bus_bits = 5120, .memory_bytes = 80ull << 30, .l2_bytes = 50u << 20, .shared_bytes = 228u << 10,
};
static const GpuAttributes t1000 = {
    .name = "NVIDIA T1000", .uuid = "", .major = 7, .minor = 5, .n_sm = 14, .threads_per_sm = 1024, .clock_khz = 1395000,
    .memory_clock_khz = 5001000, .bus_bits = 128, .memory_bytes = 4ull << 30, .l2_bytes = 1u << 20, .shared_bytes = 64u << 10,
};

/* 16 cores and an H100, as far as a driver tells of it. */
static void describe_machine(Machine *m)
{
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

static const Machine *described;        /* instead of get_machine()'s; NULL */
static bool chooses_gpu;
static void (*look_at_report)(const Report *r);         /* NULL, or: at what the engine has to tell at the end */

static void run_program(const char *text, Fake *cpu, Fake *gpu)
{
    Mem mem;
    EngineOptions opt;
    Machine machine;
    if (described)
        machine = *described;
    else
        get_machine(&machine);
    mem_init(&mem, NULL, NULL);
    VM *vm = vm_new(&mem);
    vm->write_fn = keep_output;
    engine_options_init(&opt);
    opt.backend = cpu ? &cpu->base : NULL;
    opt.gpu = gpu ? &gpu->base : NULL;
    opt.machine = &machine;
    opt.now = test_clock;
    opt.chooses_gpu = chooses_gpu;
    opt.report = look_at_report != NULL;
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
    if (look_at_report)
        look_at_report(engine_report(vm));
    vm_free(vm);
    CHECK(mem.bytes_used == 0, "%zu bytes are left", mem.bytes_used);
}

#define CPU(...) { .base = { .name = "cpu", .n_threads_max = 16, .kernel = fake_kernel, .run = fake_run, .describe = fake_describe, .close = fake_close }, \
                   .ns_per_op = 0.02, .start_ns = 500, __VA_ARGS__ }
#define GPU(...) { .base = { .name = "gpu", .kernel = fake_kernel, .run = fake_run, .open = fake_open, .residence = fake_residence, .choose = fake_choose, \
                             .attributes = fake_attributes, .describe = fake_describe, \
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
    CHECK(n_ran >= 45 && !strchr(ran, 'g'), "small: %s", ran);
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

/* One thread comes first, since several would have to be made.  These are found to be better although the first execution on them has to wake them. */
static void test_waking(void)
{
    static const char text[] =
        "import numpy as np\n"
        "def scale(x, n):\n    for i in range(n):\n        x[i] = x[i] * 0.5\n"
        "n = 300000\nx = np.zeros(n)\n"
        TIMES(4000, "scale(x, n)");
    Fake cpu = CPU(.gain = 4, .wake_ns = 1e5);
    run_program(text, &cpu, NULL);
    CHECK(cpu.n_many > 2000 && cpu.n_many < 4000, "%d of %d on all threads", cpu.n_many, cpu.n_run);
    Fake alone = CPU(.gain = 0.25, .wake_ns = 1e5);
    run_program(text, &alone, NULL);
    CHECK(alone.n_many < 10, "%d of %d on all threads, which are slower", alone.n_many, alone.n_run);
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
#define EIGHT_NAMES(d) "g" #d "0, g" #d "1, g" #d "2, g" #d "3, g" #d "4, g" #d "5, g" #d "6, g" #d "7, "
#define MANY_NAMES EIGHT_NAMES(0) EIGHT_NAMES(1) EIGHT_NAMES(2) EIGHT_NAMES(3) EIGHT_NAMES(4) EIGHT_NAMES(5) EIGHT_NAMES(6) "g70, g71"      /* 58 */

static void test_glance(void)
{
    static const struct { const char *text; bool is_small; } glances[] = {
        { "for i in range(n):\n        for j in range(n):\n            a[i, j] = a[i, j] * 0.5\n", true },
        { "for i in range(n):\n        for j in range(i + 1, n):\n            a[i, j] = a[j, i] * 0.5\n", true },
        { "for i in range(n):\n        for j in range(i):\n            for k in range(j):\n                a[i, j] = a[i, j] - a[i, k] * a[k, j]\n", true },
        { "for i in range(n):\n        for j in range(min(n, 1000000)):\n            a[i, j] = a[i, j] * 0.5\n", true },
        { "for i in range(n):\n        for j in range(max(n, 1000000)):\n            a[i, j % 5] = a[i, j % 7] * 0.5\n", false },
        { "for i in range(1, n - 1):\n        for j in range(a.shape[1] // 2):\n            a[i, j] = a[i - 1, j] * 0.5\n", true },
        { "p = q = r = s = t = u = n\n    if n < 0:\n        print(" MANY_NAMES ")\n    for i in range(p):\n        for j in range(q):\n            for k in range(r - 6):\n                v = w = x = y = z = 0.5\n"
          "                for l in range(s - 7):\n                    for m in range(t - 6):\n                        for o in range(u - 6):\n"
          "                            a[i, j] = a[i, k] * v + a[l, m] * w + x * y * z\n", true },
        { "for i in range(n):\n        m = 1000000\n        for j in range(m):\n            a[i, j % 5] = a[i, j % 7] * 0.5\n", false },
        { "for i in range(n):\n        for j in range(n * 100000):\n            a[i, j % 5] = a[i, j % 7] * 0.5\n", false },
        { "for i in range(n):\n        j = 0\n        while j < 1000000:\n            a[i, j % 5] = a[i, j % 7] * 0.5\n            j += 1\n", false },
    };
    for (size_t k = 0; k < COUNT_OF(glances); k++) {
        char text[2000];
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

/* ---- several GPUs ---- */

static Machine two;

static void describe_two(const GpuAttributes *first, const GpuAttributes *second)
{
    describe_machine(&two);
    two.n_gpus = 2;
    two.gpu[0] = two.gpu[1] = (GpuMachine){ 0 };
    machine_fill_gpu(&two.gpu[0], first);
    machine_fill_gpu(&two.gpu[1], second);
    described = &two;
    chooses_gpu = true;
}

static void describe_as_usual(void)
{
    described = NULL;
    chooses_gpu = false;
    look_at_report = NULL;
}

/* Seconds on 16 cores, for small arrays. */
#define HEAVY \
    "import numpy as np\n" \
    "def heavy(x, n):\n    for i in range(n):\n        v = x[i]\n        for k in range(1000000):\n            v = v * 0.5 + 1.0\n        x[i] = v\n" \
    "n = 100000\nx = np.zeros(n)\nheavy(x, n)\n"

/* The one for which it takes less is opened, whichever place it has; of equal ones the first; of those that are named just that. */
static void test_two_gpus(void)
{
    describe_two(&t1000, &h100);
    Fake cpu = CPU(), gpu = GPU(.n_open = 1);
    run_program(HEAVY "heavy(x, n)\n", &cpu, &gpu);
    CHECK(gpu.chosen == 1 && strcmp(ran, "gg") == 0 && gpu.n_waited_open == 1, "the second is better: %u, %s", gpu.chosen, ran);
    describe_two(&h100, &t1000);
    Fake cpu2 = CPU(), gpu2 = GPU(.n_open = 1);
    run_program(HEAVY "heavy(x, n)\n", &cpu2, &gpu2);
    CHECK(gpu2.chosen == 0 && gpu2.n_chosen == 0 && strcmp(ran, "gg") == 0, "the first is better: %u, %s", gpu2.chosen, ran);
    describe_two(&h100, &h100);
    Fake cpu3 = CPU(), gpu3 = GPU(.n_open = 1);
    run_program(HEAVY "heavy(x, n)\n", &cpu3, &gpu3);
    CHECK(gpu3.chosen == 0 && gpu3.n_chosen == 0 && strcmp(ran, "gg") == 0, "alike: %u, %s", gpu3.chosen, ran);
    describe_two(&t1000, &h100);
    chooses_gpu = false;
    Fake cpu4 = CPU(), gpu4 = GPU(.n_open = 1);
    run_program(HEAVY "heavy(x, n)\n", &cpu4, &gpu4);
    CHECK(gpu4.n_chosen == 0, "named");
    describe_as_usual();
}

/* One is for what computes, the other one for what moves bytes: the nests before have a say, not only the one that is due when it is opened. */
static void test_sum_of_losses(void)
{
    static const char text[] =
        "import numpy as np\n"
        "def light(x, y, n):\n    for i in range(n):\n        x[i] = y[i] + 1.0\n"
        "def heavy(x, n):\n    for i in range(n):\n        v = x[i]\n        for k in range(600):\n            v = v * 0.5 + 1.0\n        x[i] = v\n"
        "n = 200000\nx = np.zeros(n)\nm = 4000000\ny = np.zeros(m)\nz = np.zeros(m)\n";
    char often[2000];
    describe_two(&h100, &h100);
    for (int c = 0; c < OPC_COUNT; c++) {
        two.gpu[0].ops_per_ns[c] /= 40;
        two.gpu[0].chain_ns[c] *= 40;
    }
    two.gpu[1].bytes_per_ns /= 40;
    two.gpu[1].l2_bytes_per_ns /= 40;
    for (uint32_t wanted = 0; wanted < 2; wanted++) {
        int n_light = wanted == 0 ? 60 : 1, n_heavy = wanted == 1 ? 12 : 1;
        snprintf(often, sizeof often, "%sfor r in range(40):\n    for s in range(%d):\n        print(end='')\n        light(y, z, m)\n"
                 "    for s in range(%d):\n        print(end='')\n        heavy(x, n)\n", text, n_light, n_heavy);
        Fake cpu = CPU(), gpu = GPU(.n_open = 3);
        run_program(often, &cpu, &gpu);
        CHECK(gpu.chosen == wanted && strchr(ran, 'g'), "%u is wanted, not %u: %s", wanted, gpu.chosen, ran);
    }
    describe_as_usual();
}

/* Others than those of the profile; one that cannot be opened. */
static void test_other_gpus(void)
{
    const GpuAttributes swapped[] = { h100, t1000 }, alone[] = { h100 };
    describe_two(&t1000, &h100);
    Fake cpu = CPU(), gpu = GPU(.n_open = 1, .shown = swapped, .n_shown = 2);
    run_program(HEAVY "heavy(x, n)\n", &cpu, &gpu);
    CHECK(gpu.chosen == 0 && gpu.is_told && strcmp(ran, "gg") == 0, "swapped: %u, %s", gpu.chosen, ran);
    Fake cpu2 = CPU(), gpu2 = GPU(.n_open = 1, .shown = alone, .n_shown = 1);
    run_program(HEAVY "heavy(x, n)\n", &cpu2, &gpu2);
    CHECK(gpu2.chosen == 0 && gpu2.is_told && strcmp(ran, "gg") == 0, "one alone: %u, %s", gpu2.chosen, ran);
    Fake cpu3 = CPU(), gpu3 = GPU(.n_open = 1, .refused = 2);
    two.gpu[0] = two.gpu[1];
    two.gpu[0].clock_ghz *= 0.9;
    gpu3.shown = (const GpuAttributes[]){ h100, h100 };
    gpu3.n_shown = 2;
    gpu3.is_told = true;
    for (int c = 0; c < OPC_COUNT; c++)
        two.gpu[0].ops_per_ns[c] *= 0.8;
    run_program(HEAVY "heavy(x, n)\n", &cpu3, &gpu3);
    CHECK(gpu3.chosen == 0 && strcmp(ran, "gg") == 0, "the better one is refused: %u, %s", gpu3.chosen, ran);
    Fake cpu4 = CPU(), gpu4 = GPU(.n_open = 1, .refused = 3, .shown = gpu3.shown, .n_shown = 2, .is_told = true);
    run_program(HEAVY "heavy(x, n)\n", &cpu4, &gpu4);
    CHECK(strcmp(ran, "cc") == 0, "both are: %s", ran);
    /* Of a machine without a profile the driver tells. */
    static Machine unknown;
    describe_machine(&unknown);
    unknown.n_gpus = 0;
    described = &unknown;
    Fake gpu5 = GPU(.n_open = 1, .shown = (const GpuAttributes[]){ t1000, h100 }, .n_shown = 2);
    run_program(HEAVY "heavy(x, n)\n", NULL, &gpu5);
    CHECK(gpu5.chosen == 1 && gpu5.is_told && strcmp(ran, "gg") == 0, "no profile: %u, %s", gpu5.chosen, ran);
    describe_as_usual();
}

/* What `alpy explain` is told of them. */
static uint32_t expected_gpu;
static Reason expected_reason;
static bool is_expected_to_run;

static void check_report(const Report *r)
{
    const LoopCase *c = NULL;
    for (const LoopRecord *l = r->first; l && !c; l = l->next)
        if (l->depth == 1 && l->n_cases && l->cases[0].target[0].device)
            c = &l->cases[0];
    CHECK(c, "no record");
    const CaseTarget *gpu[2] = { NULL, NULL };
    for (int i = 0; c && i < REPORT_TARGETS; i++)
        if (c->target[i].device && strcmp(c->target[i].device, "gpu") == 0 && c->target[i].gpu <= 2 && c->target[i].gpu)
            gpu[c->target[i].gpu - 1] = &c->target[i];
    CHECK(gpu[0] && gpu[1], "not both are told");
    if (!gpu[0] || !gpu[1])
        return;
    const CaseTarget *other = gpu[!expected_gpu], *own = gpu[expected_gpu];
    CHECK(own->why_not == RS_None && other->why_not == expected_reason, "reasons: %d, %d", own->why_not, other->why_not);
    CHECK(own->predicted_ns > 0 && other->predicted_ns > own->predicted_ns && other->copy_ns > 0, "times: %g, %g", own->predicted_ns, other->predicted_ns);
    CHECK(c->gpu == (is_expected_to_run ? 1 + expected_gpu : 0), "it ran on %u", c->gpu);
}

static void test_report(void)
{
    expected_gpu = 1;
    describe_two(&t1000, &h100);
    look_at_report = check_report;
    Fake cpu = CPU(), gpu = GPU();
    expected_reason = RS_GpuInUse;
    is_expected_to_run = true;
    run_program(HEAVY "heavy(x, n)\n", &cpu, &gpu);
    Fake cpu2 = CPU(), closed = GPU(.n_open = 5);
    expected_reason = RS_OtherGpu;
    is_expected_to_run = false;
    run_program(MATMUL SQUARE(400) "matmul(n, a, b, c)\n", &cpu2, &closed);
    describe_as_usual();
}

/* Moving is charged for every array of a nest, however many there are. */
static double many_bytes;

static void check_many(const Report *r)
{
    double copy_ns = 0, wanted_ns = 0;
    for (const LoopRecord *l = r->first; l; l = l->next)
        for (int i = 0; l->n_cases && i < REPORT_TARGETS; i++)
            if (l->cases[0].target[i].device && strcmp(l->cases[0].target[i].device, "gpu") == 0)
                copy_ns = l->cases[0].target[i].copy_ns;
    wanted_ns = many_bytes / two.gpu[0].up_bytes_per_ns;
    CHECK(copy_ns > 0.9 * wanted_ns && copy_ns < 2 * wanted_ns, "%g ns instead of %g", copy_ns, wanted_ns);
}

static void test_many_arrays(void)
{
    static const int n_arrays[] = { 3, 17, 40, 64, 65, 90 };
    describe_two(&h100, &h100);
    chooses_gpu = false;
    look_at_report = check_many;
    for (size_t k = 0; k < COUNT_OF(n_arrays); k++) {
        char text[6000];
        int n = snprintf(text, sizeof text, HEAVY "n = 300000\n");
        for (int i = 0; i < n_arrays[k]; i++)
            n += snprintf(text + n, sizeof text - (size_t)n, "x%d = np.zeros(n)\n", i);
        n += snprintf(text + n, sizeof text - (size_t)n, "for i in range(n):\n    x0[i] = x0[i]");
        for (int i = 1; i < n_arrays[k]; i++)
            n += snprintf(text + n, sizeof text - (size_t)n, " + x%d[i]", i);
        snprintf(text + n, sizeof text - (size_t)n, "\n");
        many_bytes = 8 * 3e5 * n_arrays[k];
        Fake cpu = CPU(), closed = GPU(.n_open = 5);
        run_program(text, &cpu, &closed);
    }
    describe_as_usual();
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
    uint32_t best = m.n_gpus ? m.n_gpus - 1 : 0;        /* in the one that has several */
    bool is_large = m.n_gpus && m.gpu[best].n_sm > 100;
    chooses_gpu = true;
    Fake cpu2 = CPU(), gpu2 = GPU();
    run_program(MATMUL SQUARE(3000) "matmul(n, a, b, c)\n", &cpu2, m.n_gpus ? &gpu2 : NULL);
    CHECK(!is_large || (strcmp(ran, "g") == 0 && gpu2.chosen == best), "%s, large: %s", path, ran);
    if (is_large && best == 0)
        test_sizes();
    profile = NULL;
    chooses_gpu = false;
}

int main(int argc, char **argv)
{
    test_sizes();
    test_opening();
    test_corrections();
    test_first_time();
    test_waking();
    test_alternation();
    test_glance();
    test_small();
    test_two_gpus();
    test_sum_of_losses();
    test_other_gpus();
    test_report();
    test_many_arrays();
    for (int i = 1; i < argc; i++)
        test_profile(argv[i]);
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}
