/* interp/api.c — alpy.h: open and close, running texts, limits, error reports, and explanations. */
#include "interp/api.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "dsl/parse.h"
#include "interp/interp.h"
#include "jit/cpu/cpu.h"
#include "jit/gpu/gpu.h"
#include "jit/plan/engine.h"
#include "jit/plan/kernel_cache.h"

#define REPORT_SLACK   (256u << 10)     /* bytes beyond max_bytes that the report of an error may take */

const char *alpy_version(void)
{
    return ALPY_VERSION;
}

void alpy_about(char *out, size_t size)
{
    char cpu[600], gpu[900];
    if (!out || !size)
        return;
    cpu_about(cpu, sizeof cpu);
    gpu_describe(gpu, sizeof gpu);
    snprintf(out, size, "CPU: %s\nGPU: %s\n", cpu, gpu);
}

const char *alpy_status_name(alpy_status status)
{
    static const char *const name[] = {
        "ALPY_OK", "ALPY_INCOMPLETE", "ALPY_ERROR", "ALPY_NOMEM", "ALPY_LIMIT", "ALPY_INTERRUPTED", "ALPY_EXIT",
        "ALPY_USAGE",
    };
    return (unsigned)status < COUNT_OF(name) ? name[status] : "?";
}

/* ---- entering and leaving ---------------------------------------------------------------------------------------- */

bool api_enter(alpy_vm *a)
{
    if (!a)
        return false;
    uintptr_t self = (uintptr_t)pthread_self(), nobody = 0;
    if (atomic_load_explicit(&a->owner, memory_order_relaxed) == self) {
        if (a->in_hook)
            return false;
        a->depth++;
        return true;
    }
    if (!atomic_compare_exchange_strong_explicit(&a->owner, &nobody, self, memory_order_acquire, memory_order_relaxed))
        return false;
    a->depth = 1;
    pid_t thread = gettid();            /* not `self`: a later thread may have its id, and another stack */
    if (a->thread != thread) {
        a->thread = thread;
        a->vm->stack_limit = NULL;
    }
    vm_enter(a->vm);
    return true;
}

void api_leave(alpy_vm *a)
{
    if (--a->depth == 0) {
        vm_set_time_limit(a->vm, 0);
        atomic_store_explicit(&a->owner, 0, memory_order_release);
    }
}

bool api_enter_run(alpy_vm *a)
{
    if (!api_enter(a))
        return false;
    if (a->depth == 1)
        vm_set_time_limit(a->vm, a->config.max_seconds);
    return true;
}

alpy_status api_leave_run(alpy_vm *a, bool ok)
{
    VM *vm = a->vm;
    alpy_status status = ALPY_OK;
    if (!ok) {
        a->depth++;
        status = api_fail(a);
    }
    if (a->depth == 1) {
        vm_set_time_limit(vm, 0);                       /* the output is delivered even so */
        if (engine_finish(vm) != ALP_OK || vm_flush(vm) != ALP_OK) {
            if (ok) {
                a->depth++;
                status = api_fail(a);
            } else
                vm_clear_exc(vm);
        }
    }
    api_leave(a);
    return status;
}

/* ---- hooks ------------------------------------------------------------------------------------------------------- */

static int write_hook(void *user, int stream, const char *text, size_t size)
{
    alpy_vm *a = user;
    bool nested = a->in_hook;
    a->in_hook = true;
    int err = a->config.write_fn(a->config.user, stream, text, size);
    a->in_hook = nested;
    return err;
}

static int read_hook(void *user, char *line, size_t size)
{
    alpy_vm *a = user;
    int n;
    do {
        a->in_hook = true;
        n = a->config.read_fn(a->config.user, line, size);
        a->in_hook = false;
    } while (n == -EINTR && vm_poll(a->vm) == ALP_OK);
    return n;
}

