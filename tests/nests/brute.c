/* tests/nests/brute.c — random nests (generate.py) against the record of what they touch.
 *
 * Usage: brute [-k N] [-t TARGET] SEED FILE|- ...       programs, separated by lines "#---"
 *
 * Every program runs
 *   (a) in the plain interpreter: the truth about results;
 *   (b) through plans, carried out by the reference executor in random order: same variables, arrays, exception and traceback as (a);
 *   (c) recorded: nests run in program order while every element that every iteration reads or writes is written down.  Then
 *       - no two touches of one byte, one of them a write, may lack an edge in the dependence graph whose direction vector fits;
 *       - no two iterations of a loop that the plan calls parallel may touch one byte, one of them writing;
 *       - how exact the analysis is gets counted: edges that really occur, and loops that are sequential for a dependence of arrays that
 *         does not occur;
 *   (d) compiled, for N of the table's targets, which take turns, or for the one named; results as in (b).  Kernels are shared by all programs of a run, so
 *       that one which is not told apart from another's is found out.
 * A program that begins with "# ordered" has sums in another order than (a)'s.  It runs by plans in random order twice: with --fp=sequential, which has
 * to give (a)'s results, and in the order of the plans, which has to give those of the same plans without random order, of the default device, and
 * of compiled code.
 *
 * Lines "total NAME N", "refused REASON N" and "kernels TARGET N" sum up; the exit status is 1 if anything was wrong. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dsl/parse.h"
#include "interp/module.h"
#include "interp/ops.h"
#include "interp/str.h"
#include "jit/cpu/cpu.h"
#include "jit/plan/engine.h"

enum {
    MAX_TOUCHES = 20000,        /* per nest; longer records are cut off, and then only what was recorded is checked */
    MAX_PARTNERS = 60,          /* earlier touches of the same byte that one touch is compared with */
    LOOPS_MAX = 40,
};

typedef struct Touch {
    const NAccess *access;
    const char *address;
    uint32_t when;
    int16_t  counter[LOOPS_MAX];
} Touch;

/* ORDER total_name */
enum {
    N_Programs, N_Wrong, N_Raised, N_Nests, N_Unplanned, N_ChecksFailed, N_Touches, N_Cut, N_Edges, N_EdgesSeen, N_Loops, N_Parallel, N_ParallelRan,
    N_Blamed, N_Overcautious, N_COUNT
};
static const char *const total_name[N_COUNT] = {
    "programs", "wrong", "raised", "nests", "unplanned", "checks failed", "touches", "records cut", "edges", "edges that occur", "plan loops",
    "parallel", "parallel with iterations", "sequential by an array", "sequential without conflict",
};
static uint64_t total[N_COUNT], refusals[RS_COUNT];
static const char *program_text;

typedef struct Record {
    Touch   *touch;
    uint32_t n;
    uint32_t n_loops;
    bool     cut;
} Record;

static Record record;

/* Compiled code.  Spread: every parallel loop in the smallest parts, whatever its size, the last part first. */
typedef struct Target {
    const char *name, *isa;
    int  n_threads;
    bool spread_all;
} Target;

static const Target target[] = {
    { "sse2-1", "sse2", 1, false },     { "avx2-1", "avx2", 1, false },     { "avx512-1", "avx512", 1, false },     { "native-1", "native", 1, false },
    { "sse2-2", "sse2", 2, false },     { "avx2-2", "avx2", 2, false },     { "avx512-2", "avx512", 2, false },     { "native-2", "native", 2, false },
    { "sse2-spread-1", "sse2", 1, true }, { "avx2-spread-1", "avx2", 1, true }, { "avx512-spread-1", "avx512", 1, true },
    { "sse2-spread-2", "sse2", 2, true }, { "avx2-spread-3", "avx2", 3, true }, { "avx512-spread-8", "avx512", 8, true },
};
enum { N_TARGETS = sizeof target / sizeof target[0] };
static uint64_t n_kernels[N_TARGETS], n_refused_kernels[N_TARGETS];
static unsigned targets_each;           /* of a program */
static int only_target = -1;

