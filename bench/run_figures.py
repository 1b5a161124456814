#!/usr/bin/env python3
"""Start-up, parsing and array element access of alpy, with CPython beside it: medians of user + system time over alternating runs."""
import argparse
import os
import tempfile

from measure import Report, alternate, arguments, median, peak_megabytes

# A loop over n elements; each row is a body, and the time of the empty body is taken off.
LOOP = """\
import numpy as np


def run(a, b, n, m):
    x = 0.0
    for i in range(n):
        for j in range(m):
            {body}
    return x


print(run(np.ones({size}), np.ones(({rows}, {size})), {rows}, {size}))
"""
BODIES = [
    ("read `a[j]`", "x = a[j]"),
    ("write `a[j]`", "a[j] = 1.5"),
    ("read `b[i, j]`", "x = b[i, j]"),
    ("write `b[i, j]`", "b[i, j] = 1.5"),
    ("update `a[j] += 1.5`", "a[j] += 1.5"),
]
ROWS, SIZE = 500, 4000
WAIT = "\nprint()\ninput()\n"


def startup(args, report):
    commands = [[e, "-c", text] for text in ("pass", "import numpy") for e in (args.python, args.alpy)]
    python, alpy, python_numpy, alpy_numpy = alternate(commands, args.reps * 5)
    report.table("startup", ["start-up", "CPython", "alpy"])
    for text, p, a in (("pass", python, alpy), ("import numpy", python_numpy, alpy_numpy)):
        report.row(f"`-c '{text}'`, time", *(f"{median(runs, 'cpu') * 1e3:.2f} ms" for runs in (p, a)))
        report.row(f"`-c '{text}'`, memory", *(f"{peak_megabytes([e, '-c', text + WAIT]):.1f} MB" for e in (args.python, args.alpy)))


def long_program(n_lines):
    """The scalar benchmarks over and over, as functions that nobody calls."""
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "scalar")
    lines = []
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name)) as f:
            lines += [line.rstrip("\n") for line in f if not line.startswith(("import", "#"))]
    text = []
    for k in range(n_lines // len(lines) + 1):
        text.append(f"def program_{k}():")
        text += ["    " + line if line else "" for line in lines]
    while not text[n_lines - 1].strip():
        n_lines += 1
    return "\n".join(text[:n_lines]) + "\n"


def parsing(args, report):
    with tempfile.NamedTemporaryFile("w", suffix=".alp") as f:
        f.write(long_program(100000))
        f.flush()
        with open(f.name) as text:
            n_lines = sum(1 for _ in text)
        python, alpy = alternate([[args.python, f.name], [args.alpy, f.name]], args.reps)
        f.write(WAIT)
        f.flush()
        memory = [peak_megabytes([e, f.name]) for e in (args.python, args.alpy)]
    report.say()
    report.table("parsing", ["parsing", "CPython (compiles)", "alpy"])
    report.row(f"{n_lines} lines, time", *(f"{median(runs, 'cpu'):.3f} s" for runs in (python, alpy)))
    report.row("memory", *(f"{m:.0f} MB" for m in memory))


def elements(args, report):
    def times(body):
        text = LOOP.format(body=body, rows=ROWS, size=SIZE)
        return [median(runs) for runs in alternate([[args.python, "-c", text], [args.alpy, "-c", text]], args.reps)]

    empty = times("x = 1.5")
    report.say()
    report.table("elements", [f"element access in a loop, {ROWS * SIZE} times", "CPython + NumPy", "alpy"])
    report.row("the loop itself, `x = 1.5`, with start-up", *(f"{t * 1e9 / (ROWS * SIZE):.1f} ns" for t in empty))
    for name, body in BODIES:
        spent = [(t - e) * 1e9 / (ROWS * SIZE) for t, e in zip(times(body), empty)]
        report.row(name, *(f"{ns:.1f} ns" for ns in spent))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reps", type=int, default=7, help="runs of each (start-up: five times as many; default: 7)")
    parser.add_argument("--only", choices=["startup", "parsing", "elements"])
    args = arguments(parser)
    report = Report("figures", args.out)
    for part in (startup, parsing, elements):
        if args.only in (None, part.__name__):
            part(args, report)
    report.save()


main()
