/* jit/plan/distribute.c — splitting one loop into several (Allen & Kennedy 2002, ch. 2.4; typed fusion of the parts: Kennedy &
 * McKinley 1993).
 *
 * Units are statements without For loops in them, also those inside inner loops, which are split along: an inner loop's header is
 * repeated for each part.  While loops, Ifs and Blocks that contain For loops stay whole.  Edges are what cannot be reversed:
 * array dependences carried by this loop or a deeper one or none, ties between definitions and reads of variables, and control (a
 * `continue` and what stands behind it).
 *
 * The strongly connected components, each in a loop of its own, in an order that the edges allow and that is otherwise the
 * text's, are a correct program.  Then neighbouring components of one kind are put back together: parallel ones if no edge
 * between them is carried by the loop, sequential ones always. */
#include "jit/plan/plan_int.h"

enum {
    MAX_SEEN = 512,             /* up to so many units, a table of edges keeps them from being noted twice */
    FEW_OPS = 8,                /* below, a store is not counted as work unless it loads something */
};

typedef enum PartKind { PART_Sequential, PART_Parallel, PART_Interchange /* parallel after interchange: stays alone */ } PartKind;

typedef struct Part {           /* a component, then a group of them */
    uint8_t  kind;
    uint32_t first_unit;        /* textually */
    bool     works;             /* stores what it has loaded or computed: more than bookkeeping or filling */
    uint64_t weight;
} Part;

typedef struct Split {
    uint32_t n;
    Part    *part;
    uint32_t *group;            /* [n_units] */
    uint64_t parallel;          /* weight of the parallel parts */
    bool     pays;              /* some parallel part does real work */
} Split;

/* ---- edges -------------------------------------------------------------------------------------------------------------------- */

Status body_edge(Body *b, uint32_t src, uint32_t dst, bool is_carried, const NVar *var)
{
    if (src == dst)
        return ALP_OK;
    if (b->seen && !var) {      /* many pairs of references, few of units */
        uint8_t *seen = &b->seen[src * b->n_units + dst], bit = is_carried ? 2 : 1;
        if (*seen & bit)
            return ALP_OK;
        *seen |= bit;
    }
    if (b->n_edges == b->cap_edges) {
        uint32_t cap = b->cap_edges ? b->cap_edges * 2 : 64;
        UnitEdge *more = ARENA_ARRAY(b->s->scratch, UnitEdge, cap);
        if (!more)
            return ALP_FAIL;
        if (b->n_edges)
            memcpy(more, b->edge, b->n_edges * sizeof *more);
        b->edge = more;
        b->cap_edges = cap;
    }
    b->edge[b->n_edges++] = (UnitEdge){ src, dst, is_carried, var };
    return ALP_OK;
}

Status body_bind(Body *b, UnitRange r)
{
    for (uint32_t i = 1; i < r.n; i++) {
        TRY(body_edge(b, r.first + i - 1, r.first + i, false, NULL));
        TRY(body_edge(b, r.first + i, r.first + i - 1, false, NULL));
    }
    return ALP_OK;
}

Status body_bind_two(Body *b, UnitRange x, UnitRange y)
{
    TRY(body_bind(b, x));
    TRY(body_bind(b, y));
    if (x.n && y.n) {
        TRY(body_edge(b, x.first, y.first, false, NULL));
        TRY(body_edge(b, y.first, x.first, false, NULL));
    }
    return ALP_OK;
}

static Status array_edge(Body *b, const Dep *d)
{
    const NStmt *sa = d->pair->a->stmt, *sb = d->pair->b->stmt;
    UnitRange ra = b->range[sa->id], rb = b->range[sb->id];
    int k = pair_level(d->pair, b->loop);
    if (ra.n != 1 || rb.n != 1 || k < 0) {      /* a header's: it is evaluated for every part */
        TRY(body_bind_two(b, ra, rb));
        return ALP_OK;
    }
    int dirs = d->vec->dir[k];
    if (dirs & DIR_LT)
        TRY(body_edge(b, ra.first, rb.first, true, NULL));
    if (dirs & DIR_GT)
        TRY(body_edge(b, rb.first, ra.first, true, NULL));
    if (!(dirs & DIR_EQ))
        return ALP_OK;
    for (k = 0; k < d->pair->n_common; k++) {
        if (d->pair->common[k] == b->loop || is_on_path(b->s, d->pair->common[k]))
            continue;
        dirs = d->vec->dir[k];
        if (dirs & DIR_LT)
            TRY(body_edge(b, ra.first, rb.first, false, NULL));
        if (dirs & DIR_GT)
            TRY(body_edge(b, rb.first, ra.first, false, NULL));
        if (!(dirs & DIR_EQ))
            return ALP_OK;
    }
    return sa->id < sb->id ? body_edge(b, ra.first, rb.first, false, NULL) : body_edge(b, rb.first, ra.first, false, NULL);
}