static void complain(const char *what)
{
    if (total[N_Wrong]++ < 10)
        printf("WRONG: %s\n%s#---\n", what, program_text);
    fflush(stdout);
}

/* ---- results ---------------------------------------------------------------------------------------------------------------- */

static bool same_double(double a, double b)
{
    return memcmp(&a, &b, sizeof a) == 0 || (a != a && b != b);
}

static bool same_element(DType d, const char *a, const char *b)
{
    double x[2], y[2];
    float f[2], g[2];
    switch (d) {
    case DT_F64:  memcpy(x, a, 8); memcpy(y, b, 8); return same_double(x[0], y[0]);
    case DT_F32:  memcpy(f, a, 4); memcpy(g, b, 4); return memcmp(a, b, 4) == 0 || (f[0] != f[0] && g[0] != g[0]);
    case DT_C128: memcpy(x, a, 16); memcpy(y, b, 16); return same_double(x[0], y[0]) && same_double(x[1], y[1]);
    case DT_C64:  return same_element(DT_F32, a, b) && same_element(DT_F32, a + 4, b + 4);
    default:      return memcmp(a, b, dtype_info[d].size) == 0;
    }
}

static bool same_array(const Array *a, const Array *b)
{
    if (a->dtype != b->dtype || a->ndim != b->ndim || memcmp(a->shape, b->shape, a->ndim * sizeof *a->shape))
        return false;
    int64_t index[ALP_MAX_NDIM] = { 0 };
    for (int64_t k = 0; k < a->size; k++) {
        int64_t pa = 0, pb = 0;
        for (int d = 0; d < a->ndim; d++) {
            pa += index[d] * a->strides[d];
            pb += index[d] * b->strides[d];
        }
        if (!same_element(a->dtype, a->data + pa, b->data + pb))
            return false;
        for (int d = a->ndim - 1; d >= 0 && ++index[d] == a->shape[d]; d--)
            index[d] = 0;
    }
    return true;
}

static bool same_value(Value a, Value b)
{
    if (a.tag != b.tag)
        return false;
    switch ((Tag)a.tag) {
    case T_Float: case T_NpF64: case T_NpF32: return same_double(a.u.f, b.u.f);
    case T_Bool: case T_Int: case T_NpBool: case T_NpI8: case T_NpI16: case T_NpI32: case T_NpI64:
    case T_NpU8: case T_NpU16: case T_NpU32: case T_NpU64:
        return a.u.u == b.u.u;
    case T_NpC64:
        return same_element(DT_C64, (const char *)&a.u, (const char *)&b.u);
    case T_NpC128: case T_Complex:
        return same_double(COMPLEX(a)->re, COMPLEX(b)->re) && same_double(COMPLEX(a)->im, COMPLEX(b)->im);
    case T_Array:
        return same_array(ARRAY(a), ARRAY(b));
    case T_Tuple:
        for (size_t i = 0; i < TUPLE(a)->count; i++)
            if (!same_value(TUPLE(a)->item[i], TUPLE(b)->item[i]))
                return false;
        return true;
    default:
        return true;            /* functions, modules */
    }
}

static VM *open_vm(void)
{
    Mem mem;
    mem_init(&mem, NULL, NULL);
    VM *vm = vm_new(&mem);
    if (!vm)
        abort();
    return vm;
}

/* Owned text of the traceback; "" if nothing was raised. */
static char *run(VM *vm, const char *text)
{
    if (vm_run(vm, vm->main, "nest.alp", text, strlen(text), PM_File) != RUN_EXC)
        return strdup("");
    Value report = vm_format_traceback(vm);
    char *copy = strdup(report.tag == T_Str ? STR(report)->text : "?");
    value_free(vm, report);
    vm_clear_exc(vm);
    return copy;
}

static void compare(VM *truth, const char *truth_error, VM *vm, const char *error, const char *how)
{
    char text[1000];
    if (strcmp(truth_error, error)) {
        snprintf(text, sizeof text, "%s: exception\n  %.400s\ninstead of\n  %.400s", how, error, truth_error);
        complain(text);
        return;
    }
    const Module *a = truth->main, *b = vm->main;
    for (uint32_t i = 0; i < a->names.count; i++) {
        if (!same_value(a->slots[i], b->slots[i])) {
            snprintf(text, sizeof text, "%s: variable %s differs", how, intern_text(truth->names, a->names.name[i]));
            complain(text);
            return;
        }
    }
}

