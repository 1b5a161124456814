/* jit/gpu/emit_reduce.c — loops with accumulations: kernels (Tree, Blocks, Fold), and the canonical tree inside a thread.
 *
 * Float and complex sums and products follow interp/reduce_tree.h.  In a kernel a warp takes a chunk of 4096 iterations, lane l iterations l, l + 32, …, each
 * lane from the identity; lanes are folded by halving; results of chunks go to scratch memory, which GK_Fold folds by the same rule until one is left.  128
 * iterations or fewer are done by one lane in program order, from the variable's value.
 *
 * Accumulations for which any order will do, exactly (integers, bits), run along, and so do minima and maxima with the iterations that gave them
 * (emit_choice.c).  What is left (`s = s and x` of numbers) needs iterations in order: a thread takes a block of consecutive ones (GK_Blocks), and
 * blocks are combined in order, as the reference executor does it.
 *
 * Inside a thread a loop with ordered accumulations does the same alone: lane after lane of each chunk, so that the variable stays in a register. */
#include "jit/gpu/emit.h"

enum { FEW_UNIT = 2048, FEW_FOLD = 512, BLOCK_UNIT = 64, BLOCK_FOLD = 256, MAX_RED = 32 };

uint32_t loop_n_ordered(const PLoop *l)
{
    uint32_t n = 0;
    for (uint32_t i = 0; l->mode == PM_Reduction && i < l->n_red; i++)
        n += l->red[i].use->is_ordered;
    return n;
}

static bool has_companion(const PLoop *l, const NVar *v)
{
    for (uint32_t i = 0; i < l->n_red; i++)
        if (l->red[i].use->red == RK_Arg && l->red[i].use->lead == v)
            return true;
    return false;
}

/* Does any order of iterations give the same? */
bool red_is_commutative(const PLoop *l, const VarUse *u)
{
    if (u->red == RK_Arg || has_companion(l, u->var) || u->var->rep > DT_U64)
        return false;
    bool is_choice = u->cmp == NOP_AndAlso || u->cmp == NOP_OrElse;
    return !is_choice || u->var->rep == DT_Bool;
}

/* Is one of two partial results chosen, and may another variable go along with it? */
static bool is_choice(const VarUse *u)
{
    bool is_extreme = u->red == RK_Min || u->red == RK_Max, is_logic = u->red == RK_And || u->red == RK_Or;
    return u->red == RK_Arg || (is_extreme && u->cmp >= NOP_Lt && u->cmp <= NOP_Ge) ||
           (is_logic && (u->cmp == NOP_AndAlso || u->cmp == NOP_OrElse));
}

/* Two partial results of a commutative or ordered accumulation. */
Val gen_combined(Gen *g, const VarUse *u, Val a, Val b)
{
    NOp op = var_use_op(u);
    DType rep = (DType)u->var->rep;
    if (op == NOP_AndAlso || op == NOP_OrElse)
        op = op == NOP_AndAlso ? NOP_And : NOP_Or;
    if (op >= NOP_Lt && op <= NOP_Ge)
        op = op <= NOP_Le ? NOP_NpMin : NOP_NpMax;
    return gen_binary(g, op, rep, a, b, false);
}

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

/* ---- what both kinds of kernels do --------------------------------------------------------------------------------------------------- */

typedef struct Red {
    GpuKernel *kernel;
    const PItem *item;
    const PLoop *loop;
    const char *cell[MAX_RED];  /* scratch buffers of the accumulations */
    uint32_t n_lasts;           /* uncertain last values */
    const NVar *last[MAX_RED];
    LastKind  kind[MAX_RED];
    uint32_t  buffer[MAX_RED];
} Red;

static bool red_begin(Gen *g, Red *r, const PItem *item, GpuKernelKind kind, int64_t unit)
{
    *r = (Red){ .item = item, .loop = item->loop };
    r->kernel = kernel_begin(g, kind, gen_text(g, "k%u", (unsigned)g->program->n_kernels));
    r->kernel->n_dims = 1;
    r->kernel->item[0] = item;
    r->kernel->unit = unit;
    if (r->loop->n_red > MAX_RED || r->loop->n_last > MAX_RED) {
        gen_refuse(g, "too many variables");
        return false;
    }
    gen_note_saves(g, item);
    gen_find_written(g, &(PItem *){ (PItem *)item }, 1);
    for (uint32_t i = 0; i < r->loop->n_private; i++)
        g->var_own[r->loop->private_var[i]->id] = 1;
    for (uint32_t i = 0; i < r->loop->n_red; i++)
        g->var_own[r->loop->red[i].use->var->id] = 1;
    return true;
}

