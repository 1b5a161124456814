/* interp/image_png.c — PNG through libpng, with the VM's memory and exceptions.
 *
 * Rules that keep longjmp harmless: it is only raised by libpng's own functions and the callbacks below, and only caught by the
 * functions *_guarded, which own nothing: what they make is in the Codec, and freed by their callers. */
#include "interp/image_png.h"

#include <png.h>
#include <setjmp.h>
#include <string.h>

typedef struct Codec {
    VM         *vm;
    png_structp png;
    png_infop   info;
    char        error[128];     /* libpng's message */
    /* reading */
    const char *bytes;
    size_t      left;
    bool        ran_out;        /* the file ended before the image */
    /* writing */
    OutFile    *file;
} Codec;

/* ---- libpng's callbacks --------------------------------------------------------------------------------------------- */

static void on_error(png_structp png, png_const_charp message)
{
    Codec *c = png_get_error_ptr(png);
    size_t n = strlen(message);
    n = n < sizeof c->error ? n : sizeof c->error - 1;
    memcpy(c->error, message, n);
    c->error[n] = '\0';
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp message)
{
    (void)png;
    (void)message;
}

/* Blocks of libpng carry their size in front, for the VM's allocator. */
enum { SIZE_ROOM = 16 };

static png_voidp on_alloc(png_structp png, png_alloc_size_t size)
{
    Codec *c = png_get_mem_ptr(png);
    size_t whole;
    if (__builtin_add_overflow(size, SIZE_ROOM, &whole))
        return NULL;
    char *p = mem_alloc(&c->vm->mem, whole);
    if (!p)
        return NULL;
    memcpy(p, &whole, sizeof whole);
    return p + SIZE_ROOM;
}

static void on_free(png_structp png, png_voidp block)
{
    Codec *c = png_get_mem_ptr(png);
    size_t whole;
    if (!block)
        return;
    char *p = (char *)block - SIZE_ROOM;
    memcpy(&whole, p, sizeof whole);
    mem_free(&c->vm->mem, p, whole);
}

static void on_read(png_structp png, png_bytep to, size_t n)
{
    Codec *c = png_get_io_ptr(png);
    if (n > c->left) {
        c->ran_out = true;
        png_error(png, "end of file");
    }
    memcpy(to, c->bytes, n);
    c->bytes += n;
    c->left -= n;
}

static void on_write(png_structp png, png_bytep from, size_t n)
{
    Codec *c = png_get_io_ptr(png);
    if (outfile_write(c->file, from, n) != ALP_OK)
        png_error(png, "write error");          /* the exception is pending */
}

static void on_flush(png_structp png)
{
    (void)png;
}

/* ---- reading -------------------------------------------------------------------------------------------------------- */

/* Everything up to the pixels; then the dimensions are known and the transformations chosen. */
static bool read_header_guarded(Codec *c, PngImage *out)
{
    if (setjmp(png_jmpbuf(c->png)))
        return false;
    png_set_user_limits(c->png, 0x7fffffff, 0x7fffffff);
    png_set_read_fn(c->png, c, on_read);
    png_read_info(c->png, c->info);
    int color = png_get_color_type(c->png, c->info), depth = png_get_bit_depth(c->png, c->info);
    out->width = png_get_image_width(c->png, c->info);
    out->height = png_get_image_height(c->png, c->info);
    out->bits = depth;
    if (color == PNG_COLOR_TYPE_PALETTE) {
        png_set_palette_to_rgb(c->png);
        if (png_get_valid(c->png, c->info, PNG_INFO_tRNS))
            png_set_tRNS_to_alpha(c->png);
        png_set_add_alpha(c->png, 0xff, PNG_FILLER_AFTER);
        out->bits = 8;
    } else if (color == PNG_COLOR_TYPE_GRAY) {
        if (depth < 8)
            png_set_packing(c->png);
        if (depth == 16 && *(const unsigned char *)&(const uint16_t){ 1 })
            png_set_swap(c->png);               /* files are big-endian */
    } else {
        if (depth == 16)
            png_set_strip_16(c->png);
        if (color == PNG_COLOR_TYPE_GRAY_ALPHA)
            png_set_gray_to_rgb(c->png);
        out->bits = 8;
    }
    png_set_interlace_handling(c->png);
    png_read_update_info(c->png, c->info);
    out->channels = png_get_channels(c->png, c->info);
    return true;
}

