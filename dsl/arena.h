/* dsl/arena.h — bump allocation for syntax trees and analysis: many small objects, freed all at once. */
#ifndef ALP_DSL_ARENA_H
#define ALP_DSL_ARENA_H

#include "dsl/mem.h"

typedef struct ArenaBlock ArenaBlock;
typedef struct Arena {
    Mem        *mem;
    ArenaBlock *last;           /* blocks, newest first */
    char       *next, *end;     /* free part of the newest block */
} Arena;

void  arena_init(Arena *a, Mem *mem);
/* Zeroed, aligned to 16 bytes; NULL when out of memory (or over the limit). */
void *arena_alloc(Arena *a, size_t size);
char *arena_strndup(Arena *a, const char *s, size_t size);     /* copy with a NUL behind it */
void  arena_free(Arena *a);                                     /* everything; the arena can be used again */

#define ARENA_NEW(a, type)      ((type *)arena_alloc((a), sizeof(type)))
#define ARENA_ARRAY(a, type, n) ((type *)arena_alloc((a), sizeof(type) * (size_t)(n)))

#endif
