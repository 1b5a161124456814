#!/usr/bin/env python3
"""What becomes of every loop of PolyBench and of the samples: recorded, compared with what README.md argues, and counted.

    tests/polybench/check_outcomes.py [--alpy build/alpy] [--work build/tests/polybench/work] [--record]

1. outcomes.txt here and samples/expected/outcomes.txt hold the outcome of every loop as `alpy explain --json` has it, so that each change of a
   decision is seen; --record writes them.
2. README.md argues for every loop of the kernels what ought to be found.  A loop that should run in parallel or as a reduction and does not must stand in
   its table "Not found yet"; one that runs in parallel though the argument says that it cannot is an error.
3. With --work (tests/polybench/work.c): the share of every kernel's work that lies inside parallel loops.  README.md says how many kernels
   have most of it there; fewer or more is an error.

The last line printed is "N passed, N failed"; exit status 1 if any failed."""
import argparse
import difflib
import json
import os
import re
import subprocess
import sys

FOLDER = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(FOLDER))

import suite  # noqa: E402

SAMPLES = os.path.join(suite.ROOT, "samples")
PARALLEL = {"parallel", "vector"}
HEADING = """\
# The outcome of every loop: line, variable, outcome, reason, transformations; one row per case where a loop had several.
# Written by tests/polybench/check_outcomes.py --record; to be read before it is committed.
"""


# ---- what alpy says ----------------------------------------------------------------------------------------------------------------

def explain(alpy, folder, name, scratch):
    """The loops of one program, as dictionaries."""
    def run(cwd):
        p = subprocess.run([alpy, "explain", "--json", name], cwd=cwd, capture_output=True, timeout=300)
        if p.returncode:
            raise SystemExit(f"{name}: exit status {p.returncode}\n{p.stderr.decode()}")
        return json.loads(p.stdout.decode())["loops"]
    if not scratch:
        return run(folder)
    with suite.Scratch(folder) as path:
        return run(path)


def rows(loops, file):
    """Lines of the table for the loops of one file."""
    found = []
    for loop in loops:
        if os.path.basename(loop["file"]) != file:
            continue
        row = f"{loop['line']:5} {loop['variable'] or '-':8} {loop['outcome']:12} {loop['reason']:22} {', '.join(loop['transforms'])}".rstrip()
        if row not in found:
            found.append(row)
    return found


def program_names(folder):
    return sorted(f for f in os.listdir(folder) if f.endswith(".alp"))


def table(alpy, folder, scratch):
    """(text of the table, loops by program)"""
    text, by_program, modules = HEADING, {}, {}
    names = program_names(folder)
    for name in names:
        if name.startswith("mod_"):
            continue
        loops = by_program[name] = explain(alpy, folder, name, scratch)
        text += f"\n{name}\n" + "".join(row + "\n" for row in rows(loops, name))
        for module in names:
            if module.startswith("mod_"):
                seen = modules.setdefault(module, [])
                seen += [row for row in rows(loops, module) if row not in seen]
    for module, found in modules.items():
        text += f"\n{module}, by all programs\n" + "".join(row + "\n" for row in sorted(found))
    return text, by_program


def check_table(path, text, record):
    if record:
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return []
    try:
        with open(path, encoding="utf-8") as f:
            wanted = f.read()
    except FileNotFoundError:
        wanted = ""
    return list(difflib.unified_diff(wanted.splitlines(), text.splitlines(), "recorded", "now", n=0, lineterm=""))


# ---- what README.md argues ----------------------------------------------------------------------------------------------------------

def tables_of(text):
    """Rows of cells, the heading above them first: [(heading, [column names], [[cell, …], …])]"""
    heading, found, lines = "", [], text.split("\n")
    for k, line in enumerate(lines):
        if line.startswith("#"):
            heading = line.strip("# ")
        elif line.startswith("|---"):
            def cells(row):
                return [c.strip() for c in row.strip().strip("|").split("|")]
            body = []
            for row in lines[k + 1:]:
                if not row.startswith("|"):
                    break
                body.append(cells(row))
            found.append((heading, cells(lines[k - 1]), body))
    return found


