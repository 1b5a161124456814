/* interp/textio.c — numpy.savetxt: an array as lines of text, each row formatted with Python's % operator. */
#include "interp/textio.h"

#include <string.h>

#include "interp/array.h"
#include "interp/fileio.h"
#include "interp/format.h"
#include "interp/numpy_rows.h"
#include "interp/reduce.h"
#include "interp/seq.h"
#include "interp/str.h"

/* The array as two axes: a 1-d one is a column.  The rows' format goes with it. */
typedef struct Table {
    const Array *a;
    int64_t rows, columns, row_stride, column_stride;
    bool    complex_parts;      /* two format arguments per element */
    Value   format;             /* Str */
} Table;

static Status put_joined(StrBuf *sb, const Value *items, int64_t n, const Str *delimiter)
{
    for (int64_t i = 0; i < n; i++) {
        if (i > 0)
            sb_put(sb, delimiter->text, delimiter->size);
        sb_put(sb, STR(items[i])->text, STR(items[i])->size);
    }
    return sb->failed ? ALP_FAIL : ALP_OK;
}

/* delimiter.join(fmt) of a list or tuple. */
static Value format_of_list(VM *vm, Value fmt, const Table *t, const Str *delimiter)
{
    const Value *items = fmt.tag == T_List ? LIST(fmt)->item : TUPLE(fmt)->item;
    size_t n = fmt.tag == T_List ? LIST(fmt)->count : TUPLE(fmt)->count;
    if ((int64_t)n != t->columns) {
        Value text = value_str(vm, fmt);
        if (!IS_ERR(text))
            raise(vm, TY_AttributeError, "fmt has wrong shape.  %s", STR(text)->text);
        value_free(vm, text);
        return V_ERR;
    }
    for (size_t i = 0; i < n; i++) {
        if (items[i].tag != T_Str)
            return raise(vm, TY_TypeError, "sequence item %zu: expected str instance, %s found", i, value_type_name(items[i]));
    }
    StrBuf sb;
    sb_init(&sb, vm);
    put_joined(&sb, items, t->columns, delimiter);
    return sb_finish(&sb);
}

/* One conversion serves for every column; as many as there are columns are a format for the row. */
static Value format_of_str(VM *vm, Value fmt, const Table *t, const Str *delimiter)
{
    const Str *s = STR(fmt);
    int64_t n = 0;
    for (size_t i = 0; i < s->size; i++)
        n += s->text[i] == '%';
    if (n != 1) {
        if (n != (t->complex_parts ? 2 * t->columns : t->columns))
            return raise(vm, TY_ValueError, "fmt has wrong number of %% formats:  %s", s->text);
        return value_ref(fmt);
    }
    StrBuf sb;
    sb_init(&sb, vm);
    for (int64_t i = 0; i < t->columns && !sb.failed; i++) {
        if (i > 0)
            sb_put(&sb, delimiter->text, delimiter->size);
        if (t->complex_parts)
            sb_putz(&sb, " (");
        sb_put(&sb, s->text, s->size);
        if (t->complex_parts) {
            sb_putz(&sb, "+");
            sb_put(&sb, s->text, s->size);
            sb_putz(&sb, "j)");
        }
    }
    return sb_finish(&sb);
}

static Status table_init(VM *vm, Table *t, const Array *a, Value fmt, const Str *delimiter)
{
    t->a = a;
    t->format = V_UNBOUND;
    if (a->ndim == 0 || a->ndim > 2) {
        raise(vm, TY_ValueError, "Expected 1D or 2D array, got %dD array instead", a->ndim);
        return ALP_FAIL;
    }
    t->rows = a->shape[0];
    t->row_stride = a->strides[0];
    t->columns = a->ndim == 2 ? a->shape[1] : 1;
    t->column_stride = a->ndim == 2 ? a->strides[1] : 0;
    t->complex_parts = dtype_info[a->dtype].kind == 'c';
    if (fmt.tag == T_Str) {
        t->format = format_of_str(vm, fmt, t, delimiter);
    } else if (fmt.tag == T_List || fmt.tag == T_Tuple) {
        t->format = format_of_list(vm, fmt, t, delimiter);
    } else {
        Value text = value_repr(vm, fmt);
        if (!IS_ERR(text))
            raise(vm, TY_ValueError, "invalid fmt: %s", STR(text)->text);
        value_free(vm, text);
        t->format = V_ERR;
    }
    return IS_ERR(t->format) ? ALP_FAIL : ALP_OK;
}

/* The elements of a row as the format's arguments; args has room for them, and held scalars before. */
static Status load_row(VM *vm, const Table *t, int64_t row, Tuple *args)
{
    DType d = (DType)t->a->dtype, part = d == DT_C64 ? DT_F32 : DT_F64;
    const char *p = t->a->data + row * t->row_stride;
    for (int64_t i = 0; i < t->columns; i++, p += t->column_stride) {
        if (t->complex_parts) {
            args->item[2 * i] = array_load(vm, part, p);
            args->item[2 * i + 1] = array_load(vm, part, p + dtype_info[part].size);
        } else {
            args->item[i] = array_load(vm, d, p);
        }
    }
    return ALP_OK;
}

/* The text, with "+-" written as "-" where a complex number asks for it. */
static Status write_row(OutFile *f, const Str *text, bool drop_plus)
{
    const char *p = text->text, *end = p + text->size, *at;
    while (drop_plus && (at = memmem(p, (size_t)(end - p), "+-", 2)) != NULL) {
        TRY(outfile_write(f, p, (size_t)(at - p)));
        TRY(outfile_write(f, "-", 1));
        p = at + 2;
    }
    return outfile_write(f, p, (size_t)(end - p));
}