/* A unit that may skip statements behind it stays with them. */
typedef struct Control { Body *b; uint32_t unit; const NStmt *top; Status status; } Control;

static bool tie_control(void *user, const NStmt *x)
{
    Control *c = user;
    Body *b = c->b;
    if ((x->kind != NS_Next && x->kind != NS_Leave && x->kind != NS_Return) || (x->target && nest_is_inside(x->target, c->top)))
        return true;
    for (uint32_t u = c->unit + 1; u < b->n_units && c->status == ALP_OK; u++)
        if (!x->target || nest_is_inside(b->unit[u].item->stmt, x->target))
            c->status = body_bind_two(b, (UnitRange){ c->unit, 1 }, (UnitRange){ u, 1 });
    return c->status == ALP_OK;
}

static Status loops_with_exits(Body *b, PItem *const *items, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (!item_is_loop(items[i]))
            continue;
        if (items[i]->loop->src[0]->has_exit)
            TRY(body_bind(b, b->range[items[i]->loop->src[0]->stmt->id]));
        TRY(loops_with_exits(b, items[i]->body, items[i]->n_body));
    }
    return ALP_OK;
}

/* What stands behind a check may rely on it: subscripts that the check covers are not tested again. */
static bool is_no_open_check(void *user, const NStmt *x)
{
    const Plan *plan = user;
    return x->kind != NS_Check || plan->proved[x->check];
}

static Status behind_checks(Body *b)
{
    for (uint32_t u = 0; u < b->n_units; u++)
        if (!stmt_each(b->unit[u].item->stmt, is_no_open_check, b->s->plan))
            for (uint32_t v = u + 1; v < b->n_units; v++)
                TRY(body_edge(b, u, v, false, NULL));
    return ALP_OK;
}

static Status all_edges(Body *b, const Deps *deps)
{
    b->n_edges = 0;
    b->seen = NULL;
    if (b->n_units <= MAX_SEEN && !(b->seen = ARENA_ARRAY(b->s->scratch, uint8_t, b->n_units * b->n_units + 1)))
        return ALP_FAIL;
    for (uint32_t i = 0; i < deps->n; i++)
        TRY(array_edge(b, &deps->dep[i]));
    for (uint32_t u = 0; u < b->n_units; u++) {
        Control c = { b, u, b->unit[u].item->stmt, ALP_OK };
        stmt_each(c.top, tie_control, &c);
        TRY(c.status);
    }
    TRY(loops_with_exits(b, b->item->body, b->item->n_body));
    TRY(behind_checks(b));
    return body_scalar_edges(b);
}

/* ---- units -------------------------------------------------------------------------------------------------------------------- */

typedef struct UnitWalk { Body *b; uint32_t unit; } UnitWalk;

static bool note_stmt(void *user, const NStmt *x)
{
    UnitWalk *w = user;
    w->b->range[x->id] = (UnitRange){ w->unit, 1 };
    uint32_t depth = x->loop_in && x->loop_in->depth > w->b->loop->depth ? x->loop_in->depth - w->b->loop->depth : 0;
    w->b->unit[w->unit].weight += (uint64_t)w->b->s->info->stmt[x->id].n_ops << 3 * (depth < 8 ? depth : 8);
    return true;
}

static Status add_unit(Body *b, PItem *item)
{
    if (b->n_units == b->cap_units) {
        uint32_t cap = b->cap_units ? b->cap_units * 2 : 16;
        Unit *more = ARENA_ARRAY(b->s->scratch, Unit, cap);
        if (!more)
            return ALP_FAIL;
        if (b->n_units)
            memcpy(more, b->unit, b->n_units * sizeof *more);
        b->unit = more;
        b->cap_units = cap;
    }
    UnitWalk w = { b, b->n_units++ };
    b->unit[w.unit] = (Unit){ .item = item };
    stmt_each(item->stmt, note_stmt, &w);
    return ALP_OK;
}

