"""The command line: options, where programs come from, exit statuses, and standard streams that fail.

Usage: test_cli.py ALPY.  Prints "N passed, N failed"; exit status 1 if any failed.  Exit statuses and messages are CPython's.
"""
import json
import os
import signal
import subprocess
import sys
import tempfile

USAGE = "usage: alpy [explain] [option] ... [-c cmd | file | -] [arg] ...\nTry `alpy -h' for more information.\n"
PROFILE = "usage: alpy profile [--quick] [--json] [--out FILE]\n       alpy profile --show [--json] [--out FILE]\n"
LOST = "Exception ignored in: <_io.TextIOWrapper name='<stdout>' mode='w' encoding='utf-8'>\n"
FULL = LOST + "OSError: [Errno 28] No space left on device\n"
PIPE = LOST + "BrokenPipeError: [Errno 32] Broken pipe\n"
ARGV = "import sys; print(sys.argv)"
NEST = "import numpy as np; a = np.zeros(300)\nfor i in range(299): a[i + 1] = a[i] + 1"

# arguments, standard input, status, standard output, standard error (… at its end: only the beginning is compared)
ROWS = [
    (["-c", "print(1)"], "", 0, "1\n", ""),
    (["-cprint(2)"], "", 0, "2\n", ""),
    (["-c", ARGV, "a", "-c", "--help"], "", 0, "['-c', 'a', '-c', '--help']\n", ""),
    (["script.alp", "x", "-i"], "", 0, "['script.alp', 'x', '-i']\n", ""),
    (["--", "script.alp"], "", 0, "['script.alp']\n", ""),
    (["sub/other.alp"], "", 0, "beside it\n", ""),
    (["-", "x"], ARGV, 0, "['-', 'x']\n", ""),
    ([], ARGV, 0, "['']\n", ""),
    (["-c", "raise SystemExit(7)"], "", 7, "", ""),
    (["-c", "raise SystemExit(263)"], "", 7, "", ""),
    (["-c", "raise SystemExit(-1)"], "", 255, "", ""),
    (["-c", "raise SystemExit"], "", 0, "", ""),
    (["-c", "raise SystemExit('bye')"], "", 1, "", "bye\n"),
    (["-c", "print('before'); 1/0"], "", 1, "before\n",
     'Traceback (most recent call last):\n  File "<string>", line 1, in <module>\nZeroDivisionError: division by zero\n'),
    (["-c", "x ="], "", 1, "", '  File "<string>", line 1\n    x =\n       ^\nSyntaxError: invalid syntax\n'),
    (["-c", "raise KeyboardInterrupt"], "", -signal.SIGINT, "",
     'Traceback (most recent call last):\n  File "<string>", line 1, in <module>\nKeyboardInterrupt\n'),
    (["nowhere.alp"], "", 2, "", "alpy: can't open file '{cwd}/nowhere.alp': [Errno 2] No such file or directory\n"),
    (["sub"], "", 2, "", "alpy: can't open file '{cwd}/sub': [Errno 21] Is a directory\n"),
    (["-c"], "", 2, "", "Argument expected for the -c option\n" + USAGE),
    (["-x"], "", 2, "", "Unknown option: -x\n" + USAGE),
    (["--nonsense"], "", 2, "", "unknown option --nonsense\n" + USAGE),
    (["--max-seconds"], "", 2, "", "Argument expected for the --max-seconds option\n" + USAGE),
    (["--max-seconds", "-1", "-c", "1"], "", 2, "", "bad value for the --max-seconds option\n" + USAGE),
    (["--max-bytes=1.5", "-c", "1"], "", 2, "", "bad value for the --max-bytes option\n" + USAGE),
    (["--recursion-limit", "0", "-c", "1"], "", 2, "", "bad value for the --recursion-limit option\n" + USAGE),
    (["--dump", "tok,nothing", "-c", "1"], "", 2, "", "bad value for the --dump option\n" + USAGE),
    (["--max-bytes", "4M", "-c", "x = 'a' * 5000000"], "", 1, "", "Traceback…"),
    (["--max-bytes=1G", "-c", "x = 'a' * 5000000"], "", 0, "", ""),
    (["--recursion-limit=50", "-c", "def f(n): return n and f(n - 1)\nprint(f(40))\nf(60)"], "", 1, "0\n", "Traceback…"),
    (["--dump=ast", "-c", "x = 1"], "", 0, "(Assign (Int 1) (Name x/0))\n", ""),
    (["--dump=nest", "-c", "print(1)"], "", 0, "1\n", ""),
    (["--dump=plan,ast,nest", "-c", "print(1)"], "", 0, "(ExprStmt (Call (Name print/0) (Int 1)))\n1\n", ""),
    (["--dump=nest,tree", "-c", "1"], "", 2, "", "bad value for the --dump option\n" + USAGE),
    (["-V"], "", 0, "alpy …", ""),
    (["--fp=sequential", "--device", "interp", "-c", "print(1)"], "", 0, "1\n", ""),
    (["--no-analysis", "-c", "print(1)"], "", 0, "1\n", ""),
    (["--device=reference", "--shuffle=7", "-c", "print(1)"], "", 0, "1\n", ""),
    (["--device=cpu", "--threads=2", "--isa", "native", "-c", "print(1)"], "", 0, "1\n", ""),
    (["--dump=llvm,asm", "-c", "print(1)"], "", 0, "1\n", ""),
    (["--threads", "0", "-c", "1"], "", 2, "", "bad value for the --threads option\n" + USAGE),
    (["--isa=mmx", "-c", "1"], "", 2, "", "bad value for the --isa option\n" + USAGE),
    (["--version", "--verbose"], "", 0, "alpy 0.1.0\nCPU: …", ""),
    (["cache", "empty"], "", 2, "", "usage: alpy cache [show | clear]\n"),
    (["profile", "now"], "", 2, "", PROFILE),
    (["profile", "--out"], "", 2, "", PROFILE),
    (["profile", "--show", "--quick"], "", 2, "", PROFILE),
    (["profile", "--json=yes"], "", 2, "", PROFILE),
    (["profile", "--help"], "", 0, PROFILE + "Measures…", ""),
    (["profile", "--show", "--out", "nowhere.json"], "", 1, "", "alpy profile: nowhere.json: No such file or directory\n"),
    (["profile", "--show", "--out=script.alp"], "", 1, "", "alpy profile: script.alp: line 1: …"),
    (["--fp", "slow", "-c", "1"], "", 2, "", "bad value for the --fp option\n" + USAGE),
    (["--device=random", "--progress", "-c", "print(1)"], "", 0, "1\n", ""),
    (["--device=random:7", "-c", "print(1)"], "", 0, "1\n", ""),
    (["--device=random:x", "-c", "1"], "", 2, "", "bad value for the --device option\n" + USAGE),
    (["--device=auto:1", "-c", "1"], "", 2, "", "bad value for the --device option\n" + USAGE),
    (["--device", "Interp", "-c", "1"], "", 2, "", "bad value for the --device option\n" + USAGE),
    (["--shuffle", "0", "-c", "1"], "", 2, "", "bad value for the --shuffle option\n" + USAGE),
    (["--explain=yes", "-c", "1"], "", 2, "", "unknown option --explain=yes\n" + USAGE),
    # explanations
    (["explain", "-c", "print(1)"], "", 0, "1\nNo loops.\n", ""),
    (["--explain", "-c", "print(1)"], "", 0, "1\n", "No loops.\n"),
    (["explain", "--json", "-c", "print(1)"], "", 0, '{"version": 1,…', "1\n"),
    (["--json", "-c", "print(1)"], "", 0, "1\n", '{"version": 1,…'),
    (["explain", "--json", "-o", "told.json", "-c", "print(1)"], "", 0, "1\n", ""),
    (["explain", "-otold.txt", "-c", "print(1)"], "", 0, "1\n", ""),
    (["-o", "told.txt", "-c", "print(1)"], "", 0, "1\n", ""),
    (["-o", "nowhere/told.txt", "-c", "print(1)"], "", 2, "",
     "alpy: can't open file 'nowhere/told.txt': [Errno 2] No such file or directory\n"),
    (["-o", "/dev/full", "-c", "print(1)"], "", 1, "1\n",
     "alpy: can't write the explanation to '/dev/full': [Errno 28] No space left on device\n"),
    (["-o"], "", 2, "", "Argument expected for the -o option\n" + USAGE),
    (["explain", "script.alp", "x", "--json"], "", 0, "['script.alp', 'x', '--json']\nNo loops.\n", ""),
    (["explain", "-", "x"], ARGV, 0, "['-', 'x']\nNo loops.\n", ""),
    (["explain"], "print(1)", 0, "1\nNo loops.\n", ""),
    (["explain", "-c", "1/0"], "", 1, "No loops.\n",
     'Traceback (most recent call last):\n  File "<string>", line 1, in <module>\nZeroDivisionError: division by zero\n'),
    (["explain", "-c", "raise SystemExit(3)"], "", 3, "No loops.\n", ""),
    (["explain", "-c", "x ="], "", 1, "No loops.\n", '  File "<string>", line 1\n    x =\n       ^\nSyntaxError: invalid syntax\n'),
    (["-c", "raise KeyboardInterrupt", "--explain"], "", -signal.SIGINT, "", "Traceback…"),
    (["explain", "-c", "raise KeyboardInterrupt"], "", -signal.SIGINT, "No loops.\n", "Traceback…"),
    (["--", "explain"], "", 2, "", "alpy: can't open file '{cwd}/explain': [Errno 2] No such file or directory\n"),
    (["explain", "--no-analysis", "-c", "1"], "", 2, "", "--no-analysis leaves nothing to explain\n" + USAGE),
    (["--line", "3", "-c", "1"], "", 2, "", "--line belongs to --graph\n" + USAGE),
    (["--graph", "nest.jpeg", "-c", "1"], "", 2, "", "bad value for the --graph option\n" + USAGE),
    (["--graph", "nest.dot", "-c", "print(1)"], "", 1, "1\n", "alpy: no graph: no loop nest was run\n"),
    (["--graph", "nest.dot", "--line=5", "-c", NEST], "", 1, "", "alpy: no graph: no loop nest that was run begins in line 5\n"),
    (["--graph", "nest.dot", "-c", NEST], "", 0, "", ""),
    (["explain", "--graph", "nest.gv", "--line", "2", "-c", NEST], "", 0, "", ""),
    (["explain", "--graph", "nest.dot", "--json", "-c", NEST], "", 0, '{"version": 1,…', ""),
    (["--graph", "nowhere/nest.dot", "-c", NEST], "", 1, "",
     "alpy: can't write the graph to 'nowhere/nest.dot': [Errno 2] No such file or directory\n"),
    (["-c", "print(input() + input())"], "a\nb", 0, "ab\n", ""),
    (["-c", "input()"], "", 1, "", "Traceback…"),
]

