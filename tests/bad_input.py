"""Hostile input: never a crash, never a hang, nothing lost; always a clear error and a proper exit status.

Usage: bad_input.py ALPY
Each case is a row of `CASES`: what goes in, the exit status and what standard error must say.
"""
import os
import resource
import signal
import struct
import subprocess
import sys
import tempfile

ALPY = os.path.abspath(sys.argv[1])
SANITIZED = b"__asan_init" in open(ALPY, "rb").read()
TIMEOUT_S = 120 if SANITIZED else 30


def run(args, stdin=b"", folder=None, limit_bytes=None, stdout=subprocess.PIPE, before=None):
    def prepare():
        if limit_bytes and not SANITIZED:       # shadow memory needs the whole address space
            resource.setrlimit(resource.RLIMIT_AS, (limit_bytes, limit_bytes))
        if before:
            before()
    return subprocess.run([ALPY, *args], input=stdin, stdout=stdout, stderr=subprocess.PIPE, cwd=folder, timeout=TIMEOUT_S, preexec_fn=prepare)


def script(text, **how):
    """Runs the bytes `text` as a script in an empty folder."""
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "bad.alp"), "wb") as f:
            f.write(text)
        return run(["bad.alp"], folder=folder, **how)


def npy(header, data=b"", magic=b"\x93NUMPY\x01\x00", length=None):
    head = header.encode("latin-1")
    size = struct.pack("<H", len(head) if length is None else length)
    return magic + size + head + data


def load(content, **how):
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "x.npy"), "wb") as f:
            f.write(content)
        return run(["-c", "import numpy as np\nprint(np.load('x.npy').shape)"], folder=folder, **how)


HEADER = "{'descr': '<f8', 'fortran_order': False, 'shape': (%s), }"
HUGE = b"import numpy as np\na = np.%s\n"

