/* interp/builtins.c — the built-in functions.  The names that are types (int, range, zip …) are in type_call.c. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "interp/array.h"
#include "interp/format.h"
#include "interp/interp.h"
#include "interp/iter.h"
#include "interp/ops.h"
#include "interp/seq.h"
#include "interp/stream.h"
#include "interp/unicode.h"

#define GIVEN(v) ((v).tag != T_Unbound)

/* ---- numbers --------------------------------------------------------------------------------------------------------------- */

static Value builtin_abs(VM *vm, const Args *a)
{
    return op_abs(vm, a->v[0]);
}

static Value builtin_divmod(VM *vm, const Args *a)
{
    return op_divmod(vm, a->v[0], a->v[1]);
}

static bool is_int(Value v)
{
    return v.tag == T_Int || v.tag == T_Bool;
}

/* By inheritance too: numpy.float64 is a float, numpy.complex128 a complex. */
static bool is_python_number(Value v)
{
    return IS_NUMBER(v) || v.tag == T_NpF64 || v.tag == T_NpC128;
}

static Value builtin_pow(VM *vm, const Args *a)
{
    Value x = a->v[0], y = a->v[1], m = a->v[2];
    if (!GIVEN(m) || m.tag == T_None)
        return op_binary(vm, BI_Pow, x, y);
    if (is_int(x) && is_int(y) && is_int(m))
        return int_pow_mod(vm, x.u.i, y.u.i, m.u.i);
    /* The first operand that is a float or complex refuses, but complex only for numbers that it knows. */
    bool numbers = is_python_number(x) && is_python_number(y);
    Value operand[] = { x, y, m };
    for (int i = 0; i < 3; i++) {
        if (operand[i].tag == T_Float)
            return raise(vm, TY_TypeError, "pow() 3rd argument not allowed unless all arguments are integers");
        if (operand[i].tag == T_Complex && numbers)
            return raise(vm, TY_ValueError, "complex modulo");
    }
    return raise(vm, TY_TypeError, "unsupported operand type(s) for ** or pow(): '%s', '%s', '%s'", value_type_name(x),
                 value_type_name(y), value_type_name(m));
}

static Value builtin_round(VM *vm, const Args *a)
{
    Value x = a->v[0], n = GIVEN(a->v[1]) ? a->v[1] : V_NONE;
    if (IS_NUMBER(x))
        return number_round(vm, x, n);
    if (IS_NPSCALAR(x))
        return npscalar_round(vm, x, n);
    return raise(vm, TY_TypeError, "type %s doesn't define __round__ method", value_type_name(x));
}

/* ---- characters and texts ---------------------------------------------------------------------------------------------------- */

static Value builtin_chr(VM *vm, const Args *a)
{
    int64_t cp;
    char text[4];
    if (arg_int(vm, a->v[0], &cp) != ALP_OK)
        return V_ERR;
    if (cp != (int32_t)cp)
        return raise(vm, TY_OverflowError, "Python int too large to convert to C int");
    if (cp < 0 || cp > 0x10ffff)
        return raise(vm, TY_ValueError, "chr() arg not in range(0x110000)");
    return str_new(vm, text, utf8_put(text, (uint32_t)cp));
}

static Value builtin_ord(VM *vm, const Args *a)
{
    Value v = a->v[0];
    if (v.tag != T_Str)
        return raise(vm, TY_TypeError, "ord() expected string of length 1, but %s found", value_type_name(v));
    if (STR(v)->length != 1)
        return raise(vm, TY_TypeError, "ord() expected a character, but string of length %zu found", STR(v)->length);
    size_t pos = 0;
    return V_INT(utf8_next(STR(v)->text, STR(v)->size, &pos));
}

static Value builtin_repr(VM *vm, const Args *a)
{
    return value_repr(vm, a->v[0]);
}

static Value builtin_format(VM *vm, const Args *a)
{
    const char *spec = "";
    size_t size = 0;
    if (GIVEN(a->v[1])) {
        if (a->v[1].tag != T_Str)
            return raise(vm, TY_TypeError, "format() argument 2 must be str, not %s", value_type_name(a->v[1]));
        spec = STR(a->v[1])->text;
        size = STR(a->v[1])->size;
    }
    return format_value(vm, a->v[0], spec, size);
}

