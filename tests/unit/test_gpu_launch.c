/* tests/unit/test_gpu_launch.c — the GPU back end's host side, without a GPU and without a compiler: programs made by hand, whose kernels are C functions, on a
 * driver that is a table in this file.  Grids and their parts, ranges of triangular loops, levels of folding, variables on both sides, jumps out of
 * kernels, expanded variables, undoing, and every call of the driver made to fail once. */
#include "nest_kit.h"

#include "jit/gpu/device_private.h"
#include "jit/gpu/gpu_int.h"

/* ---- a driver -------------------------------------------------------------------------------------------------------------- */

typedef struct Launch { uint64_t *word; uint64_t threads, grid[3]; } Launch;
typedef struct Function { const char *name; void (*run)(const Launch *l); } Function;

static struct {
    uint64_t n_calls, fail_at;          /* 0: none fails */
    CUresult fail_with;
    uint64_t n_launches, n_waits;
    uint64_t n_blocks;
    void    *block[64];                 /* that are taken */
    const Function *functions;
} cuda;

static CUresult may_fail(void)
{
    return ++cuda.n_calls == cuda.fail_at ? cuda.fail_with : CUDA_SUCCESS;
}

static CUresult nothing_context(CUcontext c) { return may_fail(); }
static CUresult pop(CUcontext *c) { return may_fail(); }
static CUresult synchronize(CUstream s) { cuda.n_waits++; return may_fail(); }
static CUresult event_create(CUevent *e, unsigned flags) { *e = (CUevent)(void *)&cuda; return may_fail(); }
static CUresult event_destroy(CUevent e) { return may_fail(); }
static CUresult event_record(CUevent e, CUstream s) { return may_fail(); }
static CUresult event_elapsed(float *ms, CUevent a, CUevent b) { *ms = 0.5f; return may_fail(); }
static CUresult event_synchronize(CUevent e) { return may_fail(); }
static CUresult error_text(CUresult r, const char **text) { *text = "made to fail"; return CUDA_SUCCESS; }

static CUresult mem_take(CUdeviceptr *p, size_t bytes)
{
    if (may_fail() != CUDA_SUCCESS)
        return CUDA_ERROR_OUT_OF_MEMORY;
    void *block = aligned_alloc(256, (bytes + 255) & ~(size_t)255);
    memset(block, 0xa5, (bytes + 255) & ~(size_t)255);
    *p = (CUdeviceptr)(uintptr_t)block;
    if (cuda.n_blocks == COUNT_OF(cuda.block))
        abort();
    cuda.block[cuda.n_blocks++] = block;
    return CUDA_SUCCESS;
}

static CUresult mem_give(CUdeviceptr p)
{
    for (uint64_t i = 0; i < cuda.n_blocks; i++)
        if (cuda.block[i] == (void *)(uintptr_t)p) {
            cuda.block[i] = cuda.block[--cuda.n_blocks];
            free((void *)(uintptr_t)p);
            return may_fail();
        }
    CHECK(false, "a block is freed that is not there");
    return CUDA_ERROR_INVALID_VALUE;
}

/* The ring of pinned buffers is not what is tested: there is none. */
static CUresult no_pinned(void **p, size_t bytes) { return CUDA_ERROR_OUT_OF_MEMORY; }

static CUresult copy(void *to, const void *from, size_t bytes)
{
    CUresult r = may_fail();
    if (r == CUDA_SUCCESS)
        memcpy(to, from, bytes);
    return r;
}

static CUresult copy_up(CUdeviceptr to, const void *from, size_t n, CUstream s) { return copy((void *)(uintptr_t)to, from, n); }
static CUresult copy_down(void *to, CUdeviceptr from, size_t n, CUstream s) { return copy(to, (void *)(uintptr_t)from, n); }
static CUresult copy_there(CUdeviceptr to, CUdeviceptr from, size_t n, CUstream s) { return copy((void *)(uintptr_t)to, (void *)(uintptr_t)from, n); }

static CUresult set_bytes(CUdeviceptr p, unsigned char byte, size_t n, CUstream s)
{
    memset((void *)(uintptr_t)p, byte, n);
    return may_fail();
}

