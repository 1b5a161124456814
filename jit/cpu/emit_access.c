/* jit/cpu/emit_access.c — references to memory: array elements, buffers, CpuScalars.
 *
 * An element's address is its array's data plus, per dimension, subscript times stride; strides that the layout knows are
 * constants, which is what lets LLVM see contiguous accesses.  Subscripts that may lie outside are tested first.
 *
 * In lanes a reference is one of: the same element for all lanes (loaded once), consecutive elements (a vector load), the same
 * backwards, or anything else (gather, scatter).  Lanes that do not take part touch no memory: what guards proved holds under
 * the program's conditions only. */
#include "jit/cpu/emit.h"

/* Where a reference points. */
typedef enum Pattern { PAT_Same, PAT_Forward, PAT_Backward, PAT_Scattered } Pattern;
typedef struct Place {
    Pattern pattern;
    LLVMValueRef address;       /* of lane 0's element; PAT_Scattered: a vector of addresses */
} Place;

/* ---- metadata ---------------------------------------------------------------------------------------------------------- */

static LLVMValueRef mark(Emit *e, LLVMValueRef access, uint32_t scope)
{
    if (e->scope) {
        LLVMSetMetadata(access, e->md_scope, LLVMMetadataAsValue(e->cx, e->scope[scope]));
        LLVMSetMetadata(access, e->md_noalias, LLVMMetadataAsValue(e->cx, e->noalias[scope]));
    }
    if (e->n_parallel == 1)
        LLVMSetMetadata(access, e->md_parallel, LLVMMetadataAsValue(e->cx, e->parallel[0]));
    else if (e->n_parallel > 1)
        LLVMSetMetadata(access, e->md_parallel,
                        LLVMMetadataAsValue(e->cx, LLVMMDNodeInContext2(e->cx, e->parallel, e->n_parallel)));
    return access;
}

LLVMValueRef emit_in_buffer(Emit *e, LLVMValueRef access)
{
    return mark(e, access, e->nest->n_arrays);
}

/* ---- addresses --------------------------------------------------------------------------------------------------------- */

LLVMValueRef emit_byte_at(Emit *e, LLVMValueRef base, LLVMValueRef offset)
{
    return LLVMBuildInBoundsGEP2(e->b, e->i8, base, &offset, 1, "");
}

LLVMValueRef emit_slot_at(Emit *e, LLVMValueRef base, LLVMValueRef index)
{
    return LLVMBuildInBoundsGEP2(e->b, e->scalar_type, base, &index, 1, "");
}

LLVMValueRef emit_iota(Emit *e)
{
    LLVMValueRef lane[64];
    for (int i = 0; i < e->width; i++)
        lane[i] = emit_int(e, i);
    return LLVMConstVector(lane, (unsigned)e->width);
}

static uint8_t stride_kind(const Emit *e, const NAccess *a, uint32_t d)
{
    return e->opt->layout.stride[a->array->id * ALP_MAX_NDIM + d];
}

static DimMode dim_mode(const Emit *e, const NAccess *a, uint32_t d)
{
    size_t at = a->id * ALP_MAX_NDIM + d;
    return e->is_inside[at] ? DM_Plain : (DimMode)e->plan->access_dim[at];
}

/* Negative ones are rare. */
static LLVMValueRef checked_subscript(Emit *e, LLVMValueRef i, LLVMValueRef n, uint32_t check)
{
    LLVMBasicBlockRef other = emit_new_block(e, "other"), on = emit_new_block(e, "on"), from[2];
    from[0] = LLVMGetInsertBlock(e->b);
    emit_unlikely(e, LLVMBuildCondBr(e->b, LLVMBuildICmp(e->b, LLVMIntUGE, i, n, ""), other, on));
    emit_at(e, other);
    LLVMValueRef from_end = LLVMBuildAdd(e->b, i, n, "");
    if (emit_check_needed(e, check))
        emit_fail_if(e, LLVMBuildICmp(e->b, LLVMIntUGE, from_end, n, ""), check);
    from[1] = LLVMGetInsertBlock(e->b);
    LLVMBuildBr(e->b, on);
    emit_at(e, on);
    LLVMValueRef phi = LLVMBuildPhi(e->b, e->i64, "");
    LLVMAddIncoming(phi, (LLVMValueRef[]){ i, from_end }, from, 2);
    return phi;
}

