/* jit/gpu/device.c — devices of the process: opening, the lock, failures, compiling and loading. */
#include "jit/gpu/device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jit/gpu/device_private.h"
#include "profile/machine.h"

enum {
    MAX_DEVICES = 16,
    CU_STREAM_NON_BLOCKING = 1,
    CU_ATTR_PCI_BUS = 33, CU_ATTR_PCI_DEVICE = 34, CU_ATTR_PCI_DOMAIN = 50,
};

/* Devices once asked for; they are never closed: the driver does that at the end of the process. */
static struct {
    pthread_mutex_t lock;
    GpuDevice *device[MAX_DEVICES];
    char       why[MAX_DEVICES][300];       /* "" = it is there, or nobody has asked */
} shared = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* ---- failures -------------------------------------------------------------------------------------------------------------- */

static void failure_text(const GpuDriver *cu, CUresult r, const char *what, char *out, size_t size)
{
    const char *name = NULL, *text = NULL;
    cu->GetErrorName(r, &name);
    cu->GetErrorString(r, &text);
    snprintf(out, size, "%s: %s (%s)", what, text ? text : "unknown error", name ? name : "?");
}

GpuStatus gpu_check(GpuDevice *d, CUresult r, const char *what)
{
    if (LIKELY(r == CUDA_SUCCESS))
        return GPU_OK;
    if (r == CUDA_ERROR_OUT_OF_MEMORY)
        return GPU_NO_MEMORY;
    if (!d->broken[0])
        failure_text(d->cu, r, what, d->broken, sizeof d->broken);
    return GPU_BROKEN;
}

/* ---- opening --------------------------------------------------------------------------------------------------------------- */

int gpu_attribute(const GpuDevice *d, int which)
{
    int value = 0;
    return d->cu->DeviceGetAttribute(&value, which, d->device) == CUDA_SUCCESS ? value : 0;
}

static void read_attributes(GpuDevice *d)
{
    static const struct { int which; size_t offset; } rows[] = {
        { CU_ATTR_MAJOR, offsetof(GpuDevice, major) },
        { CU_ATTR_MINOR, offsetof(GpuDevice, minor) },
        { CU_ATTR_N_SM, offsetof(GpuDevice, n_sm) },
        { CU_ATTR_CLOCK_KHZ, offsetof(GpuDevice, clock_khz) },
        { CU_ATTR_MAX_THREADS_PER_BLOCK, offsetof(GpuDevice, max_threads) },
        { CU_ATTR_THREADS_PER_SM, offsetof(GpuDevice, threads_per_sm) },
        { CU_ATTR_SHARED_PER_BLOCK, offsetof(GpuDevice, shared_per_block) },
        { CU_ATTR_SHARED_OPTIN, offsetof(GpuDevice, shared_optin) },
        { CU_ATTR_L2_BYTES, offsetof(GpuDevice, l2_bytes) },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int value = gpu_attribute(d, rows[i].which);
        memcpy((char *)d + rows[i].offset, &value, sizeof value);
    }
    snprintf(d->uuid_or_bus, sizeof d->uuid_or_bus, "%04x:%02x:%02x.0", (unsigned)gpu_attribute(d, CU_ATTR_PCI_DOMAIN),
             (unsigned)gpu_attribute(d, CU_ATTR_PCI_BUS), (unsigned)gpu_attribute(d, CU_ATTR_PCI_DEVICE));
}

/* Context and stream, with the context current meanwhile. */
static CUresult open_context(GpuDevice *d, const char **what)
{
    const GpuDriver *cu = d->cu;
    CUcontext popped;
    *what = "cuDevicePrimaryCtxRetain";
    CUresult r = cu->PrimaryCtxRetain(&d->context, d->device);
    if (r != CUDA_SUCCESS)
        return r;
    *what = "cuCtxPushCurrent";
    r = cu->CtxPushCurrent(d->context);
    if (r == CUDA_SUCCESS) {
        *what = "cuStreamCreate";
        r = cu->StreamCreate(&d->stream, CU_STREAM_NON_BLOCKING);
        if (r == CUDA_SUCCESS)
            memory_init(d);
        cu->CtxPopCurrent(&popped);
    }
    if (r != CUDA_SUCCESS)
        cu->PrimaryCtxRelease(d->device);
    return r;
}

