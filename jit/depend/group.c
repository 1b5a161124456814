/* jit/depend/group.c — what a pair looks like (Shape), and one group of its unknowns as a System.
 *
 * A common level k has two counters.  Where an equation holds the same multiple of both, as most do (a[i] against a[i+1]), the columns
 * are tA_k and d_k = tB_k - tA_k: the equation is then one over d_k alone.  If besides all of the level's coefficients are equal and
 * its bounds are constants that nothing else refers to, tA_k is projected away at once: it exists if and only if
 * -up <= d_k <= up.  Other levels have the columns tA_k and tB_k.
 *
 * Equations are taken in after all rows are there, those with a coefficient +-1 first (substitution without change of variables). */
#include "jit/depend/refine.h"
#include "jit/depend/siv.h"

#include <string.h>

/* ---- shape ---- */

/* False: the loop does not run. */
static bool loop_shape(const DepPair *p, const DepLoop *loop, int level, bool is_b, int64_t *up, uint32_t *ref, Shape *sh)
{
    *up = SYS_INF;
    *ref = 0;
    for (int u = 0; u < loop->n_upper; u++) {
        const DepBound *bound = &loop->upper[u];
        uint32_t mask = 0;
        for (int k = 0; k < level; k++)
            mask |= (uint32_t)(bound->c[k] != 0) << (is_b && k >= p->n_common ? BIT_B + k : k);
        sh->in_bounds |= mask;
        for (int k = 0; k < p->n_sym; k++)
            mask |= (uint32_t)(bound->sym[k] != 0) << (BIT_SYM + k);
        *ref |= mask;
        if (mask == 0) {
            if (bound->c0 < 0)
                return false;
            int64_t t = floor_div(bound->c0, bound->scale);
            *up = t < *up ? t : *up;
        }
    }
    sh->is_unbounded |= loop->n_upper == 0;
    sh->has_refs |= *ref != 0;
    return true;
}

bool shape_of(const DepPair *p, Shape *sh)
{
    sh->in_bounds = 0;
    sh->is_unbounded = sh->has_refs = false;
    for (int k = 0; k < p->n_a; k++)
        if (!loop_shape(p, &p->a[k], k, false, &sh->up_a[k], &sh->ref_a[k], sh))
            return false;
    for (int k = 0; k < p->n_b; k++) {
        if (k < p->n_common) {
            sh->up_b[k] = sh->up_a[k];
            sh->ref_b[k] = sh->ref_a[k];
        } else if (!loop_shape(p, &p->b[k], k, true, &sh->up_b[k], &sh->ref_b[k], sh)) {
            return false;
        }
    }
    sh->used = sh->in_bounds;
    for (int e = 0; e < p->n_eq; e++) {
        const DepEq *eq = &p->eq[e];
        uint32_t mask = 0;
        for (int k = 0; k < p->n_a; k++)
            mask |= (uint32_t)(eq->a[k] != 0) << k;
        for (int k = 0; k < p->n_b; k++)
            mask |= (uint32_t)(eq->b[k] != 0) << (k < p->n_common ? k : BIT_B + k);
        for (int k = 0; k < p->n_sym; k++)
            mask |= (uint32_t)(eq->sym[k] != 0) << (BIT_SYM + k);
        sh->eq[e] = mask;
        sh->used |= mask;
    }
    return true;
}

/* ---- columns ---- */

static uint32_t bit_a(int k)                    { return (uint32_t)1 << k; }
static uint32_t bit_b(const DepPair *p, int k)  { return (uint32_t)1 << (k < p->n_common ? k : BIT_B + k); }
static uint32_t bit_sym(int k)                  { return (uint32_t)1 << (BIT_SYM + k); }

