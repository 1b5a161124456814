"""What all benchmarks share: running commands in turns, with their times and memory; medians, means and intervals; tables that are written as
Markdown, CSV and JSON; sections of documents; what the machine has."""
import csv
import importlib.util
import json
import math
import os
import platform
import random
import re
import shutil
import statistics
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DOCUMENT = os.path.join(ROOT, "docs", "performance.md")
IMAGES = os.path.join(ROOT, "docs", "img")


# ---- running -----------------------------------------------------------------------------------------------------------------

class Run:
    """One finished run: elapsed, user, and user + system time in seconds; standard output."""

    def __init__(self, command, **keywords):
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.PIPE, **keywords)
        self.output = process.stdout.read()
        process.stdout.close()
        _, status, usage = os.wait4(process.pid, 0)
        self.elapsed = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)      # subprocess need not wait again
        if process.returncode != 0:
            sys.exit(f"{' '.join(command)}: exit status {process.returncode}")
        self.user = usage.ru_utime
        self.cpu = usage.ru_utime + usage.ru_stime


def peak_megabytes(command):
    """Peak memory of a program that prints something and then waits in input().  Not wait4's figure: that includes what
    this process held when it forked."""
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    process.stdout.readline()
    with open(f"/proc/{process.pid}/status") as status:
        peak = [line.split()[1] for line in status if line.startswith("VmHWM:")]
    process.communicate(b"\n")
    return int(peak[0]) / 1024 if peak else float("nan")


def rotated(items, k):
    """The items, beginning with another one each time: turns whose order does not favour anybody."""
    k %= len(items)
    return items[k:] + items[:k]


def alternate(commands, reps, **keywords):
    """Runs of each command, in turns, so that a change of the machine's speed meets all of them; list of lists."""
    runs = [[] for _ in commands]
    for _ in range(reps):
        for k, command in enumerate(commands):
            runs[k].append(Run(command, **keywords))
    return runs


def median(runs, what="user"):
    return statistics.median(getattr(run, what) for run in runs)


# ---- numbers -----------------------------------------------------------------------------------------------------------------

def geometric_mean(values):
    values = list(values)
    return math.exp(sum(map(math.log, values)) / len(values)) if values else None


def quartiles(times):
    if len(times) < 2:
        return times * 3
    return statistics.quantiles(times, n=4, method="inclusive")


