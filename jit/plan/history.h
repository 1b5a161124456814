/* jit/plan/history.h — what executions took, measured against the cost model, kept from run to run.
 *
 * One small file in the folder of the kernel cache: a table of Corrections by a key of plan, target, size and machine.  A file that is damaged, of
 * another version or somebody else's is an empty one.  The table is read when it is first asked for, in a tenth of a millisecond.  When the history
 * is closed what was learnt is added to the file as it is then, and the new file takes the old one's place by rename: of two processes that do so at once
 * one's knowledge is lost, never the file. */
#ifndef ALP_JIT_HISTORY_H
#define ALP_JIT_HISTORY_H

#include "jit/plan/decide.h"

enum {
    HISTORY_VERSION = 1,
    HISTORY_ENTRIES = 2048,     /* at most: of those that meet in a bucket the ones not used for the longest time go */
};

typedef struct History History;

/* on_disk: read and write the file.  NULL: no memory. */
History *history_new(Mem *mem, bool on_disk);
/* Writes what was learnt, if it is worth it. */
void     history_free(History *h);
/* The correction for a key, with n == 0 if there was none; it lasts until history_free(), but may become another key's (history_is()). */
Correction *history_get(History *h, uint64_t key);
/* The same without making room for it: n == 0 if there is none. */
Correction history_peek(History *h, uint64_t key);
/* Is it still this key's? */
bool     history_is(const Correction *c, uint64_t key);
/* Something was learnt: the file is to be written. */
void     history_changed(History *h);

#endif
