"""The prompt driven through a pseudo-terminal, and from pipes.  Usage: test_prompt.py ALPY

Prints "N passed, N failed"; exit status 1 if any failed.  Where CPython's prompt does the same, its answers stand here.
"""
import os
import pty
import re
import select
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import termios
import time

TIMEOUT_S = 20
ESCAPES = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|\x07|\r")


class Failure(Exception):
    pass


sessions = []                   # of the test that is running


class Terminal:
    """alpy at the other end of a pseudo-terminal."""

    def __init__(self, alpy, args=(), env=None, home=None):
        self.seen = b""             # since the last wait, escape sequences removed
        self.raw = b""
        self.everything = b""
        sessions.append(self)
        full = dict(os.environ, TERM="xterm", COLUMNS="80", LINES="24", LC_ALL="C.UTF-8", HOME=home or "/nonexistent")
        full.pop("XDG_STATE_HOME", None)
        full.update(env or {})
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            # The terminal drops pending output some time after it has sent SIGINT: a quick traceback may be among it.
            attributes = termios.tcgetattr(0)
            attributes[3] |= termios.NOFLSH
            termios.tcsetattr(0, termios.TCSANOW, attributes)
            os.execve(alpy, [alpy, *args], full)

    def pump(self, wait_s):
        """Take in what has been printed; False at the end."""
        if not select.select([self.fd], [], [], wait_s)[0]:
            return True
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            return False
        self.raw += data
        self.everything += data
        self.seen = ESCAPES.sub(b"", self.raw)
        return bool(data)

    def wait(self, text):
        """Until `text` has been printed; what came before it."""
        text = text.encode()
        end = time.monotonic() + TIMEOUT_S
        while text not in self.seen:
            if time.monotonic() > end or not self.pump(0.1):
                raise Failure(f"waited for {text!r}, got {self.seen!r}")
        before, self.raw = self.seen.split(text, 1)
        self.seen = self.raw
        return before.decode()

    def type(self, text):
        os.write(self.fd, text.encode())

    def line(self, text):
        """Type a line; what is printed up to the next prompt, without the echo of the line."""
        self.type(text + "\n")
        answer = self.wait(">>> ")
        first, _, rest = answer.partition("\n")
        return rest

    def end(self):
        """Exit status, once it has ended; negative: the signal."""
        end = time.monotonic() + TIMEOUT_S
        while time.monotonic() < end:
            self.pump(0.02)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                os.close(self.fd)
                return os.waitstatus_to_exitcode(status)
        self.kill()
        raise Failure("did not end")

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)


def equal(got, wanted):
    if got != wanted:
        raise Failure(f"got {got!r}, wanted {wanted!r}")


def contains(got, wanted):
    if wanted not in got:
        raise Failure(f"{wanted!r} is not in {got!r}")


# ---- at a terminal ----------------------------------------------------------------------------------------------------

def test_echo(t):
    t.wait(">>> ")
    equal(t.line("1 + 1"), "2\n")
    equal(t.line("None"), "")
    equal(t.line("'text'"), "'text'\n")
    equal(t.line("x = 5"), "")
    equal(t.line("x"), "5\n")
    equal(t.line("_ * 2"), "10\n")
    equal(t.line("_"), "10\n")
    equal(t.line("print('a'); 2"), "a\n2\n")
    equal(t.line(""), "")
    equal(t.line("   "), "")
    equal(t.line("'gr\u00fc\u00df'"), "'gr\u00fc\u00df'\n")
    t.type("\x04")
    equal(t.end(), 0)
    if not t.everything.endswith(b"\n"):
        raise Failure("no newline after Ctrl-D")


def test_blocks(t):
    t.wait(">>> ")
    t.type("def f(a):\n")
    t.wait("... ")
    t.type("    return a * 3\n")
    t.wait("... ")
    equal(t.line(""), "")
    equal(t.line("f(7)"), "21\n")
    t.type("for i in range(3):\n")
    t.wait("... ")
    t.type("    i\n")
    t.wait("... ")
    equal(t.line(""), "0\n1\n2\n")
    t.type("(1 +\n")
    t.wait("... ")
    equal(t.line("2)"), "3\n")
    t.type("'''a\n")
    t.wait("... ")
    equal(t.line("b'''"), "'a\\nb'\n")
    t.type("if x_undefined if 0 else 1:\n")
    t.wait("... ")
    t.type("    'yes'\n")
    t.wait("... ")
    t.type("else:\n")
    t.wait("... ")
    t.type("    'no'\n")
    t.wait("... ")
    equal(t.line(""), "'yes'\n")