# program, what becomes of standard output, status, standard error
LOSING = [
    ("print(1)", "full", 120, FULL),
    ("print(1)\nraise SystemExit(3)", "full", 120, FULL),
    ("for i in range(10000): print(i)", "full", 1,
     'Traceback (most recent call last):\n  File "<string>", line 1, in <module>\nOSError: [Errno 28] No space left on device\n'),
    ("print(1)", "closed pipe", 120, PIPE),
    ("for i in range(10000): print(i)", "closed pipe", 1,
     'Traceback (most recent call last):\n  File "<string>", line 1, in <module>\nBrokenPipeError: [Errno 32] Broken pipe\n'),
    ("pass", "full", 0, ""),
    ("print(1)", "closed", 0, ""),
]


def matches(got, wanted):
    return got.startswith(wanted[:-1]) if wanted.endswith("…") else got == wanted


def check_row(alpy, folder, row):
    args, stdin, status, out, err = row
    r = subprocess.run([alpy, *args], input=stdin, capture_output=True, text=True, cwd=folder, timeout=30)
    ok = r.returncode == status and matches(r.stderr, err.replace("{cwd}", folder))
    ok = ok and matches(r.stdout, out)
    return None if ok else f"{args}: status {r.returncode}, stdout {r.stdout!r}, stderr {r.stderr!r}"


