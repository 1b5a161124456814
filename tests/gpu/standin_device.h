// tests/gpu/standin_device.h — put in front of every kernel text that the stand-in compiles: the part of CUDA C that emitted kernels use, on the host.
// No header is included, so that a compilation takes some 50 ms.
#define __global__ static
#define __device__ static
#define __constant__ static
#define __shared__ static
#define __forceinline__ inline
#define __noinline__
#define __noinline__ __attribute__((noinline))
#define __grid_constant__
#define __launch_bounds__(...)

struct uint3 { unsigned x, y, z; };
struct StandinThread { uint3 thread, block, block_dim, grid_dim; };
struct StandinApi {
    void (*sync_block)();
    // Lane `from` gives value; all lanes of mask must come.
    unsigned long long (*shuffle)(unsigned mask, unsigned long long value, int from);
    unsigned (*ballot)(unsigned mask, int predicate);
    void (*fault)(const char *what);
};
extern "C" {
__attribute__((visibility("default"))) const StandinThread *standin_thread;
__attribute__((visibility("default"))) const StandinApi *standin_api;
double sqrt(double); double exp(double); double exp2(double); double expm1(double); double log(double); double log2(double); double log10(double); double log1p(double);
double sin(double); double cos(double); double tan(double); double asin(double); double acos(double); double atan(double); double atan2(double, double);
double sinh(double); double cosh(double); double tanh(double); double asinh(double); double acosh(double); double atanh(double);
double pow(double, double); double cbrt(double); double hypot(double, double); double erf(double); double erfc(double); double tgamma(double); double lgamma(double);
double floor(double); double ceil(double); double trunc(double); double rint(double); double nearbyint(double); double round(double); double fabs(double); double fmod(double, double);
double copysign(double, double); double fmin(double, double); double fmax(double, double); double fma(double, double, double); double nextafter(double, double);
double ldexp(double, int); double frexp(double, int *); double remainder(double, double); double logb(double); double scalbn(double, int);
float sqrtf(float); float expf(float); float exp2f(float); float expm1f(float); float logf(float); float log2f(float); float log10f(float); float log1pf(float);
float sinf(float); float cosf(float); float tanf(float); float asinf(float); float acosf(float); float atanf(float); float atan2f(float, float);
float sinhf(float); float coshf(float); float tanhf(float); float asinhf(float); float acoshf(float); float atanhf(float);
float powf(float, float); float cbrtf(float); float hypotf(float, float); float erff(float); float erfcf(float); float tgammaf(float); float lgammaf(float);
float floorf(float); float ceilf(float); float truncf(float); float rintf(float); float nearbyintf(float); float roundf(float); float fabsf(float); float fmodf(float, float);
float copysignf(float, float); float fminf(float, float); float fmaxf(float, float); float fmaf(float, float, float); float nextafterf(float, float);
float ldexpf(float, int); float frexpf(float, int *); float remainderf(float, float);
void *memcpy(void *, const void *, unsigned long); void *memset(void *, int, unsigned long);
}
#define isnan(x) __builtin_isnan(x)
#define isinf(x) __builtin_isinf(x)
#define isfinite(x) __builtin_isfinite(x)
#define signbit(x) __builtin_signbit(x)
#define warpSize 32
#define threadIdx (standin_thread->thread)
#define blockIdx  (standin_thread->block)
#define blockDim  (standin_thread->block_dim)
#define gridDim   (standin_thread->grid_dim)

