#!/usr/bin/env python3
"""Writes interp/unicode_table.h: what Python's str methods know about each character.

Run with the Python whose answers alpy gives (CPython 3.11, Unicode 14.0):
    python3.11 tools/unicode_table.py > interp/unicode_table.h
The table is taken from the methods' behaviour, so it needs no Unicode data files.
"""
import sys
import unicodedata

# ORDER uni_flag: interp/unicode.h
FLAGS = [
    lambda c: c.isalpha(),
    lambda c: c.isdecimal(),
    lambda c: c.isdigit(),
    lambda c: c.isnumeric(),
    lambda c: c.islower(),
    lambda c: c.isupper(),
    lambda c: c.istitle() and not c.isupper(),
    lambda c: c.isspace(),
    lambda c: c.isprintable(),
    lambda c: c.isidentifier(),
    lambda c: ('a' + c).isidentifier(),
    lambda c: (c + 'a').title()[-1] == 'a',                                     # cased
    lambda c: ('A' + c + 'Σ').lower()[-1] == 'ς' and (c + 'Σ').lower()[-1] != 'ς',   # case-ignorable, as final sigma sees it
]
LIMIT = 0x110000
SPECIAL = 0x200000      # deltas from here on name a text of several characters


def record(code, specials):
    c = chr(code)
    flags = sum(1 << k for k, test in enumerate(FLAGS) if test(c))
    deltas = []
    for text in (c.upper(), c.lower(), c.title(), c.casefold()):
        if len(text) == 1:
            deltas.append(ord(text) - code)
        else:
            deltas.append(SPECIAL + specials.setdefault(text, len(specials)))
    return (flags, *deltas)


def rows(items, per_line, text):
    for k in range(0, len(items), per_line):
        print('    ' + ' '.join(text(item) + ',' for item in items[k:k + per_line]))


def main():
    specials = {}
    records = [record(c, specials) for c in range(LIMIT)]
    numbers = {}
    runs = []
    for code, row in enumerate(records):
        number = numbers.setdefault(row, len(numbers))
        if not runs or runs[-1][1] != number:
            runs.append((code, number))
    assert len(numbers) < 1 << 10
    # Decimal digits share a record and lie in groups of ten: the value is the distance from the run's start, modulo 10.
    assert len({records[c] for c in range(LIMIT) if chr(c).isdecimal()}) == 1
    start = None
    for code in range(LIMIT):
        if chr(code).isdecimal():
            start = code if start is None else start
            assert unicodedata.decimal(chr(code)) == (code - start) % 10
        else:
            start = None

    print(f'/* interp/unicode_table.h — characters of Unicode {unicodedata.unidata_version}: made by tools/unicode_table.py, not by hand. */')
    print()
    print('/* Texts of mappings to several characters. */')
    print(f'static const char uni_special[][{max(len(t.encode()) for t in specials) + 1}] = {{')
    rows(list(specials), 8, lambda t: '"' + ''.join(f'\\{b:03o}' for b in t.encode()) + '"')
    print('};')
    print()
    print('/* Flags; distances to the upper, lower, title and folded form. */')
    print('static const UniRecord uni_record[] = {')
    rows(list(numbers), 3, lambda r: '{%d, {%d, %d, %d, %d}}' % r)
    print('};')
    print()
    print('/* First character << 10 | record, for each run of characters with the same record. */')
    print('static const uint32_t uni_run[] = {')
    rows(runs, 12, lambda r: str(r[0] << 10 | r[1]))
    print('};')
    print(f'{len(runs)} runs, {len(numbers)} records', file=sys.stderr)


main()
