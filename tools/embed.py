#!/usr/bin/env python3
"""A file as a C array: embed.py INPUT OUTPUT NAME defines `const unsigned char NAME[]` and `const unsigned long NAME_size`."""
import sys

source, output, name = sys.argv[1:]
with open(source, 'rb') as f:
    data = f.read()
with open(output, 'w', encoding='utf-8') as f:
    f.write(f'/* Made by tools/embed.py. */\nextern const unsigned char {name}[];\nextern const unsigned long {name}_size;\n')
    f.write(f'const unsigned long {name}_size = {len(data)};\nconst unsigned char {name}[] = {{\n')
    for i in range(0, len(data), 24):
        f.write(','.join(map(str, data[i:i + 24])) + ',\n')
    f.write('};\n')
