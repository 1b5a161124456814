/* jit/gpu/emit_warp.c — GK_WarpMap: one warp to an iteration of a parallel loop.
 *
 *     for i:  s = 0;  for j: s += a[i, j] * x[j];  y[i] = s
 *
 * A thread for each i would read a with a long stride.  So a warp takes row i: all its lanes do the statements outside the inner loop alike (one of them stores),
 * and the inner loop is spread over them, where a row's elements lie side by side.  An ordered accumulation follows the canonical tree, whose
 * lanes they are; in 128 iterations or fewer the lanes find the terms, and all of them add these up in program order.  So they do for an accumulation in
 * an array element (y[i] += a[i, j] * x[j]), which keeps program order always.
 *
 * While lanes do the same, a variable has the same value in all of them.  Behind a loop that was spread, variables that are still wanted get
 * the value of the lane that had the last iteration. */
#include "jit/gpu/emit.h"

/* ---- which loops ---------------------------------------------------------------------------------------------------------------------- */

/* Does the address move by more than one element from one iteration of the loop to the next? */
static bool is_long_stride(const Gen *g, const NAccess *a, const NLoop *loop)
{
    bool moves = false;
    for (uint32_t d = 0; d < a->n_subs; d++) {
        uint8_t kind = g->layout->stride[a->array->id * ALP_MAX_NDIM + d];
        if (kind == LAYOUT_ZERO)
            continue;
        if (!a->form[d])
            return true;
        for (uint32_t k = 0; k < a->form[d]->n; k++) {
            const NTerm *t = &a->form[d]->term[k];
            if (t->sym && t->sym->varies == loop)
                return true;
            if (t->loop != loop || t->coef == 0)
                continue;
            if (t->sym || kind != LAYOUT_UNIT || moves || t->coef > 1 || t->coef < -1)
                return true;
            moves = true;
        }
    }
    return false;
}

static bool expr_has_long(const Gen *g, const NExpr *x, const NLoop *loop)
{
    return x && ((x->op == NOP_Load && is_long_stride(g, x->u.access, loop)) || expr_has_long(g, x->a, loop) || expr_has_long(g, x->b, loop) ||
                 expr_has_long(g, x->c, loop));
}

/* Statements that may stand in such a loop, outside of those that are spread. */
static bool block_is_plain(const NBlock *b);

bool gen_is_plain(const NStmt *s)
{
    return s->kind == NS_Assign || s->kind == NS_Store || s->kind == NS_Check ||
           (s->kind == NS_If && block_is_plain(&s->body) && block_is_plain(&s->orelse));
}

static bool block_is_plain(const NBlock *b)
{
    for (uint32_t i = 0; i < b->n; i++)
        if (!gen_is_plain(b->stmt[i]))
            return false;
    return true;
}

bool gen_reads_var(const NExpr *x, const NVar *v)
{
    if (!x)
        return false;
    if (x->op == NOP_Load)
        for (uint32_t d = 0; d < x->u.access->n_subs; d++)
            if (gen_reads_var(x->u.access->sub[d], v))
                return true;
    return (x->op == NOP_Var && x->u.var == v) || gen_reads_var(x->a, v) || gen_reads_var(x->b, v) || gen_reads_var(x->c, v);
}

/* The term e of v = v + e, v = e + v, v = v - e (or *); NULL: something else. */
const NExpr *gen_term_of(const NStmt *s, const NVar *v)
{
    const NExpr *x = s->expr;
    bool sum = x->op == NOP_Add || x->op == NOP_Mul;
    if (s->kind != NS_Assign || s->var != v || (!sum && x->op != NOP_Sub) || x->rep != v->rep || x->a->rep != x->rep || x->b->rep != x->rep)
        return NULL;
    if (x->a->op == NOP_Var && x->a->u.var == v && !gen_reads_var(x->b, v))
        return x->b;
    return sum && x->b->op == NOP_Var && x->b->u.var == v && !gen_reads_var(x->a, v) ? x->a : NULL;
}

