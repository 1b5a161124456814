#!/usr/bin/env python3
"""Run random programs through CPython + NumPy and through alpy, and compare what they print.

    tests/generate.py [--alpy build/alpy] [--python INTERPRETER] [--count N] [--seed S] [--jobs N] [--only I] [--targets]

Program I of seed S is always the same one (grammar.py makes it).  Standard output and exit status must be equal; so must standard error,
byte for byte where the oracle is CPython 3.11, else its last line and the line numbers of the traceback.  A program in which alpy
raises the OverflowError of its 64-bit int counts as skipped: that is a listed difference.
With --targets program I runs by one of the targets of run.py, which take turns, float sums in program order.
A failing program is shrunk by leaving out statements as long as it still fails, printed, and kept in --keep (a folder) if given.
The last line printed is "N passed, N failed"; exit status 1 if any failed.
"""
import argparse
import multiprocessing
import os
import re
import subprocess
import sys
import tempfile

import grammar
import run
import suite

FILE = "p.alp"
TIMEOUT_S = 20
INT_LIMIT = re.compile(rb"\nOverflowError: integer .* does not fit in 64 bits\n$")


SUGGESTION = re.compile(rb"(?<=is not defined)\. Did you mean: .*(?=\n$)")


class Comparer:
    """Runs programs in a scratch folder of its own."""

    def __init__(self, alpy, folder):
        import oracle
        self.oracle, self.alpy, self.options = oracle, alpy, []
        self.exact_errors = (3, 11, 7) <= sys.version_info < (3, 12)
        self.folder = tempfile.mkdtemp(dir=folder)

    def run(self, text):
        """(status, out, err) of CPython and of alpy; status None: time-out."""
        with open(os.path.join(self.folder, FILE), "w", encoding="utf-8") as f:
            f.write(text)
        want = self.oracle.Run(text, FILE, self.folder, timeout_s=TIMEOUT_S).finish()
        try:
            p = subprocess.run(self.alpy + self.options + [FILE], cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT_S, close_fds=False)
            got = p.returncode, p.stdout, p.stderr
        except subprocess.TimeoutExpired as e:
            got = None, e.stdout or b"", e.stderr or b""
        return want, got

    def essence(self, err):
        """What must be equal of a standard error.  CPython's suggestions for misspelt names know builtins that alpy has not."""
        err = SUGGESTION.sub(b"", err)
        if self.exact_errors:
            return err
        lines = err.rstrip(b"\n").split(b"\n")
        return re.findall(rb"^  File .*, line (\d+)", err, re.MULTILINE), lines[-1]

    def verdict(self, text):
        """"passed", "skipped" or the kind of failure."""
        want, got = self.run(text)
        if want[0] < 0 or b"SyntaxError" in want[2]:
            return "bad program", want, got
        if INT_LIMIT.search(b"\n" + got[2]) and want[2] != got[2]:
            return "skipped", want, got
        if got[0] is None:
            return "time-out", want, got
        if got[0] < 0 or got[0] > 1:
            return "crash", want, got
        if got[1] != want[1]:
            return "output", want, got
        if self.essence(got[2]) != self.essence(want[2]) or got[0] != want[0]:
            return "error", want, got
        return "passed", want, got

    def shrink(self, statements, kind):
        """Leave out statements, and levels of nesting, while the program fails in the same way."""
        def fails():
            return self.verdict(grammar.render(statements))[0] == kind

        def sweep(body):
            changed = False
            at = len(body) - 1
            while at >= 0:
                s = body[at]
                attempts = [[]]
                if isinstance(s, grammar.Block):
                    attempts += [part[1] for part in s.parts]
                for attempt in attempts:
                    body[at:at + 1] = attempt
                    if fails():
                        changed = True
                        break
                    body[at:at + len(attempt)] = [s]
                else:
                    if isinstance(s, grammar.Block):
                        for k in range(len(s.parts) - 1, 0, -1):
                            part = s.parts.pop(k)
                            if fails():
                                changed = True
                            else:
                                s.parts.insert(k, part)
                        for part in s.parts:
                            changed |= sweep(part[1])
                at -= 1
            return changed

        for _ in range(6):
            if not sweep(statements):
                break
        return grammar.render(statements)


