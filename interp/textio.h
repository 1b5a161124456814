/* interp/textio.h — tables of numbers as text: numpy.savetxt (textio.c) and numpy.loadtxt (loadtxt.c). */
#ifndef ALP_INTERP_TEXTIO_H
#define ALP_INTERP_TEXTIO_H

#include "interp/native.h"

/* The argument `encoding`: only UTF-8 is known. */
Status text_encoding_arg(VM *vm, Value v);

Value np_loadtxt(VM *vm, const Args *args);

#endif
