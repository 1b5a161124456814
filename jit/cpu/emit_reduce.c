/* jit/cpu/emit_reduce.c — loops with ordered accumulations: the canonical tree of interp/reduce_tree.h.
 *
 * A loop of more than 128 iterations is cut into chunks of 4096; in a chunk, iteration k runs while the variable holds lane k
 * % 32, lanes begin with the identity and are folded at the end; the results of the chunks are put into a buffer, which
 * run->fold() takes through the levels above.  128 iterations or fewer run in program order.  Three ways to do that:
 *
 *   in lanes     the body is done for 32 iterations at once, variables are vectors of 32 elements: straight vector code, four
 *                registers of doubles with AVX-512.  For bodies without loops that can be done in lanes (emit_lane.c).  The last
 *                iterations of a chunk run one by one on lanes in memory.
 *   in memory    an array of 32 lanes; each iteration takes the variable from its lane and puts it back.  With a mask of 0
 *                instead of 31, and a first lane that begins with the variable's value, the same loop is program order.
 *   by lanes     over threads, if the body has loops of its own: lanes do not depend on each other, so each is a unit of
 *                work.  That gives a nest of a thousand rows, which is one chunk, 32 units. */
#include "interp/reduce_tree.h"
#include "jit/cpu/emit.h"

enum { MAX_ORDERED = 32, CHUNKS_ON_STACK = 64, ELEMENT_ROOM = 16 };

/* One loop's accumulations. */
typedef struct Tree {
    const PItem *item;
    LLVMValueRef first, n, n_chunks;    /* first iteration, number of iterations (> 0), of chunks */
    LLVMValueRef is_tree;               /* more than 128 iterations */
    LLVMValueRef room;                  /* results of the chunks: [accumulation][chunk] elements, ELEMENT_ROOM bytes per chunk */
    bool     in_lanes;
    uint32_t count;
    const VarUse *use[MAX_ORDERED];
    Val      start[MAX_ORDERED];        /* the variables' values before the loop */
    Val      lane[MAX_ORDERED];         /* in memory: arrays of lanes */
} Tree;

uint32_t emit_n_ordered(const PLoop *l)
{
    uint32_t n = 0;
    for (uint32_t i = 0; l->mode == PM_Reduction && i < l->n_red; i++)
        n += l->red[i].use->is_ordered;
    return n;
}

/* ---- values ------------------------------------------------------------------------------------------------------------ */

/* What leaves any value as it is. */
Val emit_identity(Emit *e, const VarUse *use)
{
    DType rep = (DType)use->var->rep;
    if (rep > DT_U64) {
        double inf = __builtin_inf();
        double v = use->red == RK_Sum ? -0.0 : use->red == RK_Prod ? 1 : use->red == RK_Min ? inf : -inf;
        double im = use->red == RK_Prod ? 0 : v;
        return (Val){ emit_real_of(e, rep, v), emit_is_complex(rep) ? emit_real_of(e, rep, im) : NULL };
    }
    int64_t least = emit_is_signed(rep) ? INT64_MIN >> (64 - 8 * emit_size(rep)) : 0;
    switch (use->red) {
    case RK_Min:  return (Val){ emit_int_of(e, rep, ~least), NULL };
    case RK_Max:  return (Val){ emit_int_of(e, rep, least), NULL };
    case RK_And:  return (Val){ emit_int_of(e, rep, -1), NULL };
    case RK_Prod: return (Val){ emit_int_of(e, rep, 1), NULL };
    case RK_Sum: case RK_Or: case RK_Xor: case RK_Arg: break;
    }
    return (Val){ emit_int_of(e, rep, 0), NULL };
}

static Val combine(Emit *e, const VarUse *use, Val a, Val b)
{
    return emit_binary(e, var_use_op(use), (DType)use->var->rep, a, b, false);
}

