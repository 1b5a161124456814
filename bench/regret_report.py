"""Tables and plot of the regret measurements (regret.py), from its rows."""
import collections
import json
import os
import statistics
import subprocess

import loops
import measure
import workloads

SITUATIONS = {
    "cold": "first execution, no kernels",
    "ten": "first ten executions, no kernels",
    "disk": "first execution, kernels on disk",
    "steady": "later executions",
    "host": "later executions, data and results on the host",
}
# Mean slowdown that is aimed at, and the worst.
GOALS = {"cold": (1.10, 2.0), "ten": (1.10, 2.0), "disk": (1.05, 2.0), "steady": (1.05, 2.0), "host": (1.05, 2.0)}


class Cell:
    """One program, size and situation: every target's time, and auto's."""

    def __init__(self, key, rows):
        self.kernel, self.suite, self.size, self.dims, self.situation = key
        fixed = [r for r in rows if r["target"] != "auto"]
        self.auto = next(r for r in rows if r["target"] == "auto")
        self.best = min(fixed, key=lambda r: r["seconds"])
        self.ratio = self.auto["seconds"] / self.best["seconds"]
        self.ratio_of_least = self.auto["least"] / min(r["least"] for r in fixed)


def cells(rows):
    groups = collections.defaultdict(list)
    for r in rows:
        groups[r["kernel"], r["suite"], r["size"], r["dims"], r["situation"]].append(r)
    return [Cell(key, g) for key, g in groups.items() if len(g) > 1 and any(r["target"] == "auto" for r in g)]


def explained(text):
    """The loops of `alpy explain --json`."""
    return json.loads(text[text.index("{"):])["loops"]


def paths(args):
    return os.path.join(args.out, "regret.json"), os.path.join(args.out, "regret-times.csv"), os.path.join(args.out, "regret.csv")


def save(args, results):
    whole, times, regrets = paths(args)
    measure.save_json(whole, results)
    measure.save_csv(times, results["rows"])
    measure.save_csv(regrets, [{"kernel": c.kernel, "suite": c.suite, "dims": c.dims, "situation": c.situation, "auto_seconds": c.auto["seconds"],
                                "best": c.best["target"], "best_seconds": c.best["seconds"], "ratio": round(c.ratio, 4),
                                "ratio_of_least": round(c.ratio_of_least, 4)}
                               for c in cells(results["rows"])])


def load(args):
    """The results to report on; of several the later ones count where they tell of the same."""
    results = None
    for path in args.report or [paths(args)[0]]:
        with open(path) as f:
            one = json.load(f)
        if results is None:
            results = one
            continue
        again = {(r["kernel"], r["dims"]) for r in one["rows"]}
        results["rows"] = [r for r in results["rows"] if (r["kernel"], r["dims"]) not in again] + one["rows"]
        results["left_out"] += one["left_out"]
        results["problems"] += one["problems"]
        results["targets"] += [t for t in one["targets"] if t not in results["targets"]]
        results.pop("worst", None)
    return results


def percent(ratio):
    return f"{100 * (ratio - 1):+.1f} %"


def summary_rows(found):
    for situation, meaning in SITUATIONS.items():
        ratios = [c.ratio for c in found if c.situation == situation]
        if not ratios:
            continue
        mean, worst = statistics.fmean(ratios), max(ratios)
        of_least = statistics.fmean(c.ratio_of_least for c in found if c.situation == situation)
        low, high = measure.bootstrap_mean(ratios)
        total = sum(c.auto["seconds"] for c in found if c.situation == situation) / sum(c.best["seconds"] for c in found if c.situation == situation)
        goal, most = GOALS[situation]
        yield [meaning, len(ratios), percent(mean), f"{percent(low)} to {percent(high)}", percent(of_least), percent(measure.geometric_mean(ratios)),
               percent(statistics.median(ratios)), percent(total), sum(r > most for r in ratios), measure.number(worst),
               "yes" if mean <= goal and worst <= most else "no"]


SUMMARY_HEAD = ["situation", "cases", "mean slowdown", "95 % interval", "by least times", "geometric mean", "median", "of total time", "worse than 2 times",
                "worst", "goals reached"]


def by_suite(found):
    """Mean slowdown of each suite, a column per situation."""
    suites = list(dict.fromkeys(c.suite for c in found))
    present = [s for s in SITUATIONS if any(c.situation == s for c in found)]
    rows = []
    for suite in suites:
        means = []
        for situation in present:
            ratios = [c.ratio for c in found if c.suite == suite and c.situation == situation]
            means.append(percent(statistics.fmean(ratios)) if ratios else "")
        rows.append([suite, len({c.kernel for c in found if c.suite == suite}), *means])
    return ["suite", "programs", *present], rows


