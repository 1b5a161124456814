/* dsl/base.h — what every file of alpy may use: status codes, hints to the compiler, ownership markers, checked sizes. */
#ifndef ALP_DSL_BASE_H
#define ALP_DSL_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Result of a call that can fail.  ALP_FAIL: the detail lies where the function's header says (a Diag, or the VM's
 * pending exception).  Nothing in alpy unwinds by longjmp: foreign frames may be on the stack. */
typedef enum Status { ALP_OK = 0, ALP_FAIL = 1 } Status;

#define TRY(e) do { if ((e) != ALP_OK) return ALP_FAIL; } while (0)

#define LIKELY(x)   __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define NOINLINE    __attribute__((noinline))
#define PRINTF_LIKE(fmt, first) __attribute__((format(printf, fmt, first)))
#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

/* Ownership on prototypes: the callee releases an argument marked so; unmarked ones are borrowed. */
#define ALP_TAKE

/* Our own broken invariants only, never a user's mistake. */
#include <assert.h>
#define ALP_ASSERT(x) assert(x)

#endif
