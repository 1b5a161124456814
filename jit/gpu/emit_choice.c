/* jit/gpu/emit_choice.c — minima and maxima whose order matters, and what is assigned beside them, found by lanes in any order.
 *
 *     for i: if x[i] < least: least = x[i]; at = i              for i: high = np.maximum(high, x[i])
 *
 * In program order, of equal elements `<` takes the first and `<=` the last; -0.0 and 0.0 are equal, and so are values that differ in what goes
 * along with them.  Functions of NumPy keep a NaN: the first of them, or the last.  So each lane notes beside its value the iteration (plus 1; 0: none)
 * in which it took it, and of two lanes' values one is chosen by value, and if these are equal by iteration.  That is what program order would have
 * chosen, whatever iterations lanes have had. */
#include "jit/gpu/emit.h"

/* ---- which accumulations ---------------------------------------------------------------------------------------------------------------- */

static bool is_var(const NExpr *x, const NVar *v)
{
    return x->op == NOP_Var && x->u.var == v;
}

typedef enum Form {
    FORM_None,                  /* not understood */
    FORM_Plain,                 /* v = e, where e is better */
    FORM_Select,                /* v = e if … else v, v = v if … else e */
    FORM_Left, FORM_Right,      /* v = np.minimum(v, e), np.minimum(e, v) */
} Form;

static Form form_of(const NStmt *s, const VarUse *u)
{
    const NExpr *x = s->expr;
    const NVar *v = u->var;
    if (s->kind != NS_Assign || s->var != v)
        return FORM_None;
    if (x->op == NOP_Select && x->rep == v->rep && is_var(x->b, v) != is_var(x->c, v))
        return gen_reads_var(is_var(x->b, v) ? x->c : x->b, v) ? FORM_None : FORM_Select;
    if (x->op == u->cmp && (x->op == NOP_NpMin || x->op == NOP_NpMax) && x->rep == v->rep && x->a->rep == v->rep && x->b->rep == v->rep) {
        if (is_var(x->a, v) && !gen_reads_var(x->b, v))
            return FORM_Left;
        return is_var(x->b, v) && !gen_reads_var(x->a, v) ? FORM_Right : FORM_None;
    }
    return gen_reads_var(x, v) ? FORM_None : FORM_Plain;
}

static bool is_comparison(NOp op)
{
    return op >= NOP_Lt && op <= NOP_Ge;
}

static Form use_form(const VarUse *u)
{
    Form form = u->n_acc ? form_of(u->acc[0], u) : FORM_None;
    for (uint32_t i = 1; i < u->n_acc; i++) {
        Form other = form_of(u->acc[i], u);
        bool alike = form == other || (form <= FORM_Select && other <= FORM_Select);
        form = alike && form && other ? other : FORM_None;
    }
    bool is_function = form == FORM_Left || form == FORM_Right;
    return is_function != is_comparison(u->cmp) ? form : FORM_None;
}

bool gen_is_placed(const PLoop *l, const VarUse *u)
{
    uint32_t n_beside = 0;
    for (uint32_t i = 0; i < l->n_red; i++)
        n_beside += l->red[i].use->red == RK_Arg && l->red[i].use->lead == u->var;
    if (n_beside > MAX_BESIDE)
        return false;
    if (u->red == RK_Arg) {
        for (uint32_t i = 0; i < l->n_red; i++)
            if (l->red[i].use->var == u->lead)
                return l->red[i].use->red != RK_Arg && gen_is_placed(l, l->red[i].use);
        return false;
    }
    return (u->red == RK_Min || u->red == RK_Max) && !rep_is_complex((DType)u->var->rep) && (is_comparison(u->cmp) || rep_is_float((DType)u->var->rep)) &&
           !red_is_commutative(l, u) && use_form(u) != FORM_None;
}

/* ---- in the loop ------------------------------------------------------------------------------------------------------------------------- */

