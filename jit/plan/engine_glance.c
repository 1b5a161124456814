/* jit/plan/engine_glance.c — a glance at a loop that was never analysed: how long would interpreting it take?
 *
 * Analysing a nest takes some 0.2 ms, which a program that goes through a small one once does not win back.  So the loop's text is walked with the values that
 * its bounds have now: numbers of iterations are intervals, nodes of the tree are counted.  That is an upper bound, or no answer; a wrong one would cost time, never
 * results: only loops are looked at here that mean the same whoever runs them. */
#include <math.h>
#include <string.h>

#include "interp/seq.h"
#include "jit/plan/engine_int.h"

enum { MAX_NAMES = 24, MAX_DEPTH = 8 };

#define NS_PER_NODE 5.0

typedef struct Interval { double lo, hi; } Interval;    /* NaN: unknown */

typedef struct Glance {
    VM    *vm;
    Frame *frame;
    uint32_t n_assigned;
    const AstName *assigned[MAX_NAMES];         /* in the loop: their values are not those of now */
    uint32_t n_counters;
    const AstName *counter[MAX_DEPTH];          /* of the For loops around the present node */
    Interval range[MAX_DEPTH];
    double nodes;                               /* NaN: unknown */
} Glance;

static const Interval unknown = { NAN, NAN };

static bool same_name(const AstName *a, const AstName *b)
{
    return a->scope == b->scope && a->slot == b->slot && a->name == b->name;
}

static void note_assigned(Glance *g, const Node *target)
{
    if (target->kind != ND_Name)
        return;
    if (g->n_assigned < MAX_NAMES)
        g->assigned[g->n_assigned++] = (const AstName *)target;
    else
        g->nodes = NAN;
}

static void find_assigned(Node *n, void *user)
{
    Glance *g = user;
    if (n->kind == ND_Assign)
        for (uint32_t i = 0; i < AST_AS(Assign, n)->targets.count; i++)
            note_assigned(g, AST_AS(Assign, n)->targets.item[i]);
    else if (n->kind == ND_AugAssign)
        note_assigned(g, AST_AS(AugAssign, n)->target);
    else if (n->kind == ND_For)
        note_assigned(g, AST_AS(For, n)->target);
    else if (n->kind == ND_Walrus)
        note_assigned(g, AST_AS(Walrus, n)->target);
    ast_each_child(n, find_assigned, g);
}

static const Value *value_of(const Glance *g, const AstName *name)
{
    NHome home = { .slot = name->slot };
    switch (name->scope) {
    case SC_Local:      home.kind = HOME_Slot; break;
    case SC_Cell:       home.kind = HOME_Cell; break;
    case SC_Free:       home.kind = HOME_Free; break;
    case SC_Global:     home.kind = HOME_Global; home.module = g->frame->module; break;
    case SC_Unresolved: return NULL;
    }
    return nest_home(&home, g->frame);
}

/* An array that a name has for as long as the loop runs; NULL. */
static const Array *array_of(const Glance *g, const Node *n)
{
    if (n->kind != ND_Name)
        return NULL;
    for (uint32_t i = 0; i < g->n_assigned; i++)
        if (same_name(g->assigned[i], (const AstName *)n))
            return NULL;
    const Value *v = value_of(g, (const AstName *)n);
    return v && v->tag == T_Array ? ARRAY(*v) : NULL;
}

static Interval name_value(const Glance *g, const AstName *name)
{
    for (uint32_t i = 0; i < g->n_counters; i++)
        if (same_name(g->counter[i], name))
            return g->range[i];
    for (uint32_t i = 0; i < g->n_assigned; i++)
        if (same_name(g->assigned[i], name))
            return unknown;
    const Value *v = value_of(g, name);
    return v && v->tag == T_Int ? (Interval){ (double)v->u.i, (double)v->u.i } : unknown;
}

static Interval evaluate(const Glance *g, const Node *n);

static Interval binary(const Glance *g, const AstBinary *n)
{
    Interval a = evaluate(g, n->left), b = evaluate(g, n->right);
    switch (n->op) {
    case BI_Add: return (Interval){ a.lo + b.lo, a.hi + b.hi };
    case BI_Sub: return (Interval){ a.lo - b.hi, a.hi - b.lo };
    case BI_Mul: {
        double lo = fmin(fmin(a.lo * b.lo, a.lo * b.hi), fmin(a.hi * b.lo, a.hi * b.hi));
        double hi = fmax(fmax(a.lo * b.lo, a.lo * b.hi), fmax(a.hi * b.lo, a.hi * b.hi));
        return isnan(a.lo) || isnan(b.lo) ? unknown : (Interval){ lo, hi };
    }
    case BI_FloorDiv:
        return b.lo == b.hi && b.lo > 0 ? (Interval){ floor(a.lo / b.lo), floor(a.hi / b.lo) } : unknown;
    default:
        return unknown;
    }
}

