"""Random loop nests as programs: affine and not, triangular, strided, over overlapping views, with symbols, conditions, scalars of all
classes, indirect subscripts, rows, user functions, while loops, breaks, and now and then an error.

Usage: generate.py SEED COUNT          programs, each ended by a line "#---"
The same seed gives the same programs.  Bounds are small, so that every iteration can be written down (brute.c); programs that begin
with "# ordered" add up more floats than program order is kept for."""
import random
import re
import sys

# Elements of the 1-d arrays, of the 2-d ones per axis, and the 3-d one's shape: some programs run out of bounds often, others hardly ever.
TIGHT = 48, 12, (5, 6, 7)
ROOMY = 130, 24, (14, 15, 16)

DTYPES = ["float64"] * 4 + ["float32", "int64", "int32"]
ODD_DTYPES = ["uint8", "int8", "bool", "complex128", "complex64", "uint64", "int16", "float32"]

# Functions of the program that values and statements may call.
HELPERS = {
    "pick": "def pick(x, y):\n    if x < y:\n        return x\n    return y * 2",
    "clip": "def clip(i, n):\n    if i < 0:\n        return 0\n    if i >= n:\n        return n - 1\n    return i",
    "at": "def at(v, i):\n    return v[i] + 1",
    "put": "def put(v, i, x):\n    v[i] = x",
    "swap": "def swap(v, i, j):\n    x = v[i]\n    v[i] = v[j]\n    v[j] = x",
    "dot": "def dot(v, w, n):\n    s = 0.0\n    for d in range(n):\n        s += v[d] * w[d]\n    return s",
    "first": "def first(v, x, n):\n    for d in range(n):\n        if v[d] > x:\n            return d\n    return -1",
    "bump": "def bump(by):\n    global cnt\n    cnt += by\n    return cnt",
    "find": "def find(v, n):\n    for d in range(n):\n        for c in range(d):\n            if v[c] == v[d]:\n                return c, d\n    return n, 0",
    "fill": "def fill(v, x, n):\n    if n > 6:\n        return n\n    for d in range(n):\n        v[d] = x\n        x += 1\n    return x",
    "outer": "def outer(v, n):\n    t = 0.0\n    def inner(d):\n        return v[d] * scale + t\n    scale = 2\n    for d in range(n):\n        t = inner(d)\n    return t",
    "deep": "def deep(n):\n    return 0 if n <= 0 else deep(n - 1) + 1",
    "mean": "def mean(x, y=2):\n    return twice(x + y) / 4\ndef twice(x):\n    return x + x",
}

# What loops do with scalars; lines are parted by ⏎ or "; ".  {v}: a value; {r}: an element; {t}: a test; {i}: a loop's variable; {w}: an element to write; {c}: a small constant.
PATTERNS = """
s += {v} * {v}
s = s + {r}; t = t - {r}
s = {r} + s
s -= {v}
s += {r}; s += {r}
acc *= {r}
acc = {c} * acc
acc = acc / 2 + {r}
if {t}:⏎    s += {r}⏎else:⏎    s -= {r}
if {t}:⏎    cnt += 1
cnt += {i}; u += cnt
cnt += {t}
ok = ok and {t}
ok = ok or {t}
if {t}:⏎    ok = False
if {t}:⏎    ok = True⏎    at_i = {i}
bits |= {i}
bits ^= {i} * {c}; bits &= 63
bits = bits * 2 % 61
bits = ~bits & 15
if {r} < best:⏎    best = {r}
if {r} <= best:⏎    best = {r}⏎    at_i = {i}
if {r} > top:⏎    top = {r}⏎    at_i = {i}⏎    u = {i} + 1
if best > {r}:⏎    best = {r}⏎    at_i = {i}
if not top >= {r}:⏎    top = {r}
best = min(best, {r})
best = min({r}, best); top = max(top, {r})
best = {r} if {r} < best else best
top = np.maximum(top, {r})
u += 1; {a}[u] = {v}
u += e; {w} = {v}; {a}[u - e] += {c}
u = u + 2; {w} = {a}[u] + u
{a}[u] = {v}; u += {c}
if {t}:⏎    {a}[cnt] = {v}⏎    cnt += 1
{w} = prev + {v}; prev = {v}
{w} = {a}[last]; last = {i}
prev, cur = cur, {v}; {w} = prev
cur, prev = cur + prev, cur
cur = {v}; prev = cur; {w} = prev
last = {i}
if {t}:⏎    x = {v}⏎{w} = x
if {t}:⏎    x = {v}⏎else:⏎    x = {r}⏎{w} = x
x = {v}; {w} = x; x = x * x; {w} = x
x = {i}; x = x + 1.5; {w} = x
x = {r}; {w} = {r}; {w} = x
x, cur = {v}, {i}; {w} = x + cur
u = {i} * {c}; {w} = u
last = {i} if {t} else last
t = 0.0; t += {r}; {w} = t
assert {t}
assert {i} < {c} + 6, "far"
u //= {i}
{w} = {r} / {i}
{w} = 7 // ({i} - {c})
s = s * s + 3
u = u * u + 3
""".strip().split("\n")


