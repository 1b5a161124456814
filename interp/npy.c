/* interp/npy.c — numpy.save and numpy.load: the .npy format, versions 1.0, 2.0 and 3.0.
 *
 *   \x93NUMPY major minor | length of the header, 2 bytes (1.0) or 4, little-endian | header | elements
 *
 * The header is a Python dict literal {'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }, padded with spaces to a multiple
 * of 64 bytes.  Nothing that a file claims is trusted: no memory is taken for elements that the file does not have. */
#include "interp/npy.h"

#include <stdio.h>
#include <stdlib.h>

#include "interp/fileio.h"
#include "interp/format.h"
#include "interp/native.h"
#include "interp/npy_literal.h"
#include "interp/numpy_rows.h"
#include "interp/seq.h"
#include "interp/str.h"

#define MAGIC "\x93NUMPY"
enum { MAGIC_SIZE = 6, MAX_HEADER = 10000, PREAMBLE = MAGIC_SIZE + 2 + 4, ALIGN = 64 };

typedef struct Header {
    DType   dtype;
    bool    swapped;            /* the other byte order */
    bool    fortran;
    int     ndim;
    int64_t shape[ALP_MAX_NDIM];
    int64_t count;              /* elements, >= 0 */
    size_t  data;               /* where they begin */
} Header;

static Value raise_short(VM *vm, const char *what, size_t expected, size_t got)
{
    return raise(vm, TY_ValueError, "EOF: reading %s, expected %zu bytes got %zu", what, expected, got);
}

/* ValueError "what: repr". */
static Status raise_repr(VM *vm, const char *what, Value v)
{
    Value text = value_repr(vm, v);
    if (!IS_ERR(text))
        raise(vm, TY_ValueError, "%s: %s", what, STR(text)->text);
    value_free(vm, text);
    return ALP_FAIL;
}

/* ---- the header's values -------------------------------------------------------------------------------------------- */

/* A dtype that NumPy has and alpy has not: other sizes of floats, texts, dates, raw bytes. */
static bool is_foreign_dtype(const char *name)
{
    static const char *const sizes[] = { "f2", "f12", "f16", "c24", "c32" };
    name += strchr("<>=|", *name) && *name;
    for (size_t k = 0; k < COUNT_OF(sizes); k++) {
        if (strcmp(name, sizes[k]) == 0)
            return true;
    }
    return *name && strchr("USVMm", *name);
}

static Status descr_value(VM *vm, Value v, Header *h)
{
    if (v.tag == T_Str && (strcmp(STR(v)->text, "|O") == 0 || strcmp(STR(v)->text, "O") == 0)) {
        raise(vm, TY_ValueError, "Object arrays cannot be loaded when allow_pickle=False");
        return ALP_FAIL;
    }
    if (v.tag == T_Str && STR(v)->text[0] == '>') {
        Value native = str_new(vm, STR(v)->text + 1, STR(v)->size - 1);
        Status ok = IS_ERR(native) ? ALP_FAIL : dtype_arg(vm, native, DT_COUNT, &h->dtype);
        value_free(vm, native);
        h->swapped = true;
        if (ok == ALP_OK)
            return ALP_OK;
    } else if (v.tag == T_Str && dtype_arg(vm, v, DT_COUNT, &h->dtype) == ALP_OK) {
        return ALP_OK;
    }
    if (vm_has_exc(vm)) {
        if (vm->exc_type != TY_TypeError)
            return ALP_FAIL;
        vm_clear_exc(vm);
        if (is_foreign_dtype(STR(v)->text))
            raise(vm, TY_ValueError, "data type '%s' is not part of alpy", STR(v)->text);
    } else if (v.tag == T_List) {
        raise(vm, TY_ValueError, "structured arrays are not part of alpy");
    }
    return vm_has_exc(vm) ? ALP_FAIL : raise_repr(vm, "descr is not a valid dtype descriptor", v);
}

static Status shape_value(VM *vm, Value v, Header *h)
{
    if (v.tag != T_Tuple)
        return raise_repr(vm, "shape is not valid", v);
    size_t n = TUPLE(v)->count;
    for (size_t k = 0; k < n; k++) {
        if (TUPLE(v)->item[k].tag != T_Int && TUPLE(v)->item[k].tag != T_Bool)
            return raise_repr(vm, "shape is not valid", v);
    }
    if (n > ALP_MAX_NDIM) {
        raise(vm, TY_ValueError, "maximum supported dimension for an ndarray is currently %d, found %zu", ALP_MAX_NDIM, n);
        return ALP_FAIL;
    }
    h->ndim = (int)n;
    for (size_t k = 0; k < n; k++)
        h->shape[k] = TUPLE(v)->item[k].u.i;
    return ALP_OK;
}

