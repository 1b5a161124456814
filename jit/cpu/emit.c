/* jit/cpu/emit.c — the module: functions, variables, arrays, statements and the item tree.
 *
 * A variable is an alloca in each function that uses it; LLVM makes values of them.  The nest's function takes inputs from
 * run->var when it begins and puts what is wanted back when it ends well.  What never changes while the kernel runs (arrays,
 * symbols, run's own fields) is loaded at the function's entry. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <llvm-c/DebugInfo.h>

#include "jit/cpu/emit.h"

/* ---- blocks ------------------------------------------------------------------------------------------------------------ */

LLVMBasicBlockRef emit_new_block(Emit *e, const char *name)
{
    return LLVMAppendBasicBlockInContext(e->cx, e->f->fn, name);
}

void emit_at(Emit *e, LLVMBasicBlockRef block)
{
    LLVMPositionBuilderAtEnd(e->b, block);
}

bool emit_is_ended(const Emit *e)
{
    return LLVMGetBasicBlockTerminator(LLVMGetInsertBlock(e->b)) != NULL;
}

void emit_goto(Emit *e, LLVMBasicBlockRef to)
{
    if (!emit_is_ended(e))
        LLVMBuildBr(e->b, to);
}

void emit_if(Emit *e, LLVMValueRef cond, LLVMBasicBlockRef yes, LLVMBasicBlockRef no)
{
    LLVMBuildCondBr(e->b, cond, yes, no);
}

void emit_unlikely(Emit *e, LLVMValueRef branch)
{
    LLVMMetadataRef parts[3] = { LLVMMDStringInContext2(e->cx, "branch_weights", 14),
                                 LLVMValueAsMetadata(LLVMConstInt(e->i32, 1, false)),
                                 LLVMValueAsMetadata(LLVMConstInt(e->i32, 100000, false)) };
    LLVMSetMetadata(branch, e->md_prof, LLVMMetadataAsValue(e->cx, LLVMMDNodeInContext2(e->cx, parts, 3)));
}

/* ---- functions --------------------------------------------------------------------------------------------------------- */

LLVMValueRef emit_alloca(Emit *e, LLVMTypeRef type, const char *name)
{
    LLVMPositionBuilderAtEnd(e->setup, e->f->allocas);
    LLVMValueRef v = LLVMBuildAlloca(e->setup, type, name);
    LLVMPositionBuilderAtEnd(e->setup, e->f->setup);
    return v;
}

LLVMValueRef emit_run_field(Emit *e, LLVMBuilderRef b, size_t offset, LLVMTypeRef type)
{
    LLVMValueRef at = emit_int(e, (int64_t)offset);
    LLVMValueRef v = LLVMBuildLoad2(b, type, LLVMBuildInBoundsGEP2(b, e->i8, e->f->run, &at, 1, ""), "");
    LLVMSetMetadata(v, e->md_invariant, e->invariant);
    return v;
}

static void clear(Emit *e, EmitFn *f)
{
    const Nest *n = e->nest;
    memset(f->var, 0, MAX_ROWS * n->n_vars * sizeof *f->var);
    memset(f->wide, 0, MAX_ROWS * n->n_vars * sizeof *f->wide);
    memset(f->flag, 0, n->n_vars * sizeof *f->flag);
    memset(f->last, 0, n->n_vars * sizeof *f->last);
    memset(f->counter, 0, n->n_loops * sizeof *f->counter);
    memset(f->array, 0, n->n_arrays * sizeof *f->array);
    memset(f->sym, 0, n->n_syms * sizeof *f->sym);
    memset(f->expand, 0, n->n_vars * sizeof *f->expand);
    memset(f->wanted, 0, emit_frame_size(n) * sizeof *f->wanted);
}

void emit_fn_begin(Emit *e, EmitFn *f, LLVMValueRef fn, const PLoop *body_of)
{
    clear(e, f);
    e->f = f;
    f->fn = fn;
    f->run = LLVMGetParam(fn, 0);
    f->frame = body_of ? LLVMGetParam(fn, 1) : NULL;
    f->body_of = body_of;
    f->n_cells = 0;
    f->allocas = emit_new_block(e, "allocas");
    f->setup = emit_new_block(e, "setup");
    f->first = emit_new_block(e, "first");
    f->failed = emit_new_block(e, "failed");
    f->leave = emit_new_block(e, "leave");
    emit_at(e, f->failed);
    f->failed_check = LLVMBuildPhi(e->b, e->i32, "check");
    LLVMPositionBuilderAtEnd(e->setup, f->setup);
    f->status = emit_alloca(e, e->i32, "status");
    LLVMBuildStore(e->setup, LLVMConstInt(e->i32, CPU_DONE, false), f->status);
    emit_at(e, f->first);
}

