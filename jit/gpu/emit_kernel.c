/* jit/gpu/emit_kernel.c — one kernel: parameters, variables, and parallel loops as grids.
 *
 * A kernel's body is made first; what it turns out to use becomes its parameters and declarations, which are put in front.
 *
 * A grid covers a parallel loop and those parallel loops that stand alone at the end of its body, up to three: each thread does the few assignments in
 * between again.  Loops of a grid are loops in the text as well, so that `continue` means what it should.
 *
 * Last values.  A variable that outlives the loop has the value of the last iteration that assigned it.  If every iteration does, the last one stores it.
 * Otherwise each iteration of the outermost loop notes whether it did, and what, and a kernel behind (GK_Last) finds the last one. */
#include <string.h>

#include "jit/gpu/emit.h"

enum { THREADS = 256, SHORT_TRIP = 8 };

/* ---- names ------------------------------------------------------------------------------------------------------------------------------ */

/* Of the program, as far as C allows. */
static const char *clean_name(Gen *g, Sym name, const char *otherwise)
{
    if (name == SYM_NONE)
        return otherwise;
    char *s = (char *)gen_text(g, "%s", intern_text(g->nest->vm->names, name));
    for (char *p = s; *p; p++)
        if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9')))
            *p = '_';
    return s;
}

const char *gen_var_name(Gen *g, const NVar *v)
{
    return gen_text(g, "%s_%u", clean_name(g, v->name, "v"), (unsigned)v->id);
}

const char *array_name(Gen *g, const NArray *a)
{
    return gen_text(g, "%s_a%u", a->is_iterable ? "iterable" : clean_name(g, a->name, "array"), (unsigned)a->id);
}

static const char *counter_name(Gen *g, const NLoop *l)
{
    return gen_text(g, "%s_t%u", clean_name(g, l->var_name, "t"), (unsigned)l->id);
}

/* ---- parameters -------------------------------------------------------------------------------------------------------------------------- */

static void add_param(Gen *g, GpuParamKind kind, uint8_t axis, uint32_t id)
{
    GpuKernel *k = g->kernel;
    for (uint32_t i = 0; i < k->n_params; i++)
        if (k->param[i].kind == kind && k->param[i].axis == axis && k->param[i].id == id)
            return;
    if (k->n_params == g->cap_params) {
        uint32_t cap = g->cap_params ? 2 * g->cap_params : 16;
        GpuParam *more = gen_room(g, cap * sizeof *more);
        if (gen_is_broken(g))
            return;
        if (k->n_params)
            memcpy(more, k->param, k->n_params * sizeof *more);
        k->param = more;
        g->cap_params = cap;
    }
    k->param[k->n_params++] = (GpuParam){ (uint8_t)kind, axis, id };
}

const char *gen_param(Gen *g, GpuParamKind kind, uint8_t axis, uint32_t id)
{
    const Nest *n = g->nest;
    add_param(g, kind, axis, id);
    switch (kind) {
    case GP_Data:    return array_name(g, n->arrays[id]);
    case GP_Old:     return gen_text(g, "%s_old", array_name(g, n->arrays[id]));
    case GP_Extent:  return gen_text(g, "a.%s_n%u", array_name(g, n->arrays[id]), (unsigned)axis);
    case GP_Stride:  return gen_text(g, "%s_s%u", array_name(g, n->arrays[id]), (unsigned)axis);
    case GP_Var:     return gen_text(g, "a.%s", gen_var_name(g, n->vars[id]));
    case GP_VarHigh: break;
    case GP_VarAt:   return gen_text(g, "a.%s_at", gen_var_name(g, n->vars[id]));
    case GP_Sym:     return gen_text(g, "a.symbol%u", (unsigned)id);
    case GP_Counter: return gen_text(g, "a.%s", counter_name(g, n->loops[id]));
    case GP_Trip:    return gen_text(g, "a.end_%u", (unsigned)axis);
    case GP_First:   return gen_text(g, "a.first_%u", (unsigned)axis);
    case GP_Begin:   return "a.begin";
    case GP_End:     return "a.end";
    case GP_Last:    return "a.is_last";
    case GP_Stop:    return "a.stop";
    case GP_Status:  return "a.status";
    case GP_Vars:    return "a.vars";
    case GP_Scratch: return gen_text(g, "a.scratch%u", (unsigned)id);
    case GP_Expand:  return gen_text(g, "a.%s_each", gen_var_name(g, n->vars[id]));
    }
    return "0";
}

/* The C type of a variable's word. */
static const char *word_type(DType rep)
{
    return rep <= DT_U64 ? "i64" : c_type(rep);
}

static void put_member(Gen *g, GenText *t, const GpuParam *p)
{
    const Nest *n = g->nest;
    const char *name = gen_param(g, (GpuParamKind)p->kind, p->axis, p->id);
    name += name[0] == 'a' && name[1] == '.' ? 2 : 0;
    DType rep = p->kind == GP_Var || p->kind == GP_VarAt ? (DType)n->vars[p->id]->rep : DT_I64;
    switch ((GpuParamKind)p->kind) {
    case GP_Data: case GP_Old: text_format(g, t, "    %s *%s;\n", c_type_in_memory((DType)n->arrays[p->id]->dtype), name); break;
    case GP_Var:     text_format(g, t, rep == DT_F32 ? "    %s %s, %s_unused;\n" : "    %s %s;\n", word_type(rep), name, name); break;
    case GP_VarAt:   text_format(g, t, "    const %s *%s;\n", word_type(rep), name); break;
    case GP_Stop:    text_format(g, t, "    const volatile int *%s;\n", name); break;
    case GP_Status:  text_format(g, t, "    Status *%s;\n", name); break;
    case GP_Vars: case GP_Expand: text_format(g, t, "    Slot *%s;\n", name); break;
    case GP_Scratch: text_format(g, t, "    void *%s;\n", name); break;
    case GP_VarHigh: break;
    case GP_Stride: case GP_Extent: case GP_Sym: case GP_Counter: case GP_Trip: case GP_First: case GP_Begin: case GP_End: case GP_Last:
        text_format(g, t, "    i64 %s;\n", name);
        break;
    }
}