def test_errors(t):
    t.wait(">>> ")
    equal(t.line("1/0"), 'Traceback (most recent call last):\n  File "<stdin>", line 1, in <module>\nZeroDivisionError: division by zero\n')
    equal(t.line("x +"), '  File "<stdin>", line 1\n    x +\n       ^\nSyntaxError: invalid syntax\n')
    t.type("def f():\n")
    t.wait("... ")
    t.type("    return nope\n")
    t.wait("... ")
    equal(t.line(""), "")
    contains(t.line("f()"), "NameError: name 'nope' is not defined\n")
    contains(t.line("  1"), "IndentationError: unexpected indent\n")
    equal(t.line("'still here'"), "'still here'\n")


def test_exit(t):
    t.wait(">>> ")
    t.type("exit(7)\n")
    equal(t.end(), 7)


def test_quit(t):
    t.wait(">>> ")
    t.type("quit()\n")
    equal(t.end(), 0)


def test_exit_text(t):
    t.wait(">>> ")
    t.type("import sys; sys.exit('so long')\n")
    equal(t.end(), 1)
    contains(t.everything, b"so long\r\n")


def test_interrupt_loop(t):
    t.wait(">>> ")
    t.type("while True: pass\n")
    t.wait("... ")
    t.type("\n")
    t.wait("\n")
    time.sleep(0.3)
    t.type("\x03")
    answer = t.wait(">>> ")
    contains(answer, 'File "<stdin>", line 1, in <module>\nKeyboardInterrupt\n')
    equal(t.line("1 + 1"), "2\n")
    t.type("import time; time.sleep(100)\n")
    time.sleep(0.3)
    t.type("\x03")
    contains(t.wait(">>> "), "KeyboardInterrupt\n")
    equal(t.line("2 + 2"), "4\n")


def test_interrupt_line(t):
    t.wait(">>> ")
    t.type("abc = 1 +")
    time.sleep(0.2)
    t.type("\x03")
    contains(t.wait(">>> "), "\nKeyboardInterrupt\n")
    equal(t.line("3 * 3"), "9\n")
    t.type("def f():\n")
    t.wait("... ")
    t.type("    retu")
    time.sleep(0.2)
    t.type("\x03")
    contains(t.wait(">>> "), "\nKeyboardInterrupt\n")
    equal(t.line("4 * 4"), "16\n")
    for _ in range(3):
        t.type("\x03")
        contains(t.wait(">>> "), "\nKeyboardInterrupt\n")
    equal(t.line("5 * 5"), "25\n")


def test_input(t):
    t.wait(">>> ")
    t.type("s = input('name? ')\n")
    t.wait("\nname? ")
    t.type("me\n")
    t.wait(">>> ")
    equal(t.line("s"), "'me'\n")
    t.type("input()\n")
    time.sleep(0.3)
    t.type("\x03")
    contains(t.wait(">>> "), "KeyboardInterrupt\n")
    equal(t.line("1"), "1\n")


def test_editing(t):
    t.wait(">>> ")
    t.type("13")
    t.type("\x1b[D2\n")             # cursor left: 123
    t.wait("\n123\n>>> ")
    t.type("1000\x01" + "2 * \n")   # Ctrl-A
    t.wait("\n2000\n>>> ")
    t.type("\x1b[A\n")              # the last line again
    t.wait("\n2000\n>>> ")


def test_completion(t):
    t.wait(">>> ")
    equal(t.line("import math; value_number = 42"), "")
    t.type("value_n\t\n")
    t.wait("\n42\n>>> ")
    t.type("math.sq\t(16)\n")
    t.wait("\n4.0\n>>> ")
    t.type("math.is\t")
    listing = t.wait(">>> ")
    for name in ("isclose", "isfinite", "isinf", "isnan"):
        contains(listing, name)
    t.type("na\t(2)\n")             # isnan
    t.wait("\nFalse\n>>> ")
    t.type("if 1:\n")
    t.wait("... ")
    t.type("\tvalue_n\t\n")
    t.wait("... ")
    equal(t.line(""), "42\n")
    t.type("nothing_like_this\t\t\n")
    contains(t.wait(">>> "), "NameError")


