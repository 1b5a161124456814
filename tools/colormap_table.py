#!/usr/bin/env python3
"""Writes interp/colormap_table.h: the colour maps of matplotlib that are tables, as bytes.

    python3 tools/colormap_table.py > interp/colormap_table.h

viridis, magma, inferno and plasma are by Nathaniel J. Smith, Stefan van der Walt and Eric Firing, released under CC0.
"""
import matplotlib

PER_LINE = 8

print("/* interp/colormap_table.h — colour maps that are tables: red, green, blue of 256 steps.  Made by tools/colormap_table.py.")
print(" * viridis, magma, inferno and plasma are by Nathaniel J. Smith, Stefan van der Walt and Eric Firing, released under CC0. */")
print("#include <stdint.h>")
for name in ("viridis", "magma", "inferno", "plasma"):
    colors = [tuple(int(x * 255) for x in rgb) for rgb in matplotlib.colormaps[name].colors]
    assert len(colors) == 256
    print(f"\nstatic const uint8_t {name}_table[256][3] = {{")
    for i in range(0, 256, PER_LINE):
        print("    " + " ".join("{%d,%d,%d}," % c for c in colors[i:i + PER_LINE]))
    print("};")
