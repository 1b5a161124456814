/* jit/plan/planner.c — plans of one nest, remembered.
 *
 * Three steps, each taken only if the one before did not know the answer:
 *
 *   facts → plan          a few recent fact vectors, compared word by word: the usual case, well below a microsecond
 *   outcome → plan        guards, deferred dependence tests, trip counts and strides are worked out from the facts, and reduced to the
 *                         few bytes that a plan depends on (the outcome)
 *   making a plan
 *
 * What a plan is made from must be part of the outcome.  That is: which pairs of references conflict in which directions; which
 * checks are proved; how subscripts count; classes of strides and of trip counts; which symbols have values; which loops may be
 * fused.  Numbers themselves are not: bounds are evaluated when the plan runs. */
#include "jit/plan/plan_int.h"

#include <time.h>

enum { N_RECENT = 16, MAX_PLANS = 32 };

typedef struct PlanEntry {
    struct PlanEntry *next;     /* most recently used first */
    Plan     plan;
    uint32_t n_outcome;
    uint8_t *outcome;           /* in the plan's arena */
} PlanEntry;

typedef struct Recent {
    bool     is_used;
    int64_t *key;               /* [n_key] */
    PlanEntry *entry;           /* NULL: no plan, … */
    ReasonAt why;               /* … for this reason */
} Recent;

struct Planner {
    const Nest *nest;
    PlanOptions opt;
    Mem      *mem;
    Arena     arena;            /* what does not change between executions, and room for work */
    DepGraph *graph;
    Guards   *guards;
    NestInfo *info;
    Recent    recent[N_RECENT];
    PlanEntry *entries;
    uint32_t  n_entries;
    uint8_t  *proved, *access_dim, *stride, *can_fuse;
    TripRange *trip;
    int64_t  *coef;
    uint8_t  *outcome;          /* being put together: n_outcome of cap_outcome bytes */
    uint32_t  n_outcome, cap_outcome;
    uint64_t  n_decided, n_built, n_remembered;
};

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- life ----------------------------------------------------------------------------------------------------------------------- */

Planner *planner_new(const Nest *nest, const PlanOptions *opt)
{
    Mem *mem = &nest->vm->mem;
    Planner *p = mem_zalloc(mem, sizeof *p);
    if (!p)
        return NULL;
    p->nest = nest;
    p->opt = *opt;
    p->mem = mem;
    arena_init(&p->arena, mem);
    p->graph = graph_new(&p->arena, nest);
    p->guards = p->graph ? guards_new(nest, p->graph->scalars) : NULL;
    p->info = p->guards ? nest_info_new(&p->arena, nest, p->graph) : NULL;
    if (p->info) {
        p->proved = ARENA_ARRAY(&p->arena, uint8_t, nest->n_checks + 1);
        p->access_dim = ARENA_ARRAY(&p->arena, uint8_t, nest->n_accesses * ALP_MAX_NDIM + 1);
        p->stride = ARENA_ARRAY(&p->arena, uint8_t, nest->n_accesses * p->info->max_depth + 1);
        p->can_fuse = ARENA_ARRAY(&p->arena, uint8_t, p->info->n_fuse + 1);
        p->trip = ARENA_ARRAY(&p->arena, TripRange, nest->n_loops + 1);
        p->coef = ARENA_ARRAY(&p->arena, int64_t, nest->n_loops + 1);
    }
    if (!p->info || !p->proved || !p->access_dim || !p->stride || !p->can_fuse || !p->trip || !p->coef) {
        planner_free(p);
        return NULL;
    }
    return p;
}

static void entry_free(Planner *p, PlanEntry *e)
{
    for (int i = 0; i < N_RECENT; i++)
        if (p->recent[i].entry == e)
            p->recent[i].is_used = false;
    if (e->plan.code_free)
        e->plan.code_free(e->plan.code);
    for (int i = 0; i < PLAN_BACK_ENDS; i++)
        if (e->plan.kernels[i].free)
            e->plan.kernels[i].free(e->plan.kernels[i].list);
    arena_free(&e->plan.arena);
    mem_free(p->mem, e, sizeof *e);
}

void planner_free(Planner *p)
{
    if (!p)
        return;
    while (p->entries) {
        PlanEntry *e = p->entries;
        p->entries = e->next;
        entry_free(p, e);
    }
    guards_free(p->guards);
    arena_free(&p->arena);
    mem_free(p->mem, p->outcome, p->cap_outcome);
    mem_free(p->mem, p, sizeof *p);
}

