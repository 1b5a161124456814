/* jit/plan/features.h — what the cost model needs to know of one execution of a plan (profile/model.h). */
#ifndef ALP_JIT_FEATURES_H
#define ALP_JIT_FEATURES_H

#include "jit/plan/plan.h"
#include "profile/model.h"

/* Counts operations, accesses and iterations from plan and facts.  Bounded work (tens of microseconds for large nests); allocates nothing lasting. */
void plan_features(const Plan *plan, const Facts *facts, NestFeatures *out);

#endif
