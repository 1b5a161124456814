/* tests/api/test_arrays.c — arrays lent to programs and views got from them: dtypes, strides, read-only, release. */
#include "check.h"

static int n_released;
static void *released_data;

static void count_release(void *user, void *data)
{
    n_released += *(int *)user;
    released_data = data;
}

static int one = 1;

static void in_place(alpy_vm *vm)
{
    double x[2][3] = { { 1, 2, 3 }, { 4, 5, 6 } };
    int64_t shape[] = { 2, 3 };
    alpy_array a = {
        .dtype = ALPY_FLOAT64, .ndim = 2, .shape = shape, .data = x, .release = count_release, .user = &one
    };
    n_released = 0;
    CHECK_STATUS(alpy_set_array(vm, "x", &a), ALPY_OK);
    shape[0] = 77;              /* copied */
    CHECK_STATUS(
        alpy_eval(
            vm, "assert x.shape == (2, 3)\nfor i in range(2):\n    for j in range(3):\n        x[i, j] = 10 * i + j\n",
            NULL),
        ALPY_OK);
    CHECK(x[0][2] == 2 && x[1][0] == 10 && x[1][2] == 12);
    x[1][1] = 99;
    double y;
    CHECK(alpy_eval(vm, "y = float(x[1, 1])", NULL) == ALPY_OK && alpy_get_float(vm, "y", &y) == ALPY_OK && y == 99);
    /* views keep it */
    CHECK_STATUS(alpy_eval(vm, "row = x[1]\nl = [row]\nx = None\nrow = None\n", NULL), ALPY_OK);
    CHECK(n_released == 0);
    CHECK_STATUS(alpy_eval(vm, "l[0][0] = -1\nl = None", NULL), ALPY_OK);
    CHECK(n_released == 1 && released_data == x);
    CHECK(x[1][0] == -1);
}

static void strided(alpy_vm *vm)
{
    int32_t x[10] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 };
    int64_t shape[] = { 5 }, strides[] = { -8 };
    alpy_array a = { .dtype = ALPY_INT32,
                     .ndim = 1,
                     .shape = shape,
                     .strides = strides,
                     .data = &x[9],
                     .release = count_release,
                     .user = &one };
    n_released = 0;
    CHECK_STATUS(alpy_set_array(vm, "x", &a), ALPY_OK);
    CHECK_STATUS(
        alpy_eval(vm, "assert x.tolist() == [9, 7, 5, 3, 1]\nassert x.strides == (-8,)\nx[::-1] *= 10\n", NULL),
        ALPY_OK);
    CHECK(x[9] == 90 && x[1] == 10 && x[8] == 8);
    CHECK_STATUS(alpy_set_none(vm, "x"), ALPY_OK);
    CHECK(n_released == 1 && released_data == &x[9]);

    /* stride 0: one row seen many times; column order; not aligned */
    int64_t shape2[] = { 3, 2 }, zero[] = { 0, 4 }, fortran[] = { 4, 12 };
    a = (alpy_array){ .dtype = ALPY_INT32, .ndim = 2, .shape = shape2, .strides = zero, .data = x };
    CHECK_STATUS(alpy_set_array(vm, "x", &a), ALPY_OK);
    CHECK_STATUS(alpy_eval(vm, "assert x.tolist() == [[0, 10], [0, 10], [0, 10]]", NULL), ALPY_OK);
    a.strides = fortran;
    CHECK_STATUS(alpy_set_array(vm, "x", &a), ALPY_OK);
    CHECK_STATUS(alpy_eval(vm, "assert x.tolist() == [[0, 30], [10, 4], [2, 50]], x.tolist()", NULL), ALPY_OK);
    char bytes[17];
    double pi = 3.14;
    memcpy(bytes + 1, &pi, 8);
    memcpy(bytes + 9, &pi, 8);
    int64_t two[] = { 2 };
    a = (alpy_array){ .dtype = ALPY_FLOAT64, .ndim = 1, .shape = two, .data = bytes + 1 };
    CHECK_STATUS(alpy_set_array(vm, "x", &a), ALPY_OK);
    CHECK_STATUS(alpy_eval(vm, "x[0] += 1.5\nassert (x + x).tolist() == [2 * (3.14 + 1.5), 6.28]", NULL), ALPY_OK);
    memcpy(&pi, bytes + 1, 8);
    CHECK(pi == 3.14 + 1.5);
    CHECK_STATUS(alpy_delete(vm, "x"), ALPY_OK);
}

