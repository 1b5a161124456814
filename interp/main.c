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
    const char *dump;           /* --dump of "tok" and "ast", with what else was named; NULL: run */
    char        dump_loops[32]; /* what else was named */
    bool        inspect;        /* -i */
    bool        quiet;          /* -q */
    bool        is_explain;     /* alpy explain … */
    Explain     explain;
    alpy_config config;
} Options;

volatile sig_atomic_t program_interrupted;

static alpy_vm *_Atomic interrupt_target;
static int print_fd = STDOUT_FILENO;    /* where the program's standard output goes */
static int stdout_errno;        /* why a write to it failed */

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
    int err = write_all(stream == 1 ? print_fd : STDERR_FILENO, text, size);
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

/* "heat.alp:12 on gpu [######        ] 43 %, 5 s left", in place; NULL: erased. */
static void draw_progress(void *user, const alpy_progress *p)
{
    enum { BAR = 24 };
    (void)user;
    if (!p) {
        program_complain("\r\x1b[K");
        return;
    }
    char text[256], bar[BAR + 1], rest[64] = "";
    const char *name = strrchr(p->file, '/');
    int n_full = p->fraction < 0 ? 0 : (int)(p->fraction * BAR);
    memset(bar, ' ', BAR);
    memset(bar, '#', (size_t)(n_full < BAR ? n_full : BAR));
    bar[BAR] = 0;
    if (p->fraction >= 0)
        snprintf(rest, sizeof rest, " [%s] %.0f %%, %.0f s left", bar, 100 * p->fraction, p->seconds_left);
    snprintf(text, sizeof text, "\r%.30s:%d on %s, %.0f s%s\x1b[K", name ? name + 1 : p->file, p->line, p->device, p->seconds, rest);
    program_complain(text);
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

static const char usage[] = "usage: alpy [explain] [option] ... [-c cmd | file | -] [arg] ...\n";
static const char cache_usage[] = "usage: alpy cache [show | clear]\n";

static const char help[] =
    "Options:\n"
    "-c cmd : program passed in as string (ends the list of options)\n"
    "-i     : prompt after running the program; prompts even if standard input is not a terminal\n"
    "-q     : no greeting at the prompt\n"
    "-h     : print this help and exit (also --help)\n"
    "-V     : print the version and exit (also --version; with --verbose, also which compilers and devices are found)\n"
    "--max-bytes N         : most memory that the program may use; N may end in K, M or G (powers of 1024)\n"
    "--max-seconds S       : longest time that the program may run\n"
    "--recursion-limit N   : most nested calls (default 1000)\n"
    "--fp MODE             : order of float sums: precise (default: fixed by the program), sequential (as in\n"
    "                        CPython) or fast (any)\n"
    "--device NAME         : where loops run: auto (default: where they are expected to take the least time), interp,\n"
    "                        cpu or gpu (compiled, even where it does not pay); for tests random[:SEED]\n"
    "--gpu N               : the GPU to use, from 0, among those that CUDA shows; without it auto chooses\n"
    "--threads N           : most threads that a compiled loop runs on (default: all processors)\n"
    "--no-analysis         : run every loop as it stands, in the interpreter\n"
    "--explain             : at the end, tell on standard error what became of each loop, and why\n"
    "--json                : the same for programs, as JSON\n"
    "--stats               : at the end, a table on standard error: which nests took the time, where, and what they copied\n"
    "--progress            : show on a terminal which loop nest runs, and how far, if it takes more than a second\n"
    "--trace FILE          : at the end, a timeline as JSON, for Perfetto or chrome://tracing\n"
    "--graph FILE          : draw the dependences of a loop nest; FILE ends in .svg, .png, .pdf, .dot or .gv\n"
    "--line N              : ... of the nest that begins in line N (default: the first that was run)\n"
    "-o FILE               : explanation to FILE\n"
    "--dump WHAT           : tok, ast: print tokens or syntax tree instead of running; nest, plan, llvm, asm, cuda,\n"
    "                        model: print loop nests, their plans, their code and what the cost model says of them\n"
    "                        to standard error while running; several with commas\n"
    "\n"
    "alpy explain ...      : run, then explain on standard output; with --json the program's own output goes to\n"
    "                        standard error\n"
    "alpy cache [show]     : where compiled loops are kept, and how many there are\n"
    "alpy cache clear      : remove them\n"
    "alpy profile ...      : measure what this machine can do, for --device auto (alpy profile -h)\n"
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

static bool parse_bytes(Options *o, const char *text)
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
    o->config.max_bytes = (size_t)n << shift;
    return true;
}

