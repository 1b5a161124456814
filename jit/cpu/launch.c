/* jit/cpu/launch.c — one execution of a kernel: what it is handed (abi.h), and what it calls back for.
 *
 * A kernel runs on the interpreter's own thread and, in its parallel loops, on the pool's.  The interpreter itself is used by one thread at a time: slow
 * operations and requests for memory take the execution's lock.  Being asked to stop: `attention` is the word that kernels poll.  The
 * interpreter's thread then asks vm_poll(), which raises the exception; other threads only look whether it would, and end their parts.  A part that
 * ended early ends the execution with an exception in any case, since its iterations were not run. */
#include <fenv.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "interp/reduce_tree.h"
#include "jit/cpu/kernels.h"
#include "jit/cpu/pool.h"
#include "jit/nest/fun.h"
#include "jit/plan/exec_code.h"

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

enum { LOOK_NS = 1000000, PARTS_PER_THREAD = 8, PARTS_TO_WATCH = 200, FEW_ARRAYS = 16 };

_Static_assert(sizeof(CpuScalar) == sizeof(Slot) && _Alignof(CpuScalar) == _Alignof(Slot) && sizeof(TreeValue) == sizeof(CpuScalar),
               "kernels work on the executor's slots");

typedef struct Block { struct Block *next; size_t size; _Alignas(16) char bytes[]; } Block;

/* The run time's side of one execution. */
typedef struct Execution {
    CpuRun      run;
    CpuBackend *backend;
    const CpuKernel *kernel;
    const Facts *facts;
    Prog       *prog;
    Block      *blocks;         /* given out by run_alloc() */
    pthread_t   thread;         /* the interpreter's own */
    int         n_threads;      /* that it may use, with this one */
    _Atomic uint64_t *done;     /* NULL, or: iterations of parallel loops that are done */
    uint64_t    next_look_ns;   /* of that thread, at the clock and the host's poll_fn */
    pthread_mutex_t lock;       /* of the interpreter */
    _Atomic bool stopped;       /* parts are to end; never taken back */
    bool        raised;         /* … and the exception is pending */
} Execution;

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- stopping ------------------------------------------------------------------------------------------------------------------- */

static bool stop(Execution *x)
{
    atomic_store_explicit(&x->stopped, true, memory_order_relaxed);
    /* vm_poll() takes an interrupt's bit back: other threads must go on asking. */
    atomic_fetch_or(&x->backend->vm->attention, VM_ATTN_POLL);
    return true;
}

/* The interpreter's own thread: let it look. */
static bool look(Execution *x)
{
    VM *vm = x->backend->vm;
    pthread_mutex_lock(&x->lock);
    vm->poll_count = 1;         /* at the clock, too */
    if (!x->raised)
        x->raised = vm_poll(vm) != ALP_OK;
    pthread_mutex_unlock(&x->lock);
    return x->raised && stop(x);
}

static int32_t run_poll_slowly(CpuRun *run)
{
    Execution *x = run->user;
    VM *vm = x->backend->vm;
    bool is_own = pthread_equal(pthread_self(), x->thread), is_interrupted;
    if (atomic_load_explicit(&x->stopped, memory_order_relaxed))
        return true;
    is_interrupted = atomic_load_explicit(&vm->attention, memory_order_relaxed) & VM_ATTN_INTERRUPT;
    uint64_t now = is_interrupted ? 0 : now_ns();
    if (!is_own)
        return (is_interrupted || (vm->deadline_ns && now >= vm->deadline_ns)) && stop(x);
    if (!is_interrupted) {
        if (now < x->next_look_ns)
            return false;
        x->next_look_ns = now + LOOK_NS;
    }
    return look(x);
}

/* ---- parallel loops ---------------------------------------------------------------------------------------------------------------- */

typedef struct Parts {
    CpuRun  *run;
    CpuBody  body;
    void    *frame;
    int64_t  n, size;           /* iterations; of one part */
    _Atomic uint64_t *done;     /* Backend.done */
    int64_t  last;              /* of the parts, to begin with that one; -1: with the first */
    _Atomic int32_t worst;
} Parts;