static int compare_keys(const void *a, const void *b)
{
    const Value *x = a, *y = b;
    return str_compare(STR(*x), STR(*y));
}

static Status raise_keys(VM *vm, const NpyDict *d)
{
    Value keys = list_new(vm, d->key, (size_t)d->count);
    if (IS_ERR(keys))
        return ALP_FAIL;
    qsort(LIST(keys)->item, LIST(keys)->count, sizeof(Value), compare_keys);
    raise_repr(vm, "Header does not contain the correct keys", keys);
    value_free(vm, keys);
    return ALP_FAIL;
}

static Status dict_values(VM *vm, const NpyDict *d, Header *h)
{
    static const char *const names[] = { "shape", "fortran_order", "descr" };
    Value v[3] = { V_UNBOUND, V_UNBOUND, V_UNBOUND };
    for (int i = 0; i < d->count; i++) {
        for (int k = 0; k < 3; k++) {
            if (strcmp(STR(d->key[i])->text, names[k]) == 0)
                v[k] = d->value[i];
        }
    }
    if (d->count != 3 || v[0].tag == T_Unbound || v[1].tag == T_Unbound || v[2].tag == T_Unbound)
        return raise_keys(vm, d);
    TRY(shape_value(vm, v[0], h));
    if (v[1].tag != T_Bool)
        return raise_repr(vm, "fortran_order is not a valid bool", v[1]);
    h->fortran = v[1].u.i != 0;
    return descr_value(vm, v[2], h);
}

/* The number of elements, checked against `available` bytes, with the errors that NumPy comes to on its way. */
static Status check_count(VM *vm, Header *h, size_t available)
{
    int64_t size = dtype_info[h->dtype].size, have = (int64_t)(available / (size_t)size), negative = 0;
    bool overflow = false;
    uint64_t wrapped = 1;
    h->count = 1;
    for (int k = 0; k < h->ndim; k++) {
        negative += h->shape[k] < 0;
        wrapped *= (uint64_t)h->shape[k];
        overflow = __builtin_mul_overflow(h->count, h->shape[k], &h->count) || overflow;
    }
    h->count = (int64_t)wrapped;                /* as an int64 product of NumPy */
    if (h->count < 0 || h->count > have) {
        Value shape = tuple_new(vm, NULL, (size_t)h->ndim);
        if (IS_ERR(shape))
            return ALP_FAIL;
        for (int k = 0; k < h->ndim; k++)
            TUPLE(shape)->item[k] = V_INT(h->shape[k]);
        Value repr = value_repr(vm, shape);
        if (!IS_ERR(repr))
            raise(vm, TY_ValueError, "Failed to read all data for array. Expected %s = %lld elements, could only read %lld elements. "
                  "(file seems not fully written?)", STR(repr)->text, (long long)h->count, (long long)have);
        value_free(vm, repr);
        value_free(vm, shape);
    } else if (negative > 1) {
        raise(vm, TY_ValueError, "can only specify one unknown dimension");
    } else if (overflow || negative) {
        char text[ALP_MAX_NDIM * 24] = "";
        size_t used = 0;
        for (int k = 0; k < h->ndim; k++)
            used += (size_t)(h->shape[k] < 0 ? snprintf(text + used, sizeof text - used, ",newaxis")
                             : snprintf(text + used, sizeof text - used, ",%lld", (long long)h->shape[k]));
        raise(vm, TY_ValueError, "cannot reshape array of size %lld into shape (%s%s)", (long long)h->count, text + 1,
              h->ndim == 1 ? "," : "");
    }
    return vm_has_exc(vm) ? ALP_FAIL : ALP_OK;
}