static int poll_hook(void *user)
{
    alpy_vm *a = user;
    bool nested = a->in_hook;
    a->in_hook = true;
    int stop = a->config.poll_fn ? a->config.poll_fn(a->config.user) : 0;
    if (a->config.progress_fn && !stop)
        engine_look(a->vm);
    a->in_hook = nested;
    return stop;
}

static void progress_hook(void *user, const EngineProgress *p)
{
    alpy_vm *a = user;
    alpy_progress progress;
    bool nested = a->in_hook;
    if (p)
        progress = (alpy_progress){ p->file, (int)p->line, p->device, p->seconds, p->fraction, p->seconds_left };
    a->in_hook = true;
    a->config.progress_fn(a->config.user, p ? &progress : NULL);
    a->in_hook = nested;
}

/* Texts whose loops are to be explained are known before they run: what is not reached stands in the report, too. */
static void text_hook(void *user, Chunk *chunk)
{
    alpy_vm *a = user;
    Report *report = engine_report(a->vm);
    bool is_new;
    if (report && (!report_source(report, &chunk->src, &is_new) || (is_new && engine_report_unreached(a->vm, chunk) != ALP_OK)))
        a->explain_lost = true;
}

/* ---- open and close ---------------------------------------------------------------------------------------------- */

static bool seconds_valid(double s)
{
    return isfinite(s) && s >= 0;
}

static bool dump_valid(const char *what)
{
    static const char *const words[] = { "nest", "plan", "llvm", "asm", "cuda", "model" };
    bool more = what != NULL;
    while (more) {
        size_t n = strcspn(what, ","), k = 0;
        while (k < COUNT_OF(words) && !(strlen(words[k]) == n && strncmp(words[k], what, n) == 0))
            k++;
        if (k == COUNT_OF(words))
            return false;
        more = what[n];
        what += n + 1;
    }
    return true;
}

/* The caller's settings as this version knows them; false: they cannot be honoured.  alpy_config grows at its end, each time from a member as
 * aligned as the whole: what an older host has there is no padding that it need not have cleared. */
static bool copy_config(alpy_config *to, const alpy_config *from)
{
    alpy_config_init(to);
    if (!from)
        return true;
    size_t size = from->struct_size;
    if (size < sizeof from->struct_size)
        return false;
    for (size_t i = sizeof *to; i < size; i++)          /* settings of a later version: zero means default there too */
        if (((const unsigned char *)from)[i])
            return false;
    memcpy(to, from, size < sizeof *to ? size : sizeof *to);
    to->struct_size = sizeof *to;
    if (to->argc < 0 || (to->argc > 0 && !to->argv) || to->max_depth < 0 || !seconds_valid(to->max_seconds))
        return false;
    if ((unsigned)to->fp > ALPY_FP_FAST || (unsigned)to->device > ALPY_DEVICE_RANDOM || to->gpu < 0 || !dump_valid(to->dump) ||
        (to->explain && to->no_analysis) || to->threads < 0 || (to->isa && !cpu_isa_known(to->isa)))
        return false;
    for (int i = 0; i < to->argc; i++)
        if (!to->argv[i])
            return false;
    return true;
}

/* argv, script_dir, dump and isa in one block: the pointers, then the texts. */
static bool copy_strings(alpy_vm *a)
{
    alpy_config *c = &a->config;
    static const char *const no_args[] = { "" };
    int n = c->argc ? c->argc : 1;
    const char *const *argv = c->argc ? c->argv : no_args;
    const char **texts[] = { &c->script_dir, &c->dump, &c->isa };
    size_t size = (size_t)n * sizeof(char *);
    for (size_t t = 0; t < COUNT_OF(texts); t++)
        size += *texts[t] ? strlen(*texts[t]) + 1 : 0;
    for (int i = 0; i < n; i++)
        size += strlen(argv[i]) + 1;
    a->strings = mem_alloc(&a->mem, size);
    if (!a->strings)
        return false;
    a->strings_size = size;
    char **copy = (char **)(void *)a->strings, *next = a->strings + (size_t)n * sizeof(char *);
    for (int i = 0; i < n; i++) {
        copy[i] = next;
        next = stpcpy(next, argv[i]) + 1;
    }
    for (size_t t = 0; t < COUNT_OF(texts); t++)
        if (*texts[t]) {
            char *end = stpcpy(next, *texts[t]) + 1;
            *texts[t] = next;
            next = end;
        }
    c->argc = n;
    c->argv = (const char *const *)copy;
    return true;
}

