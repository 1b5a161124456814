/* tests/unit/test_graph_brute.c — dependence graph and guards against brute force.
 *
 * Random nests are put together by hand (no program text), with affine and other subscripts, triangular and strided loops, while loops, conditions,
 * symbols of all kinds, and arrays that are views of one buffer.  Each is executed, noting the bytes that every iteration touches; no answer may
 * contradict the notes.  How many of the answers are as exact as the notes is printed.
 *
 * Usage: test_graph_brute [number of nests] [seed] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "jit/plan/plan.h"

enum { MAX_TOUCH = 6000, MAX_LOOPS = 6, MAX_SYMS = 5, MAX_ARRAYS = 3, MAX_ACC = 16, MAX_STMTS = 40, N_EXEC = 3 };

static uint64_t rng;

static uint32_t rnd(uint32_t n)         /* 0 … n-1 */
{
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return (uint32_t)((rng >> 24) % n);
}

static int64_t between(int64_t lo, int64_t hi) { return lo + (int64_t)rnd((uint32_t)(hi - lo + 1)); }

/* ---- building ------------------------------------------------------------------------------------------------------------------ */

typedef struct Touch { const NAccess *access; int64_t address; int32_t t[DEP_MAX_DEPTH]; } Touch;

typedef struct Random {
    VM      *vm;
    Nest    *nest;
    Facts   *facts;
    Array    array[MAX_ARRAYS];
    int      n_syms;
    uint64_t salt;              /* of what is not affine, in one execution */
    int64_t  t[MAX_LOOPS];
    int      n_touch;
    bool     too_long;
    Touch   *touch;
    int64_t  min[MAX_ACC][ALP_MAX_NDIM], max[MAX_ACC][ALP_MAX_NDIM];
    bool     runs[MAX_ACC];
} Random;

#define NEW(r, type) ARENA_NEW(&(r)->nest->arena, type)

static NExpr *expr_new(Random *r, NOp op, DType rep)
{
    NExpr *e = NEW(r, NExpr);
    e->op = (uint8_t)op;
    e->rep = (uint8_t)rep;
    e->check = NO_CHECK;
    e->id = r->nest->n_exprs++;
    r->nest->exprs[e->id] = e;
    return e;
}

static uint32_t check_new(Random *r, NCheckKind kind, const NExpr *e, const NStmt *s)
{
    r->nest->checks[r->nest->n_checks] = (NCheck){ .kind = (uint8_t)kind, .expr = e, .stmt = s };
    return r->nest->n_checks++;
}

static NForm *form_new(Random *r, const NLoop *in, int max_terms, bool small)
{
    NForm *f = arena_alloc(&r->nest->arena, sizeof *f + 8 * sizeof(NTerm));
    int64_t c = between(small ? 0 : -3, small ? 6 : 3);
    if (c)
        f->term[f->n++] = (NTerm){ NULL, NULL, c };
    for (int k = (int)rnd((uint32_t)max_terms + 1); k > 0; k--) {
        const NLoop *l = in;
        const NSym *s = NULL;
        int64_t coef = rnd(4) ? 1 : between(-2, 3);
        for (uint32_t up = rnd(3); l && up > 0; up--)
            l = l->up;
        if (l && l->is_while)
            l = l->up && !l->up->is_while ? l->up : NULL;
        if (!l || rnd(6) == 0) {
            s = r->nest->syms[rnd((uint32_t)r->n_syms)];
            const NLoop *v = s->varies;
            bool inside = !v;
            for (const NLoop *x = in; x; x = x->up)
                inside |= x == v;
            if (!inside)
                s = NULL;
            if (s && !s->expr)
                l = NULL;
        }
        if ((!l && !s) || coef == 0)
            continue;
        bool known = false;
        for (uint32_t i = 0; i < f->n; i++)
            known |= f->term[i].loop == l && f->term[i].sym == s;
        if (!known)
            f->term[f->n++] = (NTerm){ l, s, coef };
    }
    return f;
}