static CUresult get_function(CUfunction *f, CUmodule m, const char *name)
{
    for (const Function *at = cuda.functions; at->name; at++)
        if (strcmp(at->name, name) == 0) {
            *f = (CUfunction)(void *)(uintptr_t)at;
            return may_fail();
        }
    return CUDA_ERROR_INVALID_VALUE;
}

static CUresult function_attribute(int *value, int attribute, CUfunction f)
{
    *value = 1024;
    return may_fail();
}

static CUresult launch(CUfunction f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared, CUstream s,
                       void **params, void **extra)
{
    CUresult r = may_fail();
    cuda.n_launches++;
    if (r == CUDA_SUCCESS && gx > 0 && gy > 0 && gz > 0) {
        Launch l = { params[0], (uint64_t)gx * bx, { gx, gy, gz } };
        ((const Function *)(void *)f)->run(&l);
    }
    return r;
}

static const GpuDriver driver = {
    .CtxPushCurrent = nothing_context, .CtxPopCurrent = pop, .StreamSynchronize = synchronize, .EventCreate = event_create,
    .EventElapsedTime = event_elapsed, .EventDestroy = event_destroy, .EventRecord = event_record, .EventSynchronize = event_synchronize, .GetErrorName = error_text,
    .GetErrorString = error_text, .MemAlloc = mem_take, .MemFree = mem_give, .MemAllocHost = no_pinned, .MemcpyHtoDAsync = copy_up, .MemcpyDtoHAsync = copy_down,
    .MemcpyDtoDAsync = copy_there, .MemsetD8Async = set_bytes, .ModuleGetFunction = get_function, .FuncGetAttribute = function_attribute,
    .LaunchKernel = launch,
};

/* ---- kit ---------------------------------------------------------------------------------------------------------------------- */

/* A nest's program by hand, ready to run. */
typedef struct Gpu {
    Kit       *k;
    struct DevicePrivate private;
    GpuDevice  device;
    GpuBackend backend;
    GpuImage   image;
    GpuProgram program;
    PlanKernel kernel;
    GpuStep   *step[8];
} Gpu;

static Gpu *gpu_new(Kit *k, const Function *functions)
{
    Gpu *g = calloc(1, sizeof *g);
    g->k = k;
    cuda.functions = functions;
    pthread_mutex_init(&g->private.lock, NULL);
    g->device = (GpuDevice){ .cu = &driver, .total_bytes = 1u << 30, .private = &g->private };
    g->backend = (GpuBackend){ .vm = k->vm, .device = &g->device, .has_looked = true };
    arena_init(&g->program.arena, &k->vm->mem);
    g->program.step = g->step;
    g->program.n_slots = k->nest.n_vars + 2;
    g->image.device = &g->device;
    g->kernel = (PlanKernel){ .vm = k->vm, .n_arrays = k->nest.n_arrays, .device = &g->device, .program = &g->program, .image = &g->image };
    k->facts.nest = &k->nest;
    return g;
}

/* Ends the arrays' lives, too: what they have on the device goes. */
static void gpu_free_all(Gpu *g)
{
    Kit *k = g->k;
    bool inside = gpu_enter(&g->device);
    gpu_runs_free(&g->kernel, inside);
    if (g->backend.trace)
        gpu_trace_free(g->backend.trace, inside);
    gpu_workspaces_free(&g->backend, inside);
    if (inside)
        gpu_leave(&g->device);
    kit_free(k);
    for (int i = 0; i < BLOCK_CLASSES; i++)
        for (FreeBlock *b = g->private.blocks[i], *next; b; b = next) {
            next = b->next;
            mem_give(b->at);
            free(b);
        }
    arena_free(&g->program.arena);
    free(g);
}

static void *room(Gpu *g, size_t size)
{
    return arena_alloc(&g->program.arena, size);
}

/* params: up to 12; ends with a kind that is no GpuParamKind. */
#define NO_PARAM 255
static GpuKernel *kernel(Gpu *g, const char *name, GpuKernelKind kind, const GpuParam *params)
{
    GpuKernel *k = room(g, sizeof *k);
    snprintf(k->name, sizeof k->name, "%s", name);
    k->kind = (uint8_t)kind;
    k->block[0] = 64;
    k->block[1] = k->block[2] = 1;
    k->per_thread = 1;
    k->unit = 1;
    while (params[k->n_params].kind != NO_PARAM)
        k->n_params++;
    k->param = room(g, (k->n_params + 1) * sizeof *k->param);
    memcpy(k->param, params, k->n_params * sizeof *k->param);
    return k;
}

