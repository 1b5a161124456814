/* interp/mod_pyplot.c — matplotlib.pyplot, limited to imread and imsave of PNG images, whose pixels are matplotlib's. */
#include <limits.h>
#include <math.h>
#include <string.h>
#include <strings.h>

#include "interp/array.h"
#include "interp/colormap.h"
#include "interp/fileio.h"
#include "interp/format.h"
#include "interp/image_png.h"
#include "interp/module.h"
#include "interp/reduce.h"
#include "interp/str.h"

/* ---- imread --------------------------------------------------------------------------------------------------------- */

/* Samples as float32.  Grays of 2 and 4 bits are spread over 0…255 and then divided by 3 and 15: so matplotlib has them. */
static void samples_to_float(const PngImage *image, float *to)
{
    size_t n = (size_t)image->width * image->height * (size_t)image->channels;
    static const struct { float factor, divisor; } scale[] = { [1] = { 1, 1 }, [2] = { 85, 3 }, [4] = { 17, 15 }, [8] = { 1, 255 } };
    if (image->bits == 16) {
        for (size_t i = 0; i < n; i++) {
            uint16_t x;
            memcpy(&x, image->samples + 2 * i, sizeof x);
            to[i] = (float)x / 65535.0f;
        }
        return;
    }
    float table[256];
    for (int x = 0; x < 256; x++)
        table[x] = (float)x * scale[image->bits].factor / scale[image->bits].divisor;
    for (size_t i = 0; i < n; i++)
        to[i] = table[image->samples[i]];
}

static Value image_array(VM *vm, const char *bytes, size_t size)
{
    PngImage image;
    if (image_png_read(vm, bytes, size, &image) != ALP_OK)
        return V_ERR;
    int64_t shape[3] = { image.height, image.width, image.channels };
    Value v = array_new(vm, DT_F32, image.channels == 1 ? 2 : 3, shape, false);
    if (!IS_ERR(v))
        samples_to_float(&image, (float *)(void *)ARRAY(v)->data);
    image_png_free(vm, &image);
    return v;
}

/* What follows the last dot of the path's last part; "" if none does. */
static const char *suffix(const char *path)
{
    const char *name = strrchr(path, '/'), *dot;
    name = name ? name + 1 : path;
    dot = strrchr(name, '.');
    return dot && dot > name ? dot + 1 : "";
}

static Value pyplot_imread(VM *vm, const Args *args)
{
    const char *path;
    InFile f;
    Value v = V_ERR;
    if (path_arg(vm, args->v[0], &path) != ALP_OK || infile_open(vm, &f, path) != ALP_OK)
        return V_ERR;
    if (infile_slurp(&f) == ALP_OK)
        v = image_array(vm, f.base, f.used);
    if (IS_ERR(v) && vm->exc_type == TY_SyntaxError && strcasecmp(suffix(path), "png") != 0) {
        Value name = value_repr(vm, args->v[0]);
        vm_clear_exc(vm);
        if (!IS_ERR(name))
            raise(vm, TY_OSError, "cannot identify image file %s (only PNG is part of alpy)", STR(name)->text);
        value_free(vm, name);
    }
    infile_close(&f);
    return v;
}

/* ---- imsave --------------------------------------------------------------------------------------------------------- */

/* An array as rows of 8-bit RGBA. */
typedef struct Pixels {
    int64_t height, width;
    unsigned char *rgba;
    size_t size;
} Pixels;

static Status pixels_new(VM *vm, Pixels *p, const Array *a)
{
    p->height = a->shape[0];
    p->width = a->shape[1];
    if (p->height > INT_MAX || p->width > INT_MAX) {
        raise(vm, TY_ValueError, "image of %lld x %lld pixels is too large for PNG", (long long)p->width, (long long)p->height);
        return ALP_FAIL;
    }
    if (__builtin_mul_overflow((size_t)p->height * (size_t)p->width, 4u, &p->size))
        raise_nomem(vm);
    else
        p->rgba = vm_alloc(vm, p->size);
    return p->rgba ? ALP_OK : ALP_FAIL;
}

/* Integers of one and two bytes are mapped as float32, longer ones as float64. */
static DType norm_dtype(DType d)
{
    return dtype_promote(d, DT_F32) == DT_F32 ? DT_F32 : DT_F64;
}

static Status limit_arg(VM *vm, Value v, double *out)
{
    if (v.tag == T_Str) {
        Value x = parse_float(vm, v);
        if (IS_ERR(x))
            return ALP_FAIL;
        *out = x.u.f;
        return ALP_OK;
    }
    return arg_float(vm, v, out);
}

