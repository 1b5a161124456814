/* jit/depend/dot.c — the dependence graph as Graphviz text.
 *
 * Statements are boxes with their line of source, loops are frames around them.  Solid edges: dependences by array elements, labelled with kind,
 * array, the loop that carries them and direction vector; dotted: those inside one iteration; dashed: accumulations, from a statement to itself;
 * bold: variables that carry a value from one iteration to the next. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "interp/vm.h"
#include "jit/depend/graph.h"

typedef struct Dot {
    const DepGraph *g;
    void  (*emit)(void *user, const char *s, size_t n);
    void   *user;
} Dot;

static void put(Dot *d, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void put(Dot *d, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (n > 0)
        d->emit(d->user, text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
}

/* Inside a quoted string. */
static void put_quoted(Dot *d, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (s[i] == '"' || s[i] == '\\')
            d->emit(d->user, "\\", 1);
        d->emit(d->user, (unsigned char)s[i] < ' ' ? " " : s + i, 1);
    }
}

static void put_name(Dot *d, Sym name)
{
    const char *s = name == SYM_NONE ? "?" : intern_text(d->g->nest->vm->names, name);
    put_quoted(d, s, strlen(s));
}

/* The text that a statement stands in: that of the function whose loop is around it. */
static const Src *src_of(const Dot *d, const NLoop *l)
{
    for (; l; l = l->up)
        if (l->inlined_from)
            return &l->inlined_from->chunk->src;
    return &d->g->nest->chunk->src;
}

static void put_source_line(Dot *d, const Src *src, const Node *ast)
{
    if (!ast || ast->span.start >= src->size)
        return;
    uint32_t size, line = src_line(src, ast->span.start);
    const char *text = src_line_text(src, line, &size);
    for (; size && (*text == ' ' || *text == '\t'); size--)
        text++;
    put(d, "%u: ", line);
    put_quoted(d, text, size);
}

static uint32_t line_of(const Src *src, const Node *ast)
{
    return ast && ast->span.start < src->size ? src_line(src, ast->span.start) : 0;
}

static bool is_drawn(const Dot *d, const NStmt *s)
{
    switch ((NStmtKind)s->kind) {
    case NS_Assign: {
        /* Temporaries have no line of their own to show, nor have loop variables. */
        const Src *src = src_of(d, s->loop_in);
        return s->ast && s->var->name != SYM_NONE && !(s->loop_in && line_of(src, s->ast) == line_of(src, s->loop_in->ast));
    }
    case NS_Store: case NS_If: case NS_Return:
        return true;
    default:
        return false;
    }
}

static void put_block(Dot *d, const NBlock *b, bool *drawn);

static void put_stmt(Dot *d, const NStmt *s, bool *drawn)
{
    if (s->kind == NS_Loop) {
        const NLoop *l = s->loop;
        put(d, "subgraph cluster_%u {\nlabel=\"", l->id);
        put_source_line(d, src_of(d, l), l->ast);
        put(d, "\";\n");
        /* The loop's own node: its bounds or test may read arrays. */
        if (drawn[s->id])
            put(d, "s%u [label=\"%s\"];\n", s->id, l->is_while ? "while" : "range");
        put_block(d, &l->body, drawn);
        put(d, "}\n");
        return;
    }
    if (drawn[s->id]) {
        put(d, "s%u [label=\"", s->id);
        put_source_line(d, src_of(d, s->loop_in), s->ast);
        put(d, "\"];\n");
    }
    put_block(d, &s->body, drawn);
    put_block(d, &s->orelse, drawn);
}

static void put_block(Dot *d, const NBlock *b, bool *drawn)
{
    for (uint32_t i = 0; i < b->n; i++)
        put_stmt(d, b->stmt[i], drawn);
}

