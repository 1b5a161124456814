/* jit/gpu/emit.c — the program: which parts of a plan are steps of the host, and which are kernels; text buffers.
 *
 * Items are taken in order.  Parallel and reduction loops are kernels; what contains such loops is a step of the host.  Of the rest, neighbours are
 * one kernel of one thread, if any of them needs the device: because it touches array elements, or reads a variable that some kernel assigns
 * (which the host would have to wait for).  While loops are the host's in any case, so that they can be interrupted. */
#include <stdarg.h>
#include <string.h>

#include "jit/gpu/emit.h"

/* ---- text -------------------------------------------------------------------------------------------------------------------------------- */

void gen_refuse(Gen *g, const char *fmt, ...)
{
    if (g->refused)
        return;
    char text[REASON_DETAIL];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    g->refused = true;
    reason_set(g->why, RS_NoBackEnd, (Span){ 0, 0 }, "not on a GPU: %s", text);
}

bool gen_is_broken(const Gen *g)
{
    return g->refused || g->no_memory;
}

void text_put(Gen *g, GenText *t, const char *s, size_t n)
{
    if (g->no_memory || n == 0)
        return;
    if (t->n + n + 1 > t->cap) {
        size_t cap = 2 * (t->n + n) + 256;
        char *more = mem_realloc(g->mem, t->s, t->cap, cap);
        if (!more) {
            g->no_memory = true;
            return;
        }
        t->s = more;
        t->cap = cap;
    }
    memcpy(t->s + t->n, s, n);
    t->n += n;
    t->s[t->n] = 0;
}

void text_free(Gen *g, GenText *t)
{
    mem_free(g->mem, t->s, t->cap);
    *t = (GenText){ 0 };
}

static void put_formatted(Gen *g, GenText *t, const char *fmt, va_list ap)
{
    char few[256];
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(few, sizeof few, fmt, ap);
    if (n >= 0 && (size_t)n < sizeof few) {
        text_put(g, t, few, (size_t)n);
    } else if (n >= 0) {
        size_t size = (size_t)n + 1;
        char *s = mem_alloc(g->mem, size);
        if (s) {
            vsnprintf(s, size, fmt, again);
            text_put(g, t, s, (size_t)n);
            mem_free(g->mem, s, size);
        }
        g->no_memory |= !s;
    }
    va_end(again);
}

void text_format(Gen *g, GenText *t, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    put_formatted(g, t, fmt, ap);
    va_end(ap);
}

static void put_indent(Gen *g)
{
    for (int k = 0; k < g->indent; k++)
        text_put(g, g->out, "    ", 4);
}

void gen_line(Gen *g, const char *fmt, ...)
{
    va_list ap;
    put_indent(g);
    va_start(ap, fmt);
    put_formatted(g, g->out, fmt, ap);
    va_end(ap);
    text_put(g, g->out, "\n", 1);
}

void gen_open(Gen *g, const char *fmt, ...)
{
    va_list ap;
    put_indent(g);
    va_start(ap, fmt);
    put_formatted(g, g->out, fmt, ap);
    va_end(ap);
    text_put(g, g->out, " {\n", 3);
    g->indent++;
}

void gen_scope(Gen *g)
{
    gen_line(g, "{");
    g->indent++;
}

void gen_close(Gen *g)
{
    g->indent--;
    gen_line(g, "}");
}

const char *gen_text(Gen *g, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    char *s = n >= 0 ? arena_alloc(&g->scratch, (size_t)n + 1) : NULL;
    if (s)
        vsnprintf(s, (size_t)n + 1, fmt, again);
    else
        g->no_memory = true;
    va_end(again);
    va_end(ap);
    return s ? s : "";
}

void *gen_room(Gen *g, size_t size)
{
    void *p = arena_alloc(g->arena, size);
    g->no_memory |= !p;
    return p;
}

/* ---- the program's source ------------------------------------------------------------------------------------------------------------------ */

