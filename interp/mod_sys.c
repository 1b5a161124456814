/* interp/mod_sys.c — the module sys: arguments, exit, standard streams, recursion limit. */
#include <limits.h>
#include <string.h>

#include "interp/module.h"
#include "interp/seq.h"
#include "interp/str.h"
#include "interp/stream.h"

/* ---- standard streams ---------------------------------------------------------------------------------------------------- */

static const ForeignClass stream_class;

int stream_number(Value v)
{
    return v.tag == T_Foreign && FOREIGN(v)->cls == &stream_class ? *(int *)FOREIGN(v)->data : 0;
}

/* Lone surrogates, which chr() can make, have no UTF-8 form: ED A0…BF xx. */
static Status check_encodable(VM *vm, const Str *s)
{
    const char *p = s->size == s->length ? NULL : s->text, *end = s->text + s->size;
    while (p && (p = memchr(p, '\xed', (size_t)(end - p))) && (unsigned char)p[1] < 0xa0)
        p++;
    if (!p)
        return ALP_OK;
    size_t pos = 0, first = 0, n = 0, at = (size_t)(p - s->text);
    for (; pos < at; first++)
        utf8_next(s->text, s->size, &pos);
    uint32_t cp = utf8_next(s->text, s->size, &pos);
    for (n = 1; pos < s->size && s->text[pos] == '\xed' && (unsigned char)s->text[pos + 1] >= 0xa0; n++)
        utf8_next(s->text, s->size, &pos);
    if (n == 1)
        raise(vm, TY_UnicodeEncodeError, "'utf-8' codec can't encode character '\\u%04x' in position %zu: surrogates not allowed",
              (unsigned)cp, first);
    else
        raise(vm, TY_UnicodeEncodeError, "'utf-8' codec can't encode characters in position %zu-%zu: surrogates not allowed", first,
              first + n - 1);
    return ALP_FAIL;
}

Status stream_write(VM *vm, int stream, Value text)
{
    const Str *s = STR(text);
    TRY(check_encodable(vm, s));
    return vm_write(vm, stream, s->text, s->size);
}

static Value method_write(VM *vm, const Args *a)
{
    Value text = a->v[1];
    if (text.tag != T_Str)
        return raise(vm, TY_TypeError, "write() argument must be str, not %s", value_type_name(text));
    return stream_write(vm, stream_number(a->v[0]), text) == ALP_OK ? V_INT((int64_t)STR(text)->length) : V_ERR;
}

static Value method_flush(VM *vm, const Args *a)
{
    return stream_number(a->v[0]) != 1 || vm_flush(vm) == ALP_OK ? V_NONE : V_ERR;
}

static Value method_isatty(VM *vm, const Args *a)
{
    return V_BOOL(stream_number(a->v[0]) == 1 ? vm->out_line_buffered : vm->err_is_terminal);
}

static Value method_fileno(VM *vm, const Args *a)
{
    return V_INT(stream_number(a->v[0]));
}

static const NativeRow stream_methods[] = {
    { "write", method_write, "text, /", "Write string to stream." },
    { "flush", method_flush, "", "Flush write buffers." },
    { "isatty", method_isatty, "", "Return whether this is an 'interactive' stream." },
    { "fileno", method_fileno, "", "Return the stream's number." },
    { NULL },
};

static const char *stream_name(Value v)
{
    return stream_number(v) == 1 ? "<stdout>" : "<stderr>";
}

static Value stream_getattr(VM *vm, Value self, const char *name)
{
    for (const NativeRow *r = stream_methods; r->name; r++)
        if (!strcmp(r->name, name))
            return native_new(vm, r, TY_builtin, r->name, self);
    if (!strcmp(name, "name"))
        return str_z(vm, stream_name(self));
    if (!strcmp(name, "encoding"))
        return str_z(vm, "utf-8");
    return V_UNBOUND;
}

static Value stream_repr(VM *vm, Value self)
{
    return str_fmt(vm, "<_io.TextIOWrapper name='%s' mode='w' encoding='utf-8'>", stream_name(self));
}

static const ForeignClass stream_class = {
    .name = "_io.TextIOWrapper", .module = "", .repr = stream_repr, .getattr = stream_getattr,
};

static Value stream_new(VM *vm, int number)
{
    Value v = foreign_new(vm, &stream_class, sizeof number);
    if (!IS_ERR(v))
        memcpy(FOREIGN(v)->data, &number, sizeof number);
    return v;
}

/* ---- functions ------------------------------------------------------------------------------------------------------------- */

