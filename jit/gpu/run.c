/* jit/gpu/run.c — one execution of a plan on a device.
 *
 * Arrays go to the device (those that are not there yet), and stay; the program's steps are walked on the host, kernels launched as they come; in the end the
 * host waits only if it wants something: whether a check failed, or the values of variables that outlive the nest.
 *
 * Failing.  A check that failed is seen when the device's block is fetched; arrays are put back (undo.c).  Lack of memory before the first launch means that nothing has
 * happened; behind it, what was written is put back where that is possible, or else it is a MemoryError.  A device that breaks takes the arrays along of
 * which only it had the bytes: RuntimeError. */
#include <time.h>

#include "jit/gpu/fill.h"
#include "jit/gpu/gpu_int.h"

enum { LOOK_NS = 1000000, KEPT_EXPANDED = 1 << 20 };

static Flow run_steps(GpuRun *x, GpuStep *const *steps, uint32_t n);

/* ---- ending before its time ----------------------------------------------------------------------------------------------------- */

void gpu_fails(GpuRun *x, uint32_t check)
{
    if (!x->stop) {
        x->failed = check;
        x->has_failed = true;
    }
    x->stop = true;
}

bool gpu_goes_on(GpuRun *x, GpuStatus s)
{
    if (LIKELY(s == GPU_OK))
        return true;
    x->no_memory |= s == GPU_NO_MEMORY;
    x->is_lost |= s == GPU_BROKEN;
    x->stop = true;
    return false;
}

/* The lock is given up meanwhile: the host's poll_fn may run programs, on this device, too. */
bool gpu_looks(GpuRun *x)
{
    VM *vm = x->backend->vm;
    if (!(atomic_load_explicit(&vm->attention, memory_order_relaxed) & VM_ATTN_INTERRUPT)) {
        uint64_t now = timeline_now();
        if (now < x->next_look_ns)
            return false;
        x->next_look_ns = now + LOOK_NS;
    }
    gpu_leave(x->device);
    vm->poll_count = 1;         /* at the clock, too */
    x->has_raised = vm_poll(vm) != ALP_OK;
    x->is_inside = gpu_enter(x->device);
    if (x->has_raised && x->program->polls)     /* threads stop within a millisecond */
        __atomic_store_n(x->backend->stop, 1, __ATOMIC_RELEASE);
    x->stop |= x->has_raised;
    if (!x->is_inside)
        gpu_goes_on(x, GPU_BROKEN);
    return x->stop;
}

bool gpu_waits(GpuRun *x, CUevent e)
{
    enum { SPIN_NS = 200000, SLEEP_NS = 50000 };
    GpuDevice *d = x->device;
    if (!gpu_replay_yields(x))
        return false;
    if (x->program->polls && (x->backend->vm->deadline_ns || x->backend->vm->poll_fn)) {
        uint64_t start = timeline_now();
        for (;;) {
            CUresult r = e ? d->cu->EventQuery(e) : d->cu->StreamQuery(d->stream);
            if (r != CUDA_ERROR_NOT_READY)
                return gpu_goes_on(x, gpu_check(d, r, e ? "cuEventQuery" : "cuStreamQuery"));
            if (gpu_tick(x))
                return false;
            if (timeline_now() - start > SPIN_NS)
                nanosleep(&(struct timespec){ .tv_nsec = SLEEP_NS }, NULL);
        }
    }
    return gpu_goes_on(x, e ? gpu_check(d, d->cu->EventSynchronize(e), "cuEventSynchronize") : gpu_wait(d));
}

/* What copying did since the timeline was told last. */
static void note_copies(const GpuRun *x, uint64_t start, const char *name, bool up, uint64_t bytes_before)
{
    const GpuCounters *c = &x->device->counters;
    uint64_t bytes = (up ? c->bytes_up : c->bytes_down) - bytes_before;
    if (bytes)
        timeline_span(x->backend->opt.timeline, TRACK_Copies, name, start, timeline_now(), "\"bytes\": %llu, \"up\": %s", (unsigned long long)bytes,
                      up ? "true" : "false");
}

/* ---- variables ---------------------------------------------------------------------------------------------------------------------- */

