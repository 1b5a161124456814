/* interp/number.c — operators of Python's own numbers: bool, int (64 bits), float, complex.
 *
 * An int result that does not fit raises OverflowError; nothing wraps.  Floats and complex numbers follow CPython's algorithms
 * step by step, so results are the same to the last bit.  V_NOTIMPL: this kind of number does not know the operator. */
#include <math.h>
#include <stdlib.h>

#include "interp/elem/elem.h"
#include "interp/ops.h"

NOINLINE Value raise_int_range(VM *vm)
{
    return raise(vm, TY_OverflowError, "integer result does not fit in 64 bits");
}

/* ---- int --------------------------------------------------------------------------------------------------------------- */

Value int_add(VM *vm, int64_t a, int64_t b)
{
    int64_t r;
    return LIKELY(!__builtin_add_overflow(a, b, &r)) ? V_INT(r) : raise_int_range(vm);
}

Value int_sub(VM *vm, int64_t a, int64_t b)
{
    int64_t r;
    return LIKELY(!__builtin_sub_overflow(a, b, &r)) ? V_INT(r) : raise_int_range(vm);
}

Value int_mul(VM *vm, int64_t a, int64_t b)
{
    int64_t r;
    return LIKELY(!__builtin_mul_overflow(a, b, &r)) ? V_INT(r) : raise_int_range(vm);
}

/* Quotient and remainder with the divisor's sign.  b is neither 0 nor -1. */
static inline int64_t divide_floor(int64_t a, int64_t b, int64_t *mod)
{
    int64_t q = a / b, r = a % b;
    if (r != 0 && (r ^ b) < 0) {
        q--;
        r += b;
    }
    *mod = r;
    return q;
}

Value int_floordiv(VM *vm, int64_t a, int64_t b)
{
    int64_t mod;
    if (UNLIKELY(b == 0))
        return raise(vm, TY_ZeroDivisionError, "integer division or modulo by zero");
    if (UNLIKELY(b == -1))
        return int_sub(vm, 0, a);
    return V_INT(divide_floor(a, b, &mod));
}

Value int_mod(VM *vm, int64_t a, int64_t b)
{
    int64_t mod;
    if (UNLIKELY(b == 0))
        return raise(vm, TY_ZeroDivisionError, "integer modulo by zero");
    if (UNLIKELY(b == -1))
        return V_INT(0);
    divide_floor(a, b, &mod);
    return V_INT(mod);
}

static uint64_t magnitude(int64_t x)
{
    return x < 0 ? 0 - (uint64_t)x : (uint64_t)x;
}

/* a / b rounded once.  Beyond 2**53 the operands themselves are no doubles, so the quotient is formed as an integer of at least
 * 55 bits whose last bit is sticky, and the conversion to double does the rounding. */
static Value int_truediv(VM *vm, int64_t a, int64_t b)
{
    const int64_t exact = (int64_t)1 << 53;
    if (b == 0)
        return raise(vm, TY_ZeroDivisionError, "division by zero");
    if (a >= -exact && a <= exact && b >= -exact && b <= exact)
        return V_FLOAT((double)a / (double)b);
    if (a == 0)
        return V_FLOAT(b < 0 ? -0.0 : 0.0);
    uint64_t ua = magnitude(a), ub = magnitude(b);
    int shift = 56 + __builtin_clzll(ua) - __builtin_clzll(ub);
    if (shift < 0)
        shift = 0;
    unsigned __int128 n = (unsigned __int128)ua << shift;
    uint64_t q = (uint64_t)(n / ub) | (n % ub != 0);
    double r = ldexp((double)q, -shift);
    return V_FLOAT((a < 0) != (b < 0) ? -r : r);
}

static Value float_pow(VM *vm, double x, double y);

Value int_pow(VM *vm, int64_t a, int64_t b)
{
    if (b < 0)
        return float_pow(vm, (double)a, (double)b);
    int64_t r = 1;
    for (;;) {
        if ((b & 1) && __builtin_mul_overflow(r, a, &r))
            return raise_int_range(vm);
        b >>= 1;
        if (b == 0)
            return V_INT(r);
        if (__builtin_mul_overflow(a, a, &a))
            return raise_int_range(vm);     /* b > 0: the square will be a factor */
    }
}

