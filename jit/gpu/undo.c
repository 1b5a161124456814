/* jit/gpu/undo.c — putting arrays back when a check has failed.
 *
 * A check that fails is seen when the device is done; by then other threads have written.  What written arrays held before is had in
 * the cheapest of three ways:
 *
 *   on the host    the host's bytes are current too, when the nest begins: nothing is done.  If a check fails, the device's are old.
 *   out of place   every element will be written, and none is read, or each only by the statement that writes it, before it does:
 *                  the kernel writes to other memory, which takes the place of the array's when the nest has ended well.  Only if
 *                  one launch does it all: an interrupt must leave what was reached, and here that is all or nothing.
 *   copied         on the device, to be copied back.
 *
 * Which arrays are written completely is found out in two parts: once for the plan, a store that stands under For loops alone, with
 * nothing that could leave an iteration before it; and for each execution whether its subscripts go over the whole array. */
#include "interp/seq.h"
#include "jit/gpu/gpu_int.h"

/* ---- stores that write a whole array --------------------------------------------------------------------------------------------------- */

/* May an iteration of the loop end before all its statements have been run? */
static bool may_be_cut(const Nest *n, const NLoop *l)
{
    if (l->is_while || l->has_exit)
        return true;
    for (uint32_t i = 0; i < n->n_stmts; i++)
        if (n->stmts[i]->kind == NS_Next && n->stmts[i]->target == l->stmt)
            return true;
    return false;
}

static bool is_certain(const Nest *n, const NStmt *s)
{
    for (const NStmt *up = s->parent; up; up = up->parent)
        if (up->kind != NS_Loop || may_be_cut(n, up->loop))
            return false;
    return !n->has_return;
}

const NStmt *gpu_undo_whole_store(const Nest *n, const NArray *a)
{
    for (uint32_t i = 0; i < n->n_stmts; i++) {
        const NStmt *s = n->stmts[i];
        if (s->kind != NS_Store || s->access->array != a || !is_certain(n, s))
            continue;
        uint32_t d = 0;
        while (d < s->access->n_subs && s->access->form[d])
            d++;
        if (d == s->access->n_subs)
            return s;
    }
    return NULL;
}

static bool same_form(const NForm *a, const NForm *b)
{
    if (!a || !b || a->n != b->n)
        return false;
    for (uint32_t i = 0; i < a->n; i++)
        if (a->term[i].loop != b->term[i].loop || a->term[i].sym != b->term[i].sym || a->term[i].coef != b->term[i].coef)
            return false;
    return true;
}

bool gpu_reads_old(const Plan *plan, const GpuLayout *layout, const NArray *a)
{
    const Nest *n = plan->nest;
    const NStmt *s = plan->can_fail && !layout->polls && a->is_read && a->is_written ? gpu_undo_whole_store(n, a) : NULL;
    for (uint32_t i = 0; s && i < n->n_accesses; i++) {
        const NAccess *x = n->accesses[i];
        if (layout->group[x->array->id] != layout->group[a->id] || x == s->access)
            continue;
        if (x->is_write || x->array != a || x->stmt != s)
            return false;
        for (uint32_t d = 0; d < x->n_subs; d++)
            if (!same_form(x->form[d], s->access->form[d]))
                return false;
    }
    return s != NULL;
}

/* How often the loop runs, whatever the counters around it; -1: that is not so, or not known. */
static int64_t fixed_trip(const Facts *f, const NLoop *l)
{
    int64_t start, stop, step = l->step_const;
    if (!l->start_form || !l->stop_form || !facts_form_const(f, l->start_form, &start) || !facts_form_const(f, l->stop_form, &stop) ||
        (!step && (!l->step_form || !facts_form_const(f, l->step_form, &step) || !step)))
        return -1;
    return range_count(start, stop, step);
}

