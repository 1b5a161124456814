#!/usr/bin/env python3
"""Prints every constant of interp/elem/elem_{exp,log,hyper,root,special,gamma}.h; with --check, only those that the texts lack.

    python3 tools/elem_coefficients_exp.py [--check] [GROUP ...]

Polynomials are minimax (Remez exchange), with coefficients rounded to double, or the first ones to two doubles.  Needs mpmath."""
import os
import re
import sys

import mpmath as mp

mp.mp.dps = 60
LN2 = mp.log(2)
FOUND = []                                              # (name, constant)


def emit(name, value):
    """The double nearest to a value, as a C constant."""
    FOUND.append((name, re.sub(r"\.?0*p", "p", float(value).hex())))
    print("    %-24s %s" % FOUND[-1])


def emit_pair(name, value, bits=53):
    """A constant in two doubles, the first one of `bits` bits."""
    scale = mp.mpf(2) ** (bits - 1 - mp.floor(mp.log(abs(value), 2)))
    head = mp.nint(value * scale) / scale
    emit(name + " head", head)
    emit(name + " tail", value - head)


def polynomial(c, x):
    return mp.polyval(c[::-1], x)


def solve_exchange(f, points, weight):
    """Coefficients c and levelled error on the points given: f = sum c_j x^j + (-1)^i error / weight."""
    n = len(points) - 1
    a = mp.matrix(n + 1, n + 1)
    for i, x in enumerate(points):
        for j in range(n):
            a[i, j] = x ** j
        a[i, n] = (-1) ** i / weight(x)
    c = mp.lu_solve(a, mp.matrix([f(x) for x in points]))
    return list(c)[:n], abs(c[n])


def unweighted(_):
    return mp.mpf(1)


def remez(f, terms, lo, hi, weight):
    """Coefficients of the polynomial that is nearest to f on [lo, hi], where an error counts as many times as weight says."""
    def cosines(n):
        """n + 1 points, denser at the ends; none at 0, where f may be of the form 0 / 0."""
        xs = [(lo + hi) / 2 - (hi - lo) / 2 * mp.cos(mp.pi * i / n) for i in range(n + 1)]
        tiny = (hi - lo) * mp.mpf("1e-4")
        return [x if abs(x) > tiny else tiny + abs(x) for x in xs]
    points = cosines(terms)
    values = [(x, f(x), weight(x)) for x in cosines(24 * (terms + 1))]
    for _ in range(12):
        c, level = solve_exchange(f, points, weight)
        peaks = []                                      # the greatest error of each run of equal signs
        for x, v, w in values:
            e = (v - polynomial(c, x)) * w
            if peaks and (e > 0) == (peaks[-1][1] > 0):
                if abs(e) > abs(peaks[-1][1]):
                    peaks[-1] = (x, e)
            else:
                peaks.append((x, e))
        while len(peaks) > terms + 1:                   # drop the smaller end
            peaks.pop(0 if abs(peaks[0][1]) < abs(peaks[-1][1]) else -1)
        if len(peaks) <= terms or max(abs(e) for _, e in peaks) < level * mp.mpf("1.02"):
            break
        points = [x for x, _ in peaks]
    return c


def fit(name, f, terms, lo, hi, n_pairs=0, weight=unweighted):
    """A polynomial of so many terms for f on [lo, hi], the first n_pairs coefficients in two doubles each; its greatest weighted error."""
    lo, hi = mp.mpf(lo), mp.mpf(hi)
    c = remez(f, terms, lo, hi, weight)
    c = c[:n_pairs] + [mp.mpf(float(v)) for v in c[n_pairs:]]
    error = max(abs(f(x) - polynomial(c, x)) * weight(x) for x in mp.linspace(lo, hi, 301) if x != 0)
    print("/* %s: error 2^%.1f */" % (name, mp.log(error, 2)))
    for i, v in enumerate(c):
        (emit_pair if i < n_pairs else emit)("%s[%d]" % (name.split()[0], i), v)


def series(f, terms):
    """f, but near 0 the first terms of its Taylor series, given as numbers."""
    return lambda x: f(x) if abs(x) > mp.mpf("1e-9") else polynomial([mp.mpf(c) for c in terms], x)


def group_exp():
    half = LN2 / 2 * mp.mpf("1.0001")
    emit_pair("log2(e)", 1 / LN2)
    emit_pair("ln 2", LN2)
    emit("1/6", mp.mpf(1) / 6)
    fit("exp (e^r - 1 - r - r^2/2 - r^3/6) / r^4",
        series(lambda r: (mp.expm1(r) - r - r ** 2 / 2 - r ** 3 / 6) / r ** 4, [mp.mpf(1) / 24]), 10, -half, half)
    fit("expf (e^r - 1 - r) / r^2", series(lambda r: (mp.expm1(r) - r) / r ** 2, [0.5]), 7, -half, half)


def group_log():
    top = (2 * (mp.sqrt(2) - 1) / (mp.sqrt(2) + 1)) ** 2 * mp.mpf("1.0001")
    emit_pair("ln 2 (of 42 bits)", LN2, 42)
    emit_pair("log10(e)", 1 / mp.log(10))
    emit_pair("log10(2) (of 42 bits)", mp.log10(2), 42)
    emit_pair("1/12", mp.mpf(1) / 12)
    emit_pair("1/80", mp.mpf(1) / 80)
    logf = series(lambda u: (2 * mp.atanh(mp.sqrt(u) / 2) / mp.sqrt(u) - 1) / u, [mp.mpf(1) / 12, mp.mpf(1) / 80])
    fit("log (log m - s - s^3/12 - s^5/80) / s^7, of s^2",
        series(lambda u: (logf(u) - mp.mpf(1) / 12 - u / 80) / u ** 2, [mp.mpf(1) / 448, mp.mpf(1) / 2304]), 8, 0, top)
    fit("logf (log m - s) / s^3, of s^2", logf, 6, 0, top)


