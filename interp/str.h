/* interp/str.h — strings (immutable UTF-8) and the builder they are made with. */
#ifndef ALP_INTERP_STR_H
#define ALP_INTERP_STR_H

#include "interp/vm.h"

typedef struct Str {
    Obj      head;              /* T_Str */
    size_t   size;              /* bytes, without the NUL */
    size_t   length;            /* code points; == size: ASCII, indexable directly */
    size_t   cap;               /* bytes that fit, without the NUL */
    char     text[];            /* NUL-terminated; may hold NULs inside */
} Str;

#define STR(v) ((Str *)(void *)(v).u.o)

Value str_new(VM *vm, const char *text, size_t size);       /* valid UTF-8 expected (lone surrogates as CESU-like 3 bytes are allowed) */
Value str_z(VM *vm, const char *text);
Value str_fmt(VM *vm, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* a + b.  Takes a: when it has the only reference the text is appended in place (amortised growth), so `s += t` is linear. */
Value str_concat(VM *vm, ALP_TAKE Value a, Value b);
int   str_compare(const Str *a, const Str *b);              /* by code point: <0, 0, >0 */
bool  str_equal(const Str *a, const Str *b);
Value str_index(VM *vm, Value s, int64_t i);                /* IndexError "string index out of range" */
Value str_slice(VM *vm, Value s, int64_t start, int64_t step, int64_t count);
Value str_repeat(VM *vm, Value s, int64_t n);
int   str_contains(const Str *hay, const Str *needle);
/* The first occurrence of needle, which is not empty, in a text; NULL: none. */
const char *text_find(const char *text, size_t size, const Str *needle);
/* Next code point at *pos (byte offset), advancing it. */
uint32_t utf8_next(const char *text, size_t size, size_t *pos);
size_t   utf8_put(char out[4], uint32_t cp);
size_t   utf8_count(const char *text, size_t size);         /* code points */
/* Byte offset of the code point with this index, 0 <= i <= length. */
size_t   str_offset(const Str *s, size_t i);
/* A Str of `size` bytes still to be written (the NUL behind them is there); the caller sets length.  NULL: MemoryError. */
Str  *str_alloc(VM *vm, size_t size);

/* A growing text.  The first failure sticks: later calls do nothing, sb_finish gives V_ERR. */
typedef struct StrBuf {
    VM    *vm;
    char  *text;
    size_t size, cap;
    bool   failed;
    char   small[256];
} StrBuf;

void  sb_init(StrBuf *sb, VM *vm);
void  sb_put(StrBuf *sb, const char *text, size_t size);
void  sb_putz(StrBuf *sb, const char *text);
void  sb_putc(StrBuf *sb, char c);
void  sb_pad(StrBuf *sb, char c, size_t n);
void  sb_repeat(StrBuf *sb, const char *text, size_t size, size_t n);  /* n times text */
void  sb_printf(StrBuf *sb, const char *fmt, ...) PRINTF_LIKE(2, 3);
void  sb_vprintf(StrBuf *sb, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
void  sb_put_cp(StrBuf *sb, uint32_t cp);                   /* one code point as UTF-8 */
char *sb_room(StrBuf *sb, size_t size);                     /* appends `size` bytes for the caller to write; NULL: failed */
void  sb_put_str(StrBuf *sb, ALP_TAKE Value s);             /* T_Error marks the buffer failed */
void  sb_fail(StrBuf *sb);
Value sb_finish(StrBuf *sb);                                /* owned Str; releases the buffer */
void  sb_free(StrBuf *sb);

#endif
