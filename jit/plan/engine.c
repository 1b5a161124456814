/* jit/plan/engine.c — per loop of the text: nests by signature, their planners, the refusals, and the record for `alpy explain`.
 *
 * What runs a nest may not change what it means, and a nest with ordered accumulations means its plan (contract C1).  So every decision
 * here that keeps a loop from its plan depends on the program's text and on types alone, never on counts of visits, times or memory:
 * lack of memory raises MemoryError. */
#include "jit/plan/engine.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "interp/fileio.h"
#include "interp/interp.h"

enum {
    MAX_VARIANTS = 8,           /* nests kept per loop; the least recently used one goes */
    MAX_REFUSALS = 16,          /* type fingerprints of refused signatures kept per loop */
    MAX_SKIPS    = 32,          /* entries of a loop that is always small which are not looked at, in a row */
    MAX_FAILURES = 3,           /* of a kernel's checks, if it never goes well */
};

/* When it pays to compile.  In nanoseconds; operations as plan_work() counts them. */
#define NS_PER_OP   6.0         /* interpreted: 3 to 8 were measured */
#define SMALL_NS    2e3         /* a kernel is entered in 0.3 us; what it takes beyond must pay for looking at the loop at all */
#define FIND_NS     1e6         /* price of looking for a kernel on disk, … */
#define COMPILE_NS  15e6        /* … and of making one: a nest pays for it when that much time has gone into it (ski rental) */
#define WAIT_NS     40e6        /* beyond that a compilation costs less than interpreting this once */

typedef struct Variant {
    struct Variant *next;       /* most recently used first */
    Nest    *nest;
    Planner *planner;
    Facts   *facts;
    bool     has_inlined_loops;
    double   estimate_ns;       /* of an execution with these facts: */
    int64_t *estimate_key;      /* [n_estimate_key] */
    uint32_t n_estimate_key;
} Variant;

typedef struct LoopState {
    struct LoopState *next;
    struct LoopState *parent;   /* the loop around it that was no nest; NULL: outermost */
    Node    *loop;
    Chunk   *chunk;
    Variant *variants;
    uint32_t n_variants;
    bool     never;             /* no types make it a nest */
    bool     covered;           /* the present execution runs in the interpreter, but as one nest: loops inside are part of it */
    bool     may_order;         /* some loop in it may hold an ordered accumulation, or a call to a function of the program */
    uint32_t n_nodes;           /* of the text, if it has no loops inside; else 0 */
    uint32_t n_small, skip;     /* entries in a row that were small; those still to be passed over */
    uint32_t n_refusals, n_names, cap_names;
    struct Refusal { uint64_t print; ReasonAt why; } *refusal;     /* [MAX_REFUSALS], newest last; NULL until the first */
    NHome   *names;             /* variables that the loop's text names; HOME_Cell and HOME_Free not told apart from their scopes */
    /* What the fingerprint of the refusal met last was made from: the same again is recognised without it. */
    bool     was_refused;
    uint8_t  last_iterable;     /* Tag */
    uint64_t *last_kinds;       /* [n_names] */
} LoopState;

typedef struct Engine {
    VM      *vm;
    EngineOptions opt;
    LoopState *states;
    Report   report;
    bool     keeps_all;         /* every nest is built and planned, for the report or a dump */
} Engine;

static bool may_take(VM *vm, Frame *frame, Node *loop);
static LoopVerdict take(VM *vm, Frame *frame, Node *loop, Value iterable);
static void forget_chunk(VM *vm, Chunk *chunk);
static void close_engine(VM *vm);

static const LoopEngine engine_table = {
    .name = "nests", .may_take = may_take, .take = take, .forget_chunk = forget_chunk, .close = close_engine,
};

static Engine *engine_of(VM *vm)
{
    return vm->engine == &engine_table ? vm->engine_state : NULL;
}

/* ---- loops of the text -------------------------------------------------------------------------------------------------- */

