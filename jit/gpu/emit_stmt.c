/* jit/gpu/emit_stmt.c — statements, plan items and loops, as one thread runs them.
 *
 * Jumps are `continue` and `break` where the innermost C loop is meant, else gotos.  C++ forbids jumps over declarations with initial values in one
 * scope, so labels stand behind the closing brace of the scope that is left: a loop body to whose end somebody jumps is in braces of its own. */
#include "jit/gpu/emit.h"

/* ---- jumps ------------------------------------------------------------------------------------------------------------------------------ */

bool target_has_jumps(const Gen *g, const NStmt *s)
{
    for (uint32_t i = 0; i < g->nest->n_stmts; i++)
        if (g->nest->stmts[i]->kind == NS_Next && g->nest->stmts[i]->target == s)
            return true;
    return false;
}

static void note_exit(Gen *g, Flow flow, const NStmt *stmt, uint32_t slot)
{
    GpuKernel *k = g->kernel;
    uint32_t i = 0;
    while (i < k->n_exits && (k->exit[i].stmt != stmt || k->exit[i].flow != flow))
        i++;
    if (i == k->n_exits) {
        struct GpuExit *more = gen_room(g, (k->n_exits + 1) * sizeof *more);
        if (gen_is_broken(g))
            return;
        for (uint32_t j = 0; j < i; j++)
            more[j] = k->exit[j];
        k->exit = more;
        k->exit[k->n_exits++] = (struct GpuExit){ .flow = (uint8_t)flow, .slot = slot, .stmt = stmt };
    }
    gen_line(g, "%s->ended = %u;", gen_param(g, GP_Status, 0, 0), (unsigned)i + 1);
}

/* Out of the kernel. */
static void leave_kernel(Gen *g, Flow flow, const NStmt *stmt, uint32_t slot)
{
    if (!g->is_single) {
        gen_refuse(g, "a jump out of a parallel loop");
        return;
    }
    note_exit(g, flow, stmt, slot);
    gen_line(g, "goto done;");
    g->stop_used = true;
}

static void jump(Gen *g, const NStmt *target, bool is_next)
{
    Target *t = g->target;
    bool is_innermost = true;
    for (; t && t->stmt != target; t = t->up)
        is_innermost &= !t->is_c_loop;
    if (!t) {
        leave_kernel(g, is_next ? FLOW_Next : FLOW_Leave, target, UINT32_MAX);
        return;
    }
    if (!is_next && target == g->nest->root->stmt && g->is_single)
        note_exit(g, FLOW_Leave, target, UINT32_MAX);
    if (is_next && is_innermost && t->is_c_loop && !t->next_by_label) {
        gen_line(g, "continue;");
    } else if (!is_next && is_innermost && t->is_c_loop) {
        gen_line(g, "break;");
    } else {
        *(is_next ? &t->next_used : &t->leave_used) = true;
        gen_line(g, "goto %s_L%u;", is_next ? "next" : "behind", (unsigned)t->label);
    }
}

static void label(Gen *g, const char *what, const Target *t)
{
    gen_line(g, "%s_L%u:;", what, (unsigned)t->label);
}

static void return_value(Gen *g, const NStmt *s)
{
    uint32_t slot = UINT32_MAX;
    if (!g->is_single) {
        gen_refuse(g, "a return in a parallel loop");
        return;
    }
    if (s->expr) {
        DType rep = (DType)s->expr->rep;
        slot = g->program->n_slots++;
        gen_begin(g, s->expr);
        Val v = gen_expr(g, s->expr);
        gen_line(g, "%s[%u].%s = %s;", gen_param(g, GP_Vars, 0, 0), (unsigned)slot, slot_member(rep), v.s);
        gen_end(g);
    }
    leave_kernel(g, FLOW_Return, s, slot);
}

/* ---- statements -------------------------------------------------------------------------------------------------------------------------- */

static void assign(Gen *g, const NStmt *s)
{
    if (g->var_watch[s->var->id] == WATCH_Place) {
        gen_assign_placed(g, s);
        return;
    }
    gen_begin(g, s->expr);
    Val v = gen_value_as(g, s->expr, (DType)s->var->rep);
    const char *name = gen_var_name(g, s->var);
    gen_line(g, "%s = %s;", gen_var(g, s->var), v.s);
    if (g->var_watch[s->var->id] == WATCH_Flag)
        gen_line(g, "set_%s = true;", name);
    else if (g->var_watch[s->var->id] == WATCH_Cell)
        gen_line(g, "if (!*set_%s) *set_%s = 1;", name, name);
    gen_end(g);
}

