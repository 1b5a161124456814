/* profile/probe.c — what this machine is, without measuring: cores, caches, clock, instruction set, memory, limits.
 *
 * Everything comes from cpuid and from small files of the kernel.  /proc/cpuinfo is read only where nothing else tells: opening it
 * interrupts every processor on some kernels.  Files that are not there leave a 0, which machine_complete() fills. */
#include "profile/probe.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- texts ----------------------------------------------------------------------------------------------------------------- */

uint64_t probe_size(const char *text)
{
    char *end;
    if (*text < '0' || *text > '9')
        return 0;
    unsigned long long n = strtoull(text, &end, 10);
    int shift = *end == 'K' ? 10 : *end == 'M' ? 20 : *end == 'G' ? 30 : 0;
    return n > UINT64_MAX >> shift ? 0 : n << shift;
}

uint32_t probe_cpu_list(const char *text, const cpu_set_t *set)
{
    uint32_t n = 0;
    while (*text >= '0' && *text <= '9') {
        char *end;
        unsigned long lo = strtoul(text, &end, 10), hi = lo;
        if (*end == '-' && end[1] >= '0' && end[1] <= '9')
            hi = strtoul(end + 1, &end, 10);
        for (unsigned long cpu = lo; cpu <= hi && cpu < CPU_SETSIZE; cpu++)
            n += !set || CPU_ISSET(cpu, set);
        text = end + (*end == ',');
    }
    return n;
}

static uint32_t whole_cpus(long long quota, long long period)
{
    if (quota <= 0 || period <= 0)
        return 0;
    long long n = quota / period + (quota % period != 0);
    return n > CPU_SETSIZE ? CPU_SETSIZE : (uint32_t)n;
}

uint32_t probe_quota(const char *text)
{
    long long quota, period;
    return sscanf(text, "%lld %lld", &quota, &period) == 2 ? whole_cpus(quota, period) : 0;
}

uint32_t probe_quota_v1(const char *quota, const char *period)
{
    return whole_cpus(atoll(quota), atoll(period));
}

uint64_t probe_memory_limit(const char *text)
{
    uint64_t n = probe_size(text);
    return n >= UINT64_MAX / 4 ? 0 : n;         /* version 1 says so when there is none */
}

/* Is `word` among the words of a list with commas? */
static bool has_word(const char *list, size_t n, const char *word)
{
    size_t size = strlen(word);
    for (const char *at = list, *end = list + n; at < end; at++) {
        size_t k = strcspn(at, ",:");
        if (k == size && memcmp(at, word, size) == 0)
            return true;
        at += k;
    }
    return false;
}

bool probe_group(const char *text, const char *controller, char *out, size_t size)
{
    for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        const char *list = line + strcspn(line, ":\n");
        if (*list++ != ':')
            continue;
        size_t n = strcspn(list, ":\n");
        const char *path = list + n;
        if (*path++ != ':' || !(controller ? has_word(list, n, controller) : n == 0 && strncmp(line, "0:", 2) == 0))
            continue;
        size_t k = strcspn(path, "\n");
        if (k >= size)
            return false;
        memcpy(out, path, k);
        out[k] = 0;
        return true;
    }
    return false;
}

bool probe_field(const char *text, const char *name, char *out, size_t size)
{
    size_t n = strlen(name);
    for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        if (strncmp(line, name, n) != 0)
            continue;
        const char *at = line + n + strspn(line + n, " \t");
        if (*at != ':')
            continue;
        at += 1 + strspn(at + 1, " \t");
        size_t k = strcspn(at, "\n");
        k = k < size ? k : size - 1;
        memcpy(out, at, k);
        out[k] = 0;
        return true;
    }
    return false;
}

double probe_clock_of_name(const char *name)
{
    const char *at = strstr(name, "@ ");
    char *end;
    double ghz = at ? strtod(at + 2, &end) : 0;
    if (!at || !(ghz > 0))
        return 0;
    return strncmp(end, "GHz", 3) == 0 ? ghz : strncmp(end, "MHz", 3) == 0 ? ghz * 1e-3 : 0;
}

/* ---- files ----------------------------------------------------------------------------------------------------------------- */

/* The beginning of a file as a text; false: there is none. */
static bool slurp(const char *path, char *out, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    size_t at = 0;
    ssize_t n;
    while (at < size - 1 && (n = read(fd, out + at, size - 1 - at)) > 0)
        at += (size_t)n;
    close(fd);
    out[at] = 0;
    return at > 0;
}