/* The form in numbers: c0, and the coefficient of the only loop that it depends on (NULL: none).  False: it is not so simple. */
static bool one_loop_form(const Facts *f, const NForm *form, int64_t *c0, int64_t *coef, const NLoop **loop)
{
    enum { FEW = 64 };
    int64_t each[FEW] = { 0 };
    *coef = 0;
    *loop = NULL;
    if (f->nest->n_loops > FEW || !facts_form_numeric(f, form, c0, each))
        return false;
    for (uint32_t i = 0; i < f->nest->n_loops; i++)
        if (each[i]) {
            if (*loop)
                return false;
            *loop = f->nest->loops[i];
            *coef = each[i];
        }
    return true;
}

/* Do the subscripts of the store go over all elements?  once: over each no more than once. */
static bool goes_over_all(const Facts *f, const NStmt *s, bool once)
{
    const Array *array = f->array[s->access->array->id].array;
    const NLoop *by[ALP_MAX_NDIM];
    int64_t trips = 1;
    for (const NLoop *l = s->loop_in; l; l = l->up) {
        int64_t trip = fixed_trip(f, l);
        if (trip < 1 || __builtin_mul_overflow(trips, trip, &trips))
            return false;
    }
    if (once && trips != array->size)
        return false;
    for (uint32_t d = 0; d < s->access->n_subs; d++) {
        int64_t c0, coef, n = array->shape[d];
        if (!one_loop_form(f, s->access->form[d], &c0, &coef, &by[d]))
            return false;
        for (uint32_t k = 0; k < d; k++)
            if (by[d] && by[k] == by[d])
                return false;
        int64_t trip = by[d] ? fixed_trip(f, by[d]) : 1;
        if (trip != n || (trip > 1 && coef != 1 && coef != -1))
            return false;
        if (trip > 1 ? c0 != (coef > 0 ? 0 : n - 1) && c0 != (coef > 0 ? -n : -1) : c0 != 0 && c0 != -1)
            return false;
    }
    return true;
}

/* The bytes [*lo, *hi) of the buffer that the nest certainly writes, as one array has them; false: there are none. */
static bool written_bytes(const GpuRun *x, const Buffer *b, const char **lo, const char **hi)
{
    const Nest *nest = x->plan->nest;
    *lo = *hi = b->data;
    for (uint32_t i = 0; i < nest->n_arrays; i++) {
        const ArrayFact *f = &x->facts->array[i];
        if (f->array->buf != b)
            continue;
        const NStmt *s = x->kernel->whole_store[i];
        bool is_read = nest->arrays[i]->is_read, is_whole = s && goes_over_all(x->facts, s, is_read);
        if (is_read && !(x->kernel->reads_old[i] && is_whole))
            return false;
        if (is_whole && f->hi - f->lo > *hi - *lo && f->hi - f->lo == f->array->size * (int64_t)dtype_info[f->array->dtype].size) {
            *lo = f->lo;
            *hi = f->hi;
        }
    }
    return *hi > *lo;
}

/* ---- before the first launch -------------------------------------------------------------------------------------------------------------- */

static bool copy_bytes(GpuRun *x, CUdeviceptr to, CUdeviceptr from, size_t size)
{
    return size == 0 || gpu_goes_on(x, gpu_check(x->device, x->device->cu->MemcpyDtoDAsync(to, from, size, x->device->stream), "cuMemcpyDtoDAsync"));
}

/* All arrays of the buffer are at `at` for the kernels. */
static void move_arrays(GpuRun *x, const GpuBuffer *g, CUdeviceptr at)
{
    for (uint32_t i = 0; i < x->plan->nest->n_arrays; i++) {
        const Array *a = x->facts->array[i].array;
        if (a->buf == g->host)
            x->array[i].data = at + (CUdeviceptr)(a->data - a->buf->data);
    }
}