static LLVMValueRef some_lanes(Emit *e, LLVMValueRef v, int first, int n)
{
    LLVMValueRef lane[TREE_LANES];
    for (int i = 0; i < n; i++)
        lane[i] = LLVMConstInt(e->i32, (unsigned)(first + i), false);
    return LLVMBuildShuffleVector(e->b, v, LLVMGetPoison(LLVMTypeOf(v)), LLVMConstVector(lane, (unsigned)n), "");
}

/* Lane l takes lane l + 16, then l + 8, 4, 2, 1; lane 0 is the result. */
static Val fold_lanes(Emit *e, const VarUse *use, Val v)
{
    for (int half = TREE_LANES / 2; half >= 1; half /= 2) {
        Val lo = { some_lanes(e, v.re, 0, half), v.im ? some_lanes(e, v.im, 0, half) : NULL };
        Val hi = { some_lanes(e, v.re, half, half), v.im ? some_lanes(e, v.im, half, half) : NULL };
        v = combine(e, use, lo, hi);
    }
    LLVMValueRef zero = LLVMConstInt(e->i32, 0, false);
    return (Val){ LLVMBuildExtractElement(e->b, v.re, zero, ""), v.im ? LLVMBuildExtractElement(e->b, v.im, zero, "") : NULL };
}

/* ---- results of chunks ------------------------------------------------------------------------------------------------- */

static LLVMValueRef results_of(Emit *e, const Tree *t, uint32_t k)
{
    LLVMValueRef offset = LLVMBuildMul(e->b, t->n_chunks, emit_int(e, (int64_t)k * ELEMENT_ROOM), "");
    return emit_byte_at(e, t->room, offset);
}

static LLVMValueRef result_at(Emit *e, const Tree *t, uint32_t k, LLVMValueRef chunk)
{
    int64_t size = emit_size((DType)t->use[k]->var->rep);
    return emit_byte_at(e, results_of(e, t, k), LLVMBuildMul(e->b, chunk, emit_int(e, size), ""));
}

/* Elements of float and complex dtypes lie in memory as CpuScalars do. */
static void store_element(Emit *e, const VarUse *use, Val v, LLVMValueRef p)
{
    emit_store_scalar(e, v, (DType)use->var->rep, p);
}

static LLVMValueRef chunk_count(Emit *e, LLVMValueRef n)
{
    return LLVMBuildLShr(e->b, LLVMBuildAdd(e->b, n, emit_int(e, TREE_CHUNK - 1), ""), emit_int(e, 12), "");
}

static LLVMValueRef is_tree(Emit *e, LLVMValueRef n)
{
    return LLVMBuildICmp(e->b, LLVMIntSGT, n, emit_int(e, TREE_PROGRAM), "");
}

static Tree tree_new(Emit *e, const PItem *item, LLVMValueRef first, LLVMValueRef n, bool in_lanes)
{
    const PLoop *l = item->loop;
    Tree t = {
        .item = item, .first = first, .n = n, .n_chunks = chunk_count(e, n), .is_tree = is_tree(e, n), .in_lanes = in_lanes
    };
    for (uint32_t i = 0; i < l->n_red; i++) {
        if (!l->red[i].use->is_ordered)
            continue;
        if (t.count == MAX_ORDERED) {
            emit_refuse(e, "too many accumulations");
            break;
        }
        t.use[t.count++] = l->red[i].use;
    }
    return t;
}

