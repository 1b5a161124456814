"""Two builds of alpy compared: pairs of runs, one of each build right after the other and each first in turn, so that whatever the machine does meets both.
The ratio is the Hodges-Lehmann estimate over the pairs, with the interval of Wilcoxon's signed-rank test."""
import fnmatch
import glob
import os
import shutil
import statistics
import sys
import tempfile

import loops
import measure
import workloads

# Smaller changes are not called faster or slower, however sure they are; and `same` means that the interval leaves no room for more than the second.
LEAST_CHANGE, SAME = 0.01, 0.03
LOOPS = ["saxpy", "sum", "matmul", "jacobi_2d", "mandelbrot", "nbody", "black_scholes", "csr", "conv2d", "atax", "gemm", "lu", "floyd_warshall", "histogram",
         "kmeans", "conjugate_gradients"]
SMALL = 4           # of the ten sizes of a loop: about 20 to 60 microseconds compiled


class Process:
    """A whole program: its user time, or with start-up alone user and system time."""

    def __init__(self, name, arguments, what):
        self.name, self.arguments, self.what = name, arguments, what

    def prepare(self, folder):
        pass

    def seconds(self, alpy, options, environment):
        return getattr(measure.Run([alpy, *options, *self.arguments], env={**os.environ, **environment}), self.what)


class Loop:
    """A workload at one size: an execution after many, kernels on disk; or the first execution without."""

    def __init__(self, name, work, dims, is_cold):
        self.name, self.work, self.dims, self.is_cold = name, work, dims, is_cold

    def prepare(self, folder):
        self.path = loops.write(self.work, self.dims, folder)

    def seconds(self, alpy, options, environment):
        if self.is_cold:
            shutil.rmtree(environment["ALPY_CACHE_DIR"], ignore_errors=True)
            os.makedirs(environment["ALPY_CACHE_DIR"], mode=0o700)
            return loops.run(alpy, options, self.path, environment=environment)[0]
        times = loops.run(alpy, options, self.path, 2000, 8, 0.04, environment=environment)
        return statistics.median(times[len(times) // 2:])


def benchmarks():
    """All that can be compared, by name."""
    scalar = sorted(glob.glob(os.path.join(measure.ROOT, "bench", "scalar", "*.alp")))
    found = [Process("startup/pass", ["-c", "pass"], "cpu"), Process("startup/numpy", ["-c", "import numpy"], "cpu")]
    found += [Process("scalar/" + os.path.basename(path)[:-len(".alp")], [path], "user") for path in scalar]
    for name in LOOPS:
        work = workloads.BY_NAME[name]
        sizes = work.scaled(10)
        found += [Loop(f"loop/{name}/small", work, sizes[SMALL], False), Loop(f"loop/{name}/large", work, sizes[-2], False),
                  Loop(f"cold/{name}", work, sizes[-2], True)]
    return found


def verdict(ratio, low, high, n_pairs):
    if measure.signed_rank_limit(n_pairs, 0.95) == 0:
        return "too few rounds"
    if low > 1 and ratio > 1 + LEAST_CHANGE:
        return "slower"
    if high < 1 and ratio < 1 - LEAST_CHANGE:
        return "faster"
    return "same" if low > 1 - SAME and high < 1 + SAME else "undecided"


def run(args, builds):
    """Compares builds[1] with builds[0]."""
    chosen = [b for b in benchmarks() if any(fnmatch.fnmatch(b.name, pattern) or b.name.startswith(pattern + "/") for pattern in args.bench)]
    if not chosen:
        sys.exit("no such benchmark; there are " + " ".join(b.name for b in benchmarks()))
    report = measure.Report("compare", args.out)
    report.facts = {"machine": measure.machine(), "builds": builds, "rounds": args.rounds, "device": args.device, "seconds": {}}
    report.say(f"A = {builds[0]}\nB = {builds[1]}\n")
    report.table("benchmarks", ["benchmark", "A", "B", "B / A", "95 % interval", "B is"])
    options, ratios = [f"--device={args.device}"], []
    with tempfile.TemporaryDirectory() as folder:
        environments = [{"ALPY_CACHE_DIR": os.path.join(folder, name)} for name in "AB"]
        for environment in environments:
            os.makedirs(environment["ALPY_CACHE_DIR"], mode=0o700)
        for b in chosen:
            b.prepare(folder)
            times = [[], []]
            try:
                for turn in range(-1, args.rounds):         # the first turn warms up, and leaves kernels on disk
                    for side in measure.rotated([0, 1], turn):
                        seconds = b.seconds(builds[side], options if turn >= 0 else ["--device=cpu"], environments[side])
                        if turn >= 0:
                            times[side].append(seconds)
            except loops.Failed as e:
                report.say(f"{b.name}: {e}")
                continue
            ratio, low, high = measure.paired_ratio(*times)
            ratios.append(ratio)
            report.facts["seconds"][b.name] = times
            report.row(b.name, *(measure.duration(statistics.median(t)) for t in times), f"{ratio:.3f}", f"{low:.3f} to {high:.3f}",
                       verdict(ratio, low, high, args.rounds))
    if len(ratios) > 1:
        report.row(f"**geometric mean of {len(ratios)}**", "", "", f"**{measure.geometric_mean(ratios):.3f}**", "", "")
    report.save()
