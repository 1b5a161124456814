/* tests/unit/test_depend.c — dep_test() on named cases: textbook examples of every test, and traps.
 *
 * A row gives loops and subscripts as text.  Loops: "i<=9; j<=i-1,m" (common, outermost first; several upper bounds by commas, "?" for
 * none known, "2*i<=9" for a scale), "A:u<=3" and "B:x<=3" around one reference alone.  Subscripts: "i+1, j | i, j" are A's
 * and B's; "-7..7 @ 8*i | 4*i" compares byte addresses.  Symbols are n, m (>= 0) and q (any integer). */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jit/depend/test.h"

typedef struct Row {
    const char *name, *loops, *subs, *vectors;
    DepTest test;
    bool is_exact;
} Row;

#define MAX "9223372036854775807"

static const Row rows[] = {
    /* ZIV */
    {"scalar", "i<=9", "0 | 0", "(*)", DEP_ZIV, true},
    {"two constants", "i<=9", "3 | 4", "", DEP_ZIV, true},
    {"scalar, one iteration", "i<=0", "0 | 0", "(=)", DEP_ZIV, true},
    {"no loops, same element", "", "5 | 5", "()", DEP_ZIV, true},
    {"second dimension differs", "i<=9", "i, 0 | i, 1", "", DEP_ZIV, true},
    {"extremes", "i<=9", MAX " | 0", "", DEP_ZIV, true},

    /* strong SIV */
    {"saxpy", "i<=999", "i | i", "(=)", DEP_StrongSIV, true},
    {"recurrence", "i<=999", "i+1 | i", "(1)", DEP_StrongSIV, true},
    {"anti", "i<=999", "i | i+1", "(-1)", DEP_StrongSIV, true},
    {"<= is not =: distance 0 only", "i<=999", "i+1 | i+1", "(=)", DEP_StrongSIV, true},
    {"distance beyond the loop", "i<=9", "i+10 | i", "", DEP_StrongSIV, true},
    {"distance at the last iteration", "i<=9", "i+9 | i", "(9)", DEP_StrongSIV, true},
    {"even against odd", "i<=99", "2*i | 2*i+1", "", DEP_StrongSIV, true},
    {"negative coefficient", "i<=99", "9-i | 7-i", "(-2)", DEP_StrongSIV, true},
    {"coefficients near the limit", "i<=99", MAX "*i | " MAX "*i", "(=)", DEP_StrongSIV, true},
    {"constants too far apart", "i<=9", "-1..0 @ " MAX "-i | i", "(*)", DEP_TooLarge, false},
    {"coefficient of INT64_MIN", "i<=99", "-9223372036854775808*i | -9223372036854775808*i", "(*)", DEP_TooLarge, false},
    {"one dimension of two is shifted", "i<=99; j<=99", "i+1, j | i, j", "(1, 0)", DEP_StrongSIV, true},
    {"(1, -1)", "i<=99; j<=99", "i+1, j | i, j+1", "(1, -1)", DEP_StrongSIV, true},
    {"matrix product", "i<=9; j<=9; k<=9", "i, j | i, j", "(=, =, *)", DEP_StrongSIV, true},
    {"shifted views", "i<=99", "i+200 | i", "", DEP_StrongSIV, true},
    {"while: unknown trip count", "i<=?", "i+1 | i", "(1)", DEP_StrongSIV, false},

    /* weak-zero SIV */
    {"first element", "i<=9", "i | 0", "(<=)", DEP_WeakZeroSIV, true},
    {"last element", "i<=9", "i | 9", "(>=)", DEP_WeakZeroSIV, true},
    {"in the middle", "i<=9", "i | 5", "(*)", DEP_WeakZeroSIV, true},
    {"beyond", "i<=9", "i | 10", "", DEP_WeakZeroSIV, true},
    {"pinned in B", "i<=9", "0 | i", "(>=)", DEP_WeakZeroSIV, true},
    {"no multiple", "i<=9", "2*i | 5", "", DEP_WeakZeroSIV, true},
    {"negative", "i<=9", "-3*i | -9", "(*)", DEP_WeakZeroSIV, true},
    {"huge stride hits one element", "i<=99", MAX "*i | 0", "(<=)", DEP_WeakZeroSIV, true},

    /* weak-crossing SIV */
    {"reversal crosses between iterations", "i<=9", "i | 9-i", "(!=)", DEP_WeakCrossingSIV, true},
    {"reversal crosses at an iteration", "i<=8", "i | 8-i", "(*)", DEP_WeakCrossingSIV, true},
    {"reversal misses", "i<=4", "i | 9-i", "", DEP_WeakCrossingSIV, true},
    {"crossing at the end", "i<=4", "i | 8-i", "(=)", DEP_WeakCrossingSIV, true},
    {"crossing at the start", "i<=4", "i | -i", "(=)", DEP_WeakCrossingSIV, true},
    {"odd sum of even", "i<=9", "2*i | 9-2*i", "", DEP_WeakCrossingSIV, true},

    /* exact SIV */
    {"y[2i] against y[i]", "i<=9", "2*i | i", "(<=)", DEP_ExactSIV, true},
    {"y[2i+1] against y[i]", "i<=9", "2*i+1 | i", "(<)", DEP_ExactSIV, true},
    {"3i against 2i+1", "i<=9", "3*i | 2*i+1", "(<=)", DEP_ExactSIV, true},
    {"only one solution", "i<=3", "3*i | 2*i+1", "(=)", DEP_ExactSIV, true},
    {"no divisor", "i<=9", "4*i | 6*i+1", "", DEP_ExactSIV, true},
    {"huge coprime coefficients", "i<=9", MAX "*i | 9223372036854775806*i", "(=)", DEP_ExactSIV, true},

    /* loops around one reference alone, RDIV */
    {"two loops over one array", "A:u<=9; B:x<=9", "u | x+5", "()", DEP_RDIV, true},
    {"two loops over its halves", "A:u<=9; B:x<=9", "u | x+10", "", DEP_RDIV, true},
    {"two loops, odd and even", "A:u<=9; B:x<=9", "2*u | 2*x+1", "", DEP_RDIV, true},
    {"own loop, one element", "i<=9; A:u<=9", "i, u | i, 3", "(=)", DEP_WeakZeroSIV, true},
    {"RDIV of common loops", "i<=9; j<=9", "i | j", "(*, *)", DEP_RDIV, true},
    {"RDIV out of range", "i<=9; j<=9", "i | j+10", "", DEP_Banerjee, true},
    {"Floyd-Warshall", "k<=9; i<=9; j<=9", "i, j | i, k", "(*, =, *)", DEP_RDIV, true},

    /* GCD and Banerjee */
    {"gcd", "i<=9; j<=9", "2*i+4*j | 2*i+6*j+1", "", DEP_GCD, true},
    {"Banerjee", "i<=9; j<=9", "i+j | i+j+50", "", DEP_Banerjee, true},
    {"linearised matrix", "i<=9; j<=9", "10*i+j | 10*i+j+1", "(0, -1) (-1, 9)", DEP_Banerjee, true},
    {"linearised matrix, inside", "i<=9; j<=8", "10*i+j | 10*i+j+1", "(0, -1)", DEP_Banerjee, true},
    {"diagonal", "i<=9; j<=9", "i+j | i+j", "(<, >) (=, =) (>, <)", DEP_Banerjee, true},

    /* coupled subscripts: Delta */
    {"a[i+1, i] against a[i, i+1]", "i<=9", "i+1, i | i, i+1", "", DEP_Delta, true},
    {"a[i, i] against a[i, i]", "i<=9", "i, i | i, i", "(=)", DEP_Delta, true},
    {"a[i, i] against a[1, i-1]", "i<=9", "i, i | 1, i-1", "(1)", DEP_Delta, true},
    {"transposition", "i<=9; j<=9", "i, j | j, i", "(<, >) (=, =) (>, <)", DEP_Delta, true},
    {"skewed", "i<=9; j<=9", "i+1, i+j | i, i+j", "(1, -1)", DEP_Delta, true},
    {"(i+j, i-j): parities exclude a neighbour", "i<=9; j<=9", "i+j, i-j | i+j+1, i-j", "", DEP_Delta, true},

    /* bounds that depend on counters */
    {"triangular, own element", "i<=9; j<=i", "i, j | i, j", "(=, =)", DEP_Delta, true},
    {"triangular against diagonal above it", "i<=9; j<=i-1", "i, j | i, i", "", DEP_Delta, true},
    {"lower against upper triangle", "i<=9; j<=i-1", "i, j | j, i", "", DEP_Delta, true},
    {"loop that never runs", "i<=9; j<=-1", "i, j | i, j", "", DEP_Bounds, true},
    {"triangle of no iterations", "i<=3; j<=i-4", "i, j | i, j", "", DEP_Delta, true},
    {"several upper bounds", "i<=20,9,30", "i+10 | i", "", DEP_StrongSIV, true},
    {"scaled bound", "2*i<=19", "i+10 | i", "", DEP_StrongSIV, true},
    {"trapezoid", "i<=9; j<=i+2,5", "j | j+6", "", DEP_Banerjee, true},
    {"LU: a[i,j] against a[i,k]", "k<=9; i<=8-k; j<=8-k", "k+i+1, k+j+1 | k+i+1, k", "(<, >, *)", DEP_Delta, true},
    {"real but no integer points (Pugh 1991)", "A:u<=99; A:v<=99", "27..45 @ 11*u+13*v, -10..4 @ 7*u-9*v | 0, 0", "", DEP_FourierMotzkin, true},
    {"an integer point between (Pugh 1991)", "A:u<=99; A:v<=99", "27..46 @ 11*u+13*v, -10..5 @ 7*u-9*v | 0, 0", "()", DEP_FourierMotzkin, true},

    /* bytes */
    {"int32 seen as int64", "i<=9", "-3..7 @ 8*i | 4*i", "(<=)", DEP_ExactSIV, true},
    {"bytes of the same element", "i<=9", "-7..7 @ 8*i | 8*i", "(=)", DEP_StrongSIV, true},
    {"shifted by half an element", "i<=9", "-7..7 @ 8*i | 8*i+4", "(>=)", DEP_StrongSIV, true},
    {"bytes of a matrix", "i<=9; j<=9; k<=9", "-7..7 @ 80*i+8*j | 80*i+8*j", "(=, =, *)", DEP_Banerjee, true},
    {"bytes, rows that do not overlap", "i<=9; j<=3", "-7..7 @ 80*i+8*j | 80*i+8*j+40", "", DEP_Banerjee, true},

    /* symbols */
    {"a[i] against a[i+n], i < n", "i<=n-1", "i | i+n", "", DEP_StrongSIV, true},
    {"a[i] against a[i+n], i <= n", "i<=n", "i | i+n", "(>=)", DEP_StrongSIV, false},
    {"saxpy of unknown length", "i<=n-1", "i | i", "(=)", DEP_StrongSIV, false},
    {"unknown offset", "i<=n-1", "i | i+q", "(*)", DEP_StrongSIV, false},
    {"even and odd, unknown length and offset", "i<=n-1", "2*i+2*q | 2*i+1", "", DEP_GCD, true},
    {"halves of unknown length", "A:u<=n-1; B:x<=m-1", "u | n+x", "", DEP_RDIV, true},
    {"symbols that cancel", "i<=9", "i+n | i+n", "(=)", DEP_StrongSIV, true},
    {"matrix product of unknown size", "i<=n-1; j<=m-1; k<=n-1", "i, j | i, j", "(=, =, *)", DEP_StrongSIV, false},
    {"constant symbol", "i<=9", "n | n+1", "", DEP_ZIV, true},

    /* nothing known */
    {"no equation", "i<=9; j<=0", "", "(*, =)", DEP_Unknown, false},
};

