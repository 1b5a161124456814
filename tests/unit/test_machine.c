/* tests/unit/test_machine.c — what a machine can do: files of the kernel, JSON and damaged JSON, identity, completion, the file's place.
 *
 *     test_machine FOLDER      of recorded profiles */
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "profile/probe.h"

static int n_passed, n_failed;

static void check(bool ok, const char *what, const char *where)
{
    n_passed += ok;
    n_failed += !ok;
    if (!ok)
        fprintf(stderr, "failed: %s (%s)\n", what, where);
}

#define CHECK(condition) check(condition, #condition, __func__)

typedef struct Text { char bytes[1 << 16]; size_t size; } Text;

static void collect(void *user, const char *s, size_t n)
{
    Text *t = user;
    if (n < sizeof t->bytes - t->size) {
        memcpy(t->bytes + t->size, s, n);
        t->size += n;
    }
    t->bytes[t->size] = 0;
}

static void write_text(const Machine *m, Text *t)
{
    t->size = 0;
    machine_write(m, collect, t);
}

/* ---- texts of the kernel ---------------------------------------------------------------------------------------------------- */

static void test_texts(void)
{
    char out[64];
    CHECK(probe_size("48K\n") == 48 << 10);
    CHECK(probe_size("32M") == 32 << 20);
    CHECK(probe_size("2G") == 2ull << 30);
    CHECK(probe_size("123") == 123);
    CHECK(probe_size("") == 0 && probe_size("max") == 0 && probe_size("-4K") == 0);
    CHECK(probe_size("99999999999999999G") == 0);

    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(1, &set);
    CPU_SET(9, &set);
    CHECK(probe_cpu_list("0-3,8,10-11\n", NULL) == 7);
    CHECK(probe_cpu_list("0-3,8,10-11\n", &set) == 1);
    CHECK(probe_cpu_list("0-15", &set) == 2);
    CHECK(probe_cpu_list("", NULL) == 0 && probe_cpu_list("\n", NULL) == 0);
    CHECK(probe_cpu_list("5-", NULL) == 1 && probe_cpu_list("7-3", NULL) == 0);
    CHECK(probe_cpu_list("0-99999999999", NULL) == CPU_SETSIZE);

    CHECK(probe_quota("max 100000\n") == 0);
    CHECK(probe_quota("150000 100000\n") == 2);
    CHECK(probe_quota("100000 100000\n") == 1);
    CHECK(probe_quota("5000 100000\n") == 1);
    CHECK(probe_quota("400000 100000") == 4);
    CHECK(probe_quota("0 100000") == 0 && probe_quota("1") == 0 && probe_quota("") == 0 && probe_quota("100 0") == 0);
    CHECK(probe_quota("9223372036854775807 1") == CPU_SETSIZE);
    CHECK(probe_quota_v1("-1\n", "100000\n") == 0);
    CHECK(probe_quota_v1("250000\n", "100000\n") == 3);

    CHECK(probe_memory_limit("max\n") == 0);
    CHECK(probe_memory_limit("9223372036854771712\n") == 0);
    CHECK(probe_memory_limit("1073741824\n") == 1 << 30);

    static const char v1[] = "12:memory:/docker/abc\n4:cpu,cpuacct:/docker/def\n1:name=systemd:/init.scope\n0::/unified\n";
    CHECK(probe_group(v1, "memory", out, sizeof out) && strcmp(out, "/docker/abc") == 0);
    CHECK(probe_group(v1, "cpu", out, sizeof out) && strcmp(out, "/docker/def") == 0);
    CHECK(probe_group(v1, "cpuacct", out, sizeof out) && strcmp(out, "/docker/def") == 0);
    CHECK(!probe_group(v1, "cpuset", out, sizeof out));
    CHECK(!probe_group(v1, "systemd", out, sizeof out));
    CHECK(probe_group(v1, NULL, out, sizeof out) && strcmp(out, "/unified") == 0);
    CHECK(probe_group("0::/", NULL, out, sizeof out) && strcmp(out, "/") == 0);
    CHECK(!probe_group("4:cpu:/x\n", NULL, out, sizeof out));
    CHECK(!probe_group("0::/longer than there is room", NULL, out, 8));
    CHECK(!probe_group("", NULL, out, sizeof out) && !probe_group("::\n:\n\n", "cpu", out, sizeof out));

    static const char info[] = "processor\t: 0\nmodel name\t: Some CPU @ 2.60GHz\ncpu MHz\t\t: 2593.9\n\nprocessor\t: 1\nmodel name\t: other\n";
    CHECK(probe_field(info, "model name", out, sizeof out) && strcmp(out, "Some CPU @ 2.60GHz") == 0);
    CHECK(probe_field(info, "cpu MHz", out, sizeof out) && strcmp(out, "2593.9") == 0);
    CHECK(probe_field(info, "model name", out, 5) && strcmp(out, "Some") == 0);
    CHECK(!probe_field(info, "model", out, sizeof out) && !probe_field("", "x", out, sizeof out));
    CHECK(probe_clock_of_name("Intel(R) Xeon(R) CPU E5 @ 2.60GHz") == 2.6);
    CHECK(fabs(probe_clock_of_name("Old @ 800MHz") - 0.8) < 1e-12);
    CHECK(probe_clock_of_name("AMD EPYC") == 0 && probe_clock_of_name("@ GHz") == 0 && probe_clock_of_name("@ -3GHz") == 0);
}

