/* jit/plan/plan_int.h — private to the making of plans: what is known about a nest once and for all, what one making of a plan knows,
 * and the seams between its parts.
 *
 *   planner.c       plans remembered by facts and by outcome; everything that a plan may depend on
 *   nest_info.c     who reads and assigns which variable, operations per statement; loops that subscripts vary with
 *   layout.c        the numbers of one execution: trip counts, strides
 *   schedule.c      Allen-Kennedy codegen over the tree of items
 *   legal.c         may this loop run in parallel, and if not, what forbids it
 *   distribute.c    dependence graph of a loop's body, its components, and the loops made of them
 *   scalar_edges.c  what variables add to that graph: def-use webs, last values, scalar expansion
 *   transform.c     interchange
 *   imperfect.c     interchange of imperfect nests
 *   fuse.c          fusion of neighbouring loops
 *   reduce_order.c  which accumulations keep program order, which loops are for vector lanes
 *   outcome.c       what became of each loop of the text, in words
 *   plan_text.c     expressions, references and statements as text
 *   plan.c          items, dump */
#ifndef ALP_JIT_PLAN_INT_H
#define ALP_JIT_PLAN_INT_H

#include "jit/plan/plan.h"

/* A loop's place in a set of depths; deeper than 32 (while loops count too): none, and its strides are long. */
static inline uint32_t depth_bit(const NLoop *l) { return l->depth <= 32 ? 1u << (l->depth - 1) : 0; }

/* ---- nest_info.c: static ------------------------------------------------------------------------------------------------- */

typedef struct VarList  { uint32_t n, cap; const NVar **var; } VarList;
typedef struct StmtList { uint32_t n; const NStmt **stmt; } StmtList;

typedef struct StmtInfo {
    VarList  reads;             /* variables that its own expressions read (of a loop: its header) */
    uint32_t n_ops;             /* operations in its own expressions */
    bool     has_for;           /* is a For loop, or contains one */
} StmtInfo;

/* Two loops next to each other that might be fused (fuse.c). */
typedef struct FusePair {
    const NLoop *a, *b;
    uint32_t n;                 /* references to be tested: one in a, one in b, … */
    const NAccess *(*access)[2];
} FusePair;

/* An imperfect nest whose loops may be interchanged, as far as what stands behind the inner loop is concerned (imperfect.c). */
typedef struct SinkSite { const NLoop *outer, *inner; } SinkSite;

typedef struct NestInfo {
    uint32_t  max_depth;        /* of all loops; at least 1 */
    uint32_t  n_fuse;
    FusePair *fuse;
    uint32_t  n_sink;
    SinkSite *sink;
    StmtInfo *stmt;             /* [n_stmts] */
    StmtList *defs;             /* [n_vars] the assignments to each variable, in textual order */
    uint32_t *varies;           /* [n_accesses] bit depth-1: a subscript that is not affine may change with that loop */
} NestInfo;

NestInfo *nest_info_new(Arena *arena, const Nest *nest, const DepGraph *graph);     /* NULL: no memory */
/* All expressions of one statement (not of those inside it), outermost operations first.  visit: false ends the walk. */
typedef bool (*ExprVisit)(void *user, const NExpr *e);
bool stmt_each_expr(const NStmt *s, ExprVisit visit, void *user);
bool expr_each(const NExpr *e, ExprVisit visit, void *user);
/* s and all statements inside it, in textual order. */
typedef bool (*StmtVisit)(void *user, const NStmt *s);
bool stmt_each(const NStmt *s, StmtVisit visit, void *user);
bool block_each(const NBlock *b, StmtVisit visit, void *user);

/* ---- layout.c: of one execution -------------------------------------------------------------------------------------------- */

/* Trip counts that a loop may have in one execution of the nest. */
typedef struct TripRange { int64_t lo, hi; } TripRange;         /* hi INT64_MAX: unknown */
/* What one step of a loop's counter does to the address of an access. */
typedef enum Stride { STRIDE_Zero, STRIDE_Unit, STRIDE_Other } Stride;