/* `have` bytes of a file of `total` bytes (at least PREAMBLE + MAX_HEADER of them, if there are as many). */
static Status parse_header(VM *vm, const char *bytes, size_t have, size_t total, Header *h)
{
    static const char *const not_npy = "This file contains pickled (object) data. If you trust the file you can load it unsafely using "
        "the `allow_pickle=` keyword argument or `pickle.load()`.";
    const unsigned char *b = (const unsigned char *)bytes;
    memset(h, 0, sizeof *h);
    if (total == 0)
        raise(vm, TY_EOFError, "No data left in file");
    else if (have >= 4 && (memcmp(bytes, "PK\3\4", 4) == 0 || memcmp(bytes, "PK\5\6", 4) == 0))
        raise(vm, TY_ValueError, "archives of arrays (.npz) are not part of alpy");
    else if (have < MAGIC_SIZE || memcmp(bytes, MAGIC, MAGIC_SIZE) != 0)
        raise(vm, TY_ValueError, "%s", not_npy);
    else if (have < MAGIC_SIZE + 2)
        raise_short(vm, "magic string", MAGIC_SIZE + 2, have);
    else if (b[6] < 1 || b[6] > 3 || b[7] != 0)
        raise(vm, TY_ValueError, "we only support format version (1,0), (2,0), and (3,0), not (%d, %d)", b[6], b[7]);
    if (vm_has_exc(vm))
        return ALP_FAIL;
    size_t field = b[6] == 1 ? 2 : 4, start = MAGIC_SIZE + 2 + field;
    if (have < start) {
        raise_short(vm, "array header length", field, have - (MAGIC_SIZE + 2));
        return ALP_FAIL;
    }
    size_t length = b[8] | (size_t)b[9] << 8;
    if (field == 4)
        length |= (size_t)b[10] << 16 | (size_t)b[11] << 24;
    if (length > total - start) {
        raise_short(vm, "array header", length, total - start);
        return ALP_FAIL;
    }
    if (length > MAX_HEADER) {
        raise(vm, TY_ValueError, "Header info length (%zu) is large and may not be safe to load securely.\n"
              "To allow loading, adjust `max_header_size` or fully trust the `.npy` file using `allow_pickle=True`.\n"
              "For safety against large resource use or crashes, sandboxing may be necessary.", length);
        return ALP_FAIL;
    }
    NpyDict d;
    TRY(npy_dict_parse(vm, bytes + start, length, b[6] < 3, &d));
    Status ok = dict_values(vm, &d, h);
    npy_dict_free(vm, &d);
    TRY(ok);
    h->data = start + length;
    return check_count(vm, h, total - h->data);
}

/* ---- elements ------------------------------------------------------------------------------------------------------- */

static void swap_bytes(char *p, size_t size, int64_t n)
{
    for (int64_t i = 0; i < n; i++, p += size) {
        for (size_t k = 0; k < size / 2; k++) {
            char c = p[k];
            p[k] = p[size - 1 - k];
            p[size - 1 - k] = c;
        }
    }
}

/* A fresh array as the header says, contiguous in the file's order. */
static Value new_array(VM *vm, const Header *h)
{
    int64_t shape[ALP_MAX_NDIM];
    for (int k = 0; k < h->ndim; k++)
        shape[k] = h->shape[h->fortran ? h->ndim - 1 - k : k];
    Value v = array_new(vm, h->dtype, h->ndim, shape, false);
    if (IS_ERR(v) || !h->fortran)
        return v;
    Array *a = ARRAY(v);
    for (int k = 0; k < a->ndim / 2; k++) {
        int other = a->ndim - 1 - k;
        int64_t stride = a->strides[k];
        a->strides[k] = a->strides[other];
        a->strides[other] = stride;
    }
    memcpy(a->shape, h->shape, sizeof a->shape);
    array_update_flags(a);
    return v;
}

/* The bytes as they were in the file to elements of this machine. */
static void convert_elements(Array *a, const Header *h)
{
    const DTypeInfo *info = &dtype_info[h->dtype];
    bool complex = info->kind == 'c';
    if (h->swapped)
        swap_bytes(a->data, complex ? info->size / 2u : info->size, complex ? 2 * h->count : h->count);
    if (h->dtype == DT_Bool) {
        for (int64_t i = 0; i < h->count; i++)
            a->data[i] = a->data[i] != 0;
    }
}

Value npy_parse(VM *vm, const char *bytes, size_t size)
{
    Header h;
    if (parse_header(vm, bytes, size, size, &h) != ALP_OK)
        return V_ERR;
    Value v = new_array(vm, &h);
    if (!IS_ERR(v)) {
        memcpy(ARRAY(v)->data, bytes + h.data, (size_t)h.count * dtype_info[h.dtype].size);
        convert_elements(ARRAY(v), &h);
    }
    return v;
}

/* From a regular file, elements straight into the array. */
static Value load_regular(InFile *f)
{
    VM *vm = f->vm;
    Header h;
    size_t head_size = PREAMBLE + MAX_HEADER, total = (size_t)f->size, bytes;
    char *head = vm_alloc(vm, head_size);
    Value v = V_ERR;
    if (!head)
        return V_ERR;
    int64_t have = infile_read(f, head, head_size);
    if (have >= 0 && (size_t)have < head_size)
        total = (size_t)have;                   /* that was all, whatever its size claimed */
    if (have >= 0 && parse_header(vm, head, (size_t)have, total, &h) == ALP_OK)
        v = new_array(vm, &h);
    if (!IS_ERR(v)) {
        bytes = (size_t)h.count * dtype_info[h.dtype].size;
        size_t had = (size_t)have - h.data < bytes ? (size_t)have - h.data : bytes;
        memcpy(ARRAY(v)->data, head + h.data, had);
        int64_t rest = infile_read(f, ARRAY(v)->data + had, bytes - had);
        if (rest >= 0 && (size_t)rest == bytes - had) {
            convert_elements(ARRAY(v), &h);
        } else {
            if (rest >= 0)                      /* it became shorter meanwhile */
                check_count(vm, &h, had + (size_t)rest);
            value_free(vm, v);
            v = V_ERR;
        }
    }
    vm_dealloc(vm, head, head_size);
    return v;
}

