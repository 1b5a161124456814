/* interp/format.h — values as text: str, repr, format specifications, % formatting. */
#ifndef ALP_INTERP_FORMAT_H
#define ALP_INTERP_FORMAT_H

#include "interp/str.h"

/* Longest output of fmt_double in shortest form, with NUL. */
#define FMT_DOUBLE_MAX 32

/* repr(float): the shortest digits that read back as the same double, exponent form outside [1e-4, 1e16). Returns the length. */
size_t fmt_double(char out[FMT_DOUBLE_MAX], double x);
/* str(np.float32): likewise for float, with NumPy's thresholds. */
size_t fmt_float32(char out[FMT_DOUBLE_MAX], float x);
/* Shortest digits and decimal exponent: value = 0.d1d2… * 10**exponent10; digits has at least 20 bytes; returns their count. x finite, > 0. */
int    fmt_shortest_digits(double x, bool single, char *digits, int *exponent10);

/* Owned Str or V_ERR.  Arrays go to array_str / array_repr (array_print.c). */
Value value_repr(VM *vm, Value v);
Value value_str(VM *vm, Value v);
Value value_ascii(VM *vm, Value v);
void  sb_put_repr(StrBuf *sb, Value v);
void  sb_put_value(StrBuf *sb, Value v);        /* str() */

/* format(v, spec): Python's mini-language for int, float, complex, str, bool, NumPy scalars. */
Value format_value(VM *vm, Value v, const char *spec, size_t spec_size);
Value str_format_percent(VM *vm, Value fmt, Value args);                       /* "…" % args */
Value str_format_method(VM *vm, Value fmt, const Value *args, uint32_t n_args, const Sym *kw, uint32_t n_kw);   /* "…".format(…) */
/* float("…"), int("…", base), complex("…"): ValueError with CPython's text. */
Value parse_float(VM *vm, Value s);
Value parse_int(VM *vm, Value s, int64_t base);
Value parse_complex(VM *vm, Value s);

Value array_str(VM *vm, Value a);
Value array_repr(VM *vm, Value a);

#endif
