/* tests/unit/test_nest.c — what nest_build() makes of program texts: pieces of the dump in their order, or the reason of a
 * refusal; that lack of memory at any point refuses cleanly; and which entries a nest matches. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dsl/parse.h"
#include "interp/engine.h"
#include "interp/module.h"
#include "jit/nest/nest.h"

enum { MAX_NESTS = 16 };

typedef struct Log {
    VM      *vm;
    char     text[32768];       /* dumps and refusals of all loops, in order */
    size_t   size;
    Nest    *nest[MAX_NESTS];
    Node    *loop[MAX_NESTS];
    uint32_t n_nests, n_matched, n_failures;
} Log;

static void put(void *user, const char *s, size_t n)
{
    Log *log = user;
    if (log->size + n < sizeof log->text) {
        memcpy(log->text + log->size, s, n);
        log->size += n;
    }
}

static int discard(void *user, int stream, const char *text, size_t size)
{
    return 0;
}

/* The C library's, counting. */
static size_t n_bytes;

static void *count_realloc(void *user, void *p, size_t old_size, size_t new_size)
{
    if (new_size == 0) {
        free(p);
        n_bytes -= old_size;
        return NULL;
    }
    void *q = realloc(p, new_size);
    if (q)
        n_bytes += new_size - old_size;
    return q;
}

static void complain(Log *log, const char *what)
{
    fprintf(stderr, "FAIL %s\n", what);
    log->n_failures++;
}

/* Refuses one allocation after the other, until the nest can be built. */
static void try_without_memory(Log *log, Frame *frame, Node *loop, Value iterable)
{
    VM *vm = log->vm;
    ReasonAt why;
    vm_trim(vm);
    for (uint64_t k = 1;; k++) {
        vm->mem.fail_at = vm->mem.n_alloc + k;
        Nest *nest = nest_build(vm, frame, loop, iterable, &why);
        vm->mem.fail_at = 0;
        if (vm_has_exc(vm)) {
            complain(log, "an exception is pending");
            vm_clear_exc(vm);
        }
        if (nest) {
            nest_free(nest);
            return;
        }
        if (why.code != RS_NoMemory)
            return;             /* no nest with memory either */
    }
}

static LoopVerdict take(VM *vm, Frame *frame, Node *loop, Value iterable)
{
    Log *log = vm->engine_state;
    for (uint32_t i = 0; i < log->n_nests; i++)
        if (log->loop[i] == loop && nest_matches(log->nest[i], frame, iterable)) {
            log->n_matched++;
            return LOOP_DECLINED;
        }
    try_without_memory(log, frame, loop, iterable);
    ReasonAt why;
    Nest *nest = nest_build(vm, frame, loop, iterable, &why);
    if (vm_has_exc(vm)) {
        complain(log, "an exception is pending");
        vm_clear_exc(vm);
    }
    if (!nest) {
        char line[REASON_DETAIL + 64];
        int n = snprintf(line, sizeof line, "refused %s: %s\n", reason_name(why.code), why.detail);
        put(log, line, (size_t)n);
        return LOOP_DECLINED;
    }
    nest_dump(nest, put, log);
    if (!nest_matches(nest, frame, iterable))
        complain(log, "a new nest does not match its own entry");
    if (log->n_nests < MAX_NESTS) {
        log->loop[log->n_nests] = loop;
        log->nest[log->n_nests++] = nest;
    } else {
        nest_free(nest);
    }
    return LOOP_DECLINED;
}

static const LoopEngine engine = { .name = "test", .take = take };

#define A1 "import numpy as np\na = np.arange(8.0)\nb = np.arange(8.0)\nn = 8\n"
#define A2 "import numpy as np\np = np.zeros((4, 6))\nq = np.zeros((4, 6))\nn = 4\nm = 6\n"
/* In a function, so that variables are its own and end with it. */
#define F(params, body, args) "def f(" params "):\n" body "f(" args ")\n"

