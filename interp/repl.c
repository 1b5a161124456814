/* interp/repl.c — the prompt: collects lines until they make a statement, runs it, and goes on whatever comes of it. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "program.h"

/* The statement typed so far. */
typedef struct Pending {
    char  *text;
    size_t size, cap;
} Pending;

static bool append(Pending *p, const char *line)
{
    size_t size = strlen(line), need = p->size + size + 2;
    if (need > p->cap) {
        size_t cap = need * 2;
        char *grown = realloc(p->text, cap);
        if (!grown)
            return false;
        p->text = grown;
        p->cap = cap;
    }
    memcpy(p->text + p->size, line, size);
    p->size += size;
    p->text[p->size++] = '\n';
    p->text[p->size] = 0;
    return true;
}

/* Runs what is pending; true: it is done with, or *status says that the session ends. */
static bool submit(alpy_vm *vm, Pending *p, bool at_end, bool *leave, int *code)
{
    program_interrupted = 0;
    alpy_status status = alpy_eval_prompt(vm, p->text, "<stdin>");
    if (status == ALPY_INCOMPLETE) {
        if (!at_end)
            return false;
        status = alpy_eval(vm, p->text, "<stdin>");     /* reports what is missing */
    }
    if (status != ALPY_OK) {
        int reported = program_report(vm, status);
        if (status == ALPY_EXIT || reported == EXIT_FLUSH_FAILED) {
            *leave = true;
            *code = reported;
        }
    }
    p->size = 0;
    return true;
}

int repl_run(alpy_vm *vm, bool quiet)
{
    Line *line = line_open(vm);
    if (!line) {
        program_complain("MemoryError\n");
        return EXIT_FAILURE;
    }
    if (!quiet) {
        program_complain("alpy ");
        program_complain(alpy_version());
        program_complain("\nexit() or Ctrl-D leaves, Ctrl-C stops what is running, Tab completes names.\n");
    }
    /* At the prompt, not in programs, these two are always there. */
    if (alpy_eval(vm, "from sys import exit\nfrom sys import exit as quit\n", "<prompt>") != ALPY_OK)
        program_report(vm, alpy_error(vm)->status);

    Pending pending = { 0 };
    bool leave = false;
    int code = EXIT_SUCCESS;
    while (!leave) {
        const char *text;
        switch (line_read(line, pending.size ? "... " : ">>> ", &text)) {
        case LINE_OK:
            if (!append(&pending, text)) {
                program_complain("MemoryError\n");
                pending.size = 0;
            } else {
                submit(vm, &pending, false, &leave, &code);
            }
            break;
        case LINE_INTERRUPTED:
            program_complain("\nKeyboardInterrupt\n");
            pending.size = 0;
            program_interrupted = 0;
            alpy_clear_interrupt(vm);
            break;
        case LINE_END:
            program_complain("\n");
            if (pending.size && append(&pending, ""))
                submit(vm, &pending, true, &leave, &code);
            leave = true;
            break;
        }
    }
    free(pending.text);
    line_close(line);
    return code;
}