const char *gen_scratch(Gen *g, size_t per_unit, size_t fixed, bool zeroed)
{
    GpuKernel *k = g->kernel;
    GpuScratch *more = gen_room(g, (k->n_scratch + 1) * sizeof *more);
    if (gen_is_broken(g))
        return "0";
    if (k->n_scratch)
        memcpy(more, k->scratch, k->n_scratch * sizeof *more);
    more[k->n_scratch] = (GpuScratch){ per_unit, fixed, zeroed };
    k->scratch = more;
    return gen_param(g, GP_Scratch, 0, k->n_scratch++);
}

/* ---- variables and counters ---------------------------------------------------------------------------------------------------------------- */

const char *gen_entry(Gen *g, const NVar *v)
{
    DType rep = (DType)v->rep;
    uint32_t before = g->kernel->n_params;
    const char *value = gen_param(g, GP_Var, 0, v->id);
    if (rep == DT_C128)
        gen_param(g, GP_VarHigh, 0, v->id);
    const char *at = gen_param(g, GP_VarAt, 0, v->id);
    g->kernel->n_reads += g->kernel->n_params > before;
    const char *s = gen_text(g, "(%s ? *%s : %s)", at, at, value);
    return rep == DT_I64 || rep > DT_U64 ? s : rep == DT_Bool ? gen_text(g, "%s != 0", s) : gen_text(g, "(%s)%s", c_type(rep), s);
}

const char *gen_var(Gen *g, const NVar *v)
{
    const char *name = gen_var_name(g, v);
    if (g->tile && (g->var_tile[v->id] & TILE_AGAIN))
        return name;
    g->var_used[v->id] = g->var_own[v->id] ? VAR_Local : VAR_Entry;
    return g->tile && g->var_own[v->id] ? gen_text(g, "%s%s", name, tile_index(g, g->var_tile[v->id])) : name;
}

void gen_store_var(Gen *g, const NVar *v, const char *value)
{
    GpuKernel *k = g->kernel;
    gen_line(g, "%s[%u].%s = %s;", gen_param(g, GP_Vars, 0, 0), (unsigned)v->id, slot_member((DType)v->rep), value);
    for (uint32_t i = 0; i < k->n_writes; i++)
        if (k->write[i] == v)
            return;
    const NVar **more = gen_room(g, (k->n_writes + 1) * sizeof *more);
    if (gen_is_broken(g))
        return;
    if (k->n_writes)
        memcpy(more, k->write, k->n_writes * sizeof *more);
    more[k->n_writes++] = v;
    k->write = more;
}

const char *gen_counter(Gen *g, const NLoop *l)
{
    if (!g->counter_runs[l->id])
        return gen_param(g, GP_Counter, 0, l->id);
    return counter_name(g, g->nest->loops[g->counter_name[l->id]]);
}

/* ---- one kernel -------------------------------------------------------------------------------------------------------------------------------- */

GpuKernel *kernel_begin(Gen *g, GpuKernelKind kind, const char *name)
{
    GpuKernel *k = gen_room(g, sizeof *k);
    if (!k) {
        k = &g->lost;
        *k = (GpuKernel){ .kind = (uint8_t)kind };
    }
    k->kind = (uint8_t)kind;
    k->block[0] = kind == GK_Single ? 1 : THREADS;
    k->block[1] = k->block[2] = 1;
    k->per_thread = 1;
    k->unit = 1;
    snprintf(k->name, sizeof k->name, "%s", name);
    g->kernel = k;
    g->cap_params = 0;
    g->body.n = 0;
    g->out = &g->body;
    g->indent = 1;
    g->in_warp = g->stop_used = g->is_single = g->dead_end_used = g->notes_failed = g->fuel_used = false;
    g->warp = WARP_No;
    g->line = 0;
    g->target = NULL;
    g->guard = NULL;
    g->loop_depth = 0;
    memset(g->var_used, 0, g->nest->n_vars);
    memset(g->var_own, 0, g->nest->n_vars);
    memset(g->var_watch, 0, g->nest->n_vars);
    memset(g->var_tile, 0, g->nest->n_vars);
    g->tile = NULL;
    g->blocks = 1;
    memset(g->counter_runs, 0, g->nest->n_loops);
    return k;
}

static void mark_stores(Gen *g, const NBlock *b)
{
    for (uint32_t i = 0; i < b->n; i++) {
        const NStmt *s = b->stmt[i];
        if (s->kind == NS_Store)
            g->group_written[g->layout->group[s->access->array->id]] = true;
        mark_stores(g, &s->body);
        mark_stores(g, &s->orelse);
        if (s->kind == NS_Loop)
            mark_stores(g, &s->loop->body);
    }
}

static void mark_written(Gen *g, PItem *const *items, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        NStmt *s = items[i]->stmt;
        if (items[i]->kind == PI_Stmt)
            mark_stores(g, &(NBlock){ 1, &s });
        mark_written(g, items[i]->body, items[i]->n_body);
        mark_written(g, items[i]->orelse, items[i]->n_orelse);
    }
}

void gen_find_written(Gen *g, PItem *const *items, uint32_t n)
{
    memset(g->group_written, 0, g->nest->n_arrays * sizeof *g->group_written);
    mark_written(g, items, n);
}