static NStmt *stmt_new(Random *r, NStmtKind kind, NStmt *parent, NLoop *in)
{
    NStmt *s = NEW(r, NStmt);
    s->kind = (uint8_t)kind;
    s->check = NO_CHECK;
    s->parent = parent;
    s->loop_in = in;
    s->id = r->nest->n_stmts++;
    r->nest->stmts[s->id] = s;
    return s;
}

static NAccess *access_new(Random *r, NStmt *s, bool is_write)
{
    NAccess *x = NEW(r, NAccess);
    x->id = r->nest->n_accesses++;
    r->nest->accesses[x->id] = x;
    x->array = r->nest->arrays[rnd(r->nest->n_arrays)];
    x->is_write = is_write;
    x->stmt = s;
    x->n_subs = x->array->ndim;
    *(is_write ? &x->array->is_written : &x->array->is_read) = true;
    const NLoop *in = s->kind == NS_Loop && s->loop->is_while ? s->loop : s->loop_in;
    for (uint32_t d = 0; d < x->n_subs; d++) {
        x->form[d] = rnd(12) ? form_new(r, in, 2, rnd(2)) : NULL;
        x->sub[d] = expr_new(r, NOP_Generic, DT_I64);
        x->sub[d]->form = x->form[d];
        x->check[d] = check_new(r, CK_Bounds, x->sub[d], s);
    }
    return x;
}

static void block_new(Random *r, NBlock *b, NStmt *parent, NLoop *in, int depth);

static NStmt *loop_new(Random *r, NStmt *parent, NLoop *in, int depth)
{
    NStmt *s = stmt_new(r, NS_Loop, parent, in);
    NLoop *l = s->loop = NEW(r, NLoop);
    l->id = r->nest->n_loops++;
    r->nest->loops[l->id] = l;
    l->stmt = s;
    l->up = in;
    l->depth = in ? in->depth + 1 : 1;
    l->step_check = NO_CHECK;
    l->is_while = in && rnd(8) == 0;
    /* A symbol that varies with this loop. */
    if (r->n_syms < MAX_SYMS && rnd(3) == 0) {
        NSym *v = NEW(r, NSym);
        v->id = (uint32_t)r->n_syms;
        v->varies = l;
        r->nest->syms[r->n_syms++] = v;
        r->nest->n_syms++;
    }
    if (l->is_while) {
        l->test = expr_new(r, NOP_Const, DT_Bool);
        if (r->nest->n_accesses < MAX_ACC && rnd(3) == 0)
            access_new(r, s, false);
    } else {
        static const int steps[] = { 1, 1, 1, 1, 2, 3, -1, -2 };
        l->step_const = steps[rnd(8)];
        if (rnd(12) == 0) {
            l->step_form = arena_alloc(&r->nest->arena, sizeof(NForm) + sizeof(NTerm));
            l->step_form->n = 1;
            l->step_form->term[0] = (NTerm){ NULL, r->nest->syms[0], 1 };
            l->step_const = 0;
        }
        l->start_form = form_new(r, in, 1, true);
        l->stop_form = form_new(r, in, 1, true);
        l->stop_form->term[l->stop_form->n] = (NTerm){ NULL, NULL, between(2, 4) * (l->step_const < 0 ? -1 : 1) };
        bool has_const = false;
        for (uint32_t i = 0; i < l->stop_form->n; i++)
            if (!l->stop_form->term[i].loop && !l->stop_form->term[i].sym) {
                l->stop_form->term[i].coef += l->stop_form->term[l->stop_form->n].coef;
                has_const = true;
            }
        l->stop_form->n += !has_const;
        if (rnd(8) == 0 && l->step_const > 0) {
            l->n_stop_forms = 2;
            l->stop_forms = ARENA_ARRAY(&r->nest->arena, NForm *, 2);
            l->stop_forms[0] = l->stop_form;
            l->stop_forms[1] = form_new(r, in, 1, true);
            l->stop_form = NULL;
        }
        l->start = expr_new(r, NOP_Generic, DT_I64);
        l->stop = expr_new(r, NOP_Generic, DT_I64);
        l->step = expr_new(r, NOP_Generic, DT_I64);
        l->trip = expr_new(r, NOP_Generic, DT_I64);
    }
    block_new(r, &l->body, s, l, depth + 1);
    return s;
}

