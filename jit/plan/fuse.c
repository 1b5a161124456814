/* jit/plan/fuse.c — fusion of neighbouring parallel loops that use the same arrays, so that elements are touched again while they
 * are in cache.
 *
 * Two For loops that follow each other in a block and run equally often are one loop if no iteration of the second depends on a
 * later iteration of the first; and that loop is still parallel if none depends on any other than its own.  Only the second is
 * done here: fusion must not cost parallelism. Which loops come into question is found once per nest; whether the dependences
 * allow it is part of what is decided at each execution. */
#include "jit/plan/plan_int.h"

enum { MAX_FUSE_PAIRS = 32, MAX_FUSE_TESTS = 48 };      /* more are not worth their tests */

/* ---- once per nest -------------------------------------------------------------------------------------------------------------- */

static bool runs_equally_often(Arena *arena, const NLoop *a, const NLoop *b)
{
    if (!a->step_const || a->step_const != b->step_const || !a->start_form || !b->start_form || !a->stop_form || !b->stop_form)
        return false;
    const NForm *x = form_sum(arena, a->stop_form, 1, a->start_form, -1, 0), *y = form_sum(arena, b->stop_form, 1, b->start_form, -1, 0);
    const NForm *difference = x && y ? form_sum(arena, x, 1, y, -1, 0) : NULL;
    return difference && difference->n == 0;
}

/* One reference in each loop, one of them a write: what has to be tested.  Arrays of unlike name may overlap too. */
static Status references(FusePair *p, Arena *arena, const Nest *nest, bool *shares)
{
    *shares = false;
    for (int fill = 0; fill < 2; fill++) {
        uint32_t n = 0;
        for (uint32_t i = 0; i < nest->n_accesses; i++) {
            const NAccess *x = nest->accesses[i];
            if (!nest_is_inside(x->stmt, p->a->stmt))
                continue;
            for (uint32_t k = 0; k < nest->n_accesses; k++) {
                const NAccess *y = nest->accesses[k];
                if (!nest_is_inside(y->stmt, p->b->stmt))
                    continue;
                *shares |= x->array == y->array;
                if (!x->is_write && !y->is_write)
                    continue;
                if (fill) {
                    p->access[n][0] = x;
                    p->access[n][1] = y;
                }
                n++;
            }
        }
        if (n > MAX_FUSE_TESTS)
            *shares = false;
        if (fill || !*shares)
            return ALP_OK;
        p->n = n;
        if (!(p->access = arena_alloc(arena, sizeof *p->access * (n + 1))))
            return ALP_FAIL;
    }
    return ALP_OK;
}

Status fuse_find(NestInfo *info, Arena *arena, const Nest *nest)
{
    info->fuse = NULL;
    for (uint32_t i = 0; i < nest->n_loops && info->n_fuse < MAX_FUSE_PAIRS; i++) {
        const NLoop *a = nest->loops[i];
        for (uint32_t k = i + 1; k < nest->n_loops && info->n_fuse < MAX_FUSE_PAIRS; k++) {
            const NLoop *b = nest->loops[k];
            bool shares;
            if (a->is_while || b->is_while || a->has_exit || b->has_exit || a->up != b->up || a->stmt->parent != b->stmt->parent || !a->up ||
                a->depth > DEP_MAX_DEPTH)
                continue;
            FusePair p = { a, b, 0, NULL };
            if (!runs_equally_often(arena, a, b))
                continue;
            TRY(references(&p, arena, nest, &shares));
            if (!shares)
                continue;
            if (!info->fuse && !(info->fuse = ARENA_ARRAY(arena, FusePair, MAX_FUSE_PAIRS)))
                return ALP_FAIL;
            info->fuse[info->n_fuse++] = p;
        }
    }
    return ALP_OK;
}

/* ---- at each execution ------------------------------------------------------------------------------------------------------------ */

static bool is_free(const FusePair *p, const DepGraph *g, const Facts *f, const uint8_t *access_dim)
{
    int level = (int)p->a->depth - 1;
    for (uint32_t i = 0; i < p->n; i++) {
        DepAnswer answer;
        graph_test_fused(g, f, access_dim, p->access[i][0], p->a, p->access[i][1], p->b, &answer);
        for (int k = 0; k < answer.n_vec; k++) {
            bool happens = true;                /* in one iteration of the loops around both */
            for (int l = 0; l < level; l++)
                happens &= (answer.vec[k].dir[l] & DIR_EQ) != 0;
            if (happens && answer.vec[k].dir[level] != DIR_EQ)
                return false;
        }
    }
    return true;
}

