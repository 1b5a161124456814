/* interp/program.h — what the sources of the program `alpy` share: main.c (command line), cli_explain.c (explanations and
 * graphs), cli_profile.c (alpy profile), repl.c (prompt), line.c (standard input and line editing).  They know the library by <alpy.h> only. */
#ifndef ALP_INTERP_PROGRAM_H
#define ALP_INTERP_PROGRAM_H

#include <alpy.h>
#include <signal.h>
#include <stdio.h>

/* Exit statuses, as CPython's. */
enum { EXIT_USAGE = 2, EXIT_FLUSH_FAILED = 120 };

/* ---- main.c ------------------------------------------------------------------------------------------------------ */

/* Set by SIGINT's handler, which also interrupts the interpreter. */
extern volatile sig_atomic_t program_interrupted;
/* Write to standard error, whatever becomes of it. */
void program_complain(const char *text);
/* Prints the report of a failed call; the status to exit with. */
int  program_report(alpy_vm *vm, alpy_status status);

/* ---- cli_explain.c ----------------------------------------------------------------------------------------------- */

/* What to tell about the program's loops when it has ended. */
typedef struct Explain {
    enum { EXPLAIN_NOTHING, EXPLAIN_TO_STDOUT, EXPLAIN_TO_STDERR } where;
    bool        json;
    const char *path;           /* -o: there instead; NULL */
    const char *graph;          /* --graph; NULL */
    const char *trace;          /* --trace; NULL */
    bool        stats;
    int         line;           /* --line; 0: the first nest */
    FILE       *file, *trace_file;      /* path and trace, open */
} Explain;

/* Can a graph be drawn into a file of this name? */
bool explain_graph_valid(const char *path);
/* Before the program runs: -1, or the status to exit with after a complaint. */
int  explain_open(Explain *e);
/* When it is over, and would exit with `code`: the status to exit with. */
int  explain_print(Explain *e, alpy_vm *vm, int code);

/* ---- cli_profile.c ----------------------------------------------------------------------------------------------- */

/* alpy profile …: the status to exit with. */
int  profile_command(int argc, char **argv);

/* ---- repl.c ------------------------------------------------------------------------------------------------------ */

/* Read, run and print until the end of input or sys.exit(); the status to exit with. */
int  repl_run(alpy_vm *vm, bool quiet);

/* ---- line.c ------------------------------------------------------------------------------------------------------ */

/* At most `size` bytes of standard input, up to and including a newline: their number, 0 at its end, or a negative
 * errno value; -EINTR: SIGINT came before the line was complete. */
int  stdin_read(char *line, size_t size);

typedef struct Line Line;
typedef enum LineResult { LINE_OK, LINE_END, LINE_INTERRUPTED } LineResult;

/* With editing, history and completion if standard input and output are a terminal and libedit is there; else plain.
 * NULL: no memory. */
Line *line_open(alpy_vm *vm);
void  line_close(Line *l);
/* The next line without its newline in *text, valid until the next call. */
LineResult line_read(Line *l, const char *prompt, const char **text);

#endif
