/* alpy.h — alpy as a library: run programs of Python syntax on the arrays of a C or C++ program.
 *
 *     alpy_vm *vm;
 *     double x[3] = { 1, 2, 3 };
 *     int64_t shape[1] = { 3 };
 *     alpy_array view = { .dtype = ALPY_FLOAT64, .ndim = 1, .shape = shape, .data = x };
 *     if (alpy_open(&vm, NULL) == ALPY_OK) {
 *         alpy_set_array(vm, "x", &view);
 *         if (alpy_eval(vm, "for i in range(3):\n    x[i] *= 2\n", "double.alp") != ALPY_OK)
 *             fputs(alpy_error(vm)->traceback, stderr);
 *         alpy_close(vm);                                      // x is now { 2, 4, 6 }
 *     }
 *
 * What is not in this file is not part of the interface.
 *
 * The library never exits, aborts, prints on its own or installs signal handlers.  Any number of interpreters may live in
 * a process; they share nothing but compiled loops and the threads that these run on, which a fork() leaves behind and
 * which take no signals.  An interpreter is used by one thread at a time (another thread's call
 * meanwhile gives ALPY_USAGE); which thread that is may change from call to call.  alpy_interrupt() alone may be called
 * at any time.
 *
 * Ownership: what a call is given (texts, values, arrays of shape) is borrowed for the time of the call and copied
 * where it is kept; the bytes behind an alpy_array are the exception, see there.  What a call hands out through a
 * pointer to alpy_value or alpy_array belongs to the caller until alpy_release() or alpy_release_array(); whatever is
 * left is released by alpy_close().  A `const char *` handed out is NUL-terminated and lives as long as its comment
 * says.  All texts are UTF-8. */
#ifndef ALPY_H
#define ALPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ALPY_VERSION "0.1.0"

#if defined(__GNUC__) || defined(__clang__)
#define ALPY_API __attribute__((visibility("default")))
#else
#define ALPY_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* One interpreter: its variables, memory, limits and hooks. */
typedef struct alpy_vm alpy_vm;

typedef enum alpy_status {
    ALPY_OK = 0,
    ALPY_INCOMPLETE,        /* alpy_eval_prompt: the text ends inside a block, bracket or string; nothing ran */
    ALPY_ERROR,             /* an exception, SyntaxError included; alpy_error() says which */
    ALPY_NOMEM,             /* MemoryError: the allocator or max_bytes refused; the interpreter stays usable */
    ALPY_LIMIT,             /* TimeoutError: max_seconds is over */
    ALPY_INTERRUPTED,       /* KeyboardInterrupt: alpy_interrupt(), or poll_fn asked for it */
    ALPY_EXIT,              /* SystemExit: the program called sys.exit(); alpy_error()->exit_code */
    ALPY_USAGE,             /* the call itself is wrong: NULL, bad dtype, busy in another thread, being closed …;
                             * nothing was done */
} alpy_status;

/* Version of the library that is running, "0.1.0"; ALPY_VERSION is the version of this header. */
ALPY_API const char *alpy_version(void);
/* What it finds on this machine, for people, in lines: compiler for processors, GPU with its driver and compiler, or why
 * there is none; cut to size, NUL-terminated.  Opens what is there, which takes some 0.2 s where there is a GPU. */
ALPY_API void alpy_about(char *out, size_t size);
/* "ALPY_OK" …; never NULL. */
ALPY_API const char *alpy_status_name(alpy_status status);

/* ---- open and close ---------------------------------------------------------------------------------------------- */

/* How closely loops keep to the order of floating-point operations (docs/language.md, "Differences"). */
typedef enum alpy_fp {
    ALPY_FP_PRECISE = 0,    /* the default: sums and products of more than 128 items by one tree, fixed by the program
                             * and the shape of its data: the same bits everywhere, at any speed */
    ALPY_FP_SEQUENTIAL,     /* program order everywhere: the bits of CPython */
    ALPY_FP_FAST,           /* any order and contraction: no promise on the last digits */
} alpy_fp;

