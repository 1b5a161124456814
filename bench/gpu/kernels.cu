// bench/gpu/kernels.cu — the same work in CUDA C, as a good programmer writes it in an hour.
//
//   kernels NAME SIZE REPETITIONS          milliseconds by events, without transfers; three elements of the result
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#define CHECK(x) do { cudaError_t e_ = (x); if (e_) { fprintf(stderr, "%s: %s\n", #x, cudaGetErrorString(e_)); exit(1); } } while (0)

__global__ void saxpy(int64_t n, float a, const float *__restrict__ x, float *__restrict__ y)
{
    int64_t i = (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n)
        y[i] = a * x[i] + y[i];
}

__global__ void sum_blocks(int64_t n, const double *__restrict__ x, double *__restrict__ part)
{
    __shared__ double lane[32];
    double s = 0;
    for (int64_t i = (int64_t)blockIdx.x * blockDim.x + threadIdx.x; i < n; i += (int64_t)gridDim.x * blockDim.x)
        s += x[i];
    for (int d = 16; d; d >>= 1)
        s += __shfl_down_sync(~0u, s, d);
    if (threadIdx.x % 32 == 0)
        lane[threadIdx.x / 32] = s;
    __syncthreads();
    if (threadIdx.x < 32) {
        s = threadIdx.x < blockDim.x / 32 ? lane[threadIdx.x] : 0;
        for (int d = 16; d; d >>= 1)
            s += __shfl_down_sync(~0u, s, d);
        if (threadIdx.x == 0)
            part[blockIdx.x] = s;
    }
}

__global__ void jacobi(int n, const double *__restrict__ a, double *__restrict__ b)
{
    int j = blockIdx.x * blockDim.x + threadIdx.x + 1, i = blockIdx.y * blockDim.y + threadIdx.y + 1;
    if (i < n - 1 && j < n - 1) {
        const double *p = a + (int64_t)i * n + j;
        b[(int64_t)i * n + j] = 0.2 * (p[0] + p[-1] + p[1] + p[n] + p[-n]);
    }
}

// 64 x 64 elements of c per block of 16 x 16 threads, tiles of 16 along k.
template <class T> __global__ void matmul(int n, const T *__restrict__ a, const T *__restrict__ b, T *__restrict__ c)
{
    __shared__ T ta[16][64 + 4], tb[16][64];
    int tx = threadIdx.x, ty = threadIdx.y, t = ty * 16 + tx, row = blockIdx.y * 64, col = blockIdx.x * 64;
    T s[4][4];
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++)
            s[i][j] = c[(int64_t)(row + ty * 4 + i) * n + col + tx + 16 * j];
    for (int k0 = 0; k0 < n; k0 += 16) {
        for (int q = t; q < 1024; q += 256) {
            ta[q % 16][q / 16] = a[(int64_t)(row + q / 16) * n + k0 + q % 16];
            tb[q / 64][q % 64] = b[(int64_t)(k0 + q / 64) * n + col + q % 64];
        }
        __syncthreads();
#pragma unroll
        for (int k = 0; k < 16; k++)
#pragma unroll
            for (int i = 0; i < 4; i++)
#pragma unroll
                for (int j = 0; j < 4; j++)
                    s[i][j] += ta[k][ty * 4 + i] * tb[k][tx + 16 * j];
        __syncthreads();
    }
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++)
            c[(int64_t)(row + ty * 4 + i) * n + col + tx + 16 * j] = s[i][j];
}

__device__ double normal(double x)
{
    return 0.5 * (1.0 + erf(x / sqrt(2.0)));
}

