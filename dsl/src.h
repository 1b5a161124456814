/* dsl/src.h — a source text and the way from byte offsets to lines and columns. */
#ifndef ALP_DSL_SRC_H
#define ALP_DSL_SRC_H

#include "dsl/mem.h"

/* Bytes [start, end) of one source text. */
typedef struct Span { uint32_t start, end; } Span;

typedef struct Src {
    Mem      *mem;
    char     *name;             /* as tracebacks print it: "heat.alp", "<stdin>", "<string>" */
    char     *text;             /* size bytes and a NUL sentinel; LF line ends (CR LF and CR are converted), no BOM */
    uint32_t  size;
    uint32_t  n_lines;          /* a text that ends with a line end has an empty last line */
    uint32_t *line_start;       /* byte offset of each line; n_lines entries */
} Src;

/* Copies name and text.  ALP_FAIL: *why is the reason ("source is larger than 4 GiB"), or NULL: out of memory.
 * UTF-8 validity and NUL bytes are the scanner's to report, with their position. */
Status      src_init(Src *s, Mem *mem, const char *name, const char *text, size_t size, const char **why);
void        src_free(Src *s);
uint32_t    src_line(const Src *s, uint32_t offset);            /* 1-based */
/* Text of a line without its line end. */
const char *src_line_text(const Src *s, uint32_t line, uint32_t *size);
/* 0-based column in characters (code points) of a byte offset. */
uint32_t    src_column(const Src *s, uint32_t offset);

#endif