/* ---- completion --------------------------------------------------------------------------------------------------------------- */

static bool good(double x)
{
    return isfinite(x) && x > 0;
}

static void check_sane(const Machine *m, const char *name)
{
    const HostMachine *h = &m->host;
    check(h->n_cores >= 1 && h->n_hardware >= h->n_cores && h->cpu[sizeof h->cpu - 1] == 0 && h->simd[0], "identity", name);
    check(h->n_steps >= 1 && h->n_steps <= MACHINE_STEPS && h->threads[0] == 1 && h->threads[h->n_steps - 1] <= h->n_cores, "steps", name);
    check(good(h->clock_ghz) && good(h->interp_ns_per_op) && good(h->executor_ns_per_op) && good(h->consider_ns) && good(h->enter_ns) &&
          good(h->compile_first_ns) && good(h->compile_ns) && good(h->compile_ns_per_node) && good(h->load_ns), "host", name);
    for (int c = 0; c < OPC_COUNT; c++)
        check(good(h->scalar_ns[c]) && good(h->vector_ns[c]) && good(h->chain_ns[c]), "arithmetic", name);
    for (int k = 0; k < MACHINE_LEVELS; k++) {
        const MemoryLevel *l = &h->level[k];
        check(l->bytes > 0 && l->shared_by >= 1 && good(l->latency_ns), "level", name);
        for (uint32_t s = 0; s < h->n_steps; s++)
            check(good(l->bytes_per_ns[s]), "bandwidth", name);
    }
    check(h->fork_ns[0] == 0, "one thread forks nothing", name);
    for (uint32_t s = 1; s < h->n_steps; s++)
        check(good(h->fork_ns[s]) && h->threads[s] > h->threads[s - 1], "fork", name);
    for (uint32_t i = 0; i < m->n_gpus; i++) {
        const GpuMachine *g = &m->gpu[i];
        check(g->major && g->n_sm && g->threads_per_sm && g->memory_bytes && g->l2_bytes && g->shared_bytes && good(g->clock_ghz), "GPU", name);
        check(good(g->launch_ns) && g->round_trip_ns >= g->launch_ns && good(g->up_ns) && good(g->down_ns) && good(g->up_bytes_per_ns) &&
              good(g->down_bytes_per_ns) && good(g->bytes_per_ns) && good(g->l2_bytes_per_ns) && good(g->strided_bytes_per_ns) &&
              good(g->latency_ns) && good(g->busy_threads) && good(g->atomic_ns) && good(g->compile_first_ns) && good(g->compile_ns) &&
              good(g->compile_ns_per_node) && good(g->load_ns), "GPU's numbers", name);
        for (int c = 0; c < OPC_COUNT; c++)
            check(good(g->ops_per_ns[c]) && good(g->chain_ns[c]), "GPU's arithmetic", name);
    }
}

static Machine bare(uint32_t n_cores, double ghz, const char *simd)
{
    Machine m = { .host = { .n_cores = n_cores, .clock_ghz = ghz } };
    snprintf(m.host.simd, sizeof m.host.simd, "%s", simd);
    return m;
}