static const Src *source_text(const Gen *g, const NStmt *s)
{
    for (const NLoop *l = s->loop_in; l; l = l->up)
        if (l->inlined_from)
            return NULL;                /* another text's lines */
    return s->ast && s->ast->span.start < g->nest->chunk->src.size ? &g->nest->chunk->src : NULL;
}

uint32_t gen_line_of(const Gen *g, const NStmt *s)
{
    const Src *src = g->nest->chunk ? source_text(g, s) : NULL;
    return src ? src_line(src, s->ast->span.start) : 0;
}

void gen_source(Gen *g, const NStmt *s)
{
    uint32_t line = gen_line_of(g, s), size;
    if (line == 0 || line == g->line)
        return;
    g->line = line;
    const char *text = src_line_text(&g->nest->chunk->src, line, &size);
    while (size && *text == ' ') {
        text++;
        size--;
    }
    char *clean = (char *)gen_text(g, "%.*s", (int)(size < 120 ? size : 120), text);
    for (char *p = clean; *p; p++)
        if ((unsigned char)*p < ' ' || (unsigned char)*p > '~' || (p[0] == '*' && p[1] == '/') || *p == '\\')
            *p = '?';
    gen_line(g, "/* %u: %s */", (unsigned)line, clean);
}

/* ---- what is where ----------------------------------------------------------------------------------------------------------------------------- */

bool expr_has_load(const NExpr *x)
{
    return x && (x->op == NOP_Load || expr_has_load(x->a) || expr_has_load(x->b) || expr_has_load(x->c));
}

bool expr_reads(const NExpr *x, const uint8_t *vars)
{
    return x && ((x->op == NOP_Var && vars[x->u.var->id]) || expr_reads(x->a, vars) || expr_reads(x->b, vars) || expr_reads(x->c, vars));
}

static bool loop_header_has_load(const NLoop *l)
{
    return expr_has_load(l->trip) || expr_has_load(l->step) || expr_has_load(l->test);
}

static bool block_has_array(const NBlock *b)
{
    for (uint32_t i = 0; i < b->n; i++)
        if (stmt_has_array(b->stmt[i]))
            return true;
    return false;
}

bool stmt_has_array(const NStmt *s)
{
    return s->kind == NS_Store || expr_has_load(s->expr) || block_has_array(&s->body) || block_has_array(&s->orelse) ||
           (s->kind == NS_Loop && (loop_header_has_load(s->loop) || block_has_array(&s->loop->body)));
}

static bool has_parallel(PItem *const *items, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if ((items[i]->kind == PI_Loop && items[i]->loop->mode != PM_Sequential) || has_parallel(items[i]->body, items[i]->n_body) ||
            has_parallel(items[i]->orelse, items[i]->n_orelse))
            return true;
    return false;
}

static bool bounds_have_load(const PLoop *l)
{
    return l->n_upper == 0 && loop_header_has_load(l->src[0]);
}

static bool saves_inside(const PItem *item)
{
    if (item->kind == PI_Loop && item->loop->n_save)
        return true;
    for (uint32_t i = 0; i < item->n_body; i++)
        if (saves_inside(item->body[i]))
            return true;
    for (uint32_t i = 0; i < item->n_orelse; i++)
        if (saves_inside(item->orelse[i]))
            return true;
    return false;
}

/* Is the item the host's: a step with steps inside, or a statement? */
static bool is_host_step(const PItem *item)
{
    switch ((PItemKind)item->kind) {
    case PI_Loop:  return (has_parallel(item->body, item->n_body) && !bounds_have_load(item->loop)) || saves_inside(item);
    case PI_While: return true;
    case PI_If:    return has_parallel(item->body, item->n_body) || has_parallel(item->orelse, item->n_orelse);
    case PI_Block: return has_parallel(item->body, item->n_body);
    case PI_Stmt:  return item->stmt->kind == NS_Loop && item->stmt->loop->is_while && !stmt_has_array(item->stmt);
    }
    return false;
}

