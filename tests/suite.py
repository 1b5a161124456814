"""What run.py, record.py and generate.py share: finding test programs, their directives, and scratch folders.

A test is NAME.alp with NAME.out (expected standard output) and/or NAME.err (expected standard error) beside it, or in
another folder given as `expected`.  A missing file of the two stands for no output.  A .alp file with neither is a module
that other tests import.  Directives are comment lines at the top of the program:

    # exit: N       exit status (default: 1 if the expected standard error ends in an uncaught exception, else 0)
    # args: a b     command-line arguments
    # scratch       runs in a fresh folder that sees this folder's programs and folders, because it writes files

NAME.in, where there is one, is its standard input.
"""
import os
import re
import shutil
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DIRECTIVE = re.compile(rb"#\s*(exit|args|scratch)\s*(?::\s*(.*?))?\s*$")
TIMEOUT_S = 60

# Folders whose results are Python's to the last bit, sums of any length included: they are run with sums in program order.
PROGRAM_ORDER = tuple(os.path.join(ROOT, "tests", d) for d in ("polybench", "unsound"))


class Test:
    """One program with its expected results."""

    def __init__(self, path, expected=None):
        self.path = os.path.abspath(path)
        self.folder, self.file = os.path.split(self.path)
        self.name = self.file[:-len(".alp")]
        self.expected = os.path.abspath(expected) if expected else self.folder
        self.exit, self.args, self.scratch = None, [], False
        with open(self.path, "rb") as f:
            for line in f:
                if not line.startswith(b"#"):
                    break
                m = DIRECTIVE.match(line)
                if not m:
                    continue
                key, value = m.group(1), (m.group(2) or b"").decode()
                if key == b"exit":
                    self.exit = int(value)
                elif key == b"args":
                    self.args = value.split()
                else:
                    self.scratch = True

    @property
    def title(self):
        return os.path.relpath(self.path, ROOT)

    def result_path(self, kind):
        """Where the recorded result lies; kind is "out" or "err", or a longer extension."""
        return os.path.join(self.expected, self.name + "." + kind)

    def read(self, kind):
        """The recorded bytes; None if there is no such file."""
        try:
            with open(self.result_path(kind), "rb") as f:
                return f.read()
        except FileNotFoundError:
            return None

    def is_recorded(self):
        return any(os.path.exists(self.result_path(k)) for k in ("out", "err"))

    def differs(self):
        """Is it about a listed difference between alpy and CPython?"""
        return os.path.basename(self.folder) == "differences"

    def in_program_order(self):
        """Does it need float sums of every length in program order?"""
        return (self.folder + os.sep).startswith(tuple(d + os.sep for d in PROGRAM_ORDER))

    def stdin(self):
        path = os.path.join(self.folder, self.name + ".in")
        return path if os.path.exists(path) else os.devnull

    def exit_status(self):
        """The status that the program must end with."""
        if self.exit is not None:
            return self.exit
        return 1 if self.read("err") is not None else 0


def find(paths, expected=None):
    """Tests below the given files and folders, in order of their paths."""
    found = []
    for path in paths:
        if os.path.isfile(path):
            found.append(Test(path, expected))
            continue
        if not os.path.isdir(path):
            raise SystemExit(f"{path}: no such file or folder")
        for folder, subfolders, files in os.walk(path):
            subfolders.sort()
            found += [Test(os.path.join(folder, f), expected) for f in sorted(files) if f.endswith(".alp")]
    return found


class Scratch:
    """A fresh folder with links to the programs and folders in `folder`, not to what they wrote there when run by hand; removed on exit."""

    def __init__(self, folder):
        self.folder = folder

    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix="alpy-test-")
        for entry in os.scandir(self.folder):
            if entry.is_dir() or entry.name.endswith((".alp", ".in")):
                os.symlink(entry.path, os.path.join(self.path, entry.name))
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)


def without_times(text):
    """What `alpy explain` prints, less the measured times."""
    return re.sub(r", [0-9.e+-]+ ms$", ", … ms", text, flags=re.MULTILINE)


def show_difference(want, got, limit=12):
    """Lines of a short report on where two outputs part."""
    want_lines, got_lines = want.split(b"\n"), got.split(b"\n")
    at = 0
    while at < min(len(want_lines), len(got_lines)) and want_lines[at] == got_lines[at]:
        at += 1
    report = []
    if at:
        report.append(f"      line {at + 1}:")
    for sign, lines in (("-", want_lines), ("+", got_lines)):
        for line in lines[at:at + limit]:
            report.append(f"    {sign} " + line[:240].decode("utf-8", "backslashreplace"))
        if len(lines) - at > limit:
            report.append(f"    {sign} … {len(lines) - at - limit} more lines")
    return report