def group_hyper():
    top = (LN2 / 2) ** 2 * mp.mpf("1.0001")
    fit("sinh (sinh r - r - r^3/6) / r^5, of r^2", series(lambda u: (mp.sinh(mp.sqrt(u)) / mp.sqrt(u) - 1 - u / 6) / u ** 2,
        [mp.mpf(1) / 120, mp.mpf(1) / 5040]), 5, 0, top)
    fit("cosh (cosh r - 1 - r^2/2) / r^4, of r^2", series(lambda u: (mp.cosh(mp.sqrt(u)) - 1 - u / 2) / u ** 2,
        [mp.mpf(1) / 24, mp.mpf(1) / 720]), 6, 0, top)


def group_root():
    fit("cbrt m^(-1/3), of m - 1", lambda t: (1 + t) ** (mp.mpf(-1) / 3), 6, 1 / mp.sqrt(2) - 1, mp.sqrt(2) - 1)
    emit("2^(1/3)", mp.mpf(2) ** (mp.mpf(1) / 3))
    emit("2^(-1/3)", mp.mpf(2) ** (mp.mpf(-1) / 3))
    emit("1/3", mp.mpf(1) / 3)
    emit("2/9", mp.mpf(2) / 9)


def group_special():
    erf = series(lambda u: mp.erf(mp.sqrt(u)) / mp.sqrt(u), [2 / mp.sqrt(mp.pi), -2 / mp.sqrt(mp.pi) / 3])
    fit("erfc_near (erf x / x, of x^2)", erf, 15, 0, mp.mpf("1.0001"), n_pairs=4)
    fit("erfcf_near (the same)", erf, 9, 0, mp.mpf("1.0001"))
    a, b = mp.mpf("3.4375"), mp.mpf(2)

    def of_x(x):
        return (x - a) / (x + b)

    def erfc(v):
        x = (a + b * v) / (1 - v)
        return (x + b) * mp.erfc(x) * mp.exp(x * x)
    fit("erfc ((x + 2) e^(x^2) erfc x, of (x - 3.4375) / (x + 2))", erfc, 24, of_x(mp.mpf(1)), of_x(mp.mpf("27.3")), n_pairs=4)
    fit("erfcf (the same)", erfc, 13, of_x(mp.mpf(1)), of_x(mp.mpf("10.4")))


def log2_erfc(x):
    return mp.log(mp.erfc(x), 2)


def short_logarithm(x):
    """The next multiple of 2^-20 after x whose log2 erfc is a double to 2^-8 of its last place."""
    x = mp.ceil(x * 2 ** 20) / 2 ** 20
    while abs(log2_erfc(x) - mp.mpf(float(log2_erfc(x)))) > mp.mpf(2) ** -60:
        x += mp.mpf(2) ** -20
    return x


def group_erf():
    start, top, lead = short_logarithm(mp.erfinv(0.5)), mp.mpf("5.94"), mp.mpf(float(2 / mp.sqrt(mp.pi)))
    near = series(lambda u: mp.erf(mp.sqrt(u)) / mp.sqrt(u) - lead, [2 / mp.sqrt(mp.pi) - lead, -2 / mp.sqrt(mp.pi) / 3])
    emit("2/sqrt(pi)", lead)
    emit("erf start", start)
    slope = mp.diff(log2_erfc, start)
    emit("erf log2(erfc start)", log2_erfc(start))
    emit("erf slope at start", slope)

    def rest(t):
        return (log2_erfc(start + t) - log2_erfc(start) - slope * t) / t ** 2

    def weight(t):
        return t ** 2 * mp.erfc(start + t)

    def exp2(f):
        return mp.expm1(f * LN2) / f
    for name, terms in ("erf", (9, 21, 11)), ("erff", (6, 9, 7)):
        fit(name + " (erf x / x - 2/sqrt(pi), of x^2)", near, terms[0], 0, start ** 2)
        fit(name + " ((log2(erfc(start + t) / erfc(start)) - slope t) / t^2)", rest, terms[1], 0, top - start, weight=weight)
        fit(name + " ((2^f - 1) / f)", series(exp2, [LN2]), terms[2], mp.mpf("-0.5001"), mp.mpf("0.5001"), weight=abs)


def group_gamma():
    emit("pi", mp.pi)
    emit("log(pi)", mp.log(mp.pi))


GROUPS = {name[6:]: fun for name, fun in list(globals().items()) if name.startswith("group_")}


def main(args):
    check = "--check" in args
    out = sys.stdout
    if check:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")
    for name in [a for a in args if a != "--check"] or GROUPS:
        print("---- %s ----" % name)
        GROUPS[name]()
    sys.stdout = out
    if not check:
        return 0
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "interp", "elem")
    text = "".join(open(os.path.join(root, f), encoding="utf-8").read() for f in sorted(os.listdir(root)) if f.endswith(".h"))
    lacking = [(name, value) for name, value in FOUND if value.lstrip("-") not in text]
    for name, value in lacking:
        print("not in the texts: %s %s" % (name, value))
    return 1 if lacking else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
