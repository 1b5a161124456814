/* tests/fuzz/fuzz_parse.c — libFuzzer driver for parser, explainer and checker.
 * The first byte chooses the mode, the next two make an allocation fail; the rest is the text.  Whatever the bytes, there is a
 * tree or a diagnostic, the diagnostic can be printed, and all memory is given back. */
#include "dsl/check.h"
#include "dsl/parse.h"

#include <stdlib.h>

#define REQUIRE(x) do { if (!(x)) abort(); } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void discard(void *user, const char *s, size_t n)
{
    *(size_t *)user += n + (n > 0 ? (size_t)(unsigned char)s[n - 1] : 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3)
        return 0;
    Mem mem;
    Src src;
    const char *why;
    size_t n_out = 0;
    mem_init(&mem, NULL, NULL);
    Intern *names = intern_new(&mem);
    if (!names || src_init(&src, &mem, "fuzz.alp", (const char *)data + 3, size - 3, &why) != ALP_OK)
        abort();
    Arena arena;
    arena_init(&arena, &mem);
    ModuleNames globals;
    module_names_init(&globals, &mem);
    if (data[0] & 2)
        mem.fail_at = mem.n_alloc + 1 + data[1] + 256u * (data[2] & 1);
    AstModule module;
    Diag diag;
    Status status = parse_source(&src, data[0] & 1 ? PM_Prompt : PM_File, &arena, names, &module, &diag);
    if (status == ALP_OK)
        status = check_module(&module, &arena, names, &globals, &diag);
    if (status == ALP_OK)
        ast_dump(&module.body, names, discard, &n_out);
    else
        diag_print(&diag, &src, discard, &n_out);
    REQUIRE((status == ALP_OK) == (diag.kind == DK_None));
    REQUIRE(diag.kind != DK_NoMemory || (data[0] & 2));
    module_names_free(&globals);
    arena_free(&arena);
    src_free(&src);
    intern_free(names);
    REQUIRE(mem.bytes_used == 0);
    return 0;
}
