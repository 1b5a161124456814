/* bench/cpu/kernels.h — how a C kernel of the benchmarks takes its arguments: as an array of words, in the order of the .alp kernel's
 * parameters, so that one ctypes prototype fits all.  Matrices are C-contiguous; no two arrays overlap. */
#ifndef BENCH_CPU_KERNELS_H
#define BENCH_CPU_KERNELS_H

#include <math.h>
#include <omp.h>
#include <stdint.h>

typedef union Arg { int64_t i; double d; void *p; } Arg;

#define KERNEL(name)       void k_##name(const Arg *arg); void k_##name(const Arg *arg)
#define INT(n)             const int64_t n = (arg++)->i
#define REAL(x)            const double x = (arg++)->d
#define VEC(T, x)          T *restrict x = (arg++)->p
#define MAT(T, x, n)       T (*restrict x)[n] = (arg++)->p
#define CUBE(T, x, m, n)   T (*restrict x)[m][n] = (arg++)->p

/* …_IF: parallel only where a region has enough work. */
#define PRAGMA(text)       _Pragma(#text)
#define PARALLEL           PRAGMA(omp parallel)
#define PARALLEL_FOR       PRAGMA(omp parallel for schedule(static))
#define PARALLEL_UNEVEN    PRAGMA(omp parallel for schedule(dynamic, 8))
#define PARALLEL_IF(work)  PRAGMA(omp parallel if((work) > 16384))
#define PARALLEL_FOR_IF(work)      PRAGMA(omp parallel for schedule(static) if((work) > 16384))
#define PARALLEL_UNEVEN_IF(work)   PRAGMA(omp parallel for schedule(dynamic, 8) if((work) > 16384))
#define PARALLEL_SIMD      PRAGMA(omp parallel for simd schedule(static))
#define FOR                PRAGMA(omp for schedule(static))
#define SIMD               PRAGMA(omp simd)
#define SIMD_SUM(x)        PRAGMA(omp simd reduction(+:x))

/* This thread's share of first … end - 1: columns on which it may go down the rows without waiting for others. */
#define SHARE(low, high, first, end) \
    const int64_t low = (first) + ((end) - (first)) * omp_get_thread_num() / omp_get_num_threads(), \
                  high = (first) + ((end) - (first)) * (omp_get_thread_num() + 1) / omp_get_num_threads()

#endif