/* Are the variables that a replicated assignment reads replicated too, as far as this loop assigns them? */
static bool has_replicated_operands(const Body *b, const NStmt *def)
{
    const VarList *reads = &b->s->info->stmt[def->id].reads;
    for (uint32_t i = 0; i < reads->n; i++) {
        const StmtList *defs = &b->s->info->defs[reads->var[i]->id];
        bool found = !is_assigned_in(b->s, reads->var[i], b->loop);
        for (const NLoop *l = def_loop(def); l && !found; l = l == b->loop ? NULL : l->up)
            for (uint32_t k = 0; k < defs->n; k++)
                found |= defs->stmt[k]->parent == l->stmt && defs->stmt[k]->id < def->id && b->is_replicated[defs->stmt[k]->id];
        if (!found)
            return false;
    }
    return true;
}

static bool can_be_replicated(const Body *b, const PItem *x)
{
    const NLoop *l = x->kind == PI_Stmt ? def_loop(x->stmt) : NULL;
    return l && !b->is_refused[x->stmt->id] && def_is_replicable(b->s, x->stmt, l, b->loop) && has_replicated_operands(b, x->stmt);
}

static Status units_of(Body *b, PItem *const *items, uint32_t n, uint8_t place)
{
    uint32_t first = b->n_units;
    for (uint32_t i = 0; i < n; i++) {
        PItem *x = items[i];
        if (item_is_loop(x)) {
            NLoop *l = x->loop->src[0];
            uint32_t at = b->n_units;
            TRY(units_of(b, x->body, x->n_body, REPLICATED_INSIDE));
            b->range[l->stmt->id] = (UnitRange){ at, b->n_units - at };
            continue;
        }
        if (can_be_replicated(b, x))
            b->is_replicated[x->stmt->id] = place;
        else
            TRY(add_unit(b, x));
    }
    for (uint32_t i = 0; i < n && b->n_units == first; i++)     /* nothing else here: one that carries the others */
        if (items[i]->kind == PI_Stmt && b->is_replicated[items[i]->stmt->id]) {
            b->is_refused[items[i]->stmt->id] = true;
            b->has_new_refusal = true;
            break;
        }
    return ALP_OK;
}

static Status body_new(Sched *s, PItem *item, Body *b)
{
    *b = (Body){ .s = s, .item = item, .loop = item->loop->src[0] };
    b->range = ARENA_ARRAY(s->scratch, UnitRange, s->nest->n_stmts + 1);
    b->is_replicated = ARENA_ARRAY(s->scratch, uint8_t, s->nest->n_stmts + 1);
    b->is_refused = ARENA_ARRAY(s->scratch, bool, s->nest->n_stmts + 1);
    return b->range && b->is_replicated && b->is_refused ? ALP_OK : ALP_FAIL;
}

/* Units and edges; again if an assignment could not be replicated after all. */
static Status body_build(Body *b, const Deps *deps)
{
    do {
        b->has_new_refusal = false;
        b->n_units = 0;
        memset(b->range, 0, b->s->nest->n_stmts * sizeof *b->range);
        memset(b->is_replicated, 0, b->s->nest->n_stmts * sizeof *b->is_replicated);
        TRY(units_of(b, b->item->body, b->item->n_body, REPLICATED_AT_TOP));
        if (!b->has_new_refusal)
            TRY(all_edges(b, deps));
    } while (b->has_new_refusal);
    return ALP_OK;
}

/* ---- components --------------------------------------------------------------------------------------------------------------- */

typedef struct Tarjan {
    Body    *b;
    uint32_t *start, *target;   /* edges by source */
    uint32_t *index, *low, *stack;
    bool     *on_stack;
    uint32_t n_stack, next_index, n_components;
} Tarjan;

static void tarjan_visit(Tarjan *t, uint32_t u)
{
    t->index[u] = t->low[u] = ++t->next_index;
    t->stack[t->n_stack++] = u;
    t->on_stack[u] = true;
    for (uint32_t i = t->start[u]; i < t->start[u + 1]; i++) {
        uint32_t v = t->target[i];
        if (!t->index[v])
            tarjan_visit(t, v);
        if (t->on_stack[v] && t->low[v] < t->low[u])
            t->low[u] = t->low[v];
    }
    if (t->low[u] != t->index[u])
        return;
    for (uint32_t v = UINT32_MAX; v != u; ) {
        v = t->stack[--t->n_stack];
        t->on_stack[v] = false;
        t->b->unit[v].component = t->n_components;
    }
    t->n_components++;
}

