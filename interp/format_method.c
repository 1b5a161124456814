/* interp/format_method.c — "…".format(…): replacement fields {name[.attribute|[index]]…[!conversion][:spec]}. */
#include <string.h>

#include "interp/format.h"
#include "interp/native.h"
#include "interp/ops.h"
#include "interp/str_methods.h"
#include "interp/unicode.h"

/* The arguments, and how fields are numbered. */
typedef struct Fields {
    VM          *vm;
    const Value *args;
    uint32_t     n_args;        /* positional ones */
    const Sym   *kw;
    const Value *kw_value;
    uint32_t     n_kw;
    enum { NUM_Unknown, NUM_Auto, NUM_Manual } numbering;
    int64_t      next;
} Fields;

static bool put_format(Fields *f, StrBuf *sb, const char *text, size_t size, int depth);

static Value fail(Fields *f, const char *text)
{
    return raise(f->vm, TY_ValueError, "%s", text);
}

/* A decimal number that is the whole text: true and *out, which is -1 when it does not fit. */
static bool whole_number(const char *text, size_t size, int64_t *out)
{
    int64_t n = 0;
    for (size_t at = 0; at < size;) {
        int digit = uni_decimal(utf8_next(text, size, &at));
        if (digit < 0)
            return false;
        if (n >= 0 && (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, digit, &n)))
            n = -1;
    }
    *out = n;
    return size > 0;
}

/* The argument that a field begins with.  Owned. */
static Value first_value(Fields *f, const char *name, size_t size)
{
    int64_t index;
    bool automatic = size == 0;
    if (!automatic && !whole_number(name, size, &index)) {
        Sym sym = intern_find(f->vm->names, name, size);
        for (uint32_t k = 0; k < f->n_kw && sym != SYM_NONE; k++)
            if (f->kw[k] == sym)
                return value_ref(f->kw_value[k]);
        StrBuf key;
        sb_init(&key, f->vm);
        sb_put_quoted(&key, name, size);
        sb_putc(&key, '\0');
        if (!key.failed)
            raise(f->vm, TY_KeyError, "%s", key.text);
        sb_free(&key);
        return V_ERR;
    }
    if (!automatic && index < 0)
        return fail(f, "Too many decimal digits in format string");
    if (automatic ? f->numbering == NUM_Manual : f->numbering == NUM_Auto)
        return fail(f, automatic ? "cannot switch from manual field specification to automatic field numbering"
                                 : "cannot switch from automatic field numbering to manual field specification");
    f->numbering = automatic ? NUM_Auto : NUM_Manual;
    if (automatic)
        index = f->next++;
    if (index >= f->n_args)
        return raise(f->vm, TY_IndexError, "Replacement index %lld out of range for positional args tuple", (long long)index);
    return value_ref(f->args[index]);
}

static Value index_value(Fields *f, Value v, const char *key, size_t size)
{
    int64_t index;
    if (whole_number(key, size, &index))
        return index < 0 ? fail(f, "Too many decimal digits in format string") : op_index(f->vm, v, V_INT(index));
    Value text = str_new(f->vm, key, size);
    if (IS_ERR(text))
        return V_ERR;
    Value r = op_index(f->vm, v, text);
    value_free(f->vm, text);
    return r;
}

static Value attribute_value(Fields *f, Value v, const char *name, size_t size)
{
    Sym sym = intern(f->vm->names, name, size);
    return sym == SYM_NONE ? raise_nomem(f->vm) : attr_get(f->vm, v, sym);
}

/* name.attribute[index]…  Owned. */
static Value field_value(Fields *f, const char *text, size_t size)
{
    size_t at = 0;
    while (at < size && text[at] != '.' && text[at] != '[')
        at++;
    Value v = first_value(f, text, at);
    while (at < size && !IS_ERR(v)) {
        bool dot = text[at] == '.';
        if (!dot && text[at] != '[') {
            value_free(f->vm, v);
            return fail(f, "Only '.' or '[' may follow ']' in format field specifier");
        }
        size_t start = ++at;
        while (at < size && (dot ? text[at] != '.' && text[at] != '[' : text[at] != ']'))
            at++;
        size_t end = at;
        Value r = V_ERR;
        if (!dot && at++ >= size)
            fail(f, "Missing ']' in format string");
        else if (end == start)
            fail(f, "Empty attribute in format string");
        else
            r = dot ? attribute_value(f, v, text + start, end - start) : index_value(f, v, text + start, end - start);
        value_free(f->vm, v);
        v = r;
    }
    return v;
}

/* ---- the parts of a field ---------------------------------------------------------------------------------------- */

