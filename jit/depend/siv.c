/* jit/depend/siv.c — single-index equations, decided exactly in a few instructions (Goff, Kennedy, Tseng 1991, section 4).
 *
 * All of them ask which signs y - x takes over the integer points of lo <= a*x - b*y <= hi in the square 0 <= x, y <= up:
 *
 *   strong         a = b       y - x is a constant, or an interval of constants: all of -up..up occur as distances
 *   weak-zero      a or b = 0  one side is pinned to an interval of iterations, the other is free
 *   weak-crossing  a = -b      x + y is a constant s; the two sides cross at s/2, which is an iteration only if s is even
 *   exact          otherwise   the solutions form a line x = x0 + p*k, y = y0 + q*k; y - x is monotone in k, so its extremes lie at
 *                              the ends of the range of k, and it is zero for at most one k
 *
 * An interval lo < hi of more than one value after division by gcd(a, b) is a strip, not a line: only strong and weak-zero
 * take it here. */
#include "jit/depend/siv.h"

typedef __int128 Wide;

uint64_t gcd_u64(uint64_t a, uint64_t b)
{
    if (a == 1 || b == 1)
        return 1;
    while (b) {
        uint64_t r = a % b;
        a = b;
        b = r;
    }
    return a;
}

/* The interval of t with lo <= c*t <= hi; empty if first > last.  c is neither 0 nor INT64_MIN. */
static void divide_interval(int64_t c, int64_t lo, int64_t hi, int64_t *first, int64_t *last)
{
    if (c < 0) {
        /* -lo would overflow for INT64_MIN: the quotients' signs are turned instead. */
        *first = -floor_div(hi, -c);
        *last = -ceil_div(lo, -c);
    } else {
        *first = ceil_div(lo, c);
        *last = floor_div(hi, c);
    }
}

static int64_t max64(int64_t a, int64_t b) { return a > b ? a : b; }
static int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }

bool own_test(int64_t c, int64_t lo, int64_t hi, int64_t up, bool *hits)
{
    int64_t first, last;
    if (UNLIKELY(c == INT64_MIN || lo == INT64_MIN || hi == INT64_MIN))
        return false;
    divide_interval(c, lo, hi, &first, &last);
    *hits = max64(first, 0) <= min64(last, up);
    return true;
}

static bool strong(int64_t a, int64_t lo, int64_t hi, int64_t up, SivAnswer *out)
{
    int64_t first, last;
    divide_interval(-a, lo, hi, &first, &last);         /* a*x - a*y = -a * (y - x) */
    first = max64(first, -up);
    last = min64(last, up);
    out->test = DEP_StrongSIV;
    out->dirs = 0;
    out->has_dist = first == last;
    out->dist = first;
    if (first <= last)
        out->dirs = (uint8_t)((last > 0 ? DIR_LT : 0) | (first <= 0 && last >= 0 ? DIR_EQ : 0) | (first < 0 ? DIR_GT : 0));
    return true;
}

/* One side takes the iterations first..last, the other is free: `below` is the direction when the free side comes later. */
static bool weak_zero(int64_t c, int64_t lo, int64_t hi, int64_t up, bool pins_a, SivAnswer *out)
{
    int64_t first, last;
    divide_interval(c, lo, hi, &first, &last);
    first = max64(first, 0);
    last = min64(last, up);
    out->test = DEP_WeakZeroSIV;
    out->dirs = 0;
    out->has_dist = up == 0;
    out->dist = 0;
    if (first <= last)
        out->dirs = (uint8_t)(DIR_EQ | (first < up ? pins_a ? DIR_LT : DIR_GT : 0) | (last > 0 ? pins_a ? DIR_GT : DIR_LT : 0));
    return true;
}

/* x + y == s */
static void weak_crossing(int64_t s, int64_t up, SivAnswer *out)
{
    out->test = DEP_WeakCrossingSIV;
    out->dirs = 0;
    if (s < 0 || s - up > up)
        return;
    int64_t x_min = max64(0, s - up);
    out->dirs = (uint8_t)((x_min < s - x_min ? DIR_LT | DIR_GT : 0) | (s % 2 == 0 ? DIR_EQ : 0));
    out->has_dist = out->dirs == DIR_EQ;
    out->dist = 0;
}

/* x with a*x == 1 modulo m, for coprime a and m > 0; 0 for m == 1. */
static int64_t inverse(int64_t a, int64_t m)
{
    int64_t r0 = m, r1 = a % m, t0 = 0, t1 = 1;
    if (r1 < 0)
        r1 += m;
    while (r1) {
        int64_t q = r0 / r1, r = r0 - q * r1, t = t0 - q * t1;
        r0 = r1, r1 = r;
        t0 = t1, t1 = t;
    }
    return t0 < 0 ? t0 + m : t0;
}

