/* jit/depend/siv.h — closed forms for one equation over one loop, or over two loops of one reference each.  Private to jit/depend.
 *
 * All answers are exact: a direction is in the set if and only if it occurs.  What has no closed form here, or does not fit, is
 * left to the general solver (system.h). */
#ifndef ALP_JIT_SIV_H
#define ALP_JIT_SIV_H

#include "jit/depend/test.h"

typedef struct SivAnswer {
    uint8_t dirs;               /* 0: independent */
    bool    has_dist;
    int64_t dist;
    DepTest test;
} SivAnswer;

/* Pairs (x, y), 0 <= x, y <= up, with lo <= a*x - b*y <= hi; directions and distance of y - x.  a or b is not 0.
 * False: not decided here. */
bool siv_test(int64_t a, int64_t b, int64_t lo, int64_t hi, int64_t up, SivAnswer *out);

/* Is there a pair (x, y), 0 <= x <= up_x, 0 <= y <= up_y, with lo <= a*x - b*y <= hi?  Neither a nor b is 0.  *hits is only
 * set where the result is true: decided. */
bool rdiv_test(int64_t a, int64_t b, int64_t lo, int64_t hi, int64_t up_x, int64_t up_y, bool *hits);

/* Is there a t, 0 <= t <= up, with lo <= c*t <= hi?  c is not 0.  Result as above. */
bool own_test(int64_t c, int64_t lo, int64_t hi, int64_t up, bool *hits);

/* Floor and ceiling of a / b, b > 0. */
static inline int64_t floor_div(int64_t a, int64_t b)
{
    if (b == 1)
        return a;
    int64_t q = a / b;
    return q - (q * b > a);
}

static inline int64_t ceil_div(int64_t a, int64_t b)
{
    if (b == 1)
        return a;
    int64_t q = a / b;
    return q + (q * b < a);
}

static inline uint64_t abs_u64(int64_t a)
{
    return a < 0 ? -(uint64_t)a : (uint64_t)a;
}

uint64_t gcd_u64(uint64_t a, uint64_t b);

#endif
