/* jit/plan/engine_run.c — who carries a plan out: the interpreter, the reference executor, or a back end's kernel.
 *
 * Compiling takes longer than most loops do, so it is paid for by what has been lost without it (ski rental): a plan gets its kernel
 * when as much time has gone into its executions as making the kernel takes, the present one's expected time included.  Three cases:
 *
 *   small      a kernel, or even the executor, could not win back what entering it takes: the interpreter.
 *   known      the numbers of this execution tell how long it will take.  If that is longer than a compilation, the kernel is
 *              waited for; else the executor runs, which is faster than the interpreter.
 *   not known  (a while loop inside, a break, a bound that is read from an array) the executor runs, and watches the clock.
 *
 * Changing over.  While the executor runs it asks every few thousand back edges whether it is to leave.  Meanwhile the kernel is looked
 * for, made in another thread, and ready at last: then what was written is put back, and the kernel runs the plan from the start.
 * So a single long execution takes no longer than the shorter of interpreting it, and of compiling plus running the kernel, plus
 * putting back.  What is thrown away is what was done while the compiler was at work; a kernel does that again in a fraction of a
 * millisecond.  Going on in the middle would save that fraction, and would need a proof for every kind of plan: chunks of ordered
 * accumulations that are half done, values of expanded variables, a part of a distributed loop.  From the start it is one whole
 * execution of the plan by one who knows all of it; so bits, last values, checks and errors are those of any other execution.
 *
 * A While loop that the interpreter runs is different: what is left of it after any iteration is the same loop, entered with the
 * variables as they are.  So the interpreter asks again after some iterations (take_rest), and the rest is handed over as it stands.
 * That needs no proof where no accumulation of the loop is ordered; where one may be, the interpreter is not given the loop in the
 * first place. */
#include <string.h>
#include <time.h>

#include "interp/residency.h"
#include "jit/plan/engine_int.h"

enum {
    MAX_FAILURES = 3,           /* of a plan's checks, if it never goes well: after that the interpreter has it */
};

/* In nanoseconds; operations as plan_work() counts them. */
#define NS_PER_OP   1.5         /* where nothing has been measured yet: eleven nests took the executor 1.0 to 1.9, the interpreter 1.2 to 5.7 */
#define SMALL_NS    1e3         /* looking at the loop and entering a kernel take 0.4 us */
#define TIMED_NS    2e4         /* from here on executions are timed: two looks at the clock are 0.1 us */
#define FIND_NS     1e6         /* price of looking for a kernel on disk, … */
#define COMPILE_NS  10e6        /* … and of making one (the first one in a process: twice that) */
#define WAIT_NS     20e6        /* from here on it is waited for: what would be done meanwhile is thrown away, and would slow the compiler down */
#define BYTES_PER_NS 0.1        /* copying arrays takes less than a twentieth of an execution that writes so much in a nanosecond of its time */

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

LoopVerdict engine_no_memory(VM *vm, Frame *frame, Node *loop)
{
    raise_nomem(vm);
    vm_trace_add(vm, loop, frame);
    return LOOP_RAISED;
}

bool engine_looks_at_all(const Engine *e)
{
    return e->keeps_all || e->opt.device == DEV_Reference || e->opt.backend || e->opt.gpu;
}

bool engine_is_tiny(const Engine *e, const LoopState *ls, Value iterable)
{
    return e->opt.device == DEV_Auto && !e->keeps_all && ls->n_nodes && iterable.tag == T_Range &&
           (double)RANGE(iterable)->count * ls->n_nodes * NS_PER_OP < SMALL_NS;
}

/* Must the plan be carried out by somebody who knows it? */
static bool needs_executor(const Engine *e, const Variant *v, const Plan *plan)
{
    return e->opt.device == DEV_Reference || plan->has_ordered || v->has_inlined_loops;
}

/* ---- what it costs ----------------------------------------------------------------------------------------------------- */

/* What carrying the plan out without a kernel would take with the present facts, roughly. */
static double estimate(const Engine *e, Variant *v, const Plan *plan)
{
    const Facts *f = v->facts;
    size_t size = f->n_key * sizeof *f->key;
    if (!v->work_key || memcmp(v->work_key, f->key, size) != 0) {
        v->work = plan_work(plan, f);
        if (!v->work_key && (v->work_key = mem_alloc(&e->vm->mem, size)))
            v->n_work_key = f->n_key;
        if (v->work_key)
            memcpy(v->work_key, f->key, size);
    }
    if (v->ns_per_op == 0)
        v->ns_per_op = NS_PER_OP;
    return v->work.ops * v->ns_per_op;
}

/* An execution took that long: later estimates follow. */
static void learn(Variant *v, double ns)
{
    double per_op = ns / (v->work.ops > 1 ? v->work.ops : 1);
    v->ns_per_op = 0.5 * (v->ns_per_op + per_op);
}

static KernelWish wish_for(double spent_ns)
{
    return spent_ns >= COMPILE_NS ? WISH_Start : spent_ns >= FIND_NS ? WISH_Find : WISH_None;
}