static void run_part(void *user, int64_t index)
{
    Parts *p = user;
    if (atomic_load_explicit(&p->worst, memory_order_relaxed) != CPU_DONE)
        return;
    if (p->last >= 0)
        index = p->last - index;
    int64_t lo = index * p->size, hi = p->n - lo < p->size ? p->n : lo + p->size;
    int32_t status = p->body(p->run, p->frame, lo, hi, index);
    if (UNLIKELY(p->done != NULL))
        atomic_fetch_add_explicit(p->done, (uint64_t)(hi - lo), memory_order_relaxed);
    int32_t worst = atomic_load_explicit(&p->worst, memory_order_relaxed);
    while (status > worst && !atomic_compare_exchange_weak(&p->worst, &worst, status))
        ;
}

/* The caller has nothing left to do, and others have. */
static void while_waiting(void *user)
{
    const Parts *p = user;
    Execution *x = p->run->user;
    if (atomic_load_explicit(&x->backend->vm->attention, memory_order_relaxed))
        run_poll_slowly(p->run);
}

static int32_t run_parallel(CpuRun *run, CpuBody body, void *frame, int64_t n, int64_t grain, int32_t uneven)
{
    const Execution *x = run->user;
    int threads = x->n_threads;
    if (n <= 0)
        return CPU_DONE;
    if (grain < 1)
        grain = 1;
    int64_t units = n / grain + (n % grain != 0), parts = threads <= 1 ? 1 : uneven ? (int64_t)threads * PARTS_PER_THREAD : threads;
    if (UNLIKELY(x->done != NULL) && parts < PARTS_TO_WATCH)
        parts = PARTS_TO_WATCH;
    if (parts > units || x->backend->opt.spread_all)
        parts = units;
    int64_t units_each = units / parts + (units % parts != 0);
    int64_t size = units_each >= units ? n : units_each * grain;
    int64_t n_parts = n / size + (n % size != 0);
    Parts p = { .run = run, .body = body, .frame = frame, .n = n, .size = size, .done = x->done, .last = x->backend->opt.spread_all ? n_parts - 1 : -1 };
    pool_run(threads, n_parts, run_part, while_waiting, &p);
    return atomic_load_explicit(&p.worst, memory_order_relaxed);
}

/* ---- what kernels call for -------------------------------------------------------------------------------------------------------- */

static void *run_alloc(CpuRun *run, int64_t size)
{
    Execution *x = run->user;
    Block *b = NULL;
    if (size < 0 || size > INT64_MAX / 2)
        return NULL;
    size_t total = sizeof *b + (size_t)size;
    pthread_mutex_lock(&x->lock);
    b = mem_alloc(&x->backend->vm->mem, total);
    if (b) {
        b->size = total;
        b->next = x->blocks;
        x->blocks = b;
    }
    pthread_mutex_unlock(&x->lock);
    return b ? b->bytes : NULL;
}

static void free_blocks(Execution *x)
{
    for (Block *b = x->blocks, *next; b; b = next) {
        next = b->next;
        mem_free(&x->backend->vm->mem, b, b->size);
    }
    x->blocks = NULL;
}

static void run_fold(CpuRun *run, int32_t op, int32_t rep, const void *buffer, int64_t n, CpuScalar *result)
{
    (void)run;
    TreeValue v = tree_fold_chunks((TreeOp)op, (DType)rep, buffer, n);
    memcpy(result, &v, sizeof *result);
}

static int32_t run_slow(CpuRun *run, int32_t id, CpuScalar *result, const CpuScalar *a, const CpuScalar *b)
{
    Execution *x = run->user;
    pthread_mutex_lock(&x->lock);
    /* A pending exception must not be taken for this operation's. */
    bool good = !x->raised && exec_eval_op(x->prog, x->prog->nest->exprs[id], (const Slot *)a, (const Slot *)b, (Slot *)result);
    pthread_mutex_unlock(&x->lock);
    return !good;
}

static void *fun_f64[NF_FUN_COUNT], *fun_f32[NF_FUN_COUNT];
static pthread_once_t fun_once = PTHREAD_ONCE_INIT;

static void fill_functions(void)
{
    for (int i = 0; i < NF_FUN_COUNT; i++) {
        const NFunInfo *f = &nfun_info[i];
        fun_f64[i] = f->arity == 1 ? (void *)(uintptr_t)f->f64_1 : (void *)(uintptr_t)f->f64_2;
        fun_f32[i] = f->arity == 1 ? (void *)(uintptr_t)f->f32_1 : (void *)(uintptr_t)f->f32_2;
    }
}

