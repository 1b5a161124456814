/* bench/cpu/polybench.c — the thirty kernels of PolyBench as an expert writes them in C: plain loops in the order that the caches like, OpenMP
 * pragmas, no tiling.  Each computes what tests/polybench/<name>.alp does; sums of scalars may be reordered by `simd reduction`. */
#include "kernels.h"

typedef double real;

KERNEL(2mm)
{
    INT(ni); INT(nj); INT(nk); INT(nl); REAL(alpha); REAL(beta);
    MAT(real, tmp, nj); MAT(real, A, nk); MAT(real, B, nj); MAT(real, C, nl); MAT(real, D, nl);
    PARALLEL_FOR
    for (int64_t i = 0; i < ni; i++) {
        for (int64_t j = 0; j < nj; j++)
            tmp[i][j] = 0.0;
        for (int64_t k = 0; k < nk; k++)
            SIMD
            for (int64_t j = 0; j < nj; j++)
                tmp[i][j] += alpha * A[i][k] * B[k][j];
    }
    PARALLEL_FOR
    for (int64_t i = 0; i < ni; i++) {
        for (int64_t j = 0; j < nl; j++)
            D[i][j] *= beta;
        for (int64_t k = 0; k < nj; k++)
            SIMD
            for (int64_t j = 0; j < nl; j++)
                D[i][j] += tmp[i][k] * C[k][j];
    }
}

static void product(int64_t n, int64_t m, int64_t l, real (*restrict C)[m], real (*restrict A)[l], real (*restrict B)[m])
{
    PARALLEL_FOR
    for (int64_t i = 0; i < n; i++) {
        for (int64_t j = 0; j < m; j++)
            C[i][j] = 0.0;
        for (int64_t k = 0; k < l; k++)
            SIMD
            for (int64_t j = 0; j < m; j++)
                C[i][j] += A[i][k] * B[k][j];
    }
}

KERNEL(3mm)
{
    INT(ni); INT(nj); INT(nk); INT(nl); INT(nm);
    MAT(real, E, nj); MAT(real, A, nk); MAT(real, B, nj); MAT(real, F, nl); MAT(real, C, nm); MAT(real, D, nl); MAT(real, G, nl);
    product(ni, nj, nk, E, A, B);
    product(nj, nl, nm, F, C, D);
    product(ni, nl, nj, G, E, F);
}

KERNEL(adi)
{
    INT(tsteps); INT(n); MAT(real, u, n); MAT(real, v, n); MAT(real, p, n); MAT(real, q, n);
    real mul1 = 2.0 * (1.0 / tsteps) / ((1.0 / n) * (1.0 / n)), mul2 = 1.0 * (1.0 / tsteps) / ((1.0 / n) * (1.0 / n));
    real a = -mul1 / 2.0, b = 1.0 + mul1, c = a, d = -mul2 / 2.0, e = 1.0 + mul2, f = d;
    for (int64_t t = 1; t <= tsteps; t++) {
        PARALLEL_FOR
        for (int64_t i = 1; i < n - 1; i++) {
            v[0][i] = 1.0;
            p[i][0] = 0.0;
            q[i][0] = v[0][i];
            for (int64_t j = 1; j < n - 1; j++) {
                p[i][j] = -c / (a * p[i][j - 1] + b);
                q[i][j] = (-d * u[j][i - 1] + (1.0 + 2.0 * d) * u[j][i] - f * u[j][i + 1] - a * q[i][j - 1]) / (a * p[i][j - 1] + b);
            }
            v[n - 1][i] = 1.0;
            for (int64_t j = n - 2; j > 0; j--)
                v[j][i] = p[i][j] * v[j + 1][i] + q[i][j];
        }
        PARALLEL_FOR
        for (int64_t i = 1; i < n - 1; i++) {
            u[i][0] = 1.0;
            p[i][0] = 0.0;
            q[i][0] = u[i][0];
            for (int64_t j = 1; j < n - 1; j++) {
                p[i][j] = -f / (d * p[i][j - 1] + e);
                q[i][j] = (-a * v[i - 1][j] + (1.0 + 2.0 * a) * v[i][j] - c * v[i + 1][j] - d * q[i][j - 1]) / (d * p[i][j - 1] + e);
            }
            u[i][n - 1] = 1.0;
            for (int64_t j = n - 2; j > 0; j--)
                u[i][j] = p[i][j] * u[i][j + 1] + q[i][j];
        }
    }
}

