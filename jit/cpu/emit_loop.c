/* jit/cpu/emit_loop.c — loops.
 *
 * Every counted loop is made by emit_for(), in the form with its test at the end.  A run can be stopped from outside, so a
 * loop that can take long looks at run->stop: at the end of each iteration if it has loops inside; an innermost one, which is
 * to become straight vector code, only between strips of some thousand iterations.
 *
 * A loop that the plan calls parallel, and that runs on one thread, is declared so to LLVM: each reference in it carries the
 * loop's identity (llvm.mem.parallel_loop_access), and the vectoriser asks no questions about aliasing.  That is true here
 * because private variables are allocas, which LLVM makes into values before.  No other hints are given:
 * llvm.loop.vectorize.enable would allow it to reorder sums.
 *
 * A parallel loop with loops inside, the best one for lanes by the plan (the j of a matrix product), runs in lanes itself;
 * LLVM would not do that.  What does not fill all lanes is done in them, too, under a mask where the processor has masks. */
#include <llvm-c/DebugInfo.h>

#include "jit/cpu/emit.h"

enum { STRIP = 16384, SHORT_TRIP = 64 };

/* ---- polling ----------------------------------------------------------------------------------------------------------- */

void emit_poll(Emit *e)
{
    LLVMBasicBlockRef stop = emit_new_block(e, "stop"), on = emit_new_block(e, "on");
    LLVMValueRef flag = emit_run_field(e, e->b, offsetof(CpuRun, stop), e->ptr);
    LLVMValueRef v = LLVMBuildLoad2(e->b, e->i32, flag, "");
    LLVMSetOrdering(v, LLVMAtomicOrderingMonotonic);
    LLVMSetAlignment(v, 4);
    emit_unlikely(e, LLVMBuildCondBr(e->b, LLVMBuildICmp(e->b, LLVMIntNE, v, LLVMConstInt(e->i32, 0, false), ""), stop, on));
    emit_at(e, stop);
    LLVMBasicBlockRef end = emit_new_block(e, "stopped");
    LLVMTypeRef params[] = { e->ptr };
    LLVMValueRef poll = emit_run_field(e, e->b, offsetof(CpuRun, poll), e->ptr);
    LLVMValueRef ends =
        LLVMBuildCall2(e->b, LLVMFunctionType(e->i32, params, 1, false), poll, (LLVMValueRef[]){ e->f->run }, 1, "");
    emit_if(e, LLVMBuildICmp(e->b, LLVMIntNE, ends, LLVMConstInt(e->i32, 0, false), ""), end, on);
    emit_at(e, end);
    LLVMBuildRet(e->b, LLVMConstInt(e->i32, CPU_STOPPED, false));
    emit_at(e, on);
}

/* A loop of known length that is short enough to be unrolled. */
static bool is_short(const NLoop *l)
{
    return !l->is_while && l->trip && l->trip->op == NOP_Const && l->trip->u.i <= SHORT_TRIP;
}

static bool block_has_loops(const NBlock *b)
{
    for (uint32_t i = 0; i < b->n; i++) {
        const NStmt *s = b->stmt[i];
        if (s->kind == NS_Loop && (!is_short(s->loop) || block_has_loops(&s->loop->body)))
            return true;
        if (block_has_loops(&s->body) || block_has_loops(&s->orelse))
            return true;
    }
    return false;
}

bool emit_has_loops(PItem *const *items, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        const PItem *x = items[i];
        NStmt *one = x->stmt;
        if (x->kind == PI_Stmt && block_has_loops(&(NBlock){ 1, &one }))
            return true;
        if (x->kind == PI_While || (x->kind == PI_Loop && (x->loop->n_upper || !is_short(x->loop->src[0]))))
            return true;
        if (emit_has_loops(x->body, x->n_body) || emit_has_loops(x->orelse, x->n_orelse))
            return true;
    }
    return false;
}