/* Scratch buffers, in the order in which the then-kernels count them: accumulations first. */
static void red_scratch(Gen *g, Red *r, size_t (*size)(const PLoop *l, const VarUse *u))
{
    for (uint32_t i = 0; i < r->loop->n_red; i++)
        r->cell[i] = gen_scratch(g, size(r->loop, r->loop->red[i].use), 0, false);
    for (uint32_t i = 0; i < r->loop->n_last; i++) {
        const VarUse *u = r->loop->last[i];
        LastKind kind = last_kind(u);
        if (kind == LAST_Certain)
            continue;
        uint32_t n = r->n_lasts++;
        r->last[n] = u->var;
        r->kind[n] = kind;
        r->buffer[n] = r->kernel->n_scratch;
        bool is_set = kind == LAST_Set;
        const char *cell = is_set ? gen_scratch(g, 0, 8, true) : gen_scratch(g, 24, 0, false);
        g->var_watch[u->var->id] = is_set ? WATCH_Cell : WATCH_Flag;
        if (is_set)
            gen_line(g, "volatile int *const set_%s = (volatile int *)%s;", gen_var(g, u->var), cell);
        else
            gen_line(g, "Noted *const last_%s = (Noted *)%s;", gen_var(g, u->var), cell);
    }
}

/* At the end of each iteration: last values that are certain. */
static void store_certain(Gen *g, const Red *r, const char *t)
{
    bool any = false;
    for (uint32_t i = 0; i < r->loop->n_last; i++)
        any |= last_kind(r->loop->last[i]) == LAST_Certain;
    if (!any)
        return;
    gen_open(g, "if (%s == %s - 1)", t, gen_param(g, GP_Trip, 0, 0));
    for (uint32_t i = 0; i < r->loop->n_last; i++)
        if (last_kind(r->loop->last[i]) == LAST_Certain)
            gen_store_var(g, r->loop->last[i]->var, gen_var(g, r->loop->last[i]->var));
    gen_close(g);
}

/* for (t = from; t < to; t += step) body. */
static void red_loop(Gen *g, Red *r, const char *from, const char *to, const char *step, bool flags_anew)
{
    Target target = { .is_c_loop = true, .next_by_label = r->loop->n_last > 0 };
    gen_counters_begin(g, r->loop);
    const char *t = gen_counter(g, r->loop->src[0]);
    gen_open(g, "for (i64 %s = %s; %s < %s; %s += %s)", t, from, t, to, t, step);
    for (uint32_t i = 0; i < r->n_lasts && flags_anew; i++)
        if (r->kind[i] == LAST_Units)
            gen_line(g, "set_%s = false;", gen_var(g, r->last[i]));
    gen_iteration(g, r->item, &target, t);
    for (uint32_t i = 0; i < r->n_lasts && flags_anew; i++)
        if (r->kind[i] == LAST_Units) {
            gen_line(g, "if (set_%s)", gen_var(g, r->last[i]));
            gen_line(g, "    when_%s = %s + 1;", gen_var(g, r->last[i]), t);
        }
    store_certain(g, r, t);
    gen_close(g);
    gen_counters_end(g, r->loop);
}

static void red_end(Gen *g, Red *r, GpuKernel *fold, GenLaunch *launch, void *user)
{
    r->kernel->then = fold;
    if (r->n_lasts)
        fold->then = gen_last_kernel(g, r->kernel, r->item, r->n_lasts, r->last, r->kind, r->buffer);
    launch(g, r->kernel, user);
}

static GpuKernel *fold_begin(Gen *g, const Red *r, int64_t unit)
{
    GpuKernel *k = kernel_begin(g, GK_Fold, gen_text(g, "%s_fold", r->kernel->name));
    k->unit = unit;
    k->uses_barriers = true;
    k->n_dims = 1;
    k->item[0] = r->item;
    k->n_scratch = r->kernel->n_scratch;
    k->scratch = r->kernel->scratch;
    gen_line(g, "const int lane = (int)(threadIdx.x %% 32);");
    gen_line(g, "const i64 result = %s() / 32, n = %s - %s;", gen_helper(g, HP_ThreadX, DT_COUNT), gen_param(g, GP_End, 0, 0), gen_param(g, GP_Begin, 0, 0));
    gen_line(g, "if (result * %lld >= n)", (long long)unit);
    gen_line(g, "    return;");
    gen_line(g, "const i64 from = a.begin + result * %lld, to = %s(from + %lld, a.end);", (long long)unit, gen_helper(g, HP_Least, DT_COUNT), (long long)unit);
    return k;
}

