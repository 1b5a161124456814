"""A workload as a program of its own: alpy makes the data, runs the kernel again and again, and prints what each execution took by its own clock.

The time of an execution is that of the call and of a look at one element of a result, which waits for a GPU.  The call of perf_counter() keeps the loop
around it out of the nest."""
import os
import subprocess

import workloads

PROGRAM = """\
import sys
import time
{data}

{definitions}

{parameters}
{prepare}
{arguments}


def measure(most, least, seconds, is_host):
    times = []
    begin = time.perf_counter()
    while len(times) < most and (len(times) < least or time.perf_counter() - begin < seconds):
{restore}
        if is_host:
{touch}
        start = time.perf_counter()
        {call}
{look}
        times.append(time.perf_counter() - start)
    return times


for t in measure(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), sys.argv[4] == "host"):
    print(t)
"""


class Failed(Exception):
    """The program ended otherwise than by printing its times."""


def text(work, dims):
    """The program for one size.  Run with `host`, the host touches every array before an execution, and the results afterwards, so a device has to be told
    all, and to give it back.  (Sorting a slice of one element is something that no device does: all of the array's bytes are current on the host then, and
    nowhere else.)"""
    arguments, restore, names, arrays, results = [], [], [], [], []
    for k, (role, value) in enumerate(work.arguments()):
        name = f"arg{k}"
        names.append(name)
        if value in work.parameters or value.replace(".", "").isdigit():
            arguments.append(f"{name} = {value}")
            continue
        arguments.append(f"{name} = {value}")
        is_array = role or "(" in value or "[" in value or value.isidentifier()
        if not is_array or value.startswith("float("):
            continue
        arrays.append(name)
        arguments.append(f"flat_{name} = {name}.reshape(-1)")
        if role:
            results.append(name)
        if role == workloads.INOUT:         # the look waits until a device has done that
            arguments.append(f"old_{name} = {name}.copy()")
            restore += [f"{name}[...] = old_{name}", f"flat_{name}[0]"]
    touch = [f"flat_{name}[0:1].sort()" for name in arrays]
    if results:
        looks = ["if is_host:", *(f"    flat_{name}[0:1].sort()" for name in results), "else:", f"    flat_{results[0]}[0]"]
    else:               # it gives its result back
        looks = ["if is_host:", "    result.reshape(-1)[0:1].sort()", "else:", "    result.reshape(-1)[0]"]
    with open(workloads.DATA) as f:
        data = f.read()

    def indented(lines, n):
        return "\n".join(" " * n + line for line in lines or ["pass"])

    return PROGRAM.format(data=data, definitions=workloads.definitions(work.file), prepare=work.prepare,
                          parameters="\n".join(f"{p} = {d}" for p, d in zip(work.parameters, dims)), arguments="\n".join(arguments),
                          restore=indented(restore, 8), touch=indented(touch, 12), call=f"{'' if results else 'result = '}{work.function}({', '.join(names)})",
                          look=indented(looks, 8))


def write(work, dims, folder):
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, f"{work.name}-{'x'.join(map(str, dims))}.alp")
    with open(path, "w") as f:
        f.write(text(work, dims))
    return path


def run(alpy, options, path, most=1, least=1, seconds=0.0, where="device", environment=None, limit=120.0):
    """Seconds of each execution: at least `least`, then until `seconds` are over, at most `most`."""
    try:
        done = subprocess.run([alpy, *options, path, str(most), str(least), str(seconds), where], capture_output=True, text=True, timeout=limit,
                              env={**os.environ, **(environment or {})})
    except subprocess.TimeoutExpired:
        raise Failed(f"no end after {limit:.0f} s") from None
    if done.returncode:
        raise Failed((done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1])
    return [float(t) for t in done.stdout.split()]
