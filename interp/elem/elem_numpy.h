/* interp/elem/elem_numpy.h — where NumPy differs from C. */
#ifndef ALP_INTERP_ELEM_NUMPY_H
#define ALP_INTERP_ELEM_NUMPY_H

#include "interp/elem/elem_pow.h"

/* np.power with a scalar exponent: 0.5 means the root, also of -0.0 and -inf. */
ELEM double elem_power(double x, double y)
{
    return ELEM_CHOOSE(y == 0.5, elem_sqrt(x), elem_pow(x, y));
}

ELEM float elem_powerf(float x, float y)
{
    return ELEM_CHOOSE(y == 0.5f, elem_sqrtf(x), elem_powf(x, y));
}

#endif
