/* tests/unit/test_report.c — the report of loops by itself: records, cases, places, and both printers on texts that are no good. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "profile/report.h"

static int n_passed, n_failed;

static void check(bool ok, const char *what)
{
    n_passed += ok;
    n_failed += !ok;
    if (!ok)
        fprintf(stderr, "failed: %s\n", what);
}

#define CHECK(condition) check(condition, #condition)

typedef struct Text { char bytes[1 << 20]; size_t size; } Text;
static Text printed;

static void collect(void *user, const char *s, size_t n)
{
    Text *t = user;
    if (n < sizeof t->bytes - t->size) {
        memcpy(t->bytes + t->size, s, n);
        t->size += n;
    }
    t->bytes[t->size] = 0;
}

static const char *text_of(const Report *r)
{
    printed.size = 0;
    report_text(r, collect, &printed);
    return printed.bytes;
}

static const char *json_of(const Report *r)
{
    printed.size = 0;
    report_json(r, collect, &printed);
    return printed.bytes;
}

static void equal(const char *got, const char *wanted, const char *what)
{
    check(strcmp(got, wanted) == 0, what);
    if (strcmp(got, wanted) != 0)
        fprintf(stderr, "got:\n%s\nwanted:\n%s\n", got, wanted);
}

static Src make_src(Mem *mem, const char *name, const char *text)
{
    Src s;
    const char *why;
    if (src_init(&s, mem, name, text, strlen(text), &why) != ALP_OK)
        abort();
    return s;
}

static LoopCase make_case(Outcome o, Reason reason, const char *detail, uint64_t runs)
{
    LoopCase c = { .outcome = o, .runs = runs, .iterations = 10 * runs };
    reason_set(&c.why, reason, (Span){ 0, 0 }, detail ? "%s" : NULL, detail);
    return c;
}

static const char loops_text[] =
    "n = 5\n"
    "for i in range(n):\n"
    "\tfor j in range(n):\n"
    "\t\ta[i] = j\n"
    "while n: n -= 1";

static void cases(Mem *mem)
{
    Report r;
    report_init(&r, mem);
    equal(text_of(&r), "No loops.\n", "an empty report");
    Src src = make_src(mem, "loops.alp", loops_text);
    CHECK(report_source(&r, &src, NULL) != NULL);
    LoopRecord *w = report_loop(&r, "loops.alp", 5, 0, 1, "", "", true);
    LoopRecord *i = report_loop(&r, "loops.alp", 2, 0, 1, "i", "", false);
    LoopRecord *j = report_loop(&r, "loops.alp", 3, 1, 2, "j", "", false);
    CHECK(r.first == i && i->next == j && j->next == w && r.last == w);
    CHECK(report_loop(&r, "loops.alp", 3, 1, 2, "j", "", false) == j);

    LoopCase c = make_case(OC_Sequential, RS_CarriedOutput, "a[i] of line 4 is written in every iteration of j", 2);
    c.why.span = (Span){ (uint32_t)(strstr(loops_text, "a[i]") - loops_text), (uint32_t)(strstr(loops_text, "a[i]") - loops_text + 4) };
    report_add(j, &c);
    report_add(j, &c);
    c = make_case(OC_Parallel, RS_Independent, NULL, 4);
    strcpy(c.decided, "n = 5");
    strcpy(c.transforms, "distributed, interchanged");
    strcpy(c.guards, "3 of 3 checks proved");
    report_add(i, &c);
    c = make_case(OC_None, RS_NotReached, NULL, 0);
    report_add(i, &c);
    report_add(w, &c);
    src_free(&src);             /* the report has a copy */
    CHECK(j->n_cases == 1 && j->cases[0].runs == 4 && i->n_cases == 1);
    equal(text_of(&r),
          "loops.alp\n\n"
          "   1  n = 5\n"
          "   2  for i in range(n):\n"
          "   |      parallel: no iteration touches what another one writes\n"
          "   |        decided at run time: n = 5\n"
          "   |        transformed: distributed, interchanged\n"
          "   |        guards: 3 of 3 checks proved\n"
          "   |        4 runs, 40 iterations\n"
          "   3  \tfor j in range(n):\n"
          "   |              sequential: two iterations write the same element (line 4)\n"
          "   |                a[i] of line 4 is written in every iteration of j\n"
          "   |                4 runs, 40 iterations\n"
          "   4  \t\ta[i] = j\n"
          "   5  while n: n -= 1\n"
          "   |      not reached in this run\n"
          "\n3 loops: 1 parallel, 1 sequential, 1 not reached.\n", "an annotated text");
    const char *json = json_of(&r);
    CHECK(strstr(json, "\"where\": {\"file\": \"loops.alp\", \"line\": 4, \"column\": 3}, \"decided\": \"\", \"transforms\": [],") != NULL);
    c = make_case(OC_Sequential, RS_CarriedOutput, "a[i] of line -12 is written in every iteration of j", 1);
    c.why.span = (Span){ 1, 2 };
    report_add(j, &c);
    CHECK(j->n_cases == 2 && j->cases[1].why_line == 1);       /* another place */
    c.why.span = (Span){ (uint32_t)(strstr(loops_text, "a[i]") - loops_text), (uint32_t)(strstr(loops_text, "a[i]") - loops_text + 4) };
    report_add(j, &c);
    CHECK(j->n_cases == 2 && j->cases[0].runs == 5 && strstr(j->cases[0].why.detail, "line 4 "));      /* another number */
    strcat(c.why.detail, "j");
    report_add(j, &c);
    CHECK(j->n_cases == 3);
    CHECK(strstr(json, "\"where\": null, \"decided\": \"n = 5\", \"transforms\": [\"distributed\", \"interchanged\"], \"guards\": \"3 of 3") != NULL);
    CHECK(strstr(json, "\"kind\": \"while\", \"variable\": \"\", \"function\": \"\", \"outcome\": \"none\", \"reason\": \"not-reached\"") != NULL);

    /* Advice is given once, and not within a parallel loop. */
    i->cases[0].outcome = OC_Sequential;
    c = make_case(OC_Sequential, RS_CarriedOutput, NULL, 1);
    report_add(w, &c);
    const char *advice = strstr(text_of(&r), "advice: let the subscript depend on the loop variable\n");
    CHECK(advice && !strstr(advice + 1, "advice: "));
    w->n_cases = 0;

    /* "Not reached" gives way, and the last case takes what has no place. */
    for (unsigned k = 0; k < REPORT_MAX_CASES + 3; k++) {
        c = make_case(k % 2 ? OC_Parallel : OC_Sequential, RS_AtRunTime, (char[]){ (char)('a' + k), 0 }, k + 1);
        report_add(w, &c);
    }
    c = make_case(OC_Sequential, RS_AtRunTime, "a", 100);
    report_add(w, &c);
    const LoopCase *last = &w->cases[REPORT_MAX_CASES - 1];
    CHECK(w->n_cases == REPORT_MAX_CASES && w->cases[0].runs == 101 && last->runs == 6 + 7 + 8 + 9 && last->n_joined == 7 + 8 + 9);
    CHECK(strstr(text_of(&r), "30 runs, 300 iterations; 24 of the runs ended otherwise\n") != NULL);
    CHECK(strstr(printed.bytes, "3 loops: 1 of several outcomes, 2 sequential.\n") != NULL);
    report_free(&r);
}

