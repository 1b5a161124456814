/* tests/depend/isl_oracle.c — dep_test() against isl, direction by direction, on random affine pairs of realistic size.
 *
 * A pair is written as an isl set over both references' counters, with symbols as parameters.  For every single direction vector isl
 * says whether the set holds a point of it: none may be missed, an exact answer may have no other, and no point may differ from a
 * distance given.  What the brute-force test cannot enumerate lies here: long loops, symbols of any value, unbounded loops.
 *
 * Usage: isl_oracle [PAIRS [SEED]] */
#include <isl/constraint.h>
#include <isl/ctx.h>
#include <isl/options.h>
#include <isl/set.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jit/depend/test.h"

enum { MAX_COMMON = 3 };

static uint64_t state;

static uint32_t random_u32(void)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33);
}

static int64_t between(int64_t lo, int64_t hi)  { return lo + (int64_t)(random_u32() % (uint64_t)(hi - lo + 1)); }
static bool percent(int p)                      { return (int)(random_u32() % 100) < p; }

/* ---- random pairs ---- */

static void random_loop(const DepPair *p, DepLoop *loop, int level, int64_t size)
{
    loop->n_upper = percent(3) ? 0 : percent(85) ? 1 : 2;
    for (int u = 0; u < loop->n_upper; u++) {
        DepBound *bound = &loop->upper[u];
        *bound = (DepBound){.scale = percent(90) ? 1 : between(2, 5), .c0 = between(size / 2, size)};
        if (p->n_sym && percent(60)) {
            bound->c0 = between(-3, 1);
            bound->sym[between(0, p->n_sym - 1)] = 1;
        }
        if (level && percent(40))
            bound->c[between(0, level - 1)] = percent(80) ? (percent(50) ? 1 : -1) : between(-3, 3);
    }
}

static void random_pair(DepPair *p)
{
    static const int64_t sizes[] = {5, 20, 100, 1000, 100000};
    int64_t size = sizes[between(0, 4)], stride = 1;
    memset(p, 0, sizeof *p);
    p->n_common = (int)between(1, MAX_COMMON);
    p->n_a = p->n_common + (percent(25) ? 1 : 0);
    p->n_b = p->n_common + (percent(25) ? 1 : 0);
    p->n_sym = percent(40) ? (int)between(1, 2) : 0;
    p->sym_nonneg[0] = true;
    p->sym_nonneg[1] = percent(50);
    for (int k = 0; k < p->n_a; k++)
        random_loop(p, &p->a[k], k, size);
    memcpy(p->b, p->a, (size_t)p->n_common * sizeof *p->a);
    for (int k = p->n_common; k < p->n_b; k++)
        random_loop(p, &p->b[k], k, size);
    bool is_linear = percent(15);
    p->n_eq = is_linear ? 1 : (int)between(1, 3);
    for (int e = 0; e < p->n_eq; e++) {
        DepEq *eq = &p->eq[e];
        int64_t item = is_linear ? 8 : 1;
        eq->c0 = item * (percent(60) ? between(-2, 2) : between(-size, size));
        if (is_linear) {
            eq->lo = -(percent(50) ? 7 : 3);
            eq->hi = 7;
        } else if (percent(8)) {
            eq->hi = between(0, 3);
        }
        int deepest = p->n_a > p->n_b ? p->n_a : p->n_b;
        for (int k = deepest - 1; k >= 0; k--) {
            int64_t c = is_linear ? item * stride : percent(45) ? 0 : percent(75) ? 1 : between(-3, 3);
            int64_t d = percent(75) ? c : percent(50) ? 0 : is_linear ? 2 * c : between(-3, 3);
            if (k < p->n_a)
                eq->a[k] = c;
            if (k < p->n_b)
                eq->b[k] = d;
            stride = stride < INT64_MAX / (1000 * size) ? stride * size : 1;      /* room for a coefficient of several items */
        }
        for (int k = 0; k < p->n_sym; k++)
            eq->sym[k] = percent(25) ? between(-1, 1) : 0;
    }
}

/* ---- pair as text ---- */

static char text[8192];
static size_t length;

