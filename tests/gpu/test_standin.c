/* tests/gpu/test_standin.c — does the stand-in notice what a real driver would, and run what it should?
 * Usage: test_standin LIBRARY */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "jit/gpu/driver.h"

static GpuDriver cu;
static Nvrtc nvrtc;
static int n_passed, n_failed;

#define CHECK(x) check(x, #x, __LINE__)
static void check(bool ok, const char *what, int line)
{
    n_passed += ok;
    n_failed += !ok;
    if (!ok)
        fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, line, what);
}

static bool bind(const char *path)
{
    void *lib = dlopen(path, RTLD_NOW);
    if (!lib) {
        fprintf(stderr, "%s\n", dlerror());
        return false;
    }
#define FN(name, symbol, required, params) { void *p = dlsym(lib, symbol); memcpy(&cu.name, &p, sizeof p); CHECK(p || !required); }
    GPU_DRIVER_LIST(FN)
#undef FN
#define FN(name, symbol, required, params) { void *p = dlsym(lib, symbol); memcpy(&nvrtc.name, &p, sizeof p); CHECK(p || !required); }
    NVRTC_LIST(FN)
#undef FN
    return true;
}

static CUstream stream;

static CUfunction kernel(const char *text, const char *name)
{
    static const char *const options[] = { "--gpu-architecture=sm_90" };
    nvrtcProgram p;
    CUmodule module;
    CUfunction f;
    size_t size;
    CHECK(nvrtc.CreateProgram(&p, text, "t.cu", 0, NULL, NULL) == 0);
    if (nvrtc.CompileProgram(p, 1, options)) {
        char log[4000];
        nvrtc.GetProgramLogSize(p, &size);
        if (size <= sizeof log) {
            nvrtc.GetProgramLog(p, log);
            fputs(log, stderr);
        }
        CHECK(false);
        return NULL;
    }
    CHECK(nvrtc.GetCUBINSize(p, &size) == 0);
    char *cubin = malloc(size);
    CHECK(nvrtc.GetCUBIN(p, cubin) == 0 && nvrtc.DestroyProgram(&p) == 0);
    CHECK(cu.ModuleLoadData(&module, cubin) == 0);
    free(cubin);
    CHECK(cu.ModuleGetFunction(&f, module, name) == 0);
    CHECK(cu.ModuleGetFunction(&(CUfunction){ 0 }, module, "not_there") != 0);
    return f;
}

static const char text[] =
    "struct args { double *x, *y; long long n; };\n"
    "extern \"C\" __global__ void __launch_bounds__(256) twice(const __grid_constant__ struct args a)\n"
    "{\n"
    "    long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x;\n"
    "    if (i < a.n) a.y[i] = 2 * a.x[i];\n"
    "}\n";
static const char warp_text[] =
    "struct args { double *x, *y; long long n; };\n"
    "extern \"C\" __global__ void sums(const __grid_constant__ struct args a)\n"
    "{\n"
    "    __shared__ double part[2];\n"
    "    double s = a.x[blockIdx.x * 64 + threadIdx.x];\n"
    "    for (int d = 16; d > 0; d >>= 1) s += __shfl_down_sync(0xffffffffu, s, d);\n"
    "    if (threadIdx.x % 32 == 0) part[threadIdx.x / 32] = s;\n"
    "    __syncthreads();\n"
    "    if (threadIdx.x == 0) a.y[blockIdx.x] = part[0] + part[1];\n"
    "}\n"
    "extern \"C\" __global__ void gone(const __grid_constant__ struct args a)\n"
    "{\n"
    "    if (threadIdx.x == 5) return;\n"
    "    a.y[threadIdx.x] = __shfl_sync(0xffffffffu, a.x[threadIdx.x], 0);\n"
    "}\n";

struct args { CUdeviceptr x, y; int64_t n; };

/* Something that breaks the driver for good, so in a process of its own: does it end with an error? */
static bool is_caught(const char *path, const char *which)
{
    pid_t child = fork();
    if (child == 0) {
        char program[64];
        snprintf(program, sizeof program, "/proc/%d/exe", (int)getppid());
        if (!freopen("/dev/null", "w", stderr))
            _exit(1);
        execl("/proc/self/exe", "test_standin", path, which, (char *)NULL);
        _exit(1);
    }
    int status;
    return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 42;
}