/* The variables' values: start + tree, or what program order gave. */
static void tree_finish(Emit *e, const Tree *t)
{
    for (uint32_t k = 0; k < t->count; k++) {
        const VarUse *u = t->use[k];
        DType rep = (DType)u->var->rep;
        LLVMBasicBlockRef many = emit_new_block(e, "many"), on = emit_new_block(e, "on");
        LLVMValueRef results = results_of(e, t, k), sum = emit_alloca(e, e->scalar_type, "tree");
        store_element(e, u, emit_load_scalar(e, rep, results), sum);
        emit_if(e, LLVMBuildICmp(e->b, LLVMIntSGT, t->n_chunks, emit_int(e, 1), ""), many, on);
        emit_at(e, many);
        LLVMTypeRef params[] = { e->ptr, e->i32, e->i32, e->ptr, e->i64, e->ptr };
        LLVMValueRef op = LLVMConstInt(e->i32, u->red == RK_Sum ? TREE_Add : TREE_Mul, false);
        LLVMValueRef args[] = { e->f->run, op, LLVMConstInt(e->i32, rep, false), results, t->n_chunks, sum };
        LLVMValueRef fold = emit_run_field(e, e->b, offsetof(CpuRun, fold), e->ptr);
        LLVMBuildCall2(e->b, LLVMFunctionType(e->void_type, params, 6, false), fold, args, 6, "");
        LLVMBuildBr(e->b, on);
        emit_at(e, on);
        Val v = emit_load_scalar(e, rep, sum);
        emit_fill_var(e, u->var, emit_select(e, t->is_tree, combine(e, u, t->start[k], v), v));
    }
}

/* ---- one chunk in lanes ------------------------------------------------------------------------------------------------ */

static void lanes_body(Emit *e, const EmitFor *f, LLVMValueRef t)
{
    const Tree *tree = f->user;
    emit_iteration(e, tree->item, t, f->exit);
}

static LLVMValueRef lane_at(Emit *e, DType rep, LLVMValueRef lanes, LLVMValueRef index)
{
    return LLVMBuildInBoundsGEP2(e->b, emit_scalar_type(e, rep), lanes, &index, 1, "");
}

static Val lane_array(Emit *e, DType rep)
{
    LLVMTypeRef type = LLVMVectorType(emit_scalar_type(e, rep), TREE_LANES);
    return (Val){ emit_alloca(e, type, "lanes"), emit_is_complex(rep) ? emit_alloca(e, type, "lanes") : NULL };
}

static Val load_lanes(Emit *e, DType rep, Val lanes)
{
    LLVMTypeRef type = LLVMVectorType(emit_scalar_type(e, rep), TREE_LANES);
    return (Val){ LLVMBuildLoad2(e->b, type, lanes.re, ""), lanes.im ? LLVMBuildLoad2(e->b, type, lanes.im, "") : NULL };
}

static void store_lanes(Emit *e, Val lanes, Val v)
{
    LLVMBuildStore(e->b, v.re, lanes.re);
    if (v.im)
        LLVMBuildStore(e->b, v.im, lanes.im);
}

/* Iteration t on lane `index` in memory. */
static void on_lane(Emit *e, const Tree *tree, LLVMValueRef t, LLVMValueRef index, LLVMBasicBlockRef leave)
{
    for (uint32_t k = 0; k < tree->count; k++) {
        DType rep = (DType)tree->use[k]->var->rep;
        LLVMTypeRef part = emit_scalar_type(e, rep);
        Val lane = tree->lane[k], v = { LLVMBuildLoad2(e->b, part, lane_at(e, rep, lane.re, index), ""), NULL };
        if (lane.im)
            v.im = LLVMBuildLoad2(e->b, part, lane_at(e, rep, lane.im, index), "");
        emit_fill_var(e, tree->use[k]->var, v);
    }
    emit_iteration(e, tree->item, t, leave);
    for (uint32_t k = 0; k < tree->count; k++) {
        DType rep = (DType)tree->use[k]->var->rep;
        Val lane = tree->lane[k], v = emit_get_var(e, tree->use[k]->var);
        LLVMBuildStore(e->b, v.re, lane_at(e, rep, lane.re, index));
        if (v.im)
            LLVMBuildStore(e->b, v.im, lane_at(e, rep, lane.im, index));
    }
}

typedef struct Rest { const Tree *tree; LLVMValueRef start; } Rest;

static void rest_body(Emit *e, const EmitFor *f, LLVMValueRef t)
{
    const Rest *r = f->user;
    on_lane(e, r->tree, t, LLVMBuildSub(e->b, t, r->start, ""), f->exit);
}

