/* jit/gpu/image.h — CUDA C compiled for a device: in the background, shared by all plans and interpreters of the process, kept on disk.
 *
 * The text is all that an image depends on, besides the device and the way of compiling: it is the key in memory and on disk.  What takes long, NVRTC, runs in
 * a thread of its own on a copy of the text, and knows nothing of plans and interpreters. */
#ifndef ALP_JIT_GPU_IMAGE_H
#define ALP_JIT_GPU_IMAGE_H

#include <stdatomic.h>

#include "jit/gpu/device.h"

typedef enum ImagePhase { IMAGE_New, IMAGE_Making, IMAGE_Ready, IMAGE_Failed } ImagePhase;
typedef enum ImageOrigin { FROM_Compiler, FROM_Disk } ImageOrigin;

/* Belongs to the process.  All but state is guarded by image.c's lock until it is IMAGE_Ready or IMAGE_Failed, and constant then. */
typedef struct GpuImage {
    struct GpuImage *next;              /* in its bucket */
    char    *key;                       /* what it was compiled for, NUL, text, NUL */
    size_t   key_size, text_at;
    uint32_t refs;                      /* plans that remember it, and the thread that compiles it */
    _Atomic int state;                  /* ImagePhase */
    uint8_t  origin;                    /* ImageOrigin */
    bool     is_fast;
    uint64_t used;                      /* of the process' clock of uses, for eviction */
    uint64_t ns, end_ns;                /* that making it took; when it was there */
    GpuDevice *device;
    CUmodule module;
    char     error[256];                /* IMAGE_Failed */
} GpuImage;

typedef enum ImageWish { IMAGE_Find /* on disk, now */, IMAGE_Start /* or begin to compile it */, IMAGE_Wait /* and wait for it */ } ImageWish;

/* With a reference; nothing is made yet, unless somebody else had it made (*was_there).  NULL: no memory. */
GpuImage  *image_ref(GpuDevice *d, const char *text, size_t size, bool fast, bool *was_there);
/* Not between gpu_enter() and gpu_leave(). */
void       image_unref(GpuImage *g);
/* Likewise. */
ImagePhase image_make(GpuImage *g, ImageWish wish, bool use_disk);



#endif
