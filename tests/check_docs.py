#!/usr/bin/env python3
"""Run the ```python examples of README.md and docs/*.md: each must end without an error.

    tests/check_docs.py ALPY
"""
import glob
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def main(alpy):
    passed = failed = 0
    for path in [os.path.join(ROOT, "README.md")] + sorted(glob.glob(os.path.join(ROOT, "docs", "*.md"))):
        with open(path, encoding="utf-8") as f:
            examples = re.findall(r"^```python\n(.*?)^```", f.read(), re.MULTILINE | re.DOTALL)
        for example in examples:
            p = subprocess.run([alpy, "-"], input=example.encode(), capture_output=True, timeout=60)
            if p.returncode or p.stderr:
                failed += 1
                print(f"FAIL {os.path.relpath(path, ROOT)}: status {p.returncode}\n{example}{p.stderr.decode()}")
            else:
                passed += 1
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


sys.exit(main(os.path.abspath(sys.argv[1])))
