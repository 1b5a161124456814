/* jit/nest/fun.c — the table of elementary functions. */
#include "jit/nest/fun.h"

#include "interp/elem/elem.h"
#include "interp/elementwise.h"

#define ROW_1(f64, f32, c128, c64) .f64_1 = f64, .f32_1 = f32, .c128_1 = c128, .c64_1 = c64
#define ROW_2(f64, f32, c128, c64) .f64_2 = f64, .f32_2 = f32
const NFunInfo nfun_info[NF_FUN_COUNT] = {
#define FUN(id, name_, arity_, f64, f32, c128, c64) \
    [NF_##id] = { .name = name_, .arity = arity_, ROW_##arity_(f64, f32, c128, c64) },
#include "jit/nest/fun_list.h"
#undef FUN
};

bool nfun_is_own(NFunId f)
{
    static const char *const name[NF_FUN_COUNT] = {
#define FUN(id, name_, arity, f64, f32, c128, c64) [NF_##id] = #f64,
#include "jit/nest/fun_list.h"
#undef FUN
    };
    return strncmp(name[f], "elem_", 5) == 0;
}

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