/* Variables in lanes: those that follow the tree, and those of which any order will do. */
static void set_identities(Emit *e, const PLoop *l)
{
    e->width = e->lanes;
    for (uint32_t i = 0; i < l->n_red; i++)
        emit_fill_var(e, l->red[i].use->var, emit_identity(e, l->red[i].use));
    e->width = 1;
}

/* Iterations base … base + count - 1. */
static void chunk_in_lanes(Emit *e, Tree *t, LLVMValueRef base, LLVMValueRef count, Val *result)
{
    const PLoop *l = t->item->loop;
    Val lanes[MAX_ORDERED];
    if (!emit_lanes_begin(e, t->item, TREE_LANES, true)) {
        emit_refuse(e, "an accumulation that cannot be done in lanes");
        return;
    }
    set_identities(e, l);
    LLVMValueRef end = LLVMBuildNSWAdd(e->b, base, count, "");
    EmitFor f = { .first = base, .end = end, .step = TREE_LANES, .poll = POLL_Never, .body = lanes_body, .user = t };
    emit_lanes_first(e);
    emit_for(e, &f);
    emit_lanes_last(e);
    for (uint32_t i = 0, k = 0; i < l->n_red; i++) {
        const VarUse *u = l->red[i].use;
        e->width = e->lanes;
        Val v = emit_get_var(e, u->var);
        e->width = 1;
        if (u->is_ordered)
            lanes[k++] = v;
        else
            emit_fill_var(e, u->var, combine(e, u, emit_get_var(e, u->var), fold_lanes(e, u, v)));
    }
    emit_lanes_end(e);
    LLVMBasicBlockRef whole = LLVMGetInsertBlock(e->b), some = emit_new_block(e, "some"), on = emit_new_block(e, "on");
    LLVMValueRef rest = LLVMBuildAnd(e->b, count, emit_int(e, TREE_LANES - 1), "");
    emit_unlikely(e, LLVMBuildCondBr(e->b, LLVMBuildICmp(e->b, LLVMIntNE, rest, emit_int(e, 0), ""), some, on));
    emit_at(e, some);
    for (uint32_t k = 0; k < t->count; k++)
        store_lanes(e, t->lane[k], lanes[k]);
    Rest r = { t, LLVMBuildSub(e->b, end, rest, "") };
    EmitFor tail = { .first = r.start, .end = end, .step = 1, .is_rare = true, .body = rest_body, .user = &r };
    emit_for(e, &tail);
    Val after[MAX_ORDERED];
    for (uint32_t k = 0; k < t->count; k++)
        after[k] = load_lanes(e, (DType)t->use[k]->var->rep, t->lane[k]);
    LLVMBasicBlockRef from[2] = { whole, LLVMGetInsertBlock(e->b) };
    LLVMBuildBr(e->b, on);
    emit_at(e, on);
    for (uint32_t k = 0; k < t->count; k++) {
        Val v = { LLVMBuildPhi(e->b, LLVMTypeOf(lanes[k].re), ""), NULL };
        LLVMAddIncoming(v.re, (LLVMValueRef[]){ lanes[k].re, after[k].re }, from, 2);
        if (lanes[k].im) {
            v.im = LLVMBuildPhi(e->b, LLVMTypeOf(lanes[k].im), "");
            LLVMAddIncoming(v.im, (LLVMValueRef[]){ lanes[k].im, after[k].im }, from, 2);
        }
        lanes[k] = v;
    }
    for (uint32_t k = 0; k < t->count; k++)
        result[k] = fold_lanes(e, t->use[k], lanes[k]);
}

/* ---- one chunk in memory ----------------------------------------------------------------------------------------------- */

typedef struct Laned { const Tree *tree; LLVMValueRef base, mask; } Laned;

static void memory_body(Emit *e, const EmitFor *f, LLVMValueRef k)
{
    const Laned *l = f->user;
    on_lane(e, l->tree, LLVMBuildNSWAdd(e->b, l->base, k, ""), LLVMBuildAnd(e->b, k, l->mask, ""), f->exit);
}