/* The ordered accumulation that the statement is; NULL: it is not one. */
const VarUse *gen_accumulation(const PLoop *l, const NStmt *s)
{
    for (uint32_t i = 0; i < l->n_red; i++)
        if (l->red[i].use->is_ordered && s->kind == NS_Assign && s->var == l->red[i].use->var)
            return l->red[i].use;
    return NULL;
}

static bool stmt_reads_var(const NStmt *s, const NVar *v)
{
    bool reads = gen_reads_var(s->expr, v);
    for (uint32_t d = 0; s->kind == NS_Store && d < s->access->n_subs; d++)
        reads |= gen_reads_var(s->access->sub[d], v);
    return reads;
}

/* Can the loop be spread over lanes? */
bool gen_can_spread(Gen *g, const PItem *item)
{
    const PLoop *l = item->loop;
    uint32_t n_ordered = loop_n_ordered(l), found = 0;
    if (l->mode == PM_Sequential || !l->is_vector || l->n_save || l->n_restore)
        return false;
    for (uint32_t k = 0; k < l->n_src; k++)
        if (target_has_jumps(g, l->src[k]->stmt))
            return false;
    for (uint32_t i = 0; i < l->n_last; i++)
        if (last_kind(l->last[i]) != LAST_Certain)
            return false;
    for (uint32_t i = 0; i < l->n_red; i++)
        if (!l->red[i].use->is_ordered && !red_is_commutative(l, l->red[i].use) && (n_ordered || !gen_is_placed(l, l->red[i].use)))
            return false;
    for (uint32_t i = 0; i < item->n_body && n_ordered; i++) {
        const NStmt *s = item->body[i]->stmt;
        if (item->body[i]->kind != PI_Stmt || (s->kind != NS_Assign && s->kind != NS_Store))
            return false;
        const VarUse *u = gen_accumulation(l, s);
        if (u && (found == MAX_WARP_TERMS || !gen_term_of(s, u->var) || (s->expr->op == NOP_Mul && rep_is_complex((DType)s->expr->rep))))
            return false;
        found += u != NULL;
        for (uint32_t k = 0; k < l->n_red && !u; k++)
            if (l->red[k].use->is_ordered && stmt_reads_var(s, l->red[k].use->var))
                return false;
    }
    return found == n_ordered;
}

/* Is it the element that the access stores into? */
static bool is_same_element(const NExpr *x, const NAccess *a)
{
    if (x->op != NOP_Load || x->u.access->array != a->array)
        return false;
    for (uint32_t d = 0; d < a->n_subs; d++) {
        const NExpr *p = x->u.access->sub[d], *q = a->sub[d];
        bool same = p == q || (p->op == NOP_Var && q->op == NOP_Var && p->u.var == q->u.var) ||
                    (p->op == NOP_Const && q->op == NOP_Const && p->u.i == q->u.i);
        if (!same)
            return false;
    }
    return true;
}

static bool loads_group(const Gen *g, const NExpr *x, uint32_t group)
{
    if (!x)
        return false;
    if (x->op == NOP_Load) {
        if (g->layout->group[x->u.access->array->id] == group)
            return true;
        for (uint32_t d = 0; d < x->u.access->n_subs; d++)
            if (loads_group(g, x->u.access->sub[d], group))
                return true;
    }
    return loads_group(g, x->a, group) || loads_group(g, x->b, group) || loads_group(g, x->c, group);
}

/* The term e of a[i] = a[i] + e, and the like; NULL: something else. */
static const NExpr *element_term(const Gen *g, const NStmt *s)
{
    const NExpr *x = s->expr;
    DType rep = (DType)x->rep;
    bool sum = x->op == NOP_Add;
    if (s->kind != NS_Store || (!sum && x->op != NOP_Sub) || (!rep_is_float(rep) && !rep_is_complex(rep)) || x->rep != s->access->array->dtype ||
        x->a->rep != x->rep || x->b->rep != x->rep)
        return NULL;
    const NExpr *e = is_same_element(x->a, s->access) ? x->b : sum && is_same_element(x->b, s->access) ? x->a : NULL;
    return e && !loads_group(g, e, g->layout->group[s->access->array->id]) ? e : NULL;
}

