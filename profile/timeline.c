/* profile/timeline.c — see timeline.h.  Spans lie in blocks, in the order in which they were told; names and details behind each other. */
#include "profile/timeline.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TEXT_ROOM = 200, SPANS_PER_BLOCK = 1024, MAX_BLOCKS = 1024 };

typedef struct TimeSpan {
    uint64_t start_ns, end_ns;
    TimelineTrack track;
    char     name[64];
    char     details[TEXT_ROOM];
} TimeSpan;

typedef struct SpanBlock {
    struct SpanBlock *next;
    uint32_t n;
    TimeSpan span[SPANS_PER_BLOCK];
} SpanBlock;

struct Timeline {
    pthread_mutex_t lock;
    uint64_t   start_ns;
    SpanBlock *first, *last;
    uint32_t   n_blocks;
    uint64_t   n_lost;
};

/* ORDER TimelineTrack */
static const char *const track_name[] = { "program", "compiler", "copies", "GPU" };

uint64_t timeline_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

Timeline *timeline_new(void)
{
    Timeline *t = calloc(1, sizeof *t);
    if (t) {
        pthread_mutex_init(&t->lock, NULL);
        t->start_ns = timeline_now();
    }
    return t;
}

void timeline_free(Timeline *t)
{
    if (!t)
        return;
    for (SpanBlock *b = t->first, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    pthread_mutex_destroy(&t->lock);
    free(t);
}

/* Under the lock; NULL: no room. */
static TimeSpan *span_new(Timeline *t)
{
    if (!t->last || t->last->n == SPANS_PER_BLOCK) {
        SpanBlock *b = t->n_blocks < MAX_BLOCKS ? malloc(sizeof *b) : NULL;
        if (!b) {
            t->n_lost++;
            return NULL;
        }
        b->next = NULL;
        b->n = 0;
        *(t->last ? &t->last->next : &t->first) = b;
        t->last = b;
        t->n_blocks++;
    }
    return &t->last->span[t->last->n++];
}

void timeline_span(Timeline *t, TimelineTrack track, const char *name, uint64_t start_ns, uint64_t end_ns, const char *details, ...)
{
    va_list ap;
    pthread_mutex_lock(&t->lock);
    TimeSpan *s = span_new(t);
    if (s) {
        s->start_ns = start_ns;
        s->end_ns = end_ns;
        s->track = track;
        snprintf(s->name, sizeof s->name, "%s", name);
        va_start(ap, details);
        int n = vsnprintf(s->details, sizeof s->details, details, ap);
        va_end(ap);
        if (n < 0 || (size_t)n >= sizeof s->details)
            s->details[0] = 0;
    }
    pthread_mutex_unlock(&t->lock);
}

typedef struct Writer { void (*emit)(void *user, const char *s, size_t n); void *user; } Writer;

static void put(const Writer *w, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void put(const Writer *w, const char *fmt, ...)
{
    char line[TEXT_ROOM + 400];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    if (n > 0)
        w->emit(w->user, line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1);
}

/* As the inside of a JSON string. */
static void escape(const char *s, char out[2 * 64])
{
    for (; *s; s++)
        if (*s == '"' || *s == '\\') {
            *out++ = '\\';
            *out++ = *s;
        } else {
            *out++ = (unsigned char)*s < ' ' ? ' ' : *s;
        }
    *out = 0;
}

void timeline_write(Timeline *t, void (*emit)(void *user, const char *s, size_t n), void *user)
{
    const Writer w = { emit, user };
    char name[2 * 64];
    pthread_mutex_lock(&t->lock);
    put(&w, "{\"displayTimeUnit\": \"ms\", \"otherData\": {\"lost\": %llu}, \"traceEvents\": [\n", (unsigned long long)t->n_lost);
    for (int i = 0; i < TRACK_COUNT; i++)
        put(&w, "{\"ph\": \"M\", \"pid\": 1, \"tid\": %d, \"name\": \"thread_name\", \"args\": {\"name\": \"%s\"}},\n", i, track_name[i]);
    for (const SpanBlock *b = t->first; b; b = b->next)
        for (uint32_t i = 0; i < b->n; i++) {
            const TimeSpan *s = &b->span[i];
            escape(s->name, name);
            put(&w, "{\"ph\": \"X\", \"pid\": 1, \"tid\": %d, \"name\": \"%s\", \"ts\": %.3f, \"dur\": %.3f, \"args\": {%s}},\n", (int)s->track, name,
                ((double)s->start_ns - (double)t->start_ns) / 1e3, ((double)s->end_ns - (double)s->start_ns) / 1e3, s->details);
        }
    put(&w, "{\"ph\": \"M\", \"pid\": 1, \"name\": \"process_name\", \"args\": {\"name\": \"alpy\"}}\n]}\n");
    pthread_mutex_unlock(&t->lock);
}
