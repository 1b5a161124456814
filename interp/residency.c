/* interp/residency.c — bytes of arrays back to the host, for those who look at them there. */
#include "interp/residency.h"

#include "interp/seq.h"

/* ---- lists ----------------------------------------------------------------------------------------------------------------- */

Status borrowed_add(VM *vm, BorrowedBuffer *b)
{
    b->prev = NULL;
    b->next = vm->borrowed;
    if (b->next)
        b->next->prev = b;
    vm->borrowed = b;
    for (BufferDevice *d = vm->on_device, *next; d; d = next) {
        next = d->next;
        if (d->buffer->alloc_size || !buffers_overlap(d->buffer, &b->buffer))
            continue;
        b->buffer.exposed = true;
        TRY(buffer_to_host(vm, d->buffer, HOST_Expose));
    }
    return ALP_OK;
}

void borrowed_remove(VM *vm, BorrowedBuffer *b)
{
    *(b->prev ? &b->prev->next : &vm->borrowed) = b->next;
    if (b->next)
        b->next->prev = b->prev;
}

/* Others that are on a device were compared with this one when they got there, or when it was borrowed. */
static void compare_with_borrowed(VM *vm, Buffer *b)
{
    for (BorrowedBuffer *other = vm->borrowed; other; other = other->next)
        if (&other->buffer != b && buffers_overlap(&other->buffer, b))
            other->buffer.exposed = b->exposed = true;
}

void device_attach(VM *vm, Buffer *b, BufferDevice *d)
{
    if (b->alloc_size == 0)
        compare_with_borrowed(vm, b);
    d->buffer = b;
    d->prev = NULL;
    d->next = vm->on_device;
    if (d->next)
        d->next->prev = d;
    vm->on_device = d;
    vm->n_on_device++;
    b->device = d;
}

void device_detach(VM *vm, Buffer *b)
{
    BufferDevice *d = b->device;
    *(d->prev ? &d->prev->next : &vm->on_device) = d->next;
    if (d->next)
        d->next->prev = d->prev;
    vm->n_on_device--;
    b->device = NULL;
}

/* ---- to the host ----------------------------------------------------------------------------------------------------------- */

Status buffer_to_host_slow(VM *vm, Buffer *b, HostUse use)
{
    b->lent |= use == HOST_Lend;
    b->exposed |= use == HOST_Expose;
    return b->device ? b->device->to_host(vm, b, use) : ALP_OK;
}

/* A part of large arrays, such as a row, is often looked at while they stay on a device. */
Status array_to_host_slow(VM *vm, const Array *a, HostUse use)
{
    Buffer *b = a->buf;
    if (b->device && b->device->part && use == HOST_Read && a->size > 0) {
        char *low = a->data, *high = a->data + dtype_info[a->dtype].size;
        for (int k = 0; k < a->ndim; k++) {
            int64_t reach = a->strides[k] * (a->shape[k] - 1);
            *(reach < 0 ? &low : &high) += reach;
        }
        if ((size_t)(high - low) < b->size / 2 && b->device->part(b, low, (size_t)(high - low)))
            return ALP_OK;
    }
    return buffer_to_host(vm, b, use);
}

const char *element_to_host_slow(VM *vm, const Array *a, const char *p, char *room)
{
    Buffer *b = a->buf;
    if (b->device && b->device->peek && b->device->peek(b, p, dtype_info[a->dtype].size, room))
        return room;
    return buffer_to_host(vm, b, HOST_Read) == ALP_OK ? p : NULL;
}

Status element_store_slow(VM *vm, const Array *a, char *p, Value x)
{
    Buffer *b = a->buf;
    size_t size = dtype_info[a->dtype].size;
    _Alignas(16) char element[16];
    TRY(value_to_host(vm, x, HOST_Read));
    TRY(array_store(vm, (DType)a->dtype, element, x));
    if (b->device && b->device->poke && b->device->poke(b, p, size, element))
        return ALP_OK;
    TRY(buffer_to_host(vm, b, HOST_Write));
    memcpy(p, element, size);
    return ALP_OK;
}

/* Lists in lists nest C calls, and may hold themselves. */
static Status items_to_host(VM *vm, Obj *container, const Value *item, size_t n, HostUse use)
{
    Status s = ALP_OK;
    if (container->flags & OBJ_IN_SEARCH)
        return ALP_OK;
    if ((char *)__builtin_frame_address(0) < vm->stack_limit) {
        raise(vm, TY_RecursionError, "maximum recursion depth exceeded");
        return ALP_FAIL;
    }
    container->flags |= OBJ_IN_SEARCH;
    for (size_t i = 0; i < n && s == ALP_OK; i++)
        if (item[i].tag == T_Array || item[i].tag == T_List || item[i].tag == T_Tuple)
            s = value_to_host_slow(vm, item[i], use);
    container->flags &= (uint8_t)~OBJ_IN_SEARCH;
    return s;
}

Status value_to_host_slow(VM *vm, Value v, HostUse use)
{
    switch (v.tag) {
    case T_Array:   return array_to_host(vm, ARRAY(v), use);
    case T_List:    return items_to_host(vm, v.u.o, LIST(v)->item, LIST(v)->count, use);
    case T_Tuple:   return items_to_host(vm, v.u.o, TUPLE(v)->item, TUPLE(v)->count, use);
    default:        return ALP_OK;
    }
}

Status lent_to_host(VM *vm)
{
    for (BufferDevice *d = vm->on_device, *next; d; d = next) {
        next = d->next;
        Buffer *b = d->buffer;
        if (b->alloc_size == 0 || b->lent)
            TRY(d->to_host(vm, b, HOST_Write));
    }
    return ALP_OK;
}
