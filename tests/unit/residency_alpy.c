/* tests/unit/residency_alpy.c — alpy with a device that takes the bytes of all arrays away, whenever a statement begins or
 * ends.
 *
 * Linked with main.c in front of the library, whose calls of prepare_chunk(), obj_new() and array_destroy() come here (ld
 * --wrap): so every statement's handler can be replaced by one that does the moving, and all arrays are known.  An array's
 * bytes go to a block of memory, and poison takes their place, until code of the interpreter asks for them by
 * interp/residency.h.  Code that does not ask reads poison, which shows in what a program prints, or writes, which is noticed
 * here: bytes that were asked for to be read only, or not at all, must be the same when they are taken away again.
 *
 * Fresh arrays are described (interp/fresh.h), whatever their size.
 *
 * What is left alone: buffers whose address the program knows; those larger than MOVE_MAX; all, while a function of numpy
 * calls back (no loop of the program can know the arrays that it is about to make); and in long runs most statements. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "interp/fresh.h"
#include "interp/interp.h"
#include "interp/native.h"
#include "interp/residency.h"

enum { POISON = 0xA5, MOVE_MAX = 1 << 20 };

Status __real_prepare_chunk(VM *vm, Chunk *chunk);
void  *__real_obj_new(VM *vm, Tag tag, size_t size);
void   __real_array_destroy(VM *vm, Array *a);
Status __wrap_prepare_chunk(VM *vm, Chunk *chunk);
void  *__wrap_obj_new(VM *vm, Tag tag, size_t size);
void   __wrap_array_destroy(VM *vm, Array *a);

static void *must(void *p)
{
    if (!p) {
        fputs("residency: no memory\n", stderr);
        _exit(98);
    }
    return p;
}

static void complain(const char *what, const Buffer *b)
{
    fprintf(stderr, "residency: %s an array of %zu bytes at %p\n", what, b->size, (void *)b->data);
    _exit(97);
}

/* ---- all arrays ------------------------------------------------------------------------------------------------------------ */

static struct {
    Array **item;
    size_t  count, cap;
} arrays;

void *__wrap_obj_new(VM *vm, Tag tag, size_t size)
{
    void *o = __real_obj_new(vm, tag, size);
    if (!o || tag != T_Array)
        return o;
    if (arrays.count == arrays.cap) {
        arrays.cap = arrays.cap ? arrays.cap * 2 : 256;
        arrays.item = must(realloc(arrays.item, arrays.cap * sizeof *arrays.item));
    }
    return arrays.item[arrays.count++] = o;
}

void __wrap_array_destroy(VM *vm, Array *a)
{
    size_t i = arrays.count;
    while (arrays.item[i - 1] != a)
        i--;
    arrays.item[i - 1] = arrays.item[--arrays.count];
    __real_array_destroy(vm, a);
}

/* ---- the device ------------------------------------------------------------------------------------------------------------ */

enum { MAX_PARTS = 16 };

typedef struct Away {
    BufferDevice base;
    struct { size_t at, n; } part[MAX_PARTS];   /* bytes of an array that is away which are there, to be read */
    unsigned n_parts;
    bool  is_away;              /* the bytes are in `copy`, poison in their place */
    bool  may_differ;           /* the host's may have changed since `copy` was made */
    char *copy;
} Away;

static void check_poison(const Buffer *b)
{
    for (size_t i = 0; i < b->size; i++)
        if ((unsigned char)b->data[i] != POISON)
            complain("somebody wrote, without asking, to", b);
}

/* Parts that somebody has read become poison again. */
static void end_parts(Away *d, const Buffer *b)
{
    for (; d->n_parts > 0; d->n_parts--) {
        size_t at = d->part[d->n_parts - 1].at, n = d->part[d->n_parts - 1].n;
        for (size_t i = at; i < at + n; i++)
            if (b->data[i] != d->copy[i] && (unsigned char)b->data[i] != POISON)
                complain("somebody asked to read a part only, and changed,", b);
        memset(b->data + at, POISON, n);
    }
}

static bool part(Buffer *b, char *p, size_t n)
{
    Away *d = (Away *)(void *)b->device;
    size_t at = (size_t)(p - b->data);
    if (d->n_parts == MAX_PARTS)
        return false;
    if (d->is_away) {
        memcpy(p, d->copy + at, n);
        d->part[d->n_parts].at = at;
        d->part[d->n_parts++].n = n;
    }
    return true;
}

