/* jit/depend/system.c — rows, boxes, and the exact removal of equations.
 *
 * Normal form of a row: coefficients without a common divisor, the constant rounded down ("integer tightening": 2x - 2y >= 1 is
 * x - y >= 1).  A row over one variable is a bound of the box, one that holds all over the box is dropped, of two parallel rows
 * the weaker is dropped, two opposite ones that leave no room are a contradiction.
 *
 * An equation is removed by unimodular changes of one variable at a time: with |e_k| the smallest coefficient, x_k is replaced
 * by x_k' - sum of round(e_j / e_k) * x_j, which leaves every other coefficient at most |e_k| / 2, and so on until one is +-1: then x_k
 * itself is substituted.  Both are one-to-one on the integers, so nothing is lost; the bounds of x_k become ordinary rows.  With a
 * common divisor that does not divide the constant there is no solution. */
#include "jit/depend/system.h"
#include "jit/depend/siv.h"

#include <string.h>

static int64_t *reserve(Solver *sv, size_t n)
{
    if ((size_t)(sv->end - sv->top) < n)
        return NULL;
    int64_t *p = sv->top;
    sv->top += n;
    return p;
}

bool system_new(Solver *sv, System *s, int n_var, int n_out)
{
    int width = n_var + 1;
    int64_t *p = reserve(sv, (size_t)(2 + n_out) * (size_t)width);
    if (!p)
        return false;
    *s = (System){.n_var = n_var, .width = width, .n_out = n_out, .lo = p, .hi = p + width, .out = p + 2 * width, .row = sv->top};
    for (int j = 0; j < width; j++) {
        s->lo[j] = -SYS_INF;
        s->hi[j] = SYS_INF;
    }
    memset(s->out, 0, (size_t)(n_out * width) * sizeof *s->out);
    return true;
}

bool system_copy(Solver *sv, System *copy, const System *s, int n_out)
{
    size_t width = (size_t)s->width, rows = (size_t)s->n_row * width, n = (size_t)(n_out < 0 ? s->n_out : n_out) * width;
    int64_t *p = reserve(sv, 2 * width + n + rows);
    if (!p)
        return false;
    *copy = *s;
    copy->n_out = n_out < 0 ? s->n_out : n_out;
    copy->lo = p;
    copy->hi = p + width;
    copy->out = p + 2 * width;
    copy->row = copy->out + n;
    memcpy(copy->lo, s->lo, width * sizeof *p);
    memcpy(copy->hi, s->hi, width * sizeof *p);
    if (n_out < 0)
        memcpy(copy->out, s->out, n * sizeof *p);
    else
        memset(copy->out, 0, n * sizeof *p);
    memcpy(copy->row, s->row, rows * sizeof *p);
    return true;
}

int64_t *system_slot(Solver *sv, System *s)
{
    int64_t *slot = s->row + s->n_row * s->width;
    if (sv->work <= 0 || sv->end - slot < s->width) {
        s->is_relaxed = true;
        return NULL;
    }
    sv->work--;
    memset(slot, 0, (size_t)s->width * sizeof *slot);
    return slot;
}

/* ---- rows against the box ---- */

static bool add_product(int64_t *sum, int64_t c, int64_t x)
{
    int64_t product;
    return !__builtin_mul_overflow(c, x, &product) && !__builtin_add_overflow(*sum, product, sum);
}

bool row_value(const int64_t *r, const int64_t *x, int n_var, int64_t *value)
{
    *value = r[0];
    for (int j = 1; j <= n_var; j++)
        if (r[j] && !add_product(value, r[j], x[j]))
            return false;
    return true;
}

Range system_range(const System *s, const int64_t *r)
{
    Range g = {r[0], r[0]};
    bool has_min = true, has_max = true;
    for (int j = 1; j <= s->n_var; j++)
        if (r[j]) {
            int64_t at_min = r[j] > 0 ? s->lo[j] : s->hi[j], at_max = r[j] > 0 ? s->hi[j] : s->lo[j];
            has_min = has_min && at_min != SYS_INF && at_min != -SYS_INF && add_product(&g.min, r[j], at_min);
            has_max = has_max && at_max != SYS_INF && at_max != -SYS_INF && add_product(&g.max, r[j], at_max);
        }
    return (Range){has_min ? g.min : -SYS_INF, has_max ? g.max : SYS_INF};
}

/* What became of a row that was looked at. */
typedef enum Fate { FATE_Keep, FATE_Drop, FATE_Contradiction } Fate;

static Fate raise_lo(System *s, int j, int64_t v)
{
    if (v > s->lo[j]) {
        s->lo[j] = v;
        s->is_stale = true;
    }
    return s->lo[j] <= s->hi[j] ? FATE_Keep : FATE_Contradiction;
}

