/* jit/cpu/plugin.c — the LLVM plug-in's door: from a plan to object code (plugin.h).
 *
 * Each compilation has a context and a target machine of its own, so any number of threads may compile.
 *
 * LLVM ends the process when it meets what it takes for its own fault, or runs out of memory.  So modules are verified before anything else looks
 * at them, targets are looked up before they are used, and LLVM is called through a guard (guard.h).  When that has caught something, LLVM is not
 * called again in this process: it may have left locks locked.  The first compilation, which makes the data that LLVM keeps for good and guards by
 * locks, is alone; those after it find that data there. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <llvm-c/Analysis.h>
#include <llvm-c/Target.h>
#include <llvm-c/Transforms/PassBuilder.h>

#include "jit/cpu/emit.h"
#include "jit/cpu/guard.h"
#include "jit/cpu/link.h"

static struct {
    pthread_mutex_t first;              /* of the first compilation */
    bool   is_warm;                     /* it went well; under the lock */
    _Atomic bool is_broken;             /* the guard caught something: never again */
    /* the host; NULL: not known yet */
    char  *triple, *cpu, *features;
    LLVMTargetRef target;
} llvm = { .first = PTHREAD_MUTEX_INITIALIZER };

/* ---- the host ---------------------------------------------------------------------------------------------------------- */

/* False: *message, or no words. */
static bool find_host(char **message)
{
    if (LLVMInitializeNativeTarget() || LLVMInitializeNativeAsmPrinter())
        return false;
    if (!llvm.triple)
        llvm.triple = LLVMGetDefaultTargetTriple();
    if (!llvm.cpu)
        llvm.cpu = LLVMGetHostCPUName();
    if (!llvm.features)
        llvm.features = LLVMGetHostCPUFeatures();
    if (!llvm.triple || !llvm.cpu || !llvm.features)
        return false;
    if (!llvm.target && LLVMGetTargetFromTriple(llvm.triple, &llvm.target, message)) {
        llvm.target = NULL;
        return false;
    }
    return true;
}

/* Of the registers that code for this processor uses. */
static int vector_bits(const CpuCompileOptions *opt, const char *cpu, const char *features)
{
    if (opt->prefer_vector_width)
        return opt->prefer_vector_width;
    if (strstr(features, "+avx512f") || strcmp(cpu, "x86-64-v4") == 0)
        return 512;
    return strstr(features, "+avx") || strcmp(cpu, "x86-64-v3") == 0 ? 256 : 128;
}

/* Is a fused multiply-add one instruction? */
static bool has_fma(const char *cpu, const char *features)
{
#if defined(__x86_64__)
    return strstr(features, "+fma") || strcmp(cpu, "x86-64-v3") == 0 || strcmp(cpu, "x86-64-v4") == 0;
#else
    return true;
#endif
}

/* ---- one compilation --------------------------------------------------------------------------------------------------- */

typedef struct Job {
    const CpuCompileOptions *opt;
    const Plan *plan;
    CpuObject  *out;
    LLVMContextRef cx;
    LLVMModuleRef module;
    LLVMTargetMachineRef machine;
    int   bits;
    bool  has_fma;
    int   n_functions;          /* elementary functions that the module calls and contains */
    bool  ok;
    char *error;                /* [256]; "": LLVM has not complained */
} Job;

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static bool fail(Job *j, const char *what, char *message)
{
    if (!j->error[0])
        snprintf(j->error, 256, "%s%s%.200s", what, message ? ": " : "", message ? message : "");
    if (message)
        LLVMDisposeMessage(message);
    return false;
}

/* Without it LLVM prints, and after an error ends the process. */
static void on_diagnostic(LLVMDiagnosticInfoRef info, void *user)
{
    if (LLVMGetDiagInfoSeverity(info) == LLVMDSError)
        fail(user, "LLVM", LLVMGetDiagInfoDescription(info));
}

static bool make_machine(Job *j)
{
    const char *cpu = j->opt->cpu ? j->opt->cpu : llvm.cpu, *features = j->opt->features ? j->opt->features
                                                                        : j->opt->cpu    ? ""
                                                                                         : llvm.features;
    LLVMCodeGenOptLevel level = j->opt->opt_level >= 3 ? LLVMCodeGenLevelAggressive : (LLVMCodeGenOptLevel)j->opt->opt_level;
    j->bits = vector_bits(j->opt, cpu, features);
    j->has_fma = has_fma(cpu, features);
    j->machine = LLVMCreateTargetMachine(llvm.target, llvm.triple, cpu, features, level, LLVMRelocPIC, LLVMCodeModelSmall);
    return j->machine || fail(j, "LLVM has no code generator for this machine", NULL);
}