/* The present block goes on to `leave`. */
void emit_fn_end(Emit *e)
{
    EmitFn *f = e->f;
    emit_goto(e, f->leave);
    emit_at(e, f->failed);
    if (LLVMCountIncoming(f->failed_check)) {
        LLVMValueRef at = emit_int(e, offsetof(CpuRun, failed_check));
        LLVMValueRef store = LLVMBuildStore(e->b, f->failed_check, LLVMBuildInBoundsGEP2(e->b, e->i8, f->run, &at, 1, ""));
        LLVMSetOrdering(store, LLVMAtomicOrderingMonotonic);
        LLVMSetAlignment(store, 4);
        LLVMBuildRet(e->b, LLVMConstInt(e->i32, CPU_FAILED, false));
    } else {
        LLVMDeleteBasicBlock(f->failed);
    }
    emit_at(e, f->allocas);
    LLVMBuildBr(e->b, f->setup);
    LLVMPositionBuilderAtEnd(e->setup, f->setup);
    LLVMBuildBr(e->setup, f->first);
}

/* ---- what does not change ---------------------------------------------------------------------------------------------- */

static LLVMValueRef load_fixed(Emit *e, LLVMTypeRef type, LLVMValueRef base, size_t offset)
{
    LLVMValueRef at = emit_int(e, (int64_t)offset);
    LLVMValueRef v = LLVMBuildLoad2(e->setup, type, LLVMBuildInBoundsGEP2(e->setup, e->i8, base, &at, 1, ""), "");
    LLVMSetMetadata(v, e->md_invariant, e->invariant);
    return v;
}

const EmitArray *emit_array(Emit *e, const NArray *a)
{
    EmitArray *r = &e->f->array[a->id];
    if (r->is_ready)
        return r;
    LLVMValueRef base = emit_run_field(e, e->setup, offsetof(CpuRun, array), e->ptr);
    size_t at = a->id * sizeof(CpuArray);
    r->is_ready = true;
    r->data = load_fixed(e, e->ptr, base, at + offsetof(CpuArray, data));
    for (uint32_t d = 0; d < a->ndim; d++) {
        r->shape[d] = load_fixed(e, e->i64, base, at + offsetof(CpuArray, shape) + d * sizeof(int64_t));
        r->stride[d] = load_fixed(e, e->i64, base, at + offsetof(CpuArray, stride) + d * sizeof(int64_t));
    }
    return r;
}

LLVMValueRef emit_symbol(Emit *e, const NSym *s)
{
    LLVMValueRef *v = &e->f->sym[s->id];
    if (!*v)
        *v = load_fixed(e, e->i64, emit_run_field(e, e->setup, offsetof(CpuRun, sym), e->ptr), s->id * sizeof(int64_t));
    return *v;
}

LLVMValueRef emit_counter(Emit *e, const NLoop *l)
{
    if (e->rows && e->row_loop->src[0] == l)
        return e->row_counter[e->row];
    LLVMValueRef *v = &e->f->counter[l->id];
    if (!*v && e->f->body_of)
        *v = emit_frame_counter(e, l);
    if (*v)
        return *v;
    emit_refuse(e, "the counter of a loop that is not running");
    return emit_int(e, 0);
}

/* ---- variables --------------------------------------------------------------------------------------------------------- */

static LLVMValueRef var_at(Emit *e, LLVMBuilderRef b, const NVar *v)
{
    LLVMValueRef vars = emit_run_field(e, b, offsetof(CpuRun, var), e->ptr), at = emit_int(e, v->id);
    return LLVMBuildInBoundsGEP2(b, e->scalar_type, vars, &at, 1, "");
}

