/* interp/vm.c — life of an interpreter: memory, exceptions, limits, output, and running a text. */
#include "interp/vm.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "dsl/parse.h"
#include "interp/attr.h"
#include "interp/engine.h"
#include "interp/format.h"
#include "interp/interp.h"
#include "interp/seq.h"

enum {
    OUT_BUF_SIZE = 16 * 1024,
    POLLS_PER_CALL = 256,               /* back edges between two looks at the clock and the host's poll_fn */
    STACK_RESERVE = 256 * 1024,         /* C stack kept free for library functions and for one expression's nesting */
};

/* ---- memory ---------------------------------------------------------------------------------------------------------- */

bool vm_trim(VM *vm)
{
    bool any = false;
    for (size_t size = 0; size < COUNT_OF(vm->pool); size++)
        while (vm->pool[size]) {
            void *p = vm->pool[size];
            vm->pool[size] = *(void **)p;
            mem_free(&vm->mem, p, size);
            any = true;
        }
    return any;
}

static bool reclaim(void *vm)
{
    return vm_trim(vm);
}

void *vm_alloc(VM *vm, size_t size)
{
    void *p;
    if (size < vm->pool_end && (p = vm->pool[size])) {
        vm->pool[size] = *(void **)p;
        return p;
    }
    if (UNLIKELY(!(p = mem_alloc(&vm->mem, size))))
        raise_nomem(vm);
    return p;
}

void *vm_realloc(VM *vm, void *p, size_t old_size, size_t new_size)
{
    void *q = mem_realloc(&vm->mem, p, old_size, new_size);
    if (UNLIKELY(!q))
        raise_nomem(vm);
    return q;
}

void *obj_new(VM *vm, Tag tag, size_t size)
{
    Obj *o = vm_alloc(vm, size);
    if (LIKELY(o != NULL))
        *o = (Obj){ .refs = 1, .tag = (uint8_t)tag };
    return o;
}

Value vm_char_new(VM *vm, unsigned char c)
{
    Str *s = obj_new(vm, T_Str, sizeof *s + 2);
    if (!s)
        return V_ERR;
    s->size = s->length = s->cap = 1;
    s->text[0] = (char)c;
    s->text[1] = '\0';
    vm->ascii[c] = &s->head;
    return value_ref(V_OBJ(s));
}

/* Freed blocks must reach the allocator where something watches it: a sanitizer, or a test that makes requests fail. */
static bool pool_allowed(const Mem *mem)
{
#if defined(__SANITIZE_ADDRESS__)
    return false;
#elif defined(__has_feature)
#  if __has_feature(address_sanitizer)
    return false;
#  endif
#endif
    return !mem->fail_at;
}

VM *vm_new(const Mem *given)
{
    Mem mem = *given;
    VM *vm = mem_zalloc(&mem, sizeof *vm);
    if (!vm)
        return NULL;
    vm->mem = mem;
    vm->mem.reclaim = reclaim;
    vm->mem.reclaim_user = vm;
    vm->pool_end = pool_allowed(&mem) ? VM_POOL_SIZE : 0;
    vm->exc_type = TY_COUNT;
    vm->exc_value = V_NONE;
    vm->exc_where = V_UNBOUND;
    vm->max_depth = 1000;
    vm->poll_count = POLLS_PER_CALL;
    if (!(vm->names = intern_new(&vm->mem)) || !(vm->builtins = module_builtins_new(vm)) ||
        !(vm->main = module_new(vm, "__main__", NULL))) {
        vm_free(vm);
        return NULL;
    }
    return vm;
}

/* Objects that hold each other in a cycle: empty each, and the rest falls apart. */
static void break_cycles(VM *vm)
{
    while (vm->containers) {
        Obj *o = vm->containers;
        o->refs++;
        void *p = o;
        switch ((Tag)o->tag) {
        case T_List: {
            List *l = p;
            while (l->count)
                value_free(vm, l->item[--l->count]);
            break;
        }
        case T_Cell:
            value_set(vm, &((Cell *)p)->value, V_UNBOUND);
            break;
        case T_Func:
            func_clear(vm, p);
            break;
        default:
            break;
        }
        container_unlink(vm, p);
        *(Container *)p = (Container){ .head = *o };    /* out of the list for good */
        obj_free(vm, o);
    }
}