static void block_new(Random *r, NBlock *b, NStmt *parent, NLoop *in, int depth)
{
    b->stmt = ARENA_ARRAY(&r->nest->arena, NStmt *, 3);
    int n = 1 + (int)rnd(depth < 2 ? 3 : 2);
    for (int i = 0; i < n; i++) {
        uint32_t what = rnd(8);
        NStmt *s;
        if (what < 3 && depth < 4 && r->nest->n_loops < MAX_LOOPS) {
            s = loop_new(r, parent, in, depth);
        } else if (what == 3 && depth < 4 && r->nest->n_stmts < MAX_STMTS - 4) {
            s = stmt_new(r, NS_If, parent, in);
            s->expr = expr_new(r, (NOp)(NOP_Eq + rnd(6)), DT_Bool);
            s->expr->a = expr_new(r, NOP_Generic, DT_I64);
            s->expr->b = expr_new(r, NOP_Generic, DT_I64);
            s->expr->a->form = form_new(r, in, 2, false);
            s->expr->b->form = form_new(r, in, 1, false);
            block_new(r, &s->body, s, in, depth + 1);
            if (rnd(2))
                block_new(r, &s->orelse, s, in, depth + 1);
        } else {
            if (r->nest->n_accesses + 3 > MAX_ACC || r->nest->n_stmts >= MAX_STMTS)
                continue;
            s = stmt_new(r, NS_Store, parent, in);
            s->expr = expr_new(r, NOP_Const, DT_F64);
            for (uint32_t k = rnd(3); k > 0; k--)
                access_new(r, s, false);
            s->access = access_new(r, s, true);
        }
        b->stmt[b->n++] = s;
    }
}

/* ---- executing ------------------------------------------------------------------------------------------------------------------ */

static uint64_t scramble(uint64_t x)
{
    x = (x ^ x >> 31) * 0x9E3779B97F4A7C15u;
    return x ^ x >> 29;
}

static int64_t sym_value(const Random *r, const NSym *s)
{
    if (s->expr)
        return r->facts->sym[s->id];
    uint64_t h = r->salt + s->id * 77;
    for (const NLoop *l = s->varies; l; l = l->up)
        h = scramble(h * 31 + (uint64_t)r->t[l->id] + 1);
    return (int64_t)(scramble(h) % 5) - 1;
}

static int64_t form_value(const Random *r, const NForm *f)
{
    int64_t v = 0;
    for (uint32_t i = 0; i < f->n; i++)
        v += f->term[i].coef * (f->term[i].loop ? r->t[f->term[i].loop->id] : 1) * (f->term[i].sym ? sym_value(r, f->term[i].sym) : 1);
    return v;
}

static void touch(Random *r, const NAccess *x, bool measure)
{
    const NLoop *in = x->stmt->kind == NS_Loop && x->stmt->loop->is_while ? x->stmt->loop : x->stmt->loop_in;
    Touch now = { .access = x };
    uint64_t h = r->salt * 3 + x->id;
    for (const NLoop *l = in; l; l = l->up) {
        now.t[l->depth - 1] = (int32_t)r->t[l->id];
        h = scramble(h * 31 + (uint64_t)r->t[l->id]);
    }
    const Array *a = &r->array[x->array->id];
    now.address = (int64_t)(intptr_t)a->data;
    for (uint32_t d = 0; d < x->n_subs; d++) {
        int64_t s = x->form[d] ? form_value(r, x->form[d]) : (int64_t)(scramble(h + d) % 4);
        if (!r->runs[x->id] || s < r->min[x->id][d])
            r->min[x->id][d] = s;
        if (!r->runs[x->id] || s > r->max[x->id][d])
            r->max[x->id][d] = s;
        if (!measure)
            now.address += (s < 0 ? s + a->shape[d] : s) * a->strides[d];
    }
    r->runs[x->id] = true;
    if (r->n_touch == MAX_TOUCH)
        r->too_long = true;
    else
        r->touch[r->n_touch++] = now;
}

