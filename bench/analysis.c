/* bench/analysis.c — what the analysis of loops costs, nest by nest.
 *
 * Usage: analysis [-r REPS] program.alp [arg] ...
 *
 * Runs the program in the interpreter with a loop engine that analyses every loop nest it meets and then declines it.  Per nest (the
 * first time its loop is reached) a line of JSON:
 *
 *   first_us    nest_build() and the first plan, as the program pays for it: with cold caches
 *   build_us    nest_build(), median of REPS
 *   plan_us     planner, facts and first plan, median of REPS
 *   enter_us    entering with the numbers of last time: nest_matches(), facts_collect(), planner_get(); median of batches
 *   decide_us   entering with numbers never seen but an outcome that was: guards, deferred tests, looking the plan up */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dsl/parse.h"
#include "interp/module.h"
#include "interp/str.h"
#include "jit/plan/engine.h"

enum { BATCH = 200, MAX_REPS = 1000 };

static int n_reps = 25;
static const char *program_name;

/* Of this thread: others on the machine disturb little. */
static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *x, int n)
{
    qsort(x, (size_t)n, sizeof *x, by_value);
    return n % 2 ? x[n / 2] : (x[n / 2 - 1] + x[n / 2]) / 2;
}

/* ---- one nest -------------------------------------------------------------------------------------------------------- */

typedef struct Analysed {
    Nest    *nest;
    Planner *planner;
    Facts   *facts;
    const Plan *plan;
    ReasonAt why;               /* of no nest or no plan */
    double   build_us, plan_us;
} Analysed;

static void analyse(Analysed *a, VM *vm, Frame *frame, Node *loop, Value iterable)
{
    PlanOptions opt = { .distribute = true, .interchange = true, .fuse = true };
    *a = (Analysed){ 0 };
    uint64_t start = now_ns();
    a->nest = nest_build(vm, frame, loop, iterable, &a->why);
    uint64_t built = now_ns();
    a->build_us = (double)(built - start) / 1e3;
    if (!a->nest)
        return;
    a->planner = planner_new(a->nest, &opt);
    a->facts = facts_new(a->nest);
    if (!a->planner || !a->facts)
        abort();
    facts_collect(a->facts, a->nest, frame, iterable);
    a->plan = planner_get(a->planner, a->facts, &a->why);
    a->plan_us = (double)(now_ns() - built) / 1e3;
}

static void release(Analysed *a)
{
    planner_free(a->planner);
    if (a->facts)
        facts_free(a->facts, a->nest);
    if (a->nest)
        nest_free(a->nest);
}

/* Nanoseconds per entry; `fresh`: with a number that no entry before had (the plan does not depend on it, so the outcome is a
 * known one). */
static double enter(const Analysed *a, Frame *frame, Value iterable, bool fresh)
{
    static int64_t never_seen;
    ReasonAt why;
    uint64_t start = now_ns();
    for (int i = 0; i < BATCH; i++) {
        if (!nest_matches(a->nest, frame, iterable))
            abort();
        facts_collect(a->facts, a->nest, frame, iterable);
        if (fresh && a->facts->n_key)
            a->facts->key[a->facts->n_key - 1] ^= ++never_seen << 40;
        if (planner_get(a->planner, a->facts, &why) != a->plan)
            abort();
    }
    return (double)(now_ns() - start) / BATCH;
}

static void measure(VM *vm, Frame *frame, Node *loop, Value iterable)
{
    Analysed a;
    double x[MAX_REPS], build, plan;
    const Src *src = &frame->chunk->src;
    analyse(&a, vm, frame, loop, iterable);
    printf("{\"file\": \"%s\", \"line\": %u, \"first_us\": %.1f, ", program_name, (unsigned)src_line(src, loop->span.start),
           a.build_us + a.plan_us);
    if (!a.plan) {
        printf("\"refused\": \"%s\"}\n", reason_name(a.why.code));
        release(&a);
        return;
    }
    double y[MAX_REPS];
    for (int i = 0; i < n_reps; i++) {
        Analysed again;
        analyse(&again, vm, frame, loop, iterable);
        x[i] = again.build_us;
        y[i] = again.plan_us;
        release(&again);
    }
    build = median(x, n_reps);
    plan = median(y, n_reps);
    printf("\"statements\": %u, \"loops\": %u, \"accesses\": %u, ", (unsigned)a.nest->n_stmts, (unsigned)a.nest->n_loops,
           (unsigned)a.nest->n_accesses);
    printf("\"build_us\": %.1f, \"plan_us\": %.1f, ", build, plan);
    for (int i = 0; i < n_reps; i++)
        x[i] = enter(&a, frame, iterable, false);
    for (int i = 0; i < n_reps; i++)
        y[i] = enter(&a, frame, iterable, true);
    printf("\"enter_us\": %.3f, \"decide_us\": %.3f}\n", median(x, n_reps) / 1e3, median(y, n_reps) / 1e3);
    release(&a);
}

/* ---- the engine ------------------------------------------------------------------------------------------------------ */

static bool *ask_of(Node *n)
{
    return n->kind == ND_For ? &AST_AS(For, n)->ask_engine : n->kind == ND_While ? &AST_AS(While, n)->ask_engine : NULL;
}

static void ask_inside(Node *n, void *user)
{
    if (n->kind == ND_FuncDef)
        return;
    if (ask_of(n))
        *ask_of(n) = true;
    else
        ast_each_child(n, ask_inside, user);
}

static LoopVerdict take(VM *vm, Frame *frame, Node *loop, Value iterable)
{
    ReasonAt why;
    *ask_of(loop) = false;      /* once */
    measure(vm, frame, loop, iterable);
    Nest *nest = nest_build(vm, frame, loop, iterable, &why);
    if (nest)
        nest_free(nest);
    else
        ast_each_child(loop, ask_inside, NULL);
    return LOOP_DECLINED;
}

static const LoopEngine meter = { .name = "meter", .take = take };

/* ---------------------------------------------------------------------------------------------------------------------- */

static char *read_file(const char *path)
{
    FILE *f = fopen(path, "r");
    if (!f) {
        perror(path);
        exit(2);
    }
    size_t n = 0, cap = 1 << 16;
    char *text = malloc(cap);
    while (text && (n += fread(text + n, 1, cap - n - 1, f)) == cap - 1)
        text = realloc(text, cap *= 2);
    if (!text)
        abort();
    text[n] = 0;
    fclose(f);
    return text;
}

int main(int argc, char **argv)
{
    int k = 1;
    if (k + 1 < argc && !strcmp(argv[k], "-r")) {
        n_reps = atoi(argv[k + 1]);
        k += 2;
    }
    if (k >= argc || n_reps < 1 || n_reps > MAX_REPS) {
        fprintf(stderr, "usage: analysis [-r REPS] program.alp [arg] ...\n");
        return 2;
    }
    program_name = argv[k];
    char *text = read_file(program_name);
    Mem mem;
    mem_init(&mem, NULL, NULL);
    VM *vm = vm_new(&mem);
    if (!vm)
        abort();
    char *folder = strdup(program_name), *slash = folder ? strrchr(folder, '/') : NULL;
    if (slash)
        *slash = 0;
    vm->script_dir = slash ? folder : NULL;
    vm->argc = argc - k;
    vm->argv = argv + k;
    vm->engine = &meter;
    RunStatus status = vm_run(vm, vm->main, program_name, text, strlen(text), PM_File);
    vm_free(vm);
    free(folder);
    free(text);
    return status == RUN_EXC;
}