/* Where loops may run. */
typedef enum alpy_device {
    ALPY_DEVICE_AUTO = 0,   /* wherever they are expected to take the least time */
    ALPY_DEVICE_INTERP,     /* in the interpreter, which follows the plan where that fixes the order of a sum */
    ALPY_DEVICE_REFERENCE,  /* for tests of the analysis: by a plain, slow evaluator of plans */
    ALPY_DEVICE_CPU,        /* compiled for the processor wherever that is possible, even where it does not pay */
    ALPY_DEVICE_GPU,        /* on a GPU wherever that is possible, even where it does not pay; else as ALPY_DEVICE_CPU */
    ALPY_DEVICE_RANDOM,     /* for tests: every execution at random wherever that is possible (random_seed) */
} alpy_device;

/* A loop nest that has been running for more than a second. */
typedef struct alpy_progress {
    const char *file;       /* as tracebacks print it */
    int         line;
    const char *device;     /* "cpu", "gpu", "reference" */
    double      seconds;    /* since it began */
    double      fraction;   /* of it that is done, 0 to 1; negative: not known */
    double      seconds_left;   /* likewise; an estimate */
} alpy_progress;

/* Settings of an interpreter; zero means the default everywhere.  No function given here may use the interpreter that
 * calls it, but for alpy_interrupt(): such a call gives ALPY_USAGE. */
typedef struct alpy_config {
    size_t struct_size;     /* sizeof(alpy_config) as the host was compiled */

    size_t max_bytes;       /* most memory held at a time, in bytes; 0 = no limit.  Arrays lent by the host do not
                             * count; the report of an error may take a further 256 KiB. */
    double max_seconds;     /* longest duration of one outermost alpy_eval… or alpy_call, in seconds of wall clock;
                             * 0 = no limit */
    int    max_depth;       /* nested calls before RecursionError; 0 = 1000.  The C stack of the calling thread is a
                             * second limit, found by itself, with the same error. */

    /* Memory for everything but what the C library and foreign functions take: ptr NULL allocates, new_size 0 frees and
     * returns NULL, else resizes as realloc.  old_size is the size ptr was allocated with.  NULL result: no memory (ptr
     * stays valid).  Results aligned as malloc's.  Compiled loops may call it from threads of their own, but never while
     * another call is under way.  NULL = the C library's. */
    void *(*realloc_fn)(void *user, void *ptr, size_t old_size, size_t new_size);
    /* Text that the program prints: stream 1 is its stdout, 2 its stderr; not NUL-terminated.  Returns 0, or an errno
     * value, which the program gets as OSError.  stdout is buffered; it is complete when alpy_eval… or alpy_call
     * returns.  NULL discards. */
    int  (*write_fn)(void *user, int stream, const char *text, size_t size);
    /* A line for input(): puts at most `size` bytes up to and including a newline into `line`, not NUL-terminated;
     * returns their number, 0 at the end of input, or a negative errno value (-EINTR: called again, unless there was an
     * interrupt).  A line that does not end in a newline goes on in the next call.
     * NULL: every input() raises EOFError. */
    int  (*read_fn)(void *user, char *line, size_t size);
    /* Called now and then (every few thousand iterations) while a program runs; non-zero interrupts it.  NULL =
     * none. */
    int  (*poll_fn)(void *user);
    void  *user;            /* first argument of the functions above */

    int                argc;            /* sys.argv; 0 gives [''] */
    const char *const *argv;            /* copied */
    const char        *script_dir;      /* folder where `import name` finds name.alp; NULL = the current one; copied */
    bool               line_buffered;   /* deliver stdout at every newline (a terminal) */
    bool               err_is_terminal; /* stderr is a terminal: progress bars (tqdm) are drawn on it */

    /* Print each loop nest when it is analysed, each plan when it is made, the code of each compiled loop, to stream 2:
     * "nest", "plan", "llvm", "asm", "cuda", "model", or several of them with commas; for those who work on alpy.  NULL = nothing; copied. */
    const char *dump;
    /* With ALPY_DEVICE_REFERENCE: iterations of parallel loops run in random orders that follow from this number;
     * 0 = in order.  With ALPY_DEVICE_CPU: other than 0 spreads parallel loops of any size over threads. */
    uint64_t    shuffle_seed;
    alpy_fp     fp;
    alpy_device device;
    bool        explain;        /* keep a record of loops for alpy_explain(): takes memory and some time */
    bool        no_analysis;    /* run every loop as it stands, in the interpreter, as ALPY_FP_SEQUENTIAL; not together
                                 * with explain */

    /* Compiled loops.  Results do not depend on these. */
    const char *isa;            /* instruction set: "sse2", "avx2", "avx512" or "native"; NULL = native; for tests; copied */
    int         threads;        /* most threads that a loop runs on, the calling one included; 0 = ALPY_NUM_THREADS, else
                                 * the processors that this process may use */
    bool        no_disk_cache;  /* neither take compiled loops from disk nor leave them there (alpy_cache_info()) */
    bool        trace;          /* keep a timeline for ALPY_EXPLAIN_TRACE */
    int         gpu;            /* which GPU, among those that CUDA shows (CUDA_VISIBLE_DEVICES), from 0 */
    uint64_t    random_seed;    /* with ALPY_DEVICE_RANDOM: the choices follow from it */
    /* Called some ten times a second while a loop nest takes longer than a second, by the thread that runs the program;
     * progress NULL: that nest has ended.  NULL = never. */
    void      (*progress_fn)(void *user, const alpy_progress *progress);
    bool        gpu_only;       /* `gpu` is meant, also if it is 0.  Else 0 leaves the choice to ALPY_DEVICE_AUTO where there are several */
} alpy_config;

