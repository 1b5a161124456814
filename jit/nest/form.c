/* jit/nest/form.c — affine forms and symbols.
 *
 * A form is a sum of terms in canonical order (outer loops' counters first, terms without a counter before all; within a loop by symbol), so
 * equal forms are equal term by term.  No term has the coefficient 0, and the empty form is 0.  Forms are exact: what does not fit into a form (a product
 * of counters, a coefficient beyond 64 bits, too many terms) has none.
 *
 * Symbols stand for integers that are no counters.  Known ones (form_is_known) can be computed before the nest starts; facts.c does so for
 * each execution.  Others keep their value during an iteration of NSym.varies, which is enough to compare subscripts of that iteration. */
#include "jit/nest/form.h"

#include <string.h>

enum {
    MAX_TERMS   = 48,
    MAX_FACTORS = 6,            /* of a product symbol */
    MAX_NODES   = 48,           /* of a symbol's expression, which is evaluated at each entry */
};

/* ---- terms ------------------------------------------------------------------------------------------------------------------ */

static int order_terms(const NTerm *x, const NTerm *y)
{
    if (x->loop != y->loop) {
        uint32_t dx = x->loop ? x->loop->depth : 0, dy = y->loop ? y->loop->depth : 0;
        if (dx != dy)
            return dx < dy ? -1 : 1;
        return x->loop->id < y->loop->id ? -1 : 1;
    }
    if (x->sym == y->sym)
        return 0;
    if (!x->sym || !y->sym)
        return x->sym ? 1 : -1;
    return x->sym->id < y->sym->id ? -1 : 1;
}

static NForm *form_alloc(NBuild *b, uint32_t n, const NTerm *term)
{
    NForm *f = arena_alloc(b->arena, sizeof *f + n * sizeof *term);
    if (!f) {
        build_nomem(b);
        return NULL;
    }
    f->n = n;
    if (n)
        memcpy(f->term, term, n * sizeof *term);
    return f;
}

static const NForm *form_of_term(NBuild *b, NTerm t)
{
    return form_alloc(b, t.coef != 0, &t);
}

const NForm *form_const(NBuild *b, int64_t c)
{
    return form_of_term(b, (NTerm){ .coef = c });
}

const NForm *form_sym(NBuild *b, const NSym *s)
{
    return s ? form_of_term(b, (NTerm){ .sym = s, .coef = 1 }) : NULL;
}

const NForm *form_counter(NBuild *b, const NLoop *l)
{
    return form_of_term(b, (NTerm){ .loop = l, .coef = 1 });
}

/* x + k * y */
static const NForm *combine(NBuild *b, const NForm *x, const NForm *y, int64_t k)
{
    NTerm out[2 * MAX_TERMS];
    uint32_t n = 0, i = 0, j = 0;
    if (!x || !y)
        return NULL;
    while (i < x->n || j < y->n) {
        int order = i == x->n ? 1 : j == y->n ? -1 : order_terms(&x->term[i], &y->term[j]);
        NTerm t = order <= 0 ? x->term[i] : y->term[j];
        int64_t add;
        if (order > 0)
            t.coef = 0;
        if (order >= 0 && (__builtin_mul_overflow(y->term[j].coef, k, &add) || __builtin_add_overflow(t.coef, add, &t.coef)))
            return NULL;
        i += order <= 0;
        j += order >= 0;
        if (t.coef)
            out[n++] = t;
    }
    return n <= MAX_TERMS ? form_alloc(b, n, out) : NULL;
}

const NForm *form_add(NBuild *b, const NForm *x, const NForm *y)
{
    return combine(b, x, y, 1);
}

const NForm *form_sub(NBuild *b, const NForm *x, const NForm *y)
{
    return combine(b, x, y, -1);
}

const NForm *form_scale(NBuild *b, const NForm *x, int64_t k)
{
    return x ? combine(b, &(NForm){ .n = 0 }, x, k) : NULL;
}

static bool has_counter(const NForm *f)
{
    return f->n && f->term[f->n - 1].loop;
}

const NForm *form_mul(NBuild *b, const NForm *x, const NForm *y)
{
    if (!x || !y || (has_counter(x) && has_counter(y)))
        return NULL;
    if (x->n > y->n) {
        const NForm *t = x;
        x = y;
        y = t;
    }
    const NForm *sum = form_const(b, 0);
    for (uint32_t i = 0; i < x->n && sum; i++) {
        for (uint32_t j = 0; j < y->n && sum; j++) {
            const NTerm *s = &x->term[i], *t = &y->term[j];
            NTerm product = { .loop = s->loop ? s->loop : t->loop, .sym = s->sym ? s->sym : t->sym };
            if (s->sym && t->sym && !(product.sym = sym_product(b, s->sym, t->sym)))
                return NULL;
            if (__builtin_mul_overflow(s->coef, t->coef, &product.coef))
                return NULL;
            sum = form_add(b, sum, form_of_term(b, product));
        }
    }
    return sum;
}

