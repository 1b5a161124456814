/* tests/unit/test_emit.c — compiled kernels against the reference executor.
 *
 * Usage: test_emit PLUGIN [-s] [-v] [-t] [-d] [-0] [-a] [-c MASK] [-r N] FILE|- ...     programs, separated by lines "#---"
 *
 * Every program runs with its nests carried out by exec_plan(), and then with kernels, for several instruction sets and
 * numbers of threads.  All variables of the program, arrays byte by byte, its output and its exceptions have to be the same
 * (any NaN is as good as another). -s: kernels instrumented for ThreadSanitizer, under which this program runs then; -v: what
 * ran; -t: how long compilations took; -d: LLVM's text of each kernel, -0: before optimising, -a: its assembly; -c MASK: which
 * configurations; -r N: every kernel is run N times more, and the least time told (on one thread: of the processor). */
#include <dlfcn.h>
#include <math.h>
#include <time.h>

#include "interp/engine.h"
#include "jit/cpu/kernels.h"
#include "jit/cpu/pool.h"
#include "jit/plan/exec.h"
#include "program_kit.h"

/* ---- configurations ---------------------------------------------------------------------------------------------------- */

typedef struct Config {
    const char *name, *cpu, *features;
    int  bits, n_threads, opt_level;
    bool spread_all;
    FpMode fp;                  /* FP_Fast: results are only near the reference's */
    const char *needs;          /* of the processor; NULL: nothing */
} Config;

static const Config configs[] = {
    { "native, 2 threads", NULL, NULL, 0, 2, 3, false, FP_Precise, NULL },
    { "sse2, 1 thread", "x86-64", "", 128, 1, 3, false, FP_Precise, "sse2" },
    { "avx2, 3 threads", "x86-64-v3", "", 256, 3, 3, false, FP_Precise, "avx2" },
    { "avx512, 8 threads", "x86-64-v4", "", 512, 8, 3, false, FP_Precise, "avx512bw" },
    { "native unoptimised, everything spread, 3 threads", NULL, NULL, 0, 3, 0, true, FP_Precise, NULL },
    { "native, everything spread, 2 threads", NULL, NULL, 0, 2, 3, true, FP_Precise, NULL },
    { "native, 1 thread", NULL, NULL, 0, 1, 3, false, FP_Precise, NULL },
    { "native, four lanes, 1 thread", NULL, NULL, 64, 1, 3, false, FP_Precise, NULL },
    { "native, fast, 2 threads", NULL, NULL, 0, 2, 3, true, FP_Fast, NULL },
};

static bool can_run(const Config *c)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    const char *n = c->needs ? c->needs : "sse2";
    return strcmp(n, "avx2") == 0 ? __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2")
         : strcmp(n, "avx512bw") == 0 ? __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") : true;
#else
    return !c->needs;
#endif
}

static const CpuPlugin *plugin;
static const char *dump_what;
static bool verbose, timings, tsan;
static int n_repeats;
static unsigned chosen = ~0u;             /* configurations, a bit each */
static uint64_t n_kernels, n_refused, n_runs, total_ns[3];

/* ---- an engine --------------------------------------------------------------------------------------------------------- */

typedef struct Kernel {
    struct Kernel *next;
    uint64_t  key;
    const Plan *plan;
    uint8_t  *stride;
    uint32_t *group;
    CpuKernel code;
    bool      is_refused;
} Kernel;

typedef struct Variant {
    struct Variant *next;
    Node    *loop;
    Nest    *nest;
    Planner *planner;
    Facts   *facts;
    Kernel  *kernels;
} Variant;

typedef struct Test {
    const Config *config;       /* NULL: the reference executor */
    Variant *variants;
    Output   output;
} Test;

static void print_text(void *user, const char *what, const char *text, size_t size)
{
    if (strcmp(what, dump_what) == 0)
        fwrite(text, 1, size, stdout);
}