KERNEL(atax)
{
    INT(m); INT(n); MAT(real, A, n); VEC(real, x); VEC(real, y); VEC(real, tmp);
    PARALLEL
    {
        SHARE(low, high, 0, n);
        FOR
        for (int64_t i = 0; i < m; i++) {
            real s = 0.0;
            SIMD_SUM(s)
            for (int64_t j = 0; j < n; j++)
                s += A[i][j] * x[j];
            tmp[i] = s;
        }
        SIMD
        for (int64_t j = low; j < high; j++)
            y[j] = 0.0;
        for (int64_t i = 0; i < m; i++)
            SIMD
            for (int64_t j = low; j < high; j++)
                y[j] += A[i][j] * tmp[i];
    }
}

KERNEL(bicg)
{
    INT(m); INT(n); MAT(real, A, m); VEC(real, s); VEC(real, q); VEC(real, p); VEC(real, r);
    PARALLEL
    {
        SHARE(low, high, 0, m);
        SIMD
        for (int64_t j = low; j < high; j++)
            s[j] = 0.0;
        for (int64_t i = 0; i < n; i++)
            SIMD
            for (int64_t j = low; j < high; j++)
                s[j] += r[i] * A[i][j];
        FOR
        for (int64_t i = 0; i < n; i++) {
            real t = 0.0;
            SIMD_SUM(t)
            for (int64_t j = 0; j < m; j++)
                t += A[i][j] * p[j];
            q[i] = t;
        }
    }
}

/* Right-looking: what is below and right of column k gets its share of it at once. */
KERNEL(cholesky)
{
    INT(n); MAT(real, A, n);
    for (int64_t k = 0; k < n; k++) {
        A[k][k] = sqrt(A[k][k]);
        for (int64_t i = k + 1; i < n; i++)
            A[i][k] /= A[k][k];
        real column[n];
        for (int64_t i = k + 1; i < n; i++)
            column[i] = A[i][k];
        PARALLEL_UNEVEN_IF((n - k) * (n - k) / 2)
        for (int64_t i = k + 1; i < n; i++)
            SIMD
            for (int64_t j = k + 1; j <= i; j++)
                A[i][j] -= column[i] * column[j];
    }
}

static void centre(int64_t m, int64_t n, real float_n, real (*restrict data)[m], real *restrict mean)
{
    PARALLEL
    {
        SHARE(low, high, 0, m);
        SIMD
        for (int64_t j = low; j < high; j++)
            mean[j] = 0.0;
        for (int64_t i = 0; i < n; i++)
            SIMD
            for (int64_t j = low; j < high; j++)
                mean[j] += data[i][j];
        SIMD
        for (int64_t j = low; j < high; j++)
            mean[j] /= float_n;
    }
}

