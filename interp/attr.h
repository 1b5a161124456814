/* interp/attr.h — the cache of methods by type and name (attr.c), for the VM's life cycle and the evaluator. */
#ifndef ALP_INTERP_ATTR_H
#define ALP_INTERP_ATTR_H

#include "interp/interp.h"

void   attr_cache_free(VM *vm);
/* The evaluator's ways in, with what the node remembers of the last time: the method of a built-in type, borrowed, or NULL;
 * the value, owned. */
const Native *attr_method_cached(VM *vm, AstAttr *e, Value base);
Value         attr_get_cached(VM *vm, AstAttr *e, Value base);
/* v.name = x. AttributeError "'int' object has no attribute 'x'". */
Status attr_set(VM *vm, Value v, Sym name, Value x);
/* The name that the program may have meant among the attributes of v, or SYM_NONE. */
Sym    attr_suggest(VM *vm, Value v, Sym name);
/* Likewise among the variables that frame sees. */
Sym    name_suggest(VM *vm, const Frame *frame, Sym name);

#endif
