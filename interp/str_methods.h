/* interp/str_methods.h — the C functions behind the rows of str_methods[] (str_methods.c) that other files define. */
#ifndef ALP_INTERP_STR_METHODS_H
#define ALP_INTERP_STR_METHODS_H

#include "interp/native.h"
#include "interp/str.h"

/* str_case.c */
Value str_isalnum(VM *vm, const Args *a);
Value str_isalpha(VM *vm, const Args *a);
Value str_isascii(VM *vm, const Args *a);
Value str_isdecimal(VM *vm, const Args *a);
Value str_isdigit(VM *vm, const Args *a);
Value str_isidentifier(VM *vm, const Args *a);
Value str_islower(VM *vm, const Args *a);
Value str_isnumeric(VM *vm, const Args *a);
Value str_isprintable(VM *vm, const Args *a);
Value str_isspace(VM *vm, const Args *a);
Value str_istitle(VM *vm, const Args *a);
Value str_isupper(VM *vm, const Args *a);
Value str_capitalize(VM *vm, const Args *a);
Value str_casefold(VM *vm, const Args *a);
Value str_lower(VM *vm, const Args *a);
Value str_swapcase(VM *vm, const Args *a);
Value str_title(VM *vm, const Args *a);
Value str_upper(VM *vm, const Args *a);

/* str_split.c */
Value str_join(VM *vm, const Args *a);
Value str_lstrip(VM *vm, const Args *a);
Value str_partition(VM *vm, const Args *a);
Value str_rpartition(VM *vm, const Args *a);
Value str_rsplit(VM *vm, const Args *a);
Value str_rstrip(VM *vm, const Args *a);
Value str_split(VM *vm, const Args *a);
Value str_splitlines(VM *vm, const Args *a);
Value str_strip(VM *vm, const Args *a);
/* format_method.c */
Value str_format(VM *vm, const Args *a);

#endif