/* All defaults, and struct_size. */
static inline void alpy_config_init(alpy_config *config)
{
    memset(config, 0, sizeof *config);
    config->struct_size = sizeof *config;
}

/* A new interpreter in *out.  config NULL = defaults.
 * ALPY_NOMEM; ALPY_USAGE: out NULL, struct_size unknown, a negative or not finite limit, an unknown setting.  Then
 * *out is NULL. */
ALPY_API alpy_status alpy_open(alpy_vm **out, const alpy_config *config);
/* Release everything: variables, what was handed out and not released, arrays lent by the host (their release functions
 * are called).  vm and every pointer got through it are invalid afterwards.  NULL is fine.
 * ALPY_USAGE: vm is running (called by a registered function, a hook, or during another thread's call); it stays
 * open. */
ALPY_API alpy_status alpy_close(alpy_vm *vm);

/* ---- run --------------------------------------------------------------------------------------------------------- */

/* Run `source` in the module scope of vm (`__main__`); variables and functions stay for later calls.  `name` stands in
 * tracebacks ("heat.alp"); NULL = "<string>".  Lent arrays are read and written in place, and every write is visible
 * when the call returns.  May be called by a registered function of the same vm (it then runs under the outer call's
 * time limit).
 *
 *   ALPY_OK
 *   ALPY_ERROR, ALPY_NOMEM, ALPY_LIMIT, ALPY_INTERRUPTED, ALPY_EXIT    see alpy_error(); variables and arrays hold what
 *                     the statements before the error left; vm stays usable
 *   ALPY_USAGE        vm or source is NULL, vm is in use by another thread */
ALPY_API alpy_status alpy_eval(alpy_vm *vm, const char *source, const char *name);
/* The same for `size` bytes, which may hold anything. */
ALPY_API alpy_status alpy_eval_sized(alpy_vm *vm, const char *source, size_t size, const char *name);
/* The same for a file; its path as given stands in tracebacks.  A file that cannot be read gives the OSError that
 * open() would. */
ALPY_API alpy_status alpy_eval_file(alpy_vm *vm, const char *path);
/* For prompts: the values of expression statements are printed as Python's prompt prints them, and kept in `_`.
 * ALPY_INCOMPLETE: more lines belong to the statement (a compound statement ends with an empty line); nothing ran:
 * append and call again. */
