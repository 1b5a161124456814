/* jit/depend/pairs.c — which references meet, in two stages (pairs.h, graph.h).
 *
 * Static stage: pairs within one array.  An answer is final if no number can change it in a way that matters: independent; or free of
 * symbols; or with symbols in the loops' bounds only and all offsets small, so that only loops of one or two iterations could
 * do better.  It was found for subscripts that do not wrap; at an execution where guards say otherwise for one of its references, the
 * question is asked again.
 *
 * Execution: what is not final is asked again with numbers.  Pairs of different arrays exist only from the moment the two first share memory.
 * Then, and when an answer has more vectors than ever before, memory is taken from the arena; otherwise nothing is allocated. */
#include "jit/depend/pairs.h"

#include <string.h>

enum {
    MAX_PAIRS    = 1 << 15,     /* of one graph; arrays that would exceed it get a chain */
    STATIC_TESTS = 1 << 14,     /* calls of dep_test() in the static stage, and … */
    DECIDE_TESTS = 1 << 12,     /* … at one execution; beyond: "maybe" */
};

/* ---- references ---------------------------------------------------------------------------------------------------------------- */

/* The test of a While loop is evaluated in its iterations; bounds of a For loop before them. */
static const NLoop *loop_of(const NAccess *x)
{
    const NStmt *s = x->stmt;
    return s->kind == NS_Loop && s->loop->is_while ? s->loop : s->loop_in;
}

bool ref_is_before(const NAccess *x, const NAccess *y)
{
    if (x->stmt != y->stmt)
        return x->stmt->id < y->stmt->id;
    if (x->is_write != y->is_write)
        return y->is_write;
    return x->id < y->id;
}

static bool subs_equal(const NAccess *x, const NAccess *y)
{
    for (uint32_t d = 0; d < x->n_subs; d++) {
        const NForm *f = x->form[d], *g = y->form[d];
        if (f == g)
            continue;
        if (!f || !g || f->n != g->n)
            return false;
        for (uint32_t i = 0; i < f->n; i++)
            if (f->term[i].loop != g->term[i].loop || f->term[i].sym != g->term[i].sym || f->term[i].coef != g->term[i].coef)
                return false;
    }
    return true;
}

static uint64_t mix(uint64_t h, uint64_t x)
{
    h = (h ^ x) * 0x9E3779B97F4A7C15u;
    return h ^ h >> 29;
}

static uint64_t subs_hash(const NAccess *x, const NLoop *loop, const NStmt *condition)
{
    uint64_t h = mix(x->array->id, loop ? loop->id + 1 : 0);
    h = mix(h, condition ? condition->id + 1 : 0);
    for (uint32_t d = 0; d < x->n_subs; d++) {
        const NForm *f = x->form[d];
        h = mix(h, f ? f->n + 1 : 0);
        for (uint32_t i = 0; f && i < f->n; i++) {
            h = mix(h, (uint64_t)f->term[i].coef);
            h = mix(h, (uint64_t)(f->term[i].loop ? f->term[i].loop->id + 1 : 0) << 32 | (f->term[i].sym ? f->term[i].sym->id + 1 : 0));
        }
    }
    return h;
}

static RefClass *class_new(Pairs *p, const NAccess *x, const NLoop *loop)
{
    RefClass *c = ARENA_NEW(p->arena, RefClass);
    if (!c || (x->n_subs && !(c->sub = ARENA_ARRAY(p->arena, Lin, x->n_subs))))
        return NULL;
    c->rep = x;
    c->loop = loop;
    c->id = p->n_classes++;
    for (uint32_t d = 0; d < x->n_subs; d++)
        c->is_affine[d] = x->form[d] != NULL;
    if (loop && loop->depth > DEP_MAX_DEPTH) {
        c->n_loops = DEP_MAX_DEPTH + 1;
        return c;
    }
    c->n_loops = loop ? (int)loop->depth : 0;
    for (const NLoop *l = loop; l; l = l->up)
        c->chain[l->depth - 1] = l;
    return c;
}

static RefClass *class_get(Pairs *p, const NAccess *x)
{
    const NLoop *loop = loop_of(x);
    const NStmt *inner = x->stmt, *condition = x->stmt->parent;
    while (condition && condition->kind != NS_If) {
        inner = condition;
        condition = condition->parent;
    }
    bool in_orelse = false;
    for (uint32_t i = 0; condition && i < condition->orelse.n; i++)
        in_orelse |= condition->orelse.stmt[i] == inner;
    RefClass **bucket = &p->class_bucket[subs_hash(x, loop, condition) & (p->n_buckets - 1)];
    for (RefClass *c = *bucket; c; c = c->next)
        if (c->rep->array == x->array && c->loop == loop && c->condition == condition && c->in_orelse == in_orelse && subs_equal(c->rep, x))
            return c;
    RefClass *c = class_new(p, x, loop);
    if (c) {
        c->condition = condition;
        c->in_orelse = in_orelse;
        c->next = *bucket;
        *bucket = c;
    }
    return c;
}

