/* interp/fmt_float.c — floats as decimal text.
 *
 * Shortest form: the fewest digits that read back as the same number, and among those the closest to it.  In the common range
 * this is decided by exact 128-bit integer arithmetic; elsewhere by printing with growing precision and reading back.  A given
 * number of digits is found likewise.  printf and strtod meet numbers only in forms without a decimal point, or with the point's
 * place known, so the locale does not matter. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "interp/format.h"

typedef unsigned __int128 u128;

static const uint64_t pow5_table[28] = {
    1u, 5u, 25u, 125u, 625u, 3125u, 15625u, 78125u, 390625u, 1953125u, 9765625u, 48828125u, 244140625u, 1220703125u,
    6103515625u, 30517578125u, 152587890625u, 762939453125u, 3814697265625u, 19073486328125u, 95367431640625u,
    476837158203125u, 2384185791015625u, 11920928955078125u, 59604644775390625u, 298023223876953125u,
    1490116119384765625u, 7450580596923828125u,
};

static u128 pow5(int k)
{
    return k < 28 ? pow5_table[k] : (u128)pow5_table[27] * pow5_table[k - 27];
}

static const uint64_t pow10_table[19] = {
    1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000, 10000000000, 100000000000, 1000000000000,
    10000000000000, 100000000000000, 1000000000000000, 10000000000000000, 100000000000000000, 1000000000000000000,
};

/* x > 0 as m * 2**e with a full mantissa. */
static uint64_t take_apart(double x, int bits, int *e)
{
    double fraction = frexp(x, e);
    *e -= bits;
    return (uint64_t)ldexp(fraction, bits);
}

/* x * 10**k rounded to an integer, ties to even; 0 <= k <= 31 and the result below 2**63. */
static uint64_t round_scaled(double x, int k)
{
    int e;
    u128 v = pow5(k) * take_apart(x, 53, &e);
    int shift = -(e + k);
    if (shift <= 0)
        return (uint64_t)(v << -shift);
    if (shift >= 128)
        return 0;       /* v has 125 bits at most */
    u128 rest = v & (((u128)1 << shift) - 1), half = (u128)1 << (shift - 1);
    uint64_t n = (uint64_t)(v >> shift);
    return n + (rest > half || (rest == half && n % 2));
}

/* n in decimal, `count` digits with zeros in front. */
static void put_padded(uint64_t n, char *digits, int count)
{
    for (; count > 0; n /= 10)
        digits[--count] = (char)('0' + n % 10);
}

/* n in decimal without trailing zeros; n > 0. Returns the count of digits and, in *dropped, of the zeros. */
static int put_digits(uint64_t n, char *digits, int *dropped)
{
    int zeros = 0;
    while (n % 10 == 0) {
        n /= 10;
        zeros++;
    }
    char text[20];
    int count = 0;
    for (; n; n /= 10)
        text[count++] = (char)('0' + n % 10);
    for (int k = 0; k < count; k++)
        digits[k] = text[count - 1 - k];
    *dropped = zeros;
    return count;
}

/* The number is m * 2**e, its neighbours half a unit of m away (below a power of two: a quarter); m even: the limits belong to it.
 * Tries first_count … last_count digits: the first count has a solution that is final, being enough for every shorter text too.
 * Scaled by 10**k to `count` digits the number is v / one, and a quarter of a unit of m is `quarter` / one. */
static int shortest_exact(uint64_t m, int e, int bits, int first_count, int last_count, char *digits, int *exponent10)
{
    bool even = m % 2 == 0, boundary = m == (uint64_t)1 << (bits - 1);
    /* 10**(estimate - 1) <= 2**(e + bits - 1) <= x; the true exponent may be one more */
    int estimate = (int)floor((e + bits - 1) * 0.30102999566398114) + 1;
    for (int count = first_count; count <= last_count; count++) {
        int k = count - estimate;
        u128 one, quarter, v, below;
        uint64_t low;
        if (e < 0) {
            int shift = 2 - e - k;
            one = (u128)1 << shift;
            quarter = pow5(k);
            v = quarter * m * 4;
            low = (uint64_t)(v >> shift);
            below = v - ((u128)low << shift);
        } else {
            one = k < 0 ? pow5(-k) << (2 - k) : 4;
            quarter = (u128)1 << e;
            quarter = k > 0 ? quarter * pow10_table[k] : quarter;
            v = quarter * m * 4;
            low = (uint64_t)(v / one);
            below = v - low * one;
        }
        if (low >= pow10_table[count]) {
            estimate++;
            count--;
            continue;
        }
        u128 above = one - below, margin_below = boundary ? quarter : 2 * quarter, margin_above = 2 * quarter;
        bool low_ok = below < margin_below || (even && below == margin_below);
        bool high_ok = above < margin_above || (even && above == margin_above);
        if (!low_ok && !high_ok)
            continue;
        bool up = !low_ok || (high_ok && (above < below || (above == below && low % 2)));
        int dropped, n = put_digits(low + up, digits, &dropped);
        *exponent10 = n + dropped - k;
        return n;
    }
    return 0;
}

