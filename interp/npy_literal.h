/* interp/npy_literal.h — the header of a .npy file: a dict literal of Python. */
#ifndef ALP_INTERP_NPY_LITERAL_H
#define ALP_INTERP_NPY_LITERAL_H

#include "interp/vm.h"

#define NPY_MAX_KEYS 16

typedef struct NpyDict {
    int   count;
    Value key[NPY_MAX_KEYS];    /* str, each once */
    Value value[NPY_MAX_KEYS];  /* None, bool, int, float, str, tuple, list */
} NpyDict;

/* python2: integers may end in L.
 * ValueError "Cannot parse header: …", "Header is not a dictionary: …"; OverflowError for integers of more than 64 bits. */
Status npy_dict_parse(VM *vm, const char *text, size_t size, bool python2, NpyDict *out);
void   npy_dict_free(VM *vm, NpyDict *d);

#endif