static bool parse_seconds(Options *o, const char *text)
{
    char *end;
    double s = o->config.max_seconds = strtod(text, &end);
    return end != text && !*end && s > 0 && s < 1e9;
}

static bool parse_count(const char *text, int *out)
{
    char *end;
    errno = 0;
    long n = strtol(text, &end, 10);
    *out = (int)n;
    return end != text && !*end && !errno && n > 0 && n <= INT_MAX;
}

static bool parse_depth(Options *o, const char *text)
{
    return parse_count(text, &o->config.max_depth);
}

static bool parse_line(Options *o, const char *text)
{
    return parse_count(text, &o->explain.line);
}

static bool parse_seed(Options *o, const char *text)
{
    int seed;
    bool ok = parse_count(text, &seed);
    o->config.shuffle_seed = ok ? (uint64_t)seed : 0;
    return ok;
}

/* The number of a word in a list that ends in NULL; -1: it is not there. */
static int find_word(const char *const *words, const char *text, size_t size)
{
    for (int i = 0; words[i]; i++)
        if (strlen(words[i]) == size && strncmp(words[i], text, size) == 0)
            return i;
    return -1;
}

static bool parse_fp(Options *o, const char *text)
{
    static const char *const words[] = { "precise", "sequential", "fast", NULL };       /* ORDER alpy_fp */
    int k = find_word(words, text, strlen(text));
    o->config.fp = (alpy_fp)k;
    return k >= 0;
}

static bool parse_device(Options *o, const char *text)
{
    static const char *const words[] = { "auto", "interp", "reference", "cpu", "gpu", "random", NULL };        /* ORDER alpy_device */
    size_t size = strcspn(text, ":");
    int k = find_word(words, text, size), seed = 1;
    o->config.device = (alpy_device)k;
    if (text[size] && (o->config.device != ALPY_DEVICE_RANDOM || !parse_count(text + size + 1, &seed)))
        return false;
    o->config.random_seed = (uint64_t)seed;
    return k >= 0;
}

static bool parse_threads(Options *o, const char *text)
{
    return parse_count(text, &o->config.threads);
}

static bool parse_gpu(Options *o, const char *text)
{
    char *end;
    long n = strtol(text, &end, 10);
    o->config.gpu = (int)n;
    o->config.gpu_only = true;
    return end != text && !*end && n >= 0 && n < 1024;
}

static bool parse_isa(Options *o, const char *text)
{
    static const char *const words[] = { "sse2", "avx2", "avx512", "native", NULL };
    o->config.isa = text;
    return find_word(words, text, strlen(text)) >= 0;
}

static bool parse_dump(Options *o, const char *text)
{
    static const char *const words[] = { "tok", "ast", "nest", "plan", "llvm", "asm", "cuda", "model", NULL };
    const char *all = text;
    unsigned named = 0;
    bool more = true;
    for (o->dump = NULL; more; text++) {
        size_t n = strcspn(text, ",");
        int k = find_word(words, text, n);
        if (k < 0)
            return false;
        if (k < 2)
            o->dump = all;
        named |= 1u << k;
        text += n;
        more = *text;
    }
    char *end = o->dump_loops;
    for (int k = 2; words[k]; k++)
        if (named & 1u << k)
            end = stpcpy(stpcpy(end, end == o->dump_loops ? "" : ","), words[k]);
    o->config.dump = end == o->dump_loops ? NULL : o->dump_loops;
    return true;
}

