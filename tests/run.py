#!/usr/bin/env python3
"""Run test programs through alpy and compare what they print with what was recorded.

    tests/run.py [--alpy build/alpy] [--target NAME]… [--filter TEXT] [-j N] [--wrap COMMAND] [--sample N] [SUITE…]

A suite is a folder or an .alp file (default: tests/lang, tests/err and the samples).  suite.py says what makes a test.  Every test runs through every
target; all must give the recorded bytes.  The last line printed is "N passed, N failed"; exit status 1 if any failed.
"""
import argparse
import concurrent.futures
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile

import suite


class Target:
    """One way of running a program: options for alpy, additions to the environment, and whether it works here."""

    def __init__(self, name, options=(), env=None, available=None):
        self.name, self.options, self.env = name, list(options), env or {}
        self.available = available or (lambda alpy: True)


# All targets must print the same bytes: what was recorded from CPython.
TARGETS = [
    Target("interp"),
]


# AddressSanitizer's remark on a request that it refuses, where the program goes on with MemoryError.
SANITIZER_NOTE = re.compile(rb"^==\d+==WARNING: AddressSanitizer failed to allocate .*\n", re.MULTILINE)


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


def check(test, target, options):
    """Run one test on one target; the lines of a complaint, or none."""
    command = shlex.split(options.wrap) + [options.alpy] + target.options + [test.file] + test.args
    env = dict(os.environ, **target.env)
    timeout_s = options.timeout
    if test.scratch or options.scratch:
        with suite.Scratch(test.folder) as folder:
            status, out, err = run_once(command, test, folder, env, timeout_s)
    else:
        status, out, err = run_once(command, test, test.folder, env, timeout_s)

    # Imported modules are shown with their full path, which depends on where the tests lie.
    err = err.replace(test.folder.encode() + b"/", b"")
    complaint = []
    if status is None:
        complaint.append(f"    still running after {timeout_s} s")
    elif status != test.exit_status():
        what = f"signal {-status}" if status < 0 else f"exit status {status}"
        complaint.append(f"    {what}, expected exit status {test.exit_status()}")
    for kind, got in (("out", out), ("err", err)):
        want = test.read(kind) or b""
        if got != want:
            complaint.append(f"    standard {'output' if kind == 'out' else 'error'} differs (- expected, + got):")
            complaint += suite.show_difference(want, got)
    return complaint


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("suites", nargs="*", help="folders or .alp files")
    parser.add_argument("--alpy", default=os.path.join(suite.ROOT, "build", "alpy"), help="the program to test")
    parser.add_argument("--expected", help="folder of the recorded results, if not beside the programs")
    parser.add_argument("--target", action="append", choices=[t.name for t in TARGETS], help="only this target (may be repeated)")
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
        tests = suite.find([os.path.join(suite.ROOT, "tests", d) for d in ("lang", "err")])
        tests += suite.find([os.path.join(suite.ROOT, "samples")], os.path.join(suite.ROOT, "samples", "expected"))
        for t in tests:
            t.scratch |= t.folder.startswith(os.path.join(suite.ROOT, "samples"))
    tests = [t for t in tests if t.is_recorded() and options.filter in t.title][::options.sample]
    targets = [t for t in TARGETS if (t.name in options.target if options.target else t.available(options.alpy))]
    if not tests:
        parser.error("no tests there")

    n_passed = n_failed = 0
    runs = [(test, target) for test in tests for target in targets]
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for (test, target), complaint in zip(runs, pool.map(lambda r: check(*r, options), runs)):
            if complaint:
                n_failed += 1
                print(f"FAIL {test.title} [{target.name}]", *complaint, sep="\n", flush=True)
            else:
                n_passed += 1
                if options.verbose:
                    print(f"pass {test.title} [{target.name}]")
    print(f"{n_passed} passed, {n_failed} failed")
    return 1 if n_failed else 0


if __name__ == "__main__":
    sys.exit(main())
