/* jit/plan/engine_whole.c — operations on whole arrays (interp/whole.h) as nests on the GPU.
 *
 * Each operation is a small function in the language, made when it is first wanted and kept:
 *
 *     def f(a, b, c, o, s, n0, n1, n2, n3):
 *         for i0 in range(n0):
 *             for i1 in range(n1):
 *                 o[i0, i1] = a[i0, i1] + b
 *
 * It is never interpreted: its loop is built, planned and run as any other, in a frame with the operands in it, by the GPU's kernel or
 * not at all, for then the host has better loops of its own. */
#include <stdio.h>
#include <string.h>

#include "interp/seq.h"
#include "jit/plan/engine_int.h"

enum { TEXT_MAX = 800 };

/* Unless everything is to run on the GPU, a kernel is made when moving arrays has taken as long as that takes (ski rental), and waited for
 * when it has taken a good deal longer. */
#define MOVE_BYTES_PER_NS 10.0
#define COMPILE_NS 50e6

/* The function's parameters, which are its first variables. */
enum { WV_In, WV_Out = WV_In + UFUNC_MAX_IN, WV_Sum, WV_Shape, WV_COUNT = WV_Shape + WHOLE_MAX_RANK };
static const char parameters[] = "def f(a, b, c, o, s, n0, n1, n2, n3):\n";
_Static_assert(UFUNC_MAX_IN == 3 && WHOLE_MAX_RANK == 4, "parameters[] lists them");

typedef struct WholeText {
    struct WholeText *next;
    const char *text;           /* WholeLoop's */
    uint8_t kind, rank, arrays, in_place;       /* arrays: bit k: operand k is one */
    bool    is_busy;            /* a hook of the host program may run programs meanwhile */
    double  lost_ns;            /* that moving arrays took because there was no kernel yet */
    Value   func;               /* T_None: it cannot be made */
    Value  *slots;              /* its variables, [n_locals]; unbound between operations */
} WholeText;

struct WholeTexts {
    Module    *module;          /* whose functions they are; no program sees it */
    WholeText *first;
};

/* ---- texts ------------------------------------------------------------------------------------------------------------- */

static void put(char *out, size_t *n, const char *text)
{
    size_t size = strlen(text);
    if (*n + size < TEXT_MAX)
        memcpy(out + *n, text, size + 1);
    *n += size;
}

/* "o[i0, i1]" */
static void put_element(char *out, size_t *n, const char *name, int rank)
{
    char index[8];
    put(out, n, name);
    for (int k = 0; k < rank; k++) {
        snprintf(index, sizeof index, "%si%d", k ? ", " : "[", k);
        put(out, n, index);
    }
    put(out, n, "]");
}

/* The operation on one element. */
static void put_expression(char *out, size_t *n, const WholeText *t)
{
    char operand[2] = "", one[2] = "";
    for (const char *p = t->text; *p; p++) {
        if (*p != '$') {
            one[0] = *p;
            put(out, n, one);
            continue;
        }
        operand[0] = *++p;
        unsigned k = (unsigned)(*p - 'a');
        if (*p == 's')
            put(out, n, t->kind == WHOLE_Sum ? "s" : "t");
        else if (t->in_place >> k & 1)
            put_element(out, n, "o", t->rank);
        else if (t->arrays >> k & 1)
            put_element(out, n, operand, t->rank);
        else
            put(out, n, operand);
    }
}

/* A line begins, in so many blocks. */
static void put_indent(char *out, size_t *n, int depth)
{
    while (depth-- > 0)
        put(out, n, "    ");
}

static bool write_text(const WholeText *t, char *out)
{
    char line[64];
    size_t n = 0;
    put(out, &n, parameters);
    for (int k = 0; k < t->rank; k++) {
        put_indent(out, &n, k + 1);
        if (t->kind == WHOLE_Sums && k == t->rank - 1) {
            put(out, &n, "t = s\n");
            put_indent(out, &n, k + 1);
        }
        snprintf(line, sizeof line, "for i%d in range(n%d):\n", k, k);
        put(out, &n, line);
    }
    put_indent(out, &n, t->rank + 1);
    if (t->kind == WHOLE_Map)
        put_element(out, &n, "o", t->rank);
    else
        put(out, &n, t->kind == WHOLE_Sum ? "s" : "t");
    put(out, &n, " = ");
    put_expression(out, &n, t);
    put(out, &n, "\n");
    if (t->kind == WHOLE_Sum)
        put(out, &n, "    return s\n");
    if (t->kind == WHOLE_Sums) {
        put_indent(out, &n, t->rank);
        put_element(out, &n, "o", t->rank - 1);
        put(out, &n, " = t\n");
    }
    return n < TEXT_MAX;
}

