/* jit/gpu/prelude_elem.c — alpy's own elementary functions as CUDA C: those that kernels call stand in front of the helpers, with what they are
 * made of.  tools/elem_cuda.py makes the rows from the texts in interp/elem when alpy is built.
 *
 * With --fp=fast CUDA's functions of the same names are called instead. */
#include <string.h>

#include "jit/gpu/emit.h"

typedef struct Item {
    const char *name, *text;
    uint16_t    n_uses, use[40];        /* indices of items further up */
} Item;

static const Item items[] = {
#define ELEM_ITEM(name, text, n, ...) { #name, text, n, { __VA_ARGS__ } },
#include "interp/elem/elem_cuda.h"
#undef ELEM_ITEM
};

static void use(Gen *g, size_t i)
{
    if (g->elem[i])
        return;
    g->elem[i] = true;
    for (size_t k = 0; k < items[i].n_uses; k++)
        use(g, items[i].use[k]);
}

bool gen_elem_is_cuda(const Gen *g, const char *name)
{
    static const char *const lacking[] = { "gamma", "lgamma", "logaddexp", "power" };
    bool has = g->fp == FP_Fast;
    for (size_t i = 0; i < COUNT_OF(lacking) && has; i++)
        has = strncmp(name + 5, lacking[i], strlen(lacking[i])) != 0;
    return has;
}

const char *gen_elem(Gen *g, const char *name)
{
    if (gen_elem_is_cuda(g, name))
        return name + 5;
    if (!g->elem && !(g->elem = gen_room(g, sizeof items / sizeof *items)))
        return name;
    for (size_t i = 0; i < COUNT_OF(items); i++)
        if (strcmp(items[i].name, name) == 0) {
            use(g, i);
            return items[i].name;
        }
    ALP_ASSERT(false);
    return name;
}

void gen_elem_prelude(Gen *g, GenText *out)
{
    for (size_t i = 0; g->elem && i < COUNT_OF(items); i++)
        if (g->elem[i])
            text_put(g, out, items[i].text, strlen(items[i].text));
}
