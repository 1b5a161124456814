/* jit/depend/pair_test.c — puts the question about one pair of references (pair_test.h).
 *
 * Beyond copying numbers three things happen here.
 *
 * 1. Symbols that vary.  A symbol that is fixed only within one iteration of loop L has one value for A and B if both are in the same iteration of
 *    L and of all loops around it, else two unrelated ones.  So the space of iteration pairs is divided by how far the iterations agree:
 *    with D1 < D2 < … the depths of such loops, region j holds the pairs that are equal down to depth Dj and not down to D(j+1).  In region j
 *    the symbols of depth <= Dj are one unknown, the others two, and the levels down to Dj are equated; of its answer the vectors
 *    that lie in the region are kept.
 *
 * 2. Subscripts that may wrap.  -1 names the last element.  Where the guards could not tell the sign of an affine subscript s (SUB_Checked), its
 *    index is s with 0 <= s < n, or s + n with -n <= s < 0 (anything else fails a check, and then nothing of the execution stands).  Each
 *    combination is a question of its own; the answers are joined.
 *
 * 3. Leaving out.  A bound or equation that cannot be had (not affine, too large, no room) is left out.  That only adds solutions. */
#include "jit/depend/pair_test.h"

#include <string.h>

enum { MAX_WRAPS = 4 };         /* subscripts of one question tried both ways; more: their equations are left out */

typedef struct Wrap { bool is_b; uint8_t dim; } Wrap;

typedef struct Asking {
    const Question *q;
    PairResult *res;
    int      n_equal;           /* levels on which A and B are in the same iteration */
    int      n_wrap;
    Wrap     wrap[MAX_WRAPS];
    unsigned from_end;          /* bit k: wrap[k] counts from the end in this question */
    bool     too_many_wraps;
    bool     has_unknown;       /* some equation has a value that nobody knows in advance */
    DepPair  p;
    struct { const NSym *sym; int side; } column[DEP_MAX_SYM];
} Asking;

enum { SIDE_A, SIDE_B, SIDE_Both };

static void note(PairResult *r, Reason why)
{
    if (r->maybe == RS_None || r->maybe == RS_MaybeLimit)
        r->maybe = why;
}

void answer_all(DepAnswer *out, int n_common, DepTest test)
{
    out->n_vec = 1;
    out->test = test;
    out->is_exact = false;
    memset(&out->vec[0], 0, sizeof out->vec[0]);
    memset(out->vec[0].dir, DIR_ANY, (size_t)n_common);
}

/* Can an execution know this symbol? */
static bool is_computable(const NSym *s)
{
    return s->expr || (s->factor[0] && is_computable(s->factor[0]) && is_computable(s->factor[1]));
}

/* Depth of the loop around both references in which the symbol varies; 0: it is one value for both; -1: two. */
static int shared_depth(const Question *q, const NSym *s)
{
    if (!s->varies)
        return 0;
    for (int k = 0; k < q->n_shared; k++)
        if (q->a.chain[k] == s->varies)
            return k + 1;
    return -1;
}

/* The unknown that stands for the symbol on one side; -1: no room. */
static int column_of(Asking *k, const NSym *s, int side)
{
    int depth = shared_depth(k->q, s);
    if (depth >= 0 && depth <= k->n_equal)
        side = SIDE_Both;
    for (int i = 0; i < k->p.n_sym; i++)
        if (k->column[i].sym == s && k->column[i].side == side)
            return i;
    if (k->p.n_sym == DEP_MAX_SYM)
        return -1;
    int i = k->p.n_sym++;
    k->column[i].sym = s;
    k->column[i].side = side;
    k->p.sym_nonneg[i] = s->nonneg;
    return i;
}

/* Bounds of one loop; those with symbols that A and B may not share have no place in a loop around both. */
static void put_loop(Asking *k, DepLoop *out, const NLoop *loop, bool is_common, int side)
{
    const LinLoop *l = &k->q->loop[loop->id];
    out->n_upper = 0;
    k->res->wants_numbers |= l->is_partial && l->n_upper == 0;
    for (int u = 0; u < l->n_upper; u++) {
        const LinBound *from = &l->upper[u];
        DepBound *to = &out->upper[out->n_upper];
        to->scale = from->scale;
        to->c0 = from->lin.c0;
        memcpy(to->c, from->lin.c, sizeof to->c);
        memset(to->sym, 0, sizeof to->sym);
        bool fits = true;
        for (uint32_t i = 0; i < from->lin.n_rest && fits; i++) {
            const NSym *s = from->lin.rest[i].sym;
            int depth = shared_depth(k->q, s);
            int c = is_common && (depth < 0 || depth > k->n_equal) ? -1 : column_of(k, s, side);
            fits = c >= 0;
            if (fits)
                to->sym[c] = from->lin.rest[i].coef;
            k->res->bound_has_sym |= is_computable(s);
        }
        out->n_upper += fits;
    }
}

