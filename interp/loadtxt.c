/* interp/loadtxt.c — numpy.loadtxt: lines of text as rows of an array.
 *
 * The file is read whole.  A line ends in LF, CR LF or CR; a comment ends it early; a line without fields is no row.  Without a
 * delimiter, blanks separate fields; with one, every one of them does. */
#include "interp/textio.h"

#include <errno.h>
#include <string.h>

#include "interp/array.h"
#include "interp/fileio.h"
#include "interp/format.h"
#include "interp/reduce.h"
#include "interp/seq.h"
#include "interp/unicode.h"

enum { A_FNAME, A_DTYPE, A_COMMENTS, A_DELIMITER, A_CONVERTERS, A_SKIPROWS, A_USECOLS, A_UNPACK, A_NDMIN, A_ENCODING, A_MAX_ROWS };

typedef struct Field { const char *text; size_t size; } Field;

typedef struct Loader {
    VM      *vm;
    DType    dtype;
    Value    comments;          /* tuple of str */
    const Str *delimiter;       /* NULL: blanks */
    int64_t *columns;           /* usecols; NULL: all */
    int64_t  n_columns;         /* per row; -1: the first row will tell */
    bool     chosen;            /* by usecols */
    int64_t  skip, max_rows;    /* max_rows -1: no limit */

    Field   *field;             /* of the present line */
    size_t   n_fields, cap_fields;
    char    *data;              /* rows so far */
    size_t   used, cap;
    int64_t  n_rows;
} Loader;

/* ---- arguments ------------------------------------------------------------------------------------------------------ */

static Status count_arg(VM *vm, Value v, int64_t *out)
{
    if (v.tag == T_Unbound)
        return ALP_OK;
    if (arg_int(vm, v, out) != ALP_OK) {
        if (vm->exc_type == TY_TypeError) {
            vm_clear_exc(vm);
            raise(vm, TY_TypeError, "argument must be an integer");
        }
        return ALP_FAIL;
    }
    if (*out >= 0)
        return ALP_OK;
    raise(vm, TY_ValueError, "argument must be nonnegative");
    return ALP_FAIL;
}

static Status comments_arg(VM *vm, Value v, Value *out)
{
    if (v.tag == T_None || v.tag == T_Unbound || v.tag == T_Str) {
        Value one = v.tag == T_Unbound ? str_z(vm, "#") : value_ref(v);
        *out = IS_ERR(one) ? V_ERR : tuple_new(vm, &one, v.tag == T_None ? 0 : 1);
        value_free(vm, one);
    } else {
        *out = seq_to_tuple(vm, v);
    }
    if (IS_ERR(*out))
        return ALP_FAIL;
    for (size_t k = 0; k < TUPLE(*out)->count; k++) {
        Value c = TUPLE(*out)->item[k];
        if (c.tag != T_Str)
            raise(vm, TY_TypeError, "comments must be a str or a sequence of str, not %s", value_type_name(c));
        else if (STR(c)->size == 0)
            raise(vm, TY_ValueError, "comments cannot be an empty string. Use comments=None to disable comments.");
        if (vm_has_exc(vm))
            return ALP_FAIL;
    }
    return ALP_OK;
}

static Status delimiter_arg(Loader *l, Value v)
{
    VM *vm = l->vm;
    if (!arg_given(v))
        return ALP_OK;
    if (v.tag != T_Str || STR(v)->length != 1) {
        Value text = value_repr(vm, v);
        if (!IS_ERR(text))
            raise(vm, TY_TypeError, "Text reading control character must be a single unicode character or None; but got: %s",
                  STR(text)->text);
        value_free(vm, text);
        return ALP_FAIL;
    }
    if (strchr("\r\n", STR(v)->text[0]))
        raise(vm, TY_TypeError, "control character 'delimiter' cannot be a newline (`\\r` or `\\n`).");
    for (size_t k = 0; k < TUPLE(l->comments)->count; k++) {
        if (str_equal(STR(TUPLE(l->comments)->item[k]), STR(v)))
            raise(vm, TY_TypeError, "The values for control characters 'comment' and 'delimiter' are incompatible");
    }
    l->delimiter = STR(v);
    return vm_has_exc(vm) ? ALP_FAIL : ALP_OK;
}