static bool reads_counter(const NExpr *x, const NLoop *l)
{
    return x && (x->op == NOP_Load || (x->op == NOP_Counter && x->u.loop == l) || reads_counter(x->a, l) || reads_counter(x->b, l) || reads_counter(x->c, l));
}

bool gen_is_fixed(const PItem *item, const NStmt *s)
{
    if (s->kind != NS_Assign || reads_counter(s->expr, item->loop->src[0]))
        return false;
    for (uint32_t i = 0; i < item->n_body; i++)
        if (item->body[i]->stmt->kind == NS_Assign && gen_reads_var(s->expr, item->body[i]->stmt->var))
            return false;
    return true;
}

const NExpr *gen_kept_term(Gen *g, const PItem *item)
{
    const PLoop *l = item->loop;
    if (l->mode != PM_Sequential || item->n_body == 0 || l->n_save || l->n_restore || l->src[0]->has_exit || l->n_src != 1 ||
        target_has_jumps(g, l->src[0]->stmt))
        return NULL;
    const NStmt *store = item->body[item->n_body - 1]->stmt;
    const NExpr *e = item->body[item->n_body - 1]->kind == PI_Stmt && store->kind == NS_Store ? element_term(g, store) : NULL;
    for (uint32_t i = 0; i + 1 < item->n_body && e; i++) {
        const PItem *x = item->body[i];
        if (x->kind != PI_Stmt || x->stmt->kind != NS_Assign || loads_group(g, x->stmt->expr, g->layout->group[store->access->array->id]))
            return NULL;
        const NVar *v = x->stmt->var;           /* must not carry a value, nor choose the element */
        for (uint32_t k = 0; k <= i; k++)
            if (gen_reads_var(item->body[k]->stmt->expr, v))
                return NULL;
        for (uint32_t d = 0; d < store->access->n_subs; d++)
            if (gen_reads_var(store->access->sub[d], v) && !gen_is_fixed(item, x->stmt))
                return NULL;
    }
    for (uint32_t d = 0; e && d < store->access->n_subs; d++)
        if (!store->access->form[d])
            return NULL;
    for (uint32_t d = 0; e && d < store->access->n_subs; d++)
        for (uint32_t k = 0; k < store->access->form[d]->n; k++)
            if (store->access->form[d]->term[k].loop == l->src[0])
                return NULL;
    return e;
}

/* … that lanes may share: a row's elements lie side by side. */
static const NExpr *kept_term(Gen *g, const PItem *item)
{
    const NExpr *e = gen_kept_term(g, item);
    return e && !expr_has_long(g, e, item->loop->src[0]) ? e : NULL;
}

static bool spreads_well(const Gen *g, const PItem *item, const NLoop *outer)
{
    for (uint32_t i = 0; i < item->n_body; i++) {
        const PItem *x = item->body[i];
        if (x->kind == PI_Loop ? spreads_well(g, x, outer)
            : x->kind == PI_Stmt && (expr_has_long(g, x->stmt->expr, outer) || (x->stmt->kind == NS_Store && is_long_stride(g, x->stmt->access, outer))))
            return true;
    }
    return false;
}

/* Rows whose lengths only the device knows are short as a rule (a sparse matrix): a thread does for one. */
static bool is_loaded(const NForm *f)
{
    for (uint32_t k = 0; f && k < f->n; k++)
        if (f->term[k].sym && f->term[k].sym->varies)
            return true;
    return !f;
}

static bool has_loaded_bounds(const PLoop *l)
{
    const NLoop *s = l->src[0];
    return l->n_upper == 0 && (is_loaded(s->start_form) || (s->n_stop_forms == 0 && is_loaded(s->stop_form)));
}

bool gen_has_short_rows(Gen *g, const PItem *item, const NLoop *outer)
{
    enum { FEW = 8 };               /* a thread's own loads fill a cache line as well */
    const PLoop *l = item->loop;
    const NExpr *trip = l->src[0]->trip;
    bool is_told = l->n_upper == 0 && trip && trip->op == NOP_Const && trip->u.i >= FEW && trip->u.i < 32;
    return l->mode != PM_Parallel && (has_loaded_bounds(l) || is_told) && spreads_well(g, item, outer);
}

