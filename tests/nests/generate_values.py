"""Arithmetic on the numbers where it goes wrong: the ends of every type, zeros of both signs, NaN, denormals, counts of shifts beyond the width, mixed types.

Bounds are small enough that floats are added up in program order.  Some programs end in an exception, most do not."""
import random

SIGNED, UNSIGNED = ("int8", "int16", "int32", "int64"), ("uint8", "uint16", "uint32", "uint64")
FLOATS, COMPLEX = ("float32", "float64"), ("complex64", "complex128")
DTYPES = ("bool",) + SIGNED + UNSIGNED + FLOATS * 3 + COMPLEX

REALS = ["0.0", "-0.0", "1.0", "-1.0", "0.5", "-0.5", "1.5", "2.5", "-2.5", "3.0", "-7.0", "0.1", "np.nan", "np.inf", "-np.inf", "1e-310", "-5e-324",
         "1e308", "-1.7e308", "1e-45", "3.4e38", "16777217.0", "2147483647.5", "-2147483649.0", "4294967296.0", "9007199254740993.0",
         "9223372036854775807.0", "-9223372036854775808.0", "1.8446744073709552e19", "255.9", "-129.0", "32767.5", "1e19", "-0.9"]
PLAIN_REALS = ["0.0", "-0.0", "1.0", "-1.5", "2.5", "-7.0", "0.1", "100.25", "3.0"]

# Kinds: B a NumPy bool, b Python's; i, u NumPy integers, p Python's int; f a NumPy float, q Python's; c, z complex.
INTEGERS, REAL_KINDS, COMPLEX_KINDS, PYTHON = "iupBb", "iupBbfq", "cz", "pbqz"


def kind_of(dtype):
    return {"b": "B", "i": "i", "u": "u", "f": "f", "c": "c"}[dtype[0]]


