#!/usr/bin/env python3
"""Of several GPUs: which one does device auto open, and what does `alpy explain` tell?  On the stand-in, by a profile of this machine that says that the
processor is very slow and which GPUs there are.

    tests/gpu/several.py ALPY STANDIN PROFILE           a recorded profile with two GPUs, the second one better
"""
import json
import os
import subprocess
import sys
import tempfile

ALPY, STANDIN, RECORDED = sys.argv[1:]
PROGRAM = """import numpy as np
n = 200000
a = np.array([1.0] * n)
def work(a):
    for i in range(n):
        for k in range(20):
            a[i] = a[i] * 0.5 + 1.0
for r in range(3):
    work(a)
    str(r)
print(a[7])
"""
# Executions of which each alone is not worth waiting for a GPU.
MANY = PROGRAM.replace("range(3)", "range(800)").replace("n = 200000", "n = 300000")
results = []


def check(ok, what):
    results.append(bool(ok))
    if not ok:
        print("failed:", what)


def profile_of(folder, gpus, is_slow=True):
    """This machine's, as if its processor were very slow, with these GPUs."""
    path = os.path.join(folder, "profile.json")
    m = json.loads(run([ALPY, "profile", "--show", "--json"], folder).stdout)
    ops = dict.fromkeys(("int", "int_div", "f32", "f32_div", "f32_fun", "f64", "f64_div", "f64_fun"), 2000)
    m["date"] = "2026-01-01T00:00:00Z"
    if is_slow:
        m["host"].update(interp_ns_per_op=8000, executor_ns_per_op=6000, scalar_ns=ops, vector_ns=ops, chain_ns=ops)
    m["gpus"] = gpus
    with open(path, "w", encoding="utf-8") as f:
        json.dump(m, f)
    return path


def run(command, folder, **variables):
    env = {k: v for k, v in os.environ.items() if k != "CUDA_VISIBLE_DEVICES"}
    env.update(ALPY_CACHE_DIR=tempfile.mkdtemp(dir=folder), ALPY_CUDA_DRIVER=STANDIN, ALPY_NVRTC=STANDIN, **variables)
    return subprocess.run(command, capture_output=True, text=True, timeout=300, env=env)


def shown(gpus):
    return ",".join(f"{g['name']}:{g['multiprocessors']}" for g in gpus)


def explain(folder, profile, devices, *options, program=PROGRAM, **variables):
    """Of the outermost loop: which GPU ran it (None: one of one), and the candidates by their numbers."""
    r = run([ALPY, "explain", "--json", *options, "-c", program], folder, ALPY_PROFILE=profile, ALPY_STANDIN_DEVICES=devices, **variables)
    check(r.returncode == 0 and r.stderr == "2.0\n", f"{devices}: {r.returncode} {r.stderr}")
    loop = [x for x in json.loads(r.stdout)["loops"] if x["function"] == "work" and x["depth"] == 1]
    return loop[-1]["device"], loop[-1]["gpu"], {c["gpu"]: c for c in loop[-1]["candidates"] if c["device"] == "gpu"}


def main():
    with open(RECORDED, encoding="utf-8") as f:
        small, large = json.load(f)["gpus"]
    with tempfile.TemporaryDirectory() as folder:
        profile = profile_of(folder, [small, large])
        both = shown([small, large])
        device, gpu, by = explain(folder, profile, both)
        check(device == "gpu" and gpu == 1 and sorted(by) == [0, 1], f"the better one: {device} {gpu} {by}")
        check(by[0]["reason"] == "other-gpu-in-use" and by[1]["reason"] == "" and by[0]["predicted_ns"] > by[1]["predicted_ns"], f"told: {by}")
        text = run([ALPY, "explain", "-c", PROGRAM], folder, ALPY_PROFILE=profile, ALPY_STANDIN_DEVICES=both).stdout
        flat = " ".join(text.replace("|", " ").split())
        check("; gpu 1 " in flat and "chosen: gpu 1: " in flat and "(another GPU is in use: an interpreter uses one)" in flat, f"as text: {text}")
        device, gpu, by = explain(folder, profile, shown([large, small]))
        check(device == "gpu" and gpu == 0 and by[0]["predicted_ns"] < by[1]["predicted_ns"], f"the driver shows them the other way round: {gpu} {by}")
        for options, variables, what in ((["--gpu", "0"], {}, "named"), ([], {"CUDA_VISIBLE_DEVICES": "1"}, "one is visible")):
            device, gpu, by = explain(folder, profile, shown([large]) if variables else both, *options, **variables)
            check(device == "gpu" and gpu is None and list(by) == [None] and by[None]["reason"] == "", f"{what}: {device} {gpu} {by}")
        device, gpu, by = explain(folder, profile, "One:132")
        check(device == "gpu" and gpu is None and list(by) == [None], f"another one alone: {device} {gpu} {by}")
        device, gpu, by = explain(folder, profile_of(folder, []), "Alike:132,Alike:132")
        check(device == "gpu" and gpu == 0 and sorted(by) == [0, 1], f"two that the profile does not know: {device} {gpu} {by}")
        device, gpu, by = explain(folder, profile_of(folder, []), "Small:2,Large:132")
        check(device == "gpu" and gpu == 1 and by[0]["predicted_ns"] > by[1]["predicted_ns"], f"two kinds that the profile does not know: {device} {gpu} {by}")
        for gpus in ([small, large], [large, small]):
            _, _, by = explain(folder, profile_of(folder, [small, large], is_slow=False), shown(gpus), program=MANY)
            used = gpus.index(large)
            check(by[used]["reason"] == "" and by[1 - used]["reason"] == "other-gpu-in-use", f"opened in the background: {used}: {by}")
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed")
    return not all(results)


sys.exit(main())