EmitPoll emit_poll_kind(const PItem *item)
{
    if (emit_has_loops(item->body, item->n_body))
        return POLL_Each;
    return !item->loop->n_upper && is_short(item->loop->src[0]) ? POLL_Never : POLL_Strip;
}

/* ---- one loop ---------------------------------------------------------------------------------------------------------- */

LLVMValueRef emit_min(Emit *e, LLVMValueRef a, LLVMValueRef b)
{
    return emit_intrinsic2(e, "llvm.smin", a, b);
}

/* A node that refers to itself names a loop; what else it refers to are wishes. */
static LLVMMetadataRef loop_identity(Emit *e, bool is_rare)
{
    LLVMMetadataRef parts[3] = { LLVMTemporaryMDNode(e->cx, NULL, 0) }, self = parts[0], no[2];
    no[0] = LLVMMDStringInContext2(e->cx, "llvm.loop.unroll.disable", 24);
    parts[1] = LLVMMDNodeInContext2(e->cx, no, 1);
    no[0] = LLVMMDStringInContext2(e->cx, "llvm.loop.vectorize.enable", 26);
    no[1] = LLVMValueAsMetadata(LLVMConstInt(e->i1, 0, false));
    parts[2] = LLVMMDNodeInContext2(e->cx, no, 2);
    LLVMMetadataRef node = LLVMMDNodeInContext2(e->cx, parts, is_rare ? 3 : 1);
    LLVMMetadataReplaceAllUsesWith(self, node);
    return node;
}

/* The loop proper: at least one iteration.  Goes on behind it, in `behind`. */
static void iterate(Emit *e, EmitFor *l, LLVMValueRef first, LLVMValueRef end, LLVMBasicBlockRef behind)
{
    unsigned n_parallel = e->n_parallel;
    LLVMMetadataRef outer = n_parallel ? e->parallel[0] : NULL;
    LLVMMetadataRef identity = l->is_parallel || l->is_rare ? loop_identity(e, l->is_rare) : NULL;
    LLVMBasicBlockRef before = LLVMGetInsertBlock(e->b), body = emit_new_block(e, "loop");
    /* References in a short loop, which will be unrolled, belong to the loop around it as well. */
    if (l->poll != POLL_Never)
        e->n_parallel = 0;
    if (l->is_parallel && e->n_parallel < COUNT_OF(e->parallel))
        e->parallel[e->n_parallel++] = identity;
    LLVMBuildBr(e->b, body);
    emit_at(e, body);
    LLVMValueRef t = LLVMBuildPhi(e->b, e->i64, "t");
    l->body(e, l, t);
    if (!emit_is_ended(e)) {
        LLVMValueRef next = LLVMBuildNSWAdd(e->b, t, emit_int(e, l->step), ""), more;
        if (l->step == 1)
            more = LLVMBuildICmp(e->b, LLVMIntSLT, next, end, "");
        else
            more = LLVMBuildICmp(e->b, LLVMIntSLE, next, LLVMBuildSub(e->b, end, emit_int(e, l->step), ""), "");
        if (l->poll == POLL_Each)
            emit_poll(e);
        LLVMBasicBlockRef latch = LLVMGetInsertBlock(e->b);
        LLVMValueRef branch = LLVMBuildCondBr(e->b, more, body, behind);
        if (identity)
            LLVMSetMetadata(branch, e->md_loop, LLVMMetadataAsValue(e->cx, identity));
        LLVMAddIncoming(t, &next, &latch, 1);
    }
    LLVMAddIncoming(t, &first, &before, 1);
    e->n_parallel = n_parallel;
    e->parallel[0] = outer;
    emit_at(e, behind);
}

static LLVMValueRef has_one(Emit *e, const EmitFor *l, LLVMValueRef first, LLVMValueRef end)
{
    if (l->step == 1)
        return LLVMBuildICmp(e->b, LLVMIntSLT, first, end, "");
    return LLVMBuildICmp(e->b, LLVMIntSGE, LLVMBuildSub(e->b, end, first, ""), emit_int(e, l->step), "");
}

