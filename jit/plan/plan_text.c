/* jit/plan/plan_text.c — expressions, references and statements of a nest as the program might have written them, for dumps and explanations. */
#include "jit/plan/plan_int.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "jit/nest/fun.h"

void text_add(Text *t, const char *fmt, ...)
{
    size_t room = t->n < t->size ? t->size - t->n : 0;
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(room ? t->out + t->n : NULL, room, fmt, ap);
    va_end(ap);
    t->n += n < 0 ? 0 : (size_t)n;
}

static const char *name_of(const Nest *nest, Sym s)
{
    return intern_text(nest->vm->names, s);
}

void text_var(Text *t, const Nest *nest, const NVar *v)
{
    if (v->name != SYM_NONE)
        text_add(t, "%s", name_of(nest, v->name));
    else
        text_add(t, "v%u", (unsigned)v->id);
}

void text_loop_var(Text *t, const Nest *nest, const NLoop *l)
{
    if (l->var_name != SYM_NONE)
        text_add(t, "%s", name_of(nest, l->var_name));
    else
        text_add(t, "t%u", (unsigned)l->id);
}

static void text_array(Text *t, const Nest *nest, const NArray *a)
{
    if (a->is_iterable)
        text_add(t, "iterable%u", (unsigned)a->iterable_part);
    else
        text_add(t, "%s%s%s", name_of(nest, a->name), a->attr != SYM_NONE ? "." : "", a->attr != SYM_NONE ? name_of(nest, a->attr) : "");
}

/* How tightly an operator binds; 0: it is written as a call. */
static const struct Infix { const char *sign; int level; } infix[NOP_COUNT] = {
    [NOP_OrElse] = { "or", 1 }, [NOP_AndAlso] = { "and", 2 },
    [NOP_Eq] = { "==", 4 }, [NOP_Ne] = { "!=", 4 }, [NOP_Lt] = { "<", 4 }, [NOP_Le] = { "<=", 4 }, [NOP_Gt] = { ">", 4 }, [NOP_Ge] = { ">=", 4 },
    [NOP_Or] = { "|", 5 }, [NOP_Xor] = { "^", 6 }, [NOP_And] = { "&", 7 }, [NOP_Shl] = { "<<", 8 }, [NOP_Shr] = { ">>", 8 },
    [NOP_Add] = { "+", 9 }, [NOP_Sub] = { "-", 9 }, [NOP_Mul] = { "*", 10 }, [NOP_Div] = { "/", 10 }, [NOP_IntDiv] = { "/", 10 },
    [NOP_FloorDiv] = { "//", 10 }, [NOP_Mod] = { "%", 10 }, [NOP_Pow] = { "**", 12 },
};

static void text_const(Text *t, const NExpr *e)
{
    switch ((DType)e->rep) {
    case DT_Bool:
        text_add(t, "%s", e->u.i ? "True" : "False");
        break;
    case DT_F32: case DT_F64:
        text_add(t, "%.9g%s", e->u.f, e->u.f < 1e9 && e->u.f > -1e9 && e->u.f == (double)(int64_t)e->u.f ? ".0" : "");
        break;
    case DT_C64: case DT_C128:
        text_add(t, "(%.9g%+.9gj)", e->u.z[0], e->u.z[1]);
        break;
    case DT_U8: case DT_U16: case DT_U32: case DT_U64:
        text_add(t, "%" PRIu64, e->u.u);
        break;
    default:
        text_add(t, "%" PRId64, e->u.i);
        break;
    }
}

static void text_at(Text *t, const Nest *nest, const NExpr *e, int level)
{
    if (t->n >= t->size)
        return;
    switch ((NOp)e->op) {
    case NOP_Const:
        text_const(t, e);
        return;
    case NOP_Var:
        text_var(t, nest, e->u.var);
        return;
    case NOP_Counter:
        text_add(t, "t%u", (unsigned)e->u.loop->id);
        return;
    case NOP_Extent:
        text_array(t, nest, e->u.extent.array);
        text_add(t, ".shape[%d]", e->u.extent.axis);
        return;
    case NOP_Load:
        text_access(t, nest, e->u.access);
        return;
    case NOP_Cast: case NOP_Truth:
        text_at(t, nest, e->a, level);
        return;
    case NOP_Neg:
        text_add(t, "-");
        text_at(t, nest, e->a, 11);
        return;
    case NOP_Not:
        text_add(t, "not ");
        text_at(t, nest, e->a, 3);
        return;
    case NOP_Select:
        text_add(t, "(");
        text_at(t, nest, e->b, 1);
        text_add(t, " if ");
        text_at(t, nest, e->a, 1);
        text_add(t, " else ");
        text_at(t, nest, e->c, 1);
        text_add(t, ")");
        return;
    default:
        break;
    }
    const struct Infix *op = &infix[e->op];
    if (op->level) {
        text_add(t, "%s", op->level < level ? "(" : "");
        text_at(t, nest, e->a, op->level);
        text_add(t, " %s ", op->sign);
        text_at(t, nest, e->b, op->level + 1);
        text_add(t, "%s", op->level < level ? ")" : "");
        return;
    }
    text_add(t, "%s(", e->op == NOP_Fun ? nfun_info[e->fun].name : nest_op_name((NOp)e->op));
    for (int k = 0; k < 3 && nexpr_operand(e, k); k++) {
        text_add(t, "%s", k ? ", " : "");
        text_at(t, nest, nexpr_operand(e, k), 0);
    }
    text_add(t, ")");
}

void text_expr(Text *t, const Nest *nest, const NExpr *e)
{
    text_at(t, nest, e, 0);
}

void text_access(Text *t, const Nest *nest, const NAccess *x)
{
    text_array(t, nest, x->array);
    text_add(t, "[");
    for (uint32_t k = 0; k < x->n_subs; k++) {
        text_add(t, "%s", k ? ", " : "");
        text_at(t, nest, x->sub[k], 0);
    }
    text_add(t, "]");
}

void text_stmt(Text *t, const Nest *nest, const NStmt *s)
{
    switch ((NStmtKind)s->kind) {
    case NS_Assign:
        text_var(t, nest, s->var);
        text_add(t, " = ");
        break;
    case NS_Store:
        text_access(t, nest, s->access);
        text_add(t, " = ");
        break;
    case NS_If:
        text_add(t, "if ");
        break;
    case NS_Loop:
        text_add(t, s->loop->is_while ? "while " : "for ");
        if (s->loop->is_while)
            text_expr(t, nest, s->loop->test);
        else
            text_loop_var(t, nest, s->loop);
        break;
    case NS_Block:
        text_add(t, "block");
        break;
    case NS_Leave:
        text_add(t, s->target->kind == NS_Loop ? "break" : "leave");
        break;
    case NS_Next:
        text_add(t, "continue");
        break;
    case NS_Return:
        text_add(t, "return ");
        break;
    case NS_Check:
        text_add(t, "check ");
        break;
    }
    if (s->expr)
        text_expr(t, nest, s->expr);
}

/* A statement of an inlined function without a loop of its own counts as standing in the text of the loop around it. */
const Src *loop_src(const Nest *nest, const NLoop *l)
{
    for (; l; l = l->up)
        if (l->inlined_from)
            return &l->inlined_from->chunk->src;
    return &nest->chunk->src;
}

uint32_t node_line(const Nest *nest, const Node *ast, const NLoop *in)
{
    const Src *src = loop_src(nest, in);
    return ast && ast->span.start < src->size ? src_line(src, ast->span.start) : 0;
}
