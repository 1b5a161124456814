"""Random programs of the language, for generate.py.

A program is a list of statements, each a Line or a Block, so that a failing one can be shrunk by leaving statements out.  The maker
knows roughly what type a variable has; it need not be right, since a run-time error is as good a test as a result, only
too many of them would end the programs early.  By construction the programs stay away from the listed differences: integers are
brought back to a small range when they are stored, sums of floats go through exact(), which leaves multiples of 1/4 whose sums have no
rounding, powers have small exponents, and elementary functions do not occur.
"""
import random

HELPERS = """\
import numpy as np
def exact(x):
    return np.rint(np.clip(np.where(np.isnan(x), 0, x), -1000, 1000) * 4.0) / 4
def small(n):
    return n % 2003 - 1001
"""
INT_TYPES = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
FLOAT_TYPES = ["float32", "float64"]
TYPES = ["bool"] + INT_TYPES + FLOAT_TYPES + ["complex64", "complex128"]
WORDS = ["", "a", "abc", "Hello", "x y", "naïve", "漢字", "a,b,,c", "  pad ", "12", "-3.5", "MiXed", "tab\\t", "it's", "0", "q" * 7]


class Line:
    def __init__(self, text):
        self.text = text

    def render(self, indent, out):
        out.append("    " * indent + self.text)


class Block:
    """Parts are [header, statements]: if with its else, for with its else, def."""

    def __init__(self, *parts):
        self.parts = [list(p) for p in parts]

    def render(self, indent, out):
        for header, body in self.parts:
            out.append("    " * indent + header)
            for s in body or [Line("pass")]:
                s.render(indent + 1, out)


def render(statements):
    out = []
    for s in statements:
        s.render(0, out)
    return HELPERS + "\n".join(out) + "\n"


class Scope:
    """Names by type; arrays carry (shape, kind)."""

    def __init__(self, up=None):
        self.names = {k: list(v) for k, v in up.names.items()} if up else {}

    def add(self, kind, name):
        for names in self.names.values():
            if name in names:
                names.remove(name)
        self.names.setdefault(kind, []).append(name)

    def of(self, kind):
        return self.names.get(kind, [])


