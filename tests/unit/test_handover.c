/* tests/unit/test_handover.c — who carries plans out, and changing over while one runs: the engine with a back end that is the reference executor in
 * disguise, and whose kernels are ready after so many questions.
 *
 * What the programs print must not depend on when that is.  They are such that an iteration that is done twice, or not at all, shows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dsl/parse.h"
#include "interp/module.h"
#include "interp/str.h"
#include "jit/plan/engine.h"
#include "tests/unit/counted.h"

enum { NEVER = 1 << 30 };

typedef struct Fake {
    Backend  base;
    int      ready_after;       /* questions; NEVER: KERNEL_NEVER */
    KernelWish least;           /* what is not wished as much is absent */
    bool     has_no_memory;     /* its runs end so */
    int      n_asked, n_run;
    KernelWish most;            /* wished */
} Fake;

static KernelState fake_kernel(Backend *b, const Plan *plan, const Facts *facts, FpMode fp, KernelWish wish, void **kernel, ReasonAt *why)
{
    Fake *f = (Fake *)b;
    f->n_asked++;
    f->most = wish > f->most ? wish : f->most;
    *kernel = f;
    if (f->ready_after == NEVER) {
        reason_set(why, RS_NoBackEnd, (Span){ 0, 0 }, "a test");
        return KERNEL_NEVER;
    }
    return wish < f->least ? KERNEL_ABSENT : f->n_asked > f->ready_after ? KERNEL_READY : KERNEL_MAKING;
}

static ExecVerdict fake_run(Backend *b, void *kernel, const Plan *plan, const Facts *facts, Frame *frame, Value iterable, const NCheck **why)
{
    const ExecOptions plain = { 0 };
    Fake *f = (Fake *)b;
    f->n_run++;
    return f->has_no_memory ? EXEC_NO_MEMORY : exec_plan(plan, facts, frame, iterable, &plain, why);
}

static void fake_describe(Backend *b, char *out, size_t size, BackendStats *stats)
{
    *stats = (BackendStats){ 0 };
    snprintf(out, size, "fake");
}

static void fake_close(Backend *b)
{
}

typedef struct Output { char text[1024]; size_t n; } Output;

static int keep_output(void *user, int stream, const char *text, size_t size)
{
    Output *o = user;
    if (o->n + size < sizeof o->text) {
        memcpy(o->text + o->n, text, size);
        o->n += size;
    }
    return 0;
}

static void run_text(VM *vm, Output *o, const char *text)
{
    if (vm_run(vm, vm->main, "t", text, strlen(text), PM_File) == RUN_EXC) {
        vm_flush(vm);
        Value report = vm_format_traceback(vm);
        keep_output(o, 2, STR(report)->text, STR(report)->size);
        value_free(vm, report);
        vm_clear_exc(vm);
    }
    vm_flush(vm);
}

static void *counted_realloc(void *user, void *p, size_t old_size, size_t new_size)
{
    size_t *n_blocks = user;
    if (new_size == 0) {
        *n_blocks -= p != NULL;
        free(p);
        return NULL;
    }
    *n_blocks += !p;
    return realloc(p, new_size);
}

/* What the two texts print, one after the other; fake NULL: interpreted.  The request for memory number refused, counted from where the first text
 * begins, is refused (0: none); returns whether there was one. */
static bool run_refusing(const char *text, const char *after, Fake *fake, uint64_t refused, Output *o)
{
    Mem mem;
    EngineOptions opt;
    size_t n_blocks = 0;
    mem_init(&mem, counted_realloc, &n_blocks);
    memset(o, 0, sizeof *o);
    VM *vm = vm_new(&mem);
    vm->write_fn = keep_output;
    vm->io_user = o;
    engine_options_init(&opt);
    opt.device = fake ? DEV_Auto : DEV_Interp;
    opt.backend = fake ? &fake->base : NULL;
    opt.always_leaves = true;
    if (engine_attach(vm, &opt) != ALP_OK)
        o->text[0] = '?';
    vm->mem.fail_at = refused ? vm->mem.n_alloc + refused : 0;
    run_text(vm, o, text);
    bool was_refused = refused && vm->mem.n_alloc >= vm->mem.fail_at;
    vm->mem.fail_at = 0;
    run_text(vm, o, after);
    vm_free(vm);
    if (n_blocks != 0)
        CHECK(false, "%zu blocks are left", n_blocks);
    return was_refused;
}

