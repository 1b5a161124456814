/* tests/unit/test_race.c — does ThreadSanitizer see a race in a kernel?  Built with it only: a loop whose iterations depend on each other is compiled as if
 * its plan had called it parallel.
 *
 *     test_race PLUGIN
 *     test_race PLUGIN parallel|forced        one loop
 *
 * Each loop runs in a process of its own: one that is parallel without a word, the other one until it is complained about. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dsl/parse.h"
#include "interp/engine.h"
#include "interp/module.h"
#include "jit/cpu/cpu.h"

enum { RACED = 66, TRIES = 50 };

static struct {
    Backend *backend;
    Nest    *nest;
    Planner *planner;
    Facts   *facts;
    bool     is_forced, has_run;
} test;

static LoopVerdict take(VM *vm, Frame *frame, Node *loop, Value iterable)
{
    static const PlanOptions options = { .distribute = true, .interchange = true, .fuse = true };
    ReasonAt why = { 0 };
    const NCheck *failed = NULL;
    void *kernel = NULL;
    test.nest = nest_build(vm, frame, loop, iterable, &why);
    test.planner = test.nest ? planner_new(test.nest, &options) : NULL;
    test.facts = test.planner ? facts_new(test.nest) : NULL;
    if (!test.facts)
        return LOOP_DECLINED;
    facts_collect(test.facts, test.nest, frame, iterable);
    Plan *plan = (Plan *)planner_get(test.planner, test.facts, &why);
    if (!plan)
        return LOOP_DECLINED;
    if (test.is_forced) {
        plan->loops[0]->mode = PM_Parallel;
        plan->loops[0]->is_outer_parallel = true;
    }
    if (test.backend->kernel(test.backend, plan, test.facts, FP_Precise, WISH_Wait, &kernel, &why) != KERNEL_READY) {
        fprintf(stderr, "no kernel: %s\n", why.detail);
        return LOOP_DECLINED;
    }
    test.has_run = true;
    for (int i = 0; i < TRIES; i++)
        if (test.backend->run(test.backend, kernel, plan, test.facts, frame, iterable, &failed) != EXEC_DONE)
            test.has_run = false;
    return LOOP_DONE;
}

static const LoopEngine engine = { .name = "race", .take = take };

static int run(bool is_forced)
{
    static const CpuOptions options = { .n_threads = 3, .no_disk_cache = true };
    char text[200];
    Mem mem;
    snprintf(text, sizeof text, "import numpy as np\na = np.zeros(400000)\nfor i in range(1, 400000):\n    a[i] = a[i - %d] + i\n", is_forced);
    mem_init(&mem, NULL, NULL);
    VM *vm = vm_new(&mem);
    test.is_forced = is_forced;
    test.backend = cpu_backend_new(vm, &options);
    vm->engine = &engine;
    bool good = vm_run(vm, vm->main, "t.alp", text, strlen(text), PM_File) == RUN_OK && test.has_run;
    planner_free(test.planner);
    facts_free(test.facts, test.nest);
    nest_free(test.nest);
    test.backend->close(test.backend);
    vm_free(vm);
    return !good;
}

/* Does it end with this status, with or without a complaint? */
static bool expect(const char *program, const char *plugin, const char *which, int wanted)
{
    char command[2000], said[20000];
    snprintf(command, sizeof command, "'%s' '%s' %s 2>&1", program, plugin, which);
    FILE *f = popen(command, "r");
    if (!f)
        return false;
    size_t n = fread(said, 1, sizeof said - 1, f);
    int status = pclose(f);
    said[n] = 0;
    bool good = WIFEXITED(status) && WEXITSTATUS(status) == wanted && (strstr(said, "data race") != NULL) == (wanted == RACED);
    printf("%s: %s\n", which, good ? "as expected" : "not as expected");
    if (!good)
        fprintf(stderr, "status 0x%x\n%s\n", (unsigned)status, said);
    return good;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    setenv("ALPY_LLVM_PLUGIN", argv[1], 1);
    if (argc > 2)
        return run(strcmp(argv[2], "forced") == 0);
    bool good = expect(argv[0], argv[1], "parallel", 0);
    good &= expect(argv[0], argv[1], "forced", RACED);
    return !good;
}
