/* jit/plan/features_memory.c — accesses to array elements: streams with strides and footprints.
 *
 * An affine access' address is a sum over the loops around it: bytes per iteration times counter.  From the inside out, the bytes that all
 * iterations of a loop touch are those of one iteration, grown: by nothing if it does not move the address, by the stride if that is no
 * longer than what was touched in one piece so far (or than a cache line), else there are more pieces.  Lanes and rows of a tile, which kernels
 * run side by side, come first.
 *
 * Accesses to one array with equal strides are one stream: a stencil's neighbours touch the same bytes but for its rim. */
#include <math.h>
#include <string.h>

#include "jit/plan/features_int.h"

static const Array *array_of(const Walk *w, const NAccess *a)
{
    return w->facts->array[a->array->id].array;
}

/* One term of a subscript.  An unknown start adds nothing, but moves with a loop: the next row begins where this one ends. */
static bool add_term(Walk *w, const NTerm *term, int64_t stride, int64_t *at, int64_t *coef)
{
    union { NForm form; char room[sizeof(NForm) + sizeof(NTerm)]; } one = { .form = { 1 } };
    int64_t c0 = 0, part, one_coef[TRIPS_LOOPS];
    one.form.term[0] = *term;
    if (term->loop)
        one_coef[term->loop->id] = 0;
    if (facts_form_numeric(w->facts, &one.form, &c0, one_coef)) {
        int64_t *to = term->loop ? &coef[term->loop->id] : at;
        return !__builtin_mul_overflow(term->loop ? one_coef[term->loop->id] : c0, stride, &part) && !__builtin_add_overflow(*to, part, to);
    }
    if (term->loop || !term->sym || (term->coef != 1 && term->coef != -1))
        return false;
    if (!term->sym->varies)
        return true;
    double moves = 1;
    for (uint32_t k = 0; k < w->n_around; k++)
        if (w->around[k].one ? w->around[k].one->depth > term->sym->varies->depth
                             : w->around[k].n_src && w->around[k].src[0]->depth > term->sym->varies->depth)
            moves *= w->around[k].trip;
    if (moves < 1e9)
        coef[term->sym->varies->id] += (int64_t)moves * stride;
    return true;
}

/* The address as bytes per iteration of each loop of the nest, in w->trips.coef. */
static bool add_strides(Walk *w, const NAccess *a, int64_t *at)
{
    const Array *array = array_of(w, a);
    uint32_t n = w->plan->nest->n_loops;
    int64_t *coef = w->trips.coef;
    memset(coef, 0, n * sizeof *coef);
    *at = 0;
    for (uint32_t d = 0; d < a->n_subs; d++)
        for (uint32_t k = 0; a->form[d] && k < a->form[d]->n; k++)
            if (!add_term(w, &a->form[d]->term[k], array->strides[d], at, coef))
                return false;
    for (uint32_t d = 0; d < a->n_subs; d++)
        if (!a->form[d])
            return false;
    return true;
}

bool access_strides(Walk *w, const NAccess *a, int64_t stride[MAX_AROUND], int64_t *at)
{
    if (!add_strides(w, a, at))
        return false;
    for (uint32_t k = 0; k < w->n_around; k++) {
        const Around *l = &w->around[k];
        stride[k] = l->one ? w->trips.coef[l->one->id] : 0;
        for (uint32_t i = 0; i < l->n_src; i++)
            stride[k] += w->trips.coef[l->src[i]->id];          /* all but one are of other statements' loops: 0 */
    }
    return true;
}

bool access_stride(Walk *w, const NAccess *a, const NLoop *loop, int64_t *out)
{
    int64_t at;
    if (!add_strides(w, a, &at))
        return false;
    *out = w->trips.coef[loop->id];
    return true;
}

/* ---- footprints ---------------------------------------------------------------------------------------------------------- */

/* `pieces` stretches of `run` bytes each. */
typedef struct Touched { double run, pieces, most; } Touched;

static double touched_bytes(const Touched *t)
{
    double bytes = fmax(t->run, MODEL_LINE) * t->pieces;
    return fmin(bytes, t->most);
}

static void grow(Touched *t, int64_t stride, double trip)
{
    double s = fabs((double)stride);
    if (trip <= 1 || stride == 0)
        return;
    if (s <= fmax(t->run, MODEL_LINE))
        t->run += (trip - 1) * s;
    else
        t->pieces *= trip;
}

