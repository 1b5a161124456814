"""Install the library into a fresh folder, build samples/embed against it through pkg-config, and run it.

Usage: run_installed.py BUILD_FOLDER   (of a configured and compiled alpy)
The header, the program and the man page must be installed too.  Prints "N passed, N failed".
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]

WANTED = """\
relaxed 50 steps on a grid of (8, 10)
last change 0.001, warmest point 0.9509
0.0 9.9 22.8 45.1 95.1 46.0 24.8 13.4 5.9 0.0 
IndexError in mistake.alp, line 2: index 8 is out of bounds for axis 0 with size 8
ALPY_LIMIT: time limit of 0.1 s exceeded
"""


def run(*command, env=None, cwd=None):
    done = subprocess.run([str(c) for c in command], env=env, cwd=cwd, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def find(top, name):
    found = [p for p in top.rglob(name)]
    if not found:
        raise SystemExit(f"{name} was not installed")
    return found[0]


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    top = pathlib.Path(tempfile.mkdtemp(prefix="alpy-install-"))
    failed = 0
    try:
        staged = top / "staged"
        run("meson", "install", "-C", build, "--no-rebuild", "--quiet", "--destdir", staged)
        config = find(staged, "alpy.pc")
        for name in ("alpy.h", "alpy.1", "alpy"):
            find(staged, name)
        library = config.parent.parent
        # The .pc file speaks of the real prefix; the sysroot option puts the staging folder in front.
        env = dict(os.environ, PKG_CONFIG_PATH=str(config.parent), PKG_CONFIG_SYSROOT_DIR=str(staged),
                   LD_LIBRARY_PATH=os.pathsep.join(filter(None, [str(library), os.environ.get("LD_LIBRARY_PATH")])))
        source, out = top / "embed", top / "build"
        shutil.copytree(ROOT / "samples" / "embed", source)
        run("meson", "setup", out, source, env=env)
        run("meson", "compile", "-C", out, env=env)
        got = run(out / "embed", source / "relax.alp", env=env)
        if got != WANTED:
            failed += 1
            print(f"the sample printed\n{got}and not\n{WANTED}")
        # The same by hand, as the README says.
        flags = run("pkg-config", "--cflags", "--libs", "alpy", env=env).split()
        run(os.environ.get("CC", "cc").split()[0], source / "embed.c", *flags, "-o", top / "by-hand", env=env)
        if run(top / "by-hand", source / "relax.alp", env=env) != WANTED:
            failed += 1
            print("built by hand, the sample printed something else")
    finally:
        shutil.rmtree(top, ignore_errors=True)
    print(f"{2 - failed} passed, {failed} failed")
    return 1 if failed else 0


sys.exit(main())