static void declare_arrays(Gen *g, GenText *t)
{
    const GpuKernel *k = g->kernel;
    for (uint32_t i = 0; i < k->n_params; i++) {
        const GpuParam *p = &k->param[i];
        if (p->kind != GP_Data && p->kind != GP_Old && p->kind != GP_Stride)
            continue;
        const NArray *a = g->nest->arrays[p->id];
        const char *name = gen_param(g, (GpuParamKind)p->kind, p->axis, p->id);
        bool is_fixed = !g->group_written[g->layout->group[a->id]];
        if (p->kind == GP_Old)
            text_format(g, t, "    const %s *const %s = a.%s;\n", c_type_in_memory((DType)a->dtype), name, name);
        else if (p->kind == GP_Data)
            text_format(g, t, "    %s%s *%s%s = a.%s;\n", is_fixed ? "const " : "", c_type_in_memory((DType)a->dtype), is_fixed ? "__restrict__ " : "const ",
                        name, name);
        else if (g->layout->small)
            text_format(g, t, "    const int %s = (int)(a.%s / %u);\n", name, name, (unsigned)dtype_info[a->dtype].size);
        else
            text_format(g, t, "    const i64 %s = a.%s / %u;\n", name, name, (unsigned)dtype_info[a->dtype].size);
    }
}

void kernel_end(Gen *g, const char *comment)
{
    GpuKernel *k = g->kernel;
    GpuProgram *p = g->program;
    GenText *t = &g->all;
    GenText vars = { 0 };
    bool may_end = g->plan->can_fail || g->layout->polls;
    if (may_end)
        gen_param(g, GP_Status, 0, 0);
    if (g->fuel_used)
        text_format(g, &vars, "    int fuel = FULL;\n");
    if (g->notes_failed) {
        gen_report_failed(g);
        text_format(g, &vars, "    int failed = 0;\n");
    }
    for (uint32_t i = 0; i < g->nest->n_vars; i++) {
        const NVar *v = g->nest->vars[i];
        if (g->var_used[i] == VAR_Entry)
            text_format(g, &vars, "    %s %s = %s;\n", c_type((DType)v->rep), gen_var_name(g, v), gen_entry(g, v));
        else if (g->var_used[i] == VAR_Local)
            text_format(g, &vars, "    %s %s%s%s;\n", c_type((DType)v->rep), gen_var_name(g, v), g->tile ? tile_lengths(g, g->var_tile[i]) : "",
                        g->tile && g->tile->is_uneven ? " = {}" : "");
    }
    text_format(g, t, "struct %s_args {\n", k->name);
    for (uint32_t i = 0; i < k->n_params; i++)
        put_member(g, t, &k->param[i]);
    if (k->n_params == 0)
        text_format(g, t, "    i64 unused;\n");
    text_format(g, t, "};\n\n/* %s */\nextern \"C\" __global__ void __launch_bounds__(%u%s) %s(const __grid_constant__ struct %s_args a)\n{\n", comment,
                (unsigned)k->block[0] * k->block[1] * k->block[2], g->blocks > 1 ? gen_text(g, ", %d", g->blocks) : "", k->name, k->name);
    /* Lanes that wait for each other agree on it: a check may fail meanwhile. */
    if (may_end && k->uses_barriers && g->tile)
        text_format(g, t, "    __shared__ int ends;\n    if (threadIdx.x == 0)\n        ends = a.status->failed;\n    __syncthreads();\n    if (ends)\n        return;\n");
    else if (may_end)
        text_format(g, t, k->uses_barriers ? "    if (__any_sync(0xffffffffu, a.status->failed))\n        return;\n"
                                                                      : "    if (a.status->failed)\n        return;\n");
    declare_arrays(g, t);
    if (vars.n)
        text_put(g, t, vars.s, vars.n);
    if (g->body.n)
        text_put(g, t, g->body.s, g->body.n);
    text_format(g, t, "}\n\n");
    text_free(g, &vars);
    if (k->n_params == 0)
        gen_param(g, GP_Vars, 0, 0);
    GpuKernel **more = gen_room(g, (p->n_kernels + 1) * sizeof *more);
    if (gen_is_broken(g))
        return;
    if (p->n_kernels)
        memcpy(more, p->kernel, p->n_kernels * sizeof *more);
    more[p->n_kernels++] = k;
    p->kernel = more;
}

/* "loops over i, j (line 12)" */
static const char *comment_of(Gen *g, const PItem *const *item, uint32_t n)
{
    const char *s = n > 1 ? "loops over" : "loop over";
    for (uint32_t i = 0; i < n; i++)
        s = gen_text(g, "%s%s %s", s, i ? "," : "", clean_name(g, item[i]->loop->src[0]->var_name, "several variables"));
    const NStmt *stmt = item[0]->loop->src[0]->stmt;
    return gen_text(g, "%s, line %u", s, (unsigned)gen_line_of(g, stmt));
}

const char *gen_comment(Gen *g, const PItem *item)
{
    return comment_of(g, &item, 1);
}

/* ---- one thread ------------------------------------------------------------------------------------------------------------------------------------ */

GpuKernel *gen_single(Gen *g, PItem *const *items, uint32_t n, const NExpr *test, uint32_t slot)
{
    GpuKernel *k = kernel_begin(g, GK_Single, gen_text(g, "k%u", (unsigned)g->program->n_kernels));
    uint32_t line = n && item_some_stmt(items[0]) ? gen_line_of(g, item_some_stmt(items[0])) : 0;
    gen_find_written(g, items, n);
    g->is_single = true;
    if (test) {
        gen_begin(g, test);
        Val v = gen_expr(g, test);
        gen_line(g, "%s[%u].i = %s;", gen_param(g, GP_Vars, 0, 0), (unsigned)slot, v.s);
        gen_end(g);
    } else {
        gen_scope(g);
        gen_items(g, items, n);
        gen_close(g);
    }
    if (g->stop_used)
        gen_line(g, "done:;");
    for (uint32_t i = 0; i < g->nest->n_vars; i++)
        if (items_assign(items, n, g->nest->vars[i]))
            gen_store_var(g, g->nest->vars[i], gen_var(g, g->nest->vars[i]));
    kernel_end(g, test ? "a condition" : gen_text(g, "statements from line %u on, by one thread", (unsigned)line));
    return k;
}