static void write_dump(void *user, const char *text, size_t size)
{
    vm_write_quiet(user, 2, text, size);
}

/* The back end that the settings ask for, if there is one. */
static Status make_backend(const alpy_vm *a, EngineOptions *o)
{
    const alpy_config *c = &a->config;
    bool wanted = !c->no_analysis && c->device != ALPY_DEVICE_INTERP && c->device != ALPY_DEVICE_REFERENCE;
    if (!wanted || !cpu_is_available(o->no_backend, sizeof o->no_backend))
        return ALP_OK;
    CpuOptions cpu = { .n_threads = c->threads, .isa = c->isa, .no_disk_cache = c->no_disk_cache, .spread_all = c->shuffle_seed != 0,
                       .dump_fn = write_dump, .dump_user = a->vm };
    cpu.dump = c->dump && (strstr(c->dump, "llvm") || strstr(c->dump, "asm")) ? c->dump : NULL;
    o->backend = cpu_backend_new(a->vm, &cpu);
    return o->backend ? ALP_OK : ALP_FAIL;
}

/* Likewise on a GPU; whether there is one shows when the first kernel is wanted. */
static Status make_gpu(const alpy_vm *a, EngineOptions *o)
{
    const alpy_config *c = &a->config;
    bool wanted = c->device == ALPY_DEVICE_GPU || ((c->device == ALPY_DEVICE_AUTO || c->device == ALPY_DEVICE_RANDOM) && gpu_is_likely());
    if (c->no_analysis || !wanted)
        return ALP_OK;
    GpuOptions gpu = { .ordinal = c->gpu, .no_disk_cache = c->no_disk_cache, .dump_fn = write_dump, .dump_user = a->vm };
    gpu.dump = c->dump && strstr(c->dump, "cuda") ? c->dump : NULL;
    gpu.timeline = a->timeline;
    o->gpu = gpu_backend_new(a->vm, &gpu);
    return o->gpu ? ALP_OK : ALP_FAIL;
}

static Status attach_engine(const alpy_vm *a)
{
    static const EngineDevice device[] = {
        [ALPY_DEVICE_AUTO] = DEV_Auto, [ALPY_DEVICE_INTERP] = DEV_Interp, [ALPY_DEVICE_REFERENCE] = DEV_Reference,
        [ALPY_DEVICE_CPU] = DEV_Cpu, [ALPY_DEVICE_GPU] = DEV_Gpu, [ALPY_DEVICE_RANDOM] = DEV_Random,
    };
    static const FpMode fp[] = {
        [ALPY_FP_PRECISE] = FP_Precise, [ALPY_FP_SEQUENTIAL] = FP_Sequential, [ALPY_FP_FAST] = FP_Fast,
    };
    const alpy_config *c = &a->config;
    EngineOptions o;
    engine_options_init(&o);
    o.device = device[c->device];
    o.plan.fp = fp[c->fp];
    o.plan.examples = c->explain;
    o.exec.shuffle = c->shuffle_seed != 0;
    o.exec.seed = c->shuffle_seed;
    o.analyse = !c->no_analysis;
    o.report = c->explain;
    o.random_seed = c->random_seed;
    o.progress = c->progress_fn ? progress_hook : NULL;
    o.progress_user = (void *)(uintptr_t)a;
    o.keeps_history = !c->no_disk_cache && c->device == ALPY_DEVICE_AUTO;
    o.gpu_ordinal = (uint32_t)c->gpu;
    o.chooses_gpu = c->device == ALPY_DEVICE_AUTO && c->gpu == 0 && !c->gpu_only;
    o.timeline = a->timeline;
    o.dump = c->dump;
    Status s = make_backend(a, &o) == ALP_OK && make_gpu(a, &o) == ALP_OK ? engine_attach(a->vm, &o) : ALP_FAIL;
    if (s != ALP_OK && o.backend)
        o.backend->close(o.backend);
    if (s != ALP_OK && o.gpu)
        o.gpu->close(o.gpu);
    return s;
}

