#!/usr/bin/env python3
"""Loops on the CPU: alpy, C, Numba and NumPy on the same work, in turns.  See bench/README.md.

Each contestant is a process of its own (bench/cpu/worker.py) that has compiled everything before its first measured run.  For each kernel and size they
take turns, a few runs each, for several rounds; results are compared.  Times are medians, with quartiles, in results.json and results.csv of the
folder --out, report.md there holds the tables.  --update puts tables and plots into docs/performance.md.  Run it with a CPython that has NumPy,
Numba and matplotlib."""
import argparse
import importlib.metadata
import json
import math
import os
import select
import subprocess
import sys
import time

from measure import ROOT, cores, quartiles, rotated, save_csv, save_json

CPU = os.path.join(ROOT, "bench", "cpu")
sys.path.insert(0, CPU)

SLOT = 0.02             # seconds that a contestant computes before the next one's turn, or one run if that takes longer
MOST_REPS = 400         # in a slot
SETUP_SECONDS = 300     # Numba's first compilation included
PAUSE = {1: 0.0, 2: 0.012}      # after a slot: OpenMP's threads spin for a while before they sleep
C_FLAGS = ["-std=gnu17", "-O3", "-march=native", "-fopenmp", "-fPIC", "-shared"]
# Contestants in C: compiler, further options.
NATIVE = {
    "gcc": ("gcc", []),
    "gcc-nofma": ("gcc", ["-ffp-contract=off"]),
    "clang": ("clang", ["-Wno-pass-failed"]),
    "clang-nofma": ("clang", ["-Wno-pass-failed", "-ffp-contract=off"]),
    "gcc-fastmath": ("gcc", ["-ffast-math"]),
}
ONLY = {"gcc-fastmath": ("sum", "dot")}         # what a contestant is there for, if not for everything
QUICK = ["alpy", "alpy-fast", "gcc", "clang", "numba", "numpy", "gcc-nofma", "gcc-fastmath"]
ALL = [*QUICK, "clang-nofma", "numba-fast"]
REFERENCE = ["gcc-nofma", "gcc", "clang", "numba", "alpy"]


