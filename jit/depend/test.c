/* jit/depend/test.c — dep_test(): from closed forms for the pairs of everyday loops to the general solver for the rest.
 *
 * Unknowns (loop levels, symbols) that no equation and no bound ties together are independent of each other: the dependences of a pair are
 * the product of those of its connected groups, and so are the direction vectors.  Example, the pair a[i, j+1], a[i, j] in
 *
 *     for i in range(n): for j in range(i): for k in range(m): a[i, j+1] = a[i, j] + k
 *
 * has the groups {i, j} (two equations, and j's bound mentions i) and {k} (nothing: every direction occurs if m > 1).
 *
 *   siv.c        a group of one rectangular loop and one equation: closed form, exact
 *   group.c      any other group as a System (system.c: boxes, rows, exact removal of equations)
 *   refine.c     its direction vectors, by hierarchical refinement
 *   eliminate.c  integer feasibility by Fourier-Motzkin elimination
 *
 * Rules to keep:
 *  1. A direction is dropped only when the solver said SAT_No; SAT_Maybe keeps it and clears is_exact.
 *  2. A constraint that does not fit into the numbers is left out (a larger set), never approximated inwards.
 *  3. At an execution most pairs are strong SIV: that path touches only the entries in use and writes one vector. */
#include "jit/depend/test.h"
#include "jit/depend/refine.h"
#include "jit/depend/siv.h"

#include <string.h>

static void set_level(DepVec *v, int k, uint8_t dirs, bool has_dist, int64_t dist)
{
    v->dir[k] = dirs;
    if (has_dist || dirs == DIR_EQ) {
        v->has_dist |= (uint8_t)(1u << k);
        v->dist[k] = dirs == DIR_EQ ? 0 : dist;
    }
}

typedef enum Verdict { V_Independent, V_Dependent, V_Undecided } Verdict;

/* One of A's own loops against one of B's. */
static Verdict closed_rdiv(const DepPair *p, const Shape *sh, const DepEq *eq, uint32_t mask, int64_t lo, int64_t hi, uint32_t *done, DepTest *test)
{
    uint32_t in_a = mask & ((1u << BIT_B) - 1), in_b = mask >> BIT_B;
    if (!in_a || !in_b || in_a & (in_a - 1) || in_b & (in_b - 1) || mask >> BIT_SYM)
        return V_Undecided;
    int i = __builtin_ctz(in_a), j = __builtin_ctz(in_b);
    bool hits;
    if (i < p->n_common || sh->ref_a[i] || sh->ref_b[j] || (sh->in_bounds | *done) & mask ||
        !rdiv_test(eq->a[i], eq->b[j], lo, hi, sh->up_a[i], sh->up_b[j], &hits))
        return V_Undecided;
    *done |= mask;
    *test = DEP_RDIV;
    return hits ? V_Dependent : V_Independent;
}

/* One equation over at most one rectangular loop, or an own loop of each; its unknowns are `mask`.  Undecided: needs the solver. */
static Verdict closed_form(const DepPair *p, const Shape *sh, const DepEq *eq, uint32_t mask, DepVec *v, uint32_t *done, DepTest *test)
{
    int64_t lo, hi;
    bool hits;
    if (mask == 0) {
        *test = DEP_ZIV;
        return eq->lo <= eq->c0 && eq->hi >= eq->c0 ? V_Dependent : V_Independent;
    }
    if (__builtin_sub_overflow(eq->lo, eq->c0, &lo) || __builtin_sub_overflow(eq->hi, eq->c0, &hi))
        return V_Undecided;
    if (mask & (mask - 1) || mask >> BIT_SYM)
        return closed_rdiv(p, sh, eq, mask, lo, hi, done, test);
    int k = __builtin_ctz(mask);
    if (k >= p->n_common) {
        bool is_b = k >= BIT_B;
        k -= is_b ? BIT_B : 0;
        int64_t c = is_b ? eq->b[k] : eq->a[k], up = is_b ? sh->up_b[k] : sh->up_a[k];
        if ((is_b ? sh->ref_b[k] : sh->ref_a[k]) || (sh->in_bounds | *done) & mask || c == INT64_MIN || !own_test(is_b ? -c : c, lo, hi, up, &hits))
            return V_Undecided;
        *done |= mask;
        *test = DEP_WeakZeroSIV;
        return hits ? V_Dependent : V_Independent;
    }
    SivAnswer r;
    if (sh->ref_a[k] || sh->in_bounds & mask || !siv_test(eq->a[k], eq->b[k], lo, hi, sh->up_a[k], &r))
        return V_Undecided;
    if (*done & mask) {
        /* a[i, i]: constants for the same distance agree or exclude each other; anything else is a coupled group */
        if (r.dirs && !(v->has_dist >> k & 1 && r.has_dist && eq->a[k] == eq->b[k]))
            return V_Undecided;
        *test = DEP_Delta;
        return r.dirs && r.dist == v->dist[k] ? V_Dependent : V_Independent;
    }
    *done |= mask;
    *test = r.test;
    v->has_dist &= (uint8_t)~mask;
    set_level(v, k, r.dirs, r.has_dist, r.dist);
    return r.dirs ? V_Dependent : V_Independent;
}

