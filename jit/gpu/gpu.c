/* jit/gpu/gpu.c — the GPU back end: kernels of plans, by the layout of the arrays.
 *
 * A plan's program is made by the thread that asks for it, which takes less than a millisecond, and lives as long as the plan; its text is compiled by image.c. */
#include "jit/gpu/gpu_int.h"

#include <stdio.h>

#include "profile/machine.h"

/* ---- kernels of a plan ------------------------------------------------------------------------------------------------------------------- */

static void plan_kernels_free(void *list)
{
    for (PlanKernel *k = list, *next; k; k = next) {
        next = k->next;
        bool inside = k->runs && gpu_enter(k->device);
        gpu_runs_free(k, inside);
        if (inside)
            gpu_leave(k->device);
        if (k->image)
            image_unref(k->image);
        if (k->program)
            gpu_program_free(k->program);
        Mem *mem = &k->vm->mem;
        mem_free(mem, k->stride, (size_t)k->n_arrays * ALP_MAX_NDIM);
        mem_free(mem, k->group, k->n_arrays * sizeof *k->group);
        mem_free(mem, k->whole_store, k->n_arrays * sizeof *k->whole_store);
        mem_free(mem, k->reads_old, k->n_arrays);
        mem_free(mem, k, sizeof *k);
    }
}

/* Do all byte offsets fit into 32 bits? */
static bool is_small(const Facts *f, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (f->array[i].hi - f->array[i].lo > INT32_MAX)
            return false;
    return true;
}

/* Somebody has said that the program may have to end before its time. */
static bool may_be_stopped(const VM *vm)
{
    return vm->deadline_ns || vm->poll_fn;
}

static bool layout_is(const PlanKernel *k, const Facts *f)
{
    return array_layout_is(f, k->n_arrays, k->stride, k->group) && k->small == is_small(f, k->n_arrays) && k->polls == may_be_stopped(k->vm);
}

/* Devices load and store aligned elements only. */
static bool is_aligned(const Facts *f, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        const Array *a = f->array[i].array;
        uint64_t bits = (uint64_t)(a->data - a->buf->data);
        for (int d = 0; d < a->ndim; d++)
            bits |= (uint64_t)a->strides[d];
        if (bits & (dtype_info[a->dtype].size - 1u))
            return false;
    }
    return true;
}

static bool has_step(GpuStep *const *steps, uint32_t n, uint8_t kind, const NStmt *stmt)
{
    for (uint32_t i = 0; i < n; i++)
        if ((steps[i]->kind == kind && steps[i]->item->stmt == stmt) || has_step(steps[i]->body, steps[i]->n_body, kind, stmt) ||
            has_step(steps[i]->orelse, steps[i]->n_orelse, kind, stmt))
            return true;
    return false;
}

/* Is the loop one whose iterations the host counts: a step of its own, or the outermost one of a grid? */
static bool is_counted(GpuStep *const *steps, uint32_t n, const PItem *loop)
{
    for (uint32_t i = 0; i < n; i++)
        if (steps[i]->item == loop || (steps[i]->kind == GS_Launch && steps[i]->kernel->item[0] == loop) ||
            is_counted(steps[i]->body, steps[i]->n_body, loop) || is_counted(steps[i]->orelse, steps[i]->n_orelse, loop))
            return true;
    return false;
}

static bool reads(const NExpr *e, const NVar *v)
{
    return e && ((e->op == NOP_Var && e->u.var == v) || reads(e->a, v) || reads(e->b, v) || reads(e->c, v));
}

static const NVar *assigned_for(const NBlock *b, const NExpr *e);

static const NVar *stmt_assigns_for(const NStmt *s, const NExpr *e)
{
    if (s->kind == NS_Assign && reads(e, s->var))
        return s->var;
    const NVar *v = assigned_for(&s->body, e);
    return v ? v : assigned_for(&s->orelse, e);
}

/* A variable that the block assigns and e reads. */
static const NVar *assigned_for(const NBlock *b, const NExpr *e)
{
    for (uint32_t i = b->n; i-- > 0;) {
        const NVar *v = stmt_assigns_for(b->stmt[i], e);
        if (v)
            return v;
    }
    return NULL;
}