bool form_is_const(const NForm *f, int64_t *out)
{
    if (!f || f->n > 1 || (f->n == 1 && (f->term[0].loop || f->term[0].sym)))
        return false;
    *out = f->n ? f->term[0].coef : 0;
    return true;
}

bool form_equal(const NForm *x, const NForm *y)
{
    if (x == y)
        return true;
    if (!x || !y || x->n != y->n)
        return false;
    for (uint32_t i = 0; i < x->n; i++)
        if (x->term[i].loop != y->term[i].loop || x->term[i].sym != y->term[i].sym || x->term[i].coef != y->term[i].coef)
            return false;
    return true;
}

/* A symbol that varies with the loop counts. */
bool form_uses_loop(const NForm *f, const NLoop *l)
{
    for (uint32_t i = 0; i < f->n; i++)
        if (f->term[i].loop == l || (f->term[i].sym && f->term[i].sym->varies == l))
            return true;
    return false;
}

/* ---- symbols ------------------------------------------------------------------------------------------------------------------ */

static NSym *sym_new(NBuild *b)
{
    Nest *nest = b->nest;
    if (nest->n_syms >= NEST_MAX_SYMS) {
        build_refuse(b, RS_TooLarge, NULL, "more than %d different quantities", NEST_MAX_SYMS);
        return NULL;
    }
    if (nest->n_syms == b->cap_syms) {
        uint32_t cap = b->cap_syms ? b->cap_syms * 2 : 16;
        NSym **syms = ARENA_ARRAY(b->arena, NSym *, cap);
        if (!syms) {
            build_nomem(b);
            return NULL;
        }
        if (nest->n_syms)
            memcpy(syms, nest->syms, nest->n_syms * sizeof *syms);
        nest->syms = syms;
        b->cap_syms = cap;
    }
    NSym *s = ARENA_NEW(b->arena, NSym);
    if (!s) {
        build_nomem(b);
        return NULL;
    }
    s->id = nest->n_syms;
    nest->syms[nest->n_syms++] = s;
    return s;
}

static bool sym_is_known(const NSym *s)
{
    return s->expr || (s->factor[0] && sym_is_known(s->factor[0]) && sym_is_known(s->factor[1]));
}

bool form_is_known(const NForm *f)
{
    if (!f || has_counter(f))
        return false;
    for (uint32_t i = 0; i < f->n; i++)
        if (f->term[i].sym && !sym_is_known(f->term[i].sym))
            return false;
    return true;
}

static bool same_expr(const NExpr *x, const NExpr *y)
{
    if (x == y)
        return true;
    if (!x || !y || x->op != y->op || x->rep != y->rep)
        return false;
    switch (x->op) {
    case NOP_Const:     return x->u.i == y->u.i;
    case NOP_Var:       return x->u.var == y->u.var;
    case NOP_Extent:    return x->u.extent.array == y->u.extent.array && x->u.extent.axis == y->u.extent.axis;
    case NOP_Counter:   case NOP_Load: case NOP_Fun: case NOP_Generic:  return false;
    default:            return same_expr(x->a, y->a) && same_expr(x->b, y->b) && same_expr(x->c, y->c);
    }
}

static NSym *sym_find_expr(NBuild *b, const NExpr *e)
{
    for (uint32_t i = 0; i < b->nest->n_syms; i++)
        if (b->nest->syms[i]->expr && same_expr(b->nest->syms[i]->expr, e))
            return b->nest->syms[i];
    return NULL;
}

static int count_nodes(const NExpr *e, int limit)
{
    if (!e || limit <= 0)
        return 0;
    int n = 1;
    for (int k = 0; k < 3 && n <= limit; k++)
        n += count_nodes(nexpr_operand(e, k), limit - n);
    return n;
}

NSym *sym_for_expr(NBuild *b, const NExpr *e)
{
    if (!e)
        return NULL;
    NSym *s = sym_find_expr(b, e);
    if (s)
        return s;
    if (count_nodes(e, MAX_NODES + 1) > MAX_NODES)
        return sym_unknown(b, NULL);
    s = sym_new(b);
    if (s) {
        s->expr = e;
        s->nonneg = e->op == NOP_Extent;
    }
    return s;
}

/* The factors of a product, in order of id; returns their number, or MAX_FACTORS + 1. */
static int factors(const NSym *s, const NSym **out, int n)
{
    if (s->factor[0]) {
        n = factors(s->factor[0], out, n);
        return n > MAX_FACTORS ? n : factors(s->factor[1], out, n);
    }
    if (n >= MAX_FACTORS)
        return MAX_FACTORS + 1;
    int k = n;
    for (; k > 0 && out[k - 1]->id > s->id; k--)
        out[k] = out[k - 1];
    out[k] = s;
    return n + 1;
}

/* The inner one of two loops around the same place; NULL is outside all loops. */
static const NLoop *inner_loop(const NLoop *x, const NLoop *y)
{
    return !x ? y : !y ? x : x->depth >= y->depth ? x : y;
}

