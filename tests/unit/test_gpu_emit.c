/* tests/unit/test_gpu_emit.c — emitted CUDA C: it compiles, and computes what the reference executor computes.
 *
 * Usage: test_gpu_emit [-v] [-d] [-c] [-n] [-e] [-r N] FILE|- ...      programs, separated by lines "#---"
 *
 * Every program runs with its nests carried out by exec_plan(), and then on the GPU (ALPY_CUDA_DRIVER and ALPY_NVRTC name the stand-in where there is
 * none).  All variables of the program, arrays byte by byte, its output and its exceptions have to be the same (any NaN is as good as another).
 * -c: instead, every text is compiled by NVRTC for several architectures, which is skipped where there is no NVRTC; -e: only emitted, with
 * every allocation refused once.
 * -v: what ran; -d: the texts; -n: a nest that is refused is no failure; -r N: nothing is compared, every execution is repeated N times, and the least time told. */
#include <math.h>
#include <time.h>

#include "interp/engine.h"
#include "jit/gpu/device.h"
#include "jit/gpu/gpu.h"
#include "jit/gpu/program.h"
#include "jit/plan/exec.h"
#include "program_kit.h"

typedef enum Mode { MODE_Reference, MODE_Gpu, MODE_Compile, MODE_Emit } Mode;

static bool verbose, dump, may_refuse;
static int n_repeats;
static const Nvrtc *nvrtc;
static uint64_t n_kernels, n_refused, n_runs, n_texts, n_not_run;
static uint64_t *compile_ns;
static size_t n_compiled;

/* ---- an engine --------------------------------------------------------------------------------------------------------- */

typedef struct Variant {
    struct Variant *next;
    Node    *loop;
    Nest    *nest;
    Planner *planner;
    Facts   *facts;
    const Plan *seen[64];       /* plans whose texts were looked at */
    uint32_t n_seen;
} Variant;

typedef struct Test {
    Mode     mode;
    Backend *gpu;
    Variant *variants;
    Output   output;
} Test;

static void print_text(void *user, const char *text, size_t size)
{
    fwrite(text, 1, size, stdout);
}

/* Loops inside one that is no nest are asked about, too. */
static void ask_inside(Node *n, void *user)
{
    if (n->kind == ND_For)
        AST_AS(For, n)->ask_engine = true;
    else if (n->kind == ND_While)
        AST_AS(While, n)->ask_engine = true;
    else if (n->kind != ND_FuncDef)
        ast_each_child(n, ask_inside, user);
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
        ast_each_child(loop, ask_inside, NULL);
        return NULL;
    }
    Variant *v = calloc(1, sizeof *v);
    *v = (Variant){ .next = t->variants, .loop = loop, .nest = nest };
    v->planner = planner_new(nest, &options);
    v->facts = facts_new(nest);
    t->variants = v;
    return v;
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static bool compile_for(const GpuProgram *p, const char *arch)
{
    char option[64];
    snprintf(option, sizeof option, "--gpu-architecture=%s", arch);
    const char *const options[] = { option, "-fmad=false", "-ftz=false", "-prec-div=true", "-prec-sqrt=true", "--minimal", "-default-device", "--std=c++17" };
    nvrtcProgram program;
    size_t size = 0;
    if (nvrtc->CreateProgram(&program, p->text, "kernels.cu", 0, NULL, NULL) != 0)
        return false;
    uint64_t start = now_ns();
    bool ok = nvrtc->CompileProgram(program, (int)COUNT_OF(options), options) == 0 && nvrtc->GetCUBINSize(program, &size) == 0 && size > 0;
    if (!(n_compiled & (n_compiled - 1)))
        compile_ns = realloc(compile_ns, (2 * n_compiled + 1) * sizeof *compile_ns);
    compile_ns[n_compiled++] = now_ns() - start;
    if (!ok && nvrtc->GetProgramLogSize(program, &size) == 0) {
        char *log = calloc(1, size + 1);
        nvrtc->GetProgramLog(program, log);
        printf("FAIL: NVRTC for %s:\n%s\n%s\n", arch, log, p->text);
        free(log);
    }
    nvrtc->DestroyProgram(&program);
    return ok;
}

static uint64_t n_wrong;

