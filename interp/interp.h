/* interp/interp.h — the evaluator's own interface: expressions and statements over the resolved tree (eval.c, exec.c, call.c). */
#ifndef ALP_INTERP_INTERP_H
#define ALP_INTERP_INTERP_H

#include "interp/func.h"

typedef enum Flow { FLOW_NORMAL, FLOW_BREAK, FLOW_CONTINUE, FLOW_RETURN, FLOW_ERROR } Flow;

Value eval(VM *vm, Frame *f, Node *n);                  /* owned; T_Error: traceback line already added */
Flow  exec_body(VM *vm, Frame *f, const NodeList *body);
Status assign_to(VM *vm, Frame *f, Node *target, ALP_TAKE Value v);

#endif
