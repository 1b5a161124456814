"""The kernels in Numba as an expert writes them: parallel=True, prange by hand, loops in the order that the caches like.  Where rows build on each
other, the parallel loop is over BLOCKS groups of columns.  FASTMATH in the environment allows reassociation and contraction."""
import math
import os

import numba
import numpy as np
from numba import prange

BLOCKS = 4      # a constant: compiled code is kept between runs with different numbers of threads
kernel = numba.njit(parallel=True, fastmath=os.environ.get("FASTMATH") == "1", cache=True)


@kernel
def k_2mm(ni, nj, nk, nl, alpha, beta, tmp, A, B, C, D):
    for i in prange(ni):
        for j in range(nj):
            tmp[i, j] = 0.0
        for k in range(nk):
            for j in range(nj):
                tmp[i, j] += alpha * A[i, k] * B[k, j]
    for i in prange(ni):
        for j in range(nl):
            D[i, j] *= beta
        for k in range(nj):
            for j in range(nl):
                D[i, j] += tmp[i, k] * C[k, j]


@kernel
def k_matmul(n, A, B, C):
    for i in prange(C.shape[0]):
        for j in range(C.shape[1]):
            C[i, j] = 0.0
        for k in range(B.shape[0]):
            for j in range(C.shape[1]):
                C[i, j] += A[i, k] * B[k, j]


@kernel
def k_3mm(ni, nj, nk, nl, nm, E, A, B, F, C, D, G):
    k_matmul(ni, A, B, E)
    k_matmul(nj, C, D, F)
    k_matmul(ni, E, F, G)


@kernel
def k_adi(tsteps, n, u, v, p, q):
    mul1 = 2.0 * (1.0 / tsteps) / ((1.0 / n) * (1.0 / n))
    mul2 = (1.0 / tsteps) / ((1.0 / n) * (1.0 / n))
    a = c = -mul1 / 2.0
    b = 1.0 + mul1
    d = f = -mul2 / 2.0
    e = 1.0 + mul2
    for t in range(tsteps):
        for i in prange(1, n - 1):
            v[0, i] = 1.0
            p[i, 0] = 0.0
            q[i, 0] = v[0, i]
            for j in range(1, n - 1):
                p[i, j] = -c / (a * p[i, j - 1] + b)
                q[i, j] = (-d * u[j, i - 1] + (1.0 + 2.0 * d) * u[j, i] - f * u[j, i + 1] - a * q[i, j - 1]) / (a * p[i, j - 1] + b)
            v[n - 1, i] = 1.0
            for j in range(n - 2, 0, -1):
                v[j, i] = p[i, j] * v[j + 1, i] + q[i, j]
        for i in prange(1, n - 1):
            u[i, 0] = 1.0
            p[i, 0] = 0.0
            q[i, 0] = u[i, 0]
            for j in range(1, n - 1):
                p[i, j] = -f / (d * p[i, j - 1] + e)
                q[i, j] = (-a * v[i - 1, j] + (1.0 + 2.0 * a) * v[i, j] - c * v[i + 1, j] - d * q[i, j - 1]) / (d * p[i, j - 1] + e)
            u[i, n - 1] = 1.0
            for j in range(n - 2, 0, -1):
                u[i, j] = p[i, j] * u[i, j + 1] + q[i, j]


@kernel
def k_atax(m, n, A, x, y, tmp):
    for i in prange(m):
        s = 0.0
        for j in range(n):
            s += A[i, j] * x[j]
        tmp[i] = s
    for b in prange(BLOCKS):
        low, high = n * b // BLOCKS, n * (b + 1) // BLOCKS
        for j in range(low, high):
            y[j] = 0.0
        for i in range(m):
            for j in range(low, high):
                y[j] += A[i, j] * tmp[i]


@kernel
def k_bicg(m, n, A, s, q, p, r):
    for b in prange(BLOCKS):
        low, high = m * b // BLOCKS, m * (b + 1) // BLOCKS
        for j in range(low, high):
            s[j] = 0.0
        for i in range(n):
            for j in range(low, high):
                s[j] += r[i] * A[i, j]
    for i in prange(n):
        t = 0.0
        for j in range(m):
            t += A[i, j] * p[j]
        q[i] = t


@kernel
def k_cholesky(n, A):
    column = np.empty(n)
    for k in range(n):
        A[k, k] = math.sqrt(A[k, k])
        for i in range(k + 1, n):
            A[i, k] /= A[k, k]
            column[i] = A[i, k]
        for i in prange(k + 1, n):
            for j in range(k + 1, i + 1):
                A[i, j] -= column[i] * column[j]


