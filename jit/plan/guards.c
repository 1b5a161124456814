/* jit/plan/guards.c — what cannot fail at this execution, decided before it starts (contract C3).
 *
 * Every check of the nest is looked at where it stands: in its loops, under its conditions (space.h).  A subscript is compared with the extent of its
 * dimension; an operation that could leave 64 bits, divide by zero or lose digits is bounded by intervals (range.c).  Checks in places that
 * never run are proved as well.  What is not proved is tested when it is reached. */
#include <string.h>

#include "jit/plan/guards_int.h"

/* ---- preparation ---------------------------------------------------------------------------------------------------------------- */

static Space *space_new(Guards *g, const NLoop *loop, const Guarding *guarding)
{
    Space *s = ARENA_NEW(&g->arena, Space);
    if (!s)
        return NULL;
    s->id = g->n_spaces++;
    s->loop = loop;
    s->guarding = guarding;
    s->n = loop && loop->depth <= DEP_MAX_DEPTH ? (int)loop->depth : 0;
    return s->n == 0 || (s->level = ARENA_ARRAY(&g->arena, SpaceLevel, s->n)) ? s : NULL;
}

static Guarding *guarding_new(Guards *g, const Guarding *up, const NExpr *cond, bool is_true)
{
    Guarding *c = ARENA_NEW(&g->arena, Guarding);
    if (c)
        *c = (Guarding){ up, cond, is_true };
    return c;
}

/* Notes the places under the conditions within one statement's expressions, for accesses and checks. */
typedef struct Walk {
    Guards *g;
    const NStmt *stmt;
    Space   *top, *base;        /* outside all loops; of the statement */
    uint32_t *seen;             /* [n_exprs]: statement that was walked last, + 1 */
    bool     no_memory;
} Walk;

/* An expression that is reached in two ways stands in a place around both: the statement's, or that of the loop around both statements. */
static void note_place(Walk *w, Space **at, Space *place)
{
    if (!*at || *at == place) {
        *at = place;
        return;
    }
    const NLoop *x = (*at)->loop, *y = place->loop;
    while (x != y) {
        if (!y || (x && x->depth > y->depth))
            x = x->up;
        else
            y = y->up;
    }
    *at = x ? w->g->space_in[x->id] : w->top;
}

static void walk_expr(Walk *w, const NExpr *e, Space *place);

/* The operand of e that is evaluated only if e->a is (not) true. */
static void walk_guarded(Walk *w, const NExpr *e, const NExpr *operand, bool is_true, const Space *place)
{
    Guarding *c = guarding_new(w->g, place->guarding, e->a, is_true);
    Space *s = c ? space_new(w->g, place->loop, c) : NULL;
    if (!s)
        w->no_memory = true;
    else
        walk_expr(w, operand, s);
}

static bool can_fail(const NExpr *e, int depth)
{
    return e && (depth > 12 || e->op == NOP_Load || e->check != NO_CHECK || can_fail(e->a, depth + 1) || can_fail(e->b, depth + 1) ||
                 can_fail(e->c, depth + 1));
}

static void walk_expr(Walk *w, const NExpr *e, Space *place)
{
    for (; e && !w->no_memory; e = e->a) {
        if (w->seen[e->id] == w->stmt->id + 1)
            place = w->base;    /* reached again, perhaps under another condition, and so are its operands */
        w->seen[e->id] = w->stmt->id + 1;
        if (e->check != NO_CHECK)
            note_place(w, &w->g->space_of_check[e->check], place);
        if (e->op == NOP_Load) {
            note_place(w, &w->g->space_of_access[e->u.access->id], place);
            for (uint32_t d = 0; d < e->u.access->n_subs; d++)
                walk_expr(w, e->u.access->sub[d], place);
        }
        if (e->op == NOP_AndAlso || e->op == NOP_OrElse) {
            if (can_fail(e->b, 0))
                walk_guarded(w, e, e->b, e->op == NOP_AndAlso, place);
        } else if (e->op == NOP_Select) {
            if (can_fail(e->b, 0))
                walk_guarded(w, e, e->b, true, place);
            if (can_fail(e->c, 0))
                walk_guarded(w, e, e->c, false, place);
        } else {
            walk_expr(w, e->b, place);
        }
    }
}

static bool ends_by_jump(const NBlock *b)
{
    uint8_t kind = b->n ? b->stmt[b->n - 1]->kind : NS_Assign;
    return kind == NS_Leave || kind == NS_Next || kind == NS_Return;
}

