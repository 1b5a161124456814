/* tests/unit/test_depend_brute.c — dep_test() on random small pairs against the enumeration of all iterations.
 *
 * For every pair: each dependence of the record lies in a vector of the answer, each distance is true of all dependences of its
 * vector, an answer that calls itself exact has nothing that the record lacks, and dep_example() shows a true dependence.
 * Symbols are enumerated over a few values.  Then the shares of answers as exact as the record are printed, and must not fall.
 *
 * Usage: test_depend_brute [PAIRS [SEED [-v]]] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jit/depend/test.h"

enum { MAX_ITER = 400, MAX_COMMON = 4, MAX_KEYS = 81, UNBOUNDED_TRIES = 5 };

static uint64_t state;

static uint32_t random_u32(void)
{
    state += 0x9e3779b97f4a7c15u;
    uint64_t z = state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (uint32_t)(z >> 32);
}

static int64_t between(int64_t lo, int64_t hi)  { return lo + (int64_t)(random_u32() % (uint64_t)(hi - lo + 1)); }
static bool percent(int p)                      { return (int)(random_u32() % 100) < p; }

/* ---- random pairs ---- */

static int64_t small_coefficient(int range)
{
    return percent(60) ? between(-1, 1) : between(-range, range);
}

static void random_loop(DepPair *p, DepLoop *l, int level, int trips, bool triangular)
{
    l->n_upper = percent(2) ? 0 : percent(75) ? 1 : (int)between(2, 3);
    for (int u = 0; u < l->n_upper; u++) {
        DepBound *bound = &l->upper[u];
        memset(bound->c, 0, (size_t)level * sizeof *bound->c);
        memset(bound->sym, 0, (size_t)p->n_sym * sizeof *bound->sym);
        bound->scale = percent(85) ? 1 : between(2, 3);
        bound->c0 = percent(5) ? between(-3, 1) : bound->scale * between(0, trips - 1) + between(0, bound->scale - 1);
        for (int k = 0; k < level && triangular; k++)
            if (percent(35))
                bound->c[k] = percent(70) ? (percent(50) ? 1 : -1) : between(-2, 2);
        for (int k = 0; k < p->n_sym; k++)
            if (percent(50)) {
                bound->sym[k] = percent(80) ? 1 : between(-2, 2);
                bound->c0 = between(-2, 1);
            }
    }
}

static void random_equation(DepPair *p, DepEq *eq, int flavour)
{
    int64_t unit = 1;
    eq->lo = eq->hi = 0;
    memset(eq->a, 0, (size_t)p->n_a * sizeof *eq->a);
    memset(eq->b, 0, (size_t)p->n_b * sizeof *eq->b);
    memset(eq->sym, 0, (size_t)p->n_sym * sizeof *eq->sym);
    eq->c0 = percent(40) ? between(-1, 1) : between(-6, 6);
    if (percent(15)) {          /* bytes of elements of unlike size */
        unit = percent(50) ? 4 : between(1, 3);
        eq->lo = -between(0, unit);
        eq->hi = between(0, 2 * unit);
        eq->c0 = eq->c0 * unit + (percent(20) ? between(0, unit) : 0);
    }
    int n = p->n_a > p->n_b ? p->n_a : p->n_b;
    int64_t stride = 1;
    int chosen = n ? (int)between(0, n - 1) : 0, other = n ? (int)between(0, n - 1) : 0;
    for (int k = n - 1; k >= 0; k--) {
        int64_t a = 0, b = 0;
        switch (flavour) {
        case 0:                 /* separable: one loop, mostly the same multiple */
            if (k == chosen) {
                a = small_coefficient(4);
                b = percent(65) ? a : small_coefficient(4);
            }
            break;
        case 1:                 /* two loops: a of one, b of another */
            a = k == chosen ? small_coefficient(3) : 0;
            b = k == other ? small_coefficient(3) : 0;
            break;
        case 2:                 /* linear addresses */
            a = stride * (percent(85) ? 1 : between(-1, 2));
            b = percent(85) ? a : stride * between(-1, 2);
            stride *= between(2, 5);
            break;
        default:                /* anything */
            a = percent(60) ? small_coefficient(4) : 0;
            b = percent(50) ? a : percent(60) ? small_coefficient(4) : 0;
        }
        if (k < p->n_a)
            eq->a[k] = unit * a;
        if (k < p->n_b)
            eq->b[k] = unit * b;
    }
    for (int k = 0; k < p->n_sym; k++)
        if (percent(40))
            eq->sym[k] = unit * small_coefficient(2);
}

