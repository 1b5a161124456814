/* jit/cpu/guard.cpp — see guard.h; C++ because LLVM reports lack of memory by C++'s means.
 *
 * There are three ways out of LLVM other than a return: operator new finds no memory, malloc() finds none, or LLVM meets what it takes for its own fault.
 * Each calls a handler first, and then would end the process; the handlers here jump back to the guard.  They jump rather than throw because LLVM
 * is compiled without exceptions, because unwinding may want memory itself, and because the unwinder linked into the plug-in and the C library's do
 * not understand each other.  Destructors do not run either way. */
#include "jit/cpu/guard.h"

#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <new>

#include <llvm/Support/ErrorHandling.h>

namespace {

struct Inside {
    std::jmp_buf back;
    char  *error;
    size_t size;
};

/* Of this thread's guard_call(); NULL: LLVM, or the C++ library, shared with the host, is at work for somebody else.  Set before anything else happens:
 * the first access in a thread allocates it, and would end the process if that failed later. */
thread_local Inside *inside;

[[noreturn]] void jump_out(const char *what, const char *why)
{
    std::snprintf(inside->error, inside->size, "%s%.200s", what, why);
    std::longjmp(inside->back, 1);
}

void on_fatal_error(void *, const char *reason, bool)
{
    if (inside)
        jump_out("LLVM gave up: ", reason);
}

void on_bad_alloc(void *, const char *reason, bool)
{
    if (inside)
        jump_out("LLVM ran out of memory", "");
    std::fprintf(stderr, "LLVM ERROR: out of memory: %s\n", reason);
    std::abort();
}

std::new_handler others;

void on_failed_new()
{
    if (inside)
        jump_out("LLVM ran out of memory", "");
    if (!others)
        throw std::bad_alloc();
    others();
}

void install_handlers()
{
    llvm::install_fatal_error_handler(on_fatal_error);
    llvm::install_bad_alloc_error_handler(on_bad_alloc);
    others = std::set_new_handler(on_failed_new);
}

}

extern "C" bool guard_call(void (*fn)(void *user), void *user, char *error, size_t size)
{
    static std::once_flag once;
    Inside here;
    here.error = error;
    here.size = size;
    if (setjmp(here.back)) {
        inside = nullptr;
        return false;
    }
    inside = &here;
    std::call_once(once, install_handlers);
    fn(user);
    inside = nullptr;
    return true;
}
