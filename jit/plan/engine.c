/* jit/plan/engine.c — the seam to the interpreter: each loop from its entry to the verdict; the engine's life.
 *
 * What runs a nest may not change what it means, and a nest with ordered accumulations means its plan (contract C1).  So every decision
 * here that keeps a loop from its plan depends on the program's text and on types alone, never on counts of visits, times or memory:
 * lack of memory raises MemoryError. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "interp/fresh.h"
#include "jit/plan/engine_int.h"
#include "jit/plan/features.h"

static bool may_take(VM *vm, Frame *frame, Node *loop);
static LoopVerdict take(VM *vm, Frame *frame, Node *loop, Value iterable);
static LoopVerdict take_rest(VM *vm, Frame *frame, Node *loop);
static void forget_chunk(VM *vm, Chunk *chunk);
static void close_engine(VM *vm);

static const LoopEngine engine_table = {
    .name = "nests", .may_take = may_take, .take = take, .take_rest = take_rest, .whole = engine_whole, .forget_chunk = forget_chunk, .close = close_engine,
};

Engine *engine_of(VM *vm)
{
    return vm->engine == &engine_table ? vm->engine_state : NULL;
}

/* Is this entry passed over?  Not where order matters, nor where all is told. */
static bool is_skipped(const Engine *e, LoopState *ls, Frame *frame)
{
    return ls->skip && !ls->may_order && !e->keeps_all && engine_is_skipped(ls, frame) &&
           !(e->vm->n_on_device && engine_names_device(ls, frame));
}

/* Programs with lists go through short loops that are refused every time. */
static bool may_take(VM *vm, Frame *frame, Node *loop)
{
    const Engine *e = vm->engine_state;
    LoopState *ls = engine_state_get(loop);
    if (!ls || e->keeps_all || (ls->parent && ls->parent->covered))
        return true;
    if (is_skipped(e, ls, frame)) {
        ls->covered = true;
        return false;
    }
    if (!engine_is_refused_again(ls, frame, T_Range))
        return true;
    ls->covered = false;
    return false;
}

/* --dump=model: what the cost model is told of an execution, and what it says; of the machine that ALPY_PROFILE describes, whosever it is. */
static void dump_model(const Engine *e, const LoopState *ls, const Plan *plan, const Facts *facts)
{
    char text[200];
    Machine machine;
    NestFeatures features;
    const char *path = getenv("ALPY_PROFILE");
    if (path && machine_read_file(&machine, path, text, sizeof text))
        machine_complete(&machine);
    else
        machine_load(&machine, text, sizeof text);
    plan_features(plan, facts, &features);
    int n = snprintf(text, sizeof text, "line %u: ", (unsigned)src_line(&ls->chunk->src, ls->loop->span.start));
    engine_emit_to_stderr(e->vm, text, (size_t)n);
    model_dump(&machine, &features, engine_emit_to_stderr, e->vm);
}

/* goes_on: the interpreter has been at this While loop for a while, and asks about the rest of it. */
static LoopVerdict consider(Engine *e, LoopState *ls, Frame *frame, Value iterable, bool goes_on)
{
    VM *vm = e->vm;
    ReasonAt why = { 0 };
    ls->covered = false;
    Variant *v = engine_variant(e, ls, frame, iterable, &why);
    if (!v) {
        if (why.code == RS_NoMemory)
            return engine_no_memory(vm, frame, ls->loop);
        engine_record_interpreted(e, ls, &why, iterable);
        return LOOP_DECLINED;
    }
    facts_collect(v->facts, v->nest, frame, iterable);
    uint64_t built = planner_n_built(v->planner);
    const Plan *plan = planner_get(v->planner, v->facts, &why);
    if (!plan) {
        if (why.code == RS_NoMemory)
            return engine_no_memory(vm, frame, ls->loop);
        engine_record_interpreted(e, ls, &why, iterable);
        ls->covered = true;
        return LOOP_DECLINED;
    }
    if (planner_n_built(v->planner) != built) {
        e->report.n_plans_built++;
        e->report.analysis_ns += plan->build_ns;
        if (engine_dumps(e, "plan"))
            plan_dump(plan, engine_emit_to_stderr, vm);
    } else {
        e->report.n_plans_reused++;
    }
    if (engine_dumps(e, "model"))
        dump_model(e, ls, plan, v->facts);
    return engine_run(e, ls, v, plan, frame, iterable, goes_on);
}

