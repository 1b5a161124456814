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
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dsl/parse.h"
#include "interp/engine.h"
#include "interp/module.h"
#include "interp/ops.h"
#include "interp/str.h"
#include "jit/cpu/kernels.h"
#include "jit/cpu/pool.h"
#include "jit/plan/exec.h"

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
    char     output[1 << 16];
    size_t   n_output;
} Test;

static int keep_output(void *user, int stream, const char *text, size_t size)
{
    Test *t = user;
    if (t->n_output + size < sizeof t->output) {
        memcpy(t->output + t->n_output, text, size);
        t->n_output += size;
    }
    return 0;
}

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

static uint8_t stride_class(const Array *a, int d)
{
    return a->strides[d] == dtype_info[a->dtype].size ? CPU_STRIDE_UNIT : a->strides[d] == 0 ? CPU_STRIDE_ZERO : CPU_STRIDE_ANY;
}

static bool layout_is(const Kernel *k, const Facts *f, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (k->group[i] != f->array[i].group)
            return false;
        for (int d = 0; d < f->array[i].array->ndim; d++)
            if (k->stride[i * ALP_MAX_NDIM + (uint32_t)d] != stride_class(f->array[i].array, d))
                return false;
    }
    return true;
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
    for (uint32_t i = 0; i < n; i++) {
        k->group[i] = v->facts->array[i].group;
        for (int d = 0; d < v->facts->array[i].array->ndim; d++)
            k->stride[i * ALP_MAX_NDIM + (uint32_t)d] = stride_class(v->facts->array[i].array, d);
    }
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
    while (k && !(k->key == plan->key && k->plan == plan && layout_is(k, v->facts, v->nest->n_arrays)))
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

typedef struct Result { char *text; size_t size, cap, n_text; /* bytes of output, before the variables */ } Result;

static void put(Result *r, const void *bytes, size_t n)
{
    if (r->size + n + 1 > r->cap) {
        r->cap = 2 * (r->size + n) + 256;
        r->text = realloc(r->text, r->cap);
    }
    memcpy(r->text + r->size, bytes, n);
    r->size += n;
    r->text[r->size] = 0;
}

static void put_part(Result *r, bool single, const char *p)
{
    double d;
    float f;
    static const double nan = NAN;
    if (single) {
        memcpy(&f, p, 4);
        d = (double)f;
    } else {
        memcpy(&d, p, 8);
    }
    put(r, d != d ? &nan : &d, 8);
}

static void put_element(Result *r, DType d, const char *p)
{
    switch (d) {
    case DT_F32: case DT_F64:   put_part(r, d == DT_F32, p); break;
    case DT_C64: case DT_C128:
        put_part(r, d == DT_C64, p);
        put_part(r, d == DT_C64, p + dtype_info[d].size / 2);
        break;
    default:                    put(r, p, dtype_info[d].size); break;
    }
}

static void put_array(Result *r, const Array *a)
{
    int64_t index[ALP_MAX_NDIM] = { 0 };
    put(r, a->shape, a->ndim * sizeof *a->shape);
    for (int64_t k = 0; k < a->size; k++) {
        const char *p = a->data;
        for (int d = 0; d < a->ndim; d++)
            p += index[d] * a->strides[d];
        put_element(r, (DType)a->dtype, p);
        for (int d = a->ndim - 1; d >= 0 && ++index[d] == a->shape[d]; d--)
            index[d] = 0;
    }
}

static void put_value(Result *r, Value v)
{
    double part[2];
    put(r, &v.tag, sizeof v.tag);
    switch ((Tag)v.tag) {
    case T_Array:
        put_array(r, ARRAY(v));
        break;
    case T_Float: case T_NpF64: case T_NpF32: case T_Complex: case T_NpC128: case T_NpC64:
        value_as_complex(v, &part[0], &part[1]);
        put_part(r, false, (char *)&part[0]);
        put_part(r, false, (char *)&part[1]);
        break;
    case T_Bool:
    case T_Int:
    case T_NpBool:
    case T_NpI8:
    case T_NpI16:
    case T_NpI32:
    case T_NpI64:
    case T_NpU8:
    case T_NpU16:
    case T_NpU32:
    case T_NpU64: put(r, &v.u.u, 8); break;
    default:
        break;                  /* functions, modules, lists: their contents are in the output if at all */
    }
}