static Fate lower_hi(System *s, int j, int64_t v)
{
    if (v < s->hi[j]) {
        s->hi[j] = v;
        s->is_stale = true;
    }
    return s->lo[j] <= s->hi[j] ? FATE_Keep : FATE_Contradiction;
}

/* Fold pinned variables into the constant.  *n_left: variables the row still has; *last: one of them.  True: it changed. */
static bool fold(const System *s, int64_t *r, int *n_left, int *last)
{
    int n = 0;
    bool changed = false;
    for (int j = 1; j <= s->n_var; j++)
        if (r[j]) {
            int64_t constant = r[0];
            if (s->lo[j] == s->hi[j] && add_product(&constant, r[j], s->lo[j]) && constant <= SYS_LIMIT && constant >= -SYS_LIMIT) {
                r[0] = constant;
                r[j] = 0;
                changed = true;
            } else {
                n++;
                *last = j;
            }
        }
    *n_left = n;
    return changed;
}

static int64_t common_divisor(const int64_t *r, int n_var)
{
    uint64_t g = 0;
    for (int j = 1; j <= n_var && g != 1; j++)
        if (r[j])
            g = gcd_u64(g, abs_u64(r[j]));
    return (int64_t)g;
}

static void divide(int64_t *r, int64_t g, int n_var)
{
    for (int j = 1; j <= n_var; j++)
        r[j] /= g;
    r[0] = floor_div(r[0], g);
}

/* What a row says about its box: the largest and smallest value over it, without the one variable `open` that is unbounded upwards. */
typedef struct Reach {
    int64_t max, min;
    int64_t widest;             /* largest contribution of one variable to max - min; SYS_INF: unbounded */
    int  n_var, last;           /* variables that are not pinned; one of them */
    int  n_open, open;          /* n_open > 1: max means nothing */
    bool has_min, has_unit, has_folded;
} Reach;

static Reach reach(const System *s, int64_t *r)
{
    Reach e = {.max = r[0], .min = r[0], .has_min = true};
    for (int j = 1; j <= s->n_var; j++) {
        int64_t c = r[j], lo = s->lo[j], hi = s->hi[j], at_lo = 0, at_hi = 0;
        if (c == 0)
            continue;
        if (lo == hi) {
            int64_t constant = r[0];
            if (add_product(&constant, c, lo) && constant <= SYS_LIMIT && constant >= -SYS_LIMIT) {
                e.max += constant - r[0];
                e.min += constant - r[0];
                r[0] = constant;
                r[j] = 0;
                e.has_folded = true;
                continue;
            }
        }
        e.n_var++;
        e.last = j;
        e.has_unit |= c == 1 || c == -1;
        bool has_lo = lo != -SYS_INF && !__builtin_mul_overflow(c, lo, &at_lo), has_hi = hi != SYS_INF && !__builtin_mul_overflow(c, hi, &at_hi);
        bool has_max = c > 0 ? has_hi : has_lo;
        e.has_min = e.has_min && (c > 0 ? has_lo : has_hi) && !__builtin_add_overflow(e.min, c > 0 ? at_lo : at_hi, &e.min);
        if (!has_max) {
            e.n_open += hi == SYS_INF || lo == -SYS_INF ? 1 : 2;
            e.open = j;
        } else if (__builtin_add_overflow(e.max, c > 0 ? at_hi : at_lo, &e.max)) {
            e.n_open = 2;
        }
        int64_t width = 0;
        if (!has_lo || !has_hi || __builtin_sub_overflow(at_hi, at_lo, &width))
            e.widest = SYS_INF;
        else if ((width = width < 0 ? -width : width) > e.widest)
            e.widest = width;
    }
    return e;
}

/* Each variable may give up no more than what the others leave at best. */
static Fate narrow_by(System *s, const int64_t *r, const Reach *e)
{
    for (int j = 1; j <= s->n_var; j++) {
        int64_t c = r[j], v;
        if (c == 0 || (e->n_open == 1 && j != e->open))
            continue;
        if (e->n_open == 1) {
            if (e->max == INT64_MIN)
                continue;
            v = c > 0 ? ceil_div(-e->max, c) : floor_div(e->max, -c);
        } else if (c > 0 ? __builtin_sub_overflow(s->hi[j], floor_div(e->max, c), &v) : __builtin_add_overflow(s->lo[j], floor_div(e->max, -c), &v)) {
            continue;
        }
        if (v > SYS_LIMIT || v < -SYS_LIMIT)
            continue;
        Fate f = c > 0 ? raise_lo(s, j, v) : lower_hi(s, j, v);
        if (f == FATE_Contradiction)
            return f;
    }
    return FATE_Keep;
}