/* ---- text to pair ---- */

typedef struct Side { int64_t c0, counter[DEP_MAX_DEPTH], sym[DEP_MAX_SYM]; } Side;

static const char *at;
static char counters[2][DEP_MAX_DEPTH + 1];     /* names of A's and B's loops */
static const char symbols[] = "nmq";

static void blanks(void)
{
    while (*at == ' ')
        at++;
}

static bool accept(const char *s)
{
    blanks();
    if (strncmp(at, s, strlen(s)) != 0)
        return false;
    at += strlen(s);
    return true;
}

/* term = [number] ["*"] [name]; false: no term here */
static bool parse_term(int side, int64_t sign, Side *e)
{
    int64_t c = sign;
    bool has_number = false;
    blanks();
    if (isdigit((unsigned char)*at)) {
        char *end;
        /* "-9223372036854775808" needs its sign. */
        c = (int64_t)(strtoull(at, &end, 10) * (uint64_t)sign);
        at = end;
        has_number = true;
        if (!accept("*")) {
            e->c0 += c;
            return true;
        }
    }
    const char *counter = *at ? strchr(counters[side], *at) : NULL, *symbol = *at ? strchr(symbols, *at) : NULL;
    if (counter)
        e->counter[counter - counters[side]] += c;
    else if (symbol)
        e->sym[symbol - symbols] += c;
    else
        return has_number;
    at++;
    return true;
}

