/* tests/api/test_values.c — variables and values on their way in and out: every kind, conversions, ownership, wrong
 * use. */
#include "check.h"

#include <math.h>

static void scalars(alpy_vm *vm)
{
    bool b;
    int64_t i;
    double x, y;
    CHECK_STATUS(alpy_set_bool(vm, "b", true), ALPY_OK);
    CHECK_STATUS(alpy_set_int(vm, "i", INT64_MIN), ALPY_OK);
    CHECK_STATUS(alpy_set_float(vm, "x", 0.1), ALPY_OK);
    CHECK_STATUS(alpy_set_complex(vm, "z", 1.5, -2), ALPY_OK);
    CHECK_STATUS(alpy_set_str(vm, "s", "gr\xc3\xbc\xc3\x9f"), ALPY_OK);
    CHECK_STATUS(alpy_set_none(vm, "n"), ALPY_OK);
    CHECK_STATUS(alpy_eval(vm,
                           "ok = b is True and i == -9223372036854775808 and x == 0.1 and z == 1.5-2j and s == "
                           "'gr\\u00fc\\u00df' and n is None\n"
                           "m = i + 1\ny = x * 2\nw = z * 2\nt = s + '!'\nc = not b\nempty = ''\n",
                           NULL),
                 ALPY_OK);
    CHECK(alpy_get_bool(vm, "ok", &b) == ALPY_OK && b);
    CHECK(alpy_get_bool(vm, "c", &b) == ALPY_OK && !b);
    CHECK(alpy_get_int(vm, "m", &i) == ALPY_OK && i == INT64_MIN + 1);
    CHECK(alpy_get_float(vm, "y", &x) == ALPY_OK && x == 0.2);
    CHECK(alpy_get_complex(vm, "w", &x, &y) == ALPY_OK && x == 3 && y == -4);
    alpy_value v;
    CHECK(alpy_get_str(vm, "t", &v) == ALPY_OK && v.kind == ALPY_STR && v.u.s.size == 7);
    CHECK_TEXT(v.u.s.text, "gr\xc3\xbc\xc3\x9f!");
    CHECK_STATUS(alpy_release(vm, &v), ALPY_OK);
    CHECK(v.kind == ALPY_NONE && v.ref == 0);
    CHECK(alpy_get_str(vm, "empty", &v) == ALPY_OK && v.u.s.size == 0 && v.u.s.text[0] == 0);
    CHECK_STATUS(alpy_release(vm, &v), ALPY_OK);

    /* widening, and no other conversion */
    CHECK(alpy_get_int(vm, "b", &i) == ALPY_OK && i == 1);
    CHECK(alpy_get_float(vm, "m", &x) == ALPY_OK && x == (double)(INT64_MIN + 1));
    CHECK(alpy_get_complex(vm, "x", &x, &y) == ALPY_OK && x == 0.1 && y == 0);
    i = 7;
    CHECK_STATUS(alpy_get_int(vm, "x", &i), ALPY_ERROR);
    CHECK(i == 7);
    CHECK_TEXT(alpy_error(vm)->type, "TypeError");
    CHECK_TEXT(alpy_error(vm)->text, "'x' is float, not int");
    CHECK_STATUS(alpy_get_float(vm, "s", &x), ALPY_ERROR);
    CHECK_STATUS(alpy_get_float(vm, "z", &x), ALPY_ERROR);
    CHECK_STATUS(alpy_get_bool(vm, "i", &b), ALPY_ERROR);
    CHECK_STATUS(alpy_get_str(vm, "i", &v), ALPY_ERROR);
    alpy_array a;
    CHECK_STATUS(alpy_get_array(vm, "i", &a), ALPY_ERROR);
    CHECK_TEXT(alpy_error(vm)->text, "'i' is int, not numpy.ndarray");

    CHECK_STATUS(alpy_get_int(vm, "nowhere", &i), ALPY_ERROR);
    CHECK_TEXT(alpy_error(vm)->type, "NameError");
    CHECK_TEXT(alpy_error(vm)->text, "name 'nowhere' is not defined");
    CHECK_TEXT(alpy_error(vm)->traceback, "NameError: name 'nowhere' is not defined\n");
    CHECK_STATUS(alpy_delete(vm, "i"), ALPY_OK);
    CHECK_STATUS(alpy_get_int(vm, "i", &i), ALPY_ERROR);
    CHECK_STATUS(alpy_delete(vm, "i"), ALPY_ERROR);
}