/* trip[n_loops]; coef: room for n_loops numbers. */
void layout_trips(const Nest *nest, const Facts *f, TripRange *trip, int64_t *coef);
/* stride[n_accesses * max_depth], by depth of the loop. */
void layout_strides(const Nest *nest, const NestInfo *info, const Facts *f, uint8_t *stride, int64_t *coef);

/* ---- making a plan ------------------------------------------------------------------------------------------------------------ */

/* One direction vector of one pair.  Lists of them shrink on the way down the tree: a list holds what can happen among the
 * statements at hand within one iteration of all loops around (their directions contain '='). */
typedef struct Dep { const RefPair *pair; const DepVec *vec; } Dep;
typedef struct Deps { uint32_t n; Dep *dep; } Deps;

typedef struct ItemList { uint32_t n, cap; PItem **item; } ItemList;

typedef struct Sched {
    const Nest     *nest;
    const NestInfo *info;
    const DepGraph *graph;
    const Facts    *facts;
    const PlanOptions *opt;
    const uint8_t  *access_dim;
    const TripRange *trip;      /* [n_loops] */
    const uint8_t  *stride;
    const uint8_t  *can_fuse;   /* [info->n_fuse] no dependence between the two is carried by the fused loop */
    Plan     *plan;
    Arena    *arena;            /* the plan's */
    Arena    *scratch;          /* dropped when the plan is made */
    uint32_t  n_path;           /* plan loops around what is being scheduled, outermost first */
    const PLoop *path[NEST_MAX_DEPTH];
    uint32_t  stamp;            /* marks of this number are set, … */
    uint32_t *stmt_mark, *var_mark;     /* … all others not: [n_stmts], [n_vars] */
    uint32_t  cap_loops;
} Sched;

/* What loop_verdict() found. */
typedef struct Verdict {
    PMode    mode;
    Reason   code;              /* PM_Sequential: why */
    Dep      dep;               /* … by arrays; dep.pair NULL: not */
    bool     is_swapped;        /* the dependence runs from pair->b to pair->a */
    const VarUse *use;          /* … by a scalar */
    const NLoop *lanes;         /* RS_ProgramOrder: the loop around it that is better run across vector lanes; NULL: for another cause */
} Verdict;

/* ---- plan.c ---- */
Status item_push(ItemList *l, PItem *item, Arena *arena);
PItem *item_new(Sched *s, PItemKind kind, NStmt *stmt);                 /* NULL: no memory */
PItem *item_loop_new(Sched *s, NLoop *src);                             /* with its PLoop, not yet among plan->loops */
PItem *item_loop_copy(Sched *s, const PItem *item);                     /* the loop without its body */
static inline bool item_is_loop(const PItem *i) { return i->kind == PI_Loop; }
/* Marks the statements of items (headers of loops inside included) with a fresh stamp. */
void   items_mark(Sched *s, PItem *const *items, uint32_t n);
static inline bool stmt_is_marked(const Sched *s, const NStmt *x) { return s->stmt_mark[x->id] == s->stamp; }
/* Variables assigned in items; each once, in textual order. */
Status items_assigned(Sched *s, PItem *const *items, uint32_t n, VarList *out);
Status var_push(VarList *l, const NVar *v, Arena *arena);
bool   items_each_stmt(PItem *const *items, uint32_t n, StmtVisit visit, void *user);     /* headers too */
/* Those of `deps` with both ends in items that can happen within one iteration of `equal` (NULL: no such condition). */
Status deps_within(Sched *s, PItem *const *items, uint32_t n, const Deps *deps, const NLoop *equal, Deps *out);
static inline int pair_level(const RefPair *p, const NLoop *l)          /* index among the common loops, or -1 */
{
    for (int k = 0; k < p->n_common; k++)
        if (p->common[k] == l)
            return k;
    return -1;
}
/* x * scale_x + y * scale_y + c (transform.c); NULL: no memory, or a number that does not fit. */
const NForm *form_sum(Arena *arena, const NForm *x, int64_t scale_x, const NForm *y, int64_t scale_y, int64_t c);
int64_t      form_coef(const NForm *f, const NLoop *l, bool *linear);   /* of the loop's counter; *linear = false: times a symbol */
const NForm *trip_form(Sched *s, const NLoop *l);                       /* trip count, where it is a form and its symbols have values; else NULL */
static inline int dep_dirs(const Dep *d, const NLoop *l)                /* directions at that loop; 0: not common */
{
    int k = pair_level(d->pair, l);
    return k < 0 ? 0 : d->vec->dir[k];
}