static int columns(const DepPair *p, const Shape *sh, uint32_t group, bool keep_counters, Columns *c)
{
    int n = 0;
    memset(c, 0, sizeof *c);
    for (int k = 0; k < DEP_MAX_SYM; k++)
        if (group & bit_sym(k))
            c->sym[k] = (uint8_t)++n;
    c->n_sym = n;
    for (int k = 0; k < DEP_MAX_DEPTH; k++) {
        if (!(group & bit_a(k)))
            continue;
        bool is_uniform = k < p->n_common && !keep_counters;
        if (k < p->n_common)
            for (int e = 0; e < p->n_eq; e++) {
                bool is_equal = p->eq[e].a[k] == p->eq[e].b[k];
                is_uniform &= is_equal;
                c->is_diff[k] |= is_equal && p->eq[e].a[k] != 0;
            }
        if (!(is_uniform && c->is_diff[k] && sh->ref_a[k] == 0 && !(sh->in_bounds & bit_a(k))))
            c->a[k] = (uint8_t)++n;
    }
    for (int k = 0; k < DEP_MAX_DEPTH; k++)
        if (group & bit_b(p, k))
            c->b[k] = (uint8_t)++n;
    return n;
}

static bool fits(int64_t c)
{
    return c <= SYS_LIMIT && c >= -SYS_LIMIT;
}

/* r += c * tA_k; where only the difference has a column, the term of tB_k stands for both. */
static bool add_a(int64_t *r, const Columns *col, int k, int64_t c)
{
    return c == 0 || col->a[k] == 0 || (fits(c) && row_add(r, col->a[k], c));
}

static bool add_b(int64_t *r, const Columns *col, int k, int64_t c)
{
    return c == 0 || (fits(c) && row_add(r, col->b[k], c) && (!col->is_diff[k] || add_a(r, col, k, c)));
}

static bool add_sym(int64_t *r, const Columns *col, int k, int64_t c)
{
    return c == 0 || (fits(c) && row_add(r, col->sym[k], c));
}

/* ---- bounds ---- */

/* scale * t <= ... as a row; with `runs` for t = 0, where t has no column. */
static void push_upper(Solver *sv, System *s, const DepPair *p, const Columns *c, const DepBound *bound, int level, bool is_b, bool runs)
{
    int64_t *r = system_slot(sv, s);
    bool ok = r && fits(bound->c0) && row_add(r, 0, bound->c0) && fits(bound->scale);
    for (int k = 0; k < level && ok; k++)
        ok = is_b ? add_b(r, c, k, bound->c[k]) : add_a(r, c, k, bound->c[k]);
    for (int k = 0; k < p->n_sym && ok; k++)
        ok = add_sym(r, c, k, bound->sym[k]);
    if (ok && !runs)
        ok = is_b ? add_b(r, c, level, -bound->scale) : add_a(r, c, level, -bound->scale);
    if (ok)
        system_push(sv, s);
    else
        s->is_relaxed = true;
}

/* 0 <= tA + d <= up */
static void push_sum(Solver *sv, System *s, const Columns *c, int k, int64_t up)
{
    for (int sign = 1; sign >= -1; sign -= 2) {
        if (sign < 0 && up > SYS_LIMIT)
            return;             /* the box is relaxed as well */
        int64_t *r = system_slot(sv, s);
        if (!r)
            return;
        r[0] = sign > 0 ? 0 : up;
        r[c->a[k]] = r[c->b[k]] = sign;
        system_push(sv, s);
    }
}

static bool is_rectangular(const DepPair *p, const DepBound *bound, int level)
{
    int64_t any = 0;
    for (int k = 0; k < level; k++)
        any |= bound->c[k];
    for (int k = 0; k < p->n_sym; k++)
        any |= bound->sym[k];
    return any == 0;
}

static void push_loop(Solver *sv, System *s, const DepPair *p, const Shape *sh, uint32_t group, const Columns *c, int k, bool is_b)
{
    const DepLoop *loop = is_b ? &p->b[k] : &p->a[k];
    uint32_t bit = is_b ? bit_b(p, k) : bit_a(k), ref = is_b ? sh->ref_b[k] : sh->ref_a[k];
    bool has_column = group & bit;
    if (!has_column && !((ref & group) && is_free(sh, bit, ref, k < p->n_common)))
        return;
    if (is_b && k < p->n_common && (!has_column || c->a[k] == 0))
        return;                 /* A's rows are B's */
    for (int u = 0; u < loop->n_upper && ref; u++)
        if (!is_rectangular(p, &loop->upper[u], k))
            push_upper(sv, s, p, c, &loop->upper[u], k, is_b, !has_column);
    if (is_b && k < p->n_common && c->is_diff[k])
        push_sum(sv, s, c, k, sh->up_a[k]);
}