/* Spaces of statements.  Those in one block share one, up to an If of which one branch jumps: what follows runs under its condition. */
static bool prepare_block(Guards *g, const NBlock *b, const NLoop *loop, const Guarding *guarding, Space *place)
{
    for (uint32_t i = 0; i < b->n; i++) {
        const NStmt *s = b->stmt[i];
        g->space_of[s->id] = place;
        if (s->kind == NS_Loop) {
            Space *in = g->space_in[s->loop->id] = space_new(g, s->loop, guarding);
            if (!in || !prepare_block(g, &s->loop->body, s->loop, guarding, in))
                return false;
            if (s->loop->is_while)
                g->space_of[s->id] = in;        /* its test */
        } else if (s->kind == NS_If) {
            for (int k = 0; k < 2; k++) {
                const NBlock *branch = k ? &s->orelse : &s->body;
                if (branch->n == 0)
                    continue;
                Guarding *c = guarding_new(g, guarding, s->expr, k == 0);
                Space *in = c ? space_new(g, loop, c) : NULL;
                if (!in || !prepare_block(g, branch, loop, c, in))
                    return false;
            }
            if (ends_by_jump(&s->body) != ends_by_jump(&s->orelse) && i + 1 < b->n) {
                guarding = guarding_new(g, guarding, s->expr, ends_by_jump(&s->orelse));
                if (!guarding || !(place = space_new(g, loop, guarding)))
                    return false;
            }
        } else if (s->kind == NS_Block && !prepare_block(g, &s->body, loop, guarding, place)) {
            return false;
        }
    }
    return true;
}

static bool prepare_places(Guards *g)
{
    const Nest *n = g->nest;
    Space *top = space_new(g, NULL, NULL);
    Walk w = { .g = g, .top = top, .seen = ARENA_ARRAY(&g->arena, uint32_t, n->n_exprs + 1) };
    if (!top || !w.seen || !prepare_block(g, &n->body, NULL, NULL, top))
        return false;
    for (uint32_t i = 0; i < n->n_stmts && !w.no_memory; i++) {
        const NStmt *s = n->stmts[i];
        if (!(w.base = g->space_of[i]))
            w.base = g->space_of[i] = top;
        w.stmt = s;
        walk_expr(&w, s->expr, w.base);
        for (uint32_t d = 0; s->kind == NS_Store && d < s->access->n_subs; d++)
            walk_expr(&w, s->access->sub[d], w.base);
        if (s->kind == NS_Loop) {
            const NExpr *const e[] = { s->loop->start, s->loop->stop, s->loop->step, s->loop->trip, s->loop->test };
            for (size_t k = 0; k < COUNT_OF(e); k++)
                walk_expr(&w, e[k], w.base);
        }
    }
    for (uint32_t i = 0; i < n->n_accesses; i++)
        if (!g->space_of_access[i])
            g->space_of_access[i] = g->space_of[n->accesses[i]->stmt->id];
    for (uint32_t i = 0; i < n->n_checks; i++)
        if (!g->space_of_check[i] && n->checks[i].stmt)
            g->space_of_check[i] = g->space_of[n->checks[i].stmt->id];
    return !w.no_memory;
}

static bool prepare(Guards *g)
{
    const Nest *n = g->nest;
    uint32_t n_writes = 0;
    g->space_of = ARENA_ARRAY(&g->arena, Space *, n->n_stmts + 1);
    g->space_of_access = ARENA_ARRAY(&g->arena, Space *, n->n_accesses + 1);
    g->space_of_check = ARENA_ARRAY(&g->arena, Space *, n->n_checks + 1);
    g->space_in = ARENA_ARRAY(&g->arena, Space *, n->n_loops + 1);
    g->loop = ARENA_ARRAY(&g->arena, LinLoop, n->n_loops + 1);
    g->writes = ARENA_ARRAY(&g->arena, const NStmt **, n->n_vars + 1);
    g->memo = ARENA_ARRAY(&g->arena, RangeMemo, n->n_exprs + 1);
    g->var = ARENA_ARRAY(&g->arena, VarRange, n->n_vars + 1);
    uint32_t *count = ARENA_ARRAY(&g->arena, uint32_t, n->n_vars + 1);
    if (!g->space_of || !g->space_of_access || !g->space_of_check || !g->space_in || !g->loop || !g->writes || !g->memo || !g->var || !count ||
        !prepare_places(g))
        return false;
    for (uint32_t i = 0; i < n->n_stmts; i++)
        if (n->stmts[i]->kind == NS_Assign) {
            count[n->stmts[i]->var->id]++;
            n_writes++;
        }
    const NStmt **w = ARENA_ARRAY(&g->arena, const NStmt *, n_writes + n->n_vars + 1);
    if (!w)
        return false;
    for (uint32_t v = 0; v < n->n_vars; v++) {
        g->writes[v] = w;
        w += count[v] + 1;
        count[v] = 0;
    }
    for (uint32_t i = 0; i < n->n_stmts; i++)
        if (n->stmts[i]->kind == NS_Assign)
            g->writes[n->stmts[i]->var->id][count[n->stmts[i]->var->id]++] = n->stmts[i];
    g->memo_epoch = g->epoch = 1;
    return true;
}

Guards *guards_new(const Nest *nest, const LoopScalars *scalars)
{
    Mem *mem = &nest->vm->mem;
    Guards *g = mem_zalloc(mem, sizeof *g);
    if (!g)
        return NULL;
    g->nest = nest;
    g->scalars = scalars;
    arena_init(&g->arena, mem);
    if (!prepare(g)) {
        guards_free(g);
        return NULL;
    }
    return g;
}