static void covers(GpuKernel *k, const PItem *a, const PItem *b, const PItem *c)
{
    const PItem *items[] = { a, b, c };
    while (k->n_dims < 3 && items[k->n_dims]) {
        k->item[k->n_dims] = items[k->n_dims];
        k->n_dims++;
    }
}

static void writes(Gpu *g, GpuKernel *k, const NVar *v)
{
    if (!k->write)
        k->write = room(g, 4 * sizeof *k->write);
    k->write[k->n_writes++] = v;
}

static GpuStep *step(Gpu *g, GpuStepKind kind, const PItem *item, GpuKernel *k, GpuStep *a, GpuStep *b)
{
    GpuStep *s = room(g, sizeof *s);
    s->kind = (uint8_t)kind;
    s->item = item;
    s->kernel = k;
    s->body = room(g, 2 * sizeof *s->body);
    if (a)
        s->body[s->n_body++] = a;
    if (b)
        s->body[s->n_body++] = b;
    if (k) {
        const char *why = "";
        CHECK(launch_prepare(&g->kernel, k, &why), "prepared: %s", why);
    }
    return s;
}

static void add_step(Gpu *g, GpuStep *s)
{
    g->step[g->program.n_steps++] = s;
}

static ExecVerdict run_gpu(Gpu *g)
{
    Kit *k = g->k;
    return gpu_run(&g->backend.base, &g->kernel, &k->plan, &k->facts, &k->frame, V_UNBOUND, &k->failed);
}

static double *host_data(Kit *k, NArray *a)
{
    if (array_to_host(k->vm, ARRAY(k->array_value[a->id]), HOST_Read) != ALP_OK)
        vm_clear_exc(k->vm);
    return data(k, a);
}

static NForm *form(Kit *k, int64_t c0, const NLoop *l, int64_t coef)
{
    NForm *f = arena_alloc(&k->arena, sizeof *f + 2 * sizeof f->term[0]);
    f->term[f->n++] = (NTerm){ .coef = c0 };
    if (l)
        f->term[f->n++] = (NTerm){ .loop = l, .coef = coef };
    return f;
}

static double *at(uint64_t word)
{
    return (double *)(void *)(uintptr_t)word;
}

/* ---- grids and parts --------------------------------------------------------------------------------------------------------- */

enum { P_DATA, P_BEGIN, P_END, P_FIRST, P_TRIP };
static const GpuParam map_params[] = { { GP_Data }, { GP_Begin }, { GP_End }, { GP_First }, { GP_Trip }, { NO_PARAM } };

static void run_map(const Launch *l)
{
    for (uint64_t t = 0; t < l->threads && l->word[P_BEGIN] + t < l->word[P_END]; t++)
        at(l->word[P_DATA])[l->word[P_BEGIN] + t] += 1;
}
static const Function map_functions[] = { { "k0", run_map }, { NULL } };

/* a[i] += 1 for i in [first, n); ns: that a unit seems to take. */
static void test_map(VM *vm, int64_t first, int64_t n, double ns)
{
    Kit *k = kit_new(vm);
    NArray *a = array(k, DT_F64, 1, n + 1, 0);
    NLoop *l = loop(k, num(k, n));
    l->body = block(k, store(k, a, counter(k, l), NULL, real(k, 1)), NULL, NULL, NULL);
    nest_is(k, block(k, l->stmt, NULL, NULL, NULL));
    PItem *li = item_loop(k, l, PM_Parallel, item_stmt(k, l->body.stmt[0]), NULL, NULL);
    struct PBound lower = { 1, form(k, first, NULL, 0) }, upper = { 2, form(k, 2 * n - 1, NULL, 0) };
    if (first) {
        li->loop->n_lower = li->loop->n_upper = 1;
        li->loop->lower = &lower;
        li->loop->upper = &upper;
    }
    plan_is(k, li, NULL, NULL);
    Gpu *g = gpu_new(k, map_functions);
    GpuKernel *map = kernel(g, "k0", GK_Map, map_params);
    covers(map, li, NULL, NULL);
    add_step(g, step(g, GS_Launch, NULL, map, NULL, NULL));
    map->launch->ns_per_unit = ns;
    uint64_t before = cuda.n_launches;
    ExecVerdict verdict = run_gpu(g);
    const double *x = host_data(k, a);
    int64_t right = 0;
    for (int64_t i = 0; i <= n; i++)
        right += x[i] == (i >= first && i < n);
    uint64_t launches = cuda.n_launches - before;
    CHECK(verdict == EXEC_DONE && right == n + 1, "map of %lld: verdict %d, %lld right", (long long)n, verdict, (long long)right);
    CHECK(n <= first ? launches == 0 : ns > 1e8 ? launches == (uint64_t)(n - first) : launches >= 1, "map: %d launches", (int)launches);
    CHECK((map->launch->ns_per_unit > 0) == (n > first || ns > 0), "time of a unit is known");
    gpu_free_all(g);
}

