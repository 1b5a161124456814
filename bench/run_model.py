#!/usr/bin/env python3
"""The cost model against the clock: predicted and measured times of the workloads, for the interpreter, the executor, the CPU and a GPU.

Each workload is a program (loops.py) that runs its kernel again and again.  It is run once with --dump=model, which prints what the model predicts of each
nest on each target, and then without, on each target.  A prediction is the sum over the nests that one call of the kernel runs.  The profile is that of
this machine (`alpy profile`), or of ALPY_PROFILE.

Results: results.csv in the folder --out, a table of error factors (the larger of predicted / measured and measured / predicted), and with --plot a
scatter plot for each target."""
import argparse
import collections
import csv
import math
import os
import re
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import loops
import workloads

# Target: options of alpy, name in the dump.
TARGETS = {
    "interp": (["--device=interp"], "interp-1"),
    "reference": (["--device=reference"], "executor-1"),
    "gpu": (["--device=gpu"], "gpu-0"),
}
MOST_SLOW_SECONDS = 1.0         # what is predicted to take longer without a kernel is not run
MOST_NESTS = 300                # entered in one call; the time of many small ones is mostly the interpreter's
RECORD = re.compile(r"^line (\d+): features:.*$", re.M)
LOOK = re.compile(r"^  copies (\S+): .*, (\S+) ns for a look at an element$", re.M)
PREDICTED = re.compile(r"^  predicted (\S+): (\S+) ns .*spread (\S+)$", re.M)

Row = collections.namedtuple("Row", "work suite dims target predicted measured spread nests")


def target_of(name):
    if name.startswith("cpu-"):
        return ["--device=cpu", f"--threads={name[4:]}"], name
    return TARGETS[name]


def targets_here(alpy):
    """Those that this machine and this alpy have."""
    done = subprocess.run([alpy, "explain", "--json", "--device=cpu", os.devnull], capture_output=True, text=True, timeout=60)
    n_cores = len(os.sched_getaffinity(0))
    cpu = [] if '"back_end": "none' in done.stdout else ["cpu-1"] + ([f"cpu-{n_cores}"] if n_cores > 1 else [])
    return ["interp", "reference", *cpu, "gpu"]         # gpu: left out where nothing is predicted for one


def kernel_lines(path, work):
    """First and last line of the workload's functions in the program."""
    with open(path) as f:
        text = f.read()
    definitions = workloads.definitions(work.file)
    first = text[: text.index(definitions)].count("\n") + 1
    return first, first + definitions.count("\n")


def predict(alpy, path, work, device):
    """{target: (ns, largest spread)} of one call, and how many nests it runs."""
    done = subprocess.run([alpy, f"--device={device}", "--dump=model", path, "1", "1", "0", "device"], capture_output=True, text=True, timeout=300)
    if done.returncode:
        raise loops.Failed((done.stderr.strip().splitlines() or ["?"])[-1])
    first, last = kernel_lines(path, work)
    records = list(RECORD.finditer(done.stderr))
    total, n = {}, 0
    for k, record in enumerate(records):
        if not first <= int(record[1]) <= last:
            continue
        n += 1
        end = records[k + 1].start() if k + 1 < len(records) else len(done.stderr)
        for name, ns, spread in PREDICTED.findall(done.stderr, record.end(), end):
            before = total.get(name, (0, 0))
            total[name] = (before[0] + float(ns), max(before[1], float(spread)))
    for name, ns in LOOK.findall(done.stderr):          # a look at one element ends the measurement
        if name in total and not total[name][2:]:
            total[name] = (total[name][0] + float(ns), total[name][1], True)
    return total, n


def measure_one(alpy, path, target, seconds):
    """Seconds of the call and what it takes to measure it; of the processor where one thread does all, which others that use the machine hardly change."""
    if target in ("interp", "reference", "cpu-1"):
        with open(path) as f:
            text = f.read().replace("time.perf_counter", "time.process_time")
        path = path.replace(".alp", ".cpu.alp")
        with open(path, "w") as f:
            f.write(text)
    return quantile(loops.run(alpy, target_of(target)[0], path, most=200, least=3, seconds=seconds), 0.25)


def overhead(alpy, folder, target):
    """Seconds that measuring takes where the kernel does nothing."""
    path = os.path.join(folder, "nothing.alp")
    work = workloads.BY_NAME["copy"]
    with open(path, "w") as f:
        f.write(re.sub(rf"^( +){work.function}\(.*", r"\1pass", loops.text(work, (1,)), flags=re.M))
    return measure_one(alpy, path, target, 0.05)


def predict_again(args, rows):
    """The same executions as before, with their measured times."""
    folder = os.path.join(args.out, "programs")
    known = {}
    for r in rows:
        if not re.search(args.only, r.work):
            continue
        if (r.work, r.dims) not in known:
            work = workloads.BY_NAME[r.work]
            path = loops.write(work, tuple(map(int, r.dims.split("x"))), folder)
            known[r.work, r.dims] = predict(args.alpy, path, work, "cpu")
        predicted, n = known[r.work, r.dims]
        name = target_of(r.target)[1]
        if 0 < n <= MOST_NESTS and name in predicted:
            yield r._replace(predicted=predicted[name][0], spread=predicted[name][1], nests=n)


