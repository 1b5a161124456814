/* jit/cpu/emit_spread.c — loops over threads.
 *
 * The iterations of such a loop become a function of its own, body(run, frame, lo, hi, part), which run->parallel() calls for
 * parts of the range; a loop that turns out to be small calls it directly.  The frame lies in the caller: values that the body
 * reads (it asks for them while it is made, and the caller then puts them there), and where last values come back.
 *
 * What each part has to itself lies in cells: a table of SLOTS slots, with a cell for each thing.  A part's slot is lo / grain,
 * which is different for all parts and ascends with the iterations, however the run time cuts them:
 *   unordered accumulations   the part's own result, begun from the identity, and whether the variable was assigned
 *   last values that not every iteration assigns      the value, and 1 + the iteration (or 1, where slots ascend with them)
 *   buffers                   address and size, kept for the next time the loop runs
 * Behind the loop the results are combined in the order of the slots, as the reference executor combines blocks.  A last value
 * that every iteration assigns is written into the frame by the part that has the last iteration. */
#include <stdio.h>

#include "jit/cpu/emit.h"

enum { SLOTS = 256, CELL_SIZE = 32, CELL_WHEN = 16, MAX_CELLS = 12 };
/* In simple operations: waking threads costs some 5 us.  In lanes there are many more of them in that time. */
enum { SMALL_COST = 20000, GRAIN_COST = 8000, LANES_FACTOR = 16 };

/* ---- frames ------------------------------------------------------------------------------------------------------------ */

uint32_t emit_frame_size(const Nest *nest)
{
    return 2 * nest->n_vars + nest->n_loops + FRAME_EXTRA;
}

static uint32_t slot_of_counter(const Nest *n, const NLoop *l)
{
    return n->n_vars + l->id;
}

static uint32_t slot_of_expand(const Nest *n, const NVar *v)
{
    return n->n_vars + n->n_loops + v->id;
}

static LLVMValueRef frame_at(Emit *e, LLVMBuilderRef b, uint32_t slot)
{
    LLVMValueRef at = emit_int(e, slot);
    if (!e->f->frame)
        e->f->frame = emit_alloca(e, LLVMArrayType2(e->scalar_type, emit_frame_size(e->nest)), "frame");
    return LLVMBuildInBoundsGEP2(b, e->scalar_type, e->f->frame, &at, 1, "");
}

LLVMValueRef emit_frame_extra(Emit *e, int which)
{
    return frame_at(e, e->b, 2 * e->nest->n_vars + e->nest->n_loops + (uint32_t)which);
}

static LLVMValueRef load_extra(Emit *e, int which, LLVMTypeRef type)
{
    return LLVMBuildLoad2(e->setup, type, frame_at(e, e->setup, 2 * e->nest->n_vars + e->nest->n_loops + (uint32_t)which), "");
}

static bool is_own(const PLoop *l, const NVar *v)
{
    for (uint32_t i = 0; i < l->n_private; i++)
        if (l->private_var[i] == v)
            return true;
    for (uint32_t i = 0; i < l->n_red; i++)
        if (l->red[i].use->var == v)
            return true;
    return false;
}

LLVMValueRef emit_frame_var(Emit *e, const NVar *v)
{
    if (is_own(e->f->body_of, v))
        return NULL;
    e->f->wanted[v->id] = true;
    return frame_at(e, e->b, v->id);
}

Val emit_frame_start(Emit *e, const NVar *v)
{
    e->f->wanted[v->id] = true;
    return emit_load_scalar(e, (DType)v->rep, frame_at(e, e->b, v->id));
}

LLVMValueRef emit_frame_counter(Emit *e, const NLoop *l)
{
    uint32_t slot = slot_of_counter(e->nest, l);
    e->f->wanted[slot] = true;
    return LLVMBuildLoad2(e->setup, e->i64, frame_at(e, e->setup, slot), "");
}

void emit_frame_expand(Emit *e, const NVar *v)
{
    uint32_t slot = slot_of_expand(e->nest, v);
    EmitBuffer *b = &e->f->expand[v->id];
    e->f->wanted[slot] = true;
    b->base = emit_alloca(e, e->ptr, "buffer");
    LLVMBuildStore(e->setup, LLVMBuildLoad2(e->setup, e->ptr, frame_at(e, e->setup, slot), ""), b->base);
}