def ask_why(args, cell):
    """Where auto ran the nests of this case, by `alpy explain` on a repetition."""
    work = workloads.BY_NAME[cell.kernel]
    dims = tuple(map(int, cell.dims.split("x")))
    path = loops.write(work, dims, os.path.join(args.out, "programs"))
    folder = os.path.join(args.out, "cache", "why")
    environment = {**os.environ, "ALPY_CACHE_DIR": folder, "XDG_CACHE_HOME": folder, **({"ALPY_PROFILE": args.profile} if args.profile else {})}
    subprocess.run(["rm", "-rf", folder], check=True)
    os.makedirs(folder, mode=0o700)
    n = {"cold": 1, "disk": 1, "ten": 10}.get(cell.situation, 40)
    where = "host" if cell.situation == "host" else "device"
    command = [path, str(n), str(n), "0", where]
    try:
        if cell.situation not in ("cold", "ten"):
            device = "gpu" if cell.best["target"] == "gpu" else "cpu"
            subprocess.run([args.alpy, f"--device={device}", *command], capture_output=True, env=environment, timeout=100)
        done = subprocess.run([args.alpy, "explain", "--json", "--device=auto", *command], capture_output=True, text=True, env=environment, timeout=100)
        found = explained(done.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired) as e:
        return f"({e})"
    named = [f"line {loop['line']}: {loop['device'] or 'interp'} x {loop['runs']}" + (f" ({loop['device_reason']})" if loop["device_reason"] else "")
             for loop in found if loop["runs"] and loop["depth"] == 1 and loop["function"] not in OWN and loop["outcome"] != "none"]
    return "; ".join(named[:6])


# Functions of the programs that are not measured: loops.py's and data.alp's.
OWN = ("", "measure", "mix", "definite", "laplacian", "paths")
WORST_HEAD = ["situation", "program", "size", "auto", "best target", "its time", "ratio", "of the least times", "what auto ran"]


def worst(args, found, n=10):
    """The worst of each situation; the worst of all with what auto did."""
    chosen = []
    for situation in SITUATIONS:
        chosen += sorted((c for c in found if c.situation == situation and c.ratio > 1.05), key=lambda c: -c.ratio)[:n]
    asked = sorted(chosen, key=lambda c: -c.ratio)[:args.explain]
    rows = []
    for c in chosen:
        rows.append([c.situation, c.kernel, c.dims, measure.duration(c.auto["seconds"]), c.best["target"], measure.duration(c.best["seconds"]),
                     measure.number(c.ratio), measure.number(c.ratio_of_least), ask_why(args, c) if c in asked else ""])
    return rows


def best_targets(found):
    """How often each target is the best one: that there is something to choose."""
    present = [s for s in SITUATIONS if any(c.situation == s for c in found)]
    count = collections.Counter((c.best["target"], c.situation) for c in found)
    names = sorted({c.best["target"] for c in found})
    return ["best target", *present], [[t, *[count[t, s] for s in present]] for t in names]


def plot(found, name, *folders):
    plt = measure.pyplot()
    present = [s for s in SITUATIONS if any(c.situation == s for c in found)]
    if not plt or not present:
        return []
    figure, every = plt.subplots(1, len(present), figsize=(3.4 * len(present), 3.4), sharey=True, squeeze=False)
    best = sorted({c.best["target"] for c in found})
    for axes, situation in zip(every[0], present):
        for k, target in enumerate(best):
            some = [c for c in found if c.situation == situation and c.best["target"] == target]
            axes.scatter([c.best["seconds"] for c in some], [c.ratio for c in some], s=9, label=target, alpha=0.7, color=f"C{k}")
        axes.axhline(1.0, color="black", linewidth=0.8)
        axes.axhline(2.0, color="tab:red", linewidth=0.8, linestyle="--")
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_title(SITUATIONS[situation], fontsize=8)
        axes.set_xlabel("time of the best target, s", fontsize=8)
        axes.tick_params(labelsize=7)
    every[0][0].set_ylabel("auto / best", fontsize=8)
    every[0][-1].legend(title="best target", fontsize=7, title_fontsize=7)
    measure.save_figure(figure, *folders, name=name)
    plt.close(figure)
    return [name]


def section(args, results, pictures):
    """The Markdown; pictures are named relative to where it will stand."""
    found = cells(results["rows"])
    facts = results["machine"]
    n = len({c.kernel for c in found})
    parts = [f"Measured {facts['date']} on {measure.describe(facts)}; {n} programs; targets: {', '.join(results['targets'])}; "
             + ("another machine's profile." if results["is_foreign"] else "profile measured." if results["profile"] else "no profile measured (probed values)."),
             measure.markdown(SUMMARY_HEAD, summary_rows(found)), *(f"![Time of auto relative to the best target]({p})" for p in pictures),
             measure.markdown(*by_suite(found)), measure.markdown(*best_targets(found)),
             "The worst of each situation:\n\n" + measure.markdown(WORST_HEAD, results["worst"], left=3)]
    if results["left_out"]:
        count = collections.Counter(row["target"] for row in results["left_out"])
        parts.append(f"Not run, for being slower than {args.cap:g} s and three times the best one by extrapolation: "
                     + ", ".join(f"{t} in {k} cases" for t, k in count.items()) + ".")
    if results["problems"]:
        parts.append("What went wrong:\n\n" + "\n".join(f"- {p}" for p in results["problems"]))
    return "\n\n".join(parts) + "\n"


def write(args, results):
    found = cells(results["rows"])
    if "worst" not in results:
        results["worst"] = worst(args, found)
    save(args, results)
    text = section(args, results, plot(found, "regret.svg", args.out))
    with open(os.path.join(args.out, "regret.md"), "w") as f:
        f.write(text)
    print(text)
    if args.update:
        name = args.section or ("regret-foreign" if results["is_foreign"] else "regret-gpu" if "gpu" in results["targets"] else "regret")
        pictures = [os.path.join("img", p) for p in plot(found, name + ".svg", measure.IMAGES)]
        measure.update_section(measure.DOCUMENT, name, section(args, results, pictures))
