/* interp/api.h — what the files that implement alpy.h share: the handle of an interpreter, entering and leaving it, and
 * values on their way in and out.
 *
 * Every public call brackets its work by api_enter() and api_leave().  A call that can fail ends in api_fail(), which
 * turns the pending exception into the report that alpy_error() gives, so none is pending while the host runs. */
#ifndef ALP_INTERP_API_H
#define ALP_INTERP_API_H

#include <alpy.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "profile/timeline.h"
#include "interp/module.h"
#include "interp/str.h"

/* A value that the host holds.  alpy_value.ref is (generation << 32) | (index + 1), so a second release is noticed. */
typedef struct Held {
    Value    value;             /* T_Unbound: free */
    uint32_t generation;
    uint32_t next_free;         /* index + 1; 0 ends the list */
} Held;

/* An exception outside of the VM: that of a failed call made by a registered function, which may return it. */
typedef struct Parked {
    TypeId      type;           /* TY_COUNT: none */
    Value       value, where;
    uint32_t    line, column;
    Sym         hint;
    TraceEntry *trace;
    uint32_t    n_trace, cap_trace;
} Parked;

/* A row of alpy_register(). */
typedef struct HostFunction {
    struct HostFunction *next;
    alpy_vm       *host;
    alpy_native_fn fn;
    void          *user;
    int            min_args, max_args;
    NativeRow      row;         /* points into text */
    size_t         size;        /* of this block */
    char           text[];      /* name, doc */
} HostFunction;

struct alpy_vm {
    VM          *vm;
    Mem          mem;           /* the handle's own, without limit: what has to outlive the VM */
    alpy_config  config;        /* argv and script_dir: copies, in `strings` */
    char        *strings;
    size_t       strings_size;

    _Atomic uintptr_t owner;    /* thread inside; 0 = none */
    uint32_t     depth;         /* nested entries of that thread */
    bool         in_hook;       /* one of the host's functions that may not come back is running, or the VM is being
                                 * closed */
    uint32_t     in_native;     /* registered functions running */

    pid_t        thread;        /* the VM's stack limit is of this one; 0 = of none */

    Held        *held;
    uint32_t     n_held, cap_held, free_held;

    Parked       parked;
    HostFunction *functions;
    Timeline    *timeline;      /* NULL: none is kept */
    bool         explain_lost;  /* the record of loops is incomplete, for lack of memory */

    alpy_error_info error;
    Value        error_text, error_file, error_traceback;   /* own the texts that `error` points to */
    char         error_small[128];                          /* a report when there is no memory for a better one */
};

/* False: the call is to return ALPY_USAGE. */
bool api_enter(alpy_vm *a);
void api_leave(alpy_vm *a);
/* The same for calls that run a program: the outermost one starts the clock, and delivers the output when it ends.
 * Takes over the result: `ok` says whether an exception is pending. */
bool api_enter_run(alpy_vm *a);
alpy_status api_leave_run(alpy_vm *a, bool ok);
/* Leave, reporting the pending exception; the call's status. */
alpy_status api_fail(alpy_vm *a);
/* Leave with a report of wrong use. */
alpy_status api_misuse(alpy_vm *a, const char *text);
static inline alpy_status api_done(alpy_vm *a, Status s)
{
    if (s != ALP_OK)
        return api_fail(a);
    api_leave(a);
    return ALPY_OK;
}

/* Exceptions parked outside the VM. */
void api_park(alpy_vm *a, Parked *p);               /* the pending exception, if any */
void api_unpark(alpy_vm *a, Parked *p);             /* becomes the pending one; *p is none afterwards */
void api_drop_parked(alpy_vm *a, Parked *p);
#define PARKED_NONE ((Parked){ .type = TY_COUNT, .value = { .tag = T_None }, .where = { .tag = T_Unbound } })

/* Values.  api_out takes v; on failure *out is None and an exception is pending.  api_in: owned, V_ERR with *wrong set
 * to what is wrong with `in`, or with an exception pending and *wrong NULL. */
Status api_out(alpy_vm *a, ALP_TAKE Value v, alpy_value *out);
Value  api_in(alpy_vm *a, const alpy_value *in, const char **wrong);
/* Give up a handle; false: it was no valid one. */
bool   api_unhold(alpy_vm *a, uint64_t ref);
/* The value of a dotted path in the module scope, owned. */
Value  api_lookup(alpy_vm *a, const char *path);
bool   api_utf8_valid(const char *text, size_t size);

#endif
