/* tests/api/test_errors.c — running texts: error reports, SystemExit, files, prompts, dumps, output and its
 * failures. */
#include "check.h"

#include <errno.h>
#include <unistd.h>

static Output out;

static void reports(alpy_vm *vm)
{
    const alpy_error_info *e = alpy_error(vm);
    CHECK(e->status == ALPY_OK && e->line == 0 && e->file == NULL);
    CHECK_TEXT(e->type, "");
    CHECK_STATUS(alpy_eval(vm, "def f(x):\n    return 1 / x\n\ny = 2\nf(0)\n", "heat.alp"), ALPY_ERROR);
    e = alpy_error(vm);
    CHECK_TEXT(e->type, "ZeroDivisionError");
    CHECK_TEXT(e->text, "division by zero");
    CHECK_TEXT(e->file, "heat.alp");
    CHECK_TEXT(e->function, "f");
    CHECK(e->line == 2 && e->column == 12);
    CHECK_TEXT(e->traceback,
               "Traceback (most recent call last):\n"
               "  File \"heat.alp\", line 5, in <module>\n    f(0)\n"
               "  File \"heat.alp\", line 2, in f\n    return 1 / x\n           ~~^~~\n"
               "ZeroDivisionError: division by zero\n");
    CHECK_STATUS(alpy_eval(vm, "x = 1\nif x:\n  y = (1,\n", "heat.alp"), ALPY_ERROR);
    e = alpy_error(vm);
    CHECK_TEXT(e->type, "SyntaxError");
    CHECK_TEXT(e->text, "'(' was never closed");
    CHECK_TEXT(e->file, "heat.alp");
    CHECK(e->line == 3 && e->column == 7 && e->function == NULL);
    CHECK_TEXT(e->traceback,
               "  File \"heat.alp\", line 3\n    y = (1,\n        ^\nSyntaxError: '(' was never closed\n");
    CHECK_STATUS(alpy_eval(vm, "if 1:\nx = 1\n", "a \"b\".alp"), ALPY_ERROR);
    CHECK_TEXT(alpy_error(vm)->type, "IndentationError");
    CHECK_TEXT(alpy_error(vm)->file, "a \"b\".alp");
    CHECK(alpy_error(vm)->line == 2);
    CHECK_STATUS(alpy_eval(vm, "raise ValueError('\xc3\xa4')", NULL), ALPY_ERROR);
    CHECK_TEXT(alpy_error(vm)->text, "\xc3\xa4");
    CHECK_TEXT(alpy_error(vm)->file, "<string>");
    CHECK_TEXT(alpy_error(vm)->function, "<module>");
    CHECK_STATUS(alpy_eval(vm, "y", NULL), ALPY_OK);
    CHECK_TEXT(alpy_error(vm)->type, "ValueError");         /* success leaves the last report alone */
    CHECK_STATUS(alpy_eval_sized(vm, "x = 1\0", 6, "nul.alp"), ALPY_ERROR);
    CHECK_TEXT(alpy_error(vm)->text, "source code cannot contain null bytes");
    CHECK_STATUS(alpy_eval_sized(vm, "x = 5xyz", 5, "cut.alp"), ALPY_OK);
    CHECK_STATUS(alpy_eval_sized(vm, "", 0, NULL), ALPY_OK);
    CHECK_STATUS(alpy_eval(vm, "x = '\xff'", NULL), ALPY_ERROR);
}

static void exits(alpy_vm *vm)
{
    static const struct { const char *text; int code; const char *message; } row[] = {
        { "raise SystemExit", 0, "" },
        { "raise SystemExit()", 0, "" },
        { "raise SystemExit(None)", 0, "" },
        { "raise SystemExit(3)", 3, "" },
        { "raise SystemExit(True)", 1, "" },
        { "raise SystemExit('bye')", 1, "bye" },
        { "raise SystemExit(2.5)", 1, "2.5" },
        { "import sys\nsys.exit()", 0, "" },
        { "import sys\nsys.exit(4)", 4, "" },
        { "import sys\nsys.exit('so long')", 1, "so long" },
        { "raise SystemExit(1, 2)", 1, "(1, 2)" },
    };
    for (size_t k = 0; k < sizeof row / sizeof row[0]; k++) {
        CHECK_STATUS(alpy_eval(vm, row[k].text, NULL), ALPY_EXIT);
        CHECK(alpy_error(vm)->exit_code == row[k].code);
        CHECK_TEXT(alpy_error(vm)->text, row[k].message);
        CHECK_TEXT(alpy_error(vm)->type, "SystemExit");
    }
}