static void dtypes(alpy_vm *vm)
{
    static const char *const name[] = {
        "bool",   "int8",   "int16",   "int32",   "int64",     "uint8",      "uint16",
        "uint32", "uint64", "float32", "float64", "complex64", "complex128",
    };
    static const int item[] = { 1, 1, 2, 4, 8, 1, 2, 4, 8, 4, 8, 8, 16 };
    for (int d = ALPY_BOOL8; d <= ALPY_COMPLEX128; d++) {
        unsigned char data[48] = { 0 };
        char text[128];
        int64_t shape[] = { 3 };
        alpy_array a = { .dtype = (alpy_dtype)d, .ndim = 1, .shape = shape, .data = data }, got;
        CHECK_STATUS(alpy_set_array(vm, "x", &a), ALPY_OK);
        snprintf(text, sizeof text, "assert str(x.dtype) == '%s', x.dtype\nx[1] = 1\ny = x.copy()\n", name[d - 1]);
        CHECK_STATUS(alpy_eval(vm, text, NULL), ALPY_OK);
        CHECK_STATUS(alpy_get_array(vm, "y", &got), ALPY_OK);
        CHECK((int)got.dtype == d && got.ndim == 1 && got.shape[0] == 3 && got.strides[0] == item[d - 1] &&
              !got.readonly);
        CHECK(memcmp(got.data, data, 3 * (size_t)item[d - 1]) == 0);
        CHECK_STATUS(alpy_release_array(vm, &got), ALPY_OK);
        CHECK_STATUS(alpy_delete(vm, "x"), ALPY_OK);
    }
}

static void readonly(alpy_vm *vm)
{
    static const double x[2] = { 1, 2 };
    int64_t shape[] = { 2 };
    alpy_array a = { .dtype = ALPY_FLOAT64, .ndim = 1, .shape = shape, .data = (void *)(uintptr_t)x, .readonly = true },
               got;
    CHECK_STATUS(alpy_set_array(vm, "x", &a), ALPY_OK);
    CHECK_STATUS(alpy_eval(vm, "x[0] = 3", NULL), ALPY_ERROR);
    CHECK_TEXT(alpy_error(vm)->text, "assignment destination is read-only");
    CHECK_STATUS(alpy_eval(vm, "x += 1", NULL), ALPY_ERROR);
    CHECK_STATUS(alpy_eval(vm, "x[::-1][:1] = 1", NULL), ALPY_ERROR);
    CHECK_STATUS(alpy_eval(vm, "x.sort()", NULL), ALPY_ERROR);
    CHECK_STATUS(alpy_eval(vm, "x.fill(1)", NULL), ALPY_ERROR);
    CHECK_STATUS(alpy_eval(vm, "y = x + 1\ny[0] = 9", NULL), ALPY_OK);
    CHECK(alpy_get_array(vm, "x", &got) == ALPY_OK && got.readonly && got.data == x);
    CHECK_STATUS(alpy_release_array(vm, &got), ALPY_OK);
    CHECK_STATUS(alpy_delete(vm, "x"), ALPY_OK);
}

static void got_views(alpy_vm *vm)
{
    alpy_array a, b;
    CHECK_STATUS(
        alpy_eval(vm, "import numpy as np\nbase = np.arange(12.0).reshape(3, 4)\nview = base[::-1, 1::2]\n", NULL),
        ALPY_OK);
    CHECK_STATUS(alpy_get_array(vm, "view", &a), ALPY_OK);
    CHECK(a.ndim == 2 && a.shape[0] == 3 && a.shape[1] == 2 && a.strides[0] == -32 && a.strides[1] == 16);
    CHECK(*(double *)a.data == 9);
    *(double *)((char *)a.data + a.strides[0] + a.strides[1]) = 100;        /* base[1, 3] */
    CHECK_STATUS(alpy_eval(vm, "assert base[1, 3] == 100\ndel base, view", NULL), ALPY_OK);
    CHECK(((double *)a.data)[2] == 11);                                     /* still there */
    /* lend it again under another name: the same array */
    CHECK_STATUS(alpy_set_array(vm, "again", &a), ALPY_OK);
    b = a;
    CHECK_STATUS(alpy_release_array(vm, &a), ALPY_OK);
    CHECK(a.data == NULL && a.ref == 0);
    CHECK_STATUS(alpy_release_array(vm, &b), ALPY_USAGE);
    CHECK_STATUS(alpy_eval(vm, "assert again[1, 1] == 100\ndel again", NULL), ALPY_OK);

    alpy_value v;
    int64_t shape[] = { 4, 0, 2 }, some[] = { 2, 2 };
    CHECK_STATUS(alpy_make_array(vm, ALPY_INT16, 3, shape, &v), ALPY_OK);
    CHECK(v.kind == ALPY_ARRAY && v.u.a.ndim == 3 && v.u.a.shape[1] == 0);
    CHECK_STATUS(alpy_release(vm, &v), ALPY_OK);
    CHECK_STATUS(alpy_make_array(vm, ALPY_COMPLEX128, 2, some, &v), ALPY_OK);
    ((double *)v.u.a.data)[1] = 5;
    CHECK_STATUS(alpy_set_value(vm, "made", &v), ALPY_OK);
    CHECK_STATUS(alpy_release(vm, &v), ALPY_OK);
    CHECK_STATUS(alpy_eval(vm, "assert made[0, 0] == 5j and made[1, 1] == 0", NULL), ALPY_OK);
    shape[1] = -1;
    CHECK_STATUS(alpy_make_array(vm, ALPY_INT16, 3, shape, &v), ALPY_ERROR);
    shape[1] = INT64_MAX;
    CHECK(alpy_make_array(vm, ALPY_INT16, 3, shape, &v) != ALPY_OK);
    CHECK_STATUS(alpy_make_array(vm, ALPY_INT16, 9, shape, &v), ALPY_USAGE);
    CHECK_STATUS(alpy_make_array(vm, ALPY_NO_DTYPE, 1, some, &v), ALPY_USAGE);

    /* 0-d */
    double x = 2.5;
    a = (alpy_array){ .dtype = ALPY_FLOAT64, .data = &x };
    CHECK_STATUS(alpy_set_array(vm, "zero", &a), ALPY_OK);
    CHECK_STATUS(alpy_eval(vm, "zero[...] = zero * 2", NULL), ALPY_OK);
    CHECK(x == 5);
    CHECK_STATUS(alpy_delete(vm, "zero"), ALPY_OK);
}