void emit_for(Emit *e, EmitFor *l)
{
    LLVMBasicBlockRef some = emit_new_block(e, "some");
    l->exit = emit_new_block(e, "exit");
    emit_if(e, has_one(e, l, l->first, l->end), some, l->exit);
    emit_at(e, some);
    if (l->poll != POLL_Strip) {
        iterate(e, l, l->first, l->end, l->exit);
        return;
    }
    LLVMBasicBlockRef strip = emit_new_block(e, "strip"), strip_end = emit_new_block(e, "strip_end");
    LLVMBuildBr(e->b, strip);
    emit_at(e, strip);
    LLVMValueRef lo = LLVMBuildPhi(e->b, e->i64, "lo");
    LLVMValueRef hi = emit_min(e, LLVMBuildNSWAdd(e->b, lo, emit_int(e, STRIP), ""), l->end);
    iterate(e, l, lo, hi, strip_end);
    LLVMBasicBlockRef again = emit_new_block(e, "again");
    emit_if(e, has_one(e, l, hi, l->end), again, l->exit);
    emit_at(e, again);
    emit_poll(e);
    LLVMBasicBlockRef latch = LLVMGetInsertBlock(e->b);
    LLVMBuildBr(e->b, strip);
    LLVMAddIncoming(lo, (LLVMValueRef[]){ l->first, hi }, (LLVMBasicBlockRef[]){ some, latch }, 2);
    emit_at(e, l->exit);
}

/* Notes whether the outermost loop ran. */
static void tell_root(Emit *e, LLVMValueRef ran)
{
    LLVMValueRef at = emit_byte_at(e, e->f->run, emit_int(e, offsetof(CpuRun, root_ran)));
    LLVMBuildStore(e->b, LLVMBuildZExt(e->b, ran, e->i32, ""), at);
    e->root_is_told = true;
}

/* ---- loops of the nest ------------------------------------------------------------------------------------------------- */

static LLVMValueRef trip_count(Emit *e, const NLoop *l)
{
    emit_forget(e, 0);
    if (emit_check_needed(e, l->step_check))
        emit_fail_if(e, LLVMBuildICmp(e->b, LLVMIntEQ, emit_expr(e, l->step).re, emit_int(e, 0), ""), l->step_check);
    LLVMValueRef n = emit_expr(e, l->trip).re;
    emit_forget(e, 0);
    return n;
}

static void nest_body(Emit *e, const EmitFor *l, LLVMValueRef t)
{
    const NLoop *loop = l->user;
    EmitTarget target = { e->target, loop->stmt, l->exit, emit_new_block(e, "next") };
    LLVMValueRef outer = e->f->counter[loop->id];
    e->f->counter[loop->id] = t;
    e->target = &target;
    emit_block(e, &loop->body);
    e->target = target.up;
    e->f->counter[loop->id] = outer;
    emit_goto(e, target.next);
    emit_at(e, target.next);
}

void emit_nest_loop(Emit *e, const NLoop *loop)
{
    EmitFor l = { .first = emit_int(e, 0), .end = trip_count(e, loop), .step = 1, .body = nest_body, .user = (void *)loop };
    if (loop == e->nest->root)
        tell_root(e, LLVMBuildICmp(e->b, LLVMIntSGT, l.end, l.first, ""));
    l.poll = block_has_loops(&loop->body) ? POLL_Each : is_short(loop) ? POLL_Never : POLL_Strip;
    emit_for(e, &l);
}