static void set_boxes(System *s, const DepPair *p, const Shape *sh, const Columns *c)
{
    for (int k = 0; k < p->n_a; k++)
        if (c->a[k]) {
            s->lo[c->a[k]] = 0;
            s->hi[c->a[k]] = sh->up_a[k];
        }
    for (int k = 0; k < p->n_b; k++)
        if (c->b[k]) {
            s->lo[c->b[k]] = c->is_diff[k] ? -sh->up_b[k] : 0;
            s->hi[c->b[k]] = sh->up_b[k];
        }
    for (int k = 0; k < p->n_sym; k++)
        if (c->sym[k] && p->sym_nonneg[k])
            s->lo[c->sym[k]] = 0;
    for (int j = 1; j <= s->n_var; j++)
        if (s->hi[j] > SYS_LIMIT) {
            s->is_relaxed |= s->hi[j] != SYS_INF;
            s->hi[j] = SYS_INF;
            s->lo[j] = s->lo[j] < -SYS_LIMIT ? -SYS_INF : s->lo[j];
        }
}

/* ---- equations ---- */

static uint64_t equation_divisor(const DepPair *p, const DepEq *eq)
{
    uint64_t g = 0;
    for (int k = 0; k < p->n_a && g != 1; k++)
        g = gcd_u64(g, abs_u64(eq->a[k]));
    for (int k = 0; k < p->n_b && g != 1; k++)
        g = gcd_u64(g, abs_u64(eq->b[k]));
    for (int k = 0; k < p->n_sym && g != 1; k++)
        g = gcd_u64(g, abs_u64(eq->sym[k]));
    return g;
}

/* The equation's row over the columns, without common divisor, into r; its constant in an interval lo..hi.  False: does not fit. */
static bool equation_row(const DepPair *p, const System *s, const Columns *c, const DepEq *eq, int64_t *r, int64_t *lo, int64_t *hi)
{
    uint64_t divisor = equation_divisor(p, eq);
    int64_t g = (int64_t)divisor;
    if (divisor > INT64_MAX || __builtin_sub_overflow(eq->lo, eq->c0, lo) || __builtin_sub_overflow(eq->hi, eq->c0, hi))
        return false;
    *lo = ceil_div(*lo, g);
    *hi = floor_div(*hi, g);
    memset(r, 0, (size_t)s->width * sizeof *r);
    for (int k = 0; k < p->n_a; k++)
        if (eq->a[k] && !add_a(r, c, k, eq->a[k] / g))
            return false;
    for (int k = 0; k < p->n_b; k++)
        if (eq->b[k] && (!fits(eq->b[k] / g) || !add_b(r, c, k, -(eq->b[k] / g))))
            return false;
    for (int k = 0; k < p->n_sym; k++)
        if (eq->sym[k] && !add_sym(r, c, k, eq->sym[k] / g))
            return false;
    return fits(*lo) && fits(*hi);
}

/* Equations become outputs, to follow the changes of variables of those before them; intervals become two rows. */
static Sat add_equations(Solver *sv, System *s, const DepPair *p, const Shape *sh, uint32_t group, const Columns *c, DepTest *test)
{
    for (int e = 0; e < p->n_eq; e++) {
        int64_t r[SYS_MAX_VAR + 1], lo, hi;
        if (!(sh->eq[e] & group))
            continue;
        if (!equation_row(p, s, c, &p->eq[e], r, &lo, &hi))
            return SAT_Maybe;
        *test = DEP_GCD;
        if (lo > hi)
            return SAT_No;
        *test = DEP_Banerjee;
        Range range = system_range(s, r);
        if (range.min > hi || range.max < lo)
            return SAT_No;
        if (lo == hi) {
            r[0] = -lo;
            memcpy(s->out + s->n_out++ * s->width, r, (size_t)s->width * sizeof *r);
            continue;
        }
        for (int sign = 1; sign >= -1; sign -= 2) {
            int64_t *slot = system_slot(sv, s);
            if (!slot)
                return SAT_Maybe;
            for (int j = 1; j <= s->n_var; j++)
                slot[j] = sign * r[j];
            slot[0] = sign > 0 ? -lo : hi;
            system_push(sv, s);
        }
    }
    return SAT_Yes;
}