/* x.shape[k], x.size, len(x) */
static Interval extent(const Glance *g, const Array *a, const Node *axis)
{
    bool is_axis = a && axis->kind == ND_Int && AST_AS(Int, (Node *)axis)->value >= 0 && AST_AS(Int, (Node *)axis)->value < a->ndim;
    double n = is_axis ? (double)a->shape[AST_AS(Int, (Node *)axis)->value] : NAN;
    return (Interval){ n, n };
}

static Interval evaluate(const Glance *g, const Node *node)
{
    Node *n = (Node *)node;
    switch (n->kind) {
    case ND_Int:
        return (Interval){ (double)AST_AS(Int, n)->value, (double)AST_AS(Int, n)->value };
    case ND_Name:
        return name_value(g, (const AstName *)n);
    case ND_Binary:
        return binary(g, AST_AS(Binary, n));
    case ND_Index: {
        const AstIndex *x = AST_AS(Index, n);
        if (x->value->kind != ND_Attr || x->subs.count != 1 || strcmp(intern_text(g->vm->names, AST_AS(Attr, x->value)->name), "shape") != 0)
            return unknown;
        return extent(g, array_of(g, AST_AS(Attr, x->value)->value), x->subs.item[0]);
    }
    case ND_Call: {
        const AstCall *c = AST_AS(Call, n);
        const Array *a = c->args.count == 1 ? array_of(g, c->args.item[0]) : NULL;
        if (!a || a->ndim == 0 || c->callee->kind != ND_Name || strcmp(intern_text(g->vm->names, ((const AstName *)c->callee)->name), "len") != 0)
            return unknown;
        return (Interval){ (double)a->shape[0], (double)a->shape[0] };
    }
    default:
        return unknown;
    }
}

/* What the counter of a loop over range(…) goes through, and how often at most; NaN: unknown. */
static double trips(const Glance *g, const AstFor *loop, Interval *counter)
{
    *counter = unknown;
    if (loop->iter->kind != ND_Call)
        return NAN;
    const AstCall *c = AST_AS(Call, loop->iter);
    if (c->callee->kind != ND_Name || strcmp(intern_text(g->vm->names, ((const AstName *)c->callee)->name), "range") != 0 || c->keywords.count ||
        c->args.count < 1 || c->args.count > 3)
        return NAN;
    Interval start = { 0, 0 }, stop, step = { 1, 1 };
    stop = evaluate(g, c->args.item[c->args.count > 1]);
    if (c->args.count > 1)
        start = evaluate(g, c->args.item[0]);
    if (c->args.count > 2)
        step = evaluate(g, c->args.item[2]);
    if (isnan(start.lo) || isnan(stop.lo) || !(step.lo > 0))
        return NAN;
    *counter = (Interval){ start.lo, fmax(start.lo, stop.hi) };
    return fmax(0, ceil((stop.hi - start.lo) / step.lo));
}

static void count_node(Node *n, void *user);

static void count_loop(Glance *g, const AstFor *loop, double n, Interval counter)
{
    if (isnan(n) || g->n_counters == MAX_DEPTH || loop->target->kind != ND_Name) {
        g->nodes = NAN;
        return;
    }
    double outside = g->nodes;
    g->nodes = 0;
    g->counter[g->n_counters] = (const AstName *)loop->target;
    g->range[g->n_counters++] = counter;
    for (uint32_t i = 0; i < loop->body.count; i++)
        count_node(loop->body.item[i], g);
    g->n_counters--;
    g->nodes = outside + 1 + n * (1 + g->nodes);
    for (uint32_t i = 0; i < loop->orelse.count; i++)
        count_node(loop->orelse.item[i], g);
}

static void count_node(Node *n, void *user)
{
    Glance *g = user;
    if (isnan(g->nodes))
        return;
    g->nodes += 1;
    if (n->kind == ND_While) {
        g->nodes = NAN;
    } else if (n->kind == ND_For) {
        Interval counter;
        double k = trips(g, AST_AS(For, n), &counter);
        count_loop(g, AST_AS(For, n), k, counter);
    } else {
        ast_each_child(n, count_node, g);
    }
}

double engine_glance(Engine *e, Frame *frame, Node *loop, Value iterable)
{
    Glance g = { .vm = e->vm, .frame = frame };
    if (loop->kind != ND_For || iterable.tag != T_Range)
        return NAN;
    const Range *r = RANGE(iterable);
    double from = (double)r->start, to = from + (double)r->step * (double)r->count;
    find_assigned(loop, &g);
    count_loop(&g, AST_AS(For, loop), (double)r->count, (Interval){ fmin(from, to), fmax(from, to) });
    return g.nodes * NS_PER_NODE;
}