/* ---- one warp to a chunk ---------------------------------------------------------------------------------------------------------------- */

static size_t cell_size(const PLoop *l, const VarUse *u)
{
    return u->red != RK_Arg && gen_is_placed(l, u) ? 24 : dtype_info[u->var->rep].size;
}

/* Lane l takes lane l + 16, then l + 8, 4, 2, 1; lane 0 has the result. */
void gen_fold_lanes(Gen *g, const VarUse *u, const char *value)
{
    Val other = atom(gen_lane_down(g, (DType)u->var->rep, value, "half"));
    gen_line(g, "for (int half = 16; half; half /= 2)");
    gen_line(g, "    %s = %s;", value, gen_combined(g, u, atom(value), other).s);
}

const char *gen_lane_down(Gen *g, DType rep, const char *x, const char *by)
{
    Helper down = rep_is_complex(rep) ? HP_CDown : dtype_info[rep].size < 4 ? HP_NarrowDown : HP_Down;
    return gen_call(g, down, rep, atom(x), by).s;
}

/* Number of the accumulation, and of its scratch buffer. */
static uint32_t red_index(const PLoop *l, const VarUse *u)
{
    uint32_t i = 0;
    while (l->red[i].use != u)
        i++;
    return i;
}

static void fold_placed(Gen *g, const PLoop *l, const VarUse *u)
{
    const VarUse *beside[MAX_BESIDE];
    PlacedNames x = { .value = "x", .when = "when", .n_beside = gen_beside(l, u, beside) };
    const char *part_beside[MAX_BESIDE], *last = gen_param(g, GP_Last, 0, 0);
    DType rep = (DType)u->var->rep;
    gen_scope(g);
    gen_line(g, "Noted *const part = (Noted *)%s;", gen_param(g, GP_Scratch, 0, red_index(l, u)));
    gen_line(g, "%s x = %s;", c_type(rep), gen_identity(g, u).s);
    gen_line(g, "i64 when = 0;");
    for (uint32_t i = 0; i < x.n_beside; i++) {
        const char *type = c_type((DType)beside[i]->var->rep);
        part_beside[i] = gen_text(g, "part%u", (unsigned)i);
        x.beside[i] = gen_text(g, "beside%u", (unsigned)i);
        gen_line(g, "%s *const part%u = (%s *)%s;", type, (unsigned)i, type, gen_param(g, GP_Scratch, 0, red_index(l, beside[i])));
        gen_line(g, "%s beside%u = %s();", type, (unsigned)i, type);
    }
    gen_read_placed(g, l, u, &x, "part", part_beside);
    gen_fold_placed(g, l, u, &x);
    gen_open(g, "if (lane == 0 && %s)", last);
    gen_line(g, "const %s start = %s;", c_type(rep), gen_entry(g, u->var));
    gen_line(g, "const bool is_better = when && (%s);", gen_placed_better(g, u, "x", "start"));
    gen_store_var(g, u->var, "is_better ? x : start");
    for (uint32_t i = 0; i < x.n_beside; i++)
        gen_store_var(g, beside[i]->var, gen_text(g, "is_better ? %s : %s", x.beside[i], gen_entry(g, beside[i]->var)));
    g->indent--;
    gen_open(g, "} else if (lane == 0)");
    gen_line(g, "part[a.end + result].when = when;");
    gen_line(g, "part[a.end + result].value.%s = x;", slot_member(rep));
    for (uint32_t i = 0; i < x.n_beside; i++)
        gen_line(g, "%s[a.end + result] = %s;", part_beside[i], x.beside[i]);
    gen_close(g);
    gen_close(g);
}

static GpuKernel *tree_fold(Gen *g, const Red *r, int64_t unit)
{
    GpuKernel *k = fold_begin(g, r, unit);
    for (uint32_t i = 0; i < r->loop->n_red; i++) {
        const VarUse *u = r->loop->red[i].use;
        DType rep = (DType)u->var->rep;
        if (gen_is_placed(r->loop, u)) {
            if (u->red != RK_Arg)
                fold_placed(g, r->loop, u);
            continue;
        }
        gen_scope(g);
        gen_line(g, "%s *const part = (%s *)%s;", c_type(rep), c_type(rep), gen_param(g, GP_Scratch, 0, i));
        gen_line(g, "%s x = %s;", c_type(rep), gen_identity(g, u).s);
        gen_line(g, "for (i64 i = from + lane; i < to; i += 32)");
        gen_line(g, "    x = %s;", gen_combined(g, u, atom("x"), atom("part[i]")).s);
        gen_fold_lanes(g, u, "x");
        gen_line(g, "if (n == 1)");
        gen_line(g, "    x = part[from];");
        gen_open(g, "if (lane == 0 && %s)", gen_param(g, GP_Last, 0, 0));
        gen_store_var(g, u->var, gen_combined(g, u, atom(gen_entry(g, u->var)), atom("x")).s);
        g->indent--;
        gen_open(g, "} else if (lane == 0)");
        gen_line(g, "part[a.end + result] = x;");
        gen_close(g);
        gen_close(g);
    }
    kernel_end(g, gen_text(g, "results of %s", r->kernel->name));
    return k;
}