/* Digits and exponent out of printf's d.ddde+xx, whatever the point is. */
static void scan_exponent_form(const char *text, int count, char *digits, int *exponent10)
{
    const char *e = strrchr(text, 'e');
    digits[0] = text[0];
    memcpy(digits + 1, e - (count - 1), (size_t)count - 1);
    *exponent10 = atoi(e + 1) + 1;
}

void fmt_exact_digits(double x, int count, char *digits, int *exponent10)
{
    if (count <= 17 && x >= 1e-13 && x < 1e15) {
        int exponent = (int)floor((ilogb(x)) * 0.30102999566398114) + 1;
        for (; exponent <= count; exponent++) {
            uint64_t n = round_scaled(x, count - exponent);
            if (n < pow10_table[count]) {
                put_padded(n, digits, count);
                *exponent10 = exponent;
                return;
            }
        }
    }
    char text[FMT_EXACT_MAX + 32];
    snprintf(text, sizeof text, "%.*e", count - 1, x);
    scan_exponent_form(text, count, digits, exponent10);
}

static bool reads_back(const char *digits, int count, int exponent10, double x, bool single)
{
    char text[48];
    snprintf(text, sizeof text, "%.*se%d", count, digits, exponent10 - count);
    return single ? (double)strtof(text, NULL) == x : strtod(text, NULL) == x;
}

static int shortest_by_trial(double x, bool single, int first_count, int last_count, char *digits, int *exponent10)
{
    for (int count = first_count; count < last_count; count++) {
        fmt_exact_digits(x, count, digits, exponent10);
        if (reads_back(digits, count, *exponent10, x, single))
            return count;
        /* Below a power of two the interval is narrower: the nearest text may lie outside while the next one above is inside. */
        int carry = count - 1;
        while (carry >= 0 && digits[carry] == '9')
            digits[carry--] = '0';
        if (carry >= 0) {
            digits[carry]++;
            if (reads_back(digits, count, *exponent10, x, single))
                return count;
        }
    }
    fmt_exact_digits(x, last_count, digits, exponent10);
    return last_count;
}

int fmt_shortest_digits(double x, bool single, char *digits, int *exponent10)
{
    int count, dropped;
    if (x < (single ? 0x1p24 : 0x1p53) && x == (double)(int64_t)x) {
        count = put_digits((uint64_t)x, digits, &dropped);
        *exponent10 = count + dropped;
        return count;
    }
    if ((x >= 1e-13 && x < (single ? 1e6 : 1e15)) || (x >= 0x1p53 && x < 0x1p124)) {
        int e, bits = single ? 24 : 53;
        uint64_t m = take_apart(x, bits, &e);
        count = shortest_exact(m, e, bits, single ? 6 : 15, single ? 9 : 17, digits, exponent10);
        if (count)
            return count;
    }
    /* 15 digits (6 for float) stand for themselves in every normal number; subnormal ones may need fewer than they show. */
    bool subnormal = x < (single ? 0x1p-126 : 0x1p-1022);
    int first = subnormal ? 1 : single ? 6 : 15;
    count = shortest_by_trial(x, single, first, single ? 9 : 17, digits, exponent10);
    while (count > 1 && digits[count - 1] == '0')
        count--;
    return count;
}

