/* alpy_explain() and the settings that go with it. */
#include <stddef.h>

#include "check.h"

static const char program[] =
    "import numpy as np\n"
    "def twice(x):\n"
    "    for i in range(len(x)):\n"
    "        x[i] *= 2\n"
    "def never(x):\n"
    "    for j in range(len(x)):\n"
    "        x[j] = 0\n"
    "a = np.arange(300.0)\n"
    "twice(a)\n";

typedef struct Text { char bytes[65536]; size_t size; int calls; bool stop; } Text;

static int collect(void *user, const char *text, size_t size)
{
    Text *t = user;
    t->calls++;
    if (size < sizeof t->bytes - t->size) {
        memcpy(t->bytes + t->size, text, size);
        t->size += size;
        t->bytes[t->size] = 0;
    }
    return t->stop;
}

static alpy_vm *open_explained(void)
{
    alpy_config config;
    alpy_config_init(&config);
    config.explain = true;
    return open_vm(&config);
}

static void formats(void)
{
    static Text t;
    alpy_vm *vm = open_explained();
    t = (Text){ .calls = 0 };
    CHECK_STATUS(alpy_explain(vm, ALPY_EXPLAIN_TEXT, 0, collect, &t), ALPY_OK);
    CHECK_TEXT(t.bytes, "No loops.\n");
    CHECK_STATUS(alpy_eval(vm, program, "twice.alp"), ALPY_OK);

    t = (Text){ .calls = 0 };
    CHECK_STATUS(alpy_explain(vm, ALPY_EXPLAIN_TEXT, 0, collect, &t), ALPY_OK);
    CHECK(strncmp(t.bytes, "twice.alp\n\n", 11) == 0);
    CHECK(strstr(t.bytes, "   3      for i in range(len(x)):\n   |          ") != NULL);
    CHECK(strstr(t.bytes, "not reached in this run\n") != NULL);

    t = (Text){ .calls = 0 };
    CHECK_STATUS(alpy_explain(vm, ALPY_EXPLAIN_JSON, 0, collect, &t), ALPY_OK);
    static const char begin[] = "{\"version\": 1, \"alpy\": \"" ALPY_VERSION "\",\n";
    CHECK(strncmp(t.bytes, begin, sizeof begin - 1) == 0);
    CHECK(strstr(t.bytes, "\"line\": 3, \"column\": 5, \"depth\": 1, \"kind\": \"for\", \"variable\": \"i\", \"function\": \"twice\"") != NULL);
    CHECK(strcmp(t.bytes + t.size - 4, "}]}\n") == 0);

    t = (Text){ .calls = 0 };
    CHECK_STATUS(alpy_explain(vm, ALPY_EXPLAIN_GRAPH, 3, collect, &t), ALPY_OK);
    CHECK(strncmp(t.bytes, "digraph ", 8) == 0);
    CHECK_STATUS(alpy_explain(vm, ALPY_EXPLAIN_GRAPH, 6, collect, &t), ALPY_ERROR);
    CHECK_TEXT(alpy_error(vm)->type, "LookupError");
    CHECK_TEXT(alpy_error(vm)->text, "no loop nest that was run begins in line 6");

    t = (Text){ .stop = true };
    CHECK_STATUS(alpy_explain(vm, ALPY_EXPLAIN_JSON, 0, collect, &t), ALPY_OK);
    CHECK(t.calls == 1);
    CHECK_STATUS(alpy_explain(vm, ALPY_EXPLAIN_TEXT, 0, NULL, NULL), ALPY_USAGE);
    CHECK_STATUS(alpy_explain(vm, (alpy_explain_format)7, 0, collect, &t), ALPY_USAGE);
    CHECK_STATUS(alpy_explain(NULL, ALPY_EXPLAIN_TEXT, 0, collect, &t), ALPY_USAGE);
    CHECK_STATUS(alpy_close(vm), ALPY_OK);
}

static size_t count(const char *text, const char *what)
{
    size_t n = 0;
    for (; (text = strstr(text, what)); text += strlen(what))
        n++;
    return n;
}