static bool parse_graph(Options *o, const char *text)
{
    o->explain.graph = text;
    return explain_graph_valid(text);
}

static bool set_explain(Options *o, const char *text)
{
    o->explain.where = EXPLAIN_TO_STDERR;
    return true;
}

static bool set_progress(Options *o, const char *text)
{
    if (isatty(STDERR_FILENO))
        o->config.progress_fn = draw_progress;
    return true;
}

static bool set_stats(Options *o, const char *text)
{
    o->explain.stats = true;
    return true;
}

static bool parse_trace(Options *o, const char *text)
{
    o->explain.trace = text;
    return *text;
}

static bool set_json(Options *o, const char *text)
{
    o->explain.json = true;
    return true;
}

static bool set_no_analysis(Options *o, const char *text)
{
    o->config.no_analysis = true;
    return true;
}

/* A long option; one with a value has it behind '=' or as the next argument.  -1: go on; else the status to exit with. */
static int long_option(Options *o, int argc, char **argv, int *i)
{
    static const struct { const char *name; bool has_value; bool (*set)(Options *o, const char *text); } option[] = {
        { "--max-bytes", true, parse_bytes }, { "--max-seconds", true, parse_seconds }, { "--recursion-limit", true, parse_depth },
        { "--dump", true, parse_dump }, { "--fp", true, parse_fp }, { "--device", true, parse_device },
        { "--gpu", true, parse_gpu }, { "--threads", true, parse_threads }, { "--isa", true, parse_isa }, { "--shuffle", true, parse_seed }, { "--graph", true, parse_graph }, { "--line", true, parse_line },
        { "--trace", true, parse_trace }, { "--stats", false, set_stats }, { "--progress", false, set_progress }, { "--explain", false, set_explain }, { "--json", false, set_json }, { "--no-analysis", false, set_no_analysis },
    };
    const char *arg = argv[*i];
    size_t size = strcspn(arg, "="), count = sizeof option / sizeof option[0], which = 0;
    while (which < count && !(strlen(option[which].name) == size && strncmp(arg, option[which].name, size) == 0 &&
                              (option[which].has_value || !arg[size])))
        which++;
    if (which == count)
        return bad_usage("unknown option %s", arg);
    const char *value = arg[size] ? arg + size + 1 : option[which].has_value && *i + 1 < argc ? argv[++*i] : NULL;
    if (option[which].has_value && !value)
        return bad_usage("Argument expected for the %s option", option[which].name);
    if (!option[which].set(o, value))
        return bad_usage("bad value for the %s option", option[which].name);
    return -1;
}

/* What the options together mean for the explanation.  -1: go on; else the status to exit with. */
static int settle_explain(Options *o)
{
    Explain *e = &o->explain;
    if (e->line && !e->graph)
        return bad_usage("--line belongs to %s", "--graph");
    if (o->is_explain && (!e->graph || e->json || e->path || e->where))
        e->where = EXPLAIN_TO_STDOUT;
    else if (e->where == EXPLAIN_NOTHING && (e->json || e->path))
        e->where = EXPLAIN_TO_STDERR;
    o->config.explain = e->where || e->graph || e->stats;
    o->config.trace = e->trace != NULL;
    if (o->config.explain && o->config.no_analysis)
        return bad_usage("%s leaves nothing to explain", "--no-analysis");
    if (e->where == EXPLAIN_TO_STDOUT && e->json && !e->path)
        print_fd = STDERR_FILENO;
    return -1;
}

