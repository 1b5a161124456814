#!/usr/bin/env python3
"""Run test programs through alpy and compare what they print with what was recorded.

    tests/run.py [--alpy build/alpy] [--targets N | --all-targets | --target NAME…] [--filter TEXT] [-j N] [--wrap COMMAND] [--sample N] [SUITE…]

A suite is a folder or an .alp file (default: lang, err, polybench and unsound in tests, and the samples).  suite.py says what makes a
test.  Every test runs by the interpreter, by the reference executor, and as compiled code for --targets of the ways in the table TARGETS, chosen by its name so
that a suite goes through all of them; with --all-targets for all.  All must give the recorded bytes.  Tests whose recorded bytes hold for sums in program
order only run once more without that: then all targets must print what the first one prints.  Targets that this machine cannot run are named, and left out.
The last line printed is "N passed, N failed"; exit status 1 if any failed.
"""
import argparse
import concurrent.futures
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import zlib

import suite


class Target:
    """One way of running a program: options for alpy, and what happens to its cache of compiled loops."""

    def __init__(self, name, options=(), cache="shared", is_basic=False):
        self.name, self.options, self.cache, self.is_basic = name, list(options), cache, is_basic

    def device(self):
        """Whose kernels are to run; None: nobody's."""
        return "cpu" if "--device=cpu" in self.options else "gpu" if "--device=gpu" in self.options else None

    def is_compiled(self):
        return self.device() is not None

    def environment(self):
        """For the stand-in of a GPU, where ALPY_STANDIN names it: gpu/standin.cpp."""
        standin = os.environ.get("ALPY_STANDIN")
        if not standin or not any(o in ("--device=gpu", "--device=auto") or o.startswith("--device=random") for o in self.options):
            return os.environ
        return dict(os.environ, ALPY_CUDA_DRIVER=standin, ALPY_NVRTC=standin)

    def is_available(self, alpy):
        """Does a small loop run as it says?"""
        if not self.is_compiled():
            return True
        program = "s = 0\nfor i in range(9):\n    s += i\n"
        p = subprocess.run([alpy, "explain", "--json"] + self.options + ["-c", program], stdout=subprocess.PIPE, env=self.environment())
        return p.returncode == 0 and json.loads(p.stdout)["loops"][0]["device"] == self.device()


# All targets must print the same bytes: what was recorded from CPython.  "reference" carries plans out slowly, with --shuffle the iterations of
# parallel loops in random order.  Compiled code: for each instruction set on 1, 2, 3 and 8 threads; "spread", parallel loops of any size in the smallest parts, the last
# one first; "random", every execution by somebody else; "cache", three times: first with an empty cache, then with the full one, then while all files of it are removed over and over.  "gpu": on a GPU, or on what
# takes its place (gpu/standin.cpp).
TARGETS = [
    Target("interp", ["--device=interp"], is_basic=True),
    Target("reference", ["--device=reference", "--shuffle=1"], is_basic=True),
    Target("reference-2", ["--device=reference", "--shuffle=2"]),
    Target("reference-in-order", ["--device=reference"]),
] + [
    Target(f"{isa}-{n}", ["--device=cpu", f"--isa={isa}", f"--threads={n}"]) for n in (1, 2, 3, 8) for isa in ("native", "sse2", "avx2", "avx512")
] + [
    Target(f"{isa}-spread", ["--device=cpu", f"--isa={isa}", f"--threads={n}", "--shuffle=1"])
    for isa, n in (("native", 1), ("sse2", 2), ("avx2", 3), ("avx512", 8))
] + [
    Target("cache", ["--device=cpu", "--threads=2"], cache="own"),
    Target("auto", ["--device=auto", "--threads=2"]),
    Target("gpu", ["--device=gpu"]),
    Target("random-1", ["--device=random:1", "--threads=3"]),
    Target("random-2", ["--device=random:2", "--threads=2"]),
]


