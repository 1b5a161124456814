"""What the CPU benchmarks compute: for each kernel its arguments at two sizes.  `small` stays in the second-level cache; `large` leaves it, and where
the work is not cubic the last-level cache as well."""
import os

import numpy as np

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FAR = 999
PERIOD = 10007       # a prime


class Array:
    """An array argument.  checked: a result, compared between contestants.  restored: gets its starting values back before each run, where
    running on would overflow or make the work a different one."""

    def __init__(self, data, checked=False, restored=False):
        self.data, self.checked, self.restored = np.ascontiguousarray(data), checked, restored


def mix(*shape, low=0.0, high=1.0, dtype=np.float64, seed=1):
    """Numbers in no apparent order, the same everywhere: one period of a generator, over and over."""
    period = (np.arange(PERIOD) * 7919 + seed * 104729) % PERIOD / PERIOD
    return np.resize((low + (high - low) * period).astype(dtype), shape)


def out(*shape, dtype=np.float64):
    return Array(np.zeros(shape, dtype), checked=True)


def inout(data):
    return Array(data, checked=True, restored=True)


def drift(data):
    """Updated in place; running on from there is the same work."""
    return Array(data, checked=True)


def definite(n):
    """Positive definite, as a lower triangle and as a whole."""
    a = mix(n, n) / n
    return (a + a.T) / 2 + 2 * np.eye(n)


def laplacian(m):
    """The 5-point Laplacian of an m x m grid in compressed rows: values, columns, starts of rows."""
    row = np.arange(m * m)
    i, j = row // m, row % m
    near = np.stack([row - m, row - 1, row, row + 1, row + m], axis=1)
    is_there = np.stack([i > 0, j > 0, i >= 0, j < m - 1, i < m - 1], axis=1)
    value = np.broadcast_to([-1.0, -1.0, 4.0, -1.0, -1.0], near.shape)[is_there]
    return value, near[is_there], np.concatenate([[0], np.cumsum(is_there.sum(axis=1))])


def paths(n):
    i, j = np.indices((n, n))
    far = ((i + j) % 13 == 0) | ((i + j) % 7 == 0) | ((i + j) % 11 == 0)
    return np.where(far, FAR, i * j % 7 + 1)


class Workload:
    """name: kernel's name in every language.  args(*dims): the arguments.  bytes(*dims) and flops(*dims): what one run moves from and to memory at the
    least, and computes, where a rate is to be told."""

    def __init__(self, name, small, large, args, bytes=None, flops=None, file=None, integers=False):
        self.name, self.dims, self.make = name, {"small": small, "large": large}, args
        self.bytes, self.flops, self.integers = bytes, flops, integers
        self.file = os.path.join(ROOT, "bench", "cpu", "kernels.alp") if file is None else file

    def args(self, size):
        return self.make(*self.dims[size])

    def rate(self, size, seconds):
        """GB/s or GFLOP/s and its unit, or None."""
        for amount, unit in ((self.bytes, "GB/s"), (self.flops, "GFLOP/s")):
            if amount:
                return amount(*self.dims[size]) / seconds / 1e9, unit
        return None


def polybench(name, small, large, args, **more):
    return Workload(name, small, large, args, file=os.path.join(ROOT, "tests", "polybench", name + ".alp"), **more)


