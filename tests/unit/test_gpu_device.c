/* tests/unit/test_gpu_device.c — driver, device, memory, copies and arrays' buffers, on the stand-in for the CUDA driver.
 * Usage: test_gpu_device [STANDIN]; without the argument, on the device of this machine.  Each test is a process of its own:
 * what is opened stays open, and one breaks the device on purpose. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#define raise raise_signal      /* vm.h has one of its own */
#include <sys/wait.h>
#undef raise

#include "interp/module.h"
#include "interp/ops.h"
#include "interp/seq.h"
#include "jit/gpu/buffer.h"
#include "jit/gpu/fill.h"

static int n_failed;

#define CHECK(x) check((x), #x, __LINE__)
static bool check(bool ok, const char *what, int line)
{
    if (!ok) {
        __atomic_fetch_add(&n_failed, 1, __ATOMIC_RELAXED);
        fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, line, what);
    }
    return ok;
}

enum { MEMORY = 24 << 20, STANDIN = 1 };
static bool is_standin;

static GpuDevice *device(void)
{
    const char *why = "";
    GpuDevice *d = gpu_device(-1, &why);
    if (!d) {
        fprintf(stderr, "%s\n", why);
        exit(2);
    }
    return d;
}

static VM *new_vm(void)
{
    Mem mem;
    mem_init(&mem, NULL, NULL);
    VM *vm = vm_new(&mem);
    if (!vm)
        exit(2);
    return vm;
}

static Value bytes_array(VM *vm, int64_t size, unsigned seed)
{
    Value v = array_new(vm, DT_U8, 1, &size, false);
    if (IS_ERR(v))
        exit(2);
    for (int64_t i = 0; i < size; i++)
        ARRAY(v)->data[i] = (char)(seed + (uint64_t)i * 7 + ((uint64_t)i >> 8));
    return v;
}

static bool holds(const char *p, size_t size, unsigned char byte)
{
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)p[i] != byte)
            return false;
    return true;
}

/* What a kernel would do: all bytes become `byte`. */
static GpuStatus device_fill(GpuDevice *d, GpuBuffer *g, unsigned char byte)
{
    return gpu_check(d, d->cu->MemsetD8Async(g->at, byte, g->size, d->stream), "cuMemsetD8Async");
}

/* ---- driver and device ----------------------------------------------------------------------------------------------------- */

static void no_driver(void)
{
    const char *why = NULL, *again = NULL;
    setenv("ALPY_CUDA_DRIVER", "/nowhere/libcuda.so.1", 1);
    CHECK(gpu_is_likely());
    CHECK(!gpu_driver(&why) && why && strstr(why, "/nowhere/libcuda.so.1"));
    CHECK(!gpu_driver(&again) && again == why);
    CHECK(!gpu_device(0, &again) && again == why);
    setenv("ALPY_NVRTC", "/nowhere/libnvrtc.so", 1);
    CHECK(!gpu_nvrtc(&why) && strstr(why, "/nowhere/libnvrtc.so"));
}

/* A library without the functions. */
static void wrong_library(void)
{
    const char *why = NULL;
    setenv("ALPY_CUDA_DRIVER", "libm.so.6", 1);
    setenv("ALPY_NVRTC", "libm.so.6", 1);
    CHECK(!gpu_driver(&why) && strstr(why, "cuInit"));
    CHECK(!gpu_nvrtc(&why) && strstr(why, "nvrtcVersion"));
}

static void attributes(void)
{
    const char *why = NULL;
    const GpuDriver *cu = gpu_driver(&why);
    CHECK(cu && cu->version > 0 && cu == gpu_driver(&why));
    CHECK(gpu_nvrtc(&why) != NULL);
    GpuDevice *d = device();
    CHECK(d == gpu_device(0, &why) && d->major > 0 && d->n_sm > 0 && d->max_threads >= 32);
    CHECK(d->total_bytes >= MEMORY && d->name[0]);
    CHECK(!gpu_device(15, &why) && strstr(why, "no CUDA device 15"));
    CHECK(!gpu_device(1000, &why) && *why);
    CHECK(gpu_enter(d));
    CHECK(gpu_wait(d) == GPU_OK);
    gpu_leave(d);
}

#define KERNEL(body) "struct k_args { long long *p; };\n" \
    "extern \"C\" __global__ void k(const __grid_constant__ struct k_args a) { " body " }\n"