static CUresult look_at(GpuDevice *d, const char **what)
{
    const GpuDriver *cu = d->cu;
    CUresult r;
    *what = "cuDeviceGet";
    if ((r = cu->DeviceGet(&d->device, d->ordinal)) != CUDA_SUCCESS)
        return r;
    *what = "cuDeviceGetName";
    if ((r = cu->DeviceGetName(d->name, (int)sizeof d->name, d->device)) != CUDA_SUCCESS)
        return r;
    *what = "cuDeviceTotalMem";
    if ((r = cu->DeviceTotalMem(&d->total_bytes, d->device)) != CUDA_SUCCESS)
        return r;
    read_attributes(d);
    return CUDA_SUCCESS;
}

static CUresult open_device(GpuDevice *d, const char **what)
{
    CUresult r = look_at(d, what);
    return r == CUDA_SUCCESS ? open_context(d, what) : r;
}

/* Under the lock.  NULL: why[size] says why. */
static GpuDevice *device_new(const GpuDriver *cu, int ordinal, char *why, size_t size)
{
    int count = 0;
    CUresult r = cu->DeviceGetCount(&count);
    if (r != CUDA_SUCCESS) {
        failure_text(cu, r, "cuDeviceGetCount", why, size);
        return NULL;
    }
    if (ordinal >= count) {
        if (count == 0)
            snprintf(why, size, "the CUDA driver sees no device");
        else
            snprintf(why, size, "there is no CUDA device %d: the driver sees %d", ordinal, count);
        return NULL;
    }
    GpuDevice *d = calloc(1, sizeof *d);
    struct DevicePrivate *p = calloc(1, sizeof *p);
    const char *what = "";
    if (d && p) {
        d->cu = cu;
        d->ordinal = ordinal;
        d->private = p;
        r = open_device(d, &what);
        if (r == CUDA_SUCCESS) {
            pthread_mutex_init(&p->lock, NULL);
            return d;
        }
        failure_text(cu, r, what, why, size);
    } else {
        snprintf(why, size, "no memory");
    }
    free(p);
    free(d);
    return NULL;
}

GpuDevice *gpu_device(int ordinal, const char **why)
{
    const GpuDriver *cu = gpu_driver(why);
    if (!cu)
        return NULL;
    if (ordinal < 0)
        ordinal = 0;
    if (ordinal >= MAX_DEVICES) {
        *why = "devices are numbered from 0 to 15";
        return NULL;
    }
    pthread_mutex_lock(&shared.lock);
    char *reason = shared.why[ordinal];
    GpuDevice *d = shared.device[ordinal];
    if (!d && !reason[0] && !gpu_is_gone()) {
        d = shared.device[ordinal] = device_new(cu, ordinal, reason, sizeof shared.why[ordinal]);
        gpu_end_comes_first();
    }
    pthread_mutex_unlock(&shared.lock);
    *why = d || reason[0] ? reason : "the process ends";
    return d;
}

void gpu_devices_at_exit(void)
{
    gpu_wait_at_exit(&shared.lock);
    for (int i = 0; i < MAX_DEVICES; i++)
        if (shared.device[i])
            gpu_wait_at_exit(&shared.device[i]->private->lock);
}

/* ---- which there are ------------------------------------------------------------------------------------------------------- */

