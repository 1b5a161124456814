/* jit/depend/refine.c — direction vectors of one group, by refinement from the outermost level in (Burke & Cytron 1986).
 *
 * The distances d_k = tB_k - tA_k are outputs of the group's System: after the equations are gone they are affine forms in the variables
 * that are left, often constants.  At each level the interval of d_k over the box tells which of <, =, > remain; where it is more than
 * one, each becomes a constraint of its own in a copy of the system, and is refined further if that copy has a solution.
 *
 * A solution is a witness: its distances show one whole vector, so the path to it needs no further solving.  Each vector
 * of the result has had its witness, or the result is not exact.  Before any refinement, witnesses for all combinations are guessed: a
 * point well inside, with one variable of each d_k moved so that d_k is 1, 0, -1.  Where loops are long and unrelated that shows the whole
 * product at once.
 *
 * Vectors that differ in one level are merged as soon as their level is done: the union is then a product of sets exactly. */
#include "jit/depend/refine.h"

#include <string.h>

static int set_size(uint8_t dir)
{
    static const uint8_t sizes[DIR_ANY + 1] = {0, 1, 1, 2, 1, 2, 2, 3};
    return sizes[dir];
}

/* A hull may cover dependences of other vectors too, whose distances are others: it keeps none but those of '='. */
static void unite(DepVec *into, const DepVec *v, int n_common, bool is_hull)
{
    for (int k = 0; k < n_common; k++) {
        bool same = (into->has_dist & v->has_dist) >> k & 1 && into->dist[k] == v->dist[k];
        into->dir[k] |= v->dir[k];
        if (!same || (is_hull && into->dir[k] != DIR_EQ))
            into->has_dist &= (uint8_t)~(1u << k);
    }
}

/* How many single vectors the hull of both has beyond theirs, for disjoint a and b.  -1: none, and no distance is lost outside the
 * level where they differ. */
static int growth(const DepVec *a, const DepVec *b, int n_common)
{
    int size_a = 1, size_b = 1, size = 1, n_different = 0;
    bool keeps_distances = true;
    for (int k = 0; k < n_common; k++) {
        if (a->dir[k] == 0)
            continue;           /* a level of another group */
        size_a *= set_size(a->dir[k]);
        size_b *= set_size(b->dir[k]);
        size *= set_size(a->dir[k] | b->dir[k]);
        if (a->dir[k] != b->dir[k])
            n_different++;
        else if ((a->has_dist ^ b->has_dist) >> k & 1 || ((a->has_dist & b->has_dist) >> k & 1 && a->dist[k] != b->dist[k]))
            keeps_distances = false;
    }
    return n_different <= 1 && keeps_distances ? -1 : size > size_a + size_b ? size - size_a - size_b : 0;
}

void merge_vectors(DepVec *vec, int *n, int max, int n_common, bool *is_exact)
{
    for (bool merged = true; merged || *n > max; ) {
        int best = INT32_MAX, best_i = 0, best_j = 0;
        for (int i = 0; i < *n && best >= 0; i++)
            for (int j = i + 1; j < *n && best >= 0; j++) {
                int g = growth(&vec[i], &vec[j], n_common);
                if (g < best) {
                    best = g;
                    best_i = i;
                    best_j = j;
                }
            }
        merged = best < 0;
        if (!merged && *n <= max)
            return;
        *is_exact &= best <= 0;
        unite(&vec[best_i], &vec[best_j], n_common, best > 0);
        vec[best_j] = vec[--*n];
    }
}

enum { MAX_FOUND = 96, MAX_GUESSES = 81 };

typedef struct Refinement {
    Solver *sv;
    const DepPair *pair;
    uint8_t level[DEP_MAX_DEPTH];       /* of the group, outermost first: outputs 0.. */
    int n_level;
    bool gave_up;
    Vectors *out;
    int n_found;                        /* single vectors that have a witness; more than fit are solved for again */
    uint8_t found[MAX_FOUND][DEP_MAX_DEPTH];
} Refinement;

