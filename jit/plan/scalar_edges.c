/* jit/plan/scalar_edges.c — what variables demand when the body of a loop is distributed.
 *
 * A variable that carries a value from one iteration to the next, or accumulates, keeps the units that touch it together.  A
 * private one ties a definition only to the reads that it reaches: two uses of one name for different things (the j of two inner
 * loops) are two webs, which may part.
 *
 * Two ways to cut a web: a replicated definition (i = start + t * step) is computed again in every part that wants it; and a
 * value that is complete when all definitions of an iteration have run, and read only behind them, may be kept in a buffer, one
 * element per iteration (scalar expansion).
 *
 * Last values: if the variable is wanted after the loop, the definition that comes last in an iteration must also come last when
 * the parts run one after the other.  That holds for the textually last one if every iteration runs it; else all stay together.
 * */
#include "jit/plan/plan_int.h"

enum { MAX_WEB_DEFS = 64, MAX_JUMPS = 16 };

typedef struct Jump { const NStmt *target; uint64_t defs; } Jump;

typedef struct Web {
    Body    *b;
    const NVar *var;
    const VarUse *use;
    const StmtList *defs;       /* all in the nest; bit k of a mask: defs->stmt[k] */
    uint64_t reaching;          /* definitions of this iteration that may reach this point */
    uint32_t n_jumps;
    Jump     jump[MAX_JUMPS];
    bool     is_lost;           /* too many definitions or jumps: everything that touches the variable stays together */
    uint32_t n_units;           /* units that define it: */
    uint32_t *def_unit;
    bool     has_replicated;    /* some definition is replicated */
    const NStmt *last_def;      /* textually, of those in the body */
    uint32_t *pairs_seen;       /* [n_units of the body] 1 + the last unit that a link was made from, against repetition */
} Web;

static bool reads(const Body *b, const NStmt *s, const NVar *v)
{
    const VarList *l = &b->s->info->stmt[s->id].reads;
    for (uint32_t i = 0; i < l->n; i++)
        if (l->var[i] == v)
            return true;
    return false;
}

/* ---- links between a definition and a read ------------------------------------------------------------------------------------ */

/* A variable has one buffer at a time: inside a loop that saves it, no other does. */
static bool is_saved_around(const Sched *s, const NVar *v)
{
    for (uint32_t i = 0; i < s->n_path; i++)
        for (uint32_t k = 0; k < s->path[i]->n_save; k++)
            if (s->path[i]->save_var[k] == v)
                return true;
    return false;
}

/* Is the value at the reader the one that the variable has at the end of the iteration? */
static bool is_expandable(const Web *w, const NStmt *reader, uint32_t unit)
{
    const Body *b = w->b;
    if (!b->expand || w->has_replicated || is_saved_around(b->s, w->var))
        return false;
    for (uint32_t k = 0; k < w->defs->n; k++) {
        const NStmt *d = w->defs->stmt[k];
        UnitRange r = b->range[d->id];
        if (!r.n)
            continue;
        if (r.first >= unit)
            return false;
        for (const NLoop *l = d->loop_in; l && l != b->loop; l = l->up)
            if (nest_is_inside(reader, l->stmt))
                return false;
    }
    return true;
}

/* The reader wants what unit `def` assigned. */
static Status link(Web *w, uint32_t def, const NStmt *reader)
{
    Body *b = w->b;
    UnitRange r = b->range[reader->id];
    if (r.n == 0 || (r.n == 1 && (r.first == def || w->pairs_seen[r.first] == def + 1)))
        return ALP_OK;
    if (r.n == 1)
        w->pairs_seen[r.first] = def + 1;
    if (!is_expandable(w, reader, r.first))
        return body_bind_two(b, (UnitRange){ def, 1 }, r);
    for (uint32_t i = 0; i < w->n_units; i++)
        for (uint32_t k = 0; k < r.n; k++)
            TRY(body_edge(b, w->def_unit[i], r.first + k, false, w->var));
    for (uint32_t i = 1; i < w->n_units; i++)
        TRY(body_bind_two(b, (UnitRange){ w->def_unit[i - 1], 1 }, (UnitRange){ w->def_unit[i], 1 }));
    return ALP_OK;
}