class Nest:
    def __init__(self, seed):
        self.r = random.Random(seed)
        self.lines = []
        self.loops = []         # variables of the loops around, outermost first
        self.scalars = ["s", "t", "u"]
        self.vectors = ["a", "a", "b"]
        self.matrices = ["m", "m", "w"]
        self.rows = []
        self.cube = self.chance(0.15)
        self.helpers = []
        self.budget = self.r.randint(1, 6) if self.chance(0.85) else self.r.randint(7, 14)
        self.size, self.side, self.shape = TIGHT if self.chance(0.25) else ROOMY
        self.last_bounds = "n"
        self.stale = []         # variables of loops that have ended
        self.far = set()        # variables of loops over enormous numbers

    def pick(self, *choices):
        return self.r.choice(choices)

    def chance(self, p):
        return self.r.random() < p

    def emit(self, depth, text):
        # Elements of idx bound loops: they stay small.
        store = re.fullmatch(r"(idx\[[^=]*?\]) (?:([-+*/%]+)=|=) (.*)", text)
        if store and store[2]:
            text = f"{store[1]} = ({store[1]} {store[2]} ({store[3]})) % 16"
        elif store:
            text = f"{store[1]} = ({store[3]}) % 16"
        self.lines.append("    " * depth + text)

    def var(self, otherwise="n"):
        return self.pick(*self.loops) if self.loops else otherwise

    # ---- the arrays -------------------------------------------------------------------------------------------------

    def view1(self, name):
        """A 1-d view of buffer `name`; mostly all of it."""
        r = self.r
        if self.chance(0.5):
            return name
        view = self.pick(f"{name}[{r.randint(0, 6)}:]", f"{name}[::-1]", f"{name}[{r.randint(0, 2)}::2]", f"{name}[:{r.randint(30, self.size)}]",
                         f"{name}[{r.randint(1, 5)}:{r.randint(30, self.size)}]", f"{name}[::-2]", f"{name}[1::3]")
        if self.chance(0.15):
            view += self.pick("[1:]", "[::-1]", "[:20]", "[::2]", "[3::-1]")
        return view

    def view2(self, name):
        if self.chance(0.55):
            return name
        view = self.pick(f"{name}.T", f"{name}[::-1]", f"{name}[1:]", f"{name}[:, 1:]", f"{name}[1:, 1:].T", f"{name}[:, ::-1]", f"{name}[::2]",
                         f"{name}[::-1, ::-1]", f"{name}[:, ::2]", f"{name}[2:, :10]")
        if self.chance(0.15):
            view += self.pick(".T", "[1:]", "[::-1]", "[:, 1:]")
        return view

    def view3(self, name):
        return self.pick(name, name, f"{name}.transpose(2, 0, 1)", f"{name}[:, ::-1]", f"{name}[1:, :, :]", f"np.swapaxes({name}, 0, 2)", f"{name}[..., 1:]",
                         f"{name}[::-1, :, ::2]")

    def arrays(self):
        r = self.r
        dtype = self.pick(*DTYPES)
        self.emit(0, f"p = (np.arange({self.size}) * 5 % 17 - 3).astype(np.{dtype}) * np.{dtype}({self.pick('1', '2', '3') if 'int' in dtype else '0.7'})")
        self.emit(0, f"q = np.arange({self.size}, dtype=np.{dtype}) + {r.randint(0, 3)}")
        self.emit(0, f"g = (np.arange({self.side ** 2}) * 7 % 23 * 1.25).reshape({self.side}, {self.side})")
        self.emit(0, f"h = (np.arange({self.side ** 2}) % 11 + 0.5).reshape({self.side}, {self.side})")
        if self.chance(0.08):
            self.emit(0, f"g[{r.randint(0, 5)}, {r.randint(0, 5)}] = np.nan")
        if self.chance(0.06) and "float" in dtype:
            self.emit(0, f"p[{r.randint(0, 9)}] = np.nan")
        index = [r.randint(0, 15) for _ in range(24)] if self.chance(0.6) else r.sample(range(24), 24)
        self.emit(0, f"idx = np.array({index}" + self.pick(")", ")", ")", ", dtype=np.int8)", ", dtype=np.uint8)", ", dtype=np.int32)", ", dtype=np.uint64)"))
        same = self.chance(0.4)
        self.emit(0, f"a = {self.view1('p')}")
        self.emit(0, f"b = {self.view1('p' if same else 'q')}")
        same = self.chance(0.4)
        self.emit(0, f"m = {self.view2('g')}")
        self.emit(0, f"w = {self.view2('g' if same else 'h')}")
        if self.chance(0.12):
            self.alias()
        if self.chance(0.3):
            odd = self.pick(*ODD_DTYPES)
            self.emit(0, f"y = {self.view1(f'(np.arange({self.size}) * 3 % 7).astype(np.{odd})')}")
            self.vectors.append("y")
        if self.cube:
            a, b, c = self.shape
            self.emit(0, f"q3 = (np.arange({a * b * c}) % 13 * 0.5).reshape({a}, {b}, {c})")
            self.emit(0, f"c = {self.view3('q3')}")
        self.emit(0, f"n = {r.randint(3, 9)}")
        self.emit(0, f"k = {r.randint(-3, 9)}")
        self.emit(0, f"e = {r.randint(1, 4)}")

    def alias(self):
        """Other shapes, or other item sizes, over the bytes of an array."""
        side = int((self.size - 4) ** 0.5)
        self.emit(0, self.pick(f"m = p[:{side ** 2}].reshape({side}, {side})", f"m = p[4:{side ** 2 + 4}].reshape({side}, {side})[:, ::-1]",
                               f"m = q[:{side * 4}].reshape(4, {side}).T", "a = g.reshape(-1)", "b = g.reshape(-1)[5:]", "a = g[1]", "b = g[:, 2]",
                               "zc = np.arange(40) * (1 + 0.5j); a = zc.real; b = zc.imag", "zc = np.arange(40) * (1 + 0.5j); a = zc; b = zc.real",
                               "zc = np.arange(60) * (1 + 0.5j); a = zc[::2]; b = zc.imag[1:]", "a = p[:0]", "m = g[:, :0]", "b = p[-3:]", "w = g[:1]"))

    def start_scalars(self, depth):
        self.emit(depth, "s = " + self.pick("0", "0.0", "1.5", "np.float64(0.5)", "np.float32(1)"))
        self.emit(depth, "t = " + self.pick("0.0", "2", "2.25"))
        self.emit(depth, "u = " + self.pick("0", "1", "3"))
        self.emit(depth, f"acc = {self.pick('1', '1.0', '2.0')}; cnt = 0; ok = {self.pick('True', 'False')}; bits = {self.pick('0', '5')}")
        self.emit(depth, f"best = {self.pick('1e9', '30', 'a[0]')}; top = {self.pick('-1e9', 'm[0, 0]', '0')}")
        self.emit(depth, f"at_i = -1; prev = {self.pick('0', '0.5')}; cur = 1; last = 0" + self.pick("", "; x = 0.25", "; x = 1"))

    # ---- expressions ------------------------------------------------------------------------------------------------

    def affine(self):
        """An integer expression, mostly affine in the loop variables."""
        r = self.r
        v, w = self.var(), self.var("k")
        if self.stale and self.chance(0.02):
            v = self.pick(*self.stale)
        c = r.randint(-2, 5)
        plus = f" + {c}" if c > 0 else f" - {-c}" if c < 0 else ""
        x = r.random()
        if x < 0.40:
            return v + plus
        if x < 0.50:
            return f"{r.randint(2, 3)}*{v}{plus}"
        if x < 0.60:
            return f"{v} + {w}{plus}"
        if x < 0.66:
            return f"{v} - {w}{plus}"
        if x < 0.72:
            return f"{self.pick('n', '20')} - {v}{plus}"
        if x < 0.78:
            return f"{v} + {self.pick('k', 'n', 'e')}"
        if x < 0.82:
            return f"e*{v}{plus}"
        if x < 0.86:
            return f"{v}*n + {w}"
        if x < 0.89:
            return self.pick("k", "n", "0", str(abs(c)), "-1", "-3")
        if x < 0.92:
            return f"idx[{v}{plus if c > 0 else ''}]"
        if x < 0.94:
            return f"{v} % {r.randint(2, 4)}"
        if x < 0.96:
            return f"{v} // 2"
        if x < 0.97:
            return f"{v} * {w}"
        if x < 0.975:
            return self.pick(f"int({self.ref()}) % 20", f"{v} + 9223372036854775800 - 9223372036854775801", f"{v} * 4611686018427387904", f"idx[{v}] + 100", f"idx[idx[{v}]]",
                             f"(e - {v}) * ({w} - n)", f"min({v}, {w})", f"max({v}, k)", f"abs({v} - {w})", f"({v} + k) % n", f"{v} ^ 1", f"{v} & 3")
        if x < 0.985:
            return self.call("clip", f"{v}{plus}", self.pick("n", "8"))
        return f"-{v} - 1"

    def narrow(self, side=None):
        """A subscript for an axis of few elements."""
        v = self.var()
        x = self.r.random()
        if x < 0.55:
            return v
        if x < 0.75:
            return f"{v} {self.pick('+', '-')} {self.r.randint(1, 2)}"
        if x < 0.82:
            return f"{(side or self.side) - 1} - {v}"
        if x < 0.88:
            return self.pick("0", "1", "-1", "e")
        return self.affine()

    def vector(self):
        """Something with one axis."""
        if self.rows and self.chance(0.5):
            return self.pick(*self.rows)
        v = self.pick(*self.vectors)
        if self.chance(0.04):
            return v + self.pick("[1:]", "[::-1]", "[::2]", "[k:]", "[:n]", "[e:][::-1]")
        return v

    def matrix(self):
        m = self.pick(*self.matrices)
        return m + self.pick(".T", "[::-1]", "[1:]", "[:, 1:]") if self.chance(0.06) else m

    def ref(self):
        x = self.r.random()
        if self.cube and x < 0.3:
            if self.chance(0.8):
                return f"c[{self.narrow(self.shape[0])}, {self.narrow(self.shape[1])}, {self.narrow(self.shape[2])}]"
            return f"c[{self.narrow(self.shape[0])}][{self.narrow(self.shape[1])}, {self.narrow(self.shape[2])}]"
        if x < 0.62:
            return f"{self.vector()}[{self.affine()}]"
        if x < 0.97:
            form = "{}[{}, {}]" if self.chance(0.85) else "{}[{}][{}]"
            return form.format(self.matrix(), self.narrow(), self.narrow())
        return f"idx[{self.var('0')}]"

    def call(self, name, *args):
        if name not in self.helpers:
            self.helpers.append(name)
        return f"{name}({', '.join(args)})"

    def value(self, depth=0):
        x = self.r.random()
        if x < 0.5 or depth > 2:
            return self.ref()
        if x < 0.58:
            return self.pick("0.5", "2", "1.25", "3", "-1", "True", "np.float32(0.5)", "1j" if self.chance(0.1) else "4")
        if x < 0.66 and self.loops:
            return self.var()
        if x < 0.72:
            return self.pick(*self.scalars)
        if x < 0.74:
            return f"abs({self.value(depth + 1)})"
        if x < 0.76:
            return f"{self.pick('max', 'min')}({self.value(depth + 1)}, {self.value(depth + 1)})"
        if x < 0.78:
            return f"({self.value(depth + 1)} if {self.test()} else {self.value(depth + 1)})"
        if x < 0.795:
            return self.call("pick", self.value(depth + 1), self.value(depth + 1))
        if x < 0.805:
            return self.call("at", self.vector(), self.affine())
        if x < 0.812:
            return self.call("mean", self.value(depth + 1), *[self.value(2)] * self.chance(0.5))
        if x < 0.818:
            return self.call(*self.pick(("dot", self.vector(), self.vector(), self.var("5")), ("first", self.vector(), self.ref(), "n"), ("bump", "e"),
                                        ("fill", self.vector(), self.ref(), self.var("3")), ("outer", self.vector(), self.var("3")), ("deep", "e")))
        if x < 0.83:
            return f"{self.pick('np.sqrt', 'np.abs', 'int', 'float', 'np.floor', 'np.float32', 'np.int32', 'bool')}({self.value(depth + 1)})"
        if x < 0.84:
            return f"({self.value(depth + 1)} {self.pick('//', '%', '/', '**', '&', '<<')} {self.pick('2', '3', 'e', 'n')})"
        if x < 0.85:
            return self.unused(depth + 1)
        return f"{self.value(depth + 1)} {self.pick('+', '+', '-', '*')} {self.value(depth + 1)}"

    def unused(self, depth):
        """Values that depend on no element, although what they are made of may raise."""
        row = self.pick(f"{self.matrix()}[{self.narrow()}]", f"{self.matrix()}[:, {self.narrow()}]", f"{self.vector()}[{self.affine()}:]")
        return self.pick(f"len({row})", f"{row}.size", f"{row}.shape[0]", f"{self.ref()}.imag", f"({self.ref()}, {self.value(depth)})[1]",
                         f"np.isnan({self.value(depth)})", f"isinstance({self.value(depth)}, float)", f"({row} is None)")

    def test(self):
        x = self.r.random()
        if x < 0.35 and self.loops:
            return f"{self.var()} {self.pick('<', '>', '==', '!=')} {self.pick('n', 'k', '3', '2')}"
        if x < 0.45 and self.loops:
            return f"{self.var()} % 2 == {self.pick('0', '1')}"
        if x < 0.48:
            return self.pick(f"(x := {self.ref()}) > 2 and x < 20", f"{self.ref()}", f"({self.ref()} > 3) == ok", f"2 < {self.ref()} <= 9", f"{self.var('k')} and {self.ref()}")
        if x < 0.52:
            return f"{self.ref()} > 2 and {self.ref()} < 20"
        if x < 0.55:
            return self.pick("ok", "not ok", "n > 5 or k < 2", f"{self.var()} == {self.var('k')}", f"0 <= {self.affine()} < n", "1 < t < 3")
        return f"{self.ref()} {self.pick('<', '>', '<=')} {self.value(2)}"

    # ---- statements -------------------------------------------------------------------------------------------------

    def bounds(self):
        """The arguments of a range; often those of the loop before, for fusion."""
        if not self.chance(0.2) or not set(re.findall(r"\b[ijlo]\b", self.last_bounds)) <= set(self.loops):
            self.last_bounds = self.new_bounds()
        return self.last_bounds

    def new_bounds(self):
        near = [v for v in self.loops if v not in self.far]
        outer = self.pick(*near) if near and self.chance(0.3) else near[-1] if near else None
        x = self.r.random()
        if outer and x < 0.16:
            return self.pick(f"{outer}", f"{outer} + 1")
        if outer and x < 0.32:
            return self.pick(f"{outer}, n", f"{outer} + 1, n", f"{outer}, n + {outer}", f"{outer}, min({outer} + 3, n)", f"n - {outer}")
        if outer and x < 0.42:
            return self.pick(f"max(0, {outer} - 2), min(n, {outer} + 3)", f"{outer}, -1, -1", f"n - 1, {outer}, -1", f"{outer}, n, 2", f"0, n, {outer} + 1",
                             f"{outer}, 2 * {outer} + 1", f"2 * {outer}", f"{outer} // 2, n", f"max({outer}, k), n", f"min({outer}, 4)",
                             f"{outer} * 3, {outer} * 3 + 3", f"idx[{outer}]", f"{outer}, {self.pick(*near)} + 1")
        if x < 0.60:
            return self.pick("n", "8", "e + 4", "5")
        if x < 0.75:
            return self.pick("1, n", "2, n + 1", "1, 7", "k, n")
        if x < 0.83:
            return self.pick("n - 1, -1, -1", "7, 0, -1", "n, 1, -2", "n, 0, -e", "8, k, -1")
        if x < 0.90:
            return self.pick("0, n, 2", "1, 9, 3", "0, 10, e", "k, n + 2, e")
        if x < 0.905:
            return self.pick("9223372036854775800, 9223372036854775803", "-9223372036854775808, -9223372036854775805", "0, 5, 4000000000000000000", "5, -5, -4611686018427387904",
                             "k, n * 4611686018427387904, 4611686018427387904", "k, k + 3", "len(b) - 1, 0, -7")
        if x < 0.96:
            return self.pick("min(n, 6)", "max(n, e)", "min(n, e + 2, 7)", "len(a) // 6", "m.shape[0] - 4")
        return self.pick("0", "k", "1", "k - 4", "n, n", "2, k, k - 3")

    def pattern(self, depth):
        text = self.pick(*PATTERNS)
        fill = {"v": lambda: self.value(1), "r": self.ref, "t": self.test, "i": lambda: self.var("k"), "w": self.ref, "a": lambda: self.pick("a", "b"),
                "c": lambda: self.pick("1", "2", "3")}
        same = {"r": self.ref()}
        is_choice = "best" in text or "top" in text
        for line in text.replace("; ", "⏎").split("⏎"):
            while "{" in line:
                at = line.index("{")
                key = line[at + 1]
                line = line[:at] + (same["r"] if is_choice and key == "r" else fill[key]()) + line[at + 3:]
            self.emit(depth, line)
        if self.chance(0.1):
            self.emit(depth, f"{self.ref()} = {self.pick('s', 'best', 'top', 'u', 'cnt', 'at_i', 'last', 'acc', 'cur')}")

    def scalar_statement(self, depth):
        x = self.r.random()
        s = self.pick(*self.scalars)
        if x < 0.5:
            self.pattern(depth)
        elif x < 0.65:
            self.emit(depth, f"{s} += {self.value(1)}")
        elif x < 0.70:
            self.emit(depth, f"{s} = {s} {self.pick('+', '*', '-')} {self.value(2)}")
        elif x < 0.80:
            self.emit(depth, f"{s} = {self.value(1)}")
            self.emit(depth, f"{self.ref()} = {s} {self.pick('+', '*')} {self.value(2)}")
        elif x < 0.85:
            ref = self.ref()
            self.emit(depth, f"if {ref} {self.pick('<', '>', '<=', '>=')} {s}:")
            self.emit(depth + 1, f"{s} = {ref}")
            if self.chance(0.5) and self.loops:
                self.emit(depth + 1, f"u = {self.var()}")
        elif x < 0.89:
            self.emit(depth, f"{s} = {self.pick('min', 'max')}({s}, {self.ref()})")
        elif x < 0.95:
            self.emit(depth, f"u += {self.pick('1', 'e', '2')}")
            self.emit(depth, f"a[u % {self.size // 2}] = {self.value(1)}" if self.chance(0.5) else f"b[u] = {self.value(1)}")
        else:
            self.emit(depth, f"{s} = {self.ref()}")

    def special(self, depth):
        """A row, a swap, a call for its effect, a while loop."""
        x = self.r.random()
        if x < 0.35:
            row = self.pick("row", "other")
            self.emit(depth, f"{row} = " + self.pick(f"m[{self.narrow()}]", f"w[{self.narrow()}]", f"m[:, {self.narrow()}]", f"m[{self.narrow()}, 1:]", "a[2:]",
                                                     f"a[{self.var()}:]", "b[::-1]", f"m[{self.narrow()}][::-1]"))
            if row not in self.rows:
                self.rows.append(row)
            self.emit(depth, f"{self.ref()} = {row}[{self.narrow()}]")
        elif x < 0.5:
            one, two = self.ref(), self.ref()
            self.emit(depth, f"{one}, {two} = {two}, {one}")
        elif x < 0.6:
            self.emit(depth, self.call("put", self.vector(), self.affine(), self.value(1)))
        elif x < 0.63:
            self.emit(depth, f"x, u = {self.call('find', self.vector(), self.var('n'))}")
        elif x < 0.7:
            self.emit(depth, self.call("swap", self.vector(), self.affine(), self.affine()))
        elif x < 0.85 or len(self.loops) > 3:
            self.emit(depth, "t = 0.0")
            self.emit(depth, f"while t < {self.r.randint(1, 4)}:")
            self.emit(depth + 1, f"{self.ref()} = {self.value(1)}")
            self.emit(depth + 1, "t += 1.0")
        else:
            it = f"it{depth}"
            self.emit(depth, f"{it} = 0")
            self.emit(depth, f"while {it} < {self.pick('2', '3', 'e')}:")
            if self.chance(0.7):
                self.loop(depth + 1)
                self.emit(depth + 1, f"{it} += 1")
            else:
                self.emit(depth + 1, f"{it} += 1")
                self.loop(depth + 1)

    def statement(self, depth):
        self.budget -= 1
        x = self.r.random()
        if x < 0.40:
            self.emit(depth, f"{self.ref()} = {self.value()}")
        elif x < 0.49:
            self.emit(depth, f"{self.ref()} {self.pick('+=', '+=', '-=', '*=')} {self.value(1)}")
        elif x < 0.68:
            self.scalar_statement(depth)
        elif x < 0.77:
            self.emit(depth, f"if {self.test()}:")
            self.block(depth + 1, 2)
            if self.chance(0.4):
                self.emit(depth, "else:")
                self.block(depth + 1, 1)
        elif x < 0.79 and self.loops:
            self.emit(depth, f"if {self.test()}:")
            self.emit(depth + 1, self.pick("continue", "continue", "break"))
        elif x < 0.83:
            self.special(depth)
        elif len(self.loops) < 4:
            self.loop(depth)
        else:
            self.emit(depth, f"{self.ref()} = {self.value()}")

    def block(self, depth, most):
        for _ in range(self.r.randint(1, most)):
            self.statement(depth)

    def loop(self, depth):
        var = "ijlo"[len(self.loops)] if len(self.loops) < 4 else "z"
        x = self.r.random()
        extra = []
        if x < 0.86:
            self.emit(depth, f"for {var} in range({self.bounds()}):")
        elif x < 0.91:
            self.emit(depth, f"for {var} in reversed(range({self.bounds()})):")
        elif x < 0.94:
            self.emit(depth, f"for {var}, x in enumerate({self.vector()}[:{self.pick('n', '6')}]):")
            extra = ["x"]
        elif x < 0.96:
            self.emit(depth, f"for {var}, x, t in zip(range({self.bounds()}), {self.vector()}, {self.vector()}):")
            extra = ["x", "t"]
        elif x < 0.975:
            self.emit(depth, f"for {var}, row in enumerate(m[:n, :{self.r.randint(5, 9)}]):")
            self.rows = self.rows + ["row"] * ("row" not in self.rows)
        elif x < 0.985:
            self.emit(depth, f"for {var}, x in zip(range(n), reversed({self.vector()})):")
            extra = ["x"]
        elif x < 0.99:
            self.emit(depth, f"for {var} in {self.pick('(0, 2, 5)', '[1, 1, 3]', '(4, 3, 2, 1)', '(n, k)')}:")
        elif x < 0.994:
            self.emit(depth, f"for {var}, x in enumerate({self.vector()}[:5], {self.pick('1', 'e', 'k')}):")
            extra = ["x"]
        else:
            self.emit(depth, f"for {var} in idx[:n]:")
        self.loops.append(var)
        self.far -= {var}
        if re.search(r"\d{15}", self.lines[-1]):
            self.far.add(var)
        self.scalars += extra
        self.block(depth + 1, 3 if self.budget > 0 else 1)
        if len(self.loops) < 3 and self.budget > 0 and self.chance(0.6):
            self.loop(depth + 1)
            if self.chance(0.3):
                self.block(depth + 1, 1)
        self.stale.append(self.loops.pop())
        del self.scalars[len(self.scalars) - len(extra):]
        if self.chance(0.03):
            self.emit(depth, "else:")
            self.emit(depth + 1, f"{self.ref()} = {self.value()}")

    def call_function(self):
        """The loop in a function that is called several times, with other numbers and arrays."""
        self.emit(0, "def f(a, b, m, w, n, k, e):")
        self.start_scalars(1)
        self.loop(1)
        if self.chance(0.3):
            self.loop(1)
        self.emit(1, "return s, t, u, acc, cnt, ok, bits, best, top, at_i, prev, cur, last")
        for _ in range(self.r.randint(1, 6)):
            a, b = self.pick(("a", "b"), ("a", "b"), ("b", "a"), ("a", "a"), ("p", "q"), ("p[k:]", "p"))
            m, w = self.pick(("m", "w"), ("m", "w"), ("m", "m"), ("m", "m.T"), ("g", "h[1:]"))
            self.emit(0, f"r = f({a}, {b}, {m}, {w}, {self.pick('n', 'n', str(self.r.randint(0, 9)))}, {self.pick('k', str(self.r.randint(-3, 12)))}, e)")
            self.emit(0, f"r{self.r.randint(0, 9)} = r")

    def program(self):
        self.emit(0, "import numpy as np")
        self.arrays()
        at = len(self.lines)
        x = self.r.random()
        if x < 0.3:
            self.emit(0, "cnt = 0")
            self.call_function()
        else:
            self.start_scalars(0)
            if x < 0.40:        # a loop that is no nest; those inside are, with other numbers each time
                self.emit(0, f"for k in range(-2, {self.r.randint(1, 6)}):")
                self.emit(1, "told = [k]")
                self.loop(1)
            else:
                self.loop(0)
                if self.chance(0.1):
                    self.rows = []
                    self.loop(0)
        self.lines[at:at] = [HELPERS[h] for h in self.helpers]
        return "\n".join(self.lines) + "\n"