template <class To, class From> static inline To standin_bits(From x)
{
    To y = To();
    __builtin_memcpy(&y, &x, sizeof x < sizeof y ? sizeof x : sizeof y);
    return y;
}
static inline int standin_lane() { return (int)((threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z)) % 32); }
static inline void __syncthreads() { standin_api->sync_block(); }
static inline void __syncwarp(unsigned mask = 0xffffffffu) { standin_api->ballot(mask, 0); }
static inline unsigned __ballot_sync(unsigned mask, int p) { return standin_api->ballot(mask, p); }
static inline int __any_sync(unsigned mask, int p) { return standin_api->ballot(mask, p) != 0; }
static inline int __all_sync(unsigned mask, int p) { return standin_api->ballot(mask, !p) == 0; }
static inline int __syncthreads_or(int) = delete;
template <class T> static inline T standin_shuffle(unsigned mask, T x, int from)
{
    return standin_bits<T>(standin_api->shuffle(mask, standin_bits<unsigned long long>(x), from));
}
template <class T> static inline T __shfl_sync(unsigned mask, T x, int from, int width = 32)
{
    int lane = standin_lane();
    return standin_shuffle(mask, x, lane / width * width + (from & (width - 1)));
}
template <class T> static inline T __shfl_down_sync(unsigned mask, T x, unsigned by, int width = 32)
{
    int lane = standin_lane(), from = lane + (int)by;
    return standin_shuffle(mask, x, from / width == lane / width ? from : lane);
}
template <class T> static inline T __shfl_up_sync(unsigned mask, T x, unsigned by, int width = 32)
{
    int lane = standin_lane(), from = lane - (int)by;
    return standin_shuffle(mask, x, from >= lane / width * width ? from : lane);
}
template <class T> static inline T __shfl_xor_sync(unsigned mask, T x, int by, int width = 32)
{
    int lane = standin_lane(), from = lane ^ by;
    return standin_shuffle(mask, x, from / width == lane / width ? from : lane);
}
static inline void __threadfence() {}
static inline void __threadfence_block() {}
template <class T, class U> static inline T atomicAdd(T *p, U x) { T old = *p; *p = (T)(old + x); return old; }
template <class T, class U> static inline T atomicMax(T *p, U x) { T old = *p; if ((T)x > old) *p = (T)x; return old; }
template <class T, class U> static inline T atomicMin(T *p, U x) { T old = *p; if ((T)x < old) *p = (T)x; return old; }
template <class T, class U> static inline T atomicOr(T *p, U x)  { T old = *p; *p = (T)(old | (T)x); return old; }
template <class T, class U> static inline T atomicAnd(T *p, U x) { T old = *p; *p = (T)(old & (T)x); return old; }
template <class T, class U> static inline T atomicXor(T *p, U x) { T old = *p; *p = (T)(old ^ (T)x); return old; }
template <class T, class U> static inline T atomicExch(T *p, U x) { T old = *p; *p = (T)x; return old; }
template <class T, class U, class V> static inline T atomicCAS(T *p, U was, V x) { T old = *p; if (old == (T)was) *p = (T)x; return old; }
template <class T> static inline T __ldg(const T *p) { return *p; }
static inline int __popc(unsigned x) { return __builtin_popcount(x); }
static inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
static inline int __clz(int x) { return x ? __builtin_clz((unsigned)x) : 32; }
static inline int __clzll(long long x) { return x ? __builtin_clzll((unsigned long long)x) : 64; }
static inline int __ffs(int x) { return __builtin_ffs(x); }
static inline long long __mul64hi(long long a, long long b) { return (long long)(((__int128)a * b) >> 64); }
static inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) { return (unsigned long long)(((unsigned __int128)a * b) >> 64); }
static inline double __longlong_as_double(long long x) { return standin_bits<double>(x); }
static inline long long __double_as_longlong(double x) { return standin_bits<long long>(x); }
static inline float __int_as_float(int x) { return standin_bits<float>(x); }
static inline int __float_as_int(float x) { return standin_bits<int>(x); }
static inline unsigned __float_as_uint(float x) { return standin_bits<unsigned>(x); }
static inline float __uint_as_float(unsigned x) { return standin_bits<float>(x); }
static inline double __dsqrt_rn(double x) { return sqrt(x); }
static inline float __fsqrt_rn(float x) { return sqrtf(x); }
static inline double __dadd_rn(double a, double b) { return a + b; }
static inline double __dmul_rn(double a, double b) { return a * b; }
static inline double __ddiv_rn(double a, double b) { return a / b; }
static inline float __fadd_rn(float a, float b) { return a + b; }
static inline float __fmul_rn(float a, float b) { return a * b; }
static inline float __fdiv_rn(float a, float b) { return a / b; }
static inline double __fma_rn(double a, double b, double c) { return fma(a, b, c); }
static inline float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
template <class T> static inline T min(T a, T b) { return b < a ? b : a; }
template <class T> static inline T max(T a, T b) { return a < b ? b : a; }
#define extern_c_kernel extern "C"
#line 1 "kernel.cu"