static Range intersect(Range g, int64_t min, int64_t max)
{
    return (Range){min > g.min ? min : g.min, max < g.max ? max : g.max};
}

/* Interval of an output: by the box, and by rows that bound the same form. */
static Range output_range(System *s, int64_t *form)
{
    Range g = system_range(s, form);
    if (g.min == g.max)
        return g;
    system_fold(s, form);
    for (int i = 0; i < s->n_row; i++) {
        const int64_t *r = s->row + i * s->width;
        bool same = true, opposite = true;
        for (int j = 1; j <= s->n_var && (same || opposite); j++) {
            same &= r[j] == form[j];
            opposite &= r[j] == -form[j];
        }
        if (same)
            g = intersect(g, form[0] - r[0], SYS_INF);
        else if (opposite)
            g = intersect(g, -SYS_INF, form[0] + r[0]);
    }
    return g;
}

static uint8_t directions(Range g)
{
    return (uint8_t)((g.max > 0 ? DIR_LT : 0) | (g.min <= 0 && g.max >= 0 ? DIR_EQ : 0) | (g.min < 0 ? DIR_GT : 0));
}

/* One vector of the levels' remaining directions. */
static void emit(Refinement *rf, System *s, const uint8_t *fixed, int n_fixed, bool is_sure)
{
    Vectors *out = rf->out;
    DepVec v;
    memset(v.dir, 0, sizeof v.dir);
    v.has_dist = 0;
    for (int i = 0; i < rf->n_level; i++) {
        int k = rf->level[i];
        Range g = output_range(s, s->out + i * s->width);
        v.dir[k] = i < n_fixed ? fixed[i] : directions(g);
        if (v.dir[k] == 0)
            return;
        if (v.dir[k] == DIR_EQ || g.min == g.max) {
            v.has_dist |= (uint8_t)(1u << k);
            v.dist[k] = v.dir[k] == DIR_EQ ? 0 : g.min;
        }
    }
    out->is_exact &= is_sure;
    if (out->n == DEP_MAX_VEC + 1)
        merge_vectors(out->vec, &out->n, DEP_MAX_VEC, rf->pair->n_common, &out->is_exact);
    out->vec[out->n++] = v;
}

/* Add d_i < 0, == 0 or > 0 and narrow.  SAT_Maybe: numbers too large, the system is unusable. */
static Sat constrain(Solver *sv, System *s, int i, uint8_t dir)
{
    const int64_t *form = s->out + i * s->width;
    if (dir == DIR_EQ) {
        int64_t e[SYS_MAX_VAR + 1];
        memcpy(e, form, (size_t)s->width * sizeof *e);
        Sat sat = system_equate(sv, s, e);
        return sat == SAT_Yes && system_tidy(sv, s) == SAT_No ? SAT_No : sat;
    }
    int64_t *r = system_slot(sv, s);
    if (!r)
        return SAT_Maybe;
    for (int j = 0; j < s->width; j++)
        r[j] = dir == DIR_LT ? form[j] : -form[j];
    if (!row_add(r, 0, -1))
        return SAT_Maybe;
    if (system_keep(sv, s) == SAT_No)
        return SAT_No;
    return system_narrow(sv, s) == SAT_No ? SAT_No : SAT_Yes;
}

/* ---- witnesses ---- */

static bool is_found(const Refinement *rf, const uint8_t *dirs, int n)
{
    for (int i = 0; i < rf->n_found; i++)
        if (memcmp(rf->found[i], dirs, (size_t)n) == 0)
            return true;
    return false;
}

/* Solve, and note the directions of the solution.  SAT_Maybe: none found. */
static Sat find_witness(Refinement *rf, const System *s)
{
    int64_t x[SYS_MAX_VAR + 1], d;
    uint8_t dirs[DEP_MAX_DEPTH];
    Sat sat = system_solve(rf->sv, s, x);
    for (int i = 0; i < rf->n_level && sat == SAT_Yes; i++) {
        if (!row_value(s->out + i * s->width, x, s->n_var, &d))
            return SAT_Maybe;
        dirs[i] = directions((Range){d, d});
    }
    if (sat == SAT_Yes) {
        int at = rf->n_found < MAX_FOUND ? rf->n_found++ : MAX_FOUND - 1;
        memcpy(rf->found[at], dirs, sizeof dirs);
    }
    return sat;
}