ALPY_API alpy_status alpy_eval_prompt(alpy_vm *vm, const char *source, const char *name);

/* Stop the running call with KeyboardInterrupt, or the next one if none is running.  Safe in signal handlers and from
 * any thread, from alpy_open() until alpy_close() is called.  NULL is fine. */
ALPY_API void alpy_interrupt(alpy_vm *vm);
/* Forget an interrupt that has not arrived yet. */
ALPY_API void alpy_clear_interrupt(alpy_vm *vm);

/* New limits, as in alpy_config; max_seconds counts from the next outermost call.  ALPY_USAGE: negative or not
 * finite. */
ALPY_API alpy_status alpy_set_limits(alpy_vm *vm, size_t max_bytes, double max_seconds);
/* Bytes held now, and the most ever held.  Either pointer may be NULL. */
ALPY_API alpy_status alpy_memory(alpy_vm *vm, size_t *used, size_t *peak);

/* ---- errors ------------------------------------------------------------------------------------------------------ */

typedef struct alpy_error_info {
    alpy_status status;     /* what the failed call returned; ALPY_OK: no call has failed yet */
    const char *type;       /* exception's name, "ZeroDivisionError", "numpy.exceptions.AxisError"; "" for ALPY_USAGE */
    const char *text;       /* its text, or what is wrong with the call for ALPY_USAGE; may be "" */
    const char *file;       /* innermost place in a program; NULL: none */
    int         line;       /* 1-based; 0: none */
    int         column;     /* 1-based, in characters; 0: none */
    const char *function;   /* "<module>" or the function's name; NULL: none */
    const char *traceback;  /* full report as Python prints it, ending in a newline; "" for ALPY_USAGE */
    int         exit_code;  /* ALPY_EXIT: the status that Python would exit with; sys.exit("text") gives 1 and text is
                             * to be printed */
} alpy_error_info;

/* The last failure of a call on vm.  Never NULL; valid until the next call on vm that runs a program or fails. */
ALPY_API const alpy_error_info *alpy_error(alpy_vm *vm);

/* ---- arrays and values ------------------------------------------------------------------------------------------- */

typedef enum alpy_dtype {
    ALPY_NO_DTYPE = 0,
    ALPY_BOOL8,             /* one byte, 0 or 1 */
    ALPY_INT8, ALPY_INT16, ALPY_INT32, ALPY_INT64,
    ALPY_UINT8, ALPY_UINT16, ALPY_UINT32, ALPY_UINT64,
    ALPY_FLOAT32, ALPY_FLOAT64,
    ALPY_COMPLEX64, ALPY_COMPLEX128,    /* real part, then imaginary part */
} alpy_dtype;

#define ALPY_MAX_NDIM 8

/* An n-dimensional array.  Element [i, j, …] is at data + i*strides[0] + j*strides[1] + …
 *
 * Lent to alpy_set_array() and kin: data, borrowed and used in place, must stay until `release` is called, or, without
 * one, until no variable of the program can refer to it any more (at the latest alpy_close()).  shape and strides are
 * copied.  Got from alpy_get_array() and kin: a view of the program's array, not a copy; shape and strides point into
 * it.  Valid until alpy_release_array(). */
typedef struct alpy_array {
    alpy_dtype     dtype;
    int            ndim;        /* 0 … ALPY_MAX_NDIM */
    const int64_t *shape;       /* elements per axis, ndim entries */
    const int64_t *strides;     /* bytes, may be negative or 0; NULL when lending = C-contiguous */
    void          *data;        /* element [0, 0, …]; need not be aligned */
    bool           readonly;    /* the program may not write (ValueError) */
    /* Lending: told once that data is no longer used; may be NULL.  Not called if the call that lends fails. */
    void         (*release)(void *user, void *data);
    void          *user;
    uint64_t       ref;         /* the library's; 0 when lending */
} alpy_array;

