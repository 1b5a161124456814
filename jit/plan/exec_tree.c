/* jit/plan/exec_tree.c — loops with accumulations, and loops in random order.
 *
 * In order.  A loop that has ordered accumulations and more than 128 iterations follows the canonical tree of
 * interp/reduce_tree.h.  An iteration is more than the addition of one element (it may add several times, or under a
 * condition, or in a loop inside), so here a lane is not an adder but a place where the variable is kept: while iteration k
 * runs, the variable holds lane k % 32.  After each chunk the lanes are folded, and reduce_tree.c does the levels above.  A
 * loop inside that accumulates into the same variable finds the lane as its start value. All other kinds of accumulations,
 * and everything else about parallel loops, come out right in program order by themselves.
 *
 * In random order.  Iterations of parallel loops run in a random permutation.  Those of accumulations are cut into blocks,
 * which run in a random order, each from the identity, and are combined in their own order: chunks of the tree where there
 * is one (with its lanes in random order, unless an accumulation in the loop depends on it), else a few blocks of random
 * sizes.  Accumulations that keep program order run so.  At the start of each iteration private variables are poisoned;
 * those whose last value counts take it from the latest iteration that assigned them. */
#include "jit/plan/exec_code.h"

#include <string.h>

/* ---- lanes ------------------------------------------------------------------------------------------------------------ */

/* The members of a slot that hold floats lie at its start, as elements do. */
static inline void copy_element(void *to, const void *from, size_t size)
{
    if (size == 8)
        memcpy(to, from, 8);
    else if (size == 4)
        memcpy(to, from, 4);
    else
        memcpy(to, from, 16);
}

static void lanes_begin(RedCode *r)
{
    TreeValue identity = tree_identity(r->op, r->rep, NULL);
    tree_fill(r->lane, &identity, r->size, TREE_LANES);
}

/* Iteration t is the k-th of its chunk. */
static inline Flow lane_iteration(const LoopCode *l, Run *x, int64_t k, int64_t t)
{
    size_t lane = (size_t)(k % TREE_LANES);
    for (uint32_t i = 0; i < l->n_ordered; i++)
        copy_element(l->red[i].var, l->red[i].lane + lane * l->red[i].size, l->red[i].size);
    Flow flow = loop_iteration(l, x, t);
    for (uint32_t i = 0; i < l->n_ordered; i++)
        copy_element(l->red[i].lane + lane * l->red[i].size, l->red[i].var, l->red[i].size);
    return flow;
}

Flow loop_reduce(const LoopCode *l, Run *x, int64_t first, int64_t n)
{
    for (uint32_t i = 0; i < l->n_ordered; i++)
        tree_begin(&l->red[i].tree, l->red[i].op, l->red[i].rep, n, l->red[i].var, NULL);
    for (int64_t done = 0; done < n; done += TREE_CHUNK) {
        int64_t count = n - done < TREE_CHUNK ? n - done : TREE_CHUNK;
        for (uint32_t i = 0; i < l->n_ordered; i++)
            lanes_begin(&l->red[i]);
        for (int64_t k = 0; k < count; k++)
            if (UNLIKELY(lane_iteration(l, x, k, first + done + k) != FLOW_On))
                return FLOW_Stop;
        for (uint32_t i = 0; i < l->n_ordered; i++) {
            tree_fold_rows(l->red[i].op, l->red[i].rep, l->red[i].lane, 1);
            tree_give_chunk(&l->red[i].tree, l->red[i].lane);
        }
    }
    for (uint32_t i = 0; i < l->n_ordered; i++) {
        TreeValue v = tree_end(&l->red[i].tree);
        copy_element(l->red[i].var, &v, l->red[i].size);
    }
    return FLOW_On;
}

/* ---- random order ----------------------------------------------------------------------------------------------------- */

