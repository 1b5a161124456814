/* jit/plan/engine_progress.c — how far the nest is that runs now, for who watches.
 *
 * Parts of parallel loops are counted as they are done (Backend.done) against all their iterations, where those can be told beforehand; else the time gone by stands
 * against the time that was expected.  Looking is done where the program looks whether it is to stop, on its own thread. */
#include "jit/plan/engine_int.h"

#define FIRST_NS 1000000000u    /* shorter nests are not shown, … */
#define EACH_NS  100000000u     /* … and longer ones ten times a second */

/* Iterations of all outermost parallel loops of the plan; 0: they cannot be told. */
static uint64_t parallel_iterations(const Plan *plan, const Facts *facts)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < plan->n_loops; i++) {
        const PLoop *l = plan->loops[i];
        uint64_t n = l->is_outer_parallel ? nest_iterations(facts, l->src[0]) : 0;
        if (l->is_outer_parallel && (!n || __builtin_add_overflow(sum, n, &sum)))
            return 0;
    }
    return sum;
}

void engine_progress_begin(Engine *e, const LoopState *ls, const Plan *plan, const Facts *facts, Backend *b, double expected_ns, uint64_t now)
{
    Running *r = &e->running;
    r->loop = ls;
    r->device = b ? b->name : "reference";
    r->start_ns = now;
    r->next_ns = now + FIRST_NS;
    r->expected_ns = expected_ns;
    r->is_shown = false;
    atomic_store(&r->done, 0);
    r->total = b && expected_ns > FIRST_NS / 10 ? parallel_iterations(plan, facts) : 0;
    if (b)
        b->done = r->total ? &r->done : NULL;
}

void engine_progress_end(Engine *e, Backend *b)
{
    Running *r = &e->running;
    if (b)
        b->done = NULL;
    r->loop = NULL;
    if (r->is_shown)
        e->opt.progress(e->opt.progress_user, NULL);
    r->is_shown = false;
}

void engine_look(VM *vm)
{
    Engine *e = engine_of(vm);
    if (!e || !e->opt.progress || !e->running.loop)
        return;
    Running *r = &e->running;
    uint64_t now = engine_now(e);
    if (now < r->next_ns)
        return;
    r->next_ns = now + EACH_NS;
    r->is_shown = true;
    const Src *src = &r->loop->chunk->src;
    double gone = (double)(now - r->start_ns), done = (double)atomic_load_explicit(&r->done, memory_order_relaxed);
    EngineProgress p = { .file = src->name, .line = src_line(src, r->loop->loop->span.start), .device = r->device, .seconds = gone / 1e9, .fraction = -1,
                         .seconds_left = -1 };
    if (r->total && done > 0)
        p.fraction = done < (double)r->total ? done / (double)r->total : 1;
    else if (r->expected_ns > gone)
        p.fraction = gone / r->expected_ns;
    if (p.fraction > 0)
        p.seconds_left = p.seconds * (1 - p.fraction) / p.fraction;
    e->opt.progress(e->opt.progress_user, &p);
}