void guards_free(Guards *g)
{
    if (!g)
        return;
    Mem *mem = &g->nest->vm->mem;
    arena_free(&g->arena);
    mem_free(mem, g, sizeof *g);
}

/* ---- an execution ---------------------------------------------------------------------------------------------------------------- */

Space *guards_space(Guards *g, Space *s)
{
    if (s->epoch != g->epoch) {
        s->epoch = g->epoch;
        space_fill(s, g->loop, g->facts);
    }
    return s;
}

/* How the subscript of one dimension becomes an index, and whether it is inside for certain. */
static DimMode dim_mode(Guards *g, const NAccess *x, uint32_t d, Space *s, bool *is_inside)
{
    int64_t n = g->facts->array[x->array->id].array->shape[d], lo, hi;
    Lin lin;
    if (s->is_empty) {
        *is_inside = true;
        return DM_Plain;
    }
    if (!x->form[d] || !lin_from_form(&lin, x->form[d], g->facts) || !space_extremes(s, &lin, &lo, &hi)) {
        Interval r = range_of(g, x->sub[d], s);
        lo = (int64_t)r.lo;
        hi = (int64_t)r.hi;
    }
    *is_inside = lo >= -n && hi < n;
    if (*is_inside && lo >= 0)
        return DM_Plain;
    return *is_inside && hi < 0 ? DM_FromEnd : DM_Checked;
}

static bool fits(Interval r, int64_t least, int64_t most)
{
    return r.lo >= least && r.hi <= most;
}

/* -2**63 // -1 leaves 64 bits. */
static bool may_be_least_quotient(Guards *g, const NExpr *e, Space *s)
{
    Interval y;
    if (e->op != NOP_FloorDiv || e->rep != DT_I64)
        return false;
    y = range_of(g, e->b, s);
    return y.lo <= -1 && y.hi >= -1 && range_of(g, e->a, s).lo == INT64_MIN;
}

/* An operation's check. */
static bool is_proved(Guards *g, const NCheck *c, Space *s)
{
    const NExpr *e = c->expr;
    Interval r, rep;
    if (!e)
        return false;
    bool is_int = range_of_rep((DType)e->rep, &rep);
    switch ((NCheckKind)c->kind) {
    case CK_Overflow:
        if (!is_int)
            return false;
        if (e->form) {
            Lin lin;
            int64_t lo, hi;
            if (lin_from_form(&lin, e->form, g->facts) && space_extremes(s, &lin, &lo, &hi) && lo >= rep.lo && hi <= rep.hi)
                return true;
        }
        return range_exact(g, e, s, &r) && r.lo >= rep.lo && r.hi <= rep.hi;
    case CK_ZeroDiv:
        return e->b && range_is_nonzero(g, e->b, s) && !may_be_least_quotient(g, e, s);
    case CK_Pow: case CK_Shift:
        return is_int && range_exact(g, e, s, &r) && r.lo >= rep.lo && r.hi <= rep.hi;
    case CK_Range:
        return is_int && e->op == NOP_Cast && range_exact(g, e, s, &r) && r.lo >= rep.lo && r.hi <= rep.hi;
    case CK_Exact: {
        if (e->op != NOP_Cast || !range_of_rep((DType)e->a->rep, &r))
            return false;
        if (is_int)
            return range_exact(g, e, s, &r) && r.lo >= rep.lo && r.hi <= rep.hi;
        int64_t most = e->rep == DT_F32 || e->rep == DT_C64 ? (int64_t)1 << 24 : (int64_t)1 << 53;
        return fits(range_of(g, e->a, s), -most, most);
    }
    default:
        return false;
    }
}

void guards_decide(Guards *g, const Facts *facts, uint8_t *proved, uint8_t *access_dim)
{
    const Nest *n = g->nest;
    g->facts = facts;
    g->epoch++;
    g->memo_epoch++;
    g->depth = 0;
    for (uint32_t i = 0; i < n->n_loops; i++)
        lin_from_loop(&g->loop[i], n->loops[i], facts);
    for (uint32_t i = 0; i < n->n_checks; i++) {
        const NCheck *c = &n->checks[i];
        if (!c->stmt) {
            proved[i] = 0;
            continue;
        }
        Space *s = guards_space(g, g->space_of_check[i]);
        proved[i] = s->is_empty || (c->stmt->kind == NS_Check && c->stmt->check == i ? range_proves(g, c->stmt->expr, s) : is_proved(g, c, s));
    }
    for (uint32_t i = 0; i < n->n_loops; i++) {
        const NLoop *l = n->loops[i];
        if (!l->is_while && l->step_check != NO_CHECK)
            proved[l->step_check] |= lin_step(l, facts) != 0;
    }
    for (uint32_t i = 0; i < n->n_accesses; i++) {
        const NAccess *x = n->accesses[i];
        Space *s = guards_space(g, g->space_of_access[i]);
        for (uint32_t d = 0; d < x->n_subs; d++) {
            bool is_inside;
            access_dim[i * ALP_MAX_NDIM + d] = (uint8_t)dim_mode(g, x, d, s, &is_inside);
            if (x->check[d] != NO_CHECK)
                proved[x->check[d]] = is_inside;
        }
    }
}