static Value int_shift(VM *vm, bool left, int64_t a, int64_t n)
{
    if (n < 0)
        return raise(vm, TY_ValueError, "negative shift count");
    if (!left)
        return V_INT(a >> (n > 63 ? 63 : n));
    if (a == 0)
        return V_INT(0);
    if (n > 62)
        return a == -1 && n == 63 ? V_INT(INT64_MIN) : raise_int_range(vm);
    return int_mul(vm, a, (int64_t)1 << n);
}

static Value int_binary(VM *vm, BinOp op, int64_t a, int64_t b)
{
    switch (op) {
    case BI_Add:        return int_add(vm, a, b);
    case BI_Sub:        return int_sub(vm, a, b);
    case BI_Mul:        return int_mul(vm, a, b);
    case BI_Div:        return int_truediv(vm, a, b);
    case BI_FloorDiv:   return int_floordiv(vm, a, b);
    case BI_Mod:        return int_mod(vm, a, b);
    case BI_Pow:        return int_pow(vm, a, b);
    case BI_LShift:     return int_shift(vm, true, a, b);
    case BI_RShift:     return int_shift(vm, false, a, b);
    case BI_Or:         return V_INT(a | b);
    case BI_Xor:        return V_INT(a ^ b);
    case BI_And:        return V_INT(a & b);
    case BI_MatMul:     case BI_COUNT:  break;
    }
    return V_NOTIMPL;
}

/* Inverse of a modulo m > 0 by Euclid's algorithm; 0: there is none (or m is 1). */
static __int128 inverse_mod(__int128 a, __int128 m)
{
    __int128 r0 = m, r1 = a % m, t0 = 0, t1 = 1;
    if (r1 < 0)
        r1 += m;
    while (r1 != 0) {
        __int128 q = r0 / r1, r = r0 - q * r1, t = t0 - q * t1;
        r0 = r1, r1 = r;
        t0 = t1, t1 = t;
    }
    if (r0 != 1)
        return 0;
    return t0 < 0 ? t0 + m : t0;
}

Value int_pow_mod(VM *vm, int64_t base, int64_t exp, int64_t mod)
{
    if (mod == 0)
        return raise(vm, TY_ValueError, "pow() 3rd argument cannot be 0");
    __int128 m = mod < 0 ? -(__int128)mod : mod, r = 1 % m, p = base % m;
    if (exp < 0 && m != 1) {
        p = inverse_mod(base, m);
        if (p == 0)
            return raise(vm, TY_ValueError, "base is not invertible for the given modulus");
    }
    for (uint64_t n = magnitude(exp); n; n >>= 1) {
        if (n & 1)
            r = r * p % m;
        p = p * p % m;
    }
    if (r < 0)
        r += m;
    if (mod < 0 && r > 0)
        r += mod;
    return V_INT((int64_t)r);
}

/* ---- float ------------------------------------------------------------------------------------------------------------- */

double float_mod(double a, double b)
{
    double mod = fmod(a, b);
    if (mod == 0)
        return copysign(0.0, b);
    return (b < 0) != (mod < 0) ? mod + b : mod;
}

static double float_divmod(double a, double b, double *mod)
{
    double m = fmod(a, b), div = (a - m) / b;
    if (m == 0)
        m = copysign(0.0, b);
    else if ((b < 0) != (m < 0)) {
        m += b;
        div -= 1.0;
    }
    *mod = m;
    if (div == 0)
        return copysign(0.0, a / b);
    double f = floor(div);
    return div - f > 0.5 ? f + 1.0 : f;
}

double float_floordiv(double a, double b)
{
    double mod;
    return float_divmod(a, b, &mod);
}

Value float_to_int(VM *vm, double x)
{
    if (isnan(x))
        return raise(vm, TY_ValueError, "cannot convert float NaN to integer");
    if (isinf(x))
        return raise(vm, TY_OverflowError, "cannot convert float infinity to integer");
    if (x >= 0x1p63 || x < -0x1p63)
        return raise_int_range(vm);
    return V_INT((int64_t)x);
}

