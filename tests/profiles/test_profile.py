"""`alpy profile` as a program: measuring, the file, damaged files, the progress bar.  Usage: test_profile.py ALPY

Prints "N passed, N failed"; exit status 1 if any failed.
"""
import json
import os
import pty
import stat
import subprocess
import sys
import tempfile

ALPY = os.path.abspath(sys.argv[1])
results = []


def check(ok, what):
    results.append(bool(ok))
    if not ok:
        print("failed:", what)


def run(folder, *args, **variables):
    environment = {k: v for k, v in os.environ.items() if k != "ALPY_PROFILE"}
    environment.update(XDG_CACHE_HOME=folder, **variables)
    return subprocess.run([ALPY, *args], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, env=environment)


def positive(value):
    if isinstance(value, dict):
        return all(positive(v) for v in value.values())
    if isinstance(value, list):
        return all(positive(v) for v in value)
    return isinstance(value, str) or value >= 0


def test_measuring(folder):
    path = os.path.join(folder, "alpy", "profile.json")
    r = run(folder, "profile", "--show")
    check(r.returncode == 0 and "never" in r.stdout and "~" in r.stdout and not r.stderr, f"not measured: {r}")
    check(not os.path.exists(path), "showing writes nothing")
    r = run(folder, "profile", "--quick", "--json")
    check(r.returncode == 0 and not r.stderr, f"measured: {r}")
    m = json.loads(r.stdout)
    with open(path, encoding="utf-8") as f:
        check(f.read() == r.stdout, "what is shown is what is kept")
    check(stat.S_IMODE(os.stat(path).st_mode) == 0o600 and os.listdir(os.path.dirname(path)) == ["profile.json"], "one file, its owner's")
    h = m["host"]
    check(m["version"] == 1 and m["kind"] == "alpy machine profile" and m["date"].endswith("Z") and positive(m), "schema")
    check(1 <= h["cores"] <= len(os.sched_getaffinity(0)), "cores")
    check(h["threads"][0] == 1 and h["threads"][-1] == h["cores"] and len(h["fork_ns"]) <= len(h["threads"]), "threads")
    check(0.3 < h["clock_ghz"] < 10, f"clock: {h['clock_ghz']}")
    check(0.1 < h["interp_ns_per_op"] < 5000 and len(h["interp_ns"]) >= 7, "interpreter")
    check(all(len(level["bytes_per_ns"]) == len(h["threads"]) and 0.1 < level["latency_ns"] < 1e5 for level in h["levels"]), "memory")
    check(h["levels"][0]["latency_ns"] < h["levels"][3]["latency_ns"], "memory is slower than the first cache")
    r = run(folder, "profile", "--show")
    check(r.returncode == 0 and m["date"] in r.stdout and not r.stderr, f"measured before: {r}")
    return path


def test_other_files(folder, path):
    other = os.path.join(folder, "other.json")
    with open(path, encoding="utf-8") as f:
        text = f.read()
    m = json.loads(text)
    m["host"]["cpu"] = "Another CPU"
    foreign = json.dumps(m)
    program = ["-c", "import numpy as np\na = np.zeros(5000)\nfor i in range(5000): a[i] = i\nprint(a.sum())"]
    for name, damaged in (("cut", text[:len(text) // 2]), ("empty", ""), ("not JSON", "hello"), ("another version", text.replace('"version": 1', '"version": 9')),
                          ("another machine", foreign), ("bytes", "\x00\xff" * 100)):
        with open(other, "w", encoding="latin-1") as f:
            f.write(damaged)
        r = run(folder, "profile", "--show", ALPY_PROFILE=other)
        check(r.returncode == 0 and "is not used" in r.stderr and "never" in r.stdout, f"{name}: {r}")
        r = run(folder, *program, ALPY_PROFILE=other)
        check(r.returncode == 0 and r.stdout == "12497500.0\n" and not r.stderr, f"{name}: {r}")
        r = run(folder, "profile", "--show", "--out", other)
        check((r.returncode == 0) == (name == "another machine"), f"{name}, named: {r}")
    r = run(folder, "profile", "--show", ALPY_PROFILE="")
    check(r.returncode == 0 and "never" in r.stdout, f"no file wanted: {r}")
    r = run(folder, "profile", "--quick", "--out", os.path.join(folder, "nowhere", "x.json"))
    check(r.returncode == 1 and "No such file" in r.stderr and not r.stdout, f"no folder: {r}")


def test_bar(folder):
    """On a terminal, and erased at the end."""
    parent, child = pty.openpty()
    p = subprocess.Popen([ALPY, "profile", "--quick", "--out", os.path.join(folder, "bar.json")], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=child)
    os.close(child)
    drawn = b""
    while True:
        try:
            piece = os.read(parent, 4096)
        except OSError:
            break
        if not piece:
            break
        drawn += piece
    check(p.wait(timeout=120) == 0 and b"[####" in drawn and b"100%" in drawn and drawn.endswith(b" \r"), f"bar: {drawn[-200:]!r}")
    os.close(parent)


with tempfile.TemporaryDirectory() as folder:
    test_other_files(folder, test_measuring(folder))
    test_bar(folder)
print(f"{results.count(True)} passed, {results.count(False)} failed")
sys.exit(0 if all(results) else 1)
