/* profile/machine.h — what a machine can do, in numbers: probed, measured by `alpy profile`, kept as JSON, used by the cost model.
 *
 * Units: bytes, nanoseconds, bytes per nanosecond (= GB/s), operations per nanosecond (= Gop/s).  A number that is not known is 0;
 * machine_complete() puts conservative values, derived from those that are known, in its place, so that the model need not ask. */
#ifndef ALP_PROFILE_MACHINE_H
#define ALP_PROFILE_MACHINE_H

#include "dsl/base.h"

enum {
    MACHINE_VERSION = 1,            /* of the JSON's schema */
    MACHINE_LEVELS = 4,             /* L1, L2, last level cache, memory; a machine without one repeats the next */
    MACHINE_STEPS = 8,              /* numbers of threads that were measured */
    MACHINE_GPUS = 8,
    MACHINE_SIZES = 6,              /* of copies to and from a GPU that were measured: 4 KiB, 32 KiB … 128 MiB */
};

/* Operations by what they cost alike.  Fun: elementary functions and powers. */
typedef enum OpClass {
    OPC_Int, OPC_IntDiv,
    OPC_F32, OPC_F32Div, OPC_F32Fun,        /* Div: square roots too */
    OPC_F64, OPC_F64Div, OPC_F64Fun,
    OPC_COUNT
} OpClass;

/* What the interpreter does, for people: the model counts operations as plan_work() does. */
typedef enum InterpKind {
    INK_Iteration,                          /* of a for loop over a range, with an empty body */
    INK_IntAdd, INK_FloatAdd, INK_Compare,  /* a statement x = x + y; an if that does not hold */
    INK_Load1, INK_Load2, INK_Store1,       /* x = a[i], x = a[i, j], a[i] = x */
    INK_Attribute, INK_Call,                /* math.sqrt(x); a function of the program that returns its argument */
    INK_COUNT
} InterpKind;

typedef struct MemoryLevel {
    uint64_t bytes;                 /* one instance; memory: all there is for this process */
    uint32_t shared_by;             /* usable cores that share an instance */
    double   latency_ns;            /* of a load that depends on the one before */
    double   bytes_per_ns[MACHINE_STEPS];   /* read, by all threads of the step together */
} MemoryLevel;

typedef struct HostMachine {
    char     cpu[96];               /* "Intel(R) Xeon(R) Platinum 8481C" */
    char     simd[16];              /* "avx512", as the CPU back end names it */
    uint32_t n_cores;               /* this process may use: affinity and cgroup quota */
    uint32_t n_hardware;            /* the machine has: logical processors */
    double   clock_ghz;
    MemoryLevel level[MACHINE_LEVELS];
    uint32_t n_steps;
    uint32_t threads[MACHINE_STEPS];        /* ascending, from 1 to n_cores */
    double   fork_ns[MACHINE_STEPS];        /* a parallel loop without work, entered again and again; [0]: 0 */
    /* without kernels, per operation as plan_work() counts them */
    double   interp_ns_per_op, executor_ns_per_op;
    double   interp_kind_ns[INK_COUNT];
    double   consider_ns;           /* looking at a loop at its entry */
    /* compiled, one core, operands in registers: independent operations in one lane, across vector lanes (per element), and in a chain */
    double   scalar_ns[OPC_COUNT], vector_ns[OPC_COUNT], chain_ns[OPC_COUNT];
    double   enter_ns;              /* a kernel that is there */
    double   compile_first_ns;      /* opening the plug-in and warming it up, once per process, beyond: */
    double   compile_ns, compile_ns_per_node;       /* a kernel: base, and per node of the nest */
    double   load_ns;               /* one that is on disk */
} HostMachine;

typedef struct GpuMachine {
    char     name[96];
    char     uuid[48];
    uint32_t major, minor;          /* compute capability */
    uint32_t n_sm, threads_per_sm;
    double   clock_ghz, memory_clock_ghz;
    uint32_t bus_bits;
    uint64_t memory_bytes, l2_bytes, shared_bytes;
    double   launch_ns;             /* host time per launch, of many in a row */
    double   round_trip_ns;         /* a nest of one small launch, with waiting for it */
    double   up_ns, down_ns;        /* of a copy of a few bytes, waited for */
    double   up_bytes_per_ns, down_bytes_per_ns;    /* of large ones from and to pageable memory, the way that arrays go */
    double   up_size_ns[MACHINE_SIZES], down_size_ns[MACHINE_SIZES];        /* a copy of 4 KiB << 3k bytes, waited for; for people */
    double   bytes_per_ns, l2_bytes_per_ns; /* contiguous reads, all SMs */
    double   strided_bytes_per_ns;  /* useful bytes of 8-byte reads that share no 32-byte sector */
    double   latency_ns;            /* of a load that depends on the one before, from memory */
    double   ops_per_ns[OPC_COUNT]; /* all SMs busy */
    double   chain_ns[OPC_COUNT];   /* in one thread, each depending on the one before */
    double   busy_threads;          /* from about so many on the device runs at its full rate */
    double   atomic_ns;             /* atomic additions to one address, each */
    double   compile_first_ns, compile_ns, compile_ns_per_node, load_ns;
} GpuMachine;

