/* dsl/diag.c — positions of diagnostics, and their text as CPython prints it. */
#include "dsl/diag.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Formats the message; a message that is too long ends at a character boundary. */
static void format_text(Diag *d, const char *fmt, va_list args)
{
    int n = vsnprintf(d->text, sizeof d->text, fmt, args);
    if (n < (int)sizeof d->text)
        return;
    size_t end = sizeof d->text - 1;
    while (end > 0 && ((unsigned char)d->text[end - 1] & 0xc0) == 0x80)
        end--;
    if (end > 0 && (unsigned char)d->text[end - 1] >= 0xc0)
        end--;
    d->text[end] = '\0';
}

Status diag_set(Diag *d, DiagKind kind, const Src *src, Span span, const char *fmt, ...)
{
    if (d->kind != DK_None)
        return ALP_FAIL;
    uint32_t line = src_line(src, span.start);
    *d = (Diag){ .kind = kind, .span = span, .line = line, .has_caret = true };
    d->column = src_column(src, span.start) + 1;
    if (span.end > span.start)
        d->end_column = src_line(src, span.end) == line ? src_column(src, span.end) + 1 : DIAG_LINE_END;
    va_list args;
    va_start(args, fmt);
    format_text(d, fmt, args);
    va_end(args);
    return ALP_FAIL;
}

Status diag_set_at(Diag *d, DiagKind kind, const Src *src, uint32_t line, uint32_t column, const char *fmt, ...)
{
    if (d->kind != DK_None)
        return ALP_FAIL;
    *d = (Diag){ .kind = kind, .line = line, .column = column };
    uint32_t size, indent = 0, at = 0;
    const char *text = src_line_text(src, line, &size);
    while (indent < size && (text[indent] == ' ' || text[indent] == '\t' || text[indent] == '\f'))
        indent++;
    for (uint32_t k = 1; k < column && at < size; k++)
        do
            at++;
        while (at < size && ((unsigned char)text[at] & 0xc0) == 0x80);
    d->has_caret = column > indent;
    d->span.start = d->span.end = (uint32_t)(text - src->text) + at;
    if (line == 0 || line > src->n_lines)
        d->span.start = d->span.end = src->size;
    va_list args;
    va_start(args, fmt);
    format_text(d, fmt, args);
    va_end(args);
    return ALP_FAIL;
}

Status diag_nomem(Diag *d)
{
    if (d->kind == DK_None)
        *d = (Diag){ .kind = DK_NoMemory, .text = "out of memory" };
    return ALP_FAIL;
}

const char *diag_kind_name(DiagKind k)
{
    switch (k) {
    case DK_Indentation: return "IndentationError";
    case DK_Tab:         return "TabError";
    case DK_NoMemory:    return "MemoryError";
    default:             return "SyntaxError";
    }
}

/* One character of UTF-8: its size, or 0 where the bytes are none. */
static uint32_t utf8_size(const char *s, uint32_t n)
{
    unsigned char c = (unsigned char)s[0];
    uint32_t size = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
    if (size > n)
        return 0;
    for (uint32_t k = 1; k < size; k++)
        if (((unsigned char)s[k] & 0xc0) != 0x80)
            return 0;
    return size;
}

typedef void Emit(void *user, const char *s, size_t n);

/* Bytes that are not UTF-8 are shown as U+FFFD.  Returns the number of characters. */
static uint32_t emit_line(const char *s, uint32_t size, Emit *emit, void *user)
{
    uint32_t n_chars = 0, done = 0;
    for (uint32_t i = 0; i < size; n_chars++) {
        uint32_t step = utf8_size(s + i, size - i);
        if (step == 0) {
            emit(user, s + done, i - done);
            emit(user, "\xef\xbf\xbd", 3);
            done = ++i;
        } else {
            i += step;
        }
    }
    emit(user, s + done, size - done);
    return n_chars;
}

static void emit_z(const char *s, Emit *emit, void *user)
{
    emit(user, s, strlen(s));
}

static void emit_times(char c, uint32_t n, Emit *emit, void *user)
{
    char buf[64];
    memset(buf, c, sizeof buf);
    for (; n > 0; n -= n < sizeof buf ? n : (uint32_t)sizeof buf)
        emit(user, buf, n < sizeof buf ? n : sizeof buf);
}

void diag_print(const Diag *d, const Src *src, Emit *emit, void *user)
{
    if (d->kind != DK_NoMemory) {
        char number[32];
        emit_z("  File \"", emit, user);
        emit_z(src->name, emit, user);
        snprintf(number, sizeof number, "\", line %u\n    ", (unsigned)d->line);
        emit_z(number, emit, user);
        uint32_t size = d->shown_size, indent = 0;
        const char *s = d->shown ? d->shown : src_line_text(src, d->line, &size);
        while (indent < size && (s[indent] == ' ' || s[indent] == '\t' || s[indent] == '\f'))
            indent++;
        uint32_t n_chars = indent + emit_line(s + indent, size - indent, emit, user);
        emit_z("\n", emit, user);
        if (d->column > indent) {
            uint32_t start = d->column, end = d->end_column;
            uint32_t limit = d->shown && end == DIAG_LINE_END ? size : size + 1;    /* CPython counts this one in bytes */
            if (start > n_chars + 1)
                start = n_chars + 1;
            if (end > limit)
                end = limit;
            emit_z("    ", emit, user);
            emit_times(' ', start - 1 - indent, emit, user);
            emit_times('^', end > d->column ? end - d->column : 1, emit, user);
            emit_z("\n", emit, user);
        }
    }
    emit_z(diag_kind_name(d->kind), emit, user);
    if (d->text[0] && d->kind != DK_NoMemory) {
        emit_z(": ", emit, user);
        emit_z(d->text, emit, user);
    }
    emit_z("\n", emit, user);
}
