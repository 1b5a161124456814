/* interp/fileio.c — reading whole files, and saving by temporary file and rename. */
#include "interp/fileio.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "interp/native.h"
#include "interp/str.h"

enum { OUT_BUFFER = 1 << 16, FIRST_READ = 1 << 16 };

Status path_arg(VM *vm, Value v, const char **path)
{
    if (v.tag != T_Str)
        raise(vm, TY_TypeError, "expected str, bytes or os.PathLike object, not %s", value_type_name(v));
    else if (strlen(STR(v)->text) != STR(v)->size)
        raise(vm, TY_ValueError, "embedded null byte");
    else {
        *path = STR(v)->text;
        return ALP_OK;
    }
    return ALP_FAIL;
}

static Status fail_errno(VM *vm, int err, const char *path)
{
    raise_errno(vm, err, path);
    return ALP_FAIL;
}

/* ---- reading -------------------------------------------------------------------------------------------------------- */

Status infile_open(VM *vm, InFile *f, const char *path)
{
    struct stat st;
    *f = (InFile){ .vm = vm, .size = -1 };
    do
        f->fd = open(path, O_RDONLY | O_CLOEXEC);
    while (f->fd < 0 && errno == EINTR && vm_poll(vm) == ALP_OK);
    if (f->fd < 0)
        return vm_has_exc(vm) ? ALP_FAIL : fail_errno(vm, errno, path);
    int err = fstat(f->fd, &st) != 0 ? errno : S_ISDIR(st.st_mode) ? EISDIR : 0;
    if (err) {
        close(f->fd);
        return fail_errno(vm, err, path);
    }
    if (S_ISREG(st.st_mode))
        f->size = st.st_size;
    return ALP_OK;
}

int64_t infile_read(InFile *f, void *to, size_t n)
{
    size_t done = 0;
    while (done < n) {
        size_t piece = n - done < (1u << 30) ? n - done : 1u << 30;
        ssize_t got = read(f->fd, (char *)to + done, piece);
        if (got == 0)
            break;
        if (got > 0) {
            done += (size_t)got;
        } else if (errno != EINTR) {
            raise_errno(f->vm, errno, NULL);
            return -1;
        } else if (vm_poll(f->vm) != ALP_OK) {
            return -1;
        }
    }
    return (int64_t)done;
}

Status infile_slurp(InFile *f)
{
    /* One byte more than a regular file has, so that its end shows at once. */
    size_t want = f->size >= 0 ? (size_t)f->size + 1 : FIRST_READ;
    for (;;) {
        if (f->cap - f->used < want) {
            char *grown = vm_realloc(f->vm, f->base, f->cap, f->used + want);
            if (!grown)
                return ALP_FAIL;
            f->base = grown;
            f->cap = f->used + want;
        }
        int64_t got = infile_read(f, f->base + f->used, f->cap - f->used);
        if (got < 0)
            return ALP_FAIL;
        f->used += (size_t)got;
        if (f->used < f->cap)
            return ALP_OK;
        want = f->cap < FIRST_READ ? FIRST_READ : f->cap;
    }
}

void infile_close(InFile *f)
{
    close(f->fd);
    if (f->base)
        vm_dealloc(f->vm, f->base, f->cap);
    f->base = NULL;
}

/* ---- saving --------------------------------------------------------------------------------------------------------- */

static void outfile_free(OutFile *f)
{
    if (f->fd >= 0)
        close(f->fd);
    if (f->path)
        vm_dealloc(f->vm, f->path, f->path_size);
    if (f->temp)
        vm_dealloc(f->vm, f->temp, f->temp_size);
    if (f->buffer)
        vm_dealloc(f->vm, f->buffer, OUT_BUFFER);
}