/* ---- grids ------------------------------------------------------------------------------------------------------------------------------------------- */

/* The loops of a grid; between them prefix[] items each. */
typedef struct Grid {
    uint32_t n;
    const PItem *item[MAX_GRID];
} Grid;

static bool loads_written(const Gen *g, const NExpr *x)
{
    if (!x)
        return false;
    if (x->op == NOP_Load) {
        if (g->group_written[g->layout->group[x->u.access->array->id]])
            return true;
        for (uint32_t d = 0; d < x->u.access->n_subs; d++)
            if (loads_written(g, x->u.access->sub[d]))
                return true;
    }
    return loads_written(g, x->a) || loads_written(g, x->b) || loads_written(g, x->c);
}

static bool depends_on_kernel(const Gen *g, const NExpr *x)
{
    if (!x)
        return false;
    if (x->op == NOP_Load || (x->op == NOP_Var && g->var_own[x->u.var->id]) || (x->op == NOP_Counter && g->counter_runs[x->u.loop->id]))
        return true;
    return depends_on_kernel(g, x->a) || depends_on_kernel(g, x->b) || depends_on_kernel(g, x->c);
}

static bool form_depends(const Gen *g, const NForm *f)
{
    for (uint32_t k = 0; k < f->n; k++)
        if (f->term[k].loop && g->counter_runs[f->term[k].loop->id])
            return true;
    return false;
}

bool bounds_are_invariant(const Gen *g, const PLoop *l)
{
    for (uint32_t k = 0; k < l->n_upper; k++)
        if (form_depends(g, l->upper[k].form))
            return false;
    for (uint32_t k = 0; k < l->n_lower; k++)
        if (form_depends(g, l->lower[k].form))
            return false;
    return l->n_upper || (!depends_on_kernel(g, l->src[0]->trip) && !gen_check_needed(g, l->src[0]->step_check));
}

/* A form of counters and of symbols that are fixed for the nest. */
static bool is_told(const NForm *f)
{
    for (uint32_t k = 0; f && k < f->n; k++)
        if (f->term[k].sym && f->term[k].sym->varies)
            return false;
    return f != NULL;
}

/* Can the host tell a range that covers them for all outer counters?  It goes by the forms, if these depend on a counter of the kernel. */
static bool bounds_can_be_covered(const Gen *g, const PLoop *l)
{
    const NLoop *s = l->src[0];
    if (bounds_are_invariant(g, l))
        return true;
    if (l->n_upper) {
        for (uint32_t k = 0; k < l->n_upper; k++)
            if (!is_told(l->upper[k].form))
                return false;
        for (uint32_t k = 0; k < l->n_lower; k++)
            if (!is_told(l->lower[k].form))
                return false;
        return true;
    }
    if (!is_told(s->start_form) || (s->n_stop_forms == 0 && !is_told(s->stop_form)) || s->step_const == 0 || gen_check_needed(g, s->step_check))
        return false;
    bool depends = form_depends(g, s->start_form) || (s->n_stop_forms == 0 && form_depends(g, s->stop_form));
    for (uint32_t k = 0; k < s->n_stop_forms; k++) {
        if (!is_told(s->stop_forms[k]))
            return false;
        depends |= form_depends(g, s->stop_forms[k]);
    }
    return depends;
}

bool gen_is_repeatable(const Gen *g, const PItem *item)
{
    return item->kind == PI_Stmt && item->stmt->kind == NS_Assign && !loads_written(g, item->stmt->expr);
}

static bool is_short(const PLoop *l)
{
    return !l->n_upper && l->src[0]->trip->op == NOP_Const && l->src[0]->trip->u.i <= SHORT_TRIP;
}

static void find_grid(Gen *g, const PItem *item, Grid *grid)
{
    *grid = (Grid){ 1, { item } };
    while (grid->n < MAX_GRID) {
        const PItem *outer = grid->item[grid->n - 1];
        const PLoop *l = outer->loop;
        bool ok = outer->n_body > 0 && l->n_save == 0;
        for (uint32_t k = 0; k < l->n_src && ok; k++)
            ok = !target_has_jumps(g, l->src[k]->stmt);
        for (uint32_t i = 0; i + 1 < outer->n_body && ok; i++)
            ok = gen_is_repeatable(g, outer->body[i]);
        const PItem *inner = ok ? outer->body[outer->n_body - 1] : NULL;
        if (!inner || inner->kind != PI_Loop || inner->loop->mode != PM_Parallel || inner->loop->n_save || is_short(inner->loop))
            return;
        gen_counters_begin(g, l);       /* stay so; they are cleared with the next kernel */
        if (!bounds_can_be_covered(g, inner->loop))
            return;
        grid->item[grid->n++] = inner;
    }
}

/* ---- last values ------------------------------------------------------------------------------------------------------------------------------------- */

typedef struct Lasts {
    uint32_t n;
    LastKind kind[64];
    bool     or_entry[64];      /* the last iteration may leave it as it was, if all do */
    bool     in_tail[64];       /* assigned between the loops of the grid: a kernel of one thread behind does that part of the last iteration again */
    const VarUse *use[64];
    const char *cell[64];       /* scratch buffer */
    bool     has_noted, has_tail;
} Lasts;

static const VarUse *use_in(const PLoop *l, const NVar *v)
{
    for (uint32_t i = 0; i < l->n_last; i++)
        if (l->last[i]->var == v)
            return l->last[i];
    return NULL;
}

LastKind last_kind(const VarUse *use)
{
    return use->always_assigned ? LAST_Certain : use->cls == VC_Set ? LAST_Set : LAST_Units;
}

static bool assigned_between(const Grid *grid, const NVar *v, uint32_t *level)
{
    for (uint32_t k = 0; k + 1 < grid->n; k++)
        if (items_assign(grid->item[k]->body, grid->item[k]->n_body - 1, v)) {
            *level = k;
            return true;
        }
    return false;
}