static void run_block(Random *r, const NBlock *b, bool measure)
{
    for (uint32_t i = 0; i < b->n && !r->too_long; i++) {
        const NStmt *s = b->stmt[i];
        if (s->kind == NS_Store) {
            for (uint32_t k = 0; k < r->nest->n_accesses; k++)
                if (r->nest->accesses[k]->stmt == s && !r->nest->accesses[k]->is_write)
                    touch(r, r->nest->accesses[k], measure);
            touch(r, s->access, measure);
        } else if (s->kind == NS_If) {
            int64_t x = form_value(r, s->expr->a->form), y = form_value(r, s->expr->b->form);
            const bool truth[] = { x == y, x != y, x < y, x <= y, x > y, x >= y };
            run_block(r, truth[s->expr->op - NOP_Eq] ? &s->body : &s->orelse, measure);
        } else {
            const NLoop *l = s->loop;
            int64_t trip;
            if (l->is_while) {
                uint64_t h = r->salt + 5 * l->id;
                for (const NLoop *up = l->up; up; up = up->up)
                    h = scramble(h + (uint64_t)r->t[up->id]);
                trip = (int64_t)(scramble(h) % 4);
            } else {
                int64_t step = l->step_const ? l->step_const : form_value(r, l->step_form), start = form_value(r, l->start_form), stop;
                if (l->stop_form) {
                    stop = form_value(r, l->stop_form);
                } else {
                    int64_t other = form_value(r, l->stop_forms[1]);
                    stop = form_value(r, l->stop_forms[0]);
                    stop = other < stop ? other : stop;
                }
                trip = step > 0 ? (stop - start + step - 1) / step : step < 0 ? (start - stop - step - 1) / -step : 0;
                if ((step > 0 && stop <= start) || (step < 0 && stop >= start))
                    trip = 0;
            }
            for (int64_t t = 0; t < trip + l->is_while && !r->too_long; t++) {
                r->t[l->id] = t;
                for (uint32_t k = 0; l->is_while && k < r->nest->n_accesses; k++)
                    if (r->nest->accesses[k]->stmt == s)
                        touch(r, r->nest->accesses[k], measure);
                if (t < trip)
                    run_block(r, &l->body, measure);
            }
        }
    }
}

static void run(Random *r, bool measure)
{
    memset(r->runs, 0, sizeof r->runs);
    r->n_touch = 0;
    r->too_long = false;
    run_block(r, &r->nest->body, measure);
}

/* Shapes that hold all subscripts, and layouts that may overlap. */
static void place_arrays(Random *r)
{
    Nest *n = r->nest;
    for (uint32_t i = 0; i < n->n_arrays; i++) {
        Array *a = &r->array[i];
        memset(a, 0, sizeof *a);
        a->dtype = n->arrays[i]->dtype;
        a->ndim = n->arrays[i]->ndim;
        a->size = 1;
        for (int d = 0; d < a->ndim; d++) {
            a->shape[d] = 1 + (rnd(2) ? (int64_t)rnd(3) : 0);
            for (uint32_t k = 0; k < n->n_accesses; k++) {
                const NAccess *x = n->accesses[k];
                if (x->array != n->arrays[i] || !r->runs[k])
                    continue;
                if (r->max[k][d] + 1 > a->shape[d])
                    a->shape[d] = r->max[k][d] + 1;
                if (-r->min[k][d] > a->shape[d])
                    a->shape[d] = -r->min[k][d];
            }
            a->size *= a->shape[d];
        }
        int64_t item = dtype_info[a->dtype].size, pitch = item;
        bool fortran = rnd(3) == 0;
        for (int k = 0; k < a->ndim; k++) {
            int d = fortran ? k : a->ndim - 1 - k;
            if (rnd(6) == 0)
                pitch *= 2;
            a->strides[d] = rnd(8) ? pitch : -pitch;
            pitch *= a->shape[d];
            if (rnd(5) == 0)
                pitch += item;
        }
        a->data = (char *)(intptr_t)(0x100000 + (rnd(3) ? 0x100000 * (int64_t)i : 8 * between(-6, 6) * (rnd(3) ? 1 : 4)));
        if (i > 0 && rnd(4) == 0 && a->ndim == r->array[0].ndim) {
            /* The same layout as the first, or a shifted one. */
            Array *b = &r->array[0];
            for (int d = 0; d < a->ndim; d++) {
                a->strides[d] = b->strides[d];
                if (dtype_info[a->dtype].size != dtype_info[b->dtype].size)
                    a->strides[d] *= 2;
            }
            a->data = b->data;
            for (int d = 0; d < a->ndim; d++)
                a->data += between(-1, 1) * b->strides[d];
        }
    }
}

