/* interp/str.c — string objects: UTF-8 text with its number of code points.  A string whose size equals its length is ASCII
 * and indexed directly; others are walked. */
#include <string.h>

#include "interp/str.h"

/* ---- UTF-8 ------------------------------------------------------------------------------------------------------- */

static bool is_continuation(char c)
{
    return ((unsigned char)c & 0xC0) == 0x80;
}

size_t utf8_count(const char *text, size_t size)
{
    size_t i = 0, continuation = 0;
    for (; i + 8 <= size; i += 8) {
        uint64_t w;
        memcpy(&w, text + i, 8);
        /* bit 7 set and bit 6 clear, per byte */
        continuation += (size_t)(((w & ~(w << 1)) >> 7 & 0x0101010101010101u) * 0x0101010101010101u >> 56);
    }
    for (; i < size; i++)
        continuation += is_continuation(text[i]);
    return size - continuation;
}

uint32_t utf8_next(const char *text, size_t size, size_t *pos)
{
    const unsigned char *p = (const unsigned char *)text + *pos;
    size_t left = size - *pos;
    uint32_t c = p[0];
    if (c < 0x80 || left < 2) {
        *pos += 1;
        return c;
    }
    if (c < 0xE0) {
        *pos += 2;
        return (c & 0x1F) << 6 | (p[1] & 0x3F);
    }
    if (left < 3) {
        *pos += 1;
        return c;
    }
    if (c < 0xF0 || left < 4) {
        *pos += 3;
        return (c & 0x0F) << 12 | (uint32_t)(p[1] & 0x3F) << 6 | (p[2] & 0x3F);
    }
    *pos += 4;
    return (c & 0x07) << 18 | (uint32_t)(p[1] & 0x3F) << 12 | (uint32_t)(p[2] & 0x3F) << 6 | (p[3] & 0x3F);
}

