/* jit/gpu/launch.c — one kernel, launched: iterations, grid, parameters, scratch memory, and how much of it at a time.
 *
 * Iterations.  Bounds of the outermost loop of a grid are numbers when it is launched.  Those of the loops inside may depend on outer counters: then the extremes of
 * their forms over all outer iterations give a range that covers every one, and the kernel tests.
 *
 * Time.  A kernel cannot be stopped, so none is launched that takes much longer than PART_NS: its units (iterations of the outermost loop, chunks, blocks) go in
 * several launches.  How long a unit takes is measured at the kernel's first launch, of which only so many units are taken as it needs to fill a device, and again
 * if that was a small one.
 * Launches that are on their way are bounded likewise: at most two spans of MARK_NS of them, by events. */
#include "jit/gpu/gpu_int.h"

#define PART_NS       25e6
#define MARK_NS       25e6
#define LAUNCH_NS     3e3       /* of a launch that does nothing */

enum {
    PROBE_THREADS = 1 << 16,
    MEASURE_AGAIN = 16,         /* when so many times the units that were measured are to take long */
    MAX_SCRATCH   = 32,
    MAX_GRID_X    = INT32_MAX,
    MAX_GRID_YZ   = 65535,
    WARP          = 32,
    SCRATCH_ALIGN = 256,
    CU_EVENT_DISABLE_TIMING = 2,
};

typedef __int128 Wide;

/* The iterations of one launch, and where it may write intermediate results. */
typedef struct Shape {
    int64_t  first[3], end[3];  /* of the loops of the grid */
    int64_t  n_units;
    double   unit_threads;
    CUdeviceptr scratch[MAX_SCRATCH];
    uint64_t begin, stop;       /* GP_Begin, GP_End */
    bool     is_last;           /* GP_Last */
} Shape;

static int64_t divide_up(int64_t a, int64_t b)
{
    return a / b + (a % b > 0);
}

/* ---- bounds --------------------------------------------------------------------------------------------------------------------- */

bool loop_bounds(GpuRun *x, const PLoop *l, int64_t *first, int64_t *end)
{
    *first = 0;
    if (l->n_upper == 0)
        return host_trip(x, l->src[0], end);
    plan_bounds(l, x->prog->counter, x->facts->sym, first, end);
    return true;
}

/* A form as a function of the counters of the grid's outer loops: c0 + c[0] * counter 0 + c[1] * counter 1. */
typedef struct Linear { Wide c0, c[2]; } Linear;

/* l += sign * f; false: it is not known, or too large. */
static bool linear_add(const GpuRun *x, Linear *l, const NForm *f, int sign)
{
    for (uint32_t i = 0; f && i < f->n; i++) {
        const NTerm *t = &f->term[i];
        if (t->sym && !x->facts->sym_known[t->sym->id])
            return false;
        Wide v = (Wide)t->coef * (t->sym ? x->facts->sym[t->sym->id] : 1), *to = &l->c0;
        int axis = t->loop ? x->axis[t->loop->id] : 0;
        if (axis)
            to = &l->c[axis - 1];
        else if (t->loop && __builtin_mul_overflow(v, x->prog->counter[t->loop->id].i, &v))
            return false;
        if (sign < 0 ? __builtin_sub_overflow(*to, v, to) : __builtin_add_overflow(*to, v, to))
            return false;
    }
    return f != NULL;
}

/* Its least value or its greatest. */
static bool linear_extreme(const GpuRun *x, const Linear *l, bool greatest, Wide *out)
{
    *out = l->c0;
    for (int a = 0; a < 2; a++) {
        Wide part;
        if (l->c[a] && (__builtin_mul_overflow(l->c[a], (l->c[a] > 0) == greatest ? x->high[a] : x->low[a], &part) ||
                        __builtin_add_overflow(*out, part, out)))
            return false;
    }
    return true;
}