static void free_handle(alpy_vm *a)
{
    Mem mem = a->mem;
    timeline_free(a->timeline);
    mem_free(&mem, a->strings, a->strings_size);
    mem_free(&mem, a, sizeof *a);
}

alpy_status alpy_open(alpy_vm **out, const alpy_config *config)
{
    if (!out)
        return ALPY_USAGE;
    *out = NULL;
    alpy_config settings;
    if (!copy_config(&settings, config))
        return ALPY_USAGE;
    Mem mem;
    mem_init(&mem, settings.realloc_fn, settings.user);
    alpy_vm *a = mem_zalloc(&mem, sizeof *a);
    if (!a)
        return ALPY_NOMEM;
    a->mem = mem;
    a->config = settings;
    a->parked = PARKED_NONE;
    a->error_text = a->error_file = a->error_traceback = V_NONE;
    a->error = (alpy_error_info){ .type = "", .text = "", .traceback = "" };

    Mem limited;
    mem_init(&limited, settings.realloc_fn, settings.user);
    limited.bytes_max = settings.max_bytes;
    if (settings.trace)
        a->timeline = timeline_new();
    if ((settings.trace && !a->timeline) || !copy_strings(a) || !(a->vm = vm_new(&limited))) {
        free_handle(a);
        return ALPY_NOMEM;
    }
    VM *vm = a->vm;
    if (settings.max_depth)
        vm->max_depth = (uint32_t)settings.max_depth;
    vm->io_user = a;
    vm->write_fn = settings.write_fn ? write_hook : NULL;
    vm->read_fn = settings.read_fn ? read_hook : NULL;
    vm->poll_fn = settings.poll_fn || settings.progress_fn ? poll_hook : NULL;
    vm->out_line_buffered = settings.line_buffered;
    vm->err_is_terminal = settings.err_is_terminal;
    vm->argc = a->config.argc;
    vm->argv = (char **)(uintptr_t)a->config.argv;
    vm->script_dir = a->config.script_dir;
    if (attach_engine(a) != ALP_OK) {
        vm_free(vm);
        free_handle(a);
        return ALPY_NOMEM;
    }
    vm->text_fn = settings.explain ? text_hook : NULL;
    *out = a;
    return ALPY_OK;
}

static void forget_error(alpy_vm *a)
{
    value_set(a->vm, &a->error_text, V_NONE);
    value_set(a->vm, &a->error_file, V_NONE);
    value_set(a->vm, &a->error_traceback, V_NONE);
    a->error = (alpy_error_info){ .type = "", .text = "", .traceback = "" };
}

alpy_status alpy_close(alpy_vm *a)
{
    if (!a)
        return ALPY_OK;
    if (!api_enter(a))
        return ALPY_USAGE;
    if (a->depth > 1)
        return api_misuse(a, "alpy_close() while the interpreter is running");
    a->in_hook = true;                                  /* release functions find the interpreter closed */
    VM *vm = a->vm;
    forget_error(a);
    api_drop_parked(a, &a->parked);
    for (uint32_t i = 0; i < a->n_held; i++)
        value_set(vm, &a->held[i].value, V_UNBOUND);
    mem_free(&a->mem, a->held, a->cap_held * sizeof *a->held);
    vm_free(vm);
    while (a->functions) {
        HostFunction *f = a->functions;
        a->functions = f->next;
        mem_free(&a->mem, f, f->size);
    }
    free_handle(a);
    return ALPY_OK;
}

