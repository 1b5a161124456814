#!/usr/bin/env python3
"""Programs for test_emit and test_gpu_emit: every elementary function in loops, to compare the bits of all ways to run them.

    programs.py OUTPUT

Each function gets special and random arguments, in double and float, in loops of all lengths up to more than a vector, in a sum, and as a function of
module math where arguments are in its domain.  `bad` counts where the loop's bits are not those of the operation on the whole array, which the
interpreter does."""
import sys

# Name in NumPy or None, in math or None, arguments in math's domain: from, to.
ONE = [('exp', 'exp', -745.5, 709.7), ('exp2', 'exp2', -1080, 1023.9), ('expm1', 'expm1', -50, 709.7), ('log', 'log', 5e-324, 1e308), ('log2', 'log2', 1e-310, 1e5),
       ('log10', 'log10', 1e-300, 1e20), ('log1p', 'log1p', -0.999999, 1e10), ('sin', 'sin', -1e5, 1e5), ('cos', 'cos', -1e5, 1e5), ('tan', 'tan', -1e5, 1e5),
       ('arcsin', 'asin', -1, 1), ('arccos', 'acos', -1, 1), ('arctan', 'atan', -50, 1e4), ('sinh', 'sinh', -710, 710), ('cosh', 'cosh', -710, 710),
       ('tanh', 'tanh', -25, 25), ('arcsinh', 'asinh', -1e10, 1e10), ('arccosh', 'acosh', 1, 1e10), ('arctanh', 'atanh', -0.999, 0.999),
       ('cbrt', 'cbrt', -1e10, 1e10), (None, 'erf', -7, 7), (None, 'erfc', -7, 28), (None, 'gamma', 0.01, 171), (None, 'lgamma', 0.01, 1e10)]
TWO = [('power', 'pow'), ('arctan2', 'atan2'), ('hypot', 'hypot'), ('logaddexp', None), ('logaddexp2', None)]

START = """\
import numpy as np
import math
inf = float("inf")
special = np.array([0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0, 3.0, -3.0, inf, -inf, float("nan"), 5e-324, -5e-324, 2.2250738585072014e-308, -2.2e-308,
                    1.7976931348623157e308, -1.7976931348623157e308, 1e-20, -1e-20, 1e20, -1e20, 709.78, 709.79, -708.5, -745.13, -745.14, 88.72, 88.73, -103.97,
                    -87.4, 1023.9, 1024.0, -1074.5, -1075.5, 3.141592653589793, 1.5707963267948966, -1.5707963267948966, 6.283185307179586,
                    1073741823.5, 1073741824.0, 1e9, -1e9, 1e10, 1e15, 1e22, 1e300, -1e300, 0.9999999999999999, 1.0000000000000002, -0.9999999999999999,
                    1.4e-45, 3.4e38, 1e-38, 36.0, -37.0, 18.7, 19.1, -18.8, 710.4, -710.5, 4503599627370496.0, 4503599627370497.0, 0.3333333333333333])
state = np.zeros(400)
seed = 12345
for i in range(400):
    seed = (seed * 1103515245 + 12345) % 2147483648
    state[i] = seed / 2147483648.0
x = np.concatenate((special, state[:100] * 20 - 10, state[100:200] * 4 - 2, np.exp2(state[200:300] * 200 - 100), -np.exp2(state[300:] * 20 - 10)))
x = x[:456]
f = x.astype(np.float32)
"""

