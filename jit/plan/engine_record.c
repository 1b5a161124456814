/* jit/plan/engine_record.c — what `alpy explain` is told about each execution of a loop. */
#include <stdio.h>
#include <string.h>

#include "jit/plan/engine_int.h"
#include "jit/plan/features.h"

static const char *text_of(Engine *e, Sym name)
{
    return name == SYM_NONE ? "" : intern_text(e->vm->names, name);
}

static const char *loop_variable(Engine *e, const Node *loop)
{
    if (loop->kind != ND_For || AST_AS(For, loop)->target->kind != ND_Name)
        return "";
    return text_of(e, AST_AS(Name, AST_AS(For, loop)->target)->name);
}

/* How many loops of the same function stand around each loop: found from the tree. */
typedef struct Visit {
    Engine  *e;
    Chunk   *chunk;
    const char *function;
    uint32_t depth;
    const Node *wanted;         /* NULL: every loop gets its record */
    LoopRecord *found;
    bool     no_memory;
} Visit;

static void visit_loop(Node *n, void *user)
{
    Visit *v = user;
    if (v->found && v->wanted)
        return;
    const char *function = v->function;
    uint32_t depth = v->depth;
    if (n->kind == ND_FuncDef) {
        v->function = text_of(v->e, AST_AS(FuncDef, n)->func->qualname);
        v->depth = 0;
    } else if (engine_is_loop(n)) {
        v->depth++;
        if (!v->wanted || v->wanted == n) {
            const Src *src = &v->chunk->src;
            v->found = report_loop(&v->e->report, src->name, src_line(src, n->span.start), src_column(src, n->span.start), v->depth,
                                   loop_variable(v->e, n), v->function, n->kind == ND_While);
            v->no_memory |= !v->found;
        }
    }
    ast_each_child(n, visit_loop, v);
    v->function = function;
    v->depth = depth;
}

static LoopRecord *record_of(Engine *e, Chunk *chunk, const Node *loop)
{
    Visit v = { .e = e, .chunk = chunk, .function = "", .wanted = loop };
    if (!report_source(&e->report, &chunk->src, NULL))         /* of several texts of this name (at a prompt), this one */
        return NULL;
    for (uint32_t i = 0; i < chunk->ast.body.count && !v.found; i++)
        visit_loop(chunk->ast.body.item[i], &v);
    return v.found;
}

static int64_t iterations_of(Value iterable)
{
    if (iterable.tag == T_Range)
        return RANGE(iterable)->count;
    return iterable.tag == T_Array && ARRAY(iterable)->ndim ? ARRAY(iterable)->shape[0] : 0;
}

void engine_record_interpreted(Engine *e, const LoopState *ls, const ReasonAt *why, Value iterable)
{
    if (!e->opt.report)
        return;
    LoopRecord *l = record_of(e, ls->chunk, ls->loop);
    LoopCase c = { .outcome = OC_Interpreted, .why = *why, .device = "interp", .runs = 1, .iterations = (uint64_t)iterations_of(iterable) };
    if (l)
        report_add(l, &c);
}

static void join_words(char *to, size_t size, const char *word, bool wanted)
{
    if (!wanted)
        return;
    size_t n = strlen(to);
    if (n + strlen(word) + 3 < size) {
        if (n)
            strcat(to, ", ");
        strcat(to, word);
    }
}

/* What the plan could and could not prove, in words. */
static void describe_guards(const Plan *plan, char *out, size_t size)
{
    const Nest *nest = plan->nest;
    uint32_t count[CK_COUNT] = { 0 }, proved = 0;
    for (uint32_t i = 0; i < nest->n_checks; i++)
        if (plan->proved[i])
            proved++;
        else
            count[nest->checks[i].kind]++;
    size_t at = (size_t)snprintf(out, size, "%u of %u checks proved beforehand", (unsigned)proved, (unsigned)nest->n_checks);
    const char *sep = "; checked while it runs: ";
    for (int k = 0; k < CK_COUNT; k++)
        if (count[k] && at < size) {
            at += (size_t)snprintf(out + at, size - at, "%s%s (%u)", sep, nest_check_name((NCheckKind)k), (unsigned)count[k]);
            sep = ", ";
        }
}

/* Each of several GPUs. */
static void describe_gpus(LoopCase *c, const Engine *e, const Asked *a)
{
    const CaseTarget used = c->target[ON_Gpu];
    for (uint32_t i = 0; used.device && i < a->n_gpus; i++) {
        const GpuGuess *g = &a->gpu[i];
        CaseTarget *t = &c->target[ON_Gpu + i];
        *t = used;
        t->gpu = 1 + i;
        if (i == e->gpu)
            continue;
        t->why_not = e->knows_device ? RS_GpuInUse : RS_OtherGpu;
        t->n_measured = g->is_measured;
        t->predicted_ns = g->model.ns;
        t->measured_ns = g->is_measured ? g->estimate.ns : 0;
        t->copy_ns = g->data_ns;
    }
    if (used.device && a->n_gpus && c->device && strcmp(c->device, used.device) == 0)
        c->gpu = 1 + e->gpu;
}