/* Do all iterations of the grid assign the variable, or none?  It is assigned in loops that have as many iterations in each of them. */
static bool is_assigned_alike(Gen *g, PItem *const *items, uint32_t n, const NVar *v)
{
    for (uint32_t i = 0; i < n; i++) {
        const PItem *x = items[i];
        if (!items_assign(items + i, 1, v) || (x->kind == PI_Stmt && x->stmt->kind == NS_Assign))
            continue;
        if (x->kind != PI_Loop || x->loop->src[0]->has_exit || target_has_jumps(g, x->loop->src[0]->stmt) || !bounds_are_invariant(g, x->loop) ||
            !is_assigned_alike(g, x->body, x->n_body, v))
            return false;
    }
    return true;
}

/* What is to be done about each variable whose last value is wanted.  False: a grid of so many loops cannot do it. */
static bool find_lasts(Gen *g, const Grid *grid, Lasts *out)
{
    const PLoop *l = grid->item[0]->loop;
    const PItem *inner = grid->item[grid->n - 1];
    bool all_fixed = true;
    *out = (Lasts){ 0 };
    if (l->n_last > COUNT_OF(out->kind)) {
        gen_refuse(g, "too many variables");
        return true;
    }
    for (uint32_t k = 1; k < grid->n; k++)
        all_fixed &= bounds_are_invariant(g, grid->item[k]->loop);
    for (uint32_t i = 0; i < l->n_last; i++) {
        const VarUse *u = l->last[i];
        uint32_t n = out->n++, level;
        out->use[n] = u;
        out->kind[n] = last_kind(u);
        if (grid->n == 1 || out->kind[n] == LAST_Set)
            continue;
        bool between = assigned_between(grid, u->var, &level), within = items_assign(inner->body, inner->n_body, u->var);
        const VarUse *here = use_in(inner->loop, u->var);
        if (between && (within || (level > 0 && !all_fixed)))
            return false;
        out->in_tail[n] = between;
        out->has_tail |= between;
        if (between)
            continue;
        gen_counters_begin(g, inner->loop);
        out->or_entry[n] = here && !here->always_assigned && all_fixed && is_assigned_alike(g, inner->body, inner->n_body, u->var);
        gen_counters_end(g, inner->loop);
        if (!within || !here || !(here->always_assigned || out->or_entry[n]) || (!all_fixed && grid->n > 2))
            return false;
        out->kind[n] = all_fixed ? LAST_Certain : LAST_Units;
    }
    return true;
}

static void watch_lasts(Gen *g, Lasts *lasts, bool is_grid)
{
    for (uint32_t i = 0; i < lasts->n; i++) {
        const NVar *v = lasts->use[i]->var;
        if (lasts->or_entry[i])
            g->var_watch[v->id] = WATCH_Entry;
        if (lasts->in_tail[i] || lasts->kind[i] == LAST_Certain)
            continue;
        bool is_set = lasts->kind[i] == LAST_Set;
        lasts->has_noted = true;
        lasts->cell[i] = is_set ? gen_scratch(g, 0, 8, true) : gen_scratch(g, 24, 0, is_grid);
        g->var_watch[v->id] = is_set ? WATCH_Cell : is_grid ? WATCH_No : WATCH_Flag;
        const char *name = gen_var_name(g, v);
        if (is_set)
            gen_line(g, "volatile int *const set_%s = (volatile int *)%s;", name, lasts->cell[i]);
        else
            gen_line(g, "Noted *const last_%s = (Noted *)%s;", name, lasts->cell[i]);
    }
}

/* At the end of an iteration. */
static void store_lasts(Gen *g, const Grid *grid, const Lasts *lasts, const char *const *t, const char *const *end)
{
    const char *is_last = "";
    for (uint32_t k = 0; k < grid->n; k++)
        is_last = gen_text(g, "%s%s%s == %s - 1", is_last, k ? " && " : "", t[k], end[k]);
    bool certain = false;
    for (uint32_t i = 0; i < lasts->n; i++)
        certain |= lasts->kind[i] == LAST_Certain && !lasts->in_tail[i];
    if (certain) {
        gen_open(g, "if (%s)", is_last);
        for (uint32_t i = 0; i < lasts->n; i++)
            if (lasts->kind[i] == LAST_Certain && !lasts->in_tail[i])
                gen_store_var(g, lasts->use[i]->var, gen_var(g, lasts->use[i]->var));
        gen_close(g);
    }
    for (uint32_t i = 0; i < lasts->n; i++) {
        if (lasts->kind[i] != LAST_Units || lasts->in_tail[i])
            continue;
        const NVar *v = lasts->use[i]->var;
        const char *name = gen_var(g, v), *at = gen_text(g, "last_%s[%s - %s]", name, t[0], gen_param(g, GP_First, 0, 0));
        if (grid->n == 1) {
            gen_line(g, "%s.when = set_%s;", at, name);
            gen_open(g, "if (set_%s)", name);
        } else {
            gen_open(g, "if (%s == %s - 1)", t[1], end[1]);
            gen_line(g, "%s.when = 1;", at);
        }
        gen_line(g, "%s.value.%s = %s;", at, slot_member((DType)v->rep), name);
        gen_close(g);
    }
}

/* The value that assignments of a VC_Set variable give it. */
static const NExpr *set_value(const Nest *n, const NVar *v)
{
    for (uint32_t i = 0; i < n->n_stmts; i++)
        if (n->stmts[i]->kind == NS_Assign && n->stmts[i]->var == v && n->stmts[i]->expr->op == NOP_Const)
            return n->stmts[i]->expr;
    return NULL;
}

/* The constant that a VC_Set variable is set to inside the loop. */
static const NExpr *set_value_in(const Gen *g, const PItem *item, const NVar *v)
{
    for (uint32_t i = 0; i < g->nest->n_stmts; i++) {
        const NStmt *s = g->nest->stmts[i];
        if (s->kind == NS_Assign && s->var == v && s->expr->op == NOP_Const)
            for (uint32_t k = 0; k < item->loop->n_src; k++)
                if (nest_is_inside(s, item->loop->src[k]->stmt))
                    return s->expr;
    }
    return set_value(g->nest, v);
}

