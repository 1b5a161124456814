/* interp/seq.h — tuples, lists, ranges and slices. */
#ifndef ALP_INTERP_SEQ_H
#define ALP_INTERP_SEQ_H

#include "interp/vm.h"

typedef struct Tuple { Obj head; size_t count; Value item[]; } Tuple;
/* Objects that can form cycles hang in vm->containers, so that vm_free releases them too. */
typedef struct Container { Obj head; Obj *prev, *next; } Container;
typedef struct List  { Container link; size_t count, cap; Value *item; } List;
typedef struct Range { Obj head; int64_t start, stop, step, count; } Range;
typedef struct Slice { Obj head; Value start, stop, step; } Slice;

/* Obj.flags of a tuple or list: its repr is being made, so meeting it again gives "[...]". */
enum { OBJ_IN_REPR = 0x80, OBJ_IN_SEARCH = 0x40 /* its arrays are being brought to the host */ };

#define TUPLE(v) ((Tuple *)(void *)(v).u.o)
#define LIST(v)  ((List *)(void *)(v).u.o)
#define RANGE(v) ((Range *)(void *)(v).u.o)
#define SLICE(v) ((Slice *)(void *)(v).u.o)

void  container_link(VM *vm, Container *c);
void  container_unlink(VM *vm, Container *c);

Value tuple_new(VM *vm, const Value *items, size_t count);      /* references items; items NULL: all T_Unbound, to be filled */
Value tuple_of(VM *vm, size_t count, ...);                      /* takes its Value arguments; any T_Error among them: releases all, V_ERR */
Value list_new(VM *vm, const Value *items, size_t count);               /* likewise */
Status list_reserve(VM *vm, List *l, size_t extra);                     /* room for `extra` more items */
Status list_extend(VM *vm, Value list, Value iterable);
Status list_append(VM *vm, Value list, ALP_TAKE Value v);
Value range_new(VM *vm, int64_t start, int64_t stop, int64_t step);     /* step 0: ValueError */
int64_t range_count(int64_t start, int64_t stop, int64_t step);         /* INT64_MAX for more */
Value slice_new(VM *vm, Value start, Value stop, Value step);           /* references */
/* slice.indices(length): clamps as Python; TypeError, ValueError "slice step cannot be zero". */
Status slice_indices(VM *vm, Value slice, int64_t length, int64_t *start, int64_t *step, int64_t *count);
bool  range_equal(const Range *a, const Range *b);                      /* the same values, whatever stop says */
/* start, stop, step of a range or slice, owned; V_UNBOUND: no such attribute.  attr.c */
Value range_attr(VM *vm, Value v, const char *name);
Value slice_attr(VM *vm, Value v, const char *name);
extern const char *const range_attr_names[];                            /* NULL-ended; a slice's are the same */
/* Any iterable into an owned tuple or list. */
Value seq_to_list(VM *vm, Value iterable);
Value seq_to_tuple(VM *vm, Value iterable);

#endif
