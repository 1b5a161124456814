/* interp/number_methods.c — attributes and methods of int, bool, float and complex, and round(). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "interp/native.h"
#include "interp/ops.h"
#include "interp/seq.h"
#include "interp/str.h"

/* ---- round() ------------------------------------------------------------------------------------------------------------- */

/* x to the multiple of 10**-n nearest to it, ties to the even one.  n in -308 … 323. */
static double round_decimal(double x, int n)
{
    char text[700];
    if (n >= 0) {
        /* The C library rounds the exact value, so nothing is rounded twice. */
        snprintf(text, sizeof text, "%.*f", n, x);
        return strtod(text, NULL);
    }
    /* Digits of the whole part; a fraction only tells a tie from more than a tie. */
    double whole = trunc(fabs(x));
    bool above = whole != fabs(x);
    int len = snprintf(text, sizeof text, "0%.0f", whole), keep = len + n;
    if (keep < 1)
        return copysign(0.0, x);
    for (int i = keep + 1; i < len; i++)
        above |= text[i] != '0';
    bool odd = (text[keep - 1] - '0') & 1;
    if (text[keep] > '5' || (text[keep] == '5' && (above || odd))) {
        int i = keep - 1;
        while (text[i] == '9')
            text[i--] = '0';
        text[i]++;                      /* stops at the leading zero */
    }
    memset(text + keep, '0', (size_t)-n);
    return copysign(strtod(text, NULL), x);
}

static Value round_float(VM *vm, double x, int64_t n)
{
    if (!isfinite(x) || n > 323)
        return V_FLOAT(x);
    if (n < -308)
        return V_FLOAT(0.0 * x);
    double r = round_decimal(x, (int)n);
    if (isinf(r))
        return raise(vm, TY_OverflowError, "rounded value too large to represent");
    return V_FLOAT(r);
}

static Value round_int(VM *vm, int64_t x, int64_t n)
{
    if (n >= 0)
        return V_INT(x);
    if (n < -19)
        return V_INT(0);                /* half of 10**20 is beyond every int */
    __int128 unit = 1;
    for (; n < 0; n++)
        unit *= 10;
    __int128 rest = x % unit, down;
    if (rest < 0)
        rest += unit;
    down = x - rest;
    if (2 * rest > unit || (2 * rest == unit && (down / unit) % 2 != 0))
        down += unit;
    if (down != (int64_t)down)
        return raise_int_range(vm);
    return V_INT((int64_t)down);
}

Value number_round(VM *vm, Value a, Value ndigits)
{
    int64_t n = 0;
    if (a.tag == T_Complex)
        return raise(vm, TY_TypeError, "type complex doesn't define __round__ method");
    if (ndigits.tag != T_None && arg_int(vm, ndigits, &n) != ALP_OK)
        return V_ERR;
    if (a.tag == T_Float)
        return ndigits.tag == T_None ? float_to_int(vm, rint(a.u.f)) : round_float(vm, a.u.f, n);
    return ndigits.tag == T_None ? V_INT(a.u.i) : round_int(vm, a.u.i, n);
}

/* ---- methods ------------------------------------------------------------------------------------------------------------- */

static uint64_t magnitude(int64_t x)
{
    return x < 0 ? 0 - (uint64_t)x : (uint64_t)x;
}

static Value int_bit_length(VM *vm, const Args *args)
{
    uint64_t u = magnitude(args->v[0].u.i);
    return V_INT(u ? 64 - __builtin_clzll(u) : 0);
}

static Value int_bit_count(VM *vm, const Args *args)
{
    return V_INT(__builtin_popcountll(magnitude(args->v[0].u.i)));
}

static Value int_conjugate(VM *vm, const Args *args)
{
    return V_INT(args->v[0].u.i);
}

static Value int_ratio(VM *vm, const Args *args)
{
    return tuple_of(vm, 2, V_INT(args->v[0].u.i), V_INT(1));
}

static Value float_is_integer(VM *vm, const Args *args)
{
    double x = args->v[0].u.f;
    return V_BOOL(isfinite(x) && x == floor(x));
}