/* The greatest (or least) value of ceil(sign * form / scale), with `minus` taken off the form if it is not NULL. */
static bool bound_extreme(const GpuRun *x, const NForm *f, const NForm *minus, int sign, int64_t scale, bool greatest, int64_t *out)
{
    Linear l = { 0 };
    Wide v;
    if (!linear_add(x, &l, f, sign) || (minus && !linear_add(x, &l, minus, -sign)) || !linear_extreme(x, &l, greatest, &v))
        return false;
    v = v / scale + (v % scale > 0);
    *out = v > INT64_MAX ? INT64_MAX : v < INT64_MIN ? INT64_MIN : (int64_t)v;
    return true;
}

static bool is_ranged(const GpuRun *x, const NForm *f)
{
    for (uint32_t i = 0; f && i < f->n; i++)
        if (f->term[i].loop && x->axis[f->term[i].loop->id])
            return true;
    return false;
}

/* The most iterations that a loop of the nest has, for all counters of the grid around it. */
static bool longest_trip(GpuRun *x, const NLoop *l, int64_t *end)
{
    const NForm *const *stops = l->n_stop_forms ? (const NForm *const *)l->stop_forms : (const NForm *const *)&l->stop_form;
    uint32_t n = l->n_stop_forms ? l->n_stop_forms : 1;
    bool ranged = is_ranged(x, l->start_form);
    for (uint32_t i = 0; i < n; i++)
        ranged |= is_ranged(x, stops[i]);
    if (!ranged)
        return host_trip(x, l, end);
    int64_t step = l->step_const, trip;
    *end = INT64_MAX;
    for (uint32_t i = 0; i < n; i++) {
        if (step == 0 || step == INT64_MIN || !bound_extreme(x, stops[i], l->start_form, step > 0 ? 1 : -1, step > 0 ? step : -step, true, &trip)) {
            gpu_fails(x, NO_CHECK);
            return false;
        }
        *end = trip < *end ? trip : *end;
    }
    return true;
}

/* A range that covers the loop's iterations for all counters of the grid around it. */
static bool covering_bounds(GpuRun *x, const PLoop *l, int64_t *first, int64_t *end)
{
    bool known = true;
    int64_t v;
    *first = 0;
    if (l->n_upper == 0)
        return longest_trip(x, l->src[0], end);
    *end = INT64_MAX;
    for (uint32_t i = 0; i < l->n_upper && known; i++)
        if ((known = bound_extreme(x, l->upper[i].form, NULL, 1, l->upper[i].scale, true, &v)))
            *end = v < *end ? v : *end;
    for (uint32_t i = 0; i < l->n_lower && known; i++)
        if ((known = bound_extreme(x, l->lower[i].form, NULL, 1, l->lower[i].scale, false, &v)))
            *first = v > *first ? v : *first;
    if (!known)
        gpu_fails(x, NO_CHECK);
    return known;
}

static void set_axis(GpuRun *x, const PLoop *l, uint8_t axis)
{
    for (uint32_t i = 0; i < l->n_src; i++)
        x->axis[l->src[i]->id] = axis;
}

/* The iterations of the grid's loops; *some: there are any. */
static bool find_iterations(GpuRun *x, const GpuKernel *k, Shape *s, bool *some)
{
    bool known = true;
    *some = true;
    for (int a = 0; a < k->n_dims && known && *some; a++) {
        const PLoop *l = k->item[a]->loop;
        known = a == 0 ? loop_bounds(x, l, &s->first[a], &s->end[a]) : covering_bounds(x, l, &s->first[a], &s->end[a]);
        *some = known && s->first[a] < s->end[a];
        if (*some && a < 2 && a + 1 < k->n_dims) {
            x->low[a] = s->first[a];
            x->high[a] = s->end[a] - 1;
            set_axis(x, l, (uint8_t)(a + 1));
        }
    }
    for (int a = 0; a + 1 < k->n_dims; a++)
        set_axis(x, k->item[a]->loop, 0);
    return known;
}

/* ---- memory ------------------------------------------------------------------------------------------------------------------------- */

