/* interp/ufunc.h — elementwise functions as tables: one Ufunc per function, with a loop for each dtype that it knows.
 *
 * Files: ufunc_arith.c, ufunc_math.c and ufunc_logic.c (loops and tables), ufunc.c (types, broadcasting, calling), ufunc_ops.c (operators
 * of arrays), ufunc_funcs.c (functions made of several of these: clip, where, round …). */
#ifndef ALP_INTERP_UFUNC_H
#define ALP_INTERP_UFUNC_H

#include "interp/array.h"
#include "interp/native.h"

#define UFUNC_MAX_IN  3
#define UFUNC_MAX_OUT 2

/* n elements; p and step: inputs, then outputs.  An output is the same bytes as an input, or does not overlap it.
 * false: the values are an error of the function's own (Ufunc.error). */
typedef bool (*UfuncLoop)(char *const *p, const int64_t *step, int64_t n);

/* dtype of an output, given the loop's dtype */
typedef enum UfuncResult { UR_Same, UR_Bool, UR_Real, UR_I32, UR_U8 } UfuncResult;

enum {
    UF_INT_AS_F64 = 1,          /* integers and bools are computed in float64, whatever their size (divide) */
    UF_SECOND_INT = 2,          /* the second input is int64, the first decides the loop (ldexp) */
    UF_NO_LOOP    = 4,          /* unknown types: "did not contain a loop" instead of "not supported" */
    UF_COMPARE    = 8,          /* integers of all types compare by value */
    UF_TRUTH      = 16,         /* only the inputs' truth counts: Python integers of any size */
};

typedef struct Ufunc {
    NativeRow   row;            /* first: a running Native's row leads back here */
    uint8_t     n_in, n_out;
    uint8_t     result[UFUNC_MAX_OUT];
    uint8_t     flags;
    UfuncLoop   loop[DT_COUNT]; /* NULL: not for this dtype */
    UfuncLoop   mixed[2];       /* UF_COMPARE: int64 with uint64, and the other way round */
    const char *no_bool;        /* TypeError for bools where NumPy words its own */
    const char *error;          /* ValueError when a loop returns false */
} Ufunc;

/* X(name): all of them. */
#define UFUNC_LIST(X) \
    X(add) X(subtract) X(multiply) X(divide) X(floor_divide) X(remainder) X(fmod) X(power) X(float_power) X(divmod) \
    X(negative) X(positive) X(absolute) X(fabs) X(sign) X(square) X(reciprocal) X(conjugate) X(gcd) X(lcm) \
    X(minimum) X(maximum) X(fmin) X(fmax) X(clip) \
    X(sqrt) X(cbrt) X(exp) X(exp2) X(expm1) X(log) X(log2) X(log10) X(log1p) X(sin) X(cos) X(tan) X(arcsin) X(arccos) X(arctan) \
    X(sinh) X(cosh) X(tanh) X(arcsinh) X(arccosh) X(arctanh) X(arctan2) X(hypot) X(degrees) X(radians) X(deg2rad) X(rad2deg) \
    X(floor) X(ceil) X(trunc) X(rint) X(copysign) X(nextafter) X(spacing) X(heaviside) X(logaddexp) X(logaddexp2) X(ldexp) \
    X(frexp) X(modf) X(isnan) X(isinf) X(isfinite) X(signbit) \
    X(equal) X(not_equal) X(less) X(less_equal) X(greater) X(greater_equal) \
    X(logical_and) X(logical_or) X(logical_xor) X(logical_not) \
    X(bitwise_and) X(bitwise_or) X(bitwise_xor) X(invert) X(left_shift) X(right_shift) X(bitwise_count)

#define X(name) extern const Ufunc uf_##name;
UFUNC_LIST(X)
#undef X

/* What a call may ask for beside its inputs; zeroed: nothing. */
typedef struct UfuncOptions {
    Array *out[UFUNC_MAX_OUT];  /* NULL: a fresh array, or a scalar when all inputs are 0-d */
    bool   has_dtype;
    DType  dtype;               /* of the outputs */
    Array *where;               /* bool; elements that are false stay as they are */
    char   casting;             /* as dtype_can_cast; 0: 'k' */
    char   order;               /* of fresh outputs; 0: 'K' */
    bool   there;               /* for the program: results may be made where inputs are (interp/whole.h) */
} UfuncOptions;

/* Inputs: arrays, NumPy scalars, Python numbers (weak), sequences.  V_ERR, the result, or a tuple of two. */
Value ufunc_call(VM *vm, const Ufunc *u, const Value *in, const UfuncOptions *options);
Value ufunc_call1(VM *vm, const Ufunc *u, Value a);
Value ufunc_call2(VM *vm, const Ufunc *u, Value a, Value b);
/* The C function of all ufuncs' rows, and their parameters. */
Value ufunc_native(VM *vm, const Args *args);
#define UFUNC_PARAMS "*args, out=, where=, casting=, order=, dtype=, subok="
Status casting_arg(VM *vm, Value v, char fallback, char *out);
/* Element types of several operands together (np.result_type): DT_COUNT and an exception if one is no number. */
DType ufunc_result_type(VM *vm, const Value *v, int n);

#endif
