/* embed.c — a C program that leaves its loops to alpy.
 *
 * It lends its grid to an interpreter (no copy), gives it a function to call, lets relax.alp work on the grid, and
 * shows what a mistake in a script, a time limit and a call from C look like.
 *
 *     embed [relax.alp] */
#include <alpy.h>
#include <stdio.h>
#include <stdlib.h>

#define ROWS 8
#define COLUMNS 10

static double grid[ROWS][COLUMNS];

/* What scripts print goes where the host wants it. */
static int write_text(void *user, int stream, const char *text, size_t size)
{
    (void)user;
    return fwrite(text, 1, size, stream == 1 ? stdout : stderr) == size ? 0 : 5;
}

/* heat_source(i, j): a warm spot. */
static alpy_status heat_source(alpy_vm *vm, void *user, const alpy_value *args, int nargs, alpy_value *result)
{
    (void)nargs;
    if (args[0].kind != ALPY_INT || args[1].kind != ALPY_INT)
        return alpy_raise(vm, "TypeError", "heat_source() takes two ints");
    result->kind = ALPY_FLOAT;
    result->u.f = args[0].u.i == 4 && args[1].u.i == 5 ? *(const double *)user : 0.0;
    return ALPY_OK;
}

static void give_up(alpy_vm *vm, const char *what)
{
    const alpy_error_info *e = alpy_error(vm);
    fprintf(stderr, "%s: %s\n%s", what, e->text, e->traceback);
    alpy_close(vm);
    exit(1);
}

int main(int argc, char **argv)
{
    static double power = 0.5;
    const alpy_function functions[] = {
        { .name = "heat_source",
          .fn = heat_source,
          .min_args = 2,
          .max_args = 2,
          .doc = "Heat added at (i, j) per step.",
          .user = &power },
    };
    alpy_config config;
    alpy_config_init(&config);
    config.write_fn = write_text;
    config.max_bytes = 64 << 20;

    alpy_vm *vm;
    if (alpy_open(&vm, &config) != ALPY_OK) {
        fputs("cannot start alpy\n", stderr);
        return 1;
    }
    if (alpy_register(vm, functions, 1) != ALPY_OK)
        give_up(vm, "alpy_register");
    if (alpy_eval_file(vm, argc > 1 ? argv[1] : "relax.alp") != ALPY_OK)
        give_up(vm, "alpy_eval_file");

    /* change = relax(grid, 50) */
    const int64_t shape[] = { ROWS, COLUMNS };
    alpy_value args[2] = {
        { .kind = ALPY_ARRAY, .u.a = { .dtype = ALPY_FLOAT64, .ndim = 2, .shape = shape, .data = grid } },
        { .kind = ALPY_INT, .u.i = 50 },
    };
    alpy_value change;
    if (alpy_call(vm, "relax", args, 2, &change) != ALPY_OK)
        give_up(vm, "relax");
    printf("last change %.3g, warmest point %.4f\n", change.u.f, grid[4][5]);

    /* An array of the script, seen from C. */
    alpy_array profile;
    alpy_set_array(vm, "grid", &args[0].u.a);
    if (alpy_eval(vm, "profile = grid[4, ::-1] * 100", "profile.alp") != ALPY_OK ||
        alpy_get_array(vm, "profile", &profile) != ALPY_OK)
        give_up(vm, "profile");
    for (int64_t i = 0; i < profile.shape[0]; i++)
        printf("%.1f ", *(const double *)((const char *)profile.data + i * profile.strides[0]));
    puts("");
    alpy_release_array(vm, &profile);

    /* A script's mistake is an error report. */
    if (alpy_eval(vm, "for i in range(100):\n    grid[i, 0] = 1.0\n", "mistake.alp") != ALPY_OK) {
        const alpy_error_info *e = alpy_error(vm);
        printf("%s in %s, line %d: %s\n", e->type, e->file, e->line, e->text);
    }
    /* A script that does not end is stopped. */
    alpy_set_limits(vm, config.max_bytes, 0.1);
    alpy_status status = alpy_eval(vm, "while True: pass", "endless.alp");
    printf("%s: %s\n", alpy_status_name(status), alpy_error(vm)->text);
    alpy_close(vm);
    return 0;
}
