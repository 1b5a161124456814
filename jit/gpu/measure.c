/* jit/gpu/measure.c — what a GPU can do, measured by kernels of our own: one text, compiled as all kernels are.
 *
 * Times on the device are taken by events around one launch that is long enough (FLOOR_NS) for their resolution of half a microsecond;
 * how often a kernel repeats its work is doubled until it is.  Copies go the way that arrays go (transfer.c), timed on the host. */
#include "jit/gpu/measure.h"

#include <stdlib.h>
#include <string.h>

enum {
    BLOCK = 256,
    LAUNCHES = 300,
    LINE = 128,                 /* bytes between the links of the chain of loads: 16 numbers */
};

#define FLOOR_NS    2e5         /* what is timed takes at least that */
#define BUDGET_NS   8e6         /* for one quantity */
#define MOST_BYTES  (1ull << 30)

/* ---- kernels ---------------------------------------------------------------------------------------------------------------------- */

/* Sums that nobody can foresee are stored, which none ever is: the compiler does not know. */
static const char kernels[] =
    "typedef long long i64; typedef unsigned long long u64;\n"
    "union Number { i64 i; float f32; double f64; };\n"
    "struct Args { void *p; u64 n, repeat; Number a, b; };\n"
    "#define TID (blockIdx.x * (u64)blockDim.x + threadIdx.x)\n"
    "#define THREADS (gridDim.x * (u64)blockDim.x)\n"
    "extern \"C\" __global__ void nothing(const Args q) {}\n"
    "extern \"C\" __global__ void contiguous(const Args q) {\n"
    "    double s = 0, *p = (double *)q.p;\n"
    /* Another part for each thread each time: what it read last lies in its multiprocessor's own cache. */
    "    for (u64 r = 0; r < q.repeat; r++) {\n"
    "        u64 wrap = q.n - r % 61 * (q.n / 61);\n"
    "        _Pragma(\"unroll 4\") for (u64 i = TID; i < q.n; i += THREADS) s += p[i < wrap ? i + (q.n - wrap) : i - wrap];\n"
    "    }\n"
    "    if (s == 1.25) p[0] = s;\n"
    "}\n"
    "extern \"C\" __global__ void strided(const Args q) {\n"
    "    double s = 0, *p = (double *)q.p;\n"
    "    for (u64 r = 0; r < q.repeat; r++)\n"
    "        _Pragma(\"unroll 4\") for (u64 i = TID; i < q.n / 64; i += THREADS) s += p[i * 64];\n"
    "    if (s == 1.25) p[0] = s;\n"
    "}\n"
    /* A full cycle through a power of two of lines, as a linear congruential generator goes (Hull and Dobell). */
    "extern \"C\" __global__ void chain_lines(const Args q) {\n"
    "    u64 *p = (u64 *)q.p;\n"
    "    for (u64 i = TID; i < q.n; i += THREADS) p[i * 16] = ((i * 0x9e3779b5 + 0x7f4a7c15) & (q.n - 1)) * 16;\n"
    "}\n"
    "extern \"C\" __global__ void follow(const Args q) {\n"
    "    u64 x = q.n, *p = (u64 *)q.p;\n"
    "    for (u64 i = 0; i < q.repeat; i++) x = p[x];\n"
    "    if (x == 1) p[0] = x;\n"
    "}\n"
    "extern \"C\" __global__ void atomics(const Args q) {\n"
    "    for (u64 i = 0; i < q.repeat; i++) atomicAdd((double *)q.p, 1.0);\n"
    "}\n"
    "struct Sum {}; struct Div {};\n"
    "template <class T> __device__ T step(Sum, T x, T a, T b) { return x * a + b; }\n"
    "template <class T> __device__ T step(Div, T x, T a, T b) { return b / x + a; }\n"
    "template <class Op, class T> __device__ void one(void *p, u64 repeat, T a, T b) {\n"
    "    T x = a;\n"
    "    for (u64 i = 0; i < repeat; i++)\n"
    "        _Pragma(\"unroll\") for (int k = 0; k < 8; k++) x = step(Op(), x, a, b);\n"
    "    if (x == (T)77) *(T *)p = x;\n"
    "}\n"
    "template <class Op, class T> __device__ void four(void *p, u64 repeat, T a, T b) {\n"
    "    T x = a + (T)threadIdx.x, y = x + a, z = y + a, w = z + a;\n"
    "    for (u64 i = 0; i < repeat; i++)\n"
    "        _Pragma(\"unroll\") for (int k = 0; k < 2; k++) {\n"
    "            x = step(Op(), x, a, b); y = step(Op(), y, a, b); z = step(Op(), z, a, b); w = step(Op(), w, a, b);\n"
    "        }\n"
    "    if (x + y + z + w == (T)77) *(T *)p = x;\n"
    "}\n"
