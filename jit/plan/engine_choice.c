/* jit/plan/engine_choice.c — what the engine knows of an execution before it begins: predictions of the cost model, corrected by what earlier ones took; where
 * the arrays' bytes are; what was lost so far for lack of a kernel.  decide.h makes a decision of it.
 *
 * The model is asked once for executions of about one size (a Choice, kept with the variant); for others of that size the prediction is scaled. */
#include <math.h>
#include <pthread.h>
#include <string.h>

#include "interp/residency.h"
#include "jit/plan/engine_int.h"
#include "jit/plan/features.h"

/* Opening a device takes 150 to 350 ms with its driver (seen on three machines), which delays nobody who does not wait for it but a program that ends meanwhile. */
#define OPEN_NS   300e6
#define BEGIN_OPENING_NS 100e6
#define KNOWN_OPENING_NS 20e6   /* where earlier runs of the program had their nests on the device, this one will, too */
#define IN_PARALLEL 0.4         /* where there is another core, which may have other work, too */
#define THREAD_NS 3e4           /* starting one, at the first loop that runs on several */
#define WAKING_NS 1e6           /* in executions that are shorter it counts whether threads had fallen asleep */
#define LOADING_NS 5e7          /* loading a kernel into a device takes less (5 to 20 ms were seen); what takes longer is worth knowing at once */
#define ALL_SIZES 255           /* in a key: corrections over all plans and sizes */

/* ---- the machine ------------------------------------------------------------------------------------------------------------- */

static struct {
    pthread_once_t once;
    Machine machine;
    char    note[400];
} shared = { .once = PTHREAD_ONCE_INIT };

static void load_machine(void)
{
    machine_load(&shared.machine, shared.note, sizeof shared.note);
    machine_use_visible(&shared.machine);
}

/* NULL: no memory. */
static const Machine *machine_of(Engine *e)
{
    if (e->machine)
        return e->machine;
    e->machine = mem_alloc(&e->vm->mem, sizeof *e->machine);
    if (!e->machine)
        return NULL;
    if (e->opt.machine) {
        *e->machine = *e->opt.machine;
    } else {
        pthread_once(&shared.once, load_machine);
        *e->machine = shared.machine;
    }
    e->gpu = e->opt.gpu_ordinal;
    if (e->machine->n_gpus <= e->gpu) {
        e->gpu = e->machine->n_gpus < MACHINE_GPUS ? e->machine->n_gpus++ : MACHINE_GPUS - 1;
        machine_imagine_gpu(&e->machine->gpu[e->gpu]);
    }
    return e->machine;
}

const char *engine_machine_note(const Engine *e)
{
    return e->machine && !e->opt.machine ? shared.note : "";
}

/* ---- keys of the history ------------------------------------------------------------------------------------------------------- */

typedef struct Hash { uint64_t h; bool is_past_head; } Hash;

static void hash_bytes(uint64_t *h, const void *p, size_t n)
{
    for (const unsigned char *s = p; n; n--)
        *h = (*h ^ *s++) * 0x100000001b3u;
}

/* The first line says where the nest stands: it may move. */
static void hash_text(void *user, const char *s, size_t n)
{
    Hash *h = user;
    if (!h->is_past_head) {
        const char *end = memchr(s, '\n', n);
        if (!end)
            return;
        h->is_past_head = true;
        n -= (size_t)(end - s);
        s = end;
    }
    hash_bytes(&h->h, s, n);
}

static uint64_t hash_of(const Plan *plan)
{
    Plan *owner = (Plan *)plan;                 /* what is cached with a plan is no part of what it says */
    if (!plan->use.hash) {
        Hash h = { .h = 0xcbf29ce484222325u };
        nest_dump(plan->nest, hash_text, &h);
        h.is_past_head = false;
        plan_dump(plan, hash_text, &h);
        owner->use.hash = h.h | 1;
    }
    return plan->use.hash;
}

