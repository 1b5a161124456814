/* tests/polybench/work.c — how much of a program's work its plans run in parallel.
 *
 * Usage: work PREFIX program.alp [arg] ...
 *
 * Every loop nest in a function whose name begins with PREFIX is planned at every execution, as the engine would, and then run in
 * program order while references to array elements are counted: all, and those that the plan puts inside a parallel or a
 * reduction loop.  Prints both numbers. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dsl/parse.h"
#include "interp/func.h"
#include "interp/module.h"
#include "jit/plan/engine.h"

static const char *prefix;
static uint64_t n_all, n_parallel;
static uint64_t *touches;       /* of the present execution, by access id */

static void count(void *user, const NAccess *access, const char *address, const int64_t *counters)
{
    (void)user, (void)address, (void)counters;
    touches[access->id]++;
}

/* ---- which statements run in parallel -------------------------------------------------------------------------------- */

static void mark_stmt(const NStmt *s, bool *is_parallel)
{
    is_parallel[s->id] = true;
    const NBlock *blocks[] = { &s->body, &s->orelse, s->kind == NS_Loop ? &s->loop->body : NULL };
    for (uint32_t b = 0; b < COUNT_OF(blocks); b++)
        for (uint32_t i = 0; blocks[b] && i < blocks[b]->n; i++)
            mark_stmt(blocks[b]->stmt[i], is_parallel);
}

static void mark(const PItem *item, bool inside, bool *is_parallel)
{
    if (inside && item->stmt) {
        if (item->kind == PI_Stmt)
            mark_stmt(item->stmt, is_parallel);
        else
            is_parallel[item->stmt->id] = true;
    }
    inside |= item->kind == PI_Loop && item->loop->mode != PM_Sequential;
    for (uint32_t i = 0; i < item->n_body; i++)
        mark(item->body[i], inside, is_parallel);
    for (uint32_t i = 0; i < item->n_orelse; i++)
        mark(item->orelse[i], inside, is_parallel);
}

/* ---- the engine ------------------------------------------------------------------------------------------------------ */

static bool is_counted(const VM *vm, const Frame *frame)
{
    const char *name = frame->func ? intern_text(vm->names, frame->func->code->qualname) : "";
    return strncmp(name, prefix, strlen(prefix)) == 0;
}

static bool *ask_of(Node *n)
{
    return n->kind == ND_For ? &AST_AS(For, n)->ask_engine : n->kind == ND_While ? &AST_AS(While, n)->ask_engine : NULL;
}

static void ask_inside(Node *n, void *user)
{
    if (ask_of(n))
        *ask_of(n) = true;
    else
        ast_each_child(n, ask_inside, user);
}

static LoopVerdict take(VM *vm, Frame *frame, Node *loop, Value iterable)
{
    ReasonAt why = { 0 };
    Nest *nest = is_counted(vm, frame) ? nest_build(vm, frame, loop, iterable, &why) : NULL;
    if (!nest) {
        if (is_counted(vm, frame))
            ast_each_child(loop, ask_inside, NULL);
        return LOOP_DECLINED;
    }
    PlanOptions opt = { .distribute = true, .interchange = true, .fuse = true };
    Planner *planner = planner_new(nest, &opt);
    Facts *facts = facts_new(nest);
    touches = calloc(nest->n_accesses + 1, sizeof *touches);
    bool *is_parallel = calloc(nest->n_stmts + 1, sizeof *is_parallel);
    if (!planner || !facts || !touches || !is_parallel)
        abort();
    facts_collect(facts, nest, frame, iterable);
    const Plan *plan = planner_get(planner, facts, &why);
    if (plan)
        mark(plan->root, false, is_parallel);
    ExecOptions eo = { .record = count };
    const NCheck *failed = NULL;
    ExecVerdict verdict = exec_nest(nest, facts, frame, iterable, &eo, &failed);
    for (uint32_t i = 0; i < nest->n_accesses; i++) {
        n_all += touches[i];
        n_parallel += is_parallel[nest->accesses[i]->stmt->id] ? touches[i] : 0;
    }
    free(is_parallel);
    free(touches);
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

static const LoopEngine counter = { .name = "counter", .take = take };

/* ---------------------------------------------------------------------------------------------------------------------- */

static char *read_file(const char *path)
{
    FILE *f = fopen(path, "r");
    size_t n = 0, cap = 1 << 20;
    char *text = f ? malloc(cap) : NULL;
    if (!text) {
        perror(path);
        exit(2);
    }
    n = fread(text, 1, cap - 1, f);
    text[n] = 0;
    fclose(f);
    return text;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: work PREFIX program.alp [arg] ...\n");
        return 2;
    }
    prefix = argv[1];
    char *text = read_file(argv[2]);
    Mem mem;
    mem_init(&mem, NULL, NULL);
    VM *vm = vm_new(&mem);
    if (!vm)
        abort();
    vm->argc = argc - 2;
    vm->argv = argv + 2;
    vm->engine = &counter;
    RunStatus status = vm_run(vm, vm->main, argv[2], text, strlen(text), PM_File);
    vm_free(vm);
    free(text);
    printf("%" PRIu64 " %" PRIu64 "\n", n_all, n_parallel);
    return status != RUN_OK;
}
