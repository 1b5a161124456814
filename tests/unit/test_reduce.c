/* tests/unit/test_reduce.c — the canonical tree against a literal implementation of its rule, for every length up to 20,000 and
 * some beyond, whole, in pieces, and at a stride. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "interp/reduce_tree.h"

static int n_failed;

static void check(bool same, const char *what, int64_t n)
{
    if (!same && n_failed++ < 20)
        fprintf(stderr, "%s differs for n = %lld\n", what, (long long)n);
}

/* The rule of reduce_tree.h, word by word, for one type. */
#define LITERAL(T) \
    static T op_##T(T a, T b, bool mul) { return mul ? a * b : a + b; } \
    static T literal_chunk_##T(const T *x, int64_t n, bool mul) \
    { \
        T lane[32], identity = mul ? (T)1 : (T)-0.0; \
        for (int l = 0; l < 32; l++) \
            lane[l] = identity; \
        for (int64_t i = 0; i < 4096; i++) \
            lane[i % 32] = op_##T(lane[i % 32], i < n ? x[i] : identity, mul); \
        for (int half = 16; half >= 1; half /= 2) \
            for (int l = 0; l < half; l++) \
                lane[l] = op_##T(lane[l], lane[l + half], mul); \
        return lane[0]; \
    } \
    static T literal_##T(T s0, const T *x, int64_t n, bool mul) \
    { \
        if (n <= 128) { \
            for (int64_t i = 0; i < n; i++) \
                s0 = op_##T(s0, x[i], mul); \
            return s0; \
        } \
        T *level = malloc((size_t)n * sizeof(T)); \
        memcpy(level, x, (size_t)n * sizeof(T)); \
        do { \
            int64_t chunks = (n + 4095) / 4096; \
            for (int64_t c = 0; c < chunks; c++) \
                level[c] = literal_chunk_##T(level + c * 4096, n - c * 4096 < 4096 ? n - c * 4096 : 4096, mul); \
            n = chunks; \
        } while (n > 1); \
        T result = op_##T(s0, level[0], mul); \
        free(level); \
        return result; \
    }
LITERAL(double)
LITERAL(float)

static uint64_t random_state = 88172645463325252u;

static double random_number(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (double)(int64_t)random_state * 0x1p-63;
}

enum { N = 20000, BIG = 4096 * 4096 + 12345 };

static void check_length(const double *x, const double *strided, const float *f, int64_t n)
{
    for (int mul = 0; mul < 2; mul++) {
        double s0 = mul ? 1.0 : 0.0, want = literal_double(s0, x, n, mul), got;
        float s0f = (float)s0, wantf = literal_float(s0f, f, n, mul), gotf;
        got = tree_run(mul ? TREE_Mul : TREE_Add, DT_F64, &s0, (const char *)x, 8, n).f64[0];
        check(memcmp(&got, &want, 8) == 0, mul ? "float64 product" : "float64 sum", n);
        got = tree_run(mul ? TREE_Mul : TREE_Add, DT_F64, &s0, (const char *)strided, 24, n).f64[0];
        check(memcmp(&got, &want, 8) == 0, "strided", n);
        gotf = tree_run(mul ? TREE_Mul : TREE_Add, DT_F32, &s0f, (const char *)f, 4, n).f32[0];
        check(memcmp(&gotf, &wantf, 4) == 0, mul ? "float32 product" : "float32 sum", n);
    }
}

/* Pieces of any multiple of 32 elements give what the whole gives. */
static void check_pieces(const double *x, int64_t n)
{
    double s0 = 0.5, want = literal_double(s0, x, n, false);
    TreeState t;
    tree_begin(&t, TREE_Add, DT_F64, n, &s0, NULL);
    for (int64_t done = 0, piece; done < n; done += piece) {
        piece = 32 * (1 + (int64_t)(fabs(random_number()) * 300));
        if (piece > n - done)
            piece = n - done;
        tree_push(&t, x + done, piece);
    }
    double got = tree_end(&t).f64[0];
    check(memcmp(&got, &want, 8) == 0, "pieces", n);
}

/* A complex sum is two sums; columns reduced side by side give what each gives alone. */
static void check_complex(const double *x, int64_t n)
{
    double s0[2] = { 0.0, 0.0 };
    TreeValue z = tree_run(TREE_Add, DT_C128, s0, (const char *)x, 16, n);
    double re = tree_run(TREE_Add, DT_F64, s0, (const char *)x, 16, n).f64[0];
    double im = tree_run(TREE_Add, DT_F64, s0, (const char *)(x + 1), 16, n).f64[0];
    check(memcmp(&z.f64[0], &re, 8) == 0 && memcmp(&z.f64[1], &im, 8) == 0, "complex sum", n);
}

/* Sums of nothing but -0.0: only the start decides the sign. */
static void check_zeros(void)
{
    static double zeros[300];
    for (int i = 0; i < 300; i++)
        zeros[i] = -0.0;
    for (int n = 1; n < 300; n++) {
        double plus = 0.0, minus = -0.0;
        check(!signbit(tree_run(TREE_Add, DT_F64, &plus, (const char *)zeros, 8, n).f64[0]), "0.0 + -0.0 …", n);
        check(signbit(tree_run(TREE_Add, DT_F64, &minus, (const char *)zeros, 8, n).f64[0]), "-0.0 + -0.0 …", n);
    }
}

/* Least and greatest: in every place, and NaN wins. */
static void check_extremes(double *x)
{
    static const int64_t lengths[] = { 1, 2, 31, 32, 33, 128, 129, 4095, 4096, 4097, 10000 };
    for (size_t k = 0; k < COUNT_OF(lengths); k++) {
        int64_t n = lengths[k];
        for (int64_t at = 0; at < n; at += 1 + n / 50) {
            double old = x[at];
            x[at] = 1e9;
            check(tree_run(TREE_Max, DT_F64, NULL, (const char *)x, 8, n).f64[0] == 1e9, "max", n);
            x[at] = -1e9;
            check(tree_run(TREE_Min, DT_F64, NULL, (const char *)x, 8, n).f64[0] == -1e9, "min", n);
            x[at] = NAN;
            check(isnan(tree_run(TREE_Min, DT_F64, NULL, (const char *)x, 8, n).f64[0]), "min of NaN", n);
            check(isnan(tree_run(TREE_Max, DT_F64, NULL, (const char *)x, 8, n).f64[0]), "max of NaN", n);
            x[at] = old;
        }
    }
}

int main(void)
{
    double *x = malloc(BIG * sizeof *x), *strided = malloc(3 * N * sizeof *strided);
    float *f = malloc(N * sizeof *f);
    if (!x || !strided || !f)
        return 77;                              /* skipped */
    for (int64_t i = 0; i < BIG; i++)
        x[i] = random_number() * exp2(floor(random_number() * 20));
    for (int64_t i = 0; i < N; i++) {
        strided[3 * i] = x[i];
        strided[3 * i + 1] = strided[3 * i + 2] = NAN;
        f[i] = (float)x[i];
    }
    for (int64_t n = 0; n <= N; n += n < 9000 || n > 12200 ? 1 : 7)
        check_length(x, strided, f, n);
    for (int64_t n = 100; n < N; n += 97) {
        check_pieces(x, n);
        check_complex(x, n / 2);
    }
    check_pieces(x, 4096 * 4096);
    check_pieces(x, 4096 * 4096 + 1);
    check_pieces(x, BIG);
    check_zeros();
    check_extremes(x);
    free(x);
    free(strided);
    free(f);
    if (n_failed)
        fprintf(stderr, "%d failed\n", n_failed);
    return n_failed != 0;
}