#define ARITHMETIC(name, op, T, member) \
    "extern \"C\" __global__ void " name "(const Args q) { four<" op ", " T ">(q.p, q.repeat, q.a." member ", q.b." member "); }\n" \
    "extern \"C\" __global__ void " name "_chain(const Args q) { one<" op ", " T ">(q.p, q.repeat, q.a." member ", q.b." member "); }\n"
    ARITHMETIC("int_sum", "Sum", "i64", "i") ARITHMETIC("int_div", "Div", "i64", "i")
    ARITHMETIC("f32_sum", "Sum", "float", "f32") ARITHMETIC("f32_div", "Div", "float", "f32")
    ARITHMETIC("f64_sum", "Sum", "double", "f64") ARITHMETIC("f64_div", "Div", "double", "f64");

typedef union Number {
    int64_t i;
    float   f32;
    double  f64;
} Number;

/* As the kernels have it. */
typedef struct Args {
    CUdeviceptr p;
    uint64_t n, repeat;
    Number   a, b;
} Args;

/* Classes without elementary functions; ops: that count per step. */
static const struct Row { uint8_t class; const char *name, *chain; double ops; Number a, b; } rows[] = {
    { OPC_Int,    "int_sum", "int_sum_chain", 2, { .i = 3 }, { .i = 1 } },
    { OPC_IntDiv, "int_div", "int_div_chain", 1, { .i = 3 }, { .i = 100000000000000001 } },
    { OPC_F32,    "f32_sum", "f32_sum_chain", 2, { .f32 = 0.75f }, { .f32 = 0.5f } },
    { OPC_F32Div, "f32_div", "f32_div_chain", 1, { .f32 = 0.75f }, { .f32 = 2.5f } },
    { OPC_F64,    "f64_sum", "f64_sum_chain", 2, { .f64 = 0.75 }, { .f64 = 0.5 } },
    { OPC_F64Div, "f64_div", "f64_div_chain", 1, { .f64 = 0.75 }, { .f64 = 2.5 } },
};

/* ---- running them ------------------------------------------------------------------------------------------------------------------- */

typedef struct Lab {
    Measure   *me;
    GpuDevice *d;
    GpuMachine *g;
    CUmodule   module;
    CUevent    begin, end;
    CUdeviceptr buffer;
    size_t     bytes;           /* of it; a power of two */
    char      *host;
    size_t     host_bytes;
} Lab;

typedef struct Run {
    Lab       *lab;
    CUfunction fn;
    unsigned   blocks, threads;
    Args       args;
    uint64_t   lines;           /* not 0: each run begins at another one */
    size_t     bytes;           /* of a copy */
} Run;

static bool good(Lab *l, CUresult r, const char *what)
{
    return gpu_check(l->d, r, what) == GPU_OK;
}

static bool find(Lab *l, Run *r, const char *name, unsigned blocks, unsigned threads)
{
    *r = (Run){ .lab = l, .blocks = blocks, .threads = threads, .args = { .p = l->buffer, .repeat = 1 } };
    return good(l, l->d->cu->ModuleGetFunction(&r->fn, l->module, name), "cuModuleGetFunction");
}