static Value sys_exit(VM *vm, const Args *a)
{
    Value status = a->v[0], e;
    if (status.tag == T_Tuple)
        e = type_call(vm, TY_SystemExit, TUPLE(status)->item, (uint32_t)TUPLE(status)->count, NULL, 0);
    else
        e = type_call(vm, TY_SystemExit, &status, status.tag != T_Unbound && status.tag != T_None, NULL, 0);
    return IS_ERR(e) ? e : raise_obj(vm, e);
}

static Value sys_getrecursionlimit(VM *vm, const Args *a)
{
    return V_INT(vm->max_depth);
}

static Value sys_setrecursionlimit(VM *vm, const Args *a)
{
    int64_t n;
    if (arg_int(vm, a->v[0], &n) != ALP_OK)
        return V_ERR;
    if (n < 1)
        return raise(vm, TY_ValueError, "recursion limit must be greater or equal than 1");
    if (n > INT_MAX)
        return raise(vm, TY_OverflowError, "Python int too large to convert to C int");
    if (n <= (int64_t)vm->depth)
        return raise(vm, TY_RecursionError, "cannot set the recursion limit to %lld at the recursion depth %u: the limit is too low",
                     (long long)n, vm->depth);
    vm->max_depth = (uint32_t)n;
    return V_NONE;
}

static const NativeRow rows[] = {
    { "exit", sys_exit, "status=, /", "Exit the interpreter by raising SystemExit(status)." },
    { "getrecursionlimit", sys_getrecursionlimit, "", "Return the current value of the recursion limit." },
    { "setrecursionlimit", sys_setrecursionlimit, "limit, /", "Set the maximum depth of the interpreter stack to n." },
    { NULL },
};

static const NativeRow *const tables[] = { rows, NULL };

/* ---- the module ------------------------------------------------------------------------------------------------------------ */

/* Bytes of the command line that are no UTF-8 become lone surrogates U+DC80 … U+DCFF, as in Python. */
static Value decode_argument(VM *vm, const char *text)
{
    size_t size = strlen(text), pos = 0;
    StrBuf sb;
    sb_init(&sb, vm);
    while (pos < size) {
        char out[4];
        unsigned char c = (unsigned char)text[pos];
        int more = c < 0x80 ? 0 : c >= 0xc2 && c < 0xe0 ? 1 : c >= 0xe0 && c < 0xf0 ? 2 : c >= 0xf0 && c < 0xf5 ? 3 : -1;
        uint32_t cp = c & (more < 1 ? 0x7f : 0x3f >> more);
        for (int k = 1; k <= more; k++) {
            unsigned char d = (unsigned char)text[pos + (size_t)k];     /* the NUL at the end is no continuation */
            if ((d & 0xc0) != 0x80) {
                more = -1;
                break;
            }
            cp = cp << 6 | (d & 0x3f);
        }
        if ((more == 2 && (cp < 0x800 || (cp >= 0xd800 && cp < 0xe000))) || (more == 3 && (cp < 0x10000 || cp > 0x10ffff)))
            more = -1;
        sb_put(&sb, out, utf8_put(out, more < 0 ? 0xdc00u + c : cp));
        pos += more < 0 ? 1 : (size_t)more + 1;
    }
    return sb_finish(&sb);
}

static Value arguments(VM *vm)
{
    Value list = list_new(vm, NULL, 0);
    for (int i = 0; i < vm->argc || (i == 0 && vm->argc == 0); i++) {
        Value arg = IS_ERR(list) ? V_ERR : decode_argument(vm, vm->argc ? vm->argv[i] : "");
        if (IS_ERR(arg) || list_append(vm, list, arg) != ALP_OK) {
            value_free(vm, list);
            return V_ERR;
        }
    }
    return list;
}

/* module_set() with a value whose making may have failed. */
static Status set_new(VM *vm, Module *m, const char *name, ALP_TAKE Value v)
{
    return IS_ERR(v) ? ALP_FAIL : module_set(vm, m, name, v);
}

static Status init(VM *vm, Module *m)
{
    TRY(set_new(vm, m, "argv", arguments(vm)));
    TRY(set_new(vm, m, "stdout", stream_new(vm, 1)));
    TRY(set_new(vm, m, "stderr", stream_new(vm, 2)));
    TRY(set_new(vm, m, "platform", str_z(vm, "linux")));
    TRY(set_new(vm, m, "byteorder", str_z(vm, "little")));
    return module_set(vm, m, "maxsize", V_INT(INT64_MAX));
}

const ModuleDef mod_sys = { .name = "sys", .tables = tables, .init = init, .function_type = TY_builtin };