/* What a variable holds when the function begins, put into its slot. */
static void first_value(Emit *e, const NVar *v, Val slot)
{
    LLVMTypeRef type = emit_scalar_type(e, (DType)v->rep);
    LLVMBuilderRef body = e->b;
    Val start = { LLVMConstNull(type), slot.im ? LLVMConstNull(type) : NULL };
    int width = e->width;
    e->width = 1;
    e->b = e->setup;
    if (e->f->body_of) {
        LLVMValueRef from = emit_frame_var(e, v);
        if (from)
            start = emit_load_scalar(e, (DType)v->rep, from);
    } else if (v->is_read_first) {
        start = emit_load_scalar(e, (DType)v->rep, var_at(e, e->setup, v));
    }
    e->b = body;
    e->width = width;
    LLVMBuildStore(e->setup, start.re, slot.re);
    if (slot.im)
        LLVMBuildStore(e->setup, start.im, slot.im);
}

static size_t slot_index(const Emit *e, const NVar *v)
{
    return v->id + (e->is_row_own[v->id] ? (size_t)e->row * e->nest->n_vars : 0);
}

Val emit_var_slot(Emit *e, const NVar *v)
{
    Val *slot = &e->f->var[slot_index(e, v)];
    if (slot->re)
        return *slot;
    LLVMTypeRef type = emit_scalar_type(e, (DType)v->rep);
    slot->re = emit_alloca(e, type, "v");
    if (emit_is_complex((DType)v->rep))
        slot->im = emit_alloca(e, type, "v");
    first_value(e, v, *slot);
    return *slot;
}

/* The vector of a variable that varies from lane to lane. */
static Val wide_slot(Emit *e, const NVar *v)
{
    Val *slot = &e->f->wide[slot_index(e, v)];
    if (!slot->re) {
        LLVMTypeRef type = LLVMVectorType(emit_scalar_type(e, (DType)v->rep), (unsigned)e->lanes);
        slot->re = emit_alloca(e, type, "w");
        if (emit_is_complex((DType)v->rep))
            slot->im = emit_alloca(e, type, "w");
    }
    return *slot;
}

static Val load_slot(Emit *e, const NVar *v, Val slot, bool is_wide)
{
    LLVMTypeRef type = emit_scalar_type(e, (DType)v->rep);
    if (is_wide)
        type = LLVMVectorType(type, (unsigned)e->lanes);
    return (Val){ LLVMBuildLoad2(e->b, type, slot.re, ""), slot.im ? LLVMBuildLoad2(e->b, type, slot.im, "") : NULL };
}

static void store_slot(Emit *e, Val slot, Val x)
{
    LLVMBuildStore(e->b, x.re, slot.re);
    if (slot.im)
        LLVMBuildStore(e->b, x.im, slot.im);
}

Val emit_get_var(Emit *e, const NVar *v)
{
    Lane lane = e->lanes ? e->var_lane[v->id] : (Lane){ LANE_Same, 0 };
    if (e->width == 1 || lane.kind != LANE_Varying) {
        Val x = emit_splat_val(e, load_slot(e, v, emit_var_slot(e, v), false));
        if (e->width > 1 && lane.kind == LANE_Linear) {
            LLVMValueRef offset = LLVMBuildMul(e->b, emit_iota(e), emit_int_of(e, DT_I64, lane.step), "");
            x.re = LLVMBuildAdd(e->b, x.re, offset, "");
        }
        return x;
    }
    return load_slot(e, v, wide_slot(e, v), true);
}

void emit_set_var(Emit *e, const NVar *v, Val x)
{
    if (e->width > 1 && emit_is_masked(e))
        x = emit_select(e, e->mask, x, load_slot(e, v, wide_slot(e, v), true));
    emit_fill_var(e, v, x);
    if (e->f->flag[v->id])
        LLVMBuildStore(e->b, LLVMConstInt(e->i1, 1, false), e->f->flag[v->id]);
}

void emit_fill_var(Emit *e, const NVar *v, Val x)
{
    store_slot(e, e->width == 1 ? emit_var_slot(e, v) : wide_slot(e, v), x);
}

/* ---- buffers ----------------------------------------------------------------------------------------------------------- */