/* ---- iteration ----------------------------------------------------------------------------------------------------------------- */

static Value builtin_len(VM *vm, const Args *a)
{
    int64_t n = op_len(vm, a->v[0]);
    return n < 0 ? V_ERR : V_INT(n);
}

/* Is there an item whose truth is `wanted`? */
static Value find_truth(VM *vm, Value iterable, int wanted, bool answer)
{
    Value it = iter_new(vm, iterable), item;
    if (IS_ERR(it))
        return it;
    int more, t = !wanted;
    while ((more = iter_next(vm, it, &item)) > 0) {
        t = poll_fails(vm) ? -1 : op_truth(vm, item);
        value_free(vm, item);
        if (t < 0 || t == wanted)
            break;
    }
    value_free(vm, it);
    return more < 0 || t < 0 ? V_ERR : V_BOOL((t == wanted) == answer);
}

static Value builtin_all(VM *vm, const Args *a)
{
    return find_truth(vm, a->v[0], 0, false);
}

static Value builtin_any(VM *vm, const Args *a)
{
    return find_truth(vm, a->v[0], 1, true);
}

static Value builtin_sorted(VM *vm, const Args *a)
{
    int64_t reverse = 0;
    if (a->n_rest != 1)
        return raise(vm, TY_TypeError, "sorted expected 1 argument, got %u", a->n_rest);
    Value list = seq_to_list(vm, a->rest[0]);
    if (IS_ERR(list))
        return list;
    /* CPython passes all keywords on to list.sort(). */
    if (a->n_kw)
        raise(vm, TY_TypeError, "'%s' is an invalid keyword argument for sort()", intern_text(vm->names, a->kw[0]));
    if (a->n_kw || (GIVEN(a->v[1]) && arg_int(vm, a->v[1], &reverse) != ALP_OK) ||
        list_sort(vm, list, GIVEN(a->v[0]) ? a->v[0] : V_NONE, reverse != 0) != ALP_OK)
        value_set(vm, &list, V_ERR);
    return list;
}

/* From left to right, as it is written; CPython's order and so its bits. */
static Value builtin_sum(VM *vm, const Args *a)
{
    Value total = GIVEN(a->v[1]) ? value_ref(a->v[1]) : V_INT(0), item;
    if (total.tag == T_Str) {
        value_free(vm, total);
        return raise(vm, TY_TypeError, "sum() can't sum strings [use ''.join(seq) instead]");
    }
    Value it = iter_new(vm, a->v[0]);
    int more = IS_ERR(it) ? -1 : 1;
    while (more > 0 && (more = iter_next(vm, it, &item)) > 0) {
        if (total.tag == T_Float && item.tag == T_Float)
            total.u.f += item.u.f;
        else
            value_set(vm, &total, op_binary(vm, BI_Add, total, item));
        value_free(vm, item);
        if (IS_ERR(total) || poll_fails(vm))
            more = -1;
    }
    value_free(vm, it);
    if (more < 0)
        value_set(vm, &total, V_ERR);
    return total;
}

/* Does a beat b: 0, 1, -1. */
static int beats(VM *vm, CmpOp op, Value a, Value b)
{
    if (a.tag == T_Int && b.tag == T_Int)
        return op == CM_Gt ? a.u.i > b.u.i : a.u.i < b.u.i;
    Value r = op_compare(vm, op, a, b);
    if (r.tag == T_Bool)
        return (int)r.u.i;
    int t = IS_ERR(r) ? -1 : op_truth(vm, r);
    value_free(vm, r);
    return t;
}

