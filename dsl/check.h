/* dsl/check.h — names to slots, and the errors that CPython's compiler reports after parsing ('return' outside function, name
 * used prior to global declaration, duplicate argument, break outside loop …).
 *
 * Module variables: slots in order of first appearance, kept in a ModuleNames that outlives the text, so that the texts given to
 * one module one after another (a prompt, alpy_eval) share variables. */
#ifndef ALP_DSL_CHECK_H
#define ALP_DSL_CHECK_H

#include "dsl/ast.h"
#include "dsl/diag.h"

typedef struct ModuleNames {
    Mem      *mem;
    uint32_t  count, capacity;
    Sym      *name;             /* per slot */
    uint32_t *bucket;           /* open-addressed hash of slot + 1; 0 = empty */
    uint32_t  n_buckets;        /* power of two */
} ModuleNames;

#define MODULE_NO_SLOT UINT32_MAX

void     module_names_init(ModuleNames *m, Mem *mem);
void     module_names_free(ModuleNames *m);
uint32_t module_names_find(const ModuleNames *m, Sym name);     /* MODULE_NO_SLOT: not there */
uint32_t module_names_add(ModuleNames *m, Sym name);            /* finds or adds; MODULE_NO_SLOT: out of memory */

/* Resolves every name below `module`, sets Node.flags' NF_Pure, and is_outermost of loops (a loop not inside another loop of
 * the same function or module body).  Annotates the tree in place.  ALP_FAIL: *diag says why. */
Status check_module(AstModule *module, Arena *arena, Intern *names, ModuleNames *globals, Diag *diag);

#endif