static const struct {
    const char *what, *text;
    const char *want[8];        /* pieces of the dump in this order; "!x": x is not in the dump at all */
    uint32_t n_nests, n_matched;
} rows[] = {
    /* ---- loops ---- */
    { "range", A1 F("a, n", "    for i in range(1, n - 1, 2):\n        a[i] = 0.0\n", "a, n"),
      { "for t0 (i) = 1 … sub", "step 2", "i = add.i64(1, mul.i64(t0, 2))", "a[i]{2*t0 + 1} = 0" }, 1, 0 },
    { "backwards", A1 F("a, n", "    for i in range(n - 1, -1, -1):\n        a[i] = 0.0\n", "a, n"),
      { "step -1", "a[i]{-t0 + n - 1}" }, 1, 0 },
    { "a step that is no constant is checked", A1 F("a, n, h", "    for i in range(0, n, h):\n        a[i] = 0.0\n", "a, n, 2"),
      { "step h", "i = mul.i64(t0, h)", "a[i]{h*t0}" }, 1, 0 },
    { "triangular", A2 F("p, n", "    for i in range(n):\n        for j in range(i, n):\n            p[i, j] = 1.0\n", "p, n"),
      { "for t1 (j) = i … n", "{t0 … n}", "p[i, j]{t0, t1 + t0}" }, 1, 0 },
    { "several upper bounds", A1 F("a, n", "    for i in range(0, n, 3):\n        for j in range(i, min(i + 3, n)):\n"
      "            a[j] = 1.0\n", "a, n"),
      { "for t1 (j) = i … ", "a[j]{t1 + 3*t0}" }, 1, 0 },
    { "over an array", A1 F("a", "    s = 0.0\n    for x in a:\n        s += x\n", "a"),
      { "for t0 (x) = 0 … a.shape[0]", "x = a[t0]{t0}" }, 1, 0 },
    { "over rows", A2 F("p", "    for r in p:\n        r[0] = 1.0\n", "p"), { "p[t0, 0]{t0, 0} = 1" }, 1, 0 },
    { "enumerate, zip", A1 F("a, b", "    for k, (x, y) in enumerate(zip(a, b), 1):\n        a[k - 1] = x + y\n", "a, b"),
      { "npmin", "k = add", "x = a[t0]{t0}", "y = b[t0]{t0}", "{t0} = " }, 1, 0 },
    { "reversed", A1 F("a", "    for x in reversed(a):\n        x + 1\n", "a"),
      { "x = a[sub.i64(sub.i64(a.shape[0], 1), t0)]{-t0 + a.shape[0] - 1}" }, 1, 0 },
    { "reversed range", A1 F("a, n", "    for i in reversed(range(n)):\n        a[i] = 1.0\n", "a, n"),
      { "step -1", "a[i]{-t0 + n - 1}" }, 1, 0 },
    { "a display of integers at equal distances", A1 F("a", "    for i in range(1, 7):\n        for d in (-1, 0, 1):\n"
      "            a[i + d] = 1.0\n", "a"),
      { "d = add.i64(-1, t1)", "]{t1 + t0} = 1" }, 1, 0 },
    { "a display of others", A1 F("a", "    for i in range(1, 7):\n        for d in (2, 0, 5):\n            a[d] = 1.0\n", "a"),
      { "d = select" }, 1, 0 },
    { "what the outermost loop iterates over is not evaluated again", A1 F("a", "    for x in a * 2:\n        x + 1\n", "a"),
      { "iterable" }, 1, 0 },
    { "range in a variable", A1 "r = range(2, 8, 3)\nfor i in r:\n"
      "    a[i] = 1.0\n", { "step 3", "i = add.i64(v", "{3*t0 + v" }, 1, 0 },
    { "while", A1 F("a, n", "    i = 0\n    while i < n and a[i] < 3:\n        i += 1\n", "a, n"),
      { "while t0 andalso.bool(lt'.bool(i, n), lt.bool(a[i]" }, 1, 0 },
    { "while with a call in its test", "def g(x):\n    if x > 5:\n        return 1\n"
      "    return 0\n" F("n", "    while g(n) == 0:\n        n += 1\n", "1"),
      { "while t0 true has-exit", "leave s" }, 1, 0 },
    { "else of an inner loop",
      A1 F("a, n", "    for i in range(n):\n        for j in range(n):\n            if a[j] > i:\n                break\n"
      "        else:\n            a[i] = 1.0\n", "a, n"),
      { "block s", "has-exit", "leave s" }, 1, 0 },
    /* ---- jumps that are none ---- */
    { "continue becomes an if", A1 F("a, n", "    for i in range(n):\n        if a[i] < 0:\n            continue\n"
      "        a[i] = 1.0\n", "a, n"),
      { "if not", "a[i]{t0} = 1", "!next" }, 1, 0 },
    { "return in branches", "def g(x):\n    if x < 0:\n        return 0.0\n    elif x > 1:\n        return 1.0\n    return x\n" A1
      F("a, n", "    for i in range(n):\n        a[i] = g(a[i])\n", "a, n"),
      { "if lt.bool(x, 0)", "else", "!block", "!leave" }, 1, 0 },
    { "return from a loop", "def g(a, x):\n    for k in range(len(a)):\n        if a[k] == x:\n            return k\n"
      "    return -1\n" A1
      F("a, n", "    s = 0\n    for i in range(n):\n        s += g(a, i)\n", "a, n"), { "block s", "has-exit", "leave s" }, 2, 7 },
    { "return of the function itself", A1 F("a, n", "    for i in range(n):\n        if a[i] > 2:\n"
      "            return i\n", "a, n"),
      { "has-exit", "return i" }, 1, 0 },
    /* ---- views ---- */
    { "row", A2 F("p, n, m", "    for i in range(n):\n        r = p[i]\n        for j in range(m):\n"
      "            r[j] = i\n", "p, n, m"),
      { "p[v", "{t0, t1} = " }, 1, 0 },
    { "column of the transpose", A2 F("p, n", "    for i in range(n):\n        p.T[2, i] = p[:, 3][i] + p[i][4]\n", "p, n"),
      { "p[i, 2]{t0, 2} = ", "p[i, 3]{t0, 3}", "p[i, 4]{t0, 4}" }, 1, 0 },
    { "slice", A1 F("a, n", "    for i in range(1, n - 1):\n        s = a[i - 1:i + 2]\n        s[1] = s[0] + s[2]\n", "a, n"),
      { "check", "{t0 + 1} = ", "{t0}", "{t0 + 2}" }, 1, 0 },
    { "reversed slice", A1 F("a, n", "    for i in range(n):\n        r = a[::-1]\n        r[i] = 1.0\n", "a, n"),
      { "{-t0 + a.shape[0] - 1} = 1" }, 1, 0 },
    { "a view that the program sees afterwards", A2 "for i in range(n):\n    r = p[i]\n    r[0] = 1.0\n",
      { "v", " = i", "p[v", "0]{t0, 0} = 1" }, 1, 0 },
    { "extents", A2 F("p", "    for i in range(p.shape[0]):\n        for j in range(len(p[i])):\n"
      "            p[i, j] = p.size + p.ndim\n", "p"),
      { "t0 (i) = 0 … p.shape[0]", "t1 (j) = 0 … p.shape[1]" }, 1, 0 },
    /* ---- variables and types ---- */
    { "int that becomes float", A1 F("a, n", "    s = 0\n    for i in range(n):\n        s += a[i]\n    return s\n", "a, n"),
      { "var    s f64 {np.float64} at entry int, read first", "s = add.f64(s, a[i]{t0})" }, 1, 0 },
    { "type known at run time only", A1 F("a, n", "    s = 0\n    for i in range(n):\n        if a[i] > 9:\n"
      "            s = s + a[i]\n    return s\n", "a, n"),
      { "read first, tag in v" }, 1, 0 },
    { "perhaps not assigned", A1 "for i in range(n):\n    if a[i] > 2:\n        z = i\n",
      { "set in v", "v", " = false", " = true" }, 1, 0 },
    { "read where it may be unbound", A1 "for i in range(n):\n    if i > 0:\n        a[i] = z\n    z = a[i]\n",
      { "check v" }, 1, 0 },
    { "dead variables have no home", A1 F("a, n", "    for i in range(n):\n        t = a[i] * 2\n        a[i] = t\n", "a, n"),
      { "t = mul", "!set in" }, 1, 0 },
    { "induction variable", A1 F("a, n", "    k = 3\n    for i in range(0, n, 2):\n        a[k] = i\n        k += 1\n"
      "    return k\n", "a, n"),
      { "k = add'.i64?overflow(v", "a[k]{t0 + k} = ", "k = add'.i64?overflow(v", "add.i64(t0, 1))" }, 1, 0 },
    { "swap", "def f(n):\n    x, y = 0, 1\n    for i in range(n):\n        x, y = y, x + y\nf(5)\n",
      { "v", " = add'.i64?overflow(x, y)", "x = y", "y = v" }, 1, 0 },
    { "global variable of an inlined function", "c = 0\ndef g():\n    global c\n    c += 1\n    return c\ns = 0\n"
      "for i in range(4):\n    s += g()\n",
      { "c = add'.i64?overflow(c, 1)", "s = add'.i64?overflow(s, c)" }, 1, 0 },
    { "operands are saved before what disturbs them", A1 "def g(x):\n    a[0] = x\n    return x\ns = 0.0\n"
      "for i in range(n):\n    s = a[0] + g(i)\n",
      { "v", " = a[0]{0}", "a[0]{0} = ", "s = add.f64(v" }, 1, 0 },
    { "keywords and defaults", "def g(x, k=2, *, h=0.5):\n    return x * k + h\n" A1 "for i in range(n):\n"
      "    a[i] = g(a[i], h=1.5)\n",
      { "x = a[i]{t0}", "k = 2", "h = 1.5" }, 1, 0 },
    { "captured variables", "def o(n):\n    w = 2.0\n    def g(x):\n        return x * w\n    s = 0.0\n"
      "    for i in range(n):\n        s += g(i)\n    return s\no(3)\no(4)\n",
      { "input  w float", "mul'.f64" }, 1, 1 },
    { "None as a default", "def f(n, o=None):\n    s = 0\n    for i in range(n):\n        if o is None:\n"
      "            s += 1\n        else:\n            s += o\nf(2)\nf(2, 3)\n",
      { "input  o", "s = add" }, 2, 0 },
    { "or and and", A1 F("a, n", "    for i in range(n):\n        if a[i] > 1 and not (a[i] > 5 or i == 2):\n"
      "            a[i] = a[i] or 2.0\n", "a, n"),
      { "if andalso", "not", "orelse", "select" }, 1, 0 },
    { "a chain evaluates its middle once", A1 F("a, n", "    for i in range(n):\n        if 0 < i * i < 9:\n"
      "            a[i] = 1.0\n", "a, n"),
      { " = mul", "andalso.bool(lt'.bool(0, v", "!mul'.i64?overflow(i, i), 9" }, 1, 0 },
    { "assert and raise", A1 F("a, n", "    for i in range(n):\n        assert a[i] >= 0\n        if a[i] > 99:\n"
      "            raise ValueError(i)\n", "a, n"),
      { "check ge.bool", "check false" }, 1, 0 },
    /* ---- signature ---- */
    { "one nest for equal types, another for others", A1 F("a, n", "    for i in range(n):\n        a[i] = i\n", "a, n")
      "f(b, 4)\nf(a[2:], 3)\nf(np.zeros(9, dtype=np.int32), 3)\nf(a, np.int64(3))\n",
      { "float64[1] write", "int32[1] write", "int64" }, 3, 2 },
    { "a function with another meaning", "def f(n):\n    s = 0\n    for i in range(n):\n        s += g(i)\ndef g(x):\n"
      "    return x\nf(2)\nf(3)\ndef g(x):\n    return -x\nf(2)\n",
      { "input  g function" }, 2, 1 },
    { "a builtin that gets hidden", "def f(n):\n    s = 0\n    for i in range(n):\n        s += abs(i)\ndef h(x):\n"
      "    return x\nf(2)\nabs = h\nf(2)\n",
      { "builtin", "x = i" }, 2, 0 },
    { "modules' variables", "import math\nfor i in range(3):\n    x = math.pi * i\n",
      { "input  math module", "input  pi float" }, 1, 0 },
    { "enumerate over what may change its kind", A1 "for r in (a, np.arange(3)):\n    for i, x in enumerate(r[1:]):\n"
      "        y = x + i\n",
      { "refused" }, 0, 0 },
    /* ---- refusals ---- */
    { "print", "for i in range(2):\n    print(i)\n", { "refused input-output: print(…)" }, 0, 0 },
    { "list", "l = [1, 2]\nfor i in range(2):\n    l[i] = 0\n", { "refused container: l[i]" }, 0, 0 },
    { "whole arrays", A1 "for i in range(2):\n    a = a + 1\n", { "refused whole-array" }, 0, 0 },
    { "method of an array", A1 "for i in range(2):\n    x = a.sum()\n", { "refused whole-array: a.sum()" }, 0, 0 },
    { "slice assignment", A2 "for i in range(2):\n    p[i] = 0\n", { "refused whole-array: p[i]" }, 0, 0 },
    { "list as iterable", "for x in [1, 'b']:\n    y = x\n", { "refused iteration" }, 0, 0 },
    { "iterator in a variable", A1 "e = enumerate(a)\nfor i, x in e:\n    y = x\n", { "refused iteration: e" }, 0, 0 },
    { "recursion", "def g(n):\n    return 1 if n < 1 else g(n - 1)\nfor i in range(2):\n    g(i)\n",
      { "refused recursive-call: g(…)" }, 0, 0 },
    { "unknown function", "import time\nfor i in range(2):\n    time.sleep(0)\n", { "refused unknown-call: time.sleep(…)" }, 0, 0 },
    { "arrays that change places", A1 "for i in range(2):\n    a[i] = b[i]\n    a, b = b, a\n", { "refused array-changes" }, 0, 0 },
    { "types that compute differently", A1 "s = 0\nfor i in range(3):\n    if i > 1:\n        s = s + a[i]\n    else:\n"
      "        s = s + 1\n",
      { "refused type-changes" }, 0, 0 },
    { "never assigned", "for i in range(1):\n    try_ = i\n    if i > 3:\n        y = undefined_name\n",
      { "refused maybe-unbound: undefined_name" }, 0, 0 },
    { "too deep", "for a in range(1):\n for b in range(1):\n  for c in range(1):\n   for d in range(1):\n"
      "    for e in range(1):\n     for f in range(1):\n"
      "      for g in range(1):\n       for h in range(1):\n        for i in range(1):\n         pass\n",
      { "refused too-deep" }, 0, 0 },
    { "statements", "for i in range(1):\n    def g():\n        pass\n", { "refused statement" }, 0, 0 },
    { "strings", "s = ''\nfor i in range(1):\n    s = 'x'\n", { "refused container" }, 0, 0 },
};

