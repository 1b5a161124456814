/* tests/fuzz/fuzz_lex.c — libFuzzer driver for scanner and layout: any bytes give a well-formed token list or a diagnostic. */
#include "dsl/layout.h"

#include <stdlib.h>

#define REQUIRE(x) do { if (!(x)) abort(); } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Tokens go forward, stay inside the text, and blocks and brackets balance. */
static void check_tokens(const TokList *l, const Src *src)
{
    int depth = 0;
    uint32_t at = 0, line = 1;
    REQUIRE(l->count > 0);
    for (uint32_t k = 0; k < l->count; k++) {
        const Tok *t = &l->item[k];
        REQUIRE(t->start <= t->end && t->end <= src->size && t->start >= at);
        REQUIRE(t->line >= line && t->line <= src->n_lines);
        REQUIRE(t->level <= PARSE_MAX_DEPTH);
        depth += (t->kind == TK_Indent) - (t->kind == TK_Dedent);
        REQUIRE(depth >= 0 && depth < PARSE_MAX_INDENT);
        bool is_last = t->kind == TK_EndMarker || t->kind == TK_Error;
        REQUIRE(is_last == (k + 1 == l->count));
        REQUIRE(t->kind != TK_EndMarker || (depth == 0 && t->level == 0));
        REQUIRE((t->kind == TK_Error) == (is_last && l->error.kind != DK_None));
        if (t->kind != TK_Error) {
            at = t->end;
            line = t->line;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Mem mem;
    Src src;
    const char *why;
    mem_init(&mem, NULL, NULL);
    if (src_init(&src, &mem, "fuzz.alp", (const char *)data, size, &why) != ALP_OK)
        return 0;
    Diag diag = { .kind = DK_None };
    if (lex_check_text(&src, &diag) == ALP_OK) {
        for (int mode = PM_File; mode <= PM_Prompt; mode++) {
            TokList toks;
            REQUIRE(toks_init(&toks, &src, (ParseMode)mode, &mem) == ALP_OK);
            check_tokens(&toks, &src);
            toks_free(&toks);
        }
    } else {
        REQUIRE(diag.kind == DK_Syntax && diag.text[0]);
    }
    src_free(&src);
    REQUIRE(mem.bytes_used == 0);
    return 0;
}