/* Is it known to have too few iterations for the lanes? */
static bool is_short(const PLoop *l)
{
    const NExpr *trip = l->src[0]->trip;
    return l->n_upper == 0 && trip && trip->op == NOP_Const && trip->u.i < 32;
}

/* Can all lanes do these items alike but for loops that are spread?  *n: such loops; *well: some is better spread. */
static bool items_fit(Gen *g, PItem *const *items, uint32_t count, const NLoop *outer, uint32_t *n, bool *well)
{
    for (uint32_t i = 0; i < count; i++) {
        const PItem *x = items[i];
        uint32_t inside = 0;
        switch ((PItemKind)x->kind) {
        case PI_Stmt:
            if (!gen_is_plain(x->stmt))
                return false;
            break;
        case PI_If:
            if (!items_fit(g, x->body, x->n_body, outer, n, well) || !items_fit(g, x->orelse, x->n_orelse, outer, n, well))
                return false;
            break;
        case PI_Loop:
            if (gen_can_spread(g, x) || kept_term(g, x)) {
                ++*n;
                *well |= x->loop->mode != PM_Parallel && !has_loaded_bounds(x->loop) && !is_short(x->loop) && spreads_well(g, x, outer);
                break;
            }
            if (x->loop->n_save || x->loop->n_restore || !items_fit(g, x->body, x->n_body, outer, &inside, well) || inside == 0)
                return false;
            for (uint32_t k = 0; k < x->loop->n_src; k++)
                if (target_has_jumps(g, x->loop->src[k]->stmt))
                    return false;
            *n += inside;
            break;
        case PI_While: case PI_Block:
            return false;
        }
    }
    return true;
}

bool gen_wants_warps(Gen *g, const PItem *item)
{
    uint32_t n = 0;
    bool well = false;
    if (item->loop->n_save || item->loop->n_src != 1 || target_has_jumps(g, item->loop->src[0]->stmt))
        return false;
    return items_fit(g, item->body, item->n_body, item->loop->src[0], &n, &well) && n > 0 && well;
}

/* ---- a loop over lanes -------------------------------------------------------------------------------------------------------------------- */

bool gen_is_spread(Gen *g, const PItem *item)
{
    return g->warp == WARP_Uniform && (gen_can_spread(g, item) || kept_term(g, item));
}

#define ALL_LANES "0xffffffffu"

/* The value that lane `from` has. */
const char *gen_shuffled(Gen *g, DType rep, const char *x, const char *from)
{
    if (rep_is_complex(rep))
        return gen_call(g, HP_Complex, rep, atom(gen_text(g, "__shfl_sync(%s, %s.re, %s)", ALL_LANES, x, from)),
                        gen_text(g, "__shfl_sync(%s, %s.im, %s)", ALL_LANES, x, from)).s;
    if (dtype_info[rep].size < 4)
        return gen_text(g, "(%s)__shfl_sync(%s, (int)%s, %s)", c_type(rep), ALL_LANES, x, from);
    return gen_text(g, "__shfl_sync(%s, %s, %s)", ALL_LANES, x, from);
}

/* … for all. */
static void broadcast(Gen *g, const NVar *v, const char *from)
{
    const char *name = gen_var(g, v);
    gen_line(g, "%s = %s;", name, gen_shuffled(g, (DType)v->rep, name, from));
}

/* What changes nothing as the right operand. */
static const char *neutral(Gen *g, DType rep, NOp op)
{
    DType part = rep == DT_C64 ? DT_F32 : rep == DT_C128 ? DT_F64 : rep;
    Val v = gen_real(g, part, op == NOP_Add ? -0.0 : op == NOP_Mul ? 1 : 0);
    return rep_is_complex(rep) ? gen_call(g, HP_Complex, rep, v, v.s).s : v.s;
}

static const char *added(Gen *g, const NStmt *s, const char *v, const char *x)
{
    return gen_binary(g, (NOp)s->expr->op, (DType)s->var->rep, atom(v), atom(x), false).s;
}