/* Who was considered, and why who ran it did. */
static void describe_choice(LoopCase *c, const Engine *e, const RanOn *on)
{
    /* ORDER decide_target */
    static const char *const device[ON_COUNT] = { "interp", "reference", "cpu", "cpu", "gpu" };
    const Asked *a = on->asked;
    c->choice = on->why;
    if (!a)
        return;
    for (DecideTarget k = 0; k < ON_COUNT; k++) {
        const Candidate *q = &a->q.on[k];
        bool is_shown = k < ON_Cpu1 || q->readiness != AVAIL_Never;
        bool is_known = a->is_measured[k];
        if (is_shown)
            c->target[k] = (CaseTarget){
                .device = device[k], .n_threads = k == ON_Cpu1 ? 1 : k == ON_CpuN ? a->choice->n_threads : 0,
                .n_considered = 1, .n_measured = is_known, .predicted_ns = a->model_ns[k], .measured_ns = is_known ? q->ns : 0, .copy_ns = q->data_ns,
            };
    }
    describe_gpus(c, e, a);
    if (c->device && strcmp(c->device, "cpu") == 0)
        c->n_threads = on->target == ON_Cpu1 ? 1 : a->choice->n_threads;
}

/* Float operations, and bytes of elements that are accessed.  Counting takes some 10 us, so the last count of each plan is kept. */
static void count_work(LoopCase *c, const Plan *plan, const Facts *facts)
{
    Plan *owner = (Plan *)plan;
    uint64_t key = 0xcbf29ce484222325u;
    for (uint32_t i = 0; i < facts->n_key; i++)
        key = (key ^ (uint64_t)facts->key[i]) * 0x100000001b3u;
    if (owner->use.counted.key != key) {
        NestFeatures f;
        plan_features(plan, facts, &f);
        owner->use.counted.key = key;
        owner->use.counted.flops = f.flops;
        owner->use.counted.bytes = f.bytes;
        owner->use.counted.is_known = f.is_known;
    }
    c->flops = owner->use.counted.flops;
    c->bytes = owner->use.counted.bytes;
    c->is_uncounted = !owner->use.counted.is_known;
}

void engine_record_planned(Engine *e, const LoopState *ls, const Plan *plan, const Facts *facts, Value iterable, const RanOn *on)
{
    if (!e->opt.report)
        return;
    const Nest *nest = plan->nest;
    for (uint32_t i = 0; i < nest->n_loops; i++) {
        const NLoop *loop = nest->loops[i];
        const LoopOutcome *o = &plan->outcome[i];
        LoopRecord *l = record_of(e, loop->inlined_from ? loop->inlined_from->chunk : ls->chunk, loop->ast);
        if (!l)
            continue;
        LoopCase c = { .outcome = o->outcome, .why = o->why, .device = on->device, .device_why = on->why_not.code, .runs = 1 };
        strcpy(c.decided, o->decided);
        join_words(c.transforms, sizeof c.transforms, "distributed", o->distributed);
        join_words(c.transforms, sizeof c.transforms, "interchanged", o->interchanged);
        join_words(c.transforms, sizeof c.transforms, "fused", o->fused);
        join_words(c.transforms, sizeof c.transforms, "scalars expanded", o->expanded);
        c.iterations = loop == nest->root ? (uint64_t)iterations_of(iterable) : nest_iterations(facts, loop);
        if (loop == nest->root) {
            describe_choice(&c, e, on);
            c.time_ns = on->time_ns;
            count_work(&c, plan, facts);
            c.n_launches = on->moved.n_launches;
            c.bytes_up = on->moved.bytes_up;
            c.bytes_down = on->moved.bytes_down;
            snprintf(c.device_detail, sizeof c.device_detail, "%.*s", (int)sizeof c.device_detail - 1, on->why_not.detail);
            if (nest->n_checks)
                describe_guards(plan, c.guards, sizeof c.guards);
        }
        report_add(l, &c);
    }
}

Status engine_report_unreached(VM *vm, Chunk *chunk)
{
    Engine *e = engine_of(vm);
    if (!e)
        return ALP_OK;
    Visit v = { .e = e, .chunk = chunk, .function = "" };
    for (uint32_t i = 0; i < chunk->ast.body.count; i++)
        visit_loop(chunk->ast.body.item[i], &v);
    return v.no_memory ? ALP_FAIL : ALP_OK;
}
