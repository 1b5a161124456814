/* tests/unit/test_engine.c — the seam to the JIT: which loops the engine is asked about, and what each of its answers leads to. */
#include <stdio.h>
#include <string.h>

#include "dsl/parse.h"
#include "interp/engine.h"
#include "interp/module.h"
#include "interp/str.h"

typedef struct Log {
    char     asked[64];         /* per question the loop's line as a digit, 'w' behind a while loop */
    char     output[256];
    size_t   n_asked, n_output;
    LoopVerdict verdict;        /* the answer for loops on odd lines; even ones are declined, … */
    LoopVerdict rest;           /* … and this is the answer for what is left of them when they have run for a while */
} Log;

static int keep_output(void *user, int stream, const char *text, size_t size)
{
    Log *log = user;
    if (log->n_output + size < sizeof log->output) {
        memcpy(log->output + log->n_output, text, size);
        log->n_output += size;
    }
    return 0;
}

static LoopVerdict take(VM *vm, Frame *frame, Node *loop, Value iterable)
{
    Log *log = vm->engine_state;
    uint32_t line = src_line(&frame->chunk->src, loop->span.start);
    log->asked[log->n_asked++] = (char)('0' + line);
    if (loop->kind == ND_While)
        log->asked[log->n_asked++] = 'w';
    if ((loop->kind == ND_While) != (iterable.tag == T_Unbound))
        log->asked[log->n_asked++] = '!';
    if (line % 2 == 0)
        return LOOP_DECLINED;
    if (log->verdict == LOOP_RETURNED)
        frame->ret = V_INT(42);
    if (log->verdict == LOOP_RAISED) {
        raise(vm, TY_ValueError, "from the engine");
        vm_trace_add(vm, loop, frame);
    }
    return log->verdict;
}

static LoopVerdict take_rest(VM *vm, Frame *frame, Node *loop)
{
    Log *log = vm->engine_state;
    log->asked[log->n_asked++] = 'r';
    if (log->rest == LOOP_RETURNED)
        frame->ret = V_INT(43);
    if (log->rest == LOOP_RAISED) {
        raise(vm, TY_ValueError, "from the rest");
        vm_trace_add(vm, loop, frame);
    }
    return log->rest;
}

static const LoopEngine engine = { .name = "test", .take = take, .take_rest = take_rest };

static const struct {
    const char *what, *text;
    LoopVerdict verdict;
    const char *asked, *output;
    LoopVerdict rest;
} rows[] = {
    { "only outermost loops are asked about",
      "for i in range(2):\n    for j in range(2):\n        while j < 0:\n            pass\nx = 0\nwhile x < 2:\n    x += 1\nprint(x)\n",
      LOOP_DECLINED, "16w", "2\n" },
    { "a function's own loop is outermost, also when its caller is in a loop",
      "def f():\n    for k in range(1):\n        pass\nfor i in range(2): f()\n", LOOP_DECLINED, "422", "" },
    { "done: the body is not interpreted, the else part runs", "for i in range(3):\n    print(i)\nelse:\n    print('else')\n",
      LOOP_DONE, "1", "else\n" },
    { "broke: no else part", "for i in range(3):\n    print(i)\nelse:\n    print('else')\nprint('after')\n", LOOP_BROKE, "1", "after\n" },
    { "done, while", "while True:\n    pass\nelse:\n    print('else')\n", LOOP_DONE, "1w", "else\n" },
    { "returned", "def f():\n\n    while True: pass\nprint(f())\n", LOOP_RETURNED, "3w", "42\n" },
    { "raised", "print('before')\n\nfor i in range(3): pass\nprint('after')\n", LOOP_RAISED, "3",
      "before\nTraceback (most recent call last):\n  File \"t\", line 3, in <module>\n    for i in range(3): pass\nValueError: from the engine\n" },
    { "a while loop asks again after 32 and 1024 iterations", "n = 0\nwhile n < 2000: n += 1\nelse:\n    print(n)\n", LOOP_DECLINED, "2wrr", "2000\n" },
    { "not before", "n = 0\nwhile n < 31: n += 1\nprint(n)\n", LOOP_DECLINED, "2w", "31\n" },
    { "the rest is taken", "n = 0\nwhile n < 100: n += 1\nelse:\n    print('else')\nprint(n)\n", LOOP_DECLINED, "2wr", "else\n32\n", LOOP_DONE },
    { "the rest broke", "n = 0\nwhile n < 100: n += 1\nelse:\n    print('else')\nprint(n)\n", LOOP_DECLINED, "2wr", "32\n", LOOP_BROKE },
    { "the rest returned", "def f(n):\n    while True: n += 1\nprint(f(0))\n", LOOP_DECLINED, "2wr", "43\n", LOOP_RETURNED },
    { "the rest raised", "n = 0\nwhile True: n += 1\n", LOOP_DECLINED, "2wr",
      "Traceback (most recent call last):\n  File \"t\", line 2, in <module>\n    while True: n += 1\nValueError: from the rest\n", LOOP_RAISED },
    { "an inner while loop is not asked about", "n = 0\nfor i in range(1):\n    while n < 100: n += 1\nprint(n)\n", LOOP_DECLINED, "2", "100\n", LOOP_DONE },
};

int main(void)
{
    int failed = 0;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Mem mem;
        mem_init(&mem, NULL, NULL);
        Log log = { .verdict = rows[i].verdict, .rest = rows[i].rest };
        VM *vm = vm_new(&mem);
        vm->write_fn = keep_output;
        vm->io_user = &log;
        vm->engine = &engine;
        vm->engine_state = &log;
        if (vm_run(vm, vm->main, "t", rows[i].text, strlen(rows[i].text), PM_File) == RUN_EXC) {
            vm_flush(vm);
            Value report = vm_format_traceback(vm);
            keep_output(&log, 2, STR(report)->text, STR(report)->size);
            value_free(vm, report);
            vm_clear_exc(vm);
        }
        vm_flush(vm);
        if (strcmp(log.asked, rows[i].asked) || strcmp(log.output, rows[i].output)) {
            failed++;
            printf("FAIL %s: asked \"%s\", printed \"%s\"\n", rows[i].what, log.asked, log.output);
        }
        vm_free(vm);
    }
    printf("%d passed, %d failed\n", (int)COUNT_OF(rows) - failed, failed);
    return failed != 0;
}