/* GK_Last: the last unit that noted something for each variable. */
GpuKernel *gen_last_kernel(Gen *g, const GpuKernel *of, const PItem *item, uint32_t n, const NVar *const *vars, const LastKind *kinds, const uint32_t *buffers)
{
    GpuKernel *k = kernel_begin(g, GK_Last, gen_text(g, "%s_last", of->name));
    k->item[0] = item;
    k->n_dims = of->n_dims;
    memcpy(k->item, of->item, sizeof k->item);
    k->uses_barriers = true;
    k->n_scratch = of->n_scratch;
    k->scratch = of->scratch;
    gen_line(g, "__shared__ i64 best;");
    for (uint32_t i = 0; i < n; i++) {
        const NVar *v = vars[i];
        const char *cell = gen_param(g, GP_Scratch, 0, buffers[i]), *entry = gen_entry(g, v);
        if (kinds[i] == LAST_Set) {
            const NExpr *x = set_value_in(g, item, v);
            if (!x) {
                gen_refuse(g, "a variable that is not set to a constant");
                return k;
            }
            gen_open(g, "if (threadIdx.x == 0)");
            gen_store_var(g, v, gen_text(g, "*(int *)%s ? %s : %s", cell, gen_convert(g, gen_const(g, x), (DType)x->rep, (DType)v->rep).s, entry));
            gen_close(g);
            continue;
        }
        gen_scope(g);
        gen_line(g, "const Noted *const last = (const Noted *)%s;", cell);
        gen_line(g, "i64 found = 0;");
        gen_line(g, "if (threadIdx.x == 0)");
        gen_line(g, "    best = 0;");
        gen_line(g, "__syncthreads();");
        gen_open(g, "for (i64 base = %s - %s; base > 0 && found == 0; base -= blockDim.x)", gen_param(g, GP_End, 0, 0), gen_param(g, GP_Begin, 0, 0));
        gen_line(g, "const i64 u = base - 1 - (i64)threadIdx.x;");
        gen_line(g, "if (u >= 0 && last[u].when)");
        gen_line(g, "    atomicMax(&best, u + 1);");
        gen_line(g, "__syncthreads();");
        gen_line(g, "found = best;");
        gen_line(g, "__syncthreads();");
        gen_close(g);
        gen_open(g, "if (threadIdx.x == 0)");
        gen_store_var(g, v, gen_text(g, "found ? (%s)last[found - 1].value.%s : %s", c_type((DType)v->rep), slot_member((DType)v->rep), entry));
        gen_close(g);
        gen_line(g, "__syncthreads();");
        gen_close(g);
    }
    kernel_end(g, gen_text(g, "last values of %s", of->name));
    return k;
}

/* What stands between the loops of a grid, for the last iteration, and its variables' values. */
static void gen_tail(Gen *g, const Grid *grid, const Lasts *lasts, GenLaunch *launch, void *user)
{
    kernel_begin(g, GK_Single, gen_text(g, "k%u", (unsigned)g->program->n_kernels));
    uint32_t opened = 0;
    for (uint32_t i = 0; i < grid->item[0]->loop->n_private; i++)
        g->var_own[grid->item[0]->loop->private_var[i]->id] = 1;
    /* Where it does not get to store something: what was there. */
    for (uint32_t i = 0; i < lasts->n; i++)
        if (lasts->in_tail[i])
            gen_store_var(g, lasts->use[i]->var, gen_entry(g, lasts->use[i]->var));
    for (uint32_t k = 0; k + 1 < grid->n; k++) {
        const PItem *item = grid->item[k];
        const char *first, *end, *t;
        gen_bounds(g, item->loop, &first, &end);
        gen_counters_begin(g, item->loop);
        t = gen_counter(g, item->loop->src[0]);
        gen_open(g, "if (%s < %s)", first, end);
        opened++;
        gen_line(g, "const i64 %s = %s - 1;", t, end);
        gen_restores(g, item->loop, t);
        gen_items(g, item->body, item->n_body - 1);
        for (uint32_t i = 0; i < lasts->n; i++)
            if (lasts->in_tail[i] && items_assign(item->body, item->n_body - 1, lasts->use[i]->var))
                gen_store_var(g, lasts->use[i]->var, gen_var(g, lasts->use[i]->var));
    }
    while (opened--)
        gen_close(g);
    kernel_end(g, gen_text(g, "last values of variables between loops, line %u", (unsigned)gen_line_of(g, grid->item[0]->loop->src[0]->stmt)));
    launch(g, g->kernel, user);
}

/* ---- parallel loops ---------------------------------------------------------------------------------------------------------------------------------- */

