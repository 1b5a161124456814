/* interp/reduce_tree.c — kernels for reductions: every operation for every dtype, from one set of macros.
 *
 * Inner loops have a constant trip count of TREE_LANES, so that compilers turn them into vector code at -O2, without
 * reassociating anything: each lane is an accumulator of its own. */
#include "interp/reduce_tree.h"

#include "interp/elementwise.h"

/* ---- operations on two elements, as far as elementwise.h has not got them ------------------------------------------------ */

#define LESSER(S, T, U, BITS) static inline T least_##S(T a, T b)    { return b < a ? b : a; } \
                              static inline T greatest_##S(T a, T b) { return b > a ? b : a; }
EL_EACH_SIGNED(LESSER)
EL_EACH_UNSIGNED(LESSER)
#undef LESSER

/* Of equal elements, 0.0 and -0.0, the later one stays.  `|`, not `||`: both sides are always evaluated, so that the choice becomes
 * a blend. */
#define LESSER(S, T) static inline T least_##S(T a, T b)    { return ((a < b) | (a != a)) ? a : b; } \
                     static inline T greatest_##S(T a, T b) { return ((a > b) | (a != a)) ? a : b; }
LESSER(f32, float)
LESSER(f64, double)
#undef LESSER

#define add(S)      el_add_##S
#define mul(S)      el_mul_##S
#define least(S)    least_##S
#define greatest(S) greatest_##S
#define least_b1      el_mul_b1
#define greatest_b1   el_add_b1
#define least_c64     el_min_c64
#define greatest_c64  el_max_c64
#define least_c128    el_min_c128
#define greatest_c128 el_max_c128

/* ---- kernels -------------------------------------------------------------------------------------------------------- */

typedef void CombineFn(void *restrict acc, const void *restrict x, int64_t n);
typedef void RowsFn(void *restrict lanes, const void *restrict x, int64_t rows);

/* GCC keeps accumulators in registers only if told to unroll the loop over them (Clang does so unasked), but then finds no vector
 * code for a choice. */
#ifdef __clang__
#define UNROLL_add
#define UNROLL_mul
#else
#define UNROLL_add _Pragma("GCC unroll 32")
#define UNROLL_mul _Pragma("GCC unroll 32")
#endif
#define UNROLL_least
#define UNROLL_greatest

/* Elements in memory: aligned to a byte, for arrays of host programs; may alias anything. */
#define UNALIGNED(T) typedef struct __attribute__((packed, may_alias)) { T v; } U;

/* combine: n elements side by side.  rows: rows * TREE_LANES elements into the lanes.  sequence: n elements into one.
 * scan: each of n elements takes in the one before it. */
#define KERNELS(op, S, T) \
    static void combine_##op##_##S(void *restrict acc, const void *restrict x, int64_t n) \
    { \
        UNALIGNED(T) \
        U *restrict a = acc; \
        const U *restrict b = x; \
        int64_t i = 0; \
        for (; i + TREE_LANES <= n; i += TREE_LANES) \
            for (int l = 0; l < TREE_LANES; l++) \
                a[i + l].v = op(S)(a[i + l].v, b[i + l].v); \
        for (; i < n; i++) \
            a[i].v = op(S)(a[i].v, b[i].v); \
    } \
    static void rows_##op##_##S(void *restrict lanes, const void *restrict x, int64_t rows) \
    { \
        UNALIGNED(T) \
        T lane[TREE_LANES]; \
        const U *restrict b = x; \
        memcpy(lane, lanes, sizeof lane); \
        for (int64_t r = 0; r < rows; r++, b += TREE_LANES) \
            UNROLL_##op for (int l = 0; l < TREE_LANES; l++) \
                lane[l] = op(S)(lane[l], b[l].v); \
        memcpy(lanes, lane, sizeof lane); \
    } \
    static void sequence_##op##_##S(void *restrict acc, const void *restrict x, int64_t n) \
    { \
        UNALIGNED(T) \
        T a = ((const U *)acc)->v; \
        const U *restrict b = x; \
        for (int64_t i = 0; i < n; i++) \
            a = op(S)(a, b[i].v); \
        ((U *)acc)->v = a; \
    } \
    static void scan_##op##_##S(void *x, int64_t n) \
    { \
        UNALIGNED(T) \
        U *a = x; \
        for (int64_t i = 1; i < n; i++) \
            a[i].v = op(S)(a[i - 1].v, a[i].v); \
    }