/* A kernel was stopped, and the host has not looked yet. */
static void raise_stopped(GpuRun *x)
{
    VM *vm = x->backend->vm;
    vm->poll_count = 1;
    if (vm_poll(vm) == ALP_OK)
        raise(vm, TY_KeyboardInterrupt, "%s", "");
    x->has_raised = x->stop = true;
}

bool gpu_fetch(GpuRun *x)
{
    GpuStatusBlock status;
    uint64_t start = x->backend->opt.timeline ? timeline_now() : 0, bytes = x->device->counters.bytes_down;
    if (!gpu_replay_yields(x) || (x->program->polls && !x->stop && !gpu_waits(x, NULL)))
        return false;
    if (!gpu_goes_on(x, gpu_download(x->device, x->down, x->ws->block, (1 + x->program->n_slots) * sizeof(Slot))))
        return false;
    if (UNLIKELY(x->backend->opt.timeline))
        note_copies(x, start, "variables to the host", false, bytes);
    memcpy(&status, x->down, sizeof status);
    x->ws->is_clean = status.failed == 0 && status.ended == 0;
    if (status.failed == GPU_STOPPED) {
        x->was_stopped = true;
        if (!x->has_raised)
            raise_stopped(x);
        return false;
    }
    if (status.failed) {
        uint32_t check = (uint32_t)status.failed - 1;
        gpu_fails(x, check < x->plan->nest->n_checks ? check : NO_CHECK);
        return false;
    }
    for (uint32_t i = 0; i < x->plan->nest->n_vars; i++)
        if (x->side[i] == VAR_Device) {
            x->prog->var[i] = x->down[1 + i];
            x->side[i] = VAR_Both;
        }
    return true;
}

/* A condition: a kernel's, or the host's. */
static bool test(GpuRun *x, const GpuStep *s, const NExpr *e, bool *holds)
{
    Slot v;
    if (s->kernel) {
        if (launch_kernel(x, s->kernel) != FLOW_On || !gpu_fetch(x))
            return false;
        v = x->down[1 + s->test];
    } else if (!host_eval(x, e, &v)) {
        return false;
    }
    *holds = v.i != 0;
    return true;
}

/* ---- variables that loops treat specially ---------------------------------------------------------------------------------------- */

/* Does the statement assign the variable, or one in it? */
static bool stmt_assigns(const NStmt *s, const NVar *v);

static bool block_assigns(const NBlock *b, const NVar *v)
{
    for (uint32_t i = 0; i < b->n; i++)
        if (stmt_assigns(b->stmt[i], v))
            return true;
    return false;
}

static bool stmt_assigns(const NStmt *s, const NVar *v)
{
    return (s->kind == NS_Assign && s->var == v) || block_assigns(&s->body, v) || block_assigns(&s->orelse, v) ||
           (s->kind == NS_Loop && block_assigns(&s->loop->body, v));
}

static bool item_assigns(const PItem *item, const NVar *v)
{
    if (item->kind == PI_Stmt)
        return stmt_assigns(item->stmt, v);
    for (uint32_t i = 0; i < item->n_body; i++)
        if (item_assigns(item->body[i], v))
            return true;
    for (uint32_t i = 0; i < item->n_orelse; i++)
        if (item_assigns(item->orelse[i], v))
            return true;
    return false;
}

static bool is_last(const PLoop *l, const NVar *v)
{
    for (uint32_t i = 0; i < l->n_last; i++)
        if (l->last[i]->var == v)
            return true;
    return false;
}

/* Variables that have their old value again behind a loop: taken from a buffer and not assigned, or private in a distributed loop. */
typedef struct Kept { uint32_t id; Slot old; } Kept;

static Kept *keep(GpuRun *x, const PItem *item, uint32_t *n, uint32_t *room)
{
    const PLoop *l = item->loop;
    *n = 0;
    *room = l->n_restore + (l->mode != PM_Sequential && l->is_distributed ? l->n_private : 0);
    Kept *kept = *room ? mem_alloc(&x->backend->vm->mem, *room * sizeof *kept) : NULL;
    for (uint32_t i = 0; kept && i < *room; i++) {
        const NVar *v = i < l->n_restore ? l->restore_var[i] : l->private_var[i - l->n_restore];
        if (i < l->n_restore ? item_assigns(item, v) : is_last(l, v))
            continue;
        if (x->side[v->id] == VAR_Device && !gpu_fetch(x))
            break;
        kept[(*n)++] = (Kept){ v->id, x->prog->var[v->id] };
    }
    if (*room && !kept)
        gpu_goes_on(x, GPU_NO_MEMORY);
    return kept;
}

