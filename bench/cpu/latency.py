"""What comes before and around a compiled loop: compilation in fresh processes, with and without the cache on disk; entering a nest again; tiny nests."""
import os
import shutil
import statistics
import subprocess
import tempfile

from workloads import BY_NAME, definitions

# Kernels of one nest each, with data so small that running them takes next to nothing.
KERNELS = [
    ("triad", "n, 3.0, a, b, c"), ("sum", "n, a, b"), ("matmul", "m, A, B, C"), ("hilbert", "m, A"), ("jacobi", "m, B, a, b, c"),
    ("heat2d", "m, 0.25, B, C"), ("nbody", "m, P, a, Q"), ("mandelbrot", "m, m, 9, I"), ("csr", "m, a, K, S, b, c"),
    ("conv2d", "6, 6, 3, 3, A, B, C"), ("black_scholes", "n, 0.02, 0.3, a, b, c, d, e"),
]
DATA = """\
import time
import numpy as np
n, m = 40, 8
a, b, c, d, e = np.ones(n), np.ones(n), np.ones(n), np.ones(n), np.ones(n)
A, B, C = np.ones((m, m)), np.ones((m, m)), np.ones((m, m))
P, Q, I = np.ones((m, 3)), np.ones((m, 3)), np.ones((m, m), dtype=np.int32)
K, S = np.zeros(n, dtype=np.int64), np.arange(n)
"""
FIRST = """\
t = time.perf_counter()
kernel_{name}({args})
first = time.perf_counter() - t
kernel_{name}({args})
t = time.perf_counter()
kernel_{name}({args})
print(first - (time.perf_counter() - t))
"""

# The least and the median of many entries.  The call of perf_counter() keeps the outer loop out of the nest.
ENTRY = """\
def nothing({args}):
    pass
def measure(seconds):
    k = 0
    while k < seconds.size:
        t = time.perf_counter()
        {function}({args})
        seconds[k] = time.perf_counter() - t
        k += 1
warm = np.zeros(50)
measure(warm)
seconds = np.zeros({reps})
measure(seconds)
seconds = np.sort(seconds)
print(seconds[seconds.size // 2])
"""
SAXPY = """\
def saxpy(n, s, x, y):
    for i in range(n):
        y[i] = s * x[i] + y[i]
n, s = 10, 0.5
x, y = np.ones(n), np.ones(n)
"""
# About 100 microseconds on one thread.
HEAVY = """\
def heavy(n, m, x, y):
    for i in range(n):
        v = x[i]
        for j in range(m):
            v = v * 0.999 + 0.5
        y[i] = v
n, m = 256, 8000
x, y = np.ones(n), np.ones(n)
"""


def program(args, text, *options, cache):
    done = subprocess.run([args.alpy, *options, "-c", text], capture_output=True, text=True, env={**os.environ, "ALPY_CACHE_DIR": cache})
    if done.returncode:
        raise RuntimeError(done.stderr)
    return [float(x) for x in done.stdout.split()]


def compilation(args, reps, cache):
    """Seconds of the first kernel of a process, and of the others, with an empty cache on disk and with a filled one."""
    found = {"cold first": [], "cold further": [], "warm first": [], "warm further": []}
    functions = definitions(BY_NAME["triad"].file)
    for k in range(reps):
        shift = k % len(KERNELS)
        text = functions + DATA + "".join(FIRST.format(name=name, args=a) for name, a in KERNELS[shift:] + KERNELS[:shift])
        shutil.rmtree(cache, ignore_errors=True)
        for kind in ("cold", "warm"):
            first, *further = program(args, text, "--device=cpu", cache=cache)
            found[kind + " first"].append(first)
            found[kind + " further"] += further
    return {kind: {"median": statistics.median(times), "least": min(times), "most": max(times)} for kind, times in found.items()}


def entry(args, setup, function, names, options, reps, cache):
    """Seconds of one call: median over a process' entries."""
    text = "import time\nimport numpy as np\n" + setup + ENTRY.format(function=function, args=names, reps=reps)
    return program(args, text, *options, cache=cache)[0]


def entries(args, rounds, cache):
    small, heavy = ("saxpy", "n, s, x, y"), ("heavy", "n, m, x, y")
    cases = {
        "call of an empty function": (SAXPY, "nothing", small[1], ["--device=interp"], 20000),
        "10 iterations, compiled": (SAXPY, *small, ["--device=cpu", "--threads=1"], 20000),
        "10 iterations, auto": (SAXPY, *small, ["--device=auto"], 20000),
        "10 iterations, interpreted": (SAXPY, *small, ["--device=interp"], 20000),
        "parallel nest, 1 thread": (HEAVY, *heavy, ["--device=cpu", "--threads=1"], 2000),
        "parallel nest, 2 threads": (HEAVY, *heavy, ["--device=cpu", "--threads=2"], 2000),
    }
    times = {name: [] for name in cases}
    for _ in range(rounds):
        for name, case in cases.items():
            times[name].append(entry(args, *case, cache))
    middle = {name: statistics.median(t) for name, t in times.items()}
    middle["overhead, 1 thread"] = middle["10 iterations, compiled"] - middle["call of an empty function"]
    middle["overhead, 2 threads"] = middle["parallel nest, 2 threads"] - middle["parallel nest, 1 thread"] / 2
    return middle


def tables(found):
    """(name, head, rows) of what measure() found."""
    kinds = [[kind.replace("cold", "empty cache,").replace("warm", "cache on disk,"), *(f"{t[k] * 1e3:.2f}" for k in ("median", "least", "most"))]
             for kind, t in found["compilation"].items()]
    return [("compilation", ["kernel of a fresh process", "median, ms", "least, ms", "most, ms"], kinds),
            ("entry", ["one execution", "us"], [[name, f"{t * 1e6:.2f}"] for name, t in found["entry"].items()])]


def measure(args):
    with tempfile.TemporaryDirectory() as folder:
        cache = os.path.join(folder, "kernels")
        return {"compilation": compilation(args, 5 if args.quick else 11, cache), "entry": entries(args, 3 if args.quick else 5, cache)}