static inline bool is_on_path(const Sched *s, const NLoop *l)
{
    for (uint32_t i = 0; i < s->n_path; i++)
        if (s->path[i]->src[0] == l)
            return true;
    return false;
}

/* ---- schedule.c ---- */
Status sched_nest(Sched *s);

/* ---- legal.c ---- */
/* deps: within the loop's body.  s->path: the loops around it. */
Status loop_verdict(Sched *s, const PItem *item, const Deps *deps, Verdict *v);
/* The variable's treatment in this loop of the plan, also where interchange moved the assignment into it. */
const VarUse *loop_var_use(const Sched *s, const PItem *item, const NVar *v);
/* Sets mode, reason and the lists of private, last and accumulated variables. */
Status loop_settle(Sched *s, PItem *item, const Verdict *v);
/* May the header of this loop be evaluated anywhere in or before the items with the same result? */
bool   header_is_stable(Sched *s, const NLoop *loop, PItem *const *items, uint32_t n);
/* An assignment at the top of the body of `loop` that may be repeated wherever its value is wanted: an expression over counters, values
 * that do not change in `region` (the loop or one around it), and others of its kind. */
bool   def_is_replicable(const Sched *s, const NStmt *def, const NLoop *loop, const NLoop *region);
/* The loop at the top of whose body an assignment stands in the text; NULL: it stands in an If or a Block.  Interchange may have moved the assignment. */
static inline const NLoop *def_loop(const NStmt *def) { return def->parent && def->parent->kind == NS_Loop ? def->parent->loop : NULL; }
/* Does every iteration of `loop` run this assignment? */
bool   def_is_certain(const Sched *s, const NStmt *def, const NLoop *loop);
/* Is a variable assigned in the loop? */
static inline bool is_assigned_in(const Sched *s, const NVar *v, const NLoop *loop) { return graph_var_use(s->graph, loop, v) != NULL; }

/* ---- distribute.c, scalar_edges.c ---- */
/* Splits the loop where that makes something parallel: n loops in their order, or out->n == 0. */
Status loop_distribute(Sched *s, PItem *item, const Deps *deps, ItemList *out);

typedef struct Unit {           /* what distribution does not take apart */
    PItem   *item;
    uint32_t weight;
    uint32_t component, group;
} Unit;
typedef struct UnitEdge {
    uint32_t src, dst;
    bool     is_carried;        /* by the loop being split: both ends in one parallel loop are impossible */
    const NVar *var;            /* a value that could be passed through a buffer; NULL: an order to keep */
} UnitEdge;
typedef struct UnitRange { uint32_t first, n; } UnitRange;

enum { REPLICATED_INSIDE = 1, REPLICATED_AT_TOP };      /* in an inner loop; in the body of the loop being split */