void vm_free(VM *vm)
{
    if (!vm)
        return;
    vm_clear_exc(vm);
    if (vm->out_buf)
        vm_flush(vm), vm_clear_exc(vm);
    if (vm->engine && vm->engine->close)
        vm->engine->close(vm);
    if (vm->main)
        module_clear(vm, vm->main);
    for (uint32_t i = vm->n_modules; i-- > 0;)
        module_clear(vm, vm->modules[i]);
    break_cycles(vm);
    if (vm->main)
        obj_free(vm, &vm->main->head);
    for (uint32_t i = vm->n_modules; i-- > 0;)
        obj_free(vm, &vm->modules[i]->head);
    mem_free(&vm->mem, vm->modules, vm->cap_modules * sizeof *vm->modules);
    attr_cache_free(vm);
    if (vm->builtins)
        obj_free(vm, &vm->builtins->head);
    for (size_t i = 0; i < COUNT_OF(vm->ascii); i++)
        if (vm->ascii[i])
            obj_free(vm, vm->ascii[i]);
    mem_free(&vm->mem, vm->trace, vm->cap_trace * sizeof *vm->trace);
    mem_free(&vm->mem, vm->out_buf, vm->out_buf ? OUT_BUF_SIZE : 0);
    stack_free(vm);
    vm_trim(vm);
    if (vm->names)
        intern_free(vm->names);
    Mem mem = vm->mem;
    ALP_ASSERT(mem.bytes_used == sizeof *vm);
    mem_free(&mem, vm, sizeof *vm);
}

/* ---- exceptions ------------------------------------------------------------------------------------------------------ */

bool vm_has_exc(const VM *vm)
{
    return vm->exc_type != TY_COUNT;
}

void vm_clear_exc(VM *vm)
{
    value_free(vm, vm->exc_value);
    value_free(vm, vm->exc_where);
    vm->exc_type = TY_COUNT;
    vm->exc_value = V_NONE;
    vm->exc_where = V_UNBOUND;
    vm->exc_hint = SYM_NONE;
    while (vm->n_trace)
        chunk_free(vm->trace[--vm->n_trace].chunk);
}

Value raise_nomem(VM *vm)
{
    if (!vm_has_exc(vm)) {
        vm->exc_type = TY_MemoryError;
        vm->exc_value = V_NONE;
    }
    return V_ERR;
}

Value raise_obj(VM *vm, ALP_TAKE Value exc)
{
    if (vm_has_exc(vm)) {
        value_free(vm, exc);
        return V_ERR;
    }
    vm->exc_type = ((Exc *)(void *)exc.u.o)->type;
    vm->exc_value = exc;
    return V_ERR;
}

Value raise_v(VM *vm, TypeId type, const char *fmt, va_list ap)
{
    if (vm_has_exc(vm))
        return V_ERR;
    char small[256], *text = small;
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(small, sizeof small, fmt, ap);
    size_t size = n < 0 ? 0 : (size_t)n;
    if (size >= sizeof small) {
        text = vm_alloc(vm, size + 1);
        if (text)
            vsnprintf(text, size + 1, fmt, again);
    }
    va_end(again);
    if (!text)
        return V_ERR;
    Value msg = size ? str_new(vm, text, size) : V_NONE;
    if (text != small)
        vm_dealloc(vm, text, size + 1);
    if (IS_ERR(msg))
        return V_ERR;
    vm->exc_type = type;
    vm->exc_value = msg;
    return V_ERR;
}

Value raise(VM *vm, TypeId type, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    Value r = raise_v(vm, type, fmt, ap);
    va_end(ap);
    return r;
}