/* ---- errors ------------------------------------------------------------------------------------------------------ */

void api_park(alpy_vm *a, Parked *p)
{
    VM *vm = a->vm;
    *p = (Parked){
        .type = vm->exc_type,
        .value = vm->exc_value,
        .where = vm->exc_where,
        .line = vm->exc_line,
        .column = vm->exc_column,
        .hint = vm->exc_hint,
        .trace = vm->trace,
        .n_trace = vm->n_trace,
        .cap_trace = vm->cap_trace,
    };
    vm->exc_type = TY_COUNT;
    vm->exc_value = V_NONE;
    vm->exc_where = V_UNBOUND;
    vm->exc_hint = SYM_NONE;
    vm->trace = NULL;
    vm->n_trace = vm->cap_trace = 0;
}

void api_unpark(alpy_vm *a, Parked *p)
{
    VM *vm = a->vm;
    vm_clear_exc(vm);
    mem_free(&vm->mem, vm->trace, vm->cap_trace * sizeof *vm->trace);
    vm->exc_type = p->type;
    vm->exc_value = p->value;
    vm->exc_where = p->where;
    vm->exc_line = p->line;
    vm->exc_column = p->column;
    vm->exc_hint = p->hint;
    vm->trace = p->trace;
    vm->n_trace = p->n_trace;
    vm->cap_trace = p->cap_trace;
    *p = PARKED_NONE;
}

void api_drop_parked(alpy_vm *a, Parked *p)
{
    if (p->type == TY_COUNT && !p->trace)
        return;
    Parked pending;
    api_park(a, &pending);
    api_unpark(a, p);
    vm_clear_exc(a->vm);
    api_unpark(a, &pending);
}

static bool deadline_is_over(const VM *vm)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec >= vm->deadline_ns;
}

static alpy_status status_of(const VM *vm)
{
    TypeId t = vm->exc_type;
    if (type_is_subclass(t, TY_MemoryError))
        return ALPY_NOMEM;
    if (t == TY_KeyboardInterrupt)
        return ALPY_INTERRUPTED;
    if (t == TY_SystemExit)
        return ALPY_EXIT;
    if (t == TY_TimeoutError && vm->deadline_ns && deadline_is_over(vm))
        return ALPY_LIMIT;
    return ALPY_ERROR;
}

/* SystemExit's argument: the status, and whether the text is to be printed. */
static int exit_code(const VM *vm, bool *has_text)
{
    Value code = vm->exc_value;
    if (code.tag == T_Exc) {
        const Exc *e = (const Exc *)(const void *)code.u.o;
        const Tuple *args = TUPLE(e->args);
        code = args->count == 0 ? V_NONE : args->count == 1 ? args->item[0] : e->args;
    }
    *has_text = false;
    switch (code.tag) {
    case T_None:
        return 0;
    case T_Int: case T_Bool:
        return (int)code.u.i;
    default:
        *has_text = true;
        return 1;
    }
}

static const char *text_or(Value v, const char *otherwise)
{
    return v.tag == T_Str ? STR(v)->text : otherwise;
}

/* A SyntaxError's own place.  Its report begins `  File "NAME", line N`. */
static void report_syntax_place(alpy_vm *a)
{
    VM *vm = a->vm;
    alpy_error_info *e = &a->error;
    const char *text = STR(vm->exc_where)->text, *name = strchr(text, '"'), *end = strchr(text, '\n'), *last = end;
    while (last && last > name && *last != '"')
        last--;
    if (name && last && last > name)
        a->error_file = str_new(vm, name + 1, (size_t)(last - name - 1));
    e->file = text_or(a->error_file, NULL);
    e->line = (int)vm->exc_line;
    e->column = (int)vm->exc_column;
}

