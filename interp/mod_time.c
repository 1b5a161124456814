/* interp/mod_time.c — the module time: clocks, and a sleep that can be interrupted. */
#include <math.h>
#include <time.h>

#include "interp/module.h"

#define NS_PER_S INT64_C(1000000000)

static int64_t clock_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

#define CLOCK(name, clock) \
static Value time_##name(VM *vm, const Args *a) { return V_FLOAT((double)clock_ns(clock) / 1e9); } \
static Value time_##name##_ns(VM *vm, const Args *a) { return V_INT(clock_ns(clock)); }
CLOCK(time, CLOCK_REALTIME)
CLOCK(perf_counter, CLOCK_MONOTONIC)
CLOCK(monotonic, CLOCK_MONOTONIC)
CLOCK(process_time, CLOCK_PROCESS_CPUTIME_ID)
#undef CLOCK

/* In steps of at most 20 ms, between which interrupts and the time limit are looked at. */
static Value time_sleep(VM *vm, const Args *a)
{
    const int64_t step = 20 * 1000 * 1000;
    double seconds;
    if (a->v[0].tag == T_Str || arg_float(vm, a->v[0], &seconds) != ALP_OK) {
        vm_clear_exc(vm);
        return raise(vm, TY_TypeError, "'%s' object cannot be interpreted as an integer", value_type_name(a->v[0]));
    }
    if (isnan(seconds))
        return raise(vm, TY_ValueError, "Invalid value NaN (not a number)");
    if (seconds < 0)
        return raise(vm, TY_ValueError, "sleep length must be non-negative");
    if (seconds >= 9.2e9)
        return raise(vm, TY_OverflowError, "timestamp out of range for platform time_t");
    int64_t now = clock_ns(CLOCK_MONOTONIC), end;
    if (__builtin_add_overflow(now, (int64_t)ceil(seconds * 1e9), &end))
        return raise(vm, TY_OverflowError, "timestamp out of range for platform time_t");
    do {
        int64_t rest = end - now < step ? end - now : step;
        struct timespec t = { .tv_sec = 0, .tv_nsec = rest > 0 ? (long)rest : 0 };
        nanosleep(&t, NULL);
        vm->poll_count = 1;             /* the clock is looked at now, not some polls later */
        if (vm_poll(vm) != ALP_OK)
            return V_ERR;
        now = clock_ns(CLOCK_MONOTONIC);
    } while (now < end);
    return V_NONE;
}

static const NativeRow rows[] = {
    { "monotonic", time_monotonic, "", "Monotonic clock in seconds; cannot go backward." },
    { "monotonic_ns", time_monotonic_ns, "", "Monotonic clock in nanoseconds; cannot go backward." },
    { "perf_counter", time_perf_counter, "", "Performance counter in seconds, for benchmarking." },
    { "perf_counter_ns", time_perf_counter_ns, "", "Performance counter in nanoseconds, for benchmarking." },
    { "process_time", time_process_time, "", "CPU time of the process in seconds." },
    { "process_time_ns", time_process_time_ns, "", "CPU time of the process in nanoseconds." },
    { "sleep", time_sleep, "seconds, /", "Delay execution for a given number of seconds." },
    { "time", time_time, "", "Seconds since the Epoch." },
    { "time_ns", time_time_ns, "", "Nanoseconds since the Epoch." },
    { NULL },
};

static const NativeRow *const tables[] = { rows, NULL };

const ModuleDef mod_time = { .name = "time", .tables = tables, .function_type = TY_builtin };