static void **state_slot(Node *loop)
{
    return loop->kind == ND_For ? &AST_AS(For, loop)->nest : &AST_AS(While, loop)->nest;
}

static void set_asking(Node *loop, bool ask)
{
    if (loop->kind == ND_For)
        AST_AS(For, loop)->ask_engine = ask;
    else
        AST_AS(While, loop)->ask_engine = ask;
}

static bool is_loop(const Node *n)
{
    return n->kind == ND_For || n->kind == ND_While;
}

/* One walk over a loop's text: its names, and what may make the order of its work matter. */
typedef struct Scan {
    VM      *vm;
    Frame   *frame;
    NHome   *names;             /* NULL while counting */
    uint32_t n_names, cap;
    uint32_t n_for;             /* For loops around the present node */
    uint32_t n_nodes, n_loops;
    bool     may_order;
} Scan;

static Value *name_home(const AstName *name, Frame *frame, NHome *home)
{
    *home = (NHome){ .slot = name->slot };
    switch (name->scope) {
    case SC_Local:      home->kind = HOME_Slot; break;
    case SC_Cell:       home->kind = HOME_Cell; break;
    case SC_Free:       home->kind = HOME_Free; break;
    case SC_Global:     home->kind = HOME_Global; home->module = frame->module; break;
    case SC_Unresolved: return NULL;
    }
    return nest_home(home, frame);
}

static bool same_home(const NHome *a, const NHome *b)
{
    return a->kind == b->kind && a->slot == b->slot && a->module == b->module;
}

static void scan_name(Scan *s, const AstName *name)
{
    NHome home;
    name_home(name, s->frame, &home);
    if (!s->names) {
        s->n_names++;
        return;
    }
    for (uint32_t i = 0; i < s->n_names; i++)
        if (same_home(&s->names[i], &home))
            return;
    if (s->n_names < s->cap)
        s->names[s->n_names++] = home;
}

/* A call of something that is no function of the program: its loops are its own business. */
static bool is_own_business(Scan *s, const Node *callee)
{
    NHome home;
    if (callee->kind == ND_Attr)
        callee = AST_AS(Attr, callee)->value;
    if (callee->kind != ND_Name)
        return false;
    const Value *v = name_home((const AstName *)callee, s->frame, &home);
    Value value = v && v->tag != T_Unbound ? *v : builtin_get(s->vm, ((const AstName *)callee)->name);
    return value.tag == T_Type || value.tag == T_Native || value.tag == T_Array ||
           (value.tag == T_Module && ((const Module *)(const void *)value.u.o)->is_builtin);
}

typedef struct Mention { Sym name; bool found; } Mention;

static void find_mention(Node *n, void *user)
{
    Mention *m = user;
    m->found |= n->kind == ND_Name && AST_AS(Name, n)->name == m->name;
    if (!m->found)
        ast_each_child(n, find_mention, m);
}

/* x = … x …: all that an accumulation by a plain assignment can look like. */
static bool names_itself(const AstAssign *s)
{
    if (s->targets.count != 1 || s->targets.item[0]->kind != ND_Name)
        return false;
    Mention m = { AST_AS(Name, s->targets.item[0])->name, false };
    find_mention(s->value, &m);
    return m.found;
}

static void scan_node(Node *n, void *user)
{
    Scan *s = user;
    s->n_nodes++;
    s->n_loops += is_loop(n);
    switch (n->kind) {
    case ND_Name:
        scan_name(s, (AstName *)n);
        break;
    case ND_Call:
        s->may_order |= !is_own_business(s, AST_AS(Call, n)->callee);
        break;
    case ND_AugAssign:
        s->may_order |= s->n_for > 0 && AST_AS(AugAssign, n)->target->kind == ND_Name;
        break;
    case ND_Assign:
        s->may_order |= s->n_for > 0 && names_itself(AST_AS(Assign, n));
        break;
    case ND_FuncDef:
        return;                 /* its names are of another scope */
    default:
        break;
    }
    s->n_for += n->kind == ND_For;
    ast_each_child(n, scan_node, s);
    s->n_for -= n->kind == ND_For;
}