typedef struct Field {
    const char *name, *spec;
    size_t      name_size, spec_size;
    uint32_t    conversion;     /* 0: none */
    bool        nested;         /* the spec holds fields */
} Field;

/* Reads a field whose '{' ends at *at, and moves *at behind its '}'. */
static bool read_field(Fields *f, const char *text, size_t size, size_t *at, Field *field)
{
    *field = (Field){ .name = text + *at, .spec = text + *at };
    bool in_brackets = false;
    size_t p = *at;
    for (; p < size; p++) {
        char c = text[p];
        if (c == '{' && !in_brackets) {
            fail(f, "unexpected '{' in field name");
            return false;
        }
        if (in_brackets)
            in_brackets = c != ']';
        else if (c == '[')
            in_brackets = true;
        else if (c == '}' || c == ':' || c == '!')
            break;
    }
    field->name_size = p - *at;
    if (p >= size) {
        fail(f, "expected '}' before end of string");
        return false;
    }
    if (text[p] == '!') {
        if (++p >= size) {
            fail(f, "end of string while looking for conversion specifier");
            return false;
        }
        field->conversion = utf8_next(text, size, &p);
        if (p < size && text[p] != ':' && text[p] != '}') {
            fail(f, "expected ':' after conversion specifier");
            return false;
        }
    }
    if (p < size && text[p] == '}') {
        *at = p + 1;
        return true;
    }
    size_t start = p < size ? p + 1 : p;
    int depth = 1;
    for (p = start; p < size; p++) {
        if (text[p] == '{') {
            field->nested = true;
            depth++;
        } else if (text[p] == '}' && --depth == 0) {
            break;
        }
    }
    if (p >= size) {
        fail(f, "unmatched '{' in format spec");
        return false;
    }
    field->spec = text + start;
    field->spec_size = p - start;
    *at = p + 1;
    return true;
}

static Value convert(Fields *f, ALP_TAKE Value v, uint32_t conversion)
{
    Value r;
    switch (conversion) {
    case 0:
        return v;
    case 'r':
        r = value_repr(f->vm, v);
        break;
    case 's':
        r = value_str(f->vm, v);
        break;
    case 'a':
        r = value_ascii(f->vm, v);
        break;
    default:
        if (conversion > 32 && conversion < 127)
            r = raise(f->vm, TY_ValueError, "Unknown conversion specifier %c", (int)conversion);
        else
            r = raise(f->vm, TY_ValueError, "Unknown conversion specifier \\x%x", conversion);
    }
    value_free(f->vm, v);
    return r;
}

static bool put_field(Fields *f, StrBuf *sb, const Field *field, int depth)
{
    Value v = field_value(f, field->name, field->name_size);
    if (!IS_ERR(v))
        v = convert(f, v, field->conversion);
    if (IS_ERR(v))
        return false;
    StrBuf spec;
    sb_init(&spec, f->vm);
    bool ok = true;
    if (field->nested)
        ok = put_format(f, &spec, field->spec, field->spec_size, depth - 1);
    if (ok) {
        Value text = field->nested ? format_value(f->vm, v, spec.text, spec.size)
                                   : format_value(f->vm, v, field->spec, field->spec_size);
        ok = !IS_ERR(text);
        sb_put_str(sb, text);
    }
    sb_free(&spec);
    value_free(f->vm, v);
    return ok && !sb->failed;
}

/* False: an exception is pending. */
static bool put_format(Fields *f, StrBuf *sb, const char *text, size_t size, int depth)
{
    if (depth < 0) {
        fail(f, "Max string recursion exceeded");
        return false;
    }
    for (size_t at = 0; at < size;) {
        size_t plain = at;
        while (at < size && text[at] != '{' && text[at] != '}')
            at++;
        sb_put(sb, text + plain, at - plain);
        if (at >= size)
            break;
        char brace = text[at++];
        if (at < size && text[at] == brace) {
            sb_putc(sb, brace);
            at++;
        } else if (brace == '}' || at >= size) {
            fail(f, brace == '}' ? "Single '}' encountered in format string" : "Single '{' encountered in format string");
            return false;
        } else {
            Field field;
            if (!read_field(f, text, size, &at, &field) || !put_field(f, sb, &field, depth))
                return false;
        }
    }
    return !sb->failed;
}

Value str_format(VM *vm, const Args *a)
{
    Fields f = { .vm = vm, .args = a->rest, .n_args = a->n_rest, .kw = a->kw, .kw_value = a->kw_value, .n_kw = a->n_kw };
    StrBuf sb;
    sb_init(&sb, vm);
    if (!put_format(&f, &sb, STR(a->v[0])->text, STR(a->v[0])->size, 1))
        sb_fail(&sb);
    return sb_finish(&sb);
}