/* One text run often is one text; texts of one name, as a prompt has them, are told apart. */
static void texts(void)
{
    static Text t;
    alpy_vm *vm = open_explained();
    for (int i = 0; i < 5; i++)
        CHECK_STATUS(alpy_eval(vm, "for i in range(300):\n    pass\n", "<stdin>"), ALPY_OK);
    CHECK_STATUS(alpy_eval(vm, "for j in range(300):\n    pass\n", "<stdin>"), ALPY_OK);
    CHECK_STATUS(alpy_eval(vm, "for k in range(3):\n    1/0\n", "other"), ALPY_ERROR);
    t = (Text){ .calls = 0 };
    CHECK_STATUS(alpy_explain(vm, ALPY_EXPLAIN_TEXT, 0, collect, &t), ALPY_OK);
    CHECK(count(t.bytes, "<stdin>\n\n") == 2);
    CHECK(count(t.bytes, "for i in range(300)") == 1);
    CHECK(count(t.bytes, "5 runs, 1500 iterations") == 1);
    CHECK(count(t.bytes, "for k in range(3)") == 1);
    CHECK_STATUS(alpy_close(vm), ALPY_OK);
}

static int explain_inside_status;

static int use_vm(void *user, const char *text, size_t size)
{
    (void)text, (void)size;
    explain_inside_status = alpy_set_int(user, "x", 1);
    return 1;
}

static void settings(void)
{
    alpy_vm *vm = open_vm(NULL);
    static Text t;
    CHECK_STATUS(alpy_explain(vm, ALPY_EXPLAIN_TEXT, 0, collect, &t), ALPY_USAGE);
    CHECK_TEXT(alpy_error(vm)->text, "alpy_explain() needs alpy_config.explain");
    CHECK_STATUS(alpy_close(vm), ALPY_OK);

    vm = open_explained();
    CHECK_STATUS(alpy_explain(vm, ALPY_EXPLAIN_JSON, 0, use_vm, vm), ALPY_OK);
    CHECK(explain_inside_status == ALPY_USAGE);
    CHECK_STATUS(alpy_close(vm), ALPY_OK);

    alpy_config config;
#define REFUSED(setting) \
    alpy_config_init(&config); \
    config.setting; \
    CHECK_STATUS(alpy_open(&vm, &config), ALPY_USAGE)
    REFUSED(fp = (alpy_fp)3);
    REFUSED(device = (alpy_device)9);
    REFUSED(dump = "nest, plan");
    REFUSED(explain = config.no_analysis = true);

    /* A host of the first version, whose alpy_config ended before `dump`. */
    alpy_config_init(&config);
    config.struct_size = offsetof(alpy_config, dump);
    memset((char *)&config + offsetof(alpy_config, dump), 0x5a, sizeof config - offsetof(alpy_config, dump));
    vm = open_vm(&config);
    CHECK_STATUS(alpy_eval(vm, program, NULL), ALPY_OK);
    CHECK_STATUS(alpy_close(vm), ALPY_OK);

    /* The order of a float sum is a setting. */
    static const char sum[] = "s = 0.0\nfor i in range(10000):\n    s += 1 / (i + 1)\n";
    double sums[3];
    for (int k = 0; k < 3; k++) {
        alpy_config_init(&config);
        config.fp = k == 1 ? ALPY_FP_SEQUENTIAL : ALPY_FP_PRECISE;
        config.no_analysis = k == 2;
        vm = open_vm(&config);
        CHECK_STATUS(alpy_eval(vm, sum, NULL), ALPY_OK);
        CHECK_STATUS(alpy_get_float(vm, "s", &sums[k]), ALPY_OK);
        CHECK_STATUS(alpy_close(vm), ALPY_OK);
    }
    double s = 0;
    for (int i = 0; i < 10000; i++)
        s += 1.0 / (i + 1);
    CHECK(sums[1] == s);
    CHECK(sums[2] == s);
    CHECK(sums[0] != s);
}

int main(void)
{
    formats();
    texts();
    settings();
    return report();
}