static Status usecols_arg(Loader *l, Value v)
{
    VM *vm = l->vm;
    l->n_columns = -1;
    if (!arg_given(v))
        return ALP_OK;
    bool sequence = v.tag == T_List || v.tag == T_Tuple || v.tag == T_Str || v.tag == T_Range
                    || (v.tag == T_Array && ARRAY(v)->ndim > 0);
    Value list = sequence ? seq_to_tuple(vm, v) : tuple_new(vm, &v, 1);
    if (IS_ERR(list))
        return ALP_FAIL;
    size_t n = TUPLE(list)->count;
    l->columns = vm_alloc(vm, n * sizeof(int64_t));
    l->n_columns = (int64_t)n;
    l->chosen = true;
    for (size_t k = 0; l->columns && k < n; k++) {
        Value c = TUPLE(list)->item[k];
        if (arg_int(vm, c, &l->columns[k]) == ALP_OK)
            continue;
        if (vm->exc_type == TY_TypeError) {
            vm_clear_exc(vm);
            raise(vm, TY_TypeError, "usecols must be an int or a sequence of ints but it contains at least one element of type '%s'",
                  value_type_name(c));
        }
        break;
    }
    value_free(vm, list);
    return vm_has_exc(vm) ? ALP_FAIL : ALP_OK;
}

/* ---- fields --------------------------------------------------------------------------------------------------------- */

/* Size of the white space character at p; 0: it is none. */
static size_t space_size(const char *p, const char *end)
{
    unsigned char c = (unsigned char)*p;
    if (c < 0x80)
        return c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1c && c <= 0x1f);
    size_t at = 0;
    uint32_t cp = utf8_next(p, (size_t)(end - p), &at);
    return uni_flags(cp) & UNI_Space ? at : 0;
}

static Status add_field(Loader *l, const char *text, const char *end)
{
    if (l->n_fields == l->cap_fields) {
        size_t cap = l->cap_fields ? 2 * l->cap_fields : 16;
        Field *grown = vm_realloc(l->vm, l->field, l->cap_fields * sizeof(Field), cap * sizeof(Field));
        if (!grown)
            return ALP_FAIL;
        l->field = grown;
        l->cap_fields = cap;
    }
    l->field[l->n_fields++] = (Field){ text, (size_t)(end - text) };
    return ALP_OK;
}

/* Where the line ends for its reader: at the first comment. */
static const char *cut_comments(const Loader *l, const char *p, const char *end)
{
    for (size_t k = 0; k < TUPLE(l->comments)->count; k++) {
        const Str *c = STR(TUPLE(l->comments)->item[k]);
        const char *at = memmem(p, (size_t)(end - p), c->text, c->size);
        end = at ? at : end;
    }
    return end;
}

static Status split_line(Loader *l, const char *p, const char *end)
{
    l->n_fields = 0;
    end = cut_comments(l, p, end);
    if (l->delimiter) {
        if (p == end)
            return ALP_OK;
        for (const char *at; (at = memmem(p, (size_t)(end - p), l->delimiter->text, l->delimiter->size)); p = at + l->delimiter->size)
            TRY(add_field(l, p, at));
        return add_field(l, p, end);
    }
    while (p < end) {
        size_t space = space_size(p, end);
        if (space) {
            p += space;
            continue;
        }
        const char *start = p;
        while (p < end && !space_size(p, end)) {
            unsigned char c = (unsigned char)*p;
            p += c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
        }
        TRY(add_field(l, start, p));
    }
    return ALP_OK;
}

/* ---- numbers -------------------------------------------------------------------------------------------------------- */

