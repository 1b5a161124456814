/* jit/nest/nest.c — names of operations and checks, questions about statements, and the text of a nest for --dump=nest.
 *
 * The dump has one line per statement, indented by nesting:
 *
 *   nest heat.alp:12 (3 loops, 4 statements, 17 expressions, 2 accesses)
 *     input  n int, u float64[2], np module
 *     array  u float64[2] read write
 *     var    s f64 {float, float64} at entry float, read first
 *     sym    s0 = u.shape[0]
 *     for t0 (i) = 1 … sub'.i64?overflow(u.shape[0], 1) step 1
 *       i = add.i64(1, t0)
 *       s = add.f64(s, u[i, j]{t0 + 1, t1})
 *       u[i, j]{t0 + 1, t1} = …
 *
 * Expressions are op.rep(operands); ' marks Python's flavour and ?name a check.  Constants, variables, counters, extents and loads stand for
 * themselves; {…} are the forms of a load's subscripts, "?" where there is none. */
#include "jit/nest/nest.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "interp/module.h"
#include "interp/ops.h"
#include "jit/nest/fun.h"

static const struct OpRow { const char *name; uint8_t arity; } op_row[NOP_COUNT] = {
#define OP(name, n, text) [NOP_##name] = { text, n },
#include "jit/nest/op_list.h"
#undef OP
};

/* ORDER check_kind */
static const char *const check_name[CK_COUNT] = {
    "overflow", "zero-division", "pow", "shift", "exact", "range", "nan", "domain", "bounds", "step", "generic", "fail",
};

/* Representations, shorter than dtype_info's names.  ORDER dtype */
static const char *const rep_name[DT_COUNT] = {
    "bool", "i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64", "f32", "f64", "c64", "c128",
};

const char *nest_op_name(NOp op)
{
    return op_row[op].name;
}

int nest_op_arity(NOp op)
{
    return op_row[op].arity;
}

const char *nest_check_name(NCheckKind k)
{
    return check_name[k];
}

int nest_loops_around(const NStmt *s, const NLoop **out)
{
    int n = 0;
    for (const NLoop *l = s->loop_in; l; l = l->up)
        n += !l->is_while;
    int k = n;
    for (const NLoop *l = s->loop_in; l; l = l->up)
        if (!l->is_while)
            out[--k] = l;
    return n;
}

bool nest_is_inside(const NStmt *s, const NStmt *outer)
{
    while (s && s != outer)
        s = s->parent;
    return s == outer;
}

/* ---- text ------------------------------------------------------------------------------------------------------------------- */

/* Text goes to `emit` in pieces, or into a buffer of which `room` bytes are left. */
typedef struct Out {
    const Nest *nest;
    void (*emit)(void *user, const char *s, size_t n);
    void  *user;
    char  *to;
    size_t room;
} Out;

PRINTF_LIKE(2, 3) static void put(Out *o, const char *fmt, ...)
{
    char piece[256];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(piece, sizeof piece, fmt, ap);
    va_end(ap);
    size_t size = n < 0 ? 0 : (size_t)n < sizeof piece ? (size_t)n : sizeof piece - 1;
    if (o->emit) {
        o->emit(o->user, piece, size);
    } else if (o->room > 1) {
        size = size < o->room - 1 ? size : o->room - 1;
        memcpy(o->to, piece, size);
        o->to += size;
        o->room -= size;
        *o->to = '\0';
    }
}

static const char *sym_text(const Out *o, Sym name)
{
    return intern_text(o->nest->vm->names, name);
}

static void put_array(Out *o, const NArray *a)
{
    if (a->is_iterable)
        put(o, "iterable%u", a->iterable_part);
    else
        put(o, "%s", sym_text(o, a->name));
    if (a->attr != SYM_NONE)
        put(o, ".%s", sym_text(o, a->attr));
}

static void put_var(Out *o, const NVar *v)
{
    if (v->name != SYM_NONE)
        put(o, "%s", sym_text(o, v->name));
    else
        put(o, "v%u", v->id);
}

static void put_expr(Out *o, const NExpr *e);

/* An unknown's number is all that is known about it. */
static void put_sym(Out *o, const NSym *s)
{
    if (s->expr) {
        put_expr(o, s->expr);
    } else if (s->factor[0]) {
        put_sym(o, s->factor[0]);
        put(o, "*");
        put_sym(o, s->factor[1]);
    } else {
        put(o, "?%u", s->id);
    }
}