typedef enum alpy_kind {
    ALPY_NONE = 0, ALPY_BOOL, ALPY_INT, ALPY_FLOAT, ALPY_COMPLEX, ALPY_STR, ALPY_ARRAY,
    ALPY_OTHER,             /* list, tuple, function …: can be kept, passed on, indexed and called */
} alpy_kind;

/* Any value of the language.  Numbers are plain data: nothing to release.  All zero is None. */
typedef struct alpy_value {
    alpy_kind  kind;
    alpy_dtype dtype;       /* ALPY_NO_DTYPE: Python's own number; else a NumPy scalar of that type */
    union {
        bool        b;
        int64_t     i;      /* dtype ALPY_UINT64: the bits of the unsigned number */
        double      f;
        struct { double re, im; } c;
        struct { const char *text; size_t size; } s;    /* bytes without the NUL; passed in: copied */
        alpy_array  a;
        const char *type;   /* ALPY_OTHER: type's name, "list" */
    } u;
    uint64_t   ref;         /* the library's: what ALPY_STR, ALPY_ARRAY and ALPY_OTHER refer to; 0 when made by the
                             * host */
} alpy_value;

/* Give up a value or array that a call handed out; it becomes None, or empty.  NULL and plain numbers are fine.
 * ALPY_USAGE: it was released already. */
ALPY_API alpy_status alpy_release(alpy_vm *vm, alpy_value *value);
ALPY_API alpy_status alpy_release_array(alpy_vm *vm, alpy_array *array);

/* ---- variables ------------------------------------------------------------------------------------------------------
 * `name` is a variable of the module scope.  alpy_get… and alpy_call also take a dotted path ("helpers.scale",
 * "math.pi") and the builtins' names.
 * Setters: ALPY_NOMEM; ALPY_USAGE for NULL, an empty name, text that is not UTF-8 …
 * Getters: ALPY_ERROR with NameError, AttributeError, or TypeError when the value is of another kind.  The numeric
 * getters convert as Python does without loss: int takes bool and NumPy integers, float also ints, complex also
 * floats. */
ALPY_API alpy_status alpy_set_none(alpy_vm *vm, const char *name);
ALPY_API alpy_status alpy_set_bool(alpy_vm *vm, const char *name, bool value);
ALPY_API alpy_status alpy_set_int(alpy_vm *vm, const char *name, int64_t value);
ALPY_API alpy_status alpy_set_float(alpy_vm *vm, const char *name, double value);
ALPY_API alpy_status alpy_set_complex(alpy_vm *vm, const char *name, double re, double im);
ALPY_API alpy_status alpy_set_str(alpy_vm *vm, const char *name, const char *text);
/* Lend an array: see alpy_array.  ALPY_USAGE: ndim, dtype or a shape out of range, strides that leave the address
 * space, data NULL with elements. */
ALPY_API alpy_status alpy_set_array(alpy_vm *vm, const char *name, const alpy_array *array);
ALPY_API alpy_status alpy_set_value(alpy_vm *vm, const char *name, const alpy_value *value);
/* `del name`: NameError if there is none.  A lent array that nothing else refers to is released. */
ALPY_API alpy_status alpy_delete(alpy_vm *vm, const char *name);

ALPY_API alpy_status alpy_get_bool(alpy_vm *vm, const char *name, bool *out);
ALPY_API alpy_status alpy_get_int(alpy_vm *vm, const char *name, int64_t *out);
ALPY_API alpy_status alpy_get_float(alpy_vm *vm, const char *name, double *out);
ALPY_API alpy_status alpy_get_complex(alpy_vm *vm, const char *name, double *re, double *im);
/* Owned; the text is out->u.s.  Any kind through alpy_get_value. */
ALPY_API alpy_status alpy_get_str(alpy_vm *vm, const char *name, alpy_value *out);
ALPY_API alpy_status alpy_get_array(alpy_vm *vm, const char *name, alpy_array *out);
ALPY_API alpy_status alpy_get_value(alpy_vm *vm, const char *name, alpy_value *out);

