/* profile/machine_file.c — the profile's place on disk: found, read, compared with this machine, written. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "profile/fd_io.h"
#include "profile/probe.h"

enum { MAX_FILE = 256 << 10, PATH_ROOM = 640 };

/* ---- which machine ------------------------------------------------------------------------------------------------------------- */

bool machine_is_same(const Machine *a, const Machine *b, char *why, size_t size)
{
    const HostMachine *x = &a->host, *y = &b->host;
    if (strcmp(x->cpu, y->cpu) != 0)
        snprintf(why, size, "its processor is \"%s\", not \"%s\"", x->cpu, y->cpu);
    else if (strcmp(x->simd, y->simd) != 0)
        snprintf(why, size, "its instruction set is %s, not %s", x->simd, y->simd);
    else if (x->n_cores != y->n_cores || x->n_hardware != y->n_hardware)
        snprintf(why, size, "it has %u of %u cores, not %u of %u", x->n_cores, x->n_hardware, y->n_cores, y->n_hardware);
    else if (a->n_gpus && b->n_gpus && a->n_gpus != b->n_gpus)
        snprintf(why, size, "it has %u GPUs, not %u", a->n_gpus, b->n_gpus);
    else {
        for (uint32_t i = 0; i < a->n_gpus && i < b->n_gpus; i++) {
            const GpuMachine *g = &a->gpu[i], *h = &b->gpu[i];
            if (strcmp(g->name, h->name) != 0 || g->n_sm != h->n_sm) {
                snprintf(why, size, "its GPU %u is \"%s\" with %u multiprocessors, not \"%s\" with %u", i, g->name, g->n_sm, h->name, h->n_sm);
                return false;
            }
        }
        return true;
    }
    return false;
}

/* Between the steps last - 1 and last, at n threads. */
static double between(const HostMachine *h, const double *x, uint32_t last, uint32_t n)
{
    double part = (double)(n - h->threads[last - 1]) / (double)(h->threads[last] - h->threads[last - 1]);
    bool is_known = x[last] > 0 && (x[last - 1] > 0 || last == 1);
    return is_known ? x[last - 1] + part * (x[last] - x[last - 1]) : 0;
}

void machine_use_fewer(HostMachine *h, uint32_t n)
{
    uint32_t last = 0;
    if (n < 1 || n >= h->n_cores)
        return;
    h->n_cores = n;
    while (last + 1 < h->n_steps && h->threads[last] < n)
        last++;
    for (int k = -1; k < MACHINE_LEVELS; k++) {
        double *x = k < 0 ? h->fork_ns : h->level[k].bytes_per_ns;
        if (last && h->threads[last] > n)
            x[last] = between(h, x, last, n);
        for (uint32_t s = last + 1; s < MACHINE_STEPS; s++)
            x[s] = 0;
        if (k >= 0 && h->level[k].shared_by > n)
            h->level[k].shared_by = n;
    }
    if (h->n_steps)
        h->n_steps = last + 1;
    if (last && h->threads[last] > n)
        h->threads[last] = n;
}

/* ---- the place ------------------------------------------------------------------------------------------------------------------- */

bool machine_path(char *out, size_t size)
{
    const char *own = getenv("ALPY_PROFILE"), *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    int n = -1;
    if (own)
        n = *own ? snprintf(out, size, "%s", own) : -1;
    else if (xdg && *xdg == '/')
        n = snprintf(out, size, "%s/alpy/profile.json", xdg);
    else if (home && *home == '/')
        n = snprintf(out, size, "%s/.cache/alpy/profile.json", home);
    return n > 0 && (size_t)n < size;
}

