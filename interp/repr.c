/* interp/repr.c — str() and repr() of every kind of value. */
#include <stdio.h>
#include <string.h>

#include "interp/array.h"
#include "interp/format.h"
#include "interp/func.h"
#include "interp/iter.h"
#include "interp/ops.h"
#include "interp/unicode.h"

/* ---- integers and text ------------------------------------------------------------------------------------------- */

void sb_put_uint(StrBuf *sb, uint64_t x)
{
    char text[20];
    size_t at = sizeof text;
    do {
        text[--at] = (char)('0' + x % 10);
        x /= 10;
    } while (x);
    sb_put(sb, text + at, sizeof text - at);
}

void sb_put_int(StrBuf *sb, int64_t x)
{
    if (x < 0)
        sb_putc(sb, '-');
    sb_put_uint(sb, x < 0 ? 0 - (uint64_t)x : (uint64_t)x);
}

static void put_escape(StrBuf *sb, uint32_t c)
{
    if (c < 0x100)
        sb_printf(sb, "\\x%02x", c);
    else if (c < 0x10000)
        sb_printf(sb, "\\u%04x", c);
    else
        sb_printf(sb, "\\U%08x", c);
}

void sb_put_quoted(StrBuf *sb, const char *text, size_t size)
{
    char quote = memchr(text, '\'', size) && !memchr(text, '"', size) ? '"' : '\'';
    sb_putc(sb, quote);
    size_t plain = 0;       /* start of the stretch that stands for itself */
    for (size_t at = 0; at < size;) {
        size_t here = at;
        unsigned char b = (unsigned char)text[at];
        if (LIKELY(b >= ' ' && b < 0x7F && b != '\\' && b != (unsigned char)quote)) {
            at++;
            continue;
        }
        uint32_t c = utf8_next(text, size, &at);
        if (c >= 0x80 && (uni_flags(c) & UNI_Printable))
            continue;
        sb_put(sb, text + plain, here - plain);
        plain = at;
        if (c == '\n')
            sb_put(sb, "\\n", 2);
        else if (c == '\r')
            sb_put(sb, "\\r", 2);
        else if (c == '\t')
            sb_put(sb, "\\t", 2);
        else if (c == '\\' || c == (unsigned char)quote) {
            sb_putc(sb, '\\');
            sb_putc(sb, (char)c);
        } else
            put_escape(sb, c);
    }
    sb_put(sb, text + plain, size - plain);
    sb_putc(sb, quote);
}

/* ---- numbers ----------------------------------------------------------------------------------------------------- */

static void put_float(StrBuf *sb, double x, bool single)
{
    char text[FMT_DOUBLE_MAX];
    sb_put(sb, text, single ? fmt_float32(text, (float)x) : fmt_double(text, x));
}

static void put_npscalar(StrBuf *sb, Value v)
{
    switch (NP_DTYPE(v.tag)) {
    case DT_Bool:
        sb_putz(sb, v.u.i ? "True" : "False");
        break;
    case DT_I8: case DT_I16: case DT_I32: case DT_I64:
        sb_put_int(sb, v.u.i);
        break;
    case DT_U8: case DT_U16: case DT_U32: case DT_U64:
        sb_put_uint(sb, v.u.u);
        break;
    case DT_F32:
        put_float(sb, v.u.f, true);
        break;
    case DT_F64:
        put_float(sb, v.u.f, false);
        break;
    case DT_C64:
        sb_put_complex(sb, (double)v.u.c64.re, (double)v.u.c64.im, true);
        break;
    case DT_C128:
        sb_put_complex(sb, COMPLEX(v)->re, COMPLEX(v)->im, false);
        break;
    case DT_COUNT:
        break;
    }
}

static void put_npscalar_repr(StrBuf *sb, Value v)
{
    if (v.tag == T_NpBool) {
        sb_putz(sb, v.u.i ? "np.True_" : "np.False_");
        return;
    }
    sb_printf(sb, "np.%s(", dtype_info[NP_DTYPE(v.tag)].name);
    size_t at = sb->size;
    put_npscalar(sb, v);
    /* a complex number brings its own parentheses, unless it is purely imaginary */
    if (!sb->failed && sb->size > at && sb->text[at] == '(') {
        memmove(sb->text + at, sb->text + at + 1, sb->size - at - 1);
        sb->size--;
    } else {
        sb_putc(sb, ')');
    }
}

/* ---- containers -------------------------------------------------------------------------------------------------- */

/* A level of nesting: false means RecursionError, before the C stack ends. */
static bool enter(StrBuf *sb, Obj *o)
{
    VM *vm = sb->vm;
    if (vm->depth >= vm->max_depth || (char *)__builtin_frame_address(0) < vm->stack_limit) {
        raise(vm, TY_RecursionError, "maximum recursion depth exceeded while getting the repr of an object");
        sb_fail(sb);
        return false;
    }
    vm->depth++;
    o->flags |= OBJ_IN_REPR;
    return true;
}