static void open_context(void)
{
    CUcontext context;
    int v = 0;
    CHECK(cu.Init(0) == 0 && cu.DriverGetVersion(&v) == 0 && v == 13000);
    CHECK(cu.StreamCreate(&stream, 1) != 0);            /* no context */
    CHECK(cu.PrimaryCtxRetain(&context, 0) == 0 && cu.CtxPushCurrent(context) == 0);
    CHECK(cu.StreamCreate(&stream, 1) == 0);
}

enum { N = 1000 };

static void results(void)
{
    double x[N], y[N], *pinned;
    struct args a = { .n = N };
    void *params[] = { &a };
    for (int i = 0; i < N; i++)
        x[i] = i;
    CHECK(cu.MemAlloc(&a.x, sizeof x) == 0 && cu.MemAlloc(&a.y, sizeof y) == 0);
    CHECK(cu.MemcpyHtoDAsync(a.x, x, sizeof x + 1, stream) != 0);       /* beyond the end */
    CHECK(cu.MemcpyHtoDAsync(a.x, x, sizeof x, stream) == 0);
    memset(x, 0, sizeof x);             /* pageable memory was read */
    CUfunction f = kernel(text, "twice");
    CHECK(cu.LaunchKernel(f, 4, 1, 1, 256, 1, 1, 0, stream, params, NULL) == 0);
    CHECK(cu.LaunchKernel(f, 0, 1, 1, 256, 1, 1, 0, stream, params, NULL) != 0);
    CHECK(cu.LaunchKernel(f, 1, 1, 1, 2048, 1, 1, 0, stream, params, NULL) != 0);
    CHECK(cu.MemAllocHost((void **)&pinned, sizeof y) == 0);
    memset(pinned, 0, sizeof y);
    CHECK(cu.MemcpyDtoHAsync(pinned, a.y, sizeof y, stream) == 0);
    CHECK(pinned[10] == 0);             /* nobody has waited */
    CHECK(cu.StreamSynchronize(stream) == 0);
    int wrong = 0;
    for (int i = 0; i < N; i++)
        wrong += pinned[i] != 2 * i;
    CHECK(wrong == 0);
    CUfunction g = kernel(warp_text, "sums");
    CHECK(cu.LaunchKernel(g, 15, 1, 1, 64, 1, 1, 0, stream, params, NULL) == 0);
    CHECK(cu.MemcpyDtoHAsync(y, a.y, sizeof y, stream) == 0);
    for (int b = 0; b < 15; b++)
        CHECK(y[b] == (b * 64 + b * 64 + 63) * 32.0);
    CHECK(cu.MemFreeHost(pinned) == 0 && cu.MemFree(a.x) == 0 && cu.MemFree(a.y) == 0 && cu.MemFree(a.y) != 0);
    pid_t child = fork();
    if (child == 0)
        _exit(cu.StreamSynchronize(stream) == CUDA_ERROR_NOT_INITIALIZED ? 42 : 1);
    int status;
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 42);
}

/* A warp from which a lane is missing. */
static int missing_lane(void)
{
    struct args a = { .n = N };
    void *params[] = { &a };
    CHECK(cu.MemAlloc(&a.x, N * 8) == 0 && cu.MemAlloc(&a.y, N * 8) == 0);
    CUfunction f = kernel(warp_text, "gone");
    CHECK(cu.LaunchKernel(f, 1, 1, 1, 32, 1, 1, 0, stream, params, NULL) == 0);
    bool failed = cu.StreamSynchronize(stream) != 0 && cu.MemFree(a.x) != 0;    /* sticky */
    return failed && n_failed == 0 ? 42 : 1;
}

int main(int argc, char **argv)
{
    if (argc < 2 || !bind(argv[1]))
        return 1;
    if (argc < 3)
        CHECK(is_caught(argv[1], "missing-lane"));
    open_context();
    if (argc > 2)
        return missing_lane();
    results();
    printf("%d passed, %d failed\n", n_passed, n_failed);
    return n_failed != 0;
}
