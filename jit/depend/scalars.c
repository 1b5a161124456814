/* jit/depend/scalars.c — the classes of variables per loop (scalars.h, VarUse in graph.h).
 *
 * Three passes over the statements, all structured (no control flow graph is needed: the only jumps go outwards).
 *
 * 1. Forward, loop by loop, innermost first: which variables does one iteration read before it has assigned them (exposed), and
 *    which has it assigned whenever it ends normally (always)?  An inner loop stands for its own summary: it reads what its
 *    iterations expose, and since it may run zero times it assigns nothing for certain, unless it is known to run.
 * 2. Backward, from the outside in: which variables are live behind each loop?  What is live at the end of an iteration is what is live
 *    behind the loop plus what the loop exposes.
 * 3. Per loop and variable assigned in it: not read and always the same constant: VC_Set; not exposed: VC_Private; an accumulation
 *    (accumulate.c): VC_Reduction; else VC_Carried. */
#include "jit/depend/scalars.h"

#include <string.h>

typedef uint64_t Word;

/* A jump out of a loop, seen from it. */
typedef struct OutJump { const NStmt *target; bool is_next; } OutJump;

typedef struct LoopFlow {
    Word    *exposed, *always;
    Word    *at_exit;           /* assigned at every jump behind the loop, since its iteration began */
    bool     has_exit, has_end; /* some iteration leaves so; some ends normally */
    bool     is_sure;           /* at least one iteration runs */
    bool     is_endless;        /* while True */
    Word    *assigned, *live_after;
    OutJump *out;
    uint32_t n_out, cap_out;
} LoopFlow;

typedef struct Scan {
    const Nest *nest;
    Arena   *arena;             /* results */
    Arena    scratch;
    AccState acc;
    uint32_t n_words;
    LoopFlow *flow;             /* [n_loops] */
    const NStmt **first;        /* [n_vars]: the first exposed read in the loop being looked at … */
    const NVar **lead;          /* … and of what it is a companion there */
    const NLoop *loop;          /* that loop */
    Word   **meet;              /* [n_stmts]: assigned at every jump behind this statement so far; NULL: none */
    Word    *meet_next;         /* … and at every normal end of an iteration of the loop */
    const Word **live_behind;   /* [n_stmts] of Blocks and Loops */
    uint32_t *stmt_read_start, *stmt_read;      /* variables read by each statement's own expressions */
    bool     no_memory;
} Scan;

static bool has(const Word *s, uint32_t i) { return s[i / 64] >> i % 64 & 1; }
static void add(Word *s, uint32_t i) { s[i / 64] |= UINT64_C(1) << i % 64; }

static Word *set_new(Scan *s)
{
    Word *w = ARENA_ARRAY(&s->scratch, Word, s->n_words);
    if (!w)
        s->no_memory = true;
    return w;
}

static Word *set_copy(Scan *s, const Word *from)
{
    Word *w = set_new(s);
    if (w)
        memcpy(w, from, s->n_words * sizeof *w);
    return w;
}

static void set_or(const Scan *s, Word *to, const Word *from)
{
    for (uint32_t i = 0; i < s->n_words; i++)
        to[i] |= from[i];
}

/* *to &= from; *to NULL: everything. */
static void set_meet(Scan *s, Word **to, const Word *from)
{
    if (!*to)
        *to = set_copy(s, from);
    else
        for (uint32_t i = 0; i < s->n_words; i++)
            (*to)[i] &= from[i];
}

/* ---- who reads and assigns what ------------------------------------------------------------------------------------------------ */

typedef void (*ReadFn)(Scan *s, const NStmt *stmt, const NVar *v, void *user);