static Variant *find_variant(Test *t, VM *vm, Frame *frame, Node *loop, Value iterable)
{
    static const PlanOptions options = { .distribute = true, .interchange = true, .fuse = true };
    for (Variant *v = t->variants; v; v = v->next)
        if (v->loop == loop && nest_matches(v->nest, frame, iterable))
            return v;
    ReasonAt why = { 0 };
    Nest *nest = nest_build(vm, frame, loop, iterable, &why);
    if (!nest) {
        if (verbose)
            printf("  not a nest: %s\n", reason_name(why.code));
        return NULL;
    }
    Variant *v = calloc(1, sizeof *v);
    *v = (Variant){ .next = t->variants, .loop = loop, .nest = nest };
    v->planner = planner_new(nest, &options);
    v->facts = facts_new(nest);
    t->variants = v;
    return v;
}

/* The least of several compilations, phase by phase. */
static void tell_time(const Test *t, const Plan *plan, const CpuCompileOptions *o, const CpuObject *first)
{
    uint64_t best[3] = { first->emit_ns, first->optimise_ns, first->codegen_ns };
    for (int i = 0; i < 20; i++) {
        CpuObject again;
        char error[256];
        if (plugin->compile(plan, o, &again, error))
            return;
        const uint64_t ns[3] = { again.emit_ns, again.optimise_ns, again.codegen_ns };
        for (int k = 0; k < 3; k++)
            best[k] = ns[k] < best[k] ? ns[k] : best[k];
        plugin->free_object(&again);
    }
    printf("  %s: first time emit %.2f ms, optimise %.2f ms, generate %.2f ms; least %.2f, %.2f, %.2f ms; %zu bytes\n",
           t->config->name, (double)first->emit_ns * 1e-6, (double)first->optimise_ns * 1e-6, (double)first->codegen_ns * 1e-6,
           (double)best[0] * 1e-6, (double)best[1] * 1e-6, (double)best[2] * 1e-6, first->size);
}

static Kernel *make_kernel(Test *t, Variant *v, const Plan *plan)
{
    uint32_t n = v->nest->n_arrays;
    Kernel *k = calloc(1, sizeof *k);
    *k = (Kernel){ .next = v->kernels, .key = plan->key, .plan = plan };
    k->stride = calloc(n + 1, ALP_MAX_NDIM);
    k->group = calloc(n + 1, sizeof *k->group);
    array_layout_of(v->facts, n, k->stride, k->group);
    CpuCompileOptions o = { .fp = t->config->fp,
                            .layout = { k->stride, k->group },
                            .cpu = t->config->cpu,
                            .features = t->config->features,
                            .prefer_vector_width = t->config->bits,
                            .opt_level = t->config->opt_level,
                            .spread_all = t->config->spread_all,
                            .tsan = tsan };
    if (dump_what)
        o.dump = print_text;
    CpuObject object;
    char error[256];
    const char *why = "";
    v->kernels = k;
    if (plugin->compile(plan, &o, &object, error)) {
        n_refused++;
        k->is_refused = true;
        printf("refused: %s\n", error);
        return k;
    }
    n_kernels++;
    total_ns[0] += object.emit_ns;
    total_ns[1] += object.optimise_ns;
    total_ns[2] += object.codegen_ns;
    if (timings)
        tell_time(t, plan, &o, &object);
    if (elf_load(object.bytes, object.size, "kernel", &k->code.image, &why) != ALP_OK) {
        printf("FAIL: object code refused: %s\n", why);
        k->is_refused = true;
    }
    plugin->free_object(&object);
    return k;
}

