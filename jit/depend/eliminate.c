/* jit/depend/eliminate.c — integer solutions of a narrowed system: Fourier-Motzkin elimination made exact (Pugh, "The Omega test",
 * 1991).
 *
 * A variable x with lower bounds a*x >= -f (rows a*x + f >= 0) and upper bounds b*x <= g (rows -b*x + g >= 0) is eliminated by
 * pairing each lower with each upper bound:
 *
 *     real shadow     a*g + b*f >= 0                  holds if some real x exists
 *     dark shadow     a*g + b*f >= (a-1) * (b-1)      an integer x exists for certain
 *
 * With a = 1 or b = 1 in every pair both are the same, and the elimination is exact: such variables go first, and those that make the
 * fewest rows.  Otherwise: real shadow empty, no solution.  A point of the real shadow whose interval of x holds an integer, or any
 * point of the dark shadow: a solution.  Else every solution lies close to a lower bound: a*x + f = i for some
 * 0 <= i <= (a*b' - a - b') / b', b' the largest b ("splinters"), each an equation that removes a variable.
 *
 * Points come back by substitution: x is the smallest integer of its interval.  Before any elimination the corner of the box nearest to 0 is
 * tried: most dependences of real programs show themselves there. */
#include "jit/depend/system.h"
#include "jit/depend/siv.h"

#include <string.h>

typedef struct Choice { int var; bool is_exact; } Choice;

/* The variable to eliminate; 0: all rows are gone. */
static Choice choose(const System *s)
{
    Choice best = {0, false};
    int best_cost = 0;
    for (int j = 1; j <= s->n_var; j++) {
        int n_lower = 0, n_upper = 0, n_row = 0;
        bool is_unit_lower = true, is_unit_upper = true;
        for (int i = 0; i < s->n_row; i++) {
            int64_t c = s->row[i * s->width + j];
            n_row += c != 0;
            n_lower += c > 0;
            n_upper += c < 0;
            is_unit_lower &= c <= 1;
            is_unit_upper &= c >= -1;
        }
        if (!n_row)
            continue;
        n_lower += s->lo[j] != -SYS_INF;
        n_upper += s->hi[j] != SYS_INF;
        Choice c = {j, is_unit_lower || is_unit_upper || !n_lower || !n_upper};
        int cost = n_lower * n_upper - n_lower - n_upper;
        if (!best.var || (c.is_exact && !best.is_exact) || (c.is_exact == best.is_exact && cost < best_cost)) {
            best = c;
            best_cost = cost;
        }
    }
    return best;
}

/* slot := p*x + q*y; false: does not fit. */
static bool combine(int64_t *slot, const int64_t *x, int64_t p, const int64_t *y, int64_t q, int width)
{
    for (int j = 0; j < width; j++) {
        int64_t a, b;
        if (__builtin_mul_overflow(p, x[j], &a) || __builtin_mul_overflow(q, y[j], &b) || __builtin_add_overflow(a, b, &slot[j]) ||
            slot[j] > SYS_LIMIT || slot[j] < -SYS_LIMIT)
            return false;
    }
    return true;
}

/* One more row of the shadow: `lower` against `upper`, or, where one of them is NULL, the other at the bound of the box. */
static Sat pair_up(Solver *sv, System *shadow, const System *s, int v, const int64_t *lower, const int64_t *upper, bool is_dark)
{
    int64_t *r = system_slot(sv, shadow);
    bool fits = r != NULL;
    if (r && lower && upper) {
        int64_t a = lower[v], b = -upper[v], g = (int64_t)gcd_u64((uint64_t)a, (uint64_t)b), gap = 0;
        fits = combine(r, lower, b / g, upper, a / g, s->width);
        if (fits && is_dark && a > 1 && b > 1)
            fits = !__builtin_mul_overflow(a - 1, b - 1, &gap) && row_add(r, 0, -ceil_div(gap, g));
    } else if (r) {
        const int64_t *row = lower ? lower : upper;
        int64_t term;
        memcpy(r, row, (size_t)s->width * sizeof *r);
        r[v] = 0;
        fits = !__builtin_mul_overflow(row[v], lower ? s->hi[v] : s->lo[v], &term) && row_add(r, 0, term);
    }
    if (!fits) {
        shadow->is_relaxed = true;
        return SAT_Maybe;
    }
    return system_keep(sv, shadow);
}

/* The system without x_v.  SAT_No: empty.  SAT_Maybe: built; with is_relaxed, larger than the true shadow. */
static Sat make_shadow(Solver *sv, System *shadow, const System *s, int v, bool is_dark)
{
    if (!system_new(sv, shadow, s->n_var, 0)) {
        shadow->n_row = -1;
        return SAT_Maybe;
    }
    memcpy(shadow->lo, s->lo, (size_t)s->width * sizeof *s->lo);
    memcpy(shadow->hi, s->hi, (size_t)s->width * sizeof *s->hi);
    shadow->lo[v] = -SYS_INF;
    shadow->hi[v] = SYS_INF;
    shadow->is_stale = s->is_stale;
    for (int i = 0; i < s->n_row; i++) {
        const int64_t *r = s->row + i * s->width;
        Sat sat = SAT_Maybe;
        if (r[v] == 0) {
            int64_t *slot = system_slot(sv, shadow);
            if (slot) {
                memcpy(slot, r, (size_t)s->width * sizeof *slot);
                sat = system_keep(sv, shadow);
            }
        } else if (r[v] < 0) {
            sat = s->lo[v] == -SYS_INF ? SAT_Maybe : pair_up(sv, shadow, s, v, NULL, r, is_dark);
        } else {
            if (s->hi[v] != SYS_INF)
                sat = pair_up(sv, shadow, s, v, r, NULL, is_dark);
            for (int k = 0; k < s->n_row && sat != SAT_No; k++)
                if (s->row[k * s->width + v] < 0)
                    sat = pair_up(sv, shadow, s, v, r, s->row + k * s->width, is_dark);
        }
        if (sat == SAT_No)
            return SAT_No;
    }
    return system_narrow(sv, shadow);
}

