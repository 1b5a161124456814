#!/usr/bin/env python3
"""Random loop nests through brute.c, and the programs of the bugs that it found.

    tests/nests/run.py BRUTE [--count N] [--compiled N] [--targets K] [--seed S] [-j N] [--no-regression]
    tests/nests/run.py BRUTE --shrink FILE [--target NAME]      the smallest program that fails in the same way

The first --compiled programs run as compiled code, too: each on K of the table of targets in brute.c, which take turns; --targets all for all of them.
The programs of bugs always run on all.

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
import generate_errors
import generate_solves
import generate_values

HERE = os.path.dirname(os.path.abspath(__file__))
BATCH = 250                     # programs per process
COMPILED_BATCH = 50             # of those that are compiled
TIMEOUT_S = 240                 # for one process
ALL_TARGETS = 99


def program(seed, only=None):
    """One in ten is a triangular solve, one is arithmetic."""
    if only == "errors":
        return generate_errors.program(seed)
    kind = {9: "solves", 4: "values"}.get(seed % 10, "nests")
    return {"nests": generate, "solves": generate_solves, "values": generate_values}[only or kind].program(seed)


def run(brute, programs, seed=1, targets=("-k", "0")):
    """(what went wrong or "", output) of one process."""
    try:
        p = subprocess.run([brute, *targets, str(seed), "-"], input="#---\n".join(programs).encode(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
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
        self.total, self.refused, self.kernels, self.not_compiled, self.failed = {}, {}, {}, {}, []

    def add(self, text):
        tables = {"total": self.total, "refused": self.refused, "kernels": self.kernels, "not-compiled": self.not_compiled}
        for kind, name, n in re.findall(r"^(total|refused|kernels|not-compiled) (.*) (\d+)$", text, re.MULTILINE):
            table = tables[kind]
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
        if self.kernels:
            print("kernels: " + ", ".join(f"{name} {n}" if n else f"{name} skipped (not here)" for name, n in self.kernels.items())
                  + f"; {sum(self.not_compiled.values())} nests that could not be compiled")


def run_batch(brute, start, programs, targets, total):
    """Runs the programs; a process that came to a bad end is found out about program by program."""
    wrong, text = run(brute, programs, start, targets)
    if wrong and "total programs" not in text and len(programs) > 1:
        for i, program in enumerate(programs):
            run_batch(brute, start + i, [program], targets, total)
        return
    total.add(text)
    if wrong:
        total.failed.append(text if text.startswith("WRONG") else f"WRONG: {wrong}\n{text}\n{programs[0]}")


def shrink(brute, text, targets):
    """Fewer lines, and smaller pieces of them, as long as it fails alike."""
    def kind(wrong):
        return re.sub(r"\d+", "#", wrong.split(";")[0])

    wanted = kind(run(brute, [text], 1, targets)[0])

    def fails(lines):
        return kind(run(brute, ["\n".join(lines) + "\n"], 1, targets)[0]) == wanted

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
    parser.add_argument("--compiled", type=int, default=0, metavar="N")
    parser.add_argument("--targets", default="1", metavar="K", help="of a program that is compiled; or all")
    parser.add_argument("--target", help="only this one, for the programs that are compiled")
    parser.add_argument("--only", choices=["nests", "solves", "values", "errors"], help="programs of one kind")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--no-regression", action="store_true")
    parser.add_argument("--shrink", metavar="FILE")
    parser.add_argument("-j", "--jobs", type=int, default=2)
    options = parser.parse_args()
    brute = os.path.abspath(options.brute)
    os.environ.setdefault("ALPY_LLVM_PLUGIN", os.path.join(os.path.dirname(brute), "..", "..", "alpy-llvm.so"))
    targets = ("-t", options.target) if options.target else ("-k", str(ALL_TARGETS if options.targets == "all" else options.targets))
    if options.shrink:
        with open(options.shrink) as f:
            sys.stdout.write(shrink(brute, f.read(), targets if options.target else ("-k", str(ALL_TARGETS))))
        return 0

    total = Sum()
    n = 0
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        jobs = []
        if not options.no_regression:
            for path in sorted(glob.glob(os.path.join(HERE, "regression", "*.alp"))):
                with open(path) as f:
                    jobs.append(pool.submit(run_batch, brute, 1, [f.read()], ("-k", str(ALL_TARGETS)), total))
                n += 1
        start = 0 if options.only == "errors" else options.seed * 1_000_003
        at = 0
        while at < options.count:
            compiled = at < options.compiled
            end = min(at + COMPILED_BATCH, options.compiled) if compiled else at + BATCH
            programs = [program(start + i, options.only) for i in range(at, min(end, options.count))]
            jobs.append(pool.submit(run_batch, brute, at, programs, targets if compiled else ("-k", "0"), total))
            n += len(programs)
            at += len(programs)
        for job in jobs:
            job.result()
    for text in total.failed:
        print(re.split(r"^total ", text, maxsplit=1, flags=re.MULTILINE)[0])
    total.report()
    n_failed = max(len(total.failed), total.total.get("wrong", 0))
    if options.compiled and os.path.exists(os.environ["ALPY_LLVM_PLUGIN"]) and not any(total.kernels.values()):
        print("WRONG: there is a compiler, but nothing was compiled")
        n_failed += 1
    print(f"{n - n_failed} passed, {n_failed} failed")
    return 1 if n_failed else 0


if __name__ == "__main__":
    sys.exit(main())