/* Where the pending exception was raised. */
static void report_place(alpy_vm *a)
{
    VM *vm = a->vm;
    alpy_error_info *e = &a->error;
    if (vm->exc_where.tag == T_Str) {
        report_syntax_place(a);
    } else if (vm->n_trace) {
        const TraceEntry *t = &vm->trace[0];
        const Src *src = &t->chunk->src;
        a->error_file = str_z(vm, src->name);
        e->file = text_or(a->error_file, NULL);
        e->line = (int)src_line(src, t->span.start);
        e->column = (int)src_column(src, t->span.start) + 1;
        e->function = t->func == SYM_NONE ? "<module>" : intern_text(vm->names, t->func);
    }
}

alpy_status api_fail(alpy_vm *a)
{
    VM *vm = a->vm;
    forget_error(a);
    alpy_error_info *e = &a->error;
    size_t max = vm->mem.bytes_max;
    if (max)
        vm->mem.bytes_max = max < SIZE_MAX - REPORT_SLACK ? max + REPORT_SLACK : SIZE_MAX;

    bool has_text = true;
    e->status = status_of(vm);
    e->type = type_qualname(vm->exc_type);
    if (e->status == ALPY_EXIT)
        e->exit_code = exit_code(vm, &has_text);
    if (has_text)
        a->error_text = vm_exc_text(vm);
    report_place(a);
    a->error_traceback = vm_format_traceback(vm);
    snprintf(a->error_small, sizeof a->error_small, "%s\n", e->type);
    e->text = text_or(a->error_text, "");
    e->traceback = text_or(a->error_traceback, a->error_small);

    vm->mem.bytes_max = max;
    if (a->in_native) {
        Parked p;
        api_park(a, &p);
        api_drop_parked(a, &a->parked);
        a->parked = p;
    } else
        vm_clear_exc(vm);
    api_leave(a);
    return e->status;
}

alpy_status api_misuse(alpy_vm *a, const char *text)
{
    forget_error(a);
    a->error.status = ALPY_USAGE;
    a->error.text = text;
    api_leave(a);
    return ALPY_USAGE;
}

const alpy_error_info *alpy_error(alpy_vm *a)
{
    static const alpy_error_info no_vm = {
        .status = ALPY_USAGE, .type = "", .text = "no interpreter", .traceback = ""
    };
    return a ? &a->error : &no_vm;
}

/* ---- running ----------------------------------------------------------------------------------------------------- */

static alpy_status run_text(alpy_vm *a, const char *source, size_t size, const char *name, ParseMode mode)
{
    if (!api_enter_run(a))
        return ALPY_USAGE;
    if (!source)
        return api_misuse(a, "source is NULL");
    VM *vm = a->vm;
    bool echo = vm->echo;
    vm->echo = mode == PM_Prompt;
    RunStatus r = vm_run(vm, vm->main, name ? name : "<string>", source, size, mode);
    vm->echo = echo;
    alpy_status status = api_leave_run(a, r != RUN_EXC);
    return r == RUN_INCOMPLETE && status == ALPY_OK ? ALPY_INCOMPLETE : status;
}

alpy_status alpy_eval(alpy_vm *a, const char *source, const char *name)
{
    return run_text(a, source, source ? strlen(source) : 0, name, PM_File);
}

alpy_status alpy_eval_sized(alpy_vm *a, const char *source, size_t size, const char *name)
{
    return run_text(a, source, size, name, PM_File);
}

alpy_status alpy_eval_prompt(alpy_vm *a, const char *source, const char *name)
{
    return run_text(a, source, source ? strlen(source) : 0, name ? name : "<stdin>", PM_Prompt);
}