/* Multiply by a number so large that sums no longer fit, or nearly: the same dependences. */
static void enlarge(DepEq *eq, int n_a, int n_b)
{
    int64_t factor = percent(50) ? ((int64_t)1 << between(40, 59)) + between(-3, 3) : INT64_MAX / 6 - between(0, 100);
    int64_t lo, hi, c0, a[DEP_MAX_DEPTH], b[DEP_MAX_DEPTH];
    if (__builtin_mul_overflow(eq->lo, factor, &lo) || __builtin_mul_overflow(eq->hi, factor, &hi) || __builtin_mul_overflow(eq->c0, factor, &c0))
        return;
    for (int k = 0; k < n_a; k++)
        if (__builtin_mul_overflow(eq->a[k], factor, &a[k]))
            return;
    for (int k = 0; k < n_b; k++)
        if (__builtin_mul_overflow(eq->b[k], factor, &b[k]))
            return;
    eq->lo = lo;
    eq->hi = hi;
    eq->c0 = c0;
    memcpy(eq->a, a, (size_t)n_a * sizeof *a);
    memcpy(eq->b, b, (size_t)n_b * sizeof *b);
}

static void random_pair(DepPair *p)
{
    static const int trips[] = {0, 12, 6, 4, 3};
    memset(p, 0xa5, sizeof *p);         /* entries beyond those in use must not be read */
    p->n_common = (int)between(0, MAX_COMMON);
    p->n_a = p->n_common + (percent(30) ? (int)between(0, MAX_COMMON - p->n_common) : 0);
    p->n_b = p->n_common + (percent(30) ? (int)between(0, MAX_COMMON - p->n_common) : 0);
    p->n_sym = percent(20) ? (int)between(1, 2) : 0;
    for (int k = 0; k < p->n_sym; k++)
        p->sym_nonneg[k] = percent(50);
    int depth = p->n_a > p->n_b ? p->n_a : p->n_b;
    bool triangular = percent(40);
    for (int k = 0; k < p->n_a; k++)
        random_loop(p, &p->a[k], k, trips[depth], triangular);
    memcpy(p->b, p->a, (size_t)p->n_common * sizeof *p->a);
    for (int k = p->n_common; k < p->n_b; k++)
        random_loop(p, &p->b[k], k, trips[depth], triangular);
    p->n_eq = percent(2) ? 0 : (int)between(1, depth > 2 ? 3 : 2);
    int flavour = (int)between(0, 5);
    if (flavour == 2)
        p->n_eq = 1;
    for (int e = 0; e < p->n_eq; e++) {
        random_equation(p, &p->eq[e], flavour == 4 ? (int)between(0, 3) : flavour == 5 ? 0 : flavour);
        if (percent(3) && p->n_sym == 0)
            enlarge(&p->eq[e], p->n_a, p->n_b);
    }
}

/* ---- the record ---- */

typedef struct Iterations {
    int     n;
    int64_t t[MAX_ITER][DEP_MAX_DEPTH];
} Iterations;

