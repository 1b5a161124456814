/* interp/engine.h — the seam to the JIT.
 *
 * At every outermost loop (AstFor/AstWhile with is_outermost) the interpreter asks the VM's loop engine, a table of functions,
 * whether it takes the loop.  The engine sees the frame's variables (Frame.slots, module slots, cells) and may read and write them.
 * No engine, or LOOP_DECLINED: the interpreter runs the loop itself. */
#ifndef ALP_INTERP_ENGINE_H
#define ALP_INTERP_ENGINE_H

#include "interp/vm.h"

typedef enum LoopVerdict {
    LOOP_DECLINED,      /* nothing happened; the interpreter runs the loop */
    LOOP_DONE,          /* the loop ran to its end, else part not yet; variables hold their last values */
    LOOP_BROKE,         /* it ended by break: the else part is skipped */
    LOOP_RETURNED,      /* a return statement ran; frame->ret holds its value */
    LOOP_RAISED,        /* an exception is pending, its traceback complete within this frame */
} LoopVerdict;

typedef struct LoopEngine {
    const char *name;
    /* For loops: iterable is the evaluated `in` expression (borrowed).  While loops: T_Unbound. */
    LoopVerdict (*take)(VM *vm, Frame *frame, Node *loop, Value iterable);
    /* A chunk is about to be freed: forget what hangs on its loops (the X(nest) fields).  NULL: nothing to do. */
    void (*forget_chunk)(VM *vm, Chunk *chunk);
    /* The VM ends: release engine_state.  NULL: nothing to do. */
    void (*close)(VM *vm);
} LoopEngine;

#endif
