/* jit/plan/features_int.h — private to the counting of features: one walk over a plan's items.
 *
 *   features.c         phases and loops
 *   features_shape.c   what becomes of a loop: lanes, tiles, grids
 *   features_ops.c     operations of statements, chains of dependent ones
 *   features_memory.c  accesses: streams, strides, footprints */
#ifndef ALP_JIT_FEATURES_INT_H
#define ALP_JIT_FEATURES_INT_H

#include "interp/reduce_tree.h"
#include "jit/plan/features.h"
#include "jit/plan/trips.h"

enum {
    MAX_AROUND = 24,                /* loops around a statement, of the plan and of the nest */
    WIDE_LANES = 256,               /* bytes that a loop in lanes takes at a time: four registers of 512 bits */
    KNOWN_VARS = 256,
    MAX_GRID_LOOPS = 3,
    TILE_ROWS = 4,                  /* rows of a tile, of both back ends */
    JAM_ROWS = 8,                   /* rows side by side where each runs in order */
};

/* A loop that the walk is in. */
typedef struct Around {
    uint32_t n_src;
    NLoop *const *src;              /* its loops of the nest: their counters are its own */
    const NLoop *one;               /* … where src would be an array of one */
    double   trip;
    double   split;                 /* iterations that are done side by side, inside all other loops: lanes, rows of a tile */
    int32_t  node;                  /* in phase->loop; -1: outside phases */
    bool     is_grid, is_x;         /* threads of a GPU are spread over it; along x */
    bool     is_lanes;              /* a CPU's lanes are spread over it */
} Around;

/* What an access was: to find those of the same kind again. */
typedef struct StreamKey {
    const NArray *array;
    int64_t  stride[MAX_AROUND];
    uint32_t n;
} StreamKey;

typedef struct Walk {
    Trips    trips;
    const Plan *plan;
    const Facts *facts;
    NestFeatures *out;
    Phase   *phase;                 /* NULL: outside */
    double   runs;                  /* of what is here, by host-side loops */
    double   times;                 /* executions of a statement here in one run of the phase */
    double   grid;                  /* product of the trips of loops around that are the grid's */
    bool     in_lanes, is_jammed;   /* jammed: rows of a loop side by side */
    bool     is_split;              /* the outermost loop stands in several phases */
    const PItem *grid_item[MAX_GRID_LOOPS];     /* the phase's grid, outermost first; what is along x */
    const PItem *warp_item;         /* NULL, or the loop whose iterations are a warp's lanes */
    uint32_t n_grid;
    const PItem *tile_inner;        /* the inner loop of a tile, … */
    int32_t  tile_node;             /* … which is outside in the kernel */
    bool     has_lanes;             /* some loop around has them */
    uint32_t n_around;
    Around   around[MAX_AROUND];
    Phase    extra;                 /* a phase more than there is room for */
    StreamKey key[MODEL_STREAMS];
    double   array_bytes[TRIPS_LOOPS];      /* touched, by array id, as far as there is room */
    uint64_t seen[NEST_MAX_EXPRS / 64];     /* expressions that were counted */
    uint8_t  var_depth[KNOWN_VARS]; /* by variable id: loops around that its value changes with (the innermost of them counts), as assigned last */
} Walk;

/* ---- features_ops.c ------------------------------------------------------------------------------------------------------ */
/* Counts one statement and what is inside, executed w->times times. */
void count_stmt(Walk *w, const NStmt *s, double weight);
/* The links that one iteration of an innermost loop adds to its longest chain of dependent operations, times its iterations in a thread. */
void count_chain(Walk *w, const NStmt *const *stmts, uint32_t n, double iterations);
void count_expr(Walk *w, const NExpr *x, double weight);
/* A loop over these items begins: variables that they assign may have the value of the iteration before. */
void count_forget(Walk *w, PItem *const *items, uint32_t n);

/* ---- features.c ---------------------------------------------------------------------------------------------------------- */
/* Into a loop and out again; false: too deep, nothing was entered. */
bool walk_enter(Walk *w, const Around *a);
void walk_leave(Walk *w);
/* The innermost of the phase's loops that the walk is in; -1: none. */
int32_t walk_node(const Walk *w);
/* Iterations of the loops around that are side by side: lanes times rows. */
double  walk_split(const Walk *w);

/* ---- features_shape.c ---------------------------------------------------------------------------------------------------- */
bool shape_is_parallel(const PItem *item);
bool shape_has_parallel(PItem *const *items, uint32_t n);
bool shape_has_loops(PItem *const *items, uint32_t n);
bool shape_is_assignment(const PItem *item);
/* Fills in what a CPU does with the loop: lanes, and how many side by side. */
void shape_choose_lanes(Walk *w, const PItem *item, Around *a);
/* The inner loop of a tile whose outer one this is; NULL: it is none. */
const PItem *shape_tile_of(Walk *w, const PItem *item);
/* Are several iterations run side by side because the loops inside run in order? */
bool shape_is_jam(const PItem *item);
/* The loops of the grid that begins with this one, in w; and the part that a loop has in it: threads are multiplied. */
void shape_find_grid(Walk *w, const PItem *item);
void shape_place_in_grid(Walk *w, const PItem *item, Around *a);

/* ---- features_memory.c --------------------------------------------------------------------------------------------------- */
void count_access(Walk *w, const NAccess *a, double times);
/* The access' address as a sum: bytes per iteration of each loop around (w->around) and, if wanted, a constant; false: not affine. */
bool access_strides(Walk *w, const NAccess *a, int64_t stride[MAX_AROUND], int64_t *at);
/* Bytes per iteration of that loop; false: not affine in it. */
bool access_stride(Walk *w, const NAccess *a, const NLoop *loop, int64_t *out);

#endif