static bool is_kernel_loop(const PItem *item)
{
    return item->kind == PI_Loop && item->loop->mode != PM_Sequential && !bounds_have_load(item->loop);
}

/* Variables that an item's kernels assign, once it is decided that it is on the device. */
static bool note_assigned(Gen *g, const PItem *item)
{
    bool is_new = false;
    for (uint32_t i = 0; i < g->nest->n_vars; i++)
        if (!g->on_device[i] && items_assign(&(PItem *){ (PItem *)item }, 1, g->nest->vars[i]))
            is_new = g->on_device[i] = true;
    return is_new;
}

static bool block_reads(const NBlock *b, const uint8_t *vars);

static bool stmt_reads(const NStmt *s, const uint8_t *vars)
{
    return expr_reads(s->expr, vars) || block_reads(&s->body, vars) || block_reads(&s->orelse, vars) ||
           (s->kind == NS_Loop && (expr_reads(s->loop->trip, vars) || expr_reads(s->loop->test, vars) || block_reads(&s->loop->body, vars)));
}

static bool block_reads(const NBlock *b, const uint8_t *vars)
{
    for (uint32_t i = 0; i < b->n; i++)
        if (stmt_reads(b->stmt[i], vars))
            return true;
    return false;
}

/* Must one thread of the device run the item? */
static bool wants_device(const Gen *g, const PItem *item)
{
    if (item->kind != PI_Stmt)
        return true;
    return stmt_has_array(item->stmt) || stmt_reads(item->stmt, (const uint8_t *)g->on_device);
}

/* What kernels assign, found by going on until nothing is added. */
static bool find_on_device(Gen *g, PItem *const *items, uint32_t n)
{
    bool is_new = false;
    for (uint32_t i = 0; i < n; i++) {
        if (is_kernel_loop(items[i])) {
            is_new |= note_assigned(g, items[i]);
        } else if (is_host_step(items[i])) {
            is_new |= find_on_device(g, items[i]->body, items[i]->n_body);
            is_new |= find_on_device(g, items[i]->orelse, items[i]->n_orelse);
        } else if (wants_device(g, items[i])) {
            is_new |= note_assigned(g, items[i]);
        }
    }
    return is_new;
}

/* ---- steps ----------------------------------------------------------------------------------------------------------------------------------------- */

typedef struct Steps { GpuStep **step; uint32_t n, cap; } Steps;

static GpuStep *add_step(Gen *g, Steps *list, GpuStepKind kind, const PItem *item)
{
    GpuStep *s = gen_room(g, sizeof *s);
    if (list->n == list->cap) {
        uint32_t cap = 2 * list->cap + 4;
        GpuStep **more = gen_room(g, cap * sizeof(GpuStep *));
        if (gen_is_broken(g))
            return s;
        if (list->n)
            memcpy(more, list->step, list->n * sizeof(GpuStep *));
        list->step = more;
        list->cap = cap;
    }
    if (!gen_is_broken(g)) {
        *s = (GpuStep){ .kind = (uint8_t)kind, .item = item };
        list->step[list->n++] = s;
    }
    return s;
}

static void launch(Gen *g, GpuKernel *k, void *user)
{
    GpuStep *s = add_step(g, user, GS_Launch, NULL);
    if (!gen_is_broken(g))
        s->kernel = k;
}

static void walk(Gen *g, PItem *const *items, uint32_t n, Steps *out);

static void inner_steps(Gen *g, PItem *const *items, uint32_t n, GpuStep ***step, uint32_t *count)
{
    Steps inside = { 0 };
    walk(g, items, n, &inside);
    *step = inside.step;
    *count = inside.n;
}