Value raise_errno(VM *vm, int err, const char *filename)
{
    static const struct { int err; TypeId type; } row[] = {
        { EAGAIN, TY_BlockingIOError }, { EPIPE, TY_BrokenPipeError }, { ESHUTDOWN, TY_BrokenPipeError },
        { EEXIST, TY_FileExistsError }, { ENOENT, TY_FileNotFoundError }, { EINTR, TY_InterruptedError },
        { EISDIR, TY_IsADirectoryError }, { ENOTDIR, TY_NotADirectoryError }, { EACCES, TY_PermissionError },
        { EPERM, TY_PermissionError }, { ETIMEDOUT, TY_TimeoutError },
    };
    if (err == ENOMEM)
        return raise_nomem(vm);
    TypeId type = TY_OSError;
    for (size_t i = 0; i < COUNT_OF(row); i++)
        if (row[i].err == err)
            type = row[i].type;
    char why[128];
    const char *text = strerror_r(err, why, sizeof why);
    if (!filename)
        return raise(vm, type, "[Errno %d] %s", err, text);
    Value name = str_new(vm, filename, strlen(filename));
    if (IS_ERR(name))
        return V_ERR;
    Value repr = value_repr(vm, name);
    value_free(vm, name);
    if (IS_ERR(repr))
        return V_ERR;
    raise(vm, type, "[Errno %d] %s: %s", err, text, STR(repr)->text);
    value_free(vm, repr);
    return V_ERR;
}

Value vm_exc_text(VM *vm)
{
    Value v = vm->exc_value;
    if (v.tag == T_Str)
        return value_ref(v);
    if (v.tag != T_Exc)
        return str_new(vm, "", 0);
    /* A text is wanted of an exception that stays pending: what goes wrong meanwhile must not replace it. */
    Tuple *args = TUPLE(((Exc *)(void *)v.u.o)->args);
    if (args->count == 0)
        return str_new(vm, "", 0);
    TypeId type = vm->exc_type;
    vm->exc_type = TY_COUNT;
    vm->exc_value = V_NONE;
    Value text = args->count == 1 && type != TY_KeyError ? value_str(vm, args->item[0])
               : args->count == 1 ? value_repr(vm, args->item[0]) : value_repr(vm, ((Exc *)(void *)v.u.o)->args);
    if (IS_ERR(text)) {
        value_free(vm, vm->exc_value);
        text = str_new(vm, "<exception str() failed>", 24);
    }
    vm->exc_type = type;
    vm->exc_value = v;
    return text;
}

void vm_trace_add(VM *vm, const Node *node, const Frame *frame)
{
    if (vm->n_trace == vm->cap_trace) {
        uint32_t cap = vm->cap_trace ? vm->cap_trace * 2 : 16;
        TraceEntry *t = mem_realloc(&vm->mem, vm->trace, vm->cap_trace * sizeof *t, cap * sizeof *t);
        if (!t)
            return;             /* the report lacks lines; the exception stands */
        vm->trace = t;
        vm->cap_trace = cap;
    }
    vm->trace[vm->n_trace++] = (TraceEntry){
        .chunk = chunk_ref(frame->chunk), .span = node->span, .node = node,
        .func = frame->func ? frame->func->code->name : SYM_NONE,
    };
}

/* ---- limits ---------------------------------------------------------------------------------------------------------- */

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void vm_set_time_limit(VM *vm, double seconds)
{
    vm->time_limit_s = seconds > 0 ? seconds : 0;
    vm->deadline_ns = 0;
    if (seconds > 0 && seconds < 1e9)
        vm->deadline_ns = now_ns() + (uint64_t)(seconds * 1e9);
}

Status vm_poll(VM *vm)
{
    int attention = atomic_load_explicit(&vm->attention, memory_order_relaxed);
    if (attention & VM_ATTN_INTERRUPT) {
        atomic_fetch_and(&vm->attention, ~VM_ATTN_INTERRUPT);
        raise(vm, TY_KeyboardInterrupt, "%s", "");
        return ALP_FAIL;
    }
    if (!vm->deadline_ns && !vm->poll_fn) {
        atomic_fetch_and(&vm->attention, ~(VM_ATTN_DEADLINE | VM_ATTN_POLL));
        return ALP_OK;
    }
    if (vm->poll_count > 1 && !(attention & VM_ATTN_DEADLINE)) {
        vm->poll_count--;
        return ALP_OK;
    }
    vm->poll_count = POLLS_PER_CALL;
    if (vm->poll_fn && vm->poll_fn(vm->io_user)) {
        raise(vm, TY_KeyboardInterrupt, "%s", "");
        return ALP_FAIL;
    }
    if (!vm->deadline_ns || now_ns() < vm->deadline_ns)
        return ALP_OK;
    raise(vm, TY_TimeoutError, "time limit of %g s exceeded", vm->time_limit_s);
    return ALP_FAIL;
}

