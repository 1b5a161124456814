/* interp/ops.h — operators on any values: the generic way in.  The evaluator handles the commonest pairs itself and comes
 * here for the rest.  Files: ops.c (dispatch, sequences), relate.c (comparisons), item.c (a[i]), list_sort.c, number.c and
 * number_methods.c (Python numbers), npscalar.c and npscalar_methods.c (NumPy scalars), ufunc*.c (arrays). */
#ifndef ALP_INTERP_OPS_H
#define ALP_INTERP_OPS_H

#include "interp/vm.h"

#define IS_NUMBER(v) (((v).tag >= T_Bool && (v).tag <= T_Float) || (v).tag == T_Complex)     /* Python's own */

extern const char *const binop_text[BI_COUNT], *const cmpop_text[CM_COUNT];     /* "+", "<", "not in" … ORDER binop cmpop */

/* Operands borrowed, result owned. TypeError "unsupported operand type(s) for +: 'int' and 'str'" and the special texts
 * ('can only concatenate str (not "int") to str', …). */
Value op_binary(VM *vm, BinOp op, Value a, Value b);
/* a op= b.  Takes a.  Lists (+=, *=), arrays and growing strings change in place; the result is to be stored back. */
Value op_inplace(VM *vm, BinOp op, ALP_TAKE Value a, Value b);
Value op_unary(VM *vm, UnOp op, Value a);
Value op_compare(VM *vm, CmpOp op, Value a, Value b);           /* bool, or an array of bool */
int   op_truth(VM *vm, Value v);                                /* 0, 1; -1: exception */
int   op_equal(VM *vm, Value a, Value b);                       /* a == b as a truth value: 0, 1, -1 */
bool  op_is(Value a, Value b);
int   op_item_equal(VM *vm, Value a, Value b);                  /* as containers compare: identical or equal */
int   op_contains(VM *vm, Value container, Value item);         /* item in container: 0, 1, -1 */
int64_t op_len(VM *vm, Value v);                                /* -1: exception "object of type 'int' has no len()" */
Value op_divmod(VM *vm, Value a, Value b);                      /* tuple; arrays and NumPy scalars too */
Value op_abs(VM *vm, Value v);

/* value[key]; key is a Tuple for a[i, j].  Strings, lists, tuples, ranges, arrays, foreign objects. */
Value  op_index(VM *vm, Value v, Value key);
Status op_set_index(VM *vm, Value v, Value key, Value x);
/* __index__: 1 and *out; 0: v is no integer (no exception); -1: exception (does not fit, array of several elements). */
int    op_as_index(VM *vm, Value v, int64_t *out);

/* list_sort.c: stable, by `<`; key: callable or None.  The list is empty while its items are compared, as in CPython. */
Status list_sort(VM *vm, Value list, Value key, bool reverse);

/* ---- number.c: Python int, float, bool, complex ------------------------------------------------------------------------- */
typedef struct ComplexObj { Obj head; double re, im; } ComplexObj;
#define COMPLEX(v) ((ComplexObj *)(void *)(v).u.o)
Value complex_new(VM *vm, double re, double im);
/* Both operands Python numbers (bool, int, float, complex); V_NOTIMPL if op does not know them. */
Value number_binary(VM *vm, BinOp op, Value a, Value b);
Value number_unary(VM *vm, UnOp op, Value a);
Value number_compare(VM *vm, CmpOp op, Value a, Value b);
Value int_add(VM *vm, int64_t a, int64_t b);    /* and its kin: OverflowError when the result does not fit in 64 bits */
Value int_sub(VM *vm, int64_t a, int64_t b);
Value int_mul(VM *vm, int64_t a, int64_t b);
Value int_floordiv(VM *vm, int64_t a, int64_t b);
Value int_mod(VM *vm, int64_t a, int64_t b);
Value int_pow(VM *vm, int64_t a, int64_t b);    /* float for b < 0 */
double float_mod(double a, double b);           /* Python's sign rule; b != 0 */
double float_floordiv(double a, double b);

Value raise_int_range(VM *vm);                    /* OverflowError "integer result does not fit in 64 bits" */
Value int_pow_mod(VM *vm, int64_t base, int64_t exp, int64_t mod);     /* pow(base, exp, mod) */
Value float_to_int(VM *vm, double x);           /* int(x): truncates; ValueError for NaN, OverflowError */
/* Floor quotient; *mod gets the remainder.  V_NOTIMPL for complex. */
Value number_divmod(VM *vm, Value a, Value b, Value *mod);
Value number_abs(VM *vm, Value a);
Value number_round(VM *vm, Value a, Value ndigits);     /* round() of int, bool, float; ndigits may be T_None */
/* The answer of comparison op for order -1, 0, 1, or 2: unordered. */
Value order_result(CmpOp op, int order);

/* ---- npscalar.c: at least one operand a NumPy scalar, the other one or a Python number ------------------------------------ */
Value npscalar_binary(VM *vm, BinOp op, Value a, Value b);
Value npscalar_unary(VM *vm, UnOp op, Value a);
Value npscalar_compare(VM *vm, CmpOp op, Value a, Value b);
Value npscalar_divmod(VM *vm, Value a, Value b, Value *mod);
Value npscalar_abs(VM *vm, Value a);
Value npscalar_round(VM *vm, Value a, Value ndigits);
/* The errors of an operator between a NumPy scalar and something that is no number, array or sequence. */
Value npscalar_refuse(VM *vm, BinOp op, Value a, Value b);
/* Likewise for functions: "ufunc 'divmod' not supported for the input types, …". */
Value npscalar_not_supported(VM *vm, const char *ufunc);
/* The type that NumPy's object arrays would have for it: "int", "float" …; other values' own type. */
const char *npscalar_python_name(Value v);
/* np.float32(x) and kin: conversion of any number, str or array. */
Value npscalar_convert(VM *vm, DType to, Value v);
Value npscalar_item(VM *vm, Value v);           /* the Python number of the same value */
Value npc128_new(VM *vm, double re, double im);
/* Any number's value in C: complex kinds keep both parts. False: not a number. */
bool  value_as_complex(Value v, double *re, double *im);
/* Python's hash-free numeric views, no exception: false if v is not a real number. */
bool  value_as_double(Value v, double *out);
bool  value_as_int(Value v, int64_t *out);      /* int, bool, NumPy integers (u64 beyond int64: false) */

#endif