static void paths(alpy_vm *vm)
{
    double x;
    alpy_value v;
    CHECK_STATUS(alpy_eval(vm, "import math", NULL), ALPY_OK);
    CHECK(alpy_get_float(vm, "math.pi", &x) == ALPY_OK && x == 3.141592653589793);
    CHECK(alpy_get_value(vm, "len", &v) == ALPY_OK && v.kind == ALPY_OTHER);
    CHECK_TEXT(v.u.type, "builtin_function_or_method");
    CHECK_STATUS(alpy_release(vm, &v), ALPY_OK);
    CHECK_STATUS(alpy_get_float(vm, "math.nope", &x), ALPY_ERROR);
    CHECK_TEXT(alpy_error(vm)->type, "AttributeError");
}

static void numpy_scalars(alpy_vm *vm)
{
    static const struct { const char *text; alpy_kind kind; alpy_dtype dtype; } row[] = {
        { "np.bool_(True)", ALPY_BOOL, ALPY_BOOL8 },
        { "np.int8(-5)", ALPY_INT, ALPY_INT8 },
        { "np.int16(-5)", ALPY_INT, ALPY_INT16 },
        { "np.int32(-5)", ALPY_INT, ALPY_INT32 },
        { "np.int64(-5)", ALPY_INT, ALPY_INT64 },
        { "np.uint8(250)", ALPY_INT, ALPY_UINT8 },
        { "np.uint16(5)", ALPY_INT, ALPY_UINT16 },
        { "np.uint32(5)", ALPY_INT, ALPY_UINT32 },
        { "np.float32(0.1)", ALPY_FLOAT, ALPY_FLOAT32 },
        { "np.float64(0.1)", ALPY_FLOAT, ALPY_FLOAT64 },
        { "np.complex64(1+2j)", ALPY_COMPLEX, ALPY_COMPLEX64 },
        { "np.complex128(1+2j)", ALPY_COMPLEX, ALPY_COMPLEX128 },
        { "np.uint64(18446744073709551615)", ALPY_INT, ALPY_UINT64 },
    };
    CHECK_STATUS(alpy_eval(vm, "import numpy as np", NULL), ALPY_OK);
    for (size_t k = 0; k < sizeof row / sizeof row[0]; k++) {
        char text[256];
        alpy_value v;
        bool same;
        if (row[k].dtype == ALPY_UINT64)
            snprintf(text, sizeof text, "v = np.uint64(9223372036854775807) * np.uint64(2) + np.uint64(1)");
        else
            snprintf(text, sizeof text, "v = %s", row[k].text);
        CHECK_STATUS(alpy_eval(vm, text, NULL), ALPY_OK);
        CHECK_STATUS(alpy_get_value(vm, "v", &v), ALPY_OK);
        CHECK(v.kind == row[k].kind && v.dtype == row[k].dtype);
        /* and back: the same type and value */
        CHECK_STATUS(alpy_set_value(vm, "w", &v), ALPY_OK);
        CHECK_STATUS(alpy_release(vm, &v), ALPY_OK);
        CHECK_STATUS(alpy_eval(vm, "same = bool(v == w) and v.dtype == w.dtype", NULL), ALPY_OK);
        CHECK(alpy_get_bool(vm, "same", &same) == ALPY_OK && same);
    }
    alpy_value v;
    int64_t i;
    CHECK(alpy_get_value(vm, "v", &v) == ALPY_OK && (uint64_t)v.u.i == UINT64_MAX);
    CHECK_STATUS(alpy_get_int(vm, "v", &i), ALPY_ERROR);
    CHECK_TEXT(alpy_error(vm)->type, "OverflowError");

    alpy_value bad = { .kind = ALPY_INT, .dtype = ALPY_INT8, .u.i = 128 };
    CHECK_STATUS(alpy_set_value(vm, "v", &bad), ALPY_USAGE);
    CHECK_TEXT(alpy_error(vm)->text, "number does not fit into its dtype");
    bad = (alpy_value){ .kind = ALPY_INT, .dtype = ALPY_UINT32, .u.i = -1 };
    CHECK_STATUS(alpy_set_value(vm, "v", &bad), ALPY_USAGE);
    bad = (alpy_value){ .kind = ALPY_FLOAT, .dtype = ALPY_INT8, .u.f = 1 };
    CHECK_STATUS(alpy_set_value(vm, "v", &bad), ALPY_USAGE);
    bad = (alpy_value){ .kind = ALPY_INT, .dtype = (alpy_dtype)99, .u.i = 1 };
    CHECK_STATUS(alpy_set_value(vm, "v", &bad), ALPY_USAGE);
    bad = (alpy_value){ .kind = (alpy_kind)99 };
    CHECK_STATUS(alpy_set_value(vm, "v", &bad), ALPY_USAGE);
    bad = (alpy_value){ .kind = ALPY_OTHER };
    CHECK_STATUS(alpy_set_value(vm, "v", &bad), ALPY_USAGE);
}