bool expand_room(GpuRun *x, const PLoop *l, int64_t end)
{
    for (uint32_t i = 0; i < l->n_save; i++) {
        ExpandRoom *r = &x->expand[l->save_var[i]->id];
        size_t bytes;
        if (r->count >= end)
            continue;
        if (!gpu_replay_yields(x))
            return false;
        gpu_free(x->device, r->at, (size_t)r->count * sizeof(Slot));
        *r = (ExpandRoom){ 0 };
        if (__builtin_mul_overflow((size_t)end, sizeof(Slot), &bytes))
            return gpu_goes_on(x, GPU_NO_MEMORY);
        if (!gpu_goes_on(x, gpu_alloc(x->device, bytes, &r->at)))
            return false;
        r->count = end;
    }
    return true;
}

/* Units and the results of folding them, level by level. */
static int64_t units_of_all_levels(const GpuKernel *k, int64_t n)
{
    int64_t total = n;
    for (const GpuKernel *t = k->then; t; t = t->then) {
        int64_t unit = t->unit > 1 ? t->unit : n, sum = n;
        for (int64_t left = n; t->kind == GK_Fold && left > 1;) {
            left = divide_up(left, unit);
            if (__builtin_add_overflow(sum, left, &sum))
                return INT64_MAX;
        }
        total = sum + 1 > total ? sum + 1 : total;
    }
    return total;
}

static bool find_scratch(GpuRun *x, const GpuKernel *k, Shape *s)
{
    Workspace *ws = x->ws;
    size_t offset[MAX_SCRATCH], size[MAX_SCRATCH], all = 0;
    uint64_t units = (uint64_t)units_of_all_levels(k, s->n_units);
    if (k->n_scratch == 0)
        return true;
    for (uint32_t i = 0; i < k->n_scratch; i++) {
        size_t rounded;
        if (__builtin_mul_overflow(k->scratch[i].per_unit, units, &size[i]) || __builtin_add_overflow(size[i], k->scratch[i].fixed, &size[i]) ||
            __builtin_add_overflow(size[i], SCRATCH_ALIGN - 1, &rounded))
            return gpu_goes_on(x, GPU_NO_MEMORY);
        offset[i] = all;
        if (__builtin_add_overflow(all, rounded / SCRATCH_ALIGN * SCRATCH_ALIGN, &all))
            return gpu_goes_on(x, GPU_NO_MEMORY);
    }
    bool zeroes = false;
    for (uint32_t i = 0; i < k->n_scratch; i++)
        zeroes |= k->scratch[i].zeroed && size[i];
    if ((zeroes || all > ws->scratch_size) && !gpu_replay_yields(x))
        return false;
    if (all > ws->scratch_size) {
        gpu_free(x->device, ws->scratch, ws->scratch_size);
        ws->scratch = 0;
        ws->scratch_size = 0;
        GpuStatus status = gpu_alloc(x->device, all, &ws->scratch);
        if (!gpu_goes_on(x, status))
            return false;
        ws->scratch_size = all;
    }
    for (uint32_t i = 0; i < k->n_scratch; i++) {
        s->scratch[i] = ws->scratch + offset[i];
        if (k->scratch[i].zeroed && size[i] &&
            !gpu_goes_on(x, gpu_check(x->device, x->device->cu->MemsetD8Async(s->scratch[i], 0, size[i], x->device->stream), "cuMemsetD8Async")))
            return false;
    }
    return true;
}

/* ---- parameters -------------------------------------------------------------------------------------------------------------------------- */

