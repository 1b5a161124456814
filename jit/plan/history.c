/* jit/plan/history.c — see history.h.  The table: buckets of eight places, so that making room needs no search.  File: head, entries. */
#include "jit/plan/history.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "jit/plan/kernel_cache.h"
#include "profile/fd_io.h"

enum { PER_BUCKET = 8, N_BUCKETS = HISTORY_ENTRIES / PER_BUCKET };

typedef struct Entry {
    uint64_t   key;
    Correction correction;      /* n == 0: the place is free */
    uint32_t   used;            /* number of the run that used it last */
} Entry;

typedef struct FileHead {
    char     magic[8];
    uint32_t version, checksum; /* of all that is behind it */
    uint32_t n_entries, run;
} FileHead;

struct History {
    Mem     *mem;
    bool     on_disk, is_read, has_changed;
    uint32_t run;               /* this one's number */
    Entry    entry[HISTORY_ENTRIES];
};

static const char magic[8] = "alpyhst";

_Static_assert(sizeof(Entry) == 24 && sizeof(FileHead) == 24, "the file's format");

/* ---- the table --------------------------------------------------------------------------------------------------------------- */

static Entry *bucket_of(Entry *table, uint64_t key)
{
    uint64_t h = key * 0x9e3779b97f4a7c15u;
    return table + (h >> 32) % N_BUCKETS * PER_BUCKET;
}

/* The key's place, or the one it may have. */
static Entry *place_of(Entry *table, uint64_t key)
{
    Entry *bucket = bucket_of(table, key), *oldest = bucket;
    for (Entry *e = bucket; e < bucket + PER_BUCKET; e++) {
        if (e->key == key)
            return e;
        if (oldest->correction.n && (!e->correction.n || e->used < oldest->used))
            oldest = e;
    }
    return oldest;
}

/* ---- the file ----------------------------------------------------------------------------------------------------------------- */

static bool is_sound(const Correction *c)
{
    return c->n && c->log_ratio > -20 && c->log_ratio < 20 && c->log_error >= 0 && c->log_error < 20;     /* no NaN either */
}

/* Adds the file's entries where the table has none of this run's own; *run: the last run's number.  room: for HISTORY_ENTRIES. */
static void read_file(int folder, Entry *table, Entry *room, uint32_t own_run, uint32_t *run)
{
    FileHead h;
    struct stat st;
    int fd = openat(folder, CACHE_HISTORY, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return;
    bool good = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() && fd_read_all(fd, &h, sizeof h) &&
                memcmp(h.magic, magic, sizeof magic) == 0 && h.version == HISTORY_VERSION && h.n_entries <= HISTORY_ENTRIES &&
                (uint64_t)st.st_size == sizeof h + h.n_entries * sizeof *room && fd_read_all(fd, room, h.n_entries * sizeof *room) &&
                crc32_z(crc32_z(0, NULL, 0), (const Bytef *)room, h.n_entries * sizeof *room) == h.checksum;
    close(fd);
    if (!good)
        return;
    *run = h.run;
    for (uint32_t i = 0; i < h.n_entries; i++) {
        Entry *e = place_of(table, room[i].key);
        bool is_own = e->correction.n && e->used == own_run;
        if (!is_own && is_sound(&room[i].correction) && (e->key == room[i].key || !e->correction.n || e->used < room[i].used))
            *e = room[i];
    }
}

static void write_file(int folder, const Entry *table, Entry *room, uint32_t run)
{
    char temporary[40];
    FileHead h = { .version = HISTORY_VERSION, .run = run };
    memcpy(h.magic, magic, sizeof magic);
    for (uint32_t i = 0; i < HISTORY_ENTRIES; i++)
        if (table[i].correction.n)
            room[h.n_entries++] = table[i];
    h.checksum = (uint32_t)crc32_z(crc32_z(0, NULL, 0), (const Bytef *)room, h.n_entries * sizeof *room);
    snprintf(temporary, sizeof temporary, "tmp-history-%ld", (long)getpid());
    int fd = openat(folder, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return;
    bool good = fd_write_all(fd, &h, sizeof h) && fd_write_all(fd, room, h.n_entries * sizeof *room);
    good &= close(fd) == 0;
    if (!good || renameat(folder, temporary, folder, CACHE_HISTORY))
        unlinkat(folder, temporary, 0);
}

/* ---- the interface ------------------------------------------------------------------------------------------------------------- */

History *history_new(Mem *mem, bool on_disk)
{
    History *h = mem_zalloc(mem, sizeof *h);
    if (!h)
        return NULL;
    h->mem = mem;
    h->on_disk = on_disk;
    h->run = 1;
    return h;
}

static void read_once(History *h)
{
    h->is_read = true;
    Entry *room = h->on_disk ? mem_alloc(h->mem, sizeof h->entry) : NULL;
    int folder = room ? cache_open_folder(false) : -1;
    if (folder >= 0) {
        uint32_t run = 0;
        read_file(folder, h->entry, room, 0, &run);
        h->run = run + 1 ? run + 1 : 1;
        close(folder);
    }
    mem_free(h->mem, room, room ? sizeof h->entry : 0);
}

void history_free(History *h)
{
    if (!h)
        return;
    Entry *room = h->on_disk && h->has_changed ? mem_alloc(h->mem, sizeof h->entry) : NULL;
    int folder = room ? cache_open_folder(true) : -1;
    if (folder >= 0) {
        uint32_t run = 0;
        read_file(folder, h->entry, room, h->run, &run);
        write_file(folder, h->entry, room, run > h->run ? run : h->run);
        close(folder);
    }
    mem_free(h->mem, room, room ? sizeof h->entry : 0);
    mem_free(h->mem, h, sizeof *h);
}

Correction *history_get(History *h, uint64_t key)
{
    if (!h->is_read)
        read_once(h);
    Entry *e = place_of(h->entry, key);
    if (e->key != key)
        *e = (Entry){ .key = key };
    e->used = h->run;
    return &e->correction;
}

Correction history_peek(History *h, uint64_t key)
{
    if (!h->is_read)
        read_once(h);
    const Entry *e = place_of(h->entry, key);
    return e->key == key ? e->correction : (Correction){ 0 };
}

bool history_is(const Correction *c, uint64_t key)
{
    return ((const Entry *)(const void *)((const char *)c - offsetof(Entry, correction)))->key == key;
}

void history_changed(History *h)
{
    h->has_changed = true;
}