void emit_while(Emit *e, const NStmt *s, const PItem *item)
{
    LLVMBasicBlockRef test = emit_new_block(e, "while"), body = emit_new_block(e, "do");
    EmitTarget target = { e->target, s, emit_new_block(e, "exit"), test };
    unsigned n_parallel = e->n_parallel;
    e->n_parallel = 0;
    LLVMBuildBr(e->b, test);
    emit_at(e, test);
    emit_poll(e);
    emit_forget(e, 0);
    LLVMValueRef cond = emit_expr(e, s->loop->test).re;
    emit_forget(e, 0);
    emit_if(e, cond, body, target.leave);
    emit_at(e, body);
    if (s->loop == e->nest->root)
        tell_root(e, LLVMConstInt(e->i1, 1, false));
    e->target = &target;
    if (item)
        emit_items(e, item->body, item->n_body);
    else
        emit_block(e, &s->loop->body);
    e->target = target.up;
    e->n_parallel = n_parallel;
    emit_goto(e, test);
    emit_at(e, target.leave);
}

/* ---- iterations of the plan -------------------------------------------------------------------------------------------- */

/* The statement by which an item tells where it comes from. */
static const NStmt *some_stmt(const PItem *item)
{
    while (!item->stmt && item->n_body)
        item = item->body[0];
    return item->stmt;
}

static uint32_t source_of(const PLoop *around, const PItem *item)
{
    const NStmt *s = some_stmt(item);
    for (const NLoop *loop = s ? s->loop_in : NULL; loop; loop = loop->up)
        for (uint32_t k = 0; k < around->n_src; k++)
            if (around->src[k] == loop)
                return k;
    return 0;
}

static LLVMValueRef expanded(Emit *e, const NVar *v, LLVMValueRef t)
{
    EmitBuffer *b = &e->f->expand[v->id];
    if (!b->base && e->f->body_of)
        emit_frame_expand(e, v);
    if (!b->base) {
        emit_refuse(e, "an expanded variable without a buffer");
        return LLVMGetPoison(e->ptr);
    }
    LLVMValueRef base = LLVMBuildLoad2(e->b, e->ptr, b->base, "");
    LLVMTypeRef part = emit_scalar_type(e, (DType)v->rep);
    return LLVMBuildInBoundsGEP2(e->b,
                                 emit_is_complex((DType)v->rep) ? LLVMArrayType2(part, 2)
                                 : v->rep == DT_Bool            ? e->i8
                                                                : part,
                                 base, &t, 1, "");
}

/* Elements of buffers have their variable's own type, so that these loops vectorise too; bools are bytes. */
static void restore(Emit *e, const NVar *v, LLVMValueRef t)
{
    LLVMValueRef p = expanded(e, v, t), one = emit_int(e, 1);
    LLVMTypeRef part = v->rep == DT_Bool ? e->i8 : emit_scalar_type(e, (DType)v->rep);
    Val x = { emit_in_buffer(e, LLVMBuildLoad2(e->b, part, p, "")), NULL };
    if (emit_is_complex((DType)v->rep))
        x.im = emit_in_buffer(e, LLVMBuildLoad2(e->b, part, LLVMBuildInBoundsGEP2(e->b, part, p, &one, 1, ""), ""));
    if (v->rep == DT_Bool)
        x.re = LLVMBuildTrunc(e->b, x.re, e->i1, "");
    emit_set_var(e, v, x);
}

static void save(Emit *e, const NVar *v, LLVMValueRef t)
{
    LLVMValueRef p = expanded(e, v, t), one = emit_int(e, 1);
    Val x = emit_get_var(e, v);
    if (v->rep == DT_Bool)
        x.re = LLVMBuildZExt(e->b, x.re, e->i8, "");
    emit_in_buffer(e, LLVMBuildStore(e->b, x.re, p));
    if (x.im)
        emit_in_buffer(
            e, LLVMBuildStore(e->b, x.im, LLVMBuildInBoundsGEP2(e->b, emit_scalar_type(e, (DType)v->rep), p, &one, 1, "")));
}