/* A subscript brought into 0 … n-1, by the present width; tested where it has to be. */
static LLVMValueRef subscript(Emit *e, const NAccess *a, uint32_t d)
{
    LLVMValueRef i = emit_expr(e, a->sub[d]).re, n = emit_splat(e, emit_array(e, a->array)->shape[d]);
    DimMode mode = dim_mode(e, a, d);
    if (mode == DM_Plain)
        return i;
    LLVMValueRef from_end = LLVMBuildAdd(e->b, i, n, "");
    if (mode == DM_FromEnd)
        return from_end;
    if (e->width == 1)
        return checked_subscript(e, i, n, a->check[d]);
    if (emit_check_needed(e, a->check[d]))
        emit_fail_if(e, LLVMBuildICmp(e->b, LLVMIntUGE, from_end, LLVMBuildAdd(e->b, n, n, ""), ""), a->check[d]);
    return LLVMBuildSelect(e->b, LLVMBuildICmp(e->b, LLVMIntSLT, i, emit_int_of(e, DT_I64, 0), ""), from_end, i, "");
}

/* Lanes that take no part may be anywhere; lane 0 of a tail takes part. */
static bool may_be_outside(const Emit *e)
{
    return emit_is_masked(e) || (e->mask && e->width > 1);
}

static LLVMValueRef times(Emit *e, LLVMValueRef a, LLVMValueRef b)
{
    return may_be_outside(e) ? LLVMBuildMul(e->b, a, b, "") : LLVMBuildNSWMul(e->b, a, b, "");
}

static LLVMValueRef move(Emit *e, LLVMTypeRef unit, LLVMValueRef p, LLVMValueRef by)
{
    return may_be_outside(e) ? LLVMBuildGEP2(e->b, unit, p, &by, 1, "") : LLVMBuildInBoundsGEP2(e->b, unit, p, &by, 1, "");
}

/* The type in which an element's parts lie in memory. */
static LLVMTypeRef memory_type(const Emit *e, DType d)
{
    return d == DT_Bool ? e->i8 : emit_scalar_type(e, d);
}

/* Address by the present width.  The contiguous dimension last: what comes before it is the same in an inner loop over it. */
static LLVMValueRef address(Emit *e, const NAccess *a)
{
    const EmitArray *array = emit_array(e, a->array);
    LLVMTypeRef part = memory_type(e, (DType)a->array->dtype);
    LLVMTypeRef element = emit_is_complex((DType)a->array->dtype) ? LLVMArrayType2(part, 2) : part;
    LLVMValueRef p = array->data, unit[ALP_MAX_NDIM];
    uint32_t n_unit = 0;
    for (uint32_t d = 0; d < a->n_subs; d++) {
        LLVMValueRef i = subscript(e, a, d);
        if (stride_kind(e, a, d) == LAYOUT_UNIT)
            unit[n_unit++] = i;
        else if (stride_kind(e, a, d) == LAYOUT_ANY)
            p = move(e, e->i8, p, times(e, i, emit_splat(e, array->stride[d])));
    }
    for (uint32_t d = 0; d < n_unit; d++)
        p = move(e, element, p, unit[d]);
    if (e->width > 1 && LLVMGetTypeKind(LLVMTypeOf(p)) != LLVMVectorTypeKind)
        p = emit_splat(e, p);
    return p;
}

/* Is memory looked at?  Large expressions: perhaps.  budget: nodes left. */
static bool has_load(const NExpr *x, int *budget)
{
    return x &&
           (x->op == NOP_Load || --*budget < 0 || has_load(x->a, budget) || has_load(x->b, budget) || has_load(x->c, budget));
}

/* Where the lanes' elements are relative to each other. */
static Pattern pattern_of(Emit *e, const NAccess *a)
{
    int64_t step = 0;
    for (uint32_t d = 0; d < a->n_subs; d++) {
        Lane l = emit_lane_of(e, a->sub[d]);
        if (l.kind == LANE_Varying || (l.kind == LANE_Linear && step != 0))
            return PAT_Scattered;
        int budget = 50;
        if (emit_is_masked(e) && has_load(a->sub[d], &budget))             /* of a place that no lane may look at */
            return PAT_Scattered;
        if (dim_mode(e, a, d) == DM_Checked && (l.kind == LANE_Linear || emit_is_masked(e)))
            return PAT_Scattered;
        if (l.kind != LANE_Linear || stride_kind(e, a, d) == LAYOUT_ZERO)
            continue;
        if (stride_kind(e, a, d) != LAYOUT_UNIT || (l.step != 1 && l.step != -1))
            return PAT_Scattered;
        step = l.step;
    }
    return step == 0 ? PAT_Same : step == 1 ? PAT_Forward : PAT_Backward;
}