static void compiling(void)
{
    static const char good[] = KERNEL("*a.p = 5;"), bad[] = KERNEL("*a.q = 5;");
    GpuDevice *d = device();
    char error[300] = "";
    size_t size = 0;
    CUmodule module;
    CUfunction f;
    char *cubin = gpu_compile(d, good, "k.cu", false, &size, error, sizeof error);
    if (!CHECK(cubin && size > 0)) {
        fprintf(stderr, "%s\n", error);
        return;
    }
    CHECK(gpu_enter(d));
    CHECK(gpu_load(d, cubin, &module) == GPU_OK);
    CHECK(d->cu->ModuleGetFunction(&f, module, "k") == CUDA_SUCCESS);
    CUdeviceptr p;
    long long x = 0;
    void *params[] = { &p };
    CHECK(gpu_alloc(d, sizeof x, &p) == GPU_OK);
    CHECK(d->cu->LaunchKernel(f, 1, 1, 1, 1, 1, 1, 0, d->stream, params, NULL) == CUDA_SUCCESS);
    CHECK(gpu_download(d, &x, p, sizeof x) == GPU_OK && x == 5);
    gpu_free(d, p, sizeof x);
    CHECK(d->cu->ModuleUnload(module) == CUDA_SUCCESS);
    static const char no_image[200] = "no image at all";
    CHECK(gpu_load(d, no_image, &module) == GPU_BROKEN);
    CHECK(!d->broken[0]);
    gpu_leave(d);
    free(cubin);
    cubin = gpu_compile(d, bad, "k.cu", false, &size, error, sizeof error);
    CHECK(!cubin && strstr(error, "error") && strstr(error, "q") && !strchr(error, '\n'));
}

/* ---- copies and memory ----------------------------------------------------------------------------------------------------- */

static void copies(void)
{
    static const size_t sizes[] = { 1, 1000, 64 << 10, (64 << 10) + 1, 4 << 20, (4 << 20) + 1, 8 << 20, (9 << 20) + 12345 };
    GpuDevice *d = device();
    VM *vm = new_vm();
    CHECK(gpu_enter(d));
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        size_t n = sizes[i];
        CUdeviceptr p = 0, q = 0;
        Value from = bytes_array(vm, (int64_t)n, (unsigned)i), to = bytes_array(vm, (int64_t)n, 77);
        char *a = ARRAY(from)->data, *b = ARRAY(to)->data, *kept = malloc(n);
        memcpy(kept, a, n);
        CHECK(gpu_alloc(d, n, &p) == GPU_OK && gpu_alloc(d, n, &q) == GPU_OK && p % 256 == 0 && q % 256 == 0);
        CHECK(gpu_upload(d, p, a, n) == GPU_OK);
        memset(a, 0, n);                /* may be used again at once */
        CHECK(d->cu->MemcpyDtoDAsync(q, p, n, d->stream) == CUDA_SUCCESS);
        CHECK(gpu_download(d, b, q, n) == GPU_OK);
        CHECK(memcmp(b, kept, n) == 0);
        gpu_free(d, p, n);
        gpu_free(d, q, n);
        free(kept);
        value_free(vm, from);
        value_free(vm, to);
    }
    GpuCounters c;
    gpu_counters(d, &c);
    CHECK(c.n_up == COUNT_OF(sizes) && c.n_down == c.n_up && c.bytes_up == c.bytes_down);
    CHECK(c.bytes_up > (25 << 20) && c.bytes_held == 0);
    CHECK(gpu_upload(d, 0, "", 0) == GPU_OK && gpu_download(d, NULL, 0, 0) == GPU_OK);
    gpu_leave(d);
    vm_free(vm);
}

typedef struct Piece { CUdeviceptr at; size_t size; } Piece;