/* ---- the record ---------------------------------------------------------------------------------------------------------------- */

static void keep_touch(void *user, const NAccess *access, const char *address, const int64_t *counters)
{
    Record *r = user;
    if (r->n == MAX_TOUCHES) {
        r->cut = true;
        return;
    }
    Touch *t = &r->touch[r->n];
    t->access = access;
    t->address = address;
    t->when = r->n++;
    for (uint32_t i = 0; i < r->n_loops; i++)
        t->counter[i] = (int16_t)counters[i];
}

static int by_address(const void *a, const void *b)
{
    const Touch *x = a, *y = b;
    if (x->address != y->address)
        return x->address < y->address ? -1 : 1;
    return x->when < y->when ? -1 : x->when > y->when;
}

static bool fits(const DepEdge *edge, const Touch *x, const Touch *y)
{
    const RefPair *p = edge->pair;
    if (!p)
        return false;
    const NAccess *first = edge->is_swapped ? p->b : p->a, *second = edge->is_swapped ? p->a : p->b;
    if (x->access != first || y->access != second)
        return false;
    for (int k = 0; k < p->n_common; k++) {
        if (p->common[k]->is_while)
            continue;
        int64_t d = y->counter[p->common[k]->id] - x->counter[p->common[k]->id];
        int dir = d > 0 ? DIR_LT : d == 0 ? DIR_EQ : DIR_GT;
        if (!(edge->vec.dir[k] & dir))
            return false;
        if ((edge->vec.has_dist >> k & 1) && edge->vec.dist[k] != d)
            return false;
    }
    return true;
}

static bool same_iteration(const Touch *x, const Touch *y)
{
    for (uint32_t i = 0; i < record.n_loops; i++)
        if (x->counter[i] != y->counter[i])
            return false;
    return true;
}

static void describe(char *out, size_t size, const Touch *x, const Touch *y)
{
    int n = snprintf(out, size, "no edge for %s %u in statement %u before %s %u in statement %u; counters", x->access->is_write ? "write" : "read",
                     (unsigned)x->access->id, (unsigned)x->access->stmt->id, y->access->is_write ? "write" : "read", (unsigned)y->access->id,
                     (unsigned)y->access->stmt->id);
    for (uint32_t i = 0; i < record.n_loops && (size_t)n < size; i++)
        n += snprintf(out + n, size - (size_t)n, " %d-%d", x->counter[i], y->counter[i]);
}

static void check_edges(const DepGraph *g)
{
    bool *seen = calloc(g->n_edges + 1, 1);
    for (uint32_t i = 0; i < record.n; i++) {
        const Touch *y = &record.touch[i];
        int partners = 0;
        for (uint32_t j = i; j-- > 0 && record.touch[j].address == y->address && partners < MAX_PARTNERS; partners++) {
            const Touch *x = &record.touch[j];
            if (!x->access->is_write && !y->access->is_write)
                continue;
            /* A statement is a unit: what it reads comes before what it writes. */
            if (x->access->stmt == y->access->stmt && same_iteration(x, y))
                continue;
            bool found = false;
            for (uint32_t k = 0; k < g->n_edges; k++)
                if (fits(&g->edge[k], x, y)) {
                    seen[k] = true;
                    found = true;
                }
            if (!found) {
                char text[200];
                describe(text, sizeof text, x, y);
                complain(text);
                free(seen);
                return;
            }
        }
    }
    for (uint32_t k = 0; k < g->n_edges; k++) {
        total[N_Edges] += g->edge[k].pair != NULL;
        total[N_EdgesSeen] += seen[k];
    }
    free(seen);
}

/* ---- parallel loops ---------------------------------------------------------------------------------------------------------------- */

static bool item_has(const PItem *item, const NStmt *s);

static bool items_have(PItem *const *items, uint32_t n, const NStmt *s)
{
    for (uint32_t i = 0; i < n; i++)
        if (item_has(items[i], s))
            return true;
    return false;
}