static Place place(Emit *e, const NAccess *a)
{
    Place p = { PAT_Same, NULL };
    if (e->width == 1) {
        p.address = address(e, a);
        return p;
    }
    p.pattern = pattern_of(e, a);
    if (p.pattern == PAT_Scattered) {
        p.address = address(e, a);
        return p;
    }
    int width = e->width;
    e->width = 1;
    p.address = address(e, a);
    if (p.pattern == PAT_Backward) {
        LLVMValueRef back = emit_int(e, 1 - width);
        DType d = (DType)a->array->dtype;
        LLVMTypeRef part = memory_type(e, d);
        p.address = move(e, emit_is_complex(d) ? LLVMArrayType2(part, 2) : part, p.address, back);
    }
    e->width = width;
    return p;
}

/* ---- scalars ----------------------------------------------------------------------------------------------------------- */

static LLVMValueRef load_part(Emit *e, const NAccess *a, LLVMTypeRef type, LLVMValueRef p)
{
    LLVMValueRef v = LLVMBuildLoad2(e->b, type, p, "");
    LLVMSetAlignment(v, 1);
    return mark(e, v, a->array->id);
}

static void store_part(Emit *e, const NAccess *a, LLVMValueRef v, LLVMValueRef p)
{
    LLVMValueRef s = LLVMBuildStore(e->b, v, p);
    LLVMSetAlignment(s, 1);
    mark(e, s, a->array->id);
}

static LLVMValueRef second(Emit *e, LLVMTypeRef part, LLVMValueRef p)
{
    return move(e, part, p, emit_int(e, 1));
}

/* The element as its dtype's value, and back: bools are bytes in memory. */
static LLVMValueRef from_memory(Emit *e, DType d, LLVMValueRef v)
{
    return d == DT_Bool ? LLVMBuildICmp(e->b, LLVMIntNE, v, LLVMConstNull(LLVMTypeOf(v)), "") : v;
}

static LLVMValueRef to_memory(Emit *e, DType d, LLVMValueRef v)
{
    if (d != DT_Bool)
        return v;
    return LLVMBuildZExt(e->b, v, e->width > 1 ? LLVMVectorType(e->i8, (unsigned)e->width) : e->i8, "");
}

static Val load_one(Emit *e, const NAccess *a, LLVMValueRef p)
{
    DType d = (DType)a->array->dtype;
    LLVMTypeRef part = memory_type(e, d);
    Val v = { from_memory(e, d, load_part(e, a, part, p)), NULL };
    if (emit_is_complex(d))
        v.im = load_part(e, a, part, second(e, part, p));
    return v;
}

/* ---- lanes ------------------------------------------------------------------------------------------------------------- */

static LLVMValueRef all_lanes(Emit *e)
{
    return e->mask ? e->mask : emit_int_of(e, DT_Bool, 1);
}

static LLVMValueRef gather(Emit *e, const NAccess *a, LLVMTypeRef type, LLVMValueRef p)
{
    LLVMTypeRef types[] = { type, LLVMTypeOf(p) };
    LLVMValueRef args[] = { p, LLVMConstInt(e->i32, 1, false), all_lanes(e), LLVMConstNull(type) };
    return mark(e, emit_intrinsic(e, "llvm.masked.gather", types, 2, args, 4), a->array->id);
}

static void scatter(Emit *e, const NAccess *a, LLVMValueRef v, LLVMValueRef p)
{
    LLVMTypeRef types[] = { LLVMTypeOf(v), LLVMTypeOf(p) };
    LLVMValueRef args[] = { v, p, LLVMConstInt(e->i32, 1, false), all_lanes(e) };
    mark(e, emit_intrinsic(e, "llvm.masked.scatter", types, 2, args, 4), a->array->id);
}