class Maker:
    def __init__(self, seed):
        self.r = random.Random(seed)
        self.scope = Scope()
        self.n_names = 0
        self.functions = []             # (name, parameter kinds, result kind, default count)
        self.shapes = {}                # array name -> (shape, kind of elements)
        self.in_loop = self.in_function = 0
        self.budget = self.r.randint(8, 30)

    # ---- choices -----------------------------------------------------------------------------------------------
    def chance(self, p):
        return self.r.random() < p

    def pick(self, *options):
        return self.r.choice(options)

    def fresh(self, kind):
        """A new name, or sometimes one that is there already."""
        old = self.scope.of(kind)
        if self.chance(0.02):
            old = [n for k in self.scope.names for n in self.scope.of(k) if k != "counter"]
        if old and self.chance(0.3) and kind != "arr":
            name = self.r.choice(old)
            self.shapes.pop(name, None)
            return name
        self.n_names += 1
        return f"{kind[0]}{self.n_names}"

    def name(self, kind):
        names = self.scope.of(kind)
        return self.r.choice(names) if names else None

    # ---- expressions -------------------------------------------------------------------------------------------
    def expr(self, kind, depth=2):
        if self.chance(0.003):          # a wrong type now and then
            kind = self.pick("int", "float", "str", "list", "arr", "none")
        return getattr(self, "e_" + kind)(depth)

    def e_none(self, depth):
        return "None"

    def e_int(self, depth):
        r = self.r
        known = self.name("int")
        if depth <= 0 or self.chance(0.2):
            if known and self.chance(0.7):
                return known
            return str(self.pick(r.randint(-9, 9), r.randint(-9, 9), r.randint(-1000, 1000), 0, 1, 2, 127, 128, 255, 256, 65535))
        e = lambda: self.expr("int", depth - 1)
        choice = r.randint(0, 21)
        if choice <= 3:
            return f"({e()} {self.pick('+', '-', '*')} {e()})"
        if choice <= 5:
            return f"({e()} {self.pick('//', '%')} {self.divisor(e)})"
        if choice == 6:
            return f"({e()} {self.pick('&', '|', '^')} {e()})"
        if choice == 7:
            return f"({e()} {self.pick('<<', '>>')} {r.randint(0, 9)})"
        if choice == 8:
            return f"{self.pick('-', '~', '+')}{self.atom(e())}"
        if choice == 9:
            return f"small({e()}) ** {r.randint(0, 4)}"
        if choice == 10:
            return f"abs({e()})"
        if choice == 11:
            return f"({e()} if {self.expr('bool', depth - 1)} else {e()})"
        if choice == 12:
            return f"len({self.expr(self.pick('str', 'list', 'list', 'arr'), depth - 1)})"
        if choice == 13:
            return f"{self.pick('min', 'max')}({e()}, {e()})"
        if choice == 14:
            return f"int({self.expr(self.pick('float', 'bool', 'nps'), depth - 1)})"
        if choice == 15:
            return f"sum({self.int_list(depth - 1)})"
        if choice == 16:
            return f"{self.int_list(depth - 1)}[{self.index()}]"
        if choice == 17:
            return f"divmod({e()}, {self.divisor(e)})[{r.randint(0, 1)}]"
        if choice == 18:
            return f"round({self.expr('float', depth - 1)})"
        if choice == 19:
            return f"{self.atom(self.expr('str', depth - 1))}.{self.pick('count', 'find', 'rfind')}({self.word()})"
        if choice == 20:
            return f"(w{r.randint(0, 2)} := {e()})"
        return self.call_of("int", depth) or f"{self.expr('bool', depth - 1)} + {e()}"

    def divisor(self, e):
        """Mostly not zero."""
        return e() if self.chance(0.03) else self.pick(str(self.r.randint(1, 9)), str(-self.r.randint(1, 9)), f"({e()} or {self.r.randint(1, 9)})")

    def e_float(self, depth):
        r = self.r
        known = self.name("float")
        if depth <= 0 or self.chance(0.2):
            if known and self.chance(0.7):
                return known
            return repr(self.pick(r.randint(-40, 40) / 4, r.randint(-99, 99) / 10, 0.0, 1.0, 0.5, 1e10, 1e-5, 0.1, 1e300, 123456.789)) \
                if self.chance(0.95) else self.pick("float('inf')", "float('nan')", "-0.0", "np.inf", "np.pi")
        e = lambda: self.expr("float", depth - 1)
        choice = r.randint(0, 15)
        if choice <= 2:
            return f"({e()} {self.pick('+', '-', '*')} {e()})"
        if choice <= 4:
            return f"({e()} {self.pick('/', '//', '%')} {self.divisor(e)})"
        if choice == 5:
            return f"({self.expr('int', depth - 1)} / {self.divisor(lambda: self.expr('int', depth - 1))})"
        if choice == 6:
            return f"({self.expr('int', depth - 1)} {self.pick('+', '-', '*')} {e()})"
        if choice == 7:
            return f"-{self.atom(e())}"
        if choice == 8:
            return f"abs({e()})"
        if choice == 9:
            return f"round({e()}, {r.randint(-2, 6)})"
        if choice == 10:
            return f"{self.pick('min', 'max')}({e()}, {e()})"
        if choice == 11:
            return f"float({self.expr(self.pick('int', 'bool', 'nps'), depth - 1)})"
        if choice == 12:
            return f"({e()} if {self.expr('bool', depth - 1)} else {e()})"
        if choice == 13:
            return f"(small({self.expr('int', depth - 1)}) / 2) ** 2"
        if choice == 14:
            return f"float(str({e()}))"
        return self.call_of("float", depth) or f"sum([{self.expr('int', 0)} / 4, 0.5])"

    def e_bool(self, depth):
        if depth <= 0 or self.chance(0.15):
            known = self.name("bool")
            return known if known and self.chance(0.6) else self.pick("True", "False")
        r = self.r
        e = lambda kind: self.expr(kind, depth - 1)
        compare = lambda: self.pick("<", "<=", "==", "!=", ">", ">=")
        choice = r.randint(0, 12)
        if choice <= 3:
            kind = self.pick("int", "float", "int", "nps", "str")
            return f"({e(kind)} {compare()} {e(kind)})"
        if choice == 4:
            return f"({e('int')} {compare()} {e('float')} {compare()} {e('int')})"
        if choice == 5:
            return f"(not {e('bool')})"
        if choice == 6:
            return f"({e('bool')} {self.pick('and', 'or', '&', '|', '^', '==')} {e('bool')})"
        if choice == 7:
            return f"({e('int')} {self.pick('in', 'not in')} {self.int_list(depth - 1)})"
        if choice == 8:
            return f"({self.word()} in {e('str')})"
        if choice == 9:
            return f"{self.atom(e('str'))}.{self.pick('isdigit', 'isalpha', 'isupper', 'islower', 'isspace', 'isalnum')}()"
        if choice == 10:
            return f"bool({e(self.pick('int', 'float', 'str', 'list', 'nps', 'cplx'))})"
        if choice == 11:
            return f"isinstance({e(self.pick('int', 'float', 'nps', 'str'))}, {self.pick('int', 'float', 'str', 'bool', '(int, float)', 'np.integer')})"
        return f"{self.pick('any', 'all')}({self.int_list(depth - 1)})"

    def word(self):
        return '"' + self.r.choice(WORDS) + '"'

    def e_str(self, depth):
        r = self.r
        if depth <= 0 or self.chance(0.25):
            known = self.name("str")
            return known if known and self.chance(0.7) else self.word()
        e = lambda: self.expr("str", depth - 1)
        choice = r.randint(0, 14)
        if choice <= 1:
            return f"({e()} + {e()})"
        if choice == 2:
            return f"{self.atom(e())}[{self.slice()}]"
        if choice == 3:
            return f"{self.atom(e())}.{self.pick('upper', 'lower', 'strip', 'title', 'capitalize', 'swapcase', 'lstrip', 'rstrip')}()"
        if choice == 4:
            return f"{self.atom(e())}.replace({self.word()}, {self.word()})"
        if choice == 5:
            return f"str({self.expr(self.pick('int', 'float', 'bool', 'cplx', 'nps', 'list'), depth - 1)})"
        if choice == 6:
            return f"repr({self.expr(self.pick('int', 'float', 'str', 'list', 'nps', 'arr'), depth - 1)})"
        if choice == 7:
            return f"({e()} * {r.randint(-1, 3)})"
        if choice == 8:
            return self.pick('"-"', '", "', '""') + f".join({self.atom(e())}.split({self.pick('', chr(34) + ',' + chr(34))}))"
        if choice in (9, 10):
            return self.fstring(depth - 1)
        if choice == 11:
            kind = self.pick(("%d", "int"), ("%5d|", "int"), ("%s", "float"), ("%.2f", "float"), ("%r", "str"), ("%x", "int"), ("%-8s|", "str"), ("%e", "float"), ("%g", "float"))
            return f'("{kind[0]}" % ({self.expr(kind[1], depth - 1)},))'
        if choice == 12:
            return f"{self.atom(e())}.{self.pick('ljust', 'rjust', 'center', 'zfill')}({r.randint(0, 9)})"
        if choice == 13:
            return f"chr({r.randint(32, 126)})"
        return f"({e()} + {self.pick(*map(repr, 'xyz'))})[{self.index()}]"

    def fstring(self, depth):
        r = self.r
        text = ""
        for _ in range(r.randint(1, 3)):
            kind, spec = self.pick(("int", ""), ("int", ":5d"), ("int", ":,"), ("int", ":x"), ("int", ":+"), ("int", ":08b"), ("float", ""), ("float", ":.3f"),
                                   ("float", ":10.2e"), ("float", ":g"), ("float", ":.0f"), ("float", ":+.1f"), ("str", ""), ("str", ":>8"), ("str", "!r"), ("bool", ""),
                                   ("int", ":*^9"), ("float", ":012.4f"), ("nps", ""), ("nps", "!r"), ("cplx", ""), ("float", ":,.2f"), ("int", ":{1 + 3}"), ("list", ""))
            e = self.expr(kind, min(depth, 1))
            if '"' in e or "\\" in e or "{" in e or ":=" in e or "!" in e:
                e = self.name(kind) or "7"
            text += self.pick("", " ", "x=", "|") + "{" + e + spec + "}"
        return f'f"{text}"'

    def e_cplx(self, depth):
        if depth <= 0 or self.chance(0.3):
            known = self.name("cplx")
            return known if known and self.chance(0.6) else f"({self.r.randint(-5, 5)} + {self.r.randint(-5, 5)}j)"
        e = lambda: self.expr("cplx", depth - 1)
        return self.pick(f"({e()} {self.pick('+', '-', '*')} {e()})", f"complex({self.expr('int', 0)}, {self.expr('int', 0)})", f"({e()}).conjugate()", f"-{self.atom(e())}")

    def e_nps(self, depth):
        r = self.r
        if depth <= 0 or self.chance(0.3):
            known = self.name("nps")
            if known and self.chance(0.6):
                return known
            dtype = self.pick(*INT_TYPES, *FLOAT_TYPES, *FLOAT_TYPES)
            value = r.randint(0, 9) / 4 if "float" in dtype else r.randint(0, 100)
            return f"np.{dtype}({value})"
        e = lambda: self.expr("nps", depth - 1)
        choice = r.randint(0, 8)
        if choice <= 3:
            return f"({e()} {self.pick('+', '-', '*', '/', '//', '%')} {e()})"
        if choice == 4:
            return f"({e()} {self.pick('+', '-', '*', '/')} {r.randint(0, 9) if self.chance(0.6) else r.randint(0, 9) / 4})"
        if choice == 5:
            return f"-{self.atom(e())}"
        if choice == 6:
            return self.pick(f"abs({e()})", f"np.abs({e()})", f"np.sqrt({e()} * 1.0)", f"np.floor({e()})")
        if choice == 7:
            return self.element(depth)
        return f"{self.reduction(depth)}"

    # ---- lists ---------------------------------------------------------------------------------------------------
    def index(self):
        return self.pick("0", "-1") if self.chance(0.9) else self.pick(str(self.r.randint(-4, 4)), self.name("int") or "1", self.expr("int", 1))

    def bound(self):
        return self.pick("", "", str(self.r.randint(-5, 5)), str(self.r.randint(0, 4)))

    def slice(self):
        text = f"{self.bound()}:{self.bound()}"
        return text + f":{self.pick('', '1', '-1', '2', '-2', '3')}" if self.chance(0.4) else text

    def int_list(self, depth):
        known = self.name("list")
        if known and self.chance(0.6):
            return known
        n = self.r.randint(1, 5)
        return "[" + ", ".join(self.expr("int", min(depth - 1, 1)) for _ in range(n)) + "]"

    def e_list(self, depth):
        e = lambda: self.expr("list", depth - 1)
        if depth <= 0 or self.chance(0.35):
            return self.int_list(depth)
        choice = self.r.randint(0, 7)
        if choice == 0:
            return f"({e()} + {e()})"
        if choice == 1:
            return f"{self.atom(e())}[{self.slice()}]"
        if choice == 2:
            return f"sorted({e()}{self.pick('', ', reverse=True', ', key=abs')})"
        if choice == 3:
            return f"list({self.pick('reversed', 'tuple', 'list')}({e()}))"
        if choice == 4:
            return f"list(range({self.r.randint(-2, 4)}, {self.r.randint(0, 9)}, {self.pick('1', '2', '3', '-1')}))"
        if choice == 5:
            return f"({e()} * {self.r.randint(0, 2)})"
        if choice == 6:
            return f"[{self.expr('int', depth - 1)}, {self.expr('int', depth - 1)}]"
        return self.call_of("list", depth) or self.int_list(depth)

    # ---- arrays --------------------------------------------------------------------------------------------------
    def shape(self):
        n_dims = self.pick(1, 1, 1, 2, 2, 3)
        return tuple(self.r.randint(1, 4) for _ in range(n_dims)) if self.chance(0.97) else (0,)

    def array_literal(self, shape, kind):
        """An array of a given shape; kind is b, i, f or c."""
        r = self.r
        size = 1
        for n in shape:
            size *= n
        text = str(shape) if len(shape) != 1 else str(shape[0])
        dtype = {"b": "bool", "i": self.pick("int64", "int64", *INT_TYPES), "f": self.pick("float64", "float64", "float32"), "c": self.pick("complex128", "complex64")}[kind]
        choice = r.randint(0, 4)
        if choice == 0:
            return f"np.{self.pick('zeros', 'ones')}({text}, dtype=np.{dtype})"
        if choice == 1 and kind != "b":
            value = r.randint(0, 99) / 4 if kind == "f" else r.randint(0, 99)
            return f"np.full({text}, {value}, dtype=np.{dtype})"
        if choice == 2 and kind in "if":
            scale = f" * {self.pick(0.5, 0.25, 1.5, 0.1)}" if kind == "f" else f" * {r.randint(1, 9)}"
            start = r.randint(0, 5)
            return f"(np.arange({start}, {start + size}){scale}).reshape({text}).astype(np.{dtype})"
        values = [{"b": lambda: self.pick("True", "False"), "i": lambda: str(r.randint(0, 120)),
                   "f": lambda: repr(self.pick(r.randint(-40, 40) / 4, r.randint(-99, 99) / 10, 0.0, 1e6, -0.0)) if self.chance(0.96) else self.pick("np.nan", "np.inf"),
                   "c": lambda: f"{r.randint(-9, 9)}+{r.randint(0, 9)}j"}[kind]() for _ in range(size)]
        return f"np.array([{', '.join(values)}], dtype=np.{dtype}){'.reshape(' + text + ')' if len(shape) != 1 else ''}"

    def arrays(self):
        return [n for n in self.scope.of("arr") if n in self.shapes and self.shapes[n][1] != "c"]

    def complex_arrays(self):
        return [n for n in self.scope.of("arr") if n in self.shapes and self.shapes[n][1] == "c"]

    def element(self, depth):
        arrays = self.arrays()
        if not arrays:
            return f"np.float64({self.r.randint(0, 40) / 4})"
        name = self.r.choice(arrays)
        return f"{name}[{self.subscripts(name, depth)}]"

    def subscripts(self, name, depth):
        """One index per axis, mostly inside."""
        out = []
        for n in self.shapes[name][0]:
            if self.chance(0.015):
                out.append(str(self.r.randint(-5, 5)))
            elif self.chance(0.3) and self.name("int") and n:
                out.append(f"{self.name('int')} % {n}")
            else:
                out.append(str(self.r.randint(-n, n - 1)) if n else "0")
        return ", ".join(out) or "()"

    def reduction(self, depth):
        a = self.expr("arr", min(depth - 1, 1))
        choice = self.r.randint(0, 6)
        if choice == 0:
            return f"exact({a}).sum()"
        if choice == 1:
            return f"{self.atom(a)}.{self.pick('min', 'max')}()"
        if choice == 2:
            return f"np.{self.pick('max', 'min', 'any', 'all')}({a})"
        if choice == 3:
            return f"exact({a}).mean()"
        if choice == 4:
            return f"{self.atom(a)}.{self.pick('argmin', 'argmax')}()"
        if choice == 5:
            return f"({a} > {self.r.randint(0, 20)}).sum()"
        return f"{self.atom(a)}.{self.pick('any', 'all')}()"

    def e_arr(self, depth):
        r = self.r
        arrays = self.arrays()
        if depth <= 0 or not arrays or self.chance(0.15):
            if arrays and self.chance(0.8):
                return r.choice(arrays)
            return self.array_literal(self.shape(), self.pick("i", "i", "f", "f", "b"))
        if self.complex_arrays() and self.chance(0.1):
            name = r.choice(self.complex_arrays())
            return self.pick(f"({name} {self.pick('+', '-', '*', '==')} {self.pick(name, '2', '1j')})", f"-{name}", f"{name}.{self.pick('real', 'imag', 'T', 'conj()')}", f"{name}[::-1]")
        name = r.choice(arrays)
        shape, kind = self.shapes[name]
        partner = self.partner(shape)
        choice = r.randint(0, 16)
        if choice <= 3:
            return f"({name} {self.pick('+', '-', '*', '/', '+', '*')} {partner})"
        if choice == 4:
            return f"({name} {self.pick('//', '%')} {partner})"
        if choice == 5:
            return f"({name} {self.pick('<', '<=', '==', '!=', '>', '>=')} {partner})"
        if choice == 6:
            return f"{self.pick('-', '+') if kind != 'b' else '~'}{name}"
        if choice == 7:
            return f"np.{self.pick('minimum', 'maximum')}({name}, {partner})"
        if choice == 8:
            return f"np.where({name} > {r.randint(0, 30)}, {name}, {partner})"
        if choice == 9:
            # Half precision is not part of the language: no sqrt of 8-bit integers.
            return self.pick(f"np.sqrt({name} * 1.0)", f"np.rint({name} * 1.0)", f"np.{self.pick('abs', 'floor', 'ceil', 'square', 'sign', 'isnan', 'negative')}({name})")
        if choice == 10:
            return f"{name}.T"
        if choice == 11:
            return f"exact({name}).astype(np.{self.pick(*TYPES)})"
        if choice == 12 and shape:
            axis = r.randint(-len(shape), len(shape) - 1)
            which = self.pick("max", "min", "argmax", "argmin", "any", "all")
            return f"{name}.{which}(axis={axis}{', keepdims=True' if self.chance(0.2) else ''})"
        if choice == 13 and shape:
            return f"exact({name}).{self.pick('sum', 'mean')}(axis={r.randint(-len(shape), len(shape) - 1)})"
        if choice == 14:
            return f"{name}[{self.array_slice(shape)}]"
        if choice == 15:
            return f"{name}.{self.pick('copy()', 'ravel()', 'reshape(-1)', 'transpose()')}"
        if len(shape) == 2:
            return f"(exact({name}) @ exact({name}.T))"
        return f"({name} {self.pick('+', '-', '*')} {self.expr('nps', 0)})"

    def partner(self, shape):
        """Something that an array of this shape broadcasts with."""
        r = self.r
        choice = r.randint(0, 5)
        same = [n for n in self.arrays() if self.shapes[n][0] == shape]
        if choice <= 1 and same:
            return r.choice(same)
        if choice == 2:
            return str(self.pick(r.randint(0, 9), r.randint(1, 20) / 4, 2, 0.5))
        if choice == 3 and shape:
            return self.array_literal(shape[-1:], self.pick("i", "f"))
        if choice == 4 and len(shape) == 2:
            return self.array_literal((shape[0], 1), self.pick("i", "f"))
        if choice == 5:
            return self.expr("nps", 0)
        return self.array_literal(shape, self.pick("i", "f")) if 0 not in shape and self.chance(0.5) else str(r.randint(1, 9))

    def array_slice(self, shape):
        parts = []
        for _ in range(self.r.randint(1, max(1, len(shape)))):
            parts.append(self.slice() if self.chance(0.7) else str(self.r.randint(-1, 0)))
        if self.chance(0.1):
            parts.append("...")
        if self.chance(0.06):
            parts.insert(0, "None")
        return ", ".join(parts)

    # ---- calls -----------------------------------------------------------------------------------------------------
    def call_of(self, kind, depth):
        fitting = [f for f in self.functions if f[2] == kind]
        if not fitting or depth <= 0:
            return None
        name, parameters, _, n_defaults = self.r.choice(fitting)
        n_given = len(parameters) - (self.r.randint(0, n_defaults) if n_defaults else 0)
        arguments = [self.expr(k, depth - 1) for k, _ in parameters[:n_given]]
        if self.chance(0.01):
            arguments.append("1")
        elif arguments and self.chance(0.2):
            arguments[-1] = f"{parameters[n_given - 1][1]}={arguments[-1]}"
        return f"{name}({', '.join(arguments)})"

    def atom(self, text):
        return text if text.replace("_", "a").isalnum() and not text[0].isdigit() or text[0] in "([\"" and text[-1] in ")]\"" and " " not in text else f"({text})"

    # ---- statements ------------------------------------------------------------------------------------------------
    def body(self, n, depth):
        outer = self.scope
        self.scope = Scope(outer)
        statements = [s for _ in range(n) for s in self.statement(depth)]
        if self.chance(0.97):
            self.scope = outer
        return statements

    def stored(self, kind, text):
        """Keep what is stored in a small range or short."""
        if kind == "int":
            return f"small({text})" if self.chance(0.85) else text
        if kind == "str":
            return f"({text})[:24]"
        if kind == "list":
            return f"({text})[:12]"
        return text

    def assign(self, depth):
        kind = self.pick("int", "int", "float", "bool", "str", "list", "nps", "arr", "arr", "arr", "cplx")
        if kind == "arr":
            return self.assign_array()
        text = self.stored(kind, self.expr(kind, 3))
        name = self.fresh(kind)
        self.scope.add(kind, name)
        return [Line(f"{name} = {text}")] + ([Line(f"print({name})")] if self.chance(0.3) else [])

    def assign_array(self):
        name = self.fresh("arr")
        arrays = self.arrays()
        if arrays and self.chance(0.45):
            source = self.r.choice(arrays)
            shape, kind = self.shapes[source]
            if self.chance(0.35):           # a view
                if len(shape) > 1 and self.chance(0.5):
                    text, shape = f"{source}.T", shape[::-1]
                elif shape and 0 not in shape:
                    text, shape = f"{source}[::-1]", shape
                else:
                    text = f"{source}[...]"
            else:
                text = f"{source} {self.pick('+', '-', '*')} {self.partner(shape)}"
        else:
            shape, kind = self.shape(), self.pick("i", "i", "f", "f", "f", "b", "c")
            text = self.array_literal(shape, kind)
        self.scope.add("arr", name)
        self.shapes[name] = (shape, kind)
        return [Line(f"{name} = {text}")] + ([Line(f"print({name})")] if self.chance(0.3) else [])

    def mutate(self, depth):
        r = self.r
        choice = r.randint(0, 7)
        arrays, lists = self.arrays(), self.scope.of("list")
        if choice <= 2 and arrays:
            name = r.choice(arrays)
            return [Line(f"{name}[{self.subscripts(name, 1)}] {self.pick('=', '=', '+=', '-=', '*=')} {self.pick(self.expr('nps', 1), str(r.randint(0, 9)), str(r.randint(0, 9) / 4))}")]
        if choice == 3 and arrays:
            name = r.choice(arrays)
            return [Line(f"{name}[{self.array_slice(self.shapes[name][0])}] {self.pick('=', '+=', '*=')} {self.pick(str(r.randint(0, 9)), self.expr('nps', 0))}")]
        if choice == 4 and arrays:
            name = r.choice(arrays)
            shape, kind = self.shapes[name]
            if kind == "b":
                return [Line(f"{name} {self.pick('|=', '&=', '^=')} {name}[::-1]")]
            if kind == "i" and self.chance(0.95):
                same = [n for n in arrays if self.shapes[n] == (shape, "i")]
                return [Line(f"{name} {self.pick('+=', '-=', '*=', '//=', '%=')} {self.pick(r.choice(same), str(r.randint(1, 9)))}")]
            return [Line(f"{name} {self.pick('+=', '-=', '*=', '/=')} {self.partner(shape)}")]
        if choice == 5 and lists:
            return [Line(f"{r.choice(lists)}.{self.pick(f'append({r.randint(0, 9)})', 'pop()', 'sort()', 'reverse()', f'insert({r.randint(-3, 3)}, {r.randint(0, 9)})', 'pop(0)', f'extend([{r.randint(0, 9)}])')}")]
        if choice == 6 and lists and self.chance(0.4):
            return [Line(f"{r.choice(lists)}[{self.bound()}:{self.bound()}] = {self.int_list(1)}")]
        if choice == 6 and lists:
            return [Line(f"{r.choice(lists)}[{self.index()}] = {self.stored('int', self.expr('int', 1))}")]
        known = self.name("int")
        if known:
            return [Line(f"{known} {self.pick('+=', '-=', '*=', '//=', '%=', '&=', '|=')} {r.randint(1, 9)}"), Line(f"{known} = small({known})")]
        return self.output(depth)

    def output(self, depth):
        kind = self.pick("int", "float", "bool", "str", "list", "nps", "nps", "arr", "arr", "arr", "cplx")
        text = self.expr(kind, 3)
        form = self.r.randint(0, 9)
        if form == 0:
            return [Line(f"print(repr({text}))")]
        if form == 1:
            return [Line(f"print({text}, {self.expr('int', 1)}, sep={self.pick(repr('|'), repr(', '))})")]
        if form == 2 and kind == "arr":
            return [Line(f"print({self.atom(text)}.{self.pick('shape', 'dtype', 'tolist()', 'T', 'size', 'ndim')})")]
        if form == 3:
            return [Line(f"print([{text}])")]
        return [Line(f"print({text})")]

    def loop(self, depth):
        r = self.r
        n = r.randint(1, 3)
        self.in_loop += 1
        choice = r.randint(0, 7)
        outer = self.scope
        self.scope = Scope(outer)
        counter = None
        if choice <= 2:
            name = self.fresh("int")
            header = f"for {name} in range({self.pick(str(r.randint(0, 5)), f'{r.randint(-3, 2)}, {r.randint(0, 6)}', f'{r.randint(3, 8)}, 0, -{r.randint(1, 3)}')}):"
            self.scope.add("int", name)
        elif choice == 3:
            name = self.fresh("int")
            header = f"for {name} in {self.int_list(1)}[:6]:"
            self.scope.add("int", name)
        elif choice == 4:
            i, x = self.fresh("int"), self.fresh("str")
            header = f"for {i}, {x} in enumerate({self.atom(self.expr('str', 1))}[:5]):"
            self.scope.add("int", i)
            self.scope.add("str", x)
        elif choice == 5 and [n for n in self.arrays() if len(self.shapes[n][0]) == 1]:
            source = r.choice([n for n in self.arrays() if len(self.shapes[n][0]) == 1])
            name = self.fresh("nps")
            header = f"for {name} in {source}:"
            self.scope.add("nps", name)
        elif choice == 6:
            a, b = self.fresh("int"), self.fresh("int")
            header = f"for {a}, {b} in zip(range({r.randint(1, 4)}), {self.int_list(1)}):"
            self.scope.add("int", a)
            self.scope.add("int", b)
        else:
            self.n_names += 1
            counter = f"k{self.n_names}"
            header = f"while {counter} < {r.randint(1, 5)}" + (f" and {self.expr('bool', 1)}:" if self.chance(0.3) else ":")
            self.scope.add("counter", counter)
        statements = []
        if counter:
            statements.append(Line(f"{counter} += 1"))
        for _ in range(n):
            statements += self.statement(depth - 1)
        if self.chance(0.15):
            statements.append(Block((f"if {self.expr('bool', 1)}:", [Line(self.pick("break", "continue"))])))
            statements += self.output(depth)
        self.in_loop -= 1
        self.scope = outer
        block = Block((header, statements))
        if self.chance(0.1):
            block.parts.append(["else:", self.output(depth)])
        return ([Line(f"{counter} = 0")] if counter else []) + [block]

    def nest(self, depth):
        """Loops over the elements of an array, as numerical programs have them."""
        arrays = [n for n in self.arrays() if 1 <= len(self.shapes[n][0]) <= 3 and 0 not in self.shapes[n][0]]
        if not arrays:
            return self.output(depth)
        r = self.r
        target = r.choice(arrays)
        shape, kind = self.shapes[target]
        self.n_names += 1
        indices = [f"i{self.n_names}_{d}" for d in range(len(shape))]

        def at(name, reach):
            """An element of an array of the same shape, near the current one; reach: how far it may lie."""
            subscripts = []
            for i in indices:
                step = r.randint(-reach, reach)
                subscripts.append(i if step == 0 else f"{i} {'+' if step > 0 else '-'} {abs(step)}")
            return f"{name}[{', '.join(subscripts)}]"

        same = [n for n in arrays if self.shapes[n][0] == shape]
        margin = self.pick(0, 0, 0, 1)
        terms = [at(r.choice(same), margin) for _ in range(r.randint(1, 3))] + [self.pick(*indices, str(r.randint(1, 5)))]
        value = f" {self.pick('+', '-', '*', '+')} ".join(terms)
        operator = self.pick("=", "=", "+=", "-=")
        if kind == "i":
            value = f"int({value}) % 100"
        elif kind == "b":
            operator, value = "=", f"{value} > 2"
        body = [Line(f"{at(target, 0)} {operator} {value}")]
        if self.chance(0.3):
            body = [Block((f"if {at(r.choice(same), 0)} {self.pick('<', '>', '!=')} {r.randint(0, 30)}:", body))]
            if self.chance(0.3):
                body[0].parts.append(["else:", [Line(f"{at(target, 0)} = {r.randint(0, 5)}")]])
        total = None
        if self.chance(0.4):
            total = self.fresh("nps")
            body.append(Line(f"{total} = {total} {self.pick('+', '-')} exact({at(r.choice(same), 0)})"))
        for d in reversed(range(len(shape))):
            n = shape[d]
            header = self.pick(f"range({margin}, {n - margin})", f"range({margin}, {n - margin})", f"range({n - 1 - margin}, {margin - 1}, -1)",
                               f"range({margin}, {n - margin}, 2)", f"range({indices[d - 1]} % {n}, {n})" if d and not margin else f"range({margin}, {n - margin})")
            body = [Block((f"for {indices[d]} in {header}:", body))]
        if total:
            self.scope.add("nps", total)
            return [Line(f"{total} = 0")] + body + [Line(f"print({total}, {target})")]
        return body + [Line(f"print({target})")]

    def swap(self, depth):
        r = self.r
        for kind in r.sample(["int", "float", "str", "list"], 4):
            names = self.scope.of(kind)
            if len(names) >= 2:
                a, b = r.sample(names, 2)
                return [Line(f"{a}, {b} = {b}, {a}"), Line(f"print({a}, {b})")]
        return self.output(depth)

    def tuples(self, depth):
        """Tuples: nested, compared, unpacked, indexed."""
        e = lambda: self.expr(self.pick("int", "float", "str", "bool"), 1)
        a, b, c = e(), e(), e()
        return [self.pick(Line(f"print(({a}, ({b}, {c}))[{self.r.randint(-2, 1)}])"), Line(f"print(({a}, {b}) == ({b}, {a}), ({a},) * 2)"), Line(f"print([({a}, {b}), {c}, ()])"),
                          Line(f"print(({self.expr('int', 1)}, {self.expr('str', 1)}) < ({self.expr('int', 1)}, {self.expr('str', 1)}))"))]

    def closure(self, depth):
        """A function that makes functions."""
        if self.in_function or self.in_loop:
            return self.output(depth)
        self.n_names += 1
        make, inner = f"m{self.n_names}", f"g{self.n_names}"
        step = self.pick("state[0] += k", "state[0] = state[0] * 2 - k", "state.append(k)", "state[0] //= k or 1")
        body = [Line("state = [n, 1]"),
                Block((f"def {inner}(k=2):", [Line(step), Line(self.pick("return state[0]", "return state[-1] + n", "return len(state) * k"))])), Line(f"return {inner}")]
        name = f"c{self.n_names}"
        calls = [Line(f"print({name}({self.pick('', str(self.r.randint(0, 9)), 'k=3')}))") for _ in range(self.r.randint(1, 3))]
        return [Block((f"def {make}(n):", body)), Line(f"{name} = {make}({self.stored('int', self.expr('int', 1))})")] + calls

    def branch(self, depth):
        block = Block((f"if {self.expr('bool', 2)}:", self.body(self.r.randint(1, 2), depth - 1)))
        if self.chance(0.3):
            block.parts.append([f"elif {self.expr('bool', 1)}:", self.body(1, depth - 1)])
        if self.chance(0.5):
            block.parts.append(["else:", self.body(1, depth - 1)])
        return [block]

    def function(self, depth):
        r = self.r
        self.n_names += 1
        name = f"f{self.n_names}"
        parameters = [(self.pick("int", "int", "float", "str", "list"), f"p{j}") for j in range(r.randint(0, 3))]
        result = self.pick("int", "float", "list")
        n_defaults = r.randint(0, len(parameters)) if self.chance(0.3) else 0
        outer, functions = self.scope, self.functions
        self.scope, self.functions = Scope(outer), functions[:]
        header = []
        for j, (kind, p) in enumerate(parameters):
            default = {"int": "3", "float": "0.25", "str": '"d"', "list": "[4, 2]"}[kind]
            header.append(p + (f"={default}" if j >= len(parameters) - n_defaults else ""))
        # Parameters hide; names that the body assigns are local, so only parameters and never assigned globals are safe to read.
        self.scope.names = {}
        for kind, p in parameters:
            self.scope.add(kind, p)
        self.in_function += 1
        loops, self.in_loop = self.in_loop, 0
        statements = []
        if self.chance(0.2) and outer.of("int"):
            shared = r.choice(outer.of("int"))
            statements.append(Line(f"global {shared}"))
            statements.append(Line(f"{shared} = small({shared} + 1)"))
        for _ in range(r.randint(0, 3)):
            statements += self.statement(depth - 1)
        if self.chance(0.2):
            statements.append(Block((f"if {self.expr('bool', 1)}:", [Line(f"return {self.stored(result, self.expr(result, 1))}")])))
        statements.append(Line(f"return {self.stored(result, self.expr(result, 2))}"))
        self.in_function -= 1
        self.in_loop = loops
        self.scope, self.functions = outer, functions
        if not self.in_function and not self.in_loop:
            self.functions.append((name, parameters, result, n_defaults))
        else:
            return []
        return [Block((f"def {name}({', '.join(header)}):", statements))]

    def unpack(self, depth):
        a, b = self.fresh("int"), self.fresh("int")
        kind = self.pick("int", "int", "str", "float")
        text = f"{a}, {b} = {self.stored(kind, self.expr(kind, 1))}, {self.stored(kind, self.expr(kind, 1))}"
        self.scope.add(kind, a)
        self.scope.add(kind, b)
        return [Line(text)]

    def fail(self, depth):
        return [self.pick(Line(f"assert {self.expr('bool', 2)}, {self.expr('str', 1)}"),
                          Block((f"if {self.expr('bool', 2)}:", [Line(f"raise {self.pick('ValueError', 'TypeError', 'RuntimeError', 'IndexError')}({self.expr('str', 1)})")])))]

    def statement(self, depth):
        if self.budget <= 0:
            return []
        self.budget -= 1
        weights = [("assign", 30), ("output", 26), ("mutate", 16), ("unpack", 4), ("swap", 3), ("tuples", 3), ("fail", 1)]
        if depth > 0:
            weights += [("loop", 10), ("branch", 8), ("nest", 10), ("closure", 2)] + ([("function", 6)] if not self.in_function and not self.in_loop else [])
        return getattr(self, self.r.choices([w[0] for w in weights], [w[1] for w in weights])[0])(depth)

    def program(self):
        statements = [Line("w0 = w1 = w2 = 0")] + self.assign_array()
        while self.budget > 0:
            statements += self.statement(3)
        for name in self.arrays()[:3] + self.scope.of("list")[:2]:
            statements.append(Line(f"print({name})"))
        return statements


def make(seed):
    return Maker(seed).program()