static void give_back(GpuRun *x, Kept *kept, uint32_t n, uint32_t room)
{
    for (uint32_t i = 0; i < n; i++) {
        x->prog->var[kept[i].id] = kept[i].old;
        x->side[kept[i].id] = VAR_Host;
    }
    mem_free(&x->backend->vm->mem, kept, room * sizeof *kept);
}

/* The variable's value of iteration t, into its buffer or from there. */
static bool copy_expanded(GpuRun *x, const NVar *v, int64_t t, bool save)
{
    GpuDevice *d = x->device;
    CUdeviceptr slot = gpu_slot_at(x, v->id), element = x->expand[v->id].at + (CUdeviceptr)t * sizeof(Slot);
    if (!gpu_replay_yields(x))
        return false;
    if (save && x->side[v->id] != VAR_Device)
        return gpu_goes_on(x, gpu_upload(d, element, &x->prog->var[v->id], sizeof(Slot)));
    if (!save)
        x->side[v->id] = VAR_Device;
    return gpu_goes_on(x, gpu_check(d, d->cu->MemcpyDtoDAsync(save ? element : slot, save ? slot : element, sizeof(Slot), d->stream),
                                    "cuMemcpyDtoDAsync"));
}

/* ---- steps ------------------------------------------------------------------------------------------------------------------------------ */

/* From which source loop of `around` does the step come?  A step that cannot tell comes with the one before it. */
static uint32_t source_of(const PLoop *around, const GpuStep *step, uint32_t before)
{
    const PItem *item = step->kind != GS_Launch ? step->item : step->kernel->n_dims ? step->kernel->item[0] : NULL;
    return item ? plan_source_of(around, item, before) : before;
}

/* The body once: what `continue` leaves out is the rest of the part that comes from its loop. */
static Flow run_body(GpuRun *x, const GpuStep *step, const PLoop *l)
{
    Flow flow = run_steps(x, step->body, step->n_body);
    if (LIKELY(flow != FLOW_Next))
        return flow;
    uint32_t k = 0, source = 0;
    while (k < l->n_src && l->src[k]->stmt != x->target)
        k++;
    if (k == l->n_src || l->n_src == 1)
        return k == l->n_src ? flow : FLOW_On;
    uint32_t i = 0;
    for (; i < step->n_body; i++) {
        source = source_of(l, step->body[i], source);
        if (source > k)
            break;
    }
    GpuStep rest = *step;
    rest.body += i;
    rest.n_body -= i;
    return i < step->n_body ? run_body(x, &rest, l) : FLOW_On;
}

static void set_counter(GpuRun *x, const PLoop *l, int64_t t)
{
    for (uint32_t i = 0; i < l->n_src; i++)
        x->prog->counter[l->src[i]->id].i = t;
}

static Flow run_iteration(GpuRun *x, const GpuStep *step, const PLoop *l, int64_t t)
{
    set_counter(x, l, t);
    for (uint32_t i = 0; i < l->n_restore; i++)
        if (!copy_expanded(x, l->restore_var[i], t, false))
            return FLOW_Stop;
    Flow flow = run_body(x, step, l);
    if (flow == FLOW_Stop)
        return flow;
    for (uint32_t i = 0; i < l->n_save; i++)
        if (!copy_expanded(x, l->save_var[i], t, true))
            return FLOW_Stop;
    return gpu_tick(x) ? FLOW_Stop : flow;
}

static Flow run_loop(GpuRun *x, const GpuStep *step)
{
    const PLoop *l = step->item->loop;
    int64_t first, end;
    uint32_t n_kept, room;
    if (!loop_bounds(x, l, &first, &end))
        return FLOW_Stop;
    if (first >= end)
        return FLOW_On;
    Kept *kept = keep(x, step->item, &n_kept, &room);
    Flow flow = x->stop || !expand_room(x, l, end) ? FLOW_Stop : FLOW_On;
    bool is_watched = flow == FLOW_On && gpu_replay_begins(x, step, end - first);
    for (int64_t t = first; t < end && flow == FLOW_On; t++)
        flow = is_watched && !gpu_replay_iterates(x, step, end - t) ? FLOW_Stop : run_iteration(x, step, l, t);
    if (is_watched && !gpu_replay_ends(x))
        flow = FLOW_Stop;
    give_back(x, kept, n_kept, room);
    set_counter(x, l, -1);
    return host_after_loop(x, flow, l->src[0]);
}

