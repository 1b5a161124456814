#!/usr/bin/env python3
"""What the analysis of loops costs: per loop nest of PolyBench, of the samples and of synthetic programs, the time to build nest and first plan, and to
enter the nest again; then whole programs whose loops the interpreter runs, with and without analysis.  Markdown tables.

The figures of nests come from the driver bench/analysis.c (meson compile -C build analysis).  `first` is what a program pays once per nest, with
cold caches; the others are medians of repetitions.  Whole programs: the least user time of their runs."""
import argparse
import glob
import json
import os
import statistics
import subprocess
import sys
import tempfile

from measure import ROOT, Report, alternate, arguments, geometric_mean

sys.path.insert(0, os.path.join(ROOT, "tests"))

import suite  # noqa: E402

GOALS = "goals: build and first plan at most 300 us (200 statements: 10 ms), entering at most 10 us (saxpy: 3 us)"

SAXPY = """\
import numpy as np
n = 1000
x = np.ones(n)
y = np.ones(n)
a = 2.0
for i in range(n):
    y[i] = a * x[i] + y[i]
"""


def long_nest(n_statements):
    """One loop over statements that read their neighbours' results, of 12 arrays."""
    lines = ["import numpy as np", "n = 1000"] + [f"a{k} = np.ones(n)" for k in range(12)] + ["for i in range(8, n - 8):"]
    for k in range(n_statements):
        lines.append(f"    a{k % 12}[i] = a{(k * 5 + 1) % 12}[i - {k % 3}] * 0.5 + a{(k * 7 + 3) % 12}[i + {k % 4}] - a{k % 12}[i]")
    return "\n".join(lines) + "\n"


def nests(driver, path, reps):
    """The nests of one program, which runs in a folder of its own: it may write files."""
    with suite.Scratch(os.path.dirname(path)) as folder:
        out = subprocess.run([driver, "-r", str(reps), os.path.basename(path)], cwd=folder, capture_output=True, text=True)
    if out.returncode:
        sys.exit(f"{path}: {out.stderr}")
    found = [json.loads(line) for line in out.stdout.splitlines()]
    return [n for n in found if "refused" not in n]


def row(report, name, n):
    report.row(name, n["statements"], n["accesses"], f"{n['first_us']:.0f}", f"{n['build_us']:.1f}", f"{n['plan_us']:.1f}",
               f"{n['build_us'] + n['plan_us']:.1f}", f"{n['enter_us']:.3f}", f"{n['decide_us']:.2f}")


def header(report):
    report.table("nests", ["nest", "statements", "references", "first, us", "build, us", "plan, us", "both, us", "enter, us", "decide, us"])


def largest(found):
    return max(found, key=lambda n: n["build_us"] + n["plan_us"])


def folder(args, report, title, pattern, skip=()):
    """The costliest nest of each program, and the extremes over all of them."""
    every = []
    report.say(f"\n{title}, the costliest nest of each program:\n")
    header(report)
    for path in sorted(glob.glob(os.path.join(ROOT, pattern))):
        name = os.path.basename(path)[:-len(".alp")]
        if name.startswith("mod_") or name in skip:
            continue
        found = nests(args.driver, path, args.reps)
        if not found:
            continue
        every += found
        n = largest(found)
        row(report, f"{name}, line {n['line']}", n)
    both = [n["build_us"] + n["plan_us"] for n in every]
    report.say(f"\n{len(every)} nests: build and plan median {statistics.median(both):.1f} us, most {max(both):.1f} us; first most "
          f"{max(n['first_us'] for n in every):.0f} us; entering most {max(n['enter_us'] for n in every):.3f} us, decided again most "
          f"{max(n['decide_us'] for n in every):.2f} us.")


def synthetic(args, report):
    report.say("\nSynthetic:\n")
    header(report)
    for name, text in [("saxpy", SAXPY)] + [(f"{k} statements", long_nest(k)) for k in (20, 50, 100, 200)]:
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "synthetic.alp")
            with open(path, "w") as f:
                f.write(text)
            row(report, name, largest(nests(args.driver, path, args.reps)))


def programs(args, report):
    """Programs of bench/scalar: what the engine costs them."""
    report.say()
    report.table("programs", ["program", "--no-analysis, s", "with analysis, s", "ratio"])
    ratios = []
    for path in sorted(glob.glob(os.path.join(ROOT, "bench", "scalar", "*.alp"))):
        runs = alternate([[args.alpy, "--no-analysis", path], [args.alpy, "--device=interp", path]], args.program_reps)
        off, on = (min(run.user for run in side) for side in runs)
        ratios.append(on / off)
        report.row(os.path.basename(path)[:-len(".alp")], f"{off:.3f}", f"{on:.3f}", f"{ratios[-1]:.3f}")
    report.row(f"**geometric mean of {len(ratios)}**", "", "", f"**{geometric_mean(ratios):.3f}**")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--driver", default=os.path.join(ROOT, "build", "bench", "analysis"), help="bench/analysis.c, compiled")
    parser.add_argument("--reps", type=int, default=51, help="repetitions per nest (default: 51)")
    parser.add_argument("--program-reps", type=int, default=7, help="runs of each program of bench/scalar (default: 7; 0: none)")
    parser.add_argument("--only", choices=["nests", "programs"])
    args = arguments(parser)
    args.driver = os.path.abspath(args.driver)
    report = Report("analysis", args.out)
    if args.only != "programs":
        report.say(GOALS)
        synthetic(args, report)
        folder(args, report, "PolyBench", "tests/polybench/*.alp")
        folder(args, report, "Samples", "samples/*.alp")
    if args.only != "nests":
        programs(args, report)
    report.save()


main()
