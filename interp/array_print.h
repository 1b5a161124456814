/* interp/array_print.h — printing of arrays with options other than the VM's (print_options.c). */
#ifndef ALP_INTERP_ARRAY_PRINT_H
#define ALP_INTERP_ARRAY_PRINT_H

#include "interp/format.h"

/* What np.array2string can change beside the options. */
typedef struct PrintLayout {
    const char *separator;      /* between elements: " " for str, ", " for repr */
    int64_t     prefix_size;    /* columns taken on the first line, to which the others are indented */
} PrintLayout;

/* The options in force. */
const PrintOptions *print_options(const VM *vm);
/* "[1 2 3]" */
void sb_put_elements(StrBuf *sb, Value a, const PrintOptions *options, PrintLayout layout);
void sb_put_array_repr(StrBuf *sb, Value a, const PrintOptions *options);

#endif