class Values:
    def __init__(self, seed):
        self.r = random.Random(f"values {seed}")
        self.lines = []
        self.risky = self.chance(0.25)

    def pick(self, *choices):
        return self.r.choice(choices)

    def chance(self, p):
        return self.r.random() < p

    def integer(self, dtype):
        bits = int(dtype.lstrip("uint"))
        low, high = (0, 2 ** bits - 1) if dtype[0] == "u" else (-2 ** (bits - 1), 2 ** (bits - 1) - 1)
        v = self.pick(low, low + 1, high, high - 1, high // 2 + 1, 0, 1, 2, 3, 7, -1, -2, -7, bits - 1, bits, bits + 1, 2 * bits, self.r.randint(low, high))
        v = min(max(v, low), high)
        return str(v - 2 ** 64 if v >= 2 ** 63 else v)          # .astype() takes it back

    def element(self, dtype):
        if dtype == "bool":
            return self.pick("True", "False")
        if "int" in dtype:
            return self.integer(dtype)
        reals = PLAIN_REALS if self.chance(0.3) else REALS
        if dtype in FLOATS:
            return self.pick(*reals)
        return f"complex({self.pick(*reals)}, {self.pick(*reals)})"

    def array(self, name, n, dtype):
        values = ", ".join(self.element(dtype) for _ in range(n))
        self.lines.append(f"{name} = np.array([{values}]).astype(np.{dtype})")

    # ---- expressions: (text, kind) -------------------------------------------------------------------------------------

    def leaf(self):
        r = self.r.random()
        if r < 0.6:
            name, dtype = self.pick(*self.arrays)
            return self.subscript(name), kind_of(dtype)
        if r < 0.7:
            return self.pick("i", "j", "(i - 2)", "(3 - j)"), "p"
        if r < 0.78:
            return self.pick("0", "1", "2", "3", "-1", "-2", "7", "8", "31", "63"), "p"
        if r < 0.86:
            return self.pick("0.0", "-0.0", "1.5", "0.1", "2.0", "-3.0", "1e300", "0.5"), "q"
        if r < 0.9:
            return self.pick("True", "False", "(i > 2)"), "b"
        if r < 0.92:
            return self.pick("1j", "(2-0.5j)"), "z"
        dtype = self.pick(*DTYPES[1:])
        return f"np.{dtype}({self.pick('1', '2', '3', '7', '0')})", kind_of(dtype)

    def subscript(self, name):
        return f"{name}[{self.pick('i', 'j', 'j', 'j', f'{self.n} - 1 - j')}]"

    def expr(self, depth=0):
        r = self.r.random()
        if depth > 2 or r < 0.2:
            return self.leaf()
        if r < 0.3:
            return self.call(depth)
        if r < 0.4:
            return self.unary(depth)
        if r < 0.46:
            a, b = self.expr(depth + 1), self.expr(depth + 1)
            if a[1] == b[1]:
                return f"({a[0]} if {self.test(depth + 1)} else {b[0]})", a[1]
            return a
        a, b = self.expr(depth + 1), self.expr(depth + 1)
        return self.binary(a, b)

    def binary(self, a, b):
        kinds = a[1] + b[1]
        python = all(k in PYTHON for k in kinds)
        ops = ["+", "-", "*"]
        if not set(kinds) & set(COMPLEX_KINDS):
            ops += ["//", "%"] * 2
        ops += ["/"] * 2 + ["**"]
        if all(k in INTEGERS for k in kinds):
            ops += ["&", "|", "^", "<<", ">>", ">>", "<<"]
        op = self.pick(*ops)
        if "B" in kinds and op == "-" and set(kinds) <= set("Bb"):
            op = "+"
        if python and op in ("/", "//", "%") and not self.risky:
            b = (self.pick("2", "-3", "7"), "p") if b[1] in "pb" else ("2.5", "q")
        if op in ("<<", ">>") and python and not self.risky:
            b = (self.pick("1", "2", "0"), "p")
        if op == "**" and not self.risky:
            if set(kinds) <= set(INTEGERS):
                b = (self.pick("2", "3", "0", "1"), "p")
            elif python:
                b = (self.pick("2", "2.0", "0", "3"), "p")
        elif op == "**" and self.chance(0.6):
            b = (self.pick("2", "3", "0", "-1", "0.5", "-2", "4", "2.0"), "p")
        kind = self.pick(*[k for k in "czfqiupBb" if k in kinds][:1])
        if op == "/" and kind in "iupBb":
            kind = "q" if python else "f"
        if kind in "Bb" and op not in "&|^":
            kind = "p" if python else "i"
        return f"({a[0]} {op} {b[0]})", kind

    def unary(self, depth):
        a = self.expr(depth + 1)
        if a[1] in "iup":
            op = self.pick("-", "~", "abs")
        elif a[1] == "B":
            op = "~"
        else:
            op = self.pick("-", "abs")
        if op == "abs":
            return f"abs({a[0]})", {"c": "f", "z": "q"}.get(a[1], a[1])
        return f"({op}{a[0]})", a[1] if a[1] != "b" else "p"

    def call(self, depth):
        a = self.expr(depth + 1)
        r = self.r.random()
        if r < 0.25:
            dtype = self.pick(*[d for d in DTYPES if a[1] not in COMPLEX_KINDS or d in COMPLEX])
            if a[1] in PYTHON and "int" in dtype and not self.risky:
                return a
            return f"np.{dtype if dtype != 'bool' else 'bool_'}({a[0]})", kind_of(dtype)
        if r < 0.4:
            if a[1] in COMPLEX_KINDS:
                return f"complex({a[0]})", "z"
            return f"float({a[0]})", "q"
        if r < 0.5 and a[1] in INTEGERS or (r < 0.5 and self.risky and a[1] in REAL_KINDS):
            return f"int({a[0]})", "p"
        if r < 0.57:
            return f"bool({a[0]})", "b"
        if r < 0.72:
            b = self.expr(depth + 1)
            if a[1] in COMPLEX_KINDS or b[1] in COMPLEX_KINDS:
                return a
            return f"{self.pick('min', 'max', 'np.minimum', 'np.maximum')}({a[0]}, {b[0]})", a[1] if a[1] == b[1] else "f"
        if r < 0.8:
            b = self.expr(depth + 1)
            if not set(a[1] + b[1]) & set(COMPLEX_KINDS) and (a[1] + b[1] != "BB"):
                return f"np.{self.pick('power', 'hypot', 'arctan2', 'copysign', 'fmin', 'fmax', 'fmod')}({a[0]}, {b[0]})", "f"
        elif r < 0.84 and a[1] in "fc":
            return f"np.{self.pick('exp', 'log', 'sin', 'tanh', 'sqrt')}({a[0]})", a[1]
        elif r < 0.88 and self.risky and a[1] in REAL_KINDS:
            return f"math.{self.pick('exp', 'log', 'sqrt', 'floor', 'ceil', 'trunc', 'gamma', 'fabs')}({a[0]})", "q"
        if a[1] in "fi":
            f = self.pick("sqrt", "floor", "ceil", "trunc", "rint", "sign", "square", "abs", "isnan", "isinf", "isfinite")
            return f"np.{f}({a[0]})", "B" if f.startswith("is") else "f" if f == "sqrt" else a[1]
        return a

    def test(self, depth=0):
        a, b = self.expr(depth + 1), self.expr(depth + 1)
        if self.chance(0.15):
            return f"({a[0]})"
        op = self.pick("==", "!=", "<", "<=", ">", ">=")
        if op not in ("==", "!=") and set(a[1] + b[1]) & set("z"):
            op = "=="
        t = f"({a[0]} {op} {b[0]})"
        if depth < 1 and self.chance(0.15):
            return f"({t} {self.pick('and', 'or')} {self.test(1)})"
        return f"(not {t})" if self.chance(0.1) else t

    # ---- statements -----------------------------------------------------------------------------------------------------

    def out(self, kind):
        """An element to write, of an array that mostly takes this kind as it is."""
        fits = [(n, d) for n, d in self.outs if kind not in COMPLEX_KINDS or d in COMPLEX]
        if not self.risky and kind in PYTHON:
            fits = [(n, d) for n, d in fits if "int" not in d]
        name, _ = self.pick(*fits)
        return f"{name}[i, j]"

    def statement(self, depth):
        pad = "    " * depth
        r = self.r.random()
        e, kind = self.expr()
        if r < 0.5:
            self.lines.append(f"{pad}{self.out(kind)} = {e}")
        elif r < 0.6:
            self.lines.append(f"{pad}{self.out(kind)} {self.pick('+=', '-=', '*=')} {e}")
        elif r < 0.68:
            name = {"c": "sc", "z": "sc"}.get(kind, "sf" if kind in "fq" else "si")
            self.lines.append(f"{pad}{name} {self.pick('+=', '+=', '-=')} {e}")
        elif r < 0.74 and kind not in COMPLEX_KINDS:
            f = self.pick("min", "max")
            self.lines.append(f"{pad}{f}_{'f' if kind in 'fq' else 'i'} = {self.pick(f, f, 'np.' + f + 'imum')}({f}_{'f' if kind in 'fq' else 'i'}, {e})")
        elif r < 0.80 and kind not in COMPLEX_KINDS:
            op = self.pick("<", ">", "<=", ">=")
            name = "best" if "<" in op else "top"
            self.lines.append(f"{pad}v = {e}")
            self.lines.append(f"{pad}if v {op} {name}:")
            self.lines.append(f"{pad}    {name} = v")
            if self.chance(0.5):
                self.lines.append(f"{pad}    at = j")
        elif r < 0.87:
            self.lines.append(f"{pad}cnt += {self.test()}")
        elif r < 0.93:
            self.lines.append(f"{pad}if {self.test()}:")
            self.lines.append(f"{pad}    {self.out(kind)} = {e}")
        else:
            self.lines.append(f"{pad}x{kind} = {e}")
            self.lines.append(f"{pad}{self.out(kind)} = x{kind}")

    def program(self):
        r = self.r
        self.lines.append("import math, numpy as np")
        rows, self.n = self.pick((1, r.randint(5, 100)), (r.randint(2, 5), r.randint(4, 24)))
        few = r.sample(sorted(set(DTYPES)), r.randint(1, 3))
        self.arrays = [(name, self.pick(*few)) for name in ("x", "y", "z")[:r.randint(1, 3)]]
        for name, dtype in self.arrays:
            self.array(name, max(self.n, rows), dtype)
        self.outs = [("r0", self.pick(*DTYPES)), ("r1", self.pick(*FLOATS)), ("r2", self.pick(*COMPLEX)), ("r3", self.pick(*DTYPES))]
        for name, dtype in self.outs:
            self.lines.append(f"{name} = np.zeros(({rows}, {self.n}), dtype=np.{dtype})")
        self.lines.append(f"si = {self.pick('0', 'np.int64(0)', 'np.uint8(250)')}; sf = {self.pick('0.0', '-0.0', 'np.float32(0)', 'np.float64(-0.0)')}; sc = 0j; cnt = 0; at = -1")
        self.lines.append(f"best = {self.pick('1e300', 'np.inf', 'x[0]')}; top = {self.pick('-1e300', '-np.inf', 'x[0]')}")
        self.lines.append("min_i = 100; max_i = -100; min_f = 1e9; max_f = -1e9; v = 0.0")
        self.lines.append(f"for i in range({rows}):")
        self.lines.append(f"    for j in range({self.n}):")
        for _ in range(self.pick(1, 1, 2, 3)):
            self.statement(2)
        return "\n".join(self.lines) + "\n"


def program(seed):
    return Values(seed).program()
