/* interp/elem/elem_bitcode.c — the functions as a module of LLVM's, from which kernels take those that they call (jit/cpu/link.cpp).  Compiled
 * by clang for no processor in particular: what a kernel is compiled for holds for them too, once they are in it. */
#define ELEM_BITCODE
#include "interp/elem/elem_all.h"