static Wide floor_div_wide(Wide a, Wide b)
{
    if (a == (int64_t)a && b == (int64_t)b)
        return floor_div((int64_t)a, (int64_t)b);
    Wide q = a / b;
    return q - (q * b > a);
}

/* The solutions x = x0 + p*k, y = y0 + q*k of a*x - b*y == c within 0 <= x <= up_x, 0 <= y <= up_y, for coprime a and b, neither
 * of them 0: first <= k <= last. */
typedef struct Line { Wide x0, y0, p, q, first, last; } Line;

static Line solutions(int64_t a, int64_t b, int64_t c, int64_t up_x, int64_t up_y)
{
    Line l = {.p = b < 0 ? -(Wide)b : b, .q = b < 0 ? -(Wide)a : a};
    l.x0 = (Wide)c % l.p * inverse(a, (int64_t)l.p) % l.p;
    if (l.x0 < 0)
        l.x0 += l.p;
    l.y0 = ((Wide)a * l.x0 - c) / b;
    Wide y_first = l.q > 0 ? -floor_div_wide(l.y0, l.q) : -floor_div_wide(up_y - l.y0, -l.q);
    Wide y_last = l.q > 0 ? floor_div_wide(up_y - l.y0, l.q) : floor_div_wide(l.y0, -l.q);
    l.last = floor_div_wide(up_x - l.x0, l.p);
    l.first = y_first > 0 ? y_first : 0;
    l.last = y_last < l.last ? y_last : l.last;
    return l;
}

/* a*x - b*y == c for coprime a and b, neither of them 0, a != b. */
static void exact(int64_t a, int64_t b, int64_t c, int64_t up, SivAnswer *out)
{
    Line l = solutions(a, b, c, up, up);
    out->test = DEP_ExactSIV;
    out->dirs = 0;
    if (l.first > l.last)
        return;
    Wide d0 = l.y0 - l.x0, step = l.q - l.p, d_first = d0 + step * l.first, d_last = d0 + step * l.last;
    Wide least = d_first < d_last ? d_first : d_last, most = d_first < d_last ? d_last : d_first;
    bool meets = least <= 0 && most >= 0 && d0 % step == 0;
    out->dirs = (uint8_t)((most > 0 ? DIR_LT : 0) | (meets ? DIR_EQ : 0) | (least < 0 ? DIR_GT : 0));
    out->has_dist = least == most;
    out->dist = (int64_t)least;
}

bool rdiv_test(int64_t a, int64_t b, int64_t lo, int64_t hi, int64_t up_x, int64_t up_y, bool *hits)
{
    if (UNLIKELY(a == INT64_MIN || b == INT64_MIN || lo == INT64_MIN || hi == INT64_MIN))
        return false;
    int64_t g = (int64_t)gcd_u64(abs_u64(a), abs_u64(b));
    a /= g;
    b /= g;
    lo = ceil_div(lo, g);
    hi = floor_div(hi, g);
    /* Values lie between the extremes; next to a coefficient 1 that has room for the other's steps, all of them occur. */
    Wide ax = (Wide)a * up_x, by = (Wide)b * up_y;
    Wide min = (ax < 0 ? ax : 0) - (by > 0 ? by : 0), max = (ax > 0 ? ax : 0) - (by < 0 ? by : 0);
    *hits = lo <= hi && lo <= max && hi >= min;
    if (!*hits || ((a == 1 || a == -1) && up_x >= (b < 0 ? -b : b) - 1) || ((b == 1 || b == -1) && up_y >= (a < 0 ? -a : a) - 1))
        return true;
    if (lo != hi)
        return false;
    Line l = solutions(a, b, lo, up_x, up_y);
    *hits = l.first <= l.last;
    return true;
}

bool siv_test(int64_t a, int64_t b, int64_t lo, int64_t hi, int64_t up, SivAnswer *out)
{
    if (UNLIKELY(a == INT64_MIN || b == INT64_MIN || lo == INT64_MIN || hi == INT64_MIN))
        return false;
    if (a == b)
        return strong(a, lo, hi, up, out);
    if (a == 0)
        return weak_zero(-b, lo, hi, up, false, out);
    if (b == 0)
        return weak_zero(a, lo, hi, up, true, out);
    int64_t g = (int64_t)gcd_u64(abs_u64(a), abs_u64(b));
    lo = ceil_div(lo, g);
    hi = floor_div(hi, g);
    out->test = DEP_ExactSIV;
    out->dirs = 0;
    out->has_dist = false;
    if (lo > hi)
        out->test = a == -b ? DEP_WeakCrossingSIV : DEP_ExactSIV;
    else if (lo < hi)
        return false;
    else if (a == -b)
        weak_crossing(a > 0 ? lo : -lo, up, out);
    else
        exact(a / g, b / g, lo, up, out);
    return true;
}