/* When does the host know the trip count of the outermost loop? */
static void find_root(PlanKernel *k, const Nest *nest)
{
    for (uint32_t i = 0; i < nest->body.n && !nest->root->is_while && nest->body.stmt[i] != nest->root->stmt; i++) {
        const NVar *v = stmt_assigns_for(nest->body.stmt[i], nest->root->trip);
        if (v) {
            k->root_after = nest->body.stmt[i];
            k->root_var = v;
        }
    }
}

static bool has_load(const NExpr *e)
{
    return e && (e->op == NOP_Load || has_load(e->a) || has_load(e->b) || has_load(e->c));
}

/* Can the host evaluate what it must of these steps? */
static bool is_evaluable(GpuStep *const *steps, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        const GpuStep *s = steps[i];
        const PLoop *l = s->kind == GS_Loop ? s->item->loop : s->kind == GS_Launch && s->kernel->n_dims ? s->kernel->item[0]->loop : NULL;
        if ((l && l->n_upper == 0 && (has_load(l->src[0]->trip) || has_load(l->src[0]->step))) ||
            (s->kind == GS_Loop && l->mode == PM_Reduction && l->n_red) ||
            (s->kind == GS_While && !s->kernel && has_load(s->item->stmt->loop->test)) ||
            (s->kind == GS_If && !s->kernel && has_load(s->item->stmt->expr)) ||
            !is_evaluable(s->body, s->n_body) || !is_evaluable(s->orelse, s->n_orelse))
            return false;
    }
    return true;
}

/* A program that host and kernels could not carry out together is none. */
static void check_program(PlanKernel *k)
{
    GpuProgram *p = k->program;
    const char *why = NULL;
    for (uint32_t i = 0; i < p->n_expanded; i++)
        if (!is_counted(p->step, p->n_steps, p->expanded[i].loop))
            why = "a variable's values are kept by a loop inside a kernel";
    if (!is_evaluable(p->step, p->n_steps))
        why = "how often a loop runs depends on an array in a way that the host cannot see";
    if (!why)
        return;
    gpu_program_free(p);
    k->program = NULL;
    reason_set(&k->why, RS_NoBackEnd, (Span){ 0, 0 }, "%s", why);
}

/* NULL: no memory.  A program that cannot be is one, too: `program` is NULL then. */
static PlanKernel *plan_kernel_new(GpuBackend *b, const Plan *plan, const Facts *f, FpMode fp)
{
    Mem *mem = &b->vm->mem;
    const Nest *nest = plan->nest;
    uint32_t n = nest->n_arrays;
    PlanKernel *k = mem_zalloc(mem, sizeof *k);
    uint8_t *stride = mem_zalloc(mem, (size_t)n * ALP_MAX_NDIM);
    uint32_t *group = mem_zalloc(mem, n * sizeof *group);
    const NStmt **whole_store = mem_zalloc(mem, n * sizeof *whole_store);
    bool *reads_old = mem_zalloc(mem, n);
    if (!k || !stride || !group || !whole_store || !reads_old) {
        if (k)
            mem_free(mem, k, sizeof *k);
        if (stride)
            mem_free(mem, stride, (size_t)n * ALP_MAX_NDIM);
        if (group)
            mem_free(mem, group, n * sizeof *group);
        if (whole_store)
            mem_free(mem, whole_store, n * sizeof *whole_store);
        if (reads_old)
            mem_free(mem, reads_old, n);
        return NULL;
    }
    array_layout_of(f, n, stride, group);
    for (uint32_t i = 0; i < n; i++)
        whole_store[i] = gpu_undo_whole_store(nest, nest->arrays[i]);
    Plan *owner = (Plan *)plan;                 /* what is cached with a plan is no part of what it says */
    *k = (PlanKernel){ .next = owner->kernels[PLAN_GPU].list, .vm = b->vm, .n_arrays = n, .stride = stride, .group = group, .whole_store = whole_store, .reads_old = reads_old, .small = is_small(f, n),
                       .polls = may_be_stopped(b->vm), .fp = fp, .device = b->device, .line = nest->ast ? src_line(&nest->chunk->src, nest->ast->span.start) : 0 };
    const GpuLayout layout = { stride, group, k->small, k->polls };
    k->program = gpu_emit(mem, plan, &layout, fp, &k->why);
    if (k->program)
        check_program(k);
    if (k->program) {
        find_root(k, nest);
        k->is_one_launch = k->program->n_steps == 1 && k->program->step[0]->kind == GS_Launch;
        const GpuKernel *only = k->is_one_launch ? k->program->step[0]->kernel : NULL;
        if (only && only->kind == GK_Map && !only->tile[0] && !only->plain && !only->uses_barriers && only->shared_bytes == 0)
            for (uint32_t i = 0; i < n; i++)
                reads_old[i] = gpu_reads_old(plan, &layout, nest->arrays[i]);
        k->root_on_host = has_step(k->program->step, k->program->n_steps, GS_While, nest->root->stmt) ||
                          has_step(k->program->step, k->program->n_steps, GS_Stmt, nest->root->stmt);
        if (b->opt.dump && strstr(b->opt.dump, "cuda"))
            b->opt.dump_fn(b->opt.dump_user, k->program->text, k->program->text_size);
    }
    owner->kernels[PLAN_GPU].list = k;
    owner->kernels[PLAN_GPU].free = plan_kernels_free;
    return k;
}