/* A unit's part of an accumulation by place. */
static void put_placed(Gen *g, const Red *r, const VarUse *u)
{
    const PLoop *l = r->loop;
    const VarUse *beside[MAX_BESIDE];
    PlacedNames x = gen_placed_vars(g, l, u);
    const char *cell = r->cell[red_index(l, u)];
    gen_fold_placed(g, l, u, &x);
    gen_beside(l, u, beside);
    gen_open(g, "if (lane == 0)");
    gen_line(g, "((Noted *)%s)[unit].when = %s;", cell, x.when);
    gen_line(g, "((Noted *)%s)[unit].value.%s = %s;", cell, slot_member((DType)u->var->rep), x.value);
    for (uint32_t i = 0; i < x.n_beside; i++)
        gen_line(g, "((%s *)%s)[unit] = %s;", c_type((DType)beside[i]->var->rep), r->cell[red_index(l, beside[i])], x.beside[i]);
    gen_close(g);
}

static void gen_tree_kernel(Gen *g, const PItem *item, GenLaunch *launch, void *user)
{
    bool ordered = loop_n_ordered(item->loop) > 0;
    int64_t unit = ordered ? TREE_CHUNK : FEW_UNIT;
    Red r;
    if (!red_begin(g, &r, item, GK_Tree, unit))
        return;
    const PLoop *l = item->loop;
    r.kernel->uses_barriers = true;
    g->in_warp = true;
    for (uint32_t i = 0; i < l->n_last; i++)        /* in program order they may keep the value that they had */
        g->var_own[l->last[i]->var->id] = 0;
    const char *first = gen_param(g, GP_First, 0, 0), *trip = gen_param(g, GP_Trip, 0, 0);
    gen_line(g, "const bool in_order = %s - %s <= %d;", trip, first, TREE_PROGRAM);
    gen_line(g, "const int lane = (int)(threadIdx.x %% 32);");
    gen_line(g, "const i64 unit = %s + %s() / 32;", gen_param(g, GP_Begin, 0, 0), gen_helper(g, HP_ThreadX, DT_COUNT));
    gen_line(g, "if (unit >= %s)", gen_param(g, GP_End, 0, 0));
    gen_line(g, "    return;");
    red_scratch(g, &r, cell_size);
    for (uint32_t i = 0; i < r.n_lasts; i++)
        if (r.kind[i] == LAST_Units) {
            gen_line(g, "bool set_%s;", gen_var(g, r.last[i]));
            gen_line(g, "i64 when_%s = 0;", gen_var(g, r.last[i]));
        }
    for (uint32_t i = 0; i < l->n_red; i++) {
        const VarUse *u = l->red[i].use;
        gen_line(g, "%s = in_order ? %s : %s;", gen_var(g, u->var), gen_entry(g, u->var), gen_identity(g, u).s);
    }
    gen_line(g, "const i64 from = %s + unit * %lld, to = %s(from + %lld, %s);", first, (long long)unit, gen_helper(g, HP_Least, DT_COUNT),
             (long long)unit, trip);
    gen_line(g, "const i64 begin = !in_order ? from + lane : lane == 0 ? from : to, step = in_order ? 1 : 32;");
    gen_counters_begin(g, l);
    gen_begin_placed(g, l, gen_counter(g, l->src[0]));
    gen_counters_end(g, l);
    red_loop(g, &r, "begin", "to", "step", true);
    gen_end_placed(g, l);
    if (g->stop_used)
        gen_line(g, "stop:;");
    if (g->notes_failed)
        gen_report_failed(g);
    gen_open(g, "if (in_order)");
    gen_open(g, "if (lane == 0)");
    for (uint32_t i = 0; i < l->n_red; i++)
        gen_store_var(g, l->red[i].use->var, gen_var(g, l->red[i].use->var));
    for (uint32_t i = 0; i < r.n_lasts; i++)
        gen_store_var(g, r.last[i], gen_var(g, r.last[i]));
    gen_close(g);
    gen_line(g, "return;");
    gen_close(g);
    for (uint32_t i = 0; i < l->n_red; i++) {
        const VarUse *u = l->red[i].use;
        bool is_placed = gen_is_placed(l, u);
        if (is_placed && u->red != RK_Arg)
            put_placed(g, &r, u);
        if (is_placed)
            continue;
        gen_fold_lanes(g, u, gen_var(g, u->var));
        gen_line(g, "if (lane == 0)");
        gen_line(g, "    ((%s *)%s)[unit] = %s;", c_type((DType)u->var->rep), r.cell[i], gen_var(g, u->var));
    }
    for (uint32_t i = 0; i < r.n_lasts; i++) {
        if (r.kind[i] != LAST_Units)
            continue;
        const char *name = gen_var(g, r.last[i]);
        gen_scope(g);
        gen_line(g, "const i64 latest = %s(when_%s);", gen_helper(g, HP_WarpMax, DT_COUNT), name);
        gen_line(g, "if (lane == 0)");
        gen_line(g, "    last_%s[unit].when = latest;", name);
        gen_line(g, "if (latest && when_%s == latest)", name);
        gen_line(g, "    last_%s[unit].value.%s = %s;", name, slot_member((DType)r.last[i]->rep), name);
        gen_close(g);
    }
    kernel_end(g, gen_comment(g, item));
    red_end(g, &r, tree_fold(g, &r, ordered ? TREE_CHUNK : FEW_FOLD), launch, user);
}