static void chunk_in_memory(Emit *e, Tree *t, LLVMValueRef base, LLVMValueRef count, Val *result)
{
    LLVMValueRef zero = emit_int(e, 0);
    for (uint32_t k = 0; k < t->count; k++) {
        const VarUse *u = t->use[k];
        DType rep = (DType)u->var->rep;
        e->width = TREE_LANES;
        Val identity = emit_identity(e, u);
        e->width = 1;
        store_lanes(e, t->lane[k], identity);
        Val begin = emit_select(e, t->is_tree, emit_identity(e, u), t->start[k]);
        LLVMBuildStore(e->b, begin.re, lane_at(e, rep, t->lane[k].re, zero));
        if (begin.im)
            LLVMBuildStore(e->b, begin.im, lane_at(e, rep, t->lane[k].im, zero));
    }
    Laned l = { t, base, LLVMBuildSelect(e->b, t->is_tree, emit_int(e, TREE_LANES - 1), zero, "") };
    EmitFor f = { .first = zero, .end = count, .step = 1, .body = memory_body, .user = &l };
    f.poll = emit_has_loops(t->item->body, t->item->n_body) ? POLL_Each : POLL_Never;
    emit_for(e, &f);
    for (uint32_t k = 0; k < t->count; k++) {
        DType rep = (DType)t->use[k]->var->rep;
        LLVMTypeRef part = emit_scalar_type(e, rep);
        Val alone = { LLVMBuildLoad2(e->b, part, t->lane[k].re, ""),
                      t->lane[k].im ? LLVMBuildLoad2(e->b, part, t->lane[k].im, "") : NULL };
        result[k] = emit_select(e, t->is_tree, fold_lanes(e, t->use[k], load_lanes(e, rep, t->lane[k])), alone);
    }
}

/* ---- chunks ------------------------------------------------------------------------------------------------------------ */

static void chunk_body(Emit *e, const EmitFor *f, LLVMValueRef chunk)
{
    Tree *t = f->user;
    Val result[MAX_ORDERED] = { { NULL, NULL } };
    LLVMValueRef done = LLVMBuildMul(e->b, chunk, emit_int(e, TREE_CHUNK), "");
    LLVMValueRef base = LLVMBuildNSWAdd(e->b, t->first, done, ""),
                 count = emit_min(e, LLVMBuildNSWSub(e->b, t->n, done, ""), emit_int(e, TREE_CHUNK));
    if (t->in_lanes)
        chunk_in_lanes(e, t, base, count, result);
    else
        chunk_in_memory(e, t, base, count, result);
    for (uint32_t k = 0; k < t->count && !e->error[0]; k++)
        store_element(e, t->use[k], result[k], result_at(e, t, k, chunk));
}

/* Chunks lo … hi - 1; the loop's program order if it is short. */
static void emit_chunks(Emit *e, Tree *t, LLVMValueRef lo, LLVMValueRef hi)
{
    for (uint32_t k = 0; k < t->count; k++)
        t->lane[k] = lane_array(e, (DType)t->use[k]->var->rep);
    EmitFor f = { .first = lo, .end = hi, .step = 1, .poll = POLL_Each, .body = chunk_body, .user = t };
    if (!t->in_lanes || LLVMIsConstant(t->is_tree)) {
        emit_for(e, &f);
        return;
    }
    LLVMBasicBlockRef tree = emit_new_block(e, "tree"), order = emit_new_block(e, "order"), on = emit_new_block(e, "on");
    emit_if(e, t->is_tree, tree, order);
    emit_at(e, order);
    for (uint32_t k = 0; k < t->count; k++)
        emit_fill_var(e, t->use[k]->var, t->start[k]);
    emit_in_order(e, t->item, t->first, LLVMBuildNSWAdd(e->b, t->first, t->n, ""));
    for (uint32_t k = 0; k < t->count; k++)
        store_element(e, t->use[k], emit_get_var(e, t->use[k]->var), results_of(e, t, k));
    LLVMBuildBr(e->b, on);
    emit_at(e, tree);
    emit_for(e, &f);
    LLVMBuildBr(e->b, on);
    emit_at(e, on);
}

