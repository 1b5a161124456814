/* jit/plan/exec.c — entry and exit of the reference executor.
 *
 * One execution: find or make the translation; bring the arrays' addresses and the variables' values in; keep what the nest
 * may overwrite, if a check can fail; run; then write the variables back, or put the arrays' contents back.  A translation
 * belongs to the plan and owns storage, so a second execution of the plan while one is running (a host's poll_fn may run
 * programs) makes one more. */
#include "jit/plan/exec_code.h"

#include <string.h>


enum { FUEL = 4096 };           /* back edges between polls */

/* ---- while it runs ---------------------------------------------------------------------------------------------------- */

NOINLINE void run_fail(Run *x, uint32_t check)
{
    if (!x->stop) {
        x->failed = check;
        x->has_failed = true;
    }
    x->stop = true;
}

NOINLINE void run_raised(Run *x, uint32_t check)
{
    if (x->stop) {
        if (!x->has_raised)
            vm_clear_exc(x->vm);
        return;
    }
    if (x->vm->exc_type == TY_MemoryError) {
        x->has_raised = x->stop = true;
        return;
    }
    vm_clear_exc(x->vm);
    run_fail(x, check);
}

NOINLINE bool run_poll(Run *x)
{
    x->fuel = FUEL;
    x->vm->poll_count = 1;      /* look at the clock this time: so many iterations may have taken long */
    if (UNLIKELY(atomic_load_explicit(&x->vm->attention, memory_order_relaxed)) && vm_poll(x->vm) != ALP_OK)
        return x->has_raised = x->stop = true;
    if (x->may_leave && x->opt->leaves(x->opt->leaves_user, false))
        return x->has_left = x->stop = true;
    return false;
}

/* ---- translations ----------------------------------------------------------------------------------------------------- */

Code *code_new(Prog *p)
{
    Code *c = ARENA_NEW(&p->arena, Code);
    if (c)
        c->check = NO_CHECK;
    return c;
}

static void prog_free(Prog *p)
{
    Mem *mem = p->arena.mem;
    for (uint32_t k = 0; p->expand && k < p->nest->n_vars; k++)
        mem_free(mem, p->expand[k].value, (size_t)p->expand[k].count * sizeof(Slot));
    arena_free(&p->arena);
    mem_free(mem, p, sizeof *p);
}

void prog_free_all(void *progs)
{
    for (Prog *p = progs, *next; p; p = next) {
        next = p->next;
        prog_free(p);
    }
}

static Status prog_storage(Prog *p)
{
    const Nest *nest = p->nest;
    p->var = ARENA_ARRAY(&p->arena, Slot, nest->n_vars + 1);
    p->counter = ARENA_ARRAY(&p->arena, Slot, nest->n_loops + 1);
    p->assigned = ARENA_ARRAY(&p->arena, uint8_t, nest->n_vars + 1);
    p->n_assign = ARENA_ARRAY(&p->arena, uint32_t, nest->n_vars + 1);
    p->is_always = ARENA_ARRAY(&p->arena, bool, nest->n_vars + 1);
    p->array = ARENA_ARRAY(&p->arena, ArrayRef, nest->n_arrays + 1);
    p->recorded = ARENA_ARRAY(&p->arena, int64_t, nest->n_loops + 1);
    return p->var && p->counter && p->assigned && p->n_assign && p->is_always && p->array && p->recorded ? ALP_OK : ALP_FAIL;
}

/* What a translation finds out by the way. */
static void note_assignments(Prog *p)
{
    for (uint32_t k = 0; k < p->nest->n_stmts; k++) {
        const NStmt *s = p->nest->stmts[k];
        if (s->kind == NS_Assign)
            p->is_always[s->var->id] |= !s->loop_in;
    }
}

static bool writes_arrays(const Nest *nest)
{
    for (uint32_t k = 0; k < nest->n_arrays; k++)
        if (nest->arrays[k]->is_written)
            return true;
    return false;
}

/* Can a kernel of the plan run out of memory on its way?  It asks for some where the plan keeps values of iterations or results of chunks. */
static bool can_run_out(const Plan *plan)
{
    const Mem *mem = &plan->nest->vm->mem;
    bool asks = plan->has_ordered;
    for (uint32_t k = 0; k < plan->n_loops; k++)
        asks |= plan->loops[k]->n_save > 0;
    return asks && mem_is_limited(mem);
}

/* Is what it overwrites kept?  opt NULL: for a kernel. */
static bool keeps_notes(const Nest *nest, const Plan *plan, const ExecOptions *opt)
{
    if (!plan || plan->can_fail || (opt && opt->shuffle))
        return true;
    return writes_arrays(nest) && (opt ? opt->leaves && !opt->copies : can_run_out(plan));
}