/* Fills in piece, grows and footprints, and adds to what iterations of the loops around touch.  Returns the bytes of the whole execution. */
static double measure(Walk *w, Stream *s, const int64_t *stride, double most)
{
    Phase *p = w->phase;
    Touched t = { s->elem_bytes, 1, most };
    for (uint32_t k = 0; k < w->n_around; k++)
        if (w->around[k].node >= 0 && w->around[k].split > 1)
            grow(&t, stride[k], w->around[k].split);
    double bytes = s->piece = touched_bytes(&t);
    for (int32_t node = s->loop; node >= 0; node = p->loop[node].up) {
        uint32_t k = 0;
        double before = bytes;
        while (k < w->n_around && w->around[k].node != node)
            k++;
        p->loop[node].body_bytes += before;
        if (p->loop[node].up < 0)
            s->inner_footprint = before;
        if (k < w->n_around)            /* else a tile's inner loop, seen from beside it */
            grow(&t, stride[k] * (int64_t)w->around[k].split, w->around[k].trip / w->around[k].split);
        bytes = touched_bytes(&t);
        s->grows[node] = (float)(bytes / before);
    }
    s->footprint = bytes;
    if (s->loop < 0)
        s->inner_footprint = bytes;
    double *growth = &s->grows_by_round;
    s->grows_by_round = s->grows_by_runs = 1;
    for (uint32_t k = w->n_around; k-- > 0;) {
        if (w->around[k].node >= 0)
            continue;
        grow(&t, stride[k], w->around[k].trip);
        *growth *= touched_bytes(&t) / bytes;
        bytes = touched_bytes(&t);
        growth = &s->grows_by_runs;
    }
    return bytes;
}

/* An address that no one knows: any element, each time. */
static double measure_gathered(Walk *w, Stream *s, double most)
{
    Phase *p = w->phase;
    double times = 1, bytes = s->piece = fmin(MODEL_LINE, most);
    for (int32_t node = s->loop; node >= 0; node = p->loop[node].up) {
        double before = bytes;
        p->loop[node].body_bytes += before;
        if (p->loop[node].up < 0)
            s->inner_footprint = before;
        times *= p->loop[node].trip;
        bytes = fmin(times * MODEL_LINE, most);
        s->grows[node] = (float)(bytes / before);
    }
    s->footprint = bytes;
    if (s->loop < 0)
        s->inner_footprint = bytes;
    s->grows_by_round = fmin(bytes * w->phase->round_runs, most) / bytes;
    s->grows_by_runs = fmin(bytes * w->runs, most) / bytes / s->grows_by_round;
    return fmin(bytes * w->runs, most);
}

/* ---- streams ------------------------------------------------------------------------------------------------------------- */

static Stream *find_stream(Walk *w, const NAccess *a, bool is_affine, const int64_t *stride, int32_t loop, bool *is_new)
{
    Phase *p = w->phase;
    *is_new = false;
    for (uint32_t i = 0; i < p->n_streams; i++) {
        const StreamKey *k = &w->key[i];
        Stream *s = &p->stream[i];
        if (k->array == a->array && s->loop == loop && s->is_gathered == !is_affine && k->n == w->n_around &&
            (!is_affine || memcmp(k->stride, stride, w->n_around * sizeof *stride) == 0))
            return s;
    }
    if (p->n_streams == MODEL_STREAMS)
        return NULL;
    *is_new = true;
    Stream *s = &p->stream[p->n_streams];
    memset(s, 0, sizeof *s);
    StreamKey *k = &w->key[p->n_streams++];
    k->array = a->array;
    k->n = w->n_around;
    if (is_affine)
        memcpy(k->stride, stride, w->n_around * sizeof *stride);
    return s;
}

void count_access(Walk *w, const NAccess *a, double times)
{
    const Array *array = array_of(w, a);
    int64_t stride[MAX_AROUND] = { 0 }, at;
    uint8_t size = dtype_info[array->dtype].size;
    double most = fmax((double)array->size, 1) * size;
    bool is_affine = access_strides(w, a, stride, &at), is_new;
    int32_t loop = walk_node(w);
    w->out->bytes += times * w->runs * size;
    Stream *s = find_stream(w, a, is_affine, stride, loop, &is_new);
    if (is_new) {
        s->elem_bytes = size;
        s->is_gathered = !is_affine;
        s->loop = loop;
        s->shared = 1;
        s->is_scalar = !w->in_lanes;
        s->lane_stride = s->thread_stride = s->step_stride = is_affine ? 0 : MODEL_LINE;
        for (uint32_t k = 0; is_affine && k < w->n_around; k++) {
            const Around *l = &w->around[k];
            if (l->node < 0)
                continue;
            s->step_stride = stride[k];
            s->lane_stride = l->is_lanes ? stride[k] : s->lane_stride;
            s->thread_stride = l->is_x ? stride[k] : s->thread_stride;
            if (l->split > 1 && !l->is_lanes && stride[k] == 0)
                s->shared = l->split;
        }
        most = fmax(most, MODEL_LINE);
        double bytes = is_affine ? measure(w, s, stride, most) : measure_gathered(w, s, most);
        if (a->array->id < TRIPS_LOOPS)
            w->array_bytes[a->array->id] = fmax(w->array_bytes[a->array->id], bytes);
    } else if (!s) {
        s = &w->phase->stream[MODEL_STREAMS - 1];
    }
    s->count += times;
    s->executions = fmax(s->executions, times);
    s->is_written |= a->is_write;
    s->is_read |= !a->is_write;
}