/* -1: go on; else the status to exit with. */
static int parse_options(Options *o, int argc, char **argv)
{
    int i = 1, first = argc;            /* first: what becomes sys.argv[0] */
    bool more = true;
    o->what = RUN_STDIN;
    if (argc > 1 && strcmp(argv[1], "explain") == 0) {
        o->is_explain = true;
        i++;
    }
    for (; i < argc && more && argv[i][0] == '-' && argv[i][1]; i++) {
        const char *arg = argv[i];
        if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0) {
            printf("%s%s", usage, help);
            return fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
        }
        if (strcmp(arg, "--version") == 0 || strcmp(arg, "-V") == 0) {
            printf("alpy %s\n", alpy_version());
            if (i + 1 < argc && strcmp(argv[i + 1], "--verbose") == 0) {
                char about[1600];
                alpy_about(about, sizeof about);
                fputs(about, stdout);
            }
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
                case 'o':
                    o->explain.path = letter[1] ? letter + 1 : i + 1 < argc ? argv[++i] : NULL;
                    if (!o->explain.path)
                        return bad_usage("Argument expected for the %s option", "-o");
                    letter += strlen(letter) - 1;
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
    return settle_explain(o);
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

/* Run the text, or print what the front end makes of it, or first that and then run it. */
static alpy_status evaluate(alpy_vm *vm, const Options *o, const char *text, size_t size)
{
    alpy_status status = ALPY_OK;
    for (const char *what = o->dump; what && status == ALPY_OK; what = strchr(what, ',') ? strchr(what, ',') + 1 : NULL)
        if (*what == 't' || *what == 'a')
            status = alpy_dump(vm, *what == 't' ? "tok" : "ast", text, size, o->name);
    if (status == ALPY_OK && (!o->dump || o->config.dump))
        status = alpy_eval_sized(vm, text, size, o->name);
    return status;
}

/* Runs what the options name; the status to exit with, *died: by SIGINT. */
static int run(Options *o, const char *text, size_t size, bool *died)
{
    char *folder = o->what == RUN_FILE ? script_folder(o->operand) : NULL;
    o->config.script_dir = folder;
    o->config.write_fn = write_output;
    o->config.read_fn = read_input;
    o->config.line_buffered = isatty(print_fd);
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
        status = evaluate(vm, o, text, size);
        if (status != ALPY_OK)
            code = program_report(vm, status);
    }
    if (!text || o->inspect) {
        code = repl_run(vm, o->quiet || text);
        status = ALPY_OK;
    }
    *died = status == ALPY_INTERRUPTED;
    code = explain_print(&o->explain, vm, code);
    interrupt_target = NULL;
    alpy_close(vm);
    return code;
}

/* alpy cache … */
static int cache_command(int argc, char **argv)
{
    alpy_cache c;
    const char *what = argc > 2 ? argv[2] : "show";
    if (argc > 3 || (strcmp(what, "show") != 0 && strcmp(what, "clear") != 0)) {
        fputs(cache_usage, stderr);
        return EXIT_USAGE;
    }
    alpy_cache_info(&c);
    if (!c.folder[0])
        printf("no folder for compiled loops: neither ALPY_CACHE_DIR, XDG_CACHE_HOME nor HOME is an absolute path\n");
    else if (strcmp(what, "clear") == 0)
        printf("%s: %llu compiled loops removed\n", c.folder, (unsigned long long)alpy_cache_clear());
    else
        printf("%s: %llu compiled loops, %.1f MB\n", c.folder, (unsigned long long)c.loops, (double)c.bytes / 1e6);
    return fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    open_standard_streams();
    if (argc > 1 && strcmp(argv[1], "cache") == 0)
        return cache_command(argc, argv);
    if (argc > 1 && strcmp(argv[1], "profile") == 0)
        return profile_command(argc, argv);
    Options options = { .what = RUN_NOTHING };
    alpy_config_init(&options.config);
    int code = parse_options(&options, argc, argv);
    if (code < 0)
        code = explain_open(&options.explain);
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
