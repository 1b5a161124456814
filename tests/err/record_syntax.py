#!/usr/bin/env python3
"""Records what CPython says about the mistakes in tests/err/syntax, or verifies it with --check.

    tests/err/record_syntax.py --python .venv/bin/python [--check] [--alpy build/alpy] [NAME.alp …]

Each program holds one mistake.  For those that CPython does not compile either, NAME.err is CPython's own standard error, byte
for byte.  Programs named outside_*.alp are right for CPython but outside the language, or CPython shows less of them (it cuts lines of more
than 1,000 bytes, and names no place for bytes that are not UTF-8): theirs is alpy's message, written by --alpy and to be looked at
before it is kept.
"""
import argparse
import os
import subprocess
import sys

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "syntax")
# Compiles without running: nothing here is meant to run, but a mistake in a test should not show by what it does.
COMPILES = "import sys, warnings; warnings.simplefilter('ignore'); compile(open(sys.argv[1], 'rb').read(), sys.argv[1], 'exec')"


def standard_error(command, name):
    return subprocess.run(command + [name], cwd=FOLDER, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, timeout=60).stderr


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default=sys.executable, help="CPython 3.11")
    parser.add_argument("--alpy", help="records outside_*.alp as well")
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    parser.add_argument("names", nargs="*", metavar="NAME.alp")
    options = parser.parse_args()
    version = subprocess.run([options.python, "-c", "import sys; print(sys.version_info[:2] == (3, 11))"],
                             stdout=subprocess.PIPE, check=True).stdout
    if version.strip() != b"True":
        raise SystemExit(f"{options.python} is not CPython 3.11, whose messages these are")
    names = [os.path.basename(n) for n in options.names] or sorted(n for n in os.listdir(FOLDER) if n.endswith(".alp"))
    n_bad = n_done = 0
    for name in names:
        if name.startswith("outside_"):
            if not options.alpy:
                continue
            err = standard_error([os.path.abspath(options.alpy)], name)
        elif subprocess.run([options.python, "-c", COMPILES, name], cwd=FOLDER, stderr=subprocess.DEVNULL).returncode == 0:
            print(f"{name}: CPython compiles it")
            n_bad += 1
            continue
        else:
            # CPython knows its program by the whole path.
            err = standard_error([options.python], name).replace(os.path.join(FOLDER, "").encode(), b"")
        path = os.path.join(FOLDER, name[:-len(".alp")] + ".err")
        n_done += 1
        if not options.check:
            with open(path, "wb") as f:
                f.write(err)
            continue
        with open(path, "rb") as f:
            if f.read() != err:
                print(f"{name}: differs")
                n_bad += 1
    print(f"{n_done} {'checked' if options.check else 'recorded'}, {n_bad} wrong")
    return 1 if n_bad else 0


if __name__ == "__main__":
    sys.exit(main())