static void put_form(Out *o, const NForm *f)
{
    /* Counters first, as people write them. */
    if (!f) {
        put(o, "?");
        return;
    }
    for (uint32_t i = f->n; i-- > 0;) {
        const NTerm *t = &f->term[i];
        bool first = i + 1 == f->n, bare = !t->loop && !t->sym;
        uint64_t size = t->coef < 0 ? 0 - (uint64_t)t->coef : (uint64_t)t->coef;
        put(o, "%s", t->coef < 0 ? (first ? "-" : " - ") : first ? "" : " + ");
        if (bare || size != 1)
            put(o, "%" PRIu64 "%s", size, bare ? "" : "*");
        if (t->sym)
            put_sym(o, t->sym);
        if (t->loop)
            put(o, "%st%u", t->sym ? "*" : "", t->loop->id);
    }
    if (f->n == 0)
        put(o, "0");
}

static void put_access(Out *o, const NAccess *x)
{
    put_array(o, x->array);
    put(o, "[");
    for (uint32_t k = 0; k < x->n_subs; k++) {
        put(o, "%s", k ? ", " : "");
        put_expr(o, x->sub[k]);
    }
    put(o, "]{");
    for (uint32_t k = 0; k < x->n_subs; k++) {
        put(o, "%s", k ? ", " : "");
        put_form(o, x->form[k]);
    }
    put(o, "}");
}

static void put_const(Out *o, const NExpr *e)
{
    switch ((DType)e->rep) {
    case DT_Bool:
        put(o, "%s", e->u.i ? "true" : "false");
        break;
    case DT_U8: case DT_U16: case DT_U32: case DT_U64:
        put(o, "%" PRIu64, e->u.u);
        break;
    case DT_F32: case DT_F64:
        put(o, "%.17g", e->u.f);
        break;
    case DT_C64: case DT_C128:
        put(o, "(%.17g, %.17g)", e->u.z[0], e->u.z[1]);
        break;
    default:
        put(o, "%" PRId64, e->u.i);
        break;
    }
}

static void put_operation(Out *o, const NExpr *e)
{
    if (e->op == NOP_Fun)
        put(o, "%s", nfun_info[e->fun].name);
    else if (e->op == NOP_Generic && e->u.generic.op < BI_COUNT)
        put(o, "generic(%s)", binop_text[e->u.generic.op]);
    else if (e->op == NOP_Generic)
        put(o, "generic(%s)", cmpop_text[e->u.generic.op - BI_COUNT]);
    else
        put(o, "%s", nest_op_name((NOp)e->op));
    put(o, "%s.%s", e->flavour & NE_PY ? "'" : "", rep_name[e->rep]);
    if (e->check != NO_CHECK)
        put(o, "?%s", check_name[o->nest->checks[e->check].kind]);
    put(o, "(");
    for (int k = 0; k < 3 && nexpr_operand(e, k); k++) {
        put(o, "%s", k ? ", " : "");
        put_expr(o, nexpr_operand(e, k));
    }
    put(o, ")");
}

static void put_expr(Out *o, const NExpr *e)
{
    switch ((NOp)e->op) {
    case NOP_Const:
        put_const(o, e);
        break;
    case NOP_Var:
        put_var(o, e->u.var);
        break;
    case NOP_Counter:
        put(o, "t%u", e->u.loop->id);
        break;
    case NOP_Extent:
        put_array(o, e->u.extent.array);
        put(o, ".shape[%d]", e->u.extent.axis);
        break;
    case NOP_Load:
        put_access(o, e->u.access);
        break;
    default:
        put_operation(o, e);
        break;
    }
}

void nest_form_text(const Nest *nest, const NForm *f, char *out, size_t size)
{
    Out o = { .nest = nest, .to = out, .room = size };
    if (size)
        *out = '\0';
    put_form(&o, f);
}

/* ---- the nest ----------------------------------------------------------------------------------------------------------------- */

static void put_indent(Out *o, int depth)
{
    put(o, "%*s", 2 * depth, "");
}

static const char *tag_name(Tag t)
{
    switch (t) {
    case T_Unbound:     return "unbound";
    case T_Bool:        return "bool";
    case T_Int:         return "int";
    case T_Float:       return "float";
    case T_Complex:     return "complex";
    default:            return t >= T_NpBool && t <= T_NpC128 ? dtype_info[NP_DTYPE(t)].name : "object";
    }
}

static void put_tags(Out *o, TagSet tags)
{
    const char *sep = "";
    put(o, "{");
    for (int t = 0; t < 32; t++)
        if (tags & TAGS(t)) {
            put(o, "%s%s%s", sep, t >= T_NpBool && t <= T_NpC128 ? "np." : "", tag_name((Tag)t));
            sep = ", ";
        }
    put(o, "}");
}

static void put_block(Out *o, const NBlock *block, int depth);

static void put_loop(Out *o, const NLoop *l, int depth)
{
    if (l->is_while) {
        put(o, "while t%u ", l->id);
        put_expr(o, l->test);
    } else {
        put(o, "for t%u", l->id);
        if (l->var_name != SYM_NONE)
            put(o, " (%s)", sym_text(o, l->var_name));
        put(o, " = ");
        put_expr(o, l->start);
        put(o, " … ");
        put_expr(o, l->stop);
        put(o, " step ");
        put_expr(o, l->step);
        put(o, " trip ");
        put_expr(o, l->trip);
        put(o, " {");
        put_form(o, l->start_form);
        put(o, " … ");
        put_form(o, l->stop_form);
        put(o, "}");
    }
    put(o, "%s\n", l->has_exit ? " has-exit" : "");
    put_block(o, &l->body, depth + 1);
}