static Side parse_side(int side)
{
    Side e = {0};
    int64_t sign = accept("-") ? -1 : 1;
    while (parse_term(side, sign, &e)) {
        if (accept("+"))
            sign = 1;
        else if (accept("-"))
            sign = -1;
        else
            break;
    }
    return e;
}

static void parse_loop(DepPair *p)
{
    int first = 0, last = 1;
    if (accept("A:"))
        last = 0;
    else if (accept("B:"))
        first = 1;
    int64_t scale = 1;
    blanks();
    if (isdigit((unsigned char)*at)) {
        scale = strtoll(at, NULL, 10);
        at = strchr(at, '*') + 1;
    }
    char name = *at++;
    if (!accept("<="))
        abort();
    DepLoop loop = {0};
    do {
        if (accept("?"))
            continue;
        Side e = parse_side(first);
        DepBound *bound = &loop.upper[loop.n_upper++];
        *bound = (DepBound){.scale = scale, .c0 = e.c0};
        memcpy(bound->c, e.counter, sizeof bound->c);
        memcpy(bound->sym, e.sym, sizeof bound->sym);
    } while (accept(","));
    if (first == 0 && last == 1)
        p->n_common++;
    for (int side = first; side <= last; side++) {
        int *n = side ? &p->n_b : &p->n_a;
        counters[side][*n] = name;
        *(side ? &p->b[*n] : &p->a[*n]) = loop;
        ++*n;
    }
}

