/* interp/index.h — a subscript of an array taken apart; shared by index.c and index_fancy.c. */
#ifndef ALP_INTERP_INDEX_H
#define ALP_INTERP_INDEX_H

#include "interp/array.h"

#define INDEX_MAX_ITEMS 32

typedef enum IndexKind { IX_INT, IX_SLICE, IX_NEW, IX_ELLIPSIS, IX_ARRAY, IX_MASK } IndexKind;

typedef struct IndexItem {
    IndexKind kind;
    int64_t   index;            /* IX_INT */
    Value     slice;            /* IX_SLICE; borrowed */
    Value     array;            /* IX_ARRAY, IX_MASK, and IX_INT that came from a 0-d array; owned */
} IndexItem;

typedef struct IndexKey {
    int  n;
    int  n_axes;                /* of the array that the items use, without the ellipsis */
    bool fancy;                 /* an IX_ARRAY or IX_MASK is there */
    bool int_from_array;
    IndexItem item[INDEX_MAX_ITEMS + 1];
} IndexKey;

/* A part of an array. */
typedef struct View {
    char   *data;
    int     ndim;
    int64_t shape[ALP_MAX_NDIM], strides[ALP_MAX_NDIM];
} View;

Status index_key_parse(VM *vm, const Array *a, Value v, IndexKey *key);
void   index_key_free(VM *vm, IndexKey *key);
/* Normalises a Python index; IndexError "index 5 is out of bounds for axis 0 with size 3". */
Status index_bounds(VM *vm, int64_t *index, int axis, int64_t size);
/* Select within axis `axis` of a, appending to view. */
Status index_view_int(VM *vm, const Array *a, View *view, int64_t index, int axis);
Status index_view_slice(VM *vm, const Array *a, View *view, Value slice, int axis);
Status index_view_axis(VM *vm, View *view, int64_t size, int64_t stride);

Value  index_fancy_get(VM *vm, const Array *a, const IndexKey *key);
Status index_fancy_set(VM *vm, const Array *a, const IndexKey *key, Value x);

#endif
