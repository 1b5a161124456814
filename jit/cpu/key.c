/* jit/cpu/key.c — see key.h.  Every list is preceded by its length and every pointer is written as an id, so that no two different plans give the same
 * bytes. */
#include "jit/cpu/key.h"

#include <stdlib.h>
#include <string.h>

typedef struct Key {
    char  *bytes;
    size_t size, cap;
    bool   no_memory;
} Key;

static void put(Key *k, const void *p, size_t n)
{
    if (k->size + n > k->cap && !k->no_memory) {
        size_t cap = 2 * k->cap + n + 4096;
        char *more = realloc(k->bytes, cap);
        if (!more) {
            k->no_memory = true;
            return;
        }
        k->bytes = more;
        k->cap = cap;
    }
    if (k->no_memory)
        return;
    memcpy(k->bytes + k->size, p, n);
    k->size += n;
}

/* Small numbers are the rule: seven bits a byte. */
static void put_int(Key *k, int64_t v)
{
    uint64_t u = ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);
    char out[10];
    size_t n = 0;
    for (; u >= 0x80; u >>= 7)
        out[n++] = (char)(u | 0x80);
    out[n++] = (char)u;
    put(k, out, n);
}

static void put_text(Key *k, const char *s)
{
    size_t n = s ? strlen(s) : 0;
    put_int(k, s ? (int64_t)n : -1);
    if (n)
        put(k, s, n);
}

static void put_check(Key *k, const Plan *plan, uint32_t check)
{
    put_int(k, check == NO_CHECK || plan->proved[check] ? -1 : (int64_t)check);
    if (check != NO_CHECK && !plan->proved[check])
        put_int(k, plan->nest->checks[check].kind);
}

#define ID(p) ((p) ? (int64_t)(p)->id : -1)

static void put_form(Key *k, const NForm *f)
{
    put_int(k, f ? (int64_t)f->n : -1);
    for (uint32_t i = 0; f && i < f->n; i++) {
        put_int(k, ID(f->term[i].loop));
        put_int(k, ID(f->term[i].sym));
        put_int(k, f->term[i].coef);
    }
}

static void put_expr(Key *k, const Plan *plan, const NExpr *e)
{
    put_int(k, e ? e->op : -1);
    if (!e)
        return;
    put_int(k, e->id);
    put_int(k, e->rep | e->flavour << 8 | e->fun << 16);
    put_check(k, plan, e->check);
    switch ((NOp)e->op) {
    case NOP_Const:     put(k, &e->u, sizeof e->u.z); break;
    case NOP_Var:       put_int(k, e->u.var->id); break;
    case NOP_Counter:   put_int(k, e->u.loop->id); break;
    case NOP_Load:      put_int(k, e->u.access->id); break;
    case NOP_Extent:    put_int(k, e->u.extent.array->id); put_int(k, e->u.extent.axis); break;
    case NOP_Generic:   put_int(k, e->u.generic.op | e->u.generic.tag_a << 8 | e->u.generic.tag_b << 16); break;
    default:            break;
    }
    put_expr(k, plan, e->a);
    put_expr(k, plan, e->b);
    put_expr(k, plan, e->c);
}

static void put_block(Key *k, const NBlock *b)
{
    put_int(k, b->n);
    for (uint32_t i = 0; i < b->n; i++)
        put_int(k, b->stmt[i]->id);
}