class Contestant:
    """A worker process; started when first asked, and again after it died."""

    def __init__(self, name, command, environment):
        self.name, self.command, self.environment, self.process = name, command, environment, None

    def ask(self, timeout, **request):
        if self.process is None:
            self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0,
                                            env={**os.environ, **self.environment})
        try:
            self.process.stdin.write((json.dumps(request) + "\n").encode())
            line, limit = b"", time.monotonic() + timeout
            while not line.endswith(b"\n"):
                if not select.select([self.process.stdout], [], [], max(0.0, limit - time.monotonic()))[0]:
                    raise OSError(f"no answer in {timeout:.0f} s")
                part = os.read(self.process.stdout.fileno(), 1 << 20)
                if not part:
                    raise OSError("the worker died")
                line += part
            return json.loads(line)
        except OSError as e:
            self.stop()
            return {"error": str(e)}

    def stop(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process.stdin.close()
            self.process.stdout.close()
            self.process = None


def build(target, command, sources):
    """Runs a compiler unless the target is newer than all sources; None, or what it said."""
    if sources and os.path.exists(target) and all(os.path.getmtime(target) >= os.path.getmtime(s) for s in sources):
        return None
    done = subprocess.run(command + ["-o", target], capture_output=True, text=True)
    return done.stderr or "failed" if done.returncode else None


def contestants(args, threads, wanted):
    """Those of the wanted ones that this machine can have."""
    folder = os.path.dirname(os.path.abspath(args.alpy))
    worker = [sys.executable, os.path.join(CPU, "worker.py")]
    base = {"OMP_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": str(threads), "NUMBA_NUM_THREADS": str(threads),
            "KMP_BLOCKTIME": "5", "OPENBLAS_THREAD_TIMEOUT": "20",      # idle threads are not to spin into the next one's turn
            "NUMBA_THREADING_LAYER": "omp", "NUMBA_DISABLE_PERFORMANCE_WARNINGS": "1",
            "ALPY_NUM_THREADS": str(threads), "ALPY_CACHE_DIR": os.path.join(args.out, "alpy-cache")}
    found = {}
    for name in wanted:
        environment = dict(base)
        if name in NATIVE:
            compiler, flags = NATIVE[name]
            library = os.path.join(args.out, f"kernels-{name}.so")
            sources = [os.path.join(CPU, f) for f in ("polybench.c", "programs.c")]
            said = build(library, [compiler, *C_FLAGS, *flags, *sources, "-lm"], sources + [os.path.join(CPU, "kernels.h")])
            command = worker + ["native", library]
        elif name.startswith("numba"):
            environment["FASTMATH"] = "1" if name == "numba-fast" else "0"
            environment["NUMBA_CACHE_DIR"] = os.path.join(args.out, name)
            said = "no Numba" if numba_version() == "(none)" else None
            command = worker + ["module", "kernels_numba"]
        elif name == "numpy":
            said, command = None, worker + ["module", "kernels_numpy"]
        else:
            host, source = os.path.join(args.out, "host.so"), os.path.join(CPU, "host.c")
            said = build(host, ["gcc", "-std=gnu17", "-O2", "-fPIC", "-shared", "-I" + os.path.join(ROOT, "include"), source,
                                       "-L" + folder, "-lalpy", "-Wl,-rpath," + folder], [])
            fp, device = ("fast" if name == "alpy-fast" else "precise"), ("interp" if name == "interp" else args.device)
            command = worker + ["alpy", host, fp, device, str(threads)]
        if said and name == "alpy":
            sys.exit(f"no libalpy.so in {folder}?\n{said}")
        elif said:
            print(f"without {name}: {said.strip().splitlines()[-1]}", file=sys.stderr)
        else:
            found[name] = Contestant(name, command, environment)
    return found


def difference(np, path, reference, integers):
    """How far results are from the reference's: the largest error relative to an array's largest element, or the share of integers that differ."""
    error = 0.0
    with np.load(path) as ours, np.load(reference) as theirs:
        for key in theirs.files:
            a, b = ours[key].astype(float), theirs[key].astype(float)
            if integers:
                error = max(error, float(np.mean(a != b)))
            else:
                off = float(np.max(np.abs(a - b)) / (np.max(np.abs(b)) or 1.0))
                error = off if math.isnan(off) else max(error, off)
    return error


def most_error(np, path, work):
    if work.integers:
        return 1e-3 if work.name == "mandelbrot" else 0.0       # contraction moves a few points on the edge
    with np.load(path) as ours:
        return 1e-5 if any(ours[key].dtype == np.float32 for key in ours.files) else 1e-9


class Cell:
    """One kernel at one size on one number of threads."""

    def __init__(self, work, size, threads):
        self.work, self.size, self.threads, self.problems, self.bits = work, size, threads, [], {}

    def path(self, args, name):
        return os.path.join(args.out, f"first-{name}.npz")

    def problem(self, text):
        text = f"{self.work.name} {self.size}, {self.threads} threads: {text}"
        self.problems.append(text)
        print("    " + text, file=sys.stderr)

    def setup(self, args, teams):
        """Contestants that are ready, with the seconds of their fastest run so far."""
        ready = {}
        for name, contestant in teams.items():
            if name in ONLY and self.work.name not in ONLY[name]:
                continue
            answer = contestant.ask(SETUP_SECONDS, do="setup", name=self.work.name, size=self.size, save=self.path(args, name))
            if "error" in answer:
                self.problem(f"{name}: {answer['error']}")
            elif "warm" in answer:
                ready[name] = min(answer["warm"])
                self.bits[name] = answer["bits"]
        return ready

    def check(self, args, np, ready, interp, all_bits):
        """Results against a reference's; alpy's against the interpreter's and those on other numbers of threads, bit by bit."""
        reference = next((self.path(args, name) for name in REFERENCE if name in ready), None)
        for name in ready:
            error = difference(np, self.path(args, name), reference, self.work.integers)
            if not error <= most_error(np, reference, self.work):
                self.problem(f"{name}: results differ by {error:.2g}")
        if "alpy" not in ready:
            return
        expected = all_bits.setdefault((self.work.name, self.size), self.bits["alpy"])
        if self.size == "small" and interp:
            answer = interp.ask(SETUP_SECONDS, do="setup", name=self.work.name, size=self.size, save=self.path(args, "interp"), warm_up=0)
            if "error" in answer:
                self.problem(f"interp: {answer['error']}")
            elif answer["bits"] != self.bits["alpy"]:
                self.problem("alpy: not the same bits as the interpreter")
        if self.bits["alpy"] != expected:
            self.problem("alpy: not the same bits as on another number of threads")

    def measure(self, args, teams, ready, seconds):
        """Rounds of turns until the time is over, but at least args.rounds unless a single one takes too long."""
        times = {name: [] for name in ready}
        begin, n_rounds = time.monotonic(), 0
        while ready and (n_rounds == 0 or time.monotonic() - begin < (seconds if n_rounds >= args.rounds else 3 * seconds)):
            for name in rotated(list(ready), n_rounds):
                reps = min(MOST_REPS, max(1, int(SLOT / max(ready[name], 1e-7))))
                answer = teams[name].ask(60 + 100 * ready[name] * reps, do="run", reps=reps)
                if "error" in answer:
                    self.problem(f"{name}: {answer['error']}")
                    del ready[name], times[name]
                    continue
                times[name] += answer["times"]
                time.sleep(PAUSE.get(self.threads, PAUSE[2]))
            n_rounds += 1
        rows = []
        for name, taken in times.items():
            low, middle, high = quartiles(taken)
            rows.append({"kernel": self.work.name, "size": self.size, "threads": self.threads, "contestant": name, "median": middle,
                         "lower": low, "upper": high, "least": min(taken), "runs": len(taken), "rounds": n_rounds})
        return rows


def numba_version():
    try:
        return importlib.metadata.version("numba")
    except importlib.metadata.PackageNotFoundError:
        return "(none)"


def save(args, results):
    save_json(os.path.join(args.out, "results.json"), results)
    save_csv(os.path.join(args.out, "results.csv"), results["rows"])


def run(args):
    import numpy as np
    import latency
    from workloads import WORKLOADS

    end = time.monotonic() + 60 * args.minutes
    works = [w for w in WORKLOADS if not args.only or w.name in args.only]
    if args.only and len(works) != len(set(args.only)):
        sys.exit("kernels: " + " ".join(w.name for w in WORKLOADS))
    cells = [Cell(w, size, threads) for threads in args.threads for size in args.sizes for w in works]
    results = {"date": time.strftime("%Y-%m-%d"), "versions": [np.__version__, numba_version()], "rows": [], "problems": [], "latency": {}}
    if not args.no_latency:
        print("latency", flush=True)
        try:
            results["latency"] = latency.measure(args)
        except RuntimeError as e:
            results["problems"].append(f"latency: {e}")
        save(args, results)
    teams, threads, bits = {}, None, {}
    interp = contestants(args, 1, ["interp"]).get("interp")
    try:
        for k, cell in enumerate(cells):
            if time.monotonic() > end:
                results["problems"].append(f"time was up: {len(cells) - k} of {len(cells)} measurements left out")
                break
            if cell.threads != threads:
                for contestant in teams.values():
                    contestant.stop()
                threads = cell.threads
                teams = contestants(args, threads, args.contestants)
            ready = cell.setup(args, teams)
            if ready:
                cell.check(args, np, ready, interp, bits)
            left = max(0.0, end - time.monotonic()) / (len(cells) - k)
            rows = cell.measure(args, teams, ready, min(args.seconds * len(ready), left))
            results["rows"] += rows
            results["problems"] += cell.problems
            save(args, results)
            print(f"{k + 1}/{len(cells)} {cell.work.name} {cell.size} {threads}: "
                  + ", ".join(f"{r['contestant']} {r['median'] * 1e3:.3g} ms" for r in rows), flush=True)
    finally:
        for contestant in [*teams.values(), interp]:
            if contestant:
                contestant.stop()
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--alpy", default=os.path.join(ROOT, "build", "alpy"), help="the program to measure; libalpy.so is beside it (default: build/alpy)")
    parser.add_argument("--out", default=os.path.join(ROOT, "build", "bench-results", "cpu"),
                        help="folder for results, libraries and caches (default: build/bench-results/cpu)")
    parser.add_argument("--threads", default=f"{cores()},1" if cores() > 1 else "1", help="numbers of threads (default: all cores, and 1)")
    parser.add_argument("--sizes", default="large,small")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these kernels")
    parser.add_argument("--contestants", help=f"some of {','.join(ALL)} (default: all; --quick: the first {len(QUICK)})")
    parser.add_argument("--device", default="cpu", choices=["cpu", "auto"], help="alpy's device (default: cpu)")
    parser.add_argument("--seconds", type=float, help="of each contestant for each kernel (default: 1; --quick: 0.2)")
    parser.add_argument("--rounds", type=int, default=5, help="at least (default: 5)")
    parser.add_argument("--minutes", type=float, help="for everything; rounds become fewer where it is not enough (default: 60; --quick: 11)")
    parser.add_argument("--quick", action="store_true", help="fewer contestants, less time")
    parser.add_argument("--no-latency", action="store_true", help="leave out compilation and entry of nests")
    parser.add_argument("--report", action="store_true", help="measure nothing: tables and plots from the results in --out")
    parser.add_argument("--update", action="store_true", help="put tables and plots into docs/performance.md")
    args = parser.parse_args()
    args.seconds = args.seconds or (0.2 if args.quick else 1.0)
    args.minutes = args.minutes or (11.0 if args.quick else 60.0)
    args.contestants = args.contestants.split(",") if args.contestants else QUICK if args.quick else ALL
    args.threads, args.sizes = [int(t) for t in args.threads.split(",")], args.sizes.split(",")
    args.alpy, args.out = os.path.abspath(args.alpy), os.path.abspath(args.out)
    os.makedirs(args.out, exist_ok=True)

    import report
    if args.report:
        with open(os.path.join(args.out, "results.json")) as f:
            results = json.load(f)
    else:
        results = run(args)
    report.write(args, results)


main()
