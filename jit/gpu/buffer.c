/* jit/gpu/buffer.c — arrays' bytes on a device: copies only when they are needed, eviction when memory is short.
 *
 * A GpuBuffer hangs on its Buffer from the first time that a device has the bytes until the Buffer is freed.  Its VM's thread
 * alone makes, changes and frees it, with one exception: whoever needs device memory takes that of any VM's buffers that no
 * execution pins, least recently used first.  That is done under the device's lock, and makes SIDE_Device (after a copy down)
 * and SIDE_Both to SIDE_Host.  So the host's bytes are current for the VM's thread when it sees SIDE_Host or SIDE_Both without
 * the lock, and remain so; only to find SIDE_Device means to take the lock and look again.
 *
 * Where a few elements, or a part, of a large array are looked at or changed, they alone are moved, as long as that takes less time than
 * moving all.  A part that is read lies in host memory while all of it counts as SIDE_Device; nobody else evicts it then.
 *
 * Bytes that others may change behind our back (Buffer.lent, Buffer.exposed, borrowed memory) are on the device only for a
 * while: SIDE_Both is not believed of exposed ones, and gpu_buffers_write_back() leaves SIDE_Host. */
#include "jit/gpu/buffer.h"

#include <pthread.h>

#include "jit/gpu/fill.h"
#include "profile/timeline.h"

enum { PEEK_BYTES = 256 << 10 };

/* What b has on a device, if that is one of ours. */
static GpuBuffer *gpu_buffer(const Buffer *b)
{
    return (GpuBuffer *)(void *)b->device;
}

static GpuSide side_of(const GpuBuffer *g)
{
    return __atomic_load_n(&g->side, __ATOMIC_ACQUIRE);
}

static void set_side(GpuBuffer *g, GpuSide side)
{
    __atomic_store_n(&g->side, side, __ATOMIC_RELEASE);
}

/* Does anybody but the interpreter and its back ends look at the bytes? */
static bool is_shared(const Buffer *b)
{
    return b->alloc_size == 0 || b->lent || b->exposed;
}

/* ---- the device's list ----------------------------------------------------------------------------------------------------- */

static void list_remove(GpuBuffer *g)
{
    GpuDevice *d = g->device;
    *(g->prev ? &g->prev->next : &d->first) = g->next;
    *(g->next ? &g->next->prev : &d->last) = g->prev;
}

static void list_append(GpuBuffer *g)
{
    GpuDevice *d = g->device;
    g->prev = d->last;
    g->next = NULL;
    *(d->last ? &d->last->next : &d->first) = g;
    d->last = g;
}

/* ---- copying down ---------------------------------------------------------------------------------------------------------- */

static GpuStatus download(const GpuBuffer *g, void *to, size_t offset, size_t n, const char *what)
{
    if (LIKELY(!g->timeline))
        return gpu_download(g->device, to, g->at + offset, n);
    uint64_t start = timeline_now();
    GpuStatus s = gpu_download(g->device, to, g->at + offset, n);
    timeline_span(g->timeline, TRACK_Copies, what, start, timeline_now(), "\"bytes\": %llu, \"up\": false", (unsigned long long)n);
    return s;
}

/* SIDE_Device becomes SIDE_Both.  Under the lock. */
static GpuStatus bring_down(GpuBuffer *g)
{
    if (side_of(g) != SIDE_Device)
        return GPU_OK;
    GpuStatus s = download(g, g->host->data, 0, g->size, "array to the host");
    if (s == GPU_OK)
        set_side(g, SIDE_Both);
    return s;
}

/* Its device memory goes.  Under the lock; not SIDE_Device. */
static void drop_memory(GpuBuffer *g)
{
    set_side(g, SIDE_Host);
    gpu_free(g->device, g->at, g->size);
    g->at = 0;
}

/* gpu_on_pressure()'s. */
static bool evict(void *user, GpuDevice *d, size_t bytes)
{
    size_t freed = 0;
    for (GpuBuffer *g = d->first; g && freed < bytes; g = g->next) {
        if (!g->at || g->pins || (g->reader && g->reader != (uintptr_t)pthread_self()))
            continue;
        if (bring_down(g) != GPU_OK)
            break;
        drop_memory(g);
        d->counters.n_evicted++;
        freed += g->size;
    }
    return freed > 0;
}

/* ---- what the interpreter calls -------------------------------------------------------------------------------------------- */

/* SIDE_Device it was, and remains. */
static Status raise_lost(VM *vm, GpuDevice *d)
{
    char why[sizeof d->broken] = "";
    if (gpu_lock(d)) {
        memcpy(why, d->broken, sizeof why);
        gpu_unlock(d);
    }
    if (gpu_is_gone())
        raise(vm, TY_RuntimeError, "the bytes of an array are on a GPU, which a child process of fork() cannot use");
    else if (why[0])
        raise(vm, TY_RuntimeError, "the bytes of an array are lost with the GPU: %s", why);
    else
        raise_nomem(vm);
    return ALP_FAIL;
}