/* ---- groups ---- */

/* Connected groups of unknowns that need the solver. */
typedef struct Groups { int n; uint32_t mask[DEP_MAX_EQ + 2 * DEP_MAX_DEPTH]; } Groups;

static void connect(Groups *g, uint32_t mask)
{
    for (int i = 0; i < g->n; )
        if (g->mask[i] & mask) {
            mask |= g->mask[i];
            g->mask[i] = g->mask[--g->n];
        } else {
            i++;
        }
    g->mask[g->n++] = mask;
}

static void connect_loop(Groups *g, const Shape *sh, uint32_t bit, uint32_t ref, bool is_common)
{
    if (ref)
        connect(g, is_free(sh, bit, ref, is_common) ? ref : ref | bit);
}

static void set_free_levels(const DepPair *p, const Shape *sh, uint32_t settled, DepVec *v)
{
    v->has_dist = 0;
    for (int k = 0; k < p->n_common; k++)
        if (settled >> k & 1)
            v->dir[k] = 0;
        else
            set_level(v, k, sh->up_a[k] == 0 ? DIR_EQ : DIR_ANY, false, 0);
}

/* out := out x list */
static void multiply(const DepPair *p, DepAnswer *out, Vectors *list)
{
    bool is_exact = true;
    while (out->n_vec * list->n > DEP_MAX_VEC)
        if (out->n_vec > list->n)
            merge_vectors(out->vec, &out->n_vec, out->n_vec - 1, p->n_common, &is_exact);
        else
            merge_vectors(list->vec, &list->n, list->n - 1, p->n_common, &is_exact);
    out->is_exact &= is_exact;
    out->is_stable &= is_exact;
    int n = out->n_vec;
    for (int j = list->n - 1; j >= 0; j--)
        for (int i = 0; i < n; i++) {
            DepVec *v = &out->vec[j * n + i];
            const DepVec *w = &list->vec[j];
            *v = out->vec[i];
            v->has_dist |= w->has_dist;
            for (int k = 0; k < p->n_common; k++) {
                v->dir[k] |= w->dir[k];
                if (w->has_dist >> k & 1)
                    v->dist[k] = w->dist[k];
            }
        }
    out->n_vec *= list->n;
}

/* Every equation of the group by closed forms. */
static Verdict closed_group(const DepPair *p, const Shape *sh, uint32_t group, DepVec *v, DepTest *test)
{
    uint32_t done = 0;
    if (group >> BIT_SYM || group & sh->in_bounds)
        return V_Undecided;
    for (int e = 0; e < p->n_eq; e++)
        if (sh->eq[e] & group) {
            if (sh->eq[e] != group)
                return V_Undecided;
            Verdict verdict = closed_form(p, sh, &p->eq[e], sh->eq[e], v, &done, test);
            if (verdict != V_Dependent)
                return verdict;
        }
    return V_Dependent;
}