static bool is_odd(double x)
{
    return fmod(fabs(x), 2.0) == 1.0;
}

static Value complex_pow(VM *vm, double ar, double ai, double br, double bi);

/* The special cases come before the power, some of which Python defines otherwise than C. */
static Value float_pow(VM *vm, double x, double y)
{
    if (y == 0)
        return V_FLOAT(1.0);
    if (isnan(x))
        return V_FLOAT(x);
    if (isnan(y))
        return V_FLOAT(x == 1.0 ? 1.0 : y);
    if (isinf(y)) {
        x = fabs(x);
        return V_FLOAT(x == 1.0 ? 1.0 : (y > 0) == (x > 1.0) ? INFINITY : 0.0);
    }
    if (isinf(x)) {
        bool odd = is_odd(y);
        if (y > 0)
            return V_FLOAT(odd ? x : fabs(x));
        return V_FLOAT(odd ? copysign(0.0, x) : 0.0);
    }
    if (x == 0) {
        if (y < 0)
            return raise(vm, TY_ZeroDivisionError, "0.0 cannot be raised to a negative power");
        return V_FLOAT(is_odd(y) ? x : 0.0);
    }
    bool negate = false;
    if (x < 0) {
        if (y != floor(y))
            return complex_pow(vm, x, 0, y, 0);
        x = -x;
        negate = is_odd(y);
    }
    double r = x == 1.0 ? 1.0 : elem_pow(x, y);
    if (isinf(r))
        return raise(vm, TY_OverflowError, "(34, 'Numerical result out of range')");
    return V_FLOAT(negate ? -r : r);
}

static Value float_binary(VM *vm, BinOp op, double a, double b)
{
    switch (op) {
    case BI_Add:    return V_FLOAT(a + b);
    case BI_Sub:    return V_FLOAT(a - b);
    case BI_Mul:    return V_FLOAT(a * b);
    case BI_Div:
        if (UNLIKELY(b == 0))
            return raise(vm, TY_ZeroDivisionError, "float division by zero");
        return V_FLOAT(a / b);
    case BI_FloorDiv:
        if (UNLIKELY(b == 0))
            return raise(vm, TY_ZeroDivisionError, "float floor division by zero");
        return V_FLOAT(float_floordiv(a, b));
    case BI_Mod:
        if (UNLIKELY(b == 0))
            return raise(vm, TY_ZeroDivisionError, "float modulo");
        return V_FLOAT(float_mod(a, b));
    case BI_Pow:
        return float_pow(vm, a, b);
    case BI_MatMul: case BI_LShift: case BI_RShift: case BI_Or: case BI_Xor: case BI_And: case BI_COUNT:
        break;
    }
    return V_NOTIMPL;
}

/* ---- complex ----------------------------------------------------------------------------------------------------------- */

static Value complex_object(VM *vm, Tag tag, double re, double im)
{
    ComplexObj *c = obj_new(vm, tag, sizeof *c);
    if (!c)
        return V_ERR;
    c->re = re;
    c->im = im;
    return V_OBJ(c);
}

Value complex_new(VM *vm, double re, double im)
{
    return complex_object(vm, T_Complex, re, im);
}

Value npc128_new(VM *vm, double re, double im)
{
    return complex_object(vm, T_NpC128, re, im);
}

typedef struct Cpx { double re, im; } Cpx;

static Cpx cpx_mul(Cpx a, Cpx b)
{
    return (Cpx){ a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re };
}

/* Smith's method, dividing by the larger part first.  False: division by zero. */
static bool cpx_div(Cpx a, Cpx b, Cpx *out)
{
    double abs_re = fabs(b.re), abs_im = fabs(b.im);
    if (abs_re >= abs_im) {
        if (abs_re == 0) {
            *out = (Cpx){ 0, 0 };
            return false;
        }
        double ratio = b.im / b.re, denom = b.re + b.im * ratio;
        *out = (Cpx){ (a.re + a.im * ratio) / denom, (a.im - a.re * ratio) / denom };
    } else if (abs_im >= abs_re) {
        double ratio = b.re / b.im, denom = b.re * ratio + b.im;
        *out = (Cpx){ (a.re * ratio + a.im) / denom, (a.im * ratio - a.re) / denom };
    } else {
        *out = (Cpx){ NAN, NAN };
    }
    return true;
}

