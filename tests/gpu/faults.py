#!/usr/bin/env python3
"""What becomes of programs when a call of the CUDA driver fails: each call once, by tests/gpu/faulty.c in front of the driver.

    tests/gpu/faults.py ALPY --faulty libalpy-faulty.so [--driver LIBRARY] [--nvrtc LIBRARY] [--most N] [--only NAME,…]

A program must print what the interpreter prints, or end with a RuntimeError that names the GPU (only it had the bytes of an array), or with a MemoryError
where memory was refused; until then it must have printed the same.  It must not crash, hang, or print anything else.
--driver: what is behind (the machine's own driver if it is left out); --most: calls of each kind that are tried.
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile

OUT_OF_MEMORY, UNKNOWN = 2, 999
SANITIZER_NOTE = re.compile(r"^==\d+==WARNING: ASan doesn't fully support makecontext/swapcontext .*\n", re.MULTILINE)
PROGRAMS = {
    "time loop": """
import numpy as np
n = 70000
a = np.ones(n)
b = np.zeros(n)
a[n // 2] = 9.0
def sweep(a, b, n, steps):
    for t in range(steps):
        for i in range(1, n - 1):
            b[i] = 0.5 * (a[i - 1] + a[i + 1])
        for i in range(1, n - 1):
            a[i] = b[i]
sweep(a, b, n, 3)
print(float(a[n // 2]), float(b[5]))
sweep(a, b, n, 4)
print(float(a.sum()), float(b.sum()))
""",
    "whole arrays": """
import numpy as np
n = 40000
a = np.ones(n)
b = np.linspace(0.0, 1.0, n)
def nest(a, n):
    for i in range(n):
        a[i] = a[i] + 1.0
nest(a, n)
print(float(a[5]))
c = a + b
c[1:-1] = c[:-2] * 0.5
a[n // 2] = 9.0
print(float(c.sum()), float(a @ c))
nest(c, n)
d = c.copy()
d += a
print(float(d[7]), float(d.max()))
m = (d.reshape(200, 200) - 1.0).sum(axis=0)
print(float(m[3]), m[5:8])
""",
    "many steps": """
import numpy as np
n = 500
a = np.ones(n)
b = np.zeros(n)
def steps(a, b, n, count):
    for t in range(count):
        for i in range(1, n - 1):
            b[i] = 0.5 * (a[i - 1] + a[i + 1]) + 0.25
        for i in range(1, n - 1):
            a[i] = b[i]
steps(a, b, n, 230)
print(float(a[7]))
steps(a, b, n, 240)
print(float(a.sum()))
""",
    "reduction": """
import numpy as np
n = 50000
x = np.zeros(n)
def total(x, n):
    for i in range(n):
        x[i] = x[i] + 1.0 / (i + 1)
    s = 0.0
    m = 0.0
    for i in range(n):
        s += x[i]
        m = max(m, x[i])
    return s, m
k = 0
while k < 3:
    print(total(x, n))
    k += 1
""",
    "csr": """
import numpy as np
n = 3000
first = np.zeros(n + 1, dtype=np.int64)
column = np.zeros(8 * n, dtype=np.int32)
value = np.zeros(8 * n)
x = np.zeros(n)
y = np.zeros(n)
def make(n):
    for i in range(n + 1):
        first[i] = 8 * i
    for i in range(8 * n):
        column[i] = i * 7919 % n
        value[i] = i % 13
    for i in range(n):
        x[i] = i % 5
def product(n, first, column, value, x, y):
    for i in range(n):
        s = 0.0
        for k in range(first[i], first[i + 1]):
            s += value[k] * x[column[k]]
        y[i] = s
make(n)
product(n, first, column, value, x, y)
print(float(y[7]))
product(n, first, column, value, x, y)
print(float(y.sum()))
""",
    "failing check": """
import math
import numpy as np
n = 80000
x = np.ones(n)
y = np.zeros(n)
def roots(x, y, n):
    for i in range(n):
        y[i] = math.sqrt(x[i]) + i
roots(x, y, n)
roots(x, y, n)
print(float(y.sum()))
def count(x, n):
    for i in range(n):
        x[i] = 1.0 - i / (n - 1.5)
count(x, n)
print(float(x[3]))
roots(x, y, n)
print("not reached")
""",
    "one thread": """
import numpy as np
n = 5000
x = np.zeros(n)
def chain(x, n):
    x[0] = 1.0
    for i in range(1, n):
        x[i] = x[i - 1] * 0.5 + i
    k = 0
    while x[k] < 100.0:
        k += 1
    return k
print(chain(x, n))
print(float(x[n - 1]))
""",
}


class Runner:
    def __init__(self, options, folder):
        self.alpy, self.folder = options.alpy, folder
        self.env = dict(os.environ, ALPY_CUDA_DRIVER=os.path.abspath(options.faulty), ALPY_CACHE_DIR=os.path.join(folder, "kernels"))
        # What a device holds that does not work any more, or that it was in vain asked to give back, is left to it: no leak of alpy's.  The stand-in, which is C++,
        # keeps it in memory of operator new.
        with open(os.path.join(folder, "suppressions"), "w") as f:
            f.write("leak:libalpy-standin\nleak:libstdc++\n")
        self.env["LSAN_OPTIONS"] = "print_suppressions=0:suppressions=" + os.path.join(folder, "suppressions")
        for name in ("ALPY_FAULTY", "ALPY_FAULTY_COUNT", "ALPY_FAULTY_DRIVER"):
            self.env.pop(name, None)
        if options.driver:
            self.env["ALPY_FAULTY_DRIVER"] = os.path.abspath(options.driver)
        if options.nvrtc:
            self.env["ALPY_NVRTC"] = os.path.abspath(options.nvrtc)

    def __call__(self, path, device, **more):
        try:
            p = subprocess.run([self.alpy, "--device=" + device, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(self.env, **more), timeout=60, text=True)
        except subprocess.TimeoutExpired:
            return None, "", "no end"
        return p.returncode, p.stdout, SANITIZER_NOTE.sub("", p.stderr)


def complaint(expected, got, code):
    """None: this is as it should be."""
    if got == expected:
        return None
    status, out, err = got
    last = err.strip().splitlines()[-1] if err.strip() else ""
    if status is None or status < 0 or "Sanitizer" in err:
        return f"exit status {status}: {err[-600:]}"
    if not expected[1].startswith(out):
        return f"prints {out!r}, not {expected[1]!r}"
    if status == 1 and last.startswith("RuntimeError: ") and "GPU" in last:
        return None
    if status == 1 and last.startswith("MemoryError") and code == OUT_OF_MEMORY:
        return None
    return f"exit status {status}: {last!r}"


def numbers(count, most):
    """The first, the last, and some between."""
    if count <= most:
        return range(1, count + 1)
    return sorted({1 + round(k * (count - 1) / (most - 1)) for k in range(most)}) if most > 1 else [1]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("alpy")
    parser.add_argument("--faulty", required=True)
    parser.add_argument("--driver")
    parser.add_argument("--nvrtc")
    parser.add_argument("--most", type=int, default=3)
    parser.add_argument("--only", default=",".join(PROGRAMS))
    options = parser.parse_args()
    n_runs = n_failed = n_same = 0
    with tempfile.TemporaryDirectory() as folder:
        run = Runner(options, folder)
        for name in options.only.split(","):
            path, counts = os.path.join(folder, "program.alp"), os.path.join(folder, "counts")
            with open(path, "w") as f:
                f.write(PROGRAMS[name])
            expected = run(path, "interp")
            run(path, "gpu")                    # compiled from now on
            got = run(path, "gpu", ALPY_FAULTY_COUNT=counts)
            kinds = {}
            if os.path.exists(counts):
                with open(counts) as f:
                    kinds = {line.split()[0]: int(line.split()[1]) for line in f}
            if got != expected or not kinds.get("LaunchKernel"):
                print(f"FAIL {name}: without a fault: {got}, not {expected}; calls: {kinds}")
                n_failed += 1
                continue
            for kind, count in kinds.items():
                for n in numbers(count, options.most):
                    for code, sticky in (OUT_OF_MEMORY, ""), (UNKNOWN, ":sticky"):
                        if kind in ("DriverGetVersion", "GetErrorName", "GetErrorString"):
                            continue
                        got = run(path, "gpu", ALPY_FAULTY=f"{kind}:{n}:{code}{sticky}")
                        wrong = complaint(expected, got, code)
                        n_runs += 1
                        n_same += got == expected
                        if wrong:
                            n_failed += 1
                            print(f"FAIL {name}, call {n} of {count} of {kind} fails with error {code}: {wrong}", flush=True)
    print(f"{n_runs} runs: {n_same} with the interpreter's output, {n_runs - n_same - n_failed} with an error as they should, {n_failed} failed")
    return 1 if n_failed or not n_runs else 0


sys.exit(main())