static Flow run_while(GpuRun *x, const GpuStep *step)
{
    const NLoop *loop = step->item->stmt->loop;
    for (;;) {
        bool holds;
        if (!test(x, step, loop->test, &holds) || gpu_tick(x))
            return FLOW_Stop;
        if (!holds)
            return FLOW_On;
        x->root_ran |= loop == x->plan->nest->root;
        Flow flow = run_steps(x, step->body, step->n_body);
        if (flow != FLOW_On && (flow != FLOW_Next || x->target != loop->stmt))
            return host_after_loop(x, flow, loop);
    }
}

static Flow run_step(GpuRun *x, const GpuStep *step)
{
    bool holds;
    Flow flow;
    switch ((GpuStepKind)step->kind) {
    case GS_Launch:
        return launch_kernel(x, step->kernel);
    case GS_Stmt:
        return host_stmt(x, step->item->stmt);
    case GS_Loop:
        return run_loop(x, step);
    case GS_While:
        return run_while(x, step);
    case GS_If:
        if (!test(x, step, step->item->stmt->expr, &holds))
            return FLOW_Stop;
        return holds ? run_steps(x, step->body, step->n_body) : run_steps(x, step->orelse, step->n_orelse);
    case GS_Block:
        flow = run_steps(x, step->body, step->n_body);
        return flow == FLOW_Leave && x->target == step->item->stmt ? FLOW_On : flow;
    }
    return FLOW_Stop;
}

static Flow run_steps(GpuRun *x, GpuStep *const *steps, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        Flow flow = run_step(x, steps[i]);
        if (flow != FLOW_On)
            return flow;
    }
    return FLOW_On;
}

/* ---- device memory of an execution --------------------------------------------------------------------------------------------------------- */

/* What kernels look at to see whether they are to stop. */
static bool take_stop_word(GpuRun *x)
{
    GpuBackend *b = x->backend;
    const GpuDriver *cu = x->device->cu;
    void *word = b->stop;
    if (!word && !gpu_goes_on(x, gpu_check(x->device, cu->MemAllocHost(&word, sizeof *b->stop), "cuMemAllocHost")))
        return false;
    b->stop = word;
    __atomic_store_n(b->stop, 0, __ATOMIC_RELAXED);
    atomic_store(&b->vm->stop_word, b->stop);
    if (atomic_load(&b->vm->attention) & VM_ATTN_INTERRUPT)
        __atomic_store_n(b->stop, 1, __ATOMIC_RELEASE);
    return true;
}

static bool take_workspace(GpuRun *x)
{
    GpuBackend *b = x->backend;
    GpuDevice *d = x->device;
    size_t size = (1 + (size_t)x->program->n_slots) * sizeof(Slot);
    Workspace *ws = b->workspaces;
    if (ws)
        b->workspaces = ws->next;
    else if (!(ws = mem_zalloc(&b->vm->mem, sizeof *ws)))
        return gpu_goes_on(x, GPU_NO_MEMORY);
    x->ws = ws;
    if (ws->block_size < size) {
        gpu_free(d, ws->block, ws->block_size);
        ws->block = 0;
        ws->block_size = 0;
        ws->is_clean = false;
        if (!gpu_goes_on(x, gpu_alloc(d, 2 * size, &ws->block)))
            return false;
        ws->block_size = 2 * size;
    }
    if (!ws->is_clean)
        ws->is_clean = gpu_goes_on(x, gpu_check(d, d->cu->MemsetD8Async(ws->block, 0, ws->block_size, d->stream), "cuMemsetD8Async"));
    return ws->is_clean;
}

