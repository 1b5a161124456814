/* tests/api/test_calls.c — calls in both directions: arguments, results, exceptions through C, nesting, callbacks,
 * completion. */
#include "check.h"

static alpy_status fn_add(alpy_vm *vm, void *user, const alpy_value *args, int nargs, alpy_value *result)
{
    (void)user, (void)nargs;
    if (args[0].kind != ALPY_INT || args[1].kind != ALPY_INT)
        return alpy_raise(vm, "TypeError", "add() takes ints");
    result->kind = ALPY_INT;
    result->u.i = args[0].u.i + args[1].u.i;
    return ALPY_OK;
}

static alpy_status fn_count(alpy_vm *vm, void *user, const alpy_value *args, int nargs, alpy_value *result)
{
    (void)vm, (void)args;
    *(int *)user += 1;
    result->kind = ALPY_INT;
    result->u.i = nargs;
    return ALPY_OK;
}

static alpy_status fn_nothing(alpy_vm *vm, void *user, const alpy_value *args, int nargs, alpy_value *result)
{
    (void)vm, (void)user, (void)args, (void)nargs, (void)result;
    return ALPY_OK;
}

/* Runs its argument as a program; passes a failure on. */
static alpy_status fn_run(alpy_vm *vm, void *user, const alpy_value *args, int nargs, alpy_value *result)
{
    (void)user, (void)nargs, (void)result;
    return alpy_eval(vm, args[0].u.s.text, "nested.alp");
}

/* Runs its argument as a program, and returns whether that went well. */
static alpy_status fn_try(alpy_vm *vm, void *user, const alpy_value *args, int nargs, alpy_value *result)
{
    (void)user, (void)nargs;
    result->kind = ALPY_STR;
    alpy_status status = alpy_eval(vm, args[0].u.s.text, "nested.alp");
    return alpy_make_str(vm, alpy_status_name(status), strlen(alpy_status_name(status)), result);
}

/* Calls its argument with 1, 2, … and returns the tuple of results. */
static alpy_status fn_apply(alpy_vm *vm, void *user, const alpy_value *args, int nargs, alpy_value *result)
{
    (void)user, (void)nargs;
    alpy_value results[3] = { { .kind = ALPY_NONE } };
    alpy_status status = ALPY_OK;
    for (int k = 0; k < 3 && status == ALPY_OK; k++) {
        alpy_value arg = { .kind = ALPY_INT, .u.i = k + 1 };
        status = alpy_call_value(vm, &args[0], &arg, 1, &results[k]);
    }
    if (status == ALPY_OK)
        status = alpy_make_tuple(vm, results, 3, result);
    for (int k = 0; k < 3; k++)
        alpy_release(vm, &results[k]);
    return status;
}

/* Returns its argument; or the array in the program's variable `global_array`; or a text of its own. */
static alpy_status fn_same(alpy_vm *vm, void *user, const alpy_value *args, int nargs, alpy_value *result)
{
    (void)vm, (void)user, (void)nargs;
    *result = args[0];
    return ALPY_OK;
}

static alpy_status fn_array(alpy_vm *vm, void *user, const alpy_value *args, int nargs, alpy_value *result)
{
    (void)user, (void)args, (void)nargs;
    result->kind = ALPY_ARRAY;
    return alpy_get_array(vm, "global_array", &result->u.a);
}

static double lent_data[2] = { 1, 2 };
static int n_lent_released;

static void lent_release(void *user, void *data)
{
    (void)user;
    n_lent_released += data == lent_data;
}

static alpy_status fn_lend(alpy_vm *vm, void *user, const alpy_value *args, int nargs, alpy_value *result)
{
    static const int64_t shape[] = { 2 };
    (void)vm, (void)user, (void)args, (void)nargs;
    result->kind = ALPY_ARRAY;
    result->u.a =
        (alpy_array){ .dtype = ALPY_FLOAT64, .ndim = 1, .shape = shape, .data = lent_data, .release = lent_release };
    return ALPY_OK;
}