/* The variable that moves output i of those in `open` and no other of them; 0: none. */
static int pivot(const System *s, int i, int n_level, uint32_t open)
{
    for (int j = s->n_var; j >= 1; j--) {
        int64_t c = s->out[i * s->width + j];
        bool is_own = c == 1 || c == -1;
        for (int k = 0; k < n_level && is_own; k++)
            is_own = k == i || !(open >> k & 1) || s->out[k * s->width + j] == 0;
        if (is_own)
            return j;
    }
    return 0;
}

/* A point well inside, with room on all sides of every counter: symbols far above the counters, the outer counters above the inner ones, or
 * the other way round. */
static bool interior(const System *s, bool outer_first, int64_t *x)
{
    enum { MANY = 1 << 30 };
    int n = s->n_var, n_counters = n - s->n_param;
    for (int j = 1; j <= n; j++) {
        int rank = outer_first || j <= s->n_param ? n - j + 1 : j - s->n_param;
        int64_t lo = s->lo[j] != -SYS_INF ? s->lo[j] : s->hi[j] != SYS_INF ? s->hi[j] - MANY : 0;
        x[j] = lo + ((int64_t)1 << (j <= s->n_param ? rank + n_counters : rank));
        x[j] = x[j] < s->hi[j] ? x[j] : s->hi[j];
    }
    return system_holds(s, x);
}

/* The n-th combination of possible directions. */
static void combination(int n, const uint8_t *possible, int n_level, uint8_t *dirs)
{
    for (int i = 0; i < n_level; i++) {
        uint8_t dir = possible[i];
        for (int skip = n % set_size(dir); skip > 0; skip--)
            dir &= (uint8_t)(dir - 1);
        dirs[i] = dir & (uint8_t)-dir;
        n /= set_size(possible[i]);
    }
}

/* Guess witnesses for all combinations of the levels' possible directions.  True: all of them occur. */
static bool guess(Refinement *rf, const System *s, const uint8_t *possible, int n_combinations)
{
    enum { FAR = 1 << 30 };
    int64_t x[SYS_MAX_VAR + 1], d[DEP_MAX_DEPTH], home[DEP_MAX_DEPTH];
    int move[DEP_MAX_DEPTH], n_seen = 0;
    uint32_t open = 0;
    for (int i = 0; i < rf->n_level; i++)
        open |= (uint32_t)(set_size(possible[i]) > 1) << i;
    for (int i = 0; i < rf->n_level; i++)
        if (open >> i & 1 && !(move[i] = pivot(s, i, rf->n_level, open)))
            return false;
    if (s->is_relaxed || n_combinations > MAX_GUESSES || !(interior(s, true, x) || interior(s, false, x)))
        return false;
    for (int i = 0; i < rf->n_level; i++)
        if (open >> i & 1) {
            home[i] = x[move[i]];
            if (!row_value(s->out + i * s->width, x, s->n_var, &d[i]) || d[i] > FAR || d[i] < -FAR)
                return false;
        }
    for (int n = 0; n < n_combinations; n++) {
        uint8_t *dirs = rf->found[rf->n_found];
        bool is_inside = true;
        combination(n, possible, rf->n_level, dirs);
        for (int i = 0; i < rf->n_level; i++)
            if (open >> i & 1) {
                int j = move[i];
                x[j] = home[i] + s->out[i * s->width + j] * ((dirs[i] == DIR_LT) - (dirs[i] == DIR_GT) - d[i]);
                is_inside &= x[j] >= s->lo[j] && x[j] <= s->hi[j];
            }
        if (is_inside && system_holds(s, x)) {
            rf->n_found++;
            n_seen++;
        }
    }
    return n_seen == n_combinations;
}

/* ---- refinement ---- */