static uint64_t parameter(const GpuRun *x, const GpuParam *p, const Shape *s)
{
    switch ((GpuParamKind)p->kind) {
    case GP_Data:    return x->array[p->id].data;
    case GP_Old:     return x->array[p->id].old;
    case GP_Extent:  return (uint64_t)x->facts->array[p->id].array->shape[p->axis];
    case GP_Stride:  return (uint64_t)x->facts->array[p->id].array->strides[p->axis];
    case GP_Var:     return x->prog->var[p->id].u;
    case GP_VarHigh: {
        uint64_t word[2];
        memcpy(word, &x->prog->var[p->id], sizeof word);
        return word[1];
    }
    case GP_VarAt:   return x->side[p->id] == VAR_Device ? gpu_slot_at(x, p->id) : 0;
    case GP_Sym:     return (uint64_t)x->facts->sym[p->id];
    case GP_Counter: return x->prog->counter[p->id].u;
    case GP_Trip:    return (uint64_t)s->end[p->axis];
    case GP_First:   return (uint64_t)s->first[p->axis];
    case GP_Begin:   return s->begin;
    case GP_End:     return s->stop;
    case GP_Last:    return s->is_last;
    case GP_Stop:    return (uint64_t)(uintptr_t)x->backend->stop;
    case GP_Status:  return x->ws->block;
    case GP_Vars:    return gpu_slot_at(x, 0);
    case GP_Scratch: return s->scratch[p->id];
    case GP_Expand:  return x->expand[p->id].at;
    }
    return 0;
}

/* ---- launching --------------------------------------------------------------------------------------------------------------------------- */

/* The driver refuses this kernel, and works: nothing is launched of it again. */
static bool refuse(GpuRun *x, const GpuKernel *k, CUresult r)
{
    const char *name = NULL;
    x->device->cu->GetErrorName(r, &name);
    x->kernel->is_refused = true;
    reason_set(&x->kernel->why, RS_NoBackEnd, (Span){ 0, 0 }, "the CUDA driver refuses to launch %s: %s", k->name, name ? name : "unknown error");
    return gpu_goes_on(x, GPU_NO_MEMORY);
}

static bool call(GpuRun *x, const GpuKernel *k, const Shape *s, uint64_t grid_x, uint64_t grid_y, uint64_t grid_z)
{
    GpuDevice *d = x->device;
    GpuLaunch *l = k->launch;
    void *params[1] = { l->word };
    for (uint32_t i = 0; i < k->n_params; i++)
        l->word[i] = parameter(x, &k->param[i], s);
    GpuTrace *trace = x->backend->trace;
    if (UNLIKELY(trace))
        gpu_trace_begin(trace);
    bool taken = false;
    if (x->replay && !gpu_replay_takes(x, k, (uint64_t[]){ grid_x, grid_y, grid_z }, &taken))
        return false;
    CUresult r = taken ? CUDA_SUCCESS : d->cu->LaunchKernel(l->function, (unsigned)grid_x, (unsigned)grid_y, (unsigned)grid_z, k->block[0], k->block[1] ? k->block[1] : 1,
                                     k->block[2] ? k->block[2] : 1, k->shared_bytes, d->stream, params, NULL);
    if (LIKELY(r == CUDA_SUCCESS)) {
        d->counters.n_launches++;
        x->has_launched = true;
        if (UNLIKELY(trace))
            gpu_trace_end(trace, k->name, x->kernel->line, grid_x * grid_y * grid_z * k->block[0]);
        return true;
    }
    if (r == CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES || r == CUDA_ERROR_INVALID_VALUE)
        return refuse(x, k, r);
    return gpu_goes_on(x, gpu_check(d, r, "cuLaunchKernel"));
}

/* How many units one launch may have, for the limits of a grid. */
static int64_t most_units(const GpuKernel *k)
{
    if (k->kind == GK_Map && k->tile[0])
        return (int64_t)(k->n_dims > 1 ? MAX_GRID_YZ : MAX_GRID_X) * k->tile[0];
    if (k->kind == GK_Map)
        return k->n_dims > 1 ? (int64_t)MAX_GRID_YZ * (k->block[k->n_dims - 1] ? k->block[k->n_dims - 1] : 1)
                             : (int64_t)MAX_GRID_X * k->block[0] * (k->per_thread ? k->per_thread : 1);
    return (int64_t)MAX_GRID_X * k->block[0] / WARP;
}