/* ---- numbers ------------------------------------------------------------------------------------------------------------------- */

static void need_loop(Pairs *p, const NLoop *l, const Facts *f)
{
    if (p->loop_epoch[l->id] != p->epoch) {
        p->loop_epoch[l->id] = p->epoch;
        lin_from_loop(&p->loop[l->id], l, f);
    }
}

static void need_class(Pairs *p, RefClass *c, const Facts *f)
{
    if (c->epoch == p->epoch)
        return;
    c->epoch = p->epoch;
    for (uint32_t d = 0; d < c->rep->n_subs; d++)
        c->has_sub[d] = c->is_affine[d] && lin_from_form(&c->sub[d], c->rep->form[d], f);
    for (int k = 0; k < c->n_loops && k < DEP_MAX_DEPTH; k++)
        need_loop(p, c->chain[k], f);
}

/* modes: SUB_… per dimension; NULL: subscripts do not wrap. */
static void put_side(RefSide *s, const RefClass *c, const uint8_t *modes, const Facts *f)
{
    s->chain = c->chain;
    s->n_loops = c->n_loops;
    s->sub = c->sub;
    s->has_sub = c->has_sub;
    s->is_affine = c->is_affine;
    s->mode = modes;
    s->shape = f ? f->array[c->rep->array->id].array->shape : NULL;
}

static void put_question(Pairs *p, Question *q, RefClass *a, const uint8_t *modes_a, RefClass *b, const uint8_t *modes_b, int n_shared,
                         const AddressMap *map, const Facts *f)
{
    need_class(p, a, f);
    need_class(p, b, f);
    put_side(&q->a, a, modes_a, f);
    put_side(&q->b, b, modes_b, f);
    q->n_shared = q->n_common = n_shared;
    q->loop = p->loop;
    q->map = map;
    q->behind = NULL;
}

/* ---- cases --------------------------------------------------------------------------------------------------------------------- */

/* Loops around both; where one of them stands in too many, its For loops alone count (and nothing will be asked). */
static int shared_loops(const RefClass *a, const RefClass *b, const NLoop **out)
{
    const NLoop *x = a->loop, *y = b->loop;
    while (x != y) {
        if (!y || (x && x->depth > y->depth))
            x = x->up;
        else
            y = y->up;
    }
    bool is_deep = a->n_loops > DEP_MAX_DEPTH || b->n_loops > DEP_MAX_DEPTH;
    int n = 0;
    for (const NLoop *l = x; l; l = l->up)
        n += !is_deep || !l->is_while;
    int k = n;
    for (const NLoop *l = x; l; l = l->up)
        if ((!is_deep || !l->is_while) && --k < NEST_MAX_DEPTH)
            out[k] = l;
    return n < NEST_MAX_DEPTH ? n : NEST_MAX_DEPTH;
}

/* What stands for every answer. */
static const DepVec all_directions = { .dir = { DIR_ANY, DIR_ANY, DIR_ANY, DIR_ANY, DIR_ANY, DIR_ANY, DIR_ANY, DIR_ANY } };

/* Keeps the result of an execution; without memory for its vectors, one that covers them all. */
static void keep_answer(Pairs *p, DepCase *c, const DepAnswer *from)
{
    uint32_t n = (uint32_t)from->n_vec;
    if (n > c->cap) {
        DepVec *room = ARENA_ARRAY(p->arena, DepVec, n);
        if (!room) {
            c->answer = (PairAnswer){ .n_vec = 1, .test = DEP_TooLarge, .is_exact = false, .vec = &all_directions };
            c->maybe = RS_MaybeLimit;
            return;
        }
        c->room = room;
        c->cap = n;
    }
    if (n)
        memcpy(c->room, from->vec, n * sizeof *c->room);
    c->answer = (PairAnswer){ .n_vec = from->n_vec, .test = from->test, .is_exact = from->is_exact, .vec = c->room };
}

