#!/usr/bin/env python3
"""Are bytes copied only when they are needed?  By what `alpy explain --json` counts, on a GPU or the stand-in.

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
HEAD = f"import numpy as np\nn = {N}\na = np.ones(n)\nb = np.zeros(n)\n"
SWEEPS = "for i in range(1, n - 1):\n    b[i] = 0.5 * (a[i - 1] + a[i + 1])\nfor i in range(1, n - 1):\n    a[i] = b[i]\n"
# name: program; bytes to the device by all nests; most bytes from it
CASES = {
    "a time loop over two nests, one plan": (HEAD + "for t in range(50):\n" + SWEEPS.replace("\n", "\n    ").join(["    ", ""]).rstrip() + "\n", 2 * ARRAY, 1000),
    "the same nests, entered again and again": (
        HEAD + "def sweep(a, b, n):\n" + "".join("    " + line + "\n" for line in SWEEPS.splitlines()) + "k = 0\nwhile k < 50:\n    sweep(a, b, n)\n    k += 1\n    str(k)\n",
        2 * ARRAY, 100 * 100),
    "an element looked at in between": (HEAD + "k = 0\nwhile k < 20:\n    for i in range(n):\n        a[i] = a[i] + 1.0\n    assert a[7] == k + 2.0\n    k += 1\n    str(k)\n", ARRAY, 1000),
    "an element changed in between": (HEAD + "k = 0\nwhile k < 3:\n    for i in range(n):\n        b[i] = a[i] + 1.0\n    a[7] = k\n    k += 1\n    str(k)\n", 4 * ARRAY, 1000),
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
        for name, (program, up, down) in CASES.items():
            p = subprocess.run([options.alpy, "explain", "--json", "--device=gpu", "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env)
            if p.returncode:
                print(f"FAIL {name}: {p.stderr.decode()}")
                n_failed += 1
                continue
            loops = json.loads(p.stdout)["loops"]
            got_up, got_down = (sum(l[k] for l in loops) for k in ("bytes_to_device", "bytes_from_device"))
            launches = sum(l["launches"] for l in loops)
            if got_up != up or got_down > down or not launches:
                print(f"FAIL {name}: {got_up} bytes to the device, not {up}; {got_down} back, at most {down}; {launches} launches")
                n_failed += 1
    print(f"{len(CASES) - n_failed} passed, {n_failed} failed")
    return 1 if n_failed else 0


sys.exit(main())