/* The image is there: find the functions. */
static bool prepare(PlanKernel *k)
{
    const char *why = k->device->broken;
    bool ok = gpu_enter(k->device);
    if (!ok)
        goto refused;
    for (uint32_t i = 0; i < k->program->n_kernels && ok; i++)
        ok = launch_prepare(k, k->program->kernel[i], &why);
    gpu_leave(k->device);
    k->is_ready = ok;
    if (ok)
        return true;
refused:
    k->is_refused = true;
    reason_set(&k->why, RS_NoBackEnd, (Span){ 0, 0 }, "%s", why);
    return false;
}

static void count(GpuBackend *b, const PlanKernel *k)
{
    if (k->from_memory) {
        b->stats.n_from_memory++;
        return;
    }
    if (b->opt.timeline)
        timeline_span(b->opt.timeline, TRACK_Compiler, k->image->origin == FROM_Compiler ? "NVRTC" : "from disk", k->image->end_ns - k->image->ns,
                      k->image->end_ns, "\"line\": %u, \"bytes\": %llu", k->line, (unsigned long long)k->program->text_size);
    b->stats.ns += k->image->ns;
    b->stats.n_made += k->image->origin == FROM_Compiler;
    b->stats.n_from_disk += k->image->origin == FROM_Disk;
}

static KernelState never(ReasonAt *why, Reason code, const char *text)
{
    reason_set(why, code, (Span){ 0, 0 }, "%s", text);
    return KERNEL_NEVER;
}

/* The device, opened when it is first wanted; NULL: b->why_not. */
static GpuDevice *device_of(GpuBackend *b)
{
    if (!b->has_looked) {
        b->has_looked = true;
        b->device = gpu_device(b->opt.ordinal, &b->why_not);
        if (b->device && b->opt.timeline && gpu_enter(b->device)) {
            b->trace = gpu_trace_new(b->device, b->opt.timeline);
            gpu_leave(b->device);
        }
    }
    return b->device;
}

/* Brings the image of k on as far as `wish` says. */
static KernelState image_state(GpuBackend *b, PlanKernel *k, KernelWish wish, ReasonAt *why)
{
    static const ImageWish wishes[] = { [WISH_Find] = IMAGE_Find, [WISH_Prepare] = IMAGE_Find, [WISH_Start] = IMAGE_Start, [WISH_Wait] = IMAGE_Wait };
    if (!k->image && !(k->image = image_ref(k->device, k->program->text, k->program->text_size, k->fp == FP_Fast, &k->from_memory)))
        return never(why, RS_NoMemory, "");
    ImagePhase phase = wish == WISH_None ? (ImagePhase)atomic_load(&k->image->state) : image_make(k->image, wishes[wish], !b->opt.no_disk_cache);
    switch (phase) {
    case IMAGE_New:    return KERNEL_ABSENT;
    case IMAGE_Making: return KERNEL_MAKING;
    case IMAGE_Failed:
        b->stats.n_failed++;
        k->is_refused = true;
        reason_set(&k->why, RS_NoBackEnd, (Span){ 0, 0 }, "%s", k->image->error);
        break;
    case IMAGE_Ready:
        if (prepare(k))
            count(b, k);
        break;
    }
    *why = k->why;
    return k->is_refused ? KERNEL_NEVER : KERNEL_READY;
}