def signed_rank_limit(n, confidence):
    """The largest k so that between the k-th lowest and the k-th highest of the n (n + 1) / 2 means of pairs lies the middle with at least this
    confidence, by the exact distribution of Wilcoxon's signed-rank statistic; 0: too few."""
    ways = [1] + [0] * (n * (n + 1) // 2)
    for rank in range(1, n + 1):
        for total in range(len(ways) - 1, rank - 1, -1):
            ways[total] += ways[total - rank]
    tail, k = 0, 0
    while 2 * (tail + ways[k]) <= (1 - confidence) * 2 ** n:
        tail += ways[k]
        k += 1
    return k


def paired_ratio(first, second, confidence=0.95):
    """(ratio, low, high): how second compares with first, measured in pairs: the Hodges-Lehmann estimate of the ratio's middle, with its interval.
    Fewer than six pairs have no 95 % interval: then it is from the least to the greatest ratio."""
    logs = [math.log(b / a) for a, b in zip(first, second)]
    means = sorted((x + y) / 2 for k, x in enumerate(logs) for y in logs[k:])
    k = signed_rank_limit(len(logs), confidence)
    low, high = (means[k - 1], means[-k]) if k else (min(logs), max(logs))
    return math.exp(statistics.median(means)), math.exp(low), math.exp(high)


def bootstrap_mean(values, confidence=0.95, samples=2000):
    """(low, high) of the mean, by resampling; the same for the same values."""
    chance = random.Random(1)
    means = sorted(statistics.fmean(chance.choices(values, k=len(values))) for _ in range(samples))
    cut = int(samples * (1 - confidence) / 2)
    return means[cut], means[-1 - cut]


# ---- writing -----------------------------------------------------------------------------------------------------------------

def number(x, digits=2):
    return "" if x is None else f"{x:.{digits}f}"


def milliseconds(t):
    return "" if t is None else f"{t * 1e3:.3g}" if t < 1 else f"{t * 1e3:.0f}"


def duration(t):
    """3.2 us, 41 ms: as few figures as are worth reading."""
    if t is None:
        return ""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if t >= size:
            return f"{t / size:.3g} {unit}"
    return f"{t / 1e-9:.3g} ns"


def markdown(head, rows, left=1):
    """A table; `left` columns are flush left, the others right."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * left + "---:|" * (len(head) - left)]
    return "\n".join(lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows])


class Report:
    """What a script finds: printed as Markdown while it goes on, and kept in a folder as NAME.md, and each table as NAME-TABLE.csv, all as NAME.json."""

    def __init__(self, name, out=None):
        self.name, self.out, self.lines, self.tables, self.facts = name, out, [], {}, {}
        self.head = None

    def say(self, text=""):
        print(text, flush=True)
        self.lines.append(text)

    def table(self, key, head, left=1):
        """Begins a table; add its rows by row()."""
        self.head, self.rows = head, self.tables.setdefault(key, [])
        for line in markdown(head, [], left).splitlines():
            self.say(line)

    def row(self, *cells):
        """A row as it is printed."""
        self.rows.append(dict(zip(self.head, cells)))
        self.say("| " + " | ".join(map(str, cells)) + " |")

    def save(self):
        if not self.out:
            return
        os.makedirs(self.out, exist_ok=True)
        with open(os.path.join(self.out, self.name + ".md"), "w") as f:
            f.write("\n".join(self.lines).strip("\n") + "\n")
        save_json(os.path.join(self.out, self.name + ".json"), {"facts": self.facts, "tables": self.tables})
        for key, rows in self.tables.items():
            save_csv(os.path.join(self.out, f"{self.name}-{key}.csv"), rows)


def save_json(path, value):
    with open(path + ".new", "w") as f:
        json.dump(value, f, indent=1)
    os.replace(path + ".new", path)


def save_csv(path, rows):
    if not rows:
        return
    fields = list(dict.fromkeys(key for row in rows for key in row))
    with open(path, "w", newline="") as f:
        table = csv.DictWriter(f, fields)
        table.writeheader()
        table.writerows(rows)


def marker(name, end):
    return f"<!-- bench/run {name}: {end} -->"


def update_section(path, name, text):
    """Puts text between the markers of a document; what is around them stays.  False: it has none of that name."""
    begin, end = marker(name, "begin"), marker(name, "end")
    with open(path) as f:
        old = f.read()
    if begin not in old or end not in old:
        return False
    with open(path + ".new", "w") as f:
        f.write(old[:old.index(begin) + len(begin)] + "\n" + text.strip("\n") + "\n" + old[old.index(end):])
    os.replace(path + ".new", path)
    return True


def pyplot():
    """matplotlib's pyplot, for files that are the same for the same data; None without it."""
    if not has_module("matplotlib"):
        return None
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "alpy"
    import matplotlib.pyplot

    return matplotlib.pyplot


def save_figure(figure, *folders, name):
    for folder in folders:
        os.makedirs(folder, exist_ok=True)
        figure.savefig(os.path.join(folder, name), bbox_inches="tight", metadata={"Date": None})


# ---- the machine -------------------------------------------------------------------------------------------------------------

def has_module(name):
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:         # its package is not there
        return False


def cores():
    """Processors that this process may use: affinity, and the quota of its control group."""
    n = len(os.sched_getaffinity(0))
    try:
        with open("/sys/fs/cgroup/cpu.max") as f:
            quota, period = f.read().split()
        if quota != "max":
            n = min(n, max(1, round(int(quota) / int(period))))
    except (OSError, ValueError):
        pass
    return n


def cpu_name():
    with open("/proc/cpuinfo") as f:
        return next((line.split(":")[1].strip() for line in f if line.startswith("model name")), platform.machine())


def gpus():
    """Names and driver versions as nvidia-smi tells them; [] without one."""
    if not shutil.which("nvidia-smi"):
        return []
    said = subprocess.run(["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"], capture_output=True, text=True)
    return [line.strip() for line in said.stdout.splitlines() if line.strip()] if said.returncode == 0 else []


def version(command):
    """"gcc 12.2.0"; None if it is not there."""
    if not shutil.which(command):
        return None
    found = re.search(r"\d+\.\d+(\.\d+)?", subprocess.run([command, "--version"], capture_output=True, text=True).stdout)
    return f"{command} {found.group()}" if found else command


def machine():
    """What there is to measure on and against."""
    facts = {"date": time.strftime("%Y-%m-%d"), "cpu": cpu_name(), "cores": cores(), "load": round(os.getloadavg()[0], 2), "gpus": gpus(),
             "python": platform.python_version()}
    facts["programs"] = {name: version(name) for name in ("gcc", "clang", "nvcc")}
    facts["modules"] = {name: has_module(name) for name in ("numpy", "numba", "numba.cuda", "cupy", "matplotlib")}
    return facts


def describe(facts):
    return f"{facts['cores']} cores of {facts['cpu']}" + "".join(f", {g}" for g in facts["gpus"])


# ---- options -----------------------------------------------------------------------------------------------------------------

def arguments(parser):
    """The options that every script has."""
    parser.add_argument("--alpy", default=os.path.join(ROOT, "build", "alpy"), help="the program to measure (default: build/alpy)")
    parser.add_argument("--python", default=sys.executable, help="CPython with NumPy to compare with (default: this one)")
    parser.add_argument("--out", help="folder for the tables as Markdown, CSV and JSON")
    args = parser.parse_args()
    args.alpy = os.path.abspath(args.alpy)
    return args


if __name__ == "__main__":
    print(json.dumps(machine(), indent=1))