static bool item_has(const PItem *item, const NStmt *s)
{
    return (item->kind == PI_Stmt && nest_is_inside(s, item->stmt)) ||
           ((item->kind == PI_If || item->kind == PI_While) && item->stmt == s) ||
           items_have(item->body, item->n_body, s) || items_have(item->orelse, item->n_orelse, s);
}

/* The source loop of a plan loop around this statement. */
static const NLoop *source_of(const PLoop *loop, const NStmt *s)
{
    for (uint32_t i = 0; i < loop->n_src; i++)
        if (nest_is_inside(s, loop->src[i]->stmt))
            return loop->src[i];
    return loop->src[0];
}

/* Two touches by different iterations of the item's loop, in one iteration of the loops around it, of one byte, one of them writing. */
static bool meet(const PItem *item, const PLoop **around, uint32_t n_around, const Touch **first, const Touch **second)
{
    const PLoop *loop = item->loop;
    for (uint32_t i = 0; i < record.n; i++) {
        const Touch *y = &record.touch[i];
        if (!item_has(item, y->access->stmt))
            continue;
        int partners = 0;
        for (uint32_t j = i; j-- > 0 && record.touch[j].address == y->address && partners < MAX_PARTNERS; partners++) {
            const Touch *x = &record.touch[j];
            if ((!x->access->is_write && !y->access->is_write) || !item_has(item, x->access->stmt))
                continue;
            bool together = true;
            for (uint32_t k = 0; k < n_around && together; k++)
                together = x->counter[source_of(around[k], x->access->stmt)->id] == y->counter[source_of(around[k], y->access->stmt)->id];
            for (const NLoop *w = loop->src[0]->up; w && together; w = w->up)
                together = !w->is_while || x->counter[w->id] == y->counter[w->id];
            if (together && x->counter[source_of(loop, x->access->stmt)->id] != y->counter[source_of(loop, y->access->stmt)->id]) {
                *first = x;
                *second = y;
                return true;
            }
        }
    }
    return false;
}

/* Did it run two iterations that touched anything? */
static bool ran(const PItem *item)
{
    const Touch *first = NULL;
    for (uint32_t i = 0; i < record.n; i++) {
        const Touch *t = &record.touch[i];
        if (!item_has(item, t->access->stmt))
            continue;
        if (!first)
            first = t;
        else if (t->counter[source_of(item->loop, t->access->stmt)->id] != first->counter[source_of(item->loop, first->access->stmt)->id])
            return true;
    }
    return false;
}

static void check_parallel(const PItem *item, const PLoop **around, uint32_t n_around)
{
    const PLoop *loop = item->kind == PI_Loop ? item->loop : NULL;
    const Touch *x, *y;
    total[N_Loops] += loop != NULL;
    if (loop && loop->mode != PM_Sequential) {
        total[N_Parallel]++;
        total[N_ParallelRan] += ran(item);
        if (meet(item, around, n_around, &x, &y)) {
            char text[160];
            snprintf(text, sizeof text, "plan loop %u is parallel, but its iterations meet (accesses %u and %u)", (unsigned)loop->id,
                     (unsigned)x->access->id, (unsigned)y->access->id);
            complain(text);
            return;
        }
    } else if (loop && loop->blame && !record.cut && ran(item)) {
        total[N_Blamed]++;
        total[N_Overcautious] += !meet(item, around, n_around, &x, &y);
    }
    if (loop)
        around[n_around++] = loop;
    for (uint32_t i = 0; i < item->n_body; i++)
        check_parallel(item->body[i], around, n_around);
    for (uint32_t i = 0; i < item->n_orelse; i++)
        check_parallel(item->orelse[i], around, n_around);
}

/* ---- the recording engine ----------------------------------------------------------------------------------------------------------- */

