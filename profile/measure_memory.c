/* profile/measure_memory.c — the host's clock, and latency and bandwidth of its caches and memory.
 *
 * Latency: one thread follows a random cycle through the lines of a buffer of half the level's size, so that neither prefetching nor
 * overlapping helps; what misses of the TLB cost is part of it, as for programs.
 *
 * Bandwidth: each of the step's threads reads a buffer of its own again and again and counts the bytes; the main thread looks at all
 * counters at both ends of some windows of a millisecond, and the best window counts.  So threads need not begin or end together, and a
 * window in which something else ran on the machine is not the figure. */
#include "profile/measure.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "dsl/mem.h"

enum {
    LINE = 64,
    BLOCK = 32 << 10,           /* bytes read between looks at the flag */
    MAX_THREADS = 256,
    WINDOWS = 100,
};

#define WINDOW_NS   1e6
#define LATENCY_NS  80e6        /* for one level */
#define MOST_BYTES  (1ull << 30)

/* ---- reading -------------------------------------------------------------------------------------------------------------------- */

/* As loops over arrays do: whole vectors, into several sums. */
typedef uint64_t Vector __attribute__((vector_size(LINE)));

#define READ_BLOCK(name, attributes) \
    attributes static uint64_t name(const char *from, size_t bytes) \
    { \
        const Vector *v = (const Vector *)(const void *)from; \
        Vector a = { 0 }, b = { 0 }, c = { 0 }, d = { 0 }; \
        for (size_t i = 0, n = bytes / sizeof *v; i + 4 <= n; i += 4) { \
            a += v[i]; \
            b += v[i + 1]; \
            c += v[i + 2]; \
            d += v[i + 3]; \
        } \
        a += b + c + d; \
        return a[0] + a[1] + a[2] + a[3] + a[4] + a[5] + a[6] + a[7]; \
    }

READ_BLOCK(read_plain, )
#if defined(__x86_64__)
READ_BLOCK(read_avx2, __attribute__((target("avx2"))))
READ_BLOCK(read_avx512, __attribute__((target("avx512f"))))
#endif

typedef uint64_t (*ReadBlock)(const char *from, size_t bytes);

static ReadBlock reader(void)
{
#if defined(__x86_64__)
    if (machine_has_isa("avx512"))
        return read_avx512;
    if (machine_has_isa("avx2"))
        return read_avx2;
#endif
    return read_plain;
}

/* ---- bandwidth ------------------------------------------------------------------------------------------------------------------- */

typedef struct Reading {
    size_t    bytes;            /* of each thread's buffer */
    ReadBlock read;
    _Atomic uint32_t ready;     /* threads whose buffers have been read once */
    _Atomic bool     stop, failed;
    struct Counter { _Alignas(2 * LINE) _Atomic uint64_t bytes; } counter[MAX_THREADS];
} Reading;

typedef struct Thread {
    Reading  *r;
    uint32_t  index;
    pthread_t id;
} Thread;

static volatile uint64_t sink;

static char *map(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return NULL;
    mem_advise(p, bytes);       /* as arrays are */
    return p;
}

static void *reading_thread(void *user)
{
    const Thread *t = user;
    Reading *r = t->r;
    char *buffer = map(r->bytes);
    if (!buffer)
        atomic_store(&r->failed, true);
    else
        memset(buffer, 1, r->bytes);            /* by the thread that reads it: near it on machines with several memories */
    atomic_fetch_add(&r->ready, 1);
    uint64_t sum = 0, done = 0;
    while (buffer && !atomic_load_explicit(&r->stop, memory_order_relaxed))
        for (size_t at = 0; at < r->bytes && !atomic_load_explicit(&r->stop, memory_order_relaxed); at += BLOCK) {
            size_t n = r->bytes - at < BLOCK ? r->bytes - at : BLOCK;
            sum += r->read(buffer + at, n);
            atomic_store_explicit(&r->counter[t->index].bytes, done += n, memory_order_relaxed);
        }
    sink = sum;
    if (buffer)
        munmap(buffer, r->bytes);
    return NULL;
}

static void sleep_ns(double ns)
{
    struct timespec t = { .tv_sec = (time_t)(ns / 1e9), .tv_nsec = (long)ns % 1000000000 };
    nanosleep(&t, NULL);
}

static uint64_t bytes_so_far(Reading *r, uint32_t n)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < n; i++)
        sum += atomic_load_explicit(&r->counter[i].bytes, memory_order_relaxed);
    return sum;
}

/* Bytes per nanosecond of n threads that read so many bytes each; 0: that cannot be told. */
static double bandwidth(const Measure *me, uint32_t n, size_t bytes)
{
    double best = 0;
    uint32_t started = 0;
    Reading *r = aligned_alloc(2 * LINE, sizeof *r);
    Thread *thread = calloc(n, sizeof *thread);
    if (!r || !thread || n > MAX_THREADS)
        goto end;
    memset(r, 0, sizeof *r);
    r->bytes = (bytes + 4 * LINE - 1) / (4 * LINE) * (4 * LINE);
    r->read = reader();
    for (; started < n; started++) {
        thread[started] = (Thread){ .r = r, .index = started };
        if (pthread_create(&thread[started].id, NULL, reading_thread, &thread[started]))
            break;
    }
    while (atomic_load(&r->ready) < started)
        sleep_ns(5e4);
    if (started == n && !atomic_load(&r->failed))
        for (int w = 0; w < WINDOWS * (me->time_scale < 0.25 ? 0.25 : me->time_scale); w++) {
            uint64_t start = measure_now(), from = bytes_so_far(r, n);
            sleep_ns(WINDOW_NS);
            uint64_t read = bytes_so_far(r, n) - from;
            double rate = (double)read / (double)(measure_now() - start);
            best = rate > best ? rate : best;
        }
    atomic_store(&r->stop, true);
    for (uint32_t i = 0; i < started; i++)
        pthread_join(thread[i].id, NULL);
end:
    free(thread);
    free(r);
    return best;
}

