/* interp/cli_profile.c — `alpy profile`: measure what this machine can do, keep it, show it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "program.h"

static const char usage[] = "usage: alpy profile [--quick] [--json] [--out FILE]\n"
                            "       alpy profile --show [--json] [--out FILE]\n";
static const char help[] =
    "Measures what loops cost on this machine, on its processors and GPUs, and keeps it for --device auto.\n"
    "Takes up to ten seconds; other programs should not run meanwhile.\n"
    "--quick    : in half the time or less, less exactly\n"
    "--show     : show what is known without measuring\n"
    "--json     : show it as JSON, as in the file\n"
    "--out FILE : that file instead of $ALPY_PROFILE, $XDG_CACHE_HOME/alpy/profile.json or ~/.cache/alpy/profile.json\n";

enum { BAR_WIDTH = 30 };

/* A bar on the terminal's line, drawn anew. */
static int draw(void *user, double done, const char *what)
{
    char bar[BAR_WIDTH + 1];
    int full = (int)lround(done * BAR_WIDTH);
    for (int i = 0; i < BAR_WIDTH; i++)
        bar[i] = i < full ? '#' : '.';
    bar[BAR_WIDTH] = 0;
    fprintf(stderr, "\r[%s] %3.0f%%  %-24s", bar, 100 * done, what);
    if (done >= 1)
        fprintf(stderr, "\r%*s\r", BAR_WIDTH + 34, "");
    return 0;
}

static int print(void *user, const char *text, size_t size)
{
    return fwrite(text, 1, size, stdout) != size;
}

static int fail(const char *path, const char *error)
{
    fprintf(stderr, "alpy profile: %s%s%s\n", path ? path : "", path ? ": " : "", error);
    return EXIT_FAILURE;
}

int profile_command(int argc, char **argv)
{
    bool quick = false, show = false;
    alpy_profile_format format = ALPY_PROFILE_TABLE;
    const char *path = NULL;
    char error[1200];
    for (int i = 2; i < argc; i++) {
        const char *arg = argv[i];
        if (strcmp(arg, "--quick") == 0) {
            quick = true;
        } else if (strcmp(arg, "--show") == 0) {
            show = true;
        } else if (strcmp(arg, "--json") == 0) {
            format = ALPY_PROFILE_JSON;
        } else if (strncmp(arg, "--out=", 6) == 0 && arg[6]) {
            path = arg + 6;
        } else if (strcmp(arg, "--out") == 0 && i + 1 < argc && argv[i + 1][0]) {
            path = argv[++i];
        } else if (strcmp(arg, "-h") == 0 || strcmp(arg, "--help") == 0) {
            printf("%s%s", usage, help);
            return fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
        } else {
            fputs(usage, stderr);
            return EXIT_USAGE;
        }
    }
    if (show && quick) {
        fputs(usage, stderr);
        return EXIT_USAGE;
    }
    if (!show) {
        alpy_status status = alpy_profile_measure(path, quick, isatty(STDERR_FILENO) ? draw : NULL, NULL, error, sizeof error);
        if (status != ALPY_OK)
            return fail(NULL, status == ALPY_NOMEM ? "no memory" : error);
    }
    if (alpy_profile_show(path, format, print, NULL, error, sizeof error) != ALPY_OK)
        return fail(path, error);
    if (error[0])
        fprintf(stderr, "alpy profile: %s\n", error);
    return fflush(stdout) || ferror(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}
