/* bench/cpu/programs.c — the other kernels of the benchmarks in C, as bench/cpu/kernels.alp has them, with an expert's annotations. */
#include "kernels.h"

KERNEL(copy)
{
    INT(n); VEC(double, a); VEC(double, b);
    PARALLEL_SIMD
    for (int64_t i = 0; i < n; i++)
        a[i] = b[i];
}

KERNEL(triad)
{
    INT(n); REAL(s); VEC(double, a); VEC(double, b); VEC(double, c);
    PARALLEL_SIMD
    for (int64_t i = 0; i < n; i++)
        a[i] = b[i] + s * c[i];
}

KERNEL(vector_add)
{
    INT(n); VEC(double, a); VEC(double, b); VEC(double, c);
    PARALLEL_SIMD
    for (int64_t i = 0; i < n; i++)
        c[i] = a[i] + b[i];
}

KERNEL(saxpy)
{
    INT(n); VEC(float, a); VEC(float, x); VEC(float, y);
    float factor = a[0];
    PARALLEL_SIMD
    for (int64_t i = 0; i < n; i++)
        y[i] = factor * x[i] + y[i];
}

KERNEL(sum)
{
    INT(n); VEC(double, a); VEC(double, out);
    double s = 0.0;
    PRAGMA(omp parallel for simd reduction(+:s) schedule(static))
    for (int64_t i = 0; i < n; i++)
        s += a[i];
    out[0] = s;
}

KERNEL(dot)
{
    INT(n); VEC(double, a); VEC(double, b); VEC(double, out);
    double s = 0.0;
    PRAGMA(omp parallel for simd reduction(+:s) schedule(static))
    for (int64_t i = 0; i < n; i++)
        s += a[i] * b[i];
    out[0] = s;
}

KERNEL(matmul)
{
    INT(n); MAT(double, a, n); MAT(double, b, n); MAT(double, c, n);
    PARALLEL_FOR
    for (int64_t i = 0; i < n; i++) {
        for (int64_t j = 0; j < n; j++)
            c[i][j] = 0.0;
        for (int64_t k = 0; k < n; k++)
            SIMD
            for (int64_t j = 0; j < n; j++)
                c[i][j] += a[i][k] * b[k][j];
    }
}

KERNEL(hilbert)
{
    INT(n); MAT(double, h, n);
    PARALLEL_FOR
    for (int64_t i = 0; i < n; i++)
        SIMD
        for (int64_t j = 0; j < n; j++)
            h[i][j] = 1.0 / (i + j + 1);
}

KERNEL(jacobi)
{
    INT(n); MAT(double, a, n); VEC(double, b); VEC(double, x); VEC(double, new);
    PARALLEL_FOR
    for (int64_t i = 0; i < n; i++) {
        double s = 0.0;
        SIMD_SUM(s)
        for (int64_t j = 0; j < n; j++)
            s += j != i ? a[i][j] * x[j] : 0.0;
        new[i] = (b[i] - s) / a[i][i];
    }
}

KERNEL(mandelbrot)
{
    INT(height); INT(width); INT(limit); MAT(int32_t, rounds, width);
    PARALLEL_UNEVEN
    for (int64_t i = 0; i < height; i++)
        for (int64_t j = 0; j < width; j++) {
            double cx = -2.1 + 3.0 * j / width, cy = -1.0 + 2.0 * i / height, x = 0.0, y = 0.0;
            int32_t k = 0;
            while (k < limit && x * x + y * y <= 4.0) {
                double t = x * x - y * y + cx;
                y = 2.0 * x * y + cy;
                x = t;
                k++;
            }
            rounds[i][j] = k;
        }
}