def test_history(alpy, home):
    with_state = {"XDG_STATE_HOME": os.path.join(home, "state")}
    for env, path in ((None, ".local/state/alpy/history"), (with_state, "state/alpy/history")):
        t = Terminal(alpy, env=env, home=home)
        t.wait(">>> ")
        t.line("first = 11")
        t.line("first + 1")
        t.type("\x04")
        equal(t.end(), 0)
        path = os.path.join(home, path)
        with open(path) as f:
            equal(f.read(), "first = 11\nfirst + 1\n")
        equal(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        t = Terminal(alpy, env=env, home=home)
        t.wait(">>> ")
        t.type("\x1b[A\x1b[A; 'again'\n")      # first = 11
        t.wait("\n'again'\n>>> ")
        equal(t.line("first"), "11\n")
        t.type("\x04")
        t.end()
        # grown too long: cut to the last lines when a session starts
        with open(path, "w") as f:
            for n in range(5000):
                f.write(f"x = {n}\n")
        t = Terminal(alpy, env=env, home=home)
        t.wait(">>> ")
        t.type("\x1b[A; 'again'\n")
        t.wait("\n'again'\n>>> ")
        equal(t.line("x"), "4999\n")
        t.type("\x04")
        t.end()
        with open(path) as f:
            lines = f.read().split("\n")
        equal(lines[0], "x = 4000")
        equal(lines[-4:], ["x = 4999", "x = 4999; 'again'", "x", ""])
        equal(stat.S_IMODE(os.stat(path).st_mode), 0o600)


def test_history_unwritable(alpy, home):
    with open(os.path.join(home, ".local"), "w"):
        pass
    t = Terminal(alpy, home=home)
    t.wait(">>> ")
    equal(t.line("1 + 2"), "3\n")
    t.type("\x04")
    equal(t.end(), 0)


def test_script_interrupt(alpy, home):
    """Ctrl-C ends a script by the signal, with a traceback."""
    t = Terminal(alpy, ["-c", "print('running', flush=True)\nwhile True: pass"], home=home)
    t.wait("running")
    t.type("\x03")
    equal(t.end(), -signal.SIGINT)
    contains(t.everything.replace(b"\r", b""), b"line 2, in <module>\nKeyboardInterrupt\n")


def test_inspect(alpy, home):
    t = Terminal(alpy, ["-i", "-c", "x = 12"], home=home)
    t.wait(">>> ")
    equal(t.line("x"), "12\n")
    t.type("\x04")
    equal(t.end(), 0)
    t = Terminal(alpy, ["-i", "-c", "y = 1; 1/0"], home=home)
    contains(t.wait(">>> "), "ZeroDivisionError")
    equal(t.line("y"), "1\n")
    t.type("\x04")
    equal(t.end(), 0)


# ---- from a pipe ------------------------------------------------------------------------------------------------------

def piped(alpy, text, *args, **options):
    return subprocess.run([alpy, *args], input=text.encode(), capture_output=True, timeout=TIMEOUT_S, **options)


def test_pipe(alpy, home):
    r = piped(alpy, "print(1)\nx = 2\nx\nprint(x)\n")
    equal((r.stdout, r.stderr, r.returncode), (b"1\n2\n", b"", 0))
    r = piped(alpy, "def f():\n    return 1\nprint(f())\n1/0\n", "-")
    equal((r.stdout, r.returncode), (b"1\n", 1))
    equal(r.stderr, b'Traceback (most recent call last):\n  File "<stdin>", line 4, in <module>\nZeroDivisionError: division by zero\n')
    r = piped(alpy, "import sys\nprint(sys.argv)\nsys.exit(5)\n", "-", "a", "b")
    equal((r.stdout, r.returncode), (b"['-', 'a', 'b']\n", 5))
    r = piped(alpy, "")
    equal((r.stdout, r.stderr, r.returncode), (b"", b"", 0))


def test_pipe_prompt(alpy, home):
    r = piped(alpy, "x = 1\nx\nfor i in range(2):\n    i\n\n1/0\nx + 1\n", "-i", "-q")
    equal((r.stdout, r.returncode), (b"1\n0\n1\n2\n", 0))
    equal(r.stderr, b'>>> >>> >>> ... ... >>> Traceback (most recent call last):\n  File "<stdin>", line 1, in <module>\n'
                    b"ZeroDivisionError: division by zero\n>>> >>> \n")
    r = piped(alpy, "def f():\n    return 8\nf()", "-iq")
    equal(r.returncode, 0)
    r = piped(alpy, "print((1,\n", "-iq")
    contains(r.stderr, b"SyntaxError")
    r = piped(alpy, "exit(3)\n", "-iq")
    equal(r.returncode, 3)
    r = piped(alpy, "s = input()\nhello\ns\n", "-iq")
    equal(r.stdout, b"'hello'\n")


def test_pipe_explain(alpy, home):
    text = "for i in range(2): i\n\nfor k in range(3):\n    k\n\ndef f(a):\n    for j in range(len(a)): a[j] = j\n\nfor i in range(2): i\n\n1/0\n"
    r = piped(alpy, text, "-iq", "--explain")
    equal(r.returncode, 0)
    told = r.stderr.decode().split("ZeroDivisionError: division by zero\n>>> \n")[1]
    contains(told, "<stdin>\n\n   1  for i in range(2): i\n   |      ")
    contains(told, ", 4 iterations\n\n<stdin>\n\n   1  for k in range(3):\n   |      ")       # one text typed twice
    contains(told, ", 3 iterations\n   2      k\n\n<stdin>\n\n   1  def f(a):\n")
    contains(told, "a[j] = j\n   |          not reached in this run\n\n3 loops: ")
    text = "import numpy as np\ndef f(a):\n    for j in range(len(a)): a[j] = j\n\nx = np.zeros(200)\nf(x)\nfor k in range(3): f(x)\n\n"
    r = piped(alpy, text, "-iq", "--explain")
    told = r.stderr.decode().split(">>> \n")[1]
    contains(told, "<stdin>\n\n   1  def f(a):\n   2      for j in range(len(a)): a[j] = j\n   |          parallel: ")
    contains(told, "\n<stdin>\n\n   1  for k in range(3): f(x)\n   |      ")
    r = piped(alpy, "1\n", "explain", "-iq", "--json")
    equal(r.stderr, b">>> 1\n>>> \n")
    contains(r.stdout, b'"loops": []}\n')


TERMINAL_TESTS = [test_echo, test_blocks, test_errors, test_exit, test_quit, test_exit_text, test_interrupt_loop, test_interrupt_line,
                  test_input]
EDITOR_TESTS = [test_editing, test_completion]                  # need libedit
OTHER_TESTS = [test_script_interrupt, test_inspect, test_pipe, test_pipe_prompt, test_pipe_explain]
EDITOR_OTHER_TESTS = [test_history, test_history_unwritable]


def has_editor():
    import ctypes
    try:
        ctypes.CDLL("libedit.so.2")
        return True
    except OSError:
        return False


def main():
    alpy = os.path.abspath(sys.argv[1])
    wanted = sys.argv[2:]
    passed = failed = 0
    editor = has_editor()
    tests = [(f, True) for f in TERMINAL_TESTS + (EDITOR_TESTS if editor else [])]
    tests += [(f, False) for f in OTHER_TESTS + (EDITOR_OTHER_TESTS if editor else [])]
    for function, at_terminal in tests:
        if wanted and function.__name__ not in wanted:
            continue
        home = tempfile.mkdtemp(prefix="alpy-prompt-")
        terminal = None
        sessions.clear()
        try:
            if at_terminal:
                terminal = Terminal(alpy, home=home)
                function(terminal)
            else:
                function(alpy, home)
            passed += 1
        except Failure as e:
            failed += 1
            print(f"{function.__name__}: {e}")
            print("  session:", sessions[-1].everything if sessions else None)
        except (OSError, subprocess.TimeoutExpired) as e:
            failed += 1
            print(f"{function.__name__}: {type(e).__name__}: {e}")
        finally:
            if terminal:
                try:
                    terminal.kill()
                except OSError:
                    pass
            shutil.rmtree(home, ignore_errors=True)
    if not editor:
        print("libedit.so.2 is not here: editing, history and completion are not tested")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


sys.exit(main())
