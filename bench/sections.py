"""Puts what the parts of bench/run found into docs/performance.md, between the markers of each; the text around them stays."""
import json
import os

import measure

# The nests that stand in the document, of all that run_analysis.py measures.
NESTS = ["saxpy", "2mm", "adi", "cholesky", "floyd_warshall", "gemm", "heat_3d", "lu", "nussinov", "cg_csr", "nbody", "50 statements", "200 statements"]
GPU_CONTESTANTS = {"alpy": "alpy", "alpy fast": "alpy `--fp=fast`", "cuda": "CUDA C", "numba": "numba-cuda", "cupy": "CuPy"}


def load(folder, name):
    with open(os.path.join(folder, name)) as f:
        return json.load(f)


def as_printed(name):
    def text(folder):
        with open(os.path.join(folder, name + ".md")) as f:
            return f.read()
    return text


def analysis(folder):
    """The nests of NESTS, build and plan together, and the sentences about all of them."""
    found = load(folder, "analysis.json")["tables"]["nests"]
    rows = [[n["nest"], n["statements"], n["references"], n["first, us"], n["both, us"], n["enter, us"], n["decide, us"]]
            for name in NESTS for n in found if n["nest"].split(",")[0] == name]
    with open(os.path.join(folder, "analysis.md")) as f:
        sums = [line.strip() for line in f if " nests: build and plan median" in line]
    head = ["nest", "statements", "references", "first, µs", "build and plan, µs", "entering, µs", "decided again, µs"]
    lines = [f"{whose}: {text}" for whose, text in zip(("PolyBench", "Samples"), sums)]
    return measure.markdown(head, rows) + "\n\n" + "\n".join(lines)


def gpu(folder):
    """Milliseconds, and how alpy's default compares."""
    found = load(folder, "gpu.json")
    present = [c for c in GPU_CONTESTANTS if any(c in row for name, row in found.items() if name != "copy")]
    rows = []
    for name, row in found.items():
        if name == "copy" or "alpy" not in row:
            continue
        own = row["alpy"]["median"]
        others = {c: row[c]["median"] for c in row if not c.startswith("alpy")}
        rows.append([name, row["alpy"]["size"], *(f"{row[c]['median'] * 1e3:.3f}" if c in row else "" for c in present),
                     f"{row['alpy']['GB/s']:.0f}" if row["alpy"]["GB/s"] else "", measure.number(others["cuda"] / own) if "cuda" in others else "",
                     measure.number(min(others.values()) / own) if others else ""])
    text = measure.markdown(["work", "size", *(GPU_CONTESTANTS[c] for c in present), "GB/s of alpy", "to CUDA C", "to the best"], rows)
    if "copy" in found:
        text = f"Milliseconds. A device-to-device copy reaches {found['copy']['cuda']['GB/s']:.0f} GB/s.\n\n" + text
    return text


SECTIONS = {"scalar": as_printed("scalar"), "figures": as_printed("figures"), "reduce": as_printed("reduce"), "analysis": analysis, "gpu": gpu}
# These scripts know --update themselves.
THEMSELVES = ("cpu", "regret")


def update(name, folder, facts):
    """False: the document has no section of that name."""
    if name not in SECTIONS:
        return name in THEMSELVES
    text = SECTIONS[name](folder)
    return measure.update_section(measure.DOCUMENT, name, f"Measured {facts['date']} on {measure.describe(facts)}.\n\n{text}")