/* Some fresh arrays are made by kernels, which have to be there: before the device is entered. */
static void prepare_fresh(GpuRun *x)
{
    for (uint32_t i = 0; i < x->plan->nest->n_arrays; i++) {
        const FreshBuffer *f = fresh_of(x->facts->array[i].array->buf);
        if (f && fill_needs_kernel(&f->fresh))
            fill_prepare(x->device, !x->backend->opt.no_disk_cache);
    }
}

static bool acquire_arrays(GpuRun *x)
{
    bool notes = x->backend->opt.timeline != NULL;
    uint32_t n = x->plan->nest->n_arrays;
    for (uint32_t i = 0; i < n; i++) {
        const Array *a = x->facts->array[i].array;
        ArrayOnDevice *to = &x->array[i];
        const GpuBuffer *g = NULL;
        for (uint32_t k = 0; k < i && !g; k++)
            if (x->facts->array[k].array->buf == a->buf && x->array[k].held)
                g = x->array[k].held;
        if (!g) {
            uint64_t start = notes ? timeline_now() : 0, up = x->device->counters.bytes_up;
            if (!gpu_goes_on(x, gpu_buffer_acquire(x->device, x->backend->vm, a->buf, false, &to->held)))
                return false;
            if (UNLIKELY(notes))
                note_copies(x, start, "array to the GPU", true, up);
            g = to->held;
            to->held->timeline = x->backend->opt.timeline;
        }
        to->data = to->old = g->at + (CUdeviceptr)(a->data - a->buf->data);
    }
    return true;
}

static bool is_written(const GpuRun *x, const Buffer *b)
{
    for (uint32_t i = 0; i < x->plan->nest->n_arrays; i++)
        if (x->plan->nest->arrays[i]->is_written && x->facts->array[i].array->buf == b)
            return true;
    return false;
}

static void release_arrays(GpuRun *x)
{
    for (uint32_t i = 0; i < x->plan->nest->n_arrays; i++) {
        GpuBuffer *g = x->array[i].held;
        if (g)
            gpu_buffer_release(g, x->has_launched && !x->is_restored && is_written(x, g->host));
        x->array[i].held = NULL;
    }
}

/* Small buffers of expanded variables are kept for the next time. */
static void free_expanded(GpuRun *x, size_t more_than)
{
    for (uint32_t i = 0; i < x->plan->nest->n_vars; i++) {
        size_t size = (size_t)x->expand[i].count * sizeof(Slot);
        if (size > more_than) {
            gpu_free(x->device, x->expand[i].at, size);
            x->expand[i] = (ExpandRoom){ 0 };
        }
    }
}

/* ---- one execution -------------------------------------------------------------------------------------------------------------------------- */

/* Does the outermost loop run an iteration?  A While outside the host's sight is counted as having run: whether it assigned a variable, variables of
 * their own tell. */
static bool find_root(GpuRun *x)
{
    const NLoop *root = x->plan->nest->root;
    int64_t trip;
    x->knows_root = true;
    if (root->is_while) {
        x->root_ran = !x->kernel->root_on_host;
        return true;
    }
    if (!host_trip(x, root, &trip))
        return false;
    x->root_ran = trip > 0;
    return true;
}

static bool writes_var(const GpuKernel *k, const NVar *v)
{
    for (; k; k = k->then)
        for (uint32_t i = 0; i < k->n_writes; i++)
            if (k->write[i] == v)
                return true;
    return false;
}

/* All steps.  The trip count of the outermost loop is evaluated when that can be done: at once, or when what it depends on has been assigned. */
static Flow run_top(GpuRun *x)
{
    const PlanKernel *k = x->kernel;
    if (!k->root_after && !find_root(x))
        return FLOW_Stop;
    for (uint32_t i = 0; i < x->program->n_steps; i++) {
        GpuStep *s = x->program->step[i];
        Flow flow = run_step(x, s);
        bool is_now = s->item ? s->item->stmt == k->root_after : s->kernel && writes_var(s->kernel, k->root_var);
        if (flow != FLOW_Stop && !x->knows_root && (is_now || flow != FLOW_On) && !find_root(x))
            return FLOW_Stop;
        if (flow != FLOW_On)
            return flow;
    }
    return x->knows_root || find_root(x) ? FLOW_On : FLOW_Stop;
}