static alpy_status fn_bad(alpy_vm *vm, void *user, const alpy_value *args, int nargs, alpy_value *result)
{
    (void)nargs;
    switch (args[0].u.i) {
    case 0: return ALPY_ERROR;                                  /* without an exception */
    case 1: result->kind = (alpy_kind)42; return ALPY_OK;
    case 2: result->kind = ALPY_OTHER; result->ref = 999; return ALPY_OK;
    case 3: alpy_raise(vm, "ValueError", "forgotten"); return ALPY_OK;
    case 4: return alpy_raise(vm, "NoSuchError", "x");
    case 5: return alpy_raise(vm, "KeyError", "key");
    case 6: return alpy_raise(vm, "numpy.exceptions.AxisError", NULL);
    case 7: return alpy_raise(vm, "SystemExit", "leaving");
    case 8: return alpy_close(vm);
    default: *(int *)user = 1; return alpy_raise(vm, "ValueError", "\xff");
    }
}

static int a_count, a_flag;

static const alpy_function rows[] = {
    { "add", fn_add, 2, 2, "Sum of two ints.", NULL },
    { "count", fn_count, 0, -1, NULL, &a_count },
    { "nothing", fn_nothing, 0, 0, NULL, NULL },
    { "some", fn_count, 1, 3, NULL, &a_count },
    { "run", fn_run, 1, 1, NULL, NULL },
    { "attempt", fn_try, 1, 1, NULL, NULL },
    { "apply", fn_apply, 1, 1, NULL, NULL },
    { "same", fn_same, 1, 1, NULL, NULL },
    { "array", fn_array, 0, 0, NULL, NULL },
    { "lend", fn_lend, 0, 0, NULL, NULL },
    { "bad", fn_bad, 1, 1, NULL, &a_flag },
};

/* Statements, and the exception they must end in: type NULL = none, message NULL = any. */
static void run_row(alpy_vm *vm, const char *text, const char *type, const char *message)
{
    alpy_status status = alpy_eval(vm, text, "row.alp");
    if (!type) {
        if (!CHECK_STATUS(status, ALPY_OK))
            fputs(alpy_error(vm)->traceback, stderr);
        return;
    }
    CHECK(status != ALPY_OK && status != ALPY_USAGE);
    CHECK_TEXT(alpy_error(vm)->type, type);
    if (message)
        CHECK_TEXT(alpy_error(vm)->text, message);
}

static void from_program(alpy_vm *vm)
{
    CHECK_STATUS(alpy_register(vm, rows, sizeof rows / sizeof rows[0]), ALPY_OK);
    run_row(vm, "assert add(2, 3) == 5\nassert nothing() is None", NULL, NULL);
    run_row(vm, "add(2, 'x')", "TypeError", "add() takes ints");
    CHECK(alpy_error(vm)->line == 1);
    CHECK_TEXT(alpy_error(vm)->file, "row.alp");
    run_row(vm, "add(1)", "TypeError", "add() takes exactly 2 arguments (1 given)");
    run_row(vm, "nothing(1)", "TypeError", "nothing() takes no arguments (1 given)");
    run_row(vm, "some()", "TypeError", "some() takes at least 1 argument (0 given)");
    run_row(vm, "some(1, 2, 3, 4)", "TypeError", "some() takes at most 3 arguments (4 given)");
    run_row(vm, "add(a=1, b=2)", "TypeError", "add() takes no keyword arguments");
    run_row(vm, "assert count() == 0 and count(1, 'a', [2]) == 3\nassert count(1,2,3,4,5,6,7,8,9,10,11,12) == 12", NULL,
            NULL);
    CHECK(a_count == 3);
    run_row(
        vm,
        "l = [1]\nassert same(l) is l\nassert same('text') == 'text' and same(2j) == 2j and same(None) is None\n"
        "import numpy as np\nassert same(np.float32(0.1)) == np.float32(0.1)\na = np.arange(3)\nassert same(a) is a",
        NULL, NULL);
    run_row(vm, "global_array = np.arange(4)\nassert array() is global_array", NULL, NULL);
    run_row(vm, "x = lend()\nx[0] = 5\nassert x.sum() == 7\nx = None", NULL, NULL);
    CHECK(n_lent_released == 1 && lent_data[0] == 5);
    /* as values */
    run_row(vm, "f = add\nassert f(1, 2) == 3\nassert str(add) == '<built-in function add>'", NULL, NULL);
}

