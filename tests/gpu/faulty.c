/* tests/gpu/faulty.c — a CUDA driver in front of the real one, whose n-th call fails: what do programs make of it, on real hardware too?
 *
 * Every entry point of jit/gpu/driver.h is forwarded to the file that ALPY_FAULTY_DRIVER names (libcuda.so.1 if it names none).
 *
 *   ALPY_FAULTY         "KIND:N:CODE": the N-th call (from 1) of KIND fails with error CODE, and what it asks for is not done.  KIND is a
 *                       function's name as in driver.h ("MemAllocAsync"), or "any".  "KIND:N:CODE:sticky": all calls behind it fail
 *                       likewise, as they do when a context is broken.
 *   ALPY_FAULTY_COUNT   a file: at the end of the process a line for each function that was called: name, calls, microseconds in all,
 *                       the longest.
 *
 * Errors and versions can be asked for at any time: these calls are neither counted nor do they fail. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "jit/gpu/driver.h"

enum { NOT_SUPPORTED = 801 };

typedef enum Kind {
#define FN(name, symbol, required, params) KIND_##name,
    GPU_DRIVER_LIST(FN)
#undef FN
    KIND_COUNT
} Kind;

#define FN(name, symbol, required, params) #name,
static const char *const kind_name[] = { GPU_DRIVER_LIST(FN) };
#undef FN

typedef struct Times { unsigned long calls; double us, longest; } Times;

static struct {
    pthread_mutex_t lock;
    pthread_once_t  once;
    GpuDriver real;             /* NULL where the real one has no such function */
    int       kind;             /* KIND_COUNT: any */
    unsigned long n, seen;      /* n 0: none fails */
    CUresult  code;
    bool      is_sticky;
    Times     times[KIND_COUNT];
    const char *count_path;
} faulty = { .lock = PTHREAD_MUTEX_INITIALIZER, .once = PTHREAD_ONCE_INIT };

/* "KIND:N:CODE[:sticky]" */
static void read_wish(const char *wish)
{
    char name[64], sticky[8] = "";
    unsigned long n;
    int code;
    if (!wish || sscanf(wish, "%63[^:]:%lu:%d:%7s", name, &n, &code, sticky) < 3)
        return;
    int kind = 0;
    while (kind < KIND_COUNT && strcmp(kind_name[kind], name) != 0)
        kind++;
    if (kind == KIND_COUNT && strcmp(name, "any") != 0) {
        fprintf(stderr, "faulty: there is no function %s\n", name);
        exit(2);
    }
    faulty.kind = kind;
    faulty.n = n;
    faulty.code = code;
    faulty.is_sticky = strcmp(sticky, "sticky") == 0;
}

