/* jit/plan/engine_gpus.c — which of several GPUs.
 *
 * An interpreter uses one: arrays stay there.  Until one is open, each is a candidate: the model predicts it, measured times of its kind correct that, and what was lost for
 * lack of it is added up.  For decide.h there is one GPU all the same, the one that leads: for which the time of this execution, less what was lost without it so far, is the
 * least.  When that is worth opening, it is opened.
 *
 * Which there are is taken from the profile, until the driver tells.  That may be others: opening stops then (Backend.choose), and it is chosen again among those. */
#include <math.h>
#include <string.h>

#include "jit/plan/engine_int.h"
#include "jit/plan/features.h"

bool engine_gpus_are_several(const Engine *e)
{
    return e->opt.gpu && e->opt.chooses_gpu && e->machine->n_gpus > 1 && (!e->knows_device || e->opt.report);
}

static void predict(const Engine *e, const NestFeatures *f, GpuGuess *out)
{
    for (uint32_t i = 0; i < e->machine->n_gpus; i++) {
        const Target target = { .kind = TARGET_Gpu, .gpu = i };
        out[i] = (GpuGuess){ .price_ns = model_compile_ns(e->machine, f, target, false) };
        model_predict(e->machine, f, target, &out[i].model);
        out[i].estimate = correction_apply(NULL, out[i].model.ns, out[i].model.spread);
    }
}

void engine_gpus_predict(const Engine *e, Choice *c, const NestFeatures *f)
{
    predict(e, f, c->gpu);
    for (uint32_t i = 0; i < e->machine->n_gpus; i++) {
        GpuGuess *g = &c->gpu[i];
        Correction known = engine_correction(e, c, ON_Gpu, i, &g->is_measured);
        g->estimate = correction_apply(&known, g->model.ns, g->model.spread);
    }
}

/* An execution that goes on for longer than was expected is taken to do so everywhere. */
static double how_much_longer(const Asked *a)
{
    const Choice *c = a->choice;
    double first = a->n_gpus ? a->gpu[a->gpu_led].estimate.ns : c->estimate[ON_Gpu].ns * (a->model_ns[ON_Gpu] / fmax(c->model[ON_Gpu].ns, 1));
    return a->q.on[ON_Gpu].ns / fmax(first, 1);
}

/* GPU i is spoken of from now on; what was made of the time of the one before is made of its time. */
static void put_in_front(Asked *a, uint32_t i)
{
    const GpuGuess *g = &a->gpu[i];
    Candidate *on = &a->q.on[ON_Gpu];
    on->ns = g->estimate.ns * how_much_longer(a);
    on->spread = g->estimate.spread;
    a->model_ns[ON_Gpu] = g->model.ns;
    a->is_measured[ON_Gpu] = g->is_measured;
    a->gpu_led = i;
}

void engine_gpus_begin(const Engine *e, Asked *a, double scale)
{
    uint32_t quickest = e->gpu;
    a->n_gpus = e->machine->n_gpus;
    a->gpu_led = e->gpu;
    for (uint32_t i = 0; i < a->n_gpus; i++) {
        a->gpu[i] = a->choice->gpu[i];
        a->gpu[i].model.ns *= scale;
        a->gpu[i].estimate.ns *= scale;
        if (a->gpu[i].estimate.ns < a->gpu[quickest].estimate.ns)
            quickest = i;
    }
    if (e->knows_device)
        return;
    a->q.on[ON_Gpu].ns = a->gpu[e->gpu].estimate.ns;
    put_in_front(a, quickest);          /* before data and losses are looked at: may any of them be worth that? */
}

/* Moving the arrays to each of them. */
static void charge_data(const Engine *e, Asked *a)
{
    for (uint32_t i = 0; i < a->n_gpus; i++) {
        double to_gpu = a->more_up_ns, to_host = a->more_down_ns;
        for (uint32_t k = 0; k < a->n_data; k++) {
            DataState d = a->data[k];
            double up, down;
            d.is_missing |= e->knows_device;            /* what is on the GPU that is open is on no other */
            d.up_ns = model_transfer_ns(e->machine, i, d.bytes, true);
            data_charges(&d, 1, &up, &down);
            to_gpu += up;
            to_host += down;
        }
        a->gpu[i].data_ns = to_gpu + to_host;
    }
}

/* That for which computing and moving, less what was lost without it, takes the least. */
static uint32_t best_of(const Engine *e, const Asked *a)
{
    uint32_t best = e->gpu;
    double least = INFINITY;
    for (uint32_t i = 0; i < a->n_gpus; i++) {
        double ns = a->gpu[i].estimate.ns + a->gpu[i].data_ns - e->gpu_lost_ns[i];
        if (ns < least) {
            least = ns;
            best = i;
        }
    }
    return best;
}

void engine_gpus_lead(Engine *e, Asked *a, const Facts *facts)
{
    Backend *b = e->opt.gpu;
    if (!a->n_data)
        engine_ask_data(e, a, facts);
    charge_data(e, a);
    if (e->knows_device)
        return;
    uint32_t best = e->opens_gpu ? e->gpu : best_of(e, a);
    if (best != a->gpu_led)
        put_in_front(a, best);
    if (best == e->gpu)
        return;
    e->gpu = best;
    for (uint32_t i = 0; i < a->n_data; i++) {
        a->data[i].up_ns = model_transfer_ns(e->machine, best, a->data[i].bytes, true);
        a->data[i].down_ns = model_transfer_ns(e->machine, best, a->data[i].bytes, false);
    }
    engine_charge_data(a);
    if (b->choose)
        b->choose(b, best, e->knows_gpus ? NULL : e->machine);
}