static const GpuParam box_params[] = { { GP_First, 0 }, { GP_Trip, 0 }, { GP_First, 1 }, { GP_Trip, 1 }, { GP_First, 2 }, { GP_Trip, 2 }, { NO_PARAM } };
static uint64_t box[6], box_grid[3];

static void run_box(const Launch *l)
{
    memcpy(box, l->word, sizeof box);
    memcpy(box_grid, l->grid, sizeof box_grid);
}
static const Function box_functions[] = { { "k0", run_box }, { NULL } };

/* for i in range(100): for j in range(i, 3 * i + 7): for k in range(max(0, j - 5), min(i, 50)): by the source's forms, and by bounds of the plan. */
static void test_triangle(VM *vm)
{
    Kit *k = kit_new(vm);
    NLoop *i = loop(k, num(k, 100)), *j = loop(k, num(k, -1)), *m = loop(k, num(k, -1));
    nest_is(k, block(k, i->stmt, NULL, NULL, NULL));
    j->start_form = form(k, 0, i, 1);
    j->stop_form = form(k, 7, i, 3);
    j->step_const = 1;
    PItem *mi = item_loop(k, m, PM_Parallel, NULL, NULL, NULL), *ji = item_loop(k, j, PM_Parallel, mi, NULL, NULL),
          *ii = item_loop(k, i, PM_Parallel, ji, NULL, NULL);
    struct PBound lower = { 1, form(k, -5, j, 1) }, upper[2] = { { 1, form(k, 0, i, 1) }, { 1, form(k, 50, NULL, 0) } };
    mi->loop->lower = &lower;
    mi->loop->upper = upper;
    mi->loop->n_lower = 1;
    mi->loop->n_upper = 2;
    plan_is(k, ii, NULL, NULL);
    Gpu *g = gpu_new(k, box_functions);
    GpuKernel *map = kernel(g, "k0", GK_Map, box_params);
    covers(map, ii, ji, mi);
    map->block[0] = 16;
    map->block[1] = 4;
    add_step(g, step(g, GS_Launch, NULL, map, NULL, NULL));
    map->launch->ns_per_unit = 1;
    ExecVerdict verdict = run_gpu(g);
    static const uint64_t want[6] = { 0, 100, 0, 2 * 99 + 7, 0, 50 };
    CHECK(verdict == EXEC_DONE && memcmp(box, want, sizeof box) == 0, "ranges %llu %llu, %llu %llu, %llu %llu", (unsigned long long)box[0],
          (unsigned long long)box[1], (unsigned long long)box[2], (unsigned long long)box[3], (unsigned long long)box[4], (unsigned long long)box[5]);
    CHECK(box_grid[0] == 4 && box_grid[1] == 52 && box_grid[2] == 100, "grid %d %d %d", (int)box_grid[0], (int)box_grid[1], (int)box_grid[2]);
    gpu_free_all(g);
}

/* ---- folding ---------------------------------------------------------------------------------------------------------------------- */

static const GpuParam tree_params[] = { { GP_Scratch }, { GP_Begin }, { GP_End }, { GP_First }, { GP_Trip }, { GP_Vars }, { GP_Var }, { GP_VarAt },
                                        { GP_Last }, { NO_PARAM } };
enum { T_SCRATCH, T_BEGIN, T_END, T_FIRST, T_TRIP, T_VARS, T_VAR, T_AT, T_LAST };