void emit_iteration(Emit *e, const PItem *item, LLVMValueRef t, LLVMBasicBlockRef leave)
{
    const PLoop *l = item->loop;
    LLVMValueRef outer[64];
    if (l->n_src > COUNT_OF(outer)) {
        emit_refuse(e, "too many loops in one");
        return;
    }
    for (uint32_t k = 0; k < l->n_src; k++) {
        outer[k] = e->f->counter[l->src[k]->id];
        e->f->counter[l->src[k]->id] = t;
    }
    for (uint32_t k = 0; k < l->n_restore; k++)
        restore(e, l->restore_var[k], t);
    for (uint32_t k = 0, next; k < item->n_body; k = next) {
        uint32_t source = source_of(l, item->body[k]);
        for (next = k + 1; next < item->n_body && source_of(l, item->body[next]) == source; next++)
            ;
        EmitTarget target = { e->target, l->src[source]->stmt, leave, emit_new_block(e, "next") };
        e->target = &target;
        emit_items(e, item->body + k, next - k);
        e->target = target.up;
        emit_goto(e, target.next);
        emit_at(e, target.next);
    }
    for (uint32_t k = 0; k < l->n_save; k++)
        save(e, l->save_var[k], t);
    for (uint32_t k = 0; k < l->n_src; k++)
        e->f->counter[l->src[k]->id] = outer[k];
}

static void plan_body(Emit *e, const EmitFor *l, LLVMValueRef t)
{
    emit_iteration(e, l->user, t, l->exit);
}

static int widest(PItem *const *items, uint32_t n);

static int widest_in(const NBlock *b)
{
    int size = 4;
    for (uint32_t i = 0; i < b->n; i++) {
        const NStmt *s = b->stmt[i];
        int here = s->expr ? emit_size((DType)s->expr->rep) : 4, inside = widest_in(&s->body), other = widest_in(&s->orelse);
        here = s->kind == NS_If ? (inside > other ? inside : other) : here;
        size = here > size ? here : size;
    }
    return size;
}

static int widest(PItem *const *items, uint32_t n)
{
    int size = 4;
    for (uint32_t i = 0; i < n; i++) {
        NStmt *one = items[i]->stmt;
        int here = items[i]->kind == PI_Stmt ? widest_in(&(NBlock){ 1, &one }) : widest(items[i]->body, items[i]->n_body);
        size = here > size ? here : size;
    }
    return size;
}

/* As many lanes as four registers hold of the widest type in the body: enough independent chains of additions. */
int emit_best_lanes(const Emit *e, const PItem *item)
{
    int lanes = 4 * e->vector_bits / (8 * widest(item->body, item->n_body));
    return lanes < 4 ? 4 : lanes > 64 ? 64 : lanes;
}

/* ---- bounds ------------------------------------------------------------------------------------------------------------ */

static LLVMValueRef form_value(Emit *e, const NForm *f)
{
    LLVMValueRef sum = emit_int(e, 0);
    for (uint32_t k = 0; k < f->n; k++) {
        LLVMValueRef v = emit_int(e, f->term[k].coef);
        if (f->term[k].loop)
            v = LLVMBuildMul(e->b, v, emit_counter(e, f->term[k].loop), "");
        if (f->term[k].sym)
            v = LLVMBuildMul(e->b, v, emit_symbol(e, f->term[k].sym), "");
        sum = LLVMBuildAdd(e->b, sum, v, "");
    }
    return sum;
}

static LLVMValueRef bound_value(Emit *e, const struct PBound *b)
{
    LLVMValueRef v = form_value(e, b->form), by = emit_int(e, b->scale);
    if (b->scale == 1)
        return v;
    LLVMValueRef rest = LLVMBuildICmp(e->b, LLVMIntSGT, LLVMBuildSRem(e->b, v, by, ""), emit_int(e, 0), "");
    return LLVMBuildAdd(e->b, LLVMBuildSDiv(e->b, v, by, ""), LLVMBuildZExt(e->b, rest, e->i64, ""), "");
}