/* Small integer exponents by squaring, others in polar form. */
static Value complex_pow(VM *vm, double ar, double ai, double br, double bi)
{
    Cpx a = { ar, ai }, r = { 1, 0 };
    bool domain = false;
    if (bi == 0 && br == floor(br) && fabs(br) <= 100.0) {
        int n = abs((int)br);
        Cpx p = a;
        for (int mask = 1; n >= mask; mask <<= 1) {
            if (n & mask)
                r = cpx_mul(r, p);
            p = cpx_mul(p, p);
        }
        if (br <= 0)
            domain = !cpx_div((Cpx){ 1, 0 }, r, &r);
    } else if (ar == 0 && ai == 0) {
        domain = bi != 0 || br < 0;
        r = (Cpx){ 0, 0 };
    } else {
        double abs_a = hypot(ar, ai), len = pow(abs_a, br), at = atan2(ai, ar), phase = at * br;
        if (bi != 0) {
            len /= exp(at * bi);
            phase += bi * log(abs_a);
        }
        domain = isinf(phase);
        r = (Cpx){ len * cos(phase), len * sin(phase) };
    }
    if (domain)
        return raise(vm, TY_ZeroDivisionError, "0.0 to a negative or complex power");
    if (isinf(r.re) || isinf(r.im))
        return raise(vm, TY_OverflowError, "complex exponentiation");
    return complex_new(vm, r.re, r.im);
}

static Value complex_binary(VM *vm, BinOp op, Cpx a, Cpx b)
{
    Cpx r;
    switch (op) {
    case BI_Add:    r = (Cpx){ a.re + b.re, a.im + b.im }; break;
    case BI_Sub:    r = (Cpx){ a.re - b.re, a.im - b.im }; break;
    case BI_Mul:    r = cpx_mul(a, b); break;
    case BI_Div:
        if (!cpx_div(a, b, &r))
            return raise(vm, TY_ZeroDivisionError, "complex division by zero");
        break;
    case BI_Pow:
        return complex_pow(vm, a.re, a.im, b.re, b.im);
    case BI_MatMul: case BI_Mod: case BI_LShift: case BI_RShift: case BI_Or: case BI_Xor: case BI_And: case BI_FloorDiv:
    case BI_COUNT: default:
        return V_NOTIMPL;
    }
    return complex_new(vm, r.re, r.im);
}

/* ---- any pair ---------------------------------------------------------------------------------------------------------- */

/* Rank in the tower: 0 int and bool, 1 float, 2 complex. */
static inline int rank(Value v)
{
    return v.tag == T_Float ? 1 : v.tag == T_Complex ? 2 : 0;
}

static inline double real_part(Value v)
{
    return v.tag == T_Float ? v.u.f : v.tag == T_Complex ? COMPLEX(v)->re : (double)v.u.i;
}

static inline Cpx cpx_of(Value v)
{
    return (Cpx){ real_part(v), v.tag == T_Complex ? COMPLEX(v)->im : 0.0 };
}

Value number_binary(VM *vm, BinOp op, Value a, Value b)
{
    int ra = rank(a), rb = rank(b), r = ra > rb ? ra : rb;
    if (r == 0) {
        bool logic = op == BI_And || op == BI_Or || op == BI_Xor;
        Value v = int_binary(vm, op, a.u.i, b.u.i);
        return logic && a.tag == T_Bool && b.tag == T_Bool ? V_BOOL(v.u.i) : v;
    }
    if (r == 1)
        return float_binary(vm, op, real_part(a), real_part(b));
    return complex_binary(vm, op, cpx_of(a), cpx_of(b));
}