comparer = None


def start(alpy, folder):
    global comparer
    os.environ["ALPY_CACHE_DIR"] = os.path.join(folder, "kernels")
    comparer = Comparer(alpy, folder)


def examine(job):
    """One program: (number, verdict, report, text)."""
    seed, number, shrink, comparer.options = job
    statements = grammar.make(f"{seed}/{number}")
    kind, _, _ = comparer.verdict(grammar.render(statements))
    if kind in ("passed", "skipped"):
        return number, kind, None, None
    text = grammar.render(statements)
    if shrink and kind != "bad program":
        text = comparer.shrink(statements, kind)
    kind_now, want, got = comparer.verdict(text)
    lines = [" ".join([f"FAIL program {number} of seed {seed}: {kind}"] + comparer.options)] + ["    | " + l for l in text.rstrip("\n").split("\n")]
    if got[0] is None or got[0] < 0 or got[0] > 1:
        lines.append(f"    status {got[0]}, CPython's {want[0]}")
    for what, a, b in (("standard output", want[1], got[1]), ("standard error", want[2], got[2])):
        if a != b:
            lines.append(f"    {what} (- CPython, + alpy):")
            lines += suite.show_difference(a, b, 8)
    return number, kind, "\n".join(lines), text


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--alpy", default=os.path.join(suite.ROOT, "build", "alpy"))
    parser.add_argument("--option", action="append", default=[], help="of alpy, for example --option=--device=reference")
    parser.add_argument("--targets", action="store_true", help="by the targets of run.py in turn")
    parser.add_argument("--python", help="interpreter with NumPy 2 to ask (default: this one)")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", type=int, help="just the program with this number, printed")
    parser.add_argument("--no-shrink", action="store_true")
    parser.add_argument("--keep", help="folder to write failing programs to")
    parser.add_argument("--limit", type=int, default=20, help="failures to report before giving up")
    options = parser.parse_args()
    if options.python and os.path.realpath(sys.prefix) != os.path.realpath(os.path.dirname(os.path.dirname(options.python))):
        os.execv(options.python, [options.python] + sys.argv)
    options.alpy = os.path.abspath(options.alpy)
    if not os.access(options.alpy, os.X_OK):
        parser.error(f"{options.alpy}: no such program; build it or give --alpy")
    targets = [t for t in run.TARGETS if t.is_available(options.alpy)] if options.targets else []
    numbers = range(options.count)
    if options.only is not None:
        numbers = [options.only]
        print(grammar.render(grammar.make(f"{options.seed}/{options.only}")))

    import oracle
    print(f"comparing with {oracle.version()}")
    count = {}
    failed = 0
    with tempfile.TemporaryDirectory(prefix="alpy-generate-") as folder, \
            multiprocessing.get_context("fork").Pool(options.jobs, start, ([options.alpy] + options.option, folder)) as pool:
        jobs = ((options.seed, n, not options.no_shrink, targets[n % len(targets)].options + ["--fp=sequential"] if targets else []) for n in numbers)
        for number, kind, report, text in pool.imap_unordered(examine, jobs, chunksize=4):
            count[kind] = count.get(kind, 0) + 1
            if report:
                failed += 1
                print(report, flush=True)
                if options.keep:
                    os.makedirs(options.keep, exist_ok=True)
                    with open(os.path.join(options.keep, f"{kind.replace(' ', '_')}_{options.seed}_{number}.alp"), "w", encoding="utf-8") as f:
                        f.write(text)
                if failed >= options.limit:
                    print(f"giving up after {failed} failures")
                    break
    print(", ".join(f"{n} {kind}" for kind, n in sorted(count.items())))
    print(f"{count.get('passed', 0)} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