@kernel
def centre(m, n, float_n, data, mean):
    for b in prange(BLOCKS):
        low, high = m * b // BLOCKS, m * (b + 1) // BLOCKS
        for j in range(low, high):
            mean[j] = 0.0
        for i in range(n):
            for j in range(low, high):
                mean[j] += data[i, j]
        for j in range(low, high):
            mean[j] /= float_n


@kernel
def k_correlation(m, n, float_n, data, corr, mean, stddev):
    centre(m, n, float_n, data, mean)
    for b in prange(BLOCKS):
        low, high = m * b // BLOCKS, m * (b + 1) // BLOCKS
        for j in range(low, high):
            stddev[j] = 0.0
        for i in range(n):
            for j in range(low, high):
                stddev[j] += (data[i, j] - mean[j]) * (data[i, j] - mean[j])
        for j in range(low, high):
            stddev[j] = math.sqrt(stddev[j] / float_n)
            if stddev[j] <= 0.1:
                stddev[j] = 1.0
        for i in range(n):
            for j in range(low, high):
                data[i, j] = (data[i, j] - mean[j]) / (math.sqrt(float_n) * stddev[j])
    for i in prange(m):
        corr[i, i] = 1.0
        for j in range(i + 1, m):
            corr[i, j] = 0.0
        for k in range(n):
            for j in range(i + 1, m):
                corr[i, j] += data[k, i] * data[k, j]
        for j in range(i + 1, m):
            corr[j, i] = corr[i, j]


@kernel
def k_covariance(m, n, float_n, data, cov, mean):
    centre(m, n, float_n, data, mean)
    for i in prange(n):
        for j in range(m):
            data[i, j] -= mean[j]
    for i in prange(m):
        for j in range(i, m):
            cov[i, j] = 0.0
        for k in range(n):
            for j in range(i, m):
                cov[i, j] += data[k, i] * data[k, j]
        for j in range(i, m):
            cov[i, j] /= float_n - 1.0
            cov[j, i] = cov[i, j]


@kernel
def k_deriche(w, h, alpha, imgIn, imgOut, y1, y2):
    k = (1.0 - math.exp(-alpha)) * (1.0 - math.exp(-alpha)) / (1.0 + 2.0 * alpha * math.exp(-alpha) - math.exp(2.0 * alpha))
    a1 = k
    a2 = k * math.exp(-alpha) * (alpha - 1.0)
    a3 = k * math.exp(-alpha) * (alpha + 1.0)
    a4 = -k * math.exp(-2.0 * alpha)
    b1 = 2.0 ** -alpha
    b2 = -math.exp(-2.0 * alpha)
    for i in prange(w):
        ym1 = ym2 = xm1 = 0.0
        for j in range(h):
            y1[i, j] = a1 * imgIn[i, j] + a2 * xm1 + b1 * ym1 + b2 * ym2
            xm1 = imgIn[i, j]
            ym2 = ym1
            ym1 = y1[i, j]
        yp1 = yp2 = xp1 = xp2 = 0.0
        for j in range(h - 1, -1, -1):
            y2[i, j] = a3 * xp1 + a4 * xp2 + b1 * yp1 + b2 * yp2
            xp2 = xp1
            xp1 = imgIn[i, j]
            yp2 = yp1
            yp1 = y2[i, j]
        for j in range(h):
            imgOut[i, j] = y1[i, j] + y2[i, j]
    for b in prange(BLOCKS):
        low, high = h * b // BLOCKS, h * (b + 1) // BLOCKS
        for j in range(low, high):
            y1[0, j] = a1 * imgOut[0, j]
            y1[1, j] = a1 * imgOut[1, j] + a2 * imgOut[0, j] + b1 * y1[0, j]
            y2[w - 1, j] = 0.0
            y2[w - 2, j] = a3 * imgOut[w - 1, j] + b1 * y2[w - 1, j]
        for i in range(2, w):
            for j in range(low, high):
                y1[i, j] = a1 * imgOut[i, j] + a2 * imgOut[i - 1, j] + b1 * y1[i - 1, j] + b2 * y1[i - 2, j]
        for i in range(w - 3, -1, -1):
            for j in range(low, high):
                y2[i, j] = a3 * imgOut[i + 1, j] + a4 * imgOut[i + 2, j] + b1 * y2[i + 1, j] + b2 * y2[i + 2, j]
        for i in range(w):
            for j in range(low, high):
                imgOut[i, j] = y1[i, j] + y2[i, j]