static uint64_t machine_hash(const Engine *e)
{
    const HostMachine *h = &e->machine->host;
    uint64_t hash = 0xcbf29ce484222325u;
    hash_bytes(&hash, h->cpu, strlen(h->cpu));
    hash_bytes(&hash, h->simd, strlen(h->simd));
    hash_bytes(&hash, &h->n_cores, sizeof h->n_cores);
    return hash;
}

/* gpu: which, for ON_Gpu.  Its kind counts, not its place. */
static uint64_t key_of(const Engine *e, const Choice *c, uint64_t plan, DecideTarget k, uint32_t gpu, int octave)
{
    uint64_t h = plan ^ machine_hash(e), fp = e->opt.plan.fp;
    if (k == ON_Gpu)
        hash_bytes(&h, e->machine->gpu[gpu].name, strlen(e->machine->gpu[gpu].name));
    const uint8_t tail[] = { (uint8_t)k, (uint8_t)octave, (uint8_t)fp, (uint8_t)(k == ON_CpuN ? c->n_threads : 1) };
    hash_bytes(&h, tail, sizeof tail);
    return h | 1;
}

/* ---- predictions --------------------------------------------------------------------------------------------------------------- */

static int class_of(double work)
{
    return work > 1 ? (int)(4 * log2(work)) : 0;
}

/* Does some part of it run on several threads? */
static bool is_parallel(const NestFeatures *f)
{
    for (uint32_t i = 0; i < f->n_phases; i++)
        if (f->phase[i].iterations > 1)
            return true;
    return false;
}

static void predict(Engine *e, Choice *c, const Plan *plan, const Facts *facts)
{
    const Machine *m = e->machine;
    const Backend *cpu = e->opt.backend;
    uint32_t n_max = cpu && cpu->n_threads_max > 1 ? cpu->n_threads_max : 1;
    NestFeatures f;
    plan_features(plan, facts, &f);
    c->is_known = f.is_known;
    c->n_threads = 1;
    model_predict(m, &f, (Target){ .kind = TARGET_Interp }, &c->model[ON_Interp]);
    model_predict(m, &f, (Target){ .kind = TARGET_Executor }, &c->model[ON_Executor]);
    model_predict(m, &f, (Target){ .kind = TARGET_Cpu, .n_threads = 1 }, &c->model[ON_Cpu1]);
    /* Both do one by one what a kernel does, and have to find out each time what that is. */
    c->model[ON_Executor].ns = fmax(c->model[ON_Executor].ns, 2 * c->model[ON_Cpu1].ns);
    c->model[ON_Interp].ns = fmax(c->model[ON_Interp].ns, c->model[ON_Executor].ns);
    if (n_max > 1 && is_parallel(&f)) {
        c->n_threads = f.is_known ? model_best_threads(m, &f, n_max, &c->model[ON_CpuN]) : 0;
        if (c->n_threads <= 1) {
            c->n_threads = n_max;
            model_predict(m, &f, (Target){ .kind = TARGET_Cpu, .n_threads = n_max }, &c->model[ON_CpuN]);
        }
    }
    const Target one = { .kind = TARGET_Cpu, .n_threads = 1 };
    c->price_ns[PLAN_CPU] = model_compile_ns(m, &f, one, false);
    c->first_ns = model_compile_ns(m, &f, one, true) - c->price_ns[PLAN_CPU];
    if (c->gpu)
        engine_gpus_predict(e, c, &f);
    if (e->opt.gpu) {
        const Target gpu = { .kind = TARGET_Gpu, .gpu = e->gpu };
        model_predict(m, &f, gpu, &c->model[ON_Gpu]);
        c->price_ns[PLAN_GPU] = model_compile_ns(m, &f, gpu, false);
    }
}

/* What is known of a size's neighbours counts as one measurement; of all plans, on a machine that was not measured. */
static Correction guess_of(const Engine *e, const Choice *c, DecideTarget k, uint32_t gpu)
{
    Correction guess = { 0 };
    for (int near = 1; near <= 2 && !guess.n; near++)
        for (int side = -near; side <= near && !guess.n; side += 2 * near)
            guess = history_peek(e->history, key_of(e, c, c->plan_hash, k, gpu, c->size_class / 4 + side));
    if (!guess.n && !e->machine->is_measured)
        guess = history_peek(e->history, key_of(e, c, 0, k, gpu, ALL_SIZES));
    guess.n = guess.n ? 1 : 0;
    return guess;
}

