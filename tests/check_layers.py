"""Includes point left only: dsl <- profile <- interp <- jit/nest <- jit/depend <- jit/plan <- jit/cpu, jit/gpu.

The program's own files and the API tests see <alpy.h> alone; interp/api.c and interp/api_profile.c are where all is put together, and see every layer.
Usage: check_layers.py ROOT
"""
import pathlib
import re
import sys

LAYERS = ["dsl", "profile", "interp", "jit/nest", "jit/depend", "jit/plan", ("jit/cpu", "jit/gpu")]
CLIENTS = {"interp/main.c", "interp/cli_explain.c", "interp/cli_profile.c", "interp/repl.c", "interp/line.c"}
ROOTS_OF_COMPOSITION = {"interp/api.c", "interp/api_profile.c"}


def layer(path):
    for rank, names in enumerate(LAYERS):
        for name in names if isinstance(names, tuple) else (names,):
            if path.startswith(name + "/"):
                return rank, name
    return (LAYERS.index("interp") + 1, "jit") if path.startswith("jit/") else None


def main(top):
    files = [p for d in ("dsl", "profile", "interp", "jit", "tests/api", "samples/embed")
             for p in sorted((top / d).rglob("*")) if p.suffix in (".c", ".h", ".re", ".cpp")]
    checked = wrong = 0
    for path in files:
        name = path.relative_to(top).as_posix()
        client = name in CLIENTS or not name.startswith(("dsl/", "profile/", "interp/", "jit/"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            found = re.match(r'\s*#\s*include\s*"([^"]+)"', line)
            if not found:
                continue
            target = found.group(1)
            checked += 1
            complaint = None
            if client and layer(target):
                complaint = "a client of the library includes an internal header"
            elif not client and name not in ROOTS_OF_COMPOSITION:
                here, there = layer(name), layer(target)
                if there and (there[0] > here[0] or (there[0] == here[0] and there[1] != here[1])):
                    complaint = "includes point left only"
                elif not there and not (path.parent / target).exists() and not target.startswith("tests/"):
                    complaint = "include paths start at the root of the repository"
            if complaint:
                wrong += 1
                print(f"{name}:{number}: {target}: {complaint}")
    print(f"{checked} includes in {len(files)} files")
    return 1 if wrong or checked < 50 else 0


sys.exit(main(pathlib.Path(sys.argv[1])))