/* The smallest of the limits of a group and of those around it.  In a container the path may be the host's, which is not there: then what remains is
 * the file at the root of the hierarchy. */
typedef uint64_t (*LimitOf)(const char *folder);

static uint64_t least_limit(const char *root, char *group, LimitOf limit_of)
{
    char folder[768];
    uint64_t least = 0;
    for (;;) {
        snprintf(folder, sizeof folder, "%s%s", root, strcmp(group, "/") ? group : "");
        uint64_t limit = limit_of(folder);
        if (limit && (!least || limit < least))
            least = limit;
        char *slash = strrchr(group, '/');
        if (!slash || !group[1])
            return least;
        *slash = 0;
    }
}

static bool slurp_in(const char *folder, const char *name, char *out, size_t size)
{
    char path[832];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return slurp(path, out, size);
}

static uint64_t cpu_limit(const char *folder)
{
    char text[64];
    return slurp_in(folder, "cpu.max", text, sizeof text) ? probe_quota(text) : 0;
}

static uint64_t cpu_limit_v1(const char *folder)
{
    char quota[32], period[32];
    return slurp_in(folder, "cpu.cfs_quota_us", quota, sizeof quota) && slurp_in(folder, "cpu.cfs_period_us", period, sizeof period) ?
           probe_quota_v1(quota, period) : 0;
}

static uint64_t memory_limit(const char *folder)
{
    char text[64];
    return slurp_in(folder, "memory.max", text, sizeof text) ? probe_memory_limit(text) : 0;
}

static uint64_t memory_limit_v1(const char *folder)
{
    char text[64];
    return slurp_in(folder, "memory.limit_in_bytes", text, sizeof text) ? probe_memory_limit(text) : 0;
}

/* Of both versions, which may be mounted at the same time. */
static uint64_t group_limit(const char *controller, LimitOf v1, LimitOf v2)
{
    char text[4096], group[512], root[64];
    uint64_t limit = 0;
    if (!slurp("/proc/self/cgroup", text, sizeof text))
        return 0;
    if (probe_group(text, NULL, group, sizeof group))
        limit = least_limit("/sys/fs/cgroup", group, v2);
    if (probe_group(text, controller, group, sizeof group)) {
        snprintf(root, sizeof root, "/sys/fs/cgroup/%s", controller);
        uint64_t other = least_limit(root, group, v1);
        if (other && (!limit || other < limit))
            limit = other;
    }
    return limit;
}

/* ---- processors ------------------------------------------------------------------------------------------------------------ */

static uint32_t usable(cpu_set_t *set)
{
    if (sched_getaffinity(0, sizeof *set, set) == 0)
        return (uint32_t)CPU_COUNT(set);
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    CPU_ZERO(set);
    for (long cpu = 0; cpu < n && cpu < CPU_SETSIZE; cpu++)
        CPU_SET((size_t)cpu, set);
    return n > 0 ? (uint32_t)n : 1;
}

static uint32_t cores_of(cpu_set_t *set)
{
    uint32_t n = usable(set);
    uint64_t quota = group_limit("cpu", cpu_limit_v1, cpu_limit);
    if (quota && quota < n)
        n = (uint32_t)quota;
    return n ? n : 1;
}

uint32_t machine_cores(void)
{
    cpu_set_t set;
    return cores_of(&set);
}

#if defined(__x86_64__)
bool machine_has_isa(const char *isa)
{
    __builtin_cpu_init();
    if (strcmp(isa, "sse2") == 0)
        return true;
    if (strcmp(isa, "avx2") == 0)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
    return strcmp(isa, "avx512") == 0 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512cd");
}

static void cpu_name(char *out, size_t size)
{
    unsigned r[4], brand[13] = { 0 };
#define CPUID(leaf) __asm__ volatile("cpuid" : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3]) : "a"(leaf), "c"(0))
    CPUID(0x80000000u);
    if (r[0] < 0x80000004u)
        return;
    for (unsigned k = 0; k < 3; k++) {
        CPUID(0x80000002u + k);
        memcpy(brand + 4 * k, r, sizeof r);
    }
#undef CPUID
    const char *text = (const char *)brand;
    snprintf(out, size, "%s", text + strspn(text, " "));
}
#else
bool machine_has_isa(const char *isa)
{
    return false;
}

static void cpu_name(char *out, size_t size)
{
}
#endif