/* False: too many to enumerate. */
static bool enumerate(const DepPair *p, const DepLoop *loops, int n, int level, int64_t *t, const int64_t *sym, Iterations *out)
{
    if (level == n) {
        if (out->n == MAX_ITER)
            return false;
        memcpy(out->t[out->n++], t, sizeof out->t[0]);
        return true;
    }
    int64_t last = UNBOUNDED_TRIES - 1;
    for (int u = 0; u < loops[level].n_upper; u++) {
        const DepBound *bound = &loops[level].upper[u];
        int64_t v = bound->c0;
        for (int k = 0; k < level; k++)
            v += bound->c[k] * t[k];
        for (int k = 0; k < p->n_sym; k++)
            v += bound->sym[k] * sym[k];
        v = v < 0 ? -1 : v / bound->scale;
        last = u == 0 || v < last ? v : last;
    }
    for (t[level] = 0; t[level] <= last; t[level]++)
        if (!enumerate(p, loops, n, level + 1, t, sym, out))
            return false;
    return true;
}

typedef struct Record {
    bool    seen[MAX_KEYS];             /* single vectors, as numbers of base 3: < 0, = 1, > 2 */
    int64_t first[MAX_KEYS][MAX_COMMON], last[MAX_KEYS][MAX_COMMON];    /* distances */
    int     n;
} Record;

static bool meets(const DepPair *p, const int64_t *t_a, const int64_t *t_b, const int64_t *sym)
{
    for (int e = 0; e < p->n_eq; e++) {
        const DepEq *eq = &p->eq[e];
        __int128 v = eq->c0;
        for (int k = 0; k < p->n_a; k++)
            v += (__int128)eq->a[k] * t_a[k];
        for (int k = 0; k < p->n_b; k++)
            v -= (__int128)eq->b[k] * t_b[k];
        for (int k = 0; k < p->n_sym; k++)
            v += (__int128)eq->sym[k] * sym[k];
        if (v < eq->lo || v > eq->hi)
            return false;
    }
    return true;
}

static bool record_symbols(const DepPair *p, int s, int64_t *sym, Record *r)
{
    static Iterations a, b;
    int64_t t[DEP_MAX_DEPTH] = {0};
    if (s < p->n_sym) {
        for (sym[s] = p->sym_nonneg[s] ? 0 : -2; sym[s] <= 4; sym[s]++)
            if (!record_symbols(p, s + 1, sym, r))
                return false;
        return true;
    }
    a.n = b.n = 0;
    if (!enumerate(p, p->a, p->n_a, 0, t, sym, &a) || !enumerate(p, p->b, p->n_b, 0, t, sym, &b))
        return false;
    for (int i = 0; i < a.n; i++)
        for (int j = 0; j < b.n; j++) {
            if (!meets(p, a.t[i], b.t[j], sym))
                continue;
            int key = 0;
            for (int k = 0; k < p->n_common; k++)
                key = key * 3 + (b.t[j][k] > a.t[i][k] ? 0 : b.t[j][k] == a.t[i][k] ? 1 : 2);
            for (int k = 0; k < p->n_common; k++) {
                int64_t d = b.t[j][k] - a.t[i][k];
                if (!r->seen[key] || d < r->first[key][k])
                    r->first[key][k] = d;
                if (!r->seen[key] || d > r->last[key][k])
                    r->last[key][k] = d;
            }
            r->n += !r->seen[key];
            r->seen[key] = true;
        }
    return true;
}

/* ---- comparison ---- */

static int power3(int n)
{
    int v = 1;
    while (n-- > 0)
        v *= 3;
    return v;
}

static bool covers(const DepVec *v, int key, int n_common)
{
    for (int k = n_common - 1; k >= 0; k--, key /= 3)
        if (!(v->dir[k] >> (key % 3) & 1))
            return false;
    return true;
}