static void each_read_of(Scan *s, const NStmt *stmt, const NExpr *e, uint32_t *seen, ReadFn fn, void *user)
{
    AccState *a = &s->acc;
    while (e && a->mark[e->id] != a->now) {
        a->mark[e->id] = a->now;
        if (e->op == NOP_Var && seen[e->u.var->id] != stmt->id + 1) {
            seen[e->u.var->id] = stmt->id + 1;
            fn(s, stmt, e->u.var, user);
        }
        if (e->op == NOP_Load)
            for (uint32_t d = 0; d < e->u.access->n_subs; d++)
                each_read_of(s, stmt, e->u.access->sub[d], seen, fn, user);
        each_read_of(s, stmt, e->b, seen, fn, user);
        each_read_of(s, stmt, e->c, seen, fn, user);
        e = e->a;
    }
}

/* Every variable that a statement's own expressions read, once. */
static void each_read(Scan *s, const NStmt *stmt, uint32_t *seen, ReadFn fn, void *user)
{
    s->acc.now++;
    each_read_of(s, stmt, stmt->expr, seen, fn, user);
    if (stmt->kind == NS_Store)
        for (uint32_t d = 0; d < stmt->access->n_subs; d++)
            each_read_of(s, stmt, stmt->access->sub[d], seen, fn, user);
    if (stmt->kind == NS_Loop) {
        const NLoop *l = stmt->loop;
        const NExpr *const e[] = { l->start, l->stop, l->step, l->trip, l->test };
        for (size_t i = 0; i < COUNT_OF(e); i++)
            each_read_of(s, stmt, e[i], seen, fn, user);
    }
}

static void count_read(Scan *s, const NStmt *stmt, const NVar *v, void *user)
{
    s->acc.refs.read_start[v->id + 2]++;
    s->stmt_read_start[stmt->id + 2]++;
}

static void put_read(Scan *s, const NStmt *stmt, const NVar *v, void *user)
{
    VarRefs *r = &s->acc.refs;
    r->read[r->read_start[v->id + 1]++] = stmt;
    s->stmt_read[s->stmt_read_start[stmt->id + 1]++] = v->id;
}

/* Two rounds, counting and filling: start[i + 2] counts, start[i + 1] moves on while filling and ends as the start of i + 1. */
static bool find_refs(Scan *s)
{
    const Nest *n = s->nest;
    VarRefs *r = &s->acc.refs;
    uint32_t *seen = ARENA_ARRAY(&s->scratch, uint32_t, n->n_vars + 1);
    r->read_start = ARENA_ARRAY(&s->scratch, uint32_t, n->n_vars + 2);
    r->write_start = ARENA_ARRAY(&s->scratch, uint32_t, n->n_vars + 2);
    s->stmt_read_start = ARENA_ARRAY(&s->scratch, uint32_t, n->n_stmts + 2);
    s->acc.mark = ARENA_ARRAY(&s->scratch, uint32_t, n->n_exprs + 1);
    if (!seen || !r->read_start || !r->write_start || !s->stmt_read_start || !s->acc.mark)
        return false;
    for (uint32_t i = 0; i < n->n_stmts; i++) {
        each_read(s, n->stmts[i], seen, count_read, NULL);
        if (n->stmts[i]->kind == NS_Assign)
            r->write_start[n->stmts[i]->var->id + 2]++;
    }
    for (uint32_t v = 2; v <= n->n_vars + 1; v++) {
        r->read_start[v] += r->read_start[v - 1];
        r->write_start[v] += r->write_start[v - 1];
    }
    for (uint32_t i = 2; i <= n->n_stmts + 1; i++)
        s->stmt_read_start[i] += s->stmt_read_start[i - 1];
    uint32_t n_reads = r->read_start[n->n_vars + 1], n_writes = r->write_start[n->n_vars + 1];
    r->read = ARENA_ARRAY(&s->scratch, const NStmt *, n_reads + 1);
    r->write = ARENA_ARRAY(&s->scratch, const NStmt *, n_writes + 1);
    s->stmt_read = ARENA_ARRAY(&s->scratch, uint32_t, n_reads + 1);
    if (!r->read || !r->write || !s->stmt_read)
        return false;
    memset(seen, 0, n->n_vars * sizeof *seen);
    for (uint32_t i = 0; i < n->n_stmts; i++) {
        each_read(s, n->stmts[i], seen, put_read, NULL);
        if (n->stmts[i]->kind == NS_Assign)
            r->write[r->write_start[n->stmts[i]->var->id + 1]++] = n->stmts[i];
    }
    return true;
}