static double entry(const Launch *l)
{
    double v;
    memcpy(&v, &l->word[T_VAR], sizeof v);
    return l->word[T_AT] ? *at(l->word[T_AT]) : v;
}

/* Each iteration counts as 1. */
static void run_tree(const Launch *l)
{
    uint64_t n = l->word[T_TRIP] - l->word[T_FIRST];
    if (n <= TREE_PROGRAM)
        *at(l->word[T_VARS]) = entry(l) + (double)n;
    for (uint64_t u = l->word[T_BEGIN]; n > TREE_PROGRAM && u < l->word[T_END] && (u - l->word[T_BEGIN]) * 32 < l->threads; u++)
        at(l->word[T_SCRATCH])[u] = (double)(n - u * TREE_CHUNK < TREE_CHUNK ? n - u * TREE_CHUNK : TREE_CHUNK);
}

static void run_fold(const Launch *l)
{
    double *x = at(l->word[T_SCRATCH]);
    uint64_t begin = l->word[T_BEGIN], end = l->word[T_END], n = end - begin;
    for (uint64_t r = 0; r * TREE_CHUNK < n && r * 32 < l->threads; r++) {
        double sum = 0;
        for (uint64_t i = r * TREE_CHUNK; i < n && i < (r + 1) * TREE_CHUNK; i++)
            sum += x[begin + i];
        x[end + r] = sum;
        if (l->word[T_LAST])
            *at(l->word[T_VARS]) = entry(l) + sum;
    }
}
static const Function tree_functions[] = { { "k0", run_tree }, { "k0_fold", run_fold }, { NULL } };

static Gpu *tree_new(VM *vm, int64_t n, NVar **s)
{
    Kit *k = kit_new(vm);
    *s = variable(k, DT_F64, T_Float, (Value){ .tag = T_Float, .u.f = 0.5 });
    NLoop *l = loop(k, num(k, n));
    l->body = block(k, assign(k, *s, bin(k, NOP_Add, var(k, *s), real(k, 1))), NULL, NULL, NULL);
    nest_is(k, block(k, l->stmt, NULL, NULL, NULL));
    PItem *li = item_loop(k, l, PM_Reduction, item_stmt(k, l->body.stmt[0]), NULL, NULL);
    add_red(k, li, *s, RK_Sum, true);
    plan_is(k, li, NULL, NULL);
    Gpu *g = gpu_new(k, tree_functions);
    GpuKernel *tree = kernel(g, "k0", GK_Tree, tree_params), *fold = kernel(g, "k0_fold", GK_Fold, tree_params);
    static GpuScratch scratch = { .per_unit = sizeof(double), .fixed = 8 };
    tree->unit = fold->unit = TREE_CHUNK;
    tree->n_scratch = 1;
    tree->scratch = &scratch;
    tree->then = fold;
    covers(tree, li, NULL, NULL);
    writes(g, tree, *s);
    writes(g, fold, *s);
    add_step(g, step(g, GS_Launch, NULL, tree, NULL, NULL));
    return g;
}

static void test_tree(VM *vm, int64_t n, double ns)
{
    NVar *s;
    Gpu *g = tree_new(vm, n, &s);
    g->step[0]->kernel->launch->ns_per_unit = ns;
    for (int again = 1; again <= 2; again++) {
        ExecVerdict verdict = run_gpu(g);
        double got = g->k->slot[s->id].u.f;
        CHECK(verdict == EXEC_DONE && got == 0.5 + (double)again * (double)n, "tree of %lld: verdict %d, %.17g", (long long)n, verdict, got);
    }
    gpu_free_all(g);
}

/* ---- the timeline --------------------------------------------------------------------------------------------------------------- */

typedef struct Text { size_t n; char s[4096]; } Text;

static void append(void *user, const char *s, size_t n)
{
    Text *t = user;
    if (t->n + n < sizeof t->s) {
        memcpy(t->s + t->n, s, n);
        t->n += n;
    }
}

static size_t occurrences(const Text *t, const char *what)
{
    size_t n = 0;
    for (const char *at = t->s; (at = strstr(at, what)); at++)
        n++;
    return n;
}