void fuse_decide(const NestInfo *info, const DepGraph *g, const Facts *f, const uint8_t *access_dim, uint8_t *can_fuse)
{
    for (uint32_t i = 0; i < info->n_fuse; i++)
        can_fuse[i] = is_free(&info->fuse[i], g, f, access_dim);
}

/* ---- in the plan -------------------------------------------------------------------------------------------------------------------- */

static bool is_plain(const PItem *x)
{
    return item_is_loop(x) && x->loop->mode == PM_Parallel && !x->loop->n_lower && !x->loop->n_upper && !x->loop->n_save && !x->loop->n_restore &&
           !x->loop->is_distributed && !x->loop->is_moved_out && !x->loop->is_moved_in;
}

static bool may_fuse(const Sched *s, const NLoop *a, const NLoop *b)
{
    for (uint32_t i = 0; i < s->info->n_fuse; i++)
        if (s->info->fuse[i].a == a && s->info->fuse[i].b == b)
            return s->can_fuse[i];
    return false;
}

typedef struct Side { const Sched *s; const NLoop *loop, *other; bool ok; } Side;

/* No `continue` of the first loop may skip the second's body; nothing assigned in one is read in the other, unless each has its own. */
static bool is_separate(void *user, const NStmt *x)
{
    Side *k = user;
    if (x->kind == NS_Next && x->target == k->loop->stmt)
        k->ok = false;
    const VarList *reads = &k->s->info->stmt[x->id].reads;
    for (uint32_t i = 0; i < reads->n; i++)
        if (is_assigned_in(k->s, reads->var[i], k->other) && !is_assigned_in(k->s, reads->var[i], k->loop))
            k->ok = false;
    return k->ok;
}

static bool scalars_allow(const Sched *s, const PItem *x, const PItem *y)
{
    for (uint32_t k = 0; k < x->loop->n_src; k++) {
        const NLoop *a = x->loop->src[k], *b = y->loop->src[0];
        Side first = { s, a, b, true }, second = { s, b, a, true };
        block_each(&a->body, is_separate, &first);
        block_each(&b->body, is_separate, &second);
        if (!first.ok || !second.ok)
            return false;
        const LoopScalars *l = &s->graph->scalars[a->id];
        for (uint32_t i = 0; i < l->n; i++) {
            const VarUse *u = graph_var_use(s->graph, b, l->use[i].var);
            if (u && l->use[i].cls != VC_Set && u->live_after && !u->always_assigned)
                return false;
        }
    }
    return true;
}

static Status fuse(Sched *s, PItem *x, const PItem *y)
{
    PLoop *a = x->loop, *b = y->loop;
    NLoop **src = ARENA_ARRAY(s->arena, NLoop *, a->n_src + 1);
    const NVar **vars = ARENA_ARRAY(s->arena, const NVar *, a->n_private + b->n_private + 1);
    const VarUse **last = ARENA_ARRAY(s->arena, const VarUse *, a->n_last + b->n_last + 1);
    PItem **body = ARENA_ARRAY(s->arena, PItem *, x->n_body + y->n_body + 1);
    if (!src || !vars || !last || !body)
        return ALP_FAIL;
    memcpy(src, a->src, a->n_src * sizeof *src);
    src[a->n_src++] = b->src[0];
    a->src = src;
    /* The second loop's last values are the later ones. */
    uint32_t n = 0, m = 0;
    for (uint32_t i = 0; i < a->n_private; i++)
        if (!graph_var_use(s->graph, b->src[0], a->private_var[i]))
            vars[n++] = a->private_var[i];
    for (uint32_t i = 0; i < a->n_last; i++)
        if (!graph_var_use(s->graph, b->src[0], a->last[i]->var))
            last[m++] = a->last[i];
    for (uint32_t i = 0; i < b->n_private; i++)
        vars[n++] = b->private_var[i];
    for (uint32_t i = 0; i < b->n_last; i++)
        last[m++] = b->last[i];
    a->private_var = vars;
    a->n_private = n;
    a->last = last;
    a->n_last = m;
    for (uint32_t i = 0; i < x->n_body + y->n_body; i++)
        body[i] = i < x->n_body ? x->body[i] : y->body[i - x->n_body];
    x->body = body;
    x->n_body += y->n_body;
    return ALP_OK;
}

Status fuse_neighbours(Sched *s, ItemList *items)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < items->n; i++) {
        PItem *x = n ? items->item[n - 1] : NULL, *y = items->item[i];
        bool ok = x && is_plain(x) && is_plain(y) && scalars_allow(s, x, y);
        for (uint32_t k = 0; ok && k < x->loop->n_src; k++)
            ok = may_fuse(s, x->loop->src[k], y->loop->src[0]);
        if (ok)
            TRY(fuse(s, x, y));
        else
            items->item[n++] = y;
    }
    items->n = n;
    return ALP_OK;
}
