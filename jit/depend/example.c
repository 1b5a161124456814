/* jit/depend/example.c — a dependence shown by example, and answers as text. */
#include "jit/depend/refine.h"

#include <stdio.h>
#include <string.h>

/* ---- an example ---- */

typedef __int128 Wide;

static bool loops_hold(const DepLoop *loop, int n, const int64_t *t)
{
    for (int k = 0; k < n; k++) {
        if (t[k] < 0)
            return false;
        for (int u = 0; u < loop[k].n_upper; u++) {
            const DepBound *bound = &loop[k].upper[u];
            Wide slack = (Wide)bound->c0 - (Wide)bound->scale * t[k];
            for (int j = 0; j < k; j++)
                slack += (Wide)bound->c[j] * t[j];
            if (slack < 0)
                return false;
        }
    }
    return true;
}

/* The solver's word is not enough to show people: everything is computed once more from the pair itself. */
static bool is_dependence(const DepPair *p, const DepVec *v, const int64_t *t_a, const int64_t *t_b)
{
    if (!loops_hold(p->a, p->n_a, t_a) || !loops_hold(p->b, p->n_b, t_b))
        return false;
    for (int k = 0; k < p->n_common; k++)
        if (!(v->dir[k] & (t_b[k] > t_a[k] ? DIR_LT : t_b[k] < t_a[k] ? DIR_GT : DIR_EQ)))
            return false;
    for (int e = 0; e < p->n_eq; e++) {
        Wide sum = p->eq[e].c0;
        for (int k = 0; k < p->n_a; k++)
            sum += (Wide)p->eq[e].a[k] * t_a[k];
        for (int k = 0; k < p->n_b; k++)
            sum -= (Wide)p->eq[e].b[k] * t_b[k];
        if (sum < p->eq[e].lo || sum > p->eq[e].hi)
            return false;
    }
    return true;
}

static void fill_counters(System *s, const Columns *c, const void *user)
{
    const DepPair *p = user;
    for (int k = 0; k < p->n_a; k++)
        s->out[k * s->width + c->a[k]] = 1;
    for (int k = 0; k < p->n_b; k++) {
        int64_t *r = s->out + (p->n_a + k) * s->width;
        r[c->b[k]] = 1;
        if (c->is_diff[k])
            r[c->a[k]] = 1;
    }
}

/* tB_k - tA_k on the side of `dir`.  SAT_Yes: added. */
static Sat constrain_level(Solver *sv, System *s, const DepPair *p, int k, uint8_t dir)
{
    const int64_t *a = s->out + k * s->width, *b = s->out + (p->n_a + k) * s->width;
    for (int sign = 1; sign >= -1; sign -= 2) {
        /* sign * (tB - tA) >= least: for LT and LT|EQ by sign 1, for GT and GT|EQ by sign -1, for EQ by both */
        uint8_t beyond = sign > 0 ? DIR_LT : DIR_GT;
        if (dir != DIR_EQ && (dir | DIR_EQ) != (beyond | DIR_EQ))
            continue;
        int64_t *r = system_slot(sv, s);
        bool ok = r && row_add(r, 0, dir & DIR_EQ ? 0 : -1);
        for (int j = 0; j < s->width && ok; j++)
            ok = row_add(r, j, sign * b[j]) && row_add(r, j, -sign * a[j]);
        if (!ok)
            return SAT_Maybe;
        if (system_keep(sv, s) == SAT_No)
            return SAT_No;
    }
    return SAT_Yes;
}

/* A solution whose directions lie in `dir` from level k on.  `<` or `>` is no convex set: its halves are tried in turn. */
static bool search(Solver *sv, const System *s, const DepPair *p, const DepVec *v, int k, int64_t *t_a, int64_t *t_b)
{
    int64_t x[SYS_MAX_VAR + 1];
    if (k < p->n_common) {
        bool is_split = v->dir[k] == (DIR_LT | DIR_GT), found = false;
        for (uint8_t half = DIR_LT; half <= DIR_GT && !found; half = (uint8_t)(half + 3)) {
            int64_t *mark = sv->top;
            System t;
            if (!is_split && half != DIR_LT)
                break;
            found = system_copy(sv, &t, s, -1) && constrain_level(sv, &t, p, k, is_split ? half : v->dir[k]) == SAT_Yes &&
                    system_narrow(sv, &t) != SAT_No && search(sv, &t, p, v, k + 1, t_a, t_b);
            sv->top = mark;
        }
        return found;
    }
    if (system_solve(sv, s, x) != SAT_Yes)
        return false;
    for (int i = 0; i < p->n_a + p->n_b; i++)
        if (!row_value(s->out + i * s->width, x, s->n_var, i < p->n_a ? &t_a[i] : &t_b[i - p->n_a]))
            return false;
    return is_dependence(p, v, t_a, t_b);
}

bool dep_example(const DepPair *p, const DepVec *v, int64_t *t_a, int64_t *t_b)
{
    enum { POOL = 2 * SYS_POOL, WORK = 10 * SYS_WORK };
    int64_t pool[POOL];
    Solver sv = {.top = pool, .end = pool + POOL, .work = WORK};
    uint32_t all = (((uint32_t)1 << p->n_a) - 1) | (((uint32_t)1 << p->n_b) - ((uint32_t)1 << p->n_common)) << BIT_B;
    Shape sh;
    System s;
    DepTest test;
    if (p->n_sym || p->n_eq == 0 || !shape_of(p, &sh))
        return false;
    return group_system(&sv, p, &sh, all, true, (Outputs){p->n_a + p->n_b, fill_counters, p}, &s, &test) == SAT_Yes &&
           search(&sv, &s, p, v, 0, t_a, t_b);
}

/* ---- text ---- */

/* ORDER dep_test_name */
static const char *const names[DEP_TEST_COUNT] = {
    "ZIV", "strong SIV", "weak-zero SIV", "weak-crossing SIV", "exact SIV", "RDIV", "GCD", "Banerjee", "Delta", "Fourier-Motzkin",
    "bounds", "unknown", "too large",
};

const char *dep_test_name(DepTest t)
{
    return names[t];
}

char *dep_vec_text(char *out, const DepVec *v, int n_common)
{
    static const char *const sets[] = {"", "<", "=", "<=", ">", "!=", ">=", "*"};
    bool has_number = false;
    size_t n = 1;
    for (int k = 0; k < n_common; k++)
        has_number |= v->has_dist >> k & 1 && v->dist[k] != 0;
    out[0] = '(';
    for (int k = 0; k < n_common; k++) {
        /* Among numbers '=' is 0. */
        bool is_number = has_number && v->has_dist >> k & 1;
        n += (size_t)(is_number ? snprintf(out + n, DEP_VEC_TEXT_MAX - n, "%s%lld", k ? ", " : "", (long long)v->dist[k])
                                : snprintf(out + n, DEP_VEC_TEXT_MAX - n, "%s%s", k ? ", " : "", sets[v->dir[k]]));
    }
    memcpy(out + n, ")", 2);
    return out;
}