static void open_real(void)
{
    const char *path = getenv("ALPY_FAULTY_DRIVER");
    void *handle = dlopen(path && *path ? path : "libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
    faulty.count_path = getenv("ALPY_FAULTY_COUNT");
    read_wish(getenv("ALPY_FAULTY"));
    if (!handle) {
        fprintf(stderr, "faulty: %s\n", dlerror());
        return;
    }
#define FN(name, symbol, required, params) \
    { void *at = dlsym(handle, symbol); memcpy(&faulty.real.name, &at, sizeof at); }
    GPU_DRIVER_LIST(FN)
#undef FN
}

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

/* Does this call fail?  0: it does not. */
static CUresult error_of(Kind kind, bool is_there)
{
    CUresult r = 0;
    if (!is_there)
        return NOT_SUPPORTED;
    if (kind == KIND_GetErrorName || kind == KIND_GetErrorString || kind == KIND_DriverGetVersion)
        return 0;
    pthread_mutex_lock(&faulty.lock);
    if (faulty.n && (faulty.kind == KIND_COUNT || faulty.kind == (int)kind || (faulty.is_sticky && faulty.seen >= faulty.n))) {
        faulty.seen++;
        if (faulty.seen == faulty.n || (faulty.is_sticky && faulty.seen > faulty.n))
            r = faulty.code;
    }
    pthread_mutex_unlock(&faulty.lock);
    return r;
}

static void note(Kind kind, double us)
{
    pthread_mutex_lock(&faulty.lock);
    Times *t = &faulty.times[kind];
    t->calls++;
    t->us += us;
    t->longest = us > t->longest ? us : t->longest;
    pthread_mutex_unlock(&faulty.lock);
}

__attribute__((destructor)) static void write_counts(void)
{
    FILE *f = faulty.count_path ? fopen(faulty.count_path, "w") : NULL;
    if (!f)
        return;
    for (int k = 0; k < KIND_COUNT; k++)
        if (faulty.times[k].calls)
            fprintf(f, "%s %lu %.1f %.1f\n", kind_name[k], faulty.times[k].calls, faulty.times[k].us, faulty.times[k].longest);
    fclose(f);
}

/* An entry point; its type is that of the list. */
#define FORWARD(name, symbol, params, args) \
    CUresult symbol params; \
    CUresult symbol params \
    { \
        _Static_assert(__builtin_types_compatible_p(__typeof__(&symbol), __typeof__(faulty.real.name)), #symbol); \
        pthread_once(&faulty.once, open_real); \
        CUresult r = error_of(KIND_##name, faulty.real.name != NULL); \
        if (r) \
            return r; \
        double before_us = now_us(); \
        r = faulty.real.name args; \
        note(KIND_##name, now_us() - before_us); \
        return r; \
    } \
    enum { FORWARDED_##name = __COUNTER__ };

enum { FORWARDED_before = __COUNTER__ };

FORWARD(Init, cuInit, (unsigned flags), (flags))
FORWARD(DriverGetVersion, cuDriverGetVersion, (int *version), (version))
FORWARD(GetErrorName, cuGetErrorName, (CUresult error, const char **text), (error, text))
FORWARD(GetErrorString, cuGetErrorString, (CUresult error, const char **text), (error, text))
FORWARD(DeviceGetCount, cuDeviceGetCount, (int *n), (n))
FORWARD(DeviceGet, cuDeviceGet, (CUdevice *device, int ordinal), (device, ordinal))
FORWARD(DeviceGetName, cuDeviceGetName, (char *name, int size, CUdevice device), (name, size, device))
FORWARD(DeviceGetAttribute, cuDeviceGetAttribute, (int *value, int attribute, CUdevice device), (value, attribute, device))
FORWARD(DeviceTotalMem, cuDeviceTotalMem_v2, (size_t *bytes, CUdevice device), (bytes, device))
FORWARD(PrimaryCtxRetain, cuDevicePrimaryCtxRetain, (CUcontext *context, CUdevice device), (context, device))
FORWARD(PrimaryCtxRelease, cuDevicePrimaryCtxRelease_v2, (CUdevice device), (device))
FORWARD(CtxPushCurrent, cuCtxPushCurrent_v2, (CUcontext context), (context))
FORWARD(CtxPopCurrent, cuCtxPopCurrent_v2, (CUcontext *context), (context))
FORWARD(StreamCreate, cuStreamCreate, (CUstream *stream, unsigned flags), (stream, flags))
FORWARD(StreamDestroy, cuStreamDestroy_v2, (CUstream stream), (stream))
FORWARD(StreamSynchronize, cuStreamSynchronize, (CUstream stream), (stream))
FORWARD(StreamQuery, cuStreamQuery, (CUstream stream), (stream))
FORWARD(EventCreate, cuEventCreate, (CUevent *event, unsigned flags), (event, flags))
FORWARD(EventDestroy, cuEventDestroy_v2, (CUevent event), (event))
FORWARD(EventRecord, cuEventRecord, (CUevent event, CUstream stream), (event, stream))
FORWARD(EventSynchronize, cuEventSynchronize, (CUevent event), (event))
FORWARD(EventQuery, cuEventQuery, (CUevent event), (event))
FORWARD(EventElapsedTime, cuEventElapsedTime, (float *ms, CUevent start, CUevent end), (ms, start, end))
FORWARD(MemGetInfo, cuMemGetInfo_v2, (size_t *free_bytes, size_t *total), (free_bytes, total))
FORWARD(MemAlloc, cuMemAlloc_v2, (CUdeviceptr *p, size_t bytes), (p, bytes))
FORWARD(MemFree, cuMemFree_v2, (CUdeviceptr p), (p))
FORWARD(MemAllocHost, cuMemAllocHost_v2, (void **p, size_t bytes), (p, bytes))
FORWARD(MemFreeHost, cuMemFreeHost, (void *p), (p))
FORWARD(MemcpyHtoDAsync, cuMemcpyHtoDAsync_v2, (CUdeviceptr to, const void *from, size_t bytes, CUstream stream), (to, from, bytes, stream))
FORWARD(MemcpyDtoHAsync, cuMemcpyDtoHAsync_v2, (void *to, CUdeviceptr from, size_t bytes, CUstream stream), (to, from, bytes, stream))
FORWARD(MemcpyDtoDAsync, cuMemcpyDtoDAsync_v2, (CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream stream), (to, from, bytes, stream))
FORWARD(MemsetD8Async, cuMemsetD8Async, (CUdeviceptr p, unsigned char byte, size_t n, CUstream stream), (p, byte, n, stream))
FORWARD(ModuleLoadData, cuModuleLoadData, (CUmodule *module, const void *image), (module, image))
FORWARD(ModuleUnload, cuModuleUnload, (CUmodule module), (module))
FORWARD(ModuleGetFunction, cuModuleGetFunction, (CUfunction *function, CUmodule module, const char *name), (function, module, name))
FORWARD(FuncGetAttribute, cuFuncGetAttribute, (int *value, int attribute, CUfunction function), (value, attribute, function))
FORWARD(FuncSetAttribute, cuFuncSetAttribute, (CUfunction function, int attribute, int value), (function, attribute, value))
FORWARD(LaunchKernel, cuLaunchKernel,
        (CUfunction function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x, unsigned block_y, unsigned block_z,
         unsigned shared_bytes, CUstream stream, void **params, void **extra),
        (function, grid_x, grid_y, grid_z, block_x, block_y, block_z, shared_bytes, stream, params, extra))
FORWARD(MemAllocAsync, cuMemAllocAsync, (CUdeviceptr *p, size_t bytes, CUstream stream), (p, bytes, stream))
FORWARD(MemFreeAsync, cuMemFreeAsync, (CUdeviceptr p, CUstream stream), (p, stream))
FORWARD(DeviceGetDefaultMemPool, cuDeviceGetDefaultMemPool, (void **pool, CUdevice device), (pool, device))
FORWARD(MemPoolSetAttribute, cuMemPoolSetAttribute, (void *pool, int attribute, void *value), (pool, attribute, value))
FORWARD(MemPoolTrimTo, cuMemPoolTrimTo, (void *pool, size_t keep), (pool, keep))
FORWARD(StreamBeginCapture, cuStreamBeginCapture_v2, (CUstream stream, int mode), (stream, mode))
FORWARD(StreamEndCapture, cuStreamEndCapture, (CUstream stream, CUgraph *graph), (stream, graph))
FORWARD(GraphInstantiate, cuGraphInstantiateWithFlags, (CUgraphExec *exec, CUgraph graph, unsigned long long flags), (exec, graph, flags))
FORWARD(GraphLaunch, cuGraphLaunch, (CUgraphExec exec, CUstream stream), (exec, stream))
FORWARD(GraphExecDestroy, cuGraphExecDestroy, (CUgraphExec exec), (exec))
FORWARD(GraphDestroy, cuGraphDestroy, (CUgraph graph), (graph))

_Static_assert(__COUNTER__ - FORWARDED_before - 1 == KIND_COUNT, "an entry point of driver.h is not forwarded");
