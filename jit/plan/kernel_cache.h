/* jit/plan/kernel_cache.h — compiled kernels on disk, one file each, under $ALPY_CACHE_DIR, else $XDG_CACHE_HOME/alpy/kernels, else ~/.cache/alpy/kernels.
 *
 * A file holds its whole key beside the object code, with lengths and a checksum: a hash that collides, a flipped bit, a file cut short or of another version
 * is a miss, never an error.  The folder belongs to the user alone (0700, owner checked); files appear by rename, so
 * readers see all of a file or none.  The least recently used files go when the folder exceeds its size. */
#ifndef ALP_JIT_KERNEL_CACHE_H
#define ALP_JIT_KERNEL_CACHE_H

#include "dsl/base.h"

enum { CACHE_FORMAT = 1, CACHE_MAX_BYTES = 256 << 20 };

/* The object for a key, malloc'ed and aligned to 16 bytes; NULL: not there.  Thread-safe, as everything here. */
char *cache_load(const char *key, size_t key_size, size_t *size);
/* Keeps a copy; failure is silent. */
void  cache_store(const char *key, size_t key_size, const char *object, size_t size);

typedef struct CacheUsage {
    char     folder[512];       /* "" = no cache can be kept */
    uint64_t n_files, bytes;
} CacheUsage;
void  cache_usage(CacheUsage *out);
/* Removes all kernels, and the history of measured times (history.h); returns how many kernels. */
uint64_t cache_clear(void);
/* A descriptor of the folder if it is the user's own and nobody else may write to it; -1.  create: made if it is not there. */
int      cache_open_folder(bool create);
#define CACHE_HISTORY "history"

#endif
