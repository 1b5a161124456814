/* jit/nest/facts.h — what only the running program knows about one execution of a nest: numbers for the symbols, the arrays' addresses,
 * shapes and strides, and which of them share memory.
 *
 * The integers that analysis depends on are gathered into one vector (`key`): two executions with equal keys have the same plan.
 * Addresses enter the key only as far as they matter: as offsets between arrays whose bytes overlap. */
#ifndef ALP_JIT_FACTS_H
#define ALP_JIT_FACTS_H

#include "jit/nest/nest.h"

typedef struct ArrayFact {
    const Array *array;
    char    *lo, *hi;           /* bytes [lo, hi) that its elements may occupy; equal if it has none */
    uint32_t group;             /* arrays with overlapping byte ranges, directly or over others, have the same number; the least id in it */
    int64_t  offset;            /* array->data minus the data of the array whose id is `group`, in bytes */
    bool     overlaps_itself;   /* two index tuples may name one address (a broadcast view) */
} ArrayFact;

typedef struct Facts {
    const Nest *nest;
    int64_t   *sym;             /* [n_syms] values; unknown ones: sym_known false */
    bool      *sym_known;       /* false: varies in the nest, or its evaluation left 64 bits */
    int64_t   *var;             /* [n_vars] integer inputs on entry; others: var_known false */
    bool      *var_known;
    ArrayFact *array;           /* [n_arrays] */
    uint32_t   n_key;
    int64_t   *key;
} Facts;

/* Room for the facts of one nest; part of the nest's arena would outgrow it, so it is separate. NULL: no memory. */
Facts *facts_new(const Nest *nest);
void   facts_free(Facts *f, const Nest *nest);
/* Requires nest_matches().  Fast: a microsecond or less for ten arrays and symbols. */
void   facts_collect(Facts *f, const Nest *nest, Frame *frame, Value iterable);
/* A bound on an integer variable on entry: |value| <= 2**bits, in a few coarse steps that are part of the key (so that a counter that goes on from
 * entry to entry does not make every key a new one); 64: unknown. */
int    facts_var_bits(const Facts *f, const NVar *v);
/* Value of a form without counters; false: a symbol is unknown or the result leaves 64 bits. */
bool   facts_form_const(const Facts *f, const NForm *form, int64_t *out);
/* The form with symbols replaced by numbers: constant part in *c0, coefficient of each loop's counter added to coef[loop->id]
 * (nest->n_loops entries, which the caller zeroed).  False: a symbol is unknown, or overflow. */
bool   facts_form_numeric(const Facts *f, const NForm *form, int64_t *c0, int64_t *coef);

#endif
