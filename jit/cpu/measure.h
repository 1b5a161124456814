/* jit/cpu/measure.h — what forking and joining on the pool costs. */
#ifndef ALP_JIT_CPU_MEASURE_H
#define ALP_JIT_CPU_MEASURE_H

#include "profile/measure.h"

/* h->fork_ns; numbers of threads must be there. */
void cpu_measure(Measure *me, double share, HostMachine *h);

#endif