/* Asks with numbers (facts) or with symbols (facts NULL); false: the budget is used up, and the answer is every direction. */
static void ask(DepGraph *g, DepCase *c, const AddressMap *map, const Facts *f)
{
    Pairs *p = g->pairs;
    PairResult *r = &p->result;
    if (c->is_assumed || g->budget == 0) {
        r->maybe = RS_MaybeLimit;
        r->eq_has_sym = r->bound_has_sym = r->wants_numbers = r->is_far = true;
        answer_all(&r->answer, c->n_shared, DEP_TooLarge);
        return;
    }
    Question q;
    bool plain = !f || p->is_plain;
    put_question(p, &q, c->a, plain ? NULL : (const uint8_t *)&c->a->modes, c->b, plain ? NULL : (const uint8_t *)&c->b->modes, c->n_shared, map, f);
    pair_test(&q, r);
    g->budget -= g->budget < (uint64_t)r->n_tests ? g->budget : (uint64_t)r->n_tests;
}

static Status ask_static(DepGraph *g, DepCase *c)
{
    Pairs *p = g->pairs;
    const PairResult *r = &p->result;
    AddressMap map;
    int ndim = c->a->rep->array->ndim;
    for (int d = 0; d < ndim; d++)
        if (c->a->is_affine[d] && c->b->is_affine[d])
            c->affine_dims |= (uint64_t)0xFF << (8 * d);
    if (c->like) {
        c->answer = c->static_answer = c->like->static_answer;
        c->maybe = c->static_maybe = c->like->static_maybe;
        c->is_final = c->like->is_final;
        return ALP_OK;
    }
    map_same(&map, ndim);
    ask(g, c, &map, NULL);
    uint32_t n = (uint32_t)r->answer.n_vec;
    DepVec *vec = ARENA_ARRAY(p->arena, DepVec, n ? n : 1);
    if (!vec)
        return ALP_FAIL;
    memcpy(vec, r->answer.vec, n * sizeof *vec);
    c->static_answer = (PairAnswer){ .n_vec = r->answer.n_vec, .test = r->answer.test, .is_exact = r->answer.is_exact, .vec = vec };
    c->static_maybe = n == 0 || r->maybe == RS_MaybeSubscript || r->answer.test == DEP_TooLarge ? r->maybe : RS_None;
    c->answer = c->static_answer;
    c->maybe = c->static_maybe;
    c->is_final = c->is_assumed || n == 0 ||
                  (!r->wants_numbers && !r->eq_has_sym && (!r->bound_has_sym || !r->is_far) && r->answer.test != DEP_TooLarge);
    return ALP_OK;
}

/* ---- cases that differ by a shift ------------------------------------------------------------------------------------------------ */

static bool is_const_term(const NTerm *t)
{
    return !t->loop && !t->sym;
}

static int64_t const_of(const NForm *f)
{
    int64_t c = 0;
    for (uint32_t i = 0; i < f->n; i++)
        c += is_const_term(&f->term[i]) ? f->term[i].coef : 0;
    return c;
}

/* Do two forms differ in their constants at most?  Terms are in one canonical order. */
static bool is_shifted(const NForm *f, const NForm *g)
{
    uint32_t i = 0, k = 0;
    if (!f || !g)
        return f == g;
    for (;; i++, k++) {
        i += i < f->n && is_const_term(&f->term[i]);
        k += k < g->n && is_const_term(&g->term[k]);
        if (i == f->n || k == g->n)
            return i == f->n && k == g->n;
        if (f->term[i].loop != g->term[k].loop || f->term[i].sym != g->term[k].sym || f->term[i].coef != g->term[k].coef)
            return false;
    }
}

/* What the constants of A and B are apart, as far as it does not overflow; one form missing: no equation. */
static bool apart(const NForm *f, const NForm *g, int64_t *out)
{
    *out = 0;
    return !f || !g || !__builtin_sub_overflow(const_of(f), const_of(g), out);
}

static bool is_like(const DepCase *x, const DepCase *y)
{
    const NAccess *xa = x->a->rep, *xb = x->b->rep, *ya = y->a->rep, *yb = y->b->rep;
    if (xa->n_subs != ya->n_subs || x->a->loop != y->a->loop || x->b->loop != y->b->loop || x->is_assumed != y->is_assumed)
        return false;
    for (uint32_t d = 0; d < xa->n_subs; d++) {
        int64_t dx, dy;
        if (!is_shifted(xa->form[d], ya->form[d]) || !is_shifted(xb->form[d], yb->form[d]) || !apart(xa->form[d], xb->form[d], &dx) ||
            !apart(ya->form[d], yb->form[d], &dy) || dx != dy)
            return false;
    }
    return true;
}

