#!/usr/bin/env python3
"""The elementary functions as CUDA C: makes a C header of rows from the texts that interp/elem/elem_all.h includes.

    elem_cuda.py elem_all.h ROOT OUTPUT DEPFILE

A row is one function, table, type or macro, behind those that it uses: ELEM_ITEM(name, text, uses), uses being indices of rows.  How the texts are
laid out says elem_base.h."""
import re
import sys

# elem_base.h has these between two marks, as C.
MACHINE = """\
ELEM double elem_fma(double a, double b, double c) { return __fma_rn(a, b, c); }
ELEM float elem_fmaf(float a, float b, float c) { return __fmaf_rn(a, b, c); }
ELEM double elem_sqrt(double x) { return __dsqrt_rn(x); }
ELEM float elem_sqrtf(float x) { return __fsqrt_rn(x); }
ELEM double elem_rint(double x) { return rint(x); }
ELEM float elem_rintf(float x) { return rintf(x); }
ELEM double elem_floor(double x) { return floor(x); }
ELEM double elem_abs(double x) { return fabs(x); }
ELEM float elem_absf(float x) { return fabsf(x); }
ELEM double elem_copysign(double x, double sign) { return copysign(x, sign); }
ELEM float elem_copysignf(float x, float sign) { return copysignf(x, sign); }
ELEM uint64_t elem_bits(double x) { return (uint64_t)__double_as_longlong(x); }
ELEM double elem_from(uint64_t u) { return __longlong_as_double((int64_t)u); }
ELEM uint32_t elem_bitsf(float x) { return (uint32_t)__float_as_int(x); }
ELEM float elem_fromf(uint32_t u) { return __int_as_float((int32_t)u); }
ELEM uint64_t elem_mulhi(uint64_t a, uint64_t b) { return __umul64hi(a, b); }
"""
MAX_USES = 40           # jit/gpu/prelude_elem.c has room for so many
WORDS = {'ELEM': '__device__ __forceinline__', 'ELEM_RARE': '__device__ __noinline__', 'ELEM_TABLE': '__device__ const',
         'int32_t': 'i32', 'uint32_t': 'u32', 'int64_t': 'i64', 'uint64_t': 'u64'}


def fail(message):
    sys.exit('elem_cuda.py: ' + message)


def without_comments(text):
    return re.sub(r'/\*.*?\*/', lambda m: '\n' * m.group().count('\n'), text, flags=re.S)


def read(path, root, seen):
    """The text of a file behind those that it includes."""
    if path in seen:
        return ''
    seen.add(path)
    with open(path, encoding='utf-8') as f:
        text = f.read()
    text = re.sub(r'/\* ---- machine operations.*?/\* ---- end of machine operations[^\n]*', lambda m: MACHINE, text, flags=re.S)
    out = []
    for line in without_comments(text).split('\n'):
        m = re.match(r'\s*#\s*include "([^"]*)"', line)
        out.append(read(root + '/' + m[1], root, seen) if m else line)
    return '\n'.join(out)


def without_ways_to_compile(text):
    """Without what tells the C compiler and bitcode apart: #ifdef ELEM_BITCODE ... #endif."""
    return re.sub(r'^#ifdef ELEM_BITCODE\n.*?^#endif\n', '', text, flags=re.M | re.S)


def name_of(item):
    first = item[0]
    for pattern, line in ((r'#define (\w+)', first), (r'ELEM_TABLE .*?(\w+)\[', first), (r'typedef .*?(\w+);$', ' '.join(item)), (r'ELEM.*?(\w+)\(', first)):
        m = re.match(pattern, line)
        if m:
            return m[1]
    fail('no name: ' + first)


def items(text):
    """Each function, table, type or macro as its name and its text in CUDA C."""
    lines = [line.rstrip() for line in without_ways_to_compile(text).split('\n')]
    i, found = 0, []
    while i < len(lines):
        start = i
        i += 1
        if lines[start].startswith('#define'):
            while lines[i - 1].endswith('\\'):
                i += 1
            if re.fullmatch(r'#define \w+', lines[start]) or lines[start].startswith('#define ELEM_TABLE '):
                continue                                    # a guard; in WORDS
        elif re.match(r'(ELEM|ELEM_RARE|ELEM_TABLE|typedef)\b', lines[start]):
            if not lines[start].endswith(('}', ';')):       # not all on one line
                while i < len(lines) and not lines[i].startswith('}'):
                    i += 1
                i += 1
            if i > len(lines):
                fail('no end: ' + lines[start])
        elif lines[start] and not lines[start].startswith('#'):
            fail('not the start of a function, table, type or macro: ' + lines[start])
        else:
            continue
        item = [line for line in lines[start:i] if line]
        name = name_of(item)
        if not re.match(r'elem_|ELEM_|Elem', name):
            fail('a name that does not start with elem_: ' + name)
        found.append((name, re.sub(r'\b\w+\b', lambda m: WORDS.get(m[0], m[0]), '\n'.join(item))))
    return found


def words_of(text):
    """Names, without the letters of numbers."""
    return re.findall(r'(?<![\w.])[A-Za-z_]\w*', text)


def main():
    top, root, output, depfile = sys.argv[1:]
    files, index, rows = set(), {}, []
    for name, text in items(read(top, root, files)):
        words = set(words_of(text)) - {name}
        unknown = [w for w in words if re.match(r'elem_|ELEM_|Elem|__builtin', w) and w not in index]
        if unknown or name in index:
            fail(f'{name} uses {unknown[0]}, which does not stand in front of it' if unknown else f'{name} is there twice')
        uses = sorted(index[w] for w in words if w in index)
        if len(uses) > MAX_USES:
            fail(f'{name} uses more than {MAX_USES} others')
        index[name] = len(rows)
        quoted = '\n'.join('    "' + line.replace('\\', '\\\\').replace('"', '\\"') + '\\n"' for line in text.split('\n'))
        rows.append(f'ELEM_ITEM({name},\n{quoted}, {len(uses)}, {", ".join(map(str, uses))})\n')
    with open(output, 'w', encoding='utf-8') as f:
        f.write('/* Made by tools/elem_cuda.py. */\n' + ''.join(rows))
    with open(depfile, 'w', encoding='utf-8') as f:
        f.write(f'{output}: {" ".join(sorted(files))}\n')


main()