size_t fmt_fixed(char *out, double x, int places)
{
    if (places <= 18 && x < 1e15 && x * (double)pow10_table[places] < 1e18) {
        uint64_t n = x > 0 ? round_scaled(x, places) : 0, whole = n / pow10_table[places];
        int n_whole = 1;
        while (whole >= pow10_table[n_whole])
            n_whole++;
        put_padded(whole, out, n_whole);
        if (places == 0)
            return (size_t)n_whole;
        out[n_whole] = '.';
        put_padded(n % pow10_table[places], out + n_whole + 1, places);
        return (size_t)(n_whole + 1 + places);
    }
    size_t size = (size_t)snprintf(out, FMT_FIXED_SIZE, "%.*f", places, x);
    if (places > 0) {
        size_t whole = 0;
        while (out[whole] >= '0' && out[whole] <= '9')
            whole++;
        out[whole] = '.';
        memmove(out + whole + 1, out + size - places, (size_t)places + 1);
        size = whole + 1 + (size_t)places;
    }
    return size;
}

/* ---- layout ------------------------------------------------------------------------------------------------------ */

static size_t put_exponent(char *out, int exponent, char e)
{
    unsigned magnitude = exponent < 0 ? (unsigned)-exponent : (unsigned)exponent;
    size_t n = 0;
    out[n++] = e;
    out[n++] = exponent < 0 ? '-' : '+';
    if (magnitude >= 100)
        out[n++] = (char)('0' + magnitude / 100);
    out[n++] = (char)('0' + magnitude / 10 % 10);
    out[n++] = (char)('0' + magnitude % 10);
    return n;
}

/* Shortest form of a number > 0 into out; dot0: integers get ".0". */
static size_t layout_shortest(char *out, const char *digits, int count, int exponent10, bool scientific, bool dot0)
{
    size_t n = 0;
    if (scientific) {
        out[n++] = digits[0];
        if (count > 1) {
            out[n++] = '.';
            memcpy(out + n, digits + 1, (size_t)count - 1);
            n += (size_t)count - 1;
        }
        return n + put_exponent(out + n, exponent10 - 1, 'e');
    }
    if (exponent10 <= 0) {
        out[n++] = '0';
        out[n++] = '.';
        memset(out + n, '0', (size_t)-exponent10);
        n += (size_t)-exponent10;
        memcpy(out + n, digits, (size_t)count);
        return n + (size_t)count;
    }
    int whole = count < exponent10 ? count : exponent10;
    memcpy(out + n, digits, (size_t)whole);
    n += (size_t)whole;
    memset(out + n, '0', (size_t)(exponent10 - whole));
    n += (size_t)(exponent10 - whole);
    if (count > whole) {
        out[n++] = '.';
        memcpy(out + n, digits + whole, (size_t)(count - whole));
        n += (size_t)(count - whole);
    } else if (dot0) {
        out[n++] = '.';
        out[n++] = '0';
    }
    return n;
}

static size_t put_special(char *out, double x)
{
    const char *text = isnan(x) ? "nan" : x < 0 ? "-inf" : "inf";
    strcpy(out, text);
    return strlen(text);
}

static size_t shortest_text(char out[FMT_DOUBLE_MAX], double x, bool single, bool dot0)
{
    if (!isfinite(x))
        return put_special(out, x);
    size_t n = 0;
    if (signbit(x)) {
        out[n++] = '-';
        x = -x;
    }
    char digits[20] = "0";
    int count = 1, exponent10 = 1;
    bool scientific = false;
    if (x != 0) {
        count = fmt_shortest_digits(x, single, digits, &exponent10);
        /* float32 has six sure digits, hence the other limit; NumPy looks at the value, Python at its digits */
        scientific = single ? x >= 1e6 || x < 1e-4 : exponent10 > 16 || exponent10 <= -4;
    }
    n += layout_shortest(out + n, digits, count, exponent10, scientific, dot0);
    out[n] = '\0';
    return n;
}

size_t fmt_double(char out[FMT_DOUBLE_MAX], double x)
{
    return shortest_text(out, x, false, true);
}

size_t fmt_float32(char out[FMT_DOUBLE_MAX], float x)
{
    return shortest_text(out, (double)x, true, true);
}

void sb_put_complex(StrBuf *sb, double re, double im, bool single)
{
    char text[FMT_DOUBLE_MAX];
    if (re == 0 && !signbit(re)) {
        sb_put(sb, text, shortest_text(text, im, single, false));
        sb_putc(sb, 'j');
        return;
    }
    sb_putc(sb, '(');
    sb_put(sb, text, shortest_text(text, re, single, false));
    if (isnan(im) || !signbit(im))
        sb_putc(sb, '+');
    sb_put(sb, text, shortest_text(text, im, single, false));
    sb_put(sb, "j)", 2);
}