/* What the body asked for. */
static void fill_frame(Emit *e, const bool *wanted)
{
    const Nest *n = e->nest;
    for (uint32_t i = 0; i < n->n_vars; i++) {
        if (wanted[i])
            emit_store_scalar(e, emit_get_var(e, n->vars[i]), (DType)n->vars[i]->rep, frame_at(e, e->b, i));
        if (!wanted[slot_of_expand(n, n->vars[i])])
            continue;
        LLVMValueRef base = e->f->expand[i].base;
        if (base)
            LLVMBuildStore(e->b, LLVMBuildLoad2(e->b, e->ptr, base, ""), frame_at(e, e->b, slot_of_expand(n, n->vars[i])));
        else
            emit_refuse(e, "an expanded variable without a buffer");
    }
    for (uint32_t i = 0; i < n->n_loops; i++)
        if (wanted[slot_of_counter(n, n->loops[i])])
            LLVMBuildStore(e->b, emit_counter(e, n->loops[i]), frame_at(e, e->b, slot_of_counter(n, n->loops[i])));
}

/* ---- cells ------------------------------------------------------------------------------------------------------------- */

/* Cell `index` of a slot, in the order in which the body function asked: slots lie one behind the other. */
static LLVMValueRef cell_at(Emit *e, LLVMBuilderRef b, LLVMValueRef cells, uint32_t index, LLVMValueRef slot)
{
    LLVMValueRef start = LLVMBuildNSWMul(b, slot, emit_int(e, (int64_t)e->n_cells * CELL_SIZE), ""), at = emit_int(e, index * CELL_SIZE);
    LLVMValueRef p = LLVMBuildInBoundsGEP2(b, e->i8, cells, &start, 1, "");
    return LLVMBuildInBoundsGEP2(b, e->i8, p, &at, 1, "");
}

LLVMValueRef emit_cell(Emit *e)
{
    return cell_at(e, e->setup, e->f->cells, e->f->n_cells++, e->f->slot);
}

/* Is one of two partial results chosen, and may another variable go along with it? */
static bool is_choice(const VarUse *u)
{
    bool is_extreme = u->red == RK_Min || u->red == RK_Max, is_logic = u->red == RK_And || u->red == RK_Or;
    return u->red == RK_Arg || (is_extreme && u->cmp >= NOP_Lt && u->cmp <= NOP_Ge) ||
           (is_logic && (u->cmp == NOP_AndAlso || u->cmp == NOP_OrElse));
}

static bool uses_tree(const VarUse *u)
{
    return u->is_ordered;
}

/* Buffers that loops inside need. */
static uint32_t count_buffers(PItem *const *items, uint32_t n)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (items[i]->kind == PI_Loop)
            count += items[i]->loop->n_save + emit_n_ordered(items[i]->loop);
        count += count_buffers(items[i]->body, items[i]->n_body) + count_buffers(items[i]->orelse, items[i]->n_orelse);
    }
    return count;
}

/* Unordered accumulations and uncertain last values have the first cells, in this order. */
static uint32_t count_results(const PLoop *l)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < l->n_red; i++)
        count += !uses_tree(l->red[i].use);
    for (uint32_t i = 0; i < l->n_last; i++)
        count += !l->last[i]->always_assigned;
    return count;
}

/* ---- the body function ------------------------------------------------------------------------------------------------- */

static void watch(Emit *e, const NVar *v)
{
    LLVMValueRef *flag = &e->f->flag[v->id];
    if (!*flag)
        *flag = emit_alloca(e, e->i1, "assigned");
    LLVMBuildStore(e->b, LLVMConstInt(e->i1, 0, false), *flag);
}

