/* dsl/arena.c — blocks that double in size up to a limit; a request larger than a block gets one of its own. */
#include "dsl/arena.h"

#include <string.h>

#define ALIGN       16u
#define BLOCK_MIN   ((size_t)4 << 10)
#define BLOCK_MAX   ((size_t)1 << 20)

struct ArenaBlock {
    ArenaBlock *prev;
    size_t      size;           /* of the whole block, header included */
};

#define HEADER_SIZE ((sizeof(ArenaBlock) + ALIGN - 1) / ALIGN * ALIGN)

void arena_init(Arena *a, Mem *mem)
{
    *a = (Arena){ .mem = mem };
}

/* Bytes are handed out once, so a block that comes zeroed never needs clearing. */
static NOINLINE void *alloc_from_new_block(Arena *a, size_t size)
{
    size_t block_size = a->last ? a->last->size * 2 : BLOCK_MIN;
    if (block_size > BLOCK_MAX)
        block_size = BLOCK_MAX;
    if (size > SIZE_MAX - HEADER_SIZE)
        return NULL;
    bool own = size + HEADER_SIZE > block_size;
    if (own)
        block_size = size + HEADER_SIZE;
    ArenaBlock *b = mem_zalloc(a->mem, block_size);
    if (!b)
        return NULL;
    b->size = block_size;
    char *p = (char *)b + HEADER_SIZE;
    if (own && a->last) {       /* keep filling the block that is open */
        b->prev = a->last->prev;
        a->last->prev = b;
        return p;
    }
    b->prev = a->last;
    a->last = b;
    a->next = p + size;
    a->end = (char *)b + block_size;
    return p;
}

void *arena_alloc(Arena *a, size_t size)
{
    if (UNLIKELY(size > SIZE_MAX - ALIGN))
        return NULL;
    size = size ? (size + ALIGN - 1) / ALIGN * ALIGN : ALIGN;
    if (UNLIKELY(size > (size_t)(a->end - a->next)))
        return alloc_from_new_block(a, size);
    void *p = a->next;
    a->next += size;
    return p;
}

char *arena_strndup(Arena *a, const char *s, size_t size)
{
    char *p = size < SIZE_MAX ? arena_alloc(a, size + 1) : NULL;
    if (p && size)
        memcpy(p, s, size);
    return p;
}

void arena_free(Arena *a)
{
    for (ArenaBlock *b = a->last, *prev; b; b = prev) {
        prev = b->prev;
        mem_free(a->mem, b, b->size);
    }
    arena_init(a, a->mem);
}