static void plan_bounds(Emit *e, const PLoop *l, LLVMValueRef *first, LLVMValueRef *end)
{
    *first = emit_int(e, 0);
    *end = NULL;
    for (uint32_t k = 0; k < l->n_upper; k++) {
        LLVMValueRef v = bound_value(e, &l->upper[k]);
        *end = *end ? emit_min(e, *end, v) : v;
    }
    for (uint32_t k = 0; k < l->n_lower; k++)
        *first = emit_intrinsic2(e, "llvm.smax", *first, bound_value(e, &l->lower[k]));
    if (!*end)
        *end = trip_count(e, l->src[0]);
}

/* ---- in program order -------------------------------------------------------------------------------------------------- */

enum { BLOCK = 16 };

typedef struct Blocks { const PLoop *inner; const EmitFor *lanes; LLVMValueRef end; } Blocks;

static void block_body(Emit *e, const EmitFor *f, LLVMValueRef lo)
{
    const Blocks *b = f->user;
    EmitFor lanes = *b->lanes;
    e->cut = b->inner;
    e->cut_first = lo;
    e->cut_end = emit_min(e, LLVMBuildNSWAdd(e->b, lo, emit_int(e, BLOCK), ""), b->end);
    emit_for(e, &lanes);
    e->cut = NULL;
}

/* The loop in lanes, once for each block of the one inside; once if that has no iterations. */
static void lanes_in_blocks(Emit *e, const PLoop *inner, const EmitFor *lanes)
{
    LLVMValueRef first, end;
    plan_bounds(e, inner, &first, &end);
    LLVMValueRef n = emit_intrinsic2(e, "llvm.smax", LLVMBuildNSWSub(e->b, end, first, ""), emit_int(e, 1));
    LLVMValueRef whole = LLVMBuildAnd(e->b, LLVMBuildNSWAdd(e->b, n, emit_int(e, BLOCK - 1), ""), emit_int(e, -BLOCK), "");
    Blocks b = { inner, lanes, end };
    EmitFor f = { .first = first, .end = LLVMBuildNSWAdd(e->b, first, whole, ""), .step = BLOCK, .body = block_body, .user = &b };
    emit_for(e, &f);
}

/* Whole strips, or (tail not NULL) one of which only the first lanes take part. */
static void lanes_if(Emit *e, const PItem *item, EmitFor *f, LLVMValueRef cond, LLVMValueRef tail)
{
    LLVMBasicBlockRef some = emit_new_block(e, "some"), on = emit_new_block(e, "on");
    const PItem *inner = emit_block_loop(e, item);
    emit_if(e, cond, some, on);
    emit_at(e, some);
    if (tail)
        emit_tail_begin(e, tail);
    emit_lanes_first(e);
    if (inner)
        lanes_in_blocks(e, inner->loop, f);
    else
        emit_for(e, f);
    emit_lanes_last(e);
    if (tail)
        emit_tail_end(e);
    LLVMBuildBr(e->b, on);
    emit_at(e, on);
}

/* A loop of the plan in lanes; returns the first iteration that is left over, or NULL: not in lanes. */
static LLVMValueRef lanes_part(Emit *e, const PItem *item, LLVMValueRef first, LLVMValueRef end)
{
    const PLoop *l = item->loop;
    int lanes = emit_best_lanes(e, item);
    if (l->mode != PM_Parallel || !(l->is_vector || e->in_program_order) || e->lanes || e->rows || !emit_likes_lanes(e, item) ||
        !emit_lanes_begin(e, item, lanes, false))
        return NULL;
    EmitFor f = { .first = first, .end = end, .step = lanes, .poll = POLL_Each, .body = plan_body, .user = (void *)item };
    LLVMValueRef n = emit_intrinsic2(e, "llvm.smax", LLVMBuildNSWSub(e->b, end, first, ""), emit_int(e, 0));
    LLVMValueRef rest = LLVMBuildAnd(e->b, n, emit_int(e, lanes - 1), ""), left = LLVMBuildNSWSub(e->b, end, rest, "");
    lanes_if(e, item, &f, LLVMBuildICmp(e->b, LLVMIntSGE, n, emit_int(e, lanes), ""), NULL);
    if (emit_has_tails(e, item)) {
        f.first = left;
        f.end = LLVMBuildNSWAdd(e->b, left, emit_int(e, lanes), "");
        lanes_if(e, item, &f, LLVMBuildICmp(e->b, LLVMIntSGT, rest, emit_int(e, 0), ""), rest);
        left = end;
    }
    emit_lanes_end(e);
    return left;
}

