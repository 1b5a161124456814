/* interp/line.c — lines from standard input: plain, or edited by libedit with history and completion.
 *
 * libedit is opened when it is needed, so starting a script does not pay for it, and without it the prompt still works.
 * What is used of it is declared here; the numbers are part of the interface of libedit.so.2.
 * All reading goes through one buffer, so that input() gets what was typed ahead of it. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wchar.h>

#include "program.h"

#define HISTORY_LINES 1000              /* kept; the file may grow to twice as many before it is cut */

typedef struct EditLine EditLine;
typedef struct History  History;
typedef struct HistEvent { int num; const char *str; } HistEvent;
typedef struct LineInfo { const char *buffer, *cursor, *lastchar; } LineInfo;

enum {
    EL_PROMPT = 0, EL_EDITOR = 2, EL_BIND = 4, EL_SETTY = 8, EL_ADDFN = 9, EL_HIST = 10, EL_GETCFN = 13,
    EL_PREP_TERM = 16,
    CC_REFRESH = 4, CC_ERROR = 6, CC_REDISPLAY = 8,
    H_SETSIZE = 1, H_ENTER = 10, H_SETUNIQUE = 20,
};

/* Functions of libedit: return type, name, parameters. */
#define EDIT_FUNCTIONS(F) \
    F(EditLine *, el_init, (const char *program, FILE *in, FILE *out, FILE *err)) \
    F(void, el_end, (EditLine *)) \
    F(int, el_set, (EditLine *, int op, ...)) \
    F(int, el_wset, (EditLine *, int op, ...)) \
    F(int, el_source, (EditLine *, const char *file)) \
    F(const char *, el_gets, (EditLine *, int *count)) \
    F(const LineInfo *, el_line, (EditLine *)) \
    F(int, el_insertstr, (EditLine *, const char *)) \
    F(History *, history_init, (void)) \
    F(void, history_end, (History *)) \
    F(int, history, (History *, HistEvent *, int op, ...))

typedef struct Edit {
#define FIELD(type, name, params) type (*name) params;
    EDIT_FUNCTIONS(FIELD)
#undef FIELD
} Edit;

struct Line {
    alpy_vm    *vm;
    char       *text;           /* the line returned last */
    size_t      cap;
    const char *prompt;

    /* Only with libedit. */
    Edit        edit;
    EditLine   *el;
    History    *history;
    int         history_fd;     /* lines are appended as they come; -1: none */
    bool        interrupted;    /* el_gets ended because of SIGINT */
};

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static struct { unsigned char bytes[4096]; size_t next, end; } input;

/* Refill the buffer: 1, 0 at the end of input, or a negative errno value.  SIGINT is let in only while waiting, so that
 * it cannot slip in between a look at the flag and the wait. */
static int fill_input(void)
{
    sigset_t interrupt, before;
    sigemptyset(&interrupt);
    sigaddset(&interrupt, SIGINT);
    sigprocmask(SIG_BLOCK, &interrupt, &before);
    int result = 0;
    while (!result && !program_interrupted) {
        struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
        if (ppoll(&in, 1, NULL, &before) < 0) {
            result = errno == EINTR ? 0 : -errno;
            continue;
        }
        ssize_t n = read(STDIN_FILENO, input.bytes, sizeof input.bytes);
        if (n > 0) {
            input.next = 0;
            input.end = (size_t)n;
            result = 1;
        } else if (n == 0)
            break;
        else if (errno != EINTR && errno != EAGAIN)
            result = -errno;
    }
    if (!result && program_interrupted)
        result = -EINTR;
    sigprocmask(SIG_SETMASK, &before, NULL);
    return result;
}

int stdin_read(char *line, size_t size)
{
    size_t n = 0;
    if (size > INT32_MAX)
        size = INT32_MAX;
    program_interrupted = 0;
    while (n < size) {
        if (input.next == input.end) {
            int got = fill_input();
            if (got < 0)
                return got;
            if (got == 0)
                break;
        }
        char c = (char)input.bytes[input.next++];
        line[n++] = c;
        if (c == '\n')
            break;
    }
    return (int)n;
}

static bool reserve(Line *l, size_t size)
{
    if (size <= l->cap)
        return true;
    char *grown = realloc(l->text, size * 2);
    if (!grown)
        return false;
    l->text = grown;
    l->cap = size * 2;
    return true;
}

/* As CPython without its line editor: the prompt goes to standard error. */
static LineResult read_plain(Line *l, const char *prompt, const char **text)
{
    program_complain(prompt);
    size_t size = 0;
    for (;;) {
        if (!reserve(l, size + 256))
            return LINE_END;
        int n = stdin_read(l->text + size, l->cap - size - 1);
        if (n == -EINTR)
            return LINE_INTERRUPTED;
        if (n <= 0 && size == 0)
            return LINE_END;
        size += n > 0 ? (size_t)n : 0;
        bool whole = size && l->text[size - 1] == '\n';
        if (whole || n <= 0) {
            l->text[size - whole] = 0;
            *text = l->text;
            return LINE_OK;
        }
    }
}