static void others(alpy_vm *vm)
{
    alpy_value list, item, text, again;
    int64_t n;
    CHECK_STATUS(alpy_eval(vm, "l = [1, 'two', [3.5]]", NULL), ALPY_OK);
    CHECK(alpy_get_value(vm, "l", &list) == ALPY_OK && list.kind == ALPY_OTHER);
    CHECK_TEXT(list.u.type, "list");
    CHECK(alpy_len(vm, &list, &n) == ALPY_OK && n == 3);
    CHECK(alpy_item(vm, &list, 0, &item) == ALPY_OK && item.kind == ALPY_INT && item.u.i == 1);
    CHECK(alpy_item(vm, &list, -2, &item) == ALPY_OK && item.kind == ALPY_STR);
    CHECK_TEXT(item.u.s.text, "two");
    CHECK_STATUS(alpy_release(vm, &item), ALPY_OK);
    CHECK_STATUS(alpy_item(vm, &list, 3, &item), ALPY_ERROR);
    CHECK(item.kind == ALPY_NONE);
    CHECK_TEXT(alpy_error(vm)->type, "IndexError");
    CHECK(alpy_repr(vm, &list, &text) == ALPY_OK);
    CHECK_TEXT(text.u.s.text, "[1, 'two', [3.5]]");
    CHECK_STATUS(alpy_release(vm, &text), ALPY_OK);

    /* it is the program's own list, kept alive by the host */
    CHECK_STATUS(alpy_set_value(vm, "l2", &list), ALPY_OK);
    CHECK_STATUS(alpy_eval(vm, "l2.append(4)\ndel l, l2", NULL), ALPY_OK);
    CHECK(alpy_len(vm, &list, &n) == ALPY_OK && n == 4);
    again = list;
    CHECK_STATUS(alpy_release(vm, &list), ALPY_OK);
    CHECK_STATUS(alpy_len(vm, &again, &n), ALPY_USAGE);
    CHECK_STATUS(alpy_release(vm, &again), ALPY_USAGE);
    CHECK_TEXT(alpy_error(vm)->text, "value was released already, or made by hand");

    alpy_value items[3] = { { .kind = ALPY_INT, .u.i = 7 }, { .kind = ALPY_NONE } };
    items[2] = (alpy_value){ .kind = ALPY_STR, .u.s = { "nul\0inside", 10 } };
    CHECK_STATUS(alpy_make_tuple(vm, items, 3, &list), ALPY_OK);
    CHECK_STATUS(alpy_set_value(vm, "t", &list), ALPY_OK);
    CHECK_STATUS(alpy_release(vm, &list), ALPY_OK);
    CHECK_STATUS(alpy_eval(vm, "assert t == (7, None, 'nul\\0inside')", NULL), ALPY_OK);
    items[1] = (alpy_value){ .kind = ALPY_OTHER, .ref = 12345 };
    CHECK_STATUS(alpy_make_tuple(vm, items, 3, &list), ALPY_USAGE);
    CHECK_STATUS(alpy_make_tuple(vm, NULL, 0, &list), ALPY_OK);
    CHECK(alpy_len(vm, &list, &n) == ALPY_OK && n == 0);
    CHECK_STATUS(alpy_release(vm, &list), ALPY_OK);

    CHECK_STATUS(alpy_make_str(vm, "ab\xff", 3, &text), ALPY_USAGE);
    CHECK_STATUS(alpy_make_str(vm, "\xed\xa0\x80", 3, &text), ALPY_USAGE);
    CHECK_STATUS(alpy_make_str(vm, "\xc0\x80", 2, &text), ALPY_USAGE);
    CHECK_STATUS(alpy_make_str(vm, "\xf0\x9f\x98\x80", 4, &text), ALPY_OK);
    CHECK_STATUS(alpy_release(vm, &text), ALPY_OK);
    CHECK_STATUS(alpy_make_str(vm, NULL, 0, &text), ALPY_OK);
    CHECK_STATUS(alpy_release(vm, &text), ALPY_OK);
}