def measure_all(args):
    folder = os.path.join(args.out, "programs")
    os.makedirs(folder, exist_ok=True)
    spent = {target: overhead(args.alpy, folder, target) for target in args.targets}
    for work in args.works:
        for dims in work.scaled(args.sizes, args.scale):
            try:
                path = loops.write(work, dims, folder)
                predicted, n = predict(args.alpy, path, work, "cpu") if not args.times_only else ({target_of(t)[1]: (1, 1) for t in args.targets}, 1)
                if not 0 < n <= MOST_NESTS:
                    continue
                for target in args.targets:
                    name = target_of(target)[1]
                    if name not in predicted or (target in ("interp", "reference") and predicted[name][0] > MOST_SLOW_SECONDS * 1e9):
                        continue
                    seconds = measure_one(args.alpy, path, target, args.seconds) - spent[target]
                    if seconds > 0:
                        yield Row(work.name, work.suite, "x".join(map(str, dims)), target, predicted[name][0], seconds * 1e9, predicted[name][1], n)
            except (loops.Failed, subprocess.TimeoutExpired) as e:
                print(f"{work.name} {dims}: {e}", file=sys.stderr)


# ---- what comes out ----------------------------------------------------------------------------------------------------------


def factor(row):
    ratio = row.predicted / row.measured
    return max(ratio, 1 / ratio)


def quantile(values, q):
    values = sorted(values)
    return values[min(len(values) - 1, math.ceil(q * len(values)) - 1)]


def table(rows):
    lines = ["| target | executions | error factor, geometric mean | 90 % quantile | worst | too high : too low | within its spread |",
             "|---|---|---|---|---|---|---|"]
    for target in dict.fromkeys(r.target for r in rows):
        mine = [r for r in rows if r.target == target]
        factors = [factor(r) for r in mine]
        high = sum(r.predicted > r.measured for r in mine)
        within = sum(factor(r) <= r.spread for r in mine)
        lines.append(f"| {target} | {len(mine)} | {math.exp(statistics.fmean(map(math.log, factors))):.2f} | {quantile(factors, 0.9):.2f} | "
                     f"{max(factors):.1f} | {high} : {len(mine) - high} | {100 * within / len(mine):.0f} % |")
    return "\n".join(lines)


def plot(rows, path):
    import matplotlib
    matplotlib.use("svg")
    import matplotlib.pyplot as plt
    plt.rcParams["svg.fonttype"] = "none"
    targets = list(dict.fromkeys(r.target for r in rows))
    columns = 2 if len(targets) in (2, 4) else min(3, len(targets))
    lines = -(-len(targets) // columns)
    figure, axes = plt.subplots(lines, columns, figsize=(3.8 * columns, 3.8 * lines), squeeze=False)
    for k, axis in enumerate(axes.flat):
        if k >= len(targets):
            axis.axis("off")
            continue
        mine = [r for r in rows if r.target == targets[k]]
        for suite in dict.fromkeys(r.suite for r in rows):
            some = [r for r in mine if r.suite == suite]
            axis.plot([r.measured / 1e3 for r in some], [r.predicted / 1e3 for r in some], ".", markersize=3, label=suite)
        ends = [min(min(r.measured, r.predicted) for r in mine) / 2e3, max(max(r.measured, r.predicted) for r in mine) / 5e2]
        axis.plot(ends, ends, color="black", linewidth=0.8)
        for f in (0.5, 2):
            axis.plot(ends, [f * e for e in ends], color="black", linewidth=0.5, linestyle=":")
        axis.set(xscale="log", yscale="log", xlim=ends, ylim=ends, xlabel="measured, µs", ylabel="predicted, µs", title=targets[k])
        axis.set_aspect("equal")
        if k == 0:
            axis.legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def read_rows(path):
    with open(path, newline="") as f:
        return [Row(r["work"], r["suite"], r["dims"], r["target"], float(r["predicted"]), float(r["measured"]), float(r["spread"]), int(r["nests"]))
                for r in csv.DictReader(f)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--alpy", default=os.path.join(workloads.ROOT, "build", "alpy"))
    parser.add_argument("--out", default="model-results")
    parser.add_argument("--targets", default="", help="of interp, reference, cpu-N, gpu, with commas; default: what there is")
    parser.add_argument("--only", default="", help="workloads whose name matches this regular expression")
    parser.add_argument("--sizes", type=int, default=6, help="of each workload, from tiny to large")
    parser.add_argument("--scale", type=float, default=1.0, help="largest size, times this")
    parser.add_argument("--seconds", type=float, default=0.1, help="of each measurement")
    parser.add_argument("--plot", help="write a plot to this file (SVG)")
    parser.add_argument("--times-only", action="store_true", help="predict nothing: for --again on another machine")
    parser.add_argument("--again", nargs="*", help="measure nothing: predict anew what these results.csv measured")
    parser.add_argument("--rows", nargs="*", help="measure nothing: take these results.csv")
    parser.add_argument("--worst", type=int, default=0, help="list so many predictions that are furthest off")
    args = parser.parse_args()
    args.targets = args.targets.split(",") if args.targets else [] if args.rows or args.again else targets_here(args.alpy)
    args.works = [w for w in workloads.EVERY if re.search(args.only, w.name)]
    if args.rows:
        rows = [r for path in args.rows for r in read_rows(path)]
    else:
        os.makedirs(os.path.join(args.out, "programs"), exist_ok=True)
        again = [r for path in args.again or () for r in read_rows(path)]
        rows = []
        with open(os.path.join(args.out, "results.csv"), "w", newline="") as f:
            writer = csv.writer(f)
            writer.writerow(Row._fields)
            for row in predict_again(args, again) if args.again else measure_all(args):
                writer.writerow(row)
                f.flush()
                rows.append(row)
    if not rows:
        sys.exit("nothing was measured")
    print(table(rows))
    for r in sorted(rows, key=factor, reverse=True)[: args.worst]:
        print(f"{r.work:16} {r.dims:16} {r.target:10} predicted {r.predicted / 1e3:12.1f} us, measured {r.measured / 1e3:12.1f} us: {r.predicted / r.measured:.2f}")
    if args.plot:
        plot(rows, args.plot)


if __name__ == "__main__":
    main()