static void put_stmt(Out *o, const NStmt *s, int depth)
{
    put_indent(o, depth);
    switch ((NStmtKind)s->kind) {
    case NS_Assign:
        put_var(o, s->var);
        put(o, " = ");
        put_expr(o, s->expr);
        break;
    case NS_Store:
        put_access(o, s->access);
        put(o, " = ");
        put_expr(o, s->expr);
        break;
    case NS_If:
        put(o, "if ");
        put_expr(o, s->expr);
        put(o, "\n");
        put_block(o, &s->body, depth + 1);
        if (s->orelse.n) {
            put_indent(o, depth);
            put(o, "else\n");
            put_block(o, &s->orelse, depth + 1);
        }
        return;
    case NS_Loop:
        put_loop(o, s->loop, depth);
        return;
    case NS_Block:
        put(o, "block s%u\n", s->id);
        put_block(o, &s->body, depth + 1);
        return;
    case NS_Leave:
        put(o, "leave s%u", s->target->id);
        break;
    case NS_Next:
        put(o, "next s%u", s->target->id);
        break;
    case NS_Return:
        put(o, "return ");
        if (s->expr)
            put_expr(o, s->expr);
        break;
    case NS_Check:
        put(o, "check ");
        if (s->expr)
            put_expr(o, s->expr);
        break;
    }
    put(o, "\n");
}

static void put_block(Out *o, const NBlock *block, int depth)
{
    for (uint32_t i = 0; i < block->n; i++)
        put_stmt(o, block->stmt[i], depth);
}

static void put_input(Out *o, const NInput *in)
{
    static const char *const field[] = { "", ".start", ".stop", ".step" };      /* ORDER nfield */
    put(o, "  input  ");
    if (in->is_iterable)
        put(o, "iterable%u", in->iterable_part);
    else if (in->name != SYM_NONE)
        put(o, "%s", sym_text(o, in->name));
    if (in->attr != SYM_NONE)
        put(o, ".%s", sym_text(o, in->attr));
    put(o, "%s ", field[in->field]);
    if (in->tag == T_Array)
        put(o, "%s[%u]", dtype_info[in->dtype].name, in->ndim);
    else
        put(o, "%s%s", in->is_builtin ? "builtin " : "", in->identity.tag != T_Unbound ? value_type_name(in->identity) : tag_name((Tag)in->tag));
    if (in->is_pinned)
        put(o, " = %" PRId64, in->pinned);
    put(o, "\n");
}

static void put_variable(Out *o, const NVar *v)
{
    put(o, "  var    ");
    put_var(o, v);
    put(o, " %s ", rep_name[v->rep]);
    put_tags(o, v->assigned_tags);
    put(o, " at entry %s%s", tag_name((Tag)v->entry_tag), v->is_read_first ? ", read first" : "");
    if (v->tag_var)
        put(o, ", tag in v%u", v->tag_var->id);
    if (v->set_var)
        put(o, ", set in v%u", v->set_var->id);
    put(o, "\n");
}

void nest_dump(const Nest *nest, void (*emit)(void *user, const char *s, size_t n), void *user)
{
    Out o = { .nest = nest, .emit = emit, .user = user };
    const Src *src = &nest->chunk->src;
    put(&o, "nest %s:%u (%u loops, %u statements, %u expressions, %u accesses, %u checks)\n", src->name,
        src_line(src, nest->ast->span.start), nest->n_loops, nest->n_stmts, nest->n_exprs, nest->n_accesses, nest->n_checks);
    for (uint32_t i = 0; i < nest->n_inputs; i++)
        put_input(&o, &nest->inputs[i]);
    for (uint32_t i = 0; i < nest->n_arrays; i++) {
        const NArray *a = nest->arrays[i];
        put(&o, "  array  ");
        put_array(&o, a);
        put(&o, " %s[%u]%s%s\n", dtype_info[a->dtype].name, a->ndim, a->is_read ? " read" : "", a->is_written ? " write" : "");
    }
    for (uint32_t i = 0; i < nest->n_vars; i++)
        put_variable(&o, nest->vars[i]);
    for (uint32_t i = 0; i < nest->n_syms; i++) {
        put(&o, "  sym    s%u = ", i);
        put_sym(&o, nest->syms[i]);
        if (nest->syms[i]->varies)
            put(&o, " varies with t%u", nest->syms[i]->varies->id);
        put(&o, "\n");
    }
    put_block(&o, &nest->body, 1);
}