/* opt NULL: storage for a kernel of the plan. */
static Prog *prog_new(const Nest *nest, const Plan *plan, const ExecOptions *opt)
{
    Prog *p = mem_zalloc(&nest->vm->mem, sizeof *p);
    if (!p)
        return NULL;
    arena_init(&p->arena, &nest->vm->mem);
    p->nest = nest;
    p->plan = plan;
    p->is_bare = !opt;
    p->verify = opt && opt->shuffle;
    p->has_record = opt && opt->record;
    p->has_notes = keeps_notes(nest, plan, opt);
    Status s = prog_storage(p);
    if (s == ALP_OK && p->is_bare) {
        note_assignments(p);
        return p;
    }
    if (s == ALP_OK && !nest->root->is_while) {
        p->root_trip = code_expr(p, nest->root->trip);
        s = p->root_trip ? ALP_OK : ALP_FAIL;
    }
    if (s == ALP_OK)
        s = plan ? code_items(p, plan->root->body, plan->root->n_body, NULL, &p->body) : code_block(p, &nest->body, &p->body);
    if (s == ALP_OK)
        return p;
    prog_free(p);
    return NULL;
}

/* A translation of the plan, or storage for a kernel of it (opt NULL), that is not in use. */
static Prog *prog_of_plan(const Plan *plan, const ExecOptions *opt)
{
    bool has_notes = keeps_notes(plan->nest, plan, opt);
    for (Prog *p = plan->code; p; p = p->next)
        if (!p->in_use && p->is_bare == !opt && p->has_notes == has_notes &&
            (!opt || (p->verify == opt->shuffle && p->has_record == (opt->record != NULL))))
            return p;
    Prog *p = prog_new(plan->nest, plan, opt);
    if (p) {
        Plan *owner = (Plan *)plan;             /* what is cached with a plan is no part of what it says */
        p->next = owner->code;
        owner->code = p;
        owner->code_free = prog_free_all;
    }
    return p;
}

/* ---- variables -------------------------------------------------------------------------------------------------------- */

static void load_arrays(Prog *p, const Facts *facts)
{
    for (uint32_t k = 0; k < p->nest->n_arrays; k++) {
        const Array *a = facts->array[k].array;
        ArrayRef *r = &p->array[k];
        r->data = a->data;
        for (int i = 0; i < a->ndim; i++) {
            r->stride[i] = a->strides[i];
            r->extent[i].i = a->shape[i];
        }
    }
}

/* False: a value is not exactly one of its variable's representation. */
static bool load_variables(Prog *p, Run *x, Frame *frame, Value iterable)
{
    const Nest *nest = p->nest;
    for (uint32_t k = 0; k < nest->n_vars; k++) {
        const NVar *v = nest->vars[k];
        memset(&p->var[k], 0, sizeof p->var[k]);
        p->assigned[k] = 0;
        if (v->is_read_first) {
            if (!slot_from_value(&p->var[k], (DType)v->rep, nest_input_value(&nest->inputs[v->input], frame, iterable)))
                return false;
        } else if (p->verify && v->name != SYM_NONE) {
            slot_poison(&p->var[k], (DType)v->rep, run_random(x));
        }
    }
    for (uint32_t k = 0; k < nest->n_loops; k++)
        p->counter[k].i = -1;
    return true;
}

static bool is_assigned(const Prog *p, const Run *x, const NVar *v)
{
    return v->set_var ? p->var[v->set_var->id].i != 0 : p->is_always[v->id] || x->root_ran;
}

static int64_t get_variable(void *user, const NVar *var)
{
    return ((const Prog *)user)->var[var->id].i;
}

/* Views that variables are bound to, where anything was bound at all. */
static Status bind_views(Prog *p, const Run *x, Frame *frame)
{
    const Nest *nest = p->nest;
    if (nest->n_bound_views == 0 || !x->root_ran)
        return ALP_OK;
    Array **arrays = vm_alloc(x->vm, nest->n_arrays * sizeof *arrays);
    if (!arrays)
        return ALP_FAIL;
    for (uint32_t k = 0; k < nest->n_arrays; k++)
        arrays[k] = (Array *)x->facts->array[k].array;      /* views refer to their arrays' buffers, which counts references */
    Status s = nest_bind_views(nest, frame, arrays, get_variable, p);
    vm_dealloc(x->vm, arrays, nest->n_arrays * sizeof *arrays);
    return s;
}

/* First the Values that the variables have now, then all of them at once, since memory may run out in between.  ALP_FAIL: MemoryError
 * is pending. */