/* ---- forward: what an iteration exposes and always assigns ----------------------------------------------------------------------- */

static void expose(Scan *s, const NStmt *stmt, const Word *def)
{
    LoopFlow *f = &s->flow[s->loop->id];
    for (uint32_t i = s->stmt_read_start[stmt->id]; i < s->stmt_read_start[stmt->id + 1]; i++) {
        uint32_t v = s->stmt_read[i];
        if (has(def, v))
            continue;
        if (!has(f->exposed, v))
            s->first[v] = stmt;
        add(f->exposed, v);
    }
}

/* The first statement of an inner loop that reads v. */
static const NStmt *first_read_in(const Scan *s, const NLoop *loop, uint32_t v)
{
    const VarRefs *r = &s->acc.refs;
    for (uint32_t i = r->read_start[v]; i < r->read_start[v + 1]; i++)
        if (loop_contains(loop, eval_loop(r->read[i])))
            return r->read[i];
    return loop->stmt;
}

static void jump(Scan *s, const NStmt *target, bool is_next, const Word *def)
{
    LoopFlow *f = &s->flow[s->loop->id];
    if (is_next && target->loop == s->loop) {
        f->has_end = true;
        set_meet(s, &s->meet_next, def);
    } else if (target == s->loop->stmt) {
        f->has_exit = true;
        set_meet(s, &f->at_exit, def);
    } else if (loop_contains(s->loop, target->loop_in)) {
        set_meet(s, &s->meet[target->id], def);
    } else {
        for (uint32_t i = 0; i < f->n_out; i++)
            if (f->out[i].target == target && f->out[i].is_next == is_next)
                return;
        if (f->n_out == f->cap_out) {
            uint32_t cap = f->cap_out ? 2 * f->cap_out : 4;
            OutJump *grown = ARENA_ARRAY(&s->scratch, OutJump, cap);
            if (!grown) {
                s->no_memory = true;
                return;
            }
            if (f->n_out)
                memcpy(grown, f->out, f->n_out * sizeof *grown);
            f->out = grown;
            f->cap_out = cap;
        }
        f->out[f->n_out++] = (OutJump){ target, is_next };
    }
}

/* An inner loop, by its summary.  Returns whether control comes out behind it. */
static bool flow_loop(Scan *s, const NLoop *l, Word *def)
{
    const LoopFlow *inner = &s->flow[l->id];
    LoopFlow *f = &s->flow[s->loop->id];
    if (!l->is_while)
        expose(s, l->stmt, def);
    for (uint32_t w = 0; w < s->n_words; w++)
        for (Word fresh = inner->exposed[w] & ~def[w] & ~f->exposed[w]; fresh; fresh &= fresh - 1) {
            uint32_t v = w * 64 + (uint32_t)__builtin_ctzll(fresh);
            s->first[v] = first_read_in(s, l, v);
            add(f->exposed, v);
        }
    for (uint32_t i = 0; i < inner->n_out; i++)
        jump(s, inner->out[i].target, inner->out[i].is_next, def);
    if (inner->is_endless && !inner->has_exit)
        return false;
    /* Behind a loop that surely runs: what an iteration always assigns, by whichever way the loop is left. */
    if (inner->is_endless || inner->is_sure)
        for (uint32_t w = 0; w < s->n_words; w++) {
            Word all = ~(Word)0;
            if (!inner->is_endless && inner->has_end)
                all &= inner->always[w];
            if (inner->has_exit)
                all &= inner->at_exit[w];
            if ((!inner->is_endless && inner->has_end) || inner->has_exit)
                def[w] |= all;
        }
    return true;
}