/* Random blocks: none overlaps another, what is short is told, and all comes back. */
static void allocate(bool pools)
{
    enum { N = 64 };
    static Piece piece[N];
    const char *why;
    GpuDriver *cu = (GpuDriver *)(uintptr_t)gpu_driver(&why);
    if (!pools)
        cu->MemAllocAsync = NULL;
    GpuDevice *d = device();
    CHECK(gpu_enter(d));
    unsigned long long random = 1;
    bool was_short = false;
    for (int round = 0; round < 3000; round++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        Piece *p = &piece[random >> 33 & (N - 1)];
        if (p->at) {
            gpu_free(d, p->at, p->size);
            p->at = 0;
            continue;
        }
        p->size = (size_t)1 << (random >> 40 & 15);
        p->size = p->size * (random >> 48 & 255) + (random >> 56 & 255);
        GpuStatus s = gpu_alloc(d, p->size, &p->at);
        CHECK(s == GPU_OK || s == GPU_NO_MEMORY);
        if (s != GPU_OK) {
            was_short = true;
            p->at = 0;
        }
        for (int k = 0; p->at && k < N; k++)
            if (&piece[k] != p && piece[k].at)
                CHECK(p->at + p->size <= piece[k].at || piece[k].at + piece[k].size <= p->at);
    }
    CHECK(was_short && !d->broken[0]);
    for (int k = 0; k < N; k++)
        if (piece[k].at)
            gpu_free(d, piece[k].at, piece[k].size);
    CUdeviceptr all;
    CHECK(d->counters.bytes_held == 0);
    CHECK(gpu_alloc(d, MEMORY / 4 * 3, &all) == GPU_OK);        /* what was kept is given up for it */
    gpu_free(d, all, MEMORY / 4 * 3);
    CHECK(gpu_alloc(d, SIZE_MAX, &all) == GPU_NO_MEMORY && gpu_alloc(d, MEMORY * (size_t)2, &all) == GPU_NO_MEMORY);
    CHECK(!d->broken[0]);
    gpu_leave(d);
}

static void memory_with_pools(void)
{
    allocate(true);
}

static void memory_without_pools(void)
{
    allocate(false);
}

/* ---- buffers --------------------------------------------------------------------------------------------------------------- */

static void sides(void)
{
    enum { N = 100000 };
    GpuDevice *d = device();
    VM *vm = new_vm();
    Value v = bytes_array(vm, N, 3);
    Array *a = ARRAY(v);
    GpuBuffer *g;
    uint64_t up;
    CHECK(gpu_enter(d));
    CHECK(gpu_buffer_acquire(d, vm, a->buf, false, &g) == GPU_OK && g->side == SIDE_Both && g->pins == 1 && vm->n_on_device == 1);
    gpu_buffer_release(g, false);
    up = d->counters.n_up;
    CHECK(gpu_buffer_acquire(d, vm, a->buf, false, &g) == GPU_OK && d->counters.n_up == up);
    CHECK(device_fill(d, g, 0x11) == GPU_OK);
    gpu_buffer_release(g, true);
    CHECK(g->side == SIDE_Device);
    gpu_leave(d);

    CHECK(array_to_host(vm, a, HOST_Read) == ALP_OK && holds(a->data, N, 0x11) && g->side == SIDE_Both);
    uint64_t down = d->counters.n_down;
    CHECK(array_to_host(vm, a, HOST_Read) == ALP_OK && d->counters.n_down == down);
    CHECK(array_to_host(vm, a, HOST_Write) == ALP_OK && d->counters.n_down == down && g->side == SIDE_Host);
    memset(a->data, 0x22, N);

    CHECK(gpu_enter(d));
    CHECK(gpu_buffer_acquire(d, vm, a->buf, false, &g) == GPU_OK && d->counters.n_up == up + 1);
    gpu_buffer_release(g, true);
    memset(a->data, 0, N);
    gpu_leave(d);
    Value list = list_new(vm, &v, 1), tuple = tuple_new(vm, &list, 1);
    CHECK(list_append(vm, list, value_ref(list)) == ALP_OK);   /* holds itself */
    CHECK(value_to_host(vm, tuple, HOST_Read) == ALP_OK && holds(a->data, N, 0x22));
    value_free(vm, tuple);
    CHECK(op_set_index(vm, list, V_INT(1), V_NONE) == ALP_OK);
    value_free(vm, list);

    CHECK(array_to_host(vm, a, HOST_Write) == ALP_OK);
    CHECK(gpu_enter(d));
    up = d->counters.n_up;
    CHECK(gpu_buffer_acquire(d, vm, a->buf, true, &g) == GPU_OK && d->counters.n_up == up);     /* overwritten: not copied */
    CHECK(device_fill(d, g, 0x33) == GPU_OK);
    gpu_buffer_release(g, true);
    gpu_leave(d);
    CHECK(array_to_host(vm, a, HOST_Write) == ALP_OK && holds(a->data, N, 0x33));

    value_free(vm, v);
    CHECK(vm->n_on_device == 0 && !vm->on_device && !d->first && !d->last && d->counters.bytes_held == 0);
    vm_free(vm);
}

