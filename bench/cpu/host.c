/* bench/cpu/host.c — alpy in a worker of the benchmarks: an interpreter whose variables are the worker's arrays, in place, so that every contestant
 * computes on memory that was made the same way.  Called through ctypes; every call returns NULL, or the text of what went wrong. */
#include <alpy.h>
#include <stdio.h>

const char *host_open(int fp, int device, int threads);
const char *host_eval(const char *source);
const char *host_set_int(const char *name, int64_t value);
const char *host_set_float(const char *name, double value);
const char *host_set_array(const char *name, const char *type, int ndim, const int64_t *shape, void *data);

static alpy_vm *vm;

static int print(void *user, int stream, const char *text, size_t size)
{
    (void)user, (void)stream;
    fwrite(text, 1, size, stderr);      /* stdout carries the worker's answers */
    return 0;
}

static const char *outcome(alpy_status status)
{
    return status == ALPY_OK ? NULL : vm && alpy_error(vm)->traceback ? alpy_error(vm)->traceback : alpy_status_name(status);
}

const char *host_open(int fp, int device, int threads)
{
    alpy_config config;
    alpy_config_init(&config);
    config.write_fn = print;
    config.fp = (alpy_fp)fp;
    config.device = (alpy_device)device;
    config.threads = threads;
    alpy_close(vm);
    return outcome(alpy_open(&vm, &config));
}

const char *host_eval(const char *source)
{
    return outcome(alpy_eval(vm, source, "kernel.alp"));
}

const char *host_set_int(const char *name, int64_t value)
{
    return outcome(alpy_set_int(vm, name, value));
}

const char *host_set_float(const char *name, double value)
{
    return outcome(alpy_set_float(vm, name, value));
}

/* type: NumPy's name of the element type. */
const char *host_set_array(const char *name, const char *type, int ndim, const int64_t *shape, void *data)
{
    static const struct { const char *name; alpy_dtype dtype; } types[] = {
        { "float64", ALPY_FLOAT64 }, { "float32", ALPY_FLOAT32 }, { "int64", ALPY_INT64 }, { "int32", ALPY_INT32 },
    };
    alpy_array view = { .ndim = ndim, .shape = shape, .data = data };
    for (size_t k = 0; k < sizeof types / sizeof types[0]; k++)
        if (!strcmp(type, types[k].name))
            view.dtype = types[k].dtype;
    return outcome(alpy_set_array(vm, name, &view));
}
