/* interp/format.h — values as text: str, repr, format specifications, % formatting; and text as numbers.
 * Files: fmt_float.c (digits of floats), repr.c (str, repr), format_spec.c (format()), format_percent.c, format_method.c,
 * parse_number.c, array_print.c.  Nothing here depends on the C locale. */
#ifndef ALP_INTERP_FORMAT_H
#define ALP_INTERP_FORMAT_H

#include "interp/str.h"

/* ---- fmt_float.c ------------------------------------------------------------------------------------------------- */

/* Longest output of fmt_double in shortest form, with NUL. */
#define FMT_DOUBLE_MAX 32

/* repr(float): the shortest digits that read back as the same double, exponent form outside [1e-4, 1e16). Returns the length. */
size_t fmt_double(char out[FMT_DOUBLE_MAX], double x);
/* str(np.float32): likewise for float, with NumPy's thresholds. */
size_t fmt_float32(char out[FMT_DOUBLE_MAX], float x);
/* Shortest digits and decimal exponent: value = 0.d1d2… * 10**exponent10; digits has at least 20 bytes; returns their count. x finite, > 0. */
int    fmt_shortest_digits(double x, bool single, char *digits, int *exponent10);
/* The `count` first digits of x (finite, > 0), correctly rounded; 1 <= count <= FMT_EXACT_MAX, which no double's digits exceed. */
#define FMT_EXACT_MAX 800
void   fmt_exact_digits(double x, int count, char *digits, int *exponent10);
/* x (finite, >= 0) with `places` decimals, correctly rounded: "12.50", "12" for none.  0 <= places <= FMT_FIXED_MAX, beyond which
 * all decimals are zero.  out has FMT_FIXED_SIZE bytes.  Returns the length. */
#define FMT_FIXED_MAX  1100
#define FMT_FIXED_SIZE (FMT_FIXED_MAX + 330)
size_t fmt_fixed(char *out, double x, int places);

enum { FMT_Alt = 1,         /* '#': the point and trailing zeros stay */
       FMT_Dot0 = 2,        /* a number that looks like an integer gets ".0" */
       FMT_Sign = 4 };      /* '+' before numbers that are not negative */
/* As CPython's PyOS_double_to_string: code e f g (E F G: capitals), or 'r' for the shortest form (precision ignored). */
void   sb_put_double(StrBuf *sb, double x, char code, int64_t precision, unsigned flags);
/* repr(complex): "(1+2j)", "2j"; single: parts are floats. */
void   sb_put_complex(StrBuf *sb, double re, double im, bool single);

/* ---- repr.c ------------------------------------------------------------------------------------------------------ */

/* Owned Str or V_ERR. */
Value value_repr(VM *vm, Value v);
Value value_str(VM *vm, Value v);
Value value_ascii(VM *vm, Value v);
void  sb_put_repr(StrBuf *sb, Value v);
void  sb_put_value(StrBuf *sb, Value v);        /* str() */
void  sb_put_int(StrBuf *sb, int64_t x);
void  sb_put_uint(StrBuf *sb, uint64_t x);
void  sb_put_quoted(StrBuf *sb, const char *text, size_t size);     /* repr(str) */

/* ---- format_spec.c, format_percent.c, format_method.c ------------------------------------------------------------ */

/* format(v, spec): Python's mini-language for int, float, complex, str, bool, NumPy scalars. */
Value format_value(VM *vm, Value v, const char *spec, size_t spec_size);
void  sb_put_formatted(StrBuf *sb, Value v);    /* format(v, ""), which differs from str(v) for np.float32 and np.complex64 */
Value str_format_percent(VM *vm, Value fmt, Value args);                       /* "…" % args */

/* ---- parse_number.c: float("…"), int("…", base), complex("…"): ValueError with CPython's text -------------------- */
Value parse_float(VM *vm, Value s);
Value parse_int(VM *vm, Value s, int64_t base);
Value parse_complex(VM *vm, Value s);
/* strtod without locale: reads a decimal number or inf/nan at text (no blanks, no underscores before it), as Python's float() takes
 * it, and says how many bytes it used; 0: no number there. */
size_t parse_double(const char *text, size_t size, double *out);

/* ---- array_print.c ----------------------------------------------------------------------------------------------- */
void  sb_put_array(StrBuf *sb, Value a, bool repr);

#endif