static LoopState *state_new(Engine *e, Frame *frame, Node *loop)
{
    LoopState *ls = mem_zalloc(&e->vm->mem, sizeof *ls);
    if (!ls)
        return NULL;
    Scan s = { .vm = e->vm, .frame = frame };
    scan_node(loop, &s);
    ls->loop = loop;
    ls->may_order = s.may_order;
    ls->n_nodes = s.n_loops == 1 ? s.n_nodes : 0;
    ls->cap_names = s.n_names;
    ls->names = mem_alloc(&e->vm->mem, s.n_names * (sizeof *ls->names + sizeof *ls->last_kinds));
    if (!ls->names) {
        mem_free(&e->vm->mem, ls, sizeof *ls);
        return NULL;
    }
    ls->last_kinds = (uint64_t *)(void *)(ls->names + s.n_names);
    /* Fewer distinct ones than places, but the size is needed to free them. */
    Scan again = { .vm = e->vm, .frame = frame, .names = ls->names, .cap = s.n_names };
    if (s.n_names)
        scan_node(loop, &again);
    ls->n_names = again.n_names;
    ls->chunk = e->opt.report ? chunk_ref(frame->chunk) : frame->chunk;     /* graphs can be asked for when the program is over */
    ls->next = e->states;
    e->states = ls;
    *state_slot(loop) = ls;
    return ls;
}

static void variant_free(Engine *e, Variant *v)
{
    if (v->planner)
        planner_free(v->planner);
    if (v->facts)
        facts_free(v->facts, v->nest);
    if (v->nest)
        nest_free(v->nest);
    mem_free(&e->vm->mem, v->estimate_key, v->n_estimate_key * sizeof *v->estimate_key);
    mem_free(&e->vm->mem, v, sizeof *v);
}

static void state_free(Engine *e, LoopState *ls)
{
    for (Variant *v = ls->variants, *next; v; v = next) {
        next = v->next;
        variant_free(e, v);
    }
    *state_slot(ls->loop) = NULL;
    Mem *mem = &e->vm->mem;
    Chunk *held = e->opt.report ? ls->chunk : NULL;
    mem_free(mem, ls->refusal, ls->refusal ? MAX_REFUSALS * sizeof *ls->refusal : 0);
    mem_free(mem, ls->names, ls->cap_names * (sizeof *ls->names + sizeof *ls->last_kinds));
    mem_free(mem, ls, sizeof *ls);
    if (held)
        chunk_free(held);
}

/* A variable's type, or which function or module it names. */
static inline uint64_t kind_of(const NHome *home, Frame *frame)
{
    const Value *v = home->kind == HOME_Slot ? &frame->slots[home->slot] : nest_home(home, frame);
    uint64_t x = v ? v->tag : T_Unbound;
    if (x == T_Array)
        x |= (uint64_t)ARRAY(*v)->dtype << 8 | (uint64_t)ARRAY(*v)->ndim << 16;
    else if (x == T_Func || x == T_Native || x == T_Module)
        x |= (uint64_t)(uintptr_t)v->u.o << 8;
    else if (x == T_Type)
        x |= v->u.u << 8;
    return x;
}

/* All of them in one number. */
static uint64_t fingerprint(const LoopState *ls, Frame *frame, Value iterable)
{
    uint64_t h = 0x9e3779b97f4a7c15u ^ iterable.tag;
    for (uint32_t i = 0; i < ls->n_names; i++) {
        h = (h ^ kind_of(&ls->names[i], frame)) * 0xff51afd7ed558ccdu;
        h ^= h >> 32;
    }
    return h;
}

static void note_refusal(LoopState *ls, Frame *frame, Value iterable)
{
    ls->was_refused = true;
    ls->last_iterable = iterable.tag;
    for (uint32_t i = 0; i < ls->n_names; i++)
        ls->last_kinds[i] = kind_of(&ls->names[i], frame);
}