static void add(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void add(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    length += (size_t)vsnprintf(text + length, sizeof text - length, format, args);
    va_end(args);
}

static void add_terms(const int64_t *c, int n, char name)
{
    for (int k = 0; k < n; k++)
        if (c[k])
            add(" + %lld %c%d", (long long)c[k], name, k);
}

static void add_names(int n, char name)
{
    for (int k = 0; k < n; k++)
        add("%s%c%d", text[length - 1] == '[' ? "" : ", ", name, k);
}

static void add_loops(const DepPair *p, const DepLoop *loops, int n, char name)
{
    for (int k = 0; k < n; k++) {
        add(" and %c%d >= 0", name, k);
        for (int u = 0; u < loops[k].n_upper; u++) {
            const DepBound *bound = &loops[k].upper[u];
            add(" and %lld %c%d <= %lld", (long long)bound->scale, name, k, (long long)bound->c0);
            add_terms(bound->c, k, name);
            add_terms(bound->sym, p->n_sym, 's');
        }
    }
}

static isl_set *as_set(isl_ctx *ctx, const DepPair *p)
{
    length = 0;
    add("[");
    add_names(p->n_sym, 's');
    add("] -> { [");
    add_names(p->n_a, 'a');
    add_names(p->n_b, 'b');
    add("] : true");
    add_loops(p, p->a, p->n_a, 'a');
    add_loops(p, p->b, p->n_b, 'b');
    for (int k = 0; k < p->n_sym; k++)
        if (p->sym_nonneg[k])
            add(" and s%d >= 0", k);
    for (int e = 0; e < p->n_eq; e++) {
        int64_t minus[DEP_MAX_DEPTH];
        const DepEq *eq = &p->eq[e];
        for (int k = 0; k < p->n_b; k++)
            minus[k] = -eq->b[k];
        add(" and %lld <= %lld", (long long)eq->lo, (long long)eq->c0);
        add_terms(eq->a, p->n_a, 'a');
        add_terms(minus, p->n_b, 'b');
        add_terms(eq->sym, p->n_sym, 's');
        add(" <= %lld", (long long)eq->hi);
    }
    add(" }");
    return isl_set_read_from_str(ctx, text);
}

/* set with sign * (b_k - a_k) >= least */
static isl_set *beyond(isl_set *set, const DepPair *p, int k, int sign, int64_t least)
{
    isl_constraint *c = isl_constraint_alloc_inequality(isl_local_space_from_space(isl_set_get_space(set)));
    c = isl_constraint_set_coefficient_si(c, isl_dim_set, p->n_a + k, sign);
    c = isl_constraint_set_coefficient_si(c, isl_dim_set, k, -sign);
    c = isl_constraint_set_constant_si(c, (int)-least);
    return isl_set_add_constraint(set, c);
}

/* ---- comparison ---- */

static int n_failed;
static int64_t n_pairs, n_same, n_exact_claims, n_too_large;

static void fail(const DepPair *p, const DepAnswer *ans, const char *what, int64_t number)
{
    char vec[DEP_VEC_TEXT_MAX];
    if (n_failed++ >= 5)
        return;
    printf("pair %lld: %s: %s\n  %s:", (long long)number, what, text, dep_test_name(ans->test));
    for (int i = 0; i < ans->n_vec; i++)
        printf(" %s", dep_vec_text(vec, &ans->vec[i], p->n_common));
    printf("\n");
}

static void compare(isl_ctx *ctx, const DepPair *p, const DepAnswer *ans, int64_t number)
{
    isl_set *all = as_set(ctx, p);
    bool same = true, all_occur = true;
    int n_keys = 1;
    for (int k = 0; k < p->n_common; k++)
        n_keys *= 3;
    for (int key = 0; key < n_keys; key++) {
        isl_set *set = isl_set_copy(all);
        int dir[MAX_COMMON], rest = key;
        for (int k = 0; k < p->n_common; k++, rest /= 3) {
            dir[k] = 1 << rest % 3;
            if (dir[k] == DIR_EQ)
                set = beyond(beyond(set, p, k, 1, 0), p, k, -1, 0);
            else
                set = beyond(set, p, k, dir[k] == DIR_LT ? 1 : -1, 1);
        }
        bool occurs = isl_set_is_empty(set) == isl_bool_false, covered = false;
        for (int i = 0; i < ans->n_vec; i++) {
            const DepVec *v = &ans->vec[i];
            bool covers = true;
            for (int k = 0; k < p->n_common; k++)
                covers &= (v->dir[k] & dir[k]) != 0;
            covered |= covers;
            for (int k = 0; k < p->n_common && covers && occurs; k++)
                for (int sign = 1; sign >= -1 && v->has_dist >> k & 1; sign -= 2) {
                    isl_set *other = beyond(isl_set_copy(set), p, k, sign, sign * v->dist[k] + 1);
                    if (isl_set_is_empty(other) != isl_bool_true)
                        fail(p, ans, "distance", number);
                    isl_set_free(other);
                }
        }
        isl_set_free(set);
        if (occurs && !covered)
            fail(p, ans, "a dependence is missed", number);
        same &= occurs == covered;
        all_occur &= occurs || !covered;
    }
    if (!all_occur && (ans->is_exact || ans->is_stable))
        fail(p, ans, "not exact", number);
    n_pairs++;
    n_same += same;
    n_exact_claims += ans->is_exact || ans->is_stable;
    n_too_large += ans->test == DEP_TooLarge;
    isl_set_free(all);
}

int main(int argc, char **argv)
{
    int64_t n = argc > 1 ? atoll(argv[1]) : 3000;
    isl_ctx *ctx = isl_ctx_alloc();
    isl_options_set_on_error(ctx, ISL_ON_ERROR_ABORT);
    state = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    for (int64_t i = 0; i < n; i++) {
        static DepPair p;
        DepAnswer ans;
        random_pair(&p);
        dep_test(&p, &ans);
        compare(ctx, &p, &ans, i);
    }
    isl_ctx_free(ctx);
    printf("%lld pairs, %.3f %% as exact as isl, %.2f %% known to be exact, %lld too large, %d failures\n", (long long)n_pairs,
           100.0 * (double)n_same / (double)n_pairs, 100.0 * (double)n_exact_claims / (double)n_pairs, (long long)n_too_large, n_failed);
    return n_failed || n_same * 1000 < n_pairs * 995;
}