static void test_completion(void)
{
    Machine nothing = { 0 };
    nothing.n_gpus = 1;
    machine_complete(&nothing);
    check_sane(&nothing, "nothing known");

    static const char *const simd[] = { "", "native", "sse2", "avx2", "avx512" };
    for (uint32_t n = 1; n <= 1024; n += 1 + n / 3)
        for (size_t k = 0; k < COUNT_OF(simd); k++) {
            Machine m = bare(n, 0.5 + n % 5, simd[k]), again;
            machine_complete(&m);
            check_sane(&m, simd[k]);
            for (int l = 0; l < MACHINE_LEVELS; l++)
                for (uint32_t s = 1; s < m.host.n_steps; s++)
                    CHECK(m.host.level[l].bytes_per_ns[s] >= m.host.level[l].bytes_per_ns[s - 1]);
            for (int l = 1; l < MACHINE_LEVELS; l++)
                CHECK(m.host.level[l].latency_ns >= m.host.level[l - 1].latency_ns && m.host.level[l].bytes >= m.host.level[l - 1].bytes);
            for (int c = 0; c < OPC_COUNT; c++)
                CHECK(m.host.vector_ns[c] <= m.host.scalar_ns[c] && m.host.scalar_ns[c] <= m.host.chain_ns[c]);
            again = m;
            machine_complete(&again);
            CHECK(memcmp(&again, &m, sizeof m) == 0);
        }
    /* More of what counts is never slower. */
    Machine slow = bare(4, 2, "sse2"), fast = bare(4, 3, "avx2");
    machine_complete(&slow);
    machine_complete(&fast);
    CHECK(fast.host.vector_ns[OPC_F64] < slow.host.vector_ns[OPC_F64] && fast.host.interp_ns_per_op < slow.host.interp_ns_per_op);
    /* What is known stays, and what is not follows it. */
    Machine some = bare(4, 3, "avx2");
    some.host.level[3].bytes_per_ns[0] = 30;
    some.host.scalar_ns[OPC_F64] = 7;
    machine_complete(&some);
    CHECK(some.host.level[3].bytes_per_ns[0] == 30 && some.host.level[3].bytes_per_ns[1] >= 30);
    CHECK(some.host.scalar_ns[OPC_F64] == 7 && some.host.chain_ns[OPC_F64] >= 7 && some.host.vector_ns[OPC_F64] <= 7);
}

static void test_gpu(void)
{
    const GpuAttributes h100 = {
        .name = "NVIDIA H100 80GB HBM3", .major = 9, .n_sm = 132, .threads_per_sm = 2048, .clock_khz = 1980000, .memory_clock_khz = 2619000,
        .bus_bits = 5120, .memory_bytes = 80ull << 30, .l2_bytes = 50 << 20, .shared_bytes = 227 << 10,
    };
    Machine m = { .n_gpus = 1 };
    GpuMachine *g = &m.gpu[0];
    machine_fill_gpu(g, &h100);
    CHECK(g->bytes_per_ns > 2000 && g->bytes_per_ns < 3352 && g->ops_per_ns[OPC_F64] > 4000 && g->ops_per_ns[OPC_F64] < 33500);
    CHECK(g->ops_per_ns[OPC_F32] > g->ops_per_ns[OPC_F64] && g->ops_per_ns[OPC_F64] > g->ops_per_ns[OPC_F64Fun]);
    MachineLimits limits;
    machine_limits(&m, &limits);
    CHECK(fabs(limits.gpu_bytes_per_ns[0] - 3352.3) < 1);
    for (int c = 0; c < OPC_COUNT; c++)
        CHECK(limits.gpu_ops_per_ns[0][c] == 0 || g->ops_per_ns[c] <= limits.gpu_ops_per_ns[0][c]);
    /* Measured values stay for the same model, and go with another one. */
    g->latency_ns = 555;
    machine_fill_gpu(g, &h100);
    CHECK(g->latency_ns == 555);
    GpuAttributes other = h100;
    other.name = "NVIDIA GeForce GTX 1650";
    other.major = 7, other.minor = 5, other.n_sm = 14, other.memory_clock_khz = 4001000, other.bus_bits = 128;
    machine_fill_gpu(g, &other);
    CHECK(g->latency_ns != 555 && g->ops_per_ns[OPC_F64] < g->ops_per_ns[OPC_F32] / 20);
    other.n_sm = 0, other.name = "", other.clock_khz = 0;
    memset(g, 0, sizeof *g);
    machine_fill_gpu(g, &other);
    machine_complete(&m);
    check_sane(&m, "GPU without attributes");
}

/* ---- JSON ------------------------------------------------------------------------------------------------------------------------ */