static Status find_components(Body *b, uint32_t *n_components)
{
    Tarjan t = { .b = b };
    Arena *a = b->s->scratch;
    uint32_t n = b->n_units;
    t.start = ARENA_ARRAY(a, uint32_t, n + 2);
    t.target = ARENA_ARRAY(a, uint32_t, b->n_edges + 1);
    t.index = ARENA_ARRAY(a, uint32_t, n * 3 + 1);
    t.on_stack = ARENA_ARRAY(a, bool, n + 1);
    if (!t.start || !t.target || !t.index || !t.on_stack)
        return ALP_FAIL;
    t.low = t.index + n;
    t.stack = t.low + n;
    for (uint32_t i = 0; i < b->n_edges; i++)
        t.start[b->edge[i].src + 2]++;
    for (uint32_t u = 0; u < n; u++)
        t.start[u + 2] += t.start[u + 1];
    for (uint32_t i = 0; i < b->n_edges; i++)
        t.target[t.start[b->edge[i].src + 1]++] = b->edge[i].dst;
    for (uint32_t u = 0; u < n; u++)
        if (!t.index[u])
            tarjan_visit(&t, u);
    *n_components = t.n_components;
    return ALP_OK;
}

/* Numbers the components in an order that the edges allow, otherwise that of the text. */
static Status order_components(Body *b, uint32_t n, Part *part)
{
    Arena *a = b->s->scratch;
    uint32_t *first = ARENA_ARRAY(a, uint32_t, n), *n_before = ARENA_ARRAY(a, uint32_t, n), *number = ARENA_ARRAY(a, uint32_t, n);
    if (!first || !n_before || !number)
        return ALP_FAIL;
    memset(first, 0xff, n * sizeof *first);
    for (uint32_t u = b->n_units; u-- > 0; )
        first[b->unit[u].component] = u;
    for (uint32_t i = 0; i < b->n_edges; i++)
        if (b->unit[b->edge[i].src].component != b->unit[b->edge[i].dst].component)
            n_before[b->unit[b->edge[i].dst].component]++;
    for (uint32_t k = 0; k < n; k++) {
        uint32_t best = UINT32_MAX;
        for (uint32_t c = 0; c < n; c++)
            if (n_before[c] == 0 && (best == UINT32_MAX || first[c] < first[best]))
                best = c;
        number[best] = k;
        n_before[best] = UINT32_MAX;
        part[k].first_unit = first[best];
        for (uint32_t i = 0; i < b->n_edges; i++)
            if (b->unit[b->edge[i].src].component == best && b->unit[b->edge[i].dst].component != best)
                n_before[b->unit[b->edge[i].dst].component]--;
    }
    for (uint32_t u = 0; u < b->n_units; u++)
        b->unit[u].component = b->unit[u].group = number[b->unit[u].component];
    return ALP_OK;
}

/* ---- parts as loops ------------------------------------------------------------------------------------------------------------- */

static bool range_has(const Body *b, UnitRange r, uint32_t group)
{
    for (uint32_t i = 0; i < r.n; i++)
        if (b->unit[r.first + i].group == group)
            return true;
    return false;
}

static PItem *copy_part(Body *b, const PItem *item, uint32_t group)
{
    PItem *copy = item_loop_new(b->s, item->loop->src[0]);
    if (!copy)
        return NULL;
    copy->loop->is_moved_out = item->loop->is_moved_out;
    copy->loop->is_moved_in = item->loop->is_moved_in;
    copy->loop->n_lower = item->loop->n_lower;
    copy->loop->lower = item->loop->lower;
    copy->loop->n_upper = item->loop->n_upper;
    copy->loop->upper = item->loop->upper;
    copy->loop->is_distributed = true;
    ItemList l = { 0 };
    for (uint32_t i = 0; i < item->n_body; i++) {
        PItem *x = item->body[i];
        if (item_is_loop(x)) {
            if (!range_has(b, b->range[x->loop->src[0]->stmt->id], group))
                continue;
            x = copy_part(b, x, group);
        } else if (!b->is_replicated[x->stmt->id] && !range_has(b, b->range[x->stmt->id], group)) {
            continue;
        }
        if (item_push(&l, x, b->s->arena) != ALP_OK)
            return NULL;
    }
    copy->body = l.item;
    copy->n_body = l.n;
    return copy;
}

