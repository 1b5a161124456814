/* jit/gpu/driver.h — the CUDA driver and NVRTC, opened at run time: entry points, found once per process.
 *
 * Building needs no CUDA headers: the few types and functions used are declared here, as CUDA 12 and 13 have them (a test compares
 * them with cuda.h and nvrtc.h where those are installed).  The driver is libcuda.so.1 and nothing else; NVRTC is looked for under the names that
 * the toolkits install.  ALPY_CUDA_DRIVER and ALPY_NVRTC name other files. */
#ifndef ALP_JIT_GPU_DRIVER_H
#define ALP_JIT_GPU_DRIVER_H

#include <pthread.h>

#include "dsl/base.h"

typedef int CUresult;                   /* 0: success */
typedef int CUdevice;
typedef struct CUctx_st    *CUcontext;
typedef struct CUmod_st    *CUmodule;
typedef struct CUfunc_st   *CUfunction;
typedef struct CUstream_st *CUstream;
typedef struct CUevent_st  *CUevent;
typedef struct CUgraph_st  *CUgraph;
typedef struct CUgraphExec_st *CUgraphExec;
typedef unsigned long long CUdeviceptr;
typedef int nvrtcResult;
typedef struct _nvrtcProgram *nvrtcProgram;

enum {
    CUDA_SUCCESS = 0, CUDA_ERROR_INVALID_VALUE = 1, CUDA_ERROR_OUT_OF_MEMORY = 2, CUDA_ERROR_NOT_INITIALIZED = 3, CUDA_ERROR_NO_DEVICE = 100,
    CUDA_ERROR_NOT_READY = 600, CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES = 701, CUDA_ERROR_STREAM_CAPTURE_INVALIDATED = 901,
};
/* CUdevice_attribute. */
enum {
    CU_ATTR_MAX_THREADS_PER_BLOCK = 1, CU_ATTR_SHARED_PER_BLOCK = 8, CU_ATTR_CLOCK_KHZ = 13, CU_ATTR_N_SM = 16, CU_ATTR_MEMORY_CLOCK_KHZ = 36, CU_ATTR_BUS_BITS = 37,
    CU_ATTR_L2_BYTES = 38, CU_ATTR_THREADS_PER_SM = 39, CU_ATTR_MAJOR = 75, CU_ATTR_MINOR = 76, CU_ATTR_SHARED_PER_SM = 81, CU_ATTR_SHARED_OPTIN = 97,
    CU_ATTR_MEMORY_POOLS = 115,
};
enum { CU_FUNC_REGS = 4, CU_FUNC_LOCAL_BYTES = 3, CU_FUNC_MAX_THREADS = 0, CU_FUNC_MAX_DYNAMIC_SHARED = 8 };

