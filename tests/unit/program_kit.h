/* tests/unit/program_kit.h — whole programs run in different ways must leave the same: output, exception, and the bytes of all variables. */
#ifndef ALP_TESTS_PROGRAM_KIT_H
#define ALP_TESTS_PROGRAM_KIT_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dsl/parse.h"
#include "interp/module.h"
#include "interp/ops.h"
#include "interp/residency.h"
#include "interp/str.h"

/* What the program has printed; more than fits is not compared. */
typedef struct Output { char text[1 << 16]; size_t n; } Output;

static int keep_output(void *user, int stream, const char *text, size_t size)
{
    Output *o = user;
    if (o->n + size < sizeof o->text) {
        memcpy(o->text + o->n, text, size);
        o->n += size;
    }
    return 0;
}

/* ---- results ----------------------------------------------------------------------------------------------------------- */

typedef struct Result { char *text; size_t size, cap, n_text; /* bytes of output, before the variables */ } Result;

static void put(Result *r, const void *bytes, size_t n)
{
    if (r->size + n + 1 > r->cap) {
        r->cap = 2 * (r->size + n) + 256;
        r->text = realloc(r->text, r->cap);
    }
    memcpy(r->text + r->size, bytes, n);
    r->size += n;
    r->text[r->size] = 0;
}

static void put_part(Result *r, bool single, const char *p)
{
    double d;
    float f;
    static const double nan = NAN;
    if (single) {
        memcpy(&f, p, 4);
        d = (double)f;
    } else {
        memcpy(&d, p, 8);
    }
    put(r, d != d ? &nan : &d, 8);
}

static void put_element(Result *r, DType d, const char *p)
{
    switch (d) {
    case DT_F32: case DT_F64:   put_part(r, d == DT_F32, p); break;
    case DT_C64: case DT_C128:
        put_part(r, d == DT_C64, p);
        put_part(r, d == DT_C64, p + dtype_info[d].size / 2);
        break;
    default:                    put(r, p, dtype_info[d].size); break;
    }
}

static void put_array(Result *r, const Array *a)
{
    int64_t index[ALP_MAX_NDIM] = { 0 };
    put(r, a->shape, a->ndim * sizeof *a->shape);
    for (int64_t k = 0; k < a->size; k++) {
        const char *p = a->data;
        for (int d = 0; d < a->ndim; d++)
            p += index[d] * a->strides[d];
        put_element(r, (DType)a->dtype, p);
        for (int d = a->ndim - 1; d >= 0 && ++index[d] == a->shape[d]; d--)
            index[d] = 0;
    }
}

static void put_value(Result *r, Value v)
{
    double part[2];
    put(r, &v.tag, sizeof v.tag);
    switch ((Tag)v.tag) {
    case T_Array:
        put_array(r, ARRAY(v));
        break;
    case T_Float: case T_NpF64: case T_NpF32: case T_Complex: case T_NpC128: case T_NpC64:
        value_as_complex(v, &part[0], &part[1]);
        put_part(r, false, (char *)&part[0]);
        put_part(r, false, (char *)&part[1]);
        break;
    case T_Bool:
    case T_Int:
    case T_NpBool:
    case T_NpI8:
    case T_NpI16:
    case T_NpI32:
    case T_NpI64:
    case T_NpU8:
    case T_NpU16:
    case T_NpU32:
    case T_NpU64: put(r, &v.u.u, 8); break;
    default:
        break;                  /* functions, modules, lists: their contents are in the output if at all */
    }
}

/* Runs the program, whose output goes to *out. */
static bool run_in(VM *vm, const char *text, Output *out, Result *traceback)
{
    vm->write_fn = keep_output;
    vm->io_user = out;
    RunStatus s = vm_run(vm, vm->main, "t.alp", text, strlen(text), PM_File);
    if (s == RUN_EXC) {
        Value v = vm_format_traceback(vm);
        put(traceback, STR(v)->text, STR(v)->size);
        value_free(vm, v);
        vm_clear_exc(vm);
    }
    vm_flush(vm);
    return s != RUN_EXC;
}

static void put_variable(Result *r, VM *vm, uint32_t i)
{
    if (value_to_host(vm, vm->main->slots[i], HOST_Read) != ALP_OK)
        printf("FAIL: an array does not come back\n");
    put_value(r, vm->main->slots[i]);
}

/* … and all that it leaves. */
static Result result_in(VM *vm, const char *text, Output *out)
{
    Result r = { 0 };
    run_in(vm, text, out, &r);
    put(&r, out->text, out->n);
    r.n_text = r.size;
    for (uint32_t i = 0; i < vm->main->names.count; i++)
        put_variable(&r, vm, i);
    return r;
}

/* Which variables differ, for people; `who` is the second one's name. */
static void show_differences(VM *a, VM *b, const char *who)
{
    for (uint32_t i = 0; i < a->main->names.count; i++) {
        Result x = { 0 }, y = { 0 };
        put_variable(&x, a, i);
        put_variable(&y, b, i);
        if (x.size != y.size || memcmp(x.text, y.text, x.size)) {
            size_t at = 0;
            while (at < x.size && at < y.size && x.text[at] == y.text[at])
                at++;
            printf("  %s differs at byte %zu of %zu", intern_text(a->names, a->main->names.name[i]), at, x.size);
            at = 8 + (at - 8) / 8 * 8;
            if (at + 8 <= x.size && at + 8 <= y.size) {
                double d[2];
                int64_t n[2];
                memcpy(&d[0], x.text + at, 8);
                memcpy(&d[1], y.text + at, 8);
                memcpy(n, d, sizeof n);
                printf(": %.17g, %s %.17g (as integers %" PRId64 ", %" PRId64 ")", d[0], who, d[1], n[0], n[1]);
            }
            printf("\n");
        }
        free(x.text);
        free(y.text);
    }
}

/* ---- programs ---------------------------------------------------------------------------------------------------------- */

/* Those of a file ("-": the standard input), which lines "#---" separate. */
static bool each_program(const char *path, void (*run)(const char *text))
{
    FILE *in = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
    char line[4096];
    Result text = { 0 };
    if (!in) {
        perror(path);
        return false;
    }
    for (bool more = true; more;) {
        more = fgets(line, sizeof line, in) != NULL;
        if (more && strcmp(line, "#---\n") != 0) {
            put(&text, line, strlen(line));
        } else {
            if (text.size)
                run(text.text);
            text.size = 0;
        }
    }
    free(text.text);
    if (in != stdin)
        fclose(in);
    return true;
}

#endif