static LoopVerdict take_recorded(VM *vm, Frame *frame, Node *loop, Value iterable)
{
    ReasonAt why = { 0 };
    Nest *nest = nest_build(vm, frame, loop, iterable, &why);
    if (!nest) {
        refusals[why.code]++;
        return LOOP_DECLINED;
    }
    total[N_Nests]++;
    EngineOptions o;
    engine_options_init(&o);
    Planner *planner = planner_new(nest, &o.plan);
    Facts *facts = facts_new(nest);
    if (!planner || !facts || nest->n_loops > LOOPS_MAX)
        abort();
    facts_collect(facts, nest, frame, iterable);
    const Plan *plan = planner_get(planner, facts, &why);
    total[N_Unplanned] += plan == NULL;
    record.n = 0;
    record.cut = false;
    record.n_loops = nest->n_loops;
    ExecOptions eo = { .record = keep_touch, .record_user = &record };
    const NCheck *failed = NULL;
    ExecVerdict verdict = exec_nest(nest, facts, frame, iterable, &eo, &failed);
    if (verdict == EXEC_FAILED)
        total[N_ChecksFailed]++;
    if (plan && verdict != EXEC_FAILED) {
        qsort(record.touch, record.n, sizeof *record.touch, by_address);
        total[N_Touches] += record.n;
        total[N_Cut] += record.cut;
        DepGraph *g = (DepGraph *)planner_graph(planner);     /* a planner does without edges: make them for its last answers */
        Arena arena;
        arena_init(&arena, &vm->mem);
        if (graph_edges(g, &arena) != ALP_OK)
            abort();
        check_edges(g);
        g->n_edges = g->cap_edges = 0;
        g->edge = NULL;
        arena_free(&arena);
        const PLoop *around[64];
        check_parallel(plan->root, around, 0);
    }
    planner_free(planner);
    facts_free(facts, nest);
    nest_free(nest);
    switch (verdict) {
    case EXEC_DONE:     return LOOP_DONE;
    case EXEC_BROKE:    return LOOP_BROKE;
    case EXEC_RETURNED: return LOOP_RETURNED;
    case EXEC_FAILED:   return LOOP_DECLINED;
    default:            abort();
    }
}

static const LoopEngine recorder = { .name = "recorder", .take = take_recorded };

/* Runs the program by an engine, or by the plain interpreter for NULL. */
static VM *run_by(const EngineOptions *o, char **error)
{
    VM *vm = open_vm();
    if (o && engine_attach(vm, o) != ALP_OK)
        abort();
    *error = run(vm, program_text);
    return vm;
}

/* The options' results have to be those of `truth`. */
static void compare_with(VM *truth, const char *truth_error, const EngineOptions *o, const char *how)
{
    char *error;
    VM *vm = run_by(o, &error);
    compare(truth, truth_error, vm, error, how);
    free(error);
    vm_free(vm);
}

/* The results of kernels have to be those of `truth`. */
static void compare_compiled(VM *truth, const char *truth_error, FpMode fp, unsigned k)
{
    const Target *t = &target[k];
    EngineOptions o;
    engine_options_init(&o);
    o.device = DEV_Cpu;
    o.plan.fp = fp;
    VM *vm = open_vm();
    CpuOptions cpu = { .n_threads = t->n_threads, .isa = t->isa, .no_disk_cache = true, .spread_all = t->spread_all };
    o.backend = cpu_backend_new(vm, &cpu);
    if (!o.backend || engine_attach(vm, &o) != ALP_OK)
        abort();
    char *error = run(vm, program_text), how[80], what[200];
    snprintf(how, sizeof how, "compiled for %s%s", t->name, fp == FP_Sequential ? " in program order" : "");
    compare(truth, truth_error, vm, error, how);
    BackendStats stats;
    o.backend->describe(o.backend, what, sizeof what, &stats);
    n_kernels[k] += stats.n_made + stats.n_from_memory;
    n_refused_kernels[k] += stats.n_failed;
    free(error);
    vm_free(vm);
}

/* fp: of the order that `truth` added up in. */
static void compare_targets(VM *truth, const char *truth_error, FpMode fp, uint64_t turn)
{
    if (only_target >= 0)
        compare_compiled(truth, truth_error, fp, (unsigned)only_target);
    for (unsigned i = 0; only_target < 0 && i < targets_each && i < N_TARGETS; i++)
        compare_compiled(truth, truth_error, fp, (unsigned)((turn * targets_each + i) % N_TARGETS));
}