static bool has_unit(const int64_t *r, int n_var)
{
    for (int j = 1; j <= n_var; j++)
        if (r[j] == 1 || r[j] == -1)
            return true;
    return false;
}

/* Take in the outputs n_out.., which are equations. */
static Sat solve_equations(Solver *sv, System *s, int n_out)
{
    for (bool any_coefficient = false; s->n_out > n_out; ) {
        int i = n_out;
        while (i < s->n_out && !any_coefficient && !has_unit(s->out + i * s->width, s->n_var))
            i++;
        if (i == s->n_out) {
            any_coefficient = true;
            continue;
        }
        int64_t r[SYS_MAX_VAR + 1];
        memcpy(r, s->out + i * s->width, (size_t)s->width * sizeof *r);
        s->n_out--;
        memcpy(s->out + i * s->width, s->out + s->n_out * s->width, (size_t)s->width * sizeof *r);
        Sat sat = system_equate(sv, s, r);
        if (sat != SAT_Yes)
            return sat;
        any_coefficient = false;
    }
    return SAT_Yes;
}

/* What one would call the test that decides the group, as long as nothing is eliminated. */
static DepTest group_name(const DepPair *p, const Shape *sh, uint32_t group)
{
    const DepEq *eq = NULL;
    uint32_t unknowns = 0;
    for (int e = 0; e < p->n_eq; e++)
        if (sh->eq[e] & group) {
            if (eq)
                return DEP_Delta;
            eq = &p->eq[e];
            unknowns = sh->eq[e] & (((uint32_t)1 << BIT_SYM) - 1);
        }
    if (!eq)
        return DEP_Bounds;
    if (unknowns == 0)
        return DEP_ZIV;
    if ((unknowns & (unknowns - 1)) == 0) {
        int k = __builtin_ctz(unknowns);
        if (k >= p->n_common)
            return DEP_WeakZeroSIV;
        return eq->a[k] == eq->b[k] ? DEP_StrongSIV : eq->a[k] == 0 || eq->b[k] == 0 ? DEP_WeakZeroSIV
             : (uint64_t)eq->a[k] + (uint64_t)eq->b[k] == 0 ? DEP_WeakCrossingSIV : DEP_ExactSIV;
    }
    int n = 0;
    for (int k = 0; k < p->n_a; k++)
        n += eq->a[k] != 0;
    for (int k = 0; k < p->n_b; k++)
        n += eq->b[k] != 0;
    return n == 2 ? DEP_RDIV : DEP_Banerjee;
}

Sat group_system(Solver *sv, const DepPair *p, const Shape *sh, uint32_t group, bool keep_counters, Outputs outputs, System *s, DepTest *test)
{
    Columns c;
    *test = DEP_TooLarge;
    if (!system_new(sv, s, columns(p, sh, group, keep_counters, &c), outputs.n + p->n_eq))
        return SAT_Maybe;
    s->n_param = c.n_sym;
    s->n_out = outputs.n;
    set_boxes(s, p, sh, &c);
    outputs.fill(s, &c, outputs.user);
    Sat sat = add_equations(sv, s, p, sh, group, &c, test);
    if (sat != SAT_Yes)
        return sat;
    *test = group_name(p, sh, group);
    for (int k = 0; k < p->n_a; k++)
        push_loop(sv, s, p, sh, group, &c, k, false);
    for (int k = 0; k < p->n_b; k++)
        push_loop(sv, s, p, sh, group, &c, k, true);
    sat = solve_equations(sv, s, outputs.n);
    if (sat == SAT_Yes && system_tidy(sv, s) == SAT_No)
        sat = SAT_No;
    return sat;
}