# AddressSanitizer's remark on a request that it refuses, where the program goes on with MemoryError.
SANITIZER_NOTE = re.compile(rb"^==\d+==WARNING: (AddressSanitizer failed to allocate|ASan doesn't fully support makecontext/swapcontext) .*\n", re.MULTILINE)


def run_once(command, test, folder, env, timeout_s):
    """(status or None on time-out, stdout, stderr) of one run."""
    with open(test.stdin(), "rb") as stdin, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen(command, cwd=folder, env=env, stdin=stdin, stdout=out, stderr=err, start_new_session=True)
        try:
            status = process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            status = None
        out.seek(0)
        err.seek(0)
        return status, out.read(), SANITIZER_NOTE.sub(b"", err.read())


class Remover:
    """Keeps removing a folder with all that is in it."""

    def __init__(self, path):
        self.path, self.ended = path, threading.Event()
        self.thread = threading.Thread(target=self.remove)

    def remove(self):
        while not self.ended.wait(0.002):
            shutil.rmtree(self.path, ignore_errors=True)

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()


def run_target(test, target, options, order):
    """(status, stdout, stderr) of one test on one target; if its runs differ, of the first that does."""
    if target.cache == "shared":
        return run_here(test, target, options, order, target.environment())
    with tempfile.TemporaryDirectory() as folder:
        cache = os.path.join(folder, "kernels")
        env = dict(os.environ, ALPY_CACHE_DIR=cache)
        cold, warm = [run_here(test, target, options, order, env) for _ in range(2)]
        with Remover(cache):
            removed = run_here(test, target, options, order, env)
    return cold if warm == cold == removed else removed if warm == cold else warm


def run_here(test, target, options, order, env):
    """(status, stdout, stderr) of one run."""
    command = shlex.split(options.wrap) + [options.alpy] + target.options + order + [test.file] + test.args
    if test.scratch or options.scratch:
        with suite.Scratch(test.folder) as folder:
            status, out, err = run_once(command, test, folder, env, options.timeout)
    else:
        status, out, err = run_once(command, test, test.folder, env, options.timeout)
    # Imported modules are shown with their full path, which depends on where the tests lie.
    return status, out, err.replace(test.folder.encode() + b"/", b"")


def compare(want, got, timeout_s):
    """The lines of a complaint on (status, stdout, stderr), or none."""
    complaint = []
    if got[0] is None:
        complaint.append(f"    still running after {timeout_s} s")
    elif got[0] != want[0]:
        what = f"signal {-got[0]}" if got[0] < 0 else f"exit status {got[0]}"
        complaint.append(f"    {what}, expected exit status {want[0]}")
    for k, kind in ((1, "output"), (2, "error")):
        if got[k] != want[k]:
            complaint.append(f"    standard {kind} differs (- expected, + got):")
            complaint += suite.show_difference(want[k], got[k])
    return complaint


def check(test, target, options):
    """Run one test on one target against what was recorded; the lines of a complaint, or none."""
    want = test.exit_status(), test.read("out") or b"", test.read("err") or b""
    return compare(want, run_target(test, target, options, ["--fp=sequential"] if test.in_program_order() else []), options.timeout)


def check_agreement(test, targets, options):
    """Run one test on all targets, sums in the plans' order; complaints on those that differ from the first."""
    first, *others = [(t, run_target(test, t, options, [])) for t in targets]
    complaint = []
    for target, got in others:
        lines = compare(first[1], got, options.timeout)
        if lines:
            complaint += [f"    {target.name} and {first[0].name}:"] + lines
    return complaint


