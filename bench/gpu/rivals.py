"""The same work by numba-cuda, CuPy and cuBLAS (through CuPy).

    rivals.py numba|cupy NAME SIZE REPETITIONS

Prints seconds per call by events, without transfers and compilation, and three elements of the result.
"""
import math
import sys

import numpy as np

if not hasattr(np, "row_stack"):         # numba-cuda's older versions ask for it
    np.row_stack = np.vstack

WHO, NAME, N, REPS = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])


def numbers(n, by, start=0):
    i = np.arange(start, start + n, dtype=np.int64)
    return (i * by) % 4294967296 / 4294967296.0


def square(n):
    i = np.arange(n)
    return (i[:, None] * 7 + i[None, :] * 13) % 31 / 31.0


def other_square(n):
    i = np.arange(n)
    return (i[:, None] * 5 + i[None, :] * 11) % 29 / 29.0


def report(times, result):
    for t in times[2:]:
        print("time", t)
    flat = np.asarray(result).reshape(-1)
    print("result", float(flat[0]), float(flat[flat.size // 2]), float(flat[-1]))


def main_numba():
    from numba import cuda

    up = cuda.to_device

    def measure(call):
        times = []
        for _ in range(REPS + 2):
            a, b = cuda.event(), cuda.event()
            a.record()
            call()
            b.record()
            b.synchronize()
            times.append(cuda.event_elapsed_time(a, b) * 1e-3)
        return times

    @cuda.jit
    def saxpy(a, x, y):
        i = cuda.grid(1)
        if i < x.size:
            y[i] = a * x[i] + y[i]

    @cuda.jit
    def jacobi(a, b):
        j, i = cuda.grid(2)
        if 0 < i < a.shape[0] - 1 and 0 < j < a.shape[1] - 1:
            b[i, j] = 0.2 * (a[i, j] + a[i, j - 1] + a[i, j + 1] + a[i + 1, j] + a[i - 1, j])

    @cuda.jit
    def matmul(a, b, c):
        j, i = cuda.grid(2)
        if i < c.shape[0] and j < c.shape[1]:
            s = c[i, j]
            for k in range(a.shape[1]):
                s += a[i, k] * b[k, j]
            c[i, j] = s

    @cuda.jit(device=True)
    def normal(x):
        return 0.5 * (1.0 + math.erf(x / math.sqrt(2.0)))

    @cuda.jit
    def black_scholes(price, strike, years, call, put):
        i = cuda.grid(1)
        if i < price.size:
            rate = 0.02
            volatility = 0.3
            root = math.sqrt(years[i])
            d1 = (math.log(price[i] / strike[i]) + (rate + 0.5 * volatility * volatility) * years[i]) / (volatility * root)
            d2 = d1 - volatility * root
            discounted = strike[i] * math.exp(-rate * years[i])
            call[i] = price[i] * normal(d1) - discounted * normal(d2)
            put[i] = discounted * normal(-d2) - price[i] * normal(-d1)

    @cuda.jit
    def mandelbrot(n, limit, out):
        j, i = cuda.grid(2)
        if i < n and j < n:
            cx = -2.0 + 3.0 * j / n
            cy = -1.5 + 3.0 * i / n
            x = 0.0
            y = 0.0
            k = 0
            while k < limit and x * x + y * y <= 4.0:
                t = x * x - y * y + cx
                y = 2.0 * x * y + cy
                x = t
                k += 1
            out[i, j] = k

    @cuda.jit
    def nbody(px, py, pz, m, ax, ay, az, soft):
        i = cuda.grid(1)
        if i < px.size:
            x, y, z = px[i], py[i], pz[i]
            sx = sy = sz = np.float32(0)
            for j in range(px.size):
                dx, dy, dz = px[j] - x, py[j] - y, pz[j] - z
                d2 = dx * dx + dy * dy + dz * dz + soft
                f = m[j] / (d2 * math.sqrt(d2))
                sx += dx * f
                sy += dy * f
                sz += dz * f
            ax[i], ay[i], az[i] = sx, sy, sz

    @cuda.jit
    def csr(first, column, value, x, y):
        i = cuda.grid(1)
        if i < y.size:
            s = 0.0
            for k in range(first[i], first[i + 1]):
                s += value[k] * x[column[k]]
            y[i] = s

    def blocks(n, by):
        return (n + by - 1) // by

    plane = (blocks(N, 32), blocks(N, 8)), (32, 8)
    line = blocks(N, 256), 256
    if NAME == "saxpy":
        x, y = up(numbers(N, 2654435761).astype(np.float32)), up(np.zeros(N, np.float32))
        times = measure(lambda: saxpy[line](np.float32(0.5), x, y))
        out = y
    elif NAME == "sum":
        @cuda.reduce
        def add(a, b):
            return a + b
        x = up(numbers(N, 2654435761))
        out = cuda.device_array(1)
        times = measure(lambda: add(x, res=out, init=0.0))
    elif NAME == "jacobi":
        a, b = up(square(N)), up(square(N))

        def sweeps():
            for _ in range(50):
                jacobi[plane](a, b)
                jacobi[plane](b, a)
        times = measure(sweeps)
        out = a
    elif NAME.startswith("matmul"):
        d = np.float32 if NAME.endswith("32") else np.float64
        a, b, c = up(square(N).astype(d)), up(other_square(N).astype(d)), up(np.zeros((N, N), d))
        times = measure(lambda: matmul[plane](a, b, c))
        out = c
    elif NAME == "black_scholes":
        p, s, t = up(10 + 90 * numbers(N, 2654435761)), up(10 + 90 * numbers(N, 2246822519)), up(0.1 + 4.9 * numbers(N, 3266489917))
        out, put = up(np.zeros(N)), up(np.zeros(N))
        times = measure(lambda: black_scholes[line](p, s, t, out, put))
    elif NAME == "mandelbrot":
        out = up(np.zeros((N, N), np.int32))
        times = measure(lambda: mandelbrot[plane](N, 256, out))
    elif NAME == "nbody":
        p = [up(numbers(N, by, 1).astype(np.float32)) for by in (2654435761, 2246822519, 3266489917, 668265263)]
        r = [up(np.zeros(N, np.float32)) for _ in range(3)]
        times = measure(lambda: nbody[line](*p, *r, np.float32(0.001)))
        out = r[0]
    elif NAME == "csr":
        i = np.arange(N * 16, dtype=np.int64)
        first, column = up(np.arange(N + 1, dtype=np.int64) * 16), up(((i * 2654435761 + i // 16) % 4294967296 % N).astype(np.int32))
        value, x, out = up(numbers(N * 16, 2246822519)), up(numbers(N, 2654435761)), up(np.zeros(N))
        times = measure(lambda: csr[line](first, column, value, x, out))
    else:
        sys.exit(2)
    report(times, out.copy_to_host())


def main_cupy():
    import cupy as cp

    def measure(call):
        times = []
        for _ in range(REPS + 2):
            a, b = cp.cuda.Event(), cp.cuda.Event()
            a.record()
            call()
            b.record()
            b.synchronize()
            times.append(cp.cuda.get_elapsed_time(a, b) * 1e-3)
        return times

    if NAME == "sum":
        x, out = cp.asarray(numbers(N, 2654435761)), cp.zeros(1)
        times = measure(lambda: cp.sum(x, out=out[0]))
    elif NAME == "saxpy":
        x, y = cp.asarray(numbers(N, 2654435761).astype(np.float32)), cp.zeros(N, np.float32)
        f = cp.ElementwiseKernel("float32 a, float32 x", "float32 y", "y = a * x + y", "saxpy")
        times = measure(lambda: f(np.float32(0.5), x, y))
        out = y
    elif NAME.startswith("matmul"):             # cuBLAS
        d = np.float32 if NAME.endswith("32") else np.float64
        a, b, out = cp.asarray(square(N).astype(d)), cp.asarray(other_square(N).astype(d)), cp.zeros((N, N), d)
        times = measure(lambda: cp.matmul(a, b, out=out))
    elif NAME == "csr":
        from cupyx.scipy import sparse
        i = np.arange(N * 16, dtype=np.int64)
        column = ((i * 2654435761 + i // 16) % 4294967296 % N).astype(np.int32)
        m = sparse.csr_matrix((cp.asarray(numbers(N * 16, 2246822519)), cp.asarray(column), cp.asarray(np.arange(N + 1, dtype=np.int32) * 16)), shape=(N, N))
        x = cp.asarray(numbers(N, 2654435761))
        out = m @ x
        times = measure(lambda: m @ x)
    else:
        sys.exit(2)
    report(times, cp.asnumpy(out))


{"numba": main_numba, "cupy": main_cupy}[WHO]()