static uint64_t like_hash(const DepCase *c)
{
    const NAccess *a = c->a->rep, *b = c->b->rep;
    uint64_t h = mix(mix(a->n_subs, c->a->loop ? c->a->loop->id + 1 : 0), c->b->loop ? c->b->loop->id + 1 : 0);
    for (uint32_t d = 0; d < a->n_subs; d++) {
        int64_t c0 = 0;
        if (apart(a->form[d], b->form[d], &c0))
            h = mix(h, (uint64_t)c0);
    }
    return h;
}

/* For a new case within one array (of whatever array: only subscripts count). */
static void find_like(Pairs *p, DepCase *c)
{
    DepCase **bucket = &p->like_bucket[like_hash(c) & (p->n_buckets - 1)];
    for (DepCase *x = *bucket; x; x = x->next_like)
        if (is_like(x, c)) {
            c->like = x;
            return;
        }
    c->next_like = *bucket;
    *bucket = c;
}

static DepCase *case_get(Pairs *p, RefClass *a, RefClass *b, bool is_assumed, DepCase ***end)
{
    is_assumed |= a->n_loops > DEP_MAX_DEPTH || b->n_loops > DEP_MAX_DEPTH;
    uint64_t h = mix(mix(a->id + 1, b->id), is_assumed);
    DepCase **bucket = &p->case_bucket[h & (p->n_buckets - 1)];
    for (DepCase *c = *bucket; c; c = c->next)
        if (c->a == a && c->b == b && c->is_assumed == is_assumed)
            return c;
    DepCase *c = ARENA_NEW(p->arena, DepCase);
    if (!c)
        return NULL;
    c->id = p->n_cases++;
    c->a = a;
    c->b = b;
    const NLoop *unused[NEST_MAX_DEPTH];
    c->n_shared = shared_loops(a, b, unused);
    c->is_assumed = is_assumed;
    c->next = *bucket;
    *bucket = c;
    **end = c;
    *end = &c->next_of_group;
    if (a->rep->array == b->rep->array)
        find_like(p, c);
    return c;
}

/* ---- pairs --------------------------------------------------------------------------------------------------------------------- */

/* The old ones stay readable: edges of plans made before point to them. */
static Status pairs_grow(DepGraph *g, uint32_t cap)
{
    RefPair *grown = ARENA_ARRAY(g->pairs->arena, RefPair, cap);
    if (!grown)
        return ALP_FAIL;
    if (g->n_pairs)
        memcpy(grown, g->pair, g->n_pairs * sizeof *grown);
    g->pair = grown;
    g->pairs->cap_pairs = cap;
    return ALP_OK;
}

static Status pair_new(DepGraph *g, const NAccess *x, const NAccess *y, bool is_assumed, DepCase ***end)
{
    Pairs *p = g->pairs;
    const NAccess *a = x->id <= y->id ? x : y, *b = x->id <= y->id ? y : x;
    RefClass *ca = p->class_of[a->id], *cb = p->class_of[b->id];
    DepCase *c = case_get(p, ca, cb, is_assumed, end);
    if (!c)
        return ALP_FAIL;
    if (g->n_pairs == p->cap_pairs)
        TRY(pairs_grow(g, 2 * p->cap_pairs));
    RefPair *pair = &g->pair[g->n_pairs];
    *pair = (RefPair){ .id = g->n_pairs++, .a = a, .b = b, .dep_case = c };
    pair->n_common = shared_loops(ca, cb, pair->common);
    return ALP_OK;
}

static bool is_worth_pair(const Pairs *p, const NAccess *x, const NAccess *y)
{
    return (x->is_write || y->is_write) && (p->class_of[x->id]->loop || p->class_of[y->id]->loop);
}

static uint64_t count_writes(const Pairs *p, const NArray *x)
{
    uint64_t n = 0;
    for (uint32_t i = p->array_start[x->id]; i < p->array_start[x->id + 1]; i++)
        n += p->nest->accesses[p->of_array[i]]->is_write;
    return n;
}

