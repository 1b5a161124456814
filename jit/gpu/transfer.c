/* jit/gpu/transfer.c — copies between pageable host memory and a device.
 *
 * The device reads and writes pinned memory at full speed and by itself, pageable memory not at all: the driver would copy
 * through a small buffer of its own, and wait.  So copies of some size go, in pieces, through a ring of pinned buffers: while
 * the device moves one piece, the processor copies the next one to or from its place.  A buffer of the ring is used again when
 * the event behind its last copy has passed. */
#include <string.h>

#include "jit/gpu/device_private.h"

enum { CU_EVENT_DISABLE_TIMING = 2 };

/* At the first large copy.  Without the ring copies still work. */
static bool has_ring(GpuDevice *d)
{
    struct DevicePrivate *p = d->private;
    const GpuDriver *cu = d->cu;
    if (p->tried_stages)
        return p->has_stages;
    p->tried_stages = true;
    int n = 0;
    for (; n < STAGE_COUNT; n++) {
        void *bytes;
        if (cu->MemAllocHost(&bytes, STAGE_BYTES) != CUDA_SUCCESS)
            break;
        p->stage[n].bytes = bytes;
        if (cu->EventCreate(&p->stage[n].done, CU_EVENT_DISABLE_TIMING) != CUDA_SUCCESS) {
            cu->MemFreeHost(bytes);
            break;
        }
    }
    p->has_stages = n == STAGE_COUNT;
    while (!p->has_stages && n > 0) {
        n--;
        cu->EventDestroy(p->stage[n].done);
        cu->MemFreeHost(p->stage[n].bytes);
    }
    return p->has_stages;
}

/* Pinned memory for a few numbers, which come 2 us sooner that way. */
static bool has_small(GpuDevice *d)
{
    struct DevicePrivate *p = d->private;
    if (!p->tried_small) {
        p->tried_small = true;
        if (d->cu->MemAllocHost(&p->small, SMALL_BYTES) != CUDA_SUCCESS)
            p->small = NULL;
    }
    return p->small;
}

static Stage *next_stage(GpuDevice *d)
{
    return &d->private->stage[d->private->next_stage++ % STAGE_COUNT];
}

/* The copy just asked for is what the stage waits for. */
static GpuStatus mark(GpuDevice *d, Stage *s)
{
    s->is_used = true;
    return gpu_check(d, d->cu->EventRecord(s->done, d->stream), "cuEventRecord");
}

static GpuStatus await(GpuDevice *d, Stage *s)
{
    if (!s->is_used)
        return GPU_OK;
    s->is_used = false;
    return gpu_check(d, d->cu->EventSynchronize(s->done), "cuEventSynchronize");
}

static size_t piece(size_t left)
{
    return left < STAGE_BYTES ? left : STAGE_BYTES;
}

GpuStatus gpu_upload(GpuDevice *d, CUdeviceptr to, const void *host, size_t bytes)
{
    const char *from = host;
    GpuStatus s = GPU_OK;
    d->counters.n_up++;
    d->counters.bytes_up += bytes;
    if (bytes <= DIRECT_BYTES || !has_ring(d))      /* pageable memory has been read when the call returns */
        return bytes ? gpu_check(d, d->cu->MemcpyHtoDAsync(to, host, bytes, d->stream), "cuMemcpyHtoDAsync") : GPU_OK;
    for (size_t at = 0; at < bytes && s == GPU_OK; at += STAGE_BYTES) {
        size_t n = piece(bytes - at);
        Stage *stage = next_stage(d);
        s = await(d, stage);
        if (s != GPU_OK)
            break;
        memcpy(stage->bytes, from + at, n);
        s = gpu_check(d, d->cu->MemcpyHtoDAsync(to + at, stage->bytes, n, d->stream), "cuMemcpyHtoDAsync");
        if (s == GPU_OK)
            s = mark(d, stage);
    }
    return s;
}

GpuStatus gpu_download(GpuDevice *d, void *host, CUdeviceptr from, size_t bytes)
{
    char *to = host;
    GpuStatus s = GPU_OK;
    d->counters.n_down++;
    d->counters.bytes_down += bytes;
    if (bytes == 0)
        return gpu_wait(d);
    if (bytes <= SMALL_BYTES && has_small(d)) {
        s = gpu_check(d, d->cu->MemcpyDtoHAsync(d->private->small, from, bytes, d->stream), "cuMemcpyDtoHAsync");
        if (s == GPU_OK)
            s = gpu_wait(d);
        if (s == GPU_OK)
            memcpy(host, d->private->small, bytes);
        return s;
    }
    if (bytes <= DIRECT_BYTES || !has_ring(d)) {
        s = gpu_check(d, d->cu->MemcpyDtoHAsync(host, from, bytes, d->stream), "cuMemcpyDtoHAsync");
        return s == GPU_OK ? gpu_wait(d) : s;
    }
    /* Pieces [taken, asked) are on their way, each in a stage of its own. */
    Stage *on_way[STAGE_COUNT];
    size_t n_pieces = (bytes + STAGE_BYTES - 1) / STAGE_BYTES, asked = 0;
    for (size_t taken = 0; taken < n_pieces && s == GPU_OK; taken++) {
        for (; asked < n_pieces && asked < taken + STAGE_COUNT && s == GPU_OK; asked++) {
            size_t at = asked * STAGE_BYTES;
            Stage *stage = on_way[asked % STAGE_COUNT] = next_stage(d);     /* an upload still in it comes first in the stream */
            s = gpu_check(d, d->cu->MemcpyDtoHAsync(stage->bytes, from + at, piece(bytes - at), d->stream), "cuMemcpyDtoHAsync");
            if (s == GPU_OK)
                s = mark(d, stage);
        }
        Stage *stage = on_way[taken % STAGE_COUNT];
        if (s == GPU_OK)
            s = await(d, stage);
        if (s == GPU_OK)
            memcpy(to + taken * STAGE_BYTES, stage->bytes, piece(bytes - taken * STAGE_BYTES));
    }
    return s;
}