/* `count` digits of x followed by zeros up to `total`, from position `from` on. */
static void put_digit_range(StrBuf *sb, const char *digits, int64_t count, int64_t from, int64_t to)
{
    if (from < count)
        sb_put(sb, digits + from, (size_t)((to < count ? to : count) - from));
    if (to > count)
        sb_pad(sb, '0', (size_t)(to - (from > count ? from : count)));
}

static void put_scientific(StrBuf *sb, const char *digits, int64_t count, int64_t total, int exponent10, char e, bool alt)
{
    put_digit_range(sb, digits, count, 0, 1);
    if (total > 1 || alt)
        sb_putc(sb, '.');
    if (total > 1)
        put_digit_range(sb, digits, count, 1, total);
    char text[8];
    sb_put(sb, text, put_exponent(text, exponent10 - 1, e));
}

/* code 'g': `total` digits, of which the ones after `count` are zeros. */
static void put_positional(StrBuf *sb, const char *digits, int64_t count, int64_t total, int exponent10, unsigned flags)
{
    if (exponent10 <= 0) {
        sb_put(sb, "0.", 2);
        sb_pad(sb, '0', (size_t)-exponent10);
        put_digit_range(sb, digits, count, 0, total);
        return;
    }
    put_digit_range(sb, digits, count, 0, exponent10);
    if (total > exponent10) {
        sb_putc(sb, '.');
        put_digit_range(sb, digits, count, exponent10, total);
    } else if (flags & FMT_Dot0) {
        sb_put(sb, ".0", 2);
    } else if (flags & FMT_Alt) {
        sb_putc(sb, '.');
    }
}

void sb_put_double(StrBuf *sb, double x, char code, int64_t precision, unsigned flags)
{
    char lower = (char)(code | 0x20), e = code == lower ? 'e' : 'E';
    bool alt = flags & FMT_Alt;
    if ((flags & FMT_Sign) && (isnan(x) || !signbit(x)))
        sb_putc(sb, '+');
    if (!isfinite(x)) {
        char text[8];
        size_t n = put_special(text, x);
        for (size_t k = 0; k < n && code != lower; k++)
            text[k] &= text[k] == '-' ? 0x7F : 0x5F;
        sb_put(sb, text, n);
        return;
    }
    if (signbit(x)) {
        sb_putc(sb, '-');
        x = -x;
    }
    char digits[FMT_EXACT_MAX + 1] = "0";
    int exponent10 = 1;
    int64_t count = 1;
    if (lower == 'f') {
        int places = (int)(precision < FMT_FIXED_MAX ? precision : FMT_FIXED_MAX);
        char text[FMT_FIXED_SIZE];
        sb_put(sb, text, fmt_fixed(text, x, places));
        if (precision > places)
            sb_pad(sb, '0', (size_t)(precision - places));
        else if (precision == 0 && alt)
            sb_putc(sb, '.');
        return;
    }
    if (lower == 'r') {
        if (x != 0)
            count = fmt_shortest_digits(x, false, digits, &exponent10);
        if (exponent10 > 16 || exponent10 <= -4)
            put_scientific(sb, digits, count, count, exponent10, e, alt);
        else
            put_positional(sb, digits, count, count, exponent10, flags);
        return;
    }
    int64_t total = lower == 'e' ? precision + 1 : precision > 0 ? precision : 1;
    if (x != 0) {
        count = total < FMT_EXACT_MAX ? total : FMT_EXACT_MAX;
        fmt_exact_digits(x, (int)count, digits, &exponent10);
    }
    if (lower == 'e') {
        put_scientific(sb, digits, count, total, exponent10, e, alt);
        return;
    }
    int64_t limit = total - (flags & FMT_Dot0 ? 1 : 0);
    if (!alt) {
        while (count > 1 && digits[count - 1] == '0')
            count--;
        total = count;
    }
    if (exponent10 <= -4 || exponent10 > limit)
        put_scientific(sb, digits, count, total, exponent10, e, alt);
    else
        put_positional(sb, digits, count, total, exponent10, flags);
}
