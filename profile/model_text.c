/* profile/model_text.c — features and predictions as text, for --dump=model. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "profile/model.h"

static const char *const class_name[OPC_COUNT] = { "int", "intdiv", "f32", "f32div", "f32fun", "f64", "f64div", "f64fun" };

typedef struct Out { void (*emit)(void *user, const char *s, size_t n); void *user; } Out;

static void put(const Out *o, const char *fmt, ...)
{
    char line[400];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    if (n > 0)
        o->emit(o->user, line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1);
}

static void put_counts(const Out *o, const char *what, const double *n)
{
    bool any = false;
    for (int k = 0; k < OPC_COUNT; k++) {
        if (n[k] == 0)
            continue;
        put(o, "%s%s %.4g", any ? ", " : what, class_name[k], n[k]);
        any = true;
    }
    if (any)
        put(o, "\n");
}

static void put_stream(const Out *o, const Phase *p, const Stream *s)
{
    put(o, "    stream %u bytes%s%s%s%s: %.4g accesses, footprint %.4g, inner %.4g, strides lane %" PRId64 " thread %" PRId64 " step %" PRId64
        ", shared %.3g, piece %.4g, grows", (unsigned)s->elem_bytes, s->is_read ? " read" : "", s->is_written ? " written" : "",
        s->is_gathered ? " gathered" : "", s->is_scalar ? " scalar" : "", s->count, s->footprint, s->inner_footprint, s->lane_stride, s->thread_stride,
        s->step_stride, s->shared, s->piece);
    for (int32_t node = s->loop; node >= 0; node = p->loop[node].up)
        put(o, " %.4g", (double)s->grows[node]);
    put(o, "\n");
}

static void put_phase(const Out *o, const Phase *p)
{
    put(o, "  phase: %.4g runs, %.4g iterations, %.4g threads, imbalance %.3g%s%s%s%s%s\n", p->n_runs, p->iterations, p->threads, p->imbalance,
        p->is_vector ? ", vector" : "", p->is_reduction ? ", reduction" : "", p->is_divergent ? ", divergent" : "", p->is_part ? ", part" : "",
        p->is_host ? ", host" : "");
    put_counts(o, "    ops    ", p->ops);
    put_counts(o, "    scalar ", p->scalar);
    put_counts(o, "    chain  ", p->chain);
    put(o, "    chain loads %.4g, side by side %.4g, launches %.4g, innermost %.4g in %.4g, branches %.4g, tile %.3g\n", p->chain_loads,
        p->side_by_side, p->launches, p->innermost, p->entries, p->branches, p->reuse_tile);
    for (uint32_t i = 0; i < p->n_loops; i++)
        put(o, "    loop %u in %d: %.4g iterations of %.4g bytes\n", (unsigned)i, (int)p->loop[i].up, p->loop[i].trip, p->loop[i].body_bytes);
    for (uint32_t i = 0; i < p->n_streams; i++)
        put_stream(o, p, &p->stream[i]);
}

static void put_prediction(const Out *o, const char *target, unsigned number, const Prediction *p)
{
    put(o, "  predicted %s-%u: %.4g ns (start %.4g, arithmetic %.4g, memory %.4g, latency %.4g), spread %.3g\n", target, number, p->ns, p->start_ns,
        p->arithmetic_ns, p->memory_ns, p->latency_ns, p->spread);
}

void model_dump(const Machine *m, const NestFeatures *f, void (*emit)(void *user, const char *s, size_t n), void *user)
{
    Out o = { emit, user };
    Prediction p;
    put(&o, "features: work %.4g, nodes %.4g, inlined functions %.4g, flops %.4g, bytes %.4g, footprint %.4g%s%s, waits %.4g\n", f->work, f->nodes, f->inlined,
        f->flops, f->bytes, f->footprint, f->is_known ? "" : ", guessed", f->can_fail ? ", can fail" : "", f->waits);
    for (uint32_t i = 0; i < f->n_phases; i++)
        put_phase(&o, &f->phase[i]);
    model_predict(m, f, (Target){ .kind = TARGET_Interp }, &p);
    put_prediction(&o, "interp", 1, &p);
    model_predict(m, f, (Target){ .kind = TARGET_Executor }, &p);
    put_prediction(&o, "executor", 1, &p);
    for (uint32_t k = 0; k < m->host.n_steps; k++) {
        model_predict(m, f, (Target){ .kind = TARGET_Cpu, .n_threads = m->host.threads[k] }, &p);
        put_prediction(&o, "cpu", m->host.threads[k], &p);
    }
    for (uint32_t k = 0; k < m->n_gpus; k++) {
        model_predict(m, f, (Target){ .kind = TARGET_Gpu, .gpu = k }, &p);
        put_prediction(&o, "gpu", k, &p);
        put(&o, "  copies gpu-%u: %.4g ns to it, %.4g ns for a look at an element\n", (unsigned)k, model_transfer_ns(m, k, f->footprint, true),
            model_transfer_ns(m, k, 8, false) + m->gpu[k].round_trip_ns - m->gpu[k].launch_ns);
    }
}