/* Runs through a block; def: assigned so far, changed.  Returns whether control reaches its end. */
static bool flow_block(Scan *s, const NBlock *b, Word *def)
{
    for (uint32_t i = 0; i < b->n && !s->no_memory; i++) {
        const NStmt *stmt = b->stmt[i];
        if (stmt->kind != NS_Loop)
            expose(s, stmt, def);
        switch ((NStmtKind)stmt->kind) {
        case NS_Assign:
            add(def, stmt->var->id);
            break;
        case NS_Store: case NS_Check:
            break;
        case NS_If: {
            Word *other = set_copy(s, def);
            if (!other)
                return true;
            bool ends = flow_block(s, &stmt->body, def), other_ends = flow_block(s, &stmt->orelse, other);
            if (!ends && !other_ends)
                return false;
            if (!ends)
                memcpy(def, other, s->n_words * sizeof *def);
            else if (other_ends)
                set_meet(s, &def, other);
            break;
        }
        case NS_Loop:
            if (!flow_loop(s, stmt->loop, def))
                return false;
            break;
        case NS_Block: {
            s->meet[stmt->id] = NULL;
            bool ends = flow_block(s, &stmt->body, def);
            Word *left = s->meet[stmt->id];
            if (left && ends)
                set_meet(s, &def, left);
            else if (left)
                memcpy(def, left, s->n_words * sizeof *def);
            else if (!ends)
                return false;
            break;
        }
        case NS_Leave:
            jump(s, stmt->target, false, def);
            return false;
        case NS_Next:
            jump(s, stmt->target, true, def);
            return false;
        case NS_Return:
            return false;
        }
    }
    return true;
}

/* A For loop with constant bounds that surely runs. */
static bool surely_runs(const NLoop *l)
{
    const NExpr *t = l->trip;
    return !l->is_while && t && t->op == NOP_Const && t->rep == DT_I64 && t->u.i > 0;
}

static bool is_true(const NExpr *e)
{
    return e->op == NOP_Const && e->rep == DT_Bool && e->u.u != 0;
}

/* The summary of one loop, and the first exposed reads in s->first. */
static void flow_of(Scan *s, const NLoop *l)
{
    LoopFlow *f = &s->flow[l->id];
    s->loop = l;
    s->meet_next = NULL;
    f->is_sure = surely_runs(l);
    f->is_endless = l->is_while && is_true(l->test);
    Word *def = set_new(s);
    f->exposed = set_new(s);
    if (!def || !f->exposed)
        return;
    if (l->is_while)
        expose(s, l->stmt, def);
    if (flow_block(s, &l->body, def)) {
        f->has_end = true;
        set_meet(s, &s->meet_next, def);
    }
    f->always = s->meet_next ? s->meet_next : set_new(s);
}

/* ---- backward: what is live behind each loop ------------------------------------------------------------------------------------ */

/* live: behind the block on entry of this function, before it at the end. */
static void live_block(Scan *s, const NBlock *b, Word *live, const Word *at_return)
{
    for (uint32_t i = b->n; i-- > 0 && !s->no_memory;) {
        const NStmt *stmt = b->stmt[i];
        switch ((NStmtKind)stmt->kind) {
        case NS_Assign:
            live[stmt->var->id / 64] &= ~(UINT64_C(1) << stmt->var->id % 64);
            break;
        case NS_Store: case NS_Check:
            break;
        case NS_If: {
            Word *other = set_copy(s, live);
            if (!other)
                return;
            live_block(s, &stmt->body, live, at_return);
            live_block(s, &stmt->orelse, other, at_return);
            set_or(s, live, other);
            break;
        }
        case NS_Loop: {
            LoopFlow *f = &s->flow[stmt->loop->id];
            s->live_behind[stmt->id] = f->live_after = set_copy(s, live);
            Word *body = f->live_after ? set_copy(s, live) : NULL;
            if (!body)
                return;
            set_or(s, body, f->exposed);
            set_or(s, live, f->exposed);
            /* Break and return take what is live where they lead; that is part of what is live before the loop. */
            live_block(s, &stmt->loop->body, body, at_return);
            set_or(s, live, body);
            break;
        }
        case NS_Block: {
            Word *behind = set_copy(s, live);
            if (!behind)
                return;
            s->live_behind[stmt->id] = behind;
            live_block(s, &stmt->body, live, at_return);
            break;
        }
        case NS_Leave:
            memcpy(live, s->live_behind[stmt->target->id], s->n_words * sizeof *live);
            break;
        case NS_Next: {
            const LoopFlow *f = &s->flow[stmt->target->loop->id];
            memcpy(live, f->live_after, s->n_words * sizeof *live);
            set_or(s, live, f->exposed);
            break;
        }
        case NS_Return:
            memcpy(live, at_return, s->n_words * sizeof *live);
            break;
        }
        for (uint32_t k = s->stmt_read_start[stmt->id]; k < s->stmt_read_start[stmt->id + 1]; k++)
            add(live, s->stmt_read[k]);
    }
}