static void store(Gen *g, const NStmt *s)
{
    gen_begin(g, s->expr);
    gen_begin_access(g, s->access);
    Val v = gen_value_as(g, s->expr, (DType)s->access->array->dtype);
    if (g->tile)                    /* rows of a thread may share what they load */
        v = gen_temp(g, (DType)s->access->array->dtype, v);
    const char *element = gen_element(g, s->access);
    if (g->warp == WARP_Uniform) {
        gen_line(g, "__syncwarp();");
        gen_line(g, "if (lane == 0)");
        gen_line(g, "    %s = %s;", element, v.s);
        gen_line(g, "__syncwarp();");
    } else if (g->tile) {
        gen_line(g, "if (inside)");
        gen_line(g, "    %s = %s;", element, v.s);
    } else {
        gen_line(g, "%s = %s;", element, v.s);
    }
    gen_end(g);
}

static Val test_of(Gen *g, const NExpr *x)
{
    gen_begin(g, x);
    Val v = gen_expr(g, x);
    gen_end(g);
    return v;
}

/* Loops inside may take some time without looking whether they are to stop. */
enum { POLL_OUTER = 64 };

/* Innermost loops go in parts, between which the thread looks: nothing is added to an iteration that would keep the compiler from unrolling it.  (Not where lanes
 * have to go together.) */
static bool goes_in_parts(const Gen *g, bool has_loops)
{
    return g->layout->polls && !has_loops && g->warp != WARP_Uniform;
}

/* The body's braces are open from here to end_for(). */
static void begin_for(Gen *g, const char *t, const char *first, const char *end, bool has_loops)
{
    if (!goes_in_parts(g, has_loops)) {
        gen_open(g, "for (i64 %s = %s; %s < %s; %s++)", t, first, t, end, t);
        gen_poll(g, POLL_OUTER);
        return;
    }
    gen_open(g, "for (i64 %s = %s; %s < %s;)", t, first, t, end);
    gen_line(g, "const i64 from_%s = %s, to_%s = %s(%s, %s + fuel);", t, t, t, gen_helper(g, HP_Least, DT_COUNT), end, t);
    gen_open(g, "for (; %s < to_%s; %s++)", t, t, t);
}

static void end_for(Gen *g, const char *t, bool has_loops)
{
    gen_close(g);
    if (!goes_in_parts(g, has_loops))
        return;
    gen_line(g, "fuel -= (int)(%s - from_%s);", t, t);
    gen_line(g, "if (%s < to_%s)", t, t);
    gen_line(g, "    break;");
    gen_poll(g, 0);
    gen_close(g);
}

static bool block_has_loop(const NBlock *b)
{
    for (uint32_t i = 0; i < b->n; i++)
        if (b->stmt[i]->kind == NS_Loop || block_has_loop(&b->stmt[i]->body) || block_has_loop(&b->stmt[i]->orelse))
            return true;
    return false;
}

static bool items_have_loop(PItem *const *items, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (items[i]->kind == PI_Loop || items[i]->kind == PI_While || items_have_loop(items[i]->body, items[i]->n_body) ||
            items_have_loop(items[i]->orelse, items[i]->n_orelse) || (items[i]->kind == PI_Stmt && block_has_loop(&(NBlock){ 1, &items[i]->stmt })))
            return true;
    return false;
}

static void while_loop(Gen *g, const NStmt *s, const PItem *item)
{
    Target target = { .up = g->target, .stmt = s, .is_c_loop = true, .label = ++g->n_labels };
    g->target = &target;
    bool parts = goes_in_parts(g, block_has_loop(&s->loop->body));
    gen_open(g, "for (;;)");
    if (parts)
        gen_open(g, "for (; fuel > 0; fuel--)");
    else
        gen_poll(g, POLL_OUTER);
    Val test = test_of(g, s->loop->test);
    gen_line(g, "if (!%s)", at_level(g, test, LV_Unary));
    gen_line(g, "    break;");
    g->loop_depth++;
    bool braces = target_has_jumps(g, s);
    if (braces)
        gen_scope(g);
    if (item)
        gen_items(g, item->body, item->n_body);
    else
        gen_block(g, &s->loop->body);
    if (braces)
        gen_close(g);
    if (target.next_used)
        label(g, "next", &target);
    g->loop_depth--;
    g->target = target.up;
    gen_close(g);
    if (parts) {
        gen_line(g, "if (fuel > 0)");
        gen_line(g, "    break;");
        gen_poll(g, 0);
        gen_close(g);
    }
    if (target.leave_used)
        label(g, "behind", &target);
}