void vm_enter(VM *vm)
{
    if (vm->depth)
        return;
    if (vm->deadline_ns || vm->poll_fn)
        atomic_fetch_or(&vm->attention, VM_ATTN_POLL);
    uintptr_t self = (uintptr_t)pthread_self();
    if (vm->stack_limit && vm->stack_thread == self)
        return;
    vm->stack_thread = self;
    vm->stack_limit = NULL;
    pthread_attr_t attr;
    if (pthread_getattr_np(pthread_self(), &attr) != 0)
        return;
    void *base;
    size_t size;
    if (pthread_attr_getstack(&attr, &base, &size) == 0)
        vm->stack_limit = (char *)base + (size / 2 < STACK_RESERVE ? size / 2 : STACK_RESERVE);
    pthread_attr_destroy(&attr);
}

/* ---- output ---------------------------------------------------------------------------------------------------------- */

static int write_now(VM *vm, int stream, const char *text, size_t size)
{
    return vm->write_fn && size ? vm->write_fn(vm->io_user, stream, text, size) : 0;
}

/* The buffered text is gone whether or not it could be written: a second try would fail for ever. */
static int flush_out(VM *vm)
{
    size_t size = vm->out_size;
    vm->out_size = 0;
    int err = write_now(vm, 1, vm->out_buf, size);
    if (err && !vm->out_errno)
        vm->out_errno = err;
    return err;
}

static int put_out(VM *vm, const char *text, size_t size)
{
    if (!vm->out_buf && !(vm->out_buf = mem_alloc(&vm->mem, OUT_BUF_SIZE)))
        return write_now(vm, 1, text, size);
    int err = 0;
    if (size > OUT_BUF_SIZE - vm->out_size)
        err = flush_out(vm);
    if (size >= OUT_BUF_SIZE) {
        if (!err)
            err = write_now(vm, 1, text, size);
    } else {
        memcpy(vm->out_buf + vm->out_size, text, size);
        vm->out_size += size;
        if (vm->out_line_buffered && memchr(text, '\n', size) && !err)
            err = flush_out(vm);
    }
    return err;
}

Status vm_write(VM *vm, int stream, const char *text, size_t size)
{
    int err = stream == 1 ? put_out(vm, text, size) : write_now(vm, stream, text, size);
    if (!err)
        return ALP_OK;
    raise_errno(vm, err, NULL);
    return ALP_FAIL;
}

Status vm_flush(VM *vm)
{
    int err = vm->out_buf ? flush_out(vm) : 0;
    if (!err)
        return ALP_OK;
    raise_errno(vm, err, NULL);
    return ALP_FAIL;
}

void vm_write_quiet(VM *vm, int stream, const char *text, size_t size)
{
    if (stream == 1)
        put_out(vm, text, size);
    else
        write_now(vm, stream, text, size);
}

/* ---- running a text -------------------------------------------------------------------------------------------------- */

Chunk *chunk_ref(Chunk *c)
{
    c->refs++;
    return c;
}

void chunk_free(Chunk *c)
{
    if (!c || --c->refs)
        return;
    VM *vm = c->vm;
    if (vm->engine && vm->engine->forget_chunk)
        vm->engine->forget_chunk(vm, c);
    for (uint32_t i = 0; i < c->n_literals; i++)
        obj_free(vm, c->literal[i]);
    mem_free(&vm->mem, c->literal, c->cap_literals * sizeof *c->literal);
    arena_free(&c->arena);
    src_free(&c->src);
    mem_free(&vm->mem, c, sizeof *c);
}

static void put_text(void *user, const char *text, size_t size)
{
    sb_put(user, text, size);
}