KERNEL(correlation)
{
    INT(m); INT(n); REAL(float_n); MAT(real, data, m); MAT(real, corr, m); VEC(real, mean); VEC(real, stddev);
    centre(m, n, float_n, data, mean);
    PARALLEL
    {
        SHARE(low, high, 0, m);
        SIMD
        for (int64_t j = low; j < high; j++)
            stddev[j] = 0.0;
        for (int64_t i = 0; i < n; i++)
            SIMD
            for (int64_t j = low; j < high; j++)
                stddev[j] += (data[i][j] - mean[j]) * (data[i][j] - mean[j]);
        SIMD
        for (int64_t j = low; j < high; j++) {
            stddev[j] = sqrt(stddev[j] / float_n);
            stddev[j] = stddev[j] <= 0.1 ? 1.0 : stddev[j];
        }
        for (int64_t i = 0; i < n; i++)
            SIMD
            for (int64_t j = low; j < high; j++)
                data[i][j] = (data[i][j] - mean[j]) / (sqrt(float_n) * stddev[j]);
    }
    PARALLEL_UNEVEN
    for (int64_t i = 0; i < m; i++) {
        corr[i][i] = 1.0;
        for (int64_t j = i + 1; j < m; j++)
            corr[i][j] = 0.0;
        for (int64_t k = 0; k < n; k++)
            SIMD
            for (int64_t j = i + 1; j < m; j++)
                corr[i][j] += data[k][i] * data[k][j];
        for (int64_t j = i + 1; j < m; j++)
            corr[j][i] = corr[i][j];
    }
}

KERNEL(covariance)
{
    INT(m); INT(n); REAL(float_n); MAT(real, data, m); MAT(real, cov, m); VEC(real, mean);
    centre(m, n, float_n, data, mean);
    PARALLEL_FOR
    for (int64_t i = 0; i < n; i++)
        SIMD
        for (int64_t j = 0; j < m; j++)
            data[i][j] -= mean[j];
    PARALLEL_UNEVEN
    for (int64_t i = 0; i < m; i++) {
        for (int64_t j = i; j < m; j++)
            cov[i][j] = 0.0;
        for (int64_t k = 0; k < n; k++)
            SIMD
            for (int64_t j = i; j < m; j++)
                cov[i][j] += data[k][i] * data[k][j];
        for (int64_t j = i; j < m; j++) {
            cov[i][j] /= float_n - 1.0;
            cov[j][i] = cov[i][j];
        }
    }
}

KERNEL(deriche)
{
    INT(w); INT(h); REAL(alpha); MAT(real, imgIn, h); MAT(real, imgOut, h); MAT(real, y1, h); MAT(real, y2, h);
    real k = (1.0 - exp(-alpha)) * (1.0 - exp(-alpha)) / (1.0 + 2.0 * alpha * exp(-alpha) - exp(2.0 * alpha));
    real a1 = k, a2 = k * exp(-alpha) * (alpha - 1.0), a3 = k * exp(-alpha) * (alpha + 1.0), a4 = -k * exp(-2.0 * alpha);
    real b1 = pow(2.0, -alpha), b2 = -exp(-2.0 * alpha);
    PARALLEL_FOR
    for (int64_t i = 0; i < w; i++) {
        real ym1 = 0.0, ym2 = 0.0, xm1 = 0.0, yp1 = 0.0, yp2 = 0.0, xp1 = 0.0, xp2 = 0.0;
        for (int64_t j = 0; j < h; j++) {
            y1[i][j] = a1 * imgIn[i][j] + a2 * xm1 + b1 * ym1 + b2 * ym2;
            xm1 = imgIn[i][j];
            ym2 = ym1;
            ym1 = y1[i][j];
        }
        for (int64_t j = h - 1; j >= 0; j--) {
            y2[i][j] = a3 * xp1 + a4 * xp2 + b1 * yp1 + b2 * yp2;
            xp2 = xp1;
            xp1 = imgIn[i][j];
            yp2 = yp1;
            yp1 = y2[i][j];
        }
        SIMD
        for (int64_t j = 0; j < h; j++)
            imgOut[i][j] = y1[i][j] + y2[i][j];
    }
    PARALLEL
    {
        SHARE(low, high, 0, h);
        for (int64_t i = 0; i < w; i++)
            SIMD
            for (int64_t j = low; j < high; j++)
                y1[i][j] = a1 * imgOut[i][j] + (i > 0 ? a2 * imgOut[i - 1][j] + b1 * y1[i - 1][j] : 0.0) + (i > 1 ? b2 * y1[i - 2][j] : 0.0);
        for (int64_t i = w - 1; i >= 0; i--)
            SIMD
            for (int64_t j = low; j < high; j++)
                y2[i][j] = (i < w - 1 ? a3 * imgOut[i + 1][j] + b1 * y2[i + 1][j] : 0.0)
                           + (i < w - 2 ? a4 * imgOut[i + 2][j] + b2 * y2[i + 2][j] : 0.0);
        for (int64_t i = 0; i < w; i++)
            SIMD
            for (int64_t j = low; j < high; j++)
                imgOut[i][j] = y1[i][j] + y2[i][j];
    }
}

