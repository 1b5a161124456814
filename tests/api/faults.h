/* tests/api/faults.h — what test_faults.c and the plug-in that it runs with (llvm_faults.cpp) share: which call is to fail. */
#ifndef TESTS_API_FAULTS_H
#define TESTS_API_FAULTS_H

/* Calls of the chosen kind are counted, those with numbers first … last fail.  Its address stands in the environment as ALPY_FAULTS, in hexadecimal. */
typedef enum FaultKind {
    FAULT_NONE,
    FAULT_CALL,                 /* of a function of LLVM that can say that it failed */
    FAULT_MEMORY,               /* for memory, by LLVM or by the plug-in */
    FAULT_FATAL,                /* the same calls, but LLVM finds itself at fault there */
    FAULT_ALPY,                 /* for memory or of the system, by alpy itself */
    FAULT_THREAD,               /* for a thread */
} FaultKind;

typedef struct Faults { FaultKind kind; long first, last, seen; } Faults;

#define FAULTS_VARIABLE "ALPY_FAULTS"

/* Counts this call; must it fail? */
static inline int fault_is_due(Faults *f, FaultKind kind)
{
    if (!f || f->kind != kind)
        return 0;
    long n = __atomic_add_fetch(&f->seen, 1, __ATOMIC_RELAXED);
    return n >= f->first && n <= f->last;
}

#endif