static void span_of(const Array *a, int64_t *lo, int64_t *hi)
{
    *lo = *hi = (int64_t)(intptr_t)a->data;
    for (int d = 0; d < a->ndim; d++)
        *(a->strides[d] < 0 ? lo : hi) += a->strides[d] * (a->shape[d] - 1);
    *hi += dtype_info[a->dtype].size;
}

static bool overlaps_itself(const Array *a)
{
    int64_t lo, hi;
    span_of(a, &lo, &hi);
    bool *used = calloc((size_t)(hi - lo), 1), twice = false;
    int64_t idx[ALP_MAX_NDIM] = { 0 };
    for (int64_t k = 0; k < a->size && !twice; k++) {
        int64_t at = (int64_t)(intptr_t)a->data - lo;
        for (int d = 0; d < a->ndim; d++)
            at += idx[d] * a->strides[d];
        for (int b = 0; b < dtype_info[a->dtype].size; b++) {
            twice |= used[at + b];
            used[at + b] = true;
        }
        for (int d = a->ndim - 1; d >= 0 && ++idx[d] == a->shape[d]; d--)
            idx[d] = 0;
    }
    free(used);
    return twice;
}

static void state_facts(Random *r)
{
    Facts *f = r->facts;
    uint32_t n = r->nest->n_arrays;
    for (uint32_t i = 0; i < n; i++) {
        ArrayFact *x = &f->array[i];
        int64_t lo, hi;
        span_of(&r->array[i], &lo, &hi);
        *x = (ArrayFact){ .array = &r->array[i], .lo = (char *)(intptr_t)lo, .hi = (char *)(intptr_t)hi, .group = i };
        x->overlaps_itself = overlaps_itself(&r->array[i]);
    }
    for (uint32_t round = 0; round < n; round++)
        for (uint32_t i = 0; i < n; i++)
            for (uint32_t j = 0; j < n; j++)
                if (f->array[i].lo < f->array[j].hi && f->array[j].lo < f->array[i].hi && f->array[i].group > f->array[j].group)
                    f->array[i].group = f->array[j].group;
}

/* ---- comparing ------------------------------------------------------------------------------------------------------------------ */

static struct { uint64_t nests, executions, pairs, exact, vectors, hit, modes, settled; double static_ns, decide_ns, guards_ns; } stat;

static const RefPair *pair_of(const DepGraph *g, const NAccess *x, const NAccess *y)
{
    for (uint32_t i = 0; i < g->n_pairs; i++)
        if ((g->pair[i].a == x && g->pair[i].b == y) || (g->pair[i].a == y && g->pair[i].b == x))
            return &g->pair[i];
    return NULL;
}

static bool covers(const DepVec *v, const int64_t *diff, int n)
{
    for (int k = 0; k < n; k++) {
        uint8_t dir = diff[k] > 0 ? DIR_LT : diff[k] < 0 ? DIR_GT : DIR_EQ;
        if (!(v->dir[k] & dir) || (v->has_dist >> k & 1 && v->dist[k] != diff[k]))
            return false;
    }
    return true;
}

