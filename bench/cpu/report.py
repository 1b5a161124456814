"""Tables and plots of the CPU benchmarks, from results.json."""
import os

import latency
from measure import DOCUMENT, IMAGES, geometric_mean as mean, describe, machine, markdown, milliseconds, number, pyplot, save_figure, update_section, version
from workloads import BY_NAME, WORKLOADS

C, C_NOFMA = ("gcc", "clang"), ("gcc-nofma", "clang-nofma")
MEMORY_BOUND = ("copy", "triad", "vector_add", "saxpy", "sum", "dot")


class Times:
    """Median seconds by kernel, size, threads and contestant."""

    def __init__(self, rows):
        self.median = {(r["kernel"], r["size"], r["threads"], r["contestant"]): r["median"] for r in rows}
        self.threads = sorted({r["threads"] for r in rows}, reverse=True)
        self.sizes = [s for s in ("large", "small") if any(r["size"] == s for r in rows)]

    def best(self, kernel, size, threads, names):
        """The fastest of some contestants; None if none was there."""
        return min((self.median[key] for key in ((kernel, size, threads, n) for n in names) if key in self.median), default=None)

    def speed(self, kernel, size, threads, who, others):
        """How many times as fast as the fastest of others; None if either is missing."""
        own, other = self.best(kernel, size, threads, [who]), self.best(kernel, size, threads, others)
        return other / own if own and other else None

    def speeds(self, size, threads, who, others):
        found = {w.name: self.speed(w.name, size, threads, who, others) for w in WORKLOADS}
        return {name: s for name, s in found.items() if s is not None}


def summary(times):
    """One row per size and number of threads."""
    rows = []
    for threads in times.threads:
        for size in times.sizes:
            precise = times.speeds(size, threads, "alpy", C)
            if not precise:
                continue
            either = times.speeds(size, threads, "alpy", [*C, "numba"])
            slow = sorted((s, name) for name, s in either.items() if s < 0.6)
            rows.append([size, str(threads), str(len(precise)), number(mean(precise.values())),
                         number(mean(times.speeds(size, threads, "alpy-fast", C).values())),
                         number(mean(times.speeds(size, threads, "alpy", C_NOFMA).values())),
                         number(mean(times.speeds(size, threads, "alpy", ["numba"]).values())),
                         number(mean(times.speeds(size, threads, "alpy-fast", ["numba-fast"]).values())),
                         number(mean(times.speeds(size, threads, "alpy", ["numpy"]).values())),
                         f"{len(slow)}" + (f" (worst: {slow[0][1]} {slow[0][0]:.2f})" if slow else "")])
    head = ["size", "threads", "kernels", "precise / C", "fast / C", "precise / C without fma", "precise / Numba", "fast / Numba fastmath", "precise / NumPy",
            "below 0.6 of the better of C and Numba"]
    keep = [k for k in range(len(head)) if any(row[k] for row in rows)]
    return markdown([head[k] for k in keep], [[row[k] for k in keep] for row in rows])


def goals(times, results):
    """The figures that were set, beside what was measured, on the largest number of threads."""
    threads, rows = times.threads[0], []

    def goal(text, measured, is_reached):
        rows.append([text, measured, "yes" if is_reached else "no"])

    def over(size, name, who, others):
        return times.speed(name, size, threads, who, others)

    for size in times.sizes:
        c = mean(times.speeds(size, threads, "alpy", C).values())
        numba = mean(times.speeds(size, threads, "alpy", ["numba"]).values())
        either = times.speeds(size, threads, "alpy", [*C, "numba"])
        if c:
            goal(f"{size}: geometric mean at least C's", number(c), c >= 1)
        if numba:
            goal(f"{size}: geometric mean 1.3 times Numba's", number(numba), numba >= 1.3)
        if either:
            slow = sum(s < 0.6 for s in either.values())
            goal(f"{size}: no kernel below 0.6 of the better of C and Numba", f"{slow} of {len(either)}", slow == 0)
    if "large" in times.sizes:
        triad = times.best("triad", "large", threads, C)
        shares = {}
        for name in MEMORY_BOUND:
            own = times.best(name, "large", threads, ["alpy"])
            if own and triad:
                shares[name] = BY_NAME[name].rate("large", own)[0] / BY_NAME["triad"].rate("large", triad)[0]
        if shares:
            worst = min(shares, key=shares.get)
            goal("memory-bound kernels at 90 % of C's triad bandwidth", f"least: {worst}, {100 * shares[worst]:.0f} %", shares[worst] >= 0.9)
        for name in ("sum", "dot"):
            s = over("large", name, "alpy", ["gcc-fastmath"])
            if s:
                goal(f"{name} at the speed of `-ffast-math`", number(s), s >= 0.95)
        for who, share in (("alpy", 0.25), ("alpy-fast", 0.45)):
            s = over("large", "matmul", who, ["numpy"])
            if s:
                goal(f"dgemm from the triple loop, {'fast' if who == 'alpy-fast' else 'precise'}: {100 * share:.0f} % of OpenBLAS",
                     f"{100 * s:.0f} %", s >= share)
    if results["latency"]:
        built, entered = results["latency"]["compilation"], results["latency"]["entry"]
        for kind, what, limit in (("cold first", "first kernel of a process", 25), ("cold further", "further kernels", 10),
                                  ("warm first", "first kernel, from the disk cache", 6), ("warm further", "further kernels, from the disk cache", 1)):
            ms = built[kind]["median"] * 1e3
            goal(f"{what}: at most {limit} ms (median)", f"{ms:.2f} ms", ms <= limit)
        for n, limit in ((1, 5), (2, 10)):
            us = entered[f"overhead, {n} thread" + "s" * (n > 1)] * 1e6
            goal(f"nest entered again, {n} thread{'s' * (n > 1)}: at most {limit} us of overhead", f"{us:.2f} us", us <= limit)
        auto, plain = entered["10 iterations, auto"], entered["10 iterations, interpreted"]
        goal("nest of 10 iterations costs no more than interpreted", f"{auto * 1e6:.2f} us, interpreted {plain * 1e6:.2f} us", auto <= 1.05 * plain + 5e-8)
    return markdown([f"goal, {threads} thread{'s' * (threads > 1)}", "measured", "reached"], rows, 2)