Correction engine_correction(const Engine *e, const Choice *c, DecideTarget k, uint32_t gpu, bool *is_measured)
{
    Correction own = { 0 };
    if (e->history)
        own = history_peek(e->history, key_of(e, c, c->plan_hash, k, gpu, c->size_class / 4));
    *is_measured = own.n > 0;
    return own.n || !e->history ? own : guess_of(e, c, k, gpu);
}

static void refresh(Engine *e, Choice *c)
{
    DecideTarget best_known = ON_COUNT;
    for (DecideTarget k = 0; k < ON_COUNT; k++) {
        const Correction *own = c->correction[k];
        Correction guess = { 0 };
        if (own && !own->n)
            guess = guess_of(e, c, k, e->gpu);
        c->estimate[k] = correction_apply(own && own->n ? own : &guess, c->model[k].ns, c->model[k].spread);
        if (own && own->n && (best_known == ON_COUNT || own->n > c->correction[best_known]->n))
            best_known = k;
    }
    if (c->is_known || best_known == ON_COUNT)
        return;
    /* Where the number of iterations was a guess, all targets are mistaken alike, but for what beginning takes. */
    const Prediction *known = &c->model[best_known];
    double factor = fmax(0, c->estimate[best_known].ns - known->start_ns) / fmax(1, known->ns - known->start_ns);
    for (DecideTarget k = 0; k < ON_COUNT; k++)
        if (!c->correction[k] || !c->correction[k]->n)
            c->estimate[k].ns = c->model[k].start_ns + (c->model[k].ns - c->model[k].start_ns) * factor;
    for (uint32_t k = 0; c->gpu && k < e->machine->n_gpus; k++)
        if (!c->gpu[k].is_measured)
            c->gpu[k].estimate.ns = c->gpu[k].model.start_ns + (c->gpu[k].model.ns - c->gpu[k].model.start_ns) * factor;
}

static Choice *choice_of(Engine *e, Variant *v, const Plan *plan)
{
    Choice *c = v->choice;
    if (c && c->plan == plan && c->plan_key == plan->key && c->machine_version == e->machine_version)
        return c;
    if (!machine_of(e))
        return NULL;
    if (!v->choices && !(v->choices = mem_zalloc(&e->vm->mem, N_CHOICES * sizeof *v->choices)))
        return NULL;
    bool are_several = engine_gpus_are_several(e);
    if (are_several && !v->guesses && !(v->guesses = mem_zalloc(&e->vm->mem, N_CHOICES * MACHINE_GPUS * sizeof *v->guesses)))
        return NULL;
    int class = class_of(v->work.ops);
    c = &v->choices[class % N_CHOICES];
    v->choice = c;
    if (c->plan == plan && c->plan_key == plan->key && c->size_class == class && c->machine_version == e->machine_version)
        return c;
    if (!e->history)
        e->history = history_new(&e->vm->mem, e->opt.keeps_history);    /* NULL: nothing is remembered */
    bool is_same = c->plan == plan && c->plan_key == plan->key && c->size_class == class;      /* of another machine: what has run so far stays */
    Choice so_far = *c;
    *c = (Choice){ .plan = plan, .plan_key = plan->key, .size_class = class, .work = v->work.ops, .machine_version = e->machine_version };
    if (is_same) {
        memcpy(c->n_on, so_far.n_on, sizeof c->n_on);
        c->n_runs = so_far.n_runs;
        c->n_trials = so_far.n_trials;
        c->spent_ns = so_far.spent_ns;
        c->trial_ns = so_far.trial_ns;
        c->last = so_far.last;
    }
    c->plan_hash = hash_of(plan);
    c->gpu = are_several ? &v->guesses[class % N_CHOICES * MACHINE_GPUS] : NULL;
    predict(e, c, plan, v->facts);
    for (DecideTarget k = 0; k < ON_COUNT && e->history; k++) {
        c->key[k] = key_of(e, c, c->plan_hash, k, e->gpu, class / 4);
        c->correction[k] = history_get(e->history, c->key[k]);
    }
    refresh(e, c);
    return c;
}