ONE_ARRAYS = """\
y = np.zeros(456)
z = np.zeros(456, dtype=np.float32)
for i in range(456):
    y[i] = np.{fn}(x[i])
    z[i] = np.{fn}(f[i])
w = np.{fn}(x)
v = np.{fn}(f)
bad = 0
for i in range(456):
    if y[i] != w[i] and (y[i] == y[i] or w[i] == w[i]):
        bad += 1
    if z[i] != v[i] and (z[i] == z[i] or v[i] == v[i]):
        bad += 1
a = np.zeros((36, 36))
b = np.zeros((36, 36), dtype=np.float32)
for m in range(36):
    for i in range(m):
        a[m, i] = np.{fn}(x[m * 11 + i])
        b[m, i] = np.{fn}(f[m * 11 + i])
s = 0.0
t = np.float32(0)
for i in range(200):
    s += np.{fn}(x[i + 65])
    t += np.{fn}(f[i + 65])
q = np.zeros(100)
for i in range(100):
    if x[i + 65] > 0.0:
        q[i] = np.{fn}(x[i + 65])
    else:
        q[i] = np.{fn}(x[i + 65] * x[i + 65]) + 1.0
print(bad)
"""
ONE_MATH = """\
u = np.linspace({lo!r}, {hi!r}, 300)
y = np.zeros(300)
for i in range(300):
    y[i] = math.{fn}(u[i])
s = 0.0
for i in range(300):
    s += math.{fn}(u[i]) * 0.5
print(y[0], y[299])
"""
TWO_ARRAYS = """\
n = 120
x[4] = 0.75                      # NumPy's power of scalars takes 0.5 for a root, that of arrays does not
f[4] = 0.75
y = np.zeros((n, n))
z = np.zeros((n, n), dtype=np.float32)
bad = 0
for i in range(n):
    for j in range(n):
        y[i, j] = np.{fn}(x[i], x[j])
        z[i, j] = np.{fn}(f[i], f[j])
w = np.{fn}(x[:n].reshape(n, 1), x[:n])
v = np.{fn}(f[:n].reshape(n, 1), f[:n])
for i in range(n):
    for j in range(n):
        if y[i, j] != w[i, j] and (y[i, j] == y[i, j] or w[i, j] == w[i, j]):
            bad += 1
        if z[i, j] != v[i, j] and (z[i, j] == z[i, j] or v[i, j] == v[i, j]):
            bad += 1
a = np.zeros((36, 36))
for m in range(36):
    for i in range(m):
        a[m, i] = np.{fn}(x[m * 3 + i], x[300 - i])
s = 0.0
for i in range(200):
    s += np.{fn}(abs(x[i + 65]), x[i + 66])
print(bad)
"""
TWO_MATH = """\
u = np.linspace(0.01, 30, 300)
y = np.zeros(300)
for i in range(300):
    y[i] = math.{fn}(u[i], u[299 - i] - 15.0)
print(y[0], y[299])
"""
POWERS = """\
p = np.abs(x[:200]) * 1.0
r = np.zeros((12, 200))
g = np.zeros((8, 200), dtype=np.float32)
for i in range(200):
    r[0, i] = x[i] ** 2
    r[1, i] = x[i] ** 2.0
    r[2, i] = p[i] ** 0.5
    r[3, i] = x[i] ** 3
    r[4, i] = x[i] ** -1.0
    r[5, i] = p[i] ** 2.5
    r[6, i] = p[i] ** -0.5
    r[7, i] = x[i] ** 1
    r[8, i] = np.float64(2) ** x[i]
    r[9, i] = p[i] ** x[199 - i]
    g[0, i] = f[i] ** 2
    g[1, i] = f[i] ** np.float32(0.5)
    g[2, i] = f[i] ** 3
    g[3, i] = f[i] ** f[199 - i]
h = np.zeros((9, 200))
d = 1.5
for i in range(200):
    c = state[i].item() * 3
    h[0, i] = c ** 2
    h[1, i] = c ** 0.5
    h[2, i] = c ** 3
    h[3, i] = c ** 2.7
    h[4, i] = d ** c
    h[5, i] = c ** c
    h[6, i] = c ** -1.0
w = np.stack((x[:200] ** 2, x[:200] ** 2.0, p ** 0.5, x[:200] ** 3, x[:200] ** -1.0, p ** 2.5, p ** -0.5, x[:200] ** 1, np.float64(2) ** x[:200],
              p ** x[199::-1]))
bad = 0
for k in range(10):
    for i in range(200):
        if r[k, i] != w[k, i] and (r[k, i] == r[k, i] or w[k, i] == w[k, i]):
            bad += 1
print(bad)
"""
SEVERAL = """\
y = np.zeros(300)
for i in range(300):
    y[i] = np.exp(-x[i] * x[i]) * np.sin(x[i]) + np.log(abs(x[i]) + 1.0) / (1.0 + np.cos(x[i]) ** 2) + np.tanh(x[i]) + np.arctan(x[i])
print(y[70])
"""


def main():
    programs = []
    for numpy, math, lo, hi in ONE:
        if numpy:
            programs.append(f'# np.{numpy}\n' + START + ONE_ARRAYS.format(fn=numpy))
        if math:
            programs.append(f'# math.{math}\n' + START + ONE_MATH.format(fn=math, lo=float(lo), hi=float(hi)))
    for numpy, math in TWO:
        programs.append(f'# np.{numpy}\n' + START + TWO_ARRAYS.format(fn=numpy))
        if math:
            programs.append(f'# math.{math}\n' + START + TWO_MATH.format(fn=math))
    programs.append('# powers\n' + START + POWERS)
    programs.append('# several\n' + START + SEVERAL)
    with open(sys.argv[1], 'w', encoding='utf-8') as f:
        f.write('#---\n'.join(programs))


main()