/* max() and min() of the items of an iterator: *best is T_Unbound if there are none. */
static Status find_best(VM *vm, CmpOp op, Value it, Value key, Value *best)
{
    Value item, best_key = V_UNBOUND;
    int more, t = 0;
    *best = V_UNBOUND;
    while (t >= 0 && (more = iter_next(vm, it, &item)) > 0) {
        Value k = key.tag == T_None ? value_ref(item) : vm_call(vm, key, &item, 1, NULL, 0);
        t = IS_ERR(k) || poll_fails(vm) ? -1 : best->tag == T_Unbound ? 1 : beats(vm, op, k, best_key);
        value_set(vm, t > 0 ? best : &item, t > 0 ? item : V_NONE);
        value_set(vm, t > 0 ? &best_key : &k, t > 0 ? k : V_NONE);
    }
    value_free(vm, best_key);
    if (t >= 0 && more >= 0)
        return ALP_OK;
    value_set(vm, best, V_UNBOUND);
    return ALP_FAIL;
}

/* Of n values, the first that no other beats; owned. */
static Value best_of(VM *vm, CmpOp op, const Value *v, uint32_t n)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < n; i++) {
        int t = beats(vm, op, v[i], v[best]);
        if (t < 0)
            return V_ERR;
        if (t > 0)
            best = i;
    }
    return value_ref(v[best]);
}

static Value extreme(VM *vm, const Args *a, CmpOp op, const char *name)
{
    Value key = GIVEN(a->v[0]) ? a->v[0] : V_NONE, fallback = a->v[1], items, best;
    if (a->n_rest == 0)
        return raise(vm, TY_TypeError, "%s expected at least 1 argument, got 0", name);
    if (a->n_rest > 1 && GIVEN(fallback))
        return raise(vm, TY_TypeError, "Cannot specify a default for %s() with multiple positional arguments", name);
    if (a->n_rest > 1 && key.tag == T_None)
        return best_of(vm, op, a->rest, a->n_rest);
    items = a->n_rest == 1 ? value_ref(a->rest[0]) : tuple_new(vm, a->rest, a->n_rest);
    Value it = IS_ERR(items) ? V_ERR : iter_new(vm, items);
    value_free(vm, items);
    if (IS_ERR(it))
        return it;
    Status s = find_best(vm, op, it, key, &best);
    value_free(vm, it);
    if (s != ALP_OK)
        return V_ERR;
    if (GIVEN(best))
        return best;
    return GIVEN(fallback) ? value_ref(fallback) : raise(vm, TY_ValueError, "%s() arg is an empty sequence", name);
}

static Value builtin_max(VM *vm, const Args *a)
{
    return extreme(vm, a, CM_Gt, "max");
}

static Value builtin_min(VM *vm, const Args *a)
{
    return extreme(vm, a, CM_Lt, "min");
}

/* ---- types --------------------------------------------------------------------------------------------------------------------- */

/* Is t one of the types in `classes`, a type or a nest of tuples: 0, 1; -1: it is neither (no exception). */
static int among_types(TypeId t, Value classes, int depth)
{
    if (classes.tag == T_Type)
        return type_is_subclass(t, (TypeId)classes.u.i);
    if (classes.tag != T_Tuple || depth > 100)
        return -1;
    for (size_t i = 0; i < TUPLE(classes)->count; i++) {
        int r = among_types(t, TUPLE(classes)->item[i], depth + 1);
        if (r != 0)
            return r;
    }
    return 0;
}

static Value builtin_isinstance(VM *vm, const Args *a)
{
    int r = among_types(value_type(a->v[0]), a->v[1], 0);
    if (r < 0)
        return raise(vm, TY_TypeError, "isinstance() arg 2 must be a type, a tuple of types, or a union");
    return V_BOOL(r);
}

static Value builtin_issubclass(VM *vm, const Args *a)
{
    if (a->v[0].tag != T_Type)
        return raise(vm, TY_TypeError, "issubclass() arg 1 must be a class");
    int r = among_types((TypeId)a->v[0].u.i, a->v[1], 0);
    if (r < 0)
        return raise(vm, TY_TypeError, "issubclass() arg 2 must be a class, a tuple of classes, or a union");
    return V_BOOL(r);
}

/* ---- input and output ------------------------------------------------------------------------------------------------------------ */

/* Where print() writes: one of the standard streams, or any object with a method write. */
typedef struct Sink {
    int   stream;
    Value write;                /* bound method when stream is 0 */
} Sink;