/* ---- data ---------------------------------------------------------------------------------------------------------------------------- */

static void add_buffer(Engine *e, Asked *a, Buffer *b)
{
    const Backend *gpu = e->opt.gpu;
    DataState more, *d = a->n_data < MAX_DATA ? &a->data[a->n_data] : &more;
    double up, down;
    for (uint32_t i = 0; i < a->n_data; i++)
        if (a->buffer[i] == b)
            return;
    unsigned where = gpu->residence ? gpu->residence(e->opt.gpu, b) : 0;
    *d = (DataState){
        .bytes = (double)b->size,
        .up_ns = model_transfer_ns(e->machine, e->gpu, (double)b->size, true),
        .down_ns = model_transfer_ns(e->machine, e->gpu, (double)b->size, false),
        .credit_ns = b->credit_ns, .is_missing = where & RESIDENCE_Missing, .is_away = where & RESIDENCE_Away,
    };
    if (d == &more) {
        data_charges(d, 1, &up, &down);
        a->more_up_ns += up;
        a->more_down_ns += down;
        return;
    }
    if (b->debit_bytes > 0)
        data_debit(d, b->debit_bytes);
    b->debit_bytes = 0;
    a->buffer[a->n_data++] = b;
}

void engine_charge_data(Asked *a)
{
    double to_device, to_host;
    data_charges(a->data, a->n_data, &to_device, &to_host);
    a->q.on[ON_Gpu].data_ns = to_device + a->more_up_ns;
    for (DecideTarget k = 0; k < ON_Gpu; k++)
        a->q.on[k].data_ns = to_host + a->more_down_ns;
}

void engine_ask_data(Engine *e, Asked *a, const Facts *facts)
{
    a->n_data = 0;
    a->more_up_ns = a->more_down_ns = 0;
    for (uint32_t i = 0; i < facts->nest->n_arrays; i++)
        add_buffer(e, a, facts->array[i].array->buf);
    engine_charge_data(a);
}

void engine_credit(Asked *a)
{
    const Candidate *on = a->q.on;
    double cpu = on[ON_Executor].ns;
    for (DecideTarget k = ON_Cpu1; k <= ON_CpuN; k++)
        if (on[k].readiness != AVAIL_Never && on[k].ns < cpu)
            cpu = on[k].ns;
    if (on[ON_Gpu].readiness == AVAIL_Never)
        return;
    data_credit(a->data, a->n_data, cpu - on[ON_Gpu].ns);
    for (uint32_t i = 0; i < a->n_data; i++)
        a->buffer[i]->credit_ns = a->data[i].credit_ns;
}

/* ---- the question ---------------------------------------------------------------------------------------------------------------------- */

static Readiness readiness_of(KernelState s)
{
    static const Readiness as[] = { [KERNEL_READY] = AVAIL_Ready, [KERNEL_MAKING] = AVAIL_Making, [KERNEL_ABSENT] = AVAIL_Unmade, [KERNEL_NEVER] = AVAIL_Never };
    return as[s];
}

/* The kernel's state, and the kernel. */
static KernelState kernel_state(Engine *e, Asked *a, int which, const Plan *plan, const Facts *facts, KernelWish wish)
{
    Backend *b = which == PLAN_CPU ? e->opt.backend : e->opt.gpu;
    if (a->state[which] != KERNEL_READY && a->state[which] != KERNEL_NEVER)
        a->state[which] = b->kernel(b, plan, facts, e->opt.plan.fp, wish, &a->kernel[which], &a->why[which]);
    e->has_compiled |= which == PLAN_CPU && a->state[which] == KERNEL_READY && plan->use.sought[which] >= WISH_Start;
    return a->state[which];
}