typedef struct Machine {
    char       date[32];            /* ISO 8601, of the measurement; "" = probed only */
    bool       is_measured;
    HostMachine host;
    uint32_t   n_gpus;
    GpuMachine gpu[MACHINE_GPUS];
} Machine;

/* ---- probe.c: without measuring; takes well below a millisecond ---------------------------------------------------------- */
void machine_probe_host(HostMachine *h);
/* Logical processors that this process may use: affinity mask and the quotas of its control groups (versions 1 and 2), rounded up. */
uint32_t machine_cores(void);
/* Has this processor what the CPU back end calls "sse2", "avx2", "avx512"? */
bool machine_has_isa(const char *isa);

/* ---- complete.c: conservative values for whatever is 0, from what is known -------------------------------------------------- */
void machine_complete(Machine *m);
void machine_complete_gpu(GpuMachine *g);
/* One of which nothing is known before it is opened: taken for a large one, since only opening it tells. */
void machine_imagine_gpu(GpuMachine *g);
/* What a driver tells of a GPU without work; 0 or "": not told. */
typedef struct GpuAttributes {
    const char *name, *uuid;
    int      major, minor, n_sm, threads_per_sm, clock_khz, memory_clock_khz, bus_bits;
    uint64_t memory_bytes, l2_bytes, shared_bytes;
} GpuAttributes;
/* Measured values of *g stay if they are of this model of GPU, else they go; then completed. */
void machine_fill_gpu(GpuMachine *g, const GpuAttributes *a);
/* Numbers of threads worth measuring, ascending, from 1 to n_cores; returns how many. */
uint32_t machine_thread_steps(uint32_t n_cores, uint32_t out[MACHINE_STEPS]);
/* Upper bounds from data sheets: 0 where unknown. */
typedef struct MachineLimits {
    double   vector_ns[OPC_COUNT], cache_bytes_per_ns;          /* one core */
    double   gpu_ops_per_ns[MACHINE_GPUS][OPC_COUNT], gpu_bytes_per_ns[MACHINE_GPUS];
} MachineLimits;
void machine_limits(const Machine *m, MachineLimits *out);

/* ---- machine_json.c ----------------------------------------------------------------------------------------------------- */
/* false: not a profile of this version; *why says where and why. */
bool machine_read(Machine *m, const char *text, size_t n, char *why, size_t why_size);
/* Numbers that are 0 are left out. */
void machine_write(const Machine *m, void (*emit)(void *user, const char *s, size_t n), void *user);

/* ---- machine_file.c: nothing is cached, and loading takes a few tenths of a millisecond at most ------------------------------ */
/* Is a profile of machine `a` one of machine `b`?  CPU, cores, instruction set and, where both have some, GPUs must agree; else *why says what does not. */
bool machine_is_same(const Machine *a, const Machine *b, char *why, size_t size);
/* $ALPY_PROFILE, else alpy/profile.json under $XDG_CACHE_HOME or ~/.cache; false: there is no such place (ALPY_PROFILE empty: none is wanted). */
bool machine_path(char *out, size_t size);
/* What is left of it for n cores, if those are fewer than it has: the last step of threads becomes n, between its neighbours. */
void machine_use_fewer(HostMachine *h, uint32_t n);
/* The profile of this machine, from that file, for as many cores as may be used now; probed where there is none that fits, and *note (may be "")
 * says so when a file was passed over.  Completed. */
void machine_load(Machine *m, char *note, size_t note_size);
/* The same without completing it. */
void machine_load_as_is(Machine *m, char *note, size_t note_size);
/* Of several GPUs those that CUDA_VISIBLE_DEVICES leaves, in its order, where it gives their numbers. */
void machine_use_visible(Machine *m);
/* As it stands in a file, whosever machine it is; neither probed nor completed. */
bool machine_read_file(Machine *m, const char *path, char *why, size_t size);
/* Written to a temporary file and renamed; path NULL: machine_path(), whose folders are made. */
bool machine_save(const Machine *m, const char *path, char *why, size_t size);

/* ---- machine_show.c: tables for people, of a machine that was not completed ---------------------------------------------------- */
void machine_show(const Machine *m, void (*emit)(void *user, const char *s, size_t n), void *user);

#endif