size_t utf8_put(char out[4], uint32_t cp)
{
    if (cp < 0x80) {
        out[0] = (char)cp;
        return 1;
    }
    if (cp < 0x800) {
        out[0] = (char)(0xC0 | cp >> 6);
        out[1] = (char)(0x80 | (cp & 0x3F));
        return 2;
    }
    if (cp < 0x10000) {
        out[0] = (char)(0xE0 | cp >> 12);
        out[1] = (char)(0x80 | (cp >> 6 & 0x3F));
        out[2] = (char)(0x80 | (cp & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | cp >> 18);
    out[1] = (char)(0x80 | (cp >> 12 & 0x3F));
    out[2] = (char)(0x80 | (cp >> 6 & 0x3F));
    out[3] = (char)(0x80 | (cp & 0x3F));
    return 4;
}

/* Offset `n` code points after (or, n < 0, before) the code point that starts at `at`. */
static size_t step_offset(const char *text, size_t at, int64_t n)
{
    for (; n > 0; n--)
        do
            at++;
        while (is_continuation(text[at]));
    for (; n < 0; n++)
        do
            at--;
        while (is_continuation(text[at]));
    return at;
}

size_t str_offset(const Str *s, size_t i)
{
    if (s->size == s->length)
        return i;
    if (i >= s->length)
        return s->size;
    if (i > s->length / 2)
        return step_offset(s->text, s->size, -(int64_t)(s->length - i));
    return step_offset(s->text, 0, (int64_t)i);
}

/* ---- objects ----------------------------------------------------------------------------------------------------- */

static size_t object_size(size_t cap)
{
    return sizeof(Str) + cap + 1;
}

static Str *alloc_cap(VM *vm, size_t size, size_t cap)
{
    if (cap > (size_t)INT64_MAX - sizeof(Str) - 1) {
        raise_nomem(vm);
        return NULL;
    }
    Str *s = obj_new(vm, T_Str, object_size(cap));
    if (!s)
        return NULL;
    s->size = s->length = size;
    s->cap = cap;
    s->text[size] = '\0';
    return s;
}

Str *str_alloc(VM *vm, size_t size)
{
    return alloc_cap(vm, size, size);
}

Value str_new(VM *vm, const char *text, size_t size)
{
    if (size == 1 && (unsigned char)*text < 128)
        return vm_char(vm, (unsigned char)*text);
    Str *s = str_alloc(vm, size);
    if (!s)
        return V_ERR;
    if (size)
        memcpy(s->text, text, size);
    s->length = utf8_count(text, size);
    return V_OBJ(s);
}

Value str_z(VM *vm, const char *text)
{
    return str_new(vm, text, strlen(text));
}

Value str_fmt(VM *vm, const char *fmt, ...)
{
    StrBuf sb;
    sb_init(&sb, vm);
    va_list ap;
    va_start(ap, fmt);
    sb_vprintf(&sb, fmt, ap);
    va_end(ap);
    return sb_finish(&sb);
}

Value str_concat(VM *vm, ALP_TAKE Value a, Value b)
{
    Str *x = STR(a);
    const Str *y = STR(b);
    if (y->size == 0)
        return a;
    size_t size;
    if (__builtin_add_overflow(x->size, y->size, &size) || size > (size_t)INT64_MAX / 2) {
        value_free(vm, a);
        return raise_nomem(vm);
    }
    size_t length = x->length + y->length;
    if (x->head.refs == 1 && x != y) {
        if (size > x->cap) {
            size_t cap = size + size / 4 + 32;
            Str *bigger = vm_realloc(vm, x, object_size(x->cap), object_size(cap));
            if (!bigger) {
                value_free(vm, a);
                return V_ERR;
            }
            x = bigger;
            x->cap = cap;
        }
        memcpy(x->text + x->size, y->text, y->size + 1);
        x->size = size;
        x->length = length;
        return V_OBJ(x);
    }
    Str *s = str_alloc(vm, size);
    if (s) {
        memcpy(s->text, x->text, x->size);
        memcpy(s->text + x->size, y->text, y->size);
        s->length = length;
    }
    value_free(vm, a);
    return s ? V_OBJ(s) : V_ERR;
}

/* UTF-8 keeps the order of code points, so bytes can be compared. */
int str_compare(const Str *a, const Str *b)
{
    size_t n = a->size < b->size ? a->size : b->size;
    int c = memcmp(a->text, b->text, n);
    return c ? c : a->size < b->size ? -1 : a->size > b->size;
}

bool str_equal(const Str *a, const Str *b)
{
    return a == b || (a->size == b->size && memcmp(a->text, b->text, a->size) == 0);
}

Value str_index(VM *vm, Value v, int64_t i)
{
    const Str *s = STR(v);
    int64_t n = (int64_t)s->length;
    if (i < 0)
        i += n;
    if (i < 0 || i >= n)
        return raise(vm, TY_IndexError, "string index out of range");
    if (s->size == s->length)
        return str_new(vm, s->text + i, 1);
    size_t at = str_offset(s, (size_t)i);
    return str_new(vm, s->text + at, step_offset(s->text, at, 1) - at);
}

Value str_slice(VM *vm, Value v, int64_t start, int64_t step, int64_t count)
{
    const Str *s = STR(v);
    bool ascii = s->size == s->length;
    if (count <= 0)
        return str_new(vm, "", 0);
    if (step == 1) {
        if (count == (int64_t)s->length)
            return value_ref(v);
        size_t from = str_offset(s, (size_t)start), to = str_offset(s, (size_t)(start + count));
        return str_new(vm, s->text + from, to - from);
    }
    if (ascii) {
        Str *r = str_alloc(vm, (size_t)count);
        if (!r)
            return V_ERR;
        for (int64_t k = 0; k < count; k++)
            r->text[k] = s->text[start + k * step];
        return V_OBJ(r);
    }
    StrBuf sb;
    sb_init(&sb, vm);
    size_t at = str_offset(s, (size_t)start);
    for (int64_t k = 0; k < count; k++) {
        if (k)
            at = step_offset(s->text, at, step);
        sb_put(&sb, s->text + at, step_offset(s->text, at, 1) - at);
    }
    return sb_finish(&sb);
}

Value str_repeat(VM *vm, Value v, int64_t n)
{
    const Str *s = STR(v);
    if (n == 1)
        return value_ref(v);
    if (n <= 0 || s->size == 0)
        return str_new(vm, "", 0);
    int64_t size;
    if (__builtin_mul_overflow((int64_t)s->size, n, &size))
        return raise(vm, TY_OverflowError, "repeated string is too long");
    Str *r = str_alloc(vm, (size_t)size);
    if (!r)
        return V_ERR;
    r->length = s->length * (size_t)n;
    if (s->size == 1) {
        memset(r->text, s->text[0], (size_t)size);
    } else {
        /* double what is there until it is full */
        memcpy(r->text, s->text, s->size);
        for (size_t done = s->size; done < (size_t)size;) {
            size_t more = done < (size_t)size - done ? done : (size_t)size - done;
            memcpy(r->text + done, r->text, more);
            done += more;
        }
    }
    return V_OBJ(r);
}

const char *text_find(const char *text, size_t size, const Str *needle)
{
    if (needle->size == 1)
        return memchr(text, needle->text[0], size);
    return memmem(text, size, needle->text, needle->size);
}

int str_contains(const Str *hay, const Str *needle)
{
    return needle->size == 0 || text_find(hay->text, hay->size, needle) != NULL;
}