/* x_v for the other variables as they are in x: the integer of smallest size in its interval. */
static bool place(const System *s, int v, int64_t *x)
{
    int64_t lo = s->lo[v], hi = s->hi[v];
    x[v] = 0;
    for (int i = 0; i < s->n_row; i++) {
        const int64_t *r = s->row + i * s->width;
        int64_t rest;
        if (r[v] == 0)
            continue;
        if (!row_value(r, x, s->n_var, &rest) || rest == INT64_MIN)
            return false;
        if (r[v] > 0) {
            int64_t least = ceil_div(-rest, r[v]);
            lo = least > lo ? least : lo;
        } else {
            int64_t most = floor_div(rest, -r[v]);
            hi = most < hi ? most : hi;
        }
    }
    x[v] = lo > 0 ? lo : hi < 0 ? hi : 0;
    return lo <= hi;
}

bool system_holds(const System *s, const int64_t *x)
{
    for (int i = 0; i < s->n_row; i++) {
        int64_t value;
        if (!row_value(s->row + i * s->width, x, s->n_var, &value) || value < 0)
            return false;
    }
    return true;
}

/* Solutions with low_bound_row == i for i = 0..last. */
static Sat try_splinter(Solver *sv, const System *s, const int64_t *lower, int64_t i, int64_t *x)
{
    int64_t *mark = sv->top, e[SYS_MAX_VAR + 1], y[SYS_MAX_VAR + 1];
    System t;
    Sat sat = SAT_Maybe;
    sv->work--;
    memcpy(e, lower, (size_t)s->width * sizeof *e);
    if (sv->work > 0 && row_add(e, 0, -i) && system_copy(sv, &t, s, s->n_var)) {
        for (int j = 1; j <= s->n_var; j++)
            t.out[(j - 1) * t.width + j] = 1;
        sat = system_equate(sv, &t, e);
        if (sat == SAT_Yes)
            sat = system_tidy(sv, &t);
        else if (sat == SAT_Maybe)
            t.is_relaxed = true;
        if (sat != SAT_No && !t.is_relaxed)
            sat = system_solve(sv, &t, y);
        if (sat == SAT_Yes)
            for (int j = 1; j <= s->n_var; j++)
                if (!row_value(t.out + (j - 1) * t.width, y, t.n_var, &x[j]))
                    sat = SAT_Maybe;
    }
    sv->top = mark;
    return sat == SAT_Yes && !system_holds(s, x) ? SAT_Maybe : sat;
}

static Sat splinters(Solver *sv, const System *s, int v, int64_t *x)
{
    int64_t b = 1;
    bool all_no = true;
    for (int i = 0; i < s->n_row; i++)
        if (-s->row[i * s->width + v] > b)
            b = -s->row[i * s->width + v];
    for (int i = 0; i < s->n_row; i++) {
        const int64_t *r = s->row + i * s->width;
        int64_t a = r[v], last;
        if (a <= 1 || b <= 1)
            continue;           /* next to a bound of coefficient 1 the dark shadow has looked already */
        if (__builtin_mul_overflow(a - 1, b - 1, &last))
            return SAT_Maybe;
        last = (last - 1) / b;
        for (int64_t k = 0; k <= last; k++) {
            Sat sat = try_splinter(sv, s, r, k, x);
            if (sat == SAT_Yes)
                return sat;
            all_no &= sat == SAT_No;
            if (sv->work <= 0)
                return SAT_Maybe;
        }
    }
    return all_no ? SAT_No : SAT_Maybe;
}

static Sat through_shadow(Solver *sv, const System *s, int v, bool is_dark, int64_t *x)
{
    int64_t *mark = sv->top;
    System shadow;
    Sat sat = make_shadow(sv, &shadow, s, v, is_dark);
    if (sat != SAT_No && shadow.n_row >= 0)
        sat = system_solve(sv, &shadow, x);
    sv->top = mark;
    return sat;
}

Sat system_solve(Solver *sv, const System *s, int64_t *x)
{
    for (int j = 1; j <= s->n_var; j++)
        x[j] = s->lo[j] > 0 ? s->lo[j] : s->hi[j] < 0 ? s->hi[j] : 0;
    if (s->n_row == 0 || system_holds(s, x))
        return s->is_relaxed ? SAT_Maybe : SAT_Yes;
    Choice c = choose(s);
    sv->work -= s->n_row;
    sv->has_eliminated = true;
    Sat sat = through_shadow(sv, s, c.var, false, x);
    if (sat == SAT_No)
        return SAT_No;
    if (sat == SAT_Yes && place(s, c.var, x) && system_holds(s, x))
        return s->is_relaxed ? SAT_Maybe : SAT_Yes;
    if (c.is_exact || s->is_relaxed)
        return SAT_Maybe;
    if (through_shadow(sv, s, c.var, true, x) == SAT_Yes && place(s, c.var, x) && system_holds(s, x))
        return SAT_Yes;
    return splinters(sv, s, c.var, x);
}
