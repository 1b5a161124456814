/* jit/gpu/device_private.h — what device.c, memory.c and transfer.c share of a device. */
#ifndef ALP_JIT_GPU_DEVICE_PRIVATE_H
#define ALP_JIT_GPU_DEVICE_PRIVATE_H

#include <pthread.h>

#include "jit/gpu/device.h"

enum {
    STAGE_COUNT = 4,
    STAGE_BYTES = 4 << 20,
    SMALL_BYTES = 4 << 10,
    DIRECT_BYTES = 64 << 10,        /* copies up to here go past the staging buffers: the driver has buffers of its own for them */
    BLOCK_ALIGN = 256,
    BLOCK_CLASSES = 4 * 48,
};

/* A pinned buffer of the ring; `done` is behind the last copy that the device made to or from it. */
typedef struct Stage {
    char   *bytes;
    CUevent done;
    bool    is_used;
} Stage;

/* A free block of device memory, of its class's size. */
typedef struct FreeBlock {
    struct FreeBlock *next;
    CUdeviceptr at;
} FreeBlock;

struct DevicePrivate {
    pthread_mutex_t lock;
    bool (*evict)(void *user, GpuDevice *d, size_t bytes);
    void *evict_user;
    bool  is_evicting;
    void *pool;                     /* the driver's pool; NULL: blocks are kept here: */
    FreeBlock *blocks[BLOCK_CLASSES];
    Stage stage[STAGE_COUNT];
    uint32_t next_stage;
    bool  has_stages, tried_stages;
    void *small;                    /* pinned, SMALL_BYTES; NULL: not there */
    bool  tried_small;
    struct FillKernels *fill;       /* fill.c; NULL: nobody has asked for them yet */
};

void memory_init(GpuDevice *d);

#endif
