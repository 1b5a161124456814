/* jit/gpu/fill.c — see fill.h.
 *
 * Steps (arange, linspace) are computed by kernels of a text of their own, in the operations of interp/fresh.c, to the same bits.  Repeated
 * elements do not wait for a compiler: where those kernels are not there, a few are copied, and what is there is copied behind itself until
 * all is full, which takes twice as long. */
#include "jit/gpu/fill.h"

#include <pthread.h>
#include <stdlib.h>

#include "jit/gpu/device_private.h"
#include "jit/gpu/image.h"

enum {
    SEED_BYTES = 1 << 10,       /* a multiple of every element's size */
    BLOCK = 256,
    MAX_BLOCKS = 1 << 16,
};

typedef struct FillArgs {       /* as in the text */
    CUdeviceptr to;
    int64_t  n;
    uint64_t first, second;     /* integers, sign-extended */
    double   start, step, last; /* floats: FRESH_Range has its second element in `step` */
} FillArgs;

#define KERNEL(name, T, before, value) \
    "extern \"C\" __global__ void __launch_bounds__(256) " name "(const __grid_constant__ struct fill_args a)\n" \
    "{\n" \
    "    " T " *x = (" T " *)a.to" before ";\n" \
    "    long long all = (long long)gridDim.x * blockDim.x;\n" \
    "    for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < a.n; i += all)\n" \
    "        x[i] = " value ";\n" \
    "}\n"
#define INTEGERS(name, T)   KERNEL(name, T, "", "(" T ")(a.first + (unsigned long long)i * (a.second - a.first))")
#define FLOATS(name, T)     KERNEL(name, T, ", start = (" T ")a.start, second = (" T ")a.step, delta = second - start", \
                                   "i == 0 ? start : i == 1 ? second : start + (" T ")i * delta")

static const char text[] =
    "/* Fresh arrays in equal steps. */\n"
    "struct fill_args { void *to; long long n; unsigned long long first, second; double start, step, last; };\n"
    INTEGERS("fill_8", "unsigned char") INTEGERS("fill_16", "unsigned short") INTEGERS("fill_32", "unsigned int")
    INTEGERS("fill_64", "unsigned long long") FLOATS("fill_f32", "float") FLOATS("fill_f64", "double")
    KERNEL("fill_line", "double", "", "i + 1 == a.n ? a.last : (double)i * a.step + a.start");

/* ORDER fill_name */
typedef enum FillKernel { FILL_8, FILL_16, FILL_32, FILL_64, FILL_F32, FILL_F64, FILL_Line, FILL_COUNT } FillKernel;
static const char *const fill_name[FILL_COUNT] = { "fill_8", "fill_16", "fill_32", "fill_64", "fill_f32", "fill_f64", "fill_line" };

/* Of a device; they stay. */
struct FillKernels {
    bool       are_there;
    CUfunction function[FILL_COUNT];
};

/* FILL_COUNT: there is none. */
static FillKernel kernel_of(const Fresh *f)
{
    if (f->kind == FRESH_Line)
        return FILL_Line;
    if (f->kind == FRESH_Element)
        return dtype_info[f->dtype].size == 8 ? FILL_64 : dtype_info[f->dtype].size == 4 ? FILL_32 : FILL_COUNT;
    switch ((DType)f->dtype) {
    case DT_I8:  case DT_U8:  return FILL_8;
    case DT_I16: case DT_U16: return FILL_16;
    case DT_I32: case DT_U32: return FILL_32;
    case DT_I64: case DT_U64: return FILL_64;
    case DT_F32: return FILL_F32;
    case DT_F64: return FILL_F64;
    default:     return FILL_COUNT;
    }
}

bool fill_needs_kernel(const Fresh *f)
{
    return f->kind == FRESH_Range || f->kind == FRESH_Line;
}

/* ---- the kernels ----------------------------------------------------------------------------------------------------------- */

static bool load_kernels(GpuDevice *d, struct FillKernels *k, bool use_disk)
{
    bool was_there, ok = true;
    GpuImage *image = image_ref(d, text, sizeof text - 1, false, &was_there);
    if (!image || image_make(image, IMAGE_Wait, use_disk) != IMAGE_Ready || !gpu_enter(d)) {
        if (image)
            image_unref(image);
        return false;
    }
    for (int i = 0; i < FILL_COUNT && ok; i++)
        ok = d->cu->ModuleGetFunction(&k->function[i], image->module, fill_name[i]) == CUDA_SUCCESS;
    gpu_leave(d);
    return ok;                  /* the image's reference is the device's */
}

