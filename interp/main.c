/* interp/main.c — the program `alpy`: its command line, and what a script sees of the system. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "program.h"

typedef struct Options {
    enum { RUN_NOTHING, RUN_STDIN, RUN_PROMPT, RUN_TEXT, RUN_FILE } what;
    const char *operand;        /* the text of -c, the script's path */
    const char *name;           /* of the text in tracebacks */
    const char *dump;           /* --dump; NULL: run */
    bool        inspect;        /* -i */
    bool        quiet;          /* -q */
    alpy_config config;
} Options;

volatile sig_atomic_t program_interrupted;

static alpy_vm *_Atomic interrupt_target;
static int stdout_errno;        /* why a write to standard output failed */

/* ---- the system's side ------------------------------------------------------------------------------------------- */

static void on_sigint(int sig)
{
    (void)sig;
    program_interrupted = 1;
    alpy_interrupt(interrupt_target);
}

/* All bytes, whatever it takes; 0 or an errno value. */
static int write_all(int fd, const char *text, size_t size)
{
    while (size) {
        ssize_t n = write(fd, text, size);
        if (n >= 0) {
            text += n;
            size -= (size_t)n;
        } else if (errno == EAGAIN) {
            poll(&(struct pollfd){ .fd = fd, .events = POLLOUT }, 1, -1);
        } else if (errno != EINTR) {
            return errno;
        }
    }
    return 0;
}

static int write_output(void *user, int stream, const char *text, size_t size)
{
    (void)user;
    int err = write_all(stream == 1 ? STDOUT_FILENO : STDERR_FILENO, text, size);
    if (err && stream == 1)
        stdout_errno = err;
    return err;
}

static int read_input(void *user, char *line, size_t size)
{
    (void)user;
    return stdin_read(line, size);
}

void program_complain(const char *text)
{
    write_all(STDERR_FILENO, text, strlen(text));
}

/* A closed standard stream must not become somebody's file. */
static void open_standard_streams(void)
{
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) == -1 && open("/dev/null", fd ? O_WRONLY : O_RDONLY) != fd)
            exit(EXIT_FAILURE);
}

/* All of a file or of standard input, to be freed; NULL: errno says why. */
static char *read_all(int fd, size_t *size)
{
    size_t cap = 16384;
    char *text = malloc(cap);
    *size = 0;
    while (text) {
        ssize_t n = read(fd, text + *size, cap - *size);
        if (n == 0)
            break;
        if (n < 0 && errno == EINTR && !program_interrupted)
            continue;
        char *more = text;
        if (n > 0 && (*size += (size_t)n) == cap)
            more = realloc(text, cap *= 2);
        if (n < 0 || !more) {
            int err = n < 0 ? errno : ENOMEM;
            free(text);
            errno = err;
            return NULL;
        }
        text = more;
    }
    return text;
}

/* ---- reports ----------------------------------------------------------------------------------------------------- */

/* Did the program end by the exception of its own print()? */
static bool is_output_error(const alpy_error_info *e)
{
    char prefix[32];
    snprintf(prefix, sizeof prefix, "[Errno %d]", stdout_errno);
    return e->status == ALPY_ERROR && e->file && strncmp(e->text, prefix, strlen(prefix)) == 0;
}

int program_report(alpy_vm *vm, alpy_status status)
{
    const alpy_error_info *e = alpy_error(vm);
    int code = EXIT_FAILURE;
    bool lost = stdout_errno != 0;              /* text that print() accepted could not be written at the end */
    if (status == ALPY_EXIT) {
        code = e->exit_code;
        if (e->text[0]) {
            program_complain(e->text);
            program_complain("\n");
        }
    } else if (is_output_error(e)) {
        lost = false;
        program_complain(e->traceback);
    } else if (!lost || e->file) {
        program_complain(e->traceback);
    }
    if (!lost)
        return code;
    char text[256];
    snprintf(text, sizeof text,
             "Exception ignored in: <_io.TextIOWrapper name='<stdout>' mode='w' encoding='utf-8'>\n%s: [Errno %d] %s\n",
             stdout_errno == EPIPE ? "BrokenPipeError" : "OSError", stdout_errno, strerror(stdout_errno));
    program_complain(text);
    return EXIT_FLUSH_FAILED;
}

/* ---- command line ------------------------------------------------------------------------------------------------ */

static const char usage[] = "usage: alpy [option] ... [-c cmd | file | -] [arg] ...\n";

