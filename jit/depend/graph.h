/* jit/depend/graph.h — the dependences of a nest, in the two stages of ALPyNA (Jacob, Trinder, Singer, DLS 2019).
 *
 * Static, once per nest: every pair of references to arrays that may share memory (one of them a write, at least one For loop around either) is tested with
 * symbols as unknowns.  Pairs that this decides for every execution are done; the others are deferred.
 * At each execution the deferred pairs are tested again with the numbers of the Facts.  Their answers, hashed, are part of the plan's key.
 *
 * Arrays that are the same object, or whose byte ranges are disjoint at this execution, are compared subscript by subscript or not at all.  Views
 * of one buffer with equal strides and item sizes are compared subscript by subscript with their offset divided among the dimensions where that is
 * exact; all other overlaps by linear byte addresses (one interval equation). */
#ifndef ALP_JIT_GRAPH_H
#define ALP_JIT_GRAPH_H

#include "jit/depend/test.h"
#include "jit/nest/facts.h"

typedef enum DepKind { DEPK_Flow, DEPK_Anti, DEPK_Output } DepKind;

/* As DepAnswer, with room for what there is. */
typedef struct PairAnswer {
    int      n_vec;             /* 0: independent */
    DepTest  test;
    bool     is_exact;
    const DepVec *vec;
} PairAnswer;

/* A pair of references that may conflict. */
typedef struct RefPair {
    uint32_t id;
    const NAccess *a, *b;       /* a->id <= b->id */
    int      n_common;          /* For loops around both, outermost first (loops inside a While are common too; a While counts as a loop
                                 * whose counter is unknown: see graph.c) */
    const NLoop *common[NEST_MAX_DEPTH];
    bool     is_static;         /* the answer is one for every execution (never of two arrays; not where, this time, a subscript changes its sign) */
    bool     is_deferred_by_sym;        /* for people: which values decide */
    PairAnswer answer;          /* of the static stage, or of the last execution */
    Reason   maybe;             /* the answer has vectors for want of an equation: RS_MaybeSubscript, RS_MaybeWrap, RS_MaybeAlias, RS_MaybeLimit;
                                 * else RS_None */
    struct DepCase *dep_case;   /* pairs.h: the question that it shares with like pairs */
} RefPair;

/* One dependence between statements, oriented: the source runs first. */
typedef struct DepEdge {
    const NStmt *src, *dst;     /* the Assign, Store, If, … that contain the references */
    DepKind  kind;
    uint8_t  level;             /* loop level that carries it: 1 = outermost of `common`; 0 = loop-independent */
    DepVec   vec;               /* over the pair's common loops; leading entry of the carrier level is LT */
    const RefPair *pair;        /* NULL: by a scalar */
    bool     is_swapped;        /* the source is pair->b */
    const NVar *var;            /* by a scalar */
} DepEdge;

/* How a loop treats a variable that is assigned in it.  ORDER var_class_name */
typedef enum VarClass {
    VC_Untouched,               /* not assigned in the loop */
    VC_Private,                 /* written before it is read in every iteration */
    VC_Reduction,
    VC_Set,                     /* every assignment gives it the same constant, and nothing in the loop reads it */
    VC_Carried,                 /* everything else */
} VarClass;

/* Kinds of accumulations.  ORDER red_kind_name */
typedef enum RedKind {
    RK_Sum, RK_Prod,            /* v = v + e, v = v - e; float and complex: ordered (the canonical tree); ints: any order */
    RK_Min, RK_Max,             /* v = min(v, e), if e < v: v = e, np.minimum … : blocks combine in order by the program's own comparison */
    RK_And, RK_Or, RK_Xor,      /* bits, and bool `and`/`or` */
    RK_Arg,                     /* a companion of another one: it is assigned whenever that one chooses a new value, and goes along with it when
                                 * blocks are combined */
} RedKind;

typedef struct VarUse {         /* of one variable in one loop */
    const NVar *var;
    VarClass cls;
    RedKind  red;               /* VC_Reduction */
    bool     is_ordered;        /* float or complex Sum or Prod */
    bool     negates;           /* v = v - e (the partial results still add up) */
    NOp      cmp;               /* RK_Min, RK_Max by comparison: NOP_Lt, NOP_Le, NOP_Gt, NOP_Ge with the new value on the left; NOP_NpMin … by function.
                                 * RK_And, RK_Or as choices (v if v else e): NOP_AndAlso, NOP_OrElse: v is kept unless it equals the identity.
                                 * RK_Arg: its lead's.  Else NOP_COUNT */
    const NVar *lead;           /* RK_Arg: the variable beside whose choices it is assigned (RK_Min, RK_Max, RK_And, RK_Or) */
    bool     always_assigned;   /* an iteration that ends normally assigns it */
    bool     live_after;        /* its value may be read after the loop (later in the nest, in an outer iteration, or at the end) */
    const NStmt *blame_write, *blame_read;      /* VC_Carried: the statements that make it so; VC_Reduction: the accumulating statement */
    const NExpr *term;          /* RK_Sum … : one accumulated expression, for explanations */
    uint32_t n_acc;             /* VC_Reduction: the accumulating statements (NS_Assign; by `if`: those in its body) … */
    const NStmt **acc;
} VarUse;