void emit_plain_order(Emit *e, const PItem *item, LLVMValueRef first, LLVMValueRef end)
{
    LLVMValueRef left = lanes_part(e, item, first, end);
    left = left ? left : emit_jammed(e, item, first, end);
    if (left == end)
        return;
    EmitFor f = { .first = left ? left : first,
                  .end = end,
                  .step = 1,
                  .poll = emit_poll_kind(item),
                  .is_rare = e->is_rare,
                  .body = plan_body,
                  .user = (void *)item };
    if (e->in_program_order && emit_n_ordered(item->loop) && f.poll == POLL_Strip)
        f.poll = POLL_Never;
    f.is_parallel = item->loop->mode != PM_Sequential && !emit_n_ordered(item->loop) && e->lanes == 0;
    emit_for(e, &f);
}

void emit_in_order(Emit *e, const PItem *item, LLVMValueRef first, LLVMValueRef end)
{
    if (emit_kept_loop(e, item, first, end, emit_plain_order) || emit_split(e, item, first, end) ||
        emit_short_sums(e, item, first, end))
        return;
    LLVMValueRef left = emit_tiled(e, item, first, end);
    if (left != end)
        emit_plain_order(e, item, left ? left : first, end);
}

/* ---- a loop of the plan ------------------------------------------------------------------------------------------------ */

/* Room for what this loop keeps of expanded variables. */
static void make_buffers(Emit *e, const PLoop *l, LLVMValueRef end)
{
    for (uint32_t k = 0; k < l->n_save; k++) {
        const NVar *v = l->save_var[k];
        LLVMValueRef size = LLVMBuildMul(e->b, end, emit_int(e, emit_is_complex((DType)v->rep) ? 16 : 8), "");
        emit_room(e, &e->f->expand[v->id], size);
    }
}

static bool holds_root(const PItem *item, const NLoop *root)
{
    for (uint32_t k = 0; item->kind == PI_Loop && k < item->loop->n_src; k++)
        if (item->loop->src[k] == root)
            return true;
    for (uint32_t k = 0; k < item->n_body; k++)
        if (holds_root(item->body[k], root))
            return true;
    return false;
}

static void loop_here(Emit *e, const PItem *item, LLVMValueRef first, LLVMValueRef end)
{
    if (emit_n_ordered(item->loop) && !e->in_program_order)
        emit_reduction(e, item, first, end);
    else
        emit_in_order(e, item, first, end);
}

void emit_loop(Emit *e, const PItem *item)
{
    const PLoop *l = item->loop;
    LLVMValueRef first, end;
    if (!e->root_is_told && holds_root(item, e->nest->root)) {
        emit_forget(e, 0);
        tell_root(e, LLVMBuildICmp(e->b, LLVMIntSGT, emit_expr(e, e->nest->root->trip).re, emit_int(e, 0), ""));
    }
    plan_bounds(e, l, &first, &end);
    if (e->cut == l) {
        first = e->cut_first;
        end = e->cut_end;
    }
    if (l->n_save)
        make_buffers(e, l, end);
    bool spread = l->is_outer_parallel && l->mode != PM_Sequential && !e->lanes && !e->f->body_of &&
                  (e->opt->spread_all || !emit_is_tiny(item));
    if (spread && emit_spread(e, item, first, end))
        return;
    if (!emit_guarded(e, item, first, end, loop_here))
        loop_here(e, item, first, end);
}