/* ---- one execution ----------------------------------------------------------------------------------------------------- */

typedef struct Job {
    Engine    *e;
    LoopState *ls;
    Variant   *v;
    const Plan *plan;
    Frame     *frame;
    Value      iterable;
    RanOn      on;
    Backend   *by;              /* whose kernel … */
    void      *kernel;          /* … this is; NULL: none yet */
    bool       has_no_kernel;   /* there will be none */
    double     ns;              /* estimate; 0: none was made */
    uint64_t   start_ns;        /* 0: not timed */
} Job;

static Plan *plan_of(const Job *j)
{
    return (Plan *)j->plan;     /* what is cached with a plan is no part of what it says */
}

/* Ask b for the kernel; true: it is there. */
static bool seek_kernel(Job *j, Backend *b, KernelWish wish)
{
    Plan *plan = plan_of(j);
    ReasonAt why = { 0 };
    if (wish == WISH_Find && plan->use.was_sought)
        wish = WISH_None;
    plan->use.was_sought |= wish >= WISH_Find;
    switch (b->kernel(b, plan, j->v->facts, j->e->opt.plan.fp, wish, &j->kernel, &why)) {
    case KERNEL_READY:
        j->on.why_not.code = RS_None;
        j->by = b;
        return true;
    case KERNEL_MAKING: why.code = RS_NotReady; break;
    case KERNEL_ABSENT: why.code = RS_Small; break;
    case KERNEL_NEVER:  j->has_no_kernel = true; break;
    }
    j->on.why_not = why;
    j->kernel = NULL;
    return false;
}

/* The executor asks whether to go on (ExecOptions.leaves). */
static bool leaves(void *user, bool is_last)
{
    Job *j = user;
    double ns = (double)(now_ns() - j->start_ns);
    if (!j->v->work.is_known)
        ns *= 2;                /* what has taken so long may well take as long again */
    else if (ns < j->ns)
        ns = j->ns;
    return !j->has_no_kernel && seek_kernel(j, j->e->opt.backend, is_last ? WISH_Wait : wish_for(j->plan->use.spent_ns + ns));
}

static bool is_failing(const Job *j)
{
    return j->plan->use.n_failed > MAX_FAILURES && j->plan->use.n_done == 0;
}

/* The interpreter runs the planned nest. */
static LoopVerdict decline(Job *j)
{
    j->on.device = "interp";
    engine_record_planned(j->e, j->ls, j->plan, j->v->facts, j->iterable, &j->on);
    j->ls->covered = true;
    return LOOP_DECLINED;
}

static LoopVerdict end(Job *j, ExecVerdict verdict, const NCheck *failed)
{
    Engine *e = j->e;
    LoopState *ls = j->ls;
    ReasonAt why = { 0 };
    switch (verdict) {
    case EXEC_DONE: case EXEC_BROKE: case EXEC_RETURNED:
        plan_of(j)->use.n_done++;
        j->on.time_ns = e->opt.report && j->start_ns ? now_ns() - j->start_ns : 0;
        if (e->opt.timeline && j->start_ns)
            timeline_span(e->opt.timeline, TRACK_Program, "nest", j->start_ns, now_ns(), "\"line\": %u, \"device\": \"%s\"",
                          (unsigned)src_line(&ls->chunk->src, ls->loop->span.start), j->on.device);
        engine_record_planned(e, ls, j->plan, j->v->facts, j->iterable, &j->on);
        return verdict == EXEC_DONE ? LOOP_DONE : verdict == EXEC_BROKE ? LOOP_BROKE : LOOP_RETURNED;
    case EXEC_FAILED:
        plan_of(j)->use.n_failed++;
        reason_set(&why, RS_CheckFailed, failed && failed->ast ? failed->ast->span : ls->loop->span, "%s",
                   failed ? nest_check_name((NCheckKind)failed->kind) : "");
        engine_record_interpreted(e, ls, &why, j->iterable);
        ls->covered = ls->is_replayed = true;
        return LOOP_DECLINED;
    case EXEC_NO_MEMORY: case EXEC_LEFT:
        return engine_no_memory(e->vm, j->frame, ls->loop);
    case EXEC_DISPROVED:
        raise(e->vm, TY_RuntimeError, "a check of the plan that counts as proved failed: %s",
              failed ? nest_check_name((NCheckKind)failed->kind) : "bounds");
        break;
    case EXEC_RAISED:
        break;
    }
    vm_trace_add(e->vm, ls->loop, j->frame);
    return LOOP_RAISED;
}

/* Whoever runs the nest on this machine's processor needs its arrays' bytes there. */
static Status bring_to_host(const Job *j)
{
    const Nest *nest = j->plan->nest;
    VM *vm = j->e->vm;
    for (uint32_t i = 0; vm->n_on_device && i < nest->n_arrays; i++)
        if (array_to_host(vm, j->v->facts->array[i].array, nest->arrays[i]->is_written ? HOST_Write : HOST_Read) != ALP_OK) {
            vm_trace_add(vm, j->ls->loop, j->frame);
            return ALP_FAIL;
        }
    return ALP_OK;
}

