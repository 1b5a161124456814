#!/usr/bin/env python3
"""Are bytes copied only when they are needed?  By what `alpy explain --json` counts, on a GPU or the stand-in.

Arrays that numpy's ones() makes are made on the device from a seed; zeros() from nothing; others here come from a list, so that they have to be copied once.

    tests/gpu/residency.py ALPY [--standin LIBRARY]
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

N = 10000
ARRAY = 8 * N
SEED = 1024                     # of repeated elements: jit/gpu/fill.c
LOOK = 1000                     # bytes that may come back where nobody looks at arrays: variables
HEAD = f"import numpy as np\nn = {N}\na = np.array([1.0] * n)\nb = np.array([0.0] * n)\n"
SWEEPS = "for i in range(1, n - 1):\n    b[i] = 0.5 * (a[i - 1] + a[i + 1])\nfor i in range(1, n - 1):\n    a[i] = b[i]\n"
EACH = "def step(a, b, k):\n    for i in range(n):\n        a[i] = a[i] * 0.5 + b[i] + k\nt = 0\nwhile t < 8:\n    step(a, b, t)\n    str(t)\n    t += 1\n"


def between(statements, head=HEAD):
    """A time loop that alternates a nest and other statements."""
    return head + EACH + "".join("    " + line + "\n" for line in statements.splitlines())


# name: program; bytes to the device; most bytes from it; operations on whole arrays there
CASES = {
    "a time loop over two nests, one plan": (HEAD + "for t in range(50):\n" + SWEEPS.replace("\n", "\n    ").join(["    ", ""]).rstrip() + "\n", 2 * ARRAY, LOOK, 0),
    "the same nests, entered again and again": (
        HEAD + "def sweep(a, b, n):\n" + "".join("    " + line + "\n" for line in SWEEPS.splitlines()) + "k = 0\nwhile k < 50:\n    sweep(a, b, n)\n    k += 1\n    str(k)\n",
        2 * ARRAY, 100 * 100, 0),
    "an element looked at in between": (HEAD + "k = 0\nwhile k < 20:\n    for i in range(n):\n        a[i] = a[i] + 1.0\n    assert a[7] == k + 2.0\n    k += 1\n    str(k)\n", ARRAY, 20 * ARRAY + LOOK, 0),
    "an element of a larger array looked at and changed": (
        "import numpy as np\nn = 400000\na = np.zeros(n)\nk = 0\nwhile k < 20:\n    for i in range(n):\n        a[i] = a[i] + 1.0\n    a[7] += 1.0\n    assert a[7] == 2 * k + 2\n"
        "    k += 1\n    str(k)\n", 20 * 8, 2000, 0),
    "an element changed in between": (HEAD + "k = 0\nwhile k < 3:\n    for i in range(n):\n        b[i] = a[i] + 1.0\n    a[7] = k\n    k += 1\n    str(k)\n", 4 * ARRAY, LOOK, 0),
    "fresh arrays": (
        f"import numpy as np\nn = {N}\na = np.zeros(n)\nb = np.empty(n)\nc = np.zeros_like(a)\nd = np.arange(n)\ne = np.linspace(0, 1, n)\nf = np.full((n, 8), 3, dtype=np.int8)\n"
        "for i in range(n):\n    a[i] = b[i] + c[i] + d[i] + e[i] + f[i, 1]\n", 0, LOOK, 0),
    "ones": (f"import numpy as np\nn = {N}\na = np.ones(n)\nb = np.full(n, 2.5)\nfor i in range(n):\n    a[i] = b[i]\n", 2 * SEED, LOOK, 0),
    "zeros looked at by the host": (f"import numpy as np\nn = {N}\na = np.zeros(n)\nassert a[7] == 0.0 and a.sum() == 0\nfor i in range(n):\n    a[i] = a[i] + 1.0\n", 0, LOOK, 0),
    "whole arrays between nests": (between("c = a + b\nc *= 2.0\nb = np.sqrt(c) - a / 3.0\nm = c < b"), 2 * ARRAY, LOOK, 8 * 6),
    "slices between nests": (between("b[1:-1] = a[:-2] * 0.5 + a[2:] * 0.5\na[:] = b\na[0] = 0.0\nb[-3:] = 1.0", HEAD.replace("10000", "400000")), 2 * 40 * ARRAY + 8 * 8, LOOK, 8 * 6),
    "overlapping slices between nests": (between("a[1:] = a[:-1]\na[1:] += b[:-1]\na[:-1] -= a[1:]"), 2 * ARRAY, LOOK, 8 * 5),
    "copies between nests": (between("c = a.copy()\nd = np.array(b)\ne = c.astype(np.float32)\nf = np.copy(e)\nb = d", HEAD.replace("10000", "20000")), 4 * ARRAY, LOOK, 8 * 4),
    "sums between nests": (between("s = a.sum() + b.mean() + np.max(a) - np.min(b)"), 2 * ARRAY, 8 * 4 * 200, 8 * 4),
    "sums over an axis": (
        "import numpy as np\nn = 300\na = np.array([[1.0] * n] * n)\nb = np.zeros(n)\nt = 0\nwhile t < 8:\n    for i in range(n):\n        for j in range(n):\n            a[i, j] = a[i, j] + b[j]\n"
        "    b = a.sum(axis=0) / 1000.0\n    c = a.max(axis=1)\n    b += c\n    t += 1\n    str(t)\n", 9 * ARRAY + 8 * 2400, 8 * (2 * 2400 + 100), 8 * 3),
    "two axes": (
        "import numpy as np\nn = 100\na = np.array([[1.0] * n] * n)\nb = np.zeros((n, n))\nt = 0\nwhile t < 8:\n    for i in range(n):\n        for j in range(n):\n            a[i, j] = a[i, j] + b[i, j]\n"
        "    b[1:-1, 1:-1] = 0.25 * (a[:-2, 1:-1] + a[2:, 1:-1] + a[1:-1, :-2] + a[1:-1, 2:])\n    b[0, :] = 1.0\n    b[:, -1] = b[:, 0]\n    a += b[3]\n    t += 1\n    str(t)\n",
        ARRAY, LOOK, 8 * 9),
    "looked at at the end": (between("c = a + b") + "print(c[3], a.sum())\nx = a.tolist()\n", 2 * ARRAY, 2 * ARRAY + LOOK, 9),
    "a row looked at": (
        "import numpy as np\nn = 2000\na = np.zeros((n, n))\nt = 0\nwhile t < 8:\n    for i in range(n):\n        for j in range(n):\n            a[i, j] = a[i, j] + 1.0\n"
        "    assert a[5, :10].sum() == 10 * t + 10 and a[7, 2:4].tolist() == [t + 1.0] * 2\n    t += 1\n", 0, 8 * (80 + 16 + 100), 0),
    "what the host has alone stays there": (between("x = np.array([1.0] * n)\ny = x * 2.0"), 2 * ARRAY, LOOK, 0),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("alpy")
    parser.add_argument("--standin")
    options = parser.parse_args()
    n_failed = 0
    with tempfile.TemporaryDirectory() as folder:
        env = dict(os.environ, ALPY_CACHE_DIR=os.path.join(folder, "kernels"))
        if options.standin:
            env.update(ALPY_CUDA_DRIVER=options.standin, ALPY_NVRTC=options.standin)
        for name, (program, up, down, whole) in CASES.items():
            p = subprocess.run([options.alpy, "explain", "--json", "--device=gpu", "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env)
            if p.returncode:
                print(f"FAIL {name}: {p.stderr.decode()}")
                n_failed += 1
                continue
            report = json.loads(p.stdout)
            loops, gpu = report["loops"], report["gpu"]
            launches = sum(l["launches"] for l in loops)
            got_up, got_down, got_whole = gpu["bytes_to_device"], gpu["bytes_from_device"], gpu["array_operations"]
            if got_up != up or got_down > down or got_whole != whole or not launches:
                print(f"FAIL {name}: {got_up} bytes to the device, not {up}; {got_down} back, at most {down}; {launches} launches; "
                      f"{got_whole} operations on whole arrays, not {whole}")
                n_failed += 1
    print(f"{len(CASES) - n_failed} passed, {n_failed} failed")
    return 1 if n_failed else 0


sys.exit(main())