static Status store_variables(Prog *p, const Run *x, Frame *frame)
{
    const Nest *nest = p->nest;
    size_t size = (nest->n_vars + 1) * sizeof(Value);
    Value *value = vm_alloc(x->vm, size);
    Status status = value ? ALP_OK : ALP_FAIL;
    uint32_t n = 0;
    for (; n < nest->n_vars && status == ALP_OK; n++) {
        const NVar *v = nest->vars[n];
        value[n] = V_UNBOUND;
        if (v->home.kind == HOME_None || !v->is_live_out || !is_assigned(p, x, v))
            continue;
        Tag tag = v->tag_var ? (Tag)p->var[v->tag_var->id].i : (Tag)v->exit_tag;
        value[n] = slot_to_value(x->vm, &p->var[n], (DType)v->rep, tag);
        if (IS_ERR(value[n]))
            status = ALP_FAIL;
    }
    if (status == ALP_OK)
        status = bind_views(p, x, frame);
    for (uint32_t k = 0; k < n; k++) {
        Value *home = value[k].tag > T_Unbound ? nest_home(&nest->vars[k]->home, frame) : NULL;
        if (status == ALP_OK && home)
            value_set(x->vm, home, value[k]);
        else
            value_free(x->vm, value[k]);
    }
    if (value)
        vm_dealloc(x->vm, value, size);
    return status;
}

/* ---- entry ------------------------------------------------------------------------------------------------------------ */

static ExecVerdict finish(Prog *p, Run *x, Flow flow, const Undo *undo, Frame *frame, const NCheck **failed)
{
    if (x->has_raised)
        return EXEC_RAISED;
    if (x->no_memory || x->has_left) {
        undo_restore(undo);
        return x->no_memory ? EXEC_NO_MEMORY : EXEC_LEFT;
    }
    if (x->has_failed) {
        undo_restore(undo);
        *failed = x->failed == NO_CHECK ? NULL : &p->nest->checks[x->failed];
        bool was_proved = p->plan && !p->is_bare && (x->failed == NO_CHECK || p->plan->proved[x->failed]);
        return was_proved ? EXEC_DISPROVED : EXEC_FAILED;
    }
    if (store_variables(p, x, frame) != ALP_OK) {
        value_free(x->vm, x->ret);
        return EXEC_RAISED;
    }
    if (flow == FLOW_Return) {
        frame->ret = x->ret;
        return EXEC_RETURNED;
    }
    return x->is_broke ? EXEC_BROKE : EXEC_DONE;
}

/* What a kernel said, as the executor's own functions would have said it. */
static Flow note_outcome(Run *x, const ExecOutcome *o)
{
    x->has_raised = o->raised;
    x->no_memory = o->no_memory;
    x->has_failed = o->failed;
    x->failed = o->failed_check;
    x->is_broke = o->broke;
    x->root_ran = o->root_ran;
    if (x->has_raised || x->no_memory || x->has_failed)
        return FLOW_Stop;
    const NExpr *e = o->flow == FLOW_Return ? o->returned->expr : NULL;
    if (e)
        x->ret = slot_to_value(x->vm, o->ret, (DType)e->rep, (Tag)__builtin_ctz(e->tags));
    if (IS_ERR(x->ret)) {
        x->ret = V_NONE;
        run_raised(x, NO_CHECK);
    }
    return o->flow;
}

/* Somebody else's code between entry and exit; run NULL: none. */
typedef struct Kernel { ExecRunner run; void *user; bool restores; } Kernel;

static ExecVerdict execute(Prog *p, const Facts *facts, Frame *frame, Value iterable, const ExecOptions *opt,
                           const Kernel *kernel, const NCheck **failed)
{
    const Nest *nest = p->nest;
    Run x = { .vm = nest->vm, .prog = p, .fuel = FUEL, .random = opt->seed, .ret = V_NONE, .facts = facts, .opt = opt,
              .failed = NO_CHECK };
    Undo undo = { 0 };
    if (!load_variables(p, &x, frame, iterable))
        return EXEC_FAILED;
    load_arrays(p, facts);
    x.may_leave = opt->leaves != NULL && !kernel;
    bool copies = x.may_leave && opt->copies && writes_arrays(nest);
    if ((p->has_notes || copies) && !(kernel && kernel->restores)) {
        bool is_optional = p->plan && !p->plan->can_fail && !p->verify && !kernel;
        if (undo_begin(&undo, nest, facts, kernel || copies, is_optional) == ALP_OK)
            x.undo = undo.logs ? &undo : NULL;
        else if (is_optional)
            x.may_leave = false;
        else
            return EXEC_NO_MEMORY;
    }
    p->in_use = true;
    Flow flow;
    if (kernel) {
        ExecOutcome outcome = kernel->run(kernel->user, p);
        if (outcome.no_memory && !outcome.raised && !outcome.untouched && !p->has_notes && !kernel->restores && writes_arrays(nest)) {
            raise_nomem(x.vm);  /* the system is out of memory, and what was written cannot be put back */
            outcome.raised = true;
        }
        flow = note_outcome(&x, &outcome);
    } else {
        flow = run_seq(&p->body, &x);
    }
    ExecVerdict verdict = finish(p, &x, flow, &undo, frame, failed);
    p->in_use = false;
    undo_free(&undo);
    return verdict;
}

