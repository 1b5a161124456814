/* jit/plan/decide.c — see decide.h.
 *
 * Data.  Let W(h) and W(d) be the least that all executions so far could have cost, copies included, if an array's bytes had to be on the host, on the
 * device, in the end.  Their difference, kept within the price of a copy either way, is all that an online algorithm has to know (the work function
 * algorithm; for two states it costs at most three times what the best schedule with hindsight does).  credit = W(h) - W(d): it grows by what
 * an execution would have been faster on the device, wherever it ran.  An execution goes where computing plus what is left to be charged for moving is
 * less; so bytes move once the difference of some executions has paid for it, or one execution's does, and do not go to and fro.
 *
 * Trials.  A target that is ready but not expected to be best is tried once after 8, 64, 512 … executions of a size, if the ranges of uncertainty
 * overlap, what it may win in as many executions again exceeds what the trial may cost, and all trials together stay within 2 % of the time spent.
 * Where numbers do not tell how long an execution takes, only the number of threads is tried: a GPU can be slower without bound. */
#include "jit/plan/decide.h"

#include <math.h>

#define NEWEST_COUNTS  0.2      /* of a new measurement, in the average over all: … */
#define SECOND_COUNTS  0.8      /* … and of the second one: the first time pages and caches are cold */
#define LOG_STEP_MAX   1.4      /* ln 4: a single measurement may have been disturbed */
#define SPREAD_LEAST   1.08
#define WAIT_SHARE     2.0      /* a kernel is waited for that wins so many times its price in this execution, where the executor could be left meanwhile */
#define WAIT_SHARE_FIXED 1.25   /* … and where whoever begins goes on to the end */
#define TRIAL_SHARE    0.02

/* ---- how long -------------------------------------------------------------------------------------------------------------- */

void correction_add(Correction *c, double predicted_ns, double measured_ns)
{
    if (!(predicted_ns > 0) || !(measured_ns > 0))
        return;
    double x = log(measured_ns / predicted_ns), step = x - c->log_ratio;
    if (!isfinite(x))
        return;
    if (c->n >= 2 && fabs(step) > LOG_STEP_MAX)
        step = copysign(LOG_STEP_MAX, step);
    double share = c->n == 0 ? 1 : c->n == 1 ? SECOND_COUNTS : NEWEST_COUNTS;
    if (c->n >= 2)
        c->log_error += (float)(NEWEST_COUNTS * (fabs(step) - c->log_error));
    c->log_ratio += (float)(share * step);
    c->n += c->n < UINT32_MAX;
}

Estimate correction_apply(const Correction *c, double predicted_ns, double spread)
{
    if (spread < SPREAD_LEAST)
        spread = SPREAD_LEAST;
    if (!c || c->n == 0)
        return (Estimate){ predicted_ns, spread };
    double measured = exp(2 * c->log_error) * (1 + (spread - 1) / (4.0 * c->n));
    if (c->n == 1)              /* far from the prediction: either may be right */
        measured = fmax(fmin(measured, spread), exp(fabs(c->log_ratio)));
    return (Estimate){ predicted_ns * exp(c->log_ratio), fmax(measured, SPREAD_LEAST) };
}

/* ---- data -------------------------------------------------------------------------------------------------------------------- */

static double positive(double x)
{
    return x > 0 ? x : 0;
}

void data_charges(const DataState *d, size_t n, double *to_device_ns, double *to_host_ns)
{
    *to_device_ns = *to_host_ns = 0;
    for (size_t i = 0; i < n; i++) {
        if (d[i].is_missing)
            *to_device_ns += positive(d[i].up_ns - d[i].credit_ns);
        if (d[i].is_away)
            *to_host_ns += positive(d[i].down_ns + d[i].credit_ns);
    }
}

static void add_credit(DataState *d, double ns)
{
    double c = d->credit_ns + ns;
    d->credit_ns = c > d->up_ns ? d->up_ns : c < -d->down_ns ? -d->down_ns : c;
}

void data_credit(DataState *d, size_t n, double difference_ns)
{
    double bytes = 0;
    for (size_t i = 0; i < n; i++)
        bytes += d[i].bytes;
    for (size_t i = 0; i < n && bytes > 0; i++)
        add_credit(&d[i], difference_ns * (d[i].bytes / bytes));
}

void data_debit(DataState *d, double bytes)
{
    if (d->bytes > 0)
        add_credit(d, -bytes / d->bytes * d->down_ns);
}

/* ---- which --------------------------------------------------------------------------------------------------------------------- */

static double cost(const Candidate *c)
{
    return c->ns + c->data_ns + c->once_ns;
}

DecideTarget decide_fastest(const Question *q, Readiness least)
{
    DecideTarget best = ON_COUNT;
    for (DecideTarget k = 0; k < ON_COUNT; k++)
        if (q->on[k].readiness >= least && q->on[k].readiness != AVAIL_Never && (best == ON_COUNT || cost(&q->on[k]) < cost(&q->on[best])))
            best = k;
    return best;
}

static bool is_cpu(DecideTarget k)
{
    return k == ON_Cpu1 || k == ON_CpuN;
}

/* The less dear of the two numbers of threads; the kernel is the same. */
static DecideTarget better_cpu(const Question *q)
{
    const Candidate *n = &q->on[ON_CpuN];
    return n->readiness != AVAIL_Never && cost(n) < cost(&q->on[ON_Cpu1]) ? ON_CpuN : ON_Cpu1;
}