static void wrong_arrays(alpy_vm *vm)
{
    double x[4] = { 0 };
    int64_t shape[] = { 2, 2 }, huge[] = { INT64_MAX, 2 }, negative[] = { -1, 2 }, far[] = { INT64_MAX, 8 };
    const alpy_array good = {
        .dtype = ALPY_FLOAT64, .ndim = 2, .shape = shape, .data = x, .release = count_release, .user = &one
    };
    n_released = 0;
    alpy_array a = good;
    a.dtype = ALPY_NO_DTYPE;
    CHECK_STATUS(alpy_set_array(vm, "w", &a), ALPY_USAGE);
    a = good;
    a.dtype = (alpy_dtype)50;
    CHECK_STATUS(alpy_set_array(vm, "w", &a), ALPY_USAGE);
    a = good;
    a.ndim = 9;
    CHECK_STATUS(alpy_set_array(vm, "w", &a), ALPY_USAGE);
    a.ndim = -1;
    CHECK_STATUS(alpy_set_array(vm, "w", &a), ALPY_USAGE);
    a = good;
    a.shape = NULL;
    CHECK_STATUS(alpy_set_array(vm, "w", &a), ALPY_USAGE);
    a.shape = huge;
    CHECK_STATUS(alpy_set_array(vm, "w", &a), ALPY_USAGE);
    a.shape = negative;
    CHECK_STATUS(alpy_set_array(vm, "w", &a), ALPY_USAGE);
    a = good;
    a.strides = far;
    CHECK_STATUS(alpy_set_array(vm, "w", &a), ALPY_USAGE);
    a = good;
    a.data = NULL;
    CHECK_STATUS(alpy_set_array(vm, "w", &a), ALPY_USAGE);
    CHECK_TEXT(alpy_error(vm)->text, "data is NULL");
    CHECK(n_released == 0);
    int64_t none[] = { 0, 5 };
    a.shape = none;
    CHECK_STATUS(alpy_set_array(vm, "w", &a), ALPY_OK);
    CHECK_STATUS(alpy_eval(vm, "assert w.shape == (0, 5) and w.sum() == 0\ndel w", NULL), ALPY_OK);
    CHECK(n_released == 1);
}

/* A release function may not call back, and is called by alpy_close() at the latest. */
static alpy_vm *closing;

static void release_at_close(void *user, void *data)
{
    (void)user, (void)data;
    n_released++;
    CHECK_STATUS(alpy_eval(closing, "x = 1", NULL), ALPY_USAGE);
    CHECK_STATUS(alpy_set_int(closing, "x", 1), ALPY_USAGE);
    CHECK_STATUS(alpy_close(closing), ALPY_USAGE);
}

static void close_releases(void)
{
    double x = 1, y = 2;
    alpy_array a = { .dtype = ALPY_FLOAT64, .data = &x, .release = release_at_close }, got;
    closing = open_vm(NULL);
    n_released = 0;
    CHECK_STATUS(alpy_set_array(closing, "x", &a), ALPY_OK);
    a.data = &y;
    CHECK_STATUS(alpy_set_array(closing, "y", &a), ALPY_OK);
    CHECK_STATUS(alpy_eval(closing, "l = [x]\nl.append(l)\n", NULL), ALPY_OK);
    CHECK_STATUS(alpy_get_array(closing, "x", &got), ALPY_OK);
    CHECK_STATUS(alpy_set_none(closing, "y"), ALPY_OK);
    CHECK(n_released == 1);
    CHECK_STATUS(alpy_close(closing), ALPY_OK);
    CHECK(n_released == 2);
}

int main(void)
{
    alpy_vm *vm = open_vm(NULL);
    in_place(vm);
    strided(vm);
    dtypes(vm);
    readonly(vm);
    got_views(vm);
    wrong_arrays(vm);
    CHECK_STATUS(alpy_close(vm), ALPY_OK);
    close_releases();
    return report();
}