/* Where a lane goes on in which a check failed; the others do not know yet. */
void gen_put_dead_end(Gen *g)
{
    if (g->dead_end_used)
        gen_line(g, "dead_end%u:;", (unsigned)g->dead_end);
    g->dead_end_used = false;
}

/* One iteration's statements; ordered accumulations find their terms, and add them up unless … (NULL: in any case). */
static void terms(Gen *g, const PItem *item, const char *unless)
{
    const PLoop *l = item->loop;
    for (uint32_t i = 0, n = 0; i < item->n_body; i++) {
        const NStmt *s = item->body[i]->stmt;
        const VarUse *u = gen_accumulation(l, s);
        if (!u) {
            gen_stmt(g, s);
            continue;
        }
        gen_source(g, s);
        const NExpr *e = gen_term_of(s, u->var);
        gen_begin(g, e);
        gen_line(g, "term%u = %s;", (unsigned)n, gen_expr(g, e).s);
        gen_end(g);
        if (unless)
            gen_line(g, "if (!%s)", unless);
        gen_line(g, "%s%s = %s;", unless ? "    " : "", gen_var(g, s->var), added(g, s, gen_var(g, s->var), gen_text(g, "term%u", (unsigned)n)));
        n++;
    }
}

void gen_tree_lanes(Gen *g, const PItem *item, const char *first, const char *end, bool may_be_short)
{
    const PLoop *l = item->loop;
    if (may_be_short)
        gen_line(g, "const bool in_order = %s - %s <= %d;", end, first, TREE_PROGRAM);
    for (uint32_t i = 0; i < l->n_red; i++) {
        const VarUse *u = l->red[i].use;
        const char *name = gen_var(g, u->var), *identity = gen_identity(g, u).s;
        gen_line(g, "%s start_%s = %s;", c_type((DType)u->var->rep), name, name);
        if (!u->is_ordered) {
            gen_line(g, "%s = %s;", name, identity);
            continue;
        }
        gen_line(g, "WarpTree_%s tree_%s = %s(%s);", c_suffix((DType)u->var->rep), name, gen_helper(g, HP_WarpTree, (DType)u->var->rep), identity);
    }
    gen_open(g, "for (i64 from = %s; from < %s; from += %d)", first, end, TREE_CHUNK);
    gen_poll(g, TREE_CHUNK / TREE_LANES);
    gen_line(g, "const i64 to = %s(from + %d, %s);", gen_helper(g, HP_Least, DT_COUNT), TREE_CHUNK, end);
    for (uint32_t i = 0; i < l->n_red; i++) {
        const char *name = gen_var(g, l->red[i].use->var), *identity = gen_identity(g, l->red[i].use).s;
        if (l->red[i].use->is_ordered)
            gen_line(g, "%s = %s;", name, may_be_short ? gen_text(g, "in_order ? start_%s : %s", name, identity) : identity);
    }
    gen_counters_begin(g, l);
    const char *t = gen_counter(g, l->src[0]);
    if (!may_be_short)
        gen_line(g, "#pragma unroll 1");      /* rare: not worth the text that compilers make of it */
    gen_open(g, "for (i64 base = from; base < to; base += 32)");
    gen_line(g, "const i64 %s = base + lane;", t);
    for (uint32_t i = 0, n = 0; i < item->n_body; i++)
        if (gen_accumulation(l, item->body[i]->stmt)) {
            DType rep = (DType)item->body[i]->stmt->var->rep;
            gen_line(g, "%s term%u = %s;", c_type(rep), (unsigned)n++, neutral(g, rep, (NOp)item->body[i]->stmt->expr->op));
        }
    g->warp = WARP_Lanes;
    gen_open(g, "if (%s < to)", t);
    terms(g, item, may_be_short ? "in_order" : NULL);
    gen_close(g);
    gen_put_dead_end(g);
    g->warp = WARP_Uniform;
    if (may_be_short) {
        gen_open(g, "if (in_order)");
        gen_line(g, "/* program order: lane after lane */");
        gen_line(g, "#pragma unroll");
        gen_open(g, "for (int k = 0; k < 32; k++)");
        for (uint32_t i = 0, n = 0; i < item->n_body; i++) {
            const NStmt *s = item->body[i]->stmt;
            if (gen_accumulation(l, s))
                gen_line(g, "%s = %s;", gen_var(g, s->var),
                         added(g, s, gen_var(g, s->var), gen_shuffled(g, (DType)s->var->rep, gen_text(g, "term%u", (unsigned)n++), "k")));
        }
        gen_close(g);
        gen_close(g);
    }
    gen_close(g);
    gen_counters_end(g, l);
    if (may_be_short)
        gen_open(g, "if (!in_order)");
    for (uint32_t i = 0; i < l->n_red; i++) {
        const VarUse *u = l->red[i].use;
        if (!u->is_ordered)
            continue;
        const char *name = gen_var(g, u->var);
        gen_fold_lanes(g, u, name);
        broadcast(g, u->var, "0");
        gen_line(g, "%s(&tree_%s, lane, %s, %s);", gen_warp_tree_call(g, u, "give"), name, name, gen_identity(g, u).s);
    }
    if (may_be_short)
        gen_close(g);
    gen_close(g);
    for (uint32_t i = 0; i < l->n_red; i++) {
        const VarUse *u = l->red[i].use;
        const char *name = gen_var(g, u->var);
        if (!u->is_ordered)
            continue;
        if (may_be_short)
            gen_open(g, "if (!in_order)");
        gen_line(g, "%s = %s(&tree_%s, lane);", name, gen_warp_tree_call(g, u, "result"), name);
        gen_line(g, "%s = %s;", name, gen_combined(g, u, atom(gen_text(g, "start_%s", name)), atom(name)).s);
        if (may_be_short)
            gen_close(g);
    }
}

