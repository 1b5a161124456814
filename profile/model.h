/* profile/model.h — the cost model: predicted time of a nest on a device, from counts and a Machine.  Pure functions, no clock, no device:
 * tests run them on recorded profiles of other machines.  docs/cost-model.md derives every term and says where it comes from.
 *
 * An execution of a plan is a sequence of phases: what is launched, or spread over threads, as one.  Phases are filled in by
 * jit/plan/features.c; nothing here knows plans. */
#ifndef ALP_PROFILE_MODEL_H
#define ALP_PROFILE_MODEL_H

#include "profile/machine.h"

enum { MODEL_PHASES = 12, MODEL_STREAMS = 16, MODEL_LOOPS = 16 };      /* what is more is added to the last one */
enum { MODEL_LINE = 64 };               /* bytes that caches move at a time */

/* A loop of a phase, in the order in which kernels run them: lanes and rows of a tile are inside all loops. */
typedef struct PhaseLoop {
    int32_t  up;                    /* the loop around it; -1: none in this phase */
    double   trip;                  /* mean number of iterations per entry */
    double   body_bytes;            /* different bytes, in whole cache lines, that one iteration touches */
} PhaseLoop;

/* References to one array with one shape of subscripts. */
typedef struct Stream {
    double   count;                 /* element accesses in one run of the phase, … */
    double   executions;            /* … of a statement that makes one or more of them */
    double   footprint;             /* different bytes among them, and */
    double   inner_footprint;       /* … in one iteration of the parallel loop (bytes that come back if a cache holds them) */
    uint8_t  elem_bytes;
    bool     is_written, is_read;
    bool     is_gathered;           /* a subscript is not affine */
    int64_t  lane_stride;           /* bytes, per iteration of the loop that runs across lanes; 0: same element */
    int64_t  thread_stride;         /* bytes, per iteration of the loop along x of a grid; 0: same element */
    int64_t  step_stride;           /* bytes, per iteration of the innermost loop around the access */
    double   shared;                /* one load serves so many accesses: rows of a tile (CPU and GPU alike) */
    bool     is_scalar;             /* not in lanes on a CPU */
    int32_t  loop;                  /* the innermost loop around it; -1: none */
    double   piece;                 /* bytes that the lanes and rows of one execution of the statement touch, in whole cache lines */
    float    grows[MODEL_LOOPS];    /* by loop: all its iterations touch so many times the bytes of one; for the loops around the access */
    double   grows_by_round;        /* likewise, all runs of the phase by the innermost loop around it, … */
    double   grows_by_runs;         /* … and all of these by the loops further out */
} Stream;

typedef struct Phase {
    double   n_runs;                /* times that this phase is begun (host-side loops around it), … */
    double   round_runs;            /* … by the innermost of these loops */
    double   iterations;            /* of its outermost parallel loop, one run; 1: sequential */
    double   threads;               /* of a GPU's grid, one run: parallel loops that can be spread; 1: sequential */
    double   ops[OPC_COUNT];        /* one run, all iterations */
    double   scalar[OPC_COUNT];     /* of ops: those that do not run across lanes on a CPU */
    double   chain[OPC_COUNT];      /* longest chain of dependent operations of one thread of the grid */
    double   chain_loads;           /* … and of loads in it, each of what the link before stored */
    double   side_by_side;          /* such chains that one CPU core carries at a time: lanes, rows */
    double   launches;              /* kernels of a GPU that one run is: with those that combine partial results and find last values */
    double   innermost;             /* one run: iterations of all innermost loops, … */
    double   entries;               /* … and how often these begin */
    double   branches;              /* one run: data decides, and a CPU jumps: ifs around stores, outside lanes; ends of whiles */
    double   imbalance;             /* largest / mean work of a parallel iteration (triangles: 2); 1: even */
    bool     is_vector;             /* runs across lanes on a CPU */
    bool     is_wide;               /* … of the outermost loop, or in tiles: a CPU wakes threads only for more work */
    bool     is_reduction;          /* combines partial results */
    bool     is_divergent;          /* while, break or if inside: lanes of a warp may part */
    bool     is_part;               /* on a CPU of the same parallel loop as the phase before: not spread anew */
    bool     is_host;               /* statements about variables alone: nothing is launched */
    double   reuse_tile;            /* products of a tile form: 1 none; else by how much staging divides the accesses */
    uint32_t n_loops;
    PhaseLoop loop[MODEL_LOOPS];    /* outer ones first; loop[0]: the parallel one, if any */
    uint32_t n_streams;
    Stream   stream[MODEL_STREAMS];
} Phase;

typedef struct NestFeatures {
    bool     is_known;              /* false: trip counts are partly guesses, … */
    bool     is_blind;              /* … with nothing to go by */
    double   work;                  /* operations as plan_work() counts them */
    double   nodes;                 /* of the nest: size for a compiler, … */
    double   inlined;               /* … and calls of elementary functions, which become part of a kernel */
    double   flops;                 /* float operations, for reports */
    double   bytes;                 /* of all element accesses, for reports */
    double   footprint;             /* bytes of different elements, all arrays, the whole execution */
    bool     can_fail;              /* written arrays are kept aside */
    double   written_bytes;
    double   waits;                 /* times that whoever launches kernels on a GPU must know a value that one of them makes */
    uint32_t n_phases;
    Phase    phase[MODEL_PHASES];
} NestFeatures;

/* Where a nest may run. */
typedef enum TargetKind { TARGET_Interp, TARGET_Executor, TARGET_Cpu, TARGET_Gpu } TargetKind;
typedef struct Target {
    uint8_t  kind;
    uint32_t n_threads;             /* TARGET_Cpu */
    uint32_t gpu;                   /* TARGET_Gpu: index into Machine.gpu */
} Target;

typedef struct Prediction {
    double   ns;                    /* of one execution whose kernel and data are there: fork or launch + max(arithmetic, memory, latency) over phases */
    double   start_ns, arithmetic_ns, memory_ns, latency_ns;     /* its parts; the last three: sums over phases of each bound alone */
    double   spread;                /* factor of uncertainty: the time is between ns / spread and ns * spread with 90 % */
} Prediction;

void   model_predict(const Machine *m, const NestFeatures *f, Target target, Prediction *out);
/* Making a kernel that is nowhere yet; first: nothing was compiled in this process so far. */
double model_compile_ns(const Machine *m, const NestFeatures *f, Target target, bool first);
/* Copying to or from a GPU. */
double model_transfer_ns(const Machine *m, uint32_t gpu, double bytes, bool up);
/* The number of threads, 1 to n_max, that is predicted best. */
uint32_t model_best_threads(const Machine *m, const NestFeatures *f, uint32_t n_max, Prediction *out);

/* ---- model_text.c: for --dump=model ---------------------------------------------------------------------------------------- */
void   model_dump(const Machine *m, const NestFeatures *f, void (*emit)(void *user, const char *s, size_t n), void *user);

#endif