static void find_live(Scan *s)
{
    const Nest *n = s->nest;
    Word *live = set_new(s), *at_return = set_new(s);
    if (!live || !at_return)
        return;
    for (uint32_t i = 0; i < n->n_vars; i++)
        if (n->vars[i]->is_live_out)
            add(live, i);
    memcpy(at_return, live, s->n_words * sizeof *live);
    live_block(s, &n->body, live, at_return);
}

/* ---- classes -------------------------------------------------------------------------------------------------------------------- */

static const NExpr *constant_of(const NStmt *s)
{
    const NExpr *e = s->expr;
    while (e->op == NOP_Cast && e->a->rep == e->rep)
        e = e->a;
    return e->op == NOP_Const ? e : NULL;
}

/* Nothing in the loop reads it, and it gets one constant. */
static bool is_set(const Scan *s, const NLoop *l, const NVar *v)
{
    const VarRefs *r = &s->acc.refs;
    for (uint32_t i = r->read_start[v->id]; i < r->read_start[v->id + 1]; i++)
        if (loop_contains(l, eval_loop(r->read[i])))
            return false;
    const NExpr *value = NULL;
    for (uint32_t i = r->write_start[v->id]; i < r->write_start[v->id + 1]; i++) {
        if (!loop_contains(l, r->write[i]->loop_in))
            continue;
        const NExpr *c = constant_of(r->write[i]);
        if (!c || (value && (c->rep != value->rep || memcmp(&c->u.z, &value->u.z, c->rep >= DT_C64 ? 16 : 8) != 0)))
            return false;
        value = c;
    }
    return true;
}

/* The variables of one loop, right after its flow_of(), which found the exposed reads. */
static void list_uses(Scan *s, const NLoop *l, LoopScalars *out)
{
    const LoopFlow *f = &s->flow[l->id];
    for (uint32_t w = 0; w < s->n_words; w++)
        out->n += (uint32_t)__builtin_popcountll(f->assigned[w]);
    out->use = ARENA_ARRAY(s->arena, VarUse, out->n + 1);
    if (!out->use) {
        s->no_memory = true;
        return;
    }
    VarUse *u = out->use;
    for (uint32_t w = 0; w < s->n_words; w++)
        for (Word rest = f->assigned[w]; rest; rest &= rest - 1) {
            uint32_t v = w * 64 + (uint32_t)__builtin_ctzll(rest);
            *u++ = (VarUse){ .var = s->nest->vars[v], .cmp = NOP_COUNT, .always_assigned = has(f->always, v),
                             .blame_read = has(f->exposed, v) ? s->first[v] : NULL };
        }
}