__global__ void black_scholes(int64_t n, const double *__restrict__ price, const double *__restrict__ strike, const double *__restrict__ years,
                              double *__restrict__ call, double *__restrict__ put)
{
    int64_t i = (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
    const double rate = 0.02, volatility = 0.3;
    if (i >= n)
        return;
    double root = sqrt(years[i]);
    double d1 = (log(price[i] / strike[i]) + (rate + 0.5 * volatility * volatility) * years[i]) / (volatility * root);
    double d2 = d1 - volatility * root, discounted = strike[i] * exp(-rate * years[i]);
    call[i] = price[i] * normal(d1) - discounted * normal(d2);
    put[i] = discounted * normal(-d2) - price[i] * normal(-d1);
}

__global__ void mandelbrot(int n, int limit, int *__restrict__ out)
{
    int j = blockIdx.x * blockDim.x + threadIdx.x, i = blockIdx.y * blockDim.y + threadIdx.y;
    if (i >= n || j >= n)
        return;
    double cx = -2.0 + 3.0 * j / n, cy = -1.5 + 3.0 * i / n, x = 0, y = 0;
    int k = 0;
    while (k < limit && x * x + y * y <= 4.0) {
        double t = x * x - y * y + cx;
        y = 2.0 * x * y + cy;
        x = t;
        k++;
    }
    out[(int64_t)i * n + j] = k;
}

__global__ void nbody(int n, const float *__restrict__ px, const float *__restrict__ py, const float *__restrict__ pz, const float *__restrict__ m,
                      float *__restrict__ ax, float *__restrict__ ay, float *__restrict__ az, float soft)
{
    __shared__ float4 body[256];
    int i = blockIdx.x * 256 + threadIdx.x;
    float x = px[i], y = py[i], z = pz[i], sx = 0, sy = 0, sz = 0;
    for (int base = 0; base < n; base += 256) {
        body[threadIdx.x] = make_float4(px[base + threadIdx.x], py[base + threadIdx.x], pz[base + threadIdx.x], m[base + threadIdx.x]);
        __syncthreads();
#pragma unroll 8
        for (int j = 0; j < 256; j++) {
            float dx = body[j].x - x, dy = body[j].y - y, dz = body[j].z - z, d2 = dx * dx + dy * dy + dz * dz + soft, f = body[j].w / (d2 * sqrtf(d2));
            sx += dx * f;
            sy += dy * f;
            sz += dz * f;
        }
        __syncthreads();
    }
    ax[i] = sx;
    ay[i] = sy;
    az[i] = sz;
}

// Eight lanes per row.
__global__ void csr(int n, const int64_t *__restrict__ first, const int *__restrict__ column, const double *__restrict__ value, const double *__restrict__ x,
                    double *__restrict__ y)
{
    int64_t t = (int64_t)blockIdx.x * blockDim.x + threadIdx.x, row = t / 8;
    double s = 0;
    if (row < n)
        for (int64_t k = first[row] + t % 8; k < first[row + 1]; k += 8)
            s += value[k] * x[column[k]];
    for (int d = 4; d; d >>= 1)
        s += __shfl_down_sync(~0u, s, d, 8);
    if (row < n && t % 8 == 0)
        y[row] = s;
}

template <class T> T *device(const std::vector<T> &v)
{
    T *p;
    CHECK(cudaMalloc(&p, v.size() * sizeof(T)));
    CHECK(cudaMemcpy(p, v.data(), v.size() * sizeof(T), cudaMemcpyHostToDevice));
    return p;
}
static double hash(int64_t i, int64_t by) { return (double)(i * by % 4294967296) / 4294967296.0; }

template <class F> void measure(int reps, F f)
{
    cudaEvent_t a, b;
    CHECK(cudaEventCreate(&a));
    CHECK(cudaEventCreate(&b));
    for (int r = 0; r < reps + 2; r++) {
        float ms;
        CHECK(cudaEventRecord(a));
        f();
        CHECK(cudaEventRecord(b));
        CHECK(cudaEventSynchronize(b));
        CHECK(cudaEventElapsedTime(&ms, a, b));
        if (r >= 2)
            printf("time %.9g\n", ms * 1e-3);
    }
    CHECK(cudaGetLastError());
}
template <class T> void result(const T *p, int64_t n)
{
    T v[3];
    int64_t at[3] = { 0, n / 2, n - 1 };
    for (int k = 0; k < 3; k++)
        CHECK(cudaMemcpy(&v[k], p + at[k], sizeof(T), cudaMemcpyDeviceToHost));
    printf("result %.17g %.17g %.17g\n", (double)v[0], (double)v[1], (double)v[2]);
}
template <class T> void run_matmul(int n, int reps)
{
    std::vector<T> a((size_t)n * n), b((size_t)n * n), c((size_t)n * n);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++) {
            a[i * n + j] = (T)((i * 7 + j * 13) % 31 / 31.0);
            b[i * n + j] = (T)((i * 5 + j * 11) % 29 / 29.0);
        }
    T *da = device(a), *db = device(b), *dc = device(c);
    measure(reps, [&] { matmul<T><<<dim3(n / 64, n / 64), dim3(16, 16)>>>(n, da, db, dc); });
    result(dc, (int64_t)n * n);
}