const DepGraph *planner_graph(const Planner *p)         { return p->graph; }
uint64_t        planner_n_decided(const Planner *p)     { return p->n_decided; }
uint64_t        planner_n_built(const Planner *p)       { return p->n_built; }
uint64_t        planner_n_remembered(const Planner *p)  { return p->n_remembered; }

/* ---- guards without which there is no plan ------------------------------------------------------------------------------------------ */

static bool is_refused(const Planner *p, const Facts *f, ReasonAt *why)
{
    for (uint32_t i = 0; i < p->nest->n_arrays; i++) {
        const NArray *a = p->nest->arrays[i];
        if (!a->is_written)
            continue;
        const char *name = a->name != SYM_NONE ? intern_text(p->nest->vm->names, a->name) : "the iterable";
        if (f->array[i].array->readonly) {
            reason_set(why, RS_GuardReadonly, (Span){ 0, 0 }, "%s", name);
            return true;
        }
        if (f->array[i].overlaps_itself) {
            reason_set(why, RS_GuardArray, (Span){ 0, 0 }, "%s", name);
            return true;
        }
    }
    return false;
}

/* ---- outcome ------------------------------------------------------------------------------------------------------------------------- */

static uint8_t trip_class(const TripRange *t)
{
    return (uint8_t)((t->lo >= 1) | (t->hi <= 1) << 1 | (t->hi <= 128) << 2);
}

static Status outcome_room(Planner *p, uint32_t n)
{
    if (n <= p->cap_outcome)
        return ALP_OK;
    uint8_t *more = mem_realloc(p->mem, p->outcome, p->cap_outcome, n);
    if (!more)
        return ALP_FAIL;
    p->outcome = more;
    p->cap_outcome = n;
    return ALP_OK;
}

static uint8_t *put_bytes(uint8_t *to, const void *from, uint32_t n)
{
    if (n)
        memcpy(to, from, n);
    return to + n;
}

static Status outcome_make(Planner *p, const Facts *f)
{
    const Nest *nest = p->nest;
    const DepGraph *g = p->graph;
    uint32_t n_dim = nest->n_accesses * ALP_MAX_NDIM, n_stride = nest->n_accesses * p->info->max_depth;
    uint32_t room = nest->n_checks + n_dim + n_stride + nest->n_loops + nest->n_syms + p->info->n_fuse;
    for (uint32_t i = 0; i < g->n_pairs; i++)
        room += g->pair[i].is_static ? 0 : 2 + (uint32_t)(g->pair[i].answer.n_vec * g->pair[i].n_common);
    TRY(outcome_room(p, room));
    uint8_t *to = p->outcome;
    to = put_bytes(to, p->proved, nest->n_checks);
    to = put_bytes(to, p->access_dim, n_dim);
    to = put_bytes(to, p->stride, n_stride);
    to = put_bytes(to, f->sym_known, nest->n_syms);
    to = put_bytes(to, p->can_fuse, p->info->n_fuse);
    for (uint32_t i = 0; i < nest->n_loops; i++)
        *to++ = trip_class(&p->trip[i]);
    for (uint32_t i = 0; i < g->n_pairs; i++) {
        const RefPair *r = &g->pair[i];
        if (r->is_static)
            continue;
        *to++ = (uint8_t)r->answer.n_vec;
        *to++ = (uint8_t)r->maybe;
        for (int k = 0; k < r->answer.n_vec; k++)
            to = put_bytes(to, r->answer.vec[k].dir, (uint32_t)r->n_common);
    }
    p->n_outcome = (uint32_t)(to - p->outcome);
    return ALP_OK;
}

/* Any number will do that differs for unlike outcomes more often than not: equality is checked. */
static uint64_t hash_bytes(const uint8_t *s, size_t n)
{
    uint64_t h = 0x9e3779b97f4a7c15u ^ n;
    for (; n >= 8; s += 8, n -= 8) {
        uint64_t x;
        memcpy(&x, s, 8);
        h = (h ^ x) * 0xff51afd7ed558ccdu;
        h ^= h >> 32;
    }
    for (; n; n--)
        h = (h ^ *s++) * 0x100000001b3u;
    return h ^ h >> 29;
}

/* ---- making ---------------------------------------------------------------------------------------------------------------------------- */