static Value attr_named(VM *vm, Value v, const char *name)
{
    Sym sym = intern_z(vm->names, name);
    return sym == SYM_NONE ? raise_nomem(vm) : attr_get(vm, v, sym);
}

static Status sink_put(VM *vm, const Sink *sink, Value text)
{
    if (sink->stream)
        return stream_write(vm, sink->stream, text);
    Value r = vm_call(vm, sink->write, &text, 1, NULL, 0);
    value_free(vm, r);
    return IS_ERR(r) ? ALP_FAIL : ALP_OK;
}

/* Separator or end: `text` if it was not given or None. */
static Status sink_put_between(VM *vm, const Sink *sink, Value v, const char *text)
{
    if (GIVEN(v) && v.tag != T_None)
        return STR(v)->size ? sink_put(vm, sink, v) : ALP_OK;
    if (sink->stream)
        return vm_write(vm, sink->stream, text, 1);
    v = str_z(vm, text);
    Status s = IS_ERR(v) ? ALP_FAIL : sink_put(vm, sink, v);
    value_free(vm, v);
    return s;
}

static Status sink_put_value(VM *vm, const Sink *sink, Value v)
{
    char text[FMT_DOUBLE_MAX];
    if (v.tag == T_Str)
        return sink_put(vm, sink, v);
    if (sink->stream && v.tag == T_Int)
        return vm_write(vm, sink->stream, text, (size_t)snprintf(text, sizeof text, "%lld", (long long)v.u.i));
    if (sink->stream && v.tag == T_Float)
        return vm_write(vm, sink->stream, text, fmt_double(text, v.u.f));
    Value s = value_str(vm, v);
    Status status = IS_ERR(s) ? ALP_FAIL : sink_put(vm, sink, s);
    value_free(vm, s);
    return status;
}

static Status sink_flush(VM *vm, const Sink *sink, Value file)
{
    if (sink->stream)
        return sink->stream == 1 ? vm_flush(vm) : ALP_OK;
    Value flush = attr_named(vm, file, "flush"), r = IS_ERR(flush) ? V_ERR : vm_call(vm, flush, NULL, 0, NULL, 0);
    value_free(vm, flush);
    value_free(vm, r);
    return IS_ERR(r) ? ALP_FAIL : ALP_OK;
}

static Status print_all(VM *vm, const Sink *sink, const Args *a, Value sep, Value end)
{
    for (uint32_t i = 0; i < a->n_rest; i++) {
        if (i > 0)
            TRY(sink_put_between(vm, sink, sep, " "));
        TRY(sink_put_value(vm, sink, a->rest[i]));
    }
    return sink_put_between(vm, sink, end, "\n");
}

static Value builtin_print(VM *vm, const Args *a)
{
    Value sep = a->v[0], end = a->v[1], file = a->v[2];
    if (GIVEN(sep) && sep.tag != T_None && sep.tag != T_Str)
        return raise(vm, TY_TypeError, "sep must be None or a string, not %s", value_type_name(sep));
    if (GIVEN(end) && end.tag != T_None && end.tag != T_Str)
        return raise(vm, TY_TypeError, "end must be None or a string, not %s", value_type_name(end));
    int flush = GIVEN(a->v[3]) ? op_truth(vm, a->v[3]) : 0;
    if (flush < 0)
        return V_ERR;
    Sink sink = { .stream = !GIVEN(file) || file.tag == T_None ? 1 : stream_number(file), .write = V_NONE };
    if (!sink.stream) {
        sink.write = attr_named(vm, file, "write");
        if (IS_ERR(sink.write))
            return V_ERR;
    }
    Status s = print_all(vm, &sink, a, sep, end);
    if (s == ALP_OK && flush)
        s = sink_flush(vm, &sink, file);
    value_free(vm, sink.write);
    return s == ALP_OK ? V_NONE : V_ERR;
}