A = Array
WORKLOADS = [
    polybench("2mm", (90, 100, 110, 120), (600, 650, 700, 750), lambda ni, nj, nk, nl: [
        ni, nj, nk, nl, 1.5, 1.2, out(ni, nj), A(mix(ni, nk)), A(mix(nk, nj, seed=2)), A(mix(nj, nl, seed=3)), inout(mix(ni, nl, seed=4))],
        flops=lambda ni, nj, nk, nl: 3 * ni * nj * nk + 2 * ni * nj * nl),
    polybench("3mm", (80, 90, 100, 110, 120), (500, 550, 600, 650, 700), lambda ni, nj, nk, nl, nm: [
        ni, nj, nk, nl, nm, out(ni, nj), A(mix(ni, nk)), A(mix(nk, nj, seed=2)), out(nj, nl), A(mix(nj, nm, seed=3)), A(mix(nm, nl, seed=4)),
        out(ni, nl)], flops=lambda ni, nj, nk, nl, nm: 2 * (ni * nj * nk + nj * nl * nm + ni * nl * nj)),
    polybench("adi", (4, 120), (2, 1000), lambda t, n: [t, n, inout(mix(n, n)), out(n, n), out(n, n), out(n, n)]),
    polybench("atax", (240, 260), (2800, 3000), lambda m, n: [m, n, A(mix(m, n)), A(mix(n, seed=2)), out(n), out(m)]),
    polybench("bicg", (240, 260), (2800, 3000), lambda m, n: [m, n, A(mix(n, m)), out(m), out(n), A(mix(m, seed=2)), A(mix(n, seed=3))]),
    polybench("cholesky", (150,), (900,), lambda n: [n, inout(definite(n))]),
    polybench("correlation", (110, 130), (600, 700), lambda m, n: [m, n, float(n), inout(mix(n, m)), out(m, m), out(m), out(m)]),
    polybench("covariance", (110, 130), (600, 700), lambda m, n: [m, n, float(n), inout(mix(n, m)), out(m, m), out(m)]),
    polybench("deriche", (160, 140), (1800, 1600), lambda w, h: [w, h, 0.25, A(mix(w, h)), out(w, h), out(w, h), out(w, h)]),
    polybench("doitgen", (25, 20, 40), (120, 110, 130), lambda nr, nq, np_: [
        nr, nq, np_, inout(mix(nr, nq, np_)), A(mix(np_, np_, seed=2)), out(np_)], flops=lambda nr, nq, np_: 2 * nr * nq * np_ * np_),
    polybench("durbin", (800,), (6000,), lambda n: [n, A(mix(n) / n), out(n), out(n)]),
    polybench("fdtd_2d", (20, 120, 140), (6, 1600, 1800), lambda t, nx, ny: [
        t, nx, ny, inout(mix(nx, ny)), inout(mix(nx, ny, seed=2)), inout(mix(nx, ny, seed=3)), A(mix(t))]),
    polybench("floyd_warshall", (120,), (700,), lambda n: [n, inout(paths(n))], integers=True),
    polybench("gemm", (100, 110, 120), (700, 750, 800), lambda ni, nj, nk: [
        ni, nj, nk, 1.5, 1.2, inout(mix(ni, nj)), A(mix(ni, nk, seed=2)), A(mix(nk, nj, seed=3))], flops=lambda ni, nj, nk: 3 * ni * nj * nk),
    polybench("gemver", (240,), (2800,), lambda n: [n, 1.5, 1.2, inout(mix(n, n))] + [A(mix(n, seed=k)) for k in range(2, 6)] + [
        inout(np.zeros(n)), inout(np.zeros(n)), A(mix(n, seed=6)), A(mix(n, seed=7))]),
    polybench("gesummv", (180,), (2200,), lambda n: [n, 1.5, 1.2, A(mix(n, n)), A(mix(n, n, seed=2)), out(n), A(mix(n, seed=3)), out(n)]),
    polybench("gramschmidt", (120, 100), (600, 500), lambda m, n: [m, n, inout(mix(m, n) + 2 * np.eye(m, n)), out(n, n), out(m, n)]),
    polybench("heat_3d", (10, 26), (4, 160), lambda t, n: [t, n, inout(mix(n, n, n)), inout(mix(n, n, n, seed=2))]),
    polybench("jacobi_1d", (100, 20000), (6, 4000000), lambda t, n: [t, n, inout(mix(n)), inout(mix(n, seed=2))]),
    polybench("jacobi_2d", (20, 150), (5, 2200), lambda t, n: [t, n, inout(mix(n, n)), inout(mix(n, n, seed=2))]),
    polybench("lu", (130,), (900,), lambda n: [n, inout(definite(n))]),
    polybench("ludcmp", (130,), (900,), lambda n: [n, inout(definite(n)), A(mix(n)), out(n), out(n)]),
    polybench("mvt", (240,), (2800,), lambda n: [n, inout(mix(n)), inout(mix(n, seed=2)), A(mix(n, seed=3)), A(mix(n, seed=4)), A(mix(n, n))]),
    polybench("nussinov", (150,), (700,), lambda n: [n, A((np.arange(n) + 1) % 4), inout(np.zeros((n, n), np.int64))], integers=True),
    polybench("seidel_2d", (5, 120), (2, 2200), lambda t, n: [t, n, inout(mix(n, n))]),
    polybench("symm", (100, 110), (600, 650), lambda m, n: [
        m, n, 1.5, 1.2, inout(mix(m, n)), A(mix(m, m, seed=2)), A(mix(m, n, seed=3))]),
    polybench("syr2k", (100, 90), (600, 500), lambda n, m: [n, m, 1.5, 1.2, inout(mix(n, n)), A(mix(n, m, seed=2)), A(mix(n, m, seed=3))]),
    polybench("syrk", (100, 90), (700, 600), lambda n, m: [n, m, 1.5, 1.2, inout(mix(n, n)), A(mix(n, m, seed=2))]),
    polybench("trisolv", (280,), (3000,), lambda n: [n, A(np.tril(mix(n, n)) / n + 2 * np.eye(n)), out(n), A(mix(n, seed=2))]),
    polybench("trmm", (110, 100), (650, 600), lambda m, n: [m, n, 1.5, A(mix(m, m)), inout(mix(m, n, seed=2))]),

    Workload("copy", (40000,), (8000000,), lambda n: [n, out(n), A(mix(n))], bytes=lambda n: 16 * n),
    Workload("triad", (25000,), (8000000,), lambda n: [n, 3.0, out(n), A(mix(n)), A(mix(n, seed=2))], bytes=lambda n: 24 * n),
    Workload("vector_add", (25000,), (8000000,), lambda n: [n, A(mix(n)), A(mix(n, seed=2)), out(n)], bytes=lambda n: 24 * n),
    Workload("saxpy", (80000,), (16000000,), lambda n: [n, A(np.full(1, 0.25, np.float32)), A(mix(n, dtype=np.float32)), drift(
        mix(n, dtype=np.float32, seed=2))], bytes=lambda n: 12 * n),
    Workload("sum", (80000,), (16000000,), lambda n: [n, A(mix(n)), out(1)], bytes=lambda n: 8 * n),
    Workload("dot", (40000,), (8000000,), lambda n: [n, A(mix(n)), A(mix(n, seed=2)), out(1)], bytes=lambda n: 16 * n),
    Workload("matmul", (110,), (800,), lambda n: [n, A(mix(n, n)), A(mix(n, n, seed=2)), out(n, n)], flops=lambda n: 2 * n ** 3),
    Workload("hilbert", (250,), (2800,), lambda n: [n, out(n, n)]),
    Workload("jacobi", (250,), (3000,), lambda n: [n, A(mix(n, n) + n * np.eye(n)), A(mix(n)), A(mix(n, seed=2)), out(n)]),
    Workload("heat2d", (200,), (2800,), lambda n: [n, 0.25, A(mix(n, n)), out(n, n)]),
    Workload("mandelbrot", (60, 90, 100), (400, 600, 200), lambda h, w, limit: [h, w, limit, out(h, w, dtype=np.int32)], integers=True),
    Workload("nbody", (300,), (3000,), lambda n: [n, A(mix(n, 3, low=-1.0)), A(mix(n, seed=2)), out(n, 3)]),
    Workload("csr", (80,), (1200,), lambda m: [m * m, *map(A, laplacian(m)), A(mix(m * m)), out(m * m)]),
    Workload("conv2d", (100, 120, 5, 5), (1500, 1600, 5, 5), lambda h, w, m, n: [
        h, w, m, n, A(mix(h + m - 1, w + n - 1)), A(mix(m, n, seed=2)), out(h, w)], flops=lambda h, w, m, n: 2 * h * w * m * n),
    Workload("fbcorr", (2, 4, 3, 20, 24, 5, 5), (4, 16, 8, 100, 120, 5, 5), lambda p, f, c, h, w, kh, kw: [
        p, f, c, h, w, kh, kw, A(mix(p, c, h + kh - 1, w + kw - 1)), A(mix(f, c, kh, kw, seed=2)), inout(np.zeros((p, f, h, w)))],
        flops=lambda p, f, c, h, w, kh, kw: 2 * p * f * c * h * w * kh * kw),
    Workload("black_scholes", (8000,), (1000000,), lambda n: [
        n, 0.02, 0.3, A(mix(n, low=10, high=100)), A(mix(n, low=10, high=100, seed=2)), A(mix(n, low=0.1, high=5, seed=3)), out(n), out(n)]),
]
BY_NAME = {w.name: w for w in WORKLOADS}
