/* jit/plan/engine_run.c — who carries a plan out: the interpreter, the reference executor, or a back end's kernel, on the CPU or a GPU.
 *
 * Small executions (some microseconds) are the interpreter's; for those that are a little longer a kernel of the CPU is made once as much time has gone
 * into them as that takes.  For all others engine_choice.c tells what every target would take, and decide.h chooses; kernels and devices are asked for as the
 * answer says, and the executor works meanwhile.
 *
 * Lengths.  Either the numbers of this execution tell how long it will take, or they do not (a while loop inside, a break, a bound that is read from
 * an array): then the executor runs, and watches the clock.
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
#include <math.h>
#include <string.h>
#include <time.h>

#include "interp/residency.h"
#include "jit/plan/engine_int.h"

enum {
    MAX_FAILURES = 3,           /* of a plan's checks, if it never goes well: after that the interpreter has it */
    MAX_ROUNDS = 4,             /* of deciding and asking for kernels, for one execution */
    FEW_THREADS = 4,
};

/* In nanoseconds; operations as plan_work() counts them. */
#define NS_PER_OP   1.5         /* where nothing has been measured yet: eleven nests took the executor 1.0 to 1.9, the interpreter 1.2 to 5.7 */
#define SMALL_NS    1e3         /* only a kernel that is there already can be better than interpreting */
#define INTERP_FACTOR 2.2       /* interpreting takes so many times what the executor does, roughly */
#define KERNEL_FACTOR 20        /* … and the executor what a kernel on one thread does */
#define ENTER_NS    450         /* looking at a loop whose kernel is there, and entering that */
#define CHOICE_NS   2e4         /* from here on there is more to choose from than one kernel of the CPU on one thread */
#define KERNEL_CHOICE_NS 1e5    /* … where that one is there, which takes a small part of it */
#define LONG_NS     1e7         /* work of unknown length that is likely to keep many threads busy */
#define MACHINE_NS  3e6         /* once so much has gone by without them: the price of a profile and of the model's first answers */
#define SPREAD_NS   1e6         /* … or so much can be won by several threads instead of one */
#define COMPILE_NS  6e6         /* price of making a kernel, while others work */
#define BYTES_PER_NS 0.1        /* copying arrays takes less than a twentieth of an execution that writes so much in a nanosecond of its time */

static const char *const executor_name = "reference";

uint64_t engine_now(const Engine *e)
{
    struct timespec t;
    if (UNLIKELY(e->opt.now))
        return e->opt.now();
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
    return e->keeps_all || e->opt.device == DEV_Reference || e->opt.device == DEV_Random || e->opt.backend || e->opt.gpu;
}