/* Quotient and remainder at once, as divmod() gives them. */
Value number_divmod(VM *vm, Value a, Value b, Value *mod)
{
    int ra = rank(a), rb = rank(b), r = ra > rb ? ra : rb;
    if (r == 2)
        return V_NOTIMPL;
    if (r == 0) {
        Value q = int_floordiv(vm, a.u.i, b.u.i);
        if (!IS_ERR(q))
            *mod = int_mod(vm, a.u.i, b.u.i);
        return q;
    }
    double y = real_part(b);
    if (y == 0)
        return raise(vm, TY_ZeroDivisionError, "float divmod()");
    mod->tag = T_Float;
    return V_FLOAT(float_divmod(real_part(a), y, &mod->u.f));
}

Value number_unary(VM *vm, UnOp op, Value a)
{
    switch (op) {
    case UN_Not:
        return V_BOOL(op_truth(vm, a) == 0);
    case UN_Invert:
        return rank(a) == 0 ? V_INT(~a.u.i) : V_NOTIMPL;
    case UN_Pos:
        return a.tag == T_Bool ? V_INT(a.u.i) : value_ref(a);
    case UN_Neg:
        if (a.tag == T_Float)
            return V_FLOAT(-a.u.f);
        if (a.tag == T_Complex)
            return complex_new(vm, -COMPLEX(a)->re, -COMPLEX(a)->im);
        return int_sub(vm, 0, a.u.i);
    }
    return V_NOTIMPL;
}

Value number_abs(VM *vm, Value a)
{
    if (a.tag == T_Float)
        return V_FLOAT(fabs(a.u.f));
    if (a.tag != T_Complex)
        return a.u.i < 0 ? int_sub(vm, 0, a.u.i) : V_INT(a.u.i);
    double re = COMPLEX(a)->re, im = COMPLEX(a)->im, r = elem_hypot(re, im);
    if (isinf(r) && isfinite(re) && isfinite(im))
        return raise(vm, TY_OverflowError, "absolute value too large");
    return V_FLOAT(r);
}

/* -1, 0, 1, or 2 when f is NaN: the exact order of an int and a double (converting the int could round it). */
static int order_int_float(int64_t i, double f)
{
    if (isnan(f))
        return 2;
    if (f >= 0x1p63)
        return -1;
    if (f < -0x1p63)
        return 1;
    double whole = trunc(f);
    int64_t t = (int64_t)whole;
    if (i != t)
        return i < t ? -1 : 1;
    return f > whole ? -1 : f < whole ? 1 : 0;
}

static int order_real(Value a, Value b)
{
    bool fa = a.tag == T_Float, fb = b.tag == T_Float;
    if (fa && fb)
        return a.u.f < b.u.f ? -1 : a.u.f > b.u.f ? 1 : a.u.f == b.u.f ? 0 : 2;
    if (fb)
        return order_int_float(a.u.i, b.u.f);
    if (fa) {
        int r = order_int_float(b.u.i, a.u.f);
        return r == 2 ? 2 : -r;
    }
    return (a.u.i > b.u.i) - (a.u.i < b.u.i);
}

Value order_result(CmpOp op, int order)
{
    switch (op) {
    case CM_Eq: return V_BOOL(order == 0);
    case CM_Ne: return V_BOOL(order != 0);
    case CM_Lt: return V_BOOL(order == -1);
    case CM_Le: return V_BOOL(order == -1 || order == 0);
    case CM_Gt: return V_BOOL(order == 1);
    case CM_Ge: return V_BOOL(order == 1 || order == 0);
    case CM_Is: case CM_IsNot: case CM_In: case CM_NotIn: case CM_COUNT: break;
    }
    return V_NOTIMPL;
}

Value number_compare(VM *vm, CmpOp op, Value a, Value b)
{
    if (a.tag != T_Complex && b.tag != T_Complex)
        return order_result(op, order_real(a, b));
    if (op != CM_Eq && op != CM_Ne)
        return V_NOTIMPL;
    Cpx x = cpx_of(a), y = cpx_of(b);
    bool equal;
    if (a.tag == b.tag)
        equal = x.re == y.re && x.im == y.im;
    else if (a.tag == T_Complex)
        equal = x.im == 0 && order_real(V_FLOAT(x.re), b) == 0;
    else
        equal = y.im == 0 && order_real(a, V_FLOAT(y.re)) == 0;
    return V_BOOL(equal == (op == CM_Eq));
}