/* The pairs of x with itself or with y; too many of them: the chain of graph.h. */
static Status make_pairs(DepGraph *g, const NArray *x, const NArray *y, DepCase ***end)
{
    Pairs *p = g->pairs;
    NAccess *const *acc = p->nest->accesses;
    uint32_t x0 = p->array_start[x->id], x1 = p->array_start[x->id + 1], y0 = p->array_start[y->id], y1 = p->array_start[y->id + 1];
    uint64_t nx = x1 - x0, ny = y1 - y0, wx = count_writes(p, x), wy = count_writes(p, y);
    uint64_t n_made = x == y ? wx * nx : wx * ny + wy * nx;
    if (n_made + g->n_pairs > MAX_PAIRS) {
        g->is_too_large = true;
        /* In order of evaluation, both arrays' references merged. */
        const NAccess *last = NULL;
        for (uint32_t i = x0, k = x == y ? y1 : y0; i < x1 || k < y1;) {
            bool take_x = k == y1 || (i < x1 && ref_is_before(acc[p->of_array[i]], acc[p->of_array[k]]));
            const NAccess *now = acc[p->of_array[take_x ? i++ : k++]];
            if (last)
                TRY(pair_new(g, last, now, true, end));
            if (now->is_write)
                TRY(pair_new(g, now, now, true, end));
            last = now;
        }
        return ALP_OK;
    }
    for (uint32_t i = x0; i < x1; i++)
        for (uint32_t k = x == y ? i : y0; k < y1; k++)
            if (is_worth_pair(p, acc[p->of_array[i]], acc[p->of_array[k]]))
                TRY(pair_new(g, acc[p->of_array[i]], acc[p->of_array[k]], false, end));
    return ALP_OK;
}

/* Counting sort by array; within one, insertion by order of evaluation (the accesses come nearly in that order). */
static Status sort_accesses(Pairs *p)
{
    const Nest *n = p->nest;
    p->of_array = ARENA_ARRAY(p->arena, uint32_t, n->n_accesses + 1);
    p->array_start = ARENA_ARRAY(p->arena, uint32_t, n->n_arrays + 2);
    if (!p->of_array || !p->array_start)
        return ALP_FAIL;
    uint32_t *start = p->array_start, *filled = ARENA_ARRAY(p->arena, uint32_t, n->n_arrays + 1);
    if (!filled)
        return ALP_FAIL;
    for (uint32_t i = 0; i < n->n_accesses; i++)
        start[n->accesses[i]->array->id + 1]++;
    for (uint32_t a = 1; a <= n->n_arrays; a++)
        start[a] += start[a - 1];
    for (uint32_t i = 0; i < n->n_accesses; i++) {
        uint32_t a = n->accesses[i]->array->id, k = start[a] + filled[a]++;
        for (; k > start[a] && ref_is_before(n->accesses[i], n->accesses[p->of_array[k - 1]]); k--)
            p->of_array[k] = p->of_array[k - 1];
        p->of_array[k] = i;
    }
    return ALP_OK;
}

Status pairs_new(DepGraph *g, Arena *arena)
{
    const Nest *n = g->nest;
    Pairs *p = g->pairs = ARENA_NEW(arena, Pairs);
    if (!p)
        return ALP_FAIL;
    p->nest = n;
    p->arena = arena;
    p->n_buckets = 64;
    while (p->n_buckets < n->n_accesses && p->n_buckets < 1 << 14)
        p->n_buckets *= 2;
    p->class_of = ARENA_ARRAY(arena, RefClass *, n->n_accesses + 1);
    p->class_bucket = ARENA_ARRAY(arena, RefClass *, p->n_buckets);
    p->case_bucket = ARENA_ARRAY(arena, DepCase *, p->n_buckets);
    p->like_bucket = ARENA_ARRAY(arena, DepCase *, p->n_buckets);
    p->same_end = &p->same_cases;
    p->loop = ARENA_ARRAY(arena, LinLoop, n->n_loops + 1);
    p->loop_epoch = ARENA_ARRAY(arena, uint64_t, n->n_loops + 1);
    p->plain_dims = ARENA_ARRAY(arena, uint64_t, n->n_arrays + 1);
    p->epoch = 1;
    if (!p->class_of || !p->class_bucket || !p->case_bucket || !p->like_bucket || !p->loop || !p->loop_epoch || !p->plain_dims)
        return ALP_FAIL;
    for (uint32_t i = 0; i < n->n_accesses; i++)
        if (!(p->class_of[i] = class_get(p, n->accesses[i])))
            return ALP_FAIL;
    for (uint32_t a = 0; a < n->n_arrays; a++)
        memset(&p->plain_dims[a], SUB_Plain, n->arrays[a]->ndim);
    TRY(sort_accesses(p));
    g->budget = STATIC_TESTS;
    uint64_t n_pairs = 0;
    for (uint32_t a = 0; a < n->n_arrays; a++)
        n_pairs += count_writes(p, n->arrays[a]) * (p->array_start[a + 1] - p->array_start[a]);
    TRY(pairs_grow(g, n_pairs < MAX_PAIRS ? (uint32_t)n_pairs + 1 : MAX_PAIRS));
    for (uint32_t a = 0; a < n->n_arrays; a++)
        if (n->arrays[a]->is_written)
            TRY(make_pairs(g, n->arrays[a], n->arrays[a], &p->same_end));
    p->n_same = g->n_pairs;
    for (DepCase *c = p->same_cases; c; c = c->next_of_group)
        TRY(ask_static(g, c));
    for (uint32_t i = 0; i < g->n_pairs; i++) {
        RefPair *pair = &g->pair[i];
        pair->is_static = pair->dep_case->is_final;
        pair->is_deferred_by_sym = !pair->is_static;
        pair->answer = pair->dep_case->answer;
        pair->maybe = pair->dep_case->maybe;
        g->n_deferred += !pair->is_static;
    }
    return ALP_OK;
}