static Fate settle(System *s, int64_t *r, bool is_new)
{
    Reach e = reach(s, r);
    if (e.n_var == 0)
        return r[0] >= 0 ? FATE_Drop : FATE_Contradiction;
    if ((is_new || e.has_folded) && !e.has_unit) {
        int64_t g = common_divisor(r, s->n_var);
        if (g > 1) {
            divide(r, g, s->n_var);
            e = reach(s, r);
        }
    }
    if (e.n_var == 1) {
        Fate f = r[e.last] > 0 ? raise_lo(s, e.last, -r[0]) : lower_hi(s, e.last, r[0]);
        return f == FATE_Keep ? FATE_Drop : f;
    }
    if (e.has_min && e.min >= 0)
        return FATE_Drop;
    if (e.n_open > 1)
        return FATE_Keep;
    if (e.n_open == 0 && e.max < 0)
        return FATE_Contradiction;
    return e.n_open == 1 || e.widest > e.max ? narrow_by(s, r, &e) : FATE_Keep;
}

static void drop_row(System *s, int i)
{
    s->n_row--;
    if (i < s->n_row)
        memcpy(s->row + i * s->width, s->row + s->n_row * s->width, (size_t)s->width * sizeof *s->row);
}

/* Compare a new row with those of parallel coefficients. */
static Fate compare_parallel(System *s, const int64_t *r)
{
    for (int i = 0; i < s->n_row; i++) {
        int64_t *other = s->row + i * s->width;
        bool same = true, opposite = true;
        for (int j = 1; j <= s->n_var && (same || opposite); j++) {
            same &= other[j] == r[j];
            opposite &= other[j] == -r[j];
        }
        if (same) {
            other[0] = r[0] < other[0] ? r[0] : other[0];
            return FATE_Drop;
        }
        if (opposite && other[0] + r[0] < 0)
            return FATE_Contradiction;
    }
    return FATE_Keep;
}

void system_push(Solver *sv, System *s)
{
    s->n_row++;
    sv->top = s->row + s->n_row * s->width;
}

Sat system_keep(Solver *sv, System *s)
{
    int64_t *r = s->row + s->n_row * s->width;
    Fate f = settle(s, r, true);
    if (f == FATE_Keep) {
        sv->work -= s->n_row / 4;
        f = compare_parallel(s, r);
    }
    if (f == FATE_Keep)
        system_push(sv, s);
    return f == FATE_Contradiction ? SAT_No : SAT_Maybe;
}

void system_fold(const System *s, int64_t *r)
{
    int n, last;
    fold(s, r, &n, &last);
}

Sat system_narrow(Solver *sv, System *s)
{
    enum { MAX_PASSES = 3 };    /* narrowing may creep towards a contradiction one by one: elimination finds it then */
    for (int pass = 0; pass < MAX_PASSES && s->is_stale && sv->work > 0; pass++) {
        sv->work -= s->n_row;
        s->is_stale = false;
        for (int i = 0; i < s->n_row; i++) {
            Fate f = settle(s, s->row + i * s->width, false);
            if (f == FATE_Contradiction)
                return SAT_No;
            if (f == FATE_Drop)
                drop_row(s, i--);
        }
    }
    return SAT_Maybe;
}

/* Keep the columns in `kept` (ascending, column 0 first) of n rows, whose place may overlap. */
static int64_t *squeeze(int64_t *to, const int64_t *from, int n_rows, int width, const uint8_t *kept, int n_kept)
{
    for (int i = 0; i < n_rows; i++, from += width)
        for (int j = 0; j < n_kept; j++)
            *to++ = from[kept[j]];
    return to;
}