static void print_pair(const DepPair *p, const DepAnswer *ans)
{
    char text[DEP_VEC_TEXT_MAX];
    printf("common %d, A %d, B %d, symbols %d\n", p->n_common, p->n_a, p->n_b, p->n_sym);
    for (int side = 0; side < 2; side++)
        for (int k = side ? p->n_common : 0; k < (side ? p->n_b : p->n_a); k++) {
            const DepLoop *l = side ? &p->b[k] : &p->a[k];
            printf("  %s%d:", k < p->n_common ? "t" : side ? "B" : "A", k);
            for (int u = 0; u < l->n_upper; u++) {
                printf("  %lld*t <= %lld", (long long)l->upper[u].scale, (long long)l->upper[u].c0);
                for (int j = 0; j < k; j++)
                    printf(" %+lld*t%d", (long long)l->upper[u].c[j], j);
                for (int j = 0; j < p->n_sym; j++)
                    printf(" %+lld*s%d", (long long)l->upper[u].sym[j], j);
            }
            printf("\n");
        }
    for (int e = 0; e < p->n_eq; e++) {
        const DepEq *eq = &p->eq[e];
        printf("  %lld <= %lld", (long long)eq->lo, (long long)eq->c0);
        for (int k = 0; k < p->n_a; k++)
            printf(" %+lld*A%d", (long long)eq->a[k], k);
        for (int k = 0; k < p->n_b; k++)
            printf(" -(%lld)*B%d", (long long)eq->b[k], k);
        for (int k = 0; k < p->n_sym; k++)
            printf(" %+lld*s%d", (long long)eq->sym[k], k);
        printf(" <= %lld\n", (long long)eq->hi);
    }
    printf("  answer (%s, %s):", dep_test_name(ans->test), ans->is_exact ? "exact" : "maybe");
    for (int i = 0; i < ans->n_vec; i++)
        printf(" %s", dep_vec_text(text, &ans->vec[i], p->n_common));
    printf("\n");
}

static int n_failed;

static void fail(const DepPair *p, const DepAnswer *ans, const char *what, int64_t number)
{
    if (n_failed++ < 5) {
        printf("pair %lld: %s\n", (long long)number, what);
        print_pair(p, ans);
    }
}

/* What the record can say: [0] everything; [1] little where a loop has no bound, or [2] symbols are tried for a few values. */
enum { N_KINDS = 3 };
static const char *const kind_names[N_KINDS] = {"numbers", "unbounded loops", "symbols"};

typedef struct Tally {
    int64_t n, n_same;                  /* pairs; with the same set of single vectors as the record */
    int64_t n_independent, n_found;
    int64_t n_distance, n_told;         /* levels of '<' and '>' vectors with a single recorded distance; told */
    int64_t n_vec;
} Tally;

static Tally tallies[N_KINDS];
static int64_t n_example, n_shown, n_by_test[DEP_TEST_COUNT];
static bool is_verbose;

static bool is_unbounded(const DepPair *p)
{
    for (int k = 0; k < p->n_a; k++)
        if (p->a[k].n_upper == 0)
            return true;
    for (int k = p->n_common; k < p->n_b; k++)
        if (p->b[k].n_upper == 0)
            return true;
    return false;
}