static void text_attribute(Job *j, LLVMValueRef fn, const char *name, const char *value)
{
    LLVMAttributeRef a = LLVMCreateStringAttribute(j->cx, name, (unsigned)strlen(name), value, (unsigned)strlen(value));
    LLVMAddAttributeAtIndex(fn, (unsigned)LLVMAttributeFunctionIndex, a);
}

static void enum_attribute(Job *j, LLVMValueRef fn, const char *name)
{
    LLVMAttributeRef a = LLVMCreateEnumAttribute(j->cx, LLVMGetEnumAttributeKindForName(name, strlen(name)), 0);
    LLVMAddAttributeAtIndex(fn, (unsigned)LLVMAttributeFunctionIndex, a);
}

/* --fp=fast: sums may be reordered and products fused into them. */
static void free_floats(LLVMValueRef fn)
{
    for (LLVMBasicBlockRef b = LLVMGetFirstBasicBlock(fn); b; b = LLVMGetNextBasicBlock(b))
        for (LLVMValueRef i = LLVMGetFirstInstruction(b); i; i = LLVMGetNextInstruction(i))
            if (LLVMCanValueUseFastMathFlags(i))
                LLVMSetFastMathFlags(i, LLVMFastMathAllowReassoc | LLVMFastMathNoSignedZeros | LLVMFastMathAllowContract);
}

static void mark_functions(Job *j)
{
    char width[16];
    snprintf(width, sizeof width, "%d", j->bits);
    for (LLVMValueRef fn = LLVMGetFirstFunction(j->module); fn; fn = LLVMGetNextFunction(fn)) {
        if (LLVMIsDeclaration(fn))
            continue;
        enum_attribute(j, fn, "nounwind");
        text_attribute(j, fn, "prefer-vector-width", width);
        if (j->opt->tsan)
            enum_attribute(j, fn, "sanitize_thread");
        size_t size;
        if (j->opt->fp == FP_Fast && strncmp(LLVMGetValueName2(fn, &size), "elem_", 5) != 0)    /* whose exactness needs their order */
            free_floats(fn);
    }
}

static void dump(const Job *j, const char *what)
{
    if (!j->opt->dump)
        return;
    char *text = LLVMPrintModuleToString(j->module);
    if (!text)
        return;
    j->opt->dump(j->opt->dump_user, what, text, strlen(text));
    LLVMDisposeMessage(text);
}

static void dump_assembly(const Job *j)
{
    char *message = NULL;
    LLVMMemoryBufferRef out = NULL;
    if (!j->opt->dump)
        return;
    LLVMModuleRef copy = LLVMCloneModule(j->module);           /* generating code changes a module */
    if (!copy)
        return;
    if (LLVMTargetMachineEmitToMemoryBuffer(j->machine, copy, LLVMAssemblyFile, &message, &out))
        LLVMDisposeMessage(message);
    else
        j->opt->dump(j->opt->dump_user, "asm", LLVMGetBufferStart(out), LLVMGetBufferSize(out));
    if (out)
        LLVMDisposeMemoryBuffer(out);
    LLVMDisposeModule(copy);
}

static bool make_module(Job *j)
{
    char *message = NULL;
    j->module = emit_module(j->cx, j->plan, j->opt, j->bits, j->has_fma && link_has_functions(), j->error);
    if (!j->module)
        return false;
    LLVMTargetDataRef layout = LLVMCreateTargetDataLayout(j->machine);
    if (!layout)
        return fail(j, "LLVM gives no data layout", NULL);
    LLVMSetModuleDataLayout(j->module, layout);
    LLVMDisposeTargetData(layout);
    LLVMSetTarget(j->module, llvm.triple);
    if (!link_functions(j->module, &j->n_functions, j->error, 256))
        return false;
    mark_functions(j);
    dump(j, "llvm0");
    if (LLVMVerifyModule(j->module, LLVMReturnStatusAction, &message))
        return fail(j, "the emitted module is not well-formed", message);
    LLVMDisposeMessage(message);
    return true;
}

/* Half of default<O2>'s time for the same speed (PolyBench, within 1 %): what is emitted has its loops in their final form,
 * few calls, and nothing to be inlined. */
#define CLEAN "instcombine<no-verify-fixpoint>,simplifycfg,"
#define KERNEL_PASSES \
    "function(sroa,early-cse<memssa>,simplifycfg,instcombine<no-verify-fixpoint>,loop-mssa(licm)," \
    "loop(indvars,loop-unroll-full),sroa,gvn," CLEAN "loop-mssa(licm)," \
    "loop-vectorize,loop-load-elim," CLEAN "loop-unroll<O3>,instcombine<no-verify-fixpoint>,loop-mssa(licm))"