class Kernel(Nest):
    """Perfect and nearly perfect nests over matrices: what interchange, distribution and fusion are for."""

    STATEMENTS = [
        "{m}[{x}, {y}] = {m}[{x}, {y}] * 0.5 + {w}[{y}, {x}]",
        "{m}[{x}, {y}] = {m}[{x} - 1, {y}] + {w}[{x}, {y}]",
        "{m}[{x}, {y}] = {m}[{x}, {y} - 1] + {m}[{x} - 1, {y}]",
        "{m}[{x}, {y}] = ({m}[{x} - 1, {y} + 1] + {m}[{x} + 1, {y} - 1]) * 0.5",
        "{m}[{x} + 1, {y}] = {w}[{x}, {y}] * 0.25",
        "{w}[{x}, {y}] = {m}[{x}, {y}] - {m}[{x} + 1, {y} + 1]",
        "{m}[{x}, {y}] += {w}[{x}, {z}] * {g}[{z}, {y}]",
        "a[{x}] += {m}[{x}, {y}]",
        "a[{y}] += {m}[{x}, {y}] * b[{x}]",
        "a[{x} + {y}] += {m}[{x}, {y}]",
        "a[{x}] = b[{x}] + 1",
        "b[{y}] = a[{y} + 1] * 0.5",
        "b[{x}] = b[{x} - 1] + a[{x}]",
        "v0 = {m}[{x}, {y}] + 1⏎{w}[{x}, {y}] = v0⏎a[{x}] = v0 * 0.5",
        "v0 = a[{x}] * 2⏎b[{x}] = b[{x} - 1] + v0",
        "v1 = b[{x}]⏎a[{x} + 1] = v1⏎{m}[{x}, {y}] = v1 + a[{x}]",
        "s += {m}[{x}, {y}]",
        "t = t + {m}[{x}, {y}] * {w}[{y}, {x}]",
        "s = 0.0",
        "a[{x}] = s",
        "if {m}[{x}, {y}] > 4:⏎    {w}[{x}, {y}] = {m}[{x}, {y}]",
        "if {x} != {y}:⏎    {m}[{x}, {y}] = {m}[{y}, {x}]",
        "{m}[{x}, {y}], {m}[{y}, {x}] = {m}[{y}, {x}], {m}[{x}, {y}]",
        "{m}[{x}, n - {y}] = {w}[{x}, {y}]",
        "{m}[{x} + k, {y}] = {m}[{x}, {y}] + 1",
        "a[{x} * n + {y}] = a[{x} * n + {y}] + 1",
        "{m}[{x}, :][{y}] = {x} + {y}",
        "best = max(best, {m}[{x}, {y}])",
        "if {m}[{x}, {y}] < best:⏎    best = {m}[{x}, {y}]⏎    at_i = {x}⏎    last = {y}",
    ]

    def statement(self, depth):
        x, y, z = self.var(), self.var(), self.var()
        if len(self.loops) > 1 and self.chance(0.8):
            x, y = self.r.sample(self.loops, 2)
        at = self.pick(*self.STATEMENTS).format(x=x, y=y, z=z, m=self.matrix(), w=self.matrix(), g=self.matrix())
        for line in at.split("⏎"):
            self.emit(depth, line)

    def level(self, depth, left):
        var = "ijlo"[len(self.loops)]
        self.emit(depth, f"for {var} in range({self.bounds()}):")
        self.loops.append(var)
        self.far -= {var}
        if re.search(r"\d{15}", self.lines[-1]):
            self.far.add(var)
        if left == 1 or self.chance(0.3):
            self.block(depth + 1, 4 if left == 1 else 2)
        while left > 1:
            self.level(depth + 1, left - 1)
            if not self.chance(0.3):
                break
            if self.chance(0.3):
                self.block(depth + 1, 2)
        self.loops.pop()

    def neighbours(self, depth):
        """Loops over the same numbers, one behind the other."""
        var = "ijlo"[len(self.loops)]
        bounds = self.bounds()
        self.loops.append(var)
        for _ in range(self.r.randint(2, 4)):
            self.emit(depth, f"for {var} in range({bounds}):")
            for _ in range(self.pick(1, 1, 2)):
                one, two = self.r.sample(["a", "b", f"m[{self.loops[0]}]" if len(self.loops) > 1 else "m[0]", "w[2]"], 2)
                at, by = f"[{var}{self.pick('', '', '', ' + 1', ' - 1', ' + k')}]", f"[{var}{self.pick('', '', ' + 1', ' - 1', ' + 2')}]"
                self.emit(depth + 1, self.pick(f"{one}{at} = {two}{by} + {self.pick('1', var, one + at)}", f"{one}{at} = {one}{at} * 0.5 - {two}{by}",
                                               f"x = {two}{by}", f"{one}{at} = x", f"x = {one}{at}; {two}{by} = x * 2"))
        self.loops.pop()

    def loop(self, depth):
        if self.chance(0.3):
            if self.chance(0.4):
                self.emit(depth, f"for i in range({self.bounds()}):")
                self.loops.append("i")
                self.neighbours(depth + 1)
                self.loops.pop()
            else:
                self.neighbours(depth)
            return
        for _ in range(self.pick(1, 1, 1, 2)):
            self.level(depth, self.pick(1, 2, 2, 2, 3, 3))