bool engine_is_tiny(const Engine *e, const LoopState *ls, Frame *frame, Value iterable)
{
    if (e->opt.device != DEV_Auto || e->keeps_all || ls->loop->kind != ND_For || iterable.tag != T_Range)
        return false;
    const LoopText *text = &AST_AS(For, ls->loop)->text;
    return !text->inner && !text->has_while && (double)RANGE(iterable)->count * (double)text->pass_ns < FAINT_NS &&
           !(e->vm->n_on_device && engine_names_device(ls, frame));
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
        v->choice = NULL;
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

/* What is spent on a look at the disk is little beside what an execution of unknown length may take. */
static KernelWish wish_for(double lost_ns, bool is_known)
{
    if (lost_ns >= COMPILE_NS)
        return WISH_Start;
    return lost_ns >= PREPARE_NS ? WISH_Prepare : lost_ns >= (is_known ? FIND_NS : FIND_NS / UNKNOWN_FACTOR) ? WISH_Find : WISH_None;
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
    Asked     *asked;           /* NULL: there is no choice */
    Asked     *room;            /* for it, if there is one later */
    bool       is_trial;
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
    int which = b == j->e->opt.gpu ? PLAN_GPU : PLAN_CPU;
    if (wish < WISH_Start && wish <= plan->use.sought[which])
        wish = WISH_None;
    if (wish > WISH_None)
        plan->use.sought[which] = (uint8_t)wish;
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

/* What ran the nest, and where, is told as this. */
static void set_target(Job *j, DecideTarget k)
{
    Asked *a = j->asked;
    int which = k == ON_Gpu ? PLAN_GPU : PLAN_CPU;
    j->on.target = (uint8_t)k;
    j->by = k < ON_Cpu1 ? NULL : k == ON_Gpu ? j->e->opt.gpu : j->e->opt.backend;
    j->kernel = j->by ? a->kernel[which] : NULL;
    if (k == ON_Cpu1 || k == ON_CpuN)
        j->by->n_threads = k == ON_Cpu1 ? 1 : a->choice->n_threads;
}

/* Why no kernel of the CPU, or, if one does it, why not the GPU's. */
static void set_why_not(Job *j)
{
    const Asked *a = j->asked;
    int which = j->by ? PLAN_GPU : PLAN_CPU;
    const Backend *b = which == PLAN_GPU ? j->e->opt.gpu : j->e->opt.backend;
    if (!b)
        return;
    if (a->state[which] == KERNEL_NEVER)
        j->on.why_not = a->why[which];
    else if (!j->by)
        j->on.why_not.code = a->q.on[ON_Cpu1].readiness == AVAIL_Making ? RS_NotReady : RS_Small;
}

/* Decide, and ask for what would be better, until nothing more comes of that. */
static DecideTarget choose(Job *j)
{
    Asked *a = j->asked;
    Answer answer;
    int round = 0;
    do
        decide(&a->q, &answer);
    while (engine_act(j->e, a, j->plan, j->v->facts, &answer) && ++round < MAX_ROUNDS);
    j->is_trial = answer.is_trial;
    j->on.why = answer.why;
    return (DecideTarget)answer.target;
}

/* The executor asks whether to go on (ExecOptions.leaves), and one kernel is all that there might be instead. */
static bool leaves_for_one(Job *j, double ns, bool is_last)
{
    if (!j->v->work.is_known)
        ns *= 2;                /* what has taken so long may well take as long again */
    else if (ns < j->ns)
        ns = j->ns;
    return j->e->opt.backend && !j->has_no_kernel &&
           seek_kernel(j, j->e->opt.backend, is_last ? WISH_Wait : wish_for(j->plan->use.lost_ns[PLAN_CPU] + ns, true));
}

static bool leaves(void *user, bool is_last)
{
    Job *j = user;
    Asked *a = j->asked;
    double ns = (double)(engine_now(j->e) - j->start_ns);
    if (!a && ns >= MACHINE_NS && engine_begin_asking(j->e, j->room, j->v, j->plan, false))
        j->on.asked = j->asked = a = j->room;
    if (!a)
        return leaves_for_one(j, ns, is_last);
    /* All of them take as many times longer than predicted as the executor does. */
    double whole = j->v->work.is_known && ns < a->q.on[ON_Executor].ns ? a->q.on[ON_Executor].ns : 2 * ns;
    const Question asked = a->q;
    double factor = whole / (asked.on[ON_Executor].ns > 1 ? asked.on[ON_Executor].ns : 1);
    engine_ask(j->e, a, j->plan, j->v->facts);
    a->q.is_known = a->q.may_leave = true;
    for (DecideTarget k = 0; k < ON_COUNT; k++)
        a->q.on[k].ns *= factor;
    Answer answer;
    int round = 0;
    do {
        decide(&a->q, &answer);
        if (is_last)
            answer.wish[a->q.on[ON_Cpu1].readiness != AVAIL_Never ? ON_Cpu1 : ON_Gpu] = WISH_Wait;
    } while (engine_act(j->e, a, j->plan, j->v->facts, &answer) && ++round < MAX_ROUNDS);
    a->q.on[ON_Executor].readiness = AVAIL_Never;
    DecideTarget k = decide_fastest(&a->q, AVAIL_Ready);
    bool pays = k != ON_COUNT && (is_last || j->e->opt.always_leaves || a->q.on[k].ns + a->q.on[k].data_ns < whole - ns);
    for (DecideTarget i = 0; i < ON_COUNT; i++)
        a->q.on[i].ns = asked.on[i].ns;
    a->q.on[ON_Executor].readiness = AVAIL_Ready;
    a->q.is_known = asked.is_known;
    if (!pays)
        return false;
    j->on.why = RS_Fastest;
    set_target(j, k);
    return true;
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
        j->on.time_ns = e->opt.report && j->start_ns ? engine_now(e) - j->start_ns : 0;
        if (e->opt.timeline && j->start_ns)
            timeline_span(e->opt.timeline, TRACK_Program, "nest", j->start_ns, engine_now(e), "\"line\": %u, \"device\": \"%s\"",
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
    for (uint32_t i = 0; vm->n_on_device && i < nest->n_arrays; i++) {
        const Array *a = j->v->facts->array[i].array;
        double debit = a->buf->debit_bytes;
        if (array_to_host(vm, a, nest->arrays[i]->is_written ? HOST_Write : HOST_Read) != ALP_OK) {
            vm_trace_add(vm, j->ls->loop, j->frame);
            return ALP_FAIL;
        }
        a->buf->debit_bytes = debit;            /* that was counted when it was decided */
    }
    return ALP_OK;
}

/* The execution took from start_ns until now, on the target that was chosen. */
static void account(Job *j, uint64_t start_ns, ExecVerdict verdict)
{
    if (!j->asked || verdict >= EXEC_FAILED)
        return;
    double ns = start_ns ? (double)(engine_now(j->e) - start_ns) - (double)j->on.moved.copy_ns : 0;
    engine_account(j->e, j->asked, j->plan, (DecideTarget)j->on.target, j->is_trial, ns);
}

static void begin_progress(Job *j, Backend *b)
{
    Engine *e = j->e;
    if (LIKELY(!e->opt.progress))
        return;
    double expected = j->asked && j->asked->q.is_known ? j->asked->q.on[j->on.target].ns : 0;
    engine_progress_begin(e, j->ls, j->plan, j->v->facts, b, expected, engine_now(e));
}

static void end_progress(const Job *j, Backend *b)
{
    if (UNLIKELY(j->e->opt.progress != NULL))
        engine_progress_end(j->e, b);
}

static LoopVerdict by_executor(Job *j, bool may_leave);

static LoopVerdict by_kernel(Job *j)
{
    Backend *b = j->by;
    Engine *e = j->e;
    const NCheck *failed = NULL;
    if (b == e->opt.backend && bring_to_host(j) != ALP_OK)
        return LOOP_RAISED;
    j->on.device = b->name;
    bool is_measured = j->asked && engine_measures(e, j->asked, (DecideTarget)j->on.target, j->is_trial);
    b->waits = is_measured || e->opt.report;
    uint64_t start = is_measured ? engine_now(e) : 0;
    begin_progress(j, b);
    ExecVerdict verdict = b->run(b, j->kernel, j->plan, j->v->facts, j->frame, j->iterable, &failed);
    end_progress(j, b);
    b->n_threads = 0;
    j->on.moved = b->last;
    if (verdict != EXEC_NO_MEMORY) {
        account(j, start, verdict);
        return end(j, verdict, failed);
    }
    j->on.why_not.code = RS_NoMemory;           /* kernels need more than interpreting does */
    j->asked = NULL;
    return needs_executor(e, j->v, j->plan) ? by_executor(j, false) : decline(j);
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
    j->on.device = executor_name;
    begin_progress(j, NULL);
    ExecVerdict verdict = exec_plan(j->plan, j->v->facts, j->frame, j->iterable, &opt, &failed);
    end_progress(j, NULL);
    if (j->ns > 0) {
        bool is_timed = j->start_ns && j->ns >= CHOICE_NS;
        double ns = is_timed ? (double)(engine_now(j->e) - j->start_ns) : j->ns;
        if (is_timed && verdict < EXEC_FAILED)
            learn(j->v, ns);
        if (!j->asked || verdict == EXEC_LEFT)
            plan_of(j)->use.lost_ns[PLAN_CPU] += ns;
        else
            account(j, is_timed ? j->start_ns : 0, verdict);
    }
    if (verdict == EXEC_LEFT)
        return by_kernel(j);
    if (verdict == EXEC_NO_MEMORY && !needs_executor(j->e, j->v, j->plan))
        return decline(j);
    return end(j, verdict, failed);
}

/* ---- device auto ---------------------------------------------------------------------------------------------------------------- */

/* Are bytes that it uses on a device alone? */
static bool uses_device(const Job *j)
{
    Backend *gpu = j->e->opt.gpu;
    for (uint32_t i = 0; j->e->vm->n_on_device && gpu && gpu->residence && i < j->plan->nest->n_arrays; i++)
        if (gpu->residence(gpu, j->v->facts->array[i].array->buf) & RESIDENCE_Away)
            return true;
    return false;
}

/* Is a kernel of the CPU there, or what was lost without it worth asking for it? */
static bool has_kernel(Job *j)
{
    Backend *b = j->e->opt.backend;
    return j->kernel || (b && seek_kernel(j, b, wish_for(j->plan->use.lost_ns[PLAN_CPU] + j->ns, j->v->work.is_known)));
}

/* Finding out what this machine is takes some tenths of a millisecond: short programs do without, unless several threads may win as much at once.
 * Whether a kernel is on disk is found sooner. */
static bool is_worth_a_machine(Job *j)
{
    Engine *e = j->e;
    if (e->machine)
        return true;
    if (!has_kernel(j))
        return (e->plain_ns += j->ns) >= MACHINE_NS;
    double ns = j->ns / KERNEL_FACTOR, n_threads = j->by->n_threads_max > 1 ? j->by->n_threads_max : 1;
    return (e->plain_ns += ns) >= MACHINE_NS || ns * (1 - 1 / n_threads) >= SPREAD_NS;
}

/* Would a kernel be better than interpreting even so little?  Entries that are passed over count as well (engine_note_small()). */
static bool has_small_kernel(Job *j)
{
    /* Entering and leaving its loops is most of what so little takes, and is not in j->ns. */
    double glance = engine_glance(j->e, j->frame, j->ls->loop, j->iterable);
    double gain = (isnan(glance) ? j->ns * INTERP_FACTOR : glance) - ENTER_NS;
    if (!j->e->opt.backend || !(gain > 0))
        return false;
    plan_of(j)->use.lost_ns[PLAN_CPU] += gain * (1.0 + j->ls->n_small);
    return seek_kernel(j, j->e->opt.backend, wish_for(j->plan->use.lost_ns[PLAN_CPU], true));
}

/* Some microseconds without a kernel: one of the CPU's, on one thread, or none. */
static LoopVerdict by_one_thread(Job *j)
{
    Backend *b = j->e->opt.backend;
    if (has_kernel(j)) {
        b->n_threads = j->v->work.is_known || j->ns < KERNEL_CHOICE_NS ? 1 : j->ns < LONG_NS ? FEW_THREADS : 0;
        return by_kernel(j);
    }
    bool is_watched = ((b && !j->has_no_kernel) || j->e->opt.gpu) && (!j->v->work.is_known || j->e->opt.always_leaves || copies_are_cheap(j));
    if (!j->start_ns && is_watched)
        j->start_ns = engine_now(j->e);
    return by_executor(j, is_watched);
}

static LoopVerdict by_the_best(Job *j, bool goes_on)
{
    Engine *e = j->e;
    LoopState *ls = j->ls;
    Variant *v = j->v;
    Asked asked;
    bool must = needs_executor(e, v, j->plan);
    if (is_failing(j)) {
        j->on.why_not.code = RS_CheckFailed;
        return must ? by_executor(j, false) : decline(j);
    }
    j->ns = estimate(e, v, j->plan);
    bool is_away = uses_device(j);
    /* What is not known may be long this time: only a While loop is asked about again.  Entering the executor takes as long as entering a kernel. */
    bool may_be_small = v->work.is_known || (ls->loop->kind == ND_While && !e->keeps_all && !ls->may_order);
    if (j->ns < SMALL_NS && may_be_small && !must && !goes_on && !is_away && !has_small_kernel(j)) {
        engine_note_small(ls, j->frame);
        j->on.why_not.code = RS_Small;
        return decline(j);
    }
    ls->n_small = 0;
    j->room = &asked;
    bool is_plain = (v->work.is_known && (j->ns < CHOICE_NS || (j->ns < KERNEL_CHOICE_NS && has_kernel(j)))) || !is_worth_a_machine(j);
    if ((is_plain && !is_away) || !engine_begin_asking(e, &asked, v, j->plan, is_away))
        return by_one_thread(j);
    j->asked = &asked;
    j->on.asked = &asked;
    bool may_leave = !v->work.is_known || e->opt.always_leaves || copies_are_cheap(j);
    asked.q.may_leave = may_leave;
    DecideTarget k = choose(j);
    set_target(j, k);
    set_why_not(j);
    engine_credit(&asked);
    if (j->by)
        return by_kernel(j);
    bool is_watched = may_leave && (asked.q.on[ON_Cpu1].readiness != AVAIL_Never || asked.q.on[ON_Gpu].readiness != AVAIL_Never);
    if (!j->start_ns)
        j->start_ns = engine_now(e);
    return by_executor(j, is_watched);
}

/* ---- device random -------------------------------------------------------------------------------------------------------------- */

static uint64_t random_next(Engine *e)
{
    uint64_t z = e->random += 0x9e3779b97f4a7c15u;      /* splitmix64 */
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* As leaves(): the kernel that was waited for before. */
static bool leaves_at_random(void *user, bool is_last)
{
    Job *j = user;
    return is_last || random_next(j->e) % 4 == 0;
}

/* Anyone who can: also a kernel to which the executor leaves the plan in the middle. */
static LoopVerdict by_chance(Job *j)
{
    Engine *e = j->e;
    bool must = needs_executor(e, j->v, j->plan);
    uint64_t x = random_next(e);
    Backend *b = x & 1 ? e->opt.backend : e->opt.gpu;
    j->on.why = RS_Random;
    if (b && b == e->opt.gpu && engine_keeps_off_gpu(e, j->v))
        b = e->opt.backend;
    if (is_failing(j) || x % 8 < 2 || !b)
        return !must && x & 16 ? decline(j) : by_executor(j, false);
    if (!seek_kernel(j, b, WISH_Wait))
        return must ? by_executor(j, false) : decline(j);
    b->n_threads = (uint32_t)(x >> 32) % (b->n_threads_max + 1);
    if (x & 32)
        return by_kernel(j);
    ExecOptions opt = e->opt.exec;
    const NCheck *failed = NULL;
    opt.leaves = leaves_at_random;
    opt.leaves_user = j;
    opt.copies = x & 64;
    if (bring_to_host(j) != ALP_OK)
        return LOOP_RAISED;
    j->on.device = executor_name;
    ExecVerdict verdict = exec_plan(j->plan, j->v->facts, j->frame, j->iterable, &opt, &failed);
    if (verdict == EXEC_LEFT)
        return by_kernel(j);
    return verdict == EXEC_NO_MEMORY && !must ? decline(j) : end(j, verdict, failed);
}

LoopVerdict engine_run(Engine *e, LoopState *ls, Variant *v, const Plan *plan, Frame *frame, Value iterable, bool goes_on)
{
    Job j = { .e = e, .ls = ls, .v = v, .plan = plan, .frame = frame, .iterable = iterable };
    j.start_ns = e->opt.report || e->opt.timeline ? engine_now(e) : 0;
    if (e->opt.device == DEV_Random)
        return by_chance(&j);
    if (e->opt.device == DEV_Auto && (e->opt.backend || e->opt.gpu))
        return by_the_best(&j, goes_on);
    if (e->opt.gpu && e->opt.device == DEV_Gpu && seek_kernel(&j, e->opt.gpu, WISH_Wait))
        return by_kernel(&j);
    const ReasonAt no_gpu = j.on.why_not;
    if (e->opt.backend && is_failing(&j))
        j.on.why_not.code = RS_CheckFailed;
    else if (e->opt.backend && seek_kernel(&j, e->opt.backend, WISH_Wait)) {
        j.on.why_not = no_gpu;
        return by_kernel(&j);
    }
    return needs_executor(e, v, plan) ? by_executor(&j, false) : decline(&j);
}