/* The folders that the file's path names, as far as they are missing; failure shows when the file is made. */
static void make_folders(const char *path)
{
    char folder[PATH_ROOM];
    snprintf(folder, sizeof folder, "%s", path);
    for (char *slash = strchr(folder + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        mkdir(folder, 0700);
        *slash = '/';
    }
}

/* ---- reading ---------------------------------------------------------------------------------------------------------------------- */

bool machine_read_file(Machine *m, const char *path, char *why, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    char *text = NULL;
    bool ok = false;
    if (fd < 0) {
        snprintf(why, size, "%s", strerror(errno));
        return false;
    }
    if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size > MAX_FILE)
        snprintf(why, size, "not a machine profile");
    else if (!(text = malloc((size_t)st.st_size + 1)))
        snprintf(why, size, "no memory");
    else if (!fd_read_all(fd, text, (size_t)st.st_size))
        snprintf(why, size, "cannot be read");
    else
        ok = machine_read(m, text, (size_t)st.st_size, why, size);
    free(text);
    close(fd);
    return ok;
}

void machine_load_as_is(Machine *m, char *note, size_t note_size)
{
    char path[PATH_ROOM], why[300];
    cpu_set_t set;
    Machine here = { 0 };
    struct stat st;
    *note = 0;
    probe_identity(&here.host, &set);
    if (machine_path(path, sizeof path) && stat(path, &st) == 0) {
        bool is_read = machine_read_file(m, path, why, sizeof why);
        if (is_read && m->host.n_hardware == here.host.n_hardware)
            machine_use_fewer(&m->host, here.host.n_cores);
        if (is_read && machine_is_same(m, &here, why, sizeof why))
            return;
        snprintf(note, note_size, "%s is not used: %s", path, why);
    }
    *m = here;
    machine_probe_host(&m->host);
}

void machine_load(Machine *m, char *note, size_t note_size)
{
    machine_load_as_is(m, note, note_size);
    machine_complete(m);
}

void machine_use_visible(Machine *m)
{
    const char *at = getenv("CUDA_VISIBLE_DEVICES");
    uint32_t n = 0, place[MACHINE_GPUS];
    while (at && m->n_gpus > 1 && *at && n < MACHINE_GPUS) {
        char *end;
        unsigned long k = strtoul(at, &end, 10);
        if (end == at || (*end && *end != ',') || k >= m->n_gpus)
            return;                             /* UUIDs, or a profile that was taken with fewer */
        place[n++] = (uint32_t)k;
        at = end + (*end == ',');
    }
    if (!n)
        return;
    GpuMachine gpu[MACHINE_GPUS];
    memcpy(gpu, m->gpu, sizeof gpu);
    for (uint32_t i = 0; i < n; i++)
        m->gpu[i] = gpu[place[i]];
    m->n_gpus = n;
}

/* ---- writing ----------------------------------------------------------------------------------------------------------------------- */

static void emit_to_file(void *user, const char *s, size_t n)
{
    fwrite(s, 1, n, user);
}

bool machine_save(const Machine *m, const char *path, char *why, size_t size)
{
    char own[PATH_ROOM], temporary[PATH_ROOM + 16];
    if (!path && !machine_path(own, sizeof own)) {
        snprintf(why, size, "no place for it: neither ALPY_PROFILE, XDG_CACHE_HOME nor HOME names one");
        return false;
    }
    if (!path) {
        path = own;
        make_folders(path);
    }
    if ((size_t)snprintf(temporary, sizeof temporary, "%s.XXXXXX", path) >= sizeof temporary) {
        snprintf(why, size, "%s", strerror(ENAMETOOLONG));
        return false;
    }
    int fd = mkostemp(temporary, O_CLOEXEC);           /* of mode 0600 */
    FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
    if (!f) {
        snprintf(why, size, "%s: %s", path, strerror(errno));
        if (fd >= 0) {
            close(fd);
            unlink(temporary);
        }
        return false;
    }
    machine_write(m, emit_to_file, f);
    bool ok = !ferror(f);
    ok &= fclose(f) == 0;
    ok = ok && rename(temporary, path) == 0;
    if (!ok) {
        snprintf(why, size, "%s: %s", path, strerror(errno));
        unlink(temporary);
    }
    return ok;
}