static Value np_load(VM *vm, const Args *args)
{
    const char *path;
    InFile f;
    Value v = V_ERR;
    if (path_arg(vm, args->v[0], &path) != ALP_OK)
        return V_ERR;
    if (args->v[1].tag != T_Unbound && args->v[1].tag != T_None)
        return raise(vm, TY_ValueError, "memory-mapped files (mmap_mode) are not part of alpy");
    if (infile_open(vm, &f, path) != ALP_OK)
        return V_ERR;
    if (f.size >= 0)
        v = load_regular(&f);
    else if (infile_slurp(&f) == ALP_OK)
        v = npy_parse(vm, f.base, f.used);
    infile_close(&f);
    return v;
}

/* ---- save ----------------------------------------------------------------------------------------------------------- */

/* Magic, length, dict and padding; as NumPy, with room for the growing axis to become 21 digits long. */
static size_t make_header(char out[8 * ALIGN], const Array *a, bool fortran)
{
    char shape[ALP_MAX_NDIM * 24] = "", dict[6 * ALIGN];
    size_t used = 0;
    int digits = 0;
    for (int k = 0; k < a->ndim; k++) {
        int n = snprintf(shape + used, sizeof shape - used, "%lld", (long long)a->shape[k]);
        if (k == (fortran ? a->ndim - 1 : 0))
            digits = n;
        used += (size_t)n;
        used += (size_t)snprintf(shape + used, sizeof shape - used, a->ndim == 1 ? "," : k + 1 < a->ndim ? ", " : "");
    }
    int n = snprintf(dict, sizeof dict, "{'descr': '%s', 'fortran_order': %s, 'shape': (%s), }%*s", dtype_info[a->dtype].str,
                     fortran ? "True" : "False", shape, a->ndim ? 21 - digits : 0, "");
    size_t length = (size_t)n + 1, padding = ALIGN - (MAGIC_SIZE + 4 + length) % ALIGN;
    memcpy(out, MAGIC "\1\0", MAGIC_SIZE + 2);
    out[8] = (char)((length + padding) & 0xff);
    out[9] = (char)((length + padding) >> 8);
    memcpy(out + 10, dict, (size_t)n);
    memset(out + 10 + n, ' ', padding);
    out[10 + (size_t)n + padding] = '\n';
    return 10 + length + padding;
}

/* Elements in C order, or in Fortran order where the array is stored so. */
static Status write_array(VM *vm, OutFile *f, Value v)
{
    const Array *a = ARRAY(v);
    char header[8 * ALIGN];
    bool fortran = !a->c_contig && a->f_contig;
    TRY(outfile_write(f, header, make_header(header, a, fortran)));
    if (a->c_contig || a->f_contig)
        return outfile_write(f, a->data, (size_t)a->size * dtype_info[a->dtype].size);
    Value copy = array_copy(vm, v, (DType)a->dtype, 'C');
    if (IS_ERR(copy))
        return ALP_FAIL;
    Status ok = outfile_write(f, ARRAY(copy)->data, (size_t)a->size * dtype_info[a->dtype].size);
    value_free(vm, copy);
    return ok;
}

static Value np_save(VM *vm, const Args *args)
{
    const char *path;
    OutFile f;
    if (path_arg(vm, args->v[0], &path) != ALP_OK)
        return V_ERR;
    size_t size = strlen(path);
    bool named = size >= 4 && strcmp(path + size - 4, ".npy") == 0;
    Value name = named ? value_ref(args->v[0]) : str_fmt(vm, "%s.npy", path);
    Value a = IS_ERR(name) ? V_ERR : array_from_value(vm, args->v[1], DT_COUNT);
    Status ok = ALP_FAIL;
    if (!IS_ERR(a) && outfile_open(vm, &f, STR(name)->text) == ALP_OK)
        ok = outfile_close(&f, write_array(vm, &f, a) != ALP_OK);
    value_free(vm, a);
    value_free(vm, name);
    return ok == ALP_OK ? V_NONE : V_ERR;
}

const NativeRow npy_numpy_rows[] = {
    { "save", np_save, "file, arr, allow_pickle=", "Save an array to a .npy file; its name is completed by .npy." },
    { "load", np_load, "file, mmap_mode=, allow_pickle=", "Load an array from a .npy file." },
    { 0 },
};