/* Units from … to of the kernel. */
static bool call_part(GpuRun *x, const GpuKernel *k, Shape *s, int64_t from, int64_t to)
{
    uint64_t grid[3] = { 1, 1, 1 };
    bool counts = k->kind == GK_Map || k->kind == GK_WarpMap;
    s->begin = (uint64_t)(counts ? s->first[0] + from : from);
    s->stop = (uint64_t)(counts ? s->first[0] + to : to);
    if (k->kind == GK_Map) {
        for (int a = 0; a < k->n_dims; a++) {
            int at = k->n_dims - 1 - a;
            uint64_t n = (uint64_t)(a == 0 ? to - from : s->end[a] - s->first[a]);
            uint64_t each = (uint64_t)(k->block[at] ? k->block[at] : 1) * (at == 0 && k->per_thread ? k->per_thread : 1);
            if (k->tile[0])
                each = k->tile[a];
            grid[at] = n / each + (n % each != 0);
        }
        if (grid[1] > MAX_GRID_YZ)      /* its threads go on */
            grid[1] = MAX_GRID_YZ;
        if (grid[0] > MAX_GRID_X) {
            gpu_fails(x, NO_CHECK);
            return false;
        }
    } else if (k->kind != GK_Single) {
        uint64_t threads = (uint64_t)(to - from) * (k->kind == GK_Blocks ? 1 : WARP);
        grid[0] = threads / k->block[0] + (threads % k->block[0] != 0);
    }
    _Atomic uint64_t *done = x->backend->base.done;
    if (UNLIKELY(done != NULL) && k->n_dims)    /* asked for, not done; which is the same but for some tenths of a second */
        atomic_fetch_add_explicit(done, (uint64_t)((double)(s->end[0] - s->first[0]) * (double)(to - from) / (double)s->n_units), memory_order_relaxed);
    return call(x, k, s, grid[0], grid[1], grid[2]);
}

/* So much more is on its way to be done. */
static bool note_time(GpuRun *x, double ns)
{
    GpuDevice *d = x->device;
    Workspace *ws = x->ws;
    ws->in_flight_ns += ns > LAUNCH_NS ? ns : LAUNCH_NS;
    if (ws->in_flight_ns > MARK_NS) {
        ws->in_flight_ns = 0;
        CUevent *mark = &ws->mark[ws->n_marks % 2], before = ws->mark[(ws->n_marks + 1) % 2];
        if (!*mark && !gpu_goes_on(x, gpu_check(d, d->cu->EventCreate(mark, CU_EVENT_DISABLE_TIMING), "cuEventCreate")))
            return false;
        if (!gpu_goes_on(x, gpu_check(d, d->cu->EventRecord(*mark, d->stream), "cuEventRecord")))
            return false;
        if (ws->n_marks++ && !gpu_waits(x, before))
            return false;
    }
    return !gpu_tick(x);
}

/* The first units of a kernel, to see how long they take. */
static bool probe(GpuRun *x, const GpuKernel *k, Shape *s, int64_t n)
{
    if (!gpu_waits(x, NULL))
        return false;
    uint64_t start = timeline_now();
    if (!call_part(x, k, s, 0, n) || !gpu_waits(x, NULL))
        return false;
    double ns = (double)(timeline_now() - start) - 3 * LAUNCH_NS;
    ns = (ns > 1 ? ns : 1) / (double)n;
    if (k->launch->n_measured == 0 || ns < k->launch->ns_per_unit)      /* the first launch of all may have taken longer */
        k->launch->ns_per_unit = ns;
    k->launch->n_measured = n;
    return !gpu_tick(x);
}

/* How many of n units one launch takes. */
static int64_t part_of(const GpuKernel *k, int64_t n)
{
    double each = k->launch->ns_per_unit;
    int64_t grid_most = most_units(k), part = each * (double)n <= PART_NS ? n : each >= PART_NS ? 1 : (int64_t)(PART_NS / each);
    if (k->tile[0] && part < n)
        part = part < k->tile[0] ? k->tile[0] : part / k->tile[0] * k->tile[0];
    return part < grid_most ? part : grid_most;
}