static void fill_with_numbers(double *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = 0.001 * (double)(i + 1) * (double)(i + 3);
}

static Machine example(void)
{
    Machine m = { .is_measured = true, .n_gpus = 2 };
    snprintf(m.date, sizeof m.date, "2026-11-22T12:00:00Z");
    HostMachine *h = &m.host;
    *h = (HostMachine){ .cpu = "A \"quoted\\ CPU", .simd = "avx2", .n_cores = 6, .n_hardware = 12, .clock_ghz = 3.25, .interp_ns_per_op = 2.5 };
    h->n_steps = machine_thread_steps(h->n_cores, h->threads);
    fill_with_numbers(h->scalar_ns, OPC_COUNT);
    fill_with_numbers(h->interp_kind_ns, INK_COUNT);
    h->fork_ns[2] = 123456789012.0;
    for (int k = 0; k < MACHINE_LEVELS; k++) {
        h->level[k] = (MemoryLevel){ .bytes = 1ull << (15 + 7 * k), .shared_by = 1 + (uint32_t)k, .latency_ns = 1.5 * k };
        fill_with_numbers(h->level[k].bytes_per_ns, h->n_steps);
    }
    for (int i = 0; i < 2; i++) {
        GpuMachine *g = &m.gpu[i];
        *g = (GpuMachine){ .name = "Some GPU", .uuid = "0000:01:00.0", .major = 8, .minor = 6, .n_sm = 28, .memory_bytes = 12884901888ull };
        fill_with_numbers(g->ops_per_ns, OPC_COUNT);
        fill_with_numbers(g->up_size_ns, MACHINE_SIZES);
        g->atomic_ns = 0.00012345;
    }
    return m;
}

static bool reads(const char *text, Machine *m)
{
    char why[200] = "";
    bool ok = machine_read(m, text, strlen(text), why, sizeof why);
    CHECK(ok || why[0]);
    return ok;
}

#define HEAD "{\"kind\": \"alpy machine profile\", \"version\": 1, \"host\": {\"cores\": 2"

static void test_json(void)
{
    static Text first, second;
    static Machine m, back;
    m = example();
    write_text(&m, &first);
    CHECK(reads(first.bytes, &back));
    write_text(&back, &second);
    CHECK(strcmp(first.bytes, second.bytes) == 0);
    CHECK(back.is_measured && strcmp(back.host.cpu, m.host.cpu) == 0 && back.n_gpus == 2 && back.host.n_steps == 4 && back.host.threads[3] == 6);
    CHECK(back.host.fork_ns[2] == 123456789012.0 && back.gpu[1].memory_bytes == 12884901888ull && back.host.level[3].bytes == 1ull << 36);
    CHECK(fabs(back.gpu[0].atomic_ns - 0.00012345) < 1e-12);
    CHECK(!strstr(first.bytes, "latency_ns\": 0"));

    static const char *const good_texts[] = {
        HEAD "}}", " \t\r\n" HEAD "} } \n", HEAD ", \"unknown\": [1, -2.5e-3, \"\\u00e9\\n\", {\"a\": null}, true, false, {}, []]}}",
        HEAD ", \"clock_ghz\": 2.5E+0, \"threads\": [1, 2], \"fork_ns\": [0, 4e3, 7, 8]}}", HEAD ", \"scalar_ns\": {\"int\": 0.5, \"new\": 7}}}",
    };
    for (size_t i = 0; i < COUNT_OF(good_texts); i++)
        check(reads(good_texts[i], &back), "is read", good_texts[i]);
    CHECK(reads(good_texts[3], &back) && back.host.fork_ns[1] == 4000 && back.host.fork_ns[2] == 0 && back.host.clock_ghz == 2.5);

    static const char *const bad_texts[] = {
        "", "{", "[]", "{}", "null", "{\"kind\": \"alpy machine profile\", \"version\": 1}", HEAD "}} x", HEAD "},}", HEAD ",}}", HEAD "}",
        "{\"kind\": \"alpy machine profile\", \"version\": 2, \"host\": {\"cores\": 2}}", "{\"kind\": \"other\", \"version\": 1, \"host\": {\"cores\": 2}}",
        HEAD ", \"clock_ghz\": -1}}", HEAD ", \"clock_ghz\": 1e99}}", HEAD ", \"clock_ghz\": 1e}}", HEAD ", \"clock_ghz\": .5}}",
        HEAD ", \"clock_ghz\": 01}}", HEAD ", \"clock_ghz\": 1.}}", HEAD ", \"clock_ghz\": nan}}", HEAD ", \"clock_ghz\": \"2\"}}",
        HEAD ", \"hardware_cores\": 1.5}}", HEAD ", \"hardware_cores\": 99999999999}}", HEAD ", \"hardware_cores\": -1}}",
        HEAD ", \"threads\": [2]}}", HEAD ", \"threads\": [1, 1]}}", HEAD ", \"threads\": [1, 2, 3]}}", HEAD ", \"threads\": [1, 0]}}",
        HEAD ", \"levels\": [{}, {}, {}, {}, {}]}}", HEAD ", \"levels\": {}}}", HEAD ", \"cpu\": \"a\nb\"}}", HEAD ", \"cpu\": \"\\x\"}}",
        HEAD ", \"x\": [[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]}}", HEAD ", \"x\": tru}}", HEAD ", \"x\" 1}}", HEAD ", x: 1}}",
        HEAD "}, \"gpus\": [{}, {}, {}, {}, {}, {}, {}, {}, {}]}", "{\"kind\": \"alpy machine profile\", \"version\": 1, \"host\": {\"cores\": 0}}",
    };
    for (size_t i = 0; i < COUNT_OF(bad_texts); i++)
        check(!reads(bad_texts[i], &back), "is refused", bad_texts[i]);
}

