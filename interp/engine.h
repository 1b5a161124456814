/* interp/engine.h — the seam to the JIT.
 *
 * At every loop whose ask_engine is set (AstFor, AstWhile) the interpreter asks the VM's loop engine, a table of functions, whether
 * it takes the loop.  At first these are the outermost loops; the engine may set and clear the flag, for instance ask for the loops
 * inside one that it cannot take.  It sees the frame's variables (Frame.slots, module slots, cells) and may read and write them.
 * No engine, or LOOP_DECLINED: the interpreter runs the loop itself. */
#ifndef ALP_INTERP_ENGINE_H
#define ALP_INTERP_ENGINE_H

#include "interp/whole.h"

typedef enum LoopVerdict {
    LOOP_DECLINED,      /* nothing happened; the interpreter runs the loop */
    LOOP_DONE,          /* the loop ran to its end, else part not yet; variables hold their last values */
    LOOP_BROKE,         /* it ended by break: the else part is skipped */
    LOOP_RETURNED,      /* a return statement ran; frame->ret holds its value */
    LOOP_RAISED,        /* an exception is pending, its traceback complete within this frame */
} LoopVerdict;

typedef struct LoopEngine {
    const char *name;
    /* Asked before a loop over range(…) builds the range: false: take() would decline, and is not called.  NULL: take() is always called. */
    bool (*may_take)(VM *vm, Frame *frame, Node *loop);
    /* For loops: iterable is the evaluated `in` expression (borrowed).  While loops: T_Unbound. */
    LoopVerdict (*take)(VM *vm, Frame *frame, Node *loop, Value iterable);
    /* A While loop that take() declined has run for some iterations since: the rest of it is that loop, entered now.  NULL: not called. */
    LoopVerdict (*take_rest)(VM *vm, Frame *frame, Node *loop);
    /* An operation on whole arrays that are on a device.  NULL: the host does them all. */
    WholeVerdict (*whole)(VM *vm, WholeLoop *loop);
    /* A chunk is about to be freed: forget what hangs on its loops (the X(nest) fields).  NULL: nothing to do. */
    void (*forget_chunk)(VM *vm, Chunk *chunk);
    /* The VM ends: release engine_state.  NULL: nothing to do. */
    void (*close)(VM *vm);
} LoopEngine;

#endif