static Status write_rows(VM *vm, OutFile *f, const Table *t, const Str *newline)
{
    Value args = tuple_new(vm, NULL, (size_t)(t->complex_parts ? 2 * t->columns : t->columns));
    Status ok = IS_ERR(args) ? ALP_FAIL : ALP_OK;
    for (int64_t row = 0; ok == ALP_OK && row < t->rows; row++) {
        load_row(vm, t, row, TUPLE(args));
        Value text = str_format_percent(vm, t->format, args);
        if (IS_ERR(text)) {
            if (vm->exc_type == TY_TypeError && !t->complex_parts) {
                vm_clear_exc(vm);
                raise(vm, TY_TypeError, "Mismatch between array dtype ('%s') and format specifier ('%s')",
                      dtype_info[t->a->dtype].name, STR(t->format)->text);
            }
            ok = ALP_FAIL;
        } else {
            ok = write_row(f, STR(text), t->complex_parts);
            value_free(vm, text);
        }
        if (ok == ALP_OK)
            ok = outfile_write(f, newline->text, newline->size);
        if (ok == ALP_OK && vm->attention)
            ok = vm_poll(vm);
    }
    value_free(vm, args);
    return ok;
}

/* A header or footer: each of its lines behind `comments`. */
static Status write_note(OutFile *f, const Str *note, const Str *comments, const Str *newline)
{
    const char *p = note->text, *end = p + note->size;
    if (p == end)
        return ALP_OK;
    for (;;) {
        const char *stop = memchr(p, '\n', (size_t)(end - p));
        size_t size = (size_t)((stop ? stop + 1 : end) - p);
        TRY(outfile_write(f, comments->text, comments->size));
        TRY(outfile_write(f, p, size));
        p += size;
        if (!stop)
            return outfile_write(f, newline->text, newline->size);
    }
}

enum { A_FNAME, A_X, A_FMT, A_DELIMITER, A_NEWLINE, A_HEADER, A_FOOTER, A_COMMENTS, A_ENCODING };

static Status save_table(VM *vm, OutFile *f, const Array *a, const Value text[A_COMMENTS + 1])
{
    Table t;
    Status ok = table_init(vm, &t, a, text[A_FMT], STR(text[A_DELIMITER]));
    if (ok == ALP_OK)
        ok = write_note(f, STR(text[A_HEADER]), STR(text[A_COMMENTS]), STR(text[A_NEWLINE]));
    if (ok == ALP_OK)
        ok = write_rows(vm, f, &t, STR(text[A_NEWLINE]));
    if (ok == ALP_OK)
        ok = write_note(f, STR(text[A_FOOTER]), STR(text[A_COMMENTS]), STR(text[A_NEWLINE]));
    value_free(vm, t.format);
    return ok;
}

static Status check_text(VM *vm, int k, Value v)
{
    if (v.tag == T_Str || k == A_FMT)
        return ALP_OK;
    if (k == A_DELIMITER)
        raise(vm, TY_AttributeError, "'%s' object has no attribute 'join'", value_type_name(v));
    else if (k == A_HEADER || k == A_FOOTER)
        raise(vm, TY_TypeError, "object of type '%s' has no len()", value_type_name(v));
    else
        raise(vm, TY_TypeError, "can only concatenate str (not \"%s\") to str", value_type_name(v));
    return ALP_FAIL;
}

static Value np_savetxt(VM *vm, const Args *args)
{
    static const char *const defaults[] = { [A_FMT] = "%.18e", [A_DELIMITER] = " ", [A_NEWLINE] = "\n", [A_HEADER] = "",
        [A_FOOTER] = "", [A_COMMENTS] = "# " };
    const char *path;
    if (args->v[A_FNAME].tag != T_Str)
        return raise(vm, TY_ValueError, "fname must be a string or file handle");
    if (path_arg(vm, args->v[A_FNAME], &path) != ALP_OK || text_encoding_arg(vm, args->v[A_ENCODING]) != ALP_OK)
        return V_ERR;
    Value text[A_COMMENTS + 1];
    Status ok = ALP_OK;
    for (int k = 0; k <= A_COMMENTS; k++)
        text[k] = V_UNBOUND;
    for (int k = A_FMT; ok == ALP_OK && k <= A_COMMENTS; k++) {
        text[k] = args->v[k].tag == T_Unbound ? str_z(vm, defaults[k]) : value_ref(args->v[k]);
        ok = IS_ERR(text[k]) ? ALP_FAIL : check_text(vm, k, text[k]);
    }
    Value a = ok == ALP_OK ? array_from_value(vm, args->v[A_X], DT_COUNT) : V_ERR;
    OutFile f;
    ok = ALP_FAIL;
    if (!IS_ERR(a) && outfile_open(vm, &f, path) == ALP_OK)
        ok = outfile_close(&f, save_table(vm, &f, ARRAY(a), text) != ALP_OK);
    value_free(vm, a);
    for (int k = 0; k <= A_COMMENTS; k++)
        value_free(vm, text[k]);
    return ok == ALP_OK ? V_NONE : V_ERR;
}

const NativeRow textio_numpy_rows[] = {
    { "savetxt", np_savetxt, "fname, X, fmt=, delimiter=, newline=, header=, footer=, comments=, encoding=", "Save an array as text." },
    { "loadtxt", np_loadtxt, "fname, dtype=, comments=, delimiter=, converters=, skiprows=, usecols=, unpack=, ndmin=, encoding=, "
      "max_rows=", "Load an array from text." },
    { 0 },
};