/* A For loop of the nest itself, in program order. */
static void nest_loop(Gen *g, const NLoop *l)
{
    PLoop plain = { .n_src = 1, .src = (NLoop *[]){ (NLoop *)l } };
    Target target = { .up = g->target, .stmt = l->stmt, .is_c_loop = true, .label = ++g->n_labels };
    const char *first, *end;
    gen_scope(g);
    gen_bounds(g, &plain, &first, &end);
    gen_counters_begin(g, &plain);
    const char *t = gen_counter(g, l);
    begin_for(g, t, first, end, block_has_loop(&l->body));
    g->target = &target;
    g->loop_depth++;
    bool braces = target_has_jumps(g, l->stmt);
    if (braces)
        gen_scope(g);
    gen_block(g, &l->body);
    if (braces)
        gen_close(g);
    if (target.next_used)
        label(g, "next", &target);
    g->loop_depth--;
    g->target = target.up;
    end_for(g, t, block_has_loop(&l->body));
    gen_counters_end(g, &plain);
    gen_close(g);
    if (target.leave_used)
        label(g, "behind", &target);
}

static void branches(Gen *g, const NStmt *s, const PItem *item)
{
    Val test = test_of(g, s->expr);
    gen_open(g, "if (%s)", test.s);
    if (item)
        gen_items(g, item->body, item->n_body);
    else
        gen_block(g, &s->body);
    if (item ? item->n_orelse : s->orelse.n) {
        g->indent--;
        gen_open(g, "} else");
        if (item)
            gen_items(g, item->orelse, item->n_orelse);
        else
            gen_block(g, &s->orelse);
    }
    gen_close(g);
}

static void block_of(Gen *g, const NStmt *s, const PItem *item)
{
    Target target = { .up = g->target, .stmt = s, .label = ++g->n_labels };
    g->target = &target;
    gen_scope(g);
    if (item)
        gen_items(g, item->body, item->n_body);
    else
        gen_block(g, &s->body);
    gen_close(g);
    g->target = target.up;
    if (target.leave_used)
        label(g, "behind", &target);
}

void gen_stmt(Gen *g, const NStmt *s)
{
    if (gen_is_broken(g))
        return;
    gen_source(g, s);
    switch ((NStmtKind)s->kind) {
    case NS_Assign: assign(g, s); break;
    case NS_Store:  store(g, s); break;
    case NS_If:     branches(g, s, NULL); break;
    case NS_Loop:
        if (s->loop->is_while)
            while_loop(g, s, NULL);
        else
            nest_loop(g, s->loop);
        break;
    case NS_Block:  block_of(g, s, NULL); break;
    case NS_Leave: case NS_Next:
        jump(g, s->target, s->kind == NS_Next);
        break;
    case NS_Return: return_value(g, s); break;
    case NS_Check:
        gen_begin(g, s->expr);
        gen_fail_if(g, gen_text(g, "!%s", at_level(g, gen_expr(g, s->expr), LV_Unary)), s->check);
        gen_end(g);
        break;
    }
}

/* What stands behind a jump is not made. */
void gen_block(Gen *g, const NBlock *b)
{
    for (uint32_t i = 0; i < b->n && !gen_is_broken(g); i++) {
        gen_stmt(g, b->stmt[i]);
        if (b->stmt[i]->kind == NS_Leave || b->stmt[i]->kind == NS_Next || b->stmt[i]->kind == NS_Return)
            break;
    }
}

void gen_items(Gen *g, PItem *const *items, uint32_t n)
{
    for (uint32_t i = 0; i < n && !gen_is_broken(g); i++) {
        switch ((PItemKind)items[i]->kind) {
        case PI_Stmt:  gen_stmt(g, items[i]->stmt); break;
        case PI_Loop:  gen_loop(g, items[i]); break;
        case PI_While: gen_source(g, items[i]->stmt); while_loop(g, items[i]->stmt, items[i]); break;
        case PI_If:    gen_source(g, items[i]->stmt); branches(g, items[i]->stmt, items[i]); break;
        case PI_Block: block_of(g, items[i]->stmt, items[i]); break;
        }
    }
}

/* ---- bounds -------------------------------------------------------------------------------------------------------------------------------- */