static Status on_read(Web *w, const NStmt *reader)
{
    for (uint64_t m = w->reaching; m; m &= m - 1) {
        const NStmt *d = w->defs->stmt[__builtin_ctzll(m)];
        if (!w->b->is_replicated[d->id]) {
            TRY(link(w, w->b->range[d->id].first, reader));
        } else if (!nest_is_inside(reader, d->parent)) {
            w->b->is_refused[d->id] = true;
            w->b->has_new_refusal = true;
        }
    }
    return ALP_OK;
}

/* ---- reaching definitions, over the structure --------------------------------------------------------------------------------- */

static void jump_to(Web *w, const NStmt *target)
{
    uint32_t i = 0;
    while (i < w->n_jumps && w->jump[i].target != target)
        i++;
    if (i == MAX_JUMPS) {
        w->is_lost = true;
        return;
    }
    if (i == w->n_jumps)
        w->jump[w->n_jumps++] = (Jump){ target, 0 };
    w->jump[i].defs |= w->reaching;
    w->reaching = 0;
}

static void land(Web *w, const NStmt *target)
{
    for (uint32_t i = 0; i < w->n_jumps; i++)
        if (w->jump[i].target == target)
            w->reaching |= w->jump[i].defs;
}

static Status flow_stmt(Web *w, const NStmt *s);

static Status flow_block(Web *w, const NBlock *b)
{
    for (uint32_t i = 0; i < b->n; i++)
        TRY(flow_stmt(w, b->stmt[i]));
    return ALP_OK;
}

static Status flow_items(Web *w, PItem *const *items, uint32_t n);

/* The body of a loop (items, or if NULL a block): run twice, so that what the end of the body defines reaches its beginning. */
static Status flow_loop(Web *w, const NStmt *header, PItem *const *items, uint32_t n, const NBlock *block)
{
    uint64_t before = w->reaching;
    for (int pass = 0; pass < 2; pass++) {
        TRY(items ? flow_items(w, items, n) : flow_block(w, block));
        land(w, header);
        w->reaching |= before;
        if (header->loop->is_while && reads(w->b, header, w->var))
            TRY(on_read(w, header));
    }
    return ALP_OK;
}

static Status flow_branches(Web *w, const NStmt *s, const PItem *item)
{
    uint64_t before = w->reaching;
    TRY(item ? flow_items(w, item->body, item->n_body) : flow_block(w, &s->body));
    uint64_t after = w->reaching;
    w->reaching = before;
    TRY(item ? flow_items(w, item->orelse, item->n_orelse) : flow_block(w, &s->orelse));
    w->reaching |= after;
    return ALP_OK;
}

static Status flow_stmt(Web *w, const NStmt *s)
{
    if (reads(w->b, s, w->var))
        TRY(on_read(w, s));
    switch ((NStmtKind)s->kind) {
    case NS_Assign:
        if (s->var == w->var)
            for (uint32_t k = 0; k < w->defs->n; k++)
                if (w->defs->stmt[k] == s)
                    w->reaching = (uint64_t)1 << k;
        return ALP_OK;
    case NS_If:
        return flow_branches(w, s, NULL);
    case NS_Loop:
        return flow_loop(w, s, NULL, 0, &s->loop->body);
    case NS_Block:
        TRY(flow_block(w, &s->body));
        land(w, s);
        return ALP_OK;
    case NS_Leave: case NS_Next:
        jump_to(w, s->target);
        return ALP_OK;
    case NS_Store: case NS_Return: case NS_Check:
        return ALP_OK;
    }
    return ALP_OK;
}

static Status flow_items(Web *w, PItem *const *items, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        const PItem *x = items[i];
        const NStmt *s = x->kind == PI_Loop ? x->loop->src[0]->stmt : x->stmt;
        if (x->kind == PI_Stmt) {
            TRY(flow_stmt(w, s));
            continue;
        }
        if (reads(w->b, s, w->var))
            TRY(on_read(w, s));
        if (x->kind == PI_If) {
            TRY(flow_branches(w, s, x));
        } else if (x->kind == PI_Block) {
            TRY(flow_items(w, x->body, x->n_body));
            land(w, s);
        } else {
            TRY(flow_loop(w, s, x->body, x->n_body, NULL));
        }
    }
    return ALP_OK;
}

/* ---- one variable ------------------------------------------------------------------------------------------------------------- */

typedef struct Touch { Web *w; uint32_t first; Status status; } Touch;