static void copy_loop(DepLoop *to, const DepLoop *from)
{
    to->n_upper = from->n_upper;
    memcpy(to->upper, from->upper, sizeof to->upper[0] * (size_t)from->n_upper);
}

static DepEq *eq_new(Asking *k, int64_t lo, int64_t hi)
{
    DepEq *e = &k->p.eq[k->p.n_eq];
    memset(e, 0, sizeof *e);
    e->lo = lo;
    e->hi = hi;
    return e;
}

/* e += mult * (subscript dim of one side, shift added); false: does not fit. */
static bool eq_add(Asking *k, DepEq *e, bool is_b, int dim, int64_t mult, int64_t shift)
{
    const RefSide *side = is_b ? &k->q->b : &k->q->a;
    const Lin *x = &side->sub[dim];
    int64_t signed_mult, c0, m;
    if (__builtin_mul_overflow(mult, is_b ? -1 : 1, &signed_mult) || __builtin_add_overflow(x->c0, shift, &c0) ||
        __builtin_mul_overflow(signed_mult, c0, &m) || __builtin_add_overflow(e->c0, m, &e->c0))
        return false;
    int64_t *coef = is_b ? e->b : e->a;
    for (int d = 0; d < side->n_loops; d++)
        if (x->c[d] && (__builtin_mul_overflow(mult, x->c[d], &m) || __builtin_add_overflow(coef[d], m, &coef[d])))
            return false;
    for (uint32_t i = 0; i < x->n_rest; i++) {
        int c = column_of(k, x->rest[i].sym, is_b ? SIDE_B : SIDE_A);
        if (c < 0 || __builtin_mul_overflow(signed_mult, x->rest[i].coef, &m) || __builtin_add_overflow(e->sym[c], m, &e->sym[c]))
            return false;
    }
    return true;
}

static int mode_of(const RefSide *side, int dim)
{
    return side->mode ? side->mode[dim] : SUB_Plain;
}

/* What is added to a subscript to make it an index; false: it has no equation. */
static bool shift_of(Asking *k, bool is_b, int dim, int64_t *shift)
{
    const RefSide *side = is_b ? &k->q->b : &k->q->a;
    *shift = 0;
    if (!side->has_sub[dim]) {
        k->res->wants_numbers |= side->is_affine[dim];
        note(k->res, side->is_affine[dim] ? RS_MaybeLimit : RS_MaybeSubscript);
        return false;
    }
    switch (mode_of(side, dim)) {
    case SUB_Plain:
        return true;
    case SUB_FromEnd:
        *shift = side->shape[dim];
        return true;
    }
    if (k->too_many_wraps) {
        note(k->res, RS_MaybeWrap);
        return false;
    }
    for (int w = 0; w < k->n_wrap; w++)
        if (k->wrap[w].is_b == is_b && k->wrap[w].dim == dim && (k->from_end >> w & 1))
            *shift = side->shape[dim];
    return true;
}

/* q->behind: 0 <= (its last counter, by A's counters) - tB. */
static void put_behind(Asking *k)
{
    const LinLoop *l = &k->q->loop[k->q->behind->id];
    if (l->n_upper != 1 || l->upper[0].scale != 1 || k->p.n_eq == DEP_MAX_EQ)
        return;
    const Lin *last = &l->upper[0].lin;
    DepEq *e = eq_new(k, 0, (int64_t)1 << 60);          /* no loop runs that often */
    e->c0 = last->c0;
    memcpy(e->a, last->c, sizeof e->a);
    e->b[k->q->n_shared] = 1;
    for (uint32_t i = 0; i < last->n_rest; i++) {
        int c = column_of(k, last->rest[i].sym, SIDE_A);
        if (c < 0)
            return;
        e->sym[c] = last->rest[i].coef;
    }
    k->p.n_eq++;
}