static bool launch(Run *r)
{
    Lab *l = r->lab;
    void *params[] = { &r->args };
    l->d->counters.n_launches++;
    return good(l, l->d->cu->LaunchKernel(r->fn, r->blocks, 1, 1, r->threads, 1, 1, 0, l->d->stream, params, NULL), "cuLaunchKernel");
}

/* One launch, by events. */
static double device_ns(void *user)
{
    Run *r = user;
    Lab *l = r->lab;
    const GpuDriver *cu = l->d->cu;
    float ms = 0;
    if (r->lines)
        r->args.n = (r->args.n * 5 + 4321 * (LINE / sizeof(uint64_t))) % (r->lines * (LINE / sizeof(uint64_t)));
    bool ok = good(l, cu->EventRecord(l->begin, l->d->stream), "cuEventRecord") && launch(r) &&
              good(l, cu->EventRecord(l->end, l->d->stream), "cuEventRecord") &&
              good(l, cu->EventSynchronize(l->end), "cuEventSynchronize") &&
              good(l, cu->EventElapsedTime(&ms, l->begin, l->end), "cuEventElapsedTime");
    return ok ? (double)ms * 1e6 : -1;
}

/* Per repetition, of as many as take long enough; 0: it failed. */
static double per_repeat(Run *r)
{
    const uint64_t most = 1 << 24;
    for (;; r->args.repeat *= 2) {
        double ns = device_ns(r);
        if (ns < 0)
            return 0;
        if (ns >= FLOOR_NS || r->args.repeat >= most)
            break;
    }
    double ns = measure_least(r->lab->me, BUDGET_NS, device_ns, r);
    return ns > 0 ? ns / (double)r->args.repeat : 0;
}

/* ---- launches and copies -------------------------------------------------------------------------------------------------------------- */

static double many_launches(void *user)
{
    Run *r = user;
    uint64_t start = measure_now();
    for (int i = 0; i < LAUNCHES; i++)
        if (!launch(r))
            return -1;
    if (gpu_wait(r->lab->d) != GPU_OK)
        return -1;
    return (double)(measure_now() - start) / LAUNCHES;
}

static double round_trip(void *user)
{
    Run *r = user;
    uint64_t start = measure_now();
    return launch(r) && gpu_wait(r->lab->d) == GPU_OK ? (double)(measure_now() - start) : -1;
}

static double upload(void *user)
{
    Run *r = user;
    Lab *l = r->lab;
    uint64_t start = measure_now();
    bool ok = gpu_upload(l->d, l->buffer, l->host, r->bytes) == GPU_OK && gpu_wait(l->d) == GPU_OK;
    return ok ? (double)(measure_now() - start) : -1;
}

static double download(void *user)
{
    Run *r = user;
    Lab *l = r->lab;
    uint64_t start = measure_now();
    return gpu_download(l->d, l->host, l->buffer, r->bytes) == GPU_OK ? (double)(measure_now() - start) : -1;
}

static void measure_launches(Lab *l)
{
    Run r;
    if (!find(l, &r, "nothing", 1, 32))
        return;
    double ns = measure_least(l->me, BUDGET_NS, many_launches, &r);
    if (ns > 0)
        l->g->launch_ns = ns;
    ns = measure_least(l->me, BUDGET_NS, round_trip, &r);
    if (ns > 0)
        l->g->round_trip_ns = ns;
}

/* Latency of a few bytes, and the rate at which larger ones take longer. */
static void measure_copies(Lab *l, double (*copy)(void *user), double *few_ns, double size_ns[MACHINE_SIZES], double *bytes_per_ns)
{
    enum { FEW = 8, FIRST = 4096 };
    Run r = { .lab = l, .bytes = l->host_bytes };
    copy(&r);                               /* staging buffers and pages come into being */
    r.bytes = FEW;
    *few_ns = measure_least(l->me, BUDGET_NS, copy, &r);
    if (*few_ns < 0)
        *few_ns = 0;
    for (int k = 0; k < MACHINE_SIZES && !l->me->is_stopped; k++) {
        r.bytes = (size_t)FIRST << 3 * k;
        double ns = r.bytes <= l->host_bytes && r.bytes <= l->bytes ? measure_least(l->me, BUDGET_NS, copy, &r) : -1;
        if (ns <= 0)
            break;
        size_ns[k] = ns;
        if (ns > *few_ns)
            *bytes_per_ns = (double)r.bytes / (ns - *few_ns);
    }
}