const char *gen_form(Gen *g, const NForm *f)
{
    const char *sum = "";
    for (uint32_t k = 0; k < f->n; k++) {
        const NTerm *t = &f->term[k];
        const char *factor = gen_int(g, t->coef).s;
        bool is_one = t->coef == 1 && (t->loop || t->sym);
        const char *s = is_one ? "" : factor;
        if (t->loop)
            s = gen_text(g, "%s%s%s", s, *s ? " * " : "", gen_counter(g, t->loop));
        if (t->sym)
            s = gen_text(g, "%s%s%s", s, *s ? " * " : "", gen_param(g, GP_Sym, 0, t->sym->id));
        sum = gen_text(g, "%s%s%s", sum, *sum ? " + " : "", s);
    }
    return *sum ? sum : "0";
}

static const char *bound_text(Gen *g, const struct PBound *b)
{
    const char *v = gen_form(g, b->form);
    return b->scale == 1 ? v : gen_text(g, "%s(%s, %s)", gen_helper(g, HP_DivideUp, DT_COUNT), v, gen_int(g, b->scale).s);
}

static const char *name_bound(Gen *g, const char *what, const char *value)
{
    const char *name = gen_text(g, "%s%u", what, (unsigned)++g->n_temps);
    gen_line(g, "const i64 %s = %s;", name, value);
    return name;
}

void gen_bounds(Gen *g, const PLoop *l, const char **first, const char **end)
{
    const NLoop *loop = l->src[0];
    *first = "0";
    *end = NULL;
    for (uint32_t k = 0; k < l->n_upper; k++) {
        const char *v = bound_text(g, &l->upper[k]);
        *end = *end ? gen_text(g, "%s(%s, %s)", gen_helper(g, HP_Least, DT_COUNT), *end, v) : v;
    }
    for (uint32_t k = 0; k < l->n_lower; k++)
        *first = gen_text(g, "%s(%s, %s)", gen_helper(g, HP_Greatest, DT_COUNT), *first, bound_text(g, &l->lower[k]));
    if (l->n_lower)
        *first = name_bound(g, "first", *first);
    if (!*end) {
        if (gen_check_needed(g, loop->step_check)) {
            gen_begin(g, loop->step);
            gen_fail_if(g, gen_text(g, "%s == 0", at_level(g, gen_expr(g, loop->step), LV_Less)), loop->step_check);
            gen_end(g);
        }
        gen_begin(g, loop->trip);
        *end = gen_expr(g, loop->trip).s;
        gen_end(g);
    }
    *end = name_bound(g, "end", *end);
}

/* ---- loops of the plan ------------------------------------------------------------------------------------------------------------------------ */

const NStmt *item_some_stmt(const PItem *item)
{
    while (!item->stmt && item->n_body)
        item = item->body[0];
    return item->stmt;
}

/* From which source loop of `around` does the item come? */
static uint32_t source_of(const PLoop *around, const PItem *item)
{
    const NStmt *s = item_some_stmt(item);
    for (const NLoop *loop = s ? s->loop_in : NULL; loop; loop = loop->up)
        for (uint32_t k = 0; k < around->n_src; k++)
            if (around->src[k] == loop)
                return k;
    return 0;
}

void gen_counters_begin(Gen *g, const PLoop *l)
{
    for (uint32_t k = 0; k < l->n_src; k++) {
        g->counter_runs[l->src[k]->id]++;
        g->counter_name[l->src[k]->id] = l->src[0]->id;
    }
}

void gen_counters_end(Gen *g, const PLoop *l)
{
    for (uint32_t k = 0; k < l->n_src; k++)
        g->counter_runs[l->src[k]->id]--;
}

static const char *expanded(Gen *g, const NVar *v, const char *t)
{
    return gen_text(g, "%s[%s].%s", gen_param(g, GP_Expand, 0, v->id), t, slot_member((DType)v->rep));
}

void gen_restores(Gen *g, const PLoop *l, const char *t)
{
    for (uint32_t k = 0; k < l->n_restore; k++)
        gen_line(g, "%s = (%s)%s;", gen_var(g, l->restore_var[k]), c_type((DType)l->restore_var[k]->rep), expanded(g, l->restore_var[k], t));
}