/* NULL: no memory. */
static struct WholeTexts *texts_new(Engine *e)
{
    VM *vm = e->vm;
    struct WholeTexts *w = mem_zalloc(&vm->mem, sizeof *w);
    Sym numpy = intern_z(vm->names, "numpy");
    Module *np = w && numpy != SYM_NONE ? module_import(vm, numpy) : NULL;
    if (np)
        w->module = module_new(vm, "<arrays>", NULL);
    if (w && w->module && module_set(vm, w->module, "np", value_ref(V_OBJ(np))) == ALP_OK)
        return w;
    vm_clear_exc(vm);
    if (w && w->module)
        obj_free(vm, &w->module->head);
    if (w)
        mem_free(&vm->mem, w, sizeof *w);
    return NULL;
}

/* The function that the text defines; V_NONE: it cannot be made. */
static Value make_function(VM *vm, Module *m, const char *text)
{
    Chunk *c = vm_chunk(vm, m, "<arrays>", text, strlen(text));
    if (!c)
        return V_NONE;
    Frame frame = { .up = vm->frame, .module = m, .chunk = c, .slots = m->slots, .globals = m->slots, .ret = V_UNBOUND };
    vm->frame = &frame;
    exec_body(vm, &frame, &c->ast.body);
    vm->frame = frame.up;
    chunk_free(c);
    Value f = module_get(m, intern_z(vm->names, "f"));
    return !vm_has_exc(vm) && f.tag == T_Func ? value_ref(f) : V_NONE;
}

/* The operation's function, made if need be; NULL: no memory, or it cannot be made. */
static WholeText *find_text(Engine *e, const WholeLoop *l)
{
    VM *vm = e->vm;
    WholeText want = { .text = l->text, .kind = l->kind, .rank = l->rank, .in_place = l->in_place, .func = V_NONE };
    for (int k = 0; k < l->n_in; k++)
        want.arrays |= (uint8_t)((l->in[k].tag == T_Array) << k);
    for (WholeText *t = e->whole->first; t; t = t->next)
        if (t->text == want.text && t->kind == want.kind && t->rank == want.rank && t->in_place == want.in_place && t->arrays == want.arrays)
            return t->slots ? t : NULL;
    WholeText *t = mem_alloc(&vm->mem, sizeof *t);
    char text[TEXT_MAX];
    if (!t)
        return NULL;
    *t = want;
    t->next = e->whole->first;
    e->whole->first = t;
    if (write_text(t, text))
        t->func = make_function(vm, e->whole->module, text);
    if (t->func.tag == T_Func && (t->slots = mem_alloc(&vm->mem, FUNC(t->func)->n_locals * sizeof *t->slots)))
        for (uint32_t k = 0; k < FUNC(t->func)->n_locals; k++)
            t->slots[k] = V_UNBOUND;
    vm_clear_exc(vm);
    return t->slots ? t : NULL;
}

void engine_whole_free(Engine *e)
{
    VM *vm = e->vm;
    struct WholeTexts *w = e->whole;
    if (!w)
        return;
    for (WholeText *t = w->first, *next; t; t = next) {
        next = t->next;
        if (t->slots)
            mem_free(&vm->mem, t->slots, FUNC(t->func)->n_locals * sizeof *t->slots);
        value_free(vm, t->func);
        mem_free(&vm->mem, t, sizeof *t);
    }
    module_clear(vm, w->module);        /* its function holds it */
    obj_free(vm, &w->module->head);
    mem_free(&vm->mem, w, sizeof *w);
    e->whole = NULL;
}

/* ---- one operation --------------------------------------------------------------------------------------------------------- */

static KernelWish wish_for(const Engine *e, const WholeText *t)
{
    return e->opt.device == DEV_Gpu || t->lost_ns > 2 * COMPILE_NS ? WISH_Wait : t->lost_ns > COMPILE_NS ? WISH_Start : WISH_Find;
}

