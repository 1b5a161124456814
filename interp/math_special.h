/* interp/math_special.h — functions of the module math that the C library lacks or computes differently from CPython. */
#ifndef ALP_INTERP_MATH_SPECIAL_H
#define ALP_INTERP_MATH_SPECIAL_H

#include <stddef.h>

/* Euclidean length of a vector, correct to the last bit but for rare cases; v is overwritten. */
double special_norm(double *v, size_t n);

/* Exact sum of doubles as a growing set of parts that do not overlap (Shewchuk 1997).  A double has 2098 positions for bits, so
 * there are never more parts than that. */
typedef struct ExactSum {
    double part[2100];          /* ascending in magnitude */
    size_t n;
    double special, infinite;   /* sums of the infinities and NaNs, and of the infinities alone */
} ExactSum;

void   exact_sum_init(ExactSum *s);
/* False: a partial sum exceeds the range of doubles. */
int    exact_sum_add(ExactSum *s, double x);
double exact_sum_round(const ExactSum *s);      /* to nearest, ties to even */

#endif