static const char help[] =
    "Options:\n"
    "-c cmd : program passed in as string (ends the list of options)\n"
    "-i     : prompt after running the program; prompts even if standard input is not a terminal\n"
    "-q     : no greeting at the prompt\n"
    "-h     : print this help and exit (also --help)\n"
    "-V     : print the version and exit (also --version)\n"
    "--max-bytes N         : most memory that the program may use; N may end in K, M or G (powers of 1024)\n"
    "--max-seconds S       : longest time that the program may run\n"
    "--recursion-limit N   : most nested calls (default 1000)\n"
    "--dump tok,ast        : print the tokens or the syntax tree instead of running\n"
    "\n"
    "Arguments:\n"
    "file   : program read from a file\n"
    "-      : program read from standard input (default; a prompt if it is a terminal)\n"
    "arg ...: passed to the program in sys.argv[1:]\n";

static int bad_usage(const char *format, const char *what)
{
    fprintf(stderr, format, what);
    fprintf(stderr, "\n%sTry `alpy -h' for more information.\n", usage);
    return EXIT_USAGE;
}

static bool parse_bytes(const char *text, size_t *out)
{
    static const char units[] = "KMG";
    char *end;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    if (end == text || errno || *text == '-')
        return false;
    const char *unit = *end ? strchr(units, *end & ~32) : NULL;
    int shift = unit ? 10 * (int)(unit - units + 1) : 0;
    if ((*end && (!unit || end[1])) || n == 0 || n > SIZE_MAX >> shift)
        return false;
    *out = (size_t)n << shift;
    return true;
}

static bool parse_seconds(const char *text, double *out)
{
    char *end;
    *out = strtod(text, &end);
    return end != text && !*end && *out > 0 && *out < 1e9;
}

static bool parse_count(const char *text, int *out)
{
    char *end;
    errno = 0;
    long n = strtol(text, &end, 10);
    *out = (int)n;
    return end != text && !*end && !errno && n > 0 && n <= INT_MAX;
}

static bool parse_dump(const char *text, const char **out)
{
    *out = text;
    for (;;) {
        size_t n = strcspn(text, ",");
        if (n != 3 || (strncmp(text, "tok", 3) != 0 && strncmp(text, "ast", 3) != 0))
            return false;
        if (!text[n])
            return true;
        text += n + 1;
    }
}

/* A long option with its value behind '=' or as the next argument.  -1: go on; else the status to exit with. */
static int long_option(Options *o, int argc, char **argv, int *i)
{
    static const char *const name[] = { "--max-bytes", "--max-seconds", "--recursion-limit", "--dump" };
    const char *arg = argv[*i];
    size_t size = strcspn(arg, "=");
    unsigned which = 0;
    while (which < 4 && !(strlen(name[which]) == size && strncmp(arg, name[which], size) == 0))
        which++;
    if (which == 4)
        return bad_usage("unknown option %s", arg);
    const char *value = arg[size] ? arg + size + 1 : *i + 1 < argc ? argv[++*i] : NULL;
    if (!value)
        return bad_usage("Argument expected for the %s option", name[which]);
    bool ok = which == 0 ? parse_bytes(value, &o->config.max_bytes)
            : which == 1 ? parse_seconds(value, &o->config.max_seconds)
            : which == 2 ? parse_count(value, &o->config.max_depth)
                         : parse_dump(value, &o->dump);
    if (!ok)
        return bad_usage("bad value for the %s option", name[which]);
    return -1;
}

/* -1: go on; else the status to exit with. */
static int parse_options(Options *o, int argc, char **argv)
{
    int i = 1, first = argc;            /* first: what becomes sys.argv[0] */
    bool more = true;
    o->what = RUN_STDIN;
    for (; i < argc && more && argv[i][0] == '-' && argv[i][1]; i++) {
        const char *arg = argv[i];
        if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0) {
            printf("%s%s", usage, help);
            return fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
        }
        if (strcmp(arg, "--version") == 0 || strcmp(arg, "-V") == 0) {
            printf("alpy %s\n", alpy_version());
            return fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
        }
        if (strcmp(arg, "--") == 0) {
            more = false;
        } else if (strncmp(arg, "--", 2) == 0) {
            int status = long_option(o, argc, argv, &i);
            if (status >= 0)
                return status;
        } else {
            for (const char *letter = arg + 1; *letter && more; letter++)
                switch (*letter) {
                case 'i':
                    o->inspect = true;
                    break;
                case 'q':
                    o->quiet = true;
                    break;
                case 'c':
                    o->what = RUN_TEXT;
                    o->operand = letter[1] ? letter + 1 : i + 1 < argc ? argv[++i] : NULL;
                    if (!o->operand)
                        return bad_usage("Argument expected for the %s option", "-c");
                    more = false;
                    break;
                default:
                    return bad_usage("Unknown option: -%s", (char[]){ *letter, 0 });
                }
        }
    }
    static char dash_c[] = "-c";
    if (o->what == RUN_TEXT) {
        o->name = "<string>";
        argv[first = i - 1] = dash_c;   /* its place was the text's or the option's */
    } else if (i < argc) {
        first = i;
        o->what = strcmp(argv[i], "-") == 0 ? RUN_STDIN : RUN_FILE;
        o->operand = o->name = argv[i];
    }
    if (o->what == RUN_STDIN) {
        o->name = "<stdin>";
        if (o->inspect || (isatty(STDIN_FILENO) && !o->dump))
            o->what = RUN_PROMPT;
    }
    o->config.argc = argc - first;
    o->config.argv = (const char *const *)argv + first;
    return -1;
}

