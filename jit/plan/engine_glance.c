/* jit/plan/engine_glance.c — a glance at a loop that was never analysed: how long would interpreting it take?
 *
 * Analysing a nest takes some 0.2 ms, which a program that goes through a small one once does not win back.  So the loop's text is walked with the values that
 * its bounds have now, operations are counted as the tree walk's profile has them, and bounds that depend on the counters of loops around are taken where
 * those are halfway.  That is an estimate, or no answer; a wrong one would cost time, never results: only loops are looked at here that mean the same whoever
 * runs them. */
#include <math.h>
#include <string.h>

#include "interp/seq.h"
#include "jit/plan/engine_int.h"

enum { MAX_DEPTH = 8 };

#define ENTRY_NS     20         /* of a loop, */
#define ITERATION_NS 2.5

typedef struct Glance {
    VM    *vm;
    Frame *frame;
    uint64_t assigned;                          /* in the loop (LoopText): values are not those of now */
    uint32_t n_counters;
    const AstName *counter[MAX_DEPTH];          /* of the For loops around */
    double halfway[MAX_DEPTH];                  /* NaN: unknown */
} Glance;

static double at_least(double x, double least)
{
    return x < least ? least : x;
}

static bool same_name(const AstName *a, const AstName *b)
{
    return a->scope == b->scope && a->slot == b->slot && a->name == b->name;
}

static bool is_assigned(const Glance *g, const AstName *name)
{
    return g->assigned & ast_name_bit(name);
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
    const Value *v = is_assigned(g, (const AstName *)n) ? NULL : value_of(g, (const AstName *)n);
    return v && v->tag == T_Array ? ARRAY(*v) : NULL;
}

static double name_value(const Glance *g, const AstName *name)
{
    for (uint32_t i = g->n_counters; i-- > 0;)
        if (same_name(g->counter[i], name))
            return g->halfway[i];
    const Value *v = is_assigned(g, name) ? NULL : value_of(g, name);
    return v && v->tag == T_Int ? (double)v->u.i : NAN;
}

static double evaluate(const Glance *g, const Node *n);

static double binary(const Glance *g, const AstBinary *n)
{
    double a = evaluate(g, n->left), b = evaluate(g, n->right);
    switch (n->op) {
    case BI_Add:      return a + b;
    case BI_Sub:      return a - b;
    case BI_Mul:      return a * b;
    case BI_FloorDiv: return b != 0 ? a / b : NAN;
    default:          return NAN;
    }
}

/* x.shape[k] */
static double extent(const Glance *g, const Array *a, const Node *axis)
{
    bool is_axis = a && axis->kind == ND_Int && AST_AS(Int, (Node *)axis)->value >= 0 && AST_AS(Int, (Node *)axis)->value < a->ndim;
    return is_axis ? (double)a->shape[AST_AS(Int, (Node *)axis)->value] : NAN;
}

static bool is_called(const Glance *g, const AstCall *c, const char *name)
{
    return c->callee->kind == ND_Name && c->keywords.count == 0 && strcmp(intern_text(g->vm->names, ((const AstName *)c->callee)->name), name) == 0;
}

/* len(x), min(a, b), max(a, b) */
static double call(const Glance *g, const AstCall *c)
{
    if (c->args.count == 1 && is_called(g, c, "len")) {
        const Array *a = array_of(g, c->args.item[0]);
        return a && a->ndim > 0 ? (double)a->shape[0] : NAN;
    }
    bool is_min = is_called(g, c, "min");
    if (c->args.count != 2 || !(is_min || is_called(g, c, "max")))
        return NAN;
    double a = evaluate(g, c->args.item[0]), b = evaluate(g, c->args.item[1]);
    return isnan(a) || isnan(b) ? NAN : (a < b) == is_min ? a : b;
}

static double evaluate(const Glance *g, const Node *node)
{
    Node *n = (Node *)node;
    switch (n->kind) {
    case ND_Int:
        return (double)AST_AS(Int, n)->value;
    case ND_Name:
        return name_value(g, (const AstName *)n);
    case ND_Unary:
        return AST_AS(Unary, n)->op == UN_Neg ? -evaluate(g, AST_AS(Unary, n)->operand) : NAN;
    case ND_Binary:
        return binary(g, AST_AS(Binary, n));
    case ND_Index: {
        const AstIndex *x = AST_AS(Index, n);
        if (x->value->kind != ND_Attr || x->subs.count != 1 || strcmp(intern_text(g->vm->names, AST_AS(Attr, x->value)->name), "shape") != 0)
            return NAN;
        return extent(g, array_of(g, AST_AS(Attr, x->value)->value), x->subs.item[0]);
    }
    case ND_Call:
        return call(g, AST_AS(Call, n));
    default:
        return NAN;
    }
}

/* How often a loop over range(…) goes round, and its counter halfway; NaN: unknown. */
static double trips(const Glance *g, const AstFor *loop, double *halfway)
{
    *halfway = NAN;
    if (loop->iter->kind != ND_Call)
        return NAN;
    const AstCall *c = AST_AS(Call, loop->iter);
    if (!is_called(g, c, "range") || c->args.count < 1 || c->args.count > 3)
        return NAN;
    double start = c->args.count > 1 ? evaluate(g, c->args.item[0]) : 0;
    double stop = evaluate(g, c->args.item[c->args.count > 1]);
    double step = c->args.count > 2 ? evaluate(g, c->args.item[2]) : 1;
    if (isnan(start) || isnan(stop) || isnan(step) || step == 0)
        return NAN;
    double n = at_least((stop - start) / step, 0);
    *halfway = start + 0.5 * at_least(n - 1, 0) * step;
    return n;
}

static double count(Glance *g, const AstFor *loop, double n, double halfway)
{
    if (isnan(n) || g->n_counters == MAX_DEPTH || loop->target->kind != ND_Name || loop->text.has_while)
        return NAN;
    double ns = ITERATION_NS + (double)loop->text.pass_ns;
    g->counter[g->n_counters] = (const AstName *)loop->target;
    g->halfway[g->n_counters++] = halfway;
    for (const Node *inner = loop->text.inner; inner; inner = AST_AS(For, (Node *)inner)->text.next) {
        const AstFor *f = AST_AS(For, (Node *)inner);
        double middle, k = trips(g, f, &middle);
        ns += count(g, f, k, middle);
    }
    g->n_counters--;
    return ENTRY_NS + n * ns;
}

double engine_glance(Engine *e, Frame *frame, Node *loop, Value iterable)
{
    if (loop->kind != ND_For || iterable.tag != T_Range)
        return NAN;
    const AstFor *f = AST_AS(For, loop);
    Glance g = { .vm = e->vm, .frame = frame, .assigned = f->text.assigned };
    const Range *r = RANGE(iterable);
    return count(&g, f, (double)r->count, (double)r->start + 0.5 * (double)r->step * at_least((double)r->count - 1, 0));
}

bool engine_glance_is_enough(const Engine *e, Frame *frame, const Node *loop, Value iterable)
{
    if (loop->kind != ND_For || iterable.tag != T_Range)
        return false;
    const AstFor *f = AST_AS(For, (Node *)loop);
    if (f->text.may_order || f->text.has_calls || f->text.has_while || !for_is_over_range(e->vm, f))
        return false;
    const Glance g = { .vm = e->vm, .frame = frame };
    const Value *range = value_of(&g, (const AstName *)AST_AS(Call, f->iter)->callee);
    return !range || range->tag == T_Unbound;   /* the builtin one, here and in the loops inside */
}
