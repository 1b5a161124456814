"""What the loop benchmarks compute: for each kernel its function, its arguments and its sizes.

Arguments are texts in the part of Python that alpy has, over the functions of data.alp: CPython evaluates them for the contestants of run_cpu.py, alpy
itself for regret.py.  `small` stays in the second-level cache; `large` leaves it, and where the work is not cubic the last-level cache as well."""
import ast
import math
import os

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DATA = os.path.join(ROOT, "bench", "data.alp")
# How an argument is used, written around it.  Plain: only read.
OUT = "out"         # out((n, m), dtype): zeros at first, a result
INOUT = "inout"     # a result that gets its starting values back before each run, where running on would overflow or be other work
DRIFT = "drift"     # updated in place; running on from there is the same work
ROLES = (OUT, INOUT, DRIFT)


class Array:
    """An array argument.  checked: a result, compared between contestants.  restored: gets its starting values back before each run."""

    def __init__(self, data, role=""):
        self.data, self.checked, self.restored = data, role != "", role == INOUT


class Workload:
    """name: kernel's name in every language.  parameters: names of the dimensions, whose values at two sizes are small and large.  args: the arguments, in
    terms of them and of what `prepare`, a line of the program, computes.  bytes(*dims), flops(*dims): what one run moves from and to memory at the least, and
    computes, where a rate is to be told.  tiny: where scaled() begins, if not at 3 each."""

    def __init__(self, name, parameters, small, large, args, prepare="", bytes=None, flops=None, file="bench/cpu/kernels.alp", function="", suite="kernels",
                 integers=False, tiny=None):
        self.name, self.dims, self.args_text, self.prepare = name, {"small": small, "large": large}, " ".join(args.split()), prepare
        self.parameters = parameters.split()
        self.bytes, self.flops, self.integers, self.suite = bytes, flops, integers, suite
        self.file, self.function = os.path.join(ROOT, file), function or "kernel_" + name
        self.tiny = tiny or tuple(min(3, d) for d in large)

    def args(self, size):
        """The values, for CPython: numbers, and Arrays of NumPy."""
        import numpy as np

        scope = dict(zip(self.parameters, self.dims[size]))
        with open(DATA) as f:
            exec(compile(f.read(), DATA, "exec"), scope)
        exec(self.prepare, scope)
        values = []
        for role, text in self.arguments():
            value = eval(text, scope)
            values.append(Array(np.ascontiguousarray(value), role) if isinstance(value, np.ndarray) else value)
        return values

    def arguments(self):
        """(role or "", text of the value) of each."""
        for node in ast.parse(f"f({self.args_text})").body[0].value.args:
            role = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ROLES else ""
            inner = [ast.unparse(a) for a in [*node.args, *node.keywords]] if role else [ast.unparse(node)]
            yield role, f"np.zeros({', '.join(inner)})" if role == OUT else inner[0]

    def scaled(self, n_sizes, factor=1.0):
        """Dimensions from tiny to large (times factor), in even steps of the logarithm."""
        steps = [k / max(1, n_sizes - 1) for k in range(n_sizes)]
        ends = [(small, large if factor == 1.0 or large <= small else max(small, large * factor)) for small, large in zip(self.tiny, self.dims["large"])]
        return [tuple(round(math.exp((1 - s) * math.log(a) + s * math.log(b))) for a, b in ends) for s in steps]

    def rate(self, size, seconds):
        """GB/s or GFLOP/s and its unit, or None."""
        for amount, unit in ((self.bytes, "GB/s"), (self.flops, "GFLOP/s")):
            if amount:
                return amount(*self.dims[size]) / seconds / 1e9, unit
        return None


def definitions(path):
    """A program's imports and functions, without what makes the data and the run."""
    with open(path) as f:
        text = f.read()
    keep = [node for node in ast.parse(text).body
            if isinstance(node, ast.Import) or isinstance(node, ast.FunctionDef) and node.name != "init_array"]
    return "\n".join(ast.get_source_segment(text, node) for node in keep) + "\n"


