#!/usr/bin/env python3
"""Record what CPython + NumPy print for the test programs, or check what was recorded.

    tests/record.py [--python INTERPRETER] [--check] [PATH…]

Without paths: every program of lang, err/runtime, polybench and unsound in tests, and samples.  Writes NAME.out and, where anything
went to standard error, NAME.err.  In folders called differences, where alpy's own result is meant to differ, it writes
NAME.cpython.out and NAME.cpython.err instead, and NAME.out is alpy's, reviewed by hand.  tests/RECORDED names the versions that the results come from; a full recording
updates it.  Programs that use anything outside the language are refused.
"""
import argparse
import os
import sys

import suite

# Programs below these end in an exception, or may.
RUNTIME_ERRORS = tuple(os.path.join("tests", *d) for d in (("err", "runtime"), ("unsound", "raises")))
RECORDED = os.path.join(suite.ROOT, "tests", "RECORDED")


def default_tests():
    tests = suite.find([os.path.join(suite.ROOT, "tests", d) for d in ("lang", os.path.join("err", "runtime"), "polybench", "unsound")])
    samples = os.path.join(suite.ROOT, "samples")
    for test in suite.find([samples], os.path.join(samples, "expected")):
        if test.folder == samples:
            test.scratch = True
            tests.append(test)
    return tests


def is_module(test, tests):
    """Is it only there to be imported?"""
    return test.name.startswith("mod_")


def update(path, content, check):
    """Write or compare one result; the complaint, or None."""
    old = None
    if os.path.exists(path):
        with open(path, "rb") as f:
            old = f.read()
    if old == content or (old is None and not content):
        return None
    if check:
        return ["not what is recorded (- recorded, + now):"] + suite.show_difference(old or b"", content or b"")
    if content:
        with open(path, "wb") as f:
            f.write(content)
    else:
        os.remove(path)
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("paths", nargs="*")
    parser.add_argument("--python", help="interpreter with NumPy 2 to ask (default: this one)")
    parser.add_argument("--check", action="store_true", help="write nothing; fail where CPython now says something else")
    parser.add_argument("-j", "--jobs", type=int, default=2)
    options = parser.parse_args()
    if options.python and os.path.realpath(sys.prefix) != os.path.realpath(os.path.dirname(os.path.dirname(options.python))):
        os.execv(options.python, [options.python] + sys.argv)
    import oracle

    if options.paths:
        full = False
        chosen = {t.path for t in suite.find(options.paths)}
        tests = [t for t in default_tests() if t.path in chosen]
    else:
        full = True
        tests = default_tests()
    tests = [t for t in tests if not is_module(t, tests)]

    if options.check and os.path.exists(RECORDED):
        with open(RECORDED) as f:
            print(f"recorded by {f.read().strip()}; checking with {oracle.version()}")
    sources = {}
    for test in tests:
        with open(test.path, "rb") as f:
            sources[test] = f.read()
    oracle.prepare(sources.values())

    complaints = []

    def start(test):
        folder = suite.Scratch(test.folder) if test.scratch else None
        where = folder.__enter__() if folder else test.folder
        return test, folder, oracle.Run(sources[test], test.file, where, test.args, test.stdin(), warn=test.differs())

    def finish(run):
        test, folder, child = run
        status, out, err = child.finish()
        if folder:
            folder.__exit__()
        differs = test.differs()
        prefix = "cpython." if differs else ""
        if b"Traceback" in err and not differs and test.exit is None and not any(d in test.path for d in RUNTIME_ERRORS):
            complaints.append((test, ["ends in an exception:", err.decode()]))
        for kind, content in ((prefix + "out", out), (prefix + "err", err)):
            complaint = update(test.result_path(kind), content, options.check)
            if complaint:
                complaints.append((test, [f"{kind}: {complaint[0]}"] + complaint[1:]))
        if not differs and status != test.exit_status():
            complaints.append((test, [f"exit status {status}, but the test says {test.exit_status()}", err.decode()]))

    running = []
    for test in tests:
        outside = oracle.outside_subset(sources[test], test.file)
        if outside:
            complaints.append((test, [f"line {outside}: not part of the language"]))
            continue
        if len(running) >= options.jobs:
            finish(running.pop(0))
        running.append(start(test))
    for run in running:
        finish(run)

    for test, lines in complaints:
        print(f"{test.title}: " + "\n".join(lines))
    if full and not options.check:
        with open(RECORDED, "w") as f:
            f.write(oracle.version() + "\n")
    print(f"{len(tests)} programs, {len(complaints)} complaints")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