KERNEL(doitgen)
{
    INT(nr); INT(nq); INT(np); CUBE(real, A, nq, np); MAT(real, C4, np); VEC(real, acc);
    PARALLEL_FOR
    for (int64_t r = 0; r < nr; r++)
        for (int64_t q = 0; q < nq; q++) {
            real own[np];
            for (int64_t p = 0; p < np; p++)
                own[p] = 0.0;
            for (int64_t s = 0; s < np; s++)
                SIMD
                for (int64_t p = 0; p < np; p++)
                    own[p] += A[r][q][s] * C4[s][p];
            for (int64_t p = 0; p < np; p++)
                A[r][q][p] = own[p];
            if (r == nr - 1 && q == nq - 1)
                for (int64_t p = 0; p < np; p++)
                    acc[p] = own[p];
        }
}

KERNEL(durbin)
{
    INT(n); VEC(real, r); VEC(real, y); VEC(real, z);
    real beta = 1.0, alpha = -r[0];
    y[0] = -r[0];
    for (int64_t k = 1; k < n; k++) {
        real total = 0.0;
        beta = (1.0 - alpha * alpha) * beta;
        SIMD_SUM(total)
        for (int64_t i = 0; i < k; i++)
            total += r[k - i - 1] * y[i];
        alpha = -(r[k] + total) / beta;
        SIMD
        for (int64_t i = 0; i < k; i++)
            z[i] = y[i] + alpha * y[k - i - 1];
        SIMD
        for (int64_t i = 0; i < k; i++)
            y[i] = z[i];
        y[k] = alpha;
    }
}

KERNEL(fdtd_2d)
{
    INT(tmax); INT(nx); INT(ny); MAT(real, ex, ny); MAT(real, ey, ny); MAT(real, hz, ny); VEC(real, fict);
    for (int64_t t = 0; t < tmax; t++) {
        for (int64_t j = 0; j < ny; j++)
            ey[0][j] = fict[t];
        PARALLEL_FOR
        for (int64_t i = 1; i < nx; i++)
            SIMD
            for (int64_t j = 0; j < ny; j++)
                ey[i][j] = ey[i][j] - 0.5 * (hz[i][j] - hz[i - 1][j]);
        PARALLEL_FOR
        for (int64_t i = 0; i < nx; i++)
            SIMD
            for (int64_t j = 1; j < ny; j++)
                ex[i][j] = ex[i][j] - 0.5 * (hz[i][j] - hz[i][j - 1]);
        PARALLEL_FOR
        for (int64_t i = 0; i < nx - 1; i++)
            SIMD
            for (int64_t j = 0; j < ny - 1; j++)
                hz[i][j] = hz[i][j] - 0.7 * (ex[i][j + 1] - ex[i][j] + ey[i + 1][j] - ey[i][j]);
    }
}

/* Row and column k do not change in step k: lengths are not negative. */
KERNEL(floyd_warshall)
{
    INT(n); MAT(int64_t, path, n);
    for (int64_t k = 0; k < n; k++)
        PARALLEL_FOR_IF(n * n)
        for (int64_t i = 0; i < n; i++) {
            int64_t first = path[i][k];
            SIMD
            for (int64_t j = 0; j < n; j++) {
                int64_t way = first + path[k][j];
                path[i][j] = path[i][j] < way ? path[i][j] : way;
            }
        }
}

