#!/usr/bin/env python3
"""Regret of --device=auto against an oracle: every target runs every program at every size, the best is the oracle, and what auto takes longer is the regret.

A program is a workload of workloads.py (PolyBench, the programs of ALPyNA's kind, kernels, functions of the samples).  Targets: interp, executor (plans
carried out without compiling them), cpu-T (compiled, at most T threads), gpu, and auto.  Situations:

  cold     the first execution in a process that finds no kernels: compilation counts
  ten      the first ten executions of such a process together
  disk     the first execution in a process that finds its kernels on disk
  steady   an execution after many, up to --settle seconds of them; on a machine with a GPU its data stays there
  host     likewise, but the host has written every array before each execution, and wants the results (only with a GPU)

Times are by the program's own clock around the call.  Processes of all targets take turns.  A target that is slower at a size than --cap seconds by
extrapolation from the two sizes before it, and than three times the best one, is not run there: it cannot be the oracle."""
import argparse
import collections
import json
import os
import shutil
import statistics
import subprocess
import sys
import time

import loops
import measure
import regret_report
import workloads

AUTO = "auto"
QUICK = ["saxpy", "sum", "matmul", "jacobi_2d", "mandelbrot", "nbody", "black_scholes", "csr", "atax", "lu", "histogram", "kmeans", "conjugate_gradients"]
PROBE = """\
import numpy as np
a = np.zeros(1000)
for i in range(1000):
    a[i] = i * 0.5
"""


class Target:
    """makes_kernels: of the targets whose kernels are the same, the one whose are kept on disk for all."""

    def __init__(self, name, options, makes_kernels=False):
        self.name, self.options, self.makes_kernels = name, options, makes_kernels
        self.is_cpu = name.startswith("cpu-")


def runs_on(alpy, device, environment):
    """Does a nest run there?"""
    done = subprocess.run([alpy, "explain", "--json", f"--device={device}", "-c", PROBE], capture_output=True, text=True, env={**os.environ, **environment})
    if done.returncode:
        return False
    return any(loop["device"] == device for loop in regret_report.explained(done.stdout))