# ---- long sums ----------------------------------------------------------------------------------------------------------

# Bodies of loops over i; {v} is a value that depends on i, {c} a condition.
SUMS = """
s += {v}
s = s + {v} * {v}
s = {v} + s
s -= {v}
s += {v}; t += {v}
s += {v}; s += {v}
if {c}:⏎    s += {v}
if {c}:⏎    s += {v}⏎else:⏎    s -= {v}
if {c}:⏎    continue⏎s += {v}
acc *= 1 + {v} / 1000
acc *= 1 + {v} / 1000; s += {v}
s += {v}; out[i] = {v}
s += {v}; out[i] = s
s += {v}; cnt += 1; ok = ok and {c}
s += {v}; best = min(best, {v})
if {v} < best:⏎    best = {v}⏎    at_i = i⏎s += {v}
if {v} >= best:⏎    best = {v}⏎    at_i = i
if {c}:⏎    at_i = i⏎    s += {v}
x = {v}; s += x * x; t = x
z += complex({v}, 1)
f += np.float32({v})
s += {v}; u += i; bits ^= i
s += {v} * cnt; cnt += 1
s += {v}; s = s * 0.5
""".strip().split("\n")


class Long(Nest):
    """Loops that add up more than 128 floats: the canonical tree, whatever the order of the iterations."""

    def body(self, depth, var, values, tests):
        for line in self.pick(*SUMS).replace("; ", "⏎").split("⏎"):
            while "{" in line:
                at = line.index("{")
                line = line[:at] + (self.pick(*values) if line[at + 1] == "v" else self.pick(*tests)) + line[at + 3:]
            self.emit(depth, line.replace("[i]", f"[{var}]").replace("= i", f"= {var}"))

    def program(self):
        r = self.r
        n = self.pick(100, 128, 129, 130, 160, 200, 300, 1000, 4095, 4096, 4097, 5000, 9000)
        dtype = self.pick("float64", "float64", "float64", "float32", "complex128")
        self.emit(0, "# ordered")
        self.emit(0, "import numpy as np")
        self.emit(0, f"n = {n}")
        self.emit(0, f"p = ((np.arange({n} + 8) * 37 % 101 - 20) * 0.1).astype(np.{dtype})")
        self.emit(0, f"a = {self.pick('p', 'p', 'p', 'p[3:]', 'p[::-1]')}")
        self.emit(0, f"g = (np.arange(6 * 300) % 29 * 0.3 - 1).reshape(6, 300)")
        self.emit(0, f"out = np.zeros({n} + 8)")
        self.emit(0, f"s = {self.pick('0', '0.0', '1.5', '-0.0', 'np.float64(0)')}; t = {self.pick('0.0', '2')}; acc = 1.0; cnt = 0; ok = True; best = 1e9; at_i = -1")
        self.emit(0, "z = 0j; f = np.float32(0); u = 0; bits = 0")
        values = ["a[i]", "a[i]", "a[i + 1]", "a[n - 1 - i]", "a[i] * 1.1", "a[i] * a[i]", "abs(a[i])", "0.1", "(i * 0.1)", "out[i]"]
        tests = ["i % 3 == 0", "i > 5", "abs(a[i]) < 2", "i % 2", "n < 200"]
        kind = r.random()
        if kind < 0.55:
            self.emit(0, f"for i in range({self.pick('n', 'n', 'n', '1, n', '0, n, 2', 'n - 1, -1, -1', '0, n, 7')}):")
            self.body(1, "i", values, tests)
            if self.chance(0.2):
                self.body(1, "i", values, tests)
        elif kind < 0.85:
            values = ["g[i, j]", "g[i, j]", "g[i, j] * a[j % n]", "g[i, j] * 1.1", "(j * 0.1)", "g[0, j] * g[i, j]"]
            tests = ["j % 3 == 0", "i > 2", "j > i", "g[i, j] < 2"]
            inner = self.pick("300", "300", "200 + i * 10", "i * 50", "i, 300", "2, 300", "140 * (i % 2)", "299, -1, -1")
            if self.chance(0.25):
                self.emit(0, "for j in range(300):")
                self.emit(1, f"for i in range({self.pick('6', '1, 6')}):")
            else:
                self.emit(0, f"for i in range({self.pick('6', '1, 6', '5, -1, -1')}):")
                if self.chance(0.6):
                    self.emit(1, f"s = {self.pick('0', '0.0', 'i')}")
                self.emit(1, f"for j in range({inner}):")
            self.body(2, "j", values, tests)
            if self.chance(0.6):
                self.emit(1, "out[i] = s" if self.lines[-1].startswith("        ") and any("for i in range" in line and not line.startswith(" ") for line in self.lines)
                          else "out[j % n] = s")
        elif kind < 0.93:
            self.emit(0, "def f0(v, n, s):")
            self.emit(1, "for i in range(n):")
            self.emit(2, f"s {self.pick('+=', '-=', '*=')} v[i]{self.pick('', ' * 0.5', ' + i')}")
            self.emit(1, "return s")
            self.emit(0, "for k in range(4):")
            self.emit(1, f"s = f0({self.pick('a', 'g[k]')}, {self.pick('n - k * 40', '130 - k', '60 * k')}, {self.pick('s', '0', '0.0', 'k')})")
            self.emit(1, f"out[k] {self.pick('=', '+=')} abs(s)")
        else:
            self.emit(0, "it = 0")
            self.emit(0, "while it < 3:")
            self.emit(1, f"for i in range({self.pick('n', 'n // 2', '130 + it')}):")
            self.body(2, "i", values, tests)
            self.emit(1, "it += 1")
        return "\n".join(self.lines) + "\n"


def program(seed):
    kind = Long if seed % 16 == 15 else Kernel if seed % 8 == 3 else Nest
    return kind(seed).program()


def main(seed, count):
    for i in range(count):
        sys.stdout.write(program(seed * 1_000_003 + i))
        sys.stdout.write("#---\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
