#include "dsl/mem.h"

#include <stdlib.h>
#include <string.h>

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

/* True when `extra` more bytes may be asked for. */
static bool admit(Mem *m, size_t extra)
{
    m->n_alloc++;
    if (m->fail_at && (m->n_alloc == m->fail_at || (m->fail_on && m->n_alloc > m->fail_at)))
        return false;
    return !m->bytes_max || (m->bytes_used <= m->bytes_max && extra <= m->bytes_max - m->bytes_used);
}

static void account(Mem *m, size_t old_size, size_t new_size)
{
    m->bytes_used = m->bytes_used - old_size + new_size;
    if (m->bytes_used > m->bytes_peak)
        m->bytes_peak = m->bytes_used;
}

void *mem_alloc(Mem *m, size_t size)
{
    if (UNLIKELY(!admit(m, size)))
        return NULL;
    void *p = m->realloc_fn(m->user, NULL, 0, size ? size : 1);
    if (p)
        account(m, 0, size);
    return p;
}

void *mem_zalloc(Mem *m, size_t size)
{
    if (m->realloc_fn != libc_realloc) {
        void *p = mem_alloc(m, size);
        return p ? memset(p, 0, size) : NULL;
    }
    if (UNLIKELY(!admit(m, size)))
        return NULL;
    void *p = calloc(1, size ? size : 1);
    if (p)
        account(m, 0, size);
    return p;
}

void *mem_realloc(Mem *m, void *p, size_t old_size, size_t new_size)
{
    if (!p)
        return mem_alloc(m, new_size);
    if (UNLIKELY(new_size > old_size && !admit(m, new_size - old_size)))
        return NULL;
    void *q = m->realloc_fn(m->user, p, old_size ? old_size : 1, new_size ? new_size : 1);
    if (q)
        account(m, old_size, new_size);
    return q;
}

void mem_free(Mem *m, void *p, size_t size)
{
    if (!p)
        return;
    m->realloc_fn(m->user, p, size ? size : 1, 0);
    account(m, size, 0);
}