static Value builtin_input(VM *vm, const Args *a)
{
    char part[512];
    int n = 0;
    if (GIVEN(a->v[0]) && sink_put_value(vm, &(Sink){ .stream = 1 }, a->v[0]) != ALP_OK)
        return V_ERR;
    if (vm_flush(vm) != ALP_OK)
        return V_ERR;
    StrBuf sb;
    sb_init(&sb, vm);
    bool complete = false;
    while (vm->read_fn && !complete && (n = vm->read_fn(vm->io_user, part, sizeof part)) > 0) {
        complete = part[n - 1] == '\n';
        sb_put(&sb, part, (size_t)n - complete);
    }
    bool empty = sb.size == 0 && !complete;
    if (n < 0 || empty) {
        sb_free(&sb);
        if (n < 0)
            return raise_errno(vm, -n, NULL);
        return raise(vm, TY_EOFError, "EOF when reading a line");
    }
    if (!sb.failed && utf8_check(vm, sb.text, sb.size) != ALP_OK) {
        sb_free(&sb);
        return V_ERR;
    }
    return sb_finish(&sb);
}

/* ---- the module -------------------------------------------------------------------------------------------------------------------- */

static const NativeRow rows[] = {
    { "abs", builtin_abs, "x, /", "Return the absolute value of the argument." },
    { "all", builtin_all, "iterable, /", "Return True if bool(x) is True for all values x in the iterable." },
    { "any", builtin_any, "iterable, /", "Return True if bool(x) is True for any x in the iterable." },
    { "chr", builtin_chr, "i, /", "Return a Unicode string of one character with ordinal i; 0 <= i <= 0x10ffff." },
    { "divmod", builtin_divmod, "x, y, /", "Return the tuple (x//y, x%y)." },
    { "format", builtin_format, "value, format_spec=, /", "Return value formatted by a format specification." },
    { "input", builtin_input, "prompt=, /", "Read a line from standard input, without its newline." },
    { "isinstance", builtin_isinstance, "obj, class_or_tuple, /", "Return whether an object is an instance of a class." },
    { "issubclass", builtin_issubclass, "cls, class_or_tuple, /", "Return whether cls is derived from another class." },
    { "len", builtin_len, "obj, /", "Return the number of items in a container." },
    { "max", builtin_max, "*args, key=, default=", "Return the biggest item of an iterable, or of the arguments." },
    { "min", builtin_min, "*args, key=, default=", "Return the smallest item of an iterable, or of the arguments." },
    { "ord", builtin_ord, "c, /", "Return the Unicode code point for a one-character string." },
    { "pow", builtin_pow, "base, exp, mod=", "Equivalent to base**exp, or base**exp % mod with three arguments." },
    { "print", builtin_print, "*args, sep=, end=, file=, flush=", "Print the values to a stream, or to sys.stdout by default." },
    { "repr", builtin_repr, "obj, /", "Return the canonical string representation of the object." },
    { "round", builtin_round, "number, ndigits=", "Round a number to a given precision in decimal digits." },
    { "sorted", builtin_sorted, "*iterable, key=, reverse=, **other", "Return a new list with all items in ascending order." },
    { "sum", builtin_sum, "iterable, /, start=", "Return the sum of a start value (0) and an iterable of numbers." },
    { NULL },
};

static const NativeRow *const tables[] = { rows, NULL };

/* The types that have a name without a module, and Ellipsis. */
static Status init(VM *vm, Module *m)
{
    static const TypeId named[] = {
        TY_bool, TY_complex, TY_enumerate, TY_float, TY_int, TY_list, TY_object, TY_range, TY_reversed, TY_slice, TY_str,
        TY_tuple, TY_type, TY_zip,
    };
    for (size_t i = 0; i < COUNT_OF(named); i++)
        TRY(module_set(vm, m, type_name(named[i]), V_TYPE(named[i])));
    for (int t = 0; t < TY_COUNT; t++)
        if (type_is_exception((TypeId)t) && !strchr(type_qualname((TypeId)t), '.'))
            TRY(module_set(vm, m, type_name((TypeId)t), V_TYPE(t)));
    TRY(module_set(vm, m, "IOError", V_TYPE(TY_OSError)));
    TRY(module_set(vm, m, "EnvironmentError", V_TYPE(TY_OSError)));
    return module_set(vm, m, "Ellipsis", V_ELLIPSIS);
}

const ModuleDef mod_builtins = { .name = "builtins", .tables = tables, .init = init, .function_type = TY_builtin };