/* ORDER dtype */
#define EACH_TYPE(M, op) \
    M(op, b1, uint8_t) M(op, i8, int8_t) M(op, i16, int16_t) M(op, i32, int32_t) M(op, i64, int64_t) M(op, u8, uint8_t) \
    M(op, u16, uint16_t) M(op, u32, uint32_t) M(op, u64, uint64_t) M(op, f32, float) M(op, f64, double) M(op, c64, ElC64) \
    M(op, c128, ElC128)

EACH_TYPE(KERNELS, add)
EACH_TYPE(KERNELS, mul)
EACH_TYPE(KERNELS, least)
EACH_TYPE(KERNELS, greatest)

typedef struct Kernel {
    CombineFn *combine;
    RowsFn    *rows;
    CombineFn *sequence;
    void     (*scan)(void *x, int64_t n);
} Kernel;

/* ORDER tree op */
#define KERNEL_ROW(op, S, T) { combine_##op##_##S, rows_##op##_##S, sequence_##op##_##S, scan_##op##_##S },
static const Kernel kernels[TREE_OP_COUNT][DT_COUNT] = {
    { EACH_TYPE(KERNEL_ROW, add) },
    { EACH_TYPE(KERNEL_ROW, mul) },
    { EACH_TYPE(KERNEL_ROW, least) },
    { EACH_TYPE(KERNEL_ROW, greatest) },
};
static const uint8_t elem_size[DT_COUNT] = { 1, 1, 2, 4, 8, 1, 2, 4, 8, 4, 8, 8, 16 };

void tree_combine(TreeOp op, DType d, void *acc, const void *x, int64_t n)
{
    kernels[op][d].combine(acc, x, n);
}

void tree_sequence(TreeOp op, DType d, void *acc, const void *x, int64_t n)
{
    kernels[op][d].sequence(acc, x, n);
}

void tree_scan(TreeOp op, DType d, void *x, int64_t n)
{
    kernels[op][d].scan(x, n);
}

TreeValue tree_identity(TreeOp op, DType d, const void *some_element)
{
    TreeValue v = { .u64 = 0 };
    if (op == TREE_Min || op == TREE_Max) {
        memcpy(&v, some_element, elem_size[d]);
        return v;
    }
    bool one = op == TREE_Mul;
    switch (d) {
    case DT_F32: case DT_C64:
        v.f32[0] = one ? 1.0f : -0.0f;
        v.f32[1] = one ? 0.0f : -0.0f;
        break;
    case DT_F64: case DT_C128:
        v.f64[0] = one ? 1.0 : -0.0;
        v.f64[1] = one ? 0.0 : -0.0;
        break;
    case DT_I16: case DT_U16: { uint16_t x = one; memcpy(&v, &x, sizeof x); break; }
    case DT_I32: case DT_U32: { uint32_t x = one; memcpy(&v, &x, sizeof x); break; }
    case DT_I64: case DT_U64: v.u64 = one; break;
    case DT_Bool: case DT_I8: case DT_U8: case DT_COUNT: v.bytes[0] = one; break;
    }
    return v;
}

/* ---- levels --------------------------------------------------------------------------------------------------------- */

void tree_fold_rows(TreeOp op, DType d, void *lanes, int64_t width)
{
    char *lane = lanes;
    for (int half = TREE_LANES / 2; half >= 1; half /= 2)
        kernels[op][d].combine(lane, lane + (size_t)half * (size_t)width * elem_size[d], half * width);
}

void tree_fill(void *to, const void *value, size_t size, int64_t n)
{
    size_t done = size, all = size * (size_t)n;
    if (n <= 0)
        return;
    memcpy(to, value, size);
    for (; done < all; done *= 2)
        memcpy((char *)to + done, to, done < all - done ? done : all - done);
}

static void level_clear(TreeState *t, int level)
{
    tree_fill(t->lane[level], &t->identity, elem_size[t->dtype], TREE_LANES);
    t->count[level] = 0;
}

