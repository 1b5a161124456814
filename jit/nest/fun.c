/* jit/nest/fun.c — the table of elementary functions. */
#include "jit/nest/fun.h"

#include <errno.h>

#include "interp/elementwise.h"
#include "interp/math_special.h"

/* NaN for arguments outside the domain, where module math raises. */
static double gamma_or_nan(double x)
{
    int err;
    double r = special_gamma(x, &err);
    return err == EDOM ? NAN : err ? INFINITY : r;
}

static double lgamma_or_nan(double x)
{
    int err;
    double r = special_lgamma(x, &err);
    return err == EDOM ? NAN : err ? INFINITY : r;
}

static double norm2(double x, double y)
{
    return special_norm((double[]){ x, y }, 2);
}

/* np.power of one pair: as for arrays, these exponents have an exact rounding of their own. */
static double power_f64(double x, double y)
{
    return y == 2 ? x * x : y == 0.5 ? sqrt(x) : y == -1 ? 1 / x : pow(x, y);
}

static float power_f32(float x, float y)
{
    return y == 2 ? x * x : y == 0.5f ? sqrtf(x) : y == -1 ? 1 / x : powf(x, y);
}

#define ROW_1(f64, f32, c128, c64) .f64_1 = f64, .f32_1 = f32, .c128_1 = c128, .c64_1 = c64
#define ROW_2(f64, f32, c128, c64) .f64_2 = f64, .f32_2 = f32
const NFunInfo nfun_info[NF_FUN_COUNT] = {
#define FUN(id, name_, arity_, f64, f32, c128, c64) \
    [NF_##id] = { .name = name_, .arity = arity_, ROW_##arity_(f64, f32, c128, c64) },
#include "jit/nest/fun_list.h"
#undef FUN
};

bool nfun_has(NFunId f, DType rep)
{
    const NFunInfo *i = &nfun_info[f];
    switch (rep) {
    case DT_F64:    return i->f64_1 || i->f64_2;
    case DT_F32:    return i->f32_1 || i->f32_2;
    case DT_C128:   return i->c128_1 != NULL;
    case DT_C64:    return i->c64_1 != NULL;
    default:        return false;
    }
}

bool nfun_eval(NFunId f, DType rep, const void *x, const void *y, void *r)
{
    const NFunInfo *i = &nfun_info[f];
    if (!nfun_has(f, rep))
        return false;
    switch (rep) {
    case DT_F64:
        *(double *)r = i->arity == 1 ? i->f64_1(*(const double *)x) : i->f64_2(*(const double *)x, *(const double *)y);
        break;
    case DT_F32:
        *(float *)r = i->arity == 1 ? i->f32_1(*(const float *)x) : i->f32_2(*(const float *)x, *(const float *)y);
        break;
    case DT_C128: {
        double _Complex z;
        memcpy(&z, x, sizeof z);
        z = i->c128_1(z);
        memcpy(r, &z, sizeof z);
        break;
    }
    default: {
        float _Complex z;
        memcpy(&z, x, sizeof z);
        z = i->c64_1(z);
        memcpy(r, &z, sizeof z);
        break;
    }
    }
    return true;
}

bool nfun_in_domain(NFunId f, double x, double y, double r)
{
    if (isfinite(r))
        return true;
    if (f == NF_Pow)
        return !isfinite(x) || !isfinite(y);
    if (nfun_info[f].arity == 2)
        return !isnan(r) || isnan(x) || isnan(y);
    return isnan(r) ? isnan(x) : !isfinite(x);
}
