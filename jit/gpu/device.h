/* jit/gpu/device.h — one GPU of this process: context, stream, memory, staging buffers.
 *
 * A device is shared by all interpreters of the process and guarded by its lock (gpu_enter/gpu_leave), which also makes its
 * context current. There is one stream: everything asked for is done in the order in which it was asked for.  Two kinds of
 * failure: lack of memory, which is a condition like any other, and everything else, after which the device is not used any
 * more (`broken` says why): CUDA's errors are sticky. */
#ifndef ALP_JIT_GPU_DEVICE_H
#define ALP_JIT_GPU_DEVICE_H

#include "jit/gpu/driver.h"

typedef struct GpuCounters {            /* since the process began */
    uint64_t n_launches, n_up, n_down, bytes_up, bytes_down, bytes_held, n_evicted;
} GpuCounters;

typedef struct GpuDevice {
    const GpuDriver *cu;
    int      ordinal;
    CUdevice device;
    CUcontext context;
    CUstream stream;
    char     name[128], uuid_or_bus[64];
    int      major, minor;              /* compute capability */
    int      n_sm, clock_khz, max_threads, threads_per_sm, shared_per_block, shared_optin, l2_bytes;
    size_t   total_bytes;
    char     broken[200];               /* "" = it works */
    GpuCounters counters;               /* between enter and leave; n_launches is counted by those who launch */
    struct GpuBuffer *first, *last;     /* buffers with memory here, least recently used first (jit/gpu/buffer.c) */
    struct DevicePrivate *private;
} GpuDevice;

/* The device that is asked for: ordinal (among those that CUDA_VISIBLE_DEVICES leaves), -1: the first.  NULL: *why says why
 * there is none. */
GpuDevice *gpu_device(int ordinal, const char **why);
/* How many devices the driver shows, which is opened if need be; and what it tells of one of them without opening that (name "": nothing). */
int   gpu_look(int ordinal, GpuDevice *told);
/* One of CU_ATTR_…; 0: it is not told. */
int   gpu_attribute(const GpuDevice *d, int which);
/* A list of devices by their names, as one number that is not 0: from 0, name after name. */
uint64_t gpu_add_name(uint64_t list, const char *name);
/* May this device be opened by somebody who chose it from that list?  Yes, if the driver shows just these, or only devices of one kind; and if the list is 0. */
bool  gpu_is_as_believed(int ordinal, uint64_t list);
/* false: the device is broken, or this is a child of a fork(): nothing may be asked of it.  Recursive calls are not allowed. */
bool  gpu_enter(GpuDevice *d);
void  gpu_leave(GpuDevice *d);
/* The lock alone, to take data apart that belongs to a device that may be broken: false in a child of a fork(), where no other
 * thread is. */
bool  gpu_lock(GpuDevice *d);
void  gpu_unlock(GpuDevice *d);

/* All that follow: between enter and leave. */
typedef enum GpuStatus { GPU_OK, GPU_NO_MEMORY, GPU_BROKEN } GpuStatus;
GpuStatus gpu_check(GpuDevice *d, CUresult r, const char *what);        /* notes what broke it */
/* Device memory from a pool, aligned to 256 bytes.  When it is scarce, memory that buffers could do without is taken back first
 * (gpu_on_pressure), then the answer is GPU_NO_MEMORY. */
GpuStatus gpu_alloc(GpuDevice *d, size_t bytes, CUdeviceptr *out);
void      gpu_free(GpuDevice *d, CUdeviceptr p, size_t bytes);         /* when everything asked for so far is done */
/* Who can free memory: asked with the bytes wanted; true: something was freed. */
void      gpu_on_pressure(GpuDevice *d, bool (*evict)(void *user, GpuDevice *d, size_t bytes), void *user);
/* Copies; the host's side is pageable memory and may be reused (up) or is valid (down) on return.  Through the ring of pinned
 * buffers, overlapped with the copying between them and `host`. */
GpuStatus gpu_upload(GpuDevice *d, CUdeviceptr to, const void *host, size_t bytes);
GpuStatus gpu_download(GpuDevice *d, void *host, CUdeviceptr from, size_t bytes);
GpuStatus gpu_wait(GpuDevice *d);
/* CUBIN for this architecture from CUDA C; malloc'ed; NULL: error[size] holds the reason, the compiler's first complaint or
 * GPU_NO_MEMORY's text. Of any thread, without the lock: it asks the device nothing. */
char     *gpu_compile(GpuDevice *d, const char *text, const char *name, bool fast, size_t *size, char *error, size_t error_size);
/* GPU_BROKEN with d->broken "": the driver refuses this image, the device works. */
GpuStatus gpu_load(GpuDevice *d, const char *cubin, CUmodule *out);

void gpu_counters(GpuDevice *d, GpuCounters *out);

#endif