/* Lanes k, k + step, … of one vector or of two joined ones; n of them. */
static LLVMValueRef pick_lanes(Emit *e, LLVMValueRef x, LLVMValueRef y, int first, int step, int n)
{
    LLVMValueRef lane[128];
    for (int i = 0; i < n; i++)
        lane[i] = LLVMConstInt(e->i32, (unsigned)(first + i * step), false);
    return LLVMBuildShuffleVector(e->b, x, y ? y : LLVMGetPoison(LLVMTypeOf(x)), LLVMConstVector(lane, (unsigned)n), "");
}

/* x0 y0 x1 y1 … */
static LLVMValueRef interleave(Emit *e, LLVMValueRef x, LLVMValueRef y)
{
    LLVMValueRef lane[128];
    for (int i = 0; i < 2 * e->width; i++)
        lane[i] = LLVMConstInt(e->i32, (unsigned)(i / 2 + (i & 1) * e->width), false);
    return LLVMBuildShuffleVector(e->b, x, y, LLVMConstVector(lane, (unsigned)(2 * e->width)), "");
}

static LLVMValueRef reverse(Emit *e, LLVMValueRef v)
{
    return pick_lanes(e, v, NULL, e->width - 1, -1, e->width);
}

static LLVMValueRef load_vector(Emit *e, const NAccess *a, LLVMTypeRef type, LLVMValueRef p, LLVMValueRef mask)
{
    if (!mask)
        return load_part(e, a, type, p);
    LLVMTypeRef types[] = { type, e->ptr };
    LLVMValueRef args[] = { p, LLVMConstInt(e->i32, 1, false), mask, LLVMConstNull(type) };
    return mark(e, emit_intrinsic(e, "llvm.masked.load", types, 2, args, 4), a->array->id);
}

static void store_vector(Emit *e, const NAccess *a, LLVMValueRef v, LLVMValueRef p, LLVMValueRef mask)
{
    if (!mask) {
        store_part(e, a, v, p);
        return;
    }
    LLVMTypeRef types[] = { LLVMTypeOf(v), e->ptr };
    LLVMValueRef args[] = { v, p, LLVMConstInt(e->i32, 1, false), mask };
    mark(e, emit_intrinsic(e, "llvm.masked.store", types, 2, args, 4), a->array->id);
}

/* The mask in the order of memory; by_two: for elements of two parts. */
static LLVMValueRef memory_mask(Emit *e, Pattern pattern, bool by_two)
{
    LLVMValueRef m = e->mask;
    if (m && pattern == PAT_Backward)
        m = reverse(e, m);
    return m && by_two ? interleave(e, m, m) : m;
}

/* One element for all lanes, if any takes part. */
static Val load_same(Emit *e, const NAccess *a, LLVMValueRef p)
{
    int width = e->width;
    LLVMValueRef mask = emit_is_masked(e) ? e->mask : NULL;
    LLVMBasicBlockRef from = LLVMGetInsertBlock(e->b), some = NULL, on = NULL;
    if (mask) {
        some = emit_new_block(e, "some");
        on = emit_new_block(e, "on");
        LLVMBuildCondBr(e->b, emit_intrinsic1(e, "llvm.vector.reduce.or", mask), some, on);
        emit_at(e, some);
    }
    e->width = 1;
    Val v = load_one(e, a, p);
    e->width = width;
    if (mask) {
        LLVMValueRef *part[2] = { &v.re, v.im ? &v.im : NULL };
        LLVMBuildBr(e->b, on);
        emit_at(e, on);
        for (int k = 0; k < 2 && part[k]; k++) {
            LLVMValueRef phi = LLVMBuildPhi(e->b, LLVMTypeOf(*part[k]), "");
            LLVMAddIncoming(phi, (LLVMValueRef[]){ *part[k], LLVMConstNull(LLVMTypeOf(*part[k])) },
                            (LLVMBasicBlockRef[]){ some, from }, 2);
            *part[k] = phi;
        }
    }
    return emit_splat_val(e, v);
}