def kernels(times, size, threads):
    """Every kernel: times, and how many times as fast alpy is."""
    rows = []
    for w in WORKLOADS:
        own = times.best(w.name, size, threads, ["alpy"])
        if own is None:
            continue
        rate = w.rate(size, own)
        rows.append([w.name, *[milliseconds(times.best(w.name, size, threads, [n])) for n in ("alpy", "alpy-fast", *C, "numba", "numpy")],
                     *[number(times.speed(w.name, size, threads, who, others)) for who, others in
                       (("alpy", C), ("alpy-fast", C), ("alpy", ["numba"]), ("alpy", ["numpy"]))], f"{rate[0]:.1f} {rate[1]}" if rate else ""])
    return markdown(["kernel", "alpy, ms", "fast, ms", "gcc, ms", "clang, ms", "Numba, ms", "NumPy, ms", "precise / C", "fast / C", "/ Numba", "/ NumPy",
                  "precise, rate"], rows)


def plot(times, threads, folder):
    """A picture per size: speeds relative to the fastest C, sorted.  The pictures' names; none without matplotlib."""
    plt = pyplot()
    if not plt:
        return []
    style = [("alpy", "alpy, precise", "o", "tab:blue"), ("alpy-fast", "alpy, fast", "D", "tab:cyan"), ("numba", "Numba", "s", "tab:orange"),
             ("numpy", "NumPy", "x", "tab:gray")]
    names = []
    for size in times.sizes:
        order = sorted((s, name) for name, s in times.speeds(size, threads, "alpy", C).items())
        if not order:
            continue
        row = {name: k for k, (_, name) in enumerate(order)}
        figure, axes = plt.subplots(figsize=(8, 1.2 + 0.2 * len(order)))
        axes.axvspan(1e-9, 0.6, color="tab:red", alpha=0.08, linewidth=0)
        axes.axvline(1.0, color="black", linewidth=0.8)
        for who, label, marker, colour in reversed(style):
            speeds = {name: s for name, s in times.speeds(size, threads, who, C).items() if name in row}
            axes.scatter(list(speeds.values()), [row[n] for n in speeds], marker=marker, s=24, color=colour, label=label, zorder=3)
        axes.set_xscale("log")
        axes.set_xlim(0.03, 30)
        axes.set_xticks([0.1, 0.3, 0.6, 1, 2, 5, 10], ["0.1", "0.3", "0.6", "1", "2", "5", "10"])
        axes.minorticks_off()
        axes.set_yticks(range(len(order)), [name for _, name in order], fontsize=7)
        axes.set_ylim(-0.7, len(order) - 0.3)
        axes.grid(axis="x", linewidth=0.3)
        axes.set_xlabel(f"times as fast as C (the faster of gcc and clang), {size}, {threads} thread{'s' * (threads > 1)}")
        axes.legend(loc="lower right", fontsize=8)
        name = f"cpu_{size}.svg"
        save_figure(figure, folder, name=name)
        plt.close(figure)
        names.append(name)
    return names


def section(times, results, pictures, sizes_and_threads):
    """The Markdown; pictures are named relative to where it will stand."""
    np_version, numba_version = results.get("versions", ["", ""])
    parts = [f"Measured {results['date']} on {describe(machine())}; {version('gcc')}, {version('clang')}, NumPy {np_version}, Numba {numba_version}. "
             "Ratios say how many times as fast alpy is; summaries are geometric means. C is the faster of gcc and clang, with their default contraction "
             "to fma unless told.", summary(times), goals(times, results)]
    parts += [f"![Speeds relative to C]({p})" for p in pictures]
    for size, threads in sizes_and_threads:
        parts.append(f"{size.capitalize()}, {threads} thread{'s' * (threads > 1)}:\n\n" + kernels(times, size, threads))
    if results["latency"]:
        parts += [markdown(head, rows) for _, head, rows in latency.tables(results["latency"])]
    if results["problems"]:
        parts.append("What went wrong while measuring:\n\n" + "\n".join(f"- {p}" for p in results["problems"]))
    return "\n\n".join(parts) + "\n"


def write(args, results):
    """report.md and pictures in the folder of results, and in docs/ if that is asked for."""
    times = Times(results["rows"])
    if not times.threads:
        return
    every = [(size, threads) for threads in times.threads for size in times.sizes]
    pictures = plot(times, times.threads[0], args.out)
    with open(os.path.join(args.out, "report.md"), "w") as f:
        f.write(section(times, results, pictures, every))
    print(summary(times) + "\n\n" + goals(times, results))
    if args.update:
        pictures = [os.path.join("img", p) for p in plot(times, times.threads[0], IMAGES)]
        update_section(DOCUMENT, "cpu", section(times, results, pictures, [e for e in every if e[1] == times.threads[0]]))
