#!/usr/bin/env python3
"""`alpy explain`: what it says about the programs of this folder, the JSON schema, and the lists in docs/explain.md.

    tests/explain/run.py [--alpy build/alpy] [--filter TEXT] [--record]

Beside each program lie NAME.txt, what `alpy explain` prints, and NAME.json, what `alpy explain --json` does, indented.  Both are alpy's own, reviewed;
--record writes them.  Measured times are left out, and so are back ends: which there are depends on the machine.  The last line printed is "N passed, N failed"; exit status 1 if any failed.
"""
import argparse
import json
import os
import re
import subprocess
import sys

FOLDER = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(FOLDER))

import suite  # noqa: E402

SCHEMA_VERSION = 1

# field: types, or what a value must satisfy.  docs/explain.md lists the same names in the same order.
PLACE = {"file": str, "line": int, "column": int}
LOOP = {
    "file": str, "line": int, "column": int, "depth": int, "kind": {"for", "while"}, "variable": str, "function": str, "outcome": "outcomes",
    "reason": "reasons", "because": str, "detail": str, "where": (PLACE, None), "decided": str, "transforms": [str], "guards": str, "advice": str,
    "device": {"", "interp", "reference", "cpu", "gpu"}, "device_reason": str, "device_detail": str,
    "choice": str, "candidates": [{"device": str, "threads": int, "gpu": (int, None), "predicted_ns": (int, None), "measured_ns": (int, None), "copy_ns": (int, None),
                                   "reason": str}],
    "threads": int, "gpu": (int, None), "runs": int, "iterations": int, "other_runs": int, "launches": int,
    "bytes_to_device": int, "bytes_from_device": int, "measured_ns": (int, None),
}
REPORT = {
    "version": {SCHEMA_VERSION}, "alpy": str,
    "analysis": {"nests_built": int, "plans_built": int, "plans_reused": int, "ns": int},
    "back_end": str,
    "profile": str,
    "kernels": {"made": int, "from_disk": int, "from_memory": int, "failed": int, "ns": int},
    "gpu": {"launches": int, "bytes_to_device": int, "bytes_from_device": int, "array_operations": int},
    "loops": [LOOP],
}


def table(text, heading):
    """The cells of the first table below a heading, row by row."""
    lines = text[text.index(f"\n{heading}\n"):].split("\n")
    start = next(i for i, line in enumerate(lines) if line.startswith("|---"))
    rows = []
    for line in lines[start + 1:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip().strip("|").split("|")])
    return rows


class Lists:
    """The closed lists, as the sources have them."""

    def __init__(self):
        def read(*path):
            with open(os.path.join(suite.ROOT, *path), encoding="utf-8") as f:
                return f.read()
        text = r'"((?:[^"\\]|\\.)*)"'
        self.rows = re.findall(rf"^REASON\(\w+,\s*{text},\s*{text},\s*{text}\)", read("profile", "reason_list.h"), re.MULTILINE)
        names = re.search(r"name\[\] = \{(.*?)\}", read("profile", "reason.c"), re.DOTALL)
        self.outcomes = re.findall(r'"(.*?)"', names.group(1))
        self.reasons = [row[0] for row in self.rows]
        self.docs = read("docs", "explain.md")

    def complaints(self):
        """Where docs/explain.md says something else."""
        said = [(name.strip("`"), text, "" if advice == "–" else advice) for name, text, advice in table(self.docs, "## Reasons")]
        if said != self.rows:
            for k in range(max(len(said), len(self.rows))):
                a, b = said[k:k + 1], self.rows[k:k + 1]
                if a != b:
                    yield f"docs/explain.md, reasons: {a}, in reason_list.h: {b}"
                    break
        outcomes = [row[0].strip("`") for row in table(self.docs, "## Outcomes")]
        if outcomes != self.outcomes:
            yield f"docs/explain.md, outcomes: {outcomes}, in reason.c: {self.outcomes}"
        fields = [row[0].strip("`") for row in table(self.docs, "### Fields of a loop")]
        if fields != list(LOOP):
            yield f"docs/explain.md, fields of a loop: {fields}, in the schema: {list(LOOP)}"