int gpu_look(int ordinal, GpuDevice *told)
{
    const char *why, *what;
    int n = 0;
    *told = (GpuDevice){ .cu = gpu_driver(&why), .ordinal = ordinal };
    pthread_mutex_lock(&shared.lock);
    if (!told->cu || gpu_is_gone() || told->cu->DeviceGetCount(&n) != CUDA_SUCCESS)
        n = 0;
    else if (ordinal >= n || look_at(told, &what) != CUDA_SUCCESS)
        told->name[0] = 0;
    pthread_mutex_unlock(&shared.lock);
    return n;
}

uint64_t gpu_add_name(uint64_t list, const char *name)
{
    enum { KEPT = sizeof ((GpuMachine *)0)->name - 1 };
    uint64_t h = list ? list : 0xcbf29ce484222325u;
    for (int i = 0; i < KEPT && name[i]; i++)
        h = (h ^ (unsigned char)name[i]) * 0x100000001b3u;
    return (h ^ 0xff) * 0x100000001b3u | 1;
}

/* Under the lock. */
static bool is_as_believed(const GpuDriver *cu, int ordinal, uint64_t list)
{
    char first[128] = "", name[128];
    uint64_t seen = 0;
    bool is_one_kind = true;
    int n = 0;
    if (cu->DeviceGetCount(&n) != CUDA_SUCCESS)
        return true;            /* who opens it is told */
    for (int i = 0; i < n && i < MACHINE_GPUS; i++) {
        CUdevice device;
        if (cu->DeviceGet(&device, i) != CUDA_SUCCESS || cu->DeviceGetName(name, (int)sizeof name, device) != CUDA_SUCCESS)
            return true;
        if (i == 0)
            memcpy(first, name, sizeof first);
        is_one_kind &= strcmp(first, name) == 0;
        seen = gpu_add_name(seen, name);
    }
    return n == 0 || seen == list || (is_one_kind && ordinal < n);
}

bool gpu_is_as_believed(int ordinal, uint64_t list)
{
    const char *why;
    const GpuDriver *cu = list ? gpu_driver(&why) : NULL;
    if (!cu)
        return true;
    pthread_mutex_lock(&shared.lock);
    bool is = gpu_is_gone() || is_as_believed(cu, ordinal, list);
    pthread_mutex_unlock(&shared.lock);
    return is;
}

/* ---- the lock -------------------------------------------------------------------------------------------------------------- */

bool gpu_lock(GpuDevice *d)
{
    if (gpu_is_gone())
        return false;
    pthread_mutex_lock(&d->private->lock);
    if (!gpu_is_gone())
        return true;
    pthread_mutex_unlock(&d->private->lock);
    return false;
}

void gpu_unlock(GpuDevice *d)
{
    pthread_mutex_unlock(&d->private->lock);
}

bool gpu_enter(GpuDevice *d)
{
    if (!gpu_lock(d))
        return false;
    if (!d->broken[0] && gpu_check(d, d->cu->CtxPushCurrent(d->context), "cuCtxPushCurrent") == GPU_OK)
        return true;
    gpu_unlock(d);
    return false;
}

void gpu_leave(GpuDevice *d)
{
    CUcontext popped;
    d->cu->CtxPopCurrent(&popped);
    gpu_unlock(d);
}

GpuStatus gpu_wait(GpuDevice *d)
{
    return gpu_check(d, d->cu->StreamSynchronize(d->stream), "cuStreamSynchronize");
}

void gpu_counters(GpuDevice *d, GpuCounters *out)
{
    *out = d->counters;
}

/* ---- compiling and loading ------------------------------------------------------------------------------------------------- */

enum { NVRTC_OUT_OF_MEMORY = 1, NVRTC_INVALID_OPTION = 5, NVRTC_COMPILATION = 6 };

/* The first complaint of the compiler's log, on one line. */
static void first_complaint(const Nvrtc *n, nvrtcProgram program, char *error, size_t size)
{
    size_t log_size = 0;
    char *log = n->GetProgramLogSize(program, &log_size) == 0 && log_size > 1 ? malloc(log_size + 1) : NULL;
    if (log && n->GetProgramLog(program, log) == 0) {
        log[log_size] = 0;
        char *at = strstr(log, "error");
        while (at && at > log && at[-1] != '\n')
            at--;
        if (!at)
            at = log;
        snprintf(error, size, "NVRTC: %.*s", (int)strcspn(at, "\n"), at);
    } else {
        snprintf(error, size, "NVRTC failed without a word");
    }
    free(log);
}