LLVMValueRef emit_room(Emit *e, EmitBuffer *buffer, LLVMValueRef size)
{
    if (!buffer->base) {
        buffer->base = emit_alloca(e, e->ptr, "buffer");
        buffer->size = emit_alloca(e, e->i64, "buffer_size");
        LLVMValueRef base = LLVMConstNull(e->ptr), bytes = emit_int(e, 0);
        if (e->f->body_of) {
            LLVMValueRef at = emit_int(e, 1);
            buffer->cell = emit_cell(e);
            base = LLVMBuildLoad2(e->setup, e->ptr, buffer->cell, "");
            bytes = LLVMBuildLoad2(e->setup, e->i64, LLVMBuildInBoundsGEP2(e->setup, e->i64, buffer->cell, &at, 1, ""), "");
        }
        LLVMBuildStore(e->setup, base, buffer->base);
        LLVMBuildStore(e->setup, bytes, buffer->size);
    }
    LLVMBasicBlockRef grow = emit_new_block(e, "grow"), on = emit_new_block(e, "room");
    LLVMValueRef had = LLVMBuildLoad2(e->b, e->i64, buffer->size, "");
    emit_unlikely(e, LLVMBuildCondBr(e->b, LLVMBuildICmp(e->b, LLVMIntSLT, had, size, ""), grow, on));
    emit_at(e, grow);
    LLVMValueRef twice = LLVMBuildAdd(e->b, had, had, "");
    LLVMValueRef bytes = LLVMBuildSelect(e->b, LLVMBuildICmp(e->b, LLVMIntSLT, twice, size, ""), size, twice, "");
    LLVMTypeRef params[] = { e->ptr, e->i64 };
    LLVMValueRef alloc = emit_run_field(e, e->b, offsetof(CpuRun, alloc), e->ptr);
    LLVMValueRef p =
        LLVMBuildCall2(e->b, LLVMFunctionType(e->ptr, params, 2, false), alloc, (LLVMValueRef[]){ e->f->run, bytes }, 2, "");
    emit_fail_if_null(e, p);
    LLVMBuildStore(e->b, p, buffer->base);
    LLVMBuildStore(e->b, bytes, buffer->size);
    if (buffer->cell) {
        LLVMBuildStore(e->b, p, buffer->cell);
        LLVMBuildStore(e->b, bytes, emit_byte_at(e, buffer->cell, emit_int(e, 8)));
    }
    LLVMBuildBr(e->b, on);
    emit_at(e, on);
    return LLVMBuildLoad2(e->b, e->ptr, buffer->base, "");
}

/* ---- statements -------------------------------------------------------------------------------------------------------- */

void emit_jump(Emit *e, const NStmt *target, bool is_next)
{
    EmitTarget *t = e->target;
    while (t && t->stmt != target)
        t = t->up;
    if (!t || !(is_next ? t->next : t->leave)) {
        emit_refuse(e, "a jump out of a parallel loop");
        return;
    }
    if (!is_next && target == e->nest->root->stmt)
        LLVMBuildStore(e->b, LLVMConstInt(e->i32, CPU_BROKE, false), e->f->status);
    LLVMBuildBr(e->b, is_next ? t->next : t->leave);
}

static void emit_return(Emit *e, const NStmt *s)
{
    if (e->f->body_of) {
        emit_refuse(e, "a return in a parallel loop");
        return;
    }
    if (s->expr) {
        Val v = emit_expr(e, s->expr);
        emit_store_scalar(e, v, (DType)s->expr->rep, emit_byte_at(e, e->f->run, emit_int(e, offsetof(CpuRun, ret))));
    }
    LLVMBuildStore(e->b, LLVMConstInt(e->i32, s->id, false), emit_byte_at(e, e->f->run, emit_int(e, offsetof(CpuRun, ret_stmt))));
    LLVMBuildStore(e->b, LLVMConstInt(e->i32, CPU_RETURNED, false), e->f->status);
    LLVMBuildBr(e->b, e->f->leave);
}

/* The value of a statement's expression in the representation that takes it. */
static Val value_as(Emit *e, const NExpr *x, DType rep)
{
    return emit_convert(e, emit_expr(e, x), (DType)x->rep, rep);
}

static void emit_branches(Emit *e, const NStmt *s)
{
    LLVMBasicBlockRef yes = emit_new_block(e, "then"), no = s->orelse.n ? emit_new_block(e, "else") : NULL,
                      on = emit_new_block(e, "on");
    LLVMValueRef cond = emit_expr(e, s->expr).re;
    emit_if(e, cond, yes, no ? no : on);
    emit_at(e, yes);
    emit_block(e, &s->body);
    emit_goto(e, on);
    if (no) {
        emit_at(e, no);
        emit_block(e, &s->orelse);
        emit_goto(e, on);
    }
    emit_at(e, on);
}