KERNEL(nbody)
{
    INT(n); MAT(double, position, 3); VEC(double, mass); MAT(double, force, 3);
    PARALLEL_FOR
    for (int64_t i = 0; i < n; i++) {
        double fx = 0.0, fy = 0.0, fz = 0.0;
        PRAGMA(omp simd reduction(+:fx, fy, fz))
        for (int64_t j = 0; j < n; j++) {
            double dx = position[j][0] - position[i][0], dy = position[j][1] - position[i][1], dz = position[j][2] - position[i][2];
            double d2 = dx * dx + dy * dy + dz * dz + 0.01;
            double f = mass[j] / (d2 * sqrt(d2));
            fx += dx * f;
            fy += dy * f;
            fz += dz * f;
        }
        force[i][0] = fx;
        force[i][1] = fy;
        force[i][2] = fz;
    }
}

KERNEL(csr)
{
    INT(n); VEC(double, value); VEC(int64_t, column); VEC(int64_t, start); VEC(double, x); VEC(double, y);
    PARALLEL_FOR
    for (int64_t row = 0; row < n; row++) {
        double s = 0.0;
        for (int64_t k = start[row]; k < start[row + 1]; k++)
            s += value[k] * x[column[k]];
        y[row] = s;
    }
}

KERNEL(conv2d)
{
    INT(height); INT(width); INT(m); INT(n); MAT(double, source, width + n - 1); MAT(double, kernel, n); MAT(double, result, width);
    PARALLEL_FOR
    for (int64_t y = 0; y < height; y++) {
        for (int64_t x = 0; x < width; x++)
            result[y][x] = 0.0;
        for (int64_t i = 0; i < m; i++)
            for (int64_t j = 0; j < n; j++)
                SIMD
                for (int64_t x = 0; x < width; x++)
                    result[y][x] += source[y + i][x + j] * kernel[m - 1 - i][n - 1 - j];
    }
}

KERNEL(fbcorr)
{
    INT(np); INT(nf); INT(nc); INT(height); INT(width); INT(kh); INT(kw); VEC(double, pictures); VEC(double, filters); VEC(double, result);
    int64_t w = width + kw - 1, h = height + kh - 1;
    PRAGMA(omp parallel for collapse(3) schedule(static))
    for (int64_t p = 0; p < np; p++)
        for (int64_t f = 0; f < nf; f++)
            for (int64_t y = 0; y < height; y++) {
                double *restrict to = result + ((p * nf + f) * height + y) * width;
                for (int64_t c = 0; c < nc; c++)
                    for (int64_t i = 0; i < kh; i++)
                        for (int64_t j = 0; j < kw; j++) {
                            double factor = filters[((f * nc + c) * kh + i) * kw + j];
                            const double *restrict from = pictures + ((p * nc + c) * h + y + i) * w + j;
                            SIMD
                            for (int64_t x = 0; x < width; x++)
                                to[x] += from[x] * factor;
                        }
            }
}

static inline double normal(double x)
{
    return 0.5 * (1.0 + erf(x / sqrt(2.0)));
}

KERNEL(black_scholes)
{
    INT(n); REAL(rate); REAL(volatility); VEC(double, price); VEC(double, strike); VEC(double, years); VEC(double, call); VEC(double, put);
    PARALLEL_FOR
    for (int64_t i = 0; i < n; i++) {
        double root = sqrt(years[i]);
        double d1 = (log(price[i] / strike[i]) + (rate + 0.5 * volatility * volatility) * years[i]) / (volatility * root);
        double d2 = d1 - volatility * root;
        double discounted = strike[i] * exp(-rate * years[i]);
        call[i] = price[i] * normal(d1) - discounted * normal(d2);
        put[i] = discounted * normal(-d2) - price[i] * normal(-d1);
    }
}

KERNEL(heat2d)
{
    INT(n); REAL(alpha); MAT(double, t, n); MAT(double, new, n);
    PARALLEL_FOR
    for (int64_t i = 1; i < n - 1; i++)
        SIMD
        for (int64_t j = 1; j < n - 1; j++)
            new[i][j] = t[i][j] + alpha * (t[i - 1][j] + t[i + 1][j] + t[i][j - 1] + t[i][j + 1] - 4.0 * t[i][j]);
}