/* Is the refusal met last due again?  Nests that were built come before refusals, so only where there is none. */
static bool is_refused_again(const LoopState *ls, Frame *frame, uint8_t iterable_tag)
{
    if (!ls->was_refused || ls->variants)
        return false;
    if (ls->never)
        return true;
    if (ls->last_iterable != iterable_tag)
        return false;
    for (uint32_t i = 0; i < ls->n_names; i++)
        if (kind_of(&ls->names[i], frame) != ls->last_kinds[i])
            return false;
    return true;
}

/* Does this refusal hold whatever the types are? */
static bool is_final(Reason r)
{
    return r == RS_Statement || r == RS_TooDeep;
}

static void ask_inside(Node *n, void *user)
{
    LoopState *outer = user;
    if (n->kind == ND_FuncDef)
        return;
    if (is_loop(n)) {
        set_asking(n, true);
        return;
    }
    ast_each_child(n, ask_inside, outer);
}

/* The loop around `loop` in the same text that is no nest itself. */
static void link_parents(Engine *e, LoopState *ls)
{
    for (LoopState *o = e->states; o; o = o->next)
        if (o != ls && o->chunk == ls->chunk && o->loop->span.start < ls->loop->span.start && o->loop->span.end >= ls->loop->span.end &&
            (!ls->parent || o->loop->span.start > ls->parent->loop->span.start))
            ls->parent = o;
}

/* ---- records --------------------------------------------------------------------------------------------------------------- */

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
    } else if (is_loop(n)) {
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

/* What ran it: not where that goes without saying. */
typedef struct RanOn {
    const char *device;
    uint64_t    time_ns;        /* 0: not measured */
    ReasonAt    why_not;        /* why no back end's kernel did; RS_None: there is none, or it did */
} RanOn;

/* An execution that was not planned. */
static void record_interpreted(Engine *e, const LoopState *ls, const ReasonAt *why, Value iterable)
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

static void record_planned(Engine *e, const LoopState *ls, const Plan *plan, const Facts *facts, Value iterable, const RanOn *on)
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
            c.time_ns = on->time_ns;
            snprintf(c.device_detail, sizeof c.device_detail, "%.*s", (int)sizeof c.device_detail - 1, on->why_not.detail);
            if (nest->n_checks)
                describe_guards(plan, c.guards, sizeof c.guards);
        }
        report_add(l, &c);
    }
}

/* ---- from loop to plan --------------------------------------------------------------------------------------------------------- */

static void emit_to_stderr(void *user, const char *s, size_t n)
{
    vm_write_quiet(user, 2, s, n);
}

static bool dumps(const Engine *e, const char *what)
{
    return e->opt.dump && strstr(e->opt.dump, what);
}

/* The variant for this entry, moved to the front. */
static Variant *find_variant(LoopState *ls, Frame *frame, Value iterable)
{
    for (Variant **at = &ls->variants; *at; at = &(*at)->next) {
        Variant *v = *at;
        if (nest_matches(v->nest, frame, iterable)) {
            *at = v->next;
            v->next = ls->variants;
            ls->variants = v;
            return v;
        }
    }
    return NULL;
}

static bool has_inlined_loops(const Nest *nest)
{
    for (uint32_t i = 0; i < nest->n_loops; i++)
        if (nest->loops[i]->inlined_from)
            return true;
    return false;
}

/* Remember a refusal for these types; the loops inside become candidates.  ALP_FAIL: no memory. */
static Status refuse(Engine *e, LoopState *ls, uint64_t print, const ReasonAt *why)
{
    if (!ls->refusal && !(ls->refusal = mem_zalloc(&e->vm->mem, MAX_REFUSALS * sizeof *ls->refusal)))
        return ALP_FAIL;
    if (ls->n_refusals < MAX_REFUSALS)
        ls->n_refusals++;
    else
        memmove(ls->refusal, ls->refusal + 1, (MAX_REFUSALS - 1) * sizeof *ls->refusal);
    ls->refusal[ls->n_refusals - 1] = (struct Refusal){ print, *why };
    ls->never |= is_final(why->code);
    ast_each_child(ls->loop, ask_inside, ls);
    return ALP_OK;
}