/* Memory of a host program, and addresses given away. */
static void shared_bytes(void)
{
    enum { N = 5000 };
    GpuDevice *d = device();
    VM *vm = new_vm();
    static char lent[N];
    int64_t n = N, stride = 1;
    Buffer *b = buffer_borrow(vm, lent, N, NULL, NULL);
    Value v = array_view(vm, b, lent, DT_U8, 1, &n, &stride, false), w = bytes_array(vm, N, 1);
    buffer_unref(vm, b);
    GpuBuffer *g;
    CHECK(gpu_enter(d));
    CHECK(gpu_buffer_acquire(d, vm, b, false, &g) == GPU_OK && device_fill(d, g, 0x44) == GPU_OK);
    gpu_buffer_release(g, true);
    CHECK(gpu_buffers_write_back(d, vm) == GPU_OK && holds(lent, N, 0x44) && g->side == SIDE_Host);
    gpu_leave(d);
    memset(lent, 0x55, N);              /* the host program's turn */
    CHECK(gpu_enter(d));
    CHECK(gpu_buffer_acquire(d, vm, b, false, &g) == GPU_OK);
    gpu_buffer_release(g, true);
    memset(lent, 0, N);
    gpu_leave(d);
    CHECK(lent_to_host(vm) == ALP_OK && holds(lent, N, 0x55) && g->side == SIDE_Host);

    Array *a = ARRAY(w);
    CHECK(array_to_host(vm, a, HOST_Expose) == ALP_OK && a->buf->exposed);      /* before it is on a device */
    CHECK(gpu_enter(d));
    CHECK(gpu_buffer_acquire(d, vm, a->buf, false, &g) == GPU_OK && device_fill(d, g, 0x66) == GPU_OK);
    gpu_buffer_release(g, true);
    CHECK(holds(a->data, N, 0x66));
    memset(a->data, 0x77, N);           /* by the address */
    CHECK(gpu_buffer_acquire(d, vm, a->buf, false, &g) == GPU_OK);
    gpu_buffer_release(g, true);
    CHECK(holds(a->data, N, 0x77));
    gpu_leave(d);
    value_free(vm, v);
    value_free(vm, w);
    CHECK(vm->n_on_device == 0);
    vm_free(vm);
}

/* A host program's memory, lent twice. */
static void lent_twice(void)
{
    enum { N = 5000 };
    GpuDevice *d = device();
    VM *vm = new_vm();
    static char memory[2 * N];
    Buffer *a = buffer_borrow(vm, memory, N, NULL, NULL), *apart = buffer_borrow(vm, memory + N, N, NULL, NULL), *b, *c;
    GpuBuffer *g, *other;
    b = buffer_borrow(vm, memory + N - 1, 1, NULL, NULL);       /* the last byte of a */
    CHECK(gpu_enter(d));
    CHECK(gpu_buffer_acquire(d, vm, a, false, &g) == GPU_OK && a->exposed && b->exposed && !apart->exposed);
    CHECK(gpu_buffer_acquire(d, vm, b, false, &other) == GPU_NO_MEMORY);
    CHECK(gpu_buffer_acquire(d, vm, apart, false, &other) == GPU_OK && !apart->exposed);
    CHECK(device_fill(d, g, 0x11) == GPU_OK && device_fill(d, other, 0x22) == GPU_OK);
    gpu_buffer_release(g, true);
    gpu_buffer_release(other, true);
    CHECK(holds(memory, N, 0x11));
    CHECK(gpu_buffer_acquire(d, vm, b, false, &other) == GPU_OK && device_fill(d, other, 0x33) == GPU_OK);
    gpu_buffer_release(other, true);
    CHECK(holds(memory, N - 1, 0x11) && memory[N - 1] == 0x33);
    gpu_leave(d);
    c = buffer_borrow(vm, memory + N, 7, NULL, NULL);           /* of what is on the device alone */
    CHECK(c && c->exposed && apart->exposed && holds(memory + N, N, 0x22));
    buffer_unref(vm, a);
    buffer_unref(vm, b);
    buffer_unref(vm, c);
    buffer_unref(vm, apart);
    CHECK(vm->n_on_device == 0 && !vm->borrowed && !d->first);
    vm_free(vm);
}