@kernel
def k_doitgen(nr, nq, np_, A, C4, acc):
    for r in prange(nr):
        own = np.empty(np_)
        for q in range(nq):
            for p in range(np_):
                own[p] = 0.0
            for s in range(np_):
                for p in range(np_):
                    own[p] += A[r, q, s] * C4[s, p]
            for p in range(np_):
                A[r, q, p] = own[p]
        if r == nr - 1:
            acc[:] = own


@kernel
def k_durbin(n, r, y, z):
    beta = 1.0
    alpha = -r[0]
    y[0] = -r[0]
    for k in range(1, n):
        beta = (1.0 - alpha * alpha) * beta
        total = 0.0
        for i in range(k):
            total += r[k - i - 1] * y[i]
        alpha = -(r[k] + total) / beta
        for i in range(k):
            z[i] = y[i] + alpha * y[k - i - 1]
        for i in range(k):
            y[i] = z[i]
        y[k] = alpha


@kernel
def k_fdtd_2d(tmax, nx, ny, ex, ey, hz, fict):
    for t in range(tmax):
        for j in range(ny):
            ey[0, j] = fict[t]
        for i in prange(1, nx):
            for j in range(ny):
                ey[i, j] = ey[i, j] - 0.5 * (hz[i, j] - hz[i - 1, j])
        for i in prange(nx):
            for j in range(1, ny):
                ex[i, j] = ex[i, j] - 0.5 * (hz[i, j] - hz[i, j - 1])
        for i in prange(nx - 1):
            for j in range(ny - 1):
                hz[i, j] = hz[i, j] - 0.7 * (ex[i, j + 1] - ex[i, j] + ey[i + 1, j] - ey[i, j])


@kernel
def k_floyd_warshall(n, path):
    for k in range(n):
        for i in prange(n):
            first = path[i, k]
            for j in range(n):
                path[i, j] = min(path[i, j], first + path[k, j])


@kernel
def k_gemm(ni, nj, nk, alpha, beta, C, A, B):
    for i in prange(ni):
        for j in range(nj):
            C[i, j] *= beta
        for k in range(nk):
            for j in range(nj):
                C[i, j] += alpha * A[i, k] * B[k, j]


@kernel
def k_gemver(n, alpha, beta, A, u1, v1, u2, v2, w, x, y, z):
    for i in prange(n):
        for j in range(n):
            A[i, j] = A[i, j] + u1[i] * v1[j] + u2[i] * v2[j]
    for b in prange(BLOCKS):
        low, high = n * b // BLOCKS, n * (b + 1) // BLOCKS
        for j in range(n):
            for i in range(low, high):
                x[i] += beta * A[j, i] * y[j]
        for i in range(low, high):
            x[i] += z[i]
    for i in prange(n):
        s = 0.0
        for j in range(n):
            s += alpha * A[i, j] * x[j]
        w[i] += s


@kernel
def k_gesummv(n, alpha, beta, A, B, tmp, x, y):
    for i in prange(n):
        s = 0.0
        t = 0.0
        for j in range(n):
            s += A[i, j] * x[j]
            t += B[i, j] * x[j]
        tmp[i] = s
        y[i] = alpha * s + beta * t


@kernel
def k_gramschmidt(m, n, A, R, Q):
    for k in range(n):
        nrm = 0.0
        for i in range(m):
            nrm += A[i, k] * A[i, k]
        R[k, k] = math.sqrt(nrm)
        for i in range(m):
            Q[i, k] = A[i, k] / R[k, k]
        width = n - k - 1
        for b in prange(BLOCKS):
            low, high = k + 1 + width * b // BLOCKS, k + 1 + width * (b + 1) // BLOCKS
            for j in range(low, high):
                R[k, j] = 0.0
            for i in range(m):
                for j in range(low, high):
                    R[k, j] += Q[i, k] * A[i, j]
            for i in range(m):
                for j in range(low, high):
                    A[i, j] -= Q[i, k] * R[k, j]


@kernel
def heat_step(n, B, A):
    for i in prange(1, n - 1):
        for j in range(1, n - 1):
            for k in range(1, n - 1):
                B[i, j, k] = (0.125 * (A[i + 1, j, k] - 2.0 * A[i, j, k] + A[i - 1, j, k])
                              + 0.125 * (A[i, j + 1, k] - 2.0 * A[i, j, k] + A[i, j - 1, k])
                              + 0.125 * (A[i, j, k + 1] - 2.0 * A[i, j, k] + A[i, j, k - 1])
                              + A[i, j, k])