static Value float_conjugate(VM *vm, const Args *args)
{
    return V_FLOAT(args->v[0].u.f);
}

static Value float_ratio(VM *vm, const Args *args)
{
    double x = args->v[0].u.f;
    int exp;
    if (isinf(x))
        return raise(vm, TY_OverflowError, "cannot convert Infinity to integer ratio");
    if (isnan(x))
        return raise(vm, TY_ValueError, "cannot convert NaN to integer ratio");
    if (x == 0)
        return tuple_of(vm, 2, V_INT(0), V_INT(1));
    int64_t num = (int64_t)ldexp(frexp(x, &exp), 53), den = 1;
    exp -= 53;
    int zeros = __builtin_ctzll((uint64_t)num);
    num /= (int64_t)1 << zeros;
    exp += zeros;
    if (exp < -62 || exp > 62 || (exp > 0 && __builtin_mul_overflow(num, (int64_t)1 << exp, &num)))
        return raise_int_range(vm);
    if (exp < 0)
        den = (int64_t)1 << -exp;
    return tuple_of(vm, 2, V_INT(num), V_INT(den));
}

static Value float_hex(VM *vm, const Args *args)
{
    double x = args->v[0].u.f;
    const char *sign = signbit(x) && !isnan(x) ? "-" : "";
    if (!isfinite(x))
        return str_fmt(vm, "%s%s", sign, isnan(x) ? "nan" : "inf");
    if (x == 0)
        return str_fmt(vm, "%s0x0.0p+0", sign);
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    int exp = (int)(bits >> 52 & 0x7ff);
    unsigned long long fraction = bits & (((uint64_t)1 << 52) - 1);
    return str_fmt(vm, "%s0x%d.%013llxp%+d", sign, exp != 0, fraction, exp ? exp - 1023 : -1022);
}

static Value complex_conjugate(VM *vm, const Args *args)
{
    const ComplexObj *c = COMPLEX(args->v[0]);
    return complex_new(vm, c->re, -c->im);
}

const NativeRow number_methods_int[] = {
    { "bit_length", int_bit_length, "", "Number of bits necessary to represent self in binary." },
    { "bit_count", int_bit_count, "", "Number of ones in the binary representation of the absolute value of self." },
    { "conjugate", int_conjugate, "", "Returns self, the complex conjugate of any int." },
    { "as_integer_ratio", int_ratio, "", "Return a pair of integers whose ratio is equal to the original int." },
    { NULL },
};

const NativeRow number_methods_float[] = {
    { "is_integer", float_is_integer, "", "Return True if the float is an integer." },
    { "conjugate", float_conjugate, "", "Return self, the complex conjugate of any float." },
    { "as_integer_ratio", float_ratio, "", "Return a pair of integers whose ratio is equal to the original float." },
    { "hex", float_hex, "", "Return a hexadecimal representation of a floating-point number." },
    { NULL },
};

const NativeRow number_methods_complex[] = {
    { "conjugate", complex_conjugate, "", "Return the complex conjugate of its argument." },
    { NULL },
};

/* ---- attributes ---------------------------------------------------------------------------------------------------------- */

const char *const number_attr_names[] = { "real", "imag", "numerator", "denominator", NULL };

Value number_attr(VM *vm, Value v, const char *name)
{
    bool real = strcmp(name, "real") == 0, imag = strcmp(name, "imag") == 0;
    if (v.tag == T_Complex)
        return real ? V_FLOAT(COMPLEX(v)->re) : imag ? V_FLOAT(COMPLEX(v)->im) : V_UNBOUND;
    if (v.tag == T_Float)
        return real ? V_FLOAT(v.u.f) : imag ? V_FLOAT(0.0) : V_UNBOUND;
    if (real || strcmp(name, "numerator") == 0)
        return V_INT(v.u.i);
    if (imag)
        return V_INT(0);
    return strcmp(name, "denominator") == 0 ? V_INT(1) : V_UNBOUND;
}