static void run_program(const char *text, const char *after, Fake *fake, Output *o)
{
    run_refusing(text, after, fake, 0, o);
}

#define FAKE(...) { .base = { .name = "fake", .kernel = fake_kernel, .run = fake_run, .describe = fake_describe, .close = fake_close }, __VA_ARGS__ }

#define BEGIN "import numpy as np\nn = 20000\na = np.arange(n) * 0.25\nb = np.ones(n)\np = np.arange(n)\n"
#define SHOW  "print(a.sum(), b.sum(), a[1], a[n - 1], b[n // 2])\n"

/* Each takes the executor some fractions of a millisecond. */
static const struct { const char *what, *text, *after; } rows[] = {
    { "elements change in place", BEGIN "for i in range(n):\n    a[i] = a[i] * 0.5 + i\n", SHOW },
    { "few elements, many times", BEGIN "for i in range(n):\n    b[i % 7] += 1.0\n    a[3] = b[2] * 0.5\n", SHOW },
    { "a small array: copied at once", BEGIN "c = np.zeros(10)\nfor i in range(n):\n    c[i % 10] += i\n", "print(c)\n" SHOW },
    { "a recurrence", BEGIN "for i in range(1, n):\n    a[i] = a[i - 1] * 0.5 + b[i]\n", SHOW },
    { "a sum in its order", BEGIN "s = 0.5\nfor i in range(n):\n    s += a[i] * 0.1\n    b[i] += s * 0.0 + 1.0\n", "print(s, i)\n" SHOW },
    { "sums inside", BEGIN "for k in range(20):\n    s = 0.0\n    for i in range(1000):\n        s += a[i] * b[k]\n    b[k] += s\n",
      "print(s, i, k)\n" SHOW },
    { "distributed, a variable kept", BEGIN "x = 1.0\nfor i in range(n):\n    t = a[i] * 2.0\n    b[i] = b[i] + t\n    x = x * 0.5 + t\n",
      "print(x, t, i)\n" SHOW },
    { "interchanged", BEGIN "c = np.ones((100, 100))\nfor i in range(1, 100):\n    for j in range(100):\n        c[i, j] += c[i - 1, j] * 0.5\n",
      "print(c.sum(), i, j)\n" },
    { "last values under a condition", BEGIN "last = -1\nfor i in range(n):\n    b[i] = b[i] + 1.0\n    if a[i] < 100.0:\n        last = i\n        c = a[i]\n",
      "print(last, c, i)\n" SHOW },
    { "never assigned", BEGIN "for i in range(n):\n    b[i] = b[i] + 1.0\n    if a[i] < 0.0:\n        last = i\n", "print(last)\n" },
    { "a minimum and where it is", BEGIN "m = 1e9\nat = -1\nfor i in range(n):\n    b[i] += a[(i * 7919) % n]\n    if b[i] < m:\n        m = b[i]\n        at = i\n",
      "print(m, at)\n" SHOW },
    { "an int that widens", BEGIN "s = 0\nfor i in range(n):\n    s += b[i]\n", "print(s, i)\n" },
    { "a while loop inside", BEGIN "for i in range(n // 4):\n    k = 0\n    while k < 5:\n        a[i] += k\n        k += 1\n", "print(k, i)\n" SHOW },
    { "a while loop outside", BEGIN "i = 0\nwhile i < n:\n    a[i] = a[i] * 0.5 + i\n    i += 1\n", "print(i)\n" SHOW },
    { "a while loop that is left", BEGIN "i = 0\nwhile True:\n    a[i] = a[i] * 0.5 + i\n    i += 1\n    if i == n - 10:\n        break\nelse:\n    print('else')\n",
      "print(i)\n" SHOW },
    { "a break at the end, and an else part", BEGIN "for i in range(n):\n    a[i] = a[i] * 0.5 + i\n    if i == n - 5:\n        break\nelse:\n    print('no')\n"
      "for i in range(n):\n    a[i] = a[i] * 0.5 + i\n    if i == n + 5:\n        break\nelse:\n    print('yes')\n", "print(i)\n" SHOW },
    { "a return", BEGIN "def f():\n    for i in range(n):\n        a[i] = a[i] * 0.5 + i\n        if i == n - 5:\n            return a[i]\nprint(f())\n", SHOW },
    { "enumerate and zip", BEGIN "for i, x in enumerate(a):\n    b[i] = b[i] + x\nfor x, y in zip(a, b):\n    a[0] += x * y\n", "print(i, x, y)\n" SHOW },
    { "backwards, in steps", BEGIN "for i in range(n - 1, 0, -2):\n    a[i] += a[i - 1]\n", "print(i)\n" SHOW },
    { "subscripts that are tested", BEGIN "for i in range(n):\n    a[p[i]] = a[p[i]] * 0.5 + i\n", SHOW },
    { "an error at the end", BEGIN "p[n - 1] = n\nfor i in range(n):\n    a[p[i]] = a[p[i]] * 0.5 + i\n", "print(i)\n" SHOW },
    { "an error in a while loop", BEGIN "i = 0\nwhile i <= n:\n    a[i] = a[i] * 0.5 + i\n    i += 1\n", "print(i)\n" SHOW },
    { "a division by zero", BEGIN "for i in range(n):\n    b[i] = b[i] + 10 // (n - 1 - i)\n", "print(i)\n" SHOW },
    { "many times the same elements: a copy of them", BEGIN "for k in range(200):\n    for i in range(1000):\n        a[i] = a[i] * 0.5 + k\n", SHOW },
    { "an error in the end, and a copy", BEGIN "for k in range(200):\n    for i in range(1000):\n        a[i] = a[i] + 10 // (199999 - k * 1000 - i)\n", SHOW },
    { "small many times, then large",
      BEGIN "def f(m):\n    for i in range(m):\n        a[i] = a[i] * 0.5 + i\n    for i in range(m):\n        for j in range(2):\n            b[i] += j\n"
      "for k in range(100):\n    print(end='')\n    f(5)\nf(n)\n", SHOW },
    { "a while loop that is small many times, then large",
      BEGIN "def f(m):\n    i = 0\n    while i < m:\n        a[i] = a[i] * 0.5 + i\n        i += 1\n"
      "for k in range(100):\n    print(end='')\n    f(5)\nf(n)\n", SHOW },
};