/* May a look tell that a loop is not worth more? */
static bool may_glance(const Engine *e)
{
    return e->opt.device == DEV_Auto && !e->keeps_all && !e->opt.always_leaves;
}

/* A loop that was never analysed is interpreted until that has taken about as long as analysing it would. */
static bool is_passed(Engine *e, Frame *frame, Node *loop, Value iterable, double *ns)
{
    LoopText *text = &AST_AS(For, loop)->text;
    *ns = engine_glance(e, frame, loop, iterable);
    text->passed_ns += (float)(isnan(*ns) ? ANALYSE_NS : *ns);
    return (double)text->passed_ns < ANALYSE_NS;
}

static bool is_not_worth_analysis(Engine *e, LoopState *ls, Frame *frame, Value iterable)
{
    double ns;
    if (!may_glance(e) || ls->loop->kind != ND_For || (double)AST_AS(For, ls->loop)->text.passed_ns >= ANALYSE_NS || ls->may_order || ls->variants ||
        ls->n_refusals || (e->vm->n_on_device && engine_names_device(ls, frame)))
        return false;
    bool passes = is_passed(e, frame, ls->loop, iterable, &ns);
    if (ns < TINY_NS)
        engine_note_small(ls, frame);
    return passes;
}

static LoopVerdict take(VM *vm, Frame *frame, Node *loop, Value iterable)
{
    Engine *e = vm->engine_state;
    LoopState *ls = engine_state_get(loop);
    double ns;
    if (!ls && may_glance(e) && !vm->n_on_device && engine_glance_is_enough(e, frame, loop, iterable) && is_passed(e, frame, loop, iterable, &ns))
        return LOOP_DECLINED;
    if (!ls) {
        ls = engine_state_new(e, frame, loop);
        if (!ls)
            return engine_no_memory(vm, frame, loop);
        if (!engine_looks_at_all(e) && !ls->may_order)
            engine_set_asking(loop, false);
    }
    ls->covered = true;
    ls->is_replayed = false;
    if (ls->parent && ls->parent->covered)
        return LOOP_DECLINED;
    if (!ls->may_order && !engine_looks_at_all(e))
        return LOOP_DECLINED;
    if (!ls->may_order && engine_is_tiny(e, ls, frame, iterable)) {
        engine_note_small(ls, frame);
        return LOOP_DECLINED;
    }
    if (is_skipped(e, ls, frame) || is_not_worth_analysis(e, ls, frame, iterable))
        return LOOP_DECLINED;
    return consider(e, ls, frame, iterable, false);
}

/* A loop that was declined because of its kind stays so; one that seemed small is looked at again. */
static LoopVerdict take_rest(VM *vm, Frame *frame, Node *loop)
{
    Engine *e = vm->engine_state;
    LoopState *ls = engine_state_get(loop);
    if (!ls || !ls->covered || ls->is_replayed || ls->may_order || e->keeps_all || !engine_looks_at_all(e) || (ls->parent && ls->parent->covered))
        return LOOP_DECLINED;
    return consider(e, ls, frame, V_UNBOUND, true);
}

/* ---- life ------------------------------------------------------------------------------------------------------------------------ */

static void forget_chunk(VM *vm, Chunk *chunk)
{
    Engine *e = vm->engine_state;
    for (LoopState *ls = e->states; ls; ls = ls->next)
        if (ls->parent && ls->parent->chunk == chunk)
            ls->parent = NULL;
    for (LoopState **at = &e->states; *at;) {
        LoopState *ls = *at;
        if (ls->chunk == chunk) {
            *at = ls->next;
            engine_state_free(e, ls);
        } else {
            at = &ls->next;
        }
    }
}