/* Where units are lanes of chunks, iterations do not ascend: the latest one that assigned a variable is noted with its value. */
static EmitLast *uncertain_last(Emit *e, const NVar *v)
{
    EmitLast *last = &e->f->last[v->id];
    if (!last->when) {
        last->when = emit_alloca(e, e->i64, "when");
        last->value = emit_alloca(e, e->scalar_type, "last");
        LLVMBuildStore(e->setup, emit_int(e, 0), last->when);
    }
    return last;
}

void emit_forget_assigned(Emit *e, const PLoop *l)
{
    for (uint32_t i = 0; i < l->n_last; i++)
        if (!l->last[i]->always_assigned)
            watch(e, l->last[i]->var);
}

void emit_note_assigned(Emit *e, const PLoop *l, LLVMValueRef t)
{
    for (uint32_t i = 0; i < l->n_last; i++) {
        const NVar *v = l->last[i]->var;
        if (l->last[i]->always_assigned)
            continue;
        EmitLast *last = uncertain_last(e, v);
        LLVMBasicBlockRef later = emit_new_block(e, "later"), on = emit_new_block(e, "on");
        LLVMValueRef when = LLVMBuildNSWAdd(e->b, t, emit_int(e, 1), ""), before = LLVMBuildLoad2(e->b, e->i64, last->when, "");
        LLVMValueRef assigned = LLVMBuildLoad2(e->b, e->i1, e->f->flag[v->id], "");
        emit_if(e, LLVMBuildAnd(e->b, assigned, LLVMBuildICmp(e->b, LLVMIntSGT, when, before, ""), ""), later, on);
        emit_at(e, later);
        LLVMBuildStore(e->b, when, last->when);
        emit_store_scalar(e, emit_get_var(e, v), (DType)v->rep, last->value);
        LLVMBuildBr(e->b, on);
        emit_at(e, on);
    }
}

static void begin_results(Emit *e, const PLoop *l)
{
    for (uint32_t i = 0; i < l->n_red; i++) {
        const VarUse *u = l->red[i].use;
        if (uses_tree(u))
            continue;
        emit_fill_var(e, u->var, emit_identity(e, u));
        if (is_choice(u))
            watch(e, u->var);
    }
    for (uint32_t i = 0; i < l->n_last; i++)
        if (!l->last[i]->always_assigned)
            watch(e, l->last[i]->var);
}

static void store_result(Emit *e, const NVar *v, uint32_t index)
{
    LLVMValueRef cell = cell_at(e, e->b, e->f->cells, index, e->f->slot), when = emit_int(e, 1);
    const EmitLast *last = &e->f->last[v->id];
    if (last->when) {
        emit_store_scalar(e, emit_load_scalar(e, (DType)v->rep, last->value), (DType)v->rep, cell);
        when = LLVMBuildLoad2(e->b, e->i64, last->when, "");
    } else {
        emit_store_scalar(e, emit_get_var(e, v), (DType)v->rep, cell);
        if (e->f->flag[v->id])
            when = LLVMBuildZExt(e->b, LLVMBuildLoad2(e->b, e->i1, e->f->flag[v->id], ""), e->i64, "");
    }
    LLVMBuildStore(e->b, when, emit_byte_at(e, cell, emit_int(e, CELL_WHEN)));
}

static void end_results(Emit *e, const PLoop *l)
{
    uint32_t index = 0;
    for (uint32_t i = 0; i < l->n_red; i++)
        if (!uses_tree(l->red[i].use))
            store_result(e, l->red[i].use->var, index++);
    for (uint32_t i = 0; i < l->n_last; i++)
        if (!l->last[i]->always_assigned)
            store_result(e, l->last[i]->var, index++);
}

void emit_last_values(Emit *e, const PLoop *l)
{
    for (uint32_t i = 0; i < l->n_last; i++)
        if (l->last[i]->always_assigned)
            emit_store_scalar(e, emit_get_var(e, l->last[i]->var), (DType)l->last[i]->var->rep,
                              frame_at(e, e->b, l->last[i]->var->id));
}