static bool can_be_in_lanes(Emit *e, const PItem *item)
{
    bool can = !e->is_rare && !emit_has_loops(item->body, item->n_body) && emit_lanes_begin(e, item, TREE_LANES, true);
    if (can)
        emit_lanes_end(e);
    return can;
}

void emit_reduction(Emit *e, const PItem *item, LLVMValueRef first, LLVMValueRef end)
{
    LLVMBasicBlockRef some = emit_new_block(e, "some"), behind = emit_new_block(e, "behind");
    LLVMValueRef n = LLVMBuildNSWSub(e->b, end, first, "");
    emit_if(e, LLVMBuildICmp(e->b, LLVMIntSGT, n, emit_int(e, 0), ""), some, behind);
    emit_at(e, some);
    Tree t = tree_new(e, item, first, n, can_be_in_lanes(e, item));
    for (uint32_t k = 0; k < t.count; k++)
        t.start[k] = emit_get_var(e, t.use[k]->var);
    if (t.in_lanes) {
        LLVMBasicBlockRef order = emit_new_block(e, "order"), tree = emit_new_block(e, "tree");
        emit_if(e, t.is_tree, tree, order);
        emit_at(e, order);
        e->in_program_order = true;
        emit_in_order(e, item, first, end);
        e->in_program_order = false;
        LLVMBuildBr(e->b, behind);
        emit_at(e, tree);
        t.is_tree = LLVMConstInt(e->i1, 1, false);
    }
    LLVMTypeRef element = e->scalar_type;
    LLVMValueRef stack = emit_alloca(e, LLVMArrayType2(element, (uint64_t)CHUNKS_ON_STACK * t.count), "chunks");
    LLVMBasicBlockRef few = LLVMGetInsertBlock(e->b), many = emit_new_block(e, "many"), on = emit_new_block(e, "on");
    emit_if(e, LLVMBuildICmp(e->b, LLVMIntSGT, t.n_chunks, emit_int(e, CHUNKS_ON_STACK), ""), many, on);
    emit_at(e, many);
    EmitBuffer buffer = { NULL, NULL, NULL };
    LLVMValueRef heap = emit_room(e, &buffer, LLVMBuildMul(e->b, t.n_chunks, emit_int(e, (int64_t)t.count * ELEMENT_ROOM), ""));
    LLVMBasicBlockRef from = LLVMGetInsertBlock(e->b);
    LLVMBuildBr(e->b, on);
    emit_at(e, on);
    t.room = LLVMBuildPhi(e->b, e->ptr, "");
    LLVMAddIncoming(t.room, (LLVMValueRef[]){ stack, heap }, (LLVMBasicBlockRef[]){ few, from }, 2);
    emit_chunks(e, &t, emit_int(e, 0), t.n_chunks);
    tree_finish(e, &t);
    LLVMBuildBr(e->b, behind);
    emit_at(e, behind);
}

/* ---- over threads ------------------------------------------------------------------------------------------------------ */

EmitCut emit_reduction_cut(Emit *e, const PItem *item)
{
    const PLoop *l = item->loop;
    if (!emit_has_loops(item->body, item->n_body))
        return CUT_Chunks;
    for (uint32_t i = 0; i < l->n_red; i++)
        if (l->red[i].use->red == RK_Min || l->red[i].use->red == RK_Max || l->red[i].use->red == RK_Arg)
            return CUT_Chunks;
    return CUT_Lanes;
}

LLVMValueRef emit_reduction_units(Emit *e, EmitCut cut, LLVMValueRef n)
{
    if (cut == CUT_Chunks)
        return n;
    LLVMValueRef lanes = LLVMBuildShl(e->b, chunk_count(e, n), emit_int(e, 5), "");
    return LLVMBuildSelect(e->b, is_tree(e, n), lanes, emit_int(e, 1), "");
}