/* More arrays than the device has room for, of two interpreters. */
static void eviction(void)
{
    enum { N = 9, SIZE = 5 << 20 };
    GpuDevice *d = device();
    VM *vm[2] = { new_vm(), new_vm() };
    Value v[N];
    GpuBuffer *g, *pinned;
    for (int i = 0; i < N; i++)
        v[i] = bytes_array(vm[i % 2], SIZE, (unsigned)i);
    CHECK(gpu_enter(d));
    CHECK(gpu_buffer_acquire(d, vm[0], ARRAY(v[0])->buf, false, &pinned) == GPU_OK);
    for (int round = 0; round < 2; round++)
        for (int i = 1; i < N; i++) {
            CHECK(gpu_buffer_acquire(d, vm[i % 2], ARRAY(v[i])->buf, false, &g) == GPU_OK);
            CHECK(device_fill(d, g, (unsigned char)(i + round)) == GPU_OK);
            gpu_buffer_release(g, true);
        }
    CHECK(d->counters.n_evicted > N && d->counters.bytes_held <= MEMORY && pinned->at && pinned->pins == 1);
    GpuBuffer *held[N];
    GpuStatus s = GPU_OK;
    int n = 0;
    while (n < N - 1 && s == GPU_OK) {
        s = gpu_buffer_acquire(d, vm[(n + 1) % 2], ARRAY(v[n + 1])->buf, false, &held[n]);
        n += s == GPU_OK;
    }
    CHECK(s == GPU_NO_MEMORY && n >= 3 && !d->broken[0]);      /* all pinned */
    while (n > 0)
        gpu_buffer_release(held[--n], false);
    gpu_buffer_release(pinned, false);
    gpu_leave(d);
    for (int i = 1; i < N; i++)
        CHECK(array_to_host(vm[i % 2], ARRAY(v[i]), HOST_Read) == ALP_OK &&
              holds(ARRAY(v[i])->data, SIZE, (unsigned char)(i + 1)));
    for (int i = 0; i < N; i++)
        value_free(vm[i % 2], v[i]);
    CHECK(d->counters.bytes_held == 0 && !d->first);
    vm_free(vm[0]);
    vm_free(vm[1]);
}

/* Descriptions of fresh arrays: the device makes the bytes that the host makes.  n: their number. */
static void check_fresh(GpuDevice *d, VM *vm, const Fresh *fresh)
{
    int64_t n = fresh->count, size = dtype_info[fresh->dtype].size;
    Value v = array_new(vm, (DType)fresh->dtype, 1, &n, false), w = array_new(vm, (DType)fresh->dtype, 1, &n, false);
    if (IS_ERR(v) || IS_ERR(w))
        exit(2);
    Array *a = ARRAY(v), *b = ARRAY(w);
    GpuBuffer *g;
    vm->late_bytes = 1;
    fresh_set(vm, a, fresh, false);
    fresh_set(vm, b, fresh, false);
    CHECK(fresh_of(a->buf) && fresh_of(b->buf));
    char room[16];
    const char *third = element_to_host(vm, b, b->data + 2 * size, room);       /* computed alone */
    CHECK(third == room && fresh_of(b->buf));
    CHECK(array_to_host(vm, b, HOST_Read) == ALP_OK && memcmp(b->data + 2 * size, room, (size_t)size) == 0);
    uint64_t up = d->counters.bytes_up;
    CHECK(gpu_enter(d));
    CHECK(gpu_buffer_acquire(d, vm, a->buf, false, &g) == GPU_OK && !fresh_of(a->buf));
    gpu_buffer_release(g, false);
    gpu_leave(d);
    CHECK(d->counters.bytes_up <= up + 1024);
    CHECK(array_to_host(vm, a, HOST_Read) == ALP_OK && memcmp(a->data, b->data, (size_t)(n * size)) == 0);
    value_free(vm, v);
    value_free(vm, w);
    CHECK(vm->n_on_device == 0);
}

