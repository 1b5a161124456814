#!/usr/bin/env python3
"""Writes dsl/name_table.h: which characters Python's names are made of.

    tools/name_table.py > dsl/name_table.h      (with CPython 3.11, whose Unicode 14.0 it is)
"""
import sys
import unicodedata

CLASSES = ["Unprintable", "Printable", "More", "Start", "MoreChanged", "StartChanged"]


def composing():
    """Characters that canonical composition may join with the one before."""
    second = set(range(0x1161, 0x1176)) | set(range(0x11A8, 0x11C3))        # Hangul
    for code in range(0x110000):
        parts = unicodedata.decomposition(chr(code)).split()
        if len(parts) == 2 and not parts[0].startswith("<"):
            second.add(int(parts[1], 16))
    return second


def classify(code, second):
    c = chr(code)
    if not ("a" + c).isidentifier():
        return "Printable" if c.isprintable() else "Unprintable"
    name = "Start" if c.isidentifier() else "More"
    changed = unicodedata.normalize("NFKC", c) != c or code in second
    return name + "Changed" if changed else name


def main():
    if unicodedata.unidata_version != "14.0.0":
        raise SystemExit("needs Unicode 14.0.0: CPython 3.11")
    second = composing()
    rows, last = [], None
    for code in range(0x80, 0x110000):
        kind = "Unprintable" if 0xD800 <= code < 0xE000 else classify(code, second)
        if kind != last:
            rows.append(f"0x{code << 3 | CLASSES.index(kind):x}")
            last = kind
    print(f"/* dsl/name_table.h — characters of Unicode {unicodedata.unidata_version} by their use in names: made by tools/name_table.py,")
    print(" * not by hand.  Each entry begins a range: code point << 3 | NC_…. */\n")
    print("/* ORDER name_class */")
    print("enum { " + ", ".join(f"NC_{k}" for k in CLASSES) + " };\n")
    print("static const uint32_t name_range[] = {")
    line = "   "
    for row in rows:
        if len(line) + len(row) > 118:
            print(line)
            line = "   "
        line += f" {row},"
    print(line)
    print("};")


if __name__ == "__main__":
    sys.exit(main())
