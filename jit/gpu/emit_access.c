/* jit/gpu/emit_access.c — references to array elements.
 *
 * An array is a pointer to its element [0, …] and a stride per dimension, in elements; strides that the layout knows are left out.  Subscripts that
 * may lie outside are tested first.  Arrays that a kernel only reads, and nothing that it writes shares memory with, are declared so.  (The
 * launch sees to it that elements are aligned, and strides multiples of their size.) */
#include "jit/gpu/emit.h"

static uint8_t stride_kind(const Gen *g, const NArray *a, uint32_t d)
{
    return g->layout->stride[a->id * ALP_MAX_NDIM + d];
}

const char *gen_array(Gen *g, const NArray *a)
{
    gen_param(g, GP_Data, 0, a->id);
    return array_name(g, a);
}

const char *gen_extent(Gen *g, const NArray *a, int axis)
{
    return gen_param(g, GP_Extent, (uint8_t)axis, a->id);
}

/* A subscript brought into 0 … n-1; tested where it has to be. */
static Val subscript(Gen *g, const NAccess *a, uint32_t d)
{
    uint8_t mode = g->plan->access_dim[a->id * ALP_MAX_NDIM + d];
    Val i = gen_expr(g, a->sub[d]);
    if (mode == DM_Plain)
        return i;
    const char *n = gen_extent(g, a->array, (int)d);
    if (mode == DM_FromEnd)
        return gen_binary(g, NOP_Add, DT_I64, i, atom(n), true);
    i = gen_temp(g, DT_I64, i);
    if (gen_check_needed(g, a->check[d]))
        gen_fail_if(g, gen_call(g, HP_Outside, DT_COUNT, i, n).s, a->check[d]);
    return gen_call(g, HP_FromEnd, DT_COUNT, i, n);
}

static Val narrow(Gen *g, Val v)
{
    return g->layout->small ? (Val){ gen_text(g, "(int)%s", at_level(g, v, LV_Unary)), LV_Unary } : v;
}

/* … whose form is known, and which has no check. */
static Val subscript_by_form(Gen *g, const NAccess *a, uint32_t d)
{
    Val i = { gen_form(g, a->form[d]), LV_Add };
    if (g->plan->access_dim[a->id * ALP_MAX_NDIM + d] == DM_FromEnd)
        i.s = gen_text(g, "%s + %s", i.s, gen_extent(g, a->array, (int)d));
    return i;
}

const char *gen_subscript_by_form(Gen *g, const NAccess *a, uint32_t d)
{
    return subscript_by_form(g, a, d).s;
}

static const char *element(Gen *g, const NAccess *a, const char *array, Val (*sub)(Gen *g, const NAccess *a, uint32_t d))
{
    Val sum = { NULL, LV_Atom };
    for (uint32_t d = 0; d < a->n_subs; d++) {
        Val i = sub(g, a, d), step;
        if (stride_kind(g, a->array, d) == LAYOUT_ZERO)
            continue;
        i = narrow(g, i);
        if (stride_kind(g, a->array, d) == LAYOUT_ANY) {
            step = atom(gen_param(g, GP_Stride, (uint8_t)d, a->array->id));
            i = (Val){ gen_text(g, "%s * %s", at_level(g, i, LV_Mul), step.s), LV_Mul };
        }
        sum = sum.s ? (Val){ gen_text(g, "%s + %s", sum.s, at_level(g, i, LV_Mul)), LV_Add } : i;
    }
    return gen_text(g, "%s[%s]", array, sum.s ? sum.s : "0");
}

/* The element as an lvalue. */
const char *gen_element(Gen *g, const NAccess *a)
{
    return element(g, a, gen_array(g, a->array), subscript);
}

const char *gen_element_by_forms(Gen *g, const NAccess *a)
{
    return element(g, a, gen_array(g, a->array), subscript_by_form);
}

Val gen_load(Gen *g, const NAccess *a)
{
    const char *e = g->tile ? tile_load(g, a) : NULL;
    if (!e)
        e = gpu_reads_old(g->plan, g->layout, a->array) ? element(g, a, gen_param(g, GP_Old, 0, a->array->id), subscript) : gen_element(g, a);
    DType d = (DType)a->array->dtype;
    Val v = d == DT_Bool ? (Val){ gen_text(g, "%s != 0", e), LV_Equal } : atom(e);
    return g->guard ? (Val){ gen_text(g, "%s ? %s : %s()", g->guard, v.s, c_type(d)), LV_Cond } : v;
}
