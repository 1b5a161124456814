/* interp/fresh.c — see fresh.h. */
#include "interp/fresh.h"

#include "interp/elem.h"

/* ---- writing --------------------------------------------------------------------------------------------------------------- */

/* start + i * delta, in the array's own arithmetic, for elements [from, from + n). */
#define WRITE_RANGE(S, U) { \
    const E_##S *given = (const E_##S *)(const void *)f->u.element; \
    E_##S *x = (E_##S *)(void *)p; \
    U start = (U)given[0], delta = (U)((U)given[1] - start); \
    for (int64_t k = 0; k < n; k++) \
        x[k] = (E_##S)(U)(start + (U)(from + k) * delta); \
    break; }
#define WRITE_COMPLEX_RANGE(S, T) { \
    const E_##S *given = (const E_##S *)(const void *)f->u.element; \
    E_##S *z = (E_##S *)(void *)p; \
    T re = given[1].re - given[0].re, im = given[1].im - given[0].im; \
    for (int64_t k = 0; k < n; k++) \
        z[k] = (E_##S){ given[0].re + (T)(from + k) * re, given[0].im + (T)(from + k) * im }; \
    break; }

static void write_range(const Fresh *f, int64_t from, int64_t n, char *p)
{
    size_t size = dtype_info[f->dtype].size;
    switch ((DType)f->dtype) {
    case DT_I8:   WRITE_RANGE(i8, uint64_t)
    case DT_I16:  WRITE_RANGE(i16, uint64_t)
    case DT_I32:  WRITE_RANGE(i32, uint64_t)
    case DT_I64:  WRITE_RANGE(i64, uint64_t)
    case DT_U8:   WRITE_RANGE(u8, uint64_t)
    case DT_U16:  WRITE_RANGE(u16, uint64_t)
    case DT_U32:  WRITE_RANGE(u32, uint64_t)
    case DT_U64:  WRITE_RANGE(u64, uint64_t)
    case DT_F32:  WRITE_RANGE(f32, float)
    case DT_F64:  WRITE_RANGE(f64, double)
    case DT_C64:  WRITE_COMPLEX_RANGE(c64, float)
    case DT_C128: WRITE_COMPLEX_RANGE(c128, double)
    case DT_Bool: case DT_COUNT:
        break;
    }
    for (int64_t i = from; i < 2 && i < from + n; i++)     /* these two are given, not computed */
        memcpy(p + (size_t)(i - from) * size, f->u.element + (size_t)i * size, size);
}

static void write_line(const Fresh *f, int64_t from, int64_t n, char *p)
{
    double start = f->u.line.start, step = f->u.line.step;
    E_f64 *x = (E_f64 *)(void *)p;
    for (int64_t k = 0; k < n; k++)
        x[k] = (double)(from + k) * step + start;
    if (n > 0 && from + n == f->count)
        x[n - 1] = f->u.line.last;
}

bool fresh_is_one_byte(const Fresh *f)
{
    bool same = f->kind == FRESH_Zero || f->kind == FRESH_Element;
    for (size_t k = 1; f->kind == FRESH_Element && k < dtype_info[f->dtype].size; k++)
        same &= f->u.element[k] == f->u.element[0];
    return same;
}

/* Elements [from, from + n). */
static void write_part(const Fresh *f, int64_t from, int64_t n, char *p)
{
    size_t size = dtype_info[f->dtype].size;
    switch ((FreshKind)f->kind) {
    case FRESH_Any:
        break;
    case FRESH_Zero:
        memset(p, 0, (size_t)n * size);
        break;
    case FRESH_Element:
        if (fresh_is_one_byte(f))
            memset(p, f->u.element[0], (size_t)n * size);
        else
            array_cast((DType)f->dtype, p, (int64_t)size, (DType)f->dtype, f->u.element, 0, n);
        break;
    case FRESH_Range:
        write_range(f, from, n, p);
        break;
    case FRESH_Line:
        write_line(f, from, n, p);
        break;
    }
}

void fresh_write(const Fresh *f, char *p)
{
    write_part(f, 0, f->count, p);
}

/* ---- descriptions ---------------------------------------------------------------------------------------------------------- */

static void gone(VM *vm, Buffer *b)
{
    FreshBuffer *d = (FreshBuffer *)(void *)b->device;
    device_detach(vm, b);
    mem_free(&vm->mem, d, sizeof *d);
}

/* Zeros that were only looked at are still known to be zeros. */
static Status to_host(VM *vm, Buffer *b, HostUse use)
{
    FreshBuffer *d = (FreshBuffer *)(void *)b->device;
    if (!d->on_host)
        fresh_write(&d->fresh, b->data);
    d->on_host = true;
    if (use != HOST_Read || d->fresh.kind != FRESH_Zero)
        gone(vm, b);
    return ALP_OK;
}

/* A few elements are computed alone. */
static bool peek(Buffer *b, const char *p, size_t n, void *out)
{
    enum { PEEKS_MAX = 64 };
    FreshBuffer *d = (FreshBuffer *)(void *)b->device;
    size_t at = (size_t)(p - b->data), size = dtype_info[d->fresh.dtype].size;
    if (d->on_host || d->fresh.kind == FRESH_Any || n != size || at % size || ++d->n_peeks > PEEKS_MAX)
        return false;
    write_part(&d->fresh, (int64_t)(at / size), 1, out);
    return true;
}

FreshBuffer *fresh_of(const Buffer *b)
{
    return b->device && b->device->to_host == to_host ? (FreshBuffer *)(void *)b->device : NULL;
}

void fresh_forget(VM *vm, Buffer *b)
{
    gone(vm, b);
}

/* False: no memory for it. */
static bool describe(VM *vm, Buffer *b, const Fresh *fresh, bool on_host)
{
    FreshBuffer *d = mem_alloc(&vm->mem, sizeof *d);
    if (!d)
        return false;
    *d = (FreshBuffer){ .base = { .to_host = to_host, .peek = peek, .gone = gone }, .fresh = *fresh, .on_host = on_host };
    device_attach(vm, b, &d->base);
    return true;
}

void fresh_set(VM *vm, const Array *a, const Fresh *fresh, bool zeroed)
{
    bool is_there = zeroed && fresh->kind == FRESH_Zero;
    if (!(fresh_is_kept(vm, a->buf) && describe(vm, a->buf, fresh, is_there)) && !is_there)
        fresh_write(fresh, a->data);
}

void fresh_any(VM *vm, const Array *a)
{
    if (!a->buf->device)
        (void)describe(vm, a->buf, &(Fresh){ .kind = FRESH_Any, .dtype = a->dtype, .count = a->size }, false);
}