static void files(alpy_vm *vm)
{
    char path[] = "/tmp/alpy-test-XXXXXX";
    int fd = mkstemp(path);
    CHECK(fd >= 0 && write(fd, "from_file = 1\nx = 1 +\n", 22) == 22);
    CHECK_STATUS(alpy_eval_file(vm, path), ALPY_ERROR);
    CHECK_TEXT(alpy_error(vm)->type, "SyntaxError");
    CHECK_TEXT(alpy_error(vm)->file, path);
    CHECK(ftruncate(fd, 14) == 0);
    CHECK_STATUS(alpy_eval_file(vm, path), ALPY_OK);
    int64_t i;
    CHECK(alpy_get_int(vm, "from_file", &i) == ALPY_OK && i == 1);
    close(fd);
    unlink(path);
    CHECK_STATUS(alpy_eval_file(vm, "/nowhere/x.alp"), ALPY_ERROR);
    CHECK_TEXT(alpy_error(vm)->type, "FileNotFoundError");
    CHECK_TEXT(alpy_error(vm)->text, "[Errno 2] No such file or directory: '/nowhere/x.alp'");
    CHECK(alpy_error(vm)->file == NULL);
    CHECK_STATUS(alpy_eval_file(vm, "/tmp"), ALPY_ERROR);
    CHECK_TEXT(alpy_error(vm)->type, "IsADirectoryError");
}

static void prompts(alpy_vm *vm)
{
    static const struct { const char *text; alpy_status status; const char *printed; } row[] = {
        { "1 + 1\n", ALPY_OK, "2\n" },
        { "None\n", ALPY_OK, "" },
        { "'a'\n", ALPY_OK, "'a'\n" },
        { "x = 5\n", ALPY_OK, "" },
        { "x\n", ALPY_OK, "5\n" },
        { "_ * 2\n", ALPY_OK, "10\n" },
        { "print(1)\n", ALPY_OK, "1\n" },
        { "_\n", ALPY_OK, "10\n" },
        { "def f(a):\n", ALPY_INCOMPLETE, "" },
        { "def f(a):\n    return a\n", ALPY_INCOMPLETE, "" },
        { "def f(a):\n    return a\n\n", ALPY_OK, "" },
        { "f(3)\n", ALPY_OK, "3\n" },
        { "f(\n", ALPY_INCOMPLETE, "" },
        { "f(\n4)\n", ALPY_OK, "4\n" },
        { "'''abc\n", ALPY_INCOMPLETE, "" },
        { "if x:\n    x\nelse:\n    0\n\n", ALPY_OK, "5\n" },
        { "for i in range(2):\n    i\n\n", ALPY_OK, "0\n1\n" },
        { "1; 2\n", ALPY_OK, "1\n2\n" },
        { "\n", ALPY_OK, "" },
        { "", ALPY_OK, "" },
        { "1 +\n", ALPY_ERROR, "" },
        { "x \\\n", ALPY_INCOMPLETE, "" },
        { "(1, 'b', 2.50)\n", ALPY_OK, "(1, 'b', 2.5)\n" },
        { "1/0\n", ALPY_ERROR, "" },
    };
    for (size_t k = 0; k < sizeof row / sizeof row[0]; k++) {
        output_clear(&out);
        if (!CHECK_STATUS(alpy_eval_prompt(vm, row[k].text, NULL), row[k].status) ||
            !CHECK_TEXT(out.text[0], row[k].printed))
            fprintf(stderr, "  row %zu: %s", k, row[k].text);
    }
    CHECK_TEXT(alpy_error(vm)->traceback, "Traceback (most recent call last):\n  File \"<stdin>\", line 1, in "
                                          "<module>\nZeroDivisionError: division by zero\n");
    output_clear(&out);
    CHECK_STATUS(alpy_eval(vm, "1 + 1\n", NULL), ALPY_OK);       /* no echo */
    CHECK_TEXT(out.text[0], "");
}