/* In lanes, both ways, each with its own. */
static void masked_branches(Emit *e, const NStmt *s)
{
    LLVMValueRef old = e->mask;
    e->width = e->lanes;
    LLVMValueRef cond = emit_expr(e, s->expr).re, no = LLVMBuildNot(e->b, cond, "");
    e->mask = old ? LLVMBuildAnd(e->b, old, cond, "") : cond;
    e->width = 1;
    emit_block(e, &s->body);
    if (s->orelse.n) {
        e->mask = old ? LLVMBuildAnd(e->b, old, no, "") : no;
        emit_block(e, &s->orelse);
    }
    e->mask = old;
}

static void lane_stmt(Emit *e, const NStmt *s)
{
    switch ((NStmtKind)s->kind) {
    case NS_Assign:
        e->width = e->var_lane[s->var->id].kind == LANE_Varying ? e->lanes : 1;
        emit_set_var(e, s->var, value_as(e, s->expr, (DType)s->var->rep));
        break;
    case NS_Store:
        e->width = e->lanes;
        emit_store(e, s->access, value_as(e, s->expr, (DType)s->access->array->dtype));
        break;
    case NS_Check:
        e->width = e->lanes;
        emit_fail_if(e, LLVMBuildNot(e->b, emit_expr(e, s->expr).re, ""), s->check);
        break;
    case NS_If:
        if (!emit_is_masked(e) && emit_lane_of(e, s->expr).kind == LANE_Same)
            emit_branches(e, s);
        else
            masked_branches(e, s);
        break;
    default:
        emit_refuse(e, "a statement in lanes");
        break;
    }
    e->width = 1;
}

void emit_stmt(Emit *e, const NStmt *s)
{
    EmitTarget target;
    emit_forget(e, 0);
    if (e->lanes) {
        lane_stmt(e, s);
        return;
    }
    switch ((NStmtKind)s->kind) {
    case NS_Assign:
        emit_set_var(e, s->var, value_as(e, s->expr, (DType)s->var->rep));
        break;
    case NS_Store:
        emit_store(e, s->access, value_as(e, s->expr, (DType)s->access->array->dtype));
        break;
    case NS_If:
        emit_branches(e, s);
        break;
    case NS_Loop:
        if (s->loop->is_while)
            emit_while(e, s, NULL);
        else
            emit_nest_loop(e, s->loop);
        break;
    case NS_Block:
        target = (EmitTarget){ e->target, s, emit_new_block(e, "behind"), NULL };
        e->target = &target;
        emit_block(e, &s->body);
        e->target = target.up;
        emit_goto(e, target.leave);
        emit_at(e, target.leave);
        break;
    case NS_Leave: case NS_Next:
        emit_jump(e, s->target, s->kind == NS_Next);
        break;
    case NS_Return:
        emit_return(e, s);
        break;
    case NS_Check:
        emit_fail_if(e, LLVMBuildNot(e->b, emit_expr(e, s->expr).re, ""), s->check);
        break;
    }
    emit_forget(e, 0);
}

/* What stands behind a jump is not made. */
void emit_block(Emit *e, const NBlock *b)
{
    for (uint32_t i = 0; i < b->n && !emit_is_ended(e) && !e->error[0]; i++)
        emit_stmt(e, b->stmt[i]);
}

/* ---- items ------------------------------------------------------------------------------------------------------------- */

static void emit_branch_items(Emit *e, const PItem *item)
{
    LLVMBasicBlockRef yes = emit_new_block(e, "then"), no = emit_new_block(e, "else"), on = emit_new_block(e, "on");
    emit_forget(e, 0);
    LLVMValueRef cond = emit_expr(e, item->stmt->expr).re;
    emit_if(e, cond, yes, no);
    emit_at(e, yes);
    emit_items(e, item->body, item->n_body);
    emit_goto(e, on);
    emit_at(e, no);
    emit_items(e, item->orelse, item->n_orelse);
    emit_goto(e, on);
    emit_at(e, on);
}

static void emit_block_items(Emit *e, const PItem *item)
{
    EmitTarget target = { e->target, item->stmt, emit_new_block(e, "behind"), NULL };
    e->target = &target;
    emit_items(e, item->body, item->n_body);
    e->target = target.up;
    emit_goto(e, target.leave);
    emit_at(e, target.leave);
}

