#!/usr/bin/env python3
"""Run the ```python examples of README.md and docs/*.md: each must end without an error.  Where a block ```explain follows, `alpy explain` must
print just that about it.

    tests/check_docs.py ALPY [--update]
"""
import glob
import os
import re
import subprocess
import sys

import suite

ROOT = suite.ROOT


EXAMPLE = re.compile(r"^```python\n(?P<program>.*?)^```\n(?:\n```explain\n(?P<told>.*?)^```\n)?", re.MULTILINE | re.DOTALL)


def main(alpy, update):
    passed = failed = 0
    for path in [os.path.join(ROOT, "README.md")] + sorted(glob.glob(os.path.join(ROOT, "docs", "*.md"))):
        with open(path, encoding="utf-8") as f:
            text = f.read()
        told = []
        for example in EXAMPLE.finditer(text):
            program, wanted = example["program"], example["told"]
            command = [alpy, "-"] if wanted is None else [alpy, "explain", "--device=interp", "-"]
            p = subprocess.run(command, input=program.encode(), capture_output=True, timeout=60)
            ok = not p.returncode and not p.stderr
            if wanted is not None:
                told.append((example.span("told"), p.stdout.decode()))
                ok &= update or suite.without_times(p.stdout.decode()) == suite.without_times(wanted)
            passed += ok
            failed += not ok
            if not ok:
                print(f"FAIL {os.path.relpath(path, ROOT)}: status {p.returncode}\n{program}{p.stderr.decode()}")
                if wanted is not None:
                    print(*suite.show_difference(wanted.encode(), p.stdout), sep="\n")
        if update and told:
            for (start, end), new in reversed(told):
                text = text[:start] + new + text[end:]
            with open(path, "w", encoding="utf-8") as f:
                f.write(text)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(os.path.abspath(sys.argv[1]), "--update" in sys.argv[2:]))