/* FN(name without "cu", symbol with version suffix, required, parameters).  Optional ones are NULL where the driver is too old. */
#define GPU_DRIVER_LIST(FN) \
    FN(Init,                 "cuInit",                      1, (unsigned flags)) \
    FN(DriverGetVersion,     "cuDriverGetVersion",          1, (int *version)) \
    FN(GetErrorName,         "cuGetErrorName",              1, (CUresult error, const char **text)) \
    FN(GetErrorString,       "cuGetErrorString",            1, (CUresult error, const char **text)) \
    FN(DeviceGetCount,       "cuDeviceGetCount",            1, (int *n)) \
    FN(DeviceGet,            "cuDeviceGet",                 1, (CUdevice *device, int ordinal)) \
    FN(DeviceGetName,        "cuDeviceGetName",             1, (char *name, int size, CUdevice device)) \
    FN(DeviceGetAttribute,   "cuDeviceGetAttribute",        1, (int *value, int attribute, CUdevice device)) \
    FN(DeviceTotalMem,       "cuDeviceTotalMem_v2",         1, (size_t *bytes, CUdevice device)) \
    FN(PrimaryCtxRetain,     "cuDevicePrimaryCtxRetain",    1, (CUcontext *context, CUdevice device)) \
    FN(PrimaryCtxRelease,    "cuDevicePrimaryCtxRelease_v2", 1, (CUdevice device)) \
    FN(CtxPushCurrent,       "cuCtxPushCurrent_v2",         1, (CUcontext context)) \
    FN(CtxPopCurrent,        "cuCtxPopCurrent_v2",          1, (CUcontext *context)) \
    FN(StreamCreate,         "cuStreamCreate",              1, (CUstream *stream, unsigned flags)) \
    FN(StreamDestroy,        "cuStreamDestroy_v2",          1, (CUstream stream)) \
    FN(StreamSynchronize,    "cuStreamSynchronize",         1, (CUstream stream)) \
    FN(StreamQuery,          "cuStreamQuery",               1, (CUstream stream)) \
    FN(EventCreate,          "cuEventCreate",               1, (CUevent *event, unsigned flags)) \
    FN(EventDestroy,         "cuEventDestroy_v2",           1, (CUevent event)) \
    FN(EventRecord,          "cuEventRecord",               1, (CUevent event, CUstream stream)) \
    FN(EventSynchronize,     "cuEventSynchronize",          1, (CUevent event)) \
    FN(EventQuery,           "cuEventQuery",                1, (CUevent event)) \
    FN(EventElapsedTime,     "cuEventElapsedTime",          1, (float *ms, CUevent start, CUevent end)) \
    FN(MemGetInfo,           "cuMemGetInfo_v2",             1, (size_t *free_bytes, size_t *total)) \
    FN(MemAlloc,             "cuMemAlloc_v2",               1, (CUdeviceptr *p, size_t bytes)) \
    FN(MemFree,              "cuMemFree_v2",                1, (CUdeviceptr p)) \
    FN(MemAllocHost,         "cuMemAllocHost_v2",           1, (void **p, size_t bytes)) \
    FN(MemFreeHost,          "cuMemFreeHost",               1, (void *p)) \
    FN(MemcpyHtoDAsync,      "cuMemcpyHtoDAsync_v2",        1, (CUdeviceptr to, const void *from, size_t bytes, CUstream stream)) \
    FN(MemcpyDtoHAsync,      "cuMemcpyDtoHAsync_v2",        1, (void *to, CUdeviceptr from, size_t bytes, CUstream stream)) \
    FN(MemcpyDtoDAsync,      "cuMemcpyDtoDAsync_v2",        1, (CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream stream)) \
    FN(MemsetD8Async,        "cuMemsetD8Async",             1, (CUdeviceptr p, unsigned char byte, size_t n, CUstream stream)) \
    FN(ModuleLoadData,       "cuModuleLoadData",            1, (CUmodule *module, const void *image)) \
    FN(ModuleUnload,         "cuModuleUnload",              1, (CUmodule module)) \
    FN(ModuleGetFunction,    "cuModuleGetFunction",         1, (CUfunction *function, CUmodule module, const char *name)) \
    FN(FuncGetAttribute,     "cuFuncGetAttribute",          1, (int *value, int attribute, CUfunction function)) \
    FN(FuncSetAttribute,     "cuFuncSetAttribute",          1, (CUfunction function, int attribute, int value)) \
    FN(LaunchKernel,         "cuLaunchKernel",              1, (CUfunction function, unsigned grid_x, unsigned grid_y, unsigned grid_z, \
                                                                unsigned block_x, unsigned block_y, unsigned block_z, unsigned shared_bytes, \
                                                                CUstream stream, void **params, void **extra)) \
    FN(MemAllocAsync,        "cuMemAllocAsync",             0, (CUdeviceptr *p, size_t bytes, CUstream stream)) \
    FN(MemFreeAsync,         "cuMemFreeAsync",              0, (CUdeviceptr p, CUstream stream)) \
    FN(DeviceGetDefaultMemPool, "cuDeviceGetDefaultMemPool", 0, (void **pool, CUdevice device)) \
    FN(MemPoolSetAttribute,  "cuMemPoolSetAttribute",       0, (void *pool, int attribute, void *value)) \
    FN(MemPoolTrimTo,        "cuMemPoolTrimTo",             0, (void *pool, size_t keep)) \
    FN(StreamBeginCapture,   "cuStreamBeginCapture_v2",     0, (CUstream stream, int mode)) \
    FN(StreamEndCapture,     "cuStreamEndCapture",          0, (CUstream stream, CUgraph *graph)) \
    FN(GraphInstantiate,     "cuGraphInstantiateWithFlags", 0, (CUgraphExec *exec, CUgraph graph, unsigned long long flags)) \
    FN(GraphLaunch,          "cuGraphLaunch",               0, (CUgraphExec exec, CUstream stream)) \
    FN(GraphExecDestroy,     "cuGraphExecDestroy",          0, (CUgraphExec exec)) \
    FN(GraphDestroy,         "cuGraphDestroy",              0, (CUgraph graph))

#define NVRTC_LIST(FN) \
    FN(Version,              "nvrtcVersion",                1, (int *major, int *minor)) \
    FN(CreateProgram,        "nvrtcCreateProgram",          1, (nvrtcProgram *program, const char *text, const char *name, int n_headers, \
                                                                const char *const *headers, const char *const *names)) \
    FN(DestroyProgram,       "nvrtcDestroyProgram",         1, (nvrtcProgram *program)) \
    FN(CompileProgram,       "nvrtcCompileProgram",         1, (nvrtcProgram program, int n_options, const char *const *options)) \
    FN(GetCUBINSize,         "nvrtcGetCUBINSize",           1, (nvrtcProgram program, size_t *size)) \
    FN(GetCUBIN,             "nvrtcGetCUBIN",               1, (nvrtcProgram program, char *to)) \
    FN(GetProgramLogSize,    "nvrtcGetProgramLogSize",      1, (nvrtcProgram program, size_t *size)) \
    FN(GetProgramLog,        "nvrtcGetProgramLog",          1, (nvrtcProgram program, char *to))

typedef struct GpuDriver {
#define FN(name, symbol, required, params) CUresult (*name) params;
    GPU_DRIVER_LIST(FN)
#undef FN
    int version;                        /* 13000: CUDA 13.0 */
} GpuDriver;

typedef struct Nvrtc {
#define FN(name, symbol, required, params) nvrtcResult (*name) params;
    NVRTC_LIST(FN)
#undef FN
    int major, minor;
    char path[512];
} Nvrtc;

/* Opened and initialised at the first call (cuInit takes tens of milliseconds); the answer stays.  NULL: *why, which lives for ever, says why not.
 * Not in a child of a fork() behind cuInit: CUDA does not work there. */
const GpuDriver *gpu_driver(const char **why);
/* Likewise. */
const Nvrtc *gpu_nvrtc(const char **why);
/* Is there a driver and a device at all?  Looks at files only, opens nothing. */
bool gpu_is_likely(void);
/* Is this the child of a fork() behind cuInit, or does the process end?  Then nothing of the driver may be called, and no lock that guards it be taken. */
bool gpu_is_gone(void);
/* Some library may have registered what it does at the end of the process: calls under way are waited for before that.  False: the process ends. */
bool gpu_end_comes_first(void);
/* The process ends: takes the lock once, so that who had it before is done; not for longer than ten seconds, since that may be the calling thread. */
void gpu_wait_at_exit(pthread_mutex_t *lock);
/* device.c's part: waits for whoever opens or uses a device. */
void gpu_devices_at_exit(void);

#endif