/* An inner loop that is in one part only has not been distributed. */
static void mark_whole_loops(const Body *b, PItem *item, uint32_t group)
{
    for (uint32_t i = 0; i < item->n_body; i++) {
        PItem *x = item->body[i];
        if (!item_is_loop(x))
            continue;
        UnitRange r = b->range[x->loop->src[0]->stmt->id];
        bool is_whole = true;
        for (uint32_t k = 0; k < r.n; k++)
            is_whole &= b->unit[r.first + k].group == group;
        x->loop->is_distributed = !is_whole;
        mark_whole_loops(b, x, group);
    }
}

static bool exchanges_values(const Body *b, uint32_t component)
{
    for (uint32_t i = 0; i < b->n_edges; i++) {
        uint32_t x = b->unit[b->edge[i].src].component, y = b->unit[b->edge[i].dst].component;
        if (b->edge[i].var && x != y && (x == component || y == component))
            return true;
    }
    return false;
}

static bool is_no_load(void *user, const NExpr *e)
{
    (void)user;
    return e->op != NOP_Load;
}

static bool is_no_work(void *user, const NStmt *x)
{
    const Body *b = user;
    return x->kind != NS_Store || (b->s->info->stmt[x->id].n_ops < FEW_OPS && expr_each(x->expr, is_no_load, NULL));
}

/* What the loop over one component alone would be. */
static Status judge_component(Body *b, const Deps *deps, uint32_t component, Part *part)
{
    Sched *s = b->s;
    Arena *keep = s->arena;
    s->arena = s->scratch;
    PItem *item = copy_part(b, b->item, component);
    Deps inside;
    Verdict v;
    Status status = item ? deps_within(s, item->body, item->n_body, deps, NULL, &inside) : ALP_FAIL;
    if (status == ALP_OK)
        status = loop_verdict(s, item, &inside, &v);
    if (status == ALP_OK) {
        bool may_move = false;
        if (v.mode == PM_Sequential && s->opt->interchange && !exchanges_values(b, component)) {
            PItem *moved = NULL;
            may_move = interchange_is_possible(s, item, &inside);
            if (!may_move)
                status = interchange_imperfect(s, item, &inside, &moved);
            may_move |= moved != NULL;
        }
        part->kind = v.mode != PM_Sequential ? PART_Parallel : may_move ? PART_Interchange : PART_Sequential;
        for (uint32_t u = 0; u < b->n_units; u++)
            if (b->unit[u].component == component) {
                part->weight += b->unit[u].weight;
                part->works |= !stmt_each(b->unit[u].item->stmt, is_no_work, b);
            }
    }
    s->arena = keep;
    return status;
}

/* Typed fusion: each component, in order, joins the first group of its kind that is not before any group it depends on, nor
 * forbidden by a carried edge between parallel ones. */
static Status join_components(Body *b, uint32_t n, const Part *part, Split *out)
{
    Arena *a = b->s->scratch;
    uint32_t *group = ARENA_ARRAY(a, uint32_t, n);
    out->part = ARENA_ARRAY(a, Part, n);
    out->group = ARENA_ARRAY(a, uint32_t, b->n_units);
    if (!group || !out->part || !out->group)
        return ALP_FAIL;
    for (uint32_t c = 0; c < n; c++) {
        uint32_t g = 0;
        for (uint32_t i = 0; i < b->n_edges; i++) {
            const UnitEdge *e = &b->edge[i];
            uint32_t x = b->unit[e->src].component, y = b->unit[e->dst].component;
            if (y != c || x == c)
                continue;
            bool may_share = part[x].kind == part[c].kind && !(part[c].kind == PART_Parallel && e->is_carried);
            uint32_t least = group[x] + !may_share;
            g = least > g ? least : g;
        }
        while (g < out->n && (part[c].kind == PART_Interchange || out->part[g].kind != part[c].kind))
            g++;
        if (g == out->n)
            out->part[out->n++] = (Part){ part[c].kind, part[c].first_unit, false, 0 };
        out->part[g].weight += part[c].weight;
        out->part[g].works |= part[c].works;
        group[c] = g;
    }
    for (uint32_t u = 0; u < b->n_units; u++)
        out->group[u] = group[b->unit[u].component];
    for (uint32_t g = 0; g < out->n; g++)
        if (out->part[g].kind != PART_Sequential) {
            out->parallel += out->part[g].weight;
            out->pays |= out->part[g].works;
        }
    return ALP_OK;
}

