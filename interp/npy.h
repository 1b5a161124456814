/* interp/npy.h — the .npy file format. */
#ifndef ALP_INTERP_NPY_H
#define ALP_INTERP_NPY_H

#include "interp/array.h"

/* The array in the text of a whole .npy file: formats 1, 2 and 3, every dtype of alpy in either byte order, C and Fortran order.
 * Sizes that the file claims are believed only as far as the file goes.  ValueError, EOFError with NumPy's texts. */
Value npy_parse(VM *vm, const char *bytes, size_t size);

#endif