/* Kernels that are ready at once, after some questions, never; that are too large for the memory there is. */
static void test_results(void)
{
    static Output wanted, got;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        run_program(rows[i].text, rows[i].after, NULL, &wanted);
        for (int ready_after = 0; ready_after < 9; ready_after++) {
            Fake fake = FAKE(.ready_after = ready_after);
            run_program(rows[i].text, rows[i].after, &fake, &got);
            CHECK(strcmp(wanted.text, got.text) == 0, "%s, ready after %d: \"%s\", not \"%s\"", rows[i].what, ready_after, got.text, wanted.text);
            /* It is asked at the beginning, and from then on about every 4096 back edges. */
            CHECK(fake.n_run > 0 || ready_after > 2, "%s, ready after %d: asked %d times, and never run", rows[i].what, ready_after, fake.n_asked);
        }
        Fake never = FAKE(.ready_after = NEVER), full = FAKE(.ready_after = 2, .has_no_memory = true);
        run_program(rows[i].text, rows[i].after, &never, &got);
        CHECK(strcmp(wanted.text, got.text) == 0 && never.n_run == 0, "%s, no kernel: \"%s\"", rows[i].what, got.text);
        run_program(rows[i].text, rows[i].after, &full, &got);
        CHECK(strcmp(wanted.text, got.text) == 0, "%s, no memory for the kernel: \"%s\"", rows[i].what, got.text);
    }
}