static void put_edge(Dot *d, const DepEdge *e)
{
    static const char *const kind[] = { "flow", "anti", "output" };
    char vec[DEP_VEC_TEXT_MAX];
    put(d, "s%u -> s%u [label=\"%s ", e->src->id, e->dst->id, kind[e->kind]);
    put_name(d, e->pair->a->array->name);
    if (e->pair->n_common)
        put(d, " %s", dep_vec_text(vec, &e->vec, e->pair->n_common));
    if (e->level) {
        const NLoop *l = e->pair->common[e->level - 1];
        put(d, "\\ncarried by ");
        if (l->is_while)
            put(d, "while");
        else
            put_name(d, l->var_name);
    }
    put(d, "\"%s];\n", e->level ? "" : ", style=dotted");
}

/* Several references of one statement often give the same edge. */
static bool is_repeated(const DepGraph *g, uint32_t i)
{
    enum { LOOK_BACK = 64 };
    const DepEdge *e = &g->edge[i];
    for (uint32_t k = i > LOOK_BACK ? i - LOOK_BACK : 0; k < i; k++) {
        const DepEdge *x = &g->edge[k];
        if (x->src == e->src && x->dst == e->dst && x->kind == e->kind && x->level == e->level && x->pair->a->array == e->pair->a->array &&
            memcmp(&x->vec, &e->vec, sizeof e->vec) == 0)
            return true;
    }
    return false;
}

static void put_variables(Dot *d, const NLoop *l)
{
    const LoopScalars *scalars = &d->g->scalars[l->id];
    for (uint32_t i = 0; i < scalars->n; i++) {
        const VarUse *u = &scalars->use[i];
        if (u->cls == VC_Reduction) {
            for (uint32_t k = 0; k < u->n_acc; k++) {
                put(d, "s%u -> s%u [style=dashed, label=\"%s ", u->acc[k]->id, u->acc[k]->id, red_kind_name(u->red));
                put_name(d, u->var->name);
                put(d, "\"];\n");
            }
        } else if (u->cls == VC_Carried && u->blame_write && u->blame_read) {
            put(d, "s%u -> s%u [style=bold, label=\"carried ", u->blame_write->id, u->blame_read->id);
            put_name(d, u->var->name);
            put(d, "\"];\n");
        }
    }
}

static void mark_variables(const DepGraph *g, bool *drawn)
{
    for (uint32_t i = 0; i < g->nest->n_loops; i++)
        for (uint32_t k = 0; k < g->scalars[i].n; k++) {
            const VarUse *u = &g->scalars[i].use[k];
            for (uint32_t a = 0; u->cls == VC_Reduction && a < u->n_acc; a++)
                drawn[u->acc[a]->id] = true;
            if (u->cls == VC_Carried && u->blame_write && u->blame_read)
                drawn[u->blame_write->id] = drawn[u->blame_read->id] = true;
        }
}

void graph_dot(const DepGraph *g, void (*emit)(void *user, const char *s, size_t n), void *user)
{
    Dot d = { .g = g, .emit = emit, .user = user };
    const Nest *nest = g->nest;
    Mem *mem = &nest->vm->mem;
    bool *drawn = mem_zalloc(mem, nest->n_stmts + 1);
    put(&d, "digraph nest {\nnode [shape=box, fontname=\"monospace\"];\n");
    if (drawn) {
        for (uint32_t i = 0; i < nest->n_stmts; i++)
            drawn[i] = is_drawn(&d, nest->stmts[i]);
        for (uint32_t i = 0; i < g->n_edges; i++)
            drawn[g->edge[i].src->id] = drawn[g->edge[i].dst->id] = true;
        mark_variables(g, drawn);
        put_block(&d, &nest->body, drawn);
        for (uint32_t i = 0; i < g->n_edges; i++)
            if (!is_repeated(g, i))
                put_edge(&d, &g->edge[i]);
        for (uint32_t i = 0; i < nest->n_loops; i++)
            put_variables(&d, nest->loops[i]);
        mem_free(mem, drawn, nest->n_stmts + 1);
    }
    put(&d, "}\n");
}
