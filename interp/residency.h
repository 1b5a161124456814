/* interp/residency.h — whose bytes are current: the host's or a back end's device's.
 *
 * A Buffer whose `device` is not NULL may have newer bytes on a device than in host memory.  Whoever looks at an array's
 * bytes, or changes them, other than by a nest on that device, calls array_to_host() first.  That is done where values enter
 * code that handles bytes: operators (ufunc.c, linalg.c), subscripts (eval_index.c, index.c, index_fancy.c), iteration,
 * conversions to numbers and texts, copies and assignments (array.c), calls of functions of numpy and of the host program
 * (native.c), and the embedding API; so most code never meets such a buffer.  Functions of numpy get their arguments' bytes
 * current, as NativeRow.arrays says.
 *
 * Two ways to have less copied: bytes of fresh arrays are only described until somebody wants them (fresh.h), and operations on
 * whole arrays are offered to the device that has them (whole.h). */
#ifndef ALP_INTERP_RESIDENCY_H
#define ALP_INTERP_RESIDENCY_H

#include "interp/array.h"

typedef enum HostUse {
    HOST_Read,                  /* the device's copy stays valid */
    HOST_Write,                 /* the host's bytes may be changed: the device's are old from now on */
    HOST_Lend,                  /* the host program gets the address: as if the memory were its own, from now on */
    HOST_Expose,                /* a raw address is given away: the host's bytes must be current after every nest from now on */
} HostUse;

/* First member of what a back end hangs on Buffer.device. */
typedef struct BufferDevice {
    /* Host bytes are current on return.  ALP_FAIL: an exception is pending (the device is lost, and with it the bytes:
     * RuntimeError). */
    Status (*to_host)(VM *vm, Buffer *b, HostUse use);
    /* NULL, or: n bytes (of host address p, in b) to `out`, if that is better than bringing all of b.  False: it is not, or
     * cannot be done. */
    bool   (*peek)(Buffer *b, const char *p, size_t n, void *out);
    /* NULL, or likewise, to be read: the n bytes of host address p, in b, to there; what is around them in host memory may be old. */
    bool   (*part)(Buffer *b, char *p, size_t n);
    /* NULL, or likewise: n bytes (at most 16) to host address p of b and, if that is current there, to where they are on the device. */
    bool   (*poke)(Buffer *b, char *p, size_t n, const void *bytes);
    /* Are the current bytes on the device, to be used there?  NULL: they are not. */
    bool   (*is_there)(const Buffer *b);
    void   (*gone)(VM *vm, Buffer *b);          /* the Buffer is being freed: detach, and release what is on the device */
    Buffer *buffer;                             /* set by device_attach() … */
    struct BufferDevice *prev, *next;           /* … of vm->on_device */
} BufferDevice;

/* d becomes b's; it had none.  Neither asks a device for anything. */
void   device_attach(VM *vm, Buffer *b, BufferDevice *d);
void   device_detach(VM *vm, Buffer *b);

/* A host program may lend the same bytes twice: two Buffers, of which a device would have one copy each.  Such buffers are
 * exposed, as soon as one of them is on a device: so all of them are found in vm->borrowed. */
typedef struct BorrowedBuffer {
    Buffer buffer;
    struct BorrowedBuffer *prev, *next;
} BorrowedBuffer;
Status borrowed_add(VM *vm, BorrowedBuffer *b);         /* ALP_FAIL: an exception is pending; it has been added even so */
void   borrowed_remove(VM *vm, BorrowedBuffer *b);
static inline bool buffers_overlap(const Buffer *a, const Buffer *b)
{
    return a->data < b->data + b->size && b->data < a->data + a->size;
}

Status buffer_to_host_slow(VM *vm, Buffer *b, HostUse use);
static inline Status buffer_to_host(VM *vm, Buffer *b, HostUse use)
{
    return LIKELY(!b->device && use < HOST_Lend) ? ALP_OK : buffer_to_host_slow(vm, b, use);
}
/* The elements of a alone are meant, if they are to be read: other views of the same bytes are asked for by themselves.
 * vm->n_on_device, the number of buffers whose `device` is set, makes this free where no device is used. */
Status array_to_host_slow(VM *vm, const Array *a, HostUse use);
static inline Status array_to_host(VM *vm, const Array *a, HostUse use)
{
    return LIKELY(!vm->n_on_device && use < HOST_Lend) ? ALP_OK : array_to_host_slow(vm, a, use);
}
/* Where to read the element at p: there, or in room (16 bytes), where it was brought alone.  NULL: an exception is pending. */
const char *element_to_host_slow(VM *vm, const Array *a, const char *p, char *room);
static inline const char *element_to_host(VM *vm, const Array *a, const char *p, char *room)
{
    return LIKELY(!vm->n_on_device) ? p : element_to_host_slow(vm, a, p, room);
}
/* Store x as the element at p, there where the bytes are. */
Status element_store_slow(VM *vm, const Array *a, char *p, Value x);
static inline Status element_store(VM *vm, const Array *a, char *p, Value x)
{
    return LIKELY(!vm->n_on_device) ? array_store(vm, (DType)a->dtype, p, x) : element_store_slow(vm, a, p, x);
}
/* Of every array that v is or holds, in tuples and lists at any depth.  Iterators and all other kinds of values bring back
 * what they give. */
Status value_to_host_slow(VM *vm, Value v, HostUse use);
static inline Status value_to_host(VM *vm, Value v, HostUse use)
{
    return LIKELY(!vm->n_on_device) || !IS_HEAP(v) ? ALP_OK : value_to_host_slow(vm, v, use);
}
/* Of every array that the host program can look at and change by itself: it is about to run. */
Status lent_to_host(VM *vm);

#endif