def choose(test, targets, options):
    """The targets for one test: all that were asked for, else the basic ones and some of the rest."""
    if options.target or options.all_targets:
        return targets
    basic, others = [t for t in targets if t.is_basic], [t for t in targets if not t.is_basic]
    n = min(options.targets, len(others))
    first = zlib.crc32(test.title.encode()) % max(len(others), 1)
    step = len(others) // n if n else 0         # far apart in the table
    return basic + [others[(first + k * step) % len(others)] for k in range(n)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("suites", nargs="*", help="folders or .alp files")
    parser.add_argument("--alpy", default=os.path.join(suite.ROOT, "build", "alpy"), help="the program to test")
    parser.add_argument("--expected", help="folder of the recorded results, if not beside the programs")
    parser.add_argument("--target", action="append", choices=[t.name for t in TARGETS], help="only this target (may be repeated)")
    parser.add_argument("--targets", type=int, default=2, metavar="N", help="of a test, besides interpreter and reference executor (default: 2)")
    parser.add_argument("--all-targets", action="store_true", help="every test on every target")
    parser.add_argument("--filter", default="", help="only tests whose path contains this text")
    parser.add_argument("--wrap", default="", help="command to run alpy under, e.g. 'valgrind -q --error-exitcode=99'")
    parser.add_argument("--sample", type=int, default=1, metavar="N", help="only every N-th test")
    parser.add_argument("--scratch", action="store_true", help="run every test in a fresh folder")
    parser.add_argument("--timeout", type=float, default=suite.TIMEOUT_S, help="seconds a test may take")
    parser.add_argument("-j", "--jobs", type=int, default=2)
    parser.add_argument("-v", "--verbose", action="store_true", help="name the tests that pass, too")
    options = parser.parse_args()
    options.alpy = os.path.abspath(options.alpy)
    if not os.access(options.alpy, os.X_OK):
        parser.error(f"{options.alpy}: no such program; build it or give --alpy")

    if options.suites:
        tests = suite.find(options.suites, options.expected)
    else:
        tests = suite.find([os.path.join(suite.ROOT, "tests", d) for d in ("lang", "err", "polybench", "unsound")])
        tests += suite.find([os.path.join(suite.ROOT, "samples")], os.path.join(suite.ROOT, "samples", "expected"))
        for t in tests:
            t.scratch |= t.folder.startswith(os.path.join(suite.ROOT, "samples"))
    tests = [t for t in tests if t.is_recorded() and options.filter in t.title][::options.sample]
    targets = [t for t in TARGETS if not options.target or t.name in options.target]
    if not tests:
        parser.error("no tests there")

    def run_all(test):              # one target after the other: programs may write files
        mine = choose(test, targets, options)
        results = [(test, target.name, check(test, target, options)) for target in mine]
        if len(mine) > 1 and test.in_program_order():
            results.append((test, "agreement", check_agreement(test, mine, options)))
        return results

    n_passed = n_failed = 0
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool, tempfile.TemporaryDirectory() as cache:
        os.environ["ALPY_CACHE_DIR"] = os.path.join(cache, "kernels")
        os.environ.setdefault("ALPY_STANDIN_CACHE", os.path.join(cache, "standin"))
        missing = [t for t in targets if not t.is_available(options.alpy)]
        if missing:
            print("skipped, this machine cannot run them: " + ", ".join(t.name for t in missing))
            targets = [t for t in targets if t not in missing]
        if not targets:
            parser.error("nothing to run")
        if any(t.name.startswith("native") for t in missing) and os.path.exists(os.path.join(os.path.dirname(options.alpy), "alpy-llvm.so")) \
                and "ALPY_LLVM_PLUGIN" not in os.environ:
            parser.error("alpy-llvm.so lies beside the program, but nothing is compiled")
        for test, name, complaint in (r for results in pool.map(run_all, tests) for r in results):
            if complaint:
                n_failed += 1
                print(f"FAIL {test.title} [{name}]", *complaint, sep="\n", flush=True)
            else:
                n_passed += 1
                if options.verbose:
                    print(f"pass {test.title} [{name}]")
    print(f"{n_passed} passed, {n_failed} failed")
    return 1 if n_failed else 0


if __name__ == "__main__":
    sys.exit(main())