/* NULL: *why says why not (RS_NoMemory among the reasons). */
static Variant *build_variant(Engine *e, LoopState *ls, Frame *frame, Value iterable, ReasonAt *why)
{
    Mem *mem = &e->vm->mem;
    uint64_t print = fingerprint(ls, frame, iterable);
    for (uint32_t i = 0; i < ls->n_refusals; i++)
        if (ls->refusal[i].print == print || ls->never) {
            *why = ls->refusal[i].why;
            note_refusal(ls, frame, iterable);
            return NULL;
        }
    Variant *v = mem_zalloc(mem, sizeof *v);
    if (!v) {
        why->code = RS_NoMemory;
        return NULL;
    }
    v->nest = nest_build(e->vm, frame, ls->loop, iterable, why);
    if (!v->nest) {
        variant_free(e, v);
        if (why->code == RS_NoMemory)
            return NULL;
        if (refuse(e, ls, print, why) == ALP_OK)
            note_refusal(ls, frame, iterable);
        else
            why->code = RS_NoMemory;
        return NULL;
    }
    v->has_inlined_loops = has_inlined_loops(v->nest);
    v->planner = planner_new(v->nest, &e->opt.plan);
    v->facts = facts_new(v->nest);
    if (!v->planner || !v->facts) {
        variant_free(e, v);
        why->code = RS_NoMemory;
        return NULL;
    }
    e->report.n_nests_built++;
    e->report.analysis_ns += v->nest->build_ns;
    if (dumps(e, "nest"))
        nest_dump(v->nest, emit_to_stderr, e->vm);
    v->next = ls->variants;
    ls->variants = v;
    if (ls->n_variants < MAX_VARIANTS) {
        ls->n_variants++;
        return v;
    }
    Variant **last = &ls->variants;
    while ((*last)->next)
        last = &(*last)->next;
    variant_free(e, *last);
    *last = NULL;
    return v;
}