static int compare(Random *r, const DepGraph *g)
{
    enum { MAX_PAIRS = MAX_ACC * (MAX_ACC + 1) / 2 };
    static uint32_t hit[MAX_PAIRS];
    const RefPair *table[MAX_ACC][MAX_ACC];
    memset(hit, 0, sizeof hit);
    for (uint32_t i = 0; i < r->nest->n_accesses; i++)
        for (uint32_t j = 0; j < r->nest->n_accesses; j++)
            table[i][j] = pair_of(g, r->nest->accesses[i], r->nest->accesses[j]);
    for (int i = 0; i < r->n_touch; i++)
        for (int j = i; j < r->n_touch; j++) {
            const Touch *x = &r->touch[i], *y = &r->touch[j];
            if (!x->access->is_write && !y->access->is_write)
                continue;
            if (i == j)
                continue;
            int sx = dtype_info[x->access->array->dtype].size, sy = dtype_info[y->access->array->dtype].size;
            if (x->address >= y->address + sy || y->address >= x->address + sx)
                continue;
            const RefPair *p = table[x->access->id][y->access->id];
            if (!p) {
                printf("no pair for accesses %u and %u\n", x->access->id, y->access->id);
                return 1;
            }
            int64_t diff[DEP_MAX_DEPTH];
            bool swap = x->access != p->a;
            for (int k = 0; k < p->n_common; k++)
                diff[k] = swap ? x->t[k] - y->t[k] : y->t[k] - x->t[k];
            bool found = false;
            for (int v = 0; v < p->answer.n_vec; v++)
                if (covers(&p->answer.vec[v], diff, p->n_common)) {
                    found = true;
                    hit[p->id] |= 1u << v;
                }
            if (p->a == p->b && !found) {
                /* one reference: either orientation is in the answer */
                for (int k = 0; k < p->n_common; k++)
                    diff[k] = -diff[k];
                for (int v = 0; v < p->answer.n_vec; v++)
                    found |= covers(&p->answer.vec[v], diff, p->n_common);
            }
            if (!found) {
                char text[DEP_VEC_TEXT_MAX];
                printf("missed: accesses %u and %u, difference", p->a->id, p->b->id);
                for (int k = 0; k < p->n_common; k++)
                    printf(" %lld", (long long)diff[k]);
                printf("; %d vectors by %s, static %d:", p->answer.n_vec, dep_test_name(p->answer.test), p->is_static);
                for (int v = 0; v < p->answer.n_vec; v++)
                    printf(" %s", dep_vec_text(text, &p->answer.vec[v], p->n_common));
                printf("\n");
                return 1;
            }
        }
    for (uint32_t i = 0; i < g->n_pairs; i++) {
        const RefPair *p = &g->pair[i];
        if (p->a == p->b)
            continue;
        stat.pairs++;
        uint32_t n = (uint32_t)__builtin_popcount(hit[i]);
        stat.exact += n == (uint32_t)p->answer.n_vec;
        stat.vectors += (uint32_t)p->answer.n_vec;
        stat.hit += n;
    }
    return 0;
}

static int compare_guards(Random *r, const uint8_t *proved, const uint8_t *access_dim)
{
    for (uint32_t i = 0; i < r->nest->n_accesses; i++) {
        const NAccess *x = r->nest->accesses[i];
        for (uint32_t d = 0; r->runs[i] && d < x->n_subs; d++) {
            int64_t n = r->array[x->array->id].shape[d], lo = r->min[i][d], hi = r->max[i][d];
            int mode = access_dim[i * ALP_MAX_NDIM + d];
            DimMode best = lo >= 0 ? DM_Plain : hi < 0 ? DM_FromEnd : DM_Checked;
            if (x->form[d]) {
                stat.modes++;
                stat.settled += mode == (int)best && proved[x->check[d]];
            }
            if ((mode == DM_Plain && lo < 0) || (mode == DM_FromEnd && (hi >= 0 || lo < -n))) {
                printf("access %u, dimension %u: mode %d, but %lld … %lld\n", i, d, mode, (long long)lo, (long long)hi);
                return 1;
            }
        }
    }
    return 0;
}