static KernelState gpu_kernel(Backend *backend, const Plan *plan, const Facts *facts, FpMode fp, KernelWish wish, void **out, ReasonAt *why)
{
    GpuBackend *b = (GpuBackend *)backend;
    PlanKernel *k = plan->kernels[PLAN_GPU].list;
    *out = NULL;
    while (k && !(k->fp == fp && layout_is(k, facts)))
        k = k->next;
    if (!k && wish == WISH_None)
        return KERNEL_ABSENT;
    GpuDevice *d = device_of(b);
    if (!d || d->broken[0])
        return never(why, RS_NoBackEnd, d ? d->broken : b->why_not);
    if (gpu_is_gone())
        return never(why, RS_NoBackEnd, "CUDA does not work in a child of fork()");
    if (!k && !(k = plan_kernel_new(b, plan, facts, fp)))
        return never(why, RS_NoMemory, "");
    if (!k->program || k->is_refused) {
        *why = k->why;
        return KERNEL_NEVER;
    }
    if (!is_aligned(facts, k->n_arrays))
        return never(why, RS_NoBackEnd, "the elements of an array are not aligned in memory");
    if (!k->is_ready) {
        KernelState state = !k->image && wish == WISH_None ? KERNEL_ABSENT : image_state(b, k, wish, why);
        if (state != KERNEL_READY)
            return state;
    }
    *out = k;
    return KERNEL_READY;
}

/* ---- life ---------------------------------------------------------------------------------------------------------------------------------- */

static void version_text(char *out, size_t size, int version)
{
    snprintf(out, size, "%d.%d", version / 1000, version % 1000 / 10);
}

static void device_text(const GpuDevice *d, char *out, size_t size)
{
    char version[24];
    version_text(version, sizeof version, d->cu->version);
    snprintf(out, size, "%s, compute capability %d.%d, driver %s", d->name, d->major, d->minor, version);
}

static void backend_describe(Backend *backend, char *out, size_t size, BackendStats *stats)
{
    const GpuBackend *b = (const GpuBackend *)backend;
    *stats = b->stats;
    if (b->device) {
        GpuCounters c;
        gpu_counters(b->device, &c);
        stats->n_launches = c.n_launches;
        stats->bytes_up = c.bytes_up;
        stats->bytes_down = c.bytes_down;
    }
    if (b->device && b->device->broken[0])
        snprintf(out, size, "none any more: %s", b->device->broken);
    else if (b->device)
        device_text(b->device, out, size);
    else if (b->has_looked)
        snprintf(out, size, "none: %s", b->why_not);
    else
        snprintf(out, size, "CUDA, not needed yet");
}

static int ordinal_of(const GpuBackend *b)
{
    return b->opt.ordinal < 0 ? 0 : b->opt.ordinal;
}

static void backend_choose(Backend *backend, uint32_t ordinal, const Machine *m)
{
    GpuBackend *b = (GpuBackend *)backend;
    if (b->device || gpu_is_opening(ordinal_of(b)))
        return;
    if (ordinal_of(b) != (int)ordinal)
        b->has_looked = false;
    b->opt.ordinal = (int)ordinal;
    b->believed = 0;
    for (uint32_t i = 0; m && i < m->n_gpus; i++)
        b->believed = gpu_add_name(b->believed, m->gpu[i].name);
}

static KernelState backend_open(Backend *backend, KernelWish wish)
{
    GpuBackend *b = (GpuBackend *)backend;
    int ordinal = ordinal_of(b);
    if (!b->has_looked && wish < WISH_Wait && !gpu_open(ordinal, b->believed, wish >= WISH_Start)) {
        b->sees_others |= gpu_has_stopped(ordinal);
        return gpu_is_opening(ordinal) ? KERNEL_MAKING : KERNEL_ABSENT;
    }
    if (!b->has_looked && !gpu_is_as_believed(ordinal, b->believed)) {
        b->sees_others = true;
        return KERNEL_ABSENT;
    }
    const GpuDevice *d = device_of(b);
    return d && !d->broken[0] && !gpu_is_gone() ? KERNEL_READY : KERNEL_NEVER;
}