/* The program's text; NULL: a complaint has been made and *status set. */
static char *load(const Options *o, size_t *size, int *status)
{
    *status = EXIT_USAGE;
    if (o->what == RUN_TEXT) {
        *size = strlen(o->operand);
        return strdup(o->operand);
    }
    int fd = o->what == RUN_FILE ? open(o->operand, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
    char *text = fd < 0 ? NULL : read_all(fd, size);
    int err = errno;
    if (fd > STDERR_FILENO)
        close(fd);
    if (text)
        return text;
    if (program_interrupted) {
        program_complain("KeyboardInterrupt\n");
        return NULL;
    }
    char folder[PATH_MAX] = "", *path = NULL;
    const char *name = o->operand ? o->operand : o->name;
    bool relative = o->what == RUN_FILE && name[0] != '/' && getcwd(folder, sizeof folder);
    if (asprintf(&path, "alpy: can't open file '%s%s%s': [Errno %d] %s\n", folder, relative ? "/" : "", name, err,
                 strerror(err)) >= 0)
        program_complain(path);
    free(path);
    return NULL;
}

/* Folder of the script, to be freed: imports look there first. */
static char *script_folder(const char *path)
{
    char *real = realpath(path, NULL);
    char *slash = real ? strrchr(real, '/') : NULL;
    if (slash)
        slash[slash == real] = 0;
    return real;
}

static alpy_status dump(alpy_vm *vm, const Options *o, const char *text, size_t size)
{
    alpy_status status = ALPY_OK;
    for (const char *what = o->dump; what && status == ALPY_OK; what = strchr(what, ',') ? strchr(what, ',') + 1 : NULL)
        status = alpy_dump(vm, (char[]){ what[0], what[1], what[2], 0 }, text, size, o->name);
    return status;
}

/* Runs what the options name; the status to exit with, *died: by SIGINT. */
static int run(Options *o, const char *text, size_t size, bool *died)
{
    char *folder = o->what == RUN_FILE ? script_folder(o->operand) : NULL;
    o->config.script_dir = folder;
    o->config.write_fn = write_output;
    o->config.read_fn = read_input;
    o->config.line_buffered = isatty(STDOUT_FILENO);
    o->config.err_is_terminal = isatty(STDERR_FILENO);
    alpy_vm *vm;
    alpy_status status = alpy_open(&vm, &o->config);
    free(folder);
    if (status != ALPY_OK) {
        program_complain(status == ALPY_NOMEM ? "MemoryError\n" : "alpy: bad settings\n");
        return EXIT_FAILURE;
    }
    interrupt_target = vm;
    if (program_interrupted)
        alpy_interrupt(vm);
    int code = EXIT_SUCCESS;
    if (text) {
        status = o->dump ? dump(vm, o, text, size) : alpy_eval_sized(vm, text, size, o->name);
        if (status != ALPY_OK)
            code = program_report(vm, status);
    }
    if (!text || o->inspect) {
        code = repl_run(vm, o->quiet || text);
        status = ALPY_OK;
    }
    *died = status == ALPY_INTERRUPTED;
    interrupt_target = NULL;
    alpy_close(vm);
    return code;
}

int main(int argc, char **argv)
{
    open_standard_streams();
    Options options = { .what = RUN_NOTHING };
    alpy_config_init(&options.config);
    int code = parse_options(&options, argc, argv);
    if (code >= 0)
        return code;
    signal(SIGPIPE, SIG_IGN);                   /* a closed pipe is an error of write() */
    struct sigaction action = { .sa_handler = on_sigint };      /* no SA_RESTART: blocking reads end */
    struct sigaction previous;
    if (sigaction(SIGINT, NULL, &previous) == 0 && previous.sa_handler != SIG_IGN)
        sigaction(SIGINT, &action, NULL);

    size_t size = 0;
    char *text = options.what == RUN_PROMPT ? NULL : load(&options, &size, &code);
    if (!text && options.what != RUN_PROMPT && !program_interrupted)
        return code;
    bool died = !text && options.what != RUN_PROMPT;
    if (!died)
        code = run(&options, text, size, &died);
    free(text);
    if (died) {                                 /* so that a calling shell sees why */
        signal(SIGINT, SIG_DFL);
        raise(SIGINT);
        code = 128 + SIGINT;
    }
    return code;
}
