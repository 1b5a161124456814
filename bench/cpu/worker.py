"""One contestant of the CPU benchmarks, as a process of its own: reads requests from standard input, a line of JSON each, and answers likewise.

    {"do": "setup", "name": …, "size": …, "save": file}   -> {"warm": [seconds], "bits": checksum}, after a run on fresh data whose results go to `save`
    {"do": "run", "reps": n}                              -> {"times": [seconds of each]}

The arrays are NumPy's for every contestant, filled the same way.  A kernel that a contestant does not have: {"missing": true}; what goes wrong:
{"error": text}."""
import ctypes
import importlib
import json
import os
import sys
import time
import zlib

import numpy as np

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from workloads import BY_NAME, Array, definitions  # noqa: E402

WARM_UP = 3         # runs before the first measured one, after the one that compiles; fewer where they take …
WARM_SECONDS = 0.2
SAMPLES = 500000    # elements of a result that are kept for comparison; of floats the sum of all, too


class Native:
    """C kernels in a shared library."""

    def __init__(self, path):
        self.library = ctypes.CDLL(path)

    def has(self, work):
        return True

    def bind(self, work, args):
        kernel = getattr(self.library, "k_" + work.name)
        kernel.argtypes, kernel.restype = [ctypes.c_void_p], None
        words = (ctypes.c_int64 * len(args))()
        for k, a in enumerate(args):
            if isinstance(a, float):
                ctypes.c_double.from_buffer(words, 8 * k).value = a
            else:
                words[k] = a.data.ctypes.data if isinstance(a, Array) else a
        address = ctypes.addressof(words)
        self.words = words
        return lambda: kernel(address)


class Module:
    """Python functions k_<name>: Numba's and NumPy's."""

    def __init__(self, name):
        self.module = importlib.import_module(name)

    def has(self, work):
        return hasattr(self.module, "k_" + work.name)

    def bind(self, work, args):
        kernel = getattr(self.module, "k_" + work.name)
        values = [a.data if isinstance(a, Array) else a for a in args]
        return lambda: kernel(*values)


class Alpy:
    """The .alp kernel in an interpreter that works on the same arrays; it takes the times itself, as its programs would."""

    FP = {"precise": 0, "sequential": 1, "fast": 2}
    DEVICE = {"auto": 0, "interp": 1, "cpu": 3}
    RUN = """\
import time
import numpy as np
def measure():
    k = 0
    while k < seconds.size:
{restore}
        t = time.perf_counter()
        {function}({args})
        seconds[k] = time.perf_counter() - t
        k += 1
"""

    def __init__(self, host, fp, device, threads):
        self.host = ctypes.CDLL(host)
        self.open = (self.FP[fp], self.DEVICE[device], int(threads))

    def has(self, work):
        return os.path.exists(work.file)

    def call(self, function, *args):
        function = getattr(self.host, function)
        function.restype = ctypes.c_char_p
        text = function(*[a.encode() if isinstance(a, str) else a for a in args])
        if text:
            raise RuntimeError(text.decode())

    def set_array(self, name, data):
        shape = (ctypes.c_int64 * data.ndim)(*data.shape)
        self.call("host_set_array", name, data.dtype.name, data.ndim, shape, ctypes.c_void_p(data.ctypes.data))

    def bind(self, work, args):
        self.call("host_open", *self.open)
        self.call("host_eval", definitions(work.file))
        names = [f"arg{k}" for k in range(len(args))]
        restore = []
        for name, a in zip(names, args):
            if isinstance(a, Array):
                self.set_array(name, a.data)
                if a.restored:
                    self.set_array("old_" + name, a.start)
                    restore.append(f"        {name}[...] = old_{name}")
            elif isinstance(a, float):
                self.call("host_set_float", name, ctypes.c_double(a))
            else:
                self.call("host_set_int", name, ctypes.c_int64(a))
        self.call("host_eval", self.RUN.format(function=work.function, args=", ".join(names), restore="\n".join(restore)))

    def run(self, reps):
        seconds = np.zeros(reps)
        self.set_array("seconds", seconds)
        self.seconds = seconds      # stays until the name is bound to the next
        self.call("host_eval", "measure()")
        return seconds.tolist()


class Worker:
    def __init__(self, contestant):
        self.contestant = contestant

    def setup(self, name, size, save, warm_up=WARM_UP):
        work = BY_NAME[name]
        if not self.contestant.has(work):
            return {"missing": True}
        args = work.args(size)
        for a in args:
            if isinstance(a, Array) and a.restored:
                a.start = a.data.copy()
        self.kernel = self.contestant.bind(work, args)
        self.args = args        # not before: what was lent to an interpreter stays until it is closed
        self.run(1)
        bits, samples = 0, []
        for a in self.args:
            if isinstance(a, Array) and a.checked:
                bits = zlib.crc32(a.data, bits)
                samples.append(a.data.reshape(-1)[::1 + a.data.size // SAMPLES])
                if a.data.dtype.kind == "f":
                    samples.append(np.sum(np.abs(a.data), dtype=np.float64))
        np.savez(save, *samples)
        warm = []
        while len(warm) < warm_up and sum(warm) < WARM_SECONDS:
            warm += self.run(1)["times"]
        return {"bits": bits, "warm": warm}

    def run(self, reps):
        if isinstance(self.contestant, Alpy):
            return {"times": self.contestant.run(reps)}
        times = []
        for _ in range(reps):
            for a in self.args:
                if isinstance(a, Array) and a.restored:
                    a.data[...] = a.start
            t = time.perf_counter()
            self.kernel()
            times.append(time.perf_counter() - t)
        return {"times": times}


def main():
    kind, *options = sys.argv[1:]
    worker = Worker({"native": Native, "module": Module, "alpy": Alpy}[kind](*options))
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = getattr(worker, request.pop("do"))(**request)
        except Exception as e:
            answer = {"error": f"{type(e).__name__}: {e}"}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
