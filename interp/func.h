/* interp/func.h — functions defined by the program, their captured variables. */
#ifndef ALP_INTERP_FUNC_H
#define ALP_INTERP_FUNC_H

#include "interp/module.h"
#include "interp/seq.h"

typedef struct Cell { Container link; Value value; } Cell;

typedef struct Func {
    Container        link;      /* T_Func */
    const AstFuncDef *def;
    const AstFunc   *code;      /* def->func */
    uint32_t         n_params, n_locals;    /* code's */
    bool             is_plain;  /* no cells, no keyword-only parameters: positional arguments go straight to the slots */
    Chunk           *chunk;     /* counted reference */
    Module          *module;    /* counted reference: whose globals the body sees */
    Value           *defaults;  /* code->n_defaults */
    Cell           **free;      /* code->n_free, counted references */
} Func;

#define FUNC(v) ((Func *)(void *)(v).u.o)
#define CELL(v) ((Cell *)(void *)(v).u.o)

Value func_call(VM *vm, Func *f, const Value *args, uint32_t n_args, const Sym *kw, uint32_t n_kw);
void  func_destroy(VM *vm, Func *f);
void  func_clear(VM *vm, Func *f);              /* lets go of defaults and captured variables, which may form cycles */
void  cell_destroy(VM *vm, Cell *c);
Chunk *chunk_ref(Chunk *c);
void  chunk_free(Chunk *c);

#endif