static Result run_program(const char *text, const Config *config)
{
    Mem mem;
    mem_init(&mem, NULL, NULL);
    Test *t = calloc(1, sizeof *t);
    Result r = { 0 };
    t->config = config;
    VM *vm = vm_new(&mem);
    vm->write_fn = keep_output;
    vm->io_user = t;
    vm->engine = &engine;
    vm->engine_state = t;
    RunStatus s = vm_run(vm, vm->main, "t.alp", text, strlen(text), PM_File);
    if (s == RUN_EXC) {
        Value v = vm_format_traceback(vm);
        put(&r, STR(v)->text, STR(v)->size);
        value_free(vm, v);
        vm_clear_exc(vm);
    }
    put(&r, t->output, t->n_output);
    r.n_text = r.size;
    for (uint32_t i = 0; i < vm->main->names.count; i++)
        put_value(&r, vm->main->slots[i]);
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
        t[k]->config = k ? config : NULL;
        vm[k] = vm_new(&mem);
        vm[k]->write_fn = keep_output;
        vm[k]->io_user = vm[k]->engine_state = t[k];
        vm[k]->engine = &engine;
        if (vm_run(vm[k], vm[k]->main, "t.alp", text, strlen(text), PM_File) == RUN_EXC) {
            Value v = vm_format_traceback(vm[k]);
            printf("%s: %.*s\n", k ? "kernel" : "reference", (int)STR(v)->size, STR(v)->text);
            value_free(vm[k], v);
            vm_clear_exc(vm[k]);
        }
    }
    for (uint32_t i = 0; i < vm[0]->main->names.count; i++) {
        Result a = { 0 }, b = { 0 };
        put_value(&a, vm[0]->main->slots[i]);
        put_value(&b, vm[1]->main->slots[i]);
        if (a.size != b.size || memcmp(a.text, b.text, a.size)) {
            size_t at = 0;
            while (at < a.size && at < b.size && a.text[at] == b.text[at])
                at++;
            printf("  %s differs at byte %zu of %zu", intern_text(vm[0]->names, vm[0]->main->names.name[i]), at, a.size);
            double x, y;
            at = 8 + (at - 8) / 8 * 8;
            if (at + 8 <= a.size && at + 8 <= b.size) {
                memcpy(&x, a.text + at, 8);
                memcpy(&y, b.text + at, 8);
                int64_t p, q;
                memcpy(&p, &x, 8);
                memcpy(&q, &y, 8);
                printf(": %.17g, kernel %.17g (as integers %" PRId64 ", %" PRId64 ")", x, y, p, q);
            }
            printf("\n");
        }
        free(a.text);
        free(b.text);
    }
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

/* Programs are separated by lines "#---". */
static bool run_file(const char *path)
{
    FILE *in = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
    char line[4096];
    Result text = { 0 };
    if (!in) {
        perror(path);
        return false;
    }
    for (bool more = true; more;) {
        more = fgets(line, sizeof line, in) != NULL;
        if (more && strcmp(line, "#---\n") != 0) {
            put(&text, line, strlen(line));
        } else {
            if (text.size)
                run_text(text.text);
            text.size = 0;
        }
    }
    free(text.text);
    if (in != stdin)
        fclose(in);
    return true;
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
            ok &= run_file(argv[i]);
    }
    pool_shutdown();
    printf("%" PRIu64 " programs, %" PRIu64 " kernels (%" PRIu64 " refused), %" PRIu64 " executions, %" PRIu64 " wrong\n",
           n_programs, n_kernels, n_refused, n_runs, n_wrong);
    if (n_kernels)
        printf("on average: emit %.2f ms, optimise %.2f ms, generate %.2f ms\n", (double)total_ns[0] * 1e-6 / (double)n_kernels,
               (double)total_ns[1] * 1e-6 / (double)n_kernels, (double)total_ns[2] * 1e-6 / (double)n_kernels);
    return !ok || n_wrong || n_refused;
}