/* What making a kernel in the background costs the program, of what waiting for it would. */
static double in_background(const Engine *e)
{
    return e->machine->host.n_cores > 1 ? IN_PARALLEL : 1;
}

static void ask_cpu(Engine *e, Asked *a, const Plan *plan, const Facts *facts)
{
    Candidate *one = &a->q.on[ON_Cpu1], *many = &a->q.on[ON_CpuN];
    one->readiness = e->opt.backend ? readiness_of(kernel_state(e, a, PLAN_CPU, plan, facts, WISH_None)) : AVAIL_Never;
    one->price_ns = one->readiness == AVAIL_Ready ? 0 : a->choice->price_ns[PLAN_CPU] + (e->has_compiled ? 0 : a->choice->first_ns);
    one->begin_ns = one->price_ns * in_background(e);
    one->prepare_ns = PREPARE_NS;
    one->find_ns = FIND_NS;
    one->lost_ns = plan->use.lost_ns[PLAN_CPU];
    many->readiness = a->choice->n_threads > 1 ? one->readiness : AVAIL_Never;
    many->price_ns = one->price_ns;
    many->begin_ns = one->begin_ns;
    many->prepare_ns = one->prepare_ns;
    many->find_ns = one->find_ns;
    many->lost_ns = one->lost_ns;
}

static void ask_gpu(Engine *e, Asked *a, const Plan *plan, const Facts *facts)
{
    Backend *b = e->opt.gpu;
    Candidate *c = &a->q.on[ON_Gpu];
    c->readiness = AVAIL_Never;
    if (!b || e->has_no_device || a->state[PLAN_GPU] == KERNEL_NEVER)
        return;
    if (a->n_gpus)
        engine_gpus_lead(e, a, facts);
    KernelState s = b->open ? b->open(b, WISH_None) : KERNEL_READY;
    a->is_open = s == KERNEL_READY;
    if (a->is_open) {
        if (!e->knows_device && !engine_gpus_told(e))
            e->machine_version++;               /* choices are to be of this one */
        e->knows_device = true;
        s = kernel_state(e, a, PLAN_GPU, plan, facts, WISH_None);
    } else if (s == KERNEL_NEVER) {
        engine_gpus_refused(e);
    } else if (s == KERNEL_ABSENT && e->opens_gpu) {
        engine_gpus_stopped(e, a, plan, facts);
    }
    c->readiness = readiness_of(s);
    double price = a->n_gpus ? a->gpu[a->gpu_led].price_ns : a->choice->price_ns[PLAN_GPU];
    c->price_ns = c->readiness == AVAIL_Ready ? 0 : price + (a->is_open ? 0 : OPEN_NS);
    c->begin_ns = a->is_open ? c->price_ns * in_background(e) : a->is_measured[ON_Gpu] ? KNOWN_OPENING_NS : BEGIN_OPENING_NS;
    c->find_ns = a->is_open ? e->machine->gpu[e->gpu].load_ns : c->begin_ns;
    c->prepare_ns = c->begin_ns;
    c->lost_ns = a->is_open ? plan->use.lost_ns[PLAN_GPU] : e->gpu_lost_ns[e->gpu];     /* opening serves all nests */
}

void engine_ask(Engine *e, Asked *a, const Plan *plan, const Facts *facts)
{
    ask_cpu(e, a, plan, facts);
    ask_gpu(e, a, plan, facts);
    a->q.on[ON_Executor].readiness = AVAIL_Ready;
    if (a->q.on[ON_Gpu].readiness != AVAIL_Never && !a->n_data)
        engine_ask_data(e, a, facts);
}

/* Is a GPU slower for certain, even with all data there?  Then nothing more needs to be known of it. */
static bool is_hopeless(const Engine *e, const Asked *a)
{
    const Candidate *on = a->q.on, *gpu = &on[ON_Gpu], *best = &on[ON_Executor];
    if (e->opt.backend)
        best = a->choice->n_threads > 1 && on[ON_CpuN].ns < on[ON_Cpu1].ns ? &on[ON_CpuN] : &on[ON_Cpu1];
    return !e->opt.report && gpu->ns / gpu->spread > best->ns * best->spread;
}