static void plain_loop(Gen *g, const PItem *item, const char *first, const char *end)
{
    const PLoop *l = item->loop;
    Target target = { .is_c_loop = true };
    for (uint32_t i = 0; i < l->n_red; i++) {
        const char *name = gen_var(g, l->red[i].use->var);
        gen_line(g, "const %s start_%s = %s;", c_type((DType)l->red[i].use->var->rep), name, name);
        gen_line(g, "%s = %s;", name, gen_identity(g, l->red[i].use).s);
    }
    gen_counters_begin(g, l);
    const char *t = gen_counter(g, l->src[0]);
    gen_begin_placed(g, l, t);
    g->warp = WARP_Lanes;
    gen_open(g, "for (i64 %s = %s + lane; %s < %s; %s += 32)", t, first, t, end, t);
    gen_poll(g, 1);
    gen_iteration(g, item, &target, t);
    gen_close(g);
    gen_put_dead_end(g);
    g->warp = WARP_Uniform;
    gen_end_placed(g, l);
    gen_counters_end(g, l);
}

/* What lanes have chosen, or what there was before. */
static void join_placed(Gen *g, const PLoop *l, const VarUse *u)
{
    const VarUse *beside[MAX_BESIDE];
    PlacedNames x = gen_placed_vars(g, l, u);
    gen_beside(l, u, beside);
    gen_fold_placed(g, l, u, &x);
    broadcast(g, u->var, "0");
    gen_line(g, "%s = %s;", x.when, gen_shuffled(g, DT_I64, x.when, "0"));
    for (uint32_t i = 0; i < x.n_beside; i++)
        broadcast(g, beside[i]->var, "0");
    gen_open(g, "if (!%s || !(%s))", x.when, gen_placed_better(g, u, x.value, gen_text(g, "start_%s", x.value)));
    gen_line(g, "%s = start_%s;", x.value, x.value);
    for (uint32_t i = 0; i < x.n_beside; i++)
        gen_line(g, "%s = start_%s;", x.beside[i], x.beside[i]);
    gen_close(g);
}

