/* interp/measure_loops.h — what loops cost on this machine, measured by programs. */
#ifndef ALP_INTERP_MEASURE_LOOPS_H
#define ALP_INTERP_MEASURE_LOOPS_H

#include "profile/measure.h"

/* Steps of `share` of the whole work.  What compiled loops cost stays as it is where none are compiled. */
void measure_loops(Measure *me, double share, HostMachine *h);
/* Compilation and elementary functions on a GPU that runs kernels. */
void measure_gpu_loops(Measure *me, double share, int gpu, GpuMachine *g);

#endif