static void put_equations(Asking *k)
{
    const AddressMap *m = k->q->map;
    for (int i = 0; i < m->n && k->p.n_eq < DEP_MAX_EQ; i++) {
        const MapEq *from = &m->eq[i];
        DepEq *e = eq_new(k, from->lo, from->hi);
        bool has = true;
        for (int t = 0; t < from->n && has; t++) {
            const MapTerm *x = &from->term[t];
            int64_t shift;
            has = shift_of(k, x->is_b, x->dim, &shift);
            if (has && !eq_add(k, e, x->is_b, x->dim, x->mult, shift)) {
                note(k->res, RS_MaybeLimit);
                k->res->wants_numbers = true;
                has = false;
            }
        }
        if (!has)
            continue;
        k->p.n_eq++;
        k->res->is_far |= e->c0 < -2 || e->c0 > 2;
        for (int s = 0; s < k->p.n_sym; s++)
            if (e->sym[s] != 0)
                *(is_computable(k->column[s].sym) ? &k->res->eq_has_sym : &k->has_unknown) = true;
    }
    /* A subscript that is tried both ways: the sign that this question is about. */
    for (int w = 0; w < k->n_wrap && k->p.n_eq < DEP_MAX_EQ; w++) {
        const Wrap *x = &k->wrap[w];
        int64_t n = (x->is_b ? &k->q->b : &k->q->a)->shape[x->dim];
        int64_t least = k->from_end >> w & 1 ? -n : 0, most = k->from_end >> w & 1 ? -1 : n - 1;
        DepEq *e = x->is_b ? eq_new(k, -most, -least) : eq_new(k, least, most);
        k->p.n_eq += eq_add(k, e, x->is_b, x->dim, 1, 0);
    }
    for (int l = 0; l < k->n_equal && k->p.n_eq < DEP_MAX_EQ; l++) {
        DepEq *e = eq_new(k, 0, 0);
        e->a[l] = e->b[l] = 1;
        k->p.n_eq++;
    }
    if (k->q->behind)
        put_behind(k);
}

static void put_question(Asking *k)
{
    const Question *q = k->q;
    DepPair *p = &k->p;
    p->n_a = q->a.n_loops;
    p->n_b = q->b.n_loops;
    p->n_common = q->n_common;
    p->n_eq = p->n_sym = 0;
    for (int d = 0; d < p->n_a; d++)
        put_loop(k, &p->a[d], q->a.chain[d], d < q->n_common, SIDE_A);
    for (int d = 0; d < p->n_b; d++) {
        if (d < q->n_common)
            copy_loop(&p->b[d], &p->a[d]);
        else
            put_loop(k, &p->b[d], q->b.chain[d], false, SIDE_B);
    }
    put_equations(k);
}

static void find_wraps(Asking *k)
{
    const AddressMap *m = k->q->map;
    for (int i = 0; i < m->n; i++)
        for (int t = 0; t < m->eq[i].n; t++) {
            const MapTerm *x = &m->eq[i].term[t];
            const RefSide *side = x->is_b ? &k->q->b : &k->q->a;
            if (!side->has_sub[x->dim] || mode_of(side, x->dim) != SUB_Checked)
                continue;
            if (k->n_wrap == MAX_WRAPS) {
                k->n_wrap = 0;
                k->too_many_wraps = true;
                return;
            }
            k->wrap[k->n_wrap++] = (Wrap){ x->is_b, x->dim };
        }
}

/* ---- joining answers ------------------------------------------------------------------------------------------------------ */

static void answer_add(DepAnswer *out, const DepVec *v, int n_common)
{
    for (int i = 0; i < out->n_vec; i++) {
        DepVec *x = &out->vec[i];
        if (memcmp(x->dir, v->dir, (size_t)n_common) != 0)
            continue;
        for (int k = 0; k < n_common; k++)
            if (x->has_dist >> k & 1 && !(v->has_dist >> k & 1 && v->dist[k] == x->dist[k]))
                x->has_dist &= (uint8_t)~(1u << k);
        return;
    }
    if (out->n_vec < DEP_MAX_VEC) {
        out->vec[out->n_vec++] = *v;
        return;
    }
    DepVec *last = &out->vec[DEP_MAX_VEC - 1];
    for (int k = 0; k < n_common; k++)
        last->dir[k] |= v->dir[k];
    last->has_dist = 0;
    out->is_exact = false;
}

/* v with levels from … to-1 restricted to '='; false: nothing is left. */
static bool restrict_equal(DepVec *v, int from, int to)
{
    for (int k = from; k < to; k++) {
        if (!(v->dir[k] & DIR_EQ) || (v->has_dist >> k & 1 && v->dist[k] != 0))
            return false;
        v->dir[k] = DIR_EQ;
        v->has_dist |= (uint8_t)(1u << k);
        v->dist[k] = 0;
    }
    return true;
}

/* The part of v that is equal down to level `equal` and not down to `next` (next < 0: no such limit). */
static void add_region(DepAnswer *out, const DepVec *from, int equal, int next, int n_common)
{
    DepVec v = *from;
    if (!restrict_equal(&v, 0, equal))
        return;
    if (next < 0) {
        answer_add(out, &v, n_common);
        return;
    }
    for (int k = equal; k < next; k++) {
        DepVec part = v;
        if (part.dir[k] & (DIR_LT | DIR_GT)) {
            part.dir[k] &= DIR_LT | DIR_GT;
            answer_add(out, &part, n_common);
        }
        if (!restrict_equal(&v, k, k + 1))
            return;
    }
}