static void fresh_arrays(void)
{
    GpuDevice *d = device();
    VM *vm = new_vm();
    for (int round = 0; round < 2; round++) {           /* without and with kernels */
        for (int t = 0; t < DT_COUNT; t++) {
            Fresh f = { .kind = FRESH_Element, .dtype = (uint8_t)t, .count = 5003 };
            static const double numbers[2] = { 3.25, -1.5 };
            array_cast((DType)t, f.u.element, dtype_info[t].size, DT_F64, (const char *)numbers, 8, 2);
            check_fresh(d, vm, &f);
            f.kind = FRESH_Zero;
            memset(f.u.element, 0, sizeof f.u.element);
            check_fresh(d, vm, &f);
        }
        fill_prepare(d, false);
    }
    for (int t = DT_Bool + 1; t < DT_C64; t++) {
        Fresh f = { .kind = FRESH_Range, .dtype = (uint8_t)t, .count = 70001 };
        static const double numbers[2] = { 100.1, 97.9 };
        array_cast((DType)t, f.u.element, dtype_info[t].size, DT_F64, (const char *)numbers, 8, 2);
        check_fresh(d, vm, &f);
    }
    check_fresh(d, vm, &(Fresh){ .kind = FRESH_Line, .dtype = DT_F64, .count = 12345, .u.line = { -0.1, 0.3 / 7, 529.3 } });
    vm_free(vm);
}

/* What cannot be made on the device stays a description: no memory there, or no kernel for it. */
static void fresh_refused(void)
{
    GpuDevice *d = device();
    VM *vm = new_vm();
    int64_t n = MEMORY + 1, m = 1000;
    Value large = array_new(vm, DT_U8, 1, &n, true), z = array_new(vm, DT_C128, 1, &m, false);
    if (IS_ERR(large) || IS_ERR(z))
        exit(2);
    GpuBuffer *g;
    vm->late_bytes = 1;
    fresh_set(vm, ARRAY(large), &(Fresh){ .kind = FRESH_Zero, .dtype = DT_U8, .count = n }, true);
    fresh_set(vm, ARRAY(z), &(Fresh){ .kind = FRESH_Range, .dtype = DT_C128, .count = m, .u.element = { 1 } }, false);
    CHECK(gpu_enter(d));
    CHECK(gpu_buffer_acquire(d, vm, ARRAY(large)->buf, false, &g) == GPU_NO_MEMORY && fresh_of(ARRAY(large)->buf));
    uint64_t up = d->counters.bytes_up;
    CHECK(gpu_buffer_acquire(d, vm, ARRAY(z)->buf, false, &g) == GPU_OK && d->counters.bytes_up == up + 16 * (uint64_t)m);
    gpu_buffer_release(g, false);
    gpu_leave(d);
    CHECK(array_to_host(vm, ARRAY(large), HOST_Read) == ALP_OK && fresh_of(ARRAY(large)->buf));        /* still known to be zeros */
    CHECK(array_to_host(vm, ARRAY(large), HOST_Write) == ALP_OK && !ARRAY(large)->buf->device);
    value_free(vm, large);
    value_free(vm, z);
    vm_free(vm);
}

/* Single elements of a large array. */
static void peeks_and_pokes(void)
{
    enum { N = 2 << 20 };
    GpuDevice *d = device();
    VM *vm = new_vm();
    Value v = bytes_array(vm, N, 5);
    Array *a = ARRAY(v);
    GpuBuffer *g;
    char room[16];
    CHECK(gpu_enter(d));
    CHECK(gpu_buffer_acquire(d, vm, a->buf, true, &g) == GPU_OK && device_fill(d, g, 0x11) == GPU_OK);
    gpu_buffer_release(g, true);
    gpu_leave(d);
    uint64_t down = d->counters.bytes_down, up = d->counters.bytes_up;
    CHECK(element_store(vm, a, a->data + 7, (Value){ .tag = T_NpU8, .u.u = 9 }) == ALP_OK && g->side == SIDE_Device);
    const char *p = element_to_host(vm, a, a->data + 7, room);
    CHECK(p == room && *p == 9 && d->counters.bytes_down == down + 1 && d->counters.bytes_up == up + 1);
    CHECK(array_to_host(vm, a, HOST_Read) == ALP_OK && (unsigned char)a->data[6] == 0x11 && a->data[7] == 9);
    CHECK(element_store(vm, a, a->data + 8, V_INT(10)) == ALP_OK && g->side == SIDE_Both && a->data[8] == 10);
    CHECK(element_store(vm, a, a->data + 8, V_INT(1000)) == ALP_FAIL && vm->exc_type == TY_OverflowError && a->data[8] == 10);
    vm_clear_exc(vm);
    for (int i = 0; i < 10; i++)                /* more of them: all of it is better */
        CHECK(element_store(vm, a, a->data + i, V_INT(i)) == ALP_OK && a->data[i] == i);
    CHECK(g->side == SIDE_Host && d->counters.bytes_down == down + 1 + N);
    value_free(vm, v);
    vm_free(vm);
}