KERNEL(gemm)
{
    INT(ni); INT(nj); INT(nk); REAL(alpha); REAL(beta); MAT(real, C, nj); MAT(real, A, nk); MAT(real, B, nj);
    PARALLEL_FOR
    for (int64_t i = 0; i < ni; i++) {
        for (int64_t j = 0; j < nj; j++)
            C[i][j] *= beta;
        for (int64_t k = 0; k < nk; k++)
            SIMD
            for (int64_t j = 0; j < nj; j++)
                C[i][j] += alpha * A[i][k] * B[k][j];
    }
}

KERNEL(gemver)
{
    INT(n); REAL(alpha); REAL(beta); MAT(real, A, n); VEC(real, u1); VEC(real, v1); VEC(real, u2); VEC(real, v2);
    VEC(real, w); VEC(real, x); VEC(real, y); VEC(real, z);
    PARALLEL
    {
        SHARE(low, high, 0, n);
        FOR
        for (int64_t i = 0; i < n; i++)
            SIMD
            for (int64_t j = 0; j < n; j++)
                A[i][j] = A[i][j] + u1[i] * v1[j] + u2[i] * v2[j];
        for (int64_t j = 0; j < n; j++)
            SIMD
            for (int64_t i = low; i < high; i++)
                x[i] += beta * A[j][i] * y[j];
        for (int64_t i = low; i < high; i++)
            x[i] += z[i];
        PRAGMA(omp barrier)
        FOR
        for (int64_t i = 0; i < n; i++) {
            real s = 0.0;
            SIMD_SUM(s)
            for (int64_t j = 0; j < n; j++)
                s += alpha * A[i][j] * x[j];
            w[i] += s;
        }
    }
}

KERNEL(gesummv)
{
    INT(n); REAL(alpha); REAL(beta); MAT(real, A, n); MAT(real, B, n); VEC(real, tmp); VEC(real, x); VEC(real, y);
    PARALLEL_FOR
    for (int64_t i = 0; i < n; i++) {
        real s = 0.0, t = 0.0;
        PRAGMA(omp simd reduction(+:s, t))
        for (int64_t j = 0; j < n; j++) {
            s += A[i][j] * x[j];
            t += B[i][j] * x[j];
        }
        tmp[i] = s;
        y[i] = alpha * s + beta * t;
    }
}

KERNEL(gramschmidt)
{
    INT(m); INT(n); MAT(real, A, n); MAT(real, R, n); MAT(real, Q, n);
    for (int64_t k = 0; k < n; k++) {
        real nrm = 0.0;
        for (int64_t i = 0; i < m; i++)
            nrm += A[i][k] * A[i][k];
        R[k][k] = sqrt(nrm);
        for (int64_t i = 0; i < m; i++)
            Q[i][k] = A[i][k] / R[k][k];
        PARALLEL_IF((n - k) * m)
        {
            SHARE(low, high, k + 1, n);
            SIMD
            for (int64_t j = low; j < high; j++)
                R[k][j] = 0.0;
            for (int64_t i = 0; i < m; i++)
                SIMD
                for (int64_t j = low; j < high; j++)
                    R[k][j] += Q[i][k] * A[i][j];
            for (int64_t i = 0; i < m; i++)
                SIMD
                for (int64_t j = low; j < high; j++)
                    A[i][j] -= Q[i][k] * R[k][j];
        }
    }
}

static void heat_step(int64_t n, real (*restrict B)[n][n], real (*restrict A)[n][n])
{
    PARALLEL_FOR
    for (int64_t i = 1; i < n - 1; i++)
        for (int64_t j = 1; j < n - 1; j++)
            SIMD
            for (int64_t k = 1; k < n - 1; k++)
                B[i][j][k] = 0.125 * (A[i + 1][j][k] - 2.0 * A[i][j][k] + A[i - 1][j][k])
                             + 0.125 * (A[i][j + 1][k] - 2.0 * A[i][j][k] + A[i][j - 1][k])
                             + 0.125 * (A[i][j][k + 1] - 2.0 * A[i][j][k] + A[i][j][k - 1])
                             + A[i][j][k];
}