/* Edges must order what the answers say: each touching pair of different iterations has an edge from the earlier to the later statement. */
static int compare_edges(Random *r, const DepGraph *g)
{
    for (int i = 0; i < r->n_touch; i++)
        for (int j = i + 1; j < r->n_touch; j++) {
            const Touch *x = &r->touch[i], *y = &r->touch[j];
            int sx = dtype_info[x->access->array->dtype].size, sy = dtype_info[y->access->array->dtype].size;
            if ((!x->access->is_write && !y->access->is_write) || x->address >= y->address + sy || y->address >= x->address + sx ||
                x->access->stmt == y->access->stmt)
                continue;
            bool found = false;
            for (uint32_t k = 0; k < g->n_edges && !found; k++) {
                const DepEdge *e = &g->edge[k];
                const NAccess *src = e->is_swapped ? e->pair->b : e->pair->a, *dst = e->is_swapped ? e->pair->a : e->pair->b;
                int64_t diff[DEP_MAX_DEPTH];
                int first = 0;
                if (src != x->access || dst != y->access)
                    continue;
                for (int l = 0; l < e->pair->n_common; l++)
                    diff[l] = y->t[l] - x->t[l];
                while (first < e->pair->n_common && diff[first] == 0)
                    first++;
                found = covers(&e->vec, diff, e->pair->n_common) && e->level == (first < e->pair->n_common ? first + 1 : 0);
            }
            if (!found) {
                printf("no edge from access %u to %u\n", x->access->id, y->access->id);
                return 1;
            }
        }
    return 0;
}

