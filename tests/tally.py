"""Counts the results of a `meson test` run and the cases inside each test; the last line is "N passed, N failed".

A test program that prints "N passed, N failed" itself counts with its cases; any other counts as one.
"""
import json
import re
import sys


def main(log):
    passed = failed = 0
    with open(log, encoding="utf-8") as lines:
        for line in lines:
            test = json.loads(line)
            cases = re.findall(r"^(\d+) passed, (\d+) failed$", test.get("stdout", ""), re.MULTILINE)
            good = test["result"] in ("OK", "EXPECTEDFAIL")
            if test["result"] == "SKIP":
                continue
            if cases:
                passed += int(cases[-1][0])
                failed += int(cases[-1][1])
                if not good and not int(cases[-1][1]):
                    failed += 1
            elif good:
                passed += 1
            else:
                failed += 1
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


sys.exit(main(sys.argv[1]))