/* Steele, Lea, Flood: SplitMix64. */
uint64_t run_random(Run *x)
{
    uint64_t z = x->random += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

void slot_poison(Slot *s, DType d, uint64_t random)
{
    char bytes[16];
    double nan = NAN;
    float  nan_f = NAN;
    random |= 1;
    memcpy(bytes, &random, 8);
    memcpy(bytes + 8, &random, 8);
    switch (d) {
    case DT_F64: case DT_C128:
        for (int k = 0; k < 2; k++)
            memcpy(bytes + 8 * k, &nan, 8);
        break;
    case DT_F32: case DT_C64:
        for (int k = 0; k < 2; k++)
            memcpy(bytes + 4 * k, &nan_f, 4);
        break;
    case DT_Bool:
        bytes[0] = (random >> 8) & 1;
        break;
    default:
        break;
    }
    slot_load(s, d, bytes);
}

/* 0 … n-1 in another order: k -> (a * k + b) mod n, with a prime to n. */
typedef struct Permutation { uint64_t n, a, b; } Permutation;

static Permutation permutation_new(Run *x, int64_t n)
{
    Permutation p = { .n = (uint64_t)n };
    do
        p.a = run_random(x) % p.n;
    while (el_gcd(p.a, p.n) != 1);          /* n == 1: 0 and 1 have divisor 1 */
    p.b = run_random(x) % p.n;
    return p;
}

static int64_t permute(const Permutation *p, int64_t k)
{
    return (int64_t)(((unsigned __int128)p->a * (uint64_t)k + p->b) % p->n);
}

/* A part of the iterations: [begin, end), counted from the first. */
typedef struct Part { int64_t begin, end; } Part;

/* All that a loop in random order notes about its blocks. */
typedef struct Blocks {
    int64_t  count, n;          /* blocks; iterations */
    bool     is_tree;           /* blocks are chunks of the tree */
    int64_t  cut[EXEC_BLOCKS + 1];      /* not is_tree: block b is [cut[b], cut[b + 1]) */
    Slot    *part;              /* [count * n_red]: results */
    uint8_t *is_set;            /* [count * n_red]: the variable was assigned in the block */
} Blocks;

static Part block_part(const Blocks *b, int64_t k)
{
    if (!b->is_tree)
        return (Part){ b->cut[k], b->cut[k + 1] };
    int64_t begin = k * TREE_CHUNK;
    return (Part){ begin, b->n - begin < TREE_CHUNK ? b->n : begin + TREE_CHUNK };
}

static void private_begin(const LoopCode *l)
{
    for (uint32_t i = 0; i < l->n_private; i++) {
        PrivateCode *p = &l->private[i];
        p->was_assigned = *p->assigned;
        p->value = *p->var;
        p->last_t = -1;
        p->any_assigned = false;
    }
}

static void private_end(const LoopCode *l)
{
    for (uint32_t i = 0; i < l->n_private; i++) {
        PrivateCode *p = &l->private[i];
        *p->var = p->value;
        *p->assigned = p->was_assigned || (p->is_last && p->any_assigned);
    }
}

/* Iteration t in random order; lane: as the k-th of its chunk. */
static Flow random_iteration(const LoopCode *l, Run *x, int64_t t, bool lane, int64_t k)
{
    for (uint32_t i = 0; i < l->n_private; i++) {
        slot_poison(l->private[i].var, l->private[i].rep, run_random(x));
        *l->private[i].assigned = 0;
    }
    Flow flow = lane ? lane_iteration(l, x, k, t) : loop_iteration(l, x, t);
    for (uint32_t i = 0; i < l->n_private; i++) {
        PrivateCode *p = &l->private[i];
        if (!*p->assigned)
            continue;
        p->any_assigned = true;
        if (p->is_last && t > p->last_t) {
            p->last_t = t;
            p->value = *p->var;
        }
    }
    return flow;
}

static Flow run_block(const LoopCode *l, Run *x, const Blocks *b, int64_t block, int64_t first)
{
    Part part = block_part(b, block);
    int64_t count = part.end - part.begin;
    bool keeps_order = !b->is_tree;
    for (uint32_t i = 0; i < l->n_red; i++) {
        RedCode *r = &l->red[i];
        *r->assigned = 0;
        if (b->is_tree && i < l->n_ordered) {
            lanes_begin(r);
        } else {
            *r->var = r->identity;
            keeps_order |= r->use->red == RK_Min || r->use->red == RK_Max || r->use->red == RK_Arg;
        }
    }
    Flow flow = FLOW_On;
    if (keeps_order) {
        for (int64_t k = 0; k < count && flow == FLOW_On; k++)
            flow = random_iteration(l, x, first + part.begin + k, b->is_tree, k);
    } else {
        Permutation p = permutation_new(x, TREE_LANES);
        for (int64_t lane = 0; lane < TREE_LANES; lane++)
            for (int64_t k = permute(&p, lane); k < count && flow == FLOW_On; k += TREE_LANES)
                flow = random_iteration(l, x, first + part.begin + k, true, k);
    }
    for (uint32_t i = 0; i < l->n_red; i++) {
        RedCode *r = &l->red[i];
        size_t at = (size_t)block * l->n_red + i;
        b->is_set[at] = *r->assigned;
        if (b->is_tree && i < l->n_ordered) {
            tree_fold_rows(r->op, r->rep, r->lane, 1);
            copy_element(&b->part[at], r->lane, r->size);
        } else {
            b->part[at] = *r->var;
        }
    }
    return flow;
}

/* Does the choice that a Min or Max by comparison made bring its companion along? */
static void take_companions(const LoopCode *l, const Blocks *b, size_t row, const RedCode *lead)
{
    for (uint32_t i = l->n_ordered; i < l->n_red; i++)
        if (l->red[i].lead == lead && b->is_set[row + i]) {
            *l->red[i].var = b->part[row + i];
            *l->red[i].assigned = 1;
        }
}

static void combine_block(const LoopCode *l, Run *x, const Blocks *b, int64_t block)
{
    size_t row = (size_t)block * l->n_red;
    for (uint32_t i = 0; i < l->n_red; i++) {
        RedCode *r = &l->red[i];
        if (b->is_tree && i < l->n_ordered) {
            tree_give_chunk(&r->tree, &b->part[row + i]);
            continue;
        }
        if (!r->combine || !b->is_set[row + i])
            continue;
        r->part = b->part[row + i];
        if (!r->is_choice) {
            switch (eval_kind(r->rep)) {
#define CASE(K, M, T) case K: r->var->M = r->combine->fn.M(r->combine, x); break;
            EACH_KIND(CASE)
#undef CASE
            case EK_COUNT: break;
            }
        } else if (r->combine->fn.i(r->combine, x)) {
            *r->var = r->part;
            *r->assigned = 1;
            take_companions(l, b, row, r);
        }
    }
}

static Flow run_blocks(const LoopCode *l, Run *x, Blocks *b, int64_t first)
{
    Permutation order = permutation_new(x, b->count);
    for (uint32_t i = 0; i < l->n_red; i++) {
        l->red[i].start = *l->red[i].var;
        l->red[i].was_assigned = *l->red[i].assigned;
        if (b->is_tree && i < l->n_ordered)
            tree_begin(&l->red[i].tree, l->red[i].op, l->red[i].rep, b->n, l->red[i].var, NULL);
    }
    for (int64_t k = 0; k < b->count; k++)
        if (run_block(l, x, b, permute(&order, k), first) != FLOW_On)
            return FLOW_Stop;
    for (uint32_t i = 0; i < l->n_red; i++) {
        *l->red[i].var = l->red[i].start;
        *l->red[i].assigned = l->red[i].was_assigned;
        /* What is assigned under a condition counts only where the condition holds for the combined value: combine_block() tells. */
        bool is_told = (l->red[i].is_choice || l->red[i].use->red == RK_Arg) && !l->red[i].use->always_assigned;
        for (int64_t k = 0; k < b->count && !is_told; k++)
            *l->red[i].assigned |= b->is_set[(size_t)k * l->n_red + i];
    }
    for (int64_t k = 0; k < b->count; k++)
        combine_block(l, x, b, k);
    for (uint32_t i = 0; b->is_tree && i < l->n_ordered; i++) {
        TreeValue v = tree_end(&l->red[i].tree);
        copy_element(l->red[i].var, &v, l->red[i].size);
    }
    return x->stop ? FLOW_Stop : FLOW_On;
}

static Flow shuffle_blocks(const LoopCode *l, Run *x, int64_t first, int64_t n)
{
    Blocks b = { .n = n, .is_tree = l->n_ordered > 0 };
    if (b.is_tree) {
        b.count = (n - 1) / TREE_CHUNK + 1;
    } else {
        int64_t most = n < EXEC_BLOCKS ? n : EXEC_BLOCKS;
        b.count = 1 + (int64_t)(run_random(x) % (uint64_t)most);
        for (int64_t k = 1; k <= b.count; k++) {        /* at least one iteration each */
            int64_t spare = n - b.cut[k - 1] - (b.count - k);
            b.cut[k] = k == b.count ? n : b.cut[k - 1] + 1 + (int64_t)(run_random(x) % (uint64_t)spare);
        }
    }
    Mem *mem = &x->vm->mem;
    size_t cells = (size_t)b.count * l->n_red, size = cells * (sizeof *b.part + 1);
    b.part = mem_alloc(mem, size);
    if (!b.part) {
        raise_nomem(x->vm);
        run_raised(x, NO_CHECK);
        return FLOW_Stop;
    }
    b.is_set = (uint8_t *)(b.part + cells);
    Flow flow = run_blocks(l, x, &b, first);
    mem_free(mem, b.part, size);
    return flow;
}

Flow loop_shuffle(const LoopCode *l, Run *x, int64_t first, int64_t n)
{
    Flow flow = FLOW_On;
    private_begin(l);
    if (l->n_red == 0) {
        Permutation p = permutation_new(x, n);
        for (int64_t k = 0; k < n && flow == FLOW_On; k++)
            flow = random_iteration(l, x, first + permute(&p, k), false, 0);
    } else if (l->n_ordered && n <= TREE_PROGRAM) {
        for (int64_t k = 0; k < n && flow == FLOW_On; k++)
            flow = random_iteration(l, x, first + k, false, 0);
    } else {
        flow = shuffle_blocks(l, x, first, n);
    }
    private_end(l);
    return flow;
}

/* ---- translation ------------------------------------------------------------------------------------------------------ */

/* What leaves any value as it is, for accumulations that may start anywhere. */
static Slot identity(RedKind kind, DType rep)
{
    Slot s = { .z = { 0, 0 } };
    int64_t  min = 0;
    uint64_t max = 1;               /* bools */
    double   f = kind == RK_Min ? INFINITY : -INFINITY;
    dtype_int_range(rep, &min, &max);
    bool wants_max = kind == RK_Min;
    switch (eval_kind(rep)) {
    case EK_I:
        if (kind == RK_Min || kind == RK_Max)
            s.i = wants_max ? (int64_t)max : min;
        else if (kind == RK_And)
            s.i = rep == DT_Bool || min == 0 ? (int64_t)max : -1;
        else
            s.i = kind == RK_Prod;
        return s;
    case EK_D:  s.d = kind == RK_Sum ? -0.0 : kind == RK_Prod ? 1 : f; return s;
    case EK_F:  s.f = kind == RK_Sum ? -0.0f : kind == RK_Prod ? 1 : (float)f; return s;
    case EK_C:  s.c = kind == RK_Sum ? (ElC64){ -0.0f, -0.0f } : kind == RK_Prod ? (ElC64){ 1, 0 } : (ElC64){ (float)f,
        (float)f }; return s;
    case EK_Z:  s.z = kind == RK_Sum ? (ElC128){ -0.0, -0.0 } : kind == RK_Prod ? (ElC128){ 1, 0 } : (ElC128){ f, f }; return s;
    case EK_COUNT: break;
    }
    return s;
}

/* Does the variable stand on the left of the function that accumulates it?  Of equal operands np.minimum takes the second one. */
static bool var_is_left(const VarUse *use)
{
    const NExpr *e = use->n_acc ? use->acc[0]->expr : NULL;
    while (e && e->op == NOP_Cast)
        e = e->a;
    if (!e || e->op != use->cmp)
        return true;
    for (e = e->a; e->op == NOP_Cast; e = e->a)
        ;
    return e->op == NOP_Var && e->u.var == use->var;
}

static Status code_combine(Prog *p, RedCode *r)
{
    NOp op = NOP_COUNT;
    bool left = true;
    switch (r->use->red) {
    case RK_Sum:    op = NOP_Add; break;
    case RK_Prod:   op = NOP_Mul; break;
    case RK_And: case RK_Or:
        op = r->use->red == RK_And ? NOP_And : NOP_Or;
        if (r->use->cmp == NOP_AndAlso || r->use->cmp == NOP_OrElse) {
            op = NOP_Eq;        /* the part is taken while the variable has not decided */
            r->is_choice = true;
        }
        break;
    case RK_Xor:    op = NOP_Xor; break;
    case RK_Min: case RK_Max:
        op = r->use->cmp;
        r->is_choice = op >= NOP_Lt && op <= NOP_Ge;
        left = !r->is_choice && var_is_left(r->use);
        break;
    case RK_Arg:
        return ALP_OK;
    }
    const Code *var = code_leaf(p, r->rep, r->var), *part = code_leaf(p, r->rep, op == NOP_Eq ? &r->identity : &r->part);
    if (!var || !part)
        return ALP_FAIL;
    r->combine = left ? code_binary(p, op, r->rep, var, part, NO_CHECK) : code_binary(p, op, r->rep, part, var, NO_CHECK);
    return r->combine ? ALP_OK : ALP_FAIL;
}

static Status code_accumulations(Prog *p, LoopCode *l)
{
    const PLoop *plan = l->plan;
    char *room = arena_alloc(&p->arena, plan->n_red * sizeof(RedCode) + _Alignof(RedCode));     /* arenas align to 16 */
    if (!room)
        return ALP_FAIL;
    l->red = (RedCode *)(void *)(room + (0 - (uintptr_t)room) % _Alignof(RedCode));
    for (int ordered = 1; ordered >= 0; ordered--)
        for (uint32_t k = 0; k < plan->n_red; k++) {
            const VarUse *use = plan->red[k].use;
            if (use->is_ordered != ordered)
                continue;
            RedCode *r = &l->red[l->n_red++];
            l->n_ordered += use->is_ordered;
            r->use = use;
            r->var = &p->var[use->var->id];
            r->assigned = &p->assigned[use->var->id];
            r->rep = (DType)use->var->rep;
            r->size = dtype_info[r->rep].size;
            r->op = use->red == RK_Sum ? TREE_Add : TREE_Mul;
            r->identity = identity(use->red, r->rep);
            if (!ordered)
                TRY(code_combine(p, r));
        }
    for (uint32_t i = 0; i < l->n_red; i++)
        for (uint32_t k = 0; k < l->n_red; k++)
            if (l->red[i].use->red == RK_Arg && l->red[k].use->var == l->red[i].use->lead)
                l->red[i].lead = &l->red[k];
    return ALP_OK;
}

/* Private variables that must come out of the loop as they went in. */
static Status code_kept(Prog *p, LoopCode *l)
{
    const PLoop *plan = l->plan;
    l->keep = ARENA_ARRAY(&p->arena, KeepCode, plan->n_private);
    for (uint32_t k = 0; l->keep && k < plan->n_private; k++) {
        bool is_last = false;
        for (uint32_t i = 0; i < plan->n_last; i++)
            is_last |= plan->last[i]->var == plan->private_var[k];
        if (!is_last)
            l->keep[l->n_keep++].var = &p->var[plan->private_var[k]->id];
    }
    return l->keep ? ALP_OK : ALP_FAIL;
}

Status code_reductions(Prog *p, LoopCode *l)
{
    const PLoop *plan = l->plan;
    if (plan->mode == PM_Reduction && plan->n_red)
        TRY(code_accumulations(p, l));
    if (plan->mode == PM_Sequential || plan->n_private == 0 || !(p->verify || plan->is_distributed))
        return ALP_OK;
    if (!p->verify)
        return code_kept(p, l);
    l->private = ARENA_ARRAY(&p->arena, PrivateCode, plan->n_private);
    if (!l->private)
        return ALP_FAIL;
    l->n_private = plan->n_private;
    for (uint32_t k = 0; k < plan->n_private; k++) {
        const NVar *v = plan->private_var[k];
        PrivateCode *c = &l->private[k];
        c->var = &p->var[v->id];
        c->assigned = &p->assigned[v->id];
        c->rep = (DType)v->rep;
        for (uint32_t i = 0; i < plan->n_last; i++)
            c->is_last |= plan->last[i]->var == v;
    }
    return ALP_OK;
}
