/* dsl/src.c — copies a text with uniform line ends, and finds lines by binary search. */
#include "dsl/src.h"

#include <string.h>

/* Offsets are 32 bits wide; a little room is left for arithmetic on them. */
#define SIZE_LIMIT (UINT32_MAX - 64)

/* CR LF and CR become LF.  Returns the new size. */
static uint32_t copy_lines(char *to, const char *from, size_t size)
{
    if (!memchr(from, '\r', size)) {
        memcpy(to, from, size);
        return (uint32_t)size;
    }
    char *t = to;
    for (const char *p = from, *end = from + size; p < end; p++) {
        if (*p == '\r' && p + 1 < end && p[1] == '\n')
            continue;
        *t++ = *p == '\r' ? '\n' : *p;
    }
    return (uint32_t)(t - to);
}

static Status index_lines(Src *s)
{
    const char *end = s->text + s->size, *nl;
    uint32_t n = 1;
    for (const char *p = s->text; (nl = memchr(p, '\n', (size_t)(end - p))); p = nl + 1)
        n++;
    s->line_start = mem_alloc(s->mem, sizeof *s->line_start * n);
    if (!s->line_start)
        return ALP_FAIL;
    s->n_lines = n;
    n = 0;
    s->line_start[n++] = 0;
    for (const char *p = s->text; (nl = memchr(p, '\n', (size_t)(end - p))); p = nl + 1)
        s->line_start[n++] = (uint32_t)(nl + 1 - s->text);
    return ALP_OK;
}

Status src_init(Src *s, Mem *mem, const char *name, const char *text, size_t size, const char **why)
{
    *s = (Src){ .mem = mem };
    *why = NULL;
    if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        text += 3, size -= 3;
    if (size > SIZE_LIMIT) {
        *why = "source is larger than 4 GiB";
        return ALP_FAIL;
    }
    size_t name_size = strlen(name) + 1;
    s->name = mem_alloc(mem, name_size);
    s->text = mem_alloc(mem, size + 1);
    if (!s->name || !s->text)
        goto fail;
    memcpy(s->name, name, name_size);
    s->size = copy_lines(s->text, text, size);
    if (s->size != size) {
        char *fit = mem_realloc(mem, s->text, size + 1, s->size + 1u);
        if (!fit)
            goto fail;
        s->text = fit;
    }
    s->text[s->size] = '\0';
    if (index_lines(s) == ALP_OK)
        return ALP_OK;
    size = s->size;
fail:
    mem_free(mem, s->name, name_size);
    mem_free(mem, s->text, size + 1);
    *s = (Src){ .mem = mem };
    return ALP_FAIL;
}

void src_free(Src *s)
{
    if (s->name)
        mem_free(s->mem, s->name, strlen(s->name) + 1);
    mem_free(s->mem, s->text, s->size + 1u);
    mem_free(s->mem, s->line_start, sizeof *s->line_start * s->n_lines);
    *s = (Src){ .mem = s->mem };
}

uint32_t src_line(const Src *s, uint32_t offset)
{
    uint32_t lo = 0, hi = s->n_lines;       /* the line is in [lo, hi) */
    while (hi - lo > 1) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (s->line_start[mid] <= offset)
            lo = mid;
        else
            hi = mid;
    }
    return lo + 1;
}

const char *src_line_text(const Src *s, uint32_t line, uint32_t *size)
{
    if (line == 0 || line > s->n_lines) {
        *size = 0;
        return "";
    }
    uint32_t start = s->line_start[line - 1];
    uint32_t end = line < s->n_lines ? s->line_start[line] - 1 : s->size;
    *size = end - start;
    return s->text + start;
}

uint32_t src_column(const Src *s, uint32_t offset)
{
    uint32_t column = 0;
    for (uint32_t i = s->line_start[src_line(s, offset) - 1]; i < offset && i < s->size; i++)
        column += ((unsigned char)s->text[i] & 0xc0) != 0x80;
    return column;
}