static void errors_in_c(alpy_vm *vm)
{
    run_row(vm, "bad(0)", "SystemError", "<built-in function bad> returned an error without setting an exception");
    run_row(vm, "bad(1)", "SystemError", "<built-in function bad> returned a bad result: no such kind of value");
    run_row(vm, "bad(2)", "SystemError", "<built-in function bad> returned a bad result: value was released already");
    run_row(vm, "assert bad(3) is None", NULL, NULL);
    run_row(vm, "bad(4)", "SystemError", "<built-in function bad> returned an error without setting an exception");
    run_row(vm, "bad(5)", "KeyError", "'key'");
    run_row(vm, "bad(6)", "numpy.exceptions.AxisError", "");
    run_row(vm, "bad(7)", "SystemExit", "leaving");
    CHECK(alpy_error(vm)->status == ALPY_EXIT && alpy_error(vm)->exit_code == 1);
    run_row(vm, "bad(8)", "SystemError", "<built-in function bad> returned an error without setting an exception");
    run_row(vm, "bad(9)", "SystemError", "<built-in function bad> returned an error without setting an exception");
    CHECK(a_flag == 1);
}

static void nested(alpy_vm *vm)
{
    run_row(vm, "run('inner = 5')\nassert inner == 5", NULL, NULL);
    run_row(vm, "def f():\n    run('1/0')\nf()", "ZeroDivisionError", "division by zero");
    CHECK_TEXT(alpy_error(vm)->traceback,
               "Traceback (most recent call last):\n"
               "  File \"row.alp\", line 3, in <module>\n    f()\n"
               "  File \"row.alp\", line 2, in f\n    run('1/0')\n"
               "  File \"nested.alp\", line 1, in <module>\n    1/0\n    ~^~\n"
               "ZeroDivisionError: division by zero\n");
    CHECK_TEXT(alpy_error(vm)->file, "nested.alp");
    run_row(vm,
            "assert attempt('1/0') == 'ALPY_ERROR'\nassert attempt('x = 1') == 'ALPY_OK'\nassert attempt('raise "
            "SystemExit') == 'ALPY_EXIT'",
            NULL, NULL);
    run_row(vm, "assert attempt('attempt(\"1/0\")\\n1/0') == 'ALPY_ERROR'", NULL, NULL);
    run_row(vm, "def g(x): return x * 10\nassert apply(g) == (10, 20, 30)", NULL, NULL);
    run_row(vm, "def g(x): return 1 // (2 - x)\napply(g)", "ZeroDivisionError", "integer division or modulo by zero");
    run_row(vm, "apply(3)", "TypeError", "'int' object is not callable");
    /* endless recursion through C */
    run_row(vm, "def h(): run('h()')\nh()", "RecursionError", NULL);
    /* a syntax error inside */
    run_row(vm, "run('x = = 1')", "SyntaxError", "invalid syntax");
    CHECK(alpy_error(vm)->line == 1 && alpy_error(vm)->column == 5);
    CHECK_TEXT(alpy_error(vm)->file, "nested.alp");
}

static void into_program(alpy_vm *vm)
{
    alpy_value args[10], result;
    for (int k = 0; k < 10; k++)
        args[k] = (alpy_value){ .kind = ALPY_INT, .u.i = k };
    run_row(vm, "def three(a, b, c=100): return a + b + c\ndef ten(a, b, c, d, e, f, g, h, i, j): return j - a\n"
                "def nothing_much(): pass\ndef make(): return [1, 2]\nimport math\n", NULL, NULL);
    CHECK(alpy_call(vm, "three", args + 1, 2, &result) == ALPY_OK && result.kind == ALPY_INT && result.u.i == 103);
    CHECK(alpy_call(vm, "ten", args, 10, &result) == ALPY_OK && result.u.i == 9);
    CHECK(alpy_call(vm, "nothing_much", NULL, 0, &result) == ALPY_OK && result.kind == ALPY_NONE);
    CHECK(alpy_call(vm, "make", NULL, 0, NULL) == ALPY_OK);
    CHECK(alpy_call(vm, "make", NULL, 0, &result) == ALPY_OK && result.kind == ALPY_OTHER);
    CHECK_STATUS(alpy_release(vm, &result), ALPY_OK);
    CHECK(alpy_call(vm, "math.sqrt", args + 4, 1, &result) == ALPY_OK && result.kind == ALPY_FLOAT && result.u.f == 2);
    CHECK(alpy_call(vm, "abs", args + 4, 1, &result) == ALPY_OK && result.u.i == 4);
    CHECK_STATUS(alpy_call(vm, "three", args, 1, &result), ALPY_ERROR);
    CHECK_TEXT(alpy_error(vm)->text, "three() missing 1 required positional argument: 'b'");
    CHECK(result.kind == ALPY_NONE);
    CHECK_STATUS(alpy_call(vm, "nope", args, 1, &result), ALPY_ERROR);
    CHECK_STATUS(alpy_call(vm, "math.nope", args, 1, &result), ALPY_ERROR);
    CHECK_STATUS(alpy_call(vm, "math", args, 1, &result), ALPY_ERROR);
    CHECK_TEXT(alpy_error(vm)->text, "'module' object is not callable");
    args[0] = (alpy_value){ .kind = ALPY_STR, .u.s = { "\xff", 1 } };
    CHECK_STATUS(alpy_call(vm, "abs", args, 1, &result), ALPY_USAGE);
    /* a result may replace the function it came from */
    CHECK_STATUS(alpy_get_value(vm, "make", &result), ALPY_OK);
    alpy_value function = result;
    CHECK_STATUS(alpy_call_value(vm, &function, NULL, 0, &result), ALPY_OK);
    CHECK_TEXT(result.u.type, "list");
    CHECK_STATUS(alpy_release(vm, &result), ALPY_OK);
    CHECK_STATUS(alpy_release(vm, &function), ALPY_OK);
}