static void sources(Mem *mem)
{
    Report r;
    report_init(&r, mem);
    Src one = make_src(mem, "<stdin>", "for i in x: pass\n"), two = make_src(mem, "<stdin>", "for k in y: pass\n");
    bool is_new;
    const ReportSource *s = report_source(&r, &one, &is_new);
    CHECK(is_new);
    LoopRecord *a = report_loop(&r, "<stdin>", 1, 0, 1, "i", "", false);
    report_source(&r, &two, &is_new);
    CHECK(is_new);
    LoopRecord *b = report_loop(&r, "<stdin>", 1, 0, 1, "k", "", false);
    CHECK(a != b && a->source == s && b->source != s);
    CHECK(report_source(&r, &one, &is_new) == s && !is_new);
    CHECK(report_loop(&r, "<stdin>", 1, 0, 1, "i", "", false) == a);
    /* The reason lies in another text, which is gone when it is told. */
    LoopCase c = make_case(OC_Interpreted, RS_Print, "print", 1);
    Src other = make_src(mem, "lib/other.alp", "def f():\n    print(1)\n");
    c.why.src = &other;
    c.why.span = (Span){ 13, 21 };
    report_add(b, &c);
    src_free(&other);
    CHECK(strstr(text_of(&r), "   |      interpreted: it prints, reads or raises (lib/other.alp, line 2)\n") != NULL);
    CHECK(strstr(printed.bytes, "<stdin>\n\n   1  for i in x: pass\n") != NULL && strstr(printed.bytes, "lib/other.alp\n\n") == NULL);
    /* A text that is not known. */
    c = make_case(OC_Parallel, RS_Independent, NULL, 1);
    report_add(report_loop(&r, "unknown.alp", 12, 4, 1, "i", "f", false), &c);
    CHECK(strstr(text_of(&r), "unknown.alp\n\n  12      i for …\n   |          parallel: ") != NULL);
    report_free(&r);
    src_free(&one);
    src_free(&two);
}