static Field strip(Field f)
{
    const char *p = f.text, *end = p + f.size;
    for (size_t n; p < end && (n = space_size(p, end)); )
        p += n;
    while (end > p) {
        const char *q = end - 1;
        while (q > p && ((unsigned char)*q & 0xc0) == 0x80)
            q--;
        if (!space_size(q, end))
            break;
        end = q;
    }
    return (Field){ p, (size_t)(end - p) };
}

static bool read_signed(Field f, int64_t *out)
{
    size_t i = f.size > 0 && (f.text[0] == '-' || f.text[0] == '+');
    bool minus = i && f.text[0] == '-';
    int64_t v = 0;
    if (i == f.size)
        return false;
    for (; i < f.size; i++) {
        int digit = f.text[i] - '0';
        if (digit < 0 || digit > 9 || __builtin_mul_overflow(v, 10, &v)
            || (minus ? __builtin_sub_overflow(v, digit, &v) : __builtin_add_overflow(v, digit, &v)))
            return false;
    }
    *out = v;
    return true;
}

static bool read_unsigned(Field f, uint64_t *out)
{
    size_t i = f.size > 0 && f.text[0] == '+';
    uint64_t v = 0;
    if (i == f.size)
        return false;
    for (; i < f.size; i++) {
        int digit = f.text[i] - '0';
        if (digit < 0 || digit > 9 || __builtin_mul_overflow(v, 10u, &v) || __builtin_add_overflow(v, (unsigned)digit, &v))
            return false;
    }
    *out = v;
    return true;
}

/* 1.5, 2j, 1.5+2j, any of them in parentheses. */
static bool read_complex(Field f, double out[2])
{
    const char *p = f.text;
    size_t size = f.size, n;
    out[0] = out[1] = 0.0;
    if (size > 1 && p[0] == '(' && p[size - 1] == ')') {
        p++;
        size -= 2;
    }
    double first;
    n = parse_double(p, size, &first);
    if (n == 0)
        return false;
    if (n == size) {
        out[0] = first;
        return true;
    }
    if (p[n] == 'j') {
        out[1] = first;
        return n + 1 == size;
    }
    out[0] = first;
    if (p[n] != '+' && p[n] != '-')
        return false;
    p += n;
    size -= n;
    n = parse_double(p, size, &out[1]);
    return n > 1 && n + 1 == size && p[n] == 'j';
}

/* One field as an element of the dtype; false: it is none. */
static bool convert(DType d, Field f, char *to)
{
    int64_t i, bits;
    uint64_t u;
    double z[2];
    f = strip(f);
    switch (dtype_info[d].kind) {
    case 'b':
        if (!read_signed(f, &i))
            return false;
        *to = i != 0;
        return true;
    case 'i':
        bits = 8 * dtype_info[d].size - 1;
        if (!read_signed(f, &i) || (bits < 63 && (i < -((int64_t)1 << bits) || i >= (int64_t)1 << bits)))
            return false;
        array_cast(d, to, 0, DT_I64, (const char *)&i, 0, 1);
        return true;
    case 'u':
        bits = 8 * dtype_info[d].size;
        if (!read_unsigned(f, &u) || (bits < 64 && u >> bits != 0))
            return false;
        array_cast(d, to, 0, DT_U64, (const char *)&u, 0, 1);
        return true;
    case 'f':
        if (parse_double(f.text, f.size, z) != f.size || f.size == 0)
            return false;
        array_cast(d, to, 0, DT_F64, (const char *)z, 0, 1);
        return true;
    default:
        if (!read_complex(f, z))
            return false;
        array_cast(d, to, 0, DT_C128, (const char *)z, 0, 1);
        return true;
    }
}

/* ---- rows ----------------------------------------------------------------------------------------------------------- */

static Status raise_convert(const Loader *l, Field f, int64_t column)
{
    VM *vm = l->vm;
    Value text = str_new(vm, f.text, f.size), repr = IS_ERR(text) ? V_ERR : value_repr(vm, text);
    value_free(vm, text);
    if (!IS_ERR(repr)) {
        size_t size = STR(repr)->size;          /* at most 100 characters of it */
        size_t at = 0;
        for (int k = 0; k < 100 && at < size; k++)
            utf8_next(STR(repr)->text, size, &at);
        raise(vm, TY_ValueError, "could not convert string %.*s to %s at row %lld, column %lld.", (int)at, STR(repr)->text,
              dtype_info[l->dtype].name, (long long)l->n_rows, (long long)column + 1);
        value_free(vm, repr);
    }
    return ALP_FAIL;
}

