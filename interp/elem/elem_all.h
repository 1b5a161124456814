/* interp/elem/elem_all.h — all texts. */
#ifndef ALP_INTERP_ELEM_ALL_H
#define ALP_INTERP_ELEM_ALL_H

#include "interp/elem/elem_base.h"
#include "interp/elem/elem_exp.h"
#include "interp/elem/elem_log.h"
#include "interp/elem/elem_pow.h"
#include "interp/elem/elem_numpy.h"
#include "interp/elem/elem_root.h"
#include "interp/elem/elem_hyper.h"
#include "interp/elem/elem_special.h"
#include "interp/elem/elem_trig.h"
#include "interp/elem/elem_arc.h"
#include "interp/elem/elem_gamma.h"

#endif
