/* interp/ufunc_logic.c — comparisons, logical and bitwise functions, and tests of floats, element by element. */
#include "interp/ufunc_loops.h"

/* ---- comparisons --------------------------------------------------------------------------------------------------------- */
#define COMPARE_REAL(S, ...) \
LOOP2(equal_##S, S, b1, x == y) \
LOOP2(not_equal_##S, S, b1, x != y) \
LOOP2(less_##S, S, b1, x < y) \
LOOP2(less_equal_##S, S, b1, x <= y) \
LOOP2(greater_##S, S, b1, x > y) \
LOOP2(greater_equal_##S, S, b1, x >= y)
COMPARE_REAL(b1)
EACH_INT(COMPARE_REAL)
EACH_FLOAT(COMPARE_REAL)

#define COMPARE_COMPLEX(S, R, F) \
SLOW2(equal_##S, S, b1, el_eq_##S(x, y)) \
SLOW2(not_equal_##S, S, b1, !el_eq_##S(x, y)) \
SLOW2(less_##S, S, b1, el_lt_##S(x, y)) \
SLOW2(less_equal_##S, S, b1, el_le_##S(x, y)) \
SLOW2(greater_##S, S, b1, el_lt_##S(y, x)) \
SLOW2(greater_equal_##S, S, b1, el_le_##S(y, x))
EACH_COMPLEX(COMPARE_COMPLEX)

/* int64 with uint64, by value. */
#define COMPARE_MIXED(NAME, SU, US) \
SLOW2X(NAME##_su, i64, u64, b1, SU) \
SLOW2X(NAME##_us, u64, i64, b1, US)
COMPARE_MIXED(equal, el_eq_i64_u64(x, y), el_eq_i64_u64(y, x))
COMPARE_MIXED(not_equal, !el_eq_i64_u64(x, y), !el_eq_i64_u64(y, x))
COMPARE_MIXED(less, el_lt_i64_u64(x, y), !el_le_i64_u64(y, x))
COMPARE_MIXED(less_equal, el_le_i64_u64(x, y), !el_lt_i64_u64(y, x))
COMPARE_MIXED(greater, !el_le_i64_u64(x, y), el_lt_i64_u64(y, x))
COMPARE_MIXED(greater_equal, !el_lt_i64_u64(x, y), el_le_i64_u64(y, x))

/* ---- truth ----------------------------------------------------------------------------------------------------------------- */
#define LOGICAL(S, TX, TY) \
LOOP2(logical_and_##S, S, b1, (int)(TX) & (int)(TY)) \
LOOP2(logical_or_##S, S, b1, (int)(TX) | (int)(TY)) \
LOOP2(logical_xor_##S, S, b1, (int)(TX) ^ (int)(TY)) \
LOOP1(logical_not_##S, S, b1, !(TX))
#define LOGICAL_REAL(S, ...) LOGICAL(S, x != 0, y != 0)
#define LOGICAL_COMPLEX(S, R, F) LOGICAL(S, el_truth_##S(x), el_truth_##S(y))
LOGICAL_REAL(b1)
EACH_INT(LOGICAL_REAL)
EACH_FLOAT(LOGICAL_REAL)
EACH_COMPLEX(LOGICAL_COMPLEX)

/* ---- bits ------------------------------------------------------------------------------------------------------------------ */
#define BITWISE(S) \
LOOP2(bitwise_and_##S, S, S, (V_##S)(x & y)) \
LOOP2(bitwise_or_##S, S, S, (V_##S)(x | y)) \
LOOP2(bitwise_xor_##S, S, S, (V_##S)(x ^ y))
#define BITS(S) \
BITWISE(S) \
LOOP1(invert_##S, S, S, (V_##S)~x) \
SLOW2(left_shift_##S, S, S, el_lshift_##S(x, y)) \
SLOW2(right_shift_##S, S, S, el_rshift_##S(x, y)) \
LOOP1(bitwise_count_##S, S, u8, (uint8_t)__builtin_popcountll((uint64_t)el_abs_##S(x) & UINT64_MAX >> (64 - 8 * sizeof x)))
BITWISE(b1)
LOOP1(invert_b1, b1, b1, !x)
EACH_INT(BITS)

/* ---- floats ----------------------------------------------------------------------------------------------------------------- */
#define FLOAT_TESTS(S, F) \
LOOP1(isnan_##S, S, b1, x != x) \
LOOP1(isinf_##S, S, b1, fabs##F(x) == (V_##S)INFINITY) \
LOOP1(isfinite_##S, S, b1, fabs##F(x) < (V_##S)INFINITY) \
LOOP1(signbit_##S, S, b1, signbit(x) != 0)
EACH_FLOAT(FLOAT_TESTS)

#define COMPLEX_TESTS(S, R, F) \
LOOP1(isnan_##S, S, b1, el_isnan_##S(x)) \
LOOP1(isinf_##S, S, b1, isinf(x.re) || isinf(x.im)) \
LOOP1(isfinite_##S, S, b1, isfinite(x.re) && isfinite(x.im))
EACH_COMPLEX(COMPLEX_TESTS)

#define CONSTANT_TESTS(S) \
LOOP1(never_##S, S, b1, ((void)x, 0)) \
LOOP1(always_##S, S, b1, ((void)x, 1))
CONSTANT_TESTS(b1)
EACH_INT(CONSTANT_TESTS)

/* ---- tables ----------------------------------------------------------------------------------------------------------------- */
#define COMPARISON(NAME, DOC) \
UFUNC(NAME, 2, 1, DOC, .result = { UR_Bool }, .flags = UF_COMPARE | UF_NO_LOOP, .loop = { ROW_ALL(NAME) }, \
      .mixed = { NAME##_su, NAME##_us })
COMPARISON(equal, "x1 == x2")
COMPARISON(not_equal, "x1 != x2")
COMPARISON(less, "x1 < x2")
COMPARISON(less_equal, "x1 <= x2")
COMPARISON(greater, "x1 > x2")
COMPARISON(greater_equal, "x1 >= x2")

#define TRUTH(NAME, N, DOC) UFUNC(NAME, N, 1, DOC, .result = { UR_Bool }, .flags = UF_TRUTH, .loop = { ROW_ALL(NAME) })
TRUTH(logical_and, 2, "x1 and x2, as truth values.")
TRUTH(logical_or, 2, "x1 or x2, as truth values.")
TRUTH(logical_xor, 2, "Either x1 or x2, as truth values.")
TRUTH(logical_not, 1, "not x, as a truth value.")

UFUNC(bitwise_and, 2, 1, "x1 & x2", .loop = { ROW_BOOL(bitwise_and), ROW_INT(bitwise_and) })
UFUNC(bitwise_or, 2, 1, "x1 | x2", .loop = { ROW_BOOL(bitwise_or), ROW_INT(bitwise_or) })
UFUNC(bitwise_xor, 2, 1, "x1 ^ x2", .loop = { ROW_BOOL(bitwise_xor), ROW_INT(bitwise_xor) })
UFUNC(invert, 1, 1, "~x", .loop = { ROW_BOOL(invert), ROW_INT(invert) })
UFUNC(left_shift, 2, 1, "x1 << x2", .loop = { ROW_INT(left_shift) })
UFUNC(right_shift, 2, 1, "x1 >> x2", .loop = { ROW_INT(right_shift) })
UFUNC(bitwise_count, 1, 1, "Bits set in |x|.", .result = { UR_U8 }, .loop = { ROW_INT(bitwise_count) })

UFUNC(isnan, 1, 1, "Is it NaN?", .result = { UR_Bool },
      .loop = { ROW_BOOL(never), ROW_INT(never), ROW_FLOAT(isnan), ROW_COMPLEX(isnan) })
UFUNC(isinf, 1, 1, "Is it infinite?", .result = { UR_Bool },
      .loop = { ROW_BOOL(never), ROW_INT(never), ROW_FLOAT(isinf), ROW_COMPLEX(isinf) })
UFUNC(isfinite, 1, 1, "Is it neither infinite nor NaN?", .result = { UR_Bool },
      .loop = { ROW_BOOL(always), ROW_INT(always), ROW_FLOAT(isfinite), ROW_COMPLEX(isfinite) })
UFUNC(signbit, 1, 1, "Is its sign bit set?", .result = { UR_Bool }, .loop = { ROW_FLOAT(signbit) })