/* Whoever wants to know how long the execution takes is told how much of that is copying. */
static bool acquire_and_time(GpuRun *x)
{
    Backend *b = &x->backend->base;
    uint64_t start = b->waits ? timeline_now() : 0, up = x->device->counters.bytes_up;
    if (!acquire_arrays(x))
        return false;
    if (b->waits && x->device->counters.bytes_up != up) {
        if (!gpu_goes_on(x, gpu_wait(x->device)))
            return false;
        b->last.copy_ns = timeline_now() - start;
    }
    return true;
}

static bool begin(GpuRun *x, Prog *prog)
{
    const Nest *nest = x->plan->nest;
    x->prog = prog;
    x->n_undo = 0;
    x->undo_is_due = x->is_restorable = x->is_restored = x->was_stopped = false;
    x->has_launched = x->knows_root = x->root_ran = x->is_broke = x->stop = x->has_failed = x->has_raised = x->no_memory = x->is_lost = false;
    x->failed = NO_CHECK;
    x->target = x->returned = NULL;
    x->ws = NULL;
    x->next_look_ns = 0;
    x->start_ns = x->backend->opt.timeline ? timeline_now() : 0;
    memset(x->side, VAR_Host, nest->n_vars);
    if (x->backend->vm->n_on_device)
        prepare_fresh(x);
    x->is_inside = gpu_enter(x->device);
    x->before = x->device->counters;
    if (!x->is_inside || (x->program->polls && !take_stop_word(x)) || !take_workspace(x) || !acquire_and_time(x))
        return false;
    x->undo_is_due = x->kernel->is_one_launch && !x->program->polls;
    return x->undo_is_due || gpu_undo_begin(x, false);
}

/* What the host wants to know: whether a check failed, and variables that outlive the nest. */
static bool wants_block(const GpuRun *x)
{
    const Nest *nest = x->plan->nest;
    if ((x->plan->can_fail || x->program->polls) && x->has_launched)
        return true;
    for (uint32_t i = 0; i < nest->n_vars; i++)
        if (x->side[i] == VAR_Device && nest->vars[i]->is_live_out)
            return true;
    return false;
}

/* It ended before its time.  What it wrote must be put back, unless an exception is on its way in any case: then what was reached stays, if it is sound. */
static void unwind(GpuRun *x)
{
    VM *vm = x->backend->vm;
    bool writes = false;
    if (x->has_raised) {
        x->stays = true;
        if (x->has_launched && x->is_inside && (x->plan->can_fail || x->program->polls) && !gpu_fetch(x) && !x->was_stopped) {
            x->stays = false;
            if (x->is_restorable && !x->is_lost)
                gpu_undo_restore(x);
        }
        return;
    }
    for (uint32_t i = 0; i < x->plan->nest->n_arrays; i++)
        writes |= x->plan->nest->arrays[i]->is_written;
    if (!x->has_launched || !writes) {
        x->no_memory |= x->is_lost;
        return;
    }
    if (x->is_restorable && gpu_undo_restore(x)) {
        x->no_memory |= x->is_lost;
        return;
    }
    x->has_raised = true;
    if (x->is_lost)
        raise(vm, TY_RuntimeError, "the GPU failed: %s", x->device->broken);
    else
        raise_nomem(vm);
}

static void end(GpuRun *x)
{
    GpuBackend *b = x->backend;
    const GpuCounters *now = &x->device->counters;
    atomic_store(&b->vm->stop_word, NULL);
    if (x->is_inside) {
        if (b->base.waits && gpu_wait(x->device) != GPU_OK)
            x->is_lost = true;
        b->base.last = (BackendRun){ now->n_launches - x->before.n_launches, now->bytes_up - x->before.bytes_up,
                                     now->bytes_down - x->before.bytes_down, b->base.last.copy_ns };
        gpu_undo_end(x, x->stays);
        free_expanded(x, KEPT_EXPANDED);
        release_arrays(x);
        gpu_leave(x->device);
    } else if (gpu_lock(x->device)) {
        release_arrays(x);
        gpu_unlock(x->device);
    }
    if (x->ws) {
        x->ws->is_clean &= !x->stop;
        x->ws->next = b->workspaces;
        b->workspaces = x->ws;
    }
}