/* ---- executions ---------------------------------------------------------------------------------------------------------------- */

static uint64_t dims_of(const uint8_t *access_dim, const NAccess *x)
{
    _Static_assert(ALP_MAX_NDIM == 8, "the modes of one access are one word");
    uint64_t w;
    memcpy(&w, access_dim + (size_t)x->id * ALP_MAX_NDIM, sizeof w);
    return w;
}

/* Has no byte of w within mask the value SUB_Checked? */
static bool is_settled(uint64_t w, uint64_t mask)
{
    _Static_assert(SUB_Checked == 0, "looked for as a zero byte");
    w |= ~mask;
    return ((w - 0x0101010101010101u) & ~w & 0x8080808080808080u) == 0;
}

static void hash_case(DepGraph *g, const DepCase *c)
{
    uint64_t h = mix(g->directions_hash, (uint64_t)c->id << 32 | (uint64_t)c->maybe << 8 | (uint64_t)c->answer.n_vec), with = mix(g->answers_hash, h);
    for (int i = 0; i < c->answer.n_vec; i++) {
        const DepVec *v = &c->answer.vec[i];
        uint64_t dirs = 0;
        memcpy(&dirs, v->dir, (size_t)c->n_shared);
        h = mix(h, dirs);
        with = mix(with, dirs);
        for (int k = 0; k < c->n_shared; k++)
            with = mix(with, v->has_dist >> k & 1 ? (uint64_t)v->dist[k] : (uint64_t)INT64_MIN);
    }
    g->directions_hash = h;
    g->answers_hash = with;
}

static void decide_case(DepGraph *g, DepCase *c, const AddressMap *map, const Facts *f)
{
    c->is_now = true;
    if (c->like && !g->pairs->is_odd) {
        c->answer = c->like->answer;
        c->maybe = c->like->maybe;
        return;
    }
    ask(g, c, map, f);
    c->maybe = g->pairs->result.maybe;
    keep_answer(g->pairs, c, &g->pairs->result.answer);
    hash_case(g, c);
}

/* The modes of all subscripts, by class. */
static void collect_modes(Pairs *p, const uint8_t *access_dim)
{
    const Nest *n = p->nest;
    p->is_plain = true;
    for (uint32_t i = 0; i < n->n_accesses && p->is_plain; i++) {
        uint64_t plain = p->plain_dims[n->accesses[i]->array->id];
        p->is_plain = (dims_of(access_dim, n->accesses[i]) & plain * 0xFF) == plain;
    }
    for (uint32_t i = 0; i < n->n_accesses && !p->is_plain; i++) {
        const NAccess *x = n->accesses[i];
        RefClass *c = p->class_of[i];
        uint64_t w = dims_of(access_dim, x);
        if (c->rep == x)
            c->modes = w;
        for (int d = 0; d < ALP_MAX_NDIM; d++)
            if ((w ^ c->modes) >> (8 * d) & 0xFF)
                c->modes &= ~((uint64_t)0xFF << (8 * d));
    }
}

