/* interp/strbuf.c — the text builder: starts in its own small array, continues in a block laid out as a Str, so that a long
 * text becomes a string without being copied. */
#include <stdio.h>
#include <string.h>

#include "interp/str.h"

static Str *block_of(const StrBuf *sb)
{
    return (Str *)(void *)(sb->text - offsetof(Str, text));
}

static size_t block_size(size_t cap)
{
    return sizeof(Str) + cap + 1;
}

void sb_init(StrBuf *sb, VM *vm)
{
    sb->vm = vm;
    sb->text = sb->small;
    sb->size = 0;
    sb->cap = sizeof sb->small;
    sb->failed = false;
}

void sb_free(StrBuf *sb)
{
    if (sb->text != sb->small)
        vm_dealloc(sb->vm, block_of(sb), block_size(sb->cap));
    sb->text = sb->small;
    sb->size = 0;
    sb->cap = sizeof sb->small;
}

void sb_fail(StrBuf *sb)
{
    sb_free(sb);
    sb->failed = true;
}

static NOINLINE bool grow(StrBuf *sb, size_t size)
{
    if (sb->failed)
        return false;
    size_t need, cap;
    if (__builtin_add_overflow(sb->size, size, &need) || need > (size_t)INT64_MAX - sizeof(Str) - 1) {
        raise_nomem(sb->vm);
        sb_fail(sb);
        return false;
    }
    cap = need < 512 ? 1024 : need + need / 2;
    Str *old = sb->text == sb->small ? NULL : block_of(sb);
    Str *s = old ? vm_realloc(sb->vm, old, block_size(sb->cap), block_size(cap)) : vm_alloc(sb->vm, block_size(cap));
    if (!s) {
        sb_fail(sb);
        return false;
    }
    if (!old)
        memcpy(s->text, sb->small, sb->size);
    sb->text = s->text;
    sb->cap = cap;
    return true;
}

char *sb_room(StrBuf *sb, size_t size)
{
    if (UNLIKELY(sb->failed || size > sb->cap - sb->size) && !grow(sb, size))
        return NULL;
    char *room = sb->text + sb->size;
    sb->size += size;
    return room;
}

void sb_put(StrBuf *sb, const char *text, size_t size)
{
    char *room = sb_room(sb, size);
    if (room && size)
        memcpy(room, text, size);
}

void sb_putz(StrBuf *sb, const char *text)
{
    sb_put(sb, text, strlen(text));
}

void sb_putc(StrBuf *sb, char c)
{
    char *room = sb_room(sb, 1);
    if (room)
        *room = c;
}

void sb_pad(StrBuf *sb, char c, size_t n)
{
    char *room = sb_room(sb, n);
    if (room && n)
        memset(room, c, n);
}

void sb_repeat(StrBuf *sb, const char *text, size_t size, size_t n)
{
    size_t total;
    if (__builtin_mul_overflow(size, n, &total))
        total = SIZE_MAX;       /* refused */
    char *room = sb_room(sb, total);
    for (; room && n > 0; n--, room += size)
        memcpy(room, text, size);
}

void sb_put_cp(StrBuf *sb, uint32_t cp)
{
    char bytes[4];
    sb_put(sb, bytes, utf8_put(bytes, cp));
}

void sb_vprintf(StrBuf *sb, const char *fmt, va_list ap)
{
    char text[256];
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    if (n < 0) {
        raise_nomem(sb->vm);
        sb_fail(sb);
    } else if ((size_t)n < sizeof text) {
        sb_put(sb, text, (size_t)n);
    } else {
        char *room = sb_room(sb, (size_t)n + 1);
        if (room) {
            vsnprintf(room, (size_t)n + 1, fmt, again);
            sb->size--;
        }
    }
    va_end(again);
}

void sb_printf(StrBuf *sb, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    sb_vprintf(sb, fmt, ap);
    va_end(ap);
}

void sb_put_str(StrBuf *sb, ALP_TAKE Value s)
{
    if (IS_ERR(s)) {
        sb_fail(sb);
        return;
    }
    sb_put(sb, STR(s)->text, STR(s)->size);
    value_free(sb->vm, s);
}

Value sb_finish(StrBuf *sb)
{
    if (sb->failed)
        return V_ERR;
    if (sb->text == sb->small)
        return str_new(sb->vm, sb->small, sb->size);
    Str *s = block_of(sb);
    size_t cap = sb->cap, size = sb->size;
    if (cap - size > size / 8 + 64) {
        Str *smaller = mem_realloc(&sb->vm->mem, s, block_size(cap), block_size(size));
        if (smaller) {
            s = smaller;
            cap = size;
        }
    }
    s->head = (Obj){ .refs = 1, .tag = T_Str };
    s->size = size;
    s->length = utf8_count(s->text, size);
    s->cap = cap;
    s->text[size] = '\0';
    sb->text = sb->small;
    sb->size = 0;
    sb->cap = sizeof sb->small;
    return V_OBJ(s);
}