/* All bytes of a file into a block of *cap bytes; NULL: an exception is pending. */
static char *read_file(VM *vm, const char *path, size_t *size, size_t *cap)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        raise_errno(vm, errno, path);
        return NULL;
    }
    *size = 0;
    *cap = 16 << 10;
    char *text = vm_alloc(vm, *cap);
    while (text) {
        ssize_t n = read(fd, text + *size, *cap - *size);
        if (n == 0)
            break;
        if (n < 0 && errno == EINTR && vm_poll(vm) == ALP_OK)
            continue;
        if (n < 0) {
            raise_errno(vm, errno, path);               /* keeps the exception of vm_poll */
            vm_dealloc(vm, text, *cap);
            text = NULL;
            break;
        }
        *size += (size_t)n;
        if (*size == *cap) {
            char *more = vm_realloc(vm, text, *cap, *cap * 2);
            if (!more)
                vm_dealloc(vm, text, *cap);
            else
                *cap *= 2;
            text = more;
        }
    }
    close(fd);
    return text;
}

alpy_status alpy_eval_file(alpy_vm *a, const char *path)
{
    if (!api_enter_run(a))
        return ALPY_USAGE;
    if (!path)
        return api_misuse(a, "path is NULL");
    VM *vm = a->vm;
    size_t size, cap;
    char *text = read_file(vm, path, &size, &cap);
    bool ok = false;
    if (text) {
        bool echo = vm->echo;
        vm->echo = false;
        ok = vm_run(vm, vm->main, path, text, size, PM_File) == RUN_OK;
        vm->echo = echo;
        vm_dealloc(vm, text, cap);
    }
    return api_leave_run(a, ok);
}

void alpy_interrupt(alpy_vm *a)
{
    if (!a)
        return;
    atomic_fetch_or(&a->vm->attention, VM_ATTN_INTERRUPT);
    int *word = atomic_load(&a->vm->stop_word);
    if (word)
        __atomic_store_n(word, 1, __ATOMIC_RELEASE);
}

void alpy_clear_interrupt(alpy_vm *a)
{
    if (a)
        atomic_fetch_and(&a->vm->attention, ~VM_ATTN_INTERRUPT);
}

alpy_status alpy_set_limits(alpy_vm *a, size_t max_bytes, double max_seconds)
{
    if (!api_enter(a))
        return ALPY_USAGE;
    if (!seconds_valid(max_seconds))
        return api_misuse(a, "max_seconds is negative or not finite");
    a->config.max_bytes = a->vm->mem.bytes_max = max_bytes;
    a->config.max_seconds = max_seconds;
    api_leave(a);
    return ALPY_OK;
}

alpy_status alpy_memory(alpy_vm *a, size_t *used, size_t *peak)
{
    if (!api_enter(a))
        return ALPY_USAGE;
    if (used)
        *used = a->mem.bytes_used + a->vm->mem.bytes_used;
    if (peak)
        *peak = a->mem.bytes_peak + a->vm->mem.bytes_peak;
    api_leave(a);
    return ALPY_OK;
}

/* ---- explanations ------------------------------------------------------------------------------------------------ */

typedef struct Explaining {
    int (*fn)(void *user, const char *text, size_t size);
    void *user;
    bool  stopped;
} Explaining;

static void explain_text(void *user, const char *s, size_t n)
{
    Explaining *e = user;
    if (!e->stopped)
        e->stopped = e->fn(e->user, s, n) != 0;
}

