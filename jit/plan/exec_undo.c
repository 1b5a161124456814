/* jit/plan/exec_undo.c — putting back what a nest has written, when a check fails.
 *
 * Small arrays are copied before the nest runs.  For larger ones the copy could cost far more than the nest, which may
 * write three elements of a million; so what each store overwrites is noted instead, until the notes take as much room as
 * the arrays: then the arrays are copied as they are by now, and nothing more is noted.  Undoing puts the copies back, then
 * what the notes say, latest first.  Either way it costs no more time and room than a small multiple of the lesser of the
 * two.
 *
 * Where no check can fail, notes are kept only so that the execution can be left to somebody faster.  That is called off rather than paid for
 * with much memory. */
#include "jit/plan/exec_code.h"

#include <string.h>

enum {
    COPY_AT_ONCE = 8192,        /* bytes in all arrays that may be written */
    FIRST_NOTES  = 64,
    MOST_OPTIONAL = 64 << 20,   /* bytes of notes: some 2 million stores */
};

struct UndoNote {
    char   *p;
    uint8_t size;
    char    old[16];
};

struct UndoCopy {
    const Array *array;
    const ArrayFact *fact;
    bool   is_range;            /* all bytes from the first element to the last; else the elements one by one */
    size_t size;
    char  *bytes;
};

static void copy_elements(const Array *a, int axis, char *p, char **bytes, size_t size, bool restore)
{
    int64_t n = a->ndim ? a->shape[axis] : 1, stride = a->ndim ? a->strides[axis] : 0;
    for (int64_t i = 0; i < n; i++, p += stride) {
        if (axis + 1 < a->ndim) {
            copy_elements(a, axis + 1, p, bytes, size, restore);
            continue;
        }
        memcpy(restore ? p : *bytes, restore ? *bytes : p, size);
        *bytes += size;
    }
}

static void copy_array(const UndoCopy *c, bool restore)
{
    char *bytes = c->bytes;
    if (c->size == 0)
        return;
    if (c->is_range)
        memcpy(restore ? c->fact->lo : bytes, restore ? bytes : c->fact->lo, c->size);
    else
        copy_elements(c->array, 0, c->array->data, &bytes, dtype_info[c->array->dtype].size, restore);
}

/* Is every byte in a copy already? */
static bool is_copied(const Undo *u, const ArrayFact *f)
{
    for (uint32_t k = 0; k < u->n_copies; k++)
        if (u->copy[k].is_range && u->copy[k].fact->lo <= f->lo && u->copy[k].fact->hi >= f->hi)
            return true;
    return false;
}

static size_t element_bytes(const Array *a)
{
    return (size_t)a->size * dtype_info[a->dtype].size;
}

static Status copy_all(Undo *u)
{
    Mem *mem = &u->nest->vm->mem;
    u->copy = mem_alloc(mem, u->nest->n_arrays * sizeof *u->copy);
    if (!u->copy)
        return ALP_FAIL;
    for (uint32_t k = 0; k < u->nest->n_arrays; k++) {
        const ArrayFact *f = &u->facts->array[k];
        if (!u->nest->arrays[k]->is_written || is_copied(u, f))
            continue;
        size_t range = (size_t)(f->hi - f->lo), elements = element_bytes(f->array);
        UndoCopy c = { .array = f->array, .fact = f, .is_range = range / 2 <= elements };
        c.size = c.is_range ? range : elements;
        c.bytes = mem_alloc(mem, c.size);
        if (!c.bytes)
            return ALP_FAIL;
        if (c.is_range && f->array->buf->alloc_size)        /* a host program's may be a file's */
            mem_touch(f->lo, c.size);
        copy_array(&c, false);
        u->copy[u->n_copies++] = c;
    }
    return ALP_OK;
}

Status undo_begin(Undo *u, const Nest *nest, const Facts *facts, bool copy, bool is_optional)
{
    *u = (Undo){ .nest = nest, .facts = facts, .is_optional = is_optional };
    for (uint32_t k = 0; k < nest->n_arrays; k++)
        if (nest->arrays[k]->is_written)
            u->all_bytes += element_bytes(facts->array[k].array);
    u->logs = !copy && u->all_bytes > COPY_AT_ONCE;
    if (u->logs || copy_all(u) == ALP_OK)
        return ALP_OK;
    undo_free(u);
    return ALP_FAIL;
}

static Status make_room(Undo *u)
{
    size_t more = u->cap_notes ? 2 * u->cap_notes : FIRST_NOTES;
    if (more * sizeof *u->note > u->all_bytes) {
        u->logs = false;
        return copy_all(u);
    }
    UndoNote *bigger = mem_realloc(&u->nest->vm->mem, u->note, u->cap_notes * sizeof *bigger, more * sizeof *bigger);
    if (!bigger)
        return ALP_FAIL;
    u->note = bigger;
    u->cap_notes = more;
    return ALP_OK;
}

bool undo_note(Run *x, char *p, size_t size)
{
    Undo *u = x->undo;
    if (UNLIKELY(u->n_notes == u->cap_notes)) {
        bool too_many = u->is_optional && 2 * u->cap_notes * sizeof *u->note > MOST_OPTIONAL;
        if (too_many && x->may_leave && x->opt->leaves(x->opt->leaves_user, true)) {
            x->has_left = x->stop = true;
            return false;
        }
        if (too_many || make_room(u) != ALP_OK) {
            if (!u->is_optional) {
                x->no_memory = x->stop = true;
                return false;
            }
            x->may_leave = false;
            x->undo = NULL;
            undo_free(u);
            return true;
        }
    }
    if (!u->logs) {
        x->undo = NULL;
        return true;
    }
    UndoNote *n = &u->note[u->n_notes++];
    n->p = p;
    n->size = (uint8_t)size;
    memcpy(n->old, p, size);
    return true;
}

void undo_restore(const Undo *u)
{
    for (uint32_t k = u->n_copies; k-- > 0;)
        copy_array(&u->copy[k], true);
    for (size_t k = u->n_notes; k-- > 0;)
        memcpy(u->note[k].p, u->note[k].old, u->note[k].size);
}

void undo_free(Undo *u)
{
    if (!u->nest)
        return;
    Mem *mem = &u->nest->vm->mem;
    for (uint32_t k = 0; k < u->n_copies; k++)
        mem_free(mem, u->copy[k].bytes, u->copy[k].size);
    if (u->copy)
        mem_free(mem, u->copy, u->nest->n_arrays * sizeof *u->copy);
    mem_free(mem, u->note, u->cap_notes * sizeof *u->note);
    *u = (Undo){ 0 };
}