static void test_timeline(VM *vm)
{
    NVar *s;
    Text text = { 0 };
    Timeline *line = timeline_new();
    Gpu *g = tree_new(vm, 10000, &s);
    g->backend.opt.timeline = line;
    g->kernel.line = 7;
    CHECK(gpu_enter(&g->device) && (g->backend.trace = gpu_trace_new(&g->device, line)), "a trace");
    gpu_leave(&g->device);
    CHECK(run_gpu(g) == EXEC_DONE, "with a timeline");
    gpu_free_all(g);
    timeline_span(line, TRACK_Compiler, "a \"name\"", 1, 2, "%s", "");
    timeline_write(line, append, &text);
    timeline_free(line);
    CHECK(occurrences(&text, "\"k0, line 7\"") == 1 && occurrences(&text, "\"k0_fold, line 7\"") == 1, "launches: %s", text.s);
    CHECK(occurrences(&text, "nest on the GPU") == 1 && occurrences(&text, "variables to the host") == 1 && occurrences(&text, "a \\\"name\\\"") == 1,
          "spans: %s", text.s);
    CHECK(occurrences(&text, "{") == occurrences(&text, "}"), "braces: %s", text.s);
}

/* ---- variables and steps ---------------------------------------------------------------------------------------------------------- */

static const GpuParam var_params[] = { { GP_Var }, { GP_VarAt }, { GP_Vars }, { GP_Status }, { GP_Counter }, { NO_PARAM } };
enum { V_VALUE, V_AT, V_VARS, V_STATUS, V_COUNTER };

/* v = v + counter; leaves, returns or fails when v reaches what these say. */
static int64_t leaves_at, returns_at, fails_at;

static void run_add(const Launch *l)
{
    GpuStatusBlock *status = (GpuStatusBlock *)(void *)at(l->word[V_STATUS]);
    int64_t *vars = (int64_t *)(void *)at(l->word[V_VARS]);
    int64_t v = l->word[V_AT] ? *(int64_t *)(void *)at(l->word[V_AT]) : (int64_t)l->word[V_VALUE];
    if (status->failed)
        return;
    v += (int64_t)l->word[V_COUNTER];
    vars[0] = v;
    vars[2 * 2] = 1000 + v;     /* slot 2 */
    status->ended = v == leaves_at ? 1 : v == returns_at ? 2 : 0;
    if (v == fails_at)
        status->failed = 1;
}
static const Function add_functions[] = { { "k0", run_add }, { NULL } };

/* for t in range(n): v += t on the device; w = v + 1 on the host, if `asks`. */
static void test_steps(VM *vm, int64_t n, bool asks, bool has_exits)
{
    Kit *k = kit_new(vm);
    NVar *v = variable(k, DT_I64, T_Int, V_INT(0)), *w = variable(k, DT_I64, T_Int, V_INT(0));
    NLoop *l = loop(k, num(k, n));
    NStmt *next = assign(k, w, bin(k, NOP_Add, var(k, v), num(k, 1))), *ret = stmt(k, NS_Return);
    ret->expr = num(k, 0);
    check(k, CK_Overflow);
    k->plan.can_fail = fails_at >= 0;
    l->body = block(k, next, NULL, NULL, NULL);
    nest_is(k, block(k, l->stmt, NULL, NULL, NULL));
    PItem *si = item_stmt(k, next), *li = item_loop(k, l, PM_Sequential, si, NULL, NULL);
    plan_is(k, li, NULL, NULL);
    Gpu *g = gpu_new(k, add_functions);
    GpuKernel *add = kernel(g, "k0", GK_Single, var_params);
    struct GpuExit exits[2] = { { FLOW_Leave, 0, l->stmt }, { FLOW_Return, 2, ret } };
    writes(g, add, v);
    if (has_exits) {
        add->n_exits = 2;
        add->exit = exits;
    }
    GpuStep *launch_it = step(g, GS_Launch, NULL, add, NULL, NULL);
    add_step(g, step(g, GS_Loop, li, NULL, launch_it, asks ? step(g, GS_Stmt, si, NULL, NULL, NULL) : NULL));
    add->launch->ns_per_unit = 1;
    uint64_t waits = cuda.n_waits;
    ExecVerdict verdict = run_gpu(g);
    waits = cuda.n_waits - waits;
    int64_t sum = 0, t = 0;
    ExecVerdict want = EXEC_DONE;
    for (; t < n && want == EXEC_DONE; t++) {
        sum += t;
        want = sum == fails_at ? EXEC_FAILED : has_exits && sum == leaves_at ? EXEC_BROKE : has_exits && sum == returns_at ? EXEC_RETURNED : EXEC_DONE;
    }
    CHECK(verdict == want, "steps: verdict %d, not %d", verdict, want);
    if (want == EXEC_FAILED)
        CHECK(k->slot[v->id].u.i == 0 && k->failed == &k->checks[0], "variables are as before");
    else
        CHECK(k->slot[v->id].u.i == sum, "sum %lld, not %lld", (long long)k->slot[v->id].u.i, (long long)sum);
    if (want == EXEC_RETURNED)
        CHECK(k->frame.ret.tag == T_Int && k->frame.ret.u.i == 1000 + sum, "returned %lld", (long long)k->frame.ret.u.i);
    if (want == EXEC_DONE && asks)
        CHECK(k->slot[w->id].u.i == (n ? sum + 1 : 0), "w is %lld", (long long)k->slot[w->id].u.i);
    CHECK(asks || has_exits ? waits >= (uint64_t)(t > 0) : waits == (n > 0), "%d waits", (int)waits);
    gpu_free_all(g);
}