/* Cut at each byte: refused.  Bytes changed at random: refused, or read as something sane. */
static void test_damage(void)
{
    static Text text;
    static Machine m, back;
    char why[200];
    m = example();
    write_text(&m, &text);
    for (size_t n = 0; n + 2 < text.size; n++) {
        char *exact = malloc(n + 1);            /* so that a sanitizer sees who reads beyond */
        if (!exact)
            abort();
        memcpy(exact, text.bytes, n);
        CHECK(!machine_read(&back, exact, n, why, sizeof why));
        free(exact);
    }
    uint64_t seed = 1;
    for (int i = 0; i < 20000; i++) {
        char *exact = malloc(text.size);
        if (!exact)
            abort();
        memcpy(exact, text.bytes, text.size);
        for (int k = 0; k < 1 + i % 3; k++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            exact[(seed >> 33) % text.size] = (char)(i % 2 ? seed >> 20 : (unsigned char)"0123456789{}[],:\"-.e\\"[(seed >> 20) % 21]);
        }
        if (machine_read(&back, exact, text.size, why, sizeof why)) {
            machine_complete(&back);
            if (back.host.n_steps < 1 || back.host.n_steps > MACHINE_STEPS || back.n_gpus > MACHINE_GPUS || !(back.host.clock_ghz > 0))
                CHECK(!"sane");
        }
        free(exact);
    }
}

/* ---- identity and file ------------------------------------------------------------------------------------------------------------ */

static void test_identity(void)
{
    Machine a = example(), b = example();
    char why[300];
    CHECK(machine_is_same(&a, &b, why, sizeof why));
    b.n_gpus = 0;                               /* not looked at */
    b.host.clock_ghz = 1;
    CHECK(machine_is_same(&a, &b, why, sizeof why));
    b.n_gpus = 1;
    CHECK(!machine_is_same(&a, &b, why, sizeof why) && strstr(why, "2 GPUs, not 1"));
    b = example();
    snprintf(b.gpu[1].name, sizeof b.gpu[1].name, "other");
    CHECK(!machine_is_same(&a, &b, why, sizeof why) && strstr(why, "GPU 1"));
    b = example();
    b.host.n_cores = 4;
    CHECK(!machine_is_same(&a, &b, why, sizeof why) && strstr(why, "6 of 12 cores, not 4 of 12"));
    b = example();
    b.host.cpu[0] = 'B';
    CHECK(!machine_is_same(&a, &b, why, sizeof why) && strstr(why, "processor"));
    b = example();
    b.host.simd[3] = '5';
    CHECK(!machine_is_same(&a, &b, why, sizeof why) && strstr(why, "instruction set"));
}