/* Room for one more row. */
static Status reserve_row(Loader *l)
{
    size_t need = (size_t)l->n_columns * dtype_info[l->dtype].size;
    if (l->cap - l->used >= need)
        return ALP_OK;
    size_t cap = 2 * l->cap + 8 * need;         /* the fields are in memory, so this cannot overflow */
    char *grown = vm_realloc(l->vm, l->data, l->cap, cap);
    if (!grown)
        return ALP_FAIL;
    l->data = grown;
    l->cap = cap;
    return ALP_OK;
}

static Status add_row(Loader *l)
{
    int64_t have = (int64_t)l->n_fields;
    if (l->n_columns < 0)
        l->n_columns = have;
    if (!l->chosen && have != l->n_columns) {
        raise(l->vm, TY_ValueError, "the number of columns changed from %lld to %lld at row %lld; use `usecols` to select a subset and "
              "avoid this error", (long long)l->n_columns, (long long)have, (long long)l->n_rows + 1);
        return ALP_FAIL;
    }
    TRY(reserve_row(l));
    for (int64_t k = 0; k < l->n_columns; k++) {
        int64_t column = l->chosen ? l->columns[k] : k;
        if (column < -have || column >= have) {
            raise(l->vm, TY_ValueError, "invalid column index %lld at row %lld with %lld columns", (long long)column,
                  (long long)l->n_rows + 1, (long long)have);
            return ALP_FAIL;
        }
        column += column < 0 ? have : 0;
        if (!convert(l->dtype, l->field[column], l->data + l->used))
            return raise_convert(l, l->field[column], column);
        l->used += dtype_info[l->dtype].size;
    }
    l->n_rows++;
    return ALP_OK;
}

static Status read_lines(Loader *l, const char *text, size_t size)
{
    const char *p = text, *end = text + size;
    for (int64_t line = 0; p < end && (l->max_rows < 0 || l->n_rows < l->max_rows); line++) {
        const char *stop = p;
        while (stop < end && *stop != '\n' && *stop != '\r')
            stop++;
        if (line >= l->skip) {
            TRY(split_line(l, p, stop));
            if (l->n_fields > 0)
                TRY(add_row(l));
        }
        p = stop < end && *stop == '\r' && stop + 1 < end && stop[1] == '\n' ? stop + 2 : stop + 1;
        if (l->vm->attention)
            TRY(vm_poll(l->vm));
    }
    return ALP_OK;
}

/* The rows as an array: axes of length 1 are dropped down to ndmin. */
static Value make_array(const Loader *l, int64_t ndmin, bool unpack)
{
    int64_t shape[2] = { l->n_rows, l->n_columns < 0 ? 1 : l->n_columns };
    int ndim = 2;
    if (ndmin < 2) {
        int kept = 0;
        for (int k = 0; k < 2; k++) {
            if (shape[k] != 1)
                shape[kept++] = shape[k];
        }
        ndim = kept;
        if (ndim < ndmin)
            shape[ndim++] = 1;
    }
    Value v = array_new(l->vm, l->dtype, ndim, shape, false);
    if (IS_ERR(v))
        return V_ERR;
    Array *a = ARRAY(v);
    if (l->used > 0)
        memcpy(a->data, l->data, l->used);
    if (unpack && a->ndim == 2) {
        int64_t rows = a->shape[0], stride = a->strides[0];
        a->shape[0] = a->shape[1];
        a->strides[0] = a->strides[1];
        a->shape[1] = rows;
        a->strides[1] = stride;
        array_update_flags(a);
    }
    return v;
}

/* ---- loadtxt -------------------------------------------------------------------------------------------------------- */