static bool has_pieces(const char *text, const char *const *want)
{
    const char *at = text;
    for (size_t k = 0; k < 8 && want[k]; k++) {
        if (want[k][0] == '!') {
            if (strstr(text, want[k] + 1)) {
                fprintf(stderr, "  not wanted: %s\n", want[k] + 1);
                return false;
            }
            continue;
        }
        at = strstr(at, want[k]);
        if (!at) {
            fprintf(stderr, "  missing: %s\n", want[k]);
            return false;
        }
        at += strlen(want[k]);
    }
    return true;
}

int main(void)
{
    uint32_t failed = 0;
    static Log log;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Mem mem;
        mem_init(&mem, count_realloc, NULL);
        VM *vm = vm_new(&mem);
        memset(&log, 0, sizeof log);
        log.vm = vm;
        vm->write_fn = discard;
        vm->engine = &engine;
        vm->engine_state = &log;
        vm_run(vm, vm->main, "t", rows[i].text, strlen(rows[i].text), PM_File);
        for (uint32_t k = 0; k < log.n_nests; k++)
            nest_free(log.nest[k]);
        if (vm_has_exc(vm))
            vm_clear_exc(vm);
        log.text[log.size] = '\0';
        bool ok = has_pieces(log.text, rows[i].want) && log.n_failures == 0 && log.n_nests == rows[i].n_nests &&
                  log.n_matched == rows[i].n_matched;
        vm_free(vm);
        if (n_bytes != 0) {
            fprintf(stderr, "  %zu bytes lost\n", n_bytes);
            n_bytes = 0;
            ok = false;
        }
        if (!ok) {
            fprintf(stderr, "FAIL %s: %u nests, %u matched\n%s\n", rows[i].what, log.n_nests, log.n_matched, log.text);
            failed++;
        }
    }
    printf("%zu passed, %u failed\n", COUNT_OF(rows) - failed, failed);
    return failed != 0;
}