Val emit_load(Emit *e, const NAccess *a)
{
    DType d = (DType)a->array->dtype;
    if (emit_is_kept(e, a)) {
        Val slot = emit_kept_slot(e);
        LLVMTypeRef type = emit_type(e, d);
        return (Val){ LLVMBuildLoad2(e->b, type, slot.re, ""), slot.im ? LLVMBuildLoad2(e->b, type, slot.im, "") : NULL };
    }
    Place p = place(e, a);
    if (e->width == 1)
        return load_one(e, a, p.address);
    if (p.pattern == PAT_Same)
        return load_same(e, a, p.address);
    LLVMTypeRef part = memory_type(e, d), vector = LLVMVectorType(part, (unsigned)e->width);
    bool by_two = emit_is_complex(d);
    Val v = { 0 };
    if (p.pattern == PAT_Scattered) {
        v.re = from_memory(e, d, gather(e, a, vector, p.address));
        if (by_two)
            v.im = gather(e, a, vector, second(e, part, p.address));
        return v;
    }
    LLVMTypeRef all = by_two ? LLVMVectorType(part, (unsigned)(2 * e->width)) : vector;
    LLVMValueRef raw = load_vector(e, a, all, p.address, memory_mask(e, p.pattern, by_two));
    v.re = by_two ? pick_lanes(e, raw, NULL, 0, 2, e->width) : from_memory(e, d, raw);
    v.im = by_two ? pick_lanes(e, raw, NULL, 1, 2, e->width) : NULL;
    if (p.pattern == PAT_Backward)
        v = (Val){ reverse(e, v.re), v.im ? reverse(e, v.im) : NULL };
    return v;
}

void emit_store(Emit *e, const NAccess *a, Val v)
{
    DType d = (DType)a->array->dtype;
    LLVMTypeRef part = memory_type(e, d);
    bool by_two = emit_is_complex(d);
    if (emit_is_kept(e, a)) {
        Val slot = emit_kept_slot(e);
        LLVMBuildStore(e->b, v.re, slot.re);
        if (slot.im)
            LLVMBuildStore(e->b, v.im, slot.im);
        return;
    }
    Place p = place(e, a);
    if (e->width > 1 && p.pattern == PAT_Same)
        p = (Place){ PAT_Scattered, emit_splat(e, p.address) };         /* the last lane's value stays */
    if (e->width == 1) {
        store_part(e, a, to_memory(e, d, v.re), p.address);
        if (by_two)
            store_part(e, a, v.im, second(e, part, p.address));
    } else if (p.pattern == PAT_Scattered) {
        scatter(e, a, to_memory(e, d, v.re), p.address);
        if (by_two)
            scatter(e, a, v.im, second(e, part, p.address));
    } else {
        if (p.pattern == PAT_Backward)
            v = (Val){ reverse(e, v.re), v.im ? reverse(e, v.im) : NULL };
        store_vector(e, a, by_two ? interleave(e, v.re, v.im) : to_memory(e, d, v.re), p.address,
                     memory_mask(e, p.pattern, by_two));
    }
}

/* ---- CpuScalars -------------------------------------------------------------------------------------------------------- */

void emit_store_scalar(Emit *e, Val v, DType rep, LLVMValueRef to)
{
    LLVMTypeRef part = emit_scalar_type(e, rep);
    if (rep <= DT_U64) {
        LLVMBuildStore(e->b,
                       emit_is_signed(rep) ? LLVMBuildSExt(e->b, v.re, e->i64, "") : LLVMBuildZExt(e->b, v.re, e->i64, ""), to);
        return;
    }
    LLVMBuildStore(e->b, v.re, to);
    if (v.im) {
        LLVMValueRef at = emit_int(e, 1);
        LLVMBuildStore(e->b, v.im, LLVMBuildInBoundsGEP2(e->b, part, to, &at, 1, ""));
    }
}

Val emit_load_scalar(Emit *e, DType rep, LLVMValueRef from)
{
    LLVMTypeRef part = emit_scalar_type(e, rep);
    Val v = { 0 };
    if (rep <= DT_U64) {
        LLVMValueRef wide = LLVMBuildLoad2(e->b, e->i64, from, "");
        v.re = rep == DT_Bool ? LLVMBuildICmp(e->b, LLVMIntNE, wide, emit_int(e, 0), "") : LLVMBuildTrunc(e->b, wide, part, "");
        return v;
    }
    v.re = LLVMBuildLoad2(e->b, part, from, "");
    if (emit_is_complex(rep)) {
        LLVMValueRef at = emit_int(e, 1);
        v.im = LLVMBuildLoad2(e->b, part, LLVMBuildInBoundsGEP2(e->b, part, from, &at, 1, ""), "");
    }
    return v;
}