static void emit_body(Emit *e, const PItem *item, EmitCut cut, LLVMValueRef fn)
{
    const PLoop *l = item->loop;
    LLVMValueRef lo = LLVMGetParam(fn, 2), hi = LLVMGetParam(fn, 3);
    emit_fn_begin(e, &e->fn[1], fn, l);
    e->f->n_cells = count_results(l);
    LLVMValueRef first = load_extra(e, FRAME_First, e->i64), n = load_extra(e, FRAME_N, e->i64);
    e->f->cells = load_extra(e, FRAME_Cells, e->ptr);
    e->f->slot = LLVMBuildUDiv(e->setup, lo, load_extra(e, FRAME_Grain, e->i64), "slot");
    begin_results(e, l);
    if (cut == CUT_Iterations)
        emit_in_order(e, item, LLVMBuildNSWAdd(e->b, first, lo, ""), LLVMBuildNSWAdd(e->b, first, hi, ""));
    else
        emit_reduction_part(e, item, cut, first, n, load_extra(e, FRAME_Chunks, e->ptr), lo, hi);
    end_results(e, l);
    if (cut != CUT_Lanes && l->n_last) {
        LLVMBasicBlockRef last = emit_new_block(e, "last"), on = emit_new_block(e, "on");
        emit_if(e, LLVMBuildICmp(e->b, LLVMIntEQ, hi, n, ""), last, on);
        emit_at(e, last);
        emit_last_values(e, l);
        LLVMBuildBr(e->b, on);
        emit_at(e, on);
    }
    emit_fn_end(e);
    emit_at(e, e->f->leave);
    LLVMBuildRet(e->b, LLVMBuildLoad2(e->b, e->i32, e->f->status, ""));
}

static void add_attribute(Emit *e, LLVMValueRef fn, unsigned where, const char *name, size_t length)
{
    LLVMAddAttributeAtIndex(fn, where, LLVMCreateEnumAttribute(e->cx, LLVMGetEnumAttributeKindForName(name, length), 0));
}

static LLVMTypeRef body_type(Emit *e)
{
    LLVMTypeRef params[] = { e->ptr, e->ptr, e->i64, e->i64, e->i64 };
    return LLVMFunctionType(e->i32, params, 5, false);
}

static LLVMValueRef make_body(Emit *e, const PItem *item, EmitCut cut)
{
    char name[24];
    snprintf(name, sizeof name, "body%u", e->n_bodies++);
    LLVMValueRef fn = LLVMAddFunction(e->module, name, body_type(e));
    LLVMSetLinkage(fn, LLVMInternalLinkage);
    add_attribute(e, fn, (unsigned)LLVMAttributeFunctionIndex, "noinline", 8);
    LLVMBasicBlockRef here = LLVMGetInsertBlock(e->b);
    EmitTarget *target = e->target;
    EmitFn *outer = e->f;
    unsigned n_parallel = e->n_parallel;
    e->target = NULL;
    e->n_parallel = 0;
    emit_forget(e, 0);
    emit_body(e, item, cut, fn);
    emit_forget(e, 0);
    e->f = outer;
    e->target = target;
    e->n_parallel = n_parallel;
    emit_at(e, here);
    LLVMPositionBuilderAtEnd(e->setup, outer->setup);
    return fn;
}

/* ---- the call ---------------------------------------------------------------------------------------------------------- */

static LLVMValueRef real(Emit *e, double v)
{
    return LLVMConstReal(e->f64, v);
}

static LLVMValueRef divide_up(Emit *e, LLVMValueRef a, LLVMValueRef b)
{
    return LLVMBuildUDiv(e->b, LLVMBuildAdd(e->b, a, LLVMBuildSub(e->b, b, emit_int(e, 1), ""), ""), b, "");
}

static LLVMValueRef at_least(Emit *e, LLVMValueRef a, LLVMValueRef b)
{
    return emit_intrinsic2(e, "llvm.smax", a, b);
}