/* What moving the operands to the host and back takes. */
static double moving_ns(const WholeLoop *l)
{
    double bytes = l->out.tag == T_Array ? (double)ARRAY(l->out)->buf->size : 0;
    for (int k = 0; k < l->n_in; k++)
        if (l->in[k].tag == T_Array)
            bytes += (double)ARRAY(l->in[k])->buf->size;
    return bytes / MOVE_BYTES_PER_NS;
}

/* Which plans keep the order of the operation's sums?  Trees are where a plan puts them, and none where sums are sequential. */
static FpMode mode_for(const Engine *e, const WholeLoop *l)
{
    return l->order == ORDER_Program && e->opt.plan.fp == FP_Precise ? FP_Sequential : e->opt.plan.fp;
}

static bool keeps_order(const Plan *plan, const WholeLoop *l)
{
    return l->order != ORDER_Tree || plan->has_ordered;
}

/* By the GPU's kernel, if there can be one. */
static WholeVerdict run(Engine *e, WholeText *t, const WholeLoop *l, LoopState *ls, Frame *frame, Value range)
{
    Backend *b = e->opt.gpu;
    ReasonAt why = { 0 };
    void *kernel = NULL;
    const NCheck *failed;
    FpMode fp = mode_for(e, l), usual = e->opt.plan.fp;
    e->opt.plan.fp = fp;
    Variant *v = engine_variant(e, ls, frame, range, &why);
    e->opt.plan.fp = usual;
    if (!v || (e->opt.device != DEV_Gpu && engine_keeps_off_gpu(e, v)))
        return WHOLE_LEFT;
    facts_collect(v->facts, v->nest, frame, range);
    const Plan *plan = planner_get(v->planner, v->facts, &why);
    if (!plan || !keeps_order(plan, l))
        return WHOLE_LEFT;
    if (b->kernel(b, plan, v->facts, fp, wish_for(e, t), &kernel, &why) != KERNEL_READY) {
        t->lost_ns += moving_ns(l);
        return WHOLE_LEFT;
    }
    b->waits = false;
    b->n_threads = 0;
    switch (b->run(b, kernel, plan, v->facts, frame, range, &failed)) {
    case EXEC_DONE:
        e->n_whole++;
        return WHOLE_DONE;
    case EXEC_RAISED:
        return WHOLE_RAISED;
    default:
        return WHOLE_LEFT;
    }
}

WholeVerdict engine_whole(VM *vm, WholeLoop *l)
{
    Engine *e = vm->engine_state;
    WholeText *t;
    if (!e->opt.gpu || (!e->whole && !(e->whole = texts_new(e))) || !(t = find_text(e, l)) || t->is_busy)
        return WHOLE_LEFT;
    Func *f = FUNC(t->func);
    Node *loop = f->def->body.item[0];
    LoopState *ls = engine_state_get(loop);
    Frame frame = { .up = vm->frame, .func = f, .module = f->module, .chunk = f->chunk, .slots = t->slots, .globals = f->module->slots,
                    .ret = V_UNBOUND };
    for (int k = 0; k < l->n_in; k++)
        t->slots[WV_In + k] = value_ref(l->in[k]);
    for (int k = 0; k < l->rank; k++)
        t->slots[WV_Shape + k] = V_INT(l->shape[k]);
    t->slots[WV_Out] = value_ref(l->out);
    t->slots[WV_Sum] = value_ref(l->sum);
    Value range = range_new(vm, 0, l->shape[0], 1);
    WholeVerdict verdict = WHOLE_LEFT;
    t->is_busy = true;
    if (!IS_ERR(range) && (ls || (ls = engine_state_new(e, &frame, loop))))
        verdict = run(e, t, l, ls, &frame, range);
    t->is_busy = false;
    if (verdict == WHOLE_LEFT)
        vm_clear_exc(vm);
    if (verdict == WHOLE_DONE && t->kind == WHOLE_Sum)
        value_set(vm, &l->sum, value_ref(t->slots[WV_Sum]));
    for (uint32_t k = 0; k < f->n_locals; k++)
        value_set(vm, &t->slots[k], V_UNBOUND);
    value_free(vm, range);
    return verdict;
}