bool engine_begin_asking(Engine *e, Asked *a, Variant *v, const Plan *plan, bool is_away)
{
    Choice *c = choice_of(e, v, plan);
    if (!c)
        return false;
    double scale = v->work.ops / (c->work > 1 ? c->work : 1);
    a->choice = c;
    a->q = (Question){ 0 };
    for (int i = 0; i < PLAN_BACK_ENDS; i++) {
        a->kernel[i] = NULL;
        a->state[i] = KERNEL_ABSENT;
        a->why[i].code = RS_None;
        a->why[i].detail[0] = 0;
    }
    if (e->opt.gpu && engine_keeps_off_gpu(e, v)) {
        a->state[PLAN_GPU] = KERNEL_NEVER;
        a->why[PLAN_GPU].code = RS_OtherDigits;
    }
    a->is_open = false;
    a->n_data = 0;
    for (DecideTarget k = 0; k < ON_COUNT; k++) {
        a->model_ns[k] = c->model[k].ns * scale;
        a->is_measured[k] = c->correction[k] && c->correction[k]->n;
        a->q.on[k] = (Candidate){ .ns = c->estimate[k].ns * scale, .spread = c->estimate[k].spread };
    }
    a->n_gpus = 0;
    if (c->gpu)
        engine_gpus_begin(e, a, scale);
    a->q.is_known = v->work.is_known && c->is_known;
    if (!a->q.is_known && c->n_threads > 1 && !c->n_on[ON_Cpu1] && !c->n_on[ON_CpuN])           /* it may be long: on many threads at first */
        a->q.on[ON_Cpu1].ns = fmax(a->q.on[ON_Cpu1].ns, 1.01 * a->q.on[ON_CpuN].ns);
    if (a->q.is_known && !e->has_forked)
        a->q.on[ON_CpuN].once_ns = fmax(0, THREAD_NS * (c->n_threads - 1.0) - e->threads_lost_ns);
    if (e->opt.gpu && !is_away && a->q.is_known && is_hopeless(e, a))
        a->state[PLAN_GPU] = KERNEL_NEVER;
    a->q.n_runs = c->n_runs;
    a->q.n_trials = c->n_trials;
    a->q.spent_ns = c->spent_ns;
    a->q.trial_ns = c->trial_ns;
    a->q.retried = c->is_retried ? c->last : ON_Interp;
    engine_ask(e, a, plan, v->facts);
    return true;
}

bool engine_act(Engine *e, Asked *a, const Plan *plan, const Facts *facts, const Answer *answer)
{
    Plan *owner = (Plan *)plan;
    bool changed = false;
    for (int i = 0; i < PLAN_BACK_ENDS; i++) {
        Backend *b = i == PLAN_CPU ? e->opt.backend : e->opt.gpu;
        KernelWish wish = answer->wish[i == PLAN_CPU ? ON_Cpu1 : ON_Gpu];
        if (wish == WISH_None || !b)
            continue;
        if (i == PLAN_GPU && !a->is_open) {
            KernelState s = wish < WISH_Start ? KERNEL_ABSENT : engine_gpus_open(e, a, plan, facts, wish);
            changed |= s == KERNEL_NEVER || s == KERNEL_READY || wish == WISH_Wait;
            if (s != KERNEL_READY)
                continue;
            a->is_open = true;
        }
        if (wish < WISH_Start && wish <= plan->use.sought[i])
            continue;
        owner->use.sought[i] = (uint8_t)wish;
        KernelState s = kernel_state(e, a, i, plan, facts, wish);
        changed |= s == KERNEL_NEVER || s == KERNEL_READY;
    }
    if (changed)
        engine_ask(e, a, plan, facts);
    return changed;
}

/* ---- afterwards -------------------------------------------------------------------------------------------------------------------------- */

