/* dsl/mem.h — the allocator of one VM: a host-supplied realloc function, with accounting and a limit.
 *
 * All memory of a VM (syntax trees, objects, array bytes) goes through one Mem, so a limit holds for their sum and a host can see
 * every byte.  Callers pass the old size on resize and free; nothing is stored beside the block.
 * Failure returns NULL and leaves the old block alone; raising MemoryError is the caller's business. */
#ifndef ALP_DSL_MEM_H
#define ALP_DSL_MEM_H

#include "dsl/base.h"

/* As realloc, with sizes: ptr NULL allocates, new_size 0 frees and returns NULL. */
typedef void *(*MemReallocFn)(void *user, void *ptr, size_t old_size, size_t new_size);

typedef struct Mem {
    MemReallocFn realloc_fn;    /* never NULL after mem_init */
    void    *user;
    size_t   bytes_used;        /* now allocated */
    size_t   bytes_peak;
    size_t   bytes_max;         /* limit on bytes_used; 0 = none */
    uint64_t n_alloc;           /* allocations and growths asked for so far */
    uint64_t fail_at;           /* tests: the request with this number fails (1 = the first); 0 = never */
    /* Asked when a request is refused: give back what is kept for later.  True: something came back, the request is made again. */
    bool   (*reclaim)(void *user);
    void    *reclaim_user;
} Mem;

/* realloc_fn NULL: the C library's. */
void  mem_init(Mem *m, MemReallocFn realloc_fn, void *user);
void *mem_alloc(Mem *m, size_t size);               /* size 0 gives a non-NULL block that is freed with size 0 */
void *mem_zalloc(Mem *m, size_t size);              /* zero bytes; big blocks come lazily zeroed from the system */
void *mem_realloc(Mem *m, void *p, size_t old_size, size_t new_size);
void  mem_free(Mem *m, void *p, size_t size);       /* p may be NULL */
/* Blocks that the C library gave and arrays may be in: the system is to use large pages for them, whose first touch and whose addresses cost less.  A hint. */
void  mem_advise(void *p, size_t size);
/* Of a block that is about to be read and then written: pages that nobody has touched yet would be mapped twice, and every other processor told so.  A hint. */
void  mem_touch(void *p, size_t size);
bool  mem_is_limited(const Mem *m);                 /* may a request be refused though the system has memory? */

#endif
