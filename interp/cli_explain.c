/* interp/cli_explain.c — prints what became of the program's loops, and has Graphviz draw their dependences. */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "program.h"

extern char **environ;

/* By the end of a file's name: what Graphviz calls the format, NULL: its own language, written as it is. */
static const struct GraphFormat { const char *suffix, *format; } graph_formats[] = {
    { ".svg", "svg" }, { ".png", "png" }, { ".pdf", "pdf" }, { ".dot", NULL }, { ".gv", NULL },
};
enum { N_GRAPH_FORMATS = sizeof graph_formats / sizeof graph_formats[0] };

static const struct GraphFormat *graph_format(const char *path)
{
    size_t size = strlen(path);
    for (const struct GraphFormat *f = graph_formats; f < graph_formats + N_GRAPH_FORMATS; f++) {
        size_t n = strlen(f->suffix);
        if (size > n && strcmp(path + size - n, f->suffix) == 0)
            return f;
    }
    return NULL;
}

bool explain_graph_valid(const char *path)
{
    return graph_format(path) != NULL;
}

static void complain(const char *format, const char *path, int err)
{
    char *text;
    if (asprintf(&text, format, path, err, strerror(err)) < 0)
        return;
    program_complain(text);
    free(text);
}

static bool open_file(const char *path, FILE **to)
{
    if (!path || (*to = fopen(path, "we")))
        return true;
    complain("alpy: can't open file '%s': [Errno %d] %s\n", path, errno);
    return false;
}

int explain_open(Explain *e)
{
    return open_file(e->path, &e->file) && open_file(e->trace, &e->trace_file) ? -1 : EXIT_USAGE;
}

static int put(void *user, const char *text, size_t size)
{
    return fwrite(text, 1, size, user) != size;
}

/* ---- text and JSON ----------------------------------------------------------------------------------------------- */

/* What is told in `format`, to f (which is closed), else to standard output or standard error. */
static int print(const Explain *e, alpy_vm *vm, alpy_explain_format format, FILE *f, const char *path, int code)
{
    int fd = -1;
    if (!f) {
        fd = fcntl(e->where == EXPLAIN_TO_STDOUT ? STDOUT_FILENO : STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
        f = fd < 0 ? NULL : fdopen(fd, "w");
    }
    alpy_status status = ALPY_OK;
    if (f)
        status = alpy_explain(vm, format, 0, put, f);
    else if (fd >= 0)
        close(fd);
    bool failed = !f || ferror(f);
    if ((f && fclose(f)) || failed) {
        complain("alpy: can't write the explanation to '%s': [Errno %d] %s\n",
                 path ? path : e->where == EXPLAIN_TO_STDOUT ? "<stdout>" : "<stderr>", errno);
        code = code ? code : path ? EXIT_FAILURE : EXIT_FLUSH_FAILED;
    }
    if (status != ALPY_OK) {
        program_complain(alpy_error(vm)->traceback);
        code = code ? code : EXIT_FAILURE;
    }
    return code;
}

/* ---- graphs ------------------------------------------------------------------------------------------------------ */

/* 0 or an errno value. */
static int write_file(const char *path, const char *text, size_t size)
{
    FILE *f = fopen(path, "we");
    if (!f)
        return errno;
    bool ok = fwrite(text, 1, size, f) == size;
    return fclose(f) == 0 && ok ? 0 : errno ? errno : EIO;
}

/* Runs `dot -Tformat -opath` with the text as its input; 0, or an errno value, ENOENT: there is no dot; -1: it failed,
 * most likely with a complaint of its own. */
static int run_dot(const char *format, const char *path, const char *text, size_t size)
{
    int pipe_fd[2], err, status = 0;
    char *kind = NULL, *to = NULL;
    if (pipe2(pipe_fd, O_CLOEXEC) != 0)
        return errno;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t defaults;
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);              /* which this program ignores */
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, pipe_fd[0], STDIN_FILENO);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    pid_t pid;
    if (asprintf(&kind, "-T%s", format) < 0)
        kind = NULL;
    if (asprintf(&to, "-o%s", path) < 0)
        to = NULL;
    char dot[] = "dot";
    err = kind && to ? posix_spawnp(&pid, dot, &actions, &attributes, (char *[]){ dot, kind, to, NULL }, environ) : ENOMEM;
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    free(kind);
    free(to);
    close(pipe_fd[0]);
    if (!err) {
        while (size) {
            ssize_t n = write(pipe_fd[1], text, size);
            if (n < 0 && errno != EINTR)
                break;                          /* it has ended: its status says how */
            if (n > 0) {
                text += n;
                size -= (size_t)n;
            }
        }
    }
    close(pipe_fd[1]);
    if (err)
        return err;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return errno;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

/* Without Graphviz the text it would draw is kept, under the same name with another ending. */
static int keep_dot(const char *path, const struct GraphFormat *format, const char *text, size_t size)
{
    char *name;
    if (asprintf(&name, "%.*s.dot", (int)(strlen(path) - strlen(format->suffix)), path) < 0)
        return ENOMEM;
    int err = write_file(name, text, size);
    if (err)
        complain("alpy: can't write the graph to '%s': [Errno %d] %s\n", name, err);
    else {
        program_complain("alpy: Graphviz' dot is not installed: the graph is in ");
        program_complain(name);
        program_complain("\n");
    }
    free(name);
    return err ? -1 : 0;
}

static int draw(const Explain *e, alpy_vm *vm, int code)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    alpy_status status = f ? alpy_explain(vm, ALPY_EXPLAIN_GRAPH, e->line, put, f) : ALPY_OK;
    int err = f && fclose(f) == 0 && text ? 0 : ENOMEM;
    if (status != ALPY_OK) {
        program_complain("alpy: no graph: ");
        program_complain(alpy_error(vm)->text);
        program_complain("\n");
        free(text);
        return code ? code : EXIT_FAILURE;
    }
    const struct GraphFormat *format = graph_format(e->graph);
    if (!err)
        err = format->format ? run_dot(format->format, e->graph, text, size) : write_file(e->graph, text, size);
    if (err == ENOENT && format->format)
        err = keep_dot(e->graph, format, text, size);
    else if (err < 0)
        program_complain("alpy: Graphviz' dot could not draw the graph\n");
    if (err > 0)
        complain("alpy: can't write the graph to '%s': [Errno %d] %s\n", e->graph, err);
    free(text);
    return err && !code ? EXIT_FAILURE : code;
}

int explain_print(Explain *e, alpy_vm *vm, int code)
{
    if (e->graph)
        code = draw(e, vm, code);
    if (e->where != EXPLAIN_NOTHING)
        code = print(e, vm, e->json ? ALPY_EXPLAIN_JSON : ALPY_EXPLAIN_TEXT, e->file, e->path, code);
    if (e->stats)
        code = print(e, vm, ALPY_EXPLAIN_STATS, NULL, NULL, code);
    if (e->trace_file)
        code = print(e, vm, ALPY_EXPLAIN_TRACE, e->trace_file, e->trace, code);
    e->file = e->trace_file = NULL;
    return code;
}