void tree_begin(TreeState *t, TreeOp op, DType d, int64_t n_total, const void *start, const void *some_element)
{
    t->op = op;
    t->dtype = d;
    t->n_total = n_total;
    t->has_start = start != NULL;
    if (start)
        memcpy(&t->result, start, elem_size[d]);
    if (op == TREE_Add || op == TREE_Mul || some_element)
        t->identity = tree_identity(op, d, some_element);
    t->n_levels = 0;
    if (n_total > TREE_PROGRAM)
        for (int64_t n = n_total; n > 1; n = n / TREE_CHUNK + (n % TREE_CHUNK != 0))
            level_clear(t, t->n_levels++);
}

static void level_flush(TreeState *t, int level);

/* The value of a chunk of a level goes to the next one, where it may complete a chunk in turn. */
static void level_give(TreeState *t, int level, const void *value)
{
    const Kernel *k = &kernels[t->op][t->dtype];
    size_t es = elem_size[t->dtype];
    if (level + 1 == t->n_levels) {         /* one value is left */
        if (t->has_start)
            k->combine(&t->result, value, 1);
        else
            memcpy(&t->result, value, es);
        return;
    }
    k->combine(t->lane[level + 1] + (size_t)(t->count[level + 1] % TREE_LANES) * es, value, 1);
    if (++t->count[level + 1] == TREE_CHUNK)
        level_flush(t, level + 1);
}

/* The chunk of a level is complete. */
static void level_flush(TreeState *t, int level)
{
    TreeValue v;
    tree_fold_rows(t->op, t->dtype, t->lane[level], 1);
    memcpy(&v, t->lane[level], elem_size[t->dtype]);
    level_clear(t, level);
    level_give(t, level, &v);
}

void tree_give_chunk(TreeState *t, const void *value)
{
    level_give(t, 0, value);
}

TreeValue tree_fold_chunks(TreeOp op, DType d, const void *chunks, int64_t n)
{
    const char *p = chunks;
    TreeState t;
    tree_begin(&t, op, d, n * TREE_CHUNK, NULL, NULL);
    for (int64_t i = 0; i < n; i++, p += elem_size[d])
        tree_give_chunk(&t, p);
    return tree_end(&t);
}

void tree_push(TreeState *t, const void *x, int64_t n)
{
    const Kernel *k = &kernels[t->op][t->dtype];
    size_t es = elem_size[t->dtype];
    const char *p = x;
    if (t->n_levels == 0) {
        if (n > 0 && !t->has_start) {
            memcpy(&t->result, p, es);
            t->has_start = true;
            p += es;
            n--;
        }
        k->sequence(&t->result, p, n);
        return;
    }
    while (n > 0) {
        int64_t take = n < TREE_CHUNK - t->count[0] ? n : TREE_CHUNK - t->count[0];
        int64_t rows = take / TREE_LANES, rest = take % TREE_LANES;
        k->rows(t->lane[0], p, rows);
        k->combine(t->lane[0], p + (size_t)(take - rest) * es, rest);
        t->count[0] += take;
        p += (size_t)take * es;
        n -= take;
        if (t->count[0] == TREE_CHUNK)
            level_flush(t, 0);
    }
}

TreeValue tree_end(TreeState *t)
{
    for (int level = 0; level < t->n_levels; level++)
        if (t->count[level] > 0)
            level_flush(t, level);
    return t->result;
}

/* ---- whole runs ------------------------------------------------------------------------------------------------------ */

TreeValue tree_run(TreeOp op, DType d, const void *start, const char *p, int64_t stride, int64_t n)
{
    size_t es = elem_size[d];
    TreeState t;
    tree_begin(&t, op, d, n, start, p);
    if (stride == (int64_t)es) {
        tree_push(&t, p, n);
        return tree_end(&t);
    }
    _Alignas(16) char piece[TREE_GATHER * 16];
    for (int64_t done = 0; done < n; done += TREE_GATHER) {
        int64_t count = n - done < TREE_GATHER ? n - done : TREE_GATHER;
        switch (es) {
#define GATHER(size) case size: for (int64_t i = 0; i < count; i++, p += stride) memcpy(piece + i * size, p, size); break;
        GATHER(1) GATHER(2) GATHER(4) GATHER(8) GATHER(16)
#undef GATHER
        }
        tree_push(&t, piece, count);
    }
    return tree_end(&t);
}