static void compare(const DepPair *p, const DepAnswer *ans, const Record *r, int64_t number)
{
    int n_keys = power3(p->n_common), n_covered = 0, kind = p->n_sym ? 2 : is_unbounded(p) ? 1 : 0;
    Tally *tally = &tallies[kind];
    bool all_shown = true;
    if (ans->n_vec < 0 || ans->n_vec > DEP_MAX_VEC) {
        fail(p, ans, "number of vectors", number);
        return;
    }
    for (int key = 0; key < n_keys; key++) {
        bool covered = false;
        for (int i = 0; i < ans->n_vec; i++) {
            const DepVec *v = &ans->vec[i];
            if (!covers(v, key, p->n_common))
                continue;
            covered = true;
            for (int k = 0; k < p->n_common; k++)
                if (v->has_dist >> k & 1 && r->seen[key] && (r->first[key][k] != v->dist[k] || r->last[key][k] != v->dist[k]))
                    fail(p, ans, "distance", number);
        }
        if (r->seen[key] && !covered)
            fail(p, ans, "a dependence is missed", number);
        n_covered += covered;
        all_shown &= r->seen[key] || !covered;
    }
    if (ans->is_exact && !all_shown)
        fail(p, ans, "not exact", number);
    for (int i = 0; i < ans->n_vec; i++)
        for (int k = 0; k < p->n_common; k++) {
            const DepVec *v = &ans->vec[i];
            int64_t first = INT64_MAX, last = INT64_MIN;
            if (v->dir[k] == 0 || v->dir[k] > DIR_ANY)
                fail(p, ans, "an empty set of directions", number);
            for (int key = 0; key < n_keys; key++)
                if (r->seen[key] && covers(v, key, p->n_common)) {
                    first = r->first[key][k] < first ? r->first[key][k] : first;
                    last = r->last[key][k] > last ? r->last[key][k] : last;
                }
            if (first == last && first != 0) {
                tally->n_distance++;
                tally->n_told += v->has_dist >> k & 1;
            }
        }
    if (ans->n_vec && !p->n_sym && p->n_eq) {
        int64_t t_a[DEP_MAX_DEPTH], t_b[DEP_MAX_DEPTH];
        bool shown = dep_example(p, &ans->vec[0], t_a, t_b);
        int key = 0;
        for (int k = 0; k < p->n_common && shown; k++)
            key = key * 3 + (t_b[k] > t_a[k] ? 0 : t_b[k] == t_a[k] ? 1 : 2);
        if (shown && (!meets(p, t_a, t_b, NULL) || !covers(&ans->vec[0], key, p->n_common) || (kind == 0 && !r->seen[key])))
            fail(p, ans, "wrong example", number);
        n_example += ans->is_exact;
        n_shown += ans->is_exact && shown;
    }
    tally->n++;
    tally->n_same += n_covered == r->n;
    tally->n_independent += r->n == 0;
    tally->n_found += r->n == 0 && ans->n_vec == 0;
    tally->n_vec += ans->n_vec;
    n_by_test[ans->test]++;
    if (is_verbose && kind == 0 && n_covered != r->n)
        print_pair(p, ans);
}

static double share(int64_t part, int64_t whole)
{
    return whole ? 100.0 * (double)part / (double)whole : 100.0;
}

/* The share that must be reached, in percent. */
static void report(const char *what, int64_t part, int64_t whole, double least)
{
    printf(", %.3f %% of %lld %s", share(part, whole), (long long)whole, what);
    if (share(part, whole) < least) {
        printf(" (expected %.1f %%)", least);
        n_failed++;
    }
}

int main(int argc, char **argv)
{
    static const double least[N_KINDS][3] = {{99.9, 99.9, 94}, {90, 95, 70}, {80, 88, 50}};
    int64_t n = argc > 1 ? atoll(argv[1]) : 30000, n_skipped = 0;
    state = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    is_verbose = argc > 3;
    for (int64_t i = 0; i < n; i++) {
        static DepPair p;
        static Record r;
        DepAnswer ans;
        int64_t sym[DEP_MAX_SYM];
        random_pair(&p);
        memset(&r, 0, sizeof r);
        memset(&ans, 0xa5, sizeof ans);
        dep_test(&p, &ans);
        if (record_symbols(&p, 0, sym, &r))
            compare(&p, &ans, &r, i);
        else
            n_skipped++;
    }
    for (int kind = 0; kind < N_KINDS; kind++) {
        const Tally *t = &tallies[kind];
        printf("%s: %lld pairs, %.2f vectors each", kind_names[kind], (long long)t->n, t->n ? (double)t->n_vec / (double)t->n : 0.0);
        report("as exact as the record", t->n_same, t->n, least[kind][0]);
        report("independent ones found", t->n_found, t->n_independent, least[kind][1]);
        report("constant distances told", t->n_told, t->n_distance, least[kind][2]);
        printf("\n");
    }
    printf("examples");
    report("shown", n_shown, n_example, 99.9);
    printf("; %lld pairs too large to enumerate\n", (long long)n_skipped);
    for (int t = 0; t < DEP_TEST_COUNT; t++)
        printf("%s%s %lld", t ? ", " : "", dep_test_name((DepTest)t), (long long)n_by_test[t]);
    printf("\n");
    if (n_failed)
        printf("%d failures\n", n_failed);
    return n_failed != 0;
}