static bool call_all(GpuRun *x, const GpuKernel *k, Shape *s)
{
    int64_t n = s->n_units, done = 0;
    const GpuLaunch *l = k->launch;
    bool probes = l->ns_per_unit == 0 || (l->n_measured && n / MEASURE_AGAIN > l->n_measured && l->ns_per_unit * (double)n > PART_NS);
    if (probes) {
        double some = PROBE_THREADS / s->unit_threads;
        done = some < 1 ? 1 : some < (double)n ? (int64_t)some : n;
        if (k->tile[0] && done < n)
            done = divide_up(done, k->tile[0]) > n / k->tile[0] ? n : divide_up(done, k->tile[0]) * k->tile[0];
    }
    if (UNLIKELY(x->undo_is_due) && !gpu_undo_begin(x, probes ? done == n : part_of(k, n) == n))
        return false;
    if (probes && !probe(x, k, s, done))
        return false;
    double each = k->launch->ns_per_unit;
    int64_t part = part_of(k, n);
    while (done < n) {
        int64_t to = n - done < part ? n : done + part;
        if (!call_part(x, k, s, done, to) || !note_time(x, each * (double)(to - done)))
            return false;
        done = to;
    }
    return true;
}

/* What comes behind the last part. */
static bool call_then(GpuRun *x, const GpuKernel *k, Shape *s)
{
    for (const GpuKernel *t = k->then; t; t = t->then) {
        int64_t begin = 0, end = s->n_units;
        s->is_last = false;
        while (!s->is_last) {
            int64_t n = end - begin, results = t->kind != GK_Fold || t->unit <= 1 ? 1 : divide_up(n, t->unit);
            s->begin = (uint64_t)begin;
            s->stop = (uint64_t)end;
            s->is_last = results == 1;
            uint64_t threads = (uint64_t)results * WARP, grid = t->kind == GK_Fold ? threads / t->block[0] + (threads % t->block[0] != 0) : 1;
            if (!call(x, t, s, grid, 1, 1))
                return false;
            begin = end;
            end += results;
        }
    }
    return true;
}

static void note_writes(GpuRun *x, const GpuKernel *k)
{
    for (; k; k = k->then)
        for (uint32_t i = 0; i < k->n_writes; i++)
            x->side[k->write[i]->id] = VAR_Device;
}

/* How control left the text of a kernel of one thread. */
static Flow leave(GpuRun *x, const GpuKernel *k)
{
    GpuDevice *d = x->device;
    GpuStatusBlock status;
    if (!gpu_fetch(x))
        return FLOW_Stop;
    memcpy(&status, x->down, sizeof status);
    if (status.ended == 0)
        return FLOW_On;
    x->ws->is_clean = gpu_goes_on(x, gpu_check(d, d->cu->MemsetD8Async(x->ws->block, 0, sizeof status, d->stream), "cuMemsetD8Async"));
    if (!x->ws->is_clean || (uint32_t)status.ended > k->n_exits)
        return gpu_fails(x, NO_CHECK), FLOW_Stop;
    const struct GpuExit *e = &k->exit[status.ended - 1];
    if (e->flow == FLOW_Return) {
        x->returned = e->stmt;
        x->ret = x->down[1 + e->slot];
    } else {
        x->target = e->stmt;
    }
    return (Flow)e->flow;
}

/* A kernel in tiles, or its plain form.  False: the execution ends. */
static bool choose_form(GpuRun *x, GpuKernel **k, const Shape *s)
{
    enum { FEW_BLOCKS = 8, FEW_ROWS = 2 };      /* one for so many multiprocessors */
    const GpuKernel *tiles = *k;
    int64_t blocks = 1, first, end;
    for (int a = 0; a < tiles->n_dims; a++)
        blocks = __builtin_mul_overflow(blocks, divide_up(s->end[a] - s->first[a], tiles->tile[a]), &blocks) ? INT64_MAX : blocks;
    bool is_plain = tiles->uses_barriers ? tiles->n_dims == 1 && blocks < x->device->n_sm / FEW_BLOCKS : blocks < x->device->n_sm / FEW_ROWS;
    for (int a = 0; a < tiles->n_dims; a++)
        is_plain |= s->end[a] - s->first[a] < tiles->tile[a] || (a && a + 1 < tiles->n_dims && (s->end[a] - s->first[a]) / tiles->tile[a] >= MAX_GRID_YZ);
    for (uint32_t i = 0; i < tiles->n_limits && !is_plain; i++) {
        if (!loop_bounds(x, tiles->limit[i].loop, &first, &end))
            return false;
        is_plain = end - first > tiles->limit[i].most;
    }
    if (is_plain)
        *k = tiles->plain;
    return true;
}