/* ---- one thread to a block ------------------------------------------------------------------------------------------------------------------ */

static size_t noted_size(const PLoop *l, const VarUse *u)
{
    return 24;
}

/* Is the part x, which is set, to be taken rather than the value v that is there? */
static const char *is_better(Gen *g, const VarUse *u, const char *x, const char *v)
{
    DType rep = (DType)u->var->rep;
    if (u->red == RK_And || u->red == RK_Or)
        return gen_compare(g, NOP_Eq, rep, atom(v), gen_identity(g, u)).s;
    return gen_compare(g, u->cmp, rep, atom(x), atom(v)).s;
}

static const char *joined(Gen *g, const VarUse *u, const char *v, const char *x)
{
    bool left = (u->red != RK_Min && u->red != RK_Max) || var_is_left(u);
    return gen_combined(g, u, atom(left ? v : x), atom(left ? x : v)).s;
}

/* value, set: what there is of variable i; x, x_set: the part behind it; `certain`: value is the variable's own. */
static void join_part(Gen *g, const VarUse *u, const char *id, const char *x, const char *x_set, bool certain)
{
    const char *value = gen_text(g, "value%s", id), *set = gen_text(g, "set%s", id);
    if (is_choice(u)) {
        gen_line(g, "const bool took%s = %s && (%s%s);", id, x_set, certain ? "" : gen_text(g, "!%s || ", set), is_better(g, u, x, value));
        gen_line(g, "if (took%s) { %s = %s; %s = true; }", id, value, x, set);
    } else {
        gen_line(g, "if (%s) { %s = %s%s; %s = true; }", x_set, value, certain ? "" : gen_text(g, "!%s ? %s : ", set, x), joined(g, u, value, x), set);
    }
}

static uint32_t lead_of(const PLoop *l, const VarUse *u)
{
    uint32_t k = 0;
    while (k < l->n_red && l->red[k].use->var != u->lead)
        k++;
    return k;
}

static void join_all(Gen *g, const PLoop *l, const char *from, bool certain)
{
    for (int pass = 0; pass < 2; pass++)
        for (uint32_t i = 0; i < l->n_red; i++) {
            const VarUse *u = l->red[i].use;
            const char *id = gen_text(g, "%u", (unsigned)i), *x = gen_text(g, from, "x", (unsigned)i), *x_set = gen_text(g, from, "is", (unsigned)i);
            if ((u->red == RK_Arg) != pass)
                continue;
            if (u->red != RK_Arg)
                join_part(g, u, id, x, x_set, certain);
            else if (lead_of(l, u) < l->n_red)
                gen_line(g, "if (took%u && %s) { value%s = %s; set%s = true; }", (unsigned)lead_of(l, u), x_set, id, x, id);
        }
}