static uint32_t backend_attributes(Backend *backend, uint32_t ordinal, GpuAttributes *out)
{
    GpuBackend *b = (GpuBackend *)backend;
    GpuDevice d;
    *out = (GpuAttributes){ .name = "", .uuid = "" };
    int n = b->has_looked || b->sees_others ? gpu_look((int)ordinal, &d) : 0;
    if (n <= 0 || !d.name[0])
        return 0;
    memcpy(b->told, d.name, sizeof b->told);
    *out = (GpuAttributes){ .name = b->told, .uuid = "", .major = d.major, .minor = d.minor, .n_sm = d.n_sm, .threads_per_sm = d.threads_per_sm,
                            .clock_khz = d.clock_khz, .memory_bytes = d.total_bytes, .l2_bytes = (uint64_t)d.l2_bytes, .shared_bytes = (uint64_t)d.shared_optin,
                            .memory_clock_khz = gpu_attribute(&d, CU_ATTR_MEMORY_CLOCK_KHZ), .bus_bits = gpu_attribute(&d, CU_ATTR_BUS_BITS) };
    return (uint32_t)n;
}

static unsigned backend_residence(Backend *b, const Buffer *buffer)
{
    bool is_missing, is_away;
    gpu_buffer_where(buffer, &is_missing, &is_away);
    return (is_missing ? RESIDENCE_Missing : 0u) | (is_away ? RESIDENCE_Away : 0u);
}

static void backend_close(Backend *backend)
{
    GpuBackend *b = (GpuBackend *)backend;
    gpu_open_end(ordinal_of(b));
    bool inside = (b->workspaces || b->trace || b->stop) && gpu_enter(b->device);
    if (b->trace)
        gpu_trace_free(b->trace, inside);
    gpu_workspaces_free(b, inside);
    if (b->stop && inside)
        b->device->cu->MemFreeHost(b->stop);
    if (inside)
        gpu_leave(b->device);
    mem_free(&b->vm->mem, b, sizeof *b);
}

static Status gpu_finish(Backend *backend)
{
    GpuBackend *b = (GpuBackend *)backend;
    GpuDevice *d = b->device;
    GpuStatus s = GPU_OK;
    if (!d || b->vm->n_on_device == 0)
        return ALP_OK;
    if (gpu_enter(d)) {
        s = gpu_buffers_write_back(d, b->vm);
        if (s == GPU_OK)
            s = gpu_wait(d);
        gpu_leave(d);
    }
    if (s == GPU_OK)            /* who needs bytes of a device that is broken already is told when asking for them */
        return ALP_OK;
    raise(b->vm, TY_RuntimeError, "the GPU failed: %s", s == GPU_NO_MEMORY ? "out of memory" : d->broken);
    return ALP_FAIL;
}

void gpu_describe(char *out, size_t size)
{
    const char *why = "", *why_no_nvrtc = "";
    const GpuDevice *d = gpu_device(-1, &why);
    const Nvrtc *n = gpu_nvrtc(&why_no_nvrtc);
    char device[256];
    if (d)
        device_text(d, device, sizeof device);
    else
        snprintf(device, sizeof device, "none: %s", why);
    if (n)
        snprintf(out, size, "%s, NVRTC %d.%d from %s", device, n->major, n->minor, n->path);
    else
        snprintf(out, size, "%s, no NVRTC: %s", device, why_no_nvrtc);
}

Backend *gpu_backend_new(VM *vm, const GpuOptions *o)
{
    GpuBackend *b = mem_zalloc(&vm->mem, sizeof *b);
    if (!b)
        return NULL;
    b->base = (Backend){ .name = "gpu", .kernel = gpu_kernel, .run = gpu_run, .describe = backend_describe, .open = backend_open, .choose = backend_choose,
                         .attributes = backend_attributes, .residence = backend_residence, .finish = gpu_finish, .close = backend_close };
    b->vm = vm;
    b->opt = *o;
    return &b->base;
}
