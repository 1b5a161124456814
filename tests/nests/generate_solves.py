"""Random triangular nests with statements behind the inner loop, in the manner of triangular solves: what jit/plan/imperfect.c may interchange, and much
that looks like it.

Usage: generate_solves.py SEED COUNT   programs, each ended by a line "#---"; the same seed gives the same programs (run.py)."""
import random
import sys

SIDE = 14


class Solve:
    def __init__(self, seed):
        self.r = random.Random(seed)
        self.lines = []

    def pick(self, *choices):
        return self.r.choice(choices)

    def chance(self, p):
        return self.r.random() < p

    def sub(self, names):
        v = self.pick(*names)
        x = self.r.random()
        if x < 0.72:
            return v
        if x < 0.84:
            return f"{v} {self.pick('+', '-')} 1"
        if x < 0.90:
            return self.pick("0", "1", "n", "-1")
        if x < 0.95:
            return f"n - {v}"
        return f"{v} + {self.pick(*names)}"

    def ref(self, names):
        if self.vector_only or self.chance(0.3):
            return f"{self.pick('x', 'x', 'y')}[{self.sub(names)}]"
        m = self.pick("A", "A", "A", "B")
        return f"{m}[{self.row or self.sub(names)}, {self.sub(names)}]" if self.chance(0.6) else f"{m}[{self.sub(names)}, {self.sub(names)}]"

    def value(self, names):
        if self.chance(0.75):   # what a solve reads: elements done before, and coefficients
            done = self.target.replace("j", "k") if "k" in names else self.target
            v = names[-1]
            some = [done, done, f"y[{v}]", f"B[j, {v}]", f"B[{v}, j]", f"y[j] * {done}", f"B[j, {v}] * {done}", "1.5",
                    self.pick(f"B[j - 1, {v} + 1]", f"B[j + 1, {v} - 1]", f"x[{v} - 4]", f"x[{v} - 3]", f"A[j - 1, {v} + 1]")]
            return self.pick(*some)
        return self.pick(lambda: self.ref(names), lambda: f"{self.ref(names)} * {self.ref(names)}", lambda: f"{self.ref(names)} * 0.5",
                         lambda: f"{self.ref(names)} + {self.pick(*names)}", lambda: f"{self.ref(names)} / 3.0")()

    def statement(self, depth, names, target):
        """Mostly an update of the element that the whole nest is about."""
        target = target if self.chance(0.92) else self.pick(self.ref(names), f"B[j, {names[-1]}]", f"A[j, {names[-1]}]")
        text = self.pick(f"{target} -= {self.value(names)}", f"{target} -= {self.value(names)}", f"{target} = {target} * 0.5 + {self.value(names)}",
                         f"{target} = {self.value(names)}")
        if self.chance(0.1):
            self.lines.append("    " * depth + f"if {self.pick(*names)} % 2 == {self.pick('0', '1')}:")
            depth += 1
        if self.chance(0.1):
            self.lines.append("    " * depth + f"s = {self.value(names)}")
            text = f"{target} = s + {self.value(names)}"
        self.lines.append("    " * depth + text)

    def program(self):
        r = self.r
        out = self.lines.append
        out("import numpy as np")
        out(f"A = (np.arange({SIDE * SIDE}) * 7 % 23 * 0.25 + 1).reshape({SIDE}, {SIDE}){self.pick('', '', '', '.T', '[::-1]')}")
        out(f"B = {self.pick('A', f'np.ones(({SIDE}, {SIDE})) * 0.5', f'np.ones(({SIDE}, {SIDE})) * 0.5', 'A.T')}")
        out(f"x = np.arange({SIDE}) * 0.75 + 1{self.pick('', '', '', '', '; x = x[:8]', '; x = A[1]', '; x = A[:, 2]')}")
        out(f"y = {self.pick('x', 'np.ones(14)', 'np.ones(14) * 0.75', 'x[::-1]')}")
        self.vector_only = self.chance(0.3)
        out("def f(A, B, x, y, n, e, d):")
        depth, names = 1, ["j", "k"]
        self.row = None
        if self.chance(0.5):
            out(f"    for i in range({self.pick('n', '1, n', 'e')}):")
            depth, names = 2, ["i", "j", "k"]
            self.row = "i" if self.chance(0.7) else None
        pad = "    " * depth
        outer = names[:-1]
        bound = self.pick("n", "n", "1, n", "2, n", "e, n", "n - 1, -1, -1", *(["i", "i", "i + 1", "1, i"] if "i" in outer else []))
        target = "x[j]" if self.vector_only or self.chance(0.3) else f"A[{self.pick(*outer)}, j]"
        self.target = target
        out(f"{pad}for j in range({bound}):")
        if self.chance(0.3):
            self.statement(depth + 1, outer, target)
        inner = self.pick("j", "j", "j", "j", "j", "j", "j", "j + 1", "j - 1", "1, j", "2 * j", "0, 2 * j, 2", "j + e", "j + d", "j - 1, -1, -1", "n - j", "j, n", "n", "3 * j - 2")
        out(f"{pad}    for k in range({inner}):")
        for _ in range(self.pick(1, 1, 1, 2)):
            self.statement(depth + 2, names, target)
        if self.chance(0.15):
            out(f"{pad}        for l in range({self.pick('2', 'k', 'e')}):")
            self.statement(depth + 3, names + ["l"], target)
        for _ in range(self.pick(1, 1, 2)):
            self.statement(depth + 1, outer, target)
        if self.chance(0.1):
            out(f"{pad}    for k in range({self.pick('j', 'n', 'e')}):")
            self.statement(depth + 2, names, target)
        if self.chance(0.2):
            self.statement(depth, outer[:-1] or ["e"], target.replace("j", "e").replace("i", "e"))
        out(f"    return {self.pick('0', '0', '0', 'n', 'j' if 'i' not in outer else 'n')}")
        for _ in range(r.randint(1, 2)):
            out(f"f(A, B, x, y, {r.randint(0, 7)}, {r.randint(0, 4)}, {r.randint(-3, 2)})")
        return "\n".join(self.lines) + "\n"


def program(seed):
    return Solve(seed).program()


def main(seed, count):
    for i in range(count):
        sys.stdout.write(program(seed * 1_000_003 + i))
        sys.stdout.write("#---\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