static uint64_t now_ns(bool of_thread)
{
    struct timespec t;
    clock_gettime(of_thread ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static ExecVerdict run_kernel(Test *t, VM *vm, Variant *v, const Plan *plan, Frame *frame, Value iterable, const NCheck **failed)
{
    Kernel *k = v->kernels;
    while (k && !(k->key == plan->key && k->plan == plan && array_layout_is(v->facts, v->nest->n_arrays, k->stride, k->group)))
        k = k->next;
    if (!k)
        k = make_kernel(t, v, plan);
    if (k->is_refused)
        return EXEC_FAILED;
    CpuBackend b = { .vm = vm, .opt = { .n_threads = t->config->n_threads } };
    n_runs++;
    ExecVerdict verdict = cpu_launch(&b.base, &k->code, plan, v->facts, frame, iterable, failed);
    uint64_t best = UINT64_MAX;
    for (int i = 0; i < n_repeats && verdict == EXEC_DONE; i++) {
        bool of_thread = t->config->n_threads == 1;
        uint64_t start = now_ns(of_thread);
        cpu_launch(&b.base, &k->code, plan, v->facts, frame, iterable, failed);
        uint64_t took = now_ns(of_thread) - start;
        best = took < best ? took : best;
    }
    if (n_repeats)
        printf("  %s, line %u: %.3f us\n", t->config->name, src_line(&frame->chunk->src, v->loop->span.start),
               (double)best * 1e-3);
    return verdict;
}

static LoopVerdict take(VM *vm, Frame *frame, Node *loop, Value iterable)
{
    Test *t = vm->engine_state;
    Variant *v = find_variant(t, vm, frame, loop, iterable);
    const ExecOptions plain = { 0 };
    const NCheck *failed = NULL;
    ReasonAt why = { 0 };
    if (!v)
        return LOOP_DECLINED;
    facts_collect(v->facts, v->nest, frame, iterable);
    const Plan *plan = planner_get(v->planner, v->facts, &why);
    if (!plan) {
        if (verbose)
            printf("  no plan: %s\n", reason_name(why.code));
        return LOOP_DECLINED;
    }
    ExecVerdict verdict = t->config ? run_kernel(t, vm, v, plan, frame, iterable, &failed)
                                    : exec_plan(plan, v->facts, frame, iterable, &plain, &failed);
    if (verbose)
        printf("  line %u: verdict %d%s%s\n", src_line(&frame->chunk->src, loop->span.start), (int)verdict,
               failed ? ", check " : "", failed ? nest_check_name((NCheckKind)failed->kind) : "");
    switch (verdict) {
    case EXEC_DONE:     return LOOP_DONE;
    case EXEC_BROKE:    return LOOP_BROKE;
    case EXEC_RETURNED: return LOOP_RETURNED;
    case EXEC_RAISED:
        vm_trace_add(vm, loop, frame);
        return LOOP_RAISED;
    case EXEC_FAILED: case EXEC_NO_MEMORY: case EXEC_LEFT: case EXEC_DISPROVED:
        break;
    }
    return LOOP_DECLINED;
}

/* Those of one chunk; NULL: all. */
static void forget_variants(VM *vm, Chunk *chunk)
{
    Test *t = vm->engine_state;
    for (Variant **at = &t->variants, *v; (v = *at);) {
        if (chunk && v->nest->chunk != chunk) {
            at = &v->next;
            continue;
        }
        *at = v->next;
        planner_free(v->planner);
        facts_free(v->facts, v->nest);
        nest_free(v->nest);
        for (Kernel *k = v->kernels, *after; k; k = after) {
            after = k->next;
            if (!k->is_refused)
                elf_unload(&k->code.image);
            free(k->stride);
            free(k->group);
            free(k);
        }
        free(v);
    }
}

static void forget_all(VM *vm)
{
    forget_variants(vm, NULL);
}

static const LoopEngine engine = { .name = "test", .take = take, .forget_chunk = forget_variants, .close = forget_all };

/* ---- results ----------------------------------------------------------------------------------------------------------- */

static VM *start_vm(Mem *mem, Test *t, const Config *config)
{
    VM *vm = vm_new(mem);
    t->config = config;
    vm->engine = &engine;
    vm->engine_state = t;
    return vm;
}

static Result run_program(const char *text, const Config *config)
{
    Mem mem;
    mem_init(&mem, NULL, NULL);
    Test *t = calloc(1, sizeof *t);
    VM *vm = start_vm(&mem, t, config);
    Result r = result_in(vm, text, &t->output);
    vm_free(vm);
    free(t);
    return r;
}

/* Output as text is not compared: its digits differ. */
static bool is_near(const Result *a, const Result *b)
{
    double x, y;
    if (a->n_text != b->n_text || a->size != b->size)
        return a->n_text != b->n_text;
    for (size_t i = a->n_text; i + 8 <= a->size; i += 8) {
        memcpy(&x, a->text + i, 8);
        memcpy(&y, b->text + i, 8);
        if (memcmp(&x, &y, 8) && !(fabs(x - y) <= 1e-4 * (fabs(x) + 1)))
            return false;
    }
    return true;
}

/* Which variable differs, for people. */
static void explain(const char *text, const Config *config)
{
    Mem mem;
    mem_init(&mem, NULL, NULL);
    VM *vm[2];
    Test *t[2];
    for (int k = 0; k < 2; k++) {
        t[k] = calloc(1, sizeof *t[k]);
        Result traceback = { 0 };
        vm[k] = start_vm(&mem, t[k], k ? config : NULL);
        if (!run_in(vm[k], text, &t[k]->output, &traceback))
            printf("%s: %.*s\n", k ? "kernel" : "reference", (int)traceback.size, traceback.text);
        free(traceback.text);
    }
    show_differences(vm[0], vm[1], "kernel");
    for (int k = 0; k < 2; k++) {
        vm_free(vm[k]);
        free(t[k]);
    }
}

/* ---- programs ---------------------------------------------------------------------------------------------------------- */

static uint64_t n_programs, n_wrong;

static void run_text(const char *text)
{
    n_programs++;
    if (verbose)
        printf("%.60s\n", text);
    Result want = n_repeats ? (Result){ 0 } : run_program(text, NULL);
    for (size_t i = 0; i < COUNT_OF(configs); i++) {
        if (!(chosen >> i & 1) || !can_run(&configs[i]))
            continue;
        Result got = run_program(text, &configs[i]);
        if (n_repeats)
            ;
        else if (configs[i].fp == FP_Fast ? !is_near(&want, &got)
                                          : want.size != got.size || memcmp(want.text, got.text, want.size)) {
            n_wrong++;
            printf("FAIL with %s:\n%s#---\n", configs[i].name, text);
            explain(text, &configs[i]);
        }
        free(got.text);
        fflush(stdout);
    }
    free(want.text);
}

static bool open_plugin(const char *path)
{
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL), *symbol = handle ? dlsym(handle, CPU_PLUGIN_SYMBOL) : NULL;
    CpuPluginGet get;
    memcpy(&get, &symbol, sizeof get);
    plugin = symbol ? get() : NULL;
    if (!plugin)
        printf("%s\n", handle ? "no plug-in" : dlerror());
    else if (plugin->version != CPU_PLUGIN_VERSION || plugin->abi_version != CPU_ABI_VERSION ||
             plugin->plan_size != sizeof(Plan) || plugin->nest_size != sizeof(Nest))
        plugin = NULL;
    return plugin != NULL;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        printf("usage: test_emit PLUGIN [-s] [-v] [-t] [-d] [-0] [-a] [-c MASK] [-r N] FILE|- ...\n");
        return 2;
    }
    if (!open_plugin(argv[1]))
        return 1;
    bool ok = true;
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "-v") == 0)
            verbose = true;
        else if (strcmp(argv[i], "-t") == 0)
            timings = true;
        else if (strcmp(argv[i], "-d") == 0)
            dump_what = "llvm";
        else if (strcmp(argv[i], "-s") == 0)
            tsan = true;
        else if (strcmp(argv[i], "-0") == 0)
            dump_what = "llvm0";
        else if (strcmp(argv[i], "-c") == 0 && i + 1 < argc)
            chosen = (unsigned)strtoul(argv[++i], NULL, 0);
        else if (strcmp(argv[i], "-r") == 0 && i + 1 < argc)
            n_repeats = atoi(argv[++i]);
        else if (strcmp(argv[i], "-a") == 0)
            dump_what = "asm";
        else
            ok &= each_program(argv[i], run_text);
    }
    pool_shutdown();
    printf("%" PRIu64 " programs, %" PRIu64 " kernels (%" PRIu64 " refused), %" PRIu64 " executions, %" PRIu64 " wrong\n",
           n_programs, n_kernels, n_refused, n_runs, n_wrong);
    if (n_kernels)
        printf("on average: emit %.2f ms, optimise %.2f ms, generate %.2f ms\n", (double)total_ns[0] * 1e-6 / (double)n_kernels,
               (double)total_ns[1] * 1e-6 / (double)n_kernels, (double)total_ns[2] * 1e-6 / (double)n_kernels);
    return !ok || n_wrong || n_refused;
}
