/* jit/gpu/memory.c — device memory.
 *
 * Where the driver has pools (almost everywhere since CUDA 11.2) its own does the work: memory is taken and given back in the
 * order of the stream, and what is given back stays with the process, so that arrays which come and go cost no call of the
 * operating system.  Elsewhere freed blocks are kept here, by classes of sizes.  A block may be used again at once: whatever
 * still uses it stands before its next use in the one stream. */
#include <stdlib.h>

#include "jit/gpu/device_private.h"

enum { CU_POOL_RELEASE_THRESHOLD = 4 };

void memory_init(GpuDevice *d)
{
    const GpuDriver *cu = d->cu;
    void *pool;
    int has_pools = 0;
    uint64_t keep_all = UINT64_MAX;
    if (cu->MemAllocAsync && cu->MemFreeAsync && cu->DeviceGetDefaultMemPool && cu->MemPoolSetAttribute && cu->MemPoolTrimTo &&
        cu->DeviceGetAttribute(&has_pools, CU_ATTR_MEMORY_POOLS, d->device) == CUDA_SUCCESS && has_pools &&
        cu->DeviceGetDefaultMemPool(&pool, d->device) == CUDA_SUCCESS &&
        cu->MemPoolSetAttribute(pool, CU_POOL_RELEASE_THRESHOLD, &keep_all) == CUDA_SUCCESS)
        d->private->pool = pool;
}

/* ---- blocks by size -------------------------------------------------------------------------------------------------------- */

/* Four classes to each power of two: at most a quarter of a block is wasted.  *bytes becomes the class's size. */
static unsigned block_class(size_t *bytes)
{
    size_t n = (*bytes + BLOCK_ALIGN - 1) / BLOCK_ALIGN;      /* at least 1 */
    if (n <= 4) {
        *bytes = n * BLOCK_ALIGN;
        return (unsigned)n - 1;
    }
    unsigned log = 63u - (unsigned)__builtin_clzll(n - 1);    /* 2^log < n <= 2^(log + 1) */
    size_t step = (size_t)1 << (log - 2), quarter = (n - 1) / step - 3;    /* 1 … 4 */
    *bytes = (3 + quarter + 1) * step * BLOCK_ALIGN;
    return 4 * (log - 1) + (unsigned)quarter - 1;
}

static CUresult block_take(GpuDevice *d, size_t bytes, CUdeviceptr *out)
{
    FreeBlock **list = &d->private->blocks[block_class(&bytes)], *b = *list;
    if (!b)
        return d->cu->MemAlloc(out, bytes);
    *list = b->next;
    *out = b->at;
    free(b);
    return CUDA_SUCCESS;
}

static CUresult block_give(GpuDevice *d, CUdeviceptr at, size_t bytes)
{
    FreeBlock **list = &d->private->blocks[block_class(&bytes)], *b = malloc(sizeof *b);
    if (!b)
        return d->cu->MemFree(at);      /* which waits for the device */
    *b = (FreeBlock){ .next = *list, .at = at };
    *list = b;
    return CUDA_SUCCESS;
}

/* ---- the interface --------------------------------------------------------------------------------------------------------- */

/* What is kept free goes back to the driver. */
static GpuStatus trim(GpuDevice *d)
{
    struct DevicePrivate *p = d->private;
    GpuStatus s = gpu_wait(d);
    if (s != GPU_OK)
        return s;
    if (p->pool)
        return gpu_check(d, d->cu->MemPoolTrimTo(p->pool, 0), "cuMemPoolTrimTo");
    for (int i = 0; i < BLOCK_CLASSES; i++)
        while (p->blocks[i]) {
            FreeBlock *b = p->blocks[i];
            p->blocks[i] = b->next;
            s = gpu_check(d, d->cu->MemFree(b->at), "cuMemFree");
            free(b);
            if (s != GPU_OK)
                return s;
        }
    return GPU_OK;
}

static GpuStatus take(GpuDevice *d, size_t bytes, CUdeviceptr *out)
{
    return d->private->pool ? gpu_check(d, d->cu->MemAllocAsync(out, bytes, d->stream), "cuMemAllocAsync")
                            : gpu_check(d, block_take(d, bytes, out), "cuMemAlloc");
}

/* Never less than an address of its own for each. */
static size_t rounded(size_t bytes)
{
    return bytes ? (bytes + BLOCK_ALIGN - 1) / BLOCK_ALIGN * BLOCK_ALIGN : BLOCK_ALIGN;
}

GpuStatus gpu_alloc(GpuDevice *d, size_t bytes, CUdeviceptr *out)
{
    struct DevicePrivate *p = d->private;
    if (bytes > d->total_bytes)
        return GPU_NO_MEMORY;
    bytes = rounded(bytes);
    GpuStatus s = take(d, bytes, out);
    if (s == GPU_NO_MEMORY) {
        s = trim(d);
        if (s == GPU_OK)
            s = take(d, bytes, out);
    }
    while (s == GPU_NO_MEMORY && p->evict && !p->is_evicting) {
        p->is_evicting = true;
        bool found = p->evict(p->evict_user, d, bytes);
        p->is_evicting = false;
        if (!found)
            break;
        s = trim(d);
        if (s == GPU_OK)
            s = take(d, bytes, out);
    }
    if (s == GPU_OK)
        d->counters.bytes_held += bytes;
    return d->broken[0] ? GPU_BROKEN : s;
}

void gpu_free(GpuDevice *d, CUdeviceptr at, size_t bytes)
{
    if (!at)
        return;
    bytes = rounded(bytes);
    d->counters.bytes_held -= bytes;
    if (d->private->pool)
        gpu_check(d, d->cu->MemFreeAsync(at, d->stream), "cuMemFreeAsync");
    else
        gpu_check(d, block_give(d, at, bytes), "cuMemFree");
}

void gpu_on_pressure(GpuDevice *d, bool (*evict)(void *user, GpuDevice *d, size_t bytes), void *user)
{
    d->private->evict = evict;
    d->private->evict_user = user;
}
