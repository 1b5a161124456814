/* interp/iter.h — iteration: iter(), next, and the lazy builtins. */
#ifndef ALP_INTERP_ITER_H
#define ALP_INTERP_ITER_H

#include "interp/vm.h"

typedef enum IterKind { IT_Range, IT_List, IT_Tuple, IT_Str, IT_Array, IT_Enumerate, IT_Zip, IT_Reversed, IT_Tqdm, IT_Foreign } IterKind;

typedef struct Iter {
    Obj      head;              /* T_Iter */
    uint8_t  kind;              /* IterKind */
    int64_t  next, step, left;  /* position in source; IT_Range: value; enumerate: counter */
    Value    source;            /* what is iterated, or the inner iterator(s): Iter, or a tuple of Iters for zip */
    void    *state;             /* tqdm's progress bar (mod_tqdm.c) */
} Iter;

#define ITER(v) ((Iter *)(void *)(v).u.o)

/* iter(v): a new Iter, or v itself if it is one. TypeError "'int' object is not iterable". */
Value iter_new(VM *vm, Value v);
/* 1: *out is the next item (owned); 0: exhausted; -1: exception. */
int   iter_next(VM *vm, Value it, Value *out);
/* len() hint, or -1 when unknown (no exception). */
int64_t iter_length_hint(VM *vm, Value v);
Value iter_enumerate(VM *vm, Value iterable, int64_t start);
Value iter_zip(VM *vm, const Value *iterables, uint32_t n);
Value iter_zip_strict(VM *vm, const Value *iterables, uint32_t n);      /* zip(…, strict=True): ValueError for unequal lengths */
Value iter_reversed(VM *vm, Value seq);         /* TypeError "'int' object is not reversible" */
/* mod_tqdm.c: wraps an iterable; next and destruction call back there. */
int   tqdm_next(VM *vm, Iter *it, Value *out);
void  tqdm_destroy(VM *vm, Iter *it);
int64_t tqdm_length(VM *vm, Value bar);         /* len(); -1: exception */

#endif
