#!/usr/bin/env python3
"""What comes before and around a compiled loop: compilation in fresh processes with and without kernels on disk, entering a nest again, nests of ten
iterations.  Needs no other contestants; run_cpu.py measures the same as part of its tables."""
import argparse
import os
import sys

from measure import ROOT, Report, arguments

sys.path.insert(0, os.path.join(ROOT, "bench", "cpu"))

import latency  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer processes")
    args = arguments(parser)
    report = Report("latency", args.out)
    report.facts = latency.measure(args)
    for name, head, rows in latency.tables(report.facts):
        report.say()
        report.table(name, head)
        for row in rows:
            report.row(*row)
    report.save()


main()