typedef struct Body {           /* the loop being split */
    Sched   *s;
    PItem   *item;
    const NLoop *loop;
    uint32_t n_units, cap_units;
    Unit    *unit;
    UnitRange *range;           /* [n_stmts] units that a statement stands in (of a header: all in its loop); n == 0: replicated or not here */
    uint8_t *is_replicated;     /* [n_stmts] assignments that every part of the loop gets a copy of (or of an inner loop: all parts that it is in) */
    bool    *is_refused;        /* [n_stmts] … which these cannot be, against first appearance */
    bool     has_new_refusal;
    uint32_t n_edges, cap_edges;
    UnitEdge *edge;
    uint8_t *seen;              /* [n_units * n_units] bits of the edges noted so far; NULL: too many units */
    bool     expand;            /* values may be passed through buffers */
} Body;

Status body_edge(Body *b, uint32_t src, uint32_t dst, bool is_carried, const NVar *var);
Status body_bind(Body *b, UnitRange r);         /* all of them into one component */
Status body_bind_two(Body *b, UnitRange x, UnitRange y);
/* Sets has_new_refusal if a replicated assignment turns out to be wanted behind its loop: the units must be made anew. */
Status body_scalar_edges(Body *b);

/* ---- transform.c, fuse.c ---- */
/* A parallel loop perfectly nested in this sequential one moved outside it; *moved NULL: there is none. */
Status interchange_outward(Sched *s, PItem *item, const Deps *deps, PItem **moved);
bool   interchange_is_possible(Sched *s, const PItem *item, const Deps *deps);
/* May these two loops, one directly in the other, exchange places as far as jumps and variables go, whatever their bounds? */
Status interchange_scalars_allow(Sched *s, PItem *outer, PItem *inner, bool *ok);
/* The sites of the nest; ALP_FAIL: no memory. */
Status imperfect_find(NestInfo *info, Arena *arena, const Nest *nest, const DepGraph *graph);
/* A sequential loop exchanged with the loop in it, where more than that stands in its body; *moved NULL: not possible, or no use. */
Status interchange_imperfect(Sched *s, PItem *item, const Deps *deps, PItem **moved);
/* Among perfectly nested parallel loops, the one with the fewest long strides innermost; *item is the new outermost. */
Status interchange_for_locality(Sched *s, PItem **item, const Deps *deps);
/* Which loops of the nest might be fused; ALP_FAIL: no memory. */
Status fuse_find(NestInfo *info, Arena *arena, const Nest *nest);
/* can_fuse[info->n_fuse], for this execution. */
void   fuse_decide(const NestInfo *info, const DepGraph *g, const Facts *f, const uint8_t *access_dim, uint8_t *can_fuse);
Status fuse_neighbours(Sched *s, ItemList *items);

/* ---- reduce_order.c ---- */
/* Accesses in items whose address moves by more than one element with the loop's counter. */
uint32_t count_long_strides(Sched *s, PItem *const *items, uint32_t n, const NLoop *loop);
/* Must the accumulation keep program order?  *lanes: for the sake of which loop around it, or NULL. */
bool   order_is_kept(Sched *s, const PItem *item, const VarUse *use, const NLoop **lanes);
void   mark_vector_loops(Sched *s, PItem *root);

/* ---- outcome.c ---- */
void   outcome_why(Sched *s, PLoop *l, const Verdict *v);               /* fills l->why, l->blame */
Status outcome_fill(Sched *s);

/* ---- plan_text.c: all return the number of bytes that the whole text has, as snprintf ---- */
typedef struct Text { char *out; size_t size, n; } Text;
void   text_add(Text *t, const char *fmt, ...) PRINTF_LIKE(2, 3);
void   text_expr(Text *t, const Nest *nest, const NExpr *e);
void   text_access(Text *t, const Nest *nest, const NAccess *x);
void   text_stmt(Text *t, const Nest *nest, const NStmt *s);            /* first line of it */
void   text_var(Text *t, const Nest *nest, const NVar *v);
void   text_loop_var(Text *t, const Nest *nest, const NLoop *l);
const Src *loop_src(const Nest *nest, const NLoop *l);                  /* the text in which a loop (NULL: the nest) stands */
uint32_t node_line(const Nest *nest, const Node *ast, const NLoop *in);         /* 0: unknown */

#endif