static void decide_same(DepGraph *g, const Facts *f)
{
    Pairs *p = g->pairs;
    bool itself = false;
    for (uint32_t a = 0; a < p->nest->n_arrays; a++)
        itself |= f->array[a].overlaps_itself && p->nest->arrays[a]->is_written;
    bool was_odd = p->is_odd;
    p->is_odd = !p->is_plain || itself;
    if (p->n_same && (g->n_deferred || p->is_odd || was_odd)) {
        AddressMap map;
        int map_ndim = -1;
        for (DepCase *c = p->same_cases; c; c = c->next_of_group) {
            const NArray *array = c->a->rep->array;
            bool is_itself = itself && f->array[array->id].overlaps_itself;
            if (c->is_final && !is_itself) {
                uint64_t wa = c->a->modes & c->affine_dims, wb = c->b->modes & c->affine_dims;
                if (p->is_plain || (wa == wb && is_settled(wa, c->affine_dims))) {
                    if (c->is_now) {
                        c->answer = c->static_answer;
                        c->maybe = c->static_maybe;
                        c->is_now = false;
                    }
                    continue;
                }
            }
            if (map_ndim != array->ndim || map.is_unknown != is_itself) {
                map_same(&map, array->ndim);
                map.is_unknown = is_itself;
                map_ndim = array->ndim;
            }
            decide_case(g, c, &map, f);
        }
        for (uint32_t i = 0; i < p->n_same; i++) {
            RefPair *pair = &g->pair[i];
            pair->is_static = pair->dep_case->is_final && !pair->dep_case->is_now;
            pair->answer = pair->dep_case->answer;
            pair->maybe = pair->dep_case->maybe;
        }
    }
}

static void decide_across(DepGraph *g, ArrayPair *ap, const Facts *f)
{
    const ArrayFact *x = &f->array[ap->x->id], *y = &f->array[ap->y->id];
    if (!ap->is_made) {
        uint32_t first = g->n_pairs;
        if (make_pairs(g, ap->x, ap->y, &ap->cases_end) != ALP_OK) {
            g->n_pairs = first;
            g->is_no_memory = true;
            return;
        }
        ap->first = first;
        ap->n = g->n_pairs - first;
        g->n_deferred += ap->n;
        ap->is_made = true;
    }
    ap->is_active = true;
    AddressMap map, reverse;
    map_overlap(&map, x, y);
    map_overlap(&reverse, y, x);
    for (DepCase *c = ap->cases; c; c = c->next_of_group)
        decide_case(g, c, c->a->rep->array == ap->x ? &map : &reverse, f);
    for (uint32_t i = ap->first; i < ap->first + ap->n; i++) {
        RefPair *pair = &g->pair[i];
        pair->answer = pair->dep_case->answer;
        pair->maybe = pair->dep_case->maybe;
    }
}

static ArrayPair *across_get(Pairs *p, const NArray *x, const NArray *y)
{
    ArrayPair **at = &p->across;
    while (*at && ((*at)->x->id < x->id || ((*at)->x == x && (*at)->y->id < y->id)))
        at = &(*at)->next;
    if (*at && (*at)->x == x && (*at)->y == y)
        return *at;
    ArrayPair *ap = ARENA_NEW(p->arena, ArrayPair);
    if (ap) {
        *ap = (ArrayPair){ .next = *at, .x = x, .y = y };
        ap->cases_end = &ap->cases;
        *at = ap;
    }
    return ap;
}

void pairs_decide(DepGraph *g, const Facts *f, const uint8_t *access_dim)
{
    Pairs *p = g->pairs;
    const Nest *n = p->nest;
    p->epoch++;
    g->budget = DECIDE_TESTS;
    g->answers_hash = g->directions_hash = 0x243F6A8885A308D3u;
    g->is_no_memory = false;
    collect_modes(p, access_dim);
    decide_same(g, f);
    for (ArrayPair *ap = p->across; ap; ap = ap->next) {
        for (uint32_t i = 0; ap->is_active && i < ap->n; i++)
            g->pair[ap->first + i].answer.n_vec = 0;
        ap->is_active = false;
    }
    for (uint32_t y = 1; y < n->n_arrays; y++) {
        const ArrayFact *fy = &f->array[y];
        if (fy->group == y)
            continue;           /* it overlaps nothing before it */
        for (uint32_t x = fy->group; x < y; x++) {
            const ArrayFact *fx = &f->array[x];
            if (fx->group != fy->group || fx->lo >= fy->hi || fy->lo >= fx->hi || !(n->arrays[x]->is_written || n->arrays[y]->is_written))
                continue;
            ArrayPair *ap = across_get(p, n->arrays[x], n->arrays[y]);
            if (ap)
                decide_across(g, ap, f);
            else
                g->is_no_memory = true;
        }
    }
    /* No plan made from these answers may serve an execution with complete ones. */
    if (g->is_no_memory)
        g->answers_hash = mix(g->answers_hash, p->epoch);
}

