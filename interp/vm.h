/* interp/vm.h — one interpreter: memory, names, variables, the pending exception, limits, and the hooks of its host.
 * Several may live in a process; each is used by one thread at a time.  Nothing here is global. */
#ifndef ALP_INTERP_VM_H
#define ALP_INTERP_VM_H

#include <stdarg.h>
#include <stdatomic.h>

#include "dsl/ast.h"
#include "dsl/check.h"
#include "dsl/intern.h"
#include "interp/value.h"

struct LoopEngine;
struct Module;
struct Func;

/* A text with all that was made of it.  Functions and tracebacks keep it alive. */
typedef struct Chunk {
    size_t    refs;
    VM       *vm;
    Src       src;
    Arena     arena;
    AstModule ast;
    Obj     **literal;          /* objects made of its string literals, held until the chunk goes */
    uint32_t  n_literals, cap_literals;
} Chunk;

/* One line of a traceback. */
typedef struct TraceEntry {
    Chunk *chunk;               /* counted reference */
    Span   span;                /* of the expression or statement that was running */
    const Node *node;           /* same, for the ~~~^~~~ anchors; lives in chunk */
    Sym    func;                /* SYM_NONE: <module> */
} TraceEntry;

/* Exception instance. */
typedef struct Exc {
    Obj    head;                /* T_Exc */
    TypeId type;
    Value  args;                /* tuple; str(e) is its only element, or the tuple's text */
} Exc;

/* What is running: one per active call and one per module body. */
typedef struct Frame {
    struct Frame  *up;
    struct Func   *func;        /* NULL: module body */
    struct Module *module;      /* whose globals it sees */
    Chunk         *chunk;
    Value         *slots;       /* locals (func->code n_locals); module body: the module's variables */
    Value         *globals;     /* the module's variables (module->slots; module_grow() keeps it right) */
    Value          ret;         /* value of a return statement on its way out */
} Frame;

#define VM_POOL_SIZE 257

/* np.set_printoptions. */
typedef struct PrintOptions {
    bool    is_set;             /* false: NumPy's defaults, whatever stands below */
    bool    suppress;
    char    float_mode;         /* 'f' fixed, 'u' unique, 'm' maxprec, 'e' maxprec_equal */
    char    sign;               /* '-' '+' ' ' */
    int     precision;          /* -1: as many digits as it takes */
    int64_t edge_items, line_width;
    double  threshold;          /* elements; may be infinite */
} PrintOptions;

/* Called with text to write; returns 0, or an errno value.  stream 1: stdout, 2: stderr. */
typedef int (*WriteFn)(void *user, int stream, const char *text, size_t size);

struct VM {
    Mem       mem;
    Intern   *names;

    /* pending exception: type TY_COUNT = none */
    TypeId    exc_type;
    Value     exc_value;        /* Exc instance, message Str not yet wrapped, or None */
    TraceEntry *trace;          /* innermost first */
    uint32_t  n_trace, cap_trace;
    Value     exc_where;        /* SyntaxError: Str of the report's lines between traceback and message; else T_Unbound */
    uint32_t  exc_line, exc_column;     /* 1-based, where exc_where is a Str; column 0: none */
    Sym       exc_hint;         /* "Did you mean: '…'?" or SYM_NONE */

    Frame    *frame;            /* innermost */
    uint32_t  depth;            /* active calls */
    uint32_t  max_depth;        /* RecursionError beyond (default 1000, as CPython) */
    char     *stack_limit;      /* lowest address the C stack may reach; RecursionError below */
    uintptr_t stack_thread;     /* the thread that stack_limit was found for */
    Value    *stack_top, *stack_end;    /* free part of the newest segment of the stack of variables (call.c) */
    struct StackSegment *segment;
    const struct Native *native;        /* whose C function runs */

    struct Module *main;        /* __main__ */
    struct Module *builtins;
    struct Module **modules;    /* all imported modules */
    uint32_t  n_modules, cap_modules;
    Obj      *containers;       /* list of all objects that may form cycles, for vm_free (func.h, seq.h) */

    const struct LoopEngine *engine;    /* NULL: every loop is interpreted (interp/engine.h) */
    void     *engine_state;
    uint32_t  n_on_device;      /* buffers of arrays that a back end has on a device (interp/residency.h) … */
    struct BufferDevice *on_device;     /* … and their list */
    struct BorrowedBuffer *borrowed;    /* memory of the host program that arrays look at */
    size_t    late_bytes;       /* fresh arrays from this size on are described first: a back end may make them on a device; 0: none are
                                 * (interp/fresh.h) */

    /* Limits.  `attention` is the one word that loops and calls poll; set from any thread or a signal handler. */
    _Atomic int attention;      /* VM_ATTN_… bits */
    _Atomic(int *) stop_word;   /* NULL, or what a device looks at: alpy_interrupt() makes it 1 */
    uint64_t  deadline_ns;      /* CLOCK_MONOTONIC; 0 = none.  Takes effect at the next vm_run() or vm_call() from outside */
    double    time_limit_s;     /* the limit that the deadline came from, for the message */
    uint32_t  poll_count;       /* back edges until the clock is looked at again */

    WriteFn   write_fn;         /* NULL discards */
    void     *io_user;
    char     *out_buf;          /* stdout's buffer */
    size_t    out_size;
    bool      out_line_buffered;
    bool      err_is_terminal;  /* stderr is a terminal, for tqdm's bars */
    uint32_t  n_bars;           /* bars being drawn */
    int       out_errno;        /* first failed write; raised as OSError by the next print or flush */
    /* For input(), with io_user: at most `size` bytes up to and including a newline, not NUL-terminated; their number, 0 at the end of
     * input, or a negative errno value.  NULL: EOFError */
    int      (*read_fn)(void *user, char *line, size_t size);
    void     (*text_fn)(void *user, Chunk *chunk);  /* with io_user, told about every text before it runs; NULL: nobody asks */
    int      (*poll_fn)(void *user);    /* with io_user, called by vm_poll: non-zero raises KeyboardInterrupt; NULL: none */

