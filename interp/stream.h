/* interp/stream.h — what writes to the standard streams: sys.stdout and sys.stderr as objects (mod_sys.c), progress bars
 * (mod_tqdm.c). */
#ifndef ALP_INTERP_STREAM_H
#define ALP_INTERP_STREAM_H

#include "interp/native.h"

/* 1: sys.stdout, 2: sys.stderr, 0: something else. */
int    stream_number(Value v);
/* Write a str. UnicodeEncodeError for lone surrogates. */
Status stream_write(VM *vm, int stream, Value text);
/* The tqdm type called: a progress bar over an iterable (mod_tqdm.c). */
Value  tqdm_new(VM *vm, const Value *args, uint32_t n_args, const Sym *kw, uint32_t n_kw);
extern const NativeRow tqdm_methods[];
extern const char *const tqdm_attr_names[];     /* NULL-ended */
Value  tqdm_attr(VM *vm, Value v, const char *name);

#endif