/* vmin, vmax: given, or the least and greatest element (NaN if there is one). */
static Status norm_limits(VM *vm, const Array *a, Value vmin, Value vmax, double *low, double *high)
{
    const struct { Value given; double *to; TreeOp op; const char *name; } side[2] = {
        { vmin, low, TREE_Min, "minimum" }, { vmax, high, TREE_Max, "maximum" } };
    for (int k = 0; k < 2; k++) {
        if (arg_given(side[k].given)) {
            TRY(limit_arg(vm, side[k].given, side[k].to));
            continue;
        }
        Value v = reduce_array(vm, a, 3, false, side[k].op, (DType)a->dtype, V_UNBOUND, side[k].name);
        if (IS_ERR(v))
            return ALP_FAIL;
        array_cast(DT_F64, (char *)side[k].to, 8, (DType)a->dtype, ARRAY(v)->data, 0, 1);
        value_free(vm, v);
    }
    if (*low > *high) {
        raise(vm, TY_ValueError, "minvalue must be less than or equal to maxvalue");
        return ALP_FAIL;
    }
    return ALP_OK;
}

/* One value to its colour; single: in float32, each step rounded. NaN is transparent. */
static void map_value(double x, double low, double high, bool single, const ColorTable table, unsigned char *rgba)
{
    if (low == high) {
        x = 0.0;
    } else if (single) {
        float f = (float)(x - low);
        f = (float)((double)f / (high - low));
        x = f * (float)COLORMAP_SIZE;
    } else {
        x = (x - low) / (high - low) * COLORMAP_SIZE;
    }
    if (isnan(x)) {
        memset(rgba, 0, 4);
        return;
    }
    int i = x < 0 ? 0 : x >= COLORMAP_SIZE ? COLORMAP_SIZE - 1 : (int)x;
    memcpy(rgba, table[i], 3);
    rgba[3] = 255;
}

static Status map_scalars(VM *vm, Value v, Value cmap, Value vmin, Value vmax, Pixels *out)
{
    ColorTable table;
    double low = 0, high = 0;
    const char *name = "viridis";
    if (arg_given(cmap)) {
        size_t size;
        TRY(arg_str(vm, cmap, &name, &size, "cmap"));
    }
    TRY(colormap_get(vm, name, table));
    if (dtype_info[ARRAY(v)->dtype].kind == 'c') {
        raise(vm, TY_TypeError, "an image of complex numbers cannot be mapped to colours");
        return ALP_FAIL;
    }
    DType d = norm_dtype((DType)ARRAY(v)->dtype);
    Value data = array_copy(vm, v, d, 'C');
    if (IS_ERR(data))
        return ALP_FAIL;
    const Array *a = ARRAY(data);
    Status ok = ALP_FAIL;
    if (a->size == 0)
        raise(vm, TY_ValueError, "cannot write empty image");
    else if (norm_limits(vm, a, vmin, vmax, &low, &high) == ALP_OK && pixels_new(vm, out, a) == ALP_OK) {
        for (int64_t i = 0; i < a->size; i++) {
            double x = d == DT_F32 ? (double)((const float *)(const void *)a->data)[i] : ((const double *)(const void *)a->data)[i];
            map_value(x, low, high, d == DT_F32, table, out->rgba + 4 * i);
        }
        ok = ALP_OK;
    }
    value_free(vm, data);
    return ok;
}

/* One pixel of n float channels in [0, 1]; false if one is outside. */
static bool float_pixel(const char *p, DType d, int64_t stride, int n, unsigned char *rgba)
{
    double x[4] = { 0, 0, 0, 1 };
    bool nan = false, inside = true;
    array_cast(DT_F64, (char *)x, 8, d, p, stride, n);
    for (int k = 0; k < n; k++)
        nan = nan || isnan(x[k]);
    for (int k = 0; k < 4; k++) {
        x[k] = nan ? 0.0 : x[k];
        inside = inside && x[k] >= 0.0 && x[k] <= 1.0;
        if (inside)
            rgba[k] = d == DT_F32 ? (unsigned char)((float)x[k] * 255.0f) : (unsigned char)(x[k] * 255.0);
    }
    return inside;
}

static Status copy_colors(VM *vm, const Array *a, Pixels *out)
{
    DType d = (DType)a->dtype;
    int n = (int)(a->shape[2] > 4 ? 5 : a->shape[2]);
    if (n != 3 && n != 4)
        raise(vm, TY_ValueError, "Third dimension must be 3 or 4");
    else if (dtype_info[d].kind != 'f' && d != DT_U8)
        raise(vm, TY_ValueError, "Image RGB array must be uint8 or floating point; found %s", dtype_info[d].name);
    else if (a->size == 0 && d != DT_U8)
        raise(vm, TY_ValueError, "zero-size array to reduction operation maximum which has no identity");
    else if (a->size == 0)
        raise(vm, TY_ValueError, "cannot write empty image");
    if (vm_has_exc(vm))
        return ALP_FAIL;
    TRY(pixels_new(vm, out, a));
    unsigned char *to = out->rgba;
    for (int64_t y = 0; y < out->height; y++) {
        const char *p = a->data + y * a->strides[0];
        for (int64_t x = 0; x < out->width; x++, p += a->strides[1], to += 4) {
            if (d == DT_U8) {
                to[3] = 255;
                for (int k = 0; k < n; k++)
                    to[k] = (unsigned char)p[k * a->strides[2]];
            } else if (!float_pixel(p, d, a->strides[2], n, to)) {
                raise(vm, TY_ValueError, "Floating point image RGB values must be in the [0,1] range");
                return ALP_FAIL;
            }
        }
    }
    return ALP_OK;
}