    int       argc;
    char    **argv;             /* sys.argv */
    const char *script_dir;     /* where imports of other .alp files are looked for first; NULL: current folder */
    bool      echo;             /* prompt: expression statements print their repr */
    struct AttrCache *attr_cache;
    PrintOptions print_options;
    struct ForeignTypes *foreign;   /* ctypes' own data of this VM, NULL until used */

    Obj      *ascii[128];       /* strings of one ASCII character, made when first wanted (vm_char) */
    Obj      *doomed;           /* objects that wait for destruction (value.c) */
    bool      is_destroying;

    /* Blocks given back, by exact size, for the next request of that size: objects come and go faster than malloc. */
    size_t    pool_end;         /* sizes from 8 up to here go through the pool; 0 switches it off */
    void     *pool[VM_POOL_SIZE];
};

enum { VM_ATTN_INTERRUPT = 1, VM_ATTN_DEADLINE = 2, VM_ATTN_POLL = 4 };

/* NULL: out of memory.  mem is copied. */
VM  *vm_new(const Mem *mem);
void vm_free(VM *vm);

/* ---- exceptions -------------------------------------------------------------------------------------------------- */
/* Make an exception pending and return V_ERR: `return raise(vm, TY_TypeError, "…", …);`.
 * Keeps an exception that is already pending. */
Value raise(VM *vm, TypeId type, const char *fmt, ...)
    __asm__("alp_raise") PRINTF_LIKE(3, 4);     /* the symbol of C's raise() stays free for programs that link the static library */
Value raise_v(VM *vm, TypeId type, const char *fmt, va_list ap) __attribute__((format(printf, 3, 0)));
Value raise_nomem(VM *vm);                                      /* allocates nothing */
Value raise_obj(VM *vm, ALP_TAKE Value exc);                    /* a T_Exc */
Value raise_errno(VM *vm, int err, const char *filename);       /* OSError family: [Errno 2] No such file or directory: 'x' */
bool  vm_has_exc(const VM *vm);
/* Forget the pending exception. */
void  vm_clear_exc(VM *vm);
/* str(exception) as an owned Str value; "" possible.  Pending exception stays. */
Value vm_exc_text(VM *vm);
/* Add a line to the traceback of the pending exception. */
void  vm_trace_add(VM *vm, const Node *node, const Frame *frame);
/* The whole report as CPython prints it on stderr, ending in a newline; owned Str.  Does not clear it.  V_ERR only for lack of memory. */
Value vm_format_traceback(VM *vm);

/* ---- memory for objects -------------------------------------------------------------------------------------------- */
void *vm_alloc(VM *vm, size_t size);                            /* NULL: MemoryError is pending */
void *vm_realloc(VM *vm, void *p, size_t old_size, size_t new_size);
static inline void vm_dealloc(VM *vm, void *p, size_t size)
{
    if (vm->pool_end > VM_POOL_SIZE)            /* costs nothing; keeps compilers from warning about big constant sizes */
        __builtin_unreachable();
    if (size < vm->pool_end && size >= sizeof(void *) && p) {
        *(void **)p = vm->pool[size];
        vm->pool[size] = p;
    } else {
        mem_free(&vm->mem, p, size);
    }
}
/* Give the pool's blocks back to the allocator; false: there were none. */
bool  vm_trim(VM *vm);
/* New object with one reference; fields beyond the head are not initialised. */
void *obj_new(VM *vm, Tag tag, size_t size);

/* The string of one ASCII character; owned. */
Value vm_char_new(VM *vm, unsigned char c);
static inline Value vm_char(VM *vm, unsigned char c)
{
    Obj *o = vm->ascii[c];
    if (UNLIKELY(!o))
        return vm_char_new(vm, c);
    o->refs++;
    return (Value){ .tag = T_Str, .u.o = o };
}

/* ---- running ------------------------------------------------------------------------------------------------------- */
/* Run a text in `module`.  mode as parse.h.  The value of the last expression statement when vm->echo prints it. */
typedef enum RunStatus { RUN_OK, RUN_EXC, RUN_INCOMPLETE } RunStatus;
RunStatus vm_run(VM *vm, struct Module *module, const char *name, const char *text, size_t size, int parse_mode);
/* A text, checked and prepared, that is not run; owned.  NULL: exception. */
Chunk *vm_chunk(VM *vm, struct Module *module, const char *name, const char *text, size_t size);
/* Seconds that the next run may take; 0 = no limit. */
void vm_set_time_limit(VM *vm, double seconds);
/* Called at back edges and calls when `attention` is set or poll_count ran out: raises KeyboardInterrupt or TimeoutError. */
Status vm_poll(VM *vm);
/* Call any callable: positional args, then n_kw keyword arguments whose names are kw[]. Args borrowed; result owned. */
Value vm_call(VM *vm, Value callee, const Value *args, uint32_t n_args, const Sym *kw, uint32_t n_kw);

/* ---- output -------------------------------------------------------------------------------------------------------- */
Status vm_write(VM *vm, int stream, const char *text, size_t size);    /* buffered stdout; stderr flushes stdout's order as CPython: independent */
Status vm_flush(VM *vm);
/* Write without raising, for reports. */
void   vm_write_quiet(VM *vm, int stream, const char *text, size_t size);

#endif