alpy_status alpy_explain(alpy_vm *a, alpy_explain_format format, int line, int (*fn)(void *user, const char *text, size_t size),
                         void *user)
{
    if (!api_enter(a))
        return ALPY_USAGE;
    VM *vm = a->vm;
    const Report *report = engine_report(vm);
    if (!fn || (unsigned)format > ALPY_EXPLAIN_TRACE || line < 0)
        return api_misuse(a, "alpy_explain() without fn, with an unknown format, or a line below 0");
    if (format == ALPY_EXPLAIN_TRACE && !a->timeline)
        return api_misuse(a, "alpy_explain() needs alpy_config.trace for a timeline");
    if (format != ALPY_EXPLAIN_TRACE && !report)
        return api_misuse(a, "alpy_explain() needs alpy_config.explain");
    Explaining e = { .fn = fn, .user = user };
    bool nested = a->in_hook;
    a->in_hook = true;
    Status drawn = ALP_OK;
    switch (format) {
    case ALPY_EXPLAIN_TEXT:     report_text(report, explain_text, &e); break;
    case ALPY_EXPLAIN_JSON:     report_json(report, explain_text, &e); break;
    case ALPY_EXPLAIN_STATS:    report_stats(report, explain_text, &e); break;
    case ALPY_EXPLAIN_TRACE:    timeline_write(a->timeline, explain_text, &e); break;
    case ALPY_EXPLAIN_GRAPH:    drawn = engine_graph(vm, (uint32_t)line, explain_text, &e); break;
    }
    a->in_hook = nested;
    if (drawn != ALP_OK && line)
        raise(vm, TY_LookupError, "no loop nest that was run begins in line %d", line);
    else if (drawn != ALP_OK)
        raise(vm, TY_LookupError, "no loop nest was run");
    else if (a->explain_lost && format < ALPY_EXPLAIN_GRAPH)
        raise_nomem(vm);                /* what there is has been told */
    return api_done(a, vm_has_exc(vm) ? ALP_FAIL : ALP_OK);
}

/* ---- compiled loops on disk -------------------------------------------------------------------------------------- */

void alpy_cache_info(alpy_cache *out)
{
    CacheUsage u;
    if (!out)
        return;
    cache_usage(&u);
    _Static_assert(sizeof u.folder == sizeof out->folder, "folders of equal length");
    memcpy(out->folder, u.folder, sizeof out->folder);
    out->loops = u.n_files;
    out->bytes = u.bytes;
}

uint64_t alpy_cache_clear(void)
{
    return cache_clear();
}

/* ---- dumps ------------------------------------------------------------------------------------------------------- */

static void dump_text(void *user, const char *s, size_t n)
{
    VM *vm = user;
    if (!vm_has_exc(vm))
        (void)vm_write(vm, 1, s, n);
}

static Status dump(VM *vm, bool tokens, const char *source, size_t size, const char *name)
{
    Src src;
    const char *why = NULL;
    Diag diag = { 0 };
    if (src_init(&src, &vm->mem, name, source, size, &why) != ALP_OK) {
        why ? raise(vm, TY_OverflowError, "%s", why) : raise_nomem(vm);
        return ALP_FAIL;
    }
    Status parsed;
    if (tokens) {
        parsed = parse_dump_tokens(&src, dump_text, vm, &diag);
    } else {
        Arena arena;
        AstModule tree = { .src = &src };
        arena_init(&arena, &vm->mem);
        parsed = parse_source(&src, PM_File, &arena, vm->names, &tree, &diag);
        if (parsed == ALP_OK)
            ast_dump(&tree.body, vm->names, dump_text, vm);
        arena_free(&arena);
    }
    src_free(&src);
    if (vm_has_exc(vm))
        return ALP_FAIL;
    /* A text that does not parse does not run either: running it reports the error. */
    if (parsed != ALP_OK)
        return vm_run(vm, vm->main, name, source, size, PM_File) == RUN_OK ? ALP_OK : ALP_FAIL;
    return ALP_OK;
}

alpy_status alpy_dump(alpy_vm *a, const char *what, const char *source, size_t size, const char *name)
{
    if (!api_enter_run(a))
        return ALPY_USAGE;
    if (!what || !source || (strcmp(what, "tok") != 0 && strcmp(what, "ast") != 0))
        return api_misuse(a, "alpy_dump() knows \"tok\" and \"ast\"");
    return api_leave_run(a, dump(a->vm, what[0] == 't', source, size, name ? name : "<string>") == ALP_OK);
}