/* ---- memory ----------------------------------------------------------------------------------------------------------------------------- */

static double read_rate(Lab *l, const char *name, unsigned blocks, uint64_t bytes, uint64_t useful)
{
    Run r;
    if (!find(l, &r, name, blocks, BLOCK))
        return 0;
    r.args.n = bytes / sizeof(double);
    double ns = per_repeat(&r);
    return ns > 0 ? (double)useful / ns : 0;
}

static void keep(double *to, double value)
{
    if (value > 0)
        *to = value;
}

/* Blocks that hold as many threads as there is room for. */
static unsigned full_grid(const Lab *l)
{
    return l->g->n_sm * (l->g->threads_per_sm > BLOCK ? l->g->threads_per_sm / BLOCK : 1);
}

static void measure_device_memory(Lab *l)
{
    unsigned full = full_grid(l);
    double best = 0, rate = 0, few = l->g->n_sm;
    for (unsigned blocks = full; blocks >= l->g->n_sm; blocks /= 2) {
        rate = read_rate(l, "contiguous", blocks, l->bytes, l->bytes);
        best = rate > best ? rate : best;
        few = blocks;
    }
    keep(&l->g->bytes_per_ns, best);
    /* Few threads read in proportion to their number: where that line meets the best rate. */
    if (rate > 0) {
        double busy = few * BLOCK * best / rate, most = (double)full * BLOCK;
        l->g->busy_threads = busy < most ? busy : most;
    }
    uint64_t cached = l->g->l2_bytes / 4 / sizeof(double) * sizeof(double);
    if (cached && cached < l->bytes)
        keep(&l->g->l2_bytes_per_ns, read_rate(l, "contiguous", full, cached, cached));
    keep(&l->g->strided_bytes_per_ns, read_rate(l, "strided", full, l->bytes, l->bytes / 64));
}

static void measure_latency(Lab *l)
{
    Run r;
    if (!find(l, &r, "chain_lines", l->g->n_sm * 4, BLOCK))
        return;
    r.args.n = l->bytes / LINE;
    if (device_ns(&r) < 0 || !find(l, &r, "follow", 1, 1))
        return;
    r.args.repeat = 256;
    r.lines = l->bytes / LINE;
    keep(&l->g->latency_ns, per_repeat(&r));
}

static void measure_atomics(Lab *l)
{
    Run r;
    if (find(l, &r, "atomics", l->g->n_sm, BLOCK))
        keep(&l->g->atomic_ns, per_repeat(&r) / ((double)r.blocks * BLOCK));
}

/* ---- arithmetic -------------------------------------------------------------------------------------------------------------------------- */

static void measure_class(Lab *l, const struct Row *row)
{
    enum { STEPS = 8 };                     /* in one repetition */
    unsigned blocks = full_grid(l);
    Run r;
    if (!find(l, &r, row->name, blocks, BLOCK))
        return;
    for (int is_chain = 0; is_chain < 2; is_chain++) {
        if (is_chain && !find(l, &r, row->chain, 1, 1))
            return;
        r.args.a = row->a;
        r.args.b = row->b;
        r.args.repeat = 16;
        double ns = per_repeat(&r) / (STEPS * row->ops);
        if (is_chain)
            keep(&l->g->chain_ns[row->class], ns);
        else if (ns > 0)
            l->g->ops_per_ns[row->class] = (double)blocks * BLOCK / ns;
    }
}

/* ---- all ----------------------------------------------------------------------------------------------------------------------------------- */