/* *done: it can be written out of place. */
static bool go_elsewhere(GpuRun *x, GpuBuffer *g, bool *done)
{
    const char *lo, *hi, *begin = g->host->data;
    *done = written_bytes(x, g->host, &lo, &hi) && (size_t)(hi - lo) >= g->size / 4 * 3;
    if (!*done)
        return true;
    DeviceUndo *u = &x->undo[x->n_undo];
    *u = (DeviceUndo){ .kind = UNDO_Elsewhere, .buffer = g, .lo = g->at, .size = g->size };
    if (!gpu_goes_on(x, gpu_alloc(x->device, g->size, &u->copy)))
        return false;
    x->n_undo++;
    move_arrays(x, g, u->copy);
    size_t head = (size_t)(lo - begin), tail = (size_t)(hi - begin);
    return copy_bytes(x, u->copy, u->lo, head) && copy_bytes(x, u->copy + tail, u->lo + tail, g->size - tail);
}

/* Are these bytes kept already? */
static bool is_kept(const GpuRun *x, const GpuBuffer *g, CUdeviceptr lo, size_t size)
{
    for (uint32_t i = 0; i < x->n_undo; i++) {
        const DeviceUndo *u = &x->undo[i];
        if (u->buffer == g && (u->kind != UNDO_Copy || (u->lo <= lo && u->lo + u->size >= lo + size)))
            return true;
    }
    return false;
}

static GpuBuffer *buffer_of(const GpuRun *x, uint32_t array)
{
    for (uint32_t i = 0; i <= array; i++)
        if (x->array[i].held && x->array[i].held->host == x->facts->array[array].array->buf)
            return x->array[i].held;
    return NULL;
}

bool gpu_undo_begin(GpuRun *x, bool in_one)
{
    bool may_fail = x->plan->can_fail, all_on_host = true;
    x->undo_is_due = false;
    x->is_restorable = false;
    for (uint32_t i = 0; i < x->plan->nest->n_arrays; i++) {
        const ArrayFact *f = &x->facts->array[i];
        size_t size = (size_t)(f->hi - f->lo);
        if (!x->plan->nest->arrays[i]->is_written || size == 0)
            continue;
        GpuBuffer *g = buffer_of(x, i);
        CUdeviceptr lo = g->at + (CUdeviceptr)(f->lo - g->host->data);
        if (is_kept(x, g, lo, size))
            continue;
        if (gpu_buffer_is_on_host(g)) {
            x->undo[x->n_undo++] = (DeviceUndo){ .kind = UNDO_Host, .buffer = g };
            continue;
        }
        all_on_host = false;
        bool done = false;
        if (may_fail && in_one && !go_elsewhere(x, g, &done))
            return false;
        if (!may_fail || done)
            continue;
        DeviceUndo *u = &x->undo[x->n_undo];
        *u = (DeviceUndo){ .kind = UNDO_Copy, .buffer = g, .lo = lo, .size = size };
        if (!gpu_goes_on(x, gpu_alloc(x->device, size, &u->copy)))
            return false;
        x->n_undo++;
        if (!copy_bytes(x, u->copy, u->lo, u->size))
            return false;
    }
    x->is_restorable = may_fail || all_on_host;
    return true;
}

/* ---- behind the last ------------------------------------------------------------------------------------------------------------------------- */

bool gpu_undo_restore(GpuRun *x)
{
    for (uint32_t i = x->n_undo; i-- > 0;) {
        DeviceUndo *u = &x->undo[i];
        if (u->kind == UNDO_Copy && !copy_bytes(x, u->lo, u->copy, u->size))
            return false;
        if (u->kind == UNDO_Host)
            gpu_buffer_is_old(u->buffer);
    }
    x->is_restored = true;
    return true;
}

void gpu_undo_end(GpuRun *x, bool stays)
{
    for (uint32_t i = 0; i < x->n_undo; i++) {
        DeviceUndo *u = &x->undo[i];
        if (u->kind == UNDO_Elsewhere && stays)
            gpu_buffer_moves(u->buffer, u->copy);
        else if (u->kind != UNDO_Host)
            gpu_free(x->device, u->copy, u->size);
    }
    x->n_undo = 0;
}
