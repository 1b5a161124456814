/* jit/plan/kernel_cache.c — see kernel_cache.h.  File: header, key, object, in this order. */
#include "jit/plan/kernel_cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "profile/fd_io.h"

typedef struct FileHead {
    char     magic[8];
    uint32_t format, checksum;  /* of everything behind the head */
    uint64_t key_size, object_size;
} FileHead;

static const char magic[8] = "alpykrn";
#define SUFFIX ".kernel"

enum { STORES_PER_SWEEP = 32, MAX_FILE = 64 << 20, PATH_ROOM = 640 };

/* ---- the folder ------------------------------------------------------------------------------------------------------------ */

static bool make_folder(const char *path)
{
    return mkdir(path, 0700) == 0 || errno == EEXIST;
}

/* The path of the folder, which need not be there; false: no place for one. */
static bool folder_path(char *out, size_t size, bool create)
{
    const char *own = getenv("ALPY_CACHE_DIR"), *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    int n;
    if (own && *own == '/') {
        n = snprintf(out, size, "%s", own);
    } else if (xdg && *xdg == '/') {
        n = snprintf(out, size, "%s/alpy", xdg);
        if (create && n > 0 && (size_t)n < size)
            make_folder(xdg), make_folder(out);
        n = snprintf(out, size, "%s/alpy/kernels", xdg);
    } else if (home && *home == '/') {
        n = snprintf(out, size, "%s/.cache", home);
        if (create && n > 0 && (size_t)n < size)
            make_folder(out);
        n = snprintf(out, size, "%s/.cache/alpy", home);
        if (create && n > 0 && (size_t)n < size)
            make_folder(out);
        n = snprintf(out, size, "%s/.cache/alpy/kernels", home);
    } else {
        return false;
    }
    if (n <= 0 || (size_t)n >= size)
        return false;
    return !create || make_folder(out);
}

int cache_open_folder(bool create)
{
    char path[PATH_ROOM];
    if (!folder_path(path, sizeof path, create))
        return -1;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct stat st;
    if (fd >= 0 && (fstat(fd, &st) || st.st_uid != geteuid() || (st.st_mode & 077))) {
        close(fd);
        return -1;
    }
    return fd;
}

static uint64_t hash_bytes(const char *p, size_t n)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)p[i]) * 0x100000001b3u;
    return h ^ h >> 29;
}

static void file_name(char out[40], const char *key, size_t key_size)
{
    snprintf(out, 40, "%016llx" SUFFIX, (unsigned long long)hash_bytes(key, key_size));
}

static uint32_t checksum_of(const char *a, size_t a_size, const char *b, size_t b_size)
{
    uLong c = crc32_z(crc32_z(0, NULL, 0), (const Bytef *)a, a_size);
    return (uint32_t)crc32_z(c, (const Bytef *)b, b_size);
}

/* ---- reading --------------------------------------------------------------------------------------------------------------------- */

char *cache_load(const char *key, size_t key_size, size_t *size)
{
    char name[40], *object = NULL, *found_key = NULL;
    FileHead h;
    struct stat st;
    int folder = cache_open_folder(false);
    if (folder < 0)
        return NULL;
    file_name(name, key, key_size);
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    close(folder);
    if (fd < 0)
        return NULL;
    if (fstat(fd, &st) == 0 && st.st_uid == geteuid() && S_ISREG(st.st_mode) && fd_read_all(fd, &h, sizeof h) &&
        memcmp(h.magic, magic, sizeof magic) == 0 && h.format == CACHE_FORMAT && h.key_size == key_size && h.object_size <= MAX_FILE &&
        (uint64_t)st.st_size == sizeof h + h.key_size + h.object_size && (found_key = malloc(key_size + 1)) &&
        (object = aligned_alloc(16, (h.object_size + 31) & ~(size_t)15)) && fd_read_all(fd, found_key, key_size) &&
        fd_read_all(fd, object, h.object_size) && memcmp(found_key, key, key_size) == 0 &&
        checksum_of(found_key, key_size, object, h.object_size) == h.checksum) {
        *size = h.object_size;
        futimens(fd, NULL);         /* used now */
    } else {
        free(object);
        object = NULL;
    }
    free(found_key);
    close(fd);
    return object;
}

/* ---- writing ------------------------------------------------------------------------------------------------------------------- */

typedef struct Entry { char name[40]; int64_t used_ns; uint64_t bytes; } Entry;