/* Only printable ASCII, no blanks at the end: it goes into JSON and is compared. */
static void tidy(char *text)
{
    for (char *at = text; *at; at++)
        if (*at < ' ' || *at > '~' || *at == '"' || *at == '\\')
            *at = '?';
    for (size_t n = strlen(text); n && text[n - 1] == ' '; n--)
        text[n - 1] = 0;
}

/* What is compared with a profile: all that is cheap. */
void probe_identity(HostMachine *h, cpu_set_t *set)
{
    static const char *const isa[] = { "avx512", "avx2", "sse2" };
    memset(h, 0, sizeof *h);
    h->n_cores = cores_of(set);
    char text[2048], part[32];
    /* Not sysconf(): some versions of the C library count those of the affinity mask. */
    uint32_t n = slurp("/sys/devices/system/cpu/online", text, sizeof text) ? probe_cpu_list(text, NULL) : 0;
    h->n_hardware = n > h->n_cores ? n : h->n_cores;
    for (size_t i = 0; i < COUNT_OF(isa) && !h->simd[0]; i++)
        if (machine_has_isa(isa[i]))
            snprintf(h->simd, sizeof h->simd, "%s", isa[i]);
    cpu_name(h->cpu, sizeof h->cpu);
    if (!h->cpu[0] && slurp("/proc/cpuinfo", text, sizeof text)) {
        if (!probe_field(text, "model name", h->cpu, sizeof h->cpu) && probe_field(text, "CPU implementer", part, sizeof part)) {
            int at = snprintf(h->cpu, sizeof h->cpu, "implementer %s", part);
            if (probe_field(text, "CPU part", part, sizeof part))
                snprintf(h->cpu + at, sizeof h->cpu - (size_t)at, " part %s", part);
        }
    }
    if (!h->simd[0])
        snprintf(h->simd, sizeof h->simd, "native");
    tidy(h->cpu);
}

static double clock_of(const HostMachine *h)
{
    char text[2048], mhz[32];
    if (slurp("/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq", text, sizeof text))
        return atof(text) * 1e-6;
    double ghz = probe_clock_of_name(h->cpu);
    if (ghz == 0 && slurp("/proc/cpuinfo", text, sizeof text) && probe_field(text, "cpu MHz", mhz, sizeof mhz))
        ghz = atof(mhz) * 1e-3;
    return ghz;
}

/* ---- caches and memory ------------------------------------------------------------------------------------------------------- */

/* Of the first processor that may be used: those of big and little cores differ, and then this is one of them. */
static void probe_caches(HostMachine *h, const cpu_set_t *set)
{
    enum { MAX_INDEX = 8, LAST_CACHE = MACHINE_LEVELS - 2 };
    int cpu = 0;
    while (cpu < CPU_SETSIZE - 1 && !CPU_ISSET((size_t)cpu, set))
        cpu++;
    for (int index = 0; index < MAX_INDEX; index++) {
        char folder[96], text[1024];
        snprintf(folder, sizeof folder, "/sys/devices/system/cpu/cpu%d/cache/index%d", cpu, index);
        if (!slurp_in(folder, "type", text, sizeof text))
            break;
        if (text[0] == 'I' || !slurp_in(folder, "level", text, sizeof text))
            continue;
        int level = atoi(text) - 1;
        if (level < 0)
            continue;
        MemoryLevel *l = &h->level[level < LAST_CACHE ? level : LAST_CACHE];    /* a fourth cache is the last level */
        uint64_t bytes = slurp_in(folder, "size", text, sizeof text) ? probe_size(text) : 0;
        uint32_t shared = slurp_in(folder, "shared_cpu_list", text, sizeof text) ? probe_cpu_list(text, set) : 0;
        if (bytes < l->bytes)
            continue;
        l->bytes = bytes;
        l->shared_by = shared == 0 ? 1 : shared < h->n_cores ? shared : h->n_cores;
    }
}

static uint64_t memory_of_process(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    uint64_t bytes = pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : 0;
    uint64_t limit = group_limit("memory", memory_limit_v1, memory_limit);
    return limit && (!bytes || limit < bytes) ? limit : bytes;
}

void machine_probe_host(HostMachine *h)
{
    cpu_set_t set;
    probe_identity(h, &set);
    h->clock_ghz = clock_of(h);
    probe_caches(h, &set);
    h->level[MACHINE_LEVELS - 1].bytes = memory_of_process();
    h->level[MACHINE_LEVELS - 1].shared_by = h->n_cores;
}