/* f->path and f->temp, a name of its own in the same folder. */
static Status choose_names(OutFile *f, const char *path)
{
    static _Atomic unsigned serial;
    char *real = realpath(path, NULL);          /* NULL for a new file: its name serves as it is */
    const char *target = real ? real : path, *slash = strrchr(target, '/');
    size_t folder = slash ? (size_t)(slash - target) + 1 : 0;
    f->path_size = strlen(target) + 1;
    f->temp_size = folder + 48;
    f->path = vm_alloc(f->vm, f->path_size);
    f->temp = f->path ? vm_alloc(f->vm, f->temp_size) : NULL;
    if (f->temp) {
        memcpy(f->path, target, f->path_size);
        memcpy(f->temp, target, folder);
        snprintf(f->temp + folder, 48, ".alpy-%ld-%u.tmp", (long)getpid(), serial++);
    }
    free(real);
    return f->temp ? ALP_OK : ALP_FAIL;
}

static void forget_names(OutFile *f)
{
    vm_dealloc(f->vm, f->path, f->path_size);
    vm_dealloc(f->vm, f->temp, f->temp_size);
    f->path = f->temp = NULL;
}

static int open_direct(const char *path)
{
    int fd;
    do
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    while (fd < 0 && errno == EINTR);
    return fd;
}

/* May the file at `path` be replaced by another?  0 if it must be written directly, else 1, with the mode that its successor gets. */
static bool replaceable(const char *path, struct stat *st, bool *exists)
{
    *exists = stat(path, st) == 0;
    if (*exists)
        return S_ISREG(st->st_mode) && st->st_nlink == 1 && access(path, W_OK) == 0;
    return lstat(path, st) != 0 && errno == ENOENT;     /* not a link that leads nowhere */
}

Status outfile_open(VM *vm, OutFile *f, const char *path)
{
    struct stat st;
    bool exists;
    *f = (OutFile){ .vm = vm, .fd = -1 };
    f->buffer = vm_alloc(vm, OUT_BUFFER);
    if (!f->buffer)
        return ALP_FAIL;
    if (replaceable(path, &st, &exists)) {
        if (choose_names(f, path) != ALP_OK) {
            outfile_free(f);
            return ALP_FAIL;
        }
        f->fd = open(f->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (f->fd >= 0 && exists) {
            /* Ownership first: changing it may take set-user-id bits away. */
            if ((st.st_uid != geteuid() || st.st_gid != getegid()) && fchown(f->fd, st.st_uid, st.st_gid) != 0) {
                /* Not ours to give away: write into the old file instead, which keeps its owner. */
                close(f->fd);
                unlink(f->temp);
                f->fd = -1;
            } else {
                fchmod(f->fd, st.st_mode & 07777);
            }
        }
        if (f->fd < 0)
            forget_names(f);
    }
    if (f->fd < 0)                              /* as open() would do it, with its error if it fails */
        f->fd = open_direct(path);
    if (f->fd < 0) {
        int err = errno;
        outfile_free(f);
        return fail_errno(vm, err, path);
    }
    return ALP_OK;
}

static Status write_all(OutFile *f, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t done = write(f->fd, p, n < (1u << 30) ? n : 1u << 30);
        if (done >= 0) {
            p += done;
            n -= (size_t)done;
        } else if (errno != EINTR) {
            return fail_errno(f->vm, errno, NULL);
        } else {
            TRY(vm_poll(f->vm));
        }
    }
    return ALP_OK;
}

Status outfile_write(OutFile *f, const void *bytes, size_t n)
{
    if (n > OUT_BUFFER - f->used) {
        TRY(write_all(f, f->buffer, f->used));
        f->used = 0;
        if (n >= OUT_BUFFER)
            return write_all(f, bytes, n);
    }
    memcpy(f->buffer + f->used, bytes, n);
    f->used += n;
    return ALP_OK;
}

Status outfile_close(OutFile *f, bool failed)
{
    failed = failed || write_all(f, f->buffer, f->used) != ALP_OK;
    int err = close(f->fd) != 0 && errno != EINTR ? errno : 0;
    f->fd = -1;
    if (!failed && !err && f->path && rename(f->temp, f->path) != 0)
        err = errno;
    if (f->path && (failed || err))
        unlink(f->temp);
    if (!failed && err)
        raise_errno(f->vm, err, NULL);
    outfile_free(f);
    return failed || err ? ALP_FAIL : ALP_OK;
}