def violations(value, schema, lists, where):
    """Where a decoded JSON value departs from the schema."""
    if isinstance(schema, tuple):
        if value is None and None in schema:
            return
        schema = schema[0]
    if isinstance(schema, dict):
        if not isinstance(value, dict) or list(value) != list(schema):
            yield f"{where}: {value!r} has not the fields {list(schema)}"
            return
        for name, inner in schema.items():
            yield from violations(value[name], inner, lists, f"{where}.{name}")
    elif isinstance(schema, list):
        if not isinstance(value, list):
            yield f"{where}: no list"
            return
        for k, item in enumerate(value):
            yield from violations(item, schema[0], lists, f"{where}[{k}]")
    elif isinstance(schema, set):
        if value not in schema:
            yield f"{where}: {value!r} is not in {schema}"
    elif isinstance(schema, str):
        if value not in getattr(lists, schema):
            yield f"{where}: {value!r} is not in the list of {schema}"
    elif type(value) is not schema or (schema is int and value < 0):
        yield f"{where}: {value!r} is no {schema.__name__}"


def contradictions(report, lists):
    """What no report may say, whatever the program is."""
    places = []
    for k, loop in enumerate(report["loops"]):
        where = f"loops[{k}]"
        row = lists.rows[lists.reasons.index(loop["reason"])]
        if (loop["because"], loop["advice"]) != row[1:]:
            yield f"{where}: texts are not those of {loop['reason']}"
        if loop["line"] < 1 or loop["column"] < 1 or loop["depth"] < 1:
            yield f"{where}: no place"
        if (loop["outcome"] == "none") != (loop["reason"] == "not-reached") or (loop["outcome"] == "none") != (loop["runs"] == 0):
            yield f"{where}: reached or not?"
        place = (loop["file"], loop["line"], loop["column"])
        if place not in places:
            places.append(place)
        elif place != places[-1]:
            yield f"{where}: its cases are not together"
    for file in {p[0] for p in places}:
        if [p for p in places if p[0] == file] != sorted(p for p in places if p[0] == file):
            yield f"{file}: not in order of lines"


def run(alpy, test, options):
    """(complaints, standard output) of one run."""
    p = subprocess.run([alpy, "explain", "--device=interp", *options, test.file, *test.args], cwd=test.folder, capture_output=True, timeout=120)
    complaints = []
    if p.returncode != test.exit_status():
        complaints.append(f"exit status {p.returncode}, expected {test.exit_status()}\n{p.stderr.decode()}")
    return complaints, p.stdout.replace(test.folder.encode() + b"/", b"").decode()


def check(alpy, test, lists, record):
    complaints, text = run(alpy, test, [])
    more, raw = run(alpy, test, ["--json"])
    complaints += more
    report = json.loads(raw)
    complaints += violations(report, REPORT, lists, "report")
    if not complaints:
        complaints += contradictions(report, lists)
    report["analysis"]["ns"] = 0
    for loop in report["loops"]:
        loop["measured_ns"] = None
    results = {"txt": suite.without_times(text), "json": json.dumps(report, indent=1, ensure_ascii=False) + "\n"}
    for kind, got in results.items():
        if record:
            with open(test.result_path(kind), "w", encoding="utf-8") as f:
                f.write(got)
            continue
        wanted = test.read(kind)
        if wanted is None:
            complaints.append(f"no {test.name}.{kind}")
        elif wanted != got.encode():
            complaints.append(f"{test.name}.{kind} differs (- expected, + got):")
            complaints += suite.show_difference(wanted, got.encode())
    return complaints


def odd_texts(alpy, lists):
    """Reports of programs whose names and texts need escapes."""
    for name in (b"quote\".alp", b"tab\tline\n.alp", "Zahl…😀.alp".encode(), b"not utf-8 \xff\xc3.alp"):
        with suite.Scratch(FOLDER) as folder:
            path = os.path.join(folder.encode(), name)
            with open(path, "wb") as f:
                f.write("größe = 3\nfor ä in range(größe):\n    print('\"\\\\ …', ä)\n".encode())
            p = subprocess.run([alpy, "explain", "--json", path], capture_output=True, timeout=60)
        report = json.loads(p.stdout.decode())
        yield from violations(report, REPORT, lists, repr(name))
        loop = report["loops"][0]
        if (loop["file"].rsplit("/", 1)[-1], loop["variable"]) != (name.decode("utf-8", "replace"), "ä"):
            yield f"{name}: loop {loop}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--alpy", default=os.path.join(suite.ROOT, "build", "alpy"))
    parser.add_argument("--filter", default="")
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    alpy = os.path.abspath(options.alpy)
    lists = Lists()
    results = [("docs/explain.md", list(lists.complaints())), ("odd texts", list(odd_texts(alpy, lists)))]
    for test in suite.find([FOLDER]):
        if options.filter in test.name and not test.name.startswith("mod_"):
            results.append((test.name, check(alpy, test, lists, options.record)))
    failed = [(name, complaints) for name, complaints in results if complaints]
    for name, complaints in failed:
        print(f"FAIL {name}", *complaints, sep="\n    ")
    print(f"{len(results) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
