/* interp/fresh.h — fresh arrays whose bytes are told in a few words, until somebody wants to see them.
 *
 * zeros(), full(), arange() and kin make arrays that are often first used by a kernel on a device, which makes their bytes there
 * faster than they could be copied.  So where a VM has such a back end (VM.late_bytes), and the array is worth it, its Buffer
 * only gets a description, as a BufferDevice of its own: whoever looks at the bytes, or changes them, asks for them first
 * (interp/residency.h), and has them written then.  Host memory is taken at once in any case. */
#ifndef ALP_INTERP_FRESH_H
#define ALP_INTERP_FRESH_H

#include "interp/residency.h"

typedef enum FreshKind {
    FRESH_Any,                  /* of no matter: all of them will be written before they are read */
    FRESH_Zero,
    FRESH_Element,              /* u.element, again and again */
    FRESH_Range,                /* u.element and the one behind it, and so on in equal steps (arange) */
    FRESH_Line,                 /* float64: i * step + start, the last one `last` (linspace) */
} FreshKind;

/* What all of a buffer's elements are, in the order of their addresses. */
typedef struct Fresh {
    uint8_t kind;               /* FreshKind */
    uint8_t dtype;              /* DType */
    int64_t count;
    union {
        char element[32];       /* room for two of the largest */
        struct { double start, step, last; } line;
    } u;
} Fresh;

typedef struct FreshBuffer {
    BufferDevice base;
    Fresh fresh;
    uint32_t n_peeks;           /* elements looked at */
    bool  on_host;              /* the bytes are also in host memory: zeros from the operating system */
} FreshBuffer;

enum { FRESH_LATE_BYTES = 64 << 10 };   /* VM.late_bytes where there is such a back end */

/* Would a description of this buffer be kept? */
static inline bool fresh_is_kept(const VM *vm, const Buffer *b)
{
    return UNLIKELY(vm->late_bytes) && b->size >= vm->late_bytes && !b->device && b->alloc_size;
}
/* Give the array, which is new and has no gaps, its bytes: described, or written at once.  zeroed: its memory is zero. */
void fresh_set(VM *vm, const Array *a, const Fresh *fresh, bool zeroed);
/* All of the array's bytes will be written before they are read, most likely on a device. */
void fresh_any(VM *vm, const Array *a);
/* Write them. */
void fresh_write(const Fresh *fresh, char *to);
/* Are all bytes the same (u.element[0], 0 for FRESH_Zero)? */
bool fresh_is_one_byte(const Fresh *fresh);
/* b's description; NULL: it has none. */
FreshBuffer *fresh_of(const Buffer *b);
/* Forget it: the bytes are elsewhere. */
void fresh_forget(VM *vm, Buffer *b);

#endif
