/* interp/textio.h — tables of numbers as text: numpy.savetxt (textio.c) and numpy.loadtxt (loadtxt.c). */
#ifndef ALP_INTERP_TEXTIO_H
#define ALP_INTERP_TEXTIO_H

#include "interp/native.h"

Value np_loadtxt(VM *vm, const Args *args);

#endif