static int oldest_first(const void *a, const void *b)
{
    const Entry *x = a, *y = b;
    return x->used_ns < y->used_ns ? -1 : x->used_ns > y->used_ns;
}

/* All kernels of the folder (whose descriptor is taken), malloc'ed; temporary files that a crash left are removed. */
static Entry *list_entries(int folder, size_t *count, uint64_t *bytes)
{
    Entry *list = NULL;
    size_t cap = 0;
    *count = 0;
    *bytes = 0;
    DIR *d = fdopendir(folder);
    if (!d) {
        close(folder);
        return NULL;
    }
    for (struct dirent *e; (e = readdir(d));) {
        struct stat st;
        size_t n = strlen(e->d_name);
        if (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) || !S_ISREG(st.st_mode) || n >= sizeof list->name)
            continue;
        if (strncmp(e->d_name, "tmp-", 4) == 0 && time(NULL) - st.st_mtime > 3600)
            unlinkat(dirfd(d), e->d_name, 0);
        if (n <= strlen(SUFFIX) || strcmp(e->d_name + n - strlen(SUFFIX), SUFFIX))
            continue;
        if (*count == cap) {
            Entry *more = realloc(list, (cap = cap ? 2 * cap : 64) * sizeof *list);
            if (!more)
                break;
            list = more;
        }
        Entry *x = &list[(*count)++];
        strcpy(x->name, e->d_name);
        x->used_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
        x->bytes = (uint64_t)st.st_size;
        *bytes += x->bytes;
    }
    closedir(d);
    return list;
}

static void sweep(void)
{
    int folder = cache_open_folder(false);
    if (folder < 0)
        return;
    int again = fcntl(folder, F_DUPFD_CLOEXEC, 0);
    size_t n;
    uint64_t bytes;
    Entry *list = list_entries(folder, &n, &bytes);
    if (again >= 0 && bytes > CACHE_MAX_BYTES) {
        qsort(list, n, sizeof *list, oldest_first);
        for (size_t i = 0; i < n && bytes > CACHE_MAX_BYTES / 4 * 3; i++)
            if (unlinkat(again, list[i].name, 0) == 0)
                bytes -= list[i].bytes;
    }
    if (again >= 0)
        close(again);
    free(list);
}

void cache_store(const char *key, size_t key_size, const char *object, size_t size)
{
    static _Atomic unsigned n_stored;
    char name[40], temporary[40];
    FileHead h = { .format = CACHE_FORMAT, .key_size = key_size, .object_size = size };
    if (size > MAX_FILE || key_size > MAX_FILE)
        return;
    int folder = cache_open_folder(true);
    if (folder < 0)
        return;
    unsigned serial = atomic_fetch_add(&n_stored, 1);
    memcpy(h.magic, magic, sizeof magic);
    h.checksum = checksum_of(key, key_size, object, size);
    file_name(name, key, key_size);
    snprintf(temporary, sizeof temporary, "tmp-%ld-%u", (long)getpid(), serial);
    int fd = openat(folder, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd >= 0) {
        bool good = fd_write_all(fd, &h, sizeof h) && fd_write_all(fd, key, key_size) && fd_write_all(fd, object, size);
        good &= close(fd) == 0;
        if (!good || renameat(folder, temporary, folder, name))
            unlinkat(folder, temporary, 0);
    }
    close(folder);
    if (serial % STORES_PER_SWEEP == STORES_PER_SWEEP - 1)
        sweep();
}

/* ---- alpy cache ------------------------------------------------------------------------------------------------------------------- */

void cache_usage(CacheUsage *out)
{
    memset(out, 0, sizeof *out);
    if (!folder_path(out->folder, sizeof out->folder, false))
        out->folder[0] = 0;
    int folder = cache_open_folder(false);
    size_t n = 0;
    if (folder >= 0)
        free(list_entries(folder, &n, &out->bytes));
    out->n_files = n;
}

uint64_t cache_clear(void)
{
    int folder = cache_open_folder(false);
    if (folder < 0)
        return 0;
    int again = fcntl(folder, F_DUPFD_CLOEXEC, 0);
    size_t n;
    uint64_t bytes, removed = 0;
    Entry *list = list_entries(folder, &n, &bytes);
    for (size_t i = 0; again >= 0 && i < n; i++)
        removed += unlinkat(again, list[i].name, 0) == 0;
    if (again >= 0) {
        unlinkat(again, CACHE_HISTORY, 0);
        close(again);
    }
    free(list);
    return removed;
}
