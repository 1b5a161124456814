/* dsl/intern.h — names as small integers.  One table per VM; equal text gives the equal Sym, so names compare by id. */
#ifndef ALP_DSL_INTERN_H
#define ALP_DSL_INTERN_H

#include "dsl/mem.h"

typedef uint32_t Sym;
#define SYM_NONE 0u             /* no name; intern() never returns it but for lack of memory */

typedef struct Intern Intern;

Intern     *intern_new(Mem *mem);                               /* NULL: out of memory */
void        intern_free(Intern *t);
Sym         intern(Intern *t, const char *text, size_t size);   /* SYM_NONE: out of memory */
Sym         intern_z(Intern *t, const char *text);
Sym         intern_find(const Intern *t, const char *text, size_t size);    /* SYM_NONE: not there; adds nothing */
const char *intern_text(const Intern *t, Sym s);                /* NUL-terminated; lives as long as the table */
size_t      intern_size(const Intern *t, Sym s);                /* bytes */
uint32_t    intern_count(const Intern *t);                      /* Syms are 1 … count */

#endif
