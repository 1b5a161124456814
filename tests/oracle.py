"""Running .alp programs under CPython + NumPy, one forked child each, with the results that alpy must reproduce.

What the child does to look like `alpy NAME.alp` in the program's folder:
 - the file is compiled under the name that alpy was given, so tracebacks show it so; frames of NumPy's own Python code and
   of the import machinery are left out, and so are chained exceptions from there (alpy's modules are not written in Python);
 - `import name` finds name.alp beside the program;
 - warnings are silent (a listed difference) unless asked for, tqdm draws nothing (standard error is not a terminal), pictures need no display.
"""
import ast
import gc
import os
import signal
import sys
import tempfile
import types

os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["TQDM_DISABLE"] = "1"
os.environ["MPLBACKEND"] = "Agg"

import importlib.abc
import importlib.util
import warnings

import numpy as np

# Node types of the language; anything else in a test program is a mistake of its author.
NODES = frozenset("""
    Module Expr Assign AugAssign AnnAssign If While For FunctionDef Return Break Continue Pass Assert Global Delete Import
    ImportFrom Raise alias arguments arg keyword Constant JoinedStr FormattedValue Name Attribute Subscript Slice Call UnaryOp BinOp
    Compare BoolOp IfExp Tuple List NamedExpr Load Store Del And Or Not Invert UAdd USub Add Sub Mult MatMult Div Mod Pow
    LShift RShift BitOr BitXor BitAnd FloorDiv Eq NotEq Lt LtE Gt GtE Is IsNot In NotIn""".split())


def version():
    return (f"CPython {sys.version_info[0]}.{sys.version_info[1]}.{sys.version_info[2]}, NumPy {np.__version__}")


def outside_subset(source, name):
    """What `source` uses that the language has not, as "line: construct"; None if nothing."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source, name)
    except SyntaxError:
        return None                 # a test of syntax errors
    for node in ast.walk(tree):
        kind = type(node).__name__
        if kind not in NODES:
            return f"{getattr(node, 'lineno', '?')}: {kind}"
        if isinstance(node, ast.Constant) and isinstance(node.value, bytes):
            return f"{node.lineno}: bytes"
        if isinstance(node, ast.arguments) and (node.vararg or node.kwarg):
            return f"{(node.vararg or node.kwarg).lineno}: star-argument"
    return None


class _AlpImporter(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path, target=None):
        if "." in name or not os.path.exists(name + ".alp"):
            return None
        return importlib.util.spec_from_loader(name, self, origin=name + ".alp")

    def exec_module(self, module):
        path = module.__file__ = module.__name__ + ".alp"
        with open(path, "rb") as f:
            exec(compile(f.read(), path, "exec"), module.__dict__)


def _own_frames(tb):
    """The traceback without the frames that are not of .alp files."""
    frames = []
    while tb:
        if tb.tb_frame.f_code.co_filename.endswith(".alp"):
            frames.append(tb)
        tb = tb.tb_next
    result = None
    for t in reversed(frames):
        result = types.TracebackType(result, t.tb_frame, t.tb_lasti, t.tb_lineno)
    return result


def _run_here(source, name, args, warn):
    """In the child: run the program; its exit status."""
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)
    sys.stdin = open(0, encoding="utf-8", closefd=False)
    sys.argv = [name] + args
    sys.meta_path.insert(0, _AlpImporter())
    if not warn:
        warnings.simplefilter("ignore")
        np.seterr(all="ignore")
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    depth, frame = 0, sys._getframe()
    while frame:
        depth, frame = depth + 1, frame.f_back
    sys.setrecursionlimit(1002 + depth)
    status = 0
    try:
        exec(compile(source, name, "exec"), module.__dict__)
    except SystemExit as e:
        sys.setrecursionlimit(3000)
        if e.code is None or isinstance(e.code, int):
            status = (e.code or 0) & 255
        else:
            print(e.code, file=sys.stderr)
            status = 1
    except BaseException as e:
        sys.setrecursionlimit(3000)
        e.__cause__, e.__suppress_context__ = None, True
        if isinstance(e, ImportError) and e.path and not e.path.endswith(".alp"):
            e.msg = e.msg.replace(e.path, "unknown location")       # differs between builds of CPython
        sys.stdout.flush()
        e.__traceback__ = _own_frames(e.__traceback__)
        sys.__excepthook__(type(e), e, e.__traceback__)
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return status


class Run:
    """A program running in a child process."""

    def __init__(self, source, name, folder=".", args=(), stdin=os.devnull, timeout_s=120, warn=False):
        self.out, self.err = tempfile.TemporaryFile(), tempfile.TemporaryFile()
        sys.stdout.flush()
        self.pid = os.fork()
        if self.pid:
            return
        status = 120
        try:
            signal.alarm(int(timeout_s))
            os.chdir(folder)
            fd = os.open(stdin, os.O_RDONLY)
            os.dup2(fd, 0)
            os.dup2(self.out.fileno(), 1)
            os.dup2(self.err.fileno(), 2)
            status = _run_here(source, name, list(args), warn)
        finally:
            os._exit(status)

    def finish(self):
        """(status, stdout, stderr); the status is negative for a signal."""
        _, wait_status = os.waitpid(self.pid, 0)
        results = []
        for f in (self.out, self.err):
            f.seek(0)
            results.append(f.read())
            f.close()
        return os.waitstatus_to_exitcode(wait_status), results[0], results[1]


def prepare(sources):
    """Import what the programs need once, before forking."""
    if any(b"matplotlib" in s for s in sources):
        import matplotlib.pyplot
    if any(b"tqdm" in s for s in sources):
        import tqdm
    import ctypes
    gc.freeze()