void gen_iteration(Gen *g, const PItem *item, Target *target, const char *t)
{
    const PLoop *l = item->loop;
    gen_restores(g, l, t);
    g->loop_depth++;
    for (uint32_t k = 0, next; k < item->n_body; k = next) {
        uint32_t source = source_of(l, item->body[k]);
        for (next = k + 1; next < item->n_body && source_of(l, item->body[next]) == source; next++)
            ;
        const NStmt *stmt = l->src[source]->stmt;
        bool braces = target_has_jumps(g, stmt);
        target->stmt = stmt;
        target->label = ++g->n_labels;
        target->next_by_label |= next < item->n_body || l->n_save > 0;
        target->next_used = false;
        target->up = g->target;
        g->target = target;
        if (braces)
            gen_scope(g);
        gen_items(g, item->body + k, next - k);
        if (braces)
            gen_close(g);
        g->target = target->up;
        if (target->next_used)
            label(g, "next", target);
    }
    g->loop_depth--;
    for (uint32_t k = 0; k < l->n_save; k++)
        gen_line(g, "%s = %s;", expanded(g, l->save_var[k], t), gen_var(g, l->save_var[k]));
}

static bool assigns_in(const NBlock *b, const NVar *v)
{
    for (uint32_t i = 0; i < b->n; i++) {
        const NStmt *s = b->stmt[i];
        if ((s->kind == NS_Assign && s->var == v) || assigns_in(&s->body, v) || assigns_in(&s->orelse, v) ||
            (s->kind == NS_Loop && assigns_in(&s->loop->body, v)))
            return true;
    }
    return false;
}

bool items_assign(PItem *const *items, uint32_t n, const NVar *v)
{
    for (uint32_t i = 0; i < n; i++) {
        NStmt *s = items[i]->stmt;
        if (items[i]->kind == PI_Stmt && assigns_in(&(NBlock){ 1, &s }, v))
            return true;
        if (items_assign(items[i]->body, items[i]->n_body, v) || items_assign(items[i]->orelse, items[i]->n_orelse, v))
            return true;
    }
    return false;
}

/* Does the variable come out of the loop as it went in?  (Where it was borrowed from a buffer, or distribution put the loop behind the one
 * that gives it its last value.) */
static bool is_kept(const PItem *item, const NVar *v)
{
    const PLoop *l = item->loop;
    for (uint32_t i = 0; i < l->n_restore; i++)
        if (l->restore_var[i] == v)
            return !items_assign(item->body, item->n_body, v);
    if (l->mode == PM_Sequential || !l->is_distributed)
        return false;
    for (uint32_t i = 0; i < l->n_last; i++)
        if (l->last[i]->var == v)
            return false;
    for (uint32_t i = 0; i < l->n_private; i++)
        if (l->private_var[i] == v)
            return true;
    return false;
}

static void each_kept(Gen *g, const PItem *item, bool before)
{
    for (uint32_t i = 0; i < g->nest->n_vars; i++) {
        const NVar *v = g->nest->vars[i];
        if (!is_kept(item, v))
            continue;
        const char *name = gen_var(g, v);
        if (before)
            gen_line(g, "const %s kept_%s = %s;", c_type((DType)v->rep), name, name);
        else
            gen_line(g, "%s = kept_%s;", name, name);
    }
}

void gen_note_saves(Gen *g, const PItem *item)
{
    GpuProgram *p = g->program;
    for (uint32_t k = 0; k < item->loop->n_save; k++) {
        if (g->loop_depth) {
            gen_refuse(g, "values of a variable kept for each iteration of an inner loop");
            return;
        }
        struct GpuExpand *more = gen_room(g, (p->n_expanded + 1) * sizeof *more);
        if (gen_is_broken(g))
            return;
        for (uint32_t i = 0; i < p->n_expanded; i++)
            more[i] = p->expanded[i];
        more[p->n_expanded++] = (struct GpuExpand){ .var = item->loop->save_var[k], .loop = item };
        p->expanded = more;
    }
}

void gen_loop(Gen *g, const PItem *item)
{
    const PLoop *l = item->loop;
    Target target = { .is_c_loop = true };
    const char *first, *end;
    gen_note_saves(g, item);
    gen_scope(g);
    gen_bounds(g, l, &first, &end);
    each_kept(g, item, true);
    if (gen_is_spread(g, item)) {
        gen_lane_loop(g, item, first, end);
    } else if (l->mode == PM_Reduction && loop_n_ordered(l)) {
        gen_tree_loop(g, item, first, end);
    } else {
        gen_counters_begin(g, l);
        const char *t = gen_counter(g, l->src[0]);
        bool has_loops = items_have_loop(item->body, item->n_body);
        begin_for(g, t, first, end, has_loops);
        gen_iteration(g, item, &target, t);
        end_for(g, t, has_loops);
        gen_counters_end(g, l);
        if (target.leave_used && l->n_src == 1)
            label(g, "behind", &target);
    }
    each_kept(g, item, false);
    gen_close(g);
}
