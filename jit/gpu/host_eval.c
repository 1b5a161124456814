/* jit/gpu/host_eval.c — the host's share of a plan: expressions and statements that touch no array element.
 *
 * Bounds of loops, conditions and assignments between launches; operations are the reference executor's own (exec_eval_op), so bits and checks are, too.
 * What is done here is little and often done once per time step, so a walk over the tree will do. */
#include "jit/gpu/gpu_int.h"

/* ---- expressions ------------------------------------------------------------------------------------------------------------ */

static bool eval_operation(GpuRun *x, const NExpr *e, Slot *out)
{
    Slot a = { .z = { 0, 0 } }, b = { .z = { 0, 0 } };
    if (!host_eval(x, e->a, &a) || (e->b && !host_eval(x, e->b, &b)))
        return false;
    if (exec_eval_op(x->prog, e, &a, &b, out))
        return true;
    if (e->check == NO_CHECK || x->plan->proved[e->check])
        return gpu_goes_on(x, GPU_NO_MEMORY);
    gpu_fails(x, e->check);
    return false;
}

bool host_eval(GpuRun *x, const NExpr *e, Slot *out)
{
    switch ((NOp)e->op) {
    case NOP_Const:
        *out = (Slot){ .z = { 0, 0 } };
        switch (eval_kind((DType)e->rep)) {
        case EK_I: out->i = e->u.i; break;
        case EK_D: out->d = e->u.f; break;
        case EK_F: out->f = (float)e->u.f; break;
        case EK_C: out->c = (ElC64){ (float)e->u.z[0], (float)e->u.z[1] }; break;
        case EK_Z: out->z = (ElC128){ e->u.z[0], e->u.z[1] }; break;
        case EK_COUNT: break;
        }
        return true;
    case NOP_Var:
        if (x->side[e->u.var->id] == VAR_Device && !gpu_fetch(x))
            return false;
        *out = x->prog->var[e->u.var->id];
        return true;
    case NOP_Counter:
        out->i = x->prog->counter[e->u.loop->id].i;
        return true;
    case NOP_Extent:
        out->i = x->prog->array[e->u.extent.array->id].extent[e->u.extent.axis].i;
        return true;
    case NOP_AndAlso:
    case NOP_OrElse:
        return host_eval(x, e->a, out) && ((out->i != 0) != (e->op == NOP_AndAlso) || host_eval(x, e->b, out));
    case NOP_Select:
        return host_eval(x, e->a, out) && host_eval(x, out->i ? e->b : e->c, out);
    case NOP_Load:              /* the device's business: no program has it here */
        gpu_fails(x, NO_CHECK);
        return false;
    default:
        return eval_operation(x, e, out);
    }
}

bool host_trip(GpuRun *x, const NLoop *loop, int64_t *trip)
{
    Slot s;
    if (loop->step_check != NO_CHECK && !x->plan->proved[loop->step_check]) {
        if (!host_eval(x, loop->step, &s))
            return false;
        if (s.i == 0) {
            gpu_fails(x, loop->step_check);
            return false;
        }
    }
    if (!host_eval(x, loop->trip, &s))
        return false;
    *trip = s.i;
    return true;
}

/* ---- statements --------------------------------------------------------------------------------------------------------------- */

Flow host_after_loop(GpuRun *x, Flow flow, const NLoop *loop)
{
    if (flow != FLOW_Leave || x->target != loop->stmt)
        return flow;
    x->is_broke |= loop == x->plan->nest->root;
    return FLOW_On;
}

static Flow run_block(GpuRun *x, const NBlock *b)
{
    for (uint32_t i = 0; i < b->n; i++) {
        Flow flow = host_stmt(x, b->stmt[i]);
        if (flow != FLOW_On)
            return flow;
    }
    return FLOW_On;
}

/* The body once; *again: the loop goes on. */
static Flow run_body(GpuRun *x, const NLoop *loop, bool *again)
{
    Flow flow = run_block(x, &loop->body);
    *again = flow == FLOW_On || (flow == FLOW_Next && x->target == loop->stmt);
    return *again && gpu_tick(x) ? (*again = false, FLOW_Stop) : flow;
}

static Flow run_while(GpuRun *x, const NLoop *loop)
{
    for (bool again = true;;) {
        Slot test;
        if (!host_eval(x, loop->test, &test))
            return FLOW_Stop;
        if (!test.i)
            return FLOW_On;
        if (loop == x->plan->nest->root)
            x->root_ran = true;
        Flow flow = run_body(x, loop, &again);
        if (!again)
            return host_after_loop(x, flow, loop);
    }
}

static Flow run_for(GpuRun *x, const NLoop *loop)
{
    int64_t trip, *counter = &x->prog->counter[loop->id].i;
    Flow flow = FLOW_On;
    bool again = true;
    if (!host_trip(x, loop, &trip))
        return FLOW_Stop;
    for (int64_t t = 0; t < trip && again; t++) {
        *counter = t;
        flow = run_body(x, loop, &again);
    }
    *counter = -1;
    return again ? FLOW_On : host_after_loop(x, flow, loop);
}

Flow host_stmt(GpuRun *x, const NStmt *s)
{
    Slot v = { .z = { 0, 0 } };
    Flow flow;
    switch ((NStmtKind)s->kind) {
    case NS_Assign:
        if (!host_eval(x, s->expr, &v))
            return FLOW_Stop;
        x->prog->var[s->var->id] = v;
        x->side[s->var->id] = VAR_Host;
        return FLOW_On;
    case NS_If:
        if (!host_eval(x, s->expr, &v))
            return FLOW_Stop;
        return run_block(x, v.i ? &s->body : &s->orelse);
    case NS_Block:
        flow = run_block(x, &s->body);
        return flow == FLOW_Leave && x->target == s ? FLOW_On : flow;
    case NS_Loop:
        return s->loop->is_while ? run_while(x, s->loop) : run_for(x, s->loop);
    case NS_Leave:
        x->target = s->target;
        return FLOW_Leave;
    case NS_Next:
        x->target = s->target;
        return FLOW_Next;
    case NS_Return:
        if (s->expr && !host_eval(x, s->expr, &x->ret))
            return FLOW_Stop;
        x->returned = s;
        return FLOW_Return;
    case NS_Check:
        if (!host_eval(x, s->expr, &v))
            return FLOW_Stop;
        if (!v.i)
            gpu_fails(x, s->check);
        return x->stop ? FLOW_Stop : FLOW_On;
    case NS_Store:              /* the device's business */
        gpu_fails(x, NO_CHECK);
        return FLOW_Stop;
    }
    return FLOW_Stop;
}
