/* interp/eval_index.h — element access shared by eval_index.c and assign.c. */
#ifndef ALP_INTERP_EVAL_INDEX_H
#define ALP_INTERP_EVAL_INDEX_H

#include "interp/array.h"
#include "interp/fast.h"
#include "interp/seq.h"

/* value[subs] = x: evaluates container and subscripts, then stores. */
Status index_store(VM *vm, Frame *f, AstIndex *target, ALP_TAKE Value x);
/* The handler of `target = value`. */
AnyFn  choose_index_assign(const AstIndex *target);
Flow   index_aug_assign(HANDLER_ARGS);          /* of an AugAssign whose target is a subscript */

#endif