/* ---- history file ------------------------------------------------------------------------------------------------ */

/* Make every folder of `path` before its last '/', for the user alone. */
static void make_folders(char *path)
{
    for (char *p = path + 1; *p; p++)
        if (*p == '/') {
            *p = 0;
            mkdir(path, 0700);
            *p = '/';
        }
}

/* $XDG_STATE_HOME/alpy/history or ~/.local/state/alpy/history, to be freed; NULL: nowhere. */
static char *history_path(void)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    char *path = NULL;
    if (state && state[0] == '/') {
        if (asprintf(&path, "%s/alpy/history", state) < 0)
            return NULL;
    } else if (!home || home[0] != '/' || asprintf(&path, "%s/.local/state/alpy/history", home) < 0)
        return NULL;
    return path;
}

/* Replace the file by its last lines. */
static void cut_history(const char *path, const char *text, size_t size)
{
    char *temp = NULL;
    if (asprintf(&temp, "%s.XXXXXX", path) < 0)
        return;
    int fd = mkostemp(temp, O_CLOEXEC);                 /* mode 0600 */
    if (fd >= 0) {
        bool ok = write(fd, text, size) == (ssize_t)size;
        ok = close(fd) == 0 && ok;
        if (!ok || rename(temp, path) != 0)
            unlink(temp);
    }
    free(temp);
}

/* Enter the file's last lines into libedit's history, and leave it open for appending. */
static void load_history(Line *l)
{
    l->history_fd = -1;
    char *path = history_path();
    if (!path)
        return;
    make_folders(path);
    FILE *file = fopen(path, "re");
    char *text = NULL;
    size_t size = 0;
    if (file) {
        struct stat st;
        if (fstat(fileno(file), &st) == 0 && S_ISREG(st.st_mode) && (text = malloc((size_t)st.st_size + 1)))
            size = fread(text, 1, (size_t)st.st_size, file);
        fclose(file);
    }
    if (text) {
        size_t lines = 0, start = size;
        for (size_t i = size; i-- > 0; )
            if (text[i] == '\n' && ++lines <= HISTORY_LINES + 1)
                start = i + 1;
        if (lines <= HISTORY_LINES)
            start = 0;
        if (lines > 2 * HISTORY_LINES)
            cut_history(path, text + start, size - start);
        text[size] = 0;
        HistEvent event;
        for (char *line = text + start, *end; (end = strchr(line, '\n')); line = end + 1) {
            *end = 0;
            l->edit.history(l->history, &event, H_ENTER, line);
        }
    }
    free(text);
    l->history_fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (l->history_fd >= 0)
        fchmod(l->history_fd, 0600);
    free(path);
}

static void remember(Line *l, char *line, size_t size)
{
    HistEvent event;
    if (strspn(line, " \t") == size)
        return;
    l->edit.history(l->history, &event, H_ENTER, line);
    if (l->history_fd < 0)
        return;
    line[size] = '\n';
    if (write(l->history_fd, line, size + 1) < 0) {     /* the session goes on without a file */
        close(l->history_fd);
        l->history_fd = -1;
    }
    line[size] = 0;
}

/* ---- libedit's callbacks ----------------------------------------------------------------------------------------- */

static Line *editing;           /* libedit's callbacks get no pointer of ours */

static char *prompt_text(EditLine *el)
{
    (void)el;
    return (char *)(uintptr_t)editing->prompt;
}

/* One character of standard input: 1, 0 at its end, -1 on errors. */
static int get_char(EditLine *el, wchar_t *c)
{
    (void)el;
    mbstate_t state = { 0 };
    for (;;) {
        if (input.next == input.end) {
            int got = fill_input();
            editing->interrupted = got == -EINTR;
            if (got <= 0)
                return got < 0 ? -1 : 0;
        }
        char byte = (char)input.bytes[input.next++];
        size_t n = mbrtowc(c, &byte, 1, &state);
        if (n != (size_t)-1 && n != (size_t)-2)
            return 1;
        if (n == (size_t)-1)
            memset(&state, 0, sizeof state);            /* not text: skipped */
    }
}

/* What alpy_complete() found. */
typedef struct Found {
    char  *common;              /* longest common beginning; NULL: nothing found */
    size_t count;
    size_t widest;
    FILE  *list;                /* where each is printed; NULL: only counted */
    size_t column, columns;
} Found;

static int gather(void *user, const char *completion)
{
    Found *f = user;
    size_t size = strlen(completion);
    f->widest = size > f->widest ? size : f->widest;
    if (f->count++ == 0) {
        f->common = strdup(completion);
        return !f->common;
    }
    size_t same = 0;
    while (f->common[same] && f->common[same] == completion[same])
        same++;
    f->common[same] = 0;
    return 0;
}

static int print_one(void *user, const char *completion)
{
    Found *f = user;
    const char *dot = strrchr(completion, '.');
    fprintf(f->list, "%-*s", (int)f->widest + 2, dot ? dot + 1 : completion);
    if (++f->column == f->columns) {
        fputc('\n', f->list);
        f->column = 0;
    }
    return 0;
}