/* Depths in which symbols of the question vary, ascending; returns their number. */
static int varying_depths(const Question *q, int *depth)
{
    unsigned set = 0;
    for (int s = 0; s < 2; s++) {
        const RefSide *side = s ? &q->b : &q->a;
        for (int i = 0; i < q->map->n; i++)
            for (int t = 0; t < q->map->eq[i].n; t++) {
                const MapTerm *x = &q->map->eq[i].term[t];
                if (x->is_b != (s == 1) || !side->has_sub[x->dim])
                    continue;
                const Lin *lin = &side->sub[x->dim];
                for (uint32_t r = 0; r < lin->n_rest; r++) {
                    int d = shared_depth(q, lin->rest[r].sym);
                    set |= d > 0 ? 1u << d : 0;
                }
            }
        for (int l = 0; l < side->n_loops; l++) {
            const LinLoop *loop = &q->loop[side->chain[l]->id];
            for (int u = 0; u < loop->n_upper; u++)
                for (uint32_t r = 0; r < loop->upper[u].lin.n_rest; r++) {
                    int d = shared_depth(q, loop->upper[u].lin.rest[r].sym);
                    set |= d > 0 ? 1u << d : 0;
                }
        }
    }
    int n = 0;
    for (int d = 1; d <= DEP_MAX_DEPTH; d++)
        if (set >> d & 1)
            depth[n++] = d;
    return n;
}

void pair_test(const Question *q, PairResult *out)
{
    DepAnswer *answer = &out->answer;
    out->maybe = RS_None;
    out->n_tests = 0;
    out->eq_has_sym = out->bound_has_sym = out->wants_numbers = out->is_far = false;
    if (q->map->is_disjoint) {
        answer->n_vec = 0;
        answer->test = DEP_ZIV;
        answer->is_exact = true;
        return;
    }
    if (q->map->is_unknown) {
        answer_all(answer, q->n_common, DEP_Unknown);
        out->maybe = RS_MaybeAlias;
        return;
    }
    Asking k;
    k.q = q;
    k.res = out;
    k.n_wrap = 0;
    k.too_many_wraps = k.has_unknown = false;
    find_wraps(&k);
    int depth[DEP_MAX_DEPTH + 1], n_depth = varying_depths(q, depth);
    if (n_depth == 0 && k.n_wrap == 0) {
        k.n_equal = 0;
        k.from_end = 0;
        put_question(&k);
        dep_test(&k.p, answer);
        out->n_tests = 1;
    } else {
        DepAnswer part;
        answer->n_vec = 0;
        answer->test = DEP_ZIV;
        answer->is_exact = true;
        for (int region = 0; region <= n_depth; region++) {
            k.n_equal = region == 0 ? 0 : depth[region - 1];
            for (k.from_end = 0; k.from_end >> k.n_wrap == 0; k.from_end++) {
                put_question(&k);
                dep_test(&k.p, &part);
                out->n_tests++;
                for (int v = 0; v < part.n_vec; v++)
                    add_region(answer, &part.vec[v], k.n_equal, region < n_depth ? depth[region] : -1, q->n_common);
                answer->is_exact &= part.is_exact;
                answer->test = part.test;
            }
        }
        answer->is_exact |= answer->n_vec == 0;
    }
    if (answer->n_vec == 0) {
        out->maybe = RS_None;
        return;
    }
    if (answer->test == DEP_TooLarge)
        note(out, RS_MaybeLimit);
    if (k.has_unknown && !answer->is_exact)
        note(out, RS_MaybeSubscript);
    answer->is_exact &= out->maybe == RS_None;
}

bool pair_example(const Question *q, const DepVec *v, int64_t *t_a, int64_t *t_b)
{
    if (q->map->is_disjoint || q->map->is_unknown)
        return false;
    PairResult ignored = { .maybe = RS_None };
    Asking k;
    k.q = q;
    k.res = &ignored;
    k.n_equal = 0;
    k.n_wrap = 0;
    k.too_many_wraps = k.has_unknown = false;
    find_wraps(&k);
    for (k.from_end = 0; k.from_end >> k.n_wrap == 0; k.from_end++) {
        put_question(&k);
        /* An example for a question with something left out, or with symbols, need not be one. */
        if (ignored.maybe != RS_None || k.p.n_sym > 0)
            return false;
        if (dep_example(&k.p, v, t_a, t_b))
            return true;
    }
    return false;
}