/* Interlaced images come in several passes over the same rows. */
static bool read_rows_guarded(Codec *c, const PngImage *out)
{
    if (setjmp(png_jmpbuf(c->png)))
        return false;
    size_t row_size = out->size / out->height;
    int passes = png_get_interlace_type(c->png, c->info) == PNG_INTERLACE_ADAM7 ? 7 : 1;
    for (int pass = 0; pass < passes; pass++)
        for (uint32_t y = 0; y < out->height; y++)
            png_read_row(c->png, out->samples + y * row_size, NULL);
    return true;
}

static Status raise_codec(const Codec *c)
{
    if (!vm_has_exc(c->vm)) {
        if (c->ran_out)
            raise(c->vm, TY_OSError, "image file is truncated (0 bytes not processed)");
        else if (strstr(c->error, "memory"))
            raise_nomem(c->vm);
        else
            raise(c->vm, TY_OSError, "broken PNG file (%s)", c->error);
    }
    return ALP_FAIL;
}

/* Room for the samples, if the file may hold so many: deflate packs at most 1032 bytes into one. */
static Status make_room(const Codec *c, size_t file_size, PngImage *out)
{
    size_t samples;
    bool overflow = __builtin_mul_overflow((size_t)out->width * (size_t)out->channels, (size_t)out->height, &samples);
    overflow = __builtin_mul_overflow(samples, out->bits == 16 ? 2u : 1u, &out->size) || overflow;
    /* Rows may be packed 8 samples to a byte, and palettes expand to 4 channels. */
    if (overflow || out->size / 32 / 1032 > file_size) {
        raise(c->vm, TY_OSError, "image file is truncated (0 bytes not processed)");
        return ALP_FAIL;
    }
    out->samples = vm_alloc(c->vm, out->size);
    return out->samples ? ALP_OK : ALP_FAIL;
}

Status image_png_read(VM *vm, const char *bytes, size_t size, PngImage *out)
{
    Codec c = { .vm = vm, .bytes = bytes, .left = size };
    *out = (PngImage){ 0 };
    if (size < 8 || png_sig_cmp((png_const_bytep)bytes, 0, 8) != 0) {
        raise(vm, TY_SyntaxError, "not a PNG file");
        return ALP_FAIL;
    }
    c.png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, &c, on_error, on_warning, &c, on_alloc, on_free);
    c.info = c.png ? png_create_info_struct(c.png) : NULL;
    Status ok = ALP_FAIL;
    if (!c.info)
        raise_nomem(vm);
    else if (!read_header_guarded(&c, out))
        raise_codec(&c);
    else if (make_room(&c, size, out) == ALP_OK)
        ok = read_rows_guarded(&c, out) ? ALP_OK : raise_codec(&c);
    if (c.png)
        png_destroy_read_struct(&c.png, &c.info, NULL);
    if (ok != ALP_OK)
        image_png_free(vm, out);
    return ok;
}

void image_png_free(VM *vm, PngImage *image)
{
    if (image->samples)
        vm_dealloc(vm, image->samples, image->size);
    image->samples = NULL;
}

/* ---- writing -------------------------------------------------------------------------------------------------------- */

static bool write_guarded(Codec *c, uint32_t width, uint32_t height, const unsigned char *rgba)
{
    if (setjmp(png_jmpbuf(c->png)))
        return false;
    png_set_user_limits(c->png, 0x7fffffff, 0x7fffffff);
    png_set_write_fn(c->png, c, on_write, on_flush);
    png_set_IHDR(c->png, c->info, width, height, 8, PNG_COLOR_TYPE_RGB_ALPHA, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    png_write_info(c->png, c->info);
    for (uint32_t y = 0; y < height; y++)
        png_write_row(c->png, rgba + (size_t)y * width * 4);
    png_write_end(c->png, NULL);
    return true;
}

Status image_png_write(VM *vm, OutFile *f, uint32_t width, uint32_t height, const unsigned char *rgba)
{
    Codec c = { .vm = vm, .file = f };
    c.png = png_create_write_struct_2(PNG_LIBPNG_VER_STRING, &c, on_error, on_warning, &c, on_alloc, on_free);
    c.info = c.png ? png_create_info_struct(c.png) : NULL;
    Status ok = ALP_FAIL;
    if (!c.info)
        raise_nomem(vm);
    else
        ok = write_guarded(&c, width, height, rgba) ? ALP_OK : raise_codec(&c);
    if (c.png)
        png_destroy_write_struct(&c.png, &c.info);
    return ok;
}