static Verdict solved_group(Solver *sv, const DepPair *p, const Shape *sh, uint32_t group, DepAnswer *out)
{
    Vectors list;
    bool has_equation = false;
    for (int e = 0; e < p->n_eq; e++)
        has_equation |= (sh->eq[e] & group) != 0;
    group_refine(sv, p, sh, group, &list);
    if (list.n == 0 || (has_equation && out->test != DEP_TooLarge))
        out->test = list.test;
    if (list.n == 0)
        return V_Independent;
    out->is_exact &= list.is_exact;
    out->is_stable &= list.is_stable;
    multiply(p, out, &list);
    return V_Dependent;
}

/* Constants first, then the groups, those with closed forms before the others. */
static Verdict test_groups(Solver *sv, const DepPair *p, const Shape *sh, Groups *groups, DepAnswer *out)
{
    DepVec *v = &out->vec[0];
    uint32_t all = 0, none = 0;
    for (int i = 0; i < groups->n; i++)
        all |= groups->mask[i];
    set_free_levels(p, sh, all, v);
    for (int e = 0; e < p->n_eq; e++)
        if (sh->eq[e] == 0 && closed_form(p, sh, &p->eq[e], 0, v, &none, &out->test) == V_Independent)
            return V_Independent;
    int n_hard = 0;
    for (int i = 0; i < groups->n; i++) {
        Verdict verdict = closed_group(p, sh, groups->mask[i], v, &out->test);
        if (verdict == V_Independent)
            return verdict;
        if (verdict == V_Undecided) {
            for (int k = 0; k < DEP_MAX_DEPTH; k++)
                if (groups->mask[i] >> k & 1)
                    v->dir[k] = 0;
            v->has_dist &= (uint8_t)~groups->mask[i];
            groups->mask[n_hard++] = groups->mask[i];
        }
    }
    for (int i = 0; i < n_hard; i++)
        if (solved_group(sv, p, sh, groups->mask[i], out) == V_Independent)
            return V_Independent;
    return V_Dependent;
}

static NOINLINE Verdict test_general(const DepPair *p, const Shape *sh, DepAnswer *out)
{
    int64_t pool[SYS_POOL];
    Solver sv = {.top = pool, .end = pool + SYS_POOL, .work = SYS_WORK};
    Groups groups;
    groups.n = 0;
    for (int k = 0; k < p->n_a; k++)
        connect_loop(&groups, sh, (uint32_t)1 << k, sh->ref_a[k], k < p->n_common);
    for (int k = p->n_common; k < p->n_b; k++)
        connect_loop(&groups, sh, (uint32_t)1 << (BIT_B + k), sh->ref_b[k], false);
    for (int e = 0; e < p->n_eq; e++)
        if (sh->eq[e])
            connect(&groups, sh->eq[e]);
    return test_groups(&sv, p, sh, &groups, out);
}

static Verdict test_pair(const DepPair *p, const Shape *sh, DepAnswer *out)
{
    uint32_t done = 0;
    if (sh->has_refs)
        return test_general(p, sh, out);
    set_free_levels(p, sh, 0, &out->vec[0]);
    for (int e = 0; e < p->n_eq; e++) {
        Verdict verdict = closed_form(p, sh, &p->eq[e], sh->eq[e], &out->vec[0], &done, &out->test);
        if (verdict == V_Undecided)
            return test_general(p, sh, out);
        if (verdict == V_Independent)
            return verdict;
    }
    return V_Dependent;
}

void dep_test(const DepPair *p, DepAnswer *out)
{
    Shape sh;
    out->n_vec = 1;
    out->is_exact = out->is_stable = true;
    out->test = DEP_Bounds;
    if (!shape_of(p, &sh) || test_pair(p, &sh, out) == V_Independent) {
        out->n_vec = 0;
        out->is_exact = out->is_stable = true;
        return;
    }
    if (p->n_eq == 0 && out->test != DEP_TooLarge)
        out->test = DEP_Unknown;
    if (p->n_eq == 0 || sh.is_unbounded)
        out->is_exact = out->is_stable = false;
    for (int e = 0; e < p->n_eq && p->n_sym; e++)
        out->is_stable &= sh.eq[e] >> BIT_SYM == 0;
}