enum { A_FNAME, A_ARR, A_VMIN, A_VMAX, A_CMAP, A_FORMAT, A_ORIGIN };

static Status format_arg(VM *vm, Value v, const char *path)
{
    const char *format = suffix(path);
    size_t size;
    if (arg_given(v))
        TRY(arg_str(vm, v, &format, &size, "format"));
    if (strcasecmp(format, "png") == 0)
        return ALP_OK;
    if (*format)
        raise(vm, TY_ValueError, "saving images as '%s' is not part of alpy: only 'png' is", format);
    else
        raise(vm, TY_ValueError, "unknown file extension: ");
    return ALP_FAIL;
}

static Status origin_arg(VM *vm, Value v, bool *flip)
{
    *flip = false;
    if (!arg_given(v) || (v.tag == T_Str && strcmp(STR(v)->text, "upper") == 0))
        return ALP_OK;
    if (v.tag == T_Str && strcmp(STR(v)->text, "lower") == 0) {
        *flip = true;
        return ALP_OK;
    }
    Value text = value_repr(vm, v);
    if (!IS_ERR(text))
        raise(vm, TY_ValueError, "%s is not a valid value for origin. Supported values are 'upper', 'lower'", STR(text)->text);
    value_free(vm, text);
    return ALP_FAIL;
}

/* The rows from bottom to top, for origin="lower". */
static void flip_rows(const Pixels *p)
{
    size_t line = (size_t)p->width * 4;
    for (int64_t y = 0; y < p->height / 2; y++) {
        unsigned char *a = p->rgba + (size_t)y * line, *b = p->rgba + (size_t)(p->height - 1 - y) * line;
        for (size_t i = 0; i < line; i++) {
            unsigned char t = a[i];
            a[i] = b[i];
            b[i] = t;
        }
    }
}

static Status save_pixels(VM *vm, const char *path, const Pixels *p)
{
    OutFile f;
    TRY(outfile_open(vm, &f, path));
    return outfile_close(&f, image_png_write(vm, &f, (uint32_t)p->width, (uint32_t)p->height, p->rgba) != ALP_OK);
}

static Value pyplot_imsave(VM *vm, const Args *args)
{
    const char *path;
    bool flip;
    Pixels pixels = { 0 };
    Status ok = ALP_FAIL;
    if (path_arg(vm, args->v[A_FNAME], &path) != ALP_OK || format_arg(vm, args->v[A_FORMAT], path) != ALP_OK
        || origin_arg(vm, args->v[A_ORIGIN], &flip) != ALP_OK)
        return V_ERR;
    Value a = array_from_value(vm, args->v[A_ARR], DT_COUNT);
    if (IS_ERR(a))
        return V_ERR;
    if (ARRAY(a)->ndim == 2)
        ok = map_scalars(vm, a, args->v[A_CMAP], args->v[A_VMIN], args->v[A_VMAX], &pixels);
    else if (ARRAY(a)->ndim == 3)
        ok = copy_colors(vm, ARRAY(a), &pixels);
    else
        raise(vm, TY_ValueError, "an image has 2 or 3 dimensions, not %d", ARRAY(a)->ndim);
    if (ok == ALP_OK) {
        if (flip)
            flip_rows(&pixels);
        ok = save_pixels(vm, path, &pixels);
    }
    if (pixels.rgba)
        vm_dealloc(vm, pixels.rgba, pixels.size);
    value_free(vm, a);
    return ok == ALP_OK ? V_NONE : V_ERR;
}

static const NativeRow pyplot_rows[] = {
    { "imread", pyplot_imread, "fname, format=", "Read a PNG image as a float32 array of shape (M, N), (M, N, 3) or (M, N, 4)." },
    { "imsave", pyplot_imsave, "fname, arr, vmin=, vmax=, cmap=, format=, origin=, dpi=", "Save an array as a PNG image." },
    { 0 },
};
static const NativeRow *const pyplot_tables[] = { pyplot_rows, NULL }, *const matplotlib_tables[] = { NULL };

const ModuleDef mod_pyplot = { "matplotlib.pyplot", pyplot_tables, NULL, TY_function };
const ModuleDef mod_matplotlib = { "matplotlib", matplotlib_tables, NULL, TY_function };