/* Units at a time: enough work to be worth handing out, and no more than SLOTS parts. */
static LLVMValueRef choose_grain(Emit *e, EmitCut cut, LLVMValueRef units, LLVMValueRef cost, double factor)
{
    LLVMValueRef wanted =
        LLVMBuildFAdd(e->b, LLVMBuildFDiv(e->b, real(e, factor * GRAIN_COST), cost, ""), real(e, 1), "");
    LLVMValueRef grain = at_least(e, LLVMBuildFPToSI(e->b, wanted, e->i64, ""), divide_up(e, units, emit_int(e, SLOTS)));
    int64_t multiple = cut == CUT_Chunks ? 4096 : 64;
    LLVMValueRef rounded = LLVMBuildMul(e->b, divide_up(e, grain, emit_int(e, multiple)), emit_int(e, multiple), "");
    if (cut == CUT_Chunks)
        return rounded;
    return LLVMBuildSelect(e->b, LLVMBuildICmp(e->b, LLVMIntSGT, grain, emit_int(e, multiple), ""), rounded, grain, "");
}

static void store_extra(Emit *e, int which, LLVMValueRef v)
{
    LLVMBuildStore(e->b, v, emit_frame_extra(e, which));
}

/* The grain, noted in the frame; *small: whether the loop is not worth waking anybody. */
static LLVMValueRef make_grain(Emit *e, const PItem *item, EmitCut cut, LLVMValueRef n, LLVMValueRef units, LLVMValueRef *small)
{
    LLVMValueRef all = LLVMBuildFMul(e->b, emit_cost(e, item->body, item->n_body), LLVMBuildSIToFP(e->b, n, e->f64, ""), "");
    LLVMValueRef cost = LLVMBuildFDiv(e->b, all, LLVMBuildSIToFP(e->b, units, e->f64, ""), "");
    bool in_lanes = item->loop->mode == PM_Parallel &&
                    (emit_can_tile(e, item) || (item->loop->is_vector && emit_likes_lanes(e, item)));
    double factor = e->opt->spread_all ? 0 : in_lanes ? LANES_FACTOR : 1;
    *small = LLVMBuildFCmp(e->b, LLVMRealOLT, all, real(e, factor * SMALL_COST), "");
    LLVMValueRef grain = LLVMBuildSelect(e->b, *small, units, choose_grain(e, cut, units, cost, factor), "grain");
    store_extra(e, FRAME_Grain, grain);
    return grain;
}

/* Calls the body, and returns if it does not end well. */
static void call_body(Emit *e, const PItem *item, LLVMValueRef fn, LLVMValueRef units, LLVMValueRef grain, LLVMValueRef small)
{
    LLVMBasicBlockRef here = emit_new_block(e, "here"), threads = emit_new_block(e, "threads"), done = emit_new_block(e, "done");
    LLVMValueRef args[] = { e->f->run, e->f->frame, emit_int(e, 0), units, emit_int(e, 0) }, status[2];
    emit_if(e, small, here, threads);
    emit_at(e, here);
    status[0] = LLVMBuildCall2(e->b, body_type(e), fn, args, 5, "");
    LLVMBuildBr(e->b, done);
    emit_at(e, threads);
    LLVMTypeRef params[] = { e->ptr, e->ptr, e->ptr, e->i64, e->i64, e->i32 };
    LLVMValueRef parallel = emit_run_field(e, e->b, offsetof(CpuRun, parallel), e->ptr);
    LLVMValueRef uneven = LLVMConstInt(e->i32, emit_is_uneven(item), false);
    LLVMValueRef others[] = { e->f->run, fn, e->f->frame, units, grain, uneven };
    status[1] = LLVMBuildCall2(e->b, LLVMFunctionType(e->i32, params, 6, false), parallel, others, 6, "");
    LLVMBuildBr(e->b, done);
    emit_at(e, done);
    LLVMValueRef result = LLVMBuildPhi(e->b, e->i32, "");
    LLVMAddIncoming(result, status, (LLVMBasicBlockRef[]){ here, threads }, 2);
    LLVMBasicBlockRef ended = emit_new_block(e, "ended"), on = emit_new_block(e, "on");
    emit_unlikely(
        e, LLVMBuildCondBr(e->b, LLVMBuildICmp(e->b, LLVMIntNE, result, LLVMConstInt(e->i32, CPU_DONE, false), ""), ended, on));
    emit_at(e, ended);
    LLVMBuildRet(e->b, result);
    emit_at(e, on);
}

/* ---- combining --------------------------------------------------------------------------------------------------------- */

