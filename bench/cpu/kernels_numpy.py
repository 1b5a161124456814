"""The kernels whose work NumPy's array operations express, in place where that saves passes over memory."""
import math

import numpy as np


def k_2mm(ni, nj, nk, nl, alpha, beta, tmp, A, B, C, D):
    np.matmul(alpha * A, B, out=tmp)
    D *= beta
    D += tmp @ C


def k_3mm(ni, nj, nk, nl, nm, E, A, B, F, C, D, G):
    np.matmul(A, B, out=E)
    np.matmul(C, D, out=F)
    np.matmul(E, F, out=G)


def k_atax(m, n, A, x, y, tmp):
    np.matmul(A, x, out=tmp)
    np.matmul(tmp, A, out=y)


def k_bicg(m, n, A, s, q, p, r):
    np.matmul(r, A, out=s)
    np.matmul(A, p, out=q)


def k_covariance(m, n, float_n, data, cov, mean):
    np.mean(data, axis=0, out=mean)
    data -= mean
    np.matmul(data.T, data, out=cov)
    cov /= float_n - 1.0


def k_correlation(m, n, float_n, data, corr, mean, stddev):
    np.mean(data, axis=0, out=mean)
    np.std(data, axis=0, out=stddev)
    stddev[stddev <= 0.1] = 1.0
    data -= mean
    data /= math.sqrt(float_n) * stddev
    np.matmul(data.T, data, out=corr)
    np.fill_diagonal(corr, 1.0)


def k_doitgen(nr, nq, np_, A, C4, acc):
    A[:] = A @ C4
    acc[:] = A[-1, -1]


def k_durbin(n, r, y, z):
    beta = 1.0
    alpha = -r[0]
    y[0] = -r[0]
    for k in range(1, n):
        beta *= 1.0 - alpha * alpha
        alpha = -(r[k] + np.dot(r[:k][::-1], y[:k])) / beta
        z[:k] = y[:k] + alpha * y[:k][::-1]
        y[:k] = z[:k]
        y[k] = alpha


def k_fdtd_2d(tmax, nx, ny, ex, ey, hz, fict):
    for t in range(tmax):
        ey[0] = fict[t]
        ey[1:] -= 0.5 * (hz[1:] - hz[:-1])
        ex[:, 1:] -= 0.5 * (hz[:, 1:] - hz[:, :-1])
        hz[:-1, :-1] -= 0.7 * (ex[:-1, 1:] - ex[:-1, :-1] + ey[1:, :-1] - ey[:-1, :-1])


def k_floyd_warshall(n, path):
    for k in range(n):
        np.minimum(path, path[:, k, None] + path[k], out=path)


def k_gemm(ni, nj, nk, alpha, beta, C, A, B):
    C *= beta
    C += alpha * A @ B


def k_gemver(n, alpha, beta, A, u1, v1, u2, v2, w, x, y, z):
    A += np.outer(u1, v1)
    A += np.outer(u2, v2)
    x += beta * (y @ A) + z
    w += alpha * (A @ x)


def k_gesummv(n, alpha, beta, A, B, tmp, x, y):
    np.matmul(A, x, out=tmp)
    np.matmul(B, x, out=y)
    y *= beta
    y += alpha * tmp


def k_gramschmidt(m, n, A, R, Q):
    for k in range(n):
        R[k, k] = math.sqrt(A[:, k] @ A[:, k])
        Q[:, k] = A[:, k] / R[k, k]
        R[k, k + 1:] = Q[:, k] @ A[:, k + 1:]
        A[:, k + 1:] -= np.outer(Q[:, k], R[k, k + 1:])


def heat_step(B, A):
    c = A[1:-1, 1:-1, 1:-1]
    B[1:-1, 1:-1, 1:-1] = (0.125 * (A[2:, 1:-1, 1:-1] - 2.0 * c + A[:-2, 1:-1, 1:-1]) + 0.125 * (A[1:-1, 2:, 1:-1] - 2.0 * c + A[1:-1, :-2, 1:-1])
                           + 0.125 * (A[1:-1, 1:-1, 2:] - 2.0 * c + A[1:-1, 1:-1, :-2]) + c)


def k_heat_3d(tsteps, n, A, B):
    for t in range(tsteps):
        heat_step(B, A)
        heat_step(A, B)


def k_jacobi_1d(tsteps, n, A, B):
    for t in range(tsteps):
        B[1:-1] = 0.33333 * (A[:-2] + A[1:-1] + A[2:])
        A[1:-1] = 0.33333 * (B[:-2] + B[1:-1] + B[2:])


def k_jacobi_2d(tsteps, n, A, B):
    for t in range(tsteps):
        B[1:-1, 1:-1] = 0.2 * (A[1:-1, 1:-1] + A[1:-1, :-2] + A[1:-1, 2:] + A[2:, 1:-1] + A[:-2, 1:-1])
        A[1:-1, 1:-1] = 0.2 * (B[1:-1, 1:-1] + B[1:-1, :-2] + B[1:-1, 2:] + B[2:, 1:-1] + B[:-2, 1:-1])


def k_lu(n, A):
    for k in range(n):
        A[k + 1:, k] /= A[k, k]
        A[k + 1:, k + 1:] -= np.outer(A[k + 1:, k], A[k, k + 1:])


def k_ludcmp(n, A, b, x, y):
    k_lu(n, A)
    for i in range(n):
        y[i] = b[i] - A[i, :i] @ y[:i]
    for i in range(n - 1, -1, -1):
        x[i] = (y[i] - A[i, i + 1:] @ x[i + 1:]) / A[i, i]


def k_mvt(n, x1, x2, y1, y2, A):
    x1 += A @ y1
    x2 += y2 @ A


def k_trisolv(n, L, x, b):
    for i in range(n):
        x[i] = (b[i] - L[i, :i] @ x[:i]) / L[i, i]


def k_copy(n, a, b):
    np.copyto(a, b)


def k_triad(n, s, a, b, c):
    np.multiply(c, s, out=a)
    a += b


def k_vector_add(n, a, b, c):
    np.add(a, b, out=c)


def k_saxpy(n, a, x, y):
    y += a[0] * x


def k_sum(n, a, out):
    out[0] = np.sum(a)


def k_dot(n, a, b, out):
    out[0] = np.dot(a, b)


def k_matmul(n, a, b, c):
    np.matmul(a, b, out=c)


def k_hilbert(n, h):
    i = np.arange(n)
    np.divide(1.0, i[:, None] + (i + 1), out=h)


def k_jacobi(n, a, b, x, new):
    diagonal = np.diagonal(a)
    np.divide(b - (a @ x - diagonal * x), diagonal, out=new)


def k_nbody(n, position, mass, force):
    d = position[None, :, :] - position[:, None, :]
    d2 = (d * d).sum(axis=2) + 0.01
    np.einsum("ijk,ij->ik", d, mass / (d2 * np.sqrt(d2)), out=force)


def k_conv2d(height, width, m, n, source, kernel, result):
    result[:] = 0.0
    for i in range(m):
        for j in range(n):
            result += source[i:i + height, j:j + width] * kernel[m - 1 - i, n - 1 - j]


def k_heat2d(n, alpha, t, new):
    c = t[1:-1, 1:-1]
    new[1:-1, 1:-1] = c + alpha * (t[:-2, 1:-1] + t[2:, 1:-1] + t[1:-1, :-2] + t[1:-1, 2:] - 4.0 * c)