static void parse_pair(const Row *row, DepPair *p)
{
    Side a[DEP_MAX_EQ];
    int n = 0, m = 0;
    int64_t lo[DEP_MAX_EQ] = {0}, hi[DEP_MAX_EQ] = {0};
    memset(p, 0, sizeof *p);
    memset(counters, 0, sizeof counters);
    p->n_sym = 3;
    p->sym_nonneg[0] = p->sym_nonneg[1] = true;
    for (at = row->loops; *at; accept(";"))
        parse_loop(p);
    for (at = row->subs; *at && !accept("|"); accept(",")) {
        const char *mark = strstr(at, "..");
        if (mark && mark < at + strcspn(at, ",|")) {
            char *end;
            lo[n] = strtoll(at, NULL, 10);
            hi[n] = strtoll(mark + 2, &end, 10);
            at = end;
            if (!accept("@"))
                abort();
        }
        a[n++] = parse_side(0);
    }
    for (; *at; accept(",")) {
        Side b = parse_side(1);
        DepEq *eq = &p->eq[m];
        eq->lo = lo[m];
        eq->hi = hi[m];
        eq->c0 = a[m].c0 - b.c0;
        for (int k = 0; k < DEP_MAX_DEPTH; k++) {
            eq->a[k] = a[m].counter[k];
            eq->b[k] = b.counter[k];
        }
        for (int k = 0; k < DEP_MAX_SYM; k++)
            eq->sym[k] = a[m].sym[k] - b.sym[k];
        m++;
    }
    p->n_eq = m;
    if (n != m)
        abort();
    /* Without symbols this is an execution. */
    bool has_symbol = false;
    for (const char *s = row->loops; *s; s++)
        has_symbol |= strchr(symbols, *s) != NULL;
    for (const char *s = row->subs; *s; s++)
        has_symbol |= strchr(symbols, *s) != NULL;
    if (!has_symbol)
        p->n_sym = 0;
}