void emit_items(Emit *e, PItem *const *items, uint32_t n)
{
    for (uint32_t i = 0; i < n && !emit_is_ended(e) && !e->error[0]; i++) {
        switch ((PItemKind)items[i]->kind) {
        case PI_Stmt:
            for (int r = 0; r < (e->rows ? e->rows : 1); r++) {
                e->row = r;
                emit_stmt(e, items[i]->stmt);
            }
            e->row = 0;
            break;
        case PI_Loop:  emit_loop(e, items[i]); break;
        case PI_While: emit_while(e, items[i]->stmt, items[i]); break;
        case PI_If:    emit_branch_items(e, items[i]); break;
        case PI_Block: emit_block_items(e, items[i]); break;
        }
    }
}

/* ---- the module -------------------------------------------------------------------------------------------------------- */

static bool is_assigned(const Nest *n, const NVar *v)
{
    for (uint32_t i = 0; i < n->n_stmts; i++)
        if (n->stmts[i]->kind == NS_Assign && n->stmts[i]->var == v)
            return true;
    return false;
}

static void emit_kernel(Emit *e)
{
    const Nest *n = e->nest;
    LLVMTypeRef params[] = { e->ptr };
    LLVMValueRef fn = LLVMAddFunction(e->module, "kernel", LLVMFunctionType(e->i32, params, 1, false));
    emit_fn_begin(e, &e->fn[0], fn, NULL);
    emit_items(e, e->plan->root->body, e->plan->root->n_body);
    emit_fn_end(e);
    emit_at(e, e->f->leave);
    LLVMPositionBuilderBefore(e->setup, LLVMGetBasicBlockTerminator(e->f->setup));
    for (uint32_t i = 0; i < n->n_vars; i++) {
        const NVar *v = n->vars[i];
        if (v->is_live_out && e->f->var[i].re && is_assigned(n, v))
            emit_store_scalar(e, load_slot(e, v, e->f->var[i], false), (DType)v->rep, var_at(e, e->b, v));
    }
    LLVMBuildRet(e->b, LLVMBuildLoad2(e->b, e->i32, e->f->status, ""));
}

/* One set of arrays that may overlap: a scope; each reference is in the scope of its set and not in the others'.  Too many
 * sets: all may alias. */
enum { MAX_SCOPES = 64 };

static LLVMMetadataRef self_node(Emit *e, LLVMMetadataRef *rest, unsigned n)
{
    LLVMMetadataRef parts[8], self = LLVMTemporaryMDNode(e->cx, NULL, 0);
    parts[0] = self;
    for (unsigned i = 0; i < n; i++)
        parts[i + 1] = rest[i];
    LLVMMetadataRef node = LLVMMDNodeInContext2(e->cx, parts, n + 1);
    LLVMMetadataReplaceAllUsesWith(self, node);
    return node;
}

static void make_scopes(Emit *e)
{
    const Nest *n = e->nest;
    LLVMMetadataRef scope[MAX_SCOPES + 1], others[MAX_SCOPES + 1];
    uint32_t group[MAX_SCOPES + 1], count = 0;
    for (uint32_t i = 0; i < n->n_arrays; i++) {
        uint32_t k = 0;
        while (k < count && group[k] != e->opt->layout.group[i])
            k++;
        if (k == MAX_SCOPES) {
            e->scope = NULL;
            return;
        }
        if (k == count)
            group[count++] = e->opt->layout.group[i];
    }
    LLVMMetadataRef domain = self_node(e, NULL, 0);
    for (uint32_t k = 0; k <= count; k++)               /* the last one is that of buffers */
        scope[k] = self_node(e, &domain, 1);
    for (uint32_t i = 0; i <= n->n_arrays; i++) {
        uint32_t own = 0, n_others = 0;
        while (own < count && (i == n->n_arrays || group[own] != e->opt->layout.group[i]))
            own++;
        for (uint32_t k = 0; k <= count; k++)
            if (k != own)
                others[n_others++] = scope[k];
        e->scope[i] = LLVMMDNodeInContext2(e->cx, &scope[own], 1);
        e->noalias[i] = LLVMMDNodeInContext2(e->cx, others, n_others);
    }
}

static unsigned md_kind(const Emit *e, const char *name)
{
    return LLVMGetMDKindIDInContext(e->cx, name, (unsigned)strlen(name));
}

