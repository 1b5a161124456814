/* dsl/intern.c — open-addressed hash of names; their text lies in an arena of the table. */
#include "dsl/intern.h"

#include "dsl/arena.h"

#include <string.h>

typedef struct Entry {
    const char *text;
    uint32_t    size, hash;
} Entry;

struct Intern {
    Arena     arena;
    Entry    *entry;            /* entry[s] belongs to Sym s; entry[0] is unused */
    uint32_t  count, capacity;  /* of entries, entry[0] not counted in count */
    uint32_t *bucket;           /* Sym; 0 = empty */
    uint32_t  n_buckets;        /* power of two, at least twice the capacity */
};

#define CAPACITY_MIN 64u

static uint32_t hash_text(const char *s, size_t size)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < size; i++)
        h = (h ^ (unsigned char)s[i]) * 0x100000001b3u;
    return (uint32_t)(h ^ h >> 32);
}

/* Doubles the capacity; on failure the table is as before. */
static bool grow(Intern *t)
{
    Mem *mem = t->arena.mem;
    if (t->capacity >= UINT32_MAX / 8)
        return false;
    uint32_t capacity = t->capacity ? t->capacity * 2 : CAPACITY_MIN;
    uint32_t n_buckets = capacity * 2;
    uint32_t *bucket = mem_zalloc(mem, sizeof *bucket * n_buckets);
    if (!bucket)
        return false;
    Entry *entry = mem_realloc(mem, t->entry, t->capacity ? sizeof *entry * (t->capacity + 1) : 0, sizeof *entry * (capacity + 1));
    if (!entry) {
        mem_free(mem, bucket, sizeof *bucket * n_buckets);
        return false;
    }
    for (Sym s = 1; s <= t->count; s++) {
        uint32_t i = entry[s].hash & (n_buckets - 1);
        while (bucket[i])
            i = (i + 1) & (n_buckets - 1);
        bucket[i] = s;
    }
    mem_free(mem, t->bucket, sizeof *bucket * t->n_buckets);
    t->entry = entry;
    t->capacity = capacity;
    t->bucket = bucket;
    t->n_buckets = n_buckets;
    return true;
}

Intern *intern_new(Mem *mem)
{
    Intern *t = mem_zalloc(mem, sizeof *t);
    if (!t)
        return NULL;
    arena_init(&t->arena, mem);
    if (!grow(t)) {
        mem_free(mem, t, sizeof *t);
        return NULL;
    }
    return t;
}

void intern_free(Intern *t)
{
    if (!t)
        return;
    Mem *mem = t->arena.mem;
    mem_free(mem, t->entry, sizeof *t->entry * (t->capacity + 1));
    mem_free(mem, t->bucket, sizeof *t->bucket * t->n_buckets);
    arena_free(&t->arena);
    mem_free(mem, t, sizeof *t);
}

/* The bucket that holds the name, or the empty one where it belongs. */
static uint32_t probe(const Intern *t, const char *text, size_t size, uint32_t hash)
{
    uint32_t i = hash & (t->n_buckets - 1);
    for (; t->bucket[i]; i = (i + 1) & (t->n_buckets - 1)) {
        const Entry *e = &t->entry[t->bucket[i]];
        if (e->hash == hash && e->size == size && memcmp(e->text, text, size) == 0)
            break;
    }
    return i;
}

Sym intern(Intern *t, const char *text, size_t size)
{
    if (size > UINT32_MAX)
        return SYM_NONE;
    uint32_t hash = hash_text(text, size);
    uint32_t i = probe(t, text, size, hash);
    if (t->bucket[i])
        return t->bucket[i];
    if (t->count == t->capacity) {
        if (!grow(t))
            return SYM_NONE;
        i = probe(t, text, size, hash);
    }
    const char *copy = arena_strndup(&t->arena, text, size);
    if (!copy)
        return SYM_NONE;
    t->entry[++t->count] = (Entry){ copy, (uint32_t)size, hash };
    t->bucket[i] = t->count;
    return t->count;
}

Sym intern_z(Intern *t, const char *text)
{
    return intern(t, text, strlen(text));
}

Sym intern_find(const Intern *t, const char *text, size_t size)
{
    return t->bucket[probe(t, text, size, hash_text(text, size))];
}

const char *intern_text(const Intern *t, Sym s)
{
    return s ? t->entry[s].text : "";
}

size_t intern_size(const Intern *t, Sym s)
{
    return s ? t->entry[s].size : 0;
}

uint32_t intern_count(const Intern *t)
{
    return t->count;
}