def targets(args):
    """Those that this machine has; what is left out is said."""
    found = [Target("interp", ["--device=interp"]), Target("executor", ["--device=reference"])]
    scratch = {"ALPY_CACHE_DIR": os.path.join(args.out, "cache", "probe")}
    if runs_on(args.alpy, "cpu", scratch):
        n = measure.cores()
        steps = sorted({1 << k for k in range(n.bit_length())} | {n})
        if args.quick and len(steps) > 3:
            steps = [1, steps[len(steps) // 2], n]
        found += [Target(f"cpu-{t}", ["--device=cpu", f"--threads={t}"], t == n) for t in steps if t <= n]
    else:
        print("without cpu: this alpy has no compiler for it", file=sys.stderr)
    if runs_on(args.alpy, "gpu", scratch):
        found.append(Target("gpu", ["--device=gpu"], True))
    else:
        print("without gpu: there is none, or no NVRTC", file=sys.stderr)
    return found + [Target(AUTO, ["--device=auto"])]


class Caches:
    """Folders for what alpy keeps.  cold(): an empty one.  warm(target): one with this program's kernels; what auto learns there from run to run stays its own."""

    def __init__(self, folder, profile):
        self.folder, self.profile, self.n_cold = folder, profile, 0
        shutil.rmtree(folder, ignore_errors=True)

    def environment(self, folder):
        path = os.path.join(self.folder, folder)
        os.makedirs(path, mode=0o700, exist_ok=True)
        return {"ALPY_CACHE_DIR": path, "XDG_CACHE_HOME": path, **({"ALPY_PROFILE": self.profile} if self.profile else {})}

    def cold(self):
        shutil.rmtree(os.path.join(self.folder, "cold"), ignore_errors=True)
        return self.environment("cold")

    def keep_as_warm(self):
        """The folder of the last cold run holds the kernels of the CPU or of the GPU: add them to the others."""
        shutil.copytree(os.path.join(self.folder, "cold"), os.path.join(self.folder, "warm"), dirs_exist_ok=True)

    def warm(self, target):
        if target.name != AUTO:
            return self.environment("warm")
        own, common = (os.path.join(self.folder, name) for name in ("warm-auto", "warm"))
        if not os.path.exists(own) and os.path.exists(common):
            shutil.copytree(common, own)
        return self.environment("warm-auto")


class Case:
    """One program at one size: the processes of all targets, and what they took."""

    def __init__(self, args, path, caches, expected):
        self.args, self.path, self.caches, self.expected = args, path, caches, expected
        self.taken = collections.defaultdict(list)      # (target, situation) -> seconds
        self.settling = set()       # situations in which auto needs time

    def times(self, target, environment, most, least, where="device", seconds=None):
        if (self.expected[target.name] or 0.0) > self.args.cap / 4:
            least = min(least, 3 if target.name == AUTO else 1)
        return loops.run(self.args.alpy, target.options, self.path, most, least, seconds or self.args.seconds, where, environment,
                         limit=60 + 20 * self.args.cap)

    def cold(self, target):
        first = self.times(target, self.caches.cold(), 10, 10)
        self.taken[target.name, "cold"].append(first[0])
        if len(first) == 10:
            self.taken[target.name, "ten"].append(sum(first))
        if target.makes_kernels:
            self.caches.keep_as_warm()

    def settled(self, target, situation, most, least, where):
        """Executions after which nothing changes any more; gives back the first one's time.  auto may have kernels to make and to try out: where it is
        behind, it gets time for that."""
        several = self.times(target, self.caches.warm(target), most, least, where, self.args.settle if situation in self.settling else None)
        first, seconds = several[0], statistics.median(several[len(several) // 2:])
        best = min((min(s) for (name, what), s in self.taken.items() if what == situation and name != AUTO), default=seconds)
        if target.name == AUTO and situation not in self.settling and seconds > 1.2 * best:
            self.settling.add(situation)
            several = self.times(target, self.caches.warm(target), 100 * most, least, where, self.args.settle)
            seconds = statistics.median(several[len(several) * 3 // 4:])
        self.taken[target.name, situation].append(seconds)
        return first

    def warm(self, target):
        """First executions differ from process to process: one that is short is had three times."""
        firsts = [self.settled(target, "steady", 2000, 8, "device")]
        while firsts[0] < 0.1 and len(firsts) < 3:
            firsts += self.times(target, self.caches.warm(target), 1, 1)
        self.taken[target.name, "disk"] += firsts

    def host(self, target):
        self.settled(target, "host", 200, 6, "host")

    def measure(self, kept, has_gpu):
        """Rounds of turns; what went wrong, by target."""
        broken, spent = {}, collections.Counter()
        for turn in range(self.args.rounds):
            for run_once in (self.cold, self.warm, self.host) if has_gpu else (self.cold, self.warm):
                for target in measure.rotated(kept, turn):
                    # Short runs are repeated more often: a slice of another process's time is more to them.
                    key = target.name, run_once.__name__
                    is_like_another = self.args.quick and target.is_cpu and not target.makes_kernels and run_once == self.cold
                    if target.name in broken or spent[key] > self.args.patience or is_like_another:
                        continue
                    start = time.monotonic()
                    try:
                        run_once(target)
                    except loops.Failed as e:
                        broken[target.name] = str(e)
                    spent[key] += time.monotonic() - start
        return broken


class Measurement:
    """One program at all its sizes."""

    def __init__(self, args, work, all_targets):
        self.args, self.work, self.targets = args, work, all_targets
        self.rows, self.left_out, self.problems = [], [], []
        self.history = collections.defaultdict(list)    # target -> seconds of later executions, at the sizes so far

    def expected(self, target):
        """Seconds at the next size, by extrapolation; None: not known."""
        past = self.history[target.name]
        return past[-1] * max(1.0, past[-1] / past[-2] if len(past) > 1 else 1.0) if past else None

    def size(self, k, dims):
        """All situations at one size.  False: even the best target takes longer than --cap from here on."""
        expected = {t.name: self.expected(t) for t in self.targets}
        least = min((s for s in expected.values() if s is not None), default=0.0)
        kept = []
        for t in self.targets:
            s = expected[t.name]
            if t.name != AUTO and s is not None and s > self.args.cap and s > 3 * least:
                self.left_out.append({"kernel": self.work.name, "dims": dims, "target": t.name, "expected": s})
            else:
                kept.append(t)
        path = loops.write(self.work, dims, os.path.join(self.args.out, "programs"))
        case = Case(self.args, path, Caches(os.path.join(self.args.out, "cache"), self.args.profile), expected)
        broken = case.measure(kept, any(t.name == "gpu" for t in self.targets))
        self.problems += [f"{self.work.name} {dims} {target}: {what}" for target, what in broken.items()]
        for (target, situation), seconds in case.taken.items():
            if target in broken:
                continue
            self.rows.append({"kernel": self.work.name, "suite": self.work.suite, "size": k, "dims": "x".join(map(str, dims)), "situation": situation,
                              "target": target, "seconds": statistics.median(seconds), "least": min(seconds), "runs": len(seconds)})
            if situation == "steady":
                self.history[target].append(statistics.median(seconds))
        next_ones = [self.expected(t) for t in kept if t.name not in broken and t.name != AUTO]
        return min((s for s in next_ones if s is not None), default=0.0) < self.args.cap


def picked(args):
    names = args.only or (QUICK if args.quick else None)
    unknown = set(names or []) - set(workloads.BY_NAME)
    if unknown:
        sys.exit(f"no such program: {' '.join(sorted(unknown))}; there are {' '.join(workloads.BY_NAME)}")
    return [w for w in workloads.EVERY if (not names or w.name in names) and (not args.suite or w.suite in args.suite)]


def run(args):
    end = time.monotonic() + 60 * args.minutes
    found = targets(args)
    results = {"machine": measure.machine(), "targets": [t.name for t in found], "profile": args.profile, "is_foreign": args.is_foreign,
               "rows": [], "left_out": [], "problems": []}
    works = picked(args)
    for done, work in enumerate(works):
        m = Measurement(args, work, found)
        for k, dims in enumerate(dict.fromkeys(work.scaled(args.sizes, args.scale))):
            if time.monotonic() > end:
                m.problems.append(f"time was up in {work.name}, size {k}; programs left out: {len(works) - done - 1}")
                break
            if not m.size(k, dims):
                break
        for key in ("rows", "left_out", "problems"):
            results[key] += getattr(m, key)
        regret_report.save(args, results)
        ratios = [c.ratio for c in regret_report.cells(m.rows)]
        told = f"mean {statistics.fmean(ratios):.3f}, worst {max(ratios):.2f}" if ratios else "nothing"
        print(f"{done + 1}/{len(works)} {work.name}: {told}", file=sys.stderr, flush=True)
        if time.monotonic() > end:
            break
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these programs")
    parser.add_argument("--suite", nargs="+", choices=sorted({w.suite for w in workloads.EVERY}), help="the programs of these suites")
    parser.add_argument("--sizes", type=int, help="of each program, from tiny to large (default: 10; --quick: 5)")
    parser.add_argument("--scale", type=float, default=1.0, help="of the largest size, in each dimension (default: 1)")
    parser.add_argument("--cap", type=float, default=2.0, help="seconds of an execution beyond which slow targets are left out (default: 2)")
    parser.add_argument("--rounds", type=int, help="most processes of each target in each situation (default: 7; --quick: 3)")
    parser.add_argument("--patience", type=float, help="seconds after which there are no more of them (default: 0.3; --quick: 0.03)")
    parser.add_argument("--seconds", type=float, help="of executions in a process with kernels on disk (default: 0.05; --quick: 0.02)")
    parser.add_argument("--settle", type=float, help="likewise, for auto where it is behind after that (default: 1; --quick: 0.4)")
    parser.add_argument("--minutes", type=float, help="for everything; programs are left out where it is not enough (default: 60; --quick: 3)")
    parser.add_argument("--profile", help="another machine's profile, for auto to go by (default: this machine's own; docs/cost-model.md)")
    parser.add_argument("--quick", action="store_true", help="few programs and sizes")
    parser.add_argument("--report", nargs="*", metavar="FILE",
                        help="measure nothing: tables and plot from these results of one machine (default: regret.json in --out)")
    parser.add_argument("--update", action="store_true", help="put tables and plot into docs/performance.md")
    parser.add_argument("--section", help="of the document (default: regret, regret-gpu with a GPU, regret-foreign with --profile)")
    parser.add_argument("--explain", type=int, default=10, metavar="N", help="of the worst cases, ask alpy what it did (default: 10)")
    args = measure.arguments(parser)
    args.out = os.path.abspath(args.out or os.path.join(measure.ROOT, "build", "bench-results", "regret"))
    args.sizes = args.sizes or (5 if args.quick else 10)
    args.rounds = args.rounds or (3 if args.quick else 7)
    args.patience = args.patience if args.patience is not None else 0.03 if args.quick else 0.3
    args.seconds = args.seconds or (0.02 if args.quick else 0.05)
    args.settle = args.settle or (0.4 if args.quick else 1.0)
    args.minutes = args.minutes or (3.0 if args.quick else 60.0)
    args.is_foreign = bool(args.profile)
    os.makedirs(args.out, exist_ok=True)
    args.profile = disguised(args) if args.profile else own_profile()
    results = run(args) if args.report is None else regret_report.load(args)
    regret_report.write(args, results)


def disguised(args):
    """A copy of another machine's profile that says it is this one's: alpy takes no other.  What the other one measured stays, for as many threads and GPUs
    as are here."""
    shown = subprocess.run([args.alpy, "profile", "--show", "--json"], capture_output=True, text=True)
    if shown.returncode:
        sys.exit(shown.stderr)
    own = json.loads(shown.stdout)
    with open(args.profile) as f:
        other = json.load(f)
    here, there = own["host"], other["host"]
    steps = [max(k for k, n in enumerate(there["threads"]) if n <= t) for t in here["threads"]]
    there["fork_ns"] = [there["fork_ns"][k] for k in steps] if "fork_ns" in there else []
    for level in there["levels"]:
        if "bytes_per_ns" in level:
            level["bytes_per_ns"] = [level["bytes_per_ns"][k] for k in steps]
    for key in ("cpu", "simd", "cores", "hardware_cores", "threads"):
        there[key] = here[key]
    other["gpus"] = [{**theirs, **{key: ours[key] for key in ("name", "uuid", "multiprocessors") if key in ours}}
                     for ours, theirs in zip(own.get("gpus", []), other.get("gpus", []))]
    path = os.path.join(args.out, "disguised.json")
    measure.save_json(path, other)
    return path


def own_profile():
    """Where `alpy profile` keeps this machine's, which is to be found although the runs get caches of their own; "": there is none."""
    named = os.environ.get("ALPY_PROFILE")
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    path = named or os.path.join(home, "alpy", "profile.json")
    return path if os.path.exists(path) else ""


if __name__ == "__main__":
    main()