/* ---- values without a name: each puts an owned value into *out --------------------------------------------------- */
ALPY_API alpy_status alpy_make_str(alpy_vm *vm, const char *text, size_t size, alpy_value *out);
/* A new array of zeros, C-contiguous; out->u.a.data may be filled by the host. */
ALPY_API alpy_status alpy_make_array(alpy_vm *vm, alpy_dtype dtype, int ndim, const int64_t *shape, alpy_value *out);
ALPY_API alpy_status alpy_make_tuple(alpy_vm *vm, const alpy_value *items, size_t count, alpy_value *out);
/* len(value), value[index], repr(value); TypeError, IndexError as in the language. */
ALPY_API alpy_status alpy_len(alpy_vm *vm, const alpy_value *value, int64_t *out);
ALPY_API alpy_status alpy_item(alpy_vm *vm, const alpy_value *value, int64_t index, alpy_value *out);
ALPY_API alpy_status alpy_repr(alpy_vm *vm, const alpy_value *value, alpy_value *out);

/* ---- calls ------------------------------------------------------------------------------------------------------- */

/* Call a function of the program by name, or a value that is callable.  args: nargs values, borrowed; NULL when 0.
 * result: owned by the caller; NULL drops it.  Fails as alpy_eval. */
ALPY_API alpy_status alpy_call(alpy_vm *vm, const char *function, const alpy_value *args, int nargs,
                               alpy_value *result);
ALPY_API alpy_status alpy_call_value(alpy_vm *vm, const alpy_value *function, const alpy_value *args, int nargs,
                                     alpy_value *result);

/* A C function that programs call.  args are borrowed until it returns.  *result is None at first; what is put there is
 * taken over: plain numbers, values from alpy_make_…, alpy_get… or args, or a str or lent array made by hand whose
 * bytes outlive the function.  Returns ALPY_OK, the result of alpy_raise(), or the status of a failed call on vm, whose
 * exception then goes on. */
typedef alpy_status (*alpy_native_fn)(alpy_vm *vm, void *user, const alpy_value *args, int nargs, alpy_value *result);

typedef struct alpy_function {
    const char    *name;        /* as programs call it */
    alpy_native_fn fn;
    int            min_args;    /* TypeError for fewer or more, positional ones only */
    int            max_args;    /* -1 = any number */
    const char    *doc;         /* one line, or NULL */
    void          *user;        /* passed to fn */
} alpy_function;

/* Make `count` functions known as variables of the module scope; rows and their texts are copied.  ALPY_USAGE: a row
 * without name or fn, bad argument counts. */
ALPY_API alpy_status alpy_register(alpy_vm *vm, const alpy_function *rows, size_t count);
/* Inside a registered function: raise the built-in exception `type` ("ValueError"); `return alpy_raise(vm,
 * "ValueError", "n < 0");` Returns ALPY_ERROR; ALPY_USAGE outside a registered function or if there is no such
 * exception. */
ALPY_API alpy_status alpy_raise(alpy_vm *vm, const char *type, const char *text);

/* ---- what became of the loops ------------------------------------------------------------------------------------ */

typedef enum alpy_explain_format {
    ALPY_EXPLAIN_TEXT = 0,  /* for people: the texts with their loops annotated */
    ALPY_EXPLAIN_JSON,      /* for programs: {"version": 1, "loops": [...]} */
    ALPY_EXPLAIN_GRAPH,     /* in Graphviz' language: the dependence graph of one loop nest */
    ALPY_EXPLAIN_STATS,     /* for people: a table of the nests, by the time they took */
    ALPY_EXPLAIN_TRACE,     /* for Perfetto and chrome://tracing: a timeline as JSON; needs alpy_config.trace, not explain */
} alpy_explain_format;