/* In a child of fork() nothing of the device is touched: what is current on the host is there, the rest is lost. */
static void child_of_fork(void)
{
    GpuDevice *d = device();
    VM *vm = new_vm();
    Value v = bytes_array(vm, 1000, 1), w = bytes_array(vm, 1000, 2);
    GpuBuffer *g;
    CHECK(gpu_enter(d));
    CHECK(gpu_buffer_acquire(d, vm, ARRAY(v)->buf, false, &g) == GPU_OK);
    gpu_buffer_release(g, true);
    CHECK(gpu_buffer_acquire(d, vm, ARRAY(w)->buf, false, &g) == GPU_OK);
    gpu_buffer_release(g, false);
    pid_t pid = fork();                 /* with the lock taken, as another thread might have it */
    if (pid == 0) {
        const char *why = "";
        CHECK(gpu_is_gone() && !gpu_enter(d) && !gpu_driver(&why) && strstr(why, "fork"));
        CHECK(array_to_host(vm, ARRAY(v), HOST_Read) == ALP_FAIL && vm->exc_type == TY_RuntimeError);
        vm_clear_exc(vm);
        CHECK(array_to_host(vm, ARRAY(w), HOST_Write) == ALP_OK);
        value_free(vm, v);
        value_free(vm, w);
        CHECK(vm->n_on_device == 0);
        vm_free(vm);
        _exit(n_failed != 0);
    }
    gpu_leave(d);
    int status = -1;
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    CHECK(array_to_host(vm, ARRAY(v), HOST_Read) == ALP_OK);
    value_free(vm, v);
    value_free(vm, w);
    vm_free(vm);
}

/* ---- failures -------------------------------------------------------------------------------------------------------------- */

/* Some of everything, with a call of the driver that fails: what is said to have worked has worked, and nothing crashes. */
static void some_of_everything(void)
{
    enum { SIZE = (4 << 20) + 4096 };
    const char *why = "";
    GpuDevice *d = gpu_device(0, &why);
    if (!d) {
        CHECK(*why);
        return;
    }
    VM *vm = new_vm();
    Value v[8];
    for (unsigned i = 0; i < COUNT_OF(v); i++)
        v[i] = bytes_array(vm, SIZE, i);
    for (unsigned i = 0; i < COUNT_OF(v); i++) {
        GpuBuffer *g;
        if (!gpu_enter(d))
            break;
        GpuStatus s = gpu_buffer_acquire(d, vm, ARRAY(v[i])->buf, i % 3 == 0, &g);
        if (s == GPU_OK) {
            bool filled = device_fill(d, g, (unsigned char)i) == GPU_OK;
            gpu_buffer_release(g, filled);
        }
        CHECK(s != GPU_BROKEN || d->broken[0]);
        gpu_leave(d);
    }
    for (unsigned i = 0; i < COUNT_OF(v); i++) {
        Array *a = ARRAY(v[i]);
        GpuBuffer *g = (GpuBuffer *)(void *)a->buf->device;
        bool filled = g && a->data[3] != (char)i && g->side == SIDE_Device;
        if (array_to_host(vm, a, HOST_Read) != ALP_OK) {
            CHECK(vm->exc_type == TY_MemoryError || (vm->exc_type == TY_RuntimeError && d->broken[0]));
            vm_clear_exc(vm);
        } else if (filled) {
            CHECK(holds(a->data, SIZE, (unsigned char)i));
        }
        value_free(vm, v[i]);
    }
    CHECK(vm->n_on_device == 0 && (d->broken[0] || d->counters.bytes_held == 0));
    vm_free(vm);
}

static int run(void (*test)(void));

static void failing_calls(void)
{
    static const char *const codes[] = { "999", "2", "700" };
    char number[20];
    for (int k = 1; k < 200; k += k < 80 ? 1 : 3) {
        const char *code = codes[k % COUNT_OF(codes)];
        snprintf(number, sizeof number, "%d", k);
        setenv("ALPY_STANDIN_FAIL", number, 1);
        setenv("ALPY_STANDIN_FAIL_CODE", code, 1);
        if (!CHECK(run(some_of_everything) == 0))
            fprintf(stderr, "call %d, code %s\n", k, code);
    }
}