static void host_step(Gen *g, const PItem *item, Steps *out)
{
    static const GpuStepKind kind[] = { [PI_Stmt] = GS_Stmt, [PI_Loop] = GS_Loop, [PI_While] = GS_While, [PI_If] = GS_If, [PI_Block] = GS_Block };
    GpuStep *s = add_step(g, out, kind[item->kind], item);
    if (gen_is_broken(g) || item->kind == PI_Stmt)
        return;
    const NExpr *test = item->kind == PI_While ? item->stmt->loop->test : item->kind == PI_If ? item->stmt->expr : NULL;
    if (test && expr_has_load(test)) {
        s->test = g->program->n_slots++;
        GpuKernel *k = gen_single(g, NULL, 0, test, s->test);
        if (!gen_is_broken(g))
            s->kernel = k;
    }
    GpuStep **body = NULL, **orelse = NULL;
    uint32_t n_body = 0, n_orelse = 0;
    inner_steps(g, item->body, item->n_body, &body, &n_body);
    inner_steps(g, item->orelse, item->n_orelse, &orelse, &n_orelse);
    if (gen_is_broken(g))
        return;
    s->body = body;
    s->n_body = n_body;
    s->orelse = orelse;
    s->n_orelse = n_orelse;
}

/* Items 0 … n-1, none of which is a kernel loop or the host's; from the first to the last one that the device must run: one kernel. */
static void plain_items(Gen *g, PItem *const *items, uint32_t n, Steps *out)
{
    uint32_t first = 0, end = n;
    while (first < n && !wants_device(g, items[first]))
        host_step(g, items[first++], out);
    while (end > first && !wants_device(g, items[end - 1]))
        end--;
    if (end > first) {
        GpuKernel *k = gen_single(g, items + first, end - first, NULL, 0);
        launch(g, k, out);
    }
    for (uint32_t i = end; i < n; i++)
        host_step(g, items[i], out);
}

static void walk(Gen *g, PItem *const *items, uint32_t n, Steps *out)
{
    for (uint32_t i = 0, next; i < n && !gen_is_broken(g); i = next) {
        next = i + 1;
        if (is_kernel_loop(items[i])) {
            gen_loop_kernels(g, items[i], launch, out);
        } else if (is_host_step(items[i])) {
            host_step(g, items[i], out);
        } else {
            while (next < n && !is_kernel_loop(items[next]) && !is_host_step(items[next]))
                next++;
            plain_items(g, items + i, next - i, out);
        }
    }
}

/* Does the item hold the outermost loop? */
static bool holds_root(const PItem *item, const NLoop *root)
{
    if (item->kind == PI_Loop)
        for (uint32_t k = 0; k < item->loop->n_src; k++)
            if (item->loop->src[k] == root)
                return true;
    if (item->stmt && nest_is_inside(root->stmt, item->stmt))
        return true;
    for (uint32_t i = 0; i < item->n_body; i++)
        if (holds_root(item->body[i], root))
            return true;
    return false;
}

/* ---- the program --------------------------------------------------------------------------------------------------------------------------------------- */

/* Rough work, and how much of it runs on grids.  Loops count as 64 iterations. */
static double rough_work(PItem *const *items, uint32_t n, bool on_grid, double *grid)
{
    double all = 0;
    for (uint32_t i = 0; i < n; i++) {
        bool parallel = on_grid || is_kernel_loop(items[i]);
        double inner = 0, own = items[i]->kind == PI_Stmt ? 1 : 0;
        own += rough_work(items[i]->body, items[i]->n_body, parallel, &inner) + rough_work(items[i]->orelse, items[i]->n_orelse, parallel, &inner);
        double times = items[i]->kind == PI_Loop || items[i]->kind == PI_While ? 64 : 1;
        all += times * own;
        *grid += parallel ? times * own : times * inner;
    }
    return all;
}

/* All tables, cut from one piece of memory; NULL: only the size is wanted. */
static void *cut(char *memory, size_t *at, size_t n, size_t size)
{
    void *p = memory ? memory + *at : NULL;
    *at += (n * size + 15) & ~(size_t)15;
    return p;
}