static bool optimise(Job *j)
{
    static const char *const pipeline[] = { "default<O0>", "default<O1>", KERNEL_PASSES, KERNEL_PASSES };
    int level = j->opt->opt_level < 0 ? 0 : j->opt->opt_level > 3 ? 3 : j->opt->opt_level;
    LLVMPassBuilderOptionsRef o = LLVMCreatePassBuilderOptions();
    if (!o)
        return fail(j, "optimising", NULL);
    LLVMPassBuilderOptionsSetCallGraphProfile(o, false);
    char passes[500];
    const char *before = j->n_functions ? "always-inline," : "", *behind = j->n_functions ? ",always-inline" : "";
    snprintf(passes, sizeof passes, "%s%s%s%s", before, pipeline[level], behind, j->opt->tsan ? ",tsan-module,function(tsan)" : "");
    LLVMErrorRef error = LLVMRunPasses(j->module, passes, j->machine, o);
    LLVMDisposePassBuilderOptions(o);
    if (error) {
        char *text = LLVMGetErrorMessage(error);
        snprintf(j->error, 256, "optimising: %.200s", text);
        LLVMDisposeErrorMessage(text);
        return false;
    }
    if (j->n_functions)
        link_drop_unused(j->module);
    dump(j, "llvm");
    return true;
}

static bool generate(Job *j)
{
    char *message = NULL;
    LLVMMemoryBufferRef object = NULL;
    CpuObject *out = j->out;
    dump_assembly(j);
    if (LLVMTargetMachineEmitToMemoryBuffer(j->machine, j->module, LLVMObjectFile, &message, &object))
        return fail(j, "generating code", message);
    out->size = LLVMGetBufferSize(object);
    out->bytes = aligned_alloc(64, (out->size + 63) & ~(size_t)63);
    if (out->bytes)
        memcpy(out->bytes, LLVMGetBufferStart(object), out->size);
    LLVMDisposeMemoryBuffer(object);
    return out->bytes || fail(j, "no memory", NULL);
}

/* In the guard. */
static void run_job(void *user)
{
    Job *j = user;
    char *message = NULL;
    uint64_t start = now_ns(), emitted = 0, optimised = 0;
    if (!llvm.target && !find_host(&message)) {
        fail(j, "LLVM does not know this machine", message);
        return;
    }
    j->cx = LLVMContextCreate();
    if (!j->cx) {
        fail(j, "no memory", NULL);
        return;
    }
    LLVMContextSetDiagnosticHandler(j->cx, on_diagnostic, j);
    LLVMContextSetDiscardValueNames(j->cx, !j->opt->dump);
    bool ok = make_machine(j) && make_module(j);
    emitted = now_ns();
    ok = ok && optimise(j);
    optimised = now_ns();
    ok = ok && generate(j);
    if (j->module)
        LLVMDisposeModule(j->module);
    if (j->machine)
        LLVMDisposeTargetMachine(j->machine);
    LLVMContextDispose(j->cx);
    j->out->emit_ns = emitted - start;
    j->out->optimise_ns = optimised - emitted;
    j->out->codegen_ns = now_ns() - optimised;
    j->ok = ok && !j->error[0];
}

static void free_object(CpuObject *object);

static int compile(const Plan *plan, const CpuCompileOptions *opt, CpuObject *out, char error_text[256])
{
    Job j = { .opt = opt, .plan = plan, .out = out, .error = error_text };
    error_text[0] = 0;
    *out = (CpuObject){ 0 };
    pthread_mutex_lock(&llvm.first);
    bool is_alone = !llvm.is_warm;
    if (!is_alone)
        pthread_mutex_unlock(&llvm.first);
    if (atomic_load(&llvm.is_broken))
        fail(&j, "LLVM has failed before in this process", NULL);
    else if (!guard_call(run_job, &j, error_text, 256)) {
        atomic_store(&llvm.is_broken, true);
        j.ok = false;
    }
    if (is_alone) {
        llvm.is_warm = j.ok;
        pthread_mutex_unlock(&llvm.first);
    }
    if (!j.ok)
        free_object(out);
    return !j.ok;
}

static void free_object(CpuObject *object)
{
    free(object->bytes);
    *object = (CpuObject){ 0 };
}

/* ---- the door ---------------------------------------------------------------------------------------------------------- */

__attribute__((visibility("default"))) const CpuPlugin *alpy_llvm_plugin(void);

const CpuPlugin *alpy_llvm_plugin(void)
{
    static const CpuPlugin plugin = {
        .version = CPU_PLUGIN_VERSION, .abi_version = CPU_ABI_VERSION, .plan_size = sizeof(Plan), .nest_size = sizeof(Nest),
        .llvm_version = ALPY_LLVM_VERSION, .build_id = ALPY_VERSION, .compile = compile, .free_object = free_object,
    };
    return &plugin;
}