static GpuKernel *block_fold(Gen *g, const Red *r)
{
    const PLoop *l = r->loop;
    GpuKernel *k = fold_begin(g, r, BLOCK_FOLD);
    gen_line(g, "if (lane != 0)");
    gen_line(g, "    return;");
    for (uint32_t i = 0; i < l->n_red; i++) {
        DType rep = (DType)l->red[i].use->var->rep;
        gen_line(g, "Noted *const part%u = (Noted *)%s;", (unsigned)i, gen_param(g, GP_Scratch, 0, i));
        gen_line(g, "%s value%u = %s;", c_type(rep), (unsigned)i, gen_identity(g, l->red[i].use).s);
        gen_line(g, "bool set%u = false;", (unsigned)i);
    }
    gen_open(g, "for (i64 i = from; i < to; i++)");
    for (uint32_t i = 0; i < l->n_red; i++) {
        DType rep = (DType)l->red[i].use->var->rep;
        gen_line(g, "const bool is%u = part%u[i].when != 0;", (unsigned)i, (unsigned)i);
        gen_line(g, "const %s x%u = (%s)part%u[i].value.%s;", c_type(rep), (unsigned)i, c_type(rep), (unsigned)i, slot_member(rep));
    }
    join_all(g, l, "%s%u", false);
    gen_close(g);
    gen_open(g, "if (%s)", gen_param(g, GP_Last, 0, 0));
    for (uint32_t i = 0; i < l->n_red; i++) {
        const VarUse *u = l->red[i].use;
        gen_line(g, "const bool is%u = set%u;", (unsigned)i, (unsigned)i);
        gen_line(g, "const %s x%u = value%u;", c_type((DType)u->var->rep), (unsigned)i, (unsigned)i);
        gen_line(g, "value%u = %s;", (unsigned)i, gen_entry(g, u->var));
    }
    join_all(g, l, "%s%u", true);
    for (uint32_t i = 0; i < l->n_red; i++)
        gen_store_var(g, l->red[i].use->var, gen_text(g, "value%u", (unsigned)i));
    g->indent--;
    gen_open(g, "} else");
    for (uint32_t i = 0; i < l->n_red; i++) {
        gen_line(g, "part%u[a.end + result].when = set%u;", (unsigned)i, (unsigned)i);
        gen_line(g, "part%u[a.end + result].value.%s = value%u;", (unsigned)i, slot_member((DType)l->red[i].use->var->rep), (unsigned)i);
    }
    gen_close(g);
    kernel_end(g, gen_text(g, "results of %s, in order", r->kernel->name));
    return k;
}

static void gen_block_kernel(Gen *g, const PItem *item, GenLaunch *launch, void *user)
{
    Red r;
    if (!red_begin(g, &r, item, GK_Blocks, BLOCK_UNIT))
        return;
    const PLoop *l = item->loop;
    gen_line(g, "const i64 unit = %s + %s();", gen_param(g, GP_Begin, 0, 0), gen_helper(g, HP_ThreadX, DT_COUNT));
    gen_line(g, "if (unit >= %s)", gen_param(g, GP_End, 0, 0));
    gen_line(g, "    return;");
    red_scratch(g, &r, noted_size);
    for (uint32_t i = 0; i < l->n_red; i++) {
        const VarUse *u = l->red[i].use;
        gen_line(g, "%s = %s;", gen_var(g, u->var), gen_identity(g, u).s);
        if (is_choice(u)) {
            g->var_watch[u->var->id] = WATCH_Flag;
            gen_line(g, "bool set_%s = false;", gen_var(g, u->var));
        }
    }
    for (uint32_t i = 0; i < r.n_lasts; i++)
        if (r.kind[i] == LAST_Units)
            gen_line(g, "bool set_%s = false;", gen_var(g, r.last[i]));
    gen_line(g, "const i64 from = %s + unit * %d, to = %s(from + %d, %s);", gen_param(g, GP_First, 0, 0), BLOCK_UNIT, gen_helper(g, HP_Least, DT_COUNT),
             BLOCK_UNIT, gen_param(g, GP_Trip, 0, 0));
    red_loop(g, &r, "from", "to", "1", false);
    for (uint32_t i = 0; i < l->n_red; i++) {
        const VarUse *u = l->red[i].use;
        const char *name = gen_var(g, u->var);
        gen_line(g, "((Noted *)%s)[unit].when = %s;", r.cell[i], is_choice(u) ? gen_text(g, "set_%s", name) : "1");
        gen_line(g, "((Noted *)%s)[unit].value.%s = %s;", r.cell[i], slot_member((DType)u->var->rep), name);
    }
    for (uint32_t i = 0; i < r.n_lasts; i++)
        if (r.kind[i] == LAST_Units) {
            const char *name = gen_var(g, r.last[i]);
            gen_line(g, "last_%s[unit].when = set_%s;", name, name);
            gen_line(g, "last_%s[unit].value.%s = %s;", name, slot_member((DType)r.last[i]->rep), name);
        }
    kernel_end(g, gen_comment(g, item));
    red_end(g, &r, block_fold(g, &r), launch, user);
}