int main(int argc, char **argv)
{
    const char *name = argv[1];
    int64_t n = atoll(argv[2]);
    int reps = atoi(argv[3]);
    if (!strcmp(name, "copy")) {
        std::vector<double> x(n);
        double *a = device(x), *b = device(x);
        measure(reps, [&] { cudaMemcpyAsync(a, b, n * 8, cudaMemcpyDeviceToDevice); });
    } else if (!strcmp(name, "saxpy")) {
        std::vector<float> x(n), y(n);
        for (int64_t i = 0; i < n; i++)
            x[i] = (float)hash(i, 2654435761);
        float *dx = device(x), *dy = device(y);
        measure(reps, [&] { saxpy<<<(n + 255) / 256, 256>>>(n, 0.5f, dx, dy); });
        result(dy, n);
    } else if (!strcmp(name, "sum")) {
        std::vector<double> x(n), out(2048);
        for (int64_t i = 0; i < n; i++)
            x[i] = hash(i, 2654435761);
        double *dx = device(x), *dp = device(out), *r = device(out);
        measure(reps, [&] { sum_blocks<<<2048, 512>>>(n, dx, dp); sum_blocks<<<1, 1024>>>(2048, dp, r); });
        result(r, 1);
    } else if (!strcmp(name, "jacobi")) {
        std::vector<double> a(n * n);
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j < n; j++)
                a[i * n + j] = (i * 7 + j * 13) % 31 / 31.0;
        double *da = device(a), *db = device(a);
        dim3 grid((n + 31) / 32, (n + 7) / 8), block(32, 8);
        measure(reps, [&] { for (int t = 0; t < 50; t++) { jacobi<<<grid, block>>>(n, da, db); jacobi<<<grid, block>>>(n, db, da); } });
        result(da, n * n);
    } else if (!strcmp(name, "matmul_f32")) {
        run_matmul<float>((int)n, reps);
    } else if (!strcmp(name, "matmul_f64")) {
        run_matmul<double>((int)n, reps);
    } else if (!strcmp(name, "black_scholes")) {
        std::vector<double> p(n), s(n), y(n);
        for (int64_t i = 0; i < n; i++) {
            p[i] = 10 + 90 * hash(i, 2654435761);
            s[i] = 10 + 90 * hash(i, 2246822519);
            y[i] = 0.1 + 4.9 * hash(i, 3266489917);
        }
        double *dp = device(p), *ds = device(s), *dy = device(y), *call = device(p), *put = device(p);
        measure(reps, [&] { black_scholes<<<(n + 255) / 256, 256>>>(n, dp, ds, dy, call, put); });
        result(call, n);
    } else if (!strcmp(name, "mandelbrot")) {
        std::vector<int> out(n * n);
        int *d = device(out);
        measure(reps, [&] { mandelbrot<<<dim3((n + 31) / 32, (n + 7) / 8), dim3(32, 8)>>>((int)n, 256, d); });
        result(d, n * n);
    } else if (!strcmp(name, "nbody")) {
        std::vector<float> v[4], r(n);
        const int64_t by[4] = { 2654435761, 2246822519, 3266489917, 668265263 };
        float *d[4], *out[3];
        for (int k = 0; k < 4; k++) {
            v[k].resize(n);
            for (int64_t i = 0; i < n; i++)
                v[k][i] = (float)hash(i + 1, by[k]);
            d[k] = device(v[k]);
        }
        for (int k = 0; k < 3; k++)
            out[k] = device(r);
        measure(reps, [&] { nbody<<<n / 256, 256>>>((int)n, d[0], d[1], d[2], d[3], out[0], out[1], out[2], 0.001f); });
        result(out[0], n);
    } else if (!strcmp(name, "csr")) {
        std::vector<int64_t> first(n + 1);
        std::vector<int> column(n * 16);
        std::vector<double> value(n * 16), x(n), y(n);
        for (int64_t i = 0; i <= n; i++)
            first[i] = i * 16;
        for (int64_t i = 0; i < n * 16; i++) {
            column[i] = (int)((i * 2654435761 + i / 16) % 4294967296 % n);
            value[i] = hash(i, 2246822519);
        }
        for (int64_t i = 0; i < n; i++)
            x[i] = hash(i, 2654435761);
        int64_t *df = device(first);
        int *dc = device(column);
        double *dv = device(value), *dx = device(x), *dy = device(y);
        measure(reps, [&] { csr<<<(n * 8 + 255) / 256, 256>>>((int)n, df, dc, dv, dx, dy); });
        result(dy, n);
    } else {
        return 2;
    }
    return 0;
}