static void output(alpy_vm *vm)
{
    output_clear(&out);
    CHECK_STATUS(
        alpy_eval(vm, "import sys\nprint('out')\nprint('err', file=sys.stderr)\nprint('no newline', end='')", NULL),
        ALPY_OK);
    CHECK_TEXT(out.text[0], "out\nno newline");
    CHECK_TEXT(out.text[1], "err\n");
    output_clear(&out);
    CHECK_STATUS(alpy_eval(vm, "print('before')\n1/0", NULL), ALPY_ERROR);
    CHECK_TEXT(out.text[0], "before\n");
    CHECK_TEXT(out.text[1], "");                                /* reports are the host's to print */
    output_clear(&out);
    out.fail_with = ENOSPC;
    CHECK_STATUS(alpy_eval(vm, "print('lost')", NULL), ALPY_ERROR);
    CHECK_TEXT(alpy_error(vm)->type, "OSError");
    CHECK_TEXT(alpy_error(vm)->text, "[Errno 28] No space left on device");
    CHECK(alpy_error(vm)->file == NULL);
    out.fail_with = EPIPE;
    CHECK_STATUS(alpy_eval(vm, "for i in range(100000): print(i)", NULL), ALPY_ERROR);
    CHECK_TEXT(alpy_error(vm)->type, "BrokenPipeError");
    CHECK(alpy_error(vm)->line == 1);
    out.fail_with = 0;
    CHECK_STATUS(alpy_eval(vm, "print('fine')", NULL), ALPY_OK);
    CHECK_TEXT(out.text[0], "fine\n");
}

static void dumps(alpy_vm *vm)
{
    output_clear(&out);
    CHECK_STATUS(alpy_dump(vm, "ast", "x = y + 1\n", 10, NULL), ALPY_OK);
    CHECK(strstr(out.text[0], "Assign") && strstr(out.text[0], "Binary"));
    output_clear(&out);
    CHECK_STATUS(alpy_dump(vm, "tok", "x = 1\n", 6, NULL), ALPY_OK);
    CHECK(strstr(out.text[0], "number"));
    CHECK_STATUS(alpy_dump(vm, "ast", "x = =", 5, "d.alp"), ALPY_ERROR);
    CHECK_TEXT(alpy_error(vm)->type, "SyntaxError");
    CHECK_TEXT(alpy_error(vm)->file, "d.alp");
}

/* input(), sys.argv, imports from script_dir, output at every newline */
static const char *lines;

static int read_line(void *user, char *line, size_t size)
{
    (void)user;
    size_t n = strcspn(lines, "\n");
    n = lines[n] ? n + 1 : n;
    n = n < size ? n : size;
    memcpy(line, lines, n);
    lines += n;
    return (int)n;
}

static void environment(void)
{
    static const char *const argv[] = { "prog.alp", "a", "b c" };
    char folder[] = "/tmp/alpy-test-XXXXXX", path[64];
    alpy_config config;
    alpy_config_init(&config);
    config.argc = 3;
    config.argv = argv;
    config.read_fn = read_line;
    config.write_fn = output_write;
    config.user = &out;
    config.line_buffered = true;
    CHECK(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/helper.alp", folder);
    FILE *f = fopen(path, "w");
    CHECK(f && fputs("def twice(x): return 2 * x\n", f) >= 0 && fclose(f) == 0);
    config.script_dir = folder;
    alpy_vm *vm = open_vm(&config);
    lines = "first\nlast";
    output_clear(&out);
    if (!CHECK_STATUS(alpy_eval(vm,
                                "import sys\nassert sys.argv == ['prog.alp', 'a', 'b c']\nfrom helper import "
                                "twice\nassert twice(4) == 8\n"
                                "assert input() == 'first'\nassert input('> ') == 'last'\n",
                                NULL),
                      ALPY_OK))
        fputs(alpy_error(vm)->traceback, stderr);
    CHECK_TEXT(out.text[0], "> ");
    CHECK_STATUS(alpy_eval(vm, "input()", NULL), ALPY_ERROR);
    CHECK_TEXT(alpy_error(vm)->type, "EOFError");
    double x;
    alpy_value arg = { .kind = ALPY_FLOAT, .u.f = 1.5 }, result;
    CHECK_STATUS(alpy_eval(vm, "import helper", NULL), ALPY_OK);
    CHECK(alpy_call(vm, "helper.twice", &arg, 1, &result) == ALPY_OK && result.u.f == 3);
    (void)x;
    CHECK_STATUS(alpy_close(vm), ALPY_OK);
    unlink(path);
    rmdir(folder);
}

int main(void)
{
    alpy_config config;
    alpy_config_init(&config);
    config.write_fn = output_write;
    config.user = &out;
    alpy_vm *vm = open_vm(&config);
    reports(vm);
    exits(vm);
    files(vm);
    prompts(vm);
    output(vm);
    dumps(vm);
    CHECK_STATUS(alpy_close(vm), ALPY_OK);
    environment();
    return report();
}