static LoopVerdict no_memory(VM *vm, Frame *frame, Node *loop)
{
    raise_nomem(vm);
    vm_trace_add(vm, loop, frame);
    return LOOP_RAISED;
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Must the plan be carried out by somebody who knows it? */
static bool needs_executor(const Engine *e, const Variant *v, const Plan *plan)
{
    return e->opt.device == DEV_Reference || plan->has_ordered || v->has_inlined_loops;
}

/* ---- back ends ------------------------------------------------------------------------------------------------------------- */

/* Is every loop looked at?  Without a back end only those whose plan is part of what they mean. */
static bool looks_at_all(const Engine *e)
{
    return e->keeps_all || e->opt.device == DEV_Reference || e->opt.backend;
}

/* What interpreting the plan with the present facts would take, roughly. */
static double estimate(const Engine *e, Variant *v, const Plan *plan)
{
    const Facts *f = v->facts;
    size_t size = f->n_key * sizeof *f->key;
    if (v->estimate_key && memcmp(v->estimate_key, f->key, size) == 0)
        return v->estimate_ns;
    v->estimate_ns = plan_work(plan, f) * NS_PER_OP;
    if (!v->estimate_key && (v->estimate_key = mem_alloc(&e->vm->mem, size)))
        v->n_estimate_key = f->n_key;
    if (v->estimate_key)
        memcpy(v->estimate_key, f->key, size);
    return v->estimate_ns;
}

/* The kernel that is to run the plan now; NULL: none, *why says why not. */
static void *choose_kernel(Engine *e, LoopState *ls, Variant *v, const Plan *plan, ReasonAt *why)
{
    Backend *b = e->opt.backend;
    Plan *mine = (Plan *)plan;          /* what is cached with a plan is no part of what it says */
    KernelWish wish = WISH_Wait;
    double ns = 0;
    void *kernel = NULL;
    if (!b)
        return NULL;
    if (plan->use.n_failed > MAX_FAILURES && plan->use.n_done == 0) {
        why->code = RS_CheckFailed;
        return NULL;
    }
    if (e->opt.device == DEV_Auto) {
        ns = estimate(e, v, plan);
        if (ns < SMALL_NS) {
            ls->skip = ls->n_small < MAX_SKIPS ? ls->n_small++ : MAX_SKIPS;
            why->code = RS_Small;
            return NULL;
        }
        double spent = mine->use.spent_ns + ns;
        wish = ns > WAIT_NS ? WISH_Wait : spent >= COMPILE_NS ? WISH_Start : spent >= FIND_NS ? WISH_Find : WISH_None;
    }
    ls->n_small = 0;
    switch (b->kernel(b, plan, v->facts, e->opt.plan.fp, wish, &kernel, why)) {
    case KERNEL_READY:  return kernel;
    case KERNEL_MAKING: why->code = RS_NotReady; break;
    case KERNEL_ABSENT: why->code = RS_Small; break;
    case KERNEL_NEVER:  break;
    }
    mine->use.spent_ns += ns;
    return NULL;
}

/* Is a loop without loops inside so short that nothing but interpreting it can pay? */
static bool is_tiny(const Engine *e, const LoopState *ls, Value iterable)
{
    return e->opt.device == DEV_Auto && !e->keeps_all && ls->n_nodes && iterable.tag == T_Range &&
           (double)RANGE(iterable)->count * ls->n_nodes * NS_PER_OP < SMALL_NS;
}

/* The interpreter runs the planned nest. */
static LoopVerdict decline(Engine *e, LoopState *ls, const Plan *plan, const Facts *facts, RanOn *on, Value iterable)
{
    on->device = "interp";
    record_planned(e, ls, plan, facts, iterable, on);
    ls->covered = true;
    return LOOP_DECLINED;
}

static LoopVerdict run_plan(Engine *e, LoopState *ls, Variant *v, const Plan *plan, void *kernel, RanOn *on, Frame *frame, Value iterable)
{
    uint64_t start = e->opt.report ? now_ns() : 0;
    const NCheck *failed = NULL;
    ExecVerdict verdict = EXEC_NO_MEMORY;
    if (kernel) {
        verdict = e->opt.backend->run(e->opt.backend, kernel, plan, v->facts, frame, iterable, &failed);
        on->device = e->opt.backend->name;
        ((Plan *)plan)->use.n_done += verdict < EXEC_FAILED;
        ((Plan *)plan)->use.n_failed += verdict == EXEC_FAILED;
        if (verdict == EXEC_NO_MEMORY) {        /* kernels need more than interpreting does */
            on->why_not.code = RS_NoMemory;
            if (!needs_executor(e, v, plan))
                return decline(e, ls, plan, v->facts, on, iterable);
        }
    }
    if (verdict == EXEC_NO_MEMORY) {
        verdict = exec_plan(plan, v->facts, frame, iterable, &e->opt.exec, &failed);
        on->device = "reference";
    }
    ReasonAt why = { 0 };
    switch (verdict) {
    case EXEC_DONE:
    case EXEC_BROKE:
    case EXEC_RETURNED:
        on->time_ns = e->opt.report ? now_ns() - start : 0;
        record_planned(e, ls, plan, v->facts, iterable, on);
        return verdict == EXEC_DONE ? LOOP_DONE : verdict == EXEC_BROKE ? LOOP_BROKE : LOOP_RETURNED;
    case EXEC_FAILED:
        reason_set(&why, RS_CheckFailed, failed && failed->ast ? failed->ast->span : ls->loop->span, "%s",
                   failed ? nest_check_name((NCheckKind)failed->kind) : "");
        record_interpreted(e, ls, &why, iterable);
        ls->covered = true;
        return LOOP_DECLINED;
    case EXEC_NO_MEMORY:
        return no_memory(e->vm, frame, ls->loop);
    case EXEC_DISPROVED:
        raise(e->vm, TY_RuntimeError, "a check of the plan that counts as proved failed: %s", failed ? nest_check_name((NCheckKind)failed->kind) : "bounds");
        break;
    case EXEC_RAISED:
        break;
    }
    vm_trace_add(e->vm, ls->loop, frame);
    return LOOP_RAISED;
}

/* Programs with lists go through short loops that are refused every time. */
static bool may_take(VM *vm, Frame *frame, Node *loop)
{
    const Engine *e = vm->engine_state;
    LoopState *ls = *state_slot(loop);
    if (!ls || e->keeps_all || (ls->parent && ls->parent->covered) || !is_refused_again(ls, frame, T_Range))
        return true;
    ls->covered = false;
    return false;
}

static LoopVerdict take(VM *vm, Frame *frame, Node *loop, Value iterable)
{
    Engine *e = vm->engine_state;
    LoopState *ls = *state_slot(loop);
    if (!ls) {
        ls = state_new(e, frame, loop);
        if (!ls)
            return no_memory(vm, frame, loop);
        link_parents(e, ls);
        if (!looks_at_all(e) && !ls->may_order)
            set_asking(loop, false);
    }
    ls->covered = true;
    if (ls->parent && ls->parent->covered)
        return LOOP_DECLINED;
    if (!ls->may_order && (!looks_at_all(e) || is_tiny(e, ls, iterable)))
        return LOOP_DECLINED;
    if (ls->skip && !ls->may_order && !e->keeps_all) {
        ls->skip--;
        return LOOP_DECLINED;
    }
    ls->covered = false;
    ReasonAt why = { 0 };
    Variant *v = find_variant(ls, frame, iterable);
    if (!v && !(v = build_variant(e, ls, frame, iterable, &why))) {
        if (why.code == RS_NoMemory)
            return no_memory(vm, frame, loop);
        record_interpreted(e, ls, &why, iterable);
        return LOOP_DECLINED;
    }
    facts_collect(v->facts, v->nest, frame, iterable);
    uint64_t built = planner_n_built(v->planner);
    const Plan *plan = planner_get(v->planner, v->facts, &why);
    if (!plan) {
        if (why.code == RS_NoMemory)
            return no_memory(vm, frame, loop);
        record_interpreted(e, ls, &why, iterable);
        ls->covered = true;
        return LOOP_DECLINED;
    }
    if (planner_n_built(v->planner) != built) {
        e->report.n_plans_built++;
        e->report.analysis_ns += plan->build_ns;
        if (dumps(e, "plan"))
            plan_dump(plan, emit_to_stderr, vm);
    } else {
        e->report.n_plans_reused++;
    }
    RanOn on = { 0 };
    void *kernel = choose_kernel(e, ls, v, plan, &on.why_not);
    if (kernel || needs_executor(e, v, plan))
        return run_plan(e, ls, v, plan, kernel, &on, frame, iterable);
    return decline(e, ls, plan, v->facts, &on, iterable);
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
            state_free(e, ls);
        } else {
            at = &ls->next;
        }
    }
}

static void close_engine(VM *vm)
{
    Engine *e = vm->engine_state;
    while (e->states) {
        LoopState *ls = e->states;
        e->states = ls->next;
        state_free(e, ls);
    }
    report_free(&e->report);
    if (e->opt.backend)
        e->opt.backend->close(e->opt.backend);
    vm->engine = NULL;
    vm->engine_state = NULL;
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
    report_init(&e->report, &vm->mem);
    vm->engine = &engine_table;
    vm->engine_state = e;
    return ALP_OK;
}

Report *engine_report(VM *vm)
{
    Engine *e = engine_of(vm);
    if (!e || !e->opt.report)
        return NULL;
    Report *r = &e->report;
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