static void wrong_rows(alpy_vm *vm)
{
    alpy_function f = rows[0];
    f.name = "";
    CHECK_STATUS(alpy_register(vm, &f, 1), ALPY_USAGE);
    f.name = NULL;
    CHECK_STATUS(alpy_register(vm, &f, 1), ALPY_USAGE);
    f = rows[0];
    f.fn = NULL;
    CHECK_STATUS(alpy_register(vm, &f, 1), ALPY_USAGE);
    f = rows[0];
    f.max_args = 1;
    CHECK_STATUS(alpy_register(vm, &f, 1), ALPY_USAGE);
    f.max_args = -2;
    CHECK_STATUS(alpy_register(vm, &f, 1), ALPY_USAGE);
    CHECK_STATUS(alpy_register(vm, NULL, 0), ALPY_OK);
}

typedef struct Found { char text[4096]; int count, limit; } Found;

static int found(void *user, const char *completion)
{
    Found *f = user;
    strcat(f->text, completion);
    strcat(f->text, " ");
    return ++f->count == f->limit;
}

static void completion(alpy_vm *vm)
{
    Found f = { .count = 0 };
    run_row(vm, "import math\nvalue_one = 1\nvalue_two = 2\n_hidden = 3\n", NULL, NULL);
    CHECK_STATUS(alpy_complete(vm, "print(value_", found, &f), ALPY_OK);
    CHECK_TEXT(f.text, "value_one value_two ");
    f = (Found){ .limit = 1 };
    CHECK_STATUS(alpy_complete(vm, "value_", found, &f), ALPY_OK);
    CHECK_TEXT(f.text, "value_one ");
    f = (Found){ .count = 0 };
    CHECK_STATUS(alpy_complete(vm, "x = math.sq", found, &f), ALPY_OK);
    CHECK_TEXT(f.text, "math.sqrt ");
    f = (Found){ .count = 0 };
    CHECK_STATUS(alpy_complete(vm, "whi", found, &f), ALPY_OK);
    CHECK_TEXT(f.text, "while ");
    f = (Found){ .count = 0 };
    CHECK_STATUS(alpy_complete(vm, "enumer", found, &f), ALPY_OK);
    CHECK_TEXT(f.text, "enumerate ");
    f = (Found){ .count = 0 };
    CHECK_STATUS(alpy_complete(vm, "nope.x", found, &f), ALPY_OK);
    CHECK_STATUS(alpy_complete(vm, "math.nope.x", found, &f), ALPY_OK);
    CHECK(f.count == 0);
    CHECK_STATUS(alpy_complete(vm, "'abc'.up", found, &f), ALPY_OK);
    CHECK(f.count == 0);
    CHECK_STATUS(alpy_complete(vm, "_hid", found, &f), ALPY_OK);
    CHECK(f.count == 1);
}

int main(void)
{
    alpy_vm *vm = open_vm(NULL);
    from_program(vm);
    errors_in_c(vm);
    nested(vm);
    into_program(vm);
    wrong_rows(vm);
    completion(vm);
    CHECK_STATUS(alpy_close(vm), ALPY_OK);
    return report();
}