static void put_nest(Key *k, const Plan *plan)
{
    const Nest *nest = plan->nest;
    put_block(k, &nest->body);
    put_int(k, nest->n_vars);
    for (uint32_t i = 0; i < nest->n_vars; i++) {
        const NVar *v = nest->vars[i];
        put_int(k, v->rep | v->is_read_first << 8 | v->is_live_out << 9 | (v->name == SYM_NONE) << 10);
    }
    put_int(k, nest->n_arrays);
    for (uint32_t i = 0; i < nest->n_arrays; i++)
        put_int(k, nest->arrays[i]->dtype | nest->arrays[i]->ndim << 8 | nest->arrays[i]->is_written << 16);
    put_int(k, nest->n_accesses);
    for (uint32_t i = 0; i < nest->n_accesses; i++) {
        const NAccess *a = nest->accesses[i];
        put_int(k, a->array->id);
        put_int(k, a->is_write);
        for (uint32_t d = 0; d < a->n_subs; d++) {
            put_expr(k, plan, a->sub[d]);
            put_check(k, plan, a->check[d]);
            put_int(k, plan->access_dim[i * ALP_MAX_NDIM + d]);
        }
    }
    put_int(k, nest->n_syms);
    put_int(k, nest->n_stmts);
    for (uint32_t i = 0; i < nest->n_stmts; i++) {
        const NStmt *s = nest->stmts[i];
        put_int(k, s->kind);
        put_check(k, plan, s->check);
        put_int(k, ID(s->parent));
        put_expr(k, plan, s->expr);
        put_int(k, ID(s->var));
        put_int(k, ID(s->access));
        put_int(k, ID(s->loop));
        put_int(k, ID(s->target));
        put_block(k, &s->body);
        put_block(k, &s->orelse);
    }
    put_int(k, nest->n_loops);
    for (uint32_t i = 0; i < nest->n_loops; i++) {
        const NLoop *l = nest->loops[i];
        put_int(k, ID(l->stmt));
        put_int(k, ID(l->up));
        put_int(k, l->is_while | l->has_exit << 1);
        put_expr(k, plan, l->start);
        put_expr(k, plan, l->stop);
        put_expr(k, plan, l->step);
        put_int(k, l->step_const);
        put_form(k, l->start_form);
        put_form(k, l->stop_form);
        put_int(k, l->n_stop_forms);
        for (uint32_t f = 0; f < l->n_stop_forms; f++)
            put_form(k, l->stop_forms[f]);
        put_check(k, plan, l->step_check);
        put_expr(k, plan, l->trip);
        put_expr(k, plan, l->test);
        put_block(k, &l->body);
    }
}

static void put_vars(Key *k, uint32_t n, const NVar *const *var)
{
    put_int(k, n);
    for (uint32_t i = 0; i < n; i++)
        put_int(k, var[i]->id);
}

static void put_use(Key *k, const VarUse *u)
{
    put_int(k, u->var->id);
    put_int(k, u->cls | u->red << 4 | u->is_ordered << 8 | u->negates << 9 | u->always_assigned << 10 | u->live_after << 11);
    put_int(k, u->cmp);
    put_int(k, ID(u->lead));
    put_int(k, ID(u->blame_write));
    put_int(k, u->n_acc);
    for (uint32_t i = 0; i < u->n_acc; i++)
        put_int(k, u->acc[i]->id);
}

static void put_bounds(Key *k, uint32_t n, const struct PBound *b)
{
    put_int(k, n);
    for (uint32_t i = 0; i < n; i++) {
        put_int(k, b[i].scale);
        put_form(k, b[i].form);
    }
}

static void put_loop(Key *k, const PLoop *l)
{
    put_int(k, l->n_src);
    for (uint32_t i = 0; i < l->n_src; i++)
        put_int(k, l->src[i]->id);
    put_int(k, l->mode | l->is_vector << 4 | l->is_outer_parallel << 5);
    put_bounds(k, l->n_lower, l->lower);
    put_bounds(k, l->n_upper, l->upper);
    put_vars(k, l->n_private, l->private_var);
    put_int(k, l->n_last);
    for (uint32_t i = 0; i < l->n_last; i++)
        put_use(k, l->last[i]);
    put_int(k, l->n_red);
    for (uint32_t i = 0; i < l->n_red; i++)
        put_use(k, l->red[i].use);
    put_vars(k, l->n_save, l->save_var);
    put_vars(k, l->n_restore, l->restore_var);
}

static void put_items(Key *k, PItem *const *items, uint32_t n)
{
    put_int(k, n);
    for (uint32_t i = 0; i < n; i++) {
        put_int(k, items[i]->kind);
        put_int(k, ID(items[i]->stmt));
        if (items[i]->loop)
            put_loop(k, items[i]->loop);
        put_items(k, items[i]->body, items[i]->n_body);
        put_items(k, items[i]->orelse, items[i]->n_orelse);
    }
}

char *kernel_key(const Plan *plan, const CpuCompileOptions *opt, const char *compiler, size_t *size)
{
    Key k = { 0 };
    const Nest *nest = plan->nest;
    put_int(&k, CPU_ABI_VERSION);
    put_text(&k, compiler);
    put_text(&k, opt->cpu);
    put_text(&k, opt->features);
    put_int(&k, opt->fp);
    put_int(&k, opt->opt_level);
    put_int(&k, opt->prefer_vector_width);
    put_int(&k, opt->tsan | opt->spread_all << 1);
    put_nest(&k, plan);
    put_items(&k, plan->root->body, plan->root->n_body);
    put(&k, opt->layout.stride, nest->n_arrays * ALP_MAX_NDIM);
    put(&k, opt->layout.group, nest->n_arrays * sizeof *opt->layout.group);
    if (k.no_memory) {
        free(k.bytes);
        return NULL;
    }
    *size = k.size;
    return k.bytes;
}