static void run_program(const char *text, uint64_t seed)
{
    program_text = text;
    bool is_ordered = strncmp(text, "# ordered", 9) == 0;
    char *truth_error, *error;
    VM *truth = run_by(NULL, &truth_error);
    total[N_Programs]++;
    total[N_Raised] += truth_error[0] != 0;

    EngineOptions by_plan;
    engine_options_init(&by_plan);
    by_plan.device = DEV_Reference;
    by_plan.plan.fp = is_ordered ? FP_Sequential : FP_Precise;
    by_plan.exec.shuffle = true;
    by_plan.exec.seed = seed + total[N_Programs];
    compare_with(truth, truth_error, &by_plan, "by plan");
    compare_targets(truth, truth_error, by_plan.plan.fp, by_plan.exec.seed);
    if (is_ordered) {
        by_plan.plan.fp = FP_Precise;
        VM *vm = run_by(&by_plan, &error);
        by_plan.exec.shuffle = false;
        compare_with(vm, error, &by_plan, "by plan in order and in random order");
        by_plan.device = DEV_Auto;
        compare_with(vm, error, &by_plan, "by plan and by the default device");
        compare_targets(vm, error, FP_Precise, by_plan.exec.seed / 3);
        free(error);
        vm_free(vm);
    }

    VM *vm = open_vm();
    vm->engine = &recorder;
    error = run(vm, text);
    compare(truth, truth_error, vm, error, "recorded");
    free(error);
    free(truth_error);
    vm_free(vm);
    vm_free(truth);
}

static void run_file(FILE *in, uint64_t seed)
{
    char *line = NULL, *text = NULL;
    size_t cap = 0, size = 0;
    ssize_t n;
    do {
        n = getline(&line, &cap, in);
        if (n >= 0 && strcmp(line, "#---\n")) {
            text = realloc(text, size + (size_t)n + 1);
            if (!text)
                abort();
            memcpy(text + size, line, (size_t)n + 1);
            size += (size_t)n;
            continue;
        }
        if (size)
            run_program(text, seed);
        size = 0;
    } while (n >= 0);
    free(line);
    free(text);
}

static int find_target(const char *name)
{
    for (int k = 0; k < N_TARGETS; k++)
        if (strcmp(target[k].name, name) == 0)
            return k;
    return -1;
}

int main(int argc, char **argv)
{
    int first = 1;
    for (; first + 1 < argc && argv[first][0] == '-' && argv[first][1]; first += 2) {
        if (strcmp(argv[first], "-k") == 0)
            targets_each = (unsigned)strtoul(argv[first + 1], NULL, 10);
        else if (strcmp(argv[first], "-t") != 0 || (only_target = find_target(argv[first + 1])) < 0)
            argc = 0;
    }
    if (argc < first + 2) {
        fprintf(stderr, "usage: brute [-k N] [-t TARGET] SEED FILE|- ...\n");
        return 2;
    }
    uint64_t seed = strtoull(argv[first], NULL, 10);
    record.touch = malloc(MAX_TOUCHES * sizeof *record.touch);
    if (!record.touch)
        abort();
    for (int i = first + 1; i < argc; i++) {
        FILE *in = strcmp(argv[i], "-") ? fopen(argv[i], "r") : stdin;
        if (!in) {
            perror(argv[i]);
            return 2;
        }
        run_file(in, seed);
        fclose(in);
    }
    free(record.touch);
    for (int i = 0; i < N_COUNT; i++)
        printf("total %s %" PRIu64 "\n", total_name[i], total[i]);
    for (int r = 0; r < RS_COUNT; r++)
        if (refusals[r])
            printf("refused %s %" PRIu64 "\n", reason_name((Reason)r), refusals[r]);
    for (int k = 0; k < N_TARGETS && (targets_each || only_target >= 0); k++)
        printf("kernels %s %" PRIu64 "\nnot-compiled %s %" PRIu64 "\n", target[k].name, n_kernels[k], target[k].name, n_refused_kernels[k]);
    return total[N_Wrong] != 0 || total[N_Programs] == 0;
}