/* Levels i.. of a system. */
static void refine(Refinement *rf, System *s, int i, uint8_t *fixed)
{
    Solver *sv = rf->sv;
    uint8_t possible = 0;
    while (i < rf->n_level && set_size(possible = directions(output_range(s, s->out + i * s->width))) == 1)
        fixed[i++] = possible;
    if (i == rf->n_level) {
        emit(rf, s, fixed, i, is_found(rf, fixed, i));
        return;
    }
    int first = rf->out->n;
    for (uint8_t dir = DIR_LT; dir <= DIR_GT; dir *= 2) {
        if (!(possible & dir))
            continue;
        int64_t *mark = sv->top;
        System t;
        Sat sat = sv->work > 0 && system_copy(sv, &t, s, -1) ? constrain(sv, &t, i, dir) : SAT_Maybe;
        fixed[i] = dir;
        if (sat == SAT_Maybe) {
            emit(rf, s, fixed, i + 1, false);
            rf->gave_up = true;
        } else if (sat == SAT_Yes && (is_found(rf, fixed, i + 1) || find_witness(rf, &t) != SAT_No)) {
            refine(rf, &t, i + 1, fixed);
        }
        sv->top = mark;
    }
    if (first < rf->out->n) {
        int n = rf->out->n - first;
        merge_vectors(rf->out->vec + first, &n, DEP_MAX_VEC + 1, rf->pair->n_common, &rf->out->is_exact);
        rf->out->n = first + n;
    }
}

/* A system that has a solution, or may have one. */
static void refine_all(Refinement *rf, System *s)
{
    uint8_t fixed[DEP_MAX_DEPTH], possible[DEP_MAX_DEPTH];
    int n_combinations = 1;
    for (int i = 0; i < rf->n_level; i++) {
        possible[i] = directions(output_range(s, s->out + i * s->width));
        n_combinations *= set_size(possible[i]);
    }
    if (n_combinations > 1 && guess(rf, s, possible, n_combinations))
        emit(rf, s, possible, rf->n_level, true);
    else
        refine(rf, s, 0, fixed);
}

static void fill_distances(System *s, const Columns *c, const void *user)
{
    const Refinement *rf = user;
    for (int i = 0; i < rf->n_level; i++) {
        int64_t *r = s->out + i * s->width;
        int k = rf->level[i];
        r[c->b[k]] = 1;
        if (!c->is_diff[k])
            r[c->a[k]] = -1;
    }
}

void group_refine(Solver *sv, const DepPair *p, const Shape *sh, uint32_t group, Vectors *out)
{
    Refinement rf;
    rf.sv = sv;
    rf.pair = p;
    rf.out = out;
    rf.n_level = rf.n_found = 0;
    rf.gave_up = false;
    int64_t *mark = sv->top;
    System s;
    for (int k = 0; k < p->n_common; k++)
        if (group >> k & 1)
            rf.level[rf.n_level++] = (uint8_t)k;
    sv->has_eliminated = false;
    out->n = 0;
    out->is_exact = true;
    Sat sat = group_system(sv, p, sh, group, false, (Outputs){rf.n_level, fill_distances, &rf}, &s, &out->test);
    if (sat == SAT_Maybe) {
        memset(out->vec[0].dir, 0, sizeof out->vec[0].dir);
        out->vec[0].has_dist = 0;
        for (int i = 0; i < rf.n_level; i++)
            out->vec[0].dir[rf.level[i]] = DIR_ANY;
        out->n = 1;
        out->is_exact = false;
        out->test = DEP_TooLarge;
    } else if (sat == SAT_Yes && find_witness(&rf, &s) != SAT_No) {
        refine_all(&rf, &s);
    }
    if (sv->has_eliminated)
        out->test = DEP_FourierMotzkin;
    if (rf.gave_up)
        out->test = DEP_TooLarge;
    out->is_stable = out->is_exact;
    if (group >> BIT_SYM)
        out->is_exact = out->n == 0;    /* which values the symbols have is open */
    sv->top = mark;
}