static void classify_loop(Scan *s, const NLoop *l, LoopScalars *out)
{
    const LoopFlow *f = &s->flow[l->id];
    const VarRefs *r = &s->acc.refs;
    Word *companion = set_new(s), *all_companions = set_new(s);
    if (!companion || !all_companions)
        return;
    for (uint32_t i = 0; i < out->n; i++) {
        VarUse *u = &out->use[i];
        uint32_t v = u->var->id;
        u->live_after = has(f->live_after, v);
        if (!has(f->exposed, v)) {
            u->cls = is_set(s, l, u->var) ? VC_Set : VC_Private;
            continue;
        }
        memset(companion, 0, s->n_words * sizeof *companion);
        if (acc_match(&s->acc, l, u, companion, &s->no_memory)) {
            u->cls = VC_Reduction;
            set_or(s, all_companions, companion);
            for (uint32_t w = 0; w < s->n_words; w++)
                for (Word rest = companion[w]; rest; rest &= rest - 1)
                    s->lead[w * 64 + (uint32_t)__builtin_ctzll(rest)] = u->var;
            continue;
        }
        u->cls = VC_Carried;
        for (uint32_t k = r->write_start[v]; k < r->write_start[v + 1]; k++)
            if (loop_contains(l, r->write[k]->loop_in))
                u->blame_write = r->write[k];
    }
    for (uint32_t i = 0; i < out->n; i++) {
        VarUse *u = &out->use[i];
        if (!has(all_companions, u->var->id))
            continue;
        const VarUse *lead = scalars_find(out, s->lead[u->var->id]);
        u->cls = VC_Reduction;
        u->red = RK_Arg;
        u->cmp = lead->cmp;
        u->lead = lead->var;
        if (!acc_list(&s->acc, l, u))
            s->no_memory = true;
        u->blame_write = u->blame_read = lead->blame_write;
    }
}

static bool scan_nest(Scan *s, LoopScalars *out)
{
    const Nest *n = s->nest;
    s->n_words = n->n_vars / 64 + 1;
    s->flow = ARENA_ARRAY(&s->scratch, LoopFlow, n->n_loops + 1);
    s->meet = ARENA_ARRAY(&s->scratch, Word *, n->n_stmts + 1);
    s->live_behind = ARENA_ARRAY(&s->scratch, const Word *, n->n_stmts + 1);
    s->first = ARENA_ARRAY(&s->scratch, const NStmt *, n->n_vars + 1);
    s->lead = ARENA_ARRAY(&s->scratch, const NVar *, n->n_vars + 1);
    if (!s->flow || !s->meet || !s->live_behind || !s->first || !s->lead || !find_refs(s))
        return false;
    for (uint32_t i = 0; i < n->n_loops; i++)
        if (!(s->flow[i].assigned = set_new(s)))
            return false;
    for (uint32_t v = 0; v < n->n_vars; v++)
        for (uint32_t i = s->acc.refs.write_start[v]; i < s->acc.refs.write_start[v + 1]; i++)
            for (const NLoop *l = s->acc.refs.write[i]->loop_in; l; l = l->up)
                add(s->flow[l->id].assigned, v);
    for (uint32_t i = n->n_loops; i-- > 0 && !s->no_memory;) {
        flow_of(s, n->loops[i]);
        if (!s->no_memory)
            list_uses(s, n->loops[i], &out[i]);
    }
    if (!s->no_memory)
        find_live(s);
    for (uint32_t i = 0; i < n->n_loops && !s->no_memory; i++)
        classify_loop(s, n->loops[i], &out[i]);
    return !s->no_memory;
}

LoopScalars *scalars_new(Arena *arena, const Nest *nest)
{
    LoopScalars *out = ARENA_ARRAY(arena, LoopScalars, nest->n_loops + 1);
    if (!out)
        return NULL;
    Scan s = { .nest = nest, .arena = arena, .acc = { .arena = arena, .nest = nest } };
    arena_init(&s.scratch, arena->mem);
    bool done = scan_nest(&s, out);
    arena_free(&s.scratch);
    return done ? out : NULL;
}

const VarUse *scalars_find(const LoopScalars *s, const NVar *var)
{
    uint32_t lo = 0, hi = s->n;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (s->use[mid].var->id < var->id)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < s->n && s->use[lo].var == var ? &s->use[lo] : NULL;
}