def check_losing(alpy, row):
    text, where, status, err = row
    read_end = -1
    if where == "full":
        out = os.open("/dev/full", os.O_WRONLY)
    else:
        read_end, out = os.pipe()
        os.close(read_end)
    before = (lambda: os.close(1)) if where == "closed" else None
    r = subprocess.run([alpy, "-c", text], stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.PIPE, text=True, preexec_fn=before,
                       timeout=30)
    os.close(out)
    ok = r.returncode == status and r.stderr == err
    return None if ok else f"{text!r} to {where}: status {r.returncode}, stderr {r.stderr!r}"


# what `dot` does, the file that must be there afterwards, status, standard error
DOT = "#!/bin/sh\n"
UNDRAWN = "alpy: Graphviz' dot could not draw the graph\n"
DRAWING = [
    (None, "nest.dot", 0, "alpy: Graphviz' dot is not installed: the graph is in nest.dot\n"),
    (DOT + 'test "$1" = -Tsvg && cat > "${2#-o}"', "nest.svg", 0, ""),
    (DOT + "exec 0<&-; echo no such font >&2; exit 1", None, 1, "no such font\n" + UNDRAWN),
    (DOT + "kill -9 $$", None, 1, UNDRAWN),
]


def check_drawing(alpy, row):
    dot, name, status, err = row
    with tempfile.TemporaryDirectory() as folder:
        bin_folder = os.path.join(folder, "bin")
        os.mkdir(bin_folder)
        if dot:
            path = os.path.join(bin_folder, "dot")
            with open(path, "w", encoding="utf-8") as f:
                f.write(dot + "\n")
            os.chmod(path, 0o755)
        environment = dict(os.environ, PATH=bin_folder + (":/usr/bin:/bin" if dot else ""))
        r = subprocess.run([alpy, "--graph=nest.svg", "-c", NEST], capture_output=True, text=True, cwd=folder, timeout=30, env=environment)
        files = [n for n in os.listdir(folder) if n != "bin"]
        ok = r.returncode == status and r.stderr == err and files == ([name] if name else [])
        if ok and name:
            with open(os.path.join(folder, name), encoding="utf-8") as f:
                ok = f.read().startswith("digraph ")
    return None if ok else f"--graph with dot {dot!r}: status {r.returncode}, files {files}, stderr {r.stderr!r}"