static Status open_text(VM *vm, InFile *f, const char *path)
{
    static const char *const packed[] = { ".gz", ".bz2", ".xz", ".lzma" };
    size_t size = strlen(path);
    if (infile_open(vm, f, path) != ALP_OK) {
        if (vm->exc_type == TY_FileNotFoundError) {
            vm_clear_exc(vm);
            raise(vm, TY_FileNotFoundError, "%s not found.", path);
        }
        return ALP_FAIL;
    }
    for (size_t k = 0; k < COUNT_OF(packed); k++) {
        size_t n = strlen(packed[k]);
        if (size > n && strcmp(path + size - n, packed[k]) == 0) {
            raise(vm, TY_ValueError, "compressed files (%s) are not part of alpy", packed[k]);
            infile_close(f);
            return ALP_FAIL;
        }
    }
    return ALP_OK;
}

Status text_encoding_arg(VM *vm, Value v)
{
    if (!arg_given(v) || (v.tag == T_Str && (strcasecmp(STR(v)->text, "utf-8") == 0 || strcasecmp(STR(v)->text, "utf8") == 0)))
        return ALP_OK;
    raise(vm, TY_ValueError, "text files are in UTF-8: other values of encoding are not part of alpy");
    return ALP_FAIL;
}

Value np_loadtxt(VM *vm, const Args *args)
{
    Loader l = { .vm = vm, .dtype = DT_F64, .comments = V_UNBOUND, .max_rows = -1 };
    const char *path;
    int64_t ndmin = 0;
    int unpack = 0;
    Value result = V_ERR;
    InFile f;
    if (args->v[A_FNAME].tag != T_Str)
        return raise(vm, TY_ValueError, "fname must be a string, filehandle, list of strings,\nor generator. Got <class '%s'> instead.",
                     type_qualname(value_type(args->v[A_FNAME])));
    if (arg_given(args->v[A_CONVERTERS]))
        return raise(vm, TY_ValueError, "converters are not part of alpy");
    if (path_arg(vm, args->v[A_FNAME], &path) != ALP_OK || dtype_arg(vm, args->v[A_DTYPE], DT_F64, &l.dtype) != ALP_OK
        || text_encoding_arg(vm, args->v[A_ENCODING]) != ALP_OK)
        return V_ERR;
    if (args->v[A_NDMIN].tag != T_Unbound && arg_int(vm, args->v[A_NDMIN], &ndmin) != ALP_OK)
        return V_ERR;
    if (ndmin < 0 || ndmin > 2)
        return raise(vm, TY_ValueError, "Illegal value of ndmin keyword: %lld", (long long)ndmin);
    if (args->v[A_UNPACK].tag != T_Unbound && (unpack = arg_truth(vm, args->v[A_UNPACK])) < 0)
        return V_ERR;
    if (comments_arg(vm, args->v[A_COMMENTS], &l.comments) == ALP_OK && count_arg(vm, args->v[A_SKIPROWS], &l.skip) == ALP_OK
        && (!arg_given(args->v[A_MAX_ROWS]) || count_arg(vm, args->v[A_MAX_ROWS], &l.max_rows) == ALP_OK)
        && open_text(vm, &f, path) == ALP_OK) {
        if (delimiter_arg(&l, args->v[A_DELIMITER]) == ALP_OK && usecols_arg(&l, args->v[A_USECOLS]) == ALP_OK
            && infile_slurp(&f) == ALP_OK && utf8_check(vm, f.base, f.used) == ALP_OK
            && read_lines(&l, f.base, f.used) == ALP_OK)
            result = make_array(&l, ndmin, unpack > 0);
        infile_close(&f);
    }
    value_free(vm, l.comments);
    if (l.columns)
        vm_dealloc(vm, l.columns, (size_t)l.n_columns * sizeof(int64_t));
    if (l.field)
        vm_dealloc(vm, l.field, l.cap_fields * sizeof(Field));
    if (l.data)
        vm_dealloc(vm, l.data, l.cap);
    return result;
}