static Status try_split(Body *b, const Deps *deps, bool expand, Split *out)
{
    *out = (Split){ 0 };
    b->expand = expand;
    TRY(body_build(b, deps));
    uint32_t n;
    TRY(find_components(b, &n));
    if (n < 2)
        return ALP_OK;
    Part *part = ARENA_ARRAY(b->s->scratch, Part, n);
    if (!part)
        return ALP_FAIL;
    TRY(order_components(b, n, part));
    for (uint32_t c = 0; c < n; c++)
        TRY(judge_component(b, deps, c, &part[c]));
    return join_components(b, n, part, out);
}

static Status note_var(Sched *s, const NVar **list, uint32_t *n, const NVar *v)
{
    for (uint32_t i = 0; i < *n; i++)
        if (list[i] == v)
            return ALP_OK;
    list[(*n)++] = v;
    return ALP_OK;
}

/* The values that a part passes to others, and takes from them. */
static Status pass_values(Body *b, PLoop *l, uint32_t group)
{
    uint32_t room = 0;
    for (uint32_t i = 0; i < b->n_edges; i++)
        room += b->edge[i].var != NULL;
    if (!room)
        return ALP_OK;
    l->save_var = ARENA_ARRAY(b->s->arena, const NVar *, room);
    l->restore_var = ARENA_ARRAY(b->s->arena, const NVar *, room);
    if (!l->save_var || !l->restore_var)
        return ALP_FAIL;
    for (uint32_t i = 0; i < b->n_edges; i++) {
        const UnitEdge *e = &b->edge[i];
        uint32_t from = b->unit[e->src].group, to = b->unit[e->dst].group;
        if (!e->var || from == to)
            continue;
        if (from == group)
            TRY(note_var(b->s, l->save_var, &l->n_save, e->var));
        if (to == group)
            TRY(note_var(b->s, l->restore_var, &l->n_restore, e->var));
    }
    b->s->plan->n_vars_expanded += l->n_save;
    return ALP_OK;
}

/* ------------------------------------------------------------------------------------------------------------------------------- */

static bool has_var_edge(const Body *b)
{
    for (uint32_t i = 0; i < b->n_edges; i++)
        if (b->edge[i].var)
            return true;
    return false;
}

Status loop_distribute(Sched *s, PItem *item, const Deps *deps, ItemList *out)
{
    *out = (ItemList){ 0 };
    if (item->loop->n_save || item->loop->n_restore || !header_is_stable(s, item->loop->src[0], item->body, item->n_body))
        return ALP_OK;
    Body b;
    Split plain, expanded;
    TRY(body_new(s, item, &b));
    TRY(try_split(&b, deps, false, &plain));
    if (b.n_units < 2)
        return ALP_OK;
    uint64_t total = 0;
    for (uint32_t u = 0; u < b.n_units; u++)
        total += b.unit[u].weight;
    Split *best = &plain;
    if (plain.parallel < total) {
        TRY(try_split(&b, deps, true, &expanded));
        /* A buffer must buy something. */
        if (has_var_edge(&b) && expanded.pays && expanded.parallel > plain.parallel && (expanded.parallel - plain.parallel) * 8 >= total)
            best = &expanded;
        else
            TRY(try_split(&b, deps, false, &plain));
    }
    if (best->n < 2 || !best->pays)
        return ALP_OK;
    for (uint32_t u = 0; u < b.n_units; u++)
        b.unit[u].group = best->group[u];
    for (uint32_t g = 0; g < best->n; g++) {
        PItem *part = copy_part(&b, item, g);
        if (!part)
            return ALP_FAIL;
        mark_whole_loops(&b, part, g);
        TRY(pass_values(&b, part->loop, g));
        TRY(item_push(out, part, s->arena));
    }
    return ALP_OK;
}