static void map_level(Gen *g, const Grid *grid, const Lasts *lasts, uint32_t level, const char **t, const char **end)
{
    static const Helper thread[] = { HP_ThreadX, HP_ThreadY, HP_ThreadZ };
    const PItem *item = grid->item[level];
    const PLoop *l = item->loop;
    uint32_t axis = grid->n - 1 - level;
    const char *from = level ? gen_param(g, GP_First, (uint8_t)level, 0) : gen_param(g, GP_Begin, 0, 0), *to, *least = NULL;
    bool is_fixed = level == 0 || bounds_are_invariant(g, l);
    if (level == 0) {
        to = gen_param(g, GP_End, 0, 0);
        end[0] = gen_param(g, GP_Trip, 0, 0);
    } else if (is_fixed) {
        end[level] = to = gen_param(g, GP_Trip, (uint8_t)level, 0);
    } else {
        gen_bounds(g, l, &least, &to);
        end[level] = to;
    }
    gen_counters_begin(g, l);
    t[level] = gen_counter(g, l->src[0]);
    /* A launch has a thread for each iteration, but that an axis in the middle may be longer than a grid can be.  (Where it is known that there is one
     * iteration, it takes a quarter less time to get to the first load.) */
    bool goes_on = grid->n == MAX_GRID && level == 1;
    gen_open(g, "for (i64 %s = %s + %s(); %s < %s; %s)", t[level], from, gen_helper(g, thread[axis], DT_COUNT), t[level], to,
             goes_on ? gen_text(g, "%s += %s()", t[level], gen_helper(g, HP_ThreadsY, DT_COUNT)) : gen_text(g, "%s = %s", t[level], to));
    if (least && strcmp(least, "0") != 0) {
        gen_line(g, "if (%s < %s)", t[level], least);
        gen_line(g, "    continue;");
    }
    if (level + 1 < grid->n) {
        gen_restores(g, l, t[level]);
        gen_items(g, item->body, item->n_body - 1);
        map_level(g, grid, lasts, level + 1, t, end);
    } else {
        for (uint32_t i = 0; i < lasts->n; i++)
            if (g->var_watch[lasts->use[i]->var->id] == WATCH_Flag)
                gen_line(g, "bool set_%s = false;", gen_var_name(g, lasts->use[i]->var));
        Target target = { .is_c_loop = true, .next_by_label = lasts->n > 0 };
        gen_iteration(g, item, &target, t[level]);
        store_lasts(g, grid, lasts, t, end);
    }
    gen_close(g);
}

static void set_block(GpuKernel *k, const Grid *grid)
{
    if (grid->n == 1)
        return;
    k->block[0] = 32;
    k->block[1] = grid->n == 2 ? 8 : 4;
    k->block[2] = grid->n == 2 ? 1 : 2;
}

/* 32 iterations to a warp. */
static void stage_level(Gen *g, const Grid *grid, const Lasts *lasts)
{
    const PLoop *l = grid->item[0]->loop;
    const char *end = gen_param(g, GP_End, 0, 0), *trip = gen_param(g, GP_Trip, 0, 0);
    gen_counters_begin(g, l);
    const char *t = gen_counter(g, l->src[0]);
    gen_line(g, "const int lane = (int)(threadIdx.x %% 32);");
    gen_open(g, "for (i64 row0 = %s + %s() - lane; row0 < %s; row0 += %s())", gen_param(g, GP_Begin, 0, 0), gen_helper(g, HP_ThreadX, DT_COUNT), end,
             gen_helper(g, HP_ThreadsX, DT_COUNT));
    gen_line(g, "const i64 %s = row0 + lane;", t);
    gen_line(g, "bool live = %s < %s;", t, end);
    for (uint32_t i = 0; i < lasts->n; i++)
        if (g->var_watch[lasts->use[i]->var->id] == WATCH_Flag)
            gen_line(g, "bool set_%s = false;", gen_var_name(g, lasts->use[i]->var));
    gen_stage_rows(g, grid->item[0]);
    gen_open(g, "if (live)");
    store_lasts(g, grid, lasts, &t, &trip);
    gen_close(g);
    gen_close(g);
    gen_counters_end(g, l);
}

/* One warp to each iteration. */
static void warp_level(Gen *g, const Grid *grid, const Lasts *lasts)
{
    const PLoop *l = grid->item[0]->loop;
    const char *begin = gen_param(g, GP_Begin, 0, 0), *trip = gen_param(g, GP_Trip, 0, 0);
    Target target = { .next_by_label = true };
    gen_counters_begin(g, l);
    const char *t = gen_counter(g, l->src[0]);
    gen_line(g, "const int lane = (int)(threadIdx.x %% 32);");
    gen_line(g, "const i64 %s = %s + %s() / 32;", t, begin, gen_helper(g, HP_ThreadX, DT_COUNT));
    gen_line(g, "if (%s >= %s)", t, gen_param(g, GP_End, 0, 0));
    gen_line(g, "    return;");
    for (uint32_t i = 0; i < lasts->n; i++)
        if (g->var_watch[lasts->use[i]->var->id] == WATCH_Flag)
            gen_line(g, "bool set_%s = false;", gen_var_name(g, lasts->use[i]->var));
    g->warp = WARP_Uniform;
    gen_iteration(g, grid->item[0], &target, t);
    g->warp = WARP_No;
    store_lasts(g, grid, lasts, &t, &trip);
}

/* Are all last values those of the grid's last iteration, constants, or given by a kernel of their own? */
static bool are_certain(const Lasts *lasts)
{
    bool all = true;
    for (uint32_t i = 0; i < lasts->n; i++)
        all &= lasts->in_tail[i] || lasts->kind[i] == LAST_Certain || lasts->kind[i] == LAST_Set;
    return all;
}

/* A grid whose threads take iterations one by one. */
static void map_plain(Gen *g, GpuKernel *k, const Grid *grid, const Lasts *lasts)
{
    const char *t[MAX_GRID], *end[MAX_GRID];
    set_block(k, grid);
    for (uint32_t i = 0; i < lasts->n; i++)
        if (lasts->or_entry[i])
            gen_line(g, "%s = %s;", gen_var(g, lasts->use[i]->var), gen_entry(g, lasts->use[i]->var));
    map_level(g, grid, lasts, 0, t, end);
    kernel_end(g, comment_of(g, grid->item, grid->n));
}

static void map_tile(Gen *g, const Grid *grid, const Lasts *lasts, Tile *tile)
{
    bool some = false;
    for (uint32_t i = 0; i < lasts->n; i++)
        some |= !lasts->in_tail[i] && lasts->kind[i] == LAST_Certain;
    tile_body(g, tile);
    if (some) {
        const char *t[MAX_GRID], *end[MAX_GRID];
        tile_begin(g, tile->all);
        for (uint32_t k = 0; k < grid->n; k++) {
            t[k] = gen_counter(g, grid->item[k]->loop->src[0]);
            end[k] = gen_param(g, GP_Trip, (uint8_t)k, 0);
        }
        gen_open(g, "if (inside)");
        store_lasts(g, grid, lasts, t, end);
        gen_close(g);
        tile_end(g);
    }
    tile_done(g);
}

