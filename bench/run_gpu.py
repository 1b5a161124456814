#!/usr/bin/env python3
"""Loops on a GPU: alpy (precise and fast) against CUDA C, numba-cuda, CuPy and cuBLAS.

    bench/run_gpu.py [--alpy build/alpy] [--only NAME,…] [--scale S] [--reps N] [--rounds N] [--out DIR]

Every contestant is a process of its own that measures N calls with its data on the device; processes alternate, `--rounds` times.  Times are
medians over all calls; CUDA C's, Numba's and CuPy's are by events, alpy's by its own clock around the loop and a look at the result, so they
include launching and waiting.  CUDA C is compiled with nvcc -O3 for the device found.  Results are compared.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
# name: size, bytes moved, operations
WORK = {
    "saxpy": (1 << 27, lambda n: 12 * n, lambda n: 2 * n),
    "sum": (1 << 27, lambda n: 8 * n, lambda n: n),
    "jacobi": (4096, lambda n: 100 * 16 * n * n, lambda n: 500 * n * n),
    "matmul_f32": (4096, lambda n: 0, lambda n: 2 * n ** 3),
    "matmul_f64": (4096, lambda n: 0, lambda n: 2 * n ** 3),
    "black_scholes": (1 << 25, lambda n: 40 * n, lambda n: 0),
    "mandelbrot": (4096, lambda n: 4 * n * n, lambda n: 0),
    "nbody": (65536, lambda n: 0, lambda n: 19 * n * n),
    "csr": (1 << 21, lambda n: 16 * n * 12 + 24 * n, lambda n: 32 * n),
}
TOLERANCE = {"matmul_f32": 1e-3, "nbody": 2e-2}


def run(command, limit):
    """(seconds of the first call or None, seconds of the others, result) or None."""
    try:
        p = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=limit, text=True)
    except subprocess.TimeoutExpired:
        print(f"  {' '.join(command[:3])} …: no end after {limit} s", file=sys.stderr)
        return None
    if p.returncode == 2 and not p.stdout:
        return None                         # does not do this work
    if p.returncode:
        print(f"  {' '.join(command)}: exit status {p.returncode}\n{p.stderr[-2000:]}", file=sys.stderr)
        return None
    rows = [line.split() for line in p.stdout.splitlines()]
    first = [float(r[1]) for r in rows if r[0] == "first"]
    return first[0] if first else None, [float(r[1]) for r in rows if r[0] == "time"], [float(x) for r in rows if r[0] == "result" for x in r[1:]]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--alpy", default=os.path.join(ROOT, "build", "alpy"))
    parser.add_argument("--only", default=",".join(WORK))
    parser.add_argument("--scale", type=float, default=1.0, help="of the sizes")
    parser.add_argument("--reps", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--limit", type=int, default=120, help="seconds for one process")
    parser.add_argument("--out", default=".")
    parser.add_argument("--rivals", default="cuda,numba,cupy")
    o = parser.parse_args()
    cu = os.path.join(o.out, "kernels_cu")
    rivals = o.rivals.split(",") if o.rivals else []
    if "cuda" in rivals:
        subprocess.run(["nvcc", "-O3", "-arch=native", "-o", cu, os.path.join(HERE, "gpu", "kernels.cu")], check=True)
    alp, py = os.path.join(HERE, "gpu", "kernels.alp"), os.path.join(HERE, "gpu", "rivals.py")
    contestants = {
        "alpy": [o.alpy, "--device=gpu", alp], "alpy fast": [o.alpy, "--device=gpu", "--fp=fast", alp],
        "cuda": [cu], "numba": [sys.executable, py, "numba"], "cupy": [sys.executable, py, "cupy"],
    }
    contestants = {k: v for k, v in contestants.items() if k.startswith("alpy") or k in rivals}
    table = {}
    if "cuda" in rivals:
        copy = run([cu, "copy", str(1 << 27), "10"], o.limit)
        if copy:
            table["copy"] = {"cuda": {"median": statistics.median(copy[1]), "GB/s": 2 * 8 * (1 << 27) / statistics.median(copy[1]) / 1e9}}
            print(f"device-to-device copy: {table['copy']['cuda']['GB/s']:.0f} GB/s", flush=True)
    for name in o.only.split(","):
        size, n_bytes, n_ops = WORK[name]
        n = max(64, int(size * o.scale) // 64 * 64)
        got = {who: [] for who in contestants}
        for _ in range(o.rounds):
            for who, command in contestants.items():
                if got[who] is not None:
                    r = run(command + [name, str(n), str(o.reps)], o.limit)
                    got[who] = got[who] + [r] if r else None
        table[name] = row = {}
        reference = None
        for who, runs in got.items():
            if not runs:
                continue
            times = [t for r in runs for t in r[1]]
            m = statistics.median(times)
            row[who] = {"size": n, "median": m, "low": min(times), "high": max(times), "first": runs[0][0], "GB/s": n_bytes(n) / m / 1e9, "GFLOP/s": n_ops(n) / m / 1e9,
                        "result": runs[0][2]}
            reference = reference or runs[0][2]
            if any(abs(a - b) > TOLERANCE.get(name, 1e-9) * max(1.0, abs(a)) for a, b in zip(reference, runs[0][2])) and not name.startswith("matmul"):
                print(f"  {name}: {who} has {runs[0][2]}, not {reference}", file=sys.stderr)
        print(f"{name} ({n}): " + "  ".join(f"{who} {v['median'] * 1e3:.3f} ms" + (f" ({v['GB/s']:.0f} GB/s)" if v["GB/s"] else "") for who, v in row.items()), flush=True)
        with open(os.path.join(o.out, "gpu.json"), "w") as f:
            json.dump(table, f, indent=1)
    print()
    print("| work | size | " + " | ".join(contestants) + " |\n|---|---|" + "---|" * len(contestants))
    for name, row in table.items():
        if name != "copy" and row:
            size = next(iter(row.values()))["size"]
            print(f"| {name} | {size} | " + " | ".join(f"{row[w]['median'] * 1e3:.3f}" if w in row else "" for w in contestants) + " |")


main()