static ExecOutcome run_program(void *user, Prog *prog)
{
    GpuRun *x = user;
    Flow flow = FLOW_Stop;
    if (begin(x, prog))
        flow = run_top(x);
    else if (!x->stop)
        x->no_memory = true;        /* the device is not to be had */
    x->stop |= flow == FLOW_Stop;
    if (!x->stop && wants_block(x))
        gpu_fetch(x);
    x->stays = !x->stop;
    if (x->stop)
        unwind(x);
    end(x);
    if (UNLIKELY(x->backend->opt.timeline))
        timeline_span(x->backend->opt.timeline, TRACK_Program, "nest on the GPU", x->start_ns, timeline_now(), "\"line\": %u", x->kernel->line);
    if (!x->stop)
        flow = host_after_loop(x, flow, x->plan->nest->root);
    return (ExecOutcome){
        .flow = flow, .broke = x->is_broke, .root_ran = x->root_ran, .raised = x->has_raised, .no_memory = x->no_memory,
        .failed = x->has_failed, .failed_check = x->failed, .returned = x->returned, .ret = &x->ret,
    };
}

/* ---- rooms ------------------------------------------------------------------------------------------------------------------------------------ */

/* An execution that nobody uses; NULL: no memory. */
static GpuRun *take_run(PlanKernel *k, const Plan *plan)
{
    for (GpuRun *x = k->runs; x; x = x->next)
        if (!x->in_use)
            return x;
    const Nest *nest = plan->nest;
    const size_t sizes[] = {
        sizeof(GpuRun), (1 + (size_t)k->program->n_slots) * sizeof(Slot), nest->n_arrays * sizeof(ArrayOnDevice), nest->n_vars * sizeof(ExpandRoom),
        nest->n_arrays * sizeof(DeviceUndo), nest->n_loops, nest->n_vars + 1,
    };
    size_t all = 0, at[COUNT_OF(sizes)];
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        at[i] = all;
        all += (sizes[i] + 15) & ~(size_t)15;
    }
    char *room = mem_zalloc(&k->vm->mem, all);
    if (!room)
        return NULL;
    GpuRun *x = (GpuRun *)(void *)room;
    x->down = (Slot *)(void *)(room + at[1]);
    x->array = (ArrayOnDevice *)(void *)(room + at[2]);
    x->expand = (ExpandRoom *)(void *)(room + at[3]);
    x->undo = (DeviceUndo *)(void *)(room + at[4]);
    x->axis = (uint8_t *)room + at[5];
    x->side = (uint8_t *)room + at[6];
    x->plan = plan;
    x->program = k->program;
    x->device = k->device;
    x->kernel = k;
    x->next = k->runs;
    k->runs = x;
    k->run_size = all;
    return x;
}

void gpu_runs_free(PlanKernel *k, bool device)
{
    for (GpuRun *x = k->runs, *next; x; x = next) {
        next = x->next;
        if (device)
            free_expanded(x, 0);
        gpu_replay_free(x, &k->vm->mem, device);
        mem_free(&k->vm->mem, x, k->run_size);
    }
    k->runs = NULL;
}

void gpu_workspaces_free(GpuBackend *b, bool device)
{
    for (Workspace *ws = b->workspaces, *next; ws; ws = next) {
        next = ws->next;
        if (device) {
            gpu_free(b->device, ws->block, ws->block_size);
            gpu_free(b->device, ws->scratch, ws->scratch_size);
            for (int i = 0; i < 2; i++)
                if (ws->mark[i])
                    b->device->cu->EventDestroy(ws->mark[i]);
        }
        mem_free(&b->vm->mem, ws, sizeof *ws);
    }
    b->workspaces = NULL;
}

ExecVerdict gpu_run(Backend *b, void *kernel, const Plan *plan, const Facts *facts, Frame *frame, Value iterable, const NCheck **failed)
{
    PlanKernel *k = kernel;
    GpuRun *x = take_run(k, plan);
    *failed = NULL;
    if (!x)
        return EXEC_NO_MEMORY;
    x->in_use = true;
    x->backend = (GpuBackend *)b;
    b->last = (BackendRun){ 0 };
    x->facts = facts;
    ExecVerdict verdict = exec_plan_by(plan, facts, frame, iterable, run_program, x, true, failed);
    x->in_use = false;
    return verdict;
}
