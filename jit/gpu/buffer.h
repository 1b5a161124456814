/* jit/gpu/buffer.h — arrays' bytes on a device: which side is current, and copying only what is not there.
 *
 * A Buffer (interp/array.h) that was on a device has its `device` set: a GpuBuffer.  Views share their Buffer, so they share
 * this.  Before anything but a kernel looks at an array's bytes, or changes them, buffer_to_host() is called
 * (interp/residency.h); the engine calls it for nests that run elsewhere. States: HOST (the device's bytes are old or not
 * there), DEVICE (the host's are), BOTH. */
#ifndef ALP_JIT_GPU_BUFFER_H
#define ALP_JIT_GPU_BUFFER_H

#include "interp/residency.h"
#include "jit/gpu/device.h"

typedef enum GpuSide { SIDE_Host, SIDE_Device, SIDE_Both } GpuSide;

typedef struct GpuBuffer {
    BufferDevice base;                  /* Buffer.device */
    struct GpuBuffer *prev, *next;      /* of its device, least recently used first */
    GpuDevice *device;
    VM        *vm;
    Buffer    *host;                    /* base.buffer */
    CUdeviceptr at;                     /* 0: no device memory at the moment (SIDE_Host then) */
    size_t     size;
    GpuSide    side;
    uint32_t   n_peeks;                 /* elements looked at or changed since a kernel used it */
    uintptr_t  reader;                  /* the thread that reads a part in host memory while this is SIDE_Device; 0: none */
    uint32_t   pins;                    /* executions that use it now: not evicted */
    struct Timeline *timeline;          /* where to note what comes back; NULL: nowhere */
} GpuBuffer;

/* All between gpu_enter() and gpu_leave() of the device. */
/* Make the buffer's bytes current on d and keep it there until gpu_buffer_release(); overwritten: all its bytes will be
 * written, so none are copied.  A buffer that is on another device goes by way of the host.  GPU_NO_MEMORY, too: bytes that
 * are on the device already, as those of another buffer in use (a host program that lends memory twice). */
GpuStatus gpu_buffer_acquire(GpuDevice *d, VM *vm, Buffer *b, bool overwritten, GpuBuffer **out);
/* written: the device's bytes are the current ones from now on. */
void      gpu_buffer_release(GpuBuffer *b, bool written);
/* Are the host's bytes current too, and nobody else's business?  Of an acquired buffer. */
bool      gpu_buffer_is_on_host(const GpuBuffer *b);
/* The device's bytes are not to be used any more; the host's are current. */
void      gpu_buffer_is_old(GpuBuffer *b);
/* Its bytes are at `at` now, which becomes its own, and what it had is free. */
void      gpu_buffer_moves(GpuBuffer *b, CUdeviceptr at);
/* Without the lock: RESIDENCE_Missing and RESIDENCE_Away of a buffer that any device may have, as its VM's thread sees it (jit/plan/backend.h). */
void      gpu_buffer_where(const Buffer *b, bool *is_missing, bool *is_away);
/* All of vm's buffers whose memory is a host program's (borrowed), or to which a raw address was given away: back to the host. */
GpuStatus gpu_buffers_write_back(GpuDevice *d, VM *vm);

#endif