ExecVerdict exec_plan(const Plan *plan, const Facts *facts, Frame *frame, Value iterable, const ExecOptions *opt,
                      const NCheck **failed)
{
    Prog *p = prog_of_plan(plan, opt);
    *failed = NULL;
    return p ? execute(p, facts, frame, iterable, opt, NULL, failed) : EXEC_NO_MEMORY;
}

ExecVerdict exec_plan_by(const Plan *plan, const Facts *facts, Frame *frame, Value iterable, ExecRunner run, void *user, bool restores,
                         const NCheck **failed)
{
    const ExecOptions plain = { 0 };
    const Kernel kernel = { run, user, restores };
    Prog *p = prog_of_plan(plan, NULL);
    *failed = NULL;
    return p ? execute(p, facts, frame, iterable, &plain, &kernel, failed) : EXEC_NO_MEMORY;
}

ExecVerdict exec_nest(const Nest *nest, const Facts *facts, Frame *frame, Value iterable, const ExecOptions *opt,
                      const NCheck **failed)
{
    *failed = NULL;
    for (uint32_t k = 0; k < nest->n_arrays; k++)
        if (nest->arrays[k]->is_written && (facts->array[k].array->readonly || facts->array[k].overlaps_itself))
            return EXEC_FAILED;
    Prog *p = prog_new(nest, NULL, opt);
    if (!p)
        return EXEC_NO_MEMORY;
    ExecVerdict verdict = execute(p, facts, frame, iterable, opt, NULL, failed);
    prog_free(p);
    return verdict;
}

static void eval_into(const Code *c, Run *x, DType rep, Slot *out)
{
    switch (eval_kind(rep)) {
#define CASE(K, M, T) case K: out->M = c->fn.M(c, x); break;
    EACH_KIND(CASE)
#undef CASE
    case EK_COUNT: break;
    }
}

static const Code *op_of_prog(Prog *p, const NExpr *e)
{
    if (!p->op && !(p->op = ARENA_ARRAY(&p->arena, const Code *, p->nest->n_exprs)))
        return NULL;
    const Code **c = &p->op[e->id];
    if (!*c) {
        const Code *a = code_leaf(p, (DType)e->a->rep, &p->operand[0]), *b = e->b ? code_leaf(p, (DType)e->b->rep, &p->operand[1]) : NULL;
        *c = a && (b || !e->b) ? code_operation(p, e, a, b) : NULL;
    }
    return *c;
}

bool exec_eval_op(Prog *p, const NExpr *e, const Slot *a, const Slot *b, Slot *out)
{
    const ExecOptions plain = { 0 };
    Run x = { .vm = p->nest->vm, .prog = p, .fuel = FUEL, .ret = V_NONE, .opt = &plain, .failed = NO_CHECK };
    const Code *c = op_of_prog(p, e);
    if (!c)
        return false;
    p->operand[0] = *a;
    if (e->b)
        p->operand[1] = *b;
    eval_into(c, &x, (DType)e->rep, out);
    if (x.has_raised)
        vm_clear_exc(x.vm);
    return !x.stop;
}

bool exec_eval_expr(const Nest *nest, const NExpr *e, const ExecScalar *var, ExecScalar *out, uint32_t *failed)
{
    const ExecOptions opt = { 0 };
    Mem *mem = &nest->vm->mem;
    Prog p = { .nest = nest };
    Run x = { .vm = nest->vm, .prog = &p, .fuel = FUEL, .ret = V_NONE, .opt = &opt, .failed = NO_CHECK };
    Slot s = { .z = { 0, 0 } };
    arena_init(&p.arena, mem);
    const Code *c = prog_storage(&p) == ALP_OK ? code_expr(&p, e) : NULL;
    *failed = NO_CHECK;
    if (c) {
        for (uint32_t k = 0; k < nest->n_vars; k++)
            memcpy(&p.var[k], &var[k], sizeof p.var[k]);
        eval_into(c, &x, (DType)e->rep, &s);
    }
    if (x.has_raised)
        vm_clear_exc(x.vm);
    *failed = x.failed;
    memcpy(out, &s, sizeof s);
    arena_free(&p.arena);
    return c && !x.stop;
}