def polybench(name, parameters, small, large, args, **more):
    return Workload(name, parameters, small, large, args, file=f"tests/polybench/{name}.alp", suite="PolyBench", **more)


def alpyna(name, parameters, small, large, args, **more):
    more.setdefault("file", f"bench/alpyna/{name}.alp")
    return Workload(name, parameters, small, large, args, suite="ALPyNA", **more)


def sample(name, function, parameters, small, large, args, **more):
    more.setdefault("file", f"samples/{name}.alp")
    return Workload(name, parameters, small, large, args, function=function, suite="samples", **more)


# With kernels in C, Numba and NumPy: run_cpu.py's.
WORKLOADS = [
    polybench("2mm", "ni nj nk nl", (90, 100, 110, 120), (600, 650, 700, 750),
              "ni, nj, nk, nl, 1.5, 1.2, out((ni, nj)), mix((ni, nk)), mix((nk, nj), seed=2), mix((nj, nl), seed=3), inout(mix((ni, nl), seed=4))",
              flops=lambda ni, nj, nk, nl: 3 * ni * nj * nk + 2 * ni * nj * nl),
    polybench("3mm", "ni nj nk nl nm", (80, 90, 100, 110, 120), (500, 550, 600, 650, 700),
              """ni, nj, nk, nl, nm, out((ni, nj)), mix((ni, nk)), mix((nk, nj), seed=2), out((nj, nl)), mix((nj, nm), seed=3), mix((nm, nl), seed=4),
              out((ni, nl))""", flops=lambda ni, nj, nk, nl, nm: 2 * (ni * nj * nk + nj * nl * nm + ni * nl * nj)),
    polybench("adi", "t n", (4, 120), (2, 1000), "t, n, inout(mix((n, n))), out((n, n)), out((n, n)), out((n, n))"),
    polybench("atax", "m n", (240, 260), (2800, 3000), "m, n, mix((m, n)), mix((n,), seed=2), out(n), out(m)"),
    polybench("bicg", "m n", (240, 260), (2800, 3000), "m, n, mix((n, m)), out(m), out(n), mix((m,), seed=2), mix((n,), seed=3)"),
    polybench("cholesky", "n", (150,), (900,), "n, inout(definite(n))"),
    polybench("correlation", "m n", (110, 130), (600, 700), "m, n, float(n), inout(mix((n, m))), out((m, m)), out(m), out(m)", tiny=(3, 4)),
    polybench("covariance", "m n", (110, 130), (600, 700), "m, n, float(n), inout(mix((n, m))), out((m, m)), out(m)"),
    polybench("deriche", "w h", (160, 140), (1800, 1600), "w, h, 0.25, mix((w, h)), out((w, h)), out((w, h)), out((w, h))"),
    polybench("doitgen", "nr nq np_", (25, 20, 40), (120, 110, 130),
              "nr, nq, np_, inout(mix((nr, nq, np_))), mix((np_, np_), seed=2), out(np_)", flops=lambda nr, nq, np_: 2 * nr * nq * np_ * np_),
    polybench("durbin", "n", (800,), (6000,), "n, mix((n,)) / n, out(n), out(n)"),
    polybench("fdtd_2d", "t nx ny", (20, 120, 140), (6, 1600, 1800),
              "t, nx, ny, inout(mix((nx, ny))), inout(mix((nx, ny), seed=2)), inout(mix((nx, ny), seed=3)), mix((t,))"),
    polybench("floyd_warshall", "n", (120,), (700,), "n, inout(paths(n))", integers=True),
    polybench("gemm", "ni nj nk", (100, 110, 120), (700, 750, 800),
              "ni, nj, nk, 1.5, 1.2, inout(mix((ni, nj))), mix((ni, nk), seed=2), mix((nk, nj), seed=3)", flops=lambda ni, nj, nk: 3 * ni * nj * nk),
    polybench("gemver", "n", (240,), (2800,),
              """n, 1.5, 1.2, inout(mix((n, n))), mix((n,), seed=2), mix((n,), seed=3), mix((n,), seed=4), mix((n,), seed=5), inout(np.zeros(n)),
              inout(np.zeros(n)), mix((n,), seed=6), mix((n,), seed=7)"""),
    polybench("gesummv", "n", (180,), (2200,), "n, 1.5, 1.2, mix((n, n)), mix((n, n), seed=2), out(n), mix((n,), seed=3), out(n)"),
    polybench("gramschmidt", "m n", (120, 100), (600, 500), "m, n, inout(mix((m, n)) + 2 * np.eye(m, n)), out((n, n)), out((m, n))"),
    polybench("heat_3d", "t n", (10, 26), (4, 160), "t, n, inout(mix((n, n, n))), inout(mix((n, n, n), seed=2))"),
    polybench("jacobi_1d", "t n", (100, 20000), (6, 4000000), "t, n, inout(mix((n,))), inout(mix((n,), seed=2))"),
    polybench("jacobi_2d", "t n", (20, 150), (5, 2200), "t, n, inout(mix((n, n))), inout(mix((n, n), seed=2))"),
    polybench("lu", "n", (130,), (900,), "n, inout(definite(n))"),
    polybench("ludcmp", "n", (130,), (900,), "n, inout(definite(n)), mix((n,)), out(n), out(n)"),
    polybench("mvt", "n", (240,), (2800,), "n, inout(mix((n,))), inout(mix((n,), seed=2)), mix((n,), seed=3), mix((n,), seed=4), mix((n, n))"),
    polybench("nussinov", "n", (150,), (700,), "n, (np.arange(n) + 1) % 4, inout(np.zeros((n, n), np.int64))", integers=True),
    polybench("seidel_2d", "t n", (5, 120), (2, 2200), "t, n, inout(mix((n, n)))"),
    polybench("symm", "m n", (100, 110), (600, 650), "m, n, 1.5, 1.2, inout(mix((m, n))), mix((m, m), seed=2), mix((m, n), seed=3)"),
    polybench("syr2k", "n m", (100, 90), (600, 500), "n, m, 1.5, 1.2, inout(mix((n, n))), mix((n, m), seed=2), mix((n, m), seed=3)"),
    polybench("syrk", "n m", (100, 90), (700, 600), "n, m, 1.5, 1.2, inout(mix((n, n))), mix((n, m), seed=2)"),
    polybench("trisolv", "n", (280,), (3000,), "n, np.tril(mix((n, n))) / n + 2 * np.eye(n), out(n), mix((n,), seed=2)"),
    polybench("trmm", "m n", (110, 100), (650, 600), "m, n, 1.5, mix((m, m)), inout(mix((m, n), seed=2))"),

    Workload("copy", "n", (40000,), (8000000,), "n, out(n), mix((n,))", bytes=lambda n: 16 * n),
    Workload("triad", "n", (25000,), (8000000,), "n, 3.0, out(n), mix((n,)), mix((n,), seed=2)", bytes=lambda n: 24 * n),
    Workload("vector_add", "n", (25000,), (8000000,), "n, mix((n,)), mix((n,), seed=2), out(n)", bytes=lambda n: 24 * n, suite="ALPyNA"),
    Workload("saxpy", "n", (80000,), (16000000,), "n, np.full(1, 0.25, np.float32), mix((n,), dtype=np.float32), drift(mix((n,), dtype=np.float32, seed=2))",
             bytes=lambda n: 12 * n, suite="ALPyNA"),
    Workload("sum", "n", (80000,), (16000000,), "n, mix((n,)), out(1)", bytes=lambda n: 8 * n),
    Workload("dot", "n", (40000,), (8000000,), "n, mix((n,)), mix((n,), seed=2), out(1)", bytes=lambda n: 16 * n),
    Workload("matmul", "n", (110,), (800,), "n, mix((n, n)), mix((n, n), seed=2), out((n, n))", flops=lambda n: 2 * n ** 3, suite="ALPyNA"),
    Workload("hilbert", "n", (250,), (2800,), "n, out((n, n))", suite="ALPyNA"),
    Workload("jacobi", "n", (250,), (3000,), "n, mix((n, n)) + n * np.eye(n), mix((n,)), mix((n,), seed=2), out(n)", suite="ALPyNA"),
    Workload("heat2d", "n", (200,), (2800,), "n, 0.25, mix((n, n)), out((n, n))"),
    Workload("mandelbrot", "h w limit", (60, 90, 100), (400, 600, 200), "h, w, limit, out((h, w), np.int32)", integers=True, suite="ALPyNA", tiny=(2, 3, 50)),
    Workload("nbody", "n", (300,), (3000,), "n, mix((n, 3), low=-1.0), mix((n,), seed=2), out((n, 3))", suite="ALPyNA"),
    Workload("csr", "m", (80,), (1200,), "m * m, value, column, start, mix((m * m,)), out(m * m)", prepare="value, column, start = laplacian(m)"),
    Workload("conv2d", "h w m n", (100, 120, 5, 5), (1500, 1600, 5, 5), "h, w, m, n, mix((h + m - 1, w + n - 1)), mix((m, n), seed=2), out((h, w))",
             flops=lambda h, w, m, n: 2 * h * w * m * n, suite="ALPyNA", tiny=(2, 2, 5, 5)),
    Workload("fbcorr", "p f c h w kh kw", (2, 4, 3, 20, 24, 5, 5), (4, 16, 8, 100, 120, 5, 5),
             "p, f, c, h, w, kh, kw, mix((p, c, h + kh - 1, w + kw - 1)), mix((f, c, kh, kw), seed=2), inout(np.zeros((p, f, h, w)))",
             flops=lambda p, f, c, h, w, kh, kw: 2 * p * f * c * h * w * kh * kw, suite="ALPyNA", tiny=(1, 1, 1, 2, 3, 3, 3)),
    Workload("black_scholes", "n", (8000,), (1000000,),
             "n, 0.02, 0.3, mix((n,), low=10, high=100), mix((n,), low=10, high=100, seed=2), mix((n,), low=0.1, high=5, seed=3), out(n), out(n)", suite="ALPyNA"),
]
# Further ones, for the choice of the device alone.
MORE = [
    alpyna("julia", "h w limit", (60, 90, 100), (400, 600, 200), "h, w, limit, -0.7, 0.27, out((h, w), np.int32)", tiny=(2, 3, 50)),
    alpyna("histogram", "n bins", (20000, 64), (4000000, 256), "n, bins, mix((n,)), inout(np.zeros(bins, np.int64))", tiny=(3, 16)),
    alpyna("distances", "n d", (100, 3), (1500, 8), "n, d, mix((n, d)), out((n, n))", tiny=(3, 3)),
    alpyna("gaussian_blur", "h w r", (100, 120, 3), (1200, 1400, 4), "h, w, r, mix((2 * r + 1,), low=0.1), mix((h, w), seed=2), out((h, w)), out((h, w))",
           tiny=(2, 3, 2)),
    alpyna("conjugate_gradients", "rounds m", (10, 40), (10, 500),
           "rounds, m * m, value, column, start, mix((m * m,)), inout(np.zeros(m * m)), inout(np.zeros(m * m)), inout(np.zeros(m * m)), out(m * m), out(rounds)",
           prepare="value, column, start = laplacian(m)", tiny=(10, 2)),
    sample("kmeans", "assign", "n k", (1000, 5), (300000, 16), "mix((n, 2)), mix((k, 2), seed=2), inout(np.full(n, -1, np.int32))", tiny=(3, 2)),
    sample("life", "generation", "n", (60,), (1500,), "(mix((n, n)) < 0.3).astype(np.int8), out((n, n), np.int8)"),
    sample("image_edges", "sobel", "n", (100,), (2000,), "mix((n, n))"),
    sample("ceiling", "ceiling", "n", (20000,), (8000000,), "inout(mix((n,), high=100)), 75.0"),
    sample("cg_csr", "multiply", "m", (80,), (1000,), "value, column, start, mix((m * m,)), out(m * m)", prepare="value, column, start = laplacian(m)"),
]
EVERY = WORKLOADS + MORE
BY_NAME = {w.name: w for w in EVERY}