RefPair *pairs_next(const DepGraph *g, PairWalk *w)
{
    const Pairs *p = g->pairs;
    if (!w->is_across) {
        if (w->k < p->n_same)
            return &g->pair[w->k++];
        *w = (PairWalk){ .is_across = true, .group = p->across };
    }
    for (; w->group; w->group = w->group->next, w->k = 0)
        if (w->group->is_active && w->k < w->group->n)
            return &g->pair[w->group->first + w->k++];
    return NULL;
}

/* ---- explanations and fusion --------------------------------------------------------------------------------------------------- */

static bool map_for(AddressMap *m, const NArray *x, const NArray *y, const Facts *f)
{
    const ArrayFact *a = &f->array[x->id], *b = &f->array[y->id];
    if (x == y) {
        map_same(m, x->ndim);
        m->is_unknown = a->overlaps_itself;
        return true;
    }
    if (a->group != b->group)
        return false;
    map_overlap(m, a, b);
    return true;
}

bool graph_example(const DepGraph *g, const RefPair *pair, const DepVec *v, const Facts *f, const uint8_t *access_dim, int64_t *t_a, int64_t *t_b)
{
    Pairs *p = g->pairs;
    RefClass *a = p->class_of[pair->a->id], *b = p->class_of[pair->b->id];
    AddressMap map;
    if (a->n_loops > DEP_MAX_DEPTH || b->n_loops > DEP_MAX_DEPTH || !map_for(&map, pair->a->array, pair->b->array, f))
        return false;
    p->epoch++;
    Question q;
    put_question(p, &q, a, access_dim + (size_t)pair->a->id * ALP_MAX_NDIM, b, access_dim + (size_t)pair->b->id * ALP_MAX_NDIM, pair->n_common, &map, f);
    int64_t x[DEP_MAX_DEPTH], y[DEP_MAX_DEPTH];
    if (!pair_example(&q, v, x, y))
        return false;
    for (int k = 0; k < pair->n_common; k++) {
        t_a[k] = pair->common[k]->is_while ? -1 : x[k];
        t_b[k] = pair->common[k]->is_while ? -1 : y[k];
    }
    return true;
}

void graph_test_fused(const DepGraph *g, const Facts *f, const uint8_t *access_dim, const NAccess *a, const NLoop *la, const NAccess *b,
                      const NLoop *lb, DepAnswer *out)
{
    Pairs *p = g->pairs;
    RefClass *ca = p->class_of[a->id], *cb = p->class_of[b->id];
    AddressMap map;
    out->n_vec = 0;
    out->test = DEP_ZIV;
    out->is_exact = true;
    if (!map_for(&map, a->array, b->array, f))
        return;
    int n_common = (int)la->depth;
    if (ca->n_loops > DEP_MAX_DEPTH || cb->n_loops > DEP_MAX_DEPTH || la->up != lb->up || ca->n_loops < n_common || cb->n_loops < n_common) {
        answer_all(out, n_common <= DEP_MAX_DEPTH ? n_common : DEP_MAX_DEPTH, DEP_TooLarge);
        return;
    }
    p->epoch++;
    Question q;
    put_question(p, &q, ca, access_dim + (size_t)a->id * ALP_MAX_NDIM, cb, access_dim + (size_t)b->id * ALP_MAX_NDIM, n_common - 1, &map, f);
    q.n_common = n_common;
    pair_test(&q, &p->result);
    *out = p->result.answer;
}

bool graph_meets_earlier(const DepGraph *g, const NAccess *a, const NLoop *outer, const NAccess *b, const NLoop *inner)
{
    Pairs *p = g->pairs;
    RefClass *ca = p->class_of[a->id], *cb = p->class_of[b->id];
    int level = (int)outer->depth - 1;
    if (a->array != b->array)
        return false;
    if (inner->up != outer || ca->n_loops > DEP_MAX_DEPTH || cb->n_loops > DEP_MAX_DEPTH || ca->n_loops <= level || cb->n_loops <= level + 1 ||
        ca->chain[level] != outer || cb->chain[level + 1] != inner)
        return true;
    AddressMap map;
    map_same(&map, a->array->ndim);
    p->epoch++;
    Question q;
    put_question(p, &q, ca, NULL, cb, NULL, level + 1, &map, NULL);
    q.behind = inner;
    pair_test(&q, &p->result);
    for (int i = 0; i < p->result.answer.n_vec; i++) {
        const DepVec *v = &p->result.answer.vec[i];
        bool happens = (v->dir[level] & DIR_LT) != 0;
        for (int k = 0; k < level; k++)
            happens &= (v->dir[k] & DIR_EQ) != 0;
        if (happens)
            return true;
    }
    return false;
}