/* Every request for memory refused in turn: no plan may come of it, or a sound one. */
static int refuse_memory(Random *r, const uint8_t *dim)
{
    Mem *mem = &r->vm->mem;
    for (uint64_t k = 1, refused = 1; refused; k++) {
        Arena arena;
        arena_init(&arena, mem);
        mem->fail_at = mem->n_alloc + k;
        DepGraph *g = graph_new(&arena, r->nest);
        Guards *guards = g ? guards_new(r->nest, g->scalars) : NULL;
        int failed = 0;
        if (guards) {
            graph_decide(g, r->facts, dim);
            Status done = graph_edges(g, &arena);
            failed = done == ALP_OK && (compare(r, g) || compare_edges(r, g));
        }
        refused = mem->n_alloc >= mem->fail_at;
        mem->fail_at = 0;
        guards_free(guards);
        arena_free(&arena);
        if (failed)
            return 1;
    }
    return 0;
}

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int try_one(VM *vm, Touch *room)
{
    static Random r;
    memset(&r, 0, sizeof r);
    Nest *n = mem_zalloc(&vm->mem, sizeof *n);
    r.vm = vm;
    r.nest = n;
    r.touch = room;
    n->vm = vm;
    arena_init(&n->arena, &vm->mem);
    Arena *a = &n->arena;
    n->exprs = ARENA_ARRAY(a, NExpr *, 512);
    n->stmts = ARENA_ARRAY(a, NStmt *, MAX_STMTS + 64);
    n->loops = ARENA_ARRAY(a, NLoop *, MAX_LOOPS + 8);
    n->arrays = ARENA_ARRAY(a, NArray *, MAX_ARRAYS);
    n->accesses = ARENA_ARRAY(a, NAccess *, MAX_ACC + 8);
    n->syms = ARENA_ARRAY(a, NSym *, MAX_SYMS + 1);
    n->checks = ARENA_ARRAY(a, NCheck, 256);
    n->n_arrays = 1 + rnd(MAX_ARRAYS);
    for (uint32_t i = 0; i < n->n_arrays; i++) {
        n->arrays[i] = ARENA_NEW(a, NArray);
        n->arrays[i]->id = i;
        n->arrays[i]->ndim = (uint8_t)(1 + rnd(2));
        n->arrays[i]->dtype = rnd(4) ? DT_F64 : rnd(2) ? DT_F32 : DT_C128;
    }
    NExpr *marker = expr_new(&r, NOP_Const, DT_I64);
    for (r.n_syms = 0; r.n_syms < 2; r.n_syms++) {
        NSym *s = ARENA_NEW(a, NSym);
        s->id = (uint32_t)r.n_syms;
        s->expr = marker;
        n->syms[n->n_syms++] = s;
    }
    n->body.stmt = ARENA_ARRAY(a, NStmt *, 1);
    n->body.n = 1;
    n->body.stmt[0] = loop_new(&r, NULL, NULL, 1);
    n->root = n->body.stmt[0]->loop;
    int failed = 0;
    if (n->n_accesses > 0 && n->n_accesses <= MAX_ACC) {
        r.facts = facts_new(n);
        double t0 = now_ns();
        DepGraph *g = graph_new(a, n);
        stat.static_ns += now_ns() - t0;
        Guards *guards = guards_new(n, g->scalars);
        uint8_t *proved = ARENA_ARRAY(a, uint8_t, n->n_checks + 1), *dim = ARENA_ARRAY(a, uint8_t, n->n_accesses * ALP_MAX_NDIM);
        stat.nests++;
        for (int e = 0; e < N_EXEC && !failed; e++) {
            for (int s = 0; s < 2; s++) {
                r.facts->sym[s] = s == 0 ? between(1, 3) * (rnd(6) ? 1 : -1) : between(-4, 8);
                r.facts->sym_known[s] = true;
            }
            r.salt = scramble(rng + (uint64_t)e);
            run(&r, true);
            if (r.too_long)
                continue;
            place_arrays(&r);
            state_facts(&r);
            run(&r, false);
            stat.executions++;
            t0 = now_ns();
            guards_decide(guards, r.facts, proved, dim);
            double t1 = now_ns();
            graph_decide(g, r.facts, dim);
            stat.decide_ns += now_ns() - t1;
            stat.guards_ns += t1 - t0;
            failed = compare_guards(&r, proved, dim) || compare(&r, g) || graph_edges(g, a) != ALP_OK || compare_edges(&r, g) ||
                     (stat.nests % 64 == 0 && refuse_memory(&r, dim));
        }
        guards_free(guards);
        facts_free(r.facts, n);
    }
    arena_free(a);
    mem_free(&vm->mem, n, sizeof *n);
    return failed;
}

int main(int argc, char **argv)
{
    long count = argc > 1 ? atol(argv[1]) : 20000;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
    VM *vm = calloc(1, sizeof *vm);
    Touch *room = malloc(MAX_TOUCH * sizeof *room);
    mem_init(&vm->mem, NULL, NULL);
    for (long i = 0; i < count; i++) {
        rng = scramble(seed * 1000003 + (uint64_t)i) | 1;
        if (try_one(vm, room)) {
            printf("nest %ld of seed %llu\n", i, (unsigned long long)seed);
            return 1;
        }
    }
    if (vm->mem.bytes_used != 0) {
        printf("%zu bytes leaked\n", vm->mem.bytes_used);
        return 1;
    }
    printf("%llu nests, %llu executions: %llu pairs, %.2f %% exact; %llu vectors, %.2f %% occur; %.2f %% of %llu affine subscripts settled\n",
           (unsigned long long)stat.nests, (unsigned long long)stat.executions, (unsigned long long)stat.pairs, 100.0 * (double)stat.exact / (double)stat.pairs,
           (unsigned long long)stat.vectors, 100.0 * (double)stat.hit / (double)stat.vectors, 100.0 * (double)stat.settled / (double)stat.modes,
           (unsigned long long)stat.modes);
    printf("per nest: static stage %.0f ns, guards %.0f ns, deferred tests %.0f ns\n", stat.static_ns / (double)stat.nests,
           stat.guards_ns / (double)stat.executions, stat.decide_ns / (double)stat.executions);
    free(room);
    free(vm);
    return 0;
}