/* Somebody's looking at a buffer's bytes on the host makes it be copied: down now, and up again if the device's are old then. */
static void debit(GpuBuffer *g, GpuSide side, bool is_old)
{
    g->host->debit_bytes += (double)g->size * ((side == SIDE_Device) + (is_old && side != SIDE_Host));
}

static Status to_host(VM *vm, Buffer *b, HostUse use)
{
    GpuBuffer *g = gpu_buffer(b);
    GpuDevice *d = g->device;
    GpuSide side = side_of(g);
    if (side == SIDE_Host || (side == SIDE_Both && use == HOST_Read))
        return ALP_OK;
    debit(g, side, use != HOST_Read);
    if (gpu_enter(d)) {
        if (bring_down(g) == GPU_OK && use != HOST_Read)
            set_side(g, SIDE_Host);
        gpu_leave(d);
    } else if (side == SIDE_Both) {     /* nobody asks such a device again */
        set_side(g, SIDE_Host);
    }
    return side_of(g) != SIDE_Device ? ALP_OK : raise_lost(vm, d);
}

/* Looking at a few elements of a large array: each costs as much as copying some PEEK_BYTES. */
static bool peek(Buffer *b, const char *p, size_t n, void *out)
{
    GpuBuffer *g = gpu_buffer(b);
    GpuDevice *d = g->device;
    if (side_of(g) != SIDE_Device || ++g->n_peeks > g->size / PEEK_BYTES || !gpu_enter(d))
        return false;
    bool ok = side_of(g) == SIDE_Device && download(g, out, (size_t)(p - b->data), n, "element to the host") == GPU_OK;
    gpu_leave(d);
    return ok;
}

/* Likewise. */
static bool part(Buffer *b, char *p, size_t n)
{
    GpuBuffer *g = gpu_buffer(b);
    GpuDevice *d = g->device;
    if (side_of(g) != SIDE_Device)
        return true;
    g->n_peeks += 1 + (uint32_t)(n / PEEK_BYTES);
    if (g->n_peeks > g->size / PEEK_BYTES || !gpu_enter(d))
        return false;
    bool ok = side_of(g) != SIDE_Device || gpu_download(d, p, g->at + (CUdeviceptr)(p - b->data), n) == GPU_OK;
    g->reader = (uintptr_t)pthread_self();
    gpu_leave(d);
    return ok;
}

/* Likewise.  The bytes in host memory change too, where they are current. */
static bool poke(Buffer *b, char *p, size_t n, const void *bytes)
{
    GpuBuffer *g = gpu_buffer(b);
    GpuDevice *d = g->device;
    if (side_of(g) == SIDE_Host || is_shared(b) || ++g->n_peeks > g->size / PEEK_BYTES || !gpu_enter(d))
        return false;
    GpuSide side = side_of(g);
    bool ok = side != SIDE_Host && gpu_upload(d, g->at + (CUdeviceptr)(p - b->data), bytes, n) == GPU_OK;
    if (ok && side == SIDE_Both)
        memcpy(p, bytes, n);
    gpu_leave(d);
    return ok;
}

static bool is_there(const Buffer *b)
{
    return side_of(gpu_buffer(b)) != SIDE_Host && !b->exposed;
}

static void gone(VM *vm, Buffer *b)
{
    GpuBuffer *g = gpu_buffer(b);
    GpuDevice *d = g->device;
    if (gpu_enter(d)) {
        list_remove(g);
        gpu_free(d, g->at, g->size);
        gpu_leave(d);
    } else if (gpu_lock(d)) {
        list_remove(g);
        gpu_unlock(d);
    }
    device_detach(vm, b);
    mem_free(&vm->mem, g, sizeof *g);
}

/* ---- the interface --------------------------------------------------------------------------------------------------------- */

static void attach(GpuBuffer *g, GpuDevice *d, VM *vm, Buffer *b)
{
    *g = (GpuBuffer){ .base = { .to_host = to_host, .peek = peek, .part = part, .poke = poke, .is_there = is_there, .gone = gone }, .device = d, .vm = vm, .host = b,
                      .size = b->size, .side = SIDE_Host };
    device_attach(vm, b, &g->base);
    list_append(g);
    gpu_on_pressure(d, evict, NULL);
}

/* A buffer whose bytes are described: they are made on the device.  *refused: that cannot be, they are on the host. */
static GpuStatus acquire_fresh(GpuDevice *d, VM *vm, Buffer *b, GpuBuffer **out, bool *refused)
{
    FreshBuffer *f = fresh_of(b);
    GpuBuffer *g = mem_alloc(&vm->mem, sizeof *g);
    CUdeviceptr at = 0;
    GpuStatus s = g ? gpu_alloc(d, b->size, &at) : GPU_NO_MEMORY;
    *refused = false;
    if (s == GPU_OK)
        s = fill(d, at, &f->fresh, refused);
    if (s != GPU_OK || *refused) {
        gpu_free(d, at, b->size);
        if (g)
            mem_free(&vm->mem, g, sizeof *g);
        return s;
    }
    GpuSide side = f->on_host ? SIDE_Both : SIDE_Device;
    fresh_forget(vm, b);
    attach(g, d, vm, b);
    g->at = at;
    g->pins = 1;
    set_side(g, side);
    *out = g;
    return GPU_OK;
}

