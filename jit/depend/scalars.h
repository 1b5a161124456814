/* jit/depend/scalars.h — how each loop treats each variable that it assigns.  Private to jit/depend. */
#ifndef ALP_JIT_SCALARS_H
#define ALP_JIT_SCALARS_H

#include "jit/depend/graph.h"

/* Where variables are read and assigned: per variable, the statements in textual order, each once. */
typedef struct VarRefs {
    uint32_t *read_start, *write_start;         /* [n_vars + 1] */
    const NStmt **read, **write;
} VarRefs;

/* The loop in whose iterations a statement's expressions are evaluated: a While's test belongs to its own. */
static inline const NLoop *eval_loop(const NStmt *s)
{
    return s->kind == NS_Loop && s->loop->is_while ? s->loop : s->loop_in;
}

static inline bool loop_contains(const NLoop *outer, const NLoop *inner)
{
    while (inner && inner != outer)
        inner = inner->up;
    return inner == outer;
}

/* What recognising accumulations needs beside the nest. */
typedef struct AccState {
    Arena      *arena;          /* of what is kept */
    const Nest *nest;
    VarRefs     refs;
    uint32_t   *mark, now;      /* [n_exprs]: visited, by walk */
} AccState;

/* Do all assignments and reads of use->var in the loop form one accumulation?  Fills red, is_ordered, negates, cmp, term, acc and the blamed statement;
 * *companion: a bit for each variable that is an RK_Arg beside it (words of 64; the caller cleared it).  False: no, or no memory (*no_memory). */
bool acc_match(AccState *st, const NLoop *loop, VarUse *use, uint64_t *companion, bool *no_memory);
/* Fills acc with the assignments of use->var in the loop.  False: no memory. */
bool acc_list(AccState *st, const NLoop *loop, VarUse *use);
/* Does e read v? */
bool acc_reads(AccState *st, const NExpr *e, const NVar *v);

/* [n_loops]; NULL: no memory. */
LoopScalars *scalars_new(Arena *arena, const Nest *nest);
const VarUse *scalars_find(const LoopScalars *s, const NVar *var);

#endif