/* Accumulation in an element, in program order. */
static void kept_loop(Gen *g, const PItem *item, const NExpr *e, const char *first, const char *end)
{
    const PLoop *l = item->loop;
    const NStmt *store = item->body[item->n_body - 1]->stmt;
    DType rep = (DType)store->expr->rep;
    gen_open(g, "if (%s < %s)", first, end);
    for (uint32_t i = 0; i + 1 < item->n_body; i++)
        if (gen_is_fixed(item, item->body[i]->stmt))
            gen_stmt(g, item->body[i]->stmt);
    gen_begin_access(g, store->access);
    const char *element = gen_element(g, store->access);
    gen_line(g, "%s sum = %s;", c_type(rep), element);
    gen_end(g);
    gen_counters_begin(g, l);
    const char *t = gen_counter(g, l->src[0]);
    gen_open(g, "for (i64 base = %s; base < %s; base += 32)", first, end);
    gen_poll(g, TREE_LANES);
    gen_line(g, "const i64 %s = base + lane;", t);
    gen_line(g, "%s term = %s;", c_type(rep), neutral(g, rep, (NOp)store->expr->op));
    g->warp = WARP_Lanes;
    gen_open(g, "if (%s < %s)", t, end);
    for (uint32_t i = 0; i + 1 < item->n_body; i++)
        gen_stmt(g, item->body[i]->stmt);
    gen_source(g, store);
    gen_begin(g, e);
    gen_line(g, "term = %s;", gen_expr(g, e).s);
    gen_end(g);
    gen_close(g);
    gen_put_dead_end(g);
    g->warp = WARP_Uniform;
    gen_line(g, "/* program order: lane after lane */");
    gen_line(g, "#pragma unroll");
    gen_line(g, "for (int k = 0; k < 32; k++)");
    gen_line(g, "    sum = %s;", gen_binary(g, (NOp)store->expr->op, rep, atom("sum"), atom(gen_shuffled(g, rep, "term", "k")), false).s);
    gen_close(g);
    gen_counters_end(g, l);
    if (g->notes_failed)
        gen_leave_if_failed(g);
    for (uint32_t i = 0; i + 1 < item->n_body; i++) {
        const NVar *v = item->body[i]->stmt->var;
        broadcast(g, v, gen_text(g, "(int)((%s - %s - 1) %% 32)", end, first));
        if (g->var_watch[v->id] == WATCH_Flag)
            gen_line(g, "set_%s = true;", gen_var(g, v));
    }
    gen_line(g, "if (lane == 0)");
    gen_line(g, "    %s = sum;", element);
    gen_close(g);
}

void gen_lane_loop(Gen *g, const PItem *item, const char *first, const char *end)
{
    const PLoop *l = item->loop;
    const NExpr *e = kept_term(g, item);
    gen_line(g, "/* lane l takes iterations l, l + 32, ... */");
    gen_line(g, "__syncwarp();");
    g->dead_end = ++g->n_labels;
    bool notes_failed = g->notes_failed;
    g->notes_failed = false;
    if (e)
        kept_loop(g, item, e, first, end);
    else if (loop_n_ordered(l))
        gen_tree_lanes(g, item, first, end, true);
    else
        plain_loop(g, item, first, end);
    if (!e && g->notes_failed)
        gen_leave_if_failed(g);
    g->notes_failed |= notes_failed;
    for (uint32_t i = 0; i < l->n_red; i++) {
        const VarUse *u = l->red[i].use;
        if (u->is_ordered)
            continue;
        if (gen_is_placed(l, u)) {
            if (u->red != RK_Arg)
                join_placed(g, l, u);
            continue;
        }
        const char *name = gen_var(g, u->var);
        gen_fold_lanes(g, u, name);
        broadcast(g, u->var, "0");
        gen_line(g, "%s = %s;", name, gen_combined(g, u, atom(gen_text(g, "start_%s", name)), atom(name)).s);
    }
    if (l->n_last) {
        gen_open(g, "if (%s < %s)", first, end);
        for (uint32_t i = 0; i < l->n_last; i++) {
            broadcast(g, l->last[i]->var, gen_text(g, "(int)((%s - %s - 1) %% 32)", end, first));
            if (g->var_watch[l->last[i]->var->id] == WATCH_Flag)
                gen_line(g, "set_%s = true;", gen_var(g, l->last[i]->var));
        }
        gen_close(g);
    }
    gen_line(g, "__syncwarp();");
}
