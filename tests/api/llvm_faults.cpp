/* tests/api/llvm_faults.cpp — part of a second build of the LLVM plug-in in which calls can be made to fail (faults.h).  The linker leads the calls that
 * stand in FAULTS (meson.build) to the functions here. */
#include <cstdlib>
#include <cstring>

#include <llvm-c/Analysis.h>
#include <llvm-c/Core.h>
#include <llvm-c/Error.h>
#include <llvm-c/TargetMachine.h>
#include <llvm-c/Transforms/PassBuilder.h>
#include <llvm/Support/ErrorHandling.h>

#include "tests/api/faults.h"

namespace {

/* Only what happens in compilations counts. */
thread_local bool is_compiling;

Faults *faults()
{
    static Faults *const found = [] {
        const char *text = std::getenv(FAULTS_VARIABLE);
        return text ? reinterpret_cast<Faults *>(std::strtoull(text, nullptr, 16)) : nullptr;
    }();
    return found;
}

bool fails(FaultKind kind)
{
    return is_compiling && fault_is_due(faults(), kind);
}

bool fails_with(char **message)
{
    if (!fails(FAULT_CALL))
        return false;
    *message = LLVMCreateMessage("as the test wishes");
    return true;
}

bool memory_fails()
{
    if (fails(FAULT_FATAL)) {
        is_compiling = false;           /* the report itself needs memory */
        llvm::report_fatal_error("as the test wishes");
    }
    return fails(FAULT_MEMORY);
}

}

#define REAL(f) __real_##f
#define WRAP(f) __wrap_##f

/* A function that fails by returning `failure`. */
#define FAILING(type, failure, f, parameters, arguments) \
    type REAL(f) parameters; \
    type WRAP(f) parameters; \
    type WRAP(f) parameters { return fails(FAULT_CALL) ? failure : REAL(f) arguments; }

/* One that fails with a message. */
#define TELLING(f, parameters, arguments) \
    LLVMBool REAL(f) parameters; \
    LLVMBool WRAP(f) parameters; \
    LLVMBool WRAP(f) parameters { return fails_with(message) ? 1 : REAL(f) arguments; }

extern "C" {

FAILING(char *, nullptr, LLVMGetDefaultTargetTriple, (), ())
FAILING(char *, nullptr, LLVMGetHostCPUName, (), ())
FAILING(char *, nullptr, LLVMGetHostCPUFeatures, (), ())
FAILING(char *, nullptr, LLVMPrintModuleToString, (LLVMModuleRef m), (m))
FAILING(LLVMContextRef, nullptr, LLVMContextCreate, (), ())
FAILING(LLVMModuleRef, nullptr, LLVMCloneModule, (LLVMModuleRef m), (m))
FAILING(LLVMTargetDataRef, nullptr, LLVMCreateTargetDataLayout, (LLVMTargetMachineRef t), (t))
FAILING(LLVMPassBuilderOptionsRef, nullptr, LLVMCreatePassBuilderOptions, (), ())
FAILING(LLVMTargetMachineRef, nullptr, LLVMCreateTargetMachine,
        (LLVMTargetRef t, const char *triple, const char *cpu, const char *features, LLVMCodeGenOptLevel level, LLVMRelocMode reloc, LLVMCodeModel model),
        (t, triple, cpu, features, level, reloc, model))
FAILING(LLVMErrorRef, LLVMCreateStringError("as the test wishes"), LLVMRunPasses,
        (LLVMModuleRef m, const char *passes, LLVMTargetMachineRef t, LLVMPassBuilderOptionsRef o), (m, passes, t, o))
TELLING(LLVMGetTargetFromTriple, (const char *triple, LLVMTargetRef *t, char **message), (triple, t, message))
TELLING(LLVMVerifyModule, (LLVMModuleRef m, LLVMVerifierFailureAction action, char **message), (m, action, message))
TELLING(LLVMTargetMachineEmitToMemoryBuffer,
        (LLVMTargetMachineRef t, LLVMModuleRef m, LLVMCodeGenFileType type, char **message, LLVMMemoryBufferRef *out), (t, m, type, message, out))

#define MEMORY(f, parameters, arguments) \
    void *REAL(f) parameters; \
    void *WRAP(f) parameters; \
    void *WRAP(f) parameters { return memory_fails() ? nullptr : REAL(f) arguments; }

MEMORY(malloc, (size_t size), (size))
MEMORY(calloc, (size_t n, size_t size), (n, size))
MEMORY(realloc, (void *p, size_t size), (p, size))
MEMORY(aligned_alloc, (size_t align, size_t size), (align, size))

bool REAL(guard_call)(void (*fn)(void *), void *user, char *error, size_t size);
bool WRAP(guard_call)(void (*fn)(void *), void *user, char *error, size_t size);

bool WRAP(guard_call)(void (*fn)(void *), void *user, char *error, size_t size)
{
    faults();
    is_compiling = true;
    bool good = REAL(guard_call)(fn, user, error, size);
    is_compiling = false;
    return good;
}

}