CASES = {
    "invalid UTF-8": (lambda: script(b"x = '\xff\xfe'\n"), 1, b"SyntaxError: (unicode error)"),
    "truncated UTF-8 at the end": (lambda: script(b"x = 1 # \xe2\x82"), 1, b"SyntaxError: (unicode error)"),
    "overlong UTF-8": (lambda: script(b"x = '\xc0\x80'\n"), 1, b"SyntaxError: (unicode error)"),
    "NUL byte": (lambda: script(b"x = 1\0\n"), 1, b"source code cannot contain null bytes"),
    "random bytes": (lambda: script(bytes((i * 7919) % 256 for i in range(1, 4096))), 1, b"SyntaxError"),
    "10 MB line": (lambda: script(b"x = '" + b"a" * 10_000_000 + b"'\nprint(len(x))\n"), 0, b""),
    "10 MB line of junk": (lambda: script(b"x = " + b"$" * 10_000_000), 1, b"SyntaxError"),
    "10 MB sum": (lambda: script(b"x = 1" + b"+1" * 5_000_000), 1, b"SyntaxError"),
    "10 MB comment": (lambda: script(b"#" * 10_000_000), 0, b""),
    "10 MB unclosed string": (lambda: script(b'"' + b"a" * 10_000_000), 1, b"unterminated string literal"),
    "10,000 brackets": (lambda: script(b"(" * 10_000 + b")" * 10_000), 1, b"too many nested parentheses"),
    "10,000 lists": (lambda: script(b"[" * 10_000 + b"]" * 10_000), 1, b"too many nested parentheses"),
    "10,000 unary minus": (lambda: script(b"x = " + b"-" * 10_000 + b"1"), 1, b"SyntaxError"),
    "10,000 not": (lambda: script(b"x = " + b"not " * 10_000 + b"1"), 1, b"SyntaxError"),
    "10,000 powers": (lambda: script(b"x = 1" + b"**1" * 10_000), 1, b"SyntaxError"),
    "10,000 conditionals": (lambda: script(b"x = " + b"1 if 1 else " * 10_000 + b"1"), 1, b"SyntaxError"),
    "10,000 blocks": (lambda: script(b"".join(b" " * i + b"if 1:\n" for i in range(2_000))), 1, b"IndentationError: too many levels of indentation"),
    "2,000 elif": (lambda: script(b"x = 5\nif x == 0: pass\n" + b"".join(b"elif x == %d: pass\n" % -i for i in range(1, 2_000)) + b"else: print(x)\n"), 0, b""),
    "10,000 elif": (lambda: script(b"x = 5\nif x == 0: pass\n" + b"".join(b"elif x == %d: pass\n" % -i for i in range(1, 10_000))), 1, b"SyntaxError: too many 'elif' branches in one statement"),
    "10,000 attributes": (lambda: script(b"x = 1" + b".real" * 10_000), 1, b"SyntaxError"),
    "10,000 calls": (lambda: script(b"x = print" + b"()" * 10_000), 1, b"SyntaxError"),
    "10,000 subscripts": (lambda: script(b"x = [1]\ny = x" + b"[0]" * 10_000), 1, b"SyntaxError"),
    "nested f-strings": (lambda: script(b"x = f'" + b"{1:" * 500 + b"}" * 500 + b"'"), 1, b"SyntaxError"),
    "a function of 100,000 lines": (lambda: script(b"def f():\n" + b"    x = 1\n" * 100_000 + b"    return x\nprint(f())\n"), 0, b""),
    "endless recursion": (lambda: script(b"def f(x):\n    return f(x + 1)\nf(0)\n"), 1, b"RecursionError: maximum recursion depth exceeded"),
    "mutual recursion through arguments": (lambda: script(b"def f(x):\n    return g([f, x, (x, g(x))])\ndef g(x):\n    return f((x, x))\nf(0)\n"), 1, b"RecursionError"),
    "a list in itself, printed": (lambda: script(b"x = [1]\nx.append(x)\nprint(x)\n"), 0, b""),
    "a list in itself, compared": (lambda: script(b"x = [1]\nx.append(x)\ny = [1]\ny.append(y)\nprint(x == y)\n"), 1, b"RecursionError"),
    "a very deep list": (lambda: script(b"x = []\nfor i in range(1000000):\n    x = [x]\nx = 0\nprint('freed')\n"), 0, b""),
    "a very deep list, printed": (lambda: script(b"x = []\nfor i in range(1000000):\n    x = [x]\nprint(x)\n"), 1, b"RecursionError"),
    "a very deep tuple, compared": (lambda: script(b"x = ()\ny = ()\nfor i in range(1000000):\n    x = (x,)\n    y = (y,)\nprint(x == y)\n"), 1, b"RecursionError"),
    "a recursion limit set too high": (lambda: script(b"import sys\nsys.setrecursionlimit(2000000000)\ndef f(x):\n    return f(x + 1) + 1\nf(0)\n"), 1, b"RecursionError"),
    "an array larger than memory": (lambda: script(HUGE % b"zeros((10**6, 10**6))", limit_bytes=1 << 33), 1, b"ArrayMemoryError: Unable to allocate 7.28 TiB for an array with shape (1000000, 1000000) and data type float64"),
    "an array larger than the address space": (lambda: script(HUGE % b"zeros((2**31, 2**31, 2**31))"), 1, b"ValueError: array is too big; `arr.size * arr.dtype.itemsize` is larger than the maximum possible size."),
    "a negative dimension": (lambda: script(HUGE % b"zeros(-1)"), 1, b"ValueError: negative dimensions are not allowed"),
    "arange of more than memory": (lambda: script(HUGE % b"arange(10**13)", limit_bytes=1 << 33), 1, b"MemoryError"),
    "a list larger than memory": (lambda: script(b"x = [0] * 10**12\n", limit_bytes=1 << 33), 1, b"MemoryError"),
    "a string larger than memory": (lambda: script(b"x = 'ab' * 10**13\n", limit_bytes=1 << 33), 1, b"MemoryError"),
    "a format wider than memory": (lambda: script(b"x = f'{1:1000000000000}'\n", limit_bytes=1 << 33), 1, b"Error"),
    "endless growth of a list": (lambda: run(["--max-bytes", "100M", "-c", "x = []\nwhile True:\n    x.append(1.5)"]), 1, b"MemoryError"),
    "endless growth of a string": (lambda: run(["--max-bytes", "100M", "-c", "x = 'a'\nwhile True:\n    x += x"]), 1, b"MemoryError"),
    "an endless loop": (lambda: run(["--max-seconds", "0.3", "-c", "while True: pass"]), 1, b"TimeoutError"),
    "an endless loop in a function": (lambda: run(["--max-seconds", "0.3", "-c", "def f():\n    i = 0\n    while True:\n        i = 1 - i\nf()"]), 1, b"TimeoutError"),
    ".npy, good": (lambda: load(npy(HEADER % "2,", b"\0" * 16)), 0, b""),
    ".npy, empty file": (lambda: load(b""), 1, b"EOFError: No data left in file"),
    ".npy, only magic": (lambda: load(b"\x93NUMPY"), 1, b"Error"),
    ".npy, header cut": (lambda: load(npy(HEADER % "2,", length=5000)), 1, b"ValueError: EOF: reading array header"),
    ".npy, data cut": (lambda: load(npy(HEADER % "2,", b"\0" * 15)), 1, b"ValueError: "),
    ".npy, shape a lie": (lambda: load(npy(HEADER % "1000000000000,", b"\0" * 16), limit_bytes=1 << 33), 1, b"Error"),
    ".npy, shape overflows": (lambda: load(npy(HEADER % "4294967296, 4294967296, 4294967296", b"\0" * 16)), 1, b"Error"),
    ".npy, negative shape": (lambda: load(npy(HEADER % "-2,", b"\0" * 16)), 1, b"ValueError"),
    ".npy, no such dtype": (lambda: load(npy("{'descr': '<q9', 'fortran_order': False, 'shape': (2,), }", b"\0" * 16)), 1, b"ValueError"),
    ".npy, objects": (lambda: load(npy("{'descr': '|O', 'fortran_order': False, 'shape': (2,), }", b"\0" * 16)), 1, b"ValueError: Object arrays cannot be loaded when allow_pickle=False"),
    ".npy, header not a dict": (lambda: load(npy("[1, 2, 3]", b"\0" * 16)), 1, b"ValueError"),
    ".npy, header nested deeply": (lambda: load(npy("(" * 20000)), 1, b"ValueError"),
    ".npy, future version": (lambda: load(npy(HEADER % "2,", b"\0" * 16, magic=b"\x93NUMPY\x09\x00")), 1, b"ValueError"),
    "no such script": (lambda: run(["/nonexistent/x.alp"]), 2, b"can't open file '/nonexistent/x.alp': [Errno 2] No such file or directory"),
    "a folder as script": (lambda: run(["/"]), 2, b"can't open file '/': [Errno 21] Is a directory"),
    "an unknown option": (lambda: run(["--nonsense"]), 2, b"--nonsense"),
    "-c without code": (lambda: run(["-c"]), 2, b"-c"),
    "a bad number for a limit": (lambda: run(["--max-bytes", "lots", "-c", "pass"]), 2, b"max-bytes"),
    "a saved file in no folder": (lambda: run(["-c", "import numpy as np\nnp.save('/nonexistent/x.npy', np.zeros(3))"]), 1, b"FileNotFoundError: [Errno 2] No such file or directory: '/nonexistent/x.npy'"),
    "output to a full disk": (lambda: run(["-c", "print('x' * 100000)"], stdout=open("/dev/full", "wb")), None, b"[Errno 28] No space left on device"),
    "output to a closed descriptor": (lambda: run(["-c", "print(1)"], stdout=None, before=lambda: os.close(1)), 0, b""),
    "standard input closed": (lambda: run(["-c", "input()"], before=lambda: os.close(0)), 1, b"Error"),
    "end of input in input()": (lambda: run(["-c", "input()"]), 1, b"EOFError: EOF when reading a line"),
}