void gen_reduction_kernels(Gen *g, const PItem *item, GenLaunch *launch, void *user)
{
    const PLoop *l = item->loop;
    uint32_t n_ordered = loop_n_ordered(l);
    bool by_lanes = true;
    for (uint32_t i = 0; i < l->n_red; i++)
        by_lanes &= l->red[i].use->is_ordered || red_is_commutative(l, l->red[i].use) || gen_is_placed(l, l->red[i].use);
    if (by_lanes)
        gen_tree_kernel(g, item, launch, user);
    else if (n_ordered == 0)
        gen_block_kernel(g, item, launch, user);
    else                            /* the tree's lanes and program order at once */
        launch(g, gen_single(g, &(PItem *){ (PItem *)item }, 1, NULL, 0), user);
}

/* ---- inside a thread ------------------------------------------------------------------------------------------------------------------------- */

/* Are the last values of the loop's variables those of its last iteration, and is any order right for what it accumulates besides? */
bool gen_can_go_by_lanes(const PLoop *l)
{
    for (uint32_t i = 0; i < l->n_last; i++)
        if (last_kind(l->last[i]) == LAST_Units)
            return false;
    for (uint32_t i = 0; i < l->n_red; i++)
        if (!l->red[i].use->is_ordered && !red_is_commutative(l, l->red[i].use))
            return false;
    return l->n_save == 0;
}

const char *gen_tree_call(Gen *g, const VarUse *u, const char *what)
{
    DType rep = (DType)u->var->rep;
    bool is_sum = u->red == RK_Sum, z = rep_is_complex(rep);
    gen_helper(g, HP_Upper, rep);
    gen_helper(g, z ? is_sum ? HP_GiveCSum : HP_GiveCProduct : is_sum ? HP_GiveSum : HP_GiveProduct, rep);
    return gen_text(g, "%s_%s%s_%s", what, z ? "c" : "", is_sum ? "sum" : "product", c_suffix(rep));
}

/* The same of the warp's tree: warp_give, warp_result. */
const char *gen_warp_tree_call(Gen *g, const VarUse *u, const char *what)
{
    DType rep = (DType)u->var->rep;
    bool is_sum = u->red == RK_Sum, z = rep_is_complex(rep);
    gen_helper(g, HP_WarpTree, rep);
    gen_helper(g, z ? HP_WarpCSum : is_sum ? HP_WarpSum : HP_WarpProduct, rep);
    return gen_text(g, "warp_%s_%s%s_%s", what, z ? "c" : "", is_sum ? "sum" : "product", c_suffix(rep));
}

