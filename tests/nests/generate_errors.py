"""Every kind of exception that can arise in a compiled nest, in loops of every shape, in their first, a middle and the last iteration, or in none.

program(k) for k = 0, 1, … goes through all combinations once, far apart ones first; COMBINATIONS says how many there are."""

# Statements that raise when T == P, where T counts the innermost iterations from 0 on; Z stands for (T - P), B for (T == P).  {=}: assigns the value somewhere.
# Two numbers in program order: the first iteration that fails is P, later ones may fail too.
KINDS = """
{=} 7 // Z
{=} 7 % Z
{=} 7 / Z
{=} 7.5 / float(Z)
{=} 7.5 // float(Z)
{=} 7.5 % float(Z)
{=} divmod(7, Z)[1]
{=} Z ** -1
{=} float(Z) ** -1.0
{=} abs((1 + 2j) / complex(Z))
{=} big + B
{=} -big - 2 * B
{=} big * (1 + B)
{=} big - (0 - B)
{=} 3 ** (10 + 60 * B)
{=} 1 << (3 + 70 * B)
{=} 3 << (3 + 59 * B)
{=} -(low + 1 - B)
{=} abs(low + 1 - B)
{=} (low + 1 - B) // (-1)
{=} int(inf_at[T])
{=} int(nan_at[T])
{=} int(1e15 * (1 + 100000 * B))
{=} 2.0 ** (10 + 2000 * B)
{=} math.exp(10000.0 * B)
{=} math.sqrt(0 - B)
{=} math.log(Z * Z)
{=} math.floor(nan_at[T])
{=} math.acos(1 + B)
{=} round(inf_at[T])
{=} np.uint8(255 + B)
{=} np.int8(-128 - B)
{=} u8[1] + (255 + B)
{=} u8[1] & (0 - B)
{=} np.int64(2) ** (1 - 2 * B)
{=} ints[1] ** (1 - 2 * B)
{=} 1 << (0 - B)
{=} 8 >> (0 - B)
i8[0] = 127 + B
u8[2] = 0 - B
ints[0] = nan_at[T]
ints[0] += Z // Z
{=} v[T]
{=} v[-T - 1]
v[T] = 1
v[-T - 1] = 1
v[T] += 2
{=} m0[T, 1]
{=} m1[2, T]
m1[1, T] = 3
m0[-T - 1, 1] = 3
{=} a[far_at[T]]
{=} a[low_at[T]]
a[far_at[T]] = 1
a[low_at[T]] += 1
{=} w[far_at[T], 1]
w[1, low_at[T]] = 2
{=} len(w[far_at[T]])
{=} w[far_at[T]][2]
{=} v[T].imag
v[T]
{=} (v[T], 2)[1]
for q in range(0, 3, Z):⏎    cnt += q
{=} len(a[::2]) // Z
assert not B
assert Z != 0, "at"
if B:⏎    raise ValueError("stop")
if B:⏎    raise KeyError(3)
if B:⏎    cnt += never
if B:⏎    cnt = cnt + nothing
{=} helper(Z)
{=} outer_helper(a, far_at[T])
while cnt < 0 or 5 // Z > 100:⏎    cnt += 1
cnt += 1 if 6 // Z else 2
if w[2, 2] > -1 and 6 % Z > -100:⏎    cnt += 1
{=} (a[1] if v[T] > -1 else a[2])
{=} min(6 // Z, 3)
a[1], a[2] = 6 // Z, a[1]
""".strip().split("\n")

