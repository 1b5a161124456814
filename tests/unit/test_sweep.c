/* tests/unit/test_sweep.c — refuses each single request for memory in turn, over programs of all kinds.
 *
 *     test_sweep PATTERN …        shell patterns of absolute paths; the programs run in a temporary folder
 *
 * For n = 1, 2, … a fresh VM runs the program with its n-th allocation refused (beyond the first 400, ever longer steps keep the
 * sweep short), until n is more than the program needs.  Each time: no crash; the program ends as usual or with MemoryError; the VM
 * runs another program afterwards; every byte comes back.  With Mem.fail_at set the VM pools nothing, so every object counts. */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dsl/parse.h"
#include "interp/module.h"

static int n_passed, n_failed;

static void *counted(void *user, void *ptr, size_t old_size, size_t new_size)
{
    size_t *used = user;
    if (new_size == 0) {
        free(ptr);
        *used -= old_size;
        return NULL;
    }
    void *p = realloc(ptr, new_size);
    if (p)
        *used += new_size - (ptr ? old_size : 0);
    return p;
}

static void check(bool good, const char *path, uint64_t n, const char *what)
{
    if (good)
        n_passed++;
    else if (n_failed++ < 20)
        printf("FAIL %s, allocation %llu refused: %s\n", path, (unsigned long long)n, what);
}

/* Runs the text with allocation n refused (0: none); *usual is the run's type of exception when none is.  The number of allocations. */
static uint64_t attempt(const char *path, const char *text, uint64_t n, TypeId *usual)
{
    size_t used = 0;
    Mem mem;
    mem_init(&mem, counted, &used);
    mem.fail_at = n ? n : UINT64_MAX;
    uint64_t n_alloc = 0;
    VM *vm = vm_new(&mem);
    if (vm) {
        TypeId type = TY_COUNT;
        char folder[1024];
        snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(path, '/') - path), path);
        vm->script_dir = folder;
        if (vm_run(vm, vm->main, path, text, strlen(text), PM_File) == RUN_EXC)
            type = vm->exc_type;
        n_alloc = vm->mem.n_alloc;
        vm->mem.fail_at = 0;
        if (n == 0)
            *usual = type;
        bool good = type == *usual || type_is_subclass(type, TY_MemoryError);
        check(good, path, n, good ? "" : type == TY_COUNT ? "no exception" : type_name(type));
        vm_clear_exc(vm);
        check(vm_run(vm, vm->main, "again", "print(1)", 8, PM_File) == RUN_OK, path, n, "the interpreter is broken afterwards");
        vm_free(vm);
    }
    check(used == 0, path, n, "bytes leaked");
    return n_alloc;
}

static void sweep(const char *path)
{
    static char text[1 << 16];
    FILE *file = fopen(path, "rb");
    if (!file) {
        check(false, path, 0, "cannot be read");
        return;
    }
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    TypeId usual = TY_COUNT;
    uint64_t total = attempt(path, text, 0, &usual);
    for (uint64_t n = 1; n <= total; n += n < 400 ? 1 : 1 + n / 97)
        attempt(path, text, n, &usual);
}

int main(int argc, char **argv)
{
    char folder[] = "/tmp/alpy-sweep-XXXXXX";
    if (!mkdtemp(folder) || chdir(folder) != 0)
        return 1;
    for (int k = 1; k < argc; k++) {
        glob_t found = { 0 };
        check(argv[k][0] == '/' && glob(argv[k], 0, NULL, &found) == 0, argv[k], 0, "no such files (absolute paths are wanted)");
        for (size_t i = 0; i < found.gl_pathc; i++)
            sweep(found.gl_pathv[i]);
        globfree(&found);
    }
    glob_t written = { 0 };
    if (glob("*", 0, NULL, &written) == 0)
        for (size_t i = 0; i < written.gl_pathc; i++)
            unlink(written.gl_pathv[i]);
    globfree(&written);
    if (chdir("/") != 0 || rmdir(folder) != 0)
        printf("%s is left behind\n", folder);
    printf("%d passed, %d failed\n", n_passed, n_failed);
    return n_failed || !n_passed;
}