void gen_tree_loop(Gen *g, const PItem *item, const char *first, const char *end)
{
    const PLoop *l = item->loop;
    bool by_lanes = gen_can_go_by_lanes(l);
    unsigned id = (unsigned)++g->n_temps;
    Target target = { .is_c_loop = true, .next_by_label = !by_lanes || l->n_last > 0 };
    gen_line(g, "/* more than %d iterations: lanes of chunks, by the canonical tree */", TREE_PROGRAM);
    gen_line(g, "const i64 n%u = %s - %s;", id, end, first);
    gen_line(g, "const int lanes%u = n%u > %d ? %d : 1;", id, id, TREE_PROGRAM, TREE_LANES);
    for (uint32_t i = 0; i < l->n_red; i++) {
        const VarUse *u = l->red[i].use;
        if (!u->is_ordered)
            continue;
        const char *type = c_type((DType)u->var->rep), *name = gen_var(g, u->var), *identity = gen_identity(g, u).s;
        gen_helper(g, HP_Upper, (DType)u->var->rep);
        gen_line(g, "%s start%u_%s = %s, lane%u_%s[%d];", type, id, name, name, id, name, TREE_LANES);
        gen_line(g, "Upper_%s upper%u_%s;", c_suffix((DType)u->var->rep), id, name);
        gen_line(g, "const i64 levels%u_%s = lanes%u == 1 ? 0 : %s(&upper%u_%s, n%u, %s);", id, name, id, gen_helper(g, HP_Upper, (DType)u->var->rep), id, name,
                 id, identity);
    }
    for (uint32_t i = 0; i < l->n_last && by_lanes; i++) {
        const char *name = gen_var(g, l->last[i]->var);
        if (last_kind(l->last[i]) == LAST_Certain)
            gen_line(g, "%s last%u_%s = %s;", c_type((DType)l->last[i]->var->rep), id, name, name);
    }
    gen_open(g, "for (i64 done%u = 0; done%u < n%u; done%u += %d)", id, id, id, id, TREE_CHUNK);
    gen_line(g, "const i64 from%u = %s + done%u, to%u = %s(from%u + %d, %s);", id, first, id, id, gen_helper(g, HP_Least, DT_COUNT), id, TREE_CHUNK, end);
    gen_open(g, "for (int l = 0; l < lanes%u; l++)", id);
    for (uint32_t i = 0; i < l->n_red; i++) {
        const VarUse *u = l->red[i].use;
        if (!u->is_ordered)
            continue;
        const char *name = gen_var(g, u->var), *begin = gen_text(g, "lanes%u == 1 ? start%u_%s : %s", id, id, name, gen_identity(g, u).s);
        if (by_lanes)
            gen_line(g, "%s = %s;", name, begin);
        else
            gen_line(g, "lane%u_%s[l] = %s;", id, name, begin);
    }
    if (!by_lanes)
        gen_close(g);
    gen_counters_begin(g, l);
    const char *t = gen_counter(g, l->src[0]);
    if (by_lanes)
        gen_open(g, "for (i64 %s = from%u + l; %s < to%u; %s += lanes%u)", t, id, t, id, t, id);
    else
        gen_open(g, "for (i64 %s = from%u; %s < to%u; %s++)", t, id, t, id, t);
    if (!by_lanes)
        gen_line(g, "const int l = (int)((%s - from%u) %% lanes%u);", t, id, id);
    for (uint32_t i = 0; i < l->n_red && !by_lanes; i++)
        if (l->red[i].use->is_ordered)
            gen_line(g, "%s = lane%u_%s[l];", gen_var(g, l->red[i].use->var), id, gen_var(g, l->red[i].use->var));
    gen_iteration(g, item, &target, t);
    for (uint32_t i = 0; i < l->n_red && !by_lanes; i++)
        if (l->red[i].use->is_ordered)
            gen_line(g, "lane%u_%s[l] = %s;", id, gen_var(g, l->red[i].use->var), gen_var(g, l->red[i].use->var));
    if (by_lanes && l->n_last) {
        gen_open(g, "if (%s == %s - 1)", t, end);
        for (uint32_t i = 0; i < l->n_last; i++)
            if (last_kind(l->last[i]) == LAST_Certain)
                gen_line(g, "last%u_%s = %s;", id, gen_var(g, l->last[i]->var), gen_var(g, l->last[i]->var));
        gen_close(g);
    }
    gen_close(g);
    gen_counters_end(g, l);
    if (by_lanes) {
        for (uint32_t i = 0; i < l->n_red; i++)
            if (l->red[i].use->is_ordered)
                gen_line(g, "lane%u_%s[l] = %s;", id, gen_var(g, l->red[i].use->var), gen_var(g, l->red[i].use->var));
        gen_close(g);
    }
    gen_open(g, "if (lanes%u == %d)", id, TREE_LANES);
    for (uint32_t i = 0; i < l->n_red; i++) {
        const VarUse *u = l->red[i].use;
        if (!u->is_ordered)
            continue;
        const char *name = gen_var(g, u->var);
        gen_line(g, "%s(&upper%u_%s, levels%u_%s, 0, %s(lane%u_%s), %s, &start%u_%s);", gen_tree_call(g, u, "give"), id, name, id, name,
                 gen_tree_call(g, u, "fold"), id, name, gen_identity(g, u).s, id, name);
    }
    gen_close(g);
    gen_close(g);
    for (uint32_t i = 0; i < l->n_red; i++) {
        const VarUse *u = l->red[i].use;
        if (!u->is_ordered)
            continue;
        const char *name = gen_var(g, u->var);
        gen_line(g, "if (lanes%u == %d)", id, TREE_LANES);
        gen_line(g, "    %s(&upper%u_%s, levels%u_%s, %s, &start%u_%s);", gen_tree_call(g, u, "flush"), id, name, id, name, gen_identity(g, u).s, id, name);
        gen_line(g, "else if (n%u > 0)", id);
        gen_line(g, "    start%u_%s = lane%u_%s[0];", id, name, id, name);
        gen_line(g, "%s = start%u_%s;", name, id, name);
    }
    for (uint32_t i = 0; i < l->n_last && by_lanes; i++)
        if (last_kind(l->last[i]) == LAST_Certain)
            gen_line(g, "%s = last%u_%s;", gen_var(g, l->last[i]->var), id, gen_var(g, l->last[i]->var));
}