KERNEL(heat_3d)
{
    INT(tsteps); INT(n); CUBE(real, A, n, n); CUBE(real, B, n, n);
    for (int64_t t = 1; t <= tsteps; t++) {
        heat_step(n, B, A);
        heat_step(n, A, B);
    }
}

KERNEL(jacobi_1d)
{
    INT(tsteps); INT(n); VEC(real, A); VEC(real, B);
    for (int64_t t = 0; t < tsteps; t++) {
        PARALLEL_SIMD
        for (int64_t i = 1; i < n - 1; i++)
            B[i] = 0.33333 * (A[i - 1] + A[i] + A[i + 1]);
        PARALLEL_SIMD
        for (int64_t i = 1; i < n - 1; i++)
            A[i] = 0.33333 * (B[i - 1] + B[i] + B[i + 1]);
    }
}

static void jacobi_step(int64_t n, real (*restrict B)[n], real (*restrict A)[n])
{
    PARALLEL_FOR
    for (int64_t i = 1; i < n - 1; i++)
        SIMD
        for (int64_t j = 1; j < n - 1; j++)
            B[i][j] = 0.2 * (A[i][j] + A[i][j - 1] + A[i][1 + j] + A[1 + i][j] + A[i - 1][j]);
}

KERNEL(jacobi_2d)
{
    INT(tsteps); INT(n); MAT(real, A, n); MAT(real, B, n);
    for (int64_t t = 0; t < tsteps; t++) {
        jacobi_step(n, B, A);
        jacobi_step(n, A, B);
    }
}

/* Right-looking, as cholesky. */
static void factor(int64_t n, real (*restrict A)[n])
{
    for (int64_t k = 0; k < n; k++)
        PARALLEL_FOR_IF((n - k) * (n - k))
        for (int64_t i = k + 1; i < n; i++) {
            A[i][k] /= A[k][k];
            SIMD
            for (int64_t j = k + 1; j < n; j++)
                A[i][j] -= A[i][k] * A[k][j];
        }
}

KERNEL(lu)
{
    INT(n); MAT(real, A, n);
    factor(n, A);
}

KERNEL(ludcmp)
{
    INT(n); MAT(real, A, n); VEC(real, b); VEC(real, x); VEC(real, y);
    factor(n, A);
    for (int64_t i = 0; i < n; i++) {
        real w = b[i];
        PRAGMA(omp simd reduction(-:w))
        for (int64_t j = 0; j < i; j++)
            w -= A[i][j] * y[j];
        y[i] = w;
    }
    for (int64_t i = n - 1; i >= 0; i--) {
        real w = y[i];
        PRAGMA(omp simd reduction(-:w))
        for (int64_t j = i + 1; j < n; j++)
            w -= A[i][j] * x[j];
        x[i] = w / A[i][i];
    }
}

KERNEL(mvt)
{
    INT(n); VEC(real, x1); VEC(real, x2); VEC(real, y1); VEC(real, y2); MAT(real, A, n);
    PARALLEL
    {
        SHARE(low, high, 0, n);
        FOR
        for (int64_t i = 0; i < n; i++) {
            real s = 0.0;
            SIMD_SUM(s)
            for (int64_t j = 0; j < n; j++)
                s += A[i][j] * y1[j];
            x1[i] += s;
        }
        for (int64_t j = 0; j < n; j++)
            SIMD
            for (int64_t i = low; i < high; i++)
                x2[i] += A[j][i] * y2[j];
    }
}