static char *take_cubin(const Nvrtc *n, nvrtcProgram program, size_t *size, char *error, size_t error_size)
{
    char *cubin = NULL;
    if (n->GetCUBINSize(program, size) != 0 || *size == 0)
        snprintf(error, error_size, "NVRTC gives no machine code");
    else if (!(cubin = malloc(*size)))
        snprintf(error, error_size, "no memory");
    else if (n->GetCUBIN(program, cubin) != 0) {
        snprintf(error, error_size, "NVRTC gives no machine code");
        free(cubin);
        cubin = NULL;
    }
    return cubin;
}

/* One attempt; *r: NVRTC's answer. */
static char *compile(const Nvrtc *n, const char *text, const char *name, const char *const *options, int n_options, nvrtcResult *r,
                     size_t *size, char *error, size_t error_size)
{
    nvrtcProgram program;
    char *cubin = NULL;
    *r = n->CreateProgram(&program, text, name, 0, NULL, NULL);
    if (*r != 0) {
        snprintf(error, error_size, *r == NVRTC_OUT_OF_MEMORY ? "no memory" : "NVRTC: error %d from nvrtcCreateProgram", *r);
        return NULL;
    }
    *r = n->CompileProgram(program, n_options, options);
    if (*r == 0)
        cubin = take_cubin(n, program, size, error, error_size);
    else if (*r == NVRTC_OUT_OF_MEMORY)
        snprintf(error, error_size, "no memory");
    else        /* before the program goes: its log goes with it */
        first_complaint(n, program, error, error_size);
    n->DestroyProgram(&program);
    return cubin;
}

char *gpu_compile(GpuDevice *d, const char *text, const char *name, bool fast, size_t *size, char *error, size_t error_size)
{
    const char *why;
    const Nvrtc *n = gpu_nvrtc(&why);
    if (!n) {
        snprintf(error, error_size, "%s", why);
        return NULL;
    }
    char arch[40];
    snprintf(arch, sizeof arch, "--gpu-architecture=sm_%d%d", d->major, d->minor);
    /* The option that only newer compilers know stands last. */
    const char *const options[] = {
        arch, fast ? "--fmad=true" : "--fmad=false", "--ftz=false", "--prec-div=true", "--prec-sqrt=true", "--std=c++17",
        "--device-as-default-execution-space", "--minimal",
    };
    int n_options = COUNT_OF(options);
    nvrtcResult r;
    char *cubin = compile(n, text, name, options, n_options, &r, size, error, error_size);
    if (r == NVRTC_INVALID_OPTION)
        cubin = compile(n, text, name, options, n_options - 1, &r, size, error, error_size);
    return cubin;
}

GpuStatus gpu_load(GpuDevice *d, const char *cubin, CUmodule *out)
{
    /* Complaints about the image, which leave the context as it was. */
    enum {
        INVALID_IMAGE = 200, NO_BINARY = 209, INVALID_PTX = 218, UNSUPPORTED_PTX = 222, INVALID_SOURCE = 300, SHARED_NOT_FOUND = 302,
        NOT_FOUND = 500,
    };
    CUresult r = d->cu->ModuleLoadData(out, cubin);
    switch (r) {
    case INVALID_IMAGE: case NO_BINARY: case INVALID_PTX: case UNSUPPORTED_PTX: case INVALID_SOURCE: case SHARED_NOT_FOUND:
    case NOT_FOUND: case CUDA_ERROR_INVALID_VALUE:
        return GPU_BROKEN;
    default:
        return gpu_check(d, r, "cuModuleLoadData");
    }
}