static void learn(Engine *e, Choice *c, DecideTarget k, double model_ns, double ns)
{
    Correction *own = c->correction[k];
    if (!own)
        return;
    bool is_stale = k == ON_Gpu && c->machine_version != e->machine_version;    /* another one was assumed */
    if (is_stale && e->opt.chooses_gpu && e->machine->n_gpus > 1)
        c->key[k] = key_of(e, c, c->plan_hash, k, e->gpu, c->size_class / 4);
    if (!history_is(own, c->key[k]))
        own = c->correction[k] = history_get(e->history, c->key[k]);
    double before = own->n ? own->log_ratio : INFINITY;
    correction_add(own, model_ns, ns);
    if (c->is_known && !is_stale)
        correction_add(history_get(e->history, key_of(e, c, 0, k, e->gpu, ALL_SIZES)), model_ns, ns);
    if (!(fabs(own->log_ratio - before) < 0.1))
        history_changed(e->history);            /* else the file says it well enough */
    refresh(e, c);
}

/* Making threads, or waking them, is no part of what the next execution in a row takes; nor is loading a kernel into a device, and the first launch of it. */
static bool begins_with(const Engine *e, const Choice *c, DecideTarget k, double took_ns)
{
    if (k == ON_CpuN && !e->has_forked)
        return true;
    if (c->last == k)
        return false;
    return k == ON_CpuN ? took_ns < WAKING_NS : k == ON_Gpu && c->n_on[k] == 0 && took_ns < LOADING_NS;
}

void engine_account(Engine *e, Asked *a, const Plan *plan, DecideTarget k, bool is_trial, double ns)
{
    Choice *c = a->choice;
    Plan *owner = (Plan *)plan;
    double took = ns > 0 ? ns : a->q.on[k].ns;
    double most = a->q.on[k].ns * a->q.on[k].spread;
    /* Threads were made, pages touched, a device was woken: that happens once.  Work of unknown length may be as long as it seems, but on a GPU the first time says little. */
    bool is_cold = c->n_on[k] == 0 && (c->is_known || k == ON_Gpu) && ns > most;
    bool is_start = begins_with(e, c, k, took);
    if (ns > 0 && !is_start)
        learn(e, c, k, a->model_ns[k], is_cold ? most : ns);
    e->has_forked |= k == ON_CpuN;
    if (!e->has_forked && c->n_threads > 1)
        e->threads_lost_ns += fmax(0, took - a->q.on[ON_CpuN].ns);
    c->n_runs++;
    c->n_on[k] += !is_start;
    c->spent_ns += took;
    c->last = (uint8_t)k;
    c->is_retried = is_trial && is_start;
    if (is_trial) {
        Question q = a->q;
        q.on[k].readiness = AVAIL_Never;
        const Candidate *best = &q.on[decide_fastest(&q, AVAIL_Ready)];
        double lost = took + q.on[k].data_ns - best->ns - best->data_ns;
        c->n_trials += !is_start;
        c->trial_ns += lost > 0 ? lost : 0;
    }
    double before = a->q.on[ON_Gpu].lost_ns;
    if (!a->is_open && a->n_gpus)
        engine_gpus_regret(e, a, k, took);
    decide_regret(&a->q, k, took);
    owner->use.lost_ns[PLAN_CPU] = a->q.on[ON_Cpu1].lost_ns > a->q.on[ON_CpuN].lost_ns ? a->q.on[ON_Cpu1].lost_ns : a->q.on[ON_CpuN].lost_ns;
    double lost = a->q.on[ON_Gpu].lost_ns - before;
    owner->use.lost_ns[PLAN_GPU] += lost;
    if (!a->n_gpus)
        e->gpu_lost_ns[e->gpu] += lost;
}

bool engine_measures(const Engine *e, const Asked *a, DecideTarget k, bool is_trial)
{
    const Choice *c = a->choice;
    if (e->opt.report || is_trial || c->n_on[k] < 2 || c->n_on[k] % 64 == 0)
        return true;
    return k != ON_Gpu && a->q.on[k].ns >= MEASURED_NS;
}