/* ---- threads --------------------------------------------------------------------------------------------------------------- */

/* Its own interpreter, the device and its memory shared with the others. */
static void *work(void *user)
{
    enum { N = 6, SIZE = 2 << 20 };
    GpuDevice *d = device();
    VM *vm = new_vm();
    Value v[N];
    unsigned char want[N];
    unsigned long long random = (unsigned long long)(uintptr_t)user;
    for (unsigned i = 0; i < N; i++) {
        v[i] = bytes_array(vm, SIZE, i);
        memset(ARRAY(v[i])->data, (int)i, SIZE);
        want[i] = (unsigned char)i;
    }
    for (int round = 0; round < 60; round++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        unsigned i = (random >> 33) % N;
        Array *a = ARRAY(v[i]);
        GpuBuffer *g;
        if (random >> 60 < 4) {
            CHECK(array_to_host(vm, a, HOST_Read) == ALP_OK && holds(a->data, SIZE, want[i]));
        } else if (random >> 60 < 6) {
            CHECK(array_to_host(vm, a, HOST_Write) == ALP_OK && holds(a->data, SIZE, want[i]));
            memset(a->data, ++want[i], SIZE);
        } else if (CHECK(gpu_enter(d))) {
            CHECK(gpu_buffer_acquire(d, vm, a->buf, false, &g) == GPU_OK);
            CHECK(device_fill(d, g, ++want[i]) == GPU_OK);
            gpu_buffer_release(g, true);
            gpu_leave(d);
        }
    }
    for (unsigned i = 0; i < N; i++)
        value_free(vm, v[i]);
    CHECK(vm->n_on_device == 0);
    vm_free(vm);
    return NULL;
}

static void threads(void)
{
    pthread_t thread[4];
    for (size_t i = 0; i < COUNT_OF(thread); i++)
        if (pthread_create(&thread[i], NULL, work, (void *)(i + 1)))
            exit(2);
    for (size_t i = 0; i < COUNT_OF(thread); i++)
        pthread_join(thread[i], NULL);
    CHECK(device()->counters.bytes_held == 0 && (device()->counters.n_evicted > 0 || !is_standin));
}

/* ---- all ------------------------------------------------------------------------------------------------------------------- */

static int run(void (*test)(void))
{
    pid_t pid = fork();
    if (pid == 0) {
        n_failed = 0;
        test();
        exit(n_failed != 0);
    }
    int status = -1;
    return pid > 0 && waitpid(pid, &status, 0) == pid ? status : -1;
}

int main(int argc, char **argv)
{
    static const struct { const char *name; void (*fn)(void); int needs; } tests[] = {
        { "no driver", no_driver }, { "wrong library", wrong_library }, { "attributes", attributes }, { "compiling", compiling },
        { "copies", copies }, { "memory with pools", memory_with_pools, STANDIN },
        { "memory without pools", memory_without_pools, STANDIN },
        { "sides", sides }, { "shared bytes", shared_bytes }, { "lent twice", lent_twice },
        { "fresh arrays", fresh_arrays }, { "fresh arrays that are refused", fresh_refused, STANDIN }, { "peeks and pokes", peeks_and_pokes },
        { "eviction", eviction, STANDIN }, { "child of fork", child_of_fork },
        { "failing calls", failing_calls, STANDIN }, { "threads", threads },
    };
    if (argc > 2)
        return 2;
    is_standin = argc == 2;
    if (is_standin) {
        char memory[20];
        snprintf(memory, sizeof memory, "%d", MEMORY);
        setenv("ALPY_CUDA_DRIVER", argv[1], 1);
        setenv("ALPY_NVRTC", argv[1], 1);
        setenv("ALPY_STANDIN_MEMORY", memory, 1);
    }
    int n_passed = 0, n_bad = 0;
    for (size_t i = 0; i < COUNT_OF(tests); i++) {
        if (tests[i].needs == STANDIN && !is_standin)
            continue;
        bool ok = run(tests[i].fn) == 0;
        if (!ok)
            fprintf(stderr, "%s: failed\n", tests[i].name);
        n_passed += ok;
        n_bad += !ok;
    }
    printf("%d passed, %d failed\n", n_passed, n_bad);
    return n_bad != 0;
}
