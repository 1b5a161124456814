#include "dsl/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* In bytes. */
enum {
    LARGE = 4 << 20,            /* of smaller blocks too little is in whole large pages */
    SEVERAL = 4 << 12,          /* pages: asking for them in one call is worth that call */
};

static void *libc_realloc(void *user, void *ptr, size_t old_size, size_t new_size)
{
    (void)user, (void)old_size;
    if (new_size == 0) {
        free(ptr);
        return NULL;
    }
    return realloc(ptr, new_size);
}

void mem_init(Mem *m, MemReallocFn realloc_fn, void *user)
{
    *m = (Mem){ .realloc_fn = realloc_fn ? realloc_fn : libc_realloc, .user = user };
}

#ifdef __linux__
#ifndef MADV_POPULATE_WRITE     /* Linux 5.14 */
#define MADV_POPULATE_WRITE 23
#endif

static void advise(void *p, size_t size, int advice)
{
    int kept = errno;
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), from = ((uintptr_t)p + page - 1) & -page, to = ((uintptr_t)p + size) & -page;
    if (to > from)
        madvise((void *)from, to - from, advice);
    errno = kept;
}

void mem_advise(void *p, size_t size)
{
    if (size >= LARGE)
        advise(p, size, MADV_HUGEPAGE);
}

void mem_touch(void *p, size_t size)
{
    if (size >= SEVERAL)
        advise(p, size, MADV_POPULATE_WRITE);
}
#else
void mem_advise(void *p, size_t size)
{
    (void)p, (void)size;
}

void mem_touch(void *p, size_t size)
{
    (void)p, (void)size;
}
#endif

bool mem_is_limited(const Mem *m)
{
    return m->bytes_max || m->fail_at || m->realloc_fn != libc_realloc;
}

/* True when `extra` more bytes may be asked for. */
static bool admit(Mem *m, size_t extra)
{
    m->n_alloc++;
    if (m->fail_at && m->n_alloc == m->fail_at)
        return false;
    return !m->bytes_max || (m->bytes_used <= m->bytes_max && extra <= m->bytes_max - m->bytes_used);
}

static void account(Mem *m, size_t old_size, size_t new_size)
{
    m->bytes_used = m->bytes_used - old_size + new_size;
    if (m->bytes_used > m->bytes_peak)
        m->bytes_peak = m->bytes_used;
}

/* One attempt; zero: cleared bytes are wanted (only for a new block). */
static void *request(Mem *m, void *p, size_t old_size, size_t new_size, bool zero)
{
    if (UNLIKELY(new_size > old_size || !p) && !admit(m, new_size - old_size))
        return NULL;
    size_t size = new_size ? new_size : 1;
    void *q;
    if (p)
        q = m->realloc_fn(m->user, p, old_size ? old_size : 1, size);
    else if (zero && m->realloc_fn == libc_realloc)
        q = calloc(1, size);
    else if ((q = m->realloc_fn(m->user, NULL, 0, size)) && zero)
        memset(q, 0, size);
    if (q)
        account(m, old_size, new_size);
    if (q && m->realloc_fn == libc_realloc)
        mem_advise(q, size);
    return q;
}

static void *request_again(Mem *m, void *p, size_t old_size, size_t new_size, bool zero)
{
    void *q = request(m, p, old_size, new_size, zero);
    while (UNLIKELY(!q) && m->reclaim && m->reclaim(m->reclaim_user))
        q = request(m, p, old_size, new_size, zero);
    return q;
}

void *mem_alloc(Mem *m, size_t size)
{
    return request_again(m, NULL, 0, size, false);
}

void *mem_zalloc(Mem *m, size_t size)
{
    return request_again(m, NULL, 0, size, true);
}

void *mem_realloc(Mem *m, void *p, size_t old_size, size_t new_size)
{
    return request_again(m, p, p ? old_size : 0, new_size, false);
}

void mem_free(Mem *m, void *p, size_t size)
{
    if (!p)
        return;
    m->realloc_fn(m->user, p, size ? size : 1, 0);
    account(m, size, 0);
}