/* Everything that touches the variable stays together, except readers that could have its value from a buffer. */
static bool tie_touching(void *user, const NStmt *s)
{
    Touch *t = user;
    Web *w = t->w;
    Body *b = w->b;
    UnitRange r = b->range[s->id];
    bool assigns = s->kind == NS_Assign && s->var == w->var;
    if (r.n == 0 || (!assigns && !reads(b, s, w->var)))
        return true;
    if (!assigns && w->n_units) {
        t->status = link(w, w->def_unit[0], s);
    } else if (t->first == UINT32_MAX) {
        t->first = r.first;
    } else {
        t->status = body_bind_two(b, (UnitRange){ t->first, 1 }, r);
    }
    return t->status == ALP_OK;
}

static Status tie_all(Web *w)
{
    Touch t = { w, UINT32_MAX, ALP_OK };
    items_each_stmt(w->b->item->body, w->b->item->n_body, tie_touching, &t);
    return t.status;
}

/* Units that run a definition: of a replicated one, all of its loop. */
static UnitRange units_of_def(const Body *b, const NStmt *def)
{
    return b->is_replicated[def->id] ? b->range[def->parent->id] : b->range[def->id];
}

static Status order_last_value(Web *w)
{
    Body *b = w->b;
    if (!w->use->live_after || !w->last_def)
        return ALP_OK;
    if (b->is_replicated[w->last_def->id] == REPLICATED_AT_TOP)
        return ALP_OK;          /* every part ends with it */
    UnitRange last = units_of_def(b, w->last_def);
    bool is_certain = def_is_certain(b->s, w->last_def, b->loop);
    for (uint32_t k = 0; k < w->defs->n; k++) {
        const NStmt *d = w->defs->stmt[k];
        UnitRange r = units_of_def(b, d);
        if (d == w->last_def || r.n == 0)
            continue;
        if (!is_certain) {
            TRY(body_bind_two(b, r, last));
            continue;
        }
        for (uint32_t i = 0; i < r.n; i++)
            for (uint32_t j = 0; j < last.n; j++)
                TRY(body_edge(b, r.first + i, last.first + j, false, NULL));
    }
    return ALP_OK;
}

static Status one_variable(Web *w)
{
    Body *b = w->b;
    w->def_unit = ARENA_ARRAY(b->s->scratch, uint32_t, w->defs->n + 1);
    w->pairs_seen = ARENA_ARRAY(b->s->scratch, uint32_t, b->n_units + 1);
    if (!w->def_unit || !w->pairs_seen)
        return ALP_FAIL;
    for (uint32_t k = 0; k < w->defs->n; k++) {
        const NStmt *d = w->defs->stmt[k];
        if (b->is_replicated[d->id])
            w->has_replicated = true;
        else if (b->range[d->id].n)
            w->def_unit[w->n_units++] = b->range[d->id].first;
        else
            continue;
        w->last_def = d;
    }
    w->is_lost = w->defs->n > MAX_WEB_DEFS;
    if (w->use->cls == VC_Private && !w->is_lost) {
        TRY(flow_items(w, b->item->body, b->item->n_body));
        if (!w->is_lost)
            return order_last_value(w);
    }
    TRY(tie_all(w));
    if (w->use->cls == VC_Private)
        return order_last_value(w);
    if (w->use->cls == VC_Reduction && w->use->red == RK_Arg && w->use->lead && w->n_units) {
        const StmtList *lead = &b->s->info->defs[w->use->lead->id];
        for (uint32_t k = 0; k < lead->n; k++)
            if (b->range[lead->stmt[k]->id].n)
                TRY(body_bind_two(b, (UnitRange){ w->def_unit[0], 1 }, b->range[lead->stmt[k]->id]));
    }
    return ALP_OK;
}

Status body_scalar_edges(Body *b)
{
    const LoopScalars *l = &b->s->graph->scalars[b->loop->id];
    for (uint32_t i = 0; i < l->n; i++) {
        if (l->use[i].cls == VC_Untouched || l->use[i].cls == VC_Set)
            continue;
        Web w = { .b = b, .var = l->use[i].var, .use = &l->use[i], .defs = &b->s->info->defs[l->use[i].var->id] };
        TRY(one_variable(&w));
    }
    return ALP_OK;
}