Sat system_tidy(Solver *sv, System *s)
{
    int n = s->n_row;
    sv->work -= n + n * n / 8;
    s->n_row = 0;
    s->is_stale = false;
    for (int i = 0; i < n; i++) {
        int64_t *r = s->row + s->n_row * s->width;
        if (i > s->n_row)
            memcpy(r, s->row + i * s->width, (size_t)s->width * sizeof *r);
        Fate f = settle(s, r, true);
        if (f == FATE_Keep)
            f = compare_parallel(s, r);
        if (f == FATE_Contradiction)
            return SAT_No;
        s->n_row += f == FATE_Keep;
    }
    if (system_narrow(sv, s) == SAT_No)
        return SAT_No;
    uint8_t kept[SYS_MAX_VAR + 1] = {0};
    int n_kept = 1, n_rows = s->n_out + s->n_row, n_param = 0;
    for (int i = 0; i < s->n_out; i++)
        system_fold(s, s->out + i * s->width);
    for (int j = 1; j <= s->n_var; j++) {
        int64_t any = 0;
        for (int i = 0; i < n_rows; i++)
            any |= i < s->n_out ? s->out[i * s->width + j] : s->row[(i - s->n_out) * s->width + j];
        if (any) {
            n_param += j <= s->n_param;
            kept[n_kept++] = (uint8_t)j;
        }
    }
    if (n_kept < s->width) {
        int64_t *p = squeeze(s->lo, s->lo, 1, s->width, kept, n_kept);
        int64_t *out = squeeze(p, s->hi, 1, s->width, kept, n_kept);
        int64_t *row = squeeze(out, s->out, s->n_out, s->width, kept, n_kept);
        squeeze(row, s->row, s->n_row, s->width, kept, n_kept);
        s->hi = p;
        s->out = out;
        s->row = row;
        s->width = n_kept;
        s->n_var = n_kept - 1;
        s->n_param = n_param;
    }
    sv->top = s->row + s->n_row * s->width;
    return SAT_Maybe;
}

/* ---- equations ---- */

/* x_k := by[0] + sum by[j]*x_j (by[k] may be 1: x_k stands for a new variable then).  False: does not fit. */
static bool replace_in(int64_t *r, int k, const int64_t *by, int width)
{
    int64_t f = r[k];
    if (f == 0)
        return true;
    r[k] = 0;
    for (int j = 0; j < width; j++)
        if (by[j] && (!add_product(&r[j], f, by[j]) || r[j] > SYS_LIMIT || r[j] < -SYS_LIMIT))
            return false;
    return true;
}

/* Add the row sign * (by - bound) >= 0: a bound of the variable that was replaced. */
static void push_bound(Solver *sv, System *s, const int64_t *by, int64_t bound, int sign)
{
    int64_t *r = system_slot(sv, s);
    if (!r)
        return;
    for (int j = 0; j < s->width; j++)
        r[j] = sign * by[j];
    if (row_add(r, 0, -sign * bound))
        system_push(sv, s);
    else
        s->is_relaxed = true;
}

/* Replace x_k everywhere.  False: an output does not fit. */
static bool replace(Solver *sv, System *s, int k, const int64_t *by)
{
    int64_t lo = s->lo[k], hi = s->hi[k];
    s->lo[k] = -SYS_INF;
    s->hi[k] = SYS_INF;
    for (int i = 0; i < s->n_out; i++)
        if (!replace_in(s->out + i * s->width, k, by, s->width))
            return false;
    for (int i = 0; i < s->n_row; i++)
        if (!replace_in(s->row + i * s->width, k, by, s->width)) {
            s->is_relaxed = true;
            drop_row(s, i--);
        }
    sv->top = s->row + s->n_row * s->width;
    if (lo != -SYS_INF)
        push_bound(sv, s, by, lo, 1);
    if (hi != SYS_INF)
        push_bound(sv, s, by, hi, -1);
    return true;
}

/* e / d to the nearest integer. */
static int64_t round_div(int64_t e, int64_t d)
{
    int64_t q = e / d, r = e % d;
    if (abs_u64(r) > abs_u64(d) / 2)
        q += (r < 0) == (d < 0) ? 1 : -1;
    return q;
}

Sat system_equate(Solver *sv, System *s, int64_t *e)
{
    for (;;) {
        int n, k = 0;
        fold(s, e, &n, &k);
        if (n == 0)
            return e[0] == 0 ? SAT_Yes : SAT_No;
        int64_t g = common_divisor(e, s->n_var);
        if (e[0] % g)
            return SAT_No;
        for (int j = 0; j <= s->n_var; j++) {
            e[j] /= g;
            if (j > 0 && e[j] && abs_u64(e[j]) < abs_u64(e[k]))
                k = j;
        }
        if (n == 1) {
            int64_t v = e[k] > 0 ? -e[0] : e[0];
            if (v < s->lo[k] || v > s->hi[k])
                return SAT_No;
            s->lo[k] = s->hi[k] = v;
            return SAT_Yes;
        }
        Range range = system_range(s, e);
        if (range.min > 0 || range.max < 0)
            return SAT_No;
        int64_t by[SYS_MAX_VAR + 1];
        bool is_unit = e[k] == 1 || e[k] == -1;
        for (int j = 0; j <= s->n_var; j++)
            by[j] = is_unit ? -e[k] * e[j] : -round_div(e[j], e[k]);
        by[k] = !is_unit;
        if (!replace(sv, s, k, by))
            return SAT_Maybe;
        if (is_unit)
            return SAT_Yes;
        if (!replace_in(e, k, by, s->width))
            return SAT_Maybe;
    }
}