/* Is NaN `a` or a value that `<` puts before b; sign: "<" or ">". */
static const char *function_keeps(Gen *g, const char *a, const char *b, const char *sign)
{
    return gen_text(g, "%s %s %s || %s != %s", a, sign, b, a, a);
}

void gen_assign_placed(Gen *g, const NStmt *s)
{
    const NExpr *x = s->expr;
    DType rep = (DType)s->var->rep;
    const char *v = gen_var(g, s->var), *sign = x->op == NOP_NpMin ? "<" : ">", *taken = NULL;
    const NExpr *e = x;
    gen_begin(g, x);
    bool is_function = x->op == NOP_NpMin || x->op == NOP_NpMax;
    if (x->op == NOP_Select && is_var(x->b, s->var)) {
        taken = gen_text(g, "!%s", at_level(g, gen_temp(g, DT_Bool, gen_expr(g, x->a)), LV_Unary));
        e = x->c;
    } else if (x->op == NOP_Select && is_var(x->c, s->var)) {
        taken = gen_temp(g, DT_Bool, gen_expr(g, x->a)).s;
        e = x->b;
    } else if (is_function && (is_var(x->a, s->var) || is_var(x->b, s->var))) {
        bool left = is_var(x->a, s->var);
        e = left ? x->b : x->a;
        const char *other = gen_temp(g, rep, gen_expr(g, e)).s;
        taken = left ? gen_text(g, "!(%s)", function_keeps(g, v, other, sign)) : function_keeps(g, other, v, sign);
        gen_open(g, "if (%s)", taken);
        gen_line(g, "%s = %s;", v, other);
        gen_line(g, "when_%s = %s + 1;", v, g->place);
        gen_close(g);
        gen_end(g);
        return;
    }
    Val value = gen_value_as(g, e, rep);
    if (taken)
        gen_open(g, "if (%s)", taken);
    gen_line(g, "%s = %s;", v, value.s);
    gen_line(g, "when_%s = %s + 1;", v, g->place);
    if (taken)
        gen_close(g);
    gen_end(g);
}

void gen_begin_placed(Gen *g, const PLoop *l, const char *counter)
{
    g->place = counter;
    for (uint32_t i = 0; i < l->n_red; i++) {
        const VarUse *u = l->red[i].use;
        if (u->red == RK_Arg || !gen_is_placed(l, u))
            continue;
        g->var_watch[u->var->id] = WATCH_Place;
        gen_line(g, "i64 when_%s = 0;", gen_var(g, u->var));
    }
}

void gen_end_placed(Gen *g, const PLoop *l)
{
    for (uint32_t i = 0; i < l->n_red; i++)
        if (g->var_watch[l->red[i].use->var->id] == WATCH_Place)
            g->var_watch[l->red[i].use->var->id] = WATCH_No;
}

/* ---- two lanes ------------------------------------------------------------------------------------------------------------------------------ */

/* Is part (y, y_when), which is set, to be chosen rather than (x, x_when), which is set? */
static const char *is_chosen(Gen *g, const VarUse *u, const char *y, const char *y_when, const char *x, const char *x_when)
{
    Form form = use_form(u);
    bool is_function = form == FORM_Left || form == FORM_Right, least = is_function ? u->cmp == NOP_NpMin : u->cmp == NOP_Lt || u->cmp == NOP_Le;
    bool latest = is_function ? form == FORM_Left : u->cmp == NOP_Le || u->cmp == NOP_Ge;
    const char *by_value = gen_text(g, "%s %s %s || (%s == %s && %s %s %s)", y, least ? "<" : ">", x, y, x, y_when, latest ? ">" : "<", x_when);
    if (!is_function)
        return by_value;
    return gen_text(g, "%s != %s ? %s == %s || %s %s %s : %s == %s && (%s)", y, y, x, x, y_when, latest ? "<" : ">", x_when, x, x, by_value);
}