static Status to_host(VM *vm, Buffer *b, HostUse use)
{
    Away *d = (Away *)(void *)b->device;
    if (d->is_away) {
        end_parts(d, b);
        check_poison(b);
        memcpy(b->data, d->copy, b->size);
        d->is_away = false;
    }
    d->may_differ |= use != HOST_Read;
    return ALP_OK;
}

static void gone(VM *vm, Buffer *b)
{
    Away *d = (Away *)(void *)b->device;
    device_detach(vm, b);
    free(d->copy);
    free(d);
}

/* Bytes that are only described are poison until somebody asks. */
static void poison_fresh(FreshBuffer *d, const Buffer *b)
{
    memset(b->data, POISON, b->size);
    d->on_host = d->fresh.count == 0;
}

static void take_away(VM *vm, Buffer *b)
{
    FreshBuffer *fresh = fresh_of(b);
    if (fresh) {
        poison_fresh(fresh, b);
        return;
    }
    if (b->alloc_size == 0 || b->lent || b->exposed || b->size == 0 || b->size > MOVE_MAX)
        return;
    Away *d = (Away *)(void *)b->device;
    if (!d) {
        d = must(calloc(1, sizeof *d));
        d->base = (BufferDevice){ .to_host = to_host, .part = part, .gone = gone };
        d->copy = must(malloc(b->size));
        d->may_differ = true;
        device_attach(vm, b, &d->base);
    }
    if (d->is_away) {
        end_parts(d, b);
        return;
    }
    if (!d->may_differ && memcmp(d->copy, b->data, b->size) != 0)
        complain("somebody asked to read only, and changed,", b);
    memcpy(d->copy, b->data, b->size);
    memset(b->data, POISON, b->size);
    d->is_away = true;
    d->may_differ = false;
}

static void take_all_away(VM *vm)
{
    static uint64_t n_statements;
    uint64_t n = n_statements++;
    vm->late_bytes = 1;
    if (vm->native && vm->native->style != NS_Core)
        return;
    if (n > 2000 && n % 61 && (n > 100000 ? n % 9973 : 1))
        return;
    for (size_t i = 0; i < arrays.count; i++)
        take_away(vm, arrays.item[i]->buf);
}

/* ---- statements ------------------------------------------------------------------------------------------------------------ */

/* Their own handlers, by address of the node; never shrinks. */
static struct {
    struct Handler { const Node *node; ExecFn exec; } *slot;
    size_t count, size;         /* size: a power of two */
} handlers;

static struct Handler *handler_slot(const Node *n)
{
    size_t i = ((uintptr_t)n >> 4) * 0x9E3779B97F4A7C15u >> 20;
    while (handlers.slot[i & (handlers.size - 1)].node && handlers.slot[i & (handlers.size - 1)].node != n)
        i++;
    return &handlers.slot[i & (handlers.size - 1)];
}

static void grow_handlers(void)
{
    struct Handler *old = handlers.slot;
    size_t n = handlers.size;
    handlers.size = n ? n * 2 : 4096;
    handlers.slot = must(calloc(handlers.size, sizeof *handlers.slot));
    for (size_t i = 0; i < n; i++)
        if (old[i].node)
            *handler_slot(old[i].node) = old[i];
    free(old);
}

static Flow moving_exec(HANDLER_ARGS)
{
    take_all_away(vm);
    Flow flow = handler_slot(n)->exec(vm, f, n);
    take_all_away(vm);
    return flow;
}

static bool is_statement(NodeKind kind)
{
    switch (kind) {
    case ND_ExprStmt: case ND_Assign: case ND_AugAssign: case ND_AnnAssign: case ND_If: case ND_For: case ND_While:
    case ND_Return: case ND_Assert: case ND_Del: case ND_FuncDef: case ND_Raise:
        return true;
    default:
        return false;
    }
}

static void replace(Node *n, void *user)
{
    if (n->kind == ND_FuncDef) {
        AstFuncDef *def = AST_AS(FuncDef, n);
        for (uint32_t i = 0; i < def->body.count; i++)
            replace(def->body.item[i], user);
    } else {
        ast_each_child(n, replace, user);
    }
    if (!is_statement((NodeKind)n->kind))
        return;
    if (handlers.count * 2 >= handlers.size)
        grow_handlers();
    struct Handler *h = handler_slot(n);
    handlers.count += !h->node;
    *h = (struct Handler){ n, (ExecFn)n->exec };
    n->exec = HANDLER(moving_exec);
}

Status __wrap_prepare_chunk(VM *vm, Chunk *chunk)
{
    TRY(__real_prepare_chunk(vm, chunk));
    for (uint32_t i = 0; i < chunk->ast.body.count; i++)
        replace(chunk->ast.body.item[i], NULL);
    return ALP_OK;
}