static void wrong_use(alpy_vm *vm)
{
    alpy_value v = { .kind = ALPY_NONE };
    int64_t i;
    double x;
    CHECK_STATUS(alpy_open(NULL, NULL), ALPY_USAGE);
    alpy_vm *none = vm;
    alpy_config config = { .struct_size = 3 };
    CHECK_STATUS(alpy_open(&none, &config), ALPY_USAGE);
    CHECK(none == NULL);
    alpy_config_init(&config);
    config.max_seconds = NAN;
    CHECK_STATUS(alpy_open(&none, &config), ALPY_USAGE);
    alpy_config_init(&config);
    config.argc = 1;
    CHECK_STATUS(alpy_open(&none, &config), ALPY_USAGE);
    struct { alpy_config known; int later; } newer = { .later = 0 };
    alpy_config_init(&newer.known);
    newer.known.struct_size = sizeof newer;
    CHECK_STATUS(alpy_open(&none, &newer.known), ALPY_OK);
    CHECK_STATUS(alpy_close(none), ALPY_OK);
    newer.later = 1;
    CHECK_STATUS(alpy_open(&none, &newer.known), ALPY_USAGE);

    CHECK_STATUS(alpy_close(NULL), ALPY_OK);
    CHECK_STATUS(alpy_eval(NULL, "1", NULL), ALPY_USAGE);
    CHECK_STATUS(alpy_eval(vm, NULL, NULL), ALPY_USAGE);
    CHECK_TEXT(alpy_error(vm)->text, "source is NULL");
    CHECK(alpy_error(vm)->status == ALPY_USAGE);
    CHECK_STATUS(alpy_eval_file(vm, NULL), ALPY_USAGE);
    CHECK_STATUS(alpy_eval_prompt(vm, NULL, NULL), ALPY_USAGE);
    CHECK_STATUS(alpy_set_int(vm, NULL, 1), ALPY_USAGE);
    CHECK_STATUS(alpy_set_int(vm, "", 1), ALPY_USAGE);
    CHECK_STATUS(alpy_set_int(vm, "\xff", 1), ALPY_USAGE);
    CHECK_STATUS(alpy_set_str(vm, "s", NULL), ALPY_USAGE);
    CHECK_STATUS(alpy_set_value(vm, "s", NULL), ALPY_USAGE);
    CHECK_STATUS(alpy_set_array(vm, "s", NULL), ALPY_USAGE);
    CHECK_STATUS(alpy_get_int(vm, NULL, &i), ALPY_USAGE);
    CHECK_STATUS(alpy_get_int(vm, "x", NULL), ALPY_USAGE);
    CHECK_STATUS(alpy_get_complex(vm, "x", &x, NULL), ALPY_USAGE);
    CHECK_STATUS(alpy_get_value(vm, "x", NULL), ALPY_USAGE);
    CHECK_STATUS(alpy_call(vm, NULL, NULL, 0, NULL), ALPY_USAGE);
    CHECK_STATUS(alpy_call(vm, "abs", NULL, 1, NULL), ALPY_USAGE);
    CHECK_STATUS(alpy_call(vm, "abs", &v, -1, NULL), ALPY_USAGE);
    CHECK_STATUS(alpy_call_value(vm, NULL, NULL, 0, NULL), ALPY_USAGE);
    CHECK_STATUS(alpy_len(vm, NULL, &i), ALPY_USAGE);
    CHECK_STATUS(alpy_repr(vm, &v, NULL), ALPY_USAGE);
    CHECK_STATUS(alpy_make_str(vm, "a", 1, NULL), ALPY_USAGE);
    CHECK_STATUS(alpy_delete(vm, NULL), ALPY_USAGE);
    CHECK_STATUS(alpy_register(vm, NULL, 1), ALPY_USAGE);
    CHECK_STATUS(alpy_raise(vm, "ValueError", "x"), ALPY_USAGE);
    CHECK_STATUS(alpy_complete(vm, NULL, NULL, NULL), ALPY_USAGE);
    CHECK_STATUS(alpy_dump(vm, "nothing", "1", 1, NULL), ALPY_USAGE);
    CHECK_STATUS(alpy_set_limits(vm, 0, -1), ALPY_USAGE);
    CHECK_STATUS(alpy_release(vm, NULL), ALPY_OK);
    CHECK_STATUS(alpy_release(NULL, NULL), ALPY_OK);
    CHECK_STATUS(alpy_release_array(vm, NULL), ALPY_OK);
    alpy_interrupt(NULL);
    alpy_clear_interrupt(NULL);
    CHECK(alpy_error(NULL)->status == ALPY_USAGE);
    CHECK_TEXT(alpy_status_name(ALPY_LIMIT), "ALPY_LIMIT");
    CHECK_TEXT(alpy_status_name((alpy_status)77), "?");
    CHECK_TEXT(alpy_version(), ALPY_VERSION);
    char about[1600], few[8];
    alpy_about(about, sizeof about);
    CHECK(strncmp(about, "CPU: ", 5) == 0 && strstr(about, "\nGPU: ") && about[strlen(about) - 1] == '\n');
    alpy_about(few, sizeof few);
    CHECK(strlen(few) == sizeof few - 1 && strncmp(few, about, sizeof few - 1) == 0);
    alpy_about(NULL, 100);
    CHECK_STATUS(alpy_eval(vm, "still = 'usable'", NULL), ALPY_OK);
}

/* What the host forgets to release goes with the interpreter. */
static void forgotten(void)
{
    Heap heap = { 0 };
    alpy_config config;
    alpy_config_init(&config);
    config.realloc_fn = heap_realloc;
    config.user = &heap;
    alpy_vm *vm = open_vm(&config);
    CHECK_STATUS(
        alpy_eval(vm, "import numpy as np\na = np.zeros((100, 3))\nl = []\nl.append(l)\ndef f(): return f\n", NULL),
        ALPY_OK);
    static const char *const name[] = { "a", "l", "f", "np", "print" };
    for (int k = 0; k < 100; k++) {
        alpy_value v;
        CHECK(alpy_get_value(vm, name[k % 5], &v) == ALPY_OK);
    }
    CHECK(heap.used > 0);
    CHECK_STATUS(alpy_close(vm), ALPY_OK);
    CHECK(heap.used == 0 && heap.blocks == 0);
    CHECK(heap.lied == 0);
}

int main(void)
{
    alpy_vm *vm = open_vm(NULL);
    scalars(vm);
    paths(vm);
    numpy_scalars(vm);
    others(vm);
    wrong_use(vm);
    CHECK_STATUS(alpy_close(vm), ALPY_OK);
    forgotten();
    return report();
}