static Status make(Planner *p, const Facts *f, PlanEntry *e)
{
    Plan *plan = &e->plan;
    const Nest *nest = p->nest;
    plan->proved = ARENA_ARRAY(&plan->arena, uint8_t, nest->n_checks + 1);
    plan->access_dim = ARENA_ARRAY(&plan->arena, uint8_t, nest->n_accesses * ALP_MAX_NDIM + 1);
    e->outcome = ARENA_ARRAY(&plan->arena, uint8_t, p->n_outcome + 1);
    if (!plan->proved || !plan->access_dim || !e->outcome)
        return ALP_FAIL;
    put_bytes(plan->proved, p->proved, nest->n_checks);
    put_bytes(plan->access_dim, p->access_dim, nest->n_accesses * ALP_MAX_NDIM);
    put_bytes(e->outcome, p->outcome, p->n_outcome);
    e->n_outcome = p->n_outcome;
    for (uint32_t i = 0; i < nest->n_checks; i++)
        plan->can_fail |= !plan->proved[i];
    Arena scratch;
    arena_init(&scratch, p->mem);
    Sched s = { .nest = nest, .info = p->info, .graph = p->graph, .facts = f, .opt = &p->opt, .access_dim = p->access_dim, .trip = p->trip,
                .stride = p->stride, .can_fuse = p->can_fuse, .plan = plan, .arena = &plan->arena, .scratch = &scratch };
    Status status = sched_nest(&s);
    arena_free(&scratch);
    return status;
}

static PlanEntry *build(Planner *p, const Facts *f, uint64_t key)
{
    uint64_t start = now_ns();
    PlanEntry *e = mem_zalloc(p->mem, sizeof *e);
    if (!e)
        return NULL;
    e->plan.nest = p->nest;
    e->plan.key = key;
    arena_init(&e->plan.arena, p->mem);
    if (make(p, f, e) != ALP_OK) {
        entry_free(p, e);
        return NULL;
    }
    e->plan.build_ns = (uint32_t)(now_ns() - start);
    if (p->n_entries == MAX_PLANS) {
        PlanEntry **last = &p->entries;
        while ((*last)->next)
            last = &(*last)->next;
        entry_free(p, *last);
        *last = NULL;
        p->n_entries--;
    }
    e->next = p->entries;
    p->entries = e;
    p->n_entries++;
    p->n_built++;
    return e;
}

static PlanEntry *find(Planner *p, uint64_t key)
{
    for (PlanEntry **at = &p->entries; *at; at = &(*at)->next) {
        PlanEntry *e = *at;
        if (e->plan.key != key || e->n_outcome != p->n_outcome || memcmp(e->outcome, p->outcome, p->n_outcome) != 0)
            continue;
        *at = e->next;
        e->next = p->entries;
        p->entries = e;
        return e;
    }
    return NULL;
}

static Status decide(Planner *p, const Facts *f, PlanEntry **out, ReasonAt *why)
{
    *out = NULL;
    p->n_decided++;
    if (is_refused(p, f, why))
        return ALP_OK;
    guards_decide(p->guards, f, p->proved, p->access_dim);
    graph_decide(p->graph, f, p->access_dim);
    layout_trips(p->nest, f, p->trip, p->coef);
    layout_strides(p->nest, p->info, f, p->stride, p->coef);
    if (p->opt.fuse)
        fuse_decide(p->info, p->graph, f, p->access_dim, p->can_fuse);
    TRY(p->graph->is_no_memory ? ALP_FAIL : outcome_make(p, f));
    uint64_t key = hash_bytes(p->outcome, p->n_outcome);
    *out = find(p, key);
    if (!*out)
        *out = build(p, f, key);
    return *out ? ALP_OK : ALP_FAIL;
}

/* ---- remembering ------------------------------------------------------------------------------------------------------------------------- */

const Plan *planner_get(Planner *p, const Facts *facts, ReasonAt *why)
{
    size_t size = facts->n_key * sizeof *facts->key;
    Recent *r = &p->recent[hash_bytes((const uint8_t *)facts->key, size) % N_RECENT];
    if (r->is_used && memcmp(r->key, facts->key, size) == 0) {
        p->n_remembered++;
        if (r->entry)
            return &r->entry->plan;
        *why = r->why;
        return NULL;
    }
    PlanEntry *e;
    ReasonAt reason = { .code = RS_None };
    if (decide(p, facts, &e, &reason) != ALP_OK) {
        reason_set(why, RS_NoMemory, (Span){ 0, 0 }, NULL);
        return NULL;
    }
    if (!r->key)
        r->key = ARENA_ARRAY(&p->arena, int64_t, facts->n_key + 1);
    r->is_used = r->key != NULL;
    if (r->is_used) {
        memcpy(r->key, facts->key, size);
        r->entry = e;
        r->why = reason;
    }
    if (e)
        return &e->plan;
    *why = reason;
    return NULL;
}