@kernel
def k_heat_3d(tsteps, n, A, B):
    for t in range(tsteps):
        heat_step(n, B, A)
        heat_step(n, A, B)


@kernel
def k_jacobi_1d(tsteps, n, A, B):
    for t in range(tsteps):
        for i in prange(1, n - 1):
            B[i] = 0.33333 * (A[i - 1] + A[i] + A[i + 1])
        for i in prange(1, n - 1):
            A[i] = 0.33333 * (B[i - 1] + B[i] + B[i + 1])


@kernel
def jacobi_step(n, B, A):
    for i in prange(1, n - 1):
        for j in range(1, n - 1):
            B[i, j] = 0.2 * (A[i, j] + A[i, j - 1] + A[i, 1 + j] + A[1 + i, j] + A[i - 1, j])


@kernel
def k_jacobi_2d(tsteps, n, A, B):
    for t in range(tsteps):
        jacobi_step(n, B, A)
        jacobi_step(n, A, B)


@kernel
def k_lu(n, A):
    for k in range(n):
        for i in prange(k + 1, n):
            A[i, k] /= A[k, k]
            for j in range(k + 1, n):
                A[i, j] -= A[i, k] * A[k, j]


@kernel
def k_ludcmp(n, A, b, x, y):
    k_lu(n, A)
    for i in range(n):
        w = b[i]
        for j in range(i):
            w -= A[i, j] * y[j]
        y[i] = w
    for i in range(n - 1, -1, -1):
        w = y[i]
        for j in range(i + 1, n):
            w -= A[i, j] * x[j]
        x[i] = w / A[i, i]


@kernel
def k_mvt(n, x1, x2, y1, y2, A):
    for i in prange(n):
        s = 0.0
        for j in range(n):
            s += A[i, j] * y1[j]
        x1[i] += s
    for b in prange(BLOCKS):
        low, high = n * b // BLOCKS, n * (b + 1) // BLOCKS
        for j in range(n):
            for i in range(low, high):
                x2[i] += A[j, i] * y2[j]


@kernel
def k_nussinov(n, seq, table):
    for i in range(n - 2, -1, -1):
        for j in range(i + 1, n):
            pairs = 1 if i < j - 1 and seq[i] + seq[j] == 3 else 0
            table[i, j] = max(table[i, j], table[i + 1, j], table[i + 1, j - 1] + pairs)
        for k in range(i, n - 1):
            left = table[i, k]
            table[i, k + 1] = max(table[i, k + 1], left)
            if k > i:
                for j in range(k + 1, n):
                    table[i, j] = max(table[i, j], left + table[k + 1, j])


@kernel
def k_seidel_2d(tsteps, n, A):
    for t in range(tsteps):
        for i in range(1, n - 1):
            for j in range(1, n - 1):
                A[i, j] = (A[i - 1, j - 1] + A[i - 1, j] + A[i - 1, j + 1]
                           + A[i, j - 1] + A[i, j] + A[i, j + 1]
                           + A[i + 1, j - 1] + A[i + 1, j] + A[i + 1, j + 1]) / 9.0


@kernel
def k_symm(m, n, alpha, beta, C, A, B):
    temp2 = np.empty(n)
    for b in prange(BLOCKS):
        low, high = n * b // BLOCKS, n * (b + 1) // BLOCKS
        for i in range(m):
            for j in range(low, high):
                temp2[j] = 0.0
            for k in range(i):
                for j in range(low, high):
                    C[k, j] += alpha * B[i, j] * A[i, k]
                    temp2[j] += B[k, j] * A[i, k]
            for j in range(low, high):
                C[i, j] = beta * C[i, j] + alpha * B[i, j] * A[i, i] + alpha * temp2[j]


@kernel
def k_syr2k(n, m, alpha, beta, C, A, B):
    for i in prange(n):
        for j in range(i + 1):
            s = 0.0
            for k in range(m):
                s += A[j, k] * alpha * B[i, k] + B[j, k] * alpha * A[i, k]
            C[i, j] = C[i, j] * beta + s


@kernel
def k_syrk(n, m, alpha, beta, C, A):
    for i in prange(n):
        for j in range(i + 1):
            s = 0.0
            for k in range(m):
                s += alpha * A[i, k] * A[j, k]
            C[i, j] = C[i, j] * beta + s


@kernel
def k_trisolv(n, L, x, b):
    for i in range(n):
        s = b[i]
        for j in range(i):
            s -= L[i, j] * x[j]
        x[i] = s / L[i, i]


