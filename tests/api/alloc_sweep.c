/* tests/api/alloc_sweep.c — lets the n-th request for memory fail, and all after it, for n = 1, 2, … until a program
 * succeeds: no crash, no leak, and an interpreter that still works.
 *
 *     alloc_sweep [-x] [-s STEP] FILE.alp …
 *
 * Each n runs in a fresh interpreter.  STEP > 1 tries only every STEP-th n beyond the first 300.  -x: all loops are
 * analysed, run by their plans and explained.  What the programs print is dropped. */
#include "check.h"

#include <unistd.h>

static int discard(void *user, int stream, const char *text, size_t size)
{
    (void)user, (void)stream, (void)text, (void)size;
    return 0;
}

static int is_explained;        /* -x */

static int count_text(void *user, const char *text, size_t size)
{
    (void)text;
    *(size_t *)user += size;
    return 0;
}

/* The explanation is there, or says that it is not complete. */
static void explain(alpy_vm *vm, const char *path, uint64_t n)
{
    size_t size = 0;
    alpy_status status = alpy_explain(vm, ALPY_EXPLAIN_JSON, 0, count_text, &size);
    if (status == ALPY_OK || (status == ALPY_NOMEM && n))
        n_passed++;
    else if (n_failed++ < 10)
        fprintf(stderr, "%s: request %llu refused: no explanation: %s\n", path, (unsigned long long)n, alpy_error(vm)->text);
    alpy_explain(vm, ALPY_EXPLAIN_TEXT, 0, count_text, &size);
    alpy_explain(vm, ALPY_EXPLAIN_GRAPH, 0, count_text, &size);
}

/* One attempt; true: no request failed any more.  usual: how the program ends with all the memory it wants. */
static int attempt(const char *path, uint64_t n, alpy_status *usual)
{
    Heap heap = { .fail_from = n, .fail_to = UINT64_MAX };
    alpy_config config;
    alpy_config_init(&config);
    config.realloc_fn = heap_realloc;
    config.write_fn = discard;
    config.user = &heap;
    config.max_seconds = 60;
    config.explain = is_explained;
    config.device = is_explained ? ALPY_DEVICE_REFERENCE : ALPY_DEVICE_AUTO;
    char folder[4096];
    const char *slash = strrchr(path, '/');
    if (slash) {
        snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
        config.script_dir = folder;
    }
    alpy_vm *vm;
    alpy_status status = alpy_open(&vm, &config);
    int failed = n && heap.requests >= n;
    if (status == ALPY_OK) {
        status = alpy_eval_file(vm, path);
        failed = n && heap.requests >= n;
        if (n == 0)
            *usual = status;
        if (status == *usual)
            n_passed++;                 /* it got by without what was refused, if anything was */
        else if (status != ALPY_NOMEM && n_failed++ < 10)
            fprintf(stderr, "%s: request %llu refused gave %s: %s\n", path, (unsigned long long)n,
                    alpy_status_name(status), alpy_error(vm)->traceback);
        heap.fail_from = 0;
        if (is_explained)
            explain(vm, path, n);
        if (alpy_eval(vm, "print(1)", NULL) != ALPY_OK && n_failed++ < 10)
            fprintf(stderr, "%s: request %llu refused left a broken interpreter: %s\n", path, (unsigned long long)n,
                    alpy_error(vm)->traceback);
        alpy_close(vm);
    } else if (status != ALPY_NOMEM)
        n_failed++;
    if (heap.used || heap.blocks || heap.lied) {
        if (n_failed++ < 10)
            fprintf(stderr, "%s: request %llu refused: %zu bytes in %zu blocks leaked, %d wrong sizes\n", path,
                    (unsigned long long)n, heap.used, heap.blocks, heap.lied);
    } else
        n_passed++;
    return !failed;
}

int main(int argc, char **argv)
{
    uint64_t step = 1;
    int opt;
    while ((opt = getopt(argc, argv, "xs:")) != -1) {
        if (opt == 'x')
            is_explained = 1;
        else if (opt != 's' || (step = strtoull(optarg, NULL, 10)) == 0)
            return 2;
    }
    for (int k = optind; k < argc; k++) {
        alpy_status usual = ALPY_OK;
        uint64_t n = 1;
        attempt(argv[k], 0, &usual);
        while (!attempt(argv[k], n, &usual))
            n += n < 300 ? 1 : step;
        fprintf(stderr, "%s: %llu requests\n", argv[k], (unsigned long long)n);
    }
    return report();
}