/* The operation that combines two partial results; comparisons choose between them. */
static inline NOp var_use_op(const VarUse *use)
{
    switch (use->red) {
    case RK_Sum:  return NOP_Add;
    case RK_Prod: return NOP_Mul;
    case RK_And:  return NOP_And;
    case RK_Or:   return NOP_Or;
    case RK_Xor:  return NOP_Xor;
    case RK_Min: case RK_Max: case RK_Arg: break;
    }
    return use->cmp;
}

typedef struct LoopScalars { uint32_t n; VarUse *use; } LoopScalars;    /* variables assigned in the loop */

typedef struct DepGraph {
    const Nest *nest;
    uint32_t n_pairs, n_deferred;
    RefPair *pair;
    LoopScalars *scalars;       /* [n_loops]: static */
    uint32_t n_edges, cap_edges;
    DepEdge *edge;              /* of arrays, for the execution decided last */
    uint64_t answers_hash;      /* of all answers, distances included */
    uint64_t directions_hash;   /* of all answers without distances */
    uint64_t budget;            /* remaining tests before RS_MaybeLimit */
    uint32_t static_ns, decide_ns;      /* how long the stages took */
    /* Too many references: those of some array are linked in a chain, each with the next, for every direction, which orders any two of them
     * by way of those between; graph_test_fused() still tests any pair. */
    bool     is_too_large;
    bool     is_no_memory;      /* a stage could not note what it found; graph_edges() fails then */
    struct Pairs *pairs;        /* pairs.h */
    const DepEdge **carried;    /* [n_loops]: what graph_carried_by() answers */
} DepGraph;

/* Static stage.  Lives in `arena` (the nest's own or one beside it).  NULL: no memory. */
DepGraph *graph_new(Arena *arena, const Nest *nest);
/* Tests what is deferred, for these facts (access_dim as guards found it, see plan.h); updates answers and answers_hash. No edges yet. */
void graph_decide(DepGraph *g, const Facts *f, const uint8_t *access_dim);
/* Edges from the answers; ALP_FAIL: no memory. */
Status graph_edges(DepGraph *g, Arena *arena);
/* Is there an edge of arrays between statements inside the loop (a For), carried by it?  NULL: none.  The first in textual order. */
const DepEdge *graph_carried_by(const DepGraph *g, const NLoop *loop);
const VarUse *graph_var_use(const DepGraph *g, const NLoop *loop, const NVar *var);     /* NULL: not assigned in it */
/* An example of what v (one of p->answer's vectors) stands for: counters of the common loops (While: -1) for p->a and p->b.  False: none found
 * within bounded work.  For explanations: not fast. */
bool graph_example(const DepGraph *g, const RefPair *p, const DepVec *v, const Facts *f, const uint8_t *access_dim, int64_t *t_a, int64_t *t_b);
/* For fusion: a inside loop la and b inside lb, two For loops of one block with equal trip counts (the caller knows), tested as if la and lb were
 * one loop: the common levels are the loops around both and then that one.  Arrays that do not share memory: independent. */
void graph_test_fused(const DepGraph *g, const Facts *f, const uint8_t *access_dim, const NAccess *a, const NLoop *la, const NAccess *b,
                      const NLoop *lb, DepAnswer *out);
/* For interchange of imperfect nests: a stands in `outer` behind its inner loop, b inside that.  Does a, in some iteration t of outer, touch what b
 * touches in a later iteration of outer, but in one of the iterations that the inner loop has in iteration t as well?  For all values of symbols, on
 * condition that no subscript wraps; references to two arrays: not asked, false. */
bool graph_meets_earlier(const DepGraph *g, const NAccess *a, const NLoop *outer, const NAccess *b, const NLoop *inner);
/* Can the accumulation leave 64 bits, or fail another check of its own operator, at this execution?  Then its iterations must keep program order:
 * another order may fail where the program does not, and the other way round. */
bool graph_reduction_may_fail(const VarUse *use, const uint8_t *proved);
const char *red_kind_name(RedKind k);
const char *var_class_name(VarClass c);
/* Graphviz text of statements and edges, for `alpy explain --graph`. */
void graph_dot(const DepGraph *g, void (*emit)(void *user, const char *s, size_t n), void *user);

#endif
