/* tests/api/check.h — what the C tests of alpy.h share: checks that count, an allocator that knows its blocks, captured
 * output. */
#ifndef TESTS_API_CHECK_H
#define TESTS_API_CHECK_H

#include <alpy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int n_passed, n_failed;

#define CHECK(condition) check(!!(condition), #condition, __FILE__, __LINE__)
#define CHECK_STATUS(call, wanted) check_status((call), (wanted), #call, __FILE__, __LINE__)
#define CHECK_TEXT(got, wanted) check_text((got), (wanted), #got, __FILE__, __LINE__)

static inline int check(int ok, const char *what, const char *file, int line)
{
    if (ok)
        n_passed++;
    else {
        n_failed++;
        fprintf(stderr, "%s:%d: failed: %s\n", file, line, what);
    }
    return ok;
}

static inline int check_status(alpy_status got, alpy_status wanted, const char *what, const char *file, int line)
{
    if (got == wanted)
        return check(1, what, file, line);
    fprintf(stderr, "%s:%d: %s gave %s, not %s\n", file, line, what, alpy_status_name(got), alpy_status_name(wanted));
    n_failed++;
    return 0;
}

static inline int check_text(const char *got, const char *wanted, const char *what, const char *file, int line)
{
    if (got && strcmp(got, wanted) == 0)
        return check(1, what, file, line);
    fprintf(stderr, "%s:%d: %s is \"%s\", not \"%s\"\n", file, line, what, got ? got : "(null)", wanted);
    n_failed++;
    return 0;
}

static inline int report(void)
{
    printf("%d passed, %d failed\n", n_passed, n_failed);
    return n_failed != 0;
}

/* ---- an allocator that checks what it is told -------------------------------------------------------------------- */

typedef struct Heap {
    size_t   used, blocks;
    uint64_t requests;          /* allocations and growths so far */
    uint64_t fail_from, fail_to;    /* those with these numbers fail; 0: none */
    int      lied;              /* an old_size was wrong */
} Heap;

/* Each block has its size in front. */
#define HEAP_HEAD 16

static inline void *heap_realloc(void *user, void *ptr, size_t old_size, size_t new_size)
{
    Heap *h = (Heap *)user;
    char *base = ptr ? (char *)ptr - HEAP_HEAD : NULL;
    size_t known = 0;
    if (base)
        memcpy(&known, base, sizeof known);
    if (known != old_size)
        h->lied++;
    if (new_size == 0) {
        if (base) {
            h->used -= known;
            h->blocks--;
            free(base);
        }
        return NULL;
    }
    if (new_size > old_size) {
        h->requests++;
        if (h->fail_from && h->requests >= h->fail_from && h->requests <= h->fail_to)
            return NULL;
    }
    char *grown = (char *)realloc(base, new_size + HEAP_HEAD);
    if (!grown)
        return NULL;
    memcpy(grown, &new_size, sizeof new_size);
    h->used = h->used - known + new_size;
    h->blocks += !base;
    return grown + HEAP_HEAD;
}

/* ---- captured output --------------------------------------------------------------------------------------------- */

typedef struct Output {
    char   text[2][4096];       /* of streams 1 and 2 */
    size_t size[2];
    int    fail_with;           /* errno that every write gives; 0: none */
} Output;

static inline int output_write(void *user, int stream, const char *text, size_t size)
{
    Output *o = (Output *)user;
    size_t *n = &o->size[stream - 1], room = sizeof o->text[0] - 1 - *n;
    if (o->fail_with)
        return o->fail_with;
    if (size > room)
        size = room;
    memcpy(o->text[stream - 1] + *n, text, size);
    *n += size;
    o->text[stream - 1][*n] = 0;
    return 0;
}

static inline void output_clear(Output *o)
{
    memset(o, 0, sizeof *o);
}

/* An interpreter with default settings; the test cannot go on without. */
static inline alpy_vm *open_vm(const alpy_config *config)
{
    alpy_vm *vm = NULL;
    if (!CHECK_STATUS(alpy_open(&vm, config), ALPY_OK))
        exit(1);
    return vm;
}

#endif
