#!/usr/bin/env python3
"""Prints the constants of interp/elem/elem_trig.h and elem_arc.h: minimax coefficients, pieces of pi, bits of 1/pi.

Each polynomial is the minimax fit of a reduced function h(z) on 0 < z <= end, weighted so that what is minimised is the relative error
of the elementary function itself (Remez exchange over a fine grid, 70 digits).  Coefficients are rounded one after the other, lowest
power first, and the remaining ones fitted again each time, so that later coefficients make up for the rounding of earlier ones.
A coefficient may be given as a double, or as an unevaluated sum of two doubles.

    python3 tools/elem_coefficients_trig.py [name ...]          needs mpmath
"""
import sys
from mpmath import mp, mpf, pi, sin, tan, atan, asin, sqrt, cos, lu_solve, matrix, floor, log

mp.dps = 70
GRID = 1200


def to_double(x):
    """The double next to x (mpmath's float() truncates nothing: it rounds to nearest even)."""
    return float(mpf(x))


def minimax(target, weight, powers, grid):
    """Coefficients c of sum c[i] z**powers[i], with the least largest |target - sum| * weight over the grid; and that error."""
    n = len(powers)
    rows = [([z**p * w for p in powers], t * w) for z, t, w in zip(grid, target, weight)]
    count = len(rows)
    places = [min(count - 1, int((count - 1) * (1 - cos(pi * i / n)) / 2)) for i in range(n + 1)]
    for i in range(1, n + 1):
        places[i] = max(places[i], places[i - 1] + 1)
    for _ in range(40):
        a, b = matrix(n + 1, n + 1), matrix(n + 1, 1)
        for i, place in enumerate(places):
            for j in range(n):
                a[i, j] = rows[place][0][j]
            a[i, n] = (-1)**i
            b[i] = rows[place][1]
        c = lu_solve(a, b)
        errors = [t - sum(c[j] * phi[j] for j in range(n)) for phi, t in rows]
        # One extreme place per run of equal sign, then the n + 1 neighbouring ones with the largest errors.
        extremes, start = [], 0
        for i in range(1, count + 1):
            if i == count or (errors[i] > 0) != (errors[start] > 0):
                extremes.append(max(range(start, i), key=lambda k: abs(errors[k])))
                start = i
        while len(extremes) > n + 1:
            drop = 0 if abs(errors[extremes[0]]) < abs(errors[extremes[-1]]) else -1
            del extremes[drop]
        if len(extremes) < n + 1 or extremes == places:
            break
        places = extremes
    return [c[j] for j in range(n)], max(abs(e) for e in errors)


def fit(title, h, weight, end, count, pairs=1):
    """Print `count` coefficients of h on (0, end]; the first `pairs` of them as sums of two doubles."""
    grid = [mpf(end) * ((1 - cos(pi * (i + mpf(1) / 2) / GRID)) / 2) for i in range(GRID)]
    target, weights = [h(z) for z in grid], [weight(z) for z in grid]
    done, error = [], mpf(0)
    for i in range(count):
        c, error = minimax(target, weights, list(range(i, count)), grid)
        head = mpf(to_double(c[0]))
        tail = mpf(to_double(c[0] - head)) if i < pairs else mpf(0)
        done.append((head, tail))
        target = [t - (head + tail) * z**i for t, z in zip(target, grid)]
    error = max(abs(t) * w for t, w in zip(target, weights))
    print(f'{title}: relative error 2^{float(log(error, 2)):.2f}')
    for i, (head, tail) in enumerate(done):
        print(f'    z^{i:<2}  {float(head).hex()}' + (f'  +  {float(tail).hex()}' if i < pairs else ''))


def pieces(title, value, count, width=53):
    """Print value as a sum of `count` doubles of `width` bits each."""
    out, rest = [], mpf(value)
    for _ in range(count):
        scale = mpf(2)**(width - 1 - int(floor(log(abs(rest), 2))))
        piece = mp.nint(rest * scale) / scale
        out.append(float(piece).hex())
        rest -= piece
    print(f'{title}: ' + ' + '.join(out))


def bits_of_inverse_pi():
    """1/pi as 64-bit words, most significant first; the first word holds the bits of weight 2^-1 to 2^-64."""
    mp.prec = 1600
    rest = 1 / mp.pi
    words = []
    for _ in range(20):
        rest *= mpf(2)**64
        words.append(int(floor(rest)))
        rest -= words[-1]
    print('1/pi:')
    for i in range(0, len(words), 4):
        print('    ' + ', '.join(f'0x{w:016x}' for w in words[i:i + 4]) + ',')
    mp.dps = 70


def asin_h(z):
    r = sqrt(z)
    return (asin(r) / r - 1) / z


# Each fit: what is printed when its name is asked for.  Ends are a little wider than what reduction leaves.
FITS = {
    'pi': lambda: (pieces('pi', pi, 3), pieces('pi/2', pi / 2, 3), pieces('pi/4', pi / 4, 2), pieces('1/pi', 1 / pi, 1),
                   pieces('2/pi', 2 / pi, 1)),
    'bits': bits_of_inverse_pi,
    # sin r = r + r z (c0 + c1 z + ...), |r| <= pi/2
    'sin': lambda: fit('sin', lambda z: (sin(sqrt(z)) / sqrt(z) - 1) / z, lambda z: z * sqrt(z) / sin(sqrt(z)),
                       (pi / 2 * (1 + mpf(2)**-16))**2, 8),
    'sinf': lambda: fit('sinf', lambda z: (sin(sqrt(z)) / sqrt(z) - 1) / z, lambda z: z * sqrt(z) / sin(sqrt(z)),
                        (pi / 2 * (1 + mpf(2)**-16))**2, 5, 0),
    # tan t = t + t z (c0 + c1 z + ...), |t| <= pi/8
    'tan': lambda: fit('tan', lambda z: (tan(sqrt(z)) / sqrt(z) - 1) / z, lambda z: z * sqrt(z) / tan(sqrt(z)),
                       (pi / 8 * (1 + mpf(2)**-16))**2, 10),
    'tanf': lambda: fit('tanf', lambda z: (tan(sqrt(z)) / sqrt(z) - 1) / z, lambda z: z * sqrt(z) / tan(sqrt(z)),
                        (pi / 8 * (1 + mpf(2)**-16))**2, 6, 0),
    # atan t = t + t z (c0 + c1 z + ...), |t| <= tan(pi/8)
    'atan': lambda: fit('atan', lambda z: (atan(sqrt(z)) / sqrt(z) - 1) / z, lambda z: z * sqrt(z) / atan(sqrt(z)),
                        (sqrt(mpf(2)) - 1 + mpf(2)**-16)**2, 12),
    'atanf': lambda: fit('atanf', lambda z: (atan(sqrt(z)) / sqrt(z) - 1) / z, lambda z: z * sqrt(z) / atan(sqrt(z)),
                         (sqrt(mpf(2)) - 1 + mpf(2)**-16)**2, 6, 0),
    # asin t = t + t z (c0 + c1 z + ...), z <= 1/4
    'asin': lambda: fit('asin', asin_h, lambda z: z * sqrt(z) / asin(sqrt(z)), mpf(1) / 4, 14),
    'asinf': lambda: fit('asinf', asin_h, lambda z: z * sqrt(z) / asin(sqrt(z)), mpf(1) / 4, 7, 0),
}

if __name__ == '__main__':
    for name in sys.argv[1:] or FITS:
        FITS[name]()