def check_other_path(alpy):
    """A kernel that one process made is found by the next one, whatever path the program was called by."""
    with tempfile.TemporaryDirectory() as folder:
        kept = os.path.join(folder, "kept")
        os.mkdir(kept, 0o700)
        relative = os.path.relpath(alpy, folder)
        made = []
        for program in (alpy, relative):
            r = subprocess.run([program, "explain", "--json", "--device=cpu", "-c", NEST], cwd=folder, capture_output=True, text=True, timeout=60,
                               env={**os.environ, "ALPY_CACHE_DIR": kept})
            made.append(json.loads(r.stdout)["kernels"])
    first, second = made
    ok = first["made"] == 0 or (first["made"] == 1 and second["made"] == 0 and second["from_disk"] == 1)       # without a compiler none is made
    return None if ok else f"called as {alpy}: {first}; as {relative}: {second}"


def main():
    alpy = os.path.abspath(sys.argv[1])
    passed = failed = 0
    with tempfile.TemporaryDirectory() as folder:
        folder = os.path.realpath(folder)
        os.mkdir(os.path.join(folder, "sub"))
        for name, text in (("script.alp", ARGV), ("sub/other.alp", "from neighbour import word\nprint(word)"),
                           ("sub/neighbour.alp", "word = 'beside it'")):
            with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
                f.write(text + "\n")
        complaints = [check_row(alpy, folder, row) for row in ROWS] + [check_losing(alpy, row) for row in LOSING]
        complaints += [check_drawing(alpy, row) for row in DRAWING]
        complaints.append(check_other_path(alpy))
    for complaint in complaints:
        passed += complaint is None
        failed += complaint is not None
        if complaint:
            print(complaint)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


sys.exit(main())
