#!/usr/bin/env python3
"""Random loop nests through brute.c, and the programs of the bugs that it found.

    tests/nests/run.py BRUTE [--count N] [--seed S] [-j N] [--no-regression]
    tests/nests/run.py BRUTE --shrink FILE      the smallest program that fails in the same way

Prints the failing programs, what the runs add up to, and last "N passed, N failed"; exit status 1 if any failed.
"""
import argparse
import concurrent.futures
import glob
import os
import re
import subprocess
import sys

import generate
import generate_solves

HERE = os.path.dirname(os.path.abspath(__file__))
BATCH = 250                     # programs per process
TIMEOUT_S = 120                 # for one process


def program(seed):
    """One in ten is a triangular solve."""
    return (generate_solves if seed % 10 == 9 else generate).program(seed)


def run(brute, programs, seed=1):
    """(what went wrong or "", output) of one process."""
    try:
        p = subprocess.run([brute, str(seed), "-"], input="#---\n".join(programs).encode(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        return f"no end after {TIMEOUT_S} s", ""
    text = p.stdout.decode(errors="replace")
    if p.returncode == 0:
        return "", text
    wrong = re.search(r"^WRONG: (.*)", text, re.MULTILINE)
    return wrong.group(1) if wrong else f"exit status {p.returncode}", text


class Sum:
    """What the last lines of the processes add up to."""

    def __init__(self):
        self.total, self.refused, self.failed = {}, {}, []

    def add(self, text):
        for kind, name, n in re.findall(r"^(total|refused) (.*) (\d+)$", text, re.MULTILINE):
            table = self.total if kind == "total" else self.refused
            table[name] = table.get(name, 0) + int(n)

    def share(self, part, whole):
        return f"{100 * part / whole:.1f} %" if whole else "-"

    def report(self):
        t = self.total
        if not t:
            return
        for name, n in sorted(self.refused.items(), key=lambda item: -item[1]):
            print(f"{n:9} loops refused: {name}")
        print(", ".join(f"{t[name]} {name}" for name in ("programs", "raised", "nests", "unplanned", "checks failed", "touches", "records cut")))
        print(f"{t['edges that occur']} of {t['edges']} edges occurred ({self.share(t['edges that occur'], t['edges'])}); "
              f"{t['parallel']} of {t['plan loops']} plan loops parallel")
        free = t["parallel with iterations"] + t["sequential without conflict"]
        print(f"of {free} loops whose iterations do not meet in the record {t['parallel with iterations']} are parallel "
              f"({self.share(t['parallel with iterations'], free)}); {t['sequential by an array']} others are sequential because of an array")


def run_batch(brute, start, programs, total):
    """Runs the programs; a process that came to a bad end is found out about program by program."""
    wrong, text = run(brute, programs, start)
    if wrong and "total programs" not in text and len(programs) > 1:
        for i, program in enumerate(programs):
            run_batch(brute, start + i, [program], total)
        return
    total.add(text)
    if wrong:
        total.failed.append(text if text.startswith("WRONG") else f"WRONG: {wrong}\n{text}\n{programs[0]}")


def shrink(brute, text):
    """Fewer lines, and smaller pieces of them, as long as it fails alike."""
    def kind(wrong):
        return re.sub(r"\d+", "#", wrong.split(";")[0])

    wanted = kind(run(brute, [text])[0])

    def fails(lines):
        return kind(run(brute, ["\n".join(lines) + "\n"])[0]) == wanted

    def depth(line):
        return len(line) - len(line.lstrip(" "))

    lines = text.rstrip("\n").split("\n")
    if not wanted:
        raise SystemExit("it does not fail")
    changed = True
    while changed:
        changed = False
        at = len(lines) - 1
        while at >= 0:
            end = at + 1
            while end < len(lines) and depth(lines[end]) > depth(lines[at]):
                end += 1
            inside = [line[4:] for line in lines[at + 1:end]]
            tries = [lines[:at] + lines[end:], lines[:at] + inside + lines[end:]]
            simpler = [re.sub(r"^( *)(\w+) [-+*]= ", r"\1\2 = ", lines[at])]
            for m in re.finditer(r"\([^()]*\)|\[[^\[\]]*\]| [-+*%/<] [\w.\[\], ]+|; [^;]+|\d\d+|\w+\[[^\[\]]*\]", lines[at]):
                for small in ("", "0", "1", "n", m.group(0)[1:-1]):
                    simpler.append(lines[at][:m.start()] + small + lines[at][m.end():])
            tries += [lines[:at] + [s] + lines[at + 1:] for s in simpler if len(s) < len(lines[at])]
            for t in tries:
                if len("\n".join(t)) < len("\n".join(lines)) and fails(t):
                    lines, changed = t, True
                    break
            at = min(at, len(lines)) - 1
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("brute", help="the program built from brute.c")
    parser.add_argument("--count", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--no-regression", action="store_true")
    parser.add_argument("--shrink", metavar="FILE")
    parser.add_argument("-j", "--jobs", type=int, default=2)
    options = parser.parse_args()
    brute = os.path.abspath(options.brute)
    if options.shrink:
        with open(options.shrink) as f:
            sys.stdout.write(shrink(brute, f.read()))
        return 0

    total = Sum()
    n = 0
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        jobs = []
        if not options.no_regression:
            for path in sorted(glob.glob(os.path.join(HERE, "regression", "*.alp"))):
                with open(path) as f:
                    jobs.append(pool.submit(run_batch, brute, 1, [f.read()], total))
                n += 1
        start = options.seed * 1_000_003
        for at in range(0, options.count, BATCH):
            programs = [program(start + i) for i in range(at, min(at + BATCH, options.count))]
            jobs.append(pool.submit(run_batch, brute, at, programs, total))
            n += len(programs)
        for job in jobs:
            job.result()
    for text in total.failed:
        print(re.split(r"^total ", text, maxsplit=1, flags=re.MULTILINE)[0])
    total.report()
    n_failed = max(len(total.failed), total.total.get("wrong", 0))
    print(f"{n - n_failed} passed, {n_failed} failed")
    return 1 if n_failed else 0


if __name__ == "__main__":
    sys.exit(main())