/* ---- one execution ------------------------------------------------------------------------------------------------------------------ */

/* Does this thread round to nearest and keep denormals?  A host may have asked for something else. */
static bool is_default_env(void)
{
#if defined(__x86_64__)
    return (_mm_getcsr() & ~0x3fu) == 0x1f80;
#else
    return false;
#endif
}

static int32_t call_kernel(Execution *x)
{
    fenv_t env;
    CpuEntry entry;
    bool is_default = is_default_env();
    memcpy(&entry, &x->kernel->image.entry, sizeof entry);
    if (!is_default) {
        fegetenv(&env);
        fesetenv(FE_DFL_ENV);
    }
    int32_t status = entry(&x->run);
    if (!is_default)
        fesetenv(&env);
    return status;
}

/* An exception is pending when it returns: a part ended early. */
static void make_sure_of_exception(Execution *x)
{
    VM *vm = x->backend->vm;
    vm->poll_count = 1;
    if (!x->raised && vm_poll(vm) == ALP_OK)
        raise(vm, TY_KeyboardInterrupt, "%s", "");      /* taken back meanwhile */
}

static void fill_arrays(CpuArray *to, const Facts *facts, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        const Array *a = facts->array[i].array;
        to[i].data = a->data;
        for (int d = 0; d < a->ndim; d++) {
            to[i].shape[d] = a->shape[d];
            to[i].stride[d] = a->strides[d];
        }
    }
}

static ExecOutcome run_kernel(void *user, Prog *prog)
{
    Execution *x = user;
    VM *vm = x->backend->vm;
    uint32_t n = prog->nest->n_arrays;
    CpuArray few[FEW_ARRAYS], *array = n <= FEW_ARRAYS ? few : mem_alloc(&vm->mem, n * sizeof *array);
    if (!array)
        return (ExecOutcome){ .no_memory = true, .untouched = true };
    fill_arrays(array, x->facts, n);
    pthread_once(&fun_once, fill_functions);
    x->prog = prog;
    x->run = (CpuRun){
        .var = (CpuScalar *)prog->var, .array = array, .sym = x->facts->sym, .stop = &vm->attention, .poll = run_poll_slowly,
        .parallel = run_parallel, .alloc = run_alloc, .fun_f64 = fun_f64, .fun_f32 = fun_f32, .slow = run_slow, .fold = run_fold, .user = x,
    };
    int32_t status = call_kernel(x);
    int32_t failed = atomic_load_explicit(&x->run.failed_check, memory_order_relaxed);
    free_blocks(x);
    if (array != few)
        mem_free(&vm->mem, array, n * sizeof *array);
    if (status == CPU_STOPPED || x->raised)
        make_sure_of_exception(x);
    return (ExecOutcome){
        .flow = status == CPU_RETURNED ? FLOW_Return : FLOW_On,
        .broke = status == CPU_BROKE,
        .root_ran = x->run.root_ran != 0,
        .raised = status == CPU_STOPPED || x->raised,
        .no_memory = status == CPU_FAILED && failed < 0,
        .failed = status == CPU_FAILED,
        .failed_check = failed > 0 ? (uint32_t)failed - 1 : NO_CHECK,
        .returned = status == CPU_RETURNED ? prog->nest->stmts[x->run.ret_stmt] : NULL,
        .ret = (const Slot *)&x->run.ret,
    };
}

ExecVerdict cpu_launch(Backend *b, void *kernel, const Plan *plan, const Facts *facts, Frame *frame, Value iterable, const NCheck **failed)
{
    Execution x = { .backend = (CpuBackend *)b, .kernel = kernel, .facts = facts, .thread = pthread_self(), .lock = PTHREAD_MUTEX_INITIALIZER };
    x.n_threads = x.backend->opt.n_threads;
    x.done = b->done;
    if (b->n_threads && b->n_threads < (uint32_t)x.n_threads)
        x.n_threads = (int)b->n_threads;
    return exec_plan_by(plan, facts, frame, iterable, run_kernel, &x, false, failed);
}
