/* interp/whole.h — operations on whole arrays, carried out where the arrays are.
 *
 * `c = a + b`, `a[1:-1] = 0`, np.sum(a): between nests that run on a device, such statements would bring arrays back and forth.
 * So where operands' bytes are on a device, the operation is offered to the loop engine as the loop that it stands for, in
 * the language itself: "for i in range(n): o[i] = a[i] + b[i]".  As a nest it has its plan and its kernel, and gives the bits that
 * the host's loops give (elementary functions as in any nest).  Types and shapes are settled before: the
 * operands are what the host's loops would work on.  What the engine does not take, the host does. */
#ifndef ALP_INTERP_WHOLE_H
#define ALP_INTERP_WHOLE_H

#include "interp/reduce.h"
#include "interp/residency.h"
#include "interp/ufunc.h"

enum { WHOLE_MAX_RANK = 4 };

typedef enum WholeVerdict {
    WHOLE_LEFT,                 /* nothing has happened: it is the host's */
    WHOLE_DONE,
    WHOLE_RAISED,               /* an exception is pending */
} WholeVerdict;

typedef enum WholeKind {
    WHOLE_Map,                  /* for i in …:  o[i] = text */
    WHOLE_Sum,                  /* for j in …:  s = text */
    WHOLE_Sums,                 /* for i in …:  t = start;  for j in …:  t = text;  then  o[i] = t */
} WholeKind;

/* Of sums. */
typedef enum WholeOrder { ORDER_Any, ORDER_Tree /* canonical trees */, ORDER_Program } WholeOrder;

/* `rank` loops in all, with $a, $b and $c in the text for operands 0, 1 and 2, and $s for s or t. */
typedef struct WholeLoop {
    const char *text;           /* lives for ever: its address is part of the key */
    uint8_t  kind;              /* WholeKind */
    uint8_t  rank, n_in;
    uint8_t  in_place;          /* bit k: operand k is the elements of out, in their places */
    uint8_t  order;             /* WholeOrder */
    int64_t  shape[WHOLE_MAX_RANK];     /* outermost first */
    Value    out;               /* array; of sums: of rank - 1 axes */
    Value    sum;               /* of sums: the NumPy scalar to start from; WHOLE_Sum: and the result */
    Value    in[UFUNC_MAX_IN];  /* arrays of that shape, or NumPy scalars */
} WholeLoop;

/* Are the bytes of most of these arrays (NULL: none) on a device, and worth leaving there? */
bool whole_is_wanted(const VM *vm, const Array *const *array, int n);
/* The element of u's result, for a loop of dtype d; NULL: it has no such text. */
const char *whole_text(const Ufunc *u, DType d);
/* out[…] = text; in[k]: an array that broadcasts to out's shape, or a NumPy scalar.  Operands do not overlap out, but for the same
 * elements in the same places. */
WholeVerdict whole_map(VM *vm, const char *text, const Array *out, int n_in, const Value *in);
/* out[…] = in, an array that broadcasts or a NumPy scalar, converted. */
WholeVerdict whole_copy(VM *vm, const Array *out, Value in);
/* The reduction of a's groups to elements of dtype d; start: one such, NULL: that of min and max.  `there`: result, which is fresh, may get its
 * bytes on the device; else only the one element of a single group is found there, and comes to the host. */
WholeVerdict whole_reduce(VM *vm, TreeOp op, const Array *a, const ReduceWalk *w, const void *start, const Array *result, bool there);
/* Vector times vector, in the order of numpy's dot(); result: 0-d, on the host. */
WholeVerdict whole_dot(VM *vm, const Array *a, const Array *b, const Array *result);
/* Matrix times matrix, matrix times vector, or vector times matrix, where the result, which is fresh, gets its bytes on the device. */
WholeVerdict whole_product(VM *vm, const Array *a, const Array *b, const Array *result);

#endif