/* for t: v += t, kept; for t: w = w + v, v taken from there: on the host, v on the device. */
static void test_expanded(VM *vm, int64_t n)
{
    Kit *k = kit_new(vm);
    NVar *v = variable(k, DT_I64, T_Int, V_INT(5)), *w = variable(k, DT_I64, T_Int, V_INT(0));
    NLoop *l = loop(k, num(k, n));
    NStmt *first = assign(k, v, counter(k, l)), *second = assign(k, w, bin(k, NOP_Add, var(k, w), var(k, v)));
    l->body = block(k, first, second, NULL, NULL);
    nest_is(k, block(k, l->stmt, NULL, NULL, NULL));
    PItem *fi = item_stmt(k, first), *si = item_stmt(k, second);
    PItem *a = item_loop(k, l, PM_Sequential, fi, NULL, NULL), *b = item_loop(k, l, PM_Sequential, si, NULL, NULL);
    const NVar *list[] = { v };
    a->loop->n_save = b->loop->n_restore = 1;
    a->loop->save_var = b->loop->restore_var = list;
    plan_is(k, a, b, NULL);
    Gpu *g = gpu_new(k, add_functions);
    struct GpuExpand expanded[] = { { v, a } };
    g->program.n_expanded = 1;
    g->program.expanded = expanded;
    GpuKernel *add = kernel(g, "k0", GK_Single, var_params);
    writes(g, add, v);
    add_step(g, step(g, GS_Loop, a, NULL, step(g, GS_Launch, NULL, add, NULL, NULL), NULL));
    add_step(g, step(g, GS_Loop, b, NULL, step(g, GS_Stmt, si, NULL, NULL, NULL), NULL));
    ExecVerdict verdict = run_gpu(g);
    int64_t last = 5, sum = 0;
    for (int64_t t = 0; t < n; t++) {
        last += t;
        sum += last;
    }
    CHECK(verdict == EXEC_DONE && k->slot[v->id].u.i == last && k->slot[w->id].u.i == sum, "expanded: verdict %d, %lld %lld, not %lld %lld", verdict,
          (long long)k->slot[v->id].u.i, (long long)k->slot[w->id].u.i, (long long)last, (long long)sum);
    gpu_free_all(g);
}

/* ---- undoing, and faults -------------------------------------------------------------------------------------------------------------- */

static const GpuParam fail_params[] = { { GP_Data }, { GP_Begin }, { GP_End }, { GP_Status }, { NO_PARAM } };

static void run_failing(const Launch *l)
{
    run_map(l);
    if (fails_at >= 0)
        ((GpuStatusBlock *)(void *)at(l->word[3]))->failed = 1;
}
static const Function failing_functions[] = { { "k0", run_failing }, { NULL } };