/* ---- the rows ---- */

static int n_failed;

static void check_row(const Row *row)
{
    static DepPair p;
    DepAnswer ans;
    char text[DEP_MAX_VEC * (DEP_VEC_TEXT_MAX + 1)] = "", one[DEP_VEC_TEXT_MAX];
    parse_pair(row, &p);
    dep_test(&p, &ans);
    for (int i = 0; i < ans.n_vec; i++) {
        strcat(text, i ? " " : "");
        strcat(text, dep_vec_text(one, &ans.vec[i], p.n_common));
    }
    bool same = strcmp(text, row->vectors) == 0 && ans.test == row->test && ans.is_exact == row->is_exact;
    if (!same && ++n_failed)
        printf("%s: [%s] %s%s, expected [%s] %s%s\n", row->name, text, dep_test_name(ans.test), ans.is_exact ? ", exact" : "", row->vectors,
               dep_test_name(row->test), row->is_exact ? ", exact" : "");
    int64_t t_a[DEP_MAX_DEPTH], t_b[DEP_MAX_DEPTH];
    if (ans.is_exact && p.n_sym == 0 && !strstr(row->subs, MAX))      /* its numbers may be too large for an example */
        for (int i = 0; i < ans.n_vec; i++)
            if (!dep_example(&p, &ans.vec[i], t_a, t_b) && ++n_failed)
                printf("%s: no example for %s\n", row->name, dep_vec_text(one, &ans.vec[i], p.n_common));
}

/* The example that explanations show: the first iterations that do it. */
static void check_example(void)
{
    static const Row row = {"example", "i<=999; j<=i", "i+3, j | i, j+2"};
    static DepPair p;
    DepAnswer ans;
    int64_t t_a[DEP_MAX_DEPTH], t_b[DEP_MAX_DEPTH];
    parse_pair(&row, &p);
    dep_test(&p, &ans);
    bool shown = ans.n_vec == 1 && dep_example(&p, &ans.vec[0], t_a, t_b);
    if (!(shown && t_b[0] - t_a[0] == 3 && t_a[1] - t_b[1] == 2 && t_a[0] == 2 && t_b[1] == 0) && ++n_failed)
        printf("example: shown %d\n", shown);
}

/* Eight loops, everything coupled: the work is bounded, and the answer covers everything. */
static void check_bounded_work(void)
{
    static DepPair p;
    DepAnswer ans;
    memset(&p, 0, sizeof p);
    p.n_common = p.n_a = p.n_b = DEP_MAX_DEPTH;
    for (int k = 0; k < DEP_MAX_DEPTH; k++) {
        p.a[k].n_upper = 1;
        p.a[k].upper[0].scale = 1;
        p.a[k].upper[0].c0 = 50;
        if (k)
            p.a[k].upper[0].c[k - 1] = 1 - 2 * (k % 2);
        p.b[k] = p.a[k];
        p.eq[0].a[k] = 7 + 2 * k;
        p.eq[0].b[k] = 31 - 3 * k;
        p.eq[1].a[k] = 5 - k;
        p.eq[1].b[k] = 3 + k * k;
    }
    p.n_eq = 2;
    dep_test(&p, &ans);
    if ((ans.n_vec < 1 || ans.n_vec > DEP_MAX_VEC) && ++n_failed)
        printf("bounded work: %d vectors\n", ans.n_vec);
    int64_t t_a[DEP_MAX_DEPTH], t_b[DEP_MAX_DEPTH];
    dep_example(&p, &ans.vec[0], t_a, t_b);
}

int main(void)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        check_row(&rows[i]);
    check_example();
    check_bounded_work();
    printf("%d of %d rows failed\n", n_failed, (int)COUNT_OF(rows));
    return n_failed != 0;
}