static void begin(Emit *e)
{
    e->i1 = LLVMInt1TypeInContext(e->cx);
    e->i8 = LLVMInt8TypeInContext(e->cx);
    e->i16 = LLVMInt16TypeInContext(e->cx);
    e->i32 = LLVMInt32TypeInContext(e->cx);
    e->i64 = LLVMInt64TypeInContext(e->cx);
    e->f32 = LLVMFloatTypeInContext(e->cx);
    e->f64 = LLVMDoubleTypeInContext(e->cx);
    e->ptr = LLVMPointerTypeInContext(e->cx, 0);
    e->void_type = LLVMVoidTypeInContext(e->cx);
    e->scalar_type = LLVMStructTypeInContext(e->cx, (LLVMTypeRef[]){ e->i64, e->i64 }, 2, false);
    e->md_scope = md_kind(e, "alias.scope");
    e->md_noalias = md_kind(e, "noalias");
    e->md_invariant = md_kind(e, "invariant.load");
    e->md_parallel = md_kind(e, "llvm.mem.parallel_loop_access");
    e->md_loop = md_kind(e, "llvm.loop");
    e->md_prof = md_kind(e, "prof");
    e->invariant = LLVMMetadataAsValue(e->cx, LLVMMDNodeInContext2(e->cx, NULL, 0));
    e->b = LLVMCreateBuilderInContext(e->cx);
    e->setup = LLVMCreateBuilderInContext(e->cx);
    e->width = 1;
}

/* All tables of the emitter, cut from one piece of memory. */
static void *cut(char *memory, size_t *at, size_t n, size_t size)
{
    void *p = memory ? memory + *at : NULL;
    *at += (n * size + 15) & ~(size_t)15;
    return p;
}

/* memory NULL: only the size is wanted. */
static size_t lay_out(Emit *e, char *memory)
{
    const Nest *n = e->nest;
    size_t at = 0;
    for (int k = 0; k < 2; k++) {
        EmitFn *f = &e->fn[k];
        f->var = cut(memory, &at, (size_t)MAX_ROWS * n->n_vars, sizeof *f->var);
        f->wide = cut(memory, &at, (size_t)MAX_ROWS * n->n_vars, sizeof *f->wide);
        f->flag = cut(memory, &at, n->n_vars, sizeof *f->flag);
        f->last = cut(memory, &at, n->n_vars, sizeof *f->last);
        f->counter = cut(memory, &at, n->n_loops, sizeof *f->counter);
        f->array = cut(memory, &at, n->n_arrays, sizeof *f->array);
        f->sym = cut(memory, &at, n->n_syms, sizeof *f->sym);
        f->expand = cut(memory, &at, n->n_vars, sizeof *f->expand);
        f->wanted = cut(memory, &at, emit_frame_size(n), sizeof *f->wanted);
    }
    e->is_row_own = cut(memory, &at, n->n_vars, sizeof *e->is_row_own);
    e->var_lane = cut(memory, &at, n->n_vars, sizeof *e->var_lane);
    e->expr_lane = cut(memory, &at, n->n_exprs, sizeof *e->expr_lane);
    e->is_inside = cut(memory, &at, (size_t)n->n_accesses * ALP_MAX_NDIM, sizeof *e->is_inside);
    e->memo = cut(memory, &at, n->n_exprs, sizeof *e->memo);
    e->trail = cut(memory, &at, n->n_exprs, sizeof *e->trail);
    e->scope = cut(memory, &at, n->n_arrays + 1, sizeof *e->scope);
    e->noalias = cut(memory, &at, n->n_arrays + 1, sizeof *e->noalias);
    return at;
}

LLVMModuleRef emit_module(LLVMContextRef cx, const Plan *plan, const CpuCompileOptions *opt, int vector_bits, bool links_functions,
                          char error_text[256])
{
    Emit *e = calloc(1, sizeof *e);
    char *memory = NULL;
    LLVMModuleRef module = NULL;
    if (e) {
        e->plan = plan;
        e->nest = plan->nest;
        e->opt = opt;
        e->cx = cx;
        e->vector_bits = vector_bits;
        e->links_functions = links_functions;
        memory = calloc(1, lay_out(e, NULL) + 1);
    }
    if (!memory) {
        free(e);
        snprintf(error_text, 256, "no memory");
        return NULL;
    }
    lay_out(e, memory);
    e->module = module = LLVMModuleCreateWithNameInContext("alpy", cx);
    begin(e);
    make_scopes(e);
    emit_kernel(e);
    LLVMDisposeBuilder(e->b);
    LLVMDisposeBuilder(e->setup);
    if (e->error[0]) {
        snprintf(error_text, 256, "%s", e->error);
        LLVMDisposeModule(module);
        module = NULL;
    }
    free(memory);
    free(e);
    return module;
}