/* Whatever bytes come in, UTF-8 and one line per annotation go out. */
static void odd_bytes(Mem *mem)
{
    Report r;
    report_init(&r, mem);
    Src src = make_src(mem, "\xff\"\\\n\x1b.alp", "for i in x: pass");
    report_source(&r, &src, NULL);
    LoopRecord *l = report_loop(&r, src.name, 1, 0, 1, "i", "f.<locals>.g", false);
    LoopCase c = make_case(OC_Parallel, RS_Independent, "\"quoted\" \\ \x01\x7f \xf0\x9f\x98\x80 \xed\xa0\x80 \xc3", 1);
    report_add(l, &c);
    CHECK(strstr(json_of(&r), "\"file\": \"\xef\xbf\xbd\\\"\\\\\\u000a\\u001b.alp\"") != NULL);
    CHECK(strstr(printed.bytes, "\"detail\": \"\\\"quoted\\\" \\\\ \\u0001\\u007f \xf0\x9f\x98\x80 \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd \xef\xbf\xbd\"") != NULL);
    CHECK(strncmp(text_of(&r), "\xef\xbf\xbd\"\\  .alp\n\n", 12) == 0);

    /* A long word and many short ones, deep inside. */
    char words[REASON_DETAIL];
    for (size_t k = 0; k < sizeof words; k++)
        words[k] = k < 120 ? 'x' : k % 4 ? 'y' : ' ';
    words[sizeof words - 1] = 0;
    c = make_case(OC_Sequential, RS_CarriedFlow, words, 1);
    report_add(l, &c);
    for (const char *line = text_of(&r); *line; line = strchr(line, '\n') + 1)
        CHECK(strcspn(line, "\n") <= 100 || memchr(line, 'x', strcspn(line, "\n")));
    report_free(&r);
    src_free(&src);
}

/* Every request for memory refused once: what is lost is a record, and nothing leaks. */
static void no_memory(void)
{
    for (uint64_t n = 1;; n++) {
        Mem mem;
        mem_init(&mem, NULL, NULL);
        Src src = make_src(&mem, "loops.alp", loops_text);
        Report r;
        report_init(&r, &mem);
        mem.fail_at = mem.n_alloc + n;
        bool is_new;
        bool failed = !report_source(&r, &src, &is_new);
        LoopRecord *l = report_loop(&r, "loops.alp", 2, 0, 1, "i", "", false);
        LoopRecord *m = report_loop(&r, "other.alp", 2, 0, 1, "i", "", false);
        failed |= !l || !m;
        LoopCase c = make_case(OC_Parallel, RS_Independent, NULL, 1);
        if (l)
            report_add(l, &c);
        json_of(&r);
        text_of(&r);
        report_free(&r);
        src_free(&src);
        CHECK(mem.bytes_used == 0);
        if (!failed)
            break;
    }
}

int main(void)
{
    Mem mem;
    mem_init(&mem, NULL, NULL);
    cases(&mem);
    sources(&mem);
    odd_bytes(&mem);
    no_memory();
    CHECK(mem.bytes_used == 0);
    printf("%d passed, %d failed\n", n_passed, n_failed);
    return n_failed != 0;
}