void fill_prepare(GpuDevice *d, bool use_disk)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    struct DevicePrivate *p = d->private;
    if (__atomic_load_n(&p->fill, __ATOMIC_ACQUIRE) || gpu_is_gone())
        return;
    pthread_mutex_lock(&lock);
    if (!p->fill) {
        struct FillKernels *k = calloc(1, sizeof *k);
        if (k) {
            k->are_there = load_kernels(d, k, use_disk);
            __atomic_store_n(&p->fill, k, __ATOMIC_RELEASE);
        }
    }
    pthread_mutex_unlock(&lock);
}

/* ---- filling --------------------------------------------------------------------------------------------------------------- */

static GpuStatus repeat(GpuDevice *d, CUdeviceptr to, const Fresh *f)
{
    size_t size = dtype_info[f->dtype].size, bytes = (size_t)f->count * size, done = bytes < SEED_BYTES ? bytes : SEED_BYTES;
    char seed[SEED_BYTES] = { 0 };
    for (size_t at = 0; at < done; at += size)
        memcpy(seed + at, f->u.element, size);
    GpuStatus s = gpu_upload(d, to, seed, done);
    for (size_t n; done < bytes && s == GPU_OK; done += n) {
        n = done < bytes - done ? done : bytes - done;
        s = gpu_check(d, d->cu->MemcpyDtoDAsync(to + done, to, n, d->stream), "cuMemcpyDtoDAsync");
    }
    return s;
}

/* An integer element, sign-extended. */
static uint64_t integer_at(DType d, const char *p)
{
    int64_t x;
    array_cast(DT_I64, (char *)&x, 0, d, p, 0, 1);
    return (uint64_t)x;
}

static double float_at(DType d, const char *p)
{
    double x;
    array_cast(DT_F64, (char *)&x, 0, d, p, 0, 1);
    return x;
}

static GpuStatus launch(GpuDevice *d, CUdeviceptr to, const Fresh *f, CUfunction function)
{
    const char *second = f->u.element + dtype_info[f->dtype].size;
    DType t = (DType)f->dtype;
    FillArgs a = { .to = to, .n = f->count };
    if (f->kind == FRESH_Element) {
        memcpy(&a.first, f->u.element, dtype_info[t].size);
        a.second = a.first;
    } else if (f->kind == FRESH_Line) {
        a.start = f->u.line.start;
        a.step = f->u.line.step;
        a.last = f->u.line.last;
    } else if (dtype_info[t].kind == 'f') {
        a.start = float_at(t, f->u.element);
        a.step = float_at(t, second);
    } else {
        a.first = integer_at(t, f->u.element);
        a.second = integer_at(t, second);
    }
    void *params[1] = { &a };
    int64_t blocks = (f->count + BLOCK - 1) / BLOCK;
    d->counters.n_launches++;
    return gpu_check(d, d->cu->LaunchKernel(function, (unsigned)(blocks < MAX_BLOCKS ? blocks : MAX_BLOCKS), 1, 1, BLOCK, 1, 1, 0, d->stream,
                                            params, NULL), "cuLaunchKernel");
}

GpuStatus fill(GpuDevice *d, CUdeviceptr to, const Fresh *f, bool *refused)
{
    const struct FillKernels *k = d->private->fill;
    *refused = false;
    if (f->kind == FRESH_Any || f->count == 0)
        return GPU_OK;
    if (fill_needs_kernel(f)) {
        FillKernel kernel = kernel_of(f);
        *refused = kernel == FILL_COUNT || !k || !k->are_there;
        return *refused ? GPU_OK : launch(d, to, f, k->function[kernel]);
    }
    if (!fresh_is_one_byte(f)) {
        FillKernel kernel = k && k->are_there ? kernel_of(f) : FILL_COUNT;
        return kernel == FILL_COUNT ? repeat(d, to, f) : launch(d, to, f, k->function[kernel]);
    }
    unsigned char byte = f->kind == FRESH_Zero ? 0 : (unsigned char)f->u.element[0];
    return gpu_check(d, d->cu->MemsetD8Async(to, byte, (size_t)f->count * dtype_info[f->dtype].size, d->stream), "cuMemsetD8Async");
}