/* Does the variable stand on the left of the function that accumulates it?  Of equal operands np.minimum takes the second one. */
static bool var_is_left(const VarUse *use)
{
    const NExpr *x = use->n_acc ? use->acc[0]->expr : NULL;
    while (x && x->op == NOP_Cast)
        x = x->a;
    if (!x || x->op != use->cmp)
        return true;
    for (x = x->a; x->op == NOP_Cast; x = x->a)
        ;
    return x->op == NOP_Var && x->u.var == use->var;
}

typedef struct Combine { const PLoop *loop; LLVMValueRef cells; } Combine;

static LLVMValueRef cell_when(Emit *e, LLVMValueRef cell)
{
    return LLVMBuildLoad2(e->b, e->i64, emit_byte_at(e, cell, emit_int(e, CELL_WHEN)), "");
}

static LLVMValueRef cell_is_set(Emit *e, LLVMValueRef cell)
{
    return LLVMBuildICmp(e->b, LLVMIntNE, cell_when(e, cell), emit_int(e, 0), "");
}

static void take_if(Emit *e, const NVar *v, LLVMValueRef cond, Val x)
{
    emit_fill_var(e, v, emit_select(e, cond, x, emit_get_var(e, v)));
}

static void combine_slot(Emit *e, const EmitFor *f, LLVMValueRef slot)
{
    const Combine *c = f->user;
    const PLoop *l = c->loop;
    LLVMValueRef took[64] = { NULL };
    uint32_t index = 0;
    for (int pass = 0; pass < 2; pass++) {              /* companions behind those whom they follow */
        index = 0;
        for (uint32_t i = 0; i < l->n_red; i++) {
            const VarUse *u = l->red[i].use;
            if (uses_tree(u))
                continue;
            uint32_t mine = index++;
            if ((u->red == RK_Arg) != pass)
                continue;
            LLVMValueRef cell = cell_at(e, e->b, c->cells, mine, slot), set = cell_is_set(e, cell);
            Val part = emit_load_scalar(e, (DType)u->var->rep, cell), var = emit_get_var(e, u->var);
            if (u->red == RK_Arg) {
                for (uint32_t k = 0; k < l->n_red && k < COUNT_OF(took); k++)
                    if (l->red[k].use->var == u->lead && took[k])
                        take_if(e, u->var, LLVMBuildAnd(e->b, set, took[k], ""), part);
            } else if (is_choice(u)) {
                /* `and`, `or`: the later part while nothing is decided. */
                bool is_logic = u->red == RK_And || u->red == RK_Or;
                LLVMValueRef better = is_logic ? emit_compare(e, NOP_Eq, (DType)u->var->rep, var, emit_identity(e, u))
                                               : emit_compare(e, u->cmp, (DType)u->var->rep, part, var);
                LLVMValueRef take = LLVMBuildAnd(e->b, set, better, "");
                if (i < COUNT_OF(took))
                    took[i] = take;
                take_if(e, u->var, take, part);
            } else {
                bool left = (u->red != RK_Min && u->red != RK_Max) || var_is_left(u);
                take_if(e, u->var, set,
                        emit_binary(e, var_use_op(u), (DType)u->var->rep, left ? var : part, left ? part : var, false));
            }
        }
    }
    for (uint32_t i = 0; i < l->n_last; i++) {
        if (l->last[i]->always_assigned)
            continue;
        LLVMValueRef cell = cell_at(e, e->b, c->cells, index++, slot), when = cell_when(e, cell);
        EmitLast *last = uncertain_last(e, l->last[i]->var);
        LLVMValueRef before = LLVMBuildLoad2(e->b, e->i64, last->when, ""),
                     later = LLVMBuildICmp(e->b, LLVMIntSGE, when, before, "");
        later = LLVMBuildAnd(e->b, later, LLVMBuildICmp(e->b, LLVMIntNE, when, emit_int(e, 0), ""), "");
        LLVMBuildStore(e->b, LLVMBuildSelect(e->b, later, when, before, ""), last->when);
        take_if(e, l->last[i]->var, later, emit_load_scalar(e, (DType)l->last[i]->var->rep, cell));
    }
}