void gpu_machine(GpuDevice *d, GpuMachine *g)
{
    machine_fill_gpu(g, &(GpuAttributes){
        .name = d->name, .uuid = d->uuid_or_bus, .major = d->major, .minor = d->minor, .n_sm = d->n_sm, .threads_per_sm = d->threads_per_sm,
        .clock_khz = d->clock_khz, .memory_clock_khz = gpu_attribute(d, CU_ATTR_MEMORY_CLOCK_KHZ), .bus_bits = gpu_attribute(d, CU_ATTR_BUS_BITS),
        .memory_bytes = d->total_bytes,
        .l2_bytes = (uint64_t)d->l2_bytes, .shared_bytes = (uint64_t)d->shared_optin,
    });
}

/* Kernels, events and buffers; between enter and leave. */
static bool open_lab(Lab *l)
{
    const GpuDriver *cu = l->d->cu;
    const size_t least = 1 << 20;
    char error[256];
    size_t size;
    char *cubin = gpu_compile(l->d, kernels, "measure.cu", false, &size, error, sizeof error);
    if (!cubin)
        return false;
    uint64_t start = measure_now();
    bool ok = gpu_load(l->d, cubin, &l->module) == GPU_OK;
    if (ok)
        l->g->load_ns = (double)(measure_now() - start);
    else
        l->module = NULL;
    free(cubin);
    if (!ok || !good(l, cu->EventCreate(&l->begin, 0), "cuEventCreate") || !good(l, cu->EventCreate(&l->end, 0), "cuEventCreate"))
        return false;
    uint64_t wanted = 16 * l->g->l2_bytes, most = l->g->memory_bytes / 8 < MOST_BYTES ? l->g->memory_bytes / 8 : MOST_BYTES;
    for (l->bytes = least; l->bytes < wanted && l->bytes * 2 <= most;)
        l->bytes *= 2;
    GpuStatus s;
    while ((s = gpu_alloc(l->d, l->bytes, &l->buffer)) == GPU_NO_MEMORY && l->bytes > least)
        l->bytes /= 2;
    if (s != GPU_OK)
        l->buffer = 0;
    l->host_bytes = l->bytes < 128 << 20 ? l->bytes : 128 << 20;
    l->host = malloc(l->host_bytes);
    if (!l->host)
        return false;
    memset(l->host, 0, l->host_bytes);
    return s == GPU_OK && good(l, cu->MemsetD8Async(l->buffer, 0, l->bytes, l->d->stream), "cuMemsetD8Async") && gpu_wait(l->d) == GPU_OK;
}

static void close_lab(Lab *l)
{
    const GpuDriver *cu = l->d->cu;
    if (l->buffer)
        gpu_free(l->d, l->buffer, l->bytes);
    if (l->begin)
        cu->EventDestroy(l->begin);
    if (l->end)
        cu->EventDestroy(l->end);
    if (l->module)
        cu->ModuleUnload(l->module);
    free(l->host);
}

bool gpu_measure(Measure *me, double share, GpuDevice *d, GpuMachine *g)
{
    Lab l = { .me = me, .d = d, .g = g };
    const double part = share / 6;
    if (!measure_step(me, part, "GPU: kernels") || !gpu_enter(d))
        return false;
    bool is_open = open_lab(&l);
    if (is_open) {
        if (measure_step(me, part, "GPU: launches"))
            measure_launches(&l);
        if (measure_step(me, part, "GPU: copies")) {
            measure_copies(&l, upload, &g->up_ns, g->up_size_ns, &g->up_bytes_per_ns);
            measure_copies(&l, download, &g->down_ns, g->down_size_ns, &g->down_bytes_per_ns);
        }
        if (measure_step(me, part, "GPU: memory")) {
            measure_device_memory(&l);
            measure_latency(&l);
        }
        if (measure_step(me, part, "GPU: atomic operations"))
            measure_atomics(&l);
        for (size_t i = 0; i < COUNT_OF(rows) && measure_step(me, part / COUNT_OF(rows), "GPU: arithmetic"); i++)
            measure_class(&l, &rows[i]);
    }
    close_lab(&l);
    gpu_leave(d);
    return is_open && !d->broken[0];
}