static void test_fewer(void)
{
    Machine m = example();              /* 1, 2, 4, 6 threads */
    HostMachine *h = &m.host;
    h->fork_ns[3] = 323456789012.0;
    h->level[3].shared_by = 6;
    machine_use_fewer(h, 6);
    machine_use_fewer(h, 7);
    CHECK(h->n_cores == 6 && h->n_steps == 4);
    double four = h->level[2].bytes_per_ns[2], six = h->level[2].bytes_per_ns[3];
    machine_use_fewer(h, 5);
    CHECK(h->n_cores == 5 && h->n_steps == 4 && h->threads[3] == 5 && h->fork_ns[3] == 223456789012.0);
    CHECK(fabs(h->level[2].bytes_per_ns[3] - (four + six) / 2) < 1e-9 && h->level[3].shared_by == 5);
    machine_use_fewer(h, 4);
    CHECK(h->n_steps == 3 && h->threads[2] == 4 && h->fork_ns[3] == 0 && h->level[2].bytes_per_ns[3] == 0);
    machine_complete(&m);
    check_sane(&m, "fewer cores");
    machine_use_fewer(h, 3);
    CHECK(h->n_steps == 3 && h->threads[2] == 3);
    machine_use_fewer(h, 1);
    CHECK(h->n_steps == 1 && h->threads[0] == 1 && h->fork_ns[0] == 0 && h->level[0].shared_by == 1);
    check_sane(&m, "one core");
    m = bare(8, 3, "avx2");
    machine_use_fewer(&m.host, 2);
    machine_complete(&m);
    check_sane(&m, "fewer cores, nothing measured");
}

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    if (!f || fputs(text, f) < 0 || fclose(f))
        abort();
}

static void test_file(void)
{
    static Machine here, loaded;
    char folder[] = "/tmp/alpy-machine-XXXXXX", path[600], wanted[600], note[800], why[300];
    struct stat st;
    if (!mkdtemp(folder))
        abort();
    unsetenv("ALPY_PROFILE");
    setenv("XDG_CACHE_HOME", folder, 1);
    snprintf(wanted, sizeof wanted, "%s/alpy/profile.json", folder);
    CHECK(machine_path(path, sizeof path) && strcmp(path, wanted) == 0);
    CHECK(!machine_path(why, 10));
    machine_load(&loaded, note, sizeof note);
    CHECK(!note[0] && !loaded.is_measured);
    check_sane(&loaded, "this machine, probed");

    machine_probe_host(&here.host);
    CHECK(here.host.n_cores == machine_cores() && here.host.level[MACHINE_LEVELS - 1].bytes > 0);
    here.host.interp_ns_per_op = 42;
    snprintf(here.date, sizeof here.date, "2026-01-01T00:00:00Z");
    CHECK(machine_save(&here, NULL, why, sizeof why));
    CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);
    machine_load(&loaded, note, sizeof note);
    CHECK(!note[0] && loaded.is_measured && loaded.host.interp_ns_per_op == 42);
    check_sane(&loaded, "this machine, from its file");

    /* Fewer processors for this process than there were. */
    cpu_set_t all, one;
    if (sched_getaffinity(0, sizeof all, &all) == 0 && CPU_COUNT(&all) > 1) {
        int cpu = 0;
        while (!CPU_ISSET((size_t)cpu, &all))
            cpu++;
        CPU_ZERO(&one);
        CPU_SET((size_t)cpu, &one);
        CHECK(sched_setaffinity(0, sizeof one, &one) == 0 && machine_cores() == 1);
        machine_load(&loaded, note, sizeof note);
        CHECK(!note[0] && loaded.is_measured && loaded.host.n_cores == 1 && loaded.host.n_steps == 1);
        check_sane(&loaded, "this machine, one processor of it");
        CHECK(sched_setaffinity(0, sizeof all, &all) == 0);
    }
    here.host.n_cores++;
    here.host.n_hardware++;
    CHECK(machine_save(&here, NULL, why, sizeof why));
    machine_load(&loaded, note, sizeof note);
    CHECK(strstr(note, "cores") && strstr(note, path) && !loaded.is_measured && loaded.host.interp_ns_per_op != 42);
    write_file(path, "{");
    machine_load(&loaded, note, sizeof note);
    CHECK(strstr(note, "line 1") && !loaded.is_measured);
    unlink(path);
    CHECK(mkdir(path, 0700) == 0);
    machine_load(&loaded, note, sizeof note);
    CHECK(note[0] && !loaded.is_measured);
    CHECK(!machine_save(&here, NULL, why, sizeof why) && why[0]);
    rmdir(path);

    snprintf(wanted, sizeof wanted, "%s/own.json", folder);
    setenv("ALPY_PROFILE", wanted, 1);
    here.host.n_cores--;
    here.host.n_hardware--;
    CHECK(machine_save(&here, NULL, why, sizeof why));
    machine_load(&loaded, note, sizeof note);
    CHECK(loaded.is_measured && machine_path(path, sizeof path) && strcmp(path, wanted) == 0);
    setenv("ALPY_PROFILE", "", 1);
    CHECK(!machine_path(path, sizeof path) && !machine_save(&here, NULL, why, sizeof why));
    machine_load(&loaded, note, sizeof note);
    CHECK(!note[0] && !loaded.is_measured);
    CHECK(!machine_save(&here, "/nonexistent/folder/x.json", why, sizeof why) && why[0]);
    CHECK(!machine_read_file(&loaded, "/nonexistent", why, sizeof why) && why[0]);
    CHECK(!machine_read_file(&loaded, "/dev/zero", why, sizeof why) && why[0]);

    unlink(wanted);
    snprintf(path, sizeof path, "%s/alpy", folder);
    CHECK(rmdir(path) == 0 && rmdir(folder) == 0);     /* nothing else is left */
}