/* By lanes, behind the results of the chunks: [accumulation][unit] CpuScalars. */
static LLVMValueRef unit_at(Emit *e, const Tree *t, uint32_t k, LLVMValueRef unit)
{
    LLVMValueRef lanes = LLVMBuildShl(e->b, t->n_chunks, emit_int(e, 5), "");
    LLVMValueRef index = LLVMBuildAdd(e->b, LLVMBuildMul(e->b, lanes, emit_int(e, k), ""), unit, "");
    LLVMValueRef base =
        emit_byte_at(e, t->room, LLVMBuildMul(e->b, t->n_chunks, emit_int(e, (int64_t)t->count * ELEMENT_ROOM), ""));
    return emit_slot_at(e, base, index);
}

LLVMValueRef emit_reduction_open(Emit *e, const PItem *item, EmitCut cut, LLVMValueRef n)
{
    Tree t = tree_new(e, item, NULL, n, false);
    EmitBuffer buffer = { NULL, NULL, NULL };
    int64_t per_chunk = (cut == CUT_Lanes ? 1 + TREE_LANES : 1) * (int64_t)t.count * ELEMENT_ROOM;
    return emit_room(e, &buffer, LLVMBuildMul(e->b, t.n_chunks, emit_int(e, per_chunk), ""));
}

typedef struct Units { Tree *tree; LLVMValueRef last; } Units;
typedef struct UnitLoop { const Tree *tree; LLVMValueRef start, step; } UnitLoop;

static void unit_iteration(Emit *e, const EmitFor *f, LLVMValueRef j)
{
    const UnitLoop *u = f->user;
    LLVMValueRef t = LLVMBuildNSWAdd(e->b, u->start, LLVMBuildNSWMul(e->b, j, u->step, ""), "");
    emit_forget_assigned(e, u->tree->item->loop);
    emit_iteration(e, u->tree->item, t, f->exit);
    emit_note_assigned(e, u->tree->item->loop, t);
}

/* All iterations of one lane of one chunk. */
static void unit_body(Emit *e, const EmitFor *f, LLVMValueRef unit)
{
    const Units *units = f->user;
    Tree *t = units->tree;
    LLVMValueRef chunk = LLVMBuildLShr(e->b, unit, emit_int(e, 5), ""),
                 lane = LLVMBuildAnd(e->b, unit, emit_int(e, TREE_LANES - 1), "");
    LLVMValueRef done = LLVMBuildMul(e->b, chunk, emit_int(e, TREE_CHUNK), ""), begin = LLVMBuildNSWAdd(e->b, done, lane, "");
    LLVMValueRef end = emit_min(e, t->n, LLVMBuildNSWAdd(e->b, done, emit_int(e, TREE_CHUNK), ""));
    LLVMValueRef shift = LLVMBuildSelect(e->b, t->is_tree, emit_int(e, 5), emit_int(e, 0), "");
    LLVMValueRef step = LLVMBuildShl(e->b, emit_int(e, 1), shift, ""), less = LLVMBuildSub(e->b, step, emit_int(e, 1), "");
    LLVMValueRef count = LLVMBuildAShr(e->b, LLVMBuildNSWAdd(e->b, LLVMBuildNSWSub(e->b, end, begin, ""), less, ""), shift, "");
    for (uint32_t k = 0; k < t->count; k++)
        emit_fill_var(e, t->use[k]->var, emit_select(e, t->is_tree, emit_identity(e, t->use[k]), t->start[k]));
    UnitLoop u = { t, LLVMBuildNSWAdd(e->b, t->first, begin, ""), step };
    EmitFor inner = { .first = emit_int(e, 0), .end = count, .step = 1, .poll = POLL_Each, .body = unit_iteration, .user = &u };
    emit_for(e, &inner);
    for (uint32_t k = 0; k < t->count; k++)
        emit_store_scalar(e, emit_get_var(e, t->use[k]->var), (DType)t->use[k]->var->rep, unit_at(e, t, k, unit));
    if (t->item->loop->n_last == 0)
        return;
    LLVMBasicBlockRef last = emit_new_block(e, "last"), on = emit_new_block(e, "on");
    emit_if(e, LLVMBuildICmp(e->b, LLVMIntEQ, unit, units->last, ""), last, on);
    emit_at(e, last);
    emit_last_values(e, t->item->loop);
    LLVMBuildBr(e->b, on);
    emit_at(e, on);
}