/* The run time may make one part of several grains: slots that no part has are not set. */
static void clear_flags(Emit *e, const EmitFor *f, LLVMValueRef slot)
{
    const Combine *c = f->user;
    for (uint32_t i = 0; i < count_results(c->loop); i++)
        LLVMBuildStore(e->b, emit_int(e, 0), emit_byte_at(e, cell_at(e, e->b, c->cells, i, slot), emit_int(e, CELL_WHEN)));
}

static void each_slot(Emit *e, Combine *c, LLVMValueRef n, void (*body)(Emit *e, const EmitFor *l, LLVMValueRef t))
{
    EmitFor f = { .first = emit_int(e, 0), .end = n, .step = 1, .is_rare = true, .body = body, .user = c };
    emit_for(e, &f);
}

static LLVMValueRef make_cells(Emit *e, bool has_buffers)
{
    uint64_t size = (uint64_t)SLOTS * CELL_SIZE * e->n_cells;
    if (size == 0)
        return LLVMConstNull(e->ptr);
    LLVMValueRef cells = emit_alloca(e, LLVMArrayType2(e->scalar_type, size / sizeof(CpuScalar)), "cells");
    if (has_buffers)                                    /* there are none yet */
        LLVMBuildMemSet(e->setup, cells, LLVMConstInt(e->i8, 0, false), emit_int(e, (int64_t)size), 8);
    return cells;
}

bool emit_spread(Emit *e, const PItem *item, LLVMValueRef first, LLVMValueRef end)
{
    const PLoop *l = item->loop;
    uint32_t n_results = count_results(l), n_buffers = count_buffers(item->body, item->n_body);
    if (n_results + n_buffers > MAX_CELLS)
        return false;
    e->n_cells = n_results + 2 * n_buffers;         /* a loop that is split is emitted twice */
    EmitCut cut = emit_n_ordered(l) ? emit_reduction_cut(e, item) : CUT_Iterations;
    LLVMBasicBlockRef some = emit_new_block(e, "some"), behind = emit_new_block(e, "behind");
    LLVMValueRef n = LLVMBuildNSWSub(e->b, end, first, ""), room = NULL;
    emit_if(e, LLVMBuildICmp(e->b, LLVMIntSGT, n, emit_int(e, 0), ""), some, behind);
    emit_at(e, some);
    LLVMValueRef fn = make_body(e, item, cut), units = n;
    const EmitFn *body = &e->fn[1];
    if (body->n_cells > e->n_cells)
        emit_refuse(e, "too many things that each part has to itself");
    Combine c = { l, make_cells(e, n_buffers > 0) };
    fill_frame(e, body->wanted);
    store_extra(e, FRAME_First, first);
    store_extra(e, FRAME_N, n);
    store_extra(e, FRAME_Cells, c.cells);
    if (cut != CUT_Iterations) {
        units = emit_reduction_units(e, cut, n);
        room = emit_reduction_open(e, item, cut, n);
        store_extra(e, FRAME_Chunks, room);
    }
    LLVMValueRef small, grain = make_grain(e, item, cut, n, units, &small), n_slots = divide_up(e, units, grain);
    if (n_results)
        each_slot(e, &c, n_slots, clear_flags);
    call_body(e, item, fn, units, grain, small);
    for (uint32_t i = 0; i < l->n_last; i++)
        if (!l->last[i]->always_assigned)
            LLVMBuildStore(e->b, emit_int(e, 0), uncertain_last(e, l->last[i]->var)->when);
    if (n_results)
        each_slot(e, &c, n_slots, combine_slot);
    for (uint32_t i = 0; i < l->n_last; i++)
        if (l->last[i]->always_assigned)
            emit_fill_var(e, l->last[i]->var,
                          emit_load_scalar(e, (DType)l->last[i]->var->rep, frame_at(e, e->b, l->last[i]->var->id)));
    if (cut != CUT_Iterations)
        emit_reduction_close(e, item, cut, n, room);
    LLVMBuildBr(e->b, behind);
    emit_at(e, behind);
    return true;
}