static NSym *sym_pair(NBuild *b, const NSym *x, const NSym *y)
{
    for (uint32_t i = 0; i < b->nest->n_syms; i++) {
        NSym *s = b->nest->syms[i];
        if (s->factor[0] == x && s->factor[1] == y)
            return s;
    }
    NSym *s = sym_new(b);
    if (s) {
        s->factor[0] = x;
        s->factor[1] = y;
        s->varies = inner_loop(x->varies, y->varies);
        s->nonneg = x == y || (x->nonneg && y->nonneg);
    }
    return s;
}

NSym *sym_product(NBuild *b, const NSym *x, const NSym *y)
{
    const NSym *f[MAX_FACTORS + 1];
    int n = factors(x, f, 0);
    n = n > MAX_FACTORS ? n : factors(y, f, n);
    if (n > MAX_FACTORS)
        return sym_unknown(b, inner_loop(x->varies, y->varies));
    NSym *s = sym_pair(b, f[0], f[1]);
    for (int k = 2; k < n && s; k++)
        s = sym_pair(b, s, f[k]);
    return s;
}

NSym *sym_unknown(NBuild *b, const NLoop *varies)
{
    NSym *s = sym_new(b);
    if (s)
        s->varies = varies;
    return s;
}

/* ---- integer operations that are not affine -------------------------------------------------------------------------------------- */

/* An operation on known values that gave an unknown one: the same operation gives the same symbol. */
typedef struct FormMemo {
    struct FormMemo *next;
    NOp op;
    DType rep;
    uint8_t flavour;
    const NForm *x, *y;
    const NSym *sym;
} FormMemo;

static NExpr *int_node(NBuild *b, NOp op, NExpr *x, NExpr *y)
{
    NExpr *e = x && y ? build_expr_new(b, op, DT_I64, TAGS(T_Int), NULL) : NULL;
    if (e) {
        e->a = x;
        e->b = y;
        e->flavour = NE_PY;
    }
    return e;
}

/* The symbol's own expression, or the product of its factors'. */
static NExpr *expr_of_sym(NBuild *b, const NSym *s)
{
    if (s->expr)
        return (NExpr *)s->expr;
    return int_node(b, NOP_Mul, expr_of_sym(b, s->factor[0]), expr_of_sym(b, s->factor[1]));
}

/* A known form as an expression of inputs. */
static NExpr *expr_of_form(NBuild *b, const NForm *f)
{
    NExpr *sum = NULL;
    for (uint32_t i = 0; i < f->n; i++) {
        NExpr *t = f->term[i].sym ? expr_of_sym(b, f->term[i].sym) : NULL;
        if (!t || f->term[i].coef != 1) {
            NExpr *c = expr_int(b, f->term[i].coef, NULL);
            t = f->term[i].sym ? int_node(b, NOP_Mul, t, c) : c;
        }
        sum = i ? int_node(b, NOP_Add, sum, t) : t;
        if (!sum)
            return NULL;
    }
    return f->n ? sum : expr_int(b, 0, NULL);
}

static const NLoop *innermost(const NForm *f)
{
    const NLoop *l = NULL;
    for (uint32_t i = 0; i < f->n; i++) {
        l = inner_loop(l, f->term[i].loop);
        if (f->term[i].sym)
            l = inner_loop(l, f->term[i].sym->varies);
    }
    return l;
}

const NForm *form_apply(NBuild *b, NOp op, DType rep, uint8_t flavour, const NForm *x, const NForm *y)
{
    bool unary = nest_op_arity(op) == 1;
    if (!x || (!y && !unary))
        return NULL;
    /* NumPy's int64 wraps where Python's raises; then the symbol's value is not known, so it serves for both. */
    if (rep == DT_I64 && op != NOP_Cast && form_is_known(x) && (unary || form_is_known(y))) {
        NExpr *e = build_expr_new(b, op, DT_I64, TAGS(T_Int), NULL);
        if (!e || !(e->a = expr_of_form(b, x)) || (!unary && !(e->b = expr_of_form(b, y))))
            return NULL;
        e->flavour = NE_PY;
        return form_sym(b, sym_for_expr(b, e));
    }
    for (const FormMemo *m = b->form_memo; m; m = m->next)
        if (m->op == op && m->rep == rep && m->flavour == flavour && form_equal(m->x, x) && (unary || form_equal(m->y, y)))
            return form_sym(b, m->sym);
    FormMemo *m = ARENA_NEW(b->arena, FormMemo);
    if (!m) {
        build_nomem(b);
        return NULL;
    }
    const NLoop *varies = inner_loop(innermost(x), unary ? NULL : innermost(y));
    *m = (FormMemo){ .next = b->form_memo, .op = op, .rep = rep, .flavour = flavour, .x = x, .y = unary ? NULL : y,
                     .sym = sym_unknown(b, varies) };
    if (!m->sym)
        return NULL;
    b->form_memo = m;
    return form_sym(b, m->sym);
}