class Argument:
    """The tables of README.md."""

    def __init__(self):
        with open(os.path.join(FOLDER, "README.md"), encoding="utf-8") as f:
            text = f.read()
        self.loops = {}             # (program, line): {(variable, outcome, is noted)}
        self.missing = {}           # (program, line): outcome in place of the one argued for
        for heading, names, body in tables_of(text):
            if names[:2] == ["line", "loop"]:
                program = heading.replace("-", "_") + ".alp"
                for row in body:
                    outcome, _, mark = row[names.index("outcome")].partition(",")
                    self.loops.setdefault((program, int(row[0])), set()).add((row[1], outcome, "*n" in mark))
            elif heading == "Not found yet":
                for row in body:
                    self.missing[row[0].replace("-", "_") + ".alp", int(row[1])] = row[names.index("found")]
        self.n_kernels = int(re.search(r"most of their work in parallel loops: \*\*(\d+) of 30\*\*", text).group(1))

    def complaints(self, by_program):
        unused = set(self.missing)
        for (program, line), argued in self.loops.items():
            cases = {(loop["variable"], loop["outcome"], loop["reason"]) for loop in by_program[program]
                     if loop["line"] == line and os.path.basename(loop["file"]) == program}
            where = f"{program}, line {line}"
            if {v for v, _, _ in cases} != {v for v, _, _ in argued}:
                yield f"{where}: loop {sorted(v for v, _, _ in argued)} in README.md, {sorted(v for v, _, _ in cases)} found"
                continue
            wanted = {o for _, o, _ in argued}
            may_be_more = any(noted for _, _, noted in argued)      # the notes say how
            for _, outcome, reason in cases:
                kind = "parallel" if outcome in PARALLEL else outcome
                if kind in ("parallel", "reduction") and kind not in wanted and not may_be_more:
                    yield f"{where}: {outcome} ({reason}), but README.md argues that it is {', '.join(sorted(wanted))}"
                # An accumulation may give way to a parallel loop around it.
                elif kind not in ("parallel", "reduction") and "sequential" not in wanted and (reason, wanted) != ("program-order", {"reduction"}):
                    unused.discard((program, line))
                    if self.missing.get((program, line)) != outcome:
                        yield f"{where}: {outcome} ({reason}), but README.md argues for {', '.join(sorted(wanted))}, and does not list it as not found yet"
                elif kind == "sequential" and "parallel" in wanted:
                    yield f"{where}: {outcome} ({reason}), but README.md argues that a part of it is parallel"
        for program, line in sorted(unused):
            yield f"{program}, line {line}: listed as not found yet, but it is"
        lines = {(p, loop["line"]) for p, loops in by_program.items() for loop in loops
                 if os.path.basename(loop["file"]) == p and loop["function"].startswith("kernel_")}
        for program, line in sorted(lines - set(self.loops)):
            yield f"{program}, line {line}: README.md does not argue about it"


def shares(work, programs):
    """{program: share of the kernel's references to array elements inside parallel or reduction loops}"""
    found = {}
    for name in programs:
        p = subprocess.run([work, "kernel_", name], cwd=FOLDER, capture_output=True, text=True, timeout=300)
        if p.returncode:
            raise SystemExit(f"{name}: {p.stderr}")
        n_all, n_parallel = map(int, p.stdout.split())
        found[name] = n_parallel / n_all
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--alpy", default=os.path.join(suite.ROOT, "build", "alpy"))
    parser.add_argument("--work", help="tests/polybench/work.c, compiled")
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    alpy = os.path.abspath(options.alpy)
    results = []
    text, by_program = table(alpy, FOLDER, scratch=False)
    results.append(("outcomes.txt", check_table(os.path.join(FOLDER, "outcomes.txt"), text, options.record)))
    text, _ = table(alpy, SAMPLES, scratch=True)
    results.append(("samples/expected/outcomes.txt", check_table(os.path.join(SAMPLES, "expected", "outcomes.txt"), text, options.record)))
    argument = Argument()
    results.append(("README.md", list(argument.complaints(by_program))))
    if options.work:
        share = shares(os.path.abspath(options.work), by_program)
        n = sum(s > 0.5 for s in share.values())
        for name, s in sorted(share.items(), key=lambda x: x[1]):
            if s < 0.999:
                print(f"{name[:-len('.alp')]}: {s:.1%} of the work in parallel loops")
        print(f"{n} of {len(share)} kernels with most of the work in parallel loops")
        results.append(("share of the work", [] if n == argument.n_kernels else [f"{n} kernels, README.md says {argument.n_kernels}"]))
    failed = [(name, complaints) for name, complaints in results if complaints]
    for name, complaints in failed:
        print(f"FAIL {name}", *complaints, sep="\n    ")
    print(f"{len(results) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