/* A SyntaxError's report is made while its text is at hand: all but the last line goes to exc_where. */
static void raise_diag(VM *vm, const Diag *diag, const Src *src)
{
    static const TypeId type[] = { [DK_Syntax] = TY_SyntaxError, [DK_Indentation] = TY_IndentationError, [DK_Tab] = TY_TabError,
                                   [DK_Incomplete] = TY_SyntaxError };
    if (diag->kind == DK_NoMemory || diag->kind == DK_None) {
        raise_nomem(vm);
        return;
    }
    StrBuf sb;
    sb_init(&sb, vm);
    diag_print(diag, src, put_text, &sb);
    Value report = sb_finish(&sb);
    if (IS_ERR(report))
        return;
    size_t size = STR(report)->size, last = size ? size - 1 : 0;
    while (last && STR(report)->text[last - 1] != '\n')
        last--;
    Value where = str_new(vm, STR(report)->text, last);
    value_free(vm, report);
    if (IS_ERR(where))
        return;
    raise(vm, type[diag->kind], "%s", diag->text);
    vm->exc_where = where;
    vm->exc_line = diag->line;
    vm->exc_column = diag->column;
    vm->exc_line = diag->line;
    vm->exc_column = diag->column;
}

/* Owned chunk with one reference, checked and prepared; NULL: exception pending, or *incomplete. */
static Chunk *chunk_new(VM *vm, Module *module, const char *name, const char *text, size_t size, int mode, bool *incomplete)
{
    Chunk *c = mem_zalloc(&vm->mem, sizeof *c);
    if (!c) {
        raise_nomem(vm);
        return NULL;
    }
    c->refs = 1;
    c->vm = vm;
    arena_init(&c->arena, &vm->mem);
    const char *why = NULL;
    if (src_init(&c->src, &vm->mem, name, text, size, &why) != ALP_OK) {
        if (why)
            raise(vm, TY_OverflowError, "%s", why);
        else
            raise_nomem(vm);
        goto fail;
    }
    Diag diag = { .kind = DK_None };
    if (parse_source(&c->src, (ParseMode)mode, &c->arena, vm->names, &c->ast, &diag) != ALP_OK ||
        check_module(&c->ast, &c->arena, vm->names, &module->names, &diag) != ALP_OK) {
        if (diag.kind == DK_Incomplete && mode == PM_Prompt)
            *incomplete = true;
        else
            raise_diag(vm, &diag, &c->src);
        goto fail;
    }
    if (module_grow(vm, module) != ALP_OK || prepare_chunk(vm, c) != ALP_OK)
        goto fail;
    return c;
fail:
    chunk_free(c);
    return NULL;
}

Chunk *vm_chunk(VM *vm, struct Module *module, const char *name, const char *text, size_t size)
{
    bool incomplete;
    return chunk_new(vm, module, name, text, size, PM_File, &incomplete);
}

RunStatus vm_run(VM *vm, struct Module *module, const char *name, const char *text, size_t size, int parse_mode)
{
    bool incomplete = false;
    vm_enter(vm);
    Chunk *chunk = chunk_new(vm, module, name, text, size, parse_mode, &incomplete);
    if (!chunk)
        return incomplete ? RUN_INCOMPLETE : RUN_EXC;
    if (vm->depth >= vm->max_depth || c_stack_low(vm)) {
        raise(vm, TY_RecursionError, "maximum recursion depth exceeded");
        chunk_free(chunk);
        return RUN_EXC;
    }
    if (vm->text_fn)
        vm->text_fn(vm->io_user, chunk);
    Frame frame = {
        .up = vm->frame, .module = module, .chunk = chunk, .slots = module->slots, .globals = module->slots, .ret = V_UNBOUND,
    };
    module->head.refs++;
    vm->frame = &frame;
    vm->depth++;
    Flow flow = exec_body(vm, &frame, &chunk->ast.body);
    vm->depth--;
    vm->frame = frame.up;
    obj_free(vm, &module->head);
    chunk_free(chunk);
    return flow == FLOW_ERROR ? RUN_EXC : RUN_OK;
}