static GpuKernel *begin_map(Gen *g, const PItem *item, const char *name)
{
    GpuKernel *k = kernel_begin(g, GK_Map, name);
    for (uint32_t i = 0; i < item->loop->n_private; i++)
        g->var_own[item->loop->private_var[i]->id] = 1;
    gen_find_written(g, &(PItem *){ (PItem *)item }, 1);
    return k;
}

/* The grid in tiles, and the plain form of the kernel. */
static bool gen_tiles(Gen *g, GpuKernel *k, const Grid *grid, Lasts *lasts)
{
    Tile tile;
    if (!are_certain(lasts) || !tile_find(g, grid->item, grid->n, &tile) || (tile.is_uneven && lasts->has_noted))
        return false;
    bool is_simple = !tile.has_trees && !tile.is_uneven && !tile.around;
    map_tile(g, grid, lasts, &tile);
    kernel_end(g, gen_text(g, "%s, in tiles", comment_of(g, grid->item, grid->n)));
    GpuKernel *plain = begin_map(g, grid->item[0], gen_text(g, "%s_plain", k->name));
    plain->n_dims = (uint8_t)grid->n;
    memcpy(plain->item, grid->item, sizeof plain->item);
    watch_lasts(g, lasts, grid->n > 1);
    if (is_simple && tile_find(g, grid->item, grid->n, &tile)) {
        tile_make_plain(&tile);
        map_tile(g, grid, lasts, &tile);
        kernel_end(g, comment_of(g, grid->item, grid->n));
    } else {
        memset(g->counter_runs, 0, g->nest->n_loops);
        map_plain(g, plain, grid, lasts);
    }
    k->plain = plain;
    return true;
}

static void map_stage(Gen *g, GpuKernel *k, const Grid *grid, const Lasts *lasts)
{
    k->block[0] = gen_stage_threads(g, grid->item[0]);
    k->uses_barriers = true;
    stage_level(g, grid, lasts);
    kernel_end(g, comment_of(g, grid->item, grid->n));
}

static void map_warps(Gen *g, GpuKernel *k, const Grid *grid, const Lasts *lasts)
{
    k->kind = GK_WarpMap;
    k->uses_barriers = true;
    warp_level(g, grid, lasts);
    kernel_end(g, comment_of(g, grid->item, grid->n));
}

/* A warp to an iteration, but 32 iterations to a warp where the host finds the loops inside short. */
static bool gen_short_form(Gen *g, GpuKernel *k, const Grid *grid, const Lasts *lasts)
{
    const PLoop *loop[COUNT_OF(k->limit)];
    uint32_t n = gen_short_loops(g, grid->item[0], loop, COUNT_OF(loop));
    if (n == 0 || !are_certain(lasts))
        return false;
    map_stage(g, k, grid, lasts);
    k->tile[0] = k->block[0];
    for (uint32_t i = 0; i < n; i++)
        k->limit[k->n_limits++] = (struct GpuLimit){ loop[i], TREE_PROGRAM };
    GpuKernel *plain = begin_map(g, grid->item[0], gen_text(g, "%s_plain", k->name));
    plain->n_dims = 1;
    plain->item[0] = grid->item[0];
    map_warps(g, plain, grid, lasts);
    k->plain = plain;
    return true;
}

static void gen_map(Gen *g, const PItem *item, GenLaunch *launch, void *user)
{
    GpuKernel *k = begin_map(g, item, gen_text(g, "k%u", (unsigned)g->program->n_kernels));
    Grid grid;
    Lasts lasts;
    find_grid(g, item, &grid);
    bool by_stage = grid.n == 1 && gen_wants_stage(g, item), by_warps = grid.n == 1 && !by_stage && gen_wants_warps(g, item);
    while (grid.n > 1 && !find_lasts(g, &grid, &lasts))
        grid.n--;
    if (grid.n == 1)
        find_lasts(g, &grid, &lasts);
    memset(g->counter_runs, 0, g->nest->n_loops);
    set_block(k, &grid);
    k->n_dims = (uint8_t)grid.n;
    memcpy(k->item, grid.item, sizeof k->item);
    gen_note_saves(g, item);
    watch_lasts(g, &lasts, grid.n > 1);
    if (by_warps) {
        if (!gen_short_form(g, k, &grid, &lasts))
            map_warps(g, k, &grid, &lasts);
    } else if (by_stage) {
        map_stage(g, k, &grid, &lasts);
    } else if (!gen_tiles(g, k, &grid, &lasts)) {
        memset(g->counter_runs, 0, g->nest->n_loops);
        map_plain(g, k, &grid, &lasts);
    }
    if (lasts.has_noted) {
        const NVar *vars[64];
        LastKind kinds[64];
        uint32_t buffers[64], n = 0;
        for (uint32_t i = 0; i < lasts.n; i++)
            if (!lasts.in_tail[i] && lasts.kind[i] != LAST_Certain) {
                vars[n] = lasts.use[i]->var;
                kinds[n] = lasts.kind[i];
                buffers[n] = n;
                n++;
            }
        k->then = gen_last_kernel(g, k, item, n, vars, kinds, buffers);
        if (k->plain)
            k->plain->then = k->then;
    }
    launch(g, k, user);
    if (lasts.has_tail)
        gen_tail(g, &grid, &lasts, launch, user);
}

void gen_loop_kernels(Gen *g, const PItem *item, GenLaunch *launch, void *user)
{
    if (item->loop->mode == PM_Reduction && item->loop->n_red)
        gen_reduction_kernels(g, item, launch, user);
    else if (!gen_split(g, item, gen_map, launch, user))
        gen_map(g, item, launch, user);
}