static void take_part(Gen *g, const PLoop *l, const VarUse *u, const PlacedNames *to, const PlacedNames *from)
{
    const char *w = to->when, *y = from->when;
    gen_open(g, "if (%s && (!%s || (%s)))", y, w, is_chosen(g, u, from->value, y, to->value, w));
    gen_line(g, "%s = %s;", to->value, from->value);
    gen_line(g, "%s = %s;", w, y);
    for (uint32_t i = 0; i < to->n_beside; i++)
        gen_line(g, "%s = %s;", to->beside[i], from->beside[i]);
    gen_close(g);
}

uint32_t gen_beside(const PLoop *l, const VarUse *u, const VarUse **beside)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < l->n_red; i++)
        if (l->red[i].use->red == RK_Arg && l->red[i].use->lead == u->var)
            beside[n++] = l->red[i].use;
    return n;
}

void gen_fold_placed(Gen *g, const PLoop *l, const VarUse *u, const PlacedNames *x)
{
    const VarUse *beside[MAX_BESIDE];
    PlacedNames other = { .value = gen_text(g, "other_%s", x->value), .when = gen_text(g, "other_%s", x->when), .n_beside = x->n_beside };
    gen_beside(l, u, beside);
    gen_open(g, "for (int half = 16; half; half /= 2)");
    gen_line(g, "const %s %s = %s;", c_type((DType)u->var->rep), other.value, gen_lane_down(g, (DType)u->var->rep, x->value, "half"));
    gen_line(g, "const i64 %s = %s;", other.when, gen_lane_down(g, DT_I64, x->when, "half"));
    for (uint32_t i = 0; i < x->n_beside; i++) {
        DType rep = (DType)beside[i]->var->rep;
        other.beside[i] = gen_text(g, "other_%s", x->beside[i]);
        gen_line(g, "const %s %s = %s;", c_type(rep), other.beside[i], gen_lane_down(g, rep, x->beside[i], "half"));
    }
    take_part(g, l, u, x, &other);
    gen_close(g);
}

void gen_read_placed(Gen *g, const PLoop *l, const VarUse *u, const PlacedNames *x, const char *part, const char *const *part_beside)
{
    const VarUse *beside[MAX_BESIDE];
    PlacedNames other = { .value = gen_text(g, "other_%s", x->value), .when = gen_text(g, "other_%s", x->when), .n_beside = x->n_beside };
    DType rep = (DType)u->var->rep;
    gen_beside(l, u, beside);
    gen_open(g, "for (i64 i = from + lane; i < to; i += 32)");
    gen_line(g, "const i64 %s = %s[i].when;", other.when, part);
    gen_line(g, "const %s %s = (%s)%s[i].value.%s;", c_type(rep), other.value, c_type(rep), part, slot_member(rep));
    for (uint32_t i = 0; i < x->n_beside; i++)
        other.beside[i] = gen_text(g, "%s[i]", part_beside[i]);
    take_part(g, l, u, x, &other);
    gen_close(g);
}

PlacedNames gen_placed_vars(Gen *g, const PLoop *l, const VarUse *u)
{
    const VarUse *beside[MAX_BESIDE];
    PlacedNames x = { .value = gen_var(g, u->var), .when = gen_text(g, "when_%s", gen_var(g, u->var)), .n_beside = gen_beside(l, u, beside) };
    for (uint32_t i = 0; i < x.n_beside; i++)
        x.beside[i] = gen_var(g, beside[i]->var);
    return x;
}

const char *gen_placed_better(Gen *g, const VarUse *u, const char *x, const char *start)
{
    Form form = use_form(u);
    const char *sign = u->cmp == NOP_NpMin ? "<" : ">";
    if (form == FORM_Left)
        return gen_text(g, "!(%s)", function_keeps(g, start, x, sign));
    if (form == FORM_Right)
        return function_keeps(g, x, start, sign);
    return gen_compare(g, u->cmp, (DType)u->var->rep, atom(x), atom(start)).s;
}