static void close_engine(VM *vm)
{
    Engine *e = vm->engine_state;
    engine_whole_free(e);
    while (e->states) {
        LoopState *ls = e->states;
        e->states = ls->next;
        engine_state_free(e, ls);
    }
    report_free(&e->report);
    history_free(e->history);
    if (e->machine)
        mem_free(&vm->mem, e->machine, sizeof *e->machine);
    if (e->opt.gpu)
        e->opt.gpu->close(e->opt.gpu);
    if (e->opt.backend)
        e->opt.backend->close(e->opt.backend);
    vm->engine = NULL;
    vm->engine_state = NULL;
    vm->late_bytes = 0;
    mem_free(&vm->mem, e, sizeof *e);
}

void engine_options_init(EngineOptions *o)
{
    memset(o, 0, sizeof *o);
    o->plan.distribute = o->plan.interchange = o->plan.fuse = true;
    o->analyse = true;
}

Status engine_attach(VM *vm, const EngineOptions *o)
{
    if (!o->analyse)
        return ALP_OK;
    Engine *e = mem_zalloc(&vm->mem, sizeof *e);
    if (!e)
        return ALP_FAIL;
    e->vm = vm;
    e->opt = *o;
    e->keeps_all = o->report || o->dump;
    e->random = o->random_seed;
    report_init(&e->report, &vm->mem);
    vm->engine = &engine_table;
    vm->engine_state = e;
    vm->late_bytes = o->gpu ? FRESH_LATE_BYTES : 0;
    return ALP_OK;
}

Status engine_finish(VM *vm)
{
    const Engine *e = engine_of(vm);
    return e && e->opt.gpu && e->opt.gpu->finish ? e->opt.gpu->finish(e->opt.gpu) : ALP_OK;
}

Report *engine_report(VM *vm)
{
    Engine *e = engine_of(vm);
    if (!e || !e->opt.report)
        return NULL;
    Report *r = &e->report;
    snprintf(r->profile, sizeof r->profile, "%s", engine_machine_note(e));
    r->n_whole = e->n_whole;
    if (e->opt.gpu) {
        BackendStats s;
        char text[256];
        e->opt.gpu->describe(e->opt.gpu, text, sizeof text, &s);
        r->gpu_launches = s.n_launches;
        r->gpu_bytes_up = s.bytes_up;
        r->gpu_bytes_down = s.bytes_down;
    }
    if (e->opt.backend) {
        BackendStats s;
        e->opt.backend->describe(e->opt.backend, r->back_end, sizeof r->back_end, &s);
        r->n_kernels_made = s.n_made;
        r->n_kernels_from_disk = s.n_from_disk;
        r->n_kernels_from_memory = s.n_from_memory;
        r->n_kernels_failed = s.n_failed;
        r->kernels_ns = s.ns;
    } else if (e->opt.no_backend[0]) {
        snprintf(r->back_end, sizeof r->back_end, "none: %s", e->opt.no_backend);
    }
    return r;
}

Status engine_graph(VM *vm, uint32_t line, ReportEmit emit, void *user)
{
    Engine *e = engine_of(vm);
    const LoopState *found = NULL;
    for (const LoopState *ls = e ? e->states : NULL; ls; ls = ls->next)
        if (ls->variants && (line == 0 || src_line(&ls->chunk->src, ls->loop->span.start) == line))
            found = ls;         /* states are kept newest first: the last found is the first of the run */
    if (!found)
        return ALP_FAIL;
    /* Planning does without edges: make them for what was decided last. */
    DepGraph graph = *planner_graph(found->variants->planner);
    Arena arena;
    arena_init(&arena, &vm->mem);
    Status s = graph_edges(&graph, &arena);
    if (s == ALP_OK)
        graph_dot(&graph, emit, user);
    else
        raise_nomem(vm);
    arena_free(&arena);
    return s;
}