/* ---- latency and clock ------------------------------------------------------------------------------------------------------------ */

typedef struct Chase {
    void   **at;
    uint32_t n;
} Chase;

static double chase(void *user)
{
    Chase *c = user;
    void **at = c->at;
    uint64_t start = measure_now();
    for (uint32_t i = 0; i < c->n; i += 4)
        at = *(void **)*(void **)*(void **)*at;
    double ns = (double)(measure_now() - start);
    c->at = at;
    return ns / c->n;
}

/* A random cycle through all lines (Sattolo's shuffle).  Pseudo-random numbers are those of a multiplicative generator. */
static void make_cycle(char *buffer, size_t lines, uint32_t *order)
{
    uint64_t seed = 0x9e3779b97f4a7c15u;
    for (size_t i = 0; i < lines; i++)
        order[i] = (uint32_t)i;
    for (size_t i = lines - 1; i > 0; i--) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        size_t k = (size_t)((unsigned __int128)(seed >> 11 << 11) * i >> 64);
        uint32_t other = order[k];
        order[k] = order[i];
        order[i] = other;
    }
    for (size_t i = 0; i < lines; i++)
        *(void **)(void *)(buffer + (size_t)order[i] * LINE) = buffer + (size_t)order[i + 1 < lines ? i + 1 : 0] * LINE;
}

static double latency(const Measure *me, size_t bytes)
{
    size_t lines = bytes / LINE;
    char *buffer = map(bytes);
    uint32_t *order = malloc(lines * sizeof *order);
    double ns = 0;
    if (buffer && order && lines > 1) {
        make_cycle(buffer, lines, order);
        Chase c = { (void **)(void *)buffer, (uint32_t)(lines < 20000 ? 40000 : 100000) };
        ns = measure_least(me, LATENCY_NS, chase, &c);
        sink = (uintptr_t)c.at;
    }
    free(order);
    if (buffer)
        munmap(buffer, bytes);
    return ns > 0 ? ns : 0;
}

/* A chain of additions of registers: a cycle each on every processor there is. */
static double addition(void *user)
{
    enum { COUNT = 64000 };
    uint64_t a = measure_now(), b = a | 1, start = measure_now();
    for (int i = 0; i < COUNT; i += 8) {
#define ADD __asm__ volatile("" : "+r"(a), "+r"(b)); a += b;
        ADD ADD ADD ADD ADD ADD ADD ADD
#undef ADD
    }
    double ns = (double)(measure_now() - start);
    sink = a;
    return ns / COUNT;
}

/* ---- all -------------------------------------------------------------------------------------------------------------------------- */

/* Bytes for each of n threads to read so that they come from level k. */
static size_t bytes_at(const HostMachine *h, int k, uint32_t n)
{
    const MemoryLevel *l = &h->level[k];
    uint32_t sharing = n < l->shared_by ? n : l->shared_by;
    double bytes = (double)l->bytes / 2 / sharing;
    if (k == MACHINE_LEVELS - 1) {      /* three times all caches that these threads can reach */
        const MemoryLevel *last = &h->level[k - 1];
        double all = 3.0 * (double)last->bytes * ((n + last->shared_by - 1) / last->shared_by), most = (double)l->bytes / 8;
        all = all < 64e6 ? 64e6 : all > (double)MOST_BYTES ? (double)MOST_BYTES : all;
        return (size_t)((all < most ? all : most) / n);
    }
    /* Where many share a cache, their halves may fit into what each has nearer. */
    if (k > 0 && bytes < 2 * (double)h->level[k - 1].bytes) {
        double near = 2 * (double)h->level[k - 1].bytes, most = 0.8 * (double)l->bytes / sharing;
        bytes = near < most ? near : most > bytes ? most : bytes;
    }
    return (size_t)bytes;
}

void measure_memory(Measure *me, double share, HostMachine *h)
{
    static const char *const what[MACHINE_LEVELS] = { "first cache", "second cache", "last cache", "memory" };
    const double part = share / (MACHINE_LEVELS + 1);
    if (!measure_step(me, part, "clock"))
        return;
    double ns = measure_least(me, 10e6, addition, NULL);
    if (ns > 0)
        h->clock_ghz = 1 / ns;
    for (int k = 0; k < MACHINE_LEVELS && measure_step(me, part, what[k]); k++) {
        MemoryLevel *l = &h->level[k];
        size_t most = MOST_BYTES / 4, bytes = bytes_at(h, k, 1);
        l->latency_ns = latency(me, bytes < most ? bytes : most);
        for (uint32_t s = 0; s < h->n_steps && !me->is_stopped; s++)
            l->bytes_per_ns[s] = bandwidth(me, h->threads[s], bytes_at(h, k, h->threads[s]));
    }
}