/* Emits the plan's text, and compiles it in MODE_Compile. */
static void look_at_text(Test *t, Variant *v, const Plan *plan)
{
    static const char *const archs[] = { "sm_80", "sm_90", "sm_100" };
    uint32_t n = v->nest->n_arrays;
    for (uint32_t i = 0; i < v->n_seen; i++)
        if (v->seen[i] == plan)
            return;
    if (v->n_seen == COUNT_OF(v->seen))
        return;
    v->seen[v->n_seen++] = plan;
    uint8_t *stride = calloc(n + 1, ALP_MAX_NDIM);
    uint32_t *group = calloc(n + 1, sizeof *group);
    array_layout_of(v->facts, n, stride, group);
    const GpuLayout layout = { stride, group, n_texts % 2 == 0, n_texts % 3 == 0 };
    ReasonAt why = { 0 };
    Mem *mem = &v->nest->vm->mem;
    size_t used = mem->bytes_used;
    GpuProgram *p = NULL;
    for (uint64_t k = 1; t->mode == MODE_Emit && !p && (k == 1 || why.code == RS_NoMemory); k++) {      /* every allocation refused once */
        mem->fail_at = mem->n_alloc + k;
        p = gpu_emit(mem, plan, &layout, FP_Precise, &why);
        mem->fail_at = 0;
        if (!p && mem->bytes_used != used) {
            n_wrong++;
            printf("FAIL: memory is lost when allocation %" PRIu64 " is refused\n", k);
            break;
        }
    }
    if (t->mode != MODE_Emit)
        p = gpu_emit(mem, plan, &layout, FP_Precise, &why);
    n_texts++;
    if (!p) {
        n_refused++;
        if (verbose || !may_refuse)
            printf("refused: %s (%s)\n", reason_name(why.code), why.detail);
    } else {
        n_kernels += p->n_kernels;
        if (dump)
            fwrite(p->text, 1, p->text_size, stdout);
        for (size_t i = 0; i < COUNT_OF(archs) && t->mode == MODE_Compile; i++)
            n_wrong += !compile_for(p, archs[i]);
        gpu_program_free(p);
    }
    free(stride);
    free(group);
}

static void wait_for_device(void)
{
    const char *why;
    GpuDevice *d = gpu_device(-1, &why);
    if (d && gpu_enter(d)) {
        gpu_wait(d);
        gpu_leave(d);
    }
}

static ExecVerdict on_gpu(Test *t, const Plan *plan, Variant *v, Frame *frame, Value iterable, const NCheck **failed)
{
    void *kernel;
    ReasonAt why = { 0 };
    KernelState state = t->gpu->kernel(t->gpu, plan, v->facts, FP_Precise, WISH_Wait, &kernel, &why);
    if (state == KERNEL_READY) {
        ExecVerdict verdict = t->gpu->run(t->gpu, kernel, plan, v->facts, frame, iterable, failed);
        uint64_t best = UINT64_MAX;
        n_runs++;
        for (int i = 0; i < n_repeats; i++) {
            wait_for_device();
            uint64_t start = now_ns();
            t->gpu->run(t->gpu, kernel, plan, v->facts, frame, iterable, failed);
            wait_for_device();
            best = now_ns() - start < best ? now_ns() - start : best;
        }
        if (n_repeats)
            printf("  line %u: %.1f us\n", src_line(&frame->chunk->src, v->loop->span.start), (double)best * 1e-3);
        return verdict;
    }
    n_not_run++;
    if (verbose || !may_refuse)
        printf("refused: %s (%s)\n", reason_name(why.code), why.detail);
    n_refused++;
    return EXEC_FAILED;
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
    if (t->mode == MODE_Compile || t->mode == MODE_Emit)
        look_at_text(t, v, plan);
    ExecVerdict verdict = t->mode == MODE_Gpu ? on_gpu(t, plan, v, frame, iterable, &failed)
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
    case EXEC_FAILED: case EXEC_NO_MEMORY: case EXEC_DISPROVED: case EXEC_LEFT:
        break;
    }
    /* The interpreter works on the host's bytes. */
    for (uint32_t i = 0; i < v->nest->n_arrays; i++)
        if (array_to_host(vm, v->facts->array[i].array, HOST_Write) != ALP_OK)
            return LOOP_RAISED;
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
        free(v);
    }
}