/* Twice a[i] += 1 with a check that may fail.  fail_call: the call of the driver with this number fails.  False: there are not so many. */
static bool test_faults(VM *vm, uint64_t fail_call, CUresult error, int64_t fails)
{
    enum { N = 300 };
    Kit *k = kit_new(vm);
    NArray *a = array(k, DT_F64, 1, N, 0);
    NLoop *l = loop(k, num(k, N));
    NStmt *s = store(k, a, counter(k, l), NULL, real(k, 1));
    l->body = block(k, s, NULL, NULL, NULL);
    nest_is(k, block(k, l->stmt, NULL, NULL, NULL));
    PItem *li = item_loop(k, l, PM_Parallel, item_stmt(k, s), NULL, NULL);
    plan_is(k, li, NULL, NULL);
    k->plan.can_fail = true;
    Gpu *g = gpu_new(k, failing_functions);
    GpuKernel *map = kernel(g, "k0", GK_Map, fail_params);
    covers(map, li, NULL, NULL);
    add_step(g, step(g, GS_Launch, NULL, map, NULL, NULL));
    fails_at = -1;
    cuda.n_calls = 0;
    cuda.fail_at = fail_call;
    cuda.fail_with = error;
    double want = 0;
    bool is_known = true;
    for (int again = 0; again < 2 && is_known; again++) {
        fails_at = again ? fails : -1;
        ExecVerdict verdict = run_gpu(g);
        bool raised = vm_has_exc(vm);
        CHECK(raised == (verdict == EXEC_RAISED), "raised %d with verdict %d", raised, verdict);
        vm_clear_exc(vm);
        CHECK(verdict == EXEC_DONE || verdict == EXEC_FAILED || verdict == EXEC_NO_MEMORY || verdict == EXEC_RAISED, "verdict %d", verdict);
        want += verdict == EXEC_DONE;
        is_known = verdict != EXEC_RAISED;
    }
    Status there = array_to_host(vm, ARRAY(k->array_value[a->id]), HOST_Read);
    vm_clear_exc(vm);
    bool all = cuda.n_calls < fail_call;
    CHECK(there == ALP_OK || g->device.broken[0] || error == CUDA_ERROR_OUT_OF_MEMORY, "arrays are lost with a device only");
    for (int i = 0; there == ALP_OK && is_known && i < N; i++)
        if (data(k, a)[i] != want) {
            CHECK(false, "element %d is %g, not %g, with call %d failing (%d)", i, data(k, a)[i], want, (int)fail_call, error);
            break;
        }
    cuda.fail_at = 0;
    bool broken = g->device.broken[0] != 0;
    gpu_free_all(g);
    CHECK(cuda.n_blocks == 0 || broken, "%d blocks are left with call %d failing (%d)", (int)cuda.n_blocks, (int)fail_call, error);
    while (cuda.n_blocks)               /* those of a broken device are nobody's */
        mem_give((CUdeviceptr)(uintptr_t)cuda.block[0]);
    return !all;
}

int main(void)
{
    Mem mem;
    mem_init(&mem, NULL, NULL);
    VM *vm = vm_new(&mem);
    leaves_at = returns_at = fails_at = -1;
    for (int64_t n = 0; n < 3000; n = 2 * n + 1) {
        test_map(vm, 0, n, 0);
        test_map(vm, 0, n, 1e9);
        test_map(vm, n / 3, n, 7e5);
    }
    test_map(vm, 0, 200000, 0);
    test_triangle(vm);
    static const int64_t sizes[] = { 0, 1, 128, 129, 4095, 4096, 4097, 8192, 1 << 20, (1 << 24) - 1, 1 << 24, (1 << 24) + 1, 50000000 };
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        test_tree(vm, sizes[i], 0);
        test_tree(vm, sizes[i], 1e6);
    }
    for (int64_t n = 0; n < 30; n += 7)
        for (int i = 0; i < 16; i++) {
            leaves_at = i & 1 ? 6 : -1;
            returns_at = i & 2 ? 3 : i & 1 ? -1 : 21;
            fails_at = i & 4 ? 10 : -1;
            test_steps(vm, n, i & 8, i & 3);
        }
    leaves_at = returns_at = fails_at = -1;
    test_timeline(vm);
    test_expanded(vm, 0);
    test_expanded(vm, 1);
    test_expanded(vm, 300);
    static const CUresult errors[] = { CUDA_ERROR_OUT_OF_MEMORY, 719 /* launch failed */, CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES };
    for (size_t e = 0; e < COUNT_OF(errors); e++)
        for (int fails = -1; fails <= 0; fails++)
            for (uint64_t call = 1; test_faults(vm, call, errors[e], fails); call++)
                ;
    vm_free(vm);
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}