static void leave(StrBuf *sb, Obj *o)
{
    o->flags &= (uint8_t)~OBJ_IN_REPR;
    sb->vm->depth--;
}

static void put_tuple(StrBuf *sb, Tuple *t)
{
    if (t->head.flags & OBJ_IN_REPR) {
        sb_putz(sb, "(...)");
        return;
    }
    if (!enter(sb, &t->head))
        return;
    sb_putc(sb, '(');
    for (size_t k = 0; k < t->count && !sb->failed; k++) {
        if (k)
            sb_put(sb, ", ", 2);
        sb_put_repr(sb, t->item[k]);
    }
    sb_putz(sb, t->count == 1 ? ",)" : ")");
    leave(sb, &t->head);
}

static void put_list(StrBuf *sb, List *l)
{
    if (l->link.head.flags & OBJ_IN_REPR) {
        sb_putz(sb, "[...]");
        return;
    }
    if (!enter(sb, &l->link.head))
        return;
    sb_putc(sb, '[');
    for (size_t k = 0; k < l->count && !sb->failed; k++) {
        if (k)
            sb_put(sb, ", ", 2);
        sb_put_repr(sb, l->item[k]);
    }
    sb_putc(sb, ']');
    leave(sb, &l->link.head);
}

static void put_range(StrBuf *sb, const Range *r)
{
    sb_putz(sb, "range(");
    sb_put_int(sb, r->start);
    sb_put(sb, ", ", 2);
    sb_put_int(sb, r->stop);
    if (r->step != 1) {
        sb_put(sb, ", ", 2);
        sb_put_int(sb, r->step);
    }
    sb_putc(sb, ')');
}

static void put_slice(StrBuf *sb, const Slice *s)
{
    sb_putz(sb, "slice(");
    sb_put_repr(sb, s->start);
    sb_put(sb, ", ", 2);
    sb_put_repr(sb, s->stop);
    sb_put(sb, ", ", 2);
    sb_put_repr(sb, s->step);
    sb_putc(sb, ')');
}

/* ---- functions, modules, exceptions, the rest -------------------------------------------------------------------- */

static void put_native(StrBuf *sb, const Native *f)
{
    if (f->type == TY_ufunc)
        sb_printf(sb, "<ufunc '%s'>", f->row->name);
    else if (f->self.tag != T_Unbound)
        sb_printf(sb, "<built-in method %s of %s object at %p>", f->row->name, value_type_name(f->self),
                  IS_HEAP(f->self) ? (void *)f->self.u.o : (void *)f);
    else if (f->style == NS_Python)
        sb_printf(sb, "<function %s at %p>", f->row->name, (const void *)f);
    else
        sb_printf(sb, "<built-in function %s>", f->row->name);
}

static void put_module(StrBuf *sb, const Module *m)
{
    sb_printf(sb, "<module '%s'", intern_text(sb->vm->names, m->name));
    if (m->path) {
        sb_putz(sb, " from ");
        sb_put_quoted(sb, m->path, strlen(m->path));
    } else if (m->is_builtin) {
        sb_putz(sb, " (built-in)");
    }
    sb_putc(sb, '>');
}

static void put_exc_repr(StrBuf *sb, const Exc *e)
{
    sb_putz(sb, type_name(e->type));
    const Tuple *args = e->args.tag == T_Tuple ? TUPLE(e->args) : NULL;
    if (!args) {
        sb_put(sb, "()", 2);
    } else if (args->count == 1) {
        sb_putc(sb, '(');
        sb_put_repr(sb, args->item[0]);
        sb_putc(sb, ')');
    } else {
        sb_put_repr(sb, e->args);
    }
}

static void put_exc(StrBuf *sb, const Exc *e)
{
    const Tuple *args = e->args.tag == T_Tuple ? TUPLE(e->args) : NULL;
    if (!args || args->count == 0)
        return;
    if (args->count == 1) {
        if (e->type == TY_KeyError)
            sb_put_repr(sb, args->item[0]);
        else
            sb_put_value(sb, args->item[0]);
        return;
    }
    if (type_is_subclass(e->type, TY_OSError) && args->count <= 3) {
        sb_putz(sb, "[Errno ");
        sb_put_value(sb, args->item[0]);
        sb_putz(sb, "] ");
        sb_put_value(sb, args->item[1]);
        if (args->count == 3) {
            sb_put(sb, ": ", 2);
            sb_put_repr(sb, args->item[2]);
        }
        return;
    }
    sb_put_repr(sb, e->args);
}