static LoopVerdict by_executor(Job *j, bool may_leave);

static LoopVerdict by_kernel(Job *j)
{
    Backend *b = j->by;
    const NCheck *failed = NULL;
    if (b == j->e->opt.backend && bring_to_host(j) != ALP_OK)
        return LOOP_RAISED;
    j->on.device = b->name;
    ExecVerdict verdict = b->run(b, j->kernel, j->plan, j->v->facts, j->frame, j->iterable, &failed);
    j->on.moved = b->last;
    if (verdict != EXEC_NO_MEMORY)
        return end(j, verdict, failed);
    j->on.why_not.code = RS_NoMemory;           /* kernels need more than interpreting does */
    return needs_executor(j->e, j->v, j->plan) ? by_executor(j, false) : decline(j);
}

/* May an execution of known length be left?  If that costs next to nothing: the estimate may be far too low. */
static bool copies_are_cheap(const Job *j)
{
    const Nest *nest = j->plan->nest;
    double bytes = 0;
    for (uint32_t i = 0; i < nest->n_arrays; i++) {
        const Array *a = j->v->facts->array[i].array;
        if (nest->arrays[i]->is_written)
            bytes += (double)a->size * dtype_info[a->dtype].size;
    }
    return j->ns >= FIND_NS && bytes <= j->ns * BYTES_PER_NS;
}

static LoopVerdict by_executor(Job *j, bool may_leave)
{
    ExecOptions opt = j->e->opt.exec;
    const NCheck *failed = NULL;
    if (bring_to_host(j) != ALP_OK)
        return LOOP_RAISED;
    if (may_leave) {
        opt.leaves = leaves;
        opt.leaves_user = j;
        opt.copies = j->v->work.is_known && copies_are_cheap(j);
    }
    j->on.device = "reference";
    ExecVerdict verdict = exec_plan(j->plan, j->v->facts, j->frame, j->iterable, &opt, &failed);
    if (j->ns > 0) {
        bool is_timed = j->start_ns && j->ns >= TIMED_NS;
        double ns = is_timed ? (double)(now_ns() - j->start_ns) : j->ns;
        plan_of(j)->use.spent_ns += ns;
        if (is_timed && verdict < EXEC_FAILED)
            learn(j->v, ns);
    }
    if (verdict == EXEC_LEFT)
        return by_kernel(j);
    if (verdict == EXEC_NO_MEMORY && !needs_executor(j->e, j->v, j->plan))
        return decline(j);
    return end(j, verdict, failed);
}

/* device auto, with a back end. */
static LoopVerdict by_the_best(Job *j, bool goes_on)
{
    Engine *e = j->e;
    LoopState *ls = j->ls;
    Variant *v = j->v;
    bool must = needs_executor(e, v, j->plan);
    if (is_failing(j)) {
        j->on.why_not.code = RS_CheckFailed;
        return must ? by_executor(j, false) : decline(j);
    }
    j->ns = estimate(e, v, j->plan);
    /* What is not known may be long this time: only a While loop is asked about again.  Entering the executor takes as long as entering a kernel. */
    bool may_be_small = v->work.is_known || (ls->loop->kind == ND_While && !e->keeps_all && !ls->may_order);
    if (j->ns < SMALL_NS && may_be_small && !must && !goes_on) {
        engine_note_small(ls, j->frame);
        j->on.why_not.code = RS_Small;
        return decline(j);
    }
    ls->n_small = 0;
    KernelWish wish = v->work.is_known && j->ns > WAIT_NS ? WISH_Wait : wish_for(j->plan->use.spent_ns + (v->work.is_known ? j->ns : 0));
    if (seek_kernel(j, e->opt.backend, wish))
        return by_kernel(j);
    bool is_watched = !j->has_no_kernel && (!v->work.is_known || e->opt.always_leaves || copies_are_cheap(j));
    if (!j->start_ns && (is_watched || j->ns >= TIMED_NS))
        j->start_ns = now_ns();
    return by_executor(j, is_watched);
}

LoopVerdict engine_run(Engine *e, LoopState *ls, Variant *v, const Plan *plan, Frame *frame, Value iterable, bool goes_on)
{
    Job j = { .e = e, .ls = ls, .v = v, .plan = plan, .frame = frame, .iterable = iterable };
    j.start_ns = e->opt.report || e->opt.timeline ? now_ns() : 0;
    if (e->opt.gpu && seek_kernel(&j, e->opt.gpu, WISH_Wait))
        return by_kernel(&j);
    const ReasonAt no_gpu = j.on.why_not;
    if (e->opt.backend && e->opt.device == DEV_Auto)
        return by_the_best(&j, goes_on);
    if (e->opt.backend && is_failing(&j))
        j.on.why_not.code = RS_CheckFailed;
    else if (e->opt.backend && seek_kernel(&j, e->opt.backend, WISH_Wait)) {
        j.on.why_not = no_gpu;
        return by_kernel(&j);
    }
    return needs_executor(e, v, plan) ? by_executor(&j, false) : decline(&j);
}