/* Whatever b has on another device, or with another back end, comes back to the host and is forgotten.  The lock of d is given
 * up meanwhile: two would have to be taken in an order. */
static GpuStatus detach_elsewhere(GpuDevice *d, VM *vm, Buffer *b)
{
    BufferDevice *other = b->device;
    gpu_leave(d);
    Status s = other->to_host(vm, b, HOST_Write);
    if (s == ALP_OK)
        other->gone(vm, b);
    else
        vm_clear_exc(vm);
    gpu_lock(d);                /* the caller leaves d, whatever has become of it meanwhile */
    gpu_check(d, d->cu->CtxPushCurrent(d->context), "cuCtxPushCurrent");
    return d->broken[0] || s != ALP_OK ? GPU_BROKEN : GPU_OK;
}

/* Is part of these bytes in use on the device as another buffer's?  Then an execution would see two states of it. */
static bool is_in_use_elsewhere(const GpuDevice *d, const Buffer *b)
{
    if (!b->exposed)
        return false;
    for (const GpuBuffer *g = d->first; g; g = g->next)
        if (g->pins && g->host != b && buffers_overlap(g->host, b))
            return true;
    return false;
}

GpuStatus gpu_buffer_acquire(GpuDevice *d, VM *vm, Buffer *b, bool overwritten, GpuBuffer **out)
{
    if (UNLIKELY(fresh_of(b) != NULL)) {
        bool refused;
        GpuStatus s = acquire_fresh(d, vm, b, out, &refused);
        if (s != GPU_OK || !refused)
            return s;
        buffer_to_host(vm, b, HOST_Write);      /* cannot fail */
    }
    GpuBuffer *g = gpu_buffer(b);
    if (g && (g->base.to_host != to_host || g->device != d)) {
        GpuStatus s = detach_elsewhere(d, vm, b);
        if (s != GPU_OK)
            return s;
        g = NULL;
    }
    if (!g) {
        if (!(g = mem_alloc(&vm->mem, sizeof *g)))
            return GPU_NO_MEMORY;
        attach(g, d, vm, b);
    }
    if (is_in_use_elsewhere(d, b))
        return GPU_NO_MEMORY;
    GpuStatus s = GPU_OK;
    list_remove(g);
    list_append(g);
    g->pins++;
    g->n_peeks = 0;
    g->reader = 0;
    if (b->exposed && side_of(g) == SIDE_Both)
        set_side(g, SIDE_Host);
    if (!g->at)
        s = gpu_alloc(d, g->size, &g->at);
    if (s == GPU_OK && side_of(g) == SIDE_Host && !overwritten) {
        s = gpu_upload(d, g->at, b->data, g->size);
        if (s == GPU_OK)
            set_side(g, SIDE_Both);
    }
    if (s == GPU_OK)
        *out = g;
    else
        g->pins--;
    return s;
}

void gpu_buffer_release(GpuBuffer *g, bool written)
{
    g->pins--;
    if (written)
        set_side(g, SIDE_Device);
    if (g->host->exposed) {             /* a failure is told when somebody asks for the bytes */
        debit(g, side_of(g), true);
        bring_down(g);
    }
}

bool gpu_buffer_is_on_host(const GpuBuffer *g)
{
    return side_of(g) == SIDE_Both && !is_shared(g->host);
}

void gpu_buffer_is_old(GpuBuffer *g)
{
    set_side(g, SIDE_Host);
}

void gpu_buffer_moves(GpuBuffer *g, CUdeviceptr at)
{
    gpu_free(g->device, g->at, g->size);
    g->at = at;
}

void gpu_buffer_where(const Buffer *b, bool *is_missing, bool *is_away)
{
    const GpuBuffer *g = gpu_buffer(b);
    bool is_ours = g && g->base.to_host == to_host;
    GpuSide side = is_ours ? side_of(g) : SIDE_Host;
    *is_missing = !fresh_of(b) && (side == SIDE_Host || (side == SIDE_Both && b->exposed));
    *is_away = side == SIDE_Device;
}

GpuStatus gpu_buffers_write_back(GpuDevice *d, VM *vm)
{
    for (GpuBuffer *g = d->first; g; g = g->next) {
        if (g->vm != vm || !is_shared(g->host))
            continue;
        debit(g, side_of(g), true);
        GpuStatus s = bring_down(g);
        if (s != GPU_OK)
            return s;
        set_side(g, SIDE_Host);
    }
    return GPU_OK;
}