/* Row by row from below; table[i, k], once it is final, is offered to all that are right of it. */
KERNEL(nussinov)
{
    INT(n); VEC(int64_t, seq); MAT(int64_t, table, n);
    for (int64_t i = n - 2; i >= 0; i--) {
        for (int64_t j = i + 1; j < n; j++) {
            int64_t diagonal = table[i + 1][j - 1] + (i < j - 1 && seq[i] + seq[j] == 3);
            int64_t best = table[i + 1][j] > diagonal ? table[i + 1][j] : diagonal;
            table[i][j] = table[i][j] > best ? table[i][j] : best;
        }
        for (int64_t k = i; k < n - 1; k++) {
            int64_t left = table[i][k];
            if (left > table[i][k + 1])
                table[i][k + 1] = left;
            if (k == i)
                continue;
            SIMD
            for (int64_t j = k + 1; j < n; j++) {
                int64_t both = left + table[k + 1][j];
                table[i][j] = table[i][j] > both ? table[i][j] : both;
            }
        }
    }
}

KERNEL(seidel_2d)
{
    INT(tsteps); INT(n); MAT(real, A, n);
    for (int64_t t = 0; t < tsteps; t++)
        for (int64_t i = 1; i < n - 1; i++)
            for (int64_t j = 1; j < n - 1; j++)
                A[i][j] = (A[i - 1][j - 1] + A[i - 1][j] + A[i - 1][j + 1]
                           + A[i][j - 1] + A[i][j] + A[i][j + 1]
                           + A[i + 1][j - 1] + A[i + 1][j] + A[i + 1][j + 1]) / 9.0;
}

KERNEL(symm)
{
    INT(m); INT(n); REAL(alpha); REAL(beta); MAT(real, C, n); MAT(real, A, m); MAT(real, B, n);
    real temp2[n];
    PARALLEL
    {
        SHARE(low, high, 0, n);
        for (int64_t i = 0; i < m; i++) {
            SIMD
            for (int64_t j = low; j < high; j++)
                temp2[j] = 0.0;
            for (int64_t k = 0; k < i; k++)
                SIMD
                for (int64_t j = low; j < high; j++) {
                    C[k][j] += alpha * B[i][j] * A[i][k];
                    temp2[j] += B[k][j] * A[i][k];
                }
            SIMD
            for (int64_t j = low; j < high; j++)
                C[i][j] = beta * C[i][j] + alpha * B[i][j] * A[i][i] + alpha * temp2[j];
        }
    }
}

/* Rows of A and B are contiguous in k: one sum for each element of C. */
KERNEL(syr2k)
{
    INT(n); INT(m); REAL(alpha); REAL(beta); MAT(real, C, n); MAT(real, A, m); MAT(real, B, m);
    PARALLEL_UNEVEN
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j <= i; j++) {
            real s = 0.0;
            SIMD_SUM(s)
            for (int64_t k = 0; k < m; k++)
                s += A[j][k] * alpha * B[i][k] + B[j][k] * alpha * A[i][k];
            C[i][j] = C[i][j] * beta + s;
        }
}

KERNEL(syrk)
{
    INT(n); INT(m); REAL(alpha); REAL(beta); MAT(real, C, n); MAT(real, A, m);
    PARALLEL_UNEVEN
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j <= i; j++) {
            real s = 0.0;
            SIMD_SUM(s)
            for (int64_t k = 0; k < m; k++)
                s += alpha * A[i][k] * A[j][k];
            C[i][j] = C[i][j] * beta + s;
        }
}

KERNEL(trisolv)
{
    INT(n); MAT(real, L, n); VEC(real, x); VEC(real, b);
    for (int64_t i = 0; i < n; i++) {
        real s = b[i];
        PRAGMA(omp simd reduction(-:s))
        for (int64_t j = 0; j < i; j++)
            s -= L[i][j] * x[j];
        x[i] = s / L[i][i];
    }
}

KERNEL(trmm)
{
    INT(m); INT(n); REAL(alpha); MAT(real, A, m); MAT(real, B, n);
    PARALLEL
    {
        SHARE(low, high, 0, n);
        for (int64_t i = 0; i < m; i++) {
            for (int64_t k = i + 1; k < m; k++)
                SIMD
                for (int64_t j = low; j < high; j++)
                    B[i][j] += A[k][i] * B[k][j];
            SIMD
            for (int64_t j = low; j < high; j++)
                B[i][j] = alpha * B[i][j];
        }
    }
}