static void test_steps(void)
{
    uint32_t steps[MACHINE_STEPS];
    CHECK(machine_thread_steps(1, steps) == 1 && steps[0] == 1);
    CHECK(machine_thread_steps(6, steps) == 4 && steps[3] == 6 && steps[2] == 4);
    CHECK(machine_thread_steps(128, steps) == 8 && steps[7] == 128 && steps[6] == 64);
    for (uint32_t n = 1; n < 5000; n++) {
        uint32_t count = machine_thread_steps(n, steps);
        bool ok = count >= 1 && count <= MACHINE_STEPS && steps[0] == 1 && steps[count - 1] == n;
        for (uint32_t s = 1; s < count; s++)
            ok &= steps[s] > steps[s - 1];
        if (!ok)
            CHECK(!"steps ascend to the number of cores");
    }
}

/* CUDA_VISIBLE_DEVICES, as far as it gives numbers of GPUs that the profile has. */
static void test_visible(void)
{
    static const struct { const char *value; const char *left; } cases[] = {
        { NULL, "abc" }, { "", "abc" }, { "1", "b" }, { "2,0", "ca" }, { "0,1,2", "abc" }, { "2,", "c" }, { "3", "abc" }, { "0,5", "abc" }, { "-1", "abc" },
        { "GPU-1234", "abc" }, { "1,GPU-1234", "abc" }, { "1x", "abc" }, { "18446744073709551617", "abc" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        static Machine m;
        char left[MACHINE_GPUS + 1] = "";
        m.n_gpus = 3;
        for (uint32_t k = 0; k < 3; k++)
            snprintf(m.gpu[k].name, sizeof m.gpu[k].name, "%c", 'a' + (int)k);
        if (cases[i].value)
            setenv("CUDA_VISIBLE_DEVICES", cases[i].value, 1);
        else
            unsetenv("CUDA_VISIBLE_DEVICES");
        machine_use_visible(&m);
        for (uint32_t k = 0; k < m.n_gpus; k++)
            left[k] = m.gpu[k].name[0];
        check(strcmp(left, cases[i].left) == 0, left, cases[i].value ? cases[i].value : "not set");
    }
    unsetenv("CUDA_VISIBLE_DEVICES");
}

/* Recorded profiles are read, complete and can be shown. */
static void test_recorded(const char *folder)
{
    DIR *d = opendir(folder);
    int n = 0;
    static Machine m;
    static Text text;
    if (!d)
        abort();
    for (struct dirent *e; (e = readdir(d));) {
        char path[800], why[300] = "";
        if (!strstr(e->d_name, ".json"))
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        bool ok = machine_read_file(&m, path, why, sizeof why);
        check(ok, why, e->d_name);
        if (!ok)
            continue;
        n++;
        text.size = 0;
        machine_show(&m, collect, &text);
        check(text.size > 1000, "shown", e->d_name);
        machine_complete(&m);
        check_sane(&m, e->d_name);
    }
    closedir(d);
    CHECK(n >= 4);
}

int main(int argc, char **argv)
{
    test_texts();
    test_completion();
    test_gpu();
    test_json();
    test_damage();
    test_identity();
    test_steps();
    test_fewer();
    test_file();
    test_visible();
    if (argc > 1)
        test_recorded(argv[1]);
    printf("%d passed, %d failed\n", n_passed, n_failed);
    return n_failed != 0;
}