static void forget_all(VM *vm)
{
    Test *t = vm->engine_state;
    forget_variants(vm, NULL);
    if (t->gpu)
        t->gpu->close(t->gpu);
    t->gpu = NULL;
}

static const LoopEngine engine = { .name = "test", .take = take, .forget_chunk = forget_variants, .close = forget_all };

/* ---- results ----------------------------------------------------------------------------------------------------------- */

static VM *start_vm(Mem *mem, Test *t, Mode mode)
{
    static const GpuOptions options = { .ordinal = -1 };
    static const GpuOptions telling = { .ordinal = -1, .dump = "cuda", .dump_fn = print_text };
    VM *vm = vm_new(mem);
    t->mode = mode;
    vm->engine = &engine;
    vm->engine_state = t;
    if (mode == MODE_Gpu)
        t->gpu = gpu_backend_new(vm, dump ? &telling : &options);
    return vm;
}

static Result run_program(const char *text, Mode mode)
{
    Mem mem;
    mem_init(&mem, NULL, NULL);
    Test *t = calloc(1, sizeof *t);
    VM *vm = start_vm(&mem, t, mode);
    Result r = result_in(vm, text, &t->output);
    vm_free(vm);
    free(t);
    return r;
}

/* Which variable differs, for people. */
static void explain(const char *text)
{
    Mem mem;
    mem_init(&mem, NULL, NULL);
    VM *vm[2];
    Test *t[2];
    for (int k = 0; k < 2; k++) {
        t[k] = calloc(1, sizeof *t[k]);
        Result traceback = { 0 };
        vm[k] = start_vm(&mem, t[k], k ? MODE_Gpu : MODE_Reference);
        if (!run_in(vm[k], text, &t[k]->output, &traceback))
            printf("%s: %.*s\n", k ? "GPU" : "reference", (int)traceback.size, traceback.text);
        free(traceback.text);
    }
    show_differences(vm[0], vm[1], "GPU");
    for (int k = 0; k < 2; k++) {
        vm_free(vm[k]);
        free(t[k]);
    }
}

/* ---- programs ---------------------------------------------------------------------------------------------------------- */

static Mode mode = MODE_Gpu;
static uint64_t n_programs;

static void run_text(const char *text)
{
    n_programs++;
    if (verbose)
        printf("%.60s\n", text);
    Result want = run_program(text, mode == MODE_Gpu && !n_repeats ? MODE_Reference : mode);
    if (mode == MODE_Gpu && !n_repeats) {
        Result got = run_program(text, MODE_Gpu);
        if (want.size != got.size || memcmp(want.text, got.text, want.size)) {
            n_wrong++;
            printf("FAIL:\n%s#---\n", text);
            explain(text);
        }
        free(got.text);
    }
    free(want.text);
    fflush(stdout);
}

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    bool ok = true;
    for (int i = 1; i < argc; i++) {
        const char *why = "";
        if (strcmp(argv[i], "-v") == 0) {
            verbose = true;
        } else if (strcmp(argv[i], "-d") == 0) {
            dump = true;
        } else if (strcmp(argv[i], "-n") == 0) {
            may_refuse = true;
        } else if (strcmp(argv[i], "-r") == 0 && i + 1 < argc) {
            n_repeats = atoi(argv[++i]);
        } else if (strcmp(argv[i], "-e") == 0) {
            mode = MODE_Emit;
        } else if (strcmp(argv[i], "-c") == 0) {
            mode = MODE_Compile;
            if (!(nvrtc = gpu_nvrtc(&why))) {
                printf("skipped: no NVRTC: %s\n", why);
                return 77;
            }
        } else {
            ok &= each_program(argv[i], run_text);
        }
    }
    printf("%" PRIu64 " programs, %" PRIu64 " texts with %" PRIu64 " kernels (%" PRIu64 " refused), %" PRIu64 " executions, %" PRIu64 " wrong\n",
           n_programs, n_texts, n_kernels, n_refused, n_runs, n_wrong);
    if (n_compiled) {
        qsort(compile_ns, n_compiled, sizeof *compile_ns, by_size);
        printf("NVRTC: %zu compilations, median %.1f ms, most %.1f ms\n", n_compiled, (double)compile_ns[n_compiled / 2] * 1e-6,
               (double)compile_ns[n_compiled - 1] * 1e-6);
    }
    free(compile_ns);
    return !ok || n_wrong || (n_refused && !may_refuse);
}
