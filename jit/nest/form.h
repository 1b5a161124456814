/* jit/nest/form.h — what expr*.c need of form.c beside build.h. */
#ifndef ALP_JIT_FORM_H
#define ALP_JIT_FORM_H

#include "jit/nest/build.h"

/* Is its value known before the nest starts: no counters, and symbols that are expressions of inputs, or products of such? */
bool form_is_known(const NForm *f);
/* The value of an integer operation that is not affine (// % min max shifts, wrapping arithmetic, narrowing casts) on operands with
 * these forms: a symbol, the same one for the same operation on the same values.  y NULL for one operand.  NULL if an operand has no form. */
const NForm *form_apply(NBuild *b, NOp op, DType rep, uint8_t flavour, const NForm *x, const NForm *y);

#endif