/* What target k would win over the best that there is in its stead.  A GPU must be better than a kernel of the CPU, which is made in a fraction of the time. */
static double gain_of(const Question *q, DecideTarget k, double rival_ns)
{
    const Candidate *cpu = &q->on[better_cpu(q)];
    if (k == ON_Gpu && cpu->readiness != AVAIL_Never && cost(cpu) + cpu->price_ns < rival_ns)
        rival_ns = cost(cpu) + cpu->price_ns;
    return positive(rival_ns - cost(&q->on[k]));
}

/* doubt: how many times shorter than predicted the execution may be without the kernel. */
static KernelWish wish_for(const Question *q, const Candidate *c, double gain_ns, bool is_left, double doubt)
{
    double now = q->is_known ? gain_ns : 0, lost = c->lost_ns + now;
    if (now > c->price_ns * doubt * (is_left ? WAIT_SHARE : WAIT_SHARE_FIXED))
        return WISH_Wait;
    if (lost >= c->begin_ns)
        return WISH_Start;
    if (lost >= c->prepare_ns)
        return WISH_Prepare;
    return (q->is_known ? lost : UNKNOWN_FACTOR * (lost + gain_ns)) >= c->find_ns ? WISH_Find : WISH_None;
}

/* Another target that is ready, of which too little is known to rule it out; ON_COUNT: none. */
static DecideTarget trial(const Question *q, DecideTarget best)
{
    uint64_t due = 8;
    for (uint32_t i = 0; i < q->n_trials && due < UINT64_MAX / 8; i++)
        due *= 8;
    if (q->on[q->retried].readiness == AVAIL_Ready && q->retried != ON_Interp)
        return (DecideTarget)q->retried;
    if (q->n_runs < due)
        return ON_COUNT;
    const Candidate *b = &q->on[best];
    for (DecideTarget k = ON_Cpu1; k < (q->is_known ? ON_COUNT : ON_Gpu); k++) {
        const Candidate *c = &q->on[k];
        double may_win = cost(b) - (c->ns / c->spread + c->data_ns), may_lose = positive(c->ns * c->spread + c->data_ns + c->once_ns - cost(b));
        bool overlap = c->ns / c->spread + c->data_ns < b->ns * b->spread + b->data_ns;
        if (k != best && c->readiness == AVAIL_Ready && overlap && may_win * (double)q->n_runs > may_lose &&
            q->trial_ns + may_lose <= TRIAL_SHARE * q->spent_ns)
            return k;
    }
    return ON_COUNT;
}

/* Why not the target that computes fastest? */
static Reason reason(const Question *q, DecideTarget target)
{
    DecideTarget quick = target;
    for (DecideTarget k = 0; k < ON_COUNT; k++)
        if (q->on[k].readiness != AVAIL_Never && q->on[k].ns < q->on[quick].ns)
            quick = k;
    if (quick == target || (is_cpu(quick) && is_cpu(target)))
        return RS_Fastest;
    if (cost(&q->on[quick]) >= cost(&q->on[target]))
        return quick == ON_Gpu ? RS_DataOnHost : RS_DataOnDevice;
    return q->on[quick].readiness == AVAIL_Making ? RS_NotReady : RS_NotPaid;
}

void decide(const Question *q, Answer *a)
{
    DecideTarget best = decide_fastest(q, AVAIL_Ready);
    *a = (Answer){ .target = (uint8_t)best };
    double rival = best == ON_COUNT ? INFINITY : cost(&q->on[best]);
    bool is_left = q->may_leave && best == ON_Executor;
    double doubt = best == ON_COUNT ? 1 : sqrt(fmax(1, q->on[best].spread));
    const DecideTarget makeable[] = { better_cpu(q), ON_Gpu };
    for (size_t i = 0; i < COUNT_OF(makeable); i++) {
        const Candidate *c = &q->on[makeable[i]];
        double gain = gain_of(q, makeable[i], rival);
        if ((c->readiness == AVAIL_Unmade || c->readiness == AVAIL_Making) && gain > 0)
            a->wish[i == 0 ? ON_Cpu1 : ON_Gpu] = wish_for(q, c, gain, is_left, doubt);
    }
    if (a->wish[ON_Gpu] == WISH_Wait && a->wish[ON_Cpu1] > WISH_Find)
        a->wish[ON_Cpu1] = WISH_Find;           /* nobody would run it */
    if (best == ON_COUNT)
        return;
    DecideTarget other = trial(q, best);
    a->is_trial = other != ON_COUNT && other != best;
    a->target = (uint8_t)(a->is_trial ? other : best);
    a->why = a->is_trial ? RS_Trial : reason(q, best);
}

void decide_regret(Question *q, DecideTarget target, double ns)
{
    const DecideTarget makeable[] = { better_cpu(q), ON_Gpu };
    double spent = ns + q->on[target].data_ns;
    for (size_t i = 0; i < COUNT_OF(makeable); i++) {
        Candidate *c = &q->on[makeable[i]];
        if (c->readiness == AVAIL_Unmade || c->readiness == AVAIL_Making)
            c->lost_ns += positive(spent - cost(c));
        if (c->readiness != AVAIL_Never && cost(c) < spent)
            spent = cost(c);                    /* a GPU's gain is what it would win over a kernel of the CPU */
    }
}

