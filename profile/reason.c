/* profile/reason.c — names and texts of reasons and outcomes. */
#include "profile/reason.h"

#include <stdarg.h>
#include <stdio.h>

typedef struct ReasonRow { const char *name, *text, *advice; } ReasonRow;

static const ReasonRow row[RS_COUNT] = {
    [RS_None] = { "none", "", "" },
#define REASON(code, name, text, advice) [RS_##code] = { name, text, advice },
#include "profile/reason_list.h"
#undef REASON
};

const char *reason_name(Reason r)
{
    return row[r].name;
}

const char *reason_text(Reason r)
{
    return row[r].text;
}

const char *reason_advice(Reason r)
{
    return row[r].advice;
}

const char *outcome_name(Outcome o)
{
    /* ORDER outcome */
    static const char *const name[] = {
        "none", "interpreted", "sequential", "parallel", "reduction", "vector", "scan", "wavefront", "search",
    };
    _Static_assert(COUNT_OF(name) == OC_COUNT, "one name per outcome");
    return name[o];
}

/* Longer texts are cut. */
void reason_set(ReasonAt *at, Reason r, Span span, const char *fmt, ...)
{
    at->code = r;
    at->span = span;
    at->src = NULL;
    at->detail[0] = '\0';
    if (!fmt)
        return;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(at->detail, sizeof at->detail, fmt, ap);
    va_end(ap);
}