/* Whatever request is refused: the right result, or MemoryError. */
static void test_no_memory(void)
{
    static const char *const texts[] = {
        BEGIN "for i in range(n):\n    a[i] = a[i] * 0.5 + i\n",
        BEGIN "x = 1.0\nfor i in range(n):\n    t = a[i] * 2.0\n    b[i] = b[i] + t\n    x = x * 0.5 + t\n",
        BEGIN "i = 0\nwhile i < n:\n    a[p[i]] = a[i] * 0.5 + i\n    i += 1\n",
    };
    static Output wanted, got;
    for (size_t k = 0; k < COUNT_OF(texts); k++) {
        run_program(texts[k], SHOW, NULL, &wanted);
        bool was_refused = true;
        int n_right = 0, n_wrong = 0;
        for (uint64_t n = 1; was_refused; n++) {
            Fake fake = FAKE(.ready_after = 2);
            was_refused = run_refusing(texts[k], SHOW, &fake, n, &got);
            bool right = strcmp(wanted.text, got.text) == 0;
            n_right += right;
            n_wrong += !right && !strstr(got.text, "MemoryError");
        }
        CHECK(n_right > 5 && n_wrong == 0, "no memory, program %zu: %d results are right, %d wrong", k, n_right, n_wrong);
    }
}

/* A loop of unknown length goes on until a kernel would have paid: then it is wished for, and taken when it is there. */
static void test_unknown_length(void)
{
    static Output got;
    Fake fake = FAKE(.ready_after = 0, .least = WISH_Start);
    run_program("x = 1\nc = 0\nwhile c < 50000000:\n    x = (x * 1103515245 + 12345) % 2147483648\n    c += 1\n", "print(c)\n", &fake, &got);
    CHECK(strcmp(got.text, "50000000\n") == 0 && fake.n_run == 1 && fake.most == WISH_Start, "wished %d, run %d", fake.most, fake.n_run);
}

/* The notes of what would have to be put back outgrow their bounds: the kernel is waited for. */
static void test_many_stores(void)
{
    static Output got;
    Fake fake = FAKE(.ready_after = 0, .least = WISH_Wait);
    run_program("import numpy as np\nn = 9000000\na = np.ones(n)\nfor i in range(n):\n    a[i] = a[i] + 1.0\n    if a[i] < 0.0:\n        break\n",
                "print(a.sum(), i)\n", &fake, &got);
    CHECK(strcmp(got.text, "18000000.0 8999999\n") == 0 && fake.n_run == 1 && fake.most == WISH_Wait, "\"%s\", wished %d, run %d", got.text,
          fake.most, fake.n_run);
}

/* What comes again is paid for by what went into it: neither at the first time nor never. */
static void test_pays_in_time(void)
{
    static Output got;
    Fake fake = FAKE(.ready_after = 0, .least = WISH_Start);
    run_program("import numpy as np\na = np.ones(1000)\nfor step in range(6000):\n    print(end='')\n    for i in range(1000):\n        a[i] = a[i] * 0.5 + 1.0\n",
                "print(a.sum())\n", &fake, &got);
    CHECK(strcmp(got.text, "2000.0\n") == 0 && fake.n_run > 1000 && fake.n_run < 6000, "run %d times", fake.n_run);
    Fake small = FAKE(.ready_after = 0, .least = WISH_Start);
    run_program("import numpy as np\na = np.ones(10)\nfor step in range(10000):\n    print(end='')\n    for i in range(10):\n        a[i] = a[i] * 0.5 + 1.0\n",
                "print(a.sum())\n", &small, &got);
    CHECK(strcmp(got.text, "20.0\n") == 0 && small.n_run == 0 && small.n_asked == 0, "small: asked %d, run %d times", small.n_asked, small.n_run);
}

int main(void)
{
    test_results();
    test_no_memory();
    test_unknown_length();
    test_many_stores();
    test_pays_in_time();
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}
