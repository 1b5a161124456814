#!/usr/bin/env python3
"""Scalar interpretation against CPython: every program in bench/scalar, in turns, medians of user time, as a Markdown table.

Start-up is part of each time, as users see it; so is `import numpy` for the programs that need it, unless --without-import, which
takes the time of a program that only imports off each."""
import argparse
import math
import os
import sys

from measure import Report, alternate, arguments, geometric_mean, median

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "scalar")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reps", type=int, default=7, help="runs of each program by each interpreter (default: 7)")
    parser.add_argument("--without-import", action="store_true", help="subtract start-up and `import numpy`")
    parser.add_argument("names", nargs="*", help="programs to run (default: all)")
    args = arguments(parser)
    names = args.names or sorted(name[:-len(".alp")] for name in os.listdir(FOLDER) if name.endswith(".alp"))
    base, report = {}, Report("scalar", args.out)

    def overhead(k, uses_numpy):
        if not args.without_import:
            return 0.0
        if uses_numpy not in base:
            text = "import numpy" if uses_numpy else "pass"
            runs = alternate([[args.python, "-c", text], [args.alpy, "-c", text]], args.reps)
            base[uses_numpy] = [median(r) for r in runs]
        return base[uses_numpy][k]

    report.table("programs", ["program", "CPython, s", "alpy, s", "times as fast"])
    ratios = []
    for name in names:
        path = os.path.join(FOLDER, name + ".alp")
        with open(path) as f:
            uses_numpy = "import numpy" in f.read()
        runs = alternate([[args.python, path], [args.alpy, path]], args.reps)
        if len({run.output for side in runs for run in side}) != 1:
            sys.exit(f"{name}: the outputs differ")
        seconds = [median(side) - overhead(k, uses_numpy) for k, side in enumerate(runs)]
        ratios.append(seconds[0] / seconds[1] if seconds[1] > 0 else math.inf)
        report.row(name, f"{seconds[0]:.3f}", f"{seconds[1]:.3f}", f"{ratios[-1]:.2f}")
    report.row(f"**geometric mean of {len(ratios)}**", "", "", f"**{geometric_mean(ratios):.2f}**")
    report.say(f"\nSlowest: {names[ratios.index(min(ratios))]}, {min(ratios):.2f} times CPython's speed.")
    report.save()


main()