void emit_reduction_part(Emit *e, const PItem *item, EmitCut cut, LLVMValueRef first, LLVMValueRef n, LLVMValueRef room,
                         LLVMValueRef lo, LLVMValueRef hi)
{
    Tree t = tree_new(e, item, first, n, cut == CUT_Chunks && can_be_in_lanes(e, item));
    t.room = room;
    for (uint32_t k = 0; k < t.count; k++)
        t.start[k] = emit_frame_start(e, t.use[k]->var);
    if (cut == CUT_Chunks) {
        emit_chunks(e, &t, LLVMBuildLShr(e->b, lo, emit_int(e, 12), ""), chunk_count(e, hi));
        return;
    }
    LLVMValueRef before = LLVMBuildSub(e->b, n, emit_int(e, 1), "");
    LLVMValueRef unit =
        LLVMBuildOr(e->b, LLVMBuildShl(e->b, LLVMBuildLShr(e->b, before, emit_int(e, 12), ""), emit_int(e, 5), ""),
                    LLVMBuildAnd(e->b, before, emit_int(e, TREE_LANES - 1), ""), "");
    Units u = { &t, LLVMBuildSelect(e->b, t.is_tree, unit, emit_int(e, 0), "") };
    EmitFor f = { .first = lo, .end = hi, .step = 1, .poll = POLL_Each, .body = unit_body, .user = &u };
    emit_for(e, &f);
}

/* The lanes of one chunk, from units to its result. */
static void close_chunk(Emit *e, const EmitFor *f, LLVMValueRef chunk)
{
    const Tree *t = f->user;
    for (uint32_t k = 0; k < t->count; k++) {
        DType rep = (DType)t->use[k]->var->rep;
        LLVMTypeRef type = LLVMVectorType(emit_scalar_type(e, rep), TREE_LANES);
        LLVMValueRef unit = LLVMBuildShl(e->b, chunk, emit_int(e, 5), "");
        Val v = { LLVMGetPoison(type), emit_is_complex(rep) ? LLVMGetPoison(type) : NULL }, alone = { NULL, NULL };
        for (unsigned i = 0; i < TREE_LANES; i++) {
            LLVMValueRef at = LLVMConstInt(e->i32, i, false);
            Val x = emit_load_scalar(e, rep, unit_at(e, t, k, LLVMBuildAdd(e->b, unit, emit_int(e, i), "")));
            alone = i ? alone : x;
            v.re = LLVMBuildInsertElement(e->b, v.re, x.re, at, "");
            v.im = v.im ? LLVMBuildInsertElement(e->b, v.im, x.im, at, "") : NULL;
        }
        store_element(e, t->use[k], emit_select(e, t->is_tree, fold_lanes(e, t->use[k], v), alone), result_at(e, t, k, chunk));
    }
}

void emit_reduction_close(Emit *e, const PItem *item, EmitCut cut, LLVMValueRef n, LLVMValueRef room)
{
    Tree t = tree_new(e, item, NULL, n, false);
    t.room = room;
    for (uint32_t k = 0; k < t.count; k++)
        t.start[k] = emit_get_var(e, t.use[k]->var);
    if (cut == CUT_Lanes) {
        EmitFor f = {
            .first = emit_int(e, 0), .end = t.n_chunks, .step = 1, .is_rare = true, .body = close_chunk, .user = &t
        };
        emit_for(e, &f);
    }
    tree_finish(e, &t);
}