static void put_foreign(StrBuf *sb, Value v)
{
    const ForeignClass *cls = FOREIGN(v)->cls;
    if (cls->repr)
        sb_put_str(sb, cls->repr(sb->vm, v));
    else
        sb_printf(sb, "<%s%s%s object at %p>", cls->module, *cls->module ? "." : "", cls->name, (void *)v.u.o);
}

/* ---- all kinds --------------------------------------------------------------------------------------------------- */

void sb_put_repr(StrBuf *sb, Value v)
{
    switch ((Tag)v.tag) {
    case T_Error:
        sb_fail(sb);
        break;
    case T_Unbound:
        sb_putz(sb, "<unbound>");
        break;
    case T_None:
        sb_putz(sb, "None");
        break;
    case T_Ellipsis:
        sb_putz(sb, "Ellipsis");
        break;
    case T_NotImplemented:
        sb_putz(sb, "NotImplemented");
        break;
    case T_Bool:
        sb_putz(sb, v.u.i ? "True" : "False");
        break;
    case T_Int:
        sb_put_int(sb, v.u.i);
        break;
    case T_Float:
        put_float(sb, v.u.f, false);
        break;
    case T_Type:
        sb_printf(sb, "<class '%s'>", type_qualname((TypeId)v.u.i));
        break;
    case T_Dtype:
        sb_printf(sb, "dtype('%s')", dtype_info[v.u.i].name);
        break;
    case T_NpBool: case T_NpI8: case T_NpI16: case T_NpI32: case T_NpI64: case T_NpU8: case T_NpU16: case T_NpU32: case T_NpU64:
    case T_NpF32: case T_NpF64: case T_NpC64: case T_NpC128:
        put_npscalar_repr(sb, v);
        break;
    case T_Complex:
        sb_put_complex(sb, COMPLEX(v)->re, COMPLEX(v)->im, false);
        break;
    case T_Str:
        sb_put_quoted(sb, STR(v)->text, STR(v)->size);
        break;
    case T_Tuple:
        put_tuple(sb, TUPLE(v));
        break;
    case T_List:
        put_list(sb, LIST(v));
        break;
    case T_Range:
        put_range(sb, RANGE(v));
        break;
    case T_Slice:
        put_slice(sb, SLICE(v));
        break;
    case T_Array:
        sb_put_array(sb, v, true);
        break;
    case T_Func:
        sb_printf(sb, "<function %s at %p>", intern_text(sb->vm->names, FUNC(v)->code->qualname), (void *)v.u.o);
        break;
    case T_Native:
        put_native(sb, (const Native *)(const void *)v.u.o);
        break;
    case T_Module:
        put_module(sb, (const Module *)(const void *)v.u.o);
        break;
    case T_Iter: case T_Cell:
        sb_printf(sb, "<%s object at %p>", value_type_name(v), (void *)v.u.o);
        break;
    case T_Exc:
        put_exc_repr(sb, (const Exc *)(const void *)v.u.o);
        break;
    case T_Foreign:
        put_foreign(sb, v);
        break;
    case T_COUNT:
        break;
    }
}

void sb_put_value(StrBuf *sb, Value v)
{
    if (v.tag == T_Str)
        sb_put(sb, STR(v)->text, STR(v)->size);
    else if (v.tag == T_Exc)
        put_exc(sb, (const Exc *)(const void *)v.u.o);
    else if (v.tag == T_Array)
        sb_put_array(sb, v, false);
    else if (v.tag == T_Dtype)
        sb_putz(sb, dtype_info[v.u.i].name);
    else if (IS_NPSCALAR(v))
        put_npscalar(sb, v);
    else
        sb_put_repr(sb, v);
}

Value value_repr(VM *vm, Value v)
{
    StrBuf sb;
    sb_init(&sb, vm);
    sb_put_repr(&sb, v);
    return sb_finish(&sb);
}

Value value_str(VM *vm, Value v)
{
    if (v.tag == T_Str)
        return value_ref(v);
    if (v.tag == T_Int && v.u.u < 10)
        return vm_char(vm, (unsigned char)('0' + v.u.i));
    StrBuf sb;
    sb_init(&sb, vm);
    sb_put_value(&sb, v);
    return sb_finish(&sb);
}

Value value_ascii(VM *vm, Value v)
{
    Value r = value_repr(vm, v);
    if (IS_ERR(r) || STR(r)->size == STR(r)->length)
        return r;
    StrBuf sb;
    sb_init(&sb, vm);
    for (size_t at = 0; at < STR(r)->size;) {
        uint32_t c = utf8_next(STR(r)->text, STR(r)->size, &at);
        if (c < 0x80)
            sb_putc(&sb, (char)c);
        else
            put_escape(&sb, c);
    }
    value_free(vm, r);
    return sb_finish(&sb);
}