static size_t lay_out(Gen *g, char *memory)
{
    const Nest *n = g->nest;
    size_t at = 0;
    g->on_device = cut(memory, &at, n->n_vars + 1, sizeof *g->on_device);
    g->var_used = cut(memory, &at, n->n_vars + 1, 1);
    g->var_own = cut(memory, &at, n->n_vars + 1, 1);
    g->var_tile = cut(memory, &at, n->n_vars + 1, 1);
    g->var_watch = cut(memory, &at, n->n_vars + 1, 1);
    g->counter_runs = cut(memory, &at, n->n_loops + 1, 1);
    g->counter_name = cut(memory, &at, n->n_loops + 1, sizeof *g->counter_name);
    g->group_written = cut(memory, &at, n->n_arrays + 1, sizeof *g->group_written);
    g->uses = cut(memory, &at, n->n_exprs + 1, sizeof *g->uses);
    g->memo = cut(memory, &at, n->n_exprs + 1, sizeof *g->memo);
    g->trail = cut(memory, &at, n->n_exprs + 1, sizeof *g->trail);
    g->counted = cut(memory, &at, n->n_exprs + 1, sizeof *g->counted);
    return at;
}

static void make_program(Gen *g)
{
    PItem *root = g->plan->root;
    GpuProgram *p = g->program;
    Steps steps = { 0 };
    double grid = 0;
    p->n_slots = g->nest->n_vars;
    while (find_on_device(g, root->body, root->n_body))
        ;
    uint32_t before = 0;
    while (before < root->n_body && !holds_root(root->body[before], g->nest->root))
        before++;
    walk(g, root->body, before, &steps);        /* no kernel holds the outermost loop and what its bounds depend on */
    walk(g, root->body + before, root->n_body - before, &steps);
    double all = rough_work(root->body, root->n_body, false, &grid);
    p->step = steps.step;
    p->n_steps = steps.n;
    p->parallel_share = all > 0 ? grid / all : 0;
    GenText text = { 0 };
    gen_prelude(g, &text);
    if (g->all.n)
        text_put(g, &text, g->all.s, g->all.n);
    char *copy = g->no_memory ? NULL : gen_room(g, text.n + 1);
    if (copy && text.n)
        memcpy(copy, text.s, text.n);
    p->text = copy;
    p->text_size = text.n;
    text_free(g, &text);
}

GpuProgram *gpu_emit(Mem *mem, const Plan *plan, const GpuLayout *layout, FpMode fp, ReasonAt *why)
{
    GpuProgram *p = mem_zalloc(mem, sizeof *p);
    Gen *g = mem_zalloc(mem, sizeof *g);
    char *memory = NULL;
    size_t size = 0;
    if (p)
        arena_init(&p->arena, mem);
    if (p && g) {
        *g = (Gen){ .plan = plan, .nest = plan->nest, .layout = layout, .fp = fp, .mem = mem, .program = p, .arena = &p->arena, .why = why };
        arena_init(&g->scratch, mem);
        size = lay_out(g, NULL);
        memory = mem_zalloc(mem, size);
    }
    bool ok = memory != NULL;
    if (ok) {
        lay_out(g, memory);
        make_program(g);
        ok = !gen_is_broken(g);
    }
    if (!ok && !(g && g->refused))
        reason_set(why, RS_NoMemory, (Span){ 0, 0 }, NULL);
    if (g) {
        text_free(g, &g->all);
        text_free(g, &g->body);
        arena_free(&g->scratch);
        mem_free(mem, memory, size);
        mem_free(mem, g, sizeof *g);
    }
    if (!ok && p) {
        gpu_program_free(p);
        p = NULL;
    }
    return p;
}

void gpu_program_free(GpuProgram *p)
{
    Mem *mem = p->arena.mem;
    arena_free(&p->arena);
    mem_free(mem, p, sizeof *p);
}
