/* profile/model_int.h — private to the cost model. */
#ifndef ALP_PROFILE_MODEL_INT_H
#define ALP_PROFILE_MODEL_INT_H

#include <stdlib.h>

#include "profile/model.h"

double model_weighted(const double *n, const double *ns);       /* sum over classes */
/* model_gpu.c: adds to *out, which is zero but for spread. */
void   model_gpu(const GpuMachine *g, const NestFeatures *f, Prediction *out);

#endif
