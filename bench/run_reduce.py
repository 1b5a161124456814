#!/usr/bin/env python3
"""Reductions and products of arrays against NumPy: best of several repetitions inside one process, in turns, as a Markdown table."""
import argparse
import subprocess

from measure import Report, arguments

# Each row: what, set-up, expression, bytes that it reads (0: a product, given in GFLOP/s by `work`).
N = 8_000_000
CASES = [
    ("sum of float64", f"a = np.arange({N}) * 0.5", "np.sum(a)", 8 * N),
    ("sum of float32", f"a = np.ones({N}, dtype=np.float32)", "np.sum(a)", 4 * N),
    ("sum of int64", f"a = np.arange({N})", "np.sum(a)", 8 * N),
    ("sum of bool", f"a = np.ones({N}, dtype=bool)", "np.sum(a)", N),
    ("max of float64", f"a = np.arange({N}) * 0.5", "np.max(a)", 8 * N),
    ("sum, stride 3", f"a = np.ones({N})[::3]", "np.sum(a)", 8 * N),
    ("sum over axis 0", f"a = np.ones(({N // 1000}, 1000))", "np.sum(a, axis=0)", 8 * N),
    ("sum over axis 1", f"a = np.ones(({N // 1000}, 1000))", "np.sum(a, axis=1)", 8 * N),
    ("sum over short axis 1", f"a = np.ones(({N // 8}, 8))", "np.sum(a, axis=1)", 8 * N),
    ("mean of float64", f"a = np.ones({N})", "np.mean(a)", 8 * N),
    ("dot of vectors", f"a = np.ones({N // 2})", "np.dot(a, a)", 8 * N),
    ("argmax", f"a = np.ones({N})", "np.argmax(a)", 8 * N),
    ("cumsum", f"a = np.ones({N // 8})", "np.cumsum(a)", N),
    ("sort", f"a = np.sin(np.arange({N // 16}))", "np.sort(a)", N // 2),
    ("matrix product, 300 x 300", "a = np.ones((300, 300))", "a @ a", 0),
]
PROGRAM = """\
import time
import numpy as np
{setup}
best = 1e9
for repeat in range({inner}):
    start = time.perf_counter()
    result = {expression}
    t = time.perf_counter() - start
    if t < best:
        best = t
print(best)
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reps", type=int, default=3, help="processes of each kind (default: 3)")
    parser.add_argument("--inner", type=int, default=5, help="repetitions in each process (default: 5)")
    args = arguments(parser)
    report = Report("reduce", args.out)
    report.table("rates", ["", "NumPy", "alpy"])
    for name, setup, expression, size in CASES:
        best = [1e9, 1e9]
        text = PROGRAM.format(setup=setup, expression=expression, inner=args.inner)
        for _ in range(args.reps):
            for k, program in enumerate((args.python, args.alpy)):
                best[k] = min(best[k], float(subprocess.run([program, "-c", text], check=True, capture_output=True).stdout))
        report.row(name, *(f"{size / t / 1e9:.2f} GB/s" if size else f"{2 * 300 ** 3 / t / 1e9:.2f} GFLOP/s" for t in best))
    report.save()


main()