@kernel
def k_trmm(m, n, alpha, A, B):
    for b in prange(BLOCKS):
        low, high = n * b // BLOCKS, n * (b + 1) // BLOCKS
        for i in range(m):
            for k in range(i + 1, m):
                for j in range(low, high):
                    B[i, j] += A[k, i] * B[k, j]
            for j in range(low, high):
                B[i, j] = alpha * B[i, j]


@kernel
def k_copy(n, a, b):
    for i in prange(n):
        a[i] = b[i]


@kernel
def k_triad(n, s, a, b, c):
    for i in prange(n):
        a[i] = b[i] + s * c[i]


@kernel
def k_vector_add(n, a, b, c):
    for i in prange(n):
        c[i] = a[i] + b[i]


@kernel
def k_saxpy(n, a, x, y):
    factor = a[0]
    for i in prange(n):
        y[i] = factor * x[i] + y[i]


@kernel
def k_sum(n, a, out):
    s = 0.0
    for i in prange(n):
        s += a[i]
    out[0] = s


@kernel
def k_dot(n, a, b, out):
    s = 0.0
    for i in prange(n):
        s += a[i] * b[i]
    out[0] = s


@kernel
def k_hilbert(n, h):
    for i in prange(n):
        for j in range(n):
            h[i, j] = 1.0 / (i + j + 1)


@kernel
def k_jacobi(n, a, b, x, new):
    for i in prange(n):
        s = 0.0
        for j in range(n):
            if j != i:
                s += a[i, j] * x[j]
        new[i] = (b[i] - s) / a[i, i]


@kernel
def k_mandelbrot(height, width, limit, rounds):
    for i in prange(height):
        for j in range(width):
            cx = -2.1 + 3.0 * j / width
            cy = -1.0 + 2.0 * i / height
            x = 0.0
            y = 0.0
            k = 0
            while k < limit and x * x + y * y <= 4.0:
                t = x * x - y * y + cx
                y = 2.0 * x * y + cy
                x = t
                k += 1
            rounds[i, j] = k


@kernel
def k_nbody(n, position, mass, force):
    for i in prange(n):
        fx = 0.0
        fy = 0.0
        fz = 0.0
        for j in range(n):
            dx = position[j, 0] - position[i, 0]
            dy = position[j, 1] - position[i, 1]
            dz = position[j, 2] - position[i, 2]
            d2 = dx * dx + dy * dy + dz * dz + 0.01
            f = mass[j] / (d2 * math.sqrt(d2))
            fx += dx * f
            fy += dy * f
            fz += dz * f
        force[i, 0] = fx
        force[i, 1] = fy
        force[i, 2] = fz


@kernel
def k_csr(n, value, column, start, x, y):
    for row in prange(n):
        s = 0.0
        for k in range(start[row], start[row + 1]):
            s += value[k] * x[column[k]]
        y[row] = s


@kernel
def k_conv2d(height, width, m, n, source, kernel, result):
    for y in prange(height):
        for x in range(width):
            result[y, x] = 0.0
        for i in range(m):
            for j in range(n):
                for x in range(width):
                    result[y, x] += source[y + i, x + j] * kernel[m - 1 - i, n - 1 - j]


@kernel
def k_fbcorr(n_pictures, n_filters, n_channels, height, width, filter_height, filter_width, pictures, filters, result):
    for pf in prange(n_pictures * n_filters):
        p = pf // n_filters
        f = pf % n_filters
        for y in range(height):
            for c in range(n_channels):
                for i in range(filter_height):
                    for j in range(filter_width):
                        for x in range(width):
                            result[p, f, y, x] += pictures[p, c, y + i, x + j] * filters[f, c, i, j]


@kernel
def normal(x):
    return 0.5 * (1.0 + math.erf(x / math.sqrt(2.0)))


@kernel
def k_black_scholes(n, rate, volatility, price, strike, years, call, put):
    for i in prange(n):
        root = math.sqrt(years[i])
        d1 = (math.log(price[i] / strike[i]) + (rate + 0.5 * volatility * volatility) * years[i]) / (volatility * root)
        d2 = d1 - volatility * root
        discounted = strike[i] * math.exp(-rate * years[i])
        call[i] = price[i] * normal(d1) - discounted * normal(d2)
        put[i] = discounted * normal(-d2) - price[i] * normal(-d1)


@kernel
def k_heat2d(n, alpha, t, new):
    for i in prange(1, n - 1):
        for j in range(1, n - 1):
            new[i, j] = t[i, j] + alpha * (t[i - 1, j] + t[i + 1, j] + t[i, j - 1] + t[i, j + 1] - 4.0 * t[i, j])