Flow launch_kernel(GpuRun *x, GpuKernel *k)
{
    Shape s;
    bool some = true, goes_on;
    memset(s.first, 0, sizeof s.first);
    memset(s.end, 0, sizeof s.end);
    s.is_last = false;
    s.n_units = 1;
    s.unit_threads = 1;
    if (!find_iterations(x, k, &s, &some))
        return FLOW_Stop;
    if (!some)
        return FLOW_On;
    if (k->plain && !choose_form(x, &k, &s))
        return FLOW_Stop;
    bool in_chunks = k->kind == GK_Tree || k->kind == GK_Blocks;
    if (k->n_dims) {
        int64_t n = s.end[0] - s.first[0];
        s.n_units = in_chunks ? divide_up(n, k->unit > 1 ? k->unit : 1) : n;
        s.unit_threads = k->kind == GK_Map || k->kind == GK_Blocks ? 1 : WARP;
        for (int a = 1; a < k->n_dims; a++)
            s.unit_threads *= (double)(s.end[a] - s.first[a]);
        for (int a = 0; a < k->n_dims && k->tile[a]; a++)
            s.unit_threads /= k->tile[a];
        s.unit_threads *= k->tile[0] ? k->block[0] : 1;
    }
    for (int a = 0; a < k->n_dims; a++)
        if (!expand_room(x, k->item[a]->loop, s.end[a]))
            return FLOW_Stop;
    if (!find_scratch(x, k, &s))
        return FLOW_Stop;
    goes_on = call_all(x, k, &s);
    if (goes_on && k->then && !(k->kind == GK_Tree && s.end[0] - s.first[0] <= TREE_PROGRAM))
        goes_on = call_then(x, k, &s);
    if (!goes_on)
        return FLOW_Stop;
    note_writes(x, k);
    return k->n_exits ? leave(x, k) : FLOW_On;
}

/* ---- preparation ----------------------------------------------------------------------------------------------------------------------- */

bool launch_prepare(PlanKernel *p, GpuKernel *k, const char **why)
{
    enum { USUAL_SHARED = 48 << 10, CU_MAX_DYNAMIC_SHARED = 8 };
    GpuDevice *d = p->device;
    for (; k; k = k->then) {
        if (k->launch)
            continue;
        int most = 0;
        GpuLaunch *l = arena_alloc(&p->program->arena, sizeof *l + (k->n_params + 1) * sizeof l->word[0]);
        *why = "no memory";
        if (!l)
            return false;
        *why = "its kernel has too many parameters";
        if (k->n_params > GPU_MAX_PARAMS || k->n_scratch > MAX_SCRATCH)
            return false;
        *why = "the CUDA driver does not find its kernel";
        if (d->cu->ModuleGetFunction(&l->function, p->image->module, k->name) != CUDA_SUCCESS)
            return false;
        *why = "its kernel needs more of the GPU than there is";
        if (d->cu->FuncGetAttribute(&most, CU_FUNC_MAX_THREADS, l->function) != CUDA_SUCCESS ||
            k->block[0] * (k->block[1] ? k->block[1] : 1) * (k->block[2] ? k->block[2] : 1) > most)
            return false;
        if (k->shared_bytes > USUAL_SHARED &&
            d->cu->FuncSetAttribute(l->function, CU_MAX_DYNAMIC_SHARED, (int)k->shared_bytes) != CUDA_SUCCESS)
            return false;
        k->launch = l;
    }
    return true;
}