/* Tab: four spaces at the start of a line; else the longest sure continuation, or the list of what there is. */
static unsigned char complete(EditLine *el, int key)
{
    (void)key;
    Line *l = editing;
    const LineInfo *info = l->edit.el_line(el);
    size_t size = (size_t)(info->cursor - info->buffer);
    char *head = strndup(info->buffer, size);
    if (!head)
        return CC_ERROR;
    unsigned char result = CC_ERROR;
    if (strspn(head, " \t") == size) {
        result = l->edit.el_insertstr(el, "    ") == 0 ? CC_REFRESH : CC_ERROR;
    } else {
        Found found = { 0 };
        alpy_complete(l->vm, head, gather, &found);
        size_t start = size;            /* of the path that is completed */
        size_t most = found.common ? strlen(found.common) : 0;
        for (size_t n = most < size ? most : size; n > 0 && start == size; n--)
            if (strncmp(head + size - n, found.common, n) == 0)
                start = size - n;
        size_t typed = size - start;
        if (found.common && most > typed) {
            result = l->edit.el_insertstr(el, found.common + typed) == 0 ? CC_REFRESH : CC_ERROR;
        } else if (found.count > 1) {
            found.list = stdout;
            found.columns = 78 / (found.widest + 2) ? 78 / (found.widest + 2) : 1;
            fputc('\n', stdout);
            alpy_complete(l->vm, head, print_one, &found);
            if (found.column)
                fputc('\n', stdout);
            fflush(stdout);
            result = CC_REDISPLAY;
        }
        free(found.common);
    }
    free(head);
    return result;
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

/* Stays loaded: what it and the terminal library have allocated for good hangs on their variables. */
static bool load_library(Line *l)
{
    void *library = dlopen("libedit.so.2", RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return false;
#define LOAD(type, name, params) \
    *(void **)(void *)&l->edit.name = dlsym(library, #name); \
    if (!l->edit.name) \
        return false;
    EDIT_FUNCTIONS(LOAD)
#undef LOAD
    return true;
}

static bool open_editor(Line *l)
{
    if (!load_library(l))
        return false;
    /* Only the character set: numbers keep their decimal point. */
    if (!setlocale(LC_CTYPE, "") || MB_CUR_MAX == 1)
        setlocale(LC_CTYPE, "C.UTF-8");
    Edit *e = &l->edit;
    l->el = e->el_init("alpy", stdin, stdout, stderr);
    l->history = l->el ? e->history_init() : NULL;
    if (!l->history)
        return false;
    editing = l;
    HistEvent event;
    e->history(l->history, &event, H_SETSIZE, 2 * HISTORY_LINES);
    e->history(l->history, &event, H_SETUNIQUE, 1);
    e->el_set(l->el, EL_PROMPT, prompt_text);
    e->el_set(l->el, EL_EDITOR, "emacs");
    e->el_set(l->el, EL_HIST, e->history, l->history);
    e->el_set(l->el, EL_GETCFN, get_char);
    /* The call for char strings would leak its copies of them. */
    e->el_wset(l->el, EL_ADDFN, L"alpy-complete", L"Complete the name before the cursor", complete);
    e->el_set(l->el, EL_BIND, "\t", "alpy-complete", NULL);
    /* Else a newline typed ahead of input() would reach it as a carriage return. */
    e->el_set(l->el, EL_SETTY, "-d", "-inlcr", NULL);
    e->el_set(l->el, EL_BIND, "^R", "em-inc-search-prev", NULL);
    e->el_source(l->el, NULL);
    load_history(l);
    return true;
}

static void close_editor(Line *l)
{
    if (l->history)
        l->edit.history_end(l->history);
    if (l->el)
        l->edit.el_end(l->el);
    if (l->history_fd >= 0)
        close(l->history_fd);
    l->history = NULL;
    l->el = NULL;
    l->history_fd = -1;
}

Line *line_open(alpy_vm *vm)
{
    Line *l = calloc(1, sizeof *l);
    if (!l)
        return NULL;
    l->vm = vm;
    l->history_fd = -1;
    if (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && !open_editor(l))
        close_editor(l);
    return l;
}

void line_close(Line *l)
{
    close_editor(l);
    free(l->text);
    free(l);
}

LineResult line_read(Line *l, const char *prompt, const char **text)
{
    program_interrupted = 0;
    if (!l->el)
        return read_plain(l, prompt, text);
    l->prompt = prompt;
    l->interrupted = false;
    l->edit.el_set(l->el, EL_PREP_TERM, 1);     /* before the prompt is seen: what is typed ahead is not echoed twice */
    int count = 0;
    const char *line = l->edit.el_gets(l->el, &count);
    if (l->interrupted)
        return LINE_INTERRUPTED;
    if (!line || count <= 0)
        return LINE_END;
    size_t size = (size_t)count;
    if (!reserve(l, size + 2))
        return LINE_END;
    memcpy(l->text, line, size);
    if (l->text[size - 1] == '\n')
        size--;
    l->text[size] = 0;
    remember(l, l->text, size);
    *text = l->text;
    return LINE_OK;
}