# Loops: text with E for the statement, the number of innermost iterations, and T.
SHAPES = [
    # parallel
    ("for i in range(20):⏎    out[i] = x[i] * 2⏎    E⏎    other[i] = i", 20, "i"),
    # a condition around it
    ("for i in range(20):⏎    if x[i] >= 0:⏎        out[i] = x[i] * 2⏎        E⏎    else:⏎        out[i] = 1", 20, "i"),
    # accumulations
    ("for i in range(20):⏎    s += x[i]⏎    cnt += 1⏎    E⏎    top = max(top, x[i])", 20, "i"),
    ("for i in range(20):⏎    E⏎    if x[i] < best:⏎        best = x[i]⏎        at = i", 20, "i"),
    # each iteration needs the one before
    ("for i in range(20):⏎    x[i + 1] = x[i] * 0.5 + 1⏎    E⏎    last = i", 20, "i"),
    # distributed
    ("for i in range(20):⏎    x[i + 1] = x[i] * 0.5⏎    out[i] = other[i] + 1⏎    E", 20, "i"),
    # two loops, as they stand and interchanged
    ("for i in range(5):⏎    for j in range(6):⏎        g[i, j] = g[i, j] + 1⏎        E⏎        h[i, j] = i + j", 30, "(i * 6 + j)"),
    ("for j in range(6):⏎    for i in range(5):⏎        g[i, j] = h[i, j] + 1⏎        E", 30, "(j * 5 + i)"),
    ("for i in range(5):⏎    s = 0⏎    for j in range(6):⏎        s += g[i, j]⏎        E⏎    out[i] = s", 30, "(i * 6 + j)"),
    # triangular
    ("for i in range(7):⏎    for j in range(i + 1):⏎        g[i, j] *= 2⏎        E", 28, "(i * (i + 1) // 2 + j)"),
    # backwards
    ("for k in range(19, -1, -1):⏎    i = 19 - k⏎    out[k] += 1⏎    E", 20, "i"),
    # while
    ("for i in range(8):⏎    k = 0⏎    while k < 3:⏎        out[i] += k⏎        E⏎        k += 1", 24, "(i * 3 + k)"),
    ("i = 0⏎while i < 20:⏎    out[i] += 1⏎    E⏎    i += 1", 20, "i"),
    # a function of the program
    ("for i in range(20):⏎    out[i] = bump(x[i])⏎    E", 20, "i"),
    # break and else
    ("for i in range(20):⏎    out[i] = i⏎    if x[i] > 1e9:⏎        break⏎    E⏎else:⏎    cnt = -1", 20, "i"),
]
POSITIONS = 4                   # first, middle, last, none
COMBINATIONS = len(KINDS) * len(SHAPES) * POSITIONS
STEP = 7919                     # a prime that does not divide that

PRELUDE = """\
import math, numpy as np
big = 9223372036854775807; low = -big - 1; nothing = None
a = np.arange(12.0); w = np.arange(30.0).reshape(5, 6)
x = np.arange(40.0) % 7 + 0.25; out = np.zeros(40); other = np.ones(40); r = np.zeros(40)
g = np.arange(64.0).reshape(8, 8); h = np.ones((8, 8))
u8 = np.arange(5).astype(np.uint8); i8 = np.arange(5).astype(np.int8); ints = np.arange(5)
def helper(z):
    return 7 // z
def outer_helper(v, k):
    def inner(d):
        return v[d]
    return inner(k) + 1
def bump(z):
    return z * 2 + 1
"""


def indent(text, by):
    return "\n".join(" " * by + line for line in text.split("\n"))


def fill(shape, statement):
    """The statement's lines, at the depth of the E."""
    lines = []
    for line in shape.split("⏎"):
        lines.append(indent(statement, len(line) - len(line.lstrip())) if line.strip() == "E" else line)
    return "\n".join(lines)


def program(k):
    k = k * STEP % COMBINATIONS
    position, k = k % POSITIONS, k // POSITIONS
    kind, shape = KINDS[k % len(KINDS)], SHAPES[k // len(KINDS)]
    loop, n, t = shape
    p = [0, n // 2, n - 1, n + 5][position]
    statement = kind.replace("⏎", "\n").replace("{=}", f"r[{t}] =" if k % 2 else "e0 =")
    for name, value in (("Z", f"({t} - p)"), ("B", f"({t} == p)"), ("T", t)):
        statement = "".join(value if part == name else part for part in split_names(statement))
    sizes = f"p = {p}\nv = np.arange({min(p, n)}.0); m0 = np.ones(({min(p, n)}, 3)); m1 = np.ones((3, {min(p, n)}))\n"
    marks = "".join(f"{name} = np.full({n + 6}, {usual})\n{name}[p] = {bad}\n" for name, usual, bad in (
        ("far_at", 2, 99), ("low_at", 2, -99), ("inf_at", 2.5, "np.inf"), ("nan_at", 1.5, "np.nan")))
    start = "s = 0.0; cnt = 0; top = -1.0; best = 1e9; at = -1; last = -1; e0 = 0; i = j = k = q = -1"
    body = fill(loop, statement)
    text = PRELUDE + sizes + marks
    if k % 3:
        return text + start + "\n" + body + "\nnever = 1\n"
    return text + f"def f(p):\n    {start}\n{indent(body, 4)}\n    never = 1\n    return s, cnt, top, best, at, last, e0, i, j, k\nresult = f(p)\n"


def split_names(text):
    """The text in pieces of which names are whole ones."""
    piece = ""
    for c in text:
        if c.isalnum() or c == "_":
            piece += c
            continue
        yield piece
        yield c
        piece = ""
    yield piece