def case_closed_pipe():
    """The reader leaves early, as `| head -1` does."""
    process = subprocess.Popen([ALPY, "-c", "for i in range(10000000): print(i)"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.readline()
    process.stdout.close()
    error = process.stderr.read()
    status = process.wait(TIMEOUT_S)
    process.stderr.close()
    return None if status in (1, 120) and b"BrokenPipeError: [Errno 32] Broken pipe" in error else (status, error)


def case_failed_save_keeps_the_file():
    """A save that runs out of space leaves the file that was there."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "x.npy")
        with open(path, "wb") as f:
            f.write(b"precious")

        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
        for code in ("np.save('x.npy', np.zeros(10000))", "np.savetxt('x.npy', np.zeros(10000))",
                     "plt.imsave('x.npy', (np.arange(1000000) * 7919 % 256).reshape(1000, 1000) / 255, format='png')"):
            done = run(["-c", "import numpy as np\nimport matplotlib.pyplot as plt\n" + code], folder=folder, before=limit)
            with open(path, "rb") as f:
                if done.returncode != 1 or b"OSError: " not in done.stderr or f.read() != b"precious" or os.listdir(folder) != ["x.npy"]:
                    return code, done.returncode, done.stderr, os.listdir(folder)
    return None


def case_interrupt():
    """SIGINT ends a loop with KeyboardInterrupt, and the process dies of the signal as CPython's does."""
    process = subprocess.Popen([ALPY, "-c", "print('go', flush=True)\nwhile True: pass"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    error = process.communicate(timeout=TIMEOUT_S)[1]
    return None if process.returncode == -signal.SIGINT and b"KeyboardInterrupt" in error else (process.returncode, error)


def main():
    passed, failed = 0, 0
    for name, (action, status, text) in CASES.items():
        try:
            done = action()
            good = (done.returncode == status if status is not None else done.returncode > 0) and text in done.stderr
            good = good and b"ERROR: AddressSanitizer" not in done.stderr and b"runtime error:" not in done.stderr and (status != 0 or not done.stderr or SANITIZED)
            report = (done.returncode, done.stderr[-600:])
        except subprocess.TimeoutExpired:
            good, report = False, "still running"
        passed, failed = passed + good, failed + (not good)
        if not good:
            print(f"FAIL {name}: {report}")
    for name, case in [(n, f) for n, f in globals().items() if n.startswith("case_")]:
        report = case()
        passed, failed = passed + (not report), failed + bool(report)
        if report:
            print(f"FAIL {name}: {report}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


sys.exit(main())