/* Tell of every loop in the texts that vm has run or imported so far, those of failed ones included, what became of it
 * and why: docs/explain.md describes formats and reasons.  Needs alpy_config.explain.
 * The result is handed to fn in pieces, UTF-8, not NUL-terminated; fn returns non-zero to stop, and may not use vm.
 * line, for ALPY_EXPLAIN_GRAPH: where the nest's outermost loop begins; 0 = the nest that was run first.  Others ignore
 * it.
 *
 *   ALPY_OK           also if fn stopped it
 *   ALPY_ERROR        LookupError: no nest begins in that line, or none was run
 *   ALPY_NOMEM
 *   ALPY_USAGE        vm or fn is NULL, the format unknown, explain was not set, vm is in use by another thread */
ALPY_API alpy_status alpy_explain(alpy_vm *vm, alpy_explain_format format, int line,
                                  int (*fn)(void *user, const char *text, size_t size), void *user);

/* ---- compiled loops on disk --------------------------------------------------------------------------------------- */

/* Code that was compiled is kept for later processes, in the folder that ALPY_CACHE_DIR names, else under
 * $XDG_CACHE_HOME/alpy or ~/.cache/alpy; up to 256 MB, the least recently used goes first. */
typedef struct alpy_cache {
    char     folder[512];       /* "" = there is no place for one */
    uint64_t loops;             /* files in it */
    uint64_t bytes;
} alpy_cache;
ALPY_API void alpy_cache_info(alpy_cache *out);
/* Removes them all; returns how many. */
ALPY_API uint64_t alpy_cache_clear(void);

/* ---- what the machine can do --------------------------------------------------------------------------------------- */

/* What memory, arithmetic, compilers and GPUs of this machine cost, as ALPY_DEVICE_AUTO weighs them: measured once and kept in a
 * file ($ALPY_PROFILE, else alpy/profile.json under $XDG_CACHE_HOME or ~/.cache), or derived from what the machine says of
 * itself.  docs/profile.md describes it. */
typedef enum alpy_profile_format {
    ALPY_PROFILE_TABLE = 0, /* for people */
    ALPY_PROFILE_JSON,      /* as in the file */
} alpy_profile_format;

/* Measures, on all processors and GPUs, for up to ten seconds or, quick, half of that; then writes the file `path`, NULL: that of
 * this machine.  progress, unless NULL, is told how far it is, from 0 to 1, and what comes next; it returns non-zero to stop.
 * error: size bytes for a text.
 *
 *   ALPY_OK
 *   ALPY_ERROR        the file cannot be written: error says why
 *   ALPY_INTERRUPTED  progress stopped it; nothing was written
 *   ALPY_NOMEM
 *   ALPY_USAGE        there is no room for an error */
ALPY_API alpy_status alpy_profile_measure(const char *path, bool quick,
                                          int (*progress)(void *user, double done, const char *what), void *user,
                                          char *error, size_t size);
/* Tell what is in the file `path`, or, NULL, what is known of this machine: error then says why its file is not used, and is
 * empty if it is or there is none.  fn is given text as in alpy_explain().  ALPY_ERROR: `path` is no profile. */
ALPY_API alpy_status alpy_profile_show(const char *path, alpy_profile_format format,
                                       int (*fn)(void *user, const char *text, size_t size), void *user,
                                       char *error, size_t size);

/* ---- for programs like alpy itself ------------------------------------------------------------------------------- */

/* Each way to complete the name or dotted path at the end of `text` ("np.lins" gives "np.linspace"), sorted, without
 * running anything of the program.  fn returns non-zero to stop; it may not use vm.  The text it gets lives until it
 * returns. */
ALPY_API alpy_status alpy_complete(alpy_vm *vm, const char *text, int (*fn)(void *user, const char *completion),
                                   void *user);
/* Print what the front end makes of a text, without running it, through write_fn: "tok" its tokens, "ast" its syntax
 * tree.  ALPY_ERROR: SyntaxError. */
ALPY_API alpy_status alpy_dump(alpy_vm *vm, const char *what, const char *source, size_t size, const char *name);

#ifdef __cplusplus
}
#endif
#endif