/* The place of the GPU in `m` that one of this name is most likely to be, which has place i now; n_gpus: there is none. */
static uint32_t place_of(const Machine *m, uint32_t i, const char *name)
{
    enum { KEPT = sizeof m->gpu[0].name - 1 };
    if (i < m->n_gpus && strncmp(m->gpu[i].name, name, KEPT) == 0)
        return i;
    for (i = 0; i < m->n_gpus; i++)
        if (strncmp(m->gpu[i].name, name, KEPT) == 0)
            break;
    return i;
}

/* The driver tells of GPU `ordinal`, which has place `at` now; `old` is what was known. */
static void fill(Engine *e, const Machine *old, const double old_lost[MACHINE_GPUS], uint32_t at, const GpuAttributes *a)
{
    uint32_t from = place_of(old, at, a->name);
    bool is_known = from < old->n_gpus;
    e->machine->gpu[at] = is_known ? old->gpu[from] : (GpuMachine){ 0 };
    machine_fill_gpu(&e->machine->gpu[at], a);
    e->gpu_lost_ns[at] = is_known ? old_lost[from] : old_lost[e->gpu];
}

bool engine_gpus_told(Engine *e)
{
    Backend *b = e->opt.gpu;
    Machine *m = e->machine;
    GpuAttributes a;
    double lost[MACHINE_GPUS];
    uint32_t first = e->opt.chooses_gpu ? 0 : e->opt.gpu_ordinal, n = b->attributes ? b->attributes(b, first, &a) : 0;
    if (!n || !a.name || !*a.name)
        return false;
    Machine *old = mem_alloc(&e->vm->mem, sizeof *old);
    if (!old)
        return false;
    *old = *m;
    memcpy(lost, e->gpu_lost_ns, sizeof lost);
    if (!e->opt.chooses_gpu) {
        fill(e, old, lost, e->gpu, &a);
    } else {
        m->n_gpus = n < MACHINE_GPUS ? n : MACHINE_GPUS;
        for (uint32_t i = 0; i < m->n_gpus; i++)
            if (i == 0 || (b->attributes(b, i, &a) && a.name && *a.name))
                fill(e, old, lost, i, &a);
            else
                machine_complete_gpu(&m->gpu[i]);
        if (e->gpu >= m->n_gpus)
            e->gpu = 0;
    }
    mem_free(&e->vm->mem, old, sizeof *old);
    e->knows_gpus = true;
    e->opens_gpu = false;
    e->machine_version++;
    return true;
}

void engine_gpus_refused(Engine *e)
{
    bool is_left = false, may_be_others = e->opt.chooses_gpu && e->opt.gpu->choose && !e->knows_device && (e->knows_gpus || engine_gpus_told(e));
    e->opens_gpu = false;
    e->gpu_lost_ns[e->gpu] = -INFINITY;
    for (uint32_t i = 0; i < e->machine->n_gpus; i++)
        is_left |= e->gpu_lost_ns[i] > -INFINITY;
    e->has_no_device = !may_be_others || !is_left;
}

KernelState engine_gpus_open(Engine *e, Asked *a, const Plan *plan, const Facts *facts, KernelWish wish)
{
    Backend *b = e->opt.gpu;
    if (e->opt.chooses_gpu && b->choose)
        b->choose(b, e->gpu, e->knows_gpus ? NULL : e->machine);
    e->opens_gpu = true;
    KernelState s = b->open(b, wish);
    if (s == KERNEL_NEVER)
        engine_gpus_refused(e);
    if (s == KERNEL_ABSENT)
        engine_gpus_stopped(e, a, plan, facts);
    return s;
}

void engine_gpus_stopped(Engine *e, Asked *a, const Plan *plan, const Facts *facts)
{
    NestFeatures f;
    double longer = how_much_longer(a);
    if (!engine_gpus_told(e))
        return;
    plan_features(plan, facts, &f);
    predict(e, &f, a->gpu);
    a->n_gpus = e->machine->n_gpus;
    a->gpu_led = e->gpu;
    a->q.on[ON_Gpu].ns = a->gpu[e->gpu].estimate.ns * longer;
    put_in_front(a, e->gpu);
    engine_gpus_lead(e, a, facts);
}

void engine_gpus_regret(Engine *e, const Asked *a, DecideTarget k, double ns)
{
    double longer = how_much_longer(a);
    for (uint32_t i = 0; i < a->n_gpus; i++) {
        Question q = a->q;
        q.on[ON_Gpu].ns = a->gpu[i].estimate.ns * longer;
        q.on[ON_Gpu].data_ns = a->gpu[i].data_ns;
        q.on[ON_Gpu].lost_ns = 0;
        decide_regret(&q, k, ns);
        e->gpu_lost_ns[i] += q.on[ON_Gpu].lost_ns;
    }
}
